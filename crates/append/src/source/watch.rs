//! Waking up when a source may have changed.

use notify::{RecursiveMode, Watcher as _};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

/// Tells when something below some roots may have changed. Only a hint: where the system gives no news, or
/// loses some, the poll finds the change.
pub struct Watch {
    news: Receiver<()>,
    /// Never dropped: it panics when its thread is gone. The process ends with it.
    _watcher: Option<ManuallyDrop<notify::RecommendedWatcher>>,
}

/// Longest time between two looks.
const POLL: Duration = Duration::from_secs(2);
/// News come in bursts; one look serves them all.
const SETTLE: Duration = Duration::from_millis(100);

impl Watch {
    /// Starts watching.
    pub fn start(roots: &[PathBuf]) -> Watch {
        let (sender, news) = sync_channel::<()>(1);
        let watcher = notify::recommended_watcher(move |_: notify::Result<notify::Event>| {
            // A full channel already says it.
            sender.try_send(()).ok();
        });
        let watcher = watcher.ok().and_then(|watcher| {
            let mut watcher = ManuallyDrop::new(watcher);
            // Where its thread could not be started, it says so by a panic.
            let watch_all = AssertUnwindSafe(|| {
                let watch = |root: &&PathBuf| watcher.watch(root, RecursiveMode::Recursive).is_ok();
                roots.iter().filter(watch).count()
            });
            catch_unwind(watch_all).is_ok_and(|watched| watched > 0).then_some(watcher)
        });
        Watch { news, _watcher: watcher }
    }

    /// Returns when something may have changed, or after the poll interval.
    pub fn wait(&self) {
        match self.news.recv_timeout(POLL) {
            Ok(()) => while self.news.recv_timeout(SETTLE).is_ok() {},
            Err(RecvTimeoutError::Timeout) => {}
            // Without a watcher the channel is closed; then only time passes.
            Err(RecvTimeoutError::Disconnected) => std::thread::park_timeout(POLL),
        }
    }
}
