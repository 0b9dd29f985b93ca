//! What every command shares: settings, output, colour, progress, and the way out.

use crate::args::{Color, Global};
use crate::error::DoorError;
pub use crate::error::Result;
use crate::settings::{Settings, missing_roots, settings};
use crate::signals::{self, Phase};
use crate::trust;
use crate::typed::Typed;
use codex_ledger_app::config::Config;
use codex_ledger_app::publish::Gate;
use codex_ledger_app::{
    App, AppError, Hint, Holder, Notice, NoticeListener, Progress, Setup, Weaker, World,
    check_place, gate_of,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::cell::OnceCell;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// Exit code 0.
    Clean,
    /// Exit code 1.
    Findings,
}

/// What stands for what was typed where not even the built-in rules can be read.
const UNREADABLE: &str = "…";

/// A bar is shown only for what takes longer than this.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often something that moves does.
const TICK: Duration = Duration::from_millis(120);

/// The terminal.
pub struct Door {
    pub global: Global,
    typed: Typed,
    started: Instant,
    colored: bool,
}

/// A colour or weight.
#[derive(Clone, Copy)]
pub enum Style {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Magenta,
    Cyan,
    /// What was sought.
    Mark,
}

impl Door {
    pub fn new(global: &Global, typed: Typed) -> Door {
        let colored = match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let is_plain = env("NO_COLOR").is_some_and(|value| !value.is_empty())
                    || env("TERM").is_some_and(|term| term == "dumb");
                io::stdout().is_terminal() && !is_plain
            }
        };
        Door {
            global: global.clone(),
            typed,
            started: Instant::now(),
            colored: colored && !global.json,
        }
    }

    /// What follows is for a file, unless colours are asked for.
    pub fn without_colors(&mut self) {
        self.colored &= self.global.color == Color::Always;
    }

    /// Milliseconds since the command began.
    pub fn elapsed_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// Colours text where a person looks.
    pub fn paint(&self, style: Style, text: impl AsRef<str>) -> String {
        let code = match style {
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Red => "31",
            Style::Green => "32",
            Style::Yellow => "1;35",
            Style::Magenta => "35",
            Style::Cyan => "1",
            Style::Mark => "7",
        };
        let text = text.as_ref();
        if self.colored { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    /// The command to try next, with the ledger where it is not the usual one.
    pub fn next(&self, ledger: Option<&std::path::Path>, command: &str) -> String {
        let ledger = ledger.map(|dir| option("ledger", dir));
        let ledger = ledger.unwrap_or_else(|| given_ledger(&self.global));
        self.paint(Style::Dim, format!("next: codex-ledger{ledger} {command}")) + "\n"
    }

    /// A text that names commands, which then are those of the same ledger.
    pub fn hinted(&self, text: &str) -> String {
        with_ledger(&self.global, text)
    }

    /// Says on stderr what is done and why, with `--debug`.
    pub fn debug(&self, text: impl AsRef<str>) {
        if self.global.debug {
            say(format!("debug: {}", text.as_ref()));
        }
    }

    /// Prints what was asked for.
    pub fn print(&self, text: &str) -> Result<()> {
        self.write(crate::text::safe_output(text, self.colored).as_bytes())
    }

    /// Prints a JSON document.
    pub fn print_json(&self, document: &impl Serialize) -> Result<()> {
        self.write(json_document(document)?.as_bytes())
    }

    /// Prints a JSON document in one line.
    pub fn print_json_line(&self, document: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(document).map_err(no_json)? + "\n";
        self.write(crate::text::json_text(&text).as_bytes())
    }

    /// Writes exact bytes. A reader that went away ends the program quietly.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => leave(0),
            Err(e) => Err(DoorError::new(format!("standard output: {e}"))),
        }
    }

    /// A listener that draws a bar on a terminal once the work takes longer than a second.
    pub fn progress(&self) -> impl FnMut(Progress) + use<> {
        let visible = io::stderr().is_terminal() && !self.global.quiet && !self.global.json;
        let started = Instant::now();
        let mut bar: Option<(u8, ProgressBar)> = None;
        move |progress| {
            if let Progress::Recorded(seq) = progress {
                signals::enter(Phase::Recorded(seq));
            }
            if !visible || started.elapsed() < PATIENCE {
                return;
            }
            let (stage, label, done, total) = match progress {
                Progress::Reading(done, total) => (0, "reading logs", done, total),
                Progress::Views(done, total) => (1, "views", done, total),
                Progress::Verifying(done, total) => (2, "verifying", done, total),
                Progress::Recorded(_) => return,
            };
            if bar.as_ref().is_none_or(|(of, _)| *of != stage) {
                if let Some((_, old)) = bar.take() {
                    old.finish_and_clear();
                }
                bar = Some((stage, new_bar(stage, label, total)));
            }
            if let Some((_, bar)) = &bar {
                bar.set_position(done);
                if done >= total {
                    bar.finish_and_clear();
                }
            }
        }
    }

    /// Does what takes a while without telling how far it is: a terminal says what, once it takes longer than a second.
    pub fn patiently<T>(&self, label: &'static str, work: impl FnOnce() -> T) -> T {
        if !io::stderr().is_terminal() || self.global.quiet || self.global.json {
            return work();
        }
        thread::scope(|scope| {
            let (done, is_done) = mpsc::sync_channel::<()>(0);
            let shown = thread::Builder::new().spawn_scoped(scope, move || {
                if is_done.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
                bar.set_style(ProgressStyle::default_spinner());
                bar.set_message(label);
                while is_done.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    bar.tick();
                }
                bar.finish_and_clear();
            });
            let result = work();
            drop(done);
            // Nothing is waited for where the system gives no thread: then nothing is shown.
            drop(shown);
            result
        })
    }

    /// Turns the result of a command into an exit code; errors go to stderr with what to try.
    pub fn finish(&self, done: Result<Done>) -> ExitCode {
        match done {
            Ok(Done::Clean) => ExitCode::SUCCESS,
            Ok(Done::Findings) => ExitCode::from(1),
            Err(error) => {
                self.say_shown(&error.described());
                ExitCode::from(2)
            }
        }
    }

    /// Says what is wrong on stderr; what it repeats of the command line is shown as everywhere else.
    pub fn say_shown(&self, text: &str) {
        say(with_ledger(&self.global, &self.typed.hidden_in(text, &self.hide())));
    }

    /// Messages may repeat these texts, which a person wrote into a file: they are shown as what was typed.
    pub fn may_repeat(&mut self, texts: impl IntoIterator<Item = String>) {
        self.typed.extend(texts);
    }

    /// A text that a person wrote into a file or an option, as everything else is shown.
    pub fn shown(&self, text: &str) -> String {
        self.hide()(text).unwrap_or_else(|| text.to_string())
    }

    /// All texts of a document, as everything else is shown.
    pub fn shown_document(&self, document: &impl Serialize) -> Result<serde_json::Value> {
        let hide = self.hide();
        let mut document = as_value(document)?;
        each_text(&mut document, &mut |text| {
            if let Some(shown) = hide(text) {
                *text = shown;
            }
        });
        Ok(document)
    }

    /// What the ledger's rules and redactions make of a text, wherever it would stand; where there is no ledger to
    /// be read, what the built-in rules do.
    fn hide(&self) -> impl Fn(&str) -> Option<String> {
        let gate = OnceCell::new();
        let global = self.global.clone();
        move |text| {
            let of_ledger = || gate_of(&settings(&global).ok()?.ledger_dir).ok();
            let gate = gate.get_or_init(|| of_ledger().or_else(|| Gate::without_ledger().ok()));
            match gate {
                Some(gate) => gate.hide(text),
                None => Some(UNREADABLE.to_string()),
            }
        }
    }
}

