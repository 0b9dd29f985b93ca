-- What reviewers say of sessions and prompts. Not part of the content digest.
--
-- `annotations` is the history, one row per entry; `tags`, `notes` and `dispositions` say what holds now. They name
-- a prompt by the number that it has now (0 for the session itself), whatever it was when somebody said something of
-- it: a prompt keeps its annotations when a thread is told anew and its numbers move.

CREATE TABLE annotations (
    seq            INTEGER PRIMARY KEY, -- of its entry
    recorded_at_ms INTEGER NOT NULL,
    actor          TEXT,
    act            TEXT NOT NULL,       -- tag, untag, note, unnote, disposition
    session_id     TEXT NOT NULL,
    prompt         INTEGER NOT NULL,    -- number of the prompt when it was said, 0 for the session itself
    prompt_seq     INTEGER,             -- entry of that prompt; NULL for the session, and where an older version wrote only the number
    prompt_part    INTEGER,             -- which record of the entry
    value          TEXT,                -- tag, disposition (empty: taken back), seq of the note that is taken away
    text           TEXT,                -- of the note
    by_rule        INTEGER NOT NULL     -- 1: a configured rule gave the tag
) STRICT;
CREATE INDEX annotations_by_session ON annotations (session_id, value, seq);
CREATE INDEX annotations_taken_away ON annotations (value) WHERE act = 'unnote';

-- Prompts that a file of a thread says again: which row tells what the entry says.
CREATE TABLE retold_prompts (
    stream         INTEGER NOT NULL,
    line           INTEGER NOT NULL,    -- of the row in `prompts`, like part and item
    part           INTEGER NOT NULL,
    item           INTEGER NOT NULL,
    seq            INTEGER NOT NULL,    -- entry that says it again
    seq_part       INTEGER NOT NULL,    -- which record of the entry
    PRIMARY KEY (seq, seq_part, line, part, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX retold_prompts_by_stream ON retold_prompts (stream);

-- The history with the numbers that prompts have now. What was said of a prompt that is none any more (a copy, as
-- its parent has shown since) is said of its session. Of one that was erased nothing is said any more.
CREATE VIEW reviews AS
SELECT a.seq, a.recorded_at_ms, a.actor, a.act, a.session_id, a.value, a.text, a.by_rule,
    CASE WHEN a.prompt_seq IS NULL THEN a.prompt ELSE coalesce(
        (SELECT p.number FROM prompts p WHERE p.seq = a.prompt_seq AND p.part = a.prompt_part AND p.number > 0
            ORDER BY p.item LIMIT 1),
        (SELECT p.number FROM retold_prompts r JOIN prompts p USING (stream, line, part, item)
            WHERE r.seq = a.prompt_seq AND r.seq_part = a.prompt_part AND p.number > 0 ORDER BY p.item LIMIT 1),
        0) END AS prompt
FROM annotations a
WHERE a.prompt_seq IS NULL OR NOT coalesce(
    (SELECT e.last_seq FROM erased_runs e WHERE e.first_seq <= a.prompt_seq ORDER BY e.first_seq DESC LIMIT 1)
        >= a.prompt_seq, 0);

CREATE VIEW tags AS
SELECT r.session_id, r.prompt, r.value AS tag, r.seq FROM reviews r
WHERE r.act = 'tag' AND NOT EXISTS (
    SELECT 1 FROM reviews later WHERE later.session_id = r.session_id AND later.act IN ('tag', 'untag')
        AND later.value = r.value AND later.prompt = r.prompt AND later.seq > r.seq);

CREATE VIEW notes AS
SELECT r.seq, r.session_id, r.prompt, r.actor, r.recorded_at_ms, r.text FROM reviews r
WHERE r.act = 'note' AND NOT EXISTS (
    SELECT 1 FROM annotations gone WHERE gone.act = 'unnote' AND gone.value = CAST(r.seq AS TEXT));

CREATE VIEW dispositions AS
SELECT r.session_id, r.prompt, r.value, r.seq FROM reviews r -- followed, ignored, needs-review, or one of the reader's own
WHERE r.act = 'disposition' AND r.value <> '' AND NOT EXISTS (
    SELECT 1 FROM reviews later WHERE later.session_id = r.session_id AND later.act = 'disposition'
        AND later.prompt = r.prompt AND later.seq > r.seq);
