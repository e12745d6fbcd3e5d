//! The client against a server in this process, with the virtual machine.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use typhon_client::{Client, Error, Functions, IntoValue, Program, Raise, Retry, Server, v1};
use typhon_service::{Config, Vm};

async fn serve(settings: &[(&str, &str)]) -> (typhon_service::Server, Client) {
    let settings: HashMap<_, _> =
        [("listen", "127.0.0.1:0"), ("isolation", "in_process"), ("isolation_least", "in_process")]
            .into_iter()
            .chain(settings.iter().copied())
            .collect();
    let config = Config::from_source(|row| settings.get(row.name).map(|value| (*value).to_owned())).expect("good");
    let server = typhon_service::Server::start(config, Arc::new(Vm::default())).await.expect("a server");
    let client = Client::connect(Server::at(format!("http://{}", server.address()))).await.expect("a connection");
    (server, client)
}

fn value(value: impl IntoValue) -> Option<v1::Value> {
    Some(value.into_value())
}

#[tokio::test]
async fn programs_run_and_their_failures_are_data() {
    let (_server, typhon) = serve(&[]).await;
    let program = Program::new("print(len(words), input())\nsorted(words)").input("words", ["b", "a"]).stdin("x\n");
    let end = typhon.run(program).await.expect("it ran");
    assert_eq!(end.stdout, b"2 x\n");
    assert_eq!(end.completed().expect("it completed").result, value(["a", "b"]));
    let end = typhon.run("import sys\nprint('oh', file=sys.stderr)\n1 / 0").await.expect("it ran");
    assert_eq!(end.stderr, b"oh\n");
    let failure = end.completed().expect_err("it raised");
    assert_eq!(failure.to_string(), "the program ended with EXCEPTION: ZeroDivisionError: division by zero");
    let end = typhon.run("raise SystemExit(0)").await.expect("it ran");
    end.completed().expect("that is as good as completing");
    let late = Program::new("while True: pass").wall_time(Duration::from_millis(50));
    let failure = typhon.run(late).await.expect("it ran").completed().expect_err("it was stopped").to_string();
    assert!(failure.starts_with("the program ended with WALL_TIME: LIMIT_NAME_WALL_TIME"), "{failure}");
}

#[tokio::test]
async fn refusals_say_what_is_wrong() {
    let (_server, typhon) = serve(&[]).await;
    let error = typhon.run(Program::new("1").input("no name", 1)).await.expect_err("refused");
    assert_eq!(error.reason(), Some("INVALID_REQUEST"));
    assert!(matches!(error, Error::Refused { fields, .. } if fields[0].0.starts_with("inputs")));
    let error = typhon.execution("executions/none", "").get().await.expect_err("refused");
    assert_eq!(error.reason(), Some("EXECUTION_NOT_FOUND"));
    let nowhere = Client::connect(Server::at("http://127.0.0.1:1")).await.expect_err("nobody there");
    assert!(matches!(nowhere, Error::Unreachable { .. }));
    let unsafe_ = Client::connect(Server::at("https://127.0.0.1:1")).await.expect_err("no authorities");
    assert!(matches!(unsafe_, Error::Unusable { .. }));
}

