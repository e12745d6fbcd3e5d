//! memoryview: methods.

use super::access::item_format;
use super::{MemoryView, View, cast, from_buffer, make};
use crate::buffer;
use crate::convert;
use crate::error::{self, Res};
use crate::list::List;
use crate::native::{MethodDef, def};
use crate::ops::{self, CompareOp};
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::types::exceptions::NOT_IMPLEMENTED_ERROR;
use crate::types::str_::arg_name;
use crate::types::{bytes, generic_alias};
use crate::value::Value;

pub(super) const METHODS: &[MethodDef] = &[
    def("release", "($self, /)", release, "Release the underlying buffer exposed by the memoryview object."),
    def(
        "tobytes",
        "($self, /, order='C')",
        tobytes,
        "Return the data in the buffer as a byte string.\n\nOrder can be {'C', 'F', 'A'}. When order is 'C' or 'F', the data of the\noriginal array is converted to C or Fortran order. For contiguous views,\n'A' returns an exact copy of the physical memory. In particular, in-memory\nFortran order is preserved. For non-contiguous views, the data is converted\nto C first. order=None is the same as order='C'.",
    ),
    def(
        "hex",
        "($self, /, sep=<unrepresentable>, bytes_per_sep=1)",
        hex,
        "Return the data in the buffer as a str of hexadecimal numbers.",
    ),
    def("tolist", "($self, /)", tolist, "Return the data in the buffer as a list of elements."),
    def(
        "cast",
        "($self, /, format, shape=<unrepresentable>)",
        cast::cast,
        "Cast a memoryview to a new format or shape.",
    ),
    def("toreadonly", "($self, /)", toreadonly, "Return a readonly version of the memoryview."),
    def(
        "_from_flags",
        "($type, /, object, flags)",
        from_flags,
        "Create a new memoryview object which references the given object.",
    )
    .class(),
    def("count", "($self, value, /)", count, "Count the number of occurrences of a value."),
    def(
        "index",
        "($self, value, start=0, stop=sys.maxsize, /)",
        index,
        "Return the index of the first occurrence of a value.\n\nRaises ValueError if the value is not present.",
    ),
    def("__enter__", "($self, /)", enter, ""),
    def(
        "__exit__",
        "($self, /, *exc_info)",
        release,
        "Release the underlying buffer exposed by the memoryview object.",
    ),
    def(
        "__release_buffer__",
        "($self, buffer, /)",
        release_buffer,
        "Release the buffer object that exposes the underlying memory of the object.",
    ),
    def(
        "__class_getitem__",
        "($type, object, /)",
        |t, a| generic_alias::new(t, &a[0], &a[1]),
        "memoryviews are generic over the type of their underlying data",
    )
    .class(),
];

fn release(t: &Thread, a: &[Value]) -> Res {
    a[0].expect::<MemoryView>().release(t)?;
    Ok(Value::NONE)
}

fn enter(t: &Thread, a: &[Value]) -> Res {
    a[0].expect::<MemoryView>().export(t)?;
    Ok(a[0].clone())
}

/// `m.__release_buffer__(view)`: gives back a memoryview that `m.__buffer__` made.
fn release_buffer(t: &Thread, a: &[Value]) -> Res {
    match a[1].downcast::<MemoryView>() {
        Some(view) => view.release(t).map(|()| Value::NONE),
        None => Err(error::type_error(t, "expected a memoryview object")),
    }
}

fn tobytes(t: &Thread, a: &[Value]) -> Res {
    let m = a[0].expect::<MemoryView>();
    let order = match a[1].non_none() {
        None => 'C',
        Some(v) => match v.downcast::<Str>() {
            Some(s) => match s.as_ascii() {
                Some("C") => 'C',
                Some("F") => 'F',
                Some("A") => 'A',
                _ => return Err(error::value_error(t, "order must be 'C', 'F' or 'A'")),
            },
            None => {
                let name = arg_name(v);
                return Err(error::type_error(
                    t,
                    format_args!("tobytes() argument 'order' must be str or None, not {name}"),
                ));
            }
        },
    };
    let (_export, view) = m.held(t)?;
    let mut b = view.as_buffer();
    if order == 'F' || order == 'A' && b.is_f_contiguous() && !b.is_c_contiguous() {
        // Fortran order is C order of the transposed array.
        b.shape.reverse();
        b.strides.reverse();
    }
    if b.nbytes() > 0 && b.is_c_contiguous() {
        // SAFETY: contiguous items, which the export keeps in place.
        return bytes::new(t, unsafe { std::slice::from_raw_parts(b.data, b.nbytes()) });
    }
    bytes::from_vec(t, b.to_contiguous(t)?)
}

