//! Damaged and random messages against a running server: each gets an answer, nothing panics, and the server goes on.
//!
//! `TYPHON_FUZZ` says how many calls there are, `TYPHON_FUZZ_SEED` where the random numbers begin.

mod message;
mod random;
mod raw;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prost::Message;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use tokio_stream::StreamExt;
use tonic::transport::Channel;
use tonic_types::StatusExt;
use typhon_proto::v1;
use typhon_proto::v1::execution_service_client::ExecutionServiceClient;
use typhon_service::{Config, Server, Vm};

use random::Random;

const CALLS: u64 = 1500;
/// No call may take longer: whatever a program does, its limits end it before.
const PATIENCE: Duration = Duration::from_secs(30);

/// What panicked, if anything did.
fn panics() -> Arc<Mutex<Vec<String>>> {
    let (seen, before) = (Arc::new(Mutex::new(Vec::new())), std::panic::take_hook());
    let of = seen.clone();
    std::panic::set_hook(Box::new(move |panic| {
        of.lock().push(panic.to_string());
        before(panic);
    }));
    seen
}

async fn serve() -> Server {
    let config = Config::from_source(|row| {
        let value = match row.name {
            "listen" => "127.0.0.1:0",
            "isolation" | "isolation_least" => "in_process",
            "wall_time_max" | "cpu_time_max" => "100ms",
            "heap_max" => "64MiB",
            "request_grace" => "100ms",
            "sessions_max" | "executions_max" => "100",
            "max_message" => "1MiB",
            "log" => "off",
            _ => return None,
        };
        Some(value.to_owned())
    });
    Server::start(config.expect("good settings"), Arc::new(Vm::default())).await.expect("a server")
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect(name))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_comes_the_server_goes_on() {
    let (calls, seed) = (number("TYPHON_FUZZ").unwrap_or(CALLS), number("TYPHON_FUZZ_SEED").unwrap_or(0x7e57));
    println!("{calls} calls from seed {seed}");
    let panics = panics();
    let server = serve().await;
    let url = format!("http://{}", server.address());
    let channel = Channel::from_shared(url).expect("a URL").connect_lazy();
    let pool = DescriptorPool::decode(typhon_proto::FILE_DESCRIPTOR_SET).expect("our own descriptors");
    // Draining is not offered here; everything else is.
    let methods: Vec<MethodDescriptor> = pool
        .services()
        .filter(|service| service.package_name() == "typhon.v1" && service.name() != "AdminService")
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .collect();
    let (mut random, mut codes) = (Random::new(seed), std::collections::BTreeMap::new());
    let mut known = Vec::new();
    for number in 0..calls {
        let method = random.pick(&methods).clone();
        let messages = 0..=random.below(if method.is_client_streaming() { 4 } else { 1 });
        let messages: Vec<Vec<u8>> = messages.map(|_| one(&mut random, &method, &known)).collect();
        let call = raw::call(channel.clone(), &method, messages.clone());
        let answer = tokio::time::timeout(PATIENCE, call).await;
        let answer =
            answer.unwrap_or_else(|_| panic!("{number}: {} does not answer {messages:02x?}", method.full_name()));
        match answer {
            Ok(bytes) => {
                names(&mut known, &bytes);
                *codes.entry("OK".to_owned()).or_insert(0) += 1;
            }
            Err(status) => {
                let info = status.get_details_error_info();
                // A stream that the client has ended is told nothing by a server of ours.
                let reason = info.map_or_else(|| format!("{:?}", status.code()), |info| info.reason);
                assert!(!matches!(reason.as_str(), "INTERNAL" | "Unknown"), "{number}: {status:?} for {messages:02x?}");
                *codes.entry(reason).or_insert(0) += 1;
            }
        }
        if number % 50 == 0 {
            raw::garbage(&server.address().to_string(), &mut random).await;
            alive(&channel).await;
        }
    }
    alive(&channel).await;
    println!("{codes:#?}");
    let panicked = panics.lock().clone();
    assert!(panicked.is_empty(), "{panicked:#?}");
    assert!(codes.len() > 5 && codes["OK"] > 0, "nothing was tried: {codes:?}");
}

/// A message for the method: random fields, sometimes damaged, sometimes nothing but noise.
fn one(random: &mut Random, method: &MethodDescriptor, known: &[String]) -> Vec<u8> {
    if random.one_in(10) {
        let length = random.below(200);
        return random.bytes(length);
    }
    let mut bytes = message::random(random, &method.input(), known, 0).encode_to_vec();
    if random.one_in(3) {
        message::damage(random, &mut bytes);
    }
    bytes
}

/// Keeps the names of what there is now, so that later calls find it.
fn names(known: &mut Vec<String>, bytes: &[u8]) {
    for prefix in ["sessions/", "executions/", "programs/", "templates/"] {
        let text = String::from_utf8_lossy(bytes);
        let Some(at) = text.find(prefix) else { continue };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-');
        known.push(text[at..].chars().take_while(|c| plain(*c)).collect());
    }
    if known.len() > 64 {
        known.drain(..32);
    }
}

async fn alive(channel: &Channel) {
    let source = v1::Source { text: b"6 * 7".to_vec(), filename: String::new() };
    let request = v1::ExecuteRequest {
        code: Some(v1::execute_request::Code::Source(source)),
        result_mode: v1::ResultMode::LastExpression.into(),
        ..v1::ExecuteRequest::default()
    };
    let mut client = ExecutionServiceClient::new(channel.clone());
    let mut events = loop {
        let request = v1::StreamExecuteRequest { request: Some(request.clone()) };
        match client.stream_execute(request).await {
            Ok(events) => break events.into_inner(),
            // What was started before fills the queue for a while.
            Err(status) if status.code() == tonic::Code::ResourceExhausted => tokio::time::sleep(PATIENCE / 100).await,
            Err(status) => panic!("the server is not well: {status:?}"),
        }
    };
    let mut last = None;
    while let Some(event) = events.next().await {
        last = Some(event.expect("an event"));
    }
    assert!(last.is_some_and(|last| matches!(last.event, Some(v1::stream_execute_response::Event::Finished(_)))));
}
