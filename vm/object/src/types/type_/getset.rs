//! Computed attributes of classes: `__name__`, `__bases__`, `__annotations__` and the rest.

use super::make;
use crate::call;
use crate::convert;
use crate::dict::Dict;
use crate::error::{self, Res};
use crate::names::n;
use crate::native::{GetSetDef, getset, getter};
use crate::ops;
use crate::process;
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::ty::{TypeObject, flag, type_of};
use crate::types::mapping_proxy;
use crate::value::Value;
use crate::{attr, names};

pub(super) const TABLE: &[GetSetDef] = &[
    getset("__name__", |t, v| strs::new(t, &class(v).short_name()), set_name, ""),
    getset("__qualname__", |_, v| Ok(class(v).qualname.get()), set_qualname, ""),
    getset("__bases__", |_, v| Ok(class(v).bases()), set_bases, ""),
    getter("__base__", |_, v| Ok(class(v).base.get().present().unwrap_or(Value::NONE)), ""),
    getter("__mro__", |_, v| Ok(class(v).mro().present().unwrap_or(Value::NONE)), ""),
    getset("__module__", module, set_module, ""),
    getset("__abstractmethods__", abstract_methods, set_abstract_methods, ""),
    getter("__dict__", |t, v| mapping_proxy::new(t, &class(v).dict.get()), ""),
    getset("__doc__", doc, set_doc, ""),
    getter("__text_signature__", text_signature, ""),
    getset("__annotations__", annotations, set_annotations, ""),
    getset("__annotate__", annotate, set_annotate, ""),
    getset("__type_params__", type_params, set_type_params, ""),
    getter("__basicsize__", basic_size, ""),
    getter("__itemsize__", item_size, ""),
    getter("__dictoffset__", |_, v| Ok(convert::from_usize(class(v).dict_offset.get())), ""),
    getter("__weakrefoffset__", |_, v| Ok(Value::small(if class(v).has_flag(flag::WEAKREFS) { 8 } else { 0 })), ""),
    getter("__flags__", flags, ""),
];

fn class(v: &Value) -> &TypeObject {
    v.expect::<TypeObject>()
}

/// TypeError if the class cannot be changed or the attribute is being deleted; the new value otherwise.
fn special<'a>(t: &Thread, ty: &TypeObject, name: &str, value: Option<&'a Value>) -> Res<&'a Value> {
    if ty.has_flag(flag::IMMUTABLE) {
        let ty = ty.name();
        return Err(error::type_error(t, format_args!("cannot set '{name}' attribute of immutable type '{ty}'")));
    }
    match value {
        Some(v) => Ok(v),
        None => {
            let ty = ty.name();
            Err(error::type_error(t, format_args!("cannot delete '{name}' attribute of immutable type '{ty}'")))
        }
    }
}

fn set_name(t: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    let ty = class(v);
    let value = special(t, ty, "__name__", value)?;
    let Some(s) = value.downcast::<Str>() else {
        let (ty, got) = (ty.name(), type_of(value).name());
        return Err(error::type_error(t, format_args!("can only assign string to {ty}.__name__, not '{got}'")));
    };
    if s.units().iter().any(|c| c == 0) {
        return Err(error::value_error(t, "type name must not contain null characters"));
    }
    let text = convert::to_text(t, value, "__name__", "value")?;
    // Others may be reading it, to word an error.
    t.alone(|| ty.set_name(text.into()));
    Ok(())
}

fn set_qualname(t: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    let ty = class(v);
    let value = special(t, ty, "__qualname__", value)?;
    if value.downcast::<Str>().is_none() {
        let (ty, got) = (ty.name(), type_of(value).name());
        return Err(error::type_error(t, format_args!("can only assign string to {ty}.__qualname__, not '{got}'")));
    }
    ty.qualname.set(&ty.header, value.clone());
    Ok(())
}

fn set_bases(t: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    let value = special(t, class(v), "__bases__", value)?;
    make::set_bases(t, class(v), value)
}

fn module(t: &Thread, v: &Value) -> Res {
    let ty = class(v);
    if ty.is_heap_type() {
        return match ty.dict().get_str(n::__module__()) {
            Some(m) => Ok(m),
            None => Err(error::attribute_error(t, v, n::__module__(), "__module__")),
        };
    }
    match ty.def().name.rsplit_once('.') {
        Some((module, _)) => Ok(names::intern_text(t, module)),
        None => Ok(n::builtins().clone()),
    }
}

fn set_module(t: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    let ty = class(v);
    let value = special(t, ty, "__module__", value)?;
    ty.dict().set_str(t, n::__module__(), value.clone())?;
    ty.dict().remove(t, n::__firstlineno__())?;
    Ok(())
}

fn abstract_methods(t: &Thread, v: &Value) -> Res {
    // `type` itself has this descriptor in its dict, not a set of names.
    let found = if v.bits() == std::ptr::from_ref(super::TYPE.ty()) as u64 {
        None
    } else {
        class(v).dict().get_str(n::__abstractmethods__())
    };
    found.ok_or_else(|| error::attribute_error(t, v, n::__abstractmethods__(), "__abstractmethods__"))
}

