//! tuple: storage. Methods are in `types/tuple`.

use crate::error::Res;
use crate::gc;
use crate::header::Header;
use crate::payload;
use crate::shape::ShapeId;
use crate::store;
use crate::thread::Thread;
use crate::ty::TypeObject;
use crate::types::tuple_::TUPLE;
use crate::value::Value;
use std::cell::Cell;

/// A tuple object; its items follow the struct.
#[repr(C)]
pub struct Tuple {
    pub(crate) header: Header,
    len: usize,
    /// The cached hash, -1 if not computed.
    pub(crate) hash: Cell<i64>,
}

crate::payload!(Tuple => TUPLE {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        let items = self.items();
        gc::each(items.len(), |i| visit(&items[i]));
    }
});

impl Tuple {
    /// Where the length lies, for machine code.
    pub const LEN: usize = std::mem::offset_of!(Self, len);
    /// Where the items begin.
    pub const ITEMS: usize = size_of::<Self>();

    pub(crate) unsafe fn size_of(at: *mut Header) -> usize {
        // SAFETY: the caller's object is a tuple.
        size_of::<Tuple>() + 8 * unsafe { (*at.cast::<Tuple>()).len }
    }

    pub(crate) unsafe fn drop_items(at: *mut Header) {
        // SAFETY: the caller's object is a dead tuple; each item is dropped once.
        unsafe {
            let s = at.cast::<Tuple>();
            std::ptr::slice_from_raw_parts_mut(s.add(1).cast::<Value>(), (*s).len).drop_in_place();
        }
    }

    /// The items.
    #[inline(always)]
    pub fn items(&self) -> &[Value] {
        // SAFETY: `len` items follow the struct and never change once the tuple is visible.
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(self).add(1).cast(), self.len) }
    }

    /// Number of items.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// No items?
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// So many items are moved between two looks at the breaker.
const STRIDE: usize = 1 << 15;

/// Raises if the isolate is to stop: then the tuple in the making has `n` items, and its memory goes with the isolate's.
///
/// # Safety
/// `at` is a tuple that nobody knows, and its first `n` items are there.
unsafe fn keep_on(t: &Thread, at: *mut Tuple, n: usize) -> Res<()> {
    // SAFETY: the caller's tuple.
    t.check_stop().inspect_err(|_| unsafe { (&raw mut (*at).len).write(n) })
}

/// Memory for an exact tuple of `len > 0` items, which the caller must initialize at once.
#[inline(always)]
fn bare(t: &Thread, len: usize) -> Res<*mut Tuple> {
    let Ok(at) = t.heap().alloc_object(size_of::<Tuple>() + 8 * len) else { return Err(t.memory_error()) };
    let at = at.cast::<Tuple>();
    let header = Header::new(ShapeId(crate::ids::TUPLE), crate::thread::tag());
    // SAFETY: fresh memory of that size.
    unsafe { at.write(Tuple { header, len, hash: Cell::new(-1) }) };
    Ok(at)
}

/// A tuple of `len > 0` items, which are absent until whoever asks has filled them in, before anybody else sees it.
pub fn unfilled(t: &Thread, len: usize) -> Res {
    let at = bare(t, len)?;
    // SAFETY: within the new tuple; a zero is an absent value.
    unsafe {
        at.add(1).cast::<u64>().write_bytes(0, len);
        Ok(Value::from_raw(at as u64))
    }
}

/// A tuple of copies of `items`.
pub fn new(t: &Thread, items: &[Value]) -> Res {
    if items.is_empty() {
        return Ok(crate::process::empty_tuple().clone());
    }
    let at = bare(t, items.len())?;
    for (n, piece) in items.chunks(STRIDE).enumerate() {
        for (i, item) in piece.iter().enumerate() {
            // SAFETY: within the new tuple.
            unsafe { store::init(at.add(1).cast::<Value>().add(n * STRIDE + i), item.clone()) };
        }
        // SAFETY: so many items are there.
        unsafe { keep_on(t, at, n * STRIDE + piece.len())? };
    }
    // SAFETY: complete, and nobody else's.
    Ok(unsafe { Value::from_raw(at as u64) })
}

/// A tuple that takes the items over.
pub fn from_vec(t: &Thread, items: Vec<Value>) -> Res {
    let mut items = items;
    // SAFETY: the items are taken, and leave zeros behind.
    unsafe { take(t, items.as_mut_ptr(), items.len()) }
}

/// A tuple that takes `N` items over.
#[inline]
pub fn from_array<const N: usize>(t: &Thread, mut items: [Value; N]) -> Res {
    // SAFETY: the array's items are taken; zeros stay.
    unsafe { take(t, items.as_mut_ptr(), N) }
}

