//! memoryview: a window on another object's memory.

use crate::args::Args;
use crate::buffer::{self, Buffer, Format, Shape, Strides};
use crate::bulk;
use crate::call;
use crate::convert;
use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::names;
use crate::native::{self, MethodDef, def};
use crate::ops::CompareOp;
use crate::payload;
use crate::slots::Slots;
use crate::strs;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag, type_name, type_of};
use crate::value::Value;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

mod access;
mod attrs;
mod cast;
pub(crate) mod format;
mod iter;
mod methods;

pub use iter::MEMORY_ITER;

/// How the memory is seen.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) data: *mut u8,
    pub(crate) item_size: usize,
    pub(crate) format: Format,
    pub(crate) shape: Shape,
    pub(crate) strides: Strides,
    pub(crate) read_only: bool,
}

/// A memoryview.
#[repr(C)]
pub struct MemoryView {
    header: Header,
    /// The export it looks at, shared with the views made of it; `None` once released.
    export: RefCell<Option<Rc<Buffer>>>,
    pub(crate) view: View,
    /// Buffers lent from this view.
    exports: Cell<usize>,
    hash: Cell<i64>,
}

crate::payload!(MemoryView => MEMORYVIEW {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        if let Some(export) = &*self.export.borrow() {
            visit(&export.owner);
        }
    }
    fn clear(&self) {
        let export = self.export.take();
        drop(export);
    }
});

/// memoryview.
pub static MEMORYVIEW: TypeDef = TypeDef {
    name: "memoryview",
    doc: "Create a new memoryview object which references the given object.",
    signature: "(object)",
    id: ids::MEMORYVIEW,
    flags: flag::SEQUENCE | flag::WEAKREFS,
    slots: Slots {
        new: Some(construct),
        repr: Some(repr),
        hash: Some(hash),
        compare: Some(compare),
        iter: Some(iter::new),
        len: Some(len),
        getitem: Some(access::getitem),
        setitem: Some(access::setitem),
        buffer: Some(lend),
        ..Slots::NONE
    },
    methods: methods::METHODS,
    getset: attrs::ATTRS,
    ..TypeDef::of::<MemoryView>()
};

const UNSET: i64 = -1;

static NEW: MethodDef = def("memoryview", "(object)", |_, _| Ok(Value::NONE), "");

fn construct(t: &Thread, _: &Value, args: Args<'_>) -> Res {
    let n = args.values.len();
    if n > 1 {
        return Err(error::type_error(t, format_args!("memoryview() takes at most 1 argument ({n} given)")));
    }
    let Some(signature) = native::signature_of(t, &NEW, true) else {
        return Err(error::system_error(t, "memoryview has no signature"));
    };
    signature.bind(t, "memoryview", args, |a| new(t, &a[0]))
}

/// `memoryview(v)`.
pub fn new(t: &Thread, v: &Value) -> Res {
    if let Some(m) = v.downcast::<MemoryView>() {
        let export = m.export(t)?;
        return make(t, export, m.view.clone());
    }
    if !buffer::supported(v) {
        let name = type_name(v);
        return Err(error::type_error(t, format_args!("memoryview: a bytes-like object is required, not '{name}'")));
    }
    from_buffer(t, buffer::get(t, v, buffer::FULL_RO)?)
}

/// A memoryview of a buffer.
pub fn from_buffer(t: &Thread, b: Buffer) -> Res {
    let view = View {
        data: b.data,
        item_size: b.item_size,
        format: b.format.clone(),
        shape: b.shape.clone(),
        strides: b.strides.clone(),
        read_only: b.read_only,
    };
    make(t, Rc::new(b), view)
}

fn make(t: &Thread, export: Rc<Buffer>, view: View) -> Res {
    payload::new(t, |header| MemoryView {
        header,
        export: RefCell::new(Some(export)),
        view,
        exports: Cell::new(0),
        hash: Cell::new(UNSET),
    })
}

impl View {
    /// Items in all.
    pub(crate) fn items(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of all items.
    pub(crate) fn nbytes(&self) -> usize {
        self.items() * self.item_size
    }

    /// Dimensions.
    pub(crate) fn ndim(&self) -> usize {
        self.shape.len()
    }

    /// The bytes of the item at an offset from `data`.
    ///
    /// # Safety
    /// The offset is one that shape and strides reach; the export is held, and nothing writes while the slice lives.
    pub(crate) unsafe fn item<'a>(&self, offset: isize) -> &'a [u8] {
        // SAFETY: the caller's duty.
        unsafe { std::slice::from_raw_parts(self.data.offset(offset), self.item_size) }
    }

    /// As a buffer of an owner.
    fn lent(&self, owner: Value, release: fn(&Value)) -> Buffer {
        Buffer {
            owner,
            data: self.data,
            len: self.nbytes(),
            read_only: self.read_only,
            item_size: self.item_size,
            format: self.format.clone(),
            shape: self.shape.clone(),
            strides: self.strides.clone(),
            release,
        }
    }

    /// As a buffer that nobody has to release: for the shape arithmetic.
    pub(crate) fn as_buffer(&self) -> Buffer {
        self.lent(Value::ABSENT, |_| {})
    }
}

impl MemoryView {
    /// The export; ValueError after release.
    pub(crate) fn export(&self, t: &Thread) -> Res<Rc<Buffer>> {
        match &*self.export.borrow() {
            Some(export) => Ok(Rc::clone(export)),
            None => Err(error::value_error(t, "operation forbidden on released memoryview object")),
        }
    }

