//! Redactions: made, undone, listed; and the rules in force.

use super::core::{App, Listener};
use crate::append::note_head;
use crate::db;
use crate::entry::{EntryId, Kind};
use crate::error::{AppError, ErrorKind, Result};
use crate::ledger::{Controls, Ledger, LedgerPaths, LedgerReader};
use crate::projections::{Decisions, Field, field, load_policy, preview};
use crate::query::{self, RedactionRow, RevocationRow};
use crate::redaction::{
    Engine, Manual, Matcher, Place, RedactionRecord, RevocationRecord, RuleSet, Scope, Seen,
    Sensitive, What, Within, bare_url,
};
use std::collections::HashMap;
use std::ops::Range;

/// What is shown where nothing else is asked for.
const REPLACEMENT: &str = "[redacted]";
/// A shorter text would hide more than anybody means.
const LITERAL_MIN_CHARS: usize = 3;
/// Fields that say what a record is and how records belong together.
const STRUCTURE: [&str; 9] = [
    "call_id",
    "cli_version",
    "forked_from_id",
    "id",
    "ordinal",
    "session_id",
    "timestamp",
    "turn_id",
    "type",
];

/// What somebody wants to hide, as said at a door.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedactRequest {
    /// `SESSION#N`.
    pub prompt: Option<String>,
    /// A session by the beginning of its id: the target, or what narrows a literal or regex.
    pub session: Option<String>,
    /// An entry by its seq.
    pub entry: Option<u64>,
    /// JSON pointer inside the entry.
    pub field: Option<String>,
    /// Bytes of the field.
    pub span: Option<(u64, u64)>,
    /// A text.
    pub literal: Option<String>,
    /// A pattern.
    pub regex: Option<String>,
    /// What narrows a literal or regex.
    pub repo: Option<String>,
    /// What is shown instead.
    pub with: Option<String>,
    /// Why.
    pub reason: String,
}

/// What a redaction did.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Redacted {
    /// Its row.
    pub redaction: RedactionRow,
    /// Rows in which it hides something now.
    pub rows_changed: u64,
}

/// Kind, the entry that it speaks of or zeros, and body.
pub(super) type NewEntry = (Kind, EntryId, Vec<u8>);

/// What an undo did.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Undone {
    /// Its row.
    pub revocation: RevocationRow,
    /// Whether something is hidden again, because an undo was undone.
    pub hides_again: bool,
    /// The redaction or revocation that it ended.
    pub of: u64,
}

fn usage(message: impl Into<String>, hint: &str) -> AppError {
    AppError::new(ErrorKind::Usage, message).hint(hint)
}

impl App {
    /// Appends redactions and writes what they hide again: all of them, or none.
    ///
    /// # Errors
    /// When a target does not exist or a request is not whole; the ledger then is as before.
    pub fn redact(
        &self,
        requests: &[RedactRequest],
        listener: Listener<'_>,
    ) -> Result<Vec<Redacted>> {
        let mut drafts = Vec::with_capacity(requests.len());
        for (index, request) in requests.iter().enumerate() {
            let record = self.record_of(request).map_err(|error| match requests.len() {
                1 => error,
                _ => {
                    AppError { message: format!("line {}: {}", index + 1, error.message), ..error }
                }
            })?;
            drafts.push((Kind::Redaction, EntryId::default(), record.encode()));
        }
        let seqs = self.decide(&drafts, listener)?;
        let db = self.views_for_reading()?;
        let read = |seq: u64| {
            let redaction = query::redaction(&db, seq)?;
            Ok(Redacted { rows_changed: query::rows_hidden_by(&db, seq)?, redaction })
        };
        let found: db::SqlResult<Vec<Redacted>> = seqs.map(read).collect();
        Ok(found.map_err(db::at(self.views_path()))?)
    }

