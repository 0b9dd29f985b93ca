//! What a report must say about itself: its source, what it hides, what it could not read.

use super::super::coverage::{KindCount, LineProblem};
use super::super::filter::Filter;
use codex_ledger_db::{Connection, OptionalExtension, Row, SqlResult, params};
use serde::Serialize;

/// Problems, missing sessions and accesses that are listed; all are counted.
const LISTED_MAX: usize = 20;

/// The block itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transparency {
    /// The ledger as the views know it; `None` on a page of many, whose index says it.
    pub head: Option<LedgerHead>,
    /// Who signed the head: nobody yet.
    pub checkpoint: Option<String>,
    /// Version of this program.
    pub tool: String,
    /// The price table.
    pub prices: Prices,
    /// What was read of the sessions in the report.
    pub coverage: ReportCoverage,
    /// What is hidden.
    pub redactions: Redactions,
    /// Reveals, exports and erasures in the range.
    pub accesses: Accesses,
}

/// Where the ledger stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerHead {
    /// Entries that the report is about.
    pub size: u64,
    /// Id of the last of them, hex.
    pub id: String,
    /// Root of the tree over them, hex; `None` when the ledger has more entries than the views.
    pub root: Option<String>,
    /// Entries of the ledger that the views do not have yet.
    pub behind: u64,
}

/// The price table that costs come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prices {
    /// When it was last checked.
    pub date: String,
    /// Its digest.
    pub digest: String,
}

/// What was read of the sessions in the report, in the range.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReportCoverage {
    /// Records seen; a line is one.
    pub lines: u64,
    /// Their bytes, without line feeds.
    pub bytes: u64,
    /// Records understood.
    pub understood: u64,
    /// Blank lines.
    pub blank: u64,
    /// Records of a kind that this version does not know.
    pub unknown: u64,
    /// These by kind.
    pub unknown_kinds: Vec<KindCount>,
    /// Lines that are no records.
    pub unreadable: u64,
    /// Records with something wrong, unreadable ones included.
    pub problems: u64,
    /// The first of these, with the names of their files.
    pub problem_list: Vec<LineProblem>,
    /// Sessions that an index or a history names but no rollout tells of, in the whole ledger.
    pub missing: u64,
    /// Ids of the first of these.
    pub missing_list: Vec<String>,
}

/// What is hidden in the report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Redactions {
    /// The rules in force; `None` where there are none.
    pub rule_set: Option<RuleSetName>,
    /// Passages.
    pub passages: u64,
    /// Passages by rule.
    pub by_rule: Vec<RuleCount>,
    /// Passages by redaction made by hand.
    pub by_hand: Vec<HandCount>,
}

/// A rule set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleSetName {
    /// Its name.
    pub name: String,
    /// Its digest.
    pub digest: String,
}

/// Passages that a rule hides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleCount {
    /// Id of the rule.
    pub rule: String,
    /// Passages.
    pub passages: u64,
}

/// Passages that a redaction made by hand hides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HandCount {
    /// Its ledger entry.
    pub redaction: u64,
    /// Who made it.
    pub actor: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Passages.
    pub passages: u64,
}

/// Who saw, exported or destroyed what in the range, in the whole ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Accesses {
    /// Readings of unredacted bytes.
    pub reveals: u64,
    /// Exports of the ledger.
    pub exports: u64,
    /// Erasures.
    pub erasures: u64,
    /// Times that something was published although the gate found something in it.
    #[serde(skip_serializing_if = "is_zero")]
    pub waivers: u64,
    /// The first of these.
    pub list: Vec<Access>,
}

/// One of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Access {
    /// Ledger entry.
    pub seq: u64,
    /// When it was recorded, UTC milliseconds.
    pub at_ms: i64,
    /// What was done.
    pub verb: String,
    /// Who did it.
    pub actor: Option<String>,
    /// Of what and why.
    pub detail: Option<String>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn count(row: &Row<'_>, index: usize) -> SqlResult<u64> {
    row.get::<_, Option<i64>>(index).map(|n| n.unwrap_or_default() as u64)
}

