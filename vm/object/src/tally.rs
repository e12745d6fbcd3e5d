//! The tally: how often threads have waited for each other, and for how long.

use crate::thread::Thread;
use std::cell::Cell;
use std::time::Instant;

/// What a thread counts of itself; plain numbers, which others read while it stands still.
#[derive(Default)]
pub(crate) struct Tally {
    counts: [Cell<u64>; KINDS],
}

/// What is counted.
#[derive(Clone, Copy)]
pub(crate) enum Count {
    /// Waits for the native lock, and their time.
    NativeWaits,
    NativeWaitNs,
    /// Times that the world was stopped, until it went on, and the longest of them.
    Stops,
    StopNs,
    LongestStopNs,
    /// What was left for a grace period.
    Delayed,
    /// Queues of counts that were settled.
    Merges,
    /// Batches of references taken into stock.
    Stocked,
}

const KINDS: usize = 8;

/// What the numbers are called, in the order of [`Count`].
const NAMES: [&str; KINDS] = [
    "native_lock_waits",
    "native_lock_wait_ns",
    "world_stops",
    "world_stop_ns",
    "world_stop_longest_ns",
    "delayed_releases",
    "merges",
    "stock_batches",
];

/// The numbers of threads together.
pub(crate) type Sums = [u64; KINDS];

impl Tally {
    #[inline]
    pub(crate) fn add(&self, what: Count, n: u64) {
        let count = &self.counts[what as usize];
        count.set(count.get() + n);
    }

    /// A stop of the world that began at `since` is over.
    pub(crate) fn stopped(&self, since: Instant) {
        let ns = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.add(Count::Stops, 1);
        self.add(Count::StopNs, ns);
        let longest = &self.counts[Count::LongestStopNs as usize];
        longest.set(longest.get().max(ns));
    }

    pub(crate) fn add_to(&self, sums: &mut Sums) {
        for (i, count) in self.counts.iter().enumerate() {
            sums[i] = if i == Count::LongestStopNs as usize { sums[i].max(count.get()) } else { sums[i] + count.get() };
        }
    }
}

impl Thread {
    /// What the isolate's threads have counted, those included that have ended.
    pub fn tallies(&self) -> Vec<(&'static str, u64)> {
        let mut sums = self.isolate.tallies.lock().to_owned();
        // SAFETY: the others stand still, or wait for their turn.
        self.alone(|| unsafe { self.isolate.each_thread(|t| t.tally.add_to(&mut sums)) });
        NAMES.into_iter().zip(sums).collect()
    }
}
