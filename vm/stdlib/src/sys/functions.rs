//! The functions of sys.

use super::Settings;
use super::hooks::{breakpointhook, displayhook, excepthook, unraisablehook};
use crate::frames;
use crate::text;
use crate::thread::turns;
use typhon_interp::frame::interp;
use typhon_interp::{frame_object, query};
use typhon_object::args::Args;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::native::{MethodDef, def, raw};
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str};
use typhon_object::types::{exceptions as exc, int, structseq};
use typhon_object::{Thread, Value, call, convert, names, tuple, type_of};

/// The table.
pub(super) const FUNCTIONS: &[MethodDef] = &[
    raw("exit", "($module, status=None, /)", exit, "Exit the interpreter by raising SystemExit(status)."),
    def("exc_info", "($module, /)", exc_info, "Return current exception information: (type, value, traceback)."),
    def("exception", "($module, /)", |t, _| Ok(handled(t)), "Return the current exception."),
    def(
        "excepthook",
        "($module, exctype, value, traceback, /)",
        excepthook,
        "Handle an exception by displaying it with a traceback on sys.stderr.",
    ),
    def(
        "displayhook",
        "($module, object, /)",
        displayhook,
        "Print an object to sys.stdout and also save it in builtins._",
    ),
    def("unraisablehook", "($module, unraisable, /)", unraisablehook, "Handle an unraisable exception."),
    raw("breakpointhook", "", breakpointhook, "This hook function is called by built-in breakpoint()."),
    def(
        "getrefcount",
        "($module, object, /)",
        |t, a| convert::from_u64(t, u64::from(a[0].ref_count()) + 1),
        "Return the reference count of object.",
    ),
    def("getsizeof", "($module, object, default=None)", getsizeof, "Return the size of object in bytes."),
    def("intern", "($module, string, /)", intern, "``Intern'' the given string."),
    def(
        "_clear_type_descriptors",
        "($module, type, /)",
        clear_type_descriptors,
        "Private function for clearing certain descriptors from a type's dictionary.",
    ),
    def(
        "_get_cpu_count_config",
        "($module, /)",
        |_, _| Ok(Value::small(-1)),
        "Private function for getting PyConfig.cpu_count",
    ),
    def("_is_interned", "($module, string, /)", is_interned, "Return True if the given string is \"interned\"."),
    def("_getframe", "($module, depth=0, /)", getframe, "Return a frame object from the call stack."),
    def("_getframemodulename", "($module, depth=0)", framemodule, "Return the name of the module for a calling frame."),
    def(
        "_current_frames",
        "($module, /)",
        current_frames,
        "Return a dict mapping each thread's thread id to its current stack frame.",
    ),
    def(
        "_current_exceptions",
        "($module, /)",
        current_exceptions,
        "Return a dict mapping each thread's identifier to its current raised exception.",
    ),
    def("settrace", "($module, function, /)", |t, a| watch(t, &a[0], true), "Set the global debug tracing function."),
    def(
        "gettrace",
        "($module, /)",
        |t, _| Ok(some(interp(t).watch.trace.get())),
        "Return the global debug tracing function.",
    ),
    def("setprofile", "($module, function, /)", |t, a| watch(t, &a[0], false), "Set the profiling function."),
    def("getprofile", "($module, /)", |t, _| Ok(some(interp(t).watch.profile.get())), "Return the profiling function."),
    def("_settraceallthreads", "($module, function, /)", |t, a| watch_all(t, &a[0], true), ""),
    def("_setprofileallthreads", "($module, function, /)", |t, a| watch_all(t, &a[0], false), ""),
    def("call_tracing", "($module, func, args, /)", call_tracing, "Call func(*args), while tracing is enabled."),
    def(
        "_get_cpu_count_config",
        "($module, /)",
        |_, _| Ok(Value::small(-1)),
        "Private function for getting PyConfig.cpu_count",
    ),
    def(
        "getrecursionlimit",
        "($module, /)",
        |_t, _| Ok(Value::small(i64::from(_t.depth_limit.get()))),
        "Return the current value of the recursion limit.",
    ),
    def(
        "setrecursionlimit",
        "($module, limit, /)",
        setrecursionlimit,
        "Set the maximum depth of the Python interpreter stack to n.",
    ),
    def(
        "get_int_max_str_digits",
        "($module, /)",
        |t, _| convert::from_u64(t, int::digits_max(t)),
        "Return the maximum string digits limit for non-binary int<->str conversions.",
    ),
    def(
        "set_int_max_str_digits",
        "($module, maxdigits)",
        set_digits,
        "Set the maximum string digits limit for non-binary int<->str conversions.",
    ),
    def(
        "getdefaultencoding",
        "($module, /)",
        |t, _| strs::new(t, "utf-8"),
        "Return the current default encoding used by the Unicode implementation.",
    ),
    def(
        "getfilesystemencoding",
        "($module, /)",
        |t, _| strs::new(t, "utf-8"),
        "Return the encoding used to convert Unicode filenames to OS filenames.",
    ),
    def(
        "getfilesystemencodeerrors",
        "($module, /)",
        |t, _| strs::new(t, "surrogateescape"),
        "Return the error mode used for Unicode to OS filename conversion.",
    ),
    def(
        "getswitchinterval",
        "($module, /)",
        |t, _| convert::from_f64(t, t.state::<Settings>().switch_interval.get()),
        "Return the current thread switch interval.",
    ),
    def(
        "setswitchinterval",
        "($module, interval, /)",
        set_switch,
        "Set the ideal thread switching delay inside the Python interpreter.",
    ),
    raw("audit", "", audit, "Passes the event to any hooks that are attached."),
    def("addaudithook", "($module, hook)", addaudithook, "Adds a new audit hook callback."),
    def(
        "is_finalizing",
        "($module, /)",
        |t, _| Ok(Value::bool(t.state::<Settings>().finalizing.get())),
        "Return True if Python is exiting.",
    ),
    def(
        "is_remote_debug_enabled",
        "($module, /)",
        |_, _| Ok(Value::FALSE),
        "Return True if remote debugging is enabled, False otherwise.",
    ),
    def(
        "remote_exec",
        "($module, /, pid, script)",
        |t, _| Err(error::runtime_error(t, "Remote debugging is not enabled")),
        "Executes a file containing Python code in a given remote Python process.",
    ),
    def(
        "is_stack_trampoline_active",
        "($module, /)",
        |_, _| Ok(Value::FALSE),
        "Return *True* if a stack profiler trampoline is active.",
    ),
    def(
        "activate_stack_trampoline",
        "($module, backend, /)",
        no_trampoline,
        "Activate stack profiler trampoline *backend*.",
    ),
    def(
        "deactivate_stack_trampoline",
        "($module, /)",
        |_, _| Ok(Value::NONE),
        "Deactivate the current stack profiler trampoline backend.",
    ),
    def(
        "_is_gil_enabled",
        "($module, /)",
        |_, _| Ok(Value::FALSE),
        "Return True if the GIL is currently enabled and False if it's disabled.",
    ),
    def(
        "_is_immortal",
        "($module, op, /)",
        |_, a| Ok(Value::bool(!a[0].is_object() || a[0].ref_count() > 1 << 30)),
        "",
    ),
    def("_clear_type_cache", "($module, /)", |_, _| Ok(Value::NONE), "Clear the internal type lookup cache."),
    def(
        "_clear_internal_caches",
        "($module, /)",
        |_, _| Ok(Value::NONE),
        "Clear all internal performance-related caches.",
    ),
    def("_debugmallocstats", "($module, /)", |_, _| Ok(Value::NONE), ""),
    def(
        "getallocatedblocks",
        "($module, /)",
        |_t, _| Ok(convert::from_usize(_t.heap().used() / 64)),
        "Return the number of memory blocks currently allocated.",
    ),
    def("getunicodeinternedsize", "($module, /, *, _only_immortal=False)", |_, _| Ok(Value::small(4096)), ""),
    def("_typhon_stats", "($module, /)", stats, "What the isolate has used."),
    raw(
        "set_asyncgen_hooks",
        "($module, /, firstiter=None, finalizer=None)",
        set_asyncgen_hooks,
        "Set a finalizer for async generators objects.",
    ),
    def(
        "get_asyncgen_hooks",
        "($module, /)",
        get_asyncgen_hooks,
        "Return the installed asynchronous generators hooks.",
    ),
    def(
        "set_coroutine_origin_tracking_depth",
        "($module, depth)",
        set_origin,
        "Enable or disable origin tracking for coroutine objects in this thread.",
    ),
    def(
        "get_coroutine_origin_tracking_depth",
        "($module, /)",
        |t, _| Ok(Value::small(i64::from(interp(t).origin_depth.get()))),
        "Check status of origin tracking for coroutine objects in this thread.",
    ),
    def("getdlopenflags", "($module, /)", |t, _| Ok(Value::small(i64::from(t.state::<DlFlags>().0.get()))), ""),
    def(
        "setdlopenflags",
        "($module, flags, /)",
        |t, a| {
            t.state::<DlFlags>().0.set(convert::to_i32(t, &a[0])?);
            Ok(Value::NONE)
        },
        "",
    ),
];

