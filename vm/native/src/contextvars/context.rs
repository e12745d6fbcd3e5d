//! Context: a mapping of context variables to values.
//!
//! The values live in a dict that copies of a context share until one of them writes: copying, which every task and
//! callback does, costs nothing, and the first write of a copy pays for it.

use super::var::ContextVar;
use std::cell::{Cell, RefCell};
use typhon_object::args::Args;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def, raw};
use typhon_object::ops::{self, CompareOp};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::dict_views;
use typhon_object::{Thread, Value, call, payload};

/// A context.
#[repr(C)]
pub(super) struct Context {
    header: Header,
    values: Slot,
    /// Whether somebody else reads the same dict: it must be copied before the next write.
    shared: Cell<bool>,
    /// The context that was current when this one was entered; absent when it is not entered.
    outer: Slot,
}

typhon_object::payload!(Context => CONTEXT {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.values.peek());
            visit(self.outer.peek());
        }
    }
    fn clear(&self) {
        // The dict of values clears itself; a finalizer may still ask this context for them.
        drop(self.outer.take());
    }
});

/// contextvars.Context.
pub(super) static CONTEXT: TypeDef = TypeDef {
    name: "_contextvars.Context",
    flags: flag::WEAKREFS,
    slots: Slots {
        new: Some(new),
        compare: Some(compare),
        len: Some(|_, v| Ok(Dict::of(&values(v)).len())),
        getitem: Some(|t, v, key| match lookup(t, v, key)? {
            Some(value) => Ok(value),
            None => Err(error::key_error(t, key)),
        }),
        contains: Some(|t, v, key| Ok(lookup(t, v, key)?.is_some())),
        iter: Some(|t, v| ops::iter(t, &snapshot(v))),
        ..Slots::NONE
    },
    methods: METHODS,
    ..TypeDef::of::<Context>()
};

const METHODS: &[MethodDef] = &[
    def(
        "get",
        "($self, key, default=None, /)",
        |t, a| Ok(lookup(t, &a[0], &a[1])?.unwrap_or_else(|| a[2].opt().cloned().unwrap_or(Value::NONE))),
        "Return the value for `key` if `key` has the value in the context object.\n\nIf `key` does not exist, return `default`. If `default` is not given,\nreturn None.",
    ),
    def(
        "items",
        "($self, /)",
        |t, a| ops::iter(t, &dict_views::items(t, &snapshot(&a[0]))?),
        "Return all variables and their values in the context object.\n\nThe result is returned as a list of 2-tuples (variable, value).",
    ),
    def(
        "keys",
        "($self, /)",
        |t, a| ops::iter(t, &snapshot(&a[0])),
        "Return a list of all variables in the context object.",
    ),
    def(
        "values",
        "($self, /)",
        |t, a| ops::iter(t, &dict_views::values(t, &snapshot(&a[0]))?),
        "Return a list of all variables' values in the context object.",
    ),
    def("copy", "($self, /)", |t, a| copy_of(t, &a[0]), "Return a shallow copy of the context object."),
    raw("run", "", run, ""),
];

/// The running thread's context.
#[derive(Default)]
struct Current(RefCell<Value>);

/// The running thread's context, made on the first request.
pub(super) fn current(t: &Thread) -> Res {
    let state = t.own_state::<Current>();
    let found = state.0.borrow().clone();
    if !found.is_absent() {
        return Ok(found);
    }
    let made = with_values(t, Dict::create(t), false)?;
    *state.0.borrow_mut() = made.clone();
    Ok(made)
}

fn with_values(t: &Thread, values: Value, shared: bool) -> Res {
    payload::new(t, |header| Context {
        header,
        values: Slot::new(values),
        shared: Cell::new(shared),
        outer: Slot::empty(),
    })
}

/// A context with the same values.
pub(super) fn copy_of(t: &Thread, v: &Value) -> Res {
    with_values(t, snapshot(v), true)
}

/// The value of a variable in a context.
pub(super) fn find(t: &Thread, context: &Value, var: &Value) -> Res<Option<Value>> {
    Dict::of(&values(context)).get(t, var)
}

/// Sets a variable in a context, or removes it.
pub(super) fn store(t: &Thread, context: &Value, var: &Value, value: Option<&Value>) -> Res<()> {
    let me = context.expect::<Context>();
    if me.shared.get() {
        let own = Dict::of(&me.values.get()).copy(t)?;
        me.values.set(&me.header, own);
        me.shared.set(false);
    }
    let dict = me.values.get();
    match value {
        Some(value) => Dict::of(&dict).set(t, var, value),
        None => Dict::of(&dict).remove(t, var).map(drop),
    }
}

fn values(v: &Value) -> Value {
    v.expect::<Context>().values.get()
}

/// The values as they are now, whatever is written later.
fn snapshot(v: &Value) -> Value {
    v.expect::<Context>().shared.set(true);
    values(v)
}

fn lookup(t: &Thread, v: &Value, key: &Value) -> Res<Option<Value>> {
    if key.downcast::<ContextVar>().is_none() {
        let shown = ops::repr_text(t, key)?;
        return Err(error::type_error(t, format_args!("a ContextVar key was expected, got {shown}")));
    }
    find(t, v, key)
}

fn new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    if !args.values.is_empty() {
        return Err(error::type_error(t, "Context() does not accept any arguments"));
    }
    let values = Dict::create(t);
    payload::new_for(t, class, |header| Context {
        header,
        values: Slot::new(values),
        shared: Cell::new(false),
        outer: Slot::empty(),
    })
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let both = a.downcast::<Context>().is_some() && b.downcast::<Context>().is_some();
    if !both || !matches!(op, CompareOp::Eq | CompareOp::Ne) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    ops::compare(t, &snapshot(a), &snapshot(b), op)
}

/// Calls with the context entered; what it was entered from comes back however the call ends.
fn run(t: &Thread, args: Args<'_>) -> Res {
    let [this, function, ..] = args.positional() else {
        return Err(error::type_error(t, "run() missing 1 required positional argument"));
    };
    let me = this.expect::<Context>();
    if !me.outer.is_absent() {
        let shown = ops::repr_text(t, this)?;
        return Err(error::runtime_error(t, format_args!("cannot enter context: {shown} is already entered")));
    }
    me.outer.set(&me.header, current(t)?);
    let state = t.own_state::<Current>();
    state.0.replace(this.clone());
    let result = call::call_args(t, function, args.rest().rest());
    let entered_from = me.outer.take();
    drop(state.0.replace(entered_from));
    result
}
