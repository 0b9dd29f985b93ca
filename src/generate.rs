//! `completions` and `man`: generated from the command line's own description.

use crate::args::Cli;
use crate::door::{Done, Door, Result};
use crate::error::DoorError;
use clap::{Args, CommandFactory};
use serde::Serialize;

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct ManArgs {}

#[derive(Serialize)]
struct Completions<'a> {
    shell: String,
    script: &'a str,
}

#[derive(Serialize)]
struct Manual<'a> {
    man: &'a str,
}

pub fn completions(door: &mut Door, args: CompletionsArgs) -> Result<Done> {
    let mut out = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "codex-ledger", &mut out);
    let text = String::from_utf8_lossy(&out);
    print(door, &Completions { shell: args.shell.to_string(), script: &text }, &out)
}

/// The text itself, or the document that holds it.
fn print(door: &Door, document: &impl Serialize, out: &[u8]) -> Result<Done> {
    if door.global.json {
        door.print_json(document)?;
    } else {
        door.write(out)?;
    }
    Ok(Done::Clean)
}

pub fn man(door: &mut Door, _: ManArgs) -> Result<Done> {
    let mut out = Vec::new();
    let failed = |e: std::io::Error| DoorError::new(format!("manual page: {e}"));
    clap_mangen::Man::new(Cli::command()).render(&mut out).map_err(failed)?;
    for command in Cli::command().get_subcommands().filter(|command| command.get_name() != "help") {
        clap_mangen::Man::new(command.clone()).render(&mut out).map_err(failed)?;
    }
    print(door, &Manual { man: &String::from_utf8_lossy(&out) }, &out)
}
