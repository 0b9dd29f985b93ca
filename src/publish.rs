//! `report --publish`: an index and its pages in a folder.

use crate::door::{Done, Door, Result, Style, say as say_aside, with_ledger};
use crate::error::DoorError;
use crate::private;
use crate::report::{By, Format, GATE_HINT, ReportArgs, Secret, finding_text, secrets};
use crate::text::{plural, safe};
use codex_ledger_app::publish::{Access, Language, Outcome, Stale};
use codex_ledger_app::{App, PageBy, Publication, Published, Seq};
use codex_ledger_query::{Mode, ReportRequest};
use serde::Serialize;
use std::path::Path;

/// What is printed of a folder of pages.
#[derive(Serialize)]
struct Document<'a> {
    dir: &'a Path,
    ok: bool,
    #[serde(flatten)]
    pages: &'a Outcome,
    withheld: Vec<&'a str>,
    secrets: Vec<Secret<'a>>,
    waiver: Option<Seq>,
}

pub fn run(
    door: &Door,
    app: &App,
    args: &ReportArgs,
    dir: &Path,
    request: &ReportRequest,
) -> Result<Done> {
    let language = match args.content.format {
        None | Some(Format::Md) => Language::Markdown,
        Some(Format::Html) => Language::Html,
        Some(_) => return Err(usage("--publish writes Markdown or HTML", "--format md or html")),
    };
    if request.mode == Mode::Tokens {
        return Err(usage("--publish has pages of prompts", "--mode prompts, actions or full"));
    }
    let by = match args.by {
        By::Session => PageBy::Session,
        By::Day => PageBy::Day,
        By::Week => PageBy::Week,
        By::Month => PageBy::Month,
        By::Repo => PageBy::Repo,
    };
    let published = app.publish(&Publication {
        dir: dir.to_path_buf(),
        language,
        by,
        request: request.clone(),
        only_check: args.check,
        // Pages are meant to be served: who may read them is the person's own choice.
        access: Access::Shared(private::shared_mode()),
        reason: args.overriding.reason().map(str::to_string),
    })?;
    if published.is_empty && !door.global.quiet {
        say_aside("codex-ledger: no sessions match; the index is empty");
    }
    say(door, dir, &published, args.check)?;
    let is_clean =
        published.withheld.is_empty() && (!args.check || published.pages.stale.is_empty());
    Ok(if is_clean { Done::Clean } else { Done::Findings })
}

fn usage(message: &str, hint: &str) -> DoorError {
    DoorError::new(message).hint(hint)
}

fn say(door: &Door, dir: &Path, published: &Published, only_check: bool) -> Result<()> {
    let Published { pages, withheld, waiver, .. } = published;
    let (written, removed, stale) = (&pages.written, &pages.removed, &pages.stale);
    if door.global.json {
        return door.print_json(&Document {
            dir,
            ok: withheld.is_empty() && (!only_check || stale.is_empty()),
            pages,
            withheld: withheld.iter().map(|of| of.name.as_str()).collect(),
            secrets: secrets(withheld),
            waiver: *waiver,
        });
    }
    let mut out = String::new();
    for Stale { page, reason } in stale {
        out.push_str(&format!("  {}  {reason}\n", door.paint(Style::Yellow, safe(page))));
    }
    withheld.iter().for_each(|of| out.push_str(&finding_text(door, of)));
    if !withheld.is_empty() {
        out.push_str(&with_ledger(&door.global, GATE_HINT));
    }
    let shown = safe(&dir.display().to_string());
    let line = match (only_check, stale.is_empty()) {
        (true, true) => format!("{shown} is up to date, {}", plural(pages.unchanged, "page")),
        (true, false) => format!("{shown} is not up to date; publish again without --check"),
        (false, _) => format!(
            "{shown}: {} written, {} unchanged, {} removed, {} withheld",
            plural(written.len() as u64, "page"),
            pages.unchanged,
            removed.len(),
            withheld.len()
        ),
    };
    if door.global.quiet && stale.is_empty() && withheld.is_empty() {
        return Ok(());
    }
    if let Some(seq) = waiver {
        out.push_str(&format!("entry {seq} records that the gate was overridden\n"));
    }
    door.print(&format!("{out}{line}\n"))
}
