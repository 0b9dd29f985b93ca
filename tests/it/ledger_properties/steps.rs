//! Appending while a file grows gives what appending it once gives.

use crate::support::ledger::contents;
use crate::support::sources::{Bench, LATE, SOON, cases, content};
use codex_ledger_entry::{Header, Kind};
use proptest::prelude::*;
use proptest::sample::Index;

/// Bytes up to and with the last line feed.
fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

/// What a line entry says of its place; ids differ by salt and time.
fn places(bench: &Bench) -> Vec<(u64, u64, u64, u8)> {
    let headers = contents(&bench.ledger()).headers;
    let place = |h: &Header| (h.line, h.offset, h.body_len, h.flags);
    headers.iter().filter(|h| h.kind == Kind::Line).map(place).collect()
}

fn one_generation(bench: &Bench) -> Vec<u8> {
    let mut generations = bench.generations();
    assert!(generations.len() <= 1, "{} generations", generations.len());
    generations.pop().unwrap_or_default()
}

/// Where a source that grows in steps ends each time; the last time it is whole.
fn ends_of(bytes: &[u8], cuts: &[Index]) -> Vec<usize> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    ends
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn growing_files_become_the_same_entries_as_whole_ones(
        bytes in content(),
        cuts in proptest::collection::vec(any::<Index>(), 0..4),
    ) {
        let steps = Bench::new();
        for end in ends_of(&bytes, &cuts) {
            steps.write(&steps.rollout(), &bytes[..end]);
            let report = steps.append(SOON);
            let whole = whole_lines(&bytes[..end]);
            prop_assert_eq!(report.bytes.seen, end as u64);
            prop_assert_eq!(report.bytes.pending, (end - whole) as u64);
            prop_assert_eq!(&one_generation(&steps)[..], &bytes[..whole]);
        }
        let once = Bench::new();
        once.write(&once.rollout(), &bytes);
        once.append(SOON);
        prop_assert_eq!(places(&steps), places(&once));
        prop_assert_eq!(one_generation(&steps), one_generation(&once));

        // Once the file has been still, its torn end is taken, too.
        let report = steps.append(LATE);
        prop_assert_eq!(report.bytes.pending, 0);
        prop_assert_eq!(one_generation(&steps), bytes);
    }

    #[test]
    fn torn_ends_that_were_taken_are_continued_in_the_middle_of_their_line(
        bytes in content(),
        cuts in proptest::collection::vec(any::<Index>(), 1..4),
    ) {
        let bench = Bench::new();
        for end in ends_of(&bytes, &cuts) {
            bench.write(&bench.rollout(), &bytes[..end]);
            let report = bench.append(LATE);
            prop_assert_eq!(report.bytes.pending, 0);
            prop_assert_eq!(&one_generation(&bench)[..], &bytes[..end]);
        }
        let line_of = |offset: u64| {
            bytes[..offset as usize].iter().filter(|byte| **byte == b'\n').count() as u64
        };
        for (line, offset, ..) in places(&bench) {
            prop_assert_eq!(line, line_of(offset), "line of offset {}", offset);
        }
    }

    #[test]
    fn tails_that_are_rebuilt_from_the_entries_go_on_as_the_stored_ones(
        bytes in content(),
        cut in any::<Index>(),
    ) {
        let bench = Bench::new();
        bench.write(&bench.rollout(), &bytes[..cut.index(bytes.len() + 1)]);
        bench.append(LATE);
        for record in ["tails", "sources"] {
            std::fs::remove_file(bench.ledger().join(record)).unwrap();
        }
        bench.write(&bench.rollout(), &bytes);
        bench.append(LATE);
        prop_assert_eq!(one_generation(&bench), bytes);
    }
}
