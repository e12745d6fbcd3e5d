//! Connections to where the operator and the policy let a program go, with the engine itself and a listener on loopback.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::{Fixture, reason, source, start};
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::session_service_client::SessionServiceClient;
use typhon_proto::v1::value::Kind;

/// Answers each line with the same in capitals, on any number of connections. Its port.
fn shouting() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                let mut room = [0; 4096];
                while let Ok(length) = stream.read(&mut room)
                    && length > 0
                {
                    room[..length].make_ascii_uppercase();
                    if stream.write_all(&room[..length]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

fn policy(destination: &str, port: u16) -> Option<v1::Policy> {
    let rule = v1::NetworkRule { destination: destination.into(), ports: vec![port.into()] };
    let mode = v1::network_policy::Mode::Proxy.into();
    let network = Some(v1::NetworkPolicy { mode, rules: vec![rule] });
    Some(v1::Policy { network, ..v1::Policy::default() })
}

async fn shown(fixture: &mut Fixture, request: v1::ExecuteRequest) -> String {
    let request = v1::ExecuteRequest { result_mode: v1::ResultMode::LastExpression.into(), ..request };
    let response = fixture.client.execute(request).await.expect("an answer").into_inner();
    assert_eq!(reason(&response), Reason::Completed, "{:?}", response.outcome);
    match response.result.and_then(|result| result.kind) {
        Some(Kind::StrValue(text)) => text,
        other => panic!("no text: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_talks_to_where_it_may_and_to_nobody_else() {
    let mut fixture = start(&[("egress", "127.0.0.0/8")]).await;
    let port = shouting();
    let cases = [
        (
            "import socket\nwith socket.create_connection(('127.0.0.1', port)) as s:\n    s.sendall(b'one')\n    text = s.recv(10).decode()\n    s.shutdown(socket.SHUT_WR)\n    text += repr(s.recv(10))\ntext",
            "ONEb''",
        ),
        (
            "import asyncio\nasync def main():\n    reader, writer = await asyncio.open_connection('127.0.0.1', port)\n    writer.write(b'two\\n')\n    line = await reader.readline()\n    writer.close()\n    await writer.wait_closed()\n    return line.decode() + repr(writer.get_extra_info('peername')[0])\nasyncio.run(main())",
            "TWO\n'127.0.0.1'",
        ),
        (
            "import socket\ns = socket.create_connection(('127.0.0.1', port))\ns.settimeout(0.05)\ntry: s.recv(1)\nexcept TimeoutError: text = 'late'\ns.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)\ntry: s.connect(('127.0.0.1', port))\nexcept OSError as e: text += ' ' + type(e).__name__\ns.close()\ntext",
            "late OSError",
        ),
        (
            "import socket, threading\ntexts = []\ndef talk(n):\n    with socket.create_connection(('127.0.0.1', port)) as s:\n        s.sendall(b'abc')\n        texts.append(s.recv(3).decode())\ntalk(0)\nthreads = [threading.Thread(target=talk, args=(n,)) for n in range(3)]\nfor thread in threads: thread.start()\nfor thread in threads: thread.join()\n''.join(texts)",
            "ABCABCABCABC",
        ),
        (
            "import socket\ndef refused(f):\n    try: f()\n    except PermissionError: return 'no '\n    except OSError as e: return repr(e)\n    return 'yes '\ntcp = socket.socket()\n(refused(lambda: tcp.connect(('127.0.0.1', port ^ 1))) + refused(lambda: tcp.connect(('10.0.0.1', port)))\n  + refused(lambda: socket.getaddrinfo('elsewhere.example', 80)) + refused(lambda: tcp.bind(('127.0.0.1', 0)))\n  + refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) + refused(lambda: socket.socket(socket.AF_UNIX)) + refused(lambda: socket.gethostbyaddr('127.0.0.1'))\n  + refused(lambda: tcp.connect(('127.0.0.1', port))))",
            "no no no no no no no yes ",
        ),
    ];
    for (text, expected) in cases {
        let inputs = [("port".to_owned(), v1::Value { kind: Some(Kind::IntValue(port.into())) })].into();
        let request = v1::ExecuteRequest { inputs, policy: policy("127.0.0.1", port), ..source(text) };
        assert_eq!(shown(&mut fixture, request).await, expected, "{text}");
    }
    // Without a policy that says so, there is nothing.
    let text = "import socket\ntry: socket.socket()\nexcept PermissionError as e: text = 'no'\ntext";
    assert_eq!(shown(&mut fixture, source(text)).await, "no");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_keeps_its_connections_and_what_its_names_led_to() {
    let mut fixture = start(&[("egress", "127.0.0.1")]).await;
    let port = shouting();
    let session = v1::Session { policy: policy("localhost", port), ..v1::Session::default() };
    let request = v1::CreateSessionRequest { session: Some(session), ..v1::CreateSessionRequest::default() };
    let mut client = SessionServiceClient::new(fixture.channel.clone());
    let name = client.create_session(request).await.expect("a session").into_inner().session.expect("its state").name;
    let steps = [
        (
            "import socket\ntry: socket.create_connection(('127.0.0.1', port))\nexcept PermissionError: text = 'no'\ntext",
            "no",
        ),
        ("found = socket.getaddrinfo('localhost', port, type=socket.SOCK_STREAM)\nfound[0][4][0]", "127.0.0.1"),
        ("s = socket.create_connection(('127.0.0.1', port))\ns.sendall(b'first')\ns.recv(5).decode()", "FIRST"),
        ("s.sendall(b'again')\ns.recv(5).decode() + s.getpeername()[0]", "AGAIN127.0.0.1"),
        ("socket.gethostbyname('localhost')", "127.0.0.1"),
    ];
    for (text, expected) in steps {
        let inputs = [("port".to_owned(), v1::Value { kind: Some(Kind::IntValue(port.into())) })].into();
        let target = Some(v1::execute_request::Target::Session(name.clone()));
        let request = v1::ExecuteRequest { inputs, target, ..source(text) };
        assert_eq!(shown(&mut fixture, request).await, expected, "{text}");
    }
    let fork = v1::ForkSessionRequest { name, ..v1::ForkSessionRequest::default() };
    let status = client.fork_session(fork).await.expect_err("it is not copied");
    assert_eq!(status.code(), tonic::Code::FailedPrecondition, "{status:?}");
}
