//! Sources that come again, move, shrink, are rewritten or cannot be read.

use crate::support::ledger::{append_all, contents, rollout_of};
use crate::support::sources::{Bench, LATE, SOON, cases, content};
use codex_ledger_append::{AppendReport, Plan};
use codex_ledger_ledger::{BLOCK_BYTES, Ledger};
use proptest::prelude::*;
use proptest::sample::Index;
use std::fs;

fn added(report: &AppendReport) -> u64 {
    report.entries.len()
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn the_same_source_moved_compressed_or_twice_adds_nothing(bytes in content()) {
        let bench = Bench::new();
        bench.write(&bench.rollout(), &bytes);
        bench.append(LATE);
        let size = bench.size();
        let len = bytes.len() as u64;
        let zst = zstd::encode_all(&bytes[..], 3).unwrap();
        let (rollout, archived, compressed) =
            (bench.rollout(), bench.archived(), bench.compressed());
        let states: [(&str, &dyn Fn(), u64); 6] = [
            ("again", &|| (), 1),
            ("written again", &|| bench.write(&rollout, &bytes), 1),
            ("moved", &|| fs::rename(&rollout, &archived).unwrap(), 1),
            ("twice", &|| bench.write(&rollout, &bytes), 2),
            ("three times", &|| bench.write(&compressed, &zst), 3),
            ("compressed only", &|| [&rollout, &archived].map(|p| fs::remove_file(p).unwrap()).into_iter().collect(), 1),
        ];
        for (what, change, copies) in states {
            change();
            let report = bench.append(LATE);
            prop_assert_eq!(added(&report), 0, "{}", what);
            prop_assert_eq!(report.bytes.already, copies * len, "{}", what);
            prop_assert_eq!(report.bytes.seen, copies * len, "{}", what);
            prop_assert_eq!(bench.size(), size, "{}", what);
        }
        prop_assert_eq!(bench.generations(), if len > 0 { vec![bytes] } else { vec![] });
    }

    #[test]
    fn copies_of_any_length_in_one_append_hold_the_longest_once(
        bytes in content(),
        cut in any::<Index>(),
    ) {
        let bench = Bench::new();
        let short = &bytes[..cut.index(bytes.len() + 1)];
        bench.write(&bench.rollout(), &bytes);
        bench.write(&bench.archived(), short);
        bench.append(LATE);
        bench.append(LATE);
        prop_assert_eq!(bench.generations(), if bytes.is_empty() { vec![] } else { vec![bytes] });
    }

    #[test]
    fn a_rewritten_source_opens_a_generation_and_the_older_stays(
        first in content(),
        second in content(),
    ) {
        prop_assume!(!first.is_empty() && !second.is_empty());
        prop_assume!(!second.starts_with(&first) && !first.starts_with(&second));
        let bench = Bench::new();
        bench.write(&bench.rollout(), &first);
        bench.append(LATE);
        bench.write(&bench.rollout(), &second);
        let report = bench.append(LATE);
        prop_assert_eq!(report.bytes.appended, second.len() as u64);
        prop_assert!(report.problems.iter().any(|p| p.reason.contains("rewritten")));
        prop_assert_eq!(&bench.generations(), &[first.clone(), second.clone()]);

        // Either content is known now, and either grows where it belongs.
        bench.write(&bench.rollout(), &first);
        prop_assert_eq!(added(&bench.append(LATE)), 0);
        let grown = [&second[..], b"\nmore"].concat();
        bench.write(&bench.rollout(), &grown);
        bench.append(LATE);
        prop_assert_eq!(&bench.generations(), &[first, grown]);
    }

    #[test]
    fn a_source_that_was_cut_changes_nothing_and_is_reported(
        bytes in content(),
        cut in any::<Index>(),
    ) {
        prop_assume!(!bytes.is_empty());
        let bench = Bench::new();
        bench.write(&bench.rollout(), &bytes);
        bench.append(LATE);
        let size = bench.size();
        let keep = cut.index(bytes.len());
        for _ in 0..2 {
            bench.write(&bench.rollout(), &bytes[..keep]);
            let report = bench.append(LATE);
            prop_assert_eq!(added(&report), 0);
            prop_assert_eq!(report.bytes.already, keep as u64);
            prop_assert!(report.problems.iter().any(|p| p.reason.contains("cut")));
        }
        bench.write(&bench.rollout(), &bytes);
        prop_assert_eq!(added(&bench.append(LATE)), 0);
        prop_assert_eq!(bench.size(), size);
    }
}

