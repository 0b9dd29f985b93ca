//! How a tool call ended, read from the text of its output.

use super::event::ToolOutput;
use super::json::{self, Json, Object, Text};

/// Which form an output has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Shape {
    /// JSON text `{"output", "metadata": {"exit_code", "duration_seconds"}}`.
    Json,
    /// Header lines (`Exit code:`, `Wall time:`, `Process exited with code`, …) before `Output:`.
    Header,
    /// Code mode: `Script completed`, `Script failed`, `Script running with cell ID`.
    Script,
    /// A known refusal or failure without a header.
    Failure,
    /// Anything else: the text is the body.
    #[default]
    Plain,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Status {
    /// Exit code 0, or a script that completed.
    Ok,
    /// Another exit code, or a script that failed.
    Failed,
    /// The process is still running; the code comes with a later output.
    Running,
    /// The user or the policy refused.
    Rejected,
    /// The user interrupted.
    Aborted,
    /// The tool did not do its work (no such tool, patch does not apply, sandbox).
    Error,
    /// The text does not say.
    #[default]
    Unknown,
}

/// What an output's text says about the call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome<'a> {
    /// Form of the text.
    pub shape: Shape,
    /// How the call ended.
    pub status: Status,
    /// Exit code, from header lines only: the body may quote the same words.
    pub exit_code: Option<i64>,
    /// Wall time in milliseconds.
    pub duration_ms: Option<i64>,
    /// Session of a process that is still running (the key of later `write_stdin` calls).
    pub session_id: Option<i64>,
    /// Cell of a script that is still running (the key of later `wait` calls).
    pub cell_id: Option<Text<'a>>,
    /// Byte at which the body starts in the text; 0 for JSON, whose body is `body`.
    pub body_offset: usize,
    /// What the tool printed.
    pub body: Text<'a>,
}

impl Shape {
    /// Stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Header => "header",
            Self::Script => "script",
            Self::Failure => "failure",
            Self::Plain => "plain",
        }
    }
}

impl Status {
    /// Stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Running => "running",
            Self::Rejected => "rejected",
            Self::Aborted => "aborted",
            Self::Error => "error",
            Self::Unknown => "unknown",
        }
    }

    const fn of_exit_code(code: i64) -> Self {
        if code == 0 { Self::Ok } else { Self::Failed }
    }
}

/// How the runtime begins the text of a call that did not do its work.
const FAILURES: &[(&str, Status)] = &[
    ("exec command rejected by user", Status::Rejected),
    ("rejected by user", Status::Rejected),
    ("patch rejected by user", Status::Rejected),
    ("approval policy is ", Status::Rejected),
    ("aborted", Status::Aborted),
    ("failed in sandbox", Status::Error),
    ("unsupported call: ", Status::Error),
    ("unsupported custom tool call: ", Status::Error),
    ("write_stdin failed: ", Status::Error),
    ("apply_patch verification failed: ", Status::Error),
    ("execution error: ", Status::Error),
    ("error: ", Status::Error),
    ("failed to parse function arguments: ", Status::Error),
    ("exec_command failed", Status::Error),
    ("tool call error: ", Status::Error),
    ("command timed out", Status::Error),
];

/// Texts of tools that say nothing but that they did their work.
const SUCCESSES: &[&str] = &["Plan updated", "attached local image path"];

/// Bytes of a sandbox failure in which its exit code may stand; the rest is the program's output.
const FAILURE_HEAD: usize = 300;

/// Reads an output: its text and, where that says nothing, the flag beside it.
#[must_use]
pub fn of<'a>(output: &'a ToolOutput<'a>) -> Outcome<'a> {
    let mut outcome = read(&output.output);
    if outcome.status == Status::Unknown {
        outcome.status = match output.success {
            Some(true) => Status::Ok,
            Some(false) => Status::Failed,
            None => Status::Unknown,
        };
    }
    outcome
}

/// Reads the text of an output.
#[must_use]
pub fn read(text: &str) -> Outcome<'_> {
    nested_json(text)
        .or_else(|| failure(text))
        .or_else(|| Header::read(text).map(|header| header.outcome(text)))
        .unwrap_or_else(|| plain(text))
}

