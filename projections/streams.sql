-- Streams and the files they came from.
--
-- A stream is one source: a rollout (a thread, and the rollout id where a revert made a second file), a
-- home's history or its session index. `stream` is the seq of the ledger entry that opened it; it is the
-- key by which all other tables name their source.
--
-- When a source was rewritten, a new generation of the stream opens. All other tables speak of the newest
-- generation only; the older ones keep their row here (`superseded = 1`) and their bytes in the ledger
-- (`show --raw`).

CREATE TABLE streams (
    stream       INTEGER PRIMARY KEY,
    name         TEXT    NOT NULL,      -- rollout/<thread>[_<rollout>], history/…, index/…, file/…
    kind         TEXT    NOT NULL,      -- rollout, history, index, file
    thread       TEXT,                  -- thread id as the file name spells it
    rollout      TEXT,                  -- rollout id where the file name has a second one
    generation   INTEGER NOT NULL,      -- 0, or how often the source was rewritten
    superseded   INTEGER NOT NULL,      -- 1 when a later generation exists
    lines        INTEGER NOT NULL,      -- lines in the ledger; a document is one
    bytes        INTEGER NOT NULL,      -- bytes of the source in the ledger, line feeds included
    blank        INTEGER NOT NULL,      -- blank lines
    malformed    INTEGER NOT NULL,      -- lines that are no records
    unknown      INTEGER NOT NULL,      -- records of a kind that this version does not know
    torn         INTEGER NOT NULL,      -- 1 when the last line has no line feed
    first_at_ms  INTEGER,               -- time of the first record, UTC milliseconds
    last_at_ms   INTEGER                -- time of the last record
) STRICT;
CREATE INDEX streams_by_name ON streams (name);
CREATE INDEX streams_by_thread ON streams (thread);

-- Where a stream's file lay when the stream was opened. A file that moved later keeps its first path here.
CREATE TABLE files (
    stream    INTEGER PRIMARY KEY,
    path      TEXT NOT NULL,
    container TEXT NOT NULL             -- plain, zstd, document
) STRICT;
