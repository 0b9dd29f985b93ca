//! Rows on their way into the views. Text from a log fits in only after the policy has passed it.

use crate::schema;
use crate::whole::{Cut, Whole};
use codex_ledger_db::{
    Connection, Row, SqlError, SqlResult, Statement, ToSql, ToSqlOutput, Value, ValueRef,
};
use codex_ledger_entry::{Seq, StreamId};
use codex_ledger_redaction::{Class, Hit, Owners, Place, Policy, Redacted, Sensitive, TextKey};
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;

/// One value of a row.
pub(crate) enum Cell {
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
    fn to_sql(&self) -> SqlResult<ToSqlOutput<'_>> {
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
pub(crate) struct Hidden {
    pub at: At,
    pub table: &'static str,
    pub column: &'static str,
    pub hit: Hit,
}

/// A value on its way: as it will be written, or still to be passed by the policy.
enum CellDraft {
    Done(Cell),
    Sensitive { class: Class, text: String, cut: Option<Cut> },
}

/// A statement whose texts no policy has passed yet.
pub(crate) struct Draft {
    sql: &'static str,
    table: &'static str,
    /// Whether it adds a row.
    is_row: bool,
    at: At,
    role: Option<&'static str>,
    owners: Owners,
    /// By column.
    fields: Vec<(&'static str, CellDraft)>,
    /// Other entries that say the same as a column.
    hidden_as: Vec<(&'static str, Seq)>,
}

impl Draft {
    pub(crate) fn table(&self) -> &'static str {
        self.table
    }

    pub(crate) fn at(&self) -> At {
        self.at
    }

    /// Whether it adds a row.
    pub(crate) fn is_row(&self) -> bool {
        self.is_row
    }

    /// What a column gets, raw, as text; none for nothing.
    pub(crate) fn value(&self, column: &str) -> Option<String> {
        let (_, field) = self.fields.iter().find(|(name, _)| *name == column)?;
        match field {
            CellDraft::Sensitive { text, .. } => Some(text.clone()),
            CellDraft::Done(Cell::Int(number)) => Some(number.to_string()),
            CellDraft::Done(Cell::Word(word)) => Some((*word).to_string()),
            CellDraft::Done(_) => None,
        }
    }

    /// Texts of the log in it: column and words.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.fields.iter().filter_map(|(column, field)| match field {
            CellDraft::Sensitive { class: Class::Text | Class::Label, text, .. }
                if !text.is_empty() =>
            {
                Some((*column, text.as_str()))
            }
            _ => None,
        })
    }

    /// What hides something in these entries hides it in these columns too: they say the same.
    pub(crate) fn hide_as(&mut self, entries: Vec<(&'static str, Seq)>) {
        self.hidden_as = entries;
    }

    /// Bytes of text, to bound what is on its way.
    pub(crate) fn weight(&self) -> usize {
        let fields = self.fields.iter().map(|(_, field)| match field {
            CellDraft::Sensitive { text, .. } => text.len() + 32,
            CellDraft::Done(Cell::Bytes(bytes)) => bytes.len() + 32,
            CellDraft::Done(_) => 32,
        });
        fields.sum::<usize>() + 96
    }

    /// Lets the policy pass every text.
    pub(crate) fn redact(self, policy: &Policy, hidden: &mut Vec<Hidden>) -> Write {
        let Draft { sql, table, at, role, owners, fields, hidden_as, .. } = self;
        let pass = |(column, field)| match field {
            CellDraft::Done(cell) => (column, cell),
            CellDraft::Sensitive { class, text, cut } => {
                let text = cut.and_then(|cut| cut.shown(policy, at, &owners)).unwrap_or(text);
                let part = at.part;
                let mut known = BTreeSet::new();
                let mut pass = |text: String, seq| {
                    let place = Place { class, table, column, role, seq, part, owners: &owners };
                    policy.apply(Sensitive::new(text), &place, &mut |hit| {
                        if known.insert((hit.by, hit.form)) {
                            hidden.push(Hidden { at, table, column, hit });
                        }
                    })
                };
                let others = hidden_as.iter().filter(|(of, _)| *of == column);
                let shown = others.fold(pass(text, at.seq), |shown, (_, seq)| {
                    pass(shown.as_str().to_string(), *seq)
                });
                (column, Cell::Text(shown))
            }
        };
        Write { sql, cells: fields.into_iter().map(pass).collect() }
    }
}

/// One statement with its values, each for the parameter of its column's name.
pub(crate) struct Write {
    pub sql: &'static str,
    pub cells: Vec<(&'static str, Cell)>,
}

/// Lines that each file of a thread has room for: rows of its later files stand behind those of its earlier ones.
pub(crate) const FILE_LINES: u64 = 1 << 32;

/// Where a row comes from: the stream, the line, the record on the line (`part`), the thing that the record says
/// in this table (`item`), and the entry that holds it. `line` is the line of the file behind [`FILE_LINES`] for each
/// earlier file of the thread.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct At {
    pub stream: StreamId,
    pub line: u64,
    pub part: u64,
    pub item: u64,
    pub seq: Seq,
    pub at_ms: Option<i64>,
}

