//! Any bytes as the journal of a ledger.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| codex_ledger_fuzz::files::journal(bytes));
