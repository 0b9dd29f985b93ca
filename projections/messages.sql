-- Everything said in messages that is not a prompt: the assistant's words, and context that the client put
-- into the conversation (`kind` tells which: environment_context, agents_md, skill, permissions, …).
-- Assistant text is taken from the messages, never from the events that repeat it.

CREATE TABLE messages (
    stream   INTEGER NOT NULL,
    line     INTEGER NOT NULL,
    part     INTEGER NOT NULL,
    item     INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    at_ms    INTEGER,
    turn_id  TEXT,
    role     TEXT NOT NULL,             -- assistant, user, developer, system, …
    kind     TEXT NOT NULL,             -- assistant, or the kind of injected context
    phase    TEXT,                      -- commentary, final_answer
    text     TEXT NOT NULL,
    copied   INTEGER NOT NULL,          -- 1: copied from the parent's file
    PRIMARY KEY (stream, line, part, item)
) STRICT;
