//! A ledger in which sessions with hostile records stand beside sound ones, read in the process itself.

use super::{SOUND, counters};
use crate::cli_support::{rollout_name, session, thread};
use crate::support::world::{holder, quick};
use codex_ledger_app::config::ReviewConfig;
use codex_ledger_app::{App, AppendOptions, PriceTable, RuleSet, Setup, Times};
use codex_ledger_query::{
    Beside, Filter, Mode, ReportRequest, Search, TokenBy, TokenRequest, Zone,
};
use codex_ledger_report::{Csv, Html, Json, Markdown, Renderer, Table};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

const MODES: [Mode; 5] = [Mode::Prompts, Mode::Answers, Mode::Actions, Mode::Tokens, Mode::Full];
const TABLES: [Table; 7] = [
    Table::Stream,
    Table::Sessions,
    Table::Prompts,
    Table::Actions,
    Table::Tokens,
    Table::Tools,
    Table::Transparency,
];

pub struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    /// One with sound sessions alone, appended.
    pub fn new(sound: u64) -> Place {
        let place = Place { dir: tempfile::tempdir().expect("a temporary folder") };
        for number in 0..sound {
            let mut bytes = session(number, 3);
            bytes.extend(counters::line(number, 1000, 100));
            place.put(&format!("home/sessions/2026/01/01/{}", rollout_name(number)), &bytes);
        }
        if sound > 0 {
            place.append(&place.app(), None);
        }
        place
    }

    fn put(&self, relative: &str, bytes: &[u8]) {
        let path = self.dir.path().join(relative);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
        fs::write(path, bytes).expect("the file is written");
    }

    pub fn write(&self, number: u64, bytes: &[u8]) {
        self.put(&format!("home/sessions/2026/03/01/{}", rollout_name(number)), bytes);
    }

    pub fn write_document(&self, number: u64, bytes: &[u8]) {
        let name = format!("rollout-2027-05-12-{}.json", thread(number));
        self.put(&format!("home/sessions/2026/02/01/{name}"), bytes);
    }

    pub fn write_side(&self, name: &str, bytes: &[u8]) {
        self.put(&format!("home/{name}"), bytes);
    }

    pub fn app(&self) -> App {
        App::new(Setup {
            checkpoint: Default::default(),
            retention: Default::default(),
            ledger_dir: self.dir.path().join("ledger"),
            db_path: None,
            raw_json: false,
            roots: vec![self.dir.path().join("home")],
            // What rules hide is tested elsewhere, and takes most of the time.
            rules: Some(Ok(RuleSet::default())),
            review: ReviewConfig::default(),
            actor: "tester".into(),
            request: None,
            holder: holder(),
            wait: Duration::ZERO,
            notices: None,
            world: quick(1),
        })
    }

    fn append(&self, app: &App, limit: Option<usize>) {
        let options = AppendOptions { limit, ..AppendOptions::default() };
        app.append(options, &mut |_| ()).expect("append works");
    }

    /// Everything that reads answers, and a rebuild gives the same.
    pub fn answers(&self, what: &str) {
        let app = self.app();
        // They come to views that stand already: some files, all, and what one has grown by.
        self.append(&app, Some(3));
        self.append(&app, None);
        let files = files_below(self.dir.path().join("home/sessions/2026"));
        if let Some(grown) = files.last() {
            let mut bytes = fs::read(grown).expect("the file is read");
            bytes.extend(crate::cli_support::prompt_line("And one more?"));
            fs::write(grown, bytes).expect("the file grows");
        }
        self.append(&app, None);
        let matches = app.check_views(&mut |_| ()).expect("a rebuild works").matches_live;
        assert!(matches, "{what}: a rebuild gives other views");
        read_all(&app, what);
    }

    /// And the sound sessions are shown as they are without the others.
    pub fn holds(&self, what: &str) {
        let alone = Place::new(SOUND);
        let expected = sound(&alone.app());
        self.answers(what);
        let found = sound(&self.app());
        for (found, expected) in found.iter().zip(&expected) {
            same(found, expected, what);
        }
    }
}

/// Asserts that two values are the same, and names the first place where they are not.
fn same(found: &Value, expected: &Value, place: &str) {
    let at = |step: &dyn std::fmt::Display| format!("{place}/{step}");
    match (found, expected) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().zip(b).for_each(|((name, a), (_, b))| same(a, b, &at(name)));
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().for_each(|(n, (a, b))| same(a, b, &at(&n)));
        }
        _ => assert_eq!(found, expected, "{place}: a sound session is shown otherwise"),
    }
}

