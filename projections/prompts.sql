-- What the user asked, one row per prompt, numbered from 1 in each session.
--
-- Where a file has prompt events (`user_message`, or user items in paginated files), these are the prompts.
-- Where it has none, user messages are, less the parts that the client put there (environment, AGENTS.md, …). A user
-- item of nothing but such parts, as a migration makes it, is no prompt.

CREATE TABLE prompts (
    stream      INTEGER NOT NULL,
    line        INTEGER NOT NULL,
    part        INTEGER NOT NULL,
    item        INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    number      INTEGER NOT NULL,       -- 1, 2, … in the session; 0 for copies and for what the client itself asks: reviews, guardians, …
    at_ms       INTEGER,
    turn_id     TEXT,
    origin      TEXT NOT NULL,          -- event, item, message, bare_message (a line without an envelope)
    text        TEXT NOT NULL,          -- as sent
    text_key    TEXT NOT NULL,          -- the same for the same text, whatever is hidden of it; tells nothing else
    request     TEXT,                   -- what was typed, where an editor or the desktop client wrapped it in context
    active_file TEXT,                   -- the editor's file, where the wrapper names it
    open_tabs   TEXT,                   -- the editor's open files, one per line
    images      INTEGER NOT NULL,
    client_id   TEXT,
    copied      INTEGER NOT NULL,       -- 1: copied from the parent's file
    review      INTEGER NOT NULL,       -- 1: asked by the client itself: while a review ran, of a guardian, …
    rolled_back INTEGER NOT NULL,       -- 1: its turn was rolled back
    PRIMARY KEY (stream, line, part, item)
) STRICT;
CREATE INDEX prompts_by_seq ON prompts (seq);
CREATE INDEX prompts_by_number ON prompts (stream, number);  -- the first prompt is a session's title
