//! Code that goes from one isolate to another, sealed with a key that no guest sees.
//!
//! A snapshot is made by the guest's own encoder, so its bytes are whatever the guest wants them to be; the code in it is the
//! compiler's, since only what was packed with the key is unpacked with it.

use super::code::{self, Key};
use crate::import;
use std::cell::Cell;
use std::sync::Arc;
use typhon_interp::code::{CodeObject, new_code};
use typhon_object::native::{ModuleDef, def};
use typhon_object::types::bytes;
use typhon_object::{Res, Thread, Value, attr, buffer, error, names};

static MODULE: ModuleDef = ModuleDef {
    name: "_typhon_code",
    doc: "Code in snapshots.",
    functions: &[
        def("pack", "($module, code, /)", pack, "The code as bytes."),
        def("unpack", "($module, data, /)", unpack, "The code in bytes."),
    ],
    types: &[],
    init: None,
};

/// The key, as long as a snapshot is made or read.
#[derive(Default)]
struct Seal(Cell<Option<Key>>);

/// Calls `f` with the functions that pack and unpack, which work until it returns.
pub fn with_key<R>(t: &Thread, key: Key, f: impl FnOnce(&Value, &Value) -> Res<R>) -> Res<R> {
    let m = import::load_native(t, MODULE.name, &MODULE)?;
    let [pack, unpack] = ["pack", "unpack"].map(|name| attr::get(t, &m, &names::intern_text(t, name)));
    let (pack, unpack) = (pack?, unpack?);
    t.state::<Seal>().0.set(Some(key));
    let made = f(&pack, &unpack);
    t.state::<Seal>().0.set(None);
    made
}

fn key(t: &Thread) -> Res<Key> {
    t.state::<Seal>().0.get().ok_or_else(|| error::runtime_error(t, "no snapshot is being made"))
}

fn pack(t: &Thread, a: &[Value]) -> Res {
    let Some(code) = a[0].downcast::<CodeObject>() else { return Err(error::type_error(t, "not a code object")) };
    let packed = code::pack_with(t, &Arc::clone(&code.code), &key(t)?)?;
    bytes::from_vec(t, packed)
}

fn unpack(t: &Thread, a: &[Value]) -> Res {
    let data = buffer::get(t, &a[0], 0)?;
    let data = data.to_contiguous(t)?;
    match code::unpack_with(t, &data, &key(t)?)? {
        Some(code) => new_code(t, &code),
        None => Err(error::value_error(t, "the snapshot's code was changed")),
    }
}
