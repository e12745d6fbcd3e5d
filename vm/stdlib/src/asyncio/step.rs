//! A task's steps: the coroutine runs to its next yield, and what it yields says when to go on.

use super::future::{self, State, alive};
use super::running;
use super::task::{Task, me, schedule_error, schedule_step};
use super::{is_cancelled, method_with, waiters};
use typhon_interp::generator::{self, Resumed};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def, getter, new_method};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions as exc;
use typhon_object::{Args, Exc, Res, Thread, Value, attr, call, error, names, ops};

/// A callable that steps a task.
#[repr(C)]
pub struct TaskStep {
    pub(super) header: Header,
    pub(super) task: Slot,
    /// What to throw into the coroutine, absent if nothing.
    pub(super) thrown: Slot,
}

typhon_object::payload!(TaskStep => TASK_STEP {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.task.peek());
            visit(self.thrown.peek());
        }
    }
    fn clear(&self) {
        drop(self.task.take());
        drop(self.thrown.take());
    }
});

/// _asyncio.TaskStepMethWrapper.
pub(super) static TASK_STEP: TypeDef = TypeDef {
    name: "_asyncio.TaskStepMethWrapper",
    flags: flag::NO_NEW,
    slots: Slots { call: Some(call_step), ..Slots::NONE },
    getset: &[getter("__self__", |_, v| Ok(v.expect::<TaskStep>().task.get().present().unwrap_or(Value::NONE)), "")],
    ..TypeDef::of::<TaskStep>()
};

fn call_step(t: &Thread, v: &Value, args: Args<'_>) -> Res {
    if args.has_keywords() {
        return Err(error::type_error(t, "function takes no keyword arguments"));
    }
    if !args.values.is_empty() {
        return Err(error::type_error(t, "function takes no positional arguments"));
    }
    let it = v.expect::<TaskStep>();
    step(t, &it.task.get(), it.thrown.get())
}

static WAKEUP: MethodDef = def("task_wakeup", "($self, future, /)", |t, a| wakeup(t, &a[0], &a[1]), "");

/// One step of the task, inside it as far as `current_task` is concerned.
fn step(t: &Thread, v: &Value, thrown: Value) -> Res {
    let Some(task) = v.downcast::<Task>() else { return Err(error::runtime_error(t, "uninitialized Task object")) };
    let running = task.future.running.get();
    running::enter(t, &running, v)?;
    let out = run(t, v, thrown);
    let left = running::leave(t, &running, v);
    out?;
    left?;
    Ok(Value::NONE)
}

/// The first step of an eager task, where it is made.
pub(super) fn eager_start(t: &Thread, v: &Value) -> Res<()> {
    static RUN: MethodDef =
        def("eager_step", "($self, /)", |t, a| run(t, &a[0], Value::ABSENT).map(|()| Value::NONE), "");
    let task = me(v);
    let running = task.future.running.get();
    let before = running::swap(t, &running, v)?;
    let out = running::register_eager(t, v).and_then(|()| {
        let f = new_method(t, &RUN, v.clone())?;
        let ran = call::method(t, &task.context.get(), &names::intern_text(t, "run"), &[f]);
        let gone = running::unregister_eager(t, v);
        ran?;
        gone
    });
    let back = running::swap(t, &running, &before);
    if task.future.is_pending() {
        running::register(t, v)?;
    } else {
        drop(task.coroutine.take());
    }
    out?;
    back.map(drop)
}

/// Runs the coroutine to its next yield or its end.
fn run(t: &Thread, v: &Value, mut thrown: Value) -> Res<()> {
    let task = me(v);
    if !task.future.is_pending() {
        let what = if thrown.is_absent() { "None".to_owned() } else { ops::repr_text(t, &thrown)? };
        let text = format!("__step(): already done: {} {what}", ops::repr_text(t, v)?);
        return Err(super::invalid_state(t, &text));
    }
    if task.must_cancel.get() {
        let cancelled = !thrown.is_absent() && is_cancelled(t, &Exc::new(thrown.clone()))?;
        if !cancelled {
            thrown = future::cancelled_error(t, v)?.into_value();
        }
        task.must_cancel.set(false);
    }
    drop(task.waiter.take());
    let Some(coroutine) = task.coroutine.get().present() else {
        return Err(error::runtime_error(t, "uninitialized Task object"));
    };
    let resumed = match thrown.present() {
        Some(thrown) => throw(t, &coroutine, &thrown),
        None => send(t, &coroutine),
    };
    match resumed {
        Ok(Resumed::Yield(yielded)) => wait_for(t, v, &yielded),
        ended => {
            running::forget(t, v.bits());
            end(t, v, ended)
        }
    }
}

fn send(t: &Thread, coroutine: &Value) -> Res<Resumed> {
    if generator::is_coroutine(coroutine) {
        return generator::send(t, coroutine, &Value::NONE);
    }
    settled(call::method(t, coroutine, names::n::send(), &[Value::NONE]))
}

fn throw(t: &Thread, coroutine: &Value, thrown: &Value) -> Res<Resumed> {
    settled(call::method(t, coroutine, names::n::throw(), std::slice::from_ref(thrown)))
}

/// The StopIteration of a method is a return.
fn settled(r: Res) -> Res<Resumed> {
    match r {
        Ok(v) => Ok(Resumed::Yield(v)),
        Err(e) if e.is(&exc::STOP_ITERATION) => {
            Ok(Resumed::Return(exc::field(e.value(), "value").unwrap_or(Value::NONE)))
        }
        Err(e) => Err(e),
    }
}