/// What `sys.setdlopenflags` was told; nothing is ever loaded with it.
struct DlFlags(std::cell::Cell<i32>);

impl Default for DlFlags {
    fn default() -> Self {
        Self(std::cell::Cell::new(libc::RTLD_NOW))
    }
}

fn some(v: Value) -> Value {
    v.present().unwrap_or(Value::NONE)
}

fn handled(t: &Thread) -> Value {
    some(interp(t).handled())
}

fn exit(t: &Thread, a: Args<'_>) -> Res {
    let args = a.expect_positional(t, "exit", 0, 1)?;
    // A tuple spreads into the arguments, as if it had been the exception's.
    let args: Vec<Value> = match args.first() {
        Some(v) if v.is_none() => Vec::new(),
        Some(v) => match v.exact::<tuple::Tuple>() {
            Some(items) => items.items().to_vec(),
            None => vec![v.clone()],
        },
        None => Vec::new(),
    };
    Err(error::with_args(t, exc::SYSTEM_EXIT.ty(), &args))
}

fn exc_info(t: &Thread, _: &[Value]) -> Res {
    let e = handled(t);
    if e.is_none() {
        return tuple::from_array(t, [Value::NONE, Value::NONE, Value::NONE]);
    }
    let tb = some(exc::traceback(&e));
    tuple::from_array(t, [type_of(&e).value(), e, tb])
}

