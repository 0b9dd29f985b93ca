//! Any sequence of what people and accidents do, against a model in memory: what is hidden or erased is not shown, everything else is,
//! the log verifies, and the views are what a rebuild says.
//!
//! `STATE_MACHINE_CASES` asks for more sequences than the gate has time for.

use crate::cli_support::{copy_tree, prompt_line, rollout_name, session, thread, variable};
use crate::support::world::{holder, quick};
use codex_ledger_app::config::ReviewConfig;
use codex_ledger_app::{Act, App, AppendOptions, EraseRequest, RedactRequest, RuleSet, Seq, Setup};
use codex_ledger_entry::Erasure;
use codex_ledger_ledger::Ledger;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

const SESSIONS: u64 = 3;
const STEPS: std::ops::Range<usize> = 4..12;
const CASES: u32 = 10;

#[derive(Clone, Debug)]
enum Step {
    /// A session grows by some prompts, and is appended.
    Append {
        session: u64,
        prompts: u64,
    },
    /// One of the words is hidden.
    Redact(prop::sample::Index),
    /// The last redaction is undone.
    Undo,
    /// A session gets a note.
    Note(u64),
    EraseEntry(prop::sample::Index),
    EraseSession(u64),
    EraseLiteral(prop::sample::Index),
    /// An erasure is acknowledged, and the program dies.
    Crash(prop::sample::Index),
    Rebuild,
    /// The journal or the store is lost, and comes back out of a copy of now, or of before the last erasure.
    Repair {
        store: bool,
        old: bool,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let any_word = any::<prop::sample::Index>;
    let step = prop_oneof![
        4 => (0..SESSIONS, 1..4u64).prop_map(|(session, prompts)| Step::Append { session, prompts }),
        2 => any_word().prop_map(Step::Redact),
        1 => Just(Step::Undo),
        1 => (0..SESSIONS).prop_map(Step::Note),
        1 => any_word().prop_map(Step::EraseEntry),
        1 => (0..SESSIONS).prop_map(Step::EraseSession),
        1 => any_word().prop_map(Step::EraseLiteral),
        1 => any_word().prop_map(Step::Crash),
        1 => Just(Step::Rebuild),
        1 => any::<(bool, bool)>().prop_map(|(store, old)| Step::Repair { store, old }),
    ];
    prop::collection::vec(step, STEPS)
}

/// A prompt, which says a word that no other one says.
struct Word {
    text: String,
    session: u64,
    is_erased: bool,
}

struct Machine {
    dir: tempfile::TempDir,
    words: Vec<Word>,
    /// Redactions in force: word and entry.
    redacted: Vec<(usize, Seq)>,
    /// Words that a redaction has named.
    named: BTreeSet<usize>,
    /// Sessions of which nothing is read any more.
    gone: BTreeSet<u64>,
    has_ledger: bool,
    has_old: bool,
}

impl Machine {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn app(&self) -> App {
        App::new(Setup {
            checkpoint: Default::default(),
            retention: Default::default(),
            ledger_dir: self.path("ledger"),
            db_path: None,
            raw_json: false,
            roots: vec![self.path("home")],
            rules: Some(Ok(RuleSet::default())),
            review: ReviewConfig::default(),
            actor: "ada".into(),
            request: None,
            holder: holder(),
            wait: Duration::ZERO,
            notices: None,
            world: quick(1),
        })
    }

