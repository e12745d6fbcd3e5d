//! Requests good and bad over real loopback gRPC: each gets its answer, and the server lives on.

use crate::support::{check_refusal, reason, source, start, streamed};
use prost_types::Duration;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;
use typhon_proto::v1;
use typhon_proto::v1::value::Kind;

#[tokio::test]
async fn inputs_and_stdin_arrive_and_the_result_comes_back() {
    let mut fixture = start(&[]).await;
    let value = |kind| v1::Value { kind: Some(kind) };
    let mut request = source("inputs");
    request.inputs.insert("n".into(), value(Kind::IntValue(7)));
    request.inputs.insert("größe".into(), value(Kind::StrValue("x".into())));
    let response = fixture.client.execute(request).await.expect("an answer").into_inner();
    assert_eq!(reason(&response), v1::TerminationReason::Completed);
    let Some(Kind::DictValue(dict)) = response.result.and_then(|result| result.kind) else { panic!("a dict") };
    let keys: Vec<_> = dict.entries.into_iter().filter_map(|entry| entry.key?.kind).collect();
    assert_eq!(keys, [Kind::StrValue("größe".into()), Kind::StrValue("n".into())]);
    assert!(response.execution.starts_with("executions/"));

    let mut request = source("cat");
    request.stdin = b"some bytes \xff".to_vec();
    let response = fixture.client.execute(request).await.expect("an answer").into_inner();
    assert_eq!(response.result.and_then(|result| result.kind), Some(Kind::BytesValue(b"some bytes \xff".to_vec())));
}

