//! Small structured bodies as length-prefixed fields, written by hand so that their bytes never change.

use super::seq::Seq;

/// Builds a body of fields.
#[derive(Default, Clone, Debug)]
pub struct FieldsBuilder {
    bytes: Vec<u8>,
}

impl FieldsBuilder {
    /// Adds a field.
    ///
    /// Names are constants of the program, so a name over 255 bytes is cut rather than reported.
    pub fn add(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = &name.as_bytes()[..name.len().min(255)];
        let value = value.as_ref();
        self.bytes.push(name.len() as u8);
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(&(value.len() as u32).to_be_bytes());
        self.bytes.extend_from_slice(value);
        self
    }

    /// Adds a number as decimal text.
    pub fn number(self, name: &str, value: u64) -> Self {
        self.add(name, value.to_string())
    }

    /// Adds the number of an entry.
    pub fn seq(self, name: &str, seq: Seq) -> Self {
        self.number(name, seq.get())
    }

    /// The finished body.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// A body that is not a sequence of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the fields of this body end too early, at byte {at}")]
pub struct FieldError {
    /// Where the field that does not fit begins.
    pub at: usize,
}

/// A decoded body of fields, borrowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields<'a>(Vec<(&'a [u8], &'a [u8])>);

impl<'a> Fields<'a> {
    /// Splits a body into its fields.
    ///
    /// # Errors
    /// When a length runs past the end.
    pub fn parse(body: &'a [u8]) -> Result<Fields<'a>, FieldError> {
        let mut fields = Vec::new();
        let mut rest = body;
        while !rest.is_empty() {
            let at = body.len() - rest.len();
            let (name, value, after) = Self::split_one(rest).ok_or(FieldError { at })?;
            fields.push((name, value));
            rest = after;
        }
        Ok(Fields(fields))
    }

    fn split_one(bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8], &'a [u8])> {
        let (&name_len, rest) = bytes.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(name_len))?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let (value, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        Some((name, value, rest))
    }

    /// The first field of that name.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.0.iter().find(|(n, _)| *n == name.as_bytes()).map(|(_, value)| *value)
    }

    /// The names of all fields, in order.
    pub fn names(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.0.iter().map(|(name, _)| *name)
    }

    /// The names and values of all fields, in order.
    pub fn parts(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.0.iter().flat_map(|(name, value)| [*name, *value])
    }

    /// Every field of that name, in order.
    pub fn all(&self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.0.iter().filter(move |(n, _)| *n == name.as_bytes()).map(|(_, value)| *value)
    }

    /// The first field of that name as text; other bytes become U+FFFD.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// The first field of that name as a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name)
            .and_then(|value| std::str::from_utf8(value).ok())
            .and_then(|t| t.parse().ok())
    }

    /// The first field of that name as the number of an entry.
    pub fn seq(&self, name: &str) -> Option<Seq> {
        self.number(name).map(Seq::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_round_trip() {
        let body = FieldsBuilder::default().add("name", "x/y").number("generation", 2).finish();
        let fields = Fields::parse(&body).unwrap();
        assert_eq!(fields.text("name").as_deref(), Some("x/y"));
        assert_eq!(fields.number("generation"), Some(2));
        assert_eq!(fields.get("none"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_fail_cleanly(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Err(error) = Fields::parse(&bytes) {
                prop_assert!(error.at < bytes.len());
            }
        }
    }
}
