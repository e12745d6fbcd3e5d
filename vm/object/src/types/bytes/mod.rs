//! bytes: storage, the type and its operators; and what it shares with bytearray.

use crate::args::Args;
use crate::buffer::{self, Buffer};
use crate::bulk;
use crate::call;
use crate::codec;
use crate::convert;
use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::names::n;
use crate::native::{self, MethodDef, def};
use crate::ops::CompareOp;
use crate::payload;
use crate::shape::ShapeId;
use crate::slots::Slots;
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::ty::{TypeDef, TypeObject, flag, type_name, type_of};
use crate::types::bytearray::ByteArray;
use crate::types::exceptions::TYPE_ERROR;
use crate::types::index::{self, Key};
use crate::types::str_::{percent, search};
use crate::types::{bytearray, int};
use crate::value::Value;
use std::borrow::Cow;
use std::cell::Cell;

mod case;
mod find;
pub(crate) mod hex;
mod iter;
mod join;
mod pad;
mod split;
pub(crate) mod table;
mod translate;

pub use hex::hex_digits;
pub(crate) use iter::new as new_iter;
pub use iter::{BYTEARRAY_ITER, BYTES_ITER};

/// A bytes object; the data follows the struct.
#[repr(C)]
pub struct Bytes {
    pub(crate) header: Header,
    len: usize,
    hash: Cell<i64>,
}

crate::payload!(Bytes => BYTES);

const UNSET: i64 = -1;

/// bytes.
pub static BYTES: TypeDef = TypeDef {
    name: "bytes",
    doc: "bytes(iterable_of_ints) -> bytes\nbytes(string, encoding[, errors]) -> bytes\nbytes(bytes_or_buffer) -> immutable copy of bytes_or_buffer\nbytes(int) -> bytes object of size given by the parameter initialized with null bytes\nbytes() -> empty bytes object\n\nConstruct an immutable array of bytes from:\n  - an iterable yielding integers in range(256)\n  - a text string encoded using the specified encoding\n  - any object implementing the buffer API.\n  - an integer",
    id: ids::BYTES,
    flags: flag::BASETYPE | flag::MATCH_SELF | flag::ATOMIC | flag::BYTES,
    slots: Slots {
        new: Some(new_bytes),
        repr: Some(repr),
        str: Some(repr),
        hash: Some(|_, v| Ok(v.expect::<Bytes>().hash())),
        compare: Some(compare),
        iter: Some(iter::new),
        len: Some(|_, v| Ok(v.expect::<Bytes>().len())),
        getitem: Some(getitem),
        contains: Some(contains),
        concat: Some(concat),
        repeat: Some(repeat),
        mod_: Some(modulo),
        buffer: Some(lend),
        ..Slots::NONE
    },
    size_of: Some(Bytes::size_of),
    methods: table::BYTES_METHODS,
    ..TypeDef::of::<Bytes>()
};

fn object_size(len: usize) -> usize {
    (size_of::<Bytes>() + len).next_multiple_of(8)
}

impl Bytes {
    /// Where an object has its length, and where its data.
    pub const LEN: usize = std::mem::offset_of!(Self, len);
    /// See [`Bytes::LEN`].
    pub const DATA: usize = size_of::<Self>();

    pub(crate) unsafe fn size_of(at: *mut Header) -> usize {
        // SAFETY: the caller's object is a bytes.
        object_size(unsafe { (*at.cast::<Bytes>()).len })
    }

    /// The data.
    #[inline(always)]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: `len` bytes follow the struct and never change.
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(self).add(1).cast(), self.len) }
    }

    /// Length.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// No data?
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// As a str of the same bytes would hash.
    pub fn hash(&self) -> i64 {
        if self.hash.get() == UNSET {
            self.hash.set(strs::hash_bytes(self.as_slice()));
        }
        self.hash.get()
    }
}

