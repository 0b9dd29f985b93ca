//! Finds literals: texts that somebody named, in whatever spelling they stand.
//!
//! What is spelled by escapes is read before ([`super::view::spelled`]). Here a literal is found as it was given, as it looks
//! ([`fold`]), and in base64.

mod fold;
mod form;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD as STANDARD_NO_PAD;

use self::fold::{How, folded, folded_text, gaps, is_mark, without_signs};
pub use self::form::Form;
use super::view::View;

/// A literal shorter than this is not looked for in base64: it would stand in any.
const BASE64_BYTES_MIN: usize = 8;
/// A literal is looked for in base64 by its beginning: all of a run that holds it is hidden.
const BASE64_BYTES_MAX: usize = 256;

/// Bytes of all spellings up to which the fastest machine is made.
const FAST_BYTES_MAX: usize = 32 * 1024;

const AS_IT_IS: How = How { small: false, blanks: true };
const SMALL: How = How { small: true, blanks: true };

/// What is looked for, and what else must be so where it is found.
#[derive(Debug)]
struct Sought {
    rule: usize,
    /// In its own case; what is searched for is found in any.
    text: String,
    ignore_case: bool,
    base64: bool,
    /// Where blanks stand in a literal that is searched without.
    gaps: Vec<usize>,
    /// For each of them: signs of the literal behind it, which look as those before the words of a line that was quoted,
    /// and are left out with them.
    signs: Vec<String>,
}

/// All literals, ready to search with.
#[derive(Debug)]
pub(super) struct Literals {
    /// As they were given.
    written: AhoCorasick,
    written_forms: Vec<Sought>,
    /// In base64; the first finds fast whether there is one, the second finds all.
    base64: (AhoCorasick, AhoCorasick),
    base64_forms: Vec<Sought>,
    /// As they look.
    seen: AhoCorasick,
    seen_forms: Vec<Sought>,
    /// Whether one of them has a blank.
    has_blanks: bool,
    /// Whether one of them looks otherwise than it is written, so that it may stand in a text that does not.
    looks_otherwise: bool,
}

/// The characters of `bytes`' base64 that do not depend on what stands around it, for each way to fall.
pub(super) fn base64_of(bytes: &[u8]) -> impl Iterator<Item = String> {
    (0..3usize).map(move |shift| {
        let bytes: Vec<u8> = std::iter::repeat_n(0, shift).chain(bytes.iter().copied()).collect();
        let known = (shift * 8).div_ceil(6)..bytes.len() * 8 / 6;
        STANDARD_NO_PAD.encode(bytes).get(known).unwrap_or_default().to_owned()
    })
}

pub(super) fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
}

/// The run of base64 around `start..end`, with its padding.
fn run(text: &str, start: usize, end: usize) -> (usize, usize) {
    let bytes = text.as_bytes();
    let before = bytes.get(..start).unwrap_or_default();
    let start = before.iter().rposition(|byte| !is_base64(*byte)).map_or(0, |last| last + 1);
    let after = bytes.get(end..).unwrap_or_default();
    let length = after.iter().position(|byte| !is_base64(*byte)).unwrap_or(after.len());
    let padding = after.get(length..).unwrap_or_default();
    (start, end + length + padding.iter().take_while(|byte| **byte == b'=').count())
}

