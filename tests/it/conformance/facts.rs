//! What the views say, in the words of `expected.json`.

use super::case::base_name;
use codex_ledger_db::{Connection, Row, SqlResult};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

const COUNTERS: [&str; 4] = ["input", "cached_input", "output", "reasoning_output"];
/// Reasons that the suite has another word for.
const SAME_REASON: [(&str, &str); 1] = [("usage_record", "duplicate_response")];

/// Where something was said: file, line, part.
type Place = (String, i64, i64);

/// The values of all keys.
pub struct Facts {
    values: Map<String, Value>,
}

impl Facts {
    pub fn get(&self, key: &str) -> Value {
        self.values.get(key).cloned().unwrap_or_else(|| json!(format!("unknown key {key}")))
    }

    pub fn read(db: &Connection) -> SqlResult<Facts> {
        let views = Rows { db, files: files(db)? };
        let mut facts = Facts { values: Map::new() };
        views.tokens(&mut facts.values)?;
        views.prompts(&mut facts.values)?;
        views.rest(&mut facts.values)?;
        Ok(facts)
    }
}

/// Lines that each file of a thread has room for.
const FILE_LINES: i64 = 1 << 32;

/// Base name of each file, by the stream that its rows stand under and its place in the thread.
fn files(db: &Connection) -> SqlResult<BTreeMap<(i64, i64), String>> {
    let sql = "SELECT holder, rank, path FROM files JOIN streams USING (stream)";
    let mut statement = db.prepare(sql)?;
    let file = |row: &Row<'_>| {
        let path: String = row.get(2)?;
        Ok(((row.get(0)?, row.get(1)?), base_name(Path::new(&path))))
    };
    statement.query_map([], file)?.collect()
}

struct Rows<'a> {
    db: &'a Connection,
    files: BTreeMap<(i64, i64), String>,
}

