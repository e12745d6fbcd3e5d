//! The code words: numbers that `re._compiler` of CPython 3.14 emits, and what they are called.

/// The version of the vocabulary, `_sre.MAGIC`.
pub const MAGIC: u32 = 20_230_612;

/// The bound that means "no upper bound" in a repeat.
pub(crate) const MAXREPEAT: u32 = u32::MAX;

/// Bits of the second word of an INFO block.
pub(crate) const INFO_PREFIX: u32 = 1;
pub(crate) const INFO_LITERAL: u32 = 2;
pub(crate) const INFO_CHARSET: u32 = 4;

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($variant),* }

        impl $name {
            pub(crate) fn from_word(word: u32) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

vocabulary! {
    /// Operators of the pattern and of character sets.
    Opcode {
        Failure = 0, Success = 1, Any = 2, AnyAll = 3, Assert = 4, AssertNot = 5, At = 6, Branch = 7, Category = 8,
        Charset = 9, BigCharset = 10, GroupRef = 11, GroupRefExists = 12, In = 13, Info = 14, Jump = 15, Literal = 16,
        Mark = 17, MaxUntil = 18, MinUntil = 19, NotLiteral = 20, Negate = 21, Range = 22, Repeat = 23, RepeatOne = 24,
        Subpattern = 25, MinRepeatOne = 26, AtomicGroup = 27, PossessiveRepeat = 28, PossessiveRepeatOne = 29,
        GroupRefIgnore = 30, InIgnore = 31, LiteralIgnore = 32, NotLiteralIgnore = 33, GroupRefLocIgnore = 34,
        InLocIgnore = 35, LiteralLocIgnore = 36, NotLiteralLocIgnore = 37, GroupRefUniIgnore = 38, InUniIgnore = 39,
        LiteralUniIgnore = 40, NotLiteralUniIgnore = 41, RangeUniIgnore = 42,
    }
}

vocabulary! {
    /// Positions that AT tests.
    Place {
        Beginning = 0, BeginningLine = 1, BeginningString = 2, Boundary = 3, NonBoundary = 4, End = 5, EndLine = 6,
        EndString = 7, LocBoundary = 8, LocNonBoundary = 9, UniBoundary = 10, UniNonBoundary = 11,
    }
}

vocabulary! {
    /// Classes that CATEGORY tests.
    Class {
        Digit = 0, NotDigit = 1, Space = 2, NotSpace = 3, Word = 4, NotWord = 5, LineBreak = 6, NotLineBreak = 7,
        LocWord = 8, LocNotWord = 9, UniDigit = 10, UniNotDigit = 11, UniSpace = 12, UniNotSpace = 13, UniWord = 14,
        UniNotWord = 15, UniLineBreak = 16, UniNotLineBreak = 17,
    }
}
