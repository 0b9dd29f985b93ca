//! What a token, a name beside a value and a repeated secret are.

use super::*;

#[test]
fn a_token_is_none_within_a_longer_drawn_run() {
    let token = expand_example("hf_{{alnum:34}}");
    let run = expand_example("{{base64:48}}").replace(['+', '/'], "a");
    for (before, hidden) in [
        ("", true),
        ("https://models.example/", true),
        ("a-long-name-of-a-model-of-the-harbour-", true),
        (&format!("{run}-"), false),
    ] {
        let text = format!("see {before}{token} now");
        assert_eq!(!shown(&text).contains(&token), hidden, "{text}");
    }
}

#[test]
fn a_form_beside_a_name_is_told_by_the_name_alone() {
    let value = expand_example("{{hex:32}}");
    for text in [
        "DATADOG_API_KEY={}",
        "datadog_app: \"{}\"",
        "myDatadogKey := '{}'",
        "<datadog>{}</datadog>",
        "- name: DATADOG_APP\n  value: {}",
    ] {
        let text = text.replace("{}", &value);
        assert!(!shown(&text).contains(&value), "{text}");
    }
    for text in ["md5 {}", "the datadog agent has the digest in /tides/{}", "notdatadogs={}"] {
        let text = text.replace("{}", &value);
        assert!(shown(&text).contains(&value), "{text}");
    }
}

#[test]
fn a_name_and_its_value_may_be_members_side_by_side() {
    let value = expand_example("k{{alnum:14}}");
    for text in [
        r#"[{"name": "DB_PASSWORD", "value": "{}"}]"#,
        r#"{"value": "{}", "secure": true, "key": "API_TOKEN"}"#,
    ] {
        let text = text.replace("{}", &value);
        let shown = shown(&text);
        assert!(!shown.contains(&value) && shown.contains("redacted:"), "{text}");
        assert!(serde_json::from_str::<Value>(&shown).is_ok(), "{shown}");
    }
    let other = format!(r#"[{{"name": "DB_PASSWORD"}}, {{"name": "port", "value": "{value}"}}]"#);
    assert_eq!(shown(&other), other);
}

#[test]
fn a_secret_is_hidden_wherever_its_text_repeats_it() {
    let value = expand_example("{{alnum:20}}");
    let text = format!("API_TOKEN={value}\nthen it answered {value}, and {value}x");
    assert!(!shown(&text).contains(&value));
    let text = format!("it answered {value}");
    assert_eq!(shown(&text), text);
    // An address by itself is known wherever it stands; a short value may be a word.
    let text = "password: ab12cd34\nand ab12cd34";
    assert!(shown(text).ends_with("and ab12cd34"));
}

/// What nobody sees inside a token or beside it, spellings without an end, and a line that ends as old files end it.
#[test]
fn a_token_is_hidden_whatever_stands_unseen_inside() {
    let token = token();
    let (head, tail) = token.split_at(9);
    for unseen in ["\u{200b}", "\u{ad}", "\u{2060}", "\u{feff}", "\u{e0101}", "\u{34f}\u{200d}"] {
        assert_eq!(shown(&format!("a {head}{unseen}{tail} b")), "a [redacted:github-token] b");
        let named = format!("pass{unseen}word: kR7{unseen}vQz41mTxw");
        assert!(shown(&named).ends_with(": [redacted:generic-assignment]"), "{}", shown(&named));
    }
    for text in [format!("%u0067{}", &token[1..]), format!("&#103{}", &token[1..])] {
        assert_eq!(shown(&text), "[redacted:github-token]", "{text}");
    }
    let wide = "x".repeat(50);
    let wrapped = format!("{wide}\r{wide} {head}{}\r{}", &tail[..10], &tail[10..]);
    assert!(!shown(&wrapped).contains(&tail[10..]), "{}", shown(&wrapped));
    let emoji = "the crew 👩\u{200d}👧 and \u{200f}שלום\u{200f}, soft\u{ad}hyphen";
    assert_eq!(shown(emoji), emoji);
}

#[test]
fn the_hash_of_a_commit_is_no_token_of_the_service_beside_it() {
    let hash = expand_example("{{hex:40}}");
    for text in ["Gitea commit: #", "github revision `#`", "codeberg sha=#", "sonar HEAD #"] {
        let text = text.replace('#', &hash);
        assert_eq!(shown(&text), text);
    }
    assert_eq!(shown(&format!("gitea token: {hash}")), "gitea token: [redacted:gitea-token]");
}

#[test]
fn what_goes_on_behind_a_token_is_hidden_with_it() {
    for (token, rest) in [
        ("sk-{{alnum:48}}", "_{{alnum:30}}"),
        ("hf_{{alnum:34}}", "-{{alnum:20}}"),
        ("glpat-{{alnum:20}}", ".01"),
    ] {
        let (token, rest) = (expand_example(token), expand_example(rest));
        let text = format!("see {token}{rest} now");
        let shown = shown(&text);
        assert!(!shown.contains(&token) && (rest.len() < 8 || !shown.contains(&rest)), "{shown}");
    }
    let token = expand_example("hf_{{alnum:34}}");
    assert!(shown(&format!("{token}-is-the-token")).ends_with("-is-the-token"));
}

#[test]
fn a_bracket_or_a_foreign_letter_makes_no_code_of_a_password() {
    for value in
        ["FhuQJz9pl691m[", "KBjgnq[3ZQeWOeU", "xTq9(Lm2Rw7Zk", "n2Qfrxm26gMZ9Nй", "q7Zr中Lm2Rw9Zk"]
    {
        for text in [
            format!("{{\"password\": \"{value}\"}}"),
            format!("d['password'] = '{value}'"),
            format!("<password>{value}</password>"),
        ] {
            assert!(!shown(&text).contains(value), "{text}");
        }
    }
    for text in [
        "password = getPassword(user)",
        "password = config[\"password\"]",
        "password = os.environ[",
        "password: readSecret(",
        "{\"password\": \"пароль от сервера\"}",
        "token = 'トークンを入力'",
    ] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn a_private_key_in_base64_is_one() {
    use base64::Engine as _;
    for kind in ["RSA ", "EC ", ""] {
        let key = format!(
            "-----BEGIN {kind}PRIVATE {}-----\n{}\n{}\n-----END {kind}PRIVATE {}-----\n",
            "KEY",
            expand_example("{{base64:64}}"),
            expand_example("{{base64:64}}"),
            "KEY"
        );
        let encoded = base64::prelude::BASE64_STANDARD.encode(&key);
        let text = format!("    client-key-data: {encoded}\n");
        assert!(!shown(&text).contains(&encoded), "{kind}: {}", shown(&text));
    }
}
