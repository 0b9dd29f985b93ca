-- What happened around the conversation: turns begun, completed and aborted, compactions, rollbacks, reviews,
-- errors. One row per record; a compaction that a record and an item tell of has one.

CREATE TABLE turns (
    stream      INTEGER NOT NULL,
    line        INTEGER NOT NULL,
    part        INTEGER NOT NULL,
    item        INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    at_ms       INTEGER,
    turn_id     TEXT,
    what        TEXT NOT NULL,          -- started, completed, aborted, compacted, rolled_back, review_entered, review_left, error
    reason      TEXT,
    duration_ms INTEGER,                -- of a turn: as recorded, else since its beginning
    count       INTEGER,                -- turns rolled back, items replaced, findings of a review
    text        TEXT,                   -- error message, summary of a compaction, outcome of a review, last words of a turn that nothing else has said
    copied      INTEGER NOT NULL,       -- 1: copied from the parent's file
    PRIMARY KEY (stream, line, part, item)
) STRICT;
