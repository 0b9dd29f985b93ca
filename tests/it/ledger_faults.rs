//! Faults of the ledger floor: power loss, kills, failing and full disks, damaged files.

mod damage;
mod erasure;
mod extents;
mod failing;
mod fifty_ways;
mod forgotten;
mod moved;
mod power;
mod refusals;
mod repairs;
mod side_records;
mod witnesses;
