//! `_lsprof`: the profiler behind `cProfile`, a tool of `sys.monitoring`.

mod tally;

use crate::time;
use std::cell::{Cell, RefCell};
use tally::{Tally, Times};
use typhon_interp::monitor::{self, Event};
use typhon_native::ctor;
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::native::{MethodDef, ModuleDef, NativeFunction, def};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::descr::{Descriptor, What};
use typhon_object::types::structseq as ss;
use typhon_object::{Res, Thread, Value, attr, call, convert, error, names, ops, payload, type_of};

typhon_object::structseq! {
    /// What is known of a function.
    ENTRY = "_lsprof.profiler_entry", "", flags 0, visible 6, complete |_| {},
    [("code", "code object or built-in function name"), ("callcount", "how many times this was called"),
     ("reccallcount", "how many times called recursively"), ("totaltime", "total time in this entry"),
     ("inlinetime", "inline time in this entry (not in subcalls)"), ("calls", "details of the calls")]
}
typhon_object::structseq! {
    /// What is known of one function's calls of another.
    SUBENTRY = "_lsprof.profiler_subentry", "", flags 0, visible 5, complete |_| {},
    [("code", "called code object or built-in function name"), ("callcount", "how many times this is called"),
     ("reccallcount", "how many times this is called recursively"), ("totaltime", "total time spent in this call"),
     ("inlinetime", "inline time (not in further subcalls)")]
}

/// `_lsprof`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_lsprof",
    doc: "Fast profiler",
    functions: &[],
    types: &[("Profiler", &PROFILER), ("profiler_entry", ENTRY.def), ("profiler_subentry", SUBENTRY.def)],
    init: None,
};

/// `sys.monitoring.PROFILER_ID`.
const TOOL: i64 = 2;

/// Which method hears of which event.
const CALLBACKS: [(Event, &str); 9] = [
    (Event::PyStart, "_pystart_callback"),
    (Event::PyResume, "_pystart_callback"),
    (Event::PyThrow, "_pythrow_callback"),
    (Event::PyReturn, "_pyreturn_callback"),
    (Event::PyYield, "_pyreturn_callback"),
    (Event::PyUnwind, "_pyreturn_callback"),
    (Event::Call, "_ccall_callback"),
    (Event::CReturn, "_creturn_callback"),
    (Event::CRaise, "_creturn_callback"),
];

/// `_lsprof.Profiler`.
#[repr(C)]
pub struct Profiler {
    header: Header,
    /// The function that tells the time, if it is not the host's clock; and how many seconds its ints are, or 0 for seconds.
    timer: Slot,
    unit: Cell<f64>,
    by_caller: Cell<bool>,
    builtins: Cell<bool>,
    enabled: Cell<bool>,
    /// The timer runs.
    timing: Cell<bool>,
    tally: RefCell<Tally>,
    /// Code objects, and names of natives, by number.
    codes: RefCell<Vec<Slot>>,
}

typhon_object::payload!(Profiler => PROFILER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.timer.peek() });
        for code in self.codes.borrow().iter() {
            // SAFETY: as above.
            visit(unsafe { code.peek() });
        }
    }
    fn clear(&self) {
        let (timer, codes) = (self.timer.take(), self.codes.take());
        drop((timer, codes));
    }
});

/// `_lsprof.Profiler`.
pub static PROFILER: TypeDef = TypeDef {
    name: "_lsprof.Profiler",
    doc: "Build a profiler object using the specified timer function.\n\nThe default timer is a fast built-in one based on real time.\nFor custom timer functions returning integers, 'timeunit' can\nbe a float specifying a scale (that is, how long each integer unit\nis, in seconds).",
    signature: "(timer=None, timeunit=0.0, subcalls=True, builtins=True)",
    flags: flag::BASETYPE | flag::WEAKREFS,
    slots: Slots {
        new: Some(|t, class, _| payload::new_for(t, class, blank)),
        init: Some(|t, v, args| ctor::bind(t, &INIT, v, args).map(drop)),
        ..Slots::NONE
    },
    methods: &[
        def(
            "getstats",
            "($self, /)",
            get_stats,
            "list of profiler_entry objects.\n\nEach is a function: code, callcount, reccallcount, totaltime, inlinetime and\ncalls, which is None or a list of profiler_subentry objects.",
        ),
        def(
            "enable",
            "($self, /, subcalls=True, builtins=True)",
            enable,
            "Start collecting profiling information.\n\n  subcalls\n    Whether calls are told apart by their callers, too.\n  builtins\n    Whether built-in functions are told apart from their callers.",
        ),
        def(
            "disable",
            "($self, /)",
            |t, a| disable(t, a[0].expect()).map(|()| Value::NONE),
            "Stop collecting profiling information.",
        ),
        def("clear", "($self, /)", clear, "Clear all profiling information collected so far."),
        def("_pystart_callback", "($self, code, instruction_offset, /)", entered, ""),
        def("_pythrow_callback", "($self, code, instruction_offset, exception, /)", entered, ""),
        def("_pyreturn_callback", "($self, code, instruction_offset, retval, /)", left, ""),
        def("_ccall_callback", "($self, code, instruction_offset, callable, self_arg, /)", native_entered, ""),
        def("_creturn_callback", "($self, code, instruction_offset, callable, self_arg, /)", native_left, ""),
    ],
    ..TypeDef::of::<Profiler>()
};

