//! Copies of the process, and other programs in its place.

use super::process::permit_process;
use super::{fail, permit_state};
use crate::kernel::actions::{Actions, Attributes};
use crate::kernel::{Sys, spawn};
use crate::subprocess::encoded;
use crate::thread::{injected, start, turns};
use crate::world::{self, Also};
use crate::{kernel, signal, sys};
use std::cell::RefCell;
use std::ffi::CString;
use typhon_object::list::List;
use typhon_object::native::{MethodDef, def};
use typhon_object::tuple::{self, Tuple};
use typhon_object::types::{exceptions, int};
use typhon_object::{Res, Thread, Value, call, convert, crossing, error, names, ops, type_of};

pub(super) const TABLE: &[MethodDef] = &[
    def(
        "fork",
        "($module, /)",
        fork,
        "Fork a child process.\n\nReturn 0 to child process and PID of child to parent process.",
    ),
    def("forkpty", "($module, /)", forkpty, "Fork a new process with a new pseudo-terminal as controlling tty."),
    def(
        "register_at_fork",
        "($module, /, *, before=None, after_in_child=None, after_in_parent=None)",
        register_at_fork,
        "Register callables to be called when forking a new process.",
    ),
    def(
        "execv",
        "($module, path, argv, /)",
        execv,
        "Execute an executable path with arguments, replacing current process.",
    ),
    def(
        "execve",
        "($module, /, path, argv, env)",
        execve,
        "Execute an executable path with arguments, replacing current process.",
    ),
    def("system", "($module, /, command)", system, "Execute the command in a subshell."),
    def(
        "posix_spawn",
        "($module, path, argv, env, /, *, file_actions=(), setpgroup=None, resetids=False, setsid=False, setsigmask=(), setsigdef=(), scheduler=None)",
        |t, a| posix_spawn(t, a, false),
        "Execute the program specified by path in a new process.",
    ),
    def(
        "posix_spawnp",
        "($module, path, argv, env, /, *, file_actions=(), setpgroup=None, resetids=False, setsid=False, setsigmask=(), setsigdef=(), scheduler=None)",
        |t, a| posix_spawn(t, a, true),
        "Execute the program specified by path in a new process.",
    ),
];

/// What runs around a fork, in order of registration.
#[derive(Default)]
pub struct Hooks {
    before: RefCell<Vec<Value>>,
    child: RefCell<Vec<Value>>,
    parent: RefCell<Vec<Value>>,
}

fn register_at_fork(t: &Thread, a: &[Value]) -> Res {
    let given: Vec<_> = a.iter().map(Value::non_none).collect();
    if given.iter().all(Option::is_none) {
        return Err(error::type_error(t, "At least one argument is required."));
    }
    for (v, name) in given.iter().zip(["before", "after_in_child", "after_in_parent"]) {
        if let Some(v) = v
            && !call::is_callable(v)
        {
            let ty = type_of(v).name();
            return Err(error::type_error(t, format_args!("'{name}' must be callable, not {ty}")));
        }
    }
    let hooks = t.state::<Hooks>();
    for (v, list) in given.into_iter().zip([&hooks.before, &hooks.child, &hooks.parent]) {
        list.borrow_mut().extend(v.cloned());
    }
    Ok(Value::NONE)
}

fn run(t: &Thread, hooks: Vec<Value>) {
    for hook in hooks {
        if let Err(e) = call::call0(t, &hook) {
            sys::unraisable(t, e, "Exception ignored in at-fork hook", Some(&hook));
        }
    }
}

/// Runs the hooks before a fork: last registered, first run.
pub fn before_fork(t: &Thread) {
    let mut hooks = t.state::<Hooks>().before.borrow().clone();
    hooks.reverse();
    run(t, hooks);
}

/// Runs the hooks after a fork.
pub fn after_fork(t: &Thread, in_child: bool) {
    let state = t.state::<Hooks>();
    if in_child {
        turns::forked(t);
        start::forked(t);
        injected::forked(t);
        crate::isolates::forked(t);
        crate::import::forked(t);
        signal::forget();
    }
    let hooks = if in_child { state.child.borrow().clone() } else { state.parent.borrow().clone() };
    run(t, hooks);
}

/// Asks for a copy of the process that goes on running Python: only where the whole process is the guest's.
pub fn permit_fork(t: &Thread) -> Res<()> {
    permit_process(t)?;
    permit_state(t)?;
    if t.state::<sys::Settings>().finalizing.get() {
        let e = &exceptions::PYTHON_FINALIZATION_ERROR;
        return Err(error::new(t, e, "can't fork at interpreter shutdown"));
    }
    Ok(())
}

/// Says in the parent that its other threads are not in the child.
fn warn_of_threads(t: &Thread, child: i32, function: &str) -> Res<()> {
    if child <= 0 || turns::alive(t).is_empty() {
        return Ok(());
    }
    let me = std::process::id();
    let text =
        format!("This process (pid={me}) is multi-threaded, use of {function}() may lead to deadlocks in the child.");
    (t.hooks.warn)(t, &exceptions::DEPRECATION_WARNING.ty().value(), &text, 1)
}

