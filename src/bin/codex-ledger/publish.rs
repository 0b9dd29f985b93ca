//! `report --publish`: an index and its pages in a folder, of which only what changed is written.
//!
//! The manifest names our pages and their digests. What it does not name is not ours: it is neither
//! overwritten nor removed.

use crate::door::{Done, Door, Result, Style};
use crate::report::{By, Format, ReportArgs, Whole, extension, failed, render, renderer};
use crate::text::{plural, safe};
use codex_ledger::app::{App, AppError, ErrorKind, PriceTable, SecretScan};
use codex_ledger::query::{Mode, ReportReader, ReportRequest};
use codex_ledger::report::{PageLink, escape, html_index, markdown_index};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

const MANIFEST: &str = "codex-ledger.json";
const SCHEMA: &str = "codex-ledger.publish/1";
/// Of an id, its beginning, which `show` takes, and its end, which is random: ids of one minute begin alike.
const ID_CHARS: (usize, usize) = (8, 6);

/// Which files of the folder are ours, each with its SHA-256; none while it is being written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    schema: String,
    pages: BTreeMap<String, Option<String>>,
}

/// A page to be: its file, and what narrows the report down to it.
struct Page {
    link: PageLink,
    request: ReportRequest,
}

/// What was found or done.
#[derive(Default)]
struct Outcome {
    written: Vec<String>,
    removed: Vec<String>,
    unchanged: u64,
    /// Pages that are not as they should be, and why.
    stale: Vec<(String, &'static str)>,
    /// Secrets that would be published: page, rule, line.
    secrets: Vec<(String, String, usize)>,
}

pub fn run(
    door: &Door,
    app: &App,
    args: &ReportArgs,
    dir: &Path,
    request: &ReportRequest,
) -> Result<Done> {
    let format = match args.format {
        None => Format::Md,
        Some(format @ (Format::Md | Format::Html)) => format,
        Some(_) => return Err(usage("--publish writes Markdown or HTML", "--format md or html")),
    };
    if request.mode == Mode::Tokens {
        return Err(usage("--publish has pages of prompts", "--mode prompts, actions or full"));
    }
    if dir.exists() && !dir.is_dir() {
        let message = format!("--publish: {} is not a directory", dir.display());
        return Err(AppError::new(ErrorKind::Usage, message).hint("name a folder"));
    }
    let report = app.report(request.clone(), PriceTable::builtin())?;
    if report.head().sessions.is_empty() && !door.global.quiet {
        crate::door::say("codex-ledger: no sessions match; the index is empty");
    }
    let pages = match args.by {
        By::Session => by_session(&report, request, format),
        By::Day => by_day(app, &report, request, format)?,
    };
    let index = format!("index.{}", extension(format));
    let mut folder = Folder::open(dir, args.check)?;
    folder.claim(pages.iter().map(|page| &page.link.file).chain([&index]))?;
    let mut links = Vec::new();
    let scan = SecretScan::new()?;
    for page in pages {
        let (bytes, link) = page_bytes(app, page, format, args.by)?;
        let secrets = scan.secrets(&String::from_utf8_lossy(&bytes)).into_iter();
        let secrets = secrets.map(|(rule, line)| (link.file.clone(), rule, line));
        folder.outcome.secrets.extend(secrets);
        folder.put(&link.file, &bytes)?;
        links.push(link);
    }
    let mut bytes = Vec::new();
    let written = match format {
        Format::Html => html_index(&mut bytes, report.head(), &links),
        _ => markdown_index(&mut bytes, report.head(), &links),
    };
    written.map_err(|e| failed(&index, &e))?;
    folder.put(&index, &bytes)?;
    let outcome = folder.finish()?;
    say(door, dir, &outcome, args.check)?;
    let is_clean = outcome.secrets.is_empty() && (!args.check || outcome.stale.is_empty());
    Ok(if is_clean { Done::Clean } else { Done::Findings })
}

fn usage(message: &str, hint: &str) -> AppError {
    AppError::new(ErrorKind::Usage, message).hint(hint)
}

/// One page per session id, named after its day and the beginning of its id.
fn by_session(report: &ReportReader, request: &ReportRequest, format: Format) -> Vec<Page> {
    let head = report.head();
    let mut ids = BTreeSet::new();
    let mut of_names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for session in &head.sessions {
        of_names.entry(short_id(&session.id)).or_default().insert(session.id.clone());
    }
    let mut pages = Vec::new();
    for session in head.sessions.iter().filter(|session| ids.insert(session.id.clone())) {
        let day = session.started_at_ms.and_then(|ms| head.zone.date(ms));
        let day = day.map_or_else(|| "undated".into(), |day| day.to_string());
        let short = short_id(&session.id);
        let is_first = of_names.get(&short).and_then(BTreeSet::first) == Some(&session.id);
        let id = if is_first { short } else { escape::slug(&session.id) };
        let file = format!("{day}-{id}.{}", extension(format));
        let mut request = page_request(request);
        request.filter.sessions = vec![session.id.clone()];
        request.title.get_or_insert_with(|| "Codex session".into());
        pages.push(Page { link: PageLink::of_session(&head.zone, session, file), request });
    }
    pages
}

/// The same whatever else is published, but for ids that are alike at both ends.
fn short_id(id: &str) -> String {
    let slug = escape::slug(id);
    let (first, last) = ID_CHARS;
    if slug.len() <= first + last {
        return slug;
    }
    format!("{}-{}", &slug[..first], &slug[slug.len() - last..])
}

fn by_day(
    app: &App,
    report: &ReportReader,
    request: &ReportRequest,
    format: Format,
) -> Result<Vec<Page>> {
    let mut pages = Vec::new();
    let limited = request.filter.limit.is_some();
    let ids: Vec<String> = report.head().sessions.iter().map(|of| of.id.clone()).collect();
    for (day, from_ms, to_ms) in app.report_days(report)? {
        let mut request = page_request(request);
        if limited {
            request.filter.sessions = ids.clone();
        }
        let filter = &mut request.filter;
        filter.since_ms = filter.since_ms.max(Some(from_ms));
        filter.until_ms = Some(filter.until_ms.unwrap_or(to_ms).min(to_ms));
        (request.since_said, request.until_said) = (Some(day.clone()), Some(day.clone()));
        request.title.get_or_insert_with(|| format!("Codex on {day}"));
        let file = format!("{day}.{}", extension(format));
        let link = PageLink { file, when: day, label: String::new(), counts: String::new() };
        pages.push(Page { link, request });
    }
    Ok(pages)
}

fn page_request(request: &ReportRequest) -> ReportRequest {
    let mut request = request.clone();
    request.page = true;
    request.filter.limit = None;
    request
}

fn page_bytes(app: &App, page: Page, format: Format, by: By) -> Result<(Vec<u8>, PageLink)> {
    let Page { mut link, request } = page;
    let report = app.report(request, PriceTable::builtin())?;
    let mut bytes = Vec::new();
    render(app, &report, &mut [(&mut *renderer(format), &mut bytes)])
        .map_err(|e| e.at(&link.file))?;
    if by == By::Day {
        link = PageLink::of_day(&link.when, report.head(), link.file);
    }
    Ok((bytes, link))
}

/// The folder, and what becomes of it.
struct Folder<'a> {
    dir: &'a Path,
    only_check: bool,
    old: Manifest,
    new: Manifest,
    outcome: Outcome,
}

