//! The gRPC face: protocol types to ours and back, and nothing else.

mod batch;
mod blobs;
pub mod files;
pub mod identity;
pub mod interact;
mod kept;
pub mod page;
mod programs;
pub mod request;
pub mod response;
pub mod session;
pub mod snapshots;
pub mod stream;
pub mod template;
pub mod traces;
pub mod value;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use typhon_proto::v1;
use typhon_proto::v1::execution_service_server::ExecutionService;
use typhon_proto::v1::runtime_service_server::RuntimeService;

use crate::admin;
use crate::admission::Admission;
use crate::durable::Durable;
use crate::error::Refusal;
use crate::identity::Caller;
use crate::identity::layer::caller;
use crate::limits;
use crate::seal;
use identity::Fingerprints;
use request::Way;
use stream::{EventStream, Outgoing};

/// Grows with every addition to `typhon.v1`.
const API_REVISION: i32 = 8;

#[derive(Clone)]
pub struct Api {
    admission: Arc<Admission>,
    fingerprints: Fingerprints,
    /// Where executions outlive this server.
    durable: Option<Durable>,
}

impl Api {
    pub fn new(admission: Arc<Admission>, durable: Option<Durable>) -> Api {
        Api { admission, fingerprints: Fingerprints::default(), durable }
    }
}

#[tonic::async_trait]
impl ExecutionService for Api {
    type StreamExecuteStream = Outgoing<v1::StreamExecuteResponse>;
    type AttachExecutionStream = Outgoing<v1::AttachExecutionResponse>;
    type BatchExecuteStream = ReceiverStream<Result<v1::BatchExecuteResponse, Status>>;
    type InteractStream = EventStream<v1::InteractResponse>;

    async fn execute(&self, request: Request<v1::ExecuteRequest>) -> Result<Response<v1::ExecuteResponse>, Status> {
        let (caller, deadline) = (caller(&request)?, deadline(&request));
        let request = request.into_inner();
        // What few calls wait for has a place of its own: a future that held it, or the request until then, would be large, and
        // is moved about with every call.
        if request.target.is_some() || !request.request_id.is_empty() || !request.files.is_empty() {
            return Box::pin(self.execute_prepared(caller, request, deadline)).await;
        }
        let awaited = self.admission.begin(&caller, request::decode(request, Way::Unary)?, deadline)?;
        Ok(Response::new(*awaited.answer().await?))
    }

    async fn stream_execute(
        &self,
        request: Request<v1::StreamExecuteRequest>,
    ) -> Result<Response<Self::StreamExecuteStream>, Status> {
        let (caller, deadline) = (caller(&request)?, deadline(&request));
        let request = request.into_inner().request.unwrap_or_default();
        self.admission.bring(&caller, request.target.as_ref()).await?;
        if !request.request_id.is_empty() {
            let record = self.keep(&caller, "StreamExecute", request, Way::Stream, true).await?;
            return Ok(Response::new(self.follow(&record, 0, kept::streamed)));
        }
        let wanted = request::decode(self.with_blobs(&caller, request).await?, Way::Stream)?;
        let (events, guard) = self.admission.start(&caller, wanted, deadline)?;
        let silence = self.admission.config.keepalive_interval;
        Ok(Response::new(Box::pin(EventStream::new(events, guard, silence, stream::plain))))
    }

    async fn interact(
        &self,
        request: Request<Streaming<v1::InteractRequest>>,
    ) -> Result<Response<Self::InteractStream>, Status> {
        let (caller, deadline) = (caller(&request)?, deadline(&request));
        let mut inbound = request.into_inner();
        let start = interact::start(&mut inbound).await?;
        if !start.request_id.is_empty() {
            return Err(Refusal::invalid("request_id", "a conversation cannot be told from its retry").into());
        }
        self.admission.bring(&caller, start.target.as_ref()).await?;
        let wanted = request::decode(self.with_blobs(&caller, start).await?, Way::Interact)?;
        let (events, guard, line) = self.admission.interact(&caller, wanted, deadline)?;
        tokio::spawn(interact::listen(inbound, line));
        Ok(Response::new(EventStream::new(events, guard, self.admission.config.keepalive_interval, interact::event)))
    }

    async fn start_execution(
        &self,
        request: Request<v1::StartExecutionRequest>,
    ) -> Result<Response<v1::StartExecutionResponse>, Status> {
        let caller = caller(&request)?;
        kept::unary(self.begin(&caller, request.into_inner()).await, |e| v1::StartExecutionResponse {
            execution: Some(e),
        })
    }

    async fn attach_execution(
        &self,
        request: Request<v1::AttachExecutionRequest>,
    ) -> Result<Response<Self::AttachExecutionStream>, Status> {
        let caller = caller(&request)?;
        self.attach(&caller, request.into_inner()).await
    }