/// A bytes object of `len` bytes written by `fill`.
///
/// # Safety
/// `fill` writes all `len` bytes or fails.
unsafe fn raw(t: &Thread, ty: &TypeObject, len: usize, fill: impl FnOnce(*mut u8) -> Res<()>) -> Res {
    if len > isize::MAX as usize / 2 {
        return Err(t.memory_error());
    }
    let own = object_size(len);
    let size = own + (ty.basic_size() - BYTES.size);
    let mut filled = Ok(());
    // SAFETY: the closure initializes the struct, the data and the class's own slots. An object that was not filled is
    // dropped before anybody sees it, which reads no data.
    let made = unsafe {
        payload::new_sized(t, ty, size, |at| {
            let s = at.cast::<Bytes>();
            (&raw mut (*s).len).write(len);
            (&raw mut (*s).hash).write(Cell::new(UNSET));
            filled = fill(s.add(1).cast());
            if size > own {
                at.add(own).write_bytes(0, size - own);
            }
        })
    };
    filled.and(made)
}

/// A bytes object.
#[inline]
pub fn new(t: &Thread, data: &[u8]) -> Res {
    // SAFETY: all bytes are written.
    unsafe { filled(t, data.len(), |p| bulk::copy(t, data.as_ptr(), p, data.len())) }
}

/// As [`raw`], of exactly bytes.
///
/// # Safety
/// As [`raw`].
#[inline]
pub(crate) unsafe fn filled(t: &Thread, len: usize, fill: impl FnOnce(*mut u8) -> Res<()>) -> Res {
    if len > isize::MAX as usize / 2 {
        return Err(t.memory_error());
    }
    let Ok(at) = t.heap().alloc_object(object_size(len)) else { return Err(t.memory_error()) };
    let at = at.cast::<Bytes>();
    let header = Header::new(ShapeId(ids::BYTES), crate::thread::tag());
    // SAFETY: fresh memory of that size; the data follows the struct. An object that was not filled is dropped before
    // anybody sees it, which reads no data.
    unsafe {
        at.write(Bytes { header, len, hash: Cell::new(UNSET) });
        let filled = fill(at.add(1).cast());
        let made = Value::from_raw(at as u64);
        filled.map(|()| made)
    }
}

/// A bytes object from a vector.
pub fn from_vec(t: &Thread, data: Vec<u8>) -> Res {
    new(t, &data)
}

/// `len` bytes, all zero.
pub fn zeros(t: &Thread, len: usize) -> Res {
    // SAFETY: all bytes are written.
    unsafe { filled(t, len, |p| bulk::fill(t, p, 0, len)) }
}

/// A bytes object of class `ty` (bytes or a subclass).
fn of_class(t: &Thread, ty: &TypeObject, data: &[u8]) -> Res {
    // SAFETY: all bytes are written.
    unsafe { raw(t, ty, data.len(), |p| bulk::copy(t, data.as_ptr(), p, data.len())) }
}

/// The data of a bytes or bytearray object. A bytearray's may not be held over anything that runs Python code.
#[inline]
pub fn peek(v: &Value) -> Option<&[u8]> {
    match v.downcast::<Bytes>() {
        Some(b) => Some(b.as_slice()),
        None => v.downcast::<ByteArray>().map(ByteArray::as_slice),
    }
}

/// The data of `self` in a method of bytes or bytearray.
pub(crate) fn data(v: &Value) -> &[u8] {
    peek(v).unwrap_or(&[])
}

/// A new object of the kind of `like`: bytes or bytearray.
pub(crate) fn make(t: &Thread, like: &Value, data: &[u8]) -> Res {
    if like.downcast::<Bytes>().is_some() { new(t, data) } else { bytearray::new(t, data) }
}

/// `v` itself if it is exactly bytes, else a copy of its kind.
pub(crate) fn same(t: &Thread, v: &Value) -> Res {
    if v.exact::<Bytes>().is_some() { Ok(v.clone()) } else { make(t, v, data(v)) }
}

/// `v[from..to]` of its kind.
pub(crate) fn part(t: &Thread, v: &Value, from: usize, to: usize) -> Res {
    let all = data(v);
    if from == 0 && to == all.len() {
        return same(t, v);
    }
    // A bytearray may have shrunk since the range was found.
    make(t, v, all.get(from..to).unwrap_or(&[]))
}

