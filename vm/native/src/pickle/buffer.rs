//! pickle.PickleBuffer.

use crate::ctor::bind;
use std::cell::RefCell;
use typhon_object::buffer::{self, Buffer};
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def};
use typhon_object::slots::Slots;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::memoryview::MEMORYVIEW;
use typhon_object::{Thread, Value, call, names, payload};

/// A buffer on loan until it is released.
#[repr(C)]
pub(super) struct PickleBuffer {
    header: Header,
    lent: RefCell<Option<Buffer>>,
}

typhon_object::payload!(PickleBuffer => PICKLE_BUFFER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        if let Ok(lent) = self.lent.try_borrow()
            && let Some(lent) = &*lent
        {
            visit(&lent.owner);
        }
    }
    fn clear(&self) {
        if let Ok(mut lent) = self.lent.try_borrow_mut() {
            drop(lent.take());
        }
    }
});

/// pickle.PickleBuffer.
pub(super) static PICKLE_BUFFER: TypeDef = TypeDef {
    name: "pickle.PickleBuffer",
    doc: "Wrapper for potentially out-of-band buffers",
    flags: flag::WEAKREFS,
    slots: Slots { new: Some(|t, class, args| bind(t, &NEW, class, args)), buffer: Some(lend), ..Slots::NONE },
    methods: &[
        def(
            "raw",
            "($self, /)",
            raw,
            "Return a memoryview of the raw memory underlying this buffer.\n\nWill raise BufferError is the buffer isn't contiguous.",
        ),
        def(
            "release",
            "($self, /)",
            |_, a| {
                drop(a[0].expect::<PickleBuffer>().lent.borrow_mut().take());
                Ok(Value::NONE)
            },
            "Release the underlying buffer.",
        ),
    ],
    ..TypeDef::of::<PickleBuffer>()
};

static NEW: MethodDef = def(
    "PickleBuffer",
    "($type, object, /)",
    |t, a| {
        let lent = buffer::get(t, &a[1], buffer::FULL_RO)?;
        payload::new_for(t, &a[0], |header| PickleBuffer { header, lent: RefCell::new(Some(lent)) })
    },
    "",
);

/// Looks at what is lent; ValueError once released.
pub(super) fn with<R>(t: &Thread, v: &Value, f: impl FnOnce(&Buffer) -> Res<R>) -> Res<R> {
    match &*v.expect::<PickleBuffer>().lent.borrow() {
        Some(lent) => f(lent),
        None => Err(error::value_error(t, "operation forbidden on released PickleBuffer object")),
    }
}

fn lend(t: &Thread, v: &Value, flags: i32) -> Res<Buffer> {
    let owner = with(t, v, |lent| Ok(lent.owner.clone()))?;
    buffer::get(t, &owner, flags)
}

fn raw(t: &Thread, a: &[Value]) -> Res {
    with(t, &a[0], |lent| {
        if !lent.is_c_contiguous() && !lent.is_f_contiguous() {
            return Err(error::buffer_error(t, "cannot extract raw buffer from non-contiguous buffer"));
        }
        Ok(())
    })?;
    let view = call::call1(t, &MEMORYVIEW.ty().value(), &a[0])?;
    let flat = with(t, &a[0], |lent| Ok(lent.shape.len() == 1 && &*lent.format == "B"))?;
    if flat {
        return Ok(view);
    }
    call::method(t, &view, &names::intern_text(t, "cast"), &[typhon_object::strs::new(t, "B")?])
}
