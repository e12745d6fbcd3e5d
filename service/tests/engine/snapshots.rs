//! Snapshots: what begins from one goes on as if nothing had happened, and nobody can make one mean anything else.

use std::path::Path;

use tonic::{Code, Status};
use tonic_types::StatusExt;
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::execute_request::Target;
use typhon_proto::v1::import_snapshot_request::Message;
use typhon_proto::v1::session_service_client::SessionServiceClient;
use typhon_proto::v1::snapshot_service_client::SnapshotServiceClient;
use typhon_proto::v1::value::Kind;

use crate::{Fixture, exception, reason, source, start};

type Snapshots = SnapshotServiceClient<tonic::transport::Channel>;

fn snapshots(fixture: &Fixture) -> Snapshots {
    SnapshotServiceClient::new(fixture.channel.clone())
}

async fn open(fixture: &Fixture, session: v1::Session) -> Result<String, Status> {
    let request = v1::CreateSessionRequest { session: Some(session), ..v1::CreateSessionRequest::default() };
    let made = SessionServiceClient::new(fixture.channel.clone()).create_session(request).await?;
    Ok(made.into_inner().session.expect("its state").name)
}

async fn plain(fixture: &Fixture) -> String {
    open(fixture, v1::Session::default()).await.expect("a session")
}

async fn from(fixture: &Fixture, snapshot: &v1::Snapshot) -> Result<String, Status> {
    open(fixture, v1::Session { snapshot: snapshot.name.clone(), ..v1::Session::default() }).await
}

async fn run(fixture: &Fixture, session: &str, text: &str) -> v1::ExecuteResponse {
    let request = v1::ExecuteRequest { target: Some(Target::Session(session.to_owned())), ..source(text) };
    fixture.client.clone().execute(request).await.expect("an answer").into_inner()
}

/// What a program writes that must complete.
async fn written(fixture: &Fixture, session: &str, text: &str) -> String {
    let response = run(fixture, session, text).await;
    assert_eq!(reason(&response), Reason::Completed, "{:?}\n{text}", response.outcome);
    String::from_utf8(response.stdout.expect("output").data).expect("text")
}

async fn make(fixture: &Fixture, session: &str, leave_out: bool) -> Result<v1::Snapshot, Status> {
    let request =
        v1::CreateSnapshotRequest { session: session.to_owned(), leave_out, ..v1::CreateSnapshotRequest::default() };
    Ok(snapshots(fixture).create_snapshot(request).await?.into_inner().snapshot.expect("itself"))
}

async fn export(fixture: &Fixture, name: &str) -> Vec<u8> {
    let request = v1::ExportSnapshotRequest { name: name.to_owned() };
    let mut pieces = snapshots(fixture).export_snapshot(request).await.expect("a stream").into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.message().await.expect("a piece") {
        assert_eq!(piece.offset, bytes.len() as i64);
        bytes.extend(piece.data);
    }
    bytes
}

async fn import(fixture: &Fixture, bytes: &[u8]) -> Result<v1::Snapshot, Status> {
    let start = Message::Start(Box::default());
    let pieces = bytes.chunks(50_000).map(|data| Message::Data(data.to_vec()));
    let messages: Vec<_> = std::iter::once(start)
        .chain(pieces)
        .map(|message| v1::ImportSnapshotRequest { message: Some(message) })
        .collect();
    let made = snapshots(fixture).import_snapshot(tokio_stream::iter(messages)).await?;
    Ok(made.into_inner().snapshot.expect("itself"))
}

/// The reason of a refusal, and one thing that it tells.
fn refused<T: std::fmt::Debug>(result: Result<T, Status>, about: &str) -> (Code, String, String) {
    let status = result.expect_err("refused");
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    (status.code(), info.reason, info.metadata.get(about).cloned().unwrap_or_default())
}

fn int(response: &v1::ExecuteResponse) -> i64 {
    match response.result.as_ref().and_then(|value| value.kind.as_ref()) {
        Some(Kind::IntValue(n)) => *n,
        other => panic!("no int: {other:?} {:?}", response.outcome),
    }
}

