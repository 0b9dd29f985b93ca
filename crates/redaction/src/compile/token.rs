//! Rules of the type token: what is told of a form beyond its pattern.

use std::sync::{Arc, OnceLock};

use super::{Compiled, Lazy, Pattern};
use crate::rule::{Check, Rule, RuleKind};

/// What stands between a service's name and its token: the rest of the name, signs, quotes, and `value` where name and
/// value are members of their own.
const BESIDE: &str = r#"[A-Za-z0-9_. \-]{0,40}(?:["'`)\]}*]{0,3}[\s=:>|,(\[{?+]{1,16}|["'`]?(?:[\s,]|/?>|<[a-z]+>){1,16}["']?(?:Value|value)["']?[\s=:>]{1,8})["'`]{0,2}"#;

/// The pattern of a token: its form where a word begins, or its form beside a name.
pub(super) fn pattern(rule: &Rule) -> String {
    let form = &rule.pattern;
    if rule.near.is_empty() {
        return format!(r"(?-u:\b)(?:{form})");
    }
    let words = |spelled: fn(&str) -> String| {
        let words: Vec<String> =
            rule.near.iter().map(|word| regex::escape(&spelled(word))).collect();
        words.join("|")
    };
    let (any, capital) = (words(str::to_owned), words(capitalised));
    format!(r"(?:(?:^|[^A-Za-z])(?i:{any})|[a-z](?:{capital})){BESIDE}(?P<secret>{form})(?-u:\b)")
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}

/// A keyword of a token is no shorter than this: shorter ones stand everywhere.
const TOKEN_KEYWORD_MIN: usize = 3;

/// The words beside a token, or what it begins with.
fn token_keywords(rule: &Rule, heads: Option<&[Vec<u8>]>) -> Result<Vec<String>, String> {
    let lower = |word: &str| word.to_ascii_lowercase();
    let mut words: Vec<String> = match rule.near.is_empty() {
        false => rule.near.iter().map(|word| lower(word)).collect(),
        true => heads
            .unwrap_or_default()
            .iter()
            .map(|head| lower(&String::from_utf8_lossy(head)))
            .collect(),
    };
    words.sort_unstable();
    words.dedup();
    match words.iter().map(String::len).min() {
        Some(TOKEN_KEYWORD_MIN..) => Ok(words),
        _ => Err(format!(
            "a token begins with one of a few texts of {TOKEN_KEYWORD_MIN} characters or more: say keywords"
        )),
    }
}

/// Fills in what a rule of this type does not say: where a match begins, its keywords, and the test of values.
pub(super) fn complete(
    compiled: &mut Compiled,
    rule: &Rule,
    heads: Option<&[Vec<u8>]>,
) -> Result<(), String> {
    if rule.kind != RuleKind::Token {
        return Ok(());
    }
    let before = usize::from(!rule.near.is_empty());
    compiled.window = rule.window.or(Some(before));
    compiled.check = rule.check.or(Some(Check::Filled));
    if compiled.keywords.is_empty() {
        compiled.keywords = token_keywords(rule, heads)?;
    }
    Ok(())
}

/// Reads the pattern that is made of a rule.
pub(super) fn read(rule: &Rule, text: String) -> Result<Pattern, String> {
    match rule.near.is_empty() {
        true => super::pattern(&text, rule.ignore_case, rule.dotall),
        false => beside(rule, text),
    }
}

/// What is known of the pattern of a form beside a name, from the form alone: what stands around it is ours, and takes
/// longer to parse than all else in a table of services.
fn beside(rule: &Rule, text: String) -> Result<Pattern, String> {
    let (ignore_case, dotall) = (rule.ignore_case, rule.dotall);
    let form = super::pattern(&rule.pattern, ignore_case, dotall)?;
    let groups = [None, Some("secret".to_owned())].into_iter();
    Ok(Pattern {
        begins_word: false,
        find: Arc::new(Lazy { text, ignore_case, dotall, regex: OnceLock::new() }),
        groups: groups.chain(form.groups.into_iter().skip(1)).collect(),
        varies: true,
        bounded: true,
        heads: None,
    })
}
