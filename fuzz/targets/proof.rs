//! Any bytes as a proof, a checkpoint, a time stamp.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| codex_ledger_fuzz::texts::proof(bytes));
