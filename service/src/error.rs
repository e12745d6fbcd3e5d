//! Refusals: every reason not to start an execution, and the one map from them to a gRPC status.
//!
//! What happens once guest code runs is an outcome, never a status.

mod session;
mod snapshot;

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};
use typhon_proto::ERROR_DOMAIN;

use crate::quota::QuotaName;
pub use snapshot::SnapshotRefusal;

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
    /// A tenant has what it may have.
    QuotaFull {
        tenant: String,
        which: QuotaName,
        max: u64,
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
    /// Cancelled before the program started.
    Cancelled,
    SessionNotFound {
        name: String,
    },
    SessionExpired {
        name: String,
        at: SystemTime,
    },
    /// Something runs in the session, and the line is full or not wanted.
    SessionBusy {
        name: String,
        running: String,
    },
    /// The session's isolate is lost.
    SessionFailed {
        name: String,
        why: Cow<'static, str>,
    },
    /// Its server has ended, and could not hand it over.
    SessionLost {
        name: String,
        why: String,
        /// The way to what could not be stored, if that is why.
        path: String,
    },
    /// It is on its way from one server to another.
    SessionMoving {
        name: String,
        retry_after: Duration,
    },
    /// What keeps snapshots and sessions does not answer.
    StoreAway {
        retry_after: Duration,
    },
    TooManySessions {
        max: u32,
    },
    /// None of the worker processes is free to end.
    TooManyProcesses {
        max: u32,
        retry_after: Duration,
    },
    TemplateNotFound {
        name: String,
    },
    /// Nothing can start from it.
    TemplateFailed {
        why: Cow<'static, str>,
    },
    TooManyTemplates {
        max: u32,
    },
    /// It cannot be copied.
    NotForkable {
        name: String,
        why: Cow<'static, str>,
    },
    ExecutionNotFound {
        name: String,
    },
    ProgramNotFound {
        name: String,
    },
    /// So many are kept, and none of them has ended.
    TooManyExecutions {
        max: u32,
    },
    /// What keeps durable executions does not answer.
    QueueAway {
        retry_after: Duration,
    },
    /// It has no room.
    DurableFull,
    /// Another request had this id.
    RequestIdReused {
        request_id: String,
    },
    /// What sessions hold leaves no room for another.
    SessionsTooLarge {
        held: u64,
        max: u64,
    },
    FileNotFound {
        path: String,
    },
    /// Files would hold, or be, more than they may.
    FilesFull {
        path: String,
        max_bytes: u64,
    },
    FileUnusable {
        path: String,
        why: &'static str,
    },
    /// It was written to while it was read.
    FileChanged {
        path: String,
    },
    Snapshot(SnapshotRefusal),
    UnknownMethod,
    CredentialsMissing,
    CredentialsInvalid {
        problem: &'static str,
    },
    /// The credential is good, and stands for nobody here.
    TenantUnknown {
        tenant: String,
    },
    TenantSuspended {
        tenant: String,
    },
    /// Only admins may do this.
    NotAdmin {
        tenant: String,
    },
    /// What the settings' files say cannot be used.
    Unreadable {
        problem: String,
    },
    Internal {
        what: String,
    },
}

impl Refusal {
    pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Refusal {
        Refusal::Invalid(vec![(field.into(), problem.into())])
    }
}

impl From<SnapshotRefusal> for Refusal {
    fn from(refusal: SnapshotRefusal) -> Refusal {
        Refusal::Snapshot(refusal)
    }
}

