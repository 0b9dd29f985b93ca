//! Sources that cannot be read, or that hold what no record is: reported, and the rest goes on.

use crate::cli_support::{TestEnvironment, compressed, lines_of, prompt_line, session, thread};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

fn reason_of<'a>(done: &'a Value, path: &Path) -> &'a str {
    let problems = done["problems"].as_array().unwrap();
    let found = problems.iter().find(|p| p["path"] == path.display().to_string());
    found.unwrap_or_else(|| panic!("no problem of {}: {done}", path.display()))["reason"]
        .as_str()
        .unwrap()
}

/// An environment with one sound session, which every test wants to find appended.
fn sound() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &session(1, 2));
    env
}

fn sound_is_there(env: &TestEnvironment, done: &Value) {
    assert!(done["bytes"]["appended"].as_u64().unwrap() >= session(1, 2).len() as u64, "{done}");
    assert_eq!(env.raw(&thread(1), &[]), session(1, 2));
    env.audits_clean();
}

fn named_pipe(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let made = Command::new("mkfifo").arg(path).status().expect("mkfifo runs");
    assert!(made.success());
}

#[test]
fn a_folder_that_does_not_exist() {
    let env = sound();
    let missing = env.path("nowhere");
    let done = env.append_roots(&[missing.clone(), env.codex()], &[]);
    assert!(reason_of(&done, &missing).contains("No such file"), "{done}");
    assert_eq!(done["files"]["failed"], 1);
    sound_is_there(&env, &done);
    env.run(["append".as_ref(), missing.as_os_str()]).refused(&["nowhere"]);
}

#[test]
fn a_named_pipe_is_not_opened() {
    let env = sound();
    let (given, inside) = (env.path("pipe.jsonl"), env.rollout(2));
    named_pipe(&given);
    named_pipe(&inside);
    let done = env.append_roots(&[given.clone(), env.codex()], &[]);
    assert!(reason_of(&done, &given).contains("neither a folder nor a regular file"), "{done}");
    assert!(reason_of(&done, &inside).contains("not a regular file"), "{done}");
    sound_is_there(&env, &done);
}

/// A link may lead to something that never ends or never begins.
#[test]
fn links_to_pipes_and_devices_are_named_and_not_opened() {
    let env = sound();
    let pipe = env.path("pipe");
    named_pipe(&pipe);
    let given = env.path("given.jsonl");
    symlink(&pipe, &given).unwrap();
    let inside = [(2, "/dev/zero"), (3, "/dev/tty"), (4, pipe.to_str().unwrap())];
    for (number, target) in inside {
        symlink(target, env.rollout(number)).unwrap();
    }
    symlink(&pipe, env.codex().join("history.jsonl")).unwrap();
    symlink(&pipe, env.codex().join("state_5.sqlite")).unwrap();
    let done = env.append_roots(&[given.clone(), env.codex()], &[]);
    assert!(reason_of(&done, &given).contains("regular file"), "{done}");
    for (number, _) in inside {
        assert!(reason_of(&done, &env.rollout(number)).contains("regular file"), "{done}");
    }
    sound_is_there(&env, &done);
    let status = env.command(["status"]).env("CODEX_HOME", env.codex()).output().unwrap();
    assert!(status.status.success());
}

#[test]
fn an_empty_file_and_a_folder_with_a_rollouts_name() {
    let env = sound();
    env.write(&env.rollout(2), b"");
    env.write(&env.codex().join("history.jsonl"), b"");
    let folder = env.codex().join("sessions").join(env.rollout(3).file_name().unwrap());
    env.write(&folder.join(env.rollout(4).file_name().unwrap()), &session(4, 1));
    let done = env.append(&[]);
    assert_eq!((&done["files"]["seen"], &done["files"]["failed"]), (&4.into(), &0.into()));
    assert_eq!(done["problems"], serde_json::json!([]));
    assert_eq!(env.count("SELECT count(*) FROM sessions"), 2);
    sound_is_there(&env, &done);
    let before = env.json(["status"]);
    assert_eq!(env.append(&[])["head"], before["head"]);
}

