//! Slots reached through their Python names: `int.__add__(1, 2)`, `object.__init__(x)`, `list.__new__(list)`.

use crate::args::Args;
use crate::convert;
use crate::error::{self, Res};
use crate::native::{self, MethodDef};
use crate::ops;
use crate::slots::{SlotFn, SlotName, Wrap};
use crate::thread::Thread;
use crate::ty::{TypeObject, type_of};
use crate::value::Value;

/// Calls the function in `ty`'s slot as the Python method would be: `this`, then the other arguments.
pub fn call_slot(t: &Thread, ty: &TypeObject, slot: &'static SlotName, this: &Value, args: Args<'_>) -> Res {
    let Some(f) = ty.slots().get_fn(slot.slot) else {
        return Err(error::system_error(t, format_args!("{} has no {}", ty.name(), slot.name)));
    };
    if args.has_keywords() && !matches!(slot.wrap, Wrap::Call | Wrap::Init | Wrap::New) {
        args.no_keywords(t, &format!("wrapper {}", slot.name))?;
    }
    let a = args.values;
    let arity = |min: usize, max: usize| -> Res<()> {
        if a.len() >= min && a.len() <= max {
            return Ok(());
        }
        let s = if min == 1 { "" } else { "s" };
        if min == max {
            return Err(error::type_error(t, format_args!("expected {min} argument{s}, got {}", a.len())));
        }
        if slot.wrap != Wrap::DescrGet {
            return Err(error::type_error(t, format_args!("expected {min} or {max} arguments, got {}", a.len())));
        }
        let (word, limit) = if a.len() < min { ("least", min) } else { ("most", max) };
        let s = if limit == 1 { "" } else { "s" };
        let (name, n) = (slot.name, a.len());
        Err(error::type_error(t, format_args!("{name} expected at {word} {limit} argument{s}, got {n}")))
    };
    match (slot.wrap, Fn::from(f)) {
        (Wrap::Unary, Fn::Unary(f)) => arity(0, 0).and_then(|()| f(t, this)),
        (Wrap::BinaryL, Fn::Binary(f)) => arity(1, 1).and_then(|()| f(t, this, &a[0])),
        (Wrap::BinaryR, Fn::Binary(f)) => arity(1, 1).and_then(|()| f(t, &a[0], this)),
        (Wrap::TernaryL, Fn::Ternary(f)) => {
            arity(1, 2).and_then(|()| f(t, this, &a[0], a.get(1).unwrap_or(&Value::NONE)))
        }
        (Wrap::TernaryR, Fn::Ternary(f)) => {
            arity(1, 2).and_then(|()| f(t, &a[0], this, a.get(1).unwrap_or(&Value::NONE)))
        }
        (Wrap::Bool, Fn::Bool(f)) => arity(0, 0).and_then(|()| Ok(Value::bool(f(t, this)?))),
        (Wrap::Len, Fn::Len(f)) => arity(0, 0).and_then(|()| convert::from_u64(t, f(t, this)? as u64)),
        (Wrap::Hash, Fn::Hash(f)) => arity(0, 0).and_then(|()| convert::from_i64(t, f(t, this)?)),
        (Wrap::Index, Fn::Index(f)) => {
            arity(1, 1)?;
            f(t, this, convert::to_index_overflow(t, &a[0])?)
        }
        (Wrap::Contains, Fn::Contains(f)) => arity(1, 1).and_then(|()| Ok(Value::bool(f(t, this, &a[0])?))),
        (Wrap::Compare(op), Fn::Compare(f)) => arity(1, 1).and_then(|()| f(t, this, &a[0], op)),
        (Wrap::SetItem, Fn::SetItem(f)) => {
            arity(2, 2)?;
            f(t, this, &a[0], Some(&a[1])).map(|()| Value::NONE)
        }
        (Wrap::DelItem, Fn::SetItem(f)) => {
            arity(1, 1)?;
            f(t, this, &a[0], None).map(|()| Value::NONE)
        }
        (Wrap::Call, Fn::Call(f)) => f(t, this, args),
        (Wrap::GetAttr, Fn::GetAttr(f)) => arity(1, 1).and_then(|()| f(t, this, &a[0])),
        (Wrap::SetAttr, Fn::SetAttr(f)) => {
            arity(2, 2)?;
            check_override(t, ty, this, slot.name)?;
            f(t, this, &a[0], Some(&a[1])).map(|()| Value::NONE)
        }
        (Wrap::DelAttr, Fn::SetAttr(f)) => {
            arity(1, 1)?;
            check_override(t, ty, this, slot.name)?;
            f(t, this, &a[0], None).map(|()| Value::NONE)
        }
        (Wrap::DescrGet, Fn::DescrGet(f)) => {
            arity(1, 2)?;
            let (obj, cls) = (a[0].non_none(), a.get(1).and_then(Value::non_none));
            if obj.is_none() && cls.is_none() {
                return Err(error::type_error(t, "__get__(None, None) is invalid"));
            }
            f(t, this, obj, cls)
        }
        (Wrap::DescrSet, Fn::DescrSet(f)) => {
            arity(2, 2)?;
            f(t, this, &a[0], Some(&a[1])).map(|()| Value::NONE)
        }
        (Wrap::DescrDelete, Fn::DescrSet(f)) => {
            arity(1, 1)?;
            f(t, this, &a[0], None).map(|()| Value::NONE)
        }
        (Wrap::Init, Fn::Init(f)) => f(t, this, args).map(|()| Value::NONE),
        (Wrap::Next, Fn::Next(f)) => {
            arity(0, 0)?;
            match f(t, this)?.present() {
                Some(v) => Ok(v),
                None => Err(error::stop_iteration(t, Value::ABSENT)),
            }
        }
        (Wrap::Finalize, Fn::Finalize(f)) => {
            arity(0, 0)?;
            f(t, this);
            Ok(Value::NONE)
        }
        (Wrap::Buffer, _) => {
            arity(1, 1)?;
            (crate::types::memoryview_hook())(t, this, &a[0])
        }
        _ => Err(error::system_error(t, format_args!("slot {} is called in a wrong way", slot.name))),
    }
}