/// Where the views stand: entries and id of the last one.
pub(super) fn standing(db: &Connection) -> SqlResult<(u64, String)> {
    db.query_row("SELECT cursor, head FROM meta", [], |row| Ok((count(row, 0)?, row.get(1)?)))
}

const SEEN: &str = "
    FROM temp.picked p CROSS JOIN events e ON e.stream = p.stream
    WHERE (p.timed = 0 OR coalesce(e.at_ms, p.start_ms) >= ?1 AND coalesce(e.at_ms, p.start_ms) < ?2)";

/// Coverage of picked sessions, and the times of their first and last record.
pub(super) fn coverage(
    db: &Connection,
    filter: &Filter,
) -> SqlResult<(ReportCoverage, Option<i64>, Option<i64>)> {
    let (since, until) = filter.range();
    let sums = "SELECT count(*), sum(bytes), count(*) FILTER (WHERE kind = 'blank'),
        count(*) FILTER (WHERE understood = 'unknown'), count(*) FILTER (WHERE understood = 'malformed'),
        count(problem), min(e.at_ms), max(e.at_ms)";
    let (mut coverage, first, last) =
        db.query_row(&[sums, SEEN].concat(), [since, until], |row| {
            let seen = ReportCoverage {
                lines: count(row, 0)?,
                bytes: count(row, 1)?,
                blank: count(row, 2)?,
                unknown: count(row, 3)?,
                unreadable: count(row, 4)?,
                problems: count(row, 5)?,
                ..ReportCoverage::default()
            };
            Ok((seen, row.get(6)?, row.get(7)?))
        })?;
    let others = coverage.blank + coverage.unknown + coverage.unreadable;
    coverage.understood = coverage.lines.saturating_sub(others);
    if coverage.unknown > 0 {
        coverage.unknown_kinds = unknown_kinds(db, since, until)?;
    }
    if coverage.problems > 0 {
        coverage.problem_list = problems(db, since, until)?;
    }
    Ok((coverage, first, last))
}

fn unknown_kinds(db: &Connection, since: i64, until: i64) -> SqlResult<Vec<KindCount>> {
    let head =
        "SELECT CASE WHEN subtype IS NULL THEN kind ELSE kind || '/' || subtype END, count(*),
        sum(bytes)";
    let tail = " AND understood = 'unknown' GROUP BY 1 ORDER BY 2 DESC, 1";
    let mut statement = db.prepare(&[head, SEEN, tail].concat())?;
    let rows = statement.query_map([since, until], |row| {
        Ok(KindCount { kind: row.get(0)?, records: count(row, 1)?, bytes: count(row, 2)? })
    })?;
    rows.collect()
}

fn problems(db: &Connection, since: i64, until: i64) -> SqlResult<Vec<LineProblem>> {
    let head = "SELECT coalesce((SELECT path FROM files f WHERE f.stream = e.stream), '?'), e.line,
        e.offset + coalesce(e.problem_at, 0), e.problem";
    let tail = " AND e.problem IS NOT NULL ORDER BY p.place, e.line, e.part LIMIT ?3";
    let mut statement = db.prepare(&[head, SEEN, tail].concat())?;
    let rows = statement.query_map(params![since, until, LISTED_MAX as i64], |row| {
        // Where a home lies on somebody's disk is nobody's business; names of rollouts are unique.
        let path: String = row.get(0)?;
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
        Ok(LineProblem {
            path: name.to_string(),
            line: count(row, 1)?,
            offset: count(row, 2)?,
            reason: row.get(3)?,
        })
    })?;
    rows.collect()
}

/// Sessions that only side files tell of. Nothing but a time is known of them, so only times pick.
pub(super) fn missing(
    db: &Connection,
    filter: &Filter,
    coverage: &mut ReportCoverage,
) -> SqlResult<()> {
    let (since, until) = filter.range();
    let mut statement = db.prepare(
        "SELECT session_id FROM (
            SELECT session_id, at_ms FROM session_names UNION ALL SELECT session_id, at_ms FROM history_prompts)
         WHERE session_id IS NOT NULL AND session_id NOT IN (SELECT id FROM sessions)
            AND (?1 = 0 OR at_ms >= ?2 AND at_ms < ?3)
         GROUP BY 1 ORDER BY 1",
    )?;
    let rows = statement.query_map(params![filter.is_timed(), since, until], |row| row.get(0))?;
    for id in rows {
        let id = id?;
        coverage.missing += 1;
        if coverage.missing_list.len() < LISTED_MAX {
            coverage.missing_list.push(id);
        }
    }
    Ok(())
}

