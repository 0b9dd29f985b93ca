//! What somebody asks: words, "phrases", beginnings*, patterns, groups, and qualifiers.

use crate::filter::near;
use codex_ledger_search::{Exit, Expression, Phrase, Source, composed, words_of};
use regex::{Regex, RegexBuilder};

/// A longer question is no question; the index would count every character of it.
const QUESTION_MAX_CHARS: usize = 4096;
/// As deep as an expression can become.
const QUESTION_MAX_WORDS: usize = 200;
/// A pattern's machine is no larger, in bytes.
const PATTERN_MAX_BYTES: usize = 1 << 20;

/// What somebody looks for.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The words; none: everything that the qualifiers leave.
    pub(super) expression: Option<Expression>,
    /// The words alone, for showing where they stand.
    pub(super) terms: Vec<Phrase>,
    /// What the texts have to match beside.
    pub(super) patterns: Vec<Regex>,
    /// `repo:`.
    pub(crate) repo: Option<String>,
    /// `session:`, the beginning of an id.
    pub(crate) session: Option<String>,
    /// `title:`, part of what the session is called.
    pub(crate) title: Option<String>,
    /// `model:`, the beginning of the name of a model that the session has used.
    pub(crate) model: Option<String>,
    /// `error:`, part of an error that the session has met.
    pub(crate) error: Option<String>,
    /// `tool:`.
    pub(crate) tool: Option<String>,
    /// `file:`, part of a path that a patch touched.
    pub(crate) file: Option<String>,
    /// `in:`, the kind of text.
    pub(super) source: Option<Source>,
    /// `tag:`, of the session or any of its prompts.
    pub(crate) tag: Option<String>,
    /// `disposition:`, of the session or any of its prompts.
    pub(crate) disposition: Option<String>,
    /// `exit:`.
    pub(super) exit: Option<Exit>,
    /// `since:`, still as it was given.
    pub since: Option<String>,
    /// `until:`, still as it was given.
    pub until: Option<String>,
}

/// Why a question makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SearchError(String);

/// The kinds of text that `in:` names.
pub const SEARCH_SOURCES: [&str; 10] =
    ["prompt", "message", "context", "reasoning", "plan", "call", "output", "file", "turn", "name"];

/// What may stand before a colon.
pub const QUALIFIERS: [&str; 14] = [
    "repo",
    "session",
    "title",
    "model",
    "error",
    "tool",
    "file",
    "in",
    "tag",
    "disposition",
    "exit",
    "since",
    "until",
    "ident",
];

/// A piece of a question.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Word(String),
    Phrase(String),
}

/// The expression, as far as it is read: the innermost group that is open comes last.
struct Parts(Vec<Group>);

/// What stands between parentheses. NOT binds more closely than AND, and that than OR.
#[derive(Default)]
struct Group {
    /// Of any of these, all.
    any: Vec<Vec<Expression>>,
    /// The operator that waits for what is behind it.
    operator: Option<&'static str>,
}

impl Search {
    /// Whether it asks for what turns have ended with.
    pub fn asks_for_errors(&self) -> bool {
        self.error.is_some()
    }

    /// Reads a question: words, "phrases", beginnings*, AND, OR, NOT, (groups), /patterns/, and qualifiers such as
    /// `repo:x`.
    ///
    /// # Errors
    /// When it holds nothing to look for, an unknown qualifier or value, or an operator or group without a word.
    pub fn parse(text: &str) -> Result<Search, SearchError> {
        if text.chars().count() > QUESTION_MAX_CHARS {
            return error(format!("the question is longer than {QUESTION_MAX_CHARS} characters"));
        }
        let mut search = Search::default();
        let mut parts = Parts(vec![Group::default()]);
        for token in tokens(text) {
            match token {
                Token::Open => parts.open(),
                Token::Close => parts.close()?,
                Token::Phrase(phrase) => parts.add(search.term(&phrase, true)),
                Token::Word(word) => {
                    let operator = ["AND", "OR", "NOT"].into_iter().find(|it| *it == word);
                    match operator {
                        Some(operator) => parts.operator(operator)?,
                        None => search.word(&word, &mut parts)?,
                    }
                }
            }
        }
        search.expression = parts.finish()?;
        if search.terms.len() > QUESTION_MAX_WORDS {
            return error(format!("the question has more than {QUESTION_MAX_WORDS} words"));
        }
        if search.expression.is_none() && !search.has_qualifier() {
            return error("there is nothing to look for".into());
        }
        Ok(search)
    }

