//! The service over real loopback gRPC, with a scripted engine.

mod admin;
mod batch;
mod fairness;
mod fields;
mod identity;
mod kept;
mod programs;
mod refusals;
mod requests;
mod running;
mod sessions;
mod support;
mod tls;
mod web;
