//! HTTP/JSON and gRPC-Web: the paths, the errors, streams, and pages of other origins.

use base64::Engine;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use typhon_vm::CancelReason;

use crate::support::{Fixture, next, start};

/// Sends one request by HTTP/1.1 on a connection of its own.
async fn send(fixture: &Fixture, head: &str, body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(fixture.server.address().to_string()).await.expect("a connection");
    let head = format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(body).await.expect("sent");
    stream
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    async fn read(mut stream: TcpStream) -> Answer {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.expect("an answer");
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8_lossy(&all[..end]).to_lowercase();
        let mut body = all.split_off(end + 4);
        if head.contains("transfer-encoding: chunked") {
            body = dechunk(&body);
        }
        Answer { status: head[9..12].parse().expect("a status"), head, body }
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }
}

fn dechunk(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").expect("a length");
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..line]).expect("text"), 16).expect("a length");
        if length == 0 {
            return whole;
        }
        whole.extend_from_slice(&rest[line + 2..line + 2 + length]);
        rest = &rest[line + length + 4..];
    }
}

async fn ask(fixture: &Fixture, line: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    Answer::read(send(fixture, &format!("{line} HTTP/1.1"), body.as_bytes()).await).await
}

fn code(text: &str) -> Value {
    json!({"text": base64::prelude::BASE64_STANDARD.encode(text)})
}

fn reason(answer: &Answer) -> (u16, String) {
    let details = answer.json()["error"]["details"].clone();
    let info =
        details.as_array().into_iter().flatten().find(|d| d["@type"] == "type.googleapis.com/google.rpc.ErrorInfo");
    let reason = info.unwrap_or_else(|| panic!("no ErrorInfo: {details}"))["reason"].as_str().expect("text").to_owned();
    (answer.status, reason)
}

#[tokio::test]
async fn paths_are_the_calls_they_stand_for() {
    let fixture = start(&[]).await;
    let made = ask(&fixture, "POST /v1/sessions", &json!({"labels": {"a": "b"}})).await;
    let name = made.json()["session"]["name"].as_str().expect("a name").to_owned();
    assert_eq!((made.status, &made.json()["session"]["labels"]["a"]), (200, &json!("b")));
    for text in ["keep x", "keep y"] {
        let request = json!({"session": name, "source": code(text)});
        assert_eq!(ask(&fixture, "POST /v1/executions:execute", &request).await.status, 200);
    }
    let request = json!({"session": name, "source": code("held")});
    let ran = ask(&fixture, "POST /v1/executions:execute", &request).await.json();
    assert_eq!(
        (&ran["result"]["strValue"], &ran["outcome"]["reason"]),
        (&json!("xy"), &json!("TERMINATION_REASON_COMPLETED"))
    );

    let seen = ask(&fixture, &format!("GET /v1/{name}"), &Value::Null).await.json();
    assert_eq!(seen["session"]["executionCount"], "3");
    let page = ask(&fixture, "GET /v1/sessions?page_size=5", &Value::Null).await.json();
    assert_eq!(page["sessions"].as_array().map(Vec::len), Some(1));
    let reset = ask(&fixture, &format!("POST /v1/{name}:reset"), &json!({})).await.json();
    assert_eq!(reset["session"]["generation"], 1);
    assert_eq!(ask(&fixture, &format!("DELETE /v1/{name}"), &Value::Null).await.json(), json!({}));
    let gone = ask(&fixture, &format!("GET /v1/{name}"), &Value::Null).await;
    assert_eq!(reason(&gone), (404, "SESSION_NOT_FOUND".into()));

    let plain = ask(&fixture, "POST /typhon.v1.RuntimeService/GetCapabilities", &Value::Null).await.json();
    assert_eq!(plain, ask(&fixture, "GET /v1/capabilities", &Value::Null).await.json());
    assert_eq!(plain["capabilities"]["languageVersion"], "3.14");
}

