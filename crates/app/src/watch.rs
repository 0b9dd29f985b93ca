//! `append --watch`: appends again whenever a source changes.

use super::append::{AppendOptions, Appended};
use super::open::Notice;
use super::progress::Listener;
use super::setup::App;
use crate::error::{AppError, ErrorKind, Result};
use codex_ledger_append::Watch;

/// Whether an error may pass by itself: the next round tries again.
fn may_pass(error: &AppError) -> bool {
    use ErrorKind::{Io, Locked, OutOfSpace, Views};
    matches!(error.kind, Locked | Io | OutOfSpace | Views)
}

impl App {
    /// Appends again whenever a source changes; `each` hears of every append and says whether to go on.
    ///
    /// The ledger is open only while something is written, so that others write in between. A round that fails
    /// for a reason that may pass is told as a notice, and what it owes is done by a later one.
    ///
    /// # Errors
    /// As [`App::append`], but for reasons that may pass.
    pub fn watch(
        &self,
        options: AppendOptions,
        listener: Listener<'_>,
        each: &mut dyn FnMut(Appended) -> bool,
    ) -> Result<()> {
        let watch = Watch::start(&self.setup.roots);
        let mut failed: Option<AppError> = None;
        // The first round makes the ledger, whether there is something to append or not.
        let mut is_owing = true;
        loop {
            match self.watch_once(options, is_owing, listener) {
                Ok(done) => {
                    (failed, is_owing) = (None, false);
                    if done.is_some_and(|done| !each(done)) {
                        return Ok(());
                    }
                }
                Err(error) if may_pass(&error) => {
                    is_owing = true;
                    // What fails again and again for the same reason is said once.
                    if failed.as_ref() != Some(&error) {
                        self.say(Notice::Failed(error.clone()));
                    }
                    failed = Some(error);
                }
                Err(error) => return Err(error),
            }
            watch.wait();
        }
    }

    /// One round; what it did, where that is worth telling.
    fn watch_once(
        &self,
        options: AppendOptions,
        is_owing: bool,
        listener: Listener<'_>,
    ) -> Result<Option<Appended>> {
        let (request, plan) = self.plan(options)?;
        if !plan.is_done() {
            let mut ledger = self.open()?;
            let done = self.append_planned(&mut ledger, plan, &request, options, listener)?;
            let is_new = !done.report.entries.is_empty();
            return Ok(Some(done).filter(|done| is_new || !done.report.problems.is_empty()));
        }
        self.check_nothing_lost()?;
        if is_owing {
            drop(self.open()?);
            self.catch_up(options, listener)?;
        }
        Ok(None)
    }
}
