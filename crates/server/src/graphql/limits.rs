//! What may be asked at once. A text is looked at before it is understood, and what it says before anything is done.

use crate::error::{Result, WebError};
use async_graphql::Name;
use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};
use std::collections::HashMap;

/// Bytes of a query.
pub(super) const BYTES_MAX: usize = 32 * 1024;
/// Names, values and signs of a query.
const TOKENS_MAX: usize = 3000;
/// Brackets within brackets.
const BRACKETS_MAX: usize = 48;
/// Fields within fields.
const DEPTH_MAX: usize = 12;
/// The same for what asks about the schema, whose types go deep.
const SCHEMA_DEPTH_MAX: usize = 20;
/// Lists of the schema within each other: types have fields, which have types, which have fields.
const SCHEMA_LISTS_MAX: usize = 2;
/// Selections, with those of fragments wherever they are used.
const FIELDS_MAX: usize = 1000;
/// Fields under other names, with those of fragments wherever they are used.
const ALIASES_MAX: usize = 50;
/// Selections within each other, fragments counted.
pub(super) const NESTING_MAX: usize = 32;
/// Directives of one field.
pub(super) const DIRECTIVES_MAX: usize = 4;
/// What all lists may cost together; see [`super::lists::cost`].
pub(super) const COST_MAX: usize = 20_000;

