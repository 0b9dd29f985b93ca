//! Runs rules over one reading of a text.

mod echo;
mod search;
mod wrap;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use self::search::{Search, decode};
use super::compile::{Compiled, Find};
use super::engine::Context;
use super::literal::{Literals, is_base64};
use super::prefilter::{Candidates, Keywords, Prefilter};
use super::rule::RuleError;
use super::view::spelled::{self, Reading, SPELLINGS};
use super::view::{self, View, terminal};

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
    literals: Option<Literals>,
    /// Some keyword has characters that JSON may escape: it may hide behind any backslash.
    fragile: bool,
    /// What stands for secrets is none itself.
    pub(super) shown: HashSet<String>,
}

/// So many spellings of spellings are read: percent signs within entities within base64.
const NESTED_MAX: u8 = 3;
/// Of a text that is longer, one spelling less: the number of readings grows with each by what may be spelled.
const LONG: usize = 64 * 1024;
/// A shorter run of base64 inside of a terminal sequence holds no secret.
const RUN_MIN: usize = 12;
impl Scanner {
    /// Prepares a search for `rules`.
    ///
    /// `keywords` are those of the rules that come behind the redactions by hand.
    pub(super) fn new(rules: Vec<Compiled>, keywords: Arc<Keywords>) -> Result<Scanner, RuleError> {
        let fail = |reason: String| RuleError::file(None, reason);
        let prefilter = Prefilter::new(&rules, keywords);
        let literals = rules.iter().enumerate().filter_map(|(index, rule)| match &rule.find {
            Find::Literal { text, ignore_case } => Some((index, text.as_str(), *ignore_case)),
            Find::Regex(_) => None,
        });
        let literals = Literals::new(&literals.collect::<Vec<_>>()).map_err(fail)?;
        let plain = |c: char| c.is_ascii() && !c.is_ascii_control() && !"\"\\".contains(c);
        let fragile =
            rules.iter().flat_map(|rule| &rule.keywords).any(|word| !word.chars().all(plain));
        let shown = rules.iter().map(|rule| rule.shown.clone()).collect();
        Ok(Scanner { rules, prefilter, literals, fragile, shown })
    }

    /// The places worth a look, or none where nothing can be hidden in any reading of `text`.
    pub(super) fn candidates(&self, text: &str) -> Option<Candidates> {
        let candidates = self.prefilter.scan(&self.rules, text);
        let literal = || self.literals.as_ref().is_some_and(|literals| literals.may_be_in(text));
        let fragile = || self.fragile && memchr::memchr(b'\\', text.as_bytes()).is_some();
        let spelled = candidates.escapes || candidates.percent || spelled::is_spelled(text);
        (spelled || !candidates.places.is_empty() || fragile() || literal()).then_some(candidates)
    }

    /// Finds secrets in `text` and in its readings without terminal sequences, spelled characters and wrapped lines.
    pub(super) fn surface(
        &self,
        text: &str,
        candidates: &Candidates,
        at: &Context<'_>,
        out: &mut Vec<Found>,
    ) {
        let nested = if text.len() > LONG { NESTED_MAX - 1 } else { NESTED_MAX };
        self.readings(text, candidates, at, (nested, true), out);
    }

    fn readings(
        &self,
        text: &str,
        candidates: &Candidates,
        at: &Context<'_>,
        (nested, is_first): (u8, bool),
        out: &mut Vec<Found>,
    ) {
        self.run(text, candidates, at, out);
        match terminal::without_sequences(text) {
            Some(view) => {
                // Where a sequence stands inside or beside a hit, the reading without sequences is the right one, and
                // for what stands inside of a sequence the reading of that alone.
                out.retain(|found| !view.touches(found.start, found.end));
                let mut inner = Vec::new();
                let places = self.prefilter.scan(&self.rules, &view.text);
                self.readings(&view.text, &places, at, (nested, is_first), &mut inner);
                out.extend(inner.into_iter().map(|found| found.through(&view)));
                terminal::texts(text).for_each(|inside| self.inside(text, inside, at, nested, out));
            }
            None => {
                self.wrapped(text, candidates, at, out);
                let Some(left) = nested.checked_sub(1) else {
                    return;
                };
                // Backslashes of the text itself are read before.
                let escapes = (!is_first).then_some(&(spelled::without_escapes as Reading));
                let readings = SPELLINGS.iter().chain(escapes);
                for view in readings.filter_map(|reading| reading(text)) {
                    self.reading(&view, at, left, out);
                }
            }
        }
    }

    fn reading(&self, view: &View<'_>, at: &Context<'_>, nested: u8, out: &mut Vec<Found>) {
        let mut inner = Vec::new();
        let places = self.prefilter.scan(&self.rules, &view.text);
        self.readings(&view.text, &places, at, (nested, false), &mut inner);
        out.extend(inner.into_iter().map(|found| found.through(view)));
    }

    /// Finds secrets in the text inside of a terminal sequence, which may be base64.
    fn inside(
        &self,
        text: &str,
        inside: Range<usize>,
        at: &Context<'_>,
        nested: u8,
        out: &mut Vec<Found>,
    ) {
        let start = inside.start;
        let Some(text) = text.get(inside) else { return };
        let moved =
            |found: Found| Found { start: found.start + start, end: found.end + start, ..found };
        let mut inner = Vec::new();
        self.reading(&View::plain(text), at, nested, &mut inner);
        out.extend(inner.drain(..).map(moved));
        let mut next = start;
        let Some(left) = nested.checked_sub(1) else { return };
        for run in text.as_bytes().split(|byte| !is_base64(*byte)) {
            let (start, end) = (next, next + run.len());
            next = end + 1;
            if run.len() >= RUN_MIN {
                let decoded = decode(run);
                let decoded = String::from_utf8_lossy(&decoded);
                self.reading(&View::plain(&decoded), at, left, &mut inner);
                out.extend(inner.drain(..).map(|found| Found { start, end, ..found }));
            }
        }
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
                let next = view::line_breaks(text.as_bytes(), start).next();
                from = next.unwrap_or(text.len()) + 1;
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
            let first = out.len();
            let mut search = Search { rule, text, places, shown: &self.shown, out };
            search.all();
            if rule.echo && out.len() > first {
                echo(text, first, out);
            }
        }
        self.literals(text, at, out);
    }

    /// Finds literals.
    fn literals(&self, text: &str, at: &Context<'_>, out: &mut Vec<Found>) {
        let Some(literals) = &self.literals else {
            return;
        };
        literals.find(text, &mut |rule, start, end| {
            if self.rules.get(rule).is_some_and(|rule| rule.applies(at)) {
                out.push(Found { start, end, rule, level: 0, quoted: false, context: false });
            }
        });
    }
}

/// Adds the places where names of users, found from the `first`th on, stand once more.
fn echo(text: &str, first: usize, out: &mut Vec<Found>) {
    let names: Vec<Found> = out.get(first..).unwrap_or_default().to_vec();
    let Some(name) = names.first() else { return };
    let places = names.iter().map(|found| (found.start, found.end));
    echo::echoes(text, places, &mut |start, end| {
        if names.iter().all(|found| (found.start, found.end) != (start, end)) {
            out.push(Found { start, end, context: false, ..*name });
        }
    });
}

impl Found {
    /// The same secret in the text that `view` reads.
    pub(super) fn through(self, view: &View<'_>) -> Found {
        let (start, end) = view.source(self.start, self.end);
        Found { start, end, ..self }
    }
}
