//! What the earlier files of a thread have said, so that a later one that says it again adds no row.
//!
//! Clients rewrite their files: turns that were taken back go, texts come back as other records, ids are made up.
//! A row of an earlier file stays as it is; what a later file says is looked for among the rows that are there: by
//! its id where it has one, else by its words within its turn, else by its words in the order in which they were
//! said. So equal words pair up, and nothing is dropped by its words alone.

use crate::replay::lineage::created_ms;
use crate::row::{At, Draft, FILE_LINES};
use crate::state::hash;
use bincode::{Decode, Encode};
use std::collections::{BTreeMap, VecDeque};

/// Tables whose rows are told again by a rewritten file, and the columns that hold what each says.
const TOLD: [(&str, &[&str]); 11] = [
    ("agent_reasoning_messages", &["text"]),
    ("file_changes", &["call_id", "action"]),
    ("function_calls", &["command", "arguments"]),
    ("function_plan_messages", &["step", "status"]),
    ("history_prompts", &["session_id", "text"]),
    ("messages", &["role", "text"]),
    ("prompts", &["text"]),
    ("session_names", &["session_id", "name"]),
    ("token_messages", &["origin", "input", "cached_input", "output", "reasoning_output"]),
    ("turn_context_messages", &["origin", "model", "effort", "cwd", "approval_policy"]),
    ("turns", &["what", "reason"]),
];

/// The same of usage that has totals.
const TOTALS: &[&str] =
    &["origin", "total_input", "total_cached", "total_output", "total_reasoning"];

/// Place of the key of a call that is its id alone, among those of a call that has one.
const ID_OF_CALL: usize = 1;

/// How far back the files of a call are looked for when its patch turns out not to have been applied.
const RECENT: usize = 4096;

/// One thing that a file has said, and where its row is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Said {
    /// Place of its table in [`TOLD`].
    table: u8,
    /// Hashes that another telling of the same would have, best first: of its id, of its words in their turn where
    /// that has an id that tells its time, of its words.
    keys: Vec<u64>,
    /// How many of them are looked for: what has an id is not found by its words.
    sought: u8,
    at_ms: Option<i64>,
    /// When its turn was created, where its id tells it, UTC milliseconds.
    turn_ms: Option<i64>,
    /// Whether a paginated file says it: those make up times of their own.
    is_paginated: bool,
    /// Whether an event may still say that it is no prompt.
    is_candidate: bool,
    /// The keys of a candidate, where it turns out to be a message and no prompt.
    as_message: Vec<u64>,
    /// Hash of the id of the call whose file it is.
    call: u64,
    pub row: Told,
}

/// The row of something that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Told {
    pub line: u64,
    pub part: u64,
    pub item: u64,
    /// Number of a prompt, 0 for others.
    pub number: u64,
}

impl Told {
    /// How many files of the thread come before the one that has told it.
    pub(crate) fn rank(&self) -> usize {
        (self.line / FILE_LINES) as usize
    }
}

impl Said {
    /// What a new row says; none where it is not a row that could be told again.
    pub(crate) fn of(draft: &Draft, at: At, is_paginated: bool) -> Option<Said> {
        let named = TOLD.iter().position(|(table, _)| *table == draft.table())?;
        let (table, columns) = *TOLD.get(named)?;
        let text = |column: &str| draft.value(column).unwrap_or_default();
        let turn = text("turn_id");
        let turn_ms = created_ms(&turn);
        let key =
            |kind: &str, parts: &[&str]| hash(&format!("{table}\0{kind}\0{}", parts.join("\0")));
        let mut keys = Vec::new();
        let id = match table {
            "function_calls" => text("call_id"),
            "token_messages" => text("response_id"),
            _ => String::new(),
        };
        if !id.is_empty() && table == "token_messages" {
            keys.push(key("id", &[&id]));
        }
        let words = words_of(table, columns, &text);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if !id.is_empty() && table == "function_calls" {
            // Some clients count their calls from 0 in each response; a migration may word them in another way.
            keys.push(key(&format!("id {id}"), &words));
            keys.push(key("id", &[&id]));
        }
        let ids = keys.len() as u8;
        if turn_ms.is_some() {
            keys.push(key(&turn, &words));
        }
        keys.push(key("words", &words));
        let is_candidate = table == "prompts" && text("origin") == "message";
        let message = |kind: &str| {
            let parts = ["user", &text("text")].join("\0");
            hash(&format!("messages\0{kind}\0{parts}"))
        };
        let mut as_message = Vec::new();
        if is_candidate {
            as_message.extend(turn_ms.is_some().then(|| message(&turn)));
            as_message.push(message("words"));
        }
        // Ids of items, which alone have no kind of their own, are made up when a file is rewritten.
        let is_item = table == "function_calls" && draft.value("kind").is_none();
        let is_known_by_id = ids > 0 && !is_item;
        let sought = if is_known_by_id { ids } else { keys.len() as u8 };
        Some(Said {
            table: named as u8,
            keys,
            sought,
            at_ms: at.at_ms,
            turn_ms,
            is_paginated,
            is_candidate,
            as_message,
            call: if table == "file_changes" { hash(&text("call_id")) } else { 0 },
            row: Told {
                line: at.line,
                part: at.part,
                item: draft.value("item").and_then(|item| item.parse().ok()).unwrap_or_default(),
                number: draft.value("number").and_then(|n| n.parse().ok()).unwrap_or_default(),
            },
        })
    }

