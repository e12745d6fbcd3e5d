//! Wanted: whether anybody still waits for what is being compiled.

use crate::error::{ErrorKind, SyntaxError};
use std::cell::Cell;

thread_local! {
    /// Whom to ask, and how many steps ago he was asked.
    static ASKED: Cell<(Option<fn() -> bool>, u32)> = const { Cell::new((None, 0)) };
}

/// Steps between two questions.
const STRIDE: u32 = 256;

/// Runs `f`, which gives up when `wanted` says no. It is asked now and then, on the calling thread; the parser does not ask.
pub fn while_wanted<R>(wanted: fn() -> bool, f: impl FnOnce() -> R) -> R {
    let before = ASKED.replace((Some(wanted), 0));
    let done = f();
    ASKED.set(before);
    done
}

/// One more step: refused when nobody waits for the result. What the refusal says, nobody sees.
#[inline]
pub(crate) fn step() -> Result<(), SyntaxError> {
    let (asked, steps) = ASKED.get();
    let Some(wanted) = asked else { return Ok(()) };
    ASKED.set((asked, (steps + 1) % STRIDE));
    if steps > 0 || wanted() { Ok(()) } else { Err(SyntaxError::bare(ErrorKind::Memory, "nobody waits for this code")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mode, Options};

    #[test]
    fn what_nobody_wants_is_given_up() {
        let options = Options::new(Mode::Exec, "a.py");
        assert!(while_wanted(|| true, || crate::compile("a = 1\n", &options)).is_ok());
        let refused = while_wanted(|| false, || crate::compile("a = 1\n", &options));
        assert_eq!(refused.map(|_| ()).map_err(|e| e.kind), Err(ErrorKind::Memory));
        assert!(crate::compile("a = 1\n", &options).is_ok());
    }
}
