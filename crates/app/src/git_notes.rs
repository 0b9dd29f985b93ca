//! Checkpoints as notes of a git repository, which travel with it: `refs/notes/codex-ledger`.
//!
//! What lies in a repository may be anybody's. So git gets no hook, file-system monitor, pager or question of it, is told what
//! to do in arguments alone, and what it answers is only read as checkpoints.

use super::setup::App;
use crate::error::{AppError, ErrorKind, Result};
use crate::proofs::unsound;
use codex_ledger_proof::Note;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

const REF: &str = "codex-ledger";
/// Notes of a repository are not read beyond this.
const NOTES_MAX_BYTES: u64 = 4 << 20;
/// Of what git complains, so much is read.
const WORDS_MAX_BYTES: u64 = 16 << 10;

/// By these a git that has called this program would name another repository (`git rev-parse --local-env-vars`).
const REPOSITORY_VARIABLES: [&str; 12] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NOTES_REF",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Adds a checkpoint to those that the current commit of a repository has as a note.
///
/// # Errors
/// When it is no repository, has no commit, or git fails.
pub(super) fn write(repository: &Path, note: &Note) -> Result<()> {
    let mut text = match git(repository, &["notes", "--ref", REF, "list", "HEAD"], None) {
        Ok(blob) => git(repository, &["cat-file", "blob", blob_id(&blob)?], None)?,
        // None yet, or no commit: the last step says so.
        Err(_) => Vec::new(),
    };
    text.extend(note.to_string().as_bytes());
    let blob = git(repository, &["hash-object", "-w", "--stdin"], Some(&text))?;
    // As they are: a message would be cleaned, and another byte is another checkpoint.
    let blob = blob_id(&blob)?;
    git(repository, &["notes", "--ref", REF, "add", "--force", "-C", blob, "HEAD"], None).map(drop)
}

impl App {
    /// The checkpoints that any commit of a repository has as notes, one behind the other.
    ///
    /// # Errors
    /// When it is no repository, git fails, or there are too many.
    pub fn checkpoints_in_git(&self, repository: &Path) -> Result<String> {
        let list = git(repository, &["notes", "--ref", REF, "list"], None)?;
        let mut all = String::new();
        for line in list.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let blob = line.split(|byte| *byte == b' ').next().unwrap_or_default();
            let text = git(repository, &["cat-file", "blob", blob_id(blob)?], None)?;
            all.push_str(
                &String::from_utf8(text).map_err(|_| failed(repository, "a note is no text"))?,
            );
            if all.len() as u64 > NOTES_MAX_BYTES {
                return Err(failed(repository, "its notes are too long"));
            }
        }
        Ok(all)
    }
}

fn failed(repository: &Path, error: impl std::fmt::Display) -> AppError {
    AppError::new(ErrorKind::Io, format!("{}: {error}", repository.display()))
}

fn blob_id(answer: &[u8]) -> Result<&str> {
    let text = std::str::from_utf8(answer).unwrap_or_default().trim();
    let is_id = text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { Ok(text) } else { Err(unsound("git answers something else than an object's name")) }
}

fn git(repository: &Path, args: &[&str], input: Option<&[u8]>) -> Result<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| failed(repository, format!("git: {error}"));
    let mut command = Command::new("git");
    command.arg("-C").arg(repository);
    for setting in ["core.hooksPath=/dev/null", "core.fsmonitor=false", "core.pager=cat"] {
        command.args(["-c", setting]);
    }
    command.args(args);
    for name in REPOSITORY_VARIABLES {
        command.env_remove(name);
    }
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0");
    // Git asks who writes, and may not know.
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "codex-ledger");
        command.env(format!("GIT_{role}_EMAIL"), "codex-ledger@localhost");
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    // All of its pipes at once, so that it never waits for one while another is read.
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (answer, words) = std::thread::scope(|scope| {
        let words = scope.spawn(|| some_of(stderr, WORDS_MAX_BYTES).unwrap_or_default());
        // It may end without having read all: its own words say more than a broken pipe.
        scope.spawn(|| stdin.zip(input).map(|(mut stdin, input)| stdin.write_all(input)));
        (some_of(stdout, NOTES_MAX_BYTES + 1), words.join().unwrap_or_default())
    });
    let answer = answer.map_err(|error| failed(&error))?;
    let status = child.wait().map_err(|error| failed(&error))?;
    if answer.len() as u64 > NOTES_MAX_BYTES {
        return Err(failed(&"what it answers is too long"));
    }
    let words = String::from_utf8_lossy(&words);
    let last = words.lines().last().unwrap_or("it has failed").trim();
    if status.success() { Ok(answer) } else { Err(failed(&last)) }
}

/// The beginning of what a program writes; the pipe is closed behind it.
fn some_of(pipe: Option<impl Read>, max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(max).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
