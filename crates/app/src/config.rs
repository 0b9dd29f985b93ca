//! The text of a configuration file -> plain values. The doors read files and environment.

mod trust;

pub use trust::{Trust, Trusted};

use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What a configuration file can say. Unknown keys are refused, so that a typing error is not silence.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `[sessions]`: where the logs are.
    pub sessions: Sessions,
    /// `[ingest]`: where they go.
    pub ingest: Ingest,
    /// `[outputs]`: where results go.
    pub outputs: Outputs,
    /// `[views]`: what the views hold.
    pub views: ViewsConfig,
    /// `[redaction]`: what is hidden.
    pub redaction: RedactionConfig,
    /// `[review]`: the reviewer's words.
    pub review: ReviewConfig,
    /// `[checkpoint]`: who vouches for the ledger.
    pub checkpoint: CheckpointConfig,
    /// `[retention]`: what is not kept for ever.
    pub retention: RetentionConfig,
    /// `[budget]`: what usage should not go beyond.
    pub budget: Budget,
}

/// `[sessions]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sessions {
    /// One home, folder or file.
    pub root: Option<PathBuf>,
    /// Several.
    pub roots: Vec<PathBuf>,
}

/// `[ingest]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ingest {
    /// The ledger's directory.
    pub ledger_dir: Option<PathBuf>,
    /// The views' stable path.
    pub db_path: Option<PathBuf>,
}

/// `[outputs]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outputs {
    /// Where reports are written.
    pub reports_dir: Option<PathBuf>,
    /// Zone of days and times: `local`, or an IANA name.
    pub timezone: Option<String>,
}

/// `[checkpoint]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// Sign what the ledger has at the end of each append.
    pub sign: bool,
    /// A file that each of these checkpoints is written to as well, one behind the other.
    pub export: Option<PathBuf>,
    /// A git repository whose current commit gets them as notes, too.
    pub export_git: Option<PathBuf>,
    /// Certificates that time stamps have to lead to: files in PEM.
    pub time_authorities: Vec<PathBuf>,
    /// Public keys of witnesses that cosign it.
    pub witnesses: Vec<String>,
    /// Sign with ML-DSA-44, too, which quantum computers do not break; a checkpoint is 3.5 kB longer by that.
    pub post_quantum: bool,
    /// How many of them have to; one where nothing is said.
    pub quorum: Option<usize>,
}

impl Default for CheckpointConfig {
    fn default() -> CheckpointConfig {
        CheckpointConfig {
            sign: true,
            export: None,
            export_git: None,
            time_authorities: Vec::new(),
            witnesses: Vec::new(),
            post_quantum: false,
            quorum: None,
        }
    }
}

/// `[retention]`: what `erase --retention` takes. Nothing is erased by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// Raw output of commands and other tools, once it is older than so many days.
    pub raw_output_days: Option<u32>,
    /// Whole sessions that have one of these tags.
    pub tags: Vec<String>,
}

/// `[budget]`: USD of API-equivalent cost. Nothing is stopped by it; `tokens` says where it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// In a day.
    pub day: Option<f64>,
    /// In a week from Monday on.
    pub week: Option<f64>,
    /// In a month.
    pub month: Option<f64>,
}

/// `[views]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ViewsConfig {
    /// Keep the full JSON of every record in the views, beside the ledger that has it anyway.
    pub raw_json: bool,
}

/// `[review]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReviewConfig {
    /// Dispositions beside followed, ignored and needs-review.
    pub dispositions: Vec<String>,
    /// `[[review.tags]]`: tags that sessions get by themselves.
    pub tags: Vec<TagRule>,
}

/// When a session gets a tag by itself; all conditions that are named must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TagRule {
    /// The tag.
    pub tag: String,
    /// Part of the repository's URL.
    pub repo: Option<String>,
    /// Directory; sessions in it or below it.
    pub path: Option<String>,
    /// Text that a prompt holds, whatever its case.
    pub text: Option<String>,
}

/// `[redaction]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedactionConfig {
    /// A file with rules (YAML, JSON, or Gitleaks TOML) that are to be in force.
    pub rules: Option<PathBuf>,
}

