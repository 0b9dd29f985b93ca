//! What a redaction request names: prompts, sessions, entries, fields and passages that exist.

use super::redact::usage;
use super::setup::App;
use crate::error::{AppError, ErrorKind, Result};
use crate::hint::{Hint, NameHint, TargetHint};
use codex_ledger_db as db;
use codex_ledger_entry::{Kind, PromptPlace, Seq};
use codex_ledger_ledger::{Controls, LedgerReader};
use codex_ledger_location::{self as location, repository};
use codex_ledger_projections::{Field, field, is_structure, load_policy, session_names};
use codex_ledger_query as query;
use codex_ledger_redaction::{
    Context, Engine, Manual, Matcher, Place, REPLACEMENT, RedactionRecord, RuleSet, Scope,
    Sensitive, What, Within, bare_url, seen_chars,
};

/// A shorter text would hide more than anybody means.
const LITERAL_MIN_CHARS: usize = 3;
/// A longer text is a whole record, which can be named.
const LITERAL_MAX_BYTES: usize = 64 << 10;

/// What somebody wants to hide, as said at a door.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedactRequest {
    /// `SESSION#N`.
    pub prompt: Option<String>,
    /// A session by the beginning of its id: the target, or what narrows a literal or regex.
    pub session: Option<String>,
    /// An entry by its seq.
    pub entry: Option<Seq>,
    /// JSON pointer inside the entry.
    pub field: Option<String>,
    /// Bytes of the field.
    pub span: Option<(u64, u64)>,
    /// A text.
    pub literal: Option<String>,
    /// Whether the literal is hidden in its own case only.
    #[serde(alias = "exact-case")]
    pub exact_case: bool,
    /// A pattern.
    pub regex: Option<String>,
    /// What narrows a literal or regex.
    pub repo: Option<String>,
    /// Whether much may be hidden.
    pub wide: bool,
    /// What is shown instead.
    pub with: Option<String>,
    /// Why.
    pub reason: String,
    /// Where it was said, for messages: a file and line.
    #[serde(skip)]
    pub place: Option<String>,
}

impl RedactRequest {
    /// The names of its members where it is written as JSON.
    pub const KEYS: [&str; 13] = [
        "prompt",
        "session",
        "entry",
        "field",
        "span",
        "literal",
        "exact_case",
        "exact-case",
        "regex",
        "repo",
        "wide",
        "with",
        "reason",
    ];
}

impl App {
    pub(super) fn reason(&self, reason: &str) -> Result<String> {
        let reason = reason.trim();
        match says_something(reason) {
            true => Ok(reason.to_string()),
            false => Err(usage("a reason is needed", Hint::NeedsReason)),
        }
    }

    pub(super) fn record_of(&self, request: &RedactRequest) -> Result<RedactionRecord> {
        let reason = self.reason(&request.reason)?;
        let replacement = request.with.clone().unwrap_or_else(|| REPLACEMENT.into());
        if replacement.trim().is_empty() {
            return Err(usage(
                "the replacement is empty",
                Hint::Target(TargetHint::UsualReplacement),
            ));
        }
        if replacement.contains(char::is_control) {
            return Err(usage(
                "the replacement has a line break or another control character",
                Hint::Target(TargetHint::OtherReplacement),
            ));
        }
        let what = self.what_of(request)?;
        Ok(RedactionRecord { actor: self.setup.actor.clone(), reason, replacement, what })
    }

    /// Refuses a replacement that would show again what it stands for.
    pub(super) fn check_own_replacement(
        &self,
        request: &RedactRequest,
        record: &RedactionRecord,
    ) -> Result<()> {
        if !says(&record.what, &record.replacement) {
            return Ok(());
        }
        let place = request.place.iter().map(|place| format!("{place}: "));
        let message = "the replacement says what is to be hidden";
        let message = place.chain([message.to_string()]).collect::<String>();
        Err(usage(message, Hint::Target(TargetHint::OtherReplacement)))
    }

