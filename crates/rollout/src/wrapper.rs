//! What a client wraps around a prompt, and what the person typed in it.
//!
//! Extensions of editors and the desktop client put sections of context before what was typed, and then a
//! heading of its own. Sections can quote anything, also an earlier prompt with its wrapper; so can a person.

/// A prompt that an IDE wrapped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IdePrompt<'a> {
    /// File in the editor.
    pub active_file: Option<&'a str>,
    /// Text selected in the editor.
    pub selection: Option<&'a str>,
    /// Open tabs, one entry each.
    pub open_tabs: Vec<&'a str>,
    /// Files that the user mentioned, one entry each.
    pub files: Vec<&'a str>,
    /// What the user typed; none where the request heading is missing.
    pub request: Option<&'a str>,
}

/// Headings under which a client puts what was typed.
const REQUESTS: &[&str] = &["## My request for Codex:", "## My request:"];

/// Sections that some client sends without a request, where a person has attached files only.
const ALONE: &[&str] = &["# Context from my IDE setup:", "# Files mentioned by the user:"];

/// What other sections of context begin with. A person may write such a heading too, so that without a
/// request they wrap nothing.
const WITH_REQUEST: &[&str] = &[
    "# Applications mentioned by the user:",
    "# Browser comments:",
    "# Chrome tabs:",
    "# Diff comments:",
    "# Failing PR checks:",
    "# Files pasted by the user:",
    "# In app browser:",
    "# MCP app context:",
    "# Response annotations:",
    "# Review findings:",
    "# Selected text:",
    "## Code review guidelines:",
    "## Prior conversation with Codex:",
    "## Referenced ChatGPT conversation:",
    "## Referenced chats with Codex:",
    "<in-app-browser-context",
    "This block is automatically supplied ambient UI state",
];

/// Headings inside of the context of an IDE.
const INNER: &[&str] = &["## Active file:", "## Active selection of the file:", "## Open tabs:"];

/// Takes the wrapper of a client apart; `None` where there is none.
#[must_use]
pub fn split_ide(text: &str) -> Option<IdePrompt<'_>> {
    let trimmed = text.trim_start();
    let may_be_alone = begins(trimmed, ALONE).is_some();
    if !may_be_alone && begins(trimmed, WITH_REQUEST).is_none() {
        return None;
    }
    let (context, request) = split_request(trimmed);
    if request.is_none() && !may_be_alone {
        return None;
    }
    let mut prompt = IdePrompt { request, ..IdePrompt::default() };
    for section in sections(context) {
        prompt.section(section);
    }
    Some(prompt)
}

/// The part before the request heading and the text after it.
///
/// A selection in the context may quote an earlier prompt, so the heading stands behind the last section.
/// What was typed may quote one as well, so it is the first heading there.
fn split_request(text: &str) -> (&str, Option<&str>) {
    let mut request = None;
    let mut is_behind_section = false;
    for (at, line) in lines(text) {
        if let Some(heading) = begins(line, REQUESTS) {
            if is_behind_section {
                request = Some((at, at + heading.len()));
            }
            is_behind_section = false;
        } else if is_heading(line) {
            is_behind_section = true;
        }
    }
    let parts = request.and_then(|(end, start)| text.get(..end).zip(text.get(start..)));
    parts.map_or((text, None), |(context, typed)| (context, Some(typed.trim())))
}

/// Lines and where they begin.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0;
    text.split_inclusive('\n').map(move |line| {
        let at = next;
        next += line.len();
        (at, line)
    })
}

/// Sections that begin with a heading of the wrapper, headings included.
fn sections(context: &str) -> impl Iterator<Item = &str> {
    let mut rest = context;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = lines(rest).skip(1).find(|(_, line)| is_heading(line)).map(|(at, _)| at);
        let (section, tail) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        rest = tail;
        Some(section)
    })
}

/// Headings that the wrapper uses: a selection may hold Markdown headings of its own.
fn is_heading(line: &str) -> bool {
    [ALONE, WITH_REQUEST, INNER].iter().any(|headings| begins(line, headings).is_some())
}