fn fork(t: &Thread, _: &[Value]) -> Res {
    permit_fork(t)?;
    before_fork(t);
    let pid = copy(t);
    after_fork(t, pid == Ok(0));
    warn_of_threads(t, pid.unwrap_or(0), "fork")?;
    Ok(Value::small(pid.map_err(|e| fail(t, e))?.into()))
}

/// Copies the process, to run Python in the copy. That has this thread only: no other may be in the middle of anything.
pub fn copy(t: &Thread) -> Sys<i32> {
    t.end_solo();
    t.alone(|| turns::copying(t, || crossing::copying(spawn::fork), |pid| *pid == Ok(0)))
}

fn forkpty(t: &Thread, _: &[Value]) -> Res {
    permit_fork(t)?;
    before_fork(t);
    let fork = || crossing::copying(kernel::terminal::fork_with_terminal);
    t.end_solo();
    let made = t.alone(|| turns::copying(t, fork, |made| matches!(made, Ok((0, _)))));
    after_fork(t, matches!(made, Ok((0, _))));
    warn_of_threads(t, made.as_ref().map_or(0, |(pid, _)| *pid), "forkpty")?;
    let (pid, fd) = made.map_err(|e| fail(t, e))?;
    tuple::from_array(t, [Value::small(pid.into()), Value::small(fd.into())])
}

/// A user or group id: -1 leaves it alone.
pub fn id(t: &Thread, v: &Value, what: &str) -> Res<u32> {
    let not_int = || {
        let name = type_of(v).name();
        error::type_error(t, format_args!("{what} should be integer, not {name}"))
    };
    if !int::is_int(v) && type_of(v).slots().index.is_none() {
        return Err(not_int());
    }
    let v = convert::to_index(t, v)?;
    match int::to_i64(&v) {
        Some(-1) => Ok(u32::MAX),
        Some(n) if n >= 0 && n < i64::from(u32::MAX) => Ok(n as u32),
        Some(n) if n < 0 => Err(error::overflow_error(t, format_args!("{what} is less than minimum"))),
        None if int::is_negative(&v) => Err(error::overflow_error(t, format_args!("{what} is less than minimum"))),
        _ => Err(error::overflow_error(t, format_args!("{what} is greater than maximum"))),
    }
}

/// `argv`, a tuple or list that is not empty.
fn arguments(t: &Thread, v: &Value, kind: &str, empty: &str, first: &str) -> Res<Vec<CString>> {
    let items = match (v.downcast::<Tuple>(), v.downcast::<List>()) {
        (Some(items), _) => items.items().to_vec(),
        (None, Some(_)) => ops::collect(t, v)?,
        (None, None) => return Err(error::type_error(t, kind)),
    };
    if items.is_empty() {
        return Err(error::value_error(t, empty));
    }
    let out = items.iter().map(|item| encoded(t, item)).collect::<Res<Vec<_>>>()?;
    if out[0].is_empty() {
        return Err(error::value_error(t, first));
    }
    Ok(out)
}

/// A mapping as an environment.
fn environment(t: &Thread, v: &Value) -> Res<Vec<CString>> {
    let keys = call::method(t, v, &names::intern_static("keys"), &[])?;
    let values = call::method(t, v, &names::intern_static("values"), &[])?;
    let (keys, values) = (ops::collect(t, &keys)?, ops::collect(t, &values)?);
    let mut out = Vec::with_capacity(keys.len());
    for (key, value) in keys.iter().zip(&values) {
        let key = encoded(t, key)?.into_bytes();
        if key.is_empty() || key[1..].contains(&b'=') {
            return Err(error::value_error(t, "illegal environment variable name"));
        }
        let line = [&key[..], b"=", encoded(t, value)?.as_bytes()].concat();
        out.push(CString::new(line).unwrap_or_default());
    }
    Ok(out)
}

fn execv(t: &Thread, a: &[Value]) -> Res {
    let p = world::path_arg(t, &a[0], "execv", "path", Also::Nothing)?;
    let args = arguments(
        t,
        &a[1],
        "execv() arg 2 must be a tuple or list",
        "execv() arg 2 must not be empty",
        "execv() arg 2 first element cannot be empty",
    )?;
    permit_fork(t)?;
    let e = spawn::exec(&p.path, &args, None);
    Err(fail(t, e))
}

fn execve(t: &Thread, a: &[Value]) -> Res {
    let p = world::path_arg(t, &a[0], "execve", "path", Also::Fd)?;
    let args = arguments(
        t,
        &a[1],
        "execve: argv must be a tuple or list",
        "execve: argv must not be empty",
        "execve: argv first element cannot be empty",
    )?;
    if type_of(&a[2]).slots().getitem.is_none() {
        return Err(error::type_error(t, "execve: environment must be a mapping object"));
    }
    let env = environment(t, &a[2])?;
    permit_fork(t)?;
    let e = match p.fd {
        Some(fd) => spawn::exec_fd(fd, &args, &env),
        None => spawn::exec(&p.path, &args, Some(&env)),
    };
    Err(p.error(t, e))
}

