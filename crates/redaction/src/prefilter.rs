//! One pass over a text that says which rules are worth trying, and where.

use std::collections::BTreeMap;
use std::sync::Arc;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, MatchKind, StartKind};

use super::compile::{Compiled, Find};
use super::literal::base64_of;
use super::rule::Check;
use super::view::terminal::{is_c1, sequence};

/// A place where a rule may match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// Index of the compiled rule.
    pub(super) rule: usize,
    /// Where the keyword (or the run of digits) begins.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
    /// The keyword was found in base64.
    pub(super) base64: bool,
}

/// What one pass over a text found.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    pub(super) places: Vec<Candidate>,
    /// The text spells letters or terminal sequences as escapes: keywords may hide behind them.
    pub(super) escapes: bool,
    /// The text spells letters as `%41`.
    pub(super) percent: bool,
}

impl Candidates {
    fn add(&mut self, rules: &[usize], start: usize, end: usize) {
        let place = |rule: &usize| Candidate { rule: *rule, start, end, base64: false };
        self.places.extend(rules.iter().map(place));
    }
}

impl Candidates {
    /// Drops those of the places from the `from`th on that are spelled as no match begins.
    ///
    /// A keyword that a break may cut, before `whole`, is no matter of spelling.
    fn sift(&mut self, from: usize, whole: usize, compiled: &[Compiled], bytes: &[u8]) {
        let mut at = from;
        while let Some(place) = self.places.get(at) {
            let spelled = bytes.get(place.start..place.end).unwrap_or_default();
            let rule = compiled.get(place.rule).filter(|_| !place.base64 && place.start >= whole);
            match rule.is_none_or(|rule| rule.may_begin(spelled)) {
                true => at += 1,
                false => drop(self.places.swap_remove(at)),
            }
        }
    }
}

/// The keywords of rules, to be found all at once. To build this takes longer than all else that a search needs, and
/// the redactions by hand change nothing of it.
#[derive(Debug, Default)]
pub(super) struct Keywords {
    dfa: Option<DFA>,
    /// Keyword -> its length, and the rules that it belongs to.
    rules: Vec<(usize, Vec<(usize, bool)>)>,
    /// How many rules there are.
    count: usize,
}

impl Keywords {
    pub(super) fn new(compiled: &[Compiled]) -> Result<Keywords, String> {
        let mut words: BTreeMap<String, Vec<(usize, bool)>> = BTreeMap::new();
        let is_regex = |rule: &&Compiled| matches!(rule.find, Find::Regex(_));
        for (index, rule) in compiled.iter().enumerate() {
            let Some(rule) = Some(rule).filter(is_regex) else { continue };
            let mut add = |word: String, base64| {
                words.entry(word).or_default().push((index, base64));
            };
            for word in rule.keywords.iter().filter(|_| rule.base64) {
                // Keywords are in small letters; `PRIVATE KEY` is written large, and its base64 is another one.
                let mut forms: Vec<String> = base64_of(word.as_bytes()).collect();
                forms.extend(base64_of(word.to_uppercase().as_bytes()));
                forms.sort_unstable();
                forms.dedup();
                forms.into_iter().filter(|word| word.len() > 3).for_each(|word| add(word, true));
            }
            for word in &rule.keywords {
                add(word.clone(), false);
            }
        }
        let dfa = (!words.is_empty()).then(|| {
            DFA::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::Standard)
                .start_kind(StartKind::Unanchored)
                .build(words.keys())
        });
        let dfa = dfa.transpose().map_err(|error| error.to_string())?;
        let rules = words.into_iter().map(|(word, rules)| (word.len(), rules)).collect();
        Ok(Keywords { dfa, rules, count: compiled.len() })
    }
}

/// Finds where rules are worth trying.
#[derive(Debug)]
pub(super) struct Prefilter {
    keywords: Arc<Keywords>,
    /// Index of the first rule with keywords of its own.
    first: usize,
    /// The bytes that are nothing but themselves.
    plain: [bool; 256],
    cards: Vec<usize>,
    accounts: Vec<usize>,
    /// Rules that need two dots, and how far apart.
    dotted: Vec<(usize, usize)>,
    always: Vec<usize>,
}

const DIGIT: u8 = 1;
const CAPITAL: u8 = 2;
const BETWEEN: u8 = 4;

