//! What writes a shard.

use crate::fields::{Fields, Splitter, TOKENIZER, schema};
use crate::folder::Folder;
use crate::hit::Source;
use crate::shard::{Basis, Result, SearchIndexError, carefully, note_sound};
use std::fmt;
use std::path::Path;
use tantivy::indexer::{IndexWriter, IndexWriterOptions};
use tantivy::store::Compressor;
use tantivy::{Index, IndexSettings, TantivyDocument, Term};

/// Bytes of words that are gathered before they are written.
const GATHERED_BYTES: usize = 48 << 20;

/// A text to be found.
#[derive(Clone, Copy, Debug)]
pub struct Doc<'t> {
    /// Its kind.
    pub source: Source,
    /// Its stream.
    pub stream: u64,
    /// Line of the stream, part of the line, item of the part.
    pub place: [i64; 3],
    /// When, UTC milliseconds.
    pub at_ms: Option<i64>,
    /// Name of the tool, for calls and outputs.
    pub tool: Option<&'t str>,
    /// Exit code, for calls and outputs.
    pub exit_code: Option<i64>,
    /// What it says.
    pub text: &'t str,
}

/// Whether documents are added to what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Anew,
    Grow,
}

/// Takes the texts of a shard.
pub struct ShardWriter {
    writer: IndexWriter<TantivyDocument>,
    fields: Fields,
}

impl fmt::Debug for ShardWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardWriter").finish_non_exhaustive()
    }
}

impl ShardWriter {
    /// Takes away the texts of a stream that were there before.
    pub fn remove(&self, stream: u64) {
        self.writer.delete_term(Term::from_field_u64(self.fields.stream, stream));
    }

    /// Adds a text.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn add(&self, doc: &Doc<'_>) -> Result<()> {
        let fields = &self.fields;
        let mut made = TantivyDocument::default();
        made.add_text(fields.text, doc.text);
        made.add_u64(fields.stream, doc.stream);
        made.add_i64(fields.source, doc.source.number());
        for (field, value) in fields.place.iter().zip(doc.place) {
            made.add_i64(*field, value);
        }
        if let Some(at_ms) = doc.at_ms {
            made.add_i64(fields.at_ms, at_ms);
        }
        if let Some(tool) = doc.tool {
            made.add_text(fields.tool, tool);
        }
        if let Some(code) = doc.exit_code {
            made.add_i64(fields.exit_code, code);
        }
        self.writer.add_document(made)?;
        Ok(())
    }
}

pub(crate) fn written<E: From<SearchIndexError>>(
    folder: &Path,
    how: How,
    basis: Basis,
    write: impl FnOnce(&mut ShardWriter) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let (schema, fields) = schema();
    let opened = || {
        let folder = Folder::open(folder)?;
        // Nothing is stored in it but words and numbers.
        let settings =
            IndexSettings { docstore_compression: Compressor::None, ..Default::default() };
        let index = match how {
            How::Anew => Index::create(folder, schema, settings)?,
            How::Grow => Index::open(folder)?,
        };
        index.tokenizers().register(TOKENIZER, Splitter::default());
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(GATHERED_BYTES)
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        Ok(ShardWriter { writer: index.writer_with_options(options)?, fields })
    };
    let mut shard = carefully(opened)?;
    write(&mut shard)?;
    carefully(|| {
        let mut commit = shard.writer.prepare_commit()?;
        commit.set_payload(&serde_json::to_string(&basis).unwrap_or_default());
        commit.commit()?;
        shard.writer.wait_merging_threads()?;
        note_sound(folder)
    })?;
    Ok(())
}
