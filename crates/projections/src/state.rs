//! What a stream's next record needs to know of the records before it.

use crate::answers::Answers;
use crate::earlier::Earlier;
use crate::replay::lineage::created_ms;
use bincode::{Decode, Encode};
use codex_ledger_entry::{Seq, SeqRange, StreamId};
use codex_ledger_ledger::side::SideRecord;
use codex_ledger_redaction::Owners;
use codex_ledger_rollout::event::SessionMeta;
use codex_ledger_rollout::patch::{Action, FileChange};
use std::collections::{BTreeMap, VecDeque};

/// How many recent reasoning texts are compared to tell repeats; events and items of one text are adjacent.
const RECENT_TEXTS: usize = 48;
/// How many reasoning items may grow at once.
const RECENT_ITEMS: usize = 8;
/// How many recent calls are remembered for what follows them.
const RECENT_CALLS: usize = 64;

/// How far a file has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Region {
    /// No copy has begun.
    #[default]
    Own,
    /// In the copy; the time of its last record, and whether it has shown turn ids.
    Copy { last_ms: i64, turn_ids: bool },
    /// Behind the copy.
    Past,
}

/// In which of its ways a client says a reasoning text; newer ones say it in two.
#[derive(Clone, Copy)]
pub(crate) enum Said {
    /// An event.
    Event = 1,
    /// An item of a paginated file.
    Item = 2,
    /// What the model answered.
    Response = 4,
}

/// A compaction, which a client may tell twice: by the record with its summary, and as an item that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Compaction {
    /// Line and part of its row.
    pub line: u64,
    pub part: u64,
    pub has_record: bool,
    /// Hash of the item's id.
    pub item: Option<u64>,
}

/// A call whose files have rows.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Patched {
    /// Hash of its id.
    pub call: u64,
    /// Whether it does nothing else, so that its exit code speaks of the patch.
    pub is_alone: bool,
    /// Whether the client has said that it was applied: then what else the call did may fail.
    pub is_applied: bool,
    /// Line and part of its rows.
    pub line: u64,
    pub part: u64,
    /// Paths of the deleted files, with their places among the files, until the client tells what they held.
    pub deleted: Vec<(u64, String)>,
}

/// Line, part and item of a call's row.
pub(crate) type CallPlace = (u64, u64, u64);

/// A script of code mode that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Script {
    /// Hash of its call's id, and the cell in which it goes on running.
    pub call: u64,
    pub cell: Option<i64>,
    /// Line and part of its row and of those of its own calls.
    pub line: u64,
    pub part: u64,
    /// Items of its commands, and of its patches, whose end nothing has told, and the process that each goes on with.
    pub commands: Vec<(u64, Option<i64>)>,
    pub patches: Vec<(u64, Option<i64>)>,
    /// Whether what it prints may be anything.
    pub prints_bodies: bool,
    /// Whether the client tells the ends of its calls.
    pub is_told_by_client: bool,
}

/// A prompt that is part of the conversation: the place of its row, and its place in the thread's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct LivePrompt {
    pub line: u64,
    pub part: u64,
    pub item: u64,
    pub ordinal: Option<u64>,
}

/// Usage counters: input, cached input, cache write, output, reasoning.
pub(crate) type Counters = [u64; 5];