/// What a byte is in a run.
fn class(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => DIGIT,
        b'A'..=b'Z' => CAPITAL,
        b' ' | b'-' => BETWEEN,
        _ => 0,
    }
}

impl Prefilter {
    /// Prepares for `compiled`: manual redactions, which have no keywords, and then the rules of `keywords`. Literals
    /// without case are searched elsewhere.
    pub(super) fn new(compiled: &[Compiled], keywords: Arc<Keywords>) -> Prefilter {
        let (mut cards, mut accounts, mut always) = (Vec::new(), Vec::new(), Vec::new());
        let mut dotted = Vec::new();
        for (index, rule) in compiled.iter().enumerate() {
            if matches!(rule.find, Find::Literal { .. }) || !rule.keywords.is_empty() {
                continue;
            }
            match (rule.check, rule.dots) {
                (Some(Check::Luhn), _) => cards.push(index),
                (Some(Check::Iban), _) => accounts.push(index),
                (_, Some(apart)) => dotted.push((index, apart)),
                _ => always.push(index),
            }
        }
        let first = compiled.len().saturating_sub(keywords.count);
        let plain =
            std::array::from_fn(|byte| !matches!(byte, 0x0a | 0x0d | 0x1b | 0x25 | 0x5c | 0xC2));
        Prefilter { keywords, first, plain, cards, accounts, dotted, always }
    }

    /// Looks for keywords, through terminal sequences and line breaks, and for runs of digits and capitals.
    pub(super) fn scan(&self, compiled: &[Compiled], text: &str) -> Candidates {
        let mut found = Candidates::default();
        if let Some(keywords) = &self.keywords.dfa {
            self.keywords(keywords, compiled, text.as_bytes(), &mut found);
        }
        let bytes = text.as_bytes();
        for (rules, inside) in [(&self.cards, DIGIT), (&self.accounts, DIGIT | CAPITAL)] {
            if !rules.is_empty() {
                for (start, end) in (Runs { bytes, at: 0, inside }) {
                    found.add(rules, start, end);
                }
            }
        }
        for (rule, apart) in &self.dotted {
            for dot in memchr::memchr_iter(b'.', bytes) {
                let rest = bytes.get(dot + 1..).unwrap_or_default();
                if let Some(end) = dotted(rest, *apart) {
                    found.add(&[*rule], dot, dot + end + 2);
                }
            }
        }
        found.add(&self.always, 0, text.len());
        found.places.sort_unstable();
        found
    }

    fn keywords(&self, dfa: &DFA, compiled: &[Compiled], bytes: &[u8], found: &mut Candidates) {
        let Ok(start) = dfa.start_state(Anchored::No) else {
            return;
        };
        let mut state: StateID = start;
        let mut at = 0;
        // The last break that was passed over: where it began and ended.
        let mut gap = (0, 0);
        while let Some(byte) = bytes.get(at) {
            let plain = self.plain.get(usize::from(*byte)).copied().unwrap_or(true);
            match byte {
                _ if plain => {}
                b'\n' | b'\r' => {
                    let rest = bytes.get(at..).unwrap_or_default();
                    let blank = |byte: &u8| !matches!(byte, b'\n' | b'\r' | b' ' | b'\t');
                    let length = rest.iter().position(blank).unwrap_or(rest.len());
                    gap = (at, at + length);
                    at += length;
                    continue;
                }
                0x1b | 0xC2 if *byte == 0x1b || is_c1(bytes.get(at + 1)) => {
                    let length = sequence(bytes, at).max(1);
                    found.escapes = true;
                    gap = (at, at + length);
                    at += length;
                    continue;
                }
                b'\\' => found.escapes |= spells(bytes.get(at + 1..).unwrap_or_default()),
                b'%' => {
                    let next = bytes.get(at + 1).is_some_and(|next| matches!(next, b'2'..=b'7'));
                    let hex = bytes.get(at + 2).is_some_and(u8::is_ascii_hexdigit);
                    let is_u = matches!(bytes.get(at + 1), Some(b'u' | b'U'));
                    let code = bytes.get(at + 2..at + 6).unwrap_or_default();
                    let code = code.len() == 4 && code.iter().all(u8::is_ascii_hexdigit);
                    found.percent |= next && hex || is_u && code;
                }
                _ => {}
            }
            state = dfa.next_state(Anchored::No, state, *byte);
            at += 1;
            if dfa.is_special(state) && dfa.is_match(state) {
                let from = found.places.len();
                self.matched(dfa, state, at, gap, found);
                found.sift(from, gap.1, compiled, bytes);
            }
        }
    }

