//! Any bytes as a header, and as the body of an entry of the ledger's own.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| codex_ledger_fuzz::texts::header(bytes));
