//! What a changed policy changes: the streams whose rows would be others under it.

use crate::policy::{Decisions, PolicyError};
use crate::replay::ReplayError;
use crate::replay::preview::each_passed_line;
use crate::replay::repeats;
use crate::replay::streams::{Stream, Streams};
use crate::replay::threads;
use crate::row::ReadNumbers;
use codex_ledger_db::{Connection, Row, SqlResult, params_from_iter};
use codex_ledger_entry::{Kind, Seq, SeqSet, StreamId, StreamName};
use codex_ledger_ledger::LedgerReader;
use codex_ledger_redaction::{Policy, Redaction, Rule, RuleSet, Scope, Target};
use std::collections::BTreeSet;
use std::path::Path;
use std::thread::Builder;

/// What has to be written again.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Streams that are derived anew.
    pub streams: BTreeSet<StreamId>,
    /// Streams that were erased as a whole: nothing is derived of them any more.
    pub gone: BTreeSet<StreamId>,
    /// Streams that may be copies of what was erased: how far a copy goes is told anew.
    pub copies: BTreeSet<StreamId>,
    /// Entries of no source that were erased.
    pub void: Vec<Seq>,
    /// Whether names and paths may show other words.
    pub names: bool,
    /// Actions that then are written again too.
    pub actions: Vec<Seq>,
    /// Annotations that then are written again too: all before these entries, in order.
    pub annotations: Vec<Seq>,
}

impl Changes {
    /// Compares the policy that the views were written under with the one in force now.
    pub(crate) fn between(
        reader: &mut LedgerReader,
        (db, path): (&Connection, &Path),
        known: &Streams,
        cursor: Seq,
        (decisions, policy): (&Decisions, &Policy),
    ) -> Result<Changes, ReplayError> {
        let old = Decisions::load(reader, cursor)?.policy(reader)?;
        let mut changes = Changes::default();
        let before = decisions.erased(Seq::FIRST, cursor)?;
        let erased = decisions.erased(cursor, Seq::MAX)?.without(&before);
        changes.add_erased(reader, (db, path), (known, decisions), &erased)?;
        for gone in old.redactions().iter().filter(|r| !policy.redactions().contains(r)) {
            let sql =
                "SELECT DISTINCT stream FROM redaction_hits WHERE redaction = ? AND redaction > 0";
            changes.add_found(db, path, sql, &[gone.seq.to_string()])?;
            changes.names |= matches!(gone.target, Target::Passages { .. } | Target::Prompt { .. });
        }
        let new: Vec<&Redaction> =
            policy.redactions().iter().filter(|r| !old.redactions().contains(r)).collect();
        for redaction in &new {
            changes.add_target(reader, (db, path), known, policy, &redaction.target)?;
        }
        changes.add_prompts((db, path), &old, &new)?;
        for rule in old.unsaid().symmetric_difference(policy.unsaid()) {
            let sql = "SELECT DISTINCT stream FROM redaction_hits WHERE rule = ?";
            changes.add_found(db, path, sql, std::slice::from_ref(rule))?;
            changes.names = true;
        }
        let rules = changes.add_rules(db, path, old.rules(), policy.rules())?;
        let passages = |redaction: &&Redaction| matches!(redaction.target, Target::Passages { .. });
        let passages: Vec<Redaction> = new.into_iter().filter(passages).cloned().collect();
        if !rules.is_empty() || !passages.is_empty() {
            changes.names = true;
            let may_hide = |stream: &&Stream| {
                let is_reached = |of: &Redaction| may_reach(&of.target, stream);
                !rules.is_empty() || passages.iter().any(is_reached)
            };
            let is_new = |stream: &&Stream| !changes.streams.contains(&stream.id);
            let streams: Vec<&Stream> = known.iter().filter(is_new).filter(may_hide).collect();
            let rules = RuleSet { rules, ..RuleSet::default() };
            let sought =
                Policy::compile(rules, passages, *policy.key()).map_err(PolicyError::from)?;
            let found = scan(reader.dir(), &streams, &sought)?;
            changes.streams.extend(found);
        }
        changes.streams =
            changes.streams.iter().flat_map(|id| known.thread(*id)).copied().collect();
        // What is erased now has no streams any more.
        let is_gone = |stream: &StreamId| changes.gone.contains(stream);
        let left: BTreeSet<StreamId> =
            changes.streams.iter().filter(|stream| !is_gone(stream)).copied().collect();
        changes.streams = left;
        if changes.names {
            let all = |table: &str| {
                numbers(db, &format!("SELECT seq FROM {table} ORDER BY seq"), &[], |row| {
                    row.seq("seq")
                })
            };
            changes.actions = all("actions").map_err(codex_ledger_db::at(path))?;
            changes.annotations = all("annotations").map_err(codex_ledger_db::at(path))?;
        }
        Ok(changes)
    }

