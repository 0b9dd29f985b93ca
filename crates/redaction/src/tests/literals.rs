//! A literal is hidden in whatever spelling it stands.

use super::*;

fn literal(text: &str, ignore_case: bool) -> Engine {
    let matcher = Matcher::Literal { text: text.into(), ignore_case };
    engine(vec![], &[Manual { matcher, ..manual(1, 0, text) }])
}

fn hide(engine: &Engine, text: &str) -> String {
    let shown = engine.redact(text, &Context::default(), &mut vec![]);
    shown.unwrap_or_else(|| text.to_owned())
}

/// Spellings of `Ärger & Müller-Söhne x=9`, all of which are hidden whole.
#[test]
fn a_literal_is_hidden_in_every_spelling() {
    let engine = literal("Ärger & Müller-Söhne x=9", true);
    for spelled in [
        "Ärger & Müller-Söhne x=9",
        "ärger & MÜLLER-söhne X=9",
        "A\u{308}rger & Mu\u{308}ller-So\u{308}hne x=9",
        "Ärger & Müller-Söhne ｘ=９",
        "Är\u{ad}ger & Mül\u{200b}ler-Söhne\u{a0}x=9",
        "Ärger  &\tMüller-Söhne\n        x=9",
        "Ärger &\r\n> Müller-Söhne\r\n> x=9",
        "Ärger &\n+    Müller-Söhne\n+    x=9",
        "Ärger & Mül\n    ler-Söhne x=9",
        "Ärger & Mül=\nler-Söhne x=9",
        "Ärger & \\\n    Müller-Söhne x=9",
        "&Auml;rger &amp; M&#252;ller-S&#xF6;hne x=9",
        "&#196;rger&nbsp;&#38; M&uuml;ller-S&ouml;hne&#32;x&#61;9",
        r"\u{c4}rger & M\u{fc}ller-S\u{00f6}hne x=9",
        r"\u00c4rger \u0026 M\u00fcller-S\u00f6hne x\u003d9",
        r"\303\204rger & M\303\274ller-S\303\266hne x=9",
        r"\xc3\x84rger & M\xc3\xbcller-S\xc3\xb6hne x=9",
        r"\xc4rger & M\xfcller-S\xf6hne x=9",
        r"\\303\\204rger & M\\303\\274ller-S\\303\\266hne x=9",
        "=C3=84rger & M=C3=BCller-S=C3=B6hne x=3D9",
        "=C3=84rger & M=C3=BCller-S=\n=C3=B6hne x=3D9",
        "%C3%84rger%20%26%20M%C3%BCller-S%C3%B6hne%20x%3D9",
        "%25C3%2584rger%2520%2526%2520M%25C3%25BCller-S%25C3%25B6hne%2520x%253D9",
        "%26Auml%3Brger%20%26amp%3B%20M%26uuml%3Bller-S%26ouml%3Bhne%20x%3D9",
        "Är\u{1b}[31mger & Müller\u{1b}[0m-Söhne x=9",
        "Ärger & Mül\rler-Söhne\rx=9",
        "Är\u{e0061}ger & Mül\u{e0101}ler\u{2061}-Sö\u{3164}hne x\u{180d}=9",
        "%u00C4rger%20%u0026%20M%u00fcller-S%u00F6hne%20x%3D9",
        "&#196rger &#38 M&#252ller-S&#xF6hne x&#61;9",
    ] {
        assert_eq!(hide(&engine, &format!("a ({spelled}) b")), "a (<1>) b", "{spelled}");
    }
    for other in
        ["Ärger & Müller-Söhne x=8", "Ärger & MüllerSöhne x=9", "Ä r g e r & Müller-Söhne x=9"]
    {
        assert_eq!(hide(&engine, other), other);
    }
}

