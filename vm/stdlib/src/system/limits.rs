//! `resource`: what the process used, and what it may use.

use super::{consts, fail, numbers};
use crate::kernel::{self, ids};
use crate::posix::process::{RUSAGE, rusage};
use crate::world;
use typhon_interp::host::Access;
use typhon_object::dict::Dict;
use typhon_object::names;
use typhon_object::native::{ModuleDef, def};
use typhon_object::tuple;
use typhon_object::types::{exceptions, int, module};
use typhon_object::{Res, Thread, Value, convert, error, ops};

/// `resource`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "resource",
    doc: "",
    functions: &[
        def("getrusage", "($module, who, /)", getrusage, ""),
        def("getrlimit", "($module, resource, /)", |t, a| limit(t, 0, &a[0], None), ""),
        def(
            "setrlimit",
            "($module, resource, limits, /)",
            |t, a| limit(t, 0, &a[0], Some(&a[1])).map(|_| Value::NONE),
            "",
        ),
        def(
            "prlimit",
            "($module, pid, resource, limits=None, /)",
            |t, a| limit(t, convert::to_i32(t, &a[0])?, &a[1], a[2].non_none()),
            "",
        ),
        def(
            "getpagesize",
            "($module, /)",
            |t, _| convert::from_i64(t, kernel::sysconf(libc::_SC_PAGESIZE).unwrap_or(4096)),
            "",
        ),
    ],
    types: &[("struct_rusage", RUSAGE.def)],
    init: Some(init),
};

fn init(t: &Thread, m: &Value) -> Res<()> {
    numbers(t, m, consts::RESOURCE)?;
    let dict = module::dict_of(t, m);
    Dict::of(&dict).set_str(t, &names::intern_static("error"), exceptions::OS_ERROR.ty().value())
}

fn getrusage(t: &Thread, a: &[Value]) -> Res {
    let who = convert::to_i32(t, &a[0])?;
    match ids::usage(who) {
        Ok(u) => rusage(t, &u),
        Err(libc::EINVAL) => Err(error::value_error(t, "invalid who parameter")),
        Err(e) => Err(fail(t, e)),
    }
}

fn number(t: &Thread, v: &Value) -> Res<u64> {
    let v = convert::to_index(t, v)?;
    if int::is_negative(&v) {
        // -1, RLIM_INFINITY as Python has it.
        return match int::to_i64(&v) {
            Some(-1) => Ok(u64::MAX),
            _ => Err(error::value_error(t, "Cannot convert negative int")),
        };
    }
    int::to_u64(&v).ok_or_else(|| error::overflow_error(t, "Python int too large to convert to C rlim_t"))
}

fn shown(t: &Thread, n: u64) -> Res {
    if n == u64::MAX { Ok(Value::small(-1)) } else { convert::from_u64(t, n) }
}

fn limit(t: &Thread, pid: i32, which: &Value, new: Option<&Value>) -> Res {
    let which = convert::to_i32(t, which)?;
    if !(0..16).contains(&which) {
        return Err(error::value_error(t, "invalid resource specified"));
    }
    let new = match new {
        None => None,
        Some(v) => {
            let items = ops::collect(t, v)?;
            let [soft, hard] = &items[..] else {
                return Err(error::value_error(t, "expected a tuple of 2 integers"));
            };
            Some((number(t, soft)?, number(t, hard)?))
        }
    };
    if pid != 0 || new.is_some() {
        world::permit(t, Access::ProcessState, None)?;
    }
    match ids::limit(pid, which as u32, new) {
        Ok((soft, hard)) => tuple::from_array(t, [shown(t, soft)?, shown(t, hard)?]),
        Err(libc::EINVAL) => Err(error::value_error(t, "current limit exceeds maximum limit")),
        Err(libc::EPERM) if pid == 0 => Err(error::value_error(t, "not allowed to raise maximum limit")),
        Err(e) => Err(fail(t, e)),
    }
}
