//! What the system is like.

use super::{consts, data, fail};
use crate::kernel;
use crate::world::{self, Also};
use typhon_object::list::List;
use typhon_object::strs::{self, Str};
use typhon_object::structseq;
use typhon_object::tuple;
use typhon_object::types::{int, set_, structseq as ss};
use typhon_object::{Res, Thread, Value, convert, error};

structseq! {
    /// `os.terminal_size`.
    pub TERMINAL_SIZE = "os.terminal_size", "A tuple of (columns, lines) for holding terminal window size", flags 0, visible 2,
    complete |_| {},
    [("columns", "width of the terminal window in characters"), ("lines", "height of the terminal window in characters")]
}
structseq! {
    /// `os.times_result`.
    pub TIMES_RESULT = "posix.times_result", "times_result: Result from os.times().", flags 0, visible 5, complete |_| {},
    [
        ("user", "user time"), ("system", "system time"), ("children_user", "user time of children"),
        ("children_system", "system time of children"), ("elapsed", "elapsed time since an arbitrary point in the past"),
    ]
}
structseq! {
    /// `os.uname_result`.
    pub UNAME_RESULT = "posix.uname_result", "uname_result: Result from os.uname().", flags 0, visible 5, complete |_| {},
    [
        ("sysname", "operating system name"), ("nodename", "name of machine on network (implementation-defined)"),
        ("release", "operating system release"), ("version", "operating system version"), ("machine", "hardware identifier"),
    ]
}
structseq! {
    /// `os.sched_param`.
    pub SCHED_PARAM = "posix.sched_param", "Currently has only one field: sched_priority", flags 0, visible 1, complete |_| {},
    [("sched_priority", "the scheduling priority")]
}

/// `uname()`.
pub fn uname(t: &Thread, _: &[Value]) -> Res {
    let names = kernel::uname().map_err(|e| fail(t, e))?;
    let fields = names.iter().map(|n| strs::new(t, n)).collect::<Res<_>>()?;
    ss::new(t, &UNAME_RESULT, fields)
}

/// `times()`.
pub fn times(t: &Thread, _: &[Value]) -> Res {
    let tick = kernel::sysconf(libc::_SC_CLK_TCK).unwrap_or(100).max(1) as f64;
    let fields = kernel::times().iter().map(|n| convert::from_f64(t, *n as f64 / tick)).collect::<Res<_>>()?;
    ss::new(t, &TIMES_RESULT, fields)
}

/// `cpu_count()`.
pub fn cpu_count(_: &Thread, _: &[Value]) -> Res {
    Ok(match kernel::sysconf(libc::_SC_NPROCESSORS_ONLN) {
        Ok(n) if n > 0 => Value::small(n),
        _ => Value::NONE,
    })
}

/// `sched_getaffinity(pid)`.
pub fn affinity(t: &Thread, a: &[Value]) -> Res {
    let cpus = kernel::affinity(convert::to_i32(t, &a[0])?).map_err(|e| fail(t, e))?;
    let list = List::from_vec(t, cpus.into_iter().map(convert::from_usize).collect())?;
    typhon_object::call::call1(t, &set_::SET.ty().value(), &list)
}

/// `getloadavg()`.
pub fn loadavg(t: &Thread, _: &[Value]) -> Res {
    let Some(load) = kernel::load() else {
        return Err(error::new(t, &typhon_object::types::exceptions::OS_ERROR, "Load averages are unobtainable"));
    };
    let items = load.iter().map(|x| convert::from_f64(t, *x)).collect::<Res<_>>()?;
    tuple::from_vec(t, items)
}

/// `get_terminal_size(fd)`.
pub fn terminal_size(t: &Thread, a: &[Value]) -> Res {
    let fd = a[0].opt().map_or(Ok(1), |fd| convert::to_i32(t, fd))?;
    let (columns, lines) = kernel::window_size(fd).map_err(|e| fail(t, e))?;
    ss::new(t, &TERMINAL_SIZE, vec![Value::small(columns.into()), Value::small(lines.into())])
}

