//! One line of a source -> the rows of every projection. The same code for catch-up, rebuild and preview.

use crate::earlier::{Earlier, Telling};
use crate::fold::Fold;
use crate::replay::ReplayError;
use crate::replay::lineage;
use crate::replay::lines::{EachLine, each_line};
use crate::replay::streams::Stream;
use crate::row::{At, Draft, FILE_LINES};
use crate::state::{State, hash};
use crate::tables::events::{self, Span};
use crate::tables::{
    agent_reasoning_messages, ended_calls, file_changes, function_calls, function_plan_messages,
    messages, prompts, remarks, sessions, side_files, token_messages, turn_context_messages, turns,
};
use codex_ledger_entry::{Kind, Seq, SeqRange, StreamName};
use codex_ledger_ledger::{LedgerReader, StoredEntry};
use codex_ledger_redaction::Policy;
use codex_ledger_rollout::event::{Event, ItemBody, ItemCompleted, Part};
use codex_ledger_rollout::{self as rollout, Generation, Record, Understanding};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

/// What the projections hold beyond the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Keep the exact text of every record in `raw_records`.
    pub raw_json: bool,
}

impl Options {
    /// How the options are named in the views.
    pub(crate) fn name(self) -> &'static str {
        if self.raw_json { "raw_json" } else { "" }
    }
}

/// A line of a source: where it begins, its last entry with the whole length, and its bytes unless it is too long.
pub(crate) struct Line<'a> {
    pub start: LineStart,
    pub entry: &'a StoredEntry,
    pub body: Option<&'a [u8]>,
}

/// Where a line begins: its first entry, and its 0-based number and first byte in the source.
#[derive(Clone, Copy)]
pub(crate) struct LineStart {
    pub seq: Seq,
    pub line: u64,
    pub offset: u64,
}

impl LineStart {
    pub(crate) fn of(entry: &StoredEntry) -> LineStart {
        LineStart { seq: entry.seq, line: entry.line, offset: entry.offset }
    }
}

/// Derives rows from lines, and keeps them until somebody takes them.
pub(crate) struct Deriver<'a> {
    pub policy: &'a Policy,
    options: Options,
    /// Repositories by session, once all is applied and where they matter.
    pub repos: HashMap<String, String>,
    pub drafts: Vec<Draft>,
    /// What the file says, where others of its thread come behind it.
    pub telling: Option<Telling>,
}

