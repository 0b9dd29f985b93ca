//! The calls that a script of code mode makes, read from its text.
//!
//! A script is JavaScript; it is never run, and only what it spells out is known. Arguments come out as JSON. What
//! only running it would tell stands as `${…}` with its source, as in a template.

use super::event::{CallKind, ToolCall};
use super::json::{self, Text};
use std::collections::BTreeMap;

mod scan;
mod value;

use scan::Scanner;

/// A call site of a script: a loop may pass it often, a condition never.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScriptCall {
    /// Name of the tool.
    pub name: String,
    /// What it is given, as JSON.
    pub arguments: String,
    /// Whether the text alone tells the arguments.
    pub is_whole: bool,
}

impl ScriptCall {
    /// The same in the form of a call of its own: a text as its input, anything else as its arguments.
    #[must_use]
    pub fn as_call(&self) -> ToolCall<'_> {
        let input = json::string(&self.arguments);
        let kind = if input.is_some() { CallKind::Custom } else { CallKind::Function };
        let arguments = input.unwrap_or(Text::Borrowed(&self.arguments));
        ToolCall { kind, name: Text::Borrowed(&self.name), arguments, ..ToolCall::default() }
    }
}

/// The calls of tools in a script, in the order of its text.
#[must_use]
pub fn calls(script: &str) -> Vec<ScriptCall> {
    let mut reader = Reader {
        scanner: Scanner::new(script),
        constants: BTreeMap::new(),
        budget: script.len().max(BUDGET_MIN),
    };
    let mut calls = Vec::new();
    while let Some(word) = reader.scanner.next_word() {
        match word {
            "const" => reader.constant(),
            "tools" => calls.extend(reader.call()),
            _ => {}
        }
    }
    calls
}

/// Whether a script passes on what commands have printed, rather than all that is known of them. A text that it prints
/// may then be anything, also words that look like the end of another command.
#[must_use]
pub fn prints_bodies(script: &str) -> bool {
    [".output", ".stdout", ".stderr", ".content"].iter().any(|field| script.contains(field))
}

/// Bytes that constants may add to the arguments of a short script: a text that repeats one does not grow without end.
const BUDGET_MIN: usize = 64 * 1024;

struct Reader<'a> {
    scanner: Scanner<'a>,
    /// JSON of what names stand for.
    constants: BTreeMap<&'a str, String>,
    budget: usize,
}

impl<'a> Reader<'a> {
    /// Behind `const`: a name and what it stands for, where that is spelled out.
    fn constant(&mut self) {
        let scanner = &mut self.scanner;
        let Some(name) = scanner.word() else { return };
        if !scanner.skip('=') {
            return;
        }
        // What is read here may hold calls, too: reading goes on before it.
        let start = scanner.at;
        let value = self.value();
        let ends = self.scanner.peek_is(&[';', '\n', ',']) || self.scanner.is_at_end();
        self.scanner.at = start;
        if value.is_whole && ends {
            self.constants.insert(name, value.json);
        }
    }

