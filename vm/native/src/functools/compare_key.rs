//! functools.KeyWrapper: keys that a comparison function orders.

use crate::ctor::bind;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def, getset};
use typhon_object::ops::{self, CompareOp};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Thread, Value, call, names, payload};

/// A key; without an object it makes keys.
#[repr(C)]
struct Key {
    header: Header,
    compare: Slot,
    object: Slot,
}

typhon_object::payload!(Key => KEY {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.compare.get());
        visit(&self.object.get());
    }
    fn clear(&self) {
        drop(self.object.take());
    }
});

/// functools.KeyWrapper.
pub(super) static KEY: TypeDef = TypeDef {
    name: "functools.KeyWrapper",
    flags: flag::NO_NEW,
    slots: Slots { call: Some(|t, v, args| bind(t, &WRAP, v, args)), compare: Some(compare), ..Slots::NONE },
    getset: &[getset(
        "obj",
        |_, v| Ok(v.expect::<Key>().object.get().present().unwrap_or(Value::NONE)),
        |_, v, new| {
            let key = v.expect::<Key>();
            key.object.set(&key.header, new.cloned().unwrap_or_default());
            Ok(())
        },
        "Value wrapped by a key function.",
    )],
    ..TypeDef::of::<Key>()
};

/// `cmp_to_key(mycmp)`.
pub(super) fn make(t: &Thread, a: &[Value]) -> Res {
    payload::new(t, |header| Key { header, compare: Slot::new(a[0].clone()), object: Slot::empty() })
}

static WRAP: MethodDef = def(
    "K",
    "($self, /, obj)",
    |t, a| {
        let compare = a[0].expect::<Key>().compare.get();
        payload::new(t, |header| Key { header, compare: Slot::new(compare), object: Slot::new(a[1].clone()) })
    },
    "",
);

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let this = a.expect::<Key>();
    let Some(other) = b.downcast::<Key>() else {
        return Err(error::type_error(t, "other argument must be K instance"));
    };
    let (Some(x), Some(y)) = (this.object.get().present(), other.object.get().present()) else {
        return Err(error::attribute_error(t, a, &names::intern_text(t, "object"), "object"));
    };
    let order = call::call(t, &this.compare.get(), &[x, y])?;
    ops::compare(t, &order, &Value::small(0), op)
}
