//! _tracemalloc: how much memory the isolate has taken since tracing began.
//!
//! The heap keeps totals, not who asked for each block: there are no traces, and so every snapshot is empty.

use std::cell::Cell;
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::native::{ModuleDef, def};
use typhon_object::{Thread, Value, convert, tuple};

/// _tracemalloc.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_tracemalloc",
    doc: "Debug module to trace memory blocks allocated by Python.",
    functions: &[
        def("start", "($module, nframe=1, /)", start, "Start tracing Python memory allocations."),
        def("stop", "($module, /)", stop, "Stop tracing Python memory allocations."),
        def(
            "is_tracing",
            "($module, /)",
            |t, _| Ok(Value::bool(state(t).frames.get() != 0)),
            "Return True if the tracemalloc module is tracing Python memory allocations.",
        ),
        def(
            "get_traceback_limit",
            "($module, /)",
            |t, _| Ok(Value::small(state(t).frames.get().max(1))),
            "Get the maximum number of frames stored in the traceback of a trace.",
        ),
        def(
            "get_traced_memory",
            "($module, /)",
            traced,
            "Get the current size and peak size of memory blocks traced by tracemalloc.",
        ),
        def("reset_peak", "($module, /)", reset_peak, "Set the peak size of memory blocks traced to the current size."),
        def("clear_traces", "($module, /)", clear, "Clear traces of memory blocks allocated by Python."),
        def(
            "get_tracemalloc_memory",
            "($module, /)",
            |_, _| Ok(Value::small(0)),
            "Get the memory usage in bytes of the tracemalloc module.",
        ),
        def("_get_traces", "($module, /)", |t, _| List::create(t), "Get traces of all memory blocks."),
        def(
            "_get_object_traceback",
            "($module, obj, /)",
            |_, _| Ok(Value::NONE),
            "Get the traceback where the Python object obj was allocated.",
        ),
    ],
    types: &[],
    init: None,
};

/// Frames that CPython can keep a block.
const FRAMES_MAX: i64 = 65535;

#[derive(Default)]
struct State {
    /// How many frames were asked for; 0 while nothing is traced.
    frames: Cell<i64>,
    /// The heap when tracing began.
    base: Cell<usize>,
    /// The most seen since the peak was reset.
    peak: Cell<usize>,
}

fn state(t: &Thread) -> &State {
    t.state::<State>()
}

fn start(t: &Thread, a: &[Value]) -> Res {
    let n = match a[0].opt() {
        Some(n) => i64::from(convert::to_i32(t, n)?),
        None => 1,
    };
    if !(1..=FRAMES_MAX).contains(&n) {
        return Err(error::value_error(t, format_args!("the number of frames must be in range [1; {FRAMES_MAX}]")));
    }
    let s = state(t);
    if s.frames.replace(n) == 0 {
        s.base.set(t.heap().used());
        s.peak.set(0);
    }
    Ok(Value::NONE)
}

fn stop(t: &Thread, _: &[Value]) -> Res {
    state(t).frames.set(0);
    Ok(Value::NONE)
}

fn now(t: &Thread, s: &State) -> usize {
    let now = t.heap().used().saturating_sub(s.base.get());
    s.peak.set(s.peak.get().max(now));
    now
}

fn traced(t: &Thread, _: &[Value]) -> Res {
    let s = state(t);
    if s.frames.get() == 0 {
        return tuple::from_array(t, [Value::small(0), Value::small(0)]);
    }
    let now = now(t, s);
    tuple::from_array(t, [convert::from_usize(now), convert::from_usize(s.peak.get())])
}

fn reset_peak(t: &Thread, _: &[Value]) -> Res {
    let s = state(t);
    s.peak.set(0);
    if s.frames.get() != 0 {
        now(t, s);
    }
    Ok(Value::NONE)
}

fn clear(t: &Thread, _: &[Value]) -> Res {
    let s = state(t);
    s.base.set(t.heap().used());
    s.peak.set(0);
    Ok(Value::NONE)
}
