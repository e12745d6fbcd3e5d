//! Constants of a code object: plain data, never objects.

use crate::code::Code;
use std::sync::Arc;

/// A constant. Equality is of the *source* kind: `1`, `1.0` and `True` differ, `0.0` and `-0.0` differ.
#[derive(Clone, Debug)]
pub enum Const {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// `...`.
    Ellipsis,
    /// An int that fits 64 bits.
    Int(i64),
    /// A larger int: little-endian magnitude, no leading zero bytes; negative constants arise by folding.
    BigInt { negative: bool, magnitude: Box<[u8]> },
    /// A float.
    Float(f64),
    /// A complex number.
    Complex(f64, f64),
    /// A string as generalized UTF-8 (WTF-8 where surrogates are never joined): lone surrogates are three bytes.
    Str(Arc<[u8]>),
    /// A bytes object.
    Bytes(Arc<[u8]>),
    /// A tuple.
    Tuple(Arc<[Const]>),
    /// A frozenset, made by folding `x in {...}`.
    FrozenSet(Arc<[Const]>),
    /// A slice of constants.
    Slice(Arc<[Const; 3]>),
    /// A nested code object.
    Code(Arc<Code>),
}

impl Const {
    /// A string constant from well-formed text.
    pub fn str(s: &str) -> Self {
        Self::Str(s.as_bytes().into())
    }
}

impl PartialEq for Const {
    fn eq(&self, other: &Self) -> bool {
        use Const::*;
        match (self, other) {
            (None, None) | (Ellipsis, Ellipsis) => true,
            (Bool(x), Bool(y)) => x == y,
            (Int(x), Int(y)) => x == y,
            (BigInt { negative: n, magnitude: m }, BigInt { negative: o, magnitude: p }) => n == o && m == p,
            (Float(x), Float(y)) => x.to_bits() == y.to_bits(),
            (Complex(r, i), Complex(s, j)) => r.to_bits() == s.to_bits() && i.to_bits() == j.to_bits(),
            (Str(x), Str(y)) | (Bytes(x), Bytes(y)) => x == y,
            (Tuple(x), Tuple(y)) | (FrozenSet(x), FrozenSet(y)) => x == y,
            (Slice(x), Slice(y)) => x == y,
            (Code(x), Code(y)) => Arc::ptr_eq(x, y),
            _ => false,
        }
    }
}
impl Eq for Const {}

impl std::hash::Hash for Const {
    fn hash<H: std::hash::Hasher>(&self, h: &mut H) {
        std::mem::discriminant(self).hash(h);
        match self {
            Self::None | Self::Ellipsis => {}
            Self::Bool(b) => b.hash(h),
            Self::Int(i) => i.hash(h),
            Self::BigInt { negative, magnitude } => (negative, magnitude).hash(h),
            Self::Float(f) => f.to_bits().hash(h),
            Self::Complex(r, i) => (r.to_bits(), i.to_bits()).hash(h),
            Self::Str(s) | Self::Bytes(s) => s.hash(h),
            Self::Tuple(t) | Self::FrozenSet(t) => t.hash(h),
            Self::Slice(s) => s.hash(h),
            Self::Code(c) => Arc::as_ptr(c).hash(h),
        }
    }
}
