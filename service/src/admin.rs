//! `AdminService`, the metrics and the probes: what a server tells and does for whoever operates it.

use std::sync::Arc;
use std::time::SystemTime;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::sync::watch;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use typhon_proto::v1;
use typhon_proto::v1::admin_service_server::{AdminService, AdminServiceServer};

use crate::admission::Admission;
use crate::audit;
use crate::error::Refusal;
use crate::grpc::page::{self, page_size_of};
use crate::grpc::response::{duration, signed, small};
use crate::identity::layer::caller;
use crate::identity::{Caller, Identities, Tenant};
use crate::metrics::Metrics;
use crate::tls::Certificates;

/// What the listener for operators is about.
#[derive(Clone)]
pub struct Admin {
    pub admission: Arc<Admission>,
    pub identities: Arc<Identities>,
    pub certificates: Option<Arc<Certificates>>,
    pub metrics: Arc<Metrics>,
    pub started: SystemTime,
    /// Set to drain.
    pub drain: watch::Sender<bool>,
}

/// Paths of the listener that nobody needs a credential for.
pub const OPEN: &[&str] = &["/grpc.health.v1.Health/", "/metrics", "/livez", "/readyz"];

/// What Prometheus wants to be told of the text.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Admin {
    pub fn routes(self) -> Routes {
        let (metrics, ready) = (self.metrics.clone(), self.admission.clone());
        let scrape = move || async move {
            match metrics.text() {
                Ok(text) => (StatusCode::OK, [(CONTENT_TYPE, OPENMETRICS)], text),
                Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, [(CONTENT_TYPE, "text/plain")], String::new()),
            }
        };
        let readiness = move || async move {
            if ready.is_leaving() {
                (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
            } else {
                (StatusCode::OK, "ready\n")
            }
        };
        let router = Routes::new(AdminServiceServer::new(self)).into_axum_router();
        router
            .route("/metrics", get(scrape))
            .route("/livez", get(|| async { "alive\n" }))
            .route("/readyz", get(readiness))
            .into()
    }
}

/// What a tenant has, may have, and has used.
pub fn wire(admission: &Admission, tenant: &Tenant) -> v1::Tenant {
    let (waiting, running) = admission.workers().of(tenant);
    let (sessions, held) = admission.all_sessions().held_by(tenant);
    let (quota, used) = (tenant.quota(), tenant.used(|used| *used));
    let limited = |number: u32| (number != u32::MAX).then(|| i32::try_from(number).unwrap_or(i32::MAX));
    v1::Tenant {
        name: tenant.name.to_string(),
        suspended: tenant.is_suspended(),
        admin: tenant.is_admin(),
        quota: Some(v1::TenantQuota {
            weight: i32::try_from(quota.weight).unwrap_or(i32::MAX),
            executions: limited(quota.executions),
            waiting: limited(quota.waiting),
            sessions: limited(quota.sessions),
            sessions_heap_bytes: (quota.sessions_heap != u64::MAX).then(|| signed(quota.sessions_heap)),
            heap_bytes: (quota.heap != u64::MAX).then(|| signed(quota.heap)),
            snapshots_bytes: (quota.snapshots != u64::MAX).then(|| signed(quota.snapshots)),
            rate: quota.rate.is_finite().then_some(quota.rate),
            burst: i32::try_from(quota.burst).unwrap_or(i32::MAX),
        }),
        running: small(running),
        waiting: small(waiting),
        sessions: small(sessions),
        sessions_heap_bytes: signed(held),
        usage: Some(v1::TenantUsage {
            executions: signed(used.executions),
            wall_time: Some(duration(used.wall)),
            cpu_time: Some(duration(used.cpu)),
            instructions: signed(used.instructions),
            output_bytes: signed(used.output_bytes),
        }),
    }
}

/// The caller, if it may do this.
fn admin<T>(request: &Request<T>) -> Result<Caller, Refusal> {
    let caller = caller(request)?;
    if caller.admin { Ok(caller) } else { Err(Refusal::NotAdmin { tenant: caller.tenant.name.to_string() }) }
}

