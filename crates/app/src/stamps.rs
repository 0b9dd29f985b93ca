//! Time stamps of checkpoints: asked for, kept as entries, and checked.

use super::redact::NewEntry;
use super::setup::App;
use crate::error::{AppError, ErrorKind, Result};
use crate::network::{failed, post};
use crate::proofs::{Against, Noting, signed, unsound};
use crate::small_file::{EVIDENCE_MAX_BYTES, read_file};
use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use codex_ledger_entry::{Fields, FieldsBuilder, Header, Kind, Seq};
use codex_ledger_ledger::{LedgerReader, header_of};
use codex_ledger_proof::{Authority, Checkpoint, Signer, Stamp, Stamped, Verifier, stamp_request};
use codex_ledger_query::ActFilter;
use std::path::Path;

const STAMP: &str = "stamp";
/// What is said of a time stamp where no authority is trusted.
const UNCHECKED: &str = "not checked: no authority is configured";
/// A checkpoint with its signatures is no longer.
const CHECKPOINT_MAX_BYTES: usize = 64 << 10;
const NANOS: u64 = 1_000_000_000;
/// Clocks may differ by so much.
const CLOCK_SLACK_SECS: u64 = 300;
const QUERY_TYPE: &str = "application/timestamp-query";

/// A time stamp that the ledger keeps.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct KeptStamp {
    /// The entry that holds it.
    pub seq: Seq,
    /// Entries that the stamped checkpoint covers; none where it cannot be read.
    pub size: Option<u64>,
    /// When the checkpoint existed, in seconds since 1970, as the authority says; none where that is not proven.
    pub at_secs: Option<u64>,
    /// How far off that may be, in seconds.
    pub accuracy_secs: Option<u64>,
    /// The authority; none where that is not proven.
    pub by: Option<String>,
    /// Number that the authority has given it, in hex.
    pub serial: Option<String>,
    /// SHA-256 of the authority's certificate, in hex.
    pub certificate: Option<String>,
    /// Why it proves nothing; none where it does.
    pub refused: Option<String>,
    /// The checkpoint that is stamped, byte for byte.
    #[serde(skip)]
    pub checkpoint: String,
    /// The authority's word (`TimeStampToken`, DER) in base64.
    #[serde(skip)]
    token: String,
}

impl KeptStamp {
    /// The authority's word, as it answers (`TimeStampResp`, DER).
    ///
    /// # Errors
    /// When it is none.
    pub fn answer(&self) -> Result<Vec<u8>> {
        let token = BASE64.decode(&self.token).map_err(unsound)?;
        Stamp::parse(&token).and_then(|stamp| stamp.answer()).map_err(unsound)
    }

    /// Whether nobody is trusted who could vouch for it.
    pub fn is_unchecked(&self) -> bool {
        self.refused.as_deref() == Some(UNCHECKED)
    }
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
        let (_, note, _noted) = signed(reader.head(), signer, noting)?;
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
        let verifier = signer.0.verifier();
        let request = self.stamp_request(signer, Some(nonce))?;
        let answer = post(url, Some(QUERY_TYPE), &request.query)?;
        if answer.status != 200 {
            return Err(failed(url, format!("the authority answers {}", answer.status)));
        }
        let refused = |error| failed(url, error);
        let stamp = Stamp::parse(&answer.body).map_err(refused)?;
        stamp.answers(nonce).map_err(refused)?;
        self.keep_stamp(&request.checkpoint, &stamp, &trusted, std::slice::from_ref(verifier))
    }

    /// Keeps a time stamp of a checkpoint of this ledger, as an entry, unless there is one. One of `signers` has to have
    /// signed the checkpoint, where there are any.
    ///
    /// # Errors
    /// When the checkpoint is not one of what the ledger has, or the stamp is not of it or does not lead to an authority that
    /// is trusted.
    pub fn keep_stamp(
        &self,
        checkpoint: &str,
        stamp: &Stamp,
        trusted: &[Authority],
        signers: &[Verifier],
    ) -> Result<KeptStamp> {
        let stamped = stamp.verify(checkpoint.as_bytes(), trusted).map_err(unsound)?;
        let (of, note) = Checkpoint::parse(checkpoint).map_err(unsound)?;
        if checkpoint.len() > CHECKPOINT_MAX_BYTES {
            return Err(unsound("the stamped checkpoint is too long"));
        }
        if !signers.is_empty() && !signers.iter().any(|key| note.signed_by(key).is_ok()) {
            return Err(unsound("the stamped checkpoint is not signed by a key of this ledger"));
        }
        match self.against(std::slice::from_ref(&of))? {
            Against::Consistent { .. } => {}
            _ => return Err(unsound("the stamped checkpoint is not one of what the ledger has")),
        }
        let mut reader = LedgerReader::open(self.dir())?;
        let now = self.setup.world.clock.now() / NANOS;
        check_time(&mut reader, of.size, now, &stamped)?.map_err(unsound)?;
        let token = BASE64.encode(stamp.token());
        let known = self.stamps(trusted)?.into_iter().find(|kept| kept.token == token);
        if let Some(known) = known {
            return Ok(known);
        }
        let body = FieldsBuilder::default()
            .add("verb", STAMP)
            .add("actor", &self.setup.actor)
            .add("detail", format!("{} entries, by {}", of.size, stamped.by))
            .add("checkpoint", checkpoint)
            .add("token", &token)
            .finish();
        let mut ledger = self.open()?;
        let appended = self.append_noted(&mut ledger, &[NewEntry::new(Kind::Action, body)])?;
        drop(ledger);
        self.update_views(&mut |_| ())?;
        Ok(kept((appended.from, Some(of.size)), checkpoint.to_string(), token, Ok(stamped)))
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
            let token = fields.text("token").unwrap_or_default();
            let recorded_at = entry.recorded_at / NANOS;
            let (size, stamped) =
                self.judged(&mut reader, (&checkpoint, &token), recorded_at, trusted)?;
            all.push(kept((entry.seq, size), checkpoint, token, stamped));
        }
        Ok(all)
    }

    /// Entries that a stamped checkpoint covers, and what its time stamp proves.
    fn judged(
        &self,
        reader: &mut LedgerReader,
        (checkpoint, token): (&str, &str),
        recorded_at: u64,
        trusted: &[Authority],
    ) -> Result<(Option<u64>, Judged)> {
        let of = match Checkpoint::parse(checkpoint) {
            Ok((of, _)) => of,
            Err(error) => return Ok((None, Err(error.to_string()))),
        };
        let size = Some(of.size);
        if trusted.is_empty() {
            return Ok((size, Err(UNCHECKED.into())));
        }
        let stamp = BASE64.decode(token).map_err(|error| error.to_string());
        let stamp = stamp.and_then(|token| Stamp::parse(&token).map_err(|error| error.to_string()));
        let verify = |stamp: Stamp| stamp.verify(checkpoint.as_bytes(), trusted);
        let stamped = stamp.and_then(|stamp| verify(stamp).map_err(|error| error.to_string()));
        let stamped = match stamped {
            Ok(stamped) => stamped,
            Err(why) => return Ok((size, Err(why))),
        };
        if !matches!(self.against(std::slice::from_ref(&of))?, Against::Consistent { .. }) {
            return Ok((size, Err("what was stamped is not what the ledger has".into())));
        }
        let time = check_time(reader, of.size, recorded_at, &stamped)?;
        Ok((size, time.map(|()| stamped)))
    }
}

