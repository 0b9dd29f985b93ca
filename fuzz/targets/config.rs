//! Any bytes as a configuration.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| codex_ledger_fuzz::texts::config(bytes));