static INIT: MethodDef =
    def("Profiler", "($self, /, timer=None, timeunit=0.0, subcalls=True, builtins=True)", init, "");

fn blank(header: Header) -> Profiler {
    Profiler {
        header,
        timer: Slot::empty(),
        unit: Cell::new(0.0),
        by_caller: Cell::new(true),
        builtins: Cell::new(true),
        enabled: Cell::new(false),
        timing: Cell::new(false),
        tally: RefCell::default(),
        codes: RefCell::default(),
    }
}

fn init(t: &Thread, a: &[Value]) -> Res {
    let p = a[0].expect::<Profiler>();
    let unit = a[2].opt().map_or(Ok(0.0), |v| convert::to_f64(t, v))?;
    p.choose(t, &a[3], &a[4])?;
    p.unit.set(unit);
    let old = match a[1].non_none() {
        Some(timer) => p.timer.replace(&p.header, timer.clone()),
        None => p.timer.take(),
    };
    drop(old);
    Ok(Value::NONE)
}

impl Profiler {
    /// Whether calls are told apart by their callers, and natives from theirs.
    fn choose(&self, t: &Thread, by_caller: &Value, builtins: &Value) -> Res<()> {
        let chosen = |v: &Value| v.opt().map_or(Ok(true), |v| convert::to_bool(t, v));
        let (by_caller, builtins) = (chosen(by_caller)?, chosen(builtins)?);
        self.by_caller.set(by_caller);
        self.builtins.set(builtins);
        Ok(())
    }

    /// The time, in nanoseconds or the timer's units; 0 if the timer fails, which nobody could be told otherwise.
    fn now(&self, t: &Thread) -> i64 {
        let timer = self.timer.get();
        if timer.is_absent() {
            return time::steady(t).map_or(0, |now| now.as_nanos() as i64);
        }
        let before = self.timing.replace(true);
        let told = call::call0(t, &timer);
        self.timing.set(before);
        told.and_then(|v| self.reading(t, &v)).unwrap_or_else(|e| {
            error::unraisable(t, e, "while calling _lsprof timer", &timer);
            0
        })
    }

    fn reading(&self, t: &Thread, v: &Value) -> Res<i64> {
        if self.unit.get() > 0.0 {
            return convert::to_i64(t, v);
        }
        Ok((convert::to_f64(t, v)? * 1e9).floor() as i64)
    }

    /// How many seconds a unit of its times is.
    fn seconds(&self) -> f64 {
        if !self.timer.is_absent() && self.unit.get() > 0.0 { self.unit.get() } else { 1e-9 }
    }

    /// A function, known by `key`, is entered; `code` says what it is called when it is new.
    fn enter(&self, t: &Thread, key: u64, code: impl FnOnce() -> Res) -> Res<()> {
        let known = self.tally.borrow().number(key);
        let number = match known {
            Some(number) => number,
            None => {
                // A repr may be anybody's, and call anything: it comes first.
                let code = code()?;
                let (mut tally, mut codes) = (self.tally.borrow_mut(), self.codes.borrow_mut());
                tally.number(key).unwrap_or_else(|| {
                    let slot = Slot::empty();
                    slot.set(&self.header, code);
                    codes.push(slot);
                    tally.add(key)
                })
            }
        };
        let thread = std::ptr::from_ref(t) as usize;
        self.tally.borrow_mut().enter(thread, number, self.by_caller.get());
        let now = self.now(t);
        self.tally.borrow_mut().begin(thread, now);
        Ok(())
    }

    fn leave(&self, t: &Thread, key: u64) {
        let thread = std::ptr::from_ref(t) as usize;
        if self.tally.borrow().is_in(thread, key) {
            let now = self.now(t);
            self.tally.borrow_mut().leave(thread, key, now);
        }
    }

    fn refuse_in_timer(&self, t: &Thread, what: &str) -> Res<()> {
        if !self.timing.get() {
            return Ok(());
        }
        Err(error::runtime_error(t, format_args!("cannot {what} profiler in external timer")))
    }
}

