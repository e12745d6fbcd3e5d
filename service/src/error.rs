//! Refusals: every reason not to start an execution, and the one map from them to a gRPC status.
//!
//! What happens once guest code runs is an outcome, never a status.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};
use typhon_proto::ERROR_DOMAIN;

/// Why an execution was not started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request is wrong; each entry is a field's path and what is the matter with it.
    Invalid(Vec<(String, String)>),
    /// The request is right, but asks for what this server does not have.
    Unsupported {
        feature: &'static str,
    },
    PayloadTooLarge {
        max_bytes: u64,
    },
    QueueFull {
        depth: usize,
        retry_after: Duration,
    },
    /// The client's deadline passed, or would, before the program could start.
    CannotMeetDeadline {
        retry_after: Duration,
    },
    Draining {
        retry_after: Duration,
    },
    /// The worker went away before the program started.
    WorkerLost,
    UnknownMethod,
    Internal {
        what: String,
    },
}

impl Refusal {
    pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Refusal {
        Refusal::Invalid(vec![(field.into(), problem.into())])
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Status {
        let (code, reason, message, metadata) = describe(&refusal);
        let metadata: HashMap<String, String> = metadata.into_iter().collect();
        let mut details = ErrorDetails::with_error_info(reason, ERROR_DOMAIN, metadata);
        match refusal {
            Refusal::Invalid(violations) => {
                let violations: Vec<FieldViolation> =
                    violations.into_iter().map(|(field, problem)| FieldViolation::new(field, problem)).collect();
                details.set_bad_request(violations);
            }
            Refusal::QueueFull { retry_after, .. } => {
                details.add_quota_failure_violation("queue", message.clone()).set_retry_info(Some(retry_after));
            }
            Refusal::CannotMeetDeadline { retry_after } => {
                details.add_quota_failure_violation("deadline", message.clone()).set_retry_info(Some(retry_after));
            }
            Refusal::Draining { retry_after } => {
                details.set_retry_info(Some(retry_after));
            }
            Refusal::WorkerLost => {
                details.set_retry_info(Some(Duration::ZERO));
            }
            Refusal::PayloadTooLarge { .. } => {
                details.add_quota_failure_violation("message", message.clone());
            }
            Refusal::Unsupported { .. } | Refusal::UnknownMethod | Refusal::Internal { .. } => {}
        }
        Status::with_error_details(code, message, details)
    }
}

type Metadata = Vec<(String, String)>;

fn describe(refusal: &Refusal) -> (Code, &'static str, String, Metadata) {
    let pair = |key: &str, value: String| vec![(key.to_owned(), value)];
    match refusal {
        Refusal::Invalid(violations) => {
            let message = match violations.first() {
                Some((field, problem)) => format!("{field}: {problem}"),
                None => "the request is not valid".to_owned(),
            };
            (Code::InvalidArgument, "INVALID_REQUEST", message, Vec::new())
        }
        Refusal::Unsupported { feature } => (
            Code::Unimplemented,
            "FEATURE_UNSUPPORTED",
            format!("this server does not offer {feature}"),
            pair("feature", (*feature).to_owned()),
        ),
        Refusal::PayloadTooLarge { max_bytes } => (
            Code::ResourceExhausted,
            "PAYLOAD_TOO_LARGE",
            format!("the message is larger than {max_bytes} bytes"),
            pair("max_bytes", max_bytes.to_string()),
        ),
        Refusal::QueueFull { depth, .. } => (
            Code::ResourceExhausted,
            "QUEUE_FULL",
            format!("{depth} executions are waiting already"),
            pair("depth", depth.to_string()),
        ),
        Refusal::CannotMeetDeadline { .. } => (
            Code::ResourceExhausted,
            "CANNOT_MEET_DEADLINE",
            "the deadline leaves no time to run the program".to_owned(),
            Vec::new(),
        ),
        Refusal::Draining { .. } => (Code::Unavailable, "DRAINING", "the server is stopping".to_owned(), Vec::new()),
        Refusal::WorkerLost => {
            (Code::Unavailable, "WORKER_LOST", "the worker went away before the start".to_owned(), Vec::new())
        }
        Refusal::UnknownMethod => {
            (Code::Unimplemented, "METHOD_UNKNOWN", "there is no such method".to_owned(), Vec::new())
        }
        Refusal::Internal { what } => (Code::Internal, "INTERNAL", what.clone(), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_one_error_info_of_our_domain() {
        let second = Duration::from_secs(1);
        let all = [
            Refusal::invalid("source.text", "is absent"),
            Refusal::Invalid(Vec::new()),
            Refusal::Unsupported { feature: "sessions" },
            Refusal::PayloadTooLarge { max_bytes: 7 },
            Refusal::QueueFull { depth: 3, retry_after: second },
            Refusal::CannotMeetDeadline { retry_after: second },
            Refusal::Draining { retry_after: second },
            Refusal::WorkerLost,
            Refusal::UnknownMethod,
            Refusal::Internal { what: "broken".into() },
        ];
        for refusal in all {
            let status = Status::from(refusal.clone());
            let info = status.get_details_error_info().expect("an ErrorInfo");
            assert_eq!(info.domain, "typhon");
            assert!(info.reason.len() <= 63 && info.reason.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
            let retryable = matches!(status.code(), Code::Unavailable) || info.reason == "QUEUE_FULL";
            assert!(!retryable || status.get_details_retry_info().is_some(), "{refusal:?}");
        }
    }
}
