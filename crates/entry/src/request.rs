//! What a program that asks twice for the same, not knowing whether the first time was heard, is recognised by.

use super::fields::{Fields, FieldsBuilder};

/// Bytes of each of its parts.
const LEN: usize = 16;
const KEY: &str = "request";
const CONTENT: &str = "request_content";

/// A request that has a key of its own; it stands in each entry that it makes, so that it is done once whatever happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId {
    /// Digest of who asks and of the key.
    pub key: [u8; LEN],
    /// Digest of what is asked.
    pub content: [u8; LEN],
}

impl RequestId {
    /// Names of its fields, for whoever reads an entry's fields one by one.
    pub const FIELDS: [&str; 2] = [KEY, CONTENT];

    /// Digests; `secret` is the ledger's, so that nobody else can try what was asked.
    pub fn new(secret: &[u8; 32], actor: &str, key: &str, content: &[u8]) -> RequestId {
        let digest = |parts: [&[u8]; 3]| {
            let mut hasher = blake3::Hasher::new_keyed(secret);
            for part in parts {
                hasher.update(&(part.len() as u64).to_be_bytes()).update(part);
            }
            let hash = *hasher.finalize().as_bytes();
            let mut short = [0; LEN];
            short.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
            short
        };
        RequestId {
            key: digest([b"request key", actor.as_bytes(), key.as_bytes()]),
            content: digest([b"request content", content, b""]),
        }
    }

    /// The body of an entry, with the fields of the request behind its own.
    pub fn stamp(&self, mut body: Vec<u8>) -> Vec<u8> {
        let fields = FieldsBuilder::default().add(KEY, self.key).add(CONTENT, self.content);
        body.extend(fields.finish());
        body
    }

    /// The request that an entry's body names.
    pub fn of(body: &[u8]) -> Option<RequestId> {
        let fields = Fields::parse(body).ok()?;
        let part = |name: &str| fields.get(name)?.try_into().ok();
        Some(RequestId { key: part(KEY)?, content: part(CONTENT)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_keeps_its_fields_and_names_its_request() {
        let id = RequestId::new(&[7; 32], "ada", "k-1", b"{}");
        let body = id.stamp(FieldsBuilder::default().add("actor", "ada").finish());
        assert_eq!(RequestId::of(&body), Some(id));
        assert_eq!(Fields::parse(&body).unwrap().text("actor").as_deref(), Some("ada"));
        assert_eq!(RequestId::of(b""), None);
        let others = [("bob", "k-1", &[7; 32]), ("ada", "k-2", &[7; 32]), ("ada", "k-1", &[8; 32])];
        for (actor, key, secret) in others {
            assert_ne!(RequestId::new(secret, actor, key, b"{}").key, id.key);
        }
        // What ends one part does not begin the next.
        assert_ne!(RequestId::new(&[7; 32], "adak", "-1", b"{}").key, id.key);
    }
}
