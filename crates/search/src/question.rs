//! What is asked of an index.

use crate::fields::Fields;
use crate::hit::Source;
use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, FuzzyTermQuery, Occur, PhrasePrefixQuery, PhraseQuery, Query, TermQuery,
};
use tantivy::schema::IndexRecordOption;

/// Words that the beginning at the end of a phrase may stand for; room for all of them is made at once.
const EXPANSIONS_MAX: u32 = 4096;

/// A word, or words in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    /// The words, folded; never none.
    pub words: Vec<String>,
    /// Whether the last word is only the beginning of one.
    pub is_beginning: bool,
}

/// Words, and how they belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// These words.
    Phrase(Phrase),
    /// All of these.
    All(Vec<Expression>),
    /// Any of these.
    Any(Vec<Expression>),
    /// The first without the second.
    Without(Box<Expression>, Box<Expression>),
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With this code.
    Is(i64),
    /// With any other than 0.
    Failed,
}

/// What is looked for: words, and what else must be so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The words; none: everything that the rest leaves.
    pub expression: Option<Expression>,
    /// The kind of text.
    pub source: Option<Source>,
    /// The name of the tool.
    pub tool: Option<String>,
    /// How the call ended.
    pub exit: Option<Exit>,
    /// First moment, UTC milliseconds.
    pub since_ms: Option<i64>,
    /// End of the range, itself not in it.
    pub until_ms: Option<i64>,
}

impl Question {
    pub(crate) fn query(&self, fields: &Fields) -> Box<dyn Query> {
        match &self.expression {
            Some(expression) => query(expression, fields),
            None => Box::new(AllQuery),
        }
    }
}

fn query(expression: &Expression, fields: &Fields) -> Box<dyn Query> {
    let all = |of: &[Expression]| of.iter().map(|part| query(part, fields)).collect();
    match expression {
        Expression::Phrase(phrase) => of_phrase(phrase, fields),
        Expression::All(parts) => Box::new(BooleanQuery::intersection(all(parts))),
        Expression::Any(parts) => Box::new(BooleanQuery::union(all(parts))),
        Expression::Without(with, without) => Box::new(BooleanQuery::new(vec![
            (Occur::Must, query(with, fields)),
            (Occur::MustNot, query(without, fields)),
        ])),
    }
}

fn of_phrase(phrase: &Phrase, fields: &Fields) -> Box<dyn Query> {
    let term = |word: &String| Term::from_field_text(fields.text, word);
    match (&phrase.words[..], phrase.is_beginning) {
        ([], _) => Box::new(BooleanQuery::union(Vec::new())),
        ([word], false) => Box::new(TermQuery::new(term(word), IndexRecordOption::WithFreqs)),
        ([word], true) => Box::new(FuzzyTermQuery::new_prefix(term(word), 0, false)),
        (words, false) => Box::new(PhraseQuery::new(words.iter().map(term).collect())),
        (words, true) => {
            let mut query = PhrasePrefixQuery::new(words.iter().map(term).collect());
            query.set_max_expansions(EXPANSIONS_MAX);
            Box::new(query)
        }
    }
}
