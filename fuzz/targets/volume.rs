//! Any bytes as the record of a volume.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| codex_ledger_fuzz::files::volume(bytes));
