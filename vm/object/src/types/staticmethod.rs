//! staticmethod.

use crate::args::Args;
use crate::error::Res;
use crate::header::Header;
use crate::ids;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag};
use crate::value::Value;

/// A callable that does not bind.
#[repr(C)]
pub struct StaticMethod {
    pub(crate) header: Header,
    pub(crate) callable: Slot,
    pub(crate) dict: Slot,
}

crate::payload!(StaticMethod => STATICMETHOD {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.callable.peek());
            visit(self.dict.peek());
        }
    }
    fn clear(&self) {
        drop(self.callable.take());
        drop(self.dict.take());
    }
});

/// staticmethod.
pub static STATICMETHOD: TypeDef = TypeDef {
    name: "staticmethod",
    id: ids::STATICMETHOD,
    flags: flag::BASETYPE,
    dict_offset: std::mem::offset_of!(StaticMethod, dict),
    slots: Slots {
        get: Some(|_, v, _, _| Ok(v.expect::<StaticMethod>().callable.get())),
        call: Some(call),
        ..Slots::NONE
    },
    ..TypeDef::of::<StaticMethod>()
};

fn call(t: &Thread, v: &Value, args: Args<'_>) -> Res {
    let f = v.expect::<StaticMethod>().callable.get();
    crate::call::call_args(t, &f, args)
}

/// A staticmethod of `callable`.
pub fn wrap(t: &Thread, callable: &Value) -> Res {
    payload::new(t, |header| StaticMethod { header, callable: Slot::new(callable.clone()), dict: Slot::empty() })
}
