//! What a call asked for, read from its arguments.

use super::event::{CallKind, ToolCall};
use super::json::{self, Json, Object, Text};
use super::patch;

/// What the arguments of a call say. Everything is optional: models invent names and shapes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request<'a> {
    /// Family of the tool.
    pub tool: Tool,
    /// Command as one line: the script of `bash -lc`, else program and arguments joined.
    pub command: Option<Text<'a>>,
    /// Program and arguments, where the call had them apart.
    pub argv: Vec<Text<'a>>,
    /// Working directory asked for.
    pub workdir: Option<Text<'a>>,
    /// Why the model wants to leave the sandbox.
    pub justification: Option<Text<'a>>,
    /// Whether it asked to leave the sandbox.
    pub escalated: bool,
    /// Time limit in milliseconds.
    pub timeout_ms: Option<i64>,
    /// Process that `write_stdin` talks to.
    pub session_id: Option<i64>,
    /// What `write_stdin` types.
    pub stdin: Option<Text<'a>>,
    /// Cell that a code-mode `wait` asks about.
    pub cell_id: Option<Text<'a>>,
    /// Patch text: of `apply_patch` in all its forms, heredocs included.
    pub patch: Option<Text<'a>>,
    /// File of `view_image`.
    pub path: Option<Text<'a>>,
    /// What a search looks for; page for one that opens pages.
    pub query: Option<Text<'a>>,
    /// Server and tool of an MCP call.
    pub mcp: Option<McpName<'a>>,
    /// Program of a code-mode `exec`.
    pub script: Option<Text<'a>>,
    /// False where arguments that should be JSON are not.
    pub well_formed: bool,
}

/// Family of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tool {
    /// `shell`, `shell_command`, `exec_command`, `container.exec`, `local_shell`, `unified_exec`.
    Shell,
    /// `write_stdin`.
    WriteStdin,
    /// `apply_patch`, also as the program of a shell call.
    ApplyPatch,
    /// `update_plan`.
    UpdatePlan,
    /// `view_image`.
    ViewImage,
    /// Code mode: `exec` with a script.
    Script,
    /// Code mode: `wait` for a cell.
    ScriptWait,
    /// `spawn_agent`, `wait`, `send_input`, `close_agent`, … and the `collaboration` namespace.
    Agents,
    /// `mcp__server__tool`, or a namespace of that form, and the resource tools.
    Mcp,
    /// Web search in any form.
    WebSearch,
    /// Search for tools.
    ToolSearch,
    /// Image generation.
    ImageGeneration,
    /// `request_user_input`, `request_permissions`.
    Ask,
    /// Anything else.
    #[default]
    Other,
}

/// Server and tool of an MCP call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct McpName<'a> {
    /// Server.
    pub server: Text<'a>,
    /// Tool.
    pub tool: Text<'a>,
}

/// A plan: each call replaces the whole plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan<'a> {
    /// Why the plan changed.
    pub explanation: Option<Text<'a>>,
    /// Steps in order.
    pub steps: Vec<PlanStep<'a>>,
    /// False where the arguments are not of the documented form.
    pub well_formed: bool,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanStep<'a> {
    /// What is to be done.
    pub step: Text<'a>,
    /// `pending`, `in_progress`, `completed`; empty where the model left it out.
    pub status: Text<'a>,
    /// A remark that the model put into the step.
    pub explanation: Option<Text<'a>>,
}