/// What a tag or disposition is made of, for people.
pub const REVIEW_WORD: &str = "up to 64 letters, digits and - _ . / : + without blanks";

/// Whether a text can be a tag or a disposition: a word that can be filtered by.
pub fn is_review_word(word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "-_./:+".contains(c);
    !word.is_empty() && word.chars().count() <= 64 && word.chars().all(is_part)
}

/// A configuration file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", path.display())]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// Line, key and reason.
    pub detail: String,
}

impl Config {
    /// Reads the text of a file. Relative paths are taken from `base`, `~/` from `home`.
    ///
    /// # Errors
    /// When the text is not TOML, or has unknown keys or values of the wrong kind.
    pub fn parse(
        text: &str,
        path: &Path,
        base: &Path,
        home: Option<&Path>,
    ) -> Result<Config, ConfigError> {
        // Places of errors are counted behind it.
        let text = text.trim_start_matches('\u{feff}');
        let mut config: Config = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map(|before| before.matches('\n').count() + 1);
            let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            ConfigError { path: path.to_path_buf(), detail: format!("{place}{}", error.message()) }
        })?;
        let own = config.review.dispositions.iter().map(|word| ("review.dispositions", word));
        let tags = config.review.tags.iter().map(|rule| ("review.tags", &rule.tag));
        if let Some((key, word)) = own.chain(tags).find(|(_, word)| !is_review_word(word)) {
            let detail = format!("{key}: `{word}` is no word for this: {REVIEW_WORD}");
            return Err(ConfigError { path: path.to_path_buf(), detail });
        }
        if config.retention.raw_output_days == Some(0) {
            let detail = "retention.raw_output_days: at least 1".to_string();
            return Err(ConfigError { path: path.to_path_buf(), detail });
        }
        let budget = [config.budget.day, config.budget.week, config.budget.month];
        if budget.into_iter().flatten().any(|usd| !usd.is_finite() || usd <= 0.0) {
            let detail = "budget: an amount in USD, more than 0".to_string();
            return Err(ConfigError { path: path.to_path_buf(), detail });
        }
        let resolve = |path: &mut PathBuf| {
            *path = match (path.strip_prefix("~"), home) {
                (Ok(rest), Some(home)) => home.join(rest),
                _ => base.join(&*path),
            };
        };
        let Config { sessions, ingest, outputs, redaction, checkpoint, .. } = &mut config;
        let single = [
            &mut sessions.root,
            &mut ingest.ledger_dir,
            &mut ingest.db_path,
            &mut outputs.reports_dir,
            &mut redaction.rules,
            &mut checkpoint.export,
            &mut checkpoint.export_git,
        ];
        single.into_iter().flatten().for_each(resolve);
        sessions.roots.iter_mut().chain(&mut checkpoint.time_authorities).for_each(resolve);
        Ok(config)
    }

    /// All configured roots with the key that names each.
    pub fn roots(&self) -> Vec<(&'static str, &Path)> {
        let one = self.sessions.root.iter().map(|root| ("sessions.root", root.as_path()));
        let many = self.sessions.roots.iter().map(|root| ("sessions.roots", root.as_path()));
        one.chain(many).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(
            text,
            Path::new("user/config.toml"),
            Path::new("/base"),
            Some(Path::new("/h")),
        )
    }

    #[test]
    fn paths_are_resolved() {
        let config = parse(
            "[sessions]\nroot = '~/.codex'\nroots = ['logs', '/abs']\n[views]\nraw_json = true\n",
        );
        let config = config.unwrap();
        let roots: Vec<_> =
            config.roots().iter().map(|(_, path)| path.display().to_string()).collect();
        assert_eq!(roots, ["/h/.codex", "/base/logs", "/abs"]);
        assert!(config.views.raw_json);
    }

    #[test]
    fn errors_name_file_line_and_key() {
        let error = parse("[ingest]\n\ndb_pth = 'x'\n").unwrap_err().to_string();
        assert!(error.starts_with("user/config.toml: line 3: unknown field `db_pth`"), "{error}");
        let error = parse("[views]\nraw_json = 3\n").unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}
