//! A server with the engine itself, a client of it, and what tests ask and read.

use tonic::transport::Channel;
use typhon_proto::v1;
use typhon_proto::v1::execution_service_client::ExecutionServiceClient;
use typhon_service::config::Bytes;
use typhon_service::{Config, Server, Vm};

pub struct Fixture {
    pub server: Server,
    pub client: ExecutionServiceClient<Channel>,
    pub channel: Channel,
}

/// Starts a server with these settings over the defaults, and the engine that `vm` makes for what it may keep compiled.
pub async fn serve(settings: &[(&str, &str)], vm: impl FnOnce(Bytes) -> Vm) -> Fixture {
    let config = Config::from_source(|row| {
        let given = settings.iter().find(|(name, _)| *name == row.name).map(|(_, value)| (*value).to_owned());
        given.or_else(|| (row.name == "listen").then(|| "127.0.0.1:0".to_owned()))
    });
    let config = config.expect("good settings");
    let engine = vm(config.compiled_bytes_max);
    let server = Server::start(config, std::sync::Arc::new(engine)).await.expect("a server");
    let url = format!("http://{}", server.address());
    let channel = Channel::from_shared(url).expect("a URL").connect().await.expect("a connection");
    let client = ExecutionServiceClient::new(channel.clone()).max_decoding_message_size(64 << 20);
    Fixture { server, client, channel }
}

pub fn source(text: impl Into<Vec<u8>>) -> v1::ExecuteRequest {
    v1::ExecuteRequest {
        code: Some(v1::execute_request::Code::Source(v1::Source { text: text.into(), filename: String::new() })),
        result_mode: v1::ResultMode::LastExpression.into(),
        ..v1::ExecuteRequest::default()
    }
}

pub fn limited(text: &str, limits: v1::Limits) -> v1::ExecuteRequest {
    v1::ExecuteRequest { limits: Some(limits), ..source(text) }
}

pub fn millis(millis: i32) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds: (millis / 1000).into(), nanos: millis % 1000 * 1_000_000 })
}

pub fn reason(response: &v1::ExecuteResponse) -> v1::TerminationReason {
    response.outcome.as_ref().expect("an outcome").reason()
}

/// The exception's class and message.
pub fn exception(response: &v1::ExecuteResponse) -> (String, String) {
    match response.outcome.as_ref().and_then(|outcome| outcome.detail.as_ref()) {
        Some(v1::outcome::Detail::Exception(e)) => {
            (e.r#type.as_ref().map(|t| t.qualname.clone()).unwrap_or_default(), e.message.clone())
        }
        other => panic!("no exception: {other:?}"),
    }
}

/// What a server with an `admin_listen` tells Prometheus.
pub async fn scrape(server: &Server) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = server.admin_address().expect("an address").to_string();
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

/// The value of one line of that, 0 where there is none.
pub fn metric(text: &str, line: &str) -> f64 {
    let value = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
    value.map_or(0.0, |value| value.parse().expect("a number"))
}
