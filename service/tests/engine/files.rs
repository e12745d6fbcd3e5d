//! Files in memory: what programs see of them, and what clients do.

use tonic::{Code, Status};
use tonic_types::StatusExt;
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::file_service_client::FileServiceClient;
use typhon_proto::v1::session_service_client::SessionServiceClient;
use typhon_proto::v1::value::Kind;
use typhon_proto::v1::write_file_request::Message;

use crate::{Fixture, exception, limited, reason, source, start};

async fn open(fixture: &Fixture, limits: v1::Limits) -> String {
    let session = v1::Session { limits: Some(limits), ..v1::Session::default() };
    let request = v1::CreateSessionRequest { session: Some(session), ..v1::CreateSessionRequest::default() };
    let mut client = SessionServiceClient::new(fixture.channel.clone());
    client.create_session(request).await.expect("a session").into_inner().session.expect("its state").name
}

fn files(fixture: &Fixture) -> FileServiceClient<tonic::transport::Channel> {
    FileServiceClient::new(fixture.channel.clone())
}

async fn write(fixture: &Fixture, session: &str, path: &str, data: &[u8]) -> Result<v1::File, Status> {
    let start = v1::WriteFileStart { session: session.into(), path: path.into() };
    let first = v1::WriteFileRequest { message: Some(Message::Start(start)) };
    let pieces = data.chunks(70_000).map(|data| v1::WriteFileRequest { message: Some(Message::Data(data.to_vec())) });
    let messages: Vec<_> = std::iter::once(first).chain(pieces).collect();
    let response = files(fixture).write_file(tokio_stream::iter(messages)).await?;
    Ok(response.into_inner().file.expect("the file"))
}

async fn read(fixture: &Fixture, request: v1::ReadFileRequest) -> Result<Vec<u8>, Status> {
    let mut stream = files(fixture).read_file(request).await?.into_inner();
    let mut data = Vec::new();
    while let Some(piece) = stream.message().await? {
        data.extend(piece.data);
    }
    Ok(data)
}

fn whole(session: &str, path: &str) -> v1::ReadFileRequest {
    v1::ReadFileRequest { session: session.into(), path: path.into(), ..v1::ReadFileRequest::default() }
}

async fn run(fixture: &Fixture, session: &str, text: &str) -> v1::ExecuteResponse {
    let target = Some(v1::execute_request::Target::Session(session.to_owned()));
    let request = v1::ExecuteRequest { target, ..source(text) };
    fixture.client.clone().execute(request).await.expect("an answer").into_inner()
}

fn text(response: &v1::ExecuteResponse) -> String {
    match response.result.clone().and_then(|value| value.kind) {
        Some(Kind::StrValue(text)) => text,
        other => panic!("no text: {other:?} {:?}", response.outcome),
    }
}

fn why(status: &Status) -> (Code, String) {
    (status.code(), status.get_details_error_info().expect("an ErrorInfo").reason)
}

/// What programs do with files, in one: it says so where anything is not as on a system's.
const PROGRAM: &str = r#"
import os, shutil, tempfile, pathlib, io, json, csv, zipfile
assert os.getcwd() == '/work' and sorted(os.listdir('/')) == ['tmp', 'work']
with open('a.txt', 'w') as f: f.write('one\ntwo\n')
with open('a.txt') as f: assert f.readlines() == ['one\n', 'two\n']
with open('a.txt', 'a') as f: f.write('three\n')
assert open('a.txt').read().split() == ['one', 'two', 'three']
with open('a.txt', 'r+b') as f:
    f.seek(4); f.write(b'TWO'); f.seek(0, 2); assert f.tell() == 14
    f.truncate(7); f.seek(0); assert f.read() == b'one\nTWO'
assert os.stat('a.txt').st_size == 7 and os.path.isfile('a.txt') and not os.path.isdir('a.txt')
os.makedirs('d/e/f'); pathlib.Path('d/e/g.json').write_text(json.dumps({'x': 1}))
assert json.loads(pathlib.Path('/work/d/e/../e/g.json').read_text()) == {'x': 1}
assert [sorted((sorted(d), sorted(f))) for _, d, f in os.walk('d')] == [[[], ['e']], [['f'], ['g.json']], [[], []]]
assert sorted(e.name for e in os.scandir('d/e') if e.is_dir()) == ['f']
os.rename('d/e/g.json', 'd/h.json'); os.replace('d/h.json', 'a2.txt')
assert sorted(os.listdir()) == ['a.txt', 'a2.txt', 'd']
for bad, kind in [(lambda: open('nothing'), FileNotFoundError), (lambda: open('d'), IsADirectoryError),
                  (lambda: os.listdir('a.txt'), NotADirectoryError), (lambda: os.mkdir('d'), FileExistsError),
                  (lambda: open('a.txt', 'x'), FileExistsError), (lambda: os.rmdir('d'), OSError),
                  (lambda: os.rename('d', 'd/e/x'), OSError), (lambda: os.unlink('d'), OSError),
                  (lambda: open('/etc/passwd'), FileNotFoundError), (lambda: os.listdir('/proc'), FileNotFoundError),
                  (lambda: os.symlink('/etc/passwd', 'p'), PermissionError), (lambda: os.stat('a.txt/x'), NotADirectoryError)]:
    try: bad()
    except kind: pass
    else: raise AssertionError(kind)
