//! Sessions that outlive their server: handed over when it drains, taken up by whichever is asked for them, by one only.

use std::path::{Path, PathBuf};

use tonic::{Code, Status};
use tonic_types::StatusExt;
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::execute_request::Target;
use typhon_proto::v1::session_service_client::SessionServiceClient;
use typhon_proto::v1::value::Kind;

use crate::{Fixture, metric, millis, reason, scrape, source, start};

type Sessions = SessionServiceClient<tonic::transport::Channel>;

/// A place for what servers leave, and the key that they share.
struct Store {
    folder: tempfile::TempDir,
}

impl Store {
    fn new() -> Store {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("key"), "0123456789abcdef".repeat(4)).expect("a key");
        Store { folder }
    }

    async fn server(&self, settings: &[(&str, &str)]) -> Fixture {
        let (path, key) = (self.folder.path().join("store"), self.folder.path().join("key"));
        let (path, key) = (path.to_str().expect("text"), key.to_str().expect("text"));
        let own = [("snapshot_store", path), ("snapshot_key_file", key), ("drain_grace", "0s")];
        start(
            &own.into_iter()
                .filter(|(name, _)| settings.iter().all(|(n, _)| n != name))
                .chain(settings.iter().copied())
                .collect::<Vec<_>>(),
        )
        .await
    }

    /// The files of sessions.
    fn files(&self) -> Vec<PathBuf> {
        let within = |folder: &Path| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(folder).into_iter().flatten();
            entries.map(|entry| entry.expect("an entry").path()).collect()
        };
        within(&self.folder.path().join("store/sessions")).iter().flat_map(|tenant| within(tenant)).collect()
    }
}

fn sessions(fixture: &Fixture) -> Sessions {
    SessionServiceClient::new(fixture.channel.clone())
}

async fn open(fixture: &Fixture, session: v1::Session) -> v1::Session {
    let request = v1::CreateSessionRequest { session: Some(session), ..v1::CreateSessionRequest::default() };
    sessions(fixture).create_session(request).await.expect("a session").into_inner().session.expect("its state")
}

async fn plain(fixture: &Fixture) -> String {
    open(fixture, v1::Session::default()).await.name
}

fn within(session: &str, request: v1::ExecuteRequest) -> v1::ExecuteRequest {
    v1::ExecuteRequest { target: Some(Target::Session(session.to_owned())), ..request }
}

async fn run(fixture: &Fixture, session: &str, text: &str) -> Result<v1::ExecuteResponse, Status> {
    Ok(fixture.client.clone().execute(within(session, source(text))).await?.into_inner())
}

async fn int(fixture: &Fixture, session: &str, text: &str) -> i64 {
    let response = run(fixture, session, text).await.expect("an answer");
    match response.result.and_then(|value| value.kind) {
        Some(Kind::IntValue(n)) => n,
        other => panic!("{other:?} {:?}\n{text}", response.outcome),
    }
}

async fn done(fixture: &Fixture, session: &str, text: &str) {
    let response = run(fixture, session, text).await.expect("an answer");
    assert_eq!(reason(&response), Reason::Completed, "{:?}\n{text}", response.outcome);
}

async fn see(fixture: &Fixture, name: &str) -> Result<v1::Session, Status> {
    let request = v1::GetSessionRequest { name: name.to_owned() };
    Ok(sessions(fixture).get_session(request).await?.into_inner().session.expect("its state"))
}

/// A refusal's code and reason, and what its ErrorInfo says under a name.
fn refused<T>(answer: Result<T, Status>, what: &str) -> (Code, String, String) {
    let Err(status) = answer else { panic!("not refused") };
    let info = status.get_details_error_info().expect("an ErrorInfo");
    (status.code(), info.reason, info.metadata.get(what).cloned().unwrap_or_default())
}