/// A bytes-like argument, held for as long as its bytes are looked at.
pub(crate) enum View<'a> {
    /// A bytes object's own.
    Bytes(&'a Bytes),
    /// Lent by another object, which cannot change its size meanwhile.
    Lent(Buffer),
}

impl<'a> View<'a> {
    /// The bytes of an argument; TypeError if it is not bytes-like.
    pub(crate) fn get(t: &Thread, v: &'a Value) -> Res<Self> {
        match v.downcast::<Bytes>() {
            Some(b) => Ok(Self::Bytes(b)),
            None => Ok(Self::Lent(buffer::get(t, v, buffer::SIMPLE)?)),
        }
    }
}

impl std::ops::Deref for View<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            View::Bytes(b) => b.as_slice(),
            View::Lent(b) => b.as_slice(),
        }
    }
}

static NEW: MethodDef = def("bytes", "(source=b'', encoding='utf-8', errors='strict')", |_, _| Ok(Value::NONE), "");

fn new_bytes(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let parts = bind_new(t, "bytes", args)?;
    let made = from_parts(t, &parts)?;
    match class.downcast::<TypeObject>() {
        Some(ty) if !std::ptr::eq(ty, BYTES.ty()) => of_class(t, ty, data(&made)),
        _ => Ok(made),
    }
}

/// The arguments of `bytes()` and `bytearray()`: source, encoding, errors.
pub(crate) struct Parts {
    source: Value,
    encoding: Option<String>,
    errors: Option<String>,
}

pub(crate) fn bind_new(t: &Thread, name: &str, args: Args<'_>) -> Res<Parts> {
    if args.names.is_empty() && args.values.len() < 2 {
        let source = args.values.first().cloned().unwrap_or_default();
        return Ok(Parts { source, encoding: None, errors: None });
    }
    let n = args.values.len();
    if n > 3 {
        return Err(error::type_error(t, format_args!("{name}() takes at most 3 arguments ({n} given)")));
    }
    let Some(signature) = native::signature_of(t, &NEW, true) else {
        return Err(error::system_error(t, "bytes has no signature"));
    };
    signature.bind(t, name, args, |a| {
        Ok(Parts {
            source: a[0].clone(),
            encoding: codec::name_arg(t, &a[1], name, "encoding")?.map(Cow::into_owned),
            errors: codec::name_arg(t, &a[2], name, "errors")?.map(Cow::into_owned),
        })
    })
}

impl Parts {
    /// The bytes of a str source; `None` if the source is something else. Checks which arguments go together.
    pub(crate) fn encoded(&self, t: &Thread) -> Res<Option<Value>> {
        let text = self.source.downcast::<Str>().is_some();
        if let Some(encoding) = &self.encoding {
            if !text {
                return Err(error::type_error(t, "encoding without a string argument"));
            }
            return codec::encode(t, &self.source, Some(encoding), self.errors.as_deref()).map(Some);
        }
        if self.errors.is_some() {
            let what = if text { "string argument without an encoding" } else { "errors without a string argument" };
            return Err(error::type_error(t, what));
        }
        Ok(None)
    }

    /// The source, unless it is missing.
    pub(crate) fn source(&self) -> Option<&Value> {
        self.source.opt()
    }
}

fn from_parts(t: &Thread, parts: &Parts) -> Res {
    if let Some(made) = parts.encoded(t)? {
        return Ok(made);
    }
    let Some(source) = parts.source() else { return new(t, &[]) };
    if let Some(made) = call::special(t, source, n::__bytes__(), &[]) {
        let made = made?;
        if made.downcast::<Bytes>().is_none() {
            let name = type_name(&made);
            return Err(error::type_error(t, format_args!("__bytes__ returned non-bytes (type {name})")));
        }
        return Ok(made);
    }
    if source.downcast::<Str>().is_some() {
        return Err(error::type_error(t, "string argument without an encoding"));
    }
    if let Some(len) = count(t, source)? {
        return zeros(t, len);
    }
    from_object(t, source, "bytes")
}

