//! `file_changes`: files that patches changed.

use crate::fold::{Fold, brief};
use crate::row::At;
use crate::state::{Patched, hash};
use crate::whole::Whole;
use codex_ledger_rollout::event::PatchApplyEnd;
use codex_ledger_rollout::output::Status;
use codex_ledger_rollout::patch::{Action, FileChange};

const TABLE: &str = "file_changes";
/// Deleted files of one call that are remembered until the client tells of them.
const DELETED_MAX: usize = 64;

/// A call's own patch does not show what a deleted file held; the client does.
const DELETED: &str = "UPDATE file_changes SET removed = :removed
    WHERE stream = :stream AND line = :line AND part = :part AND item = :item";
/// A patch that was not applied has changed nothing; the call's row has its words.
const UNDO: [&str; 2] = [
    "DELETE FROM redaction_hits WHERE stream = :stream AND field LIKE 'file_changes.%'
        AND line IN (SELECT line FROM file_changes WHERE stream = :stream AND call_id = :call_id)",
    "DELETE FROM file_changes WHERE stream = :stream AND call_id = :call_id",
];
/// The same by the place of the call.
const UNDO_AT: [&str; 2] = [
    "DELETE FROM redaction_hits WHERE stream = :stream AND field LIKE 'file_changes.%'
        AND line = :line AND part = :part",
    "DELETE FROM file_changes WHERE stream = :stream AND line = :line AND part = :part",
];

/// The files of a call's own patch.
pub(crate) fn called(
    fold: &mut Fold<'_>,
    call_id: Option<&str>,
    (patch, files): (&str, &[FileChange<'_>]),
    is_alone: bool,
) {
    let is_told = call_id.is_some_and(|id| fold.state.patch_of(id).is_some());
    if files.is_empty() || is_told {
        return;
    }
    remember(fold, call_id, files, is_alone, false);
    insert(fold, call_id, files, patch);
}

/// What the client says was applied; the call's own patch, where it was read, has said the same.
pub(crate) fn applied(fold: &mut Fold<'_>, end: &PatchApplyEnd<'_>, id: Option<&str>) {
    let call_id = end.call_id.as_deref().or(id);
    match call_id.filter(|id| fold.state.patch_of(id).is_some()) {
        Some(call_id) if end.has_failed() => undo(fold, call_id),
        Some(call_id) => {
            if let Some(patched) = fold.state.patch_of(call_id) {
                patched.is_applied = true;
            }
            deleted(fold, call_id, &end.changes);
        }
        None if end.has_failed() => {}
        None => {
            remember(fold, call_id, &end.changes, false, true);
            insert(fold, call_id, &end.changes, "");
        }
    }
}

fn remember(
    fold: &mut Fold<'_>,
    call_id: Option<&str>,
    files: &[FileChange<'_>],
    is_alone: bool,
    is_applied: bool,
) {
    let Some(call_id) = call_id else { return };
    let deleted = files.iter().enumerate().filter(|(_, file)| file.action == Action::Delete);
    let deleted = deleted
        .filter_map(|(item, file)| Some((item as u64, brief(Some(&file.path))?.to_string())));
    let At { line, part, .. } = fold.at;
    let deleted = deleted.take(DELETED_MAX).collect();
    let call = hash(call_id);
    fold.state.remember_patch(Patched { call, is_alone, is_applied, line, part, deleted });
}

/// What a call ended with. The client's word that the patch was applied is the better one; and a script that does
/// more than its patch may have failed behind it.
pub(crate) fn ended(fold: &mut Fold<'_>, call_id: &str, status: Status) {
    let patched = fold.state.patch_of(call_id).filter(|patched| !patched.is_applied);
    let Some(is_alone) = patched.map(|patched| patched.is_alone) else { return };
    match status {
        Status::Rejected | Status::Error => undo(fold, call_id),
        Status::Failed | Status::Aborted if is_alone => undo(fold, call_id),
        _ => {}
    }
}

/// The turn was broken off: nothing tells that patches which have no output yet were applied.
pub(crate) fn broken_off(fold: &mut Fold<'_>) {
    for patched in fold.state.take_open_patches() {
        if let Some(telling) = &mut fold.telling {
            telling.drop_files(patched.call);
        }
        for sql in UNDO_AT {
            let row = fold.row(TABLE, 3).stream(fold.at.stream);
            fold.push(row.number("line", patched.line).number("part", patched.part).write(sql));
        }
    }
}

/// Takes back the files of a call whose patch was not applied; what is applied under its id later counts.
fn undo(fold: &mut Fold<'_>, call_id: &str) {
    fold.state.forget_patch(call_id);
    if let Some(telling) = &mut fold.telling {
        telling.drop_files(hash(call_id));
    }
    for sql in UNDO {
        let row = fold.row(TABLE, 2).stream(fold.at.stream).id("call_id", Some(call_id));
        fold.push(row.write(sql));
    }
}

/// The client names files by their whole paths, a call mostly not.
fn deleted(fold: &mut Fold<'_>, call_id: &str, files: &[FileChange<'_>]) {
    for file in files.iter().filter(|file| file.action == Action::Delete && file.removed > 0) {
        let Some(patched) = fold.state.patch_of(call_id) else { return };
        let fits = |(_, path): &(u64, String)| is_same_file(&file.path, path);
        let best =
            patched.deleted.iter().filter(|known| fits(known)).max_by_key(|known| known.1.len());
        let Some(item) = best.map(|(item, _)| *item) else { continue };
        patched.deleted.retain(|(known, _)| *known != item);
        let (line, part) = (patched.line, patched.part);
        let row = fold
            .row(TABLE, 5)
            .stream(fold.at.stream)
            .number("line", line)
            .number("part", part)
            .number("item", item)
            .number("removed", file.removed);
        fold.push(row.write(DELETED));
    }
}

fn is_same_file(whole: &str, path: &str) -> bool {
    let path = path.trim_start_matches("./");
    let rest = whole.strip_suffix(path);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(['/', '\\']))
}

fn insert(fold: &mut Fold<'_>, call_id: Option<&str>, files: &[FileChange<'_>], patch: &str) {
    let call_id = brief(call_id);
    let whole = &Whole::new(("function_calls", "arguments"), "assistant", patch);
    let taken = fold.take(files.len());
    for (index, file) in files.iter().take(taken).enumerate() {
        // Older clients never say what a deleted file held; where a patch has made it, that is known.
        let held = fold.state.patched_file(file);
        let is_untold = file.action == Action::Delete && file.removed == 0;
        let removed = if is_untold { held } else { file.removed };
        let row = fold
            .row_at(TABLE, index, 12)
            .id("call_id", call_id)
            .cut("path", &[&file.path], (patch, whole))
            .cut("move_to", file.move_to.as_deref().as_slice(), (patch, whole))
            .word("action", file.action.name())
            .number("added", file.added)
            .number("removed", removed)
            .number("copied", fold.copy_flag());
        fold.push(row.insert());
    }
}
