//! Layout: which base decides what an instance looks like, and what a class adds to it.

use crate::dict::Dict;
use crate::error::{self, Res};
use crate::names::{self, n};
use crate::ops;
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::tuple::Tuple;
use crate::ty::{TypeObject, flag};
use crate::types::exceptions;
use crate::value::Value;

/// Fewest and most inline attribute slots of a class.
const INLINE_MIN: usize = 6;
const INLINE_MAX: usize = 30;

/// What a class adds to its base's layout.
pub(super) struct Layout {
    /// Mangled names of the class's own slots, sorted, with their offsets.
    pub own: Vec<(Value, usize)>,
    pub basic_size: usize,
    pub dict_offset: usize,
    pub inline_slots: u32,
    /// The class is the first to have a dict.
    pub adds_dict: bool,
    /// The class is the first to allow weak references.
    pub adds_weak: bool,
}

/// Number of slots that a class itself declares.
fn own_slots(ty: &TypeObject) -> usize {
    ty.slot_names.get().downcast::<Tuple>().map_or(0, Tuple::len)
}

/// Whether instances vary in size, so that a class cannot declare slots or weak references of its own.
pub(super) fn varies(ty: &TypeObject) -> bool {
    ty.flags() & (flag::INT | flag::TUPLE | flag::BYTES | flag::TYPE) != 0
}

/// The nearest type in the base chain that adds more than a dict and weak references.
pub(super) fn solid(ty: &TypeObject) -> &TypeObject {
    let mut ty = ty;
    while let Some(base) = ty.base() {
        let natively = !std::ptr::eq(ty.def(), base.def())
            && (ty.def().size != base.def().size || exceptions::adds_fields(ty.def()));
        if natively || own_slots(ty) > 0 {
            return ty;
        }
        ty = base;
    }
    ty
}

/// The base that decides the layout.
pub(super) fn best_base(t: &Thread, bases: &[Value]) -> Res {
    let mut best: Option<(&Value, &TypeObject)> = None;
    for base in bases {
        let Some(ty) = base.downcast::<TypeObject>() else { return Err(error::type_error(t, "bases must be types")) };
        if !ty.has_flag(flag::BASETYPE) {
            return Err(error::type_error(t, format_args!("type '{}' is not an acceptable base type", ty.name())));
        }
        let candidate = solid(ty);
        match best {
            None => best = Some((base, candidate)),
            Some((_, winner)) if winner.is_subtype(candidate) => {}
            Some((_, winner)) if candidate.is_subtype(winner) => best = Some((base, candidate)),
            Some(_) => return Err(error::type_error(t, "multiple bases have instance lay-out conflict")),
        }
    }
    match best {
        Some((base, _)) => Ok(base.clone()),
        None => Err(error::type_error(t, "bases must be types")),
    }
}

/// Whether instances have a dict (classes always do).
fn has_dict(ty: &TypeObject) -> bool {
    ty.dict_offset.get() != 0 || ty.has_flag(flag::TYPE)
}

/// Reads `__slots__` and lays the instance out.
pub(super) fn plan(t: &Thread, name: &Value, base: &TypeObject, bases: &[Value], ns: &Dict) -> Res<Layout> {
    let may_dict = !has_dict(base);
    let may_weak = !base.has_flag(flag::WEAKREFS) && !varies(base);
    let (mut own, mut dict, mut weak) = (Vec::new(), may_dict, may_weak);
    if let Some(slots) = ns.get_str(n::__slots__()) {
        (dict, weak) = (false, false);
        let items = if slots.downcast::<Str>().is_some() { vec![slots] } else { ops::collect(t, &slots)? };
        if !items.is_empty() && varies(base) {
            let base = base.name();
            return Err(error::type_error(t, format_args!("nonempty __slots__ not supported for subtype of '{base}'")));
        }
        for item in &items {
            check_slot(t, item)?;
            for (word, taken, may) in [("__dict__", &mut dict, may_dict), ("__weakref__", &mut weak, may_weak)] {
                if strs::eq_str(item, word) {
                    if !may || *taken {
                        let text = format!("{word} slot disallowed: we already got one");
                        return Err(error::type_error(t, text));
                    }
                    *taken = true;
                }
            }
            if !strs::eq_str(item, "__dict__") && !strs::eq_str(item, "__weakref__") {
                own.push(own_name(t, name, item, ns)?);
            }
        }
        own.sort_by_key(strs::display);
        for other in bases.iter().filter_map(|b| b.downcast::<TypeObject>()) {
            dict |= may_dict && has_dict(other);
            weak |= may_weak && other.has_flag(flag::WEAKREFS);
        }
    }
    Ok(arrange(base, bases, ns, own, dict, weak))
}

