//! Programs: kept by what they say, and run by name.

use crate::support::{check_refusal, start};
use tonic::{Code, Request};
use typhon_proto::v1;
use typhon_proto::v1::program_service_client::ProgramServiceClient;

fn source(text: &str) -> Option<v1::Source> {
    Some(v1::Source { text: text.into(), filename: String::new() })
}

fn run(name: &str) -> v1::ExecuteRequest {
    let code = Some(v1::execute_request::Code::Program(name.to_owned()));
    v1::ExecuteRequest { code, ..v1::ExecuteRequest::default() }
}

#[tokio::test]
async fn a_program_is_kept_run_and_forgotten() {
    let fixture = start(&[]).await;
    let mut programs = ProgramServiceClient::new(fixture.channel.clone());
    let mut create = async |text| {
        let request = Request::new(v1::CreateProgramRequest { source: source(text) });
        programs.create_program(request).await.expect("created").into_inner().program.expect("a program")
    };
    let first = create("print 3").await;
    assert_eq!(create("print 3").await.name, first.name);
    let other = create("print 4").await;
    assert_ne!(other.name, first.name);
    assert_eq!((first.filename.as_str(), first.source_bytes, first.use_count), ("<string>", 7, 0));

    let mut client = fixture.client.clone();
    let ran = client.execute(run(&first.name)).await.expect("it runs").into_inner();
    assert_eq!(ran.stdout.expect("output").data, b"abc");
    let got = programs.get_program(v1::GetProgramRequest { name: first.name.clone() }).await.expect("there");
    let got = got.into_inner().program.expect("a program");
    assert_eq!((got.use_count, got.last_use_time.is_some()), (1, true));
    let listed = programs.list_programs(v1::ListProgramsRequest { page_size: 1, page_token: String::new() }).await;
    let listed = listed.expect("a list").into_inner();
    let token = listed.next_page_token;
    let rest = programs.list_programs(v1::ListProgramsRequest { page_size: 1, page_token: token }).await;
    let rest = rest.expect("a list").into_inner();
    assert_ne!(listed.programs[0].name, rest.programs[0].name);
    assert_eq!(rest.next_page_token, "");

    programs.delete_program(v1::DeleteProgramRequest { name: first.name.clone() }).await.expect("deleted");
    let gone = client.execute(run(&first.name)).await.expect_err("gone");
    check_refusal(&gone, Code::NotFound, "PROGRAM_NOT_FOUND");
}

#[tokio::test]
async fn a_program_larger_than_all_the_room_is_refused() {
    let fixture = start(&[("programs_bytes_max", "1KiB")]).await;
    let mut programs = ProgramServiceClient::new(fixture.channel.clone());
    let long = "print 1\n".repeat(200);
    let status = programs.create_program(v1::CreateProgramRequest { source: source(&long) }).await;
    check_refusal(&status.expect_err("too large"), Code::ResourceExhausted, "PAYLOAD_TOO_LARGE");
}
