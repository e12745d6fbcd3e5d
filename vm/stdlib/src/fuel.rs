//! Fuel: how many looks a program may take.
//!
//! A look is what every call and every backward jump begins with, and what natives take in their loops: where nothing asks
//! for attention it is one load. A program whose looks are counted is asked for attention all the time. What it counts
//! depends on the program alone, so a budget ends it at the same place each time.

use std::cell::Cell;
use typhon_object::breaker::{reason, why};
use typhon_object::{Exc, Res, Thread};

/// What the isolate's threads have taken together.
#[derive(Default)]
struct Tank {
    counting: Cell<bool>,
    limit: Cell<u64>,
    used: Cell<u64>,
    /// The next look is one after a rest, whose length is chance.
    rested: Cell<bool>,
}

/// From now on looks are counted, and no more than `limit` are taken.
pub fn begin(t: &Thread, limit: Option<u64>) {
    let tank = t.state::<Tank>();
    tank.counting.set(true);
    tank.limit.set(limit.unwrap_or(u64::MAX));
    tank.used.set(0);
    t.breaker.set(reason::FUEL);
}

/// Nothing is counted any more.
pub fn end(t: &Thread) {
    let Some(tank) = t.get_state::<Tank>() else { return };
    tank.counting.set(false);
    tank.used.set(0);
    t.breaker.take(reason::FUEL);
}

/// Looks taken since [`begin`].
pub fn used(t: &Thread) -> u64 {
    t.get_state::<Tank>().map_or(0, |tank| tank.used.get())
}

/// A thread begins beside this one.
pub(crate) fn share(t: &Thread, beside: &Thread) {
    if t.state::<Tank>().counting.get() {
        beside.breaker.set(reason::FUEL);
    }
}

/// The thread has waited: its next look is free, since how often it looked up is chance.
pub(crate) fn rested(t: &Thread) {
    t.state::<Tank>().rested.set(true);
}

/// One look.
pub(crate) fn burn(t: &Thread) -> Res<()> {
    let tank = t.state::<Tank>();
    if !tank.counting.get() {
        return Ok(());
    }
    t.breaker.set(reason::FUEL);
    if tank.rested.replace(false) {
        return Ok(());
    }
    if tank.used.get() >= tank.limit.get() {
        t.breaker.stop(why::FUEL);
        return Err(Exc::stopped());
    }
    tank.used.set(tank.used.get() + 1);
    Ok(())
}
