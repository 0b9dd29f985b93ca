//! The ledger without its engine, and back.

use super::setup::App;
use crate::error::{AppError, ErrorKind, Result};
use crate::progress::Listener;
use crate::proofs::read_note;
use crate::publish::Stage;
use crate::status::HeadSummary;
use codex_ledger_ledger::{ChainEnd, ExportSummary, LedgerReader, export, import, read_head};
use codex_ledger_proof::Checkpoint;
use std::path::Path;

/// Name of the file of an export that says where it ends.
const HEAD_FILE: &str = "head.json";

/// What an export says of its end.
#[derive(serde::Deserialize)]
struct ExportedHead {
    size: u64,
    id: String,
    root: String,
}

impl App {
    /// Writes the ledger without its engine into a new folder, whole or not at all, for its owner only.
    ///
    /// # Errors
    /// When there is no reason, something stands there, entries cannot be read or the folder not be written.
    pub fn export(&self, target: &Path, reason: &str) -> Result<ExportSummary> {
        let reason = self.reason(reason)?;
        // A ledger is made by an append, not in passing.
        read_head(self.dir())?;
        let stage = Stage::begin(&self.setup.world, target)?;
        self.note_access("export", "the whole ledger, raw", Some(&reason))?;
        let mut reader = LedgerReader::open(self.dir())?;
        let summary = export(&mut reader, stage.path())?;
        // Who vouches for it goes with it.
        for path in [self.checkpoint_path(), self.cosigned_path()] {
            if let (Some(name), Ok(text)) = (path.file_name(), std::fs::read(&path)) {
                crate::bundle::write_file(&stage.path().join(name), &text)?;
            }
        }
        stage.finish()?;
        Ok(summary)
    }

    /// Makes this ledger, where there is none, out of an export, and views of it.
    ///
    /// # Errors
    /// When there is a ledger, the export does not verify, or something cannot be read or written.
    pub fn import(&self, from: &Path, listener: Listener<'_>) -> Result<HeadSummary> {
        let world = &self.setup.world;
        let wrong = |error: &dyn std::fmt::Display| {
            AppError::new(
                ErrorKind::Damaged,
                format!("{}: {error}", from.join(HEAD_FILE).display()),
            )
        };
        let head =
            read_note(&from.join(HEAD_FILE))?.ok_or_else(|| wrong(&"there is no such file"))?;
        let head: ExportedHead = serde_json::from_str(&head).map_err(|error| wrong(&error))?;
        // Read before anything is made: what stands there may be anybody's.
        let mut beside = Vec::new();
        for path in [self.checkpoint_path(), self.cosigned_path()] {
            let Some(name) = path.file_name() else { continue };
            if let Some(text) = read_note(&from.join(name))? {
                Checkpoint::parse(&text).map_err(|error| {
                    AppError::new(
                        ErrorKind::Damaged,
                        format!("{}: {error}", from.join(name).display()),
                    )
                })?;
                beside.push((path, text));
            }
        }
        let fits = |chain: &ChainEnd| {
            let now = HeadSummary::of_chain(chain);
            (now.size, now.id, now.root) == (head.size, head.id.clone(), head.root.clone())
        };
        let holder = &self.setup.holder;
        let head = import(&from.join("entries.cxl"), self.dir(), (world, holder), &fits)?;
        for (path, text) in beside {
            self.write_durably(&path, text.as_bytes())?;
        }
        self.rebuild_views(listener)?;
        Ok(HeadSummary::of(&head))
    }
}
