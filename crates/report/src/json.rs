//! JSON: the model itself, one line per session and prompt. `docs/REPORTS.md` documents the fields.

use super::{Renderer, escape};
use codex_ledger_query::{ReportHead, ReportPrompt, ReportSession, SCHEMA};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};
use std::io::{self, Result, Write};

/// The renderer.
#[derive(Default)]
pub struct Json {
    sessions: u64,
    prompts: u64,
}

impl Renderer for Json {
    fn begin(&mut self, out: &mut dyn Write, head: &ReportHead) -> Result<()> {
        let schema = format!("{{\"schema\":{},\n", text(&SCHEMA)?);
        let head = text(head)?;
        let fields = head.strip_prefix('{').and_then(|head| head.strip_suffix('}'));
        write!(out, "{schema}{},\n\"sessions\":[", fields.unwrap_or_default())
    }

    fn session(&mut self, out: &mut dyn Write, _: &ReportHead, of: &ReportSession) -> Result<()> {
        let comma = if self.sessions > 0 { "," } else { "" };
        let session = text(of)?;
        let fields = session.strip_suffix('}').unwrap_or_default();
        (self.sessions, self.prompts) = (self.sessions + 1, 0);
        write!(out, "{comma}\n{fields},\"prompts\":[")
    }

    fn prompt(&mut self, out: &mut dyn Write, _: &ReportHead, of: &ReportPrompt) -> Result<()> {
        let comma = if self.prompts > 0 { "," } else { "" };
        self.prompts += 1;
        write!(out, "{comma}\n {}", text(of)?)
    }

    fn session_end(&mut self, out: &mut dyn Write, _: &ReportHead) -> Result<()> {
        write!(out, "]}}")
    }

    fn end(&mut self, out: &mut dyn Write, _: &ReportHead) -> Result<()> {
        writeln!(out, "\n]}}")
    }
}

fn text(value: &impl Serialize) -> Result<String> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Inert);
    value.serialize(&mut serializer).map_err(io::Error::other)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// Compact, with everything that a terminal would obey as `\uXXXX`; the value is the same.
struct Inert;

impl Formatter for Inert {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, text: &str) -> Result<()> {
        let mut done = 0;
        for (at, c) in text.char_indices() {
            if let Some(number) = escape::json_number(c) {
                CompactFormatter.write_string_fragment(out, &text[done..at])?;
                out.write_all(number.as_bytes())?;
                done = at + c.len_utf8();
            }
        }
        CompactFormatter.write_string_fragment(out, &text[done..])
    }
}
