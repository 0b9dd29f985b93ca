//! An audit as one page, for whoever reviews what was done.

use crate::audit::{self, Backing, detail, plain_detail};
use crate::audit_rows::{bodies, not_proven, signed_by, unreadable, views_now, views_words};
use crate::door::{Door, Result};
use crate::error::DoorError;
use crate::filters::zone_named;
use crate::text::{self, count, entries, plural};
use codex_ledger_app::audit::Finding;
use codex_ledger_app::publish::Part;
use codex_ledger_app::{
    App, Audit, HeadSummary, KeyEnd, KeyEvent, Listener, Status, ViewsVerdict, Vouched, World,
};
use codex_ledger_query::{ActFilter, ActRow, Zone};
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
/// The same of a page of `serve`, which has a log of its own.
const ROWS_SERVED_MAX: usize = 20;

/// What a page is made of.
struct Told<'a> {
    app: &'a App,
    zone: &'a Zone,
    /// None where only that was looked at which is at hand.
    audit: Option<&'a Audit>,
    head: Option<&'a HeadSummary>,
    /// How ledger and views stand; none where that cannot be read.
    status: Option<&'a Status>,
    findings: &'a [Finding],
    backing: &'a Backing,
    detail: &'a dyn Fn(&Finding) -> String,
    /// Rows of a section, at most.
    max: usize,
    /// Where the others are.
    rest: &'static str,
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
    (audit, backing): (&Audit, &Backing),
    (format, output): (PageFormat, Option<&Path>),
) -> Result<()> {
    use codex_ledger_app::publish::Language;
    let is_whole = matches!(format, PageFormat::Csv | PageFormat::Json);
    let status = app.status().ok();
    let told = Told {
        app,
        zone: &zone_named(door, None)?,
        audit: Some(audit),
        head: audit.head.as_ref(),
        status: status.as_ref(),
        findings: &audit.findings,
        backing,
        detail: &|finding| detail(door, finding),
        max: if is_whole { usize::MAX } else { ROWS_MAX },
        rest: "are in the table (CSV)",
    };
    let sheet = sheet(&told);
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
        door.print(&format!("{}  {}\n", text::safe_path(&file.path), text::bytes(file.bytes)))?;
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

/// The same for a page of `serve`: of everything where somebody hears how far that is, else of what is at hand.
///
/// # Errors
/// When there is no ledger that can be read.
pub fn served(app: &App, zone: &Zone, listener: Option<Listener<'_>>) -> Result<Sheet> {
    let (audit, backing, mut findings) = match listener {
        Some(listener) => {
            let (audit, backing) = audit::whole(app, true, listener)?;
            (Some(audit), backing, Vec::new())
        }
        None => {
            let (backing, findings) = audit::backing(app);
            (None, backing, findings)
        }
    };
    let status = match &audit {
        None => Some(app.status()?),
        Some(_) => app.status().ok(),
    };
    findings.extend(audit.iter().flat_map(|audit| audit.findings.iter().cloned()));
    let at_hand = status.as_ref().map(|status| &status.head);
    Ok(sheet(&Told {
        app,
        zone,
        head: audit.as_ref().map_or(at_hand, |audit| audit.head.as_ref()),
        audit: audit.as_ref(),
        status: status.as_ref(),
        findings: &findings,
        backing: &backing,
        detail: &plain_detail,
        max: ROWS_SERVED_MAX,
        rest: "are in the log of acts",
    }))
}

fn sheet(told: &Told<'_>) -> Sheet {
    let acts = acts(told.app);
    let vouched = told.backing.vouched.as_ref();
    let is_good = told.findings.is_empty();
    let findings = plural(told.findings.len() as u64, "finding");
    let verdict = match (told.audit, is_good) {
        (Some(audit), true) => format!("Sound: {} verified.", entries(audit.entries)),
        (Some(audit), false) => {
            format!("Not sound: {findings}, {} verified.", entries(audit.entries))
        }
        (None, true) => "Nothing speaks against it at a first look.".into(),
        (None, false) => format!("Not sound: {findings} at a first look."),
    };
    let mut sections =
        vec![made(told.app, told.zone), integrity(told, acts.as_deref()), keys(told), found(told)];
    match &acts {
        None => sections.push(Section {
            name: "acts",
            heading: "Who did what".into(),
            note: Some("Not known: the views cannot be read; `codex-ledger rebuild-views` makes them anew.".into()),
            rows: Vec::new(),
        }),
        Some(acts) => {
            sections.push(notable(acts, told));
            sections.push(rules(acts, told));
            sections.push(daily(acts, told.zone));
        }
    }
    sections.push(unreadable(told.status));
    sections.push(not_proven(vouched));
    Sheet { title: "Audit of a codex-ledger".into(), verdict, is_good, sections }
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
fn keys(told: &Told<'_>) -> Section {
    let (app, Backing { cosigned, stamps, .. }) = (told.app, told.backing);
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
        let size = cosigned.as_ref().map_or(0, |cosigned| cosigned.size);
        let at = text::minute(Some((witness.at_secs as i64).saturating_mul(1000)));
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
    Section { name: "keys", heading: "Keys, witnesses and time stamps".into(), note, rows }
}

fn integrity(told: &Told<'_>, acts: Option<&[ActRow]>) -> Section {
    let (vouched, zone) = (told.backing.vouched.as_ref(), told.zone);
    let mut rows = Vec::new();
    if let Some(head) = told.head {
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
    rows.extend(told.audit.into_iter().flat_map(bodies));
    rows.push(SheetRow::fact("signed by", signed_by(vouched)));
    if let Some(Vouched { size, .. }) = vouched {
        rows.push(SheetRow::fact("signed up to", entries(*size)));
    }
    let views = match (told.audit, told.status) {
        (Some(audit), _) => views_words(audit.views).to_string(),
        (None, Some(status)) => views_now(status),
        (None, None) => views_words(ViewsVerdict::NotCompared).to_string(),
    };
    rows.push(SheetRow::fact("views", views));
    let note = told.audit.is_none().then(|| {
        "Looked at HEAD and its checkpoint alone: no entry was read and no body hashed.".to_string()
    });
    let heading = "Is it intact, and who vouches for it".into();
    Section { name: "integrity", heading, note, rows }
}

fn found(told: &Told<'_>) -> Section {
    let row = |finding: &Finding| SheetRow {
        entry: finding.seq.map(|seq| seq.get()),
        what: finding.kind.name().into(),
        about: finding.file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        why: (told.detail)(finding),
        ..SheetRow::default()
    };
    let rows: Vec<SheetRow> = told.findings.iter().map(row).collect();
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
fn newest(rows: Vec<SheetRow>, told: &Told<'_>) -> (Vec<SheetRow>, Option<String>) {
    let more = rows.len().saturating_sub(told.max);
    let note = match (rows.is_empty(), more) {
        (true, _) => Some("Nothing.".to_string()),
        (false, 0) => None,
        (false, more) => Some(format!(
            "The newest {}; {} more {}.",
            count(told.max as u64),
            count(more as u64),
            told.rest
        )),
    };
    (rows.into_iter().skip(more).collect(), note)
}

fn notable(acts: &[ActRow], told: &Told<'_>) -> Section {
    let is_one = |act: &&ActRow| NOTABLE.contains(&act.kind.as_str()) && act.kind != "rules";
    let (rows, note) =
        newest(acts.iter().filter(is_one).map(|act| act_row(act, told.zone)).collect(), told);
    let heading = "Who hid, showed, gave away, repaired or destroyed what, and why".into();
    Section { name: "acts", heading, note, rows }
}

fn rules(acts: &[ActRow], told: &Told<'_>) -> Section {
    let of = acts.iter().filter(|act| act.kind == "rules").map(|act| act_row(act, told.zone));
    let (rows, note) = newest(of.collect(), told);
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
