//! Future: a result that will be there, and who waits for it.

use super::future_iter;
use super::running;
use super::step;
use super::task::TASK;
use super::waiters;
use super::{Known, call_soon, invalid_state, known, report};
use std::cell::{Cell, RefCell};
use typhon_native::ctor;
use typhon_object::dict::Dict;
use typhon_object::header::Header;
use typhon_object::native::{GetSetDef, MethodDef, def, getset, getter};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions as exc;
use typhon_object::types::iters;
use typhon_object::{Exc, Res, Thread, TypeObject, Value, attr, call, error, names, ops, payload, strs, type_of};

/// How far a future is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Pending,
    Cancelled,
    Finished,
}

/// Called when the future is done, and in which context.
pub(super) struct Callback {
    pub(super) f: Slot,
    pub(super) context: Slot,
}

/// A future.
#[repr(C)]
pub struct Future {
    pub(super) header: Header,
    /// Its loop; absent until `__init__` has run.
    pub(super) running: Slot,
    pub(super) callbacks: RefCell<Vec<Callback>>,
    result: Slot,
    exception: Slot,
    exception_tb: Slot,
    source_traceback: Slot,
    pub(super) cancel_message: Slot,
    /// A CancelledError that went through a task, to be raised again.
    pub(super) cancelled_error: Slot,
    /// The task that waits for it, or a set of several.
    pub(super) awaited_by: Slot,
    pub(super) dict: Slot,
    pub(super) state: Cell<State>,
    pub(super) log_traceback: Cell<bool>,
    /// Set by `__await__`, to tell an await from a yield.
    pub(super) blocking: Cell<bool>,
}

impl Future {
    /// A future that `__init__` has not seen.
    pub(super) fn blank(header: Header) -> Self {
        Self {
            header,
            running: Slot::empty(),
            callbacks: RefCell::new(Vec::new()),
            result: Slot::empty(),
            exception: Slot::empty(),
            exception_tb: Slot::empty(),
            source_traceback: Slot::empty(),
            cancel_message: Slot::empty(),
            cancelled_error: Slot::empty(),
            awaited_by: Slot::empty(),
            dict: Slot::empty(),
            state: Cell::new(State::Pending),
            log_traceback: Cell::new(false),
            blocking: Cell::new(false),
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        self.state.get() == State::Pending
    }

    fn slots(&self) -> [&Slot; 9] {
        [
            &self.running,
            &self.result,
            &self.exception,
            &self.exception_tb,
            &self.source_traceback,
            &self.cancel_message,
            &self.cancelled_error,
            &self.awaited_by,
            &self.dict,
        ]
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            for slot in self.slots() {
                visit(slot.peek());
            }
            for callback in self.callbacks.borrow().iter() {
                visit(callback.f.peek());
                visit(callback.context.peek());
            }
        }
    }

    pub(super) fn clear(&self) {
        for slot in self.slots() {
            drop(slot.take());
        }
        let callbacks = self.callbacks.take();
        drop(callbacks);
    }
}

typhon_object::payload!(Future => FUTURE {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) { Future::traverse(self, visit); }
    fn clear(&self) { Future::clear(self); }
});

/// _asyncio.Future.
pub(super) static FUTURE: TypeDef = TypeDef {
    name: "_asyncio.Future",
    doc: "This class is *almost* compatible with concurrent.futures.Future.\n\n    Differences:\n\n    - result() and exception() do not take a timeout argument and\n      raise an exception when the future isn't done yet.\n\n    - Callbacks registered with add_done_callback() are always called\n      via the event loop's call_soon_threadsafe().\n\n    - This class is not compatible with the wait() and as_completed()\n      methods in the concurrent.futures package.",
    signature: "(*, loop=None)",
    flags: flag::BASETYPE | flag::WEAKREFS,
    dict_offset: std::mem::offset_of!(Future, dict),
    slots: Slots {
        new: Some(|t, class, _| payload::new_for(t, class, Future::blank)),
        init: Some(|t, v, args| ctor::bind(t, &INIT, v, args).map(drop)),
        repr: Some(|t, v| call::call1(t, &known(t, Known::FutureRepr)?, v)),
        iter: Some(future_iter::new),
        await_: Some(future_iter::new),
        finalize: Some(finalize),
        ..Slots::NONE
    },
    methods: METHODS,
    getset: GETSET,
    ..TypeDef::of::<Future>()
};

static INIT: MethodDef = def(
    "Future",
    "($self, /, *, loop=None)",
    |t, a| {
        init(t, &a[0], &a[1])?;
        Ok(Value::NONE)
    },
    "",
);

