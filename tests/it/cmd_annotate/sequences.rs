//! Whatever is said in whatever order, the tables are those of a simple model.

use super::{listed, prompt, row, three_sessions};
use crate::cli_support::thread;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
enum Step {
    Tag(usize, Vec<usize>),
    Untag(usize, Vec<usize>),
    Note(usize, u8),
    /// One of the notes that stand, if any does.
    Unnote(usize),
    Set(usize, usize),
    Clear(usize),
    Rebuild,
}

const TAGS: [&str; 3] = ["a", "b/c", "ü"];
const VALUES: [&str; 3] = ["followed", "ignored", "needs-review"];
/// Sessions and prompts that there are.
const PLACES: [(u64, u64); 6] = [(1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (3, 3)];

fn name(place: usize) -> String {
    match PLACES[place] {
        (session, 0) => thread(session),
        (session, number) => prompt(session, number),
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let places = || prop::collection::vec(0..PLACES.len(), 1..4);
    let step = prop_oneof![
        4 => (0..TAGS.len(), places()).prop_map(|(tag, places)| Step::Tag(tag, places)),
        3 => (0..TAGS.len(), places()).prop_map(|(tag, places)| Step::Untag(tag, places)),
        2 => (0..PLACES.len(), any::<u8>()).prop_map(|(place, text)| Step::Note(place, text)),
        1 => any::<usize>().prop_map(Step::Unnote),
        2 => (0..VALUES.len(), 0..PLACES.len()).prop_map(|(value, place)| Step::Set(value, place)),
        1 => (0..PLACES.len()).prop_map(Step::Clear),
        1 => Just(Step::Rebuild),
    ];
    prop::collection::vec(step, 1..14)
}

#[test]
fn random_sequences_give_the_tables_of_a_model() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 8, failure_persistence: None, max_shrink_iters: 20, ..Config::default() },
        rng,
    );
    runner.run(&steps(), |steps| check(&steps)).unwrap();
}

fn check(steps: &[Step]) -> Result<(), TestCaseError> {
    let env = three_sessions();
    let before = env.digest();
    let mut tags: BTreeSet<(&str, (u64, u64))> = BTreeSet::new();
    let mut notes: BTreeMap<u64, ((u64, u64), String)> = BTreeMap::new();
    let mut dispositions: BTreeMap<(u64, u64), &str> = BTreeMap::new();
    for step in steps {
        match step {
            Step::Tag(tag, places) | Step::Untag(tag, places) => {
                let is_added = matches!(step, Step::Tag(..));
                let verb = if is_added { "add" } else { "remove" };
                let names: Vec<String> = places.iter().map(|place| name(*place)).collect();
                env.json(
                    ["tag", verb, TAGS[*tag]].into_iter().chain(names.iter().map(String::as_str)),
                );
                for place in places {
                    let entry = (TAGS[*tag], PLACES[*place]);
                    if is_added {
                        tags.insert(entry)
                    } else {
                        tags.remove(&entry)
                    };
                }
            }
            Step::Note(place, text) => {
                let text = format!("note {text}");
                let seq = env.json(["note", "add", &name(*place), &text])["seq"].as_u64().unwrap();
                notes.insert(seq, (PLACES[*place], text));
            }
            Step::Unnote(index) => {
                let Some(seq) = notes.keys().nth(index % notes.len().max(1)).copied() else {
                    continue;
                };
                env.json(["note", "remove", &seq.to_string()]);
                notes.remove(&seq);
            }
            Step::Set(value, place) => {
                env.json(["disposition", "set", VALUES[*value], &name(*place)]);
                dispositions.insert(PLACES[*place], VALUES[*value]);
            }
            Step::Clear(place) => {
                env.json(["disposition", "clear", &name(*place)]);
                dispositions.remove(&PLACES[*place]);
            }
            Step::Rebuild => drop(env.json(["rebuild-views"])),
        }
    }
    let model: Vec<_> = tags.iter().map(|(tag, (s, p))| row(*s, *p, tag)).collect();
    prop_assert_eq!(listed(&env, "tag"), model);
    let model: Vec<_> = notes.values().map(|((s, p), text)| row(*s, *p, text)).collect();
    prop_assert_eq!(listed(&env, "note"), model);
    let mut model: Vec<_> = dispositions.iter().map(|((s, p), value)| row(*s, *p, value)).collect();
    model.sort_by(|a, b| (&a.2, a.0, a.1).cmp(&(&b.2, b.0, b.1)));
    prop_assert_eq!(listed(&env, "disposition"), model);
    prop_assert_eq!(
        env.digest(),
        before,
        "the live views match a rebuild; the content is as before"
    );
    Ok(())
}
