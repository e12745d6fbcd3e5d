//! Backward jumps and beginnings of functions that are counted, for the second tier.

use super::machine::{Flow, M, Stop};
use crate::frame::interp;
use crate::tier::{At, Hot, Went};
use crate::unit::Unit;
use typhon_isa::{Opcode, Word};

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
    let target = offset(m).saturating_add(2).saturating_add_signed(w.bc());
    let went = hot(m, Hot::Loop { target });
    m.set_extra(0, went.again);
    let skip = 1;
    go_on(m, went, skip)
}

#[inline(always)]
pub(super) fn resume(m: &mut M<'_>, w: Word) -> Flow {
    let left = w.bc();
    if left == 0 || m.t.breaker.any() {
        return Err(Stop::Slow);
    }
    m.put_word(w.with_bc(left - 1));
    if m.is_low() { Err(Stop::Again) } else { Ok(()) }
}

/// The count has ended, or somebody has asked.
#[inline(always)]
pub(super) fn resume_looked_at<const WATCHED: bool>(m: &mut M<'_>, w: Word) -> Flow {
    super::resume_asked::<WATCHED>(m)?;
    if w.bc() > 0 || WATCHED {
        return Ok(());
    }
    let went = hot(m, Hot::Call);
    // Who is not to be asked again soon is not counted any more.
    let word = match i32::try_from(went.again) {
        Ok(again) => w.with_bc(again),
        Err(_) => w.with_op(Opcode::Resume).with_bc(0),
    };
    m.put_word(word);
    go_on(m, went, 0)
}

/// The offset of the running instruction.
fn offset(m: &M<'_>) -> u32 {
    m.unit().offset_of(m.ip).saturating_sub(1)
}

/// Goes on where the tier has come to; the running instruction has `extra` words behind its first.
#[inline(always)]
fn go_on(m: &mut M<'_>, went: Went, extra: isize) -> Flow {
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
                m.advance(extra);
            }
            m.save();
            Err(Stop::Raise(e))
        }
    }
}

#[inline(never)]
fn hot(m: &M<'_>, what: Hot) -> Went {
    m.save();
    let (unit, at) = (m.unit(), offset(m));
    // SAFETY: a unit that runs is one that an `Arc` holds. The tier may return from the frame, and then nobody else would.
    let _kept = unsafe { Unit::keep(unit) };
    // SAFETY: the running frame's unit and registers.
    let at = unsafe { At::new(m.t, unit, at, what, m.base) };
    let stay = Went { offset: at.target(), again: u64::MAX, raised: None };
    interp(m.t).tier.of(m.t).map_or(stay, |tier| tier.at(&at))
}
