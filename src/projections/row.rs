//! Rows on their way into the views. Text from a log fits in only after the policy has passed it.

use crate::db::{ToSql, ToSqlOutput, Value, ValueRef};
use crate::redaction::{Policy, Redacted, Sensitive};

/// One value of a row.
pub(super) enum Cell {
    Null,
    Int(i64),
    /// A word of this program.
    Word(&'static str),
    /// Text of a log or of the ledger, redacted.
    Text(Redacted),
    Bytes(Vec<u8>),
}

impl ToSql for Cell {
    fn to_sql(&self) -> crate::db::SqlResult<ToSqlOutput<'_>> {
        Ok(match self {
            Cell::Null => ToSqlOutput::Owned(Value::Null),
            Cell::Int(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Cell::Word(word) => ToSqlOutput::Borrowed(ValueRef::Text(word.as_bytes())),
            Cell::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_str().as_bytes())),
            Cell::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

/// One statement with its values.
pub(super) struct Write {
    pub sql: &'static str,
    pub cells: Vec<Cell>,
}

impl Write {
    /// Bytes of text, to bound what is on its way.
    pub(super) fn weight(&self) -> usize {
        let cells = self.cells.iter().map(|cell| match cell {
            Cell::Text(text) => text.as_str().len() + 24,
            Cell::Bytes(bytes) => bytes.len() + 24,
            _ => 24,
        });
        cells.sum::<usize>() + 64
    }
}

/// Where a record stands: its stream, its line, its part of the line, and the entry that holds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub stream: u64,
    pub line: u64,
    pub part: u64,
    pub seq: u64,
    pub at_ms: Option<i64>,
}

impl At {
    /// The place of the `index`th row that a record gives rise to in one table.
    pub(super) fn sub(self, index: usize) -> At {
        At { part: self.part * 256 + index.min(255) as u64, ..self }
    }
}

/// Builds the values of a statement in order.
pub(super) struct RowBuilder<'p> {
    policy: &'p Policy,
    cells: Vec<Cell>,
}

impl<'p> RowBuilder<'p> {
    pub(super) fn new(policy: &'p Policy, capacity: usize) -> RowBuilder<'p> {
        RowBuilder { policy, cells: Vec::with_capacity(capacity) }
    }

    /// Stream, line, part, seq: the columns that every content table begins with.
    pub(super) fn place(self, at: At) -> Self {
        self.number(at.stream).number(at.line).number(at.part).number(at.seq)
    }

    pub(super) fn text(mut self, text: Option<impl AsRef<str>>) -> Self {
        self.cells.push(match text {
            Some(text) => Cell::Text(self.policy.apply(Sensitive::new(text.as_ref()))),
            None => Cell::Null,
        });
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
        Write { sql, cells: self.cells }
    }
}
