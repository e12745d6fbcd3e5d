//! The back of the trace compiler: traces become machine code, which all threads share.
//!
//! ```text
//! Trace ── opt ──▶ Trace ── lower (Cranelift) ──▶ bytes ── code_memory ──▶ Executor ──▶ cache ──▶ every thread
//! ```
//!
//! | module | noun |
//! |---|---|
//! | [`lower`] | a trace's machine code, and what its exits hold |
//! | [`code_memory`] | where machine code lies: never writable and executable at one address |
//! | [`executor`] | a compiled trace, to be entered |
//! | [`runtime`] | the addresses of the helpers that machine code calls |
//! | [`cache`] | executors by what they are for, shared by the process |
//! | [`worker`] | threads that compile |
//! | [`bill`] | what compiling for an isolate has cost |
//! | [`process`] | what isolates share, and the switch |
//! | [`params`] | the table of limits |
//! | `worth` | what a trace saves, and what coming and going costs |
//! | `go` | a run of machine code: from trace to trace, until the interpreter goes on |
//! | [`journal`] | what was recorded, for who looks |
//! | [`counts`] | the table of what is counted |
//! | `perf_map` | what `perf report` is told of traces |
//! | [`record`] | a running loop's trace (docs/design/007-recorder.md) |
//! | [`abort`] | the table of reasons for which a recording is given up |
//! | [`isolate`] | what an isolate's threads share: [`typhon_interp::tier::Tier`] |
//! | [`tier`] | a thread's part, which the interpreter calls: [`typhon_interp::tier::Tier2`] |
//! | [`graft`] | bridges as parts of the traces that they go on from |
//! | `compiled` | who compiles, and what becomes of it |
//! | `grow` | which, and when |
//! | `helpers` | what machine code calls for objects |
//! | [`vm`] | the VM's objects for machine code: helpers, and what exits make |
#![deny(missing_docs)]

pub mod abort;
pub mod bill;
pub mod cache;
pub mod code_memory;
mod compiled;
pub mod counts;
pub mod executor;
mod go;
pub mod graft;
mod grow;
mod helpers;
pub mod isolate;
pub mod journal;
pub mod lower;
pub mod params;
mod perf_map;
pub mod process;
pub mod record;
mod retire;
pub mod runtime;
mod site;
pub mod tier;
pub mod vm;
pub mod worker;
pub mod worth;

pub use cache::Cache;
pub use executor::{Executor, Left};
pub use isolate::Jit;
pub use lower::{Exit, Lowerer};
pub use params::Params;
pub use process::{Mode, Process};
pub use runtime::Runtime;

pub use worker::{Compiler, Workers};
