//! The participant: one thread's standing in a domain.

use std::ptr::NonNull;

use crate::{
    cell::Bits,
    domain::{Domain, OFFLINE, Seat},
    guard::Guard,
    mutant::{Mutant, planted},
    sync::{
        Arc,
        Ordering::{Acquire, Relaxed, Release, SeqCst},
        fence, is_torn_down,
    },
};

/// One thread's seat in a domain. Dropping it leaves the domain.
///
/// ```text
///            online (waits while the world is stopped)
///  Offline ─────────────────────────────────────────────▶ Online ──┐ report: nothing is borrowed at this moment
///     ▲                                                     │  ▲    │
///     └─────────────────────────────────────────────────────┘  └────┘
///            offline: nothing is borrowed until further notice
/// ```
///
/// A [`Guard`] borrows the participant, so the compiler sees to it that nothing read under a guard is used after a
/// report or while offline.
#[derive(Debug)]
pub struct Participant {
    domain: Arc<Domain>,
    seat: NonNull<Seat>,
    word: Arc<Bits>,
    online: bool,
}

/// Whether a participant may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may, and others wait for its reports.
    Online,
    /// It may not, and nobody waits for it.
    Offline,
}

/// What happened at a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "after anything but `Undisturbed` what was read before may be gone"]
pub enum Checkpoint {
    /// Nobody asked for anything.
    Undisturbed,
    /// A report was made.
    Reported,
    /// The world was stopped meanwhile.
    Stopped,
}

// SAFETY: the seat lives as long as the domain, which the participant keeps alive, and is written only through `&mut`;
// everything else in here can be sent.
unsafe impl Send for Participant {}
// SAFETY: a shared participant only hands out guards, reads its own fields and loads atomics of its seat.
unsafe impl Sync for Participant {}

impl Participant {
    /// Takes a seat in `domain`, offline. The domain makes its requests in `word`, which the thread must look at while it
    /// is online.
    pub fn join(domain: &Arc<Domain>, word: Arc<Bits>) -> Self {
        let seat = NonNull::from_ref(domain.take_seat(word.clone()));
        Self { domain: domain.clone(), seat, word, online: false }
    }

    /// The domain.
    pub fn domain(&self) -> &Arc<Domain> {
        &self.domain
    }

    /// The word in which the domain makes its requests.
    pub fn word(&self) -> &Arc<Bits> {
        &self.word
    }

    /// Whether the participant may read.
    pub fn standing(&self) -> Standing {
        if self.online { Standing::Online } else { Standing::Offline }
    }

