//! Rows on their way into the views. Text from a log fits in only after the policy has passed it.

use codex_ledger_db::{ToSql, ToSqlOutput, Value, ValueRef};
use codex_ledger_redaction::{By, Class, Owners, Place, Policy, Redacted, Sensitive, TextKey};

/// One value of a row.
pub(super) enum Cell {
    Null,
    Int(i64),
    /// A word of this program.
    Word(&'static str),
    /// Text of a log or of the ledger, redacted.
    Text(Redacted),
    /// A key of this program.
    Key(TextKey),
    Bytes(Vec<u8>),
}

impl ToSql for Cell {
    fn to_sql(&self) -> codex_ledger_db::SqlResult<ToSqlOutput<'_>> {
        Ok(match self {
            Cell::Null => ToSqlOutput::Owned(Value::Null),
            Cell::Int(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Cell::Word(word) => ToSqlOutput::Borrowed(ValueRef::Text(word.as_bytes())),
            Cell::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_str().as_bytes())),
            Cell::Key(key) => ToSqlOutput::Borrowed(ValueRef::Text(key.as_str().as_bytes())),
            Cell::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

/// Something that was hidden in a row.
pub(super) struct Hidden {
    pub at: At,
    pub table: &'static str,
    pub column: &'static str,
    pub by: By,
    pub passages: u32,
}

/// A value on its way: as it will be written, or still to be passed by the policy.
enum Field {
    Done(Cell),
    Sensitive { class: Class, column: &'static str, text: String },
}

/// A statement whose texts no policy has passed yet.
pub(super) struct Draft {
    sql: &'static str,
    table: &'static str,
    at: At,
    role: Option<&'static str>,
    owners: Owners,
    fields: Vec<Field>,
}

impl Draft {
    /// Bytes of text, to bound what is on its way.
    pub(super) fn weight(&self) -> usize {
        let fields = self.fields.iter().map(|field| match field {
            Field::Sensitive { text, .. } => text.len() + 32,
            Field::Done(Cell::Bytes(bytes)) => bytes.len() + 32,
            Field::Done(_) => 32,
        });
        fields.sum::<usize>() + 96
    }

    /// Lets the policy pass every text.
    pub(super) fn redact(self, policy: &Policy, hidden: &mut Vec<Hidden>) -> Write {
        let Draft { sql, table, at, role, owners, fields } = self;
        let pass = |field| match field {
            Field::Done(cell) => cell,
            Field::Sensitive { class, column, text } => {
                let (seq, part) = (at.seq, at.part);
                let place = Place { class, table, column, role, seq, part, owners: &owners };
                Cell::Text(policy.apply(Sensitive::new(text), &place, &mut |by, passages| {
                    hidden.push(Hidden { at, table, column, by, passages });
                }))
            }
        };
        Write { sql, cells: fields.into_iter().map(pass).collect() }
    }
}

/// One statement with its values.
pub(super) struct Write {
    pub sql: &'static str,
    pub cells: Vec<Cell>,
}

/// Where a row comes from: the stream, the line, the record on the line (`part`), the thing that the record says
/// in this table (`item`), and the entry that holds it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct At {
    pub stream: u64,
    pub line: u64,
    pub part: u64,
    pub item: u64,
    pub seq: u64,
    pub at_ms: Option<i64>,
}

impl At {
    /// The place of what belongs to an entry as a whole.
    pub(super) fn entry(stream: u64, seq: u64) -> At {
        At { stream, seq, ..At::default() }
    }
}

/// Builds the values of a statement in order.
pub(super) struct RowBuilder<'p> {
    policy: &'p Policy,
    draft: Draft,
}

impl<'p> RowBuilder<'p> {
    pub(super) fn new(
        policy: &'p Policy,
        table: &'static str,
        at: At,
        capacity: usize,
    ) -> RowBuilder<'p> {
        let fields = Vec::with_capacity(capacity);
        let owners = Owners::default();
        RowBuilder { policy, draft: Draft { sql: "", table, at, role: None, owners, fields } }
    }

    /// Whose text it is.
    pub(super) fn owned_by(mut self, owners: Owners) -> Self {
        self.draft.owners = owners;
        self
    }

    /// Who said it: user, assistant, developer, system or tool.
    pub(super) fn said_by(mut self, role: &'static str) -> Self {
        self.draft.role = Some(role);
        self
    }

    /// Stream, line, part, seq: the columns that tables with one row per record begin with.
    pub(super) fn place(mut self, at: At) -> Self {
        self.draft.at = at;
        self.number(at.stream).number(at.line).number(at.part).number(at.seq)
    }

    /// Stream, line, part, item, seq: the columns that tables of what records say begin with.
    pub(super) fn item(mut self, at: At) -> Self {
        self.draft.at = at;
        self.number(at.stream).number(at.line).number(at.part).number(at.item).number(at.seq)
    }

    /// What was said, asked, called or answered, and where: names, paths, texts.
    pub(super) fn text(self, column: &'static str, text: Option<impl AsRef<str>>) -> Self {
        self.redacted(Class::Text, column, text)
    }

    /// A setting or a kind, short and mostly the client's own word; stays when a whole session is hidden.
    pub(super) fn label(self, column: &'static str, text: Option<impl AsRef<str>>) -> Self {
        self.redacted(Class::Label, column, text)
    }

    /// A name that rows are joined by: where a rule hides it, another name takes its place everywhere.
    pub(super) fn id(self, column: &'static str, text: Option<impl AsRef<str>>) -> Self {
        self.redacted(Class::Id, column, text)
    }

    /// A word of the format where the parser knows it, else a label.
    pub(super) fn tag(
        self,
        column: &'static str,
        is_known: bool,
        text: Option<impl AsRef<str>>,
    ) -> Self {
        self.redacted(if is_known { Class::Word } else { Class::Label }, column, text)
    }

    /// What tells equal texts without telling the text.
    pub(super) fn key(self, text: &str) -> Self {
        let key = self.policy.text_key(text);
        self.done(Cell::Key(key))
    }

    fn redacted(self, class: Class, column: &'static str, text: Option<impl AsRef<str>>) -> Self {
        self.field(match text {
            Some(text) => Field::Sensitive { class, column, text: text.as_ref().to_string() },
            None => Field::Done(Cell::Null),
        })
    }

    fn field(mut self, field: Field) -> Self {
        self.draft.fields.push(field);
        self
    }

    fn done(self, cell: Cell) -> Self {
        self.field(Field::Done(cell))
    }

    pub(super) fn word(self, word: &'static str) -> Self {
        self.done(Cell::Word(word))
    }

    pub(super) fn word_or_null(self, word: Option<&'static str>) -> Self {
        self.done(word.map_or(Cell::Null, Cell::Word))
    }

    pub(super) fn int(self, number: Option<i64>) -> Self {
        self.done(number.map_or(Cell::Null, Cell::Int))
    }

    /// A count; SQL integers end at 2^63, which no count reaches.
    pub(super) fn number(self, number: u64) -> Self {
        self.done(Cell::Int(i64::try_from(number).unwrap_or(i64::MAX)))
    }

    pub(super) fn bytes(self, bytes: Vec<u8>) -> Self {
        self.done(Cell::Bytes(bytes))
    }

    pub(super) fn write(mut self, sql: &'static str) -> Draft {
        self.draft.sql = sql;
        self.draft
    }
}
