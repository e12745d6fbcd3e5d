//! Recursion over trees of any depth: the stack grows, and past a fixed depth the source is refused, as it is when nobody
//! wants it any more.

use crate::error::{ErrorKind, SyntaxError};
use crate::wanted;

/// Levels of nesting that are compiled.
const DEPTH_MAX: u32 = 15_000;
const RED_ZONE: usize = 192 * 1024;
const STACK_STEP: usize = 4 * 1024 * 1024;

/// Counts one level down.
pub(crate) fn enter(depth: &mut u32) -> Result<(), SyntaxError> {
    if *depth >= DEPTH_MAX {
        return Err(SyntaxError::bare(ErrorKind::Recursion, "maximum recursion depth exceeded during compilation"));
    }
    *depth += 1;
    wanted::step()
}

/// Runs `f` with enough native stack for one more level.
pub(crate) fn grow<T>(f: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(RED_ZONE, STACK_STEP, f)
}