#[tokio::test]
async fn what_is_wrong_is_said_as_grpc_says_it() {
    let fixture = start(&[("max_message", "64KiB")]).await;
    let post = "POST /v1/executions:execute";
    for (line, body, status, why) in [
        ("GET /nothing", Value::Null, 404, "METHOD_UNKNOWN"),
        ("PUT /v1/sessions", Value::Null, 405, "METHOD_UNKNOWN"),
        ("POST /typhon.v1.ExecutionService/Interact", json!({}), 404, "METHOD_UNKNOWN"),
        ("POST /grpc.health.v1.Health/Check", json!({}), 404, "METHOD_UNKNOWN"),
        (post, json!([1]), 400, "MALFORMED_MESSAGE"),
        (post, json!({"sauce": {}}), 400, "MALFORMED_MESSAGE"),
        ("GET /v1/sessions", json!({"pageSize": 1}), 400, "MALFORMED_MESSAGE"),
        ("GET /v1/sessions?page_size=x", Value::Null, 400, "MALFORMED_MESSAGE"),
        (post, json!({"source": code(""), "requestId": "x"}), 400, "INVALID_REQUEST"),
        (post, json!({"template": "t", "source": code("")}), 404, "TEMPLATE_NOT_FOUND"),
        // This server has no worker processes.
        (
            post,
            json!({"policy": {"isolation": "ISOLATION_LEVEL_WORKER_PROCESS"}, "source": code("")}),
            501,
            "FEATURE_UNSUPPORTED",
        ),
        (post, json!({"source": code(""), "stdin": "A".repeat(100_000)}), 429, "PAYLOAD_TOO_LARGE"),
        (post, json!({"source": code(""), "stdin": "A".repeat(200_000)}), 429, "PAYLOAD_TOO_LARGE"),
    ] {
        let answer = ask(&fixture, line, &body).await;
        assert_eq!(reason(&answer), (status, why.into()), "{line}");
        assert_eq!(answer.json()["error"]["code"], status);
    }
    assert!(ask(&fixture, "PUT /v1/sessions", &Value::Null).await.head.contains("allow: post, get"));
    let answer = Answer::read(send(&fixture, &format!("{post} HTTP/1.1"), b"{\"source\"").await).await;
    assert_eq!(reason(&answer), (400, "MALFORMED_MESSAGE".into()));
    let bad = ask(&fixture, post, &json!({"source": code(""), "requestId": "x"})).await.json();
    assert_eq!(bad["error"]["details"][1]["fieldViolations"][0]["field"], "request_id");
}

#[tokio::test]
async fn a_stream_is_a_line_for_each_event() {
    let fixture = start(&[]).await;
    let answer = ask(&fixture, "POST /v1/executions:stream", &json!({"source": code("print 1500\nerr hm")})).await;
    assert!(answer.head.contains("content-type: application/x-ndjson"), "{}", answer.head);
    let lines: Vec<Value> =
        answer.body.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    assert!(lines[0]["result"]["accepted"].is_object() && lines[lines.len() - 1]["result"]["finished"].is_object());
    for (number, line) in (1..).zip(&lines) {
        assert_eq!(line["result"]["sequence"], number.to_string());
    }
    // What is refused before it began is no stream.
    let refused =
        ask(&fixture, "POST /v1/executions:stream", &json!({"source": code(""), "labels": {"a": "x".repeat(300)}}))
            .await;
    assert_eq!(reason(&refused), (400, "INVALID_REQUEST".into()));
    // What is refused later is the last line.
    let gone = ask(&fixture, "GET /v1/executions/none:attach", &Value::Null).await;
    assert_eq!(reason(&gone), (404, "EXECUTION_NOT_FOUND".into()));
}

