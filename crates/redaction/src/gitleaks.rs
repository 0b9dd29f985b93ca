//! Reads rule files of gitleaks.

use serde::Deserialize;

use super::parse::File;
use super::rule::{GroupRef, Rule, RuleError, RuleKind, Severity};

#[derive(Deserialize)]
struct Document {
    title: Option<String>,
    #[serde(default)]
    rules: Vec<Entry>,
    extend: Option<toml::Value>,
    allowlist: Option<Allow>,
    #[serde(default)]
    allowlists: Vec<Allow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    id: Option<String>,
    description: Option<String>,
    regex: Option<String>,
    path: Option<String>,
    entropy: Option<f64>,
    secret_group: Option<usize>,
    #[serde(default)]
    keywords: Vec<String>,
    allowlist: Option<Allow>,
    #[serde(default)]
    allowlists: Vec<Allow>,
    required: Option<toml::Value>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Allow {
    regexes: Vec<String>,
    stopwords: Vec<String>,
    paths: Vec<String>,
    commits: Vec<String>,
    regex_target: Option<String>,
    condition: Option<String>,
    target_rules: Vec<String>,
}

/// Reads the rules; notes say what has no counterpart here.
pub(super) fn parse(text: &str) -> Result<File, RuleError> {
    let document: Document = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map(|before| before.matches('\n').count() + 1);
        RuleError::file(line, format!("not a gitleaks file: {}", error.message()))
    })?;
    let mut file = File::default();
    file.name = document.title;
    if document.extend.is_some() {
        file.notes.push("[extend] is not followed: the built-in rules stand in its place".into());
    }
    let shared: Vec<Allow> = document.allowlist.into_iter().chain(document.allowlists).collect();
    for (index, entry) in document.rules.into_iter().enumerate() {
        let id = entry.id.clone().unwrap_or_else(|| format!("rule-{}", index + 1));
        match entry.regex {
            None if entry.path.is_some() => {
                file.notes.push(format!("rule \"{id}\" is left out: it looks at file names only"));
            }
            None => return Err(RuleError::rule(&id, "the regex is missing")),
            Some(_) => {
                let rule = rule(entry, id, &shared, &mut file.notes)?;
                file.rules.push(rule);
            }
        }
    }
    Ok(file)
}

fn rule(
    entry: Entry,
    id: String,
    shared: &[Allow],
    notes: &mut Vec<String>,
) -> Result<Rule, RuleError> {
    let pattern = entry.regex.unwrap_or_default();
    if entry.required.is_some() {
        notes.push(format!("rule \"{id}\": required neighbours are not asked for"));
    }
    if entry.path.is_some() {
        notes.push(format!("rule \"{id}\": path is not used: texts have no file name"));
    }
    let groups = regex::Regex::new(&pattern).map_or(1, |regex| regex.captures_len());
    let first = (groups > 1).then_some(1);
    let mut allow = Vec::new();
    for list in entry
        .allowlist
        .iter()
        .chain(&entry.allowlists)
        .chain(shared.iter().filter(|list| aims(list, &id)))
    {
        allow.extend(patterns(list, &id, notes));
    }
    Ok(Rule {
        kind: RuleKind::Regex,
        pattern,
        replacement: None,
        enabled: true,
        scope: Default::default(),
        fields: Vec::new(),
        roles: Vec::new(),
        near: Vec::new(),
        allow_before: Vec::new(),
        keywords: entry.keywords,
        window: None,
        dots: None,
        entropy: entry.entropy,
        secret_group: entry.secret_group.filter(|group| *group > 0).or(first).map(GroupRef::Index),
        allow,
        check: None,
        base64: false,
        ignore_case: false,
        dotall: false,
        echo: false,
        severity: Severity::High,
        reason: None,
        actor: None,
        description: entry.description,
        examples: Default::default(),
        id,
    })
}

fn aims(list: &Allow, id: &str) -> bool {
    list.target_rules.is_empty() || list.target_rules.iter().any(|target| target == id)
}

/// What an allow list says about secrets. Lists that ask for more than one thing are noted and left out.
fn patterns(list: &Allow, id: &str, notes: &mut Vec<String>) -> Vec<String> {
    let mut note = |what: &str| {
        let note = format!("rule \"{id}\": {what}");
        if !notes.contains(&note) {
            notes.push(note);
        }
    };
    if list.condition.as_deref().is_some_and(|condition| condition.eq_ignore_ascii_case("and")) {
        note("an allowlist with condition AND is left out");
        return Vec::new();
    }
    if !list.paths.is_empty() || !list.commits.is_empty() {
        note("allowlist paths and commits are not used");
    }
    let stopwords = list.stopwords.iter().map(|word| format!("(?i){}", regex::escape(word)));
    match list.regex_target.as_deref() {
        None | Some("secret" | "") => list.regexes.iter().cloned().chain(stopwords).collect(),
        Some(target) => {
            note(&format!(
                "allowlist regexes on the {target} are left out: they are tried on secrets only"
            ));
            stopwords.collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RuleFormat, parse_rules};

    #[test]
    fn rules_and_allow_lists_come_over() {
        let text = "title = \"t\"\n[extend]\nuseDefault = true\n[[rules]]\nid = \"a\"\nregex = '''tok_([a-z0-9]{8})'''\nentropy = 2.0\nkeywords = [\"tok_\"]\n[[rules.allowlists]]\nstopwords = [\"dummy\"]\n[[rules]]\nid = \"p\"\npath = '''x'''\n";
        let set = parse_rules(text, RuleFormat::Gitleaks, "g").unwrap();
        assert_eq!((set.name.as_str(), set.rules[0].id.as_str(), set.notes.len()), ("t", "a", 2));
        assert_eq!(set.rules[0].allow, ["(?i)dummy"]);
        let bad =
            parse_rules("[[rules]]\nid = \"a\"\nregex = '(?=x)'\n", RuleFormat::Gitleaks, "g");
        assert!(bad.unwrap_err().to_string().starts_with("line 2: rule \"a\": look-around"));
    }
}
