//! Addresses of repositories, as git, people and forges write them.

/// Ports that a scheme implies, and those of the shell, by which a forge serves the same repository.
const IMPLIED_PORTS: [&str; 4] = ["22", "80", "443", "9418"];
/// Of a forge that serves the shell under another name.
const SHELL_HOST: &str = "ssh.";
const AZURE: &str = "dev.azure.com";

/// One spelling for all spellings of an address: host and path in small letters, without scheme, user, implied port, `.git`
/// and slashes at the end. None for what is no address: a directory.
///
/// `https://git.example/dev/tides.git`, `ssh://git@git.example:22/dev/tides` and `git@git.example:dev/tides` are
/// `git.example/dev/tides`.
pub fn plain(address: &str) -> Option<String> {
    let (authority, path) = parts(address.trim())?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_lowercase();
    let host = match host.rsplit_once(':') {
        Some((name, port)) if IMPLIED_PORTS.contains(&port) => name.to_string(),
        _ => host,
    };
    let host = host.strip_prefix(SHELL_HOST).unwrap_or(&host);
    let path = without_git(path.trim_matches('/')).trim_end_matches('/').to_lowercase();
    let path = if host == AZURE { azure_path(&path) } else { path };
    (!host.is_empty() && !path.is_empty()).then(|| format!("{host}/{path}"))
}

/// The path of a repository of Azure, which is another one over the shell than over the web.
fn azure_path(path: &str) -> String {
    path.strip_prefix("v3/").unwrap_or(path).replacen("/_git/", "/", 1)
}

/// User and host, and the path there.
fn parts(address: &str) -> Option<(&str, &str)> {
    if let Some((scheme, rest)) = address.split_once("://") {
        let is_scheme = scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+');
        return rest.split_once('/').filter(|_| is_scheme && !scheme.is_empty());
    }
    // `user@host:path`, as the shell's copy command has it; `C:\x` and `/a:b` are paths.
    let (authority, path) = address.split_once(':')?;
    let is_host = authority.contains('@') || authority.contains('.');
    let has_separator = authority.contains(['/', '\\', ' ']);
    (is_host && !has_separator && !path.starts_with('\\')).then_some((authority, path))
}

/// The address without its end `.git`, however that is written.
pub fn without_git(address: &str) -> &str {
    let cut = address.len().checked_sub(".git".len());
    match cut.and_then(|at| address.split_at_checked(at)) {
        Some((bare, end)) if end.eq_ignore_ascii_case(".git") => bare,
        _ => address,
    }
}

/// What people type for a repository or directory: its address, the same without `.git`, its `owner/name`, its name, and
/// longer ends, since groups may be nested.
pub fn spellings(repo: &str) -> Vec<&str> {
    let bare = without_git(repo.trim_end_matches('/'));
    let cuts: Vec<usize> = bare.rmatch_indices(['/', '\\', ':']).map(|(at, _)| at + 1).collect();
    let tail = |at: usize| bare.get(at..).filter(|text| !text.is_empty());
    let mut spellings = vec![repo, bare];
    spellings.extend(cuts.get(1).and_then(|at| tail(*at)));
    spellings.extend(cuts.first().and_then(|at| tail(*at)));
    let longer = cuts.iter().skip(2).filter_map(|at| tail(*at));
    spellings.extend(longer.filter(|text| !text.starts_with(['/', '\\'])));
    spellings
}