    /// The view, for as long as the export is held.
    pub(crate) fn held(&self, t: &Thread) -> Res<(Rc<Buffer>, &View)> {
        Ok((self.export(t)?, &self.view))
    }

    fn is_released(&self) -> bool {
        self.export.borrow().is_none()
    }

    /// `release()`.
    pub(crate) fn release(&self, t: &Thread) -> Res<()> {
        let n = self.exports.get();
        if n > 0 {
            let s = if n == 1 { "" } else { "s" };
            return Err(error::buffer_error(t, format_args!("memoryview has {n} exported buffer{s}")));
        }
        let export = self.export.take();
        drop(export);
        Ok(())
    }
}

fn repr(t: &Thread, v: &Value) -> Res {
    let what = if v.expect::<MemoryView>().is_released() { "released memory" } else { "memory" };
    strs::new(t, &format!("<{what} at {:#x}>", v.id()))
}

fn len(t: &Thread, v: &Value) -> Res<usize> {
    let m = v.expect::<MemoryView>();
    let (_export, view) = m.held(t)?;
    match view.shape.first() {
        Some(&n) => Ok(n),
        None => Err(error::type_error(t, "0-dim memory has no length")),
    }
}

fn hash(t: &Thread, v: &Value) -> Res<i64> {
    let m = v.expect::<MemoryView>();
    if m.hash.get() != UNSET {
        return Ok(m.hash.get());
    }
    let (export, view) = m.held(t)?;
    if !view.read_only {
        return Err(error::value_error(t, "cannot hash writable memoryview object"));
    }
    if !format::native(&view.format).is_some_and(format::Native::is_byte) {
        return Err(error::value_error(t, "memoryview: hashing is restricted to formats 'B', 'b' or 'c'"));
    }
    if !export.owner.is_absent() {
        crate::ops::hash(t, &export.owner)?;
    }
    let data = view.as_buffer().to_contiguous(t)?;
    m.hash.set(strs::hash_bytes(&data));
    Ok(m.hash.get())
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    if !matches!(op, CompareOp::Eq | CompareOp::Ne) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let equal = match equal(t, a, b)? {
        Some(equal) => equal,
        None => return Ok(Value::NOT_IMPLEMENTED),
    };
    Ok(Value::bool(equal == (op == CompareOp::Eq)))
}

/// Whether two buffers hold equal items; `None` if the other is no buffer.
fn equal(t: &Thread, a: &Value, b: &Value) -> Res<Option<bool>> {
    let m = a.expect::<MemoryView>();
    if m.is_released() || b.downcast::<MemoryView>().is_some_and(MemoryView::is_released) {
        return Ok(Some(a.is(b)));
    }
    let (_export, x) = m.held(t)?;
    let other;
    let y = match b.downcast::<MemoryView>() {
        Some(m) => m.view.as_buffer(),
        None => {
            if !buffer::supported(b) {
                return Ok(None);
            }
            other = match buffer::get(t, b, buffer::FULL_RO) {
                Ok(lent) => lent,
                Err(e) if e.is_stopped() => return Err(e),
                Err(_) => return Ok(None),
            };
            View {
                data: other.data,
                item_size: other.item_size,
                format: other.format.clone(),
                shape: other.shape.clone(),
                strides: other.strides.clone(),
                read_only: true,
            }
            .as_buffer()
        }
    };
    if x.shape != y.shape {
        return Ok(Some(false));
    }
    let (left, right) = (x.as_buffer().to_contiguous(t)?, y.to_contiguous(t)?);
    let exact = |f: &str| format::native(f).is_some_and(|n| !matches!(n.0, b'f' | b'd' | b'e' | b'?'));
    if x.format.trim_start_matches('@') == y.format.trim_start_matches('@') && exact(&x.format) {
        return Ok(Some(bulk::equal(&left, &right)));
    }
    for (i, p) in left.chunks_exact(x.item_size.max(1)).enumerate() {
        let q = &right[i * y.item_size..(i + 1) * y.item_size];
        if i % 256 == 255 {
            t.check_stop()?;
        }
        let (u, w) = (format::unpack_any(t, &x.format, p)?, format::unpack_any(t, &y.format, q)?);
        // A format nobody understands makes the views unequal.
        let (Some(u), Some(w)) = (u, w) else { return Ok(Some(false)) };
        if !crate::ops::compare_bool(t, &u, &w, CompareOp::Eq)? {
            return Ok(Some(false));
        }
    }
    Ok(Some(true))
}

/// `PyBUF_ND`, `PyBUF_STRIDES` and the contiguity requests.
mod want {
    pub(super) const FORMAT: i32 = 4;
    pub(super) const ND: i32 = 8;
    pub(super) const STRIDES: i32 = 0x18;
    pub(super) const C: i32 = 0x38;
    pub(super) const F: i32 = 0x58;
    pub(super) const ANY: i32 = 0x98;
}

fn lend(t: &Thread, v: &Value, flags: i32) -> Res<Buffer> {
    let m = v.expect::<MemoryView>();
    let (_export, view) = m.held(t)?;
    let refuse = |what: &str| Err(error::buffer_error(t, format_args!("memoryview: underlying buffer is not {what}")));
    if flags & buffer::WRITABLE != 0 && view.read_only {
        return refuse("writable");
    }
    let shape = view.as_buffer();
    let (c, f) = (shape.is_c_contiguous(), shape.is_f_contiguous());
    let asks = |what: i32| flags & what == what;
    if asks(want::C) && !c {
        return refuse("C-contiguous");
    }
    if asks(want::F) && !f {
        return refuse("Fortran contiguous");
    }
    if asks(want::ANY) && !c && !f {
        return refuse("contiguous");
    }
    if !asks(want::STRIDES) && !c {
        return refuse("C-contiguous");
    }
    if !asks(want::ND) && asks(want::FORMAT) {
        let text = "memoryview: cannot cast to unsigned bytes if the format flag is present";
        return Err(error::buffer_error(t, text));
    }
    m.exports.set(m.exports.get() + 1);
    Ok(view.lent(v.clone(), |v| {
        let m = v.expect::<MemoryView>();
        m.exports.set(m.exports.get().saturating_sub(1));
    }))
}

/// `obj.__buffer__(flags)`: the memory that the nearest built-in base lends, as a memoryview.
pub(crate) fn buffer_method(t: &Thread, obj: &Value, flags: &Value) -> Res {
    let flags = convert::to_i32(t, flags)?;
    let mut ty = type_of(obj);
    while ty.is_heap_type() {
        let Some(base) = ty.base() else { break };
        ty = base;
    }
    match ty.slots().buffer {
        Some(f) => from_buffer(t, f(t, obj, flags)?),
        None => {
            let name = type_of(obj).name();
            Err(error::type_error(t, format_args!("a bytes-like object is required, not '{name}'")))
        }
    }
}

/// The slot of a Python class with a `__buffer__` method (PEP 688): the memory of the memoryview that it returns. When
/// the buffer is given back, `__release_buffer__` gets that memoryview.
pub fn python_buffer(t: &Thread, v: &Value, flags: i32) -> Res<Buffer> {
    let name = names::n::__buffer__();
    let made = match call::special(t, v, name, &[Value::small(i64::from(flags))]) {
        Some(made) => made?,
        None => return Err(error::no_attribute(t, v, name)),
    };
    let Some(m) = made.downcast::<MemoryView>() else {
        return Err(error::type_error(t, "__buffer__ returned non-memoryview object"));
    };
    // Checks the request; the buffer itself is one that tells the exporter when it is given back.
    drop(lend(t, &made, flags)?);
    // The pair keeps the exporter for its release method and the memoryview for the memory.
    let owner = crate::tuple::from_array(t, [v.clone(), made.clone()])?;
    m.exports.set(m.exports.get() + 1);
    Ok(m.view.lent(owner, release_python))
}

/// The object behind an export, as `memoryview.obj` shows it.
pub(crate) fn exporter(export: &Buffer) -> Value {
    if std::ptr::fn_addr_eq(export.release, release_python as fn(&Value))
        && let Some([exporter, _]) = export.owner.downcast::<crate::tuple::Tuple>().map(crate::tuple::Tuple::items)
    {
        return exporter.clone();
    }
    export.owner.clone()
}

fn release_python(pair: &Value) {
    let Some([exporter, view]) = pair.downcast::<crate::tuple::Tuple>().map(crate::tuple::Tuple::items) else { return };
    let m = view.expect::<MemoryView>();
    m.exports.set(m.exports.get().saturating_sub(1));
    let Some(t) = crate::thread::current() else { return };
    let done = match call::special(t, exporter, names::n::__release_buffer__(), std::slice::from_ref(view)) {
        Some(Err(e)) => Err(e),
        _ => Ok(()),
    };
    if let Err(e) = done.and_then(|()| m.release(t)) {
        (t.hooks.unraisable)(t, e, "Exception ignored in bf_releasebuffer", Some(exporter));
    }
}
