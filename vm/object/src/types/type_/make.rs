//! Making classes: `type.__new__`.

use super::{layout, mro};
use crate::args::Args;
use crate::dict::Dict;
use crate::dunder;
use crate::error::{self, Exc, Res};
use crate::ids;
use crate::names::{self, n};
use crate::native::{GetSetDef, getset, getter};
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::tuple::{self, Tuple};
use crate::ty::{TypeObject, TypeParts, flag, type_of};
use crate::types::cell::Cell;
use crate::types::{classmethod, descr, exceptions, staticmethod, super_};
use crate::value::Value;
use crate::{attr, call, ops};

/// `type.__new__(meta, name, bases, ns, **kwargs)`.
pub(super) fn type_new(t: &Thread, meta: &Value, args: Args<'_>) -> Res {
    let positional = args.positional();
    let [name, bases, ns] = positional else {
        let n = positional.len();
        if n == 0 || n > 3 {
            return Err(error::type_error(t, "type() takes 1 or 3 arguments"));
        }
        return Err(error::type_error(t, format_args!("type.__new__() takes exactly 3 arguments ({n} given)")));
    };
    let check = |v: &Value, i: usize, ok: bool, what: &str| -> Res<()> {
        if ok {
            return Ok(());
        }
        let ty = type_of(v).name();
        Err(error::type_error(t, format_args!("type.__new__() argument {i} must be {what}, not {ty}")))
    };
    check(name, 1, name.downcast::<Str>().is_some(), "str")?;
    check(bases, 2, bases.downcast::<Tuple>().is_some(), "tuple")?;
    check(ns, 3, ns.downcast::<Dict>().is_some(), "dict")?;
    let Some(given) = meta.downcast::<TypeObject>() else { return Err(error::type_error(t, "metatype is no type")) };
    let items = bases.expect::<Tuple>().items();
    for base in items.iter().filter(|b| b.downcast::<TypeObject>().is_none()) {
        if attr::get_opt(t, base, n::__mro_entries__())?.is_some() {
            return Err(error::type_error(t, "type() doesn't support MRO entry resolution; use types.new_class()"));
        }
    }
    let winner = metaclass(t, meta, items)?;
    let winner_type = winner.expect::<TypeObject>();
    if !std::ptr::eq(winner_type, given)
        && let Some(new) = winner_type.slots().new
        && !std::ptr::fn_addr_eq(new, type_new as crate::slots::NewFn)
    {
        return new(t, &winner, args);
    }
    let kwargs = Args { values: &args.values[3..], names: args.names };
    new_class(t, winner_type, name, bases, ns, kwargs)
}

/// The most derived metaclass of `meta` and the bases' types.
pub fn metaclass(t: &Thread, meta: &Value, bases: &[Value]) -> Res {
    let mut winner = meta.clone();
    for base in bases {
        let candidate = type_of(base);
        let Some(best) = winner.downcast::<TypeObject>() else {
            return Err(error::type_error(t, "metatype is no type"));
        };
        if best.is_subtype(candidate) {
            continue;
        }
        if !candidate.is_subtype(best) {
            return Err(error::type_error(
                t,
                "metaclass conflict: the metaclass of a derived class must be a (non-strict) subclass of the metaclasses of all its bases",
            ));
        }
        winner = candidate.value();
    }
    Ok(winner)
}

