//! Struct: a format as an object, and the functions over formats.

use super::format::Format;
use super::{fail, items};
use crate::ctor::bind;
use smallvec::SmallVec;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use typhon_object::buffer::{self, Buffer};
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def, getter, raw};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::bytes;
use typhon_object::{Thread, Value, convert, ops, payload, strs, tuple, type_of};

/// A compiled format.
#[repr(C)]
pub(super) struct Struct {
    header: Header,
    text: Slot,
    format: RefCell<Option<Rc<Format>>>,
}

typhon_object::payload!(Struct => STRUCT {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.text.get());
    }
});

/// _struct.Struct.
pub(super) static STRUCT: TypeDef = TypeDef {
    name: "_struct.Struct",
    doc: "Struct(fmt) --> compiled struct object\n\n",
    flags: flag::BASETYPE | flag::WEAKREFS,
    slots: Slots {
        new: Some(|t, class, _| {
            payload::new_for(t, class, |header| Struct { header, text: Slot::empty(), format: RefCell::new(None) })
        }),
        init: Some(|t, v, args| bind(t, &INIT, v, args).map(drop)),
        repr: Some(repr),
        ..Slots::NONE
    },
    methods: &[
        def(
            "iter_unpack",
            "($self, buffer, /)",
            |t, a| iter_unpack(t, format_of(t, &a[0])?, &a[1]),
            "Return an iterator yielding tuples.",
        ),
        raw(
            "pack",
            "",
            |t, args| {
                args.no_keywords(t, "Struct.pack")?;
                pack(t, &*format_of(t, &args.values[0])?, &args.values[1..])
            },
            "S.pack(v1, v2, ...) -> bytes",
        ),
        raw(
            "pack_into",
            "",
            |t, args| {
                args.no_keywords(t, "Struct.pack_into")?;
                pack_into(t, &*format_of(t, &args.values[0])?, &args.values[1..])
            },
            "S.pack_into(buffer, offset, v1, v2, ...)",
        ),
        def(
            "unpack",
            "($self, buffer, /)",
            |t, a| unpack(t, &*format_of(t, &a[0])?, &a[1]),
            "Return a tuple containing unpacked values.",
        ),
        def(
            "unpack_from",
            "($self, /, buffer, offset=0)",
            |t, a| unpack_from(t, &*format_of(t, &a[0])?, &a[1], &a[2]),
            "Return a tuple containing unpacked values.",
        ),
    ],
    getset: &[
        getter("format", format_text, "struct format string"),
        getter("size", |t, v| Ok(convert::from_usize(format_of(t, v)?.size)), "struct size in bytes"),
    ],
    ..TypeDef::of::<Struct>()
};

static INIT: MethodDef = def(
    "Struct",
    "($self, format)",
    |t, a| {
        let s = a[0].expect::<Struct>();
        let text = items::text_of_format(t, &a[1])?;
        let format = super::parse(t, &a[1])?;
        s.text.set(&s.header, strs::from_latin1(t, &text)?);
        *s.format.borrow_mut() = Some(format);
        Ok(Value::NONE)
    },
    "",
);

fn format_of(t: &Thread, v: &Value) -> Res<Rc<Format>> {
    let format = v.expect::<Struct>().format.borrow().clone();
    format.ok_or_else(|| error::runtime_error(t, "Struct object is not initialized"))
}

fn format_text(t: &Thread, v: &Value) -> Res {
    format_of(t, v)?;
    Ok(v.expect::<Struct>().text.get())
}

fn repr(t: &Thread, v: &Value) -> Res {
    let text = ops::repr_text(t, &format_text(t, v)?)?;
    strs::new(t, &format!("{}({text})", type_of(v).short_name()))
}

fn check_count(t: &Thread, format: &Format, name: &str, given: usize) -> Res<()> {
    if given == format.len {
        return Ok(());
    }
    Err(fail(t, format_args!("{name} expected {} items for packing (got {given})", format.len)))
}

/// `pack(format, *values)`.
pub(super) fn pack(t: &Thread, format: &Format, values: &[Value]) -> Res {
    check_count(t, format, "pack", values.len())?;
    t.check_alloc(format.size)?;
    let mut out: SmallVec<[u8; 64]> = smallvec::smallvec![0; format.size];
    items::pack(t, format, values, &mut out)?;
    bytes::new(t, &out)
}

