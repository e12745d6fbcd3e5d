//! The running loop and task of each thread, and which tasks there are.

use super::future;
use super::task::Task;
use super::{Known, known};
use crate::thread::turns;
use rustc_hash::FxHashSet;
use std::cell::RefCell;
use typhon_object::native::{MethodDef, def};
use typhon_object::types::set_;
use typhon_object::{Exc, Res, Thread, Value, call, error, names, ops};

/// What runs in one thread.
struct Running {
    thread: u64,
    running: Value,
    /// The task that the loop is in, absent between tasks.
    task: Value,
}

/// What runs in the isolate's threads that have a loop.
#[derive(Default)]
struct Threads(RefCell<Vec<Running>>);

/// Tasks of this module's type that have not ended, by address: the table keeps none alive.
#[derive(Default)]
struct Tasks(RefCell<FxHashSet<u64>>);

pub(super) const FUNCTIONS: &[MethodDef] = &[
    def(
        "_get_running_loop",
        "($module, /)",
        |t, _| Ok(none(running(t))),
        "Return the running event loop or None.\n\nThis is a low-level function intended to be used by event loops.\nThis function is thread-specific.",
    ),
    def(
        "_set_running_loop",
        "($module, loop, /)",
        |t, a| {
            set_running(t, &a[0]);
            Ok(Value::NONE)
        },
        "Set the running event loop.\n\nThis is a low-level function intended to be used by event loops.\nThis function is thread-specific.",
    ),
    def(
        "get_running_loop",
        "($module, /)",
        |t, _| needed(t),
        "Return the running event loop.  Raise a RuntimeError if there is none.\n\nThis function is thread-specific.",
    ),
    def(
        "get_event_loop",
        "($module, /)",
        |t, _| event_loop(t),
        "Return an asyncio event loop.\n\nWhen called from a coroutine or a callback (e.g. scheduled with\ncall_soon or similar API), this function will always return the\nrunning event loop.\n\nIf there is no running event loop set, the function will return\nthe result of `get_event_loop_policy().get_event_loop()` call.",
    ),
    def(
        "_enter_task",
        "($module, /, loop, task)",
        |t, a| enter(t, &a[0], &a[1]).map(|()| Value::NONE),
        "Enter into task execution or resume suspended task.\n\nTask belongs to loop.\n\nReturns None.",
    ),
    def(
        "_leave_task",
        "($module, /, loop, task)",
        |t, a| leave(t, &a[0], &a[1]).map(|()| Value::NONE),
        "Leave task execution or suspend a task.\n\nTask belongs to loop.\n\nReturns None.",
    ),
    def(
        "_swap_current_task",
        "($module, /, loop, task)",
        |t, a| swap(t, &a[0], &a[1]),
        "Temporarily swap in the supplied task and return the original one (or None).\n\nThis is intended for use during eager coroutine execution.",
    ),
    def(
        "_register_task",
        "($module, /, task)",
        |t, a| register(t, &a[0]).map(|()| Value::NONE),
        "Register a new task in asyncio as executed by loop.\n\nReturns None.",
    ),
    def(
        "_unregister_task",
        "($module, /, task)",
        |t, a| unregister(t, &a[0]).map(|()| Value::NONE),
        "Unregister a task.\n\nReturns None.",
    ),
    def(
        "_register_eager_task",
        "($module, /, task)",
        |t, a| register_eager(t, &a[0]).map(|()| Value::NONE),
        "Register a new task in asyncio as executed by loop.\n\nReturns None.",
    ),
    def(
        "_unregister_eager_task",
        "($module, /, task)",
        |t, a| unregister_eager(t, &a[0]).map(|()| Value::NONE),
        "Unregister a task.\n\nReturns None.",
    ),
    def("current_task", "($module, /, loop=None)", current_task, "Return a currently executed task."),
    def("all_tasks", "($module, /, loop=None)", all_tasks, "Return a set of all tasks for the loop."),
];

fn none(v: Value) -> Value {
    v.present().unwrap_or(Value::NONE)
}

/// The calling thread's loop, absent if none runs.
pub(super) fn running(t: &Thread) -> Value {
    let me = turns::current();
    let threads = t.state::<Threads>();
    let found = threads.0.borrow().iter().find(|r| r.thread == me).map(|r| r.running.clone());
    found.unwrap_or_default()
}

fn set_running(t: &Thread, running: &Value) {
    let me = turns::current();
    let threads = t.state::<Threads>();
    let mut rows = threads.0.borrow_mut();
    let old = match rows.iter().position(|r| r.thread == me) {
        Some(i) if running.is_none() => Some(rows.swap_remove(i)),
        Some(i) => {
            Some(std::mem::replace(&mut rows[i], Running { thread: me, running: running.clone(), task: Value::ABSENT }))
        }
        None => {
            if !running.is_none() {
                rows.push(Running { thread: me, running: running.clone(), task: Value::ABSENT });
            }
            None
        }
    };
    drop(rows);
    if let Some(old) = old {
        drop((old.running, old.task));
    }
}

fn needed(t: &Thread) -> Res {
    running(t).present().ok_or_else(|| error::runtime_error(t, "no running event loop"))
}

/// The running loop, or the policy's.
pub(super) fn event_loop(t: &Thread) -> Res {
    match running(t).present() {
        Some(running) => Ok(running),
        None => {
            let policy = call::call0(t, &known(t, Known::GetPolicy)?)?;
            call::method(t, &policy, &names::intern_text(t, "get_event_loop"), &[])
        }
    }
}

