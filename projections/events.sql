-- One row per record of every source, whatever it says: what kind it is, when, how large, and what is wrong.
--
-- The key is (stream, line, part); tables of what records say have `item` too, from 0, since a record may say several
-- things. A line is one record; `part` is above 0 only for the items of a whole-file
-- document, and for records recovered from a line on which a torn record and a whole one are glued together.

CREATE TABLE events (
    stream      INTEGER NOT NULL,
    line        INTEGER NOT NULL,       -- 0-based line of the source
    part        INTEGER NOT NULL,
    seq         INTEGER NOT NULL,       -- ledger entry
    offset      INTEGER NOT NULL,       -- byte offset in the source
    bytes       INTEGER NOT NULL,       -- length in bytes, without the line feed
    at_ms       INTEGER,                -- time of the record, UTC milliseconds
    generation  TEXT,                   -- g0, g1, g2, g3: shape of the record
    kind        TEXT NOT NULL,          -- session_meta, response_item, event_msg, …; malformed, blank, unknown, erased
    subtype     TEXT,                   -- payload type, e.g. token_count
    ordinal     INTEGER,                -- position in the thread's logical history (g3)
    understood  TEXT NOT NULL,          -- understood, unknown, malformed
    problem     TEXT,                   -- reason, e.g. torn, nul_run, invalid_utf8, git_lfs_pointer
    problem_at  INTEGER,                -- byte in the line where it begins
    drift       TEXT,                   -- names of fields that this version does not know, comma separated
    PRIMARY KEY (stream, line, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_with_problems ON events (stream, line) WHERE problem IS NOT NULL;
CREATE INDEX events_not_understood ON events (kind, subtype, bytes) WHERE understood = 'unknown';
CREATE INDEX events_erased ON events (stream, seq) WHERE kind = 'erased';
CREATE INDEX events_with_drift ON events (drift) WHERE drift IS NOT NULL;

-- The exact text of each record, only with the option views.raw_json; the ledger has the bytes anyway
-- (`show --raw`).
CREATE TABLE raw_records (
    stream INTEGER NOT NULL,
    line   INTEGER NOT NULL,
    part   INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    raw    TEXT NOT NULL,
    PRIMARY KEY (stream, line, part)
) STRICT;
