//! Timestamps to milliseconds since the Unix epoch, UTC.

/// Reads `YYYY-MM-DDTHH:MM:SS[.fraction][Z|±HH:MM]`. Without an offset the time is UTC, as all
/// times in a rollout are. Fractions below a millisecond are cut off.
pub(super) fn parse_ms(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let days = date(bytes.get(..10)?)?;
    if !matches!(bytes.get(10)?, b'T' | b't' | b' ') {
        return None;
    }
    let seconds = time_of_day(bytes.get(11..19)?)?;
    let (millis, rest) = fraction(bytes.get(19..)?)?;
    let offset = offset_minutes(rest)?;
    Some((days * 86_400 + seconds - offset * 60) * 1000 + millis)
}

fn date(bytes: &[u8]) -> Option<i64> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = bytes else {
        return None;
    };
    let year = digits(&[y1, y2, y3, y4])?;
    let month = digits(&[m1, m2]).filter(|month| (1..=12).contains(month))?;
    let day = digits(&[d1, d2]).filter(|day| (1..=month_length(year, month)).contains(day))?;
    Some(days_since_epoch(year, month, day))
}

const fn month_length(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar; the year is counted from March, so that the leap
/// day is its last.
const fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Seconds since midnight. A leap second counts as the second after it.
fn time_of_day(bytes: &[u8]) -> Option<i64> {
    let &[h1, h2, b':', m1, m2, b':', s1, s2] = bytes else {
        return None;
    };
    let hour = digits(&[h1, h2]).filter(|&hour| hour < 24)?;
    let minute = digits(&[m1, m2]).filter(|&minute| minute < 60)?;
    let second = digits(&[s1, s2]).filter(|&second| second <= 60)?;
    Some(hour * 3600 + minute * 60 + second)
}

fn fraction(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let Some(rest) = bytes.strip_prefix(b".") else {
        return Some((0, bytes));
    };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let (fraction, rest) = rest.split_at(length);
    let digit = |at: usize| fraction.get(at).map_or(0, |byte| i64::from(byte - b'0'));
    Some((digit(0) * 100 + digit(1) * 10 + digit(2), rest))
}

fn offset_minutes(bytes: &[u8]) -> Option<i64> {
    let (sign, h1, h2, m1, m2) = match *bytes {
        [] | [b'Z' | b'z'] => return Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => (sign, h1, h2, m1, m2),
        _ => return None,
    };
    let minutes = digits(&[h1, h2])? * 60 + digits(&[m1, m2])?;
    Some(if sign == b'-' { -minutes } else { minutes })
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_codex_writes() {
        assert_eq!(parse_ms("1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(parse_ms("2026-03-01T10:00:00.123Z"), Some(1_772_359_200_123));
        assert_eq!(parse_ms("2024-02-29T23:59:59.9Z"), Some(1_709_251_199_900));
    }

    #[test]
    fn reads_other_forms_of_rfc_3339() {
        assert_eq!(parse_ms("2026-03-01T15:30:00+05:30"), Some(1_772_359_200_000));
        assert_eq!(parse_ms("2026-03-01 10:00:00.1239999"), Some(1_772_359_200_123));
        assert_eq!(parse_ms("1969-12-31T23:59:59Z"), Some(-1000));
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "2026-03-01",
            "2026-13-01T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-03-01T24:00:00Z",
            "2026-03-01T10:00:00.Z",
            "2026-03-01T10:00:00Zebra",
            "２026-03-01T10:00:00Z",
        ] {
            assert_eq!(parse_ms(text), None, "{text}");
        }
    }

    #[test]
    fn agrees_with_the_time_crate() {
        let format = &time::format_description::well_known::Rfc3339;
        for days in (-40_000_i64..40_000).step_by(17) {
            let seconds = days * 86_400 + (days * 7919).rem_euclid(86_400);
            let Ok(moment) = time::OffsetDateTime::from_unix_timestamp(seconds) else {
                continue;
            };
            let Ok(text) = moment.format(format) else {
                continue;
            };
            assert_eq!(parse_ms(&text), Some(seconds * 1000), "{text}");
        }
    }
}
