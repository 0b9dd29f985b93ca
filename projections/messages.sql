-- Everything that was said and is no prompt: the assistant's words, context that the client put into the conversation
-- (`kind` tells which: environment_context, agents_md, skill, permissions, …), texts in the user's name that no
-- prompt event has said (other), and what people and models saw beside: question (of the assistant), agent_mail,
-- hook, notice, guardian (why an action was allowed or refused), goal, citation (a memory that an answer
-- cites), output (of a call whose own line is damaged), record (what a record without a table of its own says in words).
-- Assistant text is taken from the messages; from an event or item only where no message says it.

CREATE TABLE messages (
    stream   INTEGER NOT NULL,
    line     INTEGER NOT NULL,
    part     INTEGER NOT NULL,
    item     INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    at_ms    INTEGER,
    turn_id  TEXT,
    role     TEXT NOT NULL,             -- assistant, user, developer, system, agent, client, tool, …
    kind     TEXT NOT NULL,             -- assistant, or the kind of injected context or remark
    phase    TEXT,                      -- commentary, final_answer; of mail, from whom to whom; of a goal, how it stands
    text     TEXT NOT NULL,
    copied   INTEGER NOT NULL,          -- 1: copied from the parent's file
    PRIMARY KEY (stream, line, part, item)
) STRICT;
