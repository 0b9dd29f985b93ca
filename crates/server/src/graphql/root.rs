//! What can be asked.

use super::items::Hit;
use super::lists::{Part, Some_, cost};
use super::reading::{Field, Int64, Reading};
use super::sessions::{Session, SessionDetail};
use super::told::{
    Act, Disposition, Entry, Note, Redaction, Rule, Tag, TokenBy, TokenGroup, TokenSums,
};
use crate::access::Right;
use crate::error::WebError;
use crate::params::{Params, question};
use crate::ui::is_own_rule;
use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use codex_ledger_app::{PriceTable, WhatIf};
use codex_ledger_query::{ActFilter, SessionOrder as Order, TokenBy as By, TokenRequest};
use std::collections::BTreeMap;

/// Hits of a search that can be gone through; more are too many to read.
const HITS_MAX: usize = 2000;

/// What one session costs that is read whole.
const SESSION_COST: usize = 200;

/// Which sessions are meant; what is left out says nothing.
#[derive(InputObject)]
pub(super) struct SessionFilter {
    /// From this time on: `7d`, `2026-02-09`, …
    since: Option<String>,
    /// Up to this time; a day is meant as a whole.
    until: Option<String>,
    /// By the beginnings of their ids, or their names.
    sessions: Option<Vec<ID>>,
    /// A repository by its URL, the end of it, or its directory.
    repo: Option<String>,
    /// A directory that they were begun in, or below.
    workspace: Option<String>,
    /// A model that was used.
    model: Option<String>,
    /// Where they were started: cli, vscode, exec, …
    sources: Option<Vec<String>>,
    /// Only those that a person began.
    by_person: Option<bool>,
    /// With one of these tags.
    tags: Option<Vec<String>>,
    /// Judged so.
    dispositions: Option<Vec<String>>,
}

impl SessionFilter {
    /// The same in the words of an address of a page.
    fn params(of: Option<SessionFilter>) -> Params {
        let Some(of) = of else { return Params::default() };
        let ids = of.sessions.unwrap_or_default().into_iter().map(|id| id.0).collect();
        let single = [
            ("since", of.since),
            ("until", of.until),
            ("repo", of.repo),
            ("workspace", of.workspace),
            ("model", of.model),
            ("by_person", of.by_person.filter(|is_so| *is_so).map(|_| "1".to_string())),
        ];
        let several = [
            ("session", ids),
            ("source", of.sources.unwrap_or_default()),
            ("tag", of.tags.unwrap_or_default()),
            ("disposition", of.dispositions.unwrap_or_default()),
        ];
        let single = single.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let several = several
            .into_iter()
            .flat_map(|(name, values)| values.into_iter().map(move |value| (name, value)));
        single.chain(several).fold(Params::default(), |all, (name, value)| all.and(name, &value))
    }
}

/// Which sessions come first.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum SessionOrder {
    Newest,
    Oldest,
    Longest,
    Prompts,
    Failed,
    Tokens,
}

impl SessionOrder {
    fn of(self) -> Order {
        match self {
            SessionOrder::Newest => Order::Newest,
            SessionOrder::Oldest => Order::Oldest,
            SessionOrder::Longest => Order::Longest,
            SessionOrder::Prompts => Order::Prompts,
            SessionOrder::Failed => Order::Failed,
            SessionOrder::Tokens => Order::Tokens,
        }
    }
}

/// All groups of tokens, and their total.
#[derive(SimpleObject)]
pub(super) struct Tokens {
    /// The groups.
    groups: Some_<TokenGroup>,
    /// Everything.
    total: TokenSums,
    /// When the prices were last checked.
    price_date: String,
}

/// Where the ledger stands.
pub(super) struct Status;

/// Where the ledger stands.
#[Object]
impl Status {
    /// The number that the next entry gets.
    async fn end(&self, ctx: &Context<'_>) -> Field<Int64> {
        Reading::field(ctx, Right::Read, |reading| Ok(reading.head.size.into()))
    }

