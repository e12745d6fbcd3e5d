//! What can go wrong: with a call, and with a program.

use std::time::Duration;

use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use typhon_proto::v1;

/// Why a call came to nothing.
#[derive(Debug, Error)]
pub enum Error {
    #[error("{url}: {problem}")]
    Unusable { url: String, problem: String },
    #[error("cannot reach {url}: {error}")]
    Unreachable { url: String, error: tonic::transport::Error },
    /// The service did not do what was asked, and says why.
    #[error("{message} ({reason})")]
    Refused {
        message: String,
        /// A name of the service's table; match this, not the message.
        reason: String,
        code: Code,
        /// When there may be room.
        retry_after: Option<Duration>,
        /// The fields that are wrong, each with its problem.
        fields: Vec<(String, String)>,
    },
    /// The connection broke, or no answer came in time: a program may have run.
    #[error("no answer: {message}")]
    Lost { message: String, code: Code },
    #[error("the stream ended without an outcome")]
    Unfinished,
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<Status> for Error {
    fn from(status: Status) -> Error {
        let (message, code) = (status.message().to_owned(), status.code());
        let details = status.get_error_details();
        let Some(info) = details.error_info() else { return Error::Lost { message, code } };
        let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
        Error::Refused {
            message,
            reason: info.reason.clone(),
            code,
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
            fields: violations.into_iter().map(|wrong| (wrong.field, wrong.description)).collect(),
        }
    }
}

impl Error {
    /// The service's reason, when it gave one.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Error::Refused { reason, .. } => Some(reason),
            _ => None,
        }
    }
}

/// How a program ended that did not complete.
#[derive(Debug, Error)]
#[error("the program ended with {}{}", short(*reason), detail(outcome))]
pub struct Failure {
    pub reason: v1::TerminationReason,
    pub outcome: Box<v1::Outcome>,
}

fn short(reason: v1::TerminationReason) -> &'static str {
    reason.as_str_name().trim_start_matches("TERMINATION_REASON_")
}

fn detail(outcome: &v1::Outcome) -> String {
    use v1::outcome::Detail;
    match &outcome.detail {
        Some(Detail::Exception(exception)) => {
            let name = exception.r#type.as_ref().map(|class| class.qualname.as_str()).unwrap_or_default();
            format!(": {name}: {}", exception.message)
        }
        Some(Detail::ExitCode(code)) => format!(": status {code}"),
        Some(Detail::Limit(hit)) => format!(": {} of {}", hit.which().as_str_name(), hit.limit),
        Some(Detail::Crash(crash)) => format!(": {}", crash.message),
        _ => String::new(),
    }
}
