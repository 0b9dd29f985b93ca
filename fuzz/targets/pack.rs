//! Any bytes as what a pack of a ledger holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| codex_ledger_fuzz::files::pack(bytes));
