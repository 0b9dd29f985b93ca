use sha2::{Digest, Sha256};

use super::*;
use crate::{Engine, RuleSet, builtin};

const HELD_OUT: (&str, &str) = (
    include_str!("../../../../fixtures/redaction/heldout_secrets.jsonl"),
    include_str!("../../../../fixtures/redaction/heldout_benign.jsonl"),
);

/// The built-in rules on every `of`th text.
fn measured(labelled: &Labelled, of: usize) -> Measured {
    let rules = everywhere(builtin().unwrap());
    let engine = Engine::compile(&rules, &[]).unwrap();
    measure(&engine, &rules, labelled, (0, of))
}

#[test]
fn all_texts_are_those_of_the_reference_expander() {
    let mut sha = Sha256::new();
    for case in shipped().unwrap().cases() {
        for text in [case.id, case.place, &case.text] {
            sha.update(text);
            sha.update([0]);
        }
        if let Label::Secret { secret, may, .. } = &case.label {
            for number in [secret.start, secret.end, may.start, may.end] {
                sha.update(format!("{number}\0"));
            }
        }
    }
    let hex: String = sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, include_str!("../../../../fixtures/redaction/expanded.sha256").trim());
}

/// The whole corpus is measured by `scripts/e2e`, with the program as it is shipped.
#[test]
fn a_sample_is_hidden_and_harmless_texts_stay() {
    let report = measured(&shipped().unwrap(), if cfg!(debug_assertions) { 19 } else { 1 });
    assert_eq!((report.missed, report.changed), (vec![], vec![]));
    assert_eq!((report.json_broken, report.not_idempotent), (0, 0));
}

#[test]
fn held_out_texts_are_hidden_and_stay_as_the_page_says() {
    let labelled = Labelled::parse(HELD_OUT.0, PLACEMENTS, HELD_OUT.1).unwrap();
    assert_eq!(labelled.counts(), (60, 120));
    let report = measured(&labelled, if cfg!(debug_assertions) { 7 } else { 1 });
    assert_eq!((report.missed, report.changed), (vec![], vec![]));
}

/// Written by somebody who had not read the rules, and not looked into: it bounds what they miss.
#[test]
fn of_the_second_held_out_set_nine_of_ten_texts_are_hidden_and_harmless_ones_stay() {
    let secrets = include_str!("../../../../fixtures/redaction/heldout2_secrets.jsonl");
    let benign = include_str!("../../../../fixtures/redaction/heldout2_benign.jsonl");
    let labelled = Labelled::parse(secrets, PLACEMENTS, benign).unwrap();
    assert_eq!(labelled.counts(), (250, 257));
    let report = measured(&labelled, if cfg!(debug_assertions) { 23 } else { 1 });
    let required: u64 = report.kinds.values().map(|tally| tally.required).sum();
    assert!(report.missed.len() as u64 * 10 < required, "{} of {required}", report.missed.len());
    assert_eq!((report.changed, report.json_broken), (vec![], 0));
}

#[test]
fn the_page_shows_what_was_measured() {
    let page = include_str!("../../../../docs/REDACTION.md");
    let table = include_str!("../../../../fixtures/redaction/measured.txt");
    assert!(page.contains(&format!("```text\n{table}```\n")), "run scripts/measure-rules");
}

#[test]
fn parts_add_up_to_the_whole() {
    let labelled = Labelled::parse(HELD_OUT.0, PLACEMENTS, "").unwrap();
    let rules = everywhere(builtin().unwrap());
    let engine = Engine::compile(&rules, &[]).unwrap();
    let part = |nth, of| measure(&engine, &rules, &labelled, (nth, of));
    let mut sum = part(0, 80);
    sum.add(part(40, 80));
    let whole = part(0, 40);
    assert_eq!((&sum.kinds, &sum.acts), (&whole.kinds, &whole.acts));
}

#[test]
fn what_is_hidden_by_no_rule_is_missed() {
    let labelled = shipped().unwrap();
    let none = RuleSet::default();
    let report = measure(&Engine::compile(&none, &[]).unwrap(), &none, &labelled, (0, 50));
    let required: u64 = report.kinds.values().map(|tally| tally.required).sum();
    assert!(required > 100 && report.missed.len() as u64 == required);
    assert!(report.acts.is_empty() && report.changed.is_empty());
}

#[test]
fn faults_name_file_and_line() {
    let secret = r#"{"id":"a","kind":"a","rule":"a","shape":"token","secret":"abc"}"#;
    let place = r#"{"id":"p","for":["token"],"steps":[]}"#;
    let refused = |secrets: &str, places: &str, benign: &str| {
        Labelled::parse(secrets, places, benign).unwrap_err().to_string()
    };
    assert!(refused(secret, &format!("{place}\n{{}}"), "").starts_with("placements: line 2: "));
    let bad = place.replace("[]}", "[[\"around\",\"x\"]]}");
    assert!(refused(secret, &bad, "").contains("a step is unknown"));
    let bad = secret.replace("\"secret\":", "\"context\":\"{}{}\",\"secret\":");
    assert!(refused(&format!("{secret}\n{bad}"), place, "").starts_with("secrets: line 2: "));
    assert!(refused(secret, place, "x").starts_with("benign: line 1: "));
}
