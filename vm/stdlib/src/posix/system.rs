//! Who the process is and how it is scheduled: ids, groups, priorities, and its terminal.

use super::descriptors::own;
use super::exec::id;
use super::info::SCHED_PARAM;
use super::{data, fail, number, permit_state, plain};
use crate::kernel::{self, Sys, ids, spawn, terminal};
use crate::world::{self, Also};
use typhon_object::list::List;
use typhon_object::native::{MethodDef, def};
use typhon_object::tuple::{self, Tuple};
use typhon_object::types::structseq as ss;
use typhon_object::{Res, Thread, Value, convert, error, ops, type_of};

pub(super) const TABLE: &[MethodDef] = &[
    def(
        "setuid",
        "($module, uid, /)",
        |t, a| set(t, a, ["uid"], |[u]| ids::setuid(u)),
        "Set the current process's user id.",
    ),
    def(
        "seteuid",
        "($module, euid, /)",
        |t, a| set(t, a, ["euid"], |[u]| ids::seteuid(u)),
        "Set the current process's effective user id.",
    ),
    def(
        "setgid",
        "($module, gid, /)",
        |t, a| set(t, a, ["gid"], |[g]| ids::setgid(g)),
        "Set the current process's group id.",
    ),
    def(
        "setegid",
        "($module, egid, /)",
        |t, a| set(t, a, ["egid"], |[g]| ids::setegid(g)),
        "Set the current process's effective group id.",
    ),
    def(
        "setreuid",
        "($module, ruid, euid, /)",
        |t, a| set(t, a, ["ruid", "euid"], |[r, e]| ids::setreuid(r, e)),
        "Set the current process's real and effective user ids.",
    ),
    def(
        "setregid",
        "($module, rgid, egid, /)",
        |t, a| set(t, a, ["rgid", "egid"], |[r, e]| ids::setregid(r, e)),
        "Set the current process's real and effective group ids.",
    ),
    def(
        "setresuid",
        "($module, ruid, euid, suid, /)",
        |t, a| set(t, a, ["ruid", "euid", "suid"], |[r, e, s]| ids::setresuid(r, e, s)),
        "Set the current process's real, effective, and saved user ids.",
    ),
    def(
        "setresgid",
        "($module, rgid, egid, sgid, /)",
        |t, a| set(t, a, ["rgid", "egid", "sgid"], |[r, e, s]| ids::setresgid(r, e, s)),
        "Set the current process's real, effective, and saved group ids.",
    ),
    def(
        "getresuid",
        "($module, /)",
        |t, _| three(t, ids::getresuid()),
        "Return a tuple of the current process's real, effective, and saved user ids.",
    ),
    def(
        "getresgid",
        "($module, /)",
        |t, _| three(t, ids::getresgid()),
        "Return a tuple of the current process's real, effective, and saved group ids.",
    ),
    def("setgroups", "($module, groups, /)", set_groups, "Set the groups of the current process to list."),
    def("initgroups", "($module, username, gid, /)", init_groups, "Initialize the group access list."),
    def("getgrouplist", "($module, user, group, /)", group_list, "Returns a list of groups to which a user belongs."),
    def(
        "setpgrp",
        "($module, /)",
        |t, _| {
            permit_state(t)?;
            plain(t, kernel::setpgid(0, 0)).map(|_| Value::NONE)
        },
        "Make the current process the leader of its process group.",
    ),
    def("getpriority", "($module, /, which, who)", get_priority, "Return program scheduling priority."),
    def("setpriority", "($module, /, which, who, priority)", set_priority, "Set program scheduling priority."),
    def(
        "sched_getscheduler",
        "($module, pid, /)",
        |t, a| plain(t, ids::scheduler(number(t, &a[0])?)),
        "Get the scheduling policy for the process identified by pid.",
    ),
    def(
        "sched_getparam",
        "($module, pid, /)",
        get_param,
        "Returns scheduling parameters for the process identified by pid.",
    ),
    def(
        "sched_setscheduler",
        "($module, pid, policy, param, /)",
        set_scheduler,
        "Set the scheduling policy for the process identified by pid.",
    ),
    def(
        "sched_setparam",
        "($module, pid, param, /)",
        set_param,
        "Set scheduling parameters for the process identified by pid.",
    ),
    def(
        "sched_rr_get_interval",
        "($module, pid, /)",
        |t, a| {
            let s = ids::round(number(t, &a[0])?).map_err(|e| fail(t, e))?;
            convert::from_f64(t, s)
        },
        "Return the round-robin quantum for the process identified by pid, in seconds.",
    ),
    def(
        "sched_setaffinity",
        "($module, pid, mask, /)",
        set_affinity,
        "Set the CPU affinity of the process identified by pid to mask.",
    ),
    def(
        "sync",
        "($module, /)",
        |_, _| {
            ids::sync();
            Ok(Value::NONE)
        },
        "Force write of everything to disk.",
    ),
    def("chroot", "($module, /, path)", chroot, "Change root directory to path."),
    def("openpty", "($module, /)", openpty, "Open a pseudo-terminal."),
    def(
        "login_tty",
        "($module, fd, /)",
        |t, a| {
            permit_state(t)?;
            none(t, terminal::log_in(world::fileno(t, &a[0])?))
        },
        "Prepare the tty of which fd is a file descriptor for a new login session.",
    ),
    def(
        "posix_openpt",
        "($module, oflag, /)",
        |t, a| {
            permit_state(t)?;
            let fd = terminal::open_master(number(t, &a[0])? | libc::O_CLOEXEC);
            plain(t, fd.map(i64::from))
        },
        "Open and return a file descriptor for a master pseudo-terminal device.",
    ),
    def(
        "grantpt",
        "($module, fd, /)",
        |t, a| none(t, terminal::grant(world::fileno(t, &a[0])?)),
        "Grant access to the slave pseudo-terminal device.",
    ),
    def(
        "unlockpt",
        "($module, fd, /)",
        |t, a| none(t, terminal::unlock(world::fileno(t, &a[0])?)),
        "Unlock a pseudo-terminal master/slave pair.",
    ),
    def(
        "ptsname",
        "($module, fd, /)",
        |t, a| name(t, terminal::slave_name(world::fileno(t, &a[0])?)),
        "Return the name of the slave pseudo-terminal device.",
    ),
    def(
        "ttyname",
        "($module, fd, /)",
        |t, a| name(t, terminal::name(own(t, &a[0])?)),
        "Return the name of the terminal device connected to 'fd'.",
    ),
    def(
        "tcgetpgrp",
        "($module, fd, /)",
        |t, a| plain(t, terminal::group(own(t, &a[0])?)),
        "Return the process group associated with the terminal specified by fd.",
    ),
    def(
        "tcsetpgrp",
        "($module, fd, pgid, /)",
        |t, a| none(t, terminal::set_group(own(t, &a[0])?, number(t, &a[1])?).map(drop)),
        "Set the process group associated with the terminal specified by fd.",
    ),
    def(
        "unshare",
        "($module, /, flags)",
        |t, a| {
            permit_state(t)?;
            none(t, ids::unshare(number(t, &a[0])?).map(drop))
        },
        "Disassociate parts of a process (or thread) execution context.",
    ),
    def(
        "setns",
        "($module, /, fd, nstype=0)",
        |t, a| {
            permit_state(t)?;
            let kind = a[1].opt().map_or(Ok(0), |v| number(t, v))?;
            none(t, ids::setns(world::fileno(t, &a[0])?, kind).map(drop))
        },
        "Move the calling thread into different namespaces.",
    ),
];

