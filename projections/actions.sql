-- What was done to the ledger, by whom and when: one row per action entry. Not part of the content digest.

CREATE TABLE actions (
    seq            INTEGER PRIMARY KEY,
    recorded_at_ms INTEGER NOT NULL,
    verb           TEXT NOT NULL,       -- created, append, damaged (a source that could not be read to its end), erased (this entry was), …
    actor          TEXT,
    detail         TEXT,
    reason         TEXT,                -- why, where that was said
    of_stream      INTEGER              -- the stream that it speaks of
) STRICT;
