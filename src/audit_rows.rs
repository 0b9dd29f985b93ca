//! Rows of the page of an audit: bodies, signature, views, what could not be read, what is not proven.

use crate::text::{bytes, count, entries, plural, problem_lines};
use codex_ledger_app::{Against, Audit, Seq, Status, ViewsVerdict, Vouched};
use codex_ledger_query::FileProblems;
use codex_ledger_report::{Section, SheetRow};

/// What became of the bodies.
pub fn bodies(audit: &Audit) -> Vec<SheetRow> {
    let mut rows = vec![SheetRow::fact("bodies re-hashed", bytes(audit.bytes))];
    let bodies = audit.bodies;
    for (what, number) in [
        ("bodies OK", bodies.ok),
        ("bodies PENDING: acknowledged, in the journal alone so far", bodies.pending),
        ("bodies ERASED: gone, as entries say", bodies.erased),
        ("bodies LOSS: missing, and no act says why", bodies.loss),
        ("bodies VIOLATION: there, but not what was committed", bodies.violation),
    ] {
        rows.push(SheetRow::fact(what, count(number)));
    }
    rows
}

/// How the views stand, as long as nobody has compared them.
pub fn views_now(status: &Status) -> String {
    let behind = |cursor: Seq| status.head.size.saturating_sub(cursor.get());
    match (&status.outdated, status.cursor) {
        (Some(reason), _) => format!("are not read: {reason}"),
        (None, None) => views_words(ViewsVerdict::Absent).into(),
        (None, Some(cursor)) if behind(cursor) == 0 => "have all entries; not compared".into(),
        (None, Some(cursor)) => format!("are {} behind", entries(behind(cursor))),
    }
}

/// Who has signed it.
pub fn signed_by(vouched: Option<&Vouched>) -> String {
    match vouched {
        None => "nobody".into(),
        Some(Vouched { signed_by: None, .. }) => "a key that is not known here".into(),
        Some(Vouched { signed_by: Some(key), against: Against::Consistent { .. }, .. }) => {
            format!("key {key} of this user")
        }
        Some(Vouched { signed_by: Some(key), .. }) => {
            format!("key {key} of this user, but what was signed is not what is there")
        }
    }
}

/// How the views compare, in words.
pub fn views_words(views: ViewsVerdict) -> &'static str {
    match views {
        ViewsVerdict::Match => "say what a rebuild says",
        ViewsVerdict::Stale => "are behind; the next append brings them up to date",
        ViewsVerdict::Absent => "there are none",
        ViewsVerdict::Differ => "differ from a rebuild",
        ViewsVerdict::NotCompared => "were not compared",
    }
}

/// What could not be read.
pub fn unreadable(status: Option<&Status>) -> Section {
    let coverage = status.and_then(|status| status.coverage.as_ref());
    let heading = "What could not be read".to_string();
    let Some(coverage) = coverage else {
        let note = Some("Not known: the views cannot be read.".into());
        return Section { name: "unreadable", heading, note, rows: Vec::new() };
    };
    let file = |of: &FileProblems| SheetRow {
        what: "lines that are no records".into(),
        about: of.path.clone(),
        why: problem_lines(of.lines, (of.line, of.offset), &of.reasons),
        ..SheetRow::default()
    };
    let mut rows: Vec<SheetRow> = coverage.unreadable_files.iter().map(file).collect();
    rows.extend(coverage.damaged.iter().map(|of| SheetRow {
        what: "not read to its end".into(),
        about: of.path.clone(),
        why: of.reason.clone(),
        ..SheetRow::default()
    }));
    rows.extend(coverage.not_understood.iter().map(|of| SheetRow {
        what: "records of a kind that is not known".into(),
        about: of.kind.clone(),
        why: plural(of.records, "record"),
        ..SheetRow::default()
    }));
    rows.extend(coverage.unknown_fields.iter().map(|of| SheetRow {
        what: "fields that are not known".into(),
        about: of.fields.clone(),
        why: plural(of.records, "record"),
        ..SheetRow::default()
    }));
    let note = format!(
        "{} of lines in {}; {} of them understood. The bytes of all are in the log.",
        bytes(coverage.bytes),
        plural(coverage.streams.rollouts + coverage.streams.others, "source"),
        bytes(coverage.bytes_understood)
    );
    Section { name: "unreadable", heading, note: Some(note), rows }
}

/// What nobody can conclude from all this.
pub fn not_proven(vouched: Option<&Vouched>) -> Section {
    let mut facts = vec![
        "That the agent's logs said what the agent did, and that what was never appended is not missing.",
        "When something was recorded: the clock is that of this machine.",
        "That the owner of the key has not rewritten the log, or cut it together with all of its checkpoints here. A checkpoint that \
         is kept elsewhere proves that: audit --against FILE.",
    ];
    if vouched.is_none() {
        facts.insert(0, "That nobody has replaced the whole log by another one: it is not signed.");
    }
    let rows = facts.into_iter().map(|fact| SheetRow::fact(fact, ""));
    Section {
        name: "not_proven",
        heading: "What is not proven".into(),
        note: None,
        rows: rows.collect(),
    }
}
