//! XMLParser: text in, events at a target.

use super::builder::{self, Event};
use super::{parse_error, sink};
use crate::ctor::bind;
use crate::expat::{self, Code, Failure};
use crate::input::Input;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{GetSetDef, MethodDef, def, field};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::bytes;
use typhon_object::types::exceptions::{TYPE_ERROR, UNICODE_ENCODE_ERROR};
use typhon_object::{Exc, Thread, Value, attr, call, names, ops, payload, type_of};

/// A parser: expat's, and what its events come to. Both are absent until `__init__` has run.
#[repr(C)]
pub(super) struct XmlParser {
    header: Header,
    expat: Slot,
    sink: Slot,
}

typhon_object::payload!(XmlParser => PARSER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.expat.get());
        visit(&self.sink.get());
    }
    fn clear(&self) {
        drop(self.expat.take());
        drop(self.sink.take());
    }
});

/// xml.etree.ElementTree.XMLParser.
pub(super) static PARSER: TypeDef = TypeDef {
    name: "xml.etree.ElementTree.XMLParser",
    flags: flag::BASETYPE,
    slots: Slots {
        new: Some(|t, class, _| {
            payload::new_for(t, class, |header| XmlParser { header, expat: Slot::empty(), sink: Slot::empty() })
        }),
        init: Some(|t, v, args| bind(t, &INIT, v, args).map(drop)),
        ..Slots::NONE
    },
    methods: METHODS,
    getset: GETSET,
    ..TypeDef::of::<XmlParser>()
};

static INIT: MethodDef = def("XMLParser", "($self, *, target=None, encoding=None)", init, "");

const METHODS: &[MethodDef] = &[
    def("feed", "($self, data, /)", feed, ""),
    def("close", "($self, /)", close, ""),
    def("flush", "($self, /)", flush, ""),
    def("_parse_whole", "($self, file, /)", parse_whole, ""),
    def("_setevents", "($self, events_queue, events_to_report=None, /)", set_events, ""),
];

const GETSET: &[GetSetDef] = &[
    field("entity", |_, v| Ok(of_sink(v, |sink| sink.entities.get())), ""),
    field("target", |_, v| Ok(of_sink(v, |sink| sink.target.get())), ""),
    field("version", |t, _| strs::new(t, &format!("Expat {}", expat::version())), ""),
];

fn this(v: &Value) -> &XmlParser {
    v.expect::<XmlParser>()
}

fn of_sink(v: &Value, f: impl FnOnce(&sink::Sink) -> Value) -> Value {
    let sink = this(v).sink.get();
    if sink.is_absent() { Value::NONE } else { f(sink::this(&sink)).present().unwrap_or(Value::NONE) }
}

fn init(t: &Thread, a: &[Value]) -> Res {
    let encoding = match a[2].non_none() {
        None => None,
        Some(v) => match v.downcast::<Str>() {
            Some(s) => Some(s.to_lossy()),
            None => {
                let name = type_of(v).name();
                let text = format_args!("XMLParser() argument 'encoding' must be str or None, not {name}");
                return Err(error::type_error(t, text));
            }
        },
    };
    let target = match a[1].non_none() {
        Some(target) => target.clone(),
        None => builder::plain(t)?,
    };
    let interned = Dict::create(t);
    let parser = expat::create(t, encoding, Some("}".to_owned()), interned.clone())?;
    let made = sink::connect(t, &parser, target, interned)?;
    let own_class = !std::ptr::eq(type_of(&a[0]), PARSER.ty());
    if own_class && attr::get_opt(t, &a[0], &names::intern_text(t, "doctype"))?.is_some() {
        sink::this(&made).warn_of_doctype();
    }
    let p = this(&a[0]);
    p.expat.set(&p.header, parser);
    p.sink.set(&p.header, made);
    Ok(Value::NONE)
}

/// The parser and the sink, if there are any.
fn parts(t: &Thread, v: &Value) -> Res<(Value, Value)> {
    match (this(v).expat.get().present(), this(v).sink.get().present()) {
        (Some(parser), Some(sink)) => Ok((parser, sink)),
        _ => Err(error::value_error(t, "XMLParser.__init__() wasn't called")),
    }
}

