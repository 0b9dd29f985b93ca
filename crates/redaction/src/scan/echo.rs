//! The name of a user that a path has told, where it stands without a home: as owner of a file, before a host, in other
//! paths.
//!
//! Alone, such a word says nothing; a path of the same text says whose name it is.

use memchr::memchr2_iter;

/// Shorter names stand in too many words.
const NAME_MIN: usize = 3;
/// A text with more homes than this lists them.
const NAMES_MAX: usize = 32;
/// How far before a name the line of a listing begins that has it as owner or group.
const LISTED_MAX: usize = 80;

/// Words that are names of users, and of much else.
const COMMON: &[&str] = &[
    "agent",
    "app",
    "apps",
    "backup",
    "bin",
    "build",
    "claude",
    "code",
    "codex",
    "data",
    "db",
    "demo",
    "deploy",
    "desktop",
    "dev",
    "developer",
    "docs",
    "git",
    "github",
    "host",
    "http",
    "lib",
    "local",
    "main",
    "mysql",
    "nginx",
    "node",
    "oracle",
    "postgres",
    "project",
    "projects",
    "python",
    "redis",
    "repo",
    "repos",
    "run",
    "server",
    "service",
    "share",
    "site",
    "src",
    "ssh",
    "staff",
    "static",
    "system",
    "test",
    "testing",
    "tests",
    "tmp",
    "tools",
    "web",
    "work",
    "worker",
    "workspace",
    "www",
];

/// Calls `hit` with the places where names, which were found at `places` in `text`, stand once more.
pub(super) fn echoes(
    text: &str,
    places: impl Iterator<Item = (usize, usize)>,
    hit: &mut dyn FnMut(usize, usize),
) {
    let mut names: Vec<String> = places
        .filter_map(|(start, end)| text.get(start..end))
        .map(str::to_ascii_lowercase)
        .filter(|name| name.chars().count() >= NAME_MIN && !COMMON.contains(&name.as_str()))
        .collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(NAMES_MAX);
    let bytes = text.as_bytes();
    for name in names.iter().map(|name| name.as_bytes()) {
        let Some(first) = name.first() else { continue };
        for start in memchr2_iter(*first, first.to_ascii_uppercase(), bytes) {
            let end = start + name.len();
            let is_name = bytes.get(start..end).is_some_and(|word| word.eq_ignore_ascii_case(name));
            if is_name && stands_alone(bytes, start, end) {
                hit(start, end);
            }
        }
    }
}

/// Whether a word at `start..end` stands where names of users do.
fn stands_alone(bytes: &[u8], start: usize, end: usize) -> bool {
    let before = start.checked_sub(1).and_then(|at| bytes.get(at)).copied();
    let behind = bytes.get(end).copied();
    let in_word = |byte: Option<u8>| {
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80)
    };
    if in_word(before) || in_word(behind) {
        return false;
    }
    match (before, behind) {
        (_, Some(b'@')) | (Some(b'/' | b'\\' | b'~' | b'='), _) => true,
        (Some(b'-'), Some(b'-')) => true,
        (Some(b' ' | b'\t'), Some(b' ' | b'\t')) => is_listed(bytes, start),
        _ => false,
    }
}

/// Whether a line of a listing of files begins before `start`: `drwxr-xr-x 2 `.
fn is_listed(bytes: &[u8], start: usize) -> bool {
    let line = bytes.get(start.saturating_sub(LISTED_MAX)..start).unwrap_or_default();
    let line = line.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    line.windows(10).any(|mode| {
        let rights = mode.get(1..).unwrap_or_default().chunks(3);
        let is_right = |right: &[u8]| {
            matches!(right, [b'r' | b'-', b'w' | b'-', b'x' | b'-' | b's' | b'S' | b't' | b'T'])
        };
        mode.first().is_some_and(|kind| b"-dlbcps".contains(kind))
            && rights.into_iter().all(is_right)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
        let at = text.find(name).unwrap();
        let mut found = Vec::new();
        let mut hit = |start: usize, end: usize| {
            found.push(&text[start.saturating_sub(1)..(end + 1).min(text.len())])
        };
        echoes(text, std::iter::once((at, at + name.len())), &mut hit);
        found
    }

    #[test]
    fn a_name_is_one_where_names_stand() {
        let text = "/home/ada: ada@tower ~ada a ada b USER=Ada adas -ada- bada \\ada\n\
            drwxr-xr-x 2 ada ada 64\nsaid 2 ada 64";
        let expected = ["/ada:", " ada@", "~ada ", "=Ada ", "-ada-", "\\ada\n", " ada ", " ada "];
        assert_eq!(found(text, "ada"), expected);
        assert!(found("/srv/build /build/", "build").is_empty());
    }
}
