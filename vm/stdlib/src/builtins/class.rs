//! `__build_class__`: the class statement.

use typhon_interp::function::Function;
use typhon_object::args::{ArgBuffer, Args};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::names::n;
use typhon_object::strs::Str;
use typhon_object::types::cell::Cell;
use typhon_object::types::type_;
use typhon_object::{Thread, TypeObject, Value, attr, call, ops, strs, tuple, type_of};

/// `__build_class__(func, name, /, *bases, metaclass=None, **kwds)`.
pub(super) fn build(t: &Thread, a: Args<'_>) -> Res {
    let position = a.positional();
    let [body, name, given @ ..] = position else {
        return Err(error::type_error(t, "__build_class__: not enough arguments"));
    };
    if body.downcast::<Function>().is_none() {
        return Err(error::type_error(t, "__build_class__: func must be a function"));
    }
    if name.downcast::<Str>().is_none() {
        return Err(error::type_error(t, "__build_class__: name is not a string"));
    }
    let original = tuple::new(t, given)?;
    let bases = match resolve_bases(t, given)? {
        Some(items) => tuple::from_vec(t, items)?,
        None => original.clone(),
    };
    let mut meta = a.keyword("metaclass").cloned();
    let keywords: Vec<(Value, Value)> =
        a.keywords().filter(|(k, _)| !strs::eq_str(k, "metaclass")).map(|(k, v)| (k.clone(), v.clone())).collect();
    let explicit = meta.is_some();
    if meta.is_none() {
        let first = bases.expect::<tuple::Tuple>().items().first().cloned();
        meta = Some(first.map_or_else(|| type_::TYPE.ty().value(), |b| type_of(&b).value()));
    }
    let Some(mut meta) = meta else { return Err(error::system_error(t, "no metaclass")) };
    if meta.downcast::<TypeObject>().is_some() {
        meta = most_derived(t, meta, &bases)?;
    }
    let names: Vec<Value> = keywords.iter().map(|(k, _)| k.clone()).collect();
    let with_keywords = |first: &[Value]| -> ArgBuffer {
        first.iter().cloned().chain(keywords.iter().map(|(_, v)| v.clone())).collect()
    };
    let namespace = match attr::get_opt(t, &meta, n::__prepare__())? {
        Some(prepare) => {
            let args = with_keywords(&[name.clone(), bases.clone()]);
            call::call_args(t, &prepare, Args { values: &args, names: &names })?
        }
        None => Dict::create(t),
    };
    if namespace.downcast::<Dict>().is_none() && type_of(&namespace).slots().setitem.is_none() {
        let what = match meta.downcast::<TypeObject>() {
            Some(ty) => ty.name(),
            None => "<metaclass>".to_owned(),
        };
        let _ = explicit;
        let ty = type_of(&namespace).name();
        return Err(error::type_error(t, format_args!("{what}.__prepare__() must return a mapping, not {ty}")));
    }
    let cell = typhon_interp::call::run_code(t, body, Some(&namespace))?;
    if !bases.is(&original) {
        ops::setitem(t, &namespace, n::__orig_bases__(), &original)?;
    }
    let args = with_keywords(&[name.clone(), bases, namespace]);
    let class = call::call_args(t, &meta, Args { values: &args, names: &names })?;
    check_cell(t, &cell, &class, name)?;
    Ok(class)
}

fn check_cell(t: &Thread, cell: &Value, class: &Value, name: &Value) -> Res<()> {
    let (Some(cell), true) = (cell.downcast::<Cell>(), class.downcast::<TypeObject>().is_some()) else { return Ok(()) };
    let inside = cell.get();
    if inside.is(class) {
        return Ok(());
    }
    let (name, class) = (ops::repr_text(t, name)?, ops::repr_text(t, class)?);
    if inside.is_absent() {
        return Err(error::runtime_error(
            t,
            format_args!("__class__ not set defining {name} as {class}. Was __classcell__ propagated to type.__new__?"),
        ));
    }
    let inside = ops::repr_text(t, &inside)?;
    Err(error::type_error(t, format_args!("__class__ set to {inside} defining {name} as {class}")))
}

/// Bases with `__mro_entries__` replaced; `None` if there are none of those.
fn resolve_bases(t: &Thread, given: &[Value]) -> Res<Option<Vec<Value>>> {
    let mut out: Option<Vec<Value>> = None;
    for (i, base) in given.iter().enumerate() {
        let entries =
            if base.downcast::<TypeObject>().is_some() { None } else { attr::get_opt(t, base, n::__mro_entries__())? };
        match entries {
            None => {
                if let Some(out) = &mut out {
                    out.push(base.clone());
                }
            }
            Some(f) => {
                let all = tuple::new(t, given)?;
                let more = call::call1(t, &f, &all)?;
                let Some(more) = more.downcast::<tuple::Tuple>() else {
                    return Err(error::type_error(t, "__mro_entries__ must return a tuple"));
                };
                out.get_or_insert_with(|| given[..i].to_vec()).extend(more.items().iter().cloned());
            }
        }
    }
    Ok(out)
}

/// The metaclass that all bases agree on.
fn most_derived(t: &Thread, meta: Value, bases: &Value) -> Res {
    let mut winner = meta;
    for base in bases.expect::<tuple::Tuple>().items() {
        let ty = type_of(base);
        let Some(w) = winner.downcast::<TypeObject>() else { break };
        if w.is_subtype(ty) {
            continue;
        }
        if ty.is_subtype(w) {
            let next = ty.value();
            winner = next;
            continue;
        }
        return Err(error::type_error(
            t,
            "metaclass conflict: the metaclass of a derived class must be a (non-strict) subclass of the metaclasses of all its bases",
        ));
    }
    Ok(winner)
}
