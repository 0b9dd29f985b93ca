//! A shard: texts of some streams, and what is asked of them.

use crate::fields::{Fields, schema};
use crate::folder::Folder;
use crate::hit::{Columns, Hit, Narrow};
use crate::question::Question;
use crate::sums::{Held, Sums};
use crate::writer::{How, ShardWriter, written};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use tantivy::directory::error::OpenDirectoryError;
use tantivy::postings::Postings;
use tantivy::query::EnableScoring;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet, Index, IndexReader, ReloadPolicy, SegmentReader, TERMINATED};
use tempfile::TempDir;

/// Why an index cannot be read or written; it can be made anew at any time.
#[derive(Debug, thiserror::Error)]
pub enum SearchIndexError {
    /// What tantivy says.
    #[error("search index: {0}")]
    Index(#[from] tantivy::TantivyError),
    /// The folder.
    #[error("search index: {0}")]
    Folder(#[from] OpenDirectoryError),
    /// What is in the files makes no sense.
    #[error("search index: damaged")]
    Damaged,
}

impl From<std::io::Error> for SearchIndexError {
    fn from(error: std::io::Error) -> SearchIndexError {
        SearchIndexError::Index(error.into())
    }
}

pub(crate) type Result<T> = std::result::Result<T, SearchIndexError>;

/// What a shard was made from, as its maker says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// Version of the shard's form.
    pub version: i64,
    /// Whose views it was made from.
    pub ledger: String,
    /// The last entry that decided what may be shown.
    pub decided: i64,
    /// The streams in it, and when their rows were last written.
    pub streams: BTreeMap<u64, i64>,
}

/// A shard, open to be asked.
pub struct Shard {
    reader: IndexReader,
    fields: Fields,
    basis: Basis,
    /// Its folder, where nobody else knows of it.
    _scratch: Option<TempDir>,
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shard").field("basis", &self.basis).finish_non_exhaustive()
    }
}

/// What its files were like when they were known to be sound.
const SOUND: &str = "sound";

/// Whether the files are what was written. Their checksums are computed where a file was touched since that was known:
/// a number that is wrong can ask for more memory than there is.
fn is_sound(folder: &Path, index: &Index) -> Result<bool> {
    let now = files(folder)?;
    if fs::read_to_string(folder.join(SOUND)).is_ok_and(|known| known == now) {
        return Ok(true);
    }
    let is_sound = index.validate_checksum()?.is_empty();
    if is_sound {
        // Where nothing can be written, the next one looks again.
        fs::write(folder.join(SOUND), now).ok();
    }
    Ok(is_sound)
}

/// Notes that the files are what was written.
pub(crate) fn note_sound(folder: &Path) -> Result<()> {
    Ok(fs::write(folder.join(SOUND), files(folder)?)?)
}

/// Names, sizes and times of the files in a folder.
fn files(folder: &Path) -> Result<String> {
    let mut files = Vec::new();
    for file in fs::read_dir(folder)? {
        let file = file?;
        if file.file_name() != SOUND {
            let about = file.metadata()?;
            files.push(format!("{:?} {} {:?}\n", file.file_name(), about.len(), about.modified()?));
        }
    }
    files.sort_unstable();
    Ok(files.concat())
}

/// Does what reads a shard's files: damage in them may be met anywhere.
pub(crate) fn carefully<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or(Err(SearchIndexError::Damaged))
}

