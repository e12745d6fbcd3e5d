//! `SessionService`: sessions to the wire and from it.

use std::time::Duration;

use tonic::{Request, Response, Status};
use typhon_proto::v1;
use typhon_proto::v1::session_service_server::SessionService;
use typhon_vm::CancelReason;

use super::{Api, request, response};
use crate::config::Config;
use crate::error::Refusal;
use crate::host::Kept;
use crate::identity::layer::caller;
use crate::limits;
use crate::session::{Session, Terms, WhenBusy};

const PAGE: usize = 100;
const PAGE_MAX: usize = 1000;
#[tonic::async_trait]
impl SessionService for Api {
    async fn create_session(
        &self,
        request: Request<v1::CreateSessionRequest>,
    ) -> Result<Response<v1::CreateSessionResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        request::request_id(&request.request_id)?;
        let identity = self.fingerprints.session(&caller.tenant, &request);
        let terms = terms(request.session.unwrap_or_default(), &self.admission.config)?;
        let session = self.admission.sessions()?.create(&caller.tenant, terms, identity)?;
        Ok(Response::new(v1::CreateSessionResponse { session: Some(wire(&session)) }))
    }

    async fn get_session(
        &self,
        request: Request<v1::GetSessionRequest>,
    ) -> Result<Response<v1::GetSessionResponse>, Status> {
        let tenant = caller(&request)?.tenant;
        let session = self.admission.sessions()?.find(&tenant, &named(request.into_inner().name)?)?;
        Ok(Response::new(v1::GetSessionResponse { session: Some(wire(&session)) }))
    }

    async fn list_sessions(
        &self,
        request: Request<v1::ListSessionsRequest>,
    ) -> Result<Response<v1::ListSessionsResponse>, Status> {
        let tenant = caller(&request)?.tenant;
        let v1::ListSessionsRequest { page_size, page_token } = request.into_inner();
        let most = page_size_of(page_size)?;
        if !page_token.is_empty() && !page_token.starts_with("sessions/") {
            return Err(Refusal::invalid("page_token", "is not from a response").into());
        }
        let (page, more) = self.admission.sessions()?.list(&tenant, &page_token, most);
        let next_page_token = match page.last() {
            Some(last) if more => last.name.clone(),
            _ => String::new(),
        };
        let sessions = page.iter().map(|session| wire(session)).collect();
        Ok(Response::new(v1::ListSessionsResponse { sessions, next_page_token }))
    }

    async fn delete_session(
        &self,
        request: Request<v1::DeleteSessionRequest>,
    ) -> Result<Response<v1::DeleteSessionResponse>, Status> {
        let tenant = caller(&request)?.tenant;
        self.admission.sessions()?.delete(&tenant, &named(request.into_inner().name)?)?;
        Ok(Response::new(v1::DeleteSessionResponse {}))
    }

    async fn interrupt_session(
        &self,
        request: Request<v1::InterruptSessionRequest>,
    ) -> Result<Response<v1::InterruptSessionResponse>, Status> {
        use v1::interrupt_session_request::Mode;
        let tenant = caller(&request)?.tenant;
        let v1::InterruptSessionRequest { name, mode } = request.into_inner();
        let name = named(name)?;
        let how = match request::known(mode, "mode")? {
            Mode::Unspecified | Mode::Raise => CancelReason::Interrupt,
            Mode::Stop => CancelReason::CancelledByClient,
        };
        let execution = self.admission.sessions()?.find(&tenant, &name)?.interrupt(how).unwrap_or_default();
        Ok(Response::new(v1::InterruptSessionResponse { execution }))
    }

    async fn reset_session(
        &self,
        request: Request<v1::ResetSessionRequest>,
    ) -> Result<Response<v1::ResetSessionResponse>, Status> {
        let tenant = caller(&request)?.tenant;
        let session = self.admission.sessions()?.reset(&tenant, &named(request.into_inner().name)?)?;
        Ok(Response::new(v1::ResetSessionResponse { session: Some(wire(&session)) }))
    }
}

fn named(name: String) -> Result<String, Refusal> {
    match name.strip_prefix("sessions/") {
        Some(id) if !id.is_empty() => Ok(name),
        _ => Err(Refusal::invalid("name", "is not of the form sessions/{id}")),
    }
}

/// How many a page may hold.
pub fn page_size_of(asked: i32) -> Result<usize, Refusal> {
    match usize::try_from(asked) {
        Ok(0) => Ok(PAGE),
        Ok(size) => Ok(size.min(PAGE_MAX)),
        Err(_) => Err(Refusal::invalid("page_size", "is negative")),
    }
}

fn terms(asked: v1::Session, config: &Config) -> Result<Terms, Refusal> {
    use v1::session::BusyPolicy;
    let within = |refusal| request::at("session", refusal);
    let limits = request::limits(&asked.limits.unwrap_or_default()).map_err(within)?;
    let world = request::world(&asked.policy.clone().unwrap_or_default()).map_err(within)?;
    let when_busy = match request::known(asked.when_busy, "session.when_busy")? {
        BusyPolicy::Unspecified | BusyPolicy::Wait => WhenBusy::Wait,
        BusyPolicy::Refuse => WhenBusy::Refuse,
    };
    let least = Duration::from_millis(1);
    let idle_ttl = request::duration(asked.idle_ttl, "session.idle_ttl", least)?;
    let ttl = request::duration(asked.ttl, "session.ttl", least)?;
    let labels = request::labels(asked.labels, "session.labels")?;
    Ok(Terms {
        limits: limits::derive(&limits, config),
        env: request::env(asked.env).map_err(within)?,
        functions: request::functions(&asked.policy.clone().unwrap_or_default()).map_err(within)?,
        kept: Kept::new(world),
        when_busy,
        idle_ttl: idle_ttl.unwrap_or(config.session_idle_ttl_default).min(config.session_idle_ttl_max),
        ttl: ttl.unwrap_or(config.session_ttl_default).min(config.session_ttl_max),
        labels,
        policy: asked.policy,
    })
}

fn wire(session: &Session) -> v1::Session {
    use v1::session::{BusyPolicy, State};
    let seen = session.see();
    let terms = &session.terms;
    let state = match (&seen.running, seen.failure) {
        (Some(_), _) => State::Running,
        (None, Some(_)) => State::Failed,
        (None, None) => State::Idle,
    };
    let when_busy = match terms.when_busy {
        WhenBusy::Wait => BusyPolicy::Wait,
        WhenBusy::Refuse => BusyPolicy::Refuse,
    };
    let small = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    v1::Session {
        name: session.name.clone(),
        state: state.into(),
        limits: Some(response::limits(&terms.limits)),
        policy: terms.policy.clone(),
        env: terms.env.iter().cloned().collect(),
        when_busy: when_busy.into(),
        idle_ttl: Some(response::duration(terms.idle_ttl)),
        ttl: Some(response::duration(terms.ttl)),
        labels: terms.labels.iter().cloned().collect(),
        create_time: Some(session.created.into()),
        last_active_time: Some(seen.active.into()),
        expire_time: Some(seen.expires.into()),
        execution_count: i64::try_from(seen.executions).unwrap_or(i64::MAX),
        running_execution: seen.running.unwrap_or_default(),
        waiting_executions: small(seen.waiting),
        heap_bytes: i64::try_from(seen.heap_bytes).unwrap_or(i64::MAX),
        threads: small(seen.threads),
        failure: seen.failure.unwrap_or_default().to_owned(),
        generation: i32::try_from(seen.generation).unwrap_or(i32::MAX),
    }
}
