//! Runs rules over one reading of a text.

use std::collections::HashSet;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, alphabet};
// As in `compile`: stretches of a text, and matches that begin where they are looked for.
use regex_automata::{Anchored, Input, Span};

use super::check;
use super::compile::{Compiled, Find, Lazy};
use super::engine::Context;
use super::prefilter::{Candidate, Candidates, Keywords, Prefilter};
use super::rule::{Check, RuleError};
use super::view::{self, View};
use super::wrap;

/// A secret, in places of the text that was searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Index of the compiled rule.
    pub(super) rule: usize,
    /// How often the replacement must be escaped to stand here.
    pub(super) level: u8,
    /// A JSON number or boolean, which becomes a string.
    pub(super) quoted: bool,
    /// The match begins before the secret.
    pub(super) context: bool,
}

/// All rules, ready to search with.
#[derive(Debug)]
pub(super) struct Scanner {
    pub(super) rules: Vec<Compiled>,
    prefilter: Prefilter,
    literals: Option<AhoCorasick>,
    /// Some keyword has characters that JSON may escape: it may hide behind any backslash.
    fragile: bool,
    /// What stands for secrets is none itself.
    shown: HashSet<String>,
    /// Literal -> its rule.
    literal_rules: Vec<usize>,
}

/// How far behind its keyword a match is looked for at first.
const AHEAD: usize = 1024;
/// A window up to this size is tried place by place.
const NEAR: usize = 4;
/// What stands for a secret is so long at most, where it is looked for behind the beginning of a match.
const SHOWN_MAX: usize = 64;
/// A match that ends so near to where the search was cut off may go on.
const NEAR_END: usize = 128;
/// How far before a match `allow_before` looks.
const BACK: usize = 64;

impl Scanner {
    /// Prepares a search for `rules`.
    ///
    /// `keywords` are those of the rules that come behind the redactions by hand.
    pub(super) fn new(rules: Vec<Compiled>, keywords: Arc<Keywords>) -> Result<Scanner, RuleError> {
        let fail = |reason: String| RuleError::file(None, reason);
        let prefilter = Prefilter::new(&rules, keywords);
        let literals = rules.iter().enumerate().filter_map(|(index, rule)| match &rule.find {
            Find::Literal(text) => Some((index, text)),
            Find::Regex(_) => None,
        });
        let (literal_rules, texts): (Vec<usize>, Vec<&String>) = literals.unzip();
        let literals = (!texts.is_empty()).then(|| AhoCorasick::new(&texts));
        let literals = literals.transpose().map_err(|error| fail(error.to_string()))?;
        let plain = |c: char| c.is_ascii() && !c.is_ascii_control() && !"\"\\".contains(c);
        let fragile =
            rules.iter().flat_map(|rule| &rule.keywords).any(|word| !word.chars().all(plain));
        let shown = rules.iter().map(|rule| rule.shown.clone()).collect();
        Ok(Scanner { rules, prefilter, literals, literal_rules, fragile, shown })
    }

    /// The places worth a look, or none where nothing can be hidden in any reading of `text`.
    pub(super) fn candidates(&self, text: &str) -> Option<Candidates> {
        let candidates = self.prefilter.scan(&self.rules, text);
        let literal = || {
            let escapes = |byte: &u8| matches!(byte, b'\\' | b'%' | b'\n' | 0x1b | 0xC2);
            self.literals
                .as_ref()
                .is_some_and(|l| text.as_bytes().iter().any(escapes) || l.is_match(text))
        };
        let fragile = || self.fragile && memchr::memchr(b'\\', text.as_bytes()).is_some();
        let spelled = candidates.escapes || candidates.percent;
        (spelled || !candidates.places.is_empty() || fragile() || literal()).then_some(candidates)
    }

    /// Finds secrets in `text` and in its readings without colours, percent signs and wrapped lines.
    pub(super) fn surface(
        &self,
        text: &str,
        candidates: &Candidates,
        at: &Context<'_>,
        out: &mut Vec<Found>,
    ) {
        self.run(text, candidates, at, out);
        if candidates.percent
            && let Some(view) = view::without_percent(text)
        {
            self.reading(&view, at, out);
        }
        match view::without_colours(text) {
            None => self.wrapped(text, candidates, at, out),
            Some(view) => {
                // Where a colour stands inside or beside a hit, the reading without colours is the right one.
                out.retain(|found| !view.touches(found.start, found.end));
                let (mut inner, places) =
                    (Vec::new(), self.prefilter.scan(&self.rules, &view.text));
                self.run(&view.text, &places, at, &mut inner);
                self.wrapped(&view.text, &places, at, &mut inner);
                out.extend(inner.into_iter().map(|found| found.through(&view)));
            }
        }
    }

