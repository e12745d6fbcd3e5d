//! Effects: what an instruction may touch besides its operands and its result.

use crate::alias::{Alias, Aliases};
use bitflags::bitflags;

bitflags! {
    /// What an instruction may do.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Acts: u8 {
        /// Leaves the trace by its snapshot.
        const EXITS = 1;
        /// Ends references: objects may die.
        const RELEASES = 2;
        /// Runs any Python code: reads and writes everything that is not constant.
        const ESCAPES = 4;
        /// Must be carried out, whether its result is used or not.
        const STAYS = 8;
        /// Gives another result each time.
        const FRESH = 16;
    }
}

/// The effects of an instruction: joined by union, so a lattice whose top is [`Effects::ANY`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Effects {
    /// Classes read.
    pub reads: Aliases,
    /// Classes written.
    pub writes: Aliases,
    /// What else.
    pub acts: Acts,
}

impl Effects {
    /// None at all.
    pub const NONE: Self = Self { reads: Aliases::empty(), writes: Aliases::empty(), acts: Acts::empty() };
    /// Whatever a call of Python code may do.
    pub const ANY: Self = Self {
        reads: Aliases::ALL,
        writes: Aliases::ALL,
        acts: Acts::RELEASES.union(Acts::ESCAPES).union(Acts::STAYS).union(Acts::FRESH),
    };

    /// Only acts.
    pub const fn acts(acts: Acts) -> Self {
        Self { acts, ..Self::NONE }
    }

    /// Reads of one class.
    pub const fn read(class: Alias) -> Self {
        Self { reads: Aliases::of(class), ..Self::NONE }
    }

    /// Writes of one class.
    pub const fn write(class: Alias) -> Self {
        Self { writes: Aliases::of(class), acts: Acts::STAYS, ..Self::NONE }
    }

    /// Both.
    pub const fn and(self, other: Self) -> Self {
        Self {
            reads: self.reads.union(other.reads),
            writes: self.writes.union(other.writes),
            acts: self.acts.union(other.acts),
        }
    }

    /// May it leave the trace?
    pub const fn exits(self) -> bool {
        self.acts.contains(Acts::EXITS)
    }

    /// Is it gone when nobody uses its result?
    pub const fn can_be_dropped(self) -> bool {
        !self.acts.contains(Acts::STAYS)
    }

    /// Does it change what a load of this class gives?
    pub const fn changes(self, class: Alias) -> bool {
        class.is_volatile() || !class.is_constant() && self.writes.has(class)
    }

    /// May it end the last reference to something?
    pub const fn releases(self) -> bool {
        self.acts.intersects(Acts::RELEASES.union(Acts::ESCAPES))
    }

    /// Is a second one with the same operands the same as the first, if nothing it reads has changed?
    pub const fn repeats(self) -> bool {
        self.writes.is_empty() && !self.acts.intersects(Acts::STAYS.union(Acts::ESCAPES).union(Acts::FRESH))
    }
}
