//! Logging, where the audit log goes, and traces. Neither code nor values are ever in any of them.

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
use crate::trace::{self, Traces};

/// How lines of the log look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// Sends what is left when it is dropped, which is to happen before the runtime ends.
#[must_use]
pub struct Telemetry {
    _traces: Option<Traces>,
}

/// Logs to standard error, and sends traces, as the settings say. Call once per process, within a tokio runtime.
pub fn start(config: &Config) -> Result<Telemetry, BoxError> {
    let ours = |target: &str| target != audit::TARGET && target != trace::TARGET;
    let filter = EnvFilter::try_new(&config.log)?.and(filter_fn(move |event| ours(event.target())));
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
    let traces = Traces::start(config)?;
    let spans = traces.as_ref().map(|traces| {
        let layer = tracing_opentelemetry::layer().with_tracer(traces.tracer()).with_location(false);
        layer.with_threads(false).with_filter(filter_fn(|span| span.target() == trace::TARGET)).boxed()
    });
    tracing_subscriber::registry().with(lines).with(audit).with(spans).try_init()?;
    Ok(Telemetry { _traces: traces })
}
