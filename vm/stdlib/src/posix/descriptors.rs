//! Calls on file descriptors.

use super::{data, dir_fd, fail, flag, number, opened};
use crate::kernel;
use crate::ram;
use crate::thread::turns;
use crate::world::{self, Also};
use typhon_object::buffer;
use typhon_object::ops;
use typhon_object::strs;
use typhon_object::tuple;
use typhon_object::{Res, Thread, Value, convert, error};

/// `open(path, flags, mode, dir_fd)`.
pub fn open(t: &Thread, a: &[Value]) -> Res {
    let p = world::path_arg(t, &a[0], "open", "path", Also::Nothing)?;
    let flags = convert::to_i32(t, &a[1])?;
    let mode = a[2].opt().map_or(Ok(0o777), |m| convert::to_i32(t, m))?;
    let dir = dir_fd(t, &a[3])?;
    if let Some(mut ram) = ram::of(t) {
        return Ok(Value::small(ram.open(dir, &p.path, flags, mode as u32).map_err(|e| p.error(t, e))?.into()));
    }
    if flags & (libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC) == 0 {
        p.permit_read(t)?;
    } else {
        p.permit_write(t)?;
    }
    let fd = world::retry(t, || turns::idle(t, || kernel::open_at(dir, &p.path, flags, mode as u32)))?
        .map_err(|e| p.error(t, e))?;
    Ok(Value::small(world::opened(t, fd).into()))
}

/// A descriptor that is the guest's.
pub(super) fn own(t: &Thread, v: &Value) -> Res<i32> {
    let fd = number(t, v)?;
    world::usable(t, fd).map(|()| fd)
}

/// `close(fd)`.
pub fn close(t: &Thread, a: &[Value]) -> Res {
    let fd = own(t, &a[0])?;
    world::closed(t, fd);
    match ram::close(t, fd) {
        Err(e) if e != libc::EINTR => Err(fail(t, e)),
        _ => Ok(Value::NONE),
    }
}

/// `closerange(low, high)`.
pub fn closerange(t: &Thread, a: &[Value]) -> Res {
    super::permit_state(t)?;
    for fd in number(t, &a[0])?.max(0)..number(t, &a[1])?.min(1 << 20) {
        // Descriptors that are not open are passed over.
        let _ = kernel::close(fd);
    }
    Ok(Value::NONE)
}

pub(super) fn blocking(t: &Thread, fd: i32, events: i16) -> Res<()> {
    match kernel::get_flags(fd) {
        _ if ram::is_ours(fd) => Ok(()),
        Ok(flags) if flags & libc::O_NONBLOCK == 0 => world::wait_fd(t, fd, events, None).map(drop),
        _ => Ok(()),
    }
}

fn count(t: &Thread, v: &Value) -> Res<usize> {
    match usize::try_from(convert::to_isize(t, v)?) {
        Ok(n) => {
            t.check_alloc(n.min(0x7fff_f000))?;
            Ok(n.min(0x7fff_f000))
        }
        Err(_) => Err(fail(t, libc::EINVAL)),
    }
}

/// `read(fd, length)`.
pub fn read(t: &Thread, a: &[Value]) -> Res {
    let (fd, n) = (own(t, &a[0])?, count(t, &a[1])?);
    blocking(t, fd, libc::POLLIN)?;
    let mut room = vec![0; n];
    let got = world::retry(t, || ram::read(t, fd, &mut room))?.map_err(|e| fail(t, e))?;
    data(t, &room[..got])
}

/// `readinto(fd, buffer)`.
pub fn readinto(t: &Thread, a: &[Value]) -> Res {
    let fd = own(t, &a[0])?;
    let to = world::writable(t, &a[1], "readinto", 2)?;
    blocking(t, fd, libc::POLLIN)?;
    let got = world::retry(t, || ram::read(t, fd, to.as_mut_slice()))?.map_err(|e| fail(t, e))?;
    Ok(convert::from_usize(got))
}

/// `pread(fd, length, offset)`.
pub fn pread(t: &Thread, a: &[Value]) -> Res {
    let (fd, n, at) = (own(t, &a[0])?, count(t, &a[1])?, convert::to_i64(t, &a[2])?);
    let mut room = vec![0; n];
    let got = world::retry(t, || ram::pread(t, fd, &mut room, at))?.map_err(|e| fail(t, e))?;
    data(t, &room[..got])
}

