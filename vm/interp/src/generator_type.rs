//! generator, coroutine and async_generator as types: three definitions over one layout, their methods and attributes.

use crate::function::Function;
use crate::generator::{Generator, State, finalize, me, next, result, send};
use crate::throwing::{close, throw, thrown};
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{GetSetDef, MethodDef, def, getset, getter};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Thread, Value, ids, strs, type_of};

fn repr(t: &Thread, v: &Value) -> Res {
    let g = me(v);
    let kind = type_of(v).name();
    strs::new(t, &format!("<{kind} object {} at {:#x}>", strs::display(&g.qualname()), v.id()))
}

pub(crate) fn send_method(t: &Thread, a: &[Value]) -> Res {
    result(t, send(t, &a[0], &a[1]))
}

pub(crate) fn throw_method(t: &Thread, a: &[Value]) -> Res {
    let e = thrown(t, &a[1], &a[2], &a[3])?;
    result(t, throw(t, &a[0], e))
}

fn close_method(t: &Thread, a: &[Value]) -> Res {
    close(t, &a[0])
}

const fn methods(docs: [&'static str; 3]) -> [MethodDef; 5] {
    [
        def("send", "($self, value, /)", send_method, docs[0]),
        def("throw", "($self, type, value=None, traceback=None, /)", throw_method, docs[1]),
        def("close", "($self, /)", close_method, docs[2]),
        def(
            "__class_getitem__",
            "($type, item, /)",
            |t, a| typhon_object::types::generic_alias::new(t, &a[0], &a[1]),
            "See PEP 585",
        )
        .class(),
        def("__sizeof__", "($self, /)", |_, a| Ok(Value::small(200 + 8 * me(&a[0]).unit().register_count as i64)), ""),
    ]
}

static GENERATOR_METHODS: [MethodDef; 5] = methods([
    "send(value) -> send 'value' into generator,\nreturn next yielded value or raise StopIteration.",
    "throw(value)\nthrow(type[,value[,tb]])\n\nRaise exception in generator, return next yielded value or raise\nStopIteration.\nthe (type, val, tb) signature is deprecated, \nand may be removed in a future version of Python.",
    "close() -> raise GeneratorExit inside generator.",
]);
static COROUTINE_METHODS: [MethodDef; 5] = methods([
    "send(arg) -> send 'arg' into coroutine,\nreturn next yielded value or raise StopIteration.",
    "throw(value)\nthrow(type[,value[,traceback]])\n\nRaise exception in coroutine, return next yielded value or raise\nStopIteration.\nthe (type, val, tb) signature is deprecated, \nand may be removed in a future version of Python.",
    "close() -> raise GeneratorExit inside coroutine.",
]);

fn set_name(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    set_text(t, v, x, &me(v).names.get_or_init(Box::default).name, "__name__")
}

fn set_qualname(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    set_text(t, v, x, &me(v).names.get_or_init(Box::default).qualname, "__qualname__")
}

fn set_text(t: &Thread, v: &Value, x: Option<&Value>, slot: &Slot, name: &str) -> Res<()> {
    match x {
        Some(s) if s.downcast::<strs::Str>().is_some() => {
            slot.set(&me(v).header, s.clone());
            Ok(())
        }
        _ => Err(error::type_error(t, format_args!("{name} must be set to a string object"))),
    }
}

fn frame(t: &Thread, v: &Value) -> Res {
    crate::frame_object::of_generator(t, v, me(v))
}

fn delegate(_: &Thread, v: &Value) -> Res {
    Ok(me(v).delegate().unwrap_or(Value::NONE))
}

fn running(_: &Thread, v: &Value) -> Res {
    Ok(Value::bool(me(v).state() == State::Running))
}

fn suspended(_: &Thread, v: &Value) -> Res {
    Ok(Value::bool(me(v).state() == State::Suspended))
}

fn code(_: &Thread, v: &Value) -> Res {
    let g = me(v);
    Ok(g.func.get().downcast::<Function>().map_or(Value::NONE, |f| f.code.get()))
}

const fn names(docs: [&'static str; 2]) -> [GetSetDef; 2] {
    [
        getset("__name__", |_, v| Ok(me(v).name()), set_name, docs[0]),
        getset("__qualname__", |_, v| Ok(me(v).qualname()), set_qualname, docs[1]),
    ]
}

const GENERATOR_NAMES: [GetSetDef; 2] = names(["name of the generator", "qualified name of the generator"]);
const COROUTINE_NAMES: [GetSetDef; 2] = names(["name of the coroutine", "qualified name of the coroutine"]);
const ASYNC_NAMES: [GetSetDef; 2] = names(["name of the async generator", "qualified name of the async generator"]);

/// A generator's size, registers included.
unsafe fn size_of_generator(at: *mut Header) -> usize {
    // SAFETY: the caller's object is a generator whose payload is intact.
    let unit = unsafe { &*at.cast::<Generator>() }.unit();
    size_of::<Generator>() + unit.register_count * 8
}

/// generator.
pub static GENERATOR: TypeDef = TypeDef {
    name: "generator",
    id: ids::GENERATOR,
    flags: flag::NO_NEW | flag::WEAKREFS,
    slots: Slots {
        repr: Some(repr),
        iter: Some(|_, v| Ok(v.clone())),
        next: Some(next),
        finalize: Some(finalize),
        ..Slots::NONE
    },
    methods: &GENERATOR_METHODS,
    getset: &[
        GENERATOR_NAMES[0],
        GENERATOR_NAMES[1],
        getter("gi_frame", frame, ""),
        getter("gi_code", code, ""),
        getter("gi_running", running, ""),
        getter("gi_suspended", suspended, ""),
        getter("gi_yieldfrom", delegate, "object being iterated by yield from, or None"),
    ],
    size_of: Some(size_of_generator),
    ..TypeDef::of::<Generator>()
};

/// coroutine.
pub static COROUTINE: TypeDef = TypeDef {
    name: "coroutine",
    id: ids::COROUTINE,
    flags: flag::NO_NEW | flag::WEAKREFS,
    slots: Slots {
        repr: Some(repr),
        await_: Some(crate::coroutine::await_wrapper),
        finalize: Some(finalize),
        ..Slots::NONE
    },
    methods: &COROUTINE_METHODS,
    getset: &[
        COROUTINE_NAMES[0],
        COROUTINE_NAMES[1],
        getter("cr_frame", frame, ""),
        getter("cr_code", code, ""),
        getter("cr_running", running, ""),
        getter("cr_suspended", suspended, ""),
        getter("cr_await", delegate, "object being awaited on, or None"),
        getter("cr_origin", |_, v| Ok(me(v).origin()), ""),
    ],
    size_of: Some(size_of_generator),
    ..TypeDef::of::<Generator>()
};

/// async_generator.
pub static ASYNC_GENERATOR: TypeDef = TypeDef {
    name: "async_generator",
    id: ids::ASYNC_GENERATOR,
    flags: flag::NO_NEW | flag::WEAKREFS,
    slots: Slots {
        repr: Some(repr),
        aiter: Some(|_, v| Ok(v.clone())),
        anext: Some(crate::asyncgen::anext),
        finalize: Some(finalize),
        ..Slots::NONE
    },
    methods: crate::asyncgen::METHODS,
    getset: &[
        ASYNC_NAMES[0],
        ASYNC_NAMES[1],
        getter("ag_frame", frame, ""),
        getter("ag_code", code, ""),
        getter("ag_running", |_, v| Ok(Value::bool(me(v).running_async.get())), ""),
        getter("ag_suspended", suspended, ""),
        getter("ag_await", delegate, "object being awaited on, or None"),
    ],
    size_of: Some(size_of_generator),
    ..TypeDef::of::<Generator>()
};
