-- One row per usage record. Sum `input`, `output`, … over rows with `counted = 1`, never anything else.
--
-- Codex repeats its counters: after rate-limit refreshes, on resume, around reviews, in files that copy their
-- parent. A row that does not count says why in `reason`. `cached_input` is part of `input`, `reasoning_output`
-- part of `output`.

CREATE TABLE token_messages (
    stream            INTEGER NOT NULL,
    line              INTEGER NOT NULL,
    part              INTEGER NOT NULL,
    item              INTEGER NOT NULL,
    seq               INTEGER NOT NULL,
    at_ms             INTEGER,
    turn_id           TEXT,
    origin            TEXT NOT NULL,    -- token_count, token_usage_record
    model             TEXT,             -- model in force
    counted           INTEGER NOT NULL, -- 1 when the row is billed usage
    reason            TEXT,             -- why not: re_emission, estimate, rate_limits_only, baseline, replay (copied from the
                                        -- parent), review_copy (counted in the review's own file), usage_record
                                        -- (counted by one), foreign_thread, duplicate_response, bad_number (a counter that no client
                                        -- can mean; reads as 0)
    input             INTEGER NOT NULL, -- tokens of this response
    cached_input      INTEGER NOT NULL,
    cache_write_input INTEGER NOT NULL,
    output            INTEGER NOT NULL,
    reasoning_output  INTEGER NOT NULL,
    context_tokens    INTEGER,          -- size of the context after the response
    total_input       INTEGER,          -- cumulative counters as recorded
    total_cached      INTEGER,
    total_output      INTEGER,
    total_reasoning   INTEGER,
    context_window    INTEGER,
    response_id       TEXT,
    plan_type         TEXT,
    limits            TEXT,             -- rate limits: minutes:used percent, comma separated
    review            INTEGER NOT NULL, -- 1: recorded while a review ran; 2: in the review's own file
    tier              TEXT,             -- service tier in force, where the client names one
    PRIMARY KEY (stream, line, part, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX token_messages_copied_by_review ON token_messages (stream) WHERE review = 1;
CREATE INDEX token_messages_of_review ON token_messages (at_ms) WHERE review = 2;