impl Refusal {
    /// The `reason` of its `ErrorInfo`.
    pub fn reason(&self) -> &'static str {
        describe(self).1
    }

    /// As its status says it.
    pub fn message(&self) -> String {
        describe(self).2
    }

    /// When there may be room, for what was refused for want of room to run or wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Refusal::QueueFull { retry_after, .. }
            | Refusal::QuotaFull { which: QuotaName::Rate | QuotaName::Waiting, retry_after, .. } => Some(*retry_after),
            _ => None,
        }
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
            Refusal::QuotaFull { tenant, retry_after, .. } => {
                details
                    .add_quota_failure_violation(format!("tenants/{tenant}"), message.clone())
                    .set_retry_info(Some(retry_after));
            }
            Refusal::CannotMeetDeadline { retry_after } => {
                details.add_quota_failure_violation("deadline", message.clone()).set_retry_info(Some(retry_after));
            }
            Refusal::TooManyProcesses { retry_after, .. } => {
                details.add_quota_failure_violation("processes", message.clone()).set_retry_info(Some(retry_after));
            }
            Refusal::DurableFull => {
                details.add_quota_failure_violation("durable", message.clone()).set_retry_info(Some(SESSION_RETRY));
            }
            Refusal::Draining { retry_after }
            | Refusal::QueueAway { retry_after }
            | Refusal::SessionMoving { retry_after, .. }
            | Refusal::StoreAway { retry_after } => {
                details.set_retry_info(Some(retry_after));
            }
            Refusal::WorkerLost => {
                details.set_retry_info(Some(Duration::ZERO));
            }
            Refusal::PayloadTooLarge { .. } => {
                details.add_quota_failure_violation("message", message.clone());
            }
            Refusal::SessionNotFound { name }
            | Refusal::SessionExpired { name, .. }
            | Refusal::SessionLost { name, .. } => {
                details.set_resource_info("typhon.v1.Session", name, "", message.clone());
            }
            Refusal::TemplateNotFound { name } => {
                details.set_resource_info("typhon.v1.Template", name, "", message.clone());
            }
            Refusal::TooManyTemplates { .. } => {
                details.add_quota_failure_violation("templates", message.clone()).set_retry_info(Some(SESSION_RETRY));
            }
            Refusal::TemplateFailed { .. } => {
                details.add_precondition_failure_violation(reason, "template", message.clone());
            }
            Refusal::Snapshot(refusal) => refusal.detail(reason, message.clone(), &mut details),
            Refusal::FileNotFound { path } => {
                details.set_resource_info("typhon.v1.File", path, "", message.clone());
            }
            Refusal::FilesFull { .. } => {
                details.add_quota_failure_violation("files", message.clone()).set_retry_info(Some(SESSION_RETRY));
            }
            Refusal::FileUnusable { path, .. } | Refusal::FileChanged { path } => {
                details.add_precondition_failure_violation(reason, path, message.clone());
            }
            Refusal::ExecutionNotFound { name } => {
                details.set_resource_info("typhon.v1.Execution", name, "", message.clone());
            }
            Refusal::ProgramNotFound { name } => {
                details.set_resource_info("typhon.v1.Program", name, "", message.clone());
            }
            Refusal::TooManyExecutions { .. } => {
                details.add_quota_failure_violation("executions", message.clone()).set_retry_info(Some(SESSION_RETRY));
            }
            Refusal::RequestIdReused { request_id } => {
                details.set_resource_info("request_id", request_id, "", message.clone());
            }
            Refusal::SessionBusy { name, .. }
            | Refusal::SessionFailed { name, .. }
            | Refusal::NotForkable { name, .. } => {
                details.add_precondition_failure_violation(reason, name, message.clone());
            }
            Refusal::TooManySessions { .. } | Refusal::SessionsTooLarge { .. } => {
                details.add_quota_failure_violation("sessions", message.clone()).set_retry_info(Some(SESSION_RETRY));
            }
            Refusal::Cancelled
            | Refusal::Unsupported { .. }
            | Refusal::UnknownMethod
            | Refusal::CredentialsMissing
            | Refusal::CredentialsInvalid { .. }
            | Refusal::TenantUnknown { .. }
            | Refusal::TenantSuspended { .. }
            | Refusal::NotAdmin { .. }
            | Refusal::Unreadable { .. }
            | Refusal::Internal { .. } => {}
        }
        Status::with_error_details(code, message, details)
    }
}

/// Sessions end by themselves, in their own time.
const SESSION_RETRY: Duration = Duration::from_secs(10);