    fn matched(
        &self,
        dfa: &DFA,
        state: StateID,
        end: usize,
        gap: (usize, usize),
        found: &mut Candidates,
    ) {
        for index in 0..dfa.match_len(state) {
            let id = dfa.match_pattern(state, index);
            let Some((length, rules)) = self.keywords.rules.get(id.as_usize()) else { continue };
            let start = match end.saturating_sub(*length) {
                start if start < gap.1 => gap.0.saturating_sub(*length),
                start => start,
            };
            let place = |(rule, base64): &(usize, bool)| Candidate {
                rule: self.first + *rule,
                start,
                end,
                base64: *base64,
            };
            found.places.extend(rules.iter().map(place));
        }
    }
}

/// Where the dot stands that comes `apart` characters later, a line break and what is around it not counted.
fn dotted(rest: &[u8], apart: usize) -> Option<usize> {
    let end = rest.iter().take(apart + 16).position(|byte| *byte == b'.')?;
    let between = rest.get(..end)?;
    let token = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let count = || between.iter().filter(token).count();
    // An escaped line break has letters of its own.
    let wrapped = || match (between.contains(&b'\n'), between.contains(&b'\\')) {
        (_, true) => (apart..apart + 4).contains(&count()),
        (broken, false) => broken && count() == apart,
    };
    (end == apart || end > apart && wrapped()).then_some(end)
}

/// Whether an escape that spells a letter or a slash, or begins a terminal sequence, follows a backslash.
fn spells(rest: &[u8]) -> bool {
    matches!(
        rest,
        [b'u', b'0', b'0', b'2'..=b'7', ..]
            | [b'x', b'2'..=b'7', ..]
            | [b'u', b'{', ..]
            | [b'U', b'0', b'0', b'0', ..]
            | [b'0'..=b'3', b'0'..=b'7', b'0'..=b'7', ..]
            | [b'u', b'0', b'0', b'1' | b'9', b'b' | b'B', ..]
            | [b'x', b'1' | b'9', b'b' | b'B', ..]
            | [b'e', b'[' | b']', ..]
            | [b'/', ..]
    )
}

/// Runs of at least [`Runs::LEAST`] characters, single blanks and dashes between them included.
struct Runs<'a> {
    bytes: &'a [u8],
    at: usize,
    inside: u8,
}

impl Runs<'_> {
    const LEAST: usize = 13;

    fn class(&self, at: usize) -> u8 {
        self.bytes.get(at).map_or(0, |byte| class(*byte))
    }

    fn holds(&self, at: usize) -> bool {
        let class = self.class(at);
        class & self.inside != 0
            || class == BETWEEN
                && self.class(at + 1) & self.inside != 0
                && at.checked_sub(1).is_some_and(|at| self.class(at) & self.inside != 0)
    }
}

impl Iterator for Runs<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        // A run is longer than a stride, so that one look in each stride meets it.
        while self.at < self.bytes.len() {
            let probe = self.at + Runs::LEAST - 1;
            if !self.holds(probe) {
                self.at = probe + 1;
                continue;
            }
            let start =
                (self.at..probe).rev().take_while(|at| self.holds(*at)).last().unwrap_or(probe);
            let end = (probe..self.bytes.len()).take_while(|at| self.holds(*at)).last()? + 1;
            self.at = end;
            if end - start >= Runs::LEAST {
                return Some((start, end));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_wherever_they_stand() {
        for before in 0..40 {
            let text =
                format!("{}4111 1111 1111 1111{}", "x".repeat(before), "y".repeat(before % 7));
            let runs: Vec<_> = Runs { bytes: text.as_bytes(), at: 0, inside: DIGIT }.collect();
            assert_eq!(runs, [(before, before + 19)], "{text}");
        }
    }

    #[test]
    fn base64_is_found_in_each_alignment() {
        let words: Vec<String> = base64_of(b"ghp_").collect();
        for (shift, word) in words.iter().enumerate() {
            assert!(["Z2hwX0FB", "QWdocF9B", "QUFnaHBf"][shift].contains(word.as_str()), "{word}");
            assert!(word.len() > 3);
        }
    }
}
