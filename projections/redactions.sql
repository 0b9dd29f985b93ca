-- What people hid, which rules hide, and what is hidden where. Not part of the content digest.
--
-- A redaction is in force while no revocation in force speaks of it; a revocation can be revoked too. The
-- hidden text itself is in none of these tables.

CREATE TABLE redactions (
    seq            INTEGER PRIMARY KEY, -- of its entry
    id             TEXT NOT NULL,       -- of its entry, hex
    recorded_at_ms INTEGER NOT NULL,
    actor          TEXT,
    reason         TEXT NOT NULL,
    scope          TEXT NOT NULL,       -- prompt, entry, field, session, literal, regex
    target         TEXT NOT NULL,       -- what it names: SESSION#N, an entry, a session; of a literal only its length
    within         TEXT,                -- session:… or repo:… that narrows a literal or regex
    field          TEXT,                -- JSON pointer and span inside the entry
    replacement    TEXT NOT NULL,
    active         INTEGER NOT NULL,    -- 1: in force
    revoked_by     INTEGER              -- seq of the revocation in force that ends it
) STRICT;

CREATE TABLE revocations (
    seq            INTEGER PRIMARY KEY,
    id             TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    actor          TEXT,
    reason         TEXT NOT NULL,
    of             INTEGER,             -- seq of the redaction or revocation that it ends
    active         INTEGER NOT NULL
) STRICT;

-- Rule sets; the last one is in force. `rules` are those of that set, in their order of precedence.
CREATE TABLE rule_sets (
    seq            INTEGER PRIMARY KEY,
    id             TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    actor          TEXT,
    reason         TEXT,
    name           TEXT NOT NULL,
    digest         TEXT NOT NULL,       -- of the rules, hex
    count          INTEGER NOT NULL,    -- rules that are enabled
    in_force       INTEGER NOT NULL
) STRICT;

CREATE TABLE rules (
    position    INTEGER PRIMARY KEY,
    id          TEXT NOT NULL,
    kind        TEXT NOT NULL,          -- regex, literal, marker
    severity    TEXT NOT NULL,
    scope       TEXT NOT NULL,
    replacement TEXT NOT NULL,
    enabled     INTEGER NOT NULL,
    reason      TEXT
) STRICT;

-- What was erased, in runs of entries: by which entry, and whether that says that it is done.
CREATE TABLE erased_runs (
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL,
    by        INTEGER NOT NULL,
    done      INTEGER NOT NULL,
    PRIMARY KEY (first_seq, by)
) STRICT, WITHOUT ROWID;

-- How many passages of a text a rule or a redaction hides. A passage that several hide counts for each.
CREATE TABLE redaction_hits (
    stream    INTEGER NOT NULL,
    line      INTEGER NOT NULL,
    part      INTEGER NOT NULL,
    item      INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    field     TEXT NOT NULL,            -- table.column
    rule      TEXT NOT NULL,            -- id of the rule; empty for a redaction by hand
    redaction INTEGER NOT NULL,         -- seq of the redaction; 0 for a rule
    form      TEXT NOT NULL,            -- how a literal that a person hid is spelled there; empty for all else
    passages  INTEGER NOT NULL,
    PRIMARY KEY (stream, line, part, item, seq, field, rule, redaction, form)
) STRICT, WITHOUT ROWID;
CREATE INDEX redaction_hits_by_redaction ON redaction_hits (redaction, stream) WHERE redaction > 0;
