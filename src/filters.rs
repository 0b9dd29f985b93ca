//! The options that narrow down sessions and times, for every command that lists or reports.

use crate::door::{Door, Result};
use crate::error::DoorError;
use crate::settings::settings;
use clap::Args;
use codex_ledger_app::World;
use codex_ledger_query::{Filter, Zone, since, until};
use std::path::Path;

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which sessions")]
pub struct FilterArgs {
    /// Only what happened from then on: a day, an RFC 3339 time, or how long ago (7d, 24h)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Only what happened before then; a day is in it as a whole
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// Time zone of days and times: local, or an IANA name such as Europe/Berlin [default: as configured, else UTC]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// Only this repository: its URL, OWNER/NAME or NAME
    #[arg(long, value_name = "REPO")]
    pub repo: Option<String>,
    /// Only sessions in this directory or below it
    #[arg(long, value_name = "DIR")]
    pub workspace: Option<String>,
    /// Only this session, by its id or the beginning of it; may be given again
    #[arg(long, value_name = "SESSION")]
    pub session: Vec<String>,
    /// Only what has this tag; may be given again
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Only what has this disposition; may be given again
    #[arg(long, value_name = "WORD")]
    pub disposition: Vec<String>,
    /// Only sessions in which this model was in force
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Only sessions that were started so: cli, vscode, exec, review, guardian, …; may be given again
    #[arg(long, value_name = "SOURCE")]
    pub source: Vec<String>,
    /// Only sessions that a person started: no subagents, reviews and the like
    #[arg(long)]
    pub by_person: bool,
}

impl FilterArgs {
    /// The zone of days.
    pub fn zone(&self, door: &Door) -> Result<Zone> {
        zone_named(door, self.timezone.as_deref())
    }

    /// Whether anything is left out.
    pub fn is_given(&self) -> bool {
        let texts = [&self.since, &self.until, &self.repo, &self.workspace, &self.model];
        let lists = [&self.session, &self.tag, &self.disposition, &self.source];
        texts.iter().any(|text| text.is_some())
            || lists.iter().any(|list| !list.is_empty())
            || self.by_person
    }

    /// The filter, with times understood.
    pub fn filter(&self, zone: &Zone) -> Result<Filter> {
        let now_ms = (World::real().clock.now() / 1_000_000) as i64;
        let since = self.since.as_deref().map(|text| since(text, zone, now_ms)).transpose()?;
        let until = self.until.as_deref().map(|text| until(text, zone, now_ms)).transpose()?;
        let filter = Filter {
            since_ms: since,
            until_ms: until,
            sessions: self.session.clone(),
            repo: self.repo.clone(),
            workspace: self.workspace.as_deref().map(absolute),
            model: self.model.clone(),
            sources: self.source.clone(),
            by_person: self.by_person,
            tags: self.tag.clone(),
            dispositions: self.disposition.clone(),
            ..Filter::default()
        };
        filter.check(self.since.as_deref(), self.until.as_deref())?;
        Ok(filter)
    }
}

/// The zone of that name, else the configured one, else UTC: the same in every command.
pub fn zone_named(door: &Door, name: Option<&str>) -> Result<Zone> {
    let configured = || settings(&door.global).ok()?.config.outputs.timezone;
    let (name, key) = match name {
        Some(name) => (name.to_string(), "--timezone"),
        None => (configured().unwrap_or_else(|| "UTC".into()), "outputs.timezone"),
    };
    if name == "local" {
        return local_zone().ok_or_else(|| {
            DoorError::new(format!("{key}: this system does not name its time zone"))
                .hint("an IANA name such as Europe/Berlin or America/New_York")
        });
    }
    Zone::named(&name).ok_or_else(|| {
        DoorError::new(format!("{key}: there is no time zone `{name}`"))
            .hint("`local`, or an IANA name such as Europe/Berlin or America/New_York")
    })
}

/// The zone of this system, by its name: what is written has to mean the same elsewhere.
fn local_zone() -> Option<Zone> {
    let zone = jiff::tz::TimeZone::try_system().ok()?;
    Zone::named(zone.iana_name()?)
}

/// `.` and the like are meant from here; everything else is as the logs have it, maybe of another machine.
fn absolute(text: &str) -> String {
    let path = Path::new(text);
    let is_from_here = path.starts_with(".") || path.starts_with("..");
    match is_from_here.then(|| path.canonicalize()) {
        Some(Ok(found)) => found.display().to_string(),
        _ => text.to_string(),
    }
}
