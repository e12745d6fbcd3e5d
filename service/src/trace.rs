//! Traces: a span for each call and one for each execution, sent by OTLP where the settings say so.
//!
//! Spans are those of `tracing`, of a target of their own: without an endpoint nobody wants them, and they cost a look.
//! They hold names, times and outcomes; never code, never values.

use std::collections::HashMap;
use std::time::Duration;

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tonic::codegen::http::HeaderMap;
use tonic::transport::{Certificate, ClientTlsConfig};
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use typhon_proto::v1;

use crate::config::Config;
use crate::identity::Caller;
use crate::metrics::time;
use crate::server::BoxError;

/// What tells these spans from the log's.
pub const TARGET: &str = "typhon::trace";

/// A collector that does not answer is not waited for any longer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Sends spans until it is dropped; then what is left.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// None where the settings name no endpoint. Within a tokio runtime, which has to outlive it.
    pub fn start(config: &Config) -> Result<Option<Traces>, BoxError> {
        if config.otlp_endpoint.is_empty() {
            return Ok(None);
        }
        let mut exporter =
            SpanExporter::builder().with_tonic().with_endpoint(config.otlp_endpoint.clone()).with_timeout(PATIENCE);
        if config.otlp_endpoint.starts_with("https:") {
            let tls = match config.otlp_ca.as_str() {
                "" => {
                    return Err("otlp_endpoint: https needs otlp_ca, the authorities that sign its certificate".into());
                }
                path => std::fs::read(path).map_err(|error| format!("{path}: {error}"))?,
            };
            exporter = exporter.with_tls_config(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(tls)));
        }
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.trace_sample.0)));
        let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name("typhon").with_attribute(version).build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter.build()?)
            .with_sampler(sampler)
            .with_resource(resource)
            .build();
        Ok(Some(Traces(provider)))
    }

    pub fn tracer(&self) -> SdkTracer {
        self.0.tracer("typhon")
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(PATIENCE) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// The span of a call, within the trace that its headers name.
pub fn call(path: &str, headers: &HeaderMap) -> Span {
    let (service, method) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
    let span = tracing::info_span!(
        target: TARGET,
        parent: None,
        "call",
        otel.name = path.trim_start_matches('/'),
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
        rpc.grpc.status_code = Empty,
    );
    if !span.is_disabled() {
        let context = TraceContextPropagator::new().extract(&Headers(headers));
        // It fails for a span that has begun to be sent, which this has not.
        let _set = span.set_parent(context);
    }
    span
}

/// The call has ended with this status.
pub fn called(span: &Span, status: tonic::Code) {
    span.record("rpc.grpc.status_code", i32::from(status));
    let broken = matches!(status, tonic::Code::Unknown | tonic::Code::Internal | tonic::Code::DataLoss);
    if broken {
        span.record("otel.status_code", "ERROR");
    }
}

/// The span of an execution, within the call that it came by.
pub fn execution(caller: &Caller, name: &str, session: Option<&str>) -> Span {
    tracing::info_span!(
        target: TARGET,
        "execution",
        typhon.execution = name,
        typhon.tenant = &*caller.tenant.name,
        typhon.session = session,
        typhon.outcome = Empty,
        typhon.queue_us = Empty,
        typhon.wall_us = Empty,
        typhon.cpu_us = Empty,
        typhon.instructions = Empty,
        typhon.peak_heap_bytes = Empty,
        typhon.host_calls = Empty,
    )
}

/// The execution has ended.
pub fn executed(span: &Span, response: &v1::ExecuteResponse) {
    if span.is_disabled() {
        return;
    }
    let micros = |of| u64::try_from(time(of).as_micros()).unwrap_or(u64::MAX);
    let none = v1::Usage::default();
    let usage = response.usage.as_ref().unwrap_or(&none);
    span.record("typhon.outcome", response.outcome.as_ref().map(|outcome| outcome.reason().as_str_name()));
    span.record("typhon.queue_us", micros(usage.queue_time));
    span.record("typhon.wall_us", micros(usage.wall_time));
    span.record("typhon.cpu_us", micros(usage.cpu_time));
    span.record("typhon.instructions", usage.instructions);
    span.record("typhon.peak_heap_bytes", usage.peak_heap_bytes);
    span.record("typhon.host_calls", usage.host_calls);
}

/// The span that runs now, as `traceparent` says it; empty without one.
pub fn current() -> String {
    let mut carrier = HashMap::new();
    let span = Span::current();
    if !span.is_disabled() {
        TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
    }
    carrier.remove("traceparent").unwrap_or_default()
}

/// The span of what a node does of a trace that began elsewhere.
pub fn resumed(traceparent: &str, name: &str, attempt: u32) -> Span {
    let span = tracing::info_span!(target: TARGET, parent: None, "durable", typhon.execution = name, attempt);
    if !span.is_disabled() {
        let carrier = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
        // As in `call`.
        let _set = span.set_parent(TraceContextPropagator::new().extract(&carrier));
    }
    span
}

struct Headers<'h>(&'h HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(tonic::codegen::http::HeaderName::as_str).collect()
    }
}