/// As `select!` does when another branch is ready.
#[tokio::test]
async fn a_wait_that_is_dropped_loses_and_repeats_nothing() {
    let (_server, typhon) = serve(&[]).await;
    let typhon = typhon.with_retry(Retry::never());
    let session = typhon.session(v1::Session::default()).await.expect("a session");
    session.run("ran = 0").await.expect("it ran");
    let mut run = session.stream("ran += 1\nprint(ran, flush=True)\nimport time\ntime.sleep(0.3)\nran");
    let mut told = Vec::new();
    for _ in 0..40 {
        if let Ok(Ok(Some(chunk))) = tokio::time::timeout(Duration::from_micros(200), run.next()).await {
            told.extend(chunk.data);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let end = run.end().await.expect("it ran");
    assert_eq!((end.completed().expect("completed").result.clone(), end.stdout), (value(1), b"1\n".to_vec()));
    assert!(b"1\n".starts_with(&told), "{told:?}");
    assert_eq!(session.get().await.expect("known").execution_count, 2);
}

#[tokio::test]
async fn sessions_keep_their_state() {
    let (_server, typhon) = serve(&[]).await;
    let session = typhon.session(v1::Session::default()).await.expect("a session");
    session.run("x = 20").await.expect("it ran").completed().expect("it completed");
    assert_eq!(session.run("x + 1").await.expect("it ran").completed().expect("completed").result, value(21));
    assert_eq!(session.get().await.expect("known").name, session.name());
    let mut running = session.stream("print('on', flush=True)\nwhile True: pass");
    assert_eq!(running.next().await.expect("output").expect("some").data, b"on\n");
    assert_eq!(session.interrupt().await.expect("told"), running.execution());
    assert_eq!(running.end().await.expect("it ended").reason(), v1::TerminationReason::Interrupted);
    session.reset().await.expect("reset");
    session.run("x").await.expect("it ran").completed().expect_err("it is gone");
    session.delete().await.expect("deleted");
}

#[tokio::test]
async fn what_begins_from_a_snapshot_goes_on() {
    let (_server, typhon) = serve(&[]).await;
    let session = typhon.session(v1::Session::default()).await.expect("a session");
    session.run("x = 20\nheld = (n for n in 'a')").await.expect("it ran");
    let error = session.snapshot(v1::Snapshot::default(), false).await.expect_err("a generator");
    assert_eq!(error.reason(), Some("SNAPSHOT_UNSTORABLE"));
    let asked = v1::Snapshot { labels: HashMap::from([("a".into(), "b".into())]), ..v1::Snapshot::default() };
    let snapshot = session.snapshot(asked, true).await.expect("made");
    let told = snapshot.get().await.expect("known");
    assert_eq!((told.labels["a"].as_str(), told.left_out[0].path.as_str()), ("b", "main.held"));
    session.run("x = 0").await.expect("it ran");
    let begun = snapshot.session(v1::Session::default()).await.expect("a session");
    assert_eq!(begun.run("x + 1").await.expect("it ran").completed().expect("completed").result, value(21));
    let data = snapshot.export().await.expect("its bytes");
    let again = typhon.import_snapshot(v1::Snapshot::default(), &data).await.expect("taken");
    let end = again.stream("x").end().await.expect("it ran");
    assert_eq!(end.completed().expect("completed").result, value(20));
    let error = typhon.import_snapshot(v1::Snapshot::default(), &data[1..]).await.expect_err("changed");
    assert_eq!(error.reason(), Some("SNAPSHOT_INVALID"));
    again.clone().delete().await.expect("deleted");
    assert_eq!(again.get().await.expect_err("gone").reason(), Some("SNAPSHOT_NOT_FOUND"));
    assert_eq!(typhon.snapshot(snapshot.name(), "").get().await.expect("there").digest, told.digest);
}

#[tokio::test]
async fn started_executions_are_found_again() {
    let (_server, typhon) = serve(&[]).await;
    let execution = typhon.start("for i in range(3): print(i, flush=True)").await.expect("started");
    assert_eq!(execution.end().await.expect("its end").stdout, b"0\n1\n2\n");
    let last = execution.get().await.expect("known").last_sequence;
    // From the middle there is the end, and not what was before it.
    let end = execution.attach(last - 1).end().await.expect("its end");
    assert!(end.stdout.is_empty() && end.completed().is_ok());
    execution.delete().await.expect("deleted");
    let endless = typhon.start("print('on', flush=True)\nwhile True: pass").await.expect("started");
    // One that has not begun would be refused instead.
    assert_eq!(endless.attach(0).next().await.expect("output").expect("some").data, b"on\n");
    endless.cancel().await.expect("told");
    assert_eq!(endless.end().await.expect("its end").reason(), v1::TerminationReason::CancelledByClient);
}

#[tokio::test]
async fn programs_call_functions_of_this_process() {
    let (_server, typhon) = serve(&[]).await;
    let functions = Functions::new()
        .add("double", async |call: typhon_client::Call| match &call.args[0].kind {
            Some(v1::value::Kind::IntValue(number)) => Ok(number * 2),
            _ => Err(Raise::new("TypeError", "a number, please")),
        })
        .add("never", async |_| std::future::pending::<Result<(), Raise>>().await);
    let source = "
calls = [double.begin(n) for n in range(5)]
print([call.result() for call in calls])
try:
    double('x')
except TypeError as error:
    print(error)
never.begin().cancel()";
    let end = typhon.interact(source, functions).end().await.expect("it ran");
    end.completed().expect("it completed");
    assert_eq!(end.stdout, b"[0, 2, 4, 6, 8]\na number, please\n");
}

/// A way to the server that can be cut.
async fn cuttable(server: &typhon_service::Server) -> (String, tokio::sync::watch::Sender<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (url, target) = (format!("http://{}", listener.local_addr().expect("bound")), server.address().to_string());
    let (cut, cuts) = tokio::sync::watch::channel(());
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let (target, mut cuts) = (target.clone(), cuts.clone());
            cuts.mark_unchanged();
            tokio::spawn(async move {
                let mut far = tokio::net::TcpStream::connect(target).await.expect("the server");
                tokio::select! {
                    // Whichever side ends first.
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    _ = cuts.changed() => {}
                }
            });
        }
    });
    (url, cut)
}

