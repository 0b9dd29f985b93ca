//! What is known about every line, whatever it says.

use super::event::Event;
use super::json::Text;

/// One line of a rollout, read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record<'a> {
    /// The shape of the line; `None` for blank and malformed lines. A file may mix generations
    /// (an old thread resumed by a newer client), so this is decided per line.
    pub generation: Option<Generation>,
    /// Time of writing: milliseconds since the Unix epoch, UTC. Bare lines carry none, except
    /// the header.
    pub timestamp_ms: Option<i64>,
    /// Position in the logical history of the thread (paginated files only). Not a unique key.
    pub ordinal: Option<u64>,
    /// Top-level `type`. A bare header is `session_meta`, a bare item `response_item`, a bare
    /// marker `state`; `malformed` and `blank` are ours; `unknown` is JSON without a type.
    pub kind: Text<'a>,
    /// `payload.type` (of the item itself where there is no envelope).
    pub subtype: Option<Text<'a>>,
    /// Bookkeeping that the host keeps beside the payload.
    pub host: HostMetadata,
    /// The meaning.
    pub event: Event<'a>,
    /// Names of fields not known for this (kind, subtype), in order of appearance, the first 64 of
    /// them. Fields of the envelope are prefixed with `envelope.`, those of a nested object with
    /// its name (`item.`, `info.`, `usage.`).
    pub unknown_fields: Vec<Text<'a>>,
    /// How far the record was understood.
    pub understanding: Understanding,
    /// What was wrong. A record may be understood and still have problems.
    pub problems: Vec<Problem>,
    /// For a malformed line: the rest from the next place that looks like the start of a record.
    /// A writer that resumes after a crash appends to the torn fragment. [`super::pieces`] walks
    /// these with a bound; do not loop without one.
    pub recovered: Option<&'a [u8]>,
}

/// Shape of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Generation {
    /// One JSON document per session, TypeScript client.
    G0,
    /// JSON lines without an envelope.
    G1,
    /// Enveloped lines: `timestamp`, `type`, `payload`.
    G2,
    /// Enveloped lines with an `ordinal` (paginated threads).
    G3,
}

impl Generation {
    /// Stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::G0 => "g0",
            Self::G1 => "g1",
            Self::G2 => "g2",
            Self::G3 => "g3",
        }
    }
}

/// How far a record was understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Understanding {
    /// The (kind, subtype) is known. Fields may still be unknown.
    #[default]
    Understood,
    /// JSON of a (kind, subtype) nobody has described: drift.
    Unknown,
    /// Not a record.
    Malformed,
}

impl Understanding {
    /// Stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Understood => "understood",
            Self::Unknown => "unknown",
            Self::Malformed => "malformed",
        }
    }
}

/// Facts of the envelope's `metadata` object (paginated files) that change what a record means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HostMetadata {
    /// The message was copied from a parent thread: not a prompt of this session.
    pub inherited_user_message: bool,
    /// The client, not Codex, wrote the text.
    pub client_authored: bool,
    /// The item is the product of a compaction.
    pub compaction_output: bool,
    /// Position among the user's inputs.
    pub user_input_order: Option<u64>,
}

/// Something wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// What kind of damage.
    pub reason: Reason,
    /// Byte in the line at which it shows.
    pub offset: usize,
    /// One short sentence, without content of the line.
    pub message: &'static str,
}

/// Kinds of damage, with stable names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The bytes are not UTF-8.
    InvalidUtf8,
    /// The line holds raw NUL bytes (lost power, a hole in the file).
    NulRun,
    /// A Git LFS pointer stands in place of the file.
    GitLfsPointer,
    /// Text that is no JSON object.
    ForeignText,
    /// JSON, but no object.
    NotAnObject,
    /// The JSON ends too early.
    Torn,
    /// The JSON is damaged in its middle.
    BadJson,
    /// Something follows the JSON object.
    TrailingData,
    /// A torn record and a later one stand on one line.
    Glued,
    /// An object without any key that tells its kind.
    NoKind,
    /// An envelope whose payload is missing or no object.
    BadPayload,
    /// The timestamp is missing or cannot be read.
    BadTimestamp,
    /// A string holds half of a surrogate pair; U+FFFD stands in its place.
    LoneSurrogate,
    /// A number that no client can mean: beyond 2^53, or a counter of tokens that is no count. It is not read.
    BadNumber,
    /// More things than are read: steps, parts, files, items of a document.
    TooManyItems,
}

impl Reason {
    /// All of them.
    pub const ALL: [Reason; 15] = [
        Self::InvalidUtf8,
        Self::NulRun,
        Self::GitLfsPointer,
        Self::ForeignText,
        Self::NotAnObject,
        Self::Torn,
        Self::BadJson,
        Self::TrailingData,
        Self::Glued,
        Self::NoKind,
        Self::BadPayload,
        Self::BadTimestamp,
        Self::LoneSurrogate,
        Self::BadNumber,
        Self::TooManyItems,
    ];

    /// The one of that name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Reason> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// Stable snake_case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "invalid_utf8",
            Self::NulRun => "nul_run",
            Self::GitLfsPointer => "git_lfs_pointer",
            Self::ForeignText => "foreign_text",
            Self::NotAnObject => "not_an_object",
            Self::Torn => "torn",
            Self::BadJson => "bad_json",
            Self::TrailingData => "trailing_data",
            Self::Glued => "glued",
            Self::NoKind => "no_kind",
            Self::BadPayload => "bad_payload",
            Self::BadTimestamp => "bad_timestamp",
            Self::LoneSurrogate => "lone_surrogate",
            Self::BadNumber => "bad_number",
            Self::TooManyItems => "too_many_items",
        }
    }

    /// One short sentence.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "the bytes are not UTF-8",
            Self::NulRun => "the line holds NUL bytes",
            Self::GitLfsPointer => "a Git LFS pointer stands in place of the file",
            Self::ForeignText => "the line is not a JSON object",
            Self::NotAnObject => "the JSON is not an object",
            Self::Torn => "the JSON ends too early",
            Self::BadJson => "the JSON is damaged",
            Self::TrailingData => "something follows the JSON object",
            Self::Glued => "another record starts inside the line",
            Self::NoKind => "no key tells the kind of the record",
            Self::BadPayload => "the payload is missing or not an object",
            Self::BadTimestamp => "the timestamp is missing or unreadable",
            Self::LoneSurrogate => "a string holds half of a surrogate pair",
            Self::BadNumber => "a number is none that a client can mean",
            Self::TooManyItems => "the record says more things than are read",
        }
    }

    /// The problem at a byte of the line.
    #[must_use]
    pub const fn at(self, offset: usize) -> Problem {
        Problem { reason: self, offset, message: self.message() }
    }
}
