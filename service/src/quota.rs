//! Quotas: how much of the server one tenant may have.

use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::config::{Bytes, FromText};
use crate::error::Refusal;

/// What one tenant may have. Absent in the file takes the default, which is no limit besides the server's own.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    /// Its part of busy workers, against the weights of others.
    #[serde(deserialize_with = "positive")]
    pub weight: u32,
    /// Executions that run at once.
    #[serde(deserialize_with = "positive")]
    pub executions: u32,
    /// Executions that wait for a worker.
    pub waiting: u32,
    pub sessions: u32,
    /// Heap of each of its executions and sessions.
    #[serde(deserialize_with = "bytes")]
    pub heap: u64,
    /// Heap that its sessions may hold.
    #[serde(deserialize_with = "bytes")]
    pub sessions_heap: u64,
    /// Bytes of its snapshots.
    #[serde(deserialize_with = "bytes")]
    pub snapshots: u64,
    /// Executions and sessions begun per second, in the long run.
    #[serde(deserialize_with = "rate")]
    pub rate: f64,
    /// So many at once.
    #[serde(deserialize_with = "positive")]
    pub burst: u32,
}

impl Default for Quota {
    fn default() -> Quota {
        Quota {
            weight: 1,
            executions: u32::MAX,
            waiting: u32::MAX,
            sessions: u32::MAX,
            heap: u64::MAX,
            sessions_heap: u64::MAX,
            snapshots: u64::MAX,
            rate: f64::INFINITY,
            burst: 100,
        }
    }
}

fn positive<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    match u32::deserialize(from)? {
        0 => Err(serde::de::Error::custom("must be at least 1")),
        number => Ok(number),
    }
}

fn rate<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    match f64::deserialize(from)? {
        rate if rate > 0.0 => Ok(rate),
        _ => Err(serde::de::Error::custom("must be more than 0")),
    }
}

fn bytes<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let text = String::deserialize(from)?;
    Bytes::from_text(&text).map(|bytes| bytes.0).ok_or_else(|| serde::de::Error::custom(Bytes::EXPECTED))
}

/// Which quota was full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaName {
    Rate,
    Waiting,
    Sessions,
    SessionsHeap,
    Snapshots,
}

impl QuotaName {
    /// The `reason` of its refusal.
    pub fn reason(self) -> &'static str {
        match self {
            QuotaName::Rate => "TENANT_RATE",
            QuotaName::Waiting => "TENANT_QUEUE",
            QuotaName::Sessions => "TENANT_SESSIONS",
            QuotaName::SessionsHeap => "TENANT_MEMORY",
            QuotaName::Snapshots => "TENANT_SNAPSHOTS",
        }
    }

    pub fn what(self) -> &'static str {
        match self {
            QuotaName::Rate => "executions and sessions begun per second",
            QuotaName::Waiting => "executions that wait",
            QuotaName::Sessions => "sessions",
            QuotaName::SessionsHeap => "bytes that sessions hold",
            QuotaName::Snapshots => "bytes of snapshots",
        }
    }
}

/// What a tenant may begin now: full it holds the burst, and it fills at the rate.
pub struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    pub fn full(quota: &Quota) -> Bucket {
        Bucket { tokens: f64::from(quota.burst), at: Instant::now() }
    }

    /// As full as a new one, by now.
    pub fn is_full(&self, quota: &Quota) -> bool {
        let room = f64::from(quota.burst) - self.tokens;
        quota.rate.is_infinite() || self.at.elapsed().as_secs_f64() * quota.rate >= room
    }

    /// Takes one, or says how long until there is one.
    pub fn take(&mut self, quota: &Quota, now: Instant) -> Result<(), Duration> {
        if quota.rate.is_infinite() {
            return Ok(());
        }
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * quota.rate).min(f64::from(quota.burst));
        self.at = self.at.max(now);
        if self.tokens < 1.0 {
            let wait = (1.0 - self.tokens) / quota.rate;
            // A rate of next to nothing is a wait of next to for ever.
            return Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX).min(LONGEST));
        }
        self.tokens -= 1.0;
        Ok(())
    }
}

/// No client is told to come again later than that.
const LONGEST: Duration = Duration::from_secs(86_400);

/// The refusal of what a quota does not allow.
pub fn refuse(tenant: &str, which: QuotaName, max: u64, retry_after: Duration) -> Refusal {
    Refusal::QuotaFull { tenant: tenant.to_owned(), which, max, retry_after }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_the_burst_and_fills_at_the_rate() {
        let quota = Quota { rate: 4.0, burst: 2, ..Quota::default() };
        let mut bucket = Bucket::full(&quota);
        let start = bucket.at;
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!(bucket.take(&quota, start), Ok(()));
        assert_eq!(bucket.take(&quota, start), Ok(()));
        assert_eq!(bucket.take(&quota, start), Err(Duration::from_millis(250)));
        assert_eq!(bucket.take(&quota, after(125)), Err(Duration::from_millis(125)));
        assert_eq!(bucket.take(&quota, after(250)), Ok(()));
        // An hour fills it no more than full.
        assert_eq!(bucket.take(&quota, after(3_600_000)), Ok(()));
        assert_eq!(bucket.take(&quota, after(3_600_000)), Ok(()));
        assert!(bucket.take(&quota, after(3_600_000)).is_err());
        assert!(!bucket.is_full(&quota) && Bucket::full(&quota).is_full(&quota));
        assert!(bucket.is_full(&Quota::default()), "where there is no rate");
    }

    #[test]
    fn a_quota_is_read_with_its_units_and_refused_when_it_is_none() {
        let quota: Quota = toml::from_str("weight = 3\nsessions_heap = \"2MiB\"\nrate = 0.5").expect("a quota");
        assert_eq!((quota.weight, quota.sessions_heap, quota.rate, quota.waiting), (3, 2 << 20, 0.5, u32::MAX));
        for bad in [
            "weight = 0",
            "executions = 0",
            "rate = 0.0",
            "rate = -1.0",
            "rate = nan",
            "sessions_heap = \"2MB\"",
            "x = 1",
        ] {
            assert!(toml::from_str::<Quota>(bad).is_err(), "{bad}");
        }
    }
}
