//! Copying, filling and comparing what guests size: in pieces, between which a stopped isolate is noticed.
//!
//! What returns `Res` raises the stop. The others give up with any result: nobody sees what a stopped isolate makes.

use crate::error::Res;
use crate::thread::{self, Thread};

/// So many bytes are moved between two looks at the breaker: into memory that was never touched, some tenths of a
/// millisecond's work.
const STRIDE: usize = 256 << 10;

/// Copies bytes.
///
/// # Safety
/// As `copy_nonoverlapping`.
#[inline]
pub unsafe fn copy(t: &Thread, from: *const u8, to: *mut u8, n: usize) -> Res<()> {
    if n <= STRIDE {
        // SAFETY: the caller's duty.
        unsafe { to.copy_from_nonoverlapping(from, n) };
        return Ok(());
    }
    let mut done = 0;
    while done < n {
        let piece = STRIDE.min(n - done);
        // SAFETY: the caller's duty, piece by piece.
        unsafe { to.add(done).copy_from_nonoverlapping(from.add(done), piece) };
        done += piece;
        t.check_stop()?;
    }
    Ok(())
}

/// Writes the same byte everywhere.
///
/// # Safety
/// As `write_bytes`.
pub unsafe fn fill(t: &Thread, to: *mut u8, byte: u8, n: usize) -> Res<()> {
    let mut done = 0;
    while done < n {
        let piece = STRIDE.min(n - done);
        // SAFETY: the caller's duty, piece by piece.
        unsafe { to.add(done).write_bytes(byte, piece) };
        done += piece;
        if piece == STRIDE {
            t.check_stop()?;
        }
    }
    Ok(())
}

/// Writes `part` again and again until there are `n` bytes.
///
/// # Safety
/// `to` has room for `n` bytes and is not in `part`, which is not empty.
pub unsafe fn repeat(t: &Thread, part: &[u8], to: *mut u8, n: usize) -> Res<()> {
    // SAFETY: the caller's room; each doubling copies what is already written.
    unsafe {
        if let [b] = part {
            return fill(t, to, *b, n);
        }
        let mut done = part.len().min(n);
        copy(t, part.as_ptr(), to, done)?;
        // The source stays in the processor's cache.
        let unit = done * (STRIDE / done.max(1)).max(1);
        while done < n {
            let more = done.min(n - done).min(unit);
            copy(t, to, to.add(done), more)?;
            done += more;
            if more == unit {
                t.check_stop()?;
            }
        }
    }
    Ok(())
}

/// Moves items within an array; false if that was given up, with the array in disorder.
///
/// # Safety
/// As `copy(from, to, n)`.
pub unsafe fn slide<T>(from: *const T, to: *mut T, n: usize) -> bool {
    let stride = STRIDE / size_of::<T>().max(1);
    let mut left = n;
    while left > 0 {
        let piece = left.min(stride);
        // What is overwritten has moved already: from the end when moving up, else from the front.
        let at = if to.cast_const() > from { left - piece } else { n - left };
        // SAFETY: the caller's duty, piece by piece.
        unsafe { to.add(at).copy_from(from.add(at), piece) };
        left -= piece;
        if left > 0 && thread::stopping() {
            return false;
        }
    }
    true
}

/// The same bytes?
#[inline]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() <= STRIDE {
        return a == b;
    }
    a.len() == b.len() && a.chunks(STRIDE).zip(b.chunks(STRIDE)).all(|(x, y)| x == y && !thread::stopping())
}

/// Which comes first.
#[inline]
pub fn order(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    let n = a.len().min(b.len());
    if n <= STRIDE {
        return a.cmp(b);
    }
    let pieces = a[..n].chunks(STRIDE).zip(b[..n].chunks(STRIDE));
    let differ = pieces.map(|(x, y)| x.cmp(y)).find(|o| o.is_ne() || thread::stopping());
    differ.unwrap_or_else(|| a.len().cmp(&b.len()))
}

/// Only bytes below 128?
#[inline]
pub fn is_ascii(bytes: &[u8]) -> bool {
    if bytes.len() <= STRIDE {
        bytes.is_ascii()
    } else {
        bytes.chunks(STRIDE).all(|p| p.is_ascii() && !thread::stopping())
    }
}

/// Appends copies.
#[inline]
pub fn extend<T: Clone>(out: &mut Vec<T>, items: &[T]) {
    if size_of_val(items) <= STRIDE {
        return out.extend_from_slice(items);
    }
    out.reserve(items.len());
    for piece in items.chunks(STRIDE / size_of::<T>().max(1)) {
        out.extend_from_slice(piece);
        if thread::stopping() {
            return;
        }
    }
}

/// Appends `n` times the same.
pub fn extend_n<T: Copy>(out: &mut Vec<T>, item: T, n: usize) {
    let stride = STRIDE / size_of::<T>().max(1);
    let end = out.len() + n;
    out.reserve(n);
    while out.len() < end {
        let to = end.min(out.len() + stride);
        out.resize(to, item);
        if to < end && thread::stopping() {
            return;
        }
    }
}

/// Appends what an iterator gives.
pub fn extend_from<T>(out: &mut Vec<T>, items: impl Iterator<Item = T>) {
    out.reserve(items.size_hint().0);
    let mut left = STRIDE;
    for item in items {
        out.push(item);
        left -= 1;
        if left == 0 {
            if thread::stopping() {
                return;
            }
            left = STRIDE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_slide_over_themselves() {
        let n = 3 * STRIDE / 8 + 5;
        for by in [1, 2, STRIDE / 8, STRIDE] {
            let mut items: Vec<usize> = (0..n + by).collect();
            let at = items.as_mut_ptr();
            // SAFETY: `n` items from `by` on are in the vector.
            assert!(unsafe { slide(at.add(by), at, n) });
            assert!(items[..n].iter().enumerate().all(|(i, &x)| x == i + by));
            // SAFETY: as above.
            assert!(unsafe { slide(at, at.add(by), n) });
            assert!(items[by..].iter().enumerate().all(|(i, &x)| x == i + by));
        }
    }

    #[test]
    fn pieces_make_the_whole() {
        for n in [0, 1, STRIDE - 1, STRIDE, STRIDE + 1, 3 * STRIDE + 7] {
            let all: Vec<u8> = (0..n).map(|i| (i % 251) as u8).collect();
            let mut out = vec![7];
            extend(&mut out, &all);
            assert_eq!(out[1..], all[..]);
            extend_n(&mut out, 9, n);
            assert!(out.len() == 1 + 2 * n && out[1 + n..].iter().all(|b| *b == 9));
            let mut wide = Vec::new();
            extend_from(&mut wide, all.iter().map(|&b| u32::from(b)));
            assert!(wide.iter().zip(&all).all(|(w, b)| *w == u32::from(*b)) && wide.len() == n);
            let mut other = all.clone();
            assert!(equal(&all, &other) && order(&all, &other).is_eq());
            other.push(0);
            assert!(!equal(&all, &other) && order(&all, &other).is_lt());
            if let Some(last) = other.get_mut(n.wrapping_sub(1)) {
                *last = 255;
                assert!(order(&other[..n], &all).is_gt() && !equal(&other[..n], &all));
                assert!(!is_ascii(&other));
            }
            assert!(is_ascii(&vec![1; n]));
        }
    }
}
