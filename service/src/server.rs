//! The server's life: build, serve, drain.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tonic::service::Routes;
use tonic::transport::Server as Transport;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::HealthReporter;
use tonic_web::GrpcWebLayer;
use tower::util::{MapResponseLayer, option_layer};
use typhon_proto::v1::execution_service_server::{ExecutionServiceServer, SERVICE_NAME as EXECUTION};
use typhon_proto::v1::file_service_server::{FileServiceServer, SERVICE_NAME as FILE};
use typhon_proto::v1::program_service_server::{ProgramServiceServer, SERVICE_NAME as PROGRAM};
use typhon_proto::v1::runtime_service_server::{RuntimeServiceServer, SERVICE_NAME as RUNTIME};
use typhon_proto::v1::session_service_server::{SERVICE_NAME as SESSION, SessionServiceServer};
use typhon_proto::v1::snapshot_service_server::{SERVICE_NAME as SNAPSHOT, SnapshotServiceServer};
use typhon_proto::v1::template_service_server::{SERVICE_NAME as TEMPLATE, TemplateServiceServer};
use typhon_vm::CancelReason;

use crate::admin::Admin;
use crate::admission::{Admission, Holdings};
use crate::calls::CallLayer;
use crate::config::Config;
use crate::durable::journal::Journal;
use crate::durable::work::Work;
use crate::durable::{self, Durable};
use crate::engine::Engine;
use crate::executions::Executions;
use crate::grpc::Api;
use crate::handover::Handover;
use crate::identity::Identities;
use crate::identity::layer::{IdentityLayer, OPEN};
use crate::listener::{Listen, Listener};
use crate::metrics::{Metrics, Watched};
use crate::sessions::Sessions;
use crate::snapshots::Snapshots;
use crate::status_layer::explain;
use crate::store::{self, Store};
use crate::templates::Templates;
use crate::tls::Certificates;
use crate::web::WebLayer;
use crate::workers::Workers;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A server that listens.
pub struct Server {
    address: Listen,
    admin_address: Option<Listen>,
    config: Arc<Config>,
    admission: Arc<Admission>,
    workers: Arc<Workers>,
    /// Takes part in what nodes share, if they do.
    work: Option<Arc<Work>>,
    sessions: Arc<Sessions>,
    handover: Option<Arc<Handover>>,
    /// Ends sessions whose time is over, and reads again what files say.
    /// They end with it.
    chores: JoinSet<()>,
    health: HealthReporter,
    drain_asked: watch::Receiver<bool>,
    /// So that the receiver does not take its end for a drain.
    _drain: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    transports: Vec<Serving>,
}

type Serving = JoinHandle<Result<(), tonic::transport::Error>>;

/// After the last execution has ended, clients get this long to read their answers.
const CLOSE_GRACE: Duration = Duration::from_secs(2);

/// Running executions notice a cancel in milliseconds; this is for what does not.
const CANCEL_GRACE: Duration = Duration::from_secs(2);

/// What the parts of a server share.
pub struct Parts {
    config: Arc<Config>,
    metrics: Arc<Metrics>,
    pub workers: Arc<Workers>,
    sessions: Arc<Sessions>,
    executions: Arc<Executions>,
    snapshots: Arc<Snapshots>,
    pub admission: Arc<Admission>,
    identities: Arc<Identities>,
    pub certificates: Option<Arc<Certificates>>,
    handover: Option<Arc<Handover>>,
    shared: Shared,
}

/// What outlives a server, and what several of them may share.
#[derive(Default)]
pub struct Shared {
    pub journal: Option<Arc<dyn Journal>>,
    pub store: Option<Arc<dyn Store>>,
}

