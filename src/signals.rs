//! What the system tells the program to do: to stop, and that a file may not grow.

use crate::args::{Command, Global};
use crate::audit::AuditCommand;
use crate::door::{Door, with_ledger};
use crate::redact::RedactCommand;
use crate::rules::RulesCommand;
use codex_ledger_app::Seq;
#[cfg(unix)]
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
#[cfg(unix)]
use signal_hook::flag;
use std::sync::Mutex;
#[cfg(unix)]
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// What a command is about, for the one line that is said when it is stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is changed.
    Reading,
    /// Lines become entries.
    Appending,
    /// Entries that decide or annotate are made: what kind, and the command that lists them.
    Deciding(&'static str, &'static str),
    /// The decision is durable; what it hides is being hidden.
    Recorded(Seq),
    /// The views are made anew beside the old ones.
    Rebuilding,
    /// A file gets its name when it is whole.
    Writing,
    /// Pages are written one by one.
    Publishing,
    /// Those who ask are answered.
    Serving,
}

static PHASE: Mutex<Phase> = Mutex::new(Phase::Reading);

/// What ends a command that ends by itself when it is asked to.
type Ending = Box<dyn FnOnce() + Send>;
static ENDING: Mutex<Option<Ending>> = Mutex::new(None);

/// The first signal has the command end by itself.
pub fn on_stop(end: impl FnOnce() + Send + 'static) {
    if let Ok(mut ending) = ENDING.lock() {
        *ending = Some(Box::new(end));
    }
}

/// Notes what the program is about from here on.
pub fn enter(phase: Phase) {
    if let Ok(mut now) = PHASE.lock() {
        *now = phase;
    }
}

/// What is safe, and what to do next.
fn told(phase: &Phase) -> String {
    match phase {
        Phase::Reading => "nothing was changed".into(),
        Phase::Appending => {
            "what was acknowledged is safe; run it again for the rest, nothing is appended twice"
                .into()
        }
        Phase::Deciding(what, list) => {
            format!("no {what} was recorded, unless `codex-ledger {list}` has it")
        }
        Phase::Recorded(seq) => {
            format!("it is recorded as entry {seq}; the next command of any kind finishes hiding")
        }
        Phase::Rebuilding => "the views are as they were; run it again".into(),
        Phase::Writing => "nothing was written under that name; run it again".into(),
        Phase::Serving => "what was acknowledged is safe".into(),
        Phase::Publishing => "every page is as it was or whole; publish again for the rest".into(),
    }
}

/// What a command does when it begins.
pub fn phase_of(command: &Command) -> Phase {
    match command {
        Command::Append(args) if args.dry_run => Phase::Reading,
        Command::Append(_) => Phase::Appending,
        Command::RebuildViews(args) if args.check => Phase::Reading,
        Command::RebuildViews(_) => Phase::Rebuilding,
        Command::Migrate(args) if !args.dry_run => Phase::Rebuilding,
        Command::Tag { .. } => Phase::Deciding("tag", "tag list"),
        Command::Note { .. } => Phase::Deciding("note", "note list"),
        Command::Disposition { .. } => Phase::Deciding("disposition", "disposition list"),
        Command::Redact(args) => match &args.what {
            None => Phase::Deciding("redaction", "redact history"),
            Some(RedactCommand::Undo { .. }) => Phase::Deciding("undo", "redact history"),
            Some(RedactCommand::Rules { what: RulesCommand::Set { .. } }) => {
                Phase::Deciding("rule set", "redact rules list")
            }
            Some(RedactCommand::Preview(args)) if args.html.is_some() => Phase::Writing,
            Some(_) => Phase::Reading,
        },
        Command::Report(args) if args.publish.is_some() => Phase::Publishing,
        Command::Report(args) if args.output.is_some() => Phase::Writing,
        Command::Group(args) if args.output.is_some() => Phase::Writing,
        Command::Audit(args) if matches!(args.what, Some(AuditCommand::Bundle(_))) => {
            Phase::Writing
        }
        Command::Erase(args) if !args.dry_run => Phase::Deciding("erasure", "audit log"),
        Command::Hold { .. } => Phase::Deciding("hold", "hold list"),
        Command::Export(_) | Command::Import(_) => Phase::Writing,
        _ => Phase::Reading,
    }
}

/// Listens to signals. Called before any other thread is there.
#[cfg(unix)]
pub fn start(door: &Door) {
    // With a handler the write fails, and that is an error as any other; without, the program is killed.
    flag::register(SIGXFSZ, Arc::default()).ok();
    let ignored = ignored_signals();
    let wanted: Vec<i32> =
        [SIGINT, SIGTERM].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0).collect();
    // Listened to from here on, so that a signal that comes before the thread runs waits for it.
    let (is_deaf, is_stopping) = (Arc::default(), Arc::default());
    let Ok(mut signals) = heard(&wanted, &is_deaf, &is_stopping) else {
        is_deaf.store(true, Ordering::Relaxed);
        return;
    };
    let global = door.global.clone();
    let listener = std::thread::Builder::new().name("signals".into());
    let started = listener.spawn(move || {
        if let Some(signal) = signals.forever().next() {
            is_stopping.store(true, Ordering::Relaxed);
            stop(signal, &global);
        }
    });
    // Where no thread can be started, signals do what they always did.
    is_deaf.store(started.is_err(), Ordering::Relaxed);
}

#[cfg(not(unix))]
pub fn start(_: &Door) {}

/// Listens; a second signal ends the program at once, whatever the first one waits for.
#[cfg(unix)]
fn heard(
    wanted: &[i32],
    is_deaf: &Arc<AtomicBool>,
    is_stopping: &Arc<AtomicBool>,
) -> std::io::Result<signal_hook::iterator::Signals> {
    for signal in wanted {
        flag::register_conditional_default(*signal, Arc::clone(is_deaf))?;
        flag::register_conditional_shutdown(*signal, 128 + signal, Arc::clone(is_stopping))?;
    }
    signal_hook::iterator::Signals::new(wanted)
}

#[cfg(unix)]
fn stop(signal: i32, global: &Global) {
    if let Some(end) = ENDING.lock().ok().and_then(|mut ending| ending.take()) {
        return end();
    }
    let phase = PHASE.lock().map_or(Phase::Reading, |phase| phase.clone());
    if !global.quiet || phase != Phase::Reading {
        let text = format!("codex-ledger: stopped: {}", told(&phase));
        crate::door::say(with_ledger(global, &text));
    }
    codex_ledger_app::publish::discard_temporaries();
    crate::door::leave(128 + signal);
}

/// Signals that whoever started the program wants it to ignore, by bit; none where that cannot be told.
#[cfg(unix)]
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