/// How commands of a script have ended, read from a text that the script has printed: all that is known of one command
/// or of several, as the runtime tells it. Empty where the text is anything else.
#[must_use]
pub fn results(printed: &str) -> Vec<Outcome<'_>> {
    let text = printed.trim();
    match text.as_bytes().first() {
        Some(b'{') => result(text).into_iter().collect(),
        Some(b'[') => {
            let all = json::array(text).unwrap_or_default();
            let results: Option<Vec<_>> = all.into_iter().map(result).collect();
            results.unwrap_or_default()
        }
        _ => {
            let ended = |head: &Header<'_>| head.exit_code.is_some() || head.session_id.is_some();
            let head = Header::read(printed).filter(|head| head.duration_ms.is_some());
            let head = head.filter(|head| !head.script && ended(head));
            head.map(|head| head.outcome(printed)).into_iter().collect()
        }
    }
}

/// `{"chunk_id":"8d78c2","wall_time_seconds":0.1,"exit_code":0,"output":"…"}`
fn result(json: Json<'_>) -> Option<Outcome<'_>> {
    let object = Object::parse(json)?;
    let body = object.str("output")?;
    let duration_ms = object.f64("wall_time_seconds").and_then(json::seconds_to_ms)?;
    let exit_code = object.i64("exit_code");
    let session_id = object.i64("session_id").filter(|_| exit_code.is_none());
    let running = session_id.map_or(Status::Unknown, |_| Status::Running);
    Some(Outcome {
        shape: Shape::Json,
        status: exit_code.map_or(running, Status::of_exit_code),
        exit_code,
        duration_ms: Some(duration_ms),
        session_id,
        body,
        ..Outcome::default()
    })
}

fn plain(text: &str) -> Outcome<'_> {
    let status = if SUCCESSES.contains(&text.trim_end()) { Status::Ok } else { Status::Unknown };
    Outcome { status, body: Text::Borrowed(text), ..Outcome::default() }
}

/// `{"output":"…","metadata":{"exit_code":0,"duration_seconds":1.2}}`
fn nested_json(text: &str) -> Option<Outcome<'_>> {
    if !text.starts_with('{') {
        return None;
    }
    let object = Object::parse(text.trim_end())?;
    let metadata = object.object("metadata")?;
    let body = object.str("output")?;
    let exit_code = metadata.i64("exit_code");
    let failed = failure(&body).map_or(Status::Unknown, |failure| failure.status);
    Some(Outcome {
        shape: Shape::Json,
        status: exit_code.map_or(failed, Status::of_exit_code),
        exit_code,
        duration_ms: metadata.f64("duration_seconds").and_then(json::seconds_to_ms),
        body,
        ..Outcome::default()
    })
}

/// A text that begins like a refusal or failure of the runtime.
fn failure(text: &str) -> Option<Outcome<'_>> {
    let (_, status) = FAILURES.iter().find(|(start, _)| text.starts_with(start))?;
    let exit_code = if text.starts_with("failed in sandbox") { sandbox_code(text) } else { None };
    Some(Outcome {
        shape: Shape::Failure,
        status: exit_code.map_or(*status, Status::of_exit_code),
        exit_code,
        body: Text::Borrowed(text),
        ..Outcome::default()
    })
}

fn sandbox_code(text: &str) -> Option<i64> {
    let head = text.get(..text.floor_char_boundary(FAILURE_HEAD))?;
    let (_, rest) = head.split_once("exit code: ")?;
    leading_integer(rest)
}

/// The lines before `Output:`.
#[derive(Default)]
struct Header<'a> {
    script: bool,
    exit_code: Option<i64>,
    duration_ms: Option<i64>,
    session_id: Option<i64>,
    cell_id: Option<&'a str>,
    script_status: Status,
    /// Lines of the command that the output repeats are being passed over.
    in_command: bool,
    body: usize,
}

/// What a line of the header is.
enum Line {
    Header,
    Output,
    Foreign,
}

