//! Floor 4: wiring. One function per use case, 5 to 15 lines each; the doors call nothing else.

mod annotate;
pub mod audit;
pub mod config;
mod core;
mod error;
mod hint;
mod open;
pub mod publish;
mod publishing;
mod raw;
mod redact;
mod repair;
mod report;
mod rules;
mod rules_test;
mod search;
mod state_db;
mod target;
mod views;
mod watch;

pub use self::annotate::{Annotated, DISPOSITIONS, Subject};
pub use self::core::*;
pub use self::hint::{FolderHint, Hint, NameHint, Safe, TargetHint};
pub use self::open::{Notice, NoticeListener};
pub use self::publishing::{Publication, Published, Withheld, Written, WrittenFile};
pub use self::redact::{Redacted, Undone};
pub use self::repair::{Carried, Lost, RepairReport};
pub use self::report::{PageBy, Target, renderer};
pub use self::rules::parse_rules;
pub use self::rules_test::{Judged, JudgedRule, judge};
pub use self::state_db::StateDb;
pub use self::target::RedactRequest;
pub use codex_ledger_entry::Act;
pub use codex_ledger_redaction::{
    By, Rule, RuleFormat, RuleSet, Seen, Tally, Weaker, builtin as builtin_rules,
};
