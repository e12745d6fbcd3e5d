//! str: storage. Methods are in `types/str`.
//!
//! A str is an array of Latin-1, UCS-2 or UCS-4 units, the narrowest that fits (PEP 393). Lone surrogates are ordinary
//! code points.

use crate::bulk;
use crate::error::Res;
use crate::header::Header;
use crate::payload;
use crate::shape::ShapeId;
use crate::thread::Thread;
use crate::ty::TypeObject;
use crate::types::str_::STR;
use crate::value::Value;
use siphasher::sip::SipHasher13;
use std::cell::Cell;
use std::hash::Hasher;

mod builder;
mod copy;

pub use builder::StrBuilder;
pub(crate) use copy::copy_widening;
use copy::{narrowed, widest};

/// A str object; its units follow the struct.
#[repr(C)]
pub struct Str {
    pub(crate) header: Header,
    hash: Cell<i64>,
    /// Length in code points << 8 | width in bytes (1, 2, 4) | `ASCII`.
    meta: u64,
}

crate::payload!(Str => STR);

const ASCII: u64 = 0x80;
const UNSET: i64 = -1;

/// A str's units, by width.
#[derive(Clone, Copy, Debug)]
pub enum Units<'a> {
    /// Code points below 256.
    Latin1(&'a [u8]),
    /// Code points below 65536, at least one above 255.
    Ucs2(&'a [u16]),
    /// Any code points, at least one above 65535.
    Ucs4(&'a [u32]),
}

impl<'a> Units<'a> {
    /// Number of code points.
    pub fn len(&self) -> usize {
        match self {
            Self::Latin1(s) => s.len(),
            Self::Ucs2(s) => s.len(),
            Self::Ucs4(s) => s.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The code point at `i`.
    #[inline]
    pub fn at(&self, i: usize) -> u32 {
        match self {
            Self::Latin1(s) => u32::from(s[i]),
            Self::Ucs2(s) => u32::from(s[i]),
            Self::Ucs4(s) => s[i],
        }
    }

    /// Part of it.
    pub fn slice(&self, from: usize, to: usize) -> Units<'a> {
        match self {
            Self::Latin1(s) => Units::Latin1(&s[from..to]),
            Self::Ucs2(s) => Units::Ucs2(&s[from..to]),
            Self::Ucs4(s) => Units::Ucs4(&s[from..to]),
        }
    }

    /// Code points in order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = u32> + ExactSizeIterator + 'a {
        (0..self.len()).map(move |i| self.at(i))
    }
}

impl Str {
    /// Bytes of the object, for the heap.
    pub(crate) unsafe fn size_of(at: *mut Header) -> usize {
        // SAFETY: the caller's object is a str.
        let s = unsafe { &*at.cast::<Str>() };
        object_size(s.len(), s.width())
    }

    /// Length in code points.
    #[inline(always)]
    pub fn len(&self) -> usize {
        (self.meta >> 8) as usize
    }

    /// Whether it is empty.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.meta >> 8 == 0
    }

    /// Bytes per unit.
    #[inline(always)]
    pub fn width(&self) -> usize {
        (self.meta & 7) as usize
    }

    /// Whether every code point is below 128.
    #[inline(always)]
    pub fn is_ascii(&self) -> bool {
        self.meta & ASCII != 0
    }

    #[inline(always)]
    fn data(&self) -> *const u8 {
        // SAFETY: the units follow the struct in the same block.
        unsafe { std::ptr::from_ref(self).add(1).cast() }
    }

    /// The units.
    #[inline]
    pub fn units(&self) -> Units<'_> {
        let (p, n) = (self.data(), self.len());
        // SAFETY: `n` units of the recorded width follow the struct and never change.
        unsafe {
            match self.width() {
                1 => Units::Latin1(std::slice::from_raw_parts(p, n)),
                2 => Units::Ucs2(std::slice::from_raw_parts(p.cast(), n)),
                _ => Units::Ucs4(std::slice::from_raw_parts(p.cast(), n)),
            }
        }
    }

    /// The units as raw bytes (native byte order), as `hash` sees them.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: as for `units`.
        unsafe { std::slice::from_raw_parts(self.data(), self.len() * self.width()) }
    }

    /// The text, if it is ASCII.
    #[inline]
    pub fn as_ascii(&self) -> Option<&str> {
        // SAFETY: the flag says that all units are ASCII, which is UTF-8.
        if self.is_ascii() { Some(unsafe { std::str::from_utf8_unchecked(self.bytes()) }) } else { None }
    }

    /// The code point at `i`.
    #[inline]
    pub fn at(&self, i: usize) -> u32 {
        self.units().at(i)
    }

    /// The text as Rust's, lone surrogates replaced by U+FFFD: for messages.
    pub fn to_lossy(&self) -> String {
        match self.as_ascii() {
            Some(s) => s.to_string(),
            None => self.units().iter().map(|c| char::from_u32(c).unwrap_or('\u{fffd}')).collect(),
        }
    }

    /// The text as UTF-8, or the position of the first lone surrogate.
    pub fn to_utf8(&self) -> Result<String, usize> {
        match self.as_ascii() {
            Some(s) => Ok(s.to_string()),
            None => self.units().iter().enumerate().map(|(i, c)| char::from_u32(c).ok_or(i)).collect(),
        }
    }

    /// Generalized UTF-8: lone surrogates as three bytes.
    pub fn to_wtf8(&self) -> Vec<u8> {
        if let Some(s) = self.as_ascii() {
            return s.as_bytes().to_vec();
        }
        let mut out = Vec::with_capacity(self.len() * 2);
        for c in self.units().iter() {
            push_wtf8(&mut out, c);
        }
        out
    }

    /// SipHash-1-3 over the units' bytes, as CPython; never -1.
    #[inline]
    pub fn hash(&self) -> i64 {
        let h = self.hash.get();
        if h != UNSET { h } else { self.fill_hash() }
    }

    #[cold]
    fn fill_hash(&self) -> i64 {
        let h = hash_bytes(self.bytes());
        self.hash.set(h);
        h
    }

    /// Same code points?
    #[inline]
    pub fn same_text(&self, other: &Str) -> bool {
        self.meta == other.meta && bulk::equal(self.bytes(), other.bytes())
    }

    /// Same text as Rust's?
    #[inline]
    pub fn eq_text(&self, text: &str) -> bool {
        match self.as_ascii() {
            Some(s) => s == text,
            None => self.units().iter().eq(text.chars().map(u32::from)),
        }
    }
}

