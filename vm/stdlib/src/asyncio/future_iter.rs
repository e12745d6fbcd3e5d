//! What `await` drives: yields the future once, then gives its result.

use super::future::{self, Future, alive};
use typhon_interp::traceback::Traceback;
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions as exc;
use typhon_object::{Exc, Res, Thread, TypeObject, Value, call, error, payload, type_of};

/// The iterator.
#[repr(C)]
pub struct FutureIter {
    header: Header,
    /// Absent when it is over.
    future: Slot,
}

typhon_object::payload!(FutureIter => FUTURE_ITER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.future.peek() });
    }
    fn clear(&self) { drop(self.future.take()); }
});

/// _asyncio.FutureIter.
pub(super) static FUTURE_ITER: TypeDef = TypeDef {
    name: "_asyncio.FutureIter",
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(|_, v| Ok(v.clone())), next: Some(next), ..Slots::NONE },
    methods: METHODS,
    ..TypeDef::of::<FutureIter>()
};

const METHODS: &[MethodDef] = &[
    def(
        "send",
        "($self, arg, /)",
        |t, a| match next(t, &a[0])? {
            v if v.is_absent() => Err(error::stop_iteration(t, Value::NONE)),
            v => Ok(v),
        },
        "",
    ),
    def("throw", "($self, type, value=None, traceback=None, /)", throw, ""),
    def(
        "close",
        "($self, /)",
        |_, a| {
            drop(a[0].expect::<FutureIter>().future.take());
            Ok(Value::NONE)
        },
        "",
    ),
];

/// `Future.__await__`.
pub(super) fn new(t: &Thread, v: &Value) -> Res {
    alive(t, v)?;
    payload::new(t, |header| FutureIter { header, future: Slot::new(v.clone()) })
}

fn next(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<FutureIter>();
    let waited = it.future.get();
    let Some(f) = waited.downcast::<Future>() else { return Ok(Value::ABSENT) };
    if f.is_pending() {
        if f.blocking.replace(true) {
            return Err(error::runtime_error(t, "await wasn't used with future"));
        }
        return Ok(waited);
    }
    let result = future::result(t, &waited)?;
    if result.is_none() { Ok(Value::ABSENT) } else { Err(error::stop_iteration(t, result)) }
}

fn throw(t: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<FutureIter>();
    if !a[2].is_absent() {
        let text = "the (type, exc, tb) signature of throw() is deprecated, use the single-arg signature instead.";
        (t.hooks.warn)(t, &exc::DEPRECATION_WARNING.ty().value(), text, 1)?;
    }
    let tb = a[3].opt().and_then(Value::non_none);
    if tb.is_some_and(|tb| tb.downcast::<Traceback>().is_none()) {
        return Err(error::type_error(t, "throw() third argument must be a traceback"));
    }
    let (kind, value) = (&a[1], a[2].opt().and_then(Value::non_none));
    let thrown = if type_of(kind).has_flag(flag::EXCEPTION) {
        if value.is_some() {
            return Err(error::type_error(t, "instance exception may not have a separate value"));
        }
        kind.clone()
    } else if kind.downcast::<TypeObject>().is_some_and(|c| c.has_flag(flag::EXCEPTION)) {
        match value {
            Some(v) if type_of(v).has_flag(flag::EXCEPTION) => v.clone(),
            Some(v) => call::call1(t, kind, v)?,
            None => call::call0(t, kind)?,
        }
    } else {
        let text = "exceptions must be classes deriving BaseException or instances of such a class";
        return Err(error::type_error(t, text));
    };
    drop(it.future.take());
    if let Some(tb) = tb {
        exc::set_traceback(&thrown, tb.clone());
    }
    Err(Exc::new(thrown))
}
