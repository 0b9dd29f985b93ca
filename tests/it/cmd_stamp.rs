//! Time stamps, and checkpoints in git: what others keep of a ledger.

use crate::cli_support::{TestEnvironment, prompt_line, session};
use crate::support::{http, skip};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn ledger() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &session(1, 2));
    env.append(&[]);
    env
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

fn grow(env: &TestEnvironment, text: &str) {
    env.extend(&env.rollout(1), &prompt_line(text));
    env.append(&[]);
}

/// Runs a program of the machine in a folder; what it says.
fn run(dir: &Path, program: &str, args: &[&str]) -> String {
    let mut command = Command::new(program);
    command.current_dir(dir).args(args).env("HOME", dir).env("GIT_CONFIG_NOSYSTEM", "1");
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    said
}

fn is_missing(program: &str, version: &str, test: &str) -> bool {
    let is_missing = Command::new(program).arg(version).output().is_err();
    if is_missing {
        skip(test, &format!("{program} is not installed"));
    }
    is_missing
}

/// A time stamping authority, which OpenSSL is.
struct Authority {
    dir: PathBuf,
}

impl Authority {
    fn new(dir: PathBuf) -> Authority {
        fs::create_dir_all(&dir).unwrap();
        let authority = Authority { dir };
        let usage = "extendedKeyUsage=critical,timeStamping";
        let make = |subject: &str, name: &str, more: &[&str]| {
            let (key, out) = (format!("{name}.key"), format!("{name}.pem"));
            let args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
            let rest = ["-nodes", "-days", "9000", "-subj", subject, "-keyout", &key, "-out", &out];
            run(&authority.dir, "openssl", &[&args[..], &rest, more].concat());
        };
        make("/CN=Example Root", "root", &["-addext", "basicConstraints=critical,CA:TRUE"]);
        let by = ["-CA", "root.pem", "-CAkey", "root.key"];
        let no = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", usage];
        make("/CN=Example Time", "time", &[&by[..], &no].concat());
        let config = "[tsa]\ndefault_tsa = this\n[this]\nserial = ./serial\nsigner_cert = ./time.pem\n\
            signer_key = ./time.key\nsigner_digest = sha256\ndefault_policy = 1.2.3.4.1\ndigests = sha256\n";
        fs::write(authority.dir.join("config"), config).unwrap();
        fs::write(authority.dir.join("serial"), "01\n").unwrap();
        authority
    }

    fn root(&self) -> PathBuf {
        self.dir.join("root.pem")
    }

    /// What it answers to a request.
    fn answer(&self, request: &[u8]) -> Vec<u8> {
        fs::write(self.dir.join("request"), request).unwrap();
        let args = ["ts", "-reply", "-config", "config", "-queryfile", "request", "-out", "answer"];
        run(&self.dir, "openssl", &args);
        fs::read(self.dir.join("answer")).unwrap()
    }

    /// A configuration that trusts it.
    fn trusted(&self, env: &TestEnvironment) -> String {
        let path = env.path("stamped.toml");
        let root = name(&self.root());
        env.write(&path, format!("[checkpoint]\ntime_authorities = ['{root}']\n").as_bytes());
        name(&path)
    }
}

fn audited(env: &TestEnvironment, config: &str) -> Value {
    env.run(["audit", "--no-views", "--json", "--config", config]).json()
}

