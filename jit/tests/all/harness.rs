//! Runs Python programs on an interpreter without a library, with the trace compiler or without it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use typhon_interp::tier::Tier;
use typhon_jit::{Jit, Mode, Params, Process};
use typhon_object::args::Args;
use typhon_object::breaker::reason;
use typhon_object::dict::Dict;
use typhon_object::native::{self, MethodDef};
use typhon_object::thread::{Hooks, Thread};
use typhon_object::types::{self, exceptions};
use typhon_object::{Res, Value, convert, names, ops, strs, type_of};
use typhon_qsbr::sync::Mutex;

static PRINT: MethodDef = native::raw("print", "", print, "");
static LEN: MethodDef =
    native::def("len", "($module, obj, /)", |t, a| convert::from_u64(t, ops::len(t, &a[0])? as u64), "").tame();

/// Counts its calls, and stops the isolate at the one that has the number: from inside of machine code, as it is tame.
static TICK: MethodDef = native::def("tick", "($module, last, /)", tick, "").tame();

/// Asks the thread to look up, and polls: whether a handler has run.
static ASK: MethodDef = native::def("ask", "($module, /)", ask, "").tame();

/// Calls a function on so many threads at the same time, and gives how often the results were not the same.
static TOGETHER: MethodDef = native::def("together", "($module, f, count, /)", together, "");

/// What one thread hands to another.
struct Handed<T>(T);

// SAFETY: threads of an isolate may run on any OS thread; what they share protects itself, and the caller keeps it.
unsafe impl<T> Send for Handed<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Handed<T> {}

fn together(t: &Thread, a: &[Value]) -> Res {
    t.run_free();
    let count = a[1].as_small().unwrap_or(1);
    let results = Mutex::new(Vec::new());
    let begun = Mutex::new(0);
    let called = |t: &Thread, f: &Value| {
        t.out_of_native();
        // All begin at the same time, and meanwhile none is offline: beside those one would be alone, and so be its traces.
        *begun.lock() += 1;
        while *begun.lock() < count {
            t.poll().expect("nobody is stopped");
            std::thread::yield_now();
        }
        let result = typhon_object::call::call(t, f, &[]).and_then(|v| ops::repr(t, &v));
        // The call has ended in a native's middle.
        t.out_of_native();
        let text = match result {
            Ok(text) => strs::display(&text),
            Err(e) => panic!("{} in a thread", type_of(e.value()).name()),
        };
        results.lock().push(text);
    };
    let siblings: Vec<_> = (1..count).filter_map(|_| t.sibling()).map(Handed).collect();
    assert!(t.is_parallel() && siblings.len() as i64 + 1 == count);
    let f = Handed(&a[0]);
    let was_in = t.out_of_native();
    std::thread::scope(|scope| {
        for sent in siblings {
            let (f, called) = (&f, &called);
            let run = move || {
                // The whole of it, which may be sent.
                let sent = sent;
                sent.0.attach(16 << 20, |t| {
                    t.enter_native();
                    let started = typhon_interp::start_thread(t).expect("room");
                    called(t, f.0);
                    t.end(|| started.let_go());
                });
            };
            std::thread::Builder::new().stack_size(32 << 20).spawn_scoped(scope, run).expect("a thread");
        }
        called(t, f.0);
        t.offline();
        // Who ran solo until here has it.
        t.out_of_native();
    });
    t.online();
    if was_in {
        t.take_native();
    }
    let results = std::mem::take(&mut *results.lock());
    assert_eq!(results.len() as i64, count);
    PRINTED.with_borrow_mut(|out| out.push_str(&format!("{}\n", results[0])));
    convert::from_u64(t, results.iter().filter(|text| **text != results[0]).count() as u64)
}

thread_local! {
    static ANSWERS: Cell<u64> = Cell::default();
    static PRINTED: RefCell<String> = RefCell::default();
    static TICKS: Cell<u64> = Cell::default();
}

fn tick(t: &Thread, a: &[Value]) -> Res {
    TICKS.set(TICKS.get() + 1);
    if a[0].as_small() == Some(TICKS.get() as i64) {
        t.breaker.stop(1);
    }
    Ok(Value::NONE)
}

fn ask(t: &Thread, _: &[Value]) -> Res {
    let before = ANSWERS.get();
    t.breaker.set(reason::PENDING);
    t.poll()?;
    Ok(Value::bool(ANSWERS.get() > before))
}

fn print(t: &Thread, args: Args<'_>) -> Res {
    let texts = args.values.iter().map(|v| Ok(strs::display(&ops::repr(t, v)?))).collect::<Res<Vec<_>>>()?;
    PRINTED.with_borrow_mut(|out| out.push_str(&(texts.join(" ") + "\n")));
    Ok(Value::NONE)
}

