//! Which entries hold what is to be erased: the thing itself, and what says it again. Reads only.

mod returned;
mod said;

pub use returned::{Returned, returned};
pub use said::{holds_text, prompt_texts};

use crate::replay::ReplayError;
use crate::replay::lines::PARSE_MAX_BYTES;
use codex_ledger_entry::{Annotation, Kind, Seq, StreamDescriptor, StreamId, StreamName};
use codex_ledger_ledger::{LedgerReader, Pack, StoredEntry};
use codex_ledger_redaction::{Context, Engine};
use codex_ledger_rollout as rollout;
use memchr::memmem::find;
use said::{finder, holds, says_any};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A file names the thread that it copies in its first lines.
const FIRST_LINES: u64 = 3;

/// What is to be erased.
#[derive(Clone, Debug)]
pub enum Sought {
    /// One entry.
    Entry(Seq),
    /// A thread, by its ids: its files, what side files and reviewers say of it, and its copies in files that name it.
    Thread(Vec<String>),
    /// What is not kept any longer: some threads, and the raw output of tools that was written before a time.
    Expired {
        /// Ids of the threads.
        ids: Vec<String>,
        /// UTC milliseconds.
        outputs_before_ms: Option<i64>,
    },
    /// A prompt of a thread, and what says it again in the files of the thread, in those that name it and in side files.
    Prompt {
        /// The entry that it stands in.
        seq: Seq,
        /// Which record of the entry it is.
        part: u64,
        /// Ids of its thread.
        ids: Vec<String>,
    },
    /// Every entry that holds a text, however it is written.
    Literal {
        /// The text.
        text: String,
        /// Whether capital and small letters are the same.
        ignore_case: bool,
    },
}

/// Why an entry is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It was named, or belongs to what was named.
    Named,
    /// It is older than it is to be kept.
    Expired,
    /// It says the same in another file.
    Copy,
    /// A line of the history or the index that names the thread.
    SideFile,
    /// A reviewer says it of the thread.
    Review,
}

/// An entry that holds it.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Its number.
    pub seq: Seq,
    /// What it is.
    pub kind: Kind,
    /// Its stream, where it has one.
    pub stream: StreamId,
    /// Bytes of its body.
    pub bytes: u64,
    /// Why it is to go.
    pub why: Why,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Traces {
    /// In the order of the ledger.
    pub found: Vec<Trace>,
    /// All sources, by stream.
    pub sources: BTreeMap<StreamId, StreamDescriptor>,
    /// Entries of the audit trail that name the thread and stay.
    pub named_in_trail: Vec<Seq>,
    /// Entries that are too long to be looked through.
    pub unsearched: Vec<Seq>,
    /// What is held, and what no longer is: entries of holds and of their ends, with their bodies.
    pub holds: Vec<(Seq, Vec<u8>)>,
}

/// Finds every entry that holds what is sought.
///
/// # Errors
/// When entries cannot be read, or the text cannot be looked for.
pub fn traces(reader: &mut LedgerReader, sought: &Sought) -> Result<Traces, ReplayError> {
    let mut search = Search::of(reader, sought)?;
    each_entry(reader, &mut |reader, pack, entry| {
        if !entry.is_erased() {
            search.look(reader, pack, entry)?;
        }
        search.pass(reader, pack, entry)
    })?;
    if search.is_copied() {
        search.torn.clear();
        each_entry(reader, &mut |reader, pack, entry| {
            if !entry.is_erased() {
                search.look_for_copies(reader, pack, entry)?;
            }
            search.pass(reader, pack, entry)
        })?;
    }
    let mut traces = search.traces;
    traces.found.sort_by_key(|trace| trace.seq);
    traces.found.dedup_by_key(|trace| trace.seq);
    Ok(traces)
}

type Look<'a> =
    &'a mut dyn FnMut(&mut LedgerReader, &Pack, &StoredEntry) -> Result<(), ReplayError>;

