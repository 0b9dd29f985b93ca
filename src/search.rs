//! `search`: full text over what the views show.

use crate::door::{Done, Door, Result, Style, app};
use crate::error::DoorError;
use crate::filters::FilterArgs;
use crate::pager::width;
use crate::sessions::short_id;
use crate::text::{columns, count, minute_in, one_line, plural, printed};
use clap::Args;
use codex_ledger_app::{App, Times};
use codex_ledger_query::{QUALIFIERS, Search, SearchHit, Unmatched, Zone};
use unicode_width::UnicodeWidthStr;

/// Characters of a session's title beside a hit.
const TITLE_CHARS: usize = 50;

#[derive(Debug, Args)]
pub struct SearchArgs {
    /// Words, "phrases", beginnings*, /patterns/, AND, OR, NOT, (groups), and repo: session: title: model: error: tool: file: in: tag: disposition: exit: since: until: ident:
    #[arg(required = true, value_name = "QUERY")]
    pub query: Vec<String>,
    /// Time zone of since:, until: and of the times shown: local, or an IANA name [default: as configured, else UTC]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// Show at most this many places; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
}

/// So many new entries keep a search waiting; fewer of them it adds itself, in less time than a command takes to start.
const INDEXED_BEFORE_ENTRIES: u64 = 5_000;

/// Brings the index up to date behind a command that has said all it has to say. A search makes what is missing, and says
/// what keeps it from that.
pub fn index(door: &Door, app: &App, new_entries: u64) {
    if new_entries < INDEXED_BEFORE_ENTRIES {
        return;
    }
    door.patiently("indexing for search", || app.index_texts()).ok();
}

pub fn run(door: &mut Door, args: SearchArgs) -> Result<Done> {
    let app = app(door, "search", Vec::new())?;
    let search = Search::parse(&args.query.join(" ")).map_err(|error| {
        let names: Vec<String> = QUALIFIERS.iter().map(|name| format!("{name}:")).collect();
        DoorError::new(error.to_string()).hint(format!(
            "words, \"phrases\", beginnings*, /patterns/, AND, OR, NOT, (groups), and {}",
            names.join(" ")
        ))
    })?;
    // The same words and the same zone as everywhere else.
    let times = FilterArgs {
        since: search.since.clone(),
        until: search.until.clone(),
        timezone: args.timezone.clone(),
        ..FilterArgs::default()
    };
    let zone = times.zone(door)?;
    let filter = times.filter(&zone)?;
    let times = Times { since_ms: filter.since_ms, until_ms: filter.until_ms };
    let found = door.patiently("searching", || app.search(&search, times, args.limit))?;
    if door.global.json {
        door.print_json(&found)?;
        return Ok(Done::Clean);
    }
    if found.hits.is_empty() {
        let mut out = String::from("nothing found\n");
        for Unmatched { qualifier, nearest } in app.unmatched(&search)? {
            let near = nearest.map(|near| format!("; the nearest is `{}`", one_line(&near, 60)));
            let near = near.unwrap_or_default();
            out.push_str(&format!("nothing has the {qualifier} that is asked for{near}\n"));
        }
        if search.asks_for_errors() {
            out.push_str("`error:` is what a turn ended with; commands that failed are `exit:failed`, words of their output `in:output`\n");
        }
        door.print(&out)?;
        return Ok(Done::Clean);
    }
    let mut out = String::new();
    for hit in &found.hits {
        out.push_str(&hit_text(door, hit, &zone));
    }
    let shown = found.hits.len() as u64;
    let more = if shown < found.total {
        format!(", the best {} shown; --limit 0 shows all", count(shown))
    } else {
        String::new()
    };
    out.push_str(&door.paint(Style::Dim, format!("{}{more}\n", plural(found.total, "place"))));
    if let Some(first) = found.hits.first() {
        out.push_str(
            &door.next(None, &format!("show {}{}", short_id(&first.session), prompt_text(first))),
        );
    }
    door.print(&out)?;
    Ok(Done::Clean)
}

/// `#3` of a hit that is or follows the third prompt.
fn prompt_text(hit: &SearchHit) -> String {
    if hit.prompt > 0 { format!("#{}", hit.prompt) } else { String::new() }
}

fn hit_text(door: &Door, hit: &SearchHit, zone: &Zone) -> String {
    let what = match &hit.tool {
        Some(tool) => {
            let exit = hit.exit_code.map(|code| format!(", exit {code}")).unwrap_or_default();
            format!("{} of {}{exit}", hit.table, one_line(tool, 30))
        }
        None => hit.table.clone(),
    };
    let prompt = prompt_text(hit);
    let head =
        format!("{}{prompt}  {}  {what}", short_id(&hit.session), minute_in(zone, hit.at_ms));
    let flat = printed(&hit.snippet).split_whitespace().collect::<Vec<_>>().join(" ");
    let text =
        marked(door, &around(&one_line(&flat, 300), width().map(|width| width.saturating_sub(4))));
    let head = one_line(&head, width().unwrap_or(usize::MAX));
    // What is left of the line.
    let room = width().map_or(TITLE_CHARS, |width| width.saturating_sub(head.width() + 2));
    let title = hit.title.as_deref().filter(|_| room > 5);
    let title = title.map(|title| format!("  {}", one_line(title, room.min(TITLE_CHARS))));
    let title = door.paint(Style::Dim, title.unwrap_or_default());
    format!("{}{title}\n    {text}\n", door.paint(Style::Cyan, head))
}

/// As much of a snippet as fits into a line, with the word that was found in it.
fn around(snippet: &str, width: Option<usize>) -> String {
    let Some(width) = width.filter(|width| snippet.width() > *width) else {
        return snippet.to_string();
    };
    let found = snippet.find('⟦').unwrap_or(0);
    let (before, behind) = snippet.split_at(found);
    // A third of the line stands before the word.
    let room = width / 3;
    let cut = before
        .char_indices()
        .rev()
        .find(|(at, _)| before.get(*at..).is_some_and(|text| text.width() > room));
    let before = match cut {
        Some((at, c)) => format!("…{}", before.get(at + c.len_utf8()..).unwrap_or_default()),
        None => before.to_string(),
    };
    let room = width.saturating_sub(before.width() + 1);
    let kept = columns(behind, room);
    let is_open = kept.matches('⟦').count() > kept.matches('⟧').count();
    let end = if is_open { "⟧…" } else { "…" };
    let end = if kept.len() < behind.len() { end } else { "" };
    format!("{before}{kept}{end}")
}

/// The words that were found, marked.
fn marked(door: &Door, snippet: &str) -> String {
    let mut text = String::new();
    for (index, piece) in snippet.split('⟦').enumerate() {
        match piece.split_once('⟧').filter(|_| index > 0) {
            Some((word, rest)) => {
                text.push_str(&door.paint(Style::Mark, word));
                text.push_str(rest);
            }
            None => text.push_str(piece),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hit_fits_its_line_with_the_word_in_it() {
        let snippet = format!("{}⟦tide⟧ {}", "before ".repeat(20), "behind ".repeat(20));
        for width in [30, 56, 76] {
            let line = around(&snippet, Some(width));
            assert!(line.width() <= width + 2 && line.contains("⟦tide⟧"), "{width}: {line}");
        }
        assert_eq!(around("a ⟦b⟧", Some(20)), "a ⟦b⟧");
        let wide = format!("{}⟦등대⟧{}", "潮".repeat(60), "汐".repeat(60));
        assert!(around(&wide, Some(40)).width() <= 42);
    }
}
