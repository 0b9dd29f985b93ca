//! Clears what rows left behind in a database's file when they moved.
//!
//! `secure_delete` overwrites a cell where it is deleted. When pages are split or joined, cells are copied to other
//! pages, and their old copies stay in the space between the cells: no statement reaches them any more, and they
//! outlive the row. Nothing reads that space, so it may be overwritten beside readers, in any order, and a write that
//! is cut short does no harm.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::thread::Builder;

/// Bytes of the file's own header, before the first page's.
const FILE_HEADER: usize = 100;
/// Bytes that are read at once.
const CHUNK_BYTES: u64 = 4 << 20;
/// With more pages than this, the first byte of other pages than trees' may be any.
const PAGES_MAX: u64 = 1 << 24;

/// Overwrites the unused space of all pages with zeros. Nobody may write the database meanwhile, and its
/// write-ahead log must be empty. False, and nothing done, for a database that is too large for that.
///
/// # Errors
/// When the file cannot be read or written.
pub fn scrub(path: &Path) -> io::Result<bool> {
    let mut head = [0u8; FILE_HEADER];
    File::open(path)?.read_exact(&mut head)?;
    let page = match u16::from_be_bytes([head[16], head[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let pages = std::fs::metadata(path)?.len() / page.max(1);
    if page < 512 || pages >= PAGES_MAX {
        return Ok(false);
    }
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get() as u64).clamp(1, 4);
    let share = pages.div_ceil(threads);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|n| {
                let pages = n * share..pages.min((n + 1) * share);
                Builder::new().spawn_scoped(scope, move || scrub_pages(path, page, pages))
            })
            .collect::<io::Result<_>>()?;
        let mut changed = false;
        for worker in workers {
            changed |= worker.join().map_err(|_| io::Error::other("a thread died"))??;
        }
        if changed {
            File::options().write(true).open(path)?.sync_data()?;
        }
        Ok(true)
    })
}

/// Says whether anything was there.
fn scrub_pages(path: &Path, page: u64, pages: Range<u64>) -> io::Result<bool> {
    let mut file = File::options().read(true).write(true).open(path)?;
    let mut bytes = Vec::new();
    let mut changed = false;
    let mut next = pages.start;
    while next < pages.end {
        let count = (CHUNK_BYTES / page).clamp(1, pages.end - next);
        bytes.resize((count * page) as usize, 0);
        file.seek(SeekFrom::Start(next * page))?;
        file.read_exact(&mut bytes)?;
        for (index, one) in bytes.chunks_exact(page as usize).enumerate() {
            let number = next + index as u64;
            for unused in unused(one, if number == 0 { FILE_HEADER } else { 0 }) {
                let space = one.get(unused.clone()).unwrap_or_default();
                if space.iter().any(|byte| *byte != 0) {
                    file.seek(SeekFrom::Start(number * page + unused.start as u64))?;
                    file.write_all(&vec![0; space.len()])?;
                    changed = true;
                }
            }
        }
        next += count;
    }
    Ok(changed)
}

/// The unused space of a page of a tree: between its index and its cells, and inside its free blocks. None for
/// other pages and for what is no sound page.
fn unused(page: &[u8], header: usize) -> Vec<Range<usize>> {
    let number = |at: usize| -> Option<usize> {
        let bytes = page.get(at..at + 2)?;
        Some(usize::from(bytes[0]) << 8 | usize::from(bytes[1]))
    };
    let read = || -> Option<Vec<Range<usize>>> {
        let index = match page.get(header)? {
            2 | 5 => header + 12,
            10 | 13 => header + 8,
            _ => return None,
        };
        let first = index + 2 * number(header + 3)?;
        let cells = match number(header + 5)? {
            0 => 65_536,
            start => start,
        };
        if first > cells || cells > page.len() {
            return None;
        }
        let mut found = Vec::with_capacity(1);
        found.push(first..cells);
        let mut block = number(header + 1)?;
        while block != 0 {
            let (next, size) = (number(block)?, number(block + 2)?);
            let end = block + size;
            if block < cells || size < 4 || end > page.len() || (next != 0 && next < end) {
                return None;
            }
            found.push(block + 4..end);
            block = next;
        }
        Some(found)
    };
    read().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{create_fresh, finish_fresh, open_writer};

    fn holds(path: &Path, text: &str) -> bool {
        memchr::memmem::find(&std::fs::read(path).unwrap(), text.as_bytes()).is_some()
    }

    #[test]
    fn what_moved_and_was_deleted_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.sqlite");
        let db = create_fresh(&path).unwrap();
        db.execute_batch(
            "CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID; CREATE INDEX i ON t (v);",
        )
        .unwrap();
        // In an order that splits pages in the middle.
        for n in 0..3_000u32 {
            let key = n.wrapping_mul(2_654_435_761);
            db.execute(
                "INSERT INTO t VALUES (?, ?)",
                (format!("{key:010}"), format!("word-{n:05}")),
            )
            .unwrap();
        }
        finish_fresh(db, &path).unwrap();
        let db = open_writer(&path).unwrap();
        db.execute("UPDATE t SET v = 'gone' WHERE v BETWEEN 'word-00000' AND 'word-01999'", [])
            .unwrap();
        db.close().unwrap();
        let left =
            |path: &Path| (0..2_000).filter(|n| holds(path, &format!("word-{n:05}"))).count();
        assert!(left(&path) > 0, "the driver clears all by itself: this file is not needed");
        assert!(scrub(&path).unwrap());
        assert_eq!(left(&path), 0);
        let db = open_writer(&path).unwrap();
        let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        let kept: i64 =
            db.query_row("SELECT count(*) FROM t WHERE v <> 'gone'", [], |r| r.get(0)).unwrap();
        assert_eq!((sound.as_str(), kept), ("ok", 1_000));
    }

    #[test]
    fn what_is_no_page_is_left() {
        assert!(unused(&[0; 512], 0).is_empty());
        assert!(unused(&[13], 0).is_empty());
        assert!(unused(&[13; 512], 0).is_empty());
    }
}
