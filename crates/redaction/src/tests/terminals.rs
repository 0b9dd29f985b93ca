//! What stands inside of a terminal sequence is text like any other.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::*;

/// Sequences that hold a text, with `#` for the text.
fn sequences(text: &str) -> Vec<String> {
    let percent: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let base64 = BASE64_STANDARD.encode(format!("see {text} there"));
    let (head, tail) = text.split_at(text.len() / 2);
    let inside = [
        format!("]0;{text}"),
        format!("]2;building {text} now"),
        format!("]7;file://tower/srv/{percent}/x"),
        format!("]8;;https://tides.example/{text}/x"),
        format!("]8;;https://tides.example/{percent}"),
        format!("]52;c;{base64}"),
        format!("]633;E;echo {text}"),
        format!("]633;E;echo\\x20{head}\\x{:02x}{}", tail.as_bytes()[0], &tail[1..]),
        format!("]1337;CurrentDir=/srv/{text}"),
        format!("]1337;SetUserVar=note={base64}"),
        format!("P{text}"),
        format!("_{text}"),
        format!("^{text}"),
        format!("X{text}"),
        format!("]{}{text}", "x".repeat(9000) + ";"),
    ];
    let mut all = Vec::new();
    for inside in inside {
        all.push(format!("\u{1b}{inside}\u{7}"));
        all.push(format!("\u{1b}{inside}\u{1b}\\"));
        all.push(format!("\u{1b}Ptmux;\u{1b}\u{1b}{inside}\u{7}\u{1b}\\"));
        all.push(format!("\u{1b}Ptmux;\u{1b}\u{1b}{inside}\u{1b}\u{1b}\\\u{1b}\\"));
        all.push(format!("\u{1b}P\u{1b}{inside}\u{7}\u{1b}\\"));
        let c1 = inside.chars().next().and_then(|kind| char::from_u32(kind as u32 + 0x40));
        all.push(format!("{}{}\u{9c}", c1.unwrap(), &inside[1..]));
    }
    all
}

#[test]
fn a_secret_inside_of_a_sequence_is_hidden() {
    let word = "harbour-master-9";
    let literals = engine(vec![], &[manual(1, 0, word)]);
    for (secret, engine) in [(token(), &*ENGINE), (word.to_owned(), &literals)] {
        let base64 = BASE64_STANDARD.encode(format!("see {secret} there"));
        for sequence in sequences(&secret) {
            for text in [
                format!("before\n{sequence}after"),
                format!("\u{1b}[1mbe{sequence}fore\u{1b}[0m"),
                Value::from(vec![format!("x{sequence}y")]).to_string(),
            ] {
                let show = |text: &str| engine.redact(text, &Context::default(), &mut vec![]);
                let shown = show(&text).unwrap_or_else(|| panic!("{text:?}"));
                let readable = shown.contains(&secret[8..]) || shown.contains(&base64);
                let tail: String = secret[8..].bytes().map(|byte| format!("%{byte:02x}")).collect();
                assert!(!readable && !shown.contains(&tail), "{text:?}: {shown:?}");
                assert_eq!(show(&shown), None, "{text:?}: {shown:?}");
                if text.starts_with('[') {
                    serde_json::from_str::<Vec<String>>(&shown).unwrap();
                }
            }
        }
    }
}

#[test]
fn what_stands_around_a_secret_in_a_sequence_stays() {
    let token = token();
    for (text, expected) in [
        (format!("a\u{1b}]0;run {token} now\u{7}b"), "a\u{1b}]0;run # now\u{7}b"),
        (
            format!("\u{1b}]8;;http://h/{token}/x\u{1b}\\link\u{1b}]8;;\u{1b}\\"),
            "\u{1b}]8;;http://h/#/x\u{1b}\\link\u{1b}]8;;\u{1b}\\",
        ),
        (format!("\u{1b}]0;t\u{7}{token}\u{1b}]0;u\u{7}"), "\u{1b}]0;t\u{7}#\u{1b}]0;u\u{7}"),
    ] {
        assert_eq!(shown(&text), expected.replace('#', "[redacted:github-token]"), "{text:?}");
    }
    let quiet = "\u{1b}]0;vim notes.md\u{7}\u{1b}]52;c;aGVsbG8gdGhlcmUsIGhhcmJvdXI=\u{7}";
    assert_eq!(shown(quiet), quiet);
}
