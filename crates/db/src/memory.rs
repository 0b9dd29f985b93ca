//! Gives SQLite only memory that is zero.
//!
//! When a write-ahead log has to be read again, `walIndexRecover` copies a block of fresh memory into the log's index
//! (`*-shm`) up to the first frame that does not hold, and fills only what frames have been read for. After a power
//! loss that block may be copied whole, with whatever the process had freed before: words that are hidden, in a file.

use libmimalloc_sys as mimalloc;
use rusqlite::ffi;
use std::ffi::{c_int, c_void};
use std::sync::Once;

/// To be called before anything else of SQLite: later it is refused, and changes nothing.
#[allow(unsafe_code, reason = "the driver has no safe form of it")]
pub(crate) fn start_zeroed() {
    static START: Once = Once::new();
    START.call_once(|| {
        let methods = ffi::sqlite3_mem_methods {
            xMalloc: Some(allocate),
            xFree: Some(free),
            xRealloc: Some(resize),
            xSize: Some(size),
            xRoundup: Some(round_up),
            xInit: Some(start),
            xShutdown: Some(end),
            pAppData: std::ptr::null_mut(),
        };
        // SAFETY: SQLite copies the methods; it has not been started, or says so and keeps what it has.
        unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, &raw const methods) };
    });
}

/// SQLite asks for more than 0 and less than 2^31 bytes.
#[allow(unsafe_code, reason = "called by C")]
unsafe extern "C" fn allocate(bytes: c_int) -> *mut c_void {
    // SAFETY: any size may be asked for.
    unsafe { mimalloc::mi_zalloc(bytes as usize) }
}

#[allow(unsafe_code, reason = "called by C")]
unsafe extern "C" fn free(block: *mut c_void) {
    // SAFETY: SQLite gives back what it was given here, once.
    unsafe { mimalloc::mi_free(block) }
}

#[allow(unsafe_code, reason = "called by C")]
unsafe extern "C" fn resize(block: *mut c_void, bytes: c_int) -> *mut c_void {
    // SAFETY: as above; what is added is zero, since the block was asked for as zeros.
    unsafe { mimalloc::mi_rezalloc(block, bytes as usize) }
}

#[allow(unsafe_code, reason = "called by C")]
unsafe extern "C" fn size(block: *mut c_void) -> c_int {
    // SAFETY: as above.
    unsafe { mimalloc::mi_usable_size(block) as c_int }
}

#[allow(unsafe_code, reason = "called by C")]
unsafe extern "C" fn round_up(bytes: c_int) -> c_int {
    // SAFETY: only reckons.
    unsafe { mimalloc::mi_good_size(bytes as usize) as c_int }
}

#[allow(unsafe_code, reason = "called by C")]
unsafe extern "C" fn start(_: *mut c_void) -> c_int {
    ffi::SQLITE_OK
}

#[allow(unsafe_code, reason = "called by C")]
unsafe extern "C" fn end(_: *mut c_void) {}

#[cfg(test)]
mod tests {
    use crate::{create_fresh, finish_fresh, open_reader, open_writer};
    use std::fs::{self, File};
    use std::io::{Seek, SeekFrom, Write};

    /// A log whose first frame is torn, as a power loss leaves it, read by a process that has freed the word before.
    #[test]
    fn what_was_freed_does_not_come_into_the_index_of_a_torn_log() {
        const WORD: &str = "freed-and-hidden";
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.sqlite");
        let db = create_fresh(&path).unwrap();
        db.execute_batch("CREATE TABLE t (x)").unwrap();
        finish_fresh(db, &path).unwrap();
        let writer = open_writer(&path).unwrap();
        writer.execute_batch("INSERT INTO t VALUES (1)").unwrap();
        let torn = dir.path().join("torn.sqlite");
        let beside = |end: &str| dir.path().join(format!("torn.sqlite-{end}"));
        fs::copy(&path, &torn).unwrap();
        fs::copy(dir.path().join("a.sqlite-wal"), beside("wal")).unwrap();
        drop(writer);
        let mut log = File::options().write(true).open(beside("wal")).unwrap();
        log.seek(SeekFrom::Start(32 + 24)).unwrap();
        log.write_all(&[0xff; 64]).unwrap();
        // With one allocator for all, the block would come from what is freed here.
        let words: Vec<String> =
            (0..64).map(|n| WORD.repeat((32_768 + n * 512) / WORD.len())).collect();
        assert!(words.iter().all(|text| text.ends_with(WORD)));
        drop(words);
        let reader = open_reader(&torn).unwrap();
        let rows: i64 = reader.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0, "the log's only frame is torn");
        let index = fs::read(beside("shm")).unwrap();
        assert!(!index.windows(WORD.len()).any(|bytes| bytes == WORD.as_bytes()));
    }

    #[test]
    #[allow(unsafe_code, reason = "calls what C calls")]
    fn what_is_given_and_what_is_added_is_zero() {
        for bytes in [24, 4096, 36_888, 1 << 20] {
            for _ in 0..100 {
                // SAFETY: each block is written within what was asked for and given back once.
                unsafe {
                    let block = super::allocate(bytes).cast::<u8>();
                    assert!((0..bytes as usize).all(|n| *block.add(n) == 0));
                    block.write_bytes(0xff, bytes as usize);
                    let block = super::resize(block.cast(), 2 * bytes).cast::<u8>();
                    let added = bytes as usize..2 * bytes as usize;
                    let unused = super::size(block.cast()) as usize;
                    assert!(unused >= added.end && added.clone().all(|n| *block.add(n) == 0));
                    block.write_bytes(0xff, added.end);
                    super::free(block.cast());
                }
            }
        }
    }
}
