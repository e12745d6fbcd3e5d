//! A value: one 64-bit word, owned.
//!
//! ```text
//! low bits   meaning
//! 000        pointer to an object's header (0 = absent: no value at all)
//!  10        62-bit int
//! 10x        self-tagged float: rotl(bits, 4) + 1, for 2^-255 <= |x| < 2^257
//! 011        None, False, True, Ellipsis, NotImplemented
//! ```
//! `Value` counts references: `clone` takes one, `drop` gives it back. Arguments are passed as `&Value`.

use crate::header::Header;
use crate::heap;
use crate::thread::Thread;
use std::ptr::NonNull;

/// An owned reference or an immediate.
#[repr(transparent)]
pub struct Value(u64);

const NONE: u64 = 0x03;
const ELLIPSIS: u64 = 0x1b;
const NOT_IMPLEMENTED: u64 = 0x23;
const FALSE: u64 = 0x43;
const TRUE: u64 = 0x4b;

/// Largest immediate int.
pub const INT_MAX: i64 = (1 << 61) - 1;
/// Smallest immediate int.
pub const INT_MIN: i64 = -(1 << 61);

impl Value {
    /// No value: an unbound slot, a missing argument, the end of an iteration.
    pub const ABSENT: Self = Self(0);
    /// `None`.
    pub const NONE: Self = Self(NONE);
    /// `True`.
    pub const TRUE: Self = Self(TRUE);
    /// `False`.
    pub const FALSE: Self = Self(FALSE);
    /// `...`.
    pub const ELLIPSIS: Self = Self(ELLIPSIS);
    /// `NotImplemented`.
    pub const NOT_IMPLEMENTED: Self = Self(NOT_IMPLEMENTED);

    /// The raw word; the reference stays this value's.
    #[inline(always)]
    pub const fn bits(&self) -> u64 {
        self.0
    }

    /// Gives up ownership: the word must reach [`Value::from_raw`] once.
    #[inline(always)]
    pub fn into_raw(self) -> u64 {
        let bits = self.0;
        std::mem::forget(self);
        bits
    }

    /// Takes ownership of a word.
    ///
    /// # Safety
    /// `bits` came from [`Value::into_raw`] and its reference is not used by anyone else.
    #[inline(always)]
    pub const unsafe fn from_raw(bits: u64) -> Self {
        Self(bits)
    }

    /// A new reference to the object behind a header.
    #[inline(always)]
    pub fn from_header(header: &Header) -> Self {
        header.retain();
        Self(std::ptr::from_ref(header) as u64)
    }

    /// Views a borrowed word as a value.
    #[inline(always)]
    pub fn from_ref(bits: &u64) -> &Self {
        // SAFETY: Value is a transparent u64 and a shared borrow of it neither takes nor gives a reference.
        unsafe { &*std::ptr::from_ref(bits).cast() }
    }

    /// Views borrowed words as values.
    ///
    /// # Safety
    /// `at..at+len` are initialized words that stay valid and unchanged for `'a`.
    #[inline(always)]
    pub unsafe fn slice<'a>(at: *const u64, len: usize) -> &'a [Self] {
        // SAFETY: the caller vouches for the words; Value is a transparent u64.
        unsafe { std::slice::from_raw_parts(at.cast(), len) }
    }

    /// A bool.
    #[inline(always)]
    pub const fn bool(b: bool) -> Self {
        Self(FALSE | (b as u64) << 3)
    }

    /// An immediate int; the caller knows that it fits 62 bits.
    #[inline(always)]
    pub const fn small(i: i64) -> Self {
        debug_assert!(i >= INT_MIN && i <= INT_MAX);
        Self((i as u64) << 2 | 2)
    }

    /// An immediate int if it fits.
    #[inline(always)]
    pub const fn try_small(i: i64) -> Option<Self> {
        if i >= INT_MIN && i <= INT_MAX { Some(Self((i as u64) << 2 | 2)) } else { None }
    }

    /// A self-tagged float if its exponent allows.
    #[inline(always)]
    pub const fn try_float(x: f64) -> Option<Self> {
        let t = x.to_bits().rotate_left(4).wrapping_add(1);
        if t & 6 == 4 { Some(Self(t)) } else { None }
    }

    /// No value?
    #[inline(always)]
    pub const fn is_absent(&self) -> bool {
        self.0 == 0
    }

    /// A pointer to a heap object?
    #[inline(always)]
    pub const fn is_object(&self) -> bool {
        // Neither a tag bit nor zero: the lowest bit set is above the tag.
        self.0 & self.0.wrapping_neg() > 4
    }

    /// `None`?
    #[inline(always)]
    pub const fn is_none(&self) -> bool {
        self.0 == NONE
    }

    /// `True`?
    #[inline(always)]
    pub const fn is_true(&self) -> bool {
        self.0 == TRUE
    }

    /// `False`?
    #[inline(always)]
    pub const fn is_false(&self) -> bool {
        self.0 == FALSE
    }

    /// `True` or `False`?
    #[inline(always)]
    pub const fn is_bool(&self) -> bool {
        self.0 & !8 == FALSE
    }

    /// `NotImplemented`?
    #[inline(always)]
    pub const fn is_not_implemented(&self) -> bool {
        self.0 == NOT_IMPLEMENTED
    }

    /// `...`?
    #[inline(always)]
    pub const fn is_ellipsis(&self) -> bool {
        self.0 == ELLIPSIS
    }

