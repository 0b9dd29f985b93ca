//! Any bytes as a whole-file session of the first generation.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| codex_ledger_fuzz::rollout::document(bytes));