/// Appends the generalized UTF-8 form of a code point.
pub fn push_wtf8(out: &mut Vec<u8>, c: u32) {
    match c {
        0..0x80 => out.push(c as u8),
        0x80..0x800 => out.extend([0xc0 | (c >> 6) as u8, 0x80 | (c & 0x3f) as u8]),
        0x800..0x1_0000 => out.extend([0xe0 | (c >> 12) as u8, 0x80 | (c >> 6 & 0x3f) as u8, 0x80 | (c & 0x3f) as u8]),
        _ => out.extend([
            0xf0 | (c >> 18) as u8,
            0x80 | (c >> 12 & 0x3f) as u8,
            0x80 | (c >> 6 & 0x3f) as u8,
            0x80 | (c & 0x3f) as u8,
        ]),
    }
}

fn object_size(len: usize, width: usize) -> usize {
    (size_of::<Str>() + len * width).next_multiple_of(8)
}

/// So many bytes are hashed between two looks at the breaker.
const HASH_STRIDE: usize = 1 << 17;

/// SipHash-1-3 with the process's key; 0 for nothing.
pub fn hash_bytes(bytes: &[u8]) -> i64 {
    if bytes.is_empty() {
        return 0;
    }
    let (k0, k1) = crate::process::hash_key();
    let mut h = SipHasher13::new_with_keys(k0, k1);
    for piece in bytes.chunks(HASH_STRIDE) {
        h.write(piece);
        if piece.len() == HASH_STRIDE && crate::thread::stopping() {
            break;
        }
    }
    match h.finish() as i64 {
        -1 => -2,
        h => h,
    }
}