fn check_slot(t: &Thread, item: &Value) -> Res<()> {
    let Some(s) = item.downcast::<Str>() else {
        let ty = crate::ty::type_name(item);
        return Err(error::type_error(t, format_args!("__slots__ items must be strings, not '{ty}'")));
    };
    let chars: Vec<u32> = s.units().iter().collect();
    if !typhon_unicode::is_identifier(&chars) {
        return Err(error::type_error(t, "__slots__ must be identifiers"));
    }
    Ok(())
}

/// A slot's mangled, interned name, if the namespace does not use it already.
fn own_name(t: &Thread, class: &Value, item: &Value, ns: &Dict) -> Res {
    let name = mangle(t, class, item)?;
    if ns.get(t, &name)?.is_some()
        && !["__qualname__", "__classcell__", "__classdictcell__"].iter().any(|ok| strs::eq_str(&name, ok))
    {
        let text = ops::repr_text(t, &name)?;
        return Err(error::value_error(t, format_args!("{text} in __slots__ conflicts with class variable")));
    }
    Ok(name)
}

/// `__x` in class `C` is `_C__x`.
fn mangle(t: &Thread, class: &Value, name: &Value) -> Res {
    let text = strs::display(name);
    let class = strs::display(class);
    let class = class.trim_start_matches('_');
    if !text.starts_with("__") || text.ends_with("__") || text.contains('.') || class.is_empty() {
        return Ok(names::intern(t, &strs::new(t, &text)?));
    }
    Ok(names::intern_text(t, &format!("_{class}{text}")))
}

fn arrange(base: &TypeObject, bases: &[Value], ns: &Dict, own: Vec<Value>, dict: bool, weak: bool) -> Layout {
    let mut size = base.basic_size();
    let own: Vec<(Value, usize)> = own.into_iter().enumerate().map(|(i, name)| (name, size + 8 * i)).collect();
    size += 8 * own.len();
    let (mut dict_offset, mut inline) = (base.dict_offset.get(), base.inline_slots.get() as usize);
    let wanted = || attribute_count(bases, ns).clamp(INLINE_MIN, INLINE_MAX);
    if dict {
        dict_offset = size;
        inline = wanted();
        size += 8 + 8 * inline;
    } else if inline > 0 && own.is_empty() && dict_offset + 8 + 8 * inline == size {
        inline = inline.max(wanted());
        size = dict_offset + 8 + 8 * inline;
    }
    Layout { own, basic_size: size, dict_offset, inline_slots: inline as u32, adds_dict: dict, adds_weak: weak }
}

/// About how many attributes instances will have: what the compiler saw assigned to `self`, in the class and its bases.
fn attribute_count(bases: &[Value], ns: &Dict) -> usize {
    let name = n::__static_attributes__();
    let mut seen: Vec<u64> = Vec::new();
    let mut add = |dict: &Dict| {
        if let Some(list) = dict.get_str(name)
            && let Some(list) = list.downcast::<Tuple>()
        {
            for item in list.items() {
                if seen.len() <= INLINE_MAX && !seen.contains(&item.bits()) {
                    seen.push(item.bits());
                }
            }
        }
    };
    add(ns);
    for base in bases.iter().filter_map(|b| b.downcast::<TypeObject>()) {
        base.mro_types().for_each(|m| add(m.dict()));
    }
    seen.len() + 1
}

/// Whether an object of `old` may become one of `new`: same payload, same slots, a dict and weak references in both or
/// neither.
pub(super) fn compatible(old: &TypeObject, new: &TypeObject) -> bool {
    std::ptr::eq(old.def(), new.def())
        && (old.dict_offset.get() == new.dict_offset.get())
        && (old.inline_slots.get() == 0) == (new.inline_slots.get() == 0)
        && old.has_flag(flag::WEAKREFS) == new.has_flag(flag::WEAKREFS)
        && same_slots(old, new)
}

/// Whether two classes add the same slots to the same base, as far as they add any.
fn same_slots(a: &TypeObject, b: &TypeObject) -> bool {
    let (a, b) = (solid(a), solid(b));
    let names = |ty: &TypeObject| -> Vec<u64> {
        ty.slot_names.get().downcast::<Tuple>().map_or(Vec::new(), |own| own.items().iter().map(Value::bits).collect())
    };
    let base = |ty: &TypeObject| ty.base().map(std::ptr::from_ref);
    std::ptr::eq(a, b) || base(a) == base(b) && names(a) == names(b)
}
