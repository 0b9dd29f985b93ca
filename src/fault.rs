//! A panic is a fault of the program: one clear line and exit code 2, whatever thread it was in.

use crate::door::say;
use std::backtrace::Backtrace;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// The first panic that nobody has told yet. Others follow from it.
static FIRST: Mutex<Option<String>> = Mutex::new(None);
static IS_DEBUG: AtomicBool = AtomicBool::new(false);

/// Keeps panics off stderr: those inside the log engine become errors and findings, which say it better.
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        let what = described(info);
        if IS_DEBUG.load(Ordering::Relaxed) {
            say(format!("debug: {what}\n{}", Backtrace::force_capture()));
        }
        // A panic while the lock is held cannot be: nothing in here panics.
        if let Ok(mut first) = FIRST.lock() {
            first.get_or_insert(what);
        }
    }));
}

/// Says more about every panic, where and how it came to be.
pub fn debug() {
    IS_DEBUG.store(true, Ordering::Relaxed);
}

/// Runs a command; a panic that reaches its thread ends it like any other error.
pub fn guarded(run: impl FnOnce() -> ExitCode) -> ExitCode {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        let first = FIRST.lock().ok().and_then(|mut first| first.take()).unwrap_or_default();
        say(format!(
            "codex-ledger: a fault in the program: {}\n  \
             try: run it again, with --debug if it stays; what was acknowledged is safe",
            first.replace('\n', " ")
        ));
        ExitCode::from(2)
    })
}

fn described(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map(|at| format!(" ({}:{})", at.file(), at.line()));
    let payload = info.payload();
    let message = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    format!("{message}{}", place.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hook is the process's: one test for all that it does.
    #[test]
    fn a_panic_of_any_thread_is_an_exit_code() {
        start();
        let code = guarded(|| {
            std::thread::scope(|scope| {
                scope.spawn(|| panic!("the {} one", "first"));
            });
            ExitCode::SUCCESS
        });
        assert_eq!(code, ExitCode::from(2));
        assert!(FIRST.lock().unwrap().is_none(), "it was told");
        assert!(catch_unwind(|| panic!("one more")).is_err());
        let said = FIRST.lock().unwrap().take().unwrap();
        assert!(said.starts_with("one more (") && said.contains("fault.rs:"), "{said}");
        assert_eq!(guarded(|| ExitCode::SUCCESS), ExitCode::SUCCESS);
    }
}
