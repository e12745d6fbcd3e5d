//! Why a snapshot is not made, not taken or not used.

use tonic::Code;
use tonic_types::ErrorDetails;

use super::{Described, Metadata, SESSION_RETRY};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotRefusal {
    NotFound {
        name: String,
    },
    /// Something in the session cannot be stored.
    Unstorable {
        session: String,
        path: String,
        problem: String,
    },
    TooLarge {
        max_bytes: u64,
    },
    /// All of them hold as much as they may.
    Full {
        max_bytes: u64,
    },
    /// Making it did not come to its end.
    Failed {
        session: String,
        why: String,
    },
    /// What was imported is none.
    Invalid {
        problem: &'static str,
    },
    /// Of another format, or another engine's.
    Version {
        theirs: String,
        ours: String,
    },
    /// No session begins with it.
    Unusable {
        name: String,
        why: String,
    },
}

impl SnapshotRefusal {
    pub(super) fn describe(&self) -> Described {
        let pair = |key: &str, value: &str| -> Metadata { vec![(key.to_owned(), value.to_owned())] };
        match self {
            SnapshotRefusal::NotFound { name } => {
                (Code::NotFound, "SNAPSHOT_NOT_FOUND", format!("there is no snapshot {name:?}"), Vec::new())
            }
            SnapshotRefusal::Unstorable { path, problem, .. } => (
                Code::FailedPrecondition,
                "SNAPSHOT_UNSTORABLE",
                format!("{path}: {problem}; leave_out makes a snapshot without it"),
                [pair("path", path), pair("problem", problem)].concat(),
            ),
            SnapshotRefusal::TooLarge { max_bytes } => (
                Code::ResourceExhausted,
                "SNAPSHOT_TOO_LARGE",
                format!("the snapshot is larger than {max_bytes} bytes"),
                pair("max_bytes", &max_bytes.to_string()),
            ),
            SnapshotRefusal::Full { max_bytes } => (
                Code::ResourceExhausted,
                "SNAPSHOTS_FULL",
                format!("snapshots may hold {max_bytes} bytes, and there is no room for another"),
                pair("max_bytes", &max_bytes.to_string()),
            ),
            SnapshotRefusal::Failed { why, .. } => (
                Code::FailedPrecondition,
                "SNAPSHOT_FAILED",
                format!("the snapshot could not be made: {why}"),
                pair("why", why),
            ),
            SnapshotRefusal::Invalid { problem } => {
                (Code::InvalidArgument, "SNAPSHOT_INVALID", format!("data: {problem}"), Vec::new())
            }
            SnapshotRefusal::Version { theirs, ours } => (
                Code::FailedPrecondition,
                "SNAPSHOT_VERSION_MISMATCH",
                format!("the snapshot is of {theirs}, and this is {ours}"),
                [pair("snapshot", theirs), pair("server", ours)].concat(),
            ),
            SnapshotRefusal::Unusable { name, why } => (
                Code::FailedPrecondition,
                "SNAPSHOT_UNUSABLE",
                format!("nothing can begin from {name}: {why}"),
                pair("why", why),
            ),
        }
    }

    pub(super) fn detail(self, reason: &str, message: String, details: &mut ErrorDetails) {
        match self {
            SnapshotRefusal::NotFound { name } => {
                details.set_resource_info("typhon.v1.Snapshot", name, "", message);
            }
            SnapshotRefusal::TooLarge { .. } => {
                details.add_quota_failure_violation("snapshot", message).set_retry_info(Some(SESSION_RETRY));
            }
            SnapshotRefusal::Full { .. } => {
                details.add_quota_failure_violation("snapshots", message).set_retry_info(Some(SESSION_RETRY));
            }
            SnapshotRefusal::Invalid { problem } => {
                details.add_bad_request_violation("data", problem);
            }
            SnapshotRefusal::Unstorable { session: name, .. }
            | SnapshotRefusal::Failed { session: name, .. }
            | SnapshotRefusal::Unusable { name, .. } => {
                details.add_precondition_failure_violation(reason, name, message);
            }
            SnapshotRefusal::Version { .. } => {
                details.add_precondition_failure_violation(reason, "snapshot", message);
            }
        }
    }
}
