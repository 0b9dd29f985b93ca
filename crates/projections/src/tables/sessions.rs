//! `sessions`: the first header of a file defines it, later ones of the same id refresh it.

use crate::fold::{Fold, brief};
use crate::row::RowBuilder;
use crate::tables::prompts;
use codex_ledger_entry::StreamName;
use codex_ledger_rollout::event::{HistoryBase, SessionMeta, ThreadNameUpdated};
use codex_ledger_rollout::prompt;

const TABLE: &str = "sessions";
const ENSURE: &str = "INSERT INTO sessions (stream, seq, line, id, headers, foreign_headers) VALUES (:stream, :seq, :line, :id, 0, 0)";
const DEFINE: &str = "UPDATE sessions SET seq = :seq, line = :line, id = coalesce(:id, id), headers = 1 WHERE stream = :stream";
const REFRESH: &str = "UPDATE sessions SET
    root_id = coalesce(:root_id, root_id), parent_id = coalesce(:parent_id, parent_id),
    forked_from_id = coalesce(:forked_from_id, forked_from_id), created_at_ms = coalesce(:created_at_ms, created_at_ms),
    cwd = coalesce(:cwd, cwd), originator = coalesce(:originator, originator), cli_version = coalesce(:cli_version, cli_version),
    source = coalesce(:source, source), subagent = coalesce(:subagent, subagent), agent_role = coalesce(:agent_role, agent_role),
    agent_nickname = coalesce(:agent_nickname, agent_nickname), agent_path = coalesce(:agent_path, agent_path),
    depth = coalesce(:depth, depth), model_provider = coalesce(:model_provider, model_provider),
    git_commit = coalesce(:git_commit, git_commit), git_branch = coalesce(:git_branch, git_branch),
    git_url = coalesce(:git_url, git_url), history_mode = coalesce(:history_mode, history_mode),
    instructions = coalesce(:instructions, instructions)
    WHERE stream = :stream";
/// A later file of the thread, which may have lost or made up what its header says: what is known stays.
const FILL: &str = "UPDATE sessions SET
    root_id = coalesce(root_id, :root_id), parent_id = coalesce(parent_id, :parent_id),
    forked_from_id = coalesce(forked_from_id, :forked_from_id),
    created_at_ms = coalesce(created_at_ms, :created_at_ms), cwd = coalesce(cwd, :cwd),
    originator = coalesce(originator, :originator), cli_version = coalesce(cli_version, :cli_version),
    source = coalesce(source, :source), subagent = coalesce(subagent, :subagent),
    agent_role = coalesce(agent_role, :agent_role), agent_nickname = coalesce(agent_nickname, :agent_nickname),
    agent_path = coalesce(agent_path, :agent_path), depth = coalesce(depth, :depth),
    model_provider = coalesce(model_provider, :model_provider), git_commit = coalesce(git_commit, :git_commit),
    git_branch = coalesce(git_branch, :git_branch), git_url = coalesce(git_url, :git_url),
    history_mode = coalesce(history_mode, :history_mode), instructions = coalesce(instructions, :instructions)
    WHERE stream = :stream";
const COUNT: &str = "UPDATE sessions SET headers = headers + 1, foreign_headers = foreign_headers + :foreign_headers
    WHERE stream = :stream";
const SET_MODEL: &str = "UPDATE sessions SET model = :model WHERE stream = :stream";
const SET_PARENT: &str =
    "UPDATE sessions SET parent_id = coalesce(parent_id, :parent_id) WHERE stream = :stream";
const SET_COPY: &str = "UPDATE sessions SET copy = :copy WHERE stream = :stream";
const SET_CWD: &str = "UPDATE sessions SET cwd = coalesce(cwd, :cwd) WHERE stream = :stream";

/// The session exists from its first record on, header or not.
pub(crate) fn ensure(fold: &mut Fold<'_>) {
    if fold.state.has_session {
        return;
    }
    fold.state.has_session = true;
    let at = fold.at;
    let id = fold.thread.unwrap_or_default().to_string();
    let row = fold
        .row(TABLE, 4)
        .stream(at.stream)
        .seq("seq", at.seq)
        .number("line", at.line)
        .id("id", Some(id));
    fold.push(row.write(ENSURE));
}