#[cold]
fn failure(t: &Thread, parser: &Value, sink: &Value, why: Failure) -> Exc {
    let undefined = sink::this(sink).undefined.take();
    match (why, undefined) {
        (Failure::Raised(e), None) => e,
        (Failure::Raised(_), Some(name)) => {
            let text = format!("undefined entity {name}");
            parse_error(t, Code::UNDEFINED_ENTITY as i64, &text, expat::position(parser))
        }
        (Failure::Xml(code), _) => {
            let text = expat::code_text(code as i64).unwrap_or("unknown error");
            parse_error(t, code as i64, text, expat::position(parser))
        }
    }
}

fn run(t: &Thread, v: &Value, data: &[u8], utf8: bool, last: bool) -> Res<()> {
    let (parser, sink) = parts(t, v)?;
    expat::run(t, &parser, data, utf8, last).map_err(|why| failure(t, &parser, &sink, why))
}

fn feed(t: &Thread, a: &[Value]) -> Res {
    parts(t, &a[0])?;
    match a[1].downcast::<Str>() {
        Some(s) => match s.as_ascii() {
            Some(text) => run(t, &a[0], text.as_bytes(), true, false)?,
            None => run(t, &a[0], utf8(t, &a[1], s)?.as_bytes(), true, false)?,
        },
        None => run(t, &a[0], &Input::get(t, &a[1])?, false, false)?,
    }
    Ok(Value::NONE)
}

/// A text's UTF-8; a lone surrogate has none.
fn utf8(t: &Thread, v: &Value, s: &Str) -> Res<String> {
    t.check_alloc(s.len().saturating_mul(4))?;
    s.to_utf8()
        .map_err(|at| error::unicode_error(t, &UNICODE_ENCODE_ERROR, "utf-8", v, at, at + 1, "surrogates not allowed"))
}

fn close(t: &Thread, a: &[Value]) -> Res {
    let (_, sink) = parts(t, &a[0])?;
    run(t, &a[0], &[], false, true)?;
    sink::this(&sink).close(t)
}

fn flush(t: &Thread, a: &[Value]) -> Res {
    let (parser, sink) = parts(t, &a[0])?;
    expat::parse_rest(t, &parser).map_err(|why| failure(t, &parser, &sink, why))?;
    Ok(Value::NONE)
}

fn parse_whole(t: &Thread, a: &[Value]) -> Res {
    const CHUNK: i64 = 64 * 1024;
    let (_, sink) = parts(t, &a[0])?;
    let read = attr::get_text(t, &a[1], "read")?;
    loop {
        let chunk = call::call1(t, &read, &Value::small(CHUNK))?;
        match (chunk.downcast::<Str>(), bytes::peek(&chunk)) {
            (Some(s), _) if !s.is_empty() => run(t, &a[0], &s.to_wtf8(), true, false)?,
            (None, Some(data)) if chunk.downcast::<bytes::Bytes>().is_some() && !data.is_empty() => {
                run(t, &a[0], data, false, false)?;
            }
            _ => break,
        }
    }
    run(t, &a[0], &[], false, true)?;
    let sink = sink::this(&sink);
    if sink.builds() { sink.close(t) } else { Ok(Value::NONE) }
}

fn set_events(t: &Thread, a: &[Value]) -> Res {
    let (parser, sink_value) = parts(t, &a[0])?;
    let sink = sink::this(&sink_value);
    if !sink.builds() {
        return Err(error::type_error(t, "event handling only supported for ElementTree.TreeBuilder targets"));
    }
    let append = attr::get_text(t, &a[1], "append")?;
    let target = sink.target.get();
    let target = builder::this(&target);
    target.report_to(append);
    let Some(wanted) = a[2].non_none() else {
        target.report(&names::intern_text(t, "end"));
        return Ok(Value::NONE);
    };
    let wanted = match ops::collect(t, wanted) {
        Err(e) if e.is(&TYPE_ERROR) => return Err(error::type_error(t, "events must be a sequence")),
        r => r?,
    };
    for name in &wanted {
        let Some(text) = name.downcast::<Str>() else { return Err(error::value_error(t, "invalid events sequence")) };
        match target.report(name) {
            Some(Event::StartNs | Event::EndNs) => sink::hear_namespaces(t, &parser, &sink_value)?,
            Some(_) => {}
            None => return Err(error::value_error(t, format_args!("unknown event '{}'", text.to_lossy()))),
        }
    }
    Ok(Value::NONE)
}
