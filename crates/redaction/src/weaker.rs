//! Whether rules hide less than others.

use super::rule::{Examples, Rule, RuleSet, Severity};

/// A rule that is in force and would not be, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weaker {
    /// Its id.
    pub rule: String,
    /// What would become of it, for people.
    pub how: String,
}

/// The rules of a set that another set lacks, or has in another form.
///
/// Whether one pattern finds all that another one finds cannot be told, so that every change counts that decides a
/// match. What is shown instead, and what is said of a rule, does not.
pub fn weaker(old: &RuleSet, new: &RuleSet) -> Vec<Weaker> {
    let kept: Vec<Rule> = new.rules.iter().filter(|rule| rule.enabled).map(deciding).collect();
    let gone = old.rules.iter().filter(|rule| rule.enabled && !kept.contains(&deciding(rule)));
    let how = |rule: &Rule| match new.rules.iter().find(|other| other.id == rule.id) {
        None => "is missing".to_string(),
        Some(other) if !other.enabled => "is off".to_string(),
        Some(other) => format!("has another {}", differences(rule, other).join(", ")),
    };
    gone.map(|rule| Weaker { rule: rule.id.clone(), how: how(rule) }).collect()
}

/// Rules that are to be added to those in force: as they are where nothing gets weaker by that, else with what
/// would be missing. A rule in force stays before one of the same id that would change it.
pub fn joined(old: &RuleSet, new: &RuleSet) -> (RuleSet, Vec<Weaker>) {
    let weaker = weaker(old, new);
    let stays = |rule: &&Rule| rule.enabled && weaker.iter().any(|weaker| weaker.rule == rule.id);
    let kept: Vec<Rule> = old.rules.iter().filter(stays).cloned().collect();
    let is_free = |rule: &&Rule| kept.iter().all(|kept| kept.id != rule.id);
    let rules = new.rules.iter().filter(is_free).chain(&kept).cloned().collect();
    (RuleSet { rules, ..new.clone() }, weaker)
}

/// A rule less what does not decide whether it matches, with its lists in one order.
fn deciding(rule: &Rule) -> Rule {
    let sorted = |list: &[String]| {
        let mut list = list.to_vec();
        list.sort_unstable();
        list.dedup();
        list
    };
    let keywords: Vec<String> = rule.keywords.iter().map(|word| word.to_lowercase()).collect();
    Rule {
        id: String::new(),
        replacement: None,
        fields: sorted(&rule.fields),
        roles: sorted(&rule.roles),
        keywords: sorted(&keywords),
        near: sorted(&rule.near),
        allow: sorted(&rule.allow),
        allow_before: sorted(&rule.allow_before),
        severity: Severity::default(),
        reason: None,
        actor: None,
        description: None,
        examples: Examples::default(),
        ..rule.clone()
    }
}

/// Names of what decides a match and differs.
fn differences(one: &Rule, other: &Rule) -> Vec<&'static str> {
    let (one, other) = (deciding(one), deciding(other));
    let all = [
        ("type", one.kind != other.kind),
        ("pattern", one.pattern != other.pattern),
        ("scope", one.scope != other.scope),
        ("list of fields", one.fields != other.fields),
        ("list of roles", one.roles != other.roles),
        ("list of keywords", one.keywords != other.keywords),
        ("window", one.window != other.window),
        ("count of dots", one.dots != other.dots),
        ("entropy", one.entropy != other.entropy),
        ("secret group", one.secret_group != other.secret_group),
        ("list of names near", one.near != other.near),
        ("allow list", one.allow != other.allow),
        ("allow list before", one.allow_before != other.allow_before),
        ("check", one.check != other.check),
        ("treatment of base64", one.base64 != other.base64),
        ("treatment of case", one.ignore_case != other.ignore_case),
        ("treatment of line breaks", one.dotall != other.dotall),
        ("treatment of names", one.echo != other.echo),
    ];
    all.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::super::rule::{Check, GroupRef, RuleKind, RuleScope};
    use super::*;

    fn rule(id: &str) -> Rule {
        let text = serde_json::json!({"id": id, "pattern": format!("{id}[0-9]+")}).to_string();
        serde_json::from_str(&text).unwrap()
    }

    fn set(rules: Vec<Rule>) -> RuleSet {
        RuleSet { name: "set".into(), rules, ..RuleSet::default() }
    }

    type Change = fn(&mut Rule);

    #[test]
    fn every_field_that_decides_a_match_counts() {
        let changes: [(&str, Change); 19] = [
            ("is off", |rule| rule.enabled = false),
            ("type", |rule| rule.kind = RuleKind::Literal),
            ("pattern", |rule| rule.pattern.push('x')),
            ("scope", |rule| rule.scope = RuleScope::Prompt),
            ("fields", |rule| rule.fields.push("prompts.text".into())),
            ("roles", |rule| rule.roles.push("user".into())),
            ("keywords", |rule| rule.keywords.push("token".into())),
            ("window", |rule| rule.window = Some(1)),
            ("dots", |rule| rule.dots = Some(1)),
            ("entropy", |rule| rule.entropy = Some(9.0)),
            ("secret group", |rule| rule.secret_group = Some(GroupRef::Index(1))),
            ("names near", |rule| rule.near.push("tide".into())),
            ("allow list", |rule| rule.allow.push(".".into())),
            ("allow list before", |rule| rule.allow_before.push(".".into())),
            ("check", |rule| rule.check = Some(Check::Luhn)),
            ("base64", |rule| rule.base64 = true),
            ("case", |rule| rule.ignore_case = true),
            ("line breaks", |rule| rule.dotall = true),
            ("names", |rule| rule.echo = true),
        ];
        let old = set(vec![rule("a"), rule("b")]);
        for (word, change) in changes {
            let mut new = old.clone();
            change(&mut new.rules[1]);
            let found = weaker(&old, &new);
            assert_eq!(found.len(), 1, "{word}");
            assert!(
                found[0].rule == "b" && found[0].how.contains(word),
                "{word}: {}",
                found[0].how
            );
            // What is joined is never weaker, and joining again changes nothing.
            let (both, _) = joined(&old, &new);
            assert_eq!(weaker(&old, &both), [], "{word}");
            assert_eq!(joined(&both, &new).0, both, "{word}");
        }
        assert_eq!(weaker(&old, &set(vec![rule("b")]))[0].how, "is missing");
    }

    #[test]
    fn what_is_said_of_a_rule_and_its_order_do_not_count() {
        let changes: [Change; 8] = [
            |rule| rule.id = "other".into(),
            |rule| rule.replacement = Some("[x]".into()),
            |rule| rule.severity = Severity::Critical,
            |rule| rule.reason = Some("r".into()),
            |rule| rule.actor = Some("a".into()),
            |rule| rule.description = Some("d".into()),
            |rule| rule.examples.matches.push("e".into()),
            |rule| rule.keywords = vec!["ALPHA".into(), "beta".into()],
        ];
        for change in changes {
            let mut old = set(vec![rule("a"), rule("b")]);
            old.rules[1].keywords = vec!["beta".into(), "alpha".into()];
            let mut new = old.clone();
            new.rules.reverse();
            change(&mut new.rules[0]);
            assert_eq!(weaker(&old, &new), []);
            assert_eq!(joined(&old, &new), (new, vec![]));
        }
        let mut off = set(vec![rule("a")]);
        off.rules[0].enabled = false;
        assert_eq!(weaker(&off, &set(vec![])), [], "what was off hides nothing");
    }
}
