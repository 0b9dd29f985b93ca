//! Finds what must be hidden in one text, and writes the text that may be shown.

use super::compile::{Compiled, Find};
use super::json::words::{self, Line};
use super::json::{self, Kind, Token, pairs};
use super::literal::Form;
use super::prefilter::Candidates;
use super::ready::Ready;
use super::rule::{RuleError, RuleSet};
use super::scan::{Found, Scanner};
use super::view::{View, spelled};
use codex_ledger_entry::Seq;

/// What a person hid by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manual {
    /// Names it; the smaller id wins among equals.
    pub id: Seq,
    /// What to look for.
    pub matcher: Matcher,
    /// Where.
    pub scope: Scope,
    /// What is shown instead.
    pub replacement: String,
    /// Smaller for a narrower scope: the narrower one wins.
    pub rank: u8,
}

/// How a manual redaction finds its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matcher {
    /// The text itself, in any spelling.
    Literal {
        /// The text.
        text: String,
        /// Whether capital and small letters are the same.
        ignore_case: bool,
    },
    /// A regular expression.
    Regex(String),
}

impl Matcher {
    /// Whether it may find the id of a thread, which is a UUID: hidden in one session, it is hidden in all that name it. A letter
    /// that no UUID has says that it cannot; of a pattern that is not known.
    pub fn may_name_a_thread(&self) -> bool {
        match self {
            Matcher::Literal { text, .. } => {
                !text.bytes().any(|b| b.is_ascii_alphabetic() && !b.is_ascii_hexdigit())
            }
            Matcher::Regex(_) => true,
        }
    }
}

/// Which texts a manual redaction applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every text.
    Global,
    /// Texts of the session with this id.
    Session(String),
    /// Texts of sessions in this repository: see [`Scope::repo`].
    Repo(String),
}

impl Scope {
    /// Texts of sessions in a repository, however its address is spelled, or in a directory.
    pub fn repo(address: &str) -> Scope {
        Scope::Repo(codex_ledger_location::plain(address))
    }
}

/// Where a text will stand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// Table of the views.
    pub table: &'static str,
    /// Column of the table.
    pub column: &'static str,
    /// Who wrote it, where known: user, assistant, …
    pub role: Option<&'a str>,
    /// Ids of the sessions whose text this is.
    pub sessions: &'a [String],
    /// Their repository.
    pub repo: Option<&'a str>,
    /// Nobody says whose it is: what is hidden for anybody is hidden here.
    pub is_anybodys: bool,
}

/// What hides a passage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// Index of a rule in its set.
    Rule(u32),
    /// Id of a manual redaction.
    Manual(Seq),
}

/// How often one source hides something in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The source.
    pub by: By,
    /// How a literal that a person hid is spelled there.
    pub form: Option<Form>,
    /// Passages; one that several sources hide counts for each of them.
    pub passages: u32,
}

impl Hit {
    /// A text that a redaction by hand hides as a whole.
    pub(crate) fn whole(redaction: Seq) -> Hit {
        Hit { by: By::Manual(redaction), form: None, passages: 1 }
    }
}

/// A passage that is hidden, in bytes of the original text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// First byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
    /// The source whose replacement is shown.
    pub by: By,
    /// All sources, in order.
    pub all: Vec<By>,
    /// What is shown, escaped as the place demands.
    pub replacement: String,
}

/// Raised when the same rules and redactions come to hide something else in the same text: what was derived before then
/// has to be derived anew.
pub const GENERATION: u32 = 5;

/// Rules and manual redactions, ready to use from any thread.
#[derive(Debug)]
pub struct Engine {
    scanner: Scanner,
}

/// A shorter text may stand elsewhere by chance.
const REPEAT_MIN: usize = 12;
/// Repeats of so many secrets of one text are looked for.
const REPEATED_MAX: usize = 64;

/// JSON inside JSON is read to this depth; what is deeper is read as plain text.
const DEPTH_MAX: u8 = 16;
/// Backslashes outside JSON are read off so often.
const LEVELS_MAX: usize = 4;

