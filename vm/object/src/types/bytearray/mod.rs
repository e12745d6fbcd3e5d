//! bytearray: storage, the type and its operators.

use crate::args::Args;
use crate::buffer::{self, Buffer};
use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::list::List;
use crate::ops::CompareOp;
use crate::payload;
use crate::slots::Slots;
use crate::strs::{self, Str};
use crate::thread::{self, Thread};
use crate::tuple::Tuple;
use crate::ty::{TypeDef, flag, type_name, type_of};
use crate::types::bytes::{self, View, byte_of};
use crate::types::index::{self, Key};
use crate::value::Value;
use std::cell::Cell;

pub(crate) mod methods;

/// A bytearray: `len` bytes at `data`, in a raw block of `cap`.
#[repr(C)]
pub struct ByteArray {
    pub(crate) header: Header,
    data: Cell<*mut u8>,
    len: Cell<usize>,
    cap: Cell<usize>,
    exports: Cell<usize>,
}

crate::payload!(ByteArray => BYTEARRAY);

/// bytearray.
pub static BYTEARRAY: TypeDef = TypeDef {
    name: "bytearray",
    doc: "bytearray(iterable_of_ints) -> bytearray\nbytearray(string, encoding[, errors]) -> bytearray\nbytearray(bytes_or_buffer) -> mutable copy of bytes_or_buffer\nbytearray(int) -> bytes array of size given by the parameter initialized with null bytes\nbytearray() -> empty bytes array\n\nConstruct a mutable bytearray object from:\n  - an iterable yielding integers in range(256)\n  - a text string encoded using the specified encoding\n  - a bytes or a buffer object\n  - any object implementing the buffer API.\n  - an integer",
    id: ids::BYTEARRAY,
    flags: flag::BASETYPE | flag::MATCH_SELF | flag::ATOMIC,
    slots: Slots {
        new: Some(|t, class, _| payload::new_for(t, class, ByteArray::empty)),
        init: Some(init),
        repr: Some(repr),
        str: Some(repr),
        compare: Some(compare),
        iter: Some(bytes::new_iter),
        len: Some(|_, v| Ok(v.expect::<ByteArray>().len())),
        getitem: Some(getitem),
        setitem: Some(setitem),
        contains: Some(bytes::contains),
        concat: Some(bytes::concat),
        repeat: Some(bytes::repeat),
        iconcat: Some(iconcat),
        irepeat: Some(irepeat),
        mod_: Some(bytes::modulo),
        buffer: Some(lend),
        ..Slots::NONE
    },
    methods: bytes::table::BYTEARRAY_METHODS,
    outside: false,
    ..TypeDef::of::<ByteArray>()
};

impl Drop for ByteArray {
    fn drop(&mut self) {
        if self.cap.get() > 0
            && let Some(t) = thread::current()
        {
            // SAFETY: the block came from this isolate's heap with this size, and the object ends here.
            unsafe { t.heap().free_raw(self.data.get(), self.cap.get()) };
        }
    }
}

impl ByteArray {
    fn empty(header: Header) -> Self {
        Self {
            header,
            data: Cell::new(std::ptr::null_mut()),
            len: Cell::new(0),
            cap: Cell::new(0),
            exports: Cell::new(0),
        }
    }

    /// Length.
    #[inline]
    pub fn len(&self) -> usize {
        self.len.get()
    }

    /// No data?
    pub fn is_empty(&self) -> bool {
        self.len.get() == 0
    }

