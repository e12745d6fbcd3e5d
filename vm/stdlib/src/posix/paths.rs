//! Calls that name a path.

use super::descriptors::own;
use super::{dir_fd, fail, flag, path, permit_state};
use crate::kernel;
use crate::ram;
use crate::world::{self, Also, PathArg};
use std::os::unix::ffi::OsStrExt;
use typhon_object::tuple::Tuple;
use typhon_object::types::{float, int};
use typhon_object::{Res, Thread, Value, convert, error};

fn done(t: &Thread, p: &PathArg, r: kernel::Sys<i64>) -> Res {
    r.map(|_| Value::NONE).map_err(|e| p.error(t, e))
}

fn mode_arg(t: &Thread, v: &Value, default: u32) -> Res<u32> {
    v.opt().map_or(Ok(default), |v| Ok(convert::to_i32(t, v)? as u32))
}

/// `access(path, mode, dir_fd, effective_ids, follow_symlinks)`.
pub fn access(t: &Thread, a: &[Value]) -> Res {
    let p = path(t, &a[0], "access")?;
    let mode = convert::to_i32(t, &a[1])?;
    let dir = dir_fd(t, &a[2])?;
    let mut flags = if flag(t, &a[3], false)? { libc::AT_EACCESS } else { 0 };
    if !flag(t, &a[4], true)? {
        flags |= libc::AT_SYMLINK_NOFOLLOW;
    }
    if let Some(mut ram) = ram::of(t) {
        return Ok(Value::bool(ram.access(dir, &p.path, mode).is_ok()));
    }
    let allowed = if mode & libc::W_OK != 0 { p.permit_write(t) } else { p.permit_read(t) };
    match allowed {
        Err(e) if e.is(&typhon_object::types::exceptions::OS_ERROR) => Ok(Value::FALSE),
        Err(e) => Err(e),
        Ok(()) => Ok(Value::bool(kernel::access_at(dir, &p.path, mode, flags).is_ok())),
    }
}

/// `chdir(path)` and `fchdir(fd)`.
pub fn chdir(t: &Thread, a: &[Value]) -> Res {
    let p = world::path_arg(t, &a[0], "chdir", "path", Also::Fd)?;
    if let Some(mut ram) = ram::of(t) {
        return done(t, &p, ram.go(&p.path, p.fd).map(|()| 0));
    }
    permit_state(t)?;
    done(
        t,
        &p,
        match p.fd {
            Some(fd) => kernel::fchdir(fd),
            None => kernel::chdir(&p.path),
        },
    )
}

/// `getcwd()` and `getcwdb()`.
pub fn getcwd(t: &Thread, as_bytes: bool) -> Res {
    if let Some(mut ram) = ram::of(t) {
        let here = ram.here().map_err(|e| fail(t, e))?;
        return world::fs_name(t, &here, as_bytes);
    }
    let cwd = std::env::current_dir().map_err(|e| fail(t, e.raw_os_error().unwrap_or(libc::ENOENT)))?;
    world::fs_name(t, cwd.as_os_str().as_bytes(), as_bytes)
}