pub(crate) fn fold(fold: &mut Fold<'_>, meta: &SessionMeta<'_>) {
    let at = fold.at;
    let is_paginated = meta.history_mode.as_deref() == Some("paginated");
    let is_first_of_file = fold.state.opens_paginated.is_none();
    fold.state.opens_paginated.get_or_insert(is_paginated);
    match &fold.state.session_id {
        None => {
            fold.state.session_id = Some(meta.id.as_deref().unwrap_or_default().to_string());
            fold.state.born(meta, at.at_ms);
            if !std::mem::replace(&mut fold.state.is_defined, true) {
                let row = fold
                    .row(TABLE, 4)
                    .stream(at.stream)
                    .seq("seq", at.seq)
                    .number("line", at.line)
                    .id("id", meta.id.as_deref());
                fold.push(row.write(DEFINE));
            }
        }
        Some(known) => {
            let foreign = meta.id.as_deref().is_some_and(|id| id != known);
            let row =
                fold.row(TABLE, 2).stream(at.stream).number("foreign_headers", u64::from(foreign));
            fold.push(row.write(COUNT));
            if foreign {
                fold.state.copied_threads.extend(meta.id.as_deref().map(str::to_string));
                parent(fold, meta);
                return;
            }
        }
    }
    fold.state.has_cwd |= meta.cwd.is_some();
    if let Some(url) =
        meta.git_url.as_deref().or(meta.cwd.as_deref().filter(|_| fold.state.repo.is_none()))
    {
        fold.state.repo = Some(url.to_string());
    }
    let row = refresh(fold.row(TABLE, 20).stream(at.stream), meta);
    let is_first_file = at.line == fold.line_in_file();
    fold.push(row.write(if is_first_file { REFRESH } else { FILL }));
    // A header that comes again on resume says nothing new of where the file began.
    if let Some(base) = meta.history_base.as_ref().filter(|_| is_first_of_file) {
        goes_on(fold, meta, base);
    }
}

/// The file goes on at a place in its thread's history, and not in its parent's. The base is named by the id of the
/// file that holds the place, which is the thread's for its first file only.
fn goes_on(fold: &mut Fold<'_>, meta: &SessionMeta<'_>, base: &HistoryBase<'_>) {
    let is_revert =
        matches!(StreamName::parse(&fold.state.name), StreamName::Rollout { rollout: Some(_), .. });
    if let Some(end_ordinal) = base.end_ordinal
        && (is_revert || base.thread_id.as_deref() == meta.id.as_deref())
    {
        prompts::reverted(fold, end_ordinal);
    }
}

fn refresh<'p>(row: RowBuilder<'p>, meta: &SessionMeta<'_>) -> RowBuilder<'p> {
    row.id("root_id", meta.session_id.as_deref())
        .id("parent_id", meta.parent_thread_id.as_deref())
        .id("forked_from_id", meta.forked_from_id.as_deref())
        .int("created_at_ms", meta.timestamp_ms)
        .text("cwd", meta.cwd.as_deref())
        .label("originator", meta.originator.as_deref())
        .label("cli_version", meta.cli_version.as_deref())
        .label("source", meta.source.as_deref())
        .label("subagent", meta.subagent.as_deref())
        .label("agent_role", meta.agent_role.as_deref())
        .text("agent_nickname", meta.agent_nickname.as_deref())
        .text("agent_path", meta.agent_path.as_deref())
        .int("depth", meta.depth)
        .label("model_provider", meta.model_provider.as_deref())
        .id("git_commit", meta.git_commit.as_deref())
        .text("git_branch", meta.git_branch.as_deref())
        .text("git_url", meta.git_url.as_deref())
        .label("history_mode", meta.history_mode.as_deref())
        .text("instructions", meta.instructions.as_deref())
}

/// Old forks name their parent only by the copy of its header.
fn parent(fold: &mut Fold<'_>, meta: &SessionMeta<'_>) {
    if fold.copied && fold.state.parent.is_none() {
        fold.state.parent = meta.id.as_deref().map(str::to_string);
        let row = fold.row(TABLE, 2).stream(fold.at.stream).id("parent_id", meta.id.as_deref());
        fold.push(row.write(SET_PARENT));
    }
}

/// The file begins with a copy of its parent's records. How far it goes is inferred from the file alone,
/// unless a comparison with the parent has told it.
pub(crate) fn copies(fold: &mut Fold<'_>) {
    let told = if fold.state.copy_end.is_some() { "compared" } else { "inferred" };
    let row = fold.row(TABLE, 2).stream(fold.at.stream).word("copy", told);
    fold.push(row.write(SET_COPY));
}

/// A model came into force.
pub(crate) fn model(fold: &mut Fold<'_>, model: Option<&str>) {
    let Some(model) = brief(model).filter(|model| fold.state.model.as_deref() != Some(model))
    else {
        return;
    };
    fold.state.model = Some(model.to_string());
    let row = fold.row(TABLE, 2).stream(fold.at.stream).label("model", Some(model));
    fold.push(row.write(SET_MODEL));
}

/// Old files name their directory only in the context given to the model.
pub(crate) fn environment(fold: &mut Fold<'_>, text: &str) {
    if fold.state.has_cwd {
        return;
    }
    if let Some(cwd) = prompt::environment(text).and_then(|environment| environment.cwd) {
        fold.state.has_cwd = true;
        fold.state.repo.get_or_insert_with(|| cwd.to_string());
        let row = fold.row(TABLE, 2).stream(fold.at.stream).text("cwd", Some(cwd));
        fold.push(row.write(SET_CWD));
    }
}

pub(crate) fn name(fold: &mut Fold<'_>, name: &ThreadNameUpdated<'_>) {
    let Some(id) = name.thread_id.as_deref() else {
        return;
    };
    let row = fold
        .row_at("session_names", 0, 8)
        .id("session_id", Some(id))
        .text("name", name.name.as_deref().filter(|name| !name.trim().is_empty()));
    fold.push(row.insert());
}