impl Parts {
    pub fn new(config: Arc<Config>, engine: Arc<dyn Engine>, shared: Shared) -> Result<Parts, BoxError> {
        let metrics = Arc::new(Metrics::new());
        if let Some(shelves) = engine.shelves() {
            metrics.shelve(&shelves);
        }
        let workers = Arc::new(Workers::start(&config, engine)?);
        let sessions = Arc::new(Sessions::new(config.clone(), metrics.clone()));
        let executions = Arc::new(Executions::new(config.clone()));
        let templates = Arc::new(Templates::start(config.clone(), &workers)?);
        templates.preload(&workers)?;
        let snapshots = Arc::new(Snapshots::new(config.clone(), shared.store.clone())?);
        let handover = shared.store.clone().map(|store| {
            let (sessions, snapshots) = (sessions.clone(), snapshots.clone());
            Handover::new(config.clone(), store, sessions, snapshots, workers.clone(), metrics.clone())
        });
        let holdings = Holdings {
            sessions: sessions.clone(),
            executions: executions.clone(),
            templates,
            snapshots: snapshots.clone(),
            handover: handover.clone(),
        };
        let admission = Arc::new(Admission::new(config.clone(), workers.clone(), holdings, metrics.clone())?);
        let identities = Arc::new(Identities::load(config.clone())?);
        let certificates = Certificates::load(&config)?.map(Arc::new);
        metrics.watch(Watched {
            workers: Arc::downgrade(&workers),
            sessions: Arc::downgrade(&sessions),
            snapshots: Arc::downgrade(&snapshots),
            admission: Arc::downgrade(&admission),
            tenants: identities.tenants().clone(),
            certificates: certificates.clone(),
        });
        Ok(Parts {
            config,
            metrics,
            workers,
            sessions,
            executions,
            snapshots,
            admission,
            identities,
            certificates,
            handover,
            shared,
        })
    }

    /// Begins to take what nodes share.
    pub fn work(&self) -> Option<Arc<Work>> {
        let work = Work::new(self.shared.journal.clone()?, self.admission.clone(), self.identities.tenants().clone());
        tokio::spawn(work.clone().serve());
        Some(work)
    }

    async fn bind(&self, listen: &Listen) -> Result<Listener, BoxError> {
        Listener::bind(listen, self.config.plaintext, self.certificates.clone()).await
    }

    /// What every call passes, whichever listener it came by.
    fn identity(&self, open: &'static [&'static str]) -> IdentityLayer {
        IdentityLayer { identities: self.identities.clone(), open }
    }

    /// Serves the programs' side until `stopped`.
    fn serve(&self, listener: Listener, routes: Routes, stopped: watch::Receiver<bool>) -> Result<Serving, BoxError> {
        let (explainer, max_message) = (self.metrics.clone(), self.config.max_message.0);
        let serve = aging(Transport::builder(), &self.config)
            .max_concurrent_streams(self.config.max_streams)
            .http2_keepalive_interval(Some(self.config.ping_interval))
            .http2_keepalive_timeout(Some(self.config.ping_timeout))
            // The defence against rapid resets: past this many, the connection is closed.
            .http2_max_pending_accept_reset_streams(Some(64))
            // gRPC-Web and JSON come by it, too.
            .accept_http1(true)
            .layer(option_layer(self.config.cors_origins.layer()))
            .layer(WebLayer::new(max_message)?)
            .layer(GrpcWebLayer::new())
            .layer(CallLayer { metrics: self.metrics.clone() })
            .layer(MapResponseLayer::new(move |response| explain(response, max_message, &explainer)))
            .layer(self.identity(OPEN))
            .add_routes(routes)
            .serve_with_incoming_shutdown(listener.connections(&self.config), until(stopped));
        Ok(tokio::spawn(serve))
    }

    /// Serves the operators' side until `stopped`.
    fn administer(&self, listener: Listener, drain: watch::Sender<bool>, stopped: watch::Receiver<bool>) -> Serving {
        let admin = Admin {
            admission: self.admission.clone(),
            identities: self.identities.clone(),
            certificates: self.certificates.clone(),
            metrics: self.metrics.clone(),
            started: SystemTime::now(),
            drain,
        };
        let (explainer, max_message) = (self.metrics.clone(), self.config.max_message.0);
        let serve = Transport::builder()
            // Prometheus and probes speak it.
            .accept_http1(true)
            .layer(MapResponseLayer::new(move |response| explain(response, max_message, &explainer)))
            .layer(self.identity(crate::admin::OPEN))
            .add_routes(admin.routes())
            .serve_with_incoming_shutdown(listener.connections(&self.config), until(stopped));
        tokio::spawn(serve)
    }
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error is a sender that is gone, and so is the server.
    let _told = stopped.wait_for(|stop| *stop).await;
}

