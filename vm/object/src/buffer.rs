//! The buffer protocol: bytes-like objects lend their memory.

use crate::bulk;
use crate::error::{self, Res};
use crate::thread::Thread;
use crate::ty::type_of;
use crate::value::Value;
use smallvec::{SmallVec, smallvec};
use std::ops::Deref;
use std::rc::Rc;

/// How many items there are in each dimension: mostly one.
pub type Shape = SmallVec<[usize; 1]>;
/// How many bytes lie between items in each dimension.
pub type Strides = SmallVec<[isize; 1]>;

/// The struct module's format of an item; plain bytes take no memory for it.
#[derive(Clone, Debug)]
pub enum Format {
    /// `B`.
    Bytes,
    /// Any.
    Of(Rc<str>),
}

impl From<&str> for Format {
    fn from(text: &str) -> Self {
        if text == "B" { Self::Bytes } else { Self::Of(Rc::from(text)) }
    }
}

impl Deref for Format {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Bytes => "B",
            Self::Of(text) => text,
        }
    }
}

/// What an exporter gives: where the bytes are and how they are to be read.
pub struct Buffer {
    /// The exporter, kept alive and (for resizable ones) locked in size until the buffer is released.
    pub owner: Value,
    /// First byte of the exporter's memory.
    pub data: *mut u8,
    /// Length in bytes of the contiguous memory behind `data` that may be touched.
    pub len: usize,
    /// Writes are refused.
    pub read_only: bool,
    /// Bytes an item.
    pub item_size: usize,
    /// struct-module format of an item.
    pub format: Format,
    /// Items per dimension.
    pub shape: Shape,
    /// Bytes between items per dimension.
    pub strides: Strides,
    /// Undoes the export.
    pub release: fn(&Value),
}

/// A type's `__buffer__`: the flags are CPython's `PyBUF_*`.
pub type BufferFn = fn(&Thread, &Value, i32) -> Res<Buffer>;

/// `PyBUF_WRITABLE`.
pub const WRITABLE: i32 = 1;
/// `PyBUF_SIMPLE`.
pub const SIMPLE: i32 = 0;
/// `PyBUF_FULL_RO`.
pub const FULL_RO: i32 = 0x11c;

impl Buffer {
    /// A plain run of bytes.
    pub fn bytes(owner: Value, data: *mut u8, len: usize, read_only: bool, release: fn(&Value)) -> Self {
        Self {
            owner,
            data,
            len,
            read_only,
            item_size: 1,
            format: Format::Bytes,
            shape: smallvec![len],
            strides: smallvec![1],
            release,
        }
    }

    /// The bytes, if contiguous. Nothing may write to them while the slice lives: no Python code runs meanwhile.
    pub fn as_slice(&self) -> &[u8] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: the exporter keeps `len` bytes at `data` in place until the buffer is dropped.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }

    /// The bytes for writing; empty if read-only.
    #[expect(clippy::mut_from_ref, reason = "the memory is the exporter's, not this struct's")]
    pub fn as_mut_slice(&self) -> &mut [u8] {
        if self.len == 0 || self.read_only {
            return &mut [];
        }
        // SAFETY: as for `as_slice`; callers hold no other slice of the same buffer.
        unsafe { std::slice::from_raw_parts_mut(self.data, self.len) }
    }
}

impl Buffer {
    /// Whether the items lie one after another in C order.
    pub fn is_c_contiguous(&self) -> bool {
        if self.shape.contains(&0) {
            return true;
        }
        let mut expected = self.item_size as isize;
        for (&n, &stride) in self.shape.iter().zip(&self.strides).rev() {
            if n > 1 && stride != expected {
                return false;
            }
            expected *= n as isize;
        }
        true
    }

    /// Whether the items lie one after another in Fortran order.
    pub fn is_f_contiguous(&self) -> bool {
        if self.shape.contains(&0) {
            return true;
        }
        let mut expected = self.item_size as isize;
        for (&n, &stride) in self.shape.iter().zip(&self.strides) {
            if n > 1 && stride != expected {
                return false;
            }
            expected *= n as isize;
        }
        true
    }

    /// Bytes of all items.
    pub fn nbytes(&self) -> usize {
        self.shape.iter().product::<usize>() * self.item_size
    }

    /// Calls `f` with the offset from `data` of every item, in C order.
    pub fn for_each_offset(&self, f: &mut dyn FnMut(isize)) {
        walk(&self.shape, &self.strides, 0, f);
    }

    /// A copy of the items in C order.
    pub fn to_contiguous(&self, t: &Thread) -> Res<Vec<u8>> {
        t.check_alloc(self.nbytes())?;
        if self.nbytes() == 0 {
            return Ok(Vec::new());
        }
        if self.is_c_contiguous() {
            // SAFETY: contiguous items: `nbytes` bytes at `data`, which the exporter keeps in place.
            let all = unsafe { std::slice::from_raw_parts(self.data, self.nbytes()) };
            let mut out = Vec::new();
            bulk::extend(&mut out, all);
            t.check_stop()?;
            return Ok(out);
        }
        let mut out = Vec::with_capacity(self.nbytes());
        self.for_each_offset(&mut |at| {
            // SAFETY: shape and strides stay inside the exporter's memory.
            out.extend_from_slice(unsafe { std::slice::from_raw_parts(self.data.offset(at), self.item_size) });
        });
        // After a stop some are missing.
        t.check_stop()?;
        Ok(out)
    }
}

fn walk(shape: &[usize], strides: &[isize], at: isize, f: &mut dyn FnMut(isize)) {
    let (Some((&n, shape)), Some((&stride, strides))) = (shape.split_first(), strides.split_first()) else {
        return f(at);
    };
    for i in 0..n {
        if i % 4096 == 4095 && crate::thread::stopping() {
            return;
        }
        walk(shape, strides, at + i as isize * stride, f);
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        (self.release)(&self.owner);
    }
}

/// The buffer of a bytes-like object; TypeError if it is none.
pub fn get(t: &Thread, v: &Value, flags: i32) -> Res<Buffer> {
    match type_of(v).slots().buffer {
        Some(f) => f(t, v, flags),
        None => Err(error::type_error(t, format_args!("a bytes-like object is required, not '{}'", type_of(v).name()))),
    }
}

/// Whether the object is bytes-like.
pub fn supported(v: &Value) -> bool {
    type_of(v).slots().buffer.is_some()
}