    /// What an erasure changes: the streams of what it takes, those that may copy them, and those in which something was hidden
    /// by what it takes.
    fn add_erased(
        &mut self,
        reader: &mut LedgerReader,
        (db, path): (&Connection, &Path),
        (known, decisions): (&Streams, &Decisions),
        erased: &SeqSet,
    ) -> Result<(), ReplayError> {
        if erased.is_empty() {
            return Ok(());
        }
        self.names = true;
        for run in erased.runs() {
            let mut next = run.from;
            while next < run.end {
                let Some(pack) = reader.pack_from(next)? else { break };
                for entry in pack.entries.iter().filter(|entry| run.contains(entry.seq)) {
                    match entry.kind {
                        Kind::Stream => drop(self.gone.insert(StreamId::opened_by(entry.seq))),
                        Kind::Line | Kind::Document => drop(self.streams.insert(entry.stream)),
                        _ => self.void.push(entry.seq),
                    }
                }
                next = pack.info.end_seq();
            }
        }
        // A redaction of a place that is gone hides nothing any more, also not where the same is said.
        let silent = decisions.named_in(erased)?;
        for seq in self.void.clone().into_iter().chain(silent) {
            let sql =
                "SELECT DISTINCT stream FROM redaction_hits WHERE redaction = ? AND redaction > 0";
            self.add_found(db, path, sql, &[seq.to_string()])?;
        }
        let threads: BTreeSet<&str> = self
            .streams
            .iter()
            .chain(&self.gone)
            .filter_map(|id| known.get(*id))
            .flat_map(|stream| [stream.thread_id(), stream.state.session_id.as_deref()])
            .flatten()
            .collect();
        let copies = known.iter().filter(|stream| {
            let of = stream.state.copy_of.as_ref().map(|(thread, _)| thread.as_str());
            let named = [of, stream.state.parent.as_deref()];
            named.into_iter().flatten().any(|thread| threads.contains(thread))
        });
        self.copies = copies.map(|stream| stream.id).collect();
        let siblings = self.gone.iter().flat_map(|id| known.thread(*id)).copied();
        self.streams.extend(siblings.chain(self.copies.iter().copied()));
        Ok(())
    }

    fn add_found(
        &mut self,
        db: &Connection,
        path: &Path,
        sql: &str,
        values: &[String],
    ) -> Result<(), ReplayError> {
        let found = numbers(db, sql, values, |row| row.stream("stream"));
        self.streams.extend(found.map_err(codex_ledger_db::at(path))?);
        Ok(())
    }

    /// The streams that a new redaction of a place touches.
    fn add_target(
        &mut self,
        reader: &mut LedgerReader,
        (db, path): (&Connection, &Path),
        known: &Streams,
        policy: &Policy,
        target: &Target,
    ) -> Result<(), ReplayError> {
        match target {
            Target::Entry { seq } | Target::Texts { seq, .. } => self.add_entry(reader, *seq)?,
            Target::Prompt { seq, session, texts, .. } => {
                self.add_entry(reader, *seq)?;
                for text in texts {
                    let sql = "SELECT stream FROM prompts WHERE text_key = ?1
                        UNION SELECT stream FROM history_prompts WHERE text_key = ?1";
                    self.add_found(db, path, sql, &[policy.text_key(text).as_str().to_string()])?;
                }
                self.add_side_files(known);
                self.add_session(known, session);
            }
            Target::Session { id } => {
                self.add_side_files(known);
                self.add_session(known, id);
            }
            Target::Passages { .. } => {}
        }
        Ok(())
    }

    /// The streams that may say one of the prompts again that are to be hidden.
    fn add_prompts(
        &mut self,
        (db, path): (&Connection, &Path),
        old: &Policy,
        new: &[&Redaction],
    ) -> Result<(), ReplayError> {
        let texts = new.iter().flat_map(|redaction| match &redaction.target {
            Target::Prompt { texts, .. } => texts.as_slice(),
            _ => &[],
        });
        let texts: Vec<String> = texts.cloned().collect();
        if texts.is_empty() {
            return Ok(());
        }
        let again = repeats::streams_with(db, old, &texts).map_err(codex_ledger_db::at(path))?;
        self.streams.extend(again);
        // Notes, and what was done, may say it too.
        self.names = true;
        self.add_narrowed(db, path, old)
    }

    /// The streams in which something is hidden that is hidden there alone: what the others show says nothing of them.
    fn add_narrowed(
        &mut self,
        db: &Connection,
        path: &Path,
        old: &Policy,
    ) -> Result<(), ReplayError> {
        let is_narrow = |of: &&Redaction| match &of.target {
            Target::Passages { scope, .. } => *scope != Scope::Global,
            Target::Prompt { .. } => false,
            _ => true,
        };
        let sql =
            "SELECT DISTINCT stream FROM redaction_hits WHERE redaction = ? AND redaction > 0";
        for redaction in old.redactions().iter().filter(is_narrow) {
            self.add_found(db, path, sql, &[redaction.seq.to_string()])?;
        }
        Ok(())
    }

