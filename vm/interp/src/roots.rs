//! Roots: the values that a thread's frames own, shown to the verifier of memory.

use crate::frame::{Frame, Kind, interp};
use crate::traceback;
use typhon_object::{Thread, Value};

/// Calls `f` with every value that frames of `t` own. The world is stopped.
pub fn each(t: &Thread, f: &mut dyn FnMut(&Value)) {
    if t.interp.get().is_null() {
        return;
    }
    let it = interp(t);
    // SAFETY: the thread's own link of the chain is there as long as the thread is.
    f(Value::from_ref(&unsafe { &*it.own_handling() }.value.get()));
    let (mut n, mut limit) = (0, usize::MAX);
    while let Some(fp) = it.frame_at(n) {
        // SAFETY: a live record of a thread that does not run.
        let frame = unsafe { &*fp };
        registers(frame, &mut limit, f);
        owned(frame, f);
        n += 1;
    }
}

/// A frame's registers, as far as they are not laid over by those of the frame above: from there on, at `limit`, they are
/// that one's.
fn registers(frame: &Frame, limit: &mut usize, f: &mut dyn FnMut(&Value)) {
    // SAFETY: a live frame's unit.
    let count = unsafe { &*frame.unit }.register_count;
    let on_stack = frame.generator == 0;
    for i in 0..count {
        let at = frame.base.wrapping_add(i);
        if on_stack && at as usize >= *limit {
            break;
        }
        // SAFETY: within the frame's registers. A dead one holds no pointer.
        f(Value::from_ref(unsafe { &*at }));
    }
    if on_stack {
        *limit = frame.base as usize;
    }
}

/// What the record itself owns.
fn owned(frame: &Frame, f: &mut dyn FnMut(&Value)) {
    let mut words = [frame.locals, frame.extra, 0, 0];
    if frame.generator == 0 {
        words[2] = frame.func;
        words[3] = if traceback::is_entry(frame.object) { 0 } else { frame.object };
    } else if frame.kind == Kind::Entry {
        words[2] = frame.generator;
    }
    words.iter().for_each(|word| f(Value::from_ref(word)));
}
