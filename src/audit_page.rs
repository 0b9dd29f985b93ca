//! An audit as one page, for whoever reviews what was done.

use crate::audit::detail;
use crate::door::{Door, Result};
use crate::error::DoorError;
use crate::filters::zone_named;
use crate::text::{bytes, count, entries, plural, problem_lines};
use codex_ledger_app::publish::Part;
use codex_ledger_app::{
    Against, App, Audit, Cosigned, KeptStamp, KeyEnd, KeyEvent, ViewsVerdict, Vouched, World,
};
use codex_ledger_query::{ActFilter, ActRow, FileProblems, Zone};
use codex_ledger_report::{Section, Sheet, SheetRow};
use std::collections::BTreeMap;
use std::path::Path;

/// Acts that are no one's daily work: what was hidden, shown, given away, destroyed or decided.
const NOTABLE: [&str; 20] = [
    "redaction",
    "undo",
    "rules",
    "reveal",
    "export",
    "bundle",
    "publish_unsafe",
    "import",
    "erase",
    "hold",
    "release",
    "repair",
    "sign_anew",
    "rotate_key",
    "revoke_key",
    "report",
    "token",
    "revoke_token",
    "cosign",
    "stamp",
];
/// Rows of a section of a page; a table has all of them.
const ROWS_MAX: usize = 500;

/// What stands on it.
pub struct Findings<'a> {
    pub audit: &'a Audit,
    pub vouched: Option<&'a Vouched>,
    pub cosigned: Option<&'a Cosigned>,
    pub stamps: &'a [KeptStamp],
}

/// How the page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PageFormat {
    /// Markdown
    #[value(alias = "markdown")]
    Md,
    /// One table
    Csv,
    /// One self-contained page
    Html,
    /// One document, for programs
    Json,
}

impl PageFormat {
    /// What the end of a file's name says.
    pub fn of_name(path: &Path) -> Option<PageFormat> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "md" | "markdown" => Some(PageFormat::Md),
            "csv" => Some(PageFormat::Csv),
            "html" | "htm" => Some(PageFormat::Html),
            "json" => Some(PageFormat::Json),
            _ => None,
        }
    }
}

/// Writes the page, to a file past the gate, else to standard output.
pub fn write(
    door: &Door,
    app: &App,
    findings: &Findings<'_>,
    (format, output): (PageFormat, Option<&Path>),
) -> Result<()> {
    use codex_ledger_app::publish::Language;
    let sheet = sheet(door, app, findings, matches!(format, PageFormat::Csv | PageFormat::Json))?;
    let (text, language) = match format {
        PageFormat::Md => (sheet.markdown(), Language::Markdown),
        PageFormat::Csv => (sheet.csv(), Language::Csv),
        PageFormat::Html => (sheet.html(), Language::Html),
        PageFormat::Json => (sheet.json(), Language::Json),
    };
    let Some(path) = output else { return door.print(&text) };
    let part = Part { texts: sheet.texts(), ..Part::default() };
    let written = app.write_document(path, language, &text, &[part], None)?;
    if let Some(held) = written.withheld.first() {
        let rules: Vec<&str> = held.findings.iter().map(|found| found.rule.as_str()).collect();
        return Err(DoorError::new(format!(
            "{}: not written: something in it looks like a secret, or is hidden ({})",
            path.display(),
            rules.join(", ")
        ))
        .hint("`codex-ledger audit log` shows the acts; hide it with `codex-ledger redact`"));
    }
    for file in written.files.iter().filter(|_| !door.global.quiet) {
        door.print(&format!("{}  {}\n", crate::text::safe_path(&file.path), bytes(file.bytes)))?;
    }
    Ok(())
}

/// The acts of a ledger, as far as its views can be read.
pub fn acts(app: &App) -> Option<Vec<ActRow>> {
    app.acts(&ActFilter::default()).ok().map(|(acts, _)| acts)
}

/// How many acts of each kind there are, those of daily work left out.
pub fn notable_counts(acts: &[ActRow]) -> BTreeMap<&str, u64> {
    let mut counts = BTreeMap::new();
    for act in acts.iter().filter(|act| NOTABLE.contains(&act.kind.as_str())) {
        *counts.entry(act.kind.as_str()).or_default() += 1;
    }
    counts
}