    async fn get_execution(
        &self,
        request: Request<v1::GetExecutionRequest>,
    ) -> Result<Response<v1::GetExecutionResponse>, Status> {
        let caller = caller(&request)?;
        kept::unary(self.describe(&caller, request.into_inner()).await, |e| v1::GetExecutionResponse {
            execution: Some(e),
        })
    }

    async fn list_executions(
        &self,
        request: Request<v1::ListExecutionsRequest>,
    ) -> Result<Response<v1::ListExecutionsResponse>, Status> {
        let caller = caller(&request)?;
        kept::unary(self.page(&caller, request.into_inner()).await, |page| page)
    }

    async fn cancel_execution(
        &self,
        request: Request<v1::CancelExecutionRequest>,
    ) -> Result<Response<v1::CancelExecutionResponse>, Status> {
        let caller = caller(&request)?;
        kept::unary(self.stop(&caller, request.into_inner()).await, |e| v1::CancelExecutionResponse {
            execution: Some(e),
        })
    }

    async fn delete_execution(
        &self,
        request: Request<v1::DeleteExecutionRequest>,
    ) -> Result<Response<v1::DeleteExecutionResponse>, Status> {
        let caller = caller(&request)?;
        kept::unary(self.forget(&caller, request.into_inner()).await, |()| v1::DeleteExecutionResponse {})
    }

    async fn batch_execute(
        &self,
        request: Request<Streaming<v1::BatchExecuteRequest>>,
    ) -> Result<Response<Self::BatchExecuteStream>, Status> {
        let (caller, deadline) = (caller(&request)?, deadline(&request));
        let mut inbound = request.into_inner();
        let batch = Arc::new(batch::setup(&mut inbound, self, caller, deadline).await?);
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(batch::run(batch, inbound, sender));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

impl Api {
    /// Executes what waits for something before it can begin.
    async fn execute_prepared(
        &self,
        caller: Caller,
        request: v1::ExecuteRequest,
        deadline: Option<Instant>,
    ) -> Result<Response<v1::ExecuteResponse>, Status> {
        self.admission.bring(&caller, request.target.as_ref()).await?;
        if !request.request_id.is_empty() {
            let record = self.keep(&caller, "Execute", request, Way::Unary, true).await?;
            return kept::unary(self.outcome(record).await, |response| response);
        }
        let wanted = request::decode(self.with_blobs(&caller, request).await?, Way::Unary)?;
        let awaited = self.admission.begin(&caller, wanted, deadline)?;
        Ok(Response::new(*awaited.answer().await?))
    }
}

/// What compiles guests' loops: `trace` is the trace compiler.
fn compilers(enabled: bool) -> v1::JitCapabilities {
    v1::JitCapabilities { enabled, tiers: enabled.then(|| "trace".to_owned()).into_iter().collect() }
}

#[tonic::async_trait]
impl RuntimeService for Api {
    async fn get_capabilities(
        &self,
        _request: Request<v1::GetCapabilitiesRequest>,
    ) -> Result<Response<v1::GetCapabilitiesResponse>, Status> {
        let config = &self.admission.config;
        let places = self.admission.workers().places();
        let capabilities = v1::Capabilities {
            language_version: "3.14".into(),
            features: [
                "batch",
                "clock.frozen",
                "entropy.seeded",
                "executions",
                "host functions",
                "programs",
                "sessions",
                "snapshots",
                "templates",
                "traces",
                "validate_only",
            ]
            .map(String::from)
            .into_iter()
            .filter(|feature| match feature.as_str() {
                "templates" => places.has_processes(),
                "traces" => places.compiles(),
                _ => true,
            })
            .collect(),
            modules: Vec::new(),
            isolation_levels: places.levels().into_iter().map(|level| level.wire().into()).collect(),
            limit_ceilings: Some(response::limits(&limits::ceilings(config))),
            limit_defaults: Some(response::limits(&limits::derive(&typhon_vm::Limits::default(), config))),
            jit: Some(compilers(places.compiles())),
            max_message_bytes: i64::try_from(config.max_message.0).unwrap_or(i64::MAX),
            snapshot_formats: vec![seal::FORMAT.to_owned()],
            api_revision: API_REVISION,
            server_version: env!("CARGO_PKG_VERSION").into(),
            default_isolation: places.default_isolation().wire().into(),
            hardening: places.hardening(),
            workers: i32::try_from(self.admission.workers().count()).unwrap_or(i32::MAX),
        };
        Ok(Response::new(v1::GetCapabilitiesResponse { capabilities: Some(capabilities) }))
    }

    async fn get_usage(&self, request: Request<v1::GetUsageRequest>) -> Result<Response<v1::GetUsageResponse>, Status> {
        let tenant = admin::wire(&self.admission, &caller(&request)?.tenant);
        Ok(Response::new(v1::GetUsageResponse { tenant: Some(tenant) }))
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
