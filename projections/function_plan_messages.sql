-- Plans: one row per step of every `update_plan` call (each call replaces the whole plan), and one row per plan
-- that was written as text in plan mode (`origin = 'item'`). The explanation of a plan stands beside each step; beside
-- its first 256 only where there are more, and beside the first alone where it is longer than 4,096 bytes.

CREATE TABLE function_plan_messages (
    stream      INTEGER NOT NULL,
    line        INTEGER NOT NULL,
    part        INTEGER NOT NULL,
    item        INTEGER NOT NULL,       -- step, from 0
    seq         INTEGER NOT NULL,
    at_ms       INTEGER,
    turn_id     TEXT,
    call_id     TEXT,
    origin      TEXT NOT NULL,          -- call, item
    step        TEXT NOT NULL,
    status      TEXT,                   -- pending, in_progress, completed
    explanation TEXT,
    copied      INTEGER NOT NULL,       -- 1: copied from the parent's file
    PRIMARY KEY (stream, line, part, item)
) STRICT, WITHOUT ROWID;
