//! The service over real loopback gRPC, with a scripted engine.

mod requests;
mod running;
mod support;