const METHODS: &[MethodDef] = &[
    def(
        "result",
        "($self, /)",
        |t, a| result(t, &a[0]),
        "Return the result this future represents.\n\nIf the future has been cancelled, raises CancelledError.  If the\nfuture's result isn't yet available, raises InvalidStateError.  If\nthe future is done and has an exception set, this exception is raised.",
    ),
    def(
        "exception",
        "($self, /)",
        exception,
        "Return the exception that was set on this future.\n\nThe exception (or None if no exception was set) is returned only if\nthe future is done.  If the future has been cancelled, raises\nCancelledError.  If the future isn't done yet, raises\nInvalidStateError.",
    ),
    def(
        "set_result",
        "($self, result, /)",
        |t, a| {
            alive(t, &a[0])?;
            set_result(t, &a[0], a[1].clone())?;
            Ok(Value::NONE)
        },
        "Mark the future done and set its result.\n\nIf the future is already done when this method is called, raises\nInvalidStateError.",
    ),
    def(
        "set_exception",
        "($self, exception, /)",
        |t, a| {
            alive(t, &a[0])?;
            set_exception(t, &a[0], &a[1])?;
            Ok(Value::NONE)
        },
        "Mark the future done and set an exception.\n\nIf the future is already done when this method is called, raises\nInvalidStateError.",
    ),
    def(
        "add_done_callback",
        "($self, fn, /, *, context=<unrepresentable>)",
        waiters::add_done_callback,
        "Add a callback to be run when the future becomes done.\n\nThe callback is called with a single argument - the future object. If\nthe future is already done when this is called, the callback is\nscheduled with call_soon.",
    ),
    def(
        "remove_done_callback",
        "($self, fn, /)",
        waiters::remove_done_callback,
        "Remove all instances of a callback from the \"call when done\" list.\n\nReturns the number of callbacks removed.",
    ),
    def(
        "cancel",
        "($self, /, msg=None)",
        |t, a| {
            alive(t, &a[0])?;
            Ok(Value::bool(cancel(t, &a[0], or_none(&a[1]))?))
        },
        "Cancel the future and schedule callbacks.\n\nIf the future is already done or cancelled, return False.  Otherwise,\nchange the future's state to cancelled, schedule the callbacks and\nreturn True.",
    ),
    def(
        "cancelled",
        "($self, /)",
        |_, a| Ok(Value::bool(me(&a[0]).state.get() == State::Cancelled)),
        "Return True if the future was cancelled.",
    ),
    def(
        "done",
        "($self, /)",
        |_, a| Ok(Value::bool(!me(&a[0]).running.is_absent() && !me(&a[0]).is_pending())),
        "Return True if the future is done.\n\nDone means either that a result / exception are available, or that the\nfuture was cancelled.",
    ),
    def(
        "get_loop",
        "($self, /)",
        |t, a| alive(t, &a[0]).map(|f| f.running.get()),
        "Return the event loop the Future is bound to.",
    ),
    def(
        "_make_cancelled_error",
        "($self, /)",
        |t, a| cancelled_error(t, &a[0]).map(Exc::into_value),
        "Create the CancelledError to raise if the Future is cancelled.\n\nThis should only be called once when handling a cancellation since\nit erases the context exception value.",
    ),
    def("__class_getitem__", "($type, object, /)", iters::class_getitem, "See PEP 585").class(),
];

const GETSET: &[GetSetDef] = &[
    getter("_state", |t, v| alive(t, v).map(|f| state_text(f.state.get())), ""),
    getset(
        "_asyncio_future_blocking",
        |_, v| Ok(Value::bool(!me(v).running.is_absent() && me(v).blocking.get())),
        |t, v, x| {
            let x = given(t, v, x, "_asyncio_future_blocking")?;
            let on = ops::truth(t, x)?;
            alive(t, v)?.blocking.set(on);
            Ok(())
        },
        "",
    ),
    getter("_loop", |_, v| Ok(none(&me(v).running)), ""),
    getter("_callbacks", waiters::callbacks, ""),
    getter("_result", |t, v| alive(t, v).map(|f| none(&f.result)), ""),
    getter("_exception", |t, v| alive(t, v).map(|f| none(&f.exception)), ""),
    getset(
        "_log_traceback",
        |t, v| alive(t, v).map(|f| Value::bool(f.log_traceback.get())),
        |t, v, x| {
            let x = given(t, v, x, "_log_traceback")?;
            if ops::truth(t, x)? {
                return Err(error::value_error(t, "_log_traceback can only be set to False"));
            }
            me(v).log_traceback.set(false);
            Ok(())
        },
        "",
    ),
    getter("_source_traceback", |_, v| Ok(none(&me(v).source_traceback)), ""),
    getset(
        "_cancel_message",
        |_, v| Ok(none(&me(v).cancel_message)),
        |t, v, x| {
            let x = given(t, v, x, "_cancel_message")?;
            me(v).cancel_message.set(&me(v).header, x.clone());
            Ok(())
        },
        "",
    ),
    getter("_asyncio_awaited_by", waiters::awaited_by, ""),
];

