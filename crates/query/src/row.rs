//! Reading rows by the names of their columns.

use codex_ledger_db::{Row, RowIndex, SqlResult};
use codex_ledger_entry::{Seq, StreamId};

/// A row's line, less the lines of the thread's earlier files, is its rest by this; see `streams.sql`.
pub(crate) const LINES_PER_FILE: u64 = 1 << 32;

/// Numbers that are never below 0: seqs, streams, lines, sums. The one place where SQL numbers become typed ones.
///
/// SQL keeps them as signed ones; the views hold none that does not fit. Each takes the name of a column, its
/// place in [`columns`], or 0 where it is the only one.
pub(crate) trait Counts {
    /// A number that is always there.
    fn count(&self, column: impl RowIndex) -> SqlResult<u64>;

    /// A number that may not be there.
    fn count_if_any(&self, column: impl RowIndex) -> SqlResult<Option<u64>>;

    /// The number of an entry.
    fn seq(&self, column: impl RowIndex) -> SqlResult<Seq>;

    /// The number of a stream.
    fn stream(&self, column: impl RowIndex) -> SqlResult<StreamId>;

    /// A number that is 0 where it is not there, such as the sum of no rows.
    fn count_or_zero(&self, column: impl RowIndex) -> SqlResult<u64>;
}

impl Counts for Row<'_> {
    fn count(&self, column: impl RowIndex) -> SqlResult<u64> {
        self.get(column).map(unsigned)
    }

    fn count_if_any(&self, column: impl RowIndex) -> SqlResult<Option<u64>> {
        Ok(self.get::<_, Option<i64>>(column)?.map(unsigned))
    }

    fn seq(&self, column: impl RowIndex) -> SqlResult<Seq> {
        self.count(column).map(Seq::new)
    }

    fn stream(&self, column: impl RowIndex) -> SqlResult<StreamId> {
        self.count(column).map(StreamId::new)
    }

    fn count_or_zero(&self, column: impl RowIndex) -> SqlResult<u64> {
        self.count_if_any(column).map(Option::unwrap_or_default)
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

fn unsigned(number: i64) -> u64 {
    number as u64
}

/// Where the columns of a statement stand, found by name once for all of its rows.
///
/// `row.get("name")` compares names for every value, too slow where a statement has rows by the thousand.
macro_rules! columns {
    ($name:ident: $($column:ident),+) => {
        #[derive(Clone, Copy)]
        struct $name {
            $($column: usize,)+
        }

        impl $name {
            fn of(statement: &codex_ledger_db::Statement<'_>) -> codex_ledger_db::SqlResult<$name> {
                Ok($name { $($column: statement.column_index(stringify!($column))?,)+ })
            }
        }
    };
}

pub(crate) use columns;

/// Whether a call of `function_calls` has failed, in SQL; as `ReportItem::has_failed` has it.
macro_rules! has_failed {
    ($call:literal) => {
        concat!(
            "(",
            $call,
            ".exit_code <> 0 OR ",
            $call,
            ".status IN ('failed', 'error', 'rejected'))"
        )
    };
}
pub(crate) use has_failed;