/// Rebuildable; stored in the views between two runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct State {
    /// Whether the session's row exists.
    pub has_session: bool,
    /// Id of the first session header.
    pub session_id: Option<String>,
    /// Whether an earlier file of the thread, or this one, has shown a session header.
    pub is_defined: bool,
    pub has_cwd: bool,
    /// Prompts of this file.
    pub prompts: u64,
    /// How many prompts of the thread have numbers.
    pub numbered: u64,
    /// The same before the first prompt that an event tells, and how many were live then.
    pub bare_numbered: u64,
    pub bare_live: usize,
    /// Whether prompts are told by events; then messages are not prompts.
    pub prompt_events: bool,
    pub turn_id: Option<String>,
    /// When the turn that runs began, UTC milliseconds.
    pub turn_began_ms: Option<i64>,
    pub model: Option<String>,
    /// Service tier in force, as the client names it.
    pub tier: Option<String>,
    /// Hash of the last turn context, and the line and part of its row.
    pub context: Option<(u64, u64, u64)>,
    /// Hashes of recent reasoning texts, and the ways in which each was said.
    pub reasoning: VecDeque<(u64, u8)>,
    /// Recent reasoning items that may grow: hashes of their ids, and of the texts that they have said.
    pub reasoning_items: VecDeque<(u64, Vec<u64>)>,
    /// Hashes of recent totals of the file's counters, which several clients may count in one file.
    pub totals: VecDeque<u64>,
    /// The latest total.
    pub total: Counters,
    /// Usage of recent records that no count has repeated yet: input, cached input, output.
    pub recorded: VecDeque<[u64; 3]>,
    /// Hashes of recent response ids.
    pub responses: VecDeque<u64>,
    /// Recent calls that went on with a process or, where the flag says so, with a script's cell.
    pub follow_ups: VecDeque<(u64, i64, bool)>,
    /// Recent calls whose files have rows.
    pub patched: VecDeque<Patched>,
    /// Recent files that patches have made: hashes of their paths, and their lines.
    pub made: VecDeque<(u64, u64)>,
    /// How far the file has come in its parent's copy.
    pub region: Region,
    /// When the thread was created, UTC milliseconds.
    pub born_ms: Option<i64>,
    /// Records of paginated files below this ordinal are the parent's.
    pub history_start: Option<u64>,
    /// Whether this client's turns have ids.
    pub has_turn_ids: bool,
    /// Whether a review runs, whose sub-thread speaks in this file too.
    pub in_review: bool,
    /// Prompts from lines without an envelope, which no event repeats.
    pub bare_prompts: u64,
    /// The thread that it was forked from or spawned by.
    pub parent: Option<String>,
    /// Whether items say what events say in older files.
    pub is_paginated: bool,
    /// The last compaction of the turn that runs.
    pub compaction: Option<Compaction>,
    /// Whether this file is a review's own.
    pub is_review: bool,
    /// Whether nobody typed what is asked in this session, and no agent said it.
    pub is_asked_by_machine: bool,
    /// Whether there are usage records; what one tells, a token count repeats.
    pub usage_records: bool,
    /// The prompts that were not rolled back.
    pub live_prompts: Vec<LivePrompt>,
    /// Recent searches that items have told and no call of the model yet: hashes, and the places of their rows; none where
    /// an earlier file has the row.
    pub searches: VecDeque<(u64, Option<(u64, u64)>)>,
    /// Recent texts in the user's name that no prompt event has said: hashes, and the places of their rows.
    pub unheard: VecDeque<(u64, u64, u64, u64)>,
    /// Hash of the last prompt that an event has told before its message came.
    pub heard: Option<u64>,
    /// What the assistant has said lately.
    pub answers: Answers,
    /// Hash of the last mail between agents, which comes twice.
    pub mail: Option<u64>,
    /// Hash of the thread's goal and how it stands.
    pub goal: Option<u64>,
    /// Model and tier that were chosen while a turn runs, and are in force from the next one on.
    pub chosen: Option<(Option<String>, Option<String>)>,
    /// Recent commands and searches of calls that have no ids, to know them when the client tells their end: hashes, and
    /// the places of their rows.
    pub commands: VecDeque<(u64, CallPlace)>,
    /// Recent scripts that have not ended.
    pub scripts: VecDeque<Script>,
    /// Recent calls whose output has not come: hashes of their ids, and where the client has told it already.
    pub open_calls: VecDeque<(u64, Option<(u64, u64)>)>,
    /// Whether the last entry had no line feed: the next one goes on in the same line.
    pub torn: bool,
    /// The entries of the runs of packs that hold some of this stream.
    pub packs: Vec<SeqRange>,
    /// Thread whose records the file copies, and the line at which the copy begins.
    pub copy_of: Option<(String, u64)>,
    /// Line behind the copy, where a comparison with the parent's records has told it.
    pub copy_end: Option<u64>,
    /// Whether it has a turn that is younger than the thread: the copy, if there is one, has ended before it.
    pub has_own_turn: bool,
    /// Threads whose headers the copy holds, and the repository that the file's own header names.
    pub copied_threads: Vec<String>,
    pub repo: Option<String>,
    /// Name of the stream, and path of its file when it was opened.
    pub name: String,
    pub path: Vec<u8>,
    /// The parent's stream that the copy was compared with, and whether more records can change the result.
    pub compared: Option<(StreamId, bool)>,
    /// Time of the latest record, UTC milliseconds, and bytes of the file: with these, files of one thread are ordered.
    pub latest_ms: Option<i64>,
    pub bytes: u64,
    /// Whether it is one JSON document.
    pub is_document: bool,
    /// Whether the thread's rows have to be derived anew, since a file has come or an earlier one has grown.
    pub is_due: bool,
    /// Entries of the thread that a redaction names, by the hashes of their texts: what hides them hides the same words
    /// in every file.
    pub named: BTreeMap<u64, Vec<Seq>>,
    /// Whether the file's own first header says that its history is paginated.
    pub opens_paginated: Option<bool>,
    /// What the earlier files of the thread have said, where this is the last one.
    pub earlier: Earlier,
}