    /// Appends a revocation of a redaction, or of a revocation, by its seq or the beginning of its id.
    ///
    /// # Errors
    /// When there is none, or when it is not in force.
    pub fn undo(&self, target: &str, reason: &str, listener: Listener<'_>) -> Result<Undone> {
        let reason = self.reason(reason)?;
        let mut reader = LedgerReader::open(self.dir())?;
        let size = reader.head().size();
        let decisions = Decisions::load(&mut reader, size)?;
        let named = |entry: &&crate::ledger::Control| {
            let is_seq = target.parse() == Ok(entry.seq);
            let is_id = target.len() >= 6 && entry.id.to_string().starts_with(target);
            entry.kind != Kind::RuleSet && (is_seq || is_id)
        };
        let found: Vec<_> = decisions.entries.iter().filter(named).collect();
        let [entry] = found[..] else {
            let message = format!("`{target}` names {} redactions", found.len());
            return Err(AppError::new(ErrorKind::NotFound, message)
                .hint("`codex-ledger redact history` lists them with their numbers"));
        };
        if let Some(by) = decisions.ended_by.get(&entry.seq) {
            let message = format!("{} is undone already, by {by}", entry.seq);
            return Err(usage(message, "undo that one to bring it back"));
        }
        let record = RevocationRecord { actor: self.setup.actor.clone(), reason, of: entry.seq };
        let seq = self.decide(&[(Kind::Revocation, entry.id, record.encode())], listener)?.start;
        let db = self.views_for_reading()?;
        let revocation = query::revocation(&db, seq).map_err(db::at(self.views_path()))?;
        let hides_again = entry.kind == Kind::Revocation;
        Ok(Undone { revocation, hides_again, of: entry.seq })
    }

    /// All redactions, or those in force only, the newest first.
    ///
    /// # Errors
    /// When there are no views.
    pub fn redactions(&self, active_only: bool) -> Result<Vec<RedactionRow>> {
        let db = self.views_for_reading()?;
        Ok(query::redactions(&db, active_only).map_err(db::at(self.views_path()))?)
    }

    /// All revocations, the newest first.
    ///
    /// # Errors
    /// When there are no views.
    pub fn revocations(&self) -> Result<Vec<RevocationRow>> {
        let db = self.views_for_reading()?;
        Ok(query::revocations(&db).map_err(db::at(self.views_path()))?)
    }

    /// Tells of every text that is hidden in part, and of what looks as if it should be; notes first that raw
    /// text is read. `each` hears the session's id, and says whether to go on.
    ///
    /// # Errors
    /// When the session does not exist or entries cannot be read.
    pub fn preview(
        &self,
        prefix: Option<&str>,
        each: &mut dyn FnMut(&str, Seen) -> bool,
    ) -> Result<RuleSet> {
        let db = self.views_for_reading()?;
        let sessions = match prefix {
            Some(prefix) => vec![query::find_session(&db, prefix)?],
            None => query::sessions(&db, 0).map_err(db::at(self.views_path()))?,
        };
        self.reveal(&format!("redact preview {}", prefix.unwrap_or("of all sessions")))?;
        let ids: HashMap<u64, String> =
            sessions.iter().map(|session| (session.stream, session.id.clone())).collect();
        let streams: Vec<u64> = sessions.iter().map(|session| session.stream).collect();
        let mut reader = LedgerReader::open(self.dir())?;
        let link = self.views_path();
        preview(&mut reader, (&db, link), &streams, &mut |stream, seen| {
            each(ids.get(&stream).map_or("", String::as_str), seen)
        })?;
        Ok(load_policy(&mut reader)?.rules().clone())
    }

    /// Appends entries that decide what may be shown, and brings the views up to date; gives their seqs.
    pub(super) fn decide(&self, drafts: &[NewEntry], listener: Listener<'_>) -> Result<Range<u64>> {
        let mut ledger = self.open()?;
        let seqs = self.append_noted(&mut ledger, drafts)?;
        self.update_views(listener)?;
        self.views.forget_older();
        Ok(seqs)
    }

    /// Appends entries of no source; what is known of the sources stays known.
    pub(super) fn append_noted(
        &self,
        ledger: &mut Ledger,
        drafts: &[NewEntry],
    ) -> Result<Range<u64>> {
        let (world, paths) = (&self.setup.world, LedgerPaths { dir: self.dir().into() });
        let mut controls = Controls::load(&mut LedgerReader::open(self.dir())?)?;
        let old = (ledger.head().size(), ledger.head().chain.id);
        let mut appender = ledger.appender()?;
        for (kind, reference, body) in drafts {
            appender.append_about(*kind, *reference, body)?;
        }
        let done = appender.finish()?;
        let new = (ledger.head().size(), ledger.head().chain.id);
        note_head(world, &paths, old, new)?;
        controls.note(self.dir(), done.from, done.to, drafts.len() as u64)?;
        controls.save(world, &paths)?;
        Ok(done.from..done.to)
    }