    /// Refuses what is to be shown instead, where something in force hides it: it is written as it is.
    pub(super) fn check_replacements(&self, requests: &[RedactRequest]) -> Result<()> {
        if requests.iter().all(|request| request.with.is_none()) {
            return Ok(());
        }
        let policy = load_policy(&mut LedgerReader::open(self.dir())?)?;
        let place = Place::of_column("redactions", "replacement");
        for request in requests {
            let Some(with) = &request.with else { continue };
            if policy.apply(Sensitive::new(with), &place, &mut |_| ()).as_str() != with {
                let place = request.place.iter().map(|place| format!("{place}: "));
                let message = "the replacement says what a rule or another redaction hides";
                let message = place.chain([message.to_string()]).collect::<String>();
                return Err(usage(message, Hint::Target(TargetHint::OtherReplacement)));
            }
        }
        Ok(())
    }

    fn what_of(&self, request: &RedactRequest) -> Result<What> {
        let RedactRequest { prompt, session, entry, literal, regex, repo, field, span, .. } =
            request;
        let is_passage = literal.is_some() || regex.is_some();
        let is_one = prompt.is_none() && entry.is_none();
        let narrows = session.is_some() && !is_one
            || request.exact_case && literal.is_none()
            || repo.is_some() && !is_passage
            || session.is_some() && repo.is_some()
            || (field.is_some() || span.is_some()) && entry.is_none();
        if narrows {
            return Err(usage(
                "what narrows and what is narrowed do not go together",
                Hint::Target(TargetHint::Narrowing),
            ));
        }
        match (prompt, entry, literal, regex) {
            (Some(prompt), None, None, None) => self.prompt_named(prompt),
            (None, Some(seq), None, None) => self.part_of_entry(*seq, request),
            (None, None, Some(text), None) => {
                let within = self.within(request)?;
                literal_named(text, within, !request.exact_case)
            }
            (None, None, None, Some(pattern)) => {
                let within = self.within(request)?;
                regex_named(pattern, within)
            }
            (None, None, None, None) => match session {
                Some(session) => Ok(What::Session { id: self.session_named(session)? }),
                None => Err(usage(
                    "nothing is named that is to be hidden",
                    Hint::Target(TargetHint::NameOne),
                )),
            },
            _ => Err(usage(
                "several things are named that are to be hidden",
                Hint::Target(TargetHint::OnlyOne),
            )),
        }
    }

    /// The session as a whole; an empty text, which elsewhere is the newest, names none to be hidden.
    fn session_named(&self, prefix: &str) -> Result<String> {
        let db = self.views_for_reading()?;
        let session = found_session(&db, prefix)?;
        self.thread_id(&db, &session)
    }

    /// The id that a session's records give it, where the views show another name.
    pub(super) fn thread_id(
        &self,
        db: &db::Connection,
        session: &query::SessionRow,
    ) -> Result<String> {
        let key = Controls::load(&mut LedgerReader::open(self.dir())?)?.key();
        let (id, _) = session_names(db, self.views_path(), &key, session.stream)?;
        Ok(id.unwrap_or_else(|| session.id.clone()))
    }