impl Tool {
    /// Stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::WriteStdin => "write_stdin",
            Self::ApplyPatch => "apply_patch",
            Self::UpdatePlan => "update_plan",
            Self::ViewImage => "view_image",
            Self::Script => "script",
            Self::ScriptWait => "script_wait",
            Self::Agents => "agents",
            Self::Mcp => "mcp",
            Self::WebSearch => "web_search",
            Self::ToolSearch => "tool_search",
            Self::ImageGeneration => "image_generation",
            Self::Ask => "ask",
            Self::Other => "other",
        }
    }

    /// The family of a function, by its name. `wait` is decided by its arguments.
    fn of(name: &str) -> Self {
        match name {
            "shell" | "shell_command" | "exec_command" | "container.exec" | "local_shell"
            | "unified_exec" => Self::Shell,
            "write_stdin" => Self::WriteStdin,
            "apply_patch" => Self::ApplyPatch,
            "update_plan" => Self::UpdatePlan,
            "view_image" => Self::ViewImage,
            "exec" => Self::Script,
            "spawn_agent" | "wait_agent" | "send_input" | "close_agent" | "resume_agent"
            | "list_agents" | "send_message" | "followup_task" | "interrupt_agent" => Self::Agents,
            "list_mcp_resources" | "list_mcp_resource_templates" | "read_mcp_resource" => Self::Mcp,
            "web_search" | "web.run" | "web::run" | "web__run" | "web_search_call" => {
                Self::WebSearch
            }
            "tool_search" => Self::ToolSearch,
            "request_user_input" | "request_permissions" => Self::Ask,
            _ => Self::Other,
        }
    }
}

/// Reads the arguments of a call.
#[must_use]
pub fn read<'a>(call: &'a ToolCall<'a>) -> Request<'a> {
    let text = call.arguments.as_ref();
    match call.kind {
        CallKind::Custom => custom(&call.name, text),
        CallKind::ImageGeneration => Request::new(Tool::ImageGeneration, true),
        CallKind::LocalShell => with_object(Tool::Shell, text, Request::shell),
        CallKind::WebSearch => with_object(Tool::WebSearch, text, Request::search),
        CallKind::ToolSearch => with_object(Tool::ToolSearch, text, Request::search),
        CallKind::Function => function(call),
    }
}

/// Free text: a patch or a program.
fn custom<'a>(name: &str, text: &'a str) -> Request<'a> {
    let mut request = Request::new(Tool::of(name), true);
    match request.tool {
        Tool::ApplyPatch => request.patch = Some(Text::Borrowed(text)),
        Tool::Script => request.script = Some(Text::Borrowed(text)),
        _ => {}
    }
    request
}

fn function<'a>(call: &'a ToolCall<'a>) -> Request<'a> {
    let name = call.name.as_ref();
    // Scripts write a namespace before the name.
    let is_of_agents = name.starts_with("collaboration__");
    let is_known = is_of_agents || Tool::of(name) == Tool::WebSearch;
    let mcp = mcp_name(call.namespace.as_deref(), name).filter(|_| !is_known);
    let tool = match (&mcp, call.namespace.as_deref()) {
        (Some(_), _) => Tool::Mcp,
        (None, Some("collaboration")) => Tool::Agents,
        (None, None) if is_of_agents => Tool::Agents,
        (None, _) => Tool::of(name),
    };
    let mut request = with_object(tool, &call.arguments, |request, o| match tool {
        Tool::Shell => request.shell(o),
        Tool::WriteStdin => request.stdin(o),
        Tool::ApplyPatch => request.patch = o.str("input").or_else(|| o.str("patch")),
        Tool::ViewImage => request.path = o.str("path"),
        Tool::Script => request.script = ["input", "code", "script"].iter().find_map(|n| o.str(n)),
        Tool::WebSearch => request.search(o),
        Tool::Agents | Tool::Other if name == "wait" || name == "wait_agent" => request.wait(o),
        _ => {}
    });
    request.mcp = mcp;
    request
}

fn with_object<'a>(
    tool: Tool,
    text: &'a str,
    fill: impl FnOnce(&mut Request<'a>, &Object<'a>),
) -> Request<'a> {
    let object = Object::parse(text.trim());
    // A call without arguments may have none at all.
    let mut request = Request::new(tool, object.is_some() || text.trim().is_empty());
    fill(&mut request, &object.unwrap_or_default());
    request
}

impl<'a> Request<'a> {
    fn new(tool: Tool, well_formed: bool) -> Self {
        Self { tool, well_formed, ..Self::default() }
    }

