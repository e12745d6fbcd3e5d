//! Task: a future that runs a coroutine.

use super::future::{self, Future, alive, or_none};
use super::running;
use super::step::{self, TaskStep};
use super::{Known, call_soon, known, report};
use std::cell::Cell;
use typhon_interp::generator;
use typhon_native::ctor;
use typhon_object::header::Header;
use typhon_object::native::{GetSetDef, MethodDef, def, getset, getter};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::iters;
use typhon_object::{Res, Thread, Value, call, error, names, ops, payload};

/// A task.
#[repr(C)]
pub struct Task {
    pub(super) future: Future,
    pub(super) coroutine: Slot,
    /// Its name; absent while that is still to be made of `number`.
    name: Slot,
    number: Cell<u64>,
    pub(super) context: Slot,
    /// The future it waits for.
    pub(super) waiter: Slot,
    pub(super) must_cancel: Cell<bool>,
    log_destroy: Cell<bool>,
    pub(super) cancels: Cell<i64>,
}

typhon_object::payload!(Task, future => TASK {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.future.traverse(visit);
        for slot in [&self.coroutine, &self.name, &self.context, &self.waiter] {
            // SAFETY: the collector's visitor stores nothing.
            visit(unsafe { slot.peek() });
        }
    }
    fn clear(&self) {
        self.future.clear();
        for slot in [&self.coroutine, &self.context, &self.waiter] {
            drop(slot.take());
        }
    }
});

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(t) = typhon_object::thread::current() {
            running::forget(t, std::ptr::from_ref(self) as u64);
        }
    }
}

/// _asyncio.Task.
pub(super) static TASK: TypeDef = TypeDef {
    name: "_asyncio.Task",
    doc: "A coroutine wrapped in a Future.",
    signature: "(coro, *, loop=None, name=None, context=None, eager_start=False)",
    base: Some(&future::FUTURE),
    flags: flag::BASETYPE | flag::WEAKREFS,
    dict_offset: std::mem::offset_of!(Future, dict),
    slots: Slots {
        new: Some(|t, class, _| payload::new_for(t, class, blank)),
        init: Some(|t, v, args| ctor::bind(t, &INIT, v, args).map(drop)),
        repr: Some(|t, v| call::call1(t, &known(t, Known::TaskRepr)?, v)),
        finalize: Some(finalize),
        ..Slots::NONE
    },
    methods: METHODS,
    getset: GETSET,
    ..TypeDef::of::<Task>()
};

static INIT: MethodDef =
    def("Task", "($self, /, coro, *, loop=None, name=None, context=None, eager_start=False)", init, "");

const METHODS: &[MethodDef] = &[
    def(
        "set_result",
        "($self, result, /)",
        |t, _| Err(error::runtime_error(t, "Task does not support set_result operation")),
        "",
    ),
    def(
        "set_exception",
        "($self, exception, /)",
        |t, _| Err(error::runtime_error(t, "Task does not support set_exception operation")),
        "",
    ),
    def(
        "cancel",
        "($self, /, msg=None)",
        |t, a| Ok(Value::bool(step::cancel(t, &a[0], or_none(&a[1]))?)),
        "Request that this task cancel itself.\n\nThis arranges for a CancelledError to be thrown into the\nwrapped coroutine on the next cycle through the event loop.\nThe coroutine then has a chance to clean up or even deny\nthe request using try/except/finally.\n\nUnlike Future.cancel, this does not guarantee that the\ntask will be cancelled: the exception might be caught and\nacted upon, delaying cancellation of the task or preventing\ncancellation completely.  The task may also return a value or\nraise a different exception.\n\nImmediately after this method is called, Task.cancelled() will\nnot return True (unless the task was already cancelled).  A\ntask will be marked as cancelled when the wrapped coroutine\nterminates with a CancelledError exception (even if cancel()\nwas not called).\n\nThis also increases the task's count of cancellation requests.",
    ),
    def(
        "cancelling",
        "($self, /)",
        |_, a| Ok(Value::small(me(&a[0]).cancels.get())),
        "Return the count of the task's cancellation requests.\n\nThis count is incremented when .cancel() is called\nand may be decremented using .uncancel().",
    ),
    def(
        "uncancel",
        "($self, /)",
        uncancel,
        "Decrement the task's count of cancellation requests.\n\nThis should be used by tasks that catch CancelledError\nand wish to continue indefinitely until they are cancelled again.\n\nReturns the remaining number of cancellation requests.",
    ),
    def(
        "get_stack",
        "($self, /, *, limit=None)",
        |t, a| call::call(t, &known(t, Known::GetStack)?, &[a[0].clone(), or_none(&a[1])]),
        "Return the list of stack frames for this task's coroutine.",
    ),
    def(
        "print_stack",
        "($self, /, *, limit=None, file=None)",
        |t, a| call::call(t, &known(t, Known::PrintStack)?, &[a[0].clone(), or_none(&a[1]), or_none(&a[2])]),
        "Print the stack or traceback for this task's coroutine.",
    ),
    def("get_name", "($self, /)", |t, a| name(t, &a[0]), ""),
    def(
        "set_name",
        "($self, value, /)",
        |t, a| {
            let task = me(&a[0]);
            task.name.set(&task.future.header, as_name(t, &a[1])?);
            Ok(Value::NONE)
        },
        "",
    ),
    def("get_coro", "($self, /)", |_, a| Ok(or_none(&me(&a[0]).coroutine.get())), ""),
    def("get_context", "($self, /)", |_, a| Ok(or_none(&me(&a[0]).context.get())), ""),
    def("__class_getitem__", "($type, object, /)", iters::class_getitem, "See PEP 585").class(),
];

