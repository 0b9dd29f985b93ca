//! What is shown and says, or nearly says, what a person has hidden: for them to decide about.

use super::row::{Counts, sql_stream};
use aho_corasick::AhoCorasick;
use codex_ledger_db::{Connection, Row, SqlError, SqlResult};
use codex_ledger_entry::{Seq, StreamId};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Columns with texts that people, models and programs wrote, and where the session of a row is told.
const COLUMNS: [(&str, &str, &str); 13] = [
    ("agent_reasoning_messages", "text", OF_STREAM),
    ("annotations", "text", "t.session_id"),
    ("annotations", "value", "t.session_id"),
    ("function_calls", "arguments", OF_STREAM),
    ("function_calls", "command", OF_STREAM),
    ("function_calls", "output", OF_STREAM),
    ("function_plan_messages", "step", OF_STREAM),
    ("history_prompts", "text", "t.session_id"),
    ("messages", "text", OF_STREAM),
    ("prompts", "text", OF_STREAM),
    ("session_names", "name", "t.session_id"),
    ("turns", "reason", OF_STREAM),
    ("turns", "text", OF_STREAM),
];
const OF_STREAM: &str = "(SELECT id FROM sessions s WHERE s.stream = t.stream)";
/// Characters of the stretch that is looked for; a text without one so long is not looked for.
const STRETCH_MIN_CHARS: usize = 20;
const STRETCH_LEAST_CHARS: usize = 12;
const STRETCH_MAX_CHARS: usize = 60;
/// Different passages that are counted; what is found then is not.
const PASSAGES_MAX: usize = 1000;

/// A text that quotes another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Quotation {
    /// Session; none where its row is gone.
    pub session: Option<String>,
    /// Entry that says it.
    pub seq: Seq,
    /// Table and column.
    pub field: String,
}

/// A passage that is shown and is nearly what was hidden.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NearMiss {
    /// The passage.
    pub text: String,
    /// How often it stands in the views.
    pub passages: u64,
    /// Where it stands first.
    pub first: Quotation,
}

/// Where a text stands.
struct Place<'r> {
    row: &'r Row<'r>,
    table: &'static str,
    column: &'static str,
}

impl Place<'_> {
    fn seq(&self) -> SqlResult<Seq> {
        self.row.seq("seq")
    }

    fn field(&self) -> String {
        format!("{}.{}", self.table, self.column)
    }

    fn read(&self) -> SqlResult<Quotation> {
        let (session, field) = (self.row.get("session")?, self.field());
        Ok(Quotation { session, seq: self.seq()?, field })
    }
}

/// Calls `each` with all texts, which says whether to go on with the column. In no order: one would be made in a file of its
/// own.
fn each_text(
    db: &Connection,
    each: &mut dyn FnMut(&str, Place<'_>) -> SqlResult<bool>,
) -> SqlResult<()> {
    for (table, column, session) in COLUMNS {
        let sql = format!("SELECT t.seq, {session} AS session, t.{column} AS text FROM {table} t");
        let mut statement = db.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text = row.get_ref("text")?.as_str().unwrap_or_default();
            if !each(text, Place { row, table, column })? {
                break;
            }
        }
    }
    Ok(())
}

/// Texts in the views that hold the longest stretch of one of some others that stands on one line and needs no escapes
/// in JSON; at most so many of each column, and how many there are.
///
/// # Errors
/// As the database.
pub fn quotations(
    db: &Connection,
    of: &[String],
    limit: usize,
) -> SqlResult<(Vec<Quotation>, u64)> {
    let mut stretches: Vec<String> = of.iter().filter_map(|text| stretch_of(text)).collect();
    stretches.sort_unstable();
    stretches.dedup();
    let mut found: Vec<Quotation> = Vec::new();
    let search = AhoCorasick::builder().ascii_case_insensitive(true).build(&stretches).ok();
    let Some(search) = search.filter(|_| !stretches.is_empty()) else {
        return Ok((found, 0));
    };
    let (mut column, mut left, mut total) = (String::new(), limit, 0);
    each_text(db, &mut |text, place| {
        if search.is_match(text) {
            total += 1;
            let field = place.field();
            if field != column {
                (column, left) = (field, limit);
            }
            if left > 0 {
                found.push(place.read()?);
                left -= 1;
            }
        }
        Ok(true)
    })?;
    Ok((found, total))
}

