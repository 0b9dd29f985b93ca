//! The numbers beside the words: what a question asks of them, and what is told of a text that was found.

use crate::fields::{AT_MS, EXIT_CODE, PLACE, SOURCE, STREAM, TOOL};
use crate::question::{Exit, Question};
use crate::shard::Result;
use crate::sums::Said;
use std::fmt;
use tantivy::columnar::{Column, StrColumn};
use tantivy::{DocId, SegmentReader};

/// The kind of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// What a person asked.
    Prompt,
    /// What was said to them.
    Message,
    /// What a client put in.
    Context,
    /// Thoughts.
    Reasoning,
    /// A step of a plan.
    Plan,
    /// A call.
    Call,
    /// What it gave.
    Output,
    /// The path of a file that was changed.
    File,
    /// How a turn ended, and other words of the client.
    Turn,
    /// The name of a session.
    Name,
}

impl Source {
    /// All of them, in the order of their numbers in the index.
    pub const ALL: [Source; 10] = [
        Source::Prompt,
        Source::Message,
        Source::Context,
        Source::Reasoning,
        Source::Plan,
        Source::Call,
        Source::Output,
        Source::File,
        Source::Turn,
        Source::Name,
    ];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Source::Prompt => "prompt",
            Source::Message => "message",
            Source::Context => "context",
            Source::Reasoning => "reasoning",
            Source::Plan => "plan",
            Source::Call => "call",
            Source::Output => "output",
            Source::File => "file",
            Source::Turn => "turn",
            Source::Name => "name",
        }
    }

    fn of_number(number: i64) -> Option<Source> {
        Source::ALL.get(usize::try_from(number).ok()?).copied()
    }

    pub(crate) fn number(self) -> i64 {
        self as i64
    }
}

/// The numbers of a segment's texts.
pub(crate) struct Columns {
    stream: Column<u64>,
    source: Column<i64>,
    place: [Column<i64>; 3],
    at_ms: Column<i64>,
    tool: Option<StrColumn>,
    exit_code: Column<i64>,
}

impl Columns {
    pub(crate) fn of(segment: &SegmentReader) -> Result<Columns> {
        let columns = segment.fast_fields();
        let [line, part, item] = PLACE;
        Ok(Columns {
            stream: columns.u64(STREAM)?,
            source: columns.i64(SOURCE)?,
            place: [columns.i64(line)?, columns.i64(part)?, columns.i64(item)?],
            at_ms: columns.i64(AT_MS)?,
            tool: columns.str(TOOL)?,
            exit_code: columns.i64(EXIT_CODE)?,
        })
    }
}

/// What a question asks of the numbers of a text.
pub(crate) struct Narrow {
    source: Option<i64>,
    tool: Option<u64>,
    exit: Option<Exit>,
    since_ms: Option<i64>,
    until_ms: Option<i64>,
}

impl Narrow {
    /// None where the segment has nothing of the kind.
    pub(crate) fn of(question: &Question, columns: &Columns) -> Result<Option<Narrow>> {
        let tool = match (&question.tool, &columns.tool) {
            (None, _) => None,
            (Some(_), None) => return Ok(None),
            (Some(tool), Some(column)) => match column.dictionary().term_ord(tool)? {
                None => return Ok(None),
                ord => ord,
            },
        };
        let Question { source, exit, since_ms, until_ms, .. } = *question;
        let source = source.map(Source::number);
        Ok(Some(Narrow { source, tool, exit, since_ms, until_ms }))
    }

    pub(crate) fn has(&self, columns: &Columns, doc: DocId) -> bool {
        let is_time = |is_in: &dyn Fn(i64) -> bool| columns.at_ms.first(doc).is_some_and(is_in);
        self.source.is_none_or(|source| columns.source.first(doc) == Some(source))
            && self.tool.is_none_or(|tool| {
                columns
                    .tool
                    .as_ref()
                    .is_some_and(|column| column.term_ords(doc).next() == Some(tool))
            })
            && self.exit.is_none_or(|exit| {
                let code = columns.exit_code.first(doc);
                match exit {
                    Exit::Is(wanted) => code == Some(wanted),
                    Exit::Failed => code.is_some_and(|code| code != 0),
                }
            })
            && self.since_ms.is_none_or(|since| is_time(&|at| at >= since))
            && self.until_ms.is_none_or(|until| is_time(&|at| at < until))
    }
}

/// A text that was found.
pub struct Hit<'s> {
    pub(crate) columns: &'s Columns,
    pub(crate) doc: DocId,
    /// Higher is better; 0 where no words were asked for.
    pub score: f64,
}

impl fmt::Debug for Hit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hit").field("doc", &self.doc).field("score", &self.score).finish()
    }
}

impl Hit<'_> {
    /// Its kind.
    pub fn source(&self) -> Option<Source> {
        self.columns.source.first(self.doc).and_then(Source::of_number)
    }

    /// Its stream.
    pub fn stream(&self) -> u64 {
        self.columns.stream.first(self.doc).unwrap_or_default()
    }

    /// Line of the stream, part of the line, item of the part.
    pub fn place(&self) -> [i64; 3] {
        self.columns.place.each_ref().map(|column| column.first(self.doc).unwrap_or_default())
    }

    /// Line of the stream.
    pub fn line(&self) -> i64 {
        let [line, ..] = &self.columns.place;
        line.first(self.doc).unwrap_or_default()
    }

    /// When, UTC milliseconds.
    pub fn at_ms(&self) -> Option<i64> {
        self.columns.at_ms.first(self.doc)
    }

    /// Exit code, for calls and outputs.
    pub fn exit_code(&self) -> Option<i64> {
        self.columns.exit_code.first(self.doc)
    }

    /// Name of the tool.
    pub fn tool(&self) -> Option<String> {
        let column = self.columns.tool.as_ref()?;
        let ord = column.term_ords(self.doc).next()?;
        let mut tool = String::new();
        column.ord_to_str(ord, &mut tool).ok()?.then_some(tool)
    }

    /// All that is noted of it beside its words.
    pub(crate) fn said(&self) -> Said<'static> {
        Said {
            source: self.source().map(Source::number),
            place: self.place(),
            at_ms: self.at_ms(),
            tool: self.tool().map(Into::into),
            exit_code: self.exit_code(),
        }
    }
}
