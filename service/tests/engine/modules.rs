//! What a policy lets a program import.

use crate::{Fixture, exception, reason, source, start};
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::execute_request::Target;
use typhon_proto::v1::session_service_client::SessionServiceClient;

fn policy(allow: &[&str], deny: &[&str]) -> Option<v1::Policy> {
    let [allow, deny] = [allow, deny].map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    Some(v1::Policy { modules: Some(v1::ModulePolicy { allow, deny }), ..v1::Policy::default() })
}

async fn run(fixture: &Fixture, request: v1::ExecuteRequest) -> v1::ExecuteResponse {
    fixture.client.clone().execute(request).await.expect("an answer").into_inner()
}

fn is_refused(response: &v1::ExecuteResponse, name: &str) -> bool {
    reason(response) == Reason::Exception && {
        let (class, message) = exception(response);
        class == "ImportError"
            && message == format!("import of '{name}' is not permitted by the policy of this execution")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_imports_what_it_may_and_the_library_what_it_needs() {
    let fixture = start(&[]).await;
    for text in [
        "import json, datetime\njson.loads('[1]')",
        // Imported by the library's own statements, at once and later.
        "import datetime\ndatetime.datetime.strptime('2000', '%Y')",
        "from json import decoder\nimport json.encoder",
        "import importlib\nimportlib.import_module('json')",
        "import importlib, sys\nsys.meta_path.insert(0, sys.meta_path[0])\nimportlib.import_module('json').dumps(1)",
        "from __future__ import annotations\nimport builtins, __main__",
        "import xml.etree.ElementTree as e\ne.fromstring('<a/>')",
    ] {
        let allowed = policy(&["json", "datetime", "importlib", "sys", "xml.etree"], &[]);
        let response = run(&fixture, v1::ExecuteRequest { policy: allowed, ..source(text) }).await;
        assert_eq!(reason(&response), Reason::Completed, "{text}: {:?}", response.outcome);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_else_comes_in_by_whatever_way_it_is_asked_for() {
    let fixture = start(&[]).await;
    for (text, name) in [
        ("import socket", "socket"),
        ("import json, re", "re"),
        ("from xml import dom", "xml.dom"),
        ("__import__('socket')", "socket"),
        ("import json\neval('__import__(\"socket\")', json.__dict__)", "socket"),
        ("exec(compile('import socket', '/typhon/lib/json/decoder.py', 'exec'))", "socket"),
        ("import importlib\nimportlib.import_module('socket')", "socket"),
        ("import importlib, sys\nsys.meta_path.insert(0, sys.meta_path[0])\nimport socket", "socket"),
        ("import pickle\npickle.loads(b'csocket\\nsocket\\n.')", "socket"),
        ("import pickle\npickle._loads(b'csocket\\nsocket\\n.')", "socket"),
        ("import pkgutil\npkgutil.resolve_name('socket.socket')", "socket"),
        (
            "import _imp, importlib.machinery\n_imp.create_builtin(importlib.machinery.ModuleSpec('_socket', None))",
            "_socket",
        ),
    ] {
        let allowed = policy(&["json", "importlib", "sys", "xml.etree", "pickle", "pkgutil", "_imp"], &[]);
        let response = run(&fixture, v1::ExecuteRequest { policy: allowed, ..source(text) }).await;
        assert!(is_refused(&response, name), "{text}: {:?}", response.outcome);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_out_is_so_for_the_library_as_well() {
    let fixture = start(&[]).await;
    for (text, name, denied) in [
        ("import socket", "socket", &["socket"][..]),
        ("import asyncio", "socket", &["socket"]),
        ("import os.path", "os.path", &["os", "sys"]),
        ("import sys", "sys", &["os", "sys"]),
        ("import importlib\nimportlib.import_module('socket')", "socket", &["socket"]),
    ] {
        let denied = policy(&[], denied);
        let response = run(&fixture, v1::ExecuteRequest { policy: denied, ..source(text) }).await;
        assert!(is_refused(&response, name), "{text}: {:?}", response.outcome);
    }
    let caught = "try:\n import socket\nexcept ImportError as e:\n print(e.name)";
    let denied = policy(&["socket"], &["socket"]);
    let response = run(&fixture, v1::ExecuteRequest { policy: denied, ..source(caught) }).await;
    assert_eq!(response.stdout.expect("output").data, b"socket\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_keeps_its_policy() {
    let fixture = start(&[]).await;
    let mut sessions = SessionServiceClient::new(fixture.channel.clone());
    let session = v1::Session { policy: policy(&["math"], &[]), ..v1::Session::default() };
    let request = v1::CreateSessionRequest { session: Some(session), ..v1::CreateSessionRequest::default() };
    let made = sessions.create_session(request).await.expect("a session").into_inner().session.expect("itself");
    assert_eq!(made.policy, policy(&["math"], &[]));
    let within = |text: &str| v1::ExecuteRequest { target: Some(Target::Session(made.name.clone())), ..source(text) };
    for _ in 0..2 {
        assert_eq!(reason(&run(&fixture, within("import math\nmath.pi")).await), Reason::Completed);
        assert!(is_refused(&run(&fixture, within("import json")).await, "json"));
        sessions.reset_session(v1::ResetSessionRequest { name: made.name.clone() }).await.expect("from the beginning");
    }
    assert_eq!(reason(&run(&fixture, source("import json")).await), Reason::Completed, "others are free");
}

#[test]
fn a_name_stands_for_what_is_below_it_and_opens_the_way_to_it() {
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let modules = typhon_vm::Modules { allow: list(&["json", "xml.etree"]), deny: list(&["json.tool"]) };
    for name in ["json", "json.decoder", "xml", "xml.etree.ElementTree", "builtins"] {
        assert!(modules.allows(name), "{name}");
    }
    assert!(!modules.allows("jsonx") && !modules.allows("xml.dom"));
    assert!(modules.denies("json.tool") && modules.denies("json.tool.x") && !modules.denies("json"));
    let deny = typhon_vm::Modules { deny: list(&["os"]), ..typhon_vm::Modules::default() };
    assert!(deny.allows("anything") && deny.denies("os.path") && !deny.denies("oss"));
}
