-- What reviewers say of sessions and prompts. Not part of the content digest.
--
-- `annotations` is the history, one row per entry; the other tables are what holds now. `prompt` is the number
-- of a prompt in the session; 0 means the session itself.

CREATE TABLE annotations (
    seq            INTEGER PRIMARY KEY, -- of its entry
    recorded_at_ms INTEGER NOT NULL,
    actor          TEXT,
    act            TEXT NOT NULL,       -- tag, untag, note, unnote, disposition
    session_id     TEXT NOT NULL,
    prompt         INTEGER NOT NULL,
    value          TEXT,                -- tag, text of the note, disposition
    by_rule        INTEGER NOT NULL     -- 1: a configured rule gave the tag
) STRICT;

CREATE TABLE tags (
    session_id     TEXT NOT NULL,
    prompt         INTEGER NOT NULL,
    tag            TEXT NOT NULL,
    seq            INTEGER NOT NULL,
    PRIMARY KEY (session_id, prompt, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_by_tag ON tags (tag, session_id);

CREATE TABLE notes (
    seq            INTEGER PRIMARY KEY,
    session_id     TEXT NOT NULL,
    prompt         INTEGER NOT NULL,
    actor          TEXT,
    recorded_at_ms INTEGER NOT NULL,
    text           TEXT NOT NULL
) STRICT;
CREATE INDEX notes_by_session ON notes (session_id, prompt);

CREATE TABLE dispositions (
    session_id     TEXT NOT NULL,
    prompt         INTEGER NOT NULL,
    value          TEXT NOT NULL,       -- followed, ignored, needs-review, or one of the reader's own
    seq            INTEGER NOT NULL,
    PRIMARY KEY (session_id, prompt)
) STRICT, WITHOUT ROWID;