#[test]
fn a_compressed_file_that_was_cut_short_and_then_came_whole() {
    let env = sound();
    let text = [session(2, 4), prompt_line(&noise(300_000))].concat();
    let zst = compressed(&text);
    let path = PathBuf::from(format!("{}.zst", env.rollout(2).display()));
    for len in [0, 3, zst.len() / 2, zst.len() - 1] {
        env.write(&path, &zst[..len]);
        for _ in 0..2 {
            let done = env.append(&[]);
            assert_eq!(done["files"]["failed"], 1, "{len} bytes: {done}");
            reason_of(&done, &path);
            assert_eq!(env.raw(&thread(1), &[]), session(1, 2));
        }
        // Also where not a byte of it could be read; said once for what was read so far.
        let told = env.count("SELECT count(*) FROM actions WHERE verb = 'damaged'");
        assert!(if len < 4 { told == 1 } else { told >= 1 }, "{len} bytes: told {told} times");
        let report = env.json(["report", "--format", "json"]);
        assert_eq!(report["transparency"]["coverage"]["problems"], 1, "{len} bytes");
    }
    env.write(&path, &zst);
    let done = env.append(&[]);
    assert_eq!(done["files"]["failed"], 0, "{done}");
    assert_eq!(done["problems"], serde_json::json!([]));
    assert_eq!(env.raw(&thread(2), &[]), text);
    assert_eq!(env.count("SELECT count(*) FROM streams"), 2, "no generation was opened in vain");
    env.audits_clean();
}

#[test]
fn what_is_not_read_is_named_as_such() {
    let env = sound();
    let zst = |number| PathBuf::from(format!("{}.zst", env.rollout(number).display()));
    let text = [session(2, 4), prompt_line(&noise(900_000)), prompt_line(&noise(300_000))].concat();
    let cut = compressed(&text);
    env.write(&zst(2), &cut[..cut.len() - 1]);
    env.write(&zst(3), &compressed(&session(3, 1))[..3]);
    env.write(&zst(4), &session(4, 1));
    let gzip = PathBuf::from(format!("{}.gz", env.rollout(5).display()));
    env.write(&gzip, b"\x1f\x8b\x08");
    env.extend(&env.rollout(1), b"no record\n");
    let text = env.run(["append".as_ref(), env.codex().as_os_str()]).expect(1).text().to_string();
    let (kept, unread) = text.split_once("3 files not read, or not to the end:").expect(&text);
    assert!(kept.contains("1 problem (kept byte for byte):"), "{text}");
    let says = |path: &Path, words: &str| {
        let mut lines = unread.lines();
        lines.find(|line| line.contains(&*path.to_string_lossy()));
        let line = lines.next();
        assert!(line.is_some_and(|line| line.contains(words)), "{text}");
    };
    says(&zst(2), "the lines before that are kept");
    says(&zst(3), "incomplete frame");
    says(&gzip, "gzip");
    assert_eq!(env.raw(&thread(4), &[]), session(4, 1), "read as what it is");
    assert!(!env.raw(&thread(2), &[]).is_empty());
    let done = env.append(&[]);
    assert_eq!(done["problems"][0]["kept"], false);
    assert_eq!(done["files"]["failed"], 3);
}

#[test]
fn a_damaged_source_is_named_wherever_its_lines_are_shown() {
    let env = sound();
    let text = [session(2, 4), prompt_line(&noise(900_000)), prompt_line(&noise(300_000))].concat();
    let path = PathBuf::from(format!("{}.zst", env.rollout(2).display()));
    let whole = compressed(&text);
    let mut zst = whole.clone();
    let last = zst.len() - 1;
    zst[last] ^= 1;
    env.write(&path, &zst);
    env.append(&[]);
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    for _ in 0..2 {
        let damaged = env.json(["status"])["coverage"]["damaged"].clone();
        assert_eq!(damaged.as_array().map(Vec::len), Some(1), "{damaged}");
        assert!(damaged[0]["path"].as_str().unwrap().ends_with(&name), "{damaged}");
        let status = env.ok(["status"]);
        assert!(status.text().contains("damaged   "), "{}", status.text());
        let report = env.json(["report", "--session", &thread(2)]);
        let problems = &report["transparency"]["coverage"]["problem_list"];
        assert!(problems.as_array().unwrap().iter().any(|of| of["path"] == *name), "{problems}");
        let other = env.json(["report", "--session", &thread(1)]);
        assert_eq!(other["transparency"]["coverage"]["problems"], 0);
        let before = env.json(["status"]);
        assert_eq!(env.append(&[])["head"], before["head"], "it is said once");
    }
    env.audits_clean();
}