    /// A repository by its URL, the end of it (`owner/name`), or its directory, as the records name it. A name that
    /// is shown with a part of it hidden can be given as it is shown or as it is.
    fn repo_named(&self, name: &str) -> Result<String> {
        let db = self.views_for_reading()?;
        let at = || db::at(self.views_path());
        let shown = query::repos(&db).map_err(at())?;
        let policy = load_policy(&mut LedgerReader::open(self.dir())?)?;
        let place = Place::of_column("sessions", "cwd");
        let as_shown = policy.apply(Sensitive::new(name), &place, &mut |_| ());
        let is_named = |known: &&String| {
            known.as_str() == as_shown.as_str()
                || location::is_same(known, name)
                || repository::plain(known).is_some() && repository::is_meant(known, name)
        };
        // Sessions in a directory may belong to a repository that has an address.
        let mut named: Vec<String> = shown.iter().filter(is_named).cloned().collect();
        named.extend(query::repos_in(&db, as_shown.as_str()).map_err(at())?);
        named.dedup();
        let mut found: Vec<String> = Vec::new();
        for known in &named {
            for stream in query::streams_of_repo(&db, known).map_err(at())? {
                let (_, named) = session_names(&db, self.views_path(), policy.key(), stream)?;
                found.extend(named.map(|named| bare_url(&named)));
            }
        }
        found.sort_by_cached_key(|repo| (location::plain(repo), repo.clone()));
        // Whichever spelling is recorded, it means all of them.
        found.dedup_by_key(|repo| location::plain(repo));
        match &found[..] {
            [only] => Ok(only.clone()),
            [] => {
                let message = format!("no session has the repository or directory `{name}`");
                let near = query::nearest(name, shown.iter().map(String::as_str));
                let hint = NameHint::ListRepos { nearest: near.map(str::to_string) };
                Err(AppError::new(ErrorKind::NotFound, message).hint(Hint::Name(hint)))
            }
            _ => {
                let message = format!("`{name}` names {} repositories", found.len());
                Err(usage(message, Hint::Name(NameHint::WholeUrl)))
            }
        }
    }

    fn within(&self, request: &RedactRequest) -> Result<Within> {
        Ok(match (&request.session, &request.repo) {
            (Some(session), _) => Within::Session(self.session_named(session)?),
            (None, Some(repo)) => Within::Repo(self.repo_named(repo)?),
            (None, None) => Within::Everything,
        })
    }

    fn prompt_named(&self, name: &str) -> Result<What> {
        let Some((prefix, number)) = name.rsplit_once('#') else {
            return Err(usage(format!("`{name}` is no prompt"), Hint::Name(NameHint::PromptForm)));
        };
        let Ok(number) = number.parse::<u64>() else {
            let message = format!("`{number}` is no number of a prompt");
            return Err(usage(message, Hint::Name(NameHint::PromptNumbers)));
        };
        let db = self.views_for_reading()?;
        let session = found_session(&db, prefix)?;
        let PromptPlace { seq, part } =
            self.prompt_place(&db, &session, number, &number.to_string())?;
        let session = self.thread_id(&db, &session)?;
        Ok(What::Prompt { session, number, seq, part })
    }

    /// Where a session's prompt of that number stands; `said` is the number as it was given.
    pub(super) fn prompt_place(
        &self,
        db: &db::Connection,
        session: &query::SessionRow,
        number: u64,
        said: &str,
    ) -> Result<PromptPlace> {
        let found = query::prompt_place(db, session.stream, number);
        found.map_err(db::at(self.views_path()))?.ok_or_else(|| {
            let query::SessionRow { id, prompts, .. } = session;
            let prompts = match prompts {
                1 => "1 prompt".to_string(),
                prompts => format!("{prompts} prompts"),
            };
            let message = format!("session {id} has {prompts}, none with number {said}");
            let hint = Hint::Name(NameHint::PromptNumbers);
            AppError::new(ErrorKind::NotFound, message).hint(hint)
        })
    }

