//! Why nothing runs in a session.

use tonic::Code;

use super::{Described, Refusal};

pub(super) fn describe(refusal: &Refusal) -> Described {
    let pair = |key: &str, value: String| vec![(key.to_owned(), value)];
    match refusal {
        Refusal::SessionExpired { name, at } => {
            let at = prost_types::Timestamp::from(*at).to_string();
            (Code::NotFound, "SESSION_EXPIRED", format!("{name} ended at {at}"), pair("expire_time", at))
        }
        Refusal::SessionLost { name, why, path } => {
            let path = Some(path).filter(|path| !path.is_empty()).map(|path| pair("path", path.clone()));
            let metadata = [pair("why", why.clone()), path.unwrap_or_default()].concat();
            (Code::NotFound, "SESSION_LOST", format!("{name} was not handed over: {why}"), metadata)
        }
        Refusal::SessionMoving { name, .. } => {
            (Code::Unavailable, "SESSION_MOVING", format!("{name} is on its way between servers"), Vec::new())
        }
        Refusal::SessionBusy { name, running } => (
            Code::FailedPrecondition,
            "SESSION_BUSY",
            format!("{name} is busy with {running}"),
            pair("execution", running.clone()),
        ),
        Refusal::SessionFailed { name, why } => (
            Code::FailedPrecondition,
            "SESSION_FAILED",
            format!("the isolate of {name} is lost: {why}; reset or delete the session"),
            pair("failure", why.to_string()),
        ),
        Refusal::TooManySessions { max } => (
            Code::ResourceExhausted,
            "TOO_MANY_SESSIONS",
            format!("there are {max} sessions already"),
            pair("max", max.to_string()),
        ),
        Refusal::SessionsTooLarge { held, max } => (
            Code::ResourceExhausted,
            "SESSION_MEMORY",
            format!("sessions hold {held} bytes, of {max}"),
            pair("max_bytes", max.to_string()),
        ),
        Refusal::SessionNotFound { name } => {
            (Code::NotFound, "SESSION_NOT_FOUND", format!("there is no session {name:?}"), Vec::new())
        }
        _ => (Code::Internal, "INTERNAL", "not a refusal of a session".to_owned(), Vec::new()),
    }
}