/// Refuses a text that is too long, or nested too deep to be read.
pub(super) fn check_text(query: &str) -> Result<()> {
    if query.len() > BYTES_MAX {
        return Err(too_much("bytes", BYTES_MAX));
    }
    let (mut tokens, mut open, mut is_word) = (0, 0_usize, false);
    let mut rest = query;
    while let Some(sign) = rest.chars().next() {
        let was_word = std::mem::replace(&mut is_word, sign.is_alphanumeric() || sign == '_');
        let length = match sign {
            '#' => rest.find(['\n', '\r']).unwrap_or(rest.len()),
            '"' => string_end(rest),
            _ => sign.len_utf8(),
        };
        if !(sign.is_whitespace() || sign == ',' || sign == '#' || is_word && was_word) {
            tokens += 1;
        }
        match sign {
            '{' | '[' | '(' => open += 1,
            '}' | ']' | ')' => open = open.saturating_sub(1),
            _ => {}
        }
        if tokens > TOKENS_MAX {
            return Err(too_much("names, values and signs", TOKENS_MAX));
        }
        if open > BRACKETS_MAX {
            return Err(too_much("brackets within each other", BRACKETS_MAX));
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(())
}

/// Where a string ends that a text begins with.
fn string_end(text: &str) -> usize {
    if let Some(block) = text.strip_prefix("\"\"\"") {
        let mut from = 0;
        while let Some(at) = block.get(from..).and_then(|rest| rest.find("\"\"\"")) {
            let end = from + at;
            if !block.get(..end).is_some_and(|before| before.ends_with('\\')) {
                return end + 6;
            }
            from = end + 3;
        }
        return text.len();
    }
    let mut is_escaped = false;
    for (at, sign) in text.char_indices().skip(1) {
        match sign {
            '\n' | '\r' => return at,
            '"' if !is_escaped => return at + 1,
            _ => is_escaped = sign == '\\' && !is_escaped,
        }
    }
    text.len()
}

/// Refuses what asks for too much, however it is written.
pub(super) fn check(document: &ExecutableDocument) -> Result<()> {
    let mut known = HashMap::new();
    let mut all = Size::default();
    for (_, operation) in document.operations.iter() {
        all.add(size_of(&operation.node.selection_set.node, document, &mut known)?);
    }
    let limits = [
        (all.fields, FIELDS_MAX, "fields"),
        (all.aliases, ALIASES_MAX, "fields under other names"),
        (all.depth, DEPTH_MAX, "fields within each other"),
        (all.schema_depth, SCHEMA_DEPTH_MAX, "fields within each other"),
        (all.schema_lists, SCHEMA_LISTS_MAX, "lists of the schema within each other"),
        (all.nesting, NESTING_MAX, "selections within each other"),
    ];
    match limits.into_iter().find(|(size, most, _)| size > most) {
        Some((_, most, of)) => Err(too_much(of, most)),
        None => Ok(()),
    }
}

fn too_much(of: &str, most: usize) -> WebError {
    WebError::bad(format!("this query has more than {most} {of}")).hint("ask for less at once")
}

/// How much a selection asks for.
#[derive(Clone, Copy, Default)]
struct Size {
    fields: usize,
    aliases: usize,
    depth: usize,
    /// Of what asks about the schema.
    schema_depth: usize,
    schema_lists: usize,
    /// What would be lists of the schema, were this asked about it.
    lists: usize,
    nesting: usize,
}

impl Size {
    /// Another one beside it.
    fn add(&mut self, other: Size) {
        self.fields = self.fields.saturating_add(other.fields);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.depth = self.depth.max(other.depth);
        self.schema_depth = self.schema_depth.max(other.schema_depth);
        self.schema_lists = self.schema_lists.max(other.schema_lists);
        self.lists = self.lists.max(other.lists);
        self.nesting = self.nesting.max(other.nesting);
    }

    /// What it is within a field.
    fn within(mut self, field: &Field) -> Size {
        self.aliases = self.aliases.saturating_add(usize::from(field.alias.is_some()));
        match field.name.node.as_str() {
            "__schema" | "__type" => {
                (self.schema_depth, self.schema_lists) = (self.depth + 1, self.lists);
                (self.depth, self.lists) = (0, 0);
            }
            "fields" | "inputFields" | "interfaces" | "possibleTypes" => self.lists += 1,
            _ => {}
        }
        self.depth += 1;
        self
    }
}

/// Each fragment is looked at once, wherever it is used. One that is being looked at has no size yet: it would never end.
fn size_of(
    set: &SelectionSet,
    document: &ExecutableDocument,
    known: &mut HashMap<Name, Option<Size>>,
) -> Result<Size> {
    let mut size = Size::default();
    for selection in &set.items {
        let mut own = match &selection.node {
            Selection::Field(field) => {
                size_of(&field.node.selection_set.node, document, known)?.within(&field.node)
            }
            Selection::InlineFragment(part) => {
                size_of(&part.node.selection_set.node, document, known)?
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                match (known.get(name), document.fragments.get(name)) {
                    (Some(Some(size)), _) => *size,
                    (Some(None), _) => {
                        return Err(WebError::bad("a fragment of this query has itself in it"));
                    }
                    (None, None) => Size::default(),
                    (None, Some(fragment)) => {
                        known.insert(name.clone(), None);
                        let size = size_of(&fragment.node.selection_set.node, document, known)?;
                        known.insert(name.clone(), Some(size));
                        size
                    }
                }
            }
        };
        own.fields = own.fields.saturating_add(1);
        own.nesting += 1;
        size.add(own);
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;

    fn check_query(query: &str) -> Result<()> {
        check_text(query)?;
        check(&parse_query(query).unwrap())
    }

    #[test]
    fn texts_are_measured_without_what_stands_in_strings_and_comments() {
        let brackets = "{".repeat(BRACKETS_MAX + 1);
        assert!(check_text(&brackets).is_err());
        for text in [
            format!("# {brackets}\n{{ a }}"),
            format!("{{ a(b: \"{brackets} \\\" {brackets}\") }}"),
            format!("{{ a(b: \"\"\"{brackets} \\\"\"\" {brackets}\"\"\") }}"),
        ] {
            assert!(check_text(&text).is_ok(), "{text}");
        }
        assert!(check_text(&"a ".repeat(TOKENS_MAX + 1)).is_err());
        assert!(check_text(&"a".repeat(TOKENS_MAX + 1)).is_ok(), "a name is one");
        for text in ["\"", "\"\"\"", "\"\\", "\"\"\"\\\"\"\"", "#", "\u{0}é\"é"] {
            check_text(text).ok();
        }
    }

    #[test]
    fn fragments_count_wherever_they_are_used_and_none_is_in_itself() {
        let mut bomb = String::from("{ ...f0 }");
        for at in 0..30 {
            bomb += &format!(" fragment f{at} on Query {{ ...f{next} ...f{next} }}", next = at + 1);
        }
        assert!(check_query(&bomb).is_err());
        let cycle = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
        assert!(check_query(cycle).unwrap_err().message.contains("itself"));
        let nested = |depth: usize| format!("{}x{}", "{ a ".repeat(depth), " }".repeat(depth));
        assert!(check_query(&nested(DEPTH_MAX - 1)).is_ok());
        assert!(check_query(&nested(DEPTH_MAX + 1)).is_err());
        let schema =
            "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
        assert!(check_query(schema).is_err());
    }
}