/// The hash that a str of this text has.
pub fn hash_text(text: &str) -> i64 {
    if text.is_ascii() {
        return hash_bytes(text.as_bytes());
    }
    match text.chars().map(u32::from).max().unwrap_or(0) {
        0..0x100 => hash_bytes(&text.chars().map(|c| c as u8).collect::<Vec<_>>()),
        0x100..0x1_0000 => hash_bytes(&text.chars().flat_map(|c| (c as u16).to_ne_bytes()).collect::<Vec<_>>()),
        _ => hash_bytes(&text.chars().flat_map(|c| (c as u32).to_ne_bytes()).collect::<Vec<_>>()),
    }
}

/// A str of `len` units of `width` bytes, filled by `fill`.
///
/// # Safety
/// `fill` writes all `len * width` bytes or fails; the width is the narrowest that fits, and `ascii` is true exactly if
/// every unit is below 128.
pub(crate) unsafe fn raw(
    t: &Thread,
    len: usize,
    width: usize,
    ascii: bool,
    fill: impl FnOnce(*mut u8) -> Res<()>,
) -> Res {
    if len >= isize::MAX as usize / 8 {
        return Err(t.memory_error());
    }
    let Ok(at) = t.heap().alloc_object(object_size(len, width)) else { return Err(t.memory_error()) };
    let at = at.cast::<Str>();
    let header = Header::new(ShapeId(crate::ids::STR), crate::thread::tag());
    // SAFETY: fresh memory of that size; the units follow the struct. A str whose units were not filled is dropped before
    // anybody sees it, which reads none.
    unsafe {
        at.write(Str { header, hash: Cell::new(UNSET), meta: meta_of(len, width, ascii) });
        let filled = fill(at.add(1).cast());
        let made = Value::from_raw(at as u64);
        filled.map(|()| made)
    }
}

/// As [`raw`], of `ty`: str or a subclass.
unsafe fn raw_of(
    t: &Thread,
    ty: &TypeObject,
    len: usize,
    width: usize,
    ascii: bool,
    fill: impl FnOnce(*mut u8) -> Res<()>,
) -> Res {
    let text_size = match len.checked_mul(width) {
        Some(n) if n < isize::MAX as usize / 2 => object_size(len, width),
        _ => return Err(t.memory_error()),
    };
    let size = text_size + (ty.basic_size() - STR.size);
    let mut filled = Ok(());
    // SAFETY: the closure initializes the rest of the struct, the units and the class's own slots. A str whose units were
    // not filled is dropped before anybody sees it, which reads none.
    let made = unsafe {
        payload::new_sized(t, ty, size, |at| {
            let s = at.cast::<Str>();
            (&raw mut (*s).hash).write(Cell::new(UNSET));
            (&raw mut (*s).meta).write(meta_of(len, width, ascii));
            filled = fill(s.add(1).cast());
            if size > text_size {
                at.add(text_size).write_bytes(0, size - text_size);
            }
        })
    };
    filled.and(made)
}

fn meta_of(len: usize, width: usize, ascii: bool) -> u64 {
    (len as u64) << 8 | width as u64 | if ascii { ASCII } else { 0 }
}

/// A copy of `s` of class `class` (a subclass of str).
pub(crate) fn of_class(t: &Thread, class: &TypeObject, s: &Str) -> Res {
    let bytes = s.bytes();
    let fill = |p: *mut u8| {
        // SAFETY: the new str has the same length and width.
        unsafe { bulk::copy(t, bytes.as_ptr(), p, bytes.len()) }
    };
    // SAFETY: `fill` copies all units.
    unsafe { raw_of(t, class, s.len(), s.width(), s.is_ascii(), fill) }
}

/// `v`, which is a str, as an exact str.
pub fn exact(t: &Thread, v: &Value) -> Res {
    match v.downcast::<Str>() {
        Some(s) if v.exact::<Str>().is_none() => from_units(t, s.units()),
        _ => Ok(v.clone()),
    }
}

