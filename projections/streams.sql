-- Streams and the files they came from.
--
-- A stream is one source: a rollout (a thread, and the rollout id where a revert made a second file), a
-- home's history or its session index. `stream` is the seq of the ledger entry that opened it; it is the
-- key by which all other tables name their source.
--
-- When a source was rewritten, a new generation of the stream opens, and `superseded` is 1 for the older ones. All
-- files of one thread (its generations, and those in which the client went on after a revert) are told together,
-- under the stream of the last of them: what several of them say is one row, told by the first that said it. Last is
-- what a newer client has rewritten, else what goes on for longer, whichever came first into the ledger.
--
-- `line` in the tables of what was said and done is the line of the file, plus 4,294,967,296 for each file of the
-- thread that comes before it: a row of `(stream, line)` is told by the stream with `holder = stream` and
-- `rank = line / 4294967296`, on its line `line % 4294967296`.

CREATE TABLE streams (
    stream       INTEGER PRIMARY KEY,
    name         TEXT    NOT NULL,      -- rollout/<thread>[_<rollout>], history/…, index/…, file/…
    kind         TEXT    NOT NULL,      -- rollout, history, index, file
    thread       TEXT,                  -- thread id as the file name spells it
    rollout      TEXT,                  -- rollout id where the file name has a second one
    generation   INTEGER NOT NULL,      -- 0, or how often the source was rewritten
    superseded   INTEGER NOT NULL,      -- 1 when a newer generation exists
    lines        INTEGER NOT NULL,      -- lines in the ledger; a document is one
    bytes        INTEGER NOT NULL,      -- bytes of the source in the ledger, line feeds included
    blank        INTEGER NOT NULL,      -- blank lines
    malformed    INTEGER NOT NULL,      -- lines that are no records
    unknown      INTEGER NOT NULL,      -- records of a kind that this version does not know
    torn         INTEGER NOT NULL,      -- 1 when the last line has no line feed
    first_at_ms  INTEGER,               -- time of the first record, UTC milliseconds
    last_at_ms   INTEGER,               -- time of the last record
    holder       INTEGER NOT NULL,      -- the stream under which the rows of its thread stand
    rank         INTEGER NOT NULL       -- how many files of its thread come before it
) STRICT;
CREATE INDEX streams_by_name ON streams (name);
CREATE INDEX streams_by_thread ON streams (thread);
CREATE INDEX streams_by_holder ON streams (holder, rank);

-- Rows that only superseded files of a thread tell: the last version of the file does not.
CREATE TABLE kept_rows (
    stream INTEGER NOT NULL,
    line   INTEGER NOT NULL,
    part   INTEGER NOT NULL,
    item   INTEGER NOT NULL,
    tbl    TEXT    NOT NULL,            -- the table that the row is in
    PRIMARY KEY (stream, line, part, item, tbl)
) STRICT, WITHOUT ROWID;

-- Where a stream's file lay when the stream was opened. A file that moved later keeps its first path here.
CREATE TABLE files (
    stream    INTEGER PRIMARY KEY,
    path      TEXT NOT NULL,
    container TEXT NOT NULL             -- plain, zstd, document
) STRICT;
