//! What can be asked.

use super::{found, header, set, two_sessions};
use crate::cli_support::{TestEnvironment, prompt_line, thread};
use serde_json::json;

/// Korean writes particles right behind a noun.
#[test]
fn a_korean_noun_is_found_with_its_particle() {
    let env = TestEnvironment::new();
    let asked = prompt_line("등대를 고치고 항구에서 배를 기다려 주세요");
    env.write(&env.rollout(1), &[header(1, "/srv/x", "x"), asked].concat());
    env.append(&[]);
    for question in ["등대", "항구 배", "등대를", "기다려"] {
        assert_eq!(found(&env, question), ["prompt 1"], "{question}");
    }
    for question in ["\"등대\"", "대를", "등대는"] {
        assert_eq!(found(&env, question), [""; 0], "{question}");
    }
}

/// And behind foreign words, numbers and names of files.
#[test]
fn what_a_korean_particle_follows_is_found_without_it() {
    let env = TestEnvironment::new();
    let asked = prompt_line("API를 v2버전 말고 iOS17에서 config.yaml의 값으로");
    env.write(&env.rollout(1), &[header(1, "/srv/x", "x"), asked].concat());
    env.append(&[]);
    for question in
        ["API", "v2", "버전", "iOS17", "config.yaml", "API를", "v2버전", "\"iOS17에서\""]
    {
        assert_eq!(found(&env, question), ["prompt 1"], "{question}");
    }
    for question in ["AP", "iOS1", "에서는"] {
        assert_eq!(found(&env, question), [""; 0], "{question}");
    }
}

/// Some systems write letters apart; both are the same text.
#[test]
fn composed_and_decomposed_letters_find_each_other() {
    const APART: &str = "\u{1103}\u{1173}\u{11bc}\u{1103}\u{1162}";
    for (text, question) in [(APART, "등대"), ("등대", APART), ("Gro\u{308}ße", "größe")] {
        let env = TestEnvironment::new();
        env.write(&env.rollout(1), &[header(1, "/srv/x", "x"), prompt_line(text)].concat());
        env.append(&[]);
        assert_eq!(found(&env, question), ["prompt 1"], "{question}");
    }
}

#[test]
fn words_phrases_beginnings_and_operators() {
    let env = two_sessions();
    let cases: [(&str, &[&str]); 16] = [
        ("moorings", &["call 2", "message 2", "prompt 2"]),
        ("MOORINGS", &["call 2", "message 2", "prompt 2"]),
        ("\"high water\"", &["message 1", "prompt 1"]),
        ("\"water high\"", &[]),
        ("water high", &["message 1", "prompt 1"]),
        ("gaug*", &["call 1", "output 1", "reasoning 1"]),
        ("gaug", &[]),
        ("\"harbour gaug\"*", &["call 1", "output 1"]),
        ("noon OR zephyr", &["message 1", "message 2"]),
        ("noon AND flooded", &["message 1"]),
        ("noon AND zephyr", &[]),
        ("harbour NOT ancient", &["call 1", "output 1", "prompt 2"]),
        ("harbour NOT ancient list", &["prompt 2"]),
        ("noon OR harbour ancient", &["message 1", "prompt 1"]),
        ("\"AND\"", &["message 2"]),
        ("nowhere", &[]),
    ];
    for (question, places) in cases {
        assert_eq!(set(&env, question), places, "{question}");
    }
    let nothing = env.ok(["search", "nowhere"]);
    assert_eq!(nothing.text(), "nothing found\n");
    assert_eq!(env.json(["search", "nowhere"]), json!({"hits": [], "total": 0}));
}

