//! The service with the engine itself, over loopback gRPC: what a hostile or clumsy program meets.
//!
//! `cli/tests/worker` runs the same with worker processes.

mod callbacks;
mod compiled;
mod entry;
mod files;
mod fixture;
mod handover;
mod limits;
mod metrics;
mod modules;
mod network;
mod programs;
mod running;
mod sessions;
mod snapshots;
mod threads;
mod traces;

pub use fixture::*;
use typhon_jit::Process;
use typhon_service::Vm;

/// The program's, which is what meters a guest's memory.
#[global_allocator]
static ALLOCATOR: typhon_vm::Metered<typhon_vm::Malloc> = typhon_vm::Metered(typhon_vm::Malloc);

/// Starts a server with these settings over the defaults, and what the environment says about traces.
pub async fn start(settings: &[(&str, &str)]) -> Fixture {
    let compiler = Process::from_environment(|name| std::env::var(name).ok());
    start_with(settings, compiler.expect("a switch in order")).await
}

/// The same with a compiler.
pub async fn start_with(settings: &[(&str, &str)], compiler: Option<Process>) -> Fixture {
    serve(settings, |bytes| Vm::new(compiler, bytes)).await
}
