//! types.GenericAlias: `list[int]`.

use crate::args::Args;
use crate::attr;
use crate::call;
use crate::dict::Dict;
use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::list::List;
use crate::names::{self, n};
use crate::native::{MethodDef, def, getter};
use crate::ops::{self, CompareOp};
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::strs;
use crate::thread::Thread;
use crate::tuple::{self, Tuple};
use crate::ty::{TypeDef, TypeObject, flag, type_of};
use crate::types::exceptions::{ATTRIBUTE_ERROR, TYPE_ERROR};
use crate::types::{generic_alias_iter, union};
use crate::value::Value;
use std::cell::Cell;

/// `origin[args]`.
#[repr(C)]
pub struct GenericAlias {
    pub(crate) header: Header,
    pub(crate) origin: Slot,
    pub(crate) args: Slot,
    parameters: Slot,
    /// Unpacked: `*tuple[int, ...]`.
    starred: Cell<bool>,
}

crate::payload!(GenericAlias => GENERIC_ALIAS {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.origin.peek());
            visit(self.args.peek());
            visit(self.parameters.peek());
        }
    }
});

/// types.GenericAlias.
pub static GENERIC_ALIAS: TypeDef = TypeDef {
    name: "types.GenericAlias",
    doc: "Represent a PEP 585 generic type\n\nE.g. for t = list[int], t.__origin__ is list and t.__args__ is (int,).",
    signature: "(origin, args, /)",
    id: ids::GENERIC_ALIAS,
    flags: flag::BASETYPE | flag::WEAKREFS,
    slots: Slots {
        new: Some(make),
        repr: Some(repr),
        hash: Some(hash),
        compare: Some(compare),
        call: Some(call_alias),
        getattr: Some(get_attr),
        getitem: Some(getitem),
        iter: Some(generic_alias_iter::new),
        or: Some(union::or),
        ..Slots::NONE
    },
    methods: METHODS,
    getset: &[
        getter("__origin__", |_, v| Ok(me(v).origin.get()), ""),
        getter("__args__", |_, v| Ok(me(v).args.get()), ""),
        getter("__unpacked__", |_, v| Ok(Value::bool(me(v).starred.get())), ""),
        getter("__parameters__", parameters, "Type variables in the GenericAlias."),
        getter("__typing_unpacked_tuple_args__", unpacked_args, ""),
    ],
    ..TypeDef::of::<GenericAlias>()
};

const METHODS: &[MethodDef] = &[
    def("__mro_entries__", "($self, bases, /)", |t, a| tuple::from_array(t, [me(&a[0]).origin.get()]), ""),
    def("__instancecheck__", "($self, instance, /)", |t, _| parameterized(t, "isinstance"), ""),
    def("__subclasscheck__", "($self, subclass, /)", |t, _| parameterized(t, "issubclass"), ""),
    def("__reduce__", "($self, /)", reduce, ""),
    def("__dir__", "($self, /)", dir, ""),
];

/// Attributes that are the alias's own; every other one is its origin's.
const OWN: &[&str] = &[
    "__class__",
    "__origin__",
    "__args__",
    "__unpacked__",
    "__parameters__",
    "__typing_unpacked_tuple_args__",
    "__mro_entries__",
    "__reduce_ex__",
    "__reduce__",
];
/// Attributes that neither has.
const BLOCKED: &[&str] = &["__bases__", "__copy__", "__deepcopy__"];

fn me(v: &Value) -> &GenericAlias {
    v.expect::<GenericAlias>()
}

/// `origin[item]`.
pub fn new(t: &Thread, origin: &Value, item: &Value) -> Res {
    with(t, GENERIC_ALIAS.ty(), origin, item, false)
}

fn with(t: &Thread, class: &TypeObject, origin: &Value, item: &Value, starred: bool) -> Res {
    let args =
        if item.downcast::<Tuple>().is_some() { item.clone() } else { tuple::new(t, std::slice::from_ref(item))? };
    payload::new_of(t, class, |header| GenericAlias {
        header,
        origin: Slot::new(origin.clone()),
        args: Slot::new(args),
        parameters: Slot::empty(),
        starred: Cell::new(starred),
    })
}

fn make(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    args.no_keywords(t, "GenericAlias")?;
    let a = args.expect_positional(t, "GenericAlias", 2, 2)?;
    with(t, class.expect::<TypeObject>(), &a[0], &a[1], false)
}

fn parameterized(t: &Thread, function: &str) -> Res {
    Err(error::type_error(t, format_args!("{function}() argument 2 cannot be a parameterized generic")))
}

fn items(v: &Value) -> Vec<Value> {
    v.downcast::<Tuple>().map(|a| a.items().to_vec()).unwrap_or_default()
}

