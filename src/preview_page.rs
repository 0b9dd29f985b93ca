//! A preview: raw text beside what would be published, as text, JSON and one HTML page.

use crate::door::{Door, Style};
use crate::text::{count, one_line, plural, safe};
use codex_ledger_app::{By, SeenText, Seq};
use codex_ledger_report::escape::html;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Bytes of context on each side of a passage.
const CONTEXT_BYTES: usize = 60;

type Name<'a> = &'a dyn Fn(By) -> String;

/// A passage with what stands around it.
struct Passage<'a> {
    before: &'a str,
    text: &'a str,
    after: &'a str,
    /// What is shown instead, and what hides it; `None` where it only looks risky.
    hidden: Option<(&'a str, Vec<By>)>,
}

fn passages(seen: &SeenText) -> Vec<Passage<'_>> {
    let masks = seen
        .masks
        .iter()
        .map(|mask| (mask.start, mask.end, Some((mask.replacement.as_str(), mask.all.clone()))));
    let risks = seen.risky.iter().map(|risk| (risk.start, risk.end, None));
    let mut places: Vec<_> = masks.chain(risks).collect();
    places.sort_by_key(|(start, ..)| *start);
    places
        .into_iter()
        .map(|(start, end, hidden)| Passage {
            before: &seen.raw[floor(&seen.raw, start.saturating_sub(CONTEXT_BYTES))..start],
            text: &seen.raw[start..end],
            after: &seen.raw[end..floor(&seen.raw, (end + CONTEXT_BYTES).min(seen.raw.len()))],
            hidden,
        })
        .collect()
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn counts(found: &[(String, SeenText)], name: Name<'_>) -> (BTreeMap<String, u64>, u64) {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut risky = 0;
    for (_, seen) in found {
        risky += seen.risky.len() as u64;
        for by in seen.masks.iter().flat_map(|mask| &mask.all) {
            *counts.entry(name(*by)).or_default() += 1;
        }
    }
    (counts, risky)
}

/// For the terminal.
pub fn text(door: &Door, found: &[(String, SeenText)], name: Name<'_>) -> String {
    let mut out = String::new();
    for (session, seen) in found {
        let place = format!("{} entry {} {}.{}", safe(session), seen.seq, seen.table, seen.column);
        out.push_str(&door.paint(Style::Dim, place));
        out.push('\n');
        for passage in passages(seen) {
            let (before, after) = (flat(passage.before), flat(passage.after));
            let raw = flat(passage.text);
            match &passage.hidden {
                Some((replacement, by)) => {
                    let by: Vec<String> = by.iter().map(|by| name(*by)).collect();
                    let old = door.paint(Style::Red, format!("- {before}{raw}{after}"));
                    let new =
                        door.paint(Style::Green, format!("+ {before}{}{after}", flat(replacement)));
                    writeln!(out, "  {old}\n  {new}  ({})", safe(&by.join(", "))).ok();
                }
                None => {
                    let line = format!("? {before}{raw}{after}");
                    writeln!(
                        out,
                        "  {}  (looks like a secret, is shown)",
                        door.paint(Style::Yellow, line)
                    )
                    .ok();
                }
            }
        }
    }
    let (counts, risky) = counts(found, name);
    for (name, passages) in &counts {
        writeln!(out, "{:>8}  {}", count(*passages), safe(name)).ok();
    }
    writeln!(out, "{} that look like secrets and are shown", plural(risky, "passage")).ok();
    out
}

fn flat(text: &str) -> String {
    one_line(text, 400)
}

/// For programs.
#[derive(Serialize)]
pub struct Document<'a> {
    texts: Vec<Text<'a>>,
    counts: BTreeMap<String, u64>,
    risky: u64,
}

#[derive(Serialize)]
struct Text<'a> {
    session: &'a str,
    seq: Seq,
    table: &'a str,
    column: &'a str,
    passages: Vec<Shown<'a>>,
}

/// A passage that is hidden, or that only looks as if it should be.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Hidden { before: &'a str, raw: &'a str, shown: &'a str, after: &'a str, by: Vec<String> },
    Risky { before: &'a str, raw: &'a str, after: &'a str, risky: bool },
}

impl<'a> Document<'a> {
    pub fn of(found: &'a [(String, SeenText)], name: Name<'_>) -> Document<'a> {
        let (counts, risky) = counts(found, name);
        let text = |(session, seen): &'a (String, SeenText)| Text {
            session,
            seq: seen.seq,
            table: seen.table,
            column: seen.column,
            passages: passages(seen).into_iter().map(|passage| Shown::of(passage, name)).collect(),
        };
        Document { texts: found.iter().map(text).collect(), counts, risky }
    }
}

impl<'a> Shown<'a> {
    fn of(passage: Passage<'a>, name: Name<'_>) -> Shown<'a> {
        let Passage { before, text: raw, after, hidden } = passage;
        match hidden {
            Some((shown, by)) => {
                let by = by.iter().map(|by| name(*by)).collect();
                Shown::Hidden { before, raw, shown, after, by }
            }
            None => Shown::Risky { before, raw, after, risky: true },
        }
    }
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;\
color:#1a1a1a;background:#fff}h2{font-size:1rem;margin:1.5rem 0 .3rem}td,th{padding:.2rem .6rem;text-align:left;\
vertical-align:top}code{white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.5 ui-monospace,monospace}\
del{background:#ffd7d5;color:#7a0c05;text-decoration:none}ins{background:#d2f4d9;color:#0a4a1b;text-decoration:none}\
mark{background:#fff1b8;color:#4d3800}small{color:#555}@media(prefers-color-scheme:dark){body{background:#14171a;\
color:#e6e6e6}del{background:#5a1e1b;color:#ffdcd9}ins{background:#17492a;color:#d8f5df}mark{background:#5c4a00;\
color:#fff3c4}small{color:#aaa}}";

/// One page without any script or outside request. It holds raw text: keep it to yourself.
pub fn page(found: &[(String, SeenText)], name: Name<'_>) -> String {
    let mut out = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>Redaction preview</title>\
         <style>{STYLE}</style></head><body><main><h1>Redaction preview</h1>\
         <p>This page holds raw text. Do not publish it.</p>"
    );
    let (counts, risky) = counts(found, name);
    out.push_str("<table><thead><tr><th>Hidden by</th><th>Passages</th></tr></thead><tbody>");
    for (name, passages) in &counts {
        write!(out, "<tr><td>{}</td><td>{passages}</td></tr>", html(name)).ok();
    }
    write!(
        out,
        "</tbody></table><p>{} that look like secrets and are shown.</p>",
        plural(risky, "passage")
    )
    .ok();
    for (session, seen) in found {
        write!(
            out,
            "<section><h2>{} <small>entry {} {}.{}</small></h2>",
            html(session),
            seen.seq,
            seen.table,
            seen.column
        )
        .ok();
        for passage in passages(seen) {
            let (before, raw, after) =
                (html(passage.before), html(passage.text), html(passage.after));
            match &passage.hidden {
                Some((replacement, by)) => {
                    let by: Vec<String> = by.iter().map(|by| name(*by)).collect();
                    let (shown, by) = (html(replacement), html(&by.join(", ")));
                    write!(out, "<p><code>{before}<del>{raw}</del><ins>{shown}</ins>{after}</code> <small>{by}</small></p>").ok();
                }
                None => {
                    write!(out, "<p><code>{before}<mark>{raw}</mark>{after}</code> <small>looks like a secret, is shown</small></p>").ok();
                }
            }
        }
        out.push_str("</section>");
    }
    out.push_str("</main></body></html>\n");
    out
}
