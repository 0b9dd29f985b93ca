//! What a record is like, without what it says: to be shown to strangers when a client writes something new.

use serde_json::Value;
use std::fmt::Write as _;

/// Deeper values, and further elements and fields, are not told.
const DEPTH_MAX: usize = 12;
const FIELDS_MAX: usize = 200;
/// A longer name, or one with more digits, may be somebody's word: a path, an address, an id.
const NAME_MAX: usize = 40;
const DIGITS_MAX: usize = 4;

/// Names of fields and kinds of values, as one line: `{"id": string(4), "item": {"n": number, …}}`. Values of
/// `type` and `kind` are told where they are names too. Text that is no JSON is `text(N)`.
pub fn shape(record: &[u8]) -> String {
    let mut out = String::new();
    match serde_json::from_slice::<Value>(record) {
        Ok(value) => write_shape(&value, "", 0, &mut out),
        Err(_) => write!(out, "text({})", record.len()).unwrap_or_default(),
    }
    out
}

fn write_shape(value: &Value, name: &str, depth: usize, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(_) => out.push_str("bool"),
        Value::Number(_) => out.push_str("number"),
        Value::String(text) if matches!(name, "type" | "kind") && is_name(text) => {
            write!(out, "\"{text}\"").unwrap_or_default();
        }
        Value::String(text) => write!(out, "string({})", text.len()).unwrap_or_default(),
        Value::Array(_) | Value::Object(_) if depth == DEPTH_MAX => out.push('…'),
        Value::Array(elements) => {
            out.push('[');
            if let Some(first) = elements.first() {
                write_shape(first, "", depth + 1, out);
            }
            if elements.len() > 1 {
                write!(out, " ×{}", elements.len()).unwrap_or_default();
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (index, (name, value)) in fields.iter().take(FIELDS_MAX).enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                let shown = if is_name(name) { name } else { "<name>" };
                write!(out, "\"{shown}\": ").unwrap_or_default();
                write_shape(value, name, depth + 1, out);
            }
            out.push_str(if fields.len() > FIELDS_MAX { ", …}" } else { "}" });
        }
    }
}

fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (1..=NAME_MAX).contains(&text.len()) && digits <= DIGITS_MAX && text.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_said_is_told() {
        let record =
            br#"{"type":"event_msg","payload":{"type":"tide_seen","secret":"hunter2","n":3,
            "changes":{"/home/ada/tide.py":{"lines":[{"a":true},{"a":false}]}},"none":null}}"#;
        assert_eq!(
            shape(record),
            r#"{"payload": {"changes": {"<name>": {"lines": [{"a": bool} ×2]}}, "n": number, "none": null, "secret": string(7), "type": "tide_seen"}, "type": "event_msg"}"#
        );
        assert_eq!(shape(b"hunter2"), "text(7)");
        assert_eq!(shape(br#"{"kind":"my words"}"#), r#"{"kind": string(8)}"#);
    }

    #[test]
    fn deep_and_wide_records_have_short_shapes() {
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert!(shape(deep.as_bytes()).len() < 100);
        let wide: Vec<String> = (0..9_999).map(|n| format!("\"a{n}\":1")).collect();
        assert!(shape(format!("{{{}}}", wide.join(",")).as_bytes()).len() < 5_000);
    }
}
