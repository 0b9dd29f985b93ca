-- One row per session: a Codex thread as the first session header of its file defines it.
--
-- Later headers with the same id refresh single fields (the last value that is not null wins); headers with
-- another id are copies out of a parent's file and change nothing here. Old files without a header get their
-- id from the file's name and their directory from the first environment context.

CREATE TABLE sessions (
    stream           INTEGER PRIMARY KEY,
    seq              INTEGER NOT NULL,  -- entry of the header (or of the first record)
    line             INTEGER NOT NULL,
    id               TEXT NOT NULL,     -- thread id
    root_id          TEXT,              -- id of the root session, for subagents
    parent_id        TEXT,              -- thread that spawned or was forked
    forked_from_id   TEXT,
    created_at_ms    INTEGER,           -- thread creation, UTC milliseconds
    cwd              TEXT,
    originator       TEXT,
    cli_version      TEXT,
    source           TEXT,              -- cli, vscode, exec, …, subagent
    subagent         TEXT,              -- review, compact, thread_spawn, guardian, …
    agent_role       TEXT,
    agent_nickname   TEXT,
    agent_path       TEXT,
    depth            INTEGER,
    model_provider   TEXT,
    model            TEXT,              -- the last model in force
    git_commit       TEXT,
    git_branch       TEXT,
    git_url          TEXT,
    history_mode     TEXT,
    instructions     TEXT,              -- user instructions of older clients
    headers          INTEGER NOT NULL,  -- session headers in the file
    foreign_headers  INTEGER NOT NULL,  -- of these, headers of other threads (copied history)
    copy             TEXT               -- how the end of the parent's copied records was told: compared with the
                                        -- parent's own turns and records, or inferred from this file alone; null: no copy
) STRICT;
CREATE INDEX sessions_by_id ON sessions (id);
CREATE INDEX sessions_by_cwd ON sessions (cwd);
