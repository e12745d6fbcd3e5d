//! Connections: TLS, certificates that change, clients' certificates, unix sockets.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::{check_refusal, serve, source};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use typhon_proto::v1;
use typhon_proto::v1::execution_service_client::ExecutionServiceClient;
use typhon_service::Server;

/// An authority, and where what it signs lies.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), &pem).expect("written");
        Authority { issuer: Issuer::new(params, key), pem, folder }
    }

    fn sign(&self, names: Vec<SanType>) -> (String, String) {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.subject_alt_names = names;
        let key = KeyPair::generate().expect("a key");
        (params.signed_by(&key, &self.issuer).expect("a certificate").pem(), key.serialize_pem())
    }

    /// Signs a certificate for the server.
    fn renew(&self) {
        let (certificate, key) = self.sign(vec![SanType::DnsName("localhost".try_into().expect("a name"))]);
        std::fs::write(self.path("server.pem"), certificate).expect("written");
        std::fs::write(self.path("server.key"), key).expect("written");
    }

    fn client(&self, id: &str) -> Identity {
        let (certificate, key) = self.sign(vec![SanType::URI(id.try_into().expect("a name"))]);
        Identity::from_pem(certificate, key)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

async fn dial(
    server: &Server,
    authority: &str,
    identity: Option<Identity>,
) -> Result<Channel, tonic::transport::Error> {
    let port = server.address().to_string().rsplit_once(':').expect("a port").1.to_owned();
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority)).domain_name("localhost");
    let tls = match identity {
        Some(identity) => tls.identity(identity),
        None => tls,
    };
    let endpoint = Endpoint::from_shared(format!("https://127.0.0.1:{port}")).expect("a URL");
    endpoint.tls_config(tls).expect("a configuration").connect().await
}

async fn execute(channel: Channel) -> Result<v1::ExecuteResponse, tonic::Status> {
    ExecutionServiceClient::new(channel).execute(source("")).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_certificate_is_replaced_while_the_server_runs() {
    let (first, second) = (Authority::new(), Authority::new());
    first.renew();
    let (certificate, key) = (first.path("server.pem"), first.path("server.key"));
    let settings = [("tls_cert", text(&certificate)), ("tls_key", text(&key)), ("reload_interval", "10ms")];
    let (server, ..) = serve(&settings).await;
    let server = server.expect("the server starts");
    let old = dial(&server, &first.pem, None).await.expect("a connection");
    execute(old.clone()).await.expect("over TLS");
    dial(&server, &second.pem, None).await.expect_err("another authority's");

    second.renew();
    // Between the two writes they do not fit each other, and the old ones hold.
    std::fs::copy(second.path("server.pem"), &certificate).expect("written");
    std::fs::copy(second.path("server.key"), &key).expect("written");
    while dial(&server, &second.pem, None).await.is_err() {
        tokio::task::yield_now().await;
    }
    execute(old).await.expect("a connection stays what it is");
    dial(&server, &first.pem, None).await.expect_err("the old certificate is gone");
}

#[tokio::test]
async fn a_clients_certificate_says_whose_it_is() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    authority.renew();
    let tenants = authority.path("tenants.toml");
    std::fs::write(&tenants, "[tenants.ann]\nspiffe = [\"spiffe://test/ann/*\"]\n").expect("written");
    let (certificate, key, ca) = (authority.path("server.pem"), authority.path("server.key"), authority.path("ca.pem"));
    let settings = [
        ("tls_cert", text(&certificate)),
        ("tls_key", text(&key)),
        ("tls_client_ca", text(&ca)),
        ("tenants_file", text(&tenants)),
    ];
    let (server, ..) = serve(&settings).await;
    let server = server.expect("the server starts");
    let with = async |identity| execute(dial(&server, &authority.pem, identity).await.expect("a connection")).await;
    with(Some(authority.client("spiffe://test/ann/worker"))).await.expect("hers");
    let unknown = with(Some(authority.client("spiffe://test/bob"))).await.expect_err("nobody's");
    check_refusal(&unknown, Code::PermissionDenied, "TENANT_UNKNOWN");
    let nameless = with(Some(authority.client("https://test/ann/worker"))).await.expect_err("not an id");
    check_refusal(&nameless, Code::Unauthenticated, "CREDENTIALS_INVALID");
    check_refusal(&with(None).await.expect_err("nobody"), Code::Unauthenticated, "CREDENTIALS_MISSING");
    // A certificate of another authority ends the handshake, at the first use at the latest.
    let forged = dial(&server, &authority.pem, Some(stranger.client("spiffe://test/ann/worker"))).await;
    if let Ok(channel) = forged {
        let status = execute(channel).await.expect_err("a certificate that we did not sign");
        assert_ne!(status.code(), Code::Ok);
    }
}

#[tokio::test]
async fn plaintext_stays_on_the_machine() {
    let refused = serve(&[("listen", "0.0.0.0:0")]).await.0.err().expect("no TLS").to_string();
    assert!(refused.contains("without TLS"), "{refused}");
    serve(&[("listen", "0.0.0.0:0"), ("plaintext", "anywhere")]).await.0.expect("told so");
    let half = serve(&[("tls_cert", "x")]).await.0.err().expect("half a pair").to_string();
    assert!(half.contains("tls_key"), "{half}");
}

#[tokio::test]
async fn a_unix_socket_serves_and_is_taken_over_from_the_dead() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("typhon.sock");
    // What a server that died leaves behind.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    let listen = format!("unix:{}", path.display());
    let (server, ..) = serve(&[("listen", &listen)]).await;
    let server = server.expect("the server starts");
    assert_eq!(server.address().to_string(), listen);
    let mode = std::fs::metadata(&path).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let channel = Endpoint::from_shared(listen.clone()).expect("a URL").connect().await.expect("a connection");
    execute(channel).await.expect("over the socket");
    serve(&[("listen", &listen)]).await.0.err().expect("somebody listens there");
}

#[tokio::test]
async fn who_says_nothing_is_not_waited_for() {
    let authority = Authority::new();
    authority.renew();
    let (certificate, key) = (authority.path("server.pem"), authority.path("server.key"));
    let few = [("handshake_timeout", "50ms"), ("connections_max", "2")];
    let tls = [few[0], few[1], ("tls_cert", text(&certificate)), ("tls_key", text(&key))];
    for settings in [&few[..], &tls[..]] {
        let (server, ..) = serve(settings).await;
        let server = server.expect("the server starts");
        let address = server.address().to_string();
        let mut silent = Vec::new();
        for start in [&b""[..], b"PRI * HTTP/2.0"] {
            let mut stream = TcpStream::connect(&address).await.expect("a connection");
            stream.write_all(start).await.expect("sent");
            silent.push(stream);
        }
        // There is no room for a third until one of them is gone.
        let channel = match settings.len() {
            2 => crate::support::connect(&server).await,
            _ => dial(&server, &authority.pem, None).await.expect("a connection"),
        };
        execute(channel).await.expect("served");
        for mut stream in silent {
            let mut rest = Vec::new();
            // Closed or reset, but over.
            let _over = stream.read_to_end(&mut rest).await;
        }
    }
}