    fn reading(&self, view: &View<'_>, at: &Context<'_>, out: &mut Vec<Found>) {
        let mut inner = Vec::new();
        self.run(&view.text, &self.prefilter.scan(&self.rules, &view.text), at, &mut inner);
        out.extend(inner.into_iter().map(|found| found.through(view)));
    }

    /// Finds tokens that run over line breaks.
    fn wrapped(&self, text: &str, places: &Candidates, at: &Context<'_>, out: &mut Vec<Found>) {
        let known = out.clone();
        let mut starts: Vec<usize> = places.places.iter().map(|place| place.start).collect();
        starts.sort_unstable();
        let mut from = 0;
        for start in starts {
            if start < from {
                continue;
            }
            let Some((view, offset, last)) = view::joined(text, start) else {
                let rest = text.as_bytes().get(start..).unwrap_or_default();
                from = start + memchr::memchr(b'\n', rest).unwrap_or(rest.len()) + 1;
                continue;
            };
            from = last.max(start + 1);
            let mut inner = Vec::new();
            let places = self.prefilter.scan(&self.rules, &view.text);
            self.run(&view.text, &places, at, &mut inner);
            self.bounded(&view, &places, at, &mut inner);
            for found in inner {
                let Some(rule) = self.rules.get(found.rule) else { continue };
                let start = found.through(&view).start + offset;
                let same = |other: &Found| other.rule == found.rule && other.start == start;
                let complete = known.iter().any(same);
                if let Some(found) = wrap::wrapped(rule, &view, found, complete) {
                    let found = found.through(&view);
                    out.push(Found { start, end: found.end + offset, ..found });
                }
            }
        }
    }

    /// Finds tokens of joined lines that end with the line behind their break: the next one would hide that they end.
    fn bounded(
        &self,
        view: &View<'_>,
        places: &Candidates,
        at: &Context<'_>,
        out: &mut Vec<Found>,
    ) {
        for place in places.places.iter().filter(|place| !place.base64) {
            let rule = self.rules.get(place.rule).filter(|rule| rule.bounded && rule.applies(at));
            let Some(rule) = rule else { continue };
            let end = view.cuts(place.start, view.text.len()).nth(1);
            if let Some(text) = end.and_then(|end| view.text.get(..end)) {
                Search { rule, text, places: &[*place], shown: &self.shown, out }.all();
            }
        }
    }

    /// Runs the rules that have candidates, on `text` as it stands.
    pub(super) fn run(
        &self,
        text: &str,
        found: &Candidates,
        at: &Context<'_>,
        out: &mut Vec<Found>,
    ) {
        for places in found.places.chunk_by(|a, b| a.rule == b.rule) {
            let rule = places.first().and_then(|place| self.rules.get(place.rule));
            let Some(rule) = rule.filter(|rule| rule.applies(at)) else {
                continue;
            };
            let mut search = Search { rule, text, places, shown: &self.shown, out };
            search.all();
        }
        self.literals(text, at, out);
    }

    /// Finds literals.
    fn literals(&self, text: &str, at: &Context<'_>, out: &mut Vec<Found>) {
        let Some(literals) = &self.literals else {
            return;
        };
        for place in literals.find_overlapping_iter(text) {
            let rule = self.literal_rules.get(place.pattern().as_usize()).copied();
            let applies = |rule: &usize| self.rules.get(*rule).is_some_and(|rule| rule.applies(at));
            out.extend(rule.filter(applies).map(|rule| Found {
                start: place.start(),
                end: place.end(),
                rule,
                level: 0,
                quoted: false,
                context: false,
            }));
        }
    }
}

impl Found {
    /// The same secret in the text that `view` reads.
    pub(super) fn through(self, view: &View<'_>) -> Found {
        let (start, end) = view.source(self.start, self.end);
        Found { start, end, ..self }
    }
}

/// One rule on one text.
struct Search<'a> {
    rule: &'a Compiled,
    text: &'a str,
    places: &'a [Candidate],
    shown: &'a HashSet<String>,
    out: &'a mut Vec<Found>,
}

