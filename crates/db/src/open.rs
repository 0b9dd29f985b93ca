//! Opening databases: fresh ones, growing ones, and ones that are only read.

use super::{Connection, Result, SqlResult, at, count, memory};
use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use std::path::Path;
use std::time::Duration;

/// How long a statement waits for another process's short lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the write-ahead log waits for readers that still need it.
const LOG_TIMEOUT: Duration = Duration::from_secs(1);
const STATEMENTS: usize = 96;

/// A database that nobody else has seen yet: no journal, no syncs; [`finish_fresh`] makes it whole.
///
/// # Errors
/// When it cannot be created.
pub fn create_fresh(path: &Path) -> Result<Connection> {
    memory::start_zeroed();
    let db = Connection::open(path).map_err(at(path))?;
    db.execute_batch(
        "PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
         PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY; PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA secure_delete = ON;",
    )
    .map_err(at(path))?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(db)
}

/// Ends the building of a fresh database and leaves it in the mode in which it will be read and grown.
///
/// # Errors
/// As the database.
pub fn finish_fresh(db: Connection, path: &Path) -> Result<()> {
    db.execute_batch("PRAGMA locking_mode = NORMAL; PRAGMA journal_mode = WAL;")
        .map_err(at(path))?;
    db.close().map_err(|(_, error)| at(path)(error))
}

/// Opens an existing database for writing beside readers.
///
/// # Errors
/// When it does not exist or is no database.
pub fn open_writer(path: &Path) -> Result<Connection> {
    memory::start_zeroed();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(at(path))?;
    db.busy_timeout(BUSY_TIMEOUT).map_err(at(path))?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384;
         PRAGMA secure_delete = ON;",
    )
    .map_err(at(path))?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(db)
}

/// Moves what the write-ahead log holds into the database; says whether no reader was in the way.
///
/// # Errors
/// As the database.
pub fn empty_log(db: &Connection, path: &Path) -> Result<bool> {
    db.busy_timeout(LOG_TIMEOUT).map_err(at(path))?;
    let busy = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    Ok(busy.map_err(at(path))? == 0)
}

/// Opens an existing database for reading; also where its directory cannot be written.
///
/// # Errors
/// When it does not exist or is no database.
pub fn open_reader(path: &Path) -> Result<Connection> {
    memory::start_zeroed();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let plain = Connection::open_with_flags(path, flags).and_then(|db| {
        db.busy_timeout(BUSY_TIMEOUT)?;
        db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(db)
    });
    let mut db = match plain {
        Ok(db) => db,
        // A database in WAL mode needs a place for its index; where there is none, nothing can change either.
        Err(_) if path.exists() => {
            let path_text =
                path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
            let uri = format!("file:{path_text}?immutable=1");
            Connection::open_with_flags(uri, flags).map_err(at(path))?
        }
        Err(error) => return Err(at(path)(error)),
    };
    check_whole(&db, path).map_err(at(path))?;
    count::watch(&mut db).map_err(at(path))?;
    // Else a statement is compiled anew whenever its values change, in case another plan suits them better.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(at(path))?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(db)
}

/// That a database ends where a page ends. SQLite itself sees that whole pages are missing; of a page that was cut it reads the rest
/// as zeros, without a word.
fn check_whole(db: &Connection, path: &Path) -> SqlResult<()> {
    let page = db.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0))?;
    let (page, length) =
        (page.unsigned_abs().max(1), std::fs::metadata(path).map_or(0, |of| of.len()));
    match length % page {
        0 => Ok(()),
        _ => Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            Some("the file was cut within a page".into()),
        )),
    }
}

/// Opens or creates a database that can be made anew at any time: nothing waits for the disk.
///
/// # Errors
/// When it cannot be created.
pub fn open_scratch(path: &Path) -> Result<Connection> {
    memory::start_zeroed();
    let db = Connection::open(path).map_err(at(path))?;
    db.busy_timeout(BUSY_TIMEOUT).map_err(at(path))?;
    db.execute_batch(
        "PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA cache_size = -4096;
         PRAGMA temp_store = MEMORY;",
    )
    .map_err(at(path))?;
    Ok(db)
}

/// A database that is in no file.
///
/// # Errors
/// As the driver.
pub fn open_in_memory() -> SqlResult<Connection> {
    memory::start_zeroed();
    Connection::open_in_memory()
}
