//! Reports: a typed model of what is to be published, read one prompt at a time.

mod head;
mod items;
mod model;
mod reader;
mod transparency;

pub use model::{
    Beside, Condition, Mode, PageRef, Period, ReportHead, ReportItem, ReportKind, ReportPrompt,
    ReportSession, SCHEMA, SHOWN_BYTES_MAX, TokenTables, ToolRow, Totals,
};
pub use reader::{Prompts, ReportDay, ReportReader, ReportRequest};
pub use transparency::{
    Access, Accesses, HandCount, LedgerHead, Prices, Redactions, ReportCoverage, RuleCount,
    RuleSetName, Transparency,
};
