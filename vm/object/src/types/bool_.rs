//! bool.

use crate::args::Args;
use crate::error::Res;
use crate::header::Header;
use crate::ids;
use crate::slots::Slots;
use crate::strs;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag};
use crate::types::exceptions::DEPRECATION_WARNING;
use crate::types::int::{self, INT};
use crate::value::Value;
use crate::{convert, ops};

/// The payload nobody ever sees: True and False are immediates.
#[repr(C)]
pub struct Bool {
    header: Header,
}

crate::payload!(Bool => BOOL);

/// bool.
pub static BOOL: TypeDef = TypeDef {
    name: "bool",
    doc: "Returns True when the argument is true, False otherwise.\nThe builtins True and False are the only two instances of the class bool.\nThe class bool is a subclass of the class int, and cannot be subclassed.",
    signature: "(object=False, /)",
    base: Some(&INT),
    id: ids::BOOL,
    flags: flag::MATCH_SELF | flag::ATOMIC,
    size: INT.size,
    slots: Slots {
        new: Some(construct),
        repr: Some(|t, v| strs::new(t, if v.is_true() { "True" } else { "False" })),
        and: Some(|t, a, b| logic(t, a, b, |x, y| x & y, int::and)),
        or: Some(|t, a, b| logic(t, a, b, |x, y| x | y, int::or)),
        xor: Some(|t, a, b| logic(t, a, b, |x, y| x ^ y, int::xor)),
        invert: Some(invert),
        ..Slots::NONE
    },
    ..TypeDef::of::<Bool>()
};

fn construct(t: &Thread, _: &Value, args: Args<'_>) -> Res {
    let a = args.expect_positional(t, "bool", 0, 1)?;
    Ok(Value::bool(a.first().map_or(Ok(false), |v| ops::truth(t, v))?))
}

/// Two bools give a bool; otherwise they are ints.
fn logic(
    t: &Thread,
    a: &Value,
    b: &Value,
    of_bools: fn(bool, bool) -> bool,
    of_ints: fn(&Thread, &Value, &Value) -> Res,
) -> Res {
    if a.is_bool() && b.is_bool() {
        return Ok(Value::bool(of_bools(a.is_true(), b.is_true())));
    }
    of_ints(t, a, b)
}

fn invert(t: &Thread, v: &Value) -> Res {
    let text = "Bitwise inversion '~' on bool is deprecated and will be removed in Python 3.16. This returns the bitwise inversion of the underlying int object and is usually not what you expect from negating a bool. Use the 'not' operator for boolean negation or ~int(x) if you really want the bitwise inversion of the underlying int.";
    (t.hooks.warn)(t, &DEPRECATION_WARNING.ty().value(), text, 1)?;
    convert::from_i64(t, !i64::from(v.is_true()))
}
