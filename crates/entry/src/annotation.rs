//! The body of an annotation: what a reviewer says of a session or a prompt.

use super::fields::{Fields, FieldsBuilder};
use super::seq::Seq;

/// A tag, a note or a disposition, given or taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// Who.
    pub actor: String,
    /// What is done.
    pub act: Act,
    /// Thread id.
    pub session: String,
    /// Number of a prompt in the session, as it was shown; 0 for the session itself.
    pub prompt: u64,
    /// Where the prompt stands, whose number may change when older versions of its file come to light; none for the
    /// session, and in entries of program versions that wrote only the number.
    pub place: Option<PromptPlace>,
}

/// Where a prompt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PromptPlace {
    /// Its entry.
    pub seq: Seq,
    /// Which record of the entry it is.
    pub part: u64,
}

/// What an annotation does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Gives a tag.
    Tag {
        /// Its name.
        name: String,
        /// Whether a rule gave it.
        by_rule: bool,
    },
    /// Takes a tag away.
    Untag {
        /// Its name.
        name: String,
    },
    /// Adds a note.
    Note {
        /// What it says.
        text: String,
    },
    /// Takes a note away.
    Unnote {
        /// Seq of its entry.
        of: Seq,
    },
    /// Says what came of it; an empty value takes it back.
    Disposition {
        /// followed, ignored, needs-review, or one of the reader's own.
        value: String,
    },
}

impl Act {
    /// The word for it in entries and tables.
    pub fn name(&self) -> &'static str {
        match self {
            Act::Tag { .. } => "tag",
            Act::Untag { .. } => "untag",
            Act::Note { .. } => "note",
            Act::Unnote { .. } => "unnote",
            Act::Disposition { .. } => "disposition",
        }
    }
}

impl Annotation {
    /// The entry's body.
    pub fn encode(&self) -> Vec<u8> {
        let body = FieldsBuilder::default()
            .add("actor", &self.actor)
            .add("act", self.act.name())
            .add("session", &self.session)
            .number("prompt", self.prompt);
        let body = match self.place {
            Some(place) => body.seq("prompt_seq", place.seq).number("prompt_part", place.part),
            None => body,
        };
        match &self.act {
            Act::Tag { name, by_rule } => {
                let body = body.add("value", name);
                if *by_rule { body.add("by", "rule") } else { body }
            }
            Act::Untag { name } => body.add("value", name),
            Act::Note { text } => body.add("value", text),
            Act::Unnote { of } => body.seq("of", *of),
            Act::Disposition { value } => body.add("value", value),
        }
        .finish()
    }

    /// Reads a body; `None` for one that this version does not know.
    pub fn decode(body: &[u8]) -> Option<Annotation> {
        let fields = Fields::parse(body).ok()?;
        let text = |name: &str| fields.text(name).unwrap_or_default();
        let value = text("value");
        let act = match text("act").as_str() {
            "tag" => Act::Tag { name: value, by_rule: text("by") == "rule" },
            "untag" => Act::Untag { name: value },
            "note" => Act::Note { text: value },
            "unnote" => Act::Unnote { of: fields.seq("of")? },
            "disposition" => Act::Disposition { value },
            _ => return None,
        };
        let prompt = fields.number("prompt").unwrap_or(0);
        let part = fields.number("prompt_part").unwrap_or(0);
        let place = fields.seq("prompt_seq").map(|seq| PromptPlace { seq, part });
        Some(Annotation { actor: text("actor"), act, session: text("session"), prompt, place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_round_trip() {
        let acts = [
            Act::Tag { name: "a".into(), by_rule: true },
            Act::Tag { name: "a".into(), by_rule: false },
            Act::Untag { name: "a".into() },
            Act::Note { text: "ä\nb".into() },
            Act::Unnote { of: Seq::new(7) },
            Act::Disposition { value: "followed".into() },
        ];
        for act in acts {
            for place in [None, Some(PromptPlace { seq: Seq::new(9), part: 1 })] {
                let (actor, session) = ("ada".to_string(), "s".to_string());
                let act = act.clone();
                let annotation = Annotation { actor, act, session, prompt: 3, place };
                assert_eq!(Annotation::decode(&annotation.encode()), Some(annotation));
            }
        }
        assert_eq!(Annotation::decode(b""), None);
    }
}
