//! The apply_patch language and unified diffs: which files, how many lines.

use super::json::{Object, Text};

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Action {
    /// The file is new.
    Add,
    /// The file was changed, perhaps also moved.
    #[default]
    Update,
    /// The file is gone.
    Delete,
}

/// One file of a patch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileChange<'a> {
    /// Path as written.
    pub path: Text<'a>,
    /// New path of a file that was moved.
    pub move_to: Option<Text<'a>>,
    /// What happened to it.
    pub action: Action,
    /// Lines added.
    pub added: u64,
    /// Lines removed. Unknown (0) for a file deleted by a patch, which does not list them.
    pub removed: u64,
}

/// A patch, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patch<'a> {
    /// Files in the order of the patch.
    pub files: Vec<FileChange<'a>>,
    /// Whether the patch has its end marker.
    pub complete: bool,
}

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";

impl Action {
    /// Stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// Reads a patch in the apply_patch language. Text before, between and after patches is skipped,
/// so a script with several of them can be given as it stands.
#[must_use]
pub fn parse(text: &str) -> Patch<'_> {
    let mut patch = Patch::default();
    // Models forget the first marker; a text without any is taken as the inside of a patch.
    let mut inside = !text.contains(BEGIN);
    for line in text.lines() {
        match line.trim_end() {
            BEGIN => (inside, patch.complete) = (true, false),
            END => (inside, patch.complete) = (false, true),
            line if inside => patch.line(line),
            _ => {}
        }
    }
    patch
}

impl<'a> Patch<'a> {
    fn line(&mut self, line: &'a str) {
        if let Some(header) = line.strip_prefix("*** ") {
            self.header(header);
            return;
        }
        let Some(file) = self.files.last_mut() else {
            return;
        };
        match (line.as_bytes().first(), file.action) {
            (Some(b'+'), Action::Add | Action::Update) => file.added += 1,
            (Some(b'-'), Action::Update) => file.removed += 1,
            _ => {}
        }
    }

    fn header(&mut self, header: &'a str) {
        let Some((word, path)) = header.split_once(": ") else {
            return;
        };
        let path = Text::Borrowed(path.trim());
        let action = match word {
            "Add File" => Action::Add,
            "Update File" => Action::Update,
            "Delete File" => Action::Delete,
            "Move to" => {
                if let Some(file) = self.files.last_mut() {
                    file.move_to = Some(path);
                }
                return;
            }
            _ => return,
        };
        self.files.push(FileChange { path, action, ..FileChange::default() });
    }
}

/// The patch inside a shell script (`apply_patch <<'EOF' … EOF`), if there is one: from the first
/// start marker after the name of the program to the last end marker.
#[must_use]
pub fn find(script: &str) -> Option<&str> {
    let program = memchr::memmem::find(script.as_bytes(), b"apply_patch")
        .or_else(|| memchr::memmem::find(script.as_bytes(), b"applypatch"))?;
    let begin = program + script.get(program..)?.find(BEGIN)?;
    let rest = script.get(begin..)?;
    match rest.rfind(END) {
        Some(end) => rest.get(..end + END.len()),
        None => Some(rest),
    }
}

/// Whether a shell script does nothing but apply its patch, so that its exit code speaks of the patch.
#[must_use]
pub fn is_alone(script: &str) -> bool {
    let script = script.trim_start();
    let is_first = script.starts_with("apply_patch") || script.starts_with("applypatch");
    let behind = script.rfind(END).and_then(|end| script.get(end + END.len()..));
    is_first && behind.is_none_or(|behind| behind.split_whitespace().count() <= 1)
}

/// Lines added and removed by a unified diff. File headers stand before the first hunk; inside a
/// hunk a line that starts with `---` is a removed line.
#[must_use]
pub fn count_diff(diff: &str) -> (u64, u64) {
    let (mut added, mut removed, mut in_hunk) = (0, 0, false);
    for line in diff.lines() {
        match line.as_bytes() {
            [b'@', b'@', ..] => in_hunk = true,
            [b'd', b'i', b'f', b'f', b' ', ..] => in_hunk = false,
            [b'+', ..] if in_hunk => added += 1,
            [b'-', ..] if in_hunk => removed += 1,
            _ => {}
        }
    }
    (added, removed)
}