#[test]
fn every_qualifier_narrows() {
    let env = two_sessions();
    let (first, second) = (thread(1), thread(2));
    let cases: [(&str, &[&str]); 28] = [
        ("harbour session:latest", &["prompt 2"]),
        ("harbour session:-2", &["call 1", "output 1", "prompt 1"]),
        ("harbour repo:tides", &["call 1", "output 1", "prompt 1"]),
        ("harbour repo:dev/moorings", &["prompt 2"]),
        ("harbour repo:nobody", &[]),
        (&format!("harbour session:{second}"), &["prompt 2"]),
        (&format!("harbour session:{}", first.to_uppercase()), &["call 1", "output 1", "prompt 1"]),
        ("harbour session:ffff", &[]),
        ("tool:shell moorings", &["call 2"]),
        ("tool:apply_patch", &["call 2"]),
        ("tool:nothing", &[]),
        ("file:slip", &["call 2", "file 2"]),
        ("file:\"slip way.md\"", &["call 2", "file 2"]),
        ("file:\"slip way.md\" in:file", &["file 2"]),
        ("file:none", &[]),
        ("in:prompt", &["prompt 1", "prompt 2"]),
        ("in:message water", &["message 1"]),
        ("in:reasoning", &["reasoning 1"]),
        ("in:output", &["output 1", "output 1", "output 2"]),
        ("in:call exit:0", &["call 1", "call 2"]),
        ("exit:2", &["call 1"]),
        ("exit:2 in:output", &["output 1"]),
        ("exit:failed", &["call 1"]),
        ("exit:failed forecast in:call", &["call 1"]),
        ("exit:-1", &[]),
        ("harbour since:2026-03-02", &["prompt 2"]),
        ("harbour until:2026-03-01", &["call 1", "output 1", "prompt 1"]),
        ("harbour since:2026-03-04T22:30:00Z until:2026-03-04T22:30:01Z", &["prompt 2"]),
    ];
    for (question, places) in cases {
        assert_eq!(set(&env, question), places, "{question}");
    }
    let failed = env.ok(["search", "exit:failed"]);
    assert!(failed.text().contains("call of shell, exit 2"), "{}", failed.text());
    let nothing = env.ok(["search", "error:harbour"]);
    assert!(nothing.text().contains("`exit:failed`"), "{}", nothing.text());
    // 22:30 in UTC is the next day in Berlin.
    let in_berlin = |question: &str| {
        env.json(["search", "--timezone", "Europe/Berlin", question])["total"].clone()
    };
    assert_eq!(
        (in_berlin("zephyr until:2026-03-04"), in_berlin("zephyr since:2026-03-04")),
        (json!(1), json!(1))
    );
    assert_eq!(
        (in_berlin("zephyr since:2026-03-05"), in_berlin("x since:2026-03-05")),
        (json!(0), json!(0))
    );
    env.ok(["tag", "add", "wet", &format!("{first}#1")]);
    env.ok(["disposition", "set", "followed", &second]);
    assert_eq!(set(&env, "harbour tag:wet"), ["call 1", "output 1", "prompt 1"]);
    assert_eq!(set(&env, "harbour disposition:followed"), ["prompt 2"]);
    assert_eq!(set(&env, "harbour tag:dry"), [""; 0]);
}

#[test]
fn groups_patterns_identifiers_titles_models_and_errors() {
    let env = two_sessions();
    let more = [
        super::line(
            "2026-03-04T22:30:01.000Z",
            "turn_context",
            json!({"model": "gpt-tidal-2", "cwd": "/srv/harbour"}),
        ),
        super::line(
            "2026-03-04T22:30:02.000Z",
            "event_msg",
            json!({"type": "error", "message": "The Sluice gate is shut"}),
        ),
        super::called(
            "2026-03-04T22:30:03.000Z",
            "c5",
            "rg tideGauge mean_high_water",
            0,
            "tide_gauge",
        ),
    ];
    env.extend(&env.rollout(2), &more.concat());
    env.append(&[]);
    let cases: [(&str, &[&str]); 16] = [
        ("(noon OR zephyr) flooded", &["message 1"]),
        ("harbour NOT (ancient OR moorings)", &["call 1", "output 1"]),
        ("(harbour (gauge OR list))", &["output 1", "prompt 2"]),
        ("ident:tide_gauge", &["call 2", "output 2"]),
        ("ident:tideGauge in:output", &["output 2"]),
        ("ident:MeanHighWater", &["call 2"]),
        ("/moor(ing|ed)s/", &["call 2", "message 2", "prompt 2"]),
        ("/^when .* harbour/", &["prompt 1"]),
        ("moorings /TWELVE\\s/", &["message 2"]),
        ("harbour title:ancient", &["call 1", "output 1", "prompt 1"]),
        ("harbour title:MOORINGS", &["prompt 2"]),
        ("harbour model:gpt-tidal", &["prompt 2"]),
        ("harbour error:sluice", &["prompt 2"]),
        ("harbour model:gpt-6", &[]),
        ("main() harbour", &[]),
        ("/srv/harbour/", &[]),
    ];
    for (question, places) in cases {
        assert_eq!(set(&env, question), places, "{question}");
    }
    let snippet = env.json(["search", "/^when .* harbour/"])["hits"][0]["snippet"].to_string();
    assert!(snippet.contains('⟦'), "{snippet}");
    for (question, words) in [
        ("promt:tide", &["in:prompt", "did you mean"][..]),
        ("(harbour", &["parenthesis", "groups"]),
        ("/moor(ing/", &["a pattern of the question"]),
    ] {
        env.run(["search", question]).refused(words);
    }
    let nothing = |question: &str| env.ok(["search", question]).text().to_string();
    assert!(
        nothing("harbour repo:tide5")
            .contains("nothing has the repo that is asked for; the nearest is `tides`")
    );
    assert!(nothing("harbour tag:wet").contains("nothing has the tag that is asked for\n"));
    assert_eq!(nothing("noon repo:moorings"), "nothing found\n");
}

