//! Which entries hold what is to be erased: the thing itself, and what says it again. Reads only.

use crate::policy::leaves;
use crate::replay::ReplayError;
use crate::replay::lines::PARSE_MAX_BYTES;
use codex_ledger_entry::{
    Annotation, Fields, Kind, Seq, SeqRange, SeqSet, StreamDescriptor, StreamId, StreamName,
};
use codex_ledger_ledger::{LedgerReader, Pack, StoredEntry};
use codex_ledger_redaction::{
    Context, Engine, Manual, Matcher, REPLACEMENT, RuleError, RuleSet, Scope,
};
use codex_ledger_rollout as rollout;
use memchr::memmem::find;
use std::collections::{BTreeMap, HashMap, HashSet, hash_map};

/// A shorter prompt counts as said again only where it is all that is said.
const QUOTED_MIN_BYTES: usize = 24;
/// A file names the thread that it copies in its first lines.
const FIRST_LINES: u64 = 3;
/// How deep texts inside texts are looked for.
const DEPTH_MAX: usize = 4;

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
    each_entry(reader, &mut |reader, pack, entry| search.look(reader, pack, entry))?;
    if search.is_copied() {
        each_entry(reader, &mut |reader, pack, entry| search.look_for_copies(reader, pack, entry))?;
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
        for entry in pack.entries.iter().filter(|entry| !entry.is_erased()) {
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
        let StoredEntry { seq, kind, stream, body_len: bytes, .. } = *entry;
        self.traces.found.push(Trace { seq, kind, stream, bytes, why });
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
            Kind::Line | Kind::Document if is_side && self.names_thread(body) => {
                self.add(entry, Why::SideFile);
            }
            Kind::Line | Kind::Document if is_side => {}
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

    /// The body of an entry, unless it is too long; that is noted.
    fn body(
        &mut self,
        reader: &mut LedgerReader,
        pack: &Pack,
        entry: &StoredEntry,
    ) -> Result<Option<Vec<u8>>, ReplayError> {
        let body = reader.body(pack, entry, PARSE_MAX_BYTES)?;
        if body.is_none() && self.traces.unsearched.last() != Some(&entry.seq) {
            self.traces.unsearched.push(entry.seq);
        }
        Ok(body)
    }
}

/// What finds a text however it is written.
fn finder(text: &str, ignore_case: bool) -> Result<Engine, RuleError> {
    let matcher = Matcher::Literal { text: text.to_string(), ignore_case };
    let (id, replacement) = (Seq::FIRST, REPLACEMENT.to_string());
    let manual = Manual { id, matcher, scope: Scope::Global, replacement, rank: 0 };
    Engine::compile(&RuleSet::default(), &[manual])
}

/// Whether something says a text, however it is written.
pub fn holds_text(said: &str, text: &str, ignore_case: bool) -> bool {
    let engine = finder(text, ignore_case);
    engine.is_ok_and(|engine| !engine.masks(said, &Context::default()).is_empty())
}

/// Whether an action is a hold or ends one.
fn holds(body: &[u8]) -> bool {
    let fields = Fields::parse(body).ok();
    let verb = fields.as_ref().and_then(|fields| fields.get("verb"));
    matches!(verb, Some(b"hold" | b"release"))
}

/// A prompt as it was written, and as it was typed.
///
/// # Errors
/// When its entry cannot be read.
pub fn prompt_texts(
    reader: &mut LedgerReader,
    seq: Seq,
    part: u64,
) -> Result<Vec<String>, ReplayError> {
    let Some(pack) = reader.pack_from(seq)? else { return Ok(Vec::new()) };
    let Some(entry) = pack.entry(seq) else { return Ok(Vec::new()) };
    let body = reader.body(&pack, entry, PARSE_MAX_BYTES)?.unwrap_or_default();
    let asked = rollout::asked_in(entry.kind == Kind::Document, &body, part);
    let Some(text) = asked.filter(|text| !text.trim().is_empty()) else { return Ok(Vec::new()) };
    let typed = rollout::wrapper::typed(&text).trim().to_string();
    Ok([text.trim().to_string(), typed].into_iter().filter(|text| !text.is_empty()).collect())
}

/// Whether a record says one of these texts: as a whole, or, where it is long enough to be told, anywhere.
fn says_any(body: &[u8], texts: &[String]) -> bool {
    let mut said = Vec::new();
    match serde_json::from_slice(body) {
        Ok(value) => leaves(&value, &mut said, DEPTH_MAX),
        Err(_) => said.push(String::from_utf8_lossy(body).into_owned()),
    }
    said.iter().any(|said| {
        texts.iter().any(|text| {
            said.trim() == text || text.len() >= QUOTED_MIN_BYTES && said.contains(text.as_str())
        })
    })
}

/// What new entries say of threads that were erased.
#[derive(Debug, Default)]
pub struct Returned {
    /// Lines of history and index that name one.
    pub side_lines: SeqSet,
    /// The entry that erased the last of these.
    pub by: Option<Seq>,
    /// Files whose first lines name one, and the entry that erased it.
    pub files: Vec<(String, Seq)>,
}

/// Looks through new entries for threads that were erased; `erased_by` says which entry has erased one that some bytes name.
///
/// # Errors
/// When entries cannot be read.
pub fn returned(
    reader: &mut LedgerReader,
    new: SeqRange,
    erased_by: &dyn Fn(&[u8]) -> Option<Seq>,
) -> Result<Returned, ReplayError> {
    let mut found = Returned::default();
    let mut sources: HashMap<StreamId, Option<StreamDescriptor>> = HashMap::new();
    let mut next = new.from;
    while next < new.end {
        let Some(pack) = reader.pack_from(next)? else { break };
        let is_new = |entry: &&StoredEntry| new.contains(entry.seq) && entry.kind == Kind::Line;
        for entry in pack.entries.iter().filter(is_new) {
            if let hash_map::Entry::Vacant(vacant) = sources.entry(entry.stream) {
                let opener = reader.control(entry.stream.opener())?;
                let opener = opener.filter(|of| !of.body.is_empty());
                vacant.insert(opener.and_then(|of| StreamDescriptor::decode(&of.body).ok()));
            }
            let Some(Some(source)) = sources.get(&entry.stream) else { continue };
            let is_side = matches!(source.name, StreamName::History(_) | StreamName::Index(_));
            if !is_side && entry.line >= FIRST_LINES {
                continue;
            }
            let Some(by) = erased_by(pack.body(entry).unwrap_or_default()) else { continue };
            if is_side {
                found.side_lines.insert(entry.seq);
                found.by = Some(by);
            } else {
                let path = String::from_utf8_lossy(&source.path).into_owned();
                if found.files.last().is_none_or(|(last, _)| *last != path) {
                    found.files.push((path, by));
                }
            }
        }
        next = pack.info.end_seq();
    }
    Ok(found)
}
