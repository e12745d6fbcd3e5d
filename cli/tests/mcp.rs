//! `typhon mcp` over its standard streams, as an agent's client drives it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    last_id: u64,
    /// Notifications that came before the answers.
    told: Vec<Value>,
}

impl Client {
    fn start(args: &[&str]) -> Client {
        let mut child = Command::new(env!("CARGO_BIN_EXE_typhon"))
            .arg("mcp")
            .args(args)
            .env_remove("TYPHON_SERVER")
            .env_remove("TYPHON_TOKEN")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().expect("a pipe")));
        let mut client = Client { child, input, output, last_id: 0, told: Vec::new() };
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
        let welcome = client.ask("initialize", hello);
        assert_eq!(welcome["result"]["serverInfo"]["name"], "typhon", "{welcome}");
        client.tell("notifications/initialized", json!({}));
        client
    }

    fn send(&mut self, message: &Value) {
        let input = self.input.as_mut().expect("open");
        writeln!(input, "{message}").and_then(|()| input.flush()).expect("the program listens");
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    fn begin(&mut self, method: &str, params: Value) -> u64 {
        self.last_id += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params}));
        self.last_id
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn answer(&mut self, id: u64) -> Value {
        loop {
            let message = self.next();
            if message["id"] == id {
                return message;
            }
            assert!(message["method"].is_string(), "an answer nobody asked for: {message}");
            self.told.push(message);
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        self.answer(id)
    }

    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments}));
        assert!(answer["result"].is_object(), "{answer}");
        answer["result"].clone()
    }

    fn run(&mut self, code: &str) -> Value {
        self.call("run_python", json!({"code": code}))
    }

    /// Runs in the session `s`.
    fn go_on(&mut self, code: &str) -> Value {
        self.call("run_python", json!({"code": code, "session": "s"}))
    }

    /// Closes its input and waits.
    fn end(mut self) {
        drop(self.input.take());
        assert_eq!(self.child.wait().expect("the program ends").code(), Some(0));
    }
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().expect("a text")
}

#[test]
fn a_program_gives_its_output_and_its_value() {
    let mut client = Client::start(&[]);
    let tools = client.ask("tools/list", json!({}));
    let tools = tools["result"]["tools"].as_array().expect("tools").clone();
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["run_python", "list_sessions", "reset_session", "delete_session"]);
    assert!(
        tools[0]["outputSchema"]["properties"]["value"].is_object()
            || tools[0]["outputSchema"]["properties"]["value"] == true
    );

    let arguments = json!({
        "code": "import sys\nprint(input(), sys.argv[1:])\nprint('careful', file=sys.stderr)\n{'sum': sum(n), 'big': 2**100}",
        "inputs": {"n": [1, 2, 3]}, "stdin": "a line\n", "argv": ["x"],
    });
    let result = client.call("run_python", arguments);
    let data = &result["structuredContent"];
    assert_eq!(result["isError"], false, "{result}");
    assert_eq!((&data["outcome"], &data["stdout"]), (&json!("COMPLETED"), &json!("a line ['x']\n")));
    assert_eq!(data["value"], json!({"sum": 6, "big": "1267650600228229401496703205376"}));
    let shown = "a line ['x']\n[stderr]\ncareful\n[value]\n{'sum': 6, 'big': 1267650600228229401496703205376}";
    assert_eq!(text(&result), shown);
    assert!(data["usage"]["wall_seconds"].as_f64().expect("a number") > 0.0);

    assert_eq!(text(&client.run("x = 1")), "[no output, no value]");
    // Nothing was kept.
    let result = client.run("print(x)");
    assert_eq!(
        (&result["isError"], &result["structuredContent"]["exception"]["type"]),
        (&json!(true), &json!("NameError"))
    );
    assert!(text(&result).starts_with("[exception]\nTraceback (most recent call last):"), "{result}");
    assert_eq!(client.run("def (:")["structuredContent"]["outcome"], "COMPILE_ERROR");
    let result = client.run("raise SystemExit(3)");
    assert_eq!((&result["isError"], text(&result)), (&json!(true), "[ended with EXIT 3]"));
    client.end();
}

#[test]
fn a_name_keeps_what_programs_leave_under_it() {
    let mut client = Client::start(&[]);
    client.go_on("x = 20");
    assert_eq!(client.go_on("x + 1")["structuredContent"]["value"], 21);
    assert_eq!(client.go_on("1/0")["isError"], true);
    assert_eq!(client.go_on("x + 2")["structuredContent"]["value"], 22);
    let other = client.call("run_python", json!({"code": "'x' in globals()", "session": "t"}));
    assert_eq!(other["structuredContent"]["value"], false);
    let list = client.call("list_sessions", json!({}));
    let rows = list["structuredContent"]["sessions"].as_array().expect("rows").clone();
    assert_eq!(rows.iter().map(|row| &row["session"]).collect::<Vec<_>>(), ["s", "t"]);
    assert_eq!((&rows[0]["executions"], &rows[0]["state"]), (&json!(4), &json!("IDLE")));

    assert_eq!(client.call("reset_session", json!({"session": "s"}))["isError"], false);
    assert_eq!(client.go_on("'x' in globals()")["structuredContent"]["value"], false);
    assert_eq!(client.call("delete_session", json!({"session": "s"}))["isError"], false);
    for tool in ["reset_session", "delete_session"] {
        let result = client.call(tool, json!({"session": "s"}));
        assert_eq!((&result["isError"], text(&result)), (&json!(true), "there is no session \"s\""));
    }
    assert_eq!(client.go_on("'x' in globals()")["structuredContent"]["session"], "s");
    client.end();
}

