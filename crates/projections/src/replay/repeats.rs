//! Where a prompt that is to be hidden may be said again as a whole, looked up in the views as they are.

use crate::row::ReadNumbers;
use crate::schema::{STREAM_TABLES, text_columns};
use aho_corasick::AhoCorasick;
use codex_ledger_db::{Connection, SqlResult, params};
use codex_ledger_entry::StreamId;
use codex_ledger_redaction::{Place, Policy, Sensitive, as_compared, bytes_of_same};
use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use unicode_normalization::UnicodeNormalization;

/// Tables without words of a log, or with its raw records, whose streams are found by what the others say.
const WORDLESS: [&str; 5] =
    ["events", "kept_rows", "raw_records", "redaction_hits", "retold_prompts"];
/// Characters at the beginning of a text that are compared.
const BEGINNING_CHARS: usize = 12;
/// Of most texts, so many are enough.
const SHORT_HEAD_CHARS: usize = 64;
/// Characters of a text of which they are made: blanks may be doubled, and marks stand apart.
const HEAD_CHARS: usize = 2000;
/// Characters of a stretch that is looked for among the arguments of calls.
const STRETCH_CHARS: usize = 40;

/// How a text would be shown in a column.
struct Sought {
    beginning: String,
    /// Bytes that a text that says the same may have.
    bytes: RangeInclusive<usize>,
}

/// The streams in which one of these texts may stand as a whole, and maybe some more. The views show them as the
/// policy has let them, under which they were written.
///
/// # Errors
/// As the database.
pub(super) fn streams_with(
    db: &Connection,
    policy: &Policy,
    texts: &[String],
) -> SqlResult<BTreeSet<StreamId>> {
    let mut found = BTreeSet::new();
    for table in STREAM_TABLES.into_iter().filter(|table| !WORDLESS.contains(table)) {
        add_of_table(db, policy, texts, table, &mut found)?;
    }
    // As the inside of a JSON string: a stretch that needs no escapes.
    let shown = |text: &String| shown_in(policy, text, "function_calls", "arguments");
    let shown: Vec<String> = texts.iter().map(shown).collect();
    let least = shown.iter().map(|text| *bytes_of_same(text.len()).start()).min();
    let least = least.unwrap_or_default();
    let Ok(stretches) = AhoCorasick::new(shown.iter().map(|text| stretch_of(text))) else {
        // So many that no machine is made of them: all streams may hold one.
        let sql = "SELECT stream, '' AS text FROM function_calls WHERE ?1 <= ?2";
        add_streams(db, sql, (0, 0), &|_| true, &mut found)?;
        return Ok(found);
    };
    let is_sought = |text: &str| stretches.is_match(text);
    for column in ["arguments", "command"] {
        let sql = format!(
            "SELECT stream, {column} AS text FROM function_calls
                WHERE octet_length({column}) BETWEEN ?1 AND ?2"
        );
        add_streams(db, &sql, (least, usize::MAX >> 1), &is_sought, &mut found)?;
    }
    Ok(found)
}

/// The same of one table, in one pass over it.
fn add_of_table(
    db: &Connection,
    policy: &Policy,
    texts: &[String],
    table: &'static str,
    found: &mut BTreeSet<StreamId>,
) -> SqlResult<()> {
    let mut columns = Vec::new();
    for column in text_columns(table) {
        let mut sought: HashMap<String, Vec<RangeInclusive<usize>>> = HashMap::new();
        for text in texts {
            let Sought { beginning, bytes } = sought_in(policy, text, table, column);
            sought.entry(beginning).or_default().push(bytes);
        }
        columns.push((column, sought));
    }
    let keys = columns.iter().flat_map(|(_, sought)| sought.keys());
    let firsts: BTreeSet<Option<char>> = keys.map(|key| first_of(key)).collect();
    let within = |(column, sought): &(&str, HashMap<String, Vec<RangeInclusive<usize>>>)| {
        let all = || sought.values().flatten();
        let least = all().map(|range| *range.start()).min().unwrap_or_default();
        let most = all().map(|range| *range.end()).max().unwrap_or_default();
        format!("octet_length({column}) BETWEEN {least} AND {most}")
    };
    let conditions: Vec<String> = columns.iter().map(within).collect();
    if conditions.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = columns.iter().map(|(column, _)| *column).collect();
    let sql = format!(
        "SELECT stream, {} FROM {table} WHERE {}",
        names.join(", "),
        conditions.join(" OR ")
    );
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for (column, sought) in &columns {
            let text = row.get_ref(*column)?.as_str().unwrap_or_default();
            let is_sought = |ranges: &Vec<RangeInclusive<usize>>| {
                ranges.iter().any(|range| range.contains(&text.len()))
            };
            // Most texts begin with another letter.
            let first = first_of(text);
            let may_be = first.is_none() || firsts.contains(&first) || firsts.contains(&None);
            if may_be && !text.is_empty() && sought.get(&beginning_of(text)).is_some_and(is_sought)
            {
                found.insert(row.stream("stream")?);
                break;
            }
        }
    }
    Ok(())
}

/// Adds the streams of the rows whose text is sought.
fn add_streams(
    db: &Connection,
    sql: &str,
    (least, most): (usize, usize),
    is_sought: &dyn Fn(&str) -> bool,
    found: &mut BTreeSet<StreamId>,
) -> SqlResult<()> {
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query(params![least as i64, most as i64])?;
    while let Some(row) = rows.next()? {
        if is_sought(row.get_ref("text")?.as_str().unwrap_or_default()) {
            found.insert(row.stream("stream")?);
        }
    }
    Ok(())
}

fn sought_in(policy: &Policy, text: &str, table: &'static str, column: &'static str) -> Sought {
    let shown = shown_in(policy, text, table, column);
    let (least, most) = bytes_of_same(shown.len()).into_inner();
    // A name is the beginning of the prompt.
    let least = if table == "session_names" { 0 } else { least };
    Sought { beginning: beginning_of(&shown), bytes: least..=most }
}

fn beginning_of(text: &str) -> String {
    let of_head = |chars: usize| {
        let head: String = text.chars().skip_while(|c| c.is_whitespace()).take(chars).collect();
        as_compared(&head)
    };
    let begins = |head: &str| head.chars().take(BEGINNING_CHARS).collect();
    // A sequence of a terminal may be cut, and then what is left of it is no text.
    let short = of_head(SHORT_HEAD_CHARS);
    let is_enough = short.chars().nth(BEGINNING_CHARS).is_some();
    match is_enough && !short.contains(char::is_control) {
        true => begins(&short),
        false => begins(&of_head(HEAD_CHARS)),
    }
}

/// The first letter of a text without its marks; none where a sign comes first that is left out.
fn first_of(text: &str) -> Option<char> {
    let first = text.trim_start().chars().next()?;
    first.is_alphanumeric().then(|| first.nfd().next()).flatten()
}

fn stretch_of(shown: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".,-_:;()".contains(c);
    let longest = shown.split(|c| !is_plain(c)).max_by_key(|part| part.len()).unwrap_or_default();
    longest.chars().take(STRETCH_CHARS).collect()
}

/// What a column shows of a text.
fn shown_in(policy: &Policy, text: &str, table: &'static str, column: &'static str) -> String {
    let place = Place::of_column(table, column);
    policy.apply(Sensitive::new(text.trim()), &place, &mut |_| ()).into_string()
}
