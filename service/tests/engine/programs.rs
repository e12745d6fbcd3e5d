//! The same source again: not compiled again, and not to be told from the first time.

use crate::{source, start};
use typhon_proto::v1;
use typhon_proto::v1::outcome::Detail;
use typhon_proto::v1::program_service_client::ProgramServiceClient;

#[tokio::test]
async fn source_that_comes_again_does_what_it_did() {
    let fixture = start(&[]).await;
    let mut client = fixture.client.clone();
    let text = "x = '\\d'\ndef f():\n    return 1 / 0\nprint(x)\nf()\n";
    let mut shown = Vec::new();
    for _ in 0..3 {
        let response = client.execute(source(text)).await.expect("it runs").into_inner();
        let Some(Detail::Exception(exception)) = response.outcome.and_then(|outcome| outcome.detail) else {
            panic!("an exception")
        };
        let (stdout, stderr) = (response.stdout.expect("output").data, response.stderr.expect("output").data);
        assert!(String::from_utf8_lossy(&stderr).contains("SyntaxWarning"), "the compiler's remark comes each time");
        shown.push((exception, stdout, stderr));
    }
    assert_eq!(shown[0].0.frames.len(), 2);
    assert!(shown.iter().all(|one| *one == shown[0]));
}

#[tokio::test]
async fn a_program_that_does_not_compile_is_not_kept() {
    let fixture = start(&[]).await;
    let mut programs = ProgramServiceClient::new(fixture.channel.clone());
    let bad = Some(v1::Source { text: b"def".to_vec(), filename: "bad.py".into() });
    let created = programs.create_program(v1::CreateProgramRequest { source: bad.clone() }).await.expect("an outcome");
    let created = created.into_inner();
    assert_eq!(created.program, None);
    let checked = programs.check_source(v1::CheckSourceRequest { source: bad }).await.expect("an outcome").into_inner();
    for outcome in [created.outcome, checked.outcome].map(|outcome| outcome.expect("an outcome")) {
        assert_eq!(outcome.reason(), v1::TerminationReason::CompileError);
        let Some(Detail::Exception(exception)) = outcome.detail else { panic!("an exception") };
        assert_eq!(exception.r#type.map(|of| of.qualname).as_deref(), Some("SyntaxError"));
    }
    let listed = programs.list_programs(v1::ListProgramsRequest::default()).await.expect("a list").into_inner();
    assert_eq!(listed.programs, []);

    let good = Some(v1::Source { text: b"n * 2".to_vec(), filename: "good.py".into() });
    let created = programs.create_program(v1::CreateProgramRequest { source: good }).await.expect("created");
    let name = created.into_inner().program.expect("a program").name;
    let run = |n: i64| v1::ExecuteRequest {
        code: Some(v1::execute_request::Code::Program(name.clone())),
        inputs: [("n".to_owned(), v1::Value { kind: Some(v1::value::Kind::IntValue(n)) })].into(),
        ..source("")
    };
    let mut client = fixture.client.clone();
    for n in [1, 21] {
        let result = client.execute(run(n)).await.expect("it runs").into_inner().result;
        assert_eq!(result.and_then(|value| value.kind), Some(v1::value::Kind::IntValue(n * 2)));
    }
}
