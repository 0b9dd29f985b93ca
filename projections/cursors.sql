-- Where the views stand.
--
-- `meta` has one row: which entries these views have applied (all below `cursor`), of which ledger, and by
-- which version of the projections they were written. Rows and cursor change in one transaction, so a
-- reader never sees one without the other.
--
-- `uncleared` is 1 from the transaction that takes hidden words out of the rows until they are gone from
-- freed pages, from the write-ahead log, from the search index and from databases of before. Whatever command
-- finds it set clears first.
--
-- `fold_states` holds what a stream's next record needs to know of the records before it (the model in
-- force, the last token total, …). It is an internal record, enciphered with a key of the ledger, since it
-- holds words of the log that no redaction has passed.

CREATE TABLE meta (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    cursor    INTEGER NOT NULL,         -- entries with seq < cursor are applied
    head      TEXT    NOT NULL,         -- id of entry cursor - 1, hex; empty while an update is under way
    ledger    TEXT    NOT NULL,         -- ledger id, hex
    digest    TEXT    NOT NULL,         -- digest of the SQL and version of the projections, hex
    options   TEXT    NOT NULL,         -- options that change what the views hold
    software  TEXT    NOT NULL,         -- the program that wrote them
    uncleared INTEGER NOT NULL          -- 1: hidden words may still lie outside of the rows
) STRICT;

CREATE TABLE fold_states (
    stream INTEGER PRIMARY KEY,
    cursor INTEGER NOT NULL,            -- of the transaction that stored it
    state  BLOB NOT NULL
) STRICT;
