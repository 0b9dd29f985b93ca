//! Witnesses and keys: who has seen a history does not vouch for another one, and a key that ended signs no longer.

use crate::cli_support::{TestEnvironment, copy_tree, prompt_line, session};
use crate::support::http;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn ledger(number: u64) -> TestEnvironment {
    let env = TestEnvironment::new();
    env.write(&env.rollout(number), &session(number, 2));
    env.append(&[]);
    env
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

fn key_of(env: &TestEnvironment) -> String {
    env.json(["audit", "checkpoint"])["public_key"].as_str().unwrap().to_string()
}

/// Writes a checkpoint, or what goes on from an older one.
fn checkpoint(env: &TestEnvironment, file: &str, since: Option<&Path>) -> PathBuf {
    let path = env.path(file);
    let mut args = vec!["audit".to_string(), "checkpoint".into(), "-o".into(), name(&path)];
    if let Some(since) = since {
        args.extend(["--since".into(), name(since)]);
    }
    env.ok(args);
    path
}

fn grow(env: &TestEnvironment, text: &str) {
    env.extend(&env.rollout(1), &prompt_line(text));
    env.append(&[]);
}

/// A configuration that names witnesses.
fn configured(env: &TestEnvironment, witnesses: &[&str], quorum: usize) -> String {
    let path = env.path("witnessed.toml");
    let keys: Vec<String> = witnesses.iter().map(|key| format!("'{key}'")).collect();
    let text = format!("[checkpoint]\nwitnesses = [{}]\nquorum = {quorum}\n", keys.join(", "));
    env.write(&path, text.as_bytes());
    name(&path)
}

fn audited(env: &TestEnvironment, config: &str) -> Value {
    env.run(["audit", "--no-views", "--json", "--config", config]).json()
}

#[test]
fn a_colleague_cosigns_what_goes_on_and_nothing_else() {
    let (log, witness) = (ledger(1), ledger(2));
    let key = key_of(&log);
    let first = checkpoint(&log, "first", None);
    let cosign = |file: &Path, out: &str| {
        let out = name(&witness.path(out));
        let _ = fs::remove_file(&out);
        witness.run(["audit", "cosign", &name(file), "-o", &out, "--json"])
    };
    witness.run(["audit", "cosign", &name(&first)]).refused(&["public key is needed"]);
    let other = key_of(&witness);
    witness
        .run(["audit", "cosign", &name(&first), "--signed-by", &other])
        .refused(&["not that of this log"]);
    let out = name(&witness.path("cosigned"));
    let said = witness
        .run(["audit", "cosign", &name(&first), "--signed-by", &key, "-o", &out, "--json"])
        .expect(0)
        .json();
    let witness_key = said["public_key"].as_str().unwrap().to_string();
    let config = configured(&log, &[&witness_key], 1);
    let with = ["--config", config.as_str()];
    assert_eq!(audited(&log, &config)["findings"][0]["kind"], "checkpoint", "nobody has cosigned");
    log.run(["audit", "attach", &out]).refused(&["no witnesses are configured"]);
    log.run([&["audit", "attach", &out][..], &with].concat()).expect(0);
    let audit = audited(&log, &config);
    assert_eq!(
        (&audit["ok"], &audit["cosigned"]["by"].as_array().unwrap().len()),
        (&true.into(), &1)
    );
    let verified = ["audit", "verify", &out, "--signed-by", &witness_key, "--json"];
    assert_eq!(log.run(verified).expect(0).json()["ok"], true, "without a ledger, too");

    // What goes on is cosigned again.
    grow(&log, "and tomorrow?");
    let more = checkpoint(&log, "more", Some(&first));
    let args = ["audit", "verify", &name(&more), "--older", &name(&first), "--signed-by", &key];
    log.ok(args);
    log.run(["audit", "verify", &name(&more)]).refused(&["--older"]);
    log.run(["audit", "verify", &name(&more), "--older", &name(&more)]).refused(&["checkpoint"]);
    cosign(&more, "again").expect(0);
    // An answer that was lost is given again; an older request is not.
    cosign(&more, "twice").expect(0);
    cosign(&first, "older").refused(&["were cosigned last"]);
    log.run([&["audit", "attach", &name(&witness.path("again"))][..], &with].concat()).expect(0);
    log.run([&["audit", "attach", &out][..], &with].concat()).refused(&["cosigned already"]);

    // A key that was rotated needs the word of the one before.
    log.ok(["audit", "key", "rotate", "--reason", "a year is over"]);
    let newest = checkpoint(&log, "newest", Some(&witness.path("again")));
    let note = name(&log.path("handover"));
    log.ok(["audit", "key", "handover", "-o", &note]);
    cosign(&newest, "unknown").refused(&["not signed by"]);
    witness.run(["audit", "cosign", &name(&newest), "--handover", &note]).expect(0);
    let list = witness.json(["audit", "key", "list"]);
    assert_eq!(list["witness_key"], witness_key.as_str());

    // Another history is not, whatever its owner signs.
    let size = audited(&log, &config)["cosigned"]["size"].as_u64().unwrap();
    let fork = ledger(1);
    fs::remove_dir_all(log.ledger()).unwrap();
    copy_tree(&fork.ledger(), &log.ledger());
    log.run(["audit", "checkpoint", "-o", &name(&log.path("x")), "--since", &name(&first)])
        .refused(&["another log"]);
    let told = witness.ok(["audit", "log", "--kind", "cosign"]);
    assert!(told.text().contains(&format!("{size} entries of codex-ledger/")), "{}", told.text());
    witness.audits_clean();
}

#[test]
fn a_history_that_was_rewritten_finds_no_witness() {
    let (log, witness) = (ledger(1), ledger(2));
    let old = log.path("old");
    copy_tree(&log.ledger(), &old);
    grow(&log, "and tomorrow?");
    let (key, first) = (key_of(&log), checkpoint(&log, "first", None));
    let out = name(&witness.path("cosigned"));
    let sign = ["audit", "cosign", &name(&first), "--signed-by", &key, "-o", &out, "--json"];
    let said = witness.run(sign).expect(0).json();
    let config = configured(&log, &[said["public_key"].as_str().unwrap()], 1);
    log.ok(["audit", "attach", &out, "--config", &config]);
    let cosigned = fs::read(log.ledger().join("cosigned")).unwrap();
    fs::remove_dir_all(log.ledger()).unwrap();
    copy_tree(&old, &log.ledger());
    fs::write(log.ledger().join("cosigned"), &cosigned).unwrap();
    log.ok(["audit", "checkpoint", "--anew", "--reason", "nobody will see"]);
    log.extend(&log.rollout(1), &prompt_line("something else"));
    log.extend(&log.rollout(1), &prompt_line("and more"));
    log.append(&[]);
    let audit = audited(&log, &config);
    assert_eq!(audit["ok"], false, "{audit}");
    assert!(audit["findings"][0]["detail"].as_str().unwrap().contains("not what the ledger has"));
    let args = ["audit", "checkpoint", "-o", &name(&log.path("more")), "--since", &name(&first)];
    log.run(args).refused(&["another history"]);
    let plain = checkpoint(&log, "plain", None);
    witness.run(["audit", "cosign", &name(&plain)]).refused(&["were cosigned last"]);
    // Two are wanted, one has cosigned.
    let config = configured(&log, &[said["public_key"].as_str().unwrap(), &witness_key()], 2);
    let detail = audited(&log, &config)["findings"].to_string();
    assert!(
        detail.contains("not what the ledger has") || detail.contains("2 are needed"),
        "{detail}"
    );
    let config = configured(&log, &[&key], 1);
    let detail = audited(&log, &config)["findings"].to_string();
    assert!(detail.contains("the key of a log, not of a witness"), "{detail}");
}

/// A history that went on from another one is longer than it at last; each checkpoint counts.
#[test]
fn a_fork_that_has_grown_since_is_a_fork() {
    let env = ledger(1);
    let old = env.path("old");
    copy_tree(&env.ledger(), &old);
    grow(&env, "what was signed first");
    let first = checkpoint(&env, "first", None);
    fs::remove_dir_all(env.ledger()).unwrap();
    copy_tree(&old, &env.ledger());
    env.extend(&env.rollout(1), &prompt_line("something else"));
    env.run(["append".as_ref(), env.codex().as_os_str()]).expect(1);
    env.ok(["audit", "checkpoint", "--anew", "--reason", "nobody will know"]);
    grow(&env, "and more of it");
    env.append(&[]);
    let now = checkpoint(&env, "now", None);
    let both = env.path("both");
    let other = ledger(2);
    let of_other = checkpoint(&other, "other", None);
    let texts = [&of_other, &first, &now].map(|path| fs::read_to_string(path).unwrap());
    fs::write(&both, texts.concat()).unwrap();
    let said = env.run(["audit", "--against", &name(&both), "--json"]).expect(1).json();
    assert_eq!(said["against"]["verdict"], "fork", "{said}");
    let alone = env.run(["audit", "--against", &name(&now), "--json"]).expect(0).json();
    assert_eq!(alone["against"]["verdict"], "consistent");
    fs::write(&both, texts[0].clone() + &texts[2]).unwrap();
    env.run(["audit", "--against", &name(&both)]).expect(0);
    env.run(["audit", "--against", &name(&of_other)]).expect(1);
}

/// What a key has signed before it was revoked counts, where somebody else has held it.
#[test]
fn what_others_held_of_a_revoked_key_counts() {
    let env = ledger(1);
    let first = checkpoint(&env, "first", None);
    env.ok(["audit", "key", "rotate", "--reason", "a year is over"]);
    let second = checkpoint(&env, "second", None);
    env.ok(["audit", "key", "revoke", "--reason", "it was copied"]);
    for held in [&first, &second] {
        env.run(["audit", "--against", &name(held)]).expect(0);
    }
    let key = ended(&env).last().unwrap()["key"].as_str().unwrap().to_string();
    env.run(["audit", "key", "revoke", &key, "--reason", "again"]).refused(&["revoked already"]);
}

/// The best that enough witnesses have cosigned stays, while a newer one waits for the last of them.
#[test]
fn a_quorum_is_not_lost_to_a_newer_checkpoint() {
    let (log, one, two) = (ledger(1), ledger(2), ledger(3));
    let (key, first) = (key_of(&log), checkpoint(&log, "first", None));
    let cosign = |witness: &TestEnvironment, file: &Path, out: &str| {
        let out = witness.path(out);
        let args =
            ["audit", "cosign", &name(file), "--signed-by", &key, "-o", &name(&out), "--json"];
        let said = witness.run(args).expect(0).json();
        (said["public_key"].as_str().unwrap().to_string(), out)
    };
    let ((first_key, a), (second_key, b)) = (cosign(&one, &first, "a"), cosign(&two, &first, "b"));
    let config = configured(&log, &[&first_key, &second_key], 2);
    let attach =
        |file: &Path| log.run(["audit", "attach", &name(file), "--config", &config, "--json"]);
    attach(&a).expect(0);
    assert_eq!(audited(&log, &config)["ok"], false, "one is not enough");
    let size = attach(&b).expect(0).json()["cosigned"]["size"].clone();
    grow(&log, "and tomorrow?");
    let more = checkpoint(&log, "more", Some(&first));
    attach(&cosign(&one, &more, "c").1).expect(0);
    let audit = audited(&log, &config);
    assert_eq!((&audit["ok"], &audit["cosigned"]["size"]), (&true.into(), &size));
    assert_eq!(audit["cosigned"]["pending"][0]["by"], 1);
    let said = attach(&cosign(&two, &more, "d").1).expect(0).json();
    assert_ne!(said["cosigned"]["size"], size);
    assert!(said["cosigned"]["pending"].as_array().unwrap().is_empty());
    attach(&a).refused(&["cosigned already"]);
}

/// A public key of a witness that never cosigns.
fn witness_key() -> String {
    let (other, log) = (ledger(3), ledger(4));
    let (key, file) = (key_of(&log), checkpoint(&log, "first", None));
    let args = ["audit", "cosign", &name(&file), "--signed-by", &key, "--json"];
    other.run(args).expect(0).json()["public_key"].as_str().unwrap().to_string()
}

/// A server that answers as a witness does, with what a colleague's ledger says of each request.
fn serve(
    witness: Arc<TestEnvironment>,
    key: String,
    seen: u64,
) -> (String, std::thread::JoinHandle<Vec<u16>>) {
    http::serve(move |path, body| {
        assert_eq!(path, "/add-checkpoint");
        let request = witness.path("request");
        fs::write(&request, body).unwrap();
        let args = ["audit", "cosign", &name(&request), "--signed-by", &key, "--json"];
        let done = witness.run(args);
        match done.code {
            Some(0) => {
                let note = done.json()["cosigned"].as_str().unwrap().to_string();
                (200, format!("{}\n", note.lines().last().unwrap()).into_bytes())
            }
            _ => (409, format!("{seen}\n").into_bytes()),
        }
    })
}

#[test]
fn a_witness_on_the_network_is_asked_from_where_it_stands() {
    let (log, witness) = (ledger(1), Arc::new(ledger(2)));
    let (key, first) = (key_of(&log), checkpoint(&log, "first", None));
    let size = log.json(["status"])["head"]["size"].as_u64().unwrap();
    let args = ["audit", "cosign", &name(&first), "--signed-by", &key, "--json"];
    let said = witness.run(args).expect(0).json();
    let config = configured(&log, &[said["public_key"].as_str().unwrap()], 1);
    log.run(["audit", "cosign", "--ask", "http://127.0.0.1:1"]).refused(&["no witnesses"]);
    let ask = |url: &str| log.run(["audit", "cosign", "--ask", url, "--config", &config, "--json"]);
    ask("http://127.0.0.1:1").refused(&["http://127.0.0.1:1/add-checkpoint"]);
    grow(&log, "and tomorrow?");
    // The log does not know what was cosigned; the witness says where it stands.
    let (url, server) = serve(Arc::clone(&witness), key, size);
    let said = ask(&url).expect(0).json();
    assert_eq!(server.join().unwrap(), [409, 200]);
    assert_eq!(said["cosigned"]["size"], log.json(["status"])["head"]["size"]);
    assert_eq!(audited(&log, &config)["ok"], true);
}

fn ended(env: &TestEnvironment) -> Vec<Value> {
    env.json(["audit", "key", "list"])["ended"].as_array().unwrap().clone()
}

#[test]
fn a_key_hands_over_and_signs_no_longer() {
    let env = ledger(1);
    let (old, first) = (key_of(&env), checkpoint(&env, "first", None));
    let keys = env.path("home/.config/codex-ledger/keys");
    let find = |end: &str| {
        let all = fs::read_dir(&keys).unwrap().flatten().map(|entry| entry.path());
        all.filter(|path| path.to_string_lossy().ends_with(end)).collect::<Vec<_>>()
    };
    let own = find(".key").remove(0);
    let old_secret = fs::read(&own).unwrap();
    env.run(["audit", "key", "rotate"]).refused(&["--reason"]);
    let said = env.json(["audit", "key", "rotate", "--reason", "a year is over"]);
    let new = said["key"].as_str().unwrap().to_string();
    assert!(new != old && said["ended"] == old.as_str(), "{said}");
    assert_ne!(fs::read(&own).unwrap(), old_secret, "the old secret is gone");
    env.audits_clean();
    let [event] = &ended(&env)[..] else { panic!("one event") };
    assert_eq!((&event["end"], &event["is_handed_over"]), (&"rotated".into(), &true.into()));
    assert_eq!(event["next"], new.as_str());
    // What the old one has signed stands, and the new one goes on from it.
    env.ok(["audit", "verify", &name(&first), "--signed-by", &old]);
    assert_eq!(env.run(["audit", "verify", &name(&first), "--signed-by", &new]).code, Some(1));
    let more = checkpoint(&env, "more", Some(&first));
    env.ok(["audit", "verify", &name(&more), "--older", &name(&first), "--signed-by", &new]);
    grow(&env, "and tomorrow?");
    env.audits_clean();
    // Somebody who has kept the old key would sign with it.
    let kept = env.path("kept");
    fs::write(&kept, &old_secret).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&kept, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    env.run(["audit", "checkpoint", "--key", &name(&kept)]).refused(&["was replaced by entry"]);
    env.audits_clean();
}

/// A rotation that was interrupted behind its entry goes on with the same key.
#[test]
fn a_rotation_is_finished_by_the_next_one() {
    let env = ledger(1);
    let keys = env.path("home/.config/codex-ledger/keys");
    let all = || fs::read_dir(&keys).unwrap().flatten().map(|entry| entry.path());
    let own = all().find(|path| path.extension().is_some_and(|end| end == "key")).unwrap();
    let (old, before) =
        (fs::read(&own).unwrap(), fs::read(env.ledger().join("checkpoint")).unwrap());
    let noted: Vec<PathBuf> = all().filter(|path| name(path).ends_with(".signed")).collect();
    env.ok(["audit", "key", "rotate", "--reason", "a year is over"]);
    let next = own.with_extension("key.next");
    fs::rename(&own, &next).unwrap();
    fs::write(&own, old).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&own, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    fs::write(env.ledger().join("checkpoint"), before).unwrap();
    for path in all().filter(|path| name(path).ends_with(".signed") && !noted.contains(path)) {
        fs::remove_file(path).unwrap();
    }
    env.audits_clean();
    env.ok(["audit", "key", "rotate", "--reason", "once more"]);
    assert_eq!(ended(&env).len(), 1, "no second entry");
    assert!(!next.exists());
    env.audits_clean();
    grow(&env, "and tomorrow?");
    env.audits_clean();
}

#[test]
fn a_revoked_key_vouches_for_nothing() {
    let env = ledger(1);
    let old = key_of(&env);
    let before = fs::read(env.ledger().join("checkpoint")).unwrap();
    env.run(["audit", "key", "revoke", "nonsense", "--reason", "x"]).refused(&["public key"]);
    let other = key_of(&ledger(2));
    env.run(["audit", "key", "revoke", &other, "--reason", "x"]).refused(&["another log"]);
    env.ok(["audit", "key", "revoke", "--reason", "the laptop was stolen"]);
    env.audits_clean();
    let [event] = &ended(&env)[..] else { panic!("one event") };
    assert_eq!((&event["end"], &event["key"]), (&"revoked".into(), &old.as_str().into()));
    assert_eq!(event["is_handed_over"], false, "it is not asked for its consent");
    fs::write(env.ledger().join("checkpoint"), before).unwrap();
    let audit = env.run(["audit", "--no-views", "--json"]).expect(1).json();
    assert!(audit["findings"].to_string().contains("not that of this ledger's key"), "{audit}");
    let list = env.ok(["audit", "key", "list"]);
    assert!(list.text().contains("revoked by entry") && list.text().contains("stolen"));
}

/// Whatever the way, a key never signs a second history, and one that ended signs nothing.
#[test]
fn no_command_signs_what_does_not_fit_or_with_a_key_that_ended() {
    let env = ledger(1);
    let keys = env.path("home/.config/codex-ledger/keys");
    let own = fs::read_dir(&keys).unwrap().flatten().map(|entry| entry.path());
    let own =
        own.into_iter().find(|path| path.extension().is_some_and(|end| end == "key")).unwrap();
    let kept = env.path("kept.key");
    fs::copy(&own, &kept).unwrap();
    let old = env.path("old");
    copy_tree(&env.ledger(), &old);
    grow(&env, "and tomorrow?");
    let file = name(&checkpoint(&env, "first", None));
    fs::remove_dir_all(env.ledger()).unwrap();
    copy_tree(&old, &env.ledger());
    env.run(["audit", "prove", "1"]).refused(&["the folder was put back"]);
    env.run(["audit", "cosign", &file, "--signed-by", &key_of(&ledger(9))]).refused(&["put back"]);
    env.run(["audit", "key", "rotate", "--reason", "x"]).refused(&["put back"]);
    // A key that is gone leaves behind what it has signed.
    fs::rename(&own, env.path("gone.key")).unwrap();
    let audit = env.run(["audit", "--no-views", "--json"]).expect(1).json();
    assert!(audit["findings"].to_string().contains("put back"), "{audit}");
    fs::rename(env.path("gone.key"), &own).unwrap();
    env.ok(["audit", "checkpoint", "--anew", "--reason", "restored"]);
    env.audits_clean();
    env.ok(["audit", "key", "revoke", "--reason", "the laptop was stolen"]);
    let kept = name(&kept);
    env.run(["audit", "prove", "1", "--key", &kept]).refused(&["was revoked by entry"]);
    env.run(["audit", "checkpoint", "--key", &kept]).refused(&["was revoked by entry"]);
    env.ok(["audit", "prove", "1"]);
    env.audits_clean();
}

/// What cannot be noted beside the key is not signed: else the key would not know of it.
#[cfg(unix)]
#[test]
fn what_cannot_be_noted_is_not_signed() {
    use std::os::unix::fs::PermissionsExt;
    let env = ledger(1);
    let keys = env.path("home/.config/codex-ledger/keys");
    let signed = fs::read_dir(&keys).unwrap().flatten().map(|entry| entry.path());
    let signed = signed.into_iter().find(|path| name(path).ends_with(".signed")).unwrap();
    let before = fs::read(env.ledger().join("checkpoint")).unwrap();
    // Whoever is root may write everywhere, but not over a folder.
    fs::remove_file(&signed).unwrap();
    fs::create_dir(&signed).unwrap();
    fs::write(signed.join("in the way"), "").unwrap();
    env.extend(&env.rollout(1), &prompt_line("and tomorrow?"));
    let done = env.run(["append".as_ref(), env.codex().as_os_str()]).expect(1);
    assert!(done.stderr.contains("not signed: "), "{}", done.stderr);
    assert_eq!(fs::read(env.ledger().join("checkpoint")).unwrap(), before);
    fs::remove_dir_all(&signed).unwrap();
    // A pipe in its place, or beside the ledger, is not waited for.
    for path in [signed, env.ledger().join("checkpoint")] {
        let _ = fs::remove_file(&path);
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        env.run(["audit", "--no-views"]).expect(1);
        env.run(["audit", "checkpoint"]).refused(&["no file"]);
        fs::remove_file(&path).unwrap();
    }
    let pipe = env.path("pipe.key");
    std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    env.run(["audit", "checkpoint", "--key", &name(&pipe)]).refused(&["no file"]);
    env.run(["audit", "checkpoint", "--key", "/dev/zero"]).refused(&["no file"]);
}

/// A key that was revoked in the middle of a rotation is revoked, and says why.
#[test]
fn a_revocation_is_not_taken_for_a_rotation() {
    let env = ledger(1);
    let keys = env.path("home/.config/codex-ledger/keys");
    let own = fs::read_dir(&keys).unwrap().flatten().map(|entry| entry.path());
    let own =
        own.into_iter().find(|path| path.extension().is_some_and(|end| end == "key")).unwrap();
    let (old, old_key) = (fs::read(&own).unwrap(), key_of(&env));
    env.ok(["audit", "key", "rotate", "--reason", "a year is over"]);
    fs::rename(&own, own.with_extension("key.next")).unwrap();
    fs::write(&own, old).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&own, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    env.ok(["audit", "key", "revoke", "--reason", "the laptop was stolen"]);
    let ended = ended(&env);
    let last = ended.last().unwrap();
    assert_eq!((&last["end"], &last["key"]), (&"revoked".into(), &old_key.as_str().into()));
    assert_eq!(last["reason"], "the laptop was stolen");
    env.append(&[]);
    env.audits_clean();
}

/// An append finishes a rotation that was interrupted behind its entry, and signs with the key that the log names.
#[test]
fn an_append_finishes_a_rotation() {
    let env = ledger(1);
    let keys = env.path("home/.config/codex-ledger/keys");
    let own = fs::read_dir(&keys).unwrap().flatten().map(|entry| entry.path());
    let own =
        own.into_iter().find(|path| path.extension().is_some_and(|end| end == "key")).unwrap();
    let old = fs::read(&own).unwrap();
    let new = env.json(["audit", "key", "rotate", "--reason", "a year is over"])["key"].clone();
    let next = own.with_extension("key.next");
    fs::rename(&own, &next).unwrap();
    fs::write(&own, old).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&own, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    env.extend(&env.rollout(1), &prompt_line("and tomorrow?"));
    let done = env.append(&[]);
    assert_eq!(done["checkpoint"]["public_key"], new);
    assert!(!next.exists());
    env.audits_clean();
}