fn files_below(dir: PathBuf) -> Vec<PathBuf> {
    crate::cli_support::sources_below(&dir).into_iter().map(|source| source.path).collect()
}

/// Reads everything in every way.
fn read_all(app: &App, what: &str) {
    let sessions = app.sessions(0).unwrap_or_else(|e| panic!("{what}: sessions: {e:?}"));
    assert!(sessions.len() > 1, "{what}: {} sessions", sessions.len());
    app.sessions_matching(&Filter::default(), 0).expect("sessions by filter");
    for session in &sessions {
        // Two sessions may have ids of which one begins with the other.
        let Ok(detail) = app.session(&session.id) else { continue };
        json!(detail).to_string();
        let rows = app
            .explain_tokens(&session.id, Some(PriceTable::builtin()))
            .expect("tokens explain")
            .records;
        json!(rows).to_string();
    }
    for by in [
        TokenBy::Day,
        TokenBy::Week,
        TokenBy::Month,
        TokenBy::Session,
        TokenBy::Repo,
        TokenBy::Model,
        TokenBy::Prompt,
    ] {
        let zone = Zone::utc();
        let report = app.tokens(&TokenRequest::all(by, &zone, PriceTable::builtin()));
        json!(report.expect("tokens")).to_string();
    }
    for mode in MODES {
        let bytes = render(app, mode, Filter::default(), true);
        assert!(!bytes.is_empty(), "{what}: a report");
    }
    for question in ["high water", "more 256", "in:plan more", "exit:failed x*", "tool:shell"] {
        let question = Search::parse(question).expect("a question");
        app.search(&question, Times::default(), 20).expect("search");
        let times = Times { since_ms: Some(-1), until_ms: Some(i64::MAX) };
        app.search(&question, times, 0).expect("search in a range");
    }
    json!(app.status().expect("status").coverage.expect("a coverage")).to_string();
    let audit = app.audit(false, &mut |_| ()).expect("an audit");
    assert!(audit.findings.is_empty(), "{what}: {:?}", audit.findings);
}

/// A report in every format, or as JSON alone.
fn render(app: &App, mode: Mode, filter: Filter, in_all_formats: bool) -> Vec<u8> {
    let request = ReportRequest {
        checkpoint: None,
        title: None,
        mode,
        filter,
        since_said: None,
        until_said: None,
        zone: Zone::named("Pacific/Kiritimati").expect("a zone"),
        page: true,
        beside: Beside::default(),
        external: false,
    };
    let gate = app.gate().expect("a gate");
    let report = app.report(&gate, request, PriceTable::builtin()).expect("a report");
    report.days().expect("days");
    let mut renderers: Vec<Box<dyn Renderer>> = vec![Box::new(Json::default())];
    if in_all_formats {
        renderers.push(Box::new(Markdown::default()));
        renderers.push(Box::new(Html::default()));
        renderers.extend(TABLES.map(|table| Box::new(Csv::new(table)) as Box<dyn Renderer>));
    }
    let (mut out, head) = (Vec::new(), report.head());
    renderers.iter_mut().for_each(|of| of.begin(&mut out, head).expect("a beginning"));
    for session in head.sessions.iter().filter(|_| mode.has_prompts()) {
        renderers.iter_mut().for_each(|of| of.session(&mut out, head, session).expect("a session"));
        let mut prompts = report.prompts(session).expect("prompts");
        while let Some(prompt) = prompts.next_prompt().expect("a prompt") {
            renderers
                .iter_mut()
                .for_each(|of| of.prompt(&mut out, head, &prompt).expect("a prompt"));
        }
        renderers.iter_mut().for_each(|of| of.session_end(&mut out, head).expect("an end"));
    }
    renderers.iter_mut().for_each(|of| of.end(&mut out, head).expect("the end"));
    out
}

/// How the sound sessions are shown.
fn sound(app: &App) -> Vec<Value> {
    let listed = app.sessions(0).expect("sessions");
    let of = |number| {
        let id = thread(number);
        let row = listed.iter().find(|row| row.id == id).expect("the session is listed");
        let explained = app.explain_tokens(&id, None).expect("tokens explain").records;
        let filter = Filter { sessions: vec![id.clone()], ..Filter::default() };
        let reports = MODES.map(|mode| {
            let bytes = render(app, mode, filter.clone(), false);
            serde_json::from_slice::<Value>(&bytes).expect("a report is JSON")
        });
        let mut detail = json!(app.session(&id).expect("the session"));
        // Each place has a folder of its own.
        detail["path"] = Value::Null;
        json!([row, detail, explained, reports])
    };
    (0..SOUND).map(of).collect()
}
