//! The service with its guests in worker processes: all that holds of guests in the server's own, and what does not.

#[path = "../../../service/tests/engine/callbacks.rs"]
mod callbacks;
mod crash;
mod deterministic;
#[path = "../../../service/tests/engine/entry.rs"]
mod entry;
#[path = "../../../service/tests/engine/files.rs"]
mod files;
#[path = "../../../service/tests/engine/fixture.rs"]
mod fixture;
#[path = "../../../service/tests/engine/handover.rs"]
mod handover;
mod hostile;
#[path = "../../../service/tests/engine/limits.rs"]
mod limits;
#[path = "../../../service/tests/engine/metrics.rs"]
mod metrics;
#[path = "../../../service/tests/engine/modules.rs"]
mod modules;
#[path = "../../../service/tests/engine/network.rs"]
mod network;
#[path = "../../../service/tests/engine/running.rs"]
mod running;
#[path = "../../../service/tests/engine/sessions.rs"]
mod sessions;
#[path = "../../../service/tests/engine/snapshots.rs"]
mod snapshots;
#[path = "../../src/bench/suite.rs"]
mod suite;
mod templates;
#[path = "../../../service/tests/engine/threads.rs"]
mod threads;

pub use fixture::*;
use typhon_service::Vm;

/// Starts a server with these settings over the defaults.
pub async fn start(settings: &[(&str, &str)]) -> Fixture {
    // Whether the preloaded isolate is there already would be chance.
    let settings: Vec<_> = std::iter::once(("preload", ""))
        .filter(|_| settings.iter().all(|(name, _)| *name != "preload"))
        .chain(settings.iter().copied())
        .collect();
    serve(&settings, |bytes| Vm::new(None, bytes).with_workers(env!("CARGO_BIN_EXE_typhon").into())).await
}
