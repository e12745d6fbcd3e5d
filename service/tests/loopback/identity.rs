//! Who may call, and that nobody meets what belongs to others.

use std::io::Write;

use crate::support::{check_refusal, connect, next, serve, source};
use prost::Message;
use tonic::codec::Streaming;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use typhon_proto::v1;
use typhon_service::Server;

pub const ANN: &str = "ann's token";
pub const BOB: &str = "bob's token";
const EVE: &str = "eve's token";

pub fn hash(token: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, token.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn tenants() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    rewrite(&file, &[("ann", ANN, ""), ("bob", BOB, ""), ("eve", EVE, "suspended = true")]);
    file
}

fn rewrite(file: &tempfile::NamedTempFile, tenants: &[(&str, &str, &str)]) {
    let mut text = String::new();
    for (name, token, more) in tenants {
        text += &format!("[tenants.{name}]\ntokens = [\"sha256:{}\"]\n{more}\n", hash(token));
    }
    let mut fresh = tempfile::NamedTempFile::new_in(file.path().parent().expect("a folder")).expect("a file");
    fresh.write_all(text.as_bytes()).expect("written");
    fresh.persist(file.path()).expect("renamed");
}

async fn start(file: &tempfile::NamedTempFile) -> (Server, Channel, std::sync::mpsc::Receiver<()>) {
    let path = file.path().to_str().expect("a path");
    let (server, started, _) = serve(&[("tenants_file", path), ("reload_interval", "10ms")]).await;
    let server = server.expect("the server starts");
    let channel = connect(&server).await;
    (server, channel, started)
}

/// The first answer of any method, asked with a token.
async fn call(channel: &Channel, method: &str, request: Vec<u8>, token: &str) -> Result<Vec<u8>, Status> {
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.expect("a connection");
    let path = format!("/{method}").parse().expect("a path");
    let mut request = Request::new(tokio_stream::once(request));
    if !token.is_empty() {
        let header = format!("Bearer {token}").parse().expect("a header");
        request.metadata_mut().insert("authorization", header);
    }
    let mut answers: Streaming<Vec<u8>> = grpc.streaming(request, path, crate::requests::Raw).await?.into_inner();
    answers.message().await.map(Option::unwrap_or_default)
}

pub async fn ours<T: Message + Default>(
    channel: &Channel,
    method: &str,
    request: &impl Message,
    token: &str,
) -> Result<T, Status> {
    let answer = call(channel, &format!("typhon.v1.{method}"), request.encode_to_vec(), token).await?;
    Ok(T::decode(&answer[..]).expect("an answer"))
}

fn methods() -> Vec<String> {
    let set = prost_types::FileDescriptorSet::decode(typhon_proto::FILE_DESCRIPTOR_SET).expect("descriptors");
    let ours = set.file.iter().filter(|file| file.package() == "typhon.v1").flat_map(|file| &file.service);
    ours.flat_map(|service| {
        service.method.iter().map(|method| format!("typhon.v1.{}/{}", service.name(), method.name()))
    })
    .collect()
}

#[tokio::test]
async fn nothing_but_health_is_open() {
    let file = tenants();
    let (_server, channel, _) = start(&file).await;
    let mut closed = methods();
    closed.push("grpc.reflection.v1.ServerReflection/ServerReflectionInfo".into());
    closed.push("no.such.Service/Method".into());
    for method in closed {
        for (token, code, reason) in [
            ("", Code::Unauthenticated, "CREDENTIALS_MISSING"),
            ("nonsense", Code::Unauthenticated, "CREDENTIALS_INVALID"),
            (EVE, Code::PermissionDenied, "TENANT_SUSPENDED"),
        ] {
            let status = call(&channel, &method, Vec::new(), token).await.expect_err(&method);
            check_refusal(&status, code, reason);
        }
    }
    call(&channel, "grpc.health.v1.Health/Check", Vec::new(), "").await.expect("health is for everybody");
    ours::<v1::ExecuteResponse>(&channel, "ExecutionService/Execute", &source(""), ANN).await.expect("a tenant");
}

