//! What a report must say about itself: its source, what it hides, what it could not read.

use super::super::coverage::{
    ERASED_BY, KIND_COUNTS, KindCount, LINE_PROBLEM, LineProblem, damaged,
};
use super::super::filter::Filter;
use super::super::row::Counts;
use codex_ledger_db::{Connection, OptionalExtension, SqlResult, params};
use codex_ledger_entry::Seq;
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
    /// Records that were erased.
    #[serde(skip_serializing_if = "is_zero")]
    pub erased: u64,
    /// The entries that say so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub erased_by: Vec<Seq>,
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
    pub redaction: Seq,
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
    pub seq: Seq,
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

/// Where the views stand: entries and id of the last one.
pub(super) fn standing(db: &Connection) -> SqlResult<(u64, String)> {
    db.query_row("SELECT cursor, head FROM meta", [], |row| {
        Ok((row.count("cursor")?, row.get("head")?))
    })
}

const SEEN: &str = "
    FROM temp.picked p CROSS JOIN events e ON e.stream = p.stream
    WHERE (p.timed = 0 OR coalesce(e.at_ms, p.start_ms) >= ?1 AND coalesce(e.at_ms, p.start_ms) < ?2)";

/// What was read of picked sessions.
pub(super) struct Seen {
    pub coverage: ReportCoverage,
    /// Time of the first record, UTC milliseconds.
    pub first_ms: Option<i64>,
    /// Time of the last record.
    pub last_ms: Option<i64>,
}

/// Coverage of picked sessions, and when they began and ended.
pub(super) fn coverage(db: &Connection, filter: &Filter) -> SqlResult<Seen> {
    let (since, until) = filter.range();
    let sums = "SELECT count(*) AS lines, sum(bytes) AS bytes, count(*) FILTER (WHERE kind = 'blank') AS blank,
        count(*) FILTER (WHERE understood = 'unknown') AS unknown,
        count(*) FILTER (WHERE understood = 'malformed') AS unreadable,
        count(*) FILTER (WHERE kind = 'erased') AS erased,
        count(problem) AS problems, min(e.at_ms) AS first_ms, max(e.at_ms) AS last_ms";
    let mut seen = db.query_row(&[sums, SEEN].concat(), [since, until], |row| {
        let coverage = ReportCoverage {
            lines: row.count("lines")?,
            bytes: row.count_or_zero("bytes")?,
            blank: row.count("blank")?,
            unknown: row.count("unknown")?,
            unreadable: row.count("unreadable")?,
            erased: row.count("erased")?,
            problems: row.count("problems")?,
            ..ReportCoverage::default()
        };
        Ok(Seen { coverage, first_ms: row.get("first_ms")?, last_ms: row.get("last_ms")? })
    })?;
    let coverage = &mut seen.coverage;
    let others = coverage.blank + coverage.unknown + coverage.unreadable + coverage.erased;
    coverage.understood = coverage.lines.saturating_sub(others);
    if coverage.unknown > 0 {
        coverage.unknown_kinds = unknown_kinds(db, since, until)?;
    }
    if coverage.erased > 0 {
        let sql =
            format!("SELECT DISTINCT {ERASED_BY} AS by {SEEN} AND kind = 'erased' ORDER BY by");
        let mut statement = db.prepare(&sql)?;
        let by = statement.query_map([since, until], |row| row.seq("by"))?;
        coverage.erased_by = by.collect::<SqlResult<_>>()?;
    }
    if coverage.problems > 0 {
        coverage.problem_list = problems(db, since, until)?;
    }
    // Of whose session a source is that tells nothing is not known; only who asks for certain sessions means others.
    let picked = match filter.sessions.is_empty() {
        false => "AND t.holder IN (SELECT stream FROM temp.picked)",
        true => {
            "AND (t.holder IN (SELECT stream FROM temp.picked)
                OR NOT EXISTS (SELECT 1 FROM sessions s WHERE s.stream = t.holder))"
        }
    };
    let damaged = damaged(db, picked, LISTED_MAX)?;
    coverage.problems += damaged.len() as u64;
    coverage.problem_list.extend(damaged.into_iter().map(without_folder));
    coverage.problem_list.truncate(LISTED_MAX);
    Ok(seen)
}

fn unknown_kinds(db: &Connection, since: i64, until: i64) -> SqlResult<Vec<KindCount>> {
    let sql = format!(
        "SELECT {KIND_COUNTS} {SEEN} AND understood = 'unknown'
         GROUP BY full_kind ORDER BY records DESC, full_kind"
    );
    db.prepare(&sql)?.query_map([since, until], KindCount::read)?.collect()
}

fn problems(db: &Connection, since: i64, until: i64) -> SqlResult<Vec<LineProblem>> {
    let sql = format!(
        "SELECT coalesce((SELECT path FROM files f WHERE f.stream = e.stream), '?') AS path, {LINE_PROBLEM}
         {SEEN} AND e.problem IS NOT NULL ORDER BY p.place, e.line, e.part LIMIT ?3"
    );
    let mut statement = db.prepare(&sql)?;
    let rows = statement.query_map(params![since, until, LISTED_MAX as i64], |row| {
        LineProblem::read(row).map(without_folder)
    })?;
    rows.collect()
}

/// Where a home lies on somebody's disk is nobody's business; names of rollouts are unique.
fn without_folder(problem: LineProblem) -> LineProblem {
    let name = problem.path.rsplit(['/', '\\']).next().unwrap_or_default();
    LineProblem { path: name.to_string(), ..problem }
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
         GROUP BY session_id ORDER BY session_id",
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
            .query_row(sql, [], |row| {
                Ok(RuleSetName { name: row.get("name")?, digest: row.get("digest")? })
            })
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
        "SELECT h.rule, sum(h.passages) AS passages {hits} AND coalesce(h.rule, '') <> ''
         GROUP BY h.rule ORDER BY sum(h.passages) DESC, h.rule"
    );
    found.by_rule = db
        .prepare(&by_rule)?
        .query_map([since, until], |row| {
            Ok(RuleCount { rule: row.get("rule")?, passages: row.count("passages")? })
        })?
        .collect::<SqlResult<_>>()?;
    let by_hand = format!(
        "SELECT n.redaction, r.actor, r.reason, n.passages FROM (
            SELECT h.redaction, sum(h.passages) AS passages {hits} AND coalesce(h.redaction, 0) > 0
            GROUP BY h.redaction) n
         LEFT JOIN redactions r ON r.seq = n.redaction ORDER BY n.redaction"
    );
    found.by_hand = db
        .prepare(&by_hand)?
        .query_map([since, until], |row| {
            Ok(HandCount {
                redaction: row.seq("redaction")?,
                actor: row.get("actor")?,
                reason: row.get("reason")?,
                passages: row.count("passages")?,
            })
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
        "SELECT seq, recorded_at_ms, verb, actor, detail || coalesce(': ' || reason, '') AS detail FROM actions
         WHERE verb IN ('reveal', 'export', 'bundle', 'erase', 'erasure', 'publish_unsafe') AND recorded_at_ms >= ?1
            AND recorded_at_ms < ?2 ORDER BY seq",
    )?;
    let rows = statement.query_map([since, until], |row| {
        Ok(Access {
            seq: row.seq("seq")?,
            at_ms: row.get("recorded_at_ms")?,
            verb: row.get("verb")?,
            actor: row.get("actor")?,
            detail: row.get("detail")?,
        })
    })?;
    let mut found = Accesses::default();
    for access in rows {
        let access = access?;
        let counter = match access.verb.as_str() {
            "reveal" => &mut found.reveals,
            "export" | "bundle" => &mut found.exports,
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