/// `object.__setattr__(some_type, ...)` must not get around `type.__setattr__`.
fn check_override(t: &Thread, ty: &TypeObject, this: &Value, name: &str) -> Res<()> {
    let own = type_of(this);
    if this.downcast::<TypeObject>().is_some() && std::ptr::eq(ty, crate::types::object::OBJECT.ty()) {
        return Err(error::type_error(t, format_args!("can't apply this {name} to {} object", own.name())));
    }
    Ok(())
}

/// A slot function by its signature.
enum Fn {
    Unary(crate::slots::UnaryFn),
    Binary(crate::slots::BinaryFn),
    Ternary(crate::slots::TernaryFn),
    Bool(crate::slots::BoolFn),
    Len(crate::slots::LenFn),
    Hash(crate::slots::HashFn),
    Index(crate::slots::IndexFn),
    Contains(crate::slots::ContainsFn),
    Compare(crate::slots::CompareFn),
    SetItem(crate::slots::SetItemFn),
    Call(crate::slots::CallFn),
    GetAttr(crate::slots::GetAttrFn),
    SetAttr(crate::slots::SetAttrFn),
    DescrGet(crate::slots::DescrGetFn),
    DescrSet(crate::slots::DescrSetFn),
    Init(crate::slots::InitFn),
    New,
    Next(crate::slots::NextFn),
    Finalize(crate::slots::FinalizeFn),
    Buffer,
}

macro_rules! by_signature {
    ($($field:ident: $ty:ident, $variant:ident { $($rest:tt)* })*) => {
        impl From<SlotFn> for Fn {
            fn from(f: SlotFn) -> Self {
                match f { $(SlotFn::$field(f) => by_signature!(@ $variant, f),)* }
            }
        }
    };
    (@ New, $f:ident) => {{ let _ = $f; Fn::New }};
    (@ Buffer, $f:ident) => {{ let _ = $f; Fn::Buffer }};
    (@ $variant:ident, $f:ident) => { Fn::$variant($f) };
}
crate::for_each_slot!(by_signature);

