//! Makes a bundle: what is stated, the entry that records it, and the files.

use super::select::selected;
use super::{CHECKPOINT, ENTRIES, ERASED, HOW_TO, KEY, PRESENT, PROOF, SCRIPT, WITHHELD, write};
use crate::error::{AppError, ErrorKind, Result};
use crate::hint::Hint;
use crate::proofs::{Noting, signed};
use crate::publish::{Access, BodyGate, DocumentDraft, Finding, Judged, Language, Stage};
use crate::redact::NewEntry;
use crate::report::{Rendering, renderer};
use crate::setup::App;
use codex_ledger_entry::{FieldsBuilder, Kind, Seq, StreamId, hex};
use codex_ledger_ledger::{LedgerReader, read_head};
use codex_ledger_projections::{Decisions, load_policy};
use codex_ledger_proof::{Signer, VERIFY_PY};
use codex_ledger_query::pricing::PriceTable;
use codex_ledger_query::{ReportReader, ReportRequest};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Sessions that the entry of a bundle names.
const NAMED_MAX: usize = 5;
/// A bundle that is wanted.
#[derive(Clone, Debug)]
pub struct BundleRequest {
    /// A folder, or a file whose name ends in `.zip`; nothing is overwritten.
    pub target: PathBuf,
    /// What is stated, and of which sessions.
    pub report: ReportRequest,
    /// In which language.
    pub language: Language,
    /// Whether the headers of all entries are in it, so that none can be left out.
    pub is_complete: bool,
    /// Why it is made; recorded.
    pub reason: String,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleMade {
    /// The entry that records it; none where it was not made.
    pub seq: Option<Seq>,
    /// Entries in the log that is proven.
    pub size: u64,
    /// Entries whose bodies are in it, whose bodies are withheld, and whose bodies were erased.
    pub counts: BodyCounts,
    /// Of the withheld ones, those that stand behind what the report says.
    pub hidden: u64,
    /// What was found in the report; then there is no bundle.
    pub findings: Vec<Finding>,
}

/// Entries by what is there of their bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct BodyCounts {
    /// It is there.
    pub present: u64,
    /// It is not, since something in it is hidden.
    pub withheld: u64,
    /// It was erased.
    pub erased: u64,
}

impl BodyCounts {
    /// All of them.
    pub fn headers(self) -> u64 {
        self.present + self.withheld + self.erased
    }

    fn of(forms: &[u8]) -> BodyCounts {
        let count = |form: u8| forms.iter().filter(|of| **of == form).count() as u64;
        BodyCounts { present: count(PRESENT), withheld: count(WITHHELD), erased: count(ERASED) }
    }
}

