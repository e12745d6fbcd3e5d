//! The optimizer: passes in order, each from a trace to a better one that means the same.
//!
//! "The same": for the same inputs the interpreter, going on where the trace is left, computes the same. A pass may drop an
//! exit that only said that a result cannot be represented, if nobody needs the result; the trace is then left later.

mod dce;
mod fold;
mod forward;
mod guards;
mod peel;
mod ranges;
mod refs;
mod sink;
mod unbox;

use crate::trace::Trace;
use crate::verify;

/// A pass.
#[derive(Clone, Copy)]
pub struct Pass {
    /// Its name, for tests and for who looks at traces.
    pub name: &'static str,
    run: fn(&Trace) -> Trace,
}

macro_rules! passes {
    ($($name:ident)*) => {
        /// Every pass.
        pub const PASSES: &[Pass] = &[$(Pass { name: stringify!($name), run: $name::run },)*];
    };
}
passes! { fold guards forward peel unbox sink refs ranges dce }

/// What is run on every trace, in order. Peeling makes the first iteration a part of the head, so that the passes behind it
/// find in the loop only what changes.
const PIPELINE: &[&str] = &[
    "fold", "guards", "forward", "fold", "guards", "refs", "sink", "dce", //
    "peel", "fold", "guards", "forward", "fold", "guards", //
    "unbox", "fold", "refs", "sink", "guards", "forward", "fold", "guards", "unbox", "fold", "refs", "sink", "fold",
    "guards", "ranges", "dce",
];

/// The pass of this name.
pub fn find(name: &str) -> Option<Pass> {
    PASSES.iter().copied().find(|pass| pass.name == name)
}

impl Pass {
    /// Runs it. Debug builds verify what it made.
    pub fn run(self, trace: &Trace) -> Trace {
        let after = (self.run)(trace);
        if cfg!(debug_assertions)
            && let Err(fault) = verify::verify(&after)
        {
            panic!("{} broke the trace: {fault}\n{trace}\nbecame\n{after}", self.name);
        }
        after
    }
}

/// Runs every pass of the pipeline.
pub fn optimize(trace: &Trace) -> Trace {
    optimize_watched(trace, |_, _| {})
}

/// As [`optimize`], and shows the trace after each pass.
pub fn optimize_watched(trace: &Trace, mut show: impl FnMut(&str, &Trace)) -> Trace {
    let mut trace = trace.clone();
    for pass in PIPELINE.iter().filter_map(|name| find(name)) {
        trace = pass.run(&trace);
        show(pass.name, &trace);
    }
    trace
}