fn getsizeof(t: &Thread, a: &[Value]) -> Res {
    let found = call::special(t, &a[0], names::n::__sizeof__(), &[]);
    let name = type_of(&a[0]).name();
    let size = match found {
        Some(r) => r,
        None => Err(error::type_error(t, format_args!("Type {name} doesn't define __sizeof__"))),
    };
    match (size, a[1].opt()) {
        (Err(e), Some(default)) if e.is(&exc::TYPE_ERROR) => Ok(default.clone()),
        (Err(e), _) => Err(e),
        (Ok(n), _) => match convert::to_isize(t, &n)? {
            n if n < 0 => Err(error::value_error(t, "__sizeof__() should return >= 0")),
            n => {
                // As CPython without a GIL counts: its objects have 16 bytes more in front of what `__sizeof__` knows here.
                Ok(convert::from_usize(n as usize + 16))
            }
        },
    }
}

fn intern(t: &Thread, a: &[Value]) -> Res {
    if a[0].exact::<Str>().is_some() {
        return Ok(names::intern(t, &a[0]));
    }
    let ty = type_of(&a[0]).name();
    if a[0].downcast::<Str>().is_some() {
        return Err(error::type_error(t, format_args!("can't intern {ty}")));
    }
    Err(error::type_error(t, format_args!("intern() argument must be str, not {ty}")))
}

fn is_interned(t: &Thread, a: &[Value]) -> Res {
    if a[0].downcast::<Str>().is_none() {
        let ty = type_of(&a[0]).name();
        return Err(error::type_error(t, format_args!("_is_interned() argument must be str, not {ty}")));
    }
    Ok(Value::bool(strs::is_interned(&a[0])))
}

fn getframe(t: &Thread, a: &[Value]) -> Res {
    let depth = match a[0].opt() {
        Some(d) => convert::to_i32(t, d)?.max(0),
        None => 0,
    };
    match frames::at(t, depth as usize)? {
        Some(f) => Ok(f),
        None => Err(error::value_error(t, "call stack is not deep enough")),
    }
}