/// A repository as people call it: `owner/name` of an address, the last folder of a directory.
pub fn name(repo: &str) -> &str {
    let spellings = spellings(repo);
    // `[redacted:home-user]` is a part of a path, no host before a colon.
    let is_path = repo.starts_with(['/', '~'])
        || repo.get(1..3).is_some_and(|drive| [r":\", ":/"].contains(&drive));
    if is_path {
        let last = repo.rsplit(['/', '\\']).find(|part| !part.is_empty());
        return last.unwrap_or(repo);
    }
    let is_address = plain(repo).is_some() || without_git(repo) != repo;
    let index = if is_address { 2 } else { 3 };
    let name = spellings.get(index).or(spellings.last()).copied().unwrap_or(repo);
    if name.is_empty() { repo } else { name }
}

/// Whether somebody who types this means that repository or directory: any spelling of the whole, or its end.
pub fn is_meant(repo: &str, typed: &str) -> bool {
    let wanted = typed.trim_end_matches('/').to_lowercase();
    crate::is_same(repo, typed)
        || spellings(repo).iter().any(|spelling| spelling.to_lowercase() == wanted)
}

/// Whether part of a repository's address, or of its directory, is what somebody typed.
pub fn contains(repo: &str, typed: &str) -> bool {
    let (repo_plain, typed_plain) = (crate::plain(repo), plain(typed));
    repo.contains(typed) || typed_plain.is_some_and(|typed| repo_plain.contains(&typed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::is_same;

    const HTTPS: &str = "https://github.com/dev/tides.git";

    #[test]
    fn a_repository_has_several_spellings() {
        let bare = "https://github.com/dev/tides";
        assert_eq!(spellings(HTTPS), [HTTPS, bare, "dev/tides", "tides", "github.com/dev/tides"]);
        assert_eq!(spellings("git@github.com:dev/tides.git")[2..], ["dev/tides", "tides"]);
        let nested = spellings("git@example.com:team/sub/tides.GIT/");
        assert_eq!(
            nested[1..],
            ["git@example.com:team/sub/tides", "sub/tides", "tides", "team/sub/tides"]
        );
        assert_eq!(name("https://example.com/dev/tides.GIT"), "dev/tides");
        assert_eq!(name(HTTPS), "dev/tides");
        assert_eq!(name("/home/dev/tides"), "tides");
        assert_eq!(name("C:\\work\\tides"), "tides");
        assert_eq!((name("tides"), name("/")), ("tides", "/"));
    }

    #[test]
    fn they_all_mean_the_same() {
        for other in [
            "https://github.com/dev/tides",
            "https://GitHub.com/Dev/Tides.git/",
            "https://ada:token@github.com/dev/tides.git",
            "https://github.com:443/dev/tides",
            "http://github.com/dev/tides",
            "git@github.com:dev/tides.git",
            "github.com:dev/tides",
            "git@github.com:/dev/tides",
            "ssh://git@github.com/dev/tides.git",
            "ssh://git@github.com:22/dev/tides",
            "ssh://git@ssh.github.com:443/dev/tides.git",
            "git://github.com/dev/tides",
            "git+ssh://git@github.com/dev/tides",
        ] {
            assert!(is_same(HTTPS, other) && is_meant(HTTPS, other), "{other}");
            assert!(contains(HTTPS, other) && contains(other, HTTPS), "{other}");
        }
        let azure = "https://dev@dev.azure.com/dev/charts/_git/tides";
        assert!(is_same("git@ssh.dev.azure.com:v3/dev/charts/tides", azure));
        for other in [
            "https://github.com/dev/tide",
            "https://example.com/dev/tides",
            "https://github.com:8443/dev/tides",
            "git@github.com:tides",
            "/home/dev/tides",
            "tides",
            "",
        ] {
            assert!(!is_same(HTTPS, other), "{other}");
        }
    }

    #[test]
    fn directories_are_no_addresses() {
        for path in [
            r"C:\work\tides",
            "C:/work",
            "/srv/a:b/c",
            "//nas/tides",
            r"\\nas\x",
            "",
            ":",
            "https://",
            "file:///srv/tides.git",
            "https://github.com",
        ] {
            assert_eq!(plain(path), None, "{path}");
        }
        assert!(is_same("/srv/tides/", "/srv/tides") && is_same("c:/work", r"C:\work\"));
        assert!(!is_same("/srv/tides", "git@srv:tides"));
    }
}
