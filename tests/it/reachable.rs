//! What a record says is in the views: every text of every invented record is a text of some row, or of a kind that is
//! listed here with the reason why not.

use crate::cli_support::{TestEnvironment, fixture_home, sources_below};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Ends of paths, and why what stands there is no text of a row.
const NOT_SAID: &[(&str, &str)] = &[
    (".timestamp", "times are numbers"),
    (".updated_at", "times are numbers"),
    (".type", "kinds of records and parts decide which table a row is in"),
    (".id", "ids of items join records; rows are named by line and entry"),
    (".call_id", "as above, where a record has no call"),
    (".hookRunId", "as above"),
    (".turn_id", "a migration may name a turn anew whose words are told by the older file"),
    (".status", "states become numbers, outcomes or the absence of an answer"),
    (".agents_states.*", "as above"),
    (".codex_error_info", "as above"),
    (".phase", "as above, of items"),
    (".source", "who asked for a command: the turn tells"),
    (".item.kind", "a tool's own kind, beside its name"),
    (".role", "as kinds"),
    (".collaboration_mode_kind", "the settings of the turn tell it"),
    (".memory_mode", "a setting of the client that changes nothing of what was said"),
    (".cli_version", "that of the first header is kept"),
    (".encrypted_content", "nobody but the provider can read it"),
    (
        ".base_instructions.text",
        "the client's own prompt, the same for everybody; `show --raw` has it",
    ),
    (".replacement_history[].content[].text", "a compaction repeats what was said"),
    (".aggregated_output", "the output as the model got it is kept, which may be told otherwise"),
    (".command[]", "the command is one line"),
    (".action.command", "the call that was assessed says it"),
    (".unified_diff", "the patch says it, which the call holds"),
    (".content", "as above, of new files"),
    (".content[].name", "a mention in a prompt; its text says it"),
    (".content[].path", "as above"),
    ("image_url", "images are counted"),
    ("imageUrl", "images are counted"),
    (".content[].url", "images are counted"),
    (".local_images[]", "images are counted"),
    (".file_ids[]", "images are counted"),
    (".item.path", "told decoded, where it is an address"),
];

#[test]
fn every_text_of_every_record_is_reachable() {
    let shapes = fixture_home().parent().unwrap().join("rollouts");
    let shapes = std::fs::read_dir(shapes).unwrap().map(|entry| entry.unwrap().path());
    let mut homes: Vec<Vec<PathBuf>> =
        shapes.filter(|shape| shape.is_dir()).map(|s| steps(&s)).collect();
    homes.push(vec![fixture_home()]);
    homes.sort();
    assert!(homes.len() > 110, "{} homes", homes.len());
    let mut missing = Vec::new();
    let mut used = BTreeSet::new();
    let mut texts = 0;
    for steps in &homes {
        texts += look_at(steps, &mut missing, &mut used);
    }
    assert!(missing.is_empty(), "texts that no row says:\n{}", missing.join("\n"));
    assert!(texts > 10_000, "only {texts} texts were looked at");
    let unused: Vec<&str> =
        NOT_SAID.iter().map(|(end, _)| *end).filter(|end| !used.contains(end)).collect();
    assert!(unused.is_empty(), "exceptions that nothing needs: {unused:?}");
}

/// A home, or the homes that it was one after the other.
fn steps(shape: &Path) -> Vec<PathBuf> {
    let steps = (1..).map(|number| shape.join(format!("step{number}")));
    let steps: Vec<PathBuf> = steps.take_while(|step| step.is_dir()).collect();
    if steps.is_empty() { vec![shape.join("home")] } else { steps }
}

