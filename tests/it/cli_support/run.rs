//! Running the real program where nothing of the machine reaches it.

use super::sources::{self, session};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::{self, File, FileTimes};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant, UNIX_EPOCH};

/// 2000-01-01: any torn end of a file of that age is settled.
const LONG_AGO_SECONDS: u64 = 946_684_800;
/// 2100-01-01: a file of that age may always still grow.
const FAR_AHEAD_SECONDS: u64 = 4_102_444_800;

/// A folder with a home, a ledger and logs of its own; removed at the end.
pub struct TestEnvironment {
    dir: tempfile::TempDir,
    ticks: AtomicU64,
}

/// How the program ended and what it said.
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// The exit code of an append: 1 where a file could not be read.
const FITTING: i32 = -1;

impl Outcome {
    fn of(output: Output) -> Outcome {
        Outcome {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("stdout is UTF-8")
    }

    /// The one document on stdout, with nothing before or after it.
    pub fn json(&self) -> Value {
        let text = self.text();
        assert!(text.ends_with('\n'), "a document ends with a line feed; stderr: {}", self.stderr);
        serde_json::from_slice(&self.stdout).expect("stdout is one JSON document")
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Outcome {
        assert_eq!(self.code, Some(code), "stderr: {}", self.stderr);
        self
    }

    /// Could not do it: exit code 2, nothing on stdout, and all of these words on stderr.
    #[track_caller]
    pub fn refused(self, words: &[&str]) -> Outcome {
        assert_eq!(self.code, Some(2), "stderr: {}", self.stderr);
        assert!(self.stdout.is_empty(), "nothing on stdout: {}", self.text());
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is missing in: {}", self.stderr);
        }
        self
    }
}

impl TestEnvironment {
    pub fn new() -> TestEnvironment {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for part in ["home", "work", "tmp"] {
            fs::create_dir(dir.path().join(part)).unwrap();
        }
        TestEnvironment { dir, ticks: AtomicU64::new(0) }
    }

    /// One that has the invented home of `fixtures/` as its logs.
    pub fn with_fixture() -> TestEnvironment {
        let env = TestEnvironment::new();
        for source in sources::sources_below(&sources::fixture_home()) {
            let target = env.codex().join(&source.relative);
            env.write(&target, &fs::read(&source.path).unwrap());
        }
        env
    }

    /// One whose ledger has the session number 1, with so many prompts.
    pub fn with_session(prompts: u64) -> TestEnvironment {
        let env = TestEnvironment::new();
        env.write(&env.rollout(1), &session(1, prompts));
        env.append(&[]);
        env
    }

    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(relative)
    }

    pub fn ledger(&self) -> PathBuf {
        self.path("ledger")
    }

    pub fn codex(&self) -> PathBuf {
        self.path("codex")
    }

    /// Folder in which the program runs.
    pub fn work(&self) -> PathBuf {
        self.path("work")
    }

    /// Writes a file that may still grow; every write has a later time than the one before.
    pub fn write(&self, path: &Path, bytes: &[u8]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self.touch(path);
    }

    pub fn extend(&self, path: &Path, bytes: &[u8]) {
        let mut all = fs::read(path).unwrap_or_default();
        all.extend_from_slice(bytes);
        self.write(path, &all);
    }

    pub fn touch(&self, path: &Path) {
        set_modified(path, FAR_AHEAD_SECONDS + self.tick());
    }