    /// The data. May not be held over anything that runs Python code.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        if self.len.get() == 0 {
            return &[];
        }
        // SAFETY: `len` bytes at `data` are initialized; the caller runs nothing that could move them.
        unsafe { std::slice::from_raw_parts(self.data.get(), self.len.get()) }
    }

    /// The data for writing, under the same rule.
    #[expect(clippy::mut_from_ref, reason = "an object is reached through shared references only")]
    pub fn as_mut_slice(&self) -> &mut [u8] {
        if self.len.get() == 0 {
            return &mut [];
        }
        // SAFETY: as for `as_slice`; natives hold one slice at a time.
        unsafe { std::slice::from_raw_parts_mut(self.data.get(), self.len.get()) }
    }

    /// BufferError while memory is lent.
    pub(crate) fn check_exports(&self, t: &Thread) -> Res<()> {
        if self.exports.get() > 0 {
            return Err(error::buffer_error(t, "Existing exports of data: object cannot be re-sized"));
        }
        Ok(())
    }

    /// Keeps the size as it is until the answer is dropped.
    pub(crate) fn hold(&self) -> Held<'_> {
        self.exports.set(self.exports.get() + 1);
        Held(self)
    }

    /// Changes the length; new bytes are zero. The memory grows by an eighth at least.
    pub(crate) fn set_len(&self, t: &Thread, len: usize) -> Res<()> {
        let old = self.len.get();
        if len == old {
            return Ok(());
        }
        self.check_exports(t)?;
        let cap = self.cap.get();
        if len > cap || len < cap / 2 {
            let wanted = if len > cap && cap > 0 { len.saturating_add(len / 8).saturating_add(8) } else { len };
            self.set_cap(t, wanted)?;
        }
        if len > old {
            // SAFETY: the block has room for `len` bytes now.
            unsafe { self.data.get().add(old).write_bytes(0, len - old) };
        }
        self.len.set(len);
        Ok(())
    }

    fn set_cap(&self, t: &Thread, cap: usize) -> Res<()> {
        if cap > isize::MAX as usize / 2 {
            return Err(t.memory_error());
        }
        let heap = t.heap();
        let (data, old) = (self.data.get(), self.cap.get());
        // SAFETY: the old block, if any, came from this heap with this size; it is replaced at once.
        let moved = unsafe {
            match (old, cap) {
                (0, 0) => return Ok(()),
                (0, _) => heap.alloc_raw(cap),
                (_, 0) => {
                    heap.free_raw(data, old);
                    Ok(std::ptr::null_mut())
                }
                _ => heap.realloc_raw(data, old, cap),
            }
        };
        self.data.set(moved.map_err(|_| t.memory_error())?);
        self.cap.set(cap);
        Ok(())
    }

    /// Allocated bytes.
    pub(crate) fn capacity(&self) -> usize {
        self.cap.get()
    }

    /// Replaces `from..to` by `new`, which is not this object's own memory.
    pub(crate) fn splice(&self, t: &Thread, from: usize, to: usize, new: &[u8]) -> Res<()> {
        let (old_len, gone) = (self.len.get(), to - from);
        let Some(len) = (old_len - gone).checked_add(new.len()) else { return Err(t.memory_error()) };
        if len > old_len {
            self.set_len(t, len)?;
            self.as_mut_slice().copy_within(to..old_len, from + new.len());
        } else {
            if len < old_len {
                self.check_exports(t)?;
            }
            self.as_mut_slice().copy_within(to..old_len, from + new.len());
            self.set_len(t, len)?;
        }
        self.as_mut_slice()[from..from + new.len()].copy_from_slice(new);
        Ok(())
    }

    /// Appends.
    pub fn extend(&self, t: &Thread, new: &[u8]) -> Res<()> {
        let n = self.len.get();
        self.splice(t, n, n, new)
    }
}

/// A bytearray whose size is fixed.
pub(crate) struct Held<'a>(&'a ByteArray);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.exports.set(self.0.exports.get().saturating_sub(1));
    }
}

/// A bytearray with a copy of `data`.
pub fn new(t: &Thread, data: &[u8]) -> Res {
    let v = payload::new(t, ByteArray::empty)?;
    v.expect::<ByteArray>().extend(t, data)?;
    Ok(v)
}

/// A bytearray of a vector's bytes.
pub fn from_vec(t: &Thread, data: Vec<u8>) -> Res {
    new(t, &data)
}

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    let parts = bytes::bind_new(t, "bytearray", args)?;
    let this = v.expect::<ByteArray>();
    this.set_len(t, 0)?;
    let Some(source) = parts.source() else {
        parts.encoded(t)?;
        return Ok(());
    };
    if let Some(made) = parts.encoded(t)? {
        return this.extend(t, bytes::data(&made));
    }
    if source.downcast::<Str>().is_some() {
        return Err(error::type_error(t, "string argument without an encoding"));
    }
    if let Some(len) = bytes::count(t, source)? {
        return this.set_len(t, len);
    }
    let stored = buffer::supported(source) || source.exact::<List>().is_some() || source.exact::<Tuple>().is_some();
    if !stored && (type_of(source).slots().iter.is_some() || crate::ops::is_sequence(source)) {
        // The code that gives the bytes may look at what there is already.
        return crate::ops::for_each(t, source, |item| this.extend(t, &[byte_of(t, &item, "byte")?]));
    }
    let made = bytes::from_object(t, source, "bytearray")?;
    this.set_len(t, 0)?;
    this.extend(t, bytes::data(&made))
}

fn repr(t: &Thread, v: &Value) -> Res {
    let data = v.expect::<ByteArray>().as_slice();
    t.check_alloc(data.len())?;
    let mut out = Vec::with_capacity(data.len() + 16);
    let from = 2;
    typhon_unicode::repr_bytes(data, &mut out);
    if out.get(from - 1) == Some(&b'"') {
        // Unlike bytes, a bytearray escapes single quotes between double ones too.
        let body = out.split_off(from);
        body.iter().for_each(|&b| match b {
            b'\'' => out.extend(b"\\'"),
            b => out.push(b),
        });
    }
    // A class may have any name, and the bytes are shown in ASCII.
    strs::new(t, &format!("{}({})", type_of(v).name(), String::from_utf8_lossy(&out)))
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    if !buffer::supported(a) || !buffer::supported(b) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let (x, y) = (View::get(t, a)?, View::get(t, b)?);
    Ok(Value::bool(op.holds((*x).cmp(&*y))))
}

