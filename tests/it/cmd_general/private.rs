//! Whom the files are for that the program makes.

use crate::cli_support::{TestEnvironment, prompt_line, session, thread};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

/// Everything below a folder but links, with the folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let all = walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.unwrap());
    all.filter(|entry| !entry.path_is_symlink()).map(|entry| entry.into_path()).collect()
}

/// What others may read, write or enter.
fn exposed(folder: &Path) -> Vec<PathBuf> {
    below(folder).into_iter().filter(|path| mode(path) & 0o077 != 0).collect()
}

/// Runs the program with the mask that most people have.
#[track_caller]
fn ok(env: &TestEnvironment, args: &[&str]) -> String {
    let program = env.command(args);
    let mut command = Command::new("sh");
    command.args(["-c", "umask 022; exec \"$0\" \"$@\""]).arg(program.get_program());
    command.args(program.get_args()).current_dir(env.work()).env_clear();
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let done = command.env("PATH", "/usr/bin:/bin").output().unwrap();
    let stderr = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(0), "{args:?}: {stderr}");
    stderr
}

#[test]
fn what_the_program_makes_is_its_owners_alone() {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &session(1, 3));
    let codex = env.codex().display().to_string();
    let out = |name: &str| env.path("out").join(name).display().to_string();
    fs::create_dir(env.path("out")).unwrap();
    ok(&env, &["append", &codex]);
    env.extend(&env.rollout(1), &prompt_line("moor at the mole"));
    ok(&env, &["append", &codex]);
    ok(&env, &["search", "mole"]);
    ok(&env, &["redact", "--literal", "mole", "--reason", "a test"]);
    ok(&env, &["search", "moor"]);
    ok(&env, &["rebuild-views"]);
    ok(&env, &["report", "--mode", "full", "-o", &out("report.md")]);
    ok(&env, &["group", &thread(1), "-o", &out("group.md")]);
    ok(&env, &["redact", "preview", "--html", &out("preview.html"), "--reason", "a test"]);
    ok(&env, &["export", "-o", &out("bundle"), "--reason", "a test"]);
    ok(&env, &["audit"]);
    let made = below(&env.ledger()).len();
    assert!(made > 12, "{made} files and folders");
    assert_eq!(exposed(&env.ledger()), Vec::<PathBuf>::new());
    let outputs: Vec<_> = ["report.md", "group.md", "preview.html", "bundle"]
        .iter()
        .flat_map(|name| exposed(&env.path("out").join(name)))
        .collect();
    assert_eq!(outputs, Vec::<PathBuf>::new());
    // The default place is made for its owner too, with the folders above it.
    let place = env.path("home/.local/share/codex-ledger");
    let program = env.command(["append", codex.as_str()]);
    let mut command = Command::new(program.get_program());
    command.args(program.get_args()).env_clear().env("HOME", env.path("home"));
    assert!(command.output().unwrap().status.success());
    assert_eq!(exposed(&env.path("home/.local")), Vec::<PathBuf>::new());
    assert!(place.join("HEAD").exists());
}

/// Pages are meant to be served: they are made as any other program would make them.
#[test]
fn published_pages_keep_the_persons_mask() {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &session(1, 1));
    ok(&env, &["append", &env.codex().display().to_string()]);
    let pages = env.path("pages");
    ok(&env, &["report", "--publish", &pages.display().to_string()]);
    let all = below(&pages);
    assert!(all.len() > 3, "{all:?}");
    for path in all {
        let wanted = if path.is_dir() { 0o755 } else { 0o644 };
        assert_eq!(mode(&path), wanted, "{}", path.display());
    }
    assert_eq!(exposed(&env.ledger()), Vec::<PathBuf>::new(), "reading it changed nothing");
}

#[test]
fn an_older_ledger_is_tightened_by_the_first_write() {
    let env = TestEnvironment::with_session(1);
    for path in below(&env.ledger()) {
        let open = if path.is_dir() { 0o755 } else { 0o644 };
        fs::set_permissions(&path, Permissions::from_mode(open)).unwrap();
    }
    ok(&env, &["sessions"]);
    assert!(!exposed(&env.ledger()).is_empty(), "reading changes nothing");
    let note = ["tag", "add", "harbour", &thread(1)];
    let said = ok(&env, &note);
    assert!(said.contains("yours alone") && said.lines().count() == 1, "{said}");
    assert_eq!(exposed(&env.ledger()), Vec::<PathBuf>::new());
    assert_eq!(ok(&env, &["tag", "add", "mole", &thread(1)]), "", "said once");
    env.audits_clean();
}

#[test]
fn a_directory_that_everybody_may_write_is_refused() {
    let env = TestEnvironment::with_session(1);
    let codex = env.codex().display().to_string();
    fs::set_permissions(env.ledger(), Permissions::from_mode(0o777)).unwrap();
    for command in [&["append", &codex][..], &["sessions"], &["status"], &["audit"]] {
        env.run(command).refused(&["everybody may write", "chmod"]);
    }
    fs::set_permissions(env.ledger(), Permissions::from_mode(0o775)).unwrap();
    env.ok(["append", codex.as_str()]);
    let fresh = env.path("fresh");
    fs::create_dir(&fresh).unwrap();
    fs::set_permissions(&fresh, Permissions::from_mode(0o1777)).unwrap();
    for more in [&[codex.as_str()][..], &["--sample"]] {
        let args = ["append", "--ledger", fresh.to_str().unwrap()];
        env.run(args.iter().chain(more)).refused(&["everybody may write"]);
    }
    assert_eq!(below(&fresh).len(), 1, "nothing was made in it");
}
