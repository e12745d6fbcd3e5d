//! What a trace is worth: interpreted instructions that it saves, in tenths, and what coming and going costs in the same coin.
//!
//! Nothing is timed, so that what happens depends on the program only. The figures are measured (docs/design/007).

use typhon_jit_ir::{Op, Trace, Var};

/// Entering from the interpreter, and going back to it, where that is all that happens: what a way must save to be one.
pub const ENTRY: i64 = 400;
/// Leaving by an exit, and entering what is linked to it. The same.
pub const EXIT: i64 = 200;
/// What entering costs a program that comes and goes: what the tier looks at, and the code, have been driven out of the near caches by
/// then.
pub const COMING: i64 = 2000;
/// What leaving costs it, and entering what is linked to the exit.
pub const GOING: i64 = 1000;
/// The same where machine code goes on by itself.
pub const LINK: i64 = 150;
/// How much machine code a thread enters from the caches that are near.
const NEAR: usize = 1 << 19;
/// What as much again adds to a link, for then where it leads to is fetched from afar.
const FETCHED: i64 = 750;
/// How many times of that count: what is further away is as far as memory is.
const FETCHED_MAX: usize = 3;
/// The same where the exit's registers are made by `rebuild`.
pub const REBUILT: i64 = 1300;
/// An instruction that machine code does. What the code costs is counted when it has been optimized: see [`cost`].
pub const TRANSLATED: i64 = 10;
/// What a call and a return that are taken along save beside that: the interpreter makes the frame's record and goes through the
/// arguments.
pub const CALLED: i64 = 60;
/// See [`CALLED`].
pub const RETURNED: i64 = 30;
/// The same of a generator that the loop goes through, which has its frame already.
pub const TURNED: i64 = 20;
/// What asking costs whether an object ends quietly that others die with.
pub const DIES: i64 = -100;
/// What an attribute saves beside that: the interpreter looks at the instruction's cache.
pub const ATTRIBUTE: i64 = 15;
/// What of that a helper costs which it calls.
pub const HELPER: i64 = -6;
/// One that it has the interpreter carry out.
pub const OPAQUE: i64 = -120;
/// A function that it has the interpreter run.
pub const APART: i64 = -200;
/// What compiling an instruction of a trace costs.
pub const COMPILED: i64 = -30_000;

/// What operations of a trace cost, in twentieths: most are an instruction or two of machine code, and those that count references
/// are some, or a call.
const fn of(op: Op) -> i64 {
    match op {
        Op::Quiet => 6,
        Op::Retain => 3,
        Op::Release | Op::Call => 4,
        _ => 1,
    }
}

/// What a link costs beside [`LINK`] a thread that has so many bytes of machine code to enter.
pub fn far(code_bytes: usize) -> i64 {
    FETCHED * code_bytes.saturating_sub(NEAR).min(FETCHED_MAX * NEAR) as i64 / NEAR as i64
}

/// What machine code for an optimized trace costs.
pub fn cost(trace: &Trace) -> Worth {
    let sum = |all: &[Var]| all.iter().map(|v| of(trace.inst(*v).op)).sum::<i64>() / 2;
    let round = trace.looped.as_ref().map_or(0, |looped| sum(&looped.body));
    // The head of a loop is its first round, and then some.
    Worth { way: sum(&trace.head), round, bridge: false }
}

/// What a trace is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Worth {
    /// The way to the loop, or all of a trace without one.
    pub way: i64,
    /// A round.
    pub round: i64,
    /// The way counts as a round.
    pub bridge: bool,
}

impl Worth {
    /// Less what its machine code costs.
    pub fn less(self, cost: Self) -> Self {
        Self { way: self.way - cost.way, round: self.round - cost.round, ..self }
    }

    /// What leaving the loop has saved: so many rounds, the way as one of them if it is one, and half of the round in which it was left.
    pub fn of(self, rounds: u64) -> i64 {
        let rounds = i64::try_from(rounds).unwrap_or(i64::MAX);
        self.round.saturating_mul(rounds).saturating_add(self.part())
    }

    /// What of that is the same whatever number of rounds.
    pub const fn part(self) -> i64 {
        self.round / 2 + if self.bridge { self.way - self.round } else { 0 }
    }

    /// What leaving the way has saved, where it ends or before.
    pub const fn on_way(self, ends: bool) -> i64 {
        if ends { self.way } else { self.way / 2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_far_pays_for_it() {
        assert_eq!([0, NEAR, NEAR / 2 * 3, 2 * NEAR, 9 * NEAR].map(far), [0, 0, 375, 750, 2250]);
    }

    #[test]
    fn a_bridge_is_worth_its_way_and_then_its_rounds() {
        let bridge = Worth { way: 5, round: 4, bridge: true };
        assert_eq!([1, 4].map(|rounds| bridge.of(rounds)), [7, 19]);
        assert_eq!([true, false].map(|ends| bridge.on_way(ends)), [5, 2]);
        assert_eq!(Worth { bridge: false, ..bridge }.of(4), 18);
    }
}