    /// A qualifier, a pattern, or a word.
    fn word(&mut self, word: &str, parts: &mut Parts) -> Result<(), SearchError> {
        if let Some((name, value)) = word.split_once(':').filter(|(_, value)| !value.is_empty()) {
            if name == "ident" {
                let ident = self.identifier(value);
                parts.add(ident);
                return Ok(());
            }
            if self.qualifier(name, value)? {
                return Ok(());
            }
        }
        match pattern_of(word) {
            Some(pattern) => self.patterns.push(pattern?),
            None => parts.add(self.term(word, false)),
        }
        Ok(())
    }

    /// A word, phrase or beginning.
    fn term(&mut self, token: &str, is_phrase: bool) -> Option<Expression> {
        let token = &*composed(token);
        let (text, is_beginning) = match token.strip_suffix('*') {
            Some(text) => (text, true),
            None => (token, !is_phrase && ends_in_hangul(token)),
        };
        let words: Vec<String> = words_of(text).into_iter().map(|word| word.folded).collect();
        if words.is_empty() {
            return None;
        }
        let phrase = Phrase { words, is_beginning };
        self.terms.push(phrase.clone());
        Some(Expression::Phrase(phrase))
    }

    /// A name in code in any of its spellings: `fooBar`, `foo_bar`, `FOO-BAR`.
    fn identifier(&mut self, name: &str) -> Option<Expression> {
        let mut apart = String::new();
        let mut last = ' ';
        for c in name.chars() {
            if last.is_lowercase() && c.is_uppercase() || !c.is_alphanumeric() {
                apart.push(' ');
            }
            apart.extend(Some(c).filter(|c| c.is_alphanumeric()));
            last = c;
        }
        let joined: String = apart.split_whitespace().collect();
        let forms = [self.term(&apart, true), self.term(&joined, true)];
        let forms: Vec<Expression> = forms.into_iter().flatten().collect();
        (!forms.is_empty()).then_some(Expression::Any(forms))
    }

    fn has_qualifier(&self) -> bool {
        let texts = [
            &self.repo,
            &self.session,
            &self.title,
            &self.model,
            &self.error,
            &self.tool,
            &self.file,
            &self.tag,
            &self.disposition,
            &self.since,
            &self.until,
        ];
        self.exit.is_some()
            || self.source.is_some()
            || !self.patterns.is_empty()
            || texts.iter().any(|it| it.is_some())
    }

    /// Takes a qualifier; false for what is none and looks like none.
    fn qualifier(&mut self, name: &str, value: &str) -> Result<bool, SearchError> {
        let place = match name {
            "repo" => &mut self.repo,
            "session" => &mut self.session,
            "title" => &mut self.title,
            "model" => &mut self.model,
            "error" => &mut self.error,
            "tool" => &mut self.tool,
            "file" => &mut self.file,
            "tag" => &mut self.tag,
            "disposition" => &mut self.disposition,
            "since" => &mut self.since,
            "until" => &mut self.until,
            "in" => {
                self.source = Source::ALL.into_iter().find(|source| source.name() == value);
                if self.source.is_none() {
                    let known = SEARCH_SOURCES.join(", ");
                    return error(format!("`in:{value}` is no kind of text; these are: {known}"));
                }
                return Ok(true);
            }
            "exit" => {
                self.exit = Some(match (value, value.parse()) {
                    ("failed", _) => Exit::Failed,
                    (_, Ok(code)) => Exit::Is(code),
                    _ => {
                        return error(format!(
                            "`exit:{value}` is no exit code; give a number or `failed`"
                        ));
                    }
                });
                return Ok(true);
            }
            _ => return misspelt(name, value).map_or(Ok(false), error),
        };
        *place = Some(value.to_string());
        Ok(true)
    }
}

impl Parts {
    fn add(&mut self, part: Option<Expression>) {
        if let (Some(part), Some(group)) = (part, self.0.last_mut()) {
            group.add(part);
        }
    }

    fn operator(&mut self, operator: &'static str) -> Result<(), SearchError> {
        match self.0.last_mut() {
            Some(group) if !group.any.is_empty() && group.operator.is_none() => {
                group.operator = Some(operator);
                Ok(())
            }
            _ => error(format!("`{operator}` stands without a word before it")),
        }
    }

    fn open(&mut self) {
        self.0.push(Group::default());
    }

    fn close(&mut self) -> Result<(), SearchError> {
        let group = self.0.pop().unwrap_or_default();
        if group.any.is_empty() {
            let message =
                "there is no word in a parenthesis; qualifiers hold for the whole question";
            return error(message.into());
        }
        let whole = group.whole()?;
        self.add(whole);
        Ok(())
    }

    fn finish(mut self) -> Result<Option<Expression>, SearchError> {
        let group = self.0.pop().unwrap_or_default();
        match self.0.is_empty() {
            true => group.whole(),
            false => group.whole().and_then(|_| error("a parenthesis is open".into())),
        }
    }
}

