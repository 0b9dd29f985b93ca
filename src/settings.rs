//! Settings out of options, environment and configuration file, each with where it comes from.

use crate::args::Global;
use crate::door::{Result, env};
use crate::error::DoorError;
use crate::trust;
use codex_ledger_app::config::{Config, Trust};
use codex_ledger_app::{Use, Verifier, read_authorities, small_file};
use directories::{BaseDirs, ProjectDirs};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A setting and where it comes from.
#[derive(Serialize)]
pub struct Setting {
    pub key: &'static str,
    pub value: String,
    pub origin: String,
}

/// A configuration file that is there and not obeyed.
#[derive(Clone, Serialize)]
pub struct Ignored {
    pub path: PathBuf,
    pub reason: &'static str,
}

/// All settings of a run.
pub struct Settings {
    pub config: Config,
    pub config_path: Option<PathBuf>,
    pub ledger_dir: PathBuf,
    pub roots: Vec<PathBuf>,
    pub all: Vec<Setting>,
    pub ignored: Vec<Ignored>,
}

/// Reads the configuration file, the environment and the options.
pub fn settings(global: &Global) -> Result<Settings> {
    let home = BaseDirs::new().map(|base| base.home_dir().to_path_buf());
    let project = ProjectDirs::from("", "", "codex-ledger");
    let Found { file: found, ledger, ignored } =
        Search { global, project: project.as_ref(), home: home.as_deref() }.run()?;
    let (ledger_dir, origin) = ledger;
    let (config, config_path) = match found {
        Some(file) => (file.config, Some(file.path)),
        None => (Config::default(), None),
    };
    let file = config_path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let mut all = Vec::new();
    let mut add = |key, value: String, origin: &str| {
        all.push(Setting { key, value, origin: origin.to_string() });
    };
    add("ledger", ledger_dir.display().to_string(), &origin);
    let (roots, origin) = roots(&config, home.as_deref(), &file);
    for root in &roots {
        add("sessions.roots", root.display().to_string(), &origin);
    }
    let from = |given: bool| if given { file.as_str() } else { "default" };
    let db = config.ingest.db_path.clone();
    let db_origin = from(db.is_some());
    let db = db.unwrap_or_else(|| ledger_dir.join("views.sqlite"));
    add("ingest.db_path", db.display().to_string(), db_origin);
    add("views.raw_json", config.views.raw_json.to_string(), from(config.views.raw_json));
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let usd = |usd: Option<f64>| usd.map(|usd| usd.to_string());
    let review = &config.review;
    let words = (!review.dispositions.is_empty()).then(|| review.dispositions.join(", "));
    let tags: Vec<&str> = review.tags.iter().map(|rule| rule.tag.as_str()).collect();
    let tags = (!tags.is_empty()).then(|| tags.join(", "));
    let budget = &config.budget;
    let sign = config.checkpoint.sign;
    let witnesses = &config.checkpoint.witnesses;
    let witnesses = (!witnesses.is_empty()).then(|| witnesses.join(", "));
    let authorities = &config.checkpoint.time_authorities;
    let authorities: Vec<_> = authorities.iter().map(|path| path.display().to_string()).collect();
    let authorities = (!authorities.is_empty()).then(|| authorities.join(", "));
    let output_days = config.retention.raw_output_days.map(|days| days.to_string());
    let expiring = &config.retention.tags;
    let expiring = (!expiring.is_empty()).then(|| expiring.join(", "));
    let quorum = config.checkpoint.quorum.map(|quorum| quorum.to_string());
    let quantum = config.checkpoint.post_quantum;
    add("checkpoint.post_quantum", quantum.to_string(), from(quantum));
    add("checkpoint.sign", sign.to_string(), from(!sign));
    // Every key, so that one sees what can be said, too.
    for (key, value, default) in [
        ("redaction.rules", path(&config.redaction.rules), "the program's rules"),
        ("outputs.reports_dir", path(&config.outputs.reports_dir), "none"),
        ("outputs.timezone", config.outputs.timezone.clone(), "UTC"),
        ("review.dispositions", words, "none"),
        ("review.tags", tags, "none"),
        ("retention.raw_output_days", output_days, "none"),
        ("retention.tags", expiring, "none"),
        ("checkpoint.export", path(&config.checkpoint.export), "none"),
        ("checkpoint.export_git", path(&config.checkpoint.export_git), "none"),
        ("checkpoint.time_authorities", authorities, "none"),
        ("checkpoint.witnesses", witnesses, "none"),
        ("checkpoint.quorum", quorum, "1"),
        ("budget.day", usd(budget.day), "none"),
        ("budget.week", usd(budget.week), "none"),
        ("budget.month", usd(budget.month), "none"),
    ] {
        let origin = from(value.is_some());
        add(key, value.unwrap_or_else(|| default.into()), origin);
    }
    Ok(Settings { config, config_path, ledger_dir, roots, all, ignored })
}

