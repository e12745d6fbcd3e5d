//! The gRPC service: admission, workers, limits and streaming around the virtual machine.
//!
//! Data flows one way: `grpc` decodes a request, `admission` lets it in, `workers` runs it on an OS thread, `host`
//! takes its output, `watchdog` holds its time limits, and `grpc` encodes what came of it. tokio threads never run
//! guest code, and workers never touch a socket.
#![forbid(unsafe_code)]

mod admin;
mod admission;
mod ahead;
mod audit;
mod callbacks;
mod calls;
pub mod config;
mod depot;
mod durable;
mod egress;
mod engine;
mod errands;
mod error;
mod events;
mod execution;
mod executions;
mod fair;
mod grpc;
mod handover;
mod host;
mod identity;
mod job;
mod library;
mod limits;
mod listener;
mod metrics;
mod output;
mod place;
mod process;
mod programs;
mod quota;
mod record;
mod seal;
mod server;
mod session;
mod sessions;
mod snapshots;
mod status_layer;
mod store;
pub mod telemetry;
mod templates;
mod tls;
mod trace;
mod watchdog;
mod web;
mod workers;

pub use config::{Config, SETTINGS, Setting};
pub use engine::{Engine, Isolate, Vm};
pub use library::Shelves;
pub use listener::Listen;
pub use process::serve as serve_worker;
pub use server::{BoxError, Server, serve};