pub(super) fn me(v: &Value) -> &Future {
    v.expect::<Future>()
}

fn none(slot: &Slot) -> Value {
    or_none(&slot.get())
}

/// None for what was not given.
pub(super) fn or_none(v: &Value) -> Value {
    v.opt().cloned().unwrap_or(Value::NONE)
}

pub(super) fn given<'a>(t: &Thread, v: &Value, x: Option<&'a Value>, name: &str) -> Res<&'a Value> {
    x.ok_or_else(|| {
        let text = format!("attribute '{name}' of '{}' objects cannot be deleted", type_of(v).name());
        error::new(t, &exc::ATTRIBUTE_ERROR, text)
    })
}

fn state_text(state: State) -> Value {
    names::intern_static(match state {
        State::Pending => "PENDING",
        State::Cancelled => "CANCELLED",
        State::Finished => "FINISHED",
    })
}

/// The future, if `__init__` has run.
pub(super) fn alive<'a>(t: &Thread, v: &'a Value) -> Res<&'a Future> {
    let f = me(v);
    if f.running.is_absent() {
        return Err(error::runtime_error(t, "Future object is not initialized."));
    }
    Ok(f)
}

/// `__init__`.
pub(super) fn init(t: &Thread, v: &Value, given: &Value) -> Res<()> {
    let f = me(v);
    let dict = f.dict.take();
    f.clear();
    f.dict.set(&f.header, dict);
    f.state.set(State::Pending);
    f.log_traceback.set(false);
    f.blocking.set(false);
    let running = match given.non_none() {
        Some(given) => given.clone(),
        None => running::event_loop(t)?,
    };
    f.running.set(&f.header, running.clone());
    let debug = call::method(t, &running, names::n::get_debug(), &[])?;
    if ops::truth(t, &debug)? {
        let stack = call::call0(t, &known(t, Known::ExtractStack)?)?;
        f.source_traceback.set(&f.header, stack);
    }
    Ok(())
}

/// Asks the loop to call all callbacks.
fn schedule_callbacks(t: &Thread, v: &Value) -> Res<()> {
    let f = me(v);
    let callbacks = f.callbacks.take();
    let running = f.running.get();
    for callback in callbacks {
        call_soon(t, &running, callback.f.get(), Some(v), &callback.context.get())?;
    }
    Ok(())
}

pub(super) fn set_result(t: &Thread, v: &Value, result: Value) -> Res<()> {
    let f = me(v);
    if !f.is_pending() {
        return Err(invalid_state(t, "invalid state"));
    }
    f.result.set(&f.header, result);
    f.state.set(State::Finished);
    schedule_callbacks(t, v)
}

pub(super) fn set_exception(t: &Thread, v: &Value, given: &Value) -> Res<()> {
    let f = me(v);
    if !f.is_pending() {
        return Err(invalid_state(t, "invalid state"));
    }
    let mut e = given.clone();
    if given.downcast::<TypeObject>().is_some_and(|c| c.has_flag(flag::EXCEPTION)) {
        e = call::call0(t, given)?;
        if !f.is_pending() {
            return Err(invalid_state(t, "invalid state"));
        }
    }
    if !type_of(&e).has_flag(flag::EXCEPTION) {
        return Err(error::type_error(t, "invalid exception object"));
    }
    if type_of(&e).is_subtype(exc::STOP_ITERATION.ty()) {
        let text = "StopIteration interacts badly with generators and cannot be raised into a Future";
        let wrapped = error::runtime_error(t, text).into_value();
        exc::set_cause(t, &wrapped, e.clone());
        exc::set_context(t, &wrapped, e);
        e = wrapped;
    }
    f.exception_tb.set(&f.header, exc::traceback(&e));
    f.exception.set(&f.header, e);
    f.state.set(State::Finished);
    schedule_callbacks(t, v)?;
    f.log_traceback.set(true);
    Ok(())
}