    /// Id of the last entry, hexadecimal. For auditors.
    async fn head_id(&self, ctx: &Context<'_>) -> Field<ID> {
        Reading::field(ctx, Right::Audit, |reading| Ok(reading.head.id.clone().into()))
    }

    /// Root of the tree over all entries, hexadecimal. For auditors.
    async fn root(&self, ctx: &Context<'_>) -> Field<String> {
        Reading::field(ctx, Right::Audit, |reading| Ok(reading.head.root.clone()))
    }
}

pub(super) struct Query;

/// What can be asked. Nothing of it changes anything.
#[Object]
impl Query {
    /// Where the ledger stands.
    async fn status(&self) -> Status {
        Status
    }

    /// Sessions that a filter picks.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        filter: Option<SessionFilter>,
        #[graphql(default_with = "SessionOrder::Newest")] order: SessionOrder,
        first: Option<i32>,
        after: Option<String>,
    ) -> Field<Some_<Session>> {
        Reading::field(ctx, Right::Read, |reading| {
            let params = SessionFilter::params(filter);
            let list = format!("sessions {} {:?}", params.url(""), order.of());
            let part = Part::of(reading, &list, (first, after))?;
            let filter = params.filter(&reading.desk.zone, reading.desk.now_ms)?;
            let total = reading.desk.app.count_matching(&filter)? as usize;
            let rows = match part.first {
                // The use case takes 0 for all of them.
                0 => Vec::new(),
                first => {
                    reading.desk.app.session_page(&filter, order.of(), (first, part.behind))?
                }
            };
            Ok(part.with(total, Session::all(rows)))
        })
    }

    /// One session with all that happened in it, by the beginning of its id or by its name; `SESSION#N` is its Nth prompt with what
    /// followed.
    #[graphql(complexity = "SESSION_COST + child_complexity")]
    async fn session(&self, ctx: &Context<'_>, id: ID) -> Field<SessionDetail> {
        Reading::field(ctx, Right::Read, |reading| {
            Ok(SessionDetail::of(reading.desk.app.session(&id)?))
        })
    }

    /// What is found by words, phrases and qualifiers, the best first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn search(
        &self,
        ctx: &Context<'_>,
        query: String,
        first: Option<i32>,
        after: Option<String>,
    ) -> Field<Some_<Hit>> {
        Reading::field(ctx, Right::Read, |reading| {
            let part = Part::of(reading, &format!("search {query}"), (first, after))?;
            if part.behind >= HITS_MAX {
                return Err(WebError::bad(format!("these are the best {HITS_MAX} hits"))
                    .hint("narrow them down"));
            }
            let (question, times) = question(&reading.desk, &query)?;
            // One more than is given, as none would mean all.
            let end = (part.behind + part.first).min(HITS_MAX) + 1;
            let mut found = reading.desk.app.search(&question, times, end)?;
            found.hits.truncate(end - 1);
            let hits = found.hits.into_iter().skip(part.behind).map(Hit).collect();
            Ok(part.with(found.total as usize, hits))
        })
    }

    /// Tokens, and what they would have cost.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn tokens(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "TokenBy::Day")] by: TokenBy,
        filter: Option<SessionFilter>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Field<Tokens> {
        Reading::field(ctx, Right::Read, |reading| {
            let params = SessionFilter::params(filter);
            let by = match by {
                TokenBy::Day => By::Day,
                TokenBy::Week => By::Week,
                TokenBy::Month => By::Month,
                TokenBy::Session => By::Session,
                TokenBy::Repo => By::Repo,
                TokenBy::Model => By::Model,
            };
            let list = format!("tokens {} {by:?}", params.url(""));
            let part = Part::of(reading, &list, (first, after))?;
            let filter = params.filter(&reading.desk.zone, reading.desk.now_ms)?;
            let (zone, prices, what_if) =
                (&reading.desk.zone, PriceTable::builtin(), WhatIf::default());
            let request = TokenRequest { by: vec![by], filter, zone, prices, what_if };
            let report = reading.desk.app.tokens(&request)?;
            let groups = part.from(report.rows, TokenGroup::from);
            Ok(Tokens { groups, total: report.total.into(), price_date: report.price_date })
        })
    }

    /// What is hidden by hand, by whom and why, the newest first. Not for viewers.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn redactions(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = true, desc = "Only those in force.")] active: bool,
        first: Option<i32>,
        after: Option<String>,
    ) -> Field<Some_<Redaction>> {
        Reading::field(ctx, Right::Oversee, |reading| {
            let part = Part::of(reading, &format!("redactions {active}"), (first, after))?;
            Ok(part.from(reading.desk.app.redactions(active)?, Redaction::from))
        })
    }

    /// The rules in force and those that are switched off. Not for viewers.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn rules(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Field<Some_<Rule>> {
        Reading::field(ctx, Right::Oversee, |reading| {
            let part = Part::of(reading, "rules", (first, after))?;
            let (gate, app) = (reading.desk.gate()?, &reading.desk.app);
            let hidden: BTreeMap<String, u64> = app.passages_by_rule(None)?.into_iter().collect();
            Ok(part.from(app.rules()?.rules.rules, |rule| {
                // What a person wrote into a rule may be what another one hides.
                let clear = |text: &str| match is_own_rule(&rule) {
                    true => gate.hide(text).unwrap_or_else(|| text.to_string()),
                    false => text.to_string(),
                };
                Rule {
                    id: clear(&rule.id).into(),
                    description: rule.description.as_deref().map(clear),
                    enabled: rule.enabled,
                    passage_count: hidden.get(&rule.id).copied().unwrap_or_default().into(),
                }
            }))
        })
    }

    /// Tags of sessions and prompts, all or those of one name.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn tags(
        &self,
        ctx: &Context<'_>,
        name: Option<String>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Field<Some_<Tag>> {
        Reading::field(ctx, Right::Read, |reading| {
            let part = Part::of(reading, &format!("tags {name:?}"), (first, after))?;
            Ok(part.from(reading.desk.app.tags(name.as_deref())?, Tag::from))
        })
    }

    /// Notes on sessions and prompts, in the order in which they were written. Not for viewers.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn notes(
        &self,
        ctx: &Context<'_>,
        session: Option<ID>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Field<Some_<Note>> {
        Reading::field(ctx, Right::Oversee, |reading| {
            let part = Part::of(reading, &format!("notes {session:?}"), (first, after))?;
            let session = session.as_ref().map(|id| id.as_str());
            Ok(part.from(reading.desk.app.notes(session)?, Note::from))
        })
    }

    /// What sessions and prompts were judged, all or those that were judged so.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn dispositions(
        &self,
        ctx: &Context<'_>,
        value: Option<String>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Field<Some_<Disposition>> {
        Reading::field(ctx, Right::Read, |reading| {
            let part = Part::of(reading, &format!("dispositions {value:?}"), (first, after))?;
            Ok(part.from(reading.desk.app.dispositions(value.as_deref())?, Disposition::from))
        })
    }

    /// Who did what and why, the newest first. For auditors.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn acts(
        &self,
        ctx: &Context<'_>,
        actor: Option<String>,
        kinds: Option<Vec<String>>,
        #[graphql(desc = "A part of the name of what it is about.")] target: Option<String>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Field<Some_<Act>> {
        Reading::field(ctx, Right::Audit, |reading| {
            let list = format!("acts {actor:?} {kinds:?} {target:?}");
            let part = Part::of(reading, &list, (first, after))?;
            let kinds = kinds.unwrap_or_default();
            let filter = ActFilter { actor, kinds, target, ..ActFilter::default() };
            let (mut acts, _) = reading.desk.app.acts(&filter)?;
            acts.reverse();
            Ok(part.from(acts, Act::from))
        })
    }

    /// One entry of the ledger, by its number.
    async fn entry(&self, ctx: &Context<'_>, seq: Int64) -> Field<Entry> {
        Reading::field(ctx, Right::Read, |reading| {
            let seq = seq.seq()?;
            Ok(Entry(seq, reading.desk.app.entry(seq)?))
        })
    }
}