fn has_table(db: &Connection, name: &str) -> SqlResult<bool> {
    let sql = "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?";
    Ok(db.query_row(sql, [name], |_| Ok(())).optional()?.is_some())
}

/// What is hidden in picked sessions; nothing where the views have no tables of redactions.
pub(super) fn redactions(db: &Connection, filter: &Filter) -> SqlResult<Redactions> {
    let mut found = Redactions::default();
    if has_table(db, "rule_sets")? {
        let sql = "SELECT name, digest FROM rule_sets WHERE in_force = 1 ORDER BY seq DESC LIMIT 1";
        found.rule_set = db
            .query_row(sql, [], |row| Ok(RuleSetName { name: row.get(0)?, digest: row.get(1)? }))
            .optional()?;
    }
    if !has_table(db, "redaction_hits")? {
        return Ok(found);
    }
    let hits = "FROM temp.picked p CROSS JOIN redaction_hits h ON h.stream = p.stream
        WHERE (p.timed = 0 OR coalesce((SELECT min(e.at_ms) FROM events e WHERE e.stream = h.stream
            AND e.line = h.line), p.start_ms) BETWEEN ?1 AND ?2 - 1)";
    let (since, until) = filter.range();
    let by_rule = format!(
        "SELECT h.rule, sum(h.passages) {hits} AND coalesce(h.rule, '') <> '' GROUP BY 1 ORDER BY 2 DESC, 1"
    );
    found.by_rule = db
        .prepare(&by_rule)?
        .query_map([since, until], |row| {
            Ok(RuleCount { rule: row.get(0)?, passages: count(row, 1)? })
        })?
        .collect::<SqlResult<_>>()?;
    let by_hand = format!(
        "SELECT n.redaction, r.actor, r.reason, n.passages FROM (
            SELECT h.redaction, sum(h.passages) AS passages {hits} AND coalesce(h.redaction, 0) > 0 GROUP BY 1) n
         LEFT JOIN redactions r ON r.seq = n.redaction ORDER BY 1"
    );
    found.by_hand = db
        .prepare(&by_hand)?
        .query_map([since, until], |row| {
            let (actor, reason) = (row.get(1)?, row.get(2)?);
            Ok(HandCount { redaction: count(row, 0)?, actor, reason, passages: count(row, 3)? })
        })?
        .collect::<SqlResult<_>>()?;
    found.passages = found.by_rule.iter().map(|rule| rule.passages).sum::<u64>()
        + found.by_hand.iter().map(|hand| hand.passages).sum::<u64>();
    Ok(found)
}

/// Reveals, exports, erasures and overridden gates in the range.
pub(super) fn accesses(db: &Connection, filter: &Filter) -> SqlResult<Accesses> {
    let (since, until) = filter.range();
    let mut statement = db.prepare(
        "SELECT seq, recorded_at_ms, verb, actor, detail FROM actions
         WHERE verb IN ('reveal', 'export', 'erase', 'erasure', 'publish_unsafe') AND recorded_at_ms >= ?1
            AND recorded_at_ms < ?2 ORDER BY seq",
    )?;
    let rows = statement.query_map([since, until], |row| {
        Ok(Access {
            seq: count(row, 0)?,
            at_ms: row.get(1)?,
            verb: row.get(2)?,
            actor: row.get(3)?,
            detail: row.get(4)?,
        })
    })?;
    let mut found = Accesses::default();
    for access in rows {
        let access = access?;
        let counter = match access.verb.as_str() {
            "reveal" => &mut found.reveals,
            "export" => &mut found.exports,
            "publish_unsafe" => &mut found.waivers,
            _ => &mut found.erasures,
        };
        *counter += 1;
        if found.list.len() < LISTED_MAX {
            found.list.push(access);
        }
    }
    Ok(found)
}
