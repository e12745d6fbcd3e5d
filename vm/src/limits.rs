//! What one execution may use, and what it did use.

use std::time::Duration;

pub use typhon_object::tally::Sharing;

/// `None` is "no limit". The service fills every field before it starts an execution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Held by the caller's watchdog through [`crate::Cancel`].
    pub wall: Option<Duration>,
    /// Processor time summed over the isolate's threads; held by the caller's watchdog.
    pub cpu: Option<Duration>,
    pub instructions: Option<u64>,
    pub heap_bytes: Option<u64>,
    /// Python frames; `sys.setrecursionlimit` cannot go past it.
    pub stack_depth: Option<u32>,
    pub threads: Option<u32>,
    pub cpu_parallelism: Option<u32>,
    /// Held by the [`crate::Host`].
    pub stdout_bytes: Option<u64>,
    /// Held by the [`crate::Host`].
    pub stderr_bytes: Option<u64>,
    pub result_bytes: Option<u64>,
    pub file_bytes: Option<u64>,
    pub files: Option<u32>,
    pub open_files: Option<u32>,
    pub host_calls: Option<u64>,
    pub sleep: Option<Duration>,
    pub compile: Option<Duration>,
    pub source_bytes: Option<u64>,
}

/// Names one field of [`Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitName {
    Wall,
    Cpu,
    Instructions,
    HeapBytes,
    StackDepth,
    Threads,
    StdoutBytes,
    StderrBytes,
    ResultBytes,
    FileBytes,
    Files,
    OpenFiles,
    HostCalls,
    Sleep,
    Compile,
    SourceBytes,
}

/// A limit that ended an execution. Times are in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitHit {
    pub which: LimitName,
    pub limit: u64,
    pub used: u64,
}

impl LimitHit {
    /// That of a time.
    pub fn time(which: LimitName, limit: Duration, used: Duration) -> LimitHit {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        LimitHit { which, limit: nanos(limit), used: nanos(used) }
    }
}

/// What an execution used. The engine fills what it counts; the service adds queue, wall and CPU time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    pub queue: Duration,
    pub start_cost: Duration,
    pub compile: Duration,
    pub wall: Duration,
    pub cpu: Duration,
    pub instructions: u64,
    pub peak_heap_bytes: u64,
    /// What the heap held, times how long.
    pub heap_byte_seconds: f64,
    pub gc: Duration,
    /// Compiling, on whatever threads, as far as it had ended when the program did.
    pub jit_compile: Duration,
    pub jit_code_bytes: u64,
    pub threads_peak: u32,
    /// What threads cost each other, if there were several.
    pub sharing: Option<Sharing>,
    pub host_calls: u64,
    pub host_wait: Duration,
    pub bytes_out: u64,
}
