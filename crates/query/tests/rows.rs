//! Every statement has the columns that its model reads, and each value lands in the field that it is for.
//!
//! The database holds one row per table of `/projections`; a text is the name of its own column.

use codex_ledger_db::{Connection, open_in_memory};
use codex_ledger_entry::{Seq, SeqRange, StreamId};
use codex_ledger_query as query;
use query::pricing::PriceTable;
use query::{Filter, Mode, ReportReader, ReportRequest, TokenBy, TokenRequest, Zone};
use std::fs;
use std::path::Path;

/// What is not its column's name, so that tables join and no row is left out.
const TEXTS: &[(&str, &str, &str)] = &[
    ("sessions", "id", "thread"),
    ("annotations", "session_id", "thread"),
    ("annotations", "act", "tag"),
    ("session_names", "session_id", "thread"),
    ("history_prompts", "session_id", "gone"),
    ("events", "understood", "malformed"),
    ("messages", "kind", "assistant"),
    ("function_calls", "tool", "shell"),
    ("actions", "verb", "reveal"),
];
/// Columns that are 0 in the rows that count; all other numbers are 1.
const ZERO: &[&str] = &["copied", "rank", "superseded"];

fn views() -> Connection {
    let db = open_in_memory().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../projections");
    for file in fs::read_dir(folder).unwrap() {
        db.execute_batch(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
    }
    let columns = "SELECT t.name AS of_table, c.name AS of_column, c.type AS kind
        FROM pragma_table_list t JOIN pragma_table_info(t.name) c
        WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY of_table, c.cid";
    let mut statement = db.prepare(columns).unwrap();
    let names = statement.query_map([], |row| {
        let (table, column): (String, String) = (row.get("of_table")?, row.get("of_column")?);
        Ok((table, column, row.get::<_, String>("kind")?))
    });
    let mut tables: std::collections::BTreeMap<String, Vec<String>> = Default::default();
    for (table, column, kind) in names.unwrap().map(Result::unwrap) {
        let special = TEXTS.iter().find(|of| (of.0, of.1) == (&table, &column));
        let value = match kind.as_str() {
            "TEXT" => format!("'{}'", special.map_or(column.as_str(), |of| of.2)),
            "BLOB" => "x'00'".to_string(),
            _ => i32::from(!ZERO.contains(&column.as_str())).to_string(),
        };
        tables.entry(table).or_default().push(value);
    }
    for (table, values) in tables {
        db.execute_batch(&format!("INSERT INTO {table} VALUES ({})", values.join(", "))).unwrap();
    }
    let unknown =
        "INSERT INTO events SELECT stream, 2, part, seq, offset, bytes, at_ms, generation, kind,
        subtype, ordinal, 'unknown', NULL, NULL, NULL FROM events";
    db.execute_batch(unknown).unwrap();
    let others =
        "INSERT INTO annotations SELECT seq + 1, recorded_at_ms, actor, 'note', session_id, prompt,
            prompt_seq, prompt_part, NULL, text, by_rule FROM annotations WHERE act = 'tag'
        UNION ALL SELECT seq + 2, recorded_at_ms, actor, 'disposition', session_id, prompt,
            prompt_seq, prompt_part, value, NULL, by_rule FROM annotations WHERE act = 'tag'";
    db.execute_batch(others).unwrap();
    drop(statement);
    db
}

#[test]
fn each_model_is_read() {
    let db = views();
    let some = |text: &str| Some(text.to_string());
    let session = query::find_session(&db, "thr").unwrap();
    assert_eq!((session.name.clone(), session.cwd.clone()), (some("name"), some("cwd")));
    assert_eq!((session.prompts, session.calls, session.tokens, session.lines), (1, 1, 2, 1));
    assert_eq!(
        query::sessions_matching(&db, &Filter::default(), 0).unwrap(),
        query::sessions(&db, 0).unwrap()
    );

    let detail = query::session_detail(&db, session).unwrap();
    let said: Vec<(&str, Option<&str>)> =
        detail.items.iter().map(|item| (item.text.as_str(), item.label.as_deref())).collect();
    let expected = [
        ("request", Some("1 image")),
        ("text", Some("assistant")),
        ("text", Some("origin")),
        ("step", Some("status")),
        ("command", Some("mcp_server/mcp_tool")),
        ("text", Some("what")),
    ];
    assert_eq!((said, detail.git_branch), (expected.to_vec(), some("git_branch")));

    // Nothing was erased: of an erased prompt nothing is said.
    db.execute("DELETE FROM erased_runs", []).unwrap();
    let tag = &query::tags(&db, Some("value")).unwrap()[0];
    assert_eq!((tag.session.as_str(), tag.prompt), ("thread", 1));
    assert_eq!(query::notes(&db, None).unwrap()[0].text, "text");
    assert_eq!(query::dispositions(&db, None).unwrap()[0].value, "value");
    let coverage = query::coverage(&db).unwrap();
    assert_eq!((coverage.streams.others, coverage.sessions_without_source), (1, 1));
    assert_eq!(coverage.not_understood[0].kind, "kind/subtype");
    assert_eq!(coverage.unknown_fields[0].fields, "drift");
    let problems = query::problems_in(&db, SeqRange::new(Seq::FIRST, Seq::new(2))).unwrap();
    assert_eq!((problems[0].path.as_str(), problems[0].offset), ("path", 2));
    assert_eq!(coverage.unreadable, problems);

    let redaction = query::redaction(&db, Seq::new(1)).unwrap();
    assert_eq!((redaction.target.as_str(), redaction.passages), ("target", 1));
    assert_eq!(query::redactions(&db, true).unwrap(), [redaction]);
    assert_eq!(query::revocation(&db, Seq::new(1)).unwrap(), query::revocations(&db).unwrap()[0]);
    assert_eq!(
        query::prompt_place(&db, StreamId::new(1), 1).unwrap().map(|of| (of.seq, of.part)),
        Some((Seq::new(1), 1))
    );

    let (zone, prices) = (Zone::utc(), PriceTable::builtin());
    let sums = query::tokens(&db, &TokenRequest::all(TokenBy::Repo, &zone, prices)).unwrap();
    assert_eq!((sums.rows[0].key.as_str(), sums.total.output), ("git_url", 1));
    assert_eq!(query::explain(&db, StreamId::new(1)).unwrap()[0].reason, some("reason"));
}

#[test]
fn a_report_is_read() {
    let request = ReportRequest {
        checkpoint: None,
        title: None,
        mode: Mode::Full,
        filter: Filter::default(),
        since_said: None,
        until_said: None,
        zone: Zone::utc(),
        page: false,
        beside: query::Beside::default(),
        external: false,
    };
    let report = ReportReader::open(views(), request, PriceTable::builtin()).unwrap();
    let head = report.head();
    let about = &head.transparency;
    assert_eq!((head.totals.prompts, head.totals.commands, head.totals.lines_added), (1, 1, 1));
    assert_eq!(head.sessions[0].repo.as_deref(), Some("git_url"));
    assert_eq!(
        (head.sessions[0].models.as_slice(), head.tools[0].calls),
        (&["model".into()][..], 1)
    );
    assert_eq!(about.coverage.unknown_kinds[0].kind, "kind/subtype");
    assert_eq!(about.coverage.problem_list[0].reason, "problem");
    assert_eq!(about.coverage.missing_list, ["gone"]);
    assert_eq!(about.redactions.by_rule[0].rule, "rule");
    assert_eq!(about.redactions.by_hand[0].actor.as_deref(), Some("actor"));
    assert_eq!((about.accesses.reveals, about.accesses.list[0].at_ms), (1, 1));
    assert_eq!(report.days().unwrap()[0].day, "1970-01-01");

    let mut prompts = report.prompts(&head.sessions[0]).unwrap();
    let prompt = prompts.next_prompt().unwrap().unwrap();
    assert_eq!((prompt.text.as_str(), prompt.images), ("request", 1));
    let said: Vec<_> =
        prompt.items.iter().map(|of| (of.text.as_str(), of.name.as_deref())).collect();
    let expected = [
        ("text", Some("phase")),
        ("text", None),
        ("step", None),
        ("command", Some("mcp_server/mcp_tool")),
        ("path", Some("action")),
        ("text", Some("what")),
        ("limits", None),
    ];
    assert_eq!(said, expected);
    assert_eq!(prompt.items[3].output.as_deref(), Some("output"));
    assert_eq!((prompt.items[4].added, prompt.items[5].duration_ms), (Some(1), Some(1)));
}