/// `readv(fd, buffers)`.
pub fn readv(t: &Thread, a: &[Value]) -> Res {
    let fd = own(t, &a[0])?;
    let lent = ops::collect(t, &a[1])?.iter().map(|b| buffer::get(t, b, buffer::WRITABLE)).collect::<Res<Vec<_>>>()?;
    blocking(t, fd, libc::POLLIN)?;
    let total = lent.iter().map(|b| b.len).sum();
    t.check_alloc(total)?;
    let mut room = vec![0; total];
    let got = world::retry(t, || ram::read(t, fd, &mut room))?.map_err(|e| fail(t, e))?;
    let mut rest = &room[..got];
    for b in &lent {
        let (now, later) = rest.split_at(rest.len().min(b.len));
        b.as_mut_slice()[..now.len()].copy_from_slice(now);
        rest = later;
    }
    Ok(convert::from_usize(got))
}

/// What a pipe that has room takes without blocking.
const PIECE: usize = libc::PIPE_BUF;

/// What a stream that has room takes without blocking.
const SENT_AT_ONCE: usize = 16 << 10;

/// Whether a write may have to wait: the descriptor blocks, and is no file.
fn may_wait(fd: i32) -> bool {
    let waits = kernel::get_flags(fd).is_ok_and(|flags| flags & libc::O_NONBLOCK == 0);
    waits && kernel::fstat(fd).is_ok_and(|st| st.st_mode & libc::S_IFMT != libc::S_IFREG)
}

/// Writes all of it where the descriptor blocks, in pieces that do not, so that the wait can end: a signal leaves what
/// was written so far as the answer.
fn put(t: &Thread, fd: i32, from: &[u8]) -> Res {
    if !may_wait(fd) || from.is_empty() {
        let n = world::retry(t, || ram::write(t, fd, from))?.map_err(|e| fail(t, e))?;
        return Ok(convert::from_usize(n));
    }
    let mut done = 0;
    while done < from.len() {
        world::wait_fd(t, fd, libc::POLLOUT, None)?;
        match kernel::write(fd, &from[done..from.len().min(done + PIECE)]) {
            Ok(n) => done += n,
            Err(libc::EINTR) if done == 0 => t.poll()?,
            Err(libc::EINTR) => break,
            Err(e) if done == 0 => return Err(fail(t, e)),
            Err(_) => break,
        }
    }
    Ok(convert::from_usize(done))
}

/// `write(fd, data)`.
pub fn write(t: &Thread, a: &[Value]) -> Res {
    let fd = own(t, &a[0])?;
    let from = buffer::get(t, &a[1], buffer::SIMPLE)?;
    put(t, fd, from.as_slice())
}

/// `pwrite(fd, buffer, offset)`.
pub fn pwrite(t: &Thread, a: &[Value]) -> Res {
    let fd = own(t, &a[0])?;
    let from = buffer::get(t, &a[1], buffer::SIMPLE)?;
    let at = convert::to_i64(t, &a[2])?;
    let n = world::retry(t, || ram::pwrite(t, fd, from.as_slice(), at))?.map_err(|e| fail(t, e))?;
    Ok(convert::from_usize(n))
}

/// `writev(fd, buffers)`.
pub fn writev(t: &Thread, a: &[Value]) -> Res {
    let fd = own(t, &a[0])?;
    let mut all = Vec::new();
    for b in ops::collect(t, &a[1])? {
        let b = buffer::get(t, &b, buffer::SIMPLE)?;
        t.check_alloc(b.len)?;
        all.extend_from_slice(b.as_slice());
    }
    put(t, fd, &all)
}

/// `lseek(fd, position, whence)`.
pub fn lseek(t: &Thread, a: &[Value]) -> Res {
    let (fd, at, whence) = (own(t, &a[0])?, convert::to_i64(t, &a[1])?, convert::to_i32(t, &a[2])?);
    super::plain(t, ram::lseek(t, fd, at, whence))
}

/// `ftruncate(fd, length)`.
pub fn ftruncate(t: &Thread, a: &[Value]) -> Res {
    let (fd, len) = (own(t, &a[0])?, convert::to_i64(t, &a[1])?);
    ram::ftruncate(t, fd, len).map(|()| Value::NONE).map_err(|e| fail(t, e))
}

