//! Logging. Neither code nor values are ever logged.

use tracing_subscriber::EnvFilter;

/// Logs to standard error, as `filter` says (the syntax of RUST_LOG). Call once per process.
pub fn start(filter: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let filter = EnvFilter::try_new(filter)?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init()
}
