//! Time stamps of checkpoints: asked for, kept as entries, and checked.

use super::redact::NewEntry;
use super::setup::App;
use crate::error::{AppError, ErrorKind, Result};
use crate::network::{failed, post};
use crate::proofs::{Against, Noting, signed, unsound};
use crate::small_file::{EVIDENCE_MAX_BYTES, read_file};
use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use codex_ledger_entry::{Fields, FieldsBuilder, Kind, Seq};
use codex_ledger_ledger::LedgerReader;
use codex_ledger_proof::{Authority, Checkpoint, Signer, Stamp, Stamped, stamp_request};
use codex_ledger_query::ActFilter;
use std::path::Path;

const STAMP: &str = "stamp";
const QUERY_TYPE: &str = "application/timestamp-query";

/// A time stamp that the ledger keeps.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct KeptStamp {
    /// The entry that holds it.
    pub seq: Seq,
    /// Entries that the stamped checkpoint covers; none where it cannot be read.
    pub size: Option<u64>,
    /// When the checkpoint existed, in seconds since 1970, as the authority says; none where that is not proven.
    pub at: Option<u64>,
    /// How far off that may be, in seconds.
    pub accuracy_secs: Option<u64>,
    /// The authority; none where that is not proven.
    pub by: Option<String>,
    /// Why it proves nothing; none where it does.
    pub refused: Option<String>,
    /// The checkpoint that is stamped, byte for byte.
    #[serde(skip)]
    pub checkpoint: String,
    /// The authority's word (`TimeStampToken`, DER).
    #[serde(skip)]
    pub token: Vec<u8>,
}

/// What was asked of an authority.
pub struct StampRequest {
    /// The checkpoint that is to be stamped, byte for byte.
    pub checkpoint: String,
    /// The request (`TimeStampReq`, DER).
    pub query: Vec<u8>,
}

impl App {
    /// The certificates that time stamps have to lead to, out of the configuration.
    ///
    /// # Errors
    /// When a file cannot be read, or holds no certificate.
    pub fn authorities(&self) -> Result<Vec<Authority>> {
        let files = &self.checkpoint_config().time_authorities;
        let all: Result<Vec<_>> = files.iter().map(|path| read_authorities(path)).collect();
        Ok(all?.concat())
    }