fn sheet(door: &Door, app: &App, findings: &Findings<'_>, is_whole: bool) -> Result<Sheet> {
    let Findings { audit, vouched, cosigned, stamps } = *findings;
    let zone = zone_named(door, None)?;
    let acts = acts(app);
    let is_good = audit.findings.is_empty();
    let verdict = match is_good {
        true => format!("Sound: {} verified.", entries(audit.entries)),
        false => format!(
            "Not sound: {}, {} verified.",
            plural(audit.findings.len() as u64, "finding"),
            entries(audit.entries)
        ),
    };
    let max = if is_whole { usize::MAX } else { ROWS_MAX };
    let mut sections = vec![made(app, &zone), integrity(audit, vouched, acts.as_deref(), &zone)];
    sections.push(keys(app, cosigned, stamps)?);
    sections.push(found(door, audit));
    match &acts {
        None => sections.push(Section {
            name: "acts",
            heading: "Who did what".into(),
            note: Some("Not known: the views cannot be read; `codex-ledger rebuild-views` makes them anew.".into()),
            rows: Vec::new(),
        }),
        Some(acts) => {
            sections.push(notable(acts, &zone, max));
            sections.push(rules(acts, &zone, max));
            sections.push(daily(acts, &zone));
        }
    }
    sections.push(unreadable(app));
    sections.push(not_proven(vouched));
    Ok(Sheet { title: "Audit of a codex-ledger".into(), verdict, is_good, sections })
}

/// What the page is about, and of when.
fn made(app: &App, zone: &Zone) -> Section {
    let now = World::real().clock.now() / 1_000_000;
    let mut rows = Vec::new();
    rows.extend(app.log_name().ok().map(|name| SheetRow::fact("log", name)));
    rows.push(SheetRow::fact("made at", format!("{} ({})", zone.minute(now as i64), zone.name())));
    rows.push(SheetRow::fact("made by", app.actor()));
    rows.push(SheetRow::fact("program", concat!("codex-ledger ", env!("CARGO_PKG_VERSION"))));
    Section { name: "page", heading: "What this is about".into(), note: None, rows }
}

/// The keys that signed it, and who else has seen it.
fn keys(app: &App, cosigned: Option<&Cosigned>, stamps: &[KeptStamp]) -> Result<Section> {
    let mut rows = Vec::new();
    let ended = |event: &KeyEvent| SheetRow {
        entry: Some(event.seq.get()),
        who: event.actor.clone(),
        what: match event.end {
            KeyEnd::Rotated => "rotated".into(),
            KeyEnd::Revoked => "revoked: it vouches for nothing".into(),
        },
        about: event.key.clone(),
        why: event.reason.clone(),
        ..SheetRow::default()
    };
    rows.extend(app.key_events().unwrap_or_default().iter().map(ended));
    let own = crate::keys::verifier(app, None).ok().flatten();
    rows.extend(own.map(|key| SheetRow::fact("in use here", key.to_string())));
    for witness in cosigned.iter().flat_map(|cosigned| &cosigned.by) {
        let size = cosigned.map_or(0, |cosigned| cosigned.size);
        let at = crate::text::minute(Some((witness.at_secs as i64).saturating_mul(1000)));
        rows.push(SheetRow {
            at: format!("{at} (UTC, as it says)"),
            what: format!("cosigned {}", entries(size)),
            about: witness.name.clone(),
            ..SheetRow::default()
        });
    }
    for stamp in stamps {
        let size = stamp.size.map(entries).unwrap_or_default();
        let at = stamp.at_secs.map(|at| crate::stamp::when(at, None));
        rows.push(SheetRow {
            entry: Some(stamp.seq.get()),
            at: at.unwrap_or_default(),
            what: match &stamp.refused {
                None => format!("time stamp over {size}"),
                Some(why) if stamp.is_unchecked() => format!("time stamp over {size}, {why}"),
                Some(why) => format!("time stamp over {size} that proves nothing: {why}"),
            },
            about: match (&stamp.by, stamp.accuracy_secs) {
                (Some(by), Some(secs)) => format!("{by}, as it says, give or take {secs} s"),
                (Some(by), None) => format!("{by}, as it says"),
                _ => String::new(),
            },
            ..SheetRow::default()
        });
    }
    let note = match (cosigned.is_none(), stamps.is_empty()) {
        (true, true) => {
            Some("No witness has cosigned it, no authority has stamped it.".to_string())
        }
        (true, false) => Some("No witness has cosigned it.".to_string()),
        (false, _) => None,
    };
    Ok(Section { name: "keys", heading: "Keys, witnesses and time stamps".into(), note, rows })
}

fn integrity(
    audit: &Audit,
    vouched: Option<&Vouched>,
    acts: Option<&[ActRow]>,
    zone: &Zone,
) -> Section {
    let mut rows = Vec::new();
    if let Some(head) = &audit.head {
        rows.push(SheetRow::fact("entries", count(head.size)));
        rows.push(SheetRow::fact("last entry", &head.id));
        rows.push(SheetRow::fact("root of the tree", &head.root));
    }
    let at = |act: Option<&ActRow>| act.map(|act| zone.minute(act.recorded_at_ms));
    if let Some(acts) = acts {
        for (what, act) in [("recorded since", acts.first()), ("last act", acts.last())] {
            rows.extend(at(act).map(|at| SheetRow::fact(what, at)));
        }
    }
    rows.push(SheetRow::fact("bodies re-hashed", bytes(audit.bytes)));
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
    rows.push(SheetRow::fact("signed by", signed_by(vouched)));
    if let Some(Vouched { size, .. }) = vouched {
        rows.push(SheetRow::fact("signed up to", entries(*size)));
    }
    rows.push(SheetRow::fact("views", views_words(audit.views)));
    Section {
        name: "integrity",
        heading: "Is it intact, and who vouches for it".into(),
        note: None,
        rows,
    }
}

