//! method: a function bound to an object.

use crate::args::Args;
use crate::attr;
use crate::call;
use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::names::n;
use crate::native::{def, getter, member};
use crate::ops::{self, CompareOp};
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::tuple;
use crate::ty::{TypeDef, flag, type_of};
use crate::value::Value;

/// A bound method.
#[repr(C)]
pub struct Method {
    pub(crate) header: Header,
    /// The callable.
    pub func: Slot,
    /// What it is bound to.
    pub this: Slot,
}

crate::payload!(Method => METHOD {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.func.peek());
            visit(self.this.peek());
        }
    }
});

/// method.
pub static METHOD: TypeDef = TypeDef {
    name: "method",
    doc: "Create a bound instance method object.",
    signature: "(function, instance, /)",
    id: ids::METHOD,
    flags: flag::WEAKREFS,
    slots: Slots {
        new: Some(make),
        repr: Some(repr),
        hash: Some(hash),
        compare: Some(compare),
        call: Some(call_method),
        getattr: Some(get_attr),
        get: Some(|_, v, _, _| Ok(v.clone())),
        ..Slots::NONE
    },
    methods: &[def("__reduce__", "($self, /)", reduce, "")],
    getset: &[getter("__doc__", |t, v| attr::get(t, &v.expect::<Method>().func.get(), n::__doc__()), "")],
    members: &[
        member(
            "__func__",
            std::mem::offset_of!(Method, func),
            "the function (or other callable) implementing a method",
        ),
        member("__self__", std::mem::offset_of!(Method, this), "the instance to which a method is bound"),
    ],
    outside: false,
    ..TypeDef::of::<Method>()
};

/// `func` bound to `this`.
#[inline]
pub fn new(t: &Thread, func: &Value, this: &Value) -> Res {
    payload::new(t, |header| Method { header, func: Slot::new(func.clone()), this: Slot::new(this.clone()) })
}

fn make(t: &Thread, _: &Value, args: Args<'_>) -> Res {
    let a = args.expect_positional(t, "method", 2, 2)?;
    if !call::is_callable(&a[0]) {
        return Err(error::type_error(t, "first argument must be callable"));
    }
    if a[1].is_none() {
        return Err(error::type_error(t, "instance must not be None"));
    }
    new(t, &a[0], &a[1])
}

fn call_method(t: &Thread, v: &Value, args: Args<'_>) -> Res {
    let m = v.expect::<Method>();
    let (func, this) = (m.func.get(), m.this.get());
    args.with_first(&this, |args| call::call_args(t, &func, args))
}

/// The method type's own attributes, then the function's.
fn get_attr(t: &Thread, v: &Value, name: &Value) -> Res {
    attr::check_name(t, name)?;
    let name = &crate::names::intern(t, name);
    let ty = type_of(v);
    if let Some(descr) = ty.lookup(t, name) {
        return match type_of(&descr).slots().get {
            Some(get) => ty.with_value(|cls| get(t, &descr, Some(v), Some(cls))),
            None => Ok(descr),
        };
    }
    attr::get(t, &v.expect::<Method>().func.get(), name)
}

fn repr(t: &Thread, v: &Value) -> Res {
    let m = v.expect::<Method>();
    let func = m.func.get();
    let mut name = attr::get_opt(t, &func, n::__qualname__())?;
    if name.is_none() {
        name = attr::get_opt(t, &func, n::__name__())?;
    }
    let name = name.and_then(|s| s.downcast::<Str>().map(Str::to_lossy)).unwrap_or_else(|| "?".to_string());
    let this = ops::repr_text(t, &m.this.get())?;
    strs::new(t, &format!("<bound method {name} of {this}>"))
}

fn hash(t: &Thread, v: &Value) -> Res<i64> {
    let m = v.expect::<Method>();
    let h = (m.this.bits() as i64).rotate_right(4) ^ ops::hash(t, &m.func.get())?;
    Ok(if h == -1 { -2 } else { h })
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let (Some(x), Some(y)) = (a.downcast::<Method>(), b.downcast::<Method>()) else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    if !matches!(op, CompareOp::Eq | CompareOp::Ne) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let same = x.this.get().is(&y.this.get()) && ops::eq(t, &x.func.get(), &y.func.get())?;
    Ok(Value::bool(same == (op == CompareOp::Eq)))
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let m = a[0].expect::<Method>();
    let name = attr::get(t, &m.func.get(), n::__name__())?;
    let builtins = (t.hooks.import)(t, "builtins")?;
    let getattr = attr::get_text(t, &builtins, "getattr")?;
    let args = tuple::from_array(t, [m.this.get(), name])?;
    tuple::from_array(t, [getattr, args])
}