static NEW_DEF: MethodDef = native::raw(
    "__new__",
    "($type, *args, **kwargs)",
    call_new,
    "Create and return a new object.  See help(type) for accurate signature.",
);

/// `X.__new__` of a built-in type: a native function bound to the type.
pub fn new_function(t: &Thread, owner: &TypeObject) -> Res {
    crate::payload::new(t, |header| native::NativeFunction {
        header,
        def: &NEW_DEF,
        signature: None,
        bound: crate::store::Slot::new(owner.value()),
        module: crate::store::Slot::empty(),
        passes_bound: true,
    })
}

/// `X.__new__(cls, *args)`: the arguments are X, cls and the rest.
fn call_new(t: &Thread, args: Args<'_>) -> Res {
    let [owner, rest @ ..] = args.values else { return Err(error::system_error(t, "__new__ without its type")) };
    let Some(ty) = owner.downcast::<TypeObject>() else {
        return Err(error::system_error(t, "__new__ without its type"));
    };
    if args.values.len() == 1 + args.names.len() {
        return Err(error::type_error(t, format_args!("{}.__new__(): not enough arguments", ty.name())));
    }
    let class = &rest[0];
    let Some(sub) = class.downcast::<TypeObject>() else {
        return Err(error::type_error(
            t,
            format_args!("{}.__new__(X): X is not a type object ({})", ty.name(), type_of(class).name()),
        ));
    };
    if !sub.is_subtype(ty) {
        let (ty, sub) = (ty.name(), sub.name());
        return Err(error::type_error(t, format_args!("{ty}.__new__({sub}): {sub} is not a subtype of {ty}")));
    }
    // The nearest built-in base must be the one whose __new__ this is, or the payload would be of the wrong kind.
    let mut native_base = sub;
    while native_base.is_heap_type() {
        match native_base.base() {
            Some(base) => native_base = base,
            None => break,
        }
    }
    let same = match (native_base.slots().new, ty.slots().new) {
        (Some(x), Some(y)) => std::ptr::fn_addr_eq(x, y),
        (None, Some(_)) => {
            return Err(error::type_error(t, format_args!("cannot create '{}' instances", native_base.name())));
        }
        _ => true,
    };
    if !same {
        let (ty, sub, base) = (ty.name(), sub.name(), native_base.name());
        return Err(error::type_error(t, format_args!("{ty}.__new__({sub}) is not safe, use {base}.__new__()")));
    }
    match ty.slots().new {
        Some(f) => f(t, class, Args { values: &rest[1..], names: args.names }),
        None => Err(error::type_error(t, format_args!("cannot create '{}' instances", ty.name()))),
    }
}

/// `f(t, x)` of a slot given by operator, for natives that want the plain function.
pub fn binary(t: &Thread, op: ops::BinaryOp, a: &Value, b: &Value) -> Res {
    ops::binary(t, op, a, b)
}

/// `__text_signature__` of a slot wrapper.
pub fn text_signature(wrap: Wrap) -> &'static str {
    match wrap {
        Wrap::Unary | Wrap::Bool | Wrap::Len | Wrap::Hash | Wrap::Next | Wrap::Finalize => "($self, /)",
        Wrap::BinaryL | Wrap::BinaryR | Wrap::Index | Wrap::Compare(_) => "($self, value, /)",
        Wrap::TernaryL | Wrap::TernaryR => "($self, value, mod=None, /)",
        Wrap::Contains | Wrap::DelItem => "($self, key, /)",
        Wrap::SetItem => "($self, key, value, /)",
        Wrap::GetAttr | Wrap::DelAttr => "($self, name, /)",
        Wrap::SetAttr => "($self, name, value, /)",
        Wrap::DescrGet => "($self, instance, owner=None, /)",
        Wrap::DescrSet => "($self, instance, value, /)",
        Wrap::DescrDelete => "($self, instance, /)",
        Wrap::Call | Wrap::Init | Wrap::New => "($self, /, *args, **kwargs)",
        Wrap::Buffer => "($self, flags, /)",
        Wrap::GetAttrHook => "",
    }
}
