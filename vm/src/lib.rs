//! The façade of the Typhon virtual machine: plain data in, plain data out.
//!
//! A caller owns three things: a [`Request`] (or a [`Command`] for a `python`-like process), a [`Host`] through which
//! the guest reaches the world, and a [`Cancel`] that stops it from any thread. One synchronous call runs the program.
//! Nothing here knows gRPC, tokio or clap; nothing outside the VM sees an object.

mod callbacks;
pub mod cancel;
pub mod clock;
pub mod command;
mod convert;
mod engine;
mod entry;
pub mod exception;
mod execute;
pub mod files;
mod fork;
pub mod limits;
pub mod outcome;
mod relay;
pub mod request;
mod resident;
mod run;
mod session;
mod site;
mod snapshot;
pub mod value;
pub mod work;

pub use callbacks::{Grant, HostAnswer, HostCall, HostCalls, HostFunction, HostFunctions, HostModule};
pub use cancel::{Attachment, Cancel, CancelReason};
pub use clock::{CpuMeter, ThreadClock};
pub use command::{Command, Exit, Flags, Program, Session};
pub use exception::{Frame, Position, PyException};
pub use execute::execute;
pub use files::{FileAnswer, FileEntry, FileWork};
pub use fork::fork_process;
pub use limits::{LimitHit, LimitName, Limits, Sharing, Usage};
pub use outcome::{Detail, Outcome, Response, TerminationReason};
pub use request::{Request, ResultMode};
pub use resident::{Resident, Run};
pub use run::run;
pub use session::open_session;
pub use typhon_compiler::{Compiled, Mode as CompileMode, ModuleResult, Options as CompileOptions, compile};
pub use typhon_interp::host::{Access, Answer, FileRoom, Host, HostError, Outlet, Stdio, Stream};
pub use typhon_interp::tier::Tiers;
pub use typhon_object::heap::reaper::Respite;
pub use typhon_object::malloc::Malloc;
pub use typhon_object::meter::Metered;
pub use typhon_object::process::set_hash_seed;
pub use typhon_stdlib::compile::Library;
pub use typhon_stdlib::import::gate::Modules;
pub use typhon_stdlib::kernel::signals::stand_back as leave_signals_to_other_threads;
pub use value::{BigInt, Cap, Date, Instance, Time, TypeRef, Value};
pub use work::{CodeKey, LeftOut, Saved, Work, Worked};
