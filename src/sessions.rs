//! `sessions`: the list.

use crate::door::{Done, Door, Result, Style, app};
use crate::filters::FilterArgs;
use crate::pager::width;
use crate::text::{minute_in, one_line, short};
use clap::Args;
use codex_ledger_query::{SessionRow, Zone};
use comfy_table::{CellAlignment, ContentArrangement, Table, TableStyle};

/// Fewer columns of a terminal are hardly room for a table.
const NARROW_BELOW: usize = 72;

#[derive(Debug, Args)]
pub struct SessionsArgs {
    /// Show at most this many; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub limit: usize,
    #[command(flatten)]
    pub filters: FilterArgs,
}

pub fn run(door: &mut Door, args: SessionsArgs) -> Result<Done> {
    let app = app(door, "sessions", Vec::new())?;
    let zone = args.filters.zone(door)?;
    let rows = app.sessions_matching(&args.filters.filter(&zone)?, args.limit)?;
    if door.global.json {
        door.print_json(&rows)?;
        return Ok(Done::Clean);
    }
    if rows.is_empty() && app.sessions(1)?.len() == 1 {
        door.print("no sessions match\n")?;
        return Ok(Done::Clean);
    }
    if rows.is_empty() {
        door.print(&door.hinted("no sessions yet; `codex-ledger append` reads your Codex logs\n"))?;
        return Ok(Done::Clean);
    }
    let mut out = table(door, &rows, &zone);
    if args.limit > 0 && rows.len() == args.limit {
        let all = app.count_matching(&args.filters.filter(&zone)?)?;
        if all > rows.len() as u64 {
            let said = format!("the newest {} of {all}; --limit 0 shows all\n", rows.len());
            out.push_str(&door.paint(Style::Dim, said));
        }
    }
    let newest = rows.first().map(|row| short_id(&row.id)).unwrap_or_default();
    out.push_str(&door.next(None, &format!("show {newest}")));
    door.print(&out)?;
    Ok(Done::Clean)
}

/// Enough of an id to name it among thousands: version 7 ids begin with a time that many share.
pub fn short_id(id: &str) -> String {
    one_line(&id.chars().take(18).collect::<String>(), 80)
}

fn table(door: &Door, rows: &[SessionRow], zone: &Zone) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Disabled);
    // Where there is hardly room, the year and the end of the id are left out.
    let is_narrow = width().is_some_and(|width| width < NARROW_BELOW);
    let last = if is_narrow { "LAST".into() } else { format!("LAST ({})", zone.name()) };
    let what = if is_narrow { "TITLE" } else { "FOLDER: TITLE" };
    let heads = [last.as_str(), "SESSION", "PROMPTS", "CALLS", "TOKENS", "MODEL", "FROM", what];
    // Where there is no room, what tells least goes first; the title stays.
    let width = width().unwrap_or(usize::MAX);
    let left_out: &[usize] = match width {
        ..100 => &[2, 3, 5, 6],
        100..130 => &[3, 5, 6],
        _ => &[],
    };
    let kept = |cells: [String; 8]| -> Vec<String> {
        let cells = cells.into_iter().enumerate();
        cells.filter(|(at, _)| !left_out.contains(at)).map(|(_, cell)| cell).collect()
    };
    let title_chars = match width {
        usize::MAX => 48,
        ..NARROW_BELOW => width.saturating_sub(38).max(20),
        NARROW_BELOW..100 => width.saturating_sub(50).max(20),
        100..130 => width.saturating_sub(62),
        _ => width.saturating_sub(110).min(100),
    };
    table.set_header(kept(heads.map(|head| door.paint(Style::Dim, head))));
    for row in rows {
        let cwd = row.cwd.as_deref().unwrap_or("-");
        let folder = cwd.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(cwd);
        let label = row.title.as_deref().map_or(folder.to_string(), |title| match is_narrow {
            true => title.to_string(),
            false => format!("{folder}: {title}"),
        });
        let minute = minute_in(zone, row.last_at_ms.or(row.created_at_ms));
        let (minute, id) = match is_narrow {
            true => {
                (minute.get(5..).unwrap_or(&minute).to_string(), row.id.chars().take(13).collect())
            }
            false => (minute, row.id.clone()),
        };
        table.add_row(kept([
            minute,
            door.paint(Style::Cyan, short_id(&id)),
            row.prompts.to_string(),
            row.calls.to_string(),
            if row.tokens == 0 { "-".into() } else { short(row.tokens) },
            one_line(row.model.as_deref().unwrap_or("-"), 20),
            one_line(row.started_from().as_deref().unwrap_or("-"), 32),
            one_line(&label, title_chars),
        ]));
    }
    let numbers = (2..5).filter(|at| !left_out.contains(at)).count();
    for index in 2..2 + numbers {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let text = table.to_string();
    text.lines().map(|line| line.trim_end().to_string() + "\n").collect()
}
