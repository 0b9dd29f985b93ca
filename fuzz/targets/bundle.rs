//! Any bytes as the entries of a bundle, and a bundle as an archive.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| codex_ledger_fuzz::files::bundle(bytes));
