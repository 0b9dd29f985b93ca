//! Tool calls and their outputs, in the styles of each generation.

use crate::era::Age;
use crate::json::q;
use crate::rng::Point;
use crate::session::Session;
use std::io::Result;

const OUTPUT: [Point; 8] = [
    (0.0, 30.0),
    (0.1, 63.0),
    (0.3, 140.0),
    (0.5, 420.0),
    (0.75, 3000.0),
    (0.9, 8600.0),
    (0.99, 33_000.0),
    (1.0, 60_000.0),
];
const PATCH: [Point; 5] =
    [(0.0, 160.0), (0.5, 1100.0), (0.9, 6000.0), (0.99, 23_000.0), (1.0, 30_000.0)];

/// How a command is called and how its output is framed.
#[derive(Clone, Copy, PartialEq)]
pub enum Style {
    Shell,
    ShellCommand,
    Exec,
    Code,
}

/// How a command ended.
#[derive(Clone, Copy)]
enum End {
    Exit(u64),
    Running(u64),
}

impl Session<'_> {
    fn style(&mut self) -> Style {
        let dice = self.r.below(10);
        match self.age() {
            Age::G1 | Age::G2a => Style::Shell,
            Age::G2b => [Style::Shell, Style::ShellCommand][usize::from(dice > 6)],
            Age::G2c => [Style::ShellCommand, Style::Exec][usize::from(dice > 2)],
            Age::G2d => Style::Exec,
            Age::G2e | Age::G3 => [Style::Code, Style::Exec][usize::from(dice > 3)],
        }
    }

    /// One tool call, its output and what it cost to ask for it.
    pub fn call(&mut self) -> Result<()> {
        match self.r.below(1000) {
            0..800 => self.command(),
            800..890 => self.patch(),
            890..940 => self.plan(),
            940..975 => self.mcp(),
            975..990 => self.search(),
            _ => self.failure(),
        }
    }

    fn function(&mut self, name: &str, arguments: &str, call: &str) -> Result<()> {
        self.counters.grow(arguments.len());
        let (tail, arguments) = (self.tail("fc"), q(arguments));
        self.item(&format!(
            r#"{{"type":"function_call","name":"{name}","arguments":{arguments},"call_id":"call_{call}"{tail}}}"#
        ))?;
        self.response_usage()
    }

    fn custom(&mut self, name: &str, input: &str, call: &str) -> Result<()> {
        self.counters.grow(input.len());
        let (tail, input) = (self.tail("ctc"), q(input));
        self.item(&format!(
            r#"{{"type":"custom_tool_call","status":"completed","call_id":"call_{call}","name":"{name}","input":{input}{tail}}}"#
        ))?;
        self.response_usage()
    }

    /// `output` is JSON already: a quoted text or a list of parts.
    fn output(&mut self, kind: &str, call: &str, output: &str) -> Result<()> {
        self.counters.grow(output.len());
        let tail = self.tail("out");
        self.item(&format!(
            r#"{{"type":"{kind}_output","call_id":"call_{call}","output":{output}{tail}}}"#
        ))
    }

    /// The text around an output, family by family.
    fn framed(&mut self, style: Style, end: End, body: &str) -> String {
        let tenths = self.r.size(&[(0.0, 1.0), (0.8, 12.0), (1.0, 900.0)]);
        let secs = format!("{}.{}", tenths / 10, tenths % 10);
        match (style, end) {
            (Style::Shell, End::Exit(code)) => {
                let body = q(body);
                format!(
                    r#"{{"output":{body},"metadata":{{"exit_code":{code},"duration_seconds":{secs}}}}}"#
                )
            }
            (Style::Exec, _) => {
                let chunk = self.r.hex(6);
                let state = match end {
                    End::Exit(code) => format!("Process exited with code {code}"),
                    End::Running(id) => format!("Process running with session ID {id}"),
                };
                let tokens = body.len() / 4;
                format!(
                    "Chunk ID: {chunk}\nWall time: {secs}000 seconds\n{state}\nOriginal token count: {tokens}\nOutput:\n{body}"
                )
            }
            (_, End::Exit(code)) => {
                format!("Exit code: {code}\nWall time: {secs} seconds\nOutput:\n{body}")
            }
            (_, End::Running(id)) => format!(
                "Script running with cell ID {id}\nWall time {secs} seconds\nOutput:\n{body}"
            ),
        }
    }

    fn command(&mut self) -> Result<()> {
        let style = self.style();
        let len = self.r.size(&OUTPUT).min(self.w.max_text);
        let (command, body) = self.p.command(&mut self.r, len);
        let call = self.r.base64(24);
        let (quoted, cwd) = (q(&command), &self.cwd);
        let (name, arguments) = match style {
            Style::Shell => (
                "shell",
                format!(
                    r#"{{"command":["bash","-lc",{quoted}],"workdir":"{cwd}","timeout_ms":120000}}"#
                ),
            ),
            Style::ShellCommand => (
                "shell_command",
                format!(r#"{{"command":{quoted},"workdir":"{cwd}","timeout_ms":120000}}"#),
            ),
            _ => (
                "exec_command",
                format!(
                    r#"{{"cmd":{quoted},"workdir":"{cwd}","yield_time_ms":1000,"max_output_tokens":6000}}"#
                ),
            ),
        };
        if style == Style::Code {
            return self.code(&call, &arguments, &body);
        }
        self.function(name, &arguments, &call)?;
        self.wait(20, 4000);
        let code = *self.r.zipf(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 101, 2]);
        let running = style == Style::Exec && self.r.chance(130);
        if self.extended {
            self.command_end(&call, &command, &body, code)?;
        }
        let end = if running { End::Running(self.r.range(1000, 99_999)) } else { End::Exit(code) };
        let text = self.framed(style, end, &body);
        self.output("function_call", &call, &q(&text).to_string())?;
        match end {
            End::Running(id) => self.poll(id, code),
            End::Exit(_) => Ok(()),
        }
    }

    /// Asks a running process again until it has ended.
    fn poll(&mut self, session: u64, code: u64) -> Result<()> {
        let rounds = self.r.range(1, 3);
        for round in 1..=rounds {
            self.wait(1000, 9000);
            let call = self.r.base64(24);
            let arguments =
                format!(r#"{{"session_id":{session},"chars":"","yield_time_ms":5000}}"#);
            self.charged = false;
            self.function("write_stdin", &arguments, &call)?;
            self.wait(1000, 6000);
            let (_, body) = self.p.run_log(&mut self.r, 400);
            let end = if round == rounds { End::Exit(code) } else { End::Running(session) };
            let text = self.framed(Style::Exec, end, &body);
            self.output("function_call", &call, &q(&text).to_string())?;
        }
        Ok(())
    }

    /// Code mode: a small program that calls tools, its output a list of parts.
    fn code(&mut self, call: &str, arguments: &str, body: &str) -> Result<()> {
        let input = format!(
            "const result = await tools.exec_command({arguments});\ntext(result.output);\n"
        );
        self.custom("exec", &input, call)?;
        self.wait(20, 4000);
        let head = format!("Script completed\nWall time {}.2 seconds\nOutput:\n", self.r.below(9));
        let (head, body) = (q(&head), q(body));
        let list = format!(
            r#"[{{"type":"input_text","text":{head}}},{{"type":"input_text","text":{body}}}]"#
        );
        self.output("custom_tool_call", call, &list)
    }

    fn command_end(&mut self, call: &str, command: &str, body: &str, code: u64) -> Result<()> {
        let body = &body[..body.floor_char_boundary(10_000)];
        let (command, body, turn, cwd) = (q(command), q(body), &self.turn, &self.cwd);
        let nanos = self.now % 997 * 1_000_000;
        let payload = format!(
            r#"{{"type":"exec_command_end","call_id":"call_{call}","turn_id":"{turn}","command":["bash","-lc",{command}],"cwd":"{cwd}","parsed_cmd":[{{"type":"unknown","cmd":{command}}}],"source":"agent","stdout":"","stderr":"","aggregated_output":{body},"exit_code":{code},"duration":{{"secs":0,"nanos":{nanos}}},"formatted_output":"","status":"completed"}}"#
        );
        self.event(&payload)
    }

    fn patch(&mut self) -> Result<()> {
        let len = self.r.size(&PATCH).min(self.w.max_text);
        let (path, patch) = self.p.patch(&mut self.r, len);
        let call = self.r.base64(24);
        let heredoc = format!("apply_patch <<'EOF'\n{patch}EOF\n");
        let shell = self.age() == Age::G1 || self.r.chance(250);
        let style = if self.age() <= Age::G2b { Style::Shell } else { Style::ShellCommand };
        let done = format!("Success. Updated the following files:\nM {path}\n");
        let text = q(&self.framed(style, End::Exit(0), &done)).to_string();
        if shell {
            let (name, arguments) = match style {
                Style::Shell => {
                    ("shell", format!(r#"{{"command":["bash","-lc",{}]}}"#, q(&heredoc)))
                }
                _ => ("shell_command", format!(r#"{{"command":{}}}"#, q(&heredoc))),
            };
            self.function(name, &arguments, &call)?;
            self.wait(5, 90);
            return self.output("function_call", &call, &text);
        }
        self.custom("apply_patch", &patch, &call)?;
        self.wait(5, 90);
        if self.age() >= Age::G2d {
            let (turn, done, file) = (&self.turn, q(&done), q(&path));
            let fields = format!(
                r#""status":"completed","changes":{{{file}:{{"type":"update","unified_diff":{},"move_path":null}}}}"#,
                q(&patch)
            );
            let legacy = format!(
                r#"{{"type":"patch_apply_end","call_id":"call_{call}","turn_id":"{turn}","stdout":{done},"stderr":"","success":true,{fields}}}"#
            );
            let item = format!(r#"{{"type":"FileChange","id":"call_{call}",{fields}}}"#);
            self.told(&legacy, &item)?;
        }
        self.output("custom_tool_call", &call, &text)
    }

    fn plan(&mut self) -> Result<()> {
        let count = self.r.range(3, 7);
        let current = self.r.below(count + 1);
        let mut steps = String::new();
        for i in 0..count {
            let step = self.p.prose(&mut self.r, 40);
            let status = ["completed", "in_progress", "pending"]
                [1 + usize::from(i > current) - usize::from(i < current)];
            let comma = if i == 0 { "" } else { "," };
            steps += &format!(r#"{comma}{{"step":{},"status":"{status}"}}"#, q(&step));
        }
        let call = self.r.base64(24);
        self.function("update_plan", &format!(r#"{{"plan":[{steps}]}}"#), &call)?;
        self.output("function_call", &call, "\"Plan updated\"")
    }

    fn mcp(&mut self) -> Result<()> {
        let (server, tool) =
            *self.r.pick(&[("docs", "search"), ("tracker", "get_issue"), ("browser", "snapshot")]);
        let len = self.r.size(&OUTPUT) / 3;
        let (query, body) = (self.p.prose(&mut self.r, 40), self.p.prose(&mut self.r, len));
        let call = self.r.base64(24);
        let arguments = format!(r#"{{"query":{}}}"#, q(&query));
        self.function(&format!("mcp__{server}__{tool}"), &arguments, &call)?;
        self.wait(100, 3000);
        let content = format!(r#"[{{"type":"text","text":{}}}]"#, q(&body));
        let fields = format!(r#""server":"{server}","tool":"{tool}","arguments":{arguments}"#);
        if self.age() >= Age::G2d {
            let legacy = format!(
                r#"{{"type":"mcp_tool_call_end","call_id":"call_{call}","invocation":{{{fields}}},"duration":{{"secs":1,"nanos":5000000}},"result":{{"Ok":{{"content":{content}}}}}}}"#
            );
            let item = format!(
                r#"{{"type":"McpToolCall","id":"call_{call}",{fields},"status":"completed","result":{{"content":{content}}}}}"#
            );
            self.told(&legacy, &item)?;
        }
        self.output("function_call", &call, &q(&content).to_string())
    }

    fn search(&mut self) -> Result<()> {
        let query = self.p.prose(&mut self.r, 40);
        let query = q(&query);
        self.item(&format!(
            r#"{{"type":"web_search_call","status":"completed","action":{{"type":"search","query":{query},"queries":[{query}]}}}}"#
        ))
    }

    /// A call that was refused, so that its output has no header.
    fn failure(&mut self) -> Result<()> {
        let call = self.r.base64(24);
        let (command, _) = self.p.listing(&mut self.r, 40);
        self.function("shell", &format!(r#"{{"command":["bash","-lc",{}]}}"#, q(&command)), &call)?;
        let text = self.r.pick(&[
            "exec command rejected by user",
            "aborted by user",
            "unsupported call: shell",
        ]);
        self.output("function_call", &call, &format!("\"{text}\""))
    }
}
