//! What all requests share.

use crate::access::{Logins, Role, TokenFile, Who};
use crate::error::{Result, WebError};
use crate::rest::Limits;
use crate::serve::ServeOptions;
use crate::ui::candidates::CandidateCache;
use crate::ui::chart_cache::ChartCache;
use crate::ui::checks::Checks;
use crate::ui::queue_cache::QueueCache;
use crate::vouching::{Refusal, Vouching};
use axum::http::{HeaderMap, StatusCode};
use codex_ledger_app::publish::Gate;
use codex_ledger_app::{App, AppError, Before, KeyedRequest, Listener, Seq, SeqRange, Setup};
use codex_ledger_query::Zone;
use codex_ledger_report::Sheet;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// What was asked and answered; it holds nothing that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LogLine {
    /// When the answer began, UTC milliseconds.
    pub at_ms: u64,
    /// GET or POST.
    pub method: String,
    /// The kind of page, such as `/sessions/{id}`.
    pub route: String,
    /// Status of the answer.
    pub status: u16,
    /// How long it took, microseconds.
    pub duration_us: u64,
    /// Role of who asked.
    pub role: Option<&'static str>,
    /// Id of that one's token.
    pub token: Option<String>,
}

/// Hears of each request.
pub type LogListener = Arc<dyn Fn(&LogLine) + Send + Sync>;

/// What all requests share.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Inner>);

struct Inner {
    setup: Setup,
    zone: Zone,
    hosts: Vec<String>,
    logins: Logins,
    tokens: TokenFile,
    vouching: Vouching,
    /// Whether it speaks TLS.
    is_safe: bool,
    checks: Checks,
    log: Option<LogListener>,
    queue: QueueCache,
    deciding: Mutex<()>,
    /// Requests with keys of their own that are being done: by whom, and the key.
    under_way: Mutex<HashSet<(String, String)>>,
    /// The gate, and the last decision that it knows: its rules take a while to prepare.
    gate: Mutex<Option<(Option<Seq>, Arc<Gate>)>>,
    charts: ChartCache,
    candidates: CandidateCache,
    limits: Limits,
    /// True once the server is to stop.
    stop: watch::Receiver<bool>,
    /// Another one for each start: what answers depend on besides the ledger may be another then.
    instance: String,
}

/// The use cases, for one who asks.
pub(crate) struct Desk {
    pub(crate) app: App,
    pub(crate) who: Who,
    pub(crate) zone: Zone,
    pub(crate) now_ms: i64,
    /// The ledger's end when this was asked; none where it cannot be read.
    pub(crate) end: Option<Seq>,
    shared: Shared,
}

impl Shared {
    pub(crate) fn new(
        setup: Setup,
        hosts: Vec<String>,
        options: ServeOptions,
        stop: watch::Receiver<bool>,
    ) -> Shared {
        let logins = Logins::new(setup.actor.clone());
        let ServeOptions { zone, tokens, vouching, log, tls, .. } = options;
        let (queue, deciding) = (QueueCache::default(), Mutex::default());
        let instance = setup.world.clock.now().to_string();
        Shared(Arc::new(Inner {
            setup,
            zone,
            hosts,
            logins,
            tokens,
            vouching,
            is_safe: tls.is_some(),
            checks: Checks::default(),
            log,
            queue,
            deciding,
            under_way: Mutex::default(),
            gate: Mutex::default(),
            charts: ChartCache::default(),
            candidates: CandidateCache::default(),
            limits: Limits::default(),
            stop,
            instance,
        }))
    }

    pub(crate) fn queue(&self) -> &QueueCache {
        &self.0.queue
    }

    /// Held by whoever decides what may be shown, from a look at what is decided already until that is recorded.
    pub(crate) fn deciding(&self) -> MutexGuard<'_, ()> {
        self.0.deciding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Ends when the server is to stop: what has no end of its own ends with it.
    pub(crate) async fn stopped(&self) {
        self.0.stop.clone().wait_for(|is_stopped| *is_stopped).await.ok();
    }

    pub(crate) fn instance(&self) -> &str {
        &self.0.instance
    }

    pub(crate) fn logins(&self) -> &Logins {
        &self.0.logins
    }

    pub(crate) fn tokens(&self) -> &TokenFile {
        &self.0.tokens
    }

    pub(crate) fn log(&self, line: &LogLine) {
        if let Some(log) = &self.0.log {
            log(line);
        }
    }

    pub(crate) fn is_host(&self, host: &str) -> bool {
        self.0.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }

    /// Whether what is asked and answered is enciphered on its way.
    pub(crate) fn is_safe(&self) -> bool {
        self.0.is_safe
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.is_safe() { "https" } else { "http" }
    }

    pub(crate) fn checks(&self) -> &Checks {
        &self.0.checks
    }

    /// Whose link this is.
    pub(crate) fn owner(&self) -> &str {
        &self.0.setup.actor
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.0.setup.world.clock.now() / 1_000_000
    }

    /// Who asks, where that one has come in.
    pub(crate) fn who(&self, headers: &HeaderMap) -> Option<Who> {
        let now_ms = self.now_ms();
        if let Some(text) = crate::access::bearer(headers) {
            let token = self.tokens().find(text, now_ms)?;
            let (actor, role) = (token.actor, token.role);
            return Some(Who {
                actor,
                role,
                token: Some(token.id),
                form_secret: None,
                theme: None,
            });
        }
        let who = self.logins().find(crate::access::cookie(headers, self.is_safe())?, now_ms)?;
        // A token that was taken back ends what was opened with it.
        let may_stay = who.token.as_ref().is_none_or(|id| self.tokens().is_valid(id, now_ms));
        may_stay.then_some(who)
    }