impl At {
    /// The place of what belongs to an entry as a whole.
    pub(crate) fn entry(seq: Seq) -> At {
        At { stream: StreamId::opened_by(seq), seq, ..At::default() }
    }
}

/// Builds the values of a statement; each names its column, so that their order means nothing.
pub(crate) struct RowBuilder<'p> {
    policy: &'p Policy,
    draft: Draft,
}

impl<'p> RowBuilder<'p> {
    pub(crate) fn new(
        policy: &'p Policy,
        table: &'static str,
        at: At,
        capacity: usize,
    ) -> RowBuilder<'p> {
        let fields = Vec::with_capacity(capacity);
        let owners = Owners::default();
        let (sql, is_row, role) = ("", false, None);
        let hidden_as = Vec::new();
        RowBuilder {
            policy,
            draft: Draft { sql, table, is_row, at, role, owners, fields, hidden_as },
        }
    }

    /// Whose text it is.
    pub(crate) fn owned_by(mut self, owners: Owners) -> Self {
        self.draft.owners = owners;
        self
    }

    /// Who said it: user, assistant, developer, system or tool.
    pub(crate) fn said_by(mut self, role: &'static str) -> Self {
        self.draft.role = Some(role);
        self
    }

    /// Stream, line, part, seq: the columns that tables with one row per record begin with.
    pub(crate) fn place(mut self, at: At) -> Self {
        self.draft.at = at;
        self.stream(at.stream).number("line", at.line).number("part", at.part).seq("seq", at.seq)
    }

    /// Stream, line, part, item, seq: the columns that tables of what records say begin with.
    pub(crate) fn item(self, at: At) -> Self {
        self.place(at).number("item", at.item)
    }

    /// What was said, asked, called or answered, and where: names, paths, texts.
    pub(crate) fn text(self, column: &'static str, text: Option<impl AsRef<str>>) -> Self {
        self.redacted(Class::Text, column, text)
    }

    /// A setting or a kind, short and mostly the client's own word; stays when a whole session is hidden.
    pub(crate) fn label(self, column: &'static str, text: Option<impl AsRef<str>>) -> Self {
        self.redacted(Class::Label, column, text)
    }

    /// A name that rows are joined by: where a rule hides it, another name takes its place everywhere.
    pub(crate) fn id(self, column: &'static str, text: Option<impl AsRef<str>>) -> Self {
        self.redacted(Class::Id, column, text)
    }

    /// A word of the format where the parser knows it, else a label.
    pub(crate) fn tag(
        self,
        column: &'static str,
        is_known: bool,
        text: Option<impl AsRef<str>>,
    ) -> Self {
        self.redacted(if is_known { Class::Word } else { Class::Label }, column, text)
    }

    /// What tells equal texts without telling the text.
    pub(crate) fn key(self, column: &'static str, text: &str) -> Self {
        let key = self.policy.text_key(text);
        self.done(column, Cell::Key(key))
    }

    /// Pieces of a text that stands in another column, one on each line; NULL where there are none. What is hidden in
    /// that text is hidden in them.
    pub(crate) fn cut(
        self,
        column: &'static str,
        pieces: &[&str],
        (text, whole): (&str, &Arc<Whole>),
    ) -> Self {
        if pieces.is_empty() {
            return self.done(column, Cell::Null);
        }
        let cut = Cut::of(pieces, text, whole);
        let text = pieces.join("\n");
        self.field(column, CellDraft::Sensitive { class: Class::Text, text, cut })
    }

    fn redacted(self, class: Class, column: &'static str, text: Option<impl AsRef<str>>) -> Self {
        let field = match text {
            Some(text) => {
                CellDraft::Sensitive { class, text: text.as_ref().to_string(), cut: None }
            }
            None => CellDraft::Done(Cell::Null),
        };
        self.field(column, field)
    }

    fn field(mut self, column: &'static str, field: CellDraft) -> Self {
        self.draft.fields.push((column, field));
        self
    }

    fn done(self, column: &'static str, cell: Cell) -> Self {
        self.field(column, CellDraft::Done(cell))
    }

    pub(crate) fn word(self, column: &'static str, word: &'static str) -> Self {
        self.done(column, Cell::Word(word))
    }

    pub(crate) fn word_or_null(self, column: &'static str, word: Option<&'static str>) -> Self {
        self.done(column, word.map_or(Cell::Null, Cell::Word))
    }

    pub(crate) fn int(self, column: &'static str, number: Option<i64>) -> Self {
        self.done(column, number.map_or(Cell::Null, Cell::Int))
    }

    /// A count; SQL integers end at 2^63, which no count reaches.
    pub(crate) fn number(self, column: &'static str, number: u64) -> Self {
        self.done(column, Cell::Int(i64::try_from(number).unwrap_or(i64::MAX)))
    }

    /// The number of an entry.
    pub(crate) fn seq(self, column: &'static str, seq: Seq) -> Self {
        self.number(column, seq.get())
    }

    /// The stream that the row belongs to.
    pub(crate) fn stream(self, stream: StreamId) -> Self {
        self.number("stream", stream.get())
    }

    pub(crate) fn bytes(self, column: &'static str, bytes: Vec<u8>) -> Self {
        self.done(column, Cell::Bytes(bytes))
    }

    /// A new row of the table: every column is given, as its SQL file has them.
    pub(crate) fn insert(self) -> Draft {
        self.insert_without(&[])
    }

    /// A new row in which these columns are NULL until a later statement sets them.
    pub(crate) fn insert_without(self, later: &[&'static str]) -> Draft {
        let sql = schema::insert_into(self.draft.table);
        self.whole_row(later, sql)
    }

    /// As [`RowBuilder::insert`], in the place of the row of the same key, if there is one.
    pub(crate) fn replace(self) -> Draft {
        let sql = schema::replace_into(self.draft.table);
        self.whole_row(&[], sql)
    }

    fn whole_row(self, later: &[&'static str], sql: &'static str) -> Draft {
        debug_assert_eq!(
            self.draft
                .fields
                .iter()
                .map(|(column, _)| *column)
                .chain(later.iter().copied())
                .collect::<BTreeSet<_>>(),
            schema::columns(self.draft.table).collect(),
            "columns of `{}`",
            self.draft.table
        );
        self.insert_by(sql)
    }

    /// A new row, by a statement of its own.
    pub(crate) fn insert_by(mut self, sql: &'static str) -> Draft {
        self.draft.is_row = true;
        self.write(sql)
    }

    /// Any other statement; its parameters have the names of the values.
    pub(crate) fn write(mut self, sql: &'static str) -> Draft {
        self.draft.sql = sql;
        self.draft
    }
}

/// An entry's number as SQL has it.
pub(crate) fn sql_seq(seq: Seq) -> i64 {
    seq.get() as i64
}

/// A stream's number as SQL has it.
pub(crate) fn sql_stream(stream: StreamId) -> i64 {
    stream.get() as i64
}

/// Reads the numbers of entries and streams back.
pub(crate) trait ReadNumbers {
    /// The number of an entry.
    fn seq(&self, column: &str) -> SqlResult<Seq>;

    /// The number of a stream.
    fn stream(&self, column: &str) -> SqlResult<StreamId>;
}

impl ReadNumbers for Row<'_> {
    fn seq(&self, column: &str) -> SqlResult<Seq> {
        self.get::<_, i64>(column).map(|number| Seq::new(number as u64))
    }

    fn stream(&self, column: &str) -> SqlResult<StreamId> {
        self.get::<_, i64>(column).map(|number| StreamId::new(number as u64))
    }
}

