//! Async generators: the awaitables that `asend`, `athrow`, `aclose` and `__anext__` return (PEP 525).

use crate::generator::{self, Generator, Resumed, State, as_generator};
use crate::throwing::{throw, thrown};
use std::cell::Cell;
use typhon_object::error::{self, Exc, Res};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions as exc;
use typhon_object::{Thread, Value, call, ops, payload};

/// A value that an async generator yielded, as opposed to one that an await inside it passes on.
#[repr(C)]
pub struct Wrapped {
    header: Header,
    value: Slot,
}

typhon_object::payload!(Wrapped => WRAPPED {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.value.peek() });
    }
});

/// async_generator_wrapped_value.
pub static WRAPPED: TypeDef =
    TypeDef { name: "async_generator_wrapped_value", flags: flag::NO_NEW, ..TypeDef::of::<Wrapped>() };

/// Marks a yielded value.
pub(crate) fn wrap(t: &Thread, v: Value) -> Res {
    payload::new(t, |header| Wrapped { header, value: Slot::new(v) })
}

/// The hooks of `sys.set_asyncgen_hooks`.
#[derive(Default)]
pub struct Hooks {
    /// Called when an async generator is iterated for the first time.
    pub firstiter: Slot,
    /// Called when one is about to be finalized.
    pub finalizer: Slot,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Init,
    Iter,
    Closed,
}

/// What an awaitable does with its generator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Send,
    Throw,
    Close,
}

/// The awaitable.
#[repr(C)]
pub struct Step {
    header: Header,
    generator: Slot,
    /// The value to send, or the thrown exception.
    payload: Slot,
    what: What,
    phase: Cell<Phase>,
}

typhon_object::payload!(Step => ASEND {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.generator.peek());
            visit(self.payload.peek());
        }
    }
});

const SLOTS: Slots = Slots {
    iter: Some(|_, v| Ok(v.clone())),
    await_: Some(|_, v| Ok(v.clone())),
    next: Some(|t, v| generator::result(t, step_send(t, v, &Value::NONE))),
    finalize: Some(finalize),
    ..Slots::NONE
};
const STEP_METHODS: &[MethodDef] = &[
    def("send", "($self, value, /)", |t, a| generator::result(t, step_send(t, &a[0], &a[1])), ""),
    def("throw", "($self, type, value=None, traceback=None, /)", step_throw, ""),
    def("close", "($self, /)", step_close, ""),
];

/// async_generator_asend.
pub static ASEND: TypeDef = TypeDef {
    name: "async_generator_asend",
    flags: flag::NO_NEW,
    slots: SLOTS,
    methods: STEP_METHODS,
    ..TypeDef::of::<Step>()
};

/// async_generator_athrow.
pub static ATHROW: TypeDef =
    TypeDef { name: "async_generator_athrow", flags: flag::NO_NEW, base: Some(&ASEND), ..TypeDef::of::<Step>() };

/// Methods of async generators.
pub(crate) const METHODS: &[MethodDef] = &[
    def(
        "asend",
        "($self, value, /)",
        |t, a| start(t, &a[0], What::Send, a[1].clone()),
        "asend(v) -> send 'v' in generator.",
    ),
    def(
        "athrow",
        "($self, type, value=None, traceback=None, /)",
        athrow,
        "athrow(value) -> raise exception in generator.",
    ),
    def(
        "aclose",
        "($self, /)",
        |t, a| start(t, &a[0], What::Close, Value::ABSENT),
        "aclose() -> raise GeneratorExit inside generator.",
    ),
    def(
        "__class_getitem__",
        "($type, item, /)",
        |t, a| typhon_object::types::generic_alias::new(t, &a[0], &a[1]),
        "See PEP 585",
    )
    .class(),
];

/// The `__anext__` slot.
pub(crate) fn anext(t: &Thread, v: &Value) -> Res {
    start(t, v, What::Send, Value::NONE)
}

fn athrow(t: &Thread, a: &[Value]) -> Res {
    let e = thrown(t, &a[1], &a[2], &a[3])?;
    start(t, &a[0], What::Throw, e.into_value())
}

fn start(t: &Thread, v: &Value, what: What, value: Value) -> Res {
    let Some(g) = as_generator(v) else { return Err(error::system_error(t, "not an async generator")) };
    if !g.hooks_inited.replace(true) {
        let hooks = t.state::<Hooks>();
        g.finalizer.set(&g.header, hooks.finalizer.get());
        let first = hooks.firstiter.get();
        if !first.is_absent() && !first.is_none() {
            call::call1(t, &first, v)?;
        }
    }
    let ty = if what == What::Send { &ASEND } else { &ATHROW };
    payload::new_of(t, ty.ty(), |header| Step {
        header,
        generator: Slot::new(v.clone()),
        payload: Slot::new(value),
        what,
        phase: Cell::new(Phase::Init),
    })
}

fn me(v: &Value) -> &Step {
    v.expect::<Step>()
}

fn reused(t: &Thread, s: &Step) -> Exc {
    let what = match s.what {
        What::Send => "__anext__()/asend()",
        What::Throw | What::Close => "aclose()/athrow()",
    };
    error::runtime_error(t, format_args!("cannot reuse already awaited {what}"))
}