/// `v[from..to]`, an exact str; `v` is a str and the range is inside it.
pub fn substring(t: &Thread, v: &Value, from: usize, to: usize) -> Res {
    let s = v.expect::<Str>();
    if from == 0 && to == s.len() {
        return exact(t, v);
    }
    match s.units() {
        Units::Latin1(u) if s.is_ascii() && to > from + 1 => {
            let part = &u[from..to];
            // SAFETY: copies all bytes; a part of ASCII text is ASCII.
            unsafe { raw(t, part.len(), 1, true, |p| bulk::copy(t, part.as_ptr(), p, part.len())) }
        }
        u => from_units(t, u.slice(from, to)),
    }
}

/// `left + right` for `left += right`, where `left` was the only reference to its object: then the object grows, by
/// more than it needs, so that building a str piece by piece is linear. In any other case as `left + right`.
pub fn append_in_place(t: &Thread, left: Value, right: &Str) -> Res {
    let Some(s) = left.exact::<Str>() else { return concat(t, left.expect::<Str>(), right) };
    let interned = s.header.has(crate::header::flag::INTERNED);
    if interned || s.header.is_immortal() || !s.header.is_unique() || s.width() < right.width() || right.is_empty() {
        return if right.is_empty() { Ok(left) } else { concat(t, s, right) };
    }
    let (old_len, width) = (s.len(), s.width());
    let Some(len) = old_len.checked_add(right.len()).filter(|n| *n < isize::MAX as usize / 8) else {
        return Err(t.memory_error());
    };
    let ascii = s.is_ascii() && right.is_ascii();
    let at = left.bits() as *mut u8;
    // SAFETY: the object is this reference's alone (checked), so nobody sees it move.
    let moved = unsafe { t.heap().grow_object(at, object_size(old_len, width), object_size(len, width)) };
    let Ok(moved) = moved else { return Err(t.memory_error()) };
    let _ = left.into_raw();
    // SAFETY: the block holds the old object and has room for the appended units; the reference that was `left`'s is
    // the returned value's.
    unsafe {
        let s = moved.cast::<Str>();
        let copied = copy_widening(t, right, s.add(1).cast::<u8>().add(old_len * width), width);
        // After a stop what was appended is not all there: the str is dropped unseen.
        (&raw mut (*s).meta).write(meta_of(len, width, ascii));
        (*s).hash.set(UNSET);
        let whole = Value::from_raw(moved as u64);
        copied.map(|()| whole)
    }
}

/// A str from Rust text.
pub fn new(t: &Thread, text: &str) -> Res {
    if text.is_ascii() {
        return from_ascii(t, text.as_bytes());
    }
    let mut b = StrBuilder::new();
    b.push_str(text);
    b.finish(t)
}

/// A str from Rust text that is never shared with the cache of short strs: a name. A long one may overdraw the account,
/// which the next poll notices.
///
/// # Panics
/// If the machine has no room for a second copy of the text.
pub(crate) fn new_plain(t: &Thread, text: &str) -> Value {
    let made = t.heap().leniently(|| {
        if text.is_ascii() {
            // SAFETY: copies all of the ASCII text.
            unsafe {
                raw(t, text.len(), 1, true, |p| {
                    p.copy_from_nonoverlapping(text.as_ptr(), text.len());
                    Ok(())
                })
            }
        } else {
            new(t, text)
        }
    });
    match made {
        Ok(v) => v,
        Err(_) => panic!("no memory for a name"),
    }
}

/// A str of bytes that the caller has seen to be ASCII.
fn from_ascii(t: &Thread, bytes: &[u8]) -> Res {
    debug_assert!(bytes.is_ascii());
    if bytes.len() <= 1 {
        return from_latin1(t, bytes);
    }
    // SAFETY: copies all bytes, which are ASCII.
    unsafe { raw(t, bytes.len(), 1, true, |p| bulk::copy(t, bytes.as_ptr(), p, bytes.len())) }
}

/// A str from code points below 256.
pub fn from_latin1(t: &Thread, bytes: &[u8]) -> Res {
    if bytes.len() <= 1 {
        return Ok(match bytes.first() {
            Some(&b) => crate::process::latin1_char(b).clone(),
            None => crate::process::empty_str().clone(),
        });
    }
    // SAFETY: copies all bytes; one byte is the narrowest width.
    unsafe { raw(t, bytes.len(), 1, bulk::is_ascii(bytes), |p| bulk::copy(t, bytes.as_ptr(), p, bytes.len())) }
}