/// A change as the client reports it: `{"type":"add","content"}`, `{"type":"update",
/// "unified_diff","move_path"}`, or the same with the type as the name of an inner object.
pub(super) fn from_json<'a>(path: Text<'a>, o: &Object<'a>) -> FileChange<'a> {
    let (kind, inner) = match o.tag("type").or_else(|| o.tag("kind")) {
        Some(kind) => (kind, None),
        None => (o.names().next().cloned().unwrap_or_default(), o.fields().next()),
    };
    let inner = inner.and_then(|(_, json)| Object::parse(json));
    let o = inner.as_ref().unwrap_or(o);
    let diff = o.str("unified_diff").or_else(|| o.str("diff")).unwrap_or_default();
    let lines = o.str("content").map_or(0, |content| content.lines().count() as u64);
    let (action, (added, removed)) = match kind.as_ref() {
        "add" => (Action::Add, (lines, 0)),
        "delete" => (Action::Delete, (0, lines)),
        _ => (Action::Update, count_diff(&diff)),
    };
    let move_to = o.str("move_path").or_else(|| o.str("move_to"));
    FileChange { path, move_to, action, added, removed }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "*** Begin Patch
*** Add File: new.txt
+one
+two
*** Update File: old name.rs
*** Move to: moved.rs
@@ fn main
 keep
-gone
--- also gone
+here
*** End of File
*** Delete File: dead.rs
*** End Patch";

    fn change(path: &str, action: Action, added: u64, removed: u64) -> FileChange<'_> {
        FileChange { path: path.into(), move_to: None, action, added, removed }
    }

    #[test]
    fn reads_every_action() {
        let patch = parse(PATCH);
        let mut moved = change("old name.rs", Action::Update, 1, 2);
        moved.move_to = Some("moved.rs".into());
        let added = change("new.txt", Action::Add, 2, 0);
        assert_eq!(patch.files, [added, moved, change("dead.rs", Action::Delete, 0, 0)]);
        assert!(patch.complete);
    }

    #[test]
    fn reads_carriage_returns_torn_patches_and_missing_markers() {
        assert_eq!(parse(&PATCH.replace('\n', "\r\n")).files.len(), 3);
        assert!(parse("*** Begin Patch\r\n*** End Patch\r\n").complete);
        let torn = parse("*** Begin Patch\n*** Update File: a\n-x");
        assert_eq!(torn.files, [change("a", Action::Update, 0, 1)]);
        assert!(!torn.complete);
        assert_eq!(parse("*** Update File: a\n+x").files, [change("a", Action::Update, 1, 0)]);
        assert_eq!(parse("no patch at all").files, []);
    }

    #[test]
    fn finds_patches_in_scripts() {
        let script = format!("cd /w && apply_patch <<'EOF'\n{PATCH}\nEOF\necho + done");
        assert_eq!(find(&script), Some(PATCH));
        let two = format!("{script}\napply_patch <<'EOF'\n{PATCH}\nEOF\n");
        assert_eq!(parse(find(&two).unwrap()).files.len(), 6);
        assert_eq!(find(PATCH), None);
        assert_eq!(find("apply_patch --help"), None);
        let script = "apply_patch <<'EOF'\n*** Begin Patch\n*** End Patch\nEOF\n";
        assert!(is_alone(script));
        assert!(!is_alone(&format!("{script} && make check")));
        assert!(!is_alone(&format!("cd x && {script}")));
    }

    #[test]
    fn counts_diffs() {
        assert_eq!(count_diff("@@ -1,2 +1,2 @@\n a\n---b\n+++c\n\\ No newline"), (1, 1));
        assert_eq!(count_diff("--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n"), (1, 1));
        assert_eq!(count_diff(""), (0, 0));
    }

    #[test]
    fn reads_reported_changes() {
        let read = |json| from_json("p".into(), &Object::parse(json).unwrap());
        let add = r#"{"type":"add","content":"a\nb\n"}"#;
        assert_eq!(read(add), change("p", Action::Add, 2, 0));
        assert_eq!(read(r#"{"delete":{"content":"a"}}"#), change("p", Action::Delete, 0, 1));
        let update = r#"{"type":"update","unified_diff":"@@\n-a\n+b\n+c\n","move_path":"q"}"#;
        let mut moved = change("p", Action::Update, 2, 1);
        moved.move_to = Some("q".into());
        assert_eq!(read(update), moved);
    }
}
