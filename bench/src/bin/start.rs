//! `start`: what it costs to begin: a process, beside a peer's; an isolate within one; an isolate's memory.
//!
//! `cargo build --release -p typhon && cargo run --release -p typhon-bench --bin start -- target/release/typhon PYTHON`
//! Every pair of processes is timed in turn, and the fastest of each counts.
#![forbid(unsafe_code)]

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use typhon_bench::host::Silent;
use typhon_vm::{Cancel, Request, ResultMode};

#[global_allocator]
static ALLOCATOR: typhon_vm::Metered<typhon_vm::Malloc> = typhon_vm::Metered(typhon_vm::Malloc);

const ROUNDS: usize = 40;
const IMPORTS: &str = "import json, re, dataclasses, typing, asyncio";

fn main() {
    let mut args = std::env::args().skip(1);
    if let (Some(typhon), Some(python)) = (args.next(), args.next()) {
        let empty = std::env::temp_dir().join(format!("typhon-bench-{}.py", std::process::id()));
        std::fs::write(&empty, "").expect("a temporary file");
        let file = empty.to_string_lossy().into_owned();
        pair("an empty file / -I -S -c pass", (&typhon, &[&file]), (&python, &["-I", "-S", "-c", "pass"]));
        pair("-I -S -c pass, both", (&typhon, &["-I", "-S", "-c", "pass"]), (&python, &["-I", "-S", "-c", "pass"]));
        pair(IMPORTS, (&typhon, &["-c", IMPORTS]), (&python, &["-c", IMPORTS]));
        std::fs::remove_file(&empty).expect("our own file");
    }
    isolate();
    idle();
}

fn pair(what: &str, ours: (&str, &[&str]), theirs: (&str, &[&str])) {
    let mut best = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        for (best, (program, args)) in best.iter_mut().zip([ours, theirs]) {
            let begun = Instant::now();
            let status = Command::new(program).args(args).stdout(Stdio::null()).status().expect("it starts");
            assert!(status.success(), "{program} {args:?}");
            *best = (*best).min(begun.elapsed());
        }
    }
    let [ours, theirs] = best.map(|time| time.as_secs_f64() * 1e3);
    println!("{what}: typhon {ours:.1} ms, python {theirs:.1} ms, ratio {:.2}", ours / theirs);
}

fn one_plus_one() -> Request {
    let result_mode = ResultMode::LastExpression;
    Request { source: b"1+1".to_vec(), filename: "a.py".into(), result_mode, ..Request::default() }
}

fn isolate() {
    let host = Silent { begin: || {} };
    let request = one_plus_one();
    let mut times: Vec<Duration> = (0..5000)
        .map(|_| {
            let begun = Instant::now();
            let response = typhon_vm::execute(&request, &host, &Cancel::new());
            assert!(response.result.is_some());
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |share: usize| times[times.len() * share / 100].as_secs_f64() * 1e6;
    println!(
        "isolate made, 1+1 run, closed: least {:.0} us, half within {:.0} us, 9 of 10 {:.0} us",
        at(0),
        at(50),
        at(90)
    );
}

/// Resident memory of this process.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("procfs");
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
}

fn idle() {
    const COUNT: usize = 200;
    let (told, arrived) = mpsc::channel();
    let release = Arc::new(Barrier::new(COUNT + 1));
    let before = resident();
    let threads: Vec<_> = (0..COUNT)
        .map(|_| {
            let (told, release) = (told.clone(), release.clone());
            let wait = move || {
                let _listening = told.send(());
                release.wait();
            };
            std::thread::spawn(move || {
                let source = b"1+1\nimport sys\nsys.stderr.write('x')\n".to_vec();
                let request = Request { source, ..one_plus_one() };
                typhon_vm::execute(&request, &Silent { begin: wait }, &Cancel::new())
            })
        })
        .collect();
    arrived.iter().take(COUNT).for_each(drop);
    let each = resident().saturating_sub(before) / COUNT;
    println!("memory of an idle isolate, its thread's stack included: {} KiB", each / 1024);
    release.wait();
    threads.into_iter().for_each(|thread| drop(thread.join().expect("no panic")));
}
