//! Texts of all sorts: prose, source code, logs, listings, patches. Each session has its own invented
//! project whose files are read again and again, which is what makes real logs compress well.

use crate::rng::Rng;
use crate::words::{Vocab, capital};
use std::fmt::Write;

pub struct SourceFile {
    pub path: String,
    pub lines: Vec<String>,
}

pub struct Project<'v> {
    pub vocab: &'v Vocab,
    pub idents: Vec<String>,
    pub files: Vec<SourceFile>,
    pub foreign: Option<usize>,
    pub crlf: bool,
}

impl<'v> Project<'v> {
    pub fn new(vocab: &'v Vocab, rng: &mut Rng) -> Self {
        let idents = (0..120).map(|_| vocab.ident(rng)).collect();
        let foreign = rng.chance(220).then(|| rng.below(3) as usize);
        Project { vocab, idents, files: Vec::new(), foreign, crlf: rng.chance(40) }
    }

    pub fn ident(&self, rng: &mut Rng) -> &str {
        rng.zipf::<String>(&self.idents)
    }

    /// Index of a source file, sometimes a new one.
    pub fn file(&mut self, rng: &mut Rng) -> usize {
        let n = self.files.len();
        if n == 0 || n < 60 && rng.chance(1200 / (n as u64 + 2)) {
            let ext = *rng.zipf(&["rs", "ts", "py", "tsx", "go", "md", "json", "css"]);
            let top = *rng.zipf(&["src", "tests", "crates", "lib", "app", "docs"]);
            let path = format!("{top}/{}/{}.{ext}", self.ident(rng), self.ident(rng));
            let count = rng.range(40, 420);
            let lines = (0..count).map(|_| self.code_line(rng)).collect();
            self.files.push(SourceFile { path, lines });
            return n;
        }
        rng.below(n as u64) as usize
    }

    pub fn code_line(&self, rng: &mut Rng) -> String {
        let mut s = "    ".repeat(rng.below(4) as usize);
        let (a, b, c) = (self.ident(rng), self.ident(rng), self.ident(rng));
        let n = rng.zipf(&[0, 1, 2, 8, 10, 16, 64, 100, 404, 1024, 4096, 65_535]);
        let _ = match rng.below(22) {
            0 => write!(s, "let {a} = {b}.{c}();"),
            1 => write!(s, "let mut {a} = {b}::new({c}, {n});"),
            2 => write!(s, "if {a}.len() > {n} {{"),
            3 => write!(s, "for {a} in {b}.iter() {{"),
            4 => write!(s, "pub fn {a}({b}: &{}, limit: usize) -> Result<{c}> {{", capital(b)),
            5 => write!(s, "return Err({a}::{}({b}));", capital(c)),
            6 => write!(s, "assert_eq!({a}.{b}, {n});"),
            7 => write!(s, "const {a} = await {b}({{ {c}, limit: {n} }});"),
            8 => write!(s, "self.{a}.push({b});"),
            9 => write!(s, "import {{ {a}, {b} }} from \"./{c}\";"),
            10 => write!(s, "\"{a}\": \"{b}\","),
            11 => write!(s, "\"{a}\": {n},"),
            12 => write!(s, "def {a}(self, {b}, {c}=None):"),
            13 => write!(s, "{a} => {b}.{c}({n}),"),
            14 => write!(s, "{a}: {},", capital(b)),
            15..17 => write!(s, "}}"),
            17..19 => Ok(()),
            _ => {
                s.push_str("// ");
                let len = s.len() + rng.range(24, 70) as usize;
                self.words(rng, &mut s, len);
                Ok(())
            }
        };
        s
    }

    fn words(&self, rng: &mut Rng, s: &mut String, len: usize) {
        while s.len() < len {
            s.push_str(self.vocab.word(rng));
            s.push(' ');
        }
        s.pop();
    }

    /// Sentences until about `len` bytes, now and then in another language or with `code`.
    pub fn prose(&self, rng: &mut Rng, len: usize) -> String {
        let mut s = String::with_capacity(len + 80);
        while s.len() < len {
            self.sentence(rng, &mut s);
            s.push_str(if rng.chance(120) { "\n\n" } else { " " });
        }
        s.truncate(s.trim_end().len());
        s
    }

    fn sentence(&self, rng: &mut Rng, s: &mut String) {
        let foreign = self.foreign.filter(|_| rng.chance(500)).map(|k| &self.vocab.foreign[k]);
        for i in 0..rng.range(4, 16) {
            match foreign {
                Some(list) => s.push_str(rng.pick::<&str>(list)),
                None if i == 0 => s.push_str(&capital(self.vocab.word(rng))),
                None if rng.chance(70) => {
                    let _ = write!(s, "`{}`", self.ident(rng));
                }
                None => s.push_str(self.vocab.word(rng)),
            }
            s.push_str(if rng.chance(60) { ", " } else { " " });
        }
        s.truncate(s.trim_end_matches([' ', ',']).len());
        s.push_str(rng.zipf::<&str>(&[".", ".", ".", "?", ":", "!", "…"]));
    }

    /// A slice of a source file, as `sed -n` or `cat` would print it.
    pub fn slice(&mut self, rng: &mut Rng, len: usize) -> (String, String) {
        let mut s = String::with_capacity(len + 200);
        let k = self.file(rng);
        let first = rng.below(self.files[k].lines.len() as u64 / 2) as usize;
        let (mut file, mut from) = (k, first);
        while s.len() < len {
            for line in &self.files[file].lines[from..] {
                s.push_str(line);
                s.push('\n');
                if s.len() >= len {
                    break;
                }
            }
            (file, from) = (self.file(rng), 0);
        }
        let path = &self.files[k].path;
        (format!("sed -n '{},{}p' {path}", first + 1, first + s.lines().count()), s)
    }