/// Runs statements with values by name.
#[derive(Default)]
pub(crate) struct Writer {
    /// For each statement, by its address, which parameter each value is; one more where values come in another order.
    plans: HashMap<usize, Vec<Plan>>,
}

struct Plan {
    names: Vec<&'static str>,
    /// Numbers of the parameters, in the order of `names`.
    parameters: Vec<usize>,
}

impl Writer {
    /// Runs one statement.
    ///
    /// # Errors
    /// As the database, and where the statement has no parameter of a value's name.
    pub(crate) fn run(&mut self, db: &Connection, write: &Write) -> SqlResult<()> {
        let mut statement = db.prepare_cached(write.sql)?;
        let plans = self.plans.entry(write.sql.as_ptr() as usize).or_default();
        let is_known = |plan: &Plan| plan.names.iter().eq(write.cells.iter().map(|(name, _)| name));
        let known = match plans.iter().position(is_known) {
            Some(known) => known,
            None => {
                plans.push(Plan::make(&statement, write)?);
                plans.len() - 1
            }
        };
        for (parameter, (_, cell)) in plans[known].parameters.iter().zip(&write.cells) {
            statement.raw_bind_parameter(*parameter, cell)?;
        }
        statement.raw_execute().map(drop)
    }
}

impl Plan {
    fn make(statement: &Statement<'_>, write: &Write) -> SqlResult<Plan> {
        let names: Vec<&'static str> = write.cells.iter().map(|(name, _)| *name).collect();
        let parameter = |name: &&str| {
            let name = format!(":{name}");
            statement.parameter_index(&name)?.ok_or(SqlError::InvalidParameterName(name))
        };
        let parameters = names.iter().map(parameter).collect::<SqlResult<_>>()?;
        Ok(Plan { names, parameters })
    }
}
