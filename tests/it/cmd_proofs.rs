//! Checkpoints and proofs: what is signed is what is there, and nothing else passes for it.

use crate::cli_support::{TestEnvironment, copy_tree, prompt_line, session, skip, thread};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn ledger() -> TestEnvironment {
    let env = TestEnvironment::new();
    for number in 1..=3 {
        env.write(&env.rollout(number), &session(number, 4));
    }
    env.append(&[]);
    env
}

/// Writes a checkpoint; gives its file and the public key.
fn checkpoint(env: &TestEnvironment, name: &str) -> (PathBuf, String) {
    let path = env.path(name);
    let made = env.json(["audit", "checkpoint", "-o", &path.display().to_string()]);
    assert_eq!(made["checkpoint"], fs::read_to_string(&path).unwrap());
    (path, made["public_key"].as_str().unwrap().to_string())
}

fn verify(env: &TestEnvironment, path: &Path, key: &str) -> Value {
    let path = path.display().to_string();
    env.run(["audit", "verify", &path, "--signed-by", key, "--json"]).json()
}

#[test]
fn a_checkpoint_is_what_the_ledger_says_and_stays_true_while_it_grows() {
    let env = ledger();
    let (first, key) = checkpoint(&env, "first");
    let text = fs::read_to_string(&first).unwrap();
    let head = env.json(["status"])["head"].clone();
    assert_eq!(text.lines().nth(1), Some(head["size"].to_string().as_str()));
    assert!(text.starts_with("codex-ledger/") && key.starts_with("codex-ledger/"));
    assert_eq!(verify(&env, &first, &key)["ok"], true);
    env.extend(&env.rollout(1), &prompt_line("and tomorrow?"));
    env.append(&[]);
    let (second, again) = checkpoint(&env, "second");
    assert_eq!(again, key, "the same key signs");
    for file in [&first, &second] {
        let said = env.json(["audit", "--against", &file.display().to_string()]);
        assert_eq!(said["against"]["verdict"], "consistent", "{said}");
    }
    env.audits_clean();
}

#[test]
fn another_history_is_told_from_the_one_that_was_signed() {
    let env = ledger();
    let old = env.path("old");
    copy(&env.ledger(), &old);
    env.extend(&env.rollout(1), &prompt_line("and tomorrow?"));
    env.append(&[]);
    let (newest, _) = checkpoint(&env, "newest");
    let file = newest.display().to_string();
    let against = |ledger: &Path, code: i32| {
        let ledger = ledger.display().to_string();
        let args = ["--ledger", &ledger, "audit", "--against", &file, "--json"];
        env.run(args).expect(code).json()["against"]["verdict"].as_str().unwrap().to_string()
    };
    assert_eq!(against(&env.ledger(), 0), "consistent");
    // The folder is put back to an older state, and then goes on in another way.
    assert_eq!(against(&old, 1), "shorter");
    let old_path = old.display().to_string();
    env.extend(&env.rollout(2), &prompt_line("something else"));
    env.extend(&env.rollout(2), &prompt_line("and more"));
    env.extend(&env.rollout(2), &prompt_line("and more"));
    env.run(["--ledger", &old_path, "append", &env.codex().display().to_string()]).expect(1);
    assert_eq!(against(&old, 1), "fork");
    let other = ledger();
    assert_eq!(against(&other.ledger(), 1), "other");
}