fn framemodule(t: &Thread, a: &[Value]) -> Res {
    let depth = match a[0].opt() {
        Some(d) => convert::to_i32(t, d)?.max(0),
        None => 0,
    };
    match frames::globals_at(t, depth as usize) {
        Some(g) => Ok(text::get(t, &g, "__name__").unwrap_or(Value::NONE)),
        None => Ok(Value::NONE),
    }
}

fn current_frames(t: &Thread, _: &[Value]) -> Res {
    by_thread(t, frames::at(t, 0)?, frame_object::of_others)
}

fn current_exceptions(t: &Thread, _: &[Value]) -> Res {
    by_thread(t, Some(handled(t)), |t| {
        Ok(query::handled_by_others(t).into_iter().map(|(word, e)| (word, some(e))).collect())
    })
}

/// A dict from threads' identifiers to what belongs to them: to the asking one `own`, to the others what `look` finds, in
/// which each is known by its breaker's word.
fn by_thread(t: &Thread, own: Option<Value>, look: impl FnOnce(&Thread) -> Res<Vec<(*const u32, Value)>>) -> Res {
    let d = Dict::create(t);
    if let Some(v) = own {
        Dict::of(&d).set(t, &convert::from_u64(t, turns::current())?, &v)?;
    }
    let threads = turns::words(t);
    for (word, v) in look(t)? {
        // One that has only just begun, or is about to end, is not shown.
        if let Some((id, _)) = threads.iter().find(|(_, of)| *of == word) {
            Dict::of(&d).set(t, &convert::from_u64(t, *id)?, &v)?;
        }
    }
    Ok(d)
}

/// Stores into a slot that belongs to the isolate rather than to an object.
fn store(t: &Thread, slot: &Slot, v: Value) {
    let modules = t.modules().get();
    if let Some(h) = modules.header() {
        slot.set(h, v);
    }
}

fn watch(t: &Thread, f: &Value, trace: bool) -> Res {
    let v = f.non_none().cloned().unwrap_or_default();
    typhon_interp::watch::set(t, v, trace)?;
    Ok(Value::NONE)
}

fn watch_all(t: &Thread, f: &Value, trace: bool) -> Res {
    let v = f.non_none().cloned().unwrap_or_default();
    typhon_interp::watch::set_all(t, &v, trace)?;
    Ok(Value::NONE)
}

fn call_tracing(t: &Thread, a: &[Value]) -> Res {
    match a[1].downcast::<tuple::Tuple>() {
        Some(args) => typhon_interp::watch::call_watched(t, &a[0], args.items()),
        None => {
            let ty = type_of(&a[1]).name();
            Err(error::type_error(t, format_args!("call_tracing() argument 2 must be tuple, not {ty}")))
        }
    }
}

fn setrecursionlimit(t: &Thread, a: &[Value]) -> Res {
    let n = convert::to_i32(t, &a[0])?;
    if n < 1 {
        return Err(error::value_error(t, "recursion limit must be greater or equal than 1"));
    }
    let depth = t.depth.get();
    if depth >= n as u32 {
        return Err(error::recursion_error(
            t,
            format_args!("cannot set the recursion limit to {n} at the recursion depth {depth}: the limit is too low"),
        ));
    }
    let most = t.get_state::<crate::isolate::DepthMax>().map_or(u32::MAX, |m| m.0);
    t.depth_limit.set((n as u32).min(most));
    Ok(Value::NONE)
}

fn set_digits(t: &Thread, a: &[Value]) -> Res {
    let n = convert::to_i32(t, &a[0])?;
    if n < 0 || n != 0 && n < 640 {
        return Err(error::value_error(t, "maxdigits must be 0 or larger than 640"));
    }
    int::set_digits_max(t, n.unsigned_abs());
    Ok(Value::NONE)
}

fn set_switch(t: &Thread, a: &[Value]) -> Res {
    let x = convert::to_f64(t, &a[0])?;
    if x.is_nan() || x <= 0.0 {
        return Err(error::value_error(t, "switch interval must be strictly positive"));
    }
    t.state::<Settings>().switch_interval.set(x);
    Ok(Value::NONE)
}