impl<'a> Deriver<'a> {
    pub(crate) fn new(policy: &'a Policy, options: Options) -> Deriver<'a> {
        let (repos, drafts) = (HashMap::new(), Vec::new());
        Deriver { policy, options, repos, drafts, telling: None }
    }

    /// Derives the rows of one line of a stream.
    pub(crate) fn line(&mut self, stream: &mut Stream, line: &Line<'_>) {
        let Line { start, entry, body } = *line;
        let LineStart { seq, line, offset } = start;
        stream.touched = true;
        stream.totals.lines += 1;
        stream.totals.bytes += entry.body_len + u64::from(entry.has_line_feed());
        stream.state.torn = entry.kind == Kind::Line && !entry.has_line_feed();
        stream.state.bytes += entry.body_len;
        stream.state.is_document |= entry.kind == Kind::Document;
        let thread = match &stream.name {
            StreamName::Rollout { thread, .. } => Some(thread.as_str()),
            _ => None,
        };
        let drafts = self.drafts.len();
        let mut fold = Fold {
            at: At {
                stream: stream.holder,
                line: stream.rank * FILE_LINES + line,
                seq,
                ..At::default()
            },
            state: &mut stream.state,
            totals: &mut stream.totals,
            policy: self.policy,
            thread,
            copied: false,
            bare: false,
            repos: &self.repos,
            out: &mut self.drafts,
            items_left: rollout::ITEMS_MAX,
            is_cut: false,
            is_superseded: stream.superseded,
            ordinal: None,
            named_here: BTreeSet::new(),
            telling: self.telling.as_mut(),
        };
        let span = Span { offset, bytes: entry.body_len };
        let Some(body) = body else {
            if entry.is_erased() {
                events::plain(&mut fold, span, "erased", None);
            } else {
                fold.totals.malformed += 1;
                events::plain(&mut fold, span, "malformed", Some("too_long"));
            }
            return;
        };
        if self.options.raw_json {
            events::raw(&mut fold, body);
        }
        match (&stream.name, entry.kind) {
            (StreamName::History(_), _) => side_files::history(&mut fold, body, span),
            (StreamName::Index(_), _) => side_files::index(&mut fold, body, span),
            (_, Kind::Document) => document(&mut fold, body, span),
            _ => pieces(&mut fold, body, span),
        }
        fold.state.latest_ms = fold.state.latest_ms.max(fold.at.at_ms);
        let named: Vec<_> = fold.named_here.iter().map(|seq| ("raw", *seq)).collect();
        let raw = self.drafts.iter_mut().skip(drafts).find(|draft| draft.table() == "raw_records");
        if let (false, Some(raw)) = (named.is_empty(), raw) {
            raw.hide_as(named);
        }
    }

    /// Learns from a line what its file is like, without its rows.
    pub(crate) fn look(&mut self, stream: &mut Stream, line: &Line<'_>) {
        let drafts = self.drafts.len();
        self.line(stream, line);
        self.drafts.truncate(drafts);
    }
}

/// Derives the rows of a thread from its files, each one behind those that come before it. `unnoted` is where entries
/// may stand that the states of the files do not know yet.
pub(crate) fn derive_files(
    reader: &mut LedgerReader,
    deriver: &mut Deriver<'_>,
    files: &mut [Stream],
    unnoted: SeqRange,
    after_line: &mut dyn FnMut(&mut Deriver<'_>) -> Result<ControlFlow<()>, ReplayError>,
) -> Result<(), ReplayError> {
    let named = named_texts(reader, deriver, files, unnoted)?;
    let last = files.len().saturating_sub(1);
    let mut before: Option<State> = None;
    let mut earlier = Earlier::default();
    for (nth, stream) in files.iter_mut().enumerate() {
        if let Some(before) = &before {
            stream.follow(before);
        }
        stream.state.earlier = earlier.clone();
        stream.state.named = named.clone();
        deriver.telling = (nth < last).then(Telling::default);
        let known = stream.clone_place();
        let mut found = Vec::new();
        let mut goes_on = ControlFlow::Continue(());
        each_line_of(reader, &known, unnoted, &mut found, &mut |line| {
            deriver.line(stream, line);
            goes_on = after_line(deriver)?;
            Ok(goes_on)
        })?;
        found.into_iter().for_each(|run| stream.state.applied(run));
        if let Some(telling) = deriver.telling.take() {
            stream.state.earlier = Earlier::default();
            telling.0.into_iter().for_each(|said| earlier.add(said));
            before = Some(stream.state.clone());
        }
        if goes_on.is_break() {
            break;
        }
    }
    Ok(())
}

/// The texts of a thread's entries that redactions name, where it has several files that may say the same.
fn named_texts(
    reader: &mut LedgerReader,
    deriver: &mut Deriver<'_>,
    files: &[Stream],
    unnoted: SeqRange,
) -> Result<BTreeMap<u64, Vec<Seq>>, ReplayError> {
    let mut named: BTreeMap<u64, Vec<Seq>> = BTreeMap::new();
    let policy = deriver.policy;
    if files.len() < 2 || policy.named_entries().next().is_none() {
        return Ok(named);
    }
    for file in files {
        let mut fresh = file.fresh();
        let mut alone = Deriver::new(policy, Options::default());
        each_line_of(reader, file, unnoted, &mut Vec::new(), &mut |line| {
            alone.line(&mut fresh, line);
            for draft in alone.drafts.drain(..) {
                let seq = draft.at().seq;
                if policy.named_entries().any(|named| named == seq) {
                    for (_, text) in draft.texts() {
                        let entries = named.entry(hash(text)).or_default();
                        if !entries.contains(&seq) {
                            entries.push(seq);
                        }
                    }
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(named)
}

/// Gives every line of a stream, also of packs that its state does not know yet, which are added to `found`.
fn each_line_of(
    reader: &mut LedgerReader,
    stream: &Stream,
    unnoted: SeqRange,
    found: &mut Vec<SeqRange>,
    each: EachLine<'_>,
) -> Result<(), ReplayError> {
    let to = unnoted.end.max(stream.end());
    let from = stream.end().max(unnoted.from).max(stream.id.opener()).min(to);
    each_line(reader, stream.id, &stream.state.packs, SeqRange::new(from, to), found, each)
}

/// Mostly one record; more where a client has lost a line feed.
fn pieces(fold: &mut Fold<'_>, body: &[u8], span: Span) {
    let at = fold.at;
    let pieces = rollout::pieces(body);
    let count = pieces.len();
    for (index, (start, piece)) in pieces.iter().enumerate() {
        fold.at = At { part: index as u64, at_ms: piece.timestamp_ms, ..at };
        let start = *start as u64;
        let bytes = if count == 1 { span.bytes } else { span.bytes.saturating_sub(start) };
        record(fold, piece, Span { offset: span.offset + start, bytes });
    }
}

fn document(fold: &mut Fold<'_>, body: &[u8], span: Span) {
    let at = fold.at;
    let document = rollout::parse_document(body);
    let problem = document.problems.first().map(|problem| problem.reason.name());
    fold.totals.malformed += u64::from(problem.is_some());
    fold.at.at_ms = document.session.as_ref().and_then(|session| session.timestamp_ms);
    fold.state.latest_ms = fold.state.latest_ms.max(fold.at.at_ms);
    events::plain(fold, span, "document", problem);
    if let Some(session) = &document.session {
        sessions::ensure(fold);
        sessions::fold(fold, session);
        // When it ended is not said.
        fold.totals.first_at_ms = fold.totals.first_at_ms.or(session.timestamp_ms);
    }
    for (index, item) in document.items.iter().enumerate() {
        fold.at = At { part: index as u64 + 1, at_ms: item.record.timestamp_ms, ..at };
        let item_span = Span { offset: item.offset as u64, bytes: item.bytes.len() as u64 };
        record(fold, &item.record, item_span);
    }
}

fn record(fold: &mut Fold<'_>, record: &Record<'_>, span: Span) {
    fold.ordinal = record.ordinal;
    fold.state.latest_ms = fold.state.latest_ms.max(record.timestamp_ms);
    events::fold(fold, record, span);
    match record.understanding {
        Understanding::Malformed => fold.totals.malformed += 1,
        Understanding::Unknown => fold.totals.unknown += 1,
        Understanding::Understood if record.kind == "blank" => fold.totals.blank += 1,
        Understanding::Understood => sessions::ensure(fold),
    }
    if let Some(at_ms) = record.timestamp_ms {
        fold.totals.first_at_ms.get_or_insert(at_ms);
        fold.totals.last_at_ms = fold.totals.last_at_ms.max(Some(at_ms));
    }
    fold.copied = lineage::is_copy(fold, record);
    fold.bare = matches!(record.generation, Some(Generation::G0 | Generation::G1));
    event(fold, record);
    if std::mem::take(&mut fold.is_cut) {
        events::cut(fold);
    }
}

fn event(fold: &mut Fold<'_>, record: &Record<'_>) {
    match &record.event {
        Event::SessionMeta(meta) => sessions::fold(fold, meta),
        Event::TurnContext(context) => turn_context_messages::context(fold, context),
        Event::ThreadSettings(settings) => turn_context_messages::settings(fold, settings),
        Event::Message(message) => {
            messages::fold(fold, message, record.host.inherited_user_message)
        }
        Event::UserMessage(message) => prompts::event(fold, message),
        Event::Reasoning(reasoning) => agent_reasoning_messages::response(fold, reasoning),
        Event::AgentReasoning(reasoning) => agent_reasoning_messages::event(fold, reasoning),
        Event::TokenCount(count) => token_messages::count(fold, count),
        Event::TokenUsageRecord(usage) => token_messages::usage_record(fold, usage),
        Event::ToolCall(call) => {
            function_calls::call(fold, call);
            function_plan_messages::call(fold, call);
        }
        Event::ToolOutput(output) => function_calls::output(fold, output),
        Event::ThreadRolledBack(back) => {
            prompts::rolled_back(fold, back.num_turns);
            turns::fold(fold, &record.event);
        }
        Event::ThreadNameUpdated(name) => sessions::name(fold, name),
        Event::ItemCompleted(item) => completed(fold, item),
        Event::AgentMessage(said) => {
            let turn = fold.turn(None);
            let beside = said.questions.len() + said.citations.len();
            remarks::told_by_event(fold, beside, &said.message, turn);
            remarks::beside(fold, &said.questions, &said.citations, None);
        }
        Event::InterAgent(mail) => {
            let (from, to) = (mail.author.as_deref(), mail.recipient.as_deref());
            remarks::mail(fold, (from, to), &mail.parts, None);
        }
        Event::AgentMail(mail) => {
            let (from, to) = (mail.author.as_deref(), mail.recipient.as_deref());
            remarks::mail(fold, (from, to), &mail.parts, mail.turn_id.as_deref());
        }
        Event::Notice(notice) => {
            remarks::each(fold, ("client", "notice"), None, std::iter::once(&*notice.message));
        }
        Event::Other(other) => remarks::record(fold, other),
        Event::GuardianAssessment(assessment) => remarks::guardian(fold, assessment),
        Event::ThreadGoal(goal) => remarks::goal(fold, goal),
        other if tool_ended(fold, other) => {}
        other => turns::fold(fold, other),
    }
}

/// What the client says of a tool that has ended; false where the event says something else.
fn tool_ended(fold: &mut Fold<'_>, event: &Event<'_>) -> bool {
    // What a review does stands in a file of its own, with the calls themselves.
    let is_tool = matches!(
        event,
        Event::ExecCommandEnd(_) | Event::PatchApplyEnd(_) | Event::McpToolCallEnd(_)
    );
    fold.copied |= is_tool && fold.state.in_review && !fold.state.is_review;
    match event {
        Event::ExecCommandEnd(end) => {
            let turn = fold.turn(end.turn_id.as_deref());
            ended_calls::command(fold, end, turn);
        }
        Event::PatchApplyEnd(end) => {
            file_changes::applied(fold, end, None);
            let turn = fold.turn(end.turn_id.as_deref());
            ended_calls::patch(fold, end, None, turn);
        }
        Event::McpToolCallEnd(end) => {
            let turn = fold.turn(None);
            ended_calls::mcp(fold, end, turn);
        }
        Event::DynamicToolCallResponse(end) => {
            let turn = fold.turn(end.turn_id.as_deref());
            ended_calls::dynamic(fold, end, turn);
        }
        Event::WebSearchEnd(end) => {
            let turn = fold.turn(None);
            ended_calls::search(fold, end, turn);
        }
        Event::ImageGenerationEnd(end) => {
            let turn = fold.turn(None);
            ended_calls::image(fold, end, turn);
        }
        Event::ViewImage(end) => {
            let turn = fold.turn(None);
            ended_calls::image_seen(fold, end, turn);
        }
        Event::Collab(asked) => {
            let turn = fold.turn(None);
            ended_calls::agents(fold, asked, turn);
        }
        _ => return false,
    }
    true
}

/// In paginated files, items say what events say in older ones.
fn completed(fold: &mut Fold<'_>, done: &ItemCompleted<'_>) {
    let id = done.item.id.as_deref();
    let turn = fold.turn(done.turn_id.as_deref());
    // What a review does stands in a file of its own, with the calls themselves.
    let is_of_review = fold.state.in_review && !fold.state.is_review;
    fold.copied |= is_of_review && done.item.body.is_tool();
    match &done.item.body {
        ItemBody::UserMessage(parts) => prompts::item(fold, parts, turn),
        // The response item beside it says the same, but not what it asks.
        ItemBody::AgentMessage(parts, questions, citations) => {
            let beside = questions.len() + citations.len();
            for (index, text) in parts.iter().filter_map(Part::text).enumerate() {
                remarks::told_by_event(fold, beside + index, text, turn.clone());
            }
            remarks::beside(fold, questions, citations, turn.as_deref());
        }
        ItemBody::HookPrompt(texts) => {
            let texts = texts.iter().map(|text| &**text);
            remarks::each(fold, ("user", "hook"), turn.as_deref(), texts);
        }
        ItemBody::DynamicToolCall(end) => ended_calls::dynamic(fold, end, turn),
        ItemBody::ImageGeneration(end) => ended_calls::image(fold, end, turn),
        ItemBody::Reasoning(reasoning) => agent_reasoning_messages::item(fold, reasoning, id, turn),
        ItemBody::Plan(text) => function_plan_messages::item(fold, text, turn),
        ItemBody::CommandExecution(end) => ended_calls::command(fold, end, turn),
        ItemBody::FileChange(end) => {
            file_changes::applied(fold, end, id);
            ended_calls::patch(fold, end, id, turn);
        }
        ItemBody::McpToolCall(end) => ended_calls::mcp(fold, end, turn),
        ItemBody::WebSearch(end) => ended_calls::search(fold, end, turn),
        ItemBody::ImageView(end) => ended_calls::image_seen(fold, end, turn),
        ItemBody::CollabAgentToolCall(asked) => ended_calls::agents(fold, asked, turn),
        ItemBody::EnteredReviewMode(_)
        | ItemBody::ExitedReviewMode(_)
        | ItemBody::ContextCompaction => turns::item(fold, &done.item.body, id, turn),
        other => ended_calls::other_item(fold, other, id, turn),
    }
}
