//! The watchdog: one thread that cancels executions when their wall time or CPU time is used up.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use typhon_vm::{Cancel, CancelReason, CpuMeter, LimitHit, LimitName};

/// Watches any number of executions. Dropping it ends its thread.
pub struct Watchdog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// Watches compiling for whoever begins it later.
pub struct CompileWatch {
    shared: Arc<Shared>,
    limit: Duration,
    cancel: Cancel,
}

impl CompileWatch {
    /// From now on, as long as what this returns is there.
    pub fn begin(&self) -> Watch {
        let meter = CpuMeter::default();
        self.shared.watch(LimitName::Compile, (self.limit, Duration::MAX), &meter, &self.cancel)
    }
}

struct State {
    /// One entry per running execution, so a scan is as short as the worker pool.
    entries: HashMap<u64, Entry>,
    next_id: u64,
    /// When the thread wakes by itself. An earlier entry must notify it, a later one need not: in the steady state of
    /// short executions nobody pays for a wake-up.
    wake: Option<Instant>,
    stopping: bool,
}

struct Entry {
    cancel: Cancel,
    /// What its wall time is the limit of.
    which: LimitName,
    wall: Duration,
    started: Instant,
    cpu: CpuWatch,
    /// The next time this entry may have run out.
    next: Instant,
}

struct CpuWatch {
    meter: CpuMeter,
    limit: Duration,
}

/// Keeps an execution watched; dropping it ends that.
pub struct Watch {
    id: u64,
    shared: Arc<Shared>,
}

/// However little CPU time is left, the clock is not read more often than this.
const CPU_POLL_MIN: Duration = Duration::from_millis(1);
/// However much is left, it is read as often as this: in between, a guest may have started threads.
const CPU_POLL_MAX: Duration = Duration::from_millis(250);

impl Watchdog {
    pub fn start() -> std::io::Result<Watchdog> {
        let state = State { entries: HashMap::new(), next_id: 0, wake: None, stopping: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let thread = std::thread::Builder::new().name("typhon-watchdog".into()).spawn({
            let shared = shared.clone();
            move || shared.run()
        })?;
        Ok(Watchdog { shared, thread: Some(thread) })
    }

    /// Watches an execution from now on, whose processor time `meter` shows.
    pub fn watch(&self, wall: Duration, cpu: Duration, meter: &CpuMeter, cancel: &Cancel) -> Watch {
        self.shared.watch(LimitName::Wall, (wall, cpu), meter, cancel)
    }

    /// To watch that compiling takes no longer than this.
    pub fn for_compiling(&self, limit: Duration, cancel: &Cancel) -> CompileWatch {
        CompileWatch { shared: self.shared.clone(), limit, cancel: cancel.clone() }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.state.lock().stopping = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // The thread runs only our own code; if it panicked, the panic was reported when it happened.
            let _ended = thread.join();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.state.lock().entries.remove(&self.id);
    }
}

impl Shared {
    fn watch(
        self: &Arc<Shared>,
        which: LimitName,
        (wall, cpu): (Duration, Duration),
        meter: &CpuMeter,
        cancel: &Cancel,
    ) -> Watch {
        let started = Instant::now();
        let next = started + wall.min(cpu).min(CPU_POLL_MAX);
        let cpu = CpuWatch { meter: meter.clone(), limit: cpu };
        let mut state = self.state.lock();
        let id = state.next_id;
        state.next_id += 1;
        state.entries.insert(id, Entry { cancel: cancel.clone(), which, wall, started, cpu, next });
        if state.wake.is_none_or(|wake| next < wake) {
            state.wake = Some(next);
            self.changed.notify_one();
        }
        Watch { id, shared: self.clone() }
    }

    fn run(&self) {
        let mut state = self.state.lock();
        while !state.stopping {
            let now = Instant::now();
            let mut expired = Vec::new();
            for entry in state.entries.values_mut().filter(|entry| entry.next <= now) {
                match entry.check(now) {
                    Ok(next) => entry.next = next,
                    Err(hit) => {
                        expired.push((entry.cancel.clone(), hit));
                        entry.next = now + Duration::from_secs(3600);
                    }
                }
            }
            if !expired.is_empty() {
                // Cancelling calls hooks, which must not run under our lock.
                parking_lot::MutexGuard::unlocked(&mut state, || {
                    for (cancel, hit) in expired {
                        cancel.cancel(CancelReason::Limit(hit));
                    }
                });
                continue;
            }
            state.wake = state.entries.values().map(|entry| entry.next).min();
            match state.wake {
                Some(wake) => {
                    self.changed.wait_until(&mut state, wake);
                }
                None => self.changed.wait(&mut state),
            }
        }
    }
}

impl Entry {
    /// When to look again, or the limit that is used up.
    fn check(&self, now: Instant) -> Result<Instant, LimitHit> {
        let wall_end = self.started + self.wall;
        if now >= wall_end {
            return Err(LimitHit::time(self.which, self.wall, now - self.started));
        }
        let (used, limit) = (self.cpu.meter.used(), self.cpu.limit);
        if used >= limit {
            return Err(LimitHit::time(LimitName::Cpu, limit, used));
        }
        // Each thread uses at most all of its time, so the limit cannot be reached much before this.
        let threads = u32::try_from(self.cpu.meter.running().max(1)).unwrap_or(u32::MAX);
        Ok(wall_end.min(now + ((limit - used) / threads).clamp(CPU_POLL_MIN, CPU_POLL_MAX)))
    }
}

#[cfg(test)]
mod tests;
