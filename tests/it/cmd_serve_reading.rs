//! `serve`: sessions below those that started them and by repository.

use crate::cli_support::web::{Answer, Serving};
use crate::cli_support::{TestEnvironment, session, thread};
use serde_json::{Value, json};

#[track_caller]
fn has(answer: &Answer, words: &[&str]) {
    for word in words {
        assert!(answer.text().contains(word), "{word}: {}", answer.text());
    }
}

/// What stands behind each of these words, up to a sign.
fn behind<'a>(text: &'a str, words: &str, up_to: char) -> Vec<&'a str> {
    text.split(words).skip(1).map(|part| part.split(up_to).next().unwrap()).collect()
}

/// The sessions of a page, in their order.
fn rows(answer: &Answer) -> Vec<&str> {
    behind(answer.text(), "class=\"title\" href=\"/sessions/", '"')
}

fn linked(address: &str) -> String {
    address.replace("&amp;", "&")
}

/// A session that another one has spawned.
fn spawned(number: u64, parent: u64) -> Vec<u8> {
    let text = String::from_utf8(session(number, 1)).unwrap();
    let (header, rest) = text.split_once('\n').unwrap();
    let mut header: Value = serde_json::from_str(header).unwrap();
    header["payload"]["source"] =
        json!({"subagent": {"thread_spawn": {"parent_thread_id": thread(parent), "depth": 1}}});
    format!("{header}\n{rest}").into_bytes()
}

#[test]
fn what_an_agent_started_stands_below_its_session_and_none_is_lost() {
    let env = TestEnvironment::new();
    env.write(&env.rollout(1), &session(1, 1));
    // One of the first, one of that one, one of a session that is not here, and two that name each other.
    for (number, parent) in [(2, 1), (3, 2), (4, 99), (5, 6), (6, 5)] {
        env.write(&env.rollout(number), &spawned(number, parent));
    }
    env.append(&[]);
    let serving = Serving::start(&env, &[]);
    let ada = serving.enter(&serving.key);
    let list = ada.get("/").expect(200);
    let mut all = rows(&list);
    let at = |number: u64| all.iter().position(|id| *id == thread(number)).unwrap();
    assert_eq!((at(2), at(3)), (at(1) + 1, at(1) + 2));
    all.sort_unstable();
    assert_eq!(all, (1..=6).map(thread).collect::<Vec<_>>(), "each of them once");
    assert_eq!(behind(list.text(), "class=\"below\"", '>').len(), 3);
    has(&list, &["of session 019cabcd, which is not here"]);
    // Where the filter leaves the parent out, it is named.
    let alone = ada.get("/?source=thread_spawn").expect(200);
    assert_eq!(rows(&alone).len(), 5);
    has(&alone, &[&format!("of <a href=\"/sessions/{}\">", thread(1))]);
    assert_eq!(rows(&ada.get("/?by_person=1").expect(200)), [thread(1)]);
}

#[test]
fn sessions_are_grouped_by_repository_with_counts_that_the_links_keep() {
    let env = TestEnvironment::with_fixture();
    env.append(&[]);
    let serving = Serving::start(&env, &[]);
    let ada = serving.enter(&serving.key);
    let plain = ada.get("/").expect(200);
    let groups = ada.get("/?group=repo&by_person=1").expect(200);
    let heads = behind(groups.text(), "<section class=\"group\"><h2>", 'ø');
    assert!(heads.len() > 1, "{}", groups.text());
    let mut sum = 0;
    for head in heads {
        let count = behind(head, "<span class=\"quiet\">", ' ')[0].parse::<usize>().unwrap();
        sum += count;
        let Some(address) = head.strip_prefix("<a href=\"") else { continue };
        let address = linked(address.split('"').next().unwrap());
        assert!(address.contains("by_person=1") && !address.contains("group="), "{address}");
        has(&ada.get(&address).expect(200), &[&format!("<p class=\"quiet\">{count} session")]);
    }
    let listed = rows(&ada.get("/?by_person=1").expect(200)).len();
    assert_eq!((sum, rows(&groups).len()), (listed, listed));
    assert!(rows(&plain).len() > listed);
    has(&ada.get("/?group=colour").expect(400), &["sessions are not grouped by `colour`"]);
}
