//! Host functions: what the guest calls and the client answers, with the engine itself.

use crate::{Fixture, exception, reason, source, start};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::interact_request::Message;
use typhon_proto::v1::interact_response::Event;
use typhon_proto::v1::value::Kind;

struct Talk {
    send: mpsc::Sender<v1::InteractRequest>,
    events: Streaming<v1::InteractResponse>,
}

fn granted(text: &str) -> v1::ExecuteRequest {
    let functions = ["double", "fail", "slow"].map(|name| v1::HostFunction {
        name: name.into(),
        signature: format!("{name}(x)"),
        documentation: "Answered by the test.".into(),
        ..v1::HostFunction::default()
    });
    let policy = v1::Policy { host_functions: functions.into(), ..v1::Policy::default() };
    v1::ExecuteRequest { policy: Some(policy), ..source(text) }
}

async fn talk(fixture: &Fixture, request: v1::ExecuteRequest) -> Result<Talk, Status> {
    let (send, receive) = mpsc::channel(64);
    let first = v1::InteractRequest { message: Some(Message::Start(Box::new(request))) };
    send.send(first).await.expect("room");
    let events = fixture.client.clone().interact(ReceiverStream::new(receive)).await?.into_inner();
    Ok(Talk { send, events })
}

impl Talk {
    async fn say(&self, message: Message) {
        // The stream may have ended, which the events tell.
        let _sent = self.send.send(v1::InteractRequest { message: Some(message) }).await;
    }

