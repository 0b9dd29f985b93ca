//! SELECT -> typed models, already redacted. The SQL in `/projections` is the contract.

mod acts;
mod annotations;
mod coverage;
mod evidence;
mod explain;
mod filter;
mod grouped;
mod lists;
pub mod pricing;
mod queue;
mod quotations;
mod redactions;
mod report;
mod requests;
mod row;
mod scope;
mod search;
mod select;
mod session;
mod sessions;
mod snippet;
mod title;
mod tokens;
mod zone;

pub use acts::{ActFilter, ActRow, act, acts, kinds_of_acts};
pub use annotations::{
    DispositionRow, Note, NoteRow, Review, Said, TagRow, dispositions, notes, said_by,
    sessions_to_tag, tags,
};
pub use codex_ledger_entry::{Seq, StreamId};
pub use coverage::{
    Coverage, DriftExample, ErasedRecords, FieldCount, FileProblems, KindCount, LIST_MAX,
    LineProblem, StreamCounts, coverage, drift_examples, erased_in, has_source, problems_in,
};
pub use evidence::{
    KnownLine, SessionFile, annotations_of, entries_behind, entries_with_hidden, has_copies,
    known_lines, origins, session_files,
};
pub use explain::{ExplainRow, PricePart, PriceRow, explain, price_rows};
pub use filter::{
    Filter, FilterError, FilterName, Order, ago, day_ms, near, nearest, since, until,
};
pub use grouped::{RepoGroup, ToolCalls, calls_by_tool, session_page_by_repo, titles_of};
pub use lists::{
    CallRow, FileRow, PromptRow, RowPage, RowPlace, RowsAsked, calls, files, prompts, prompts_of,
};
pub use queue::{QueueItem, queue};
pub use quotations::{
    Candidate, Forecast, NearMiss, Quotation, Sample, candidates, forecast, hidden_by_rules,
    near_misses, passages_by_rule, quotations, said_in, sample, streams_of_rule,
};
pub use redactions::{
    FilterWords, FormCount, HiddenIn, RedactionRow, RevocationRow, filter_words, forms_hidden_by,
    hidden_in, ids_hidden_by, prompt_in_entry, prompt_place, redaction, redactions,
    redactions_in_force, repos, repos_in, revocation, revocations, rows_hidden_by, streams_of_repo,
};
pub use report::*;
pub use requests::made_by;
pub use search::{
    AskError, Facets, Hits, QUALIFIERS, SEARCH_SOURCES, Search, SearchError, SearchHit, Unmatched,
    search, search_with_facets, unmatched,
};
pub use session::{
    EntryShown, Group, Item, ItemKind, SessionDetail, entry_shown, group, session_detail,
};
pub use sessions::{
    FindError, SessionOrder, SessionRow, children, children_of, count_matching, find_session,
    find_source, neighbours, prompt_titles, session_page, sessions, sessions_matching,
};
pub use tokens::{TokenBy, TokenReport, TokenRequest, TokenRow, TokenSums, tokens};
pub use zone::Zone;
