//! Entries that decide what may be shown and that this version does not understand.

use super::{undo, without_rules};
use crate::cli_support::TestEnvironment;
use crate::support::world::holder;
use codex_ledger_entry::{EntryId, FieldsBuilder, Kind, Seq};
use codex_ledger_ledger::{Ledger, World};

fn record(env: &TestEnvironment, kind: Kind, fields: FieldsBuilder) -> Seq {
    let mut ledger = Ledger::open(&env.ledger(), World::real(), &holder()).unwrap();
    ledger.append_about(kind, EntryId::default(), &fields.finish()).unwrap().entries.from
}

fn body() -> FieldsBuilder {
    FieldsBuilder::default()
        .add("actor", "ada")
        .add("reason", "r")
        .add("software", "codex-ledger 9.9")
}

#[test]
fn a_redaction_of_a_later_version_hides_everything_until_it_is_ended() {
    let env = without_rules();
    let before = env.digest();
    for (what, fields) in [
        ("a new what", body().add("what", "image").number("seq", 4)),
        ("a new field", body().add("what", "entry").number("seq", 4).add("from_page", "2")),
    ] {
        let seq = record(&env, Kind::Redaction, fields);
        let entry = format!("entry {seq} ");
        for command in [
            &["report", "--mode", "full"][..],
            &["sessions"],
            &["search", "sandcastle"],
            &["rebuild-views"],
            &["migrate"],
            &["redact", "list"],
        ] {
            env.run(command).refused(&[&entry, "codex-ledger 9.9", "redact undo"]);
        }
        undo(&env, seq.get());
        assert_eq!(env.digest(), before, "{what}");
        env.audits_clean();
    }
}

#[test]
fn rules_of_a_later_version_are_replaced_by_hand_only() {
    let env = without_rules();
    let before = env.digest();
    let rules = br#"{"name":"n","rules":[{"id":"x","pattern":"y","nearby":"z"}]}"#;
    let seq = record(&env, Kind::RuleSet, body().add("rules", rules));
    let entry = format!("entry {seq} ");
    env.run(["sessions"]).refused(&[&entry, "codex-ledger 9.9", "rules set"]);
    let file = env.work().join("rules.yaml");
    env.write(&file, super::NO_RULES.as_bytes());
    env.ok(["redact", "rules", "set", &file.display().to_string(), "--reason", "ours"]);
    assert_eq!(env.digest(), before);
}
