//! How a stream is named: by what it is, not by where its file lies today.

use super::fields::{FieldError, Fields, FieldsBuilder};
use std::fmt;

/// The identity of a source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StreamName {
    /// A rollout: one thread, and the rollout id where the file name carries a second one.
    Rollout {
        /// Thread id as the file name spells it, lower case.
        thread: String,
        /// Id of this rollout when it differs from the thread's.
        rollout: Option<String>,
    },
    /// `history.jsonl` of a home.
    History(String),
    /// `session_index.jsonl` of a home.
    Index(String),
    /// A file that was given by hand and has no id in its name.
    File(String),
}

impl StreamName {
    /// Reads the text form back; text of no known form is a file's name.
    pub fn parse(text: &str) -> StreamName {
        match text.split_once('/') {
            Some(("rollout", id)) => match id.split_once('_') {
                Some((thread, rollout)) => {
                    StreamName::Rollout { thread: thread.into(), rollout: Some(rollout.into()) }
                }
                None => StreamName::Rollout { thread: id.into(), rollout: None },
            },
            Some(("history", home)) => StreamName::History(home.into()),
            Some(("index", home)) => StreamName::Index(home.into()),
            Some(("file", path)) => StreamName::File(path.into()),
            _ => StreamName::File(text.into()),
        }
    }

    /// `rollout`, `history`, `index` or `file`.
    pub fn kind(&self) -> &'static str {
        match self {
            StreamName::Rollout { .. } => "rollout",
            StreamName::History(_) => "history",
            StreamName::Index(_) => "index",
            StreamName::File(_) => "file",
        }
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamName::Rollout { thread, rollout: None } => write!(f, "rollout/{thread}"),
            StreamName::Rollout { thread, rollout: Some(rollout) } => {
                write!(f, "rollout/{thread}_{rollout}")
            }
            StreamName::History(home) => write!(f, "history/{home}"),
            StreamName::Index(home) => write!(f, "index/{home}"),
            StreamName::File(path) => write!(f, "file/{path}"),
        }
    }
}

/// How the bytes of a source lie in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Container {
    /// Lines.
    Plain,
    /// Lines, compressed with zstd; all offsets are those of the decompressed bytes.
    Zstd,
    /// One document, taken whole.
    Document,
}

impl Container {
    /// The one of that name.
    pub fn named(name: &str) -> Option<Container> {
        let all = [Container::Plain, Container::Zstd, Container::Document];
        all.into_iter().find(|container| container.name() == name)
    }

    /// A lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Container::Plain => "plain",
            Container::Zstd => "zstd",
            Container::Document => "document",
        }
    }
}

/// The body of an entry that opens a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamDescriptor {
    /// Identity of the source.
    pub name: StreamName,
    /// 0 for the first; one more each time the source was rewritten.
    pub generation: u32,
    /// How the file held the bytes when the stream was opened: a word of [`Container::name`].
    pub container: String,
    /// Where the file lay when the stream was opened; bytes, since paths need not be text.
    pub path: Vec<u8>,
}

impl StreamDescriptor {
    /// The body.
    pub fn encode(&self) -> Vec<u8> {
        FieldsBuilder::default()
            .add("name", self.name.to_string())
            .number("generation", u64::from(self.generation))
            .add("container", &self.container)
            .add("path", &self.path)
            .finish()
    }

    /// Reads the body back; absent fields get their plainest value.
    ///
    /// # Errors
    /// When the body is not made of fields.
    pub fn decode(body: &[u8]) -> Result<StreamDescriptor, FieldError> {
        let fields = Fields::parse(body)?;
        Ok(StreamDescriptor {
            name: StreamName::parse(&fields.text("name").unwrap_or_default()),
            generation: fields.number("generation").unwrap_or(0) as u32,
            container: fields.text("container").unwrap_or_default(),
            path: fields.get("path").unwrap_or_default().to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for text in ["rollout/a", "rollout/a_b", "history/h/x", "index/i", "file/dir/x.jsonl"] {
            assert_eq!(StreamName::parse(text).to_string(), text);
        }
    }

    #[test]
    fn descriptors_round_trip() {
        let descriptor = StreamDescriptor {
            name: StreamName::Rollout { thread: "t".into(), rollout: Some("r".into()) },
            generation: 3,
            container: "zstd".into(),
            path: b"/p/\xff".to_vec(),
        };
        assert_eq!(StreamDescriptor::decode(&descriptor.encode()), Ok(descriptor));
    }
}
