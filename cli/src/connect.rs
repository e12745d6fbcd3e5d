//! Which server a command speaks to, as its flags say.

use std::path::PathBuf;

use anyhow::{Context, bail};
use typhon_client::{Client, Server};

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
    pub async fn connect(&self, url: &str, message_max: usize) -> anyhow::Result<Client> {
        let mut server = Server::at(url).message_max(message_max);
        if let Some(token) = &self.token {
            server = server.token(token);
        }
        match &self.ca {
            Some(ca) => server = server.authorities(std::fs::read(ca).with_context(|| ca.display().to_string())?),
            None if url.starts_with("https:") => {
                bail!("{url}: --ca must name the authorities that sign its certificate");
            }
            None => {}
        }
        Ok(Client::connect(server).await?)
    }
}
