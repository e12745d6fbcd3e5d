//! Memory mappings.

use super::{Sys, done, errno};
use std::ptr::null_mut;

/// mmap(2).
pub fn map(len: usize, prot: i32, flags: i32, fd: i32, offset: i64) -> Sys<*mut u8> {
    // SAFETY: no address is asked for, so nothing that is mapped is replaced.
    let at = unsafe { libc::mmap(null_mut(), len, prot, flags, fd, offset) };
    if at == libc::MAP_FAILED { Err(errno()) } else { Ok(at.cast()) }
}

/// munmap(2).
///
/// # Safety
/// The range is a mapping of the caller's that nobody looks at any more.
pub unsafe fn unmap(at: *mut u8, len: usize) {
    // SAFETY: the caller's duty. It cannot fail for a mapping as it was made.
    unsafe { libc::munmap(at.cast(), len) };
}

/// mremap(2), moving the mapping if need be.
///
/// # Safety
/// As [`unmap`], for the old place.
pub unsafe fn remap(at: *mut u8, old: usize, new: usize) -> Sys<*mut u8> {
    // SAFETY: the caller's duty.
    let at = unsafe { libc::mremap(at.cast(), old, new, libc::MREMAP_MAYMOVE) };
    if at == libc::MAP_FAILED { Err(errno()) } else { Ok(at.cast()) }
}

/// msync(2).
pub fn sync(part: &[u8]) -> Sys<()> {
    // SAFETY: the part is mapped.
    done(unsafe { libc::msync(part.as_ptr().cast_mut().cast(), part.len(), libc::MS_SYNC) })
}

/// madvise(2).
pub fn advise(part: &mut [u8], advice: i32) -> Sys<()> {
    // SAFETY: the part is mapped, and lent mutably: the advice may change what is in it.
    done(unsafe { libc::madvise(part.as_mut_ptr().cast(), part.len(), advice) })
}