with tempfile.TemporaryDirectory() as t:
    shutil.copy('a.txt', t); shutil.copytree('d', os.path.join(t, 'd')); assert sorted(os.listdir(t)) == ['a.txt', 'd']
assert not os.path.exists(t)
with tempfile.NamedTemporaryFile('w+') as f:
    print('x', file=f, flush=True); f.seek(0); assert f.read() == 'x\n'
with zipfile.ZipFile('z.zip', 'w') as z: z.write('a.txt')
assert zipfile.ZipFile('z.zip').read('a.txt') == b'one\nTWO'
fd = os.open('a.txt', os.O_RDWR); other = os.dup(fd)
assert os.read(fd, 3) == b'one' and os.pread(fd, 3, 4) == b'TWO' and os.fstat(other).st_size == 7
os.write(fd, b'!'); os.lseek(fd, 0, 0); assert os.read(fd, 100) == b'one!TWO'
os.unlink('a.txt'); assert os.read(other, 3) == b'one'
os.close(fd); os.close(other)
try: os.read(fd, 1)
except OSError as e: assert e.errno == 9
os.chdir('d/e'); assert os.getcwd() == '/work/d/e'; shutil.rmtree('/work/d/e/f'); os.chdir('/work')
os.utime('a2.txt', (1, 2)); assert os.stat('a2.txt').st_mtime == 2
shutil.rmtree('d')
' '.join(sorted(os.listdir('/work')))
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_have_files_of_their_own() {
    let fixture = start(&[]).await;
    let session = open(&fixture, v1::Limits::default()).await;
    assert_eq!(text(&run(&fixture, &session, PROGRAM).await), "a2.txt z.zip");
    assert_eq!(text(&run(&fixture, &session, "import os\n' '.join(sorted(os.listdir()))").await), "a2.txt z.zip");
    // Nobody else has them, and neither has the next program that begins afresh.
    let other = open(&fixture, v1::Limits::default()).await;
    assert_eq!(text(&run(&fixture, &other, "import os\n' '.join(os.listdir())").await), "");
    let mut client = fixture.client.clone();
    for _ in 0..2 {
        let response = client.execute(source(PROGRAM)).await.expect("an answer").into_inner();
        assert_eq!(text(&response), "a2.txt z.zip");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_brings_files_along() {
    let mut fixture = start(&[]).await;
    let file = |path: &str, content: &[u8]| v1::InputFile {
        path: path.into(),
        data: Some(v1::input_file::Data::Content(content.to_vec())),
    };
    let files = vec![file("in/x.csv", b"a,b\n1,2\n"), file("/tmp/y", b""), file("z", &[0xff; 100_000])];
    let program =
        "import csv, os\nstr([list(csv.reader(open('in/x.csv'))), os.path.getsize('/tmp/y'), os.path.getsize('z')])";
    let request = v1::ExecuteRequest { files: files.clone(), ..source(program) };
    let response = fixture.client.execute(request).await.expect("an answer").into_inner();
    assert_eq!(text(&response), "[[['a', 'b'], ['1', '2']], 0, 100000]");
    // What has no place is the program's own to hear of.
    for (files, class) in
        [(vec![file("/", b"x")], "IsADirectoryError"), (vec![file("a", b""), file("a/b", b"")], "NotADirectoryError")]
    {
        let request = v1::ExecuteRequest { files, ..source("1") };
        let response = fixture.client.execute(request).await.expect("an answer").into_inner();
        assert_eq!((reason(&response), exception(&response).0.as_str()), (Reason::Exception, class));
    }
    let limits = v1::Limits { file_bytes: Some(1000), ..v1::Limits::default() };
    let request = v1::ExecuteRequest { files, ..limited("1", limits) };
    let response = fixture.client.execute(request).await.expect("an answer").into_inner();
    assert_eq!(exception(&response).0, "OSError");
}

fn blob(path: &str, name: String) -> v1::InputFile {
    v1::InputFile { path: path.into(), data: Some(v1::input_file::Data::Blob(name)) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_names_files_of_sessions() {
    let mut fixture = start(&[("file_bytes_max", "1MiB"), ("executions_max", "10")]).await;
    let session = open(&fixture, v1::Limits::default()).await;
    write(&fixture, &session, "data/table.csv", &b"1,2\n".repeat(50_000)).await.expect("written");
    run(&fixture, &session, "open('/tmp/own', 'wb').write(b'own')").await;
    let named = |path: &str| format!("{session}/{path}");
    let files = vec![blob("in.csv", named("data/table.csv")), blob("b", named("/tmp/own"))];
    let program = "import os\nstr([os.path.getsize('in.csv'), open('b').read(), os.path.exists('/tmp/own')])";
    let request = v1::ExecuteRequest { files: files.clone(), ..source(program) };
    let want = "[200000, 'own', False]";
    for _ in 0..2 {
        let response = fixture.client.execute(request.clone()).await.expect("an answer").into_inner();
        assert_eq!(text(&response), want);
    }
    // In a batch they are read once, and a retry is answered whatever became of them.
    let request_id = "0a1b2c3d-0000-4000-8000-0123456789ab".to_owned();
    let retried = v1::ExecuteRequest { request_id, ..request.clone() };
    let setup = v1::BatchSetup { request: Some(request.clone()), ..v1::BatchSetup::default() };
    let setup = v1::batch_execute_request::Message::Setup(Box::new(setup));
    let case = v1::batch_execute_request::Message::Case(Box::default());
    let messages = [setup, case].map(|message| v1::BatchExecuteRequest { message: Some(message) });
    let mut batch = fixture.client.batch_execute(tokio_stream::iter(messages)).await.expect("a stream").into_inner();
    let first = batch.message().await.expect("whole").expect("a verdict").message;
    let Some(v1::batch_execute_response::Message::Result(result)) = first else { panic!("no verdict") };
    assert_eq!(text(&result.response.expect("it ran")), want);
    assert_eq!(text(&fixture.client.execute(retried.clone()).await.expect("an answer").into_inner()), want);
    delete(&fixture, &session, "data/table.csv").await;
    assert_eq!(text(&fixture.client.execute(retried).await.expect("the same").into_inner()), want);

    let refused = |files: Vec<v1::InputFile>| {
        let mut client = fixture.client.clone();
        async move {
            let request = v1::ExecuteRequest { files, ..source("1") };
            why(&client.execute(request).await.expect_err("refused"))
        }
    };
    let not_found = |reason: &str| (Code::NotFound, reason.to_owned());
    assert_eq!(refused(files).await, not_found("FILE_NOT_FOUND"));
    assert_eq!(refused(vec![blob("x", "sessions/0/x".into())]).await, not_found("SESSION_NOT_FOUND"));
    for name in ["blobs/1", "sessions/0", "sessions//x", "sessions/0/", ""] {
        assert_eq!(refused(vec![blob("x", name.into())]).await.0, Code::InvalidArgument, "{name}");
    }
    assert_eq!(refused(vec![blob("x", named("/tmp"))]).await.1, "FILE_UNUSABLE");
    let most = vec![blob("x", named("/tmp/own")); 65];
    assert_eq!(refused(most).await, (Code::InvalidArgument, "INVALID_REQUEST".to_owned()));
    write(&fixture, &session, "half", &vec![0; 600 << 10]).await.expect("written");
    let twice = vec![blob("x", named("half")), blob("y", named("half"))];
    assert_eq!(refused(twice).await, (Code::ResourceExhausted, "PAYLOAD_TOO_LARGE".to_owned()));
}

async fn delete(fixture: &Fixture, session: &str, path: &str) {
    let request = v1::DeleteFileRequest { session: session.into(), path: path.into() };
    files(fixture).delete_file(request).await.expect("there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_read_and_write_the_files_of_a_session() {
    let fixture = start(&[]).await;
    let session = open(&fixture, v1::Limits::default()).await;
    let data: Vec<u8> = (0..300_000u32).flat_map(|n| n.to_le_bytes()).collect();
    // Before anything has run in it.
    let file = write(&fixture, &session, "deep/er/data.bin", &data).await.expect("it is written");
    assert_eq!((file.path.as_str(), file.size_bytes, file.folder), ("deep/er/data.bin", 1_200_000, false));
    let sum = "str(sum(open('deep/er/data.bin', 'rb').read()))";
    assert_eq!(text(&run(&fixture, &session, sum).await), data.iter().map(|b| u64::from(*b)).sum::<u64>().to_string());
    run(&fixture, &session, "open('made', 'w').write('x' * 10)").await;
    assert_eq!(read(&fixture, whole(&session, "/work/made")).await.expect("it is there"), b"xxxxxxxxxx");
    assert!(read(&fixture, whole(&session, "deep/er/data.bin")).await.expect("it is there") == data);
    let part = v1::ReadFileRequest { offset: 70_000, length: 70_000, ..whole(&session, "deep/er/data.bin") };
    assert!(read(&fixture, part).await.expect("it is there") == data[70_000..140_000]);
    let past = v1::ReadFileRequest { offset: 1 << 40, ..whole(&session, "made") };
    assert!(read(&fixture, past).await.expect("it is there").is_empty());

    let list = |page_size, page_token: &str| v1::ListFilesRequest {
        session: session.clone(),
        path: "/work".into(),
        page_size,
        page_token: page_token.into(),
    };
    let page = files(&fixture).list_files(list(1, "")).await.expect("a page").into_inner();
    assert_eq!((page.files[0].path.as_str(), page.files[0].folder), ("/work/deep", true));
    let page = files(&fixture).list_files(list(1, &page.next_page_token)).await.expect("a page").into_inner();
    assert_eq!((page.files[0].path.as_str(), page.next_page_token.as_str()), ("/work/made", ""));

    let stat = v1::StatFileRequest { session: session.clone(), path: "made".into() };
    let file = files(&fixture).stat_file(stat).await.expect("it is there").into_inner().file.expect("the file");
    assert_eq!(file.size_bytes, 10);
    let delete = |path: &str| v1::DeleteFileRequest { session: session.clone(), path: path.into() };
    files(&fixture).delete_file(delete("made")).await.expect("it goes");
    let gone = files(&fixture).delete_file(delete("made")).await.expect_err("it is gone");
    assert_eq!(why(&gone), (Code::NotFound, "FILE_NOT_FOUND".into()));
    let full = files(&fixture).delete_file(delete("deep")).await.expect_err("it is not empty");
    assert_eq!(why(&full), (Code::FailedPrecondition, "FILE_UNUSABLE".into()));
    let folder = read(&fixture, whole(&session, "deep")).await.expect_err("a folder");
    assert_eq!(why(&folder), (Code::FailedPrecondition, "FILE_UNUSABLE".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_stay_within_their_limits() {
    let fixture = start(&[]).await;
    let limits =
        v1::Limits { file_bytes: Some(10_000), file_count: Some(12), open_files: Some(4), ..v1::Limits::default() };
    let session = open(&fixture, limits).await;
    let refused = write(&fixture, &session, "x", &[1; 10_001]).await.expect_err("too large");
    assert_eq!(why(&refused), (Code::ResourceExhausted, "FILES_FULL".into()));
    write(&fixture, &session, "x", &[1; 9000]).await.expect("it fits");
    let program = "
import os, errno
def fails(f):
    try: f()
    except OSError as e: return errno.errorcode[e.errno]
def many():
    for n in range(20): open(str(n), 'w').close()
def opened(): held = [open('x') for _ in range(5)]
def sparse():
    with open('y', 'wb') as f: f.truncate(1 << 40)
' '.join(map(str, [fails(lambda: open('y', 'wb', 0).write(bytes(2000))), fails(sparse), fails(many), fails(opened)]))";
    assert_eq!(text(&run(&fixture, &session, program).await), "ENOSPC ENOSPC ENOSPC EMFILE");
    // They are the isolate's memory, too.
    let limits = v1::Limits { heap_bytes: Some(16 << 20), ..v1::Limits::default() };
    let session = open(&fixture, limits).await;
    let response = run(&fixture, &session, "f = open('x', 'wb', 0)\nwhile True: f.write(bytes(100_000))").await;
    assert_eq!(reason(&response), Reason::Memory, "{:?}", response.outcome);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_at_work_is_busy() {
    let fixture = start(&[("workers", "2")]).await;
    let session = open(&fixture, v1::Limits::default()).await;
    let runs = {
        let (mut client, session) = (fixture.client.clone(), session.clone());
        let target = Some(v1::execute_request::Target::Session(session));
        let request = v1::ExecuteRequest { target, ..source("import time\nwhile not stop: time.sleep(0.01)\n") };
        let mut request = request;
        request.inputs.insert("stop".into(), v1::Value { kind: Some(Kind::BoolValue(false)) });
        tokio::spawn(async move { client.execute(request).await })
    };
    let mut client = SessionServiceClient::new(fixture.channel.clone());
    loop {
        let seen =
            client.get_session(v1::GetSessionRequest { name: session.clone() }).await.expect("there").into_inner();
        if seen.session.expect("its state").state() == v1::session::State::Running {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let busy = write(&fixture, &session, "x", b"x").await.expect_err("it is busy");
    assert_eq!(why(&busy), (Code::FailedPrecondition, "SESSION_BUSY".into()));
    let mode = v1::interrupt_session_request::Mode::Stop.into();
    client.interrupt_session(v1::InterruptSessionRequest { name: session.clone(), mode }).await.expect("it stops");
    // A session that is handed to a worker runs, though its program may not have begun yet.
    if let Err(refused) = runs.await.expect("it ran") {
        assert_eq!(why(&refused), (Code::Cancelled, "CANCELLED".into()));
    }
    write(&fixture, &session, "x", b"x").await.expect("it is at rest");
}