/// Looks for the texts of a home in all its steps, after the last one; gives their number.
fn look_at(
    steps: &[PathBuf],
    missing: &mut Vec<String>,
    used: &mut BTreeSet<&'static str>,
) -> usize {
    let env = TestEnvironment::new();
    let rules =
        "extends: none\nrules:\n  - {id: never, type: literal, pattern: never-said-by-anybody}\n";
    crate::cmd_redact::configure_rules(&env, rules);
    let mut sources = Vec::new();
    for step in steps {
        for source in sources_below(step) {
            env.write(&env.codex().join(&source.relative), &std::fs::read(&source.path).unwrap());
            sources.push(source);
        }
        env.append(&[]);
    }
    let said = everything_shown(&env);
    let mut texts = 0;
    let readable = sources.iter().filter(|source| !source.is_compressed());
    for line in readable.flat_map(|source| source.bytes.split(|byte| *byte == b'\n')) {
        let Ok(record) = serde_json::from_slice::<Value>(line) else { continue };
        let kind = |value: &Value| value["type"].as_str().unwrap_or_default().to_string();
        let head = format!("{}/{}:", kind(&record), kind(&record["payload"]));
        if is_unknown(&env, &kind(&record), &kind(&record["payload"])) {
            continue;
        }
        each_text(&record, &head, &mut |path, text| {
            texts += 1;
            if is_said(&said, text) {
                return;
            }
            match NOT_SAID.iter().find(|(end, _)| ends(path, end)) {
                Some((end, _)) => {
                    used.insert(*end);
                }
                None => {
                    let shape = steps.first().and_then(|step| step.parent()?.file_name());
                    missing.push(format!("{shape:?} {path} {text:?}"));
                }
            }
        });
    }
    texts
}

/// All texts of the views, but for those that repeat records as they are.
fn everything_shown(env: &TestEnvironment) -> String {
    let db = env.views();
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'raw_records'";
    let mut all = String::new();
    for table in crate::cmd_redact::column(env, sql) {
        let mut rows = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let count = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for index in 0..count {
                if let Ok(text) = row.get_ref(index).unwrap().as_str() {
                    all.push_str(text);
                    all.push('\n');
                }
            }
        }
    }
    // The folder of the test has another name in each run, which may say a short text by chance.
    all.replace(&env.path("").display().to_string(), "/")
}

/// Records of kinds that the program does not know are told as such.
fn is_unknown(env: &TestEnvironment, kind: &str, subtype: &str) -> bool {
    let sql = "SELECT count(*) FROM events WHERE understood = 'unknown' AND kind = ?1 AND coalesce(subtype, '') = ?2";
    env.views().query_row(sql, [kind, subtype], |row| row.get::<_, i64>(0)).unwrap() > 0
}

/// Whether a text is shown as it is, inside of arguments, or without what a client puts before an output.
fn is_said(said: &str, text: &str) -> bool {
    let quoted = Value::from(text).to_string();
    let inner = quoted.get(1..quoted.len() - 1).unwrap();
    let behind = text.split_once("Output:").map_or(text, |(_, output)| output);
    let nested = serde_json::from_str::<Value>(text).ok();
    let nested = nested.as_ref().and_then(|value| value["output"].as_str()).unwrap_or(text);
    // The outcome of the call says this one.
    let is_aborted = text.starts_with("Wall time: ") && text.ends_with("aborted by user");
    is_aborted || [text, inner, behind, nested].iter().any(|form| said.contains(form.trim()))
}

/// Whether a path ends so; `*` stands for one name.
fn ends(path: &str, end: &str) -> bool {
    match end.strip_suffix(".*") {
        Some(before) => path.contains(&format!("{before}.")),
        None => path.ends_with(end),
    }
}

fn each_text(value: &Value, path: &str, each: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::String(text) if !text.trim().is_empty() => each(path, text),
        Value::Array(items) => {
            items.iter().for_each(|item| each_text(item, &format!("{path}[]"), each));
        }
        Value::Object(members) => {
            members
                .iter()
                .for_each(|(name, item)| each_text(item, &format!("{path}.{name}"), each));
        }
        _ => {}
    }
}
