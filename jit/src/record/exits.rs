//! Exits: guards, and where the interpreter goes on when one of them fails.

use super::{Level, ROUNDS, Recorder};
use crate::vm::Entered;
use std::collections::BTreeMap;
use typhon_jit_ir::{Arg, Op, Place, Slot, Snap, SnapId, Src};

impl Recorder<'_> {
    /// The snapshot before the running instruction: the interpreter carries it out again.
    pub(super) fn exit(&mut self) -> SnapId {
        if let Some(id) = self.snap {
            return id;
        }
        let slots = self.regs.to_write(self.end_of_all());
        let id = self.snapshot(self.offset(), slots);
        self.snap = Some(id);
        id
    }

    pub(super) fn snapshot(&mut self, offset: u32, mut slots: BTreeMap<Slot, Src>) -> SnapId {
        slots.insert(ROUNDS, Src::Arg(self.rounds));
        self.frames_to_make(&mut slots);
        let frames = self.frames(offset);
        self.b.snap(Snap { frames, slots, ..Snap::default() })
    }

    /// Where frames stand, the one on top at an offset.
    pub(super) fn frames(&self, offset: u32) -> Vec<Place> {
        let place = |(i, level): (usize, &Level)| {
            let entered = Entered { base: level.base, offset: 0, dst: level.dst, skip: level.skip, kind: level.kind };
            let (code, what) = if i == 0 { (0, 0) } else { (entered.code(), level.what()) };
            Place { code, offset: level.offset, what }
        };
        let mut frames: Vec<Place> = self.levels.iter().enumerate().map(place).collect();
        if let Some(last) = frames.last_mut() {
            last.offset = offset;
        }
        frames
    }

    pub(super) fn guard(&mut self, condition: Arg) {
        if condition == Arg::bool(true) {
            return;
        }
        let exit = self.exit();
        self.b.op(Op::Guard, &[condition], Some(exit));
    }

    /// An operation, with an exit if it can have one.
    pub(super) fn op(&mut self, op: Op, args: &[Arg]) -> Arg {
        let exit = op.exits().then(|| self.exit());
        self.b.op(op, args, exit).into()
    }
}