#[test]
fn an_authority_says_when_the_ledger_was_there() {
    if is_missing("openssl", "version", "time stamps") {
        return;
    }
    let env = ledger();
    let authority = Authority::new(env.path("authority"));
    let config = authority.trusted(&env);
    let with = ["--config", config.as_str()];
    let file = name(&env.path("stamped"));
    let answer = format!("{file}.tsr");
    env.ok(["audit", "stamp", "-o", &file]);
    let request = fs::read(format!("{file}.tsq")).unwrap();
    assert!(audited(&env, &config)["stamps"].as_array().unwrap().is_empty());
    // The ledger may grow while somebody carries the request away.
    grow(&env, "and tomorrow?");
    fs::write(&answer, authority.answer(&request)).unwrap();
    env.run(["audit", "attach", &answer]).refused(&["no authority is trusted"]);
    let attach = || env.run([&["audit", "attach", &answer, "--json"][..], &with].concat());
    let kept = attach().expect(0).json()["stamps"][0].clone();
    assert_eq!(attach().expect(0).json()["stamps"][0], kept, "twice is once");
    assert_eq!(kept["by"], "CN=Example Time");
    let audit = audited(&env, &config);
    assert_eq!((&audit["ok"], &audit["stamps"][0]), (&true.into(), &kept));
    let text = env.run([&["audit", "--no-views"][..], &with].concat()).expect(0);
    assert!(text.text().contains("says CN=Example Time"), "{}", text.text());

    // What nobody has signed is not kept, whoever stamps it.
    let unsigned = env.path("unsigned");
    let text = fs::read_to_string(&file).unwrap();
    let (body, signature) = text.split_once("\u{2014} ").unwrap();
    let at = signature.trim_end().len() - 8;
    let letter = if signature.as_bytes()[at] == b'A' { "B" } else { "A" };
    let mut other = signature.to_string();
    other.replace_range(at..=at, letter);
    fs::write(&unsigned, format!("{body}\u{2014} {other}")).unwrap();
    let query = ["ts", "-query", "-data", &name(&unsigned), "-sha256", "-cert", "-out", "query"];
    run(&authority.dir, "openssl", &query);
    let query = fs::read(authority.dir.join("query")).unwrap();
    let stamped = name(&env.path("unsigned.tsr"));
    fs::write(&stamped, authority.answer(&query)).unwrap();
    env.run([&["audit", "attach", &stamped][..], &with].concat())
        .refused(&["not signed by a key of this ledger"]);

    // Anybody can check it, with this program or another one.
    let (seq, out) = (kept["seq"].to_string(), name(&env.path("given")));
    env.ok([&["audit", "stamp", "--entry", &seq, "-o", &out][..], &with].concat());
    let (token, root) = (format!("{out}.tsr"), name(&authority.root()));
    let args = ["audit", "verify", &token, "--stamped", &out, "--authority", &root, "--json"];
    let said = env.run(args).expect(0).json();
    assert_eq!((&said["ok"], &said["at_secs"]), (&true.into(), &kept["at_secs"]));
    let args = ["ts", "-verify", "-in", &token, "-data", &out, "-CAfile", &root];
    run(&authority.dir, "openssl", &args);
    let other = env.path("other");
    fs::write(&other, "other\n").unwrap();
    let args = ["audit", "verify", &token, "--stamped", &name(&other), "--authority", &root];
    assert!(env.run(args).expect(1).text().contains("of other bytes"));
    let stranger = Authority::new(env.path("stranger"));
    let args =
        ["audit", "verify", &token, "--stamped", &out, "--authority", &name(&stranger.root())];
    assert!(env.run(args).expect(1).text().contains("does not lead to a trusted one"));

    // Whose authority is another one has a finding, and so has who was put back.
    let config = stranger.trusted(&env);
    let audit = audited(&env, &config);
    assert_eq!(
        (&audit["ok"], &audit["findings"][0]["kind"]),
        (&false.into(), &"checkpoint".into())
    );
    env.run(["audit", "stamp", "--config", &config]).expect(1);
    // Where nobody is trusted, nobody can tell: that is no finding, and is said.
    let audit = env.run(["audit", "--no-views", "--json"]).expect(0).json();
    assert!(audit["stamps"][0]["refused"].as_str().unwrap().contains("not checked"), "{audit}");
    let text = env.run(["audit", "--no-views"]).expect(0);
    assert!(text.text().contains("1 time stamp, not checked"), "{}", text.text());
    attach().refused(&["does not lead to a trusted one"]);
    env.audits_clean();
}

