//! `posix`: what `os` is made of.

use crate::kernel;
use crate::world::{self, Also, PathArg};
use typhon_interp::host::Access;
use typhon_object::dict::Dict;
use typhon_object::names;
use typhon_object::native::{ModuleDef, def};
use typhon_object::types::{bytes, exceptions, int, module};
use typhon_object::{Exc, Res, Thread, Value, convert, error, strs, type_of};

mod consts;
mod descriptors;
mod dirs;
mod info;
mod paths;
mod pathtext;
mod process;
mod stat;

pub use dirs::{DIR_ENTRY, SCANDIR_ITERATOR};

/// `posix`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "posix",
    doc: "This module provides access to operating system functionality that is\nstandardized by the C Standard and the POSIX standard (a thinly\ndisguised Unix interface).",
    functions: &[
        // Paths.
        def(
            "stat",
            "($module, /, path, *, dir_fd=None, follow_symlinks=True)",
            stat::stat,
            "Perform a stat system call on the given path.",
        ),
        def(
            "lstat",
            "($module, /, path, *, dir_fd=None)",
            stat::lstat,
            "Perform a stat system call on the given path, without following symbolic links.",
        ),
        def("fstat", "($module, /, fd)", stat::fstat, "Perform a stat system call on the given file descriptor."),
        def("statvfs", "($module, /, path)", stat::statvfs, "Perform a statvfs system call on the given path."),
        def("fstatvfs", "($module, fd, /)", stat::statvfs, "Perform an fstatvfs system call on the given fd."),
        def(
            "access",
            "($module, /, path, mode, *, dir_fd=None, effective_ids=False, follow_symlinks=True)",
            paths::access,
            "Use the real uid/gid to test for access to a path.",
        ),
        def("chdir", "($module, /, path)", paths::chdir, "Change the current working directory to the specified path."),
        def("fchdir", "($module, /, fd)", paths::chdir, "Change to the directory of the given file descriptor."),
        def(
            "chmod",
            "($module, /, path, mode, *, dir_fd=None, follow_symlinks=True)",
            paths::chmod,
            "Change the access permissions of a file.",
        ),
        def(
            "fchmod",
            "($module, /, fd, mode)",
            paths::fchmod,
            "Change the access permissions of the file given by file descriptor fd.",
        ),
        def(
            "chown",
            "($module, /, path, uid, gid, *, dir_fd=None, follow_symlinks=True)",
            paths::chown,
            "Change the owner and group id of path to the numeric uid and gid.",
        ),
        def(
            "fchown",
            "($module, /, fd, uid, gid)",
            paths::fchown,
            "Change the owner and group id of the file specified by file descriptor.",
        ),
        def(
            "lchown",
            "($module, /, path, uid, gid)",
            paths::lchown,
            "Change the owner and group id of path without following symbolic links.",
        ),
        def(
            "getcwd",
            "($module, /)",
            |t, _| paths::getcwd(t, false),
            "Return a unicode string representing the current working directory.",
        ),
        def(
            "getcwdb",
            "($module, /)",
            |t, _| paths::getcwd(t, true),
            "Return a bytes string representing the current working directory.",
        ),
        def(
            "link",
            "($module, /, src, dst, *, src_dir_fd=None, dst_dir_fd=None, follow_symlinks=True)",
            paths::link,
            "Create a hard link to a file.",
        ),
        def(
            "symlink",
            "($module, /, src, dst, target_is_directory=False, *, dir_fd=None)",
            paths::symlink,
            "Create a symbolic link pointing to src named dst.",
        ),
        def(
            "readlink",
            "($module, /, path, *, dir_fd=None)",
            paths::readlink,
            "Return a string representing the path to which the symbolic link points.",
        ),
        def("mkdir", "($module, /, path, mode=511, *, dir_fd=None)", paths::mkdir, "Create a directory."),
        def(
            "mkfifo",
            "($module, /, path, mode=438, *, dir_fd=None)",
            paths::mkfifo,
            "Create a \"fifo\" (a POSIX named pipe).",
        ),
        def(
            "mknod",
            "($module, /, path, mode=384, device=0, *, dir_fd=None)",
            paths::mknod,
            "Create a node in the file system.",
        ),
        def(
            "rmdir",
            "($module, /, path, *, dir_fd=None)",
            |t, a| paths::remove(t, a, "rmdir", libc::AT_REMOVEDIR),
            "Remove a directory.",
        ),
        def(
            "unlink",
            "($module, /, path, *, dir_fd=None)",
            |t, a| paths::remove(t, a, "unlink", 0),
            "Remove a file (same as remove()).",
        ),
        def(
            "remove",
            "($module, /, path, *, dir_fd=None)",
            |t, a| paths::remove(t, a, "remove", 0),
            "Remove a file (same as unlink()).",
        ),
        def(
            "rename",
            "($module, /, src, dst, *, src_dir_fd=None, dst_dir_fd=None)",
            |t, a| paths::rename(t, a, "rename"),
            "Rename a file or directory.",
        ),
        def(
            "replace",
            "($module, /, src, dst, *, src_dir_fd=None, dst_dir_fd=None)",
            |t, a| paths::rename(t, a, "replace"),
            "Rename a file or directory, overwriting the destination.",
        ),
        def(
            "truncate",
            "($module, /, path, length)",
            paths::truncate,
            "Truncate a file, specified by path, to a specific length.",
        ),
        def(
            "utime",
            "($module, /, path, times=None, *, ns=(), dir_fd=None, follow_symlinks=True)",
            paths::utime,
            "Set the access and modified time of path.",
        ),
        def(
            "listdir",
            "($module, /, path=None)",
            dirs::listdir,
            "Return a list containing the names of the files in the directory.",
        ),
        def(
            "scandir",
            "($module, /, path=None)",
            dirs::scandir,
            "Return an iterator of DirEntry objects for given path.",
        ),
        def(
            "fspath",
            "($module, /, path)",
            |t, a| world::fspath(t, &a[0]),
            "Return the file system path representation of the object.",
        ),
        def(
            "_path_normpath",
            "($module, /, path)",
            pathtext::normpath,
            "Normalize path, eliminating double slashes, etc.",
        ),
        def(
            "_path_splitroot_ex",
            "($module, path, /)",
            pathtext::splitroot,
            "Split a pathname into drive, root and tail.",
        ),
        // Descriptors.
        def(
            "open",
            "($module, /, path, flags, mode=511, *, dir_fd=None)",
            descriptors::open,
            "Open a file for low level IO.  Returns a file descriptor (integer).",
        ),
        def("close", "($module, /, fd)", descriptors::close, "Close a file descriptor."),
        def(
            "closerange",
            "($module, fd_low, fd_high, /)",
            descriptors::closerange,
            "Closes all file descriptors in [fd_low, fd_high), ignoring errors.",
        ),
        def(
            "read",
            "($module, fd, length, /)",
            descriptors::read,
            "Read from a file descriptor.  Returns a bytes object.",
        ),
        def(
            "readinto",
            "($module, fd, buffer, /)",
            descriptors::readinto,
            "Read into a buffer object from a file descriptor.",
        ),
        def(
            "pread",
            "($module, fd, length, offset, /)",
            descriptors::pread,
            "Read a number of bytes from a file descriptor starting at a particular offset.",
        ),
        def(
            "readv",
            "($module, fd, buffers, /)",
            descriptors::readv,
            "Read from a file descriptor fd into an iterable of buffers.",
        ),
        def("write", "($module, fd, data, /)", descriptors::write, "Write a bytes object to a file descriptor."),
        def(
            "pwrite",
            "($module, fd, buffer, offset, /)",
            descriptors::pwrite,
            "Write bytes to a file descriptor starting at a particular offset.",
        ),
        def(
            "writev",
            "($module, fd, buffers, /)",
            descriptors::writev,
            "Iterate over buffers, and write the contents of each to a file descriptor.",
        ),
        def(
            "lseek",
            "($module, fd, position, whence, /)",
            descriptors::lseek,
            "Set the position of a file descriptor.  Return the new position.",
        ),
        def(
            "ftruncate",
            "($module, fd, length, /)",
            descriptors::ftruncate,
            "Truncate a file, specified by file descriptor, to a specific length.",
        ),
        def(
            "fsync",
            "($module, /, fd)",
            |t, a| descriptors::simple(t, &a[0], kernel::fsync),
            "Force write of fd to disk.",
        ),
        def(
            "fdatasync",
            "($module, /, fd)",
            |t, a| descriptors::simple(t, &a[0], kernel::fdatasync),
            "Force write of fd to disk without forcing update of metadata.",
        ),
        def("dup", "($module, fd, /)", descriptors::dup, "Return a duplicate of a file descriptor."),
        def("dup2", "($module, /, fd, fd2, inheritable=True)", descriptors::dup2, "Duplicate file descriptor."),
        def("pipe", "($module, /)", |t, _| descriptors::pipe(t, libc::O_CLOEXEC), "Create a pipe."),
        def(
            "pipe2",
            "($module, flags, /)",
            |t, a| descriptors::pipe(t, convert::to_i32(t, &a[0])?),
            "Create a pipe with flags set atomically.",
        ),
        def(
            "isatty",
            "($module, fd, /)",
            |t, a| Ok(Value::bool(kernel::isatty(number(t, &a[0])?))),
            "Return True if the fd is connected to a terminal.",
        ),
        def(
            "get_blocking",
            "($module, fd, /)",
            descriptors::get_blocking,
            "Get the blocking mode of the file descriptor.",
        ),
        def(
            "set_blocking",
            "($module, fd, blocking, /)",
            descriptors::set_blocking,
            "Set the blocking mode of the specified file descriptor.",
        ),
        def(
            "get_inheritable",
            "($module, fd, /)",
            descriptors::get_inheritable,
            "Get the close-on-exe flag of the specified file descriptor.",
        ),
        def(
            "set_inheritable",
            "($module, fd, inheritable, /)",
            descriptors::set_inheritable,
            "Set the inheritable flag of the specified file descriptor.",
        ),
        def(
            "lockf",
            "($module, fd, command, length, /)",
            descriptors::lockf,
            "Apply, test or remove a POSIX lock on an open file descriptor.",
        ),
        def(
            "sendfile",
            "($module, /, out_fd, in_fd, offset, count)",
            descriptors::sendfile,
            "Copy count bytes from file descriptor in_fd to file descriptor out_fd.",
        ),
        def(
            "copy_file_range",
            "($module, /, src, dst, count, offset_src=None, offset_dst=None)",
            descriptors::copy_file_range,
            "Copy count bytes from one file descriptor to another.",
        ),
        def("memfd_create", "($module, /, name, flags=1)", descriptors::memfd_create, ""),
        def(
            "eventfd",
            "($module, /, initval, flags=524288)",
            descriptors::eventfd,
            "Creates and returns an event notification file descriptor.",
        ),
        def("posix_fallocate", "($module, fd, offset, length, /)", descriptors::fallocate, ""),
        def("posix_fadvise", "($module, fd, offset, length, advice, /)", descriptors::fadvise, ""),
        def(
            "device_encoding",
            "($module, /, fd)",
            descriptors::device_encoding,
            "Return a string describing the encoding of a terminal's file descriptor.",
        ),
        // Processes.
        def("getpid", "($module, /)", |t, _| plain(t, kernel::getpid()), "Return the current process id."),
        def("getppid", "($module, /)", |t, _| plain(t, kernel::getppid()), "Return the parent's process id."),
        def("getuid", "($module, /)", |t, _| plain(t, kernel::getuid()), "Return the current process's user id."),
        def(
            "geteuid",
            "($module, /)",
            |t, _| plain(t, kernel::geteuid()),
            "Return the current process's effective user id.",
        ),
        def("getgid", "($module, /)", |t, _| plain(t, kernel::getgid()), "Return the current process's group id."),
        def(
            "getegid",
            "($module, /)",
            |t, _| plain(t, kernel::getegid()),
            "Return the current process's effective group id.",
        ),
        def(
            "getpgid",
            "($module, /, pid)",
            |t, a| plain(t, kernel::getpgid(convert::to_i32(t, &a[0])?)),
            "Call the system call getpgid(), and return the result.",
        ),
        def("getpgrp", "($module, /)", |t, _| plain(t, kernel::getpgid(0)), "Return the current process group id."),
        def(
            "getsid",
            "($module, pid, /)",
            |t, a| plain(t, kernel::getsid(convert::to_i32(t, &a[0])?)),
            "Call the system call getsid(pid) and return the result.",
        ),
        def(
            "setsid",
            "($module, /)",
            |t, _| {
                process::permit_process(t)?;
                plain(t, kernel::setsid()).map(|_| Value::NONE)
            },
            "Call the system call setsid().",
        ),
        def("setpgid", "($module, pid, pgrp, /)", process::setpgid, "Call the system call setpgid(pid, pgrp)."),
        def(
            "nice",
            "($module, increment, /)",
            process::nice,
            "Add increment to the priority of process and return the new priority.",
        ),
        def(
            "umask",
            "($module, mask, /)",
            process::umask,
            "Set the current numeric umask and return the previous umask.",
        ),
        def("kill", "($module, pid, signal, /)", process::kill, "Kill a process with a signal."),
        def("killpg", "($module, pgid, signal, /)", process::killpg, "Kill a process group with a signal."),
        def("fork", "($module, /)", process::fork, "Fork a child process."),
        def("waitpid", "($module, pid, options, /)", process::waitpid, "Wait for completion of a given child process."),
        def("wait", "($module, /)", process::wait, "Wait for completion of a child process."),
        def("wait3", "($module, /, options)", process::wait3, "Wait for completion of a child process."),
        def("wait4", "($module, /, pid, options)", process::wait4, "Wait for completion of a specific child process."),
        def("WIFEXITED", "($module, /, status)", |t, a| process::status(t, a, |s| Value::bool(libc::WIFEXITED(s))), ""),
        def(
            "WEXITSTATUS",
            "($module, /, status)",
            |t, a| process::status(t, a, |s| Value::small(libc::WEXITSTATUS(s).into())),
            "",
        ),
        def(
            "WIFSIGNALED",
            "($module, /, status)",
            |t, a| process::status(t, a, |s| Value::bool(libc::WIFSIGNALED(s))),
            "",
        ),
        def(
            "WTERMSIG",
            "($module, /, status)",
            |t, a| process::status(t, a, |s| Value::small(libc::WTERMSIG(s).into())),
            "",
        ),
        def(
            "WIFSTOPPED",
            "($module, /, status)",
            |t, a| process::status(t, a, |s| Value::bool(libc::WIFSTOPPED(s))),
            "",
        ),
        def(
            "WSTOPSIG",
            "($module, /, status)",
            |t, a| process::status(t, a, |s| Value::small(libc::WSTOPSIG(s).into())),
            "",
        ),
        def(
            "WIFCONTINUED",
            "($module, /, status)",
            |t, a| process::status(t, a, |s| Value::bool(libc::WIFCONTINUED(s))),
            "",
        ),
        def("WCOREDUMP", "($module, status, /)", |t, a| process::status(t, a, |s| Value::bool(libc::WCOREDUMP(s))), ""),
        def(
            "waitstatus_to_exitcode",
            "($module, /, status)",
            process::exitcode,
            "Convert a wait status to an exit code.",
        ),
        def(
            "_exit",
            "($module, /, status)",
            process::exit,
            "Exit to the system with specified status, without normal exit processing.",
        ),
        def("abort", "($module, /)", process::abort, "Abort the interpreter immediately."),
        def("putenv", "($module, name, value, /)", process::putenv, "Change or add an environment variable."),
        def("unsetenv", "($module, name, /)", process::unsetenv, "Delete an environment variable."),
        def("_create_environ", "($module, /)", |t, _| process::environ(t), "Create the environment dictionary."),
        def(
            "register_at_fork",
            "($module, /, *, before=None, after_in_child=None, after_in_parent=None)",
            |_, _| Ok(Value::NONE),
            "",
        ),
        def(
            "pidfd_open",
            "($module, /, pid, flags=0)",
            process::pidfd_open,
            "Return a file descriptor referring to the process *pid*.",
        ),
        // The system.
        def("uname", "($module, /)", info::uname, "Return an object identifying the current operating system."),
        def("times", "($module, /)", info::times, "Return a collection containing process timing information."),
        def("cpu_count", "($module, /)", info::cpu_count, "Return the number of logical CPUs in the system."),
        def(
            "sched_getaffinity",
            "($module, pid, /)",
            info::affinity,
            "Return the affinity of the process identified by pid.",
        ),
        def(
            "sched_yield",
            "($module, /)",
            |t, _| plain(t, kernel::sched_yield()).map(|_| Value::NONE),
            "Voluntarily relinquish the CPU.",
        ),
        def(
            "sched_get_priority_max",
            "($module, /, policy)",
            |t, a| plain(t, kernel::priority_max(convert::to_i32(t, &a[0])?)),
            "",
        ),
        def(
            "sched_get_priority_min",
            "($module, /, policy)",
            |t, a| plain(t, kernel::priority_min(convert::to_i32(t, &a[0])?)),
            "",
        ),
        def("getloadavg", "($module, /)", info::loadavg, "Return average recent system load information."),
        def(
            "get_terminal_size",
            "($module, fd=1, /)",
            info::terminal_size,
            "Return the size of the terminal window as (columns, lines).",
        ),
        def("getlogin", "($module, /)", info::getlogin, "Return the actual login name."),
        def("getgroups", "($module, /)", info::getgroups, "Return list of supplemental group IDs for the process."),
        def(
            "urandom",
            "($module, size, /)",
            info::urandom,
            "Return a bytes object containing random bytes suitable for cryptographic use.",
        ),
        def("getrandom", "($module, /, size, flags=0)", info::urandom, "Obtain a series of random bytes."),
        def("strerror", "($module, code, /)", info::strerror, "Translate an error code to a message string."),
        def("sysconf", "($module, name, /)", info::sysconf, "Return an integer-valued system configuration variable."),
        def("confstr", "($module, name, /)", info::confstr, "Return a string-valued system configuration variable."),
        def(
            "pathconf",
            "($module, /, path, name)",
            info::pathconf,
            "Return the configuration limit name for the file or directory path.",
        ),
        def(
            "fpathconf",
            "($module, fd, name, /)",
            info::pathconf,
            "Return the configuration limit name for the file descriptor fd.",
        ),
        def(
            "major",
            "($module, device, /)",
            |t, a| Ok(Value::small(libc::major(convert::to_u64(t, &a[0])?).into())),
            "Extracts a device major number from a raw device number.",
        ),
        def(
            "minor",
            "($module, device, /)",
            |t, a| Ok(Value::small(libc::minor(convert::to_u64(t, &a[0])?).into())),
            "Extracts a device minor number from a raw device number.",
        ),
        def(
            "makedev",
            "($module, major, minor, /)",
            info::makedev,
            "Composes a raw device number from the major and minor device numbers.",
        ),
        def(
            "ctermid",
            "($module, /)",
            |t, _| strs::new(t, "/dev/tty"),
            "Return the name of the controlling terminal for this process.",
        ),
        def("_inputhook", "($module, /)", |_, _| Ok(Value::NONE), ""),
        def("_is_inputhook_installed", "($module, /)", |_, _| Ok(Value::FALSE), ""),
    ],
    types: &[
        ("stat_result", stat::STAT_RESULT.def),
        ("statvfs_result", stat::STATVFS_RESULT.def),
        ("terminal_size", info::TERMINAL_SIZE.def),
        ("times_result", info::TIMES_RESULT.def),
        ("uname_result", info::UNAME_RESULT.def),
        ("sched_param", info::SCHED_PARAM.def),
        ("DirEntry", &DIR_ENTRY),
        ("ScandirIterator", &SCANDIR_ITERATOR),
        ("_rusage", process::RUSAGE.def),
    ],
    init: Some(init),
};

