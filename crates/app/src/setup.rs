//! What a use case needs to know, and the use cases of one ledger.

use super::open::NoticeListener;
use super::requests::KeyedRequest;
use crate::config::{CheckpointConfig, RetentionConfig, ReviewConfig};
use crate::error::Result;
pub use codex_ledger_db::statements;
use codex_ledger_ledger::{Holder, World};
use codex_ledger_projections::{Options, Views, ViewsPaths};
use codex_ledger_redaction::RuleSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything that a use case needs to know; the doors fill it from arguments, environment and files.
#[derive(Clone)]
pub struct Setup {
    /// The ledger's directory.
    pub ledger_dir: PathBuf,
    /// The views' stable path; below the ledger when not given.
    pub db_path: Option<PathBuf>,
    /// Keep raw JSON in the views.
    pub raw_json: bool,
    /// Homes, folders or files.
    pub roots: Vec<PathBuf>,
    /// The rules that are to be added to those in force; an error is one only of what would write them.
    pub rules: Option<Result<RuleSet>>,
    /// The reviewer's words.
    pub review: ReviewConfig,
    /// Who vouches for the ledger, and where that is kept.
    pub checkpoint: CheckpointConfig,
    /// What is not kept for ever.
    pub retention: RetentionConfig,
    /// Who asks.
    pub actor: String,
    /// The key of what is asked, where it has one of its own.
    pub request: Option<KeyedRequest>,
    /// Who holds the lock meanwhile.
    pub holder: Holder,
    /// How long a writer waits for another one to end.
    pub wait: Duration,
    /// Hears what is to be said beside the results.
    pub notices: Option<NoticeListener>,
    /// Clock, randomness and disk.
    pub world: World,
}

/// The use cases of one ledger.
pub struct App {
    pub(super) setup: Setup,
    pub(super) views: Views,
}

/// Where logs are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Root<'a> {
    /// A home, folder or file.
    pub path: &'a Path,
    /// Whether something is there.
    pub exists: bool,
}

impl App {
    /// Whether what the ledger has is signed at the end of each append, and where else that is written.
    pub fn checkpoint_config(&self) -> &CheckpointConfig {
        &self.setup.checkpoint
    }

    /// What is not kept for ever, once somebody erases it.
    pub fn retention_config(&self) -> &RetentionConfig {
        &self.setup.retention
    }

    /// Makes the use cases of a ledger.
    pub fn new(setup: Setup) -> App {
        let link = setup.db_path.clone().unwrap_or_else(|| setup.ledger_dir.join("views.sqlite"));
        let options = Options { raw_json: setup.raw_json };
        let views = Views { paths: ViewsPaths { link }, options };
        App { setup, views }
    }

    /// Who asks.
    pub fn actor(&self) -> &str {
        &self.setup.actor
    }

    /// The ledger's directory.
    pub fn dir(&self) -> &Path {
        &self.setup.ledger_dir
    }

    /// The views' stable path.
    pub fn views_path(&self) -> &Path {
        &self.views.paths.link
    }

    /// Roots that exist and roots that do not.
    pub fn roots(&self) -> Vec<Root<'_>> {
        let of = |path| Root { path, exists: path.exists() };
        self.setup.roots.iter().map(PathBuf::as_path).map(of).collect()
    }
}
