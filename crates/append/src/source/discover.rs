//! Which files are sources, and what they are called.

use super::read::begins_like_json;
use codex_ledger_entry::{Container, StreamName};
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use walkdir::{DirEntry, WalkDir};

/// Credentials; never read, whatever the user asks for.
const NEVER: &str = "auth.json";
/// Folders of a home that hold no rollouts but may hold very many files.
const PRUNED: [&str; 8] =
    [".git", ".tmp", "log", "node_modules", "plugins", "skills", "tmp", "worktrees"];

/// A file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What it is.
    pub name: StreamName,
    /// How it holds its bytes.
    pub container: Container,
    /// Size on disk in bytes.
    pub len: u64,
    /// Time of the last change, nanoseconds since 1970-01-01 UTC.
    pub modified: u64,
    /// Number of the file in its file system; 0 where there is none.
    pub inode: u64,
}

/// Something that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file or folder.
    pub path: PathBuf,
    /// Why not.
    pub reason: String,
}

/// All sources below some roots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    /// In the order in which they are to be read: oldest name first, active before archived before
    /// compressed, so that a twin is recognised by the copy that grows; files of other names last, since
    /// they may be copies.
    pub files: Vec<SourceFile>,
    /// What could not be looked at.
    pub problems: Vec<Problem>,
}

/// Finds the sources below homes, folders or files.
pub fn discover(roots: &[PathBuf]) -> Discovery {
    let mut found = Discovery::default();
    let mut seen = HashSet::new();
    for root in roots {
        match fs::metadata(root) {
            Ok(meta) if meta.is_dir() => walk(root, &mut found, &mut seen),
            Ok(meta) if meta.is_file() => add_given(root, &mut found, &mut seen),
            Ok(_) => {
                let reason = "neither a folder nor a regular file".to_string();
                found.problems.push(Problem { path: root.clone(), reason });
            }
            Err(e) => found.problems.push(problem(root, &e)),
        }
    }
    found.files.sort_by(|a, b| order_key(a).cmp(&order_key(b)));
    found
}

fn order_key(file: &SourceFile) -> (bool, std::ffi::OsString, u8, &Path) {
    let stem = file.path.file_name().unwrap_or_default().to_string_lossy();
    let stem = stem.strip_suffix(".zst").unwrap_or(&stem).to_string();
    let archived = file.path.components().any(|part| part.as_os_str() == "archived_sessions");
    let rank = u8::from(archived) + 2 * u8::from(file.container == Container::Zstd);
    (matches!(file.name, StreamName::File(_)), stem.into(), rank, &file.path)
}

fn problem(path: &Path, error: &io::Error) -> Problem {
    Problem { path: path.to_path_buf(), reason: error.to_string() }
}

fn walk(root: &Path, found: &mut Discovery, seen: &mut HashSet<PathBuf>) {
    let is_home = ["sessions", "archived_sessions"].iter().any(|part| root.join(part).is_dir());
    let wanted = |entry: &DirEntry| {
        let name = entry.file_name().to_str().unwrap_or_default();
        !(is_home && entry.depth() == 1 && entry.file_type().is_dir() && PRUNED.contains(&name))
    };
    for entry in WalkDir::new(root).follow_links(true).into_iter().filter_entry(wanted) {
        match entry {
            Ok(entry) if entry.file_type().is_file() => add(entry.path(), found, seen),
            Ok(entry) if entry.file_type().is_dir() || name_of(entry.path()).is_none() => {}
            Ok(entry) => {
                let reason = "not a regular file".to_string();
                found.problems.push(Problem { path: entry.path().to_path_buf(), reason });
            }
            Err(error) => {
                let path = error.path().unwrap_or(root).to_path_buf();
                let reason = match error.io_error() {
                    Some(io) => io.to_string(),
                    None => "a link that leads back to a folder above it".to_string(),
                };
                found.problems.push(Problem { path, reason });
            }
        }
    }
}

/// A file that was met on the way: only names that Codex gives count.
fn add(path: &Path, found: &mut Discovery, seen: &mut HashSet<PathBuf>) {
    match name_of(path) {
        Some((name, container)) => add_file(path, name, container, found, seen),
        None if is_gzip_of_rollout(path) => found.problems.push(gzip(path)),
        None => {}
    }
}

/// No client writes such files, people do: their sessions would be missed without a word.
fn is_gzip_of_rollout(path: &Path) -> bool {
    let is_gzip = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("gz"));
    is_gzip && name_of(&path.with_extension("")).is_some()
}

fn gzip(path: &Path) -> Problem {
    let reason = "compressed with gzip, which is not read: `gunzip` it".to_string();
    Problem { path: path.to_path_buf(), reason }
}

/// Whether a file of another name holds something else than lines of JSON: it was most likely named by mistake.
fn is_foreign(path: &Path) -> bool {
    let is_compressed = path.extension().is_some_and(|end| end == "zst");
    let is_empty = fs::metadata(path).is_ok_and(|meta| meta.len() == 0);
    !is_compressed && !is_empty && !begins_like_json(path)
}

