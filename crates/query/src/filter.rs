//! What a reader wants to see: the values of a filter, and the one place where its times are understood.

use super::zone::Zone;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde::Serialize;

const MINUTE_MS: i64 = 60 * 1000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Which sessions come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// By their beginning.
    #[default]
    Oldest,
    /// By their beginning, the last one first.
    Newest,
}

/// Which sessions, and which of their records. All conditions must hold.
///
/// A record is in the range when its time is; one without a time has that of its session's beginning. A
/// session with nothing in the range is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// First moment, UTC milliseconds.
    pub since_ms: Option<i64>,
    /// End of the range, UTC milliseconds, itself not in it.
    pub until_ms: Option<i64>,
    /// Ids of sessions or their unique beginnings; any of them.
    pub sessions: Vec<String>,
    /// Repository: its URL, `owner/name` or name; the directory where there is no URL.
    pub repo: Option<String>,
    /// Directory; sessions in it or below it.
    pub workspace: Option<String>,
    /// Model that was in force.
    pub model: Option<String>,
    /// How sessions were started, any of these: cli, vscode, exec, subagent, review, guardian, …
    pub sources: Vec<String>,
    /// Only sessions that a person started.
    pub by_person: bool,
    /// Tags of a session or any of its prompts; all of them.
    pub tags: Vec<String>,
    /// Dispositions of a session or any of its prompts; any of them.
    pub dispositions: Vec<String>,
    /// Which sessions come first.
    pub order: Order,
    /// At most this many sessions, of those that come first.
    pub limit: Option<usize>,
}

/// A value of a filter, by name; how a person gives it is the door's affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterName {
    /// [`Filter::since_ms`].
    Since,
    /// [`Filter::until_ms`].
    Until,
    /// [`Filter::sessions`].
    Session,
    /// [`Filter::repo`].
    Repo,
    /// [`Filter::workspace`].
    Workspace,
    /// [`Filter::model`].
    Model,
    /// [`Filter::sources`].
    Source,
    /// [`Filter::tags`].
    Tag,
    /// [`Filter::dispositions`].
    Disposition,
}

impl FilterName {
    /// A word for it.
    pub fn name(self) -> &'static str {
        match self {
            FilterName::Since => "since",
            FilterName::Until => "until",
            FilterName::Session => "session",
            FilterName::Repo => "repo",
            FilterName::Workspace => "workspace",
            FilterName::Model => "model",
            FilterName::Source => "source",
            FilterName::Tag => "tag",
            FilterName::Disposition => "disposition",
        }
    }
}

/// Why a filter cannot be used. Which value is wrong is in [`FilterError::filter`], not in the text.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// Text that is no time.
    #[error("`{text}` is no time")]
    Time {
        /// Which value.
        filter: FilterName,
        /// What was given.
        text: String,
    },
    /// The range ends before it begins.
    #[error("the range begins ({since}) after its end ({until})")]
    Backwards {
        /// The first moment.
        since: String,
        /// The end.
        until: String,
    },
    /// A value that no session has.
    #[error("no session has `{value}`")]
    Unknown {
        /// Which value.
        filter: FilterName,
        /// What was given.
        value: String,
        /// The known value that is most like it.
        nearest: Option<String>,
    },
    /// A tag or disposition that nobody gave.
    #[error("there is no such {} as `{value}`", filter.name())]
    NoSuch {
        /// Tag or disposition.
        filter: FilterName,
        /// What was given.
        value: String,
    },
    /// The beginning of several ids, or the name of several sessions.
    #[error("`{prefix}` is the beginning of {} sessions or their name: {}", ids.len(), ids.join(", "))]
    Several {
        /// What was given.
        prefix: String,
        /// The ids, or the first of them.
        ids: Vec<String>,
    },
    /// The database.
    #[error(transparent)]
    Sql(#[from] codex_ledger_db::SqlError),
}

