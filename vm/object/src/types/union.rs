//! typing.Union (types.UnionType): `int | str`.

use crate::attr;
use crate::call;
use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::names::n;
use crate::native::{MethodDef, def, getter};
use crate::ops::{self, CompareOp};
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::tuple::{self, Tuple};
use crate::ty::{TypeDef, TypeObject, flag, type_of};
use crate::types::generic_alias::{self, GenericAlias};
use crate::types::singletons::NONE_TYPE;
use crate::value::Value;

/// A union of types.
#[repr(C)]
pub struct Union {
    pub(crate) header: Header,
    args: Slot,
    parameters: Slot,
}

crate::payload!(Union => UNION {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.args.peek());
            visit(self.parameters.peek());
        }
    }
});

/// typing.Union.
pub static UNION: TypeDef = TypeDef {
    name: "typing.Union",
    doc: "Represent a union type\n\nE.g. for int | str",
    id: ids::UNION,
    flags: flag::NO_NEW | flag::WEAKREFS,
    slots: Slots {
        repr: Some(repr),
        hash: Some(hash),
        compare: Some(compare),
        or: Some(or),
        getitem: Some(substitute),
        getattr: Some(get_attr),
        ..Slots::NONE
    },
    methods: METHODS,
    getset: &[
        getter("__name__", |t, _| strs::new(t, "Union"), "Name of the type"),
        getter("__qualname__", |t, _| strs::new(t, "Union"), "Qualified name of the type"),
        getter("__origin__", |_, _| Ok(UNION.ty().value()), "Always returns the type"),
        getter("__args__", |_, v| Ok(v.expect::<Union>().args.get()), ""),
        getter("__parameters__", parameters, "Type variables in the types.UnionType."),
    ],
    ..TypeDef::of::<Union>()
};

const METHODS: &[MethodDef] = &[
    def("__mro_entries__", "($self, bases, /)", no_subclass, ""),
    def("__class_getitem__", "($type, params, /)", class_getitem, "").class(),
];

/// The members of a union.
pub fn members(v: &Value) -> Option<Vec<Value>> {
    let args = v.downcast::<Union>()?.args.get();
    args.downcast::<Tuple>().map(|a| a.items().to_vec())
}

/// The union of `items`: flattened, without repetitions; a single type is itself.
pub fn from_items(t: &Thread, items: &[Value]) -> Res {
    let mut out: Vec<Value> = Vec::new();
    for item in items {
        for member in members(item).unwrap_or_else(|| vec![item.clone()]) {
            let member = if member.is_none() { NONE_TYPE.ty().value() } else { member };
            t.poll()?;
            if !has(t, &out, &member)? {
                out.push(member);
            }
        }
    }
    match &out[..] {
        [] => Err(error::type_error(t, "Cannot take a Union of no types.")),
        [one] => Ok(one.clone()),
        _ => {
            let args = tuple::from_vec(t, out)?;
            payload::new(t, |header| Union { header, args: Slot::new(args), parameters: Slot::empty() })
        }
    }
}