#[tokio::test]
async fn a_client_that_goes_away_stops_its_program() {
    for path in ["/v1/executions:execute", "/v1/executions:stream"] {
        let fixture = start(&[]).await;
        let body = json!({"source": code("sleep")}).to_string();
        let stream = send(&fixture, &format!("POST {path} HTTP/1.1"), body.as_bytes()).await;
        let ((), _started) = next(fixture.started).await;
        drop(stream);
        let (ended, _rest) = next(fixture.ended).await;
        assert_eq!(ended, Some(CancelReason::ClientGone), "{path}");
    }
}

#[tokio::test]
async fn grpc_web_and_pages_of_other_origins() {
    let fixture = start(&[("cors_origins", "https://a.example")]).await;
    let head = "POST /typhon.v1.RuntimeService/GetCapabilities HTTP/1.1\r\nOrigin: https://a.example\r\nContent-Type: application/grpc-web+proto";
    let answer = Answer::read(send(&fixture, head, &[0; 5]).await).await;
    assert_eq!(answer.status, 200, "{}", answer.head);
    assert!(answer.head.contains("access-control-allow-origin: https://a.example"), "{}", answer.head);
    // A message, and the trailers as a frame of their own.
    let trailers = answer.body.windows(13).any(|part| part == b"grpc-status:0");
    assert!(answer.body[0] == 0 && answer.body.windows(4).any(|part| part == b"3.14") && trailers, "{:?}", answer.body);

    for (origin, allowed) in [("https://a.example", true), ("https://b.example", false)] {
        let head = format!("OPTIONS /v1/sessions HTTP/1.1\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: POST");
        let answer = Answer::read(send(&fixture, &head, b"").await).await;
        assert_eq!(answer.head.contains(&format!("access-control-allow-origin: {origin}")), allowed, "{}", answer.head);
    }
    let closed = start(&[]).await;
    let head = "GET /v1/capabilities HTTP/1.1\r\nOrigin: https://a.example";
    let answer = Answer::read(send(&closed, head, b"").await).await;
    assert!(answer.status == 200 && !answer.head.contains("access-control"), "{}", answer.head);
}

#[tokio::test]
async fn the_console_is_a_page_of_its_own() {
    let fixture = start(&[]).await;
    let page = ask(&fixture, "GET /console", &Value::Null).await;
    assert!(page.status == 200 && page.head.contains("content-type: text/html"), "{}", page.head);
    assert!(page.head.contains("content-security-policy: default-src 'none'"), "{}", page.head);
    let text = String::from_utf8(page.body).expect("text");
    // What it wants is there, and nothing of anybody else's.
    for at in text.split(['"']).filter(|part| part.starts_with('/') || part.contains("//")) {
        assert_eq!(ask(&fixture, &format!("GET {at}"), &Value::Null).await.status, 200, "{at}");
    }
    assert_eq!(ask(&fixture, "POST /console", &json!({})).await.status, 404);
}

#[tokio::test]
async fn a_caller_says_who_it_is_by_a_header() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tenants.toml");
    // The hash of "password".
    let hash = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";
    std::fs::write(&file, format!("[tenants.ann]\ntokens = [\"sha256:{hash}\"]\n")).expect("written");
    let fixture = start(&[("tenants_file", file.to_str().expect("a path"))]).await;
    // Before it is known, nothing of what it sends is read: a body that never comes is not waited for.
    let head = "POST /v1/executions:execute HTTP/1.1";
    let mut stream = TcpStream::connect(fixture.server.address().to_string()).await.expect("a connection");
    let text = format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n");
    stream.write_all(text.as_bytes()).await.expect("sent");
    assert_eq!(reason(&Answer::read(stream).await), (401, "CREDENTIALS_MISSING".into()));
    for (token, status) in [("password", 200), ("passwort", 401)] {
        let head = format!("GET /v1/sessions HTTP/1.1\r\nAuthorization: Bearer {token}");
        assert_eq!(Answer::read(send(&fixture, &head, b"").await).await.status, status, "{token}");
    }
}
