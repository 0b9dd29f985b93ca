//! Evidence for others: a report, the entries behind it, and what proves that they are in the log. Nothing hidden is in it.

mod erasures;
mod make;
mod select;
mod verify;
mod write;

pub use make::{BodyCounts, BundleMade, BundleRequest, is_zip};
pub use verify::{BundleFile, BundleProven, verify_bundle};
pub(crate) use write::file as write_file;

/// Names of the files of a bundle, besides its report.
const ENTRIES: &str = "entries.cxb";
const CHECKPOINT: &str = "checkpoint";
const PROOF: &str = "proof";
const KEY: &str = "key";
const HOW_TO: &str = "VERIFY.md";
const SCRIPT: &str = "verify.py";
/// First bytes of `entries.cxb`, and its version.
const MAGIC: &[u8; 4] = b"CXLB";
const VERSION: u16 = 1;
/// Forms of a body: it is there, it is withheld, it was erased.
const PRESENT: u8 = 0;
const WITHHELD: u8 = 1;
const ERASED: u8 = 2;
