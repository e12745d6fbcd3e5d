//! What running is.
pub mod host;