/// The spellings of a literal's base64: of its own case and, where case is no matter, of small and capital letters, and
/// with a capital at the beginning, or of each word.
fn base64_forms(text: &str, ignore_case: bool) -> Vec<String> {
    if text.len() < BASE64_BYTES_MIN {
        return Vec::new();
    }
    let mut cases = vec![text.to_owned()];
    if ignore_case {
        cases.extend([text.to_lowercase(), text.to_uppercase()]);
        cases.extend([capitalised(text, false), capitalised(text, true)]);
    }
    let beginning = |mut bytes: Vec<u8>| {
        bytes.truncate(BASE64_BYTES_MAX);
        base64_of(&bytes).collect::<Vec<_>>()
    };
    let narrow = cases.iter().map(|text| text.as_bytes().to_vec());
    // Shells of Windows take commands so.
    let wide = cases.iter().map(|text| text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    let mut forms: Vec<String> = narrow.chain(wide).flat_map(beginning).collect();
    let for_urls: Vec<String> =
        forms.iter().map(|form| form.replace('+', "-").replace('/', "_")).collect();
    forms.extend(for_urls);
    forms.sort_unstable();
    forms.dedup();
    forms
}

/// A text in small letters but for the first of it, or of each word.
fn capitalised(text: &str, each_word: bool) -> String {
    let mut begins = true;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match begins {
            true => out.extend(c.to_uppercase()),
            false => out.extend(c.to_lowercase()),
        }
        begins = (each_word || out.is_empty()) && !c.is_alphanumeric();
    }
    out
}

