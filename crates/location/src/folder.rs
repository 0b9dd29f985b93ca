//! Which directory a path means, whatever its spelling: the one place where directories are compared.
//!
//! Logs come from any system, so a path is read by its own form and never by that of this machine.

/// A directory as its names, from the root on.
struct Folder<'a> {
    is_windows: bool,
    names: Vec<&'a str>,
}

impl<'a> Folder<'a> {
    fn of(path: &'a str) -> Folder<'a> {
        // `\\?\` says that the rest is taken as it is; `\\?\UNC\` stands for the `\\` of a network share.
        let long = path.strip_prefix(r"\\?\").or_else(|| path.strip_prefix("//?/"));
        let share = long.and_then(|rest| rest.strip_prefix(r"UNC\").or(rest.strip_prefix("UNC/")));
        let share = share.or_else(|| path.strip_prefix(r"\\").filter(|_| long.is_none()));
        Folder::read(path, long, share)
    }

    /// The same beside another directory: `//server/share` is a network share where the other one is, else a path that
    /// begins with one slash too many.
    fn beside(path: &'a str, other: &str) -> Folder<'a> {
        let is_share = Folder::of(other).names.first() == Some(&r"\\");
        match path.strip_prefix("//").filter(|rest| is_share && !rest.starts_with('?')) {
            Some(share) => Folder::read(path, None, Some(share)),
            None => Folder::of(path),
        }
    }

    fn read(path: &'a str, long: Option<&'a str>, share: Option<&'a str>) -> Folder<'a> {
        let rest = share.or(long).unwrap_or(path);
        let is_windows = share.is_some() || begins_with_drive(rest);
        let root = match () {
            () if share.is_some() => Some(r"\\"),
            () if !is_windows && rest.starts_with('/') => Some("/"),
            () => None,
        };
        let is_separator = |c: char| c == '/' || is_windows && c == '\\';
        let names = rest.split(is_separator).filter(|name| !name.is_empty());
        Folder { is_windows, names: root.into_iter().chain(names).collect() }
    }

    /// Whether a name of this one is that name of the other. A name with a hidden part may be any name:
    /// rules hide users' names in paths, and nobody should have to know how.
    fn is_named(&self, at: usize, wanted: &str) -> bool {
        self.names.get(at).is_some_and(|name| {
            // Of a share the server's name stands behind the root.
            let is_server = at == 1 && self.names.first() == Some(&r"\\");
            let ignores_case = self.is_windows && (is_drive(name) || is_server);
            *name == wanted
                || name.contains("[redacted:")
                || ignores_case && name.eq_ignore_ascii_case(wanted)
        })
    }
}

fn is_drive(name: &str) -> bool {
    matches!(name.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic())
}

fn begins_with_drive(path: &str) -> bool {
    path.split(['/', '\\']).next().is_some_and(is_drive)
}

/// Whether a directory, as the views show it, is that one or lies below it.
pub fn lies_below(shown: &str, above: &str) -> bool {
    let (shown, above) = (Folder::beside(shown, above), Folder::beside(above, shown));
    above.names.iter().enumerate().all(|(at, name)| shown.is_named(at, name))
}

/// Whether a directory, as the views show it, is that one.
pub fn is_same(shown: &str, other: &str) -> bool {
    let count = |path, beside| Folder::beside(path, beside).names.len();
    lies_below(shown, other) && count(shown, other) == count(other, shown)
}

/// One spelling of a directory for all of its spellings: of a Windows path with a large drive letter and `\`.
pub fn plain(path: &str) -> String {
    let folder = Folder::of(path);
    let (root, names) = match folder.names.split_first() {
        Some((root @ (&"/" | &r"\\"), names)) => (*root, names),
        _ => ("", &folder.names[..]),
    };
    let separator = if folder.is_windows { r"\" } else { "/" };
    let mut plain = [root, &names.join(separator)].concat();
    if root.is_empty() && folder.is_windows {
        plain.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_lies_below_itself_and_those_above() {
        let cwd = "/home/[redacted:home-user]/tides";
        for above in ["/", "/home", "/home/dev", "/home/dev/tides", "/home/dev/tides/"] {
            assert!(lies_below(cwd, above), "{above}");
        }
        for other in ["/home/dev/tide", "/home/dev/tides/src", "/srv", "home", "tides"] {
            assert!(!lies_below(cwd, other), "{other}");
        }
        assert!(lies_below(r"C:\srv\tides", r"C:\srv"));
        assert!(lies_below(r"\\nas\charts\tides", r"\\NAS\charts"));
        assert!(!lies_below(r"\\nas\charts\tides", r"\\nas\Charts"));
    }

    #[test]
    fn a_share_is_one_with_either_slash() {
        for shown in [r"\\nas\charts\tide\x", r"\\?\UNC\nas\charts\tide\x", "//nas/charts/tide/x"] {
            for above in [
                r"\\nas\charts\tide",
                "//nas/charts/tide",
                "//nas/charts/tide/",
                "//?/UNC/nas/charts",
            ] {
                assert!(lies_below(shown, above), "{shown} {above}");
            }
            assert!(!lies_below(shown, "//nas/charts/tid"), "{shown}");
        }
        assert!(is_same(r"\\wsl.localhost\Debian\srv", "//wsl.localhost/Debian/srv"));
        assert!(lies_below("/home/dev/tides", "//home/dev"), "one slash too many");
        assert!(!lies_below("/home/dev/tides", r"\\home\dev"));
    }

    #[test]
    fn the_spellings_of_one_windows_directory_are_one() {
        let spellings = [
            r"C:\srv\tides",
            r"c:\srv\tides\",
            "C:/srv/tides",
            "c:/srv//tides/",
            r"\\?\C:\srv\tides",
        ];
        for a in spellings {
            assert_eq!(plain(a), r"C:\srv\tides");
            for b in spellings {
                assert!(is_same(a, b) && lies_below(&format!(r"{a}\src"), b), "{a} {b}");
            }
            for above in ["c:", r"C:\", "C:/srv", r"\\?\c:\"] {
                assert!(lies_below(a, above) && !is_same(a, above), "{a} {above}");
            }
            for other in [r"D:\srv\tides", r"C:\srv\tide", "/srv/tides", r"C:\Srv\tides"] {
                assert!(!lies_below(a, other), "{a} {other}");
            }
        }
        let share = r"\\tower\gauges\tides";
        assert!(is_same(r"\\?\UNC\tower\gauges\tides", share) && lies_below(share, r"\\tower\"));
        assert!(!lies_below(share, "/tower") && !lies_below("/tower/gauges", r"\\tower"));
        assert_eq!(plain(r"\\?\UNC\tower\gauges\"), r"\\tower\gauges");
    }

    #[test]
    fn elsewhere_a_backslash_is_part_of_a_name() {
        assert!(!lies_below(r"/srv/a\b", "/srv/a") && is_same(r"/srv/a\b/", r"/srv/a\b"));
        for (path, shown) in
            [("/srv/tides/", "/srv/tides"), ("/", "/"), ("tides", "tides"), ("", "")]
        {
            assert_eq!(plain(path), shown);
        }
        assert!(lies_below("/srv", ""));
    }
}
