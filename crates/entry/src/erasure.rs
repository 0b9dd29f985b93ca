//! The two entries of an erasure: the intent, and that it is done. They name what goes by numbers and keyed hashes alone.

use super::fields::{Fields, FieldsBuilder};
use super::seq::Seq;
use super::seq_set::SeqSet;

const THREAD_CONTEXT: &str = "codex-ledger v1 erased thread";

/// A thread that was erased as a whole, as the entries of an erasure name it.
pub type ThreadHash = [u8; 32];

/// What is erased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erasure {
    /// The entries whose bodies go.
    pub entries: SeqSet,
    /// The threads that go as a whole, and so do not come back.
    pub threads: Vec<ThreadHash>,
}

/// How the entries of an erasure name a thread; the key is that of what is derived from the ledger.
pub fn thread_hash(key: &[u8; 32], thread: &str) -> ThreadHash {
    let mut hasher = blake3::Hasher::new_derive_key(THREAD_CONTEXT);
    hasher.update(key).update(thread.to_ascii_lowercase().as_bytes());
    *hasher.finalize().as_bytes()
}

impl Erasure {
    /// The body of an intent.
    pub fn intent(&self, software: &str, actor: &str, reason: &str) -> Vec<u8> {
        let body = FieldsBuilder::default().add("verb", "erase").add("actor", actor);
        self.add_to(body.add("reason", reason), software).finish()
    }

    /// The body of an entry that says that it is done.
    pub fn done(&self, software: &str) -> Vec<u8> {
        self.add_to(FieldsBuilder::default().add("verb", "erase_done"), software).finish()
    }

    fn add_to(&self, body: FieldsBuilder, software: &str) -> FieldsBuilder {
        let body = body.add("detail", self.summary()).add("software", software);
        let body = body.add("entries", self.entries.to_string());
        self.threads.iter().fold(body, |body, thread| body.add("thread", thread))
    }

    /// How much goes, for people.
    fn summary(&self) -> String {
        let counted = |count: u64, one: &str, several: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {several}"),
        };
        let entries = counted(self.entries.len(), "entry", "entries");
        match self.threads.len() as u64 {
            0 => entries,
            threads => {
                format!("{entries}, {}", counted(threads, "whole session", "whole sessions"))
            }
        }
    }

    /// Reads either body, of the entry of that number; `None` for one that this version does not know, or that names
    /// what cannot be erased by it.
    pub fn decode(seq: Seq, body: &[u8]) -> Option<Erasure> {
        let fields = Fields::parse(body).ok()?;
        let entries: SeqSet = std::str::from_utf8(fields.get("entries")?).ok()?.parse().ok()?;
        let threads = fields.all("thread").map(|hash| hash.try_into().ok());
        let threads = threads.collect::<Option<Vec<ThreadHash>>>()?;
        let (first, last) = entries.bounds()?;
        (first > Seq::FIRST && last < seq).then_some(Erasure { entries, threads })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bodies_say_what_goes() {
        let entries: SeqSet = [3, 4, 9].map(Seq::new).into_iter().collect();
        let erasure = Erasure { entries, threads: vec![thread_hash(&[1; 32], "AB")] };
        let at = Seq::new(10);
        assert_eq!(
            Erasure::decode(at, &erasure.intent("s", "ada", "asked")),
            Some(erasure.clone())
        );
        assert_eq!(Erasure::decode(at, &erasure.done("s")), Some(erasure.clone()));
        assert_eq!(Erasure::decode(Seq::new(9), &erasure.done("s")), None, "not yet there");
        assert_eq!(Erasure::decode(at, &Erasure::default().done("s")), None, "nothing");
        assert_eq!(Erasure::decode(at, b""), None);
        let first = Erasure { entries: [Seq::FIRST].into_iter().collect(), threads: Vec::new() };
        assert_eq!(Erasure::decode(at, &first.done("s")), None, "the first entry stays");
        assert_eq!(thread_hash(&[1; 32], "ab"), erasure.threads[0]);
        assert_ne!(thread_hash(&[2; 32], "ab"), erasure.threads[0]);
    }
}
