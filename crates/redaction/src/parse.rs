//! Reads rule files.

mod corpus;
mod define;

use serde_json::{Map, Value};

use super::builtin::builtin;
use super::compile::Compiled;
use super::gitleaks;
use super::rule::{Rule, RuleError, RuleKind, RuleSet};

/// How a rule file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleFormat {
    /// YAML: a list of rules, or a map with `rules`.
    Yaml,
    /// The same in JSON.
    Json,
    /// The TOML of gitleaks.
    Gitleaks,
}

/// Reads a rule file and puts the built-in rules behind its own, unless it says `extends: none`.
///
/// A rule with the id of a built-in one takes its place. What could not be taken over is in the set's notes.
///
/// # Errors
///
/// Names the line, the rule and what to do, for the first fault.
pub fn parse_rules(text: &str, format: RuleFormat, name: &str) -> Result<RuleSet, RuleError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file = match format {
        RuleFormat::Gitleaks => gitleaks::parse(text)?,
        RuleFormat::Yaml | RuleFormat::Json => File::parse(text, format)?,
    };
    check(&file.rules, text)?;
    let rules = file.resolve(name, text)?;
    corpus::check(&rules, |written| line_of_text(text, written))?;
    Ok(rules)
}

/// Reads rules alone: neither are they extended nor compiled.
pub(super) fn own_rules(text: &str) -> Result<Vec<Rule>, RuleError> {
    File::parse(text, RuleFormat::Yaml).map(|file| file.rules)
}

/// A rule file, before the built-in rules are added.
#[derive(Default)]
pub(super) struct File {
    pub(super) name: Option<String>,
    pub(super) rules: Vec<Rule>,
    pub(super) notes: Vec<String>,
    corpus: Vec<String>,
    alone: bool,
    disable: Vec<String>,
    enable: Vec<String>,
}

const FILE_KEYS: &[&str] = &[
    "name",
    "rules",
    "redactions",
    "define",
    "corpus",
    "extends",
    "disable",
    "enable",
    "notes",
    "version",
    "description",
];
const RULE_KEYS: &[&str] = &[
    "id",
    "type",
    "kind",
    "pattern",
    "replacement",
    "enabled",
    "scope",
    "field",
    "fields",
    "role",
    "roles",
    "near",
    "keywords",
    "window",
    "dots",
    "entropy",
    "secret_group",
    "allow",
    "allow_before",
    "check",
    "base64",
    "ignore_case",
    "dotall",
    "echo",
    "severity",
    "reason",
    "actor",
    "description",
    "examples",
];
const ROLES: &[&str] = &["user", "assistant", "developer", "system", "tool", "agent"];

impl File {
    fn parse(text: &str, format: RuleFormat) -> Result<File, RuleError> {
        let value: Value = match format {
            RuleFormat::Json => serde_json::from_str(text).map_err(|error| {
                RuleError::file(Some(error.line()), format!("not JSON: {error}"))
            })?,
            _ => serde_saphyr::from_str(text).map_err(|error| {
                let line = error.location().map(|at| at.line() as usize);
                let reason = error.without_snippet().to_string();
                RuleError::file(line, format!("not YAML: {reason}"))
            })?,
        };
        match value {
            Value::Array(mut rules) => {
                older(&mut rules);
                Ok(File { rules: read_rules(rules, text)?, ..File::default() })
            }
            Value::Object(map) => File::of_map(map, text),
            Value::Null => Ok(File::default()),
            _ => {
                Err(RuleError::file(Some(1), "a list of rules is expected, or a map with `rules:`"))
            }
        }
    }

    fn of_map(map: Map<String, Value>, text: &str) -> Result<File, RuleError> {
        let mut file = File::default();
        let parts = define::parts(map.get("define"))
            .map_err(|reason| RuleError::file(line_of_key(text, "define"), reason))?;
        for (key, value) in map {
            let wrong =
                |what: &str| RuleError::file(line_of_key(text, &key), format!("{key}: {what}"));
            match (key.as_str(), value) {
                ("rules" | "redactions", Value::Array(mut rules)) => {
                    define::insert(&parts, &mut rules).map_err(|(id, reason)| RuleError {
                        line: line_of_rule(text, &id, 0),
                        ..RuleError::rule(&id, reason)
                    })?;
                    file.rules.extend(read_rules(rules, text)?)
                }
                ("rules" | "redactions", Value::Null)
                | ("version" | "description" | "define", _) => {}
                ("rules" | "redactions", _) => return Err(wrong("a list is expected")),
                ("name", Value::String(name)) => file.name = Some(name),
                ("extends", Value::String(base)) if base == "builtin" => file.alone = false,
                ("extends", Value::String(base)) if base == "none" => file.alone = true,
                ("extends", _) => return Err(wrong("either builtin or none is expected")),
                ("disable", value) => {
                    file.disable = texts(value).ok_or_else(|| wrong("a list of ids is expected"))?
                }
                ("enable", value) => {
                    file.enable = texts(value).ok_or_else(|| wrong("a list of ids is expected"))?
                }
                ("notes", value) => {
                    file.notes = texts(value).ok_or_else(|| wrong("a list is expected"))?
                }
                ("corpus", value) => {
                    file.corpus =
                        texts(value).ok_or_else(|| wrong("a list of texts is expected"))?
                }
                ("name", _) => return Err(wrong("a text is expected")),
                _ => {
                    let reason = unknown("key", &key, FILE_KEYS.iter().copied());
                    return Err(RuleError::file(line_of_key(text, &key), reason));
                }
            }
        }
        Ok(file)
    }