fn enable(t: &Thread, a: &[Value]) -> Res {
    let p = a[0].expect::<Profiler>();
    p.choose(t, &a[1], &a[2])?;
    monitor::use_tool(t, TOOL, &strs::new(t, "cProfile")?)?;
    p.enabled.set(true);
    let mut events = 0;
    for (event, callback) in CALLBACKS {
        let bit = 1 << event as i64;
        drop(monitor::register(t, TOOL, bit, &attr::get_text(t, &a[0], callback)?)?);
        events |= bit;
    }
    monitor::set_events(t, TOOL, events)?;
    Ok(Value::NONE)
}

fn disable(t: &Thread, p: &Profiler) -> Res<()> {
    p.refuse_in_timer(t, "disable")?;
    if p.enabled.replace(false) {
        monitor::free_tool(t, TOOL)?;
        // What goes on has been left, as far as anybody will know.
        while p.tally.borrow().is_open() {
            let now = p.now(t);
            p.tally.borrow_mut().leave_one(now);
            t.poll()?;
        }
    }
    Ok(())
}

fn clear(t: &Thread, a: &[Value]) -> Res {
    let p = a[0].expect::<Profiler>();
    p.refuse_in_timer(t, "clear")?;
    let old = (p.tally.take(), p.codes.take());
    drop(old);
    Ok(Value::NONE)
}

fn entered(t: &Thread, a: &[Value]) -> Res {
    a[0].expect::<Profiler>().enter(t, a[1].bits(), || Ok(a[1].clone()))?;
    Ok(Value::NONE)
}

fn left(t: &Thread, a: &[Value]) -> Res {
    a[0].expect::<Profiler>().leave(t, a[1].bits());
    Ok(Value::NONE)
}

fn native_entered(t: &Thread, a: &[Value]) -> Res {
    let p = a[0].expect::<Profiler>();
    if p.builtins.get()
        && let Some(def) = native(&a[3])
    {
        p.enter(t, key_of(def), || native_name(t, &a[3]))?;
    }
    Ok(Value::NONE)
}

fn native_left(t: &Thread, a: &[Value]) -> Res {
    let p = a[0].expect::<Profiler>();
    if p.builtins.get()
        && let Some(def) = native(&a[3])
    {
        p.leave(t, key_of(def));
    }
    Ok(Value::NONE)
}

fn key_of(def: &'static MethodDef) -> u64 {
    std::ptr::from_ref(def) as u64
}

/// The definition of what is called, if that is a native function or method.
fn native(f: &Value) -> Option<&'static MethodDef> {
    match (f.exact::<NativeFunction>(), f.exact::<Descriptor>().map(|d| &d.what)) {
        (Some(f), _) => Some(f.def),
        (_, Some(What::Method(def, _))) => Some(def),
        _ => None,
    }
}

/// What a native is called in statistics: `<built-in method math.sin>`, or the repr of the method.
fn native_name(t: &Thread, f: &Value) -> Res {
    let Some(native) = f.exact::<NativeFunction>() else { return ops::repr(t, f) };
    let (module, name) = (native.module.get(), native.def.name);
    if let Some(module) = module.downcast::<Str>() {
        return strs::new(t, &format!("<built-in method {}.{name}>", module.to_lossy()));
    }
    let method = native.bound.get().present().and_then(|this| type_of(&this).lookup(t, &names::intern_text(t, name)));
    match method {
        Some(method) => ops::repr(t, &method),
        None => strs::new(t, &format!("<built-in method {name}>")),
    }
}

/// All that was counted: a list of entries.
fn get_stats(t: &Thread, a: &[Value]) -> Res {
    let p = a[0].expect::<Profiler>();
    // What makes the objects may be asked for anything meanwhile.
    let entries = p.tally.borrow().entries.clone();
    let codes: Vec<Value> = p.codes.borrow().iter().map(|code| code.get().present().unwrap_or(Value::NONE)).collect();
    let seconds = p.seconds();
    let fields = |number: usize, times: Times| -> Res<Vec<Value>> {
        let time = |units: i64| convert::from_f64(t, units as f64 * seconds);
        let code = codes.get(number).cloned().unwrap_or(Value::NONE);
        let (calls, recursive) = (convert::from_i64(t, times.calls)?, convert::from_i64(t, times.recursive)?);
        Ok(vec![code, calls, recursive, time(times.total)?, time(times.own)?])
    };
    let mut out = Vec::new();
    for (number, entry) in entries.into_iter().enumerate().filter(|(_, entry)| entry.times.calls > 0) {
        let called = entry.calls.into_iter().map(|(callee, times)| ss::new(t, &SUBENTRY, fields(callee, times)?));
        let called = called.collect::<Res<Vec<_>>>()?;
        let mut known = fields(number, entry.times)?;
        known.push(if called.is_empty() { Value::NONE } else { List::from_vec(t, called)? });
        out.push(ss::new(t, &ENTRY, known)?);
    }
    List::from_vec(t, out)
}
