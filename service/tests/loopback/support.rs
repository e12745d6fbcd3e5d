//! A server on a free port whose engine does what the source says, without a Python in sight.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use typhon_proto::v1;
use typhon_proto::v1::execution_service_client::ExecutionServiceClient;
use typhon_service::{BoxError, Config, Engine, Isolate, Listen, Server};
use typhon_vm::{Cancel, CancelReason, Host, Outcome, Request, Response, Run, Stream, Value};

/// One word per line: `print N`, `err TEXT`, `spin`, `sleep`, `cat`, `inputs`, `panic`, `wall`; `keep TEXT` adds to what the
/// isolate holds, `held` gives that, `lose` says that the isolate is lost, `catch` takes interrupts until it is stopped.
#[derive(Clone)]
pub struct Scripted(Arc<Told>);

pub struct Told {
    /// Tells how each execution ended, in case no client is left to hear it.
    ended: parking_lot::Mutex<Sender<Option<CancelReason>>>,
    started: parking_lot::Mutex<Sender<()>>,
}

impl Engine for Scripted {
    fn execute(&self, request: &Request, host: &dyn Host, cancel: &Cancel) -> Response {
        Held { scripted: self.clone(), held: String::new(), lost: None }.run(request, host, cancel)
    }

    fn open(&self, _: &Request) -> Box<dyn Isolate> {
        Box::new(Held { scripted: self.clone(), held: String::new(), lost: None })
    }
}

/// An isolate of the script: what it holds is a text.
struct Held {
    scripted: Scripted,
    held: String,
    lost: Option<&'static str>,
}

impl Isolate for Held {
    fn execute(&mut self, request: &Request, host: Arc<dyn Host>, cancel: &Cancel) -> Run {
        let response = self.run(request, &*host, cancel);
        Run { response, lost: self.lost, heap_bytes: self.held.len() as u64, threads: 0 }
    }
}

impl Held {
    fn run(&mut self, request: &Request, host: &dyn Host, cancel: &Cancel) -> Response {
        // A test that has seen enough drops its receivers.
        let _told = self.scripted.0.started.lock().send(());
        let source = String::from_utf8(request.source.clone()).expect("the tests send text");
        let mut result = None;
        for line in source.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "print" => print(rest.parse().expect("a number"), host),
                "err" => host.write(Stream::Stderr, rest.as_bytes()).expect("room"),
                "spin" => {
                    while cancel.reason().is_none() {
                        std::hint::spin_loop();
                    }
                }
                "sleep" => sleep(cancel),
                "cat" => result = Some(Value::Bytes(cat(host))),
                "inputs" => {
                    let pairs = request.inputs.iter().map(|(name, value)| (Value::Str(name.clone()), value.clone()));
                    result = Some(Value::Dict(pairs.collect()));
                }
                "wall" => result = Some(Value::Int(host.wall_clock().as_nanos() as i64)),
                "keep" => self.held += rest,
                "held" => result = Some(Value::Str(self.held.clone())),
                "lose" => self.lost = Some("the script lost it"),
                "catch" => {
                    while cancel.reason().is_none() {
                        if cancel.take_interrupt() {
                            self.held += "^C";
                        }
                        std::thread::yield_now();
                    }
                }
                "interruptible" => {
                    while cancel.reason().is_none() && !cancel.take_interrupt() {
                        std::thread::yield_now();
                    }
                }
                "panic" => panic!("the script says so"),
                other => panic!("no such word: {other}"),
            }
        }
        let outcome = cancel.reason().map_or_else(Outcome::completed, |reason| Outcome::cancelled(&reason));
        let _told = self.scripted.0.ended.lock().send(cancel.reason());
        Response { result, ..Response::of(outcome) }
    }
}

/// Numbered bytes, so that a swap or a gap shows.
pub fn pattern(from: usize, length: usize) -> Vec<u8> {
    (from..from + length).map(|at| b'a' + (at % 23) as u8).collect()
}

fn print(count: usize, host: &dyn Host) {
    for from in (0..count).step_by(1000) {
        if host.write(Stream::Stdout, &pattern(from, 1000.min(count - from))).is_err() {
            return;
        }
    }
}

fn sleep(cancel: &Cancel) {
    let (sender, receiver) = channel();
    let _attachment = cancel.attach(move |_| sender.send(()).expect("the sleeper waits"));
    receiver.recv().expect("a cancel comes");
}

fn cat(host: &dyn Host) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), [0; 7]);
    loop {
        match host.read_stdin(&mut buffer).expect("captured stdin") {
            0 => return all,
            length => all.extend(&buffer[..length]),
        }
    }
}

pub struct Fixture {
    pub server: Server,
    pub channel: Channel,
    pub client: ExecutionServiceClient<Channel>,
    pub ended: Receiver<Option<CancelReason>>,
    pub started: Receiver<()>,
}

/// Starts a server with these settings over the defaults.
pub async fn start(settings: &[(&str, &str)]) -> Fixture {
    let (server, started, ended) = serve(settings).await;
    let server = server.expect("the server starts");
    let channel = connect(&server).await;
    let client = ExecutionServiceClient::new(channel.clone());
    Fixture { server, channel, client, ended, started }
}

pub async fn connect(server: &Server) -> Channel {
    connect_to(server.address()).await
}

pub async fn connect_to(address: &Listen) -> Channel {
    let url = format!("http://{address}");
    Channel::from_shared(url).expect("a URL").connect().await.expect("a connection")
}

/// A server with these settings, if it starts, and who hears of its executions' starts and ends.
pub async fn serve(
    settings: &[(&str, &str)],
) -> (Result<Server, BoxError>, Receiver<()>, Receiver<Option<CancelReason>>) {
    let ((ended, ended_receiver), (started, started_receiver)) = (channel(), channel());
    let told = Told { ended: parking_lot::Mutex::new(ended), started: parking_lot::Mutex::new(started) };
    let engine = Scripted(Arc::new(told));
    let config = Config::from_source(|row| {
        let chosen = settings.iter().find(|(name, _)| *name == row.name).map(|(_, value)| (*value).to_owned());
        chosen.or(match row.name {
            "listen" => Some("127.0.0.1:0".into()),
            "workers" => Some("2".into()),
            "worker_stack" => Some("1MiB".into()),
            _ => None,
        })
    })
    .expect("good settings");
    (Server::start(config, Arc::new(engine)).await, started_receiver, ended_receiver)
}

pub fn source(text: &str) -> v1::ExecuteRequest {
    v1::ExecuteRequest {
        code: Some(v1::execute_request::Code::Source(v1::Source { text: text.into(), filename: String::new() })),
        ..v1::ExecuteRequest::default()
    }
}

pub fn streamed(request: v1::ExecuteRequest) -> v1::StreamExecuteRequest {
    v1::StreamExecuteRequest { request: Some(request) }
}

pub fn reason(response: &v1::ExecuteResponse) -> v1::TerminationReason {
    response.outcome.as_ref().expect("an outcome").reason()
}

/// Checks a refusal and gives the fields it names.
pub fn check_refusal(status: &Status, code: Code, reason: &str) -> Vec<String> {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!((status.code(), info.reason.as_str(), info.domain.as_str()), (code, reason, "typhon"), "{status:?}");
    let fields = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    fields.into_iter().map(|violation| violation.field).collect()
}

/// A channel's next message, awaited without blocking the runtime.
pub async fn next<T: Send + 'static>(receiver: Receiver<T>) -> (T, Receiver<T>) {
    tokio::task::spawn_blocking(move || (receiver.recv().expect("the engine tells"), receiver)).await.expect("a thread")
}
