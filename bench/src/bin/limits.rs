//! `limits`: how long after its limit each native ends.
//!
//! `cargo run --release -p typhon-bench --bin limits -- [--repeat N] [NAME...]` prints one line a native: the most CPU
//! time, and the most wall time, that its thread used between the moment it was told to stop and the answer, of N runs.
//! On a loaded machine the first figure is the one to look at.
#![forbid(unsafe_code)]

use std::sync::mpsc;
use std::time::{Duration, Instant};

use typhon_bench::cases::{CASES, Case};
use typhon_bench::host::Silent;
use typhon_vm::{
    Cancel, CancelReason, LimitHit, LimitName, Limits, Request, Respite, Response, TerminationReason, ThreadClock,
};

#[global_allocator]
static ALLOCATOR: typhon_vm::Metered<typhon_vm::Malloc> = typhon_vm::Metered(typhon_vm::Malloc);

/// How late an answer may come.
const ALLOWED: Duration = Duration::from_millis(10);
const STACK: usize = 256 << 20;

fn main() {
    let mut repeat = 3;
    let mut wanted = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(word) = args.next() {
        match word.as_str() {
            "--repeat" => repeat = args.next().and_then(|n| n.parse().ok()).unwrap_or(repeat),
            _ => wanted.push(word),
        }
    }
    let chosen = CASES.iter().filter(|case| wanted.is_empty() || wanted.iter().any(|name| name == case.0));
    println!("{:22} {:>9} {:>9}  end (max of {repeat}; ms of CPU, of wall)", "native", "cpu", "wall");
    let mut late = 0;
    for case in chosen {
        let runs: Vec<Late> = (0..repeat).map(|_| run(case)).collect();
        let worst = |of: fn(&Late) -> Duration| runs.iter().map(of).max().unwrap_or_default();
        let (cpu, wall) = (worst(|late| late.cpu), worst(|late| late.wall));
        let end = runs.iter().map(|run| run.end.as_str()).find(|end| *end != "WallTime").unwrap_or("WallTime");
        let mark = if cpu > ALLOWED { "  LATE" } else { "" };
        late += usize::from(cpu > ALLOWED);
        println!("{:22} {:9.2} {:9.2}  {end}{mark}", case.0, cpu.as_secs_f64() * 1e3, wall.as_secs_f64() * 1e3);
    }
    println!("{late} later than {ALLOWED:?} of CPU time");
}

struct Late {
    cpu: Duration,
    wall: Duration,
    end: String,
}

fn run(case: &'static Case) -> Late {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || guest(case)).expect("a thread");
    thread.join().expect("the engine does not panic")
}

fn guest(&(_, prepare, call): &Case) -> Late {
    let source = format!("{prepare}\nimport sys\nsys.stderr.write('go\\n')\n{call}\n");
    let limits = Limits { heap_bytes: Some(2 << 30), stack_depth: Some(1000), ..Limits::default() };
    let request = Request { source: source.into(), filename: "case.py".into(), limits, ..Request::default() };
    let cancel = Cancel::new();
    let clock = ThreadClock::of_this_thread().expect("a clock");
    let (go, begun) = mpsc::channel();
    let watchdog = std::thread::spawn({
        let cancel = cancel.clone();
        move || {
            // Nothing comes when the guest ends before it begins.
            begun.recv().ok()?;
            std::thread::sleep(Duration::from_millis(15));
            let told = (Instant::now(), clock.elapsed()?);
            let hit = LimitHit { which: LimitName::Wall, limit: 0, used: 0 };
            cancel.cancel(CancelReason::Limit(hit));
            Some(told)
        }
    });
    let host = Silent { begin: move || go.send(()).unwrap_or(()) };
    // As the service does it.
    let _respite = Respite::begin();
    let response = typhon_vm::execute(&request, &host, &cancel);
    let (now, used) = (Instant::now(), clock.elapsed().unwrap_or_default());
    drop(host);
    let end = describe(&response);
    match watchdog.join().expect("the watchdog does not panic") {
        Some((at, before)) if response.outcome.reason == TerminationReason::WallTime => {
            Late { cpu: used.saturating_sub(before), wall: now - at, end }
        }
        _ => Late { cpu: Duration::ZERO, wall: Duration::ZERO, end },
    }
}

fn describe(response: &Response) -> String {
    match &response.outcome.detail {
        typhon_vm::Detail::Exception(e) => format!("{}: {}", e.type_ref.qualname, e.message),
        _ => format!("{:?}", response.outcome.reason),
    }
}