fn audit(t: &Thread, a: Args<'_>) -> Res {
    let Some((event, args)) = a.positional().split_first() else {
        return Err(error::type_error(t, "audit expected at least 1 argument, got 0"));
    };
    if event.downcast::<Str>().is_none() {
        let ty = type_of(event).name();
        return Err(error::type_error(t, format_args!("expected str for argument 'event', not {ty}")));
    }
    let hooks = t.state::<Settings>().audit_hooks.borrow().clone();
    if !hooks.is_empty() {
        let args = tuple::new(t, args)?;
        for hook in hooks {
            call::call(t, &hook, &[event.clone(), args.clone()])?;
        }
    }
    Ok(Value::NONE)
}

fn addaudithook(t: &Thread, a: &[Value]) -> Res {
    let settings = t.state::<Settings>();
    let hooks = settings.audit_hooks.borrow().clone();
    let args = tuple::from_vec(t, Vec::new())?;
    for hook in hooks {
        let event = strs::new(t, "sys.addaudithook")?;
        match call::call(t, &hook, &[event, args.clone()]) {
            Err(e) if e.is(&exc::RUNTIME_ERROR) => return Ok(Value::NONE),
            r => drop(r?),
        }
    }
    settings.audit_hooks.borrow_mut().push(a[0].clone());
    Ok(Value::NONE)
}

fn no_trampoline(t: &Thread, _: &[Value]) -> Res {
    Err(error::value_error(t, "perf trampoline not available"))
}

fn stats(t: &Thread, _: &[Value]) -> Res {
    let d = Dict::create(t);
    text::put(t, &d, "heap_bytes", convert::from_usize(t.heap().used()))?;
    text::put(t, &d, "heap_peak_bytes", convert::from_usize(t.heap().peak()))?;
    text::put(t, &d, "depth", Value::small(i64::from(t.depth.get())))?;
    let compiled = typhon_interp::tier::of(t).map(|tier| tier.counters()).unwrap_or_default();
    for (name, count) in t.tallies().into_iter().chain(compiled) {
        text::put(t, &d, name, convert::from_u64(t, count)?)?;
    }
    Ok(d)
}

fn set_asyncgen_hooks(t: &Thread, a: Args<'_>) -> Res {
    let hooks = t.state::<typhon_interp::asyncgen::Hooks>();
    let slots = [("firstiter", &hooks.firstiter), ("finalizer", &hooks.finalizer)];
    for (i, (name, _)) in slots.iter().enumerate() {
        let v = a.positional().get(i).or_else(|| a.keyword(name));
        if let Some(v) = v.and_then(|v| v.non_none())
            && !call::is_callable(v)
        {
            let ty = type_of(v).name();
            return Err(error::type_error(t, format_args!("callable {name} expected, got {ty}")));
        }
    }
    for (i, (name, slot)) in slots.into_iter().enumerate() {
        if let Some(v) = a.positional().get(i).or_else(|| a.keyword(name)) {
            store(t, slot, v.non_none().cloned().unwrap_or_default());
        }
    }
    Ok(Value::NONE)
}

fn get_asyncgen_hooks(t: &Thread, _: &[Value]) -> Res {
    let hooks = t.state::<typhon_interp::asyncgen::Hooks>();
    structseq::new(t, &super::info::ASYNCGEN_HOOKS, vec![some(hooks.firstiter.get()), some(hooks.finalizer.get())])
}

fn set_origin(t: &Thread, a: &[Value]) -> Res {
    let depth = convert::to_i32(t, &a[0])?;
    if depth < 0 {
        return Err(error::value_error(t, "depth must be >= 0"));
    }
    interp(t).origin_depth.set(depth);
    Ok(Value::NONE)
}

/// Takes `__dict__` and `__weakref__` out of a class's namespace, so that a copy with `__slots__` can be made of it.
fn clear_type_descriptors(t: &Thread, a: &[Value]) -> Res {
    let Some(ty) = a[0].downcast::<typhon_object::TypeObject>() else {
        let name = type_of(&a[0]).name();
        return Err(error::type_error(t, format_args!("argument must be type, not {name}")));
    };
    if !ty.is_heap_type() {
        return Err(error::type_error(t, "argument is immutable"));
    }
    t.alone(|| {
        for name in [names::n::__dict__(), names::n::__weakref__()] {
            ty.dict().remove(t, name)?;
        }
        ty.modified(t);
        Ok(Value::NONE)
    })
}
