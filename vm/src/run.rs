//! The entry points that reach the engine.
//!
//! THE ENGINE IS NOT LINKED YET: the bodies of this file are what replaces. Their signatures are the contract that the
//! service and the command line are built and tested against.

use typhon_interp::host::{Host, Stream};

use crate::cancel::Cancel;
use crate::command::{Command, Exit, Session};
use crate::exception::PyException;
use crate::limits::Usage;
use crate::outcome::{Detail, Outcome, Response, TerminationReason};
use crate::request::Request;
use crate::value::TypeRef;

const NOT_LINKED: &str = "the engine is not linked";

/// Runs `request` in a fresh isolate on this thread and closes the isolate. Never panics on guest input, never
/// outlives a cancel by more than a few milliseconds, returns with every guest thread ended.
pub fn execute(_request: &Request, _host: &dyn Host, _cancel: &Cancel) -> Response {
    let exception = PyException {
        type_ref: TypeRef { module: "builtins".into(), qualname: "SyntaxError".into() },
        message: NOT_LINKED.into(),
        ..PyException::default()
    };
    Response {
        outcome: Outcome { reason: TerminationReason::CompileError, detail: Detail::Exception(Box::new(exception)) },
        result: None,
        usage: Usage::default(),
        warnings: Vec::new(),
    }
}

/// Is this process a Python? Runs `command` as `python` would, traceback on standard error included.
pub fn run(_command: &Command, host: &dyn Host, _cancel: &Cancel) -> Exit {
    // A host that cannot take the message has nobody left to tell; the status still says it.
    match host.write(Stream::Stderr, format!("typhon: {NOT_LINKED}\n").as_bytes()) {
        Ok(()) | Err(_) => Exit::Status(1),
    }
}

/// Opens an interactive session in `__main__`. Unless it is [`crate::Program::Prompt`], `command.program` runs first (that
/// is `-i`); its traceback is printed and does not keep the session from opening.
pub fn open_session<'h>(
    _command: &Command,
    _host: &'h dyn Host,
    _cancel: &Cancel,
) -> Result<Box<dyn Session + 'h>, String> {
    Err(NOT_LINKED.into())
}
