//! OSError: errno decides the subclass.

use super::{self as exc, Exception, base, field, fields};
use crate::args::Args;
use crate::convert;
use crate::error::Res;
use crate::native::{MethodDef, def};
use crate::ops;
use crate::slots::{InitFn, NewFn, Slots};
use crate::strs;
use crate::thread::Thread;
use crate::tuple;
use crate::ty::{TypeDef, TypeObject, type_of};
use crate::types::int;
use crate::value::Value;

pub(super) const SLOTS: Slots = Slots { new: Some(new), init: Some(init), str: Some(str), ..Slots::NONE };
pub(super) const METHODS: &[MethodDef] = &[def("__reduce__", "($self, /)", reduce, "")];

/// Which subclass an errno stands for.
static BY_ERRNO: &[(i32, &TypeDef)] = &[
    (libc::EAGAIN, &exc::BLOCKING_IO_ERROR),
    (libc::EALREADY, &exc::BLOCKING_IO_ERROR),
    (libc::EINPROGRESS, &exc::BLOCKING_IO_ERROR),
    (libc::EWOULDBLOCK, &exc::BLOCKING_IO_ERROR),
    (libc::EPIPE, &exc::BROKEN_PIPE_ERROR),
    (libc::ESHUTDOWN, &exc::BROKEN_PIPE_ERROR),
    (libc::ECHILD, &exc::CHILD_PROCESS_ERROR),
    (libc::ECONNABORTED, &exc::CONNECTION_ABORTED_ERROR),
    (libc::ECONNREFUSED, &exc::CONNECTION_REFUSED_ERROR),
    (libc::ECONNRESET, &exc::CONNECTION_RESET_ERROR),
    (libc::EEXIST, &exc::FILE_EXISTS_ERROR),
    (libc::ENOENT, &exc::FILE_NOT_FOUND_ERROR),
    (libc::EISDIR, &exc::IS_A_DIRECTORY_ERROR),
    (libc::ENOTDIR, &exc::NOT_A_DIRECTORY_ERROR),
    (libc::EINTR, &exc::INTERRUPTED_ERROR),
    (libc::EACCES, &exc::PERMISSION_ERROR),
    (libc::EPERM, &exc::PERMISSION_ERROR),
    (libc::ESRCH, &exc::PROCESS_LOOKUP_ERROR),
    (libc::ETIMEDOUT, &exc::TIMEOUT_ERROR),
];

/// A subclass that overrides `__init__` but not `__new__` gets its fields from `__init__`.
fn uses_init(ty: &TypeObject) -> bool {
    let own_init = ty.slots().init.is_some_and(|f| !std::ptr::fn_addr_eq(f, init as InitFn));
    own_init && ty.slots().new.is_some_and(|f| std::ptr::fn_addr_eq(f, new as NewFn))
}

fn new(t: &Thread, class: &Value, a: Args<'_>) -> Res {
    let ty = class.expect::<TypeObject>();
    if uses_init(ty) {
        return base::make(t, class, &[]);
    }
    a.no_keywords(t, &ty.name())?;
    let exact = std::ptr::eq(ty, exc::OS_ERROR.ty());
    let chosen = match a.values {
        [errno, _, ..] if exact && a.values.len() <= 5 => int::to_i64(errno)
            .and_then(|e| BY_ERRNO.iter().find(|(code, _)| i64::from(*code) == e))
            .map(|(_, def)| def.ty().value()),
        _ => None,
    };
    let v = base::make(t, chosen.as_ref().unwrap_or(class), a.values)?;
    fill(t, &v, a.values)?;
    Ok(v)
}

fn init(t: &Thread, v: &Value, a: Args<'_>) -> Res<()> {
    if !uses_init(type_of(v)) {
        return Ok(());
    }
    a.no_keywords(t, &type_of(v).name())?;
    base::put_args(t, v, a.values)?;
    fill(t, v, a.values)
}

/// Reads (errno, strerror, filename, winerror, filename2).
fn fill(t: &Thread, v: &Value, a: &[Value]) -> Res<()> {
    if !(2..=5).contains(&a.len()) {
        return Ok(());
    }
    fields::put(v, "errno", a[0].clone());
    fields::put(v, "strerror", a[1].clone());
    let Some(filename) = a.get(2).filter(|f| !f.is_none()) else { return Ok(()) };
    let blocking = std::ptr::eq(type_of(v), exc::BLOCKING_IO_ERROR.ty());
    if blocking && (int::is_int(filename) || type_of(filename).slots().index.is_some()) {
        let n = convert::to_isize(t, filename)?;
        fields::put(v, "characters_written", convert::from_i64(t, n as i64)?);
        return Ok(());
    }
    fields::put(v, "filename", filename.clone());
    if let Some(second) = a.get(4).filter(|f| !f.is_none()) {
        fields::put(v, "filename2", second.clone());
    }
    base::put_args(t, v, &a[..2])
}

fn str(t: &Thread, v: &Value) -> Res {
    let shown =
        |name: &str| -> Res<String> { Ok(strs::display(&ops::str(t, &field(v, name).unwrap_or(Value::NONE))?)) };
    if let Some(filename) = field(v, "filename") {
        let (errno, text, name) = (shown("errno")?, shown("strerror")?, ops::repr_text(t, &filename)?);
        if let Some(second) = field(v, "filename2") {
            let second = ops::repr_text(t, &second)?;
            return strs::new(t, &format!("[Errno {errno}] {text}: {name} -> {second}"));
        }
        return strs::new(t, &format!("[Errno {errno}] {text}: {name}"));
    }
    if field(v, "errno").is_some() && field(v, "strerror").is_some() {
        return strs::new(t, &format!("[Errno {}] {}", shown("errno")?, shown("strerror")?));
    }
    base::str(t, v)
}

/// The file names go back among the arguments.
fn reduce(t: &Thread, a: &[Value]) -> Res {
    let v = &a[0];
    let mut args = base::items(v);
    if args.len() == 2
        && let Some(filename) = field(v, "filename")
    {
        args.push(filename);
        if let Some(second) = field(v, "filename2") {
            args.push(Value::NONE);
            args.push(second);
        }
    }
    debug_assert!(v.downcast::<Exception>().is_some());
    let args = tuple::from_vec(t, args)?;
    base::reduce(t, v, args)
}
