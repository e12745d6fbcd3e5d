//! Sessions of `typhon serve` that outlive it: SIGTERM, and the next server goes on with them.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tonic_types::StatusExt;
use typhon_proto::v1;
use typhon_proto::v1::execute_request::{Code, Target};
use typhon_proto::v1::execution_service_client::ExecutionServiceClient;
use typhon_proto::v1::session_service_client::SessionServiceClient;
use typhon_proto::v1::value::Kind;

struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(folder: &Path, more: &[&str]) -> Server {
        let mut process = Command::new(env!("CARGO_BIN_EXE_typhon"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--snapshot-key-file"])
            .arg(folder.join("key"))
            .arg("--snapshot-store")
            .arg(folder.join("store"))
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let url = line.trim().rsplit(' ').next().expect("an address").to_owned();
        Server { process, url }
    }

    fn end(mut self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill starts").success());
        assert_eq!(self.process.wait().expect("it ends").code(), Some(0));
    }

    async fn session(&self, isolation: v1::IsolationLevel) -> String {
        let mut client = SessionServiceClient::connect(self.url.clone()).await.expect("a connection");
        let policy = v1::Policy { isolation: isolation.into(), ..v1::Policy::default() };
        let session = v1::Session { policy: Some(policy), ..v1::Session::default() };
        let request = v1::CreateSessionRequest { session: Some(session), ..v1::CreateSessionRequest::default() };
        client.create_session(request).await.expect("a session").into_inner().session.expect("its state").name
    }

    async fn run(&self, session: &str, text: &str) -> Result<Option<Kind>, tonic::Status> {
        let mut client = ExecutionServiceClient::connect(self.url.clone()).await.expect("a connection");
        let request = v1::ExecuteRequest {
            code: Some(Code::Source(v1::Source { text: text.into(), filename: String::new() })),
            target: Some(Target::Session(session.to_owned())),
            result_mode: v1::ResultMode::LastExpression.into(),
            ..v1::ExecuteRequest::default()
        };
        Ok(client.execute(request).await?.into_inner().result.and_then(|value| value.kind))
    }
}

#[tokio::test]
async fn sessions_go_on_when_their_server_is_started_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("key"), "0123456789abcdef".repeat(4)).expect("a key");
    let server = Server::start(folder.path(), &[]);
    let shared = server.session(v1::IsolationLevel::WorkerProcess).await;
    let apart = server.session(v1::IsolationLevel::DedicatedProcess).await;
    let stuck = server.session(v1::IsolationLevel::WorkerProcess).await;
    for name in [&shared, &apart] {
        server
            .run(name, "class A:\n def f(self): return 42\na = A()\nopen('f', 'w').write('text')")
            .await
            .expect("run");
    }
    server.run(&stuck, "x = iter([1])\ng = (n for n in x)").await.expect("run");
    server.end();
    let server = Server::start(folder.path(), &[]);
    for name in [&shared, &apart] {
        let found = server.run(name, "assert open('f').read() == 'text'\na.f()").await.expect("it goes on");
        assert_eq!(found, Some(Kind::IntValue(42)));
    }
    let lost = server.run(&stuck, "1").await.expect_err("it is lost").get_details_error_info().expect("an ErrorInfo");
    assert_eq!((lost.reason.as_str(), lost.metadata["why"].as_str()), ("SESSION_LOST", "main.g: generator"));
    server.end();
}