impl Search<'_> {
    fn all(&mut self) {
        let length = self.text.len();
        for place in self.places.iter().filter(|place| place.base64) {
            self.base64(*place);
        }
        let plain = self.places.iter().filter(|place| !place.base64);
        // Without keywords, a place is the run that holds the whole match, or two dots of it.
        let short = self.rule.keywords.is_empty();
        let ahead = if short { self.rule.window.unwrap_or(0) + NEAR } else { AHEAD };
        match self.rule.window {
            None if plain.clone().next().is_some() => {
                self.range(0, length, Anchored::No);
            }
            None => {}
            Some(window) if window <= NEAR => {
                let mut from = 0;
                for place in plain {
                    let end = self.clip(place.end + ahead);
                    for start in place.start.saturating_sub(window).max(from)..=place.start {
                        let done = self.range(start, end, Anchored::Yes);
                        if done > start {
                            from = done;
                            break;
                        }
                    }
                }
            }
            Some(window) => {
                let mut open: Option<(usize, usize)> = None;
                for place in plain {
                    let start = self.text.floor_char_boundary(place.start.saturating_sub(window));
                    let end = self.clip(place.end + ahead);
                    open = match open {
                        Some((first, last)) if start <= last => Some((first, end.max(last))),
                        Some((first, last)) => {
                            let done = self.range(first, last, Anchored::No);
                            Some((start.max(done), end.max(done)))
                        }
                        None => Some((start, end)),
                    };
                }
                if let Some((first, last)) = open {
                    self.range(first, last, Anchored::No);
                }
            }
        }
    }

    fn clip(&self, at: usize) -> usize {
        self.text.ceil_char_boundary(at.min(self.text.len()))
    }

    /// Searches one stretch; gives where the last match ended.
    fn range(&mut self, start: usize, mut end: usize, anchored: Anchored) -> usize {
        let Find::Regex(find) = &self.rule.find else {
            return start;
        };
        let Some(regex) = find.regex() else {
            // Nobody can say what it would find: nothing of the text is shown.
            self.push(0, self.text.len(), false);
            return self.text.len();
        };
        let (mut at, mut done) = (start, start);
        while at < end {
            let input = Input::new(self.text).range(at..end).anchored(anchored);
            let Some(found) = regex.search(&input) else {
                break;
            };
            let cut = found.end() + NEAR_END >= end && end < self.text.len();
            if cut && !self.rule.keywords.is_empty() {
                end = self.text.len();
                continue;
            }
            if let Some(behind) = self.replaced(found.start()) {
                at = self.clip(behind);
                done = behind;
                continue;
            }
            let secret = match self.rule.group {
                0 => found.span(),
                group => {
                    let mut groups = regex.create_captures();
                    let input =
                        input.clone().range(found.start()..found.end()).anchored(Anchored::Yes);
                    regex.search_captures(&input, &mut groups);
                    // A match without any group is context that was matched to be skipped.
                    let mut others =
                        (1..groups.group_len()).filter_map(|group| groups.get_group(group));
                    match groups.get_group(group).or_else(|| others.next()) {
                        Some(secret) => secret,
                        None => {
                            at = self.clip(found.end().max(at + 1));
                            done = found.end();
                            continue;
                        }
                    }
                }
            };
            match self.accept(secret, found.start()) {
                Some(secret) => {
                    self.push(secret.start, secret.end, found.start() < secret.start);
                    at = secret.end.max(at + 1);
                }
                None if self.rule.check.is_some_and(Check::takes_a_part) => at = found.start() + 1,
                None => at = secret.end.max(found.start() + 1),
            }
            at = self.clip(at);
            done = found.end();
            if anchored == Anchored::Yes {
                break;
            }
        }
        done
    }

    /// Where what stands for a secret ends, if a match begins inside of it: its words are no name of anything.
    fn replaced(&self, start: usize) -> Option<usize> {
        let before = self.text.as_bytes().get(start.saturating_sub(SHOWN_MAX)..=start)?;
        let open = start - before.iter().rev().position(|byte| *byte == b'[')?;
        let close =
            open + self.text.as_bytes().get(open..)?.iter().position(|byte| *byte == b']')?;
        let shown = self.text.get(open..=close)?;
        (start <= close && self.shown.contains(shown)).then_some(close + 1)
    }

    fn push(&mut self, start: usize, end: usize, context: bool) {
        let Some(rule) = self.places.first().map(|place| place.rule) else {
            return;
        };
        if start < end {
            self.out.push(Found { start, end, rule, level: 0, quoted: false, context });
        }
    }

    /// The secret, or as much of it as passes the check digits; none where it is allowed to stay.
    fn accept(&self, span: Span, start: usize) -> Option<Span> {
        let mut secret = self.text.get(span.range())?;
        if let Some(check) = self.rule.check {
            while !check::passes(check, secret) {
                if !check.takes_a_part() {
                    return None;
                }
                secret = secret.get(..secret.rfind([' ', '-'])?)?;
            }
        }
        if self.shown.contains(secret) {
            return None;
        }
        let low = self.rule.entropy.is_some_and(|least| check::entropy(secret) < least);
        let finds = |list: &[Arc<Lazy>], text: &str| {
            list.iter().any(|allow| allow.regex().is_some_and(|allow| allow.is_match(text)))
        };
        let stays = low
            || self.rule.is_token && is_inside(self.before(start))
            || finds(&self.rule.allow, secret)
            || !self.rule.allow_before.is_empty()
                && finds(&self.rule.allow_before, self.before(start));
        (!stays).then_some(Span { start: span.start, end: span.start + secret.len() })
    }

    /// What stands before a match in its line, as far as a look back goes.
    fn before(&self, at: usize) -> &str {
        let from = self.text.ceil_char_boundary(at.saturating_sub(BACK));
        let before = self.text.get(from..at).unwrap_or_default();
        before.rsplit('\n').next().unwrap_or_default()
    }

    /// Decodes the run of base64 around a keyword, and hides all of it where the rule matches inside.
    fn base64(&mut self, place: Candidate) {
        let Find::Regex(find) = &self.rule.find else {
            return;
        };
        let digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
        let bytes = self.text.as_bytes();
        let before = bytes.get(..place.start).unwrap_or_default();
        let start = before.iter().rposition(|byte| !digit(byte)).map_or(0, |last| last + 1);
        let after = bytes.get(place.start..).unwrap_or_default();
        let mut end =
            place.start + after.iter().position(|byte| !digit(byte)).unwrap_or(after.len());
        let run = bytes.get(start..end).unwrap_or_default();
        while bytes.get(end) == Some(&b'=') {
            end += 1;
        }
        if self.out.last().is_some_and(|last| (last.start, last.end) == (start, end)) {
            return;
        }
        let inside = (0..4).any(|shift| {
            let decoded = decode(run.get(shift..).unwrap_or_default());
            let decoded = String::from_utf8_lossy(&decoded);
            find.regex().is_none_or(|regex| regex.is_match(decoded.as_ref()))
        });
        if inside {
            self.push(start, end, false);
        }
    }
}