impl Literals {
    /// Prepares a search for texts, each with its rule and whether its case is no matter.
    pub(super) fn new(texts: &[(usize, &str, bool)]) -> Result<Option<Literals>, String> {
        if texts.is_empty() {
            return Ok(None);
        }
        let (mut written, mut base64, mut seen) = (Vec::new(), Vec::new(), Vec::new());
        for (rule, text, ignore_case) in texts.iter().copied() {
            let form = |text: String, gaps: Vec<usize>| {
                let signs = Vec::new();
                Sought { rule, text, ignore_case, base64: false, gaps, signs }
            };
            written.push(form(text.to_owned(), Vec::new()));
            seen.push(form(folded_text(text, AS_IT_IS), gaps(text)));
            for (bare, signs) in without_signs(text) {
                seen.push(Sought { signs, ..form(folded_text(&bare, AS_IT_IS), gaps(&bare)) });
            }
            for text in base64_forms(text, ignore_case) {
                let form = || Sought {
                    rule,
                    text: text.clone(),
                    ignore_case: false,
                    base64: true,
                    gaps: Vec::new(),
                    signs: Vec::new(),
                };
                base64.push(form());
                seen.push(form());
            }
        }
        seen.retain(|form| !form.text.is_empty());
        let build = |builder: &AhoCorasickBuilder, forms: &[Sought]| {
            let texts = forms.iter().map(|form| &form.text);
            builder.build(texts).map_err(|error| error.to_string())
        };
        // The fastest machine takes long to make where the texts are long.
        let bytes: usize = seen.iter().map(|form| form.text.len()).sum();
        let kind = (bytes > FAST_BYTES_MAX).then_some(AhoCorasickKind::ContiguousNFA);
        let mut any_case = AhoCorasick::builder();
        any_case.ascii_case_insensitive(true).kind(kind);
        let small = seen.iter().map(|form| folded_text(&form.text, SMALL));
        let search = any_case.build(small).map_err(|error| error.to_string())?;
        let has_blanks = seen.iter().any(|form| !form.gaps.is_empty());
        let looks_otherwise = texts.iter().any(|(_, text, _)| {
            let written: String = text.split_whitespace().collect();
            !folded_text(text, SMALL).eq_ignore_ascii_case(&written)
        });
        Ok(Some(Literals {
            looks_otherwise,
            written: build(&any_case, &written)?,
            seen: search,
            written_forms: written,
            base64: (
                build(
                    AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).kind(kind),
                    &base64,
                )?,
                build(AhoCorasick::builder().kind(kind), &base64)?,
            ),
            base64_forms: base64,
            seen_forms: seen,
            has_blanks,
        }))
    }

    /// Whether one of them may be in `text`, or in a reading of it.
    pub(super) fn may_be_in(&self, text: &str) -> bool {
        let spelled = |byte: &u8| matches!(byte, b'\\' | b'%' | b'&' | b'=' | 0..0x20 | 0x7f..);
        // Between quotes stand the words of an array.
        let blank = |byte: &u8| self.has_blanks && (byte.is_ascii_whitespace() || *byte == b'"');
        self.looks_otherwise
            || self.base64.0.is_match(text)
            || text.as_bytes().iter().any(|byte| spelled(byte) || blank(byte))
            || self.written.is_match(text)
    }

    /// Calls `hit` with the rule and the place of each literal in `text`.
    pub(super) fn find(&self, text: &str, hit: &mut dyn FnMut(usize, usize, usize)) {
        for place in self.written.find_overlapping_iter(text) {
            let Some(form) = self.written_forms.get(place.pattern().as_usize()) else { continue };
            if form.ignore_case || text.get(place.range()) == Some(&form.text) {
                hit(form.rule, place.start(), place.end());
            }
        }
        if self.base64.0.is_match(text) {
            for place in self.base64.1.find_overlapping_iter(text) {
                let form = self.base64_forms.get(place.pattern().as_usize());
                let (start, end) = run(text, place.start(), place.end());
                form.into_iter().for_each(|form| hit(form.rule, start, end));
            }
        }
        if !self.reads_otherwise(text) {
            return;
        }
        // The way back is made only where something is found: most texts hold nothing.
        let how = How { small: true, blanks: self.has_blanks };
        if self.seen.is_match(&folded_text(text, how)) {
            self.seen(text, &folded(text, how).unwrap_or_else(|| View::plain(text)), hit);
        }
    }

    /// Whether `text` may look otherwise than it is written, as far as a literal may stand in it.
    fn reads_otherwise(&self, text: &str) -> bool {
        let blank = |byte: u8| self.has_blanks && byte.is_ascii_whitespace();
        let odd = |byte: u8| matches!(byte, 0..=8 | 0xa..0x20 | 0x7f..) || blank(byte);
        self.looks_otherwise || text.bytes().any(odd)
    }

    fn seen(&self, text: &str, view: &View<'_>, hit: &mut dyn FnMut(usize, usize, usize)) {
        for place in self.seen.find_overlapping_iter(view.text.as_ref()) {
            let Some(form) = self.seen_forms.get(place.pattern().as_usize()) else { continue };
            let (start, end) = view.source(place.start(), place.end());
            let found = text.get(start..end).unwrap_or_default();
            // A mark behind it makes another letter of its last one.
            let is_cut = view
                .text
                .get(place.end()..)
                .and_then(|rest| rest.chars().next())
                .is_some_and(is_mark);
            let same_case = || folded_text(found, AS_IT_IS) == form.text;
            if is_cut
                || !form.has_its_blanks(text, view, place.start(), place.end())
                || !(form.ignore_case || same_case())
            {
                continue;
            }
            match form.base64 {
                true => {
                    let (start, end) = run(text, start, end);
                    hit(form.rule, start, end);
                }
                false => hit(form.rule, start, end),
            }
        }
    }
}

impl Sought {
    /// Whether blanks stand where it has them, and elsewhere only line breaks.
    fn has_its_blanks(&self, text: &str, view: &View<'_>, start: usize, end: usize) -> bool {
        let mut gaps = self.gaps.iter().map(|gap| gap + start).peekable();
        let mut signs = self.signs.iter();
        let mut last = None;
        for (at, source) in view.left_out(start, end) {
            let left_out = text.get(source).unwrap_or_default();
            if !left_out.contains(char::is_whitespace) {
                continue;
            }
            match gaps.peek() {
                Some(gap) if *gap == at => {
                    gaps.next();
                    let sign = signs.next().map_or("", String::as_str);
                    let is_there = left_out.trim_end().ends_with(sign);
                    if !(sign.is_empty() || is_there && left_out.contains(['\n', '\r'])) {
                        return false;
                    }
                    last = Some(at);
                }
                Some(gap) if *gap < at => return false,
                _ if at == start
                    || at == end
                    || last == Some(at)
                    || left_out.contains(['\n', '\r']) => {}
                _ => return false,
            }
        }
        gaps.next().is_none()
    }
}
