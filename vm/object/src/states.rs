//! States: what natives keep for an isolate or a thread instead of statics, one value a type.
//!
//! A state is made on first use and stays in place until all of them go, so asking for it counts nothing.

use rustc_hash::{FxBuildHasher, FxHashMap};
use std::any::{Any, TypeId};
use std::cell::Cell;
use typhon_qsbr::sync::Mutex;

/// What natives keep, by its type.
#[derive(Default)]
pub(crate) struct States {
    all: Mutex<FxHashMap<TypeId, Box<dyn Any>>>,
}

/// The state that a thread asked for last, and its type; null for none.
pub(crate) struct Last(Cell<(Option<TypeId>, *const ())>);

impl Last {
    pub(crate) fn none() -> Self {
        Self(Cell::new((None, std::ptr::null())))
    }

    /// The state of type `T`, made on first use. A `Last` is of one `States`.
    #[inline]
    pub(crate) fn of<'s, T: Default + 'static>(&self, states: &'s States) -> &'s T {
        let (id, mut at) = self.0.get();
        if id != Some(TypeId::of::<T>()) {
            at = std::ptr::from_ref(states.of::<T>()).cast();
            self.0.set((Some(TypeId::of::<T>()), at));
        }
        // SAFETY: the pointer is to a boxed state of this type, which stays in place as long as `states` is borrowed:
        // whoever takes the states away makes sure of that, and forgets the pointer.
        unsafe { &*at.cast::<T>() }
    }

    pub(crate) fn forget(&self) {
        self.0.set((None, std::ptr::null()));
    }
}

/// States that an isolate has soon.
const ROOM: usize = 28;

impl States {
    /// An isolate's, with room for those that it has soon.
    pub(crate) fn of_isolate() -> Self {
        Self { all: Mutex::new(FxHashMap::with_capacity_and_hasher(ROOM, FxBuildHasher)) }
    }

    #[inline(never)]
    fn of<T: Default + 'static>(&self) -> &T {
        match self.get::<T>() {
            Some(state) => state,
            None => self.put(T::default()),
        }
    }

    /// The state of type `T`, if it is there.
    pub(crate) fn get<T: 'static>(&self) -> Option<&T> {
        let all = self.all.lock();
        let state = std::ptr::from_ref(all.get(&TypeId::of::<T>())?.downcast_ref::<T>()?);
        // SAFETY: boxed, so it stays where it is while the table changes; `take` asks for nobody to borrow it.
        Some(unsafe { &*state })
    }

    /// Puts a state in place. One that is there already stays: it may be borrowed.
    pub(crate) fn put<T: 'static>(&self, state: T) -> &T {
        let mut new: Option<Box<dyn Any>> = Some(Box::new(state));
        let mut all = self.all.lock();
        let there = all.entry(TypeId::of::<T>()).or_insert_with(|| match new.take() {
            Some(new) => new,
            None => unreachable!("asked for once"),
        });
        let state = there.downcast_ref::<T>().map(std::ptr::from_ref);
        drop(all);
        match state {
            // SAFETY: as in `get`.
            Some(state) => unsafe { &*state },
            None => unreachable!("states are keyed by their type"),
        }
    }

    /// Hands all states over, to be dropped; others may be made meanwhile.
    ///
    /// # Safety
    /// Nobody borrows a state, and every [`Last`] of these states is forgotten.
    pub(crate) unsafe fn take(&self) -> impl Sized + use<> {
        std::mem::take(&mut *self.all.lock())
    }
}
