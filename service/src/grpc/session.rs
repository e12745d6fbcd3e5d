//! `SessionService`: sessions to the wire and from it.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Request, Response, Status};
use typhon_proto::v1;
use typhon_proto::v1::session_service_server::SessionService;
use typhon_vm::{CancelReason, FileWork};

use super::{Api, page, request, response, snapshots};
use crate::audit;
use crate::config::Config;
use crate::error::Refusal;
use crate::host::Kept;
use crate::identity::Caller;
use crate::identity::layer::caller;
use crate::limits;
use crate::place::{Place, Places};
use crate::session::{Session, Terms, WhenBusy};
use crate::templates::Template;

const NAME: &str = "sessions/";
/// As many sessions may one request make of another.
const FORKS_MAX: usize = 64;

impl Api {
    /// Makes the isolate of a session that begins from a snapshot, so that what cannot be used is told at once.
    async fn fill(&self, caller: &Caller, session: &Arc<Session>) -> Result<(), Refusal> {
        let look = FileWork::Stat { path: "/".to_owned() };
        let _room = self.admission.aside().await?;
        match self.errand(session, look).await {
            // Who retries finds it being filled.
            Ok(_) | Err(Refusal::SessionBusy { .. }) => Ok(()),
            Err(refusal) => {
                self.admission.sessions()?.discard(&caller.tenant, &session.name)?;
                Err(refusal)
            }
        }
    }
}

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
        let (config, places) = (&self.admission.config, self.admission.workers().places());
        let asked = request.session.unwrap_or_default();
        let from = match asked.snapshot.as_str() {
            "" => None,
            _ if !asked.template.is_empty() => {
                return Err(Refusal::invalid("session.snapshot", "is not for a session with a template").into());
            }
            name => {
                let name = page::named(name.to_owned(), snapshots::NAME)
                    .map_err(|refusal| request::within_as(refusal, "session.snapshot"))?;
                let snapshots = self.admission.snapshots()?;
                snapshots.bring(&caller.tenant, &name).await?;
                Some(snapshots.find(&caller.tenant, &name)?)
            }
        };
        let mut terms = match asked.template.as_str() {
            "" => terms(asked, &caller.tenant.name, config, places)?,
            name => {
                let name = page::named(name.to_owned(), "templates/")
                    .map_err(|refusal| request::within_as(refusal, "session.template"))?;
                let template = self.admission.templates()?.find(&caller.tenant, &name)?;
                from_template(asked, &template, config, places)?
            }
        };
        terms.limits = limits::within_quota(terms.limits, &caller.tenant.quota());
        let fills = from.is_some();
        terms.place.snapshot = from;
        let session = self.admission.sessions()?.create(&caller.tenant, terms, identity)?;
        if fills && session.is_new() {
            self.fill(&caller, &session).await?;
        }
        audit::did(&caller, "session.create", &session.name);
        Ok(Response::new(v1::CreateSessionResponse { session: Some(wire(&session)) }))
    }

    async fn get_session(
        &self,
        request: Request<v1::GetSessionRequest>,
    ) -> Result<Response<v1::GetSessionResponse>, Status> {
        let tenant = caller(&request)?.tenant;
        let session = self.admission.session(&tenant, &page::named(request.into_inner().name, NAME)?).await?;
        Ok(Response::new(v1::GetSessionResponse { session: Some(wire(&session)) }))
    }

    async fn list_sessions(
        &self,
        request: Request<v1::ListSessionsRequest>,
    ) -> Result<Response<v1::ListSessionsResponse>, Status> {
        let tenant = caller(&request)?.tenant;
        let v1::ListSessionsRequest { page_size, page_token } = request.into_inner();
        let most = page::page_size_of(page_size)?;
        page::token(&page_token, NAME)?;
        let (sessions, more) = self.admission.sessions()?.list(&tenant, &page_token, most);
        let next_page_token = page::next(sessions.last().map(|last| last.name.as_str()), more);
        let sessions = sessions.iter().map(|session| wire(session)).collect();
        Ok(Response::new(v1::ListSessionsResponse { sessions, next_page_token }))
    }

    async fn delete_session(
        &self,
        request: Request<v1::DeleteSessionRequest>,
    ) -> Result<Response<v1::DeleteSessionResponse>, Status> {
        let caller = caller(&request)?;
        let name = page::named(request.into_inner().name, NAME)?;
        self.admission.delete_session(&caller.tenant, &name).await?;
        audit::did(&caller, "session.delete", &name);
        Ok(Response::new(v1::DeleteSessionResponse {}))
    }

    async fn interrupt_session(
        &self,
        request: Request<v1::InterruptSessionRequest>,
    ) -> Result<Response<v1::InterruptSessionResponse>, Status> {
        use v1::interrupt_session_request::Mode;
        let tenant = caller(&request)?.tenant;
        let v1::InterruptSessionRequest { name, mode } = request.into_inner();
        let name = page::named(name, NAME)?;
        let how = match request::known(mode, "mode")? {
            Mode::Unspecified | Mode::Raise => CancelReason::Interrupt,
            Mode::Stop => CancelReason::CancelledByClient,
        };
        let execution = self.admission.session(&tenant, &name).await?.interrupt(how).unwrap_or_default();
        Ok(Response::new(v1::InterruptSessionResponse { execution }))
    }

    async fn reset_session(
        &self,
        request: Request<v1::ResetSessionRequest>,
    ) -> Result<Response<v1::ResetSessionResponse>, Status> {
        let caller = caller(&request)?;
        let name = page::named(request.into_inner().name, NAME)?;
        self.admission.session(&caller.tenant, &name).await?;
        let session = self.admission.sessions()?.reset(&caller.tenant, &name)?;
        audit::did(&caller, "session.reset", &name);
        Ok(Response::new(v1::ResetSessionResponse { session: Some(wire(&session)) }))
    }

    async fn fork_session(
        &self,
        request: Request<v1::ForkSessionRequest>,
    ) -> Result<Response<v1::ForkSessionResponse>, Status> {
        let caller = caller(&request)?;
        let v1::ForkSessionRequest { name, count } = request.into_inner();
        let name = page::named(name, NAME)?;
        let count = match usize::try_from(count) {
            Ok(count) if count <= FORKS_MAX => count.max(1),
            _ => return Err(Refusal::invalid("count", format!("is negative, or more than {FORKS_MAX}")).into()),
        };
        let session = self.admission.session(&caller.tenant, &name).await?;
        let admission = self.admission.clone();
        // A copy takes its time, and blocks.
        let forked = tokio::task::spawn_blocking(move || admission.fork(&session, count)).await;
        let forked = forked.map_err(|e| Refusal::Internal { what: e.to_string() })??;
        audit::did(&caller, "session.fork", &name);
        let sessions = forked.iter().map(|session| wire(session)).collect();
        Ok(Response::new(v1::ForkSessionResponse { sessions }))
    }
}