impl Rows<'_> {
    /// Rows of a query that begins with stream, line and part, by file, then line.
    fn of<T>(
        &self,
        columns: &str,
        rest: &str,
        read: impl Fn(&Row<'_>) -> SqlResult<T>,
    ) -> SqlResult<Vec<(Place, T)>> {
        let sql = format!("SELECT stream, line, part, {columns} FROM {rest}");
        let mut statement = self.db.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            let line: i64 = row.get(1)?;
            let file = self.files.get(&(row.get(0)?, line / FILE_LINES)).cloned();
            out.push(((file.unwrap_or_default(), line, row.get(2)?), read(row)?));
        }
        out.sort_by(|a, b| a.0.cmp(&b.0));
        // Lines of a thread's later files stand behind those of its earlier ones.
        out.iter_mut().for_each(|(place, _)| place.1 %= FILE_LINES);
        Ok(out)
    }

    fn tokens(&self, out: &mut Map<String, Value>) -> SqlResult<()> {
        let columns = format!("reason, model, tier, {}", COUNTERS.join(", "));
        let text = |row: &Row<'_>, at| row.get::<_, Option<String>>(at);
        let rows = self.of(&columns, "token_messages", |row| {
            let used = [row.get(6)?, row.get(7)?, row.get(8)?, row.get(9)?];
            Ok((text(row, 3)?, text(row, 4)?, text(row, 5)?, used))
        })?;
        let (mut counted, mut others) = (Vec::new(), Vec::new());
        let mut sum: [i64; 4] = [0; 4];
        let (mut models, mut tiers) = (BTreeMap::new(), BTreeMap::new());
        for ((file, line, _), (reason, model, tier, used)) in rows {
            if let Some(reason) = reason {
                let known = SAME_REASON.iter().find(|(ours, _)| *ours == reason);
                let word = known.map_or(reason.as_str(), |(_, word)| word);
                others.push(json!([file, line, word]));
                continue;
            }
            counted.push(json!([file, line]));
            add(&mut sum, used);
            add(models.entry(model.unwrap_or_default()).or_default(), used);
            add(tiers.entry(tier.unwrap_or_default()).or_default(), used);
        }
        let by = |sums: BTreeMap<String, [i64; 4]>| -> Map<String, Value> {
            sums.into_iter().map(|(key, sum)| (key, usage(sum))).collect()
        };
        out.insert("tokens".into(), usage(sum));
        out.insert("counted".into(), counted.into());
        out.insert("not_counted".into(), others.into());
        out.insert("tokens_by_model".into(), by(models).into());
        out.insert("tokens_by_tier".into(), by(tiers).into());
        Ok(())
    }

    fn prompts(&self, out: &mut Map<String, Value>) -> SqlResult<()> {
        let own = "prompts WHERE copied = 0 AND review = 0";
        let rows = self.of("text, request, rolled_back", own, |row| {
            Ok((row.get::<_, String>(3)?, row.get::<_, Option<String>>(4)?, row.get::<_, bool>(5)?))
        })?;
        let texts = |wanted: &dyn Fn(bool) -> bool| -> Value {
            let rows = rows.iter().filter(|(_, (_, _, back))| wanted(*back));
            rows.map(|(_, (text, _, _))| text.as_str()).collect()
        };
        out.insert("prompts".into(), texts(&|_| true));
        out.insert("rolled_back".into(), texts(&|back| back));
        let images = self.of("images", own, |row| row.get::<_, i64>(3))?;
        out.insert("images".into(), images.into_iter().map(|(_, count)| count).collect());
        let kept =
            "prompts p JOIN kept_rows k USING (stream, line, part, item) WHERE tbl = 'prompts'";
        let kept = self.of("p.text", kept, |row| row.get::<_, String>(3))?;
        out.insert("kept".into(), kept.into_iter().map(|(_, text)| text).collect());
        let typed = rows.iter().map(|(_, (_, request, _))| request.clone());
        out.insert("typed".into(), typed.collect());
        Ok(())
    }

    fn rest(&self, out: &mut Map<String, Value>) -> SqlResult<()> {
        let columns = "name, exit_code, status, command, output";
        let calls = self.of(columns, "function_calls WHERE copied = 0", |row| {
            let (name, code): (String, Option<i64>) = (row.get(3)?, row.get(4)?);
            let text = |at| row.get::<_, Option<String>>(at);
            let (status, command, output) = (text(5)?, text(6)?, text(7)?);
            Ok(json!({ "name": name, "exit_code": code, "status": status, "command": command, "output": output }))
        })?;
        let thoughts = "agent_reasoning_messages WHERE copied = 0 AND origin <> 'encrypted'";
        let thoughts = self.of("text", thoughts, |row| row.get::<_, String>(3))?;
        let steps = "function_plan_messages WHERE copied = 0 AND origin = 'call'";
        let steps = self.of("step", steps, |_| Ok(()))?;
        let bad = self.of("kind", "events WHERE understood = 'malformed'", |_| Ok(()))?;
        let mut bad: Vec<Value> = bad.into_iter().map(|((f, l, _), ())| json!([f, l])).collect();
        bad.dedup();
        let compactions = "turns WHERE copied = 0 AND what = 'compacted'";
        let compactions = self.of("what", compactions, |_| Ok(()))?;
        let remarks = "messages WHERE copied = 0 AND kind IN
            ('question', 'agent_mail', 'hook', 'notice', 'guardian', 'goal', 'citation', 'output', 'record', 'other')";
        let remarks = self.of("kind, text", remarks, |row| {
            Ok(json!([row.get::<_, String>(3)?, row.get::<_, String>(4)?]))
        })?;
        out.insert("remarks".into(), remarks.into_iter().map(|(_, remark)| remark).collect());
        let answers = "messages WHERE copied = 0 AND kind = 'assistant'";
        let answers = self.of("text", answers, |row| row.get::<_, String>(3))?;
        out.insert("answers".into(), answers.into_iter().map(|(_, text)| text).collect());
        let copies = "messages WHERE copied = 1 AND kind = 'other'";
        let copies = self.of("text", copies, |row| row.get::<_, String>(3))?;
        out.insert("copied_texts".into(), copies.into_iter().map(|(_, text)| text).collect());
        let texts = self.of("text", "turns WHERE text <> ''", |row| row.get::<_, String>(3))?;
        out.insert("turn_texts".into(), texts.into_iter().map(|(_, text)| text).collect());
        let files = "file_changes WHERE copied = 0";
        let files = self.of("path, action, added, removed", files, |row| {
            let (path, action): (String, String) = (row.get(3)?, row.get(4)?);
            let lines: (i64, i64) = (row.get(5)?, row.get(6)?);
            Ok(json!([path, action, lines.0, lines.1]))
        })?;
        let sessions: i64 =
            self.db.query_row("SELECT count(DISTINCT id) FROM sessions", [], |row| row.get(0))?;
        let mut statement = self.db.prepare(
            "SELECT id, coalesce(forked_from_id, parent_id) FROM sessions
             WHERE coalesce(forked_from_id, parent_id) IS NOT NULL",
        )?;
        let parents: Map<String, Value> = statement
            .query_map([], |row| Ok((row.get(0)?, Value::String(row.get(1)?))))?
            .collect::<SqlResult<_>>()?;
        out.insert("calls".into(), calls.into_iter().map(|(_, call)| call).collect());
        out.insert("reasoning".into(), thoughts.into_iter().map(|(_, text)| text).collect());
        out.insert("plan_steps".into(), steps.len().into());
        out.insert("compactions".into(), compactions.len().into());
        out.insert("files".into(), files.into_iter().map(|(_, file)| file).collect());
        out.insert("unreadable".into(), bad.into());
        out.insert("sessions".into(), sessions.into());
        out.insert("parents".into(), parents.into());
        Ok(())
    }
}

fn add(sum: &mut [i64; 4], used: [i64; 4]) {
    sum.iter_mut().zip(used).for_each(|(sum, used)| *sum += used);
}

fn usage(sum: [i64; 4]) -> Value {
    COUNTERS.iter().zip(sum).map(|(name, sum)| (name.to_string(), Value::from(sum))).collect()
}