    fn shell(&mut self, o: &Object<'a>) {
        self.argv = ["command", "cmd", "input"]
            .iter()
            .map(|name| o.strings(name))
            .find(|argv| !argv.is_empty())
            .unwrap_or_default();
        self.command = o.str("cmd").or_else(|| o.str("command")).or_else(|| script(&self.argv));
        self.workdir = ["workdir", "working_directory", "cwd"].iter().find_map(|n| o.str(n));
        self.timeout_ms = o.i64("timeout_ms").or_else(|| o.i64("timeout"));
        self.justification = o.str("justification");
        self.escalated = o.bool("with_escalated_permissions") == Some(true)
            || o.str("sandbox_permissions").as_deref() == Some("require_escalated");
        self.session_id = o.i64("session_id");
        self.find_patch();
    }

    /// A patch as the argument of `apply_patch`, or inside the script of a shell.
    fn find_patch(&mut self) {
        self.patch = match self.argv.as_slice() {
            [program, patch, ..] if matches!(program.as_ref(), "apply_patch" | "applypatch") => {
                Some(patch.clone())
            }
            _ => match &self.command {
                Some(Text::Borrowed(script)) => patch::find(script).map(Text::Borrowed),
                Some(Text::Owned(script)) => {
                    patch::find(script).map(|patch| Text::Owned(patch.to_owned()))
                }
                None => None,
            },
        };
        if self.patch.is_some() {
            self.tool = Tool::ApplyPatch;
        }
    }

    fn stdin(&mut self, o: &Object<'a>) {
        self.session_id = o.i64("session_id");
        self.stdin = o.str("chars");
        self.timeout_ms = o.i64("yield_time_ms");
    }

    /// `wait` means a cell of code mode or other agents.
    fn wait(&mut self, o: &Object<'a>) {
        self.cell_id = o.text("cell_id");
        self.timeout_ms = o.i64("timeout_ms").or_else(|| o.i64("yield_time_ms"));
        self.tool = if self.cell_id.is_some() { Tool::ScriptWait } else { Tool::Agents };
    }

    fn search(&mut self, o: &Object<'a>) {
        let queries = || o.strings("queries").into_iter().next();
        let nested = || {
            let list = o.array("search_query").or_else(|| o.array("open"))?;
            let first = Object::parse(list.first()?)?;
            first.str("q").or_else(|| first.str("ref_id"))
        };
        let query = ["query", "url", "pattern", "q"].iter().find_map(|name| o.str(name));
        self.query = query.or_else(queries).or_else(nested);
    }
}

/// The command that an argv runs: the script of a shell, else all words in one line.
fn script<'a>(argv: &[Text<'a>]) -> Option<Text<'a>> {
    let (program, arguments) = argv.split_first()?;
    let name = program.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
    let flags: &[&str] = match name.strip_suffix(".exe").unwrap_or(&name) {
        "bash" | "sh" | "zsh" | "dash" | "fish" | "ksh" => &["-lc", "-c", "-ic", "-lic"],
        "powershell" | "pwsh" => &["-command", "-c"],
        "cmd" => &["/c", "/k"],
        _ => return Some(join(argv)),
    };
    let is_flag = |word: &Text<'a>| flags.iter().any(|flag| word.eq_ignore_ascii_case(flag));
    match arguments.iter().position(is_flag).and_then(|at| arguments.get(at + 1..)) {
        Some([only]) => Some(only.clone()),
        // Further words are the positional parameters of a POSIX shell, but text of the command
        // for the others.
        Some([script, ..]) if flags.contains(&"-lc") => Some(script.clone()),
        Some(words) if !words.is_empty() => Some(Text::Owned(words.join(" "))),
        _ => Some(join(argv)),
    }
}

/// Words in one line, those with blanks in quotes.
fn join<'a>(argv: &[Text<'a>]) -> Text<'a> {
    if let [only] = argv {
        return only.clone();
    }
    let quote = |word: &Text<'a>| {
        let plain = !word.is_empty() && !word.contains([' ', '\t', '\n', '"', '\'', '$', '`']);
        if plain { word.to_string() } else { format!("'{}'", word.replace('\'', "'\\''")) }
    };
    Text::Owned(argv.iter().map(quote).collect::<Vec<_>>().join(" "))
}