impl<'a> Folder<'a> {
    fn open(dir: &'a Path, only_check: bool) -> Result<Folder<'a>> {
        let empty = Manifest { schema: SCHEMA.into(), pages: BTreeMap::new() };
        let path = dir.join(MANIFEST);
        let old = match fs::read(&path) {
            Ok(bytes) => {
                let wrong = |reason: String| {
                    let message = format!("{}: {reason}", path.display());
                    AppError::new(ErrorKind::Usage, message).hint("publish into another folder")
                };
                let old: Manifest =
                    serde_json::from_slice(&bytes).map_err(|e| wrong(e.to_string()))?;
                let is_name = |name: &String| !name.contains(['/', '\\']) && !name.starts_with('.');
                if old.schema != SCHEMA || !old.pages.keys().all(is_name) {
                    return Err(wrong(format!("no manifest of the kind {SCHEMA}")));
                }
                old
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => empty.clone(),
            Err(e) => return Err(failed(path.display(), &e)),
        };
        Ok(Folder { dir, only_check, old, new: empty, outcome: Outcome::default() })
    }

    /// Makes sure that no file of somebody else is in the way, and notes the names before they are used.
    fn claim<'n>(&mut self, names: impl Iterator<Item = &'n String>) -> Result<()> {
        let mut all = self.old.clone();
        for name in names.filter(|name| !self.old.pages.contains_key(*name)) {
            let path = self.dir.join(name);
            if path.exists() && !self.only_check {
                let message = format!("{}: is there and not one of our pages", path.display());
                return Err(AppError::new(ErrorKind::Usage, message)
                    .hint("move it away, or publish into another folder"));
            }
            all.pages.insert(name.clone(), None);
        }
        if self.only_check || all == self.old {
            return Ok(());
        }
        let _shared = crate::private::shared();
        fs::create_dir_all(self.dir).map_err(|e| failed(self.dir.display(), &e))?;
        self.write_manifest(&all)
    }

    fn put(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.dir.join(name);
        let digest = hex(bytes);
        self.new.pages.insert(name.to_string(), Some(digest.clone()));
        let found = match fs::read(&path) {
            Ok(found) => Some(hex(&found)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(failed(path.display(), &e)),
        };
        if found.as_ref() == Some(&digest) {
            self.outcome.unchanged += 1;
            return Ok(());
        }
        if !self.only_check {
            let _shared = crate::private::shared();
            let mut out = Whole::create(&path)?;
            out.write_all(bytes).map_err(|e| failed(path.display(), &e))?;
            out.finish()?;
            self.outcome.written.push(name.to_string());
            return Ok(());
        }
        let ours = self.old.pages.get(name).cloned().flatten();
        let reason = match found {
            None => "missing",
            Some(found) if ours.is_some_and(|ours| ours == found) => "out of date",
            Some(_) => "changed by somebody else",
        };
        self.outcome.stale.push((name.to_string(), reason));
        Ok(())
    }

    /// Removes what is no longer part of the result, where it is still as we wrote it.
    fn finish(mut self) -> Result<Outcome> {
        let gone: Vec<(String, Option<String>)> = self
            .old
            .pages
            .iter()
            .filter(|(name, _)| !self.new.pages.contains_key(*name))
            .map(|(name, digest)| (name.clone(), digest.clone()))
            .collect();
        for (name, digest) in gone {
            let path = self.dir.join(&name);
            let Ok(found) = fs::read(&path) else { continue };
            if self.only_check {
                self.outcome.stale.push((name, "no longer part of the result"));
            } else if digest.is_none_or(|digest| digest == hex(&found)) {
                fs::remove_file(&path).map_err(|e| failed(path.display(), &e))?;
                self.outcome.removed.push(name);
            } else {
                self.outcome.stale.push((name, "kept: changed by somebody else"));
            }
        }
        let text = fs::read(self.dir.join(MANIFEST)).unwrap_or_default();
        if self.only_check {
            if self.old.pages.keys().ne(self.new.pages.keys()) && self.outcome.stale.is_empty() {
                self.outcome.stale.push((MANIFEST.into(), "out of date"));
            }
        } else if text != manifest_text(&self.new) {
            self.write_manifest(&self.new)?;
        }
        Ok(self.outcome)
    }

    fn write_manifest(&self, manifest: &Manifest) -> Result<()> {
        let path = self.dir.join(MANIFEST);
        let _shared = crate::private::shared();
        let mut out = Whole::create(&path)?;
        out.write_all(&manifest_text(manifest)).map_err(|e| failed(path.display(), &e))?;
        out.finish().map(|_| ())
    }
}

fn manifest_text(manifest: &Manifest) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(manifest).unwrap_or_default();
    text.push(b'\n');
    text
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn say(door: &Door, dir: &Path, outcome: &Outcome, only_check: bool) -> Result<()> {
    let Outcome { written, removed, unchanged, stale, secrets } = outcome;
    if door.global.json {
        let stale: Vec<_> =
            stale.iter().map(|(page, reason)| json!({"page": page, "reason": reason})).collect();
        return door.print_json(&json!({
            "dir": dir, "ok": secrets.is_empty() && (!only_check || stale.is_empty()), "written": written,
            "removed": removed, "unchanged": unchanged, "stale": stale,
            "secrets": secrets.iter().map(|(page, rule, line)| json!({"page": page, "rule": rule, "line": line})).collect::<Vec<_>>(),
        }));
    }
    let mut out = String::new();
    for (page, reason) in stale {
        out.push_str(&format!("  {}  {reason}\n", door.paint(Style::Yellow, safe(page))));
    }
    for (page, rule, line) in secrets {
        let what =
            format!("line {line}: {rule}: looks like a secret; hide it with `codex-ledger redact`");
        out.push_str(&format!("  {}  {what}\n", door.paint(Style::Red, safe(page))));
    }
    let dir = dir.display();
    let line = match (only_check, stale.is_empty()) {
        (true, true) => format!("{dir} is up to date, {}", plural(*unchanged, "page")),
        (true, false) => format!("{dir} is not up to date; publish again without --check"),
        (false, _) => format!(
            "{dir}: {} written, {} unchanged, {} removed",
            plural(written.len() as u64, "page"),
            unchanged,
            removed.len()
        ),
    };
    if door.global.quiet && stale.is_empty() && secrets.is_empty() {
        return Ok(());
    }
    door.print(&format!("{out}{line}\n"))
}
