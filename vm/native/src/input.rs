//! Input: the bytes of a bytes-like argument, safe to look at while other code runs.

use std::ops::Deref;
use typhon_object::buffer;
use typhon_object::error::Res;
use typhon_object::types::bytes::Bytes;
use typhon_object::{Thread, Value};

/// Bytes that nobody changes: an object's own, or a copy.
pub(crate) enum Input<'a> {
    /// A bytes object's.
    Own(&'a Bytes),
    /// An ASCII str's.
    Text(&'a str),
    /// A copy of what another object lent.
    Copy(Vec<u8>),
}

impl<'a> Input<'a> {
    /// The bytes of an argument; TypeError if it is not bytes-like.
    pub(crate) fn get(t: &Thread, v: &'a Value) -> Res<Self> {
        match v.downcast::<Bytes>() {
            Some(own) => Ok(Self::Own(own)),
            None => Ok(Self::Copy(buffer::get(t, v, buffer::SIMPLE)?.to_contiguous(t)?)),
        }
    }
}

impl Deref for Input<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Own(own) => own.as_slice(),
            Self::Text(text) => text.as_bytes(),
            Self::Copy(copy) => copy,
        }
    }
}
