//! Exclusive: what one call at a time uses, as CPython's objects with a lock of their own (compressors, decompressors).

use std::cell::{Cell, RefCell};
use typhon_object::error::{self, Res};
use typhon_object::{Thread, Value, payload::Payload};

/// A value that a call has until it returns, though it may let other threads run meanwhile. Its natives hold the turn or
/// the native lock, so the cells are never looked at by two threads at once.
pub(crate) struct Exclusive<T> {
    value: RefCell<T>,
    /// The tag of the thread whose call has it.
    user: Cell<u16>,
}

/// Lets the isolate's other threads run for a moment; whoever starts threads sets it as a state of the isolate.
pub struct Pause(pub fn(&Thread));

impl<T> Exclusive<T> {
    /// Nobody's.
    pub(crate) fn new(value: T) -> Self {
        Self { value: RefCell::new(value), user: Cell::new(0) }
    }

    /// Calls `f` as soon as no other thread's call has the value. RuntimeError if it is a call of this thread, which could
    /// not go on before this one returns.
    pub(crate) fn with<R>(&self, t: &Thread, f: impl FnOnce(&mut T) -> Res<R>) -> Res<R> {
        loop {
            if let Ok(mut value) = self.value.try_borrow_mut() {
                self.user.set(t.own_tag());
                return f(&mut value);
            }
            let Some(Pause(pause)) = t.get_state::<Pause>().filter(|_| self.user.get() != t.own_tag()) else {
                return Err(error::runtime_error(t, "the object is in use by a call that has not returned"));
            };
            pause(t);
            t.poll()?;
        }
    }
}

/// An object around such a value.
pub(crate) trait Exclusively: Payload {
    /// What it holds.
    type Held;

    /// Where it is.
    fn held(&self) -> &Exclusive<Self::Held>;
}

/// [`Exclusive::with`] of an object.
pub(crate) fn with<T: Exclusively, R>(t: &Thread, v: &Value, f: impl FnOnce(&mut T::Held) -> Res<R>) -> Res<R> {
    v.expect::<T>().held().with(t, f)
}