    /// Makes the file one that has been still for years.
    pub fn settle(&self, path: &Path) {
        set_modified(path, LONG_AGO_SECONDS + self.tick());
    }

    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::Relaxed)
    }

    /// A file of the logs, in the folder of a day.
    pub fn rollout(&self, number: u64) -> PathBuf {
        self.codex().join("sessions/2026/03/01").join(sources::rollout_name(number))
    }

    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_codex-ledger"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("CODEX_LEDGER_HOME", self.ledger())
            .env("CODEX_LEDGER_ACTOR", "tester")
            .current_dir(self.work())
            .stdin(Stdio::null());
        command
    }

    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        Outcome::of(self.command(args).output().expect("the program runs"))
    }

    #[track_caller]
    pub fn ok<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        self.run(args).expect(0)
    }

    #[track_caller]
    pub fn json<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Value {
        self.document(args, 0)
    }

    /// The document of a command that ends with a code.
    #[track_caller]
    fn document<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>, code: i32) -> Value {
        let outcome = Outcome::of(self.command(args).arg("--json").output().unwrap());
        let outcome = match code {
            // Whichever fits what it says.
            FITTING if outcome.json()["files"]["failed"] == 0 => outcome.expect(0),
            FITTING => outcome.expect(1),
            code => outcome.expect(code),
        };
        // Tests that hide by hand begin without the program's rules, and are told so.
        let is_told = |line: &&str| !line.contains("begins with weaker rules");
        let said: Vec<&str> = outcome.stderr.lines().filter(is_told).collect();
        assert_eq!(said, [""; 0], "nothing on stderr");
        outcome.json()
    }

    /// Appends the logs and checks that every byte is accounted for.
    #[track_caller]
    pub fn append(&self, args: &[&str]) -> Value {
        self.append_roots(&[self.codex()], args)
    }

    #[track_caller]
    pub fn append_roots(&self, roots: &[PathBuf], args: &[&str]) -> Value {
        let roots = roots.iter().map(|root| root.as_os_str());
        let args = ["append"].iter().chain(args).map(|arg| OsStr::new(*arg)).chain(roots);
        let done = self.document(args, FITTING);
        let of = |name: &str| done["bytes"][name].as_u64().expect("a count of bytes");
        let parts = ["appended", "already", "pending", "skipped"].map(of);
        assert_eq!(of("seen"), parts.iter().sum::<u64>(), "every byte is accounted for: {done}");
        done
    }

    /// The digest of what was said and done; the live views match a rebuild.
    #[track_caller]
    pub fn digest(&self) -> String {
        let checked = self.json(["rebuild-views", "--check"]);
        assert_eq!(checked["matches_live"], true, "{checked}");
        checked["digest"].as_str().unwrap().to_string()
    }

    #[track_caller]
    pub fn audits_clean(&self) {
        let audit = self.json(["audit"]);
        assert_eq!(audit["ok"], true, "{audit}");
        assert_eq!(audit["findings"], serde_json::json!([]));
        assert_eq!(audit["views"]["matches"], true, "{audit}");
    }

    /// The exact bytes of a session.
    #[track_caller]
    pub fn raw(&self, session: &str, args: &[&str]) -> Vec<u8> {
        self.ok(["show", "--raw", session].iter().chain(args)).stdout
    }

    /// The stable path, opened as other programs do.
    pub fn views(&self) -> rusqlite::Connection {
        open_views(&self.ledger().join("views.sqlite")).expect("the views open")
    }

    pub fn count(&self, sql: &str) -> i64 {
        self.views().query_row(sql, [], |row| row.get(0)).expect("a count")
    }

    /// Takes the ledger's lock as a writer does, until the file is dropped.
    pub fn hold_lock(&self) -> File {
        let path = self.ledger().join("LOCK");
        let mut file = File::options().read(true).write(true).open(path).expect("a ledger");
        file.try_lock().expect("nobody else writes");
        file.write_all(b"`a test`, pid 1, since today\n").unwrap();
        file
    }

    /// Starts `append --watch --json` and hears its lines.
    pub fn watch(&self) -> Watching {
        let codex = self.codex();
        let mut command = self.command(["append", "--watch", "--json"]);
        let mut child = command
            .arg(codex)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs");
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = sync_channel(64);
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Watching { child, lines }
    }
}

/// Opens a database for reading, without making one.
pub fn open_views(path: &Path) -> rusqlite::Result<rusqlite::Connection> {
    rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn set_modified(path: &Path, seconds: u64) {
    let time = UNIX_EPOCH + Duration::from_secs(seconds);
    let file = File::options().append(true).open(path).unwrap();
    file.set_times(FileTimes::new().set_modified(time)).unwrap();
}

/// Asserts that a terminal would obey nothing in this text, colours of the program itself left out.
#[track_caller]
pub fn no_escapes(what: &str, text: &[u8]) {
    let text = std::str::from_utf8(text).expect("text for people is UTF-8");
    let bad = text.chars().find(|c| {
        let control = c.is_control() && !matches!(c, '\n' | '\t');
        control || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    });
    assert_eq!(bad, None, "{what}: a character that a terminal obeys in {text:?}");
}

/// A running `append --watch`; killed when dropped.
pub struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next append that the watch reports.
    pub fn next(&self) -> Value {
        let line = self.lines.recv_timeout(Duration::from_secs(60)).expect("the watch reports");
        serde_json::from_str(&line).expect("each line is a JSON document")
    }

    pub fn kill(mut self) {
        self.child.kill().ok();
        self.child.wait().expect("the watch ends");
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Asks again until there is an answer; fails after a minute.
#[track_caller]
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within a minute");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
