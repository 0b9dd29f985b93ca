-- What the side files of a home say: prompts typed in the terminal client (`history.jsonl`; the only trace of
-- sessions whose rollout is gone) and the names given to threads (`session_index.jsonl`; the last one in a file
-- counts, whatever its time says, and the newest of several files or versions of a file).

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

-- What a session is called in lists: its name, else what was asked first; the beginning of it, as it is shown.
CREATE VIEW session_titles AS
SELECT s.stream, s.id AS session_id,
    (SELECT n.name FROM (SELECT name, at_ms, stream, max(line) AS line FROM session_names
            WHERE session_id = s.id GROUP BY stream, line >> 32) n
        ORDER BY n.at_ms DESC, n.stream DESC, n.line DESC LIMIT 1) AS name,
    (SELECT substr(trim(coalesce(nullif(trim(p.request), ''), p.text), char(9, 10, 13, 32)), 1, 400) FROM prompts p
        WHERE p.stream = s.stream AND p.number > 0
            AND trim(coalesce(nullif(trim(p.request), ''), p.text), char(9, 10, 13, 32)) <> ''
        ORDER BY p.number LIMIT 1) AS asked
FROM sessions s;
