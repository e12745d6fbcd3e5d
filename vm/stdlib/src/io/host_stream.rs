//! A raw stream to the host: the standard streams of an isolate that has no descriptors.

use super::base::{self, RAW_IO_BASE};
use super::unsupported;
use crate::world;
use std::cell::Cell;
use typhon_interp::host::Stream;
use typhon_object::buffer;
use typhon_object::header::Header;
use typhon_object::names;
use typhon_object::native::{def, getter};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Res, Thread, Value, attr, convert, payload};

/// Which of the three standard streams, by its number.
#[repr(C)]
pub struct HostStream {
    header: Header,
    dict: Slot,
    number: u8,
    closed: Cell<bool>,
}

typhon_object::payload!(HostStream => HOST_IO {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.dict.peek() });
    }
    fn clear(&self) {
        drop(self.dict.take());
    }
});

/// `_io._HostIO`.
pub static HOST_IO: TypeDef = TypeDef {
    name: "_io._HostIO",
    doc: "A standard stream that the host reads or writes.",
    base: Some(&RAW_IO_BASE),
    flags: flag::WEAKREFS | flag::NO_NEW,
    dict_offset: std::mem::offset_of!(HostStream, dict),
    slots: Slots { repr: Some(repr), finalize: None, ..Slots::NONE },
    methods: &[
        def("readinto", "($self, buffer, /)", readinto, ""),
        def("write", "($self, b, /)", write, ""),
        def("readable", "($self, /)", |_, a| Ok(Value::bool(a[0].expect::<HostStream>().number == 0)), ""),
        def("writable", "($self, /)", |_, a| Ok(Value::bool(a[0].expect::<HostStream>().number != 0)), ""),
        def(
            "close",
            "($self, /)",
            |_, a| {
                a[0].expect::<HostStream>().closed.set(true);
                Ok(Value::NONE)
            },
            "",
        ),
        def("_dealloc_warn", "($self, source, /)", |_, _| Ok(Value::NONE), ""),
    ],
    getset: &[
        getter("closed", |_, v| Ok(Value::bool(v.expect::<HostStream>().closed.get())), ""),
        getter("mode", |t, v| strs::new(t, if v.expect::<HostStream>().number == 0 { "rb" } else { "wb" }), ""),
    ],
    ..TypeDef::of::<HostStream>()
};

/// The raw stream of standard stream `number`.
pub fn new(t: &Thread, number: u8) -> Res {
    let v = payload::new(t, |header| HostStream { header, dict: Slot::empty(), number, closed: Cell::new(false) })?;
    let name = strs::new(t, ["<stdin>", "<stdout>", "<stderr>"][usize::from(number.min(2))])?;
    attr::set(t, &v, &names::intern_text(t, "name"), Some(&name))?;
    Ok(v)
}

/// So much is handed over between two looks at the breaker.
const PIECE: usize = 256 << 10;

impl HostStream {
    fn check(&self, t: &Thread) -> Res<()> {
        if self.closed.get() { Err(base::closed_error(t)) } else { Ok(()) }
    }

    /// Takes all of `data`.
    pub fn put(&self, t: &Thread, data: &[u8]) -> Res<()> {
        self.check(t)?;
        let stream = match self.number {
            0 => return Err(unsupported(t, "File not open for writing")),
            1 => Stream::Stdout,
            _ => Stream::Stderr,
        };
        data.chunks(PIECE).try_for_each(|piece| {
            t.check_stop()?;
            world::host(t)?.write(stream, piece).map_err(|e| world::host_error(t, e, None))
        })
    }

    /// Reads once.
    pub fn take(&self, t: &Thread, to: &mut [u8]) -> Res<usize> {
        self.check(t)?;
        if self.number != 0 {
            return Err(unsupported(t, "File not open for reading"));
        }
        world::host(t)?.read_stdin(to).map_err(|e| world::host_error(t, e, None))
    }
}

fn readinto(t: &Thread, a: &[Value]) -> Res {
    let to = base::writable(t, &a[1], "readinto")?;
    a[0].expect::<HostStream>().take(t, to.as_mut_slice()).map(convert::from_usize)
}

fn write(t: &Thread, a: &[Value]) -> Res {
    let from = buffer::get(t, &a[1], buffer::SIMPLE)?;
    a[0].expect::<HostStream>().put(t, from.as_slice())?;
    Ok(convert::from_usize(from.len))
}

fn repr(t: &Thread, v: &Value) -> Res {
    let name = base::name_part(t, v, "name")?.unwrap_or_default();
    strs::new(t, &format!("<_io._HostIO name={name}>"))
}
