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
//! | [`params`] | the table of limits |
#![deny(missing_docs)]

pub mod cache;
pub mod code_memory;
pub mod executor;
pub mod lower;
pub mod params;
pub mod runtime;
pub mod worker;

pub use cache::Cache;
pub use executor::{Executor, Left};
pub use lower::{Exit, Lowerer};
pub use params::Params;
pub use runtime::Runtime;
pub use worker::{Compiler, Workers};
