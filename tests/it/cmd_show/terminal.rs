//! `show` and `group` on a terminal: wrapped, coloured, through the reader's pager; elsewhere as they are.

use crate::cli_support::{TestEnvironment, no_escapes, prompt_line, session, skip, thread};
use std::fs;
use std::process::{Command, Output, Stdio};

const WORDS: &str = "the tide comes in and the tide goes out and nobody can tell it when to turn";

/// A session whose first prompt is long, in a few scripts, with blanks and without.
fn long_session() -> TestEnvironment {
    let env = TestEnvironment::new();
    let text =
        format!("{WORDS} {WORDS}\n- {WORDS} {WORDS}\n{}\n{}", "#".repeat(300), "潮汐表".repeat(60));
    env.write(&env.rollout(1), &[session(1, 0), prompt_line(&text)].concat());
    env.append(&[]);
    env
}

/// Runs the program in a terminal of that many columns; `None`, and a visible skip, without script(1).
fn in_terminal(
    env: &TestEnvironment,
    test: &str,
    columns: usize,
    args: &[&str],
    pager: &[(&str, &str)],
) -> Option<Output> {
    let is_there = Command::new("script").arg("--version").output();
    let is_usable =
        is_there.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains("util-linux"));
    if !is_usable {
        skip(test, "no script(1) of util-linux");
        return None;
    }
    let program = env!("CARGO_BIN_EXE_codex-ledger");
    let line = format!("stty rows 900 cols {columns}; exec {program} {}", args.join(" "));
    // The environment of the tests, so that nothing of the machine's reaches the program.
    let bare = env.command([""]);
    let mut command = Command::new("script");
    command
        .args(["-qec", &line, "/dev/null"])
        .env_clear()
        .stdin(Stdio::null())
        .current_dir(env.work());
    command.envs(bare.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("TERM", "xterm")
        .env("SHELL", "/bin/sh");
    command.envs(pager.iter().copied());
    Some(command.output().expect("script runs"))
}

/// What a reader sees, line by line; colours are the only escape sequences.
fn seen(output: &Output) -> Vec<String> {
    let text = String::from_utf8(output.stdout.clone()).expect("text").replace('\r', "");
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let (code, after) = after.split_once('m').expect("a colour");
        assert!(code.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'), "{code}");
        rest = after;
    }
    plain.push_str(rest);
    no_escapes("a terminal", plain.as_bytes());
    plain.lines().map(str::to_string).collect()
}

fn columns(line: &str) -> usize {
    line.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

#[test]
fn lines_are_as_wide_as_the_terminal() {
    let test = "cmd_show::lines_are_as_wide_as_the_terminal";
    let env = long_session();
    for width in [40, 80, 120] {
        for command in ["show", "group"] {
            let args = [command, &thread(1), "--no-pager"];
            let Some(output) = in_terminal(&env, test, width, &args, &[]) else { return };
            let lines = seen(&output);
            assert_eq!(output.status.code(), Some(0));
            let widest = lines.iter().map(|line| columns(line)).max().unwrap();
            assert!(widest <= width && widest + 2 > width, "{width}: {widest}");
            let words = lines.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains(&format!("{WORDS} {WORDS} - {WORDS} {WORDS}")), "{words}");
            let item = lines.iter().position(|line| line.starts_with("    - the tide")).unwrap();
            assert!(lines[item + 1].starts_with("      "), "{}", lines[item + 1]);
            assert_eq!(lines.join("").matches('#').count(), 300, "nothing is lost");
            assert_eq!(lines.join("").matches('潮').count(), 60);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(text.contains("\u{1b}[1;35mprompt 1\u{1b}[0m"), "{text}");
        }
    }
    let Some(output) = in_terminal(&env, test, 80, &["show", "--no-pager"], &[("COLUMNS", "50")])
    else {
        return;
    };
    assert!(seen(&output).iter().all(|line| columns(line) <= 50), "COLUMNS counts more");
    let plain = in_terminal(&env, test, 80, &["show", "--no-pager"], &[("NO_COLOR", "1")]);
    assert!(!plain.unwrap().stdout.contains(&0x1b));
}