    /// A checkpoint of what the ledger has now, and what to ask an authority for it.
    ///
    /// # Errors
    /// When the ledger cannot be read, or nothing can be signed.
    pub fn stamp_request(
        &self,
        (signer, noting): (&Signer, Noting<'_>),
        nonce: Option<u64>,
    ) -> Result<StampRequest> {
        let reader = LedgerReader::open(self.dir())?;
        let (_, note) = signed(reader.head(), signer, noting)?;
        let checkpoint = note.to_string();
        let query = stamp_request(checkpoint.as_bytes(), nonce).map_err(unsound)?;
        Ok(StampRequest { checkpoint, query })
    }

    /// Asks an authority on the network (RFC 3161 over HTTP) for a time stamp of what the ledger has now, and keeps it.
    ///
    /// # Errors
    /// When it cannot be reached, refuses, or what it answers does not lead to one that is trusted.
    pub fn ask_stamp(&self, url: &str, signer: (&Signer, Noting<'_>)) -> Result<KeptStamp> {
        // Whoever trusts nobody has nothing of an answer.
        let trusted = self.authorities()?;
        let mut nonce = [0; 8];
        self.setup.world.entropy.fill(&mut nonce).map_err(|source| {
            AppError::new(ErrorKind::Io, format!("the system gives no randomness: {source}"))
        })?;
        let nonce = u64::from_be_bytes(nonce);
        let request = self.stamp_request(signer, Some(nonce))?;
        let answer = post(url, Some(QUERY_TYPE), &request.query)?;
        if answer.status != 200 {
            return Err(failed(url, format!("the authority answers {}", answer.status)));
        }
        let refused = |error| failed(url, error);
        let stamp = Stamp::parse(&answer.body).map_err(refused)?;
        stamp.answers(nonce).map_err(refused)?;
        self.keep_stamp(&request.checkpoint, &stamp, &trusted)
    }

    /// Keeps a time stamp of a checkpoint of this ledger, as an entry.
    ///
    /// # Errors
    /// When the checkpoint is not one of what the ledger has, or the stamp is not of it or does not lead to an authority that
    /// is trusted.
    pub fn keep_stamp(
        &self,
        checkpoint: &str,
        stamp: &Stamp,
        trusted: &[Authority],
    ) -> Result<KeptStamp> {
        let stamped = stamp.verify(checkpoint.as_bytes(), trusted).map_err(unsound)?;
        let (of, _) = Checkpoint::parse(checkpoint).map_err(unsound)?;
        match self.against(std::slice::from_ref(&of))? {
            Against::Consistent { .. } => {}
            _ => return Err(unsound("the stamped checkpoint is not one of what the ledger has")),
        }
        let body = FieldsBuilder::default()
            .add("verb", STAMP)
            .add("actor", &self.setup.actor)
            .add("detail", format!("{} entries, by {}", of.size, stamped.by))
            .number("at", stamped.at)
            .add("checkpoint", checkpoint)
            .add("token", BASE64.encode(stamp.token()))
            .finish();
        let mut ledger = self.open()?;
        let appended = self.append_noted(&mut ledger, &[NewEntry::new(Kind::Action, body)])?;
        drop(ledger);
        self.update_views(&mut |_| ())?;
        let token = stamp.token().to_vec();
        let (seq, size) = (appended.from, Some(of.size));
        Ok(kept((seq, size), checkpoint.to_string(), token, Ok(stamped)))
    }

    /// The time stamps that the ledger keeps, each checked, the oldest first.
    ///
    /// # Errors
    /// When there are no views, or entries cannot be read.
    pub fn stamps(&self, trusted: &[Authority]) -> Result<Vec<KeptStamp>> {
        let filter = ActFilter { kinds: vec![STAMP.into()], ..ActFilter::default() };
        let (acts, _) = self.acts(&filter)?;
        let mut reader = LedgerReader::open(self.dir())?;
        let mut all = Vec::new();
        for act in acts {
            let Some(entry) = reader.control(act.seq)? else { continue };
            let Ok(fields) = Fields::parse(&entry.body) else { continue };
            let checkpoint = fields.text("checkpoint").unwrap_or_default();
            let token = BASE64.decode(fields.text("token").unwrap_or_default());
            let token = token.unwrap_or_default();
            let (size, stamped) = match Checkpoint::parse(&checkpoint) {
                Err(error) => (None, Err(error.to_string())),
                Ok((of, _)) => {
                    let stamp = Stamp::parse(&token);
                    let stamped = stamp.and_then(|it| it.verify(checkpoint.as_bytes(), trusted));
                    let stamped = stamped.map_err(|error| error.to_string());
                    let verdict = self.against(std::slice::from_ref(&of))?;
                    let is_own = matches!(verdict, Against::Consistent { .. });
                    let other = || Err("what was stamped is not what the ledger has".into());
                    (Some(of.size), if is_own { stamped } else { other() })
                }
            };
            all.push(kept((entry.seq, size), checkpoint, token, stamped));
        }
        Ok(all)
    }
}

fn kept(
    (seq, size): (Seq, Option<u64>),
    checkpoint: String,
    token: Vec<u8>,
    stamped: std::result::Result<Stamped, String>,
) -> KeptStamp {
    let (stamped, refused) = match stamped {
        Ok(stamped) => (Some(stamped), None),
        Err(why) => (None, Some(why)),
    };
    KeptStamp {
        seq,
        size,
        at: stamped.as_ref().map(|stamped| stamped.at),
        accuracy_secs: stamped.as_ref().and_then(|stamped| stamped.accuracy_secs),
        by: stamped.map(|stamped| stamped.by),
        refused,
        checkpoint,
        token,
    }
}

/// The certificates of a file.
///
/// # Errors
/// When it cannot be read, or holds none.
pub fn read_authorities(path: &Path) -> Result<Vec<Authority>> {
    let bytes = read_file(path, EVIDENCE_MAX_BYTES)?;
    Authority::parse_all(&bytes).map_err(|error| unsound(format!("{}: {error}", path.display())))
}

/// Verifies a time stamp of a checkpoint or of any other bytes, without a ledger.
///
/// # Errors
/// When it is none, is of other bytes, or does not lead to an authority that is trusted.
pub fn verify_stamp(stamp: &[u8], bytes: &[u8], trusted: &[Authority]) -> Result<Stamped> {
    let stamp = Stamp::parse(stamp).map_err(unsound)?;
    stamp.verify(bytes, trusted).map_err(unsound)
}
