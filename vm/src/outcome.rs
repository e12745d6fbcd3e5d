//! How an execution ended.

use crate::cancel::CancelReason;
use crate::exception::PyException;
use crate::limits::{LimitHit, LimitName, Usage};
use crate::value::Value;
use crate::work::Worked;

/// The one word for the end of an execution. Mirrors `typhon.v1.TerminationReason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TerminationReason {
    Completed,
    Exception,
    Exit,
    WallTime,
    CpuTime,
    Instructions,
    Memory,
    Stack,
    Output,
    Threads,
    Files,
    HostCalls,
    Sleep,
    ResultSize,
    CompileError,
    Policy,
    CancelledByClient,
    Interrupted,
    ClientGone,
    ServerDrain,
    WorkerCrash,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub reason: TerminationReason,
    pub detail: Detail,
}

/// What there is to say beyond the reason.
#[derive(Clone, Debug, PartialEq)]
pub enum Detail {
    None,
    /// With `Exception` and `CompileError`, and with a limit that Python reports as an exception (`RecursionError`).
    Exception(Box<PyException>),
    /// `SystemExit`'s code, as the process's exit status would be.
    ExitCode(i32),
    Limit(LimitHit),
    Cancelled {
        by: String,
    },
    Crash {
        message: String,
    },
}

/// Everything [`crate::execute`] has to say. Output went through the host while the guest ran.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub outcome: Outcome,
    /// Present when the execution completed and the request's result mode asked for one.
    pub result: Option<Value>,
    pub usage: Usage,
    pub warnings: Vec<String>,
    /// What came of the request's work, if that was done.
    pub worked: Option<Worked>,
}

impl Response {
    /// Of an execution that ended so, and has nothing more to say.
    pub fn of(outcome: Outcome) -> Response {
        Response { outcome, result: None, usage: Usage::default(), warnings: Vec::new(), worked: None }
    }
}

impl Outcome {
    pub fn completed() -> Outcome {
        Outcome { reason: TerminationReason::Completed, detail: Detail::None }
    }

    pub fn exception(exception: PyException) -> Outcome {
        Outcome { reason: TerminationReason::Exception, detail: Detail::Exception(Box::new(exception)) }
    }

    /// The outcome of an execution that a terminal `reason` ended.
    pub fn cancelled(reason: &CancelReason) -> Outcome {
        let by = |reason, by: &str| Outcome { reason, detail: Detail::Cancelled { by: by.to_owned() } };
        match reason {
            CancelReason::Limit(hit) => Outcome::limit(*hit),
            CancelReason::CancelledByClient => by(TerminationReason::CancelledByClient, "the client"),
            CancelReason::ClientGone => by(TerminationReason::ClientGone, "the client's absence"),
            CancelReason::ServerDrain => by(TerminationReason::ServerDrain, "the server's stop"),
            CancelReason::Interrupt => by(TerminationReason::Interrupted, "an interrupt"),
        }
    }

    /// The outcome of an execution that ran into a limit.
    pub fn limit(hit: LimitHit) -> Outcome {
        let reason = match hit.which {
            LimitName::Wall => TerminationReason::WallTime,
            LimitName::Cpu | LimitName::Compile => TerminationReason::CpuTime,
            LimitName::Instructions => TerminationReason::Instructions,
            LimitName::HeapBytes => TerminationReason::Memory,
            LimitName::StackDepth => TerminationReason::Stack,
            LimitName::Threads => TerminationReason::Threads,
            LimitName::StdoutBytes | LimitName::StderrBytes => TerminationReason::Output,
            LimitName::ResultBytes => TerminationReason::ResultSize,
            LimitName::FileBytes | LimitName::Files | LimitName::OpenFiles => TerminationReason::Files,
            LimitName::HostCalls => TerminationReason::HostCalls,
            LimitName::Sleep => TerminationReason::Sleep,
            LimitName::SourceBytes => TerminationReason::CompileError,
        };
        Outcome { reason, detail: Detail::Limit(hit) }
    }
}