#[test]
fn a_report_is_rendered_and_nothing_of_it_is_lost() {
    let test = "cmd_show::a_report_is_rendered_and_nothing_of_it_is_lost";
    let env = TestEnvironment::new();
    let answer = "# Tides\n\n- **high** at <noon> & [later](x)\n\n```\nls `*`\n```\n\n</pre> the end of it\n\n- ebb\n  > quoted\n- flow\n  # heading\n\n~~gone~~";
    let said = serde_json::json!({"timestamp": "2026-03-01T10:00:09.000Z", "type": "response_item",
        "payload": {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": answer}]}});
    let lines = [&session(1, 1)[..], said.to_string().as_bytes(), b"\n"].concat();
    env.write(&env.rollout(1), &lines);
    env.append(&[]);
    for (mode, width) in [("prompts+answers", 80), ("actions", 40), ("tokens", 40), ("full", 120)] {
        let Some(output) =
            in_terminal(&env, test, width, &["report", "--mode", mode], &[("PAGER", "cat")])
        else {
            return;
        };
        let lines = seen(&output);
        assert!(lines.iter().all(|line| line.chars().count() <= width), "{mode}: {lines:?}");
        let text = lines.join("\n");
        for tag in ["<details>", "<summary>", "<pre>", "</summary>", "&lt;", "](#", "|---"] {
            assert!(!text.contains(tag), "{mode}: {tag} in {text}");
        }
        let is_told = mode != "tokens";
        for words in ["high at <noon> & later", "ls `*`", "</pre> the end of it"] {
            assert_eq!(text.contains(words), is_told, "{mode}: {words} in {text}");
        }
        for words in ["|   quoted", "- flow", "~~gone~~"] {
            assert_eq!(text.contains(words), is_told, "{mode}: {words} in {text}");
        }
        assert!(!text.contains("ebbquoted") && !text.contains("flowheading"), "{text}");
        let numbers = ["API-equivalent", "sessions"];
        assert!(numbers.iter().all(|name| text.contains(name)), "{mode}: {text}");
    }
    let source = in_terminal(&env, test, 80, &["report", "--format", "md"], &[("PAGER", "cat")]);
    assert!(String::from_utf8_lossy(&source.unwrap().stdout).contains("|---:|"));
}

#[test]
fn a_pager_gets_the_text() {
    let test = "cmd_show::a_pager_gets_the_text";
    let env = long_session();
    let (mine, other) = (env.path("mine"), env.path("other"));
    let (to_mine, to_other) =
        (format!("cat > {}", mine.display()), format!("cat > {}", other.display()));
    let both = [("CODEX_LEDGER_PAGER", to_mine.as_str()), ("PAGER", to_other.as_str())];
    for command in ["show", "group"] {
        let Some(output) = in_terminal(&env, test, 80, &[command], &both) else { return };
        assert_eq!(
            (output.status.code(), output.stdout.len()),
            (Some(0), 0),
            "the pager has it all"
        );
        let text = fs::read_to_string(&mine).unwrap();
        assert!(text.contains("tide comes in") && text.contains("\u{1b}[1m"), "{text}");
        assert!(!other.exists(), "CODEX_LEDGER_PAGER goes first");
        fs::remove_file(&mine).unwrap();
    }
    let failed = in_terminal(&env, test, 80, &["show"], &[("PAGER", "false")]).unwrap();
    assert!(String::from_utf8_lossy(&failed.stdout).contains("tide comes in"), "it showed nothing");
    in_terminal(&env, test, 80, &["show"], &both[1..]);
    assert!(fs::read_to_string(&other).unwrap().contains("tide comes in"));
    fs::remove_file(&other).unwrap();
    let without: [&[&str]; 5] = [
        &["show", "--no-pager"],
        &["show", "--json"],
        &["show", "--raw"],
        &["group", "--json"],
        &["group", "-o", "out.txt"],
    ];
    for args in without {
        let output = in_terminal(&env, test, 80, args, &both).unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(!mine.exists() && !other.exists(), "{args:?}");
    }
    let file = fs::read_to_string(env.work().join("out.txt")).unwrap();
    assert!(
        file.contains(&format!("{WORDS} {WORDS}\n")) && !file.contains('\u{1b}'),
        "a file is as it is"
    );
    let json = in_terminal(&env, test, 80, &["show", "--json"], &both).unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&json.stdout).is_ok());
}

#[test]
fn a_broken_pager_is_no_error() {
    let test = "cmd_show::a_broken_pager_is_no_error";
    let env = long_session();
    for _ in 0..12 {
        env.extend(&env.rollout(1), &prompt_line(&WORDS.repeat(40)));
    }
    env.append(&[]);
    for pager in ["true", "head -1", "exec <&-; exit 0", "kill -9 $$"] {
        let Some(output) = in_terminal(&env, test, 80, &["show"], &[("PAGER", pager)]) else {
            return;
        };
        assert_eq!(output.status.code(), Some(0), "{pager}");
        assert!(seen(&output).len() <= 1, "{pager}: {}", String::from_utf8_lossy(&output.stdout));
    }
    for pager in ["", "cat", "no-such-pager-anywhere", "exit 3", "false"] {
        let output = in_terminal(&env, test, 80, &["show"], &[("PAGER", pager)]).unwrap();
        assert_eq!(output.status.code(), Some(0), "{pager}");
        assert!(seen(&output).len() > 100, "{pager}: the text is shown without it");
    }
    // The usual one: all fits on the 900 rows, so that it ends by itself.
    let output = in_terminal(&env, test, 80, &["show"], &[]).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("tide comes in"));
}

