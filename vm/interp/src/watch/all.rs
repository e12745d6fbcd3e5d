//! What watches all threads of an isolate.

use super::{set, update, watch_from_here};
use crate::frame::interp;
use crate::monitor;
use typhon_object::error::Res;
use typhon_object::{Thread, Value};

/// As [`set`], of every thread that there is.
pub fn set_all(t: &Thread, function: &Value, trace: bool) -> Res<()> {
    set(t, function.clone(), trace)?;
    let modules = t.modules().get();
    let Some(barrier) = modules.header() else { return Ok(()) };
    let old = t.alone(|| {
        let mut old = Vec::new();
        // SAFETY: the others are stopped; nothing that is done here runs code, and what their slots held is dropped below.
        unsafe {
            t.isolate().each_thread(|other| {
                if std::ptr::eq(other, t) || other.interp.get().is_null() {
                    return;
                }
                let it = interp(other);
                let slot = if trace { &it.watch.trace } else { &it.watch.profile };
                old.push(slot.replace(barrier, function.clone()));
                watch_from_here(
                    other,
                    !it.watch.trace.is_absent() || !it.watch.profile.is_absent() || monitor::active(t),
                );
            });
        }
        old
    });
    drop(old);
    Ok(())
}

/// As [`update`], of every thread that there is: what a tool asks for, it asks of all of them.
pub(crate) fn update_all(t: &Thread) -> Res<()> {
    update(t)?;
    let tools = monitor::active(t);
    t.alone(|| {
        // SAFETY: the others are stopped; nothing that is done here runs code.
        unsafe {
            t.isolate().each_thread(|other| {
                if !std::ptr::eq(other, t) && !other.interp.get().is_null() {
                    let w = &interp(other).watch;
                    watch_from_here(other, tools || !w.trace.is_absent() || !w.profile.is_absent());
                }
            });
        }
    });
    Ok(())
}

/// A thread begins, of whose isolate tools may watch every thread.
pub(crate) fn begin(t: &Thread) {
    watch_from_here(t, monitor::active(t));
}