/// A new class of metaclass `meta`; `name` is a str, `bases` a tuple, `ns` a dict, and `kwargs` (keywords only) go to
/// `__init_subclass__`.
pub fn new_class(t: &Thread, meta: &TypeObject, name: &Value, bases: &Value, ns: &Value, kwargs: Args<'_>) -> Res {
    t.check_stack("while making a class")?;
    let object = crate::types::object::OBJECT.ty().value();
    let bases = match bases.downcast::<Tuple>() {
        Some(b) if b.is_empty() => tuple::new(t, std::slice::from_ref(&object))?,
        _ => bases.clone(),
    };
    let items = bases.expect::<Tuple>().items();
    let base = layout::best_base(t, items)?;
    let base_type = base.expect::<TypeObject>();
    let dict = Dict::create(t);
    crate::types::dict_::update(t, &dict, ns)?;
    let ns = Dict::of(&dict);
    let class = allocate(t, meta, name, &bases, &base, &dict)?;
    let ty = class.expect::<TypeObject>();
    link(t, ty, items);
    fill_namespace(t, ns)?;
    let order = mro::compute(t, ty)?;
    ty.set_mro(order);
    pattern_flags(ty);
    dunder::fill_slots(ty);
    debug_assert!(ty.basic_size() >= base_type.basic_size());
    if ns.keys().iter().any(|key| key.downcast::<Str>().is_none()) {
        let text = format!("non-string key in the __dict__ of class {}", ty.name());
        exceptions::RUNTIME_WARNING.ty().with_value(|category| (t.hooks.warn)(t, category, &text, 1))?;
    }
    set_names(t, &class, ns)?;
    if !ty.mro_types().any(|m| std::ptr::eq(m, ty)) {
        // A metaclass's `mro()` left the class itself out: there is nothing after it to search.
        return Err(super_::not_instance(t, ty, &class));
    }
    let parent = super_::make(t, &class, &class)?;
    let hook = attr::get(t, &parent, n::__init_subclass__())?;
    call::call_args(t, &hook, kwargs)?;
    Ok(class)
}

/// The type object, laid out, with its own dict still as the class body left it.
fn allocate(t: &Thread, meta: &TypeObject, name: &Value, bases: &Value, base: &Value, dict: &Value) -> Res {
    let ns = Dict::of(dict);
    let text = name.expect::<Str>();
    if text.units().iter().any(|c| c == 0) {
        return Err(error::value_error(t, "type name must not contain null characters"));
    }
    let text = text.to_utf8().map_err(|at| surrogate_error(t, name, at))?;
    let qualname = match ns.remove(t, n::__qualname__())? {
        Some(q) if q.downcast::<Str>().is_some() => q,
        Some(q) => {
            let ty = type_of(&q).name();
            return Err(error::type_error(t, format_args!("type __qualname__ must be a str, not {ty}")));
        }
        None => name.clone(),
    };
    let base_type = base.expect::<TypeObject>();
    let plan = layout::plan(t, name, base_type, bases.expect::<Tuple>().items(), ns)?;
    let mut flags = base_type.flags() & flag::INHERITED | flag::HEAP | flag::BASETYPE;
    if plan.adds_weak {
        flags |= flag::WEAKREFS;
    }
    let class = TypeObject::create(
        t,
        Some(meta),
        TypeParts {
            name: text.into(),
            qualname,
            def: base_type.def(),
            flags,
            base: base.clone(),
            bases: bases.clone(),
            dict: dict.clone(),
            slots: *base_type.slots(),
            basic_size: plan.basic_size,
            dict_offset: plan.dict_offset,
            inline_slots: plan.inline_slots,
        },
    )?;
    let ty = class.expect::<TypeObject>();
    set_cells(t, ty, ns)?;
    let own: Vec<Value> = plan.own.iter().map(|(name, _)| name.clone()).collect();
    if !own.is_empty() {
        ty.slot_names.set(&ty.header, tuple::from_vec(t, own)?);
    }
    for (name, offset) in &plan.own {
        ns.set_str(t, name, descr::new_own_slot(t, ty, name, *offset)?)?;
    }
    for (adds, def) in [(plan.adds_dict, &DICT_ATTRIBUTE), (plan.adds_weak, &WEAKREF_ATTRIBUTE)] {
        let key = names::intern_static(def.name);
        if adds && ns.get_str(&key).is_none() {
            ns.set_str(t, &key, descr::new_getset(t, ty, def)?)?;
        }
    }
    Ok(class)
}

