//! The only place that names the SQL driver. Opens databases the way this program needs them.

mod count;
mod memory;
mod open;
mod scrub;

use std::path::Path;

pub use rusqlite::types::{ToSqlOutput, Value, ValueRef};
pub use rusqlite::{
    Connection, OptionalExtension, Params, Row, RowIndex, Statement, ToSql, params,
    params_from_iter,
};
pub use rusqlite::{Error as SqlError, Result as SqlResult};

/// An error of the database.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub struct DbError {
    /// The database file.
    pub path: String,
    /// The driver's error.
    #[source]
    pub source: rusqlite::Error,
}

impl DbError {
    /// Whether the disk is full.
    pub fn is_out_of_space(&self) -> bool {
        self.source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
    }

    /// Whether what the database holds is in the way: damage, other tables, rows that are there already.
    pub fn is_of_the_content(&self) -> bool {
        use rusqlite::ErrorCode::{
            ConstraintViolation, DatabaseCorrupt, NotADatabase, TypeMismatch, Unknown,
        };
        let code = self.source.sqlite_error_code();
        code.is_none_or(|code| {
            let of_content =
                [ConstraintViolation, DatabaseCorrupt, NotADatabase, TypeMismatch, Unknown];
            of_content.contains(&code)
        })
    }
}

/// Shorthand of this floor.
pub type Result<T> = std::result::Result<T, DbError>;

/// Wraps a driver error with the database's path.
pub fn at(path: &Path) -> impl FnOnce(rusqlite::Error) -> DbError {
    let path = path.display().to_string();
    move |source| DbError { path, source }
}

pub use count::statements;
pub use open::{
    create_fresh, empty_log, finish_fresh, open_in_memory, open_reader, open_scratch, open_writer,
};
pub use scrub::scrub;