impl Engine {
    /// Compiles rules and manual redactions.
    ///
    /// # Errors
    ///
    /// A rule that is in force and cannot be: the error names it.
    pub fn compile(rules: &RuleSet, manual: &[Manual]) -> Result<Engine, RuleError> {
        let engine = Engine::prepare(&Ready::new(rules)?, manual)?;
        engine.scanner.rules.iter().try_for_each(|compiled| compiled.check(&rules.rules))?;
        Ok(engine)
    }

    /// The same for rules that were checked before: a pattern is compiled when a text first asks for it; one that then cannot be
    /// hides the texts that ask.
    ///
    /// # Errors
    ///
    /// A rule that cannot be read.
    pub fn of_checked(rules: &RuleSet, manual: &[Manual]) -> Result<Engine, RuleError> {
        Engine::prepare(&Ready::new(rules)?, manual)
    }

    pub(super) fn prepare(rules: &Ready, manual: &[Manual]) -> Result<Engine, RuleError> {
        let manual = manual.iter().map(Compiled::manual);
        let mut compiled = manual.collect::<Result<Vec<_>, _>>()?;
        // What a person hid comes before any rule.
        compiled.sort_by_key(|manual| manual.order);
        compiled.extend(rules.rules.iter().cloned());
        Ok(Engine { scanner: Scanner::new(compiled, rules.keywords.clone())? })
    }

    /// One for which what is shown instead of something may hold a secret, too.
    pub(super) fn that_trusts_nothing(mut self) -> Engine {
        self.scanner.shown.clear();
        self
    }

    /// The text that may be shown, or none where nothing is hidden. Adds what hides to `hits`.
    pub fn redact(&self, text: &str, at: &Context<'_>, hits: &mut Vec<Hit>) -> Option<String> {
        let masks = self.masks(text, at);
        if masks.is_empty() {
            return None;
        }
        let mut shown = String::with_capacity(text.len());
        let mut copied = 0;
        for mask in &masks {
            shown.push_str(text.get(copied..mask.start).unwrap_or_default());
            shown.push_str(&mask.replacement);
            copied = mask.end;
            let found = text.get(mask.start..mask.end).unwrap_or_default();
            for by in mask.all.iter().copied() {
                let form = self.form(by, found);
                match hits.iter_mut().find(|hit| (hit.by, hit.form) == (by, form)) {
                    Some(hit) => hit.passages += 1,
                    None => hits.push(Hit { by, form, passages: 1 }),
                }
            }
        }
        shown.push_str(text.get(copied..).unwrap_or_default());
        Some(shown)
    }

    /// How a literal of a person's is spelled in what was found; none for whatever else hides.
    fn form(&self, by: By, found: &str) -> Option<Form> {
        let By::Manual(_) = by else { return None };
        let of = self.scanner.rules.iter().find(|rule| rule.by == by)?;
        match &of.find {
            Find::Literal { text, .. } => Some(Form::of(found, text)),
            Find::Regex(_) => None,
        }
    }

    /// What is hidden: passages in order, none touching two sources' halves.
    pub fn masks(&self, text: &str, at: &Context<'_>) -> Vec<Mask> {
        let mut found = Vec::new();
        self.text(text, at, 0, &mut found);
        if found.is_empty() {
            return Vec::new();
        }
        self.repeats(text, &mut found);
        for one in &mut found {
            one.start = text.floor_char_boundary(one.start);
            one.end = text.ceil_char_boundary(one.end);
        }
        found.sort_unstable();
        let mut masks = Vec::new();
        let mut from = 0;
        while let Some(first) = found.get(from) {
            let (mut end, mut to) = (first.end, from + 1);
            while let Some(next) = found.get(to).filter(|next| next.start < end) {
                end = end.max(next.end);
                to += 1;
            }
            masks.extend(self.mask(found.get(from..to).unwrap_or_default(), first.start, end));
            from = to;
        }
        masks
    }