fn surrogate_error(t: &Thread, name: &Value, at: usize) -> Exc {
    error::unicode_error(t, &exceptions::UNICODE_ENCODE_ERROR, "utf-8", name, at, at + 1, "surrogates not allowed")
}

/// Makes the class known to its bases.
fn link(t: &Thread, ty: &TypeObject, bases: &[Value]) {
    for base in bases.iter().filter_map(|b| b.downcast::<TypeObject>()) {
        base.add_subclass(t, ty);
    }
}

/// What every class namespace has, whether or not the class body set it.
fn fill_namespace(t: &Thread, ns: &Dict) -> Res<()> {
    if ns.get_str(n::__module__()).is_none() {
        let globals = (t.hooks.globals)(t);
        if let Some(g) = globals.downcast::<Dict>()
            && let Some(module) = g.get_str(n::__name__())
        {
            ns.set_str(t, n::__module__(), module)?;
        }
    }
    match ns.get_str(n::__doc__()) {
        None => ns.set_str(t, n::__doc__(), Value::NONE)?,
        Some(doc) => {
            if let Some(Err(at)) = doc.downcast::<Str>().filter(|s| s.width() > 1).map(Str::to_utf8) {
                return Err(surrogate_error(t, &doc, at));
            }
        }
    }
    let is_function = |v: &Value| v.header().is_some_and(|h| h.shape().0 == ids::FUNCTION);
    if let Some(f) = ns.get_str(n::__new__()).filter(is_function) {
        ns.set_str(t, n::__new__(), staticmethod::wrap(t, &f)?)?;
    }
    for name in [n::__init_subclass__(), n::__class_getitem__()] {
        if let Some(f) = ns.get_str(name).filter(is_function) {
            ns.set_str(t, name, classmethod::wrap(t, &f)?)?;
        }
    }
    if ns.get_str(n::__eq__()).is_some() && ns.get_str(n::__hash__()).is_none() {
        ns.set_str(t, n::__hash__(), Value::NONE)?;
    }
    Ok(())
}

/// Gives the `__class__` and `__classdict__` cells of the class body's functions their contents.
fn set_cells(t: &Thread, ty: &TypeObject, ns: &Dict) -> Res<()> {
    let contents = [(n::__classcell__(), ty.value()), (n::__classdictcell__(), ty.dict.get())];
    for (name, content) in contents {
        let Some(cell) = ns.get_str(name) else { continue };
        let Some(c) = cell.downcast::<Cell>() else {
            let shown = type_of(&cell).with_value(|ty| ops::repr_text(t, ty))?;
            let name = strs::display(name);
            return Err(error::type_error(t, format_args!("{name} must be a nonlocal cell, not {shown}")));
        };
        c.set(content);
        ns.remove(t, name)?;
    }
    Ok(())
}

/// Pattern matching's flags come from the first class behind this one in the MRO that has one, whichever gave the layout.
fn pattern_flags(ty: &TypeObject) {
    const PATTERN: u32 = flag::SEQUENCE | flag::MAPPING;
    ty.set_flag(PATTERN, false);
    if let Some(found) = ty.mro_types().skip(1).map(|m| m.flags() & PATTERN).find(|&found| found != 0) {
        ty.set_flag(found, true);
    }
}

/// Calls `__set_name__` of everything in the namespace that has it.
fn set_names(t: &Thread, class: &Value, ns: &Dict) -> Res<()> {
    for (name, value) in ns.items() {
        let Some(r) = call::special(t, &value, n::__set_name__(), &[class.clone(), name.clone()]) else { continue };
        if let Err(e) = r {
            if !e.is_stopped() {
                let (ty, class) = (type_of(&value).name(), class.expect::<TypeObject>().name());
                let shown = ops::repr_text(t, &name)?;
                let note = format!("Error calling __set_name__ on '{ty}' instance {shown} in '{class}'");
                exceptions::add_note(t, e.value(), &strs::new(t, &note)?)?;
            }
            return Err(e);
        }
    }
    Ok(())
}