/// A source that is a length.
pub(crate) fn count(t: &Thread, source: &Value) -> Res<Option<usize>> {
    if !int::is_int(source) && type_of(source).slots().index.is_none() {
        return Ok(None);
    }
    match convert::to_index_overflow(t, source) {
        Ok(n) if n < 0 => Err(error::value_error(t, "negative count")),
        Ok(n) => Ok(Some(n as usize)),
        Err(e) if e.is(&TYPE_ERROR) => Ok(None),
        Err(e) => Err(e),
    }
}

/// `bytes(v)` without `__bytes__`, str and int: a buffer or an iterable of ints.
pub fn from_object(t: &Thread, v: &Value, what: &str) -> Res {
    if v.exact::<Bytes>().is_some() {
        return Ok(v.clone());
    }
    if buffer::supported(v) {
        let lent = buffer::get(t, v, buffer::FULL_RO)?;
        return from_vec(t, lent.to_contiguous(t)?);
    }
    let iterable = type_of(v).slots().iter.is_some() || crate::ops::is_sequence(v);
    if !iterable || v.downcast::<Str>().is_some() {
        let name = type_name(v);
        return Err(error::type_error(t, format_args!("cannot convert '{name}' object to {what}")));
    }
    let mut out = Vec::new();
    let range = if what == "bytes" { "bytes" } else { "byte" };
    crate::ops::for_each(t, v, |item| {
        if out.len() == out.capacity() {
            t.check_alloc(out.len().max(1024))?;
        }
        out.push(byte_of(t, &item, range)?);
        Ok(())
    })?;
    from_vec(t, out)
}

/// An item's value; `what` is "byte" or "bytes" for the error.
pub(crate) fn byte_of(t: &Thread, v: &Value, what: &str) -> Res<u8> {
    if let Some(i) = v.as_small()
        && let Ok(b) = u8::try_from(i)
    {
        return Ok(b);
    }
    let i = convert::to_index_clamped(t, v)?;
    match u8::try_from(i) {
        Ok(b) => Ok(b),
        Err(_) => Err(error::value_error(t, format_args!("{what} must be in range(0, 256)"))),
    }
}

fn repr(t: &Thread, v: &Value) -> Res {
    let data = data(v);
    t.check_alloc(data.len())?;
    let mut out = Vec::with_capacity(data.len() + 3);
    typhon_unicode::repr_bytes(data, &mut out);
    strs::from_latin1(t, &out)
}

fn compare(_: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    match (a.downcast::<Bytes>(), b.downcast::<Bytes>()) {
        (Some(x), Some(y)) => Ok(Value::bool(op.holds(bulk::order(x.as_slice(), y.as_slice())))),
        _ => Ok(Value::NOT_IMPLEMENTED),
    }
}

fn getitem(t: &Thread, v: &Value, key: &Value) -> Res {
    let len = v.expect::<Bytes>().len();
    let refuse = |t: &Thread, name: &str| {
        error::type_error(t, format_args!("byte indices must be integers or slices, not {name}"))
    };
    match index::key(t, key, || len, refuse)? {
        Key::Index(i) => match index::in_range(i, len) {
            Some(i) => Ok(Value::small(i64::from(data(v)[i]))),
            None => Err(error::index_error(t, "index out of range")),
        },
        Key::Slice(r) if r.step == 1 => part(t, v, r.start as usize, r.start as usize + r.count),
        Key::Slice(r) => {
            t.check_alloc(r.count)?;
            let data = data(v);
            from_vec(t, r.indices().map(|i| data[i]).collect())
        }
    }
}

/// `item in v`: a number or a run of bytes.
pub(crate) fn contains(t: &Thread, v: &Value, item: &Value) -> Res<bool> {
    let _held = v.downcast::<ByteArray>().map(ByteArray::hold);
    if int::is_int(item) || type_of(item).slots().index.is_some() {
        let b = byte_of(t, item, "byte")?;
        return Ok(memchr::memchr(b, data(v)).is_some());
    }
    let needle = View::get(t, item)?;
    Ok(search::find(t, data(v), &needle)?.is_some())
}

