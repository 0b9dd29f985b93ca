//! Last lines without an end.

use crate::cli_support::{TestEnvironment, lines_of, prompt_line, session, thread};
use std::fs;

/// A session whose texts have characters of two, three and four bytes.
fn text() -> Vec<u8> {
    let mut text = session(1, 2);
    text.extend(prompt_line("Flut um zwölf, 高潮, 🌊?"));
    text.extend(b"\r\n\n{\"type\":\"event_msg\"}\r\n");
    text.extend(prompt_line("the last"));
    text
}

#[test]
fn a_torn_tail_waits_for_its_end() {
    let env = TestEnvironment::new();
    let (file, text) = (env.rollout(1), text());
    let whole: usize = lines_of(&text)[..3].concat().len();
    env.write(&file, &text[..whole + 7]);
    for _ in 0..2 {
        let done = env.append(&[]);
        assert_eq!(
            (&done["bytes"]["pending"], &done["problems"]),
            (&7.into(), &serde_json::json!([]))
        );
        assert_eq!(env.raw(&thread(1), &[]), text[..whole]);
    }
    env.write(&file, &text[..whole + 30]);
    let done = env.append(&[]);
    assert_eq!((&done["bytes"]["pending"], &done["bytes"]["appended"]), (&30.into(), &0.into()));
    env.write(&file, &text);
    let done = env.append(&[]);
    assert_eq!(done["bytes"]["pending"], 0);
    assert_eq!(done["bytes"]["appended"], text.len() - whole);
    assert_eq!(env.raw(&thread(1), &[]), text);
    assert_eq!(env.count("SELECT count(*) FROM prompts"), 4);
}

#[test]
fn a_tail_that_has_been_still_is_taken_as_it_is() {
    let env = TestEnvironment::new();
    let (file, text) = (env.rollout(1), text());
    let torn = &text[..text.len() - 9];
    env.write(&file, torn);
    assert_ne!(env.append(&[])["bytes"]["pending"], 0);
    env.settle(&file);
    let done = env.append(&[]);
    assert_eq!((&done["bytes"]["pending"], &done["lines"]["appended"]), (&0.into(), &1.into()));
    assert!(done["problems"].to_string().contains("torn"), "{done}");
    assert_eq!(env.raw(&thread(1), &[]), torn);
    assert_eq!(env.json(["status"])["coverage"]["streams"]["torn"], 1);
    assert_eq!(env.append(&[])["bytes"]["appended"], 0, "once");
}

/// Wherever a file was torn and taken, once it is whole the views are those of the whole file.
#[test]
fn taken_in_pieces_is_the_same_as_taken_at_once() {
    let text = text();
    let whole = TestEnvironment::new();
    whole.write(&whole.rollout(1), &text);
    whole.append(&[]);
    let expected = whole.digest();
    let last = text.len() - 20;
    let umlaut = text.windows(2).position(|pair| pair == "ö".as_bytes()).unwrap() + 1;
    let wave = text.windows(4).position(|pair| pair == "🌊".as_bytes()).unwrap() + 2;
    let carriage = text.windows(2).position(|pair| pair == b"\r\n").unwrap() + 1;
    let line_end = text.iter().position(|byte| *byte == b'\n').unwrap();
    for cuts in [
        vec![1],
        vec![umlaut],
        vec![umlaut, wave],
        vec![carriage, last],
        vec![line_end, line_end + 1, line_end + 2],
        vec![5, 6, 7, 8, 9, last, last + 1],
        vec![text.len() - 1],
    ] {
        let env = TestEnvironment::new();
        let file = env.rollout(1);
        for cut in cuts.iter().chain([&text.len()]) {
            env.write(&file, &text[..*cut]);
            env.settle(&file);
            let done = env.append(&[]);
            assert_eq!(done["bytes"]["pending"], 0, "{cuts:?}");
            assert_eq!(env.raw(&thread(1), &[]), text[..*cut], "{cuts:?} at {cut}");
            env.digest();
        }
        assert_eq!(env.digest(), expected, "{cuts:?}");
        assert_eq!(env.json(["status"])["coverage"]["streams"]["torn"], 0, "{cuts:?}");
        env.audits_clean();
    }
}

/// Each line can be asked for also where it lies in several entries.
#[test]
fn a_line_in_several_entries_is_shown_whole() {
    let env = TestEnvironment::new();
    let (file, text) = (env.rollout(1), text());
    for cut in [3, 40, text.len() - 30, text.len() - 2, text.len()] {
        env.write(&file, &text[..cut]);
        env.settle(&file);
        env.append(&[]);
    }
    for (index, line) in lines_of(&text).into_iter().enumerate() {
        assert_eq!(env.raw(&thread(1), &["--line", &index.to_string()]), line, "line {index}");
    }
    env.run(["show", "--raw", &thread(1), "--line", "99"]).refused(&["no line 99", "from 0"]);
}

/// A long line without an end waits too, and is taken in bounded pieces when it is whole.
#[test]
fn a_long_torn_line_waits_too() {
    let env = TestEnvironment::new();
    let file = env.rollout(1);
    let long = prompt_line(&"x".repeat(900_000));
    env.write(&file, &long[..700_000]);
    let done = env.append(&[]);
    assert_eq!(
        (&done["bytes"]["pending"], &done["bytes"]["appended"]),
        (&700_000.into(), &0.into())
    );
    env.write(&file, &long);
    assert_eq!(env.append(&[])["bytes"]["appended"], long.len());
    assert_eq!(env.count("SELECT length(text) FROM prompts"), 900_000);
    assert_eq!(env.raw(&thread(1), &[]), fs::read(&file).unwrap());

    let other = env.rollout(2);
    for cut in [300_000, 600_000, long.len()] {
        env.write(&other, &long[..cut]);
        env.settle(&other);
        env.append(&[]);
    }
    assert_eq!(env.raw(&thread(2), &[]), long);
    assert_eq!(env.count("SELECT count(*) FROM prompts WHERE length(text) = 900000"), 2);
    env.audits_clean();
}
