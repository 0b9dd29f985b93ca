//! How far a redaction reaches: which texts it hides as a whole.

use super::repeats::{as_compared, is_same, is_telling};
use super::{Class, Matcher, Place, Policy, Redaction, Scope, Target};

/// How deep what is left over is looked for.
const DEPTH_MAX: usize = 3;
/// Signs that stand between the strings of JSON.
const BETWEEN: [char; 7] = ['"', ',', ':', '[', ']', '{', '}'];

impl Policy {
    /// A redaction whose text is still shown: passages are sought inside the strings of JSON, and this one spans
    /// several. Then the text is hidden as a whole.
    pub(super) fn left(&self, shown: &str, place: &Place<'_>) -> Option<&Redaction> {
        if place.class != Class::Text {
            return None;
        }
        self.redactions.iter().find(|redaction| {
            let is_replaced = |text: &String| redaction.replacement.contains(text);
            let is_shown = |text: &String| !is_replaced(text) && says(shown, text);
            match &redaction.target {
                Target::Texts { seq, texts, .. } => *seq == place.seq && texts.iter().any(is_shown),
                Target::Passages { matcher: Matcher::Literal { text, ignore_case }, scope } => {
                    let small = || says(&shown.to_lowercase(), &text.to_lowercase());
                    text.contains(BETWEEN)
                        && applies(scope, place)
                        && (is_shown(text) || *ignore_case && !is_replaced(text) && small())
                }
                _ => false,
            }
        })
    }
}

/// Whether a text says another, as it is or as JSON inside JSON has it.
fn says(text: &str, sought: &str) -> bool {
    let mut form = sought.to_string();
    for _ in 0..=DEPTH_MAX {
        if text.contains(&form) {
            return true;
        }
        let quoted = serde_json::Value::from(form).to_string();
        form = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_string();
    }
    false
}

fn applies(scope: &Scope, place: &Place<'_>) -> bool {
    match scope {
        Scope::Global => true,
        Scope::Session(id) => place.owners.sessions().contains(id),
        Scope::Repo(repo) => place.owners.repo() == Some(repo),
    }
}

/// Whether a redaction hides a text as a whole.
pub(super) fn hides(target: &Target, text: &str, place: &Place<'_>) -> bool {
    if place.class == Class::Label {
        // A setting is hidden where it is the field that is named, alone.
        return matches!(target, Target::Texts { seq, texts, is_whole: true }
            if *seq == place.seq && matches!(&texts[..], [only] if only == text));
    }
    match target {
        Target::Entry { seq } => *seq == place.seq,
        Target::Session { id } => place.owners.sessions().contains(id),
        Target::Prompt { seq, part, session, texts } => {
            let is_own = place.table == "prompts" && (place.seq, place.part) == (*seq, *part);
            is_own || repeats(session, texts, text, place)
        }
        Target::Texts { seq, texts, is_whole } => {
            *is_whole && *seq == place.seq && texts.iter().any(|whole| whole.contains(text))
        }
        Target::Passages { .. } => false,
    }
}

/// Whether a text is a hidden prompt told again: in an event, an index, a history, a copy.
fn repeats(session: &String, texts: &[String], text: &str, place: &Place<'_>) -> bool {
    let text = text.trim();
    let is_same_session = place.owners.sessions().contains(session);
    texts.iter().map(|prompt| prompt.trim()).any(|prompt| {
        // Clients name a thread by the beginning of its first prompt.
        let beginning = text.trim_end_matches(['…', '.']).trim_end();
        let is_name = place.table == "session_names"
            && (is_same_session || is_telling(beginning))
            && !beginning.is_empty()
            && as_compared(prompt).starts_with(&as_compared(beginning));
        let stands_for_it = is_same_session && place.repeats_prompts();
        // An editor puts what is open before what was typed.
        let is_wrapped = place.repeats_prompts()
            && is_telling(prompt)
            && text.strip_suffix(prompt).is_some_and(|before| before.ends_with('\n'));
        is_name || is_wrapped || (stands_for_it || is_telling(prompt)) && is_same(prompt, text)
    })
}
