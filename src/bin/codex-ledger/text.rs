//! Text for people: harmless, short, aligned.

use time::OffsetDateTime;
use time::macros::format_description;

/// Text from logs without anything that a terminal would obey: control characters, escape sequences and
/// direction overrides are shown as what they are. Line feeds and tabs stay.
pub fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => {}
            c if c.is_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
            '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => {
                out.push_str(&format!("\\u{{{:x}}}", c as u32));
            }
            c => out.push(c),
        }
    }
    out
}

/// The first line, harmless and at most `width` characters.
pub fn one_line(text: &str, width: usize) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let more = text.trim().lines().nth(1).is_some();
    let line = safe(line).replace('\t', " ");
    if line.chars().count() > width || more {
        let cut: String = line.chars().take(width.saturating_sub(1)).collect();
        return format!("{}…", cut.trim_end());
    }
    line
}

/// `2026-02-09 18:36` in UTC.
pub fn minute(at_ms: Option<i64>) -> String {
    stamp(at_ms, format_description!("[year]-[month]-[day] [hour]:[minute]"))
}

/// `18:36:27` in UTC.
pub fn second(at_ms: Option<i64>) -> String {
    stamp(at_ms, format_description!("[hour]:[minute]:[second]"))
}

fn stamp(
    at_ms: Option<i64>,
    format: &[time::format_description::BorrowedFormatItem<'_>],
) -> String {
    at_ms
        .and_then(|ms| OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000)).ok())
        .and_then(|time| time.format(format).ok())
        .unwrap_or_else(|| "-".into())
}

/// `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 file`, `2 files`.
pub fn plural(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{} {noun}s", count(number)) }
}

/// `51.4 MB`: powers of 1000, as disks count.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{number} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// `2.4M`: tokens and the like.
pub fn short(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{:.1}k", number as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1}M", number as f64 / 1e6),
        _ => format!("{:.1}G", number as f64 / 1e9),
    }
}

/// `120 ms`, `4.2 s`, `3 min 20 s`.
pub fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{:.1} s", ms as f64 / 1e3),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_harmless() {
        assert_eq!(safe("a\x1b[31mred\u{202e}x\0\tb\r\n"), "a\\x1b[31mred\\u{202e}x\\x00\tb\n");
        assert_eq!(one_line("\n  first\nsecond", 20), "first…");
        assert_eq!(one_line("abcdef", 4), "abc…");
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!((count(1_234_567), count(12)), ("1,234,567".into(), "12".into()));
        assert_eq!((bytes(999), bytes(51_392_849)), ("999 B".into(), "51.4 MB".into()));
        assert_eq!((short(2_438_000_000), duration(200_000)), ("2.4G".into(), "3 min 20 s".into()));
        assert_eq!(minute(Some(1_770_662_187_000)), "2026-02-09 18:36");
    }
}
