//! `redact rules test`: how rules are judged, as scripts read it.

use crate::cli_support::TestEnvironment;
use serde_json::Value;
use std::path::Path;

const HOUSE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/redaction/rules/house.yml");

fn test(env: &TestEnvironment, rules: &str, code: i32) -> (Value, String) {
    let file = env.path("rules.yml");
    env.write(&file, rules.as_bytes());
    let judged = env.run(["redact", "rules", "test", "--json", &file.display().to_string()]);
    let text = env.run(["redact", "rules", "test", &file.display().to_string()]).expect(code);
    (judged.expect(code).json(), text.text().to_string())
}

#[test]
fn rules_of_ones_own_are_judged_and_what_none_claims_is_said() {
    let env = TestEnvironment::new();
    let house = env.ok(["redact", "rules", "test", &Path::new(HOUSE).display().to_string()]);
    assert!(
        house.text().contains("no enabled rule claims github-token: 7 secrets, 0 of 740 texts")
    );
    let judged = env.json(["redact", "rules", "test", HOUSE]);
    assert_eq!((&judged["clean"], &judged["totals"]["required"]), (&true.into(), &0.into()));
    let result = &judged["results"][0];
    assert_eq!((&result["rule"], &result["examples"]), (&"berth-key".into(), &4.into()));
    assert_eq!((&result["fault"], &result["recall"]), (&Value::Null, &Value::Null));
    assert!(!env.ledger().exists());
}

#[test]
fn a_missed_secret_is_a_finding() {
    let rules = "extends: none\nrules:\n- {id: anthropic-key, pattern: 'sk-ant-api[0-9]+-[A-Za-z0-9_-]{20,}'}\n";
    let (judged, text) = test(&TestEnvironment::new(), rules, 1);
    let result = &judged["results"][0];
    assert_eq!(result["required"], 298);
    assert!(result["missed"].as_u64() >= Some(90) && result["recall"].as_f64() < Some(100.0));
    assert!(text.contains("missed anthropic-") && text.contains("more missed; --json"));
}

#[test]
fn a_harmless_text_that_is_changed_is_a_finding() {
    let rules = "extends: none\nrules:\n- {id: words, pattern: 'lorem', ignore_case: true}\n";
    let (judged, text) = test(&TestEnvironment::new(), rules, 1);
    let result = &judged["results"][0];
    assert!(result["harmless_changed"].as_u64() > Some(0) && result["precision"] == 0.0);
    assert!(text.contains("changed "), "{text}");
}

#[test]
fn an_example_that_fails_is_a_finding() {
    let rules = "extends: none\nrules:\n- {id: dock, pattern: 'dock-[0-9]{9}', examples: {match: [dock-1]}}\n";
    let (judged, text) = test(&TestEnvironment::new(), rules, 1);
    assert!(judged["results"][0]["fault"].as_str().unwrap().contains("is not hidden: dock-1"));
    assert!(text.contains("FAIL") && text.contains("example rule \"dock\""), "{text}");
}
