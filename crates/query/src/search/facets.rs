//! How hits are spread over kinds, tools, repositories, models and times: what a question can be narrowed down by.

use crate::row::sql_stream;
use crate::zone::{QUARTER_HOUR_MS, Zone};
use codex_ledger_db::{Connection, SqlResult};
use codex_ledger_entry::StreamId;
use codex_ledger_location::repository;
use codex_ledger_search::{Hit, Source};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How many hits each value of a qualifier would leave, the most first; of times, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facets {
    /// Of `in:`.
    pub kinds: Vec<(String, u64)>,
    /// Of `tool:`.
    pub tools: Vec<(String, u64)>,
    /// Of `repo:`.
    pub repos: Vec<(String, u64)>,
    /// Of `model:`.
    pub models: Vec<(String, u64)>,
    /// First and last day of some of `since:` and `until:`: months, or days where all is of one month.
    pub times: Vec<((String, String), u64)>,
}

/// Hits that were met so far.
#[derive(Default)]
pub(super) struct Spread {
    kinds: BTreeMap<&'static str, u64>,
    tools: BTreeMap<String, u64>,
    streams: HashMap<StreamId, u64>,
    /// By quarters of an hour: in every zone, a day has whole ones.
    quarters: BTreeMap<i64, u64>,
}

impl Spread {
    pub(super) fn add(&mut self, source: Source, hit: &Hit<'_>) {
        *self.kinds.entry(source.name()).or_default() += 1;
        *self.streams.entry(StreamId::new(hit.stream())).or_default() += 1;
        if let Some(tool) = hit.tool() {
            *self.tools.entry(tool).or_default() += 1;
        }
        if let Some(at_ms) = hit.at_ms() {
            *self.quarters.entry(at_ms.div_euclid(QUARTER_HOUR_MS)).or_default() += 1;
        }
    }

    pub(super) fn facets(self, views: &Connection, zone: &Zone) -> SqlResult<Facets> {
        let times = self.times(zone);
        let (repos, models) = (self.repos(views)?, self.models(views)?);
        let kinds = self.kinds.into_iter().map(|(kind, hits)| (kind.to_string(), hits));
        Ok(Facets {
            kinds: most_first(kinds.collect()),
            tools: most_first(self.tools.into_iter().collect()),
            repos,
            models,
            times,
        })
    }

    /// By the short name of each, as the qualifier understands it: it may be part of another one's.
    fn repos(&self, views: &Connection) -> SqlResult<Vec<(String, u64)>> {
        let mut of = BTreeMap::<String, u64>::new();
        let mut statement = views.prepare_cached(
            "SELECT coalesce(git_url, cwd, '') AS repo FROM sessions WHERE stream = ?1",
        )?;
        for (stream, hits) in &self.streams {
            let mut rows = statement.query([sql_stream(*stream)])?;
            if let Some(row) = rows.next()? {
                *of.entry(row.get("repo")?).or_default() += hits;
            }
        }
        let names: BTreeSet<String> = of
            .keys()
            .filter(|of| !of.is_empty())
            .map(|of| repository::name(of).to_string())
            .collect();
        let hits_of = |name: &String| {
            let has = |(repo, _): &(&String, &u64)| repository::contains(repo, name);
            of.iter().filter(has).map(|(_, hits)| hits).sum()
        };
        Ok(most_first(names.into_iter().map(|name| (name.clone(), hits_of(&name))).collect()))
    }

    /// A session counts for each model that it has used.
    fn models(&self, views: &Connection) -> SqlResult<Vec<(String, u64)>> {
        let mut of = BTreeMap::<String, BTreeSet<StreamId>>::new();
        let mut statement = views.prepare_cached(
            "SELECT DISTINCT lower(model) AS model FROM turn_context_messages WHERE stream = ?1 AND model <> ''",
        )?;
        for stream in self.streams.keys() {
            let mut rows = statement.query([sql_stream(*stream)])?;
            while let Some(row) = rows.next()? {
                of.entry(row.get("model")?).or_default().insert(*stream);
            }
        }
        let hits_of = |name: &String| {
            let longer = of.iter().filter(|(model, _)| model.starts_with(name.as_str()));
            let streams: BTreeSet<&StreamId> = longer.flat_map(|(_, streams)| streams).collect();
            streams.into_iter().filter_map(|stream| self.streams.get(stream)).sum()
        };
        Ok(most_first(of.keys().map(|name| (name.clone(), hits_of(name))).collect()))
    }

    fn times(&self, zone: &Zone) -> Vec<((String, String), u64)> {
        let mut days = BTreeMap::new();
        for (quarter, hits) in &self.quarters {
            if let Some(day) = zone.date(quarter * QUARTER_HOUR_MS) {
                *days.entry(day).or_default() += hits;
            }
        }
        let ends = days.keys().next().zip(days.keys().next_back());
        let is_one = ends.is_none_or(|(a, b)| a.first_of_month() == b.first_of_month());
        let mut spans = BTreeMap::new();
        for (day, hits) in &days {
            let span = match is_one {
                true => (*day, *day),
                false => (day.first_of_month(), day.last_of_month()),
            };
            *spans.entry(span).or_default() += hits;
        }
        let said =
            |((from, to), hits): ((Date, Date), u64)| ((from.to_string(), to.to_string()), hits);
        spans.into_iter().rev().map(said).collect()
    }
}

fn most_first(mut counts: Vec<(String, u64)>) -> Vec<(String, u64)> {
    counts.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
    counts
}
