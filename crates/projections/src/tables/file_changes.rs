//! `file_changes`: files that patches touched.

use crate::fold::{Fold, brief};
use codex_ledger_rollout::event::PatchApplyEnd;
use codex_ledger_rollout::patch::FileChange;

const TABLE: &str = "file_changes";

/// The files of a call's own patch.
pub(crate) fn called(fold: &mut Fold<'_>, call_id: Option<&str>, files: &[FileChange<'_>]) {
    if let (Some(id), false) = (call_id, files.is_empty()) {
        fold.state.remember_patch(id);
    }
    insert(fold, call_id, files);
}

/// What the client says was applied; the call's own patch, where it was read, has said the same.
pub(crate) fn applied(fold: &mut Fold<'_>, end: &PatchApplyEnd<'_>, id: Option<&str>) {
    let call_id = end.call_id.as_deref().or(id);
    if call_id.is_some_and(|id| fold.state.was_patched(id)) {
        return;
    }
    insert(fold, call_id, &end.changes);
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
