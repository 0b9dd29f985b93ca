//! Charts as plain SVG: shapes only, all words stand beside them as HTML.

use super::words::{number, short};
use codex_ledger_query::{TokenRow, TokenSums, TokenTables, ToolRow};
use jiff::ToSpan;
use jiff::civil::Date;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// More days than this are drawn by week, more weeks by month, more months by so many years that there are no more
/// bars: a log may name any year.
const BARS_MAX: i64 = 62;

/// A day, or the first one of several.
struct Day {
    from: Date,
    bar: Bar,
}

#[derive(Default)]
struct Bar {
    name: String,
    cached: u64,
    fresh: u64,
    output: u64,
}

impl Bar {
    fn of(name: String, sums: &TokenSums) -> Bar {
        let mut bar = Bar { name, ..Bar::default() };
        bar.add(sums);
        bar
    }

    fn add(&mut self, sums: &TokenSums) {
        self.cached = self.cached.saturating_add(sums.cached);
        self.fresh = self.fresh.saturating_add(sums.input.saturating_sub(sums.cached));
        self.output = self.output.saturating_add(sums.output);
    }

    fn total(&self) -> u64 {
        self.cached.saturating_add(self.fresh).saturating_add(self.output)
    }
}

/// Tokens over time; of a single day by prompt, as far as there are bars enough.
pub(super) fn tokens(tables: &TokenTables) -> Markup {
    let prompts = &tables.by_prompt;
    if prompts.len() < 2 || prompts.len() as i64 > BARS_MAX {
        return tokens_per_day(&tables.by_day);
    }
    let bars = prompts.iter().map(|row| Bar::of(row.key.clone(), &row.sums)).collect::<Vec<_>>();
    let label = |row: &TokenRow| format!("prompt {}", row.key.rsplit('#').next().unwrap_or("0"));
    let ends = [prompts.first(), prompts.last()].map(|row| row.map(label).unwrap_or_default());
    drawn(&bars, "prompt", ends)
}

/// Tokens per day, or per week, month or some years where there are too many days.
fn tokens_per_day(rows: &[TokenRow]) -> Markup {
    let (bars, unit) = bars(rows);
    let end = |bar: Option<&Day>| bar.map(|day| day.from.to_string()).unwrap_or_default();
    let ends = [end(bars.first()), end(bars.last())];
    let bars: Vec<Bar> = bars.into_iter().map(|day| day.bar).collect();
    drawn(&bars, &unit, ends)
}

fn drawn(bars: &[Bar], unit: &str, [first, last]: [String; 2]) -> Markup {
    let most = bars.iter().map(Bar::total).max().unwrap_or(0);
    if most == 0 {
        return html! { p.quiet { "No counted usage." } };
    }
    let label =
        format!("Tokens per {unit} from {first} to {last}, at most {} per {unit}", short(most));
    let width = 12 * bars.len();
    let height = |value: u64| value as f64 * 100.0 / most as f64;
    html! {
        figure {
            figcaption { "Tokens per " (unit) }
            p.axis { span { (short(most)) } }
            svg.bars viewBox=(format!("0 0 {width} 100")) preserveAspectRatio="none" role="img"
                aria-label=(label) {
                @for (index, bar) in bars.iter().enumerate() {
                    g {
                        title { (super::escape::line(&bar.name)) ": " (number(bar.total())) " tokens" }
                        (rect(index, 0.0, height(bar.cached), "cached"))
                        (rect(index, height(bar.cached), height(bar.fresh), "fresh"))
                        (rect(index, height(bar.cached.saturating_add(bar.fresh)), height(bar.output), "output"))
                    }
                }
            }
            p.axis { span { (first) } @if bars.len() > 1 { span { (last) } } }
            ul.legend {
                li { span.key.cached {} "input from the cache" }
                li { span.key.fresh {} "other input" }
                li { span.key.output {} "output" }
            }
        }
    }
}

fn rect(index: usize, from: f64, height: f64, class: &str) -> Markup {
    let y = format!("{:.2}", 100.0 - from - height);
    let (x, height) = (index * 12 + 1, format!("{height:.2}"));
    html! { rect class=(class) x=(x) y=(y) width="10" height=(height) {} }
}

/// One bar per day, week or month without gaps. Keys are `2026-02-09`; usage without a time has no bar.
fn bars(rows: &[TokenRow]) -> (Vec<Day>, String) {
    let dated = || rows.iter().filter_map(|row| Some((row.key.parse::<Date>().ok()?, row)));
    let (Some((first, _)), Some((last, _))) = (dated().next(), dated().next_back()) else {
        return (Vec::new(), "day".into());
    };
    let days = i64::from(first.until(last).map_or(0, |span| span.get_days()));
    let years = days / 365 / BARS_MAX + 1;
    let (unit, start, step): (_, Box<dyn Fn(Date) -> Date>, _) = match days {
        days if days <= BARS_MAX => ("day".into(), Box::new(|date| date), 1.day()),
        days if days <= BARS_MAX * 7 => ("week".into(), Box::new(monday), 1.week()),
        days if days <= BARS_MAX * 28 => {
            ("month".into(), Box::new(|date: Date| date.first_of_month()), 1.month())
        }
        _ if years == 1 => ("year".into(), Box::new(|date| first_of_years(date, 1)), 1.year()),
        _ => (
            format!("{years} years"),
            Box::new(move |date| first_of_years(date, years)),
            years.years(),
        ),
    };
    let mut bars = Vec::new();
    let mut from = start(first);
    while from <= start(last) {
        let name = from.to_string();
        bars.push(Day { from, bar: Bar { name, ..Bar::default() } });
        match from.checked_add(step) {
            Ok(next) => from = next,
            Err(_) => break,
        }
    }
    for (date, row) in dated() {
        let index = bars.partition_point(|bar| bar.from < start(date));
        if let Some(bar) = bars.get_mut(index) {
            bar.bar.add(&row.sums);
        }
    }
    (bars, unit)
}

