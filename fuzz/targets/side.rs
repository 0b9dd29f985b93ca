//! Any bytes as what is cached beside the entries.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| codex_ledger_fuzz::files::side(bytes));
