//! The parking lot: where threads sleep that wait for a lock of one byte.
//!
//! A lock says only *that* somebody waits; who waits is kept here, by the lock's address. The lot is a value (an isolate
//! has one), so that a model can have thousands; it is built on the façade's mutex and condition, so that loom sees it.
//!
//! Absence of lost wakeups: a thread parks only if the lock word, looked at under the bucket's mutex, still says so;
//! the word is changed from that state only under the same mutex.

use typhon_qsbr::{
    mutant::{Mutant, planted},
    sync::{Arc, Condvar, Mutex},
};

/// Buckets by address. One under loom: a collision must be correct as well.
const BUCKETS: usize = if cfg!(vm_loom) { 1 } else { 64 };

/// Where threads sleep, by the address they wait for.
#[derive(Debug)]
pub struct ParkingLot {
    buckets: Box<[Mutex<Vec<Sleeper>>]>,
}

#[derive(Debug)]
struct Sleeper {
    address: usize,
    bed: Arc<Bed>,
}

/// Shared between the sleeper and its waker, because the sleeper may have left before the waker is done with it.
#[derive(Debug)]
struct Bed {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl ParkingLot {
    /// An empty lot.
    pub fn new() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| Mutex::new(Vec::new())).collect() }
    }

    /// Sleeps until woken by [`ParkingLot::wake_one`], unless `still` says that there is nothing to wait for.
    pub(crate) fn park(&self, address: usize, still: impl FnOnce() -> bool) {
        let bed = Arc::new(Bed { woken: Mutex::new(false), changed: Condvar::new() });
        {
            let mut bucket = self.bucket(address).lock();
            if !planted(Mutant::ParkWithoutRecheck) && !still() {
                return;
            }
            bucket.push(Sleeper { address, bed: bed.clone() });
        }
        let mut woken = bed.woken.lock();
        while !*woken {
            woken = bed.changed.wait(woken);
        }
    }

    /// Wakes the thread that has slept longest for `address`. `change` runs first, under the bucket's mutex, and is
    /// told whether somebody goes on sleeping for it.
    pub(crate) fn wake_one(&self, address: usize, change: impl FnOnce(bool)) {
        let first = {
            let mut bucket = self.bucket(address).lock();
            let first = bucket.iter().position(|sleeper| sleeper.address == address).map(|at| bucket.remove(at));
            change(bucket.iter().any(|sleeper| sleeper.address == address));
            first
        };
        if let Some(sleeper) = first {
            *sleeper.bed.woken.lock() = true;
            sleeper.bed.changed.notify_one();
        }
    }

    fn bucket(&self, address: usize) -> &Mutex<Vec<Sleeper>> {
        // Multiply to spread the low bits, which objects of one size class have in common, over the high ones.
        let spread = (address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        &self.buckets[spread as usize % self.buckets.len()]
    }
}

impl Default for ParkingLot {
    fn default() -> Self {
        Self::new()
    }
}
