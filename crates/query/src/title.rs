//! What a session is called: its name, else what was asked first.

use codex_ledger_db::{Row, SqlResult};

/// Characters of a title; what is longer is cut.
const TITLE_CHARS: usize = 120;

/// A session's name, and its title in one line, of the columns that `session_titles` has for it; none where it has no name and nothing was asked.
pub(super) fn read(row: &Row<'_>) -> SqlResult<(Option<String>, Option<String>)> {
    let (name, asked): (Option<String>, Option<String>) = (row.get("name")?, row.get("asked")?);
    let title = [&name, &asked].into_iter().flatten().find_map(|text| title_of(text));
    Ok((name, title))
}

/// A text in one line, cut where it is long.
pub(super) fn title_of(text: &str) -> Option<String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= TITLE_CHARS {
        return Some(line).filter(|line| !line.is_empty());
    }
    let cut: String = line.chars().take(TITLE_CHARS - 1).collect();
    Some(format!("{}…", cut.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_line_that_ends_somewhere() {
        assert_eq!(title_of(" Read\n\tthe gauge "), Some("Read the gauge".into()));
        assert_eq!(title_of(" \n "), None);
        let long = title_of(&"tide ".repeat(100)).unwrap();
        assert!(long.chars().count() <= TITLE_CHARS && long.ends_with("tide…"), "{long}");
    }
}
