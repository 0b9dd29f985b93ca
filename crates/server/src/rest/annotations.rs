//! What reviewers say of sessions and prompts.

use super::asked::{Asked, Nothing, Sent};
use super::model::Listed;
use super::problem::PREFIX;
use super::redactions::seq;
use super::snapshot::{Question, Snapshot};
use super::told::{Disposition, Made, Note, Tag};
use crate::access::Who;
use crate::error::{Result, WebError};
use crate::state::{Desk, Shared};
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use codex_ledger_app::{Act, Seq, SeqRange};
use codex_ledger_query::{DispositionRow, NoteRow, TagRow};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// Subjects of one act, at most.
const SUBJECTS_MAX: usize = 1_000;
/// It stands in the entry of each subject.
const VALUE_BYTES_MAX: usize = 16 * 1024;

/// Which tags.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TagsAsked {
    /// Only this one.
    name: Option<String>,
}

/// Which notes.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NotesAsked {
    /// Only those of this session.
    session: Option<String>,
}

/// Which dispositions.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DispositionsAsked {
    /// Only this one.
    value: Option<String>,
}

/// What is said.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Say {
    Tag,
    Untag,
    Note,
    Disposition,
}

/// Something to say of sessions and prompts: of all of them at once, or of none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAnnotation {
    /// Sessions, or prompts as `SESSION#N`.
    #[schema(min_items = 1, max_items = 1000)]
    subjects: Vec<String>,
    say: Say,
    /// The tag, the note, or the disposition; an empty disposition takes it back.
    value: String,
}

/// Entries to take back, as a write has named them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TakeBack {
    /// The first.
    #[schema(pattern = "^[0-9]{1,19}$")]
    first: String,
    /// The last.
    #[schema(pattern = "^[0-9]{1,19}$")]
    last: String,
}

/// Tags of sessions and prompts.
#[utoipa::path(get, path = "/tags", tag = "review", params(TagsAsked),
    responses((status = 200, description = "All of them", body = Listed<Tag>), (status = 304, description = "As before")))]
pub(crate) async fn tags(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    question: Question,
    Asked(asked): Asked<TagsAsked>,
) -> Result<Response> {
    let read = move |desk: &Desk, _: &Snapshot| {
        let tag = |row: TagRow| Tag {
            session: row.session,
            prompt: row.prompt,
            tag: row.tag,
            seq: row.seq.into(),
        };
        let rows = desk.app.tags(asked.name.as_deref())?.into_iter();
        Ok(Listed { items: rows.map(tag).collect(), next: None })
    };
    shared.read(who, question, read).await
}

/// Notes on sessions and prompts.
#[utoipa::path(get, path = "/notes", tag = "review", params(NotesAsked),
    responses((status = 200, description = "All of them", body = Listed<Note>), (status = 304, description = "As before")))]
pub(crate) async fn notes(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    question: Question,
    Asked(asked): Asked<NotesAsked>,
) -> Result<Response> {
    let read = move |desk: &Desk, _: &Snapshot| {
        let note = |row: NoteRow| Note {
            session: row.session,
            prompt: row.prompt,
            actor: row.actor,
            recorded_at_ms: row.recorded_at_ms,
            text: row.text,
            seq: row.seq.into(),
        };
        let rows = desk.app.notes(asked.session.as_deref())?.into_iter();
        Ok(Listed { items: rows.map(note).collect(), next: None })
    };
    shared.read(who, question, read).await
}

/// What sessions and prompts were judged.
#[utoipa::path(get, path = "/dispositions", tag = "review", params(DispositionsAsked),
    responses((status = 200, description = "All of them", body = Listed<Disposition>), (status = 304, description = "As before")))]
pub(crate) async fn dispositions(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    question: Question,
    Asked(asked): Asked<DispositionsAsked>,
) -> Result<Response> {
    let read = move |desk: &Desk, _: &Snapshot| {
        let disposition = |row: DispositionRow| Disposition {
            session: row.session,
            prompt: row.prompt,
            value: row.value,
            seq: row.seq.into(),
        };
        let rows = desk.app.dispositions(asked.value.as_deref())?.into_iter();
        Ok(Listed { items: rows.map(disposition).collect(), next: None })
    };
    shared.read(who, question, read).await
}

/// Says something of sessions and prompts.
#[utoipa::path(post, path = "/annotations", operation_id = "create_annotations", tag = "review", request_body = NewAnnotation,
    params(("Idempotency-Key" = Option<String>, Header, description = "Done once, however often it is sent", min_length = 1, max_length = 128, pattern = "^[!-~]+$")),
    responses((status = 201, description = "It is said", body = Made), (status = 200, description = "It held already", body = Made)))]
pub(crate) async fn create(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Asked(Nothing {}): Asked<Nothing>,
    Sent { body, request }: Sent<NewAnnotation>,
) -> Result<Response> {
    let work = move |desk: &Desk| {
        let NewAnnotation { subjects, say, value } = body;
        if !(1..=SUBJECTS_MAX).contains(&subjects.len()) {
            return Err(WebError::bad(format!("subjects: 1 to {SUBJECTS_MAX} are expected")));
        }
        if value.len() > VALUE_BYTES_MAX {
            return Err(WebError::bad(format!("value: more than {VALUE_BYTES_MAX} bytes")));
        }
        let act = match say {
            Say::Tag => Act::Tag { name: value, by_rule: false },
            Say::Untag => Act::Untag { name: value },
            Say::Note => Act::Note { text: value },
            Say::Disposition => Act::Disposition { value },
        };
        let subjects = desk.app.subjects(subjects.iter().map(String::as_str))?;
        let done = desk.app.annotate(&subjects, &act, &mut |_| ())?;
        let none = SeqRange::new(Seq::FIRST, Seq::FIRST);
        let made = |from| SeqRange::counted(from, done.subjects.len() as u64);
        Ok(done.from.map_or(none, made))
    };
    shared.write(who, request, work, tell).await
}

/// Takes back what entries say of sessions and prompts: all of it, or nothing.
#[utoipa::path(post, path = "/annotations/undo", operation_id = "undo_annotations", tag = "review", request_body = TakeBack,
    params(("Idempotency-Key" = Option<String>, Header, description = "Done once, however often it is sent", min_length = 1, max_length = 128, pattern = "^[!-~]+$")),
    responses((status = 201, description = "It is taken back", body = Made)))]
pub(crate) async fn undo(
    State(shared): State<Shared>,
    Extension(who): Extension<Who>,
    Asked(Nothing {}): Asked<Nothing>,
    Sent { body, request }: Sent<TakeBack>,
) -> Result<Response> {
    let work = move |desk: &Desk| {
        let (first, last) = (seq(&body.first)?, seq(&body.last)?);
        let entries = SeqRange::new(first, last.next());
        if last < first || entries.len() > SUBJECTS_MAX as u64 {
            return Err(WebError::bad(format!("1 to {SUBJECTS_MAX} entries are expected")));
        }
        Ok(desk.app.take_back(entries, &mut |_| ())?)
    };
    shared.write(who, request, work, tell).await
}

fn tell(_: &Desk, made: SeqRange) -> Result<(String, Made)> {
    Ok((format!("{PREFIX}/entries/{}", made.from), made.into()))
}