#[test]
fn case_matters_where_it_was_asked_for() {
    let (exact, any) = (literal("HafenStraße", false), literal("HafenStraße", true));
    for (text, is_exact) in [
        ("HafenStraße", true),
        ("HafenStra\u{200b}ße", true),
        ("hafenstraße", false),
        ("HAFENSTRAẞE", false),
        ("HAFENSTRASSE", false),
        ("Hafen\n    Straße", true),
        ("Hafen\n    straße", false),
        ("hafen%53tra%C3%9Fe", false),
    ] {
        assert_eq!(hide(&exact, text) == "<1>", is_exact, "{text}");
        assert_eq!(hide(&any, text), "<1>", "{text}");
    }
    let (exact, any) = (literal("Harbour", false), literal("Harbour", true));
    assert_eq!(hide(&exact, "harbour Harbour"), "harbour <1>");
    assert_eq!(hide(&any, "harbour HARBOUR"), "<1> <1>");
}

#[test]
fn a_literal_in_base64_is_hidden_with_its_run() {
    use base64::Engine as _;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
    let secret = "Tide>Gauge?77";
    let engine = literal(secret, true);
    for before in ["", "a", "ab", "abc", "user=ada&key="] {
        for said in [secret.to_owned(), secret.to_lowercase(), secret.to_uppercase()] {
            let plain = format!("{before}{said} and more, up to the end");
            for run in [BASE64_STANDARD.encode(&plain), BASE64_URL_SAFE_NO_PAD.encode(&plain)] {
                assert_eq!(hide(&engine, &format!("data: {run}")), "data: <1>", "{plain}");
                let wrapped = format!("data: {}\n  {}\n", &run[..24], &run[24..]);
                let shown = hide(&engine, &wrapped);
                assert!(shown.contains("<1>") && !shown.contains(&run[8..24]), "{shown}");
            }
        }
    }
    let short = literal("seven77", true);
    let run = BASE64_STANDARD.encode("seven77");
    assert_eq!(hide(&short, &run), run);
}

/// A line breaks before a word that begins as quoted lines, comments and diffs do.
#[test]
fn a_literal_with_signs_is_hidden_where_its_line_breaks_before_them() {
    let engine = literal("deploy --env prod # now", true);
    for text in [
        "deploy --env prod # now",
        "deploy \\\n    --env prod # now",
        "deploy\n+ --env prod\n+   # now",
        "> deploy\n> --env prod # now",
    ] {
        assert!(hide(&engine, text).ends_with("<1>"), "{text}: {}", hide(&engine, text));
    }
    for text in ["deploy env prod now", "deploy\nenv prod # now", "deploy --env prod\n- now"] {
        assert_eq!(hide(&engine, text), text);
    }
}

/// Wide text in bytes, in base64 as shells of Windows take it, and with signs that print nothing.
#[test]
fn a_literal_is_hidden_in_wide_text_and_between_silent_signs() {
    use base64::Engine as _;
    let engine = literal("TideGauge77", true);
    for text in ["T\0i\0d\0e\0G\0a\0u\0g\0e\x007\x007", "Tide\x07Gauge77", "Tide\x7fGauge\x0f77"] {
        assert_eq!(hide(&engine, &format!("a {text} b")), "a <1> b", "{text:?}");
    }
    let wide: Vec<u8> = "echo TideGauge77".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let run = base64::prelude::BASE64_STANDARD.encode(wide);
    assert_eq!(hide(&engine, &format!("pwsh -enc {run}")), "pwsh -enc <1>");
}

#[test]
fn a_letter_with_a_mark_is_another_letter() {
    let engine = literal("cafe", true);
    assert_eq!(hide(&engine, "café Cafe"), "café <1>");
    // Two words are none, whatever stands between them is no line break.
    let engine = literal("tidegauge", true);
    assert_eq!(hide(&engine, "tide gauge"), "tide gauge");
    let engine = literal("tide gauge", true);
    assert_eq!(hide(&engine, "tidegauge tide\u{a0}gauge"), "tidegauge <1>");
    assert_eq!(hide(&literal(" \t ", true), "a \t b"), "a<1>b");
    assert_eq!(hide(&literal("\u{200b}", true), "a\u{200b}b"), "a<1>b");
}
