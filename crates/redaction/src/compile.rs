//! Rules made ready to search with.

mod token;

// `regex` cannot search a stretch of a text, nor from its first byte only: its engine can.
use regex_automata::meta::{Config, Regex};
use regex_automata::util::syntax;
// `regex` tells of a pattern only whether it is one: lengths, first letters and columns of faults are its parser's.
use regex_syntax::ast::ErrorKind;
use regex_syntax::hir::{Hir, HirKind, literal};
use std::sync::{Arc, OnceLock};

use super::engine::{By, Context, Manual, Matcher, Scope};
use super::rule::{Check, GroupRef, Rule, RuleError, RuleKind, RuleScope};

/// Who wins where passages overlap: the smallest.
pub(super) type Order = (u8, u8, u64);

/// Which texts something applies to.
#[derive(Clone, Debug)]
enum Reach {
    Rule { scope: RuleScope, fields: Vec<String>, roles: Vec<String> },
    Manual(Scope),
}

/// What to look for.
#[derive(Clone, Debug)]
pub(super) enum Find {
    Regex(Arc<Lazy>),
    Literal { text: String, ignore_case: bool },
}

/// A pattern that was parsed, and is compiled when a text first asks for it: most rules never meet one.
#[derive(Debug)]
pub(super) struct Lazy {
    text: String,
    ignore_case: bool,
    dotall: bool,
    regex: OnceLock<Result<Regex, String>>,
}

impl Lazy {
    /// The regex; `None` where it is too large for this program, which [`Lazy::check`] says beforehand.
    pub(super) fn regex(&self) -> Option<&Regex> {
        self.compiled().as_ref().ok()
    }

    /// Compiles it now.
    fn check(&self) -> Result<(), String> {
        self.compiled().as_ref().map(drop).map_err(String::clone)
    }

    fn compiled(&self) -> &Result<Regex, String> {
        self.regex.get_or_init(|| {
            let syntax = syntax::Config::new()
                .case_insensitive(self.ignore_case)
                .dot_matches_new_line(self.dotall);
            let config = Config::new().nfa_size_limit(Some(COMPILED_MAX));
            let regex = Regex::builder().syntax(syntax).configure(config).build(&self.text);
            regex.map_err(|error| format!("bad regex: {error}"))
        })
    }
}

/// A rule or a manual redaction, made ready. Copies share what was compiled.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    pub(super) by: By,
    pub(super) order: Order,
    pub(super) find: Find,
    pub(super) group: usize,
    pub(super) entropy: Option<f64>,
    pub(super) allow: Vec<Arc<Lazy>>,
    pub(super) allow_before: Vec<Arc<Lazy>>,
    pub(super) check: Option<Check>,
    pub(super) window: Option<usize>,
    /// Matches differ in length: a wrapped one may run on into words that do not belong to it.
    pub(super) varies: bool,
    /// A match ends where a word ends: what is joined behind a wrapped one hides its end.
    pub(super) bounded: bool,
    /// A match begins where a word begins.
    pub(super) begins_word: bool,
    /// What a match begins with, where that is at the keyword and one of a few texts.
    pub(super) heads: Option<Vec<Vec<u8>>>,
    pub(super) dots: Option<usize>,
    pub(super) keywords: Vec<String>,
    pub(super) base64: bool,
    pub(super) echo: bool,
    /// A token: it is none where it stands within a longer run of its characters.
    pub(super) is_token: bool,
    pub(super) shown: String,
    reach: Reach,
}

/// A secret shorter than this is no literal but an accident.
pub(super) const LITERAL_MIN: usize = 3;
/// A token that begins so near to its keyword is searched again, up to the end of the line after the break.
const BOUNDED_WINDOW: usize = 16;

const LINEAR: &str = "the regex engine is linear-time; rewrite without look-around and back-references, \
for example with secret_group and allow";

/// A pattern, and what [`Compiled`] says of it.
struct Pattern {
    find: Arc<Lazy>,
    /// Names of the groups, from 0 on.
    groups: Vec<Option<String>>,
    varies: bool,
    bounded: bool,
    begins_word: bool,
    heads: Option<Vec<Vec<u8>>>,
}

