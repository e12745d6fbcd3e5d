//! The domain: a sequence that goes up, and the seats of those who report how far they have seen it.
//!
//! A seat says 0 while its participant is offline, and otherwise a value of the sequence that the participant had seen
//! at a moment when it borrowed nothing. Somebody who has unlinked something raises the sequence; the value reached is
//! the *goal*. Once every seat is 0 or at least the goal, nobody can still use what was unlinked.
//!
//! Why that holds, for a participant R and a writer W that reads R's seat after its fence:
//!
//! - The seat is at least the goal. R had read the goal, or more, from the sequence by Acquire, so it sees W's unlinking
//!   in everything it does after the report; and W read the report by Acquire from a Release store, so R's earlier uses
//!   are over.
//! - The seat is 0 because R went offline: as above.
//! - The seat is 0 because W has not seen R come online. R stores its seat, fences, then reads; W unlinks, fences, then
//!   reads the seat. Both fences are SeqCst, so W's is first, and R sees the unlinking.

use crate::{
    cell::Bits,
    mutant::{Mutant, planted},
    participant::Participant,
    sync::{
        Arc, AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Mutex,
        Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
        fence, is_torn_down,
    },
    turnstile::Turnstile,
};

/// What a seat says while its participant is offline.
pub(crate) const OFFLINE: u64 = 0;
/// The sequence starts odd and goes up in twos, so that it is never [`OFFLINE`].
const FIRST: u64 = 1;
const STEP: u64 = 2;

/// The bits of a participant's word by which its domain asks it for something. A thread that takes part in two domains
/// looks at one word, so the domains must not share bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requests {
    /// Asks for a report.
    pub report: u32,
    /// Asks to go offline until the world runs again.
    pub stop: u32,
    /// Asks not to run alone any more.
    pub company: u32,
}

impl Default for Requests {
    fn default() -> Self {
        Self { report: 1, stop: 2, company: 4 }
    }
}

/// A value of the sequence. When every participant has reached it, what was unlinked before it was made is unused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[must_use = "what waits for a goal must keep it"]
pub struct Goal(u64);

impl Goal {
    /// A goal that is reached from the beginning.
    pub(crate) const EVER: Self = Self(FIRST);
}

/// The sequence and the seats.
#[derive(Debug)]
pub struct Domain {
    sequence: AtomicU64,
    /// A goal that is known to be reached.
    reached: AtomicU64,
    seats: AtomicPtr<Seat>,
    pub(crate) requests: Requests,
    pub(crate) turnstile: Turnstile,
    /// Held by whoever stops the world.
    pub(crate) stopper: Mutex<()>,
    /// The seat of whoever stops the world; null while it runs.
    pub(crate) stopped_by: AtomicPtr<Seat>,
    /// The seat of whoever runs alone, if anybody does.
    pub(crate) alone: AtomicPtr<Seat>,
    /// How many want to come online and were kept from it by one that runs alone.
    pub(crate) coming: AtomicU32,
}

/// Where one participant reports. Seats never move and are freed with the domain; one that was left is used again.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Seat {
    pub(crate) seen: AtomicU64,
    taken: AtomicBool,
    /// The word of the participant that sits here, to make requests in.
    word: Mutex<Option<Arc<Bits>>>,
    next: AtomicPtr<Seat>,
}

impl Domain {
    /// A domain without participants.
    pub fn new(requests: Requests) -> Self {
        Self {
            sequence: AtomicU64::new(FIRST),
            reached: AtomicU64::new(FIRST),
            seats: AtomicPtr::new(std::ptr::null_mut()),
            requests,
            turnstile: Turnstile::new(),
            stopper: Mutex::new(()),
            stopped_by: AtomicPtr::new(std::ptr::null_mut()),
            alone: AtomicPtr::new(std::ptr::null_mut()),
            coming: AtomicU32::new(0),
        }
    }

    /// Raises the sequence. The goal is reached when everybody who is online has reported since.
    pub fn advance(&self) -> Goal {
        let order = if planted(Mutant::AdvanceRelaxed) { Relaxed } else { AcqRel };
        // AcqRel: pairs with the Acquire in `sequence`: who has seen the goal has seen what came before it. It is a
        // read-modify-write, so a later value carries the same promise.
        Goal(self.sequence.fetch_add(STEP, order) + STEP)
    }

    /// Asks everybody who has not reached `goal` for a report.
    pub fn request(&self, goal: Goal) {
        // SeqCst: pairs with the fence in `Participant::online`: whoever comes online unseen has seen the goal.
        fence(SeqCst);
        for seat in self.seats() {
            // Relaxed: pairs with nothing; one request too many does no harm, and by the fence none is too few.
            let seen = seat.seen.load(Relaxed);
            if seen != OFFLINE && seen < goal.0 {
                seat.ask(self.requests.report);
            }
        }
    }

    /// Whether `goal` is reached. Never waits.
    #[must_use]
    pub fn poll(&self, goal: Goal) -> bool {
        // Acquire: pairs with the Release half below: the scan of another thread serves this one.
        if self.reached.load(Acquire) >= goal.0 {
            return true;
        }
        // The scan can promise nothing that was advanced after this read.
        let mut least = self.sequence();
        if !planted(Mutant::ScanWithoutFence) {
            // SeqCst: pairs with the fence in `Participant::online`; orders all that was unlinked before `least`.
            fence(SeqCst);
        }
        for seat in self.seats() {
            // Acquire: pairs with the Release in `Participant::report` and `Participant::offline`.
            let seen = seat.seen.load(Acquire);
            if seen != OFFLINE {
                least = least.min(seen);
            }
        }
        // AcqRel: pairs with the Acquire above.
        self.reached.fetch_max(least, AcqRel);
        least >= goal.0
    }