    /// Whether a telling under a key that both have is one of the same thing.
    fn is_again(&self, earlier: &Said, nth_key: usize) -> bool {
        let is_migrated = self.is_paginated != earlier.is_paginated;
        // The last key is of the words alone, those before it of an id, or of the words in their turn.
        if nth_key + 1 < self.keys.len() {
            let is_id_alone = nth_key == ID_OF_CALL && self.table() == "function_calls";
            let turns = self.turn_ms.zip(earlier.turn_ms);
            if self.table() == "token_messages" && turns.is_some_and(|(own, other)| own != other) {
                return false;
            }
            return !is_id_alone || is_migrated && turns.is_none_or(|(own, other)| own == other);
        }
        if self.turn_ms.is_some() && earlier.turn_ms.is_some() {
            return false;
        }
        match is_migrated {
            false => self.at_ms == earlier.at_ms,
            // A turn that is younger than the row is another one.
            true => self.turn_ms.zip(earlier.at_ms).is_none_or(|(turn, at)| turn <= at),
        }
    }

    /// What a candidate says where it is a message and no prompt.
    pub(crate) fn into_message(self) -> Option<Said> {
        let table = TOLD.iter().position(|(table, _)| *table == "messages")? as u8;
        let (keys, sought) = (self.as_message, u8::MAX);
        let row = Told { number: 0, ..self.row };
        self.is_candidate.then_some(())?;
        Some(Said { table, keys, sought, is_candidate: false, as_message: Vec::new(), row, ..self })
    }

    /// Its table.
    pub(crate) fn table(&self) -> &'static str {
        TOLD.get(usize::from(self.table)).map_or("", |(table, _)| table)
    }

    fn is_of_call(&self, call: u64) -> bool {
        call != 0 && self.call == call
    }
}

/// What tells a row from others of its table.
fn words_of(table: &str, columns: &[&str], text: &dyn Fn(&str) -> String) -> Vec<String> {
    // Clients that recorded totals only are counted by difference, which depends on what else the file tells.
    let columns = if text("total_input").is_empty() { columns } else { TOTALS };
    let mut words: Vec<String> = columns.iter().map(|column| text(column)).collect();
    match table {
        // Newer files name a file by its whole path.
        "file_changes" => {
            let path = text("path");
            words.push(path.rsplit(['/', '\\']).next().unwrap_or_default().to_string());
        }
        // A command may come back without its call, where it has no arguments.
        "function_calls" if !words.iter().all(String::is_empty) => {
            let command = words.swap_remove(0);
            words = vec![if command.is_empty() { words.concat() } else { command }];
        }
        _ => {}
    }
    words
}

/// What the earlier files of a thread have said and this one has not said again yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Earlier {
    by_key: BTreeMap<u64, VecDeque<Said>>,
    /// Prompts that this file has told so far by messages only.
    candidates: Vec<Said>,
}

impl Earlier {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    pub(crate) fn add(&mut self, said: Said) {
        for key in &said.keys {
            self.by_key.entry(*key).or_default().push_back(said.clone());
        }
    }

    /// Takes what was said before, where this is the same again.
    pub(crate) fn take(&mut self, again: &Said) -> Option<Told> {
        let found =
            again.keys.iter().take(again.sought.into()).enumerate().find_map(|(nth, key)| {
                let known = self.by_key.get(key)?;
                known.iter().find(|earlier| again.is_again(earlier, nth)).cloned()
            })?;
        self.remove(&found);
        let row = found.row;
        if again.is_candidate {
            self.candidates.push(found);
        }
        Some(row)
    }

    fn remove(&mut self, said: &Said) {
        for key in &said.keys {
            let Some(known) = self.by_key.get_mut(key) else { continue };
            if let Some(at) = known.iter().position(|known| known.row == said.row) {
                known.remove(at);
            }
            if known.is_empty() {
                self.by_key.remove(key);
            }
        }
    }

    /// The prompts that messages have told were none: they are looked for again.
    pub(crate) fn put_back_candidates(&mut self) {
        for said in std::mem::take(&mut self.candidates).into_iter().rev() {
            for key in &said.keys {
                self.by_key.entry(*key).or_default().push_front(said.clone());
            }
        }
    }