/// A str from UCS-2 units, narrowed if possible.
pub fn from_ucs2(t: &Thread, units: &[u16]) -> Res {
    let max = widest(t, units)?;
    if max < 256 {
        return narrowed(t, units, max < 128, |u| u as u8);
    }
    // SAFETY: copies all units; some unit needs two bytes.
    unsafe { raw(t, units.len(), 2, false, |p| bulk::copy(t, units.as_ptr().cast(), p, size_of_val(units))) }
}

/// A str from code points, narrowed if possible.
pub fn from_ucs4(t: &Thread, units: &[u32]) -> Res {
    let max = widest(t, units)?;
    if max < 256 {
        return narrowed(t, units, max < 128, |u| u as u8);
    }
    if max < 0x1_0000 {
        return narrowed(t, units, false, |u| u as u16);
    }
    // SAFETY: copies all units; some unit needs four bytes.
    unsafe { raw(t, units.len(), 4, false, |p| bulk::copy(t, units.as_ptr().cast(), p, size_of_val(units))) }
}

/// A str from units of any width, narrowed if possible.
pub fn from_units(t: &Thread, units: Units<'_>) -> Res {
    match units {
        Units::Latin1(s) => from_latin1(t, s),
        Units::Ucs2(s) => from_ucs2(t, s),
        Units::Ucs4(s) => from_ucs4(t, s),
    }
}

/// A str of one code point.
pub fn from_char(t: &Thread, c: u32) -> Res {
    if c < 256 { Ok(crate::process::latin1_char(c as u8).clone()) } else { from_ucs4(t, &[c]) }
}

/// A str from generalized UTF-8 of our own making (code constants).
pub fn from_wtf8(t: &Thread, bytes: &[u8]) -> Res {
    if bytes.is_ascii() {
        return from_latin1(t, bytes);
    }
    let mut b = StrBuilder::new();
    let mut i = 0;
    while i < bytes.len() {
        let lead = bytes[i];
        let (n, first) = match lead {
            0..0x80 => (1, u32::from(lead)),
            0x80..0xe0 => (2, u32::from(lead & 0x1f)),
            0xe0..0xf0 => (3, u32::from(lead & 0x0f)),
            _ => (4, u32::from(lead & 0x07)),
        };
        let tail = bytes.get(i + 1..i + n).unwrap_or(&[]);
        b.push(tail.iter().fold(first, |c, &x| c << 6 | u32::from(x & 0x3f)));
        i += n;
    }
    b.finish(t)
}

/// Whether `v` is an interned str.
#[inline]
pub fn is_interned(v: &Value) -> bool {
    v.header().is_some_and(|h| h.has(crate::header::flag::INTERNED))
}

/// Two strs with the same text? False if either is no str.
#[inline]
pub fn eq(a: &Value, b: &Value) -> bool {
    a.is(b)
        || match (a.downcast::<Str>(), b.downcast::<Str>()) {
            (Some(x), Some(y)) => x.same_text(y),
            _ => false,
        }
}

/// A str with this text?
#[inline]
pub fn eq_str(a: &Value, text: &str) -> bool {
    a.downcast::<Str>().is_some_and(|s| s.eq_text(text))
}

/// The text of a str for a message; of anything else, its debug form.
pub fn display(v: &Value) -> String {
    match v.downcast::<Str>() {
        Some(s) => s.to_lossy(),
        None => format!("{v:?}"),
    }
}

/// `a + b`.
pub fn concat(t: &Thread, a: &Str, b: &Str) -> Res {
    let len = a.len() + b.len();
    let width = a.width().max(b.width());
    let fill = |p: *mut u8| {
        let mut at = 0;
        for s in [a, b] {
            // SAFETY: the new str has room for both, and a narrower part is widened unit by unit.
            unsafe { copy_widening(t, s, p.add(at * width), width)? };
            at += s.len();
        }
        Ok(())
    };
    // SAFETY: `fill` writes all units; the width is the wider one, and narrow enough since both parts are.
    unsafe { raw(t, len, width, a.is_ascii() && b.is_ascii(), fill) }
}
