//! What programs are given: the contract, apart from what is read. Numbers of entries and of tokens are strings of digits, since
//! readers of JSON round what is beyond 2^53.

use codex_ledger_app::Seq;
use codex_ledger_query as query;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// A whole number as a string of digits, whatever its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9]{1,20}$", example = "1405")]
pub(crate) struct Whole(pub(crate) u64);

impl Serialize for Whole {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl From<Seq> for Whole {
    fn from(seq: Seq) -> Whole {
        Whole(seq.get())
    }
}

/// Some of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Listed<T> {
    /// Those of this page.
    pub(crate) items: Vec<T>,
    /// The cursor of the next page; null on the last one.
    pub(crate) next: Option<String>,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// Thread id.
    id: String,
    /// Its name, else what was asked first, in one line.
    title: Option<String>,
    /// When it began, UTC milliseconds.
    created_at_ms: Option<i64>,
    /// When its last record was made, UTC milliseconds.
    last_at_ms: Option<i64>,
    /// Directory.
    cwd: Option<String>,
    /// Last model.
    model: Option<String>,
    /// Where it was started: cli, vscode, exec, subagent, …
    source: Option<String>,
    /// Kind of subagent; null for a person's session.
    subagent: Option<String>,
    /// Version of the client.
    cli_version: Option<String>,
    /// Thread that spawned it, or that it was forked from.
    parent_id: Option<String>,
    /// Prompts.
    prompts: u64,
    /// Calls of tools.
    calls: u64,
    /// Of these, those that failed.
    failed: u64,
    /// Billed input and output tokens.
    tokens: Whole,
}

impl From<query::SessionRow> for Session {
    fn from(row: query::SessionRow) -> Session {
        Session {
            id: row.id,
            title: row.title,
            created_at_ms: row.created_at_ms,
            last_at_ms: row.last_at_ms,
            cwd: row.cwd,
            model: row.model,
            source: row.source,
            subagent: row.subagent,
            cli_version: row.cli_version,
            parent_id: row.parent_id,
            prompts: row.prompts,
            calls: row.calls,
            failed: row.failed,
            tokens: Whole(row.tokens),
        }
    }
}

/// A note.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Remark {
    actor: Option<String>,
    text: String,
}

/// What reviewers say of a session or prompt, as it holds now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Review {
    tags: Vec<String>,
    disposition: Option<String>,
    notes: Vec<Remark>,
}

impl From<query::Review> for Review {
    fn from(of: query::Review) -> Review {
        let remark = |note: query::Note| Remark { actor: note.actor, text: note.text };
        let notes = of.notes.into_iter().map(remark).collect();
        Review { tags: of.tags, disposition: of.disposition, notes }
    }
}

/// One session, with what is known of it beside its records.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionDetail {
    #[serde(flatten)]
    session: Session,
    git_branch: Option<String>,
    git_commit: Option<String>,
    review: Review,
    /// Sessions that it spawned, or that were forked from it.
    children: Vec<Session>,
    /// Records that were erased.
    erased: u64,
}

impl SessionDetail {
    pub(crate) fn new(of: query::SessionDetail, children: Vec<query::SessionRow>) -> SessionDetail {
        SessionDetail {
            session: of.session.into(),
            git_branch: of.git_branch,
            git_commit: of.git_commit,
            review: of.review.into(),
            children: children.into_iter().map(Session::from).collect(),
            erased: of.erased.map_or(0, |erased| erased.records),
        }
    }
}

/// Something that happened in a session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Item {
    /// prompt, message, context, reasoning, plan, call, turn.
    #[schema(value_type = String, examples("prompt"))]
    kind: query::ItemKind,
    /// Entry.
    seq: Whole,
    /// When, UTC milliseconds.
    at_ms: Option<i64>,
    /// Number of a prompt.
    number: Option<u64>,
    /// A word: kind of context, name of a tool, status of a step.
    label: Option<String>,
    /// What was said, asked or called.
    text: String,
    /// Output of a call.
    output: Option<String>,
    status: Option<String>,
    exit_code: Option<i64>,
    duration_ms: Option<i64>,
    rolled_back: bool,
}

impl From<query::Item> for Item {
    fn from(of: query::Item) -> Item {
        Item {
            kind: of.kind,
            seq: of.seq.into(),
            at_ms: of.at_ms,
            number: of.number,
            label: of.label,
            text: of.text,
            output: of.output,
            status: of.status,
            exit_code: of.exit_code,
            duration_ms: of.duration_ms,
            rolled_back: of.rolled_back,
        }
    }
}

/// A prompt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Prompt {
    /// Session.
    session: String,
    /// Number in its session, from 1.
    number: u64,
    /// Entry.
    seq: Whole,
    /// When, UTC milliseconds.
    at_ms: Option<i64>,
    /// As sent.
    text: String,
    /// What was typed, where a client wrapped it in context.
    request: Option<String>,
    /// How many images came with it.
    images: u64,
    /// Whether its turn was rolled back.
    rolled_back: bool,
}