    fn add_entry(&mut self, reader: &mut LedgerReader, seq: Seq) -> Result<(), ReplayError> {
        let pack = reader.pack_from(seq)?;
        self.streams.extend(pack.and_then(|pack| pack.entry(seq).map(|entry| entry.stream)));
        Ok(())
    }

    fn add_session(&mut self, known: &Streams, id: &str) {
        let streams = known.iter().filter(|stream| may_be_of(stream, id));
        self.streams.extend(streams.map(|stream| stream.id));
    }

    fn add_side_files(&mut self, known: &Streams) {
        self.streams.extend(known.iter().filter(|stream| is_side(stream)).map(|stream| stream.id));
    }

    /// The streams in which rules that are gone or changed had hidden something; gives the rules that are new
    /// or changed.
    fn add_rules(
        &mut self,
        db: &Connection,
        path: &Path,
        old: &RuleSet,
        new: &RuleSet,
    ) -> Result<Vec<Rule>, ReplayError> {
        let is_in = |set: &RuleSet, rule: &Rule| set.rules.contains(rule);
        for rule in old.rules.iter().filter(|rule| !is_in(new, rule)) {
            let sql = "SELECT DISTINCT stream FROM redaction_hits WHERE rule = ?";
            self.add_found(db, path, sql, std::slice::from_ref(&rule.id))?;
            self.names = true;
        }
        let order = |of: &RuleSet, with: &RuleSet| -> Vec<String> {
            of.rules.iter().filter(|r| is_in(with, r)).map(|r| r.id.clone()).collect()
        };
        if order(old, new) != order(new, old) {
            let sql = "SELECT DISTINCT stream FROM redaction_hits WHERE rule <> ''";
            self.add_found(db, path, sql, &[])?;
            self.names = true;
        }
        Ok(new.rules.iter().filter(|rule| rule.enabled && !is_in(old, rule)).cloned().collect())
    }
}

fn numbers<T>(
    db: &Connection,
    sql: &str,
    values: &[String],
    read: impl Fn(&Row<'_>) -> SqlResult<T>,
) -> SqlResult<Vec<T>> {
    db.prepare(sql)?.query_map(params_from_iter(values), read)?.collect()
}

/// Whether texts of a stream may be those of a session: its own, or copied from it.
fn may_be_of(stream: &Stream, id: &str) -> bool {
    let state = &stream.state;
    state.session_id.as_deref() == Some(id)
        || state.copied_threads.iter().any(|thread| thread == id)
        || state.parent.as_deref() == Some(id)
        || matches!(&stream.name, StreamName::Rollout { thread, .. } if thread == id)
}

/// Whether each line of a stream names its own session.
fn is_side(stream: &Stream) -> bool {
    matches!(stream.name, StreamName::History(_) | StreamName::Index(_))
}

/// Whether passages that are hidden there may stand in a stream. Its repository may have been another one at first.
fn may_reach(target: &Target, stream: &Stream) -> bool {
    match target {
        Target::Passages { matcher, scope: Scope::Session(id) } => {
            is_side(stream) || may_be_of(stream, id) || matcher.may_name_a_thread()
        }
        _ => true,
    }
}

/// Those of these streams in which a policy hides anything.
fn scan(
    dir: &Path,
    streams: &[&Stream],
    policy: &Policy,
) -> Result<BTreeSet<StreamId>, ReplayError> {
    let threads = threads();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                let mine: Vec<&Stream> =
                    streams.iter().copied().skip(worker).step_by(threads).collect();
                let scan = move || scan_some(dir, policy, &mine);
                Builder::new().spawn_scoped(scope, scan).map_err(ReplayError::Thread)
            })
            .collect::<Result<_, _>>()?;
        let mut found = BTreeSet::new();
        for worker in workers {
            found.extend(worker.join().map_err(|_| ReplayError::Died)??);
        }
        Ok(found)
    })
}

fn scan_some(
    dir: &Path,
    policy: &Policy,
    streams: &[&Stream],
) -> Result<Vec<StreamId>, ReplayError> {
    let mut reader = LedgerReader::open(dir)?;
    let mut found = Vec::new();
    for stream in streams {
        if hides_in(&mut reader, stream, policy)? {
            found.push(stream.id);
        }
    }
    Ok(found)
}

/// Whether a policy hides anything in a stream.
fn hides_in(
    reader: &mut LedgerReader,
    stream: &Stream,
    policy: &Policy,
) -> Result<bool, ReplayError> {
    let mut hides = false;
    each_passed_line(reader, vec![stream.fresh()], policy, &mut |hidden| {
        hides = !hidden.is_empty();
        !hides
    })?;
    Ok(hides)
}