    fn resolve(self, name: &str, text: &str) -> Result<RuleSet, RuleError> {
        let own: Vec<String> = self.rules.iter().map(|rule| rule.id.clone()).collect();
        let mut rules = self.rules;
        if !self.alone {
            rules.extend(builtin()?.rules.iter().filter(|rule| !own.contains(&rule.id)).cloned());
        }
        let switches = [(self.disable, false), (self.enable, true)];
        for (id, enabled) in
            switches.iter().flat_map(|(ids, on)| ids.iter().map(move |id| (id, *on)))
        {
            let split = SPLIT.iter().find(|(old, _)| old == id).map(|(_, into)| *into);
            let named = |rule: &Rule| {
                rule.id == *id || split.is_some_and(|into| into.contains(&rule.id.as_str()))
            };
            if !rules.iter().any(named) {
                let reason = unknown("rule", id, rules.iter().map(|rule| rule.id.as_str()));
                let line = text.lines().position(|line| line.contains(id.as_str()));
                return Err(RuleError::file(line.map(|line| line + 1), reason));
            }
            rules.iter_mut().filter(|rule| named(rule)).for_each(|rule| rule.enabled = enabled);
        }
        let name = self.name.unwrap_or_else(|| name.to_owned());
        Ok(RuleSet { name, rules, notes: self.notes, corpus: self.corpus })
    }
}

/// Built-in rules that were split, and into which: files that name them go on to be read.
const SPLIT: [(&str, &[&str]); 1] = [(
    "ai-provider-key",
    &["groq-key", "xai-key", "perplexity-key", "replicate-token", "fireworks-key"],
)];

const OLDER_KEYS: &[&str] = &[
    "id",
    "type",
    "pattern",
    "scope",
    "field",
    "fields",
    "replacement",
    "enabled",
    "reason",
    "actor",
    "ignore_case",
    "dotall",
];

/// Takes a bare list that has no keys of ours for a file of the Python tool, where case is ignored unless said.
fn older(rules: &mut [Value]) {
    let known = |map: &Map<String, Value>| map.keys().all(|key| OLDER_KEYS.contains(&key.as_str()));
    if rules.iter().all(|rule| rule.as_object().is_some_and(known)) {
        for rule in rules.iter_mut().filter_map(Value::as_object_mut) {
            let case = rule.entry("ignore_case").or_insert(Value::Null);
            if case.is_null() {
                *case = Value::Bool(true);
            }
        }
    }
}

fn texts(value: Value) -> Option<Vec<String>> {
    serde_json::from_value(value).ok()
}

/// Refuses what cannot work: ids that repeat, unknown places, patterns that do not compile.
fn check(rules: &[Rule], text: &str) -> Result<(), RuleError> {
    for (index, rule) in rules.iter().enumerate() {
        let fail = |nth: usize, reason: String| RuleError {
            line: line_of_rule(text, &rule.id, nth),
            ..RuleError::rule(&rule.id, reason)
        };
        if rules.iter().take(index).any(|earlier| earlier.id == rule.id) {
            return Err(fail(1, "duplicate id: give each rule its own".into()));
        }
        for field in &rule.fields {
            super::fields::check(field).map_err(|reason| fail(0, reason))?;
        }
        if let Some(role) = rule.roles.iter().find(|role| !ROLES.contains(&role.as_str())) {
            return Err(fail(0, unknown("role", role, ROLES.iter().copied())));
        }
        let compiled = Compiled::rule(rule, index).map_err(|error| fail(0, error.reason))?;
        let pattern = matches!(rule.kind, RuleKind::Regex | RuleKind::Token);
        if rule.base64 && !(pattern && compiled.keywords.iter().any(|word| word.len() > 3)) {
            return Err(fail(
                0,
                "base64 needs a regex and keywords of four characters or more".into(),
            ));
        }
    }
    Ok(())
}

fn read_rules(values: Vec<Value>, text: &str) -> Result<Vec<Rule>, RuleError> {
    values.into_iter().enumerate().map(|(index, value)| read_rule(value, index, text)).collect()
}