    /// Behind `tools`: a name in one of two spellings, and what it is given.
    fn call(&mut self) -> Option<ScriptCall> {
        let name = self.scanner.member()?;
        if !self.scanner.skip('(') {
            return None;
        }
        let start = self.scanner.at;
        let value = match self.scanner.peek_is(&[')']) {
            true => value::Value { json: String::new(), is_whole: true },
            false => self.value(),
        };
        // Calls may stand inside of what a call is given.
        self.scanner.at = start;
        Some(ScriptCall { name, arguments: value.json, is_whole: value.is_whole })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(script: &str) -> Vec<(String, String, bool)> {
        let facts = |call: ScriptCall| (call.name, call.arguments, call.is_whole);
        calls(script).into_iter().map(facts).collect()
    }

    fn one(script: &str) -> (String, String, bool) {
        let mut calls = read(script);
        assert_eq!(calls.len(), 1, "{script}: {calls:?}");
        calls.remove(0)
    }

    fn is(script: &str, name: &str, arguments: &str, is_whole: bool) {
        assert_eq!(one(script), (name.into(), arguments.into(), is_whole), "{script}");
    }

    #[test]
    fn arguments_are_read_as_they_are_spelled() {
        let json = r#"{"cmd":"ls \"a\"\n","n":-1.5,"on":true,"list":["x",null]}"#;
        is(
            r#"const r = await tools.exec_command({cmd: 'ls "a"\n', "n": -1.5, on: true, list: ["x", null,],}); text(r)"#,
            "exec_command",
            json,
            true,
        );
        is("tools['exec_command']({cmd:`a\\`b`})", "exec_command", r#"{"cmd":"a`b"}"#, true);
        is("tools.clock()", "clock", "", true);
        is(
            r#"tools.x("\u{1f600}\ud83d\ude00\x41\u0042\
")"#,
            "x",
            r#""😀😀AB""#,
            true,
        );
    }

    #[test]
    fn what_only_running_tells_stands_as_a_template() {
        is(
            "tools.exec_command({cmd:`cat ${f} x`})",
            "exec_command",
            r#"{"cmd":"cat ${f} x"}"#,
            false,
        );
        is(
            "tools.x({cmd, n: count(1, 2)})",
            "x",
            r#"{"cmd":"${cmd}","n":"${count(1, 2)}"}"#,
            false,
        );
        is("tools.x({cmd:'a ' + f(')') + \" b\"})", "x", r#"{"cmd":"a ${f(')')} b"}"#, false);
        is("tools.x(...list)", "x", r#""${...list}""#, false);
    }

    #[test]
    fn constants_stand_for_what_they_say() {
        is(
            "const cmd='ls';\nawait tools.x({cmd, dir: cmd})",
            "x",
            r#"{"cmd":"ls","dir":"ls"}"#,
            true,
        );
        is("const p = String.raw`a\\n`; tools.apply_patch(p)", "apply_patch", r#""a\\n""#, true);
        is(
            "const p = ['a', 'b'].join('\\n'); tools.apply_patch(p)",
            "apply_patch",
            r#""a\nb""#,
            true,
        );
        is("let p = 'a'; p = 'b'; tools.x(p)", "x", r#""${p}""#, false);
        is("const a = 'x' + f(); tools.x(a)", "x", r#""${a}""#, false);
    }

    #[test]
    fn words_in_texts_and_remarks_are_no_calls() {
        assert_eq!(
            read(
                "// tools.a()\n/* tools.b() */ 'tools.c()'; `tools.d()`; my.tools.e(); mytools.f()"
            ),
            []
        );
        assert_eq!(read("x = /'tools.a()/; tools.b(1)").len(), 1);
        let names = |script| read(script).into_iter().map(|call| call.0).collect::<Vec<_>>();
        assert_eq!(
            names("text(`${await tools.a({})} ${`${tools.b()}`}`); tools.c()"),
            ["a", "b", "c"]
        );
        assert_eq!(names("Promise.all([tools.a({x:1}), tools.b(tools.c())])"), ["a", "b", "c"]);
    }

    #[test]
    fn a_constant_that_is_repeated_does_not_grow_without_end() {
        let doubled = (0..64).map(|n| format!("const a{} = a{n} + a{n};", n + 1));
        let script = format!("const a0 = 'xxxxxxxx';{}tools.x(a64)", doubled.collect::<String>());
        assert!(one(&script).1.len() < 8 * BUDGET_MIN);
        let deep = format!("tools.x({}", "[".repeat(100_000));
        assert_eq!(read(&deep).len(), 1);
    }

    #[test]
    fn a_text_that_is_made_to_be_slow_is_given_up() {
        for piece in ["tools.x(", "const a='", "tools.x({a:[", "tools.x(`${", "tools.x('a'+f("] {
            let began = std::time::Instant::now();
            let _ = calls(&piece.repeat(100_000));
            assert!(began.elapsed().as_secs() < 10, "{piece}");
        }
    }

    #[test]
    fn no_text_breaks_it() {
        for script in [
            "tools",
            "tools.",
            "tools.x(",
            "tools.x({",
            "tools.x({a:",
            "tools.x('",
            "tools.x(`${",
            "const",
            "const a=",
            "/*",
            "tools['",
            "é tools.x('é\\",
            "tools.x('\\u{110000}\\ud800')",
        ] {
            let _ = calls(script);
        }
    }
}