/// A configuration file that was read.
struct ConfigFile {
    path: PathBuf,
    config: Config,
}

/// A file that may be obeyed.
struct File {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl File {
    fn read(path: PathBuf) -> Result<File> {
        Ok(File { bytes: read_bytes(&path)?, path })
    }

    fn trust(&self) -> Trust {
        trust::of(&self.path, &self.bytes)
    }
}

/// Which file is obeyed, where the ledger lies and who says so, and what is not obeyed.
struct Found {
    file: Option<ConfigFile>,
    ledger: (PathBuf, String),
    ignored: Vec<Ignored>,
}

/// Looks for the configuration file.
///
/// A file that merely lies in the current folder may be anybody's: a repository that was cloned has one too. It
/// is obeyed when it was trusted, or when it is the one beside the ledger, whose place it has not chosen itself.
struct Search<'a> {
    global: &'a Global,
    project: Option<&'a ProjectDirs>,
    home: Option<&'a Path>,
}

impl Search<'_> {
    fn run(&self) -> Result<Found> {
        if let Some(path) = &self.global.config {
            if !path.is_file() {
                let message = format!("{}: no such configuration file", path.display());
                return Err(DoorError::new(message).hint("check --config and CODEX_LEDGER_CONFIG"));
            }
            let file = self.read(path)?;
            return Ok(Found { ledger: self.ledger(&[&file])?, file: Some(file), ignored: vec![] });
        }
        let here = local(Path::new(""));
        let here = Some(here).filter(|path| path.is_file()).map(File::read).transpose()?;
        if let Some(file) = here.as_ref().filter(|file| file.trust() == Trust::Whole) {
            let file = self.parse(file)?;
            return Ok(Found { ledger: self.ledger(&[&file])?, file: Some(file), ignored: vec![] });
        }
        let own = self.project.map(|project| project.config_dir().join("config.toml"));
        let own = own.filter(|path| path.is_file()).map(|path| self.read(&path)).transpose()?;
        let mut ledger = self.ledger(&own.iter().collect::<Vec<_>>())?;
        let mut ignored = Vec::new();
        let beside = beside(&ledger.0).filter(|path| path.is_file()).map(File::read).transpose()?;
        let file = match beside {
            Some(file) if is_own(&file.path) || file.trust() == Trust::Whole => {
                let file = self.parse(&file)?;
                let both: Vec<&ConfigFile> = [&file].into_iter().chain(&own).collect();
                ledger = self.ledger(&both)?;
                Some(file)
            }
            Some(File { path, .. }) => {
                ignored.push(Ignored { path, reason: "others may write it" });
                own
            }
            None => own,
        };
        if let Some(here) = here {
            let is = |other: &Path| is_same(&here.path, other);
            let is_known = file.as_ref().is_some_and(|file| is(&file.path))
                || ignored.iter().any(|other| is(&other.path));
            let reason = match here.trust() {
                Trust::Changed => "it has changed since it was trusted",
                _ => "it is not trusted",
            };
            ignored.extend((!is_known).then_some(Ignored { path: here.path, reason }));
        }
        Ok(Found { file, ledger, ignored })
    }

    fn read(&self, path: &Path) -> Result<ConfigFile> {
        self.parse(&File::read(path.to_path_buf())?)
    }

    fn parse(&self, file: &File) -> Result<ConfigFile> {
        let config = parse_config(&file.path, &file.bytes, self.home)?;
        Ok(ConfigFile { path: file.path.clone(), config })
    }

    /// Where the ledger lies, by the first of these files that says so, and who says it.
    fn ledger(&self, files: &[&ConfigFile]) -> Result<(PathBuf, String)> {
        if let Some(dir) = &self.global.ledger {
            return Ok((dir.clone(), "--ledger or CODEX_LEDGER_HOME".into()));
        }
        let named =
            files.iter().find_map(|file| Some((file, file.config.ingest.ledger_dir.clone()?)));
        if let Some((file, dir)) = named {
            return Ok((dir, file.path.display().to_string()));
        }
        match self.project {
            Some(project) => Ok((project.data_dir().to_path_buf(), "default".into())),
            None => {
                let message = "there is no home directory to keep a ledger in";
                Err(DoorError::new(message).hint("give --ledger DIR"))
            }
        }
    }
}

/// The configuration file that belongs to a folder.
pub fn local(folder: &Path) -> PathBuf {
    folder.join("user").join("config.toml")
}

