//! The tally: how often threads have waited for each other, and for how long.

use crate::thread::Thread;
use std::cell::Cell;
use std::time::{Duration, Instant};
use typhon_qsbr::Waits;

/// What a thread counts of itself; plain numbers, which others read while it stands still.
#[derive(Default)]
pub(crate) struct Tally {
    counts: [Cell<u64>; KINDS],
}

/// What is counted.
#[derive(Clone, Copy)]
pub(crate) enum Count {
    /// Times that the isolate came to have a second thread.
    Shares,
    /// Times that a thread began to run as if alone.
    Solos,
    /// Queues of counts that were settled.
    Merges,
    /// Batches of references taken into stock.
    Stocked,
    /// What was left for a grace period.
    Delayed,
    /// Batches of that whose grace period was over, how long they had waited for it, and the longest.
    Graces,
    GraceNs,
    LongestGraceNs,
    /// Waits for the native lock, and their time.
    NativeWaits,
    NativeWaitNs,
    /// Times that the world was stopped, until it went on, and the longest of them.
    Stops,
    StopNs,
    LongestStopNs,
    /// Collections, their time, and the longest.
    Collections,
    CollectionNs,
    LongestCollectionNs,
}

const KINDS: usize = 16;

/// What the numbers are called, in the order of [`Count`].
const NAMES: [&str; KINDS] = [
    "shares",
    "solos",
    "merges",
    "stock_batches",
    "delayed_releases",
    "graces",
    "grace_ns",
    "grace_longest_ns",
    "native_lock_waits",
    "native_lock_wait_ns",
    "world_stops",
    "world_stop_ns",
    "world_stop_longest_ns",
    "collections",
    "collection_ns",
    "collection_longest_ns",
];

/// Which of them are the longest of their kind, not sums.
const LONGEST: [Count; 3] = [Count::LongestGraceNs, Count::LongestStopNs, Count::LongestCollectionNs];

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
        let time = since.elapsed();
        self.took([Count::Stops, Count::StopNs, Count::LongestStopNs], 1, time, time);
    }

    /// A collection is over.
    pub(crate) fn collected(&self, time: Duration) {
        self.took([Count::Collections, Count::CollectionNs, Count::LongestCollectionNs], 1, time, time);
    }

    /// Grace periods are over.
    pub(crate) fn waited(&self, waits: Waits) {
        if waits.batches > 0 {
            let kinds = [Count::Graces, Count::GraceNs, Count::LongestGraceNs];
            self.took(kinds, waits.batches, waits.time, waits.longest);
        }
    }

    /// So many of a kind have taken so long together, and the longest so long.
    fn took(&self, [times, sum, longest]: [Count; 3], n: u64, time: Duration, most: Duration) {
        self.add(times, n);
        self.add(sum, nanoseconds(time));
        let longest = &self.counts[longest as usize];
        longest.set(longest.get().max(nanoseconds(most)));
    }

    pub(crate) fn add_to(&self, sums: &mut Sums) {
        for (i, count) in self.counts.iter().enumerate() {
            let longest = LONGEST.iter().any(|kind| *kind as usize == i);
            sums[i] = if longest { sums[i].max(count.get()) } else { sums[i] + count.get() };
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Thread {
    /// What the isolate's threads have counted, those included that have ended.
    pub fn tallies(&self) -> Vec<(&'static str, u64)> {
        NAMES.into_iter().zip(self.sums()).collect()
    }

    fn sums(&self) -> Sums {
        let mut sums = self.isolate.tallies.lock().to_owned();
        // SAFETY: the others stand still, or wait for their turn.
        self.alone(|| unsafe { self.isolate.each_thread(|t| t.tally.add_to(&mut sums)) });
        sums
    }

    /// What the isolate's threads have cost each other so far.
    pub fn sharing(&self) -> Sharing {
        let sums = self.sums();
        let (number, time) =
            (|kind: Count| sums[kind as usize], |kind: Count| Duration::from_nanos(sums[kind as usize]));
        Sharing {
            shares: number(Count::Shares),
            merges: number(Count::Merges),
            delayed_releases: number(Count::Delayed),
            graces: number(Count::Graces),
            grace: time(Count::GraceNs),
            native_lock_waits: number(Count::NativeWaits),
            native_lock_wait: time(Count::NativeWaitNs),
            world_stops: number(Count::Stops),
            world_stop: time(Count::StopNs),
            collections: number(Count::Collections),
        }
    }
}

/// What threads of an isolate cost each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sharing {
    /// Times that there came to be a second thread.
    pub shares: u64,
    /// Queues of counts that were settled.
    pub merges: u64,
    /// What was left for a grace period.
    pub delayed_releases: u64,
    /// Batches of that which were released.
    pub graces: u64,
    /// How long they had waited, together.
    pub grace: Duration,
    /// Waits for the native lock.
    pub native_lock_waits: u64,
    /// Their time.
    pub native_lock_wait: Duration,
    /// Times that one thread stopped the others.
    pub world_stops: u64,
    /// How long they stood.
    pub world_stop: Duration,
    /// Collections of garbage, which stop the others, too.
    pub collections: u64,
}

impl Sharing {
    /// What came after `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            shares: self.shares.saturating_sub(before.shares),
            merges: self.merges.saturating_sub(before.merges),
            delayed_releases: self.delayed_releases.saturating_sub(before.delayed_releases),
            graces: self.graces.saturating_sub(before.graces),
            grace: self.grace.saturating_sub(before.grace),
            native_lock_waits: self.native_lock_waits.saturating_sub(before.native_lock_waits),
            native_lock_wait: self.native_lock_wait.saturating_sub(before.native_lock_wait),
            world_stops: self.world_stops.saturating_sub(before.world_stops),
            world_stop: self.world_stop.saturating_sub(before.world_stop),
            collections: self.collections.saturating_sub(before.collections),
        }
    }
}
