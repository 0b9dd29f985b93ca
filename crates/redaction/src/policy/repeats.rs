//! Texts that say a hidden prompt again as a whole: as a text of their own, or as a string of a call's arguments.

use super::{Hit, Place, Policy, Redaction, TELLING_CHARS, Target};
use crate::engine::escaped;
use crate::json::{self, Kind};
use crate::view::View;
use crate::view::spelled::{SHELL_QUOTES, json_string};
use crate::view::terminal::without_sequences;
use std::ops::RangeInclusive;
use unicode_normalization::UnicodeNormalization;

/// JSON inside JSON is looked into to this depth.
const DEPTH_MAX: usize = 4;
/// How much longer the same letters are at most when they are composed otherwise.
const COMPOSED_BYTES: usize = 3;
/// Blanks in and around a text that says the same.
const AROUND_BYTES: usize = 4096;

/// A text as it is compared with a hidden prompt: without colours, composed, its blanks and line breaks single ones.
pub fn as_compared(text: &str) -> String {
    let plain = without_sequences(text).unwrap_or_else(|| View::plain(text));
    let composed: String = plain.text.trim_start_matches('\u{feff}').nfc().collect();
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How many bytes a text has that says one of so many bytes again: the same letters may be composed otherwise, and
/// blanks stand around them.
pub fn bytes_of_same(bytes: usize) -> RangeInclusive<usize> {
    bytes / COMPOSED_BYTES..=bytes.saturating_mul(COMPOSED_BYTES).saturating_add(AROUND_BYTES)
}

/// Whether a text says a prompt again: the same but for blanks, how lines end, and how letters are composed.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    if !bytes_of_same(one.trim().len()).contains(&other.len()) {
        return false;
    }
    let first = |text: &str| text.trim_start().chars().next().filter(char::is_ascii_graphic);
    // Most texts differ in their first character; what marks a letter may follow it.
    let may_be = match (first(one), first(other)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    may_be && as_compared(one) == as_compared(other)
}

/// Whether a text is long enough to mean that prompt wherever it stands.
pub(super) fn is_telling(text: &str) -> bool {
    text.trim().chars().nth(TELLING_CHARS - 1).is_some()
}

impl Policy {
    /// Arguments of a call without the strings that are hidden prompts, and a command without the prompts in it, which its
    /// words may be; none where there are none.
    pub(super) fn without_prompts(
        &self,
        arguments: &str,
        place: &Place<'_>,
        hidden: &mut dyn FnMut(Hit),
    ) -> Option<String> {
        match place.column {
            _ if !self.redactions.iter().any(is_of_prompt) => None,
            "arguments" => self.strings_without_prompts(arguments, (DEPTH_MAX, true), hidden),
            "command" => self.command_without_prompts(arguments, hidden),
            // What a server or the client's own tools answer.
            "output" if arguments.trim_start().starts_with(['[', '{']) => {
                self.strings_without_prompts(arguments, (DEPTH_MAX, false), hidden)
            }
            _ => None,
        }
    }

    fn command_without_prompts(
        &self,
        command: &str,
        hidden: &mut dyn FnMut(Hit),
    ) -> Option<String> {
        let mut shown = None;
        for redaction in &self.redactions {
            let Target::Prompt { texts, .. } = &redaction.target else { continue };
            for prompt in texts.iter().map(|text| text.trim()).filter(|text| is_telling(text)) {
                let quoted = SHELL_QUOTES.map(|quote| prompt.replace('\'', quote));
                for said in quoted.iter().map(String::as_str).chain([prompt]) {
                    let now = shown.as_deref().unwrap_or(command);
                    if now.contains(said) {
                        shown = Some(now.replace(said, &redaction.replacement));
                        hidden(Hit::whole(redaction.seq));
                    }
                }
            }
        }
        shown
    }

    /// The strings of a document without those that are hidden prompts; where they are `asked`, without the prompts that
    /// stand in them, too: what a command hides, the strings that it was made of hide.
    fn strings_without_prompts(
        &self,
        text: &str,
        (depth, asked): (usize, bool),
        hidden: &mut dyn FnMut(Hit),
    ) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        let mut shown = String::new();
        let mut copied = 0;
        for token in json::parse(text)?.iter().filter(|token| token.kind == Kind::Text) {
            let view = json_string(text.get(token.start..token.end)?);
            let instead = match self.redactions.iter().find(|of| repeats(of, &view.text)) {
                Some(redaction) => {
                    hidden(Hit::whole(redaction.seq));
                    redaction.replacement.clone()
                }
                None => {
                    let inner = self.strings_without_prompts(&view.text, (depth, asked), hidden);
                    let inner = inner.or_else(|| {
                        asked.then(|| self.command_without_prompts(&view.text, hidden)).flatten()
                    });
                    match inner {
                        Some(inner) => inner,
                        None => continue,
                    }
                }
            };
            shown.push_str(text.get(copied..token.start)?);
            shown.push_str(&escaped(&instead));
            copied = token.end;
        }
        (copied > 0).then(|| shown + text.get(copied..).unwrap_or_default())
    }
}

fn is_of_prompt(redaction: &Redaction) -> bool {
    matches!(redaction.target, Target::Prompt { .. })
}

fn repeats(redaction: &Redaction, text: &str) -> bool {
    let Target::Prompt { texts, .. } = &redaction.target else { return false };
    texts.iter().any(|prompt| is_telling(prompt) && is_same(prompt, text))
}
