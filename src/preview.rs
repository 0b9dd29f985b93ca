//! A preview: raw text beside what would be published, the worst first, as text and JSON.

use crate::door::{Door, Style};
use crate::text::{count, one_line, plural, safe};
use codex_ledger_app::{By, RuleSet, SeenText, Seq, Severity};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Bytes of context on each side of a passage.
const CONTEXT_BYTES: usize = 60;
/// Characters of a passage that are shown at its beginning and at its end.
const HEAD_CHARS: usize = 160;
const TAIL_CHARS: usize = 40;
/// Columns of a line.
const LINE_CHARS: usize = 400;

/// Why a passage is told of; in this order, the worst first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// It looks like a secret, and is shown.
    LooksSecret,
    /// A rule hides it.
    Rule(Reverse<Severity>, String),
    /// A redaction by hand does.
    ByHand(Seq),
}

impl Cause {
    /// The rule's id, or the redaction.
    pub fn name(&self) -> String {
        match self {
            Cause::LooksSecret => "looks like a secret, is shown".into(),
            Cause::Rule(_, id) => id.clone(),
            Cause::ByHand(seq) => format!("redaction {seq}"),
        }
    }

    /// How much harm the rule says that a leak does.
    pub fn severity(&self) -> Option<Severity> {
        match self {
            Cause::Rule(severity, _) => Some(severity.0),
            _ => None,
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only these rules, by id; all where there is none.
    pub rules: Vec<String>,
    /// Only rules of at least this severity.
    pub severity: Option<Severity>,
    /// Only what looks like a secret and is shown.
    pub shown: bool,
    /// How many different passages of each cause are kept.
    pub limit: usize,
}

impl Wanted {
    fn takes(&self, cause: &Cause) -> bool {
        let is_shown = *cause == Cause::LooksSecret;
        let is_named = self.rules.is_empty() || self.rules.contains(&cause.name());
        let is_bad = self.severity.is_none_or(|least| cause.severity() >= Some(least));
        if self.shown { is_shown } else { is_named && is_bad }
    }
}

/// Passages of one cause.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    #[serde(skip)]
    pub cause: Cause,
    rule: Option<String>,
    severity: Option<Severity>,
    /// How many there are.
    pub passages: u64,
    /// How many different ones.
    pub different: u64,
    /// Different ones, each once, in the order in which they were met.
    pub listed: Vec<Passage>,
}

/// A passage with what stands around it where it was met first.
#[derive(Clone, Debug, Serialize)]
pub struct Passage {
    /// How often it stands somewhere.
    pub times: u64,
    pub session: String,
    pub seq: Seq,
    pub table: &'static str,
    pub column: &'static str,
    pub before: String,
    pub raw: String,
    pub after: String,
    /// The same stretch as it is shown, with all that is hidden in it; none where all of it is shown as it is.
    pub shown: Option<String>,
}

/// What was found so far.
#[derive(Debug, Default)]
pub struct Preview {
    wanted: Wanted,
    groups: BTreeMap<Cause, (Group, HashMap<u64, usize>)>,
}

impl Preview {
    pub fn new(wanted: Wanted) -> Preview {
        Preview { wanted, groups: BTreeMap::new() }
    }

    /// Takes what a text of a session shows.
    pub fn add(&mut self, session: &str, seen: &SeenText, rules: &RuleSet) {
        for mask in &seen.masks {
            for by in &mask.all {
                let cause = cause(*by, rules);
                self.passage(cause, session, seen, (mask.start, mask.end));
            }
        }
        for risk in &seen.risky {
            self.passage(Cause::LooksSecret, session, seen, (risk.start, risk.end));
        }
    }

    fn passage(
        &mut self,
        cause: Cause,
        session: &str,
        seen: &SeenText,
        (start, end): (usize, usize),
    ) {
        if !self.wanted.takes(&cause) {
            return;
        }
        let (group, known) = self.groups.entry(cause.clone()).or_insert_with(|| {
            let rule = (cause != Cause::LooksSecret).then(|| cause.name());
            let severity = cause.severity();
            let group =
                Group { cause, rule, severity, passages: 0, different: 0, listed: Vec::new() };
            (group, HashMap::new())
        });
        group.passages += 1;
        let raw = seen.raw.get(start..end).unwrap_or_default();
        let mut hasher = DefaultHasher::new();
        raw.hash(&mut hasher);
        let place = *known.entry(hasher.finish()).or_insert(group.different as usize);
        if let Some(again) = group.listed.get_mut(place) {
            again.times += 1;
        }
        if place < group.different as usize {
            return;
        }
        group.different += 1;
        if group.listed.len() < self.wanted.limit {
            let from = floor(&seen.raw, start.saturating_sub(CONTEXT_BYTES));
            let to = floor(&seen.raw, end + CONTEXT_BYTES);
            let (before, after) = (seen.raw.get(from..start), seen.raw.get(end..to));
            group.listed.push(Passage {
                times: 1,
                session: session.to_string(),
                seq: seen.seq,
                table: seen.table,
                column: seen.column,
                before: before.unwrap_or_default().to_string(),
                raw: shortened(raw),
                after: after.unwrap_or_default().to_string(),
                shown: as_shown(seen, from, to),
            });
        }
    }

