//! The ledger without its engine: headers, salts and bodies in one file, and the head beside it.

use super::error::{LedgerError, Result};
use super::pack::StoredBody;
use super::reader::LedgerReader;
use codex_ledger_entry::{EntryId, Seq};
use std::fs::File;
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

/// Writes `entries.cxl` and `head.json` into a directory, durably and for their owner only; see
/// `docs/FORMAT.md` section 4. Files that are there already stay.
///
/// # Errors
/// When the ledger cannot be read, the directory not written, or one of the files is there.
pub fn export(reader: &mut LedgerReader, dir: &Path) -> Result<ExportSummary> {
    let path = dir.join("entries.cxl");
    let mut out = Counting { inner: BufWriter::new(create(&path)?), bytes: 0 };
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
    let mut next = Seq::FIRST;
    while let Some(pack) = reader.pack_from(next)? {
        next = pack.info.end_seq();
        for entry in &pack.entries {
            let header = pack.header(&head.identity, entry, prev).encode();
            prev = codex_ledger_entry::Header::id(&header);
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
    let Counting { inner, bytes } = out;
    let entries = inner.into_inner().map_err(|e| e.into_error());
    entries.and_then(|file| file.sync_all()).map_err(LedgerError::io("cannot write", &path))?;
    let json = format!(
        "{{\"size\": {}, \"id\": \"{}\", \"root\": \"{}\", \"ledger\": \"{}\", \"origin\": \"{}\"}}\n",
        head.end(),
        head.chain.id,
        head.chain.tree.root(),
        head.identity.ledger,
        head.identity.origin
    );
    let head_path = dir.join("head.json");
    let mut file = create(&head_path)?;
    let written = file.write_all(json.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(LedgerError::io("cannot write", &head_path))?;
    Ok(ExportSummary { entries: next.since(Seq::FIRST), bytes })
}

fn create(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(LedgerError::io("cannot create", path))
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
