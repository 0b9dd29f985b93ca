//! `show`: one session in full, or exact bytes.

use crate::door::{Done, Door, Result, Style, app};
use crate::pager::{PagerArgs, page};
use crate::text::{bytes, duration, minute, one_line, plural, safe, second, short};
use clap::Args;
use codex_ledger_app::{App, Seq};
use codex_ledger_query::{Item, ItemKind, SessionDetail};

/// Lines of an output that are shown; `--verbose` shows all.
const OUTPUT_LINES: usize = 8;

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Id of the session or its beginning, its name or title or their beginning, latest, -1, -2, …; SESSION#N is its Nth
    /// prompt with what followed [default: the newest]
    #[arg(
        value_name = "SESSION[#N]",
        default_value = "",
        hide_default_value = true,
        allow_negative_numbers = true
    )]
    pub session: String,
    /// Write the exact bytes of the source instead
    #[arg(long)]
    pub raw: bool,
    /// Only this 0-based line of the source (with --raw)
    #[arg(long, value_name = "N", requires = "raw")]
    pub line: Option<u64>,
    /// An older generation of a source that was rewritten (with --raw)
    #[arg(long, value_name = "N", requires = "raw")]
    pub generation: Option<u32>,
    /// One ledger entry instead of a session (with --raw)
    #[arg(long, value_name = "SEQ", requires = "raw", conflicts_with_all = ["session", "line", "generation"])]
    pub entry: Option<Seq>,
    /// Why; recorded with your name (with --raw)
    #[arg(long, value_name = "TEXT", requires = "raw")]
    pub reason: Option<String>,
    /// Show injected context too
    #[arg(long)]
    pub context: bool,
    #[command(flatten)]
    pub pager: PagerArgs,
}

pub fn run(door: &mut Door, args: ShowArgs) -> Result<Done> {
    let app = app(door, "show", Vec::new())?;
    if args.raw {
        raw(door, &app, &args)?;
        return Ok(Done::Clean);
    }
    let detail = app.session(&args.session)?;
    if door.global.json {
        door.print_json(&detail)?;
        return Ok(Done::Clean);
    }
    let mut out = heading(door, &detail);
    for item in detail.items.iter().filter(|item| args.context || item.kind != ItemKind::Context) {
        out.push_str(&item_text(door, item));
    }
    page(door, args.pager, &out)?;
    Ok(Done::Clean)
}

fn raw(door: &Door, app: &App, args: &ShowArgs) -> Result<()> {
    let mut failed = Ok(());
    let mut write = |bytes: &[u8]| {
        if failed.is_ok() {
            failed = door.write(bytes);
        }
    };
    let reason = args.reason.as_deref();
    match args.entry {
        Some(seq) => app.raw_entry(seq, reason, &mut write)?,
        None => app.raw_session(&args.session, args.generation, args.line, reason, &mut write)?,
    }
    failed
}

/// What is known of the session as a whole.
pub fn heading(door: &Door, detail: &SessionDetail) -> String {
    let session = &detail.session;
    let name = session
        .title
        .as_deref()
        .map(|title| format!("  {}", one_line(title, 100)))
        .unwrap_or_default();
    let mut out = format!("{}{name}\n", door.paint(Style::Bold, one_line(&session.id, 80)));
    let mut line = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            out.push_str(&format!("  {key:<9} {}\n", safe(&value)));
        }
    };
    line(
        "when",
        Some(format!("{} to {} UTC", minute(session.created_at_ms), minute(session.last_at_ms))),
    );
    line("where", session.cwd.clone());
    let commit = detail.git_commit.as_deref().map(|c| c.chars().take(12).collect::<String>());
    let git: Vec<String> = [detail.git_branch.clone(), commit].into_iter().flatten().collect();
    line("git", (!git.is_empty()).then(|| git.join(" ")));
    let client: Vec<String> =
        [session.model.clone(), session.started_from(), session.cli_version.clone()]
            .into_iter()
            .flatten()
            .collect();
    line("client", (!client.is_empty()).then(|| client.join(", ")));
    line("parent", session.parent_id.clone());
    line(
        "contents",
        Some(format!(
            "{}, {}, {} tokens, {} in {}",
            plural(session.prompts, "prompt"),
            plural(session.calls, "call"),
            short(session.tokens),
            bytes(session.bytes),
            plural(session.lines, "line"),
        )),
    );
    line("file", detail.path.clone());
    out
}