fn set_abstract_methods(t: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    let ty = class(v);
    let on = match value {
        Some(names) => {
            let on = ops::truth(t, names)?;
            ty.dict().set_str(t, n::__abstractmethods__(), names.clone())?;
            on
        }
        None => {
            if ty.dict().remove(t, n::__abstractmethods__())?.is_none() {
                return Err(error::attribute_error(t, v, n::__abstractmethods__(), "__abstractmethods__"));
            }
            false
        }
    };
    ty.set_flag(flag::ABSTRACT, on);
    Ok(())
}

fn doc(t: &Thread, v: &Value) -> Res {
    let ty = class(v);
    if !ty.is_heap_type() {
        return if ty.def().doc.is_empty() { Ok(Value::NONE) } else { strs::new(t, ty.def().doc) };
    }
    match ty.dict().get_str(n::__doc__()) {
        Some(found) => match type_of(&found).slots().get {
            Some(get) => get(t, &found, None, Some(v)),
            None => Ok(found),
        },
        None => Ok(Value::NONE),
    }
}

fn set_doc(t: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    let value = special(t, class(v), "__doc__", value)?;
    class(v).dict().set_str(t, n::__doc__(), value.clone())
}

fn text_signature(t: &Thread, v: &Value) -> Res {
    match class(v).def().signature {
        s if !s.is_empty() && !class(v).is_heap_type() => strs::new(t, s),
        _ => Ok(Value::NONE),
    }
}

/// What the class's own dict has under a name, bound to the class.
fn own_attribute(t: &Thread, v: &Value, name: &Value) -> Res<Option<Value>> {
    let Some(found) = class(v).dict().get_str(name) else { return Ok(None) };
    match type_of(&found).slots().get {
        Some(get) => get(t, &found, None, Some(v)).map(Some),
        None => Ok(Some(found)),
    }
}

fn needs_heap(t: &Thread, v: &Value, name: &Value) -> Res<()> {
    if class(v).is_heap_type() { Ok(()) } else { Err(error::no_attribute(t, v, name)) }
}

/// `__annotations__`: what the class body stored, or what `__annotate__` makes of the value format, kept.
fn annotations(t: &Thread, v: &Value) -> Res {
    needs_heap(t, v, n::__annotations__())?;
    for name in [n::__annotations__(), n::__annotations_cache__()] {
        if let Some(found) = own_attribute(t, v, name)? {
            return Ok(found);
        }
    }
    let annotate = attr::get(t, v, n::__annotate__())?;
    let made = if call::is_callable(&annotate) {
        let made = call::call1(t, &annotate, &Value::small(1))?;
        if made.downcast::<Dict>().is_none() {
            let got = type_of(&made).name();
            return Err(error::type_error(t, format_args!("__annotate__ returned non-dict of type '{got}'")));
        }
        made
    } else {
        Dict::create(t)
    };
    t.alone(|| {
        class(v).dict().set_str(t, n::__annotations_cache__(), made.clone())?;
        class(v).modified(t);
        Ok(())
    })?;
    Ok(made)
}

fn set_annotations(t: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    let ty = class(v);
    if ty.has_flag(flag::IMMUTABLE) {
        let name = ty.name();
        return Err(error::type_error(
            t,
            format_args!("cannot set '__annotations__' attribute of immutable type '{name}'"),
        ));
    }
    t.alone(|| store_annotations(t, v, ty, value))
}

fn store_annotations(t: &Thread, v: &Value, ty: &TypeObject, value: Option<&Value>) -> Res<()> {
    let dict = ty.dict();
    match value {
        Some(v) => {
            let own = dict.get_str(n::__annotations__()).is_some();
            let name = if own { n::__annotations__() } else { n::__annotations_cache__() };
            dict.set_str(t, name, v.clone())?;
        }
        None => {
            let gone = dict.remove(t, n::__annotations__())?.is_some()
                || dict.remove(t, n::__annotations_cache__())?.is_some();
            if !gone {
                return Err(error::attribute_error(t, v, n::__annotations__(), "__annotations__"));
            }
        }
    }
    dict.remove(t, n::__annotate_func__())?;
    dict.remove(t, n::__annotate__())?;
    ty.modified(t);
    Ok(())
}

fn annotate(t: &Thread, v: &Value) -> Res {
    needs_heap(t, v, n::__annotate__())?;
    // One that the class body defines itself comes first.
    for name in [n::__annotate__(), n::__annotate_func__()] {
        if let Some(found) = own_attribute(t, v, name)? {
            return Ok(found);
        }
    }
    t.alone(|| {
        class(v).dict().set_str(t, n::__annotate_func__(), Value::NONE)?;
        class(v).modified(t);
        Ok(Value::NONE)
    })
}

