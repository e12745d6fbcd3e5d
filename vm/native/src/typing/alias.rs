//! TypeAliasType: what a `type` statement makes.

use super::intrinsic::unpack_tuples;
use super::lazy::Lazy;
use super::no_default;
use super::param_spec::ParamSpec;
use super::type_var::{TypeVar, default_of};
use super::type_var_tuple::TypeVarTuple;
use crate::ctor;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::names::n;
use typhon_object::native::{GetSetDef, MethodDef, def, getter, member};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::TypeDef;
use typhon_object::types::{generic_alias, union};
use typhon_object::{Thread, Value, attr, ops, payload, process};

/// A type alias.
#[repr(C)]
pub(super) struct TypeAlias {
    header: Header,
    name: Slot,
    /// The type parameters, as a tuple that may be empty.
    params: Slot,
    value: Lazy,
    /// Absent for the compiler's aliases: their evaluator knows its module.
    module: Slot,
}

typhon_object::payload!(TypeAlias => TYPE_ALIAS_TYPE {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.params.peek());
            visit(self.module.peek());
        }
        self.value.traverse(visit);
    }
    fn clear(&self) {
        drop(self.params.take());
        drop(self.module.take());
        self.value.clear();
    }
});

/// typing.TypeAliasType.
pub(super) static TYPE_ALIAS_TYPE: TypeDef = TypeDef {
    name: "typing.TypeAliasType",
    doc: "Type alias.",
    slots: Slots {
        new: Some(|t, class, args| ctor::bind(t, &NEW, class, args)),
        repr: Some(|_, v| Ok(me(v).name.get())),
        getitem: Some(getitem),
        iter: Some(iter),
        or: Some(union::or),
        ..Slots::NONE
    },
    methods: &[def("__reduce__", "($self, /)", |_, a| Ok(me(&a[0]).name.get()), "")],
    getset: GETSET,
    members: &[member("__name__", std::mem::offset_of!(TypeAlias, name), "")],
    ..TypeDef::of::<TypeAlias>()
};

static NEW: MethodDef = def("typealias", "($type, name, value, *, type_params=())", new, "");

const GETSET: &[GetSetDef] = &[
    getter("__type_params__", |_, v| Ok(params(v)), ""),
    getter("__parameters__", |t, v| unpack_tuples(t, &params(v)), ""),
    getter("__value__", |t, v| Ok(me(v).value.get(t, &me(v).header)?.present().unwrap_or(Value::NONE)), ""),
    getter("evaluate_value", |t, v| me(v).value.evaluator(t), ""),
    getter("__module__", module, ""),
];

fn me(v: &Value) -> &TypeAlias {
    v.expect::<TypeAlias>()
}

fn params(v: &Value) -> Value {
    me(v).params.get().present().unwrap_or_else(|| process::empty_tuple().clone())
}

fn module(t: &Thread, v: &Value) -> Res {
    if let Some(module) = me(v).module.get().present() {
        return Ok(module);
    }
    match me(v).value.function().present() {
        Some(f) => attr::get(t, &f, n::__module__()),
        None => Ok(Value::NONE),
    }
}

fn new(t: &Thread, a: &[Value]) -> Res {
    super::check_str(t, &a[1], "typealias")?;
    let params = a[3].opt().cloned().unwrap_or_else(|| process::empty_tuple().clone());
    check_params(t, &params)?;
    let module = super::caller(t);
    payload::new_for(t, &a[0], |header| TypeAlias {
        header,
        name: Slot::new(a[1].clone()),
        params: Slot::new(params),
        value: Lazy::of(a[2].clone()),
        module: Slot::new(module),
    })
}

/// TypeError unless `params` is a tuple of type parameters with those that have a default last.
fn check_params(t: &Thread, params: &Value) -> Res<()> {
    let Some(items) = params.downcast::<Tuple>() else {
        return Err(error::type_error(t, "type_params must be a tuple"));
    };
    let mut seen = false;
    for p in items.items() {
        let default = if let Some(p) = p.downcast::<TypeVar>() {
            default_of(t, &p.default, &p.header)?
        } else if let Some(p) = p.downcast::<ParamSpec>() {
            default_of(t, &p.default, &p.header)?
        } else if let Some(p) = p.downcast::<TypeVarTuple>() {
            default_of(t, &p.default, &p.header)?
        } else {
            let shown = ops::repr_text(t, p)?;
            return Err(error::type_error(t, format_args!("Expected a type param, got {shown}")));
        };
        let given = !no_default::is(&default);
        if seen && !given {
            let shown = ops::repr_text(t, p)?;
            return Err(error::type_error(
                t,
                format_args!("non-default type parameter '{shown}' follows default type parameter"),
            ));
        }
        seen |= given;
    }
    Ok(())
}

/// An alias of the compiler's: (name, type parameters or None, evaluator).
pub(super) fn of_statement(t: &Thread, v: &Value) -> Res {
    let Some([name, params, evaluate]) = v.downcast::<Tuple>().map(Tuple::items) else {
        return Err(error::system_error(t, "a type alias is made from three values"));
    };
    let params = params.non_none().cloned().unwrap_or_else(|| process::empty_tuple().clone());
    payload::new(t, |header| TypeAlias {
        header,
        name: Slot::new(name.clone()),
        params: Slot::new(params),
        value: Lazy::deferred(evaluate.clone()),
        module: Slot::empty(),
    })
}

fn getitem(t: &Thread, v: &Value, item: &Value) -> Res {
    if ops::len(t, &params(v))? == 0 {
        return Err(error::type_error(t, "Only generic type aliases are subscriptable"));
    }
    generic_alias::new(t, v, item)
}

/// `*Alias` is one `Unpack[Alias]`.
fn iter(t: &Thread, v: &Value) -> Res {
    let unpacked = super::unpack(t, v)?;
    ops::iter(t, &tuple::from_array(t, [unpacked])?)
}
