//! What must hold for any text and any rules.

use codex_ledger_entry::Seq;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

mod forms;
mod homes;
mod literals;
mod placed;
mod terminals;
mod words;

static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::compile(builtin().unwrap(), &[]).unwrap());

fn shown(text: &str) -> String {
    ENGINE.redact(text, &Context::default(), &mut Vec::new()).unwrap_or_else(|| text.to_owned())
}

fn token() -> String {
    expand_example("ghp_{{alnum:36}}")
}

fn rule(id: &str, pattern: &str) -> Rule {
    let yaml = format!("extends: none\nrules:\n- {{id: {id}, pattern: '{pattern}'}}");
    parse_rules(&yaml, RuleFormat::Yaml, "t").unwrap().rules.remove(0)
}

fn engine(rules: Vec<Rule>, manual: &[Manual]) -> Engine {
    Engine::compile(&RuleSet { name: "t".into(), rules, ..RuleSet::default() }, manual).unwrap()
}

fn manual(id: u64, rank: u8, text: &str) -> Manual {
    let matcher = Matcher::Literal { text: text.into(), ignore_case: false };
    Manual { id: Seq::new(id), matcher, scope: Scope::Global, replacement: format!("<{id}>"), rank }
}

/// A JSON value with `secret` in one of its strings, which may be JSON again; and its other strings.
fn tree(secret: String) -> impl Strategy<Value = Value> {
    let word = "[a-zA-Z \\n\"\\\\äß😀{}:,]{0,12}";
    let leaf = (word, word).prop_map(move |(a, b)| Value::from(format!("{a}\n{secret} {b}")));
    let other = prop_oneof![
        word.prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null)
    ];
    leaf.prop_recursive(6, 24, 3, move |inner| {
        prop_oneof![
            (inner.clone(), other.clone()).prop_map(|(a, b)| Value::from(vec![b.clone(), a, b])),
            (inner.clone(), other.clone(), "[a-z\"\\n]{1,6}")
                .prop_map(|(a, b, key)| serde_json::json!({ format!("x{key}"): a, "other": b })),
            inner.clone().prop_map(|value| Value::from(value.to_string())),
            inner.prop_map(|value| Value::from(serde_json::to_string_pretty(&value).unwrap())),
        ]
    })
}

/// Strings and scalars of a value, JSON in strings opened; what holds `mark` is left out.
fn leaves(value: &Value, mark: &str, out: &mut Vec<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| leaves(value, mark, out)),
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            out.push(key.clone());
            leaves(value, mark, out);
        }),
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inner @ (Value::Array(_) | Value::Object(_) | Value::String(_))) => {
                leaves(&inner, mark, out)
            }
            _ if text.contains(mark) => {}
            _ => out.push(text.clone()),
        },
        other => out.push(other.to_string()),
    }
}