/// Each program of tests/snapshots, cut where it says: in one session, and from one session by a snapshot to the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_go_on_from_snapshots_as_they_would_have() {
    let fixture = start(&[]).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/snapshots");
    let mut programs: Vec<_> = std::fs::read_dir(folder).expect("programs").map(|e| e.expect("one").path()).collect();
    programs.sort();
    assert!(programs.len() >= 5);
    for program in programs {
        let text = std::fs::read_to_string(&program).expect("text");
        let parts: Vec<&str> = text.split("#: cut\n").collect();
        let (whole, mut hops) = (plain(&fixture).await, plain(&fixture).await);
        for (n, part) in parts.iter().enumerate() {
            if n > 0 {
                let snapshot = make(&fixture, &hops, false).await.unwrap_or_else(|e| panic!("{program:?}: {e:?}"));
                assert!(snapshot.left_out.is_empty());
                hops = from(&fixture, &snapshot).await.unwrap_or_else(|e| panic!("{program:?}: {e:?}"));
            }
            let wanted = written(&fixture, &whole, part).await;
            assert_eq!(written(&fixture, &hops, part).await, wanted, "{program:?}, part {n}");
            assert_eq!(wanted.is_empty(), n == 0, "{program:?}, part {n}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_begun_from_as_often_as_wanted_and_shares_nothing() {
    let fixture = start(&[]).await;
    let session = plain(&fixture).await;
    written(&fixture, &session, "x = [1]\ndef add(n):\n x.append(n)\n return sum(x)").await;
    let snapshot = make(&fixture, &session, false).await.expect("made");
    assert_eq!((snapshot.session.as_str(), snapshot.digest.len()), (session.as_str(), 64));
    let (one, other) = (from(&fixture, &snapshot).await.expect("one"), from(&fixture, &snapshot).await.expect("other"));
    assert_eq!(int(&run(&fixture, &one, "add(10)").await), 11);
    assert_eq!(int(&run(&fixture, &one, "add(10)").await), 21);
    assert_eq!(int(&run(&fixture, &other, "add(5)").await), 6);
    assert_eq!(int(&run(&fixture, &session, "add(1)").await), 2);
    // A program that runs once, in an isolate of its own.
    let target = || Some(Target::Snapshot(snapshot.name.clone()));
    for _ in 0..2 {
        let request = v1::ExecuteRequest { target: target(), ..source("import sys\n(add(2), sys.argv)[0]") };
        let response = fixture.client.clone().execute(request).await.expect("an answer").into_inner();
        assert_eq!((int(&response), response.session.as_str()), (3, ""));
        assert_eq!(response.usage.expect("usage").isolate_source(), v1::usage::IsolateSource::Snapshot);
    }
    // Back to where it began, also when the snapshot is gone.
    let delete = || v1::DeleteSnapshotRequest { name: snapshot.name.clone() };
    snapshots(&fixture).delete_snapshot(delete()).await.expect("there");
    let gone = refused(snapshots(&fixture).delete_snapshot(delete()).await, "");
    assert_eq!((gone.0, gone.1.as_str()), (Code::NotFound, "SNAPSHOT_NOT_FOUND"));
    assert_eq!(refused(from(&fixture, &snapshot).await, "").1, "SNAPSHOT_NOT_FOUND");
    let reset = v1::ResetSessionRequest { name: one.clone() };
    SessionServiceClient::new(fixture.channel.clone()).reset_session(reset).await.expect("reset");
    assert_eq!(int(&run(&fixture, &one, "add(7)").await), 8);
}

const UNSTORABLE: &[(&str, &str, &str)] = &[
    ("def g(): yield 1\nclass X: pass\nx = X(); x.cache = [0, 1, 2, g()]", "main.x.cache[3]", "generator"),
    ("f = open('a', 'w')", "main.f", "TextIOWrapper"),
    ("import threading\nd = {'k': (threading.Lock(),)}; d['k'][0].acquire()", "main.d['k'][0]", "a lock that is held"),
    ("import socket\ns = [socket.socketpair()]", "main.s[0][0]", "socket"),
    (
        "def outer():\n n = iter(zip('a'))\n import sys\n h = sys._getframe()\n return lambda: h\nf = outer()",
        "main.f.<h>",
        "frame",
    ),
    ("class A:\n def __reduce__(self): raise ValueError('no')\na = A()", "main.a", "ValueError: no"),
    (
        "class A:\n def __reduce__(self): return 1\na = A()",
        "main.a",
        "PicklingError: __reduce__ must return a string or tuple, not int",
    ),
    ("deep = []\nfor _ in range(300000): deep = [deep]", "main.deep", "nested too deep"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_stored_is_named_or_left_out() {
    let fixture = start(&[]).await;
    for (text, path, problem) in UNSTORABLE {
        let session = plain(&fixture).await;
        written(&fixture, &session, &format!("kept = 7\n{text}")).await;
        let (code, reason, at) = refused(make(&fixture, &session, false).await, "path");
        assert_eq!((code, reason.as_str(), at.as_str()), (Code::FailedPrecondition, "SNAPSHOT_UNSTORABLE", *path));
        assert_eq!(&refused(make(&fixture, &session, false).await, "problem").2, problem, "{path}");
        let snapshot = make(&fixture, &session, true).await.unwrap_or_else(|e| panic!("{path}: {e:?}"));
        let left: Vec<_> = snapshot.left_out.iter().map(|of| (of.path.as_str(), of.problem.as_str())).collect();
        assert_eq!(left, [(*path, *problem)]);
        let next = from(&fixture, &snapshot).await.expect("the rest");
        let name = path.trim_start_matches("main.").split(['.', '[']).next().expect("a name");
        let text = format!("assert {name:?} not in globals()\nkept");
        assert_eq!(int(&run(&fixture, &next, &text).await), 7, "{path}");
        // The session is as it was.
        assert_eq!(int(&run(&fixture, &session, &format!("{name}; kept")).await), 7, "{path}");
    }
    let session = plain(&fixture).await;
    run(&fixture, &session, "import threading\nstop = threading.Event()\nthreading.Thread(target=stop.wait).start()")
        .await;
    assert_eq!(refused(make(&fixture, &session, true).await, "path").1, "SNAPSHOT_UNSTORABLE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_graphs_meet_their_own_sessions_limits() {
    let fixture = start(&[("snapshot_max", "1MiB")]).await;
    // Larger than it may be.
    let session = plain(&fixture).await;
    written(&fixture, &session, "x = [str(n) for n in range(300000)]").await;
    let large = refused(make(&fixture, &session, false).await, "max_bytes");
    assert_eq!(large, (Code::ResourceExhausted, "SNAPSHOT_TOO_LARGE".into(), "1048576".into()));
    written(&fixture, &session, "del x\nopen('f', 'wb').write(bytes(1 << 20))").await;
    assert_eq!(refused(make(&fixture, &session, false).await, "").1, "SNAPSHOT_TOO_LARGE");
    // Grows while it is looked at.
    let limits = v1::Limits { heap_bytes: Some(32 << 20), ..v1::Limits::default() };
    let session = open(&fixture, v1::Session { limits: Some(limits), ..v1::Session::default() }).await.expect("made");
    let text = "class A:\n def __reduce__(self): return A, (), {'b': [A() for _ in range(10)] + [bytes(1 << 20)]}\n def __setstate__(self, s): pass\na = A()";
    written(&fixture, &session, text).await;
    let (code, reason, _) = refused(make(&fixture, &session, false).await, "");
    assert_eq!(code == Code::ResourceExhausted, reason == "SNAPSHOT_TOO_LARGE", "{reason}");
    // An encoder of the guest's own is believed nothing but bytes.
    for fake in ["('saved', b'junk', [])", "('saved', 1, [])", "('saved',)", "5", "('unstorable', 'x' * 10**6, 'y')"] {
        let session = plain(&fixture).await;
        let text = format!(
            "import sys, types\nm = types.ModuleType('_typhon_snapshot')\nm.save = lambda *a: {fake}\nsys.modules['_typhon_snapshot'] = m"
        );
        written(&fixture, &session, &text).await;
        match make(&fixture, &session, false).await {
            Ok(snapshot) => assert_eq!(refused(from(&fixture, &snapshot).await, "").1, "SNAPSHOT_UNUSABLE", "{fake}"),
            Err(status) => {
                let (_, reason, path) = refused(Err::<(), _>(status), "path");
                assert!(reason == "SNAPSHOT_FAILED" || reason == "SNAPSHOT_UNSTORABLE" && path.len() < 500, "{reason}");
            }
        }
    }
    // What runs when it is read, runs in the guest's sandbox.
    let session = plain(&fixture).await;
    let text = "class A:\n def __reduce__(self): return exec, ('import os; os.kill(1, 9)',)\na = A()";
    written(&fixture, &session, text).await;
    let snapshot = make(&fixture, &session, false).await.expect("made");
    let (code, reason, why) = refused(from(&fixture, &snapshot).await, "why");
    assert_eq!((code, reason.as_str()), (Code::FailedPrecondition, "SNAPSHOT_UNUSABLE"));
    assert!(why.starts_with("PermissionError"), "{why}");
    // Code that no compiler made is not taken, however it is asked for.
    let text = "class B:\n def __reduce__(self):\n  import _typhon_kinds\n  return _typhon_kinds._code, (b'forged' * 100,)\na = B()";
    written(&fixture, &session, text).await;
    let snapshot = make(&fixture, &session, false).await.expect("made");
    let (_, _, why) = refused(from(&fixture, &snapshot).await, "why");
    assert_eq!(why, "ValueError: the snapshot's code was changed");
    let response = run(&fixture, &session, "import _typhon_code\n_typhon_code.pack((lambda: 1).__code__)").await;
    assert_eq!(exception(&response).0, "RuntimeError");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leaves_comes_back_only_as_it_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key");
    std::fs::write(&file, "0123456789abcdef".repeat(4)).expect("a key");
    let file = file.to_str().expect("text");
    let fixture = start(&[("snapshot_key_file", file)]).await;
    let session = plain(&fixture).await;
    written(&fixture, &session, "import os\nx = [1, 2]\ndef f(): return len(x)\nnoise = os.urandom(200000)").await;
    let snapshot = make(&fixture, &session, false).await.expect("made");
    let bytes = export(&fixture, &snapshot.name).await;
    let back = import(&fixture, &bytes).await.expect("taken");
    assert_ne!(back.name, snapshot.name);
    assert_eq!((&back.digest, back.size_bytes, &back.session), (&snapshot.digest, snapshot.size_bytes, &session));
    let session = from(&fixture, &back).await.expect("begun");
    assert_eq!(int(&run(&fixture, &session, "f()").await), 2);
    // Another server with the same key; and one without it.
    let second = start(&[("snapshot_key_file", file)]).await;
    let taken = import(&second, &bytes).await.expect("the same key");
    let session = from(&second, &taken).await.expect("begun");
    assert_eq!(int(&run(&second, &session, "f()").await), 2);
    let third = start(&[]).await;
    let invalid = |result: Result<v1::Snapshot, Status>| {
        let fields = result.as_ref().err().and_then(StatusExt::get_details_bad_request).expect("fields");
        assert_eq!(fields.field_violations[0].field, "data");
        assert_eq!(refused(result, "").1, "SNAPSHOT_INVALID");
    };
    invalid(import(&third, &bytes).await);
    for at in [0, 11, 12, 16, 40, bytes.len() / 2, bytes.len() - 33, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[at] ^= 0x40;
        if at == 11 {
            let (code, reason, _) = refused(import(&fixture, &changed).await, "");
            assert_eq!((code, reason.as_str()), (Code::FailedPrecondition, "SNAPSHOT_VERSION_MISMATCH"));
        } else {
            invalid(import(&fixture, &changed).await);
        }
    }
    invalid(import(&fixture, &bytes[..bytes.len() - 1]).await);
    invalid(import(&fixture, b"").await);
    let small = start(&[("snapshot_key_file", file), ("snapshot_max", "64KiB")]).await;
    assert_eq!(refused(import(&small, &bytes).await, "max_bytes").1, "SNAPSHOT_TOO_LARGE");
    let full = start(&[("snapshot_key_file", file), ("snapshots_bytes_max", "300KiB")]).await;
    import(&full, &bytes).await.expect("room for one");
    assert_eq!(refused(import(&full, &bytes).await, "max_bytes").1, "SNAPSHOTS_FULL");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_comes_again_makes_no_second_snapshot() {
    let fixture = start(&[]).await;
    let session = plain(&fixture).await;
    let request = |session: &str| v1::CreateSnapshotRequest {
        request_id: "00000000-0000-0000-0000-000000000001".into(),
        snapshot: Some(v1::Snapshot { labels: [("a".into(), "b".into())].into(), ..v1::Snapshot::default() }),
        session: session.to_owned(),
        leave_out: false,
    };
    let send = |session: &str| {
        let (mut client, request) = (snapshots(&fixture), request(session));
        async move { client.create_snapshot(request).await.map(|made| made.into_inner().snapshot.expect("itself")) }
    };
    let (first, again) = (send(&session).await.expect("made"), send(&session).await.expect("the same"));
    assert_eq!(first, again);
    assert_eq!(first.labels["a"], "b");
    let other = plain(&fixture).await;
    assert_eq!(refused(send(&other).await, "").1, "REQUEST_ID_REUSED");
    let list = snapshots(&fixture).list_snapshots(v1::ListSnapshotsRequest::default()).await.expect("a page");
    assert_eq!(list.into_inner().snapshots, std::slice::from_ref(&first));
    let get = v1::GetSnapshotRequest { name: first.name.clone() };
    assert_eq!(snapshots(&fixture).get_snapshot(get).await.expect("there").into_inner().snapshot, Some(first));
}

/// SHA-256 of the tokens `ann` and `bob`.
const TENANTS: &str = r#"
[tenants.ann]
tokens = ["sha256:49915e0d7d4b402e3017d010bc1c0e83cac6c797d6c16e66340fe3268693a6a1"]
quota = { snapshots = "20KiB" }
[tenants.bob]
tokens = ["sha256:81b637d8fcd2c6da6359e6963113a1170de795e4b725b84d1e0b4cfd9ec58ce9"]
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anothers_snapshot_is_not_there_and_cannot_be_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tenants.toml");
    std::fs::write(&file, TENANTS).expect("a file");
    let fixture = start(&[("tenants_file", file.to_str().expect("text"))]).await;
    fn by<T>(who: &str, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        request.metadata_mut().insert("authorization", format!("Bearer {who}").parse().expect("a header"));
        request
    }
    let mut sessions = SessionServiceClient::new(fixture.channel.clone());
    let session = sessions.create_session(by("ann", v1::CreateSessionRequest::default())).await.expect("hers");
    let session = session.into_inner().session.expect("its state").name;
    let create = |session: &str| v1::CreateSnapshotRequest {
        session: session.to_owned(),
        ..v1::CreateSnapshotRequest::default()
    };
    let mut client = snapshots(&fixture);
    let made = client.create_snapshot(by("ann", create(&session))).await.expect("hers").into_inner();
    let name = made.snapshot.expect("itself").name;
    let mut pieces = client
        .export_snapshot(by("ann", v1::ExportSnapshotRequest { name: name.clone() }))
        .await
        .expect("hers")
        .into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.message().await.expect("a piece") {
        bytes.extend(piece.data);
    }
    assert_eq!(refused(client.create_snapshot(by("bob", create(&session))).await, "").1, "SESSION_NOT_FOUND");
    let get = v1::GetSnapshotRequest { name: name.clone() };
    assert_eq!(refused(client.get_snapshot(by("bob", get)).await, "").1, "SNAPSHOT_NOT_FOUND");
    let delete = v1::DeleteSnapshotRequest { name: name.clone() };
    assert_eq!(refused(client.delete_snapshot(by("bob", delete)).await, "").1, "SNAPSHOT_NOT_FOUND");
    let export = v1::ExportSnapshotRequest { name: name.clone() };
    assert_eq!(refused(client.export_snapshot(by("bob", export)).await, "").1, "SNAPSHOT_NOT_FOUND");
    let begin = v1::Session { snapshot: name.clone(), ..v1::Session::default() };
    let begin = v1::CreateSessionRequest { session: Some(begin), ..v1::CreateSessionRequest::default() };
    assert_eq!(refused(sessions.create_session(by("bob", begin)).await, "").1, "SNAPSHOT_NOT_FOUND");
    let within = v1::ExecuteRequest { target: Some(Target::Snapshot(name)), ..source("1") };
    assert_eq!(refused(fixture.client.clone().execute(by("bob", within)).await, "").1, "SNAPSHOT_NOT_FOUND");
    let list = client.list_snapshots(by("bob", v1::ListSnapshotsRequest::default())).await.expect("a page");
    assert!(list.into_inner().snapshots.is_empty());
    let pieces = || {
        let parts = [Message::Start(Box::default()), Message::Data(bytes.clone())];
        tokio_stream::iter(parts.map(|part| v1::ImportSnapshotRequest { message: Some(part) }))
    };
    assert_eq!(refused(client.import_snapshot(by("bob", pieces())).await, "").1, "SNAPSHOT_INVALID");
    client.import_snapshot(by("ann", pieces())).await.expect("her own");
    // Her quota is full in the end.
    let full = loop {
        if let Err(status) = client.import_snapshot(by("ann", pieces())).await {
            break status;
        }
    };
    assert_eq!(
        refused(Err::<(), _>(full), "max"),
        (Code::ResourceExhausted, "TENANT_SNAPSHOTS".into(), "20480".into())
    );
}
