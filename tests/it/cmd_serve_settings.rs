//! `serve`: who else may come in, and what is not kept for ever.

use crate::cli_support::TestEnvironment;
use crate::cli_support::web::Serving;

/// Whose ledger it is.
const OWNER: &str = "tester";

#[test]
fn an_admin_makes_a_token_that_is_shown_once_and_recorded() {
    let env = TestEnvironment::with_session(1);
    let serving = Serving::start(&env, &[]);
    let owner = serving.enter(&serving.key);
    let before = env.json(["status"])["head"]["size"].clone();
    let form = |name, role, days| [("name", name), ("role", role), ("days", days)];
    for wrong in [
        form("", "viewer", "7"),
        form("be\na", "viewer", "7"),
        form("bea", "queen", "7"),
        form("bea", "viewer", "0"),
        form("bea", "viewer", "3661"),
        form("bea", "viewer", "x"),
        // What somebody else does would stand under the owner's name.
        form(OWNER, "reviewer", "7"),
    ] {
        owner.post("/settings/token", &wrong).expect(400);
    }
    assert_eq!(env.json(["status"])["head"]["size"], before, "a refusal is no entry");
    let made = owner.post("/settings/token", &form("bea", "reviewer", "7")).expect(200);
    assert_eq!(made.header("cache-control"), "no-store");
    let (_, behind) = made.text().split_once("id=\"token\" data-copy=\"\">").expect("a token");
    let token = behind.split('<').next().unwrap().to_string();
    let all = env.json(["serve", "token", "list"]);
    assert_eq!((&all[0]["actor"], &all[0]["role"]), (&"bea".into(), &"reviewer".into()));
    let days = |name: &str| all[0][name].as_u64().unwrap() / 86_400_000;
    assert_eq!(days("ends_at_ms") - days("made_at_ms"), 7);
    let acts = env.json(["audit", "log", "--kind", "token"]);
    let act = &acts["actions"][0];
    assert_eq!((&act["target"], &act["actor"]), (&"bea, reviewer, 7 days".into(), &OWNER.into()));
    // It lets in, and is shown nowhere again.
    let bea = serving.enter(&token);
    bea.get("/queue").expect(200);
    bea.post("/settings/token", &form("cem", "admin", "7")).expect(403);
    let settings = owner.get("/settings").expect(200);
    assert!(settings.text().contains("bea") && !settings.text().contains(&token));
    // The name of somebody who has a token is no name for somebody else's.
    let second = owner.post("/settings/token", &form("ada", "admin", "1")).expect(200);
    let (_, behind) = second.text().split_once("id=\"token\" data-copy=\"\">").expect("a token");
    let ada = serving.enter(behind.split('<').next().unwrap());
    ada.post("/settings/token", &form("ada", "viewer", "1")).expect(400);
    env.audits_clean();
}

#[test]
fn settings_say_what_is_not_kept_for_ever() {
    let env = TestEnvironment::with_session(1);
    let serving = Serving::start(&env, &[]);
    let page = serving.enter(&serving.key).get("/settings").expect(200);
    assert!(page.text().contains("Nothing: all is kept"), "{}", page.text());
    drop(serving);
    let config = env.path("config.toml");
    env.write(&config, b"[retention]\nraw_output_days = 30\ntags = [\"scratch\", \"ellery\"]\n");
    env.ok(["redact", "--literal", "ellery", "--reason", "a name"]);
    let serving = Serving::start(&env, &["--config", config.to_str().unwrap()]);
    let page = serving.enter(&serving.key).get("/settings").expect(200);
    for words in ["older than 30 days", "scratch", "erased by itself"] {
        assert!(page.text().contains(words), "{words}: {}", page.text());
    }
    assert!(!page.text().contains("ellery"));
}
