//! What holds of bytes and texts that are read on their own: headers, bodies of control entries, proofs, rules, settings.

use super::touch;
use codex_ledger_app::config::{Config, Trusted};
use codex_ledger_app::parse_rules;
use codex_ledger_entry::{
    Annotation, Erasure, Fields, HEADER_BYTES, Header, Seq, SeqSet, StreamDescriptor, leaf_hash,
};
use codex_ledger_proof::{
    Authority, Checkpoint, ConsistencyProof, Note, Signer, Stamp, TlogProof, Use, Verifier,
};
use codex_ledger_redaction::{RedactionRecord, RevocationRecord, RuleFormat, RuleSetRecord};
use std::path::Path;

/// An entry that is younger than whatever a body may name.
const YOUNG: Seq = Seq::new(1 << 40);

/// Reads the bytes as a header, and as each body that an entry of the ledger's own may have.
pub fn header(bytes: &[u8]) {
    if let Ok(header) = Header::decode(bytes) {
        touch(&header);
        assert!(header.encode() == bytes, "a header that is read is the one that is written");
    }
    if let Ok(fields) = Fields::parse(bytes) {
        touch(&(fields.names().count(), fields.parts().map(<[u8]>::len).sum::<usize>()));
        for name in ["entries", "thread", "name", "stream"] {
            touch(&(fields.text(name), fields.number(name), fields.seq(name)));
        }
    }
    if let Ok(stream) = StreamDescriptor::decode(bytes) {
        touch(&stream);
        let again = StreamDescriptor::decode(&stream.encode());
        assert!(again.as_ref() == Ok(&stream), "a stream's opener says the same again");
    }
    if let Some(annotation) = Annotation::decode(bytes) {
        touch(&annotation);
        let again = Annotation::decode(&annotation.encode());
        assert!(again.as_ref() == Some(&annotation), "an annotation says the same again");
    }
    if let Some(erasure) = Erasure::decode(YOUNG, bytes) {
        touch(&erasure);
        assert!(!erasure.entries.contains(Seq::FIRST), "the first entry is never erased");
        for body in [erasure.intent("s", "a", "r"), erasure.done("s")] {
            assert!(
                Erasure::decode(YOUNG, &body).as_ref() == Some(&erasure),
                "says the same again"
            );
        }
    }
    touch(&RedactionRecord::decode(bytes));
    touch(&RevocationRecord::decode(bytes));
    touch(&RuleSetRecord::decode(bytes));
    if let Ok(text) = str::from_utf8(bytes)
        && let Ok(set) = text.parse::<SeqSet>()
    {
        assert!(set.to_string().parse().as_ref() == Ok(&set), "a set is written as it is read");
    }
}

/// Reads the bytes as whatever a stranger hands in as evidence.
pub fn proof(bytes: &[u8]) {
    touch(&Stamp::parse(bytes).map(|stamp| {
        touch(&(stamp.token().len(), stamp.answer().map(|answer| answer.len()), stamp.answers(7)));
        assert!(stamp.verify(b"tides", &[]).is_err(), "nobody is trusted");
    }));
    touch(&Authority::parse_all(bytes).map(|authorities| authorities.len()));
    let Ok(text) = str::from_utf8(bytes) else { return };
    touch(&Verifier::parse(text.trim_end()));
    // Nothing here is signed by this key.
    let stranger = Signer::new("tides.example/log", Use::Log, &[9; 32]).expect("a key");
    let unsigned = |note: &Note| {
        touch(note);
        assert!(note.signed_by(stranger.verifier()).is_err(), "a signature that nobody made");
    };
    if let Ok(note) = Note::parse(text) {
        unsigned(&note);
    }
    if let Ok((checkpoint, note)) = Checkpoint::parse(text) {
        unsigned(&note);
        let own = checkpoint.note().expect("what was read can be written");
        assert!(own.to_string().starts_with(&checkpoint.text()), "a note begins with its text");
    }
    touch(&Checkpoint::parse_all(text).map(|all| all.len()));
    let Ok(leaf) = bytes.first_chunk::<HEADER_BYTES>().map(leaf_hash).ok_or(()) else { return };
    if let Ok(proof) = TlogProof::parse(text) {
        touch(&proof);
        assert!(proof.leads_to(&leaf).is_err(), "the proof of a leaf that holds the proof");
    }
    if let Ok(proof) = ConsistencyProof::parse(text) {
        touch(&proof);
    }
}

/// Reads the bytes as a file of rules, in each form.
pub fn rules(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    for format in [RuleFormat::Yaml, RuleFormat::Json, RuleFormat::Gitleaks] {
        match parse_rules(text, format, "fuzz") {
            Ok(rules) => {
                assert!(!rules.rules.is_empty(), "no rules at all");
                touch(&rules.digest());
            }
            Err(error) => assert!(!error.to_string().is_empty(), "a reason"),
        }
    }
}

/// Reads the bytes as a configuration, and as what was trusted.
pub fn config(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let base = Path::new("/base");
    match Config::parse(text, Path::new("config.toml"), base, Some(Path::new("/home/ada"))) {
        Ok(config) => {
            touch(&config);
            let all = config.roots();
            assert!(all.iter().all(|(_, root)| root.is_absolute()), "paths are resolved");
        }
        Err(error) => assert!(error.to_string().starts_with("config.toml: "), "names the file"),
    }
    if let Ok(trusted) = Trusted::parse(text) {
        assert!(Trusted::parse(&trusted.text()).as_ref() == Ok(&trusted), "says the same again");
    }
}