impl FilterError {
    /// The value that is wrong, where it is one.
    pub fn filter(&self) -> Option<FilterName> {
        match self {
            FilterError::Time { filter, .. }
            | FilterError::Unknown { filter, .. }
            | FilterError::NoSuch { filter, .. } => Some(*filter),
            FilterError::Several { .. } => Some(FilterName::Session),
            FilterError::Backwards { .. } | FilterError::Sql(_) => None,
        }
    }
}

/// Understands where a range begins: a day begins at its midnight in the zone.
///
/// # Errors
/// When it is no time.
pub fn since(text: &str, zone: &Zone, now_ms: i64) -> Result<i64, FilterError> {
    time(text, now_ms, zone, |date| zone.start_of(date))
        .ok_or_else(|| no_time(FilterName::Since, text))
}

/// Understands where a range ends: a day is in the range as a whole; a moment is its end.
///
/// # Errors
/// When it is no time.
pub fn until(text: &str, zone: &Zone, now_ms: i64) -> Result<i64, FilterError> {
    time(text, now_ms, zone, |date| zone.end_of(date))
        .ok_or_else(|| no_time(FilterName::Until, text))
}

fn no_time(filter: FilterName, text: &str) -> FilterError {
    FilterError::Time { filter, text: text.into() }
}

/// A day, a moment with its offset, a moment of the zone, or how long before now.
fn time(text: &str, now_ms: i64, zone: &Zone, of_day: impl Fn(Date) -> Option<i64>) -> Option<i64> {
    let text = text.trim();
    if let Some(ago_ms) = ago(text) {
        return now_ms.checked_sub(ago_ms);
    }
    if let Some(date) = day(text) {
        return of_day(date);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_millisecond());
    }
    text.parse::<DateTime>().ok().and_then(|local| zone.moment(local))
}

/// The first moment of a day; `None` for what is none, or is beyond the calendar.
pub fn day_ms(text: &str, zone: &Zone) -> Option<i64> {
    zone.start_of(day(text)?)
}

/// `2026-02-09`, and nothing longer.
fn day(text: &str) -> Option<Date> {
    if text.len() == "2026-02-09".len() { text.parse().ok() } else { None }
}

/// `90min`, `24h`, `7d`, `2w` in milliseconds; none for what is no length of time.
pub fn ago(text: &str) -> Option<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit_ms = match unit {
        "min" => MINUTE_MS,
        "h" => HOUR_MS,
        "d" => DAY_MS,
        "w" => 7 * DAY_MS,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit_ms)
}

impl Filter {
    /// Whether the range, as it was said, makes sense.
    ///
    /// # Errors
    /// When it ends before it begins: a day after another one, or a moment after another one.
    pub fn check(&self, since: Option<&str>, until: Option<&str>) -> Result<(), FilterError> {
        let (since, until) = (since.unwrap_or_default(), until.unwrap_or_default());
        let is_backwards = match (self.since_ms, self.until_ms) {
            (Some(from), Some(to)) => from > to || from == to && day(until.trim()).is_some(),
            _ => false,
        };
        if !is_backwards {
            return Ok(());
        }
        Err(FilterError::Backwards { since: since.into(), until: until.into() })
    }

    /// Whether times matter.
    pub fn is_timed(&self) -> bool {
        self.since_ms.is_some() || self.until_ms.is_some()
    }

    /// The range with open ends.
    pub(super) fn range(&self) -> (i64, i64) {
        (self.since_ms.unwrap_or(i64::MIN), self.until_ms.unwrap_or(i64::MAX))
    }
}

/// The known value that is most like a given one; the first in order where several are.
pub fn nearest<'a>(value: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let value = value.to_lowercase();
    known.into_iter().min_by_key(|known| (distance(&value, &known.to_lowercase()), *known))
}

/// The nearest, where it is so near that it was most likely meant: a letter or two of three or more.
pub fn near<'a>(value: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let nearest = nearest(value, known)?;
    let most = if value.chars().count() > 4 { 2 } else { 1 };
    (distance(&value.to_lowercase(), nearest) <= most).then_some(nearest)
}