#[test]
fn an_authority_on_the_network_is_asked() {
    if is_missing("openssl", "version", "time stamps over HTTP") {
        return;
    }
    let env = ledger();
    let authority = Authority::new(env.path("authority"));
    env.run(["audit", "stamp", "--ask", "http://127.0.0.1:1"])
        .refused(&["no authority is trusted"]);
    let config = authority.trusted(&env);
    let ask = |url: &str| env.run(["audit", "stamp", "--ask", url, "--config", &config, "--json"]);
    ask("http://127.0.0.1:1").refused(&["http://127.0.0.1:1"]);
    let (url, server) = http::serve(|_, _| (200, b"<html>".to_vec()));
    ask(&url).refused(&["no time stamp (RFC 3161)"]);
    server.join().unwrap();
    // An old answer is no answer.
    let plain = name(&env.path("plain"));
    env.ok(["audit", "stamp", "-o", &plain]);
    let old = authority.answer(&fs::read(format!("{plain}.tsq")).unwrap());
    let (url, server) = http::serve(move |_, _| (200, old.clone()));
    ask(&url).refused(&["answers another request"]);
    server.join().unwrap();
    let kept = || env.run(["audit", "stamp", "--json", "--config", &config]).expect(0).json();
    assert_eq!(kept()["stamps"], Value::Array(Vec::new()));
    let (url, server) = http::serve(move |_, body| (200, authority.answer(body)));
    let asked = ask(&format!("{url}/tsr")).expect(0).json();
    assert_eq!(server.join().unwrap(), [200]);
    assert_eq!(asked["stamps"][0]["by"], "CN=Example Time");
    assert_eq!(asked["stamps"][0]["refused"], Value::Null);
    assert_eq!(kept()["stamps"], asked["stamps"]);
    let page = env.run(["audit", "--no-views", "--format", "md", "--config", &config]).expect(0);
    assert!(page.text().contains("time stamp over"), "{}", page.text());
    env.audits_clean();
}

#[test]
fn checkpoints_travel_with_a_repository() {
    if is_missing("git", "--version", "checkpoints in git") {
        return;
    }
    let env = ledger();
    let repository = env.path("repository");
    fs::create_dir_all(&repository).unwrap();
    let config = env.path("git.toml");
    let text = format!("[checkpoint]\nexport_git = '{}'\n", name(&repository));
    env.write(&config, text.as_bytes());
    let config = name(&config);
    let append = || {
        grow(&env, "and now?");
        env.run(["audit", "checkpoint", "--config", &config])
    };
    append().refused(&["git"]);
    // A name that leads nowhere is found before anything is signed.
    let missing = env.path("missing.toml");
    let text = "[checkpoint]\nexport_git = 'no/repository'\ntime_authorities = ['no.pem']\n";
    env.write(&missing, text.as_bytes());
    let checked = env.run(["config", "check", "--config", &name(&missing)]).expect(1);
    for word in ["checkpoint.export_git", "checkpoint.time_authorities", "no.pem"] {
        assert!(checked.text().contains(word), "{word}: {}", checked.text());
    }
    run(&repository, "git", &["init", "-q"]);
    append().refused(&["git"]);
    // What lies in a repository is not run.
    let hook = repository.join(".git/hooks/reference-transaction");
    let marker = env.path("hook-ran");
    fs::write(&hook, format!("#!/bin/sh\ntouch '{}'\n", name(&marker))).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
    let quiet = ["-c", "core.hooksPath=/dev/null", "commit", "-q", "--allow-empty", "-m", "first"];
    run(&repository, "git", &[&identity[..], &quiet].concat());
    append().expect(0);
    append().expect(0);
    assert!(!marker.exists(), "a hook of the repository ran");
    let log = env.json(["audit", "checkpoint"])["origin"].as_str().unwrap().to_string();
    let shown = || run(&repository, "git", &["notes", "--ref", &log, "show", "HEAD"]);
    assert_eq!(shown().matches("codex-ledger/").count(), 2, "the last one, and its signature");
    let against = || env.run(["audit", "--against", &name(&repository), "--json"]);
    assert_eq!(against().expect(0).json()["against"]["verdict"], "consistent");
    // Remarks of people are passed over, and nothing is written into them.
    let more = [&identity[..], &["commit", "-q", "--allow-empty", "-m", "second"]].concat();
    run(&repository, "git", &[&["-c", "core.hooksPath=/dev/null"][..], &more].concat());
    let remark = ["notes", "--ref", &log, "add", "-m", "a remark"];
    run(
        &repository,
        "git",
        &[&["-c", "core.hooksPath=/dev/null"][..], &identity, &remark].concat(),
    );
    append().refused(&["is no checkpoint"]);
    let said = against().expect(0);
    assert!(said.stderr.contains("1 note that"), "{}", said.stderr);
    // The folder is put back: the repository knows better.
    let other = ledger();
    fs::remove_dir_all(env.ledger()).unwrap();
    crate::cli_support::copy_tree(&other.ledger(), &env.ledger());
    against().refused(&["no checkpoint in its notes"]);
}

