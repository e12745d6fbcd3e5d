//! A program to run, and how.

use std::time::Duration;

use typhon_proto::v1;
use typhon_proto::v1::execute_request::{Code, Target};

use crate::value::IntoValue;

/// What to run. Everything that the protocol has is in `request`; the methods are for what is wanted most.
#[derive(Clone, Debug, Default)]
pub struct Program {
    pub request: v1::ExecuteRequest,
}

impl From<v1::ExecuteRequest> for Program {
    fn from(request: v1::ExecuteRequest) -> Program {
        Program { request }
    }
}

impl From<&str> for Program {
    fn from(source: &str) -> Program {
        Program::new(source)
    }
}

impl Program {
    /// Source text. The result is the value of its last expression.
    pub fn new(source: impl Into<Vec<u8>>) -> Program {
        let source = v1::Source { text: source.into(), ..v1::Source::default() };
        Program::from(v1::ExecuteRequest {
            code: Some(Code::Source(source)),
            result_mode: v1::ResultMode::LastExpression.into(),
            ..v1::ExecuteRequest::default()
        })
    }

    /// A program that the server has compiled, by its name.
    pub fn named(name: impl Into<String>) -> Program {
        let mut program = Program::new("");
        program.request.code = Some(Code::Program(name.into()));
        program
    }

    /// A global that is set before the program starts.
    pub fn input(mut self, name: impl Into<String>, value: impl IntoValue) -> Program {
        self.request.inputs.insert(name.into(), value.into_value());
        self
    }

    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Program {
        self.request.stdin = bytes.into();
        self
    }

    pub fn limits(mut self, limits: v1::Limits) -> Program {
        self.request.limits = Some(limits);
        self
    }

    /// How long it may run. A time too long for the protocol is as long as that can say.
    pub fn wall_time(mut self, time: Duration) -> Program {
        let longest = prost_types::Duration { seconds: i64::MAX, nanos: 0 };
        let limits = self.request.limits.get_or_insert_default();
        limits.wall_time = Some(time.try_into().unwrap_or(longest));
        self
    }

    pub(crate) fn upon(mut self, snapshot: &str) -> Program {
        self.request.target = Some(Target::Snapshot(snapshot.to_owned()));
        self
    }

    pub(crate) fn copying(mut self, template: &str) -> Program {
        self.request.target = Some(Target::Template(template.to_owned()));
        self
    }

    pub(crate) fn within(mut self, session: &str) -> Program {
        if !session.is_empty() {
            self.request.target = Some(Target::Session(session.to_owned()));
        }
        self
    }
}