type Metadata = Vec<(String, String)>;
type Described = (Code, &'static str, String, Metadata);

fn describe(refusal: &Refusal) -> Described {
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
        Refusal::QuotaFull { tenant, which, max, .. } => (
            Code::ResourceExhausted,
            which.reason(),
            format!("{tenant} may have {max} {}", which.what()),
            vec![("tenant".to_owned(), tenant.clone()), ("max".to_owned(), max.to_string())],
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
        Refusal::ExecutionNotFound { name } => {
            (Code::NotFound, "EXECUTION_NOT_FOUND", format!("there is no execution {name:?}"), Vec::new())
        }
        Refusal::ProgramNotFound { name } => {
            (Code::NotFound, "PROGRAM_NOT_FOUND", format!("there is no program {name:?}"), Vec::new())
        }
        Refusal::TooManyExecutions { max } => (
            Code::ResourceExhausted,
            "TOO_MANY_EXECUTIONS",
            format!("there is no room to keep another execution beside those that run; {max} are kept at most"),
            pair("max", max.to_string()),
        ),
        Refusal::TemplateNotFound { name } => {
            (Code::NotFound, "TEMPLATE_NOT_FOUND", format!("there is no template {name:?}"), Vec::new())
        }
        Refusal::TemplateFailed { why } => (
            Code::FailedPrecondition,
            "TEMPLATE_FAILED",
            format!("nothing can start from the template: {why}; delete it, and create another"),
            pair("failure", why.to_string()),
        ),
        Refusal::TooManyTemplates { max } => (
            Code::ResourceExhausted,
            "TOO_MANY_TEMPLATES",
            format!("there are {max} templates already"),
            pair("max", max.to_string()),
        ),
        Refusal::NotForkable { name, why } => (
            Code::FailedPrecondition,
            "SESSION_NOT_FORKABLE",
            format!("{name} cannot be copied: {why}"),
            pair("why", why.to_string()),
        ),
        Refusal::TooManyProcesses { max, .. } => (
            Code::ResourceExhausted,
            "TOO_MANY_PROCESSES",
            format!("all {max} worker processes are in use"),
            pair("max", max.to_string()),
        ),
        Refusal::QueueAway { .. } => {
            (Code::Unavailable, "QUEUE_AWAY", "what keeps durable executions does not answer".to_owned(), Vec::new())
        }
        Refusal::DurableFull => (
            Code::ResourceExhausted,
            "DURABLE_FULL",
            "there is no room to keep another durable execution".to_owned(),
            Vec::new(),
        ),
        Refusal::RequestIdReused { request_id } => (
            Code::AlreadyExists,
            "REQUEST_ID_REUSED",
            "another request had this id".to_owned(),
            pair("request_id", request_id.clone()),
        ),
        Refusal::Cancelled => (Code::Cancelled, "CANCELLED", "cancelled before the start".to_owned(), Vec::new()),
        Refusal::SessionNotFound { .. }
        | Refusal::SessionExpired { .. }
        | Refusal::SessionLost { .. }
        | Refusal::SessionMoving { .. }
        | Refusal::SessionBusy { .. }
        | Refusal::SessionFailed { .. }
        | Refusal::TooManySessions { .. }
        | Refusal::SessionsTooLarge { .. } => session::describe(refusal),
        Refusal::StoreAway { .. } => {
            let message = "what keeps snapshots and sessions does not answer".to_owned();
            (Code::Unavailable, "STORE_AWAY", message, Vec::new())
        }
        Refusal::Snapshot(refusal) => refusal.describe(),
        Refusal::FileNotFound { .. }
        | Refusal::FilesFull { .. }
        | Refusal::FileUnusable { .. }
        | Refusal::FileChanged { .. } => of_file(refusal),
        Refusal::UnknownMethod => {
            (Code::Unimplemented, "METHOD_UNKNOWN", "there is no such method".to_owned(), Vec::new())
        }
        Refusal::CredentialsMissing
        | Refusal::CredentialsInvalid { .. }
        | Refusal::TenantUnknown { .. }
        | Refusal::TenantSuspended { .. }
        | Refusal::NotAdmin { .. } => of_identity(refusal),
        Refusal::Unreadable { problem } => (Code::FailedPrecondition, "CONFIG_UNREADABLE", problem.clone(), Vec::new()),
        Refusal::Internal { what } => (Code::Internal, "INTERNAL", what.clone(), Vec::new()),
    }
}

fn of_identity(refusal: &Refusal) -> Described {
    let pair = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
    match refusal {
        Refusal::CredentialsInvalid { problem } => {
            (Code::Unauthenticated, "CREDENTIALS_INVALID", (*problem).to_owned(), pair("problem", problem))
        }
        Refusal::TenantUnknown { tenant } => {
            let message = format!("{tenant:?} is no tenant of this server");
            (Code::PermissionDenied, "TENANT_UNKNOWN", message, pair("tenant", tenant))
        }
        Refusal::TenantSuspended { tenant } => {
            (Code::PermissionDenied, "TENANT_SUSPENDED", format!("{tenant} is suspended"), pair("tenant", tenant))
        }
        Refusal::NotAdmin { tenant } => {
            (Code::PermissionDenied, "ADMIN_REQUIRED", format!("{tenant} is no admin"), pair("tenant", tenant))
        }
        _ => (
            Code::Unauthenticated,
            "CREDENTIALS_MISSING",
            "this server wants a token in `authorization`, or a client certificate".to_owned(),
            Vec::new(),
        ),
    }
}

fn of_file(refusal: &Refusal) -> Described {
    let pair = |key: &str, value: String| vec![(key.to_owned(), value)];
    match refusal {
        Refusal::FilesFull { path, max_bytes } => (
            Code::ResourceExhausted,
            "FILES_FULL",
            format!("there is no room for {path:?}: the session's files may hold {max_bytes} bytes"),
            pair("max_bytes", max_bytes.to_string()),
        ),
        Refusal::FileUnusable { path, why } => {
            (Code::FailedPrecondition, "FILE_UNUSABLE", format!("{path:?}: {why}"), pair("why", (*why).to_owned()))
        }
        Refusal::FileChanged { path } => {
            (Code::Aborted, "FILE_CHANGED", format!("{path:?} was written to while it was read"), Vec::new())
        }
        Refusal::FileNotFound { path } => {
            (Code::NotFound, "FILE_NOT_FOUND", format!("there is no file {path:?}"), Vec::new())
        }
        _ => (Code::Internal, "INTERNAL", "not a refusal of a file".to_owned(), Vec::new()),
    }
}

/// gRPC's own names of its codes.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests;
