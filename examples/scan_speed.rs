//! Measures how fast the built-in rules scan logs, and counts what they hide.
//!
//! `cargo run --release --example scan_speed -- [--shapes RULE] FILE...`
//!
//! Each string of each JSON line is one text, as a cell of a view would be. Prints megabytes of text per second on one
//! core, and hits per rule. `--shapes` prints what a rule hides as shapes (`Aaa-000`), never the text itself.

use std::collections::BTreeMap;
use std::time::Instant;

use codex_ledger_redaction::{By, Context, Engine, builtin};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    let shapes = (files.first().map(String::as_str) == Some("--shapes"))
        .then(|| files.drain(..2).nth(1))
        .flatten();
    let mut texts = Vec::new();
    for file in &files {
        let bytes = std::fs::read(file)?;
        for line in String::from_utf8_lossy(&bytes).lines() {
            match serde_json::from_str(line) {
                Ok(value) => strings(value, &mut texts),
                Err(_) => texts.push(line.to_owned()),
            }
        }
    }
    let set = builtin()?;
    let engine = Engine::compile(set, &[])?;
    let at = Context { table: "messages", column: "text", ..Context::default() };
    let bytes: usize = texts.iter().map(String::len).sum();
    let mut hits = Vec::new();
    let mut hidden = 0;
    let mut slowest = (0.0, 0);
    let began = cpu_seconds();
    for text in &texts {
        let one = Instant::now();
        hidden += usize::from(engine.redact(text, &at, &mut hits).is_some());
        let seconds = one.elapsed().as_secs_f64();
        if seconds > slowest.0 {
            slowest = (seconds, text.len());
        }
    }
    let seconds = cpu_seconds() - began;
    println!("{} texts, {bytes} bytes, {:.0} MB/s", texts.len(), bytes as f64 / 1e6 / seconds);
    println!("{hidden} texts changed; slowest: {:.1} ms for {} bytes", slowest.0 * 1e3, slowest.1);
    hits.sort_by_key(|hit| std::cmp::Reverse(hit.passages));
    for hit in &hits {
        if let By::Rule(index) = hit.by {
            println!("{:>8} {}", hit.passages, set.rules[index as usize].id);
        }
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for text in texts.iter().filter(|_| shapes.is_some()) {
        for mask in engine.masks(text, &at) {
            let is = |by: &By| matches!(by, By::Rule(index) if Some(&set.rules[*index as usize].id) == shapes.as_ref());
            if mask.all.iter().any(is) {
                *seen.entry(shape(&text[mask.start..mask.end])).or_default() += 1;
            }
        }
    }
    let mut seen: Vec<_> = seen.into_iter().collect();
    seen.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    seen.iter().take(40).for_each(|(shape, count)| println!("{count:>8} {shape}"));
    Ok(())
}

/// Seconds that this process has spent on a core, so that a busy machine does not count; elsewhere than on Linux, by
/// the clock.
fn cpu_seconds() -> f64 {
    static BEGAN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    match stat.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()) {
        Some(nanos) => nanos / 1e9,
        None => BEGAN.elapsed().as_secs_f64(),
    }
}

fn strings(value: serde_json::Value, out: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => out.push(text),
        serde_json::Value::Array(values) => {
            values.into_iter().for_each(|value| strings(value, out))
        }
        serde_json::Value::Object(map) => {
            map.into_iter().for_each(|(_, value)| strings(value, out))
        }
        _ => {}
    }
}

/// Letters as `a` and `A`, digits as `0`, others as they are; 60 characters at most.
fn shape(text: &str) -> String {
    let one = |c: char| match c {
        'a'..='z' => 'a',
        'A'..='Z' => 'A',
        '0'..='9' => '0',
        c if c.is_ascii_graphic() => c,
        ' ' => ' ',
        _ => '?',
    };
    text.chars().take(60).map(one).collect()
}
