-- Everything the agent did through tools, one row per call, joined with its output by the call id. A call that only its
-- end tells of, as a command that a user ran, has the kind `item`.
--
-- What a script of code mode calls has rows of the kind `script`, with the place of the script's row and an `item` of 1
-- and more; where the client tells how one ended, its row is an `item` under the id that the client gives it. The script's text says what is asked for; what only running it tells stands in it as `${…}`. A loop has one
-- row, unless the log says more. How they ended the client tells, or the script prints it; else `status` is `unknown`. A
-- result that no call can be given to is a row without a command, at the output's place.
--
-- `exit_code` comes from the header of the output, never from its body, which may quote the same words.
-- Where no output came to the model, what the client says of it stands in its place, and `output_line` is null.
-- A call without an output has `status` null: it was interrupted, not failed. One that the user interrupted stays
-- `aborted`, whatever its process ends with later. What a review's items repeat in the main file is copied. A process that was still running
-- when its call returned has status `running` and its `process`; the call that sees its end has the exit code.

CREATE TABLE function_calls (
    stream        INTEGER NOT NULL,
    line          INTEGER NOT NULL,
    part          INTEGER NOT NULL,
    item          INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    at_ms         INTEGER,
    turn_id       TEXT,
    call_id       TEXT,
    kind          TEXT NOT NULL,        -- function, custom, local_shell, web_search, tool_search, …, script, item
    tool          TEXT NOT NULL,        -- family: shell, apply_patch, mcp, …
    namespace     TEXT,
    name          TEXT NOT NULL,        -- as the model wrote it
    mcp_server    TEXT,
    mcp_tool      TEXT,
    command       TEXT,                 -- what is asked for in one text; null where the arguments are just that
    workdir       TEXT,
    justification TEXT,
    arguments     TEXT NOT NULL,        -- exactly as the model wrote them
    files         INTEGER NOT NULL,     -- files that a patch touches
    output_line   INTEGER,
    output_at_ms  INTEGER,
    output        TEXT,
    output_bytes  INTEGER,
    exit_code     INTEGER,
    duration_ms   INTEGER,
    status        TEXT,                 -- ok, failed, running, rejected, aborted, error, unknown
    process       INTEGER,              -- session id of a process that goes on running
    copied        INTEGER NOT NULL,     -- 1: copied from the parent's file
    PRIMARY KEY (stream, line, part, item)
) STRICT;
CREATE INDEX function_calls_by_call ON function_calls (stream, call_id);
