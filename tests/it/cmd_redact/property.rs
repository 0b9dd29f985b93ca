//! Whatever is appended, hidden, undone and ruled, in whatever order: the views match a rebuild, hold nothing
//! that is hidden, keep the structure, and are what they were once nothing is hidden any more.

use super::evidence::{Sought, in_texts};
use super::twins::assert_same_structure;
use super::{NO_RULES, column, configure_rules, head, undo};
use crate::cli_support::{Source, TestEnvironment, fixture_home, sources_below};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use std::collections::BTreeSet;
use std::fs;
use std::sync::OnceLock;

const CASES: u32 = 2;
const REPO: &str = "https://github.com/example/tide-tables.git";
/// Words of the fixture that stand in many columns; ids among them.
const LITERALS: [&str; 10] = [
    "tide-tables",
    "harbour",
    "PORT ELLERY",
    "sandcastle",
    "extrema",
    "019c416a-4ee0",
    "call_0007b0c4ca86c502d177b792",
    "gpt-5.2-codex",
    "月",
    "Release 1.0",
];
/// What a rule of the small set hides.
const RULED: [&str; 2] = ["tides.rs", "constituents"];
const SMALL: &str = "name: small\nextends: none\nrules:\n  - id: file\n    type: literal\n    pattern: tides.rs\n  \
    - id: word\n    type: regex\n    pattern: '(?i)constituents'\n";

/// One step. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Step {
    /// A share of a source's bytes, in tenths.
    Append(usize, usize),
    Prompt(usize),
    Session(usize),
    Entry(usize),
    Field(usize, bool),
    Literal(usize),
    Within(usize, usize),
    InRepo(usize),
    Regex,
    Undo(usize),
    Rules(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let n = 0..1_000usize;
    let step = prop_oneof![
        4 => (n.clone(), 3..=10usize).prop_map(|(source, tenths)| Step::Append(source, tenths)),
        1 => n.clone().prop_map(Step::Prompt),
        1 => n.clone().prop_map(Step::Session),
        1 => n.clone().prop_map(Step::Entry),
        2 => (n.clone(), any::<bool>()).prop_map(|(n, is_part)| Step::Field(n, is_part)),
        2 => n.clone().prop_map(Step::Literal),
        1 => (n.clone(), n.clone()).prop_map(|(a, b)| Step::Within(a, b)),
        1 => n.clone().prop_map(Step::InRepo),
        1 => Just(Step::Regex),
        3 => n.clone().prop_map(Step::Undo),
        1 => n.prop_map(Step::Rules),
    ];
    prop::collection::vec(step, 8..14)
}

fn fixture() -> &'static [Source] {
    static SOURCES: OnceLock<Vec<Source>> = OnceLock::new();
    SOURCES.get_or_init(|| sources_below(&fixture_home()))
}

