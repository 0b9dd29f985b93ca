//! The bodies of entries that decide what may be shown. Hand-written fields, as all that is hashed.

use super::RuleSet;
use codex_ledger_entry::{Fields, FieldsBuilder, RequestId, Seq};

/// Entries number the records of a line in steps of this size (`docs/FORMAT.md`).
const PART_STEP: u64 = 256;

/// The program that writes a record, for whoever cannot read it.
const SOFTWARE: &str = concat!("codex-ledger ", env!("CARGO_PKG_VERSION"));
/// Fields that every record may have.
const COMMON: [&str; 5] =
    ["actor", "reason", "software", RequestId::FIELDS[0], RequestId::FIELDS[1]];

/// What the field `case` of a literal says.
const ANY_CASE: &str = "any";

/// Whether a body has these fields and the common ones only, each once. A field that this version does not
/// know may change what is meant.
fn is_known(fields: &Fields<'_>, own: &[&str]) -> bool {
    let mut seen: Vec<&[u8]> = fields.names().collect();
    let is_named = |name: &&[u8]| COMMON.iter().chain(own).any(|own| own.as_bytes() == *name);
    let all = seen.iter().all(is_named);
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    all && seen.len() == count
}

/// The program that wrote a record, where the record says it.
pub fn software_of(body: &[u8]) -> Option<String> {
    Fields::parse(body).ok()?.text("software").filter(|name| !name.is_empty())
}

/// What a redaction entry says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedactionRecord {
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// What is shown instead.
    pub replacement: String,
    /// What it hides.
    pub what: What,
}

/// What is hidden, as a person named it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum What {
    /// Something that this version does not know: nothing may be shown until it is ended.
    #[default]
    Unknown,
    /// A prompt of a session.
    Prompt {
        /// Thread id.
        session: String,
        /// Its number in the session, from 1.
        number: u64,
        /// Entry of its record.
        seq: Seq,
        /// Which record of the entry it is: 0 for a line that is one record.
        part: u64,
    },
    /// An entry.
    Entry {
        /// The entry.
        seq: Seq,
    },
    /// A field of an entry, or a part of it.
    Field {
        /// The entry.
        seq: Seq,
        /// JSON pointer.
        pointer: String,
        /// Bytes of the field's text.
        span: Option<(u64, u64)>,
    },
    /// A session.
    Session {
        /// Thread id.
        id: String,
    },
    /// A text wherever it is.
    Literal {
        /// The text.
        text: String,
        /// Where.
        within: Within,
        /// Whether capital and small letters are the same.
        ignore_case: bool,
    },
    /// What a pattern finds.
    Regex {
        /// The pattern.
        pattern: String,
        /// Where.
        within: Within,
    },
}

/// What narrows a literal or a pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Within {
    /// Nothing.
    #[default]
    Everything,
    /// A session.
    Session(String),
    /// A repository, or a directory where there is none.
    Repo(String),
}

impl Within {
    fn named(&self) -> Option<String> {
        match self {
            Within::Everything => None,
            Within::Session(id) => Some(format!("session:{id}")),
            Within::Repo(url) => Some(format!("repo:{url}")),
        }
    }

    /// `None` for what this version does not know: it may be narrower than everything, or wider.
    fn parse(text: Option<String>) -> Option<Within> {
        let text = text.unwrap_or_default();
        match text.split_once(':') {
            Some(("session", id)) => Some(Within::Session(id.into())),
            Some(("repo", url)) => Some(Within::Repo(url.into())),
            _ => text.is_empty().then_some(Within::Everything),
        }
    }
}

impl What {
    /// The word for it in tables.
    pub fn scope(&self) -> &'static str {
        match self {
            What::Unknown => "unknown",
            What::Prompt { .. } => "prompt",
            What::Entry { .. } => "entry",
            What::Field { .. } => "field",
            What::Session { .. } => "session",
            What::Literal { .. } => "literal",
            What::Regex { .. } => "regex",
        }
    }

    /// What it names, without the text that it hides.
    pub fn target(&self) -> String {
        match self {
            What::Unknown => "unknown to this version".into(),
            What::Prompt { session, number, .. } => format!("{session}#{number}"),
            What::Entry { seq } | What::Field { seq, .. } => format!("entry {seq}"),
            What::Session { id } => id.clone(),
            What::Literal { text, .. } => format!("a text of {} characters", text.chars().count()),
            What::Regex { pattern, .. } => {
                format!("a pattern of {} characters", pattern.chars().count())
            }
        }
    }

    /// The entry that it names, if it names one.
    pub fn seq(&self) -> Option<Seq> {
        match self {
            What::Prompt { seq, .. } | What::Entry { seq } | What::Field { seq, .. } => Some(*seq),
            _ => None,
        }
    }

    /// What narrows it.
    pub fn within(&self) -> Option<String> {
        match self {
            What::Literal { within, .. } | What::Regex { within, .. } => within.named(),
            _ => None,
        }
    }

    /// Pointer and span inside the entry.
    pub fn field(&self) -> Option<String> {
        let What::Field { pointer, span, .. } = self else { return None };
        Some(match span {
            Some((from, to)) => format!("{pointer} {from}..{to}"),
            None => pointer.clone(),
        })
    }
}

