//! ContextVar: a variable whose value depends on the running context.

use super::context;
use super::token::{self, Token};
use crate::ctor;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def, member};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str};
use typhon_object::ty::TypeDef;
use typhon_object::types::{exceptions, iters};
use typhon_object::{Thread, Value, ops, payload};

/// A context variable.
#[repr(C)]
pub(super) struct ContextVar {
    header: Header,
    name: Slot,
    default: Slot,
}

typhon_object::payload!(ContextVar => CONTEXT_VAR {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe { visit(self.default.peek()) }
    }
    fn clear(&self) {
        drop(self.default.take());
    }
});

/// contextvars.ContextVar.
pub(super) static CONTEXT_VAR: TypeDef = TypeDef {
    name: "_contextvars.ContextVar",
    slots: Slots { new: Some(|t, class, args| ctor::bind(t, &NEW, class, args)), repr: Some(repr), ..Slots::NONE },
    methods: METHODS,
    members: &[member("name", std::mem::offset_of!(ContextVar, name), "")],
    ..TypeDef::of::<ContextVar>()
};

static NEW: MethodDef = def("ContextVar", "($type, name, /, *, default=None)", new, "");

const METHODS: &[MethodDef] = &[
    def("__class_getitem__", "($type, object, /)", iters::class_getitem, "See PEP 585").class(),
    def(
        "get",
        "($self, default=None, /)",
        get,
        "Return a value for the context variable for the current context.\n\nIf there is no value for the variable in the current context, the method will:\n * return the value of the default argument of the method, if provided; or\n * return the default value for the context variable, if it was created\n   with one; or\n * raise a LookupError.",
    ),
    def(
        "set",
        "($self, value, /)",
        set,
        "Call to set a new value for the context variable in the current context.\n\nThe required *value* argument is the new value for the context variable.\n\nReturns a Token object that can be used to restore the variable to its previous\nvalue via the `ContextVar.reset()` method.",
    ),
    def(
        "reset",
        "($self, token, /)",
        |t, a| reset(t, &a[0], &a[1]),
        "Reset the context variable.\n\nThe variable is reset to the value it had before the `ContextVar.set()` that\ncreated the token was used.",
    ),
];

fn new(t: &Thread, a: &[Value]) -> Res {
    if a[1].downcast::<Str>().is_none() {
        return Err(error::type_error(t, "context variable name must be a str"));
    }
    payload::new_for(t, &a[0], |header| ContextVar {
        header,
        name: Slot::new(a[1].clone()),
        default: Slot::new(a[2].clone()),
    })
}

fn repr(t: &Thread, v: &Value) -> Res {
    let var = v.expect::<ContextVar>();
    let name = ops::repr_text(t, &var.name.get())?;
    let default = match var.default.get().opt() {
        Some(default) => format!(" default={}", ops::repr_text(t, default)?),
        None => String::new(),
    };
    strs::new(t, &format!("<ContextVar name={name}{default} at {:#x}>", v.id()))
}

fn get(t: &Thread, a: &[Value]) -> Res {
    if let Some(value) = context::find(t, &context::current(t)?, &a[0])? {
        return Ok(value);
    }
    let default = a[1].opt().cloned().or_else(|| a[0].expect::<ContextVar>().default.get().present());
    match default {
        Some(default) => Ok(default),
        None => Err(error::with_args(t, exceptions::LOOKUP_ERROR.ty(), &a[..1])),
    }
}

fn set(t: &Thread, a: &[Value]) -> Res {
    let context = context::current(t)?;
    let old = context::find(t, &context, &a[0])?.unwrap_or(Value::ABSENT);
    let token = token::new(t, context.clone(), a[0].clone(), old)?;
    context::store(t, &context, &a[0], Some(&a[1]))?;
    Ok(token)
}

/// Gives the variable the value it had before the `set()` that made the token.
pub(super) fn reset(t: &Thread, var: &Value, v: &Value) -> Res {
    let Some(token) = v.downcast::<Token>() else {
        let shown = ops::repr_text(t, v)?;
        return Err(error::type_error(t, format_args!("expected an instance of Token, got {shown}")));
    };
    if token.used.get() {
        let shown = ops::repr_text(t, v)?;
        return Err(error::runtime_error(t, format_args!("{shown} has already been used once")));
    }
    if !token.var.get().is(var) {
        let shown = ops::repr_text(t, v)?;
        return Err(error::value_error(t, format_args!("{shown} was created by a different ContextVar")));
    }
    let context = context::current(t)?;
    if !token.context.get().is(&context) {
        let shown = ops::repr_text(t, v)?;
        return Err(error::value_error(t, format_args!("{shown} was created in a different Context")));
    }
    token.used.set(true);
    context::store(t, &context, var, token.old.get().opt())?;
    Ok(Value::NONE)
}
