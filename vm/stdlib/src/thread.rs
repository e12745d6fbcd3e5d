//! `_thread`: locks and what `threading` is made of. An isolate runs one thread, so starting another is refused.

use crate::kernel;
use crate::time;
use std::cell::Cell;
use std::time::{Duration, Instant};
use typhon_object::dict::Dict;
use typhon_object::header::Header;
use typhon_object::names;
use typhon_object::native::{ModuleDef, def, getter, raw};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs;
use typhon_object::structseq;
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{exceptions, module};
use typhon_object::{Args, Exc, Res, Thread, Value, attr, call, convert, error, payload};

structseq! {
    /// `_thread._ExceptHookArgs`.
    pub HOOK_ARGS = "_thread._ExceptHookArgs", "ExceptHookArgs - Type used to pass arguments to threading.excepthook.", flags 0,
    visible 4, complete |_| {},
    [("exc_type", "Exception type"), ("exc_value", "Exception value"), ("exc_traceback", "Exception traceback"), ("thread", "Thread")]
}

/// `_thread`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_thread",
    doc: "This module provides primitive operations to write multi-threaded programs.\nThe 'threading' module provides a more convenient interface.",
    functions: &[
        def("allocate_lock", "($module, /)", |t, _| new_lock(t), "Create a new lock object."),
        def("allocate", "($module, /)", |t, _| new_lock(t), "An obsolete synonym of allocate_lock()."),
        def(
            "get_ident",
            "($module, /)",
            |t, _| ident(t),
            "Return a non-zero integer that uniquely identifies the current thread.",
        ),
        def("_get_main_thread_ident", "($module, /)", |t, _| ident(t), "Internal only."),
        def(
            "get_native_id",
            "($module, /)",
            |t, _| convert::from_i64(t, kernel::gettid().unwrap_or(0)),
            "Return a non-negative integer identifying the thread as reported by the OS.",
        ),
        def(
            "_count",
            "($module, /)",
            |_, _| Ok(Value::small(0)),
            "Return the number of currently running Python threads.",
        ),
        def(
            "stack_size",
            "($module, size=0, /)",
            stack_size,
            "Return the thread stack size used when creating new threads.",
        ),
        raw(
            "start_new_thread",
            "($module, function, args, kwargs={}, /)",
            |t, _| Err(refuse(t)),
            "Start a new thread and return its identifier.",
        ),
        raw(
            "start_new",
            "($module, function, args, kwargs={}, /)",
            |t, _| Err(refuse(t)),
            "An obsolete synonym of start_new_thread().",
        ),
        raw(
            "start_joinable_thread",
            "($module, /, function, handle=None, daemon=True)",
            |t, _| Err(refuse(t)),
            "*For internal use only*: start a new thread.",
        ),
        def(
            "daemon_threads_allowed",
            "($module, /)",
            |_, _| Ok(Value::TRUE),
            "Return True if daemon threads are allowed in the current interpreter.",
        ),
        def(
            "_is_main_interpreter",
            "($module, /)",
            |_, _| Ok(Value::TRUE),
            "Return True if the current interpreter is the main Python interpreter.",
        ),
        def(
            "_make_thread_handle",
            "($module, ident, /)",
            |t, a| handle(t, a[0].clone(), false),
            "Internal only. Make a thread handle for threads not spawned by the _thread or threading module.",
        ),
        def(
            "_shutdown",
            "($module, /)",
            |_, _| Ok(Value::NONE),
            "Wait for all non-daemon threads (other than the calling thread) to stop.",
        ),
        def("_excepthook", "($module, exc_info, /)", excepthook, "Handle uncaught Thread.run() exception."),
        def(
            "interrupt_main",
            "($module, signum=2, /)",
            interrupt_main,
            "Simulate the arrival of the given signal in the main thread.",
        ),
        def(
            "exit",
            "($module, /)",
            |t, _| Err(error::with_args(t, exceptions::SYSTEM_EXIT.ty(), &[])),
            "This is synonymous to ``raise SystemExit''.",
        ),
        def(
            "exit_thread",
            "($module, /)",
            |t, _| Err(error::with_args(t, exceptions::SYSTEM_EXIT.ty(), &[])),
            "An obsolete synonym of exit().",
        ),
        def("set_name", "($module, /, name)", |_, _| Ok(Value::NONE), "Set the name of the current thread."),
        def("_get_name", "($module, /)", |t, _| strs::new(t, "python3"), "Get the name of the current thread."),
    ],
    types: &[
        ("lock", &LOCK),
        ("LockType", &LOCK),
        ("RLock", &RLOCK),
        ("_local", &LOCAL),
        ("_ThreadHandle", &THREAD_HANDLE),
        ("_ExceptHookArgs", HOOK_ARGS.def),
    ],
    init: Some(init),
};

