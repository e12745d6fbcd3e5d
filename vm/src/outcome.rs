//! How an execution ended.

use crate::exception::PyException;
use crate::limits::{LimitHit, Usage};
use crate::value::Value;

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
}

impl Outcome {
    pub fn completed() -> Outcome {
        Outcome { reason: TerminationReason::Completed, detail: Detail::None }
    }

    pub fn exception(exception: PyException) -> Outcome {
        Outcome { reason: TerminationReason::Exception, detail: Detail::Exception(Box::new(exception)) }
    }
}
