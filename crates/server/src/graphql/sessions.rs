//! Sessions, their prompts, and what happened in them. Those of one list are asked about together.

use super::items::{FileChange, Item};
use super::lists::{Part, Some_, cost};
use super::reading::{Field, Int64, Reading};
use super::told::Note;
use crate::access::Right;
use crate::error::Result as WebResult;
use crate::state::Desk;
use crate::ui::TEXT_BYTES_MAX;
use async_graphql::{Context, ID, Object};
use codex_ledger_query::{
    FileRow, Filter, ItemKind, NoteRow, PromptRow, RowsAsked, SessionDetail as Detail, SessionRow,
    StreamId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// The sessions of one list. What one of them is asked for is read for all of them at once, so that a list costs the same however
/// long it is.
struct Family {
    ids: Vec<String>,
    streams: Vec<StreamId>,
    said: OnceLock<Said>,
    notes: OnceLock<Vec<NoteRow>>,
    prompts: OnceLock<BTreeMap<String, Vec<PromptRow>>>,
    children: OnceLock<BTreeMap<String, Vec<Session>>>,
}

/// Tags and judgements, by session and prompt.
#[derive(Default)]
struct Said {
    tags: BTreeMap<(String, u64), Vec<String>>,
    dispositions: BTreeMap<(String, u64), String>,
}

/// What was read before, or is read now.
fn once<T>(known: &OnceLock<T>, read: impl FnOnce() -> WebResult<T>) -> WebResult<&T> {
    match known.get() {
        Some(known) => Ok(known),
        None => {
            let read = read()?;
            Ok(known.get_or_init(|| read))
        }
    }
}

impl Family {
    fn of<'r>(rows: impl Iterator<Item = &'r SessionRow>) -> Arc<Family> {
        let (ids, streams) = rows.map(|row| (row.id.clone(), row.stream)).unzip();
        Arc::new(Family {
            ids,
            streams,
            said: OnceLock::new(),
            notes: OnceLock::new(),
            prompts: OnceLock::new(),
            children: OnceLock::new(),
        })
    }

    fn said(&self, desk: &Desk) -> WebResult<&Said> {
        once(&self.said, || {
            let own: BTreeSet<&str> = self.ids.iter().map(String::as_str).collect();
            let mut said = Said::default();
            for row in desk.app.tags(None)?.into_iter().filter(|row| own.contains(&*row.session)) {
                said.tags.entry((row.session, row.prompt)).or_default().push(row.tag);
            }
            let all = desk.app.dispositions(None)?.into_iter();
            let all = all.filter(|row| own.contains(&*row.session));
            said.dispositions.extend(all.map(|row| ((row.session, row.prompt), row.value)));
            Ok(said)
        })
    }

    fn notes(&self, desk: &Desk) -> WebResult<&[NoteRow]> {
        Ok(once(&self.notes, || Ok(desk.app.notes(None)?))?)
    }

    fn prompts(&self, desk: &Desk, of: &str) -> WebResult<&[PromptRow]> {
        let all =
            once(&self.prompts, || Ok(desk.app.prompts_of(&self.streams, TEXT_BYTES_MAX)?))?;
        Ok(all.get(of).map_or(&[], Vec::as_slice))
    }

    fn children(&self, desk: &Desk, of: &str) -> WebResult<&[Session]> {
        let all = once(&self.children, || {
            let read = desk.app.children_of(&self.ids)?;
            let family = Family::of(read.values().flatten());
            let session = |row| Session { row, family: family.clone() };
            let listed = |(id, rows): (String, Vec<SessionRow>)| {
                (id, rows.into_iter().map(session).collect())
            };
            Ok(read.into_iter().map(listed).collect())
        })?;
        Ok(all.get(of).map_or(&[], Vec::as_slice))
    }
}

/// A session in a list.
#[derive(Clone)]
pub(super) struct Session {
    row: SessionRow,
    family: Arc<Family>,
}

impl Session {
    pub(super) fn all(rows: Vec<SessionRow>) -> Vec<Session> {
        let family = Family::of(rows.iter());
        rows.into_iter().map(|row| Session { row, family: family.clone() }).collect()
    }

    fn tags_of(&self, ctx: &Context<'_>, prompt: u64) -> Field<Vec<String>> {
        Reading::field(ctx, Right::Read, |reading| {
            let said = self.family.said(&reading.desk)?;
            Ok(said.tags.get(&(self.row.id.clone(), prompt)).cloned().unwrap_or_default())
        })
    }