/// The text of a JSON document, harmless on a terminal.
pub fn json_document(document: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(document).map_err(no_json)? + "\n";
    Ok(crate::text::json_text(&text).into_owned())
}

/// A document as JSON.
pub fn as_value(document: &impl Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(document).map_err(no_json)
}

fn each_text(document: &mut serde_json::Value, each: &mut dyn FnMut(&mut String)) {
    match document {
        serde_json::Value::String(text) => each(text),
        serde_json::Value::Array(all) => all.iter_mut().for_each(|value| each_text(value, each)),
        serde_json::Value::Object(all) => all.values_mut().for_each(|value| each_text(value, each)),
        _ => {}
    }
}

/// A path that is no Unicode, for one, has no place in JSON.
fn no_json(error: serde_json::Error) -> DoorError {
    DoorError::new(format!("the JSON document cannot be written: {error}"))
}

/// Says one line, or a line and what to try, on stderr. That nobody hears it changes nothing.
pub fn say(text: impl AsRef<str>) {
    let line = format!("{}\n", crate::text::safe(text.as_ref()));
    io::stderr().lock().write_all(line.as_bytes()).ok();
}

/// Says that raw text follows and that this is recorded, and asks for a reason where none was given.
pub fn say_raw(door: &Door, reason: Option<&str>) {
    let asked = match reason.is_some_and(|reason| !reason.trim().is_empty()) {
        true => "",
        false => " without a reason: --reason TEXT gives one",
    };
    if !door.global.quiet {
        say(format!(
            "codex-ledger: raw text follows, nothing is hidden in it; this is recorded{asked}"
        ));
    }
}