fn hex(t: &Thread, a: &[Value]) -> Res {
    let m = a[0].expect::<MemoryView>();
    let (_export, view) = m.held(t)?;
    let data = view.as_buffer().to_contiguous(t)?;
    strs::from_latin1(t, &bytes::hex_digits(t, &data, &a[1], &a[2])?)
}

fn tolist(t: &Thread, a: &[Value]) -> Res {
    let m = a[0].expect::<MemoryView>();
    let (_export, view) = m.held(t)?;
    let format = item_format(t, view)?;
    t.check_alloc(view.items().saturating_mul(8))?;
    nested(t, view, format, 0, 0)
}

fn nested(t: &Thread, view: &View, format: super::format::Native, dim: usize, offset: isize) -> Res {
    if dim == view.ndim() {
        // SAFETY: the offset is inside shape and strides; the caller holds the export.
        return format.unpack(t, unsafe { view.item(offset) });
    }
    t.poll()?;
    let items = (0..view.shape[dim]).map(|i| {
        if i % 1024 == 1023 {
            t.check_stop()?;
        }
        nested(t, view, format, dim + 1, offset + i as isize * view.strides[dim])
    });
    List::from_vec(t, items.collect::<Res<Vec<Value>>>()?)
}

fn toreadonly(t: &Thread, a: &[Value]) -> Res {
    let m = a[0].expect::<MemoryView>();
    let (export, view) = m.held(t)?;
    make(t, export, View { read_only: true, ..view.clone() })
}

fn from_flags(t: &Thread, a: &[Value]) -> Res {
    let flags = convert::to_i32(t, &a[2])?;
    from_buffer(t, buffer::get(t, &a[1], flags)?)
}

/// Checks that items can be looked for: one dimension.
fn lookup_view(t: &Thread, view: &View) -> Res<()> {
    match view.ndim() {
        0 => Err(error::type_error(t, "invalid lookup on 0-dim memory")),
        1 => Ok(()),
        _ => Err(error::new(t, &NOT_IMPLEMENTED_ERROR, "multi-dimensional lookup is not implemented")),
    }
}

fn item(t: &Thread, m: &MemoryView, i: usize) -> Res {
    let (_export, view) = m.held(t)?;
    let format = item_format(t, view)?;
    // SAFETY: callers stay below the length; the export is held, and unpacking runs no Python code.
    format.unpack(t, unsafe { view.item(i as isize * view.strides[0]) })
}

fn count(t: &Thread, a: &[Value]) -> Res {
    let m = a[0].expect::<MemoryView>();
    let n = {
        let (_export, view) = m.held(t)?;
        if view.ndim() == 0 {
            return Err(error::type_error(t, "invalid indexing of 0-dim memory"));
        }
        if view.ndim() > 1 {
            return Err(error::new(t, &NOT_IMPLEMENTED_ERROR, "multi-dimensional sub-views are not implemented"));
        }
        view.shape[0]
    };
    let mut found = 0;
    for i in 0..n {
        let x = item(t, m, i)?;
        found += usize::from(x.is(&a[1]) || ops::compare_bool(t, &x, &a[1], CompareOp::Eq)?);
        if i % 256 == 255 {
            t.poll()?;
        }
    }
    Ok(convert::from_usize(found))
}

fn index(t: &Thread, a: &[Value]) -> Res {
    let m = a[0].expect::<MemoryView>();
    let n = {
        let (_export, view) = m.held(t)?;
        lookup_view(t, view)?;
        view.shape[0] as isize
    };
    let bound = |v: &Value, default: isize| match v.opt() {
        Some(v) => crate::types::index::slice_index(t, v),
        None => Ok(default),
    };
    let fit = |i: isize| if i < 0 { i.saturating_add(n).max(0) } else { i.min(n) };
    let (start, stop) = (fit(bound(&a[2], 0)?), fit(bound(&a[3], isize::MAX)?));
    for i in start..stop {
        let x = item(t, m, i as usize)?;
        if x.is(&a[1]) || ops::compare_bool(t, &x, &a[1], CompareOp::Eq)? {
            return Ok(convert::from_usize(i as usize));
        }
        if i % 256 == 255 {
            t.poll()?;
        }
    }
    Err(error::value_error(t, "memoryview.index(x): x not found"))
}
