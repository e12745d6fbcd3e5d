//! Stopping the world: one participant goes on, all others are offline.
//!
//! A stopped world is a domain in which every seat but one says offline. So the handshake is that of a grace period,
//! plus one word, `stopped_by`, which keeps others from coming online: they store their seat, fence, and look at the
//! word; the stopper stores the word, fences, and looks at the seats. By the two fences one sees the other. Whoever came
//! online in spite of a stop goes offline again before it reads anything.

use crate::{
    domain::{Domain, OFFLINE},
    mutant::{Mutant, planted},
    participant::Participant,
    sync::{
        MutexGuard,
        Ordering::{Acquire, Relaxed, Release, SeqCst},
        fence, is_torn_down,
    },
};

/// The world stands still until this is dropped.
#[derive(Debug)]
#[must_use = "the world goes on when this is dropped"]
pub struct StoppedWorld<'a> {
    domain: &'a Domain,
    _stopper: MutexGuard<'a, ()>,
}

impl Domain {
    /// Stops every participant but `me`: they are asked in their words, and have gone offline when this returns. `me` is
    /// online then, whatever it was. While it waits for its turn it is offline, so it must not hold what another
    /// stopper could need, and what it had read is stale.
    ///
    /// Calling it again before the world goes on waits for ever; see [`Domain::is_stopped_by`].
    pub fn stop_world(&self, me: &mut Participant) -> StoppedWorld<'_> {
        assert!(std::ptr::eq(self, &**me.domain()), "a participant of another domain");
        debug_assert!(!self.is_stopped_by(me), "the world is stopped already");
        debug_assert!(!self.is_left_to(me), "nobody else runs");
        me.offline();
        let stopper = self.stopper.lock();
        // Relaxed: ordered by the fence below.
        self.stopped_by.store(me.seat_ptr(), Relaxed);
        me.online();
        // SeqCst: pairs with the fence in `Participant::online`.
        fence(SeqCst);
        for seat in self.seats() {
            // Relaxed: pairs with nothing; one request too many does no harm, and by the fence none is too few.
            if !std::ptr::eq(seat, me.seat()) && seat.seen.load(Relaxed) != OFFLINE {
                seat.ask(self.requests.stop);
            }
        }
        self.turnstile.wait_until(|| {
            // Acquire: pairs with the Release in `Participant::offline`: the others' writes are visible.
            self.seats().all(|seat| std::ptr::eq(seat, me.seat()) || seat.seen.load(Acquire) == OFFLINE)
        });
        StoppedWorld { domain: self, _stopper: stopper }
    }

    /// Runs `f`, which copies the process by fork, in a world that the caller has stopped. The copy (`is_copy` tells) has his
    /// thread alone, and no lock of the domain is held in it: those who went offline for him, or come back just now, would hold it.
    pub fn copying<R>(&self, f: impl FnOnce() -> R, is_copy: impl FnOnce(&R) -> bool) -> R {
        let made = self.turnstile.copying(f);
        if is_copy(&made) {
            self.forget_others();
        }
        made
    }

    /// In the copy: whoever came online when the world was copied, and had not seen yet that it was stopped, is not there to go
    /// offline again, so his seat does it for him. Nobody reads by the others' seats.
    pub(crate) fn forget_others(&self) {
        self.turnstile.forget_others();
        self.forget_coming();
        // Relaxed: pairs with nothing; the caller stored it.
        let mine = self.stopped_by.load(Relaxed).cast_const();
        for seat in self.seats().filter(|seat| !std::ptr::eq(*seat, mine)) {
            if !planted(Mutant::CopySeated) {
                // Relaxed: the copy has one thread.
                seat.seen.store(OFFLINE, Relaxed);
            }
        }
    }

    /// Whether the world is stopped, by anybody.
    pub fn is_stopped(&self) -> bool {
        // Acquire: pairs with the Release in `StoppedWorld::drop`.
        !self.stopped_by.load(Acquire).is_null()
    }

    /// Whether `me` has stopped the world: the one who may do without locks.
    pub fn is_stopped_by(&self, me: &Participant) -> bool {
        // Relaxed: pairs with nothing; nobody else stores or removes this thread's own seat.
        self.stopped_by.load(Relaxed) == me.seat_ptr()
    }
}

impl Drop for StoppedWorld<'_> {
    fn drop(&mut self) {
        if is_torn_down() {
            return;
        }
        let order = if planted(Mutant::ResumeRelaxed) { Relaxed } else { Release };
        // Release: pairs with the Acquire in `Participant::online`: the others see the world as the stopper left it.
        self.domain.stopped_by.store(std::ptr::null_mut(), order);
        self.domain.turnstile.turn();
    }
}

/// Copies of a domain, for models of a fork.
#[cfg(vm_loom)]
mod twin {
    use super::{Domain, Participant, StoppedWorld};
    use crate::sync::Arc;

    impl Domain {
        /// The domain, and `me` in it, as a copy of the process has them: made at this moment by `me`, who has stopped the world
        /// and runs in [`Domain::copying`].
        pub fn twin(&self, me: &Participant) -> (Arc<Self>, Participant) {
            // First: loom switches threads at accesses that meet, and those that others make under the seat's lock meet this one.
            me.word().load();
            let (domain, seat) = self.with_seats_of(me.seat());
            let domain = Arc::new(domain);
            let me = me.moved(&domain, seat);
            (domain, me)
        }

        /// What [`Domain::copying`] does in the copy; the world it was copied in, which is to go on.
        pub fn awake(&self) -> StoppedWorld<'_> {
            self.forget_others();
            StoppedWorld { domain: self, _stopper: self.stopper.lock() }
        }
    }
}
