//! Checkpoints as notes of a git repository, which travel with it: `refs/notes/codex-ledger/LEDGER/ORIGIN`.
//!
//! What lies in a repository may be anybody's. So git gets no hook, file-system monitor, pager or question of it, fetches nothing,
//! looks at what objects are and not at what replaces them, is told what to do in arguments alone, and has to answer in time;
//! what it answers is only read as checkpoints.

use super::setup::App;
use crate::error::{AppError, ErrorKind, Result};
use crate::proofs::{Against, COLLECTED_MAX_BYTES, unsound};
use codex_ledger_proof::{Checkpoint, Note};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// Of what git complains, so much is read.
const WORDS_MAX_BYTES: u64 = 16 << 10;
/// So much of it is shown.
const WORDS_MAX_CHARS: usize = 300;
/// Git answers within this time, or not at all.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// How often it is looked whether git has ended, once it has said all.
const PAUSE: Duration = Duration::from_millis(2);
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
/// Nothing is asked for, fetched or taken for something else.
const VARIABLES: [(&str, &str); 5] = [
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    // A version without the one above asks this before it fetches.
    ("GIT_ALLOW_PROTOCOL", "none"),
];
const SETTINGS: [&str; 4] =
    ["core.hooksPath=/dev/null", "core.fsmonitor=false", "core.pager=cat", "protocol.allow=never"];

/// What the notes of a repository hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitCheckpoints {
    /// The checkpoints, each as it was signed.
    pub found: Vec<(Checkpoint, Note)>,
    /// Notes that are no checkpoints: somebody's remarks, or damaged.
    pub others: u64,
}

impl App {
    /// Writes a checkpoint as a note on the current commit of a repository. Those that were there, and that it covers, go: they
    /// say less.
    ///
    /// # Errors
    /// When it is no repository, has no commit, has another note there, or git fails.
    pub(super) fn note_in_git(&self, repository: &Path, note: &Note) -> Result<()> {
        let log = self.log_name()?;
        let git = |args: &[&str], input: Option<&[u8]>| git(repository, args, input);
        let mut text = String::new();
        // None yet, or no commit: the last step says so.
        if let Ok(blob) = git(&["notes", "--ref", &log, "list", "HEAD"], None) {
            let old = git(&["cat-file", "blob", object_name(&blob)?], None)?;
            let (old, found) = checkpoints_of(&old).ok_or_else(|| {
                let what =
                    format!("the note of the current commit in refs/notes/{log} is no checkpoint");
                failed(repository, what)
            })?;
            let found: Vec<Checkpoint> = found.into_iter().map(|(found, _)| found).collect();
            if !matches!(self.against(&found)?, Against::Consistent { .. }) {
                text.push_str(old);
            }
        }
        text.push_str(&note.to_string());
        let blob = git(&["hash-object", "-w", "--stdin"], Some(text.as_bytes()))?;
        // As they are: a message would be cleaned, and another byte is another checkpoint.
        let blob = object_name(&blob)?;
        git(&["notes", "--ref", &log, "add", "--force", "-C", blob, "HEAD"], None).map(drop)
    }

    /// The checkpoints of this ledger that any commit of a repository has as notes.
    ///
    /// # Errors
    /// When it is no repository, git fails, or there are too many.
    pub fn checkpoints_in_git(&self, repository: &Path) -> Result<GitCheckpoints> {
        let list = git(repository, &["notes", "--ref", &self.log_name()?, "list"], None)?;
        let mut blobs = String::new();
        for line in list.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let blob = line.split(|byte| *byte == b' ').next().unwrap_or_default();
            blobs.push_str(object_name(blob)?);
            blobs.push('\n');
        }
        let all = git(repository, &["cat-file", "--batch"], Some(blobs.as_bytes()))?;
        let mut checkpoints = GitCheckpoints::default();
        let mut rest = &all[..];
        // Each: a line with name, kind and length, the content, a line feed.
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let head = String::from_utf8_lossy(rest.get(..end).unwrap_or_default());
            let length = head.rsplit(' ').next().and_then(|length| length.parse::<usize>().ok());
            let text = length.and_then(|length| rest.get(end + 1..)?.get(..length));
            let text = text.ok_or_else(|| failed(repository, format!("git: {head}")))?;
            match checkpoints_of(text) {
                Some((_, found)) => checkpoints.found.extend(found),
                None => checkpoints.others += 1,
            }
            rest = rest.get(end + 2 + text.len()..).unwrap_or_default();
        }
        Ok(checkpoints)
    }
}

