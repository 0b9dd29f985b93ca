//! Compression of packs and blocks: zstd with a dictionary that is part of the program.

use std::io;

/// Stored as it is.
pub(super) const CODEC_PLAIN: u8 = 0;
/// zstd with [`DICTIONARY`].
pub(super) const CODEC_ZSTD_1: u8 = 1;

/// Trained on the project's own synthetic records only (`scripts/train-dictionary`): a dictionary made
/// from users' logs would keep fragments of text that was erased.
const DICTIONARY: &[u8] = include_bytes!("body.dict");
/// Measured on real logs: level 1 is 1.2x larger, level 6 is 3x slower for 5 %.
const LEVEL: i32 = 3;

/// No pack or block is longer: what says so was made by nobody, and is not given so much memory.
const PLAIN_BYTES_MAX: usize = 64 << 20;

/// A reusable compressor; not shared between threads.
pub(super) struct Encoder(zstd::bulk::Compressor<'static>);

impl Encoder {
    pub(super) fn new() -> io::Result<Encoder> {
        let mut inner = zstd::bulk::Compressor::with_dictionary(LEVEL, DICTIONARY)?;
        inner.include_magicbytes(false)?;
        inner.include_contentsize(false)?;
        inner.include_checksum(false)?;
        inner.include_dictid(false)?;
        Ok(Encoder(inner))
    }

    /// The codec that was used, and the stored bytes; what does not shrink is stored as it is.
    pub(super) fn encode(&mut self, plain: &[u8]) -> (u8, Vec<u8>) {
        match self.0.compress(plain) {
            Ok(packed) if packed.len() < plain.len() => (CODEC_ZSTD_1, packed),
            _ => (CODEC_PLAIN, plain.to_vec()),
        }
    }
}

/// A reusable decompressor.
pub(super) struct Decoder(zstd::bulk::Decompressor<'static>);

impl Decoder {
    pub(super) fn new() -> io::Result<Decoder> {
        let mut inner = zstd::bulk::Decompressor::with_dictionary(DICTIONARY)?;
        inner.include_magicbytes(false)?;
        Ok(Decoder(inner))
    }

    /// The plain bytes, or `None` when they are not what was stored. Never more than `plain_len` bytes.
    pub(super) fn decode(&mut self, codec: u8, stored: &[u8], plain_len: usize) -> Option<Vec<u8>> {
        if plain_len > PLAIN_BYTES_MAX {
            return None;
        }
        let plain = match codec {
            CODEC_PLAIN => stored.to_vec(),
            CODEC_ZSTD_1 => self.0.decompress(stored, plain_len).ok()?,
            _ => return None,
        };
        (plain.len() == plain_len).then_some(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_notices_other_lengths() {
        let plain = br#"{"timestamp":"2026-03-01T10:00:00.123Z","type":"event_msg"}"#.repeat(20);
        let (codec, stored) = Encoder::new().unwrap().encode(&plain);
        let mut decoder = Decoder::new().unwrap();
        assert_eq!(codec, CODEC_ZSTD_1);
        assert_eq!(decoder.decode(codec, &stored, plain.len()).as_deref(), Some(&plain[..]));
        assert_eq!(decoder.decode(codec, &stored, plain.len() - 1), None);
        assert_eq!(decoder.decode(codec, &stored, plain.len() + 1), None);
        assert_eq!(decoder.decode(9, &stored, plain.len()), None);
    }
}