#[tokio::test]
async fn malformed_requests_name_their_fields() {
    let mut fixture = start(&[]).await;
    let seconds = |seconds, nanos| Some(Duration { seconds, nanos });
    let limits = |limits| v1::ExecuteRequest { limits: Some(limits), ..source("") };
    let input = |name: &str| {
        let mut request = source("");
        request.inputs.insert(name.into(), v1::Value::default());
        request
    };
    let file = |path: &str| {
        let file = v1::InputFile { path: path.into(), ..v1::InputFile::default() };
        v1::ExecuteRequest { files: vec![file], ..source("") }
    };
    let chance = |clock: Option<v1::clock_policy::Mode>, entropy: Option<v1::entropy_policy::Mode>| {
        let clock = clock.map(|mode| v1::ClockPolicy { mode: mode.into(), ..v1::ClockPolicy::default() });
        let entropy = entropy.map(|mode| v1::EntropyPolicy { mode: mode.into(), ..v1::EntropyPolicy::default() });
        let policy = v1::Policy { clock, entropy, deterministic: true, ..v1::Policy::default() };
        v1::ExecuteRequest { policy: Some(policy), ..source("") }
    };
    let of = |policy| v1::ExecuteRequest { policy: Some(policy), ..source("") };
    let clock = |mode: v1::clock_policy::Mode, epoch_nanoseconds| {
        let clock = v1::ClockPolicy { mode: mode.into(), epoch_nanoseconds };
        of(v1::Policy { clock: Some(clock), ..v1::Policy::default() })
    };
    let seed = |deterministic| {
        let entropy = Some(v1::EntropyPolicy { mode: 0, seed: 5 });
        of(v1::Policy { entropy, deterministic, ..v1::Policy::default() })
    };
    let modules = |allow: &[&str], deny: &[&str]| {
        let [allow, deny] = [allow, deny].map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        of(v1::Policy { modules: Some(v1::ModulePolicy { allow, deny }), ..v1::Policy::default() })
    };
    let host_modules = |names: &[&str], function: &str| {
        let functions = vec![v1::HostFunction { name: function.to_owned(), ..v1::HostFunction::default() }];
        let module = |name: &&str| v1::HostModule {
            name: (*name).to_owned(),
            functions: functions.clone(),
            ..v1::HostModule::default()
        };
        of(v1::Policy { host_modules: names.iter().map(module).collect(), ..v1::Policy::default() })
    };
    let handler = v1::OutputOptions { encoding_errors: "?".into(), ..v1::OutputOptions::default() };
    let rules = vec![v1::NetworkRule { destination: "example.org".into(), ports: vec![443] }];
    let network = Some(v1::NetworkPolicy { mode: 0, rules });
    let proxy = |rules: &[(&str, i32)], deterministic| {
        let rule = |(destination, port): &(&str, i32)| v1::NetworkRule {
            destination: (*destination).to_owned(),
            ports: vec![*port],
        };
        let mode = v1::network_policy::Mode::Proxy.into();
        let network = Some(v1::NetworkPolicy { mode, rules: rules.iter().map(rule).collect() });
        of(v1::Policy { network, deterministic, ..v1::Policy::default() })
    };
    let none = v1::Limits::default;
    let policy = v1::Policy { isolation: 99, ..v1::Policy::default() };
    let output = v1::OutputOptions { mode: -5, ..v1::OutputOptions::default() };
    let stream = v1::OutputOptions { mode: v1::output_options::Mode::Stream.into(), ..v1::OutputOptions::default() };
    let cases = [
        (v1::ExecuteRequest::default(), "code"),
        (v1::ExecuteRequest { result_mode: 77, ..source("") }, "result_mode"),
        (v1::ExecuteRequest { policy: Some(policy), ..source("") }, "policy.isolation"),
        (v1::ExecuteRequest { output: Some(output), ..source("") }, "output.mode"),
        (v1::ExecuteRequest { output: Some(stream), ..source("") }, "output.mode"),
        (v1::ExecuteRequest { request_id: "7".into(), ..source("") }, "request_id"),
        (v1::ExecuteRequest { argv: vec!["a".into(), "b\0".into()], ..source("") }, "argv[1]"),
        (v1::ExecuteRequest { env: [("A=B".into(), "c".into())].into(), ..source("") }, "env[\"A=B\"]"),
        (v1::ExecuteRequest { entry_point: "a..b".into(), ..source("") }, "entry_point"),
        (v1::ExecuteRequest { entry_point: "f()".into(), ..source("") }, "entry_point"),
        (limits(v1::Limits { wall_time: seconds(-1, 0), ..none() }), "limits.wall_time"),
        (limits(v1::Limits { wall_time: seconds(0, 0), ..none() }), "limits.wall_time"),
        (limits(v1::Limits { cpu_time: seconds(1, -1), ..none() }), "limits.cpu_time"),
        (limits(v1::Limits { cpu_time: seconds(i64::MIN + 1, 0), ..none() }), "limits.cpu_time"),
        (limits(v1::Limits { heap_bytes: Some(-1), ..none() }), "limits.heap_bytes"),
        (limits(v1::Limits { heap_bytes: Some(0), ..none() }), "limits.heap_bytes"),
        (limits(v1::Limits { stack_depth: Some(i32::MIN), ..none() }), "limits.stack_depth"),
        (limits(v1::Limits { stdout_bytes: Some(-7), ..none() }), "limits.stdout_bytes"),
        (limits(v1::Limits { source_bytes: Some(3), ..none() }), ""),
        (chance(Some(v1::clock_policy::Mode::System), None), "policy.clock.mode"),
        (chance(Some(v1::clock_policy::Mode::Frozen), None), "policy.clock.mode"),
        (chance(None, Some(v1::entropy_policy::Mode::System)), "policy.entropy.mode"),
        (clock(v1::clock_policy::Mode::System, Some(7)), "policy.clock.epoch_nanoseconds"),
        (clock(v1::clock_policy::Mode::Unspecified, Some(7)), "policy.clock.epoch_nanoseconds"),
        (clock(v1::clock_policy::Mode::Virtual, Some(-7)), "policy.clock.epoch_nanoseconds"),
        (seed(false), "policy.entropy.seed"),
        (seed(true), "policy.entropy.seed"),
        (of(v1::Policy { network, ..v1::Policy::default() }), "policy.network.rules"),
        (v1::ExecuteRequest { output: Some(handler), ..source("") }, "output.encoding_errors"),
        (host_modules(&["a.b"], "f"), "policy.host_modules[0].name"),
        (host_modules(&["sys"], "f"), "policy.host_modules[0].name"),
        (host_modules(&["a", "a"], "f"), "policy.host_modules[1].name"),
        (host_modules(&["a"], "f()"), "policy.host_modules[0].functions[0].name"),
        (host_modules(&["a"], "f"), "policy.host_modules"),
        (proxy(&[], false), "policy.network.rules"),
        (proxy(&[("a.example", 80); 101], false), "policy.network.rules"),
        (proxy(&[("a.example", 80)], true), "policy.network.mode"),
        (proxy(&[("a.example", 0)], false), "policy.network.rules[0].ports[0]"),
        (proxy(&[("10.0.0.0/8", 1), ("10.0.0.0/33", 1)], false), "policy.network.rules[1].destination"),
        (proxy(&[("*", 80)], false), "policy.network.rules[0].destination"),
        (proxy(&[("0x7f.1", 80)], false), "policy.network.rules[0].destination"),
        (modules(&["json", "a-b"], &[]), "policy.modules.allow[1]"),
        (modules(&[], &["json."]), "policy.modules.deny[0]"),
        (modules(&[], &["x"; 1001]), "policy.modules.deny"),
        (file(""), "files[0].path"),
        (file("a\0"), "files[0].path"),
        (file(&"x".repeat(256)), "files[0].path"),
        (input("1x"), "inputs[\"1x\"]"),
        (input(""), "inputs[\"\"]"),
        (input("a b"), "inputs[\"a b\"]"),
    ];
    for (request, field) in cases {
        let answers = [
            fixture.client.execute(request.clone()).await.map(|_| ()),
            fixture.client.stream_execute(streamed(request.clone())).await.map(|_| ()),
        ];
        for (index, answer) in answers.into_iter().enumerate() {
            // An empty program is within three bytes, and MODE_STREAM is right for a stream.
            if field.is_empty() || (field == "output.mode" && index == 1 && request.output == Some(stream_options())) {
                answer.expect("a good request");
                continue;
            }
            let fields = check_refusal(&answer.expect_err(field), Code::InvalidArgument, "INVALID_REQUEST");
            assert_eq!(fields, [field]);
        }
    }
    fixture.client.execute(source("")).await.expect("the server lives on");
}

