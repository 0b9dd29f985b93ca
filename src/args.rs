//! The command line: which commands there are, and what they share. The arguments of a command are in its own
//! file; their comments are the help that people read.

use crate::annotate::{DispositionCommand, NoteCommand, TagCommand};
use crate::append::AppendArgs;
use crate::audit::AuditArgs;
use crate::config::ConfigArgs;
use crate::erase::{EraseArgs, HoldCommand};
use crate::export::{ExportArgs, ImportArgs};
use crate::generate::{CompletionsArgs, ManArgs};
use crate::group::GroupArgs;
use crate::migrate::MigrateArgs;
use crate::rebuild_views::RebuildViewsArgs;
use crate::redact::RedactArgs;
use crate::repair::RepairArgs;
use crate::report::ReportArgs;
use crate::search::SearchArgs;
use crate::serve::ServeArgs;
use crate::sessions::SessionsArgs;
use crate::show::ShowArgs;
use crate::status::StatusArgs;
use crate::tokens::TokensArgs;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Turns the logs that Codex leaves behind into a record that can be read, shared and believed.
///
/// Every raw line becomes an immutable, hash-chained entry of an append-only ledger; readable SQLite views
/// are derived from it at any time.
#[derive(Debug, Parser)]
#[command(name = "codex-ledger", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done, 1 done with findings, 2 could not do it; 130 and 143 when stopped by a signal."
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command knows.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// Directory of the ledger [default: the platform's data directory]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "CODEX_LEDGER_HOME",
        hide_env_values = true
    )]
    pub ledger: Option<PathBuf>,
    /// Configuration file [default: user/config.toml beside the ledger, else the platform's config directory]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "CODEX_LEDGER_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,
    /// How long a writing command waits for another one to end; 0 does not wait
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        env = "CODEX_LEDGER_WAIT",
        hide_env_values = true,
        default_value = "30",
        value_parser = seconds
    )]
    pub wait: Duration,
    /// Print one JSON document and nothing else
    #[arg(long, global = true)]
    pub json: bool,
    /// Print only errors and what was asked for
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Say more about what was done
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// Say on stderr what is done and why
    #[arg(long, global = true)]
    pub debug: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// Who acts; recorded with every change [default: the system's user]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "CODEX_LEDGER_ACTOR",
        hide_env_values = true
    )]
    pub actor: Option<String>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let whole = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
    text.parse()
        .ok()
        .and_then(whole)
        .ok_or_else(|| "seconds are expected, such as 30 or 0.5".into())
}

/// When to use colour.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set or TERM is `dumb`
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Append every new byte of your Codex logs, then bring the views up to date
    Append(AppendArgs),
    /// Rebuild the SQLite views from the ledger
    RebuildViews(RebuildViewsArgs),
    /// Say where the ledger and the views stand
    Status(StatusArgs),
    /// List sessions, the newest first
    Sessions(SessionsArgs),
    /// Search all that was said and done, as the views show it
    Search(SearchArgs),
    /// Show one session in full, or the exact bytes of a session, line or entry
    Show(ShowArgs),
    /// Show one session with everything grouped under each prompt
    Group(GroupArgs),
    /// Report prompts, actions, tokens or everything, as Markdown, CSV, JSON or HTML
    Report(ReportArgs),
    /// Token totals and API-equivalent cost, each usage counted once
    Tokens(TokensArgs),
    /// Hide passages, prompts or sessions in everything that is derived; undo it; manage the rules
    Redact(RedactArgs),
    /// Destroy bodies for good and keep the proof that they were there
    Erase(EraseArgs),
    /// Forbid to erase something, as long as the law asks for it
    Hold {
        #[command(subcommand)]
        what: HoldCommand,
    },
    /// Give sessions and prompts tags, take them away, list them
    Tag {
        #[command(subcommand)]
        what: TagCommand,
    },
    /// Write notes on sessions and prompts
    Note {
        #[command(subcommand)]
        what: NoteCommand,
    },
    /// Say what came of sessions and prompts: followed, ignored, needs-review, or a word of your own
    Disposition {
        #[command(subcommand)]
        what: DispositionCommand,
    },
    /// Review in the browser: read, judge, hide, export; lets only you in, and whom you give a token
    Serve(ServeArgs),
    /// Verify every entry, link, file and view; findings give exit code 1
    Audit(AuditArgs),
    /// Write the whole ledger, raw, without its engine: to keep it, or for a verifier that knows nothing of this program
    Export(ExportArgs),
    /// Make a ledger, where there is none, out of an export: every entry is the same
    Import(ImportArgs),
    /// Say what a damaged ledger would keep and lose; with a reason, repair it beside itself
    Repair(RepairArgs),
    /// Show or check the configuration
    Config(ConfigArgs),
    /// Bring the views to this program's version
    Migrate(MigrateArgs),
    /// Print shell completions
    Completions(CompletionsArgs),
    /// Print the manual page
    Man(ManArgs),
}

/// Past the gate that holds files in which it finds what looks like a secret.
#[derive(Debug, Args)]
pub struct OverrideArgs {
    /// Write what looks like a secret, too; where there is something like that, it is recorded first
    #[arg(long = "unsafe", requires = "reason")]
    pub is_unsafe: bool,
    /// Why
    #[arg(long, value_name = "TEXT", requires = "is_unsafe")]
    pub reason: Option<String>,
}

impl OverrideArgs {
    /// Why the gate is overridden, where it is.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref().filter(|_| self.is_unsafe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