impl RedactionRecord {
    /// The entry's body.
    pub fn encode(&self) -> Vec<u8> {
        let body = FieldsBuilder::default()
            .add("actor", &self.actor)
            .add("reason", &self.reason)
            .add("replacement", &self.replacement)
            .add("software", SOFTWARE)
            .add("what", self.what.scope());
        let body = match &self.what {
            What::Unknown => body,
            What::Prompt { session, number, seq, part } => body
                .add("session", session)
                .number("number", *number)
                .seq("seq", *seq)
                .number("part", part.saturating_mul(PART_STEP)),
            What::Entry { seq } => body.seq("seq", *seq),
            What::Field { seq, pointer, span } => {
                let body = body.seq("seq", *seq).add("pointer", pointer);
                match span {
                    Some((from, to)) => body.number("from", *from).number("to", *to),
                    None => body,
                }
            }
            What::Session { id } => body.add("session", id),
            What::Literal { text, within, ignore_case } => {
                let body = body.add("text", text).add("within", within.named().unwrap_or_default());
                // Without the field the case counts, as it did before there was one.
                if *ignore_case { body.add("case", ANY_CASE) } else { body }
            }
            What::Regex { pattern, within } => {
                body.add("pattern", pattern).add("within", within.named().unwrap_or_default())
            }
        };
        body.finish()
    }

    /// Reads a body; what it hides is [`What::Unknown`] where this version cannot tell for sure.
    pub fn decode(body: &[u8]) -> Option<RedactionRecord> {
        let fields = Fields::parse(body).ok()?;
        let text = |name: &str| fields.text(name).unwrap_or_default();
        let what = What::read(&fields).unwrap_or_default();
        let (actor, reason) = (text("actor"), text("reason"));
        Some(RedactionRecord { actor, reason, replacement: text("replacement"), what })
    }
}

impl What {
    fn read(fields: &Fields<'_>) -> Option<What> {
        let text =
            |name: &str| fields.get(name).and_then(|value| String::from_utf8(value.to_vec()).ok());
        let number = |name: &str| fields.number(name);
        let seq = || fields.seq("seq");
        let within = || Within::parse(fields.text("within"));
        let has = |name: &str| fields.get(name).is_some();
        let (what, own): (What, &[&str]) = match text("what")?.as_str() {
            "prompt" => (
                What::Prompt {
                    session: text("session")?,
                    number: number("number")?,
                    seq: seq()?,
                    part: number("part")? / PART_STEP,
                },
                &["session", "number", "seq", "part"],
            ),
            "entry" => (What::Entry { seq: seq()? }, &["seq"]),
            "field" => {
                let span = number("from").zip(number("to"));
                if span.is_none() && (has("from") || has("to")) {
                    return None;
                }
                let (seq, pointer) = (seq()?, text("pointer")?);
                (What::Field { seq, pointer, span }, &["seq", "pointer", "from", "to"])
            }
            "session" => (What::Session { id: text("session")? }, &["session"]),
            "literal" => {
                let ignore_case = match (has("case"), text("case")) {
                    (false, _) => false,
                    (true, Some(case)) if case == ANY_CASE => true,
                    _ => return None,
                };
                let (text, within) = (text("text")?, within()?);
                (What::Literal { text, within, ignore_case }, &["text", "within", "case"])
            }
            "regex" => (
                What::Regex { pattern: text("pattern")?, within: within()? },
                &["pattern", "within"],
            ),
            _ => return None,
        };
        let own: Vec<&str> = own.iter().copied().chain(["what", "replacement"]).collect();
        is_known(fields, &own).then_some(what)
    }
}

/// What a revocation entry says; its header names what it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevocationRecord {
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Seq of the entry that it ends.
    pub of: Seq,
}

impl RevocationRecord {
    /// The entry's body.
    pub fn encode(&self) -> Vec<u8> {
        let body = FieldsBuilder::default().add("actor", &self.actor).add("reason", &self.reason);
        body.add("software", SOFTWARE).seq("of", self.of).finish()
    }

