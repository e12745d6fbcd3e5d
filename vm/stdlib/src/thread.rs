//! `_thread`: locks, threads and what `threading` is made of.

pub mod injected;
mod local;
pub mod lock;
pub mod start;
pub mod turns;

use crate::{isolates, kernel, world};
use local::LOCAL;
use lock::{LOCK, RLOCK};
use start::THREAD_HANDLE;
use typhon_interp::host::Stdio;
use typhon_object::dict::Dict;
use typhon_object::names;
use typhon_object::native::{ModuleDef, def, raw};
use typhon_object::strs::{self, Str};
use typhon_object::structseq;
use typhon_object::tuple::Tuple;
use typhon_object::types::{exceptions, module};
use typhon_object::{Res, Thread, Value, attr, call, convert, error, type_of};

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
        def("allocate_lock", "($module, /)", |t, _| lock::new(t), "Create a new lock object."),
        def("allocate", "($module, /)", |t, _| lock::new(t), "An obsolete synonym of allocate_lock()."),
        def(
            "get_ident",
            "($module, /)",
            |t, _| ident(t),
            "Return a non-zero integer that uniquely identifies the current thread.",
        )
        .tame(),
        def("_get_main_thread_ident", "($module, /)", |t, _| convert::from_u64(t, turns::main(t)), "Internal only."),
        def(
            "get_native_id",
            "($module, /)",
            |t, _| convert::from_i64(t, kernel::gettid().unwrap_or(0)),
            "Return a non-negative integer identifying the thread as reported by the OS.",
        ),
        def(
            "_count",
            "($module, /)",
            |t, _| Ok(convert::from_usize(turns::alive(t).len())),
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
            start::start_new_thread,
            "Start a new thread and return its identifier.",
        ),
        raw(
            "start_new",
            "($module, function, args, kwargs={}, /)",
            start::start_new_thread,
            "An obsolete synonym of start_new_thread().",
        ),
        def(
            "start_joinable_thread",
            "($module, /, function, handle=None, daemon=True)",
            start::start_joinable_thread,
            "*For internal use only*: start a new thread.",
        ),
        def(
            "daemon_threads_allowed",
            "($module, /)",
            |t, _| Ok(Value::bool(isolates::number(t) == 0)),
            "Return True if daemon threads are allowed in the current interpreter.",
        ),
        def(
            "_is_main_interpreter",
            "($module, /)",
            |t, _| Ok(Value::bool(isolates::number(t) == 0)),
            "Return True if the current interpreter is the main Python interpreter.",
        ),
        def(
            "_make_thread_handle",
            "($module, ident, /)",
            start::make_handle,
            "Internal only. Make a thread handle for threads not spawned by the _thread or threading module.",
        ),
        def(
            "_shutdown",
            "($module, /)",
            start::shutdown,
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
        def(
            "_set_async_exc",
            "($module, ident, exception, /)",
            injected::set,
            "Have a thread raise an exception; how many threads there are with that number.",
        ),
        def("set_name", "($module, /, name)", set_name, "Set the name of the current thread."),
        def(
            "_get_name",
            "($module, /)",
            |t, _| world::fs_decode(t, &kernel::signals::name()),
            "Get the name of the current thread.",
        ),
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

/// The calling thread's number.
fn ident(t: &Thread) -> Res {
    convert::from_u64(t, turns::current())
}

/// What the guest asked for as the native stack of its threads; 0 leaves it to us.
#[derive(Default)]
struct StackSize(std::cell::Cell<usize>);

fn stack_size(t: &Thread, a: &[Value]) -> Res {
    let n = a[0].opt().map_or(Ok(0), |n| convert::to_isize(t, n))?;
    match n {
        n if n < 0 => Err(error::value_error(t, "size must be 0 or a positive value")),
        0 | 32_768.. => {
            let old = match a[0].opt() {
                Some(_) => t.state::<StackSize>().0.replace(n as usize),
                None => t.state::<StackSize>().0.get(),
            };
            Ok(convert::from_usize(old))
        }
        _ => Err(error::value_error(t, format_args!("size not valid: {n} bytes"))),
    }
}

fn interrupt_main(t: &Thread, a: &[Value]) -> Res {
    let signal = a[0].opt().map_or(Ok(libc::SIGINT), |n| convert::to_i32(t, n))?;
    if !(1..65).contains(&signal) {
        return Err(error::value_error(t, "signal number out of range"));
    }
    crate::signal::simulate(t, signal)?;
    t.poll()?;
    Ok(Value::NONE)
}

/// Longest name of a thread that Linux keeps.
const NAME_MAX: usize = 15;

fn set_name(t: &Thread, a: &[Value]) -> Res {
    if a[0].downcast::<Str>().is_none() {
        let ty = if a[0].is_none() { "None".to_owned() } else { type_of(&a[0]).name() };
        return Err(error::type_error(t, format_args!("set_name() argument 'name' must be str, not {ty}")));
    }
    let text = typhon_object::codec::encode(t, &a[0], Some("utf-8"), Some("replace"))?;
    let bytes = text.downcast::<typhon_object::types::bytes::Bytes>().map(|b| b.as_slice().to_vec());
    let mut name = bytes.unwrap_or_default();
    name.truncate(name.iter().position(|b| *b == 0).unwrap_or(name.len()).min(NAME_MAX));
    if world::host(t)?.stdio() == Stdio::Process {
        kernel::signals::set_name(&name);
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
    let mut file = attr::get_text(t, &sys, "stderr")?;
    if file.is_none() && !thread.is_none() {
        // The one that there was when the thread was made.
        file = attr::get_text(t, thread, "_stderr")?;
    }
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
