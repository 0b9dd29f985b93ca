//! Long output on a terminal: wrapped to its width, through the reader's pager.

use crate::door::{Door, Result, env};
use std::io::{self, IsTerminal, Write};
use std::process::{Child, Command, Stdio};
use unicode_width::UnicodeWidthChar;

/// Narrower than this nothing is wrapped: there would be no room behind the indents.
const WIDTH_MIN: usize = 24;
/// Columns of the names in a heading.
const ROW_COLUMNS: usize = 10;
const TAB: &str = "    ";

#[derive(Clone, Copy, Debug, clap::Args)]
pub struct PagerArgs {
    /// Print at once, without a pager [pager: CODEX_LEDGER_PAGER, else PAGER, else less -FRX]
    #[arg(long)]
    pub no_pager: bool,
}

/// Prints for a reader: on a terminal wrapped and paged, else as it is.
pub fn page(door: &Door, args: PagerArgs, text: &str) -> Result<()> {
    let Some(width) = width() else { return door.print(text) };
    let text = wrap(text, width);
    let pager = if args.no_pager { None } else { start() };
    match pager.map(|pager| feed(pager, &text)) {
        Some(Shown::All) => Ok(()),
        _ => door.print(&text),
    }
}

/// Columns of the terminal; `None` where the output goes elsewhere.
pub fn width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let said = env("COLUMNS").and_then(|columns| columns.parse().ok());
    let found = || terminal_size::terminal_size().map(|(columns, _)| usize::from(columns.0));
    Some(said.or_else(found).filter(|width| *width > 0).unwrap_or(80))
}

/// Starts the pager; `None` where there is none, or none is wanted.
fn start() -> Option<Child> {
    let said = env("CODEX_LEDGER_PAGER").or_else(|| env("PAGER"));
    let mut command = match said.as_deref().map(str::trim) {
        Some("" | "cat") => return None,
        // As other programs do: with its options, and whatever else a shell understands.
        Some(said) if cfg!(unix) => {
            let mut command = Command::new("sh");
            command.args(["-c", said]);
            command
        }
        Some(said) => Command::new(said),
        None if env("TERM").is_none_or(|term| term == "dumb") => return None,
        None => {
            let mut command = Command::new("less");
            command.arg("-FRX");
            command
        }
    };
    if env("LESS").is_none() {
        command.env("LESS", "FRX");
    }
    command.stdin(Stdio::piped()).spawn().ok()
}

/// What became of a text that a pager was given.
enum Shown {
    All,
    /// There is no such program, or it failed.
    Nothing,
}

/// Gives a pager the text and waits for its end. A reader that leaves early has read enough.
fn feed(mut pager: Child, text: &str) -> Shown {
    ignore_interrupts();
    if let Some(mut stdin) = pager.stdin.take() {
        stdin.write_all(text.as_bytes()).ok();
    }
    match pager.wait().map(|status| status.code()) {
        // Ended by a signal, or by its reader.
        Ok(None | Some(0)) => Shown::All,
        _ => Shown::Nothing,
    }
}

/// An interrupt is meant for the pager, which goes on; without it two programs would read the keyboard.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "the only way to say so")]
fn ignore_interrupts() {
    // SAFETY: SIG_IGN runs no code of ours.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn ignore_interrupts() {}

/// The same for what is printed at once, where a person looks. A line with a key or a hash that is too long for it stays whole:
/// it is there to be copied.
pub fn wrapped(text: &str) -> String {
    let Some(width) = width() else { return text.to_string() };
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for line in text.lines() {
        match line.split(' ').any(|word| word.chars().count() > width) {
            true => out.extend([line, "\n"]),
            false => out.push_str(&wrap(line, width)),
        }
    }
    out
}

/// Breaks the lines of a text at blanks; what follows goes on below the beginning, behind times and the marks
/// of lists. The colours of this program, the only escape sequences in it, go on too.
pub fn wrap(text: &str, width: usize) -> String {
    if width < WIDTH_MIN {
        return text.to_string();
    }
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for line in text.lines() {
        wrap_line(&line.trim_end().replace('\t', TAB), width, &mut out);
        out.push('\n');
    }
    out
}

fn wrap_line(line: &str, width: usize, out: &mut String) {
    let pieces = pieces(line);
    let hang = hang(&pieces).min(width / 2);
    let mut column = 0;
    let mut color = "";
    // Where the line can be broken: what is written and what is read there, and the colour.
    let mut blank: Option<(usize, usize, &str)> = None;
    let mut at = 0;
    while let Some((piece, columns)) = pieces.get(at).copied() {
        if columns > 0 && column + columns > width {
            let here = (out.len(), at, color);
            let (written, read, then) =
                if piece == " " { here } else { blank.take().unwrap_or(here) };
            out.truncate(written);
            let reset = if then.is_empty() { "" } else { "\x1b[0m" };
            out.extend([reset, "\n", &" ".repeat(hang), then]);
            (column, color, at, blank) = (hang, then, read, None);
            // Blanks at which a line is broken are not written.
            while pieces.get(at).is_some_and(|(piece, _)| *piece == " ") {
                at += 1;
            }
            continue;
        }
        if piece == " " && column > hang {
            blank = Some((out.len(), at, color));
        }
        if piece.starts_with('\x1b') {
            color = if piece == "\x1b[0m" { "" } else { piece };
        }
        out.push_str(piece);
        column += columns;
        at += 1;
    }
}

/// Columns that a line takes; the colours in it take none.
pub fn columns_of(line: &str) -> usize {
    pieces(line).iter().map(|(_, columns)| columns).sum()
}

/// Escape sequences and characters, each with the columns that it takes.
fn pieces(line: &str) -> Vec<(&str, usize)> {
    let mut pieces = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let is_escape = c == '\x1b';
        let end = rest.find('m').filter(|_| is_escape).map_or(c.len_utf8(), |end| end + 1);
        let (piece, after) = rest.split_at(end);
        pieces.push((piece, if is_escape { 0 } else { c.width().unwrap_or(0) }));
        rest = after;
    }
    pieces
}