/// `__dict__` of instances of a Python class.
static DICT_ATTRIBUTE: GetSetDef = getset("__dict__", shown_dict, set_shown_dict, "dictionary for instance variables");

/// `__weakref__` of instances of a Python class.
static WEAKREF_ATTRIBUTE: GetSetDef =
    getter("__weakref__", crate::types::weakref::first, "list of weak references to the object");

/// The `__dict__` that a built-in base gives its instances, which goes before the one a Python class would add.
fn builtin_dict_attribute(t: &Thread, v: &Value) -> Option<Value> {
    let mut ty = type_of(v);
    while ty.is_heap_type() || !(ty.dict_offset.get() != 0 || ty.has_flag(flag::TYPE)) {
        ty = ty.base()?;
    }
    ty.lookup(t, n::__dict__())
}

/// `__dict__` as a Python class sees it.
fn shown_dict(t: &Thread, v: &Value) -> Res {
    if let Some(attribute) = builtin_dict_attribute(t, v)
        && let Some(get) = type_of(&attribute).slots().get
    {
        return type_of(v).with_value(|ty| get(t, &attribute, Some(v), Some(ty)));
    }
    instance_dict(t, v)
}

/// Setting `__dict__` as a Python class sees it.
fn set_shown_dict(t: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    let Some(attribute) = builtin_dict_attribute(t, v) else { return set_instance_dict(t, v, value) };
    match type_of(&attribute).slots().set {
        Some(set) => set(t, &attribute, v, value),
        None => {
            let ty = type_of(v).name();
            Err(error::type_error(t, format_args!("this __dict__ descriptor does not support '{ty}' objects")))
        }
    }
}

/// `obj.__dict__`.
pub fn instance_dict(t: &Thread, v: &Value) -> Res {
    match v.header() {
        Some(header) => attr::instance_dict(t, type_of(v), header),
        None => Err(error::no_attribute(t, v, n::__dict__())),
    }
}

/// `obj.__dict__ = d`; deleting it leaves an empty one.
pub fn set_instance_dict(t: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    let Some(header) = v.header() else { return Err(error::no_attribute(t, v, n::__dict__())) };
    let dict = match value {
        Some(d) if d.downcast::<Dict>().is_some() => d.clone(),
        Some(d) => {
            let ty = type_of(d).name();
            return Err(error::type_error(t, format_args!("__dict__ must be set to a dictionary, not a '{ty}'")));
        }
        None => Dict::create(t),
    };
    attr::set_instance_dict(t, type_of(v), header, dict)
}

/// `cls.__bases__ = bases`.
pub(super) fn set_bases(t: &Thread, ty: &TypeObject, bases: &Value) -> Res<()> {
    let name = ty.name();
    let Some(items) = bases.downcast::<Tuple>() else {
        let got = type_of(bases).name();
        return Err(error::type_error(t, format_args!("can only assign tuple to {name}.__bases__, not {got}")));
    };
    if items.is_empty() {
        return Err(error::type_error(t, format_args!("can only assign non-empty tuple to {name}.__bases__, not ()")));
    }
    for base in items.items() {
        let Some(b) = base.downcast::<TypeObject>() else {
            let got = type_of(base).name();
            let text = format!("{name}.__bases__ must be tuple of classes, not '{got}'");
            return Err(error::type_error(t, text));
        };
        if b.is_subtype(ty) || b.is_subtype_by_base(ty) {
            return Err(error::type_error(t, "a __bases__ item causes an inheritance cycle"));
        }
    }
    let best = layout::best_base(t, items.items())?;
    let (old_base, new_base) = (ty.base.get(), best.expect::<TypeObject>());
    let old = old_base.expect::<TypeObject>();
    if !std::ptr::eq(old, new_base) && !layout::compatible(old, new_base) {
        let (new, old) = (new_base.name(), old.name());
        let text = format!("__bases__ assignment: '{new}' object layout differs from '{old}'");
        return Err(error::type_error(t, text));
    }
    let old_bases = ty.bases();
    ty.base.set(&ty.header, best.clone());
    ty.bases.set(&ty.header, bases.clone());
    let mut undo = Vec::new();
    if let Err(e) = remake_mros(t, ty, &mut undo) {
        for (changed, old, new) in undo.into_iter().rev() {
            let changed = changed.expect::<TypeObject>();
            if changed.mro().is(&new) {
                changed.set_mro(old);
            }
        }
        if ty.bases().is(bases) {
            ty.base.set(&ty.header, old_base);
            ty.bases.set(&ty.header, old_bases);
        }
        return Err(e);
    }
    if !ty.bases().is(bases) {
        // An `mro()` that was asked has set the bases again, and linked the class to those.
        return Ok(());
    }
    for base in old_bases.expect::<Tuple>().items().iter().filter_map(|b| b.downcast::<TypeObject>()) {
        base.remove_subclass(t, ty);
    }
    link(t, ty, items.items());
    t.alone(|| {
        ty.modified(t);
        dunder::refill_slots(t, ty);
    });
    Ok(())
}