#[test]
fn every_entry_is_proven_and_two_verifiers_agree() {
    let env = ledger();
    let (_, key) = checkpoint(&env, "checkpoint");
    let size = env.json(["status"])["head"]["size"].as_u64().unwrap();
    let other = checkpoint(&ledger(), "other").1;
    for seq in [0, 1, 2, size / 2, size - 2, size - 1] {
        let path = env.path(format!("{seq}.tlog-proof"));
        let file = path.display().to_string();
        env.ok(["audit", "prove", &seq.to_string(), "-o", &file]);
        let proven = verify(&env, &path, &key);
        assert_eq!((&proven["ok"], &proven["proven"]["seq"]), (&true.into(), &seq.into()));
        assert_eq!(proven["proven"]["signed_by"][0]["key"], key.as_str());
        assert_eq!(verify(&env, &path, &other)["ok"], false, "signed by another key");
        assert_ne!(by_script(&path, &key), Some(false));
        assert_ne!(by_script(&path, &other), Some(true));
        // Every tenth bit of the file differs once.
        let text = fs::read(&path).unwrap();
        let wrong = env.path("wrong");
        for at in (0..text.len()).step_by(37) {
            let mut bytes = text.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&wrong, &bytes).unwrap();
            let done =
                env.run(["audit", "verify", &wrong.display().to_string(), "--signed-by", &key]);
            assert_ne!(done.code, Some(0), "byte {at} of the proof of {seq}");
        }
        assert_ne!(by_script(&wrong, &key), Some(true));
    }
    env.run(["audit", "prove", &size.to_string()]).refused(&["no entry"]);
    env.run(["audit", "prove", "0", "-o", &env.path("0.tlog-proof").display().to_string()])
        .refused(&["0.tlog-proof"]);
    // Without a key the answer says what is not proven.
    let proof = env.path("1.tlog-proof").display().to_string();
    let said = env.run(["audit", "verify", &proof]).expect(1);
    assert!(said.text().starts_with("unproven") && said.text().contains("who signed it"));
}

/// The verifier that shares no code with the program.
fn by_script(proof: &Path, key: &str) -> Option<bool> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/proof/verify.py");
    let done = Command::new("python3").arg(script).arg(proof).args(["--signed-by", key]).output();
    let Ok(done) = done else {
        skip("cmd_proofs::every_entry_is_proven_and_two_verifiers_agree", "there is no python3");
        return None;
    };
    assert!(done.status.code().is_some_and(|code| code < 2), "{done:?}");
    Some(done.status.success())
}

#[cfg(unix)]
#[test]
fn the_key_is_its_owners_alone_and_no_part_of_the_ledger() {
    use std::os::unix::fs::PermissionsExt;
    let env = ledger();
    checkpoint(&env, "checkpoint");
    let keys: Vec<PathBuf> = walkdir::WalkDir::new(env.path("home"))
        .into_iter()
        .filter_map(|entry| Some(entry.ok()?.into_path()))
        .filter(|path| path.extension().is_some_and(|end| end == "key"))
        .collect();
    let [key] = &keys[..] else { panic!("one key: {keys:?}") };
    let mode = || fs::metadata(key).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    let secret = fs::read_to_string(key).unwrap();
    let secret = secret.lines().nth(1).unwrap();
    for entry in walkdir::WalkDir::new(env.ledger()).into_iter().flatten() {
        let bytes =
            if entry.file_type().is_file() { fs::read(entry.path()).unwrap() } else { vec![] };
        let holds = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!holds, "{}", entry.path().display());
    }
    fs::set_permissions(key, fs::Permissions::from_mode(0o640)).unwrap();
    env.run(["audit", "checkpoint"]).refused(&["others can read this key"]);
    fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(key, "nonsense").unwrap();
    env.run(["audit", "checkpoint"]).refused(&["not a key of this program"]);
    let missing = env.path("nowhere").display().to_string();
    env.run(["audit", "checkpoint", "--key", &missing]).refused(&["there is no key"]);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in walkdir::WalkDir::new(from).into_iter().flatten() {
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(&target).unwrap();
            fs::set_permissions(&target, entry.metadata().unwrap().permissions()).unwrap();
        } else if entry.file_type().is_file() {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

fn vouched(env: &TestEnvironment) -> Value {
    env.json(["audit", "--no-views"])["checkpoint"].clone()
}

/// What an audit finds wrong with the checkpoint.
fn finding(env: &TestEnvironment) -> String {
    let said = env.run(["audit", "--no-views", "--json"]).expect(1).json();
    let found = said["findings"].as_array().unwrap();
    let [found] = &found[..] else { panic!("one finding: {said}") };
    assert_eq!(found["kind"], "checkpoint", "{said}");
    found["detail"].as_str().unwrap().to_string()
}

#[test]
fn each_append_is_signed_and_an_audit_says_by_whom() {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &session(1, 2));
    let first = env.ok(["append".as_ref(), env.codex().as_os_str()]);
    assert!(first.text().contains("signed  by key ") && first.text().contains("made a key"));
    let head = env.json(["status"])["head"].clone();
    let said = vouched(&env);
    assert_eq!((&said["size"], &said["against"]["verdict"]), (&head["size"], &"consistent".into()));
    let key = said["signed_by"].as_str().unwrap().to_string();
    let report = env.ok(["report", "--format", "md"]);
    assert!(report.text().contains(&format!(", signed by key {key}")), "{}", report.text());
    env.extend(&env.rollout(1), &prompt_line("and tomorrow?"));
    let second = env.append(&[]);
    assert_eq!(second["checkpoint"]["root"], second["head"]["root"]);
    assert_eq!(vouched(&env)["signed_by"], key.as_str(), "the same key");
    assert_eq!(env.append(&[])["checkpoint"], Value::Null, "nothing new");
    env.ok(["tag", "add", "wet", &thread(1)]);
    let text = env.ok(["audit"]);
    let size = second["head"]["size"].as_u64().unwrap();
    assert!(text.text().contains(&format!("over {size} entries; 1 entry since then")));
    assert!(text.text().contains("not proven: "), "{}", text.text());
    assert!(env.ok(["report", "--format", "md"]).text().contains(&format!("the first {size} of")));
}

