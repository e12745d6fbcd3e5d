//! The façade: every primitive that a protocol is built of, from `std` or, under `cfg(vm_loom)`, from `loom`.
//!
//! This file alone names either. `typhon-rc` and the models build on it too; everybody else uses [`crate::cell`].
//! What differs between the two worlds is hidden here: loom's constructors are not `const` (see [`const_fn!`](crate::const_fn)), its
//! cells report a race instead of being undefined, and a lock cannot be poisoned in either.

#[cfg(not(vm_loom))]
pub use std::{
    cell::Cell,
    hint::spin_loop,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    },
    thread::yield_now,
};

#[cfg(vm_loom)]
pub use loom::{
    cell::{Cell, UnsafeCell},
    hint::spin_loop,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    thread::yield_now,
};

#[cfg(not(vm_loom))]
use std::sync as raw;

#[cfg(vm_loom)]
use loom::sync as raw;

#[cfg(vm_loom)]
loom::lazy_static! {
    static ref FENCES: AtomicUsize = AtomicUsize::new(0);
}

/// A fence before which loom may switch threads. Its own is no point of decision, so that an order in which a thread is
/// interrupted just before a fence would be tried only if an access nearby happened to ask for it. The access here is
/// relaxed and tells the others nothing that the fences do not.
#[cfg(vm_loom)]
pub fn fence(order: Ordering) {
    FENCES.fetch_add(1, Ordering::Relaxed);
    loom::sync::atomic::fence(order);
}

/// How often a waiter looks again before it parks. Under loom every look is a schedule to explore, so there is none.
pub const SPINS: u32 = if cfg!(vm_loom) { 0 } else { 64 };

/// How often a waiter naps in a row in a schedule that loom explores to its end. Two who wait for a third would wake each other
/// by turns for ever; and a look more that finds what the last one found leads nowhere that the schedule without it does not.
#[cfg(vm_loom)]
const NAPS: u32 = 2;

/// Lets others run, for one who waits and has done so `before` times already: ever longer, from giving up the processor to a
/// millisecond. Under loom others run.
#[cold]
pub fn nap(before: u32) {
    #[cfg(not(vm_loom))]
    if let Some(doubled) = before.checked_sub(4) {
        return std::thread::sleep(std::time::Duration::from_micros(1000.min(20 << doubled.min(6))));
    }
    #[cfg(vm_loom)]
    if before >= NAPS {
        loom::skip_branch();
    }
    yield_now();
}

/// Declares a function that is `const` in the shipped build and an ordinary one under loom.
#[macro_export]
macro_rules! const_fn {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty $body:block) => {
        #[cfg(not(vm_loom))]
        $(#[$meta])*
        $vis const fn $name($($arg: $ty),*) -> $ret $body
        #[cfg(vm_loom)]
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) -> $ret $body
    };
}

/// A cell whose accesses are bracketed, so that loom can see how long each lasts.
#[cfg(not(vm_loom))]
#[derive(Debug)]
#[repr(transparent)]
pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(vm_loom))]
impl<T> UnsafeCell<T> {
    /// A cell that holds `value`.
    pub const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    /// Runs `f` on a pointer that may be read through until `f` returns.
    #[inline(always)]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// Runs `f` on a pointer that may be written through until `f` returns.
    #[inline(always)]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// Whether a model is being torn down by a panic: its primitives cannot be used any more, so destructors leave them
/// alone. Never, in a build that ships.
#[inline(always)]
pub fn is_torn_down() -> bool {
    cfg!(vm_loom) && std::thread::panicking()
}

/// Frees what is in a box, and the box. Under loom the memory stays, so that a use after free, in a model that is meant to
/// have one, is loom's to report and not the machine's.
pub fn free<T>(value: Box<T>) {
    #[cfg(not(vm_loom))]
    drop(value);
    #[cfg(vm_loom)]
    // SAFETY: the value is valid and never used again; leaking its memory is safe.
    unsafe {
        std::ptr::drop_in_place(Box::into_raw(value));
    }
}

/// A mutex without poison: a panic of a holder is the holder's affair.
///
/// All there is of it lies in its own words, as of [`Condvar`]: whoever waits is in no list outside of it. So in the copy that a
/// fork makes of the process it is what it was, free, or held by whoever held it.
#[derive(Debug)]
pub struct Mutex<T>(raw::Mutex<T>);

#[cfg(not(vm_loom))]
impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

/// The right to use what a [`Mutex`] holds.
pub type MutexGuard<'a, T> = raw::MutexGuard<'a, T>;

impl<T> Mutex<T> {
    const_fn! {
        /// A free mutex around `value`.
        pub fn new(value: T) -> Self {
            Self(raw::Mutex::new(value))
        }
    }

    /// Waits for the mutex.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        match self.0.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    /// The mutex, if nobody has it now.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }
}

#[cfg(vm_loom)]
impl<T> Mutex<T> {
    /// Whether somebody holds the mutex at this moment, for models that copy the process.
    pub fn is_held(&self) -> bool {
        self.0.try_lock().is_err()
    }
}

/// A lock that many may read under, without poison; all there is of it lies in its own words, as of [`Mutex`].
#[derive(Debug)]
pub struct RwLock<T>(raw::RwLock<T>);

impl<T> RwLock<T> {
    const_fn! {
        /// A free lock around `value`.
        pub fn new(value: T) -> Self {
            Self(raw::RwLock::new(value))
        }
    }

    /// Waits until nobody writes.
    pub fn read(&self) -> raw::RwLockReadGuard<'_, T> {
        match self.0.read() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    /// Waits until nobody reads or writes.
    pub fn write(&self) -> raw::RwLockWriteGuard<'_, T> {
        match self.0.write() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}

/// A condition variable for [`Mutex`].
#[derive(Debug)]
pub struct Condvar(raw::Condvar);

#[cfg(not(vm_loom))]
impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

impl Condvar {
    const_fn! {
        /// A condition that nobody waits for.
        pub fn new() -> Self {
            Self(raw::Condvar::new())
        }
    }

    /// Releases `guard`, waits to be notified (or wakes for no reason), and takes the mutex again.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        match self.0.wait(guard) {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    /// As [`Condvar::wait`], but no longer than `time`; whether that is over. Loom knows no time: there it is never.
    pub fn wait_for<'a, T>(&self, guard: MutexGuard<'a, T>, time: std::time::Duration) -> (MutexGuard<'a, T>, bool) {
        match self.0.wait_timeout(guard, time) {
            Ok((guard, over)) => (guard, over.timed_out()),
            Err(poisoned) => {
                let (guard, over) = poisoned.into_inner();
                (guard, over.timed_out())
            }
        }
    }

    /// Wakes one waiter.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes every waiter.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}
