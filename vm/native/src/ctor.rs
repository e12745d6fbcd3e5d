//! Constructors: `__new__` slots whose arguments a signature binds.

use typhon_object::args::{ArgBuffer, Args};
use typhon_object::error::Res;
use typhon_object::native::{MethodDef, call_def, signature_of};
use typhon_object::{Thread, Value};

/// Calls a definition whose first parameter, `$type` or `$self`, is `first`.
pub fn bind(t: &Thread, def: &'static MethodDef, first: &Value, args: Args<'_>) -> Res {
    let mut buffer = ArgBuffer::new();
    call_def(t, def, signature_of(def, true), args.prepend(first, &mut buffer))
}
