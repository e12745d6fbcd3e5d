//! Metrics that move with what happens: isolates, snapshots, sessions that are handed over, sizes of messages.

use typhon_proto::v1;
use typhon_proto::v1::execute_request::Target;
use typhon_proto::v1::session_service_client::SessionServiceClient;
use typhon_proto::v1::snapshot_service_client::SnapshotServiceClient;

use crate::{Fixture, metric, scrape, source, start};

async fn session(fixture: &Fixture) -> String {
    let mut client = SessionServiceClient::new(fixture.channel.clone());
    let made = client.create_session(v1::CreateSessionRequest::default()).await.expect("a session");
    made.into_inner().session.expect("its state").name
}

async fn run(fixture: &Fixture, target: Option<Target>, text: &str) {
    let request = v1::ExecuteRequest { target, ..source(text) };
    fixture.client.clone().execute(request).await.expect("an answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn isolates_snapshots_and_messages_are_counted() {
    let fixture = start(&[("admin_listen", "127.0.0.1:0"), ("workers", "2")]).await;
    let name = session(&fixture).await;
    let before = scrape(&fixture.server).await;
    assert_eq!(metric(&before, "typhon_isolates{state=\"resting\"}"), 0.0);
    assert_eq!(metric(&before, "typhon_sessions{state=\"idle\"}"), 1.0);
    let text = format!("x = {:?}\nx[0]", "y".repeat(10_000));
    run(&fixture, Some(Target::Session(name.clone())), &text).await;
    run(&fixture, None, "1").await;
    let text = scrape(&fixture.server).await;
    assert_eq!(metric(&text, "typhon_isolates{state=\"resting\"}"), 1.0);
    assert_eq!(metric(&text, "typhon_pool_workers{state=\"idle\"}"), 2.0);
    assert_eq!(metric(&text, "typhon_isolate_start_seconds_count{source=\"cold\"}"), 1.0);
    let execute = "{grpc_method=\"typhon.v1.ExecutionService/Execute\"}";
    let sizes = |way: &str, what: &str| {
        metric(&text, &format!("grpc_server_call_{way}_total_compressed_message_size_bytes_{what}{execute}"))
    };
    assert_eq!((sizes("rcvd", "count"), sizes("sent", "count")), (2.0, 2.0));
    assert!(sizes("rcvd", "sum") > 10_000.0 && sizes("rcvd", "sum") < 11_000.0, "{}", sizes("rcvd", "sum"));
    assert!(sizes("sent", "sum") > 100.0 && sizes("sent", "sum") < 10_000.0, "{}", sizes("sent", "sum"));
    // A snapshot, what begins from it, and its end.
    let mut snapshots = SnapshotServiceClient::new(fixture.channel.clone());
    let request = v1::CreateSnapshotRequest { session: name, ..v1::CreateSnapshotRequest::default() };
    let snapshot = snapshots.create_snapshot(request).await.expect("made").into_inner().snapshot.expect("itself");
    run(&fixture, Some(Target::Snapshot(snapshot.name.clone())), "x[1]").await;
    let text = scrape(&fixture.server).await;
    assert_eq!(metric(&text, "typhon_snapshots"), 1.0);
    assert_eq!(metric(&text, "typhon_snapshot_bytes"), snapshot.size_bytes as f64);
    assert_eq!(metric(&text, "typhon_isolate_start_seconds_count{source=\"snapshot\"}"), 1.0);
    snapshots.delete_snapshot(v1::DeleteSnapshotRequest { name: snapshot.name }).await.expect("deleted");
    let text = scrape(&fixture.server).await;
    assert_eq!((metric(&text, "typhon_snapshots"), metric(&text, "typhon_snapshot_bytes")), (0.0, 0.0));
}
