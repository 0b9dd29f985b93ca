//! The terminal door: arguments in, exit code out. One file per command.

mod annotate;
mod append;
mod args;
mod audit;
mod audit_against;
mod audit_keys;
mod audit_log;
mod audit_page;
mod audit_proofs;
mod audit_rows;
mod bundle;
mod config;
mod door;
mod erase;
mod error;
mod export;
mod fault;
mod filters;
mod generate;
mod group;
mod hint;
mod keys;
mod migrate;
mod pager;
mod preview;
mod preview_page;
mod private;
mod prose;
mod publish;
mod rebuild_views;
mod redact;
mod redact_requests;
mod redaction_made;
mod repair;
mod report;
mod rules;
mod rules_test;
mod search;
mod serve;
mod sessions;
mod settings;
mod show;
mod signals;
mod stamp;
mod status;
mod text;
mod tokens;
mod trust;
mod typed;
mod vouching;
mod witness;

use args::{Cli, Command, Global};
use clap::{CommandFactory, FromArgMatches};
use door::Door;
use std::path::PathBuf;
use std::process::ExitCode;
use typed::Typed;

/// Threads that hand rows to each other free what others have allocated, which the system's own allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Gives freed memory back soon: a long append then needs a quarter less of it. At once is dearer: each time, all threads
/// are interrupted.
#[allow(unsafe_code, reason = "the only way to say so; called before any other thread is there")]
fn give_back_soon() {
    /// `mi_option_purge_delay` of `mimalloc.h`, in milliseconds.
    const PURGE_DELAY: i32 = 15;
    const DELAY_MS: std::ffi::c_long = 2;
    // SAFETY: not thread safe, hence the first thing on the only thread; an option that is not known is ignored.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, DELAY_MS) };
}

/// The allocator asks for pages of 2 MB, and the system clears each of them whole at its first byte: a command that lists
/// sessions took 10 MB more for it, an append 40.
fn take_small_pages() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

fn main() -> ExitCode {
    give_back_soon();
    take_small_pages();
    private::start();
    fault::start();
    let read = Cli::command().try_get_matches().and_then(|matches| {
        let typed = Typed::of(&matches);
        Cli::from_arg_matches(&matches).map(|cli| (cli, typed))
    });
    let (cli, typed) = match read {
        Ok(read) => read,
        Err(error) => return usage(&error),
    };
    if cli.global.debug {
        fault::debug();
    }
    fault::guarded(|| run(cli, typed))
}

/// What clap has to say: help and version on stdout, what is wrong on stderr.
fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        // It repeats what was typed, and a name that was pasted may hold anything.
        let door = Door::new(&understood(), Typed::words(door::arguments()));
        door.say_shown(error.render().to_string().trim_end());
        return ExitCode::from(2);
    }
    match error.print() {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::from(2),
        _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)),
    }
}

/// Which ledger is meant, as far as it was understood: what it hides is not repeated.
fn understood() -> Global {
    let Ok(matches) = Cli::command().ignore_errors(true).try_get_matches() else {
        return Global::default();
    };
    let path = |name| matches.try_get_one::<PathBuf>(name).ok().flatten().cloned();
    let (ledger, config) = (path("ledger"), path("config"));
    Global::from_arg_matches(&matches).unwrap_or_else(|_| Global {
        ledger,
        config,
        ..Global::default()
    })
}

fn run(cli: Cli, typed: Typed) -> ExitCode {
    let mut door = Door::new(&cli.global, typed);
    signals::enter(signals::phase_of(&cli.command));
    signals::start(&door);
    if matches!(cli.command, Command::Config(_)) {
        door::finish_interrupted(&door);
    }
    let done = match cli.command {
        Command::Append(args) => append::run(&mut door, args),
        Command::RebuildViews(args) => rebuild_views::run(&mut door, args),
        Command::Status(args) => status::run(&mut door, args),
        Command::Sessions(args) => sessions::run(&mut door, args),
        Command::Search(args) => search::run(&mut door, args),
        Command::Show(args) => show::run(&mut door, args),
        Command::Group(args) => group::run(&mut door, args),
        Command::Report(args) => report::run(&mut door, args),
        Command::Tokens(args) => tokens::run(&mut door, args),
        Command::Redact(args) => redact::run(&mut door, args),
        Command::Serve(args) => serve::run(&mut door, args),
        Command::Tag { what } => annotate::tag(&mut door, what),
        Command::Note { what } => annotate::note(&mut door, what),
        Command::Disposition { what } => annotate::disposition(&mut door, what),
        Command::Audit(args) => audit::run(&mut door, args),
        Command::Export(args) => export::run(&mut door, args),
        Command::Import(args) => export::import(&mut door, args),
        Command::Erase(args) => erase::run(&mut door, args),
        Command::Hold { what } => erase::hold(&mut door, what),
        Command::Repair(args) => repair::run(&mut door, args),
        Command::Config(args) => config::run(&mut door, args),
        Command::Migrate(args) => migrate::run(&mut door, args),
        Command::Completions(args) => generate::completions(&mut door, args),
        Command::Man(args) => generate::man(&mut door, args),
    };
    door.finish(done)
}