    /// Finds the other places of a text where a secret stands that only what is beside it told.
    fn repeats(&self, text: &str, found: &mut Vec<Found>) {
        let is_secret = |one: &&Found| {
            let rule = self.scanner.rules.get(one.rule);
            rule.and_then(|rule| rule.check).is_some_and(|check| !check.takes_a_part())
        };
        let mut known: Vec<Found> = found.iter().filter(is_secret).copied().collect();
        known.sort_unstable_by_key(|one| text.get(one.start..one.end));
        known.dedup_by_key(|one| text.get(one.start..one.end));
        for one in known.iter().take(REPEATED_MAX) {
            let Some(secret) = text.get(one.start..one.end) else { continue };
            if secret.len() >= REPEAT_MIN {
                let places = memchr::memmem::find_iter(text.as_bytes(), secret);
                let again = places.filter(|start| *start != one.start);
                found.extend(again.map(|start| Found { start, end: start + secret.len(), ..*one }));
            }
        }
    }

    /// One passage out of secrets that overlap. Rules are sorted, so the smallest index wins.
    fn mask(&self, group: &[Found], start: usize, end: usize) -> Option<Mask> {
        let mut rules: Vec<usize> = group.iter().map(|found| found.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        let winner = rules.first().and_then(|rule| self.scanner.rules.get(*rule))?;
        let level = group.iter().map(|found| found.level).min()?;
        let mut replacement = winner.shown.clone();
        if group.iter().any(|found| found.quoted) {
            replacement = format!("\"{}\"", escaped(&replacement));
        }
        for _ in 0..level {
            replacement = escaped(&replacement);
        }
        let all = rules.iter().filter_map(|rule| self.scanner.rules.get(*rule)).map(|rule| rule.by);
        Some(Mask { start, end, by: winner.by, all: all.collect(), replacement })
    }

    /// Finds secrets in a text of any kind.
    fn text(&self, text: &str, at: &Context<'_>, depth: u8, out: &mut Vec<Found>) {
        let candidates = self.scanner.candidates(text);
        // A keyword of several words stands in no array of them, as it is written.
        let may_be_words = || text.trim_start().starts_with(['{', '[']) && text.contains('[');
        if candidates.is_none() && !may_be_words() {
            return;
        }
        match (depth < DEPTH_MAX).then(|| json::parse(text)).flatten() {
            Some(tokens) => {
                tokens.iter().for_each(|token| self.token(text, token, at, depth, out));
                words::lines(text, &tokens).for_each(|line| self.line(&line, at, out));
                for (name, value) in pairs::pairs(text, &tokens) {
                    self.pair(text, name, value, at, out);
                }
            }
            None => {
                if let Some(candidates) = candidates {
                    self.plain(text, candidates, at, out);
                }
            }
        }
    }

    /// Finds what only the words before it tell about a word of an array.
    fn line(&self, line: &Line<'_>, at: &Context<'_>, out: &mut Vec<Found>) {
        let mut inner = Vec::new();
        if let Some(candidates) = self.scanner.candidates(&line.text) {
            self.plain(&line.text, candidates, at, &mut inner);
        }
        out.extend(inner.into_iter().flat_map(|found| line.found(found)));
    }

    /// Finds secrets in one leaf or key of a JSON text.
    fn token(&self, text: &str, token: &Token, at: &Context<'_>, depth: u8, out: &mut Vec<Found>) {
        let raw = text.get(token.start..token.end).unwrap_or_default();
        let mut inner = Vec::new();
        if token.kind == Kind::Scalar {
            self.scalar(raw, at, &mut inner);
            let whole =
                |found: Found| Found { start: token.start, end: token.end, quoted: true, ..found };
            out.extend(inner.into_iter().map(whole));
            return;
        }
        let view = spelled::json_string(raw);
        self.text(&view.text, at, depth + 1, &mut inner);
        if let Some((start, end)) = token.key {
            let key = spelled::json_string(text.get(start..end).unwrap_or_default());
            self.member(&key.text, &view.text, at, &mut inner);
        }
        out.extend(inner.into_iter().map(|found| within(found, &view, token)));
    }

    /// Finds what only the member beside it tells about a value.
    fn pair(
        &self,
        text: &str,
        name: &Token,
        value: &Token,
        at: &Context<'_>,
        out: &mut Vec<Found>,
    ) {
        let read = |token: &Token| {
            spelled::json_string(text.get(token.start..token.end).unwrap_or_default())
        };
        let (name, view) = (read(name), read(value));
        let mut inner = Vec::new();
        self.member(&name.text, &view.text, at, &mut inner);
        out.extend(inner.into_iter().map(|found| within(found, &view, value)));
    }

    /// Finds a number or boolean that is a secret by itself: a payment card, or what a person hid.
    fn scalar(&self, raw: &str, at: &Context<'_>, out: &mut Vec<Found>) {
        if let Some(candidates) = self.scanner.candidates(raw) {
            self.scanner.run(raw, &candidates, at, out);
            out.retain(|found| {
                self.scanner.rules.get(found.rule).is_some_and(|rule| rule.hides_numbers())
            });
        }
    }

    /// Finds what only the key tells about its value.
    fn member(&self, key: &str, value: &str, at: &Context<'_>, out: &mut Vec<Found>) {
        let named = self.scanner.candidates(key).is_some_and(|found| !found.places.is_empty());
        let nested = || json::parse(value).is_some_and(|tokens| !tokens.is_empty());
        if !named || value.is_empty() || nested() {
            return;
        }
        for (open, between, close) in [("\"", "\": \"", "\""), ("", ": ", "")] {
            let text = format!("{open}{key}{between}{value}{close}");
            let first = open.len() + key.len() + between.len();
            let mut inner = Vec::new();
            if let Some(candidates) = self.scanner.candidates(&text) {
                self.scanner.surface(&text, &candidates, at, &mut inner);
            }
            for found in inner.into_iter().filter(|found| found.end > first) {
                let start = found.start.saturating_sub(first);
                let end = (found.end - first).min(value.len());
                if start < end {
                    out.push(Found { start, end, ..found });
                }
            }
        }
    }

    /// Finds secrets in a text that is no JSON, as it stands and with its backslashes read.
    fn plain(&self, text: &str, first: Candidates, at: &Context<'_>, out: &mut Vec<Found>) {
        let mut first = Some(first);
        let mut levels: Vec<Vec<Found>> = Vec::new();
        let mut views: Vec<View<'_>> = vec![View::plain(text)];
        while let Some(view) = views.last() {
            let mut found = Vec::new();
            let known = first.take().or_else(|| self.scanner.candidates(&view.text));
            if let Some(candidates) = known {
                self.scanner.surface(&view.text, &candidates, at, &mut found);
            }
            levels.push(found);
            if views.len() > LEVELS_MAX {
                break;
            }
            match spelled::without_escapes(&view.text).map(View::detached) {
                Some(next) => views.push(next),
                None => break,
            }
        }
        let mut above: Vec<Found> = Vec::new();
        while let (Some(mut found), Some(view)) = (levels.pop(), views.pop()) {
            let level = u8::try_from(levels.len()).unwrap_or(u8::MAX);
            found.iter_mut().for_each(|found| found.level = level);
            found.retain_mut(|found| snap(found, &view.text, &above));
            found.append(&mut above);
            above = found.into_iter().map(|found| found.through(&view)).collect();
        }
        out.extend(above.into_iter().filter(|found| found.start < found.end));
    }
}

/// What was found in the inside of a JSON string, in the text that has it.
fn within(found: Found, view: &View<'_>, token: &Token) -> Found {
    let found = found.through(view);
    let (start, end) = (found.start + token.start, found.end + token.start);
    Found { start, end, level: found.level.saturating_add(1), ..found }
}

/// Moves the start of a secret out of an escape that it would cut in half; false where nothing stays.
///
/// A secret that begins with the `n` of `\n` really begins where the unescaped text has it. Where it is none there, it
/// stays only if its rule saw the backslash, too, and took it for itself, as in `C:\Users\name`.
fn snap(found: &mut Found, text: &str, above: &[Found]) -> bool {
    let bytes = text.as_bytes();
    let byte = |back: usize| found.start.checked_sub(back).and_then(|at| bytes.get(at));
    let escape = bytes.get(found.start).is_some_and(|byte| b"nrtux".contains(byte));
    if !escape || byte(1) != Some(&b'\\') || byte(2) == Some(&0x1b) {
        return true;
    }
    let same = |other: &&Found| {
        other.rule == found.rule && other.start < found.end && found.start < other.end
    };
    match above.iter().filter(same).map(|other| other.start).min() {
        Some(start) => found.start = start.max(found.start),
        None => return found.context,
    }
    found.start < found.end
}

/// Escapes text for the inside of a JSON string.
pub(super) fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}