/// A tuple that takes over `len` values at `at`, leaving zeros behind; on an error they stay.
///
/// # Safety
/// `at..at+len` are initialized values that the caller owns.
#[inline]
pub unsafe fn take(t: &Thread, at: *mut Value, len: usize) -> Res {
    if len == 0 {
        return Ok(crate::process::empty_tuple().clone());
    }
    let new = bare(t, len)?;
    for i in 0..len {
        // SAFETY: each value is taken once, into its place in the new tuple.
        unsafe { store::init(new.add(1).cast::<Value>().add(i), std::mem::take(&mut *at.add(i))) };
        if i % STRIDE == STRIDE - 1 {
            // SAFETY: so many items are there.
            unsafe { keep_on(t, new, i + 1)? };
        }
    }
    // SAFETY: complete, and nobody else's.
    Ok(unsafe { Value::from_raw(new as u64) })
}

/// Fills a place of a tuple that its maker is still reading the items of.
///
/// # Safety
/// `v` is an exact tuple of more than `i` items, the place holds None, and nobody borrows the items.
pub unsafe fn fill(v: &Value, i: usize, item: Value) {
    let s = v.expect::<Tuple>();
    // SAFETY: the place exists, and None need not be dropped (the caller's duty).
    unsafe { store::write(&s.header, (v.bits() as *mut Tuple).add(1).cast::<Value>().add(i), item) }
}

/// A tuple of type `ty` (tuple or a subclass) of exactly `len` items.
pub fn make(t: &Thread, ty: &TypeObject, len: usize, items: impl Iterator<Item = Value>) -> Res {
    let payload_size = size_of::<Tuple>() + 8 * len;
    let size = payload_size + (ty.basic_size() - TUPLE.size);
    let mut whole = Ok(());
    // SAFETY: the closure initializes the struct, every item and the class's own slots.
    let made = unsafe {
        payload::new_sized(t, ty, size, |at| {
            let s = at.cast::<Tuple>();
            (&raw mut (*s).len).write(0);
            (&raw mut (*s).hash).write(Cell::new(-1));
            let data = s.add(1).cast::<Value>();
            let mut n = 0;
            for item in items.take(len) {
                store::write(&(*s).header, data.add(n), item);
                n += 1;
                if n % STRIDE == 0
                    && let Err(e) = t.check_stop()
                {
                    (&raw mut (*s).len).write(n);
                    whole = Err(e);
                    return;
                }
            }
            debug_assert_eq!(n, len, "a tuple's iterator gave fewer items than promised");
            for i in n..len {
                data.add(i).write(Value::NONE);
            }
            (&raw mut (*s).len).write(len);
            if size > payload_size {
                at.add(payload_size).write_bytes(0, size - payload_size);
            }
        })
    }?;
    if whole.is_err() {
        // It does not know its size: its memory goes with the isolate's.
        std::mem::forget(made);
        return whole.map(|()| Value::ABSENT);
    }
    Ok(made)
}

/// A tuple of type `ty` of `len` items that keeps more values behind them: `all` gives `total` of them. The type's
/// definition knows how many there are (see `types::structseq`) and has no subclasses.
pub(crate) fn make_hidden(
    t: &Thread,
    ty: &TypeObject,
    len: usize,
    total: usize,
    all: impl Iterator<Item = Value>,
) -> Res {
    debug_assert!(len <= total);
    // SAFETY: the closure initializes the struct and as many values as the type's definition counts.
    unsafe {
        payload::new_sized(t, ty, size_of::<Tuple>() + 8 * total, |at| {
            let s = at.cast::<Tuple>();
            (&raw mut (*s).len).write(len);
            (&raw mut (*s).hash).write(Cell::new(-1));
            let data = s.add(1).cast::<Value>();
            let rest = std::iter::repeat_with(|| Value::NONE);
            for (i, item) in all.chain(rest).take(total).enumerate() {
                store::write(&(*s).header, data.add(i), item);
            }
        })
    }
}

/// The hash of a row of items: CPython's variant of xxHash, with or without the length mixed in.
pub fn hash_items(t: &Thread, items: &[Value], with_len: bool) -> Res<i64> {
    const PRIME_1: u64 = 11_400_714_785_074_694_791;
    const PRIME_2: u64 = 14_029_467_366_897_019_727;
    const PRIME_5: u64 = 2_870_177_450_012_600_261;
    let mut acc = PRIME_5;
    for (i, item) in items.iter().enumerate() {
        let lane = crate::ops::hash(t, item)? as u64;
        acc = acc.wrapping_add(lane.wrapping_mul(PRIME_2)).rotate_left(31).wrapping_mul(PRIME_1);
        if i % 1024 == 1023 {
            t.poll()?;
        }
    }
    if with_len {
        acc = acc.wrapping_add(items.len() as u64 ^ PRIME_5 ^ 3_527_539);
    }
    Ok(if acc == u64::MAX { 1_546_275_796 } else { acc as i64 })
}