    fn part_of_entry(&self, seq: Seq, request: &RedactRequest) -> Result<What> {
        let mut reader = LedgerReader::open(self.dir())?;
        let size = reader.head().size();
        let Some(entry) = reader.control(seq)? else {
            let message = format!("there is no entry {seq}: the ledger has {size}");
            return Err(AppError::new(ErrorKind::NotFound, message)
                .hint(Hint::Name(NameHint::SeqsFromZero)));
        };
        if !matches!(entry.kind, Kind::Line | Kind::Document) {
            let message =
                format!("entry {seq} is no record of a session but a {}", entry.kind.name());
            return Err(usage(message, Hint::Name(NameHint::RecordSeqs)));
        }
        let Some(pointer) = &request.field else {
            return match request.span {
                None => Ok(What::Entry { seq }),
                Some(_) => Err(usage("a span is of a field", Hint::Target(TargetHint::NameField))),
            };
        };
        let name = pointer.rsplit('/').next().unwrap_or_default();
        if is_structure(name) {
            let message = format!("`{pointer}` says how records belong together and stays");
            return Err(usage(message, Hint::Target(TargetHint::HideText)));
        }
        let hint = Hint::Target(TargetHint::ShowRecord);
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
                    return Err(usage(message, Hint::Target(TargetHint::SpanForm)));
                }
                Some((from, to))
            }
        };
        Ok(What::Field { seq, pointer: pointer.clone(), span })
    }
}

fn found_session(db: &db::Connection, prefix: &str) -> Result<query::SessionRow> {
    if prefix.is_empty() {
        return Err(usage("no session is named", Hint::Name(NameHint::Session)));
    }
    Ok(query::find_session(db, prefix)?)
}

/// Whether a replacement would show again what it stands for.
fn says(what: &What, replacement: &str) -> bool {
    let matcher = match what {
        What::Literal { text, ignore_case, .. } => {
            Matcher::Literal { text: text.clone(), ignore_case: *ignore_case }
        }
        What::Regex { pattern, .. } => Matcher::Regex(pattern.clone()),
        _ => return false,
    };
    let shown = String::from("-");
    let manual =
        Manual { id: Seq::FIRST, matcher, scope: Scope::Global, replacement: shown, rank: 0 };
    let engine = Engine::compile(&RuleSet::default(), &[manual]);
    engine.is_ok_and(|engine| !engine.masks(replacement, &Context::default()).is_empty())
}

/// Refuses a text that is too short or too long to be looked for.
pub(super) fn check_literal(text: &str) -> Result<()> {
    if seen_chars(text) < LITERAL_MIN_CHARS {
        let message = format!("`{text}` is shorter than {LITERAL_MIN_CHARS} characters");
        return Err(usage(message, Hint::Target(TargetHint::ShortText)));
    }
    if text.len() > LITERAL_MAX_BYTES {
        let message =
            format!("the literal has {} bytes, which is more than {LITERAL_MAX_BYTES}", text.len());
        return Err(usage(message, Hint::Target(TargetHint::LongText)));
    }
    Ok(())
}

fn literal_named(text: &str, within: Within, ignore_case: bool) -> Result<What> {
    check_literal(text)?;
    Ok(What::Literal { text: text.to_string(), within, ignore_case })
}

fn regex_named(pattern: &str, within: Within) -> Result<What> {
    let matcher = Matcher::Regex(pattern.to_string());
    let replacement = REPLACEMENT.to_string();
    let manual = Manual { id: Seq::FIRST, matcher, scope: Scope::Global, replacement, rank: 0 };
    Engine::compile(&RuleSet::default(), &[manual])
        .map_err(|error| usage(error.to_string(), Hint::Target(TargetHint::PatternForm)))?;
    Ok(What::Regex { pattern: pattern.to_string(), within })
}

/// Whether a reason can be read: signs that nobody sees are none.
pub(super) fn says_something(reason: &str) -> bool {
    reason.chars().any(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::RedactRequest;

    /// The reader of requests names all members itself, with one spelling of each.
    #[test]
    fn the_keys_are_those_that_a_request_is_read_from() {
        let said =
            serde_json::from_str::<RedactRequest>(r#"{"zzz": 1}"#).map_err(|e| e.to_string());
        let said = said.expect_err("no such key");
        let known = said.split_once("expected one of").map_or("", |(_, known)| known);
        let mut known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        let mut keys = RedactRequest::KEYS.to_vec();
        keys.sort_unstable();
        known.sort_unstable();
        known.dedup();
        assert_eq!(known, keys);
    }
}