#[test]
fn another_history_behind_the_signature_is_a_finding() {
    let env = ledger();
    let own = fs::read_to_string(env.ledger().join("checkpoint")).unwrap();
    let write = |text: &str| fs::write(env.ledger().join("checkpoint"), text).unwrap();
    let lines: Vec<&str> = own.lines().collect();
    let root = "A".repeat(43) + "=";
    write(&own.replace(lines[2], &root));
    assert!(finding(&env).contains("is not that of this ledger's key"));
    write("nonsense");
    assert!(finding(&env).contains("checkpoint"));
    // No append writes over what does not fit, so that nobody misses it.
    for damaged in
        [own.replace(lines[2], &root), "nonsense".into(), own.replace("codex-", "other-")]
    {
        write(&damaged);
        env.extend(&env.rollout(3), &prompt_line("and the day after?"));
        let done = env.run(["append".as_ref(), env.codex().as_os_str()]).expect(1);
        assert!(done.stderr.contains("not signed: ") && done.stderr.contains("--anew"));
        assert_eq!(fs::read_to_string(env.ledger().join("checkpoint")).unwrap(), damaged);
        finding(&env);
    }
    env.run(["audit", "checkpoint"]).refused(&["--anew"]);
    write(&own);
    assert_eq!(vouched(&env)["against"]["verdict"], "consistent");
    // Somebody without the key signs with another one.
    let theirs = env.path("theirs");
    fs::write(&theirs, format!("codex-ledger secret key 1\n{}\n", "07".repeat(32))).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&theirs, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    env.ok(["audit", "checkpoint", "--key", &theirs.display().to_string()]);
    assert!(finding(&env).contains("somebody else has signed"));
    write(&own);
    // The folder is put back behind what was signed.
    let old = env.path("old");
    copy(&env.ledger(), &old);
    env.extend(&env.rollout(1), &prompt_line("and tomorrow?"));
    let signed = env.append(&[])["head"]["size"].as_u64().unwrap();
    let newest = fs::read_to_string(env.ledger().join("checkpoint")).unwrap();
    fs::remove_dir_all(env.ledger()).unwrap();
    copy(&old, &env.ledger());
    write(&newest);
    assert!(finding(&env).contains(&format!("{signed} entries were signed")));
    let done = env.run(["append".as_ref(), env.codex().as_os_str()]).expect(1);
    assert!(done.stderr.contains("not signed: "), "{}", done.stderr);
    assert_eq!(fs::read_to_string(env.ledger().join("checkpoint")).unwrap(), newest);
    env.run(["audit", "checkpoint"]).refused(&["--anew"]);
    // On another machine nobody knows the key.
    fs::remove_dir_all(env.path("home")).unwrap();
    write(&own);
    assert_eq!(vouched(&env)["signed_by"], Value::Null);
    assert!(env.ok(["audit", "--no-views"]).text().contains("a key that is not known here"));
    env.extend(&env.rollout(2), &prompt_line("and tomorrow?"));
    env.append(&[]);
    assert!(vouched(&env)["signed_by"].is_string(), "a key of its own from there on");
}