/// Longest timeout, in seconds.
const TIMEOUT_MAX: f64 = 9_223_372_036.0;

fn init(t: &Thread, m: &Value) -> Res<()> {
    let dict = module::dict_of(t, m);
    let dict = Dict::of(&dict);
    dict.set_str(t, &names::intern_static("TIMEOUT_MAX"), convert::from_f64(t, TIMEOUT_MAX)?)?;
    dict.set_str(t, &names::intern_static("_NAME_MAXLEN"), Value::small(15))?;
    dict.set_str(t, &names::intern_static("error"), exceptions::RUNTIME_ERROR.ty().value())
}

fn refuse(t: &Thread) -> Exc {
    error::runtime_error(t, "can't start new thread")
}

fn ident(t: &Thread) -> Res {
    convert::from_i64(t, std::ptr::from_ref(t) as i64)
}

fn stack_size(t: &Thread, a: &[Value]) -> Res {
    let n = a[0].opt().map_or(Ok(0), |n| convert::to_isize(t, n))?;
    match n {
        n if n < 0 => Err(error::value_error(t, "size must be 0 or a positive value")),
        0 | 32_768.. => Ok(Value::small(0)),
        _ => Err(error::value_error(t, format_args!("size not valid: {n} bytes"))),
    }
}

fn interrupt_main(t: &Thread, a: &[Value]) -> Res {
    let signal = a[0].opt().map_or(Ok(libc::SIGINT), |n| convert::to_i32(t, n))?;
    if !(1..65).contains(&signal) {
        return Err(error::value_error(t, "signal number out of range"));
    }
    if signal == libc::SIGINT {
        return Err(error::with_args(t, exceptions::KEYBOARD_INTERRUPT.ty(), &[]));
    }
    Ok(Value::NONE)
}

fn excepthook(t: &Thread, a: &[Value]) -> Res {
    let Some([ty, value, traceback, thread]) = a[0].downcast::<Tuple>().map(Tuple::items) else {
        return Err(error::type_error(t, "_thread.excepthook argument type must be ExceptHookArgs"));
    };
    if ty.is(&exceptions::SYSTEM_EXIT.ty().value()) {
        return Ok(Value::NONE);
    }
    let sys = (t.hooks.import)(t, "sys")?;
    let file = attr::get_text(t, &sys, "stderr")?;
    if file.is_none() {
        return Ok(Value::NONE);
    }
    let name = match thread.is_none() {
        true => strs::display(&typhon_object::ops::str(t, &ident(t)?)?),
        false => strs::display(&typhon_object::ops::str(t, &attr::get_text(t, thread, "name")?)?),
    };
    let line = strs::new(t, &format!("Exception in thread {name}:\n"))?;
    call::method(t, &file, names::n::write(), &[line])?;
    let module = (t.hooks.import)(t, "traceback")?;
    let print = attr::get_text(t, &module, "print_exception")?;
    let args = [ty.clone(), value.clone(), traceback.clone(), Value::NONE, file];
    call::call(t, &print, &args)
}

/// `acquire(blocking=True, timeout=-1)`: when to give up; `None` is never.
fn deadline(t: &Thread, blocking: &Value, timeout: &Value) -> Res<Option<Instant>> {
    let blocking = blocking.opt().map_or(Ok(true), |v| convert::to_bool(t, v))?;
    let ns = timeout.opt().map_or(Ok(-1_000_000_000), |v| time::duration(t, v))?;
    let given = ns != -1_000_000_000;
    if !blocking && given {
        return Err(error::value_error(t, "can't specify a timeout for a non-blocking call"));
    }
    if given && ns < 0 {
        return Err(error::value_error(t, "timeout value must be a non-negative number"));
    }
    if ns > TIMEOUT_MAX as i64 * 1_000_000_000 {
        return Err(error::overflow_error(t, "timeout value is too large"));
    }
    Ok(match (blocking, given) {
        (false, _) => Some(Instant::now()),
        (true, false) => None,
        (true, true) => Some(Instant::now() + Duration::from_nanos(ns as u64)),
    })
}

/// A lock.
#[repr(C)]
pub struct Lock {
    header: Header,
    locked: Cell<bool>,
}

typhon_object::payload!(Lock => LOCK);

