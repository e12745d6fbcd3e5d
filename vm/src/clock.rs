//! How much processor time a thread, or a guest with several, has used, read from another thread.

use parking_lot::Mutex;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::thread::ThreadId;
use std::time::Duration;

/// The CPU clock of one thread. Meaningful while that thread lives.
#[derive(Clone, Copy, Debug)]
pub struct ThreadClock(libc::clockid_t);

impl ThreadClock {
    /// The calling thread's clock. `None` where the system has none.
    pub fn of_this_thread() -> Option<ThreadClock> {
        let mut id = MaybeUninit::uninit();
        // SAFETY: the calling thread is alive, and `id` is writable memory of the right type.
        let status = unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), id.as_mut_ptr()) };
        // SAFETY: the call succeeded, so it wrote the id.
        (status == 0).then(|| ThreadClock(unsafe { id.assume_init() }))
    }

    /// Time that the calling thread has used so far: the system need not look for the thread.
    fn own() -> Option<Duration> {
        ThreadClock(libc::CLOCK_THREAD_CPUTIME_ID).elapsed()
    }

    /// Time used so far. `None` once the thread has ended.
    pub fn elapsed(self) -> Option<Duration> {
        let mut time = MaybeUninit::<libc::timespec>::uninit();
        // SAFETY: `time` is writable memory of the right type; a clock id that is no longer valid is an error, not UB.
        let status = unsafe { libc::clock_gettime(self.0, time.as_mut_ptr()) };
        if status != 0 {
            return None;
        }
        // SAFETY: the call succeeded, so it wrote the time.
        let time = unsafe { time.assume_init() };
        Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
    }
}

/// The processor time of everything that works for one guest: whoever does says when it begins and ends. Clones are of
/// the same meter.
#[derive(Clone, Debug, Default)]
pub struct CpuMeter(Arc<Mutex<Metered>>);

#[derive(Debug, Default)]
struct Metered {
    /// Threads at work, and what their clocks said when they began.
    running: Vec<(ThreadId, ThreadClock, Duration)>,
    /// Used by threads that have ended.
    spent: Duration,
}

impl CpuMeter {
    /// The calling thread's time counts from now on.
    pub fn begin(&self) {
        if let Some(clock) = ThreadClock::of_this_thread()
            && let Some(now) = ThreadClock::own()
        {
            self.0.lock().running.push((std::thread::current().id(), clock, now));
        }
    }

    /// The calling thread's time, which counted until now, counts no further.
    pub fn end(&self) {
        let me = std::thread::current().id();
        let mut metered = self.0.lock();
        if let Some(at) = metered.running.iter().position(|(id, ..)| *id == me) {
            let (_, _, began) = metered.running.swap_remove(at);
            metered.spent += ThreadClock::own().unwrap_or_default().saturating_sub(began);
        }
    }

    /// Forgets what was used so far; who is at work stays so.
    pub fn restart(&self) {
        let mut metered = self.0.lock();
        metered.spent = Duration::ZERO;
        for (_, clock, began) in &mut metered.running {
            *began = clock.elapsed().unwrap_or(*began);
        }
    }

    /// What was used so far.
    pub fn used(&self) -> Duration {
        let metered = self.0.lock();
        let used = |(_, clock, began): &(ThreadId, ThreadClock, Duration)| {
            clock.elapsed().unwrap_or_default().saturating_sub(*began)
        };
        metered.spent + metered.running.iter().map(used).sum::<Duration>()
    }

    /// How many threads are at work.
    pub fn running(&self) -> usize {
        self.0.lock().running.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spin(time: Duration) {
        let clock = ThreadClock::of_this_thread().expect("a clock");
        let began = clock.elapsed().expect("alive");
        while clock.elapsed().expect("alive") < began + time {}
    }

    #[test]
    fn a_meter_sums_threads_that_run_and_that_have_ended() {
        let meter = CpuMeter::default();
        let ms = Duration::from_millis;
        spin(ms(5));
        meter.begin();
        let before = meter.used();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    meter.begin();
                    spin(ms(4));
                    meter.end();
                    spin(ms(4));
                });
            }
        });
        assert!(before < ms(4), "{before:?}");
        assert_eq!(meter.running(), 1);
        assert!(meter.used() >= ms(12) && meter.used() < ms(24), "{:?}", meter.used());
        meter.end();
        let used = meter.used();
        spin(ms(1));
        assert_eq!(used, meter.used());
    }
}