/// `chmod(path, mode, dir_fd, follow_symlinks)`.
pub fn chmod(t: &Thread, a: &[Value]) -> Res {
    let p = world::path_arg(t, &a[0], "chmod", "path", Also::Fd)?;
    let mode = mode_arg(t, &a[1], 0)?;
    let dir = dir_fd(t, &a[2])?;
    let flags = if flag(t, &a[3], true)? { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    if let Some(mut ram) = ram::of(t)
        && p.fd.is_none()
    {
        return done(t, &p, ram.chmod(dir, &p.path, mode).map(|()| 0));
    }
    p.permit_write(t)?;
    let made = match p.fd {
        Some(fd) => ram::fchmod(t, fd, mode).map(|()| 0),
        None => kernel::chmod_at(dir, &p.path, mode, flags),
    };
    match made {
        Err(libc::ENOTSUP) if flags != 0 && dir != libc::AT_FDCWD => {
            Err(error::value_error(t, "chmod: cannot use dir_fd and follow_symlinks together"))
        }
        Err(libc::ENOTSUP) if flags != 0 => {
            Err(error::not_implemented_error(t, "chmod: follow_symlinks unavailable on this platform"))
        }
        r => done(t, &p, r),
    }
}

/// `fchmod(fd, mode)`.
pub fn fchmod(t: &Thread, a: &[Value]) -> Res {
    let (fd, mode) = (own(t, &a[0])?, mode_arg(t, &a[1], 0)?);
    ram::fchmod(t, fd, mode).map(|()| Value::NONE).map_err(|e| fail(t, e))
}

/// A user or group id; -1 leaves it as it is.
fn id_arg(t: &Thread, v: &Value, what: &str) -> Res<u32> {
    let v = convert::to_index(t, v)?;
    match int::to_i64(&v) {
        Some(-1) => Ok(u32::MAX),
        Some(n) if n < 0 => Err(error::overflow_error(t, format_args!("{what} is less than minimum"))),
        Some(n) if n < i64::from(u32::MAX) => Ok(n as u32),
        None if int::is_negative(&v) => Err(error::overflow_error(t, format_args!("{what} is less than minimum"))),
        _ => Err(error::overflow_error(t, format_args!("{what} is greater than maximum"))),
    }
}

/// `chown(path, uid, gid, dir_fd, follow_symlinks)`.
pub fn chown(t: &Thread, a: &[Value]) -> Res {
    let p = world::path_arg(t, &a[0], "chown", "path", Also::Fd)?;
    let (user, group) = (id_arg(t, &a[1], "uid")?, id_arg(t, &a[2], "gid")?);
    let dir = dir_fd(t, &a[3])?;
    let flags = if flag(t, &a[4], true)? { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    p.permit_write(t)?;
    done(
        t,
        &p,
        match p.fd {
            Some(fd) => kernel::fchown(fd, user, group),
            None => kernel::chown_at(dir, &p.path, user, group, flags),
        },
    )
}

/// `fchown(fd, uid, gid)`.
pub fn fchown(t: &Thread, a: &[Value]) -> Res {
    let (user, group) = (id_arg(t, &a[1], "uid")?, id_arg(t, &a[2], "gid")?);
    kernel::fchown(own(t, &a[0])?, user, group).map(|_| Value::NONE).map_err(|e| fail(t, e))
}

/// `lchown(path, uid, gid)`.
pub fn lchown(t: &Thread, a: &[Value]) -> Res {
    let p = path(t, &a[0], "lchown")?;
    let (user, group) = (id_arg(t, &a[1], "uid")?, id_arg(t, &a[2], "gid")?);
    p.permit_write(t)?;
    done(t, &p, kernel::chown_at(libc::AT_FDCWD, &p.path, user, group, libc::AT_SYMLINK_NOFOLLOW))
}

fn two(t: &Thread, a: &[Value], function: &str) -> Res<(PathArg, PathArg)> {
    let from = world::path_arg(t, &a[0], function, "src", Also::Nothing)?;
    let to = world::path_arg(t, &a[1], function, "dst", Also::Nothing)?;
    Ok((from, to))
}

fn done_two(t: &Thread, from: &PathArg, to: &PathArg, r: kernel::Sys<i64>) -> Res {
    r.map(|_| Value::NONE).map_err(|e| error::os_error(t, e, Some(&from.value), Some(&to.value)))
}

/// `rename` and `replace` (src, dst, src_dir_fd, dst_dir_fd).
pub fn rename(t: &Thread, a: &[Value], function: &str) -> Res {
    let (from, to) = two(t, a, function)?;
    let (from_dir, to_dir) = (dir_fd(t, &a[2])?, dir_fd(t, &a[3])?);
    if let Some(mut ram) = ram::of(t) {
        return done_two(t, &from, &to, ram.rename(from_dir, &from.path, to_dir, &to.path).map(|()| 0));
    }
    from.permit_write(t)?;
    to.permit_write(t)?;
    done_two(t, &from, &to, kernel::rename_at(from_dir, &from.path, to_dir, &to.path))
}

/// `link(src, dst, src_dir_fd, dst_dir_fd, follow_symlinks)`.
pub fn link(t: &Thread, a: &[Value]) -> Res {
    let (from, to) = two(t, a, "link")?;
    let (from_dir, to_dir) = (dir_fd(t, &a[2])?, dir_fd(t, &a[3])?);
    // Following is the default by name only: Linux's link(2) does not follow, and CPython calls that.
    let follow = !a[4].is_absent() && flag(t, &a[4], true)?;
    from.permit_write(t)?;
    to.permit_write(t)?;
    let flags = if follow { libc::AT_SYMLINK_FOLLOW } else { 0 };
    done_two(t, &from, &to, kernel::link_at(from_dir, &from.path, to_dir, &to.path, flags))
}

/// `symlink(src, dst, target_is_directory, dir_fd)`.
pub fn symlink(t: &Thread, a: &[Value]) -> Res {
    let (from, to) = two(t, a, "symlink")?;
    let dir = dir_fd(t, &a[3])?;
    to.permit_write(t)?;
    done_two(t, &from, &to, kernel::symlink_at(&from.path, dir, &to.path))
}

/// `readlink(path, dir_fd)`.
pub fn readlink(t: &Thread, a: &[Value]) -> Res {
    let p = path(t, &a[0], "readlink")?;
    if let Some(mut ram) = ram::of(t) {
        // What is there is no link.
        let errno = ram.stat(dir_fd(t, &a[1])?, &p.path).err().unwrap_or(libc::EINVAL);
        return Err(p.error(t, errno));
    }
    p.permit_read(t)?;
    let target = kernel::readlink_at(dir_fd(t, &a[1])?, &p.path).map_err(|e| p.error(t, e))?;
    world::fs_name(t, &target, p.is_bytes)
}

/// `mkdir(path, mode, dir_fd)`.
pub fn mkdir(t: &Thread, a: &[Value]) -> Res {
    let p = path(t, &a[0], "mkdir")?;
    let (mode, dir) = (mode_arg(t, &a[1], 0o777)?, dir_fd(t, &a[2])?);
    if let Some(mut ram) = ram::of(t) {
        return done(t, &p, ram.make_folder(dir, &p.path, mode).map(|()| 0));
    }
    p.permit_write(t)?;
    done(t, &p, kernel::mkdir_at(dir, &p.path, mode))
}

/// `mkfifo(path, mode, dir_fd)`.
pub fn mkfifo(t: &Thread, a: &[Value]) -> Res {
    let p = path(t, &a[0], "mkfifo")?;
    let (mode, dir) = (mode_arg(t, &a[1], 0o666)?, dir_fd(t, &a[2])?);
    p.permit_write(t)?;
    done(t, &p, kernel::mkfifo_at(dir, &p.path, mode))
}

/// `mknod(path, mode, device, dir_fd)`.
pub fn mknod(t: &Thread, a: &[Value]) -> Res {
    let p = path(t, &a[0], "mknod")?;
    let mode = mode_arg(t, &a[1], 0o600)?;
    let device = a[2].opt().map_or(Ok(0), |d| convert::to_u64(t, d))?;
    let dir = dir_fd(t, &a[3])?;
    p.permit_write(t)?;
    done(t, &p, kernel::mknod_at(dir, &p.path, mode, device))
}

/// `rmdir`, `unlink`, `remove` (path, dir_fd).
pub fn remove(t: &Thread, a: &[Value], function: &str, flags: i32) -> Res {
    let p = path(t, &a[0], function)?;
    let dir = dir_fd(t, &a[1])?;
    if let Some(mut ram) = ram::of(t) {
        return done(t, &p, ram.remove(dir, &p.path, flags & libc::AT_REMOVEDIR != 0).map(|()| 0));
    }
    p.permit_write(t)?;
    done(t, &p, kernel::unlink_at(dir, &p.path, flags))
}

/// `truncate(path, length)`.
pub fn truncate(t: &Thread, a: &[Value]) -> Res {
    let p = world::path_arg(t, &a[0], "truncate", "path", Also::Fd)?;
    let len = convert::to_i64(t, &a[1])?;
    if let (Some(mut ram), None) = (ram::of(t), p.fd) {
        return done(t, &p, ram.truncate(&p.path, len).map(|()| 0));
    }
    p.permit_write(t)?;
    done(
        t,
        &p,
        match p.fd {
            Some(fd) => ram::ftruncate(t, fd, len).map(|()| 0),
            None => kernel::truncate(&p.path, len),
        },
    )
}

fn seconds_pair(t: &Thread, v: &Value) -> Res<(i64, i64)> {
    let Some(x) = float::as_f64(v).filter(|_| !int::is_int(v)) else { return Ok((convert::to_i64(t, v)?, 0)) };
    if x.is_nan() {
        return Err(error::value_error(t, "Invalid value NaN (not a number)"));
    }
    let (mut s, mut ns) = (x.floor(), (x.fract() * 1e9).floor());
    if ns < 0.0 {
        ns += 1e9;
    }
    if ns >= 1e9 {
        s += 1.0;
        ns -= 1e9;
    }
    if !(-9.2e18..9.2e18).contains(&s) {
        return Err(error::overflow_error(t, "timestamp out of range for platform time_t"));
    }
    Ok((s as i64, ns as i64))
}

fn pair(t: &Thread, v: &Value, what: &str) -> Res<(Value, Value)> {
    match v.downcast::<Tuple>().map(Tuple::items) {
        Some([x, y]) => Ok((x.clone(), y.clone())),
        _ => Err(error::type_error(t, what)),
    }
}

/// `utime(path, times, ns, dir_fd, follow_symlinks)`.
pub fn utime(t: &Thread, a: &[Value]) -> Res {
    let p = world::path_arg(t, &a[0], "utime", "path", Also::Fd)?;
    let (times, ns) = (a[1].non_none(), a[2].opt());
    let dir = dir_fd(t, &a[3])?;
    let flags = if flag(t, &a[4], true)? { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    let stamps = match (times, ns) {
        (Some(_), Some(_)) => {
            return Err(error::value_error(t, "utime: you may specify either 'times' or 'ns' but not both"));
        }
        (Some(v), _) => {
            let (x, y) = pair(t, v, "utime: 'times' must be either a tuple of two ints or None")?;
            [seconds_pair(t, &x)?, seconds_pair(t, &y)?]
        }
        (None, Some(v)) => {
            let (x, y) = pair(t, v, "utime: 'ns' must be a tuple of two ints")?;
            let split = |v: &Value| -> Res<(i64, i64)> {
                let n = convert::to_i64(t, v)?;
                Ok((n.div_euclid(1_000_000_000), n.rem_euclid(1_000_000_000)))
            };
            [split(&x)?, split(&y)?]
        }
        (None, None) => [(0, libc::UTIME_NOW); 2],
    };
    if let Some(mut ram) = ram::of(t)
        && p.fd.is_none_or(ram::is_ours)
    {
        return done(t, &p, ram.set_times(dir, &p.path, p.fd, stamps).map(|()| 0));
    }
    p.permit_write(t)?;
    kernel::set_times(dir, &p.path, p.fd, stamps, flags).map(|()| Value::NONE).map_err(|e| p.error(t, e))
}