/// What every match begins with, where that is one of a few texts.
fn heads(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let prefixes = literal::Extractor::new().limit_total(16).extract(hir);
    Some(prefixes.literals()?.iter().map(|literal| literal.as_bytes().to_vec()).collect())
}

/// How much memory one pattern may take when it is compiled, in bytes.
const COMPILED_MAX: usize = 16 << 20;

/// Parses one pattern, or says why it cannot be used.
fn parse(text: &str, ignore_case: bool, dotall: bool) -> Result<Hir, String> {
    let mut parser = regex_syntax::ParserBuilder::new()
        .case_insensitive(ignore_case)
        .dot_matches_new_line(dotall)
        .build();
    let hir = parser.parse(text).map_err(|error| match error {
        regex_syntax::Error::Parse(error) => match error.kind() {
            kind @ (ErrorKind::UnsupportedLookAround | ErrorKind::UnsupportedBackreference) => {
                format!("{kind}: {LINEAR}")
            }
            kind => format!("bad regex at column {}: {kind}", error.span().start.column),
        },
        regex_syntax::Error::Translate(error) => format!("bad regex: {}", error.kind()),
        error => format!("bad regex: {error}"),
    })?;
    if hir.properties().minimum_len().is_none() {
        return Err("the pattern matches nothing".into());
    }
    if hir.properties().minimum_len() == Some(0) {
        return Err("the pattern matches the empty text: it would hide nothing, everywhere".into());
    }
    Ok(hir)
}

/// Parses one pattern, and says of it what a search needs to know.
fn pattern(text: &str, ignore_case: bool, dotall: bool) -> Result<Pattern, String> {
    let hir = parse(text, ignore_case, dotall)?;
    let lengths = hir.properties();
    let varies = lengths.maximum_len() != lengths.minimum_len();
    let mut groups = vec![None; hir.properties().explicit_captures_len() + 1];
    name_groups(&hir, &mut groups);
    Ok(Pattern {
        find: Arc::new(Lazy { text: text.into(), ignore_case, dotall, regex: OnceLock::new() }),
        groups,
        varies,
        bounded: lengths.look_set_suffix().contains_word(),
        begins_word: lengths.look_set_prefix().contains_word(),
        heads: heads(&hir),
    })
}

/// The parser bounds how deep a pattern nests.
fn name_groups(hir: &Hir, names: &mut [Option<String>]) {
    match hir.kind() {
        HirKind::Capture(capture) => {
            if let Some(name) = names.get_mut(capture.index as usize) {
                *name = capture.name.as_deref().map(str::to_string);
            }
            name_groups(&capture.sub, names);
        }
        HirKind::Repetition(repetition) => name_groups(&repetition.sub, names),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().for_each(|part| name_groups(part, names));
        }
        _ => {}
    }
}

/// Whether a marker is given by its name; the Python tool gives a regular expression.
fn is_name(pattern: &str) -> bool {
    let name = marker_name(pattern);
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_".contains(c))
}

fn marker_name(pattern: &str) -> &str {
    let name = pattern.trim().trim_matches(['[', ']']);
    name.split([' ', ':', '…']).next().unwrap_or_default()
}

/// The pattern of a marker: `[name …]`, or `[name]` to `[/name]`.
fn marker(name: &str) -> String {
    let name = regex::escape(marker_name(name));
    format!(r"(?is)\[{name}\].*?\[/{name}\]|\[{name}(?:[\s:][^\[\]]*)?\]")
}

/// Parses the patterns of what stays.
fn allowed(key: &str, list: &[String]) -> Result<Vec<Arc<Lazy>>, String> {
    let one = |allow: &String| pattern(allow, false, false).map(|allow| allow.find);
    list.iter().map(one).collect::<Result<_, _>>().map_err(|why| format!("{key}: {why}"))
}