fn stretch_of(text: &str) -> Option<String> {
    let parts = text.split(|c: char| c.is_control() || "\"\\/".contains(c)).map(str::trim);
    let longest = parts.max_by_key(|part| part.chars().count()).unwrap_or_default();
    let stretch: String = longest.chars().take(STRETCH_MAX_CHARS).collect();
    let chars = stretch.chars().count();
    // Of a text full of signs that JSON escapes, a shorter one has to do.
    let min = STRETCH_MIN_CHARS.min(text.chars().count() / 3).max(STRETCH_LEAST_CHARS);
    (chars >= min).then_some(stretch)
}

/// The passages that `find` finds in the views, the most frequent first; at most so many.
///
/// # Errors
/// As the database.
pub fn near_misses(
    db: &Connection,
    find: &dyn Fn(&str) -> Vec<String>,
    limit: usize,
) -> SqlResult<Vec<NearMiss>> {
    let mut known: BTreeMap<String, NearMiss> = BTreeMap::new();
    each_text(db, &mut |text, place| {
        for passage in find(text) {
            if let Some(known) = known.get_mut(&passage) {
                known.passages += 1;
                if place.seq()? < known.first.seq {
                    known.first = place.read()?;
                }
            } else if known.len() < PASSAGES_MAX {
                let miss = NearMiss { text: passage.clone(), passages: 1, first: place.read()? };
                known.insert(passage, miss);
            }
        }
        Ok(true)
    })?;
    let mut found: Vec<NearMiss> = known.into_values().collect();
    found.sort_by_key(|miss| (std::cmp::Reverse(miss.passages), miss.first.seq));
    found.truncate(limit);
    Ok(found)
}

/// What something would hide, told of what is shown now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// Passages.
    pub passages: u64,
    /// Of these, by session; those of no session stand under an empty id.
    pub sessions: BTreeMap<String, u64>,
    /// Some of them, the first in each session.
    pub samples: Vec<Sample>,
    /// Passages in sessions that are not meant.
    pub elsewhere: u64,
    /// Texts that were looked through.
    pub texts: u64,
}

/// A passage and what stands around it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Where it stands.
    pub place: Quotation,
    /// What stands before it in its line.
    pub before: String,
    /// The passage.
    pub passage: String,
    /// What stands behind it in its line.
    pub behind: String,
}

/// Characters of a sample, of each of its three parts.
const SAMPLE_CHARS: usize = 60;

/// Counts the passages that `find` finds in the views, as ranges of bytes; `is_meant` says of which sessions. It ends early once
/// `is_over` says so, which is asked before each text.
///
/// # Errors
/// As the database.
pub fn forecast(
    db: &Connection,
    find: &dyn Fn(&str) -> Vec<Range<usize>>,
    is_meant: &dyn Fn(&str) -> bool,
    samples: usize,
    is_over: &dyn Fn() -> bool,
) -> SqlResult<Forecast> {
    let mut out = Forecast::default();
    each_text(db, &mut |text, place| {
        if is_over() {
            return Ok(false);
        }
        out.texts += 1;
        let found = find(text);
        let Some(first) = found.first() else { return Ok(true) };
        let of = place.read()?;
        let session = of.session.clone().unwrap_or_default();
        if !is_meant(&session) {
            out.elsewhere += found.len() as u64;
        } else {
            let is_new = !out.sessions.contains_key(&session);
            out.passages += found.len() as u64;
            *out.sessions.entry(session).or_default() += found.len() as u64;
            if is_new && out.samples.len() < samples {
                out.samples.push(sample_of(text, first.clone(), of));
            }
        }
        Ok(true)
    })?;
    Ok(out)
}

/// A passage that is shown and looks as if it should not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The whole passage.
    pub text: String,
    /// How often it stands in the views.
    pub passages: u64,
    /// Where it stands first.
    pub first: Sample,
}

/// The different passages that `find` finds in the views, as ranges of bytes, the most frequent first; of very many, not all.
///
/// # Errors
/// As the database.
pub fn candidates(
    db: &Connection,
    find: &dyn Fn(&str) -> Vec<Range<usize>>,
) -> SqlResult<Vec<Candidate>> {
    let mut known: BTreeMap<String, Candidate> = BTreeMap::new();
    each_text(db, &mut |text, place| {
        for at in find(text) {
            let passage = text.get(at.clone()).unwrap_or_default();
            let (seq, count) = (place.seq()?, known.len());
            let first = || Ok::<_, SqlError>(sample_of(text, at, place.read()?));
            match known.get_mut(passage) {
                Some(of) => {
                    of.passages += 1;
                    if seq < of.first.place.seq {
                        of.first = first()?;
                    }
                }
                None if count < PASSAGES_MAX => {
                    let of = Candidate { text: passage.to_string(), passages: 1, first: first()? };
                    known.insert(passage.to_string(), of);
                }
                None => {}
            }
        }
        Ok(true)
    })?;
    let mut found: Vec<Candidate> = known.into_values().collect();
    found.sort_by_key(|of| (std::cmp::Reverse(of.passages), of.first.place.seq));
    Ok(found)
}