fn read_rule(value: Value, index: usize, text: &str) -> Result<Rule, RuleError> {
    let Value::Object(mut map) = value else {
        return Err(RuleError::file(
            None,
            format!("rule {}: a map with id and pattern is expected", index + 1),
        ));
    };
    let id = match map.get("id") {
        Some(Value::String(id)) if !id.trim().is_empty() => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => {
            let reason = format!("rule {}: the id is missing", index + 1);
            return Err(RuleError::file(None, reason));
        }
    };
    let line = || line_of_rule(text, &id, 0);
    let fail = |reason: String| RuleError { line: line(), ..RuleError::rule(&id, reason) };
    map.insert("id".into(), Value::String(id.clone()));
    if let Some(key) = map.keys().find(|key| !RULE_KEYS.contains(&key.as_str())) {
        let reason = unknown("key", key, RULE_KEYS.iter().copied());
        return Err(RuleError { line: line_of_key(text, key).or_else(line), ..fail(reason) });
    }
    if !map.contains_key("pattern") {
        return Err(fail("the pattern is missing".into()));
    }
    map.retain(|_, value| !value.is_null());
    for key in ["type", "kind", "scope", "severity"] {
        if let Some(Value::String(word)) = map.get_mut(key) {
            *word = word.to_lowercase();
            if key == "scope" && word == "interaction" {
                *word = "prompt".into();
            }
        }
    }
    for (other, key, list) in
        [("kind", "type", false), ("field", "fields", true), ("role", "roles", true)]
    {
        match map.remove(other) {
            Some(value @ Value::String(_)) if list => {
                map.insert(key.into(), Value::Array(vec![value]))
            }
            Some(value) => map.insert(key.into(), value),
            None => None,
        };
    }
    serde_json::from_value(Value::Object(map.clone())).map_err(|error| {
        let probe = |(key, value): (&String, &Value)| {
            let alone = serde_json::json!({"id": "x", "pattern": "x", key: value});
            serde_json::from_value::<Rule>(alone).err().map(|error| format!("{key}: {error}"))
        };
        fail(map.iter().find_map(probe).unwrap_or_else(|| error.to_string()))
    })
}

/// Says that a name is unknown, and which one may be meant.
pub(super) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let nearest = known.min_by_key(|known| strsim::levenshtein(name, known));
    match nearest.filter(|nearest| strsim::levenshtein(name, nearest) <= 2.max(name.len() / 2)) {
        Some(nearest) => format!("unknown {what} `{name}`: did you mean `{nearest}`?"),
        None => format!("unknown {what} `{name}`"),
    }
}

/// The line, from 1, where the `nth` rule of this id begins.
pub(super) fn line_of_rule(text: &str, id: &str, nth: usize) -> Option<usize> {
    let names = |line: &&str| {
        let line = line.trim_start_matches([' ', '\t', '-', '{', '[', '"', '\'']);
        let value =
            line.strip_prefix("id").map(|rest| rest.trim_start_matches(['"', '\'', ' ', ':', '=']));
        let value = value
            .map(|value| value.split(['"', '\'', ',', '#', '}', ' ']).next().unwrap_or_default());
        value.map(str::trim) == Some(id)
    };
    text.lines().zip(1..).filter(|(line, _)| names(line)).nth(nth).map(|(_, line)| line)
}

/// The line, from 1, that has a text of a corpus, or its beginning where it has several lines.
fn line_of_text(text: &str, written: &str) -> Option<usize> {
    let first = written.lines().next().filter(|line| !line.is_empty())?;
    text.lines().position(|line| line.contains(first)).map(|line| line + 1)
}