fn repr(t: &Thread, v: &Value) -> Res {
    let a = me(v);
    let mut parts = Vec::new();
    for arg in items(&a.args.get()) {
        parts.push(match arg.downcast::<List>() {
            // The parameter list of a Callable-like alias.
            Some(list) => {
                let item = |i| match list.get(i) {
                    Some(x) => union::type_repr(t, &x),
                    // A repr has shortened the list.
                    None => Err(error::index_error(t, "list index out of range")),
                };
                let inner: Vec<String> = (0..list.len()).map(item).collect::<Res<_>>()?;
                format!("[{}]", inner.join(", "))
            }
            None => union::type_repr(t, &arg)?,
        });
    }
    let inner = if parts.is_empty() { "()".to_string() } else { parts.join(", ") };
    let star = if a.starred.get() { "*" } else { "" };
    strs::new(t, &format!("{star}{}[{inner}]", union::type_repr(t, &a.origin.get())?))
}

fn hash(t: &Thread, v: &Value) -> Res<i64> {
    let a = me(v);
    Ok(ops::hash(t, &a.origin.get())? ^ ops::hash(t, &a.args.get())?)
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let (Some(x), Some(y)) = (a.downcast::<GenericAlias>(), b.downcast::<GenericAlias>()) else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    if !matches!(op, CompareOp::Eq | CompareOp::Ne) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let same = x.starred.get() == y.starred.get()
        && ops::eq(t, &x.origin.get(), &y.origin.get())?
        && ops::eq(t, &x.args.get(), &y.args.get())?;
    Ok(Value::bool(same == (op == CompareOp::Eq)))
}

/// Makes an instance of the origin, which remembers the alias if it can.
fn call_alias(t: &Thread, v: &Value, args: Args<'_>) -> Res {
    let made = call::call_args(t, &me(v).origin.get(), args)?;
    match attr::set(t, &made, n::__orig_class__(), Some(v)) {
        Err(e) if !e.is(&ATTRIBUTE_ERROR) && !e.is(&TYPE_ERROR) => Err(e),
        _ => Ok(made),
    }
}

fn get_attr(t: &Thread, v: &Value, name: &Value) -> Res {
    attr::check_name(t, name)?;
    let text = strs::display(name);
    if BLOCKED.contains(&text.as_str()) || OWN.contains(&text.as_str()) {
        return attr::generic_get(t, v, name);
    }
    if v.exact::<GenericAlias>().is_none()
        && let Some(found) = attr::generic_get_opt(t, v, name)?.filter(|_| !text.starts_with("__"))
    {
        return Ok(found);
    }
    attr::get(t, &me(v).origin.get(), name)
}

/// `*tuple[int, ...]` is one starred alias.
/// The unpacked form of an alias.
pub(super) fn starred(t: &Thread, v: &Value) -> Res {
    let a = me(v);
    with(t, GENERIC_ALIAS.ty(), &a.origin.get(), &a.args.get(), true)
}

fn unpacked_args(_: &Thread, v: &Value) -> Res {
    let a = me(v);
    let origin = a.origin.get();
    if a.starred.get() && origin.is(&crate::types::tuple_::TUPLE.ty().value()) {
        return Ok(a.args.get());
    }
    Ok(Value::NONE)
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let alias = me(&a[0]);
    if alias.starred.get() {
        let plain = with(t, GENERIC_ALIAS.ty(), &alias.origin.get(), &alias.args.get(), false)?;
        let builtins = (t.hooks.import)(t, "builtins")?;
        let next = attr::get(t, &builtins, n::next())?;
        let it = ops::iter(t, &plain)?;
        let args = tuple::from_array(t, [it])?;
        return tuple::from_array(t, [next, args]);
    }
    let args = tuple::from_array(t, [alias.origin.get(), alias.args.get()])?;
    tuple::from_array(t, [type_of(&a[0]).value(), args])
}

fn dir(t: &Thread, a: &[Value]) -> Res {
    let names = Dict::create(t);
    let out = Dict::of(&names);
    let origin = me(&a[0]).origin.get();
    if let Some(list) = call::special(t, &origin, n::__dir__(), &[]) {
        for name in ops::collect(t, &list?)? {
            out.set(t, &name, &Value::NONE)?;
        }
    }
    for name in OWN {
        out.set(t, &names::intern_text(t, name), &Value::NONE)?;
    }
    List::from_vec(t, out.keys())
}

fn parameters(t: &Thread, v: &Value) -> Res {
    let a = me(v);
    if a.parameters.is_absent() {
        let found = parameters_of(t, &a.args.get())?;
        a.parameters.set(&a.header, found);
    }
    Ok(a.parameters.get())
}

/// The type variables in a tuple of arguments, each once, in order.
pub(super) fn parameters_of(t: &Thread, args: &Value) -> Res {
    let mut out = Vec::new();
    collect_parameters(t, args, &mut out)?;
    tuple::from_vec(t, out)
}