    /// Everything, each once, in the order of its rows.
    pub(crate) fn rest(&self) -> Vec<&Said> {
        let mut rest: Vec<&Said> = self.by_key.values().flatten().collect();
        rest.sort_by_key(|said| (said.table, said.row.line, said.row.part, said.row.item));
        rest.dedup();
        rest
    }
}

/// What a file says, for those that come after it.
#[derive(Debug, Default)]
pub(crate) struct Telling(pub Vec<Said>);

impl Telling {
    /// The prompts that messages have told were none, but messages.
    pub(crate) fn drop_candidates(&mut self) {
        let (none, mut kept): (Vec<Said>, Vec<Said>) =
            std::mem::take(&mut self.0).into_iter().partition(|said| said.is_candidate);
        kept.extend(none.into_iter().filter_map(Said::into_message));
        self.0 = kept;
    }

    /// A row that is taken back.
    pub(crate) fn drop_row(&mut self, table: &str, line: u64, part: u64, item: u64) {
        let place = |said: &Said| (said.row.line, said.row.part, said.row.item);
        let is_it = |said: &Said| said.table() == table && place(said) == (line, part, item);
        if let Some(at) = self.0.iter().rposition(is_it) {
            self.0.remove(at);
        }
    }

    /// The files of a call whose patch was not applied.
    pub(crate) fn drop_files(&mut self, call: u64) {
        // What a call did stands near its end.
        while let Some(at) = self.0.iter().rev().take(RECENT).position(|it| it.is_of_call(call)) {
            self.0.remove(self.0.len() - 1 - at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::RowBuilder;
    use codex_ledger_redaction::Policy;

    /// Two turns, the second one a second younger.
    const FIRST: &str = "019c0000-0000-7000-8000-000000000001";
    const SECOND: &str = "019c0000-03e8-7000-8000-000000000002";
    const FIRST_MS: i64 = 0x019c_0000_0000;

    /// A prompt: text, turn, time behind the first turn, and whether the file is paginated.
    fn prompt(text: &str, turn: Option<&str>, ms: i64, is_paginated: bool, line: u64) -> Said {
        let policy = Policy::none();
        let at = At { line, at_ms: Some(FIRST_MS + ms), ..At::default() };
        let row = RowBuilder::new(&policy, "prompts", at, 4)
            .item(at)
            .number("number", line)
            .id("turn_id", turn)
            .text("text", Some(text));
        Said::of(&row.insert_by(""), at, is_paginated).unwrap()
    }

    fn earlier(said: impl IntoIterator<Item = Said>) -> Earlier {
        let mut earlier = Earlier::default();
        said.into_iter().for_each(|said| earlier.add(said));
        earlier
    }

    fn line(told: Option<Told>) -> Option<u64> {
        told.map(|told| told.line)
    }

    #[test]
    fn equal_words_pair_up_in_their_turns() {
        let mut known = earlier([
            prompt("go on", Some(FIRST), 0, false, 1),
            prompt("go on", Some(SECOND), 1_000, false, 2),
        ]);
        let again = |turn, line| prompt("go on", Some(turn), 70_000, true, line);
        assert_eq!(line(known.take(&again(SECOND, 8))), Some(2));
        assert_eq!(line(known.take(&again(SECOND, 9))), None, "once in its turn");
        assert_eq!(known.rest().len(), 1, "the first one is not told again");
    }

    #[test]
    fn without_turns_they_pair_up_in_order_but_never_with_a_younger_turn() {
        let old = |ms, line| prompt("go on", None, ms, false, line);
        let mut known = earlier([old(0, 1), old(10, 2), old(20, 3)]);
        let migrated = |line| prompt("go on", Some("rollout-1"), 5, true, line);
        assert_eq!(line(known.take(&migrated(7))), Some(1));
        assert_eq!(line(known.take(&migrated(8))), Some(2));
        let younger = prompt("go on", Some(SECOND), 1_001, true, 9);
        assert_eq!(line(known.take(&younger)), None);
        let lost = prompt("go on", None, 3, true, 10);
        assert_eq!(line(known.take(&lost)), Some(3));
    }

    #[test]
    fn files_of_one_kind_keep_their_times() {
        let mut known = earlier([prompt("go on", None, 0, false, 1)]);
        assert_eq!(line(known.take(&prompt("go on", None, 5, false, 2))), None);
        assert_eq!(line(known.take(&prompt("go on", None, 0, false, 3))), Some(1));
    }

    #[test]
    fn candidates_are_looked_for_again() {
        let mut known = earlier([prompt("go on", None, 0, false, 1)]);
        let candidate = Said { is_candidate: true, ..prompt("go on", None, 0, false, 2) };
        assert_eq!(line(known.take(&candidate)), Some(1));
        assert_eq!(line(known.take(&candidate)), None);
        known.put_back_candidates();
        assert_eq!(line(known.take(&prompt("go on", None, 0, false, 3))), Some(1));
    }
}