    fn disposition_of(&self, ctx: &Context<'_>, prompt: u64) -> Field<Option<String>> {
        Reading::field(ctx, Right::Read, |reading| {
            let said = self.family.said(&reading.desk)?;
            Ok(said.dispositions.get(&(self.row.id.clone(), prompt)).cloned())
        })
    }

    fn notes_of(&self, ctx: &Context<'_>, prompt: u64) -> Field<Vec<Note>> {
        Reading::field(ctx, Right::Oversee, |reading| {
            let all = self.family.notes(&reading.desk)?.iter();
            let own = all.filter(|row| row.session == self.row.id && row.prompt == prompt);
            Ok(own.cloned().map(Note::from).collect())
        })
    }
}

/// A session, as it stands in a list.
#[Object]
impl Session {
    /// The id that its records give it.
    async fn id(&self) -> ID {
        self.row.id.clone().into()
    }

    /// Its name, else what was asked first, in one line.
    async fn title(&self) -> Option<&str> {
        self.row.title.as_deref()
    }

    /// The name that was given to it.
    async fn name(&self) -> Option<&str> {
        self.row.name.as_deref()
    }

    /// When it was begun, UTC milliseconds.
    async fn created_at_ms(&self) -> Option<Int64> {
        self.row.created_at_ms.map(Int64::from)
    }

    /// When its last record was written, UTC milliseconds.
    async fn last_at_ms(&self) -> Option<Int64> {
        self.row.last_at_ms.map(Int64::from)
    }

    /// The directory in which it was begun.
    async fn cwd(&self) -> Option<&str> {
        self.row.cwd.as_deref()
    }

    /// The last model in force.
    async fn model(&self) -> Option<&str> {
        self.row.model.as_deref()
    }

    /// Where it was started: cli, vscode, exec, subagent, …
    async fn source(&self) -> Option<&str> {
        self.row.source.as_deref()
    }

    /// As what it was started, where no person did: review, thread_spawn, …
    async fn subagent(&self) -> Option<&str> {
        self.row.subagent.as_deref()
    }

    /// The version of the client.
    async fn cli_version(&self) -> Option<&str> {
        self.row.cli_version.as_deref()
    }

    /// The session that has spawned it, or that it was forked from.
    async fn parent_id(&self) -> Option<ID> {
        self.row.parent_id.clone().map(ID)
    }

    /// How many prompts it has.
    async fn prompt_count(&self) -> Int64 {
        self.row.prompts.into()
    }

    /// How many tool calls it has.
    async fn call_count(&self) -> Int64 {
        self.row.calls.into()
    }

    /// How many of them have failed.
    async fn failed_call_count(&self) -> Int64 {
        self.row.failed.into()
    }

    /// Input and output tokens that count.
    async fn token_count(&self) -> Int64 {
        self.row.tokens.into()
    }

    /// Lines of its file.
    async fn line_count(&self) -> Int64 {
        self.row.lines.into()
    }

    /// Bytes of its file.
    async fn byte_count(&self) -> Int64 {
        self.row.bytes.into()
    }

    /// What reviewers have tagged it with.
    async fn tags(&self, ctx: &Context<'_>) -> Field<Vec<String>> {
        self.tags_of(ctx, 0)
    }

    /// What a reviewer has judged it.
    async fn disposition(&self, ctx: &Context<'_>) -> Field<Option<String>> {
        self.disposition_of(ctx, 0)
    }

    /// What reviewers have noted on it. Not for viewers.
    async fn notes(&self, ctx: &Context<'_>) -> Field<Vec<Note>> {
        self.notes_of(ctx, 0)
    }

    /// What was asked in it, in order.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn prompts(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Field<Some_<Prompt>> {
        Reading::field(ctx, Right::Read, |reading| {
            let part = Part::of(reading, &format!("prompts {}", self.row.id), (first, after))?;
            let all = self.family.prompts(&reading.desk, &self.row.id)?;
            let own = |row: &PromptRow| Prompt { row: row.clone(), session: self.clone() };
            Ok(part.from(all.iter().collect(), own))
        })
    }

    /// The sessions that it has spawned, or that were forked from it, the oldest first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn children(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Field<Some_<Session>> {
        Reading::field(ctx, Right::Read, |reading| {
            let part = Part::of(reading, &format!("children {}", self.row.id), (first, after))?;
            let all = self.family.children(&reading.desk, &self.row.id)?;
            Ok(part.from(all.iter().collect(), Session::clone))
        })
    }
}

