//! Units on their way into a new str: looked at, narrowed, widened; a stop is noticed meanwhile.

use super::{Str, Units};
use crate::bulk;
use crate::error::Res;
use crate::thread::Thread;

/// So many units are looked at between two looks at the breaker.
const STRIDE: usize = 1 << 17;

/// All the bits that occur.
pub(super) fn widest<W: Copy + Default + std::ops::BitOr<Output = W>>(t: &Thread, units: &[W]) -> Res<W> {
    let mut all = W::default();
    for piece in units.chunks(STRIDE) {
        all = piece.iter().fold(all, |all, &u| all | u);
        if piece.len() == STRIDE {
            t.check_stop()?;
        }
    }
    Ok(all)
}

/// A str from units that all fit the narrower `N`, which is the narrowest that does.
pub(super) fn narrowed<W: Copy, N: Into<u32>>(t: &Thread, units: &[W], ascii: bool, narrow: impl Fn(W) -> N) -> Res {
    if let ([] | [_], 1) = (units, size_of::<N>()) {
        return Ok(match units.first() {
            Some(&u) => crate::process::latin1_char(narrow(u).into() as u8).clone(),
            None => crate::process::empty_str().clone(),
        });
    }
    let fill = |p: *mut u8| {
        let mut p = p.cast::<N>();
        for piece in units.chunks(STRIDE) {
            for &u in piece {
                // SAFETY: the str has room for every unit.
                unsafe {
                    p.write(narrow(u));
                    p = p.add(1);
                }
            }
            if piece.len() == STRIDE {
                t.check_stop()?;
            }
        }
        Ok(())
    };
    // SAFETY: `fill` writes every unit; the caller vouches for the width.
    unsafe { super::raw(t, units.len(), size_of::<N>(), ascii, fill) }
}

/// Copies units into wider or equally wide ones.
///
/// # Safety
/// `to` has room for `s.len()` units of `width` bytes, and `width >= s.width()`.
pub(crate) unsafe fn copy_widening(t: &Thread, s: &Str, to: *mut u8, width: usize) -> Res<()> {
    // SAFETY: the caller's room.
    unsafe {
        match (s.units(), width) {
            (_, w) if w == s.width() => bulk::copy(t, s.bytes().as_ptr(), to, s.bytes().len()),
            (u, 2) => widen(t, u, |i, c| to.cast::<u16>().add(i).write(c as u16)),
            (u, _) => widen(t, u, |i, c| to.cast::<u32>().add(i).write(c)),
        }
    }
}

fn widen(t: &Thread, units: Units<'_>, write: impl Fn(usize, u32)) -> Res<()> {
    for from in (0..units.len()).step_by(STRIDE) {
        let to = units.len().min(from + STRIDE);
        units.slice(from, to).iter().enumerate().for_each(|(i, c)| write(from + i, c));
        if to < units.len() {
            t.check_stop()?;
        }
    }
    Ok(())
}
