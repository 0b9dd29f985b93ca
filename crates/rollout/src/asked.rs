//! The prompt that one record is, and the fields that are no part of what a record says.

use crate::document::parse_document;
use crate::event::{Event, ItemBody};
use crate::line::pieces;
use crate::prompt;

/// Fields that say what a record is and how records belong together: no part of what it says.
const STRUCTURE: [&str; 9] = [
    "call_id",
    "cli_version",
    "forked_from_id",
    "id",
    "ordinal",
    "session_id",
    "timestamp",
    "turn_id",
    "type",
];

/// Whether a field of this name says what a record is or how records belong together, and nothing else.
pub fn is_structure(name: &str) -> bool {
    STRUCTURE.contains(&name)
}

/// The text of the prompt that one record of a line or of a whole-file document is. Records of a line count from
/// 0, those of a document from 1, behind its header.
pub fn asked_in(is_document: bool, body: &[u8], part: u64) -> Option<String> {
    let index = usize::try_from(part).ok()?;
    if is_document {
        let document = parse_document(body);
        let item = document.items.get(index.checked_sub(1)?)?;
        return text_of(&item.record.event);
    }
    pieces(body).get(index).and_then(|(_, record)| text_of(&record.event))
}

fn text_of(event: &Event<'_>) -> Option<String> {
    match event {
        Event::UserMessage(message) => Some(message.message.to_string()),
        Event::ItemCompleted(done) => match &done.item.body {
            // What is all added has no prompt; a redaction of one that an older version saw still means its text.
            ItemBody::UserMessage(parts) => {
                Some(prompt::asked(parts, 0).unwrap_or_else(|| prompt::joined(parts)))
            }
            _ => None,
        },
        Event::Message(message) => {
            let kinds = prompt::classify_parts(&message.role, &message.parts);
            let said = message.parts.iter().zip(kinds).filter(|(_, kind)| kind.is_none());
            Some(said.filter_map(|(part, _)| part.text()).collect::<Vec<_>>().join("\n"))
        }
        _ => None,
    }
}
