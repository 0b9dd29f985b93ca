//! The one integration binary.
//!
//! * `tidy`: the house keeps its own rules (imports, sizes, absences)
//! * `ledger_faults`: power loss, failing disks, damage: what was acknowledged is there, damage is seen
//! * `ledger_properties`: growing, moved, doubled and rewritten sources; the format stays what it is
//! * `conformance`: one tiny home per shape of the logs, each with its truth
//! * `corpus_counts`: what the corpus of real logs gives, home by home
//! * `frozen`: ledgers that earlier versions have made are opened, verified, rebuilt and grown
//! * `fuzz_seeds`: the seeds of the fuzz targets, through the functions that the targets call
//! * `state_machine`: any sequence of what people and accidents do, against a model in memory
//! * `hostile_values`: what a log says never disables anything
//! * `cmd_redact`: what is hidden is nowhere in what derives from the ledger, and comes back whole
//! * `cmd_search`: what is asked is found, what is hidden is not
//! * `cmd_serve`: who comes in, what each may do, the whole review by forms alone; `cmd_serve_several`: several at once, and what
//!   comes meanwhile; `cmd_serve_rules` and `cmd_serve_search`: rules, candidates, facets; `cmd_serve_evidence`: audit, entries,
//!   proofs, what is hidden, pages that are taken out; `cmd_serve_hidden`: names that are hidden, a full disk; `cmd_serve_reading`:
//!   groups, hits, calls, colours; `cmd_serve_api`, `cmd_serve_graphql`: programs; `cmd_serve_settings`, `cmd_serve_tls`
//! * `cmd_annotate`: what reviewers say holds, is kept, and changes nothing else
//! * `cmd_append`, `cmd_views`, `cmd_show`, `cmd_tokens`, `cmd_report`, `cmd_repair`, `cmd_bundle`, `cmd_erase` and `erased_lines`, `cmd_general`: the commands, as scripts
//!   use them

mod cli_support;
mod cmd_annotate;
mod cmd_append;
mod cmd_bundle;
mod cmd_erase;
mod cmd_export;
mod cmd_general;
mod cmd_proofs;
mod cmd_redact;
mod cmd_repair;
mod cmd_report;
mod cmd_search;
mod cmd_serve;
mod cmd_serve_api;
mod cmd_serve_evidence;
mod cmd_serve_graphql;
mod cmd_serve_hidden;
mod cmd_serve_reading;
mod cmd_serve_rules;
mod cmd_serve_search;
mod cmd_serve_settings;
mod cmd_serve_several;
mod cmd_serve_tls;
mod cmd_show;
mod cmd_stamp;
mod cmd_tokens;
mod cmd_views;
mod cmd_witness;
mod conformance;
mod corpus_counts;
mod documents;
mod erased_lines;
mod frozen;
mod fuzz_seeds;
mod hostile_values;
mod ledger_faults;
mod ledger_properties;
mod newcomer;
mod reachable;
mod state_machine;
mod support;
mod tidy;