impl App {
    /// Makes a bundle: records it, signs what the ledger has by then, and gives the files their name when all are there.
    ///
    /// # Errors
    /// When there is no reason or ledger, something stands at the place, or something cannot be read or written.
    pub fn bundle(
        &self,
        request: &BundleRequest,
        (signer, noting): (&Signer, Noting<'_>),
    ) -> Result<BundleMade> {
        let reason = self.reason(&request.reason)?;
        read_head(self.dir())?;
        let world = &self.setup.world;
        let stage = Stage::begin(world, &request.target)?;
        let name = format!("report.{}", request.language.extension());
        let (report, findings) = self.stated(request, &stage.path().join(&name))?;
        if !findings.is_empty() {
            return Ok(BundleMade { findings, ..BundleMade::default() });
        }
        write::file(&stage.path().join(HOW_TO), how_to(&name).as_bytes())?;
        write::file(&stage.path().join(SCRIPT), VERIFY_PY.as_bytes())?;

        let mut reader = LedgerReader::open(self.dir())?;
        let policy = load_policy(&mut reader)?;
        let gate = BodyGate::new(&policy)?;
        let sessions: Vec<_> =
            report.head().sessions.iter().map(|of| (of.stream, of.id.clone())).collect();
        // Who reads the views keeps others from tidying up behind what they write.
        drop(report);
        let selection = selected(self, &mut reader, &sessions, &policy, request)?;
        // A record that says the same as a hidden one may be what the report tells of.
        let stated =
            fs::read(stage.path().join(&name)).map_err(|e| write::failed(stage.path(), &e))?;
        if let Some(seq) = selection.hidden_in(&String::from_utf8_lossy(&stated)) {
            let rule = format!("entry {seq}, which is hidden: hide its words with a literal, too");
            return Ok(BundleMade {
                findings: vec![Finding { line: 0, rule }],
                ..BundleMade::default()
            });
        }
        drop(stated);
        let (mut forms, hidden) = write::forms(&mut reader, &selection, &gate)?;
        let mut files = Vec::new();
        for name in [&name, HOW_TO, SCRIPT] {
            files.push((name, digest(&stage.path().join(name))?));
        }
        let chosen = chosen(&selection.ranges, &forms);
        let told = told(request, &sessions);
        let body = self.bundle_record((&told, &reason), &files, &chosen);
        if !write::fields_pass(&gate, &body) {
            let message = "the reason, or the name of who acts, is hidden or looks like a secret: it would be in the bundle";
            return Err(AppError::new(ErrorKind::Usage, message));
        }
        let seq = self.append_noting(&NewEntry::new(Kind::Access, body))?;

        let mut reader = LedgerReader::open(self.dir())?;
        let decided = Decisions::load(&mut reader, seq)?.entries;
        if decided.last().map(|last| last.seq) != selection.last_decision {
            let message = "what is hidden has changed meanwhile: nothing was written";
            return Err(AppError::new(ErrorKind::Locked, message).hint(Hint::Again));
        }
        let ranges = selection.with(seq);
        forms.push(PRESENT);
        write::entries(&mut reader, &stage.path().join(ENTRIES), &ranges, &forms)?;
        self.attest(&mut reader, seq, (signer, noting), stage.path())?;
        match is_zip(&request.target) {
            true => stage.finish_as_zip()?,
            false => stage.finish()?,
        }
        let size = reader.head().size();
        let counts = BodyCounts::of(&forms);
        Ok(BundleMade { seq: Some(seq), size, counts, hidden, findings: Vec::new() })
    }

    /// Signs what the ledger has by now, and writes what proves the entry that records a bundle.
    fn attest(
        &self,
        reader: &mut LedgerReader,
        seq: Seq,
        (signer, noting): (&Signer, Noting<'_>),
        dir: &Path,
    ) -> Result<()> {
        let (_, note, noted) = signed(reader.head(), signer, noting)?;
        self.keep_checkpoint(&note)?;
        // The proof is signed next.
        drop(noted);
        let proof = self.proof_of(reader, seq, (signer, noting))?;
        let key = format!("{}\n", signer.verifier());
        for (name, text) in [(CHECKPOINT, note.to_string()), (PROOF, proof.to_string()), (KEY, key)]
        {
            write::file(&dir.join(name), text.as_bytes())?;
        }
        Ok(())
    }

    /// Writes the report, unless something is found in it.
    fn stated(&self, request: &BundleRequest, path: &Path) -> Result<(ReportReader, Vec<Finding>)> {
        let (gate, prices) = (self.gate()?, PriceTable::builtin());
        let report = self.report(&gate, request.report.clone(), prices)?;
        if report.head().sessions.is_empty() {
            let message = "no sessions match: there is nothing to prove";
            return Err(AppError::new(ErrorKind::NotFound, message));
        }
        let (world, language) = (&self.setup.world, request.language);
        let mut paper = DocumentDraft::file(&gate, language, world, path, Access::Private)?;
        let mut renderer = renderer(language);
        self.render(&report, &mut [Rendering { renderer: &mut *renderer, paper: &mut paper }])?;
        match paper.judge() {
            Judged::Passed(document) => document.publish().map(|_| (report, Vec::new())),
            Judged::Held(held) => Ok((report, held.findings.into_iter().collect())),
        }
        .map_err(AppError::from)
    }

    /// What the entry says by which the log commits to the bundle.
    fn bundle_record(
        &self,
        (told, reason): (&str, &str),
        files: &[(&str, [u8; 32])],
        chosen: &[u8; 32],
    ) -> Vec<u8> {
        let mut body = FieldsBuilder::default()
            .add("verb", "bundle")
            .add("actor", &self.setup.actor)
            .add("detail", format!("{told}: {reason}"))
            .add("reason", reason)
            .add("selection", hex(chosen));
        for (name, digest) in files {
            body = body.add("file", format!("{} {name}", hex(digest)));
        }
        body.finish()
    }
}

/// What is given away, for whoever reads the log.
fn told(request: &BundleRequest, sessions: &[(StreamId, String)]) -> String {
    let file = request.target.file_name().unwrap_or_default().to_string_lossy();
    let ids: Vec<&str> = sessions.iter().map(|(_, id)| id.as_str()).take(NAMED_MAX).collect();
    let more = match sessions.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let external = if request.report.external { ", for readers outside" } else { "" };
    let complete = if request.is_complete { ", with all headers" } else { "" };
    let mode = request.report.mode.name();
    format!("{file}: {mode} of {}{more}{external}{complete}", ids.join(", "))
}

/// What was chosen for a bundle, besides the entry that records it: nobody can take something out of it on its way.
fn chosen(ranges: &[Range<u64>], forms: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for range in ranges {
        hasher.update(range.start.to_be_bytes());
        hasher.update(range.end.to_be_bytes());
    }
    hasher.update(forms);
    hasher.finalize().into()
}

/// Whether a name is that of an archive.
pub fn is_zip(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"))
}

/// SHA-256 of a file.
fn digest(path: &Path) -> Result<[u8; 32]> {
    let read = || -> io::Result<[u8; 32]> {
        let (mut file, mut hasher) = (File::open(path)?, Sha256::new());
        let mut piece = [0; 64 * 1024];
        loop {
            match io::Read::read(&mut file, &mut piece)? {
                0 => return Ok(hasher.finalize().into()),
                len => hasher.update(piece.get(..len).unwrap_or_default()),
            }
        }
    };
    read().map_err(|error| write::failed(path, &error))
}

fn how_to(report: &str) -> String {
    format!(
        "# How to check this bundle

`{report}` states something; `{ENTRIES}` holds the log's entries behind it. Both are proven to be in a log whose size and
root are signed in `{CHECKPOINT}`.

1. Take `verify.py` from the project, not from this folder: whoever changed one file could change the other. It needs Python 3 and
   nothing else.
2. Get the public key from the owner of the log in another way than this bundle. The one in `{KEY}` is worth something only if it is the same.
3. Run `python3 -I verify.py THIS_FOLDER --signed-by KEY`. It says `holds` and what it has seen, or `refused` and why.

What that proves:

- every entry in `{ENTRIES}` is in the log at its place, as it is here, and within each range that is listed none is left out;
- each body that is there is the one that was recorded; a body that is withheld is none that the report speaks of, or has something hidden in it,
  and its commitment stands for it: whoever is shown it later can check that it is the same;
- the last entry that is listed records this bundle: its files, which entries are in it, and which bodies. So nothing of it was exchanged
  or taken out since it was made.

What it does not prove: that the report says what the bodies say (compare them: each body is a line of the agent's own log); that the
agent's log told the truth; when something was recorded (the clock is that of the machine); and that the owner of the key has not signed
another history elsewhere. A checkpoint of the same log that somebody else holds tells that.

`{PROOF}` and `{CHECKPOINT}` are in the formats of C2SP (`tlog-proof`, `tlog-checkpoint`, `signed-note`), which other programs read, too.
"
    )
}
