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
    let none = v1::Usage::default();
    let usage = response.usage.as_ref().unwrap_or(&none);
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use serde_json::Value;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::identity::Tenant;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend(data);
            Ok(data.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_is_a_json_object_that_says_who_and_what() {
        let sink = Sink::default();
        let writer = sink.clone();
        let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(move || writer.clone());
        let caller = Caller::new(Tenant::new("acme"), "ann".into());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            admitted(&caller, "executions/1", None);
            did(&caller, "session.create", "sessions/1");
            refused("/typhon.v1.ExecutionService/Execute", "CREDENTIALS_MISSING");
        });
        let text = String::from_utf8(sink.0.lock().clone()).expect("text");
        let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let told = |index: usize, field: &str| events[index][field].as_str().map(str::to_owned);
        assert_eq!(told(0, "event").as_deref(), Some("execution.admitted"));
        assert_eq!((told(0, "tenant").as_deref(), told(0, "subject").as_deref()), (Some("acme"), Some("ann")));
        assert_eq!((told(0, "execution").as_deref(), told(0, "session")), (Some("executions/1"), None));
        assert_eq!(
            (told(1, "what").as_deref(), told(1, "name").as_deref()),
            (Some("session.create"), Some("sessions/1"))
        );
        assert_eq!(told(2, "reason").as_deref(), Some("CREDENTIALS_MISSING"));
        assert!(events.iter().all(|event| event["target"] == TARGET && event["timestamp"].is_string()));
    }
}
