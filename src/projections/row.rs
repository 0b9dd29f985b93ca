//! Rows on their way into the views. Text from a log fits in only after the policy has passed it.

use crate::db::{ToSql, ToSqlOutput, Value, ValueRef};
use crate::redaction::{By, Class, Owners, Place, Policy, Redacted, Sensitive, TextKey};

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
    fn to_sql(&self) -> crate::db::SqlResult<ToSqlOutput<'_>> {
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

/// One statement with its values, and what was hidden in them.
pub(super) struct Write {
    pub sql: &'static str,
    pub cells: Vec<Cell>,
    pub hidden: Vec<Hidden>,
}

impl Write {
    /// Bytes of text, to bound what is on its way.
    pub(super) fn weight(&self) -> usize {
        let cells = self.cells.iter().map(|cell| match cell {
            Cell::Text(text) => text.as_str().len() + 24,
            Cell::Bytes(bytes) => bytes.len() + 24,
            _ => 24,
        });
        cells.sum::<usize>() + self.hidden.len() * 64 + 64
    }
}

/// Where a record stands: its stream, its line, its part of the line, and the entry that holds it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct At {
    pub stream: u64,
    pub line: u64,
    pub part: u64,
    pub seq: u64,
    pub at_ms: Option<i64>,
}

impl At {
    /// The place of what belongs to an entry as a whole.
    pub(super) fn entry(stream: u64, seq: u64) -> At {
        At { stream, seq, ..At::default() }
    }

    /// The place of the `index`th row that a record gives rise to in one table.
    pub(super) fn sub(self, index: usize) -> At {
        At { part: self.part * 256 + index.min(255) as u64, ..self }
    }
}

/// Builds the values of a statement in order.
pub(super) struct RowBuilder<'p> {
    policy: &'p Policy,
    owners: Owners,
    table: &'static str,
    at: At,
    role: Option<&'static str>,
    cells: Vec<Cell>,
    hidden: Vec<Hidden>,
}

impl<'p> RowBuilder<'p> {
    pub(super) fn new(
        policy: &'p Policy,
        table: &'static str,
        at: At,
        capacity: usize,
    ) -> RowBuilder<'p> {
        let owners = Owners::default();
        let cells = Vec::with_capacity(capacity);
        RowBuilder { policy, owners, table, at, role: None, cells, hidden: Vec::new() }
    }

    /// Whose text it is.
    pub(super) fn owned_by(self, owners: Owners) -> Self {
        RowBuilder { owners, ..self }
    }

    /// Who said it: user, assistant, developer, system or tool.
    pub(super) fn said_by(self, role: &'static str) -> Self {
        RowBuilder { role: Some(role), ..self }
    }

    /// Stream, line, part, seq: the columns that every content table begins with.
    pub(super) fn place(mut self, at: At) -> Self {
        self.at = at;
        self.number(at.stream).number(at.line).number(at.part).number(at.seq)
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

    /// What tells equal texts without telling the text.
    pub(super) fn key(mut self, text: &str) -> Self {
        self.cells.push(Cell::Key(self.policy.text_key(text)));
        self
    }

    fn redacted(
        mut self,
        class: Class,
        column: &'static str,
        text: Option<impl AsRef<str>>,
    ) -> Self {
        let Some(text) = text else {
            self.cells.push(Cell::Null);
            return self;
        };
        let place = Place {
            class,
            table: self.table,
            column,
            role: self.role,
            seq: self.at.seq,
            part: self.at.part,
            owners: &self.owners,
        };
        let (at, table) = (self.at, self.table);
        let hidden = &mut self.hidden;
        let shown =
            self.policy.apply(Sensitive::new(text.as_ref()), &place, &mut |by, passages| {
                hidden.push(Hidden { at, table, column, by, passages });
            });
        self.cells.push(Cell::Text(shown));
        self
    }

    pub(super) fn word(mut self, word: &'static str) -> Self {
        self.cells.push(Cell::Word(word));
        self
    }

    pub(super) fn word_or_null(mut self, word: Option<&'static str>) -> Self {
        self.cells.push(word.map_or(Cell::Null, Cell::Word));
        self
    }

    pub(super) fn int(mut self, number: Option<i64>) -> Self {
        self.cells.push(number.map_or(Cell::Null, Cell::Int));
        self
    }

    /// A count; SQL integers end at 2^63, which no count reaches.
    pub(super) fn number(mut self, number: u64) -> Self {
        self.cells.push(Cell::Int(i64::try_from(number).unwrap_or(i64::MAX)));
        self
    }

    pub(super) fn bytes(mut self, bytes: Vec<u8>) -> Self {
        self.cells.push(Cell::Bytes(bytes));
        self
    }

    pub(super) fn write(self, sql: &'static str) -> Write {
        Write { sql, cells: self.cells, hidden: self.hidden }
    }
}
