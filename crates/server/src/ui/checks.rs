//! A check of everything takes up to minutes: it runs beside the pages, one at a time, and what the last one found is kept.

use crate::error::{Result, WebError};
use crate::state::Desk;
use axum::http::StatusCode;
use codex_ledger_app::Progress;
use codex_ledger_report::Sheet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// What a check has found, and of when that is.
pub(crate) struct Checked {
    pub(crate) by: String,
    pub(crate) began_at_ms: i64,
    pub(crate) took: Duration,
    /// Entries that there were when it began.
    pub(crate) size: u64,
    pub(crate) found: Result<Sheet>,
}

/// One that goes on.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) by: String,
    pub(crate) began_at_ms: i64,
    /// Entries that there were when it began.
    pub(crate) size: u64,
    done: Arc<AtomicU64>,
}

impl Running {
    /// Entries that are verified.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

/// What a check has found, and how long it took.
type Ended = (Result<Sheet>, Duration);

#[derive(Default)]
struct Inside {
    running: Option<(Running, JoinHandle<Ended>)>,
    last: Option<Arc<Checked>>,
}

/// The check that goes on, and the last one that has ended.
#[derive(Default)]
pub(crate) struct Checks(Mutex<Inside>);

impl Checks {
    /// Begins one, unless one goes on.
    pub(crate) fn begin(&self, desk: Desk, size: u64) -> Result<()> {
        let mut inside = self.inside();
        if inside.running.is_some() {
            return Ok(());
        }
        let (by, began_at_ms) = (desk.who.actor.clone(), desk.now_ms);
        let running = Running { by, began_at_ms, size, done: Arc::default() };
        let done = running.done.clone();
        // Not one of the threads that a server waits for when it stops: this only reads.
        let thread = Builder::new().name("check".into()).spawn(move || {
            let began = Instant::now();
            let mut listener = |progress| {
                if let Progress::Verifying(verified, _) = progress {
                    done.store(verified, Ordering::Relaxed);
                }
            };
            let found = desk.audit(Some(&mut listener)).map_err(WebError::from);
            (found.map_err(|error| desk.without_hidden(error)), began.elapsed())
        });
        let failed = |_| WebError::new(StatusCode::SERVICE_UNAVAILABLE, "no thread is free");
        inside.running = Some((running, thread.map_err(failed)?));
        Ok(())
    }

    /// The one that goes on, and the last one that has ended.
    pub(crate) fn look(&self) -> (Option<Running>, Option<Arc<Checked>>) {
        let mut inside = self.inside();
        if let Some((Running { by, began_at_ms, size, .. }, thread)) =
            inside.running.take_if(|(_, thread)| thread.is_finished())
        {
            let died = || WebError::new(StatusCode::INTERNAL_SERVER_ERROR, "the check has failed");
            let (found, took) = thread.join().unwrap_or_else(|_| (Err(died()), Duration::ZERO));
            inside.last = Some(Arc::new(Checked { by, began_at_ms, took, size, found }));
        }
        (inside.running.as_ref().map(|(running, _)| running.clone()), inside.last.clone())
    }

    fn inside(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