#[test]
fn a_cancelled_call_is_interrupted_and_its_session_stays() {
    let mut client = Client::start(&[]);
    client.go_on("x = 20");
    let arguments = json!({"code": "print('begun', flush=True)\nwhile True: pass", "session": "s"});
    let call = json!({"name": "run_python", "arguments": arguments, "_meta": {"progressToken": "p"}});
    let id = client.begin("tools/call", call);
    // It runs once its output comes.
    let told = loop {
        let message = client.next();
        assert_eq!(message["method"], "notifications/progress", "{message}");
        if message["params"]["message"] == "begun" {
            break message["params"].clone();
        }
    };
    assert_eq!((&told["progressToken"], &told["total"]), (&json!("p"), &json!(30.0)));
    client.tell("notifications/cancelled", json!({"requestId": id, "reason": "enough"}));
    assert_eq!(client.go_on("x + 1")["structuredContent"]["value"], 21);
    client.end();
}

#[test]
fn limits_hold_and_are_told() {
    let mut client = Client::start(&["--timeout", "0.2", "--output", "1", "--memory", "64", "--stateless"]);
    let tools = client.ask("tools/list", json!({}));
    assert_eq!(tools["result"]["tools"].as_array().map(Vec::len), Some(1));
    let result = client.run("while True: pass");
    assert_eq!((&result["isError"], text(&result)), (&json!(true), "[ended with WALL_TIME: the limit is 0.2 seconds]"));
    let result = client.call("run_python", json!({"code": "while True: pass", "timeout_seconds": 0.05}));
    assert_eq!(result["structuredContent"]["limit"]["limit"], 50_000_000);
    let result = client.run("print('x' * 5000)");
    assert_eq!(result["structuredContent"]["dropped_bytes"], 5001 - 1024);
    assert!(text(&result).ends_with("x\n[3977 more bytes of output were dropped]"), "{result}");
    assert_eq!(client.run("x = bytearray(100 << 20)")["isError"], true);
    client.end();
}

#[test]
fn misuse_is_an_error_of_the_protocol() {
    let mut client = Client::start(&[]);
    for (tool, arguments, problem) in [
        ("rm", json!({}), "no tool \"rm\""),
        ("run_python", json!({}), "missing field `code`"),
        ("run_python", json!({"code": "1", "timeout_seconds": -1}), "timeout_seconds: must be positive"),
        ("run_python", json!({"code": "1", "session": ""}), "session: a name has 1 to 200 bytes"),
    ] {
        let answer = client.ask("tools/call", json!({"name": tool, "arguments": arguments}));
        assert_eq!(
            (&answer["error"]["code"], &answer["error"]["message"]),
            (&json!(-32602), &json!(problem)),
            "{answer}"
        );
    }
    // What the service refuses is the tool's answer.
    let result = client.call("run_python", json!({"code": "1", "inputs": {"1": 2}}));
    assert!(result["isError"] == true && text(&result).contains("(INVALID_REQUEST)"), "{result}");
    client.end();
}

#[test]
fn a_server_elsewhere_serves_too_and_is_tidied_up() {
    let mut server = Command::new(env!("CARGO_BIN_EXE_typhon"))
        .args(["serve", "--listen", "127.0.0.1:0", "--log", "warn"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let url = line.trim_end().split(' ').next_back().expect("an address");
    let mut client = Client::start(&["--server", url]);
    assert_eq!(client.go_on("1 + 1")["structuredContent"]["value"], 2);
    client.end();
    // The first client's sessions are gone, so all of the server's room is there again.
    let mut client = Client::start(&["--server", url]);
    assert_eq!(client.call("list_sessions", json!({}))["structuredContent"]["sessions"], json!([]));
    // Its state is lost with the server, and is said to be.
    client.go_on("x = 1");
    server.kill().and_then(|()| server.wait()).expect("the server ends");
    let result = client.go_on("x");
    assert!(result["isError"] == true && text(&result).starts_with("no answer: "), "{result}");
    client.end();

    let out = Command::new(env!("CARGO_BIN_EXE_typhon")).args(["mcp", "--server", url]).output().expect("it starts");
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stderr).contains("cannot reach http://127.0.0.1:"), "{out:?}");
}
