//! memoryview: items and slices, read and written.

use super::format::{Native, native};
use super::{MemoryView, View, make};
use crate::buffer;
use crate::convert;
use crate::error::{self, Res};
use crate::thread::Thread;
use crate::tuple::Tuple;
use crate::ty::type_of;
use crate::types::exceptions::NOT_IMPLEMENTED_ERROR;
use crate::types::{index, int};
use crate::value::Value;

fn unsupported(t: &Thread, text: &str) -> error::Exc {
    error::new(t, &NOT_IMPLEMENTED_ERROR, text)
}

/// The view's format, if items of it can be read and written here.
pub(super) fn item_format(t: &Thread, view: &View) -> Res<Native> {
    match native(&view.format) {
        Some(n) => Ok(n),
        None => Err(unsupported(t, &format!("memoryview: unsupported format {}", &*view.format))),
    }
}

fn is_index(v: &Value) -> bool {
    int::is_int(v) || type_of(v).slots().index.is_some()
}

/// The offset of item `i` in dimension `dim`.
fn step(t: &Thread, view: &View, dim: usize, i: isize) -> Res<isize> {
    match index::in_range(i, view.shape[dim]) {
        Some(i) => Ok(i as isize * view.strides[dim]),
        None => Err(error::index_error(t, format_args!("index out of bounds on dimension {}", dim + 1))),
    }
}

/// What a subscript means.
enum Target {
    /// The item at an offset.
    Item(isize),
    /// The view itself.
    Whole,
    /// A slice of the first dimension.
    Slice(index::Range),
}

fn target(t: &Thread, view: &View, key: &Value, writing: bool) -> Res<Target> {
    if view.ndim() == 0 {
        if key.downcast::<Tuple>().is_some_and(Tuple::is_empty) {
            return Ok(Target::Item(0));
        }
        if key.is_ellipsis() {
            return Ok(if writing { Target::Item(0) } else { Target::Whole });
        }
        return Err(error::type_error(t, "invalid indexing of 0-dim memory"));
    }
    if is_index(key) {
        let i = convert::to_index_checked(t, key)?;
        if view.ndim() > 1 {
            let what = if writing {
                "sub-views are not implemented"
            } else {
                "multi-dimensional sub-views are not implemented"
            };
            return Err(unsupported(t, what));
        }
        return Ok(Target::Item(step(t, view, 0, i)?));
    }
    if index::is_slice(key) {
        return Ok(Target::Slice(index::slice(t, key, || view.shape[0])?));
    }
    let parts = key.downcast::<Tuple>().map(Tuple::items).unwrap_or(&[]);
    if key.downcast::<Tuple>().is_some() && parts.iter().all(is_index) {
        let (ndim, n) = (view.ndim(), parts.len());
        if n < ndim {
            return Err(unsupported(t, "sub-views are not implemented"));
        }
        if n > ndim {
            return Err(error::type_error(
                t,
                format_args!("cannot index {ndim}-dimension view with {n}-element tuple"),
            ));
        }
        let mut offset = 0;
        for (dim, part) in parts.iter().enumerate() {
            offset += step(t, view, dim, convert::to_index_checked(t, part)?)?;
        }
        return Ok(Target::Item(offset));
    }
    if !parts.is_empty() && parts.iter().all(index::is_slice) {
        let what = if writing {
            "memoryview slice assignments are currently restricted to ndim = 1"
        } else {
            "multi-dimensional slicing is not implemented"
        };
        return Err(unsupported(t, what));
    }
    Err(error::type_error(t, "memoryview: invalid slice key"))
}

/// The view of a slice of the first dimension.
fn sliced(view: &View, r: index::Range) -> View {
    let mut part = view.clone();
    // Where nothing is selected the pointer may lie outside, and is never followed.
    part.data = view.data.wrapping_offset(r.start * view.strides[0]);
    part.shape[0] = r.count;
    part.strides[0] = view.strides[0] * r.step;
    part
}

pub(super) fn getitem(t: &Thread, v: &Value, key: &Value) -> Res {
    let m = v.expect::<MemoryView>();
    let (export, view) = m.held(t)?;
    match target(t, view, key, false)? {
        Target::Item(offset) => {
            let format = item_format(t, view)?;
            // Reading the key may have released the view, but not the export held here.
            m.export(t)?;
            // SAFETY: the offset was checked against the shape; unpacking runs no Python code.
            format.unpack(t, unsafe { view.item(offset) })
        }
        Target::Whole => Ok(v.clone()),
        Target::Slice(r) => make(t, export, sliced(view, r)),
    }
}

pub(super) fn setitem(t: &Thread, v: &Value, key: &Value, value: Option<&Value>) -> Res<()> {
    let m = v.expect::<MemoryView>();
    let (_export, view) = m.held(t)?;
    if view.read_only {
        return Err(error::type_error(t, "cannot modify read-only memory"));
    }
    let Some(value) = value else { return Err(error::type_error(t, "cannot delete memory")) };
    match target(t, view, key, true)? {
        Target::Item(offset) => {
            let item = item_format(t, view)?.pack(t, value)?;
            m.export(t)?;
            // SAFETY: the offset was checked against the shape, the item has its size, and the export is held.
            unsafe { view.data.offset(offset).copy_from_nonoverlapping(item.as_ptr(), item.len()) };
        }
        Target::Whole => {}
        Target::Slice(r) if view.ndim() == 1 => {
            let lent = buffer::get(t, value, buffer::FULL_RO)?;
            m.export(t)?;
            let part = sliced(view, r);
            let plain = |f: &str| f.trim_start_matches('@').to_string();
            let same = plain(&lent.format) == plain(&part.format)
                && lent.item_size == part.item_size
                && lent.shape == part.shape;
            if !same {
                return Err(error::value_error(
                    t,
                    "memoryview assignment: lvalue and rvalue have different structures",
                ));
            }
            // A copy first: the two may overlap.
            let data = lent.to_contiguous(t)?;
            let mut items = data.chunks_exact(part.item_size.max(1));
            part.as_buffer().for_each_offset(&mut |at| {
                if let Some(item) = items.next() {
                    // SAFETY: shape and strides stay inside the export, which is held.
                    unsafe { part.data.offset(at).copy_from_nonoverlapping(item.as_ptr(), item.len()) };
                }
            });
        }
        Target::Slice(_) => {
            return Err(unsupported(t, "memoryview slice assignments are currently restricted to ndim = 1"));
        }
    }
    Ok(())
}
