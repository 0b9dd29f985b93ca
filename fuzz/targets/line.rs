//! Any bytes as a line of a rollout.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| codex_ledger_fuzz::rollout::line(bytes));
