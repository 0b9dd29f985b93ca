-- What the model said of its reasoning, each text once: from the reasoning events, from items that are done, or
-- from the summaries of what the model answered, whichever says it first. An item that grows is told again whole. Encrypted reasoning is counted in bytes, not kept.

CREATE TABLE agent_reasoning_messages (
    stream          INTEGER NOT NULL,
    line            INTEGER NOT NULL,
    part            INTEGER NOT NULL,
    item            INTEGER NOT NULL,
    seq             INTEGER NOT NULL,
    at_ms           INTEGER,
    turn_id         TEXT,
    origin          TEXT NOT NULL,      -- event, raw_event, summary, content, encrypted
    text            TEXT NOT NULL,
    encrypted_bytes INTEGER NOT NULL,
    copied          INTEGER NOT NULL,   -- 1: copied from the parent's file
    PRIMARY KEY (stream, line, part, item)
) STRICT;