/// `_thread.lock`.
pub static LOCK: TypeDef = TypeDef {
    name: "_thread.lock",
    doc: "A lock object is a synchronization primitive.",
    flags: flag::WEAKREFS,
    slots: Slots { new: Some(|t, _, _| new_lock(t)), repr: Some(lock_repr), ..Slots::NONE },
    methods: &[
        def("acquire", "($self, /, blocking=True, timeout=-1)", acquire, "Lock the lock."),
        def("acquire_lock", "($self, /, blocking=True, timeout=-1)", acquire, "An obsolete synonym of acquire()."),
        def(
            "__enter__",
            "($self, /)",
            |t, a| acquire(t, &[a[0].clone(), Value::ABSENT, Value::ABSENT]),
            "Lock the lock.",
        ),
        def("release", "($self, /)", |t, a| release(t, &a[0]), "Release the lock."),
        def("release_lock", "($self, /)", |t, a| release(t, &a[0]), "An obsolete synonym of release()."),
        def("__exit__", "($self, /, *exc_info)", |t, a| release(t, &a[0]), "Release the lock."),
        def(
            "locked",
            "($self, /)",
            |_, a| Ok(Value::bool(a[0].expect::<Lock>().locked.get())),
            "Return whether the lock is in the locked state.",
        ),
        def(
            "locked_lock",
            "($self, /)",
            |_, a| Ok(Value::bool(a[0].expect::<Lock>().locked.get())),
            "An obsolete synonym of locked().",
        ),
        def(
            "_at_fork_reinit",
            "($self, /)",
            |_, a| {
                a[0].expect::<Lock>().locked.set(false);
                Ok(Value::NONE)
            },
            "",
        ),
    ],
    ..TypeDef::of::<Lock>()
};

fn new_lock(t: &Thread) -> Res {
    payload::new(t, |header| Lock { header, locked: Cell::new(false) })
}

fn acquire(t: &Thread, a: &[Value]) -> Res {
    let end = deadline(t, &a[1], &a[2])?;
    let lock = a[0].expect::<Lock>();
    let free = time::pause(t, end, || !lock.locked.get())?;
    if free {
        lock.locked.set(true);
    }
    Ok(Value::bool(free))
}

fn release(t: &Thread, v: &Value) -> Res {
    if v.expect::<Lock>().locked.replace(false) {
        return Ok(Value::NONE);
    }
    Err(error::runtime_error(t, "release unlocked lock"))
}

fn lock_repr(t: &Thread, v: &Value) -> Res {
    let state = if v.expect::<Lock>().locked.get() { "locked" } else { "unlocked" };
    strs::new(t, &format!("<{state} _thread.lock object at {:#x}>", v.id()))
}

/// A lock that its holder may take again.
#[repr(C)]
pub struct RLock {
    header: Header,
    count: Cell<usize>,
}

typhon_object::payload!(RLock => RLOCK);

/// `_thread.RLock`.
pub static RLOCK: TypeDef = TypeDef {
    name: "_thread.RLock",
    flags: flag::BASETYPE | flag::WEAKREFS,
    slots: Slots {
        new: Some(|t, class, _| payload::new_for(t, class, |header| RLock { header, count: Cell::new(0) })),
        repr: Some(rlock_repr),
        ..Slots::NONE
    },
    methods: &[
        def("acquire", "($self, /, blocking=True, timeout=-1)", take_again, "Lock the lock."),
        def(
            "__enter__",
            "($self, /)",
            |t, a| take_again(t, &[a[0].clone(), Value::ABSENT, Value::ABSENT]),
            "Lock the lock.",
        ),
        def("release", "($self, /)", |t, a| give_back(t, &a[0]), "Release the lock."),
        def("__exit__", "($self, /, *exc_info)", |t, a| give_back(t, &a[0]), "Release the lock."),
        def(
            "locked",
            "($self, /)",
            |_, a| Ok(Value::bool(a[0].expect::<RLock>().count.get() > 0)),
            "Return a boolean indicating whether this object is locked right now.",
        ),
        def(
            "_is_owned",
            "($self, /)",
            |_, a| Ok(Value::bool(a[0].expect::<RLock>().count.get() > 0)),
            "For internal use by `threading.Condition`.",
        ),
        def(
            "_recursion_count",
            "($self, /)",
            |_, a| Ok(convert::from_usize(a[0].expect::<RLock>().count.get())),
            "For internal use by reentrancy checks.",
        ),
        def("_release_save", "($self, /)", release_save, "For internal use by `threading.Condition`."),
        def("_acquire_restore", "($self, state, /)", acquire_restore, "For internal use by `threading.Condition`."),
        def(
            "_at_fork_reinit",
            "($self, /)",
            |_, a| {
                a[0].expect::<RLock>().count.set(0);
                Ok(Value::NONE)
            },
            "",
        ),
    ],
    ..TypeDef::of::<RLock>()
};

fn take_again(t: &Thread, a: &[Value]) -> Res {
    deadline(t, &a[1], &a[2])?;
    let count = &a[0].expect::<RLock>().count;
    count.set(count.get() + 1);
    Ok(Value::TRUE)
}

