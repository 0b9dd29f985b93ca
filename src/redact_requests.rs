//! `redact --from`: many requests in a file, one a line.

use crate::door::{Door, Result};
use crate::error::DoorError;
use crate::redact::{RedactTarget, read_text};
use crate::text::plural;
use codex_ledger_app::RedactRequest;
use codex_ledger_query::near;
use std::path::Path;

/// One JSON object a line; the reason and the replacement of the command line hold where a line has none.
pub fn requests_in(
    door: &mut Door,
    path: &Path,
    target: &RedactTarget,
) -> Result<Vec<RedactRequest>> {
    let text = read_text(path)?;
    let mut requests = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("{}: line {}", path.display(), index + 1);
        let mut request = request_in(line).map_err(|fault| {
            DoorError::new(format!("{place}{fault}")).hint(
                "a line is an object such as {\"literal\": \"…\", \"reason\": \"…\"}, with the names of options as keys",
            )
        })?;
        if request.reason.is_empty() {
            request.reason.clone_from(&target.reason);
        }
        request.with = request.with.or_else(|| target.with.clone());
        let RedactRequest { prompt, session, repo, .. } = &request;
        door.may_repeat([prompt, session, repo].into_iter().flatten().cloned());
        request.place = Some(place);
        request.wide |= target.wide;
        requests.push(request);
    }
    match requests.is_empty() {
        true => Err(DoorError::new(format!("{}: no line in it", path.display()))),
        false => Ok(requests),
    }
}

/// The request that a line makes, else what is wrong with it: never in the reader's words, which repeat what it says.
fn request_in(line: &str) -> std::result::Result<RedactRequest, String> {
    let mut object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line)
        .map_err(|error| format!(" byte {}: this is no JSON object", error.column()))?;
    // As the option has it.
    if let Some(serde_json::Value::String(text)) = object.get("span") {
        let (from, to) = span(text).map_err(|error| format!(": `span`: {error}"))?;
        object.insert("span".into(), serde_json::json!([from, to]));
    }
    let known = RedactRequest::KEYS;
    if let Some(key) = object.keys().find(|key| !known.contains(&key.as_str())) {
        // A text that is no misspelt key may be what was to be hidden.
        return Err(match near(key, known) {
            Some(near) => format!(": `{key}` is no key of a request; `{near}` is one"),
            None => format!(
                ": a key of {} is none of a request",
                plural(key.chars().count() as u64, "character")
            ),
        });
    }
    // One member after the other, to say which.
    for (key, value) in &object {
        let alone = serde_json::Map::from_iter([(key.clone(), value.clone())]);
        serde_json::from_value::<RedactRequest>(alone.into()).map_err(|_| {
            format!(": the value of `{key}` is of another kind than the option takes")
        })?;
    }
    serde_json::from_value(object.into()).map_err(|_| ": this is no request".into())
}

/// Bytes of a field: `A..B`.
pub fn span(text: &str) -> std::result::Result<(u64, u64), String> {
    let parts =
        text.split_once("..").and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    match parts {
        Some((from, to)) if from < to => Ok((from, to)),
        _ => Err("a span is FROM..TO in bytes, for example 10..25".into()),
    }
}
