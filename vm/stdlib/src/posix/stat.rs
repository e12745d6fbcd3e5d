//! The stat family.

use super::descriptors::own;
use super::{dir_fd, fail, flag};
use crate::kernel;
use crate::ram;
use crate::world::{self, Also, PathArg};
use typhon_object::structseq;
use typhon_object::types::{int, structseq as ss};
use typhon_object::{Res, Thread, Value, convert, error};

structseq! {
    /// `os.stat_result`.
    pub STAT_RESULT = "os.stat_result", "stat_result: Result from stat, fstat, or lstat.", flags 0, visible 10,
    complete |f| for i in 0..3 { if f[10 + i].is_none() { f[10 + i] = f[7 + i].clone(); } },
    [
        ("st_mode", "protection bits"), ("st_ino", "inode"), ("st_dev", "device"), ("st_nlink", "number of hard links"),
        ("st_uid", "user ID of owner"), ("st_gid", "group ID of owner"), ("st_size", "total size, in bytes"),
        ("", "integer time of last access"), ("", "integer time of last modification"), ("", "integer time of last change"),
        ("st_atime", "time of last access"), ("st_mtime", "time of last modification"), ("st_ctime", "time of last change"),
        ("st_atime_ns", "time of last access in nanoseconds"), ("st_mtime_ns", "time of last modification in nanoseconds"),
        ("st_ctime_ns", "time of last change in nanoseconds"), ("st_blksize", "blocksize for filesystem I/O"),
        ("st_blocks", "number of blocks allocated"), ("st_rdev", "device type (if inode device)"),
    ]
}

structseq! {
    /// `os.statvfs_result`.
    pub STATVFS_RESULT = "os.statvfs_result", "statvfs_result: Result from statvfs or fstatvfs.", flags 0, visible 10,
    complete |_| {},
    [
        ("f_bsize", ""), ("f_frsize", ""), ("f_blocks", ""), ("f_bfree", ""), ("f_bavail", ""), ("f_files", ""),
        ("f_ffree", ""), ("f_favail", ""), ("f_flag", ""), ("f_namemax", ""), ("f_fsid", ""),
    ]
}

/// A stat_result.
pub fn result(t: &Thread, st: &libc::stat) -> Res {
    let unsigned = |n: u64| convert::from_u64(t, n);
    let times = [(st.st_atime, st.st_atime_nsec), (st.st_mtime, st.st_mtime_nsec), (st.st_ctime, st.st_ctime_nsec)];
    let mut f = vec![
        unsigned(st.st_mode.into())?,
        unsigned(st.st_ino)?,
        unsigned(st.st_dev)?,
        unsigned(st.st_nlink)?,
        unsigned(st.st_uid.into())?,
        unsigned(st.st_gid.into())?,
        convert::from_i64(t, st.st_size)?,
    ];
    for (s, _) in times {
        f.push(convert::from_i64(t, s)?);
    }
    for (s, ns) in times {
        f.push(convert::from_f64(t, s as f64 + 1e-9 * ns as f64)?);
    }
    for (s, ns) in times {
        let whole = i128::from(s) * 1_000_000_000 + i128::from(ns);
        f.push(int::from_big(t, dashu_int::IBig::from(whole))?);
    }
    f.push(convert::from_i64(t, st.st_blksize)?);
    f.push(convert::from_i64(t, st.st_blocks)?);
    f.push(unsigned(st.st_rdev)?);
    ss::new(t, &STAT_RESULT, f)
}

/// What stat(2) says of a path argument.
pub fn of_path(t: &Thread, p: &PathArg, dir: i32, follow: bool) -> Res<kernel::Sys<libc::stat>> {
    match (p.fd, ram::of(t)) {
        (None, Some(mut ram)) => return Ok(ram.stat(dir, &p.path)),
        (Some(fd), _) => return Ok(ram::fstat(t, fd)),
        (None, None) => {}
    }
    p.permit_read(t)?;
    Ok(kernel::stat_at(dir, &p.path, if follow { 0 } else { libc::AT_SYMLINK_NOFOLLOW }))
}

/// `stat(path, dir_fd, follow_symlinks)`.
pub fn stat(t: &Thread, a: &[Value]) -> Res {
    let p = world::path_arg(t, &a[0], "stat", "path", Also::Fd)?;
    let dir = dir_fd(t, &a[1])?;
    let follow = flag(t, &a[2], true)?;
    if p.fd.is_some() && dir != libc::AT_FDCWD {
        return Err(error::value_error(t, "stat: can't specify dir_fd without matching path"));
    }
    if p.fd.is_some() && !follow {
        return Err(error::value_error(t, "stat: cannot use fd and follow_symlinks together"));
    }
    let st = of_path(t, &p, dir, follow)?.map_err(|e| p.error(t, e))?;
    result(t, &st)
}

/// `lstat(path, dir_fd)`.
pub fn lstat(t: &Thread, a: &[Value]) -> Res {
    let p = world::path_arg(t, &a[0], "lstat", "path", Also::Nothing)?;
    let st = of_path(t, &p, dir_fd(t, &a[1])?, false)?.map_err(|e| p.error(t, e))?;
    result(t, &st)
}

/// `fstat(fd)`.
pub fn fstat(t: &Thread, a: &[Value]) -> Res {
    let st = ram::fstat(t, own(t, &a[0])?).map_err(|e| fail(t, e))?;
    result(t, &st)
}

/// `statvfs(path)` and `fstatvfs(fd)`.
pub fn statvfs(t: &Thread, a: &[Value]) -> Res {
    let p = world::path_arg(t, &a[0], "statvfs", "path", Also::Fd)?;
    p.permit_read(t)?;
    let st = kernel::statvfs(&p.path, p.fd).map_err(|e| p.error(t, e))?;
    let numbers = [
        st.f_bsize,
        st.f_frsize,
        st.f_blocks,
        st.f_bfree,
        st.f_bavail,
        st.f_files,
        st.f_ffree,
        st.f_favail,
        st.f_flag,
        st.f_namemax,
        st.f_fsid,
    ];
    let fields = numbers.iter().map(|n| convert::from_u64(t, *n)).collect::<Res<_>>()?;
    ss::new(t, &STATVFS_RESULT, fields)
}
