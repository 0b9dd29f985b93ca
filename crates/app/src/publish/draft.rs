//! A document on its way out: written, looked at, and only then given its name.

use super::error::{PublishError, Result};
use super::gate::{DocumentCheck, Finding, Gate, Part};
use super::reading::Language;
use super::temporary::{Access, Temporary, clean, folder_of};
use codex_ledger_entry::Seq;
use codex_ledger_ledger::World;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 64 * 1024;

/// What a document is written on: it hears where a part ends and which texts it was made of.
pub trait Paper: Write {
    /// What an error of writing names.
    fn place(&self) -> String;

    /// Ends a part that was made of these texts.
    fn end_part(&mut self, of: &[Part<'_>]);
}

/// A document that has no name yet.
pub struct DocumentDraft<'g> {
    name: String,
    inspection: DocumentCheck<'g>,
    body: Body,
    bytes: u64,
}

enum Body {
    /// In memory.
    Memory(Vec<u8>),
    /// Beside the place where it will be.
    Beside(BufWriter<Temporary>),
    /// For what is no file, such as a pipe or a device: nothing may take its place, so the document waits
    /// in a file without a name.
    Waiting(BufWriter<File>, PathBuf),
}

impl<'g> DocumentDraft<'g> {
    /// Begins a document that will be a file; `access` holds where it is new.
    ///
    /// # Errors
    /// When there cannot be such a file.
    pub fn file(
        gate: &'g Gate,
        language: Language,
        world: &World,
        path: &Path,
        access: Access,
    ) -> Result<DocumentDraft<'g>> {
        let is_device = fs::metadata(path).is_ok_and(|found| !found.is_file());
        let body = match is_device {
            true => {
                let waiting = tempfile::tempfile().map_err(PublishError::io(path.display()))?;
                Body::Waiting(BufWriter::with_capacity(BUFFER_BYTES, waiting), path.to_path_buf())
            }
            false => {
                clean(folder_of(path));
                let beside = Temporary::create(world, path, access)?;
                Body::Beside(BufWriter::with_capacity(BUFFER_BYTES, beside))
            }
        };
        Ok(DocumentDraft::new(gate, language, path.display().to_string(), body))
    }

    /// Begins a document that is kept in memory until a folder takes it under that name.
    pub fn page(gate: &'g Gate, language: Language, name: &str) -> DocumentDraft<'g> {
        DocumentDraft::new(gate, language, name.to_string(), Body::Memory(Vec::new()))
    }

    fn new(gate: &'g Gate, language: Language, name: String, body: Body) -> DocumentDraft<'g> {
        DocumentDraft { name, inspection: gate.inspect(language), body, bytes: 0 }
    }

    /// Ends the document, and says whether it may be published.
    pub fn judge(self) -> Judged {
        let findings = self.inspection.finish();
        let passed = Publishable { name: self.name, body: self.body, bytes: self.bytes };
        match findings.is_empty() {
            true => Judged::Passed(passed),
            false => Judged::Held(Held { findings, document: passed }),
        }
    }
}

impl Write for DocumentDraft<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.body {
            Body::Memory(memory) => memory.write(bytes)?,
            Body::Beside(file) => file.write(bytes)?,
            Body::Waiting(file, _) => file.write(bytes)?,
        };
        self.inspection.take(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper for DocumentDraft<'_> {
    fn place(&self) -> String {
        self.name.clone()
    }

    fn end_part(&mut self, of: &[Part<'_>]) {
        self.inspection.end_part(of);
    }
}

/// A document that passed the gate, or was let through it: nothing else can be given a name.
pub struct Publishable {
    name: String,
    body: Body,
    bytes: u64,
}

impl Publishable {
    /// Its name, as the draft had it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The document, where it is kept in memory.
    pub(super) fn memory(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Memory(bytes) => Some(bytes),
            Body::Beside(_) | Body::Waiting(..) => None,
        }
    }

    /// Gives the file its name, durably; returns its bytes.
    ///
    /// # Errors
    /// When it cannot be written; an older file then is as it was.
    pub fn publish(self) -> Result<u64> {
        let wrong = |e: io::Error| PublishError::io(&self.name)(e);
        match self.body {
            // A page is put into its folder.
            Body::Memory(_) => {}
            Body::Beside(file) => {
                file.into_inner().map_err(|e| wrong(e.into_error()))?.name_durably()?;
            }
            Body::Waiting(file, path) => {
                let mut file = file.into_inner().map_err(|e| wrong(e.into_error()))?;
                file.rewind().map_err(wrong)?;
                let mut out = File::options().write(true).open(&path).map_err(wrong)?;
                io::copy(&mut file, &mut out).map_err(wrong)?;
            }
        }
        Ok(self.bytes)
    }
}

/// What became of a draft.
pub enum Judged {
    /// Nothing was found.
    Passed(Publishable),
    /// Something was found: it stays unwritten.
    Held(Held),
}

/// A document in which something was found. Dropped, nothing of it is left.
pub struct Held {
    /// What was found.
    pub findings: BTreeSet<Finding>,
    document: Publishable,
}

impl Held {
    /// Its name, as the draft had it.
    pub fn name(&self) -> &str {
        &self.document.name
    }

    /// Lets it through where the ledger says that a person wanted that, after seeing what was found.
    pub fn release(self, waiver: &Waiver) -> Judged {
        let covers = |finding: &Finding| waiver.rules.contains(&finding.rule);
        match waiver.names.contains(self.name()) && self.findings.iter().all(covers) {
            true => Judged::Passed(self.document),
            false => Judged::Held(self),
        }
    }
}

/// The right to publish named documents in which named rules found something; an entry of the ledger says who
/// wanted it, and why.
#[derive(Clone, Debug)]
pub struct Waiver {
    seq: Seq,
    names: BTreeSet<String>,
    rules: BTreeSet<String>,
}

impl Waiver {
    /// The right that the entry `seq` records. Made by the use case that appends it, and by nothing else.
    pub(crate) fn recorded(seq: Seq, names: BTreeSet<String>, rules: BTreeSet<String>) -> Waiver {
        Waiver { seq, names, rules }
    }

    /// Seq of the entry.
    pub fn seq(&self) -> Seq {
        self.seq
    }
}

/// A document for somebody's eyes, such as standard output: looked at, and not held.
pub struct Watched<'g, W> {
    out: W,
    place: String,
    inspection: DocumentCheck<'g>,
}

impl<'g, W: Write> Watched<'g, W> {
    /// Begins a document.
    pub fn new(gate: &'g Gate, language: Language, place: &str, out: W) -> Watched<'g, W> {
        Watched { out, place: place.to_string(), inspection: gate.inspect(language) }
    }

    /// What a file of the same bytes would be held for.
    ///
    /// # Errors
    /// As the writer.
    pub fn finish(mut self) -> io::Result<BTreeSet<Finding>> {
        self.out.flush()?;
        Ok(self.inspection.finish())
    }
}

impl<W: Write> Write for Watched<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.inspection.take(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> Paper for Watched<'_, W> {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn end_part(&mut self, of: &[Part<'_>]) {
        self.inspection.end_part(of);
    }
}