/// `pack_into(format, buffer, offset, *values)`.
pub(super) fn pack_into(t: &Thread, format: &Format, args: &[Value]) -> Res {
    let (target, offset, values) = match args {
        [] => return Err(fail(t, "pack_into expected buffer argument")),
        [_] => return Err(fail(t, "pack_into expected offset argument")),
        [target, offset, values @ ..] => (target, offset, values),
    };
    check_count(t, format, "pack_into", values.len())?;
    let not_writable = || {
        let name = type_of(target).name();
        error::type_error(t, format_args!("argument must be read-write bytes-like object, not {name}"))
    };
    if !buffer::supported(target) {
        return Err(not_writable());
    }
    let lent = match buffer::get(t, target, buffer::WRITABLE) {
        Err(e) if e.is(&typhon_object::types::exceptions::BUFFER_ERROR) => return Err(not_writable()),
        r => r?,
    };
    if lent.read_only {
        return Err(not_writable());
    }
    let (offset, size, len) = (convert::to_isize(t, offset)?, format.size, lent.len);
    if offset < 0 && offset + size as isize > 0 {
        return Err(fail(t, format_args!("no space to pack {size} bytes at offset {offset}")));
    }
    let at = resolve(t, offset, len)?;
    if at.checked_add(size).is_none_or(|end| end > len) {
        let needed = at.saturating_add(size);
        let text = format_args!(
            "pack_into requires a buffer of at least {needed} bytes for packing {size} bytes at offset {at} (actual buffer size is {len})"
        );
        return Err(fail(t, text));
    }
    // Packed aside first: converting a value may run code that looks at the buffer.
    t.check_alloc(size)?;
    let mut out = vec![0; size];
    items::pack(t, format, values, &mut out)?;
    if let Some(room) = lent.as_mut_slice().get_mut(at..at + size) {
        room.copy_from_slice(&out);
    }
    Ok(Value::NONE)
}

/// An offset from the front.
fn resolve(t: &Thread, offset: isize, len: usize) -> Res<usize> {
    let at = if offset < 0 { offset.saturating_add(len as isize) } else { offset };
    usize::try_from(at).map_err(|_| fail(t, format_args!("offset {offset} out of range for {len}-byte buffer")))
}

/// `unpack(format, buffer)`.
pub(super) fn unpack(t: &Thread, format: &Format, data: &Value) -> Res {
    let lent = buffer::get(t, data, buffer::SIMPLE)?;
    if lent.len != format.size {
        return Err(fail(t, format_args!("unpack requires a buffer of {} bytes", format.size)));
    }
    tuple::from_vec(t, items::unpack(t, format, lent.as_slice())?)
}

/// `unpack_from(format, buffer, offset)`.
pub(super) fn unpack_from(t: &Thread, format: &Format, data: &Value, offset: &Value) -> Res {
    let lent = buffer::get(t, data, buffer::SIMPLE)?;
    let offset = offset.opt().map_or(Ok(0), |v| convert::to_isize(t, v))?;
    let (size, len) = (format.size, lent.len);
    if offset < 0 && offset + size as isize > 0 {
        return Err(fail(t, format_args!("not enough data to unpack {size} bytes at offset {offset}")));
    }
    let at = resolve(t, offset, len)?;
    match at.checked_add(size).and_then(|end| lent.as_slice().get(at..end)) {
        Some(part) => tuple::from_vec(t, items::unpack(t, format, part)?),
        None if size == 0 && at <= len => tuple::from_vec(t, items::unpack(t, format, &[])?),
        None => {
            let needed = at.saturating_add(size);
            let text = format_args!(
                "unpack_from requires a buffer of at least {needed} bytes for unpacking {size} bytes at offset {at} (actual buffer size is {len})"
            );
            Err(fail(t, text))
        }
    }
}

/// _struct.unpack_iterator.
#[repr(C)]
pub(super) struct UnpackIter {
    header: Header,
    format: Rc<Format>,
    data: RefCell<Option<Buffer>>,
    at: Cell<usize>,
}

typhon_object::payload!(UnpackIter => UNPACK_ITER);

/// _struct.unpack_iterator.
pub(super) static UNPACK_ITER: TypeDef = TypeDef {
    name: "_struct.unpack_iterator",
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(|_, v| Ok(v.clone())), next: Some(next), ..Slots::NONE },
    methods: &[def(
        "__length_hint__",
        "($self, /)",
        |_, a| {
            let it = a[0].expect::<UnpackIter>();
            let len = it.data.borrow().as_ref().map_or(0, |b| b.len);
            Ok(convert::from_usize((len - it.at.get().min(len)) / it.format.size))
        },
        "",
    )],
    ..TypeDef::of::<UnpackIter>()
};

/// `iter_unpack(format, buffer)`.
pub(super) fn iter_unpack(t: &Thread, format: Rc<Format>, data: &Value) -> Res {
    if format.size == 0 {
        return Err(fail(t, "cannot iteratively unpack with a struct of length 0"));
    }
    let lent = buffer::get(t, data, buffer::SIMPLE)?;
    if lent.len % format.size != 0 {
        let size = format.size;
        return Err(fail(t, format_args!("iterative unpacking requires a buffer of a multiple of {size} bytes")));
    }
    payload::new(t, |header| UnpackIter { header, format, data: RefCell::new(Some(lent)), at: Cell::new(0) })
}

fn next(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<UnpackIter>();
    let (at, size) = (it.at.get(), it.format.size);
    // Unpacking runs no Python code.
    let items = match it.data.borrow().as_ref().and_then(|b| b.as_slice().get(at..at + size)) {
        Some(part) => Some(items::unpack(t, &it.format, part)?),
        None => None,
    };
    match items {
        Some(items) => {
            it.at.set(at + size);
            tuple::from_vec(t, items)
        }
        None => {
            let over = it.data.borrow_mut().take();
            drop(over);
            Ok(Value::ABSENT)
        }
    }
}