/// A call that takes a descriptor, or an object that has one, and gives nothing.
pub fn simple(t: &Thread, v: &Value, f: fn(i32) -> kernel::Sys<i64>) -> Res {
    let fd = world::fileno(t, v)?;
    if ram::is_ours(fd) {
        // What is in memory is as safe as it gets.
        return ram::fstat(t, fd).map(|_| Value::NONE).map_err(|e| fail(t, e));
    }
    world::retry(t, || f(fd))?.map(|_| Value::NONE).map_err(|e| fail(t, e))
}

/// `dup(fd)`.
pub fn dup(t: &Thread, a: &[Value]) -> Res {
    match (own(t, &a[0])?, ram::of(t)) {
        (fd, Some(mut ram)) if ram::is_ours(fd) => super::plain(t, ram.dup(fd).map(i64::from)),
        (fd, _) => opened(t, kernel::dup(fd)),
    }
}

/// `dup2(fd, fd2, inheritable)`.
pub fn dup2(t: &Thread, a: &[Value]) -> Res {
    let (fd, to) = (own(t, &a[0])?, own(t, &a[1])?);
    let made = if flag(t, &a[2], true)? { kernel::dup2(fd, to) } else { kernel::dup3(fd, to, libc::O_CLOEXEC) };
    super::plain(t, made)
}

/// `pipe()` and `pipe2(flags)`.
pub fn pipe(t: &Thread, flags: i32) -> Res {
    let [r, w] = kernel::pipe(flags).map_err(|e| fail(t, e))?;
    tuple::from_array(t, [r, w].map(|fd| Value::small(world::opened(t, fd).into())))
}

/// `get_blocking(fd)`.
pub fn get_blocking(t: &Thread, a: &[Value]) -> Res {
    let flags = kernel::get_flags(own(t, &a[0])?).map_err(|e| fail(t, e))?;
    Ok(Value::bool(flags & libc::O_NONBLOCK == 0))
}

/// `set_blocking(fd, blocking)`.
pub fn set_blocking(t: &Thread, a: &[Value]) -> Res {
    let (fd, on) = (own(t, &a[0])?, convert::to_bool(t, &a[1])?);
    let flags = kernel::get_flags(fd).map_err(|e| fail(t, e))?;
    let flags = if on { flags & !libc::O_NONBLOCK } else { flags | libc::O_NONBLOCK };
    kernel::set_flags(fd, flags).map(|()| Value::NONE).map_err(|e| fail(t, e))
}

/// `get_inheritable(fd)`.
pub fn get_inheritable(t: &Thread, a: &[Value]) -> Res {
    let fd = own(t, &a[0])?;
    if ram::is_ours(fd) {
        return Ok(Value::FALSE);
    }
    let flags = kernel::fcntl(fd, libc::F_GETFD, 0).map_err(|e| fail(t, e))?;
    Ok(Value::bool(flags & i64::from(libc::FD_CLOEXEC) == 0))
}

/// `set_inheritable(fd, inheritable)`.
pub fn set_inheritable(t: &Thread, a: &[Value]) -> Res {
    let (fd, on) = (own(t, &a[0])?, convert::to_bool(t, &a[1])?);
    let flags = kernel::fcntl(fd, libc::F_GETFD, 0).map_err(|e| fail(t, e))?;
    let bit = i64::from(libc::FD_CLOEXEC);
    let flags = if on { flags & !bit } else { flags | bit };
    kernel::fcntl(fd, libc::F_SETFD, flags).map(|_| Value::NONE).map_err(|e| fail(t, e))
}

/// `lockf(fd, command, length)`. A lock that others hold is asked for again and again.
pub fn lockf(t: &Thread, a: &[Value]) -> Res {
    let (fd, command, len) = (own(t, &a[0])?, convert::to_i32(t, &a[1])?, convert::to_i64(t, &a[2])?);
    let waits = command == libc::F_LOCK;
    loop {
        match kernel::lockf(fd, if waits { libc::F_TLOCK } else { command }, len) {
            Ok(_) => return Ok(Value::NONE),
            Err(libc::EAGAIN | libc::EACCES) if waits => {
                turns::idle(t, || std::thread::sleep(world::SLICE));
                t.poll()?;
            }
            Err(e) => return Err(fail(t, e)),
        }
    }
}

