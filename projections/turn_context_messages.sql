-- The settings under which requests ran: model, effort, approval and sandbox policy, directory.
--
-- Older clients write them before every request, mostly unchanged. A run of equal ones is one row:
-- `repeats` counts the records, `line` and `last_line` are its ends.

CREATE TABLE turn_context_messages (
    stream             INTEGER NOT NULL,
    line               INTEGER NOT NULL,
    part               INTEGER NOT NULL,
    item               INTEGER NOT NULL,
    seq                INTEGER NOT NULL,
    at_ms              INTEGER,
    turn_id            TEXT,
    origin             TEXT NOT NULL,   -- turn_context, thread_settings
    model              TEXT,
    effort             TEXT,
    summary            TEXT,
    cwd                TEXT,
    approval_policy    TEXT,
    sandbox_policy     TEXT,
    network_access     INTEGER,
    personality        TEXT,
    collaboration_mode TEXT,
    service_tier       TEXT,
    timezone           TEXT,
    repeats            INTEGER NOT NULL,
    last_line          INTEGER NOT NULL,
    PRIMARY KEY (stream, line, part, item)
) STRICT, WITHOUT ROWID;