#[test]
fn a_compressed_source_that_ends_early_adds_its_lines_once() {
    let bench = Bench::new();
    let lines: Vec<u8> =
        (0..60_000).flat_map(|n| format!("{{\"n\":{n}}}\n").into_bytes()).collect();
    let zst = zstd::encode_all(&lines[..], 1).unwrap();
    fs::create_dir_all(bench.rollout().parent().unwrap()).unwrap();
    for _ in 0..3 {
        bench.write(&bench.compressed(), &zst[..zst.len() - 100]);
        let report = bench.append(LATE);
        assert_eq!((report.files.failed, report.problems.len()), (1, 1), "{:?}", report.problems);
        let generations = bench.generations();
        assert!(generations.len() == 1 && lines.starts_with(&generations[0]));
    }
    bench.write(&bench.compressed(), &zst);
    bench.append(LATE);
    assert!(bench.generations() == [lines], "the whole source, once");
}

#[test]
fn a_rewrite_of_the_same_length_is_seen() {
    let bench = Bench::new();
    for bytes in [b"one\n", b"two\n"] {
        bench.write(&bench.rollout(), bytes);
        bench.append(SOON);
    }
    assert_eq!(bench.generations(), [b"one\n", b"two\n"]);
}

#[test]
fn documents_of_any_size_are_kept_whole_and_a_changed_one_is_a_new_generation() {
    let bench = Bench::new();
    let path = bench.rollout().with_extension("json");
    let documents = [vec![b'1'; 10], vec![b'2'; BLOCK_BYTES], vec![b'3'; 2 * BLOCK_BYTES + 1]];
    for document in &documents {
        bench.write(&path, document);
        assert_eq!(bench.append(SOON).bytes.appended, document.len() as u64);
        assert_eq!(added(&bench.append(SOON)), 0);
    }
    assert!(bench.generations() == documents);
}

#[test]
fn a_limit_skips_files_until_later_appends_and_counts_them() {
    let bench = Bench::new();
    let sources: Vec<_> = (0..5)
        .map(|n| {
            let thread = format!("0199a213-81c0-7800-8aa1-bbab2a035a5{n}");
            (thread.clone(), rollout_of(&bench.home().join("sessions"), &thread))
        })
        .collect();
    for (thread, path) in &sources {
        bench.write(path, format!("{thread}\n").as_bytes());
    }
    for left in [3, 1, 0] {
        let request = bench.request(2);
        let mut ledger =
            Ledger::open(&bench.ledger(), bench.world(), &crate::support::world::holder()).unwrap();
        let plan = Plan::make(&bench.ledger(), &request, SOON);
        let bytes = plan.run(&mut ledger, &request, &mut |_| ()).unwrap().bytes;
        assert_eq!((bytes.seen, bytes.skipped), (5 * 37, left * 37));
    }
    assert_eq!(contents(&bench.ledger()).streams.len(), 5);
}

#[test]
fn a_source_that_is_gone_or_a_folder_is_a_problem_and_the_others_are_read() {
    let bench = Bench::new();
    bench.write(&bench.rollout(), b"line\n");
    let (home, gone) = (bench.home(), bench.home().join("gone.jsonl"));
    let report = append_all(&bench.ledger(), &[&gone, &home], bench.world()).unwrap();
    assert_eq!((report.files.failed, report.files.read), (1, 1));
    assert!(report.problems[0].path.contains("gone.jsonl"));
    assert_eq!(bench.generations(), [b"line\n"]);
}
