//! Where a trace begins: the frames that stand there, as the exit says that it goes on from.
//!
//! A callee's frame that has no record is handed over as the exit has left it: its function, and what it owns for its caller,
//! lie in the words behind the trace's fifth input (`function_of`, `extra_of`).

use super::turns::Turn;
use super::{Level, PLAIN, REAL, Recorder, extra_of, function_of};
use crate::vm::Entered;
use std::mem::offset_of;
use std::sync::Arc;
use typhon_interp::eval::follow::Running;
use typhon_interp::frame::{Frame, Kind};
use typhon_interp::tier::At;
use typhon_jit_ir::build::Builder;
use typhon_jit_ir::{Alias, Arg, Op, Place, Slot, Ty};

/// The frames of the trace, all of which have records by now; `None` if they are not what the exit says.
pub(super) fn levels(
    running: &Running<'_>,
    at: &At<'_>,
    from: &[Place],
    b: &mut Builder,
    frame: Arg,
) -> Option<Vec<Level>> {
    let depth = from.len().max(1);
    let root = running.kept_unit_below(depth - 1)?;
    let mut levels = vec![Level::real(root, 0, from.first().map_or(at.target(), |place| place.offset))];
    if depth == 1 {
        return Some(levels);
    }
    let left = Arg::from(b.input(Ty::Ptr));
    let handed = |b: &mut Builder, slot: Slot| {
        Arg::from(b.mem(Op::Load, Ty::Val, Alias::Pool, &[left], 8 * i32::from(slot.reg)))
    };
    for (i, place) in from.iter().enumerate().skip(1) {
        let unit = running.kept_unit_below(depth - 1 - i)?;
        if Arc::as_ptr(&unit) as u64 != place.what & !(REAL | PLAIN) {
            return None;
        }
        let real = place.what & REAL != 0;
        let entered = Entered::of(place.code, 0);
        let Entered { base, dst, skip, kind, .. } = entered;
        let function = (!real).then(|| handed(b, function_of(i)));
        let made = (kind == Kind::Init).then(|| match real {
            false => handed(b, extra_of(i)),
            true => {
                let offset = (i * size_of::<Frame>() + offset_of!(Frame, extra)) as i32;
                b.mem(Op::Load, Ty::Val, Alias::Frame, &[frame], offset).into()
            }
        });
        let plain = place.what & PLAIN != 0;
        let level = Level { plain, kind, dst, skip, function, made, real, ..Level::real(unit, base, place.offset) };
        levels.push(if entered.is_turn() {
            let generator = function.unwrap_or_else(|| {
                let offset = (i * size_of::<Frame>() + offset_of!(Frame, generator)) as i32;
                b.mem(Op::Load, Ty::Val, Alias::Frame, &[frame], offset).into()
            });
            let turn = Turn { behind: levels.last().map_or(0, Level::top), stood: None };
            level.of_generator(generator, i, turn)
        } else {
            level
        });
    }
    Some(levels)
}

impl Recorder<'_> {
    /// The registers of generators among the frames that the trace begins with.
    pub(super) fn open_windows(&mut self) {
        let depth = self.levels.len();
        for (i, level) in self.levels.iter().enumerate() {
            if let (Some(_), Some(generator)) = (level.turn, level.function) {
                let at = self.running.registers_below(depth - 1 - i);
                self.regs.open_window(level.base, generator, at, level.unit.register_count);
            }
        }
    }

    /// Whether a backward jump is that of a loop in which the way began: with the way, what an inner loop is left by would lead back
    /// to the inner loop, and its rounds would not be counted any more.
    pub(super) fn goes_round(&self, target: u32) -> bool {
        let began = self.began.filter(|_| self.levels.len() == 1 && !self.looping);
        began.is_some_and(|began| (target..self.offset()).contains(&began) && !(self.sight.has_trace)(target))
    }
}