#[test]
fn a_compressed_file_beside_its_plain_one_is_no_problem() {
    let env = sound();
    let text = session(2, 4);
    env.write(&env.rollout(2), &text);
    let half: Vec<u8> =
        text.split_inclusive(|byte| *byte == b'\n').take(3).flatten().copied().collect();
    env.write(&PathBuf::from(format!("{}.zst", env.rollout(2).display())), &compressed(&half));
    for _ in 0..2 {
        assert_eq!(env.append(&[])["problems"], serde_json::json!([]));
        assert_eq!(env.raw(&thread(2), &[]), text);
    }
}

/// Text that does not shrink when compressed, always the same.
fn noise(len: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + (state % 26) as u8)
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn a_compressed_file_that_is_none() {
    let env = sound();
    let path = PathBuf::from(format!("{}.zst", env.rollout(2).display()));
    env.write(&path, b"high water");
    let done = env.append(&[]);
    reason_of(&done, &path);
    assert_eq!(done["bytes"]["skipped"], 10);
    sound_is_there(&env, &done);
    env.write(&path, &compressed(&session(2, 1)));
    assert_eq!(env.append(&[])["files"]["failed"], 0);
    assert_eq!(env.raw(&thread(2), &[]), session(2, 1));
}

#[test]
fn links_that_lead_nowhere_or_in_circles() {
    let env = sound();
    symlink("nothing", env.rollout(2)).unwrap();
    symlink(env.codex(), env.codex().join("sessions/circle")).unwrap();
    symlink(env.rollout(1), env.codex().join("sessions").join(env.rollout(1).file_name().unwrap()))
        .unwrap();
    let done = env.append(&[]);
    assert_eq!(done["files"]["seen"], 1, "{done}");
    assert!(reason_of(&done, &env.codex().join("sessions/circle")).contains("link"), "{done}");
    reason_of(&done, &env.rollout(2));
    sound_is_there(&env, &done);
}

#[test]
fn a_file_that_may_not_be_read() {
    let env = sound();
    let path = env.rollout(2);
    env.write(&path, &session(2, 1));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // Permissions bind everybody but root, whom only a file without readable bytes stops.
    let binds = fs::File::open(&path).is_err();
    if !binds {
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/proc/self/mem", &path).unwrap();
    }
    let done = env.append(&[]);
    assert!(!reason_of(&done, &path).is_empty(), "{done}");
    assert_eq!(done["files"]["failed"], 1);
    if binds {
        assert_eq!(done["bytes"]["skipped"], session(2, 1).len());
    } else {
        fs::remove_file(&path).unwrap();
        env.write(&path, &session(2, 1));
    }
    sound_is_there(&env, &done);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(env.append(&[])["bytes"]["appended"], session(2, 1).len());
}

#[test]
fn names_that_are_no_text_and_files_of_any_name() {
    let env = sound();
    let odd = env.path("").join(OsStr::from_bytes(b"lo\xffgs")).join("sessions");
    let inside = odd.join(env.rollout(2).file_name().unwrap());
    env.write(&inside, &session(2, 1));
    let given = env.path("notes of mine.txt");
    env.write(&given, b"{\"text\":\"x\"}\nplain words\n");
    let roots = [env.codex(), odd.parent().unwrap().to_path_buf(), given];
    let done = env.append_roots(&roots, &[]);
    assert_eq!(
        (&done["files"]["read"], &done["files"]["failed"]),
        (&3.into(), &0.into()),
        "{done}"
    );
    assert_eq!(env.raw(&thread(2), &[]), session(2, 1));
    assert_eq!(env.count("SELECT count(*) FROM streams WHERE kind = 'file'"), 1);
    sound_is_there(&env, &done);
    let before = env.json(["status"]);
    let again = env.append_roots(&roots, &[]);
    assert_eq!((&again["files"]["unchanged"], &again["head"]), (&3.into(), &before["head"]));
}