impl SideRecord for State {
    const SCHEMA: u32 = 326;
}

impl State {
    /// Remembers what the thread's own header, recorded at this time, says about its birth.
    pub(crate) fn born(&mut self, meta: &SessionMeta<'_>, at_ms: Option<i64>) {
        self.born_ms = meta.timestamp_ms.or(at_ms);
        let parent = meta.forked_from_id.as_deref().or(meta.parent_thread_id.as_deref());
        self.parent = parent.map(str::to_string);
        self.is_paginated = meta.history_mode.as_deref() == Some("paginated");
        self.is_review = meta.subagent.as_deref() == Some("review");
        self.is_asked_by_machine = meta.is_asked_by_machine();
        self.history_start = meta.subagent_history_start_ordinal;
        self.has_turn_ids = meta.cli_version.as_deref().is_some_and(|v| version(v) >= (0, 101));
    }

    /// The sessions that a record belongs to: the file's own, and for a copied one those it was copied from, of which
    /// some clients leave the header out.
    pub(crate) fn owners(&self, thread: Option<&str>, copied: bool) -> Owners {
        let own = self.session_id.as_deref().or(thread).into_iter().map(str::to_string);
        let others = self.copied_threads.iter().chain(&self.parent).filter(|_| copied).cloned();
        Owners::new(own.chain(others).collect(), self.repo.as_deref())
    }

    /// Notes that a run of packs holds entries of this stream.
    pub(crate) fn applied(&mut self, run: SeqRange) {
        match self.packs.last_mut() {
            Some(last) if last.end >= run.from => last.end = run.end.max(last.end),
            _ => self.packs.push(run),
        }
    }

    /// Remembers a reasoning text; true when it was just said in another way.
    pub(crate) fn is_repeated_reasoning(&mut self, text: &str, said: Said) -> bool {
        let (hash, said) = (hash(text), said as u8);
        match self.reasoning.iter_mut().find(|(known, ways)| *known == hash && ways & said == 0) {
            Some((_, ways)) => {
                *ways |= said;
                true
            }
            None => {
                push(&mut self.reasoning, (hash, said), RECENT_TEXTS);
                false
            }
        }
    }

    /// Remembers what an item of this id says; true for a text that an earlier version of it has said.
    pub(crate) fn has_said(&mut self, item_id: &str, text: &str) -> bool {
        let (id, text) = (hash(item_id), hash(text));
        match self.reasoning_items.iter_mut().find(|(known, _)| *known == id) {
            Some((_, texts)) if texts.contains(&text) => true,
            Some((_, texts)) => {
                texts.push(text);
                false
            }
            None => {
                push(&mut self.reasoning_items, (id, vec![text]), RECENT_ITEMS);
                false
            }
        }
    }

    pub(crate) fn remember_follow_up(&mut self, call_id: &str, process: i64, is_cell: bool) {
        push(&mut self.follow_ups, (hash(call_id), process, is_cell), RECENT_CALLS);
    }

