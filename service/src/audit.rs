//! The audit log: who did what, and what came of it. Never code, never values.
//!
//! Its events go where `audit_log` says, a JSON object a line, and nowhere else.

use crate::execution::Finished;
use crate::grpc::response;
use crate::identity::Caller;

/// What tells these events from the rest of the log.
pub const TARGET: &str = "typhon::audit";

macro_rules! audit {
    ($event:literal, $($fields:tt)*) => {
        tracing::info!(target: TARGET, event = $event, $($fields)*)
    };
}

pub fn refused(path: &str, reason: &str) {
    audit!("call.refused", method = path, reason);
}

pub fn admitted(caller: &Caller, execution: &str, session: Option<&str>) {
    audit!("execution.admitted", tenant = &*caller.tenant.name, subject = &*caller.subject, execution, session);
}

pub fn ended(caller: &Caller, finished: &Finished) {
    let usage = &finished.response.usage;
    audit!(
        "execution.ended",
        tenant = &*caller.tenant.name,
        subject = &*caller.subject,
        execution = finished.name,
        session = finished.session.as_ref().map(|(name, _)| name.as_str()),
        outcome = response::reason(finished.response.outcome.reason).as_str_name(),
        queue_us = micros(usage.queue),
        wall_us = micros(usage.wall),
        cpu_us = micros(usage.cpu),
        peak_heap_bytes = usage.peak_heap_bytes,
        output_bytes = usage.bytes_out,
    );
}

/// Something was done to a session, an execution, a program or a file.
pub fn did(caller: &Caller, what: &'static str, name: &str) {
    audit!("resource.changed", tenant = &*caller.tenant.name, subject = &*caller.subject, what, name);
}

/// Something was done to the server.
pub fn administered(caller: &Caller, what: &'static str, name: &str) {
    audit!("server.administered", tenant = &*caller.tenant.name, subject = &*caller.subject, what, name);
}

fn micros(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
