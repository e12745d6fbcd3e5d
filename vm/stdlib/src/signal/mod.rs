//! `_signal`: what a signal means to the isolate that the process's signals belong to.
//!
//! The handler in `kernel::signals` notes a signal and raises the breaker; [`deliver`] runs the Python handlers at the
//! next poll. The first isolate whose host gives it the process has them all: to others, as to CPython's
//! subinterpreters, signals do not exist.

use crate::kernel::signals::{self as system, COUNT, Disposition};
use crate::thread::turns;
use crate::{frames, kernel, time, world};
use std::cell::{Cell, RefCell};
use std::time::Duration;
use typhon_interp::host::Access;
use typhon_object::breaker::reason;
use typhon_object::dict::Dict;
use typhon_object::names;
use typhon_object::native::{ModuleDef, def};
use typhon_object::tuple;
use typhon_object::types::{exceptions, int, module};
use typhon_object::{Exc, Res, Thread, Value, call, convert, error, ops, strs};

mod wait;

/// `_signal`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_signal",
    doc: "This module provides mechanisms to use signal handlers in Python.",
    functions: &[
        def("signal", "($module, signalnum, handler, /)", signal, "Set the action for the given signal."),
        def(
            "getsignal",
            "($module, signalnum, /)",
            |t, a| handler(t, number(t, &a[0])?),
            "Return the current action for the given signal.",
        ),
        def(
            "default_int_handler",
            "($module, signalnum, frame, /)",
            |t, _| Err(error::with_args(t, exceptions::KEYBOARD_INTERRUPT.ty(), &[])),
            "The default handler for SIGINT installed by Python.\n\nIt raises KeyboardInterrupt.",
        ),
        def("siginterrupt", "($module, signalnum, flag, /)", siginterrupt, "Change system call restart behaviour."),
        def(
            "set_wakeup_fd",
            "($module, fd, /, *, warn_on_full_buffer=True)",
            set_wakeup_fd,
            "Sets the fd to be written to (with the signal number) when a signal comes in.",
        ),
        def(
            "alarm",
            "($module, seconds, /)",
            alarm,
            "Arrange for SIGALRM to arrive after the given number of seconds.",
        ),
        def(
            "setitimer",
            "($module, which, seconds, interval=0.0, /)",
            setitimer,
            "Sets given itimer (one of ITIMER_REAL, ITIMER_VIRTUAL or ITIMER_PROF).",
        ),
        def("getitimer", "($module, which, /)", getitimer, "Returns current value of given itimer."),
        def("raise_signal", "($module, signalnum, /)", raise_signal, "Send a signal to the executing process."),
        def("strsignal", "($module, signalnum, /)", strsignal, "Return the system description of the given signal."),
        def(
            "valid_signals",
            "($module, /)",
            |t, _| wait::set_of(t, (1..COUNT).filter(|n| !(32..34).contains(n))),
            "Return a set of valid signal numbers on this platform.",
        ),
        def("pause", "($module, /)", wait::pause, "Wait until a signal arrives."),
        def(
            "pthread_sigmask",
            "($module, how, mask, /)",
            wait::mask,
            "Fetch and/or change the signal mask of the calling thread.",
        ),
        def("pthread_kill", "($module, thread_id, signalnum, /)", wait::pthread_kill, "Send a signal to a thread."),
        def("sigpending", "($module, /)", wait::pending, "Examine pending signals."),
        def("sigwait", "($module, sigset, /)", wait::sigwait, "Wait for a signal."),
        def(
            "sigwaitinfo",
            "($module, sigset, /)",
            wait::sigwaitinfo,
            "Wait synchronously until one of the signals in *sigset* is delivered.",
        ),
        def(
            "sigtimedwait",
            "($module, sigset, timeout, /)",
            wait::sigtimedwait,
            "Like sigwaitinfo(), but with a timeout.",
        ),
        def(
            "pidfd_send_signal",
            "($module, pidfd, signalnum, siginfo=None, flags=0, /)",
            wait::pidfd_send_signal,
            "Send a signal to a process referred to by a pid file descriptor.",
        ),
    ],
    types: &[("struct_siginfo", wait::SIGINFO.def)],
    init: Some(init),
};