/// Computes the MRO of a class and all its subclasses again, keeping (class, old MRO, new MRO). A class whose MRO was set
/// anew while its metaclass's `mro()` ran keeps that one.
fn remake_mros(t: &Thread, ty: &TypeObject, undo: &mut Vec<(Value, Value, Value)>) -> Res<()> {
    t.check_stack("while changing the bases of a class")?;
    let old = ty.mro();
    let order = mro::compute(t, ty)?;
    if !ty.mro().is(&old) {
        return Ok(());
    }
    ty.set_mro(order.clone());
    undo.push((ty.value(), old, order));
    for sub in ty.subclasses(t) {
        remake_mros(t, sub.expect::<TypeObject>(), undo)?;
    }
    Ok(())
}

/// `obj.__class__ = cls`.
pub fn set_class(t: &Thread, obj: &Value, class: &Value) -> Res<()> {
    let Some(new) = class.downcast::<TypeObject>() else {
        let got = type_of(class).name();
        return Err(error::type_error(t, format_args!("__class__ must be set to a class, not '{got}' object")));
    };
    let old = type_of(obj);
    if std::ptr::eq(old, new) {
        return Ok(());
    }
    if !new.is_heap_type() || !old.is_heap_type() {
        // A module may become an instance of a module subclass: the interpreter's module type says so by its flags.
        let module = |ty: &TypeObject| ty.def().short_name() == "module";
        if !(module(new) && module(old)) {
            return Err(error::type_error(
                t,
                "__class__ assignment only supported for mutable types or ModuleType subclasses",
            ));
        }
    }
    if !layout::compatible(old, new) {
        let (new, old) = (new.name(), old.name());
        let text = format!("__class__ assignment: '{new}' object layout differs from '{old}'");
        return Err(error::type_error(t, text));
    }
    let Some(header) = obj.header() else { return Ok(()) };
    if old.inline_slots.get() > 0 {
        attr::instance_dict(t, old, header)?;
    }
    let keep = old.value();
    // SAFETY: the object is one of `old`.
    let size = unsafe { old.size_of_fixed(std::ptr::from_ref(header).cast_mut()) };
    let root = new.root_shape().get();
    let shape = if size == new.basic_size() { root.to_dict_mode() } else { root.adopting(size) };
    t.alone(|| header.set_shape(shape));
    // The object now holds a reference to the new class, and the one to the old class is given up.
    if new.is_heap_type() {
        std::mem::forget(new.value());
    }
    if old.is_heap_type() {
        // SAFETY: creation of the instance took this reference to its class; `keep` holds another.
        drop(unsafe { Value::from_raw(std::ptr::from_ref(old) as u64) });
    }
    drop(keep);
    Ok(())
}
