//! Floor 3: SELECT -> typed models, already redacted. The SQL in `/projections` is the contract.

mod annotations;
mod coverage;
mod redactions;
mod search;
mod session;
mod sessions;
mod tokens;

pub use annotations::{DispositionRow, NoteRow, TagRow, dispositions, notes, tags};
pub use coverage::{
    Coverage, FieldCount, KindCount, LIST_MAX, LineProblem, StreamCounts, coverage, has_source,
    problems_between,
};
pub use redactions::{
    RedactionRow, RevocationRow, is_repo, prompt_place, redaction, redactions, revocation,
    revocations, rows_hidden_by,
};
pub use search::{Hit, Hits, SEARCH_SOURCES, Search, SearchError, search};
pub use session::{Group, Item, ItemKind, SessionDetail, group, session_detail};
pub use sessions::{FindError, SessionRow, find_session, find_source, sessions};
pub use tokens::{ExplainRow, TokenBy, TokenReport, TokenRow, TokenSums, Zone, explain, tokens};