    /// Proof that the participant may read. `None` while it is offline.
    #[inline]
    pub fn guard(&self) -> Option<Guard<'_>> {
        // SAFETY: the participant is online, and stays so while the guard borrows it: going offline and reporting take
        // `&mut self`.
        self.online.then(|| unsafe { Guard::assume(&self.domain) })
    }

    /// Comes online; waits while the world is stopped. Returns the standing before.
    pub fn online(&mut self) -> Standing {
        if self.online {
            return Standing::Online;
        }
        let (domain, seat) = (&*self.domain, self.seat());
        let mut coming = None;
        loop {
            let seen = domain.sequence();
            if planted(Mutant::OnlineWithoutFence) {
                seat.seen.store(seen, Release);
            } else {
                // Relaxed: ordered by the fence.
                seat.seen.store(seen, Relaxed);
                // SeqCst: pairs with the fences in `Domain::poll`, `Domain::request`, `Domain::is_alone`,
                // `Domain::stop_world` and `Domain::begin_alone`: either they see this seat, or this thread sees what
                // they wrote before.
                fence(SeqCst);
            }
            // Acquire: pairs with the Release in `StoppedWorld::drop`: the heap is as the stopper left it.
            let stopper = domain.stopped_by.load(Acquire);
            if !stopper.is_null() && stopper != self.seat.as_ptr() && !planted(Mutant::OnlineIgnoresStop) {
                // Release: pairs with the Acquire in `Domain::poll` and `Domain::stop_world`.
                seat.seen.store(OFFLINE, Release);
                domain.turnstile.turn();
                // Acquire: pairs with the Release in `StoppedWorld::drop`.
                domain.turnstile.wait_until(|| domain.stopped_by.load(Acquire).is_null());
                continue;
            }
            if domain.is_left_to_another(self) {
                // Release: as above, and pairs with the Acquire in `Domain::begin_alone`.
                seat.seen.store(OFFLINE, Release);
                domain.turnstile.turn();
                coming.get_or_insert_with(|| domain.come()).wait();
                continue;
            }
            // A goal set since the first read may have been requested while the seat still said offline; nobody would
            // ask again. Whoever polled in between may sleep already.
            let now = domain.sequence();
            if now != seen {
                // Release: pairs with the Acquire in `Domain::poll`.
                seat.seen.store(now, Release);
                domain.turnstile.turn();
            }
            break;
        }
        self.online = true;
        Standing::Offline
    }

    /// Goes offline: to be called before blocking for long. Returns the standing before.
    pub fn offline(&mut self) -> Standing {
        if !self.online {
            return Standing::Offline;
        }
        self.online = false;
        let order = if planted(Mutant::OfflineRelaxed) { Relaxed } else { Release };
        // Release: pairs with the Acquire in `Domain::poll` and `Domain::stop_world`: this thread's uses are over.
        self.seat().seen.store(OFFLINE, order);
        self.domain.turnstile.turn();
        Standing::Online
    }

    /// Goes back to a standing that [`Participant::online`] or [`Participant::offline`] returned.
    pub fn restore(&mut self, standing: Standing) {
        match standing {
            Standing::Online => self.online(),
            Standing::Offline => self.offline(),
        };
    }

    /// Reports that nothing is borrowed at this moment, and honours a request for it. Does nothing while offline.
    pub fn report(&mut self) {
        if !self.online {
            return;
        }
        let (domain, request) = (&*self.domain, self.domain.requests.report);
        if !planted(Mutant::ClearAfterReport) {
            // First the request, then the sequence: a request made in between stays.
            self.word.clear(request);
        }
        let seen = domain.sequence();
        let order = if planted(Mutant::ReportRelaxed) { Relaxed } else { Release };
        // Release: pairs with the Acquire in `Domain::poll`: this thread's uses are over. It needs no fence: the
        // Acquire read of the sequence has shown it everything before the goal.
        self.seat().seen.store(seen, order);
        if planted(Mutant::ClearAfterReport) {
            self.word.clear(request);
        }
        domain.turnstile.turn();
    }

    /// Does what the domain has asked for, if anything: one load when it has not. To be called all the time.
    #[inline]
    pub fn checkpoint(&mut self) -> Checkpoint {
        if self.word.any() { self.checkpoint_asked() } else { Checkpoint::Undisturbed }
    }

    #[cold]
    fn checkpoint_asked(&mut self) -> Checkpoint {
        let requests = self.domain.requests;
        if self.word.take(requests.stop) != 0 {
            let standing = self.offline();
            self.restore(standing);
            return Checkpoint::Stopped;
        }
        if self.word.load() & requests.report != 0 {
            self.report();
            return Checkpoint::Reported;
        }
        Checkpoint::Undisturbed
    }

    /// Waits for a grace period: returns when nobody can still use what was unlinked before the call. The participant
    /// is offline meanwhile, so two that wait do not wait for each other, and a stop of the world need not wait either.
    pub fn synchronize(&mut self) {
        let goal = self.domain.advance();
        self.domain.request(goal);
        let standing = if planted(Mutant::WaitOnline) { self.standing() } else { self.offline() };
        self.domain.turnstile.wait_until(|| self.domain.poll(goal));
        self.restore(standing);
    }

    pub(crate) fn seat(&self) -> &Seat {
        // SAFETY: seats live as long as their domain, which `self` keeps alive.
        unsafe { self.seat.as_ref() }
    }

    /// The same, in a copy of its domain: for models of a fork.
    #[cfg(vm_loom)]
    pub(crate) fn moved(&self, domain: &Arc<Domain>, seat: NonNull<Seat>) -> Self {
        Self { domain: domain.clone(), seat, word: self.word.clone(), online: self.online }
    }

    pub(crate) fn seat_ptr(&self) -> *mut Seat {
        self.seat.as_ptr()
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        if is_torn_down() {
            return;
        }
        self.offline();
        self.seat().leave();
    }
}