fn none(t: &Thread, r: Sys<()>) -> Res {
    r.map(|()| Value::NONE).map_err(|e| fail(t, e))
}

fn name(t: &Thread, r: Sys<Vec<u8>>) -> Res {
    world::fs_decode(t, &r.map_err(|e| fail(t, e))?)
}

fn set<const N: usize>(t: &Thread, a: &[Value], names: [&str; N], f: impl FnOnce([u32; N]) -> Sys<i64>) -> Res {
    let mut out = [0; N];
    for ((to, v), name) in out.iter_mut().zip(a).zip(names) {
        *to = id(t, v, if name.contains('u') { "uid" } else { "gid" })?;
    }
    permit_state(t)?;
    plain(t, f(out)).map(|_| Value::NONE)
}

fn three(t: &Thread, r: Sys<[u32; 3]>) -> Res {
    let ids = r.map_err(|e| fail(t, e))?;
    tuple::from_array(t, ids.map(|id| Value::small(id.into())))
}

fn set_groups(t: &Thread, a: &[Value]) -> Res {
    let groups = ops::collect(t, &a[0])?;
    if groups.len() > 65_536 {
        return Err(error::value_error(t, "too many groups"));
    }
    let groups = groups.iter().map(|g| id(t, g, "gid")).collect::<Res<Vec<_>>>()?;
    permit_state(t)?;
    none(t, spawn::set_groups(&groups))
}

