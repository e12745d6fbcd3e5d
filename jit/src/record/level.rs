//! A frame of a trace.

use super::turns::Turn;
use std::sync::Arc;
use typhon_interp::frame::Kind as FrameKind;
use typhon_interp::unit::Unit;
use typhon_jit_ir::Arg;

/// Marks in what a snapshot says of a frame beside its code's address: it has a record; see [`Level::plain`].
pub(super) const REAL: u64 = 1;
pub(super) const PLAIN: u64 = 2;

/// A frame of the trace: the one that entered it, or one that an instruction in it has entered.
pub(super) struct Level {
    pub(super) unit: Arc<Unit>,
    /// Where its registers begin, counted from those of the first frame.
    pub(super) base: usize,
    /// The instruction that runs, or that has entered the frame above.
    pub(super) offset: u32,
    /// Whether the trace has entered it or a Call has, so that it is known what its return does: its kind's.
    pub(super) plain: bool,
    pub(super) kind: FrameKind,
    /// The register of the frame below that takes the result, and how many words that one's instruction has behind its first.
    pub(super) dst: usize,
    pub(super) skip: usize,
    /// Its function, or its generator, if the trace has entered it by itself.
    pub(super) function: Option<Arg>,
    /// The new instance, if it is a class's `__init__`.
    pub(super) made: Option<Arg>,
    /// What there is to it if it is a generator's.
    pub(super) turn: Option<Turn>,
    /// Whether it has a record.
    pub(super) real: bool,
    /// How long the trace was when it was entered.
    pub(super) begun: usize,
}

impl Level {
    /// A frame that has a record.
    pub(super) fn real(unit: Arc<Unit>, base: usize, offset: u32) -> Self {
        Self {
            unit,
            base,
            offset,
            plain: false,
            kind: FrameKind::Call,
            dst: 0,
            skip: 0,
            function: None,
            made: None,
            turn: None,
            real: true,
            begun: 0,
        }
    }

    /// Where its registers end, or those of whoever has taken it up.
    pub(super) fn top(&self) -> usize {
        self.turn.map_or(self.base + self.unit.register_count, |turn| turn.behind)
    }

    /// What tells it from other frames at the same place.
    pub(super) fn what(&self) -> u64 {
        let marks = [(self.real, REAL), (self.plain, PLAIN)].into_iter().filter(|(is, _)| *is);
        marks.fold(Arc::as_ptr(&self.unit) as u64, |what, (_, mark)| what | mark)
    }
}
