//! What a redaction has done, in words: where it hides, how its literal was spelled, and what is still shown.

use crate::door::{Door, Style};
use crate::redact::scoped;
use crate::text::{count, one_line, plural, safe};
use codex_ledger_app::RedactionMade;
use codex_ledger_query::{FormCount, NearMiss, Quotation};

/// Shorter literals are not looked for in base64 (`docs/REDACTION.md`).
const BASE64_BYTES_MIN: usize = 8;

/// One of many, in a line.
pub fn line(door: &Door, done: &RedactionMade) -> String {
    let row = &done.redaction;
    format!(
        "{} hides {}: {} in {}\n",
        door.paint(Style::Green, row.seq.to_string()),
        scoped(&row.scope, &row.target),
        plural(row.passages, "passage"),
        plural(done.rows_changed, "row"),
    )
}

/// One redaction.
pub fn text(door: &Door, done: &RedactionMade) -> String {
    let row = &done.redaction;
    let mut out = line(door, done);
    out.push_str(&found_in(&done.forms));
    if done.ids > 0 {
        let ids = plural(done.ids, "session");
        out.push_str(&format!("it hides ids: another name stands for {ids}, `redacted-…`\n"));
    }
    out.push_str(&still_shown(door, done));
    if row.passages == 0 {
        out.push_str(&nothing_found(door, done));
    }
    out
}

/// Why nothing is hidden by it so far: what another redaction hides is not looked into again.
fn nothing_found(door: &Door, done: &RedactionMade) -> String {
    let what = match done.redaction.scope.as_str() {
        "literal" | "regex" => "nothing that was still shown says it",
        _ if !done.quotations.is_empty() => "nothing was shown from this entry itself",
        _ => "nothing of it was still shown",
    };
    let others = match done.other_redactions {
        0 => String::new(),
        others => {
            let others = plural(others, "other redaction");
            door.hinted(&format!(
                "; {others} in force may hide it already: `codex-ledger redact list`"
            ))
        }
    };
    format!("{what}{others}; what is appended later will be hidden\n")
}

/// In which spellings it was found.
fn found_in(forms: &[FormCount]) -> String {
    let form = |form: &FormCount| format!("{} {}", safe(&form.form), count(form.passages));
    match forms {
        [] => String::new(),
        forms => format!("found {}\n", forms.iter().map(form).collect::<Vec<_>>().join(", ")),
    }
}

/// What says it or nearly says it, with what would hide that too.
fn still_shown(door: &Door, done: &RedactionMade) -> String {
    let place = |of: &Quotation| {
        let session = safe(of.session.as_deref().unwrap_or("no session"));
        format!("{session} {}", of.field)
    };
    let mut out = String::new();
    if !done.quotations.is_empty() {
        out.push_str("quoted and still shown:\n");
    }
    for quotation in &done.quotations {
        let seq = quotation.seq;
        let command = door.hinted(&format!("`codex-ledger redact --entry {seq} --reason TEXT`"));
        out.push_str(&format!("  {}: {command}\n", place(quotation)));
    }
    if let more @ 1.. = done.quotations_total.saturating_sub(done.quotations.len() as u64) {
        let more = plural(more, "more place");
        out.push_str(&format!(
            "  and in {more}: hide a part of it with --literal to find them all\n"
        ));
    }
    if !done.near_misses.is_empty() {
        out.push_str(match &done.redaction.within {
            None => "nearly the same and still shown; hide it with another --literal:\n",
            // A narrowed one leaves the same text elsewhere.
            Some(_) => {
                "the same elsewhere or nearly the same, and still shown; hide it everywhere without --session \
                 or --repo, or with another --literal:\n"
            }
        });
    }
    for NearMiss { text, passages, first } in &done.near_misses {
        let times = plural(*passages, "time");
        let text = one_line(text, 60);
        out.push_str(&format!(
            "  {text}  {times}, first in {} entry {}\n",
            place(first),
            first.seq
        ));
    }
    out
}

/// In which spellings a literal of so many bytes was sought: whoever knows of another one has to name it.
pub fn looked_for(length: usize, exact_case: bool) -> String {
    let case = if exact_case { "in its own case" } else { "in capital and small letters" };
    let base64 = if length < BASE64_BYTES_MIN { "" } else { ", base64" };
    format!(
        "looked for {case}, over line breaks, composed or not, and in escapes, percent signs, entities, \
         quoted-printable{base64}\n"
    )
}
