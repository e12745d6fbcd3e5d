//! Logging, and where the audit log goes. Neither code nor values are ever logged.

use std::fs::OpenOptions;
use std::sync::Arc;

use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::audit;
use crate::config::Config;
use crate::server::BoxError;

/// How lines of the log look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// Logs to standard error, as the settings say. Call once per process.
pub fn start(config: &Config) -> Result<(), BoxError> {
    let filter = EnvFilter::try_new(&config.log)?.and(filter_fn(|event| event.target() != audit::TARGET));
    let lines = layer().with_writer(std::io::stderr);
    let lines = match config.log_format {
        LogFormat::Text => lines.with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    let audited = filter_fn(|event| event.target() == audit::TARGET);
    let audit = match config.audit_log.as_str() {
        "" => None,
        "-" => Some(layer().json().flatten_event(true).with_writer(std::io::stderr).with_filter(audited).boxed()),
        path => {
            let file = OpenOptions::new().append(true).create(true).open(path);
            let file = Arc::new(file.map_err(|error| format!("{path}: {error}"))?);
            Some(layer().json().flatten_event(true).with_writer(file).with_filter(audited).boxed())
        }
    };
    tracing_subscriber::registry().with(lines).with(audit).try_init()?;
    Ok(())
}
