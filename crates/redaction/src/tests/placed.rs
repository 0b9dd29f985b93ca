//! A literal at random places, in random forms of random forms: never readable.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::*;

/// Numbers that look random, the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const LITERALS: &[&str] = &[
    "Zwölf Größen",
    "harbour-master-9",
    "Q&A: tide=7%",
    "潮汐 observatory",
    "O'Neil \"Tide\" gauge",
];
const AROUND: &[&str] = &[
    "",
    "a ",
    "said: ",
    "\n  ",
    "{\"x\":",
    "%",
    "&",
    "=",
    "\u{1b}[1m",
    "x=3D",
    "\u{1b}]0;t\u{7}",
    "é",
];

/// The literal as it looks to a reader who is told the form.
fn seen(dice: &mut Dice, text: &str) -> String {
    match dice.below(8) {
        0 => text.to_uppercase(),
        1 => text.to_lowercase(),
        2 => unicode_normalization::UnicodeNormalization::nfd(text).collect(),
        3 => text.replace(
            ' ',
            dice.one(&["  ", "\n", "\n    ", "\r\n> ", "\u{a0}", "\n+ ", " \u{200b}"]),
        ),
        4 => text
            .chars()
            .map(|c| match c {
                '!'..='~' if c.is_ascii_alphanumeric() => {
                    char::from_u32(c as u32 + 0xFEE0).unwrap()
                }
                c => c,
            })
            .collect(),
        5 => {
            let (head, tail) = text.split_at(text.char_indices().nth(4).unwrap().0);
            format!(
                "{head}{}{tail}",
                dice.one(&["\u{ad}", "\u{200b}", "\u{2060}", "\u{1b}[31m", "\n        "])
            )
        }
        _ => text.to_owned(),
    }
}

/// One spelling of a text as a whole.
fn spelled(dice: &mut Dice, text: &str) -> String {
    let bytes = |form: &dyn Fn(u8) -> String| text.bytes().map(form).collect::<String>();
    let chars = |form: &dyn Fn(char) -> String| text.chars().map(form).collect::<String>();
    let is_plain = |c: char| c.is_ascii_alphanumeric();
    match dice.below(14) {
        0 => Value::from(text).to_string(),
        1 => Value::from(vec!["x", text, "y"]).to_string(),
        2 => chars(&|c| {
            if is_plain(c) {
                c.into()
            } else {
                c.to_string().bytes().map(|b| format!("%{b:02X}")).collect()
            }
        }),
        3 => bytes(&|b| format!("%{b:02x}")),
        4 => chars(&|c| if is_plain(c) { c.into() } else { format!("&#{};", c as u32) }),
        5 => chars(&|c| format!("&#x{:x};", c as u32)),
        6 => chars(&|c| {
            if c.is_ascii_graphic() && c != '\\' {
                c.into()
            } else {
                format!("\\u{{{:x}}}", c as u32)
            }
        }),
        7 => chars(&|c| {
            c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
        }),
        8 => chars(&|c| match c {
            '\\' => "\\\\".into(),
            ' '..='~' => c.into(),
            c => c.to_string().bytes().map(|b| format!("\\{b:03o}")).collect(),
        }),
        9 => bytes(&|b| format!("\\x{b:02x}")),
        10 => format!(
            "=3D {}",
            chars(&|c| if is_plain(c) {
                c.into()
            } else {
                c.to_string().bytes().map(|b| format!("={b:02X}")).collect()
            })
        ),
        11 if !text.contains(char::is_control) => format!("{}]8;;{}\u{7}", '\u{1b}', text),
        12 => format!("{}]52;c;{}\u{7}", '\u{1b}', BASE64_STANDARD.encode(text)),
        _ => text.to_owned(),
    }
}

fn placed(dice: &mut Dice, literal: &str) -> String {
    let mut text = seen(dice, literal);
    // Escapes of escapes are read to any depth that programs nest them.
    for _ in 0..dice.below(4) {
        text = spelled(dice, &text);
    }
    format!("{}{text}{}", dice.one(AROUND), dice.one(&["", " b", "\n", "\"}", "\u{1b}[0m", ", c"]))
}

const PLACES: usize = 100_000;

#[test]
fn a_literal_is_readable_nowhere() {
    let engines: Vec<Engine> = LITERALS
        .iter()
        .map(|text| {
            let matcher = Matcher::Literal { text: (*text).into(), ignore_case: true };
            engine(vec![], &[Manual { matcher, ..manual(1, 0, text) }])
        })
        .collect();
    let mut dice = Dice(7);
    for _ in 0..PLACES {
        let which = dice.below(LITERALS.len());
        let text = placed(&mut dice, LITERALS[which]);
        let shown = engines[which].redact(&text, &Context::default(), &mut vec![]);
        let shown = shown.unwrap_or_else(|| panic!("{text:?}"));
        assert!(shown.contains("<1>"), "{text:?}: {shown:?}");
        assert_eq!(
            engines[which].redact(&shown, &Context::default(), &mut vec![]),
            None,
            "{text:?}: {shown:?}"
        );
    }
}
