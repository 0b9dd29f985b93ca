//! Numbers as people read them, in reports and at the terminal.

/// `1,234,567`.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 prompt`, `2 prompts`.
pub fn plural(value: u64, noun: &str) -> String {
    let s = if value == 1 { "" } else { "s" };
    format!("{} {noun}{s}", number(value))
}

/// `2.4M`: tokens.
pub fn short(value: u64) -> String {
    match value {
        0..1_000 => value.to_string(),
        1_000..999_950 => format!("{:.1}k", value as f64 / 1e3),
        999_950..999_950_000 => format!("{:.1}M", value as f64 / 1e6),
        _ => format!("{:.1}G", value as f64 / 1e9),
    }
}

/// `51.4 MB`: powers of 1000, as disks count.
pub fn bytes(value: u64) -> String {
    match value {
        0..1_000 => format!("{value} B"),
        1_000..999_950 => format!("{:.1} kB", value as f64 / 1e3),
        999_950..999_950_000 => format!("{:.1} MB", value as f64 / 1e6),
        999_950_000..999_950_000_000 => format!("{:.1} GB", value as f64 / 1e9),
        _ => format!("{:.1} TB", value as f64 / 1e12),
    }
}

/// `120 ms`, `4.2 s`, `3 min 20 s`; clocks that went back count as no time.
pub fn duration(ms: i64) -> String {
    match ms.max(0) {
        ms @ 0..1_000 => format!("{ms} ms"),
        ms @ 1_000..59_950 => format!("{:.1} s", ms as f64 / 1e3),
        ms => {
            let seconds = ms.saturating_add(500) / 1000;
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!((number(1_234_567), number(12)), ("1,234,567".into(), "12".into()));
        assert_eq!((bytes(999), bytes(51_392_849)), ("999 B".into(), "51.4 MB".into()));
        assert_eq!((bytes(999_960), bytes(2_000_000_000_000)), ("1.0 MB".into(), "2.0 TB".into()));
        assert_eq!((short(2_438_000_000), short(999_999)), ("2.4G".into(), "1.0M".into()));
        assert_eq!(
            (duration(200_000), duration(59_960)),
            ("3 min 20 s".into(), "1 min 0 s".into())
        );
        assert_eq!((duration(-5), plural(1, "file")), ("0 ms".into(), "1 file".into()));
    }
}
