//! Names and values that are members of their own, side by side: `{"name": "API_KEY", "value": "…"}`.

use super::{Kind, Token};

/// Members that hold a name.
const NAMES: &[&str] = &["name", "key", "variable", "var", "field", "header", "id", "Name", "Key"];
/// Members that hold its value.
const VALUES: &[&str] =
    &["value", "val", "content", "data", "default", "defaultValue", "Value", "Content"];

/// Pairs of a name and its value, in the order of the values.
pub(crate) fn pairs<'a>(text: &'a str, tokens: &'a [Token]) -> Vec<(&'a Token, &'a Token)> {
    let key = |token: &Token| token.key.and_then(|(start, end)| text.get(start..end));
    let is = |token: &Token, keys: &[&str]| {
        token.kind == Kind::Text && key(token).is_some_and(|key| keys.contains(&key))
    };
    // Members of the same value stand side by side; a name that comes again belongs to another object.
    let mut pairs = Vec::new();
    let (mut name, mut value): (Option<&Token>, Option<&Token>) = (None, None);
    for token in tokens.iter().filter(|token| token.kind != Kind::Key) {
        if is(token, NAMES) {
            if let (None, Some(value)) = (name.replace(token), value.take()) {
                pairs.push((token, value));
                name = None;
            }
        } else if is(token, VALUES) {
            match name.take() {
                Some(name) => pairs.push((name, token)),
                None => value = Some(token),
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn a_name_goes_with_the_value_beside_it() {
        let text = r#"[{"name":"a","value":"1"},{"value":"2","type":"x","key":"b"},{"name":"c"},{"name":"d","x":0,"val":"4"}]"#;
        let tokens = parse(text).unwrap();
        let part = |token: &Token| &text[token.start..token.end];
        let pairs: Vec<_> = pairs(text, &tokens)
            .into_iter()
            .map(|(name, value)| (part(name), part(value)))
            .collect();
        assert_eq!(pairs, [("a", "1"), ("b", "2"), ("d", "4")]);
    }
}
