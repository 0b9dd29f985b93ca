//! `group`: one session, everything under the prompt that it followed.

use crate::args::OverrideArgs;
use crate::door::{Done, Door, Result, Style, app, json_document, say, with_ledger};
use crate::error::DoorError;
use crate::filters::zone_named;
use crate::pager::{PagerArgs, page};
use crate::report::{GATE_HINT, finding_text};
use crate::show::{Telling, heading};
use crate::text::plural;
use clap::Args;
use codex_ledger_app::publish::{Language, detail_texts};
use codex_ledger_query::{Group, ItemKind, SessionRow, group};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct GroupArgs {
    /// Id of the session, its beginning, or its name [default: the newest]
    #[arg(value_name = "SESSION", default_value = "", hide_default_value = true)]
    pub session: String,
    /// Write to a file
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub overriding: OverrideArgs,
    #[command(flatten)]
    pub pager: PagerArgs,
}

/// What is printed of a session.
#[derive(Serialize)]
struct Document<'a> {
    session: &'a SessionRow,
    groups: &'a [Group],
}

pub fn run(door: &mut Door, args: GroupArgs) -> Result<Done> {
    if args.output.is_some() {
        door.without_colors();
    }
    if args.overriding.is_unsafe && args.output.is_none() {
        return Err(DoorError::new("--unsafe is about files").hint("name one with --output"));
    }
    let app = app(door, "group", Vec::new())?;
    let mut detail = app.session(&args.session)?;
    let groups = group(std::mem::take(&mut detail.items));
    let out = if door.global.json {
        json_document(&Document { session: &detail.session, groups: &groups })?
    } else {
        let zone = zone_named(door, None)?;
        let mut out = heading(door, &detail, &zone);
        let mut telling = Telling::new(door, zone, door.global.verbose);
        groups.iter().for_each(|group| out.push_str(&group_text(door, group, &mut telling)));
        out
    };
    match &args.output {
        Some(path) => {
            let language = if door.global.json { Language::Json } else { Language::Text };
            let items = groups.iter().flat_map(|group| group.prompt.iter().chain(&group.items));
            let texts = detail_texts(&detail, items);
            let written =
                app.write_document(path, language, &out, &[texts], args.overriding.reason())?;
            if let Some(held) = written.withheld.first() {
                let hint = with_ledger(&door.global, GATE_HINT.trim_end());
                say(format!("{}{hint}", finding_text(door, held)));
                return Ok(Done::Findings);
            }
        }
        None if door.global.json => door.print(&out)?,
        None => page(door, args.pager, &out)?,
    }
    Ok(Done::Clean)
}

fn group_text(door: &Door, group: &Group, telling: &mut Telling<'_>) -> String {
    let of = |kind: ItemKind| group.items.iter().filter(move |item| item.kind == kind).count();
    let mut out = match &group.prompt {
        Some(prompt) => telling.item(prompt),
        None => format!("\n{}\n", door.paint(Style::Bold, "before the first prompt")),
    };
    let counts = [
        (ItemKind::Call, "call"),
        (ItemKind::Message, "message"),
        (ItemKind::Reasoning, "thought"),
    ]
    .map(|(kind, noun)| plural(of(kind) as u64, noun));
    let counts = format!("    {}", counts.join(", "));
    out.push_str(&format!("{}\n", door.paint(Style::Dim, counts)));
    for item in group.items.iter().filter(|item| item.kind != ItemKind::Context) {
        out.extend(telling.item(item).lines().map(|line| format!("    {line}\n")));
    }
    out
}
