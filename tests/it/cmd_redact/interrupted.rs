//! A redaction that was interrupted: nobody shows what it hides, and whoever comes next finishes it.

use super::evidence::{Sought, in_files};
use super::{hide, undo, without_rules};
use crate::cli_support::{TestEnvironment, copy_tree};
use crate::support::world::holder;
use codex_ledger_entry::{EntryId, Kind, Seq};
use codex_ledger_ledger::{Ledger, World};
use codex_ledger_redaction::{RedactionRecord, What, Within};
use std::fs;

const WORD: &str = "sandcastle";
/// Every command that reads, and none that writes by itself.
const READERS: [&[&str]; 13] = [
    &["status", "--json"],
    &["sessions", "--json"],
    &["report", "--mode", "full", "--format", "json"],
    &["report", "--mode", "prompts", "--format", "html"],
    &["search", "sandcastle", "--json"],
    &["show", "--json"],
    &["tokens", "--json"],
    &["redact", "list", "--json"],
    &["redact", "history", "--json"],
    &["tag", "list", "--json"],
    &["note", "list", "--json"],
    &["audit", "--json"],
    &["config", "show", "--json"],
];

/// The entry of a redaction, as a command leaves it that was killed before the views followed.
pub(super) fn record_only(env: &TestEnvironment, text: &str) -> (Ledger, Seq) {
    let what = What::Literal { text: text.into(), within: Within::Everything, ignore_case: true };
    let (actor, reason) = ("ada".to_string(), "a test".to_string());
    let record = RedactionRecord { actor, reason, replacement: "[x]".into(), what };
    let mut ledger = Ledger::open(&env.ledger(), World::real(), &holder()).unwrap();
    let done = ledger.append_about(Kind::Redaction, EntryId::default(), &record.encode()).unwrap();
    (ledger, done.entries.from)
}

fn files_that_hold_it(env: &TestEnvironment) -> Vec<String> {
    in_files(env, &Sought::new(&[WORD])).into_iter().collect()
}

#[test]
fn whoever_reads_first_finishes_it() {
    let env = without_rules();
    let before = env.digest();
    env.json(["search", WORD]);
    assert!(!files_that_hold_it(&env).is_empty());
    for reader in READERS {
        let (ledger, seq) = record_only(&env, WORD);
        drop(ledger);
        let shown = env.run(reader).expect(0);
        assert!(!shown.text().contains(WORD) || reader[0] == "search", "{reader:?}");
        assert_eq!(files_that_hold_it(&env), Vec::<String>::new(), "{reader:?}");
        assert_eq!(env.count("SELECT uncleared FROM meta"), 0, "{reader:?}");
        undo(&env, seq.get());
        assert_eq!(env.digest(), before, "{reader:?}");
        env.json(["search", WORD]);
    }
}

/// A command that was killed when its entry was durable in the journal and HEAD did not know of it yet: the next one that
/// writes would take it in, so whoever reads does.
#[test]
fn what_was_durable_before_head_knew_of_it_hides() {
    let env = without_rules();
    env.json(["search", WORD]);
    let before = env.path("before");
    copy_tree(&env.ledger(), &before);
    let (ledger, seq) = record_only(&env, WORD);
    drop(ledger);
    let journals = env.path("journals");
    copy_tree(&env.ledger().join("journal"), &journals);
    for reader in READERS {
        fs::remove_dir_all(env.ledger()).unwrap();
        copy_tree(&before, &env.ledger());
        copy_tree(&journals, &env.ledger().join("journal"));
        let shown = env.run(reader).expect(0);
        assert!(!shown.text().contains(WORD) || reader[0] == "search", "{reader:?}");
        assert_eq!(files_that_hold_it(&env), Vec::<String>::new(), "{reader:?}");
        assert_eq!(env.json(["redact", "list"])[0]["seq"], seq.get(), "{reader:?}");
        env.audits_clean();
    }
}

/// Another process writes, and this one may not wait: then nothing is read.
#[test]
fn who_cannot_finish_it_shows_nothing() {
    let env = without_rules();
    let (ledger, seq) = record_only(&env, WORD);
    let entry = format!("entry {seq} ");
    for reader in
        READERS.iter().filter(|reader| !["status", "audit", "config"].contains(&reader[0]))
    {
        let args: Vec<&str> = ["--wait", "0"].iter().chain(*reader).copied().collect();
        let refused = env.run(&args).refused(&[&entry, "held by"]);
        assert!(!refused.text().contains(WORD), "{reader:?}");
    }
    let status = env.run(["--wait", "0", "status"]).expect(0);
    assert!(status.text().contains(&entry), "{}", status.text());
    env.run(["--wait", "0", "audit"]).expect(1);
    drop(ledger);
    assert!(!env.ok(["report", "--mode", "full"]).text().contains(WORD));
    env.audits_clean();
}

/// The rows are written anew, and the command dies before it has cleared what they leave behind.
#[test]
fn what_was_left_to_clear_is_cleared_by_the_next_command() {
    let env = without_rules();
    env.json(["search", WORD]);
    let folder = env.ledger().join("views.d");
    let database = fs::canonicalize(env.ledger().join("views.sqlite")).unwrap();
    let kept = env.work().join("kept");
    copy_tree(&folder, &kept);
    hide(&env, &["--literal", WORD]);
    let writers: [&[&str]; 2] = [
        &["redact", "--literal", "PORT ELLERY", "--reason", "r"],
        &["show", "--raw", "--entry", "2"],
    ];
    for reader in READERS.iter().chain(&writers).copied() {
        copy_tree(&kept, &folder);
        for shard in fs::read_dir(&kept).unwrap().flatten().filter(|of| of.path().is_dir()) {
            let name = shard.file_name().to_string_lossy().into_owned();
            copy_tree(&shard.path(), &folder.join(format!("{name}-new")));
        }
        // The database that was hidden in stands beside it as an old one.
        let (name, old) = (database.file_name().unwrap(), folder.join("000000.sqlite"));
        fs::copy(kept.join(name), old).unwrap();
        let db = rusqlite::Connection::open(&database).unwrap();
        db.execute("UPDATE meta SET uncleared = 1", []).unwrap();
        db.close().unwrap();
        assert!(!files_that_hold_it(&env).is_empty());
        env.run(reader).expect(0);
        assert_eq!(files_that_hold_it(&env), Vec::<String>::new(), "{reader:?}");
        assert_eq!(env.count("SELECT uncleared FROM meta"), 0, "{reader:?}");
    }
    env.audits_clean();
}