const NUMBERS: &[(&str, i32)] = &[
    ("NSIG", COUNT),
    ("SIG_DFL", 0),
    ("SIG_IGN", 1),
    ("SIG_BLOCK", libc::SIG_BLOCK),
    ("SIG_UNBLOCK", libc::SIG_UNBLOCK),
    ("SIG_SETMASK", libc::SIG_SETMASK),
    ("ITIMER_REAL", 0),
    ("ITIMER_VIRTUAL", 1),
    ("ITIMER_PROF", 2),
    ("SIGHUP", libc::SIGHUP),
    ("SIGINT", libc::SIGINT),
    ("SIGQUIT", libc::SIGQUIT),
    ("SIGILL", libc::SIGILL),
    ("SIGTRAP", libc::SIGTRAP),
    ("SIGIOT", libc::SIGABRT),
    ("SIGABRT", libc::SIGABRT),
    ("SIGFPE", libc::SIGFPE),
    ("SIGKILL", libc::SIGKILL),
    ("SIGBUS", libc::SIGBUS),
    ("SIGSEGV", libc::SIGSEGV),
    ("SIGSYS", libc::SIGSYS),
    ("SIGPIPE", libc::SIGPIPE),
    ("SIGALRM", libc::SIGALRM),
    ("SIGTERM", libc::SIGTERM),
    ("SIGUSR1", libc::SIGUSR1),
    ("SIGUSR2", libc::SIGUSR2),
    ("SIGCLD", libc::SIGCHLD),
    ("SIGCHLD", libc::SIGCHLD),
    ("SIGPWR", libc::SIGPWR),
    ("SIGIO", libc::SIGIO),
    ("SIGURG", libc::SIGURG),
    ("SIGWINCH", libc::SIGWINCH),
    ("SIGPOLL", libc::SIGPOLL),
    ("SIGSTOP", libc::SIGSTOP),
    ("SIGTSTP", libc::SIGTSTP),
    ("SIGCONT", libc::SIGCONT),
    ("SIGTTIN", libc::SIGTTIN),
    ("SIGTTOU", libc::SIGTTOU),
    ("SIGVTALRM", libc::SIGVTALRM),
    ("SIGPROF", libc::SIGPROF),
    ("SIGXCPU", libc::SIGXCPU),
    ("SIGXFSZ", libc::SIGXFSZ),
    ("SIGRTMIN", 34),
    ("SIGRTMAX", 64),
    ("SIGSTKFLT", libc::SIGSTKFLT),
];

/// The isolate's handlers, by number; absent where the system was not asked yet.
pub struct Handlers {
    owner: Cell<bool>,
    table: RefCell<Vec<Value>>,
    default_int: RefCell<Value>,
    itimer_error: RefCell<Value>,
    warn_full: Cell<bool>,
}

impl Default for Handlers {
    fn default() -> Self {
        Self {
            owner: Cell::new(false),
            table: RefCell::new(vec![Value::ABSENT; COUNT as usize]),
            default_int: RefCell::default(),
            itimer_error: RefCell::default(),
            warn_full: Cell::new(true),
        }
    }
}

fn init(t: &Thread, m: &Value) -> Res<()> {
    let dict = module::dict_of(t, m);
    let d = Dict::of(&dict);
    for (name, n) in NUMBERS {
        d.set_str(t, &names::intern_static(name), Value::small(i64::from(*n)))?;
    }
    let (bases, body) = (tuple::from_array(t, [exceptions::OS_ERROR.ty().value()])?, Dict::create(t));
    Dict::of(&body).set_str(t, names::n::__module__(), names::intern_static("signal"))?;
    let name = names::intern_static("ItimerError");
    let class = typhon_object::types::type_::TYPE.ty().value();
    let made = call::call(t, &class, &[name.clone(), bases, body])?;
    d.set_str(t, &name, made.clone())?;
    let state = t.state::<Handlers>();
    state.itimer_error.replace(made);
    let default_int = d.get_str(&names::intern_static("default_int_handler")).unwrap_or_default();
    state.default_int.replace(default_int);
    Ok(())
}

/// Gives the process's signals to this isolate if nobody has them: SIGINT becomes KeyboardInterrupt.
pub fn take_over(t: &Thread) -> Res<()> {
    if world::host(t)?.permit(Access::ProcessState).is_err() || !system::claim(&turns::main_breaker(t)) {
        return Ok(());
    }
    t.state::<Handlers>().owner.set(true);
    t.state::<crate::isolate::Pending>().run.set(Some(deliver));
    let failed = |e| error::os_error(t, e, None, None);
    if system::disposition(libc::SIGINT).map_err(failed)? == Disposition::Default {
        system::set_noted(libc::SIGINT).map_err(failed)?;
    }
    // A file that grows too large is an error of the write, as in CPython; Rust's start has done so for SIGPIPE.
    system::set_ignored(libc::SIGXFSZ).map_err(failed)
}