    /// An immediate int?
    #[inline(always)]
    pub const fn is_small(&self) -> bool {
        self.0 & 3 == 2
    }

    /// A self-tagged float?
    #[inline(always)]
    pub const fn is_immediate_float(&self) -> bool {
        self.0 & 6 == 4
    }

    /// The immediate int (not bool).
    #[inline(always)]
    pub const fn as_small(&self) -> Option<i64> {
        if self.is_small() { Some(self.0 as i64 >> 2) } else { None }
    }

    /// The self-tagged float.
    #[inline(always)]
    pub const fn as_immediate_float(&self) -> Option<f64> {
        if self.is_immediate_float() { Some(f64::from_bits(self.0.wrapping_sub(1).rotate_right(4))) } else { None }
    }

    /// `None` for an absent value.
    #[inline(always)]
    pub fn present(self) -> Option<Self> {
        if self.is_absent() { None } else { Some(self) }
    }

    /// `None` for an absent value, borrowed: how natives look at optional arguments.
    #[inline(always)]
    pub fn opt(&self) -> Option<&Self> {
        if self.is_absent() { None } else { Some(self) }
    }

    /// `None` for an absent value and for Python's `None`.
    #[inline(always)]
    pub fn non_none(&self) -> Option<&Self> {
        if self.is_absent() || self.is_none() { None } else { Some(self) }
    }

    /// Identity (`is`).
    #[inline(always)]
    pub const fn is(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    /// The header of a heap object.
    #[inline(always)]
    pub fn header(&self) -> Option<&Header> {
        // SAFETY: a non-null word with tag 000 points to a live object, kept alive by this reference.
        if self.is_object() { Some(unsafe { &*(self.0 as *const Header) }) } else { None }
    }

    /// The header, without the test.
    ///
    /// # Safety
    /// The value is a heap object.
    #[inline(always)]
    pub unsafe fn header_unchecked(&self) -> &Header {
        // SAFETY: the caller vouches that the word is a pointer to a live object.
        unsafe { &*(self.0 as *const Header) }
    }

    /// `id()`: the word itself for objects, something disjoint for immediates.
    pub fn id(&self) -> i64 {
        if self.is_object() { self.0 as i64 } else { (self.0 >> 1) as i64 | 1 << 60 }
    }

    /// Number of references, for `sys.getrefcount`.
    pub fn ref_count(&self) -> u32 {
        self.header().map_or(u32::MAX, Header::count)
    }
}

impl Clone for Value {
    #[inline(always)]
    fn clone(&self) -> Self {
        if self.is_object() {
            // SAFETY: a pointer word; `self` keeps the object alive.
            unsafe { self.header_unchecked() }.retain();
        }
        Self(self.0)
    }
}

impl Value {
    /// As `drop`, without the call that drop glue may be.
    #[inline(always)]
    pub fn discard(self) {
        // SAFETY: the value is forgotten, so its reference ends once.
        unsafe { std::mem::ManuallyDrop::new(self).end() }
    }

    /// As `discard`, on the attached thread `t`, up to what is seldom necessary. The header that is returned has lost this
    /// reference, and [`heap::release_rest`] must be called for it.
    #[inline(always)]
    pub fn discard_on(self, t: &Thread) -> Option<NonNull<Header>> {
        let v = std::mem::ManuallyDrop::new(self);
        if !v.is_object() {
            return None;
        }
        // SAFETY: a pointer word; the reference is this value's own and ends here.
        let alive = unsafe { v.header_unchecked().rc().release_fast(t.own_tag()) };
        if alive { None } else { NonNull::new(v.0 as *mut Header) }
    }

    /// As `clone`, on the attached thread `t`, up to what is seldom necessary: [`heap::retain_rest`] must be called for the
    /// header that is returned, before any reference to it is given up for good.
    #[inline(always)]
    pub fn clone_on(&self, t: &Thread) -> (Self, Option<NonNull<Header>>) {
        let mut rest = None;
        // SAFETY: a pointer word; `self` keeps the object alive.
        if self.is_object() && !unsafe { self.header_unchecked().rc().retain_fast(t.own_tag()) } {
            rest = NonNull::new(self.0 as *mut Header);
        }
        (Self(self.0), rest)
    }

    /// Ends the reference.
    ///
    /// # Safety
    /// The value is not used again.
    #[inline(always)]
    unsafe fn end(&self) {
        if self.is_object() {
            // SAFETY: a pointer word; the reference is this value's own and ends here. When it was the last, nobody
            // else can reach the object.
            unsafe {
                if !self.header_unchecked().release_fast() {
                    heap::release_rest(self.0 as *mut Header);
                }
            }
        }
    }
}

impl Drop for Value {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: this is its end.
        unsafe { self.end() }
    }
}

impl Default for Value {
    #[inline]
    fn default() -> Self {
        Self::ABSENT
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::bool(b)
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.as_small(), self.as_immediate_float()) {
            _ if self.is_absent() => f.write_str("<absent>"),
            (Some(i), _) => write!(f, "{i}"),
            (_, Some(x)) => write!(f, "{x:?}"),
            _ if self.is_object() => write!(f, "<object {:#x}>", self.0),
            _ => f.write_str(match self.0 {
                NONE => "None",
                TRUE => "True",
                FALSE => "False",
                ELLIPSIS => "Ellipsis",
                _ => "NotImplemented",
            }),
        }
    }
}