/// A file that was given by hand: any name counts, except credentials, and what is no log at all.
fn add_given(path: &Path, found: &mut Discovery, seen: &mut HashSet<PathBuf>) {
    if path.file_name().is_some_and(|name| name.eq_ignore_ascii_case(NEVER)) {
        let reason = "holds credentials and is never read".to_string();
        found.problems.push(Problem { path: path.to_path_buf(), reason });
        return;
    }
    if is_gzip_of_rollout(path) {
        found.problems.push(gzip(path));
        return;
    }
    if name_of(path).is_none() && is_foreign(path) {
        let reason = "does not begin as a Codex log does; under a log's own name it is kept whatever it holds";
        found.problems.push(Problem { path: path.to_path_buf(), reason: reason.into() });
        return;
    }
    let (name, container) = name_of(path).unwrap_or_else(|| {
        let compressed = path.extension().is_some_and(|e| e == "zst");
        let container = if compressed { Container::Zstd } else { Container::Plain };
        (StreamName::File(absolute(path)), container)
    });
    add_file(path, name, container, found, seen);
}

fn add_file(
    path: &Path,
    name: StreamName,
    container: Container,
    found: &mut Discovery,
    seen: &mut HashSet<PathBuf>,
) {
    match fs::metadata(path) {
        Ok(meta) => {
            let canonical = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
            // A link of another name may lead to the credentials.
            let is_secret =
                canonical.file_name().is_some_and(|name| name.eq_ignore_ascii_case(NEVER));
            if is_secret || !meta.is_file() || !seen.insert(canonical) {
                return;
            }
            // Some tools take the compression away and leave the name.
            let is_plain = container == Container::Zstd && begins_like_json(path);
            let container = if is_plain { Container::Plain } else { container };
            let modified = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
            found.files.push(SourceFile {
                path: path.to_path_buf(),
                name,
                container,
                len: meta.len(),
                modified: modified.map_or(0, |d| d.as_nanos() as u64),
                inode: inode(&meta),
            });
        }
        // Archived or compressed between listing and looking: the next append finds it there.
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => found.problems.push(problem(path, &e)),
    }
}

#[cfg(unix)]
fn inode(meta: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

fn absolute(path: &Path) -> String {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    path.to_string_lossy().into_owned()
}

/// What a file is by its name; `None` for files that are no sources.
fn name_of(path: &Path) -> Option<(StreamName, Container)> {
    let name = path.file_name()?.to_str()?;
    let folder =
        || absolute(path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")));
    match name {
        "history.jsonl" => return Some((StreamName::History(folder()), Container::Plain)),
        "session_index.jsonl" => return Some((StreamName::Index(folder()), Container::Plain)),
        _ => {}
    }
    let rest = name.strip_prefix("rollout-")?;
    let (stem, container) = match (rest.strip_suffix(".jsonl"), rest.strip_suffix(".jsonl.zst")) {
        (Some(stem), _) => (stem, Container::Plain),
        (_, Some(stem)) => (stem, Container::Zstd),
        _ => (rest.strip_suffix(".json")?, Container::Document),
    };
    Some((rollout_name(stem)?, container))
}

/// `<time>-<thread>[_<rollout>]`, the ids being UUIDs.
fn rollout_name(stem: &str) -> Option<StreamName> {
    const UUID: usize = 36;
    let uuid = |text: &str| {
        let fits = text.len() == UUID && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        fits.then(|| text.to_ascii_lowercase())
    };
    let tail =
        |text: &str| text.len().checked_sub(UUID).and_then(|at| text.get(at..).and_then(uuid));
    if let Some((head, last)) = stem.rsplit_once('_')
        && let (Some(rollout), Some(thread)) = (uuid(last), tail(head))
    {
        return Some(StreamName::Rollout { thread, rollout: Some(rollout) });
    }
    Some(StreamName::Rollout { thread: tail(stem)?, rollout: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0199a213-81c0-7800-8aa1-bbab2a035a53";

    #[test]
    fn names_of_every_generation() {
        let cases = [
            (format!("rollout-2025-04-20-{ID}.json"), Container::Document),
            (format!("rollout-2026-02-09T18-36-27-{ID}.jsonl"), Container::Plain),
            (format!("rollout-2026-02-09T18-36-27.123Z-{ID}.jsonl.zst"), Container::Zstd),
        ];
        for (name, container) in cases {
            let rollout = StreamName::Rollout { thread: ID.into(), rollout: None };
            assert_eq!(name_of(Path::new(&name)), Some((rollout, container)), "{name}");
        }
        let reverted = format!("rollout-2026-02-09T18-36-27-{ID}_{}.jsonl", ID.replace('1', "2"));
        let (name, _) = name_of(Path::new(&reverted)).unwrap();
        assert_eq!(name.to_string(), format!("rollout/{ID}_{}", ID.replace('1', "2")));
        for other in
            ["auth.json", "config.toml", "rollout-x.jsonl", "rollout-é.jsonl", "x.jsonl.tmp"]
        {
            assert_eq!(name_of(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn a_home_gives_its_sources_and_never_its_credentials() {
        let home = tempfile::tempdir().unwrap();
        let day = home.path().join("sessions/2026/02/09");
        let archive = home.path().join("archived_sessions");
        fs::create_dir_all(&day).unwrap();
        fs::create_dir_all(&archive).unwrap();
        let name = format!("rollout-2026-02-09T18-36-27-{ID}.jsonl");
        for path in [archive.join(&name), day.join(&name), home.path().join("auth.json")] {
            fs::write(path, "{}\n").unwrap();
        }
        fs::write(home.path().join("history.jsonl"), "").unwrap();
        let found =
            discover(&[home.path().to_path_buf(), day.join(&name), home.path().join("auth.json")]);
        let kinds: Vec<_> = found.files.iter().map(|file| file.name.kind()).collect();
        assert_eq!(kinds, ["history", "rollout", "rollout"]);
        assert!(found.files[1].path.starts_with(home.path().join("sessions")));
        assert_eq!(found.problems.len(), 1, "{:?}", found.problems);
    }
}