/// What a program prints, and how many traces were compiled for it.
pub struct Ran {
    pub printed: String,
    pub traces: u64,
    /// What the isolate's tier counted.
    #[cfg_attr(not(test), expect(dead_code, reason = "the example does not look at it"))]
    pub counts: BTreeMap<&'static str, u64>,
    /// How often `tick` was called.
    #[cfg_attr(not(test), expect(dead_code, reason = "the example does not look at it"))]
    pub ticks: u64,
}

pub fn run(source: &str, params: Option<Params>) -> Ran {
    run_in(source, params.map(|params| Process::new(Mode::Sync, params).expect("this machine has a code generator")))
}

/// The same with a process's compiler.
pub fn run_in(source: &str, process: Option<Process>) -> Ran {
    let source = source.to_string();
    // As deep a stack as the interpreter is given elsewhere.
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(move || run_here(&source, process));
    thread.expect("a thread").join().expect("no panic")
}

fn run_here(source: &str, process: Option<Process>) -> Ran {
    typhon_interp::set_up();
    let hooks = Hooks {
        on_breaker: |t| match t.breaker.stopped() {
            true => Err(typhon_object::error::runtime_error(t, format_args!("stopped"))),
            false => {
                let asked = t.breaker.take(u32::MAX);
                if asked & reason::MERGE != 0 {
                    t.merge();
                }
                t.checkpoint(asked);
                ANSWERS.set(ANSWERS.get() + 1);
                Ok(())
            }
        },
        unraisable: |_, e, text, _| panic!("{text} {e:?}"),
        warn: |_, _, _, _| Ok(()),
        import: |t, name| Err(typhon_object::error::runtime_error(t, format_args!("no imports: {name}"))),
        handled: |t| typhon_interp::frame::interp(t).handled(),
        super_frame: typhon_interp::query::super_frame,
        globals: typhon_interp::query::globals,
    };
    let t = Thread::new(hooks, 1 << 30);
    let jit = process.map(|process| Arc::new(Jit::new(process)));
    t.attach(32 << 20, |t| {
        let _started = typhon_interp::start(t);
        if let Some(jit) = &jit {
            jit.install(t);
        }
        execute(t, source);
        // A further thread may have been started, and have ended.
        t.online();
        assert!(t.poll().is_ok() || t.breaker.stopped());
    });
    t.close();
    let traces = jit.as_ref().map_or(0, |jit| jit.cache().counts.committed.get());
    let counts = jit.map(|jit| jit.counters().into_iter().collect()).unwrap_or_default();
    Ran { printed: PRINTED.take(), traces, counts, ticks: TICKS.take() }
}

fn execute(t: &Thread, source: &str) {
    let builtins = Dict::create(t);
    let b = Dict::of(&builtins);
    for def in [&PRINT, &LEN, &TICK, &ASK, &TOGETHER] {
        let f = native::new_function(t, def, Value::ABSENT, Value::NONE).expect("small");
        b.set_str(t, &names::intern_text(t, def.name), f).expect("small");
    }
    let classes: &[&typhon_object::TypeDef] = &[
        &types::range::RANGE,
        &types::list_::LIST,
        &types::int::INT,
        &types::float::FLOAT,
        &types::tuple_::TUPLE,
        &types::type_::TYPE,
        &types::dict_::DICT,
        &types::set_::SET,
        &types::str_::STR,
        &types::enumerate::ENUMERATE,
        &types::zip::ZIP,
        &types::property::PROPERTY,
    ];
    for def in classes.iter().chain(exceptions::ALL) {
        b.set_str(t, &names::intern_text(t, def.name), def.ty().value()).expect("small");
    }
    t.builtins().set(builtins.header().expect("a dict"), builtins.clone());
    let options = typhon_compiler::Options::new(typhon_compiler::Mode::Exec, "loop.py");
    let compiled = typhon_compiler::compile(source, &options).unwrap_or_else(|e| panic!("{e:?}"));
    let globals = Dict::create(t);
    let name = strs::new(t, "__main__").expect("small");
    Dict::of(&globals).set_str(t, names::n::__name__(), name).expect("small");
    let code = typhon_interp::code::new_code(t, &compiled.code).expect("small");
    let f = typhon_interp::function::new(t, &code, &globals, &builtins).expect("small");
    if let Err(e) = typhon_interp::call::run_code(t, &f, Some(&globals)) {
        let text = ops::str(t, e.value()).map(|s| strs::display(&s)).unwrap_or_default();
        PRINTED.with_borrow_mut(|out| out.push_str(&format!("{}: {text}\n", type_of(e.value()).name())));
    }
}
