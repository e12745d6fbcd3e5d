//! Streams through a codec.

use super::incremental::Core;
use std::mem::offset_of;
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::native::{self, MethodDef, def, member};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{Str, StrBuilder};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::bytes::{self, Bytes};
use typhon_object::{Thread, Value, call, convert, names, ops, payload, type_of};

/// MultibyteStreamReader.
#[repr(C)]
pub struct StreamReader {
    header: Header,
    stream: Slot,
    core: Core,
}

/// MultibyteStreamWriter.
#[repr(C)]
pub struct StreamWriter {
    header: Header,
    stream: Slot,
    core: Core,
}

macro_rules! payload {
    ($name:ident => $def:ident) => {
        typhon_object::payload!($name => $def {
            fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
                // SAFETY: the collector's visitor stores nothing.
                visit(unsafe { self.stream.peek() });
            }
            fn clear(&self) {
                drop(self.stream.take());
            }
        });
    };
}
payload!(StreamReader => READER);
payload!(StreamWriter => WRITER);

static NEW: MethodDef = def("__new__", "(stream, errors='strict')", |_, _| Ok(Value::NONE), "");

fn bind_new(t: &Thread, class: &Value, args: Args<'_>, name: &str) -> Res<(Slot, Core)> {
    let Some(signature) = native::signature_of(t, &NEW, true) else {
        return Err(error::system_error(t, "a codec class has no signature"));
    };
    signature.bind(t, name, args, |a| Ok((Slot::new(a[0].clone()), Core::new(t, class, &a[1])?)))
}

pub(super) static READER: TypeDef = TypeDef {
    name: "_multibytecodec.MultibyteStreamReader",
    flags: flag::BASETYPE,
    slots: Slots {
        new: Some(|t, class, args| {
            let (stream, core) = bind_new(t, class, args, "StreamReader")?;
            payload::new_for(t, class, |header| StreamReader { header, stream, core })
        }),
        init: Some(|_, _, _| Ok(())),
        ..Slots::NONE
    },
    methods: &[
        def("read", "($self, sizeobj=None, /)", |t, a| read_by(t, a, "read"), ""),
        def("readline", "($self, sizeobj=None, /)", |t, a| read_by(t, a, "readline"), ""),
        def("readlines", "($self, sizehintobj=None, /)", readlines, ""),
        def(
            "reset",
            "($self, /)",
            |_, a| {
                a[0].expect::<StreamReader>().core.reset();
                Ok(Value::NONE)
            },
            "",
        ),
    ],
    getset: &[native::getset(
        "errors",
        |t, v| v.expect::<StreamReader>().core.get_errors(t),
        |t, v, x| v.expect::<StreamReader>().core.set_errors(t, x),
        "how to treat errors",
    )],
    members: &[member("stream", offset_of!(StreamReader, stream), "")],
    ..TypeDef::of::<StreamReader>()
};

pub(super) static WRITER: TypeDef = TypeDef {
    name: "_multibytecodec.MultibyteStreamWriter",
    flags: flag::BASETYPE,
    slots: Slots {
        new: Some(|t, class, args| {
            let (stream, core) = bind_new(t, class, args, "StreamWriter")?;
            payload::new_for(t, class, |header| StreamWriter { header, stream, core })
        }),
        init: Some(|_, _, _| Ok(())),
        ..Slots::NONE
    },
    methods: &[
        def("write", "($self, strobj, /)", |t, a| write(t, &a[0], &a[1]), ""),
        def("writelines", "($self, lines, /)", writelines, ""),
        def("reset", "($self, /)", reset_writer, ""),
    ],
    getset: &[native::getset(
        "errors",
        |t, v| v.expect::<StreamWriter>().core.get_errors(t),
        |t, v, x| v.expect::<StreamWriter>().core.set_errors(t, x),
        "how to treat errors",
    )],
    members: &[member("stream", offset_of!(StreamWriter, stream), "")],
    ..TypeDef::of::<StreamWriter>()
};

/// Reads through the stream's method until something can be decoded, or everything if no size is given.
fn read(t: &Thread, v: &Value, method: &str, size: &Value) -> Res {
    let this = v.expect::<StreamReader>();
    let mut hint = match size.non_none() {
        Some(v) => convert::to_isize(t, v)?,
        None => -1,
    };
    let name = names::intern_text(t, method);
    let mut out = StrBuilder::new();
    loop {
        let stream = this.stream.get();
        let made = if hint < 0 {
            call::method(t, &stream, &name, &[])?
        } else {
            call::method(t, &stream, &name, &[convert::from_i64(t, hint as i64)?])?
        };
        let Some(data) = made.downcast::<Bytes>() else {
            let ty = type_of(&made).name();
            return Err(error::type_error(t, format_args!("stream function returned a non-bytes object ({ty})")));
        };
        let ended = data.is_empty() || hint < 0;
        let text = this.core.decode(t, data.as_slice(), ended)?;
        out.push_value(text.expect::<Str>());
        if ended || !out.is_empty() {
            return out.finish(t);
        }
        // An incomplete character: byte by byte until it is there.
        hint = 1;
    }
}

fn read_by(t: &Thread, a: &[Value], method: &str) -> Res {
    read(t, &a[0], method, &a[1])
}

fn readlines(t: &Thread, a: &[Value]) -> Res {
    let text = read(t, &a[0], "read", &a[1])?;
    let keep = names::intern_text(t, "splitlines");
    call::method(t, &text, &keep, &[Value::TRUE])
}

fn write(t: &Thread, v: &Value, text: &Value) -> Res {
    let this = v.expect::<StreamWriter>();
    let out = this.core.encode(t, text, false)?;
    send(t, this, out)
}

fn send(t: &Thread, this: &StreamWriter, out: Vec<u8>) -> Res {
    let name = names::intern_text(t, "write");
    call::method(t, &this.stream.get(), &name, &[bytes::from_vec(t, out)?])?;
    Ok(Value::NONE)
}

fn writelines(t: &Thread, a: &[Value]) -> Res {
    let lines = match a[1].exact::<List>() {
        Some(list) => list.to_vec(),
        None => ops::collect(t, &a[1])?,
    };
    for line in lines {
        write(t, &a[0], &line)?;
    }
    Ok(Value::NONE)
}

fn reset_writer(t: &Thread, a: &[Value]) -> Res {
    let this = a[0].expect::<StreamWriter>();
    let mut out = Vec::new();
    this.core.state.borrow_mut().finish(&mut out);
    if out.is_empty() {
        return Ok(Value::NONE);
    }
    send(t, this, out)
}
