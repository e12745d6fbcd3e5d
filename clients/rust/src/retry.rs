//! When a call is made again, and after how long.

use std::time::Duration;

use crate::error::Error;

/// How often a call is made, and how long to wait in between. A server that says when to come again is believed.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Calls in all; 1 is never again. Requests have ids only when it is more.
    pub attempts: u32,
    pub first_wait: Duration,
    pub longest_wait: Duration,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry { attempts: 4, first_wait: Duration::from_millis(100), longest_wait: Duration::from_secs(5) }
    }
}

/// Nothing ran, and the same request may be sent again.
const AGAIN: &[&str] = &[
    "QUEUE_FULL",
    "DRAINING",
    "WORKER_LOST",
    "TENANT_RATE",
    "TENANT_QUEUE",
    "TOO_MANY_PROCESSES",
    "SESSION_MOVING",
    "STORE_AWAY",
];

impl Retry {
    pub fn never() -> Retry {
        Retry { attempts: 1, ..Retry::default() }
    }

    /// A request's id, if it may be sent again; else empty.
    pub(crate) fn request_id(&self) -> String {
        if self.attempts > 1 { uuid() } else { String::new() }
    }

    /// How long to wait after this attempt, from 1; none when it was the last. `safe` is a call that does the same twice.
    pub(crate) fn wait(&self, attempt: u32, error: &Error, safe: bool) -> Option<Duration> {
        let (again, told) = match error {
            Error::Refused { reason, retry_after, .. } if AGAIN.contains(&reason.as_str()) => (true, *retry_after),
            // It may have been started all the same.
            Error::Refused { reason, retry_after, .. } if reason == "QUEUE_AWAY" => (safe, *retry_after),
            Error::Lost { code: tonic::Code::DeadlineExceeded, .. } => (false, None),
            Error::Lost { .. } => (safe, None),
            _ => (false, None),
        };
        if !again || attempt >= self.attempts {
            return None;
        }
        let backoff = self.first_wait.saturating_mul(1 << (attempt - 1).min(16)).min(self.longest_wait);
        Some(told.unwrap_or_else(|| backoff.mul_f64(0.5 + fraction() / 2.0)))
    }
}

/// Of a server that cannot make random numbers, any will do.
fn fraction() -> f64 {
    f64::from(getrandom::u32().unwrap_or(0)) / f64::from(u32::MAX)
}

/// A random one (version 4).
pub fn uuid() -> String {
    let (high, low) = (getrandom::u64().unwrap_or(0), getrandom::u64().unwrap_or(0));
    let (high, low) = ((high & !0xf000) | 0x4000, (low & !(0b11 << 62)) | (0b10 << 62));
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_run_is_sent_again_only_where_that_is_safe() {
        let retry = Retry::default();
        let refused = |reason: &str, retry_after| Error::Refused {
            message: String::new(),
            reason: reason.into(),
            code: tonic::Code::Unavailable,
            retry_after,
            fields: Vec::new(),
        };
        let lost = Error::Lost { message: String::new(), code: tonic::Code::Unavailable };
        let second = Duration::from_secs(1);
        assert_eq!(retry.wait(1, &refused("QUEUE_FULL", Some(second)), false), Some(second));
        assert_eq!(retry.wait(4, &refused("QUEUE_FULL", Some(second)), false), None);
        assert_eq!(retry.wait(1, &refused("INVALID_REQUEST", None), true), None);
        assert_eq!(retry.wait(1, &lost, false), None);
        assert!(retry.wait(3, &lost, true).is_some_and(|wait| wait <= Duration::from_millis(400)));
        assert_eq!(Retry::never().request_id(), "");
    }

    #[test]
    fn ids_are_uuids_of_version_4() {
        let id = uuid();
        let parts: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!((parts.as_slice(), &id[14..15]), (&[8, 4, 4, 4, 12][..], "4"));
        assert!("89ab".contains(&id[19..20]) && id != uuid());
    }
}
