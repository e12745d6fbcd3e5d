//! The house's own tools: `tidy` holds its rules, `conform` holds what already passes, `tails` that the run loop jumps.
#![forbid(unsafe_code)]

pub mod api;
pub mod conform;
pub mod pgo;
pub mod tails;
pub mod tidy;

use std::path::{Path, PathBuf};

/// The workspace's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