fn init(t: &Thread, m: &Value) -> Res<()> {
    let dict = module::dict_of(t, m);
    let dict = Dict::of(&dict);
    for (name, value) in consts::NUMBERS {
        dict.set_str(t, &names::intern_static(name), convert::from_i64(t, *value)?)?;
    }
    for (name, table) in
        [("pathconf_names", consts::PATHCONF), ("confstr_names", consts::CONFSTR), ("sysconf_names", consts::SYSCONF)]
    {
        let made = Dict::create(t);
        for (key, value) in table {
            Dict::of(&made).set_str(t, &names::intern_static(key), Value::small(*value))?;
        }
        dict.set_str(t, &names::intern_static(name), made)?;
    }
    let have = consts::HAVE.iter().map(|h| names::intern_static(h)).collect();
    dict.set_str(t, &names::intern_static("_have_functions"), typhon_object::list::List::from_vec(t, have)?)?;
    dict.set_str(t, &names::intern_static("error"), exceptions::OS_ERROR.ty().value())?;
    dict.set_str(t, &names::intern_static("environ"), process::environ(t)?)
}

/// The OSError of an errno.
fn fail(t: &Thread, errno: i32) -> Exc {
    error::os_error(t, errno, None, None)
}

/// A call's number.
fn plain(t: &Thread, r: kernel::Sys<i64>) -> Res {
    convert::from_i64(t, r.map_err(|e| fail(t, e))?)
}