/// Of longer texts, as many characters are compared: the work grows with the product of both lengths.
const COMPARED_CHARS: usize = 200;

/// How many letters are inserted, removed, replaced, or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let [a, b] = [a, b].map(|text| text.chars().take(COMPARED_CHARS).collect::<String>());
    strsim::osa_distance(&a, &b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_770_662_187_000; // 2026-02-09T18:36:27Z

    fn rfc(ms: i64) -> String {
        Zone::utc().rfc3339(ms)
    }

    #[test]
    fn times_are_days_moments_or_how_long_ago() {
        let (utc, berlin) = (Zone::utc(), Zone::named("Europe/Berlin").unwrap());
        let since = |text: &str, zone| since(text, zone, NOW).map(rfc).unwrap();
        let until = |text: &str, zone| until(text, zone, NOW).map(rfc).unwrap();
        assert_eq!(since("2026-02-09", &utc), "2026-02-09T00:00:00+00:00");
        assert_eq!(until("2026-02-09", &utc), "2026-02-10T00:00:00+00:00");
        assert_eq!(since("2026-02-09", &berlin), "2026-02-08T23:00:00+00:00");
        assert_eq!(until("2026-03-29", &berlin), "2026-03-29T22:00:00+00:00", "a day of 23 hours");
        assert_eq!(since("2026-02-09T10:00:00+02:00", &utc), "2026-02-09T08:00:00+00:00");
        assert_eq!(until("2026-02-09T10:00:00Z", &berlin), "2026-02-09T10:00:00+00:00");
        assert_eq!(since("2026-02-09 10:00", &berlin), "2026-02-09T09:00:00+00:00");
        assert_eq!(since("7d", &utc), "2026-02-02T18:36:27+00:00");
        assert_eq!(since("24h", &utc), "2026-02-08T18:36:27+00:00");
        assert_eq!(until("30min", &utc), "2026-02-09T18:06:27+00:00");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["", "d", "-7d", "7", "7y", "soon", "2026-02-30", "2026-13-01", "99999999999999999999d"]
        {
            let error = since(text, &Zone::utc(), NOW).unwrap_err();
            assert_eq!(error.filter(), Some(FilterName::Since));
            assert_eq!(error.to_string(), format!("`{text}` is no time"));
        }
        assert!(until("9223372036854775807w", &Zone::utc(), NOW).is_err());
    }

    #[test]
    fn a_range_does_not_end_before_it_begins() {
        let check = |from: &str, to: &str| {
            let utc = Zone::utc();
            let since_ms = Some(since(from, &utc, NOW).unwrap());
            let until_ms = Some(until(to, &utc, NOW).unwrap());
            let filter = Filter { since_ms, until_ms, ..Filter::default() };
            filter.check(Some(from), Some(to)).map_err(|error| error.to_string())
        };
        let error = check("2026-02-10", "2026-02-09").unwrap_err();
        assert_eq!(error, "the range begins (2026-02-10) after its end (2026-02-09)");
        assert!(check("2026-02-09T10:00:00Z", "2026-02-09T09:00:00Z").is_err());
        assert!(check("1h", "7d").is_err());
        assert!(check("2026-02-09", "2026-02-09").is_ok());
        assert!(check("2026-02-09T10:00:00Z", "2026-02-09T10:00:00Z").is_ok());
    }

    #[test]
    fn the_nearest_value_is_named() {
        let known = ["tides", "harbour", "tidal-charts"];
        assert_eq!(nearest("tdies", known), Some("tides"));
        assert_eq!(nearest("Harbor", known), Some("harbour"));
        assert_eq!(nearest("x", []), None);
        assert_eq!(
            (distance("ab", "ba"), distance("", "abc"), distance("kitten", "sitting")),
            (1, 3, 3)
        );
    }
}