#[test]
fn checkpoints_are_kept_elsewhere_and_tell_up_to_where_a_fork_is_the_same() {
    let env = TestEnvironment::new();
    let (config, kept) = (env.path("signing.toml"), env.path("kept"));
    env.write(&config, format!("[checkpoint]\nexport = '{}'\n", kept.display()).as_bytes());
    let append = |number: u64| {
        env.write(&env.rollout(number), &session(number, 2));
        env.append(&["--config", &config.display().to_string()])["head"]["size"].as_u64().unwrap()
    };
    let sizes = [append(1), append(2)];
    let old = env.path("old");
    copy(&env.ledger(), &old);
    let last = append(3);
    assert_eq!(fs::read_to_string(&kept).unwrap().matches('\u{2014}').count(), 3);
    let against = |code: i32| {
        let args = ["audit", "--against", &kept.display().to_string(), "--json"];
        env.run(args).expect(code).json()["against"].clone()
    };
    assert_eq!(against(0)["verdict"], "consistent");
    env.write(&config, b"[checkpoint]\nexport = 'no/such/folder/kept'\n");
    env.extend(&env.rollout(3), &prompt_line("and tomorrow?"));
    let args =
        ["append", "--config", &config.display().to_string(), &env.codex().display().to_string()];
    let done = env.run(args).expect(1);
    assert!(done.stderr.contains("signed, but not written elsewhere: "), "{}", done.stderr);
    env.extend(&env.rollout(1), &prompt_line("and once more?"));
    let done = env.run(args.iter().copied().chain(["--json"])).expect(1).json();
    let problem = done["checkpoint_problem"].as_str().unwrap();
    assert!(problem.contains("not written elsewhere"), "{problem}");
    assert_eq!(vouched(&env)["size"], env.json(["status"])["head"]["size"], "it is signed");
    fs::remove_dir_all(env.ledger()).unwrap();
    copy(&old, &env.ledger());
    assert_eq!(against(1)["verdict"], "shorter");
    // The folder alone does not tell, its checkpoint was put back with it; but the key has signed more.
    let said = finding(&env);
    assert!(said.contains("are missing, or the folder was put back"), "{said}");
    // The history goes on in another way, and longer; the key does not sign that.
    env.write(&env.rollout(4), &session(4, 9));
    let done = env.run(["append".as_ref(), env.codex().as_os_str()]).expect(1);
    assert!(done.stderr.contains("not signed: ") && done.stderr.contains(".signed"));
    assert!(finding(&env).contains("they were rewritten"));
    let fork = against(1);
    assert_eq!((&fork["verdict"], &fork["size"]), (&"fork".into(), &last.into()), "{fork}");
    assert_eq!(fork["same"], sizes[1]);
    let text = env.run(["audit", "--against", &kept.display().to_string()]).expect(1);
    assert!(text.text().contains(&format!("the first {} entries still are", sizes[1])));
}

