//! Any bytes as the HEAD of a ledger.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| codex_ledger_fuzz::files::head(bytes));