    /// The process or cell that a call went on with, and whether it is a cell.
    pub(crate) fn follow_up(&self, call_id: &str) -> Option<(i64, bool)> {
        let hash = hash(call_id);
        let found = self.follow_ups.iter().find(|(id, ..)| *id == hash);
        found.map(|(_, process, is_cell)| (*process, *is_cell))
    }

    /// Remembers a search that an item has told: line and part of its row.
    pub(crate) fn remember_search(&mut self, query: &str, row: Option<(u64, u64)>) {
        push(&mut self.searches, (hash(query), row), RECENT_CALLS);
    }

    /// The row of an item that has told the same search, if there is such an item; each stands for one.
    pub(crate) fn take_search(&mut self, query: &str) -> Option<Option<(u64, u64)>> {
        let hash = hash(query);
        let found = self.searches.iter().position(|(known, _)| *known == hash)?;
        self.searches.remove(found).map(|(_, row)| row)
    }

    pub(crate) fn remember_command(&mut self, command: &str, place: CallPlace) {
        push(&mut self.commands, (hash(command), place), RECENT_CALLS);
    }

    /// The row of a recent call that asked for the same command; each call stands for one.
    pub(crate) fn take_command(&mut self, command: &str) -> Option<CallPlace> {
        let hash = hash(command);
        let found = self.commands.iter().position(|(known, _)| *known == hash)?;
        self.commands.remove(found).map(|(_, place)| place)
    }

    pub(crate) fn remember_script(&mut self, script: Script) {
        push(&mut self.scripts, script, RECENT_CALLS);
    }

    /// The script whose output comes, or that a call waited for: by the id of its call, or by its cell.
    pub(crate) fn take_script(&mut self, call_id: &str, cell: Option<i64>) -> Option<Script> {
        let hash = hash(call_id);
        let is_it = |script: &Script| script.call == hash || cell.is_some() && script.cell == cell;
        let found = self.scripts.iter().position(is_it)?;
        self.scripts.remove(found)
    }

    /// A script has ended: nothing else will tell how its calls did.
    pub(crate) fn forget_calls_of(&mut self, script: &Script) {
        let is_of_it =
            |(line, part, item): CallPlace| (line, part) == (script.line, script.part) && item > 0;
        self.commands.retain(|(_, place)| !is_of_it(*place));
    }

    pub(crate) fn remember_call(&mut self, call_id: &str) {
        push(&mut self.open_calls, (hash(call_id), None), RECENT_CALLS);
    }

    /// Whether a call's output is still to come.
    pub(crate) fn waits_for(&self, call_id: &str) -> bool {
        let hash = hash(call_id);
        self.open_calls.iter().any(|(known, _)| *known == hash)
    }

    /// The client tells the ends of a script's calls: what the script prints says the same again.
    pub(crate) fn told_of_script(&mut self, (line, part, _): CallPlace) {
        let script = self.scripts.iter_mut().find(|it| (it.line, it.part) == (line, part));
        if let Some(script) = script {
            script.is_told_by_client = true;
        }
    }

    /// Notes where the client tells the output of a call; says whether the call waits for one, and whether nothing has
    /// told it yet.
    pub(crate) fn call_ended(&mut self, call_id: &str, told: Option<(u64, u64)>) -> (bool, bool) {
        let hash = hash(call_id);
        let Some((_, place)) = self.open_calls.iter_mut().find(|(known, _)| *known == hash) else {
            return (false, false);
        };
        let is_first = place.is_none();
        *place = place.or(told);
        (true, is_first)
    }

    /// The output record of a call has come; where the client has told the same output before.
    pub(crate) fn output_came(&mut self, call_id: &str) -> Option<Option<(u64, u64)>> {
        let hash = hash(call_id);
        let found = self.open_calls.iter().position(|(known, _)| *known == hash)?;
        self.open_calls.remove(found).map(|(_, place)| place)
    }

    pub(crate) fn remember_patch(&mut self, patched: Patched) {
        push(&mut self.patched, patched, RECENT_CALLS);
    }