/// `a + b` of a's kind.
pub(crate) fn concat(t: &Thread, a: &Value, b: &Value) -> Res {
    if !buffer::supported(b) {
        let (x, y) = (type_name(b), type_name(a));
        return Err(error::type_error(t, format_args!("can't concat {x} to {y}")));
    }
    let y = View::get(t, b)?;
    if let (true, Some(_)) = (y.is_empty(), a.exact::<Bytes>()) {
        return Ok(a.clone());
    }
    let x = data(a);
    if x.is_empty() && a.exact::<Bytes>().is_some() && b.exact::<Bytes>().is_some() {
        return Ok(b.clone());
    }
    if a.downcast::<Bytes>().is_some() {
        let fill = |p: *mut u8| {
            // SAFETY: the new object has room for both.
            unsafe {
                bulk::copy(t, x.as_ptr(), p, x.len())?;
                bulk::copy(t, y.as_ptr(), p.add(x.len()), y.len())
            }
        };
        // SAFETY: `fill` writes all bytes.
        return unsafe { filled(t, x.len() + y.len(), fill) };
    }
    t.check_alloc(x.len() + y.len())?;
    bytearray::from_vec(t, [x, &y].concat())
}

/// `v * n` of v's kind.
pub(crate) fn repeat(t: &Thread, v: &Value, n: isize) -> Res {
    let old = data(v);
    let n = usize::try_from(n).unwrap_or(0);
    if n == 1 {
        return same(t, v);
    }
    let Some(len) = old.len().checked_mul(n).filter(|&l| l <= isize::MAX as usize) else {
        return Err(if v.downcast::<Bytes>().is_some() {
            error::overflow_error(t, "repeated bytes are too long")
        } else {
            t.memory_error()
        });
    };
    t.check_alloc(len)?;
    if v.downcast::<Bytes>().is_some() {
        let fill = |p: *mut u8| {
            // SAFETY: the new object has room for `n` copies.
            unsafe { if old.is_empty() { Ok(()) } else { bulk::repeat(t, old, p, len) } }
        };
        // SAFETY: `fill` writes all bytes.
        return unsafe { raw(t, BYTES.ty(), len, fill) };
    }
    bytearray::from_vec(t, old.repeat(n))
}

/// `v % args` of v's kind.
pub(crate) fn modulo(t: &Thread, a: &Value, b: &Value) -> Res {
    let Some(fmt) = peek(a) else { return Ok(Value::NOT_IMPLEMENTED) };
    let fmt = fmt.to_vec();
    let _held = a.downcast::<ByteArray>().map(ByteArray::hold);
    let out = percent::format_bytes(t, &fmt, b)?;
    make(t, a, &out)
}

fn lend(t: &Thread, v: &Value, flags: i32) -> Res<Buffer> {
    let b = v.expect::<Bytes>();
    if flags & buffer::WRITABLE != 0 {
        return Err(error::buffer_error(t, "Object is not writable."));
    }
    Ok(Buffer::bytes(v.clone(), b.as_slice().as_ptr().cast_mut(), b.len(), true, |_| {}))
}

pub(crate) fn decode(t: &Thread, a: &[Value]) -> Res {
    let encoding = codec::name_arg(t, &a[1], "decode", "encoding")?;
    let errors = codec::name_arg(t, &a[2], "decode", "errors")?;
    codec::decode_object(t, &a[0], encoding.as_deref(), errors.as_deref())
}

fn getnewargs(t: &Thread, a: &[Value]) -> Res {
    crate::tuple::from_vec(t, vec![new(t, data(&a[0]))?])
}

fn to_bytes(t: &Thread, a: &[Value]) -> Res {
    if a[0].exact::<Bytes>().is_some() { Ok(a[0].clone()) } else { new(t, data(&a[0])) }
}

fn sizeof(_: &Thread, a: &[Value]) -> Res {
    let own = type_of(&a[0]).basic_size() - BYTES.size;
    Ok(convert::from_usize(33 + data(&a[0]).len() + own))
}
