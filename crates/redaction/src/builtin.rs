//! The rules that are in force unless someone says otherwise, and the made-up texts of their examples.

use std::sync::LazyLock;

use super::labelled::everywhere;
use super::parse::own_rules;
use super::rule::{Rule, RuleError, RuleSet};

static BUILTIN: LazyLock<Result<RuleSet, RuleError>> = LazyLock::new(|| built_in(&FILES));

/// In order of precedence.
const FILES: [&str; 3] = [
    include_str!("builtin.yaml"),
    include_str!("builtin/services.yaml"),
    include_str!("builtin/names.yaml"),
];

/// The built-in rules.
///
/// # Errors
/// When they cannot be read. A test proves that they can; but no rules at all would show everything, so that whoever
/// asks has to stop.
pub fn builtin() -> Result<&'static RuleSet, RuleError> {
    BUILTIN.as_ref().map_err(RuleError::clone)
}

fn built_in(files: &[&str]) -> Result<RuleSet, RuleError> {
    let fail = |error: RuleError| RuleError {
        reason: format!("the built-in rules cannot be used: {}", error.reason),
        ..error
    };
    let mut rules = Vec::new();
    for text in files {
        rules.extend(own_rules(text).map_err(fail)?);
    }
    if rules.iter().all(|rule| !rule.enabled) {
        return Err(fail(RuleError::file(None, "none is enabled")));
    }
    Ok(RuleSet { name: "builtin".into(), rules, ..RuleSet::default() })
}

/// An example as it is meant: `{{alnum:36}}` becomes 36 made-up letters and digits, the same each time.
///
/// Kinds: alnum, letters, hex, HEX, digits, digits9 (no leading zero), base32, base64, bech32, mask (x); `{{}}`
/// becomes nothing. A text that looks like a secret never stands in a file this way, and scanners of hosting sites
/// stay quiet.
pub fn expand_example(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((inside, behind)) = after.split_once("}}") else {
            break;
        };
        out.push_str(before);
        let (kind, length) = inside.split_once(':').unwrap_or((inside, "0"));
        match (alphabet(kind), length.parse()) {
            (Some(alphabet), Ok(length)) => made_up(alphabet, length, out.len(), &mut out),
            _ if inside.is_empty() => {}
            _ => out.extend(["{{", inside, "}}"]),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

fn alphabet(kind: &str) -> Option<&'static [u8]> {
    Some(match kind {
        "alnum" => b"kR7dQ2mXvB9tLwHs4GjYpN6cZfTq1VaK8eDu3JxWgS5yEnMbPrCzFhAo0iUlOI",
        "letters" => b"kRdQmXvBtLwHsGjYpNcZfTqVaKeDuJxWgSyEnMbPrCzFhAoiUlOI",
        "hex" => b"7a3fd09c5e1b8264",
        "HEX" => b"7A3FD09C5E1B8264",
        "mask" => b"x",
        "lower32" => b"qx7mz2kd5wvtb4yhpn3rjg6lcsfeuaoi",
        "digits" => b"7302958416",
        "digits9" => b"739258416",
        "base32" => b"QX7MZ2KD5WVTB4YHPN3RJG6LCSFEUAOI",
        "base64" => b"kR7dQ2mXvB9tLwHs4GjYpN6cZfTq1VaK8eDu3JxWgS5yEnMbPrCzFhAo0iUlOI+/",
        "bech32" => b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
        _ => return None,
    })
}

fn made_up(alphabet: &[u8], length: usize, seed: usize, out: &mut String) {
    let mut state =
        0x9E37_79B9u32 ^ u32::try_from(seed).unwrap_or_default().wrapping_mul(0x85EB_CA6B);
    for _ in 0..length.min(4096) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let at = usize::try_from(state >> 8).unwrap_or_default() % alphabet.len().max(1);
        out.extend(alphabet.get(at).map(|byte| char::from(*byte)));
    }
}

/// Checks a rule against its own examples: what is wrong, or none.
pub fn check_examples(rule: &Rule) -> Option<String> {
    let FailedExamples { missed, caught } = match failed_examples(rule) {
        Ok(failed) => failed,
        Err(error) => return Some(error.to_string()),
    };
    let say = |what: &str, text: &String| format!("rule \"{}\": {what}: {text}", rule.id);
    let missed = missed.first().map(|text| say("the example is not hidden", text));
    missed.or_else(|| caught.first().map(|text| say("the example is hidden and must not be", text)))
}

/// Examples that say otherwise than their rule does, as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailedExamples {
    /// Those of which something must be hidden, and nothing is.
    pub missed: Vec<String>,
    /// Those that must stay, and of which something is hidden.
    pub caught: Vec<String>,
}

/// The examples of a rule that it does not hold, as if it were on and meant for all texts.
///
/// # Errors
/// When the rule cannot be compiled.
pub fn failed_examples(rule: &Rule) -> Result<FailedExamples, RuleError> {
    use super::engine::{Context, Engine};
    let rules = vec![Rule { enabled: true, ..rule.clone() }];
    let engine = Engine::compile(&everywhere(&RuleSet { rules, ..RuleSet::default() }), &[])?;
    let hides =
        |text: &String| !engine.masks(&expand_example(text), &Context::default()).is_empty();
    let (matches, no_match) = (&rule.examples.matches, &rule.examples.no_match);
    Ok(FailedExamples {
        missed: matches.iter().filter(|text| !hides(text)).cloned().collect(),
        caught: no_match.iter().filter(|text| hides(text)).cloned().collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_rule_holds_its_examples() {
        let rules = &builtin().unwrap().rules;
        let ids: HashSet<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
        assert!(ids.len() == rules.len() && ids.len() > 400);
        let wrong: Vec<String> = rules.iter().filter_map(check_examples).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        for rule in rules {
            let full = rule.description.is_some() && !rule.examples.matches.is_empty();
            assert!(full && !rule.examples.no_match.is_empty(), "{}", rule.id);
        }
    }

    #[test]
    fn what_stays_under_one_rule_stays_under_all() {
        use super::super::engine::{Context, Engine};
        let engine = Engine::compile(builtin().unwrap(), &[]).unwrap();
        for text in include_str!("benign.txt").lines().map(expand_example) {
            let masks = engine.masks(&text, &Context::default());
            assert!(masks.is_empty(), "{text}: {masks:?}");
        }
    }

    #[test]
    fn rules_that_cannot_be_read_are_an_error_and_not_none() {
        for text in ["", "[]", "rules:\n- {id: a", "- {id: a, pattern: abc, enabled: false}"] {
            let error = built_in(&[text]).unwrap_err().to_string();
            assert!(error.contains("the built-in rules cannot be used: "), "{text}: {error}");
        }
    }

    #[test]
    fn made_up_texts_are_the_same_each_time() {
        assert_eq!(expand_example("a{{hex:4}}b{{}}c"), expand_example("a{{hex:4}}bc"));
        assert_eq!(expand_example("{{alnum:36}}").len(), 36);
        assert_eq!(expand_example("{{x}} {{"), "{{x}} {{");
    }
}
