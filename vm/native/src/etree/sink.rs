//! Sink: what the parser's events come to, and how they reach the target.

use super::builder::{self, BUILDER};
use super::parse_error;
use crate::expat::{self, Code, Handler, Listener};
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};
use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::header::Header;
use typhon_object::native::{self, MethodDef, def};
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str, StrBuilder, Units};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions::RUNTIME_WARNING;
use typhon_object::{Thread, Value, attr, call, names, payload, type_of};

/// The methods of a target, in the order of [`METHODS`].
#[derive(Clone, Copy)]
enum To {
    Start,
    Data,
    End,
    Comment,
    Pi,
    StartNs,
    EndNs,
    Doctype,
    Close,
}

const METHODS: [&str; 9] = ["start", "data", "end", "comment", "pi", "start_ns", "end_ns", "doctype", "close"];

/// What the handlers of a parser are bound to: not the parser, which holds them.
#[repr(C)]
pub(super) struct Sink {
    header: Header,
    pub(super) target: Slot,
    pub(super) entities: Slot,
    /// The target's methods; absent where it has none.
    methods: [Slot; METHODS.len()],
    /// The target is a builder of exactly that type.
    builds: bool,
    /// `{uri}local` by the address of the parser's one str of `uri}local`, which `interned` keeps.
    names: RefCell<FxHashMap<u64, Value>>,
    interned: Slot,
    /// The parser's class has a `doctype` method, which nobody calls.
    odd_doctype: Cell<bool>,
    /// The entity that parsing failed at: only the parser knows the place.
    pub(super) undefined: RefCell<Option<String>>,
}

typhon_object::payload!(Sink => SINK {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        [&self.target, &self.entities, &self.interned].iter().for_each(|slot| visit(&slot.get()));
        self.methods.iter().for_each(|slot| visit(&slot.get()));
    }
    fn clear(&self) {
        drop(self.target.take());
        self.methods.iter().for_each(|slot| drop(slot.take()));
    }
});

/// The sink's type, which no program sees.
pub(super) static SINK: TypeDef = TypeDef { name: "_elementtree._sink", flags: flag::NO_NEW, ..TypeDef::of::<Sink>() };

/// What needs no handler.
static LISTENER: Listener = Listener { start, end, data: |t, v, text| this(v).data(t, text).map(drop) };

static HANDLERS: [(Handler, MethodDef); 7] = [
    (Handler::DefaultHandlerExpand, def("default", "($self, text, /)", default, "")),
    (Handler::StartDoctypeDeclHandler, def("doctype", "($self, name, system, public, internal, /)", doctype, "")),
    (Handler::CommentHandler, def("comment", "($self, text, /)", comment, "")),
    (Handler::ProcessingInstructionHandler, def("pi", "($self, target, text, /)", instruction, "")),
    (Handler::StartNamespaceDeclHandler, START_NS),
    (Handler::EndNamespaceDeclHandler, END_NS),
    (Handler::SkippedEntityHandler, def("skipped", "($self, name, parameter, /)", |_, _| Ok(Value::NONE), "")),
];

const START_NS: MethodDef = def("start_ns", "($self, prefix, uri, /)", start_ns, "");
const END_NS: MethodDef = def("end_ns", "($self, prefix, /)", end_ns, "");

pub(super) fn this(v: &Value) -> &Sink {
    v.expect::<Sink>()
}

/// A sink before a target, and the handlers of `parser` that lead to it.
pub(super) fn connect(t: &Thread, parser: &Value, target: Value, interned: Value) -> Res {
    let methods: Vec<Slot> = METHODS
        .iter()
        .map(|name| Ok(Slot::new(attr::get_opt(t, &target, &names::intern_text(t, name))?.unwrap_or_default())))
        .collect::<Res<_>>()?;
    let builds = std::ptr::eq(type_of(&target), BUILDER.ty());
    let Ok(methods) = <[Slot; METHODS.len()]>::try_from(methods) else { return Err(t.memory_error()) };
    let made = payload::new(t, |header| Sink {
        header,
        target: Slot::new(target),
        entities: Slot::new(Dict::create(t)),
        methods,
        builds,
        names: RefCell::default(),
        interned: Slot::new(interned),
        odd_doctype: Cell::new(false),
        undefined: RefCell::new(None),
    })?;
    let has = |to: To| !this(&made).methods[to as usize].is_absent();
    for (handler, method) in &HANDLERS {
        let wanted = match handler {
            Handler::CommentHandler => has(To::Comment),
            Handler::ProcessingInstructionHandler => has(To::Pi),
            Handler::StartNamespaceDeclHandler => has(To::StartNs),
            Handler::EndNamespaceDeclHandler => has(To::EndNs),
            Handler::SkippedEntityHandler => false,
            _ => true,
        };
        if wanted {
            expat::set_handler(parser, *handler, native::new_method(t, method, made.clone())?);
        }
    }
    expat::listen(parser, &LISTENER, made.clone());
    Ok(made)
}

/// Lets the sink hear of namespaces.
pub(super) fn hear_namespaces(t: &Thread, parser: &Value, sink: &Value) -> Res<()> {
    for (handler, method) in &HANDLERS {
        if matches!(handler, Handler::StartNamespaceDeclHandler | Handler::EndNamespaceDeclHandler) {
            expat::set_handler(parser, *handler, native::new_method(t, method, sink.clone())?);
        }
    }
    Ok(())
}

impl Sink {
    /// Whether the target is a plain builder.
    pub(super) fn builds(&self) -> bool {
        self.builds
    }