/// A ledger, another with the same bytes that hides nothing, and what is hidden in the first.
struct Course {
    env: TestEnvironment,
    plain: TestEnvironment,
    lengths: Vec<usize>,
    /// What may be undone, by what was hidden.
    active: Vec<(u64, Option<&'static str>)>,
    undone: Vec<(u64, Option<&'static str>)>,
    has_small_rules: bool,
}

impl Course {
    fn new() -> Course {
        let (env, plain) = (TestEnvironment::new(), TestEnvironment::new());
        configure_rules(&plain, NO_RULES);
        let lengths = vec![0; fixture().len()];
        let (active, undone, has_small_rules) = Default::default();
        let mut course = Course { env, plain, lengths, active, undone, has_small_rules };
        // A session, a fork of it, and the side files, so that there is something to hide.
        for (index, source) in fixture().iter().enumerate() {
            if !source.is_rollout() || source.name().contains("019c416a") {
                course.place(index, 10);
            }
        }
        course.append();
        course
    }

    fn place(&mut self, index: usize, tenths: usize) {
        let source = &fixture()[index];
        let on_disk = fs::read(&source.path).unwrap();
        let is_whole = source.is_document() || source.is_compressed();
        let length = if is_whole { on_disk.len() } else { on_disk.len() * tenths / 10 };
        if length > self.lengths[index] {
            self.lengths[index] = length;
            for env in [&self.env, &self.plain] {
                let path = env.codex().join(&source.relative);
                env.write(&path, &on_disk[..length]);
                // Torn ends are taken: what a later part says may change what an earlier one said.
                env.settle(&path);
            }
        }
    }

    fn append(&self) {
        self.env.append(&[]);
        self.plain.append(&[]);
    }

    /// Tries to hide; what there is nothing of yet is refused, and that is all.
    fn hide(&mut self, args: &[&str], literal: Option<&'static str>) {
        let before = head(&self.env);
        let outcome = self.env.run(["redact", "--reason", "r", "--json"].iter().chain(args));
        match outcome.code {
            Some(0) => {
                let seq = outcome.json()["redaction"]["seq"].as_u64().expect("a seq");
                self.active.push((seq, literal));
            }
            _ => assert_eq!(head(&self.env), before, "{args:?}: {}", outcome.stderr),
        }
    }

    fn one(&self, sql: &str, n: usize) -> Option<String> {
        let found = column(&self.env, sql);
        (!found.is_empty()).then(|| found[n % found.len()].clone())
    }

    fn take(&mut self, step: &Step) {
        const SESSIONS: &str = "SELECT DISTINCT id FROM sessions ORDER BY stream";
        match *step {
            Step::Append(n, tenths) => {
                for more in 0..4 {
                    self.place((n + more * 5) % fixture().len(), tenths);
                }
                self.append();
            }
            Step::Prompt(n) => {
                let sql =
                    "SELECT s.id || '#' || p.number FROM prompts p JOIN sessions s USING (stream)
                    WHERE p.number > 0 ORDER BY p.stream, p.line";
                let Some(name) = self.one(sql, n) else { return };
                self.hide(&["--prompt", &name], None);
            }
            Step::Session(n) => {
                let Some(id) = self.one(SESSIONS, n) else { return };
                self.hide(&["--session", &id], None);
            }
            Step::Entry(n) => {
                let Some(seq) = self.one("SELECT seq || '' FROM events ORDER BY seq", n) else {
                    return;
                };
                self.hide(&["--entry", &seq], None);
            }
            Step::Field(n, is_part) => {
                let field =
                    ["/payload", "/payload/arguments", "/payload/output", "/payload/message"];
                let field = field[n % 4];
                let sql = match n % 4 {
                    0 => "SELECT seq || '' FROM events WHERE kind LIKE '%_%' ORDER BY seq",
                    1 => {
                        "SELECT seq || '' FROM function_calls WHERE kind = 'function' ORDER BY seq"
                    }
                    2 => {
                        "SELECT e.seq || '' FROM function_calls c JOIN events e USING (stream)
                          WHERE e.line = c.output_line ORDER BY e.seq"
                    }
                    _ => "SELECT seq || '' FROM prompts WHERE origin = 'event' ORDER BY seq",
                };
                let Some(seq) = self.one(sql, n / 4) else { return };
                let args = ["--entry", &seq, "--field", field, "--span", "2..9"];
                self.hide(&args[..if is_part { 6 } else { 4 }], None);
            }
            Step::Literal(n) => {
                let literal = LITERALS[n % LITERALS.len()];
                self.hide(&["--literal", literal], Some(literal));
            }
            Step::Within(n, m) => {
                let Some(id) = self.one(SESSIONS, m) else { return };
                self.hide(&["--literal", LITERALS[n % LITERALS.len()], "--session", &id], None);
            }
            Step::InRepo(n) => {
                self.hide(&["--literal", LITERALS[n % LITERALS.len()], "--repo", REPO], None);
            }
            Step::Regex => self.hide(&["--regex", r"sand\w+"], Some("sandcastle")),
            Step::Undo(n) if !self.active.is_empty() && (n % 4 > 0 || self.undone.is_empty()) => {
                let (seq, literal) = self.active.remove(n / 4 % self.active.len());
                self.undone.push((undo(&self.env, seq), literal));
            }
            // An undo of an undo.
            Step::Undo(n) if !self.undone.is_empty() => {
                let (seq, literal) = self.undone.remove(n / 4 % self.undone.len());
                self.active.push((undo(&self.env, seq), literal));
            }
            Step::Undo(_) => {}
            Step::Rules(n) => self.set_rules(n.is_multiple_of(2)),
        }
    }

    fn set_rules(&mut self, small: bool) {
        let path = self.env.work().join("small.yml");
        self.env.write(&path, SMALL.as_bytes());
        let path = path.display().to_string();
        let name = if small { path.as_str() } else { "builtin" };
        self.env.ok(["redact", "rules", "set", name, "--reason", "r"]);
        self.has_small_rules = small;
    }

    fn holds(&self, when: &str) {
        self.env.digest();
        let mut literals: Vec<&str> =
            self.active.iter().filter_map(|(_, literal)| *literal).collect();
        if self.has_small_rules {
            literals.extend(RULED);
        }
        if !literals.is_empty() {
            let found = in_texts(&self.env, &Sought::new(&literals));
            assert_eq!(found, BTreeSet::new(), "{when}: of {literals:?}");
        }
        assert_same_structure(&self.env, &self.plain, when);
    }
}

#[test]
fn nothing_hidden_is_seen_and_nothing_else_changes() {
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 0,
        rng_seed: RngSeed::Fixed(20_261_123),
        ..ProptestConfig::default()
    };
    let result = TestRunner::new(config).run(&steps(), |steps| {
        let mut course = Course::new();
        for (number, step) in steps.iter().enumerate() {
            course.take(step);
            course.holds(&format!("step {number} of {steps:?}"));
        }
        // All bytes, nothing hidden by hand, the first rules: as if nothing had ever been.
        for index in 0..fixture().len() {
            course.place(index, 10);
        }
        course.append();
        course.set_rules(false);
        for (seq, _) in std::mem::take(&mut course.active) {
            undo(&course.env, seq);
        }
        course.holds("in the end");
        let after = course.env.digest();
        prop_assert_eq!(after, super::digest_of_a_fresh_ledger(&course.env));
        Ok(())
    });
    result.unwrap_or_else(|failed| panic!("{failed}"));
}