    /// The groups, the worst first.
    pub fn into_groups(self) -> Vec<Group> {
        self.groups.into_values().map(|(group, _)| group).collect()
    }
}

fn cause(by: By, rules: &RuleSet) -> Cause {
    match by {
        By::Rule(index) => match rules.rules.get(index as usize) {
            Some(rule) => Cause::Rule(Reverse(rule.severity), rule.id.clone()),
            None => Cause::Rule(Reverse(Severity::Critical), "a rule".into()),
        },
        By::Manual(seq) => Cause::ByHand(seq),
    }
}

/// A stretch of a text as it is shown; none where nothing of it is hidden.
fn as_shown(seen: &SeenText, from: usize, to: usize) -> Option<String> {
    let mut shown = String::new();
    let mut at = from;
    for mask in seen.masks.iter().filter(|mask| mask.end > from && mask.start < to) {
        shown.push_str(seen.raw.get(at..mask.start.max(at)).unwrap_or_default());
        shown.push_str(&mask.replacement);
        at = mask.end;
    }
    let is_masked = !shown.is_empty() || at > from;
    shown.push_str(seen.raw.get(at..to).unwrap_or_default());
    is_masked.then_some(shown)
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A long passage by its beginning and its end.
fn shortened(raw: &str) -> String {
    let chars = raw.chars().count();
    if chars <= HEAD_CHARS + TAIL_CHARS {
        return raw.to_string();
    }
    let head: String = raw.chars().take(HEAD_CHARS).collect();
    let tail: String = raw.chars().skip(chars - TAIL_CHARS).collect();
    format!("{head} […{} characters…] {tail}", chars - HEAD_CHARS - TAIL_CHARS)
}

/// For programs.
#[derive(Serialize)]
pub struct Document<'a> {
    groups: &'a [Group],
}

impl<'a> Document<'a> {
    pub fn of(groups: &'a [Group]) -> Document<'a> {
        Document { groups }
    }
}

/// What is said above the passages of a cause.
pub fn heading(group: &Group) -> String {
    let severity = group.cause.severity().map(|severity| format!("{}: ", severity.name()));
    let different = match group.different {
        1 => "all the same".to_string(),
        different => format!("{} different", count(different)),
    };
    let (name, passages) = (group.cause.name(), plural(group.passages, "passage"));
    format!("{}{name}, {passages}, {different}", severity.unwrap_or_default())
}

/// For the terminal.
pub fn text(door: &Door, groups: &[Group]) -> String {
    let mut out = String::new();
    for group in groups {
        out.push_str(&door.paint(Style::Bold, safe(&heading(group))));
        out.push('\n');
        for passage in &group.listed {
            let Passage { times, session, seq, table, column, before, raw, after, shown } = passage;
            let times =
                if *times > 1 { format!("{} times, first ", count(*times)) } else { String::new() };
            let place = format!("{times}{} entry {seq} {table}.{column}", safe(session));
            let line = flat(&format!("{before}{raw}{after}"));
            out.push_str(&format!("  {}\n", door.paint(Style::Dim, place)));
            match shown {
                Some(shown) => {
                    let old = door.paint(Style::Red, format!("- {line}"));
                    let new = door.paint(Style::Green, format!("+ {}", flat(shown)));
                    out.push_str(&format!("    {old}\n    {new}\n"));
                }
                None => {
                    let line = door.paint(Style::Yellow, format!("? {line}"));
                    out.push_str(&format!("    {line}\n"));
                }
            }
        }
        let more = group.different - group.listed.len() as u64;
        if more > 0 {
            let (limit, more) = (group.listed.len(), count(more));
            out.push_str(&format!("  and {more} more: --limit 0 shows all, {limit} are shown\n"));
        }
    }
    if groups.is_empty() {
        out.push_str("nothing of what is asked for is hidden, and nothing looks like a secret\n");
    }
    out
}

/// One line of it, with blanks for what breaks lines.
fn flat(text: &str) -> String {
    one_line(&text.split_whitespace().collect::<Vec<_>>().join(" "), LINE_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_beside_a_passage_stay_apart() {
        assert_eq!(flat("Bearer \n eyJ and"), "Bearer eyJ and");
        assert_eq!(shortened(&"x".repeat(300)).chars().filter(|c| *c == 'x').count(), 200);
    }

    #[test]
    fn the_worst_comes_first() {
        let rule = |severity, id: &str| Cause::Rule(Reverse(severity), id.into());
        let sorted = [
            Cause::LooksSecret,
            rule(Severity::Critical, "b"),
            rule(Severity::High, "a"),
            rule(Severity::Low, "a"),
            Cause::ByHand(Seq::new(1)),
        ];
        assert!(sorted.is_sorted());
    }
}