fn line_of_key(text: &str, key: &str) -> Option<usize> {
    let begins = |line: &str| {
        let line = line.trim_start_matches([' ', '\t', '-', '{', '"', '\'']);
        let rest = line.strip_prefix(key).map(|rest| rest.trim_start_matches(['"', '\'', ' ']));
        rest.is_some_and(|rest| rest.starts_with([':', '=']))
    };
    text.lines().position(begins).map(|line| line + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse_rules(text, RuleFormat::Yaml, "t").unwrap_err().to_string()
    }

    #[test]
    fn faults_name_line_rule_and_reason() {
        let one = |rest: &str| refused(&format!("extends: none\nrules:\n  - id: x\n    {rest}\n"));
        for (rest, expected) in [
            (
                "pattern: abc\n    ignorecase: true",
                "line 5: rule \"x\": unknown key `ignorecase`: did you mean `ignore_case`?",
            ),
            (
                "pattern: 'a(?=b)'",
                "line 3: rule \"x\": look-around, including look-ahead and look-behind, is not supported: the regex engine is linear-time",
            ),
            ("pattern: '(a)\\1'", "back-references"),
            ("pattern: '(a'", "unclosed group"),
            ("pattern: ''", "the pattern is empty"),
            ("pattern: 'a*'", "matches the empty text"),
            ("pattern: abc\n    replacement: ''", "the replacement is empty"),
            ("pattern: abc\n    scope: promt", "scope: unknown variant `promt`"),
            ("pattern: abc\n    type: regexp", "type: unknown variant `regexp`"),
            ("pattern: abc\n    severity: huge", "severity: unknown variant"),
            ("pattern: abc\n    roles: [usr]", "unknown role `usr`: did you mean `user`?"),
            ("pattern: abc\n    fields: [prompts.txt]", "did you mean `prompts.text`?"),
            ("pattern: abc\n    secret_group: 2", "secret_group 2 does not exist"),
            ("pattern: abc\n    secret_group: key", "secret_group \"key\" does not exist"),
            ("pattern: ab\n    type: literal", "at least 3 characters"),
            ("replacement: x", "the pattern is missing"),
            ("pattern: abc\n    near: [quay]", "belongs to rules of the type token"),
            ("pattern: '[a-z]{20}'\n    type: token", "say keywords"),
            ("pattern: 'a(?&b)'", "unknown part `b`"),
        ] {
            assert!(one(rest).contains(expected), "{rest}: {}", one(rest));
        }
        assert!(
            refused("- id: a\n  pattern: abc\n- id: a\n  pattern: abd\n")
                .starts_with("line 3: rule \"a\": duplicate id")
        );
        assert!(refused("- pattern: abc\n").contains("rule 1: the id is missing"));
        assert!(refused("rulez: []").contains("did you mean `rules`?"));
        assert!(refused("disable: [emial]").contains("did you mean `email`?"));
        assert!(refused("rules: [\n").contains("not YAML"));
        assert!(refused("just text").contains("a list of rules"));
    }

    #[test]
    fn own_rules_come_first_and_replace_built_in_ones() {
        let text = "\u{feff}- id: email\n  type: literal\n  pattern: me@here\n  ignore_case: true\n  scope: field\n  field: prompts.text\n- id: named\n  pattern: '(?P<n>abc)'\n";
        let set = parse_rules(text, RuleFormat::Yaml, "mine").unwrap();
        assert_eq!(
            (set.name.as_str(), set.rules.len()),
            ("mine", builtin().unwrap().rules.len() + 1)
        );
        assert_eq!((set.rules[0].id.as_str(), set.rules[0].kind), ("email", RuleKind::Literal));
        assert_eq!(set.rules.iter().filter(|rule| rule.id == "email").count(), 1);
    }

    #[test]
    fn a_corpus_that_contradicts_its_rules_is_refused() {
        let file = |corpus: &str| {
            let rules = "define:\n  digits: '[0-9]{4}'\nrules:\n- {id: berth, pattern: 'berth-(?&digits)'}\n";
            let text =
                format!("extends: none\n{rules}corpus:\n- 'at «berth-1234» now'\n- {corpus}\n");
            parse_rules(&text, RuleFormat::Yaml, "t")
        };
        let set = file("'«berth-5678» and berth-56'").unwrap();
        assert_eq!((set.corpus.len(), set.rules[0].pattern.as_str()), (2, "berth-(?:[0-9]{4})"));
        assert!(!serde_json::to_string(&set).unwrap().contains("corpus"), "it is not stored");
        for (text, expected) in [
            ("'«berth-56»'", "line 8: corpus: text 2: what is marked with « » is not hidden"),
            ("'berth-5678'", "line 8: corpus: text 2: rule \"berth\" hides what is not marked"),
            ("'«berth-5678'", "line 8: corpus: text 2: a « has no »"),
            ("[1]", "corpus: a list of texts is expected"),
        ] {
            let refused = file(text).unwrap_err().to_string();
            assert!(refused.contains(expected), "{text}: {refused}");
            // It may be a secret that somebody has tried the rules with.
            assert!(!refused.contains("berth-5"), "{refused}");
        }
    }

    #[test]
    fn rules_can_be_switched_and_survive_json() {
        let split = parse_rules("disable: [ai-provider-key]", RuleFormat::Yaml, "x").unwrap();
        assert_eq!(
            split.rules.iter().filter(|rule| !rule.enabled && rule.id == "xai-key").count(),
            1
        );
        let text = "extends: builtin\ndisable: [email]\nenable: [ipv4]\nname: mine\n";
        let set = parse_rules(text, RuleFormat::Yaml, "x").unwrap();
        let on = |id: &str| set.rules.iter().find(|rule| rule.id == id).unwrap().enabled;
        assert!(!on("email") && on("ipv4"));
        let json = serde_json::to_string(&set).unwrap();
        assert_eq!(serde_json::from_str::<RuleSet>(&json).unwrap(), set);
        assert_eq!(parse_rules(&json, RuleFormat::Json, "x").unwrap(), set);
    }
}