/// Whether a list has an equal member: types whose metaclass has no `==` of its own by identity, anything else by `==`,
/// aliases of different kinds apart.
fn has(t: &Thread, list: &[Value], v: &Value) -> Res<bool> {
    for x in list {
        if x.is(v) {
            return Ok(true);
        }
        let plain = |v: &Value| v.downcast::<TypeObject>().is_some() && compares_as_types(type_of(v));
        if plain(x) || plain(v) {
            continue;
        }
        if std::ptr::eq(type_of(x), type_of(v)) && ops::eq(t, x, v)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a metaclass leaves `==` to `type`.
fn compares_as_types(meta: &TypeObject) -> bool {
    match (meta.slots().compare, crate::types::type_::TYPE.ty().slots().compare) {
        (Some(own), Some(usual)) => std::ptr::fn_addr_eq(own, usual),
        (own, usual) => own.is_none() == usual.is_none(),
    }
}

fn unionable(v: &Value) -> bool {
    v.is_none()
        || v.downcast::<TypeObject>().is_some()
        || v.downcast::<GenericAlias>().is_some()
        || v.downcast::<Union>().is_some()
        || type_of(v).short_name() == "TypeAliasType"
}

/// `a | b` of types.
pub fn or(t: &Thread, a: &Value, b: &Value) -> Res {
    if !unionable(a) || !unionable(b) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    from_items(t, &[a.clone(), b.clone()])
}

fn class_getitem(t: &Thread, a: &[Value]) -> Res {
    let items = match a[1].downcast::<Tuple>() {
        Some(items) => items.items().to_vec(),
        None => vec![a[1].clone()],
    };
    if items.is_empty() {
        return Err(error::type_error(t, "Cannot take a Union of no types."));
    }
    checked(t, &items)
}

/// The union of `items`, which the library checks as far as they are not plain types.
pub fn checked(t: &Thread, items: &[Value]) -> Res {
    let mut checked = Vec::with_capacity(items.len());
    for item in items {
        if unionable(item) {
            checked.push(item.clone());
            continue;
        }
        let typing = (t.hooks.import)(t, "typing")?;
        let check = attr::get_text(t, &typing, "_type_check")?;
        let message = strs::new(t, "Union[arg, ...]: each arg must be a type.")?;
        checked.push(call::call(t, &check, &[item.clone(), message])?);
    }
    from_items(t, &checked)
}

fn no_subclass(t: &Thread, a: &[Value]) -> Res {
    let shown = ops::repr_text(t, &a[0])?;
    Err(error::type_error(t, format_args!("Cannot subclass {shown}")))
}

fn parameters(t: &Thread, v: &Value) -> Res {
    let u = v.expect::<Union>();
    if u.parameters.is_absent() {
        let found = generic_alias::parameters_of(t, &u.args.get())?;
        u.parameters.set(&u.header, found);
    }
    Ok(u.parameters.get())
}

/// `(T | int)[str]`.
fn substitute(t: &Thread, v: &Value, item: &Value) -> Res {
    let args = generic_alias::substitute(t, v, &v.expect::<Union>().args.get(), &parameters(t, v)?, item)?;
    from_items(t, &args)
}

/// Its own attributes, and `__module__` of the type.
fn get_attr(t: &Thread, v: &Value, name: &Value) -> Res {
    if strs::eq_str(name, "__module__") {
        return attr::get(t, &UNION.ty().value(), n::__module__());
    }
    attr::generic_get(t, v, name)
}

fn repr(t: &Thread, v: &Value) -> Res {
    let mut parts = Vec::new();
    for m in members(v).unwrap_or_default() {
        parts.push(if m.is(&NONE_TYPE.ty().value()) { "None".to_string() } else { type_repr(t, &m)? });
    }
    strs::new(t, &parts.join(" | "))
}

/// How a type is shown inside an alias or union.
pub fn type_repr(t: &Thread, v: &Value) -> Res<String> {
    t.check_stack("while getting the repr of an object")?;
    if v.is_ellipsis() {
        return Ok("...".to_string());
    }
    let has = |name: &Value| attr::get_opt(t, v, name);
    if has(n::__origin__())?.is_some() && has(n::__args__())?.is_some() {
        return ops::repr_text(t, v);
    }
    let (Some(qualname), Some(module)) = (has(n::__qualname__())?, has(n::__module__())?) else {
        return ops::repr_text(t, v);
    };
    let text = |v: &Value| v.downcast::<Str>().map(Str::to_lossy);
    if module.is_none() {
        return ops::repr_text(t, v);
    }
    match (text(&module), text(&qualname)) {
        (Some(module), Some(qualname)) if module == "builtins" => Ok(qualname),
        (Some(module), Some(qualname)) => Ok(format!("{module}.{qualname}")),
        _ => ops::repr_text(t, v),
    }
}

/// Independent of the order of the members.
fn hash(t: &Thread, v: &Value) -> Res<i64> {
    let mut h = 0x5a5a_1234i64;
    for m in members(v).unwrap_or_default() {
        let x = ops::hash(t, &m)?;
        h ^= (x ^ (x << 16) ^ 89_869_747).wrapping_mul(3_644_798_167);
    }
    Ok(if h == -1 { -2 } else { h })
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let (Some(x), Some(y)) = (members(a), members(b)) else { return Ok(Value::NOT_IMPLEMENTED) };
    if !matches!(op, CompareOp::Eq | CompareOp::Ne) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let mut same = x.len() == y.len();
    for v in &x {
        same = same && has(t, &y, v)?;
    }
    Ok(Value::bool(same == (op == CompareOp::Eq)))
}
