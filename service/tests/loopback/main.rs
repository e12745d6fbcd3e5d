//! The service over real loopback gRPC, with a scripted engine.

mod refusals;
mod requests;
mod running;
mod sessions;
mod support;
