//! TypeVarTuple.

use super::lazy::Lazy;
use super::type_var::{default_arg, default_of, has_default};
use crate::ctor;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{GetSetDef, MethodDef, def, getter, member};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Thread, Value, ops, payload, tuple};

/// A type variable that stands for any number of types.
#[repr(C)]
pub(super) struct TypeVarTuple {
    pub(super) header: Header,
    dict: Slot,
    name: Slot,
    pub(super) default: Lazy,
}

typhon_object::payload!(TypeVarTuple => TYPE_VAR_TUPLE {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.dict.peek() });
        self.default.traverse(visit);
    }
    fn clear(&self) {
        drop(self.dict.take());
        self.default.clear();
    }
});

/// typing.TypeVarTuple.
pub(super) static TYPE_VAR_TUPLE: TypeDef = TypeDef {
    // One made by a statement has no module of its own.
    constants: &[("__module__", |t| typhon_object::strs::new(t, "typing"))],
    name: "typing.TypeVarTuple",
    doc: "Type variable tuple: a type variable that stands for any number of types.",
    flags: flag::WEAKREFS,
    dict_offset: std::mem::offset_of!(TypeVarTuple, dict),
    slots: Slots {
        new: Some(|t, class, args| ctor::bind(t, &NEW, class, args)),
        repr: Some(|_, v| Ok(me(v).name.get())),
        iter: Some(iter),
        ..Slots::NONE
    },
    methods: METHODS,
    getset: GETSET,
    members: &[member("__name__", std::mem::offset_of!(TypeVarTuple, name), "")],
    ..TypeDef::of::<TypeVarTuple>()
};

static NEW: MethodDef = def("typevartuple", "($type, name, *, default=NoDefault)", new, "");

const METHODS: &[MethodDef] = &[
    def(
        "__typing_subst__",
        "($self, arg, /)",
        |t, _| Err(error::type_error(t, "Substitution of bare TypeVarTuple is not supported")),
        "",
    ),
    def(
        "__typing_prepare_subst__",
        "($self, alias, args, /)",
        |t, a| super::library(t, "_typevartuple_prepare_subst", a),
        "",
    ),
    def("__reduce__", "($self, /)", |_, a| Ok(me(&a[0]).name.get()), ""),
    def("has_default", "($self, /)", |_, a| Ok(Value::bool(has_default(&me(&a[0]).default))), ""),
    def("__mro_entries__", "($self, bases, /)", |t, a| super::no_subclass(t, &a[0]), ""),
];

const GETSET: &[GetSetDef] = &[
    getter(
        "__default__",
        |t, v| default_of(t, &me(v).default, &me(v).header),
        "The default value for this TypeVarTuple.",
    ),
    getter("evaluate_default", |t, v| me(v).default.evaluator(t), ""),
];

fn me(v: &Value) -> &TypeVarTuple {
    v.expect::<TypeVarTuple>()
}

/// `*Ts` is one `Unpack[Ts]`.
fn iter(t: &Thread, v: &Value) -> Res {
    let unpacked = super::unpack(t, v)?;
    ops::iter(t, &tuple::from_array(t, [unpacked])?)
}

fn new(t: &Thread, a: &[Value]) -> Res {
    super::check_str(t, &a[1], "typevartuple")?;
    let default = default_arg(t, &a[2])?;
    let made = payload::new_for(t, &a[0], |header| TypeVarTuple {
        header,
        dict: Slot::empty(),
        name: Slot::new(a[1].clone()),
        default,
    })?;
    super::set_module(t, &made)?;
    Ok(made)
}

/// A type variable tuple of the compiler's.
pub(super) fn inferred(t: &Thread, name: &Value) -> Res {
    payload::new(t, |header| TypeVarTuple {
        header,
        dict: Slot::empty(),
        name: Slot::new(name.clone()),
        default: Lazy::of(Value::ABSENT),
    })
}