fn stream_options() -> v1::OutputOptions {
    v1::OutputOptions { mode: v1::output_options::Mode::Stream.into(), ..v1::OutputOptions::default() }
}

#[tokio::test]
async fn absurd_limits_are_lowered_and_the_response_says_so() {
    let mut fixture = start(&[("wall_time_max", "7s"), ("max_message", "4MiB")]).await;
    let absurd = v1::Limits {
        wall_time: Some(Duration { seconds: 315_576_000_000, nanos: 999_999_999 }),
        heap_bytes: Some(i64::MAX),
        stack_depth: Some(i32::MAX),
        stdout_bytes: Some(i64::MAX),
        ..v1::Limits::default()
    };
    let request = v1::ExecuteRequest { limits: Some(absurd), ..source("") };
    let response = fixture.client.execute(request).await.expect("an answer").into_inner();
    let effective = response.effective_limits.expect("effective limits");
    assert_eq!(effective.wall_time, Some(Duration { seconds: 7, nanos: 0 }));
    assert_eq!((effective.heap_bytes, effective.stack_depth), (Some(2 << 30), Some(100_000)));
    assert_eq!(effective.stdout_bytes, Some(1 << 20));
}

#[tokio::test]
async fn what_is_not_offered_says_which_feature() {
    let mut fixture = start(&[]).await;
    let isolation = |level: v1::IsolationLevel| v1::ExecuteRequest {
        policy: Some(v1::Policy { isolation: level.into(), ..v1::Policy::default() }),
        ..source("")
    };
    let with = |policy| v1::ExecuteRequest { policy: Some(policy), ..source("") };
    let mode = v1::network_policy::Mode::Proxy.into();
    let rules = vec![v1::NetworkRule { destination: "example.org".into(), ports: Vec::new() }];
    let network = Some(v1::NetworkPolicy { mode, rules });
    let policy = v1::Policy { deterministic: true, ..v1::Policy::default() };
    let deterministic = v1::ExecuteRequest { policy: Some(policy), ..source("") };
    let cases = [
        (deterministic, "policy.deterministic without worker processes"),
        (isolation(v1::IsolationLevel::WorkerProcess), "isolation WORKER_PROCESS"),
        (with(v1::Policy { network, ..v1::Policy::default() }), "network PROXY"),
    ];
    for (request, feature) in cases {
        let status = fixture.client.execute(request).await.expect_err(feature);
        check_refusal(&status, Code::Unimplemented, "FEATURE_UNSUPPORTED");
        assert_eq!(status.get_details_error_info().expect("an ErrorInfo").metadata["feature"], feature);
    }
}

#[tokio::test]
async fn oversize_messages_are_refused_by_name() {
    let mut fixture = start(&[("max_message", "64KiB")]).await;
    let request = source(&" ".repeat(70_000));
    let status = fixture.client.execute(request.clone()).await.expect_err("too large");
    check_refusal(&status, Code::ResourceExhausted, "PAYLOAD_TOO_LARGE");
    assert_eq!(status.get_details_error_info().expect("an ErrorInfo").metadata["max_bytes"], "65536");
    let status = fixture.client.stream_execute(streamed(request)).await.expect_err("too large");
    check_refusal(&status, Code::ResourceExhausted, "PAYLOAD_TOO_LARGE");

    let limits = v1::Limits { source_bytes: Some(10), ..v1::Limits::default() };
    let request = v1::ExecuteRequest { limits: Some(limits), ..source(&"\n".repeat(11)) };
    let status = fixture.client.execute(request).await.expect_err("too long");
    assert_eq!(check_refusal(&status, Code::InvalidArgument, "INVALID_REQUEST"), ["source.text"]);
    fixture.client.execute(source("")).await.expect("the server lives on");
}

/// Sends whatever bytes it is given.
#[derive(Clone, Copy)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Raw;
    type Decoder = Raw;
    fn encoder(&mut self) -> Raw {
        Raw
    }
    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;
    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes_put(buffer, &item);
        Ok(())
    }
}

