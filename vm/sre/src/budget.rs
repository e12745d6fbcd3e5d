//! The budget: how a caller stops a match and pays for its memory.

use std::fmt;
use std::ops::ControlFlow;

/// What the engine asks while it runs. `Break` from any question ends the match with a [`MatchError`].
pub trait Budget {
    /// About `steps` steps were made since the last call; asked at least every `POLL_STEPS` steps, tens of microseconds.
    fn poll(&mut self, steps: u32) -> ControlFlow<()>;
    /// The backtrack stack wants `bytes` more.
    fn charge(&mut self, bytes: usize) -> ControlFlow<()>;
    /// The backtrack stack gave `bytes` back.
    fn release(&mut self, bytes: usize);
}

/// Steps between two polls.
pub(crate) const POLL_STEPS: u32 = 2048;

/// A budget without limits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unlimited;

impl Budget for Unlimited {
    fn poll(&mut self, _steps: u32) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn charge(&mut self, _bytes: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn release(&mut self, _bytes: usize) {}
}

/// Why a match ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchError {
    /// `Budget::poll` said stop.
    Interrupted,
    /// `Budget::charge` refused, or the allocator did.
    Memory,
}

impl fmt::Display for MatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupted => "the match was interrupted",
            Self::Memory => "the match needs more memory than it may have",
        })
    }
}

impl std::error::Error for MatchError {}