/// One item as people read it.
pub fn item_text(door: &Door, item: &Item) -> String {
    let kept = if item.kept { " only in another version of the file:" } else { "" };
    let time = door.paint(Style::Dim, format!("{}{kept}", second(item.at_ms)));
    let label = item.label.as_deref().unwrap_or_default();
    match item.kind {
        ItemKind::Prompt => {
            let back = if item.rolled_back { " (rolled back)" } else { "" };
            let head = format!("prompt {}{back}", item.number.unwrap_or(0));
            let text: String = safe(&item.text)
                .trim_end()
                .lines()
                .map(|line| format!("    {}\n", door.paint(Style::Bold, line)))
                .collect();
            format!("\n{time} {}\n{text}", door.paint(Style::Yellow, head))
        }
        ItemKind::Message => {
            let head = door.paint(Style::Green, label);
            format!("{time} {head}\n{}", indent(&safe(&item.text), 4))
        }
        ItemKind::Context => {
            let text = one_line(&item.text, 80);
            format!("{time} {} {}\n", door.paint(Style::Dim, format!("context {label}:")), text)
        }
        ItemKind::Reasoning => {
            let text = one_line(&item.text.replace("**", ""), 90);
            format!(
                "{time} {} {}\n",
                door.paint(Style::Magenta, "thinks"),
                door.paint(Style::Dim, text)
            )
        }
        ItemKind::Plan => format!(
            "{time} {} [{}] {}\n",
            door.paint(Style::Dim, "plan"),
            safe(label),
            one_line(&item.text, 90)
        ),
        ItemKind::Call => call_text(door, item, &time, label),
        ItemKind::Turn => {
            let text = one_line(&item.text, 80);
            let took =
                item.duration_ms.map(|ms| format!(" {}", duration(ms as u64))).unwrap_or_default();
            format!("{time} {} {text}{took}\n", door.paint(Style::Dim, format!("turn {label}")))
        }
    }
}

fn call_text(door: &Door, item: &Item, time: &str, name: &str) -> String {
    let status = match (item.status.as_deref(), item.exit_code) {
        (Some("ok"), _) => door.paint(Style::Green, "ok"),
        (Some(status), Some(code)) => door.paint(Style::Red, format!("{status} {code}")),
        (Some(status), None) => door.paint(Style::Yellow, status),
        (None, _) => door.paint(Style::Yellow, "no output"),
    };
    let took = item.duration_ms.map(|ms| format!(", {}", duration(ms as u64))).unwrap_or_default();
    let mut out = format!(
        "{time} {} {} ({status}{took})\n",
        door.paint(Style::Cyan, safe(name)),
        one_line(&item.text, 100)
    );
    let shown = if door.global.verbose { usize::MAX } else { OUTPUT_LINES };
    let output = safe(item.output.as_deref().unwrap_or_default());
    let lines: Vec<&str> = output.trim_end().lines().collect();
    for line in lines.iter().take(shown) {
        let line: String = line.chars().take(160).collect();
        out.push_str(&format!("    {}\n", door.paint(Style::Dim, line)));
    }
    if lines.len() > shown {
        out.push_str(&format!(
            "    {}\n",
            door.paint(Style::Dim, format!("… {} more lines", lines.len() - shown))
        ));
    }
    out
}

fn indent(text: &str, width: usize) -> String {
    let pad = " ".repeat(width);
    text.trim_end().lines().map(|line| format!("{pad}{line}\n")).collect()
}