/// Whether what follows is a piece of something longer that was drawn: encrypted or encoded data.
fn is_inside(before: &str) -> bool {
    let in_run = |c: char| c.is_ascii_alphanumeric() || "_-+/".contains(c);
    let run = before.rsplit(|c| !in_run(c)).next().unwrap_or_default();
    run.len() >= INSIDE_MIN && !check::reads_as_words(run)
}

/// Before a token in a name or a path stands no longer run that reads as no words.
const INSIDE_MIN: usize = 32;

/// What is found inside of a text may end anywhere.
const LOOSE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Decodes base64 of either alphabet, without padding.
fn decode(run: &[u8]) -> Vec<u8> {
    let standard = |byte: &u8| match byte {
        b'-' => b'+',
        b'_' => b'/',
        byte => *byte,
    };
    let mut run: Vec<u8> = run.iter().map(standard).collect();
    // A digit by itself is less than a byte.
    run.truncate(run.len() - usize::from(run.len() % 4 == 1));
    LOOSE.decode(run).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_may_be_of_either_alphabet_and_end_anywhere() {
        let decoded = |run: &str| decode(run.as_bytes());
        assert_eq!(decoded("+_-/"), [0xfb, 0xff, 0xbf]);
        for (run, bytes) in
            [("YWJj", "abc"), ("YWJjZ", "abc"), ("YWJjZG", "abcd"), ("YWJjZH", "abcd"), ("Y", "")]
        {
            assert_eq!(decoded(run), bytes.as_bytes(), "{run}");
        }
    }
}