    pub(super) fn warn_of_doctype(&self) {
        self.odd_doctype.set(true);
    }

    /// Calls a method of the target, if it has it.
    fn call(&self, t: &Thread, to: To, args: &[Value]) -> Res {
        let method = self.methods[to as usize].get();
        if method.is_absent() { Ok(Value::NONE) } else { call::call(t, &method, args) }
    }

    /// What the target makes of the end.
    pub(super) fn close(&self, t: &Thread) -> Res {
        if self.builds { builder::this(&self.target.get()).close(t) } else { self.call(t, To::Close, &[]) }
    }

    /// A name as elements have it.
    fn universal(&self, t: &Thread, name: &Value) -> Res {
        if let Some(known) = self.names.borrow().get(&name.bits()) {
            return Ok(known.clone());
        }
        let Some(s) = name.downcast::<Str>() else { return Ok(name.clone()) };
        let full = if s.units().iter().any(|c| c == u32::from(b'}')) {
            let mut out = StrBuilder::with_capacity(s.len() + 1);
            out.push_units(Units::Latin1(b"{"));
            out.push_value(s);
            out.finish(t)?
        } else {
            name.clone()
        };
        self.names.borrow_mut().insert(name.bits(), full.clone());
        Ok(full)
    }

    fn data(&self, t: &Thread, text: &Value) -> Res {
        if self.builds {
            return builder::this(&self.target.get()).data(t, text).map(|()| Value::NONE);
        }
        self.call(t, To::Data, std::slice::from_ref(text))
    }
}

fn start(t: &Thread, v: &Value, name: &Value, attributes: &[Value]) -> Res<()> {
    let sink = this(v);
    let tag = sink.universal(t, name)?;
    let mut attrib = Value::ABSENT;
    if !attributes.is_empty() {
        attrib = Dict::create(t);
        for pair in attributes.chunks_exact(2) {
            Dict::of(&attrib).set(t, &sink.universal(t, &pair[0])?, &pair[1])?;
        }
    }
    if sink.builds {
        return builder::this(&sink.target.get()).start(t, &tag, attrib).map(drop);
    }
    let attrib = attrib.present().unwrap_or_else(|| Dict::create(t));
    sink.call(t, To::Start, &[tag, attrib]).map(drop)
}

fn end(t: &Thread, v: &Value, name: &Value) -> Res<()> {
    let sink = this(v);
    if sink.builds {
        return builder::this(&sink.target.get()).end(t).map(drop);
    }
    let tag = sink.universal(t, name)?;
    sink.call(t, To::End, &[tag]).map(drop)
}

/// What no other handler takes: of interest are entities that the document does not define.
fn default(t: &Thread, a: &[Value]) -> Res {
    let sink = this(&a[0]);
    let Some(text) = a[1].downcast::<Str>().filter(|s| s.len() >= 2 && s.at(0) == u32::from(b'&')) else {
        return Ok(Value::NONE);
    };
    let name = strs::substring(t, &a[1], 1, text.len() - 1)?;
    let entities = sink.entities.get();
    match entities.downcast::<Dict>() {
        Some(dict) => match dict.get(t, &name)? {
            Some(value) => sink.data(t, &value),
            None => {
                sink.undefined.replace(Some(text.to_lossy()));
                Err(parse_error(t, Code::UNDEFINED_ENTITY as i64, "undefined entity", (0, 0)))
            }
        },
        None => Ok(Value::NONE),
    }
}

fn comment(t: &Thread, a: &[Value]) -> Res {
    let sink = this(&a[0]);
    if sink.builds {
        return builder::this(&sink.target.get()).comment(t, &a[1]);
    }
    sink.call(t, To::Comment, &a[1..2])
}

fn instruction(t: &Thread, a: &[Value]) -> Res {
    let sink = this(&a[0]);
    if sink.builds {
        return builder::this(&sink.target.get()).instruction(t, &a[1], &a[2]);
    }
    sink.call(t, To::Pi, &a[1..3])
}

fn or_empty(t: &Thread, v: &Value) -> Res {
    if v.is_none() { strs::new(t, "") } else { Ok(v.clone()) }
}

fn start_ns(t: &Thread, a: &[Value]) -> Res {
    let sink = this(&a[0]);
    let (prefix, uri) = (or_empty(t, &a[1])?, or_empty(t, &a[2])?);
    if sink.builds {
        return builder::this(&sink.target.get()).start_namespace(t, &prefix, &uri).map(|()| Value::NONE);
    }
    sink.call(t, To::StartNs, &[prefix, uri])
}

fn end_ns(t: &Thread, a: &[Value]) -> Res {
    let sink = this(&a[0]);
    if sink.builds {
        return builder::this(&sink.target.get()).end_namespace(t).map(|()| Value::NONE);
    }
    let prefix = or_empty(t, &a[1])?;
    sink.call(t, To::EndNs, &[prefix])
}

fn doctype(t: &Thread, a: &[Value]) -> Res {
    const TEXT: &str =
        "The doctype() method of XMLParser is ignored.  Define doctype() method on the TreeBuilder target.";
    let sink = this(&a[0]);
    let name = sink.universal(t, &a[1])?;
    if !sink.methods[To::Doctype as usize].is_absent() {
        return sink.call(t, To::Doctype, &[name, a[3].clone(), a[2].clone()]);
    }
    if sink.odd_doctype.get() {
        (t.hooks.warn)(t, &RUNTIME_WARNING.ty().value(), TEXT, 1)?;
    }
    Ok(Value::NONE)
}