#[tokio::test]
async fn what_is_somebody_elses_is_not_there() {
    let file = tenants();
    let (_server, channel, started) = start(&file).await;
    let create = v1::CreateSessionRequest::default();
    let created: v1::CreateSessionResponse =
        ours(&channel, "SessionService/CreateSession", &create, ANN).await.expect("a session");
    let name = created.session.expect("a session").name;
    let spin = v1::StartExecutionRequest { request: Some(source("sleep")) };
    let begun: v1::StartExecutionResponse =
        ours(&channel, "ExecutionService/StartExecution", &spin, ANN).await.expect("an execution");
    let running = begun.execution.expect("an execution").name;
    let (_, started) = next(started).await;
    drop(started);

    let target = Some(v1::execute_request::Target::Session(name.clone()));
    let within = v1::ExecuteRequest { target, ..source("") };
    let session = |name: &String| v1::GetSessionRequest { name: name.clone() };
    let execution = |name: &String| v1::GetExecutionRequest { name: name.clone() };
    // All of these messages have the name as their first field.
    let mut theirs = Vec::new();
    for method in ["GetSession", "InterruptSession", "ResetSession", "DeleteSession"] {
        theirs.push((
            format!("typhon.v1.SessionService/{method}"),
            session(&name).encode_to_vec(),
            "SESSION_NOT_FOUND",
        ));
    }
    for method in ["GetExecution", "AttachExecution", "CancelExecution", "DeleteExecution"] {
        let request = execution(&running).encode_to_vec();
        theirs.push((format!("typhon.v1.ExecutionService/{method}"), request, "EXECUTION_NOT_FOUND"));
    }
    theirs.push(("typhon.v1.ExecutionService/Execute".to_owned(), within.encode_to_vec(), "SESSION_NOT_FOUND"));
    for (method, request, reason) in &theirs {
        let status = call(&channel, method, request.clone(), BOB).await.expect_err(method);
        check_refusal(&status, Code::NotFound, reason);
    }
    let sessions: v1::ListSessionsResponse =
        ours(&channel, "SessionService/ListSessions", &(), BOB).await.expect("a list");
    let executions: v1::ListExecutionsResponse =
        ours(&channel, "ExecutionService/ListExecutions", &(), BOB).await.expect("a list");
    assert_eq!((sessions.sessions.len(), executions.executions.len()), (0, 0));

    let own: v1::GetExecutionResponse =
        ours(&channel, "ExecutionService/GetExecution", &execution(&running), ANN).await.expect("her own");
    assert_eq!(own.execution.expect("an execution").state(), v1::execution::State::Running);
    ours::<v1::ExecuteResponse>(&channel, "ExecutionService/Execute", &within, ANN).await.expect("her own");
}

#[tokio::test]
async fn two_tenants_may_number_their_requests_alike() {
    let file = tenants();
    let (_server, channel, _) = start(&file).await;
    let request_id = "00000000-0000-0000-0000-000000000001".to_owned();
    let mine = v1::ExecuteRequest { request_id: request_id.clone(), ..source("print 1") };
    let other = v1::ExecuteRequest { request_id, ..source("print 2") };
    let first: v1::ExecuteResponse = ours(&channel, "ExecutionService/Execute", &mine, ANN).await.expect("hers");
    let second: v1::ExecuteResponse = ours(&channel, "ExecutionService/Execute", &other, BOB).await.expect("his");
    assert_ne!(first.execution, second.execution);
    let status = ours::<v1::ExecuteResponse>(&channel, "ExecutionService/Execute", &other, ANN).await;
    check_refusal(&status.expect_err("hers was another"), Code::AlreadyExists, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn tokens_change_while_the_server_runs() {
    let file = tenants();
    let (_server, channel, _) = start(&file).await;
    let create = v1::CreateSessionRequest::default();
    let created: v1::CreateSessionResponse =
        ours(&channel, "SessionService/CreateSession", &create, ANN).await.expect("a session");
    let get = v1::GetSessionRequest { name: created.session.expect("a session").name };
    rewrite(&file, &[("ann", "another token", "")]);
    // Until it has been read.
    while ours::<v1::GetSessionResponse>(&channel, "SessionService/GetSession", &get, ANN).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let session = ours::<v1::GetSessionResponse>(&channel, "SessionService/GetSession", &get, "another token").await;
    session.expect("the tenant is the same");
    let status = ours::<v1::GetSessionResponse>(&channel, "SessionService/GetSession", &get, BOB).await;
    check_refusal(&status.expect_err("not any more"), Code::Unauthenticated, "CREDENTIALS_INVALID");
}
