//! Token: the value that a variable had before a `set()`.

use super::var;
use std::cell::Cell;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def, getter};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::iters;
use typhon_object::{Thread, Value, names, ops, payload, strs};

/// A token.
#[repr(C)]
pub(super) struct Token {
    header: Header,
    pub(super) context: Slot,
    pub(super) var: Slot,
    /// Absent: the variable had no value.
    pub(super) old: Slot,
    pub(super) used: Cell<bool>,
}

typhon_object::payload!(Token => TOKEN {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.context.peek());
            visit(self.var.peek());
            visit(self.old.peek());
        }
    }
    fn clear(&self) {
        drop(self.context.take());
        drop(self.old.take());
    }
});

/// contextvars.Token.
pub(super) static TOKEN: TypeDef = TypeDef {
    name: "_contextvars.Token",
    slots: Slots {
        new: Some(|t, _, _| Err(error::runtime_error(t, "Tokens can only be created by ContextVars"))),
        repr: Some(repr),
        ..Slots::NONE
    },
    methods: METHODS,
    getset: &[
        getter("var", |_, v| Ok(v.expect::<Token>().var.get()), ""),
        getter("old_value", |_, v| Ok(v.expect::<Token>().old.get().present().unwrap_or_else(missing)), ""),
    ],
    constants: &[(MISSING, |t| payload::new(t, |header| Missing { header }))],
    ..TypeDef::of::<Token>()
};

const METHODS: &[MethodDef] = &[
    def("__class_getitem__", "($type, object, /)", iters::class_getitem, "See PEP 585").class(),
    def("__enter__", "($self, /)", |_, a| Ok(a[0].clone()), "Enter into Token context manager."),
    def(
        "__exit__",
        "($self, type, value, traceback, /)",
        |t, a| var::reset(t, &a[0].expect::<Token>().var.get(), &a[0]),
        "Exit from Token context manager, restore the linked ContextVar.",
    ),
];

const MISSING: &str = "MISSING";

/// What a variable without a value had: `Token.MISSING`.
#[repr(C)]
struct Missing {
    header: Header,
}

typhon_object::payload!(Missing => MISSING_TYPE);

/// The type of `Token.MISSING`.
pub(super) static MISSING_TYPE: TypeDef = TypeDef {
    name: "Token.MISSING",
    flags: flag::NO_NEW,
    slots: Slots { repr: Some(|t, _| strs::new(t, "<Token.MISSING>")), ..Slots::NONE },
    ..TypeDef::of::<Missing>()
};

fn missing() -> Value {
    TOKEN.ty().dict().get_str(&names::intern_static(MISSING)).unwrap_or(Value::NONE)
}

/// A token of `var`, which had the value `old` (absent: none) in `context`.
pub(super) fn new(t: &Thread, context: Value, var: Value, old: Value) -> Res {
    payload::new(t, |header| Token {
        header,
        context: Slot::new(context),
        var: Slot::new(var),
        old: Slot::new(old),
        used: Cell::new(false),
    })
}

fn repr(t: &Thread, v: &Value) -> Res {
    let token = v.expect::<Token>();
    let used = if token.used.get() { " used" } else { "" };
    let var = ops::repr_text(t, &token.var.get())?;
    strs::new(t, &format!("<Token{used} var={var} at {:#x}>", v.id()))
}