/// What a session that begins as a copy says for itself.
fn from_template(asked: v1::Session, of: &Arc<Template>, config: &Config, places: &Places) -> Result<Terms, Refusal> {
    let limits = asked.limits.unwrap_or_default();
    let fixed = [
        ("session.policy", asked.policy.is_some()),
        ("session.env", !asked.env.is_empty()),
        ("session.limits.heap_bytes", limits.heap_bytes.is_some()),
        ("session.limits.stack_depth", limits.stack_depth.is_some()),
        ("session.limits.max_threads", limits.max_threads.is_some()),
        ("session.limits.cpu_parallelism", limits.cpu_parallelism.is_some()),
    ];
    if let Some((field, _)) = fixed.into_iter().find(|(_, given)| *given) {
        return Err(Refusal::invalid(field, "is the template's to say"));
    }
    let own = terms(v1::Session { policy: None, ..asked }, &of.tenant.name, config, places)?;
    let Terms { env, functions, kept, place, policy, .. } = of.terms.clone();
    let place = Place { template: Some(of.clone()), ..place };
    let limits = limits::within(&own.limits, &of.terms.limits);
    // Each begins where the template stopped, and goes on by itself.
    Ok(Terms { limits, env, functions, kept: kept.begun(), place, policy, ..own })
}

pub fn terms(asked: v1::Session, tenant: &Arc<str>, config: &Config, places: &Places) -> Result<Terms, Refusal> {
    use v1::session::BusyPolicy;
    let within = |refusal| request::at("session", refusal);
    let limits = request::limits(&asked.limits.unwrap_or_default()).map_err(within)?;
    let world = request::world(&asked.policy.clone().unwrap_or_default()).map_err(within)?;
    let isolation = request::isolation(&asked.policy.clone().unwrap_or_default()).map_err(within)?;
    let isolation = places.isolation(isolation, &world)?;
    let place =
        Place { isolation, tenant: tenant.clone(), template: None, snapshot: None, stable: world.deterministic };
    let when_busy = match request::known(asked.when_busy, "session.when_busy")? {
        BusyPolicy::Unspecified | BusyPolicy::Wait => WhenBusy::Wait,
        BusyPolicy::Refuse => WhenBusy::Refuse,
    };
    let least = Duration::from_millis(1);
    let idle_ttl = request::duration(asked.idle_ttl, "session.idle_ttl", least)?;
    let ttl = request::duration(asked.ttl, "session.ttl", least)?;
    let labels = request::labels(asked.labels, "session.labels")?;
    let mut limits = limits::derive(&limits, config);
    limits::of_world(&mut limits, &world);
    Ok(Terms {
        limits,
        env: request::env(asked.env).map_err(within)?,
        functions: request::functions(&asked.policy.clone().unwrap_or_default()).map_err(within)?,
        kept: Kept::new(world),
        place,
        when_busy,
        idle_ttl: idle_ttl.unwrap_or(config.session_idle_ttl_default).min(config.session_idle_ttl_max),
        ttl: ttl.unwrap_or(config.session_ttl_default).min(config.session_ttl_max),
        labels,
        policy: asked.policy,
        copied_from: String::new(),
    })
}

pub fn wire(session: &Session) -> v1::Session {
    use v1::session::{BusyPolicy, State};
    let seen = session.see();
    let terms = &session.terms;
    let state = match (&seen.running, &seen.failure) {
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
        failure: seen.failure.unwrap_or_default().into_owned(),
        generation: i32::try_from(seen.generation).unwrap_or(i32::MAX),
        isolation: terms.place.isolation.wire().into(),
        template: terms.place.template.as_ref().map_or_else(|| terms.copied_from.clone(), |of| of.name.clone()),
        snapshot: terms.place.snapshot.as_ref().map(|snapshot| snapshot.name.clone()).unwrap_or_default(),
    }
}
