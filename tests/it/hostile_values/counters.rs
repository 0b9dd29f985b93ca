//! Usage that no client can mean is not counted and is named; sums of what is counted have an end.

use super::SOUND;
use super::place::Place;
use crate::cli_support::{TestEnvironment, session, thread};
use codex_ledger_app::{AppendOptions, PriceTable};
use codex_ledger_query::{TokenBy, TokenRequest, Zone};
use serde_json::{Value, json};

/// A `token_count` whose total is so large; `turn` only makes lines of different sessions different.
pub fn line(turn: u64, input: u64, output: u64) -> Vec<u8> {
    raw(
        &input.to_string(),
        &output.to_string(),
        &format!("2026-03-01T10:00:{:02}.000Z", 2 + turn % 50),
    )
}

/// One with any JSON as its counters.
fn raw(input: &str, output: &str, time: &str) -> Vec<u8> {
    let usage =
        format!(r#"{{"input_tokens":{input},"cached_input_tokens":0,"output_tokens":{output}}}"#);
    format!(
        r#"{{"timestamp":"{time}","type":"event_msg","payload":{{"type":"token_count","info":{{"total_token_usage":{usage},"last_token_usage":{usage}}}}}}}"#
    )
    .into_bytes()
    .into_iter()
    .chain([b'\n'])
    .collect()
}

const NOON: &str = "2026-03-01T12:00:00.000Z";

#[test]
fn what_no_client_can_mean_is_named_and_not_counted() {
    let env = TestEnvironment::new();
    let mut bytes = session(1, 1);
    let bad = [
        "-5",
        "1.5",
        "\"7\"",
        "9007199254740993",
        "9223372036854775807",
        "18446744073709551616",
        "1e308",
        "{}",
    ];
    for (index, counter) in bad.iter().enumerate() {
        // One field, then the other.
        let (input, output) = if index % 2 == 0 { (*counter, "3") } else { ("3", *counter) };
        bytes.extend(raw(input, output, NOON));
    }
    bytes.extend(raw("1000", "10", NOON));
    bytes.extend(raw("9007199254740992", "0", NOON));
    env.write(&env.rollout(1), &bytes);
    let done = env.append(&[]);
    let problems = done["problems"].as_array().expect("problems");
    let lines: Vec<u64> =
        problems.iter().map(|problem| problem["line"].as_u64().expect("a line")).collect();
    assert_eq!(lines, (2..10).collect::<Vec<u64>>(), "{problems:?}");
    let text = String::from_utf8(bytes.clone()).expect("text");
    for (problem, counter) in problems.iter().zip(bad) {
        assert_eq!(problem["reason"], "bad_number");
        let offset = problem["offset"].as_u64().expect("an offset") as usize;
        assert!(text[offset..].starts_with(counter), "{problem} is not where {counter} is");
    }
    let id = thread(1);
    let rows = env.json(["tokens", "explain", &id])["records"].clone();
    let reasons: Vec<&Value> =
        rows.as_array().expect("rows").iter().map(|row| &row["reason"]).collect();
    assert_eq!(reasons[..8], [&json!("bad_number"); 8]);
    assert_eq!(reasons[8..], [&Value::Null; 2]);
    let sum = (1_u64 << 53) + 1010;
    assert_eq!(env.json(["tokens"])["total"]["total"], sum);
    assert_eq!(env.json(["sessions"])[0]["tokens"], sum);
}

#[test]
fn the_largest_counters_add_up_to_an_end() {
    let place = Place::new(SOUND);
    let most = 1_u64 << 53;
    let mut bytes = session(9, 1);
    for index in 0..2100_u64 {
        // Another cached count makes each total another one.
        let usage = format!(
            r#"{{"input_tokens":{most},"cached_input_tokens":{index},"output_tokens":{most}}}"#
        );
        let line = format!(
            r#"{{"timestamp":"{NOON}","type":"event_msg","payload":{{"type":"token_count","info":{{"total_token_usage":{usage},"last_token_usage":{usage}}}}}}}"#
        );
        bytes.extend(line.into_bytes());
        bytes.push(b'\n');
    }
    place.write(9, &bytes);
    place.holds("the largest counters");
    let app = place.app();
    app.append(AppendOptions::default(), &mut |_| ()).expect("nothing to append");
    let zone = Zone::utc();
    let report = app.tokens(&TokenRequest::all(TokenBy::Session, &zone, PriceTable::builtin()));
    let total = report.expect("tokens").total;
    assert_eq!((total.total, total.output), (u64::MAX, u64::MAX));
    let row = app.sessions(0).expect("sessions").into_iter().find(|row| row.id == thread(9));
    assert_eq!(row.expect("the session").tokens, i64::MAX as u64);
}