/// What the client puts into the conversation says all words of a project, and is what nobody looks for first.
#[test]
fn injected_context_comes_last() {
    let env = TestEnvironment::new();
    let context = "# AGENTS.md instructions for /srv/x\n\n<INSTRUCTIONS>\nlantern lantern lantern\n</INSTRUCTIONS>";
    let content = json!([{"type": "input_text", "text": context}]);
    let injected = json!({"type": "message", "role": "user", "content": content});
    let bytes = [
        header(1, "/srv/x", "x"),
        super::line("2026-03-01T10:00:00.500Z", "response_item", injected),
        prompt_line("Where does the keeper of the harbour put the lantern when the night is over?"),
    ];
    env.write(&env.rollout(1), &bytes.concat());
    env.append(&[]);
    assert_eq!(found(&env, "lantern"), ["prompt 1", "context 1"]);
}

#[test]
fn words_without_spaces_and_with_diacritics() {
    let env = two_sessions();
    for question in ["潮汐", "潮汐表", "今日", "表を", "\"の潮汐\"", "潮汐*", "潮汐 noon"]
    {
        assert_eq!(set(&env, question), ["message 1"], "{question}");
    }
    assert_eq!(set(&env, "汐潮"), [""; 0], "a run of characters is a phrase");
    for question in ["naive cafe", "NAÏVE", "café", "cafe\u{301}", "caf*"] {
        assert_eq!(set(&env, question), ["message 1"], "{question}");
    }
    let answer = env.json(["search", "潮汐"]);
    assert!(answer["hits"][0]["snippet"].as_str().unwrap().contains("今日の⟦潮汐⟧表"), "{answer}");
}

/// Whatever is asked, it is answered or refused with a hint; the database never complains.
#[test]
fn no_question_reaches_the_database_as_anything_but_words() {
    let env = two_sessions();
    let long = "harbour ".repeat(150);
    let deep = (0..150).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" NOT ");
    let word = "x".repeat(4000);
    let run = "潮".repeat(4000);
    let answered = [
        "\"",
        "\"harbour",
        "har\"bour",
        "'harbour'",
        "NEAR(harbour old)",
        "NEAR(harbour, 5",
        "text:harbour",
        "{text}:harbour",
        "-text:harbour",
        "harbour*bour",
        "^harbour",
        "+harbour",
        "(harbour)",
        "harbour)",
        "harbour;--",
        "') OR 1=1 --",
        "harbour AND *",
        "{harbour}",
        "🌊 harbour",
        "Ⓐ",
        "・",
        "harbour ・",
        "ก็",
        "repo:",
        "std::fs",
        "a:b:c",
        "in:prompt",
        "\u{202e}harbour",
        "harbour\u{7}\u{1b}[2J",
        "%",
        "harbour%",
        "_ harbour",
        "\\ harbour",
        "near",
        "and or not",
        "\"\" harbour",
        "harbour\told\nwater",
        &long,
        &deep,
        &word,
        &run,
        "٣",
        "𐞀",
        "𞤀 harbour",
    ];
    for question in answered {
        let outcome = env.run(["search", "--json", "--", question]);
        match outcome.code {
            Some(0) => drop(outcome.json()),
            _ => drop(outcome.refused(&["try:"])),
        }
        let text = env.run(["search", "--", question]);
        for word in ["fts5", "SQL", "sqlite", "syntax"] {
            assert!(!text.stderr.contains(word), "{question}: {}", text.stderr);
        }
        crate::cli_support::no_escapes(question, &text.stdout);
        crate::cli_support::no_escapes(question, text.stderr.as_bytes());
    }
    assert_eq!(found(&env, "har\"bour"), [""; 0]);
    assert_eq!(set(&env, "\"harbour old\" OR NEAR(zephyr"), [""; 0], "NEAR is a word");
    assert_eq!(found(&env, "(zephyr)"), ["message 2"]);
}