impl Group {
    fn add(&mut self, part: Expression) {
        match (self.operator.take(), self.any.last_mut()) {
            (None | Some("AND"), Some(all)) => all.push(part),
            (Some("NOT"), Some(all)) => {
                // `a NOT b c` is a and c, without b.
                let Some(last) = all.pop() else { return };
                all.push(Expression::Without(last.into(), part.into()));
            }
            _ => self.any.push(vec![part]),
        }
    }

    fn whole(self) -> Result<Option<Expression>, SearchError> {
        if let Some(operator) = self.operator {
            return error(format!("`{operator}` stands without a word behind it"));
        }
        let all = |all| one_or(all, Expression::All);
        let any: Vec<Expression> = self.any.into_iter().filter_map(all).collect();
        Ok(one_or(any, Expression::Any))
    }
}

/// The only one of some, or all of them together.
fn one_or(
    mut some: Vec<Expression>,
    together: fn(Vec<Expression>) -> Expression,
) -> Option<Expression> {
    if some.len() > 1 { Some(together(some)) } else { some.pop() }
}

fn error<T>(message: String) -> Result<T, SearchError> {
    Err(SearchError(message))
}

/// What to say of a name before a colon that is no qualifier, where somebody has most likely meant one.
fn misspelt(name: &str, value: &str) -> Option<String> {
    let is_name = name.chars().all(|c| c.is_ascii_lowercase()) && name.len() > 2;
    // An address, a path, a name in code.
    if !is_name || value.starts_with([':', '/', '\\']) {
        return None;
    }
    let instead = match near(name, QUALIFIERS) {
        Some(qualifier) => format!("`{qualifier}:`"),
        None => format!("`in:{}`", near(name, SEARCH_SOURCES)?),
    };
    Some(format!(
        "`{name}:` is no qualifier; did you mean {instead}? In quotes it is looked for as words"
    ))
}

/// The pattern that a word is: between slashes, and with a sign that no path has.
fn pattern_of(word: &str) -> Option<Result<Regex, SearchError>> {
    let pattern = word.strip_prefix('/')?.strip_suffix('/')?;
    if !pattern.contains(['\\', '[', '(', '{', '*', '+', '?', '|', '^', '$']) {
        return None;
    }
    let built = RegexBuilder::new(pattern)
        .case_insensitive(true)
        .multi_line(true)
        .size_limit(PATTERN_MAX_BYTES)
        .build();
    Some(built.map_err(|fault| {
        // A pattern may name what is hidden in a way that nothing reads: it is not repeated.
        let fault = fault.to_string();
        SearchError(format!(
            "a pattern of the question: {}",
            fault.lines().last().unwrap_or_default()
        ))
    }))
}

/// Whether a word may go on in the text: Korean writes particles right behind a noun, and a reader types the noun.
fn ends_in_hangul(word: &str) -> bool {
    word.ends_with(|c| matches!(c, '가'..='힣'))
}

