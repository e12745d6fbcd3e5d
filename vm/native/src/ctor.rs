//! Constructors: `__new__` slots whose arguments a signature binds.

use typhon_object::args::Args;
use typhon_object::error::Res;
use typhon_object::native::{MethodDef, call_def, signature_of};
use typhon_object::slots::InitFn;
use typhon_object::types::object::OBJECT;
use typhon_object::{Thread, TypeObject, Value};

/// Calls a definition whose first parameter, `$type` or `$self`, is `first`.
pub fn bind(t: &Thread, def: &'static MethodDef, first: &Value, args: Args<'_>) -> Res {
    args.with_first(first, |args| call_def(t, def, signature_of(t, def, true), args))
}

/// The arguments of a constructor that takes no keywords: a subclass with its own `__init__` may be given some for that.
pub fn for_init<'a>(class: &Value, args: Args<'a>) -> Args<'a> {
    let own = class.downcast::<TypeObject>().and_then(|class| class.slots().init);
    match (own, OBJECT.slots.init) {
        (Some(own), Some(plain)) if !std::ptr::fn_addr_eq(own, plain as InitFn) => Args::pos(args.positional()),
        _ => args,
    }
}