fn signed_by(vouched: Option<&Vouched>) -> String {
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

fn found(door: &Door, audit: &Audit) -> Section {
    let row = |finding: &codex_ledger_app::audit::Finding| SheetRow {
        entry: finding.seq.map(|seq| seq.get()),
        what: finding.kind.name().into(),
        about: finding.file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        why: detail(door, finding),
        ..SheetRow::default()
    };
    let rows: Vec<SheetRow> = audit.findings.iter().map(row).collect();
    let note = rows.is_empty().then(|| "Nothing.".to_string());
    Section { name: "findings", heading: "What does not hold".into(), note, rows }
}

fn act_row(act: &ActRow, zone: &Zone) -> SheetRow {
    SheetRow {
        entry: Some(act.seq.get()),
        at: zone.minute(act.recorded_at_ms),
        who: act.actor.clone().unwrap_or_default(),
        what: act.kind.clone(),
        about: act.target.clone(),
        why: act.reason.clone().unwrap_or_else(|| match NOTABLE.contains(&act.kind.as_str()) {
            true => "none given".into(),
            false => String::new(),
        }),
    }
}

/// The newest rows, and what is said of those that are left out.
fn newest(rows: Vec<SheetRow>, max: usize) -> (Vec<SheetRow>, Option<String>) {
    let more = rows.len().saturating_sub(max);
    let note = match (rows.is_empty(), more) {
        (true, _) => Some("Nothing.".to_string()),
        (false, 0) => None,
        (false, more) => Some(format!(
            "The newest {}; {} more are in the table (CSV).",
            count(max as u64),
            count(more as u64)
        )),
    };
    (rows.into_iter().skip(more).collect(), note)
}

fn notable(acts: &[ActRow], zone: &Zone, max: usize) -> Section {
    let is_one = |act: &&ActRow| NOTABLE.contains(&act.kind.as_str()) && act.kind != "rules";
    let (rows, note) =
        newest(acts.iter().filter(is_one).map(|act| act_row(act, zone)).collect(), max);
    let heading = "Who hid, showed, gave away, repaired or destroyed what, and why".into();
    Section { name: "acts", heading, note, rows }
}

fn rules(acts: &[ActRow], zone: &Zone, max: usize) -> Section {
    let of = acts.iter().filter(|act| act.kind == "rules").map(|act| act_row(act, zone));
    let (rows, note) = newest(of.collect(), max);
    let said =
        "Each set was in force from its entry on until the next; the last one is now.".to_string();
    let note = note.or(Some(said));
    Section { name: "rules", heading: "Which rules were in force when".into(), note, rows }
}

fn daily(acts: &[ActRow], zone: &Zone) -> Section {
    let mut kinds: BTreeMap<(&str, &str), (u64, i64, i64)> = BTreeMap::new();
    for act in acts {
        let at = act.recorded_at_ms;
        let key = (act.kind.as_str(), act.actor.as_deref().unwrap_or_default());
        let known = kinds.entry(key).or_insert((0, at, at));
        *known = (known.0 + 1, known.1.min(at), known.2.max(at));
    }
    let rows = kinds.into_iter().map(|((kind, actor), (number, from, to))| SheetRow {
        who: actor.into(),
        what: kind.into(),
        about: plural(number, "act"),
        at: match from == to {
            true => zone.minute(from),
            false => format!("{} to {}", zone.minute(from), zone.minute(to)),
        },
        ..SheetRow::default()
    });
    let note = Some(
        "All acts that are recorded, by kind and person. The lines that were appended are not acts.".into(),
    );
    Section { name: "kinds", heading: "All acts".into(), note, rows: rows.collect() }
}

fn unreadable(app: &App) -> Section {
    let coverage = app.status().ok().and_then(|status| status.coverage);
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
    let note = format!(
        "{} of lines in {}; {} of them understood. The bytes of all are in the log.",
        bytes(coverage.bytes),
        plural(coverage.streams.rollouts + coverage.streams.others, "source"),
        bytes(coverage.bytes_understood)
    );
    Section { name: "unreadable", heading, note: Some(note), rows }
}

fn not_proven(vouched: Option<&Vouched>) -> Section {
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