#[test]
fn questions_without_words_are_refused() {
    let env = two_sessions();
    let hint = "repo:";
    for question in ["", "   ", "\"\"", "*", "**", "!?", "🌊", "\u{200b}"] {
        env.run(["search", question]).refused(&["nothing to look for", "try:", hint]);
    }
    for question in ["AND", "OR water", "NOT water", "AND OR NOT", "repo:tides NOT water"] {
        env.run(["search", question]).refused(&["without a word before", hint]);
    }
    for question in ["water AND", "water OR *", "water NOT repo:tides"] {
        env.run(["search", question]).refused(&["without a word behind", hint]);
    }
    env.run(["search", "water OR AND old"]).refused(&["without a word before", hint]);
    env.run(["search", "in:everywhere x"]).refused(&["in:everywhere", "reasoning", hint]);
    env.run(["search", "exit:soon x"]).refused(&["exit:soon", "failed", hint]);
    env.run(["search", "since:soon x"]).refused(&["`soon` is no time"]);
    env.run(["search", "since:2026-03-04 until:2026-03-02 x"]).refused(&["is after"]);
    env.run(["search", "--timezone", "Mars/Olympus", "x"]).refused(&["Mars/Olympus"]);
    env.run(["search", &"x ".repeat(300)]).refused(&["more than 200 words", hint]);
    env.run(["search", &"x".repeat(5000)]).refused(&["longer than 4096", hint]);
    assert_eq!(env.run(["search"]).code, Some(2));
    TestEnvironment::new().run(["search", "x"]).refused(&["try:"]);
}

#[test]
fn hits_have_their_fields_and_a_limit() {
    let env = two_sessions();
    let answer = env.json(["search", "\"high water\"", "in:prompt"]);
    let hit = &answer["hits"][0];
    assert_eq!(hit["session"], thread(1));
    assert_eq!(
        (&hit["prompt"], &hit["table"], &hit["tool"]),
        (&json!(1), &json!("prompt"), &json!(null))
    );
    assert_eq!(hit["snippet"], "When is ⟦high water⟧ at the ancient harbour?");
    assert_eq!(hit["at_ms"], 1_772_359_201_000_i64);
    assert!(hit["score"].as_f64().is_some_and(|score| score > 0.0), "{hit}");
    let raw = env.ok(["show", "--raw", "--entry", &hit["seq"].to_string()]).stdout;
    assert_eq!(raw, prompt_line("When is high water at the ancient harbour?"));
    let calls = env.json(["search", "in:output forecast"]);
    assert_eq!(calls["hits"][0]["tool"], "shell");
    assert_eq!(calls["hits"][0]["prompt"], 1, "the prompt that it followed");

    let all = env.json(["search", "harbour OR moorings", "--limit", "0"]);
    let total = all["total"].as_u64().unwrap();
    assert_eq!(all["hits"].as_array().unwrap().len() as u64, total);
    for limit in 1..=total + 1 {
        let some = env.json(["search", "harbour OR moorings", "--limit", &limit.to_string()]);
        assert_eq!(some["total"], total, "all are counted");
        let best = all["hits"].as_array().unwrap().iter().take(limit as usize);
        assert!(some["hits"].as_array().unwrap().iter().eq(best), "the best {limit}");
    }
    let text = env.ok(["search", "harbour", "--limit", "1"]);
    assert!(text.text().contains("the best 1 shown; --limit 0 shows all"), "{}", text.text());
    assert!(env.ok(["search", "harbour"]).text().contains("next: codex-ledger show 019cabcd"));
}

