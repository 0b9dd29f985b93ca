//! `export`, `import`: the whole ledger, raw, without its engine, and back.

use crate::door::{Done, Door, Result, app, say};
use crate::error::DoorError;
use crate::text::{bytes, entries, safe_path};
use clap::Args;
use codex_ledger_app::HeadSummary;
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Directory to write to; nothing is overwritten
    #[arg(long, short, value_name = "DIR")]
    pub output: PathBuf,
    /// Why (required); recorded with your name
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// What is printed of an export.
#[derive(Serialize)]
struct Document<'a> {
    entries: u64,
    bytes: u64,
    path: &'a Path,
    elapsed_ms: u64,
}

pub fn run(door: &mut Door, args: ExportArgs) -> Result<Done> {
    let app = app(door, "export", Vec::new())?;
    if !door.global.json && !door.global.quiet {
        say(
            "codex-ledger: this writes every raw line: nothing is hidden in it; keep it to yourself",
        );
    }
    let path = &args.output;
    let summary = door.patiently("writing", || app.export(path, &args.reason))?;
    if door.global.json {
        let (entries, bytes) = (summary.entries, summary.bytes);
        door.print_json(&Document { entries, bytes, path, elapsed_ms: door.elapsed_ms() })?;
    } else if !door.global.quiet {
        door.print(&format!(
            "{} written to {} ({}), the last one says so; the project's verify.py checks it\n",
            entries(summary.entries),
            safe_path(path),
            bytes(summary.bytes)
        ))?;
    }
    Ok(Done::Clean)
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// A folder that `export` has written
    pub dir: PathBuf,
}

/// What is printed of an import.
#[derive(Serialize)]
struct Imported<'a> {
    head: &'a HeadSummary,
    elapsed_ms: u64,
}

pub fn import(door: &mut Door, args: ImportArgs) -> Result<Done> {
    let app = app(door, "import", Vec::new())?;
    let head = app.import(&args.dir, &mut door.progress()).map_err(|error| {
        let is_made = app.dir().join("FORMAT").exists();
        let error = DoorError::from(error);
        // What helps a ledger does not help an export.
        if is_made {
            error
        } else {
            DoorError::new(error.message)
                .hint("nothing was made; the project's verify.py says more of the export")
        }
    })?;
    if door.global.json {
        door.print_json(&Imported { head: &head, elapsed_ms: door.elapsed_ms() })?;
    } else if !door.global.quiet {
        let text = format!(
            "{} imported into {}, each of them as it was exported\n",
            entries(head.size),
            safe_path(app.dir())
        );
        door.print(&(text + &door.next(None, "audit")))?;
    }
    Ok(Done::Clean)
}