#[cfg(unix)]
#[test]
fn what_cannot_be_signed_is_appended_all_the_same() {
    use std::os::unix::fs::PermissionsExt;
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &session(1, 2));
    let home = env.path("home");
    fs::create_dir_all(&home).unwrap();
    fs::write(home.join(".config"), "in the way").unwrap();
    let done = env.run(["append".as_ref(), env.codex().as_os_str()]).expect(1);
    assert!(done.stderr.contains("not signed: "), "{}", done.stderr);
    assert_eq!(env.run(["audit", "--json"]).json()["checkpoint"], Value::Null);
    assert!(env.ok(["audit"]).text().contains("signed by nobody"));
    fs::remove_file(home.join(".config")).unwrap();
    let config = env.path("unsigned.toml");
    env.write(&config, b"[checkpoint]\nsign = false\n");
    env.extend(&env.rollout(1), &prompt_line("and tomorrow?"));
    let config = config.display().to_string();
    assert_eq!(env.append(&["--config", &config])["checkpoint"], Value::Null);
    assert!(!home.join(".config").exists(), "no key is made");
    env.extend(&env.rollout(1), &prompt_line("and after that?"));
    assert!(env.append(&[])["checkpoint"]["size"].is_u64());
    let keys = home.join(".config/codex-ledger/keys");
    let key = fs::read_dir(&keys).unwrap().map(|entry| entry.unwrap().path());
    let key =
        key.into_iter().find(|path| path.extension().is_some_and(|end| end == "key")).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    env.extend(&env.rollout(1), &prompt_line("and then?"));
    let done = env.run(["append".as_ref(), env.codex().as_os_str()]).expect(1);
    assert!(done.stderr.contains("not signed: ") && done.stderr.contains("chmod 600"));
    let audit = env.run(["audit"]).expect(0);
    assert!(audit.stderr.contains("others can read this key"), "{}", audit.stderr);
}

/// Whoever knows why may sign what no longer fits; what was signed before stays in the log.
#[test]
fn signing_anew_keeps_what_was_signed_before() {
    let env = ledger();
    let old = env.path("old");
    copy_tree(&env.ledger(), &old);
    env.extend(&env.rollout(1), &prompt_line("and tomorrow?"));
    let signed = env.append(&[])["checkpoint"].clone();
    fs::remove_dir_all(env.ledger()).unwrap();
    copy_tree(&old, &env.ledger());
    assert!(finding(&env).contains("the folder was put back"));
    env.run(["audit", "checkpoint"]).refused(&["--anew"]);
    env.run(["audit", "checkpoint", "--anew"]).refused(&["--reason"]);
    env.run(["audit", "checkpoint", "--anew", "--reason", " "]).refused(&["reason"]);
    env.ok(["audit", "checkpoint", "--anew", "--reason", "restored from the backup of Monday"]);
    env.audits_clean();
    let log = env.json(["audit", "log", "--kind", "sign_anew"]);
    assert!(log["actions"][0]["reason"].as_str().unwrap().contains("backup of Monday"), "{log}");
    let seq = log["actions"][0]["seq"].to_string();
    let kept = env.ok(["show", "--raw", "--entry", &seq]);
    let root = signed["root"].as_str().unwrap();
    let root: Vec<u8> = (0..root.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&root[at..at + 2], 16).unwrap())
        .collect();
    let text = String::from_utf8_lossy(&kept.stdout).into_owned();
    let is_root = |line: &str| base64_of(line).is_some_and(|bytes| bytes == root);
    assert!(text.lines().any(is_root), "the checkpoint that no longer fits: {text}");
    // An append goes on from there.
    env.append(&[]);
    env.audits_clean();
}

/// What is not in the alphabet is none.
fn base64_of(line: &str) -> Option<Vec<u8>> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut out) = (0_u32, 0, Vec::new());
    for byte in line.trim_end_matches('=').bytes() {
        bits = bits << 6 | LETTERS.iter().position(|letter| *letter == byte)? as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Some(out)
}

/// Somebody who can write the folder removes the checkpoint: the key knows that there was one.
#[test]
fn a_checkpoint_that_is_gone_is_missed() {
    let env = ledger();
    fs::remove_file(env.ledger().join("checkpoint")).unwrap();
    assert!(finding(&env).contains("somebody has removed it"));
    let done = env.run(["append".as_ref(), env.codex().as_os_str()]).expect(0);
    assert!(done.stderr.is_empty(), "nothing new, nothing to sign: {}", done.stderr);
    env.extend(&env.rollout(1), &prompt_line("and tomorrow?"));
    let done = env.run(["append".as_ref(), env.codex().as_os_str()]).expect(1);
    assert!(done.stderr.contains("not signed: "), "{}", done.stderr);
}