/// Kept byte for byte, and named with line and byte.
#[test]
fn lines_that_are_no_records() {
    let env = sound();
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n";
    let mut text = session(2, 1);
    let odd: [&[u8]; 9] = [
        b"{\"type\":\"event_msg\",\"payl\n",
        b"\n",
        b"   \r\n",
        &[&[0u8; 700][..], b"\n"].concat(),
        b"{\"a\":\"\xff\xfe\"}\n",
        b"\xef\xbb\xbf{\"type\":\"unheard_of\",\"payload\":{}}\n",
        b"[1,2,3]\n",
        b"null\n",
        b"<<<<<<< HEAD\r\n",
    ];
    odd.iter().for_each(|line| text.extend_from_slice(line));
    text.extend(prompt_line("still understood"));
    env.write(&env.rollout(2), &text);
    env.write(&env.rollout(3), pointer);
    let done = env.append(&[]);
    assert_eq!(done["lines"]["blank"], 2);
    let problems = done["problems"].as_array().unwrap();
    assert_eq!(done["lines"]["malformed"], problems.len());
    let of = |path: &Path| -> Vec<&Value> {
        problems.iter().filter(|p| p["path"] == path.display().to_string()).collect()
    };
    let lines = lines_of(&text);
    for problem in of(&env.rollout(2)) {
        let line = problem["line"].as_u64().unwrap() as usize;
        let start: usize = lines[..line].iter().map(|line| line.len()).sum();
        let offset = problem["offset"].as_u64().unwrap() as usize;
        assert!((start..start + lines[line].len()).contains(&offset), "{problem}");
    }
    let named: Vec<u64> = of(&env.rollout(2)).iter().filter_map(|p| p["line"].as_u64()).collect();
    for line in [2, 5, 6, 10] {
        assert!(named.contains(&line), "line {line} is named: {problems:?}");
    }
    assert!(!of(&env.rollout(3)).is_empty(), "{problems:?}");
    assert!(done["problems"].to_string().contains("lfs"), "{problems:?}");
    assert_eq!(env.raw(&thread(2), &[]), text);
    assert_eq!(env.raw(&thread(3), &[]), pointer);
    assert_eq!(env.count("SELECT count(*) FROM prompts WHERE text = 'still understood'"), 1);
    sound_is_there(&env, &done);
}

/// What is named by mistake is not taken in; a home whose logs are gone says so and is no error.
#[test]
fn what_is_no_log_is_refused_and_what_is_gone_is_told() {
    let env = sound();
    let notes = env.path("notes.txt");
    env.write(&notes, b"root:x:0:0\nhigh water at noon\n");
    let no = env.run(["append".as_ref(), notes.as_os_str()]).refused(&[
        "no Codex logs",
        "notes.txt",
        "does not begin",
    ]);
    assert!(!no.stderr.contains("root"));
    // Under a log's own name it may be a damaged log.
    env.write(&env.rollout(2), b"root:x:0:0\n");
    env.append(&[]);
    let sources = env.count("SELECT count(*) FROM streams");
    std::fs::remove_dir_all(env.codex().join("sessions")).unwrap();
    let done = env.append(&[]);
    assert_eq!(done["files"]["gone"], sources);
    let said = env.ok(["append".as_ref(), env.codex().as_os_str()]).text().to_string();
    assert!(said.contains("2 files that were read here before are gone"), "{said}");
    env.run(["append".as_ref(), env.path("nowhere").as_os_str()]).refused(&["no Codex logs in"]);
}