#[test]
fn elsewhere_nothing_is_wrapped_or_paged() {
    let env = long_session();
    let file = env.path("paged");
    let pager = format!("cat > {}", file.display());
    for command in ["show", "group"] {
        let output =
            env.command([command]).env("PAGER", &pager).env("COLUMNS", "40").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(&format!("    {WORDS} {WORDS}\n")), "{text}");
        assert!(!text.contains('\u{1b}') && !file.exists());
    }
}

#[test]
fn hostile_text_is_harmless_in_a_terminal() {
    let env = TestEnvironment::new();
    let hostile =
        "a\u{1b}[2J\u{1b}]0;owned\u{7}\u{8}\r\u{9b}31m\0b\u{202e}gnp\u{2066}\u{200f}c ".repeat(9);
    env.write(&env.rollout(1), &[session(1, 0), prompt_line(&hostile)].concat());
    env.append(&[]);
    let test = "cmd_show::hostile_text_is_harmless_in_a_terminal";
    for command in ["show", "group"] {
        let Some(output) = in_terminal(&env, test, 60, &[command, "--no-pager"], &[]) else {
            return;
        };
        assert!(seen(&output).iter().all(|line| columns(line) <= 60));
    }
}

/// Where a person reads along, long outputs are folded, with what is left out; elsewhere nothing is.
#[test]
fn a_terminal_folds_what_a_file_gets_whole() {
    let test = "cmd_show::a_terminal_folds_what_a_file_gets_whole";
    let env = TestEnvironment::new();
    let item = |second: u64, payload: serde_json::Value| {
        let at = format!("2026-03-0{second}T10:00:00.000Z");
        let line =
            serde_json::json!({ "timestamp": at, "type": "response_item", "payload": payload });
        format!("{line}\n").into_bytes()
    };
    let output: String = (1..=20).map(|n| format!("line {n} of it\n")).collect();
    let call = serde_json::json!({ "type": "function_call", "name": "exec_command",
        "call_id": "c", "arguments": "{\"cmd\":\"seq 20\"}" });
    let answer = serde_json::json!({ "type": "function_call_output", "call_id": "c",
        "output": format!("Process exited with code 0\nOutput:\n{output}") });
    env.write(&env.rollout(1), &[session(1, 1), item(2, call), item(2, answer)].concat());
    env.append(&[]);
    let whole = env.ok(["show"]).text().to_string();
    assert!(whole.contains("line 20 of it") && !whole.contains("more lines"), "{whole}");
    assert!(whole.contains("── 2026-03-01 ──") && whole.contains("── 2026-03-02 ──"), "{whole}");
    let at_home = env.ok(["show", "--timezone", "Asia/Tokyo"]).text().to_string();
    assert!(at_home.contains("19:00:00 exec_command"), "{at_home}");
    let Some(folded) = in_terminal(&env, test, 80, &["show", "--no-pager"], &[]) else { return };
    let folded = seen(&folded).join("\n");
    assert!(folded.contains("line 8 of it") && !folded.contains("line 9 of it"), "{folded}");
    assert!(folded.contains("12 more lines") && folded.contains("--full"), "{folded}");
    let full = in_terminal(&env, test, 80, &["show", "--no-pager", "--full"], &[]).unwrap();
    assert!(seen(&full).join("\n").contains("line 20 of it"));
}

#[test]
fn an_answer_looks_as_it_was_meant_to_and_does_nothing() {
    let env = TestEnvironment::new();
    let said = "# Done\n\nAll **three** pass &#27;[31m &#x202e;x:\n\n1. one\n\n| a | b |\n|---|---|\n| 1 | 2 |\n";
    let answer = serde_json::json!({"timestamp": "2026-03-01T10:00:09.000Z", "type": "response_item", "payload": {
        "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": said}]}});
    env.write(&env.rollout(1), &[session(1, 1), format!("{answer}\n").into_bytes()].concat());
    env.append(&[]);
    let args = ["show", &thread(1), "--no-pager"];
    let test = "an_answer_looks_as_it_was_meant_to_and_does_nothing";
    let Some(shown) = in_terminal(&env, test, 60, &args, &[]) else { return };
    let lines = seen(&shown);
    for line in ["    Done", "    1. one", "     a  b", "     1  2"] {
        assert!(lines.iter().any(|shown| shown == line), "{line:?}: {lines:#?}");
    }
    let all = lines.join("\n");
    assert!(all.contains("All three pass \\x1b[31m \\u{202e}x:"), "{all}");
    let plain = in_terminal(&env, test, 60, &args, &[("TERM", "dumb")]).expect("script");
    assert!(!plain.stdout.contains(&0x1b), "no colours where the terminal knows none");
    // Elsewhere it is as it was written.
    assert!(env.ok(["show", &thread(1)]).text().contains("# Done"));
}