impl Server {
    /// Listens and serves in the background of the current tokio runtime.
    pub async fn start(config: Config, engine: Arc<dyn Engine>) -> Result<Server, BoxError> {
        let config = Arc::new(config);
        let shared = Shared { journal: durable::nats::connect(&config).await?, store: store::open(&config).await? };
        let store = shared.store.clone();
        let parts = Parts::new(config.clone(), engine, shared)?;
        let listener = parts.bind(&config.listen).await?;
        let address = listener.address().clone();
        let (drain, drain_asked) = watch::channel(false);
        let (stop, stopped) = watch::channel(false);
        let (health, health_service) = tonic_health::server::health_reporter();
        set_health(&health, ServingStatus::Serving).await;
        let (admin_address, admin) = match &config.admin_listen {
            None => (None, None),
            Some(listen) => {
                let listener = parts.bind(listen).await?;
                let address = listener.address().clone();
                (Some(address), Some(parts.administer(listener, drain.clone(), stopped.clone())))
            }
        };
        let routes = routes(&parts, health_service)?;
        let transport = parts.serve(listener, routes, stopped)?;
        tracing::info!(%address, workers = parts.workers.count(), "serving");
        let work = parts.work();
        let Parts { workers, sessions, executions, snapshots, admission, identities, certificates, handover, .. } =
            parts;
        let reload = reload(config.reload_interval, identities, certificates);
        let sweep = sweep(sessions.clone(), executions, snapshots, workers.clone());
        let mut chores = JoinSet::new();
        chores.spawn(sweep);
        chores.spawn(reload);
        if let Some(store) = store {
            chores.spawn(sweep_store(store));
        }
        let transports = std::iter::once(transport).chain(admin).collect();
        Ok(Server {
            address,
            admin_address,
            config,
            admission,
            workers,
            work,
            sessions,
            handover,
            chores,
            health,
            drain_asked,
            _drain: drain,
            stop,
            transports,
        })
    }

    /// Where AdminService listens, if it does.
    pub fn admin_address(&self) -> Option<&Listen> {
        self.admin_address.as_ref()
    }

    /// Waits until an operator asks the server to drain.
    pub fn drain_asked(&self) -> impl Future<Output = ()> + use<> {
        until(self.drain_asked.clone())
    }

    /// Where it listens, with the port that it got.
    pub fn address(&self) -> &Listen {
        &self.address
    }

    /// Stops gracefully: says so, lets what runs end, then cancels it. `hurry` cuts the waiting short.
    pub async fn drain(mut self, hurry: impl Future<Output = ()>) -> Result<(), BoxError> {
        tracing::info!("draining");
        self.admission.leave();
        self.work.iter().for_each(|work| work.leave());
        set_health(&self.health, ServingStatus::NotServing).await;
        let mut begun = None;
        let patient = async {
            let delay = tokio::time::sleep(self.config.drain_delay);
            match &self.handover {
                Some(handover) => drop(tokio::join!(delay, handover.announce())),
                None => delay.await,
            }
            self.admission.close();
            // What rests does not wait until what runs has ended.
            begun = self.handover.clone().map(|handover| tokio::spawn(async move { handover.begin().await }));
            tokio::time::timeout(self.config.drain_grace, self.idle()).await.is_ok()
        };
        let calm = tokio::select! {
            calm = patient => Some(calm),
            () = hurry => None,
        };
        self.admission.close();
        if calm != Some(true) {
            tracing::warn!("cancelling what still runs");
            self.workers.cancel_all(&CancelReason::ServerDrain);
            if tokio::time::timeout(CANCEL_GRACE, self.idle()).await.is_err() {
                tracing::error!("an execution did not notice its cancel");
            }
        }
        if let Some(work) = &self.work
            && tokio::time::timeout(CLOSE_GRACE, work.over()).await.is_err()
        {
            tracing::warn!("what became of durable executions is not written down; another node runs them again");
        }
        if let Some(handover) = &self.handover {
            let until = tokio::time::Instant::now() + calm.map_or(Duration::ZERO, |_| self.config.drain_handover);
            if let Some(mut begun) = begun
                && tokio::time::timeout_at(until, &mut begun).await.is_err()
            {
                begun.abort();
            }
            handover.end(until).await;
        }
        self.chores.abort_all();
        self.sessions.clear();
        self.admission.clear();
        self.stop.send_replace(true);
        let closed = tokio::time::Instant::now() + CLOSE_GRACE;
        for transport in &mut self.transports {
            if let Ok(ended) = tokio::time::timeout_at(closed, &mut *transport).await {
                ended??;
            } else {
                // A client keeps an idle stream open, such as a health watch.
                transport.abort();
            }
        }
        if self.workers.idle() {
            let workers = self.workers.clone();
            tokio::task::spawn_blocking(move || workers.join()).await?;
        }
        tracing::info!("drained");
        Ok(())
    }