fn refuse(t: &Thread, name: &str) -> error::Exc {
    error::type_error(t, format_args!("bytearray indices must be integers or slices, not {name}"))
}

fn out_of_range(t: &Thread) -> error::Exc {
    error::index_error(t, "bytearray index out of range")
}

fn getitem(t: &Thread, v: &Value, key: &Value) -> Res {
    let this = v.expect::<ByteArray>();
    match index::key(t, key, || this.len(), refuse)? {
        Key::Index(i) => match index::in_range(i, this.len()) {
            Some(i) => Ok(Value::small(i64::from(this.as_slice()[i]))),
            None => Err(out_of_range(t)),
        },
        Key::Slice(r) => {
            t.check_alloc(r.count)?;
            let data = this.as_slice();
            if r.step == 1 {
                return new(t, &data[r.start as usize..r.start as usize + r.count]);
            }
            from_vec(t, r.indices().map(|i| data[i]).collect())
        }
    }
}

fn setitem(t: &Thread, v: &Value, key: &Value, value: Option<&Value>) -> Res<()> {
    let this = v.expect::<ByteArray>();
    if !index::is_slice(key) {
        let Key::Index(i) = index::key(t, key, || this.len(), refuse)? else { return Ok(()) };
        let Some(value) = value else {
            let Some(i) = index::in_range(i, this.len()) else { return Err(out_of_range(t)) };
            return this.splice(t, i, i + 1, &[]);
        };
        let b = byte_of(t, value, "byte")?;
        let Some(i) = index::in_range(i, this.len()) else { return Err(out_of_range(t)) };
        this.as_mut_slice()[i] = b;
        return Ok(());
    }
    let new = match value {
        Some(value) => slice_value(t, value)?,
        None => Vec::new(),
    };
    let r = index::slice(t, key, || this.len())?;
    if r.step == 1 {
        let from = r.start as usize;
        return this.splice(t, from, from + r.count, &new);
    }
    if new.is_empty() {
        this.check_exports(t)?;
        let gone: std::collections::HashSet<usize> = r.indices().collect();
        let left: Vec<u8> = (0..this.len()).filter(|i| !gone.contains(i)).map(|i| this.as_slice()[i]).collect();
        return this.splice(t, 0, this.len(), &left);
    }
    if new.len() != r.count {
        let (n, count) = (new.len(), r.count);
        return Err(error::value_error(
            t,
            format_args!("attempt to assign bytes of size {n} to extended slice of size {count}"),
        ));
    }
    let data = this.as_mut_slice();
    r.indices().zip(&new).for_each(|(i, &b)| data[i] = b);
    Ok(())
}

/// What may be assigned to a slice, as bytes of its own.
fn slice_value(t: &Thread, value: &Value) -> Res<Vec<u8>> {
    if buffer::supported(value) {
        return buffer::get(t, value, buffer::FULL_RO)?.to_contiguous(t);
    }
    let iterable = type_of(value).slots().iter.is_some() || crate::ops::is_sequence(value);
    if !iterable || value.downcast::<Str>().is_some() {
        return Err(error::type_error(t, "can assign only bytes, buffers, or iterables of ints in range(0, 256)"));
    }
    let made = bytes::from_object(t, value, "bytearray")?;
    Ok(bytes::data(&made).to_vec())
}

fn iconcat(t: &Thread, a: &Value, b: &Value) -> Res {
    if !buffer::supported(b) {
        let (x, y) = (type_name(b), type_name(a));
        return Err(error::type_error(t, format_args!("can't concat {x} to {y}")));
    }
    let this = a.expect::<ByteArray>();
    if a.is(b) {
        let copy = this.as_slice().to_vec();
        this.extend(t, &copy)?;
    } else {
        let view = View::get(t, b)?;
        this.extend(t, &view)?;
    }
    Ok(a.clone())
}

fn irepeat(t: &Thread, v: &Value, n: isize) -> Res {
    let this = v.expect::<ByteArray>();
    let n = usize::try_from(n).unwrap_or(0);
    let old = this.len();
    let Some(len) = old.checked_mul(n) else { return Err(t.memory_error()) };
    this.set_len(t, len)?;
    if old > 0 {
        let data = this.as_mut_slice();
        for i in 1..n {
            data.copy_within(0..old, i * old);
        }
    }
    Ok(v.clone())
}

fn lend(_: &Thread, v: &Value, _: i32) -> Res<Buffer> {
    let this = v.expect::<ByteArray>();
    this.exports.set(this.exports.get() + 1);
    Ok(Buffer::bytes(v.clone(), this.data.get(), this.len(), false, |v| {
        let this = v.expect::<ByteArray>();
        this.exports.set(this.exports.get().saturating_sub(1));
    }))
}