    /// Reads a body; `None` when it says more than this version knows.
    pub fn decode(body: &[u8]) -> Option<RevocationRecord> {
        let fields = Fields::parse(body).ok().filter(|fields| is_known(fields, &["of"]))?;
        let text = |name: &str| fields.text(name).unwrap_or_default();
        Some(RevocationRecord {
            actor: text("actor"),
            reason: text("reason"),
            of: fields.seq("of")?,
        })
    }
}

/// What a rule set entry says.
#[derive(Clone, Debug, Default)]
pub struct RuleSetRecord {
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// The rules.
    pub rules: RuleSet,
}

impl RuleSetRecord {
    /// The entry's body; `None` when the rules cannot be written as JSON, which no rule set is known to do.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let body = FieldsBuilder::default().add("actor", &self.actor).add("reason", &self.reason);
        let body = body.add("software", SOFTWARE);
        Some(body.add("rules", serde_json::to_vec(&self.rules).ok()?).finish())
    }

    /// Reads a body; `None` when it says more than this version knows.
    pub fn decode(body: &[u8]) -> Option<RuleSetRecord> {
        let fields = Fields::parse(body).ok().filter(|fields| is_known(fields, &["rules"]))?;
        let text = |name: &str| fields.text(name).unwrap_or_default();
        let rules = serde_json::from_slice(fields.get("rules")?).ok()?;
        Some(RuleSetRecord { actor: text("actor"), reason: text("reason"), rules })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_round_trip() {
        let whats = [
            What::Prompt { session: "s".into(), number: 2, seq: Seq::new(9), part: 300 },
            What::Entry { seq: Seq::new(4) },
            What::Field { seq: Seq::new(4), pointer: "/payload/text".into(), span: Some((1, 5)) },
            What::Field { seq: Seq::new(4), pointer: String::new(), span: None },
            What::Session { id: "s".into() },
            What::Literal { text: "ä".into(), within: Within::Everything, ignore_case: true },
            What::Literal {
                text: "x".into(),
                within: Within::Session("s".into()),
                ignore_case: false,
            },
            What::Regex { pattern: "a+".into(), within: Within::Repo("https://h/r:1".into()) },
        ];
        for what in whats {
            let (actor, reason) = ("ada".to_string(), "why".to_string());
            let record = RedactionRecord { actor, reason, replacement: "[x]".into(), what };
            assert_eq!(RedactionRecord::decode(&record.encode()), Some(record));
        }
        let record = RevocationRecord { actor: "a".into(), reason: "r".into(), of: Seq::new(7) };
        assert_eq!(RevocationRecord::decode(&record.encode()), Some(record));
        assert_eq!(RedactionRecord::decode(b"\x05"), None);
    }

    /// A literal that an earlier version recorded was looked for in its own case, and still is.
    #[test]
    fn a_literal_without_a_case_keeps_its_own() {
        let body = FieldsBuilder::default().add("what", "literal").add("text", "x");
        let record = RedactionRecord::decode(&body.add("within", "").finish()).unwrap();
        let (text, within) = ("x".to_string(), Within::Everything);
        assert_eq!(record.what, What::Literal { text, within, ignore_case: false });
    }

    /// A later version may say more, or say it otherwise: then this one must not guess.
    #[test]
    fn what_says_more_than_this_version_knows_is_unknown() {
        let hides = |body: &[u8]| RedactionRecord::decode(body).map(|record| record.what);
        let body = |what: &str| FieldsBuilder::default().add("actor", "a").add("what", what);
        assert_eq!(
            hides(&body("entry").number("seq", 3).finish()),
            Some(What::Entry { seq: Seq::new(3) })
        );
        for unknown in [
            body("paragraph").number("seq", 3),
            body("entry").number("seq", 3).add("until", "2027"),
            body("entry").number("seq", 3).number("seq", 4),
            body("entry").add("seq", "three"),
            body("literal").add("text", "x").add("within", "team:ours"),
            body("literal").add("text", [0xff]).add("within", ""),
            body("literal").add("text", "x").add("within", "").add("case", "upper"),
            body("regex").add("pattern", "x").add("within", "").add("case", "any"),
            body("field").number("seq", 3).add("pointer", "/a").number("from", 1),
        ] {
            assert_eq!(hides(&unknown.finish()), Some(What::Unknown));
        }
        let more = RevocationRecord::default().encode();
        assert!(RevocationRecord::decode(&more).is_some());
        let more = [more, FieldsBuilder::default().add("only", "x").finish()].concat();
        assert_eq!(RevocationRecord::decode(&more), None);
        assert!(software_of(&more).is_some_and(|name| name.starts_with("codex-ledger ")));
    }

    #[test]
    fn a_target_does_not_show_what_it_hides() {
        let what =
            What::Literal { text: "hunter2".into(), within: Within::Everything, ignore_case: true };
        assert_eq!(what.target(), "a text of 7 characters");
    }
}