fn bytes_put(buffer: &mut impl bytes::BufMut, bytes: &[u8]) {
    buffer.put_slice(bytes);
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;
    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        use bytes::Buf;
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}

async fn send_raw(fixture: &crate::support::Fixture, path: &'static str, bytes: Vec<u8>) -> Result<Vec<u8>, Status> {
    let mut grpc = tonic::client::Grpc::new(fixture.channel.clone());
    grpc.ready().await.expect("a connection");
    let path = tonic::codegen::http::uri::PathAndQuery::from_static(path);
    grpc.unary(Request::new(bytes), path, Raw).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn bytes_that_are_not_a_message_are_the_senders_fault() {
    let fixture = start(&[]).await;
    const EXECUTE: &str = "/typhon.v1.ExecutionService/Execute";
    let not_utf8 = vec![0x0a, 0x02, 0xff, 0xfe];
    let cut_short = vec![0x0a, 0x7f, b'x'];
    let wrong_wire_type = vec![0x08, 0x01];
    let endless_varint = vec![0x80; 30];
    // `inputs` holding lists within lists, far past any decoder's patience.
    let mut nested = Vec::new();
    for _ in 0..5000 {
        let mut outer = vec![0x0a];
        prost::encoding::encode_varint(nested.len() as u64, &mut outer);
        outer.append(&mut nested);
        nested = vec![0x52];
        prost::encoding::encode_varint(outer.len() as u64, &mut nested);
        nested.append(&mut outer);
    }
    let mut entry = vec![0x12];
    prost::encoding::encode_varint(nested.len() as u64, &mut entry);
    entry.append(&mut nested);
    let mut deep = vec![0x42];
    prost::encoding::encode_varint(entry.len() as u64, &mut deep);
    deep.append(&mut entry);
    for bytes in [not_utf8, cut_short, wrong_wire_type, endless_varint, deep] {
        let status = send_raw(&fixture, EXECUTE, bytes).await.expect_err("not a message");
        check_refusal(&status, Code::InvalidArgument, "MALFORMED_MESSAGE");
    }
    let status = send_raw(&fixture, "/typhon.v1.ExecutionService/Nothing", Vec::new()).await.expect_err("no method");
    check_refusal(&status, Code::Unimplemented, "METHOD_UNKNOWN");
    let status = send_raw(&fixture, "/typhon.v9.Other/Nothing", Vec::new()).await.expect_err("no service");
    check_refusal(&status, Code::Unimplemented, "METHOD_UNKNOWN");
    fixture.client.clone().execute(source("")).await.expect("the server lives on");
}

#[tokio::test]
async fn capabilities_health_and_reflection_answer() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
    use typhon_proto::v1::runtime_service_client::RuntimeServiceClient;

    let fixture = start(&[("workers", "3")]).await;
    let mut runtime = RuntimeServiceClient::new(fixture.channel.clone());
    let answer = runtime.get_capabilities(v1::GetCapabilitiesRequest {}).await.expect("an answer").into_inner();
    let capabilities = answer.capabilities.expect("capabilities");
    assert_eq!((capabilities.language_version.as_str(), capabilities.workers), ("3.14", 3));
    assert_eq!(capabilities.max_message_bytes, 32 << 20);
    assert_eq!(capabilities.limit_ceilings.and_then(|limits| limits.heap_bytes), Some(2 << 30));

    let mut health = HealthClient::new(fixture.channel.clone());
    for service in ["", "typhon.v1.ExecutionService", "typhon.v1.RuntimeService", "typhon.v1.SessionService"] {
        let answer = health.check(HealthCheckRequest { service: service.into() }).await.expect("an answer");
        assert_eq!(answer.into_inner().status(), tonic_health::pb::health_check_response::ServingStatus::Serving);
    }

    let mut reflection = ServerReflectionClient::new(fixture.channel.clone());
    let ask = tonic_reflection::pb::v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = reflection.server_reflection_info(tokio_stream::once(ask)).await.expect("a stream").into_inner();
    let answer = answers.message().await.expect("no error").expect("an answer");
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else { panic!("{answer:?}") };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    assert!(names.contains(&"typhon.v1.ExecutionService".to_owned()), "{names:?}");
}

#[tokio::test]
async fn a_frozen_clock_stands_still() {
    let mut fixture = start(&[]).await;
    let clock = v1::ClockPolicy { mode: v1::clock_policy::Mode::Frozen.into(), epoch_nanoseconds: Some(1_000_000_007) };
    let policy = v1::Policy { clock: Some(clock), ..v1::Policy::default() };
    let request = v1::ExecuteRequest { policy: Some(policy), ..source("wall") };
    let response = fixture.client.execute(request).await.expect("an answer").into_inner();
    assert_eq!(response.result.and_then(|result| result.kind), Some(Kind::IntValue(1_000_000_007)));
}
