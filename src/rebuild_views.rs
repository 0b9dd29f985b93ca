//! `rebuild-views`: derive everything again from entry 0.

use crate::door::{Done, Door, Result, Style, app};
use crate::text::{count, duration};
use clap::Args;
use codex_ledger_app::Rebuilt;
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
    let rebuilt = match args.check {
        true => app.check_views(&mut listener)?,
        false => app.rebuild_views(&mut listener)?,
    };
    if door.global.json {
        let tables = rebuilt.digests.tables.iter();
        let tables =
            tables.map(|(name, of)| (name.as_str(), Table { rows: of.rows, digest: &of.digest }));
        door.print_json(&Document {
            entries: rebuilt.entries,
            tables: tables.collect(),
            digest: &rebuilt.digests.content,
            matches_live: rebuilt.matches_live,
            elapsed_ms: door.elapsed_ms(),
        })?;
    } else if !door.global.quiet {
        door.print(&as_text(door, &rebuilt, args.check))?;
    }
    if !args.check {
        crate::search::index(door, &app, rebuilt.entries);
    }
    Ok(if rebuilt.matches_live { Done::Clean } else { Done::Findings })
}

fn as_text(door: &Door, rebuilt: &Rebuilt, is_check: bool) -> String {
    let Rebuilt { entries, digests, matches_live } = rebuilt;
    let took = duration(door.elapsed_ms());
    let mut out = match (is_check, matches_live) {
        (false, _) => format!("views rebuilt from {} entries in {took}\n", count(*entries)),
        (true, true) => {
            let verdict = door.paint(Style::Green, "the live views match");
            format!("{verdict} a rebuild from {} entries ({took})\n", count(*entries))
        }
        (true, false) => {
            let verdict = door.paint(Style::Red, "the live views differ");
            format!(
                "{verdict} from a rebuild of {} entries; `codex-ledger rebuild-views` replaces them\n",
                count(*entries)
            )
        }
    };
    for (name, table) in digests.tables.iter().filter(|(_, table)| table.rows > 0) {
        out.push_str(&format!("  {name:<26} {:>12} rows\n", count(table.rows)));
    }
    out.push_str(&format!("digest {}\n", digests.content));
    out
}