/// A descriptor argument: an int.
fn number(t: &Thread, v: &Value) -> Res<i32> {
    convert::to_i32(t, v)
}

/// A `dir_fd` argument.
fn dir_fd(t: &Thread, v: &Value) -> Res<i32> {
    match v.non_none() {
        None => Ok(libc::AT_FDCWD),
        Some(v) if int::is_int(v) || type_of(v).slots().index.is_some() => world::fd_number(t, v),
        Some(v) => {
            let name = type_of(v).name();
            Err(error::type_error(t, format_args!("argument should be integer or None, not {name}")))
        }
    }
}

/// A flag argument that is true unless given.
fn flag(t: &Thread, v: &Value, default: bool) -> Res<bool> {
    v.opt().map_or(Ok(default), |v| convert::to_bool(t, v))
}

/// The name of the directory that a relative path starts from is not the host's to know, so the path is asked for as
/// given.
fn path(t: &Thread, v: &Value, function: &str) -> Res<PathArg> {
    world::path_arg(t, v, function, "path", Also::Nothing)
}

/// Asks for what belongs to the process.
fn permit_state(t: &Thread) -> Res<()> {
    world::permit(t, Access::ProcessState, None)
}

/// A bytes object.
fn data(t: &Thread, from: &[u8]) -> Res {
    bytes::new(t, from)
}
