//! memoryview: attributes.

use super::{MemoryView, View};
use crate::convert;
use crate::error::Res;
use crate::native::{GetSetDef, getter};
use crate::strs;
use crate::thread::Thread;
use crate::tuple;
use crate::value::Value;

fn with(t: &Thread, v: &Value, f: impl FnOnce(&View) -> Res) -> Res {
    let m = v.expect::<MemoryView>();
    let (_export, view) = m.held(t)?;
    f(view)
}

pub(super) const ATTRS: &[GetSetDef] = &[
    getter("obj", obj, "The underlying object of the memoryview."),
    getter(
        "nbytes",
        |t, v| with(t, v, |w| Ok(convert::from_usize(w.nbytes()))),
        "The amount of space in bytes that the array would use in\n a contiguous representation.",
    ),
    getter(
        "readonly",
        |t, v| with(t, v, |w| Ok(Value::bool(w.read_only))),
        "A bool indicating whether the memory is read only.",
    ),
    getter(
        "itemsize",
        |t, v| with(t, v, |w| Ok(convert::from_usize(w.item_size))),
        "The size in bytes of each element of the memoryview.",
    ),
    getter(
        "format",
        |t, v| with(t, v, |w| strs::new(t, &w.format)),
        "A string containing the format (in struct module style)\n for each element in the view.",
    ),
    getter(
        "ndim",
        |t, v| with(t, v, |w| Ok(convert::from_usize(w.ndim()))),
        "An integer indicating how many dimensions of a multi-dimensional\n array the memory represents.",
    ),
    getter(
        "shape",
        |t, v| with(t, v, |w| tuple::from_vec(t, w.shape.iter().map(|&n| convert::from_usize(n)).collect())),
        "A tuple of ndim integers giving the shape of the memory\n as an N-dimensional array.",
    ),
    getter(
        "strides",
        |t, v| with(t, v, |w| tuple::from_vec(t, w.strides.iter().map(|&n| Value::small(n as i64)).collect())),
        "A tuple of ndim integers giving the size in bytes to access\n each element for each dimension of the array.",
    ),
    getter(
        "suboffsets",
        |t, v| with(t, v, |_| tuple::new(t, &[])),
        "A tuple of integers used internally for PIL-style arrays.",
    ),
    getter(
        "c_contiguous",
        |t, v| with(t, v, |w| Ok(Value::bool(w.as_buffer().is_c_contiguous()))),
        "A bool indicating whether the memory is C contiguous.",
    ),
    getter(
        "f_contiguous",
        |t, v| with(t, v, |w| Ok(Value::bool(w.as_buffer().is_f_contiguous()))),
        "A bool indicating whether the memory is Fortran contiguous.",
    ),
    getter(
        "contiguous",
        |t, v| {
            with(t, v, |w| {
                let b = w.as_buffer();
                Ok(Value::bool(b.is_c_contiguous() || b.is_f_contiguous()))
            })
        },
        "A bool indicating whether the memory is contiguous.",
    ),
];

fn obj(t: &Thread, v: &Value) -> Res {
    let export = v.expect::<MemoryView>().export(t)?;
    Ok(if export.owner.is_absent() { Value::NONE } else { super::exporter(&export) })
}
