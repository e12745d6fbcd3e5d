//! `BufferedRWPair`: a reader and a writer as one stream.

use super::base::BUFFERED_IO_BASE;
use super::buffered::{BUFFERED_READER, BUFFERED_WRITER};
use super::{ask, base, is_closed, method};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def, getter};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Args, Res, Thread, Value, attr, call, error, payload};

/// A pair of streams.
#[repr(C)]
pub struct Pair {
    header: Header,
    dict: Slot,
    reader: Slot,
    writer: Slot,
}

typhon_object::payload!(Pair => BUFFERED_RW_PAIR {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for slot in [&self.dict, &self.reader, &self.writer] {
            // SAFETY: the collector's visitor stores nothing.
            visit(unsafe { slot.peek() });
        }
    }
    fn clear(&self) {
        drop((self.dict.take(), self.reader.take(), self.writer.take()));
    }
});

static INIT: MethodDef = def("BufferedRWPair", "(reader, writer, buffer_size=131072, /)", |_, _| Ok(Value::NONE), "");

/// `_io.BufferedRWPair`.
pub static BUFFERED_RW_PAIR: TypeDef = TypeDef {
    name: "_io.BufferedRWPair",
    doc: "A buffered reader and writer object together.",
    signature: "(reader, writer, buffer_size=131072, /)",
    base: Some(&BUFFERED_IO_BASE),
    flags: flag::BASETYPE | flag::WEAKREFS | flag::FINALIZER,
    dict_offset: std::mem::offset_of!(Pair, dict),
    slots: Slots { new: Some(new), init: Some(init), finalize: Some(base::finalize), ..Slots::NONE },
    methods: &[
        def("read", "($self, size=-1, /)", |t, a| read(t, a, "read"), ""),
        def("peek", "($self, size=0, /)", |t, a| read(t, a, "peek"), ""),
        def("read1", "($self, size=-1, /)", |t, a| read(t, a, "read1"), ""),
        def("readinto", "($self, buffer, /)", |t, a| read(t, a, "readinto"), ""),
        def("readinto1", "($self, buffer, /)", |t, a| read(t, a, "readinto1"), ""),
        def("write", "($self, buffer, /)", |t, a| method(t, &writer(t, &a[0])?, "write", &a[1..]), ""),
        def("flush", "($self, /)", |t, a| method(t, &writer(t, &a[0])?, "flush", &[]), ""),
        def("readable", "($self, /)", |t, a| method(t, &reader(t, &a[0])?, "readable", &[]), ""),
        def("writable", "($self, /)", |t, a| method(t, &writer(t, &a[0])?, "writable", &[]), ""),
        def("close", "($self, /)", close, ""),
        def("isatty", "($self, /)", isatty, ""),
    ],
    getset: &[getter("closed", |t, v| is_closed(t, &writer(t, v)?).map(Value::bool), "")],
    ..TypeDef::of::<Pair>()
};

fn new(t: &Thread, class: &Value, _: Args<'_>) -> Res {
    payload::new_for(t, class, |header| Pair {
        header,
        dict: Slot::empty(),
        reader: Slot::empty(),
        writer: Slot::empty(),
    })
}

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    super::bind_init(t, &INIT, args, |a| {
        base::check(t, &a[0], "readable")?;
        base::check(t, &a[1], "writable")?;
        let make = |ty: &TypeDef, raw: &Value| {
            let size = a[2].opt().cloned().unwrap_or(Value::small(super::BUFFER_SIZE as i64));
            call::call(t, &ty.ty().value(), &[raw.clone(), size])
        };
        let p = v.expect::<Pair>();
        p.reader.set(&p.header, make(&BUFFERED_READER, &a[0])?);
        p.writer.set(&p.header, make(&BUFFERED_WRITER, &a[1])?);
        Ok(())
    })
}

fn side(t: &Thread, v: Value) -> Res {
    v.present().ok_or_else(|| error::value_error(t, "I/O operation on uninitialized object"))
}

fn reader(t: &Thread, v: &Value) -> Res {
    side(t, v.expect::<Pair>().reader.get())
}

fn writer(t: &Thread, v: &Value) -> Res {
    side(t, v.expect::<Pair>().writer.get())
}

fn read(t: &Thread, a: &[Value], name: &str) -> Res {
    let args: &[Value] = if a[1].is_absent() { &[] } else { &a[1..] };
    method(t, &reader(t, &a[0])?, name, args)
}

fn close(t: &Thread, a: &[Value]) -> Res {
    let first = writer(t, &a[0]).and_then(|w| method(t, &w, "close", &[]));
    let second = reader(t, &a[0]).and_then(|r| method(t, &r, "close", &[]));
    match (first, second) {
        (Err(e), Err(second)) => {
            typhon_object::types::exceptions::set_context(t, second.value(), e.into_value());
            Err(second)
        }
        (Err(e), _) => Err(e),
        (_, second) => second,
    }
}

fn isatty(t: &Thread, a: &[Value]) -> Res {
    if ask(t, &writer(t, &a[0])?, "isatty")? {
        return Ok(Value::TRUE);
    }
    attr::get_text(t, &reader(t, &a[0])?, "isatty").and_then(|f| call::call0(t, &f))
}