/// The same ledger gives the same answer in the same order, also where scores are equal.
#[test]
fn the_order_is_always_the_same() {
    let env = TestEnvironment::new();
    for number in 1..=9 {
        let prompts: Vec<u8> = (0..9).flat_map(|_| prompt_line("the same tide")).collect();
        let text =
            [header(number, "/srv/tides", "https://example.org/dev/tides"), prompts].concat();
        env.write(&env.rollout(number), &text);
    }
    env.append(&[]);
    let first = env.json(["search", "tide", "--limit", "40"]);
    assert_eq!(first["total"], 81);
    let shown = |answer: &serde_json::Value| -> Vec<(String, u64)> {
        let hits = answer["hits"].as_array().unwrap().iter();
        hits.map(|hit| (hit["session"].to_string(), hit["prompt"].as_u64().unwrap())).collect()
    };
    let mut sorted = shown(&first);
    sorted.dedup();
    assert_eq!(sorted.len(), 40, "no place twice");
    for _ in 0..3 {
        assert_eq!(env.json(["search", "tide", "--limit", "40"]), first);
    }
    env.ok(["rebuild-views"]);
    assert_eq!(env.json(["search", "tide", "--limit", "40"]), first, "from a new index");
}

#[test]
fn hostile_text_is_harmless_in_snippets() {
    let env = TestEnvironment::new();
    let hostile =
        "beacon \u{1b}[2J\u{7}\u{202e}gnp\u{2066}\u{200b}\u{9b}31m\0 ⟦fake⟧\r\nsecond\u{2028}line";
    let tool = "beacon\u{1b}]0;x\u{7}";
    let call = super::line(
        "2026-03-01T10:00:02.000Z",
        "response_item",
        json!({"type": "function_call", "name": tool, "call_id": "c", "arguments": hostile}),
    );
    env.write(&env.rollout(1), &[header(1, "/srv/x", "x"), prompt_line(hostile), call].concat());
    env.append(&[]);
    for args in [&["search", "beacon"][..], &["search", "second"], &["search", "in:call"]] {
        let text = env.ok(args.iter());
        assert!(text.text().contains("\\x1b"), "{}", text.text());
        crate::cli_support::no_escapes("search", &text.stdout);
    }
    assert!(env.ok(["search", "second"]).text().contains("second"), "the line with the word");
    let colored = env.ok(["search", "beacon", "--color", "always"]);
    let text: String = colored.text().replace("\u{1b}[1m", "").replace("\u{1b}[7m", "");
    let text = text.replace("\u{1b}[2m", "").replace("\u{1b}[0m", "");
    crate::cli_support::no_escapes("colours are the program's own", text.as_bytes());
}

/// A command that only the client tells of, when it has ended, was answered then.
#[test]
fn what_the_client_alone_tells_has_a_time_and_a_folder() {
    let env = TestEnvironment::new();
    let at = "2026-03-01T10:00:05.000Z";
    let ended = |id: &str, command: &str, folder: &str| {
        let event = json!({"type": "exec_command_end", "call_id": id, "command": ["bash", "-lc", command],
            "cwd": folder, "stdout": "", "stderr": "", "aggregated_output": "oystercatcher", "exit_code": 0,
            "duration": {"secs": 0, "nanos": 1_000_000}});
        super::line(at, "event_msg", event)
    };
    let asked = json!({"type": "function_call", "name": "shell", "call_id": "c2",
        "arguments": json!({"command": ["bash", "-lc", "ls"]}).to_string()});
    let all = [
        header(1, "/srv/tides", "x"),
        ended("c1", "pwd", "/srv/alone"),
        super::line(at, "response_item", asked),
        ended("c2", "ls", "/srv/beside"),
    ];
    env.write(&env.rollout(1), &all.concat());
    env.append(&[]);
    assert_eq!(set(&env, "oystercatcher since:2026-03-01"), ["output 1", "output 1"]);
    let folders =
        "SELECT group_concat(workdir, ' ') FROM (SELECT workdir FROM function_calls ORDER BY line)";
    assert_eq!(crate::cmd_redact::column(&env, folders), ["/srv/alone /srv/beside"]);
}
