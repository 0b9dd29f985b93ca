//! `file_changes`: files that patches touched.

use crate::fold::{Fold, brief};
use codex_ledger_rollout::event::PatchApplyEnd;
use codex_ledger_rollout::output::Status;
use codex_ledger_rollout::patch::{Action, FileChange};

const TABLE: &str = "file_changes";

/// A call's own patch does not show what a deleted file held; the client does, mostly by the file's whole path.
const DELETED: &str = "UPDATE file_changes SET removed = :removed
    WHERE stream = :stream AND call_id = :call_id AND action = 'delete'
    AND (path = :path OR (substr(:path, -length(path)) = path
        AND substr(:path, -length(path) - 1, 1) IN ('/', '\\')))";
/// A patch that was not applied has changed nothing; the call's row has its words.
const UNDO: [&str; 2] = [
    "DELETE FROM redaction_hits WHERE stream = :stream AND field LIKE 'file_changes.%'
        AND line IN (SELECT line FROM file_changes WHERE stream = :stream AND call_id = :call_id)",
    "DELETE FROM file_changes WHERE stream = :stream AND call_id = :call_id",
];

/// The files of a call's own patch.
pub(crate) fn called(
    fold: &mut Fold<'_>,
    call_id: Option<&str>,
    files: &[FileChange<'_>],
    is_alone: bool,
) {
    if let (Some(id), false) = (call_id, files.is_empty()) {
        fold.state.remember_patch(id, is_alone);
    }
    insert(fold, call_id, files);
}

/// What the client says was applied; the call's own patch, where it was read, has said the same.
pub(crate) fn applied(fold: &mut Fold<'_>, end: &PatchApplyEnd<'_>, id: Option<&str>) {
    let call_id = end.call_id.as_deref().or(id);
    match call_id.filter(|id| fold.state.patch_of(id).is_some()) {
        Some(call_id) if end.has_failed() => undo(fold, call_id),
        Some(call_id) => deleted(fold, call_id, &end.changes),
        None if end.has_failed() => {}
        None => insert(fold, call_id, &end.changes),
    }
}

/// What a call ended with; a script that does more than its patch may have failed behind it.
pub(crate) fn ended(fold: &mut Fold<'_>, call_id: &str, status: Status) {
    let is_of_the_patch = match status {
        Status::Rejected | Status::Error => true,
        Status::Failed | Status::Aborted => fold.state.patch_of(call_id) == Some(true),
        _ => false,
    };
    if is_of_the_patch && fold.state.patch_of(call_id).is_some() {
        undo(fold, call_id);
    }
}

/// Takes back the files of a call whose patch was not applied.
fn undo(fold: &mut Fold<'_>, call_id: &str) {
    for sql in UNDO {
        let row = fold.row(TABLE, 2).number("stream", fold.at.stream).id("call_id", Some(call_id));
        fold.push(row.write(sql));
    }
}

fn deleted(fold: &mut Fold<'_>, call_id: &str, files: &[FileChange<'_>]) {
    for file in files.iter().filter(|file| file.action == Action::Delete && file.removed > 0) {
        let row = fold
            .row(TABLE, 4)
            .number("stream", fold.at.stream)
            .id("call_id", Some(call_id))
            .text("path", Some(&file.path))
            .number("removed", file.removed);
        fold.push(row.write(DELETED));
    }
}

fn insert(fold: &mut Fold<'_>, call_id: Option<&str>, files: &[FileChange<'_>]) {
    let call_id = brief(call_id);
    let taken = fold.take(files.len());
    for (index, file) in files.iter().take(taken).enumerate() {
        let row = fold
            .row_at(TABLE, index, 12)
            .id("call_id", call_id)
            .text("path", Some(&file.path))
            .text("move_to", file.move_to.as_deref())
            .word("action", file.action.name())
            .number("added", file.added)
            .number("removed", file.removed)
            .number("copied", fold.copy_flag());
        fold.push(row.insert());
    }
}
