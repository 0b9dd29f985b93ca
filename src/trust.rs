//! `config trust`: which configuration files are obeyed though anybody may have put them where they lie.

use crate::door::{Done, Door, Result, Style};
use crate::error::DoorError;
use crate::settings::{Ignored, local, parse_config, read_bytes};
use crate::text::{plural, quoted};
use clap::Args;
use codex_ledger_app::config::{Trust, Trusted};
use codex_ledger_app::small_file;
use directories::ProjectDirs;
use serde::Serialize;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const FILE: &str = "trusted.json";

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

/// What is printed of a file that is trusted from now on, or no longer.
#[derive(Serialize)]
struct Change<'a> {
    path: &'a str,
    trusted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a str>,
}

/// What is printed of all that is trusted.
#[derive(Serialize)]
struct List<'a> {
    trusted: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    path: &'a str,
    digest: &'a str,
    state: State,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Trusted,
    Changed,
    Missing,
}

/// What is said of a file that is not obeyed.
pub fn told(ignored: &Ignored) -> String {
    let (path, named) = (ignored.path.display(), quoted(&ignored.path));
    format!(
        "{path} is ignored: {}; to obey it: `codex-ledger config trust {named}`",
        ignored.reason
    )
}

/// How a configuration file stands. What cannot be read is not trusted.
pub fn of(path: &Path, bytes: &[u8]) -> Trust {
    let known = place().and_then(|place| load(&place)).unwrap_or_default();
    known_as(path).map_or(Trust::None, |name| known.of(&name, bytes))
}

pub fn run(door: &mut Door, args: &TrustArgs) -> Result<Done> {
    let place = place()?;
    let mut trusted = load(&place)?;
    if args.list {
        return list(door, &trusted);
    }
    let path = args.path.clone().unwrap_or_default();
    let is_folder = path.as_os_str().is_empty() || path.is_dir();
    let path = if is_folder { local(&path) } else { path };
    let name = known_as(&path)?;
    if args.remove {
        if trusted.files.remove(&name).is_none() {
            let message = format!("{}: was not trusted", path.display());
            return Err(
                DoorError::new(message).hint("`codex-ledger config trust --list` lists what is")
            );
        }
        save(&place, &trusted)?;
        let text = format!("{name} is trusted no longer");
        return said(door, &Change { path: &name, trusted: false, digest: None }, &text);
    }
    let bytes = read_bytes(&path)?;
    // Who trusts a file wants it obeyed: one that cannot be is not worth remembering.
    parse_config(&path, &bytes, None)?;
    let digest = trusted.add(&name, &bytes);
    save(&place, &trusted)?;
    let text = format!("{name} is obeyed, as long as it says what it says now");
    said(door, &Change { path: &name, trusted: true, digest: Some(&digest) }, &text)
}

fn said(door: &Door, document: &Change<'_>, text: &str) -> Result<Done> {
    match (door.global.json, door.global.quiet) {
        (true, _) => door.print_json(document)?,
        (false, false) => door.print(&format!("{}\n", crate::text::safe(text)))?,
        _ => {}
    }
    Ok(Done::Clean)
}

/// How a file stands that was trusted once.
fn state(trusted: &Trusted, path: &str) -> State {
    match small_file::read_named(Path::new(path), small_file::NAMED_MAX_BYTES)
        .map(|bytes| trusted.of(path, &bytes))
    {
        Ok(Trust::Whole) => State::Trusted,
        Ok(_) => State::Changed,
        Err(_) => State::Missing,
    }
}

fn list(door: &Door, trusted: &Trusted) -> Result<Done> {
    if door.global.json {
        let all = trusted.files.iter();
        let all = all.map(|(path, digest)| Entry { path, digest, state: state(trusted, path) });
        door.print_json(&List { trusted: all.collect() })?;
        return Ok(Done::Clean);
    }
    let mut out = String::new();
    for path in trusted.files.keys() {
        let state = match state(trusted, path) {
            State::Trusted => door.paint(Style::Green, "trusted"),
            State::Changed => door.paint(Style::Yellow, "changed"),
            State::Missing => door.paint(Style::Yellow, "missing"),
        };
        out.push_str(&format!("{state}  {}\n", crate::text::safe(path)));
    }
    out.push_str(&format!("{}\n", plural(trusted.files.len() as u64, "file")));
    door.print(&out)?;
    Ok(Done::Clean)
}

/// Where it is remembered.
fn place() -> Result<PathBuf> {
    let project = ProjectDirs::from("", "", "codex-ledger");
    project.map(|project| project.config_dir().join(FILE)).ok_or_else(|| {
        DoorError::new("there is no home directory to remember it in")
            .hint("name the file with --config FILE")
    })
}

/// The absolute path under which a file is remembered.
fn known_as(path: &Path) -> Result<String> {
    let full = path.canonicalize().or_else(|_| std::path::absolute(path));
    let full = full.map_err(|e| failed(path, &e))?;
    full.into_os_string().into_string().map_err(|_| {
        let message = format!("{}: the path is no text", path.display());
        DoorError::new(message).hint("name the file with --config FILE")
    })
}

fn load(place: &Path) -> Result<Trusted> {
    match fs::read_to_string(place) {
        Ok(text) => Trusted::parse(&text).map_err(|reason| {
            let message = format!("{}: {reason}", place.display());
            DoorError::new(message).hint("remove it and trust the files anew")
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Trusted::default()),
        Err(e) => Err(failed(place, &e)),
    }
}

/// Writes it so that after a crash it is the old list or the new one.
fn save(place: &Path, trusted: &Trusted) -> Result<()> {
    let folder = place.parent().unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(trusted.text().as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(place).map_err(|e| e.error)?;
        // Elsewhere directories cannot be opened as files, and names are durable with the file.
        if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
    };
    write().map_err(|e| failed(place, &e))
}

fn failed(path: &Path, error: &io::Error) -> DoorError {
    DoorError::new(format!("{}: {error}", path.display()))
}