impl<'a> Header<'a> {
    /// Reads header lines up to `Output:` or the first line that is none; `None` where already
    /// the first is none.
    fn read(text: &'a str) -> Option<Self> {
        let mut header = Self::default();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            match header.line(line.trim_end()) {
                Line::Foreign if header.in_command => {}
                Line::Foreign => break,
                Line::Header => header.body = at + line.len(),
                Line::Output => {
                    header.body = at + line.len();
                    break;
                }
            }
            at += line.len();
        }
        (header.body > 0).then_some(header)
    }

    fn line(&mut self, line: &'a str) -> Line {
        if self.in_command && !line.starts_with("Chunk ID: ") && !line.starts_with("Wall time") {
            return Line::Foreign;
        }
        self.in_command = line.starts_with("Command: ");
        if line == "Output:" {
            return Line::Output;
        }
        let known = self.in_command
            || self.process_line(line)
            || self.script_line(line)
            || COUNTS.iter().any(|start| line.starts_with(start));
        if known { Line::Header } else { Line::Foreign }
    }

    fn process_line(&mut self, line: &'a str) -> bool {
        let code = line.strip_prefix("Exit code: ");
        if let Some(rest) = code.or_else(|| line.strip_prefix("Process exited with code ")) {
            self.exit_code = leading_integer(rest);
        } else if let Some(rest) = line.strip_prefix("Process running with session ID ") {
            self.session_id = leading_integer(rest);
        } else if let Some(rest) = line.strip_prefix("Wall time") {
            self.duration_ms = wall_time(rest);
        } else {
            return false;
        }
        true
    }

    fn script_line(&mut self, line: &'a str) -> bool {
        self.script_status = match line {
            "Script completed" => Status::Ok,
            "Script failed" => Status::Failed,
            _ => match line.strip_prefix("Script running with cell ID ") {
                Some(cell) => {
                    self.cell_id = Some(cell.trim());
                    Status::Running
                }
                None => return false,
            },
        };
        self.script = true;
        true
    }

    fn outcome(self, text: &'a str) -> Outcome<'a> {
        let body = text.get(self.body..).unwrap_or_default();
        let status = match (self.exit_code, self.session_id) {
            (Some(code), _) => Status::of_exit_code(code),
            (None, Some(_)) => Status::Running,
            (None, None) if self.script => self.script_status,
            (None, None) => failure(body).map_or(Status::Unknown, |failure| failure.status),
        };
        Outcome {
            shape: if self.script { Shape::Script } else { Shape::Header },
            status,
            exit_code: self.exit_code,
            duration_ms: self.duration_ms,
            session_id: self.session_id,
            cell_id: self.cell_id.map(Text::Borrowed),
            body_offset: self.body,
            body: Text::Borrowed(body),
        }
    }
}

/// Header lines without a fact that anyone needs.
const COUNTS: &[&str] =
    &["Chunk ID: ", "Total output lines: ", "Original token count: ", "Warning: truncated output"];

/// `: 1.6 seconds` or ` 1.6 seconds`.
fn wall_time(rest: &str) -> Option<i64> {
    let seconds = rest.trim_start_matches(':').trim().strip_suffix("seconds")?;
    json::seconds_to_ms(seconds.trim().parse().ok()?)
}

