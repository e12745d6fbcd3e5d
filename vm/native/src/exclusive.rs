//! Exclusive: what one call at a time uses, as CPython's objects with a lock of their own (compressors, decompressors).

use std::cell::{Cell, Ref, RefCell};
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

    /// As [`Exclusive::with_or`], for objects whose natives call no Python code.
    pub(crate) fn with<R>(&self, t: &Thread, f: impl FnOnce(&mut T) -> Res<R>) -> Res<R> {
        self.with_or(t, "the object is in use by a call that has not returned", f)
    }

    /// Calls `f` as soon as no other thread's call has the value. RuntimeError with this text if it is a call of this
    /// thread, which could not go on before this one returns.
    pub(crate) fn with_or<R>(&self, t: &Thread, refusal: &str, f: impl FnOnce(&mut T) -> Res<R>) -> Res<R> {
        loop {
            if let Ok(mut value) = self.value.try_borrow_mut() {
                self.user.set(t.own_tag());
                return f(&mut value);
            }
            let Some(Pause(pause)) = t.get_state::<Pause>().filter(|_| self.user.get() != t.own_tag()) else {
                return Err(error::runtime_error(t, refusal));
            };
            pause(t);
            t.poll_yielding()?;
        }
    }
}

/// A value that one call at a time changes: what others see is as before until that call ends well.
pub(crate) struct Updated<T> {
    value: RefCell<T>,
    claim: Exclusive<()>,
}

impl<T: Clone> Updated<T> {
    /// As first made.
    pub(crate) fn new(value: T) -> Self {
        Self { value: RefCell::new(value), claim: Exclusive::new(()) }
    }

    /// Looks at the value, without a poll while it does.
    pub(crate) fn borrow(&self) -> Ref<'_, T> {
        self.value.borrow()
    }

    /// Replaces the value by a copy that `f` has changed.
    pub(crate) fn update(&self, t: &Thread, f: impl FnOnce(&mut T) -> Res<()>) -> Res<()> {
        self.claim.with(t, |()| {
            let mut changed = self.value.borrow().clone();
            f(&mut changed)?;
            *self.value.borrow_mut() = changed;
            Ok(())
        })
    }
}

/// An object around an [`Exclusive`].
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