fn collect_parameters(t: &Thread, args: &Value, out: &mut Vec<Value>) -> Res<()> {
    t.check_stack("in __parameters__")?;
    let mut add = |v: Value| {
        if !out.iter().any(|x| x.is(&v)) {
            out.push(v);
        }
    };
    for arg in ops::collect(t, args)? {
        if arg.downcast::<TypeObject>().is_some() {
            continue;
        }
        if attr::get_opt(t, &arg, n::__typing_subst__())?.is_some() {
            add(arg);
        } else if arg.downcast::<Tuple>().is_some() || arg.downcast::<List>().is_some() {
            let inner = parameters_of(t, &arg)?;
            items(&inner).into_iter().for_each(&mut add);
        } else if let Some(inner) = attr::get_opt(t, &arg, n::__parameters__())? {
            items(&inner).into_iter().for_each(&mut add);
        }
    }
    Ok(())
}

fn getitem(t: &Thread, v: &Value, item: &Value) -> Res {
    let a = me(v);
    let args = substitute(t, v, &a.args.get(), &parameters(t, v)?, item)?;
    let args = tuple::from_vec(t, args)?;
    with(t, GENERIC_ALIAS.ty(), &a.origin.get(), &args, a.starred.get())
}

/// The arguments with `item` put in for the type variables `params`.
pub(super) fn substitute(t: &Thread, this: &Value, args: &Value, params: &Value, item: &Value) -> Res<Vec<Value>> {
    let params = items(params);
    if params.is_empty() {
        let shown = ops::repr_text(t, this)?;
        return Err(error::type_error(t, format_args!("{shown} is not a generic class")));
    }
    let mut item = unpack(t, item)?;
    for param in &params {
        if let Some(prepare) = attr::get_opt(t, param, n::__typing_prepare_subst__())?.filter(|p| !p.is_none()) {
            item = call::call(t, &prepare, &[this.clone(), item])?;
        }
    }
    let given = if item.downcast::<Tuple>().is_some() { items(&item) } else { vec![item] };
    if given.len() != params.len() {
        let (much, shown) = (if given.len() > params.len() { "many" } else { "few" }, ops::repr_text(t, this)?);
        let (n, m) = (given.len(), params.len());
        return Err(error::type_error(t, format_args!("Too {much} arguments for {shown}; actual {n}, expected {m}")));
    }
    replace(t, args, &params, &given)
}

/// The items of a subscript, with `*tuple[...]` among them unpacked.
fn unpack(t: &Thread, item: &Value) -> Res {
    let list = if item.downcast::<Tuple>().is_some() { items(item) } else { vec![item.clone()] };
    let mut out = Vec::new();
    for v in list {
        let inner = match v.downcast::<TypeObject>() {
            Some(_) => None,
            None => {
                attr::get_opt(t, &v, n::__typing_unpacked_tuple_args__())?.filter(|x| x.downcast::<Tuple>().is_some())
            }
        };
        match inner.map(|x| items(&x)) {
            Some(inner) if !inner.last().is_some_and(Value::is_ellipsis) => out.extend(inner),
            _ => out.push(v),
        }
    }
    tuple::from_vec(t, out)
}

fn replace(t: &Thread, args: &Value, params: &[Value], given: &[Value]) -> Res<Vec<Value>> {
    t.check_stack("in generic substitution")?;
    let mut out = Vec::new();
    for arg in ops::collect(t, args)? {
        if arg.downcast::<TypeObject>().is_some() {
            out.push(arg);
            continue;
        }
        if arg.downcast::<Tuple>().is_some() || arg.downcast::<List>().is_some() {
            let inner = replace(t, &arg, params, given)?;
            out.push(if arg.downcast::<List>().is_some() {
                List::from_vec(t, inner)?
            } else {
                tuple::from_vec(t, inner)?
            });
            continue;
        }
        let spread = match attr::get_opt(t, &arg, n::__typing_is_unpacked_typevartuple__())? {
            Some(is) => ops::truth(t, &is)?,
            None => false,
        };
        let new = match attr::get_opt(t, &arg, n::__typing_subst__())? {
            Some(subst) => match params.iter().position(|p| p.is(&arg)) {
                Some(i) => call::call1(t, &subst, &given[i])?,
                None => arg.clone(),
            },
            None => replace_inside(t, &arg, params, given)?,
        };
        if spread && new.downcast::<Tuple>().is_some() {
            out.extend(items(&new));
        } else {
            out.push(new);
        }
    }
    Ok(out)
}

/// Subscripts an argument that is generic itself with what belongs to its own parameters.
fn replace_inside(t: &Thread, arg: &Value, params: &[Value], given: &[Value]) -> Res {
    let inner = attr::get_opt(t, arg, n::__parameters__())?.map(|p| items(&p)).unwrap_or_default();
    if inner.is_empty() {
        return Ok(arg.clone());
    }
    let mut sub = Vec::new();
    for param in inner {
        match params.iter().position(|p| p.is(&param)) {
            Some(i) if type_of(&param).short_name() == "TypeVarTuple" && given[i].downcast::<Tuple>().is_some() => {
                sub.extend(items(&given[i]));
            }
            Some(i) => sub.push(given[i].clone()),
            None => sub.push(param),
        }
    }
    ops::getitem(t, arg, &tuple::from_vec(t, sub)?)
}
