//! The ledger without its engine: headers, salts and bodies in one file, and the head beside it.

use super::error::{LedgerError, Result};
use super::pack::StoredBody;
use super::reader::LedgerReader;
use crate::entry::EntryId;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

const MAGIC: &[u8; 4] = b"CXLX";
const VERSION: u16 = 1;

/// What was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportSummary {
    /// Entries written.
    pub entries: u64,
    /// Bytes of `entries.cxl`.
    pub bytes: u64,
}

/// Writes `entries.cxl` and `head.json` into a directory; see `docs/FORMAT.md` section 4.
///
/// # Errors
/// When the ledger cannot be read or the directory not written.
pub fn export(reader: &mut LedgerReader, dir: &Path) -> Result<ExportSummary> {
    fs::create_dir_all(dir).map_err(LedgerError::io("cannot create", dir))?;
    let path = dir.join("entries.cxl");
    let file = File::create(&path).map_err(LedgerError::io("cannot create", &path))?;
    let mut out = Counting { inner: BufWriter::new(file), bytes: 0 };
    let head = reader.head().clone();
    let mut start = MAGIC.to_vec();
    start.extend_from_slice(&VERSION.to_be_bytes());
    start.extend_from_slice(&head.identity.ledger.0);
    start.extend_from_slice(&head.identity.origin.0);
    let write = |out: &mut Counting, bytes: &[u8]| {
        out.write(bytes).map_err(LedgerError::io("cannot write", &path))
    };
    write(&mut out, &start)?;
    let mut prev = EntryId::default();
    let mut next = 0;
    while let Some(pack) = reader.pack_from(next)? {
        next = pack.info.end_seq();
        for entry in &pack.entries {
            let header = pack.header(&head.identity, entry, prev).encode();
            prev = crate::entry::Header::id(&header);
            write(&mut out, &header)?;
            match &entry.body {
                StoredBody::Erased { .. } => write(&mut out, &[2])?,
                StoredBody::Inline { salt, .. } | StoredBody::Blocks { salt, .. } => {
                    write(&mut out, &[0])?;
                    write(&mut out, salt)?;
                    let mut failed = Ok(());
                    reader.each_piece(&pack, entry, |piece| {
                        if failed.is_ok() {
                            failed = write(&mut out, piece);
                        }
                    })?;
                    failed?;
                }
            }
        }
    }
    out.inner.flush().map_err(LedgerError::io("cannot write", &path))?;
    let json = format!(
        "{{\"size\": {}, \"id\": \"{}\", \"root\": \"{}\", \"ledger\": \"{}\", \"origin\": \"{}\"}}\n",
        head.size(),
        head.chain.id,
        head.chain.tree.root(),
        head.identity.ledger,
        head.identity.origin
    );
    let head_path = dir.join("head.json");
    fs::write(&head_path, json).map_err(LedgerError::io("cannot write", &head_path))?;
    Ok(ExportSummary { entries: next, bytes: out.bytes })
}

struct Counting {
    inner: BufWriter<File>,
    bytes: u64,
}

impl Counting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.bytes += bytes.len() as u64;
        self.inner.write_all(bytes)
    }
}