/// The options that name the ledger, where they were given, as a command that is to be tried needs them.
fn given_ledger(global: &Global) -> String {
    let ledger = global.ledger.as_deref().filter(|_| env("CODEX_LEDGER_HOME").is_none());
    let config = global.config.as_deref().filter(|_| env("CODEX_LEDGER_CONFIG").is_none());
    let options = [("config", config), ("ledger", ledger)];
    options.into_iter().filter_map(|(name, path)| Some(option(name, path?))).collect()
}

/// An option and the path that it names, to be pasted behind a command.
fn option(name: &str, path: &std::path::Path) -> String {
    let path = crate::text::quoted(path);
    let between = if path.starts_with('-') { '=' } else { ' ' };
    format!(" --{name}{between}{path}")
}

/// Makes the commands that a text names those of the same ledger.
pub fn with_ledger(global: &Global, text: &str) -> String {
    let command = format!("`codex-ledger{} ", given_ledger(global));
    text.replace("`codex-ledger ", &command)
}

/// A notice as a person reads it; `None` for what is not worth breaking a silence that was asked for.
fn told(notice: &Notice, is_quiet: bool) -> Option<String> {
    let name = "codex-ledger";
    Some(match notice {
        Notice::Waiting { .. } | Notice::Tightened(_) if is_quiet => return None,
        Notice::Waiting { holder, wait } => {
            format!("{name}: waiting for {holder}, up to {} s", wait.as_secs_f64())
        }
        Notice::Tightened(dir) => {
            format!("{name}: {}: others could read here; it is yours alone now", dir.display())
        }
        Notice::RulesKept(weaker) => format!(
            "{name}: the configured rules would be weaker, so these stay in force: {}; to change them: \
             `codex-ledger redact rules set FILE --reason TEXT`",
            weaker_rules(weaker)
        ),
        Notice::RulesFewer(weaker) => format!(
            "{name}: this ledger begins with weaker rules than the program's own: {}; to have those: \
             `codex-ledger redact rules set builtin --reason TEXT`",
            weaker_rules(weaker)
        ),
        Notice::Failed(error) => DoorError::from(error.clone()).described(),
    })
}

/// Rules that would be weaker, and how; many are counted.
pub fn weaker_rules(weaker: &[Weaker]) -> String {
    const SHOWN: usize = 5;
    let shown = weaker.iter().take(SHOWN).map(|weaker| format!("`{}` {}", weaker.rule, weaker.how));
    let mut all: Vec<String> = shown.collect();
    if weaker.len() > SHOWN {
        all.push(format!("and {} more", weaker.len() - SHOWN));
    }
    all.join(", ")
}

fn new_bar(stage: u8, label: &'static str, total: u64) -> ProgressBar {
    let template = if stage == 0 {
        "{msg:12} {bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}"
    } else {
        "{msg:12} {bar:40} {pos}/{len} {eta}"
    };
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    bar.set_style(style);
    bar.set_message(label);
    bar
}