fn checkpoints_of(text: &[u8]) -> Option<(&str, Vec<(Checkpoint, Note)>)> {
    let text = std::str::from_utf8(text).ok()?;
    Some((text, Checkpoint::parse_all(text).ok()?))
}

fn failed(repository: &Path, error: impl std::fmt::Display) -> AppError {
    AppError::new(ErrorKind::Io, format!("{}: {error}", repository.display()))
}

fn object_name(answer: &[u8]) -> Result<&str> {
    let text = std::str::from_utf8(answer).unwrap_or_default().trim();
    let is_name = text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_name {
        Ok(text)
    } else {
        Err(unsound("git answers something else than an object's name"))
    }
}

/// What git says in that repository, which is not looked for in the folders above.
fn git(repository: &Path, args: &[&str], input: Option<&[u8]>) -> Result<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| failed(repository, format!("git: {error}"));
    let repository = repository.canonicalize().map_err(|error| failed(&error))?;
    let mut command = Command::new("git");
    command.arg("-C").arg(&repository);
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    command.args(args);
    for name in REPOSITORY_VARIABLES {
        command.env_remove(name);
    }
    for (name, value) in VARIABLES {
        command.env(name, value);
    }
    command.env("GIT_CEILING_DIRECTORIES", repository.parent().unwrap_or(&repository));
    // Git asks who writes, and may not know.
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "codex-ledger");
        command.env(format!("GIT_{role}_EMAIL"), "codex-ledger@localhost");
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    let until = Instant::now() + ANSWER_TIME;
    let answered = answered(&mut child, input, until);
    let is_over = answered.is_some() && ended(&mut child, until);
    let Some((answer, words)) = answered.filter(|_| is_over) else {
        child.kill().and_then(|()| child.wait()).map_err(|error| failed(&error))?;
        return Err(failed(&format!("no answer within {} s", ANSWER_TIME.as_secs())));
    };
    if answer.len() as u64 > COLLECTED_MAX_BYTES {
        return Err(failed(&"there are too many notes"));
    }
    if child.wait().map_err(|error| failed(&error))?.success() {
        return Ok(answer);
    }
    let words = String::from_utf8_lossy(&words);
    let words: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let words: String = words.join("; ").chars().take(WORDS_MAX_CHARS).collect();
    Err(failed(&if words.is_empty() { "it has failed".into() } else { words }))
}

/// What a program says, on both of its pipes, once it has closed them; none where that takes too long.
fn answered(child: &mut Child, input: Option<&[u8]>, until: Instant) -> Option<(Vec<u8>, Vec<u8>)> {
    let (stdin, input) = (child.stdin.take(), input.map(<[u8]>::to_vec));
    // All at once, so that it never waits for one pipe while another is read. It may end without having read all: its own
    // words say more than a broken pipe.
    std::thread::spawn(move || stdin.zip(input).map(|(mut to, input)| to.write_all(&input)));
    let answer = read_behind(child.stdout.take(), COLLECTED_MAX_BYTES + 1);
    let words = read_behind(child.stderr.take(), WORDS_MAX_BYTES);
    let left = || until.saturating_duration_since(Instant::now());
    let answer = answer.recv_timeout(left()).ok()?;
    Some((answer, words.recv_timeout(left()).ok()?))
}

/// Reads the beginning of what a program writes; the pipe is closed behind it.
fn read_behind(pipe: Option<impl Read + Send + 'static>, max: u64) -> Receiver<Vec<u8>> {
    let (sender, receiver) = sync_channel(1);
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            pipe.take(max).read_to_end(&mut bytes).ok();
        }
        // Nobody may wait any more.
        sender.send(bytes).ok();
    });
    receiver
}

/// Whether a program has ended, which may take it a moment behind its last word.
fn ended(child: &mut Child, until: Instant) -> bool {
    loop {
        match child.try_wait() {
            Ok(Some(_)) => return true,
            Ok(None) if Instant::now() < until => std::thread::park_timeout(PAUSE),
            _ => return false,
        }
    }
}
