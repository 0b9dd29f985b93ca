//! Long patterns: in pieces that are joined, and with parts that several rules of a file share. `define` names the
//! parts, `(?&name)` stands for one.

use std::collections::BTreeMap;

use serde_json::Value;

use super::unknown;

/// The parts of a file, by name.
pub(super) type Parts = BTreeMap<String, String>;

/// A part may use others; deeper than this it uses itself.
const DEPTH_MAX: usize = 8;
/// A pattern is no longer than this when its parts are in place.
const LENGTH_MAX: usize = 64 * 1024;

/// Reads `define`.
pub(super) fn parts(value: Option<&Value>) -> Result<Parts, String> {
    match value {
        None | Some(Value::Null) => Ok(Parts::new()),
        Some(value) => {
            let map = value.as_object();
            let part = |(name, part): (&String, &Value)| Some((name.clone(), joined(part)?));
            map.and_then(|map| map.iter().map(part).collect())
                .ok_or_else(|| "define: a map of names to parts of patterns is expected".into())
        }
    }
}

/// A text, or a list of texts that are one.
fn joined(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(pieces) => pieces.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Puts the parts into the patterns of rules; where that cannot be done, tells the rule's id and why.
pub(super) fn insert(parts: &Parts, rules: &mut [Value]) -> Result<(), (String, String)> {
    for rule in rules.iter_mut().filter_map(Value::as_object_mut) {
        let id = rule.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(pattern) = rule.get_mut("pattern")
            && let Some(text) = joined(pattern)
        {
            *pattern = whole(parts, &text).map_err(|reason| (id, reason))?.into();
        }
    }
    Ok(())
}

fn whole(parts: &Parts, pattern: &str) -> Result<String, String> {
    let mut pattern = pattern.to_owned();
    for _ in 0..DEPTH_MAX {
        let Some((before, rest)) = pattern.split_once("(?&") else { return Ok(pattern) };
        let mut out = before.to_owned();
        for piece in rest.split("(?&") {
            let (name, after) = piece.split_once(')').unwrap_or((piece, ""));
            let part = parts
                .get(name)
                .ok_or_else(|| unknown("part", name, parts.keys().map(String::as_str)))?;
            out.extend(["(?:", part, ")", after]);
        }
        if out.len() > LENGTH_MAX {
            break;
        }
        pattern = out;
    }
    match pattern.contains("(?&") {
        true => Err("define: a part uses itself, or the pattern gets too long".into()),
        false => Ok(pattern),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_in_parts_and_not_in_themselves() {
        let parts: Parts = [("a", "x(?&b)?"), ("b", "y"), ("c", "(?&c)z")]
            .map(|(name, part)| (name.to_owned(), part.to_owned()))
            .into();
        assert_eq!(whole(&parts, "1(?&a)2(?&b)3").unwrap(), "1(?:x(?:y)?)2(?:y)3");
        assert_eq!(whole(&parts, "plain").unwrap(), "plain");
        assert!(whole(&parts, "(?&c)").unwrap_err().contains("uses itself"));
        assert!(whole(&parts, "(?&aa)").unwrap_err().contains("did you mean `a`?"));
    }
}