/// The pieces of a question. A parenthesis groups where a word begins, and where a group is open that it can close.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut open = 0_usize;
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('(') {
            tokens.push(Token::Open);
            open += 1;
            rest = inner.trim_start();
            continue;
        }
        if let Some(after) = rest.strip_prefix(')').filter(|_| open > 0) {
            tokens.push(Token::Close);
            open -= 1;
            rest = after.trim_start();
            continue;
        }
        let (token, after) = match rest.strip_prefix('"') {
            Some(quoted) => phrase(quoted),
            None => word(rest, open),
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

fn phrase(quoted: &str) -> (Token, &str) {
    let (phrase, after) = quoted.split_once('"').unwrap_or((quoted, ""));
    let (star, after) = match after.strip_prefix('*') {
        Some(after) => ("*", after),
        None => ("", after),
    };
    (Token::Phrase(format!("{phrase}{star}")), after)
}

/// A word up to the next blank, without the parentheses at its end that close `open` groups; the value of a qualifier
/// may be quoted and have blanks.
fn word(rest: &str, open: usize) -> (Token, &str) {
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    let quoted = word.find(":\"").and_then(|at| rest.split_at_checked(at + 2));
    match quoted.and_then(|(name, quoted)| Some((name, quoted.split_once('"')?))) {
        Some((name, (value, after))) if name.chars().rev().skip(2).all(char::is_alphabetic) => {
            (Token::Word(format!("{}{value}", name.trim_end_matches('"'))), after)
        }
        _ => {
            let inside = word.trim_end_matches(')').matches('(').count();
            let closing = word.len() - word.trim_end_matches(')').len();
            let closing = closing.saturating_sub(inside).min(open);
            let (word, _) = word.split_at(word.len() - closing);
            let after = rest.get(word.len()..).unwrap_or(after);
            (Token::Word(word.to_string()), after)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snippet::snippet;

    /// An expression as it is asked, with all parentheses.
    fn said(expression: &Expression) -> String {
        let all = |of: &[Expression], between: &str| {
            format!("({})", of.iter().map(said).collect::<Vec<_>>().join(between))
        };
        match expression {
            Expression::Phrase(Phrase { words, is_beginning }) => {
                format!("{}{}", words.join("_"), if *is_beginning { "*" } else { "" })
            }
            Expression::All(parts) => all(parts, " AND "),
            Expression::Any(parts) => all(parts, " OR "),
            Expression::Without(with, without) => format!("({} NOT {})", said(with), said(without)),
        }
    }

    fn expression(text: &str) -> String {
        let asked = |search: Search| search.expression.as_ref().map(said).unwrap_or_default();
        Search::parse(text).map_or_else(|error| error.to_string(), asked)
    }

    #[test]
    fn questions_become_expressions_in_which_nothing_is_an_operator_by_chance() {
        assert_eq!(expression("tide tables"), "(tide AND tables)");
        assert_eq!(expression("\"tide table\" OR gauge*"), "(tide_table OR gauge*)");
        assert_eq!(expression("a NOT b"), "(a NOT b)");
        assert_eq!(expression("say \"NEAR(x"), "(say AND near_x)");
        assert_eq!(expression("潮汐"), "潮_汐");
        assert_eq!(expression("등대 \"등대\" 등대a"), "(등대* AND 등대 AND 등대_a)");
        assert_eq!(expression("repo:tides ebb"), "ebb");
        assert_eq!(expression("std::fs"), "std_fs");
        assert!(expression("OR x").contains("without a word before"));
        assert!(expression("x AND").contains("without a word behind"));
        assert!(expression(" ** ").contains("nothing to look for"));
        assert!(expression("in:nowhere x").contains("no kind of text"));
        assert!(expression("exit:x").contains("no exit code"));
        assert_eq!(expression("(ebb OR flow) tide"), "((ebb OR flow) AND tide)");
        assert_eq!(expression("a NOT (b (c OR d))"), "(a NOT (b AND (c OR d)))");
        assert_eq!(expression("main() (f(x) y)"), "(main AND (f_x AND y))");
        assert!(expression("(a OR").contains("without a word behind"));
        assert!(expression("(a").contains("is open"));
        assert!(expression("(repo:x)").contains("hold for the whole question"));
        assert_eq!(expression("ident:fooBar"), "(foo_bar OR foobar)");
        assert!(expression("promt:tide").contains("did you mean `in:prompt`"));
        assert!(expression("repos:tide").contains("did you mean `repo:`"));
        assert_eq!(
            expression("https://a.b std::fs key:value"),
            "(https_a_b AND std_fs AND key_value)"
        );
        let found = Search::parse("/ti[dt]es?/ /home/ada/").expect("a pattern");
        let words = found.expression.as_ref().map(said);
        assert_eq!((found.patterns.len(), words.as_deref()), (1, Some("home_ada")));
        assert!(expression("/ti(de/").starts_with("a pattern of the question: "));
    }

    #[test]
    fn snippets_show_the_words_in_their_place() {
        let found = |text: &str, question: &str| {
            snippet(text, &Search::parse(question).expect("a question").terms)
        };
        assert_eq!(found("The TIDE comes", "tide"), "The ⟦TIDE⟧ comes");
        assert_eq!(
            found("The tides: high\n water", "tid* \"high water\""),
            "The ⟦tides⟧: ⟦high\n water⟧"
        );
        assert_eq!(found("Größe, cafe\u{301}!", "grosse größe CAFÉ"), "⟦Größe⟧, ⟦cafe\u{301}⟧!");
        assert_eq!(found("今日の潮汐表", "潮汐"), "今日の⟦潮汐⟧表");
        assert_eq!(found("새 등대를 지었다", "등대"), "새 ⟦등대를⟧ 지었다");
        assert_eq!(found("İİİ", "x"), "İİİ");
        let long = format!("{}tide{}", "x ".repeat(100), " y".repeat(200));
        let found = found(&long, "tide");
        assert!(
            found.starts_with('…') && found.contains("⟦tide⟧") && found.ends_with('…'),
            "{found}"
        );
    }

    #[test]
    fn questions_have_an_end() {
        assert!(expression(&"x".repeat(5000)).contains("longer than"));
        assert!(expression(&"x ".repeat(500)).contains("more than 200 words"));
        assert_eq!(expression("a\0b"), "a_b");
        assert_eq!(expression("a NOT b c"), "((a NOT b) AND c)");
        let quoted = Search::parse("file:\"my file.rs\" x").expect("a question");
        assert_eq!(
            (quoted.file.as_deref(), quoted.expression.as_ref().map(said).as_deref()),
            (Some("my file.rs"), Some("x"))
        );
        assert_eq!(expression("say:\"x"), "say_x");
    }
}
