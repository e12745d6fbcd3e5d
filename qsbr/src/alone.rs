//! Running alone: one participant goes on as if it were the only one, as long as all others are offline.
//!
//! Whoever runs alone has its seat in `alone`, and nobody else comes online: they store their seat, fence, and look at
//! that word; who begins to run alone stores the word, fences, and looks at the seats. By the two fences one sees the
//! other, as when the world is stopped (`stop`). But this lasts: whoever is kept from coming online counts itself as
//! coming, asks the one that runs alone for company, and waits. Who has given it does not run alone again before those
//! that come have come: the request that it has answered was theirs, and nobody makes a second one.

use crate::{
    domain::{Domain, OFFLINE, Seat},
    mutant::{Mutant, planted},
    participant::Participant,
    sync::{
        Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
        fence, is_torn_down,
    },
};

/// Somebody who was kept from coming online, until it is.
pub(crate) struct Coming<'a>(&'a Domain);

impl Domain {
    /// Lets `me`, which is online, run alone, if all others are offline and none of them is coming: whether that is so. From
    /// then on it sees all that they did, and they come online again only after [`Domain::end_alone`], for which they ask
    /// by [`Requests::company`](crate::Requests). Until then it must neither go offline nor stop the world.
    #[must_use = "others run if this says false"]
    pub fn begin_alone(&self, me: &Participant) -> bool {
        // AcqRel, Relaxed: pairs with nothing, for the fence orders it; one at a time has the word.
        if self.alone.compare_exchange(std::ptr::null_mut(), me.seat_ptr(), AcqRel, Relaxed).is_err() {
            return false;
        }
        // SeqCst: pairs with the fences in `Participant::online` and `Domain::come`.
        fence(SeqCst);
        let others = || {
            // Acquire: pairs with the Release in `Participant::offline`: what the others did is visible.
            self.seats().any(|seat| !std::ptr::eq(seat, me.seat()) && seat.seen.load(Acquire) != OFFLINE)
        };
        // Relaxed: ordered by the fence.
        let coming = || self.coming.load(Relaxed) != 0 && !planted(Mutant::AloneAgain);
        if coming() || others() && !planted(Mutant::AloneUnseen) {
            self.end_alone(me);
            return false;
        }
        true
    }

    /// Lets the others come online again: `me` runs alone no longer.
    pub fn end_alone(&self, me: &Participant) {
        debug_assert!(self.is_left_to(me), "who ends it has begun it");
        let order = if planted(Mutant::CompanyRelaxed) { Relaxed } else { Release };
        // Release: pairs with the Acquire in `is_left_to_another`: the others see all that was done meanwhile.
        self.alone.store(std::ptr::null_mut(), order);
        self.turnstile.turn();
    }

    /// Whether `me` runs alone.
    pub fn is_left_to(&self, me: &Participant) -> bool {
        // Relaxed: pairs with nothing; nobody else stores or removes this thread's own seat.
        self.alone.load(Relaxed) == me.seat_ptr()
    }

    /// Whether there is exactly one participant online, as far as anybody can tell from outside.
    pub fn seems_left_to_one(&self) -> bool {
        // Relaxed: pairs with nothing; the answer is stale when it is given.
        self.seats().filter(|seat| seat.seen.load(Relaxed) != OFFLINE).take(2).count() == 1
    }

    /// Whether another runs alone.
    pub(crate) fn is_left_to_another(&self, me: &Participant) -> bool {
        // Acquire: pairs with the Release in `end_alone`.
        let alone = self.alone.load(Acquire);
        !alone.is_null() && alone != me.seat_ptr() && !planted(Mutant::OnlineBesideOne)
    }

    /// Notes that somebody comes, who has been kept from it.
    pub(crate) fn come(&self) -> Coming<'_> {
        // Relaxed: ordered by the fence.
        self.coming.fetch_add(1, Relaxed);
        // SeqCst: pairs with the fence in `begin_alone`: whoever begins to run alone later knows, or is asked.
        fence(SeqCst);
        Coming(self)
    }

    /// In the copy of a process, whose one thread runs: nobody comes.
    pub(crate) fn forget_coming(&self) {
        // Relaxed, both: the copy has one thread.
        self.alone.store(std::ptr::null_mut(), Relaxed);
        self.coming.store(0, Relaxed);
    }
}

impl Coming<'_> {
    /// Waits until nobody runs alone.
    pub(crate) fn wait(&self) {
        let Self(domain) = self;
        // Acquire: pairs with the AcqRel in `begin_alone`: the seat is there.
        let alone = domain.alone.load(Acquire);
        // SAFETY: seats live as long as their domain.
        if let Some(seat) = unsafe { alone.as_ref() } {
            // This thread is offline, and might have the seat's lock when another stops the world and copies it.
            domain.turnstile.gated(|| Seat::ask(seat, domain.requests.company));
        }
        // Acquire: pairs with the Release in `end_alone`.
        domain.turnstile.wait_until(|| domain.alone.load(Acquire).is_null());
    }
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        if !is_torn_down() {
            // Relaxed: pairs with nothing; who still sees it does not run alone yet.
            self.0.coming.fetch_sub(1, Relaxed);
        }
    }
}
