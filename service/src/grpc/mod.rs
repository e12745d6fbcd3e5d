//! The gRPC face: protocol types to ours and back, and nothing else.

mod interact;
pub mod request;
pub mod response;
mod session;
pub mod stream;
pub mod value;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tonic::{Request, Response, Status, Streaming};
use typhon_proto::v1;
use typhon_proto::v1::execution_service_server::ExecutionService;
use typhon_proto::v1::runtime_service_server::RuntimeService;

use crate::admission::Admission;
use crate::limits;
use request::Way;
use stream::EventStream;

/// Grows with every addition to `typhon.v1`.
const API_REVISION: i32 = 2;

#[derive(Clone)]
pub struct Api {
    admission: Arc<Admission>,
}

impl Api {
    pub fn new(admission: Arc<Admission>) -> Api {
        Api { admission }
    }
}

#[tonic::async_trait]
impl ExecutionService for Api {
    type StreamExecuteStream = EventStream<v1::StreamExecuteResponse>;
    type InteractStream = EventStream<v1::InteractResponse>;

    async fn execute(&self, request: Request<v1::ExecuteRequest>) -> Result<Response<v1::ExecuteResponse>, Status> {
        let deadline = deadline(&request);
        let wanted = request::decode(request.into_inner(), Way::Unary)?;
        let finished = self.admission.run(wanted, deadline).await?;
        Ok(Response::new(response::finished(*finished)))
    }

    async fn stream_execute(
        &self,
        request: Request<v1::StreamExecuteRequest>,
    ) -> Result<Response<Self::StreamExecuteStream>, Status> {
        let deadline = deadline(&request);
        let wanted = request::decode(request.into_inner().request.unwrap_or_default(), Way::Stream)?;
        let (events, guard) = self.admission.start(wanted, deadline)?;
        Ok(Response::new(EventStream::new(events, guard, self.admission.config.keepalive_interval, stream::plain)))
    }

    async fn interact(
        &self,
        request: Request<Streaming<v1::InteractRequest>>,
    ) -> Result<Response<Self::InteractStream>, Status> {
        let deadline = deadline(&request);
        let mut inbound = request.into_inner();
        let start = interact::start(&mut inbound).await?;
        let wanted = request::decode(start, Way::Interact)?;
        let (events, guard, line) = self.admission.interact(wanted, deadline)?;
        tokio::spawn(interact::listen(inbound, line));
        Ok(Response::new(EventStream::new(events, guard, self.admission.config.keepalive_interval, interact::event)))
    }
}

#[tonic::async_trait]
impl RuntimeService for Api {
    async fn get_capabilities(
        &self,
        _request: Request<v1::GetCapabilitiesRequest>,
    ) -> Result<Response<v1::GetCapabilitiesResponse>, Status> {
        let config = &self.admission.config;
        let capabilities = v1::Capabilities {
            language_version: "3.14".into(),
            features: ["clock.frozen", "entropy.seeded", "host functions", "sessions", "validate_only"]
                .map(String::from)
                .into(),
            modules: Vec::new(),
            isolation_levels: vec![v1::IsolationLevel::InProcess.into()],
            limit_ceilings: Some(response::limits(&limits::ceilings(config))),
            limit_defaults: Some(response::limits(&limits::derive(&typhon_vm::Limits::default(), config))),
            jit: Some(v1::JitCapabilities { enabled: false, tiers: Vec::new() }),
            max_message_bytes: i64::try_from(config.max_message.0).unwrap_or(i64::MAX),
            snapshot_formats: Vec::new(),
            api_revision: API_REVISION,
            server_version: env!("CARGO_PKG_VERSION").into(),
            workers: i32::try_from(self.admission.workers().count()).unwrap_or(i32::MAX),
        };
        Ok(Response::new(v1::GetCapabilitiesResponse { capabilities: Some(capabilities) }))
    }
}

/// When the client stops waiting, from its `grpc-timeout`.
fn deadline<T>(request: &Request<T>) -> Option<Instant> {
    let timeout = request.metadata().get("grpc-timeout")?.to_str().ok()?;
    Instant::now().checked_add(parse_timeout(timeout)?)
}

/// The wire form: at most eight digits and a unit.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
