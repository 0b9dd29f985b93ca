//! Names of users in paths, in all forms that agents print.

use super::*;

/// Lines that agents print; `#` is the name.
const LINES: &str = r##"C:\Users\#\x.txt
C:\\Users\\#\\x.txt
/mnt/c/Users/#/x
/c/Users/#/x
C:/Users/#/x
\\wsl.localhost\Ubuntu\home\#\x
\\wsl$\Ubuntu\home\#\x
\\?\C:\Users\#\x
file:///home/#/x
file:///C:/Users/#/x
file:///c%3A/Users/#/x
/Users/#/Library
/Users/#
/home/#
~#/x
/var/home/#/x
/export/home/#/x
/home/#:/bin
"C:\\Users\\#\\AppData"
vscode-remote://wsl+Ubuntu/home/#/x
vscode-remote://ssh-remote+tower/home/#/x
/data/home/#/x
D:\Users\#\x
/Volumes/Users/#/x
/Volumes/Tides/Users/#/x
HOME=/home/#
/System/Volumes/Data/Users/#/x
C:\Documents and Settings\#\x
-home-#-work
%2Fhome%2F#%2Fx
%252Fhome%252F#%252Fx
cc -L/home/#/lib -I/home/#/include
/cygdrive/c/users/#/x
\\tower\c$\Users\#\x
ls ~/home/#/x"##;

/// Lines that tell nothing by themselves.
const ECHOES: &str = "drwxr-xr-x 2 # staff 64 Oct  5 x
-rw-r--r--. 1 # # 64 Oct  5 x
#@tower:~/w$ ls
/private/var/folders/#
USER=#
/run/user/1000/#
/srv/#/tides";

#[test]
fn a_name_is_hidden_in_every_path_alone() {
    for line in LINES.lines() {
        for name in ["quillian", "g.hopper", "j-okafor", "s_m1th"] {
            // Where dashes stand for slashes nobody knows which ones.
            if line.starts_with("-home-") && name.contains('-') {
                continue;
            }
            let text = line.replace('#', name);
            for text in [
                text.clone(),
                format!("{{\"a\":{}}}", Value::from(text.clone())),
                format!("see {text} ok"),
            ] {
                let shown = shown(&text);
                assert!(!shown.contains(name), "{text}: {shown}");
                assert_eq!(self::shown(&shown), shown);
            }
        }
    }
    let full = "Grace Quillian";
    for line in [
        r"C:\Users\#\x",
        r"C:\\Users\\#\\x",
        "/Users/#/x",
        "file:///Users/#/x",
        "file:///%55sers/#/x",
    ] {
        let shown = shown(&line.replace('#', full));
        assert!(!shown.contains("Grace") && !shown.contains("Quillian"), "{line}: {shown}");
    }
}

#[test]
fn what_a_path_tells_is_hidden_in_the_whole_text() {
    for line in ECHOES.lines() {
        let text = line.replace('#', "quillian");
        assert_eq!(shown(&text), text, "it may be anything");
        let shown = shown(&format!("{text}\ncd /home/{}/w", "quillian"));
        assert!(!shown.contains("quillian"), "{text}: {shown}");
        assert_eq!(self::shown(&shown), shown);
    }
    let text = "ada said so in /home/ada/w: a/adas, work/ada_2";
    assert_eq!(shown(text), text.replace("/home/ada", "/home/[redacted:home-user]"));
}

#[test]
fn what_is_no_home_stays() {
    for text in [
        "/home/{{}}index.js",
        "/home/{{}}to",
        "import x from '/home/{{}}page.tsx'",
        "https://tides.example/home/about",
        "GET /api/users/ada",
        r"C:\src\home\ada",
        "a ~b c/d",
        "x =~ s/a/b/",
        "perl -pe '$x =~s/a/b/'",
        "git diff HEAD~3/x",
    ] {
        let text = expand_example(text);
        assert_eq!(shown(&text), text);
    }
    assert_eq!(shown("/Users/ada and /srv/x"), "/Users/[redacted:home-user] and /srv/x");
}
