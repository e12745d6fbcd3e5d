//! A copy of the process, as a template's use or a session's fork is one.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use typhon_object::crossing;

/// What the copy finds standard input to be, and that it has nothing else open but standard output and standard error.
const FIRST: libc::c_uint = 3;

/// Copies the process. Its number, in the parent; nothing, in the child, whose standard input is `keep`, and which has no
/// other descriptor open: whoever owns one there by a value must forget it.
///
/// Of the parent's threads the child has only the calling one. So nothing that another thread does at that moment may be
/// half done: the caller sees to it that they are idle, or know of no lock that the child needs.
pub fn fork_process(keep: BorrowedFd<'_>) -> io::Result<Option<u32>> {
    // SAFETY: what other threads were at is at rest, as the caller promises, so the child may go on as this thread.
    match crossing::copying(|| unsafe { libc::fork() }) {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // SAFETY: descriptors of the child's own table; their owners were told.
            unsafe {
                libc::dup2(keep.as_raw_fd(), 0);
                if libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, 0) != 0 {
                    (FIRST as libc::c_int..DESCRIPTORS).for_each(|descriptor| {
                        libc::close(descriptor);
                    });
                }
            }
            Ok(None)
        }
        child => Ok(Some(child.unsigned_abs())),
    }
}

/// More are not open where the system cannot close them all at once.
const DESCRIPTORS: libc::c_int = 4096;