    fn append(&mut self, number: u64, prompts: u64) {
        let path = self.path("home/sessions/2026/03/01").join(rollout_name(number));
        let mut bytes = fs::read(&path).unwrap_or_else(|_| session(number, 0));
        for _ in 0..prompts {
            let text = format!("word{:04}x", self.words.len());
            bytes.extend(prompt_line(&format!("what does {text} mean here?")));
            let is_erased = self.gone.contains(&number);
            self.words.push(Word { text, session: number, is_erased });
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self.app().append(AppendOptions::default(), &mut |_| ()).unwrap();
        self.has_ledger = true;
    }

    fn erase(&mut self, request: &EraseRequest, takes: &dyn Fn(&Word) -> bool) {
        self.keep_copy("old");
        let meant = self.words.iter().any(|word| !word.is_erased && takes(word));
        let done = self.app().erase(request, "asked for", &mut |_| ());
        // What was erased already, or was never read, is refused.
        assert!(done.is_ok() || !meant, "{:?}", done.err());
        self.words.iter_mut().filter(|word| takes(word)).for_each(|word| word.is_erased = true);
    }

    fn keep_copy(&mut self, name: &str) {
        fs::remove_dir_all(self.path(name)).ok();
        copy_tree(&self.path("ledger"), &self.path(name));
        self.has_old |= name == "old";
    }

    /// The entry of a word, unless it is gone.
    fn entry_of(&self, at: usize) -> Option<Seq> {
        let word = self.words.get(at).filter(|word| !word.is_erased)?;
        let db = rusqlite::Connection::open(self.path("ledger/views.sqlite")).unwrap();
        // By the place among the prompts of its session: the word itself may be hidden.
        let before = self.words.iter().take(at).filter(|of| of.session == word.session);
        let left = before.filter(|of| !of.is_erased).count();
        let sql = "SELECT p.seq FROM prompts p JOIN streams t ON t.stream = p.stream
            WHERE t.thread = ? ORDER BY p.line LIMIT 1 OFFSET ?";
        let seq =
            db.query_row(sql, (thread(word.session), left as i64), |row| row.get::<_, i64>(0));
        Some(Seq::new(seq.unwrap() as u64))
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Append { session, prompts } => self.append(*session, *prompts),
            _ if !self.has_ledger || self.words.is_empty() => {}
            Step::Redact(index) => {
                let at = index.index(self.words.len());
                let request = RedactRequest {
                    literal: Some(self.words[at].text.clone()),
                    reason: "a test".into(),
                    wide: true,
                    ..RedactRequest::default()
                };
                let made = self.app().redact(&[request], &mut |_| ()).unwrap();
                self.named.insert(at);
                self.redacted.push((at, made[0].redaction.seq));
            }
            Step::Undo => {
                let Some((_, seq)) = self.redacted.pop() else { return };
                self.app().undo(&seq.to_string(), "a test", &mut |_| ()).unwrap();
            }
            Step::Note(number) => {
                let Ok(subject) = self.app().subject(&thread(*number)) else { return };
                let act = Act::Note { text: "read".into() };
                self.app().annotate(&[subject], &act, &mut |_| ()).unwrap();
            }
            Step::EraseEntry(index) => {
                let at = index.index(self.words.len());
                let Some(entry) = self.entry_of(at) else { return };
                let text = self.words[at].text.clone();
                let request = EraseRequest { entry: Some(entry), ..EraseRequest::default() };
                self.erase(&request, &|word| word.text == text);
            }
            Step::EraseSession(number) => {
                if self.app().subject(&thread(*number)).is_err() {
                    return;
                }
                let session = Some(thread(*number));
                let request = EraseRequest { session, ..EraseRequest::default() };
                self.erase(&request, &|word| word.session == *number);
                self.gone.insert(*number);
            }
            Step::EraseLiteral(index) => {
                let text = self.words[index.index(self.words.len())].text.clone();
                let literal = Some(text.clone());
                let request = EraseRequest { literal, ..EraseRequest::default() };
                self.erase(&request, &|word| word.text == text);
                // Redactions that held it are void.
                let words = &self.words;
                self.redacted.retain(|(at, _)| words[*at].text != text);
            }
            Step::Crash(index) => {
                let at = index.index(self.words.len());
                let Some(entry) = self.entry_of(at) else { return };
                let mut ledger = Ledger::open(&self.path("ledger"), quick(2), &holder()).unwrap();
                let entries = [entry].into_iter().collect();
                let erasure = Erasure { entries, threads: Vec::new() };
                let body = erasure.intent("test", "ada", "asked for");
                ledger.begin_erasure(&erasure, &body).unwrap();
                self.words[at].is_erased = true;
            }
            Step::Rebuild => drop(self.app().rebuild_views(&mut |_| ()).unwrap()),
            Step::Repair { store, old } => self.repair(*store, *old && self.has_old),
        }
    }

    fn repair(&mut self, store: bool, old: bool) {
        self.app().finish_interrupted();
        self.keep_copy("copy");
        let lost = self.path("ledger").join(if store { "store" } else { "journal" });
        fs::remove_dir_all(&lost).unwrap();
        fs::create_dir(&lost).unwrap();
        let mut copies = vec![self.path("copy")];
        // A copy of before an erasure still has what was erased: it is asked first.
        if old {
            copies.insert(0, self.path("old"));
        }
        let done = self.app().repair("a bad disk", &copies, &mut |_| ()).unwrap();
        assert_eq!(done.lost.from, done.lost.to, "{done:?}");
        assert_eq!(done.views_error, None);
        for damaged in ["ledger.damaged", "ledger.damaged-2"] {
            fs::remove_dir_all(self.path(damaged)).ok();
        }
    }

    fn check(&self, done: &[Step]) {
        if !self.has_ledger {
            return;
        }
        let app = self.app();
        app.finish_interrupted();
        let audit = app.audit(true, &mut |_| ()).unwrap();
        assert!(audit.findings.is_empty(), "{:?}\nafter {done:?}", audit.findings);
        let db = rusqlite::Connection::open(self.path("ledger/views.sqlite")).unwrap();
        let mut statement = db.prepare("SELECT text FROM prompts").unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let shown: String = rows.map(Result::unwrap).collect::<Vec<_>>().join("\n");
        let mut files = Vec::new();
        for entry in walkdir::WalkDir::new(self.path("ledger")) {
            let path = entry.unwrap().into_path();
            if path.is_file() {
                files.push((path.clone(), fs::read(path).unwrap()));
            }
        }
        for (at, word) in self.words.iter().enumerate() {
            let is_hidden = self.redacted.iter().any(|(of, _)| *of == at);
            let is_meant = !word.is_erased && !is_hidden;
            assert_eq!(shown.contains(&word.text), is_meant, "{} after {done:?}", word.text);
            if word.is_erased {
                let finder = aho_corasick::AhoCorasick::new([&word.text]).unwrap();
                let holds = |(path, bytes): &&(PathBuf, Vec<u8>)| {
                    // A redaction that names a word keeps it in the log, and nowhere else.
                    let is_looked_at =
                        !self.named.contains(&at) || path.starts_with(self.path("ledger/views.d"));
                    is_looked_at && finder.is_match(bytes)
                };
                let found = files.iter().find(holds).map(|(path, _)| path);
                assert_eq!(found, None, "{} after {done:?}", word.text);
            }
        }
    }
}

#[test]
fn any_sequence_of_steps_keeps_the_promises() {
    let cases = variable("STATE_MACHINE_CASES").and_then(|text| text.to_str()?.parse().ok());
    let config = Config {
        cases: cases.unwrap_or(CASES),
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(cases.map_or(7, u64::from)),
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&steps(), |steps| {
            let mut machine = Machine {
                dir: tempfile::tempdir().unwrap(),
                words: Vec::new(),
                redacted: Vec::new(),
                named: BTreeSet::new(),
                gone: BTreeSet::new(),
                has_ledger: false,
                has_old: false,
            };
            for (nth, step) in steps.iter().enumerate() {
                machine.step(step);
                machine.check(&steps[..=nth]);
            }
            Ok(())
        })
        .unwrap();
}
