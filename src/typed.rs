//! What a person typed, as it may be shown: a message that repeats it could say what is hidden.

use crate::args::Cli;
use clap::{ArgMatches, Command, CommandFactory};
use std::any::TypeId;
use std::path::PathBuf;

/// Shorter pieces of what was typed tell nothing.
const PIECE_MIN_CHARS: usize = 3;

/// The values that were typed, without those that name files of this machine.
#[derive(Debug, Default)]
pub struct Typed(Vec<String>);

impl Typed {
    /// Of a command line that was understood.
    pub fn of(matches: &ArgMatches) -> Typed {
        let mut typed = Typed::default();
        typed.add(&Cli::command(), matches);
        typed
    }

    /// Of one that was not: every word may be repeated.
    pub fn words(words: impl Iterator<Item = String>) -> Typed {
        // A message may tell an option and its value apart.
        let parts = |word: String| -> Vec<String> {
            let halves = word.split_once('=').map(|(name, value)| [name, value]);
            let halves = halves.into_iter().flatten().map(str::to_string);
            let halves: Vec<String> = halves.chain([word.clone()]).collect();
            halves.iter().map(|half| half.trim_start_matches('-').to_string()).collect()
        };
        Typed(words.flat_map(parts).collect())
    }

    /// Adds what was read from a file.
    pub fn extend(&mut self, texts: impl IntoIterator<Item = String>) {
        self.0.extend(texts);
    }

    fn add(&mut self, command: &Command, matches: &ArgMatches) {
        let is_text =
            |arg: &&clap::Arg| arg.get_value_parser().type_id() != TypeId::of::<PathBuf>();
        for arg in command.get_arguments().filter(is_text) {
            let values = matches.try_get_raw(arg.get_id().as_str()).ok().flatten();
            self.0.extend(
                values.into_iter().flatten().filter_map(|v| v.to_str()).map(str::to_string),
            );
        }
        if let Some((name, matches)) = matches.subcommand()
            && let Some(command) = command.find_subcommand(name)
        {
            self.add(command, matches);
        }
    }

    /// The text, with what it repeats shown as `hide` shows it: none where nothing of it is hidden.
    pub fn hidden_in(&self, text: &str, hide: &dyn Fn(&str) -> Option<String>) -> String {
        // A message may repeat a part of a value, `SESSION` of `SESSION#1`; it quotes it.
        let between = |mark: char| text.split(mark).skip(1).step_by(2);
        let quoted = between('`').chain(between('"'));
        // It repeats a value of a question without the quotes around it.
        let bare: Vec<String> = self.0.iter().map(|value| value.replace('"', "")).collect();
        let is_typed = |part: &&str| self.0.iter().chain(&bare).any(|value| value.contains(*part));
        let parts = quoted.filter(is_typed);
        let mut repeated: Vec<&str> = self.0.iter().map(String::as_str).chain(parts).collect();
        repeated.retain(|piece| piece.chars().count() >= PIECE_MIN_CHARS && text.contains(piece));
        repeated.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
        repeated.dedup();
        let mut shown = text.to_string();
        for piece in repeated {
            if let Some(hidden) = hide(piece) {
                shown = shown.replace(piece, &hidden);
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hide(text: &str) -> Option<String> {
        text.contains("secret").then(|| text.replace("secret", "[gone]"))
    }

    #[test]
    fn what_a_message_repeats_is_shown_as_elsewhere() {
        let typed = Typed(vec!["the-secret#1".into(), "other".into()]);
        let shown = |text: &str| typed.hidden_in(text, &hide);
        assert_eq!(shown("no `the-secret`, no `other`"), "no `the-[gone]`, no `other`");
        assert_eq!(shown("the-secret#1 is none"), "the-[gone]#1 is none");
        let question = Typed(vec![r#"in:"my secret place" x"#.into()]);
        assert_eq!(
            question.hidden_in("`in:my secret place` is none", &hide),
            "`in:my [gone] place` is none"
        );
        assert_eq!(shown("a secret of ours"), "a secret of ours", "it was not typed");
    }

    #[test]
    fn files_of_this_machine_are_named_as_they_are() {
        let line = [
            "codex-ledger",
            "--ledger",
            "/a/secret",
            "report",
            "--repo",
            "b-secret",
            "-o",
            "c-secret",
        ];
        let matches = Cli::command().try_get_matches_from(line).unwrap();
        assert_eq!(
            Typed::of(&matches).hidden_in("/a/secret b-secret c-secret", &hide),
            "/a/secret b-[gone] c-secret"
        );
        let words = Typed::words(["--repo=a-secret".to_string()].into_iter());
        assert_eq!(words.hidden_in("value 'a-secret'", &hide), "value 'a-[gone]'");
    }
}
