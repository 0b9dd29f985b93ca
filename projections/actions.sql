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

-- Which entries a request with a key of its own has made: the same request, sent again, is not done again.
CREATE TABLE requests (
    seq     INTEGER PRIMARY KEY,
    request BLOB NOT NULL,              -- digest of who asked and of the key
    content BLOB NOT NULL               -- digest of what was asked
) STRICT;
CREATE INDEX requests_by_request ON requests (request);
