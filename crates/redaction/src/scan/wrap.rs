//! Tells a token that was wrapped from a token that is followed by another line.

use super::super::compile::Compiled;
use super::super::view::View;
use super::Found;

/// A wrapped line is at least so wide where the token itself does not show what it is.
const WIDTH_MIN: usize = 40;
/// A token that could be complete at its line's end goes on only where the line is at least so wide.
const FULL_MIN: usize = 60;

/// A hit in joined lines, as far as it counts.
///
/// It must cross a line break. Each chunk behind a break must read as a part of the token: not as a word, a name with a
/// value or a number of a line. A chunk that reads as a word still counts as the end of a token that filled two lines
/// of equal width. `complete` says that the token matches without the chunks, too.
pub(super) fn wrapped(
    rule: &Compiled,
    view: &View<'_>,
    found: Found,
    complete: bool,
) -> Option<Found> {
    // An address shows itself by one sign in its middle: that is no evidence for what stands lines before or behind.
    let weak = !rule.keywords.is_empty() && rule.keywords.iter().all(|word| word.len() < 2);
    if weak && !found.context {
        return None;
    }
    let secret = view.text.get(found.start..found.end)?.to_ascii_lowercase();
    let shows = rule.keywords.iter().any(|word| word.len() > 2 && secret.contains(word));
    let cuts: Vec<usize> = view.cuts(found.start, found.end).collect();
    let before = view.text.get(..*cuts.first()?)?;
    let mut line = before.rfind('\n').map_or(0, |at| at + 1);
    let mut widths: Vec<usize> = Vec::new();
    for (index, cut) in cuts.iter().enumerate() {
        let chunk = view.text.get(*cut..cuts.get(index + 1).copied().unwrap_or(found.end))?;
        // Padding ends a token of base64.
        if complete && view.text.get(..*cut)?.ends_with('=') {
            return (index > 0).then_some(Found { end: *cut, ..found });
        }
        widths.push(cut - line);
        let width = widths.last().copied().unwrap_or(0);
        let full = index > 0 && widths.get(index - 1).is_some_and(|last| last.abs_diff(width) <= 8);
        // Behind the name of a secret, and where nothing matches without the chunk, its signs belong to the secret.
        let own = match found.context && !complete {
            true => chunk,
            false => chunk.split(is_odd).next().unwrap_or_default(),
        };
        let goes_on = match foreign(own) {
            true => full && !is_assignment(chunk),
            false => !complete || full || width >= FULL_MIN,
        };
        // A chunk of a token of one length is needed for the match.
        let needed = !rule.varies && !complete;
        if !(goes_on || needed) || !(shows || width >= WIDTH_MIN) {
            return (index > 0).then_some(Found { end: *cut, ..found });
        }
        line = *cut;
    }
    Some(found)
}

fn is_odd(c: char) -> bool {
    !(c.is_ascii_alphanumeric() || "_+/=-.".contains(c))
}

/// Whether a chunk reads as something else than a part of a token.
fn foreign(chunk: &str) -> bool {
    let chunk = chunk.trim_start_matches(['+', '-']);
    let rest = chunk.strip_prefix(|c: char| c.is_ascii_uppercase()).unwrap_or(chunk);
    let word = rest.chars().all(|c| c.is_ascii_lowercase() || "_-.=".contains(c))
        || chunk.chars().all(|c| c.is_ascii_uppercase() || "_-.=".contains(c));
    let number = chunk.len() < 6 && chunk.chars().all(|c| c.is_ascii_digit());
    word || number || is_assignment(chunk)
}

fn is_assignment(chunk: &str) -> bool {
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    chunk.split_once('=').is_some_and(|(before, after)| {
        let begins = before.starts_with(|c: char| !c.is_ascii_digit());
        begins && before.chars().all(name) && after.starts_with(|c| c != '=')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_names_are_foreign() {
        for chunk in ["EOF", "next", "Done", "PWD=/x", "3", "my_var", "-", ""] {
            assert!(foreign(chunk), "{chunk}");
        }
        for chunk in ["aB3x", "QWGegmhsPgkCx=", "123456789", "M%rkuq", "05t7g=+^tzc"] {
            assert!(!foreign(chunk), "{chunk}");
        }
    }
}