/// The one of these that a text begins with.
fn begins(text: &str, heads: &[&'static str]) -> Option<&'static str> {
    heads.iter().copied().find(|head| text.starts_with(head))
}

impl<'a> IdePrompt<'a> {
    fn section(&mut self, section: &'a str) {
        let Some((heading, body)) = section.split_once(':') else {
            return;
        };
        match heading {
            "## Active file" => self.active_file = Some(body.trim()),
            "## Active selection of the file" => {
                self.selection = Some(body.trim_matches(['\r', '\n']))
            }
            "## Open tabs" => self.open_tabs = entries(body, "- ").collect(),
            "# Files mentioned by the user" | "# Files pasted by the user" => {
                self.files.extend(entries(body, "## "));
            }
            _ => {}
        }
    }
}

fn entries<'a>(body: &'a str, bullet: &'static str) -> impl Iterator<Item = &'a str> {
    body.lines().filter_map(move |line| line.strip_prefix(bullet)).map(str::trim)
}

/// What the user typed: the text without the wrapper of a client. Empty where the wrapper has no
/// request in it.
#[must_use]
pub fn typed(text: &str) -> &str {
    match split_ide(text) {
        Some(prompt) => prompt.request.unwrap_or_default(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRAPPED: &str = "# Context from my IDE setup:\n\n## Active file: src/a.rs\n\n\
        ## Active selection of the file:\n# not a heading\nlet x = 1;\n\n## Open tabs:\n\
        - a.rs: src/a.rs\n- b: c.rs: x/b: c.rs\n\n## My request for Codex:\nfix it\n";

    #[test]
    fn takes_the_wrapper_of_an_ide_apart() {
        let prompt = split_ide(WRAPPED).unwrap();
        assert_eq!(prompt.active_file, Some("src/a.rs"));
        assert_eq!(prompt.selection, Some("# not a heading\nlet x = 1;"));
        assert_eq!(prompt.open_tabs, ["a.rs: src/a.rs", "b: c.rs: x/b: c.rs"]);
        assert_eq!((prompt.request, typed(WRAPPED)), (Some("fix it"), "fix it"));
    }

    #[test]
    fn wrappers_without_a_request_and_plain_prompts() {
        let context = WRAPPED.split("## My").next().unwrap();
        assert_eq!(split_ide(context).unwrap().request, None);
        assert_eq!(typed(context), "");
        assert_eq!(split_ide("hello ## My request for Codex: x"), None);
        assert_eq!(typed("hello"), "hello");
        let files =
            "# Files mentioned by the user:\n\n## a.png: /tmp/a.png\n\n## My request for Codex:\n";
        assert_eq!(split_ide(files).unwrap().files, ["a.png: /tmp/a.png"]);
        assert_eq!(typed(files), "");
    }

    #[test]
    fn every_section_wraps_under_either_request_heading() {
        for section in ALONE.iter().chain(WITH_REQUEST) {
            for request in REQUESTS {
                let text = format!("\n{section} x\r\n- y\r\n\r\n{request}\r\nfix\r\nit\r\n");
                assert_eq!(typed(&text), "fix\r\nit", "{text}");
            }
        }
    }

    #[test]
    fn what_was_typed_may_quote_and_so_may_the_context() {
        let [old, new] = ["## My request for Codex:\nold\n", "## My request:\nnew\n"];
        let quoted_typed = format!("{WRAPPED}\n{old}");
        assert_eq!(typed(&quoted_typed), format!("fix it\n\n{}", old.trim_end()));
        let quoted_inside = format!(
            "# Context from my IDE setup:\n## Active selection of the file:\n{old}\n# Diff comments:\n- z\n{new}"
        );
        assert_eq!(typed(&quoted_inside), "new");
        // A heading that was typed has no request behind it.
        let typed_heading = format!("# Diff comments:\n- z\n{new}# Review findings:\nnone");
        assert_eq!(typed(&typed_heading), "new\n# Review findings:\nnone");
    }

    #[test]
    fn a_text_without_a_wrapper_is_never_split() {
        for text in [
            "# Review findings:\n\nthe gate leaks",
            "## My request:\nfix it",
            "# My plan\n\n## My request for Codex:\nfix it",
            "see # Diff comments:\n\n## My request:\nfix it",
            "# In app browser:\nwhat is ## My request: for?",
        ] {
            assert_eq!((split_ide(text), typed(text)), (None, text));
        }
    }
}
