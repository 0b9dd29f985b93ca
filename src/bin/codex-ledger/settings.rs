//! Settings out of options, environment and configuration file, each with where it comes from.

use crate::args::Global;
use crate::door::{Result, env};
use codex_ledger::app::{AppError, ErrorKind};
use codex_ledger::config::Config;
use directories::{BaseDirs, ProjectDirs};
use std::path::{Path, PathBuf};

/// A setting and where it comes from.
pub struct Setting {
    pub key: &'static str,
    pub value: String,
    pub origin: String,
}

/// All settings of a run.
pub struct Settings {
    pub config: Config,
    pub config_path: Option<PathBuf>,
    pub ledger_dir: PathBuf,
    pub roots: Vec<PathBuf>,
    pub all: Vec<Setting>,
}

/// Reads the configuration file, the environment and the options.
pub fn settings(global: &Global) -> Result<Settings> {
    let home = BaseDirs::new().map(|base| base.home_dir().to_path_buf());
    let project = ProjectDirs::from("", "", "codex-ledger");
    let config_path = config_path(global, project.as_ref())?;
    let config = match &config_path {
        Some(path) => read_config(path, home.as_deref())?,
        None => Config::default(),
    };
    let file = config_path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let mut all = Vec::new();
    let mut add = |key, value: String, origin: &str| {
        all.push(Setting { key, value, origin: origin.to_string() });
    };
    let (ledger_dir, origin) = ledger_dir(global, &config, project.as_ref(), &file)?;
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
    if let Some(dir) = &config.outputs.reports_dir {
        add("outputs.reports_dir", dir.display().to_string(), &file);
    }
    Ok(Settings { config, config_path, ledger_dir, roots, all })
}

fn ledger_dir(
    global: &Global,
    config: &Config,
    project: Option<&ProjectDirs>,
    file: &str,
) -> Result<(PathBuf, String)> {
    if let Some(dir) = &global.ledger {
        return Ok((dir.clone(), "--ledger or CODEX_LEDGER_HOME".into()));
    }
    if let Some(dir) = &config.ingest.ledger_dir {
        return Ok((dir.clone(), file.into()));
    }
    match project {
        Some(project) => Ok((project.data_dir().to_path_buf(), "default".into())),
        None => {
            let message = "there is no home directory to keep a ledger in";
            Err(AppError::new(ErrorKind::Usage, message).hint("give --ledger DIR"))
        }
    }
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

fn config_path(global: &Global, project: Option<&ProjectDirs>) -> Result<Option<PathBuf>> {
    if let Some(path) = &global.config {
        if path.is_file() {
            return Ok(Some(path.clone()));
        }
        let message = format!("{}: no such configuration file", path.display());
        return Err(
            AppError::new(ErrorKind::Usage, message).hint("check --config and CODEX_LEDGER_CONFIG")
        );
    }
    let local = Path::new("user").join("config.toml");
    let platform = project.map(|project| project.config_dir().join("config.toml"));
    Ok([Some(local), platform].into_iter().flatten().find(|path| path.is_file()))
}

fn read_config(path: &Path, home: Option<&Path>) -> Result<Config> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| AppError::new(ErrorKind::Io, format!("{}: {e}", path.display())))?;
    // Paths of `user/config.toml` are meant from the folder that `user` lies in.
    let folder = path.parent().unwrap_or(Path::new(""));
    let base = if folder.ends_with("user") { folder.parent().unwrap_or(folder) } else { folder };
    Config::parse(&text, path, base, home).map_err(|e| {
        AppError::new(ErrorKind::Usage, e.to_string())
            .hint("`codex-ledger config check` checks the file")
    })
}

/// Every path that the configuration file names and that does not exist, with its key.
pub fn missing_paths(settings: &Settings) -> Vec<String> {
    let file = settings.config_path.as_ref().map(|p| p.display().to_string()).unwrap_or_default();
    let roots = settings.config.roots();
    let missing = roots.iter().filter(|(_, root)| !root.exists());
    missing.map(|(key, root)| format!("{file}: {key}: {} does not exist", root.display())).collect()
}
