//! What the measuring programs share: a host, and natives that run for long.
#![forbid(unsafe_code)]

pub mod cases;
pub mod host;
