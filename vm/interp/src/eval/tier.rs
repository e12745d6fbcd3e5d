//! Backward jumps that are counted, for the second tier.

use super::machine::{Flow, M, Stop};
use crate::frame::interp;
use crate::tier::{At, Went};
use crate::unit::Unit;
use typhon_isa::Word;
use typhon_object::Thread;

#[inline(always)]
pub(super) fn jump_back(m: &mut M<'_>, w: Word) -> Flow {
    let left = m.extra(0);
    if left == 0 || m.t.breaker.any() {
        return Err(Stop::Slow);
    }
    m.set_extra(0, left - 1);
    m.advance(1 + w.bc() as isize);
    if m.is_low() { Err(Stop::Again) } else { Ok(()) }
}

/// The count has ended, or somebody has asked.
#[inline(always)]
pub(super) fn jump_back_looked_at<const WATCHED: bool>(m: &mut M<'_>, w: Word) -> Flow {
    super::resume_asked::<WATCHED>(m)?;
    let left = m.extra(0);
    if left > 0 || WATCHED {
        m.set_extra(0, left.saturating_sub(1));
        m.advance(1 + w.bc() as isize);
        return Ok(());
    }
    let jump = m.unit().offset_of(m.ip).saturating_sub(1);
    m.save();
    let went = hot(m.t, m.unit(), jump, w, m.base);
    m.set_extra(0, went.again);
    let by_frame = went.offset == Went::BY_FRAME;
    if by_frame {
        // It may be another frame, too.
        m.enter(0);
    } else {
        // SAFETY: the tier goes on at an instruction of this unit.
        m.ip = unsafe { m.unit().start().add(went.offset as usize) };
    }
    match went.raised {
        None => Ok(()),
        Some(e) => {
            if !by_frame {
                m.advance(1);
            }
            m.save();
            Err(Stop::Raise(e))
        }
    }
}

#[inline(never)]
fn hot(t: &Thread, unit: &Unit, jump: u32, w: Word, registers: *mut u64) -> Went {
    let target = jump.saturating_add(2).saturating_add_signed(w.bc());
    let stay = Went { offset: target, again: u64::MAX, raised: None };
    // SAFETY: the running frame's unit and registers.
    interp(t).tier.of(t).map_or(stay, |tier| tier.at_loop(&unsafe { At::new(t, unit, jump, target, registers) }))
}
