//! Every refusal, as a status.

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
        Refusal::QuotaFull { tenant: "a".into(), which: QuotaName::Rate, max: 1, retry_after: second },
        Refusal::Draining { retry_after: second },
        Refusal::WorkerLost,
        Refusal::UnknownMethod,
        Refusal::Cancelled,
        Refusal::SessionNotFound { name: "sessions/1".into() },
        Refusal::SessionExpired { name: "sessions/1".into(), at: SystemTime::now() },
        Refusal::SessionLost { name: "sessions/1".into(), why: "a lock".into(), path: "main.x".into() },
        Refusal::SessionMoving { name: "sessions/1".into(), retry_after: second },
        Refusal::StoreAway { retry_after: second },
        Refusal::SessionBusy { name: "sessions/1".into(), running: "executions/1".into() },
        Refusal::SessionFailed { name: "sessions/1".into(), why: "its heap is full".into() },
        Refusal::TooManySessions { max: 1 },
        Refusal::TemplateNotFound { name: "templates/1".into() },
        Refusal::TemplateFailed { why: "gone".into() },
        Refusal::TooManyTemplates { max: 1 },
        Refusal::NotForkable { name: "sessions/1".into(), why: "threads".into() },
        Refusal::TooManyProcesses { max: 1, retry_after: second },
        Refusal::ExecutionNotFound { name: "executions/1".into() },
        Refusal::TooManyExecutions { max: 1 },
        Refusal::ProgramNotFound { name: "programs/1".into() },
        Refusal::QueueAway { retry_after: second },
        Refusal::DurableFull,
        Refusal::RequestIdReused { request_id: "1".into() },
        Refusal::SessionsTooLarge { held: 2, max: 1 },
        Refusal::FileNotFound { path: "x".into() },
        Refusal::FilesFull { path: "x".into(), max_bytes: 1 },
        Refusal::FileUnusable { path: "x".into(), why: "it is a folder" },
        Refusal::FileChanged { path: "x".into() },
        SnapshotRefusal::NotFound { name: "snapshots/1".into() }.into(),
        SnapshotRefusal::Unstorable { session: "s".into(), path: "main.x".into(), problem: "generator".into() }.into(),
        SnapshotRefusal::TooLarge { max_bytes: 1 }.into(),
        SnapshotRefusal::Full { max_bytes: 1 }.into(),
        SnapshotRefusal::Failed { session: "s".into(), why: "MEMORY".into() }.into(),
        SnapshotRefusal::Invalid { problem: "is cut short" }.into(),
        SnapshotRefusal::Version { theirs: "1".into(), ours: "2".into() }.into(),
        SnapshotRefusal::Unusable { name: "snapshots/1".into(), why: "gone".into() }.into(),
        Refusal::CredentialsMissing,
        Refusal::CredentialsInvalid { problem: "unknown token" },
        Refusal::TenantUnknown { tenant: "x".into() },
        Refusal::TenantSuspended { tenant: "x".into() },
        Refusal::NotAdmin { tenant: "x".into() },
        Refusal::Unreadable { problem: "x".into() },
        Refusal::Internal { what: "broken".into() },
    ];
    for refusal in all {
        let status = Status::from(refusal.clone());
        let info = status.get_details_error_info().expect("an ErrorInfo");
        assert_eq!(info.domain, "typhon");
        assert!(info.reason.len() <= 63 && info.reason.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
        let retryable = matches!(status.code(), Code::Unavailable) || refusal.retry_after().is_some();
        assert!(!retryable || status.get_details_retry_info().is_some(), "{refusal:?}");
    }
}