    /// Prepares what the first page would wait for.
    pub(crate) fn warm_up(&self) {
        let actor = self.0.setup.actor.clone();
        let who = Who { actor, role: Role::Admin, token: None, form_secret: None, theme: None };
        crate::ui::warm_up(&self.desk(who), self.queue());
    }

    /// Does what reads or writes files, on a thread that may wait for them.
    pub(crate) async fn at_desk<T: Send + 'static>(
        &self,
        who: Who,
        work: impl FnOnce(&Desk) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let desk = shared.desk(who);
            work(&desk).map_err(|error| desk.refusal(error))
        });
        done.await.unwrap_or_else(|_| Err(failed()))
    }

    /// As [`Shared::at_desk`], for what changes something: a request with a key of its own is done once, however often it is sent.
    /// Where it was done before, `work` is not called.
    pub(crate) async fn once<T: Send + 'static>(
        &self,
        who: Who,
        request: Option<KeyedRequest>,
        work: impl FnOnce(&Desk) -> Result<T> + Send + 'static,
    ) -> Result<Once<T>> {
        let Some(request) = request else {
            return self.at_desk(who, work).await.map(Once::Now);
        };
        let under_way = UnderWay::begin(self, (who.actor.clone(), request.key.clone()))?;
        let shared = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            // It ends when the work does, also when nobody waits for the answer any more.
            let _under_way = under_way;
            let desk = shared.desk_for(who, Some(request));
            let done = match desk.app.done_before() {
                Ok(Some(Before::Done(entries))) => Ok(Once::Before(entries)),
                Ok(Some(Before::Other(_))) => Err(WebError::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "this key was used for something else",
                )
                .hint("choose another key for each thing that you want")),
                Ok(None) => work(&desk).map(Once::Now),
                Err(error) => Err(error.into()),
            };
            done.map_err(|error| desk.refusal(error))
        });
        done.await.unwrap_or_else(|_| Err(failed()))
    }

    pub(crate) fn desk(&self, who: Who) -> Desk {
        self.desk_for(who, None)
    }

    fn desk_for(&self, who: Who, request: Option<KeyedRequest>) -> Desk {
        let now_ms = self.now_ms() as i64;
        let mut setup = Setup { actor: who.actor.clone(), request, ..self.0.setup.clone() };
        // Whoever waits for the ledger is told since when.
        setup.holder.since = format!("{} UTC", Zone::utc().minute(now_ms));
        let app = App::new(setup);
        let end = app.end().ok();
        Desk { app, who, zone: self.0.zone.clone(), now_ms, end, shared: self.clone() }
    }
}

/// What became of a request.
pub(crate) enum Once<T> {
    /// It was done now.
    Now(T),
    /// It was done before, by these entries.
    Before(SeqRange),
}

/// A request with a key of its own that is being done.
struct UnderWay {
    shared: Shared,
    request: (String, String),
}

impl UnderWay {
    fn begin(shared: &Shared, request: (String, String)) -> Result<UnderWay> {
        let mut all = shared.0.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        match all.insert(request.clone()) {
            true => Ok(UnderWay { shared: shared.clone(), request }),
            false => Err(WebError::new(StatusCode::CONFLICT, "the same request is being done")
                .hint("send it again in a moment")),
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut all = self.shared.0.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&self.request);
    }
}

fn failed() -> WebError {
    WebError::new(StatusCode::INTERNAL_SERVER_ERROR, "this program has failed here")
        .hint("this is a fault of ours; please report it")
}

impl Desk {
    /// Who vouches for the ledger, in words.
    pub(crate) fn vouched(&self) -> Option<String> {
        (self.shared.0.vouching.words)(&self.app)
    }

    /// What is known of the ledger's soundness; of all of it where somebody hears how far that is.
    pub(crate) fn audit(
        &self,
        listener: Option<Listener<'_>>,
    ) -> std::result::Result<Sheet, Refusal> {
        (self.shared.0.vouching.audit)(&self.app, &self.zone, listener)
    }

    /// A proof that an entry is in the ledger.
    pub(crate) fn prove(&self, seq: Seq) -> std::result::Result<String, Refusal> {
        (self.shared.0.vouching.prove)(&self.app, seq)
    }

    /// What was counted for charts.
    pub(crate) fn charts(&self) -> &ChartCache {
        &self.shared.0.charts
    }

    /// What was found to look like a secret.
    pub(crate) fn candidates(&self) -> &CandidateCache {
        &self.shared.0.candidates
    }

    /// What may be shown, as it is decided now.
    pub(crate) fn gate(&self) -> std::result::Result<Arc<Gate>, AppError> {
        let last = self.app.last_decision()?;
        let known = || self.shared.0.gate.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, gate)) = known().as_ref().filter(|(of, _)| *of == last) {
            return Ok(gate.clone());
        }
        // Decisions that are made meanwhile are in it, and it is made once more than needed then.
        let gate = Arc::new(self.app.gate()?);
        *known() = Some((last, gate.clone()));
        Ok(gate)
    }

    /// An error as it is told. What somebody has typed is repeated to them as it was: that a word of it is hidden would tell them
    /// that it stands somewhere.
    fn refusal(&self, error: WebError) -> WebError {
        if error.status.is_client_error() { error } else { self.without_hidden(error) }
    }

    /// What the program says by itself, without what is hidden.
    pub(crate) fn without_hidden(&self, error: WebError) -> WebError {
        let message = match self.gate() {
            Ok(gate) => gate.hide(&error.message).unwrap_or(error.message),
            Err(_) if error.recorded.is_some() => "what is hidden cannot be read".into(),
            Err(_) => "this was not done, and what is hidden cannot be read".into(),
        };
        WebError { message, ..error }
    }
}