/// A pipe in the place of the file that collects checkpoints is not waited for.
#[cfg(unix)]
#[test]
fn checkpoints_are_written_into_files_only() {
    let env = ledger();
    let (pipe, config) = (env.path("pipe"), env.path("pipe.toml"));
    if Command::new("mkfifo").arg(&pipe).status().is_err() {
        skip("checkpoints into a pipe", "mkfifo is not installed");
        return;
    }
    env.write(&config, format!("[checkpoint]\nexport = '{}'\n", name(&pipe)).as_bytes());
    grow(&env, "and tomorrow?");
    env.run(["audit", "checkpoint", "--config", &name(&config)]).refused(&["it is no file"]);
}

/// A repository that came from somebody else runs nothing and fetches nothing here.
#[cfg(unix)]
#[test]
fn a_hostile_repository_is_only_read() {
    if is_missing("git", "--version", "hostile repositories") {
        return;
    }
    let env = ledger();
    let repository = env.path("repository");
    fs::create_dir_all(&repository).unwrap();
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
        run(&repository, "git", &[&identity[..], args].concat())
    };
    git(&["init", "-q"]);
    git(&["commit", "-q", "--allow-empty", "-m", "first"]);
    let config = env.path("git.toml");
    let text = format!("[checkpoint]\nexport_git = '{}'\n", name(&repository));
    env.write(&config, text.as_bytes());
    env.run(["audit", "checkpoint", "--config", &name(&config)]).expect(0);
    let against = || env.run(["audit", "--against", &name(&repository)]);
    against().expect(0);
    // The note is missing, and the repository says what brings it.
    let log = env.json(["audit", "checkpoint"])["origin"].as_str().unwrap().to_string();
    let list = git(&["notes", "--ref", &log, "list"]);
    let blob = list.split(' ').next().unwrap();
    let marker = env.path("ran");
    let command = format!("touch '{}'; false ", name(&marker));
    for (key, value) in [
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.url", "."),
        ("remote.origin.promisor", "true"),
        ("remote.origin.uploadpack", command.as_str()),
    ] {
        git(&["config", key, value]);
    }
    let (folder, rest) = blob.split_at(2);
    fs::remove_file(repository.join(".git/objects").join(folder).join(rest)).unwrap();
    against().refused(&["git"]);
    assert!(!marker.exists(), "a command of the repository ran");
    // A folder within it is no repository.
    let inner = repository.join("inner");
    fs::create_dir_all(&inner).unwrap();
    env.run(["audit", "--against", &name(&inner)]).refused(&["not a git repository"]);
}
