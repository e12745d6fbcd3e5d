//! The running frame, as natives ask for it.

use typhon_interp::frame::interp;
use typhon_interp::frame_object::{self, FrameObject};
pub use typhon_interp::query::globals_at;
use typhon_object::error::{self, Res};
use typhon_object::{Thread, Value};

/// The frame object `n` levels below the running one; `None` where there is none.
pub fn at(t: &Thread, n: usize) -> Res<Option<Value>> {
    if t.interp.get().is_null() {
        return Ok(None);
    }
    let it = interp(t);
    match it.frame_at(n) {
        Some(fp) => frame_object::of(t, it, fp).map(Some),
        None => Ok(None),
    }
}

/// The running frame's globals; SystemError where no Python code runs.
pub fn globals(t: &Thread) -> Res {
    match globals_at(t, 0) {
        Some(g) => Ok(g),
        None => Err(error::system_error(t, "globals and locals cannot be NULL")),
    }
}

/// The running frame's locals.
pub fn locals(t: &Thread) -> Res {
    match at(t, 0)? {
        Some(f) => match f.downcast::<FrameObject>() {
            Some(f) => frame_object::locals(t, f),
            None => Err(error::system_error(t, "frame does not exist")),
        },
        None => Err(error::system_error(t, "frame does not exist")),
    }
}

/// The running frame's line.
pub fn line_at(t: &Thread, n: usize) -> Res<Option<u32>> {
    Ok(at(t, n)?.and_then(|f| f.downcast::<FrameObject>().map(FrameObject::line)))
}