proptest! {
    #[test]
    fn a_secret_in_a_tree_vanishes_and_all_else_stays(value in tree(token()), indent in any::<bool>()) {
        let text = if indent { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        let result = shown(&text);
        prop_assert!(!result.contains(&token()[4..]), "{result}");
        let after: Value = serde_json::from_str(&result).unwrap();
        let (mut before_leaves, mut after_leaves) = (Vec::new(), Vec::new());
        leaves(&value, "ghp_", &mut before_leaves);
        leaves(&after, "[redacted:", &mut after_leaves);
        prop_assert_eq!(before_leaves, after_leaves);
        prop_assert_eq!(shown(&result), result.clone());
        let without = text.replace(&token(), "[redacted:github-token]");
        prop_assert_eq!(result, without);
    }

    #[test]
    fn no_text_panics_and_masks_agree(parts in prop::collection::vec(prop_oneof![
        any::<String>(),
        Just(token()),
        prop::sample::select(vec!["\\", "\"", "\\n", "\\u00", "\\ud83d", "\u{1b}[", "\u{1b}]", "%", "%4", "\r\n  ", "{", "}", "[",
            "\\u001b[31m", "a@b.cd", "/home/", "C:\\Users\\", "password=", "-----BEGIN PRIVATE KEY-----", "://", "é", "😀",
            "4539 5787 6362 1486", "[redact", "[redact]", "[/redact]", "secret: \"", "\u{9b}1m", "bearer ", "&#x", "&amp;", "=3D", "=\n", "\u{1b}]52;c;",
            "\u{7}", "\u{9d}", "\u{9c}", "\\u{", "\\30", "\\x", "[\"--password\",\"", "\"]", "\u{ad}", "e\u{301}", "~ada/", "quillian"]).prop_map(str::to_owned),
        "[a-zA-Z0-9+/=]{0,40}",
    ], 0..14)) {
        let text: String = parts.concat();
        let masks = ENGINE.masks(&text, &Context::default());
        let mut hits = Vec::new();
        let result = ENGINE.redact(&text, &Context::default(), &mut hits);
        prop_assert_eq!(result.is_none(), masks.is_empty());
        let mut expected = String::new();
        let mut at = 0;
        for mask in &masks {
            prop_assert!(at <= mask.start && mask.start < mask.end && mask.all.first() == Some(&mask.by));
            expected.push_str(&text[at..mask.start]);
            expected.push_str(&mask.replacement);
            at = mask.end;
        }
        expected.push_str(&text[at..]);
        prop_assert_eq!(result.unwrap_or_else(|| text.clone()), expected);
        let passages: usize = hits.iter().map(|hit| hit.passages as usize).sum();
        prop_assert_eq!(passages, masks.iter().map(|mask| mask.all.len()).sum::<usize>());
        risky(&text);
    }

    #[test]
    fn the_order_of_adding_does_not_matter(order in Just((0..5usize).collect::<Vec<_>>()).prop_shuffle(), text in "[abcdef]{0,30}") {
        let all = [manual(1, 2, "abc"), manual(2, 1, "bcd"), manual(3, 2, "cde"), manual(4, 0, "ea"), manual(5, 1, "fab")];
        let rules = vec![rule("one", "a[bc]+"), rule("two", "d.f")];
        let shuffled: Vec<Manual> = order.iter().map(|at| all[*at].clone()).collect();
        let at = Context::default();
        let one = engine(rules.clone(), &all).masks(&text, &at);
        prop_assert_eq!(&one, &engine(rules.clone(), &shuffled).masks(&text, &at));
        // Hidden is the union of what each hides alone.
        let mut hidden = vec![false; text.len()];
        let alone = all.iter().map(|manual| engine(vec![], std::slice::from_ref(manual)));
        for engine in alone.chain(rules.iter().map(|rule| engine(vec![rule.clone()], &[]))) {
            engine.masks(&text, &at).iter().for_each(|mask| hidden[mask.start..mask.end].fill(true));
        }
        let mut union = vec![false; text.len()];
        one.iter().for_each(|mask| union[mask.start..mask.end].fill(true));
        prop_assert_eq!(hidden, union);
    }
}

#[test]
fn the_narrower_the_earlier_and_the_hand_win() {
    let mut narrow = rule("narrow", "cde");
    narrow.scope = RuleScope::Prompt;
    let rules = vec![rule("wide", "bcd"), narrow, rule("late", "zz")];
    let at = Context { role: Some("user"), ..Context::default() };
    let show = |manual: &[Manual], text: &str| {
        engine(rules.clone(), manual).redact(text, &at, &mut vec![])
    };
    assert_eq!(show(&[], "abcdef").unwrap(), "a[redacted:narrow]f");
    assert_eq!(show(&[manual(9, 5, "def")], "abcdef").unwrap(), "a<9>");
    assert_eq!(show(&[manual(9, 1, "ab"), manual(3, 2, "ab")], "abx").unwrap(), "<9>x");
    assert_eq!(show(&[manual(9, 1, "ab"), manual(3, 1, "ab")], "abx").unwrap(), "<3>x");
    assert_eq!(show(&[manual(9, 1, "abc"), manual(3, 1, "def")], "abcdef").unwrap(), "<3>");
    assert_eq!(
        engine(vec![], &[manual(9, 1, "abc"), manual(3, 1, "def")])
            .redact("abcdef", &at, &mut vec![])
            .unwrap(),
        "<9><3>"
    );
}

#[test]
fn a_scope_reaches_its_texts_only() {
    let sessions = ["s1".to_owned()];
    let here = Context { sessions: &sessions, repo: Some("r"), ..Context::default() };
    for (scope, reaches) in [
        (Scope::Session("s1".into()), true),
        (Scope::Session("s2".into()), false),
        (Scope::Repo("r".into()), true),
        (Scope::Repo("q".into()), false),
    ] {
        let one = Manual { scope: scope.clone(), ..manual(1, 0, "abc") };
        assert_eq!(
            engine(vec![], &[one]).redact("abc", &here, &mut vec![]).is_some(),
            reaches,
            "{scope:?}"
        );
    }
}

#[test]
fn keys_tell_about_their_values_and_no_further() {
    let secret = expand_example("k{{alnum:18}}7");
    let other = expand_example("other k{{alnum:18}}7").split_off(6);
    let text = format!(
        r#"{{"note":"x","api_key": "{secret}","next":"{other}","n":4539578763621486, "m": 12}}"#
    );
    let expected = format!(
        r#"{{"note":"x","api_key": "[redacted:generic-assignment]","next":"{other}","n":"[redacted:payment-card]", "m": 12}}"#
    );
    assert_eq!(shown(&text), expected);
    let nested = Value::from(Value::from(text).to_string()).to_string();
    let expected = Value::from(Value::from(expected).to_string()).to_string();
    assert_eq!(shown(&nested), expected);
}

#[test]
fn replacements_are_escaped_once_per_level() {
    let mut quote = rule("q", "abc");
    quote.replacement = Some("\"\\".into());
    let engine = engine(vec![quote], &[]);
    let text = Value::from(Value::from(vec!["x abc"]).to_string()).to_string();
    let result = engine.redact(&text, &Context::default(), &mut vec![]).unwrap();
    let inner: String = serde_json::from_str(&result).unwrap();
    assert_eq!(serde_json::from_str::<Vec<String>>(&inner).unwrap(), ["x \"\\"]);
}

/// The name of a rule in its replacement is no name of what comes behind it.
#[test]
fn what_stands_for_a_secret_names_no_other() {
    let behind = expand_example("k{{alnum:18}}7");
    for text in
        ["[redacted:github-token] ,\"#\"", "[redacted:github-token]: #", "[redacted:jwt] = #"]
    {
        let text = text.replace('#', &behind);
        assert_eq!(shown(&text), text);
    }
}

#[test]
fn base64_of_a_secret_is_hidden_whole() {
    use std::fmt::Write;
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for before in ["", "a ", "ab:", "token is "] {
        let plain = format!("{before}{}", token());
        let mut run = String::new();
        for chunk in plain.as_bytes().chunks(3) {
            let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            (0..=chunk.len()).for_each(|at| {
                write!(run, "{}", digits[(bits >> (18 - 6 * at) & 63) as usize] as char).unwrap()
            });
        }
        assert_eq!(shown(&format!("data {run} end")), "data [redacted:github-token] end");
    }
}

#[test]
fn a_secret_is_found_however_it_is_written() {
    let token = token();
    let (head, tail) = token.split_at(20);
    let percent: String = token.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let unicode: String = token.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    let wide = "w".repeat(44);
    for (text, expected) in [
        (format!("x {head}\u{1b}[01;31m\u{1b}[K{tail}\u{1b}[m y"), "x #\u{1b}[m y"),
        (format!("x \u{1b}[31m{token}\u{1b}[0m y"), "x \u{1b}[31m#\u{1b}[0m y"),
        (format!("{{\"a\": \"\\\\u001b[31m{head}\\\\u001b[0m{tail}"), "{\"a\": \"\\\\u001b[31m#"),
        (format!("one\\n{token}\\ntwo"), "one\\n#\\ntwo"),
        (format!("one\\\\n{token}\\\\ntwo"), "one\\\\n#\\\\ntwo"),
        (format!("{wide} {head}\n    {tail} and"), &format!("{wide} # and")),
        (format!("> {wide} {head}\r\n> {tail}"), &format!("> {wide} #")),
        (format!("\"{head}\" +\n  \"{tail}\";"), "\"#\";"),
        (format!("?q={percent}&x"), "?q=#&x"),
        (format!("cut {unicode} off"), "cut # off"),
        (format!("/srv/{token}/x.json"), "/srv/#/x.json"),
        (format!("{token}\nnext line"), "#\nnext line"),
    ] {
        assert_eq!(shown(&text), expected.replace('#', "[redacted:github-token]"), "{text:?}");
    }
}

#[test]
fn a_token_beside_a_word_is_hidden_whole() {
    let aws = expand_example("AKIA{{base32:16}}");
    let long = expand_example("ghu_{{alnum:76}}");
    let token = token();
    let gitlab = expand_example("glpat-{{alnum:20}}");
    let jwt = expand_example("eyJ{{alnum:33}}.eyJ{{alnum:60}}.{{alnum:43}}");
    for (before, secret, behind, rule) in [
        ("key_", &token, "", "github-token"),
        ("cachekey", &token, ".json", "github-token"),
        ("url?x=3D", &token, "&amp;y", "github-token"),
        ("a=3D", &token, "=\n", "github-token"),
        ("b ", &long, " c", "github-token"),
        ("PROD_", &long, "", "github-token"),
        ("PROD_", &aws, "_OLD", "aws-access-key-id"),
        ("n1", &gitlab, "", "gitlab-token"),
        ("jwt_", &jwt, "", "jwt"),
    ] {
        let expected = format!("{before}[redacted:{rule}]{behind}");
        assert_eq!(shown(&format!("{before}{secret}{behind}")), expected);
    }
    for text in
        ["task-0123456789abcdef0123456789abcdef01", "monkey-0123456789abcdef0123456789abcdef"]
    {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn a_key_in_pieces_is_one_passage() {
    let lines: Vec<String> = (0..4).map(|_| expand_example("{{base64:64}}")).collect();
    let pem = format!("-----BEGIN RSA PRIVATE {}KEY-----\n{}\n", "", lines.join("\n"));
    let footer = format!("-----END RSA PRIVATE {}KEY-----", "");
    for text in [
        format!("a\n{pem}{footer}\nb"),
        format!("a\n{}\nb", format!("{pem}{footer}").replace('\n', "\\n")),
        format!("a\n{}\nb", format!("{pem}{footer}").replace('\n', "\\\\n")),
        format!("a\n{}\nb", format!("{pem}{footer}").replace('\n', "\r\n    ")),
        format!("a\n{}\nb", format!("{pem}{footer}").replace('\n', "\n> ")),
    ] {
        assert_eq!(shown(&text), "a\n[redacted:private-key]\nb", "{text}");
    }
    let many: Vec<String> = (0..60).map(|_| expand_example("{{base64:64}}")).collect();
    let head = pem.lines().next().unwrap();
    let numbered: Vec<String> =
        many.iter().zip(2..).map(|(line, n)| format!("    {n}\t{line}")).collect();
    let text = format!("    1\t{head}\n{}\n   62\t{footer}\nb", numbered.join("\n"));
    assert_eq!(shown(&text), "    1\t[redacted:private-key]\nb");
    assert_eq!(shown(&format!("{pem}\nThe end.")), "[redacted:private-key]\n\nThe end.");
}

#[test]
fn size_is_no_trap() {
    let matcher = Matcher::Literal { text: "a b".into(), ignore_case: true };
    let literal = engine(vec![], &[Manual { matcher, ..manual(1, 0, "a b") }]);
    for unit in [
        "\\",
        "[",
        "{\"a\":",
        "a@",
        "\n",
        "key=",
        "\u{1b}[",
        "%41",
        "-----BEGIN PRIVATE KEY-----\n",
        "4 ",
        "eyJ",
        "x.y",
        "&amp;%25253D=3D\\x41",
        "\u{1b}]0;%41&amp;=3D\u{7}",
        "\u{9d}",
        "/home/ada ",
        "\u{ad}e\u{301}",
    ] {
        shown(&unit.repeat(20_000));
        literal.masks(&unit.repeat(20_000), &Context::default());
    }
}

#[test]
fn keywords_that_json_escapes_are_seen() {
    let mut quote = rule("q", "a.b[0-9]+");
    quote.keywords = vec!["a\"b".into()];
    let engine = engine(vec![quote], &[]);
    let shown = engine.redact(r#"["a\"b12"]"#, &Context::default(), &mut vec![]);
    assert_eq!(shown.unwrap(), r#"["[redacted:q]"]"#);
}

#[test]
fn keywords_count_as_matches_begin_with_them() {
    let secret = expand_example("AC{{hex:32}}");
    let (a, rest) = secret.split_at(1);
    let hidden = "[redacted:twilio-key]";
    assert_eq!(shown(&format!("x {secret}")), format!("x {hidden}"));
    assert_eq!(shown(&format!("x {a}\u{1b}[1m{rest}")), format!("x {hidden}"));
    assert_eq!(shown(&format!("x \\u0041{rest}")), format!("x {hidden}"));
    let wide = "w".repeat(60);
    assert_eq!(shown(&format!("{wide} {a}\n{rest}")), format!("{wide} {hidden}"));
    let small = secret.to_lowercase();
    assert_eq!(shown(&small), small);
}

#[test]
fn an_address_is_not_joined_to_the_word_before_it() {
    let wide = "the token of the harbour, as the log of last night has it, is in the first line";
    let text = format!("{wide}\ngit@github.com:org/repo.git\nlast line");
    assert_eq!(shown(&text), text);
    let text = format!("{wide}\n12345+ada@users.noreply.github.com\nlast line");
    assert_eq!(shown(&text), text);
    let quoted = format!("{wide}\npassword = \"xK3v9Q0x7m2p\nM%rkuqSPNf\"\n");
    assert!(
        shown(&quoted).ends_with("password = \"[redacted:quoted-assignment]\"\n"),
        "{}",
        shown(&quoted)
    );
}

#[test]
fn keywords_with_slashes_are_seen() {
    let mut slash = rule("s", "a/b[0-9]+");
    slash.keywords = vec!["a/b".into()];
    assert_eq!(
        engine(vec![slash], &[]).redact(r#"["a\/b12"]"#, &Context::default(), &mut vec![]).unwrap(),
        r#"["[redacted:s]"]"#
    );
}

/// Who puts rules in force is told; who finds one in force already shows nothing that it would have searched.
#[test]
fn a_pattern_that_is_too_large_hides_what_it_would_have_searched() {
    let rules = |word: &str| RuleSet {
        name: "t".into(),
        rules: vec![Rule {
            keywords: vec![word.into()],
            ..rule("large", r"token \w{1000}\w{1000}")
        }],
        ..RuleSet::default()
    };
    let refused = Engine::compile(&rules("token"), &[]).unwrap_err().to_string();
    assert!(refused.contains("large") && refused.contains("bad regex"), "{refused}");
    let policy = Policy::compile(rules("token"), Vec::new(), [0; 32]).unwrap();
    let owners = Owners::default();
    let place = Place {
        class: Class::Text,
        table: "messages",
        column: "text",
        role: None,
        seq: Seq::new(1),
        part: 0,
        owners: &owners,
    };
    let shown = |text: &str| {
        let text = policy.apply(Sensitive::new(text.to_string()), &place, &mut |_| {});
        text.as_str().to_string()
    };
    assert_eq!(shown("nothing to see"), "nothing to see");
    assert_eq!(shown("before the token and behind"), "[redacted:large]");
}
