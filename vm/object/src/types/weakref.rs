//! weakref.ReferenceType.

use crate::call;
use crate::error::Res;
use crate::header::Header;
use crate::ids;
use crate::slots::Slots;
use crate::store::Slot;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag};
use crate::value::Value;
use std::cell::Cell;

/// A weak reference.
#[repr(C)]
pub struct WeakRef {
    pub(crate) header: Header,
    /// Address of the object, 0 once it is dead.
    pub(crate) object: Cell<usize>,
    pub(crate) callback: Slot,
    /// The object's hash, once asked for.
    pub(crate) hash: Cell<i64>,
}

crate::payload!(WeakRef => WEAKREF {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.callback.peek() });
    }
    fn clear(&self) {
        drop(self.callback.take());
    }
});

/// weakref.ReferenceType.
pub static WEAKREF: TypeDef = TypeDef {
    name: "weakref.ReferenceType",
    id: ids::WEAKREF,
    flags: flag::BASETYPE,
    slots: Slots { ..Slots::NONE },
    ..TypeDef::of::<WeakRef>()
};

impl Drop for WeakRef {
    fn drop(&mut self) {
        let object = self.object.get();
        if object != 0
            && let Some(t) = crate::thread::current()
        {
            t.state::<crate::weakref::Table>().remove(object, &self.header);
        }
    }
}

/// Clears the weak references at these addresses, then runs their callbacks, newest first. An exception of a callback is
/// reported and forgotten.
pub(crate) fn clear_all(t: &Thread, watchers: &[usize]) {
    let mut calls = Vec::new();
    for &at in watchers.iter().rev() {
        // SAFETY: a weakref object leaves the table before it dies, so the address is a live one.
        let watcher = unsafe { &*(at as *const WeakRef) };
        watcher.object.set(0);
        let callback = watcher.callback.take();
        if !callback.is_absent() && !callback.is_none() {
            calls.push((Value::from_header(&watcher.header), callback));
        }
    }
    for (watcher, callback) in calls {
        if let Err(e) = call::call1(t, &callback, &watcher) {
            (t.hooks.unraisable)(t, e, "Exception ignored while calling weakref callback", Some(&callback));
        }
    }
}

/// The first weak reference to an object (`__weakref__`), or None.
pub fn first(t: &Thread, v: &Value) -> Res {
    let Some(header) = v.header() else { return Ok(Value::NONE) };
    let list = t.state::<crate::weakref::Table>().watchers(header);
    // SAFETY: a weakref object leaves the table before it dies, so the address is a live one.
    Ok(list.first().map_or(Value::NONE, |&at| Value::from_header(unsafe { &(*(at as *const WeakRef)).header })))
}
