//! _testinternalcapi, _testlimitedcapi: what CPython's tests ask of its C interface and means something here too.

use typhon_object::error::{self, Res};
use typhon_object::native::{ModuleDef, def};
use typhon_object::strs;
use typhon_object::ty::{flag, type_of};
use typhon_object::{Thread, Value, attr, convert, names, ops};

/// _testinternalcapi.
pub static INTERNAL: ModuleDef = ModuleDef {
    name: "_testinternalcapi",
    doc: "What tests ask about an object's layout.",
    functions: &[def(
        "has_inline_values",
        "($module, object, /)",
        |_, a| Ok(Value::bool(attr::has_inline_values(&a[0]))),
        "Whether the object keeps its attributes in itself, without a dict.",
    )],
    types: &[],
    init: Some(|t, module| {
        let name = names::intern_text(t, "SPECIALIZATION_THRESHOLD");
        attr::set(t, module, &name, Some(&Value::small(SPECIALIZATION_THRESHOLD)))
    }),
};

/// After so many runs every instruction has been specialized that will be.
const SPECIALIZATION_THRESHOLD: i64 = 64;

/// _testlimitedcapi.
pub static LIMITED: ModuleDef = ModuleDef {
    name: "_testlimitedcapi",
    doc: "The abstract protocols as functions.",
    functions: &[
        def("object_hasattrstring", "($module, object, name, /)", has_attribute, "PyObject_HasAttrString"),
        def("sequence_getitem", "($module, sequence, index, /)", get_item, "PySequence_GetItem"),
        def("sequence_setitem", "($module, sequence, index, value, /)", set_item, "PySequence_SetItem"),
        def("sequence_delitem", "($module, sequence, index, /)", delete_item, "PySequence_DelItem"),
    ],
    types: &[],
    init: None,
};

fn has_attribute(t: &Thread, a: &[Value]) -> Res {
    let name = typhon_object::buffer::get(t, &a[1], typhon_object::buffer::SIMPLE)?;
    let Ok(name) = std::str::from_utf8(name.as_slice()) else {
        return Err(error::value_error(t, "the name is not UTF-8"));
    };
    let name = strs::new(t, name)?;
    Ok(Value::small(i64::from(attr::get_opt(t, &a[0], &name)?.is_some())))
}

/// The index, if the object is a sequence as C sees it.
fn index(t: &Thread, a: &[Value], what: &str) -> Res {
    let ty = type_of(&a[0]);
    if ty.has_flag(flag::DICT) || ty.slots().getitem.is_none() {
        return Err(error::type_error(t, format_args!("'{}' object {what}", ty.name())));
    }
    convert::from_i64(t, convert::to_isize(t, &a[1])? as i64)
}

fn get_item(t: &Thread, a: &[Value]) -> Res {
    ops::getitem(t, &a[0], &index(t, a, "does not support indexing")?)
}

fn set_item(t: &Thread, a: &[Value]) -> Res {
    ops::setitem(t, &a[0], &index(t, a, "does not support item assignment")?, &a[2])?;
    Ok(Value::small(0))
}

fn delete_item(t: &Thread, a: &[Value]) -> Res {
    ops::delitem(t, &a[0], &index(t, a, "doesn't support item deletion")?)?;
    Ok(Value::small(0))
}