/// `sendfile(out_fd, in_fd, offset, count)`.
pub fn sendfile(t: &Thread, a: &[Value]) -> Res {
    let (to, from) = (own(t, &a[0])?, own(t, &a[1])?);
    if ram::is_ours(to) || ram::is_ours(from) {
        // Who asks goes on by reading and writing.
        return Err(fail(t, libc::EINVAL));
    }
    let n = count(t, &a[3])?;
    blocking(t, to, libc::POLLOUT)?;
    // As much as whoever is ready takes without blocking; callers go on with the rest.
    let n = if may_wait(to) { n.min(SENT_AT_ONCE) } else { n };
    let sent = match a[2].non_none() {
        Some(at) => {
            let at = convert::to_i64(t, at)?;
            world::retry(t, || kernel::sendfile(to, from, at, n))?.map(|n| n as i64)
        }
        None => world::retry(t, || kernel::sendfile_here(to, from, n))?,
    };
    super::plain(t, sent)
}

/// `copy_file_range(src, dst, count)`.
pub fn copy_file_range(t: &Thread, a: &[Value]) -> Res {
    let (from, to) = (own(t, &a[0])?, own(t, &a[1])?);
    if ram::is_ours(to) || ram::is_ours(from) {
        return Err(fail(t, libc::EINVAL));
    }
    if convert::to_isize(t, &a[2])? < 0 {
        return Err(error::value_error(t, "negative value for 'count' not allowed"));
    }
    let n = count(t, &a[2])?;
    if let (Some(_), _) | (_, Some(_)) = (a[3].non_none(), a[4].non_none()) {
        let (mut room, at) = (vec![0; n.min(1 << 20)], a[3].non_none().map(|v| convert::to_i64(t, v)).transpose()?);
        let got = match at {
            Some(at) => kernel::pread(from, &mut room, at),
            None => kernel::read(from, &mut room),
        };
        let got = got.map_err(|e| fail(t, e))?;
        let put = match a[4].non_none() {
            Some(at) => {
                let at = convert::to_i64(t, at)?;
                kernel::pwrite(to, &room[..got], at)
            }
            None => kernel::write(to, &room[..got]),
        };
        return Ok(convert::from_usize(put.map_err(|e| fail(t, e))?));
    }
    super::plain(t, world::retry(t, || kernel::copy_range(from, to, n))?)
}

/// `memfd_create(name, flags)`.
pub fn memfd_create(t: &Thread, a: &[Value]) -> Res {
    let p = world::path_arg(t, &a[0], "memfd_create", "name", Also::Nothing)?;
    let flags = a[1].opt().map_or(Ok(1), |f| convert::to_i64(t, f))?;
    opened(t, kernel::memfd(&p.path, flags as u32))
}

/// `eventfd(initval, flags)`.
pub fn eventfd(t: &Thread, a: &[Value]) -> Res {
    let value = u32::try_from(convert::to_i64(t, &a[0])?)
        .map_err(|_| error::overflow_error(t, "Python int too large to convert to C unsigned int"))?;
    let flags = a[1].opt().map_or(Ok(libc::EFD_CLOEXEC), |f| convert::to_i32(t, f))?;
    opened(t, kernel::eventfd(value, flags))
}

/// `posix_fallocate(fd, offset, length)`.
pub fn fallocate(t: &Thread, a: &[Value]) -> Res {
    let (fd, at, n) = (own(t, &a[0])?, convert::to_i64(t, &a[1])?, convert::to_i64(t, &a[2])?);
    match kernel::fallocate(fd, at, n).unwrap_or(i64::from(libc::EINVAL)) {
        0 => Ok(Value::NONE),
        e => Err(fail(t, e as i32)),
    }
}

/// `posix_fadvise(fd, offset, length, advice)`.
pub fn fadvise(t: &Thread, a: &[Value]) -> Res {
    let (fd, at, n) = (own(t, &a[0])?, convert::to_i64(t, &a[1])?, convert::to_i64(t, &a[2])?);
    match kernel::fadvise(fd, at, n, convert::to_i32(t, &a[3])?).unwrap_or(i64::from(libc::EINVAL)) {
        0 => Ok(Value::NONE),
        e => Err(fail(t, e as i32)),
    }
}

/// `device_encoding(fd)`.
pub fn device_encoding(t: &Thread, a: &[Value]) -> Res {
    if own(t, &a[0]).is_ok_and(kernel::isatty) { strs::new(t, "UTF-8") } else { Ok(Value::NONE) }
}