/// The configuration file beside a ledger.
fn beside(ledger: &Path) -> Option<PathBuf> {
    Some(local(std::path::absolute(ledger).ok()?.parent()?))
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Whether nobody but this user and the system's own could have written a file or put it there.
#[cfg(unix)]
fn is_own(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid().as_raw();
    let is_mine = |path: &Path| {
        std::fs::metadata(path)
            .is_ok_and(|meta| [user, 0].contains(&meta.uid()) && meta.mode() & 0o002 == 0)
    };
    is_mine(path) && path.parent().is_some_and(is_mine)
}

#[cfg(not(unix))]
fn is_own(_: &Path) -> bool {
    true
}

fn roots(config: &Config, home: Option<&Path>, file: &str) -> (Vec<PathBuf>, String) {
    let configured: Vec<PathBuf> =
        config.roots().iter().map(|(_, root)| root.to_path_buf()).collect();
    if !configured.is_empty() {
        return (configured, file.into());
    }
    match env("CODEX_HOME").filter(|value| !value.is_empty()) {
        Some(codex_home) => (vec![PathBuf::from(codex_home)], "CODEX_HOME".into()),
        None => (home.iter().map(|home| home.join(".codex")).collect(), "default".into()),
    }
}

/// The bytes of a configuration file; they are judged and obeyed as they were read this once.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    Ok(small_file::read_named(path, small_file::NAMED_MAX_BYTES)?)
}

/// Reads what a configuration file says.
pub fn parse_config(path: &Path, bytes: &[u8], home: Option<&Path>) -> Result<Config> {
    let wrong = |message: String| {
        DoorError::new(message).hint("correct the file, or name another with --config FILE")
    };
    let text = std::str::from_utf8(bytes)
        .map_err(|_| wrong(format!("{}: the file is not UTF-8", path.display())))?;
    // Paths of `user/config.toml` are meant from the folder that `user` lies in.
    let folder = path.parent().unwrap_or(Path::new(""));
    let base = if folder.ends_with("user") { folder.parent().unwrap_or(folder) } else { folder };
    Config::parse(text, path, base, home).map_err(|e| wrong(e.to_string()))
}

/// Every path that the configuration file names and that does not exist, with its key.
pub fn missing_paths(settings: &Settings) -> Vec<String> {
    let file = settings.config_path.as_ref().map(|p| p.display().to_string()).unwrap_or_default();
    let rules = settings.config.redaction.rules.iter();
    let rules = rules.filter(|path| !path.is_file() && *path != Path::new("builtin"));
    let rules =
        rules.map(|path| format!("{file}: redaction.rules: {} does not exist", path.display()));
    let witnesses = wrong_witnesses(settings).into_iter().map(|wrong| format!("{file}: {wrong}"));
    let elsewhere = wrong_places(settings).into_iter().map(|wrong| format!("{file}: {wrong}"));
    missing_roots(settings).into_iter().chain(rules).chain(witnesses).chain(elsewhere).collect()
}

/// What is wrong with certificates of authorities, and with the repository that gets checkpoints.
fn wrong_places(settings: &Settings) -> Vec<String> {
    let config = &settings.config.checkpoint;
    let certificates =
        config.time_authorities.iter().filter_map(|path| read_authorities(path).err());
    let certificates = certificates.map(|error| DoorError::from(error).message);
    let mut wrong: Vec<String> =
        certificates.map(|message| format!("checkpoint.time_authorities: {message}")).collect();
    let is_missing = |path: &&PathBuf| !path.is_dir();
    let repository = config.export_git.iter().filter(is_missing);
    wrong.extend(
        repository
            .map(|path| format!("checkpoint.export_git: {} is no git repository", path.display())),
    );
    wrong
}

/// What is wrong with the witnesses, and with how many of them have to cosign.
fn wrong_witnesses(settings: &Settings) -> Vec<String> {
    let config = &settings.config.checkpoint;
    let mut wrong: Vec<String> = Vec::new();
    for (at, text) in config.witnesses.iter().enumerate() {
        match Verifier::parse(text) {
            Ok(key) if key.purpose() == Use::Log => {
                wrong.push("checkpoint.witnesses: the key of a log, not of a witness".into());
            }
            Ok(_) if config.witnesses.iter().take(at).any(|other| other == text) => {
                wrong.push("checkpoint.witnesses: the same key twice".into());
            }
            Ok(_) => {}
            Err(error) => wrong.push(format!("checkpoint.witnesses: {error}")),
        }
    }
    let (quorum, of) = (config.quorum.unwrap_or(1), config.witnesses.len());
    if of > 0 && (quorum == 0 || quorum > of) {
        wrong.push(format!("checkpoint.quorum: {quorum} of {of} witnesses cannot be"));
    }
    wrong
}

/// Every place of logs that the configuration file names and that does not exist, with its key.
pub fn missing_roots(settings: &Settings) -> Vec<String> {
    let file = settings.config_path.as_ref().map(|p| p.display().to_string()).unwrap_or_default();
    let roots = settings.config.roots();
    let missing = roots.iter().filter(|(_, root)| !root.exists());
    missing.map(|(key, root)| format!("{file}: {key}: {} does not exist", root.display())).collect()
}