#[allow(
    clippy::disallowed_methods,
    reason = "a reader that closed the pipe, or a signal, ends the program at once"
)]
pub fn leave(code: i32) -> ! {
    std::process::exit(code)
}

/// The command line, without the program's name.
#[allow(clippy::disallowed_methods, reason = "the door reads the command line")]
pub fn arguments() -> impl Iterator<Item = String> {
    std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned())
}

#[allow(clippy::disallowed_methods, reason = "the door reads the environment")]
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reads the settings, and says which file is not obeyed: who relies on it has to know.
pub fn said_settings(door: &Door) -> Result<Settings> {
    let settings = settings(&door.global)?;
    for ignored in &settings.ignored {
        say(format!("codex-ledger: {}", trust::told(ignored)));
    }
    Ok(settings)
}

/// Finishes hiding what an interrupted command has left, for a command that does not use the ledger itself.
pub fn finish_interrupted(door: &Door) {
    if let Ok(settings) = settings(&door.global) {
        App::new(setup(door, "config", settings.ledger_dir, settings.config, Vec::new()))
            .finish_interrupted();
    }
}

/// Makes the use cases; `roots` replaces the configured ones, `command` is what the lock will say.
pub fn app(door: &Door, command: &str, roots: Vec<PathBuf>) -> Result<App> {
    let app = App::new(app_setup(door, command, roots)?);
    app.finish_interrupted();
    Ok(app)
}

/// What the use cases need to know; `roots` replaces the configured ones, `command` is what the lock will say.
pub fn app_setup(door: &Door, command: &str, roots: Vec<PathBuf>) -> Result<Setup> {
    let settings = said_settings(door)?;
    check_place(&settings.ledger_dir).map_err(AppError::from)?;
    if roots.is_empty()
        && let Some(missing) = missing_roots(&settings).into_iter().next()
    {
        return Err(DoorError::new(missing).hint("correct the path or name another root"));
    }
    let roots = if roots.is_empty() { settings.roots } else { roots };
    door.debug(format!("ledger {}", settings.ledger_dir.display()));
    roots.iter().for_each(|root| door.debug(format!("root {}", root.display())));
    let rules = settings.config.redaction.rules.as_deref().map(|path| {
        let file = settings.config_path.clone().unwrap_or_default();
        crate::rules::load_rules(path).map_err(|error| {
            AppError { message: format!("redaction.rules: {}", error.message), ..error }
                .hint(Hint::ConfiguredRules { file })
        })
    });
    let setup = setup(door, command, settings.ledger_dir, settings.config, roots);
    Ok(Setup { rules, ..setup })
}

/// The setup of an app.
pub fn setup(
    door: &Door,
    command: &str,
    ledger_dir: PathBuf,
    config: Config,
    roots: Vec<PathBuf>,
) -> Setup {
    let user = || env("USER").or_else(|| env("USERNAME")).filter(|name| !name.is_empty());
    let account = || whoami::username().ok().filter(|name| !name.is_empty());
    let named = door.global.actor.clone();
    let actor = named.or_else(user).or_else(account).unwrap_or_else(|| "unknown".into());
    let world = World::real();
    let now_ms = (world.clock.now() / 1_000_000) as i64;
    Setup {
        ledger_dir,
        db_path: config.ingest.db_path,
        raw_json: config.views.raw_json,
        roots,
        rules: None,
        review: config.review,
        checkpoint: config.checkpoint,
        retention: config.retention,
        actor,
        request: None,
        holder: Holder {
            command: command.to_string(),
            pid: std::process::id(),
            since: format!("{} UTC", crate::text::minute(Some(now_ms))),
        },
        wait: door.global.wait,
        notices: Some(listener(door)),
        world,
    }
}

/// Says notices on stderr; what is so with every append of a watch is said once.
fn listener(door: &Door) -> NoticeListener {
    let global = door.global.clone();
    let is_said = AtomicBool::new(false);
    Arc::new(move |notice| {
        let is_rules = matches!(notice, Notice::RulesKept(_));
        if !is_rules || !is_said.swap(true, Ordering::Relaxed) {
            let told = told(&notice, global.quiet).map(|text| with_ledger(&global, &text));
            told.into_iter().for_each(say);
        }
    })
}