    pub(super) fn reason(&self, reason: &str) -> Result<String> {
        match reason.trim() {
            "" => Err(usage("a reason is needed", "say why with --reason TEXT")),
            reason => Ok(reason.to_string()),
        }
    }

    fn record_of(&self, request: &RedactRequest) -> Result<RedactionRecord> {
        let reason = self.reason(&request.reason)?;
        let replacement = request.with.clone().unwrap_or_else(|| REPLACEMENT.into());
        if replacement.trim().is_empty() {
            return Err(usage(
                "the replacement is empty",
                "leave --with away to show `[redacted]`",
            ));
        }
        let what = self.what_of(request)?;
        Ok(RedactionRecord { actor: self.setup.actor.clone(), reason, replacement, what })
    }

    fn what_of(&self, request: &RedactRequest) -> Result<What> {
        let RedactRequest { prompt, session, entry, literal, regex, .. } = request;
        match (prompt, entry, literal, regex) {
            (Some(prompt), None, None, None) => self.prompt_named(prompt),
            (None, Some(seq), None, None) => self.part_of_entry(*seq, request),
            (None, None, Some(text), None) => {
                let within = self.within(request)?;
                literal_named(text, within)
            }
            (None, None, None, Some(pattern)) => {
                let within = self.within(request)?;
                regex_named(pattern, within)
            }
            (None, None, None, None) => match session {
                Some(session) => Ok(What::Session { id: self.session_named(session)? }),
                None => Err(usage(
                    "nothing is named that is to be hidden",
                    "name one of --prompt SESSION#N, --session ID, --entry SEQ, --literal TEXT, --regex PATTERN",
                )),
            },
            _ => Err(usage(
                "several things are named that are to be hidden",
                "one redaction hides one thing; run the command once for each, or use --from FILE",
            )),
        }
    }

    fn session_named(&self, prefix: &str) -> Result<String> {
        let db = self.views_for_reading()?;
        Ok(query::find_session(&db, prefix)?.id)
    }

    fn within(&self, request: &RedactRequest) -> Result<Within> {
        Ok(match (&request.session, &request.repo) {
            (Some(session), _) => Within::Session(self.session_named(session)?),
            (None, Some(repo)) => Within::Repo(self.repo_named(repo)?),
            (None, None) => Within::Everything,
        })
    }

    /// A repository by its URL, by the end of it (`owner/name`), or by its directory.
    fn repo_named(&self, name: &str) -> Result<String> {
        let db = self.views_for_reading()?;
        let shown = query::repos(&db).map_err(db::at(self.views_path()))?;
        let bare = bare_url(name);
        let ending = format!("/{}", name.trim_start_matches('/'));
        let is_url = |known: &&String| known.contains("://");
        let is_named = |known: &String| {
            *known == bare
                || known.trim_end_matches(".git").ends_with(ending.trim_end_matches(".git"))
        };
        let urls: Vec<String> = shown.iter().filter(is_url).map(|url| bare_url(url)).collect();
        if let Some(url) = urls.into_iter().find(is_named) {
            return Ok(url);
        }
        // A directory may be shown with a part of it hidden; the name that is given is the real one.
        let policy = load_policy(&mut LedgerReader::open(self.dir())?)?;
        let place = Place::of_column("sessions", "cwd");
        let as_shown = policy.apply(Sensitive::new(name), &place, &mut |_, _| ());
        if shown.iter().any(|known| known == as_shown.as_str()) {
            return Ok(name.to_string());
        }
        let message = format!("no session has the repository or directory `{name}`");
        let near = query::nearest(name, shown.iter().map(String::as_str)).unwrap_or_default();
        Err(AppError::new(ErrorKind::NotFound, message).hint(format!("the nearest is {near}")))
    }

