//! The server's life: build, serve, drain.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::transport::Server as Transport;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower::util::MapResponseLayer;
use typhon_proto::v1::execution_service_server::{ExecutionServiceServer, SERVICE_NAME as EXECUTION};
use typhon_proto::v1::runtime_service_server::{RuntimeServiceServer, SERVICE_NAME as RUNTIME};
use typhon_proto::v1::session_service_server::{SERVICE_NAME as SESSION, SessionServiceServer};
use typhon_vm::CancelReason;

use crate::admission::Admission;
use crate::config::Config;
use crate::execution::Engine;
use crate::executions::Executions;
use crate::grpc::Api;
use crate::identity::Identities;
use crate::identity::layer::IdentityLayer;
use crate::listener::{Listen, Listener};
use crate::sessions::Sessions;
use crate::status_layer::explain;
use crate::tls::Certificates;
use crate::workers::Workers;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A server that listens.
pub struct Server {
    address: Listen,
    config: Arc<Config>,
    admission: Arc<Admission>,
    workers: Arc<Workers>,
    sessions: Arc<Sessions>,
    /// Ends sessions whose time is over, and reads again what files say.
    chores: [JoinHandle<()>; 2],
    health: HealthReporter,
    stop: watch::Sender<bool>,
    transport: JoinHandle<Result<(), tonic::transport::Error>>,
}

/// After the last execution has ended, clients get this long to read their answers.
const CLOSE_GRACE: Duration = Duration::from_secs(2);

/// Running executions notice a cancel in milliseconds; this is for what does not.
const CANCEL_GRACE: Duration = Duration::from_secs(2);

impl Server {
    /// Listens and serves in the background of the current tokio runtime.
    pub async fn start(config: Config, engine: Arc<dyn Engine>) -> Result<Server, BoxError> {
        let config = Arc::new(config);
        let workers = Arc::new(Workers::start(&config, engine)?);
        let sessions = Arc::new(Sessions::new(config.clone()));
        let executions = Arc::new(Executions::new(config.clone()));
        let admission =
            Arc::new(Admission::new(config.clone(), workers.clone(), sessions.clone(), executions.clone())?);
        let identities = Arc::new(Identities::load(config.clone())?);
        let certificates = Certificates::load(&config)?.map(Arc::new);
        let listener = Listener::bind(&config.listen, config.plaintext, certificates.clone()).await?;
        let address = listener.address().clone();

        let (health, health_service) = tonic_health::server::health_reporter();
        set_health(&health, ServingStatus::Serving).await;
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(typhon_proto::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let max_message = config.max_message;
        let api = Api::new(admission.clone());
        let execution = ExecutionServiceServer::new(api.clone())
            .max_decoding_message_size(max_message.as_usize())
            .max_encoding_message_size(max_message.as_usize());
        let (stop, mut stopped) = watch::channel(false);
        let serve = aging(Transport::builder(), &config)
            .max_concurrent_streams(config.max_streams)
            .http2_keepalive_interval(Some(config.ping_interval))
            .http2_keepalive_timeout(Some(config.ping_timeout))
            // The defence against rapid resets: past this many, the connection is closed.
            .http2_max_pending_accept_reset_streams(Some(64))
            .layer(MapResponseLayer::new(move |response| explain(response, max_message.0)))
            .layer(IdentityLayer(identities.clone()))
            .add_service(execution)
            .add_service(SessionServiceServer::new(api.clone()))
            .add_service(RuntimeServiceServer::new(api))
            .add_service(health_service)
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?)
            .serve_with_incoming_shutdown(listener.connections(&config), async move {
                // An error is a sender that is gone, and so is the server.
                let _told = stopped.wait_for(|stop| *stop).await;
            });
        let transport = tokio::spawn(serve);
        tracing::info!(%address, workers = workers.count(), "serving");
        let reload = reload(config.reload_interval, identities, certificates);
        let chores = [tokio::spawn(sweep(sessions.clone(), executions)), tokio::spawn(reload)];
        Ok(Server { address, config, admission, workers, sessions, chores, health, stop, transport })
    }

    /// Where it listens, with the port that it got.
    pub fn address(&self) -> &Listen {
        &self.address
    }

    /// Stops gracefully: says so, lets what runs end, then cancels it. `hurry` cuts the waiting short.
    pub async fn drain(mut self, hurry: impl Future<Output = ()>) -> Result<(), BoxError> {
        tracing::info!("draining");
        set_health(&self.health, ServingStatus::NotServing).await;
        let patient = async {
            tokio::time::sleep(self.config.drain_delay).await;
            self.admission.close();
            tokio::time::timeout(self.config.drain_grace, self.idle()).await.is_ok()
        };
        let calm = tokio::select! {
            calm = patient => calm,
            () = hurry => false,
        };
        self.admission.close();
        if !calm {
            tracing::warn!("cancelling what still runs");
            self.workers.cancel_all(&CancelReason::ServerDrain);
            if tokio::time::timeout(CANCEL_GRACE, self.idle()).await.is_err() {
                tracing::error!("an execution did not notice its cancel");
            }
        }
        self.chores.iter().for_each(JoinHandle::abort);
        self.sessions.clear();
        self.stop.send_replace(true);
        if let Ok(ended) = tokio::time::timeout(CLOSE_GRACE, &mut self.transport).await {
            ended??;
        } else {
            // A client keeps an idle stream open, such as a health watch.
            self.transport.abort();
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

/// A session that is found is looked at then; this is for those nobody looks for.
const SWEEP: Duration = Duration::from_secs(1);

async fn sweep(sessions: Arc<Sessions>, executions: Arc<Executions>) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        sessions.sweep();
        executions.sweep();
    }
}

/// What files say changes while the server runs.
async fn reload(interval: Duration, identities: Arc<Identities>, certificates: Option<Arc<Certificates>>) {
    let mut ticks = tokio::time::interval(interval.max(Duration::from_millis(10)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (identities, certificates) = (identities.clone(), certificates.clone());
        let read = move || {
            log_reload("tenants and keys", identities.reload());
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
    for service in ["", EXECUTION, RUNTIME, SESSION] {
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
    }
    let second = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    server.drain(second).await
}
