//! The server's certificate, and the authority of its clients': read from files, and read again when those change.

mod expiry;

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::config::Config;
use crate::server::BoxError;

pub struct Certificates {
    config: Arc<Config>,
    current: ArcSwap<Current>,
}

struct Current {
    tls: Arc<ServerConfig>,
    /// What it was made from.
    files: Files,
}

/// The contents of the three files; the last one is optional.
#[derive(PartialEq, Eq)]
struct Files {
    chain: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Certificates {
    /// None where the settings name no certificate.
    pub fn load(config: &Arc<Config>) -> Result<Option<Certificates>, BoxError> {
        match (config.tls_cert.is_empty(), config.tls_key.is_empty()) {
            (true, true) if config.tls_client_ca.is_empty() => return Ok(None),
            (false, false) => {}
            _ => return Err("tls_cert and tls_key go together, and tls_client_ca with both".into()),
        }
        let files = Files::read(config)?;
        let current = Current { tls: files.make()?, files };
        Ok(Some(Certificates { config: config.clone(), current: ArcSwap::from_pointee(current) }))
    }

    /// Reads the files again; new connections get what they say. What cannot be used changes nothing, such as a
    /// certificate whose key is still to be written. Whether anything has changed.
    pub fn reload(&self) -> Result<bool, BoxError> {
        let files = Files::read(&self.config)?;
        if files == self.current.load().files {
            return Ok(false);
        }
        let current = Current { tls: files.make()?, files };
        self.current.store(Arc::new(current));
        Ok(true)
    }

    /// When the certificate ends, in seconds since the epoch.
    pub fn expiry(&self) -> Option<i64> {
        let chain = certificates(&self.current.load().files.chain, "tls_cert").ok()?;
        expiry::expiry(chain.first()?)
    }

    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load().tls.clone())
    }
}

impl Files {
    fn read(config: &Config) -> Result<Files, BoxError> {
        let read = |path: &str| std::fs::read(path).map_err(|error| format!("{path}: {error}"));
        let client_ca = match config.tls_client_ca.as_str() {
            "" => None,
            path => Some(read(path)?),
        };
        Ok(Files { chain: read(&config.tls_cert)?, key: read(&config.tls_key)?, client_ca })
    }

    fn make(&self) -> Result<Arc<ServerConfig>, BoxError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = certificates(&self.chain, "tls_cert")?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| format!("tls_key: {error}"))?;
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(authorities) => {
                let mut roots = RootCertStore::empty();
                for authority in certificates(authorities, "tls_client_ca")? {
                    roots.add(authority)?;
                }
                // Who shows no certificate may have a token, or only ask for health.
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                builder.with_client_cert_verifier(verifier.allow_unauthenticated().build()?)
            }
        };
        let mut tls = builder.with_single_cert(chain, key)?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(tls))
    }
}

fn certificates(pem: &[u8], setting: &str) -> Result<Vec<CertificateDer<'static>>, BoxError> {
    let all = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let all = all.map_err(|error| format!("{setting}: {error}"))?;
    if all.is_empty() { Err(format!("{setting}: it holds no certificate").into()) } else { Ok(all) }
}