/// Columns that the following lines are set in.
fn hang(pieces: &[(&str, usize)]) -> usize {
    let visible: String =
        pieces.iter().map(|(piece, _)| *piece).filter(|piece| !piece.starts_with('\x1b')).collect();
    let text = visible.trim_start_matches(' ');
    let margin = visible.len() - text.len();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let is_time = |text: &str| {
        text.split(':').all(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))
    };
    let mark = match text.split_once(' ') {
        Some((time, _)) if time.len() == "18:36:27".len() && is_time(time) => time.len() + 1,
        // `where     /home/dev`: a row of a heading.
        Some((_, value)) if margin == 2 && is_row(text, value) => ROW_COLUMNS,
        Some(("-" | "*" | "+" | "•" | ">", _)) => 2,
        Some((number, _))
            if digits > 0
                && digits < 4
                && number.len() == digits + 1
                && number.ends_with(['.', ')']) =>
        {
            digits + 2
        }
        _ => 0,
    };
    margin + mark
}

/// Whether a text is a name, blanks up to the column of values, and a value.
fn is_row(text: &str, value: &str) -> bool {
    let blanks = value.len() - value.trim_start().len();
    let name = text.len() - value.len();
    name + blanks == ROW_COLUMNS && blanks > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn wrapped(text: &str, width: usize, lines: &[&str]) {
        let found = wrap(text, width);
        assert_eq!(found.lines().collect::<Vec<_>>(), lines, "{found}");
    }

    #[test]
    fn lines_are_broken_at_blanks_and_hang_below_their_beginning() {
        wrapped("short\n\nline", 24, &["short", "", "line"]);
        wrapped("    one two three four five six", 24, &["    one two three four", "    five six"]);
        wrapped(
            "    - one two three four five six",
            24,
            &["    - one two three four", "      five six"],
        );
        wrapped("12. one two three four five six", 24, &["12. one two three four", "    five six"]);
        wrapped("18:36:27 one two three four", 24, &["18:36:27 one two three", "         four"]);
        wrapped(
            "  where     /one/two/three/four",
            24,
            &["  where     /one/two/thr", "            ee/four"],
        );
        wrapped("exactly twenty-four wide", 24, &["exactly twenty-four wide"]);
        wrapped("exactly twenty-four wide!", 24, &["exactly twenty-four", "wide!"]);
        wrapped("a\tb", 24, &["a    b"]);
        wrapped("narrow terminals stay", 10, &["narrow terminals stay"]);
    }

    #[test]
    fn words_without_blanks_are_broken_too() {
        wrapped(&"x".repeat(50), 24, &[&"x".repeat(24), &"x".repeat(24), "xx"]);
        wrapped(
            &format!("    {}", "x".repeat(30)),
            24,
            &[&format!("    {}", "x".repeat(20)), &format!("    {}", "x".repeat(10))],
        );
        wrapped(&"潮".repeat(13), 25, &[&"潮".repeat(12), "潮"]);
        let marks = format!("{}e\u{301}", "x".repeat(23));
        wrapped(&marks, 24, &[&marks]);
        wrapped(&" ".repeat(100), 24, &[""]);
    }

    #[test]
    fn colours_go_on_and_take_no_room() {
        let (dim, reset) = ("\x1b[2m", "\x1b[0m");
        wrapped(
            &format!("    {dim}one two three four five six{reset}"),
            24,
            &[&format!("    {dim}one two three four{reset}"), &format!("    {dim}five six{reset}")],
        );
        let fits = format!("{dim}exactly twenty-four{reset} {dim}wide{reset}");
        wrapped(&fits, 24, &[&fits]);
    }
}