async fn drained(fixture: Fixture) {
    fixture.server.drain(std::future::pending()).await.expect("drained");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_goes_on_at_the_next_server() {
    let store = Store::new();
    let first = store.server(&[]).await;
    let labels = [("department".to_owned(), "red".to_owned())].into();
    let limits = v1::Limits { wall_time: millis(7_000), heap_bytes: Some(64 << 20), ..v1::Limits::default() };
    let env = [("A".to_owned(), "b".to_owned())].into();
    let asked = v1::Session { labels, env, limits: Some(limits), ..v1::Session::default() };
    let before = open(&first, asked).await;
    let name = before.name.clone();
    done(&first, &name, "import os, json\nclass PillBox:\n def __init__(self, n): self.n = n\n def add(self, k): self.n += k; return self.n\nbox = PillBox(1)\nboth = [box, box]\nopen('my_notes', 'w').write('kept')").await;
    assert_eq!(int(&first, &name, "box.add(1)").await, 2);
    let (unused, failed) = (plain(&first).await, plain(&first).await);
    run(&first, &failed, "x = []\nwhile True: x.append(bytes(1 << 20))").await.expect("an end");
    let failure = see(&first, &failed).await.expect("there").failure;
    drained(first).await;
    assert_eq!(store.files().len(), 3);
    // Whoever reads the store sees nothing of it. (What is sealed is as if by chance, where a
    // word of three letters stands once in some hundred files; these are longer.)
    for (file, word) in
        store.files().iter().flat_map(|file| [(file, "my_notes"), (file, "department"), (file, "PillBox")])
    {
        let bytes = std::fs::read(file).expect("there");
        assert!(!bytes.windows(word.len()).any(|part| part == word.as_bytes()), "{word}");
    }

    let second = store.server(&[("admin_listen", "127.0.0.1:0")]).await;
    let text =
        "assert both[0] is both[1] is box and os.environ['A'] == 'b' and open('my_notes').read() == 'kept'\nbox.add(1)";
    assert_eq!(int(&second, &name, text).await, 3);
    let after = see(&second, &name).await.expect("there");
    assert_eq!((after.execution_count, &after.labels, &after.limits), (3, &before.labels, &before.limits));
    assert_eq!(
        (after.create_time, after.ttl, after.state()),
        (before.create_time, before.ttl, v1::session::State::Idle)
    );
    // One that has run nothing, and one that could not go on, are what they were.
    assert_eq!(int(&second, &unused, "1 + 1").await, 2);
    let seen = see(&second, &failed).await.expect("there");
    assert_eq!(seen.failure, failure);
    if !failure.is_empty() {
        assert_eq!(refused(run(&second, &failed, "1").await, "").1, "SESSION_FAILED");
    }
    assert_eq!(store.files(), Vec::<PathBuf>::new());
    assert_eq!(metric(&scrape(&second.server).await, "typhon_session_handovers_total{event=\"restored\"}"), 3.0);
    // A fresh isolate is a fresh isolate.
    sessions(&second).reset_session(v1::ResetSessionRequest { name: name.clone() }).await.expect("reset");
    assert_eq!(int(&second, &name, "int('box' in globals())").await, 0);
    // And again, to a third.
    done(&second, &name, "x = 7").await;
    drained(second).await;
    let third = store.server(&[]).await;
    assert_eq!(int(&third, &name, "x").await, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_server_has_it() {
    let store = Store::new();
    let first = store.server(&[]).await;
    let mut names = Vec::new();
    for n in 0..6 {
        let name = plain(&first).await;
        done(&first, &name, &format!("x = {n}")).await;
        names.push(name);
    }
    drained(first).await;
    let (one, two) = (store.server(&[]).await, store.server(&[]).await);
    for name in &names {
        let (a, b) = tokio::join!(run(&one, name, "x += 1"), run(&two, name, "x += 1"));
        assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
        let refusal = refused(if a.is_ok() { b } else { a }, "");
        assert!(["SESSION_MOVING", "SESSION_NOT_FOUND"].contains(&refusal.1.as_str()), "{refusal:?}");
    }
    // Many at one server get the same.
    let third = store.server(&[]).await;
    let name = plain(&third).await;
    done(&third, &name, "n = 0").await;
    drained(third).await;
    let asked = (0..8).map(|_| {
        let mut client = one.client.clone();
        let request = within(&name, source("n += 1\nn"));
        tokio::spawn(async move { client.execute(request).await })
    });
    for asked in asked.collect::<Vec<_>>() {
        asked.await.expect("it ran").expect("an answer");
    }
    assert_eq!(int(&one, &name, "n").await, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_handed_over_is_told_with_the_reason() {
    let store = Store::new();
    let first = store.server(&[("snapshot_max", "1MiB"), ("drain_grace", "100ms")]).await;
    let held = plain(&first).await;
    done(&first, &held, "def g(): yield 1\nd = {'k': [g()]}").await;
    let large = plain(&first).await;
    done(&first, &large, "import os\nx = os.urandom(2_000_000)").await;
    let threads = plain(&first).await;
    done(&first, &threads, "import threading\ne = threading.Event()\nt = threading.Thread(target=e.wait)\nt.start()")
        .await;
    // This one runs when the time is over: stopped where it is, with what it held then.
    let (busy, locked) = (plain(&first).await, plain(&first).await);
    let running = [
        (&busy, "n = 1\nwhile True: n += 1"),
        (&locked, "import threading\nl = threading.Lock()\nwith l:\n while True: pass"),
    ];
    let running = running.map(|(name, text)| {
        let (mut client, request) = (first.client.clone(), within(name, source(text)));
        tokio::spawn(async move { client.execute(request).await.expect("an answer").into_inner() })
    });
    while see(&first, &busy).await.expect("there").running_execution.is_empty()
        || see(&first, &locked).await.expect("there").running_execution.is_empty()
    {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    drained(first).await;
    for running in running {
        assert_eq!(reason(&running.await.expect("it ran")), Reason::ServerDrain);
    }
    let second = store.server(&[]).await;
    for (name, why, path) in [
        (&held, "main.d['k'][0]: generator", "main.d['k'][0]"),
        (&large, "the snapshot is larger than 1048576 bytes", ""),
        (&locked, "main.l: a lock that is held", "main.l"),
    ] {
        let (code, reason, said) = refused(run(&second, name, "1").await, "why");
        assert_eq!((code, reason.as_str(), said.as_str()), (Code::NotFound, "SESSION_LOST", why));
        assert_eq!(refused(see(&second, name).await, "path").2, path);
    }
    let (_, reason, why) = refused(see(&second, &threads).await, "why");
    assert!(reason == "SESSION_LOST" && why.contains("threads"), "{reason} {why}");
    assert_eq!(int(&second, &busy, "int(n > 0)").await, 1);
    // A name that was never given is what it always was.
    let never = format!("sessions/{}", "0".repeat(32));
    assert_eq!(refused(run(&second, &never, "1").await, "").1, "SESSION_NOT_FOUND");
    sessions(&second).delete_session(v1::DeleteSessionRequest { name: held.clone() }).await.expect("its word is gone");
    assert_eq!(refused(see(&second, &held).await, "").1, "SESSION_NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_in_the_store_is_not_believed() {
    let store = Store::new();
    let first = store.server(&[]).await;
    let (one, two) = (plain(&first).await, plain(&first).await);
    done(&first, &one, "x = 1").await;
    done(&first, &two, "x = 2").await;
    drained(first).await;
    let id = |name: &str| name.strip_prefix("sessions/").expect("a name").to_owned();
    let path = |name: &str| {
        let file = store.files().into_iter().find(|file| file.ends_with(id(name)));
        file.expect("its file")
    };
    let (whole, second) = (std::fs::read(path(&one)).expect("there"), store.server(&[]).await);
    // What is sealed comes after the store's own sixteen bytes.
    for at in [16, 27, 36, whole.len() / 2, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        std::fs::write(path(&one), &changed).expect("written");
        let (code, reason, why) = refused(run(&second, &one, "x").await, "why");
        let expected = if at == 27 { "SNAPSHOT_VERSION_MISMATCH" } else { "SESSION_LOST" };
        assert_eq!(reason, expected, "{at}");
        assert!(at == 27 || code == Code::NotFound && why.starts_with("what was kept of it"), "{why}");
    }
    // Cut short, empty, another session's.
    for wrong in [whole[..whole.len() - 1].to_vec(), Vec::new(), std::fs::read(path(&two)).expect("there")] {
        std::fs::write(path(&one), &wrong).expect("written");
        assert_eq!(refused(run(&second, &one, "x").await, "").1, "SESSION_LOST");
    }
    // It is still there for whoever mends it.
    std::fs::write(path(&one), &whole).expect("written");
    assert_eq!(int(&second, &one, "x").await, 1);
    // Another key opens nothing.
    let key = store.folder.path().join("other");
    std::fs::write(&key, "f".repeat(64)).expect("a key");
    let third = store.server(&[("snapshot_key_file", key.to_str().expect("text"))]).await;
    assert_eq!(refused(run(&third, &two, "x").await, "").1, "SESSION_LOST");
    assert_eq!(int(&second, &two, "x").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_and_room_count_as_they_do_at_one_server() {
    let store = Store::new();
    let first = store.server(&[]).await;
    let short =
        v1::Session { idle_ttl: Some(prost_types::Duration { seconds: 6, nanos: 0 }), ..v1::Session::default() };
    let (short, deleted, kept) = (open(&first, short).await.name, plain(&first).await, plain(&first).await);
    for name in [&short, &deleted, &kept] {
        done(&first, name, "x = 5").await;
    }
    drained(first).await;
    let full = store.server(&[("sessions_max", "0")]).await;
    assert_eq!(refused(run(&full, &kept, "x").await, "").1, "TOO_MANY_SESSIONS");
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    let second = store.server(&[]).await;
    assert_eq!(refused(run(&second, &short, "x").await, "").1, "SESSION_EXPIRED");
    sessions(&second).delete_session(v1::DeleteSessionRequest { name: deleted.clone() }).await.expect("deleted");
    assert_eq!(refused(run(&second, &deleted, "x").await, "").1, "SESSION_NOT_FOUND");
    assert_eq!(int(&second, &kept, "x").await, 5);
    // A store without its key is no store.
    let settings = [("snapshot_store", "/tmp/typhon-nowhere"), ("listen", "127.0.0.1:0")];
    let config = typhon_service::Config::from_source(|row| {
        settings.iter().find(|(name, _)| *name == row.name).map(|(_, value)| (*value).to_owned())
    });
    let server =
        typhon_service::Server::start(config.expect("settings"), std::sync::Arc::new(typhon_service::Vm::default()));
    let Err(error) = server.await else { panic!("it started") };
    assert!(error.to_string().contains("snapshot_key_file"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_session_began_goes_along() {
    use typhon_proto::v1::snapshot_service_client::SnapshotServiceClient;
    let store = Store::new();
    let first = store.server(&[]).await;
    let origin = plain(&first).await;
    done(&first, &origin, "x = 1").await;
    let request = v1::CreateSnapshotRequest { session: origin, ..v1::CreateSnapshotRequest::default() };
    let snapshot = SnapshotServiceClient::new(first.channel.clone()).create_snapshot(request).await.expect("made");
    let snapshot = snapshot.into_inner().snapshot.expect("itself").name;
    let name = open(&first, v1::Session { snapshot: snapshot.clone(), ..v1::Session::default() }).await.name;
    done(&first, &name, "x += 1").await;
    drained(first).await;
    let second = store.server(&[]).await;
    assert_eq!(int(&second, &name, "x").await, 2);
    assert_eq!(see(&second, &name).await.expect("there").snapshot, snapshot);
    sessions(&second).reset_session(v1::ResetSessionRequest { name: name.clone() }).await.expect("reset");
    assert_eq!(int(&second, &name, "x").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chance_and_time_of_a_sessions_own_go_on_where_they_were() {
    let store = Store::new();
    let entropy = v1::EntropyPolicy { mode: v1::entropy_policy::Mode::Seeded.into(), seed: 3 };
    let clock = v1::ClockPolicy { mode: v1::clock_policy::Mode::Virtual.into(), epoch_nanoseconds: None };
    let policy = v1::Policy { entropy: Some(entropy), clock: Some(clock), ..v1::Policy::default() };
    let session = v1::Session { policy: Some(policy), ..v1::Session::default() };
    let draw = "int.from_bytes(os.urandom(6), 'big')";
    let slept = "time.sleep(3600)\nint(time.time() - begun)";
    let begin = "import os, time\nbegun = time.time()";
    // One stays, one moves.
    let first = store.server(&[]).await;
    let moves = open(&first, session.clone()).await.name;
    let beside = start(&[]).await;
    let stays = open(&beside, session).await.name;
    let mut seen = Vec::new();
    for (fixture, name) in [(&first, &moves), (&beside, &stays)] {
        done(fixture, name, begin).await;
        seen.push((int(fixture, name, draw).await, int(fixture, name, slept).await));
    }
    assert_eq!((seen[0], seen[0].1), (seen[1], 3600));
    drained(first).await;
    let second = store.server(&[]).await;
    let there = (int(&second, &moves, draw).await, int(&second, &moves, slept).await);
    let here = (int(&beside, &stays, draw).await, int(&beside, &stays, slept).await);
    assert_eq!((there, there.1), (here, 7200));
    assert_ne!(there.0, seen[0].0);
    // What is reset begins anew.
    sessions(&second).reset_session(v1::ResetSessionRequest { name: moves.clone() }).await.expect("reset");
    done(&second, &moves, begin).await;
    assert_eq!(int(&second, &moves, draw).await, seen[0].0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_are_there_for_every_server() {
    use typhon_proto::v1::snapshot_service_client::SnapshotServiceClient;
    let store = Store::new();
    let first = store.server(&[]).await;
    let client = |fixture: &Fixture| SnapshotServiceClient::new(fixture.channel.clone());
    let origin = plain(&first).await;
    done(&first, &origin, "x = list(range(5000))").await;
    let make = |session: &str| v1::CreateSnapshotRequest {
        session: session.to_owned(),
        ..v1::CreateSnapshotRequest::default()
    };
    let made =
        client(&first).create_snapshot(make(&origin)).await.expect("made").into_inner().snapshot.expect("itself");
    let other =
        client(&first).create_snapshot(make(&origin)).await.expect("made").into_inner().snapshot.expect("itself");
    // Both at a server beside it, and after its end.
    let second = store.server(&[("snapshots_bytes_max", "1KiB")]).await;
    drained(first).await;
    let get = |name: &str| v1::GetSnapshotRequest { name: name.to_owned() };
    let seen = client(&second).get_snapshot(get(&made.name)).await.expect("there").into_inner().snapshot;
    assert_eq!(seen.as_ref(), Some(&made));
    let list = client(&second).list_snapshots(v1::ListSnapshotsRequest::default()).await.expect("a page").into_inner();
    let mut both = [made.name.clone(), other.name.clone()];
    both.sort_unstable();
    assert_eq!(list.snapshots.iter().map(|one| one.name.clone()).collect::<Vec<_>>(), both);
    let begun = open(&second, v1::Session { snapshot: made.name.clone(), ..v1::Session::default() }).await.name;
    assert_eq!(int(&second, &begun, "x[-1]").await, 4999);
    let request = v1::ExecuteRequest { target: Some(Target::Snapshot(other.name.clone())), ..source("len(x)") };
    let response = second.client.clone().execute(request).await.expect("an answer").into_inner();
    assert_eq!(response.result.and_then(|value| value.kind), Some(Kind::IntValue(5000)));
    // Deleted at one, it is deleted at all.
    let third = store.server(&[]).await;
    client(&third).delete_snapshot(v1::DeleteSnapshotRequest { name: made.name.clone() }).await.expect("deleted");
    assert_eq!(refused(client(&second).get_snapshot(get(&made.name)).await, "").1, "SNAPSHOT_NOT_FOUND");
    let again = v1::Session { snapshot: made.name.clone(), ..v1::Session::default() };
    let again = v1::CreateSessionRequest { session: Some(again), ..v1::CreateSessionRequest::default() };
    assert_eq!(refused(sessions(&second).create_session(again).await, "").1, "SNAPSHOT_NOT_FOUND");
    // What was changed is not believed.
    let id = other.name.strip_prefix("snapshots/").expect("a name");
    let file = store.folder.path().join("store/snapshots/of-default").join(id);
    let mut changed = std::fs::read(&file).expect("its file");
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    std::fs::write(&file, changed).expect("written");
    let fourth = store.server(&[]).await;
    let request = v1::ExecuteRequest { target: Some(Target::Snapshot(other.name.clone())), ..source("len(x)") };
    let (code, reason, why) = refused(fourth.client.clone().execute(request).await, "why");
    assert_eq!((code, reason.as_str()), (Code::FailedPrecondition, "SNAPSHOT_UNUSABLE"));
    assert!(why.contains("was changed"), "{why}");
    client(&fourth).delete_snapshot(v1::DeleteSnapshotRequest { name: other.name }).await.expect("it can be deleted");
    // There is only so much room.
    let small = store.server(&[("snapshot_store_bytes_max", "1KiB")]).await;
    let origin = plain(&small).await;
    done(&small, &origin, "x = list(range(5000))").await;
    assert_eq!(refused(client(&small).create_snapshot(make(&origin)).await, "max_bytes").2, "1024");
}