    fn prompt_named(&self, name: &str) -> Result<What> {
        let hint = "`codex-ledger show SESSION` numbers the prompts";
        let Some((prefix, number)) = name.rsplit_once('#') else {
            return Err(usage(
                format!("`{name}` is no prompt"),
                "a prompt is named SESSION#N, N from 1",
            ));
        };
        let number: u64 = number
            .parse()
            .map_err(|_| usage(format!("`{number}` is no number of a prompt"), hint))?;
        let db = self.views_for_reading()?;
        let session = query::find_session(&db, prefix)?;
        let found =
            query::prompt_place(&db, session.stream, number).map_err(db::at(self.views_path()))?;
        let Some((seq, part)) = found else {
            let message = format!(
                "session {} has {} prompts, none with number {number}",
                session.id, session.prompts
            );
            return Err(AppError::new(ErrorKind::NotFound, message).hint(hint));
        };
        Ok(What::Prompt { session: session.id, number, seq, part })
    }

    fn part_of_entry(&self, seq: u64, request: &RedactRequest) -> Result<What> {
        let mut reader = LedgerReader::open(self.dir())?;
        let size = reader.head().size();
        let Some(entry) = reader.control(seq)? else {
            let message = format!("there is no entry {seq}: the ledger has {size}");
            return Err(AppError::new(ErrorKind::NotFound, message).hint("seqs count from 0"));
        };
        if !matches!(entry.kind, Kind::Line | Kind::Document) {
            let message =
                format!("entry {seq} is no record of a session but a {}", entry.kind.name());
            return Err(usage(
                message,
                "`codex-ledger show SESSION --json` has the seqs of its records",
            ));
        }
        let Some(pointer) = &request.field else {
            return match request.span {
                None => Ok(What::Entry { seq }),
                Some(_) => {
                    Err(usage("a span is of a field", "name the field with --field POINTER"))
                }
            };
        };
        let name = pointer.rsplit('/').next().unwrap_or_default();
        if STRUCTURE.contains(&name) {
            let message = format!("`{pointer}` says how records belong together and stays");
            return Err(usage(message, "a --literal hides its text wherever it is shown"));
        }
        let hint = "`codex-ledger show --raw --entry SEQ` shows the record";
        let text = match field(&entry.body, pointer) {
            Some(Field::Text(text)) => Some(text),
            Some(Field::Tree(_)) => None,
            None => return Err(usage(format!("entry {seq} has no field `{pointer}`"), hint)),
        };
        let span = match (request.span, text) {
            (None, _) => None,
            (Some(_), None) => return Err(usage(format!("`{pointer}` is no text"), hint)),
            (Some((from, to)), Some(text)) => {
                let inside =
                    text.get(from as usize..to as usize).is_some_and(|part| !part.is_empty());
                if !inside {
                    let message = format!(
                        "{from}..{to} is no part of `{pointer}`, which has {} bytes, or begins or ends inside a character",
                        text.len()
                    );
                    return Err(usage(
                        message,
                        "a span counts bytes from 0; the end is not part of it",
                    ));
                }
                Some((from, to))
            }
        };
        Ok(What::Field { seq, pointer: pointer.clone(), span })
    }
}

fn literal_named(text: &str, within: Within) -> Result<What> {
    if text.trim().chars().count() < LITERAL_MIN_CHARS {
        let message = format!("`{text}` is shorter than {LITERAL_MIN_CHARS} characters");
        return Err(usage(
            message,
            "a text so short is everywhere; a --regex can say where it stands",
        ));
    }
    Ok(What::Literal { text: text.to_string(), within })
}

fn regex_named(pattern: &str, within: Within) -> Result<What> {
    let matcher = Matcher::Regex(pattern.to_string());
    let replacement = REPLACEMENT.to_string();
    let manual = Manual { id: 0, matcher, scope: Scope::Global, replacement, rank: 0 };
    Engine::compile(&RuleSet::default(), &[manual]).map_err(|error| {
        usage(
            error.to_string(),
            "patterns are those of the regex crate: no look-around, no back-references",
        )
    })?;
    Ok(What::Regex { pattern: pattern.to_string(), within })
}
