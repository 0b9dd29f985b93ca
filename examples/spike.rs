use codex_ledger::{append::*, ledger::*};
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let dir = std::path::Path::new(&a[1]);
    let t = std::time::Instant::now();
    let world = World::real();
    let req = Request { roots: a[2..].iter().map(|s| s.into()).collect(), actor: "x".into(), limit: None };
    let plan = Plan::make(dir, &req, world.clock.now());
    println!("plan {:?} {:.3}", plan.to_read(), t.elapsed().as_secs_f64());
    if !plan.is_done() {
    let mut l = Ledger::open(dir, world, &Holder { command: "x".into(), pid: 1, since: "now".into() }).unwrap();
    let r = plan.run(&mut l, &req, &mut |_| ()).unwrap();
    println!("{:?} {:?} {:?} problems {}", r.files, r.bytes, r.entries, r.problems.len());
    println!("append {:.3} -> {:.0} MB/s", t.elapsed().as_secs_f64(), r.bytes.appended as f64 / 1e6 / t.elapsed().as_secs_f64());
    }
    let t = std::time::Instant::now();
    views(dir);
    let t = std::time::Instant::now();
    let i = inspect(dir, &mut |_| ()).unwrap();
    println!("inspect {} {} findings {:?} {:.3} -> {:.0} MB/s", i.entries, i.bytes, i.findings.len(), t.elapsed().as_secs_f64(), i.bytes as f64 / 1e6 / t.elapsed().as_secs_f64());
    for f in i.findings.iter().take(5) { println!("{f:?}"); }
}
#[allow(dead_code)]
pub fn views(dir: &std::path::Path) {
    use codex_ledger::{projections::*, redaction::Policy};
    let v = Views { paths: ViewsPaths { link: dir.join("views.sqlite") }, options: Options::default() };
    let t = std::time::Instant::now();
    let mut r = LedgerReader::open(dir).unwrap();
    let a = v.update(&mut r, &Policy::none(), &mut |_| ()).unwrap();
    println!("views {a:?} {:.3}", t.elapsed().as_secs_f64());
    let t = std::time::Instant::now();
    let d = v.digests().unwrap();
    println!("digest {:.3} {}", t.elapsed().as_secs_f64(), d.content);
    for (n, d) in d.tables { println!("  {n} {}", d.rows); }
}
