//! Templates and forks: what a copy has, and what it does not share.

use tonic::{Code, Status};
use tonic_types::StatusExt;
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::execute_request::Target;
use typhon_proto::v1::session_service_client::SessionServiceClient;
use typhon_proto::v1::template_service_client::TemplateServiceClient;
use typhon_proto::v1::value::Kind;

use crate::{Fixture, exception, reason, source, start};

fn templates(fixture: &Fixture) -> TemplateServiceClient<tonic::transport::Channel> {
    TemplateServiceClient::new(fixture.channel.clone())
}

fn sessions(fixture: &Fixture) -> SessionServiceClient<tonic::transport::Channel> {
    SessionServiceClient::new(fixture.channel.clone())
}

async fn create(fixture: &Fixture, template: v1::Template, text: &str) -> Result<v1::CreateTemplateResponse, Status> {
    let source = v1::Source { text: text.into(), filename: "warm.py".into() };
    let request = v1::CreateTemplateRequest { template: Some(template), source: Some(source) };
    templates(fixture).create_template(request).await.map(tonic::Response::into_inner)
}

async fn created(fixture: &Fixture, text: &str) -> v1::Template {
    let made = create(fixture, v1::Template::default(), text).await.expect("an answer");
    made.template.unwrap_or_else(|| panic!("no template: {:?}", made.response))
}

async fn run(fixture: &Fixture, target: Target, text: &str) -> v1::ExecuteResponse {
    let request = v1::ExecuteRequest { target: Some(target), ..source(text) };
    fixture.client.clone().execute(request).await.expect("an answer").into_inner()
}

fn kind(response: v1::ExecuteResponse) -> Kind {
    let outcome = response.outcome;
    response.result.and_then(|value| value.kind).unwrap_or_else(|| panic!("no result: {outcome:?}"))
}

const WARM: &str = "
import json, dataclasses, asyncio, random, os
table = {n: str(n) for n in range(20000)}
count = 0
def bump():
    global count
    count += 1
    return count
";

/// Goes round until a loop of it has been compiled.
const HOT: &str = "
import sys
def hot(n):
    x = 1
    for i in range(n):
        x = x * 5 + i & 1023
    return x
def entered():
    return sys._typhon_stats()['jit_entered']