const GETSET: &[GetSetDef] = &[
    getset(
        "_log_destroy_pending",
        |_, v| Ok(Value::bool(me(v).log_destroy.get())),
        |t, v, x| {
            let x = future::given(t, v, x, "_log_destroy_pending")?;
            me(v).log_destroy.set(ops::truth(t, x)?);
            Ok(())
        },
        "",
    ),
    getter("_must_cancel", |_, v| Ok(Value::bool(me(v).must_cancel.get())), ""),
    getter("_coro", |_, v| Ok(or_none(&me(v).coroutine.get())), ""),
    getter("_fut_waiter", |_, v| Ok(or_none(&me(v).waiter.get())), ""),
];

pub(super) fn me(v: &Value) -> &Task {
    v.expect::<Task>()
}

fn blank(header: Header) -> Task {
    Task {
        future: Future::blank(header),
        coroutine: Slot::empty(),
        name: Slot::empty(),
        number: Cell::new(0),
        context: Slot::empty(),
        waiter: Slot::empty(),
        must_cancel: Cell::new(false),
        log_destroy: Cell::new(true),
        cancels: Cell::new(0),
    }
}

/// The number of the last task that was given no name.
#[derive(Default)]
struct Numbers(Cell<u64>);

fn init(t: &Thread, a: &[Value]) -> Res {
    let [v, coroutine, running, name, context, eager] = a else {
        return Err(error::system_error(t, "Task() without arguments"));
    };
    future::init(t, v, running)?;
    let task = me(v);
    task.log_destroy.set(true);
    if !is_coroutine(t, coroutine)? {
        // It never was a task, so that nothing is to be said when it goes.
        task.log_destroy.set(false);
        let text = ops::repr_text(t, coroutine)?;
        return Err(error::type_error(t, format_args!("a coroutine was expected, got {text}")));
    }
    let header = &task.future.header;
    let context = match context.non_none() {
        Some(context) => context.clone(),
        None => call::call0(t, &known(t, Known::CopyContext)?)?,
    };
    task.context.set(header, context);
    task.waiter.set(header, Value::ABSENT);
    task.must_cancel.set(false);
    task.cancels.set(0);
    task.coroutine.set(header, coroutine.clone());
    match name.non_none() {
        Some(name) => task.name.set(header, as_name(t, name)?),
        None => {
            let numbers = t.state::<Numbers>();
            numbers.0.set(numbers.0.get() + 1);
            task.number.set(numbers.0.get());
            task.name.set(header, Value::ABSENT);
        }
    }
    if !eager.is_absent() && ops::truth(t, eager)? {
        let runs = call::method(t, &task.future.running.get(), &names::intern_text(t, "is_running"), &[])?;
        if ops::truth(t, &runs)? {
            step::eager_start(t, v)?;
            return Ok(Value::NONE);
        }
    }
    schedule_step(t, v, Value::ABSENT)?;
    running::register(t, v)?;
    Ok(Value::NONE)
}

fn is_coroutine(t: &Thread, v: &Value) -> Res<bool> {
    if generator::is_coroutine(v) {
        return Ok(true);
    }
    let answer = call::call1(t, &known(t, Known::IsCoroutine)?, v)?;
    ops::truth(t, &answer)
}

fn as_name(t: &Thread, v: &Value) -> Res {
    if v.exact::<Str>().is_some() { Ok(v.clone()) } else { ops::str(t, v) }
}

fn name(t: &Thread, v: &Value) -> Res {
    let task = me(v);
    if let Some(name) = task.name.get().present() {
        return Ok(name);
    }
    if task.number.get() == 0 {
        return Ok(Value::NONE);
    }
    let name = strs::new(t, &format!("Task-{}", task.number.get()))?;
    task.name.set(&task.future.header, name.clone());
    Ok(name)
}

/// Has the loop step the task, with an exception to throw in or absent.
pub(super) fn schedule_step(t: &Thread, v: &Value, thrown: Value) -> Res<()> {
    let task = me(v);
    let step = payload::new(t, |header| TaskStep { header, task: Slot::new(v.clone()), thrown: Slot::new(thrown) })?;
    call_soon(t, &task.future.running.get(), step, None, &task.context.get())
}

/// Has the loop step the task with an error that says what is wrong with it.
pub(super) fn schedule_error(t: &Thread, v: &Value, text: String) -> Res<()> {
    schedule_step(t, v, error::runtime_error(t, text).into_value())
}

fn uncancel(t: &Thread, a: &[Value]) -> Res {
    let task = me(&a[0]);
    alive(t, &a[0])?;
    if task.cancels.get() > 0 {
        task.cancels.set(task.cancels.get() - 1);
        if task.cancels.get() == 0 {
            task.must_cancel.set(false);
        }
    }
    Ok(Value::small(task.cancels.get()))
}

/// `__del__`: a task that waits for something nobody will give it is told to the loop.
fn finalize(t: &Thread, v: &Value) {
    let task = me(v);
    if task.future.is_pending() && task.log_destroy.get() && !task.future.running.is_absent() {
        let context = strs::new(t, "Task was destroyed but it is pending!")
            .and_then(|text| future::about(t, &[("task", v.clone()), ("message", text)], &task.future));
        match context {
            Ok(context) => report(t, &task.future.running.get(), &context, v),
            Err(e) => error::unraisable(t, e, "while finalizing", v),
        }
    }
    future::finalize(t, v);
}
