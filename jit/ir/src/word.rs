//! The VM's value words, as far as traces know them. `typhon-jit` tests that the VM agrees.

/// A word: see `vm/object/src/value.rs` for the encoding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Word(pub u64);

/// Largest int in a word.
pub const INT_MAX: i64 = (1 << 61) - 1;
/// Smallest int in a word.
pub const INT_MIN: i64 = -(1 << 61);
/// Offset of a header's count of the owner's references, 32 bits.
pub const COUNT_OFFSET: i32 = 0;
/// Offset of a header's owner's tag, 16 bits.
pub const OWNER_OFFSET: i32 = 8;
/// Offset of a header's shape id, 32 bits.
pub const SHAPE_OFFSET: i32 = 4;
/// Bytes of a header.
pub const HEADER_SIZE: i32 = 16;
/// Offset of a float object's payload.
pub const FLOAT_OFFSET: i32 = 16;

impl Word {
    /// No value.
    pub const ABSENT: Self = Self(0);
    /// `None`.
    pub const NONE: Self = Self(0x03);
    /// `False`.
    pub const FALSE: Self = Self(0x43);
    /// `True`.
    pub const TRUE: Self = Self(0x4b);

    /// A bool.
    pub const fn bool(b: bool) -> Self {
        if b { Self::TRUE } else { Self::FALSE }
    }

    /// An int, if it fits.
    pub const fn int(i: i64) -> Option<Self> {
        if i >= INT_MIN && i <= INT_MAX { Some(Self((i as u64) << 2 | 2)) } else { None }
    }

    /// A float, if its exponent allows.
    pub const fn flt(x: f64) -> Option<Self> {
        let t = x.to_bits().rotate_left(4).wrapping_add(1);
        if t & 6 == 4 { Some(Self(t)) } else { None }
    }

    /// An int?
    pub const fn is_int(self) -> bool {
        self.0 & 3 == 2
    }

    /// A float in the word?
    pub const fn is_flt(self) -> bool {
        self.0 & 6 == 4
    }

    /// A pointer to an object?
    pub const fn is_obj(self) -> bool {
        self.0 & 7 == 0 && self.0 != 0
    }

    /// The int that the word would be if it were one.
    pub const fn to_int(self) -> i64 {
        self.0 as i64 >> 2
    }

    /// The float that the word would be if it were one.
    pub const fn to_flt(self) -> f64 {
        f64::from_bits(self.0.wrapping_sub(1).rotate_right(4))
    }
}
