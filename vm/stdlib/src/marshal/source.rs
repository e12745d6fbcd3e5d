//! Where a reader's bytes come from: a buffer, or a file that is asked for exactly what is needed.

use std::borrow::Cow;
use typhon_object::types::{bytearray, bytes};
use typhon_object::{Res, Thread, Value, attr, call, convert, error, names, type_of};

/// Bytes still to be read.
pub enum Source<'a> {
    Bytes(&'a [u8]),
    File { readinto: Value },
}

impl<'a> Source<'a> {
    /// A buffer.
    pub fn bytes(data: &'a [u8]) -> Self {
        Self::Bytes(data)
    }

    /// An open binary file.
    pub fn file(t: &Thread, file: &Value) -> Res<Self> {
        // Nothing is read yet: this tells binary files from others.
        let probe = call::method(t, file, names::n::read(), &[Value::small(0)])?;
        if bytes::peek(&probe).is_none() {
            let name = type_of(&probe).name();
            return Err(error::type_error(t, format_args!("file.read() returned not bytes but {name}")));
        }
        Ok(Self::File { readinto: attr::get_text(t, file, "readinto")? })
    }

    /// The next `n` bytes.
    pub fn take(&mut self, t: &Thread, n: usize) -> Res<Cow<'a, [u8]>> {
        match self {
            Self::Bytes(data) => match data.split_at_checked(n) {
                Some((head, rest)) => {
                    *data = rest;
                    Ok(Cow::Borrowed(head))
                }
                None => Err(error::eof_error(t, "marshal data too short")),
            },
            Self::File { readinto } => read_file(t, readinto, n).map(Cow::Owned),
        }
    }

    /// The next byte; `None` at the end of the data.
    pub fn byte(&mut self, t: &Thread) -> Res<Option<u8>> {
        match self {
            Self::Bytes([]) => Ok(None),
            Self::Bytes(_) => Ok(self.take(t, 1)?.first().copied()),
            Self::File { readinto } => {
                error::catch(read_file(t, readinto, 1), &typhon_object::types::exceptions::EOF_ERROR, || Ok(Vec::new()))
                    .map(|data| data.first().copied())
            }
        }
    }

    /// Whether `n` values can still follow, each of a byte at least.
    pub fn may_hold(&self, n: usize) -> bool {
        match self {
            Self::Bytes(data) => n <= data.len(),
            Self::File { .. } => true,
        }
    }
}

fn read_file(t: &Thread, readinto: &Value, n: usize) -> Res<Vec<u8>> {
    t.check_alloc(2 * n)?;
    let room = bytearray::new(t, &vec![0; n])?;
    let read = call::call1(t, readinto, &room)?;
    let read = convert::to_isize(t, &read)?;
    if read > n as isize {
        return Err(error::value_error(
            t,
            format_args!("read() returned too much data: {n} bytes requested, {read} returned"),
        ));
    }
    if read < n as isize {
        return Err(error::eof_error(t, "EOF read where not expected"));
    }
    typhon_object::buffer::get(t, &room, 0)?.to_contiguous(t)
}
