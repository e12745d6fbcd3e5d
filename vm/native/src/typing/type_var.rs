//! TypeVar.

use super::lazy::Lazy;
use super::{Variance, no_default};
use crate::ctor;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{GetSetDef, MethodDef, def, getter, member};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Thread, Value, attr, names::n, ops, payload, process, strs, tuple};

/// A type variable.
#[repr(C)]
pub(super) struct TypeVar {
    pub(super) header: Header,
    dict: Slot,
    name: Slot,
    bound: Lazy,
    constraints: Lazy,
    pub(super) default: Lazy,
    variance: Variance,
}

typhon_object::payload!(TypeVar => TYPE_VAR {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.dict.peek() });
        self.bound.traverse(visit);
        self.constraints.traverse(visit);
        self.default.traverse(visit);
    }
    fn clear(&self) {
        drop(self.dict.take());
        self.bound.clear();
        self.constraints.clear();
        self.default.clear();
    }
});

/// typing.TypeVar.
pub(super) static TYPE_VAR: TypeDef = TypeDef {
    // One made by a statement has no module of its own.
    constants: &[("__module__", |t| strs::new(t, "typing"))],
    name: "typing.TypeVar",
    doc: "Type variable.",
    flags: flag::WEAKREFS,
    dict_offset: std::mem::offset_of!(TypeVar, dict),
    slots: Slots {
        new: Some(|t, class, args| ctor::bind(t, &NEW, class, args)),
        repr: Some(|t, v| strs::new(t, &format!("{}{}", me(v).variance.sign(), strs::display(&me(v).name.get())))),
        or: Some(super::make_union),
        ..Slots::NONE
    },
    methods: METHODS,
    getset: GETSET,
    members: &[member("__name__", std::mem::offset_of!(TypeVar, name), "")],
    ..TypeDef::of::<TypeVar>()
};

static NEW: MethodDef = def(
    "typevar",
    "($type, name, *constraints, bound=None, default=NoDefault, covariant=False, contravariant=False, infer_variance=False)",
    new,
    "",
);

const METHODS: &[MethodDef] = &[
    def("__typing_subst__", "($self, arg, /)", |t, a| super::library(t, "_typevar_subst", a), ""),
    def("__typing_prepare_subst__", "($self, alias, args, /)", prepare, ""),
    def("__reduce__", "($self, /)", |_, a| Ok(me(&a[0]).name.get()), ""),
    def("has_default", "($self, /)", |_, a| Ok(Value::bool(has_default(&me(&a[0]).default))), ""),
    def("__mro_entries__", "($self, bases, /)", |t, a| super::no_subclass(t, &a[0]), ""),
];

const GETSET: &[GetSetDef] = &[
    getter(
        "__bound__",
        |t, v| Ok(me(v).bound.get(t, &me(v).header)?.present().unwrap_or(Value::NONE)),
        "The bound of the type variable.",
    ),
    getter(
        "__constraints__",
        |t, v| {
            let found = me(v).constraints.get(t, &me(v).header)?;
            Ok(found.present().unwrap_or_else(|| process::empty_tuple().clone()))
        },
        "The constraints of the type variable.",
    ),
    getter(
        "__default__",
        |t, v| default_of(t, &me(v).default, &me(v).header),
        "The default value of the type variable.",
    ),
    getter("evaluate_bound", |t, v| me(v).bound.evaluator(t), ""),
    getter("evaluate_constraints", |t, v| me(v).constraints.evaluator(t), ""),
    getter("evaluate_default", |t, v| me(v).default.evaluator(t), ""),
    getter("__covariant__", |_, v| Ok(me(v).variance.covariant.into()), ""),
    getter("__contravariant__", |_, v| Ok(me(v).variance.contravariant.into()), ""),
    getter("__infer_variance__", |_, v| Ok(me(v).variance.inferred.into()), ""),
];

fn me(v: &Value) -> &TypeVar {
    v.expect::<TypeVar>()
}

/// A type parameter's default, NoDefault if there is none.
pub(super) fn default_of(t: &Thread, default: &Lazy, header: &Header) -> Res {
    match default.get(t, header)?.present() {
        Some(v) => Ok(v),
        None => no_default::get(t),
    }
}

/// Whether a type parameter has a default.
pub(super) fn has_default(default: &Lazy) -> bool {
    let known = default.known();
    default.is_deferred() || !(known.is_absent() || no_default::is(&known))
}

/// A constructor's `default` argument.
pub(super) fn default_arg(t: &Thread, v: &Value) -> Res<Lazy> {
    Ok(Lazy::of(match v.opt() {
        Some(v) => v.clone(),
        None => no_default::get(t)?,
    }))
}

fn new(t: &Thread, a: &[Value]) -> Res {
    let [class, name, constraints, bound, default, covariant, contravariant, inferred] = a else {
        return Err(error::system_error(t, "a native without its signature"));
    };
    super::check_str(t, name, "typevar")?;
    let variance = Variance::new(t, covariant, contravariant, inferred)?;
    let bound = match bound.non_none() {
        Some(bound) => super::checked(t, bound, "Bound must be a type.")?,
        None => Value::ABSENT,
    };
    let constraints = match ops::len(t, constraints)? {
        0 => Value::ABSENT,
        1 => return Err(error::type_error(t, "A single constraint is not allowed")),
        _ if !bound.is_absent() => {
            return Err(error::type_error(t, "Constraints cannot be combined with bound=..."));
        }
        _ => constraints.clone(),
    };
    let default = default_arg(t, default)?;
    let made = payload::new_for(t, class, |header| TypeVar {
        header,
        dict: Slot::empty(),
        name: Slot::new(name.clone()),
        bound: Lazy::of(bound),
        constraints: Lazy::of(constraints),
        default,
        variance,
    })?;
    super::set_module(t, &made)?;
    Ok(made)
}

/// A type variable of the compiler's, with bound or constraints that are computed when asked for.
pub(super) fn inferred(t: &Thread, name: &Value, bound: Option<&Value>, constraints: Option<&Value>) -> Res {
    let lazy = |evaluate: Option<&Value>| evaluate.map_or(Lazy::of(Value::ABSENT), |e| Lazy::deferred(e.clone()));
    payload::new(t, |header| TypeVar {
        header,
        dict: Slot::empty(),
        name: Slot::new(name.clone()),
        bound: lazy(bound),
        constraints: lazy(constraints),
        default: Lazy::of(Value::ABSENT),
        variance: Variance { inferred: true, ..Variance::default() },
    })
}

/// Appends the default to a subscript that ends before this variable.
fn prepare(t: &Thread, a: &[Value]) -> Res {
    let (alias, args) = (&a[1], &a[2]);
    let params = ops::collect(t, &attr::get(t, alias, n::__parameters__())?)?;
    let given = ops::len(t, args)?;
    let Some(index) = params.iter().position(|p| p.is(&a[0])) else {
        return Err(error::value_error(t, "sequence.index(x): x not in sequence"));
    };
    if index < given {
        return Ok(args.clone());
    }
    if index == given {
        let default = default_of(t, &me(&a[0]).default, &me(&a[0]).header)?;
        if !no_default::is(&default) {
            let more = tuple::from_array(t, [default])?;
            return ops::binary(t, ops::ADD, args, &more);
        }
    }
    let shown = strs::display(&ops::str(t, alias)?);
    let wanted = index + 1;
    Err(error::type_error(t, format_args!("Too few arguments for {shown}; actual {given}, expected at least {wanted}")))
}