/// `Future.cancel`.
pub(super) fn cancel(t: &Thread, v: &Value, message: Value) -> Res<bool> {
    let f = me(v);
    f.log_traceback.set(false);
    if !f.is_pending() {
        return Ok(false);
    }
    f.state.set(State::Cancelled);
    f.cancel_message.set(&f.header, message);
    schedule_callbacks(t, v)?;
    Ok(true)
}

/// The error that a cancelled future raises: the one that went through its task, once, or a new one.
pub(super) fn cancelled_error(t: &Thread, v: &Value) -> Res<Exc> {
    let f = me(v);
    if let Some(e) = f.cancelled_error.take().present() {
        return Ok(Exc::new(e));
    }
    let class = known(t, Known::CancelledError)?;
    let made = match f.cancel_message.get().non_none() {
        Some(message) => call::call1(t, &class, message)?,
        None => call::call0(t, &class)?,
    };
    if !type_of(&made).has_flag(flag::EXCEPTION) {
        return Err(error::type_error(t, "exceptions must derive from BaseException"));
    }
    Ok(Exc::new(made))
}

/// What the future gives or raises.
pub(super) fn result(t: &Thread, v: &Value) -> Res {
    let f = me(v);
    match f.state.get() {
        _ if f.running.is_absent() => return Err(invalid_state(t, "Future object is not initialized.")),
        State::Cancelled => return Err(cancelled_error(t, v)?),
        State::Pending => return Err(invalid_state(t, "Result is not set.")),
        State::Finished => {}
    }
    f.log_traceback.set(false);
    if let Some(e) = f.exception.get().present() {
        exc::set_traceback(&e, f.exception_tb.take());
        return Err(Exc::new(e));
    }
    Ok(none(&f.result))
}

fn exception(t: &Thread, a: &[Value]) -> Res {
    let f = me(&a[0]);
    match f.state.get() {
        _ if f.running.is_absent() => return Err(invalid_state(t, "Future object is not initialized.")),
        State::Cancelled => return Err(cancelled_error(t, &a[0])?),
        State::Pending => return Err(invalid_state(t, "Exception is not set.")),
        State::Finished => {}
    }
    f.log_traceback.set(false);
    Ok(none(&f.exception))
}

/// A future or task of this module itself, whose methods nobody has replaced.
pub(super) fn is_plain(v: &Value) -> bool {
    std::ptr::eq(type_of(v), FUTURE.ty()) || std::ptr::eq(type_of(v), TASK.ty())
}

/// The loop of anything that is like a future.
pub(super) fn loop_of(t: &Thread, v: &Value) -> Res {
    if is_plain(v) {
        return Ok(none(&me(v).running));
    }
    match attr::get_opt(t, v, &names::intern_text(t, "get_loop"))? {
        Some(f) => call::call0(t, &f),
        None => attr::get(t, v, &names::intern_text(t, "_loop")),
    }
}

/// `__del__`: an exception that nobody has asked for is told to the loop.
pub(super) fn finalize(t: &Thread, v: &Value) {
    let f = me(v);
    if !f.log_traceback.replace(false) {
        return;
    }
    let text = format!("{} exception was never retrieved", type_of(v).short_name());
    let told = strs::new(t, &text)
        .and_then(|text| about(t, &[("message", text), ("exception", none(&f.exception)), ("future", v.clone())], f));
    match told {
        Ok(context) => report(t, &f.running.get(), &context, v),
        Err(e) => error::unraisable(t, e, "while finalizing", v),
    }
}

/// A context for the loop's exception handler.
pub(super) fn about(t: &Thread, what: &[(&'static str, Value)], f: &Future) -> Res {
    let d = Dict::create(t);
    for (name, value) in what {
        Dict::of(&d).set_str(t, &names::intern_static(name), value.clone())?;
    }
    if let Some(stack) = f.source_traceback.get().present() {
        Dict::of(&d).set_str(t, &names::intern_static("source_traceback"), stack)?;
    }
    Ok(d)
}

/// `cancel(msg=message)` of anything that is like a future.
pub(super) fn cancel_any(t: &Thread, v: &Value, message: Value) -> Res<bool> {
    if std::ptr::eq(type_of(v), FUTURE.ty()) {
        alive(t, v)?;
        return cancel(t, v, message);
    }
    if std::ptr::eq(type_of(v), TASK.ty()) {
        return step::cancel(t, v, message);
    }
    let done = super::method_with(t, v, &names::intern_text(t, "cancel"), &[message], names::n::msg())?;
    ops::truth(t, &done)
}
