//! Rust, as far as tidy must know it: tokens, paths, items. Not a parser; it may be fooled by macros
//! that build code, never by comments or strings.

pub struct Token {
    pub text: String,
    pub line: usize,
}

/// A path such as `crate::entry::Id`, with `use` trees spelled out.
pub struct PathRef {
    pub words: Vec<String>,
    pub line: usize,
}

impl PathRef {
    pub fn starts_with(&self, words: &[&str]) -> bool {
        self.words.len() >= words.len()
            && self.words.iter().zip(words).all(|(own, word)| own == word)
    }
}

pub struct Source {
    pub path: String,
    pub lines: usize,
    pub tokens: Vec<Token>,
    pub paths: Vec<PathRef>,
    /// First and last lines of test items.
    pub tests: Vec<(usize, usize)>,
}

impl Source {
    pub fn new(text: &str, path: String) -> Source {
        let tokens = lex(text);
        let (paths, tests) = (paths(&tokens), tests(&tokens));
        Source { path, lines: text.lines().count(), tokens, paths, tests }
    }

    pub fn is_test(&self, line: usize) -> bool {
        self.tests.iter().any(|(first, last)| (*first..=*last).contains(&line))
    }

    /// Yields the paths outside tests.
    pub fn live_paths(&self) -> impl Iterator<Item = &PathRef> {
        self.paths.iter().filter(|path| !self.is_test(path.line))
    }

    /// Yields the tokens outside tests.
    pub fn live_tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.iter().filter(|token| !self.is_test(token.line))
    }

    /// Returns the module path of the file: `crates/entry/src/tree.rs` is `[crates, entry, src, tree]`.
    pub fn place(&self) -> Vec<String> {
        let path = self.path.trim_end_matches(".rs");
        let mut words: Vec<String> = path.split('/').map(str::to_owned).collect();
        words.pop_if(|word| ["mod", "lib", "main"].contains(&word.as_str()));
        words
    }

    /// Whether it is the file of that name, or lies in the folder.
    pub fn is_in(&self, place: &str) -> bool {
        let rest = self.path.strip_prefix(place);
        rest.is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
    }

    pub fn test_modules(&self) -> Vec<Vec<String>> {
        let declared = self.tokens.windows(3).filter(|words| {
            words[0].text == "mod" && words[2].text == ";" && self.is_test(words[0].line)
        });
        declared.map(|words| [self.place(), vec![words[1].text.clone()]].concat()).collect()
    }
}