    async fn answer(&self, call: &v1::HostCall) {
        use v1::host_result::Result as Wire;
        let name = call.name.trim_start_matches("numbers.").trim_start_matches("words.");
        let result = match (name, call.args.first().and_then(|arg| arg.kind.clone())) {
            ("double", Some(Kind::IntValue(n))) => Wire::Value(v1::Value { kind: Some(Kind::IntValue(2 * n)) }),
            ("fail", Some(Kind::StrValue(kind))) => {
                Wire::Exception(v1::HostException { r#type: kind, message: "the host says no".into() })
            }
            other => panic!("no such call: {other:?}"),
        };
        self.say(Message::HostResult(Box::new(v1::HostResult { call_id: call.call_id, result: Some(result) }))).await;
    }

    async fn event(&mut self) -> Result<Option<Event>, Status> {
        Ok(self.events.message().await?.and_then(|message| message.event))
    }

    /// Answers everything until the end.
    async fn end(&mut self) -> Result<v1::ExecuteResponse, Status> {
        loop {
            match self.event().await?.expect("an outcome comes") {
                Event::HostCall(call) => self.answer(&call).await,
                Event::Finished(finished) => return Ok(finished.response.expect("a response")),
                _ => {}
            }
        }
    }
}

fn int(response: &v1::ExecuteResponse) -> i64 {
    match response.result.clone().and_then(|result| result.kind) {
        Some(Kind::IntValue(n)) => n,
        other => panic!("no int: {other:?}, {:?}", response.outcome),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_of_the_host_are_called_and_answered() {
    let fixture = start(&[]).await;
    let cases = [
        ("double(double(3))", 12),
        ("import typhon_host\ntyphon_host.double(5)", 10),
        ("calls = [double.begin(i) for i in range(100)]\nsum(c.result() for c in reversed(calls))", 9900),
        (
            "import typhon_host, asyncio\nasync def main():\n return sum(await asyncio.gather(*(double.begin(i) for i in range(50))))\ntyphon_host.run(main())",
            2450,
        ),
        (
            "import typhon_host, asyncio\nasync def main():\n  await asyncio.sleep(0.01)\n  async with asyncio.timeout(5): return await asyncio.to_thread(double, 4)\ntyphon_host.run(main())",
            8,
        ),
        (
            "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(8) as pool: total = sum(pool.map(double, range(40)))\ntotal",
            1560,
        ),
        ("try: fail('KeyError')\nexcept KeyError as e: n = len(e.args[0])\nn", 16),
        (
            "import typhon_host\ntry: fail('http.Error')\nexcept typhon_host.HostError as e: n = (e.kind, str(e)) == ('http.Error', 'the host says no')\nint(n)",
            1,
        ),
        ("int('Answered' in double.__doc__ and double.__name__ == 'double' and 'open' not in repr(double))", 1),
    ];
    for (text, expected) in cases {
        let response = talk(&fixture, granted(text)).await.expect("a stream").end().await.expect("an outcome");
        assert_eq!(reason(&response), Reason::Completed, "{text}\n{:?}", response.outcome);
        assert_eq!(int(&response), expected, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modules_of_the_host_are_imported_and_answered() {
    let fixture = start(&[]).await;
    let function = |name: &str| v1::HostFunction { name: name.into(), ..v1::HostFunction::default() };
    let module = |name: &str| v1::HostModule {
        name: name.into(),
        documentation: "Answered by the test.".into(),
        functions: vec![function("double"), function("fail")],
    };
    let asked = |text: &str| {
        let mut request = granted(text);
        let policy = request.policy.get_or_insert_default();
        policy.host_modules = vec![module("numbers"), module("words")];
        let allow = vec!["json".to_owned()];
        policy.modules = Some(v1::ModulePolicy { allow, ..v1::ModulePolicy::default() });
        request
    };
    let cases = [
        ("import words\nwords.double(3)", 6),
        ("from words import double as twice\ntwice(double(2))", 8),
        // A library's module of that name gives way.
        ("import numbers\nnumbers.double.begin(5).result()", 10),
        ("import words\ntry: words.fail('KeyError')\nexcept KeyError: n = 1\nn", 1),
        (
            "import words\nint(words.__doc__.startswith('Answered') and repr(words.fail) == '<host function words.fail>')",
            1,
        ),
        ("import words\nint(words.double.__module__ == 'words' and words.double.__name__ == 'double')", 1),
        ("try: import decimal\nexcept ImportError: n = 1\nn", 1),
    ];
    for (text, expected) in cases {
        let response = talk(&fixture, asked(text)).await.expect("a stream").end().await.expect("an outcome");
        assert_eq!(reason(&response), Reason::Completed, "{text}\n{:?}", response.outcome);
        assert_eq!(int(&response), expected, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_reaches_both_sides() {
    let fixture = start(&[]).await;
    // The guest gives up: the client hears of it.
    let text = "call = slow.begin(1)\ntry: call.result(timeout=0.01)\nexcept TimeoutError: call.cancel()\ndouble(1)";
    let mut talk_ = talk(&fixture, granted(text)).await.expect("a stream");
    let (mut open, mut cancelled) = (None, None);
    let response = loop {
        match talk_.event().await.expect("no error").expect("an outcome comes") {
            Event::HostCall(call) if call.name == "slow" => open = Some(call.call_id),
            Event::HostCall(call) => talk_.answer(&call).await,
            Event::HostCallCancelled(call) => cancelled = Some(call.call_id),
            Event::Finished(finished) => break finished.response.expect("a response"),
            _ => {}
        }
    };
    assert_eq!((int(&response), cancelled), (2, open));
    assert!(open.is_some());
    // The client gives up: the guest hears of it, wherever it waits.
    for text in ["slow(1)", "import typhon_host\nasync def main(): await slow.begin(1)\ntyphon_host.run(main())"] {
        use v1::interrupt::Mode;
        for (mode, end) in [(Mode::Raise, Reason::Interrupted), (Mode::Stop, Reason::CancelledByClient)] {
            let mut talk_ = talk(&fixture, granted(text)).await.expect("a stream");
            while !matches!(talk_.event().await.expect("no error").expect("a call"), Event::HostCall(_)) {}
            talk_.say(Message::Interrupt(v1::Interrupt { mode: mode.into() })).await;
            let response = talk_.end().await.expect("an outcome");
            assert_eq!(reason(&response), end, "{text}: {:?}", response.outcome);
        }
        // Time is up while the host is silent: time enough to import asyncio on a machine with other work.
        let limits =
            v1::Limits { wall_time: Some(prost_types::Duration { seconds: 3, nanos: 0 }), ..v1::Limits::default() };
        let request = v1::ExecuteRequest { limits: Some(limits), ..granted(text) };
        let mut talk_ = talk(&fixture, request).await.expect("a stream");
        while !matches!(talk_.event().await.expect("no error").expect("a call"), Event::HostCall(_)) {}
        assert_eq!(reason(&talk_.end().await.expect("an outcome")), Reason::WallTime);
    }
    // The client closes its side: nobody answers.
    let mut talk_ = talk(&fixture, granted("slow(1)")).await.expect("a stream");
    while !matches!(talk_.event().await.expect("no error").expect("a call"), Event::HostCall(_)) {}
    talk_.send = mpsc::channel(1).0;
    assert_eq!(exception(&talk_.end().await.expect("an outcome")).0, "ConnectionError");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_limited_and_sessions_may_call() {
    let mut fixture = start(&[]).await;
    let limits = v1::Limits { host_calls: Some(3), ..v1::Limits::default() };
    let text = "n = 0\nwhile True:\n try: n = double(1)\n except BaseException: pass";
    let request = v1::ExecuteRequest { limits: Some(limits), ..granted(text) };
    let response = talk(&fixture, request).await.expect("a stream").end().await.expect("an outcome");
    assert_eq!(reason(&response), Reason::HostCalls);
    let Some(v1::outcome::Detail::Limit(hit)) = response.outcome.and_then(|o| o.detail) else { panic!("a limit") };
    assert_eq!((hit.limit, hit.used, hit.which()), (3, 4, v1::LimitName::HostCalls));

    let mut sessions = v1::session_service_client::SessionServiceClient::new(fixture.channel.clone());
    let session = v1::Session { policy: granted("").policy, ..v1::Session::default() };
    let request = v1::CreateSessionRequest { session: Some(session), ..v1::CreateSessionRequest::default() };
    let name = sessions.create_session(request).await.expect("a session").into_inner().session.expect("it").name;
    let within = |text: &str| v1::ExecuteRequest {
        target: Some(v1::execute_request::Target::Session(name.clone())),
        ..source(text)
    };
    for expected in [6, 12] {
        let text = "x = double(globals().get('x', 3))\nx";
        let response = talk(&fixture, within(text)).await.expect("a stream").end().await.expect("an outcome");
        assert_eq!(int(&response), expected);
    }
    // The bill has the calls, and the time that they were waited for.
    let mut slow = talk(&fixture, within("double(2) + double(3)")).await.expect("a stream");
    let response = loop {
        match slow.event().await.expect("no error").expect("an outcome comes") {
            Event::HostCall(call) => {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                slow.answer(&call).await;
            }
            Event::Finished(finished) => break finished.response.expect("a response"),
            _ => {}
        }
    };
    let usage = response.usage.clone().expect("usage");
    assert_eq!((int(&response), usage.host_calls), (10, 2));
    assert!(usage.host_wait_time.is_some_and(|time| (time.seconds, time.nanos) > (0, 0)), "{usage:?}");
    // Where nobody can answer, a call says so, and the session goes on.
    let response = fixture.client.execute(within("double(1)")).await.expect("an answer").into_inner();
    assert_eq!(exception(&response).0, "RuntimeError");
    let response = talk(&fixture, within("double(x)")).await.expect("a stream").end().await.expect("an outcome");
    assert_eq!(int(&response), 24);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_input_comes_while_the_program_runs() {
    let fixture = start(&[]).await;
    let request = v1::ExecuteRequest {
        stdin: b"first\n".to_vec(),
        ..source("a = input()\nprint(a)\nb = input()\nimport sys\nlen(a + b + sys.stdin.read())")
    };
    let mut talk_ = talk(&fixture, request).await.expect("a stream");
    while !matches!(talk_.event().await.expect("no error").expect("output"), Event::Output(_)) {}
    talk_.say(Message::Stdin(v1::StdinChunk { data: b"seco".to_vec(), eof: false })).await;
    talk_.say(Message::Stdin(v1::StdinChunk { data: b"nd\nmore".to_vec(), eof: true })).await;
    assert_eq!(int(&talk_.end().await.expect("an outcome")), 15);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_says_wrong_ends_the_stream() {
    let fixture = start(&[("max_message", "64KiB")]).await;
    let deep = (0..40).fold(v1::Value::default(), |inner, _| v1::Value {
        kind: Some(Kind::ListValue(v1::ValueList { items: vec![inner] })),
    });
    let result = |call_id, value: Option<v1::Value>| {
        let result = value.map(v1::host_result::Result::Value);
        Message::HostResult(Box::new(v1::HostResult { call_id, result }))
    };
    let cases = [
        (Message::Start(Box::new(source(""))), Code::InvalidArgument, "start"),
        (result(0, None), Code::InvalidArgument, "host_result.call_id"),
        (Message::Interrupt(v1::Interrupt { mode: 9 }), Code::InvalidArgument, "interrupt.mode"),
        (result(1, Some(deep)), Code::InvalidArgument, "host_result.value"),
    ];
    for (message, code, field) in cases {
        let mut talk_ = talk(&fixture, granted("while True: pass")).await.expect("a stream");
        talk_.say(message).await;
        let status = talk_.end().await.expect_err(field);
        assert_eq!(status.code(), code, "{status:?}");
        let named = status.get_details_bad_request().expect("a BadRequest").field_violations[0].field.clone();
        assert!(named.starts_with(field), "{named}");
    }
    let mut talk_ = talk(&fixture, granted("while True: pass")).await.expect("a stream");
    for _ in 0..3 {
        talk_.say(Message::Stdin(v1::StdinChunk { data: vec![b'x'; 40_000], eof: false })).await;
    }
    let status = talk_.end().await.expect_err("too far ahead");
    assert_eq!(status.get_details_error_info().expect("an ErrorInfo").reason, "PAYLOAD_TOO_LARGE");
    // An answer that nobody waits for is no mistake: the guest may just have given up.
    let mut talk_ = talk(&fixture, granted("double(1)")).await.expect("a stream");
    talk_.say(result(77, None)).await;
    assert_eq!(int(&talk_.end().await.expect("an outcome")), 2);
}
