//! _asyncio: futures, tasks and the running loop, which asyncio's loops and `await` spend their time in.

mod future;
mod future_iter;
mod running;
mod step;
mod task;
mod waiters;

use std::cell::RefCell;
use typhon_object::native::{ModuleDef, join, total};
use typhon_object::{Exc, Res, Thread, TypeObject, Value, attr, call, error, names};

const FUNCTIONS: &[&[typhon_object::native::MethodDef]] = &[running::FUNCTIONS, waiters::FUNCTIONS];
static ALL: [typhon_object::native::MethodDef; total(FUNCTIONS)] = join(FUNCTIONS);

/// `_asyncio`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_asyncio",
    doc: "Accelerator module for asyncio",
    functions: &ALL,
    types: &[
        ("Future", &future::FUTURE),
        ("Task", &task::TASK),
        ("", &future_iter::FUTURE_ITER),
        ("", &step::TASK_STEP),
    ],
    init: None,
};

/// What the Python part of asyncio defines and this part uses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    CancelledError,
    InvalidStateError,
    FutureRepr,
    TaskRepr,
    GetStack,
    PrintStack,
    IsCoroutine,
    ExtractStack,
    GetPolicy,
    CopyContext,
    ScheduledTasks,
    EagerTasks,
}

impl Known {
    const COUNT: usize = Self::EagerTasks as usize + 1;

    /// Module and name.
    fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::CancelledError => ("asyncio.exceptions", "CancelledError"),
            Self::InvalidStateError => ("asyncio.exceptions", "InvalidStateError"),
            Self::FutureRepr => ("asyncio.base_futures", "_future_repr"),
            Self::TaskRepr => ("asyncio.base_tasks", "_task_repr"),
            Self::GetStack => ("asyncio.base_tasks", "_task_get_stack"),
            Self::PrintStack => ("asyncio.base_tasks", "_task_print_stack"),
            Self::IsCoroutine => ("asyncio.coroutines", "iscoroutine"),
            Self::ExtractStack => ("traceback", "extract_stack"),
            Self::GetPolicy => ("asyncio.events", "_get_event_loop_policy"),
            Self::CopyContext => ("_contextvars", "copy_context"),
            Self::ScheduledTasks => ("asyncio.tasks", "_scheduled_tasks"),
            Self::EagerTasks => ("asyncio.tasks", "_eager_tasks"),
        }
    }
}

/// What was looked up so far.
#[derive(Default)]
struct Looked(RefCell<[Value; Known::COUNT]>);

/// Something of asyncio's, imported when it is first needed.
fn known(t: &Thread, what: Known) -> Res {
    let state = t.state::<Looked>();
    let found = state.0.borrow()[what as usize].clone();
    if !found.is_absent() {
        return Ok(found);
    }
    let (module, name) = what.place();
    let module = (t.hooks.import)(t, module)?;
    let made = attr::get_text(t, &module, name)?;
    let old = std::mem::replace(&mut state.0.borrow_mut()[what as usize], made.clone());
    drop(old);
    Ok(made)
}

/// A new InvalidStateError.
fn invalid_state(t: &Thread, text: &str) -> Exc {
    let made = known(t, Known::InvalidStateError)
        .and_then(|class| call::call1(t, &class, &typhon_object::strs::new(t, text)?));
    made.map_or_else(|e| e, Exc::new)
}

/// Whether an error is a CancelledError.
fn is_cancelled(t: &Thread, e: &Exc) -> Res<bool> {
    let class = known(t, Known::CancelledError)?;
    Ok(class.downcast::<TypeObject>().is_some_and(|class| e.is_type(class)))
}

/// Calls a method with one argument by keyword, the last.
fn method_with(t: &Thread, object: &Value, name: &Value, args: &[Value], keyword: &'static Value) -> Res {
    let (f, bound) = attr::load_method(t, object, name)?;
    let args = typhon_object::Args { values: args, names: std::slice::from_ref(keyword) };
    if bound { args.with_first(object, |args| call::call_args(t, &f, args)) } else { call::call_args(t, &f, args) }
}

/// `loop.call_soon(f, *args, context=context)`.
fn call_soon(t: &Thread, running: &Value, f: Value, arg: Option<&Value>, context: &Value) -> Res<()> {
    let n = names::n::call_soon();
    match arg {
        Some(arg) => method_with(t, running, n, &[f, arg.clone(), context.clone()], names::n::context()),
        None => method_with(t, running, n, &[f, context.clone()], names::n::context()),
    }
    .map(drop)
}

/// Tells the loop of an error nobody waited for.
fn report(t: &Thread, running: &Value, context: &Value, v: &Value) {
    let handler = names::n::call_exception_handler();
    if let Err(e) = call::method(t, running, handler, std::slice::from_ref(context)) {
        error::unraisable(t, e, "while calling the loop's exception handler for", v);
    }
}
