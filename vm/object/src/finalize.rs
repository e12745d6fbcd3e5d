//! Finalizers (`__del__`): run once, before weak references are cleared, with the object alive again (PEP 442).

use crate::header::{Header, flag};
use crate::thread::{self, Thread};
use crate::ty::type_of;
use crate::value::Value;

/// Runs the finalizer of a dying object. False if the object was resurrected and must not be destroyed.
pub(crate) fn run(t: &Thread, header: &Header) -> bool {
    header.set(flag::FINALIZED);
    // It may live on.
    header.unset(flag::DYING);
    // SAFETY: the last release told this thread that the object is dead, and it has not been freed.
    unsafe { header.rc().revive(thread::tag()) };
    // SAFETY: the revived object's one reference.
    let v = unsafe { Value::from_raw(std::ptr::from_ref(header) as u64) };
    if let Some(f) = type_of(&v).slots().finalize {
        // What dies in a finalizer dies there and then: waiting on the trashcan would turn a finalizer that recurses into
        // one that never ends.
        let depth = t.dealloc_depth.replace(0);
        f(t, &v);
        t.dealloc_depth.set(depth);
    }
    let bits = v.into_raw();
    // SAFETY: gives the revived reference up; when it was the last one the caller destroys the object.
    unsafe { Value::from_ref(&bits).header_unchecked().release() }
}