/// Gives the signals back to the system, at the isolate's end.
pub fn restore(t: &Thread) {
    let Some(state) = t.get_state::<Handlers>().filter(|state| state.owner.get()) else { return };
    for n in 1..COUNT {
        if system::disposition(n) == Ok(Disposition::Noted) {
            // What could be set can be set back.
            let _ = system::set_default(n);
        }
    }
    let table = state.table.replace(vec![Value::ABSENT; COUNT as usize]);
    drop(table);
}

/// A child process starts with no signal noted.
pub fn forget() {
    for _ in system::take() {}
}

/// Runs the handlers of the signals that came.
pub fn deliver(t: &Thread) -> Res<()> {
    let state = t.state::<Handlers>();
    if !state.owner.get() {
        return Ok(());
    }
    if !turns::is_main(t) {
        turns::main_breaker(t).set(reason::PENDING);
        return Ok(());
    }
    if let Some(e) = system::take_wake_error()
        && (state.warn_full.get() || e != libc::EAGAIN)
    {
        let e = error::os_error(t, e, None, None);
        crate::sys::unraisable(t, e, "Exception ignored when trying to write to the signal wakeup fd", None);
    }
    let mut came = system::take();
    while let Some(n) = came.next() {
        if let Err(e) = handle(t, n) {
            came.for_each(system::note);
            return Err(e);
        }
    }
    Ok(())
}

/// Runs one signal's handler; without one, SIGINT is KeyboardInterrupt.
pub fn handle(t: &Thread, n: i32) -> Res<()> {
    let found = t.state::<Handlers>().table.borrow()[n as usize].clone();
    if found.is_absent() && n == libc::SIGINT {
        return Err(error::with_args(t, exceptions::KEYBOARD_INTERRUPT.ty(), &[]));
    }
    if found.is_absent() || found.is_none() || int::is_int(&found) {
        return Ok(());
    }
    let frame = frames::at(t, 0)?.unwrap_or(Value::NONE);
    call::call(t, &found, &[Value::small(n.into()), frame]).map(drop)
}

/// Notes a signal as if it had come: `_thread.interrupt_main`.
pub fn simulate(t: &Thread, n: i32) -> Res<()> {
    if t.state::<Handlers>().owner.get() {
        let set = handler(t, n)?;
        if !int::is_int(&set) {
            system::note(n);
        }
        return Ok(());
    }
    if n == libc::SIGINT { handle(t, n) } else { Ok(()) }
}

fn fail(t: &Thread, errno: i32) -> Exc {
    error::os_error(t, errno, None, None)
}

/// A signal's number.
fn number(t: &Thread, v: &Value) -> Res<i32> {
    match convert::to_i32(t, v)? {
        n if (1..COUNT).contains(&n) => Ok(n),
        _ => Err(error::value_error(t, "signal number out of range")),
    }
}

/// Asks for the process's signals.
fn permit(t: &Thread) -> Res<()> {
    world::permit(t, Access::ProcessState, None)
}

/// The handler in effect, as `getsignal` shows it.
fn handler(t: &Thread, n: i32) -> Res {
    let state = t.state::<Handlers>();
    let found = state.table.borrow()[n as usize].clone();
    if !found.is_absent() {
        return Ok(found);
    }
    if !state.owner.get() {
        return Ok(Value::small(0));
    }
    Ok(match system::disposition(n) {
        Ok(Disposition::Ignore) => Value::small(1),
        Ok(Disposition::Noted) => {
            if state.default_int.borrow().is_absent() {
                crate::import::module_named(t, "_signal")?;
            }
            state.default_int.borrow().clone()
        }
        // Rust's start watches these two for stack overflows; to a program they are as the system has them.
        Ok(Disposition::Other) if !matches!(n, libc::SIGSEGV | libc::SIGBUS) => Value::NONE,
        Ok(_) => Value::small(0),
        Err(_) => Value::NONE,
    })
}

fn signal(t: &Thread, a: &[Value]) -> Res {
    permit(t)?;
    let state = t.state::<Handlers>();
    if !state.owner.get() || !turns::is_main(t) {
        return Err(error::value_error(t, "signal only works in main thread of the main interpreter"));
    }
    let n = number(t, &a[0])?;
    let plain = if int::is_int(&a[1]) { int::to_i64(&a[1]) } else { None };
    let known = matches!(plain, Some(0 | 1));
    if !known && !call::is_callable(&a[1]) {
        return Err(error::type_error(
            t,
            "signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object",
        ));
    }
    // What came before is the old handler's.
    t.poll()?;
    let old = handler(t, n)?;
    let set = match plain {
        Some(0) => system::set_default(n),
        Some(1) => system::set_ignored(n),
        _ => system::set_noted(n),
    };
    set.map_err(|e| fail(t, e))?;
    let new = if known { Value::small(plain.unwrap_or(0)) } else { a[1].clone() };
    let replaced = std::mem::replace(&mut state.table.borrow_mut()[n as usize], new);
    drop(replaced);
    Ok(old)
}

