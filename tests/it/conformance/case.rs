//! One shape: its homes, what is true of them, and a run of this program over them.

use super::facts::Facts;
use crate::support::disk::Quick;
use crate::support::sources::LATE;
use crate::support::world::{Counted, SetClock, holder};
use codex_ledger_append::{Plan, Request};
use codex_ledger_ledger::{Ledger, LedgerReader, World};
use codex_ledger_projections::{Options, Views, ViewsPaths};
use serde_json::{Map, Value};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use walkdir::WalkDir;

const SUITES: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/rollouts"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/cases"),
];
/// Keys of `expected.json` that say something about the shape, not about the home.
const ABOUT: [&str; 2] = ["shape", "why"];
/// Characters of a value that a table shows.
const SHOWN: usize = 220;

/// How the files of a shape arrive.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// Step by step, each home at once.
    Given,
    /// Step by step, file by file, the last name first; the views follow after each.
    Reversed,
    /// Only the home as it is in the end.
    LastStepOnly,
    /// The later steps first, as when older files come out of a backup.
    Backwards,
}

/// A shape of the suite.
pub struct Case {
    pub name: String,
    folder: PathBuf,
    expected: Map<String, Value>,
}

impl Case {
    /// All shapes, by name.
    pub fn all() -> Vec<Case> {
        let folders = SUITES.iter().flat_map(|suite| fs::read_dir(suite).expect("the suite"));
        let mut folders: Vec<PathBuf> = folders.map(|entry| entry.unwrap().path()).collect();
        folders.retain(|path| path.is_dir());
        folders.sort();
        folders.into_iter().map(Case::read).collect()
    }

    fn read(folder: PathBuf) -> Case {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read(folder.join("expected.json")).expect("a shape says what is true");
        let mut expected: Map<String, Value> = serde_json::from_slice(&text).unwrap();
        assert_eq!(expected["shape"], name.as_str());
        for key in ["counted", "not_counted", "unreadable"] {
            let places = expected.get_mut(key).and_then(Value::as_array_mut);
            for place in places.into_iter().flatten() {
                let file = &mut place[0];
                *file = base_name(Path::new(file.as_str().unwrap())).into();
            }
        }
        Case { name, folder, expected }
    }

    /// Homes in the order in which they were seen.
    fn steps(&self) -> Vec<PathBuf> {
        let mut steps: Vec<PathBuf> =
            fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        steps.retain(|path| path.is_dir());
        steps.sort();
        steps
    }

    /// The orders that differ for this shape.
    pub fn orders(&self) -> Vec<Order> {
        let steps = self.steps();
        let mut orders = vec![Order::Given];
        if steps.iter().any(|step| files(step).len() > 1) {
            orders.push(Order::Reversed);
        }
        if steps.len() > 1 {
            orders.push(Order::Backwards);
            // What the client has dropped is not in its last files.
            if !self.expected.contains_key("kept") {
                orders.push(Order::LastStepOnly);
            }
        }
        orders
    }

    /// What the views say of the shape, and their content digest.
    pub fn run(&self, order: Order) -> Result<(Facts, String), Box<dyn Error>> {
        let scratch = tempfile::tempdir()?;
        let home = scratch.path().join("home");
        let bench = Bench::new(scratch.path());
        let mut steps = self.steps();
        if let Order::LastStepOnly = order {
            steps.drain(..steps.len() - 1);
        }
        if let Order::Backwards = order {
            steps.reverse();
        }
        for step in steps {
            if home.exists() {
                fs::remove_dir_all(&home)?;
            }
            copy(&step, &home)?;
            match order {
                Order::Reversed => {
                    for file in files(&home).into_iter().rev() {
                        bench.append(file)?;
                    }
                }
                _ => bench.append(home.clone())?,
            }
        }
        let mut reader = LedgerReader::open(&bench.dir)?;
        let (_, db) = bench.views.open(reader.head())?;
        let facts = Facts::read(&db.ok_or("the views are not usable")?)?;
        Ok((facts, bench.views.digests(&mut reader)?.content))
    }

    /// Where the views say something else, one line for each key.
    pub fn differences(&self, facts: &Facts) -> Vec<String> {
        let keys = self.expected.iter().filter(|(key, _)| !ABOUT.contains(&key.as_str()));
        let mut out = Vec::new();
        for (key, expected) in keys {
            let found = facts.get(key);
            if !matches(expected, &found) {
                out.push(format!("{key}: expected {}, found {}", short(expected), short(&found)));
            }
        }
        out
    }
}

/// A ledger and its views.
struct Bench {
    dir: PathBuf,
    world: World,
    views: Views,
}

impl Bench {
    fn new(scratch: &Path) -> Bench {
        let link = scratch.join("views.sqlite");
        let clock = SetClock::at(LATE);
        Bench {
            dir: scratch.join("ledger"),
            world: World { clock, entropy: Counted::from(1), disk: Arc::new(Quick) },
            views: Views { paths: ViewsPaths { link }, options: Options::default() },
        }
    }

    /// Appends a home or a file and brings the views up to date.
    fn append(&self, root: PathBuf) -> Result<(), Box<dyn Error>> {
        let request = Request { roots: vec![root], actor: "test".into(), ..Request::default() };
        let plan = Plan::make(&self.dir, &request, self.world.clock.now());
        let mut ledger = Ledger::open(&self.dir, self.world.clone(), &holder())?;
        let report = plan.run(&mut ledger, &request, &mut |_| ())?;
        if report.files.failed > 0 {
            return Err(format!("not read: {:?}", report.problems).into());
        }
        let mut reader = LedgerReader::open(&self.dir)?;
        self.views.update(&mut reader, &mut |_| ())?;
        Ok(())
    }
}

/// The name that a file keeps when it is moved or compressed.
pub fn base_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(".zst").unwrap_or(&name).to_string()
}

fn files(home: &Path) -> Vec<PathBuf> {
    let entries = WalkDir::new(home).sort_by_file_name().into_iter().map(Result::unwrap);
    let mut files: Vec<PathBuf> =
        entries.filter(|e| e.file_type().is_file()).map(|e| e.into_path()).collect();
    files.sort_by_key(|path| (base_name(path), path.clone()));
    files
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap())?;
        fs::copy(file, target)?;
    }
    Ok(())
}

/// Equal, but a call may be described by some of its properties only.
fn matches(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len() && expected.iter().zip(found).all(|(e, f)| matches(e, f))
        }
        (Value::Object(expected), Value::Object(found)) if expected.contains_key("name") => {
            expected.iter().all(|(key, value)| found.get(key) == Some(value))
        }
        _ => expected == found,
    }
}

/// Short enough for a table; files by the end of their ids.
fn short(value: &Value) -> String {
    let text = value.to_string().replace("rollout-", "").replace(".jsonl", "");
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
