//! atexit.

use std::cell::RefCell;
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::native::{ModuleDef, def, raw};
use typhon_object::{Thread, Value, call, convert, ops};

/// atexit.
pub static MODULE: ModuleDef = ModuleDef {
    name: "atexit",
    doc: "allow programmer to define multiple exit functions to be executed\nupon normal program termination.\n\nTwo public functions, register and unregister, are defined.\n",
    functions: &[
        raw(
            "register",
            "($module, func, /, *args, **kwargs)",
            register,
            "Register a function to be executed upon normal program termination\n\n    func - function to be called at exit\n    args - optional arguments to pass to func\n    kwargs - optional keyword arguments to pass to func\n\n    func is returned to facilitate usage as a decorator.",
        ),
        def(
            "unregister",
            "($module, func, /)",
            unregister,
            "Unregister an exit function which was previously registered using\natexit.register\n\n    func - function to be unregistered",
        ),
        def(
            "_clear",
            "($module, /)",
            |t, _| {
                t.state::<Table>().0.take();
                Ok(Value::NONE)
            },
            "Clear the list of previously registered exit functions.",
        ),
        def(
            "_run_exitfuncs",
            "($module, /)",
            |t, _| {
                run(t)?;
                Ok(Value::NONE)
            },
            "Run all registered exit functions.",
        ),
        def(
            "_ncallbacks",
            "($module, /)",
            |t, _| Ok(convert::from_usize(t.state::<Table>().0.borrow().len())),
            "Return the number of registered exit functions.",
        ),
    ],
    types: &[],
    init: None,
};

struct Entry {
    f: Value,
    values: Vec<Value>,
    names: Vec<Value>,
}

#[derive(Default)]
struct Table(RefCell<Vec<Entry>>);

fn register(t: &Thread, a: Args<'_>) -> Res {
    let Some(f) = a.positional().first() else {
        return Err(error::type_error(t, "register() takes at least 1 argument (0 given)"));
    };
    if !call::is_callable(f) {
        return Err(error::type_error(t, "the first argument must be callable"));
    }
    let entry = Entry { f: f.clone(), values: a.values[1..].to_vec(), names: a.names.to_vec() };
    t.state::<Table>().0.borrow_mut().push(entry);
    Ok(f.clone())
}

fn unregister(t: &Thread, a: &[Value]) -> Res {
    let table = t.state::<Table>();
    let mut at = 0;
    loop {
        let Some(f) = table.0.borrow().get(at).map(|e| e.f.clone()) else { return Ok(Value::NONE) };
        if ops::eq(t, &f, &a[0])? && at < table.0.borrow().len() {
            let gone = table.0.borrow_mut().remove(at);
            drop(gone);
        } else {
            at += 1;
        }
    }
}

/// Calls what was registered, last first.
pub fn run(t: &Thread) -> Res<()> {
    let Some(table) = t.get_state::<Table>() else { return Ok(()) };
    loop {
        let Some(e) = table.0.borrow_mut().pop() else { return Ok(()) };
        if let Err(err) = call::call_args(t, &e.f, Args { values: &e.values, names: &e.names }) {
            if err.is_stopped() {
                return Err(err);
            }
            error::unraisable(t, err, "in atexit callback", &e.f);
        }
    }
}