/// `getlogin()`.
pub fn getlogin(t: &Thread, _: &[Value]) -> Res {
    super::permit_state(t)?;
    match std::fs::read_to_string("/proc/self/loginuid").ok().and_then(|s| s.trim().parse::<u32>().ok()) {
        Some(id) if id != u32::MAX => {
            let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
            let id = id.to_string();
            let name = users.lines().find_map(|l| {
                let mut fields = l.split(':');
                let name = fields.next()?;
                (fields.nth(1)? == id).then_some(name)
            });
            name.map_or_else(|| Err(fail(t, libc::ENXIO)), |n| strs::new(t, n))
        }
        _ => Err(fail(t, libc::ENXIO)),
    }
}

/// `getgroups()`.
pub fn getgroups(t: &Thread, _: &[Value]) -> Res {
    let groups = kernel::groups().map_err(|e| fail(t, e))?;
    List::from_vec(t, groups.into_iter().map(|g| Value::small(g.into())).collect())
}

/// `urandom(size)`.
pub fn urandom(t: &Thread, a: &[Value]) -> Res {
    let Ok(n) = usize::try_from(convert::to_isize(t, &a[0])?) else {
        return Err(error::value_error(t, "negative argument not allowed"));
    };
    t.check_alloc(n)?;
    let mut room = vec![0; n];
    for part in room.chunks_mut(1 << 16) {
        t.poll()?;
        world::host(t)?.entropy(part).map_err(|e| world::host_error(t, e, None))?;
    }
    data(t, &room)
}

/// `strerror(code)`.
pub fn strerror(t: &Thread, a: &[Value]) -> Res {
    let code = convert::to_i32(t, &a[0])?;
    let text = std::io::Error::from_raw_os_error(code).to_string();
    strs::new(t, text.split(" (os error").next().unwrap_or_default())
}

fn named(t: &Thread, v: &Value, table: &[(&str, i64)]) -> Res<i32> {
    if int::is_int(v) {
        return convert::to_i32(t, v);
    }
    match v.downcast::<Str>() {
        Some(s) => match table.iter().find(|(name, _)| s.eq_text(name)) {
            Some((_, n)) => Ok(*n as i32),
            None => Err(error::value_error(t, "unrecognized configuration name")),
        },
        None => Err(error::type_error(t, "configuration names must be strings or integers")),
    }
}

/// `sysconf(name)`.
pub fn sysconf(t: &Thread, a: &[Value]) -> Res {
    super::plain(t, Ok(kernel::sysconf(named(t, &a[0], consts::SYSCONF)?).map_err(|e| fail(t, e))?))
}

/// `confstr(name)`.
pub fn confstr(t: &Thread, a: &[Value]) -> Res {
    match kernel::confstr(named(t, &a[0], consts::CONFSTR)?).map_err(|e| fail(t, e))? {
        Some(text) => world::fs_decode(t, &text),
        None => Ok(Value::NONE),
    }
}

/// `pathconf(path, name)` and `fpathconf(fd, name)`.
pub fn pathconf(t: &Thread, a: &[Value]) -> Res {
    let p = world::path_arg(t, &a[0], "pathconf", "path", Also::Fd)?;
    let name = named(t, &a[1], consts::PATHCONF)?;
    p.permit_read(t)?;
    let n = kernel::pathconf(&p.path, p.fd, name).map_err(|e| p.error(t, e))?;
    convert::from_i64(t, n)
}

/// `makedev(major, minor)`.
pub fn makedev(t: &Thread, a: &[Value]) -> Res {
    let (major, minor) = (convert::to_i64(t, &a[0])?, convert::to_i64(t, &a[1])?);
    convert::from_u64(t, libc::makedev(major as u32, minor as u32))
}
