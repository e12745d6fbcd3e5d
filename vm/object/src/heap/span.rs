//! The span: memory times time, from when it was begun.
//!
//! Whoever tells the account of much, and whoever gives a charge back, adds what was in use until then. Two who do so at once need
//! not both be heard: what the one has changed counts from the next time on. Nor is little heard, until it is enough: each end of a
//! big int gives a charge back, and a look at the clock costs more than that.

use super::Heap;
use std::time::Instant;
use typhon_qsbr::sync::Mutex;

/// What changes by less than this is not heard.
const GRAIN: usize = 64 * 1024;

/// One isolate's span.
#[derive(Debug)]
pub(super) struct Span(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Until when it is added up.
    until: Instant,
    /// What has been in use since then.
    used: usize,
    byte_seconds: f64,
}

impl Span {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { until: Instant::now(), used: 0, byte_seconds: 0.0 }))
    }

    /// From now on so much is in use.
    pub(super) fn change(&self, used: usize) {
        if let Some(mut state) = self.0.try_lock()
            && used.abs_diff(state.used) >= GRAIN
        {
            state.add_up(used);
        }
    }
}

impl State {
    fn add_up(&mut self, used: usize) {
        let now = Instant::now();
        let time = now.saturating_duration_since(std::mem::replace(&mut self.until, now));
        self.byte_seconds += std::mem::replace(&mut self.used, used) as f64 * time.as_secs_f64();
    }
}

impl Heap {
    /// Begins the isolate's span anew.
    pub fn begin_span(&self) {
        let used = self.used();
        *self.common.account.span.0.lock() = State { until: Instant::now(), used, byte_seconds: 0.0 };
    }

    /// What the isolate has had in use since its span was begun: bytes times seconds.
    pub fn span(&self) -> f64 {
        let mut state = self.common.account.span.0.lock();
        state.add_up(self.used());
        state.byte_seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MIB: f64 = 1024.0 * 1024.0;

    /// Waits until the clock says so.
    fn wait(time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time {
            std::thread::yield_now();
        }
    }

    /// However long it waits in truth, what was in use counts for at least the times that were asked for, and for no more than those
    /// between looks at the clock.
    #[test]
    fn memory_counts_for_as_long_as_it_is_in_use() {
        let heap = Heap::new(1 << 30);
        let time = Duration::from_millis(20);
        heap.begin_span();
        let began = Instant::now();
        heap.charge(64 << 20).expect("within the limit");
        wait(time);
        heap.uncharge(48 << 20);
        let high = began.elapsed().as_secs_f64();
        wait(time);
        let sum = heap.span();
        let all = began.elapsed().as_secs_f64();
        let least = (64.0 + 16.0) * MIB * time.as_secs_f64();
        let most = 64.0 * MIB * high + 17.0 * MIB * (all - high) + MIB;
        assert!(sum >= least && sum <= most, "{least} <= {sum} <= {most}");
        heap.begin_span();
        assert!(heap.span() < sum, "begun anew");
    }
}