#[tonic::async_trait]
impl AdminService for Admin {
    async fn get_pool_status(
        &self,
        request: Request<v1::GetPoolStatusRequest>,
    ) -> Result<Response<v1::GetPoolStatusResponse>, Status> {
        admin(&request)?;
        let workers = self.admission.workers();
        let (sessions, held) = self.admission.all_sessions().held();
        Ok(Response::new(v1::GetPoolStatusResponse {
            workers: small(workers.count()),
            running: small(workers.running()),
            waiting: small(workers.waiting()),
            sessions: small(sessions),
            sessions_heap_bytes: signed(held),
            draining: self.admission.is_draining(),
            start_time: Some(self.started.into()),
        }))
    }

    async fn list_tenants(
        &self,
        request: Request<v1::ListTenantsRequest>,
    ) -> Result<Response<v1::ListTenantsResponse>, Status> {
        admin(&request)?;
        let v1::ListTenantsRequest { page_size, page_token } = request.into_inner();
        let most = page_size_of(page_size)?;
        let rest = self.identities.tenants().all();
        let mut rest = rest.iter().filter(|tenant| *tenant.name > *page_token);
        let page: Vec<_> = rest.by_ref().take(most).collect();
        let next_page_token = page::next(page.last().map(|tenant| &*tenant.name), rest.next().is_some());
        let tenants = page.into_iter().map(|tenant| wire(&self.admission, tenant)).collect();
        Ok(Response::new(v1::ListTenantsResponse { tenants, next_page_token }))
    }

    async fn list_tenant_sessions(
        &self,
        request: Request<v1::ListTenantSessionsRequest>,
    ) -> Result<Response<v1::ListTenantSessionsResponse>, Status> {
        admin(&request)?;
        let v1::ListTenantSessionsRequest { tenant, page_size, page_token } = request.into_inner();
        let most = page_size_of(page_size)?;
        page::token(&page_token, "sessions/")?;
        let known = self.identities.tenants().all().into_iter().find(|known| *known.name == *tenant);
        let tenant = known.ok_or_else(|| Refusal::invalid("tenant", "is not the name of a tenant"))?;
        let (sessions, more) = self.admission.all_sessions().list(&tenant, &page_token, most);
        let next_page_token = page::next(sessions.last().map(|session| session.name.as_str()), more);
        let summary = |session: &Arc<crate::session::Session>| {
            let seen = session.see();
            v1::SessionSummary {
                name: session.name.clone(),
                create_time: Some(session.created.into()),
                last_active_time: Some(seen.active.into()),
                expire_time: Some(seen.expires.into()),
                execution_count: signed(seen.executions),
                heap_bytes: signed(seen.heap_bytes),
                threads: small(seen.threads),
                running_execution: seen.running.unwrap_or_default(),
            }
        };
        let sessions = sessions.iter().map(summary).collect();
        Ok(Response::new(v1::ListTenantSessionsResponse { sessions, next_page_token }))
    }

    async fn stop_execution(
        &self,
        request: Request<v1::StopExecutionRequest>,
    ) -> Result<Response<v1::StopExecutionResponse>, Status> {
        let caller = admin(&request)?;
        let name = page::named(request.into_inner().name, "executions/")?;
        self.admission.stop(&name)?;
        audit::administered(&caller, "execution.stop", &name);
        Ok(Response::new(v1::StopExecutionResponse {}))
    }

    async fn reload_config(
        &self,
        request: Request<v1::ReloadConfigRequest>,
    ) -> Result<Response<v1::ReloadConfigResponse>, Status> {
        let caller = admin(&request)?;
        let (identities, certificates) = (self.identities.clone(), self.certificates.clone());
        let read = move || {
            let mut changed = identities.reload()?;
            if certificates.map_or(Ok(false), |certificates| certificates.reload())? {
                changed.push("tls_cert");
            }
            Ok(changed)
        };
        let read = tokio::task::spawn_blocking(read).await;
        let changed = read.map_err(|error| Refusal::Internal { what: error.to_string() })?;
        let changed =
            changed.map_err(|problem: crate::server::BoxError| Refusal::Unreadable { problem: problem.to_string() })?;
        audit::administered(&caller, "config.reload", &changed.join(" "));
        Ok(Response::new(v1::ReloadConfigResponse { changed: changed.into_iter().map(str::to_owned).collect() }))
    }

    async fn drain(&self, request: Request<v1::DrainRequest>) -> Result<Response<v1::DrainResponse>, Status> {
        let caller = admin(&request)?;
        audit::administered(&caller, "server.drain", "");
        self.drain.send_replace(true);
        Ok(Response::new(v1::DrainResponse {}))
    }
}
