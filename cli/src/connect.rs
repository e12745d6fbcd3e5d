//! A connection to a server, on which every call says who makes it.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};

/// Which server, and what it is told.
#[derive(Clone, Debug, clap::Args)]
pub struct Whereto {
    /// A server such as http://127.0.0.1:50451 or unix:/run/typhon.sock; https where it has a certificate. Without one, a
    /// server is started in this process.
    #[arg(long, env = "TYPHON_SERVER", value_name = "URL")]
    pub server: Option<String>,
    /// The token to show the server. Of others on this machine, an environment variable is better hidden than a flag.
    #[arg(long, env = "TYPHON_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// File of the authorities that sign the server's certificate, PEM; needed for https.
    #[arg(long, env = "TYPHON_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

impl Whereto {
    /// Connects to `url`, which may be another than the one asked for: that of a server in this process.
    pub async fn connect(&self, url: &str) -> anyhow::Result<Wire> {
        let mut endpoint = Endpoint::from_shared(url.to_owned()).with_context(|| url.to_owned())?;
        if url.starts_with("https:") {
            let Some(ca) = &self.ca else { bail!("{url}: --ca must name the authorities that sign its certificate") };
            endpoint = endpoint.tls_config(authorities(ca)?).with_context(|| ca.display().to_string())?;
        }
        let token =
            self.token.as_ref().map(|token| format!("Bearer {token}").parse()).transpose().context("--token")?;
        let channel = endpoint.connect().await.with_context(|| format!("cannot reach {url}"))?;
        Ok(InterceptedService::new(channel, Bearer(token)))
    }
}

fn authorities(file: &Path) -> anyhow::Result<ClientTlsConfig> {
    let pem = std::fs::read(file).with_context(|| file.display().to_string())?;
    Ok(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)))
}

/// A channel that adds the token.
pub type Wire = InterceptedService<Channel, Bearer>;

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
