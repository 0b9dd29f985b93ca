//! `completions` and `man`: generated from the command line's own description.

use crate::args::{Cli, CompletionsArgs, ManArgs};
use crate::door::{Done, Door, Result};
use clap::CommandFactory;
use codex_ledger::app::{AppError, ErrorKind};

pub fn completions(door: &mut Door, args: CompletionsArgs) -> Result<Done> {
    let mut out = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "codex-ledger", &mut out);
    door.write(&out)?;
    Ok(Done::Clean)
}

pub fn man(door: &mut Door, _: ManArgs) -> Result<Done> {
    let mut out = Vec::new();
    let failed = |e: std::io::Error| AppError::new(ErrorKind::Io, format!("manual page: {e}"));
    clap_mangen::Man::new(Cli::command()).render(&mut out).map_err(failed)?;
    for command in Cli::command().get_subcommands().filter(|command| command.get_name() != "help") {
        clap_mangen::Man::new(command.clone()).render(&mut out).map_err(failed)?;
    }
    door.write(&out)?;
    Ok(Done::Clean)
}