fn group(groups: &[Option<String>], wanted: Option<&GroupRef>) -> Result<usize, String> {
    let named = |name: &str| groups.iter().position(|known| known.as_deref() == Some(name));
    match wanted {
        None => Ok(named("secret").unwrap_or(0)),
        Some(GroupRef::Index(index)) if *index < groups.len() => Ok(*index),
        Some(GroupRef::Index(index)) => Err(format!(
            "secret_group {index} does not exist: the pattern has {} groups",
            groups.len().saturating_sub(1)
        )),
        Some(GroupRef::Name(name)) => named(name)
            .ok_or_else(|| format!("secret_group \"{name}\" does not exist in the pattern")),
    }
}

impl Compiled {
    /// Compiles the rule at `index`; a rule that is not in force is compiled too, so that its faults show.
    pub(super) fn rule(rule: &Rule, index: usize) -> Result<Compiled, RuleError> {
        let fail = |reason: String| RuleError::rule(&rule.id, reason);
        if rule.pattern.trim().is_empty() {
            return Err(fail("the pattern is empty".into()));
        }
        if !rule.near.is_empty() && rule.kind != RuleKind::Token {
            return Err(fail("`near` belongs to rules of the type token".into()));
        }
        if rule.replacement.as_deref() == Some("") {
            return Err(fail(
                "the replacement is empty: leave it out for `[redacted:<id>]`".into(),
            ));
        }
        let index = u32::try_from(index).map_err(|_| fail("too many rules".into()))?;
        let mut compiled = Compiled {
            by: By::Rule(index),
            order: (1, rule.scope as u8, u64::from(index)),
            find: Find::Literal { text: rule.pattern.clone(), ignore_case: rule.ignore_case },
            group: 0,
            entropy: rule.entropy,
            allow: Vec::new(),
            allow_before: Vec::new(),
            check: rule.check,
            window: rule.window,
            varies: false,
            bounded: false,
            begins_word: false,
            heads: None,
            dots: rule.dots,
            keywords: rule.keywords.iter().map(|word| word.to_ascii_lowercase()).collect(),
            base64: rule.base64,
            echo: rule.echo,
            is_token: rule.kind == RuleKind::Token,
            shown: rule.shown(),
            reach: Reach::Rule {
                scope: rule.scope,
                fields: rule.fields.clone(),
                roles: rule.roles.clone(),
            },
        };
        let regex = match rule.kind {
            RuleKind::Regex => rule.pattern.clone(),
            RuleKind::Token => token::pattern(rule),
            RuleKind::Marker if is_name(&rule.pattern) => marker(&rule.pattern),
            RuleKind::Marker => rule.pattern.clone(),
            RuleKind::Literal if rule.pattern.chars().count() < LITERAL_MIN => {
                return Err(fail(format!("a literal needs at least {LITERAL_MIN} characters")));
            }
            RuleKind::Literal if rule.is_more_than_its_text() => regex::escape(&rule.pattern),
            RuleKind::Literal => return Ok(compiled),
        };
        let Pattern { find, groups, varies, bounded, begins_word, heads } =
            token::read(rule, regex).map_err(fail)?;
        compiled.group = group(&groups, rule.secret_group.as_ref()).map_err(fail)?;
        compiled.varies = varies;
        token::complete(&mut compiled, rule, heads.as_deref()).map_err(fail)?;
        compiled.begins_word = begins_word && compiled.window == Some(0);
        let near = compiled.window.is_some_and(|window| window <= BOUNDED_WINDOW);
        compiled.heads = heads.filter(|_| compiled.window == Some(0));
        compiled.bounded = bounded && near && !compiled.keywords.is_empty();
        if compiled.keywords.is_empty() && rule.kind == RuleKind::Marker && is_name(&rule.pattern) {
            compiled.keywords.push(format!("[{}", marker_name(&rule.pattern)).to_ascii_lowercase());
        }
        compiled.find = Find::Regex(find);
        compiled.allow = allowed("allow", &rule.allow).map_err(fail)?;
        compiled.allow_before = allowed("allow_before", &rule.allow_before).map_err(fail)?;
        Ok(compiled)
    }

