//! The operations: the form of a pattern that the engine runs.

use crate::words::{MAXREPEAT, Place};

/// A position in [`Ops::code`].
pub(crate) type Pc = u32;

/// One operation. Targets are absolute; an operation without target goes to the next one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// The end of the pattern.
    Match,
    Fail,
    /// Does nothing: a repeat whose first round needs no preparation.
    Nop,
    /// Asks the budget; stands in long runs of operations that do not.
    Poll(u32),
    Literal(u32),
    /// Several literals: a range of [`Ops::literals`].
    Text {
        start: u32,
        len: u32,
    },
    NotLiteral(u32),
    Any,
    AnyAll,
    Set(u32),
    At(Place),
    Mark(u32),
    Backref {
        group: u32,
        fold: RefFold,
    },
    /// Goes on if the group took part, else jumps.
    IfGroup {
        group: u32,
        otherwise: Pc,
    },
    Jump(Pc),
    Branch(u32),
    Split(u32),
    Run(u32),
    RepeatInit(u32),
    RepeatUntil(u32),
    /// A one-character assertion `back` characters behind the position.
    Peek {
        single: u32,
        back: u32,
        negate: bool,
    },
    Assert {
        after: Pc,
        back: u32,
    },
    AssertEnd,
    AssertNot {
        after: Pc,
        back: u32,
    },
    AssertNotEnd,
    Atomic,
    AtomicEnd,
    PossessiveInit(u32),
    PossessiveEnd(u32),
}

/// How a back reference compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefFold {
    None,
    Ascii,
    Unicode,
}

/// An operator that takes exactly one character.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Single {
    Literal(u32),
    NotLiteral(u32),
    Any,
    AnyAll,
    Set(u32),
    Never,
}

/// A repeated single-character operator.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) single: Single,
    pub(crate) min: usize,
    pub(crate) max: usize,
    pub(crate) mode: Mode,
    /// What the text after the run must begin with.
    pub(crate) next: First,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Greedy,
    Lazy,
    Possessive,
}

/// A repeat of something longer or with groups.
#[derive(Debug)]
pub(crate) struct Repeat {
    pub(crate) min: usize,
    pub(crate) max: usize,
    pub(crate) lazy: bool,
    pub(crate) body: Pc,
    pub(crate) tail: Pc,
    /// The slot of the count; the slot of the last start follows it.
    pub(crate) slot: u32,
}

/// Two ways to go on, in order.
#[derive(Debug)]
pub(crate) struct Split {
    pub(crate) go: Pc,
    pub(crate) other: Pc,
    pub(crate) go_first: First,
    pub(crate) other_first: First,
}

/// At most 64 ways to go on, in order; the masks say which can begin with a character.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) ways: Vec<Pc>,
    pub(crate) low: Masks,
    pub(crate) high: u64,
    pub(crate) at_end: u64,
}

#[derive(Debug)]
pub(crate) enum Masks {
    Narrow(Box<[u8; 256]>),
    Wide(Box<[u64; 256]>),
}

impl Masks {
    #[inline]
    pub(crate) fn get(&self, c: u32) -> Option<u64> {
        match self {
            Self::Narrow(masks) => masks.get(c as usize).map(|&mask| u64::from(mask)),
            Self::Wide(masks) => masks.get(c as usize).copied(),
        }
    }
}

/// A superset of the characters that a piece of pattern can begin with, and whether it can match where none is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct First {
    pub(crate) low: [u64; 4],
    pub(crate) high: bool,
    pub(crate) at_end: bool,
    pub(crate) kind: FirstKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstKind {
    /// Everything: no test is worth it.
    All,
    /// Exactly this character, not the end.
    Only(u32),
    Some,
}

impl First {
    pub(crate) const NONE: Self = Self { low: [0; 4], high: false, at_end: false, kind: FirstKind::Some };
    pub(crate) const ALL: Self = Self { low: [u64::MAX; 4], high: true, at_end: true, kind: FirstKind::All };

    #[inline]
    pub(crate) fn has_low(&self, c: u32) -> bool {
        self.low[(c >> 6) as usize & 3] >> (c & 63) & 1 != 0
    }

    /// Whether the text can begin with `c`, or with its end.
    #[inline]
    pub(crate) fn admits(&self, c: Option<u32>) -> bool {
        match self.kind {
            FirstKind::All => true,
            FirstKind::Only(only) => c == Some(only),
            FirstKind::Some => match c {
                Some(c) if c < 256 => self.has_low(c),
                Some(_) => self.high,
                None => self.at_end,
            },
        }
    }

    pub(crate) fn add(&mut self, c: u32) {
        if c < 256 {
            self.low[(c >> 6) as usize & 3] |= 1 << (c & 63);
        } else {
            self.high = true;
        }
    }

    /// The characters below 256.
    pub(crate) fn each_low(&self) -> impl Iterator<Item = u8> {
        let words = self.low;
        (0..4u8).flat_map(move |i| {
            let mut left = words[usize::from(i)];
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                left &= left.wrapping_sub(1);
                (bit < 64).then_some(i << 6 | bit as u8)
            })
        })
    }

    pub(crate) fn is_disjoint(&self, other: &Self) -> bool {
        !(self.high && other.high) && self.low.iter().zip(&other.low).all(|(a, b)| a & b == 0)
    }
}

/// The bound of a repeat as a count.
pub(crate) fn bound(word: u32) -> usize {
    if word == MAXREPEAT { usize::MAX } else { word as usize }
}

impl Branch {
    pub(crate) fn size_bytes(&self) -> usize {
        let masks = match self.low {
            Masks::Narrow(_) => 256,
            Masks::Wide(_) => 2048,
        };
        size_of::<Self>() + self.ways.len() * 4 + masks
    }
}
