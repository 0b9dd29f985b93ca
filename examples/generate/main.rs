//! Writes a synthetic CODEX_HOME of any size: `generate --out DIR --bytes 1G --seed 1`.
//!
//! The same bytes, seed and files give the same home. `--files` sets the count of sessions; `--max-line`
//! caps every line and adds one of that length to the first session.

mod era;
mod json;
mod opening;
mod rng;
mod session;
mod text;
mod tools;
mod usage;
mod words;

use era::{Age, Identity};
use json::{DAY, civil, q, stamp};
use rng::{Point, Rng};
use session::Session;
use std::fmt::Write as _;
use std::fs::{File, create_dir_all, write};
use std::io::{self, Error};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{available_parallelism, scope};
use text::Project;
use usage::Usage;
use words::Vocab;

/// Sizes of session files as they are found in the wild.
const FILE: [Point; 7] = [
    (0.0, 24e3),
    (0.1, 48e3),
    (0.5, 230e3),
    (0.75, 520e3),
    (0.9, 1.2e6),
    (0.99, 3e6),
    (1.0, 4.5e6),
];
const LONGEST: usize = 1_200_000;

/// What all sessions share.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) vocab: Vocab,
    /// System prompts and developer messages, a few versions of each.
    pub(crate) base: Vec<String>,
    pub(crate) developer: Vec<String>,
    /// The longest text put into one record.
    pub(crate) max_text: usize,
}

impl World {
    fn new(seed: u64, max_line: usize) -> Self {
        let vocab = Vocab::new(seed);
        let mut rng = Rng::new(seed, 2);
        let project = Project { foreign: None, ..Project::new(&vocab, &mut rng) };
        let max_text = (max_line / 4).min(60_000);
        let mut prose = |from, to| {
            let len = rng.range(from, to) as usize;
            project.prose(&mut rng, len.min(max_text))
        };
        let base = (0..8).map(|_| prose(10_000, 20_000)).collect();
        let developer = (0..8).map(|_| prose(2500, 12_000)).collect();
        World { seed, base, developer, max_text, vocab }
    }
}

struct Args {
    out: PathBuf,
    bytes: u64,
    seed: u64,
    files: Option<u64>,
    max_line: Option<usize>,
}

fn size(text: &str) -> Option<u64> {
    let unit = match text.to_ascii_uppercase().chars().last()? {
        'K' => 1 << 10,
        'M' => 1 << 20,
        'G' => 1 << 30,
        _ => return text.parse().ok(),
    };
    text[..text.len() - 1].parse::<u64>().ok()?.checked_mul(unit)
}

fn args() -> Option<Args> {
    let mut args = Args { out: PathBuf::new(), bytes: 0, seed: 1, files: None, max_line: None };
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let value = words.next()?;
        match name.as_str() {
            "--out" => args.out = value.into(),
            "--bytes" => args.bytes = size(&value)?,
            "--seed" => args.seed = value.parse().ok()?,
            "--files" => args.files = Some(size(&value)?.max(1)),
            "--max-line" => args.max_line = Some(usize::try_from(size(&value)?).ok()?.max(4096)),
            _ => return None,
        }
    }
    (args.bytes > 0 && !args.out.as_os_str().is_empty()).then_some(args)
}

/// The size each session shall have; together they make up `bytes`.
fn plan(args: &Args) -> Vec<u64> {
    let mut rng = Rng::new(args.seed, 3);
    let count = args.files.unwrap_or((args.bytes / 470_000).max(1));
    let sizes: Vec<f64> = (0..count).map(|_| rng.size(&FILE) as f64).collect();
    let scale = args.bytes as f64 / sizes.iter().sum::<f64>();
    sizes.iter().map(|size| (size * scale) as u64).collect()
}

/// What is left to tell of a session once its file is written.
struct Done {
    id: String,
    name: String,
    start: u64,
    prompts: Vec<(u64, String)>,
    bytes: u64,
    lines: u64,
    usage: Usage,
}

fn session(
    world: &World,
    out: &Path,
    index: usize,
    target: u64,
    giant: Option<usize>,
) -> io::Result<Done> {
    let who = Identity::of(world.seed, index as u64);
    let local = who.start + 2 * 3_600_000;
    let (year, month, day) = civil(local / DAY);
    let dir = out.join(format!("sessions/{year}/{month:02}/{day:02}"));
    create_dir_all(&dir)?;
    let time = stamp(local)[..19].replace(':', "-");
    let file = File::create(dir.join(format!("rollout-{time}-{}.jsonl", who.id)))?;
    let mut session = Session::new(world, index as u64, who, file);
    session.write(target.saturating_sub(15_000), giant)?;
    let name = session.p.prose(&mut session.r, 30);
    let counted = session.age() != Age::G1;
    let usage = if counted { session.counters.total } else { Usage::default() };
    Ok(Done {
        id: session.who.id,
        name,
        start: session.who.start,
        prompts: session.prompts,
        bytes: session.bytes,
        lines: session.lines,
        usage,
    })
}

/// Writes all sessions, as many at a time as the machine has cores.
fn sessions(world: &World, args: &Args) -> io::Result<Vec<Done>> {
    let sizes = plan(args);
    let next = AtomicUsize::new(0);
    let work = || -> io::Result<Vec<Done>> {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(&target) = sizes.get(index) else {
                return Ok(done);
            };
            let giant = args.max_line.filter(|_| index == 0);
            done.push(session(world, &args.out, index, target, giant)?);
        }
    };
    let mut all = Vec::new();
    scope(|s| -> io::Result<()> {
        let threads: Vec<_> = (0..available_parallelism()?.get()).map(|_| s.spawn(work)).collect();
        for thread in threads {
            all.extend(thread.join().map_err(|_| Error::other("a writer panicked"))??);
        }
        Ok(())
    })?;
    all.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
    Ok(all)
}

/// The prompt recall list and the list of thread names.
fn side_files(out: &Path, done: &[Done]) -> io::Result<()> {
    let (mut history, mut index) = (String::new(), String::new());
    for Done { id, name, start, prompts, .. } in done {
        for (time, text) in prompts.iter().filter(|(_, text)| text.len() < 4000) {
            let _ = writeln!(history, r#"{{"session_id":"{id}","ts":{time},"text":{}}}"#, q(text));
        }
        let _ = writeln!(
            index,
            r#"{{"id":"{id}","thread_name":{},"updated_at":"{}"}}"#,
            q(name),
            stamp(*start)
        );
    }
    write(out.join("history.jsonl"), history)?;
    write(out.join("session_index.jsonl"), index)
}

fn main() -> io::Result<()> {
    let usage =
        "usage: generate --out DIR --bytes N[K|M|G] [--seed S] [--files N] [--max-line BYTES]";
    let args = args().ok_or_else(|| Error::other(usage))?;
    create_dir_all(&args.out)?;
    let world = World::new(args.seed, args.max_line.unwrap_or(LONGEST));
    let done = sessions(&world, &args)?;
    side_files(&args.out, &done)?;
    let mut total = Usage::default();
    done.iter().for_each(|d| total += d.usage);
    let (bytes, lines) = done.iter().fold((0, 0), |sum, d| (sum.0 + d.bytes, sum.1 + d.lines));
    println!(
        "{} sessions, {lines} lines, {bytes} bytes; tokens: {} input ({} cached), {} output ({} reasoning)",
        done.len(),
        total.input,
        total.cached,
        total.output,
        total.reasoning
    );
    Ok(())
}
