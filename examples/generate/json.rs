//! Just enough JSON and calendar to write log lines.

use std::fmt::{Display, Formatter, Result, Write};

/// Displays a text as a quoted JSON string.
pub struct Quoted<'a>(&'a str);

pub fn q(text: &str) -> Quoted<'_> {
    Quoted(text)
}

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_char('"')?;
        let mut start = 0;
        for (i, byte) in self.0.bytes().enumerate() {
            if byte >= 0x20 && byte != b'"' && byte != b'\\' {
                continue;
            }
            f.write_str(&self.0[start..i])?;
            start = i + 1;
            match byte {
                b'\n' => f.write_str("\\n")?,
                b'"' => f.write_str("\\\"")?,
                b'\\' => f.write_str("\\\\")?,
                b'\r' => f.write_str("\\r")?,
                b'\t' => f.write_str("\\t")?,
                _ => write!(f, "\\u{byte:04x}")?,
            }
        }
        f.write_str(&self.0[start..])?;
        f.write_char('"')
    }
}

pub const DAY: u64 = 86_400_000;

/// Year, month, day of a count of days since 1970-01-01.
pub fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + u64::from(month <= 2), month, day)
}

/// `2026-02-09T18:36:27.123Z`
pub fn stamp(ms: u64) -> String {
    let (y, m, d) = civil(ms / DAY);
    let (h, min, s) = (ms / 3_600_000 % 24, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{y}-{m:02}-{d:02}T{h:02}:{min:02}:{s:02}.{:03}Z", ms % 1000)
}
