//! What makes no sense is refused by name, and nothing is written.

use super::{prompt, size, three_sessions};
use crate::cli_support::{TestEnvironment, thread};

#[test]
fn bad_input_is_named_and_writes_nothing() {
    let env = three_sessions();
    let before = size(&env);
    let (id, long) = (thread(1), "x".repeat(65));
    let (zero, past, word, minus) =
        (prompt(1, 0), prompt(1, 2), format!("{id}#x"), format!("{id}#-1"));
    let cases: [(&[&str], &[&str]); 22] = [
        (&["tag", "add", "t", "ffff"], &["no session begins with `ffff`"]),
        (&["tag", "add", "t", "019c"], &["is the beginning of 3 sessions"]),
        (&["tag", "add", "t", &zero], &["has 1 prompt, none with number `0`", "show SESSION"]),
        (&["tag", "add", "t", &past], &["none with number `2`"]),
        (&["tag", "add", "t", &word], &["none with number `x`"]),
        (&["tag", "add", "t", &minus], &["none with number `-1`"]),
        (&["tag", "add", "t", &id, "ffff"], &["ffff"]),
        (&["tag", "add", "t"], &["nothing is named", "SESSION#N"]),
        (&["tag", "remove", "t"], &["nothing is named"]),
        (&["tag", "add", "two words", &id], &["`two words` is not a tag", "without blanks"]),
        (&["tag", "add", "", &id], &["`` is not a tag"]),
        (&["tag", "add", &long, &id], &["is not a tag", "up to 64"]),
        (&["tag", "add", "a,b", &id], &["`a,b` is not a tag"]),
        (&["tag", "add", "t", "--repo", "nobody/nothing"], &["--repo", "nobody/nothing"]),
        (&["tag", "add", "t", "--since", "soon"], &["`soon` is no time"]),
        (&["note", "add", &id, ""], &["the note is empty", "try:"]),
        (&["note", "add", &id, "  ", "\n"], &["the note is empty"]),
        (&["note", "add", "ffff", "x"], &["ffff"]),
        (&["note", "remove", "1"], &["there is no note 1", "note list"]),
        (
            &["disposition", "set", "folowed", &id],
            &["`folowed` is no disposition", "`followed`", "[review]"],
        ),
        (&["disposition", "set", "", &id], &["is no disposition"]),
        (&["disposition", "clear"], &["nothing is named"]),
    ];
    for (args, words) in cases {
        env.run(args.iter()).refused(words);
        assert_eq!(size(&env), before, "{args:?}");
    }
    for args in
        [&["note", "add", &id][..], &["note", "remove", "x"], &["tag"], &["disposition", "set"]]
    {
        assert_eq!(env.run(args.iter()).code, Some(2), "{args:?}");
    }
    env.ok(["tag", "add", &"ü".repeat(64), &id]);
}

#[test]
fn without_a_ledger_there_is_nothing_to_say_anything_of() {
    let env = TestEnvironment::new();
    for args in [
        &["tag", "list"][..],
        &["tag", "add", "t", "x"],
        &["note", "list"],
        &["disposition", "list"],
    ] {
        env.run(args.iter()).refused(&["try:"]);
    }
}

/// Words of the configuration are checked when it is read, not after an append has written half.
#[test]
fn words_of_the_configuration_are_checked() {
    let env = three_sessions();
    let before = size(&env);
    let file = env.path("user/config.toml");
    let cases = [
        ("[review]\ndispositions = ['two words']\n", "review.dispositions: `two words`"),
        ("[[review.tags]]\ntag = ''\nrepo = 'x'\n", "review.tags: ``"),
        ("[[review.tags]]\nrepo = 'x'\n", "review.tags: ``"),
        ("[[review.tags]]\ntag = 'x'\nrepos = 'x'\n", "repos"),
    ];
    env.extend(&env.rollout(1), &crate::cli_support::prompt_line("more"));
    for (text, words) in cases {
        env.write(&file, text.as_bytes());
        for command in [&["config", "check"][..], &["append"], &["tag", "list"]] {
            env.run(command.iter()).refused(&["user/config.toml", words]);
        }
    }
    std::fs::remove_file(file).unwrap();
    assert_eq!(size(&env), before);
}
