//! Runs one rule over one text.

use std::collections::HashSet;
use std::sync::Arc;

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, alphabet};
// As in `compile`: stretches of a text, and matches that begin where they are looked for.
use regex_automata::{Anchored, Input, Span};

use super::super::check;
use super::super::compile::{Compiled, Find, Lazy};
use super::super::literal::is_base64;
use super::super::prefilter::Candidate;
use super::super::rule::Check;
use super::Found;

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
/// What goes on behind a token is a part of it from so many characters on.
const DRAWN_REST_MIN: usize = 8;
/// Before a token in a name or a path stands no longer run that reads as no words.
const INSIDE_MIN: usize = 32;

/// One rule on one text.
pub(super) struct Search<'a> {
    pub(super) rule: &'a Compiled,
    pub(super) text: &'a str,
    pub(super) places: &'a [Candidate],
    pub(super) shown: &'a HashSet<String>,
    pub(super) out: &'a mut Vec<Found>,
}

impl Search<'_> {
    pub(super) fn all(&mut self) {
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
                    if self.rule.begins_word && from <= place.start {
                        from = from.max(self.beside(*place, end));
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

    /// Looks for a match that begins at a keyword within a word, and would begin where a word does: gives its end.
    ///
    /// In `key_ghp_…` and `3Dghp_…` a word goes on, and the token shows by itself where it begins.
    fn beside(&mut self, place: Candidate, end: usize) -> usize {
        let bytes = self.text.as_bytes();
        let before = place.start.checked_sub(1).and_then(|at| bytes.get(at)).copied();
        let keyword = bytes.get(place.start..place.end).unwrap_or_default();
        let is_beside = match before {
            Some(b'_') => true,
            Some(before) => before.is_ascii_alphanumeric() && tells(keyword),
            None => false,
        };
        let Some(text) = self.text.get(place.start..).filter(|_| is_beside) else {
            return 0;
        };
        let mut inner = Vec::new();
        let moved = Candidate { start: 0, end: keyword.len(), ..place };
        let places = &[moved][..];
        let mut alone =
            Search { rule: self.rule, text, places, shown: self.shown, out: &mut inner };
        let done = alone.range(0, end - place.start, Anchored::Yes);
        let found = inner.into_iter().map(|found| Found {
            start: found.start + place.start,
            end: found.end + place.start,
            ..found
        });
        self.out.extend(found);
        place.start + done
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
                    let input = input.clone().range(found.range()).anchored(Anchored::Yes);
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
            || self.rule.is_token && is_digest(self.before(span.start), secret)
            || finds(&self.rule.allow, secret)
            || !self.rule.allow_before.is_empty()
                && finds(&self.rule.allow_before, self.before(start));
        let mut end = span.start + secret.len();
        if self.rule.is_token && self.rule.check.is_none_or(|check| !check.takes_a_part()) {
            end += drawn_rest(self.text.get(end..).unwrap_or_default());
        }
        (!stays).then_some(Span { start: span.start, end })
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
        let digit = |byte: &u8| is_base64(*byte);
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

/// Whether a keyword is no part of a word, nor its beginning.
fn tells(keyword: &[u8]) -> bool {
    let has = |signs: &[u8]| keyword.iter().any(|byte| signs.contains(byte));
    keyword.len() >= 4 && has(b"_") || keyword.len() >= 6 && has(b"-.")
}

/// Length of what goes on behind a token as if it were a part of it: services make their tokens longer in time.
fn drawn_rest(behind: &str) -> usize {
    let in_run = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let rest =
        behind.get(..behind.find(|c| !in_run(c)).unwrap_or(behind.len())).unwrap_or_default();
    let has = |kind: fn(&u8) -> bool| rest.bytes().any(|byte| kind(&byte));
    let is_mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
    let is_drawn = rest.len() >= DRAWN_REST_MIN && is_mixed && !check::reads_as_words(rest);
    if is_drawn { rest.len() } else { 0 }
}

/// Whether what follows is a piece of something longer that was drawn: encrypted or encoded data.
fn is_inside(before: &str) -> bool {
    let in_run = |c: char| c.is_ascii_alphanumeric() || "_-+/".contains(c);
    let run = before.rsplit(|c| !in_run(c)).next().unwrap_or_default();
    run.len() >= INSIDE_MIN && !check::reads_as_words(run)
}

/// Names of what a hash of a file or a commit is called by.
const DIGESTS: &[&str] = &[
    "blob", "checksum", "commit", "commits", "digest", "hash", "head", "md5", "parent", "ref",
    "rev", "revision", "sha", "sha1", "sha256", "tree",
];

/// Whether what follows is the hash of something, and named so.
fn is_digest(before: &str, value: &str) -> bool {
    let name = before.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let name = name.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let is_hash = value.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash && DIGESTS.contains(&name.to_ascii_lowercase().as_str())
}

/// What is found inside of a text may end anywhere.
const LOOSE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Decodes base64 of either alphabet, without padding.
pub(super) fn decode(run: &[u8]) -> Vec<u8> {
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
