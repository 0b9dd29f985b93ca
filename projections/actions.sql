-- What was done to the ledger, by whom and when: one row per action entry. Not part of the content digest.

CREATE TABLE actions (
    seq            INTEGER PRIMARY KEY,
    recorded_at_ms INTEGER NOT NULL,
    verb           TEXT NOT NULL,       -- created, append, …
    actor          TEXT,
    detail         TEXT
) STRICT;