    /// Forgets the patches of calls that wait for their output, and gives them.
    pub(crate) fn take_open_patches(&mut self) -> Vec<Patched> {
        let Self { patched, open_calls, .. } = self;
        let is_open =
            |call: u64| open_calls.iter().any(|(open, told)| *open == call && told.is_none());
        let is_undone = |patched: &Patched| !patched.is_applied && is_open(patched.call);
        let (open, kept): (VecDeque<_>, _) =
            std::mem::take(patched).into_iter().partition(is_undone);
        *patched = kept;
        open.into()
    }

    /// The files of a call, where they have rows.
    pub(crate) fn patch_of(&mut self, call_id: &str) -> Option<&mut Patched> {
        let hash = hash(call_id);
        self.patched.iter_mut().find(|patched| patched.call == hash)
    }

    /// Remembers how many lines a file has after a patch that has made or changed it; gives those of one that is
    /// deleted, as far as they are known.
    pub(crate) fn patched_file(&mut self, file: &FileChange<'_>) -> u64 {
        let path = hash(&file.path);
        let known = self.made.iter().position(|(made, _)| *made == path);
        let lines = known.and_then(|at| self.made.remove(at)).map(|(_, lines)| lines);
        let now = match (file.action, lines) {
            (Action::Add, _) => Some(file.added),
            (Action::Update, Some(lines)) => (lines + file.added).checked_sub(file.removed),
            _ => None,
        };
        if let Some(now) = now {
            push(
                &mut self.made,
                (hash(file.move_to.as_deref().unwrap_or(&file.path)), now),
                RECENT_CALLS,
            );
        }
        lines.unwrap_or_default()
    }

    pub(crate) fn forget_patch(&mut self, call_id: &str) {
        let hash = hash(call_id);
        self.patched.retain(|patched| patched.call != hash);
    }

    /// Remembers the usage of a record, which a count will repeat.
    pub(crate) fn remember_recorded(&mut self, usage: [u64; 3]) {
        push(&mut self.recorded, usage, RECENT_CALLS);
    }

    /// Whether a record has told this usage, which a count now repeats; each record stands for one count.
    pub(crate) fn take_recorded(&mut self, usage: [u64; 3]) -> bool {
        let found = self.recorded.iter().position(|known| *known == usage);
        // Those before it had no count.
        found.is_some_and(|at| self.recorded.drain(..=at).count() > 0)
    }

    /// The same of a count that tells its total only, which may repeat several records at once.
    pub(crate) fn take_all_recorded(&mut self, usage: [u64; 3]) -> bool {
        let sum = |at: usize| self.recorded.iter().filter_map(|known| known.get(at)).sum::<u64>();
        let is_within = usage.into_iter().enumerate().all(|(at, counter)| counter <= sum(at));
        if is_within {
            self.recorded.clear();
        }
        is_within
    }

    /// Remembers a response; true when it was seen before.
    /// Whether a response was told before. In a turn whose id tells another time it is another one.
    pub(crate) fn is_repeated_response(&mut self, id: &str, turn: Option<&str>) -> bool {
        let turn = turn.and_then(created_ms);
        let hash = hash(&format!("{id}\0{turn:?}"));
        if self.responses.contains(&hash) {
            return true;
        }
        push(&mut self.responses, hash, RECENT_CALLS);
        false
    }
}

/// Adds a value, and drops the oldest where there would be more than `limit`.
pub(crate) fn push<T>(queue: &mut VecDeque<T>, value: T, limit: usize) {
    if queue.len() == limit {
        queue.pop_front();
    }
    queue.push_back(value);
}

/// The first 8 bytes of a hash; tells texts apart inside one stream, nothing more.
pub(crate) fn hash(text: &str) -> u64 {
    let bytes = blake3::hash(text.as_bytes());
    bytes.as_bytes().first_chunk::<8>().map_or(0, |head| u64::from_be_bytes(*head))
}

/// Major and minor of a client's version; `0.0` for development builds and other text.
fn version(text: &str) -> (u64, u64) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_begin_with_two_numbers() {
        assert_eq!((version("0.104.0"), version("x")), ((0, 104), (0, 0)));
    }
}
