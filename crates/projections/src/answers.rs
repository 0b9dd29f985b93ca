//! What the assistant says stands in a message and in an event or item: which of them say the same.

use crate::state::{hash, push};
use bincode::{Decode, Encode};
use std::collections::VecDeque;

/// How many texts are remembered until they are said the second time.
const RECENT: usize = 16;
/// How many are remembered until the end of a turn repeats one.
const LAST_WORDS: usize = 8;
/// Characters of a text by which two that stand next to each other are the same.
const BEGINNING_CHARS: usize = 8;

/// Line, part and item of a row.
pub(crate) type Place = (u64, u64, u64);

/// The texts that the assistant has said lately.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Answers {
    /// Those that only one record has said so far.
    once: VecDeque<Answer>,
    /// Hashes of all, whoever said them.
    last_words: VecDeque<u64>,
}

/// A text that only one record has said so far.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Answer {
    /// Hashes of the text, and of its beginning.
    text: u64,
    beginning: u64,
    line: u64,
    by: By,
}

/// Which record has said a text, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
enum By {
    Message,
    /// An event or item: the place of its row; none where an earlier file of the thread has the row.
    Event(Option<Place>),
}

/// What a message that says a text has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing has said it.
    Now,
    /// It takes the place of an event's row.
    InPlaceOf(Place),
    /// An event has said it, and an earlier file of the thread has the row.
    Before,
}

impl Answers {
    /// An event or item says a text; whether a message has said it.
    pub(crate) fn is_told_by_message(&mut self, text: &str, line: u64) -> bool {
        push(&mut self.last_words, hash(text.trim()), LAST_WORDS);
        self.take(text, line, false).is_some()
    }

    /// An event or item has said a text that no message has: where its row is, if it is a new one.
    pub(crate) fn told_by_event(&mut self, text: &str, line: u64, row: Option<Place>) {
        self.add(text, line, By::Event(row));
    }

    /// A message says a text.
    pub(crate) fn told_by_message(&mut self, text: &str, line: u64) -> Told {
        push(&mut self.last_words, hash(text.trim()), LAST_WORDS);
        match self.take(text, line, true) {
            Some(By::Event(Some(row))) => Told::InPlaceOf(row),
            Some(By::Event(None)) => Told::Before,
            Some(By::Message) | None => {
                self.add(text, line, By::Message);
                Told::Now
            }
        }
    }

    /// Whether a text was said lately.
    pub(crate) fn has_said(&self, text: &str) -> bool {
        self.last_words.contains(&hash(text.trim()))
    }

    fn add(&mut self, text: &str, line: u64, by: By) {
        let (text, beginning) = (hash(text.trim()), hash(&beginning(text)));
        push(&mut self.once, Answer { text, beginning, line, by }, RECENT);
    }

    /// The same text as the other kind of record has said it: an event where `by_event`, else a message. Of records next
    /// to each other the beginning tells it: events leave citations out.
    fn take(&mut self, text: &str, line: u64, by_event: bool) -> Option<By> {
        let (beginning, hash) = (hash(&beginning(text)), hash(text.trim()));
        let is_same = |answer: &Answer| answer.text == hash;
        let is_beside = |it: &Answer| line.abs_diff(it.line) <= 1 && it.beginning == beginning;
        let place = |is_it: &dyn Fn(&Answer) -> bool| {
            self.once.iter().position(|it| (it.by != By::Message) == by_event && is_it(it))
        };
        let found = place(&is_same).or_else(|| place(&is_beside))?;
        self.once.remove(found).map(|answer| answer.by)
    }
}

/// As much of a text as no client leaves out.
fn beginning(text: &str) -> String {
    text.trim_start().chars().take(BEGINNING_CHARS).collect()
}
