//! Stream: a zlib stream, behind a safe face.

use crate::charge::Charge;
use libz_rs_sys::{self as z, z_stream};
use std::ffi::{CStr, c_int};
use typhon_object::Thread;
use typhon_object::error::Res;

pub(super) use libz_rs_sys::{
    Z_BUF_ERROR, Z_DATA_ERROR, Z_FINISH, Z_MEM_ERROR, Z_NEED_DICT, Z_NO_FLUSH, Z_OK, Z_STREAM_END, Z_STREAM_ERROR,
    Z_SYNC_FLUSH,
};

/// What a compressing and a decompressing stream allocate, about.
const DEFLATE_BYTES: usize = 400 * 1024;
const INFLATE_BYTES: usize = 64 * 1024;

/// How to compress.
#[derive(Clone, Copy)]
pub(super) struct Deflate {
    pub(super) level: i32,
    pub(super) method: i32,
    pub(super) wbits: i32,
    pub(super) mem_level: i32,
    pub(super) strategy: i32,
}

/// An initialized stream. Boxed: its inner state may know its address.
pub(super) struct Stream {
    raw: Box<z_stream>,
    deflates: bool,
    charge: Charge,
}

impl Stream {
    /// A compressing stream, or zlib's error.
    pub(super) fn deflate(t: &Thread, how: Deflate) -> Res<Result<Self, c_int>> {
        let charge = Charge::new(t, DEFLATE_BYTES)?;
        let mut raw = Box::<z_stream>::default();
        let size = size_of::<z_stream>() as c_int;
        // SAFETY: a default stream is what initialization wants; the version string is the library's own.
        let code = unsafe {
            let Deflate { level, method, wbits, mem_level, strategy } = how;
            z::deflateInit2_(&raw mut *raw, level, method, wbits, mem_level, strategy, z::zlibVersion(), size)
        };
        Ok(if code == Z_OK { Ok(Self { raw, deflates: true, charge }) } else { Err(code) })
    }

    /// A decompressing stream, or zlib's error.
    pub(super) fn inflate(t: &Thread, wbits: i32) -> Res<Result<Self, c_int>> {
        let charge = Charge::new(t, INFLATE_BYTES)?;
        let mut raw = Box::<z_stream>::default();
        let size = size_of::<z_stream>() as c_int;
        // SAFETY: as for `deflate`.
        let code = unsafe { z::inflateInit2_(&raw mut *raw, wbits, z::zlibVersion(), size) };
        Ok(if code == Z_OK { Ok(Self { raw, deflates: false, charge }) } else { Err(code) })
    }

    /// A stream in the same state.
    pub(super) fn copy(&mut self, t: &Thread) -> Res<Result<Self, c_int>> {
        let charge = Charge::new(t, self.charge.bytes())?;
        let mut raw = Box::<z_stream>::default();
        // SAFETY: both are valid streams, the source is initialized, and the target is initialized by a copy that
        // succeeds.
        let code = unsafe {
            if self.deflates {
                z::deflateCopy(&raw mut *raw, &raw mut *self.raw)
            } else {
                z::inflateCopy(&raw mut *raw, &raw const *self.raw)
            }
        };
        Ok(if code == Z_OK { Ok(Self { raw, deflates: self.deflates, charge }) } else { Err(code) })
    }

    /// Sets the dictionary.
    pub(super) fn set_dictionary(&mut self, dictionary: &[u8]) -> c_int {
        let len = u32::try_from(dictionary.len()).unwrap_or(u32::MAX);
        // SAFETY: an initialized stream, and `len` bytes that are only read.
        unsafe {
            if self.deflates {
                z::deflateSetDictionary(&raw mut *self.raw, dictionary.as_ptr(), len)
            } else {
                z::inflateSetDictionary(&raw mut *self.raw, dictionary.as_ptr(), len)
            }
        }
    }

    /// Works on `input`, appending up to `room` bytes to `out`: the input bytes used and zlib's code.
    pub(super) fn step(&mut self, input: &[u8], out: &mut Vec<u8>, room: usize, flush: c_int) -> (usize, c_int) {
        let given = u32::try_from(input.len()).unwrap_or(u32::MAX);
        out.reserve(room);
        let len = out.len();
        self.raw.next_in = input.as_ptr();
        self.raw.avail_in = given;
        self.raw.next_out = out.spare_capacity_mut().as_mut_ptr().cast();
        self.raw.avail_out = u32::try_from(room).unwrap_or(u32::MAX);
        let offered = self.raw.avail_out;
        let stream = &raw mut *self.raw;
        // SAFETY: an initialized stream whose input and output are as long as it is told.
        let code = unsafe { if self.deflates { z::deflate(stream, flush) } else { z::inflate(stream, flush) } };
        let made = (offered - self.raw.avail_out) as usize;
        // SAFETY: the library wrote `made` bytes from the start of the spare capacity on.
        unsafe { out.set_len(len + made) };
        let used = (given - self.raw.avail_in) as usize;
        self.raw.next_in = std::ptr::null();
        self.raw.avail_in = 0;
        (used, code)
    }

    /// The library's text about the last error.
    pub(super) fn message(&self) -> Option<String> {
        if self.raw.msg.is_null() {
            return None;
        }
        // SAFETY: a message is a static C string.
        Some(unsafe { CStr::from_ptr(self.raw.msg) }.to_string_lossy().into_owned())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: an initialized stream, ended once.
        unsafe {
            if self.deflates {
                z::deflateEnd(&raw mut *self.raw);
            } else {
                z::inflateEnd(&raw mut *self.raw);
            }
        }
    }
}

/// Adler-32 of more data.
pub(super) fn adler32(start: u32, data: &[u8]) -> u32 {
    // SAFETY: the bytes are only read.
    unsafe { z::adler32_z(start.into(), data.as_ptr(), data.len()) as u32 }
}
