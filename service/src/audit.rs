//! The audit log: who did what, and what came of it. Never code, never values.
//!
//! Its events go where `audit_log` says, a JSON object a line, and nowhere else.

use typhon_proto::v1;

use crate::identity::Caller;
use crate::metrics::time;

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

pub fn ended(caller: &Caller, response: &v1::ExecuteResponse) {
    let usage = response.usage.unwrap_or_default();
    audit!(
        "execution.ended",
        tenant = &*caller.tenant.name,
        subject = &*caller.subject,
        execution = response.execution,
        session = Some(response.session.as_str()).filter(|name| !name.is_empty()),
        outcome = response.outcome.as_ref().map(|outcome| outcome.reason().as_str_name()),
        queue_us = micros(time(usage.queue_time)),
        wall_us = micros(time(usage.wall_time)),
        cpu_us = micros(time(usage.cpu_time)),
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
