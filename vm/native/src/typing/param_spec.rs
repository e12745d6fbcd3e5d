//! ParamSpec.

use super::lazy::Lazy;
use super::type_var::{default_arg, default_of, has_default};
use super::{Variance, param_spec_attr};
use crate::ctor;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{GetSetDef, MethodDef, def, getter, member};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Thread, Value, payload, strs};

/// A parameter specification.
#[repr(C)]
pub(super) struct ParamSpec {
    pub(super) header: Header,
    dict: Slot,
    pub(super) name: Slot,
    bound: Slot,
    pub(super) default: Lazy,
    variance: Variance,
}

typhon_object::payload!(ParamSpec => PARAM_SPEC {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.dict.peek());
            visit(self.bound.peek());
        }
        self.default.traverse(visit);
    }
    fn clear(&self) {
        drop(self.dict.take());
        drop(self.bound.take());
        self.default.clear();
    }
});

/// typing.ParamSpec.
pub(super) static PARAM_SPEC: TypeDef = TypeDef {
    // One made by a statement has no module of its own.
    constants: &[("__module__", |t| strs::new(t, "typing"))],
    name: "typing.ParamSpec",
    doc: "Parameter specification variable.",
    flags: flag::WEAKREFS,
    dict_offset: std::mem::offset_of!(ParamSpec, dict),
    slots: Slots {
        new: Some(|t, class, args| ctor::bind(t, &NEW, class, args)),
        repr: Some(|t, v| strs::new(t, &format!("{}{}", me(v).variance.sign(), strs::display(&me(v).name.get())))),
        or: Some(super::make_union),
        ..Slots::NONE
    },
    methods: METHODS,
    getset: GETSET,
    members: &[
        member("__name__", std::mem::offset_of!(ParamSpec, name), ""),
        member("__bound__", std::mem::offset_of!(ParamSpec, bound), ""),
    ],
    ..TypeDef::of::<ParamSpec>()
};

static NEW: MethodDef = def(
    "paramspec",
    "($type, name, *, bound=None, default=NoDefault, covariant=False, contravariant=False, infer_variance=False)",
    new,
    "",
);

const METHODS: &[MethodDef] = &[
    def("__typing_subst__", "($self, arg, /)", |t, a| super::library(t, "_paramspec_subst", a), ""),
    def(
        "__typing_prepare_subst__",
        "($self, alias, args, /)",
        |t, a| super::library(t, "_paramspec_prepare_subst", a),
        "",
    ),
    def("__reduce__", "($self, /)", |_, a| Ok(me(&a[0]).name.get()), ""),
    def("has_default", "($self, /)", |_, a| Ok(Value::bool(has_default(&me(&a[0]).default))), ""),
    def("__mro_entries__", "($self, bases, /)", |t, a| super::no_subclass(t, &a[0]), ""),
];

const GETSET: &[GetSetDef] = &[
    getter("args", param_spec_attr::args_of, "Represents positional arguments."),
    getter("kwargs", param_spec_attr::kwargs_of, "Represents keyword arguments."),
    getter("__default__", |t, v| default_of(t, &me(v).default, &me(v).header), "The default value for this ParamSpec."),
    getter("evaluate_default", |t, v| me(v).default.evaluator(t), ""),
    getter("__covariant__", |_, v| Ok(me(v).variance.covariant.into()), ""),
    getter("__contravariant__", |_, v| Ok(me(v).variance.contravariant.into()), ""),
    getter("__infer_variance__", |_, v| Ok(me(v).variance.inferred.into()), ""),
];

fn me(v: &Value) -> &ParamSpec {
    v.expect::<ParamSpec>()
}

fn new(t: &Thread, a: &[Value]) -> Res {
    let [class, name, bound, default, covariant, contravariant, inferred] = a else {
        return Err(error::system_error(t, "a native without its signature"));
    };
    super::check_str(t, name, "paramspec")?;
    let variance = Variance::new(t, covariant, contravariant, inferred)?;
    let bound = match bound.non_none() {
        Some(bound) => super::checked(t, bound, "Bound must be a type.")?,
        None => Value::ABSENT,
    };
    let default = default_arg(t, default)?;
    let made = payload::new_for(t, class, |header| ParamSpec {
        header,
        dict: Slot::empty(),
        name: Slot::new(name.clone()),
        bound: Slot::new(bound),
        default,
        variance,
    })?;
    super::set_module(t, &made)?;
    Ok(made)
}

/// A parameter specification of the compiler's.
pub(super) fn inferred(t: &Thread, name: &Value) -> Res {
    payload::new(t, |header| ParamSpec {
        header,
        dict: Slot::empty(),
        name: Slot::new(name.clone()),
        bound: Slot::empty(),
        default: Lazy::of(Value::ABSENT),
        variance: Variance { inferred: true, ..Variance::default() },
    })
}
