//! type.

use crate::args::Args;
use crate::error::{self, Res};
use crate::ids;
use crate::slots::Slots;
use crate::thread::Thread;
use crate::ty::{TypeDef, TypeObject, flag, type_of};
use crate::value::Value;

/// type.
pub static TYPE: TypeDef = TypeDef {
    name: "type",
    doc: "type(object) -> the object's type\ntype(name, bases, dict, **kwds) -> a new type",
    id: ids::TYPE,
    flags: flag::BASETYPE | flag::TYPE,
    slots: Slots { call: Some(call), ..Slots::NONE },
    ..TypeDef::of::<TypeObject>()
};

/// `cls(*args, **kwargs)`: `__new__`, then `__init__` if that gave an instance of the class.
pub fn call(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let ty = class.expect::<TypeObject>();
    if std::ptr::eq(ty, TYPE.ty()) && args.values.len() == 1 && args.names.is_empty() {
        return Ok(type_of(&args.values[0]).value());
    }
    let Some(new) = ty.slots().new else {
        return Err(error::type_error(t, format_args!("cannot create '{}' instances", ty.def().name)));
    };
    let v = new(t, class, args)?;
    let made = type_of(&v);
    if made.is_subtype(ty)
        && let Some(init) = made.slots().init
    {
        init(t, &v, args)?;
    }
    Ok(v)
}
