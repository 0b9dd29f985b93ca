//! Any bytes as a file of rules.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| codex_ledger_fuzz::texts::rules(bytes));