/// `system(command)`: the shell, waited for with an eye on limits and signals.
fn system(t: &Thread, a: &[Value]) -> Res {
    let command = encoded(t, &a[0])?;
    permit_fork(t)?;
    let args = vec![c"sh".into(), c"-c".into(), command];
    let none = [-1; 3];
    let plan = spawn::Plan {
        programs: vec![c"/bin/sh".into()],
        args,
        env: None,
        cwd: None,
        pipes: spawn::Pipes { child: none, parent: none, error_read: -1, error_write: -1 },
        keep: Vec::new(),
        close: false,
        restore_signals: false,
        session: false,
        group: None,
        gid: None,
        groups: None,
        uid: None,
        umask: None,
    };
    let pid = spawn::start(&plan, spawn::fork, None).map_err(|e| fail(t, e))?;
    let (_, status, _) = super::process::wait_for(t, pid, 0)?;
    // A shell that could not be started is reported as the shell would report a command that could not.
    let status = if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 255 { 127 << 8 } else { status };
    Ok(Value::small(status.into()))
}

/// One of `posix_spawn`'s file actions.
fn file_action(t: &Thread, v: &Value, into: &mut Actions) -> Res<()> {
    let shape = || error::type_error(t, "Each file_actions element must be a non-empty tuple");
    let Some([kind, rest @ ..]) = v.downcast::<Tuple>().map(Tuple::items) else { return Err(shape()) };
    if !int::is_int(kind) {
        return Err(error::type_error(t, "Unknown file_actions identifier"));
    }
    let wrong = |what: &str| error::type_error(t, format_args!("A {what}"));
    let done = match (convert::to_i64(t, kind)?, rest) {
        (0, [fd, path, flags, mode]) => {
            let fd = convert::to_i32(t, fd)?;
            let p = world::path_arg(t, path, "posix_spawn", "path", Also::Nothing)?;
            into.open(fd, p.path, convert::to_i32(t, flags)?, convert::to_i64(t, mode)? as u32)
        }
        (0, _) => return Err(wrong("open file_action tuple must have 5 elements")),
        (1, [fd]) => into.close(convert::to_i32(t, fd)?),
        (1, _) => return Err(wrong("close file_action tuple must have 2 elements")),
        (2, [from, to]) => into.dup2(convert::to_i32(t, from)?, convert::to_i32(t, to)?),
        (2, _) => return Err(wrong("dup2 file_action tuple must have 3 elements")),
        (3, [fd]) => into.close_from(convert::to_i32(t, fd)?),
        (3, _) => return Err(wrong("closefrom file_action tuple must have 2 elements")),
        _ => return Err(error::type_error(t, "Unknown file_actions identifier")),
    };
    done.map_err(|e| fail(t, e))
}

fn spawn_attributes(t: &Thread, a: &[Value]) -> Res<Attributes> {
    let mut out = Attributes::default();
    if let Some(group) = a[4].non_none() {
        out.group = Some(convert::to_i32(t, group)?);
    }
    out.reset_ids = a[5].opt().map_or(Ok(false), |v| convert::to_bool(t, v))?;
    out.session = a[6].opt().map_or(Ok(false), |v| convert::to_bool(t, v))?;
    if let Some(mask) = a[7].opt() {
        out.mask = Some(signal::signals_of(t, mask)?).filter(|m| !m.is_empty());
    }
    if let Some(set) = a[8].opt() {
        out.defaults = Some(signal::signals_of(t, set)?).filter(|m| !m.is_empty());
    }
    if let Some(scheduler) = a[9].non_none() {
        let Some([policy, param]) = scheduler.downcast::<Tuple>().map(Tuple::items) else {
            return Err(error::type_error(t, "A scheduler tuple must have two elements"));
        };
        let policy = policy.non_none().map(|p| convert::to_i32(t, p)).transpose()?;
        out.scheduler = Some((policy, super::system::priority_of(t, param)?));
    }
    Ok(out)
}

fn posix_spawn(t: &Thread, a: &[Value], search: bool) -> Res {
    let name = if search { "posix_spawnp" } else { "posix_spawn" };
    let p = world::path_arg(t, &a[0], name, "path", Also::Nothing)?;
    let args = arguments(
        t,
        &a[1],
        &format!("{name}: argv must be a tuple or list"),
        &format!("{name}: argv must not be empty"),
        &format!("{name}: argv first element cannot be empty"),
    )?;
    let env = match a[2].non_none() {
        None => None,
        Some(env) if type_of(env).slots().getitem.is_none() => {
            let text = format!("{name}: environment must be a mapping object or None");
            return Err(error::type_error(t, text));
        }
        Some(env) => Some(environment(t, env)?),
    };
    let mut actions = Actions::new().map_err(|e| fail(t, e))?;
    if let Some(list) = a[3].non_none() {
        for item in ops::collect(t, list)? {
            file_action(t, &item, &mut actions)?;
        }
    }
    let attributes = spawn_attributes(t, a)?;
    permit_process(t)?;
    let pid = actions.spawn(&p.path, &args, env.as_deref(), &attributes, search).map_err(|e| p.error(t, e))?;
    Ok(Value::small(pid.into()))
}
