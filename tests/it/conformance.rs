//! The conformance suite of `fixtures/rollouts`, run against this program.
//!
//! Each shape is a small home and what is true of it, in words that name no tool. A shape holds when the
//! views say just that, and say it whatever the order in which files and steps arrived.

mod case;
mod facts;

use case::Case;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Shapes that the program does not pass yet: (shape, what is missing).
const NOT_YET: &[(&str, &str)] = &[];

#[test]
fn the_conformance_suite_holds() {
    let cases = Case::all();
    assert!(cases.len() >= 70, "only {} shapes in fixtures/rollouts", cases.len());
    let known: BTreeMap<&str, &str> = NOT_YET.iter().copied().collect();
    let mut table = String::new();
    for case in &cases {
        let failures = failures_of(case);
        match (failures.is_empty(), known.get(case.name.as_str())) {
            (true, None) | (false, Some(_)) => {}
            (true, Some(missing)) => {
                writeln!(table, "{}: passes now: take it out of NOT_YET ({missing})", case.name)
                    .unwrap();
            }
            (false, None) => writeln!(table, "{}\n{}", case.name, failures.join("\n")).unwrap(),
        }
    }
    for shape in known.keys().filter(|shape| !cases.iter().any(|case| case.name == **shape)) {
        writeln!(table, "{shape}: is in NOT_YET and not in fixtures/rollouts").unwrap();
    }
    assert!(table.is_empty(), "shapes that are not as expected:\n{table}");
}

/// What does not hold, one line each.
fn failures_of(case: &Case) -> Vec<String> {
    let mut failures = Vec::new();
    let mut digests = BTreeMap::new();
    for order in case.orders() {
        match case.run(order) {
            Ok((facts, digest)) => {
                for failure in case.differences(&facts) {
                    let line = format!("    {failure}");
                    if !failures.contains(&line) {
                        failures.push(line);
                    }
                }
                digests.insert(digest, order);
            }
            Err(error) => failures.push(format!("    {order:?}: {error}")),
        }
    }
    if digests.len() > 1 {
        let orders: Vec<_> = digests.values().collect();
        failures.push(format!("    the views depend on the order of arrival: {orders:?}"));
    }
    failures
}
