//! memoryview.cast.

use super::format::native;
use super::{MemoryView, View, make};
use crate::buffer::{Shape, Strides};
use crate::error::{self, Res};
use crate::list::List;
use crate::strs::Str;
use crate::thread::Thread;
use crate::tuple::Tuple;
use crate::types::int;
use crate::types::str_::arg_name;
use crate::value::Value;
use smallvec::smallvec;

const DIMENSIONS_MAX: usize = 64;

pub(super) fn cast(t: &Thread, a: &[Value]) -> Res {
    let m = a[0].expect::<MemoryView>();
    let (export, view) = m.held(t)?;
    let Some(format) = a[1].downcast::<Str>() else {
        let name = arg_name(&a[1]);
        return Err(error::type_error(t, format_args!("cast() argument 'format' must be str, not {name}")));
    };
    if !view.as_buffer().is_c_contiguous() {
        return Err(error::type_error(t, "memoryview: casts are restricted to C-contiguous views"));
    }
    let shape = a[2].opt();
    if (shape.is_some() || view.ndim() != 1) && view.shape.contains(&0) {
        return Err(error::type_error(t, "memoryview: cannot cast view with zeros in shape or strides"));
    }
    let shape = match shape {
        Some(v) => Some(shape_items(t, v)?),
        None => None,
    };
    if let Some(shape) = &shape {
        if shape.len() > DIMENSIONS_MAX {
            return Err(error::value_error(
                t,
                format_args!("memoryview: number of dimensions must not exceed {DIMENSIONS_MAX}"),
            ));
        }
        if view.ndim() != 1 && shape.len() != 1 {
            return Err(error::type_error(t, "memoryview: cast must be 1D -> ND or ND -> 1D"));
        }
    }
    let mut flat = flat(t, view, &format.to_lossy())?;
    if let Some(items) = shape {
        reshape(t, &mut flat, &items, view.nbytes())?;
    }
    make(t, export, flat)
}

fn shape_items(t: &Thread, v: &Value) -> Res<Vec<Value>> {
    if let Some(list) = v.downcast::<List>() {
        return Ok(list.to_vec());
    }
    match v.downcast::<Tuple>() {
        Some(tuple) => Ok(tuple.items().to_vec()),
        None => Err(error::type_error(t, "shape must be a list or a tuple")),
    }
}

/// The view as one dimension of another format.
fn flat(t: &Thread, view: &View, format: &str) -> Res<View> {
    let what = "format must be a native single character format prefixed with an optional '@'";
    let Some(to) = native(format) else {
        return Err(error::value_error(t, format_args!("memoryview: destination {what}")));
    };
    let Some(from) = native(&view.format) else {
        return Err(error::value_error(t, format_args!("memoryview: source {what}")));
    };
    if !to.is_byte() && !from.is_byte() {
        return Err(error::type_error(t, "memoryview: cannot cast between two non-byte formats"));
    }
    let len = view.nbytes();
    if !len.is_multiple_of(to.1) {
        return Err(error::type_error(t, "memoryview: length is not a multiple of itemsize"));
    }
    Ok(View {
        item_size: to.1,
        format: format.into(),
        shape: smallvec![len / to.1],
        strides: smallvec![to.1 as isize],
        ..view.clone()
    })
}

fn reshape(t: &Thread, view: &mut View, items: &[Value], nbytes: usize) -> Res<()> {
    let mut shape = Shape::with_capacity(items.len());
    let mut product = 1usize;
    for item in items {
        if !int::is_int(item) {
            return Err(error::type_error(t, "memoryview.cast(): elements of shape must be integers"));
        }
        let n = crate::convert::to_isize(t, item)?;
        if n <= 0 {
            return Err(error::value_error(t, "memoryview.cast(): elements of shape must be integers > 0"));
        }
        product = match product.checked_mul(n as usize).filter(|&p| p <= isize::MAX as usize) {
            Some(p) => p,
            None => return Err(error::value_error(t, "memoryview.cast(): product(shape) > SSIZE_MAX")),
        };
        shape.push(n as usize);
    }
    if product.checked_mul(view.item_size) != Some(nbytes) {
        return Err(error::type_error(t, "memoryview: product(shape) * itemsize != buffer size"));
    }
    let mut stride = view.item_size as isize;
    let mut strides = Strides::from_elem(0, shape.len());
    for (s, &n) in strides.iter_mut().zip(&shape).rev() {
        *s = stride;
        stride *= n as isize;
    }
    (view.shape, view.strides) = (shape, strides);
    Ok(())
}