fn each_entry(reader: &mut LedgerReader, each: Look<'_>) -> Result<(), ReplayError> {
    let mut next = Seq::FIRST;
    while let Some(pack) = reader.pack_from(next)? {
        next = pack.info.end_seq();
        for entry in &pack.entries {
            each(reader, &pack, entry)?;
        }
    }
    Ok(())
}

struct Search<'a> {
    sought: &'a Sought,
    traces: Traces,
    /// Ids of the thread.
    ids: &'a [String],
    /// The streams of the thread, and those that name it.
    own: HashSet<StreamId>,
    related: HashSet<StreamId>,
    /// What the records of the thread say, whenever they were written.
    identities: HashSet<u64>,
    /// A prompt as it was written, and as it was typed.
    texts: Vec<String>,
    literal: Option<Engine>,
    /// Lines whose end has not come yet, by stream.
    torn: HashMap<StreamId, Torn>,
}

/// The pieces so far of a line that was torn: they say what they say together, and go together.
#[derive(Default)]
struct Torn {
    pieces: Vec<Trace>,
    body: Vec<u8>,
    /// Why they go, if they do.
    why: Option<Why>,
}

fn trace_of(entry: &StoredEntry, why: Why) -> Trace {
    let StoredEntry { seq, kind, stream, body_len: bytes, .. } = *entry;
    Trace { seq, kind, stream, bytes, why }
}