fn init_groups(t: &Thread, a: &[Value]) -> Res {
    let user = world::path_arg(t, &a[0], "initgroups", "username", Also::Nothing)?;
    let group = id(t, &a[1], "gid")?;
    permit_state(t)?;
    none(t, ids::init_groups(&user.path, group).map(drop))
}

fn group_list(t: &Thread, a: &[Value]) -> Res {
    let user = world::path_arg(t, &a[0], "getgrouplist", "user", Also::Nothing)?;
    let group = id(t, &a[1], "gid")?;
    permit_state(t)?;
    let list = ids::group_list(&user.path, group).map_err(|e| fail(t, e))?;
    List::from_vec(t, list.into_iter().map(|g| Value::small(g.into())).collect())
}

fn get_priority(t: &Thread, a: &[Value]) -> Res {
    plain(t, ids::priority(number(t, &a[0])?, convert::to_i64(t, &a[1])? as u32))
}

fn set_priority(t: &Thread, a: &[Value]) -> Res {
    let (which, who, to) = (number(t, &a[0])?, convert::to_i64(t, &a[1])? as u32, number(t, &a[2])?);
    permit_state(t)?;
    none(t, ids::set_priority(which, who, to).map(drop))
}

/// The priority of an `os.sched_param`.
pub(super) fn priority_of(t: &Thread, v: &Value) -> Res<i32> {
    if !type_of(v).is_subtype(SCHED_PARAM.def.ty()) {
        return Err(error::type_error(t, "must have a sched_param object"));
    }
    let Some([priority]) = v.downcast::<Tuple>().map(Tuple::items) else {
        return Err(error::type_error(t, "must have a sched_param object"));
    };
    match convert::to_i32(t, priority) {
        Err(e) if e.is(&typhon_object::types::exceptions::OVERFLOW_ERROR) => {
            Err(error::overflow_error(t, "sched_priority out of range"))
        }
        r => r,
    }
}

fn get_param(t: &Thread, a: &[Value]) -> Res {
    let priority = ids::param(number(t, &a[0])?).map_err(|e| fail(t, e))?;
    ss::new(t, &SCHED_PARAM, vec![Value::small(priority.into())])
}

fn set_scheduler(t: &Thread, a: &[Value]) -> Res {
    let (pid, policy, priority) = (number(t, &a[0])?, number(t, &a[1])?, priority_of(t, &a[2])?);
    permit_state(t)?;
    none(t, ids::set_scheduler(pid, policy, priority))
}

fn set_param(t: &Thread, a: &[Value]) -> Res {
    let (pid, priority) = (number(t, &a[0])?, priority_of(t, &a[1])?);
    permit_state(t)?;
    none(t, ids::set_param(pid, priority))
}

fn set_affinity(t: &Thread, a: &[Value]) -> Res {
    let pid = number(t, &a[0])?;
    let mut cpus = Vec::new();
    for item in ops::collect(t, &a[1])? {
        if !typhon_object::types::int::is_int(&item) {
            let name = type_of(&item).name();
            return Err(error::type_error(
                t,
                format_args!("expected an iterator of ints, but iterator yielded '{name}'"),
            ));
        }
        let n = convert::to_i64(t, &item)?;
        if n < 0 {
            return Err(error::value_error(t, "negative CPU number"));
        }
        if n > i64::from(i32::MAX) - 1 {
            return Err(error::overflow_error(t, "CPU number too large"));
        }
        cpus.push(n as usize);
    }
    permit_state(t)?;
    none(t, ids::set_affinity(pid, &cpus))
}

fn chroot(t: &Thread, a: &[Value]) -> Res {
    let p = super::path(t, &a[0], "chroot")?;
    permit_state(t)?;
    ids::chroot(&p.path).map(|_| Value::NONE).map_err(|e| p.error(t, e))
}

fn openpty(t: &Thread, _: &[Value]) -> Res {
    permit_state(t)?;
    let [master, slave] = terminal::open_pair().map_err(|e| fail(t, e))?;
    tuple::from_array(t, [Value::small(master.into()), Value::small(slave.into())])
}

/// `getrandom(size, flags)` is `urandom` with the kernel's own words for a size that is negative.
pub(super) fn getrandom(t: &Thread, a: &[Value]) -> Res {
    let n = convert::to_isize(t, &a[0])?;
    if n < 0 {
        return Err(fail(t, libc::EINVAL));
    }
    let Ok(n) = usize::try_from(n) else { return data(t, &[]) };
    t.check_alloc(n)?;
    let mut room = vec![0; n];
    world::host(t)?.entropy(&mut room).map_err(|e| world::host_error(t, e, None))?;
    data(t, &room)
}
