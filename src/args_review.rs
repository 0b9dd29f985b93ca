//! The command line of a reviewer: redactions, rules, tags, notes, dispositions.

use crate::filters::FilterArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct RedactArgs {
    #[command(subcommand)]
    pub what: Option<RedactCommand>,
    #[command(flatten)]
    pub target: RedactTarget,
}

/// What is to be hidden. The raw bytes stay in the ledger; `redact undo` shows them again.
#[derive(Debug, Args)]
pub struct RedactTarget {
    /// A prompt and what repeats it: SESSION#N, N from 1
    #[arg(long, value_name = "SESSION#N", help_heading = "What to hide")]
    pub prompt: Option<String>,
    /// A whole session with its copies in forks; beside --literal or --regex: only there
    #[arg(long, value_name = "SESSION", help_heading = "What to hide")]
    pub session: Option<String>,
    /// What one entry says
    #[arg(long, value_name = "SEQ", help_heading = "What to hide")]
    pub entry: Option<u64>,
    /// Only this field of the entry (JSON pointer; goes on inside JSON texts)
    #[arg(long, value_name = "/POINTER", requires = "entry", help_heading = "What to hide")]
    pub field: Option<String>,
    /// Only these bytes of the field
    #[arg(long, value_name = "A..B", requires = "field", value_parser = span, help_heading = "What to hide")]
    pub span: Option<(u64, u64)>,
    /// A text, however it is encoded
    #[arg(long, value_name = "TEXT", help_heading = "What to hide")]
    pub literal: Option<String>,
    /// What a pattern finds
    #[arg(long, value_name = "PATTERN", help_heading = "What to hide")]
    pub regex: Option<String>,
    /// Beside --literal or --regex: only in sessions of this repository or directory
    #[arg(long, value_name = "REPO", help_heading = "What to hide")]
    pub repo: Option<String>,
    /// Many at once: a JSON object per line with these options as keys; `-` reads stdin
    #[arg(long, value_name = "FILE", help_heading = "What to hide", conflicts_with_all = ["prompt", "session", "entry", "literal", "regex"])]
    pub from: Option<PathBuf>,
    #[arg(long, value_name = "TEXT", help = "What is shown instead [default: [redacted]]")]
    pub with: Option<String>,
    /// Why; recorded with your name
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub reason: String,
}

#[derive(Debug, Subcommand)]
pub enum RedactCommand {
    /// List the redactions in force
    List,
    /// End a redaction, or undo an undo
    Undo {
        /// Its number or the beginning of its id
        target: String,
        /// Why; recorded with your name
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        reason: String,
    },
    /// Show every redaction and undo, with who, when and why
    History {
        /// Only this one and what ended it
        target: Option<String>,
    },
    /// Show raw text beside what would be published (recorded as a reveal)
    Preview(PreviewArgs),
    /// List, check, test or set the rules that hide passages
    Rules {
        #[command(subcommand)]
        what: RulesCommand,
    },
}

#[derive(Debug, Args)]
pub struct PreviewArgs {
    /// A session by the beginning of its id [default: all]
    #[arg(long, value_name = "SESSION")]
    pub session: Option<String>,
    /// Write one HTML page instead
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Show at most this many passages; 0 means all
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
}

#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// List the rules in force, in their order of precedence
    List,
    /// Check a file of rules without using it
    Check {
        /// YAML, JSON, or Gitleaks TOML
        file: PathBuf,
    },
    /// Try rules on their examples and on the labelled corpus; print precision and recall
    Test {
        /// YAML, JSON, or Gitleaks TOML [default: the rules that come with the program]
        file: Option<PathBuf>,
    },
    /// Put a file of rules in force; recorded as an entry
    Set {
        /// YAML, JSON, or Gitleaks TOML; `builtin` means the rules that come with the program
        file: PathBuf,
        /// Why; recorded with your name
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        reason: String,
    },
}

fn span(text: &str) -> Result<(u64, u64), String> {
    let parts =
        text.split_once("..").and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    match parts {
        Some((from, to)) if from < to => Ok((from, to)),
        _ => Err("a span is FROM..TO in bytes, for example 10..25".into()),
    }
}

/// Sessions and prompts by name, or sessions that filters pick.
#[derive(Debug, Args)]
pub struct SubjectArgs {
    /// Sessions and prompts: SESSION or SESSION#N, N from 1
    #[arg(value_name = "SESSION[#N]")]
    pub subjects: Vec<String>,
    #[command(flatten)]
    pub filters: FilterArgs,
}

#[derive(Debug, Subcommand)]
pub enum TagCommand {
    /// Give a tag
    Add {
        /// Letters, digits and - _ . / : + without blanks
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        subjects: SubjectArgs,
    },
    /// Take a tag away
    Remove {
        /// The tag
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        subjects: SubjectArgs,
    },
    /// List tags and what has them
    List {
        /// Only this one
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum NoteCommand {
    /// Write a note
    Add {
        /// SESSION or SESSION#N, N from 1
        #[arg(value_name = "SESSION[#N]")]
        subject: String,
        /// What it says
        #[arg(required = true)]
        text: Vec<String>,
    },
    /// Take a note away; the history keeps it
    Remove {
        /// Its number
        seq: u64,
    },
    /// List notes
    List {
        /// Only of this session
        session: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum DispositionCommand {
    /// Say what came of it
    Set {
        /// followed, ignored, needs-review, or a configured word
        #[arg(value_name = "WORD")]
        value: String,
        #[command(flatten)]
        subjects: SubjectArgs,
    },
    /// Take it back
    Clear {
        #[command(flatten)]
        subjects: SubjectArgs,
    },
    /// List what was said
    List {
        /// Only this word
        value: Option<String>,
    },
}
