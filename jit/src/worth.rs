//! What a trace is worth: interpreted instructions that it saves, in tenths, and what coming and going costs in the same coin.
//!
//! Nothing is timed, so that what happens depends on the program only. The figures are measured (docs/design/007).

/// Entering from the interpreter, and going back to it.
pub const ENTRY: i64 = 400;
/// Leaving by an exit, and entering what is linked to it.
pub const EXIT: i64 = 200;
/// The same where machine code goes on by itself.
pub const LINK: i64 = 50;
/// The same where the exit's registers are made by `rebuild`.
pub const REBUILT: i64 = 500;
/// An instruction that machine code does.
pub const TRANSLATED: i64 = 7;
/// What of that a helper costs which it calls.
pub const HELPER: i64 = -6;
/// One that it has the interpreter carry out.
pub const OPAQUE: i64 = -30;
/// A function that it has the interpreter run.
pub const APART: i64 = -150;
/// What compiling an instruction of a trace costs.
pub const COMPILED: i64 = -30_000;

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
    /// So many rounds, the way included if it is one.
    pub fn of(self, rounds: u64) -> i64 {
        let rounds = i64::try_from(rounds).unwrap_or(i64::MAX);
        match (self.bridge, rounds) {
            (_, 0) => 0,
            (true, _) => self.round.saturating_mul(rounds - 1).saturating_add(self.way),
            (false, _) => self.round.saturating_mul(rounds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_is_worth_its_way_and_then_its_rounds() {
        let bridge = Worth { way: 5, round: 3, bridge: true };
        assert_eq!([0, 1, 4].map(|rounds| bridge.of(rounds)), [0, 5, 14]);
        assert_eq!(Worth { bridge: false, ..bridge }.of(4), 12);
    }
}
