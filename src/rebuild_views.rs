//! `rebuild-views`: derive everything again from entry 0.

use crate::door::{Done, Door, Result, Style, app};
use crate::text::{count, duration};
use clap::Args;
use codex_ledger_app::Digests;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Debug, Args)]
pub struct RebuildViewsArgs {
    /// Rebuild beside the live views and compare; change nothing
    #[arg(long)]
    pub check: bool,
}

/// What is printed of a rebuild.
#[derive(Serialize)]
struct Document<'a> {
    entries: u64,
    tables: BTreeMap<&'a str, Table<'a>>,
    digest: &'a str,
    matches_live: bool,
    elapsed_ms: u64,
}

#[derive(Serialize)]
struct Table<'a> {
    rows: u64,
    digest: &'a str,
}

pub fn run(door: &mut Door, args: RebuildViewsArgs) -> Result<Done> {
    let app = app(door, "rebuild-views", Vec::new())?;
    let mut listener = door.progress();
    let (entries, digests, matches) = if args.check {
        let (entries, digests, matches) = app.check_views(&mut listener)?;
        (entries, digests, Some(matches))
    } else {
        let (entries, digests) = app.rebuild_views(&mut listener)?;
        (entries, digests, None)
    };
    if door.global.json {
        let tables = digests.tables.iter();
        let tables =
            tables.map(|(name, of)| (name.as_str(), Table { rows: of.rows, digest: &of.digest }));
        door.print_json(&Document {
            entries,
            tables: tables.collect(),
            digest: &digests.content,
            matches_live: matches.unwrap_or(true),
            elapsed_ms: door.elapsed_ms(),
        })?;
    } else if !door.global.quiet {
        door.print(&as_text(door, entries, &digests, matches))?;
    }
    Ok(if matches == Some(false) { Done::Findings } else { Done::Clean })
}

fn as_text(door: &Door, entries: u64, digests: &Digests, matches: Option<bool>) -> String {
    let took = duration(door.elapsed_ms());
    let mut out = match matches {
        None => format!("views rebuilt from {} entries in {took}\n", count(entries)),
        Some(true) => {
            let verdict = door.paint(Style::Green, "the live views match");
            format!("{verdict} a rebuild from {} entries ({took})\n", count(entries))
        }
        Some(false) => {
            let verdict = door.paint(Style::Red, "the live views differ");
            format!(
                "{verdict} from a rebuild of {} entries; `codex-ledger rebuild-views` replaces them\n",
                count(entries)
            )
        }
    };
    for (name, table) in digests.tables.iter().filter(|(_, table)| table.rows > 0) {
        out.push_str(&format!("  {name:<26} {:>12} rows\n", count(table.rows)));
    }
    out.push_str(&format!("digest {}\n", digests.content));
    out
}