/// Reads the arguments of `update_plan`.
#[must_use]
pub fn plan(arguments: &str) -> Plan<'_> {
    let Some(object) = Object::parse(arguments.trim()) else {
        return Plan::default();
    };
    let steps = object.array("plan").map(|steps| steps.into_iter().filter_map(PlanStep::decode));
    let well_formed = steps.is_some();
    let steps: Vec<_> = steps.into_iter().flatten().collect();
    let listed = object.count("plan");
    Plan {
        explanation: object.str("explanation"),
        well_formed: well_formed && steps.len() == listed && steps.iter().all(PlanStep::is_whole),
        steps,
    }
}

impl<'a> PlanStep<'a> {
    fn decode(json: Json<'a>) -> Option<Self> {
        if let Some(step) = json::string(json) {
            return Some(Self { step, ..Self::default() });
        }
        let o = Object::parse(json)?;
        let step = Self {
            step: o.str("step").unwrap_or_default(),
            status: o.str("status").unwrap_or_default(),
            explanation: o.str("explanation"),
        };
        // A model puts the explanation of the plan into an element of its own.
        (!step.step.is_empty() || step.explanation.is_some()).then_some(step)
    }

    fn is_whole(&self) -> bool {
        !self.step.is_empty() && !self.status.is_empty() && self.explanation.is_none()
    }
}

/// Splits the name of an MCP tool: `mcp__server__tool` (the tool may contain `__`), a namespace
/// `mcp__server` with a plain name, or `server__tool`.
#[must_use]
pub fn mcp_name<'a>(namespace: Option<&'a str>, name: &'a str) -> Option<McpName<'a>> {
    let split = |text: &'a str| {
        let (server, tool) = text.split_once("__")?;
        (!server.is_empty() && !tool.is_empty()).then(|| McpName::new(server, tool))
    };
    if let Some(rest) = name.strip_prefix("mcp__") {
        return split(rest);
    }
    if let Some(server) = namespace.and_then(|namespace| namespace.strip_prefix("mcp__")) {
        return Some(McpName::new(server.trim_end_matches("__"), name));
    }
    split(name)
}

