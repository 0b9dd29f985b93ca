//! Time zones: which day a moment belongs to, and how it is written.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Every time zone's days begin on a quarter of an hour.
pub(super) const QUARTER_HOUR_MS: i64 = 15 * 60 * 1000;

/// A time zone for days.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// UTC.
    pub fn utc() -> Zone {
        Zone(TimeZone::UTC)
    }

    /// A zone by its IANA name; `None` when there is none of that name.
    pub fn named(name: &str) -> Option<Zone> {
        // The usual one is known without a look through the folders of the system's zones.
        match name {
            "UTC" => Some(Zone::utc()),
            name => TimeZone::get(name).ok().map(Zone),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The day of a moment; `None` beyond the calendar.
    pub fn date(&self, at_ms: i64) -> Option<Date> {
        self.local(at_ms).map(|time| time.date())
    }

    /// The hour of the day of a moment; `None` beyond the calendar.
    pub fn hour(&self, at_ms: i64) -> Option<i8> {
        self.local(at_ms).map(|time| time.hour())
    }

    /// `2026-02-09 18:36`; a dash beyond the calendar.
    pub fn minute(&self, at_ms: i64) -> String {
        let text = |time: DateTime| time.strftime("%Y-%m-%d %H:%M").to_string();
        self.local(at_ms).map_or_else(|| "-".into(), text)
    }

    /// `18:36:27`.
    pub fn second(&self, at_ms: i64) -> String {
        let text = |time: DateTime| time.strftime("%H:%M:%S").to_string();
        self.local(at_ms).map_or_else(|| "-".into(), text)
    }

    /// `2026-02-09T18:36:27.123+01:00`: RFC 3339 with the zone's offset.
    pub fn rfc3339(&self, at_ms: i64) -> String {
        let Ok(time) = Timestamp::from_millisecond(at_ms) else { return "-".into() };
        let offset = self.0.to_offset(time);
        time.display_with_offset(offset).to_string()
    }

    /// The first moment of a day; `None` beyond the calendar.
    pub fn start_of(&self, date: Date) -> Option<i64> {
        self.moment(date.to_datetime(jiff::civil::Time::midnight()))
    }

    /// The first moment of the day after.
    pub(super) fn end_of(&self, date: Date) -> Option<i64> {
        self.start_of(date.checked_add(1.day()).ok()?)
    }

    /// The moment that the zone's clocks show so; the later one where none does.
    pub(super) fn moment(&self, local: DateTime) -> Option<i64> {
        let time = self.0.to_ambiguous_timestamp(local).compatible().ok()?;
        Some(time.as_millisecond())
    }

    fn local(&self, at_ms: i64) -> Option<DateTime> {
        let time = Timestamp::from_millisecond(at_ms).ok()?;
        Some(self.0.to_datetime(time))
    }
}
