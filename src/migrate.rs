//! `migrate`: bring the views to this program's version.

use crate::door::{Done, Door, Result, Style, app};
use crate::text::duration;
use clap::Args;
use serde::Serialize;

#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Only say what would happen
    #[arg(long)]
    pub dry_run: bool,
}

/// What is printed of a migration.
#[derive(Serialize)]
struct Document<'a> {
    needed: Option<&'a str>,
    done: bool,
    elapsed_ms: u64,
}

pub fn run(door: &mut Door, args: MigrateArgs) -> Result<Done> {
    let app = app(door, "migrate", Vec::new())?;
    let needed = app.migration()?;
    if needed.is_some() && !args.dry_run {
        let mut listener = door.progress();
        app.migrate(&mut listener)?;
    }
    let done = needed.is_some() && !args.dry_run;
    if door.global.json {
        door.print_json(&Document {
            needed: needed.as_deref(),
            done,
            elapsed_ms: door.elapsed_ms(),
        })?;
    } else if !door.global.quiet {
        let text = match (&needed, done) {
            (None, _) => {
                door.paint(Style::Green, "nothing to do: the views are as this program makes them")
            }
            (Some(what), false) => format!("to do: {what}"),
            (Some(what), true) => format!("done in {}: {what}", duration(door.elapsed_ms())),
        };
        door.print(&(text + "\n"))?;
    }
    Ok(Done::Clean)
}