fn set_annotate(t: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    let Some(value) = value else { return Err(error::type_error(t, "cannot delete __annotate__ attribute")) };
    let ty = class(v);
    if ty.has_flag(flag::IMMUTABLE) {
        let name = ty.name();
        return Err(error::type_error(
            t,
            format_args!("cannot set '__annotate__' attribute of immutable type '{name}'"),
        ));
    }
    if !value.is_none() && !call::is_callable(value) {
        return Err(error::type_error(t, "__annotate__ must be callable or None"));
    }
    t.alone(|| {
        ty.dict().set_str(t, n::__annotate_func__(), value.clone())?;
        if !value.is_none() {
            ty.dict().remove(t, n::__annotations_cache__())?;
        }
        ty.modified(t);
        Ok(())
    })
}

fn type_params(_: &Thread, v: &Value) -> Res {
    let found = if class(v).is_heap_type() { class(v).dict().get_str(n::__type_params__()) } else { None };
    Ok(found.unwrap_or_else(|| process::empty_tuple().clone()))
}

fn set_type_params(t: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    let value = special(t, class(v), "__type_params__", value)?;
    class(v).dict().set_str(t, n::__type_params__(), value.clone())
}

/// For ints CPython's number: `__sizeof__` counts their digits as CPython does, too.
fn basic_size(_: &Thread, v: &Value) -> Res {
    const INT_HEAD: usize = 24;
    let ty = class(v);
    let head = if ty.has_flag(flag::INT) { INT_HEAD } else { ty.def().size };
    Ok(convert::from_usize(head + (ty.basic_size() - ty.def().size)))
}

fn item_size(_: &Thread, v: &Value) -> Res {
    let ty = class(v);
    Ok(Value::small(if ty.has_flag(flag::BYTES) {
        1
    } else if ty.has_flag(flag::INT) {
        4
    } else if ty.has_flag(flag::TUPLE) {
        8
    } else if ty.has_flag(flag::TYPE) {
        40
    } else {
        0
    }))
}

/// `__flags__` with CPython's numbers, as far as programs look at them.
fn flags(_: &Thread, v: &Value) -> Res {
    const MAP: &[(u32, i64)] = &[
        (flag::IMMUTABLE, 1 << 8),
        (flag::HEAP, 1 << 9),
        (flag::BASETYPE, 1 << 10),
        (flag::SEQUENCE, 1 << 5),
        (flag::MAPPING, 1 << 6),
        (flag::NO_NEW, 1 << 7),
        (flag::METHOD_DESCRIPTOR, 1 << 17),
        (flag::ABSTRACT, 1 << 20),
        (flag::MATCH_SELF, 1 << 22),
        (flag::INT, 1 << 24),
        (flag::LIST, 1 << 25),
        (flag::TUPLE, 1 << 26),
        (flag::BYTES, 1 << 27),
        (flag::STR, 1 << 28),
        (flag::DICT, 1 << 29),
        (flag::EXCEPTION, 1 << 30),
        (flag::TYPE, 1 << 31),
    ];
    let ty = class(v);
    let gc = if ty.has_flag(flag::ATOMIC) { 0 } else { 1 << 14 };
    let (dict, inline) = (ty.is_heap_type() && ty.dict_offset.get() != 0, attr::inline_offset(ty, 0).is_some());
    let gc = gc | if dict { 1 << 4 } else { 0 } | if dict && inline && attr::inline_count(ty) > 0 { 1 << 2 } else { 0 };
    // CPython makes the types of its modules when they are imported, but for those of datetime.
    let name = ty.def().name;
    let made = !ty.is_heap_type() && name.contains('.') && !name.starts_with("datetime.");
    let gc = gc | if made { 1 << 9 } else { 0 };
    // Ready, and valid version tag.
    let bits = MAP.iter().filter(|(ours, _)| ty.has_flag(*ours)).fold(1 << 12 | gc, |acc, (_, theirs)| acc | theirs);
    Ok(Value::small(bits))
}

/// `type.mro`.
pub(super) fn mro_list(t: &Thread, v: &Value) -> Res {
    crate::list::List::from_vec(t, super::mro::c3(t, class(v))?)
}

/// The names of a class and its bases: `type.__dir__`.
pub(super) fn dir(t: &Thread, v: &Value) -> Res {
    let names = Dict::create(t);
    merge_class(t, Dict::of(&names), v)?;
    crate::list::List::from_vec(t, Dict::of(&names).keys())
}

/// Adds the names of a class and, after them, those of its bases.
pub(crate) fn merge_class(t: &Thread, out: &Dict, v: &Value) -> Res<()> {
    t.check_stack("in dir()")?;
    if let Some(dict) = attr::get_opt(t, v, n::__dict__())? {
        ops::for_each(t, &dict, |key| out.set(t, &key, &Value::NONE))?;
    }
    if let Some(bases) = attr::get_opt(t, v, n::__bases__())?
        && let Ok(items) = ops::collect(t, &bases)
    {
        for base in items {
            merge_class(t, out, &base)?;
        }
    }
    Ok(())
}

/// `type.__subclasses__`.
pub(super) fn subclasses(t: &Thread, v: &Value) -> Res {
    crate::list::List::from_vec(t, class(v).subclasses(t))
}

/// `type.__sizeof__`.
pub(super) fn size_of(v: &Value) -> Value {
    let own = if class(v).is_heap_type() { class(v).dict().table_bytes() } else { 0 };
    convert::from_usize(size_of_val(class(v)) + own)
}