/// What was asked.
pub(super) struct Prompt {
    row: PromptRow,
    session: Session,
}

/// A prompt of a session.
#[Object]
impl Prompt {
    /// `SESSION#N`, as acts name it.
    async fn id(&self) -> ID {
        format!("{}#{}", self.session.row.id, self.row.number).into()
    }

    /// Its number in the session, from 1.
    async fn number(&self) -> Int64 {
        self.row.number.into()
    }

    /// The ledger's entry.
    async fn seq(&self) -> Int64 {
        self.row.seq.into()
    }

    /// When, UTC milliseconds.
    async fn at_ms(&self) -> Option<Int64> {
        self.row.at_ms.map(Int64::from)
    }

    /// What was asked, without what is hidden; the beginning of what is very long.
    async fn text(&self, ctx: &Context<'_>) -> Field<String> {
        Reading::field(ctx, Right::Read, |reading| reading.clear(&self.row.text))
    }

    /// How many images came with it.
    async fn image_count(&self) -> Int64 {
        self.row.images.into()
    }

    /// Whether it was rolled back.
    async fn rolled_back(&self) -> bool {
        self.row.rolled_back
    }

    /// What reviewers have tagged it with.
    async fn tags(&self, ctx: &Context<'_>) -> Field<Vec<String>> {
        self.session.tags_of(ctx, self.row.number)
    }

    /// What a reviewer has judged it.
    async fn disposition(&self, ctx: &Context<'_>) -> Field<Option<String>> {
        self.session.disposition_of(ctx, self.row.number)
    }

    /// What reviewers have noted on it. Not for viewers.
    async fn notes(&self, ctx: &Context<'_>) -> Field<Vec<Note>> {
        self.session.notes_of(ctx, self.row.number)
    }
}

/// A session in full.
pub(super) struct SessionDetail {
    session: Session,
    detail: Detail,
}

impl SessionDetail {
    pub(super) fn of(detail: Detail) -> SessionDetail {
        let family = Family::of(std::iter::once(&detail.session));
        SessionDetail { session: Session { row: detail.session.clone(), family }, detail }
    }

    fn items_of(
        &self,
        ctx: &Context<'_>,
        list: &str,
        asked: (Option<i32>, Option<String>),
        is_one: impl Fn(ItemKind) -> bool,
    ) -> Field<Some_<Item>> {
        Reading::field(ctx, Right::Read, |reading| {
            let part = Part::of(reading, &format!("{list} {}", self.detail.session.id), asked)?;
            let all = self.detail.items.iter().filter(|item| is_one(item.kind));
            Ok(part.from(all.collect(), |item| Item(item.clone())))
        })
    }
}

/// A session with all that happened in it.
#[Object]
impl SessionDetail {
    /// As it stands in lists.
    async fn session(&self) -> Session {
        self.session.clone()
    }

    /// The branch on which it was begun.
    async fn git_branch(&self) -> Option<&str> {
        self.detail.git_branch.as_deref()
    }

    /// The commit on which it was begun.
    async fn git_commit(&self) -> Option<&str> {
        self.detail.git_commit.as_deref()
    }

    /// All that happened, in order.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn items(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Field<Some_<Item>> {
        self.items_of(ctx, "items", (first, after), |_| true)
    }

    /// Tools that were used, in order.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn calls(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Field<Some_<Item>> {
        self.items_of(ctx, "calls", (first, after), |kind| kind == ItemKind::Call)
    }

    /// Files that patches changed, in order.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn files(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Field<Some_<FileChange>> {
        Reading::field(ctx, Right::Read, |reading| {
            let id = &self.detail.session.id;
            let part = Part::of(reading, &format!("files {id}"), (first, after))?;
            Ok(part.from(files_of(&reading.desk, id)?, FileChange::from))
        })
    }
}

/// All files that patches changed in a session.
fn files_of(desk: &Desk, id: &str) -> WebResult<Vec<FileRow>> {
    let filter = Filter { sessions: vec![id.to_string()], ..Filter::default() };
    let (mut files, mut behind) = (Vec::new(), None);
    loop {
        let page = desk.app.files(RowsAsked { filter: &filter, behind, limit: usize::MAX })?;
        files.extend(page.rows);
        behind = page.next;
        if behind.is_none() {
            return Ok(files);
        }
    }
}
