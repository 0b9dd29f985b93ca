//! Compares the views, and what lies beside them, with what the entries say.

use super::verify::{AuditError, Finding, FindingKind, ViewsVerdict};
use crate::hint::Hint;
use codex_ledger_entry::Seq;
use codex_ledger_ledger::{LedgerReader, lock_holder, read_head};
use codex_ledger_projections::{Digests, ReplayError, Standing, Views, ViewsError};
use std::path::{Path, PathBuf};
use std::thread::Builder;
use std::time::Duration;

/// How often views that a writer is about to bring up to date are looked at again, and after what time.
const LOOKS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// The verdict, and what does not hold.
pub(super) fn audit_views(
    dir: &Path,
    views: &Views,
) -> Result<(ViewsVerdict, Vec<Finding>), AuditError> {
    let mut findings = Vec::new();
    compared(dir, views, &mut findings).map(|verdict| (verdict, findings))
}

fn compared(
    dir: &Path,
    views: &Views,
    findings: &mut Vec<Finding>,
) -> Result<ViewsVerdict, AuditError> {
    let mut find = |file: PathBuf, detail: String, hint: Option<Hint>| {
        findings.push(Finding { kind: FindingKind::Views, seq: None, file, detail, hint });
    };
    let link = views.paths.link.clone();
    if let Some((standing, end)) = standing_apart(dir, views)? {
        if matches!(standing, Standing::Absent) && views.is_gone() {
            return Ok(ViewsVerdict::Absent);
        }
        let (detail, hint) = why_apart(&standing, end);
        find(link, detail, hint);
        return Ok(match standing {
            Standing::Ahead { .. } => ViewsVerdict::Differ,
            _ => ViewsVerdict::Stale,
        });
    }
    for file in views.leftovers() {
        let detail = "left by a command that was interrupted; the next one that writes removes it";
        find(file, detail.into(), None);
    }
    // Beside views that lie elsewhere, somebody may keep files of his own.
    for file in views.strays().into_iter().filter(|file| file.starts_with(dir)) {
        find(file, "not of the views; remove it".into(), None);
    }
    let mut reader = LedgerReader::open(dir)?;
    let (compared, search_problems) = std::thread::scope(|scope| {
        let search_problems = Builder::new().spawn_scoped(scope, || views.search_problems());
        let search_problems = search_problems.map_err(ReplayError::Thread)?;
        let compared = views.compare(&mut reader, &mut |_| ())?;
        Ok::<_, ViewsError>((compared, search_problems.join()))
    })?;
    let (live, rebuilt) = compared;
    let live = match live {
        Ok(live) => live,
        Err(error) => {
            find(link, format!("cannot be read ({error})"), Some(Hint::RebuildViews));
            return Ok(ViewsVerdict::Differ);
        }
    };
    let differing = differing(&live, &rebuilt);
    if !differing.is_empty() {
        let detail = format!("not what the entries say: {}", differing.join(", "));
        find(link, detail, Some(Hint::RebuildViews));
        return Ok(ViewsVerdict::Differ);
    }
    let mut verdict = ViewsVerdict::Match;
    let search_problems = search_problems.map_err(|_| ViewsError::from(ReplayError::Died))?;
    for (file, detail) in search_problems? {
        find(file, detail.into(), Some(Hint::RebuildViews));
        verdict = ViewsVerdict::Differ;
    }
    Ok(verdict)
}

/// What is to be said of views that have not applied all of a ledger that ends there, and what helps.
fn why_apart(standing: &Standing, end: Seq) -> (String, Option<Hint>) {
    match standing {
        Standing::Absent => {
            ("leads to no views, though there are some".into(), Some(Hint::RebuildViews))
        }
        Standing::Usable { cursor, is_clear: true } => {
            let behind = end.since(*cursor);
            let detail =
                format!("{behind} entries are not applied yet, so the rows were not compared");
            (detail, Some(Hint::ApplyEntries))
        }
        Standing::Usable { .. } => {
            let detail = "words that were hidden may still lie in the views' files; any command that can write \
                          clears them";
            (detail.into(), None)
        }
        Standing::Outdated { reason, table, .. } => {
            let table = table.map(|table| format!(" (table {table})")).unwrap_or_default();
            (format!("{reason}{table}; no command reads them"), Some(Hint::Migrate))
        }
        Standing::Ahead { cursor } => {
            let detail = format!(
                "{cursor} entries are applied, the ledger acknowledges {end}: entries are missing, or an \
                 older HEAD was put back"
            );
            (detail, None)
        }
    }
}

/// How the views stand, and the end of the ledger, unless they have applied all of it.
fn standing_apart(dir: &Path, views: &Views) -> Result<Option<(Standing, Seq)>, AuditError> {
    let mut looks = LOOKS;
    loop {
        let head = read_head(dir)?.head;
        let standing = match views.standing(&head) {
            Err(error @ ViewsError::Newer { .. }) => {
                Standing::Outdated { reason: error.to_string(), table: None, cursor: Seq::FIRST }
            }
            standing => standing?,
        };
        match standing {
            Standing::Usable { cursor, is_clear: true } if cursor == head.end() => {
                return Ok(None);
            }
            _ if looks > 0 && lock_holder(dir).is_some() => looks -= 1,
            other => return Ok(Some((other, head.end()))),
        }
        std::thread::park_timeout(PAUSE);
    }
}

/// Names of what differs.
fn differing<'a>(live: &'a Digests, rebuilt: &'a Digests) -> Vec<&'a str> {
    let names = rebuilt.tables.iter();
    let tables = names.filter(|(name, digest)| live.tables.get(*name) != Some(digest));
    let states = (!live.same_states(rebuilt)).then_some("fold_states");
    tables.map(|(name, _)| name.as_str()).chain(states).collect()
}