type Judged = std::result::Result<Stamped, String>;

/// That an authority's time does not contradict the ledger's clock, by which the stamp was kept at that time, in seconds since 1970.
fn check_time(
    reader: &mut LedgerReader,
    size: u64,
    kept_at: u64,
    stamped: &Stamped,
) -> Result<std::result::Result<(), String>> {
    let last = size.checked_sub(1).map(Seq::new);
    let header = last.map(|last| header_of(reader, last)).transpose()?.flatten();
    let header = header.and_then(|header| Header::decode(&header).ok());
    let recorded_at = header.map_or(0, |header| header.recorded_at / NANOS);
    Ok(contradiction(stamped, recorded_at, kept_at).map_or(Ok(()), |why| {
        Err(format!("it names a time {why}: the authority's clock or this ledger's is wrong"))
    }))
}

/// What an authority's time contradicts: it is not before the newest entry that it covers was recorded, nor behind the moment at
/// which it was kept; both in seconds since 1970.
fn contradiction(stamped: &Stamped, recorded_at: u64, kept_at: u64) -> Option<&'static str> {
    let slack = stamped.accuracy_secs.unwrap_or(0).saturating_add(CLOCK_SLACK_SECS);
    if stamped.at > kept_at.saturating_add(slack) {
        return Some("that was still to come when it was kept");
    }
    let is_before = stamped.at.saturating_add(slack) < recorded_at;
    is_before.then_some("before the newest entry that it covers was recorded")
}

fn kept(
    (seq, size): (Seq, Option<u64>),
    checkpoint: String,
    token: String,
    stamped: Judged,
) -> KeptStamp {
    let (stamped, refused) = match stamped {
        Ok(stamped) => (Some(stamped), None),
        Err(why) => (None, Some(why)),
    };
    KeptStamp {
        seq,
        size,
        at_secs: stamped.as_ref().map(|stamped| stamped.at),
        accuracy_secs: stamped.as_ref().and_then(|stamped| stamped.accuracy_secs),
        serial: stamped.as_ref().map(|stamped| stamped.serial.clone()),
        certificate: stamped.as_ref().map(|stamped| stamped.certificate.clone()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clocks_may_differ_by_a_little() {
        let at = |at: u64, accuracy_secs: Option<u64>| {
            let text = String::new;
            let (by, serial, certificate) = (text(), text(), text());
            Stamped { at, accuracy_secs, by, serial, certificate }
        };
        let (recorded_at, kept_at) = (1_000_000, 1_000_600);
        for (moment, accuracy, fits) in [
            (1_000_000, None, true),
            (1_000_600, None, true),
            (recorded_at - CLOCK_SLACK_SECS, None, true),
            (recorded_at - CLOCK_SLACK_SECS - 1, None, false),
            (recorded_at - CLOCK_SLACK_SECS - 1, Some(1), true),
            (kept_at + CLOCK_SLACK_SECS, None, true),
            (kept_at + CLOCK_SLACK_SECS + 1, None, false),
            (kept_at + CLOCK_SLACK_SECS + 1, Some(1), true),
            (0, None, false),
            (u64::MAX, None, false),
        ] {
            let found = contradiction(&at(moment, accuracy), recorded_at, kept_at);
            assert_eq!(found.is_none(), fits, "{moment} {accuracy:?} {found:?}");
        }
    }
}
