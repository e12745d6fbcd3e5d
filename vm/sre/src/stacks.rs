//! The stacks: everything a match can go back to.

use crate::budget::{Budget, MatchError};

/// A slot that holds no position.
pub(crate) const UNSET: usize = usize::MAX;

/// Entries that every matcher may have without charging for them.
const FREE_ENTRIES: usize = 256;

/// One thing to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) kind: FrameKind,
    /// An operation or the index of a branch or run, as the kind wants.
    pub(crate) at: u32,
    pub(crate) lastindex: u32,
    /// The length of the trail when the frame was made.
    pub(crate) trail: u32,
    pub(crate) pos: usize,
    pub(crate) aux: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// Go on at operation `at` from `pos`.
    Resume,
    /// Try the ways of branch `at` whose bits are set in `aux`, from `pos`.
    Ways,
    /// The run operation `at` gives back characters, from `pos` down to `aux`.
    Greedy,
    /// The run operation `at` takes more characters, from `pos` up to `aux`.
    Lazy,
    /// Start the next round of the lazy repeat `at`, from `pos` after `aux` rounds.
    Round,
    /// An assertion, an atomic group or a needed round of a possessive repeat failed: so does what it stands in.
    /// `aux` is the barrier around it.
    Barrier,
    /// What must not match did not: go on at `at` from `pos`. `aux` is the barrier around it.
    Refuted,
}

/// Slots, trail and frames. The trail holds the old values of slots that changed since the oldest frame.
#[derive(Debug, Default)]
pub(crate) struct Stacks {
    pub(crate) slots: Vec<usize>,
    pub(crate) frames: Vec<Frame>,
    trail: Vec<(u32, usize)>,
    /// Bytes charged and not yet released.
    charged: usize,
    /// The group that closed last, 0 for none.
    pub(crate) lastindex: u32,
    /// The number of frames up to and with the innermost barrier, 0 for none.
    pub(crate) barrier: usize,
}

impl Stacks {
    /// Whether nothing was charged for them.
    pub(crate) fn is_small(&self) -> bool {
        self.charged == 0 && self.frames.capacity() <= FREE_ENTRIES
    }

    /// Forgets everything, for an attempt at another place.
    #[inline]
    pub(crate) fn reset(&mut self) {
        self.frames.clear();
        self.trail.clear();
        // Filling nothing is not free: a masked store to an address that does not exist takes 100 ns.
        if !self.slots.is_empty() {
            self.slots.fill(UNSET);
        }
        self.lastindex = 0;
        self.barrier = 0;
    }

    #[inline]
    pub(crate) fn push(
        &mut self,
        kind: FrameKind,
        at: u32,
        pos: usize,
        aux: usize,
        budget: &mut dyn Budget,
    ) -> Result<(), MatchError> {
        if self.frames.len() == self.frames.capacity() {
            self.charged += grow(&mut self.frames, budget)?;
        }
        let frame = Frame { kind, at, lastindex: self.lastindex, trail: self.trail.len() as u32, pos, aux };
        self.frames.push(frame);
        Ok(())
    }

    /// Opens a barrier: what is pushed from now on can be cut off at once.
    pub(crate) fn push_barrier(
        &mut self,
        kind: FrameKind,
        at: u32,
        pos: usize,
        budget: &mut dyn Budget,
    ) -> Result<(), MatchError> {
        self.push(kind, at, pos, self.barrier, budget)?;
        self.barrier = self.frames.len();
        Ok(())
    }

    /// Cuts off everything from the innermost barrier on, which it returns.
    pub(crate) fn cut(&mut self) -> Option<Frame> {
        let index = self.barrier.checked_sub(1)?;
        let frame = *self.frames.get(index)?;
        self.frames.truncate(index);
        if index == 0 {
            // Nothing is left that could go back.
            self.trail.clear();
        }
        self.barrier = frame.aux;
        Some(frame)
    }

    #[inline]
    pub(crate) fn slot(&self, slot: u32) -> usize {
        self.slots.get(slot as usize).copied().unwrap_or(UNSET)
    }

    /// Sets a slot, so that going back restores it.
    #[inline]
    pub(crate) fn set(&mut self, slot: u32, value: usize, budget: &mut dyn Budget) -> Result<(), MatchError> {
        let Some(place) = self.slots.get_mut(slot as usize) else { return Ok(()) };
        let old = std::mem::replace(place, value);
        if !self.frames.is_empty() {
            if self.trail.len() == self.trail.capacity() {
                self.charged += grow(&mut self.trail, budget)?;
            }
            self.trail.push((slot, old));
        }
        Ok(())
    }

    /// Undoes what happened since the frame was made.
    #[inline]
    pub(crate) fn restore(&mut self, frame: &Frame) {
        self.lastindex = frame.lastindex;
        while self.trail.len() > frame.trail as usize {
            if let Some((slot, old)) = self.trail.pop()
                && let Some(place) = self.slots.get_mut(slot as usize)
            {
                *place = old;
            }
        }
    }

    /// The span of a group, if it took part.
    #[inline]
    pub(crate) fn group(&self, group: u32) -> Option<(usize, usize)> {
        let (start, end) = (self.slot(group * 2), self.slot(group * 2 + 1));
        (start != UNSET && end != UNSET && start <= end).then_some((start, end))
    }

    /// Gives back what a match needed beyond the free entries.
    pub(crate) fn settle(&mut self, budget: &mut dyn Budget) {
        if self.charged > 0 {
            self.frames = Vec::new();
            self.trail = Vec::new();
            budget.release(std::mem::take(&mut self.charged));
        }
    }
}

/// Makes room for more entries, charged before they are allocated; returns the bytes charged.
#[cold]
fn grow<T>(entries: &mut Vec<T>, budget: &mut dyn Budget) -> Result<usize, MatchError> {
    if entries.capacity() == 0 {
        entries.try_reserve_exact(FREE_ENTRIES).map_err(|_| MatchError::Memory)?;
        return Ok(0);
    }
    let more = entries.capacity();
    if entries.len() + more > u32::MAX as usize {
        return Err(MatchError::Memory);
    }
    let bytes = more * size_of::<T>();
    if budget.charge(bytes).is_break() {
        return Err(MatchError::Memory);
    }
    if entries.try_reserve_exact(more).is_err() {
        budget.release(bytes);
        return Err(MatchError::Memory);
    }
    Ok(bytes)
}