/// The task that the thread is in, if `running` is the thread's loop.
fn current(t: &Thread, running: &Value) -> Res {
    let me = turns::current();
    let threads = t.state::<Threads>();
    let found = threads.0.borrow().iter().find(|r| r.thread == me && r.running.is(running)).map(|r| r.task.clone());
    found.ok_or_else(|| match ops::repr_text(t, running) {
        Ok(text) => error::runtime_error(t, format_args!("loop {text} is not the running loop")),
        Err(e) => e,
    })
}

fn put(t: &Thread, task: Value) {
    let me = turns::current();
    let threads = t.state::<Threads>();
    let old = threads.0.borrow_mut().iter_mut().find(|r| r.thread == me).map(|r| std::mem::replace(&mut r.task, task));
    drop(old);
}

pub(super) fn enter(t: &Thread, running: &Value, task: &Value) -> Res<()> {
    let now = current(t, running)?;
    if now.is_absent() {
        put(t, task.clone());
        return Ok(());
    }
    let (task, now) = (ops::repr_text(t, task)?, ops::repr_text(t, &now)?);
    let text = format!("Cannot enter into task {task} while another task {now} is being executed.");
    Err(error::runtime_error(t, text))
}

pub(super) fn leave(t: &Thread, running: &Value, task: &Value) -> Res<()> {
    let now = current(t, running)?;
    if now.is(task) {
        put(t, Value::ABSENT);
        return Ok(());
    }
    let (task, now) = (ops::repr_text(t, task)?, ops::repr_text(t, &none(now))?);
    Err(error::runtime_error(t, format_args!("Invalid attempt to leave task {task} while task {now} is entered.")))
}

/// Puts another task in; gives the one before, or None.
pub(super) fn swap(t: &Thread, running: &Value, task: &Value) -> Res {
    let before = current(t, running)?;
    put(t, if task.is_none() { Value::ABSENT } else { task.clone() });
    Ok(none(before))
}

fn current_task(t: &Thread, a: &[Value]) -> Res {
    let asked = match a[0].non_none() {
        Some(asked) => asked.clone(),
        None => needed(t)?,
    };
    let threads = t.state::<Threads>();
    let found = threads.0.borrow().iter().find(|r| r.running.is(&asked)).map(|r| r.task.clone());
    Ok(none(found.unwrap_or_default()))
}

/// Notes a task that its loop will step.
pub(super) fn register(t: &Thread, task: &Value) -> Res<()> {
    if task.downcast::<Task>().is_some() {
        t.state::<Tasks>().0.borrow_mut().insert(task.bits());
        return Ok(());
    }
    call::method(t, &known(t, Known::ScheduledTasks)?, names::n::add(), std::slice::from_ref(task)).map(drop)
}

fn unregister(t: &Thread, task: &Value) -> Res<()> {
    if task.downcast::<Task>().is_some() {
        forget(t, task.bits());
        return Ok(());
    }
    let name = names::intern_text(t, "discard");
    call::method(t, &known(t, Known::ScheduledTasks)?, &name, std::slice::from_ref(task)).map(drop)
}

/// A task has ended, or dies.
pub(super) fn forget(t: &Thread, task: u64) {
    t.state::<Tasks>().0.borrow_mut().remove(&task);
}

/// Notes a task that runs its first step where it was made.
pub(super) fn register_eager(t: &Thread, task: &Value) -> Res<()> {
    call::method(t, &known(t, Known::EagerTasks)?, names::n::add(), std::slice::from_ref(task)).map(drop)
}

pub(super) fn unregister_eager(t: &Thread, task: &Value) -> Res<()> {
    let name = names::intern_text(t, "discard");
    call::method(t, &known(t, Known::EagerTasks)?, &name, std::slice::from_ref(task)).map(drop)
}

fn all_tasks(t: &Thread, a: &[Value]) -> Res {
    let asked = match a[0].non_none() {
        Some(asked) => asked.clone(),
        None => needed(t)?,
    };
    let mut found = ops::collect(t, &known(t, Known::EagerTasks)?)?;
    // A task takes itself out of the table before it dies, so each address is a live object's.
    let own = |bits: &u64| Value::from_ref(bits).clone();
    found.extend(t.state::<Tasks>().0.borrow().iter().map(own));
    found.extend(ops::collect(t, &known(t, Known::ScheduledTasks)?)?);
    let mut kept = Vec::new();
    for task in found {
        if pending(t, &task, &asked)? {
            kept.push(task);
        }
    }
    set_::from_vec(t, kept)
}

/// Whether a task belongs to a loop and has not ended.
fn pending(t: &Thread, task: &Value, asked: &Value) -> Res<bool> {
    if let Some(task) = task.exact::<Task>() {
        return Ok(task.future.running.get().is(asked) && task.future.is_pending());
    }
    if !future::loop_of(t, task)?.is(asked) {
        return Ok(false);
    }
    let done = call::method(t, task, &names::intern_text(t, "done"), &[])?;
    Ok(!ops::truth(t, &done)?)
}

/// An error as a task takes it: anything that stops the isolate passes.
pub(super) fn caught(e: Exc) -> Res<Exc> {
    if e.is_stopped() { Err(e) } else { Ok(e) }
}
