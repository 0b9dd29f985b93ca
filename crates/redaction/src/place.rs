//! Where a text stands: what kind of text, in which column, from which entry, and whose it is.

use crate::engine::Context;
use codex_ledger_entry::Seq;
use std::sync::Arc;

/// What kind of text a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// What was said, asked, called or answered, and where.
    Text,
    /// A setting or a kind, mostly the client's own word.
    Label,
    /// A name that rows are joined by.
    Id,
    /// A word of the format that the parser knows: it says what a row is, and stays.
    Word,
}

/// The sessions that a text belongs to, and their repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owners(Option<Arc<(Vec<String>, Option<String>)>>);

impl Owners {
    /// Names them.
    pub fn new(sessions: Vec<String>, repo: Option<&str>) -> Owners {
        Owners(Some(Arc::new((sessions, repo.map(codex_ledger_location::plain)))))
    }

    pub(super) fn sessions(&self) -> &[String] {
        self.0.as_ref().map_or(&[], |owners| &owners.0)
    }

    pub(super) fn repo(&self) -> Option<&str> {
        self.0.as_ref().and_then(|owners| owners.1.as_deref())
    }
}

/// A URL without the credentials that it may hold, so that what is shown and what was recorded name the same.
pub fn bare_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_string();
    };
    let host_end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(host_end).unwrap_or((rest, ""));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// Where a text will stand.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Kind of text.
    pub class: Class,
    /// Table of the views.
    pub table: &'static str,
    /// Column of the table.
    pub column: &'static str,
    /// Who said it.
    pub role: Option<&'static str>,
    /// Entry that it comes from.
    pub seq: Seq,
    /// Part of it.
    pub part: u64,
    /// Whose text it is.
    pub owners: &'a Owners,
}

impl<'a> Place<'a> {
    /// The same as rules ask for it.
    pub(super) fn context(&self) -> Context<'a> {
        let is_id = self.class == Class::Id;
        // Whose session a note or a tag speaks of, it does not always say.
        let is_open = is_id || self.table == "annotations";
        let whose = Context {
            sessions: self.owners.sessions(),
            repo: self.owners.repo(),
            is_anybodys: is_open && self.owners.0.is_none(),
            ..Context::default()
        };
        // To rules an id is the same wherever it stands.
        match is_id {
            true => whose,
            false => Context { table: self.table, column: self.column, role: self.role, ..whose },
        }
    }
}

impl Place<'static> {
    /// A column of a table, for a text that belongs to nobody.
    pub fn of_column(table: &'static str, column: &'static str) -> Place<'static> {
        static NOBODY: Owners = Owners(None);
        let (role, seq, part) = (None, Seq::MAX, 0);
        Place { class: Class::Text, table, column, role, seq, part, owners: &NOBODY }
    }
}

impl Place<'_> {
    /// Whether texts here may repeat a prompt.
    pub(super) fn repeats_prompts(&self) -> bool {
        matches!(
            (self.table, self.column),
            ("prompts" | "messages" | "history_prompts" | "turns", "text")
                | ("prompts", "request")
                | ("session_names", "name")
        )
    }
}