    /// `path:line:text` search results.
    pub fn search(&mut self, rng: &mut Rng, len: usize) -> (String, String) {
        let mut s = String::with_capacity(len + 200);
        while s.len() < len {
            let k = self.file(rng);
            let SourceFile { path, lines } = &self.files[k];
            let mut at = rng.below(20) as usize;
            while at < lines.len() && s.len() < len {
                let _ = writeln!(s, "{path}:{}:{}", at + 1, lines[at]);
                at += rng.range(3, 60) as usize;
            }
        }
        (format!("rg -n \"{}|{}\" src", self.ident(rng), self.ident(rng)), s)
    }

    /// A directory listing.
    pub fn listing(&mut self, rng: &mut Rng, len: usize) -> (String, String) {
        let mut s = String::with_capacity(len + 200);
        while s.len() < len {
            let (size, day) = (rng.range(90, 90_000), rng.range(1, 29));
            let (a, b) = (self.ident(rng), self.ident(rng));
            let _ = match rng.below(3) {
                0 => writeln!(
                    s,
                    "-rw-r--r-- 1 dev dev {size:>6} Mar {day:>2} {:02}:{:02} {a}.rs",
                    size % 24,
                    size % 60
                ),
                1 => writeln!(s, "./src/{a}/{b}.ts"),
                _ => writeln!(s, " M src/{a}/{b}.rs"),
            };
        }
        (
            rng.pick(&["ls -la", "git status --short", "rg --files", "find . -name '*.rs'"])
                .to_string(),
            s,
        )
    }

    /// A test or build run, coloured now and then.
    pub fn run_log(&mut self, rng: &mut Rng, len: usize) -> (String, String) {
        let colour = rng.chance(20);
        let mut s = String::from("running the suite\n");
        while s.len() < len {
            let (a, b) = (self.ident(rng), self.ident(rng));
            let ms = rng.below(4000);
            let _ = match rng.below(12) {
                0..6 if colour => {
                    writeln!(s, "\u{1b}[32m✓\u{1b}[39m {a} › {b} \u{1b}[2m({ms}ms)\u{1b}[22m")
                }
                0..6 => writeln!(s, "test {a}::{b} ... ok"),
                6 => writeln!(s, "   Compiling {a} v0.{}.{}", ms % 30, ms % 11),
                7 => writeln!(
                    s,
                    "warning: unused variable: `{a}`\n  --> src/{b}.rs:{ms}:{}",
                    ms % 80
                ),
                8 => writeln!(s, "{a}::{b} FAILED: expected {ms}, got {}", ms / 3),
                9 => writeln!(
                    s,
                    "INFO  {} {a} finished in {}.{:03}s",
                    rng.hex(8),
                    ms / 1000,
                    ms % 1000
                ),
                10 => writeln!(s, "{}", self.code_line(rng)),
                _ => writeln!(s, "note: {}", self.prose(rng, 60)),
            };
        }
        (
            rng.pick(&["cargo test", "pytest -q", "npm test", "cargo build", "make check"])
                .to_string(),
            s,
        )
    }

    /// A patch in the `*** Begin Patch` grammar.
    pub fn patch(&mut self, rng: &mut Rng, len: usize) -> (String, String) {
        let k = self.file(rng);
        let path = self.files[k].path.clone();
        let add = rng.chance(220);
        let verb = if add { "Add" } else { "Update" };
        let mut s = format!("*** Begin Patch\n*** {verb} File: {path}\n");
        while s.len() < len {
            let at = rng.below(self.files[k].lines.len() as u64) as usize;
            if !add {
                let _ = write!(s, "@@\n {0}\n-{0}\n", self.files[k].lines[at]);
            }
            for _ in 0..rng.range(1, 9) {
                let line = self.code_line(rng);
                let _ = writeln!(s, "+{line}");
                self.files[k].lines[at] = line;
            }
        }
        s.push_str("*** End Patch\n");
        (path, s)
    }

    /// A program typed into the shell, and what it printed.
    fn script(&mut self, rng: &mut Rng, len: usize) -> (String, String) {
        let size = rng.size(&[(0.0, 200.0), (0.8, 1500.0), (1.0, 16_000.0)]);
        let (_, code) = self.slice(rng, size.min(len * 4));
        let (_, body) = self.run_log(rng, len);
        (format!("python3 - <<'PY'\n{code}PY"), body)
    }

    /// A command and what it printed.
    pub fn command(&mut self, rng: &mut Rng, len: usize) -> (String, String) {
        let (command, mut body) = match rng.below(20) {
            0..9 => self.slice(rng, len),
            9..12 => self.search(rng, len),
            12..14 => self.listing(rng, len),
            14..17 => self.run_log(rng, len),
            17..19 => self.script(rng, len),
            _ => {
                let (path, patch) = self.patch(rng, len);
                (format!("git diff -- {path}"), patch)
            }
        };
        if len < 70 {
            body.truncate(body.find('\n').unwrap_or(0));
        }
        if self.crlf && rng.chance(300) {
            body = body.replace('\n', "\r\n");
        }
        (command, body)
    }
}
