//! The command line: clap's comments are the help that people read.

pub use crate::args_review::*;
use crate::filters::FilterArgs;
use crate::pager::PagerArgs;
use crate::report::ReportArgs;
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
#[derive(Clone, Debug, Args)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
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
    /// Verify every entry, link, file and view; findings give exit code 1
    Audit(AuditArgs),
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

#[derive(Debug, Args)]
pub struct AppendArgs {
    /// Codex homes, folders or files [default: configured roots, else CODEX_HOME, else ~/.codex]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Go on and append whenever the logs change
    #[arg(long, conflicts_with_all = ["dry_run", "sample"])]
    pub watch: bool,
    /// Use the invented home that is inside this program, in a ledger of its own
    #[arg(long, conflicts_with = "paths")]
    pub sample: bool,
    /// Read at most this many changed files
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Only say what would be read
    #[arg(long)]
    pub dry_run: bool,
    /// Leave the views as they are
    #[arg(long)]
    pub no_views: bool,
}

#[derive(Debug, Args)]
pub struct RebuildViewsArgs {
    /// Rebuild beside the live views and compare; change nothing
    #[arg(long)]
    pub check: bool,
}

#[derive(Debug, Args)]
pub struct StatusArgs {}

#[derive(Debug, Args)]
pub struct SessionsArgs {
    /// Show at most this many; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub limit: usize,
    #[command(flatten)]
    pub filters: FilterArgs,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Id of the session or its beginning [default: the newest]
    #[arg(value_name = "SESSION", default_value = "", hide_default_value = true)]
    pub session: String,
    /// Write the exact bytes of the source instead
    #[arg(long)]
    pub raw: bool,
    /// Only this 0-based line of the source (with --raw)
    #[arg(long, value_name = "N", requires = "raw")]
    pub line: Option<u64>,
    /// An older generation of a source that was rewritten (with --raw)
    #[arg(long, value_name = "N", requires = "raw")]
    pub generation: Option<u32>,
    /// One ledger entry instead of a session (with --raw)
    #[arg(long, value_name = "SEQ", requires = "raw", conflicts_with_all = ["session", "line", "generation"])]
    pub entry: Option<u64>,
    /// Show injected context too
    #[arg(long)]
    pub context: bool,
    #[command(flatten)]
    pub pager: PagerArgs,
}

#[derive(Debug, Args)]
pub struct GroupArgs {
    /// Id of the session or its beginning [default: the newest]
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

/// Past the gate that holds files in which it finds what looks like a secret.
#[derive(Debug, Args)]
pub struct OverrideArgs {
    /// Write what looks like a secret, too; that is recorded first
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

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct TokensArgs {
    /// What to group by
    #[arg(long, value_enum, default_value_t = By::Day, value_name = "WHAT")]
    pub by: By,
    /// Time zone of days, an IANA name such as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// Price table (TOML) that goes over the one in this program
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// What if the prices of this day had always held
    #[arg(long, value_name = "DATE")]
    pub price_as_of: Option<String>,
    /// What if this model had answered every request
    #[arg(long, value_name = "MODEL")]
    pub model_as: Option<String>,
    #[command(subcommand)]
    pub what: Option<TokensCommand>,
}

/// What token totals are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    Day,
    Week,
    Month,
    Session,
    Repo,
    Model,
}

#[derive(Debug, Subcommand)]
pub enum TokensCommand {
    /// Every usage record of a session, with the reason why it counts or not
    Explain {
        /// Id of the session or its beginning [default: the newest]
        #[arg(value_name = "SESSION", default_value = "", hide_default_value = true)]
        session: String,
    },
}

#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Leave the views out
    #[arg(long)]
    pub no_views: bool,
    #[command(subcommand)]
    pub what: Option<AuditCommand>,
}

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Write the ledger without its engine, for a verifier that knows nothing of this program
    Bundle {
        /// Directory to write to
        #[arg(long, short, value_name = "DIR")]
        output: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    pub what: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every setting and where it comes from
    Show,
    /// Check the file and the paths it names
    Check,
    /// Obey a configuration file wherever it lies, as long as it says what it says now
    Trust(TrustArgs),
}

#[derive(Debug, Args)]
pub struct TrustArgs {
    /// The file, or the folder of `user/config.toml` [default: the current folder]
    #[arg(value_name = "PATH")]
    pub path: Option<PathBuf>,
    /// List what is trusted, and whether it still is as it was
    #[arg(long, conflicts_with_all = ["path", "remove"])]
    pub list: bool,
    /// Trust the file no longer
    #[arg(long)]
    pub remove: bool,
}

#[derive(Debug, Args)]
pub struct RepairArgs {
    /// Why; only with it is the ledger replaced. The damaged one is kept beside it
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Only say what would happen
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct ManArgs {}

#[derive(Debug, Args)]
pub struct SearchArgs {
    /// Words, "phrases", beginnings*, AND, OR, NOT, and repo: session: tool: file: in: since: until: exit: tag: disposition:
    #[arg(required = true, value_name = "QUERY")]
    pub query: Vec<String>,
    /// Time zone of since: and until:, an IANA name [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// Show at most this many places; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
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