/// Splits Rust into words, `::` and single signs; drops comments; a literal becomes `""`.
fn lex(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut tokens, mut i, mut line) = (Vec::new(), 0, 1);
    while i < chars.len() {
        let start = i;
        let mut word = String::new();
        match at(i) {
            c if c.is_whitespace() => i += 1,
            '/' if at(i + 1) == '/' => {
                i = (i..chars.len()).find(|i| at(*i) == '\n').unwrap_or(chars.len())
            }
            '/' if at(i + 1) == '*' => i = after_comment(&chars, i),
            '"' => (i, word) = (after_string(&chars, i), "\"\"".into()),
            '\'' if at(i + 1) == '\\' => {
                let close = (i + 3..chars.len()).find(|i| at(*i) == '\'').unwrap_or(chars.len());
                (i, word) = (close + 1, "\"\"".into());
            }
            '\'' if at(i + 2) == '\'' => (i, word) = (i + 3, "\"\"".into()),
            '\'' => {
                i += 1; // a lifetime or a label: no word of its own
                while is_word(at(i)) {
                    i += 1;
                }
            }
            ':' if at(i + 1) == ':' => (i, word) = (i + 2, "::".into()),
            c if is_word(c) => {
                while is_word(at(i)) {
                    i += 1;
                }
                let prefix: String = chars[start..i].iter().collect();
                let raw = prefix.ends_with('r') && ["r", "br", "cr"].contains(&prefix.as_str());
                let hashes = (i..chars.len()).take_while(|i| at(*i) == '#').count();
                if raw && at(i + hashes) == '"' {
                    (i, word) = (after_raw_string(&chars, i + hashes + 1, hashes), "\"\"".into());
                } else if raw && hashes == 1 {
                    i += 1; // r#name: the name follows as a word of its own
                } else {
                    word = prefix;
                }
            }
            c => (i, word) = (i + 1, c.into()),
        }
        if !word.is_empty() {
            tokens.push(Token { text: word, line });
        }
        line += chars[start..i.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

fn after_comment(chars: &[char], open: usize) -> usize {
    let (mut i, mut depth) = (open, 0);
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (i, depth) = (i + 2, depth + 1),
            ('*', Some('/')) => (i, depth) = (i + 2, depth - 1),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

fn after_string(chars: &[char], open: usize) -> usize {
    let mut i = open + 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

fn after_raw_string(chars: &[char], body: usize, hashes: usize) -> usize {
    let closes = |i: &usize| {
        chars[*i] == '"' && chars[i + 1..].iter().take_while(|c| **c == '#').count() >= hashes
    };
    (body..chars.len()).find(closes).map_or(chars.len(), |i| i + 1 + hashes)
}

fn text(tokens: &[Token], i: usize) -> &str {
    tokens.get(i).map_or("", |token| &token.text)
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Returns the place after the sign that closes the one at `open`.
fn after_close(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for i in open..tokens.len() {
        match text(tokens, i) {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i + 1;
        }
    }
    tokens.len()
}

/// Returns the place after an item, field, arm or statement: past its `;`, its `,` or its body.
fn after_item(tokens: &[Token], start: usize) -> usize {
    let mut i = start;
    if text(tokens, i) == "pub" {
        i += 1;
        i = if text(tokens, i) == "(" { after_close(tokens, i) } else { i };
    }
    let keyword = match text(tokens, i) {
        "const" if text(tokens, i + 2) == ":" => "static",
        word => word,
    };
    let has_body = !["use", "static", "type", "let"].contains(&keyword);
    let has_comma = !["fn", "impl", "struct", "enum", "trait", "mod", "union", "unsafe", "async"]
        .contains(&keyword);
    while i < tokens.len() {
        match text(tokens, i) {
            ";" => return i + 1,
            "," if has_body && has_comma => return i + 1,
            "{" if has_body => return after_close(tokens, i),
            "{" | "(" | "[" => i = after_close(tokens, i),
            "}" | ")" | "]" => return i,
            _ => i += 1,
        }
    }
    i
}

/// Returns the lines of everything that is compiled for tests only.
fn tests(tokens: &[Token]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for start in (0..tokens.len()).filter(|i| text(tokens, *i) == "#") {
        let inner = usize::from(text(tokens, start + 1) == "!");
        let open = start + 1 + inner;
        if text(tokens, open) != "[" {
            continue;
        }
        let mut end = after_close(tokens, open);
        let words: Vec<&str> = tokens[open..end].iter().map(|token| token.text.as_str()).collect();
        let cfg_test = words[1] == "cfg" && words.contains(&"test") && !words.contains(&"not");
        if !cfg_test && words != ["[", "test", "]"] {
            continue;
        }
        while text(tokens, end) == "#" {
            end = after_close(tokens, end + 1);
        }
        let last = after_item(tokens, end).saturating_sub(1);
        let last_line = tokens.get(last).map_or(usize::MAX, |token| token.line);
        found.push((tokens[start].line, if inner == 1 { usize::MAX } else { last_line }));
    }
    found
}

/// Returns name, first and last line of each function with a body.
pub fn functions(tokens: &[Token]) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for start in (0..tokens.len()).filter(|i| text(tokens, *i) == "fn") {
        let mut i = start + 1;
        if !is_name(text(tokens, i)) {
            continue;
        }
        while !["{", ";", ""].contains(&text(tokens, i)) {
            i = if ["(", "["].contains(&text(tokens, i)) { after_close(tokens, i) } else { i + 1 };
        }
        if text(tokens, i) == "{" {
            let last = after_close(tokens, i) - 1;
            found.push((tokens[start + 1].text.clone(), tokens[start].line, tokens[last].line));
        }
    }
    found
}

pub fn macros(tokens: &[Token]) -> impl Iterator<Item = (&str, usize)> {
    let calls = tokens
        .windows(3)
        .filter(|words| is_name(&words[0].text) && words[1].text == "!" && words[2].text != "=");
    calls.map(|words| (words[0].text.as_str(), words[0].line))
}

/// What reads a value of a row of SQL.
const ROW_READS: &[&str] =
    &["get", "get_ref", "get_unwrap", "count", "count_if_any", "count_or_zero"];

/// Yields the line and the place of each value that is read from a row by its place where the row has several
/// columns: the place is not 0, or the brackets that hold the read also hold one by name. What is no `row`
/// may be a slice.
pub fn reads_by_place(tokens: &[Token]) -> impl Iterator<Item = (usize, &str)> {
    let reads: Vec<(usize, &str)> =
        (0..tokens.len()).filter_map(|i| Some((i, row_read(tokens, i)?))).collect();
    let by_name: Vec<usize> =
        reads.iter().filter(|(_, what)| *what == "\"\"").map(|(i, _)| *i).collect();
    reads.into_iter().filter_map(move |(i, place)| {
        let mut depth = 0;
        let open = (0..i).rev().find(|at| {
            match text(tokens, *at) {
                "{" | "(" | "[" => depth -= 1,
                "}" | ")" | "]" => depth += 1,
                _ => {}
            }
            depth < 0
        });
        let beside = open.map_or(i..i, |open| open..after_close(tokens, open));
        let has_several = place != "0" || by_name.iter().any(|at| beside.contains(at));
        (place != "\"\"" && has_several).then(|| (tokens[i].line, place))
    })
}

/// Returns what `row.get(…)` or `row.get::<…>(…)` reads whose point is at `i`, if that is one number or literal.
fn row_read(tokens: &[Token], i: usize) -> Option<&str> {
    let is_row = i > 0 && ["row", "r"].contains(&text(tokens, i - 1));
    if !is_row || text(tokens, i) != "." || !ROW_READS.contains(&text(tokens, i + 1)) {
        return None;
    }
    let mut open = i + 2;
    if text(tokens, open) == "::" {
        let mut depth = 0;
        open = (open + 1..tokens.len()).find(|at| {
            match text(tokens, *at) {
                "<" => depth += 1,
                ">" => depth -= 1,
                _ => {}
            }
            depth == 0
        })? + 1;
    }
    let what = text(tokens, open + 1);
    let is_fixed = what == "\"\"" || what.starts_with(|c: char| c.is_ascii_digit());
    (text(tokens, open) == "(" && text(tokens, open + 2) == ")" && is_fixed).then_some(what)
}

/// Finds every path of two words or more, with `use` trees spelled out.
fn paths(tokens: &[Token]) -> Vec<PathRef> {
    let (mut found, mut i) = (Vec::new(), 0);
    while i < tokens.len() {
        let mut words = Vec::new();
        let before = if i == 0 { "" } else { text(tokens, i - 1) };
        match text(tokens, i) {
            "use" if text(tokens, i + 1) != "<" => i = use_tree(tokens, i + 1, &[], &mut words),
            word if is_name(word) && before != "::" && before != "." => {
                let mut path = vec![(word.to_owned(), tokens[i].line)];
                while text(tokens, i + 1) == "::" && is_name(text(tokens, i + 2)) {
                    path.push((text(tokens, i + 2).to_owned(), tokens[i + 2].line));
                    i += 2;
                }
                words.push(path);
                i += 1;
            }
            _ => i += 1,
        }
        for path in words.into_iter().filter(|path: &Vec<(String, usize)>| path.len() > 1) {
            let line = path[path.len() - 1].1;
            found.push(PathRef { words: path.into_iter().map(|word| word.0).collect(), line });
        }
    }
    found
}

type Words = Vec<(String, usize)>;

/// Spells out one `use` tree from `i` on; returns the place after it.
fn use_tree(
    tokens: &[Token],
    mut i: usize,
    above: &[(String, usize)],
    out: &mut Vec<Words>,
) -> usize {
    let mut path = above.to_vec();
    loop {
        match text(tokens, i) {
            "::" => i += 1,
            "{" => {
                i += 1;
                while !["}", ""].contains(&text(tokens, i)) {
                    i = use_tree(tokens, i, &path, out);
                    i += usize::from(text(tokens, i) == ",");
                }
                return i + 1;
            }
            "as" => i += 2,
            word if is_name(word) || word == "*" => {
                path.push((word.to_owned(), tokens[i].line));
                i += 1;
            }
            _ => break,
        }
    }
    out.push(path);
    i
}

#[cfg(test)]
mod reader {
    use super::Source;

    fn named(text: &str) -> Vec<String> {
        let source = Source::new(text, "src/app.rs".to_owned());
        source.paths.iter().map(|path| path.words.join("::")).collect()
    }

    #[test]
    fn finds_every_path_and_spells_out_use_trees() {
        let text = "
            use crate::{entry::{Id, codec::*}, ledger as log, db::{self}};
            fn f<'a>(x: &'static crate::report::Model) -> Vec<super::audit::X> { std::fs::read() }
            use codex_ledger_app::App;";
        let expected = [
            "crate::entry::Id",
            "crate::entry::codec::*",
            "crate::ledger",
            "crate::db::self",
            "crate::report::Model",
            "super::audit::X",
            "std::fs::read",
            "codex_ledger_app::App",
        ];
        assert_eq!(named(text), expected);
    }

    #[test]
    fn comments_and_literals_name_nothing() {
        let text = r####"
            //! crate::a::b
            /* crate::a::b /* nested */ crate::a::b */
            const S: &str = "\" crate::a::b"; const R: &str = r##"" "# crate::a::b"##;
            const C: [char; 3] = ['"', '\'', '{']; const B: &[u8] = b"crate::a"; // crate::a::b
            fn f<'a>(s: &'a str) -> crate::entry::Id { 'outer: loop { break 'outer } }"####;
        assert_eq!(named(text), ["crate::entry::Id"]);
    }

    #[test]
    fn knows_what_is_compiled_for_tests_only() {
        let text = "fn a() {}\n#[cfg(test)]\nuse x::y;\nfn b() {}\n#[cfg(all(test, unix))]\n\
                    mod tests {\n    fn c() {}\n}\nfn d() {}\n#[cfg(not(test))]\nfn e() {}\n\
                    #[cfg(test)]\nfn f() -> &'static str {\n    \"\"\n}\nstruct S {\n    #[cfg(test)]\n\
                    \x20   x: u8,\n    y: u8,\n}\n#[cfg(test)]\nmod g;\n";
        let source = Source::new(text, "src/app.rs".to_owned());
        assert_eq!(source.tests, [(2, 3), (5, 8), (12, 15), (17, 18), (21, 22)]);
        assert_eq!(source.test_modules(), [["src", "app", "g"]]);
    }

    #[test]
    fn finds_what_is_read_from_a_row_by_its_place() {
        let text = "
            query_row(sql, [], |row| row.get(0)); query_row(sql, [], |row| row.count(0));
            |row| Ok((row.get::<_, Option<i64>>(1)?, row.get(i)?, row.get(columns.text)?))
            |row| Ok((row.get(0)?, row.get(\"b\")?))
            |row| { let n: i64 = row.get(0)?; Ok(Row { n, m: row.count(\"m\")? }) }
            |row| { let n: i64 = row.get(0)?; map.get(&n); bytes.get(14); Ok(n) }
            let a = db.query_row(sql, [], |row| row.get(0)); let b = read(|row| row.get(\"b\"));
            // row.get(2)
            let text = \"row.get(3)\"; (row.get_ref(12)?, row.get(\"b\")?)";
        let source = Source::new(text, "src/app.rs".to_owned());
        let found: Vec<(usize, &str)> = super::reads_by_place(&source.tokens).collect();
        assert_eq!(found, [(3, "1"), (4, "0"), (5, "0"), (9, "12")]);
    }

    #[test]
    fn measures_functions() {
        let text = "trait T {\n    fn a(&self);\n    fn b(&self, f: fn(u8) -> [u8; 2]) -> [u8; 4]\n\
                    \x20   where\n        Self: Sized,\n    {\n        if '{' == '\"' {}\n        [0; 4]\n    }\n}";
        let source = Source::new(text, "src/app.rs".to_owned());
        assert_eq!(super::functions(&source.tokens), [("b".to_owned(), 3, 9)]);
    }
}
