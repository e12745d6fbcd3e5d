//! A handle that stops an isolate from any thread.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::limits::LimitHit;

/// Why an isolate must stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CancelReason {
    /// Ends the execution with `WALL_TIME`, `CPU_TIME`, `OUTPUT`, ... according to the limit's name.
    Limit(LimitHit),
    CancelledByClient,
    ClientGone,
    ServerDrain,
    /// Raises `KeyboardInterrupt` in the guest's main thread; the guest may catch it and go on.
    Interrupt,
}

/// A cloneable handle. The first terminal reason wins and stays; [`CancelReason::Interrupt`] is not terminal.
#[derive(Clone, Default)]
pub struct Cancel {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    reason: Option<CancelReason>,
    interrupts: u32,
    /// There has been an interrupt, taken or not.
    interrupted: bool,
    next_id: u64,
    hooks: Vec<(u64, Hook)>,
}

type Hook = Arc<dyn Fn(&CancelReason) + Send + Sync>;

/// Keeps a hook attached; dropping it detaches.
#[must_use = "dropping the attachment detaches the hook"]
pub struct Attachment {
    id: u64,
    state: Arc<Mutex<State>>,
}

impl Cancel {
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Stops the isolate: records the reason and calls every hook. Returns false when it was already stopped.
    pub fn cancel(&self, reason: CancelReason) -> bool {
        let hooks: Vec<Hook> = {
            let mut state = self.state.lock();
            if state.reason.is_some() {
                return false;
            }
            if reason == CancelReason::Interrupt {
                state.interrupts = state.interrupts.saturating_add(1);
                state.interrupted = true;
            } else {
                state.reason = Some(reason.clone());
            }
            state.hooks.iter().map(|(_, hook)| hook.clone()).collect()
        };
        // Outside the lock: a hook may take its own.
        hooks.iter().for_each(|hook| hook(&reason));
        true
    }

    /// The terminal reason, once there is one.
    pub fn reason(&self) -> Option<CancelReason> {
        self.state.lock().reason.clone()
    }

    /// Whether an interrupt was asked for.
    pub fn interrupted(&self) -> bool {
        self.state.lock().interrupted
    }

    /// Takes one pending interrupt: the engine raises one `KeyboardInterrupt` for each.
    pub fn take_interrupt(&self) -> bool {
        let mut state = self.state.lock();
        let pending = state.interrupts > 0;
        state.interrupts = state.interrupts.saturating_sub(1);
        pending
    }

    /// Calls `hook` on every later cancel, and at once for what happened before. The engine's hook sets the isolate's
    /// interrupt word and wakes what sleeps; a host's hook wakes its blocked writer.
    pub fn attach(&self, hook: impl Fn(&CancelReason) + Send + Sync + 'static) -> Attachment {
        let hook: Hook = Arc::new(hook);
        let (id, already) = {
            let mut state = self.state.lock();
            let id = state.next_id;
            state.next_id += 1;
            state.hooks.push((id, hook.clone()));
            let pending = (state.interrupts > 0).then_some(CancelReason::Interrupt);
            (id, state.reason.clone().or(pending))
        };
        if let Some(reason) = already {
            hook(&reason);
        }
        Attachment { id, state: self.state.clone() }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.state.lock().hooks.retain(|(id, _)| *id != self.id);
    }
}