    /// Compiles what a person hid.
    pub(super) fn manual(manual: &Manual) -> Result<Compiled, RuleError> {
        let fail =
            |reason: String| RuleError::file(None, format!("redaction {}: {reason}", manual.id));
        let (find, varies) = match &manual.matcher {
            Matcher::Literal { text, .. } if text.is_empty() => {
                return Err(fail("nothing to look for".into()));
            }
            Matcher::Literal { text, ignore_case } => {
                (Find::Literal { text: text.clone(), ignore_case: *ignore_case }, false)
            }
            Matcher::Regex(text) => {
                let Pattern { find, varies, .. } = pattern(text, false, false).map_err(fail)?;
                (Find::Regex(find), varies)
            }
        };
        if manual.replacement.is_empty() {
            return Err(fail("the replacement is empty".into()));
        }
        Ok(Compiled {
            by: By::Manual(manual.id),
            order: (0, manual.rank, manual.id.get()),
            find,
            group: 0,
            entropy: None,
            allow: Vec::new(),
            allow_before: Vec::new(),
            check: None,
            window: None,
            varies,
            bounded: false,
            begins_word: false,
            heads: None,
            dots: None,
            keywords: Vec::new(),
            base64: false,
            echo: false,
            is_token: false,
            shown: manual.replacement.clone(),
            reach: Reach::Manual(manual.scope.clone()),
        })
    }

    /// Compiles all its patterns now, or says why one cannot be.
    pub(super) fn check(&self, rules: &[Rule]) -> Result<(), RuleError> {
        let patterns = match &self.find {
            Find::Regex(find) => Some(("", find)),
            Find::Literal { .. } => None,
        };
        let allow = self.allow.iter().chain(&self.allow_before).map(|allow| ("allow: ", allow));
        patterns.into_iter().chain(allow).try_for_each(|(of, pattern)| {
            let why = |why: String| format!("{of}{why}");
            pattern.check().map_err(why).map_err(|why| match self.by {
                By::Rule(index) => match rules.get(index as usize) {
                    Some(rule) => RuleError::rule(&rule.id, why),
                    None => RuleError::file(None, why),
                },
                By::Manual(id) => RuleError::file(None, format!("redaction {id}: {why}")),
            })
        })
    }

    /// Whether a match can begin with a keyword as it is spelled here: in capitals or not.
    pub(super) fn may_begin(&self, keyword: &[u8]) -> bool {
        let fits = |head: &Vec<u8>| keyword.iter().zip(head).all(|(a, b)| a == b);
        self.heads.as_ref().is_none_or(|heads| heads.iter().any(fits))
    }

    /// Whether a JSON number that it finds is hidden.
    pub(super) fn hides_numbers(&self) -> bool {
        self.check == Some(Check::Luhn)
            || matches!(self.by, By::Manual(_))
            || matches!(self.find, Find::Literal { .. })
    }

    /// Whether it applies to the text at this place.
    pub(super) fn applies(&self, at: &Context<'_>) -> bool {
        match &self.reach {
            Reach::Manual(Scope::Global) => true,
            Reach::Manual(_) if at.is_anybodys => true,
            Reach::Manual(Scope::Session(id)) => at.sessions.contains(id),
            Reach::Manual(Scope::Repo(repo)) => at.repo == Some(repo),
            Reach::Rule { scope, fields, roles } => {
                let here = |field: &String| match field.split_once('.') {
                    Some((table, column)) => table == at.table && column == at.column,
                    None => field == at.column || field == at.table,
                };
                let role = |name: &String| at.role.is_some_and(|role| role == name);
                let asked = at.table.ends_with("prompts") || at.role == Some("user");
                let field = *scope == RuleScope::Field && fields.is_empty();
                (*scope != RuleScope::Prompt || asked)
                    && !(field && asked)
                    && (fields.is_empty() || fields.iter().any(here))
                    && (roles.is_empty() || roles.iter().any(role))
            }
        }
    }
}