fn siginterrupt(t: &Thread, a: &[Value]) -> Res {
    let n = number(t, &a[0])?;
    let interrupt = convert::to_i32(t, &a[1])? != 0;
    permit(t)?;
    system::set_restart(n, !interrupt).map(|()| Value::NONE).map_err(|e| fail(t, e))
}

fn set_wakeup_fd(t: &Thread, a: &[Value]) -> Res {
    let fd = convert::to_i32(t, &a[0])?;
    let warn = a[1].opt().map_or(Ok(true), |v| convert::to_bool(t, v))?;
    permit(t)?;
    let state = t.state::<Handlers>();
    if !state.owner.get() || !turns::is_main(t) {
        return Err(error::value_error(t, "set_wakeup_fd only works in main thread of the main interpreter"));
    }
    if fd != -1 {
        kernel::fstat(fd).map_err(|e| fail(t, e))?;
        let flags = kernel::get_flags(fd).map_err(|e| fail(t, e))?;
        if flags & libc::O_NONBLOCK == 0 {
            return Err(error::value_error(t, format_args!("the fd {fd} must be in non-blocking mode")));
        }
    }
    state.warn_full.set(warn);
    Ok(Value::small(system::set_wake(fd).into()))
}

fn alarm(t: &Thread, a: &[Value]) -> Res {
    let seconds = convert::to_i32(t, &a[0])?;
    permit(t)?;
    Ok(Value::small(system::alarm(seconds as u32).into()))
}

fn itimer_error(t: &Thread, errno: i32) -> Exc {
    let e = error::os_error(t, errno, None, None);
    let class = t.state::<Handlers>().itimer_error.borrow().clone();
    match call::call(t, &class, &error::args_of(&e)) {
        Ok(made) => Exc::new(made),
        Err(e) => e,
    }
}

fn interval(t: &Thread, v: &Value) -> Res<Duration> {
    let ns = time::duration(t, v)?;
    let Ok(ns) = u64::try_from(ns) else { return Err(itimer_error(t, libc::EINVAL)) };
    // A microsecond is the least, and nothing but zero means never.
    Ok(Duration::from_micros(ns.div_ceil(1000)))
}

fn pair(t: &Thread, old: (Duration, Duration)) -> Res {
    tuple::from_array(t, [convert::from_f64(t, old.0.as_secs_f64())?, convert::from_f64(t, old.1.as_secs_f64())?])
}

fn setitimer(t: &Thread, a: &[Value]) -> Res {
    let which = convert::to_i32(t, &a[0])?;
    let first = interval(t, &a[1])?;
    let next = a[2].opt().map_or(Ok(Duration::ZERO), |v| interval(t, v))?;
    permit(t)?;
    let old = system::timer(which as u32, Some((first, next))).map_err(|e| itimer_error(t, e))?;
    pair(t, old)
}

fn getitimer(t: &Thread, a: &[Value]) -> Res {
    let which = convert::to_i32(t, &a[0])?;
    let now = system::timer(which as u32, None).map_err(|e| itimer_error(t, e))?;
    pair(t, now)
}

fn raise_signal(t: &Thread, a: &[Value]) -> Res {
    let n = convert::to_i32(t, &a[0])?;
    permit(t)?;
    world::permit(t, Access::Process, None)?;
    kernel::raise(n).map_err(|e| fail(t, e))?;
    t.poll()?;
    Ok(Value::NONE)
}

fn strsignal(t: &Thread, a: &[Value]) -> Res {
    match system::describe(number(t, &a[0])?) {
        Some(text) => strs::new(t, &text),
        None => Ok(Value::NONE),
    }
}

/// The signals of an iterable.
pub fn signals_of(t: &Thread, v: &Value) -> Res<Vec<i32>> {
    let mut out = Vec::new();
    for item in ops::collect(t, v)? {
        let n = convert::to_index(t, &item)?;
        match int::to_i64(&n) {
            Some(n) if (1..i64::from(COUNT)).contains(&n) => {
                if (32..34).contains(&n) {
                    let text = format!("invalid signal number {n}, please use valid_signals()");
                    (t.hooks.warn)(t, &exceptions::RUNTIME_WARNING.ty().value(), &text, 1)?;
                }
                out.push(n as i32);
            }
            _ => {
                let n = strs::display(&ops::repr(t, &n)?);
                return Err(error::value_error(t, format_args!("signal number {n} out of range [1; {}]", COUNT - 1)));
            }
        }
    }
    Ok(out)
}