/// The coroutine has returned or raised.
fn end(t: &Thread, v: &Value, ended: Res<Resumed>) -> Res<()> {
    let task = me(v);
    let e = match ended {
        Ok(Resumed::Return(_)) if task.must_cancel.replace(false) => {
            let message = task.future.cancel_message.get();
            return future::cancel(t, v, message).map(drop);
        }
        Ok(Resumed::Return(result) | Resumed::Yield(result)) => return future::set_result(t, v, result),
        Err(e) if e.is_stopped() => return Err(e),
        Err(e) => e,
    };
    if is_cancelled(t, &e)? {
        task.future.cancelled_error.set(&task.future.header, e.into_value());
        return future::cancel(t, v, Value::ABSENT).map(drop);
    }
    future::set_exception(t, v, e.value())?;
    if e.is(&exc::KEYBOARD_INTERRUPT) || e.is(&exc::SYSTEM_EXIT) { Err(e) } else { Ok(()) }
}

/// Goes on when what the coroutine has yielded is done.
fn wait_for(t: &Thread, v: &Value, yielded: &Value) -> Res<()> {
    let task = me(v);
    if yielded.is(v) {
        return schedule_error(t, v, format!("Task cannot await on itself: {}", ops::repr_text(t, v)?));
    }
    if future::is_plain(yielded) {
        return wait_for_plain(t, v, yielded);
    }
    if yielded.is_none() {
        return schedule_step(t, v, Value::ABSENT);
    }
    let flag = names::n::_asyncio_future_blocking();
    let blocking = attr::get_opt(t, yielded, flag)?.filter(|b| !b.is_none());
    if let Some(blocking) = blocking {
        if !future::loop_of(t, yielded)?.is(&task.future.running.get()) {
            return other_loop(t, v, yielded);
        }
        if !ops::truth(t, &blocking)? {
            return bad_yield(t, v, yielded, "");
        }
        attr::set(t, yielded, flag, Some(&Value::FALSE))?;
        waiters::add_awaited_by(t, yielded, v)?;
        let wakeup = new_method(t, &WAKEUP, v.clone())?;
        let add = names::intern_text(t, "add_done_callback");
        method_with(t, yielded, &add, &[wakeup, task.context.get()], names::n::context())?;
        return started_waiting(t, v, yielded);
    }
    if generator::as_generator(yielded).is_some() && !generator::is_coroutine(yielded) {
        return bad_yield(t, v, yielded, "for generator ");
    }
    schedule_error(t, v, format!("Task got bad yield: {}", ops::repr_text(t, yielded)?))
}

fn wait_for_plain(t: &Thread, v: &Value, yielded: &Value) -> Res<()> {
    let task = me(v);
    let f = future::me(yielded);
    if !f.running.get().is(&task.future.running.get()) {
        return other_loop(t, v, yielded);
    }
    if !f.blocking.replace(false) {
        return bad_yield(t, v, yielded, "");
    }
    waiters::add_awaited_by(t, yielded, v)?;
    let wakeup = new_method(t, &WAKEUP, v.clone())?;
    waiters::add_callback(t, yielded, wakeup, task.context.get())?;
    started_waiting(t, v, yielded)
}

fn started_waiting(t: &Thread, v: &Value, yielded: &Value) -> Res<()> {
    let task = me(v);
    task.waiter.set(&task.future.header, yielded.clone());
    if task.must_cancel.get() {
        let message = future::or_none(&task.future.cancel_message.get());
        if future::cancel_any(t, yielded, message)? {
            task.must_cancel.set(false);
        }
    }
    Ok(())
}

fn other_loop(t: &Thread, v: &Value, yielded: &Value) -> Res<()> {
    let (task, yielded) = (ops::repr_text(t, v)?, ops::repr_text(t, yielded)?);
    schedule_error(t, v, format!("Task {task} got Future {yielded} attached to a different loop"))
}

fn bad_yield(t: &Thread, v: &Value, yielded: &Value, what: &str) -> Res<()> {
    let (task, yielded) = (ops::repr_text(t, v)?, ops::repr_text(t, yielded)?);
    schedule_error(t, v, format!("yield was used instead of yield from {what}in task {task} with {yielded}"))
}

/// What the task waited for is done.
fn wakeup(t: &Thread, v: &Value, waited: &Value) -> Res {
    waiters::discard_awaited_by(t, waited, v)?;
    let result = if future::is_plain(waited) {
        future::result(t, waited)
    } else {
        call::method(t, waited, &names::intern_text(t, "result"), &[])
    };
    let thrown = match result {
        Ok(_) => Value::ABSENT,
        Err(e) => running::caught(e)?.into_value(),
    };
    step(t, v, thrown)
}

/// `Task.cancel`.
pub(super) fn cancel(t: &Thread, v: &Value, message: Value) -> Res<bool> {
    alive(t, v)?;
    let task = me(v);
    task.future.log_traceback.set(false);
    if task.future.state.get() != State::Pending {
        return Ok(false);
    }
    task.cancels.set(task.cancels.get() + 1);
    // The waiter stays: it may be a task that catches the cancellation, and then it must be cancelled again.
    if let Some(waiter) = task.waiter.get().present()
        && future::cancel_any(t, &waiter, message.clone())?
    {
        return Ok(true);
    }
    task.must_cancel.set(true);
    task.future.cancel_message.set(&task.future.header, message);
    Ok(true)
}
