//! What a table may look at and write to while one record is folded.

use crate::earlier::{Said, Telling, Told};
use crate::row::{At, Draft, FILE_LINES, RowBuilder};
use crate::state::{State, hash};
use codex_ledger_entry::Seq;
use codex_ledger_redaction::{Owners, Policy};
use std::collections::{BTreeSet, HashMap};

/// Counts of one stream that its row keeps.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub lines: u64,
    pub bytes: u64,
    pub blank: u64,
    pub malformed: u64,
    pub unknown: u64,
    pub first_at_ms: Option<i64>,
    pub last_at_ms: Option<i64>,
}

/// Everything that a fold may look at and write to.
pub(crate) struct Fold<'a> {
    pub at: At,
    pub state: &'a mut State,
    pub totals: &'a mut Totals,
    pub policy: &'a Policy,
    /// Thread id of the stream's name, for files without a header.
    pub thread: Option<&'a str>,
    /// Whether the record is a copy of a parent's.
    pub copied: bool,
    /// Whether the record has no envelope: clients that wrote such lines wrote no events.
    pub bare: bool,
    /// Repositories by session, for side files: what narrows to a repository reaches them too.
    pub repos: &'a HashMap<String, String>,
    pub out: &'a mut Vec<Draft>,
    /// Rows that the entry may still give rise to, beside one for each record in each table.
    pub items_left: usize,
    /// Whether a record has said more than gets rows; the caller then marks its event as cut.
    pub is_cut: bool,
    /// Whether a newer generation of the file has the events.
    pub is_superseded: bool,
    /// Place of the record in the thread's history, where its file tells it.
    pub ordinal: Option<u64>,
    /// Entries that redactions name and that say something which this line says too.
    pub named_here: BTreeSet<Seq>,
    /// Kept where later files of the thread may say the same again.
    pub telling: Option<&'a mut Telling>,
}

impl<'a> Fold<'a> {
    /// Begins a row of a table.
    pub(crate) fn row(&self, table: &'static str, capacity: usize) -> RowBuilder<'a> {
        RowBuilder::new(self.policy, table, self.at, capacity).owned_by(self.owners())
    }

    /// The sessions that the record belongs to; looked up only where that matters.
    fn owners(&self) -> Owners {
        match self.policy.needs_owners() {
            true => self.state.owners(self.thread, self.copied),
            false => Owners::default(),
        }
    }

    /// 1 for a copy of a parent's record.
    pub(crate) fn copy_flag(&self) -> u64 {
        u64::from(self.copied)
    }

    /// Begins a row of a content table for the `index`th thing that this record says.
    pub(crate) fn row_at(
        &self,
        table: &'static str,
        index: usize,
        capacity: usize,
    ) -> RowBuilder<'a> {
        let at = At { item: index as u64, ..self.at };
        self.row(table, capacity).item(at).int("at_ms", at.at_ms)
    }

    /// How many of so many things that a record says get rows.
    pub(crate) fn take(&mut self, count: usize) -> usize {
        let taken = count.min(self.items_left);
        self.items_left -= taken;
        self.is_cut |= taken < count;
        taken
    }

    /// Adds a statement; a row that an earlier file of the thread has told stays as that has told it.
    pub(crate) fn push(&mut self, draft: Draft) {
        let told = self.told(&draft);
        self.push_unless(told, draft);
    }

    /// Adds a statement, unless it is a row that an earlier file has told.
    pub(crate) fn push_unless(&mut self, told: Option<Told>, mut draft: Draft) {
        if !self.state.named.is_empty() {
            let named = |(column, text): (&'static str, &str)| {
                let entries = self.state.named.get(&hash(text)).into_iter().flatten();
                entries.map(|seq| (column, *seq)).collect::<Vec<_>>()
            };
            let entries: Vec<_> = draft.texts().flat_map(named).collect();
            self.named_here.extend(entries.iter().map(|(_, seq)| *seq));
            draft.hide_as(entries);
        }
        if told.is_none() {
            self.out.push(draft);
        }
    }

    /// The row of an earlier file that says the same, if there is one; else this one is remembered for later files.
    pub(crate) fn told(&mut self, draft: &Draft) -> Option<Told> {
        let is_alone = self.state.earlier.is_empty() && self.telling.is_none();
        if is_alone || !draft.is_row() {
            return None;
        }
        let said = Said::of(draft, self.at, self.state.is_paginated)?;
        // An earlier file may have told that a text in the user's name was no prompt.
        let message = said.clone().into_message();
        let told = message.and_then(|message| self.state.earlier.take(&message));
        let told = told.or_else(|| self.state.earlier.take(&said));
        if let (None, Some(telling)) = (told, &mut self.telling) {
            telling.0.push(said);
        }
        told
    }

    /// The record's line in its own file.
    pub(crate) fn line_in_file(&self) -> u64 {
        self.at.line % FILE_LINES
    }

    /// The turn that a record names, else the one that runs.
    pub(crate) fn turn(&self, named: Option<&str>) -> Option<String> {
        brief(named).map(str::to_string).or_else(|| self.state.turn_id.clone())
    }
}

/// Bytes of a name that many rows may repeat.
const NAME_MAX_BYTES: usize = 1024;

/// A name that other rows repeat; none where it is so long that it would fill the views.
pub(crate) fn brief(name: Option<&str>) -> Option<&str> {
    name.filter(|name| name.len() <= NAME_MAX_BYTES)
}
