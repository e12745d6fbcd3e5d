//! Traces of `typhon serve`, as a collector receives them.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};
use typhon_proto::v1;
use typhon_proto::v1::execution_service_client::ExecutionServiceClient;

struct Collector(mpsc::UnboundedSender<Span>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans.into_iter();
        for span in resources.flat_map(|of| of.scope_spans).flat_map(|of| of.spans) {
            self.0.send(span).expect("the test listens");
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|one| one.key == key)?.value.as_ref()?.value.as_ref()?;
    Some(match found {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    })
}

#[tokio::test]
async fn a_call_and_its_execution_are_in_the_callers_trace() {
    let (sender, mut spans) = mpsc::unbounded_channel();
    let incoming = tonic::transport::server::TcpIncoming::bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let collector = format!("http://{}", incoming.local_addr().expect("bound"));
    let service = TraceServiceServer::new(Collector(sender));
    tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
    let mut server = Command::new(env!("CARGO_BIN_EXE_typhon"))
        .args(["serve", "--listen", "127.0.0.1:0", "--otlp-endpoint", &collector, "--trace-sample", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("typhon starts");
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("piped")).read_line(&mut line).expect("its address");
    let url = line.split_whitespace().last().expect("a URL").to_owned();
    let mut client = ExecutionServiceClient::connect(url).await.expect("a connection");
    let source = v1::Source { text: b"secret = 'a value'\nundefined".to_vec(), filename: String::new() };
    let request = || {
        let code = Some(v1::execute_request::Code::Source(source.clone()));
        Request::new(v1::ExecuteRequest { code, ..v1::ExecuteRequest::default() })
    };
    // One that is nobody's is not sent: so says trace_sample. The caller's decision counts for its own.
    client.execute(request()).await.expect("it ran");
    let mut traced = request();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    traced.metadata_mut().insert("traceparent", parent.parse().expect("a header"));
    client.execute(traced).await.expect("it ran");
    // What is left is sent at the end.
    let stopped = Command::new("kill").arg(server.id().to_string()).status().expect("kill");
    assert!(stopped.success());
    let mut all = Vec::new();
    while all.len() < 2 {
        all.push(spans.recv().await.expect("the collector lives"));
    }
    assert!(server.wait().expect("it ends").success());
    let call = all.iter().find(|span| span.name == "typhon.v1.ExecutionService/Execute").expect("the call");
    let execution = all.iter().find(|span| span.name == "execution").expect("the execution");
    assert!(all.iter().all(|span| span.trace_id[..4] == [0x0a, 0xf7, 0x65, 0x19]));
    assert_eq!(call.parent_span_id[..4], [0xb7, 0xad, 0x6b, 0x71]);
    assert_eq!(execution.parent_span_id, call.span_id);
    assert_eq!(attribute(call, "rpc.grpc.status_code").as_deref(), Some("0"));
    assert_eq!(attribute(execution, "typhon.outcome").as_deref(), Some("TERMINATION_REASON_EXCEPTION"));
    assert_eq!(attribute(execution, "typhon.tenant").as_deref(), Some("default"));
    let said = format!("{all:?}");
    assert!(!said.contains("secret") && !said.contains("a value") && !said.contains("undefined"), "{said}");
}
