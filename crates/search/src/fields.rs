//! What is indexed of a text, and how its words are split.

use crate::words::Words;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// The words of the index are split so.
pub(crate) const TOKENIZER: &str = "words";

/// Where things are in the index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    pub(crate) text: Field,
    pub(crate) stream: Field,
    pub(crate) source: Field,
    pub(crate) place: [Field; 3],
    pub(crate) at_ms: Field,
    pub(crate) tool: Field,
    pub(crate) exit_code: Field,
}

pub(crate) const STREAM: &str = "stream";
pub(crate) const SOURCE: &str = "source";
pub(crate) const PLACE: [&str; 3] = ["line", "part", "item"];
pub(crate) const AT_MS: &str = "at_ms";
pub(crate) const TOOL: &str = "tool";
pub(crate) const EXIT_CODE: &str = "exit_code";

pub(crate) fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(TOKENIZER)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let fields = Fields {
        text: schema.add_text_field("text", TextOptions::default().set_indexing_options(indexing)),
        stream: schema.add_u64_field(STREAM, INDEXED | FAST),
        source: schema.add_i64_field(SOURCE, FAST),
        place: PLACE.map(|name| schema.add_i64_field(name, FAST)),
        at_ms: schema.add_i64_field(AT_MS, FAST),
        tool: schema.add_text_field(TOOL, TextOptions::default().set_fast("raw")),
        exit_code: schema.add_i64_field(EXIT_CODE, FAST),
    };
    (schema.build(), fields)
}

/// Splits texts into words as they are asked for.
#[derive(Clone, Default)]
pub(crate) struct Splitter {
    token: Token,
}

pub(crate) struct Split<'a> {
    words: Words<'a>,
    token: &'a mut Token,
}

impl Tokenizer for Splitter {
    type TokenStream<'a> = Split<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Split<'a> {
        self.token.reset();
        Split { words: Words::of(text), token: &mut self.token }
    }
}

impl TokenStream for Split<'_> {
    fn advance(&mut self) -> bool {
        let Some(place) = self.words.next_into(&mut self.token.text) else { return false };
        self.token.position = self.token.position.wrapping_add(1);
        (self.token.offset_from, self.token.offset_to) = (place.start, place.end);
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}