fn sample_of(text: &str, at: Range<usize>, place: Quotation) -> Sample {
    let before = text.get(..at.start).unwrap_or_default();
    let before: Vec<char> =
        before.chars().rev().take_while(|c| *c != '\n').take(SAMPLE_CHARS).collect();
    let behind = text.get(at.end..).unwrap_or_default().lines().next().unwrap_or_default();
    Sample {
        place,
        before: before.into_iter().rev().collect(),
        passage: text.get(at).unwrap_or_default().chars().take(SAMPLE_CHARS).collect(),
        behind: behind.chars().take(SAMPLE_CHARS).collect(),
    }
}

/// What was asked, answered and printed in a session, as the views show it; copies of another's words left out.
///
/// # Errors
/// As the database.
pub fn said_in(db: &Connection, session: &str) -> SqlResult<Vec<String>> {
    let sql = "SELECT text FROM prompts JOIN sessions s USING (stream) WHERE s.id = ?1 AND NOT copied AND number > 0
        UNION SELECT text FROM messages JOIN sessions s USING (stream)
            WHERE s.id = ?1 AND NOT copied AND role = 'assistant'
        UNION SELECT output AS text FROM function_calls JOIN sessions s USING (stream)
            WHERE s.id = ?1 AND NOT copied AND output IS NOT NULL";
    db.prepare(sql)?.query_map([session], |row| row.get("text"))?.collect()
}

/// Texts of each column that a sample has about.
const SAMPLED_ROWS: i64 = 400;

/// Texts from all over the views, so that one can tell how much of them something would hide.
///
/// # Errors
/// As the database.
pub fn sample(db: &Connection) -> SqlResult<Vec<String>> {
    let mut texts = Vec::new();
    for (table, column, _) in COLUMNS {
        // Entries of one table stand in no step with the number that they are divided by.
        let sql = format!(
            "SELECT {column} AS text FROM {table} WHERE {column} <> ''
                AND seq * 7919 % (SELECT count(*) / ?1 + 1 FROM {table}) = 0 LIMIT 2 * ?1"
        );
        let mut statement = db.prepare(&sql)?;
        let rows = statement.query_map([SAMPLED_ROWS], |row| row.get("text"))?;
        texts.extend(rows.collect::<SqlResult<Vec<String>>>()?);
    }
    Ok(texts)
}

/// Passages that rules hide.
///
/// # Errors
/// As the database.
pub fn hidden_by_rules(db: &Connection) -> SqlResult<u64> {
    let sql = "SELECT coalesce(sum(passages), 0) FROM redaction_hits WHERE redaction = 0";
    db.query_row(sql, [], |row| row.count(0))
}

/// Passages that each rule hides, everywhere or in one session, the most first; those that people hide by hand stand under an
/// empty name.
///
/// # Errors
/// As the database.
pub fn passages_by_rule(db: &Connection, of: Option<StreamId>) -> SqlResult<Vec<(String, u64)>> {
    // One statement for both would read all of the table for one session, too.
    let within = if of.is_some() { "stream = ?1" } else { "?1 IS NULL" };
    let sql = format!(
        "SELECT rule, sum(passages) AS passages FROM redaction_hits WHERE {within}
         GROUP BY rule ORDER BY passages DESC, rule"
    );
    let read = |row: &Row<'_>| Ok((row.get("rule")?, row.count("passages")?));
    db.prepare(&sql)?.query_map([of.map(sql_stream)], read)?.collect()
}

/// The sessions in which a rule hides something.
///
/// # Errors
/// As the database.
pub fn streams_of_rule(db: &Connection, rule: &str) -> SqlResult<BTreeSet<StreamId>> {
    let sql = "SELECT DISTINCT stream FROM redaction_hits WHERE rule = ?1 AND redaction = 0";
    db.prepare(sql)?.query_map([rule], |row| row.stream("stream"))?.collect()
}
