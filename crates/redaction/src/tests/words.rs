//! What is hidden in a command is hidden in the array of its words, and the other way round.

use super::*;

/// Commands as their words; `#` is the secret, which `rule` hides.
const COMMANDS: &[(&str, &[&str])] = &[
    ("secret-option", &["mysql", "--password", "#", "tides"]),
    ("secret-option", &["deploy", "--token", "#"]),
    ("generic-assignment", &["deploy", "--token=#", "--port", "80"]),
    ("curl-user", &["curl", "-s", "-u", "ada:#", "https://tides.example"]),
    ("curl-user", &["curl", "--user", "ada:#", "https://tides.example"]),
    ("bearer-header", &["curl", "--header", "Authorization: Bearer #", "https://tides.example"]),
    ("authorization-header", &["curl", "-H", "Authorization: Basic #"]),
    ("authorization-header", &["curl", "-H", "X-Api-Key: #"]),
    ("github-token", &["gh", "auth", "login", "--with-token", "ghp_#"]),
    ("generic-assignment", &["env", "DB_PASSWORD=#", "make", "run it"]),
    ("command-password", &["mysql", "-u", "root", "-p#", "tides"]),
    ("command-password", &["sshpass", "-p", "#", "ssh", "ada@tides.example"]),
    ("command-password", &["zip", "-P", "#", "charts.zip"]),
    ("command-password", &["vault", "login", "#"]),
    ("command-password", &["gh", "secret", "set", "TIDES", "--body", "#"]),
];

#[test]
fn a_command_and_its_words_hide_the_same() {
    for (rule, command) in COMMANDS {
        let secret = match *rule {
            "github-token" => expand_example("{{alnum:36}}"),
            _ => expand_example("k{{alnum:18}}7"),
        };
        let words: Vec<String> = command.iter().map(|word| word.replace('#', &secret)).collect();
        let quoted = |word: &String| match word.contains(' ') {
            true => format!("'{word}'"),
            false => word.clone(),
        };
        let mark = "[redacted:";
        let hidden = |text: &str| text.contains(mark) && !text.contains(&secret);
        let lines = [words.join(" "), words.iter().map(quoted).collect::<Vec<_>>().join(" ")];
        for line in &lines {
            assert!(hidden(&shown(line)), "{line}: {}", shown(line));
        }
        let array = Value::from(words.clone());
        let object =
            serde_json::json!({"command": array.clone(), "workdir": "/srv", "n": [1, true]});
        let nested = serde_json::json!({"arguments": object.to_string()});
        let (program, rest) = words.split_first().unwrap();
        let apart = [
            serde_json::json!({"command": program, "args": rest}).to_string(),
            format!("{{\"args\":{},\"program\":\"{program}\"}}", Value::from(rest)),
            serde_json::json!({"run": [{"argv": rest, "exe": program, "env": {}}]}).to_string(),
            format!(
                "{{\"command\":\"{program}\",\"env\":{{\"A\":\"b\"}},\"n\":[1],\"args\":{}}}",
                Value::from(rest)
            ),
        ];
        let pretty = serde_json::to_string_pretty(&object).unwrap();
        let whole = [array.to_string(), object.to_string(), nested.to_string(), pretty];
        for text in whole.into_iter().chain(apart) {
            let result = shown(&text);
            assert!(hidden(&result), "{text}: {result}");
            serde_json::from_str::<Value>(&result).unwrap();
            assert_eq!(shown(&result), result);
        }
    }
}

#[test]
fn a_command_that_goes_on_in_the_next_line_is_one() {
    let secret = expand_example("k{{alnum:18}}7");
    for end in ["\\\n", "\\\r\n  ", "`\n\t", "^\r\n"] {
        let text = format!("deploy --token {end}{secret} --now");
        assert!(!shown(&text).contains(&secret), "{text}: {}", shown(&text));
        let nested = serde_json::json!({"cmd": text}).to_string();
        assert!(!shown(&nested).contains(&secret), "{nested}: {}", shown(&nested));
    }
}

#[test]
fn what_runs_over_words_is_hidden_in_each() {
    let text = "say high water \"now\"";
    let engine = engine(vec![], &[manual(1, 0, "high water")]);
    let show = |text: &str| engine.redact(text, &Context::default(), &mut vec![]);
    assert_eq!(show(text).unwrap(), "say <1> \"now\"");
    assert_eq!(show(r#"["say","high","water"]"#).unwrap(), r#"["say","<1>","<1>"]"#);
    assert_eq!(
        show(r#"["say","so high","water \"now\""]"#).unwrap(),
        r#"["say","so <1>","<1> \"now\""]"#
    );
    assert_eq!(show(r#"[["high"],"water"]"#), None);
    assert_eq!(show(r#"{"high":"water"}"#), None);
}

#[test]
fn words_that_tell_nothing_stay() {
    for text in [
        r#"["token","secret","password"]"#,
        r#"{"required":["api_key","token"],"n":[1,2]}"#,
        r#"["--password","$DB_PASSWORD"]"#,
        r#"["git","commit","-m","token: fix the reader of tokens"]"#,
        "[]",
        r#"[""]"#,
        r#"["",""]"#,
    ] {
        assert_eq!(shown(text), text);
    }
}
