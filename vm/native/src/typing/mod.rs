//! _typing: type parameters, aliases and Generic.

mod alias;
mod evaluator;
mod generic;
pub mod intrinsic;
mod lazy;
mod no_default;
mod param_spec;
mod param_spec_attr;
mod type_var;
mod type_var_tuple;

use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::names::n;
use typhon_object::native::{ModuleDef, def};
use typhon_object::strs::Str;
use typhon_object::types::union::{self, UNION};
use typhon_object::{Thread, Value, attr, call, names, type_of};

/// _typing.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_typing",
    doc: "Primitives and accelerators for the typing module.\n",
    functions: &[def("_idfunc", "($module, x, /)", |_, a| Ok(a[0].clone()), "")],
    types: &[
        ("TypeVar", &type_var::TYPE_VAR),
        ("TypeVarTuple", &type_var_tuple::TYPE_VAR_TUPLE),
        ("ParamSpec", &param_spec::PARAM_SPEC),
        ("ParamSpecArgs", &param_spec_attr::ARGS),
        ("ParamSpecKwargs", &param_spec_attr::KWARGS),
        ("TypeAliasType", &alias::TYPE_ALIAS_TYPE),
        ("Generic", &generic::GENERIC),
        ("Union", &UNION),
        ("", &evaluator::EVALUATOR),
        ("", &no_default::NO_DEFAULT_TYPE),
    ],
    init: Some(|t, module| {
        let value = no_default::get(t)?;
        attr::set(t, module, &names::intern_text(t, "NoDefault"), Some(&value))
    }),
};

/// Calls a function of the library's `typing`.
fn library(t: &Thread, function: &str, args: &[Value]) -> Res {
    let typing = (t.hooks.import)(t, "typing")?;
    call::call(t, &attr::get_text(t, &typing, function)?, args)
}

/// `Unpack[v]`.
fn unpack(t: &Thread, v: &Value) -> Res {
    let typing = (t.hooks.import)(t, "typing")?;
    typhon_object::ops::getitem(t, &attr::get_text(t, &typing, "Unpack")?, v)
}

/// Checks that an argument can be a type, as the library does.
fn checked(t: &Thread, v: &Value, message: &str) -> Res {
    library(t, "_type_check", &[v.clone(), typhon_object::strs::new(t, message)?])
}

/// The name of the module whose code is running.
fn caller(t: &Thread) -> Value {
    let globals = (t.hooks.globals)(t);
    globals.downcast::<Dict>().and_then(|g| g.get_str(n::__name__())).unwrap_or(Value::NONE)
}

/// Remembers in which module a type parameter was made.
fn set_module(t: &Thread, v: &Value) -> Res<()> {
    attr::set(t, v, n::__module__(), Some(&caller(t)))
}

/// TypeError unless the argument `name` is a str.
fn check_str(t: &Thread, v: &Value, function: &str) -> Res<()> {
    if v.downcast::<Str>().is_some() {
        return Ok(());
    }
    let name = type_of(v).name();
    Err(error::type_error(t, format_args!("{function}() argument 'name' must be str, not {name}")))
}

/// The answer to a type parameter among the bases of a class.
fn no_subclass(t: &Thread, v: &Value) -> Res {
    let name = type_of(v).short_name();
    Err(error::type_error(t, format_args!("Cannot subclass an instance of {name}")))
}

/// `a | b` where one of them is a type parameter.
fn make_union(t: &Thread, a: &Value, b: &Value) -> Res {
    union::checked(t, &[a.clone(), b.clone()])
}

/// How a type parameter may vary.
#[derive(Clone, Copy, Default)]
struct Variance {
    covariant: bool,
    contravariant: bool,
    inferred: bool,
}

impl Variance {
    /// From a constructor's arguments.
    fn new(t: &Thread, covariant: &Value, contravariant: &Value, inferred: &Value) -> Res<Self> {
        let flag = |v: &Value| v.opt().map_or(Ok(false), |v| typhon_object::ops::truth(t, v));
        let made = Self { covariant: flag(covariant)?, contravariant: flag(contravariant)?, inferred: flag(inferred)? };
        if made.covariant && made.contravariant {
            return Err(error::value_error(t, "Bivariant types are not supported."));
        }
        if made.inferred && (made.covariant || made.contravariant) {
            return Err(error::value_error(t, "Variance cannot be specified with infer_variance."));
        }
        Ok(made)
    }

    /// The sign before a name in its repr.
    fn sign(self) -> &'static str {
        match self {
            Self { inferred: true, .. } => "",
            Self { covariant: true, .. } => "+",
            Self { contravariant: true, .. } => "-",
            _ => "~",
        }
    }
}