/// Warns of a step that nobody took.
fn finalize(t: &Thread, v: &Value) {
    let s = me(v);
    let generator = s.generator.get();
    let Some(g) = as_generator(&generator).filter(|_| s.phase.get() == Phase::Init) else { return };
    let method = match s.what {
        What::Send => "asend",
        What::Throw => "athrow",
        What::Close => "aclose",
    };
    let warned = ops::repr_text(t, &g.qualname())
        .and_then(|name| (t.hooks.warn)(t, &exc::RUNTIME_WARNING.ty().value(), &never_awaited(method, &name), 1));
    if let Err(e) = warned {
        error::unraisable(t, e, "while finalizing async generator method", v);
    }
}

fn never_awaited(method: &str, generator: &str) -> String {
    format!("coroutine method '{method}' of {generator} was never awaited")
}

fn running(t: &Thread, s: &Step) -> Exc {
    let what = match s.what {
        What::Send => "anext()",
        What::Throw => "athrow()",
        What::Close => "aclose()",
    };
    error::runtime_error(t, format_args!("{what}: asynchronous generator is already running"))
}

/// One step of an awaitable: what it passes on, or its result.
pub(crate) fn step_send(t: &Thread, v: &Value, sent: &Value) -> Res<Resumed> {
    let s = me(v);
    let gen_value = s.generator.get();
    let Some(g) = as_generator(&gen_value) else { return Err(reused(t, s)) };
    match s.phase.get() {
        Phase::Closed => Err(reused(t, s)),
        Phase::Init => {
            if g.running_async.get() {
                s.phase.set(Phase::Closed);
                return Err(running(t, s));
            }
            begin(t, s, &gen_value, g, sent)
        }
        Phase::Iter => {
            let r = generator::send(t, &gen_value, sent);
            finish(t, s, g, r)
        }
    }
}

fn begin(t: &Thread, s: &Step, v: &Value, g: &Generator, sent: &Value) -> Res<Resumed> {
    if s.what != What::Send && g.state() == State::Finished {
        s.phase.set(Phase::Closed);
        return Ok(Resumed::Return(Value::NONE));
    }
    if s.what != What::Send && g.closed.get() {
        s.phase.set(Phase::Closed);
        return Err(error::with_args(t, exc::STOP_ASYNC_ITERATION.ty(), &[]));
    }
    if s.what != What::Send && !sent.is_none() {
        return Err(error::runtime_error(t, "can't send non-None value to a just-started coroutine"));
    }
    s.phase.set(Phase::Iter);
    g.running_async.set(true);
    let r = match s.what {
        What::Send => {
            let first = s.payload.get();
            generator::send(t, v, if sent.is_none() { &first } else { sent })
        }
        What::Throw => throw(t, v, Exc::new(s.payload.get())),
        What::Close => {
            g.closed.set(true);
            throw(t, v, error::with_args(t, exc::GENERATOR_EXIT.ty(), &[]))
        }
    };
    finish(t, s, g, r)
}

/// What a resumption of the generator means for the awaitable: a wrapped value ends it, anything else is passed on.
fn finish(t: &Thread, s: &Step, g: &Generator, r: Res<Resumed>) -> Res<Resumed> {
    let done = |s: &Step| {
        g.running_async.set(false);
        s.phase.set(Phase::Closed);
    };
    match r {
        Ok(Resumed::Yield(v)) => match v.downcast::<Wrapped>() {
            Some(_) if s.what == What::Close => {
                done(s);
                Err(error::runtime_error(t, "async generator ignored GeneratorExit"))
            }
            Some(w) => {
                let value = w.value.get();
                done(s);
                Ok(Resumed::Return(value))
            }
            None => Ok(Resumed::Yield(v)),
        },
        Ok(Resumed::Return(_)) => {
            g.closed.set(true);
            done(s);
            if s.what == What::Close {
                return Ok(Resumed::Return(Value::NONE));
            }
            Err(error::with_args(t, exc::STOP_ASYNC_ITERATION.ty(), &[]))
        }
        Err(e) => {
            done(s);
            let over = e.is(&exc::STOP_ASYNC_ITERATION) || e.is(&exc::GENERATOR_EXIT);
            if over {
                g.closed.set(true);
            }
            if over && s.what == What::Close {
                return Ok(Resumed::Return(Value::NONE));
            }
            Err(e)
        }
    }
}

fn step_throw(t: &Thread, a: &[Value]) -> Res {
    let s = me(&a[0]);
    let gen_value = s.generator.get();
    let Some(g) = as_generator(&gen_value) else { return Err(reused(t, s)) };
    if s.phase.get() == Phase::Closed {
        return Err(reused(t, s));
    }
    if s.phase.get() == Phase::Init {
        if g.running_async.get() {
            s.phase.set(Phase::Closed);
            return Err(running(t, s));
        }
        s.phase.set(Phase::Iter);
        g.running_async.set(true);
    }
    let e = thrown(t, &a[1], &a[2], &a[3])?;
    let r = throw(t, &gen_value, e);
    generator::result(t, finish(t, s, g, r))
}

fn step_close(t: &Thread, a: &[Value]) -> Res {
    let s = me(&a[0]);
    if s.phase.get() == Phase::Closed {
        return Ok(Value::NONE);
    }
    let exit = error::with_args(t, exc::GENERATOR_EXIT.ty(), &[]);
    match step_throw(t, &[a[0].clone(), exit.into_value(), Value::ABSENT, Value::ABSENT]) {
        Ok(_) => Err(error::runtime_error(t, "coroutine ignored GeneratorExit")),
        Err(e) if e.is(&exc::STOP_ITERATION) || e.is(&exc::STOP_ASYNC_ITERATION) || e.is(&exc::GENERATOR_EXIT) => {
            Ok(Value::NONE)
        }
        Err(e) => Err(e),
    }
}