    async fn idle(&self) {
        while !self.workers.idle() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The services of the programs' side.
fn routes(parts: &Parts, health: HealthServer<impl Health>) -> Result<Routes, BoxError> {
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(typhon_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let max_message = parts.config.max_message.as_usize();
    let durable = parts.shared.journal.clone().map(|journal| Durable::new(journal, parts.config.durable_ttl));
    let api = Api::new(parts.admission.clone(), durable);
    let execution = ExecutionServiceServer::new(api.clone())
        .max_decoding_message_size(max_message)
        .max_encoding_message_size(max_message);
    Ok(Routes::new(execution)
        .add_service(SessionServiceServer::new(api.clone()))
        .add_service(ProgramServiceServer::new(api.clone()).max_decoding_message_size(max_message))
        .add_service(FileServiceServer::new(api.clone()).max_decoding_message_size(max_message))
        .add_service(SnapshotServiceServer::new(api.clone()).max_decoding_message_size(max_message))
        .add_service(TemplateServiceServer::new(api.clone()).max_decoding_message_size(max_message))
        .add_service(RuntimeServiceServer::new(api))
        .add_service(health)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?))
}

/// A session that is found is looked at then; this is for those nobody looks for.
const SWEEP: Duration = Duration::from_secs(1);

async fn sweep(sessions: Arc<Sessions>, executions: Arc<Executions>, snapshots: Arc<Snapshots>, workers: Arc<Workers>) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        sessions.sweep();
        executions.sweep();
        snapshots.sweep();
        workers.places().sweep();
    }
}

/// What is kept elsewhere is looked through less often.
const SWEEP_STORE: Duration = Duration::from_secs(60);

async fn sweep_store(store: Arc<dyn Store>) {
    let mut ticks = tokio::time::interval(SWEEP_STORE);
    loop {
        ticks.tick().await;
        if let Err(fault) = store.sweep().await {
            tracing::warn!(%fault, "the store of snapshots cannot be swept");
        }
    }
}

/// What files say changes while the server runs.
async fn reload(interval: Duration, identities: Arc<Identities>, certificates: Option<Arc<Certificates>>) {
    let mut ticks = tokio::time::interval(interval.max(Duration::from_millis(10)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (identities, certificates) = (identities.clone(), certificates.clone());
        identities.tenants().sweep();
        let read = move || {
            log_reload("tenants and keys", identities.reload().map(|changed| !changed.is_empty()));
            if let Some(certificates) = certificates {
                log_reload("certificates", certificates.reload());
            }
        };
        if tokio::task::spawn_blocking(read).await.is_err() {
            tracing::error!("reading settings' files panicked");
        }
    }
}

fn log_reload(what: &str, result: Result<bool, BoxError>) {
    match result {
        Ok(false) => {}
        Ok(true) => tracing::info!(what, "read anew"),
        Err(error) => tracing::error!(what, %error, "cannot be read anew; what was known holds"),
    }
}

fn aging(transport: Transport, config: &Config) -> Transport {
    let given = |time: Duration| (!time.is_zero()).then_some(time);
    let transport = match given(config.connection_age) {
        Some(age) => transport.max_connection_age(age),
        None => transport,
    };
    match given(config.connection_age_grace) {
        Some(grace) => transport.max_connection_age_grace(grace),
        None => transport,
    }
}

async fn set_health(health: &HealthReporter, status: ServingStatus) {
    for service in ["", EXECUTION, FILE, PROGRAM, RUNTIME, SESSION, SNAPSHOT, TEMPLATE] {
        health.set_service_status(service, status).await;
    }
}

/// Serves until SIGTERM or SIGINT, then drains; a second signal cuts the draining short. `ready` hears the address.
pub async fn serve(config: Config, engine: Arc<dyn Engine>, ready: impl FnOnce(&Listen)) -> Result<(), BoxError> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let server = Server::start(config, engine).await?;
    ready(server.address());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = server.drain_asked() => {}
    }
    let second = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    server.drain(second).await
}