#[tokio::test]
async fn a_stream_that_breaks_goes_on_where_it_was() {
    let (server, _) = serve(&[]).await;
    let (url, cut) = cuttable(&server).await;
    let typhon = Client::connect(Server::at(url)).await.expect("a connection");
    let source = "import time\nfor i in range(40):\n    print(i, flush=True)\n    time.sleep(.02)\n'end'";
    let mut run = typhon.stream(source);
    let mut seen = Vec::new();
    while let Some(chunk) = run.next().await.expect("it goes on") {
        assert_eq!(chunk.offset as usize, seen.len());
        seen.extend_from_slice(&chunk.data);
        if seen.len() % 3 == 0 {
            cut.send_replace(());
        }
    }
    let wanted: String = (0..40).map(|i| format!("{i}\n")).collect();
    assert_eq!(String::from_utf8_lossy(&seen), wanted);
    assert_eq!(run.end().await.expect("its end").completed().expect("completed").result, value("end"));
    // Without ids that is the end of it.
    let mut run = typhon.clone().with_retry(Retry::never()).stream("print(1, flush=True)\nwhile True: pass");
    run.next().await.expect("output");
    cut.send_replace(());
    assert!(matches!(run.next().await, Err(Error::Lost { .. })));
}

#[tokio::test]
async fn files_of_a_session_are_written_and_read() {
    let (_server, typhon) = serve(&[]).await;
    let session = typhon.session(v1::Session::default()).await.expect("a session");
    let data: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
    let written = session.write_file("data/in.bin", &data).await.expect("written");
    assert_eq!((written.size_bytes, written.folder), (200_000, false));
    let end = session.run("data = open('data/in.bin', 'rb').read()\nopen('out', 'w').write('done')\nlen(data)").await;
    assert_eq!(end.expect("it ran").completed().expect("it completed").result, value(200_000));
    assert_eq!(session.read_file("out").await.expect("read"), b"done");
    assert_eq!(session.read_file("data/in.bin").await.expect("read"), data);
    let names = |files: Vec<v1::File>| files.into_iter().map(|file| file.path).collect::<Vec<_>>();
    assert_eq!(names(session.list_files("").await.expect("listed")), ["./data", "./out"]);
    assert!(session.stat_file("data").await.expect("known").folder);
    session.delete_file("out").await.expect("deleted");
    let error = session.read_file("out").await.expect_err("gone");
    assert_eq!(error.reason(), Some("FILE_NOT_FOUND"));
}

/// Copies want processes, which `cli/tests/worker/templates.rs` has.
#[tokio::test]
async fn templates_are_asked_for() {
    let (_server, typhon) = serve(&[]).await;
    let error = typhon.template(v1::Template::default(), "import json").await.expect_err("no processes here");
    assert_eq!(error.reason(), Some("FEATURE_UNSUPPORTED"));
    let error = typhon.attach_template("templates/none", "").get().await.expect_err("nor any template");
    assert_eq!(error.reason(), Some("TEMPLATE_NOT_FOUND"));
    let session = typhon.session(v1::Session::default()).await.expect("a session");
    session.run("x = 1").await.expect("it ran");
    let error = session.fork(2).await.expect_err("it shares its process");
    assert_eq!(error.reason(), Some("SESSION_NOT_FORKABLE"));
}