before = entered()
while entered() == before:
    hot(3000)
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_starts_from_a_template_compiles_for_itself() {
    let fixture = start(&[]).await;
    let template = created(&fixture, WARM).await;
    for _ in 0..2 {
        let response = run(&fixture, Target::Template(template.name.clone()), HOT).await;
        assert_eq!(reason(&response), Reason::Completed, "{:?}", response.outcome);
        assert!(response.usage.is_some_and(|usage| usage.jit_code_bytes > 0), "it pays for what was made");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_starts_from_a_template_has_all_of_it_and_shares_nothing() {
    let fixture = start(&[]).await;
    let template = created(&fixture, WARM).await;
    assert!(template.heap_bytes > 1 << 20, "{}", template.heap_bytes);
    let from = || Target::Template(template.name.clone());
    let mut processes = std::collections::HashSet::new();
    let mut drawn = std::collections::HashSet::new();
    for _ in 0..5 {
        let response = run(
            &fixture,
            from(),
            "import sys\n[bump(), len(table), os.getpid(), random.random(), 'asyncio' in sys.modules]",
        )
        .await;
        assert!(response.session.is_empty() && !response.outcome.as_ref().expect("an outcome").session_survives);
        let usage = response.usage.as_ref().expect("usage");
        assert_eq!(usage.isolate_source(), v1::usage::IsolateSource::Fork);
        assert!(usage.start_time_cost.is_some_and(|cost| cost.seconds > 0 || cost.nanos > 0), "to have the copy");
        let Kind::ListValue(list) = kind(response) else { panic!("no list") };
        let mut kinds = list.items.into_iter().filter_map(|item| item.kind);
        assert_eq!(kinds.next(), Some(Kind::IntValue(1)), "each begins where the warm-up stopped");
        assert_eq!(kinds.next(), Some(Kind::IntValue(20000)));
        let Some(Kind::IntValue(pid)) = kinds.next() else { panic!("no process") };
        assert!(processes.insert(pid), "each has a process of its own");
        let Some(Kind::FloatValue(number)) = kinds.next() else { panic!("no number") };
        assert!(drawn.insert(number.to_bits()), "each draws its own numbers");
        assert_eq!(kinds.next(), Some(Kind::BoolValue(true)));
    }
    // A copy runs what any isolate does: threads, collections, a loop of coroutines, exceptions.
    let text = "
import threading, gc
seen = []
ts = [threading.Thread(target=lambda: seen.append(bump())) for _ in range(4)]
[t.start() for t in ts]; [t.join() for t in ts]
gc.collect()
sorted(seen)";
    let response = run(&fixture, from(), text).await;
    let want = (1..5).map(|n| v1::Value { kind: Some(Kind::IntValue(n)) }).collect();
    assert_eq!(kind(response), Kind::ListValue(v1::ValueList { items: want }));
    assert_eq!(exception(&run(&fixture, from(), "1/0").await).0, "ZeroDivisionError");
    let stopped = v1::Limits { wall_time: crate::millis(50), ..v1::Limits::default() };
    let request = v1::ExecuteRequest { target: Some(from()), limits: Some(stopped), ..source("while True: bump()") };
    let response = fixture.client.clone().execute(request).await.expect("an answer").into_inner();
    assert_eq!(reason(&response), Reason::WallTime);

    let seen = templates(&fixture).get_template(v1::GetTemplateRequest { name: template.name.clone() }).await;
    assert_eq!(seen.expect("there").into_inner().template.expect("itself").use_count, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_of_a_template_goes_on_by_itself_and_can_be_reset_to_it() {
    let fixture = start(&[]).await;
    let template = created(&fixture, WARM).await;
    let session = v1::Session { template: template.name.clone(), ..v1::Session::default() };
    let request = v1::CreateSessionRequest { session: Some(session), ..v1::CreateSessionRequest::default() };
    let session = sessions(&fixture).create_session(request).await.expect("made").into_inner().session.expect("itself");
    assert_eq!((session.isolation(), &session.template), (v1::IsolationLevel::DedicatedProcess, &template.name));
    let within = || Target::Session(session.name.clone());
    for n in 1..4 {
        assert_eq!(kind(run(&fixture, within(), "bump()").await), Kind::IntValue(n));
    }
    // The template's end is not its own.
    let delete = || v1::DeleteTemplateRequest { name: template.name.clone() };
    templates(&fixture).delete_template(delete()).await.expect("there");
    let status = templates(&fixture).delete_template(delete()).await.expect_err("gone");
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(kind(run(&fixture, within(), "bump()").await), Kind::IntValue(4));
    sessions(&fixture).reset_session(v1::ResetSessionRequest { name: session.name.clone() }).await.expect("reset");
    assert_eq!(kind(run(&fixture, within(), "bump()").await), Kind::IntValue(1));
}

/// A server whose sessions outlive it, in this folder.
async fn lasting(folder: &std::path::Path) -> Fixture {
    let (store, key) = (folder.join("store"), folder.join("key"));
    std::fs::write(&key, "0123456789abcdef".repeat(4)).expect("a key");
    let (store, key) = (store.to_str().expect("text"), key.to_str().expect("text"));
    start(&[("snapshot_store", store), ("snapshot_key_file", key), ("drain_grace", "0s")]).await
}

async fn of_template(fixture: &Fixture, template: &v1::Template) -> v1::Session {
    let session = v1::Session { template: template.name.clone(), ..v1::Session::default() };
    let request = v1::CreateSessionRequest { session: Some(session), ..v1::CreateSessionRequest::default() };
    sessions(fixture).create_session(request).await.expect("made").into_inner().session.expect("itself")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_of_a_template_can_be_reset_to_it_at_another_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = lasting(folder.path()).await;
    let policy = v1::Policy { deterministic: true, ..v1::Policy::default() };
    let asked = v1::Template { policy: Some(policy), ..v1::Template::default() };
    let warm = format!("{WARM}\nrandom.random(), os.urandom(3)\nopen('notes', 'w').write('warm')");
    let template = create(&first, asked, &warm).await.expect("an answer").template.expect("it completed");
    let (used, unused) = (of_template(&first, &template).await.name, of_template(&first, &template).await.name);
    let look = "[bump(), len(table), open('notes').read(), random.random(), os.urandom(4)]";
    let begun = kind(run(&first, Target::Session(used.clone()), look).await);
    run(&first, Target::Session(used.clone()), "table.clear(); open('notes', 'w').write('own')").await;
    first.server.drain(std::future::pending()).await.expect("drained");

    let second = lasting(folder.path()).await;
    // It goes on, and one that had not begun begins where the template stopped.
    assert_eq!(kind(run(&second, Target::Session(used.clone()), "bump() + len(table)").await), Kind::IntValue(2));
    assert_eq!(kind(run(&second, Target::Session(unused.clone()), look).await), begun);
    let reset = |fixture: &Fixture| {
        let (mut client, name) = (sessions(fixture), used.clone());
        async move { client.reset_session(v1::ResetSessionRequest { name }).await.map(tonic::Response::into_inner) }
    };
    let seen = reset(&second).await.expect("reset").session.expect("itself");
    assert_eq!((seen.template.as_str(), seen.snapshot.as_str()), (template.name.as_str(), ""));
    assert_eq!(kind(run(&second, Target::Session(used.clone()), look).await), begun);
    // And again, where nobody has ever seen the template.
    second.server.drain(std::future::pending()).await.expect("drained");
    let third = lasting(folder.path()).await;
    assert_eq!(kind(run(&third, Target::Session(used.clone()), "bump()").await), Kind::IntValue(2));
    reset(&third).await.expect("reset");
    assert_eq!(kind(run(&third, Target::Session(used.clone()), look).await), begun);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_that_cannot_be_stored_stays_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = lasting(folder.path()).await;
    let template = created(&first, "x = 1\ng = (n for n in [1, 2])\nnext(g)").await;
    let (used, unused) = (of_template(&first, &template).await.name, of_template(&first, &template).await.name);
    run(&first, Target::Session(used.clone()), "del g").await;
    first.server.drain(std::future::pending()).await.expect("drained");

    let second = lasting(folder.path()).await;
    assert_eq!(kind(run(&second, Target::Session(used.clone()), "x").await), Kind::IntValue(1));
    let told = |status: Status| status.get_details_error_info().expect("an ErrorInfo");
    let reset = sessions(&second).reset_session(v1::ResetSessionRequest { name: used }).await;
    assert_eq!(told(reset.expect_err("there is nothing to go back to")).reason, "TEMPLATE_NOT_FOUND");
    // One that has not begun has nothing else to begin from.
    let request = v1::ExecuteRequest { target: Some(Target::Session(unused)), ..source("x") };
    let lost = told(second.client.clone().execute(request).await.expect_err("it is lost"));
    assert_eq!((lost.reason.as_str(), lost.metadata["path"].as_str()), ("SESSION_LOST", "main.g"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forks_of_a_session_part_ways() {
    let fixture = start(&[]).await;
    let create = |isolation: v1::IsolationLevel| {
        let policy = v1::Policy { isolation: isolation.into(), ..v1::Policy::default() };
        let session = v1::Session { policy: Some(policy), ..v1::Session::default() };
        let mut client = sessions(&fixture);
        async move {
            let request = v1::CreateSessionRequest { session: Some(session), ..v1::CreateSessionRequest::default() };
            client.create_session(request).await.expect("made").into_inner().session.expect("itself").name
        }
    };
    let fork = |name: &str, count| {
        let request = v1::ForkSessionRequest { name: name.to_owned(), count };
        let mut client = sessions(&fixture);
        async move { client.fork_session(request).await.map(|response| response.into_inner().sessions) }
    };
    let name = create(v1::IsolationLevel::DedicatedProcess).await;
    run(&fixture, Target::Session(name.clone()), "x = [1]\ndef f():\n yield 10\n yield 20\ng = f()\nnext(g)").await;
    let forked = fork(&name, 3).await.expect("three");
    assert_eq!(forked.len(), 3);
    for (n, session) in forked.iter().enumerate() {
        let text = format!("x.append({n})\n(x, next(g))");
        let Kind::TupleValue(tuple) = kind(run(&fixture, Target::Session(session.name.clone()), &text).await) else {
            panic!("no tuple")
        };
        assert_eq!(tuple.items[1].kind, Some(Kind::IntValue(20)), "where the generator stood");
    }
    let len = run(&fixture, Target::Session(name.clone()), "len(x)").await;
    assert_eq!(kind(len), Kind::IntValue(1), "the first knows nothing of the others");
    // A fork can be forked.
    let again = fork(&forked[1].name, 1).await.expect("one");
    assert_eq!(kind(run(&fixture, Target::Session(again[0].name.clone()), "x[1]").await), Kind::IntValue(1));

    let why = |status: Status| {
        let info = status.get_details_error_info().expect("an ErrorInfo");
        assert_eq!((status.code(), info.reason.as_str()), (Code::FailedPrecondition, "SESSION_NOT_FORKABLE"));
        info.metadata["why"].clone()
    };
    let text = "import threading\nstop = threading.Event()\nthreading.Thread(target=stop.wait).start()";
    run(&fixture, Target::Session(name.clone()), text).await;
    assert!(why(fork(&name, 1).await.expect_err("threads")).contains("threads"));
    let shared = create(v1::IsolationLevel::WorkerProcess).await;
    run(&fixture, Target::Session(shared.clone()), "1").await;
    assert!(why(fork(&shared, 1).await.expect_err("shared")).contains("DEDICATED_PROCESS"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warm_up_that_fails_makes_no_template_and_says_why() {
    let fixture = start(&[]).await;
    let made = create(&fixture, v1::Template::default(), "1/0").await.expect("an answer");
    assert!(made.template.is_none());
    assert_eq!(exception(&made.response.expect("its end")).0, "ZeroDivisionError");
    let bad =
        create(&fixture, v1::Template { env: [("=".into(), String::new())].into(), ..v1::Template::default() }, "1");
    let fields = bad.await.expect_err("refused").get_details_bad_request().expect("fields").field_violations;
    assert_eq!(fields[0].field, "template.env[\"=\"]");
    let list = templates(&fixture).list_templates(v1::ListTemplatesRequest::default()).await.expect("a page");
    assert!(list.into_inner().templates.is_empty());
    let request = v1::ExecuteRequest { target: Some(Target::Template("templates/0".into())), ..source("1") };
    let status = fixture.client.clone().execute(request).await.expect_err("not there");
    assert_eq!(status.get_details_error_info().expect("an ErrorInfo").reason, "TEMPLATE_NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_that_import_find_preloaded_modules_and_end_as_any_program() {
    let fixture = start(&[("preload", "json dataclasses random")]).await;
    let source_of = |response: &v1::ExecuteResponse| response.usage.as_ref().expect("usage").isolate_source();
    let text = "
import sys, atexit, random
atexit.register(print, 'bye')
class D:
    def __del__(self): print('gone')
d = D()
names = sorted(name for name in globals() if not name.startswith('__'))
(names, sys.argv, 'dataclasses' in sys.modules, random.random())";
    let run = || async {
        let request = v1::ExecuteRequest { argv: vec!["a.py".into(), "b".into()], ..source(text) };
        fixture.client.clone().execute(request).await.expect("an answer").into_inner()
    };
    // Until it is there, programs run without it.
    let first = loop {
        let response = run().await;
        assert_eq!(reason(&response), Reason::Completed, "{:?}", response.outcome);
        if source_of(&response) == v1::usage::IsolateSource::Fork {
            break response;
        }
    };
    let second = run().await;
    assert_eq!(first.stdout.as_ref().expect("output").data, b"bye\ngone\n");
    let shown = |response: v1::ExecuteResponse| match kind(response) {
        Kind::TupleValue(tuple) => tuple.items.into_iter().filter_map(|item| item.kind).collect::<Vec<_>>(),
        other => panic!("no tuple: {other:?}"),
    };
    let (first, second) = (shown(first), shown(second));
    let texts = |texts: &[&str]| {
        let items = texts.iter().map(|text| v1::Value { kind: Some(Kind::StrValue((*text).into())) });
        Kind::ListValue(v1::ValueList { items: items.collect() })
    };
    assert_eq!(first[0], texts(&["D", "atexit", "d", "random", "sys"]));
    assert_eq!(first[1], texts(&["a.py", "b"]));
    assert_eq!(first[2], Kind::BoolValue(true));
    assert_ne!(first[3], second[3], "each draws its own numbers");
    // What imports nothing does not pay for it.
    let plain = fixture.client.clone().execute(source("1+1")).await.expect("an answer").into_inner();
    assert_eq!(source_of(&plain), v1::usage::IsolateSource::Cold);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_in_rust_makes_and_uses_them() {
    let fixture = start(&[]).await;
    let server = typhon_client::Server::at(format!("http://{}", fixture.server.address()));
    let typhon = typhon_client::Client::connect(server).await.expect("a connection");
    let told = typhon.template(v1::Template::default(), "1 / 0").await.expect("an answer").expect_err("it raised");
    assert_eq!(reason(&told), Reason::Exception);
    let template = typhon.template(v1::Template::default(), WARM).await.expect("an answer").expect("it completed");
    let number = |end: &typhon_client::End| match &end.response.result {
        Some(v1::Value { kind: Some(Kind::IntValue(n)) }) => *n,
        other => panic!("no number: {other:?}"),
    };
    let end = template.stream("bump() + len(table)").end().await.expect("it ran");
    assert_eq!(number(&end), 20_001);
    let session = template.session(v1::Session::default()).await.expect("a session");
    assert_eq!(number(&session.run("bump()").await.expect("it ran")), 1);
    let copies = session.fork(2).await.expect("copies");
    assert_eq!(number(&session.run("bump() + bump()").await.expect("it ran")), 5);
    for copy in &copies {
        assert_eq!(number(&copy.run("bump()").await.expect("it ran")), 2);
    }
    session.reset().await.expect("reset");
    assert_eq!(number(&session.run("bump()").await.expect("it ran")), 1);
    assert_eq!(template.get().await.expect("known").name, template.name());
    template.delete().await.expect("deleted");
}
