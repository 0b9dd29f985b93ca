//! How a set of views stands to its ledger and to this program, and how far it has come.
//!
//! Everything here is cheap enough for every command. That rows are what the entries say is the business of an
//! audit.

use crate::files::views::{FORMAT, Views, ViewsError};
use crate::schema::{is_as_made, schema_digest};
use codex_ledger_db::{self as db, Connection, OptionalExtension};
use codex_ledger_entry::Seq;
use codex_ledger_ledger::Head;

/// How the views stand to the ledger and to this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There are none.
    Absent,
    /// They can be caught up from this cursor.
    Usable {
        /// The entry after those that are applied.
        cursor: Seq,
        /// False while words that were hidden may still lie in freed pages and files of before.
        is_clear: bool,
    },
    /// They must be rebuilt.
    Outdated {
        /// Why, for people.
        reason: String,
        /// The table that says so, where it is one.
        table: Option<&'static str>,
        /// The entry after those that are applied.
        cursor: Seq,
    },
    /// They have applied more entries than the ledger acknowledges: entries are missing, or an older HEAD was
    /// put back.
    Ahead {
        /// The entry after those that are applied.
        cursor: Seq,
    },
}

const META: &str = "meta";

/// The one row of `meta`.
struct Meta {
    cursor: Seq,
    head: String,
    ledger: String,
    digest: String,
    options: String,
    software: String,
}

impl Meta {
    fn read(db: &Connection) -> db::SqlResult<Option<Meta>> {
        let sql = "SELECT cursor, head, ledger, digest, options, software FROM meta";
        let read = |row: &db::Row<'_>| {
            Ok(Meta {
                cursor: row.get::<_, i64>("cursor")?.try_into().map_or(Seq::MAX, Seq::new),
                head: row.get("head")?,
                ledger: row.get("ledger")?,
                digest: row.get("digest")?,
                options: row.get("options")?,
                software: row.get("software")?,
            })
        };
        db.query_row(sql, [], read).optional()
    }
}

impl Views {
    /// Compares the views with this program and with the ledger of that head.
    ///
    /// # Errors
    /// When they were written by a newer program.
    pub fn standing(&self, head: &Head) -> Result<Standing, ViewsError> {
        self.open(head).map(|(standing, _)| standing)
    }

    /// Opens the views and says how they stand; the connection is the one that was looked at, so that nothing
    /// can take the views' place between looking and reading.
    ///
    /// # Errors
    /// When they were written by a newer program.
    pub fn open(&self, head: &Head) -> Result<(Standing, Option<Connection>), ViewsError> {
        let Some(path) = self.paths.current() else {
            return Ok((Standing::Absent, None));
        };
        let outdated =
            |reason: String, cursor| Ok((Standing::Outdated { reason, table: None, cursor }, None));
        let db = match self.reader() {
            Ok(db) => db,
            Err(error) => return outdated(format!("cannot be read: {error}"), Seq::FIRST),
        };
        let format = db.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
        let meta = Meta::read(&db);
        match format {
            Err(error) => return outdated(format!("cannot be read: {error}"), Seq::FIRST),
            Ok(found) if found > FORMAT => {
                let meta = meta.ok().flatten();
                let software = meta.map_or_else(|| "an unknown program".into(), |m| m.software);
                return Err(ViewsError::Newer { path, found, software });
            }
            Ok(_) => {}
        }
        let Ok(Some(meta)) = meta else {
            let (reason, table) = ("they are not whole".into(), Some(META));
            return Ok((Standing::Outdated { reason, table, cursor: Seq::FIRST }, None));
        };
        match self.compared(&db, &meta, head) {
            Ok(standing @ Standing::Usable { .. }) => Ok((standing, Some(db))),
            Ok(standing) => Ok((standing, None)),
            Err(error) => outdated(format!("cannot be read: {error}"), meta.cursor),
        }
    }

    fn compared(&self, db: &Connection, meta: &Meta, head: &Head) -> db::SqlResult<Standing> {
        let cursor = meta.cursor;
        let (reason, table) = if meta.ledger != head.identity.ledger.to_string() {
            ("they belong to another ledger", Some(META))
        } else if meta.digest != schema_digest() {
            ("the projections have changed", Some(META))
        } else if meta.options != self.options.name() {
            ("the options have changed", Some(META))
        } else if cursor > head.end() {
            return Ok(Standing::Ahead { cursor });
        } else if cursor == head.end() && meta.head != head.chain.id.to_string() {
            ("they were made from other entries than the ledger holds", Some(META))
        } else if !is_as_made(db)? {
            ("their tables are not as this program makes them", None)
        } else {
            let uncleared: bool =
                db.query_row("SELECT uncleared FROM meta", [], |row| row.get(0))?;
            return Ok(Standing::Usable { cursor, is_clear: !uncleared });
        };
        Ok(Standing::Outdated { reason: reason.into(), table, cursor })
    }
}
