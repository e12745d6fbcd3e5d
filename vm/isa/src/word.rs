//! The instruction word: 64 bits, fixed layout.
//!
//! ```text
//!  63       48 47       32 31       16 15    8 7     0
//! +-----------+-----------+-----------+-------+-------+
//! |     c     |     b     |     a     |   x   |  op   |
//! +-----------+-----------+-----------+-------+-------+
//! ```
//! `a`, `b`, `c` are register numbers, name indices or counts as the opcode's row says; `b` and `c` together form the
//! signed 32-bit `bc` (constant index or jump offset in words, relative to the *end* of the instruction incl. its extra
//! words). `x` carries kill bits in its low three bits and a small kind in the upper five.

use crate::opcode::Opcode;

/// Operand `b` is a temporary that dies here: the instruction takes it, and leaves null or an immediate behind.
pub const KILL_B: u8 = 1;
/// Operand `c` is a temporary that dies here.
pub const KILL_C: u8 = 2;
/// Operand `a` is a source and a temporary that dies here.
pub const KILL_A: u8 = 4;
/// How far the kind is shifted inside `x`.
pub const KIND_SHIFT: u32 = 3;
/// Register number that means "no register".
pub const NO_REG: u16 = u16::MAX;

/// One instruction, or one extra (cache or operand) word after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub struct Word(pub u64);

impl Word {
    /// An instruction from its parts.
    #[inline]
    pub const fn new(op: Opcode, x: u8, a: u16, b: u16, c: u16) -> Self {
        Self(op as u64 | (x as u64) << 8 | (a as u64) << 16 | (b as u64) << 32 | (c as u64) << 48)
    }

    /// An instruction whose `b` and `c` form one 32-bit operand.
    #[inline]
    pub const fn wide(op: Opcode, x: u8, a: u16, bc: i32) -> Self {
        Self(op as u64 | (x as u64) << 8 | (a as u64) << 16 | (bc as u32 as u64) << 32)
    }

    /// The opcode's number.
    #[inline(always)]
    pub const fn op(self) -> u8 {
        self.0 as u8
    }

    /// Kill bits and kind.
    #[inline(always)]
    pub const fn x(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// The kind in the upper five bits of `x`.
    #[inline(always)]
    pub const fn kind(self) -> u8 {
        ((self.0 >> 8) as u8) >> KIND_SHIFT
    }

    /// Operand `a`.
    #[inline(always)]
    pub const fn a(self) -> usize {
        (self.0 >> 16) as u16 as usize
    }

    /// Operand `b`.
    #[inline(always)]
    pub const fn b(self) -> usize {
        (self.0 >> 32) as u16 as usize
    }

    /// Operand `c`.
    #[inline(always)]
    pub const fn c(self) -> usize {
        (self.0 >> 48) as usize
    }

    /// Operand `c` as a signed immediate.
    #[inline(always)]
    pub const fn imm(self) -> i16 {
        (self.0 >> 48) as u16 as i16
    }

    /// Operands `b` and `c` as one signed number.
    #[inline(always)]
    pub const fn bc(self) -> i32 {
        (self.0 >> 32) as u32 as i32
    }

    /// The same instruction with another number as `bc`.
    #[inline(always)]
    pub const fn with_bc(self, n: i32) -> Self {
        Self(self.0 & 0xffff_ffff | (n as u32 as u64) << 32)
    }

    /// The low half of an extra word, as a signed jump offset or index.
    #[inline(always)]
    pub const fn low(self) -> i32 {
        self.0 as u32 as i32
    }

    /// The same instruction under another opcode of its family.
    #[inline(always)]
    pub const fn with_op(self, op: Opcode) -> Self {
        Self(self.0 & !0xff | op as u64)
    }
}
