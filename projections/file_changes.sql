-- Files that patches changed, one row per file and patch, with the lines that were added and removed. A patch that
-- did not fit or was refused has no row; its words are in its call. Lines of a deleted file are known only where the
-- client tells them.

CREATE TABLE file_changes (
    stream  INTEGER NOT NULL,
    line    INTEGER NOT NULL,
    part    INTEGER NOT NULL,
    item    INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    at_ms   INTEGER,
    call_id TEXT,
    path    TEXT NOT NULL,
    move_to TEXT,
    action  TEXT NOT NULL,              -- add, update, delete
    added   INTEGER NOT NULL,
    removed INTEGER NOT NULL,
    copied  INTEGER NOT NULL,           -- 1: copied from the parent's file
    PRIMARY KEY (stream, line, part, item)
) STRICT, WITHOUT ROWID;