fn leading_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..length + (text.len() - digits.len()))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(text: &str) -> (Shape, Status, Option<i64>, Option<i64>, Text<'_>) {
        let outcome = read(text);
        (outcome.shape, outcome.status, outcome.exit_code, outcome.duration_ms, outcome.body)
    }

    #[test]
    fn nested_json() {
        let text =
            r#"{"output":"a\nExit code: 9","metadata":{"exit_code":0,"duration_seconds":1.25}}"#;
        let body = "a\nExit code: 9".into();
        assert_eq!(facts(text), (Shape::Json, Status::Ok, Some(0), Some(1250), body));
        let other = r#"{"answers":{}}"#;
        assert_eq!(facts(other), (Shape::Plain, Status::Unknown, None, None, other.into()));
    }

    #[test]
    fn header_lines_only() {
        let text = "Exit code: -1\r\nWall time: 1.6 seconds\r\nTotal output lines: 2\r\nOutput:\r\nExit code: 0\n";
        let outcome = read(text);
        assert_eq!((outcome.status, outcome.exit_code), (Status::Failed, Some(-1)));
        assert_eq!(outcome.duration_ms, Some(1600));
        assert_eq!(
            (outcome.body.as_ref(), outcome.body_offset),
            ("Exit code: 0\n", text.len() - 13)
        );
    }

    #[test]
    fn a_body_that_looks_like_a_header_is_a_body() {
        let text = "Wall time: 2 seconds\nOutput:\nProcess exited with code 3";
        assert_eq!(read(text).exit_code, None);
        assert_eq!(read("first\nExit code: 3\n").shape, Shape::Plain);
    }

    #[test]
    fn processes_that_run_and_end() {
        let head = "Chunk ID: 8d78c2\nWall time: 0.0507 seconds\n";
        let running = format!("{head}Process running with session ID 4711\nOutput:\n");
        let outcome = read(&running);
        assert_eq!((outcome.status, outcome.session_id), (Status::Running, Some(4711)));
        assert_eq!((outcome.exit_code, outcome.duration_ms), (None, Some(51)));
        let ended =
            format!("{head}Process exited with code 101\nOriginal token count: 40\nOutput:\nx");
        assert_eq!(facts(&ended).1, Status::Failed);
    }

    #[test]
    fn the_command_that_an_output_repeats_is_passed_over() {
        let text = "Command: bash -lc 'x\nExit code: 7\nOutput:'\nChunk ID: a\nWall time: 1 seconds\nProcess exited with code 0\nOutput:\nbody";
        assert_eq!(facts(text), (Shape::Header, Status::Ok, Some(0), Some(1000), "body".into()));
    }

    #[test]
    fn refusals_and_failures() {
        for (text, status, exit_code) in [
            ("exec command rejected by user", Status::Rejected, None),
            ("Wall time: 4.8 seconds\naborted by user", Status::Aborted, None),
            ("aborted by user after 4.8s", Status::Aborted, None),
            ("unsupported call: x", Status::Error, None),
            ("apply_patch verification failed: Failed to find", Status::Error, None),
            ("failed in sandbox: nothing", Status::Error, None),
            (
                "failed in sandbox LinuxSeccomp with execution error: exit code: 2, é",
                Status::Failed,
                Some(2),
            ),
        ] {
            let outcome = read(text);
            assert_eq!((outcome.status, outcome.exit_code), (status, exit_code), "{text}");
        }
        let late = format!("failed in sandbox: {}exit code: 1", "é".repeat(300));
        assert_eq!(read(&late).exit_code, None);
    }

    #[test]
    fn scripts_of_code_mode() {
        let text = "Script completed\nWall time 2.5 seconds\nOutput:\nExit code: 1\n";
        assert_eq!(
            facts(text),
            (Shape::Script, Status::Ok, None, Some(2500), "Exit code: 1\n".into())
        );
        let running = read("Script running with cell ID 12\nWall time 1 seconds\nOutput:\n");
        assert_eq!((running.status, running.cell_id.as_deref()), (Status::Running, Some("12")));
        assert_eq!(read("Script failed\nOutput:\n").status, Status::Failed);
    }

    #[test]
    fn a_script_prints_what_is_known_of_its_commands() {
        let facts = |text: &str| {
            let facts = |of: Outcome<'_>| (of.status, of.exit_code, of.body.into_owned());
            results(text).into_iter().map(facts).collect::<Vec<_>>()
        };
        let ended = r#"{"chunk_id":"a1","wall_time_seconds":0.5,"exit_code":2,"output":"no rule"}"#;
        let failed = (Status::Failed, Some(2), "no rule".to_string());
        assert_eq!(facts(ended), std::slice::from_ref(&failed));
        let runs = r#"{"wall_time_seconds":1,"session_id":7,"output":""}"#;
        let running = (Status::Running, None, String::new());
        assert_eq!(facts(&format!("[{ended}, {runs}]")), [failed.clone(), running]);
        assert_eq!(facts("Exit code: 2\nWall time: 0.2 seconds\nOutput:\nno rule"), [failed]);
        for other in
            ["Exit code: 2", "Exit code: 2\nOutput:\n", r#"{"exit_code":2}"#, "[]", "[1]", "{", ""]
        {
            assert_eq!(facts(other), [], "{other}");
        }
    }

    #[test]
    fn the_flag_beside_the_text_counts_where_the_text_says_nothing() {
        let output =
            ToolOutput { output: "x".into(), success: Some(false), ..ToolOutput::default() };
        assert_eq!(of(&output).status, Status::Failed);
        assert_eq!(read("Plan updated").status, Status::Ok);
        assert_eq!(read("").status, Status::Unknown);
    }
}
