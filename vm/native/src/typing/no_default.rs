//! NoDefault: what a type parameter without a default has for one.

use std::cell::RefCell;
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::def;
use typhon_object::slots::Slots;
use typhon_object::ty::TypeDef;
use typhon_object::{Thread, Value, payload, strs};

/// The one value of its type in an isolate.
#[repr(C)]
pub(super) struct NoDefault {
    header: Header,
}

typhon_object::payload!(NoDefault => NO_DEFAULT_TYPE);

/// The type of NoDefault.
pub(super) static NO_DEFAULT_TYPE: TypeDef = TypeDef {
    name: "NoDefaultType",
    doc: "The type of the NoDefault singleton.",
    signature: "()",
    slots: Slots { new: Some(new), repr: Some(|t, _| strs::new(t, "typing.NoDefault")), ..Slots::NONE },
    methods: &[def("__reduce__", "($self, /)", |t, _| strs::new(t, "NoDefault"), "")],
    ..TypeDef::of::<NoDefault>()
};

#[derive(Default)]
struct Singleton(RefCell<Value>);

/// NoDefault, made on the first request.
pub(super) fn get(t: &Thread) -> Res {
    let state = t.state::<Singleton>();
    let found = state.0.borrow().clone();
    if !found.is_absent() {
        return Ok(found);
    }
    let made = payload::new(t, |header| NoDefault { header })?;
    *state.0.borrow_mut() = made.clone();
    Ok(made)
}

/// Whether a value is NoDefault.
pub(super) fn is(v: &Value) -> bool {
    v.exact::<NoDefault>().is_some()
}

fn new(t: &Thread, _: &Value, args: Args<'_>) -> Res {
    if !args.values.is_empty() {
        return Err(error::type_error(t, "NoDefaultType takes no arguments"));
    }
    get(t)
}