impl Shard {
    /// Opens the shard in a folder. Its bytes are looked at where a file was touched since that was done last.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub fn open(folder: &Path) -> Result<Shard> {
        Shard::opened(folder, is_sound)
    }

    /// Opens the shard in a folder, and looks at all of its bytes.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub fn open_and_check(folder: &Path) -> Result<Shard> {
        Shard::opened(folder, |_, index| Ok(index.validate_checksum()?.is_empty()))
    }

    fn opened(
        folder: &Path,
        is_sound: impl FnOnce(&Path, &Index) -> Result<bool>,
    ) -> Result<Shard> {
        carefully(|| {
            let index = Index::open(Folder::open(folder)?)?;
            let payload = index.load_metas()?.payload;
            let basis: Option<Basis> =
                payload.and_then(|payload| serde_json::from_str(&payload).ok());
            let basis = basis.ok_or(SearchIndexError::Damaged)?;
            let (schema, fields) = schema();
            if index.schema() != schema || !is_sound(folder, &index)? {
                return Err(SearchIndexError::Damaged);
            }
            let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual);
            let reader: IndexReader = reader.try_into()?;
            Ok(Shard { reader, fields, basis, _scratch: None })
        })
    }

    /// What it was made from.
    pub fn basis(&self) -> &Basis {
        &self.basis
    }

    /// Makes a shard in an empty folder: `write` gives it its texts.
    ///
    /// # Errors
    /// When the folder cannot be written, and as `write`.
    pub fn create<E: From<SearchIndexError>>(
        folder: &Path,
        basis: Basis,
        write: impl FnOnce(&mut ShardWriter) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        written(folder, How::Anew, basis, write)
    }

    /// Adds texts to a shard, and takes away those of the streams that `write` names.
    ///
    /// # Errors
    /// When the folder cannot be written or the shard is damaged, and as `write`.
    pub fn grow<E: From<SearchIndexError>>(
        folder: &Path,
        basis: Basis,
        write: impl FnOnce(&mut ShardWriter) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        written(folder, How::Grow, basis, write)
    }

    /// Makes a shard in a folder of its own, which goes with it.
    ///
    /// # Errors
    /// When there is no room for it, and as `write`.
    pub fn scratch<E: From<SearchIndexError>>(
        basis: Basis,
        write: impl FnOnce(&mut ShardWriter) -> std::result::Result<(), E>,
    ) -> std::result::Result<Shard, E> {
        let folder = tempfile::tempdir().map_err(SearchIndexError::from)?;
        Shard::create(folder.path(), basis, write)?;
        let shard = Shard::open(folder.path())?;
        Ok(Shard { _scratch: Some(folder), ..shard })
    }

    /// Calls `visit` with each text that a question finds, in no order.
    ///
    /// # Errors
    /// When the shard is damaged, and as `visit`.
    pub fn each<E>(
        &self,
        question: &Question,
        visit: &mut dyn FnMut(&Hit<'_>) -> std::result::Result<(), E>,
    ) -> Result<std::result::Result<(), E>> {
        carefully(|| {
            let searcher = self.reader.searcher();
            let query = question.query(&self.fields);
            let weight = query.weight(EnableScoring::enabled_from_searcher(&searcher))?;
            let is_scored = question.expression.is_some();
            for segment in searcher.segment_readers() {
                let columns = Columns::of(segment)?;
                let narrow = Narrow::of(question, &columns)?;
                let Some(narrow) = narrow else { continue };
                let mut scorer = weight.scorer(segment, 1.0)?;
                let mut doc = scorer.doc();
                while doc != TERMINATED {
                    if !segment.is_deleted(doc) && narrow.has(&columns, doc) {
                        let score = if is_scored { scorer.score().into() } else { 0.0 };
                        if let Err(error) = visit(&Hit { columns: &columns, doc, score }) {
                            return Ok(Err(error));
                        }
                    }
                    doc = scorer.advance();
                }
            }
            Ok(Ok(()))
        })
    }

    /// Whether a word stands in its files, of texts that were taken away, too: to see that it is gone.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn has_word(&self, word: &str) -> Result<bool> {
        carefully(|| {
            for segment in self.reader.searcher().segment_readers() {
                let index = segment.inverted_index(self.fields.text)?;
                if index.terms().get(word)?.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// What it holds of each stream.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn held(&self, sums: &Sums) -> Result<Held> {
        carefully(|| {
            let mut held = Held::new();
            for segment in self.reader.searcher().segment_readers() {
                let words = sums_of_words(segment, self.fields.text, sums)?;
                let columns = Columns::of(segment)?;
                for doc in segment.doc_ids_alive() {
                    let hit = Hit { columns: &columns, doc, score: 0.0 };
                    let of_words = words.get(doc as usize).copied().unwrap_or_default();
                    sums.add(&mut held, hit.stream(), &hit.said(), of_words);
                }
            }
            Ok(held)
        })
    }
}

/// For each text the sum of its words.
fn sums_of_words(segment: &SegmentReader, text: Field, sums: &Sums) -> Result<Vec<u64>> {
    let index = segment.inverted_index(text)?;
    let mut of_words = vec![0_u64; segment.max_doc() as usize];
    let mut terms = index.terms().stream()?;
    let mut places = Vec::new();
    while let Some((term, info)) = terms.next() {
        let term = sums.of_term(term);
        let option = IndexRecordOption::WithFreqsAndPositions;
        let mut postings = index.read_postings_from_terminfo(info, option)?;
        let mut doc = postings.doc();
        while doc != TERMINATED {
            postings.positions(&mut places);
            if let Some(sum) = of_words.get_mut(doc as usize) {
                for place in &places {
                    *sum = sum.wrapping_add(sums.of_word(term, *place));
                }
            }
            doc = postings.advance();
        }
    }
    Ok(of_words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hit::Source;
    use crate::question::{Exit, Expression, Phrase};
    use crate::writer::Doc;

    fn doc(stream: u64, line: i64, text: &str) -> Doc<'_> {
        let source = if line == 0 { Source::Context } else { Source::Output };
        let tool = (line > 1).then_some("shell");
        Doc {
            source,
            stream,
            place: [line, 0, 0],
            at_ms: Some(line * 10),
            tool,
            exit_code: Some(line - 1),
            text,
        }
    }

    fn shard(folder: &Path, docs: &[Doc<'_>]) -> Shard {
        Shard::create(folder, Basis::default(), |shard| {
            docs.iter().try_for_each(|doc| shard.add(doc))
        })
        .expect("it is written");
        Shard::open(folder).expect("it is whole")
    }

    fn found(shard: &Shard, question: &Question) -> Vec<i64> {
        let mut found = Vec::new();
        shard
            .each(question, &mut |hit| {
                found.push(hit.place()[0]);
                Ok::<_, SearchIndexError>(())
            })
            .expect("it is read")
            .expect("nothing fails");
        found.sort_unstable();
        found
    }

    fn words(words: &[&str], is_beginning: bool) -> Expression {
        let words = words.iter().map(|word| (*word).to_string()).collect();
        Expression::Phrase(Phrase { words, is_beginning })
    }

    fn asked(expression: Expression) -> Question {
        Question { expression: Some(expression), ..Question::default() }
    }

    #[test]
    fn questions_find_what_they_say() {
        let folder = tempfile::tempdir().expect("a folder");
        let texts = ["Tide tables", "the tide-table of Größe", "潮汐 tides", "ebb, tide; ebb"];
        let docs: Vec<Doc<'_>> =
            texts.iter().enumerate().map(|(line, text)| doc(7, line as i64, text)).collect();
        let shard = shard(folder.path(), &docs);
        for (expression, lines) in [
            (words(&["tide"], false), &[0, 1, 3][..]),
            (words(&["tide"], true), &[0, 1, 2, 3]),
            (words(&["tide", "table"], false), &[1]),
            (words(&["tide", "tab"], true), &[0, 1]),
            (words(&["grosse"], false), &[]),
            (words(&["große"], false), &[1]),
            (words(&["潮", "汐"], false), &[2]),
            (Expression::All(vec![words(&["tide"], false), words(&["ebb"], false)]), &[3]),
            (Expression::Any(vec![words(&["tides"], false), words(&["ebb"], false)]), &[2, 3]),
            (
                Expression::Without(words(&["tide"], true).into(), words(&["ebb"], false).into()),
                &[0, 1, 2],
            ),
        ] {
            assert_eq!(found(&shard, &asked(expression.clone())), lines, "{expression:?}");
        }
        let all = Question::default();
        assert_eq!(found(&shard, &all), [0, 1, 2, 3]);
        for (question, lines) in [
            (Question { source: Some(Source::Context), ..all.clone() }, &[0][..]),
            (Question { tool: Some("shell".into()), ..all.clone() }, &[2, 3]),
            (Question { tool: Some("none".into()), ..all.clone() }, &[]),
            (Question { exit: Some(Exit::Failed), ..all.clone() }, &[0, 2, 3]),
            (Question { exit: Some(Exit::Is(0)), ..all.clone() }, &[1]),
            (Question { since_ms: Some(10), until_ms: Some(30), ..all.clone() }, &[1, 2]),
        ] {
            assert_eq!(found(&shard, &question), lines, "{question:?}");
        }
    }

    #[test]
    fn a_shard_that_grew_holds_what_one_made_at_once_holds() {
        let [grown, fresh] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let (old, new, other) = (doc(1, 1, "ebb"), doc(1, 2, "flow of tides"), doc(2, 1, "kelp"));
        shard(grown.path(), &[old, other]);
        let basis = Basis { decided: 9, ..Basis::default() };
        Shard::grow(grown.path(), basis.clone(), |shard| {
            shard.remove(1);
            shard.add(&new)
        })
        .expect("it grows");
        let grown = Shard::open(grown.path()).expect("it is whole");
        assert_eq!(grown.basis(), &basis);
        let fresh = shard(fresh.path(), &[other, new]);
        let sums = Sums::default();
        let held = grown.held(&sums).expect("it is read");
        assert_eq!(held, fresh.held(&sums).expect("it is read"));
        assert_eq!(held.len(), 2);
        assert_eq!(held, sums.of_docs([other, new]), "what its texts say");
        assert_ne!(held, sums.of_docs([other, old]));
        assert!(found(&grown, &asked(words(&["ebb"], false))).is_empty());
    }

    #[test]
    fn a_shard_holds_what_its_texts_say_whatever_these_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let long = ["tide ", &"x".repeat(65_530), " ebb ", &"y".repeat(65_531), " flow"].concat();
        let texts = [&*long, "", "… — !", "潮汐 İİİ", "tide tide tide", "\u{0}\u{301}ebb"];
        let docs: Vec<Doc<'_>> = texts
            .iter()
            .enumerate()
            .map(|(line, text)| doc(line as u64, line as i64, text))
            .collect();
        let sums = Sums::default();
        let held = shard(folder.path(), &docs).held(&sums).expect("it is read");
        assert_eq!(held, sums.of_docs(docs.iter().copied()));
        for (at, _) in texts.iter().enumerate() {
            let mut other = docs.clone();
            other[at].text = "kelp";
            assert_ne!(held, sums.of_docs(other), "{at}");
        }
    }

    #[test]
    fn damage_is_an_error_or_no_difference() {
        let folder = tempfile::tempdir().expect("a folder");
        let texts: Vec<String> =
            (0..300).map(|n| format!("tide {n} of harbour {}", n % 7)).collect();
        let docs: Vec<Doc<'_>> =
            texts.iter().enumerate().map(|(line, text)| doc(7, line as i64, text)).collect();
        let sums = Sums::default();
        let held = shard(folder.path(), &docs).held(&sums).expect("it is read");
        let files: Vec<_> = fs::read_dir(folder.path()).expect("a folder").flatten().collect();
        for file in files {
            let whole = fs::read(file.path()).expect("a file");
            for at in (0..whole.len()).step_by(whole.len() / 40 + 1) {
                let mut bytes = whole.clone();
                bytes[at] ^= 0x11;
                fs::write(file.path(), &bytes).expect("it is written");
                if let Ok(shard) = Shard::open(folder.path()) {
                    assert_eq!(
                        shard.held(&sums).expect("it is read"),
                        held,
                        "{:?} {at}",
                        file.path()
                    );
                }
            }
            fs::write(file.path(), &whole[..whole.len() / 2]).expect("it is cut");
            let is_derived =
                [".managed.json", SOUND].contains(&&*file.file_name().to_string_lossy());
            assert!(Shard::open(folder.path()).is_err() || is_derived, "{:?}", file.path());
            fs::write(file.path(), &whole).expect("it is written");
        }
        assert_eq!(
            Shard::open(folder.path()).expect("whole").held(&sums).expect("it is read"),
            held
        );
    }
}
