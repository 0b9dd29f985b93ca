-- What the side files of a home say: prompts typed in the terminal client (`history.jsonl`; the only trace of
-- sessions whose rollout is gone) and the names given to threads (`session_index.jsonl`; the last one counts).

CREATE TABLE history_prompts (
    stream     INTEGER NOT NULL,
    line       INTEGER NOT NULL,
    part       INTEGER NOT NULL,
    item       INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    at_ms      INTEGER,
    session_id TEXT,
    text       TEXT NOT NULL,
    text_key   TEXT NOT NULL,           -- as in prompts
    PRIMARY KEY (stream, line, part, item)
) STRICT;

CREATE TABLE session_names (
    stream     INTEGER NOT NULL,
    line       INTEGER NOT NULL,
    part       INTEGER NOT NULL,
    item       INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    at_ms      INTEGER,
    session_id TEXT NOT NULL,
    name       TEXT,                    -- NULL where it was taken away
    PRIMARY KEY (stream, line, part, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_names_by_session ON session_names (session_id);