    /// Whether no participant but `me` is online. Whoever comes online afterwards sees everything that the caller wrote
    /// before, so a thread that is alone need not wait for a grace period. `me` must not use what it unlinked.
    #[must_use]
    pub fn is_alone(&self, me: &Participant) -> bool {
        // SeqCst: pairs with the fence in `Participant::online`.
        fence(SeqCst);
        // Acquire: pairs with the Release in `Participant::offline`.
        self.seats().all(|seat| std::ptr::eq(seat, me.seat()) || seat.seen.load(Acquire) == OFFLINE)
    }

    /// How many participants there are, online or not.
    pub fn participants(&self) -> usize {
        // Relaxed: pairs with nothing; the number is stale when it is returned.
        self.seats().filter(|seat| seat.taken.load(Relaxed)).count()
    }

    pub(crate) fn sequence(&self) -> u64 {
        // Acquire: pairs with the Release half of `advance`.
        self.sequence.load(Acquire)
    }

    pub(crate) fn seats(&self) -> impl Iterator<Item = &Seat> {
        let mut next = &self.seats;
        std::iter::from_fn(move || {
            // Acquire: pairs with the Release half in `free_seat`.
            let seat = next.load(Acquire);
            // SAFETY: a seat that was pushed stays where it is until the domain is dropped, which `&self` excludes.
            let seat = unsafe { seat.as_ref() }?;
            next = &seat.next;
            Some(seat)
        })
    }

    /// A seat for a new participant, which is asked for things in `word`.
    pub(crate) fn take_seat(&self, word: Arc<Bits>) -> &Seat {
        let seat = self.free_seat();
        *seat.word.lock() = Some(word);
        seat
    }

    fn free_seat(&self) -> &Seat {
        for seat in self.seats() {
            // Acquire: pairs with the Release in `Seat::leave`.
            if !seat.taken.load(Relaxed) && seat.taken.compare_exchange(false, true, Acquire, Relaxed).is_ok() {
                return seat;
            }
        }
        let seat = Box::into_raw(Box::new(Seat {
            seen: AtomicU64::new(OFFLINE),
            taken: AtomicBool::new(true),
            word: Mutex::new(None),
            next: AtomicPtr::new(std::ptr::null_mut()),
        }));
        let order = if planted(Mutant::JoinRelaxed) { Relaxed } else { AcqRel };
        // Relaxed: pairs with nothing; the exchange decides.
        let mut head = self.seats.load(Relaxed);
        loop {
            // SAFETY: the box was leaked above and nobody frees it while `&self` lives.
            let seat = unsafe { &*seat };
            // Relaxed: published by the exchange below.
            seat.next.store(head, Relaxed);
            // AcqRel: pairs with the Acquire in `seats`.
            match self.seats.compare_exchange_weak(head, std::ptr::from_ref(seat).cast_mut(), order, Relaxed) {
                Ok(_) => return seat,
                Err(now) => head = now,
            }
        }
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        if is_torn_down() {
            return;
        }
        // Acquire: pairs with the Release half in `free_seat`.
        let mut seat = self.seats.load(Acquire);
        while !seat.is_null() {
            // SAFETY: seats come from boxes in `free_seat`, each is in the list once, and participants, which point to
            // them, keep the domain alive.
            let freed = unsafe { Box::from_raw(seat) };
            // Acquire: pairs with the Release half in `free_seat`.
            seat = freed.next.load(Acquire);
        }
    }
}

/// For models of a fork; see `stop.rs`.
#[cfg(vm_loom)]
impl Domain {
    /// A domain with seats of its own that say what these do, stopped by the seat that is like `mine`, which is returned.
    pub(crate) fn with_seats_of(&self, mine: &Seat) -> (Self, std::ptr::NonNull<Seat>) {
        // Relaxed, here and below: pairs with nothing; whoever copies knows no more than it has seen.
        let old: Vec<&Seat> = self.seats().collect();
        let (mut next, mut stopper) = (std::ptr::null_mut(), std::ptr::null_mut());
        for seat in old.into_iter().rev() {
            assert!(!std::ptr::eq(seat, mine) || !seat.word.is_held(), "held by a thread that is not in the copy");
            // Whoever leaves or comes may hold the lock. Nobody asks for anything at such a seat.
            let word = if seat.word.is_held() { None } else { seat.word.lock().clone() };
            next = Box::into_raw(Box::new(Seat {
                seen: AtomicU64::new(seat.seen.load(Relaxed)),
                taken: AtomicBool::new(seat.taken.load(Relaxed)),
                word: Mutex::new(word),
                next: AtomicPtr::new(next),
            }));
            if std::ptr::eq(seat, mine) {
                stopper = next;
            }
        }
        let made = Self {
            sequence: AtomicU64::new(self.sequence.load(Relaxed)),
            reached: AtomicU64::new(self.reached.load(Relaxed)),
            seats: AtomicPtr::new(next),
            requests: self.requests,
            turnstile: self.turnstile.twin(),
            stopper: Mutex::new(()),
            stopped_by: AtomicPtr::new(stopper),
            alone: AtomicPtr::new(self.alone.load(Relaxed)),
            coming: AtomicU32::new(self.coming.load(Relaxed)),
        };
        (made, std::ptr::NonNull::new(stopper).expect("a seat of this domain"))
    }
}

impl Seat {
    /// Makes a request to whoever sits here.
    pub(crate) fn ask(&self, bit: u32) {
        if let Some(word) = &*self.word.lock() {
            word.set(bit);
        }
    }

    /// Gives the seat to the next who comes. Its participant is offline.
    pub(crate) fn leave(&self) {
        *self.word.lock() = None;
        // Release: pairs with the Acquire in `free_seat`.
        self.taken.store(false, Release);
    }
}