/// A writer was stopped before the checkpoint, or somebody has put back an older one: the key knows that more is signed, so the
/// same is said as before, and the next append writes it again.
#[test]
fn an_older_checkpoint_takes_nothing_of_what_was_signed() {
    let env = ledger();
    let file = env.ledger().join("checkpoint");
    let older = fs::read(&file).unwrap();
    env.extend(&env.rollout(1), &prompt_line("and tomorrow?"));
    env.append(&[]);
    let (last, said) = (fs::read(&file).unwrap(), vouched(&env));
    let report = env.ok(["report", "--format", "md"]);
    fs::write(&file, &older).unwrap();
    assert_eq!(vouched(&env), said);
    assert_eq!(env.ok(["report", "--format", "md"]).text(), report.text());
    env.append(&[]);
    assert_eq!(fs::read(&file).unwrap(), last, "what was signed is there again");
}

/// What others record between two appends is signed by the next one, even if that has nothing new.
#[test]
fn an_append_signs_what_was_recorded_since() {
    let env = ledger();
    env.ok(["tag", "add", "wet", &thread(1)]);
    let size = env.json(["status"])["head"]["size"].clone();
    assert_ne!(vouched(&env)["size"], size);
    assert_eq!(env.append(&[])["checkpoint"]["size"], size);
    assert_eq!(vouched(&env)["size"], size);
    assert_eq!(env.append(&[])["checkpoint"], Value::Null);
}

/// A second key of the same secret, which quantum computers do not break, signs beside the first where that is wanted.
#[test]
fn a_checkpoint_is_signed_by_two_kinds_of_keys() {
    let env = TestEnvironment::new();
    let config = env.path("quantum.toml");
    env.write(&config, b"[checkpoint]\npost_quantum = true\n");
    env.write(&env.rollout(1), &session(1, 2));
    let config = config.display().to_string();
    env.append(&["--config", &config]);
    let path = env.path("two");
    let file = path.display().to_string();
    let made = env.json(["audit", "checkpoint", "-o", &file, "--config", &config]);
    for key in ["public_key", "post_quantum_key"] {
        assert_eq!(verify(&env, &path, made[key].as_str().unwrap())["ok"], true, "{key}");
    }
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches('\u{2014}').count(), 2);
    let beside = made["post_quantum_key"].as_str().unwrap();
    fs::write(&path, text.replacen("\n\n", "\nmore\n\n", 1)).unwrap();
    assert_eq!(verify(&env, &path, made["public_key"].as_str().unwrap())["ok"], false);
    let last = text.lines().last().unwrap();
    let changed = last.replacen("AAAA", "AAAB", 1);
    fs::write(&path, text.replace(last, &changed)).unwrap();
    assert_eq!(verify(&env, &path, beside)["ok"], false);
    // On the machine where the key is, a damaged line is found, too.
    let own = env.ledger().join("checkpoint");
    let sound = fs::read_to_string(&own).unwrap();
    let last = sound.lines().last().unwrap();
    fs::write(&own, sound.replace(last, &last.replacen("AAAA", "AAAB", 1))).unwrap();
    let audit = env.run(["audit", "--no-views", "--json", "--config", &config]).expect(1).json();
    let detail = audit["findings"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("not what this ledger's key makes"), "{detail}");
    // So is one that is gone; the next command that signs makes it.
    fs::write(&own, sound.replace(&format!("{last}\n"), "")).unwrap();
    let audit = env.run(["audit", "--no-views", "--json", "--config", &config]).expect(1).json();
    let detail = audit["findings"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("no signature of the ML-DSA-44 key"), "{detail}");
    env.ok(["audit", "checkpoint", "--config", &config]);
    assert_eq!(fs::read_to_string(&own).unwrap(), sound);
    // Who knows only the first key does without the second.
    assert_ne!(by_script(&path, made["public_key"].as_str().unwrap()), Some(false));
    env.audits_clean();
}