impl From<query::PromptRow> for Prompt {
    fn from(of: query::PromptRow) -> Prompt {
        Prompt {
            session: of.session,
            number: of.number,
            seq: of.seq.into(),
            at_ms: of.at_ms,
            text: of.text,
            request: of.request,
            images: of.images,
            rolled_back: of.rolled_back,
        }
    }
}

/// A call of a tool.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Call {
    /// Session.
    session: String,
    /// Entry.
    seq: Whole,
    /// When, UTC milliseconds.
    at_ms: Option<i64>,
    call_id: Option<String>,
    /// Family: shell, apply_patch, mcp, …
    tool: String,
    /// Name, as the model wrote it.
    name: String,
    /// What is asked for, in one text.
    command: String,
    workdir: Option<String>,
    /// What came of it.
    output: Option<String>,
    exit_code: Option<i64>,
    /// ok, failed, running, rejected, aborted, error, unknown; null where nothing tells.
    status: Option<String>,
    duration_ms: Option<i64>,
}

impl From<query::CallRow> for Call {
    fn from(of: query::CallRow) -> Call {
        Call {
            session: of.session,
            seq: of.seq.into(),
            at_ms: of.at_ms,
            call_id: of.call_id,
            tool: of.tool,
            name: of.name,
            command: of.command,
            workdir: of.workdir,
            output: of.output,
            exit_code: of.exit_code,
            status: of.status,
            duration_ms: of.duration_ms,
        }
    }
}

/// A file that a patch changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FileChange {
    /// Session.
    session: String,
    /// Entry.
    seq: Whole,
    /// When, UTC milliseconds.
    at_ms: Option<i64>,
    call_id: Option<String>,
    path: String,
    move_to: Option<String>,
    /// add, update, delete.
    action: String,
    added: u64,
    removed: u64,
}

impl From<query::FileRow> for FileChange {
    fn from(of: query::FileRow) -> FileChange {
        FileChange {
            session: of.session,
            seq: of.seq.into(),
            at_ms: of.at_ms,
            call_id: of.call_id,
            path: of.path,
            move_to: of.move_to,
            action: of.action,
            added: of.added,
            removed: of.removed,
        }
    }
}

/// Something that was found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Hit {
    session: String,
    title: Option<String>,
    /// Number of the prompt that it is, or that it followed; 0 before the first.
    prompt: u64,
    /// prompt, message, context, reasoning, plan, call, output, file, turn, name.
    kind: String,
    seq: Whole,
    at_ms: Option<i64>,
    tool: Option<String>,
    exit_code: Option<i64>,
    /// Text around the first word that was found, with `⟦` and `⟧` around the words.
    snippet: String,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Found {
    /// The best ones.
    items: Vec<Hit>,
    /// How many there are.
    total: u64,
}

impl From<query::Hits> for Found {
    fn from(of: query::Hits) -> Found {
        let hit = |of: query::SearchHit| Hit {
            session: of.session,
            title: of.title,
            prompt: of.prompt,
            kind: of.table,
            seq: of.seq.into(),
            at_ms: of.at_ms,
            tool: of.tool,
            exit_code: of.exit_code,
            snippet: of.snippet,
        };
        Found { items: of.hits.into_iter().map(hit).collect(), total: of.total }
    }
}

/// Sums of usage; each usage is counted once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenSums {
    input: Whole,
    cached: Whole,
    cache_write: Whole,
    output: Whole,
    reasoning: Whole,
    total: Whole,
    /// Usage records.
    records: u64,
    /// What the API would have charged, in USD, exact; null where a model in it has no known price.
    cost_usd: Option<String>,
    /// Whether a price had to be guessed for want of a model's name.
    estimated: bool,
    /// Models without a known price.
    unpriced: Vec<String>,
}

impl From<query::TokenSums> for TokenSums {
    fn from(of: query::TokenSums) -> TokenSums {
        TokenSums {
            input: Whole(of.input),
            cached: Whole(of.cached),
            cache_write: Whole(of.cache_write),
            output: Whole(of.output),
            reasoning: Whole(of.reasoning),
            total: Whole(of.total),
            records: of.records,
            cost_usd: of.cost_exact,
            estimated: of.estimated,
            unpriced: of.unpriced,
        }
    }
}

/// Usage of one day, session, repository or model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenRow {
    key: String,
    #[serde(flatten)]
    sums: TokenSums,
}

/// Usage and cost.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenReport {
    items: Vec<TokenRow>,
    total: TokenSums,
    /// When the prices were last checked.
    price_date: String,
}

impl From<query::TokenReport> for TokenReport {
    fn from(of: query::TokenReport) -> TokenReport {
        let row = |row: query::TokenRow| TokenRow { key: row.key, sums: row.sums.into() };
        TokenReport {
            items: of.rows.into_iter().map(row).collect(),
            total: of.total.into(),
            price_date: of.price_date,
        }
    }
}
