//! weakref.ProxyType and weakref.CallableProxyType: stand-ins for an object that does not keep it alive.

use super::weakref::{self, WeakRef};
use crate::args::Args;
use crate::attr;
use crate::call;
use crate::convert;
use crate::error::{self, Exc, Res};
use crate::names;
use crate::native::{MethodDef, def};
use crate::ops::{self, BinaryOp};
use crate::slots::Slots;
use crate::strs;
use crate::thread::Thread;
use crate::ty::{TypeDef, type_of};
use crate::types::exceptions::REFERENCE_ERROR;
use crate::value::Value;

/// weakref.ProxyType.
pub static PROXY: TypeDef =
    TypeDef { name: "weakref.ProxyType", slots: SLOTS, methods: METHODS, ..TypeDef::of::<WeakRef>() };

/// weakref.CallableProxyType.
pub static CALLABLE_PROXY: TypeDef = TypeDef {
    name: "weakref.CallableProxyType",
    slots: Slots { call: Some(call_proxy), ..SLOTS },
    methods: METHODS,
    ..TypeDef::of::<WeakRef>()
};

const METHODS: &[MethodDef] = &[
    def("__bytes__", "($self, /)", |t, a| forward(t, &a[0], "__bytes__"), ""),
    def("__reversed__", "($self, /)", |t, a| forward(t, &a[0], "__reversed__"), ""),
];

macro_rules! binary {
    ($op:ident) => {
        Some(|t, a, b| both(t, ops::$op, a, b))
    };
}

macro_rules! unary {
    ($f:path) => {
        Some(|t, v| $f(t, &target(t, v)?))
    };
}

const SLOTS: Slots = Slots {
    repr: Some(repr),
    str: unary!(ops::str),
    getattr: Some(|t, v, name| attr::get(t, &target(t, v)?, name)),
    setattr: Some(|t, v, name, value| attr::set(t, &target(t, v)?, name, value)),
    compare: Some(|t, a, b, op| ops::compare(t, &plain(t, a)?, &plain(t, b)?, op)),
    iter: unary!(ops::iter),
    next: Some(next),
    add: binary!(ADD),
    sub: binary!(SUB),
    mul: binary!(MUL),
    matmul: binary!(MATMUL),
    truediv: binary!(TRUEDIV),
    floordiv: binary!(FLOORDIV),
    mod_: binary!(MOD),
    divmod: binary!(DIVMOD),
    pow: Some(|t, a, b, c| ops::power(t, &plain(t, a)?, &plain(t, b)?, &plain(t, c)?, false)),
    lshift: binary!(LSHIFT),
    rshift: binary!(RSHIFT),
    and: binary!(AND),
    xor: binary!(XOR),
    or: binary!(OR),
    iadd: binary!(IADD),
    isub: binary!(ISUB),
    imul: binary!(IMUL),
    imatmul: binary!(IMATMUL),
    itruediv: binary!(ITRUEDIV),
    ifloordiv: binary!(IFLOORDIV),
    imod: binary!(IMOD),
    ipow: Some(|t, a, b, c| ops::power(t, &plain(t, a)?, &plain(t, b)?, &plain(t, c)?, true)),
    ilshift: binary!(ILSHIFT),
    irshift: binary!(IRSHIFT),
    iand: binary!(IAND),
    ixor: binary!(IXOR),
    ior: binary!(IOR),
    neg: unary!(ops::neg),
    pos: unary!(ops::pos),
    abs: unary!(ops::abs),
    invert: unary!(ops::invert),
    bool: Some(|t, v| ops::truth(t, &target(t, v)?)),
    int: Some(|t, v| number(t, v, "int")),
    float: Some(|t, v| number(t, v, "float")),
    index: Some(|t, v| convert::to_index(t, &target(t, v)?)),
    len: Some(|t, v| ops::len(t, &target(t, v)?)),
    getitem: Some(|t, v, key| ops::getitem(t, &target(t, v)?, &plain(t, key)?)),
    setitem: Some(|t, v, key, value| {
        let object = target(t, v)?;
        match value {
            Some(value) => ops::setitem(t, &object, key, value),
            None => ops::delitem(t, &object, key),
        }
    }),
    contains: Some(|t, v, item| ops::contains(t, &target(t, v)?, item)),
    ..Slots::NONE
};

/// `weakref.proxy(object, callback)`.
pub fn new(t: &Thread, object: &Value, callback: Option<&Value>) -> Res {
    let def = if call::is_callable(object) { &CALLABLE_PROXY } else { &PROXY };
    weakref::make(t, def.ty(), object, callback)
}

/// Whether `v` is a proxy.
pub fn is_proxy(v: &Value) -> bool {
    let ty = type_of(v);
    std::ptr::eq(ty.def(), &PROXY) || std::ptr::eq(ty.def(), &CALLABLE_PROXY)
}

#[cold]
fn gone(t: &Thread) -> Exc {
    error::new(t, &REFERENCE_ERROR, "weakly-referenced object no longer exists")
}

/// The object behind a proxy.
fn target(t: &Thread, v: &Value) -> Res {
    weakref::payload_of(v).and_then(WeakRef::target).ok_or_else(|| gone(t))
}

/// The object behind a proxy; any other value as it is.
fn plain(t: &Thread, v: &Value) -> Res {
    if is_proxy(v) { target(t, v) } else { Ok(v.clone()) }
}

fn both(t: &Thread, op: BinaryOp, a: &Value, b: &Value) -> Res {
    ops::binary(t, op, &plain(t, a)?, &plain(t, b)?)
}

fn next(t: &Thread, v: &Value) -> Res {
    let object = target(t, v)?;
    if type_of(&object).slots().next.is_none() {
        let name = type_of(&object).name();
        return Err(error::type_error(t, format_args!("Weakref proxy referenced a non-iterator '{name}' object")));
    }
    Ok(ops::next(t, &object)?.unwrap_or_default())
}

fn number(t: &Thread, v: &Value, class: &str) -> Res {
    let object = target(t, v)?;
    let slots = type_of(&object).slots();
    match if class == "int" { slots.int } else { slots.float } {
        Some(f) => f(t, &object),
        None => {
            let name = type_of(&object).name();
            Err(error::type_error(t, format_args!("bad operand type for unary {class}(): '{name}'")))
        }
    }
}

fn repr(t: &Thread, v: &Value) -> Res {
    match weakref::payload_of(v).and_then(WeakRef::target) {
        Some(object) => {
            let ty = type_of(&object).name();
            strs::new(t, &format!("<weakproxy at {:#x}; to '{ty}' at {:#x}>", v.id(), object.id()))
        }
        None => strs::new(t, &format!("<weakproxy at {:#x}; dead>", v.id())),
    }
}

fn call_proxy(t: &Thread, v: &Value, args: Args<'_>) -> Res {
    call::call_args(t, &target(t, v)?, args)
}

fn forward(t: &Thread, v: &Value, name: &str) -> Res {
    call::method(t, &target(t, v)?, &names::intern_text(t, name), &[])
}