impl<'a> McpName<'a> {
    const fn new(server: &'a str, tool: &'a str) -> Self {
        Self { server: Text::Borrowed(server), tool: Text::Borrowed(tool) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function<'a>(name: &'a str, arguments: &'a str) -> ToolCall<'a> {
        ToolCall { name: name.into(), arguments: arguments.into(), ..ToolCall::default() }
    }

    fn command(name: &str, arguments: &str) -> Option<String> {
        read(&function(name, arguments)).command.map(Text::into_owned)
    }

    #[test]
    fn commands_of_every_shell_tool() {
        for (name, arguments, line) in [
            ("shell", r#"{"command":["bash","-lc","ls | wc"]}"#, "ls | wc"),
            ("shell", r#"{"command":["/bin/bash","-c","echo $0","x"]}"#, "echo $0"),
            (
                "shell",
                r#"{"command":["pwsh.exe","-NoLogo","-Command","Get-Item","x"]}"#,
                "Get-Item x",
            ),
            ("shell", r#"{"command":["git","commit","-m","a b"]}"#, "git commit -m 'a b'"),
            ("shell", r#"{"command":["bash"]}"#, "bash"),
            ("shell", r#"{"command":"ls"}"#, "ls"),
            ("shell_command", r#"{"command":"cargo test"}"#, "cargo test"),
            ("exec_command", r#"{"cmd":"cargo test"}"#, "cargo test"),
        ] {
            assert_eq!(command(name, arguments).as_deref(), Some(line), "{arguments}");
        }
    }

    #[test]
    fn what_stands_beside_a_command() {
        let call = function(
            "shell",
            r#"{"command":["ls"],"workdir":"/w","timeout":5,"justification":"need","with_escalated_permissions":true}"#,
        );
        let request = read(&call);
        assert_eq!((request.workdir.as_deref(), request.timeout_ms), (Some("/w"), Some(5)));
        assert_eq!((request.justification.as_deref(), request.escalated), (Some("need"), true));
        let call =
            function("exec_command", r#"{"cmd":"x","sandbox_permissions":"require_escalated"}"#);
        assert!(read(&call).escalated);
    }

    #[test]
    fn patches_in_every_form() {
        const PATCH: &str = "*** Begin Patch\n*** Delete File: a\n*** End Patch";
        let json = |text: &str| text.replace('\n', "\\n");
        for call in [
            ToolCall { kind: CallKind::Custom, ..function("apply_patch", PATCH) },
            function("apply_patch", &json(&format!(r#"{{"input":"{PATCH}"}}"#))),
            function("shell", &json(&format!(r#"{{"command":["apply_patch","{PATCH}"]}}"#))),
            function(
                "shell_command",
                &json(&format!(r#"{{"command":"apply_patch <<'EOF'\n{PATCH}\nEOF\n"}}"#)),
            ),
        ] {
            let request = read(&call);
            assert_eq!(request.patch.as_deref(), Some(PATCH));
            assert_eq!(request.tool, Tool::ApplyPatch);
        }
    }

    #[test]
    fn families() {
        for (name, arguments, tool) in [
            ("write_stdin", r#"{"session_id":7,"chars":"y"}"#, Tool::WriteStdin),
            ("wait", r#"{"cell_id":"3"}"#, Tool::ScriptWait),
            ("wait", r#"{"ids":["a"]}"#, Tool::Agents),
            ("spawn_agent", "{}", Tool::Agents),
            ("mcp__s__t", "{}", Tool::Mcp),
            ("list_mcp_resources", "", Tool::Mcp),
            ("shell<|channel|>", "{}", Tool::Other),
        ] {
            assert_eq!(read(&function(name, arguments)).tool, tool, "{name}");
        }
        let stdin = function("write_stdin", r#"{"session_id":7,"chars":"y"}"#);
        assert_eq!((read(&stdin).session_id, read(&stdin).stdin.as_deref()), (Some(7), Some("y")));
    }

    #[test]
    fn arguments_that_are_no_json() {
        for (arguments, well_formed) in
            [("{\"a\":", false), ("[]", false), ("", true), ("{}", true)]
        {
            let call = function("shell", arguments);
            assert_eq!(read(&call).well_formed, well_formed, "{arguments}");
        }
    }

    #[test]
    fn names_of_mcp_tools() {
        for (namespace, name, expected) in [
            (None, "mcp__s__t__u", Some(("s", "t__u"))),
            (Some("mcp__s"), "t", Some(("s", "t"))),
            (Some("mcp__s__"), "t", Some(("s", "t"))),
            (None, "search__search.query", Some(("search", "search.query"))),
            (None, "shell", None),
            (None, "mcp__broken", None),
            (None, "__init__", None),
        ] {
            let expected = expected.map(|(server, tool)| McpName::new(server, tool));
            assert_eq!(mcp_name(namespace, name), expected, "{name}");
        }
    }

    #[test]
    fn plans_whole_and_malformed() {
        let whole = plan(r#"{"plan":[{"step":"Fix","status":"completed"}],"explanation":"why"}"#);
        assert_eq!(
            (whole.steps[0].step.as_ref(), whole.steps[0].status.as_ref()),
            ("Fix", "completed")
        );
        assert_eq!((whole.explanation.as_deref(), whole.well_formed), (Some("why"), true));
        let inside = plan(r#"{"plan":[{"step":"a","status":"pending"},{"explanation":"e"}]}"#);
        assert_eq!((inside.steps.len(), inside.well_formed), (2, false));
        for arguments in [r#"{"metadata":{}}"#, "", "[]", "{"] {
            assert_eq!(plan(arguments), Plan::default(), "{arguments}");
        }
        assert!(!plan(r#"{"plan":[1,"a"]}"#).well_formed);
    }
}