impl<'a> Search<'a> {
    fn of(reader: &mut LedgerReader, sought: &'a Sought) -> Result<Search<'a>, ReplayError> {
        let mut search = Search {
            sought,
            traces: Traces::default(),
            ids: &[],
            own: HashSet::new(),
            related: HashSet::new(),
            identities: HashSet::new(),
            texts: Vec::new(),
            literal: None,
            torn: HashMap::new(),
        };
        match sought {
            Sought::Entry(_) => {}
            Sought::Thread(ids) | Sought::Expired { ids, .. } => search.ids = ids,
            Sought::Prompt { seq, part, ids } => {
                search.ids = ids;
                search.texts = prompt_texts(reader, *seq, *part)?;
            }
            Sought::Literal { text, ignore_case } => {
                let engine = finder(text, *ignore_case);
                search.literal = Some(engine.map_err(crate::policy::PolicyError::from)?);
            }
        }
        Ok(search)
    }

    fn add(&mut self, entry: &StoredEntry, why: Why) {
        self.traces.found.push(trace_of(entry, why));
        if let Some(torn) = self.torn.get_mut(&entry.stream).filter(|_| entry.kind == Kind::Line) {
            torn.why.get_or_insert(why);
            self.traces
                .found
                .extend(torn.pieces.iter().map(|piece| Trace { why, ..piece.clone() }));
        }
    }

    /// Goes past an entry: what is torn is kept until its end comes.
    fn pass(
        &mut self,
        reader: &mut LedgerReader,
        pack: &Pack,
        entry: &StoredEntry,
    ) -> Result<(), ReplayError> {
        if entry.kind != Kind::Line || matches!(self.sought, Sought::Entry(_)) {
            return Ok(());
        }
        let is_last = entry.has_line_feed();
        if is_last && !self.torn.contains_key(&entry.stream) {
            return Ok(());
        }
        let is_found = self.traces.found.last().is_some_and(|last| last.seq == entry.seq);
        let torn = self.torn.entry(entry.stream).or_default();
        if !entry.is_erased() {
            match torn.why {
                Some(why) if !is_found => self.traces.found.push(trace_of(entry, why)),
                _ => {}
            }
            torn.pieces.push(trace_of(entry, Why::Named));
        }
        if is_last {
            self.torn.remove(&entry.stream);
        } else if let Some(body) = reader.body(pack, entry, PARSE_MAX_BYTES)? {
            torn.body.extend_from_slice(&body);
        }
        Ok(())
    }

    fn names_thread(&self, body: &[u8]) -> bool {
        self.ids.iter().any(|id| find(body, id.as_bytes()).is_some())
    }

    fn look(
        &mut self,
        reader: &mut LedgerReader,
        pack: &Pack,
        entry: &StoredEntry,
    ) -> Result<(), ReplayError> {
        match entry.kind {
            Kind::Stream => self.source(pack, entry),
            Kind::Action if holds(pack.body(entry).unwrap_or_default()) => {
                let body = pack.body(entry).unwrap_or_default().to_vec();
                self.traces.holds.push((entry.seq, body));
            }
            _ => {}
        }
        match self.sought {
            Sought::Entry(seq) if *seq == entry.seq => self.add(entry, Why::Named),
            Sought::Entry(_) => {}
            Sought::Literal { .. } => {
                if entry.kind.is_erasable() {
                    self.look_for_literal(reader, pack, entry)?;
                }
            }
            Sought::Thread(_) => self.look_for_thread(reader, pack, entry)?,
            Sought::Expired { outputs_before_ms, .. } => {
                self.look_for_thread(reader, pack, entry)?;
                self.look_for_output(reader, pack, entry, *outputs_before_ms)?;
            }
            Sought::Prompt { seq, .. } => {
                if *seq == entry.seq {
                    self.add(entry, Why::Named);
                }
                let is_of_prompt = |said: Annotation| said.place.is_some_and(|of| of.seq == *seq);
                if entry.kind == Kind::Annotation
                    && Annotation::decode(pack.body(entry).unwrap_or_default())
                        .is_some_and(is_of_prompt)
                {
                    self.add(entry, Why::Review);
                }
                self.look_for_family(pack, entry);
            }
        }
        Ok(())
    }

    fn source(&mut self, pack: &Pack, entry: &StoredEntry) {
        let body = pack.body(entry).unwrap_or_default();
        let Ok(descriptor) = StreamDescriptor::decode(body) else { return };
        let id = StreamId::opened_by(entry.seq);
        if let StreamName::Rollout { thread, .. } = &descriptor.name
            && self.ids.iter().any(|id| id.eq_ignore_ascii_case(thread))
        {
            self.own.insert(id);
        }
        self.traces.sources.insert(id, descriptor);
    }

    fn is_side_file(&self, stream: StreamId) -> bool {
        let name = self.traces.sources.get(&stream).map(|source| &source.name);
        matches!(name, Some(StreamName::History(_) | StreamName::Index(_)))
    }

    fn look_for_thread(
        &mut self,
        reader: &mut LedgerReader,
        pack: &Pack,
        entry: &StoredEntry,
    ) -> Result<(), ReplayError> {
        if self.own.contains(&entry.stream) {
            self.add(entry, Why::Named);
            if entry.kind == Kind::Line
                && let Some(body) = self.body(reader, pack, entry)?
            {
                let hash = rollout::identity(&body).hash;
                self.identities.extend(Some(hash).filter(|hash| *hash != 0));
            }
            return Ok(());
        }
        let body = pack.body(entry).unwrap_or_default();
        let is_side = self.is_side_file(entry.stream);
        match entry.kind {
            Kind::Line | Kind::Document if is_side => {
                let body = self.body(reader, pack, entry)?;
                if body.is_some_and(|body| self.names_thread(&body)) {
                    self.add(entry, Why::SideFile);
                }
            }
            Kind::Line => self.look_for_family(pack, entry),
            Kind::Annotation => {
                let said = Annotation::decode(body);
                if said.is_some_and(|said| self.ids.contains(&said.session)) {
                    self.add(entry, Why::Review);
                }
            }
            // Rules that come with the program have ids as examples.
            Kind::RuleSet => {}
            _ if self.names_thread(body) => self.traces.named_in_trail.push(entry.seq),
            _ => {}
        }
        Ok(())
    }

    /// Notes a stream that names the thread in its first lines.
    fn look_for_family(&mut self, pack: &Pack, entry: &StoredEntry) {
        if entry.kind == Kind::Line
            && entry.line < FIRST_LINES
            && !self.own.contains(&entry.stream)
            && self.names_thread(pack.body(entry).unwrap_or_default())
        {
            self.related.insert(entry.stream);
        }
    }

    fn look_for_literal(
        &mut self,
        reader: &mut LedgerReader,
        pack: &Pack,
        entry: &StoredEntry,
    ) -> Result<(), ReplayError> {
        let Some(body) = self.body(reader, pack, entry)? else { return Ok(()) };
        let text = String::from_utf8_lossy(&body);
        let engine = self.literal.as_ref();
        if engine.is_some_and(|engine| !engine.masks(&text, &Context::default()).is_empty()) {
            self.add(entry, Why::Named);
        }
        Ok(())
    }

    fn look_for_output(
        &mut self,
        reader: &mut LedgerReader,
        pack: &Pack,
        entry: &StoredEntry,
        before_ms: Option<i64>,
    ) -> Result<(), ReplayError> {
        let Some(before_ms) = before_ms.filter(|_| entry.kind == Kind::Line) else { return Ok(()) };
        if self.own.contains(&entry.stream) || self.is_side_file(entry.stream) {
            return Ok(());
        }
        let Some(body) = self.body(reader, pack, entry)? else { return Ok(()) };
        // Older clients write no times: then it is as old as its entry.
        let recorded_ms = (pack.info.recorded_at / 1_000_000) as i64;
        let at_ms = rollout::output_ms(&body).map(|at_ms| at_ms.unwrap_or(recorded_ms));
        if at_ms.is_some_and(|at_ms| at_ms < before_ms) {
            self.add(entry, Why::Expired);
        }
        Ok(())
    }

    /// Whether other files may say it again.
    fn is_copied(&self) -> bool {
        match self.sought {
            Sought::Thread(_) | Sought::Expired { .. } => {
                !self.related.is_empty() && !self.identities.is_empty()
            }
            Sought::Prompt { .. } => !self.texts.is_empty(),
            _ => false,
        }
    }

    fn look_for_copies(
        &mut self,
        reader: &mut LedgerReader,
        pack: &Pack,
        entry: &StoredEntry,
    ) -> Result<(), ReplayError> {
        let is_of_source = matches!(entry.kind, Kind::Line | Kind::Document);
        let (is_side, is_own) = (self.is_side_file(entry.stream), self.own.contains(&entry.stream));
        let is_near = is_own || is_side || self.related.contains(&entry.stream);
        if !is_of_source || !is_near {
            return Ok(());
        }
        let Some(body) = self.body(reader, pack, entry)? else { return Ok(()) };
        match self.sought {
            Sought::Thread(_) | Sought::Expired { .. } => {
                if !is_side && self.identities.contains(&rollout::identity(&body).hash) {
                    self.add(entry, Why::Copy);
                }
            }
            _ => {
                if (!is_side || self.names_thread(&body)) && says_any(&body, &self.texts) {
                    self.add(entry, if is_side { Why::SideFile } else { Why::Copy });
                }
            }
        }
        Ok(())
    }

    /// What an entry says, behind the earlier pieces of its line; `None` where that is too long, which is noted.
    fn body(
        &mut self,
        reader: &mut LedgerReader,
        pack: &Pack,
        entry: &StoredEntry,
    ) -> Result<Option<Vec<u8>>, ReplayError> {
        let torn = self.torn.get(&entry.stream).filter(|_| entry.kind == Kind::Line);
        let before = torn.map_or(&[][..], |torn| &torn.body);
        let most = PARSE_MAX_BYTES.saturating_sub(before.len() as u64);
        let body = reader.body(pack, entry, most)?.map(|body| match before {
            [] => body,
            _ => [before, &body].concat(),
        });
        if body.is_none() && self.traces.unsearched.last() != Some(&entry.seq) {
            self.traces.unsearched.push(entry.seq);
        }
        Ok(body)
    }
}
