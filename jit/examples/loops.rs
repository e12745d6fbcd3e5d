//! Runs a program without a library, with `TYPHON_JIT=sync` or without, and says how long it took.
#![expect(clippy::print_stdout, reason = "a program")]

#[path = "../tests/all/harness.rs"]
mod harness;

use std::time::Instant;
use typhon_jit::Params;

fn main() {
    let path = std::env::args().nth(1).expect("a file");
    let source = std::fs::read_to_string(path).expect("readable");
    let variable = |name: &str| std::env::var(name).ok();
    let sync = variable("TYPHON_JIT").as_deref() == Some("sync");
    let params = sync.then(|| Params::read(variable).expect("numbers"));
    let start = Instant::now();
    let ran = harness::run(&source, params);
    print!("{}", ran.printed);
    println!("{} traces, {:?}", ran.traces, start.elapsed());
}
