//! A connection to a server, on which every call says who makes it.

use tonic::metadata::{Ascii, AsciiMetadataValue, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};
use typhon_proto::v1::execution_service_client::ExecutionServiceClient;
use typhon_proto::v1::file_service_client::FileServiceClient;
use typhon_proto::v1::runtime_service_client::RuntimeServiceClient;
use typhon_proto::v1::session_service_client::SessionServiceClient;
use typhon_proto::v1::snapshot_service_client::SnapshotServiceClient;
use typhon_proto::v1::template_service_client::TemplateServiceClient;

use crate::error::Error;

/// Which server, and what it is told.
#[derive(Clone, Debug, Default)]
pub struct Server {
    url: String,
    token: Option<String>,
    authorities: Option<Vec<u8>>,
    message_max: Option<usize>,
}

impl Server {
    /// `http://127.0.0.1:50451`, `https://...` or `unix:/run/typhon.sock`.
    pub fn at(url: impl Into<String>) -> Server {
        Server { url: url.into(), ..Server::default() }
    }

    /// The token to show.
    pub fn token(self, token: impl Into<String>) -> Server {
        Server { token: Some(token.into()), ..self }
    }

    /// The authorities that sign the server's certificate, PEM; `https` needs them.
    pub fn authorities(self, pem: impl Into<Vec<u8>>) -> Server {
        Server { authorities: Some(pem.into()), ..self }
    }

    /// The largest message to accept, in bytes.
    pub fn message_max(self, bytes: usize) -> Server {
        Server { message_max: Some(bytes), ..self }
    }

    pub(crate) async fn connect(self) -> Result<Connection, Error> {
        let unusable = |problem: String| Error::Unusable { url: self.url.clone(), problem };
        let mut endpoint = Endpoint::from_shared(self.url.clone()).map_err(|error| unusable(error.to_string()))?;
        if self.url.starts_with("https:") {
            let Some(pem) = &self.authorities else {
                return Err(unusable("the authorities that sign its certificate are not known".into()));
            };
            let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem));
            endpoint = endpoint.tls_config(tls).map_err(|error| unusable(error.to_string()))?;
        }
        let token = self.token.as_ref().map(|token| format!("Bearer {token}").parse()).transpose();
        let token = token.map_err(|_| unusable("the token is not text that a header may hold".into()))?;
        let channel = endpoint.connect().await.map_err(|error| Error::Unreachable { url: self.url.clone(), error })?;
        let message_max = self.message_max.unwrap_or(MESSAGE_MAX);
        Ok(Connection { wire: InterceptedService::new(channel, Bearer(token)), message_max })
    }
}

/// Larger than any message the server sends by default.
const MESSAGE_MAX: usize = 64 << 20;

/// A proxy in front of several servers sends all calls with one value of this to one server (deploy/haproxy.cfg).
const AFFINITY: &str = "typhon-affinity";

/// A channel that adds the token.
pub type Wire = InterceptedService<Channel, Bearer>;

#[derive(Clone, Debug)]
pub struct Connection {
    wire: Wire,
    message_max: usize,
}

impl Connection {
    pub fn executions(&self) -> ExecutionServiceClient<Wire> {
        ExecutionServiceClient::new(self.wire.clone())
            .max_decoding_message_size(self.message_max)
            .max_encoding_message_size(self.message_max)
    }

    pub fn sessions(&self) -> SessionServiceClient<Wire> {
        SessionServiceClient::new(self.wire.clone())
    }

    pub fn snapshots(&self) -> SnapshotServiceClient<Wire> {
        SnapshotServiceClient::new(self.wire.clone()).max_decoding_message_size(self.message_max)
    }

    pub fn files(&self) -> FileServiceClient<Wire> {
        FileServiceClient::new(self.wire.clone()).max_decoding_message_size(self.message_max)
    }

    pub fn templates(&self) -> TemplateServiceClient<Wire> {
        TemplateServiceClient::new(self.wire.clone())
            .max_decoding_message_size(self.message_max)
            .max_encoding_message_size(self.message_max)
    }

    pub fn runtime(&self) -> RuntimeServiceClient<Wire> {
        RuntimeServiceClient::new(self.wire.clone())
    }
}

/// A call's message, for the server that this value leads to.
pub fn bound<T>(message: T, affinity: &str) -> Request<T> {
    let mut request = Request::new(message);
    // Values are ours: hexadecimal digits and dashes.
    if let Ok(value) = affinity.parse::<AsciiMetadataValue>()
        && !affinity.is_empty()
    {
        request.metadata_mut().insert(AFFINITY, value);
    }
    request
}

#[derive(Clone, Debug)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}