fn give_back(t: &Thread, v: &Value) -> Res {
    let count = &v.expect::<RLock>().count;
    match count.get() {
        0 => Err(error::runtime_error(t, "cannot release un-acquired lock")),
        n => {
            count.set(n - 1);
            Ok(Value::NONE)
        }
    }
}

fn release_save(t: &Thread, a: &[Value]) -> Res {
    match a[0].expect::<RLock>().count.replace(0) {
        0 => Err(error::runtime_error(t, "cannot release un-acquired lock")),
        n => tuple::from_array(t, [convert::from_usize(n), ident(t)?]),
    }
}

fn acquire_restore(t: &Thread, a: &[Value]) -> Res {
    let count = match a[1].downcast::<Tuple>().map(Tuple::items) {
        Some([count, _]) => convert::to_isize(t, count)?,
        _ => return Err(error::type_error(t, "_acquire_restore() argument 1 must be 2-item tuple")),
    };
    a[0].expect::<RLock>().count.set(usize::try_from(count).unwrap_or(0));
    Ok(Value::NONE)
}

fn rlock_repr(t: &Thread, v: &Value) -> Res {
    let count = v.expect::<RLock>().count.get();
    let (state, owner) = if count > 0 { ("locked", convert::to_i64(t, &ident(t)?)?) } else { ("unlocked", 0) };
    let name = typhon_object::type_of(v).name();
    strs::new(t, &format!("<{state} _thread.{name} object owner={owner} count={count} at {:#x}>", v.id()))
}

/// Attributes of a thread's own.
#[repr(C)]
pub struct Local {
    header: Header,
    dict: Slot,
}

typhon_object::payload!(Local => LOCAL {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.dict.peek() });
    }
    fn clear(&self) {
        drop(self.dict.take());
    }
});

/// `_thread._local`.
pub static LOCAL: TypeDef = TypeDef {
    name: "_thread._local",
    doc: "Thread-local data",
    flags: flag::BASETYPE | flag::WEAKREFS,
    dict_offset: std::mem::offset_of!(Local, dict),
    slots: Slots { new: Some(new_local), ..Slots::NONE },
    ..TypeDef::of::<Local>()
};

fn new_local(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let v = payload::new_for(t, class, |header| Local { header, dict: Slot::empty() })?;
    let own_init = typhon_object::type_of(&v).slots().init.map(|f| f as usize);
    let base_init = LOCAL.ty().slots().init.map(|f| f as usize);
    if !args.values.is_empty() && own_init == base_init {
        return Err(error::type_error(t, "Initialization arguments are not supported"));
    }
    Ok(v)
}

/// What `threading` knows a thread by.
#[repr(C)]
pub struct Handle {
    header: Header,
    ident: Slot,
    done: Cell<bool>,
}

typhon_object::payload!(Handle => THREAD_HANDLE);

/// `_thread._ThreadHandle`.
pub static THREAD_HANDLE: TypeDef = TypeDef {
    name: "_thread._ThreadHandle",
    flags: flag::WEAKREFS,
    slots: Slots { new: Some(|t, _, _| handle(t, Value::small(0), false)), repr: Some(handle_repr), ..Slots::NONE },
    methods: &[
        def("join", "($self, timeout=None, /)", join, ""),
        def("is_done", "($self, /)", |_, a| Ok(Value::bool(a[0].expect::<Handle>().done.get())), ""),
        def(
            "_set_done",
            "($self, /)",
            |_, a| {
                a[0].expect::<Handle>().done.set(true);
                Ok(Value::NONE)
            },
            "",
        ),
    ],
    getset: &[getter("ident", |_, v| Ok(v.expect::<Handle>().ident.get()), "")],
    ..TypeDef::of::<Handle>()
};

fn handle(t: &Thread, ident: Value, done: bool) -> Res {
    payload::new(t, |header| Handle { header, ident: Slot::new(ident), done: Cell::new(done) })
}

fn join(t: &Thread, a: &[Value]) -> Res {
    let h = a[0].expect::<Handle>();
    if h.done.get() {
        return Ok(Value::NONE);
    }
    if typhon_object::ops::eq(t, &h.ident.get(), &ident(t)?)? {
        return Err(error::runtime_error(t, "Cannot join current thread"));
    }
    Err(error::runtime_error(t, "thread not started"))
}

fn handle_repr(t: &Thread, v: &Value) -> Res {
    let ident = typhon_object::ops::repr_text(t, &v.expect::<Handle>().ident.get())?;
    strs::new(t, &format!("<_ThreadHandle object: ident={ident}>"))
}
