//! A checkpoint: how large the tree was and what its root was, in three lines that can be signed.

use crate::note::{Note, NoteError};
use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use codex_ledger_entry::TreeHash;

/// The head of a log's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: of this program `codex-ledger/LEDGER/ORIGIN`, both ids in hex.
    pub origin: String,
    /// Count of leaves.
    pub size: u64,
    /// Root of the tree.
    pub root: TreeHash,
}

/// Why a note is no checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is no signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Its text is not that of a checkpoint.
    #[error("not a checkpoint: {0}")]
    Text(&'static str),
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root.0))
    }

    /// A note of it without signatures yet.
    ///
    /// # Errors
    /// When the origin is none.
    pub fn note(&self) -> Result<Note, CheckpointError> {
        Checkpoint::of_text(&self.text())?;
        Ok(Note::new(self.text())?)
    }

    /// Reads the checkpoint of a note. Nothing vouches for it until the note's signatures were verified. Lines behind the
    /// third are for others to read.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<(Checkpoint, Note), CheckpointError> {
        let note = Note::parse(text)?;
        Ok((Checkpoint::of_text(&note.text)?, note))
    }

    /// Reads the checkpoints of a file that has one note behind the other, as they were made.
    ///
    /// # Errors
    /// When it has none, or one of them is none.
    pub fn parse_all(text: &str) -> Result<Vec<(Checkpoint, Note)>, CheckpointError> {
        let mut notes: Vec<String> = Vec::new();
        let mut is_signed = true;
        for line in text.split_inclusive('\n') {
            let is_signature = line.starts_with('\u{2014}');
            match notes.last_mut().filter(|_| is_signature || !is_signed) {
                Some(note) => note.push_str(line),
                None => notes.push(line.to_string()),
            }
            is_signed = is_signature;
        }
        if notes.is_empty() {
            return Err(CheckpointError::Text("there is nothing in it"));
        }
        notes.iter().map(|note| Checkpoint::parse(note)).collect()
    }

    pub(crate) fn of_text(text: &str) -> Result<Checkpoint, CheckpointError> {
        let lines: Vec<&str> = text.trim_end_matches('\n').split('\n').collect();
        let [origin, size, root, extensions @ ..] = &lines[..] else {
            return Err(CheckpointError::Text("it has less than three lines"));
        };
        if origin.is_empty() || extensions.iter().any(|line| line.is_empty()) {
            return Err(CheckpointError::Text("a line is empty"));
        }
        let size: u64 = decimal(size).ok_or(CheckpointError::Text("the size is no number"))?;
        let root = hash(root).ok_or(CheckpointError::Text("the root is no hash"))?;
        Ok(Checkpoint { origin: (*origin).to_string(), size, root })
    }
}

/// Digits without leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_shortest = text == "0" || !text.starts_with('0');
    (is_plain && is_shortest).then(|| text.parse().ok()).flatten()
}

/// A hash in base64.
pub(crate) fn hash(text: &str) -> Option<TreeHash> {
    BASE64.decode(text).ok()?.try_into().ok().map(TreeHash)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

    #[test]
    fn the_example_is_read_and_written() {
        let (checkpoint, note) = Checkpoint::parse(EXAMPLE).unwrap();
        assert_eq!(
            (checkpoint.origin.as_str(), checkpoint.size),
            ("example.com/behind-the-sofa", 20_852_163)
        );
        assert_eq!(checkpoint.text(), note.text);
        assert_eq!(note.to_string(), EXAMPLE);
    }

    #[test]
    fn one_note_follows_the_other() {
        let all = Checkpoint::parse_all(&[EXAMPLE, EXAMPLE].concat()).unwrap();
        assert_eq!(
            all.iter().map(|(_, note)| note.to_string()).collect::<String>(),
            [EXAMPLE; 2].concat()
        );
        assert_eq!(Checkpoint::parse_all(EXAMPLE).unwrap().len(), 1);
        for wrong in ["", "\n", &EXAMPLE[..EXAMPLE.len() / 2], &format!("{EXAMPLE}x\n")] {
            assert!(Checkpoint::parse_all(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let root = BASE64.encode([1; 32]);
        let of = |text: &str| Checkpoint::of_text(text);
        assert!(of(&format!("a\n0\n{root}\n")).is_ok());
        assert!(of(&format!("a\n1\n{root}\nextension\n")).is_ok());
        for wrong in [
            "a\n1\n".to_string(),
            format!("\n1\n{root}\n"),
            format!("a\n01\n{root}\n"),
            format!("a\n-1\n{root}\n"),
            format!("a\n+1\n{root}\n"),
            format!("a\n99999999999999999999\n{root}\n"),
            format!("a\n1\n{}\n", &root[..40]),
            format!("a\n1\n{}\n", BASE64.encode([1; 31])),
            format!("a\n1\n{root}\n\nb\n"),
        ] {
            assert!(of(&wrong).is_err(), "{wrong}");
        }
    }
}