/// The first day of the years, counted in groups from the year 0, that a day is in.
fn first_of_years(date: Date, years: i64) -> Date {
    let year = i64::from(date.year());
    let first = i16::try_from(year - year.rem_euclid(years)).unwrap_or(date.year());
    Date::new(first, 1, 1).unwrap_or(date)
}

fn monday(date: Date) -> Date {
    let days = i64::from(date.weekday().to_monday_zero_offset());
    date.checked_sub(days.days()).unwrap_or(date)
}

/// Calls by tool, failed ones in another colour.
pub(super) fn calls_by_tool(rows: &[ToolRow]) -> Markup {
    let most = rows.iter().map(|row| row.calls).max().unwrap_or(0);
    if most == 0 {
        return html! { p.quiet { "No tool calls." } };
    }
    let width = |calls: u64| format!("{:.2}", calls as f64 * 100.0 / most as f64);
    html! {
        figure {
            figcaption { "Calls by tool" }
            ul.tools {
                @for row in rows {
                    li {
                        span.tool { (super::escape::line(&row.tool)) }
                        svg.bar viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
                            rect.fresh x="0" y="0" width=(width(row.calls)) height="10" {}
                            @if row.failed > 0 {
                                rect.failed x="0" y="0" width=(width(row.failed)) height="10" {}
                            }
                        }
                        span.count {
                            (number(row.calls))
                            @if row.failed > 0 { span.bad { " " (number(row.failed)) " failed" } }
                        }
                    }
                }
            }
        }
    }
}

/// Weeks that a calendar shows.
const WEEKS_MAX: i64 = 53;

/// A day in a calendar of weeks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarDay {
    /// `2026-02-09`.
    pub date: String,
    /// Week, from 0 on.
    pub week: i64,
    /// 0 is Monday.
    pub weekday: i64,
    /// What was counted.
    pub count: u64,
    /// How much that is beside the others: 0 for nothing, up to 4.
    pub level: u8,
}

/// All days from the first to the last one that something was counted on, of the last year that has some. Days are `2026-02-09`;
/// others are left out.
pub fn calendar<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> Vec<CalendarDay> {
    let counts: BTreeMap<Date, u64> =
        counts.filter_map(|(day, count)| Some((day.parse().ok()?, count))).collect();
    let (Some(first), Some(last)) = (counts.keys().next(), counts.keys().next_back()) else {
        return Vec::new();
    };
    let earliest = monday(*last).checked_sub((WEEKS_MAX - 1).weeks()).unwrap_or(*first);
    let start = monday((*first).max(earliest));
    let mut sorted: Vec<u64> = counts.range(start..).map(|(_, count)| *count).collect();
    sorted.retain(|count| *count > 0);
    sorted.sort_unstable();
    // A quarter of the days that have some is of each level.
    let level = |count: u64| match count {
        0 => 0,
        _ => 1 + (sorted.partition_point(|of| *of < count) * 4 / sorted.len().max(1)).min(3) as u8,
    };
    let mut days = Vec::new();
    let mut date = (*first).max(earliest);
    while date <= *last {
        let count = counts.get(&date).copied().unwrap_or(0);
        let since = i64::from(start.until(date).map_or(0, |span| span.get_days()));
        let (week, weekday) = (since / 7, since % 7);
        days.push(CalendarDay {
            date: date.to_string(),
            week,
            weekday,
            count,
            level: level(count),
        });
        match date.tomorrow() {
            Ok(next) => date = next,
            Err(_) => break,
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_has_every_day_and_a_level_for_each() {
        let counts = [("2026-02-09", 5), ("2026-02-12", 50), ("no day", 9), ("2026-02-16", 1)];
        let days = calendar(counts.into_iter());
        assert_eq!(days.len(), 8);
        let told: Vec<_> = days.iter().map(|day| (day.week, day.weekday, day.level)).collect();
        assert_eq!((told[0], told[1], told[3]), ((0, 0, 2), (0, 1, 0), (0, 3, 3)));
        assert_eq!(told[7], (1, 0, 1));
        let old = [("2020-01-01", 1), ("2026-02-09", 1)];
        assert!(calendar(old.into_iter()).len() <= 7 * WEEKS_MAX as usize);
        assert_eq!(calendar([("2026-02-09", 0)].into_iter())[0].level, 0);
    }

    fn row(day: &str, input: u64) -> TokenRow {
        TokenRow {
            key: day.into(),
            keys: Vec::new(),
            sums: TokenSums { input, output: input, ..TokenSums::default() },
        }
    }

    #[test]
    fn any_span_of_time_and_any_amount_is_few_bars() {
        for (days, unit, count) in [
            (["2026-01-01", "2026-03-01"], "day", 60),
            (["2026-01-01", "2026-12-31"], "week", 53),
            (["2026-01-15", "2028-01-01"], "month", 25),
            (["2026-01-01", "2036-01-01"], "year", 11),
            (["1970-01-01", "9999-12-30"], "130 years", 62),
        ] {
            let rows = days.map(|day| row(day, u64::MAX));
            let (bars, named) = bars(&rows);
            assert_eq!((named.as_str(), bars.len()), (unit, count));
            assert_eq!(bars.iter().filter(|day| day.bar.total() == u64::MAX).count(), 2, "{unit}");
            tokens_per_day(&rows).into_string();
        }
    }
}
