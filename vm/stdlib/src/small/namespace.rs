//! types.SimpleNamespace.

use crate::text;
use typhon_object::args::Args;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{def, getter, raw};
use typhon_object::ops::{self, CompareOp};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str};
use typhon_object::ty::{TypeDef, flag, type_of};
use typhon_object::{Thread, Value, attr, call, payload, tuple};

/// A namespace.
#[repr(C)]
pub struct Namespace {
    header: Header,
    dict: Slot,
}

typhon_object::payload!(Namespace => NAMESPACE {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.dict.peek() });
    }
    fn clear(&self) {
        drop(self.dict.take());
    }
});

/// types.SimpleNamespace.
pub static NAMESPACE: TypeDef = TypeDef {
    name: "types.SimpleNamespace",
    doc: "A simple attribute-based namespace.",
    signature: "(mapping_or_iterable=(), /, **kwargs)",
    flags: flag::BASETYPE,
    dict_offset: std::mem::offset_of!(Namespace, dict),
    slots: Slots { repr: Some(repr), compare: Some(compare), new: Some(new), init: Some(init), ..Slots::NONE },
    getset: &[getter("__dict__", |t, v| Ok(dict(t, v)), "")],
    methods: &[
        def("__reduce__", "($self, /)", reduce, "Return state information for pickling"),
        raw(
            "__replace__",
            "($self, /, **changes)",
            replace,
            "Return a copy of the namespace object with new values for the specified attributes.",
        ),
    ],
    ..TypeDef::of::<Namespace>()
};

fn new(t: &Thread, class: &Value, _: Args<'_>) -> Res {
    payload::new_for(t, class, |header| Namespace { header, dict: Slot::empty() })
}

fn dict(t: &Thread, v: &Value) -> Value {
    let me = v.expect::<Namespace>();
    if me.dict.is_absent() {
        me.dict.set(&me.header, Dict::create(t));
    }
    me.dict.get()
}

fn init(t: &Thread, v: &Value, a: Args<'_>) -> Res<()> {
    let position = a.positional();
    if position.len() > 1 {
        let n = position.len();
        return Err(error::type_error(t, format_args!("SimpleNamespace expected at most 1 argument, got {n}")));
    }
    let d = dict(t, v);
    if let Some(source) = position.first() {
        let class = typhon_object::types::dict_::DICT.ty().value();
        let items = call::call1(t, &class, source)?;
        for (k, x) in Dict::of(&items).items() {
            if k.downcast::<Str>().is_none() {
                return Err(error::type_error(t, "keywords must be strings"));
            }
            Dict::of(&d).set(t, &k, &x)?;
        }
    }
    for (k, x) in a.keywords() {
        Dict::of(&d).set(t, k, x)?;
    }
    Ok(())
}

fn repr(t: &Thread, v: &Value) -> Res {
    let name = if type_of(v).is_heap_type() { type_of(v).name() } else { "namespace".to_owned() };
    if !super::enter_repr(t, v) {
        return strs::new(t, &format!("{name}(...)"));
    }
    let mut parts = Vec::new();
    let mut failed = None;
    for (k, x) in Dict::of(&dict(t, v)).items() {
        if k.downcast::<Str>().is_some_and(|s| !s.is_empty()) {
            match ops::repr_text(t, &x) {
                Ok(shown) => parts.push(format!("{}={shown}", strs::display(&k))),
                Err(e) => {
                    failed = Some(e);
                    break;
                }
            }
        }
    }
    super::leave_repr(t, v);
    match failed {
        Some(e) => Err(e),
        None => strs::new(t, &format!("{name}({})", parts.join(", "))),
    }
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    if a.downcast::<Namespace>().is_none() || b.downcast::<Namespace>().is_none() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    ops::compare(t, &dict(t, a), &dict(t, b), op)
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let args = tuple::from_vec(t, Vec::new())?;
    tuple::from_array(t, [type_of(&a[0]).value(), args, dict(t, &a[0])])
}

fn replace(t: &Thread, a: Args<'_>) -> Res {
    let [this] = a.positional() else {
        return Err(error::type_error(t, "__replace__() takes no positional arguments"));
    };
    let class = type_of(this).value();
    let copy = call::call0(t, &class)?;
    if copy.downcast::<Namespace>().is_none() {
        let (class, got) = (type_of(this).name(), type_of(&copy).name());
        let text = format!("expect types.SimpleNamespace type, but {class}() returned '{got}' object");
        return Err(error::type_error(t, text));
    }
    for (k, x) in Dict::of(&dict(t, this)).items() {
        attr::set(t, &copy, &k, Some(&x))?;
    }
    for (k, x) in a.keywords() {
        attr::set(t, &copy, k, Some(x))?;
    }
    Ok(copy)
}

/// An attribute given as text, for `sys.implementation`.
pub fn set(t: &Thread, v: &Value, name: &str, x: &Value) -> Res<()> {
    attr::set(t, v, &text::name(t, name), Some(x))
}
