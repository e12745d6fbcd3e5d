//! Charge: memory that a native keeps outside the heap, on the heap's account for as long as it is kept.

use typhon_object::error::Res;
use typhon_object::{Thread, thread};

/// Bytes on the account; given back on drop.
#[derive(Debug)]
pub(crate) struct Charge(usize);

impl Charge {
    /// Nothing.
    pub(crate) const NONE: Self = Self(0);

    /// Charges `bytes`, or MemoryError.
    pub(crate) fn new(t: &Thread, bytes: usize) -> Res<Self> {
        t.heap().charge(bytes).map_err(|_| t.memory_error())?;
        Ok(Self(bytes))
    }

    /// How many bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.0
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.0 > 0
            && let Some(t) = thread::current()
        {
            t.heap().uncharge(self.0);
        }
    }
}
