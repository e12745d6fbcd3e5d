//! What is called of a program, with the inputs as keywords.

use crate::{Fixture, exception, reason, source, start};
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::execute_request::Target;
use typhon_proto::v1::session_service_client::SessionServiceClient;
use typhon_proto::v1::value::Kind;

fn calling(path: &str, inputs: &[(&str, i64)], text: &str) -> v1::ExecuteRequest {
    let value = |n: i64| v1::Value { kind: Some(Kind::IntValue(n)) };
    let inputs = inputs.iter().map(|(name, n)| ((*name).to_owned(), value(*n))).collect();
    v1::ExecuteRequest { entry_point: path.to_owned(), inputs, ..source(text) }
}

async fn run(fixture: &Fixture, request: v1::ExecuteRequest) -> v1::ExecuteResponse {
    fixture.client.clone().execute(request).await.expect("an answer").into_inner()
}

fn result(response: &v1::ExecuteResponse) -> Kind {
    assert_eq!(reason(response), Reason::Completed, "{:?}", response.outcome);
    response.result.clone().and_then(|value| value.kind).expect("a result")
}

const PROGRAM: &str = "
import dataclasses
if __name__ == '__main__':
    raise SystemExit('it was run')
@dataclasses.dataclass
class Solver:
    factor: 'int' = 2
    @staticmethod
    def solve(*, n, m=1):
        return Solver.__module__, n * m * Solver().factor
def seen(**inputs):
    return sorted(inputs), 'n' in globals(), __name__
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_called_gets_the_inputs_and_gives_the_result() {
    let fixture = start(&[]).await;
    let repr = |request| v1::ExecuteRequest { result_mode: v1::ResultMode::Repr.into(), ..request };
    let solved = run(&fixture, repr(calling("Solver.solve", &[("n", 3), ("m", 7)], PROGRAM))).await;
    assert_eq!(result(&solved), Kind::StrValue("('__program__', 42)".into()));
    let seen = run(&fixture, repr(calling("seen", &[("n", 3)], PROGRAM))).await;
    assert_eq!(result(&seen), Kind::StrValue("(['n'], False, '__main__')".into()));
    for mode in [v1::ResultMode::LastExpression, v1::ResultMode::ReturnValue] {
        let request = calling("f", &[("x", 20)], "def f(x): return x + 1");
        let called = run(&fixture, v1::ExecuteRequest { result_mode: mode.into(), ..request }).await;
        assert_eq!(result(&called), Kind::IntValue(21));
    }
    let request = calling("f", &[], "def f(): return 1");
    let unasked = run(&fixture, v1::ExecuteRequest { result_mode: 0, ..request }).await;
    assert_eq!((reason(&unasked), unasked.result), (Reason::Completed, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_called_is_the_programs_exception() {
    let fixture = start(&[]).await;
    for (path, inputs, text, class) in [
        ("f", &[][..], "", "NameError"),
        ("f.g", &[], "def f(): pass", "AttributeError"),
        ("x", &[], "x = 1", "TypeError"),
        ("f", &[("y", 1)], "def f(x): pass", "TypeError"),
        ("f", &[], "def f(): return 1 / 0", "ZeroDivisionError"),
        ("f", &[], "1 / 0\ndef f(): pass", "ZeroDivisionError"),
    ] {
        let response = run(&fixture, calling(path, inputs, text)).await;
        assert_eq!((reason(&response), &*exception(&response).0), (Reason::Exception, class), "{path}: {text}");
    }
    let compiled = run(&fixture, v1::ExecuteRequest { validate_only: true, ..calling("f", &[], "") }).await;
    assert_eq!(reason(&compiled), Reason::Completed, "nothing is called");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_called_for_what_it_holds() {
    let fixture = start(&[]).await;
    let mut sessions = SessionServiceClient::new(fixture.channel.clone());
    let made = sessions.create_session(v1::CreateSessionRequest::default()).await.expect("a session").into_inner();
    let target = Some(Target::Session(made.session.expect("itself").name));
    let within = |request| v1::ExecuteRequest { target: target.clone(), ..request };
    run(&fixture, within(source("total = 0\ndef add(n):\n global total\n total += n\n return total"))).await;
    assert_eq!(result(&run(&fixture, within(calling("add", &[("n", 3)], ""))).await), Kind::IntValue(3));
    assert_eq!(result(&run(&fixture, within(calling("add", &[("n", 4)], ""))).await), Kind::IntValue(7));
    let name = run(&fixture, within(source("__name__"))).await;
    assert_eq!(result(&name), Kind::StrValue("__main__".into()));
}
