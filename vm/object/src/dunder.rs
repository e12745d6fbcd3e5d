//! Dunders: the functions through which a Python class's special methods fill its type's slots.
//!
//! One generic function a signature, instantiated for every row of the slot table (its index is a const parameter), so
//! that the table in [`crate::slots`] stays the only list of slots.

use crate::args::Args;
use crate::attr;
use crate::call;
use crate::convert;
use crate::error::{self, Res};
use crate::names;
use crate::native::NativeFunction;
use crate::ops::{self, CompareOp};
use crate::slots::{BinaryFn, SLOT_NAMES, SlotFn, SlotId, SlotName, Slots, TernaryFn, Wrap};
use crate::strs;
use crate::thread::Thread;
use crate::ty::{TypeObject, flag, type_of};
use crate::types::descr::{self, What};
use crate::types::exceptions::{ATTRIBUTE_ERROR, STOP_ITERATION};
use crate::types::int;
use crate::value::Value;
use rustc_hash::FxHashMap;
use std::sync::LazyLock;

/// The interned names of `SLOT_NAMES`, by index.
static NAMES: LazyLock<Vec<u64>> =
    LazyLock::new(|| SLOT_NAMES.iter().map(|s| names::intern_static(s.name).into_raw()).collect());

/// The rows of `SLOT_NAMES` that an interned name has.
static ROWS: LazyLock<FxHashMap<u64, Vec<usize>>> = LazyLock::new(|| {
    let mut rows = FxHashMap::<u64, Vec<usize>>::default();
    NAMES.iter().enumerate().for_each(|(i, &name)| rows.entry(name).or_default().push(i));
    rows
});

/// Slots that something is said of.
type Mentioned = [bool; SLOT_NAMES.len()];

/// Marks the first row of every slot that a name in the class's own dictionary may fill.
fn mention(ty: &TypeObject, mentioned: &mut Mentioned) {
    let mut at = 0;
    let mut mark = |row: usize| mentioned[first(SLOT_NAMES[row].slot)] = true;
    while let Some((name, other)) = ty.dict().next_with(&mut at, |key, _| {
        // A namespace may have names that were put together.
        let other = (!strs::is_interned(key)).then(|| key.clone());
        (key.bits(), other.filter(|key| key.downcast::<strs::Str>().is_some()))
    }) {
        ROWS.get(&name).into_iter().flatten().for_each(|&row| mark(row));
        if let Some(name) = other.map(|name| strs::display(&name)) {
            (0..SLOT_NAMES.len()).filter(|&row| SLOT_NAMES[row].name == name).for_each(&mut mark);
        }
    }
}

#[inline]
pub(crate) fn name_at(i: usize) -> &'static Value {
    Value::from_ref(&NAMES[i])
}

/// Index of a slot's first row.
pub(crate) const fn first(slot: SlotId) -> usize {
    let mut i = 0;
    while SLOT_NAMES[i].slot as usize != slot as usize {
        i += 1;
    }
    i
}

/// Whether row `i` has a reflected partner behind it.
const fn reflected(i: usize) -> bool {
    i + 1 < SLOT_NAMES.len()
        && SLOT_NAMES[i + 1].slot as usize == SLOT_NAMES[i].slot as usize
        && matches!(SLOT_NAMES[i + 1].wrap, Wrap::BinaryR | Wrap::TernaryR)
}

macro_rules! generics {
    ($($field:ident: $ty:ident, $variant:ident { $($rest:tt)* })*) => {
        /// The function that a dunder method written in Python installs; `None` for slots that only built-in types fill.
        fn generic(id: SlotId) -> Option<SlotFn> {
            match id { $(SlotId::$field => generics!(@make $field $variant),)* }
        }

        /// The function as a binary one, if it is that.
        fn as_binary(f: SlotFn) -> Option<BinaryFn> {
            match f { $(SlotFn::$field(f) => generics!(@binary $variant f),)* }
        }

        /// The function as a ternary one, if it is that.
        fn as_ternary(f: SlotFn) -> Option<TernaryFn> {
            match f { $(SlotFn::$field(f) => generics!(@ternary $variant f),)* }
        }

        /// Puts a function into its slot.
        fn put(slots: &mut Slots, f: SlotFn) {
            match f { $(SlotFn::$field(f) => slots.$field = Some(f),)* }
        }

        /// Whether two slot functions are the same one.
        fn same(a: SlotFn, b: SlotFn) -> bool {
            match (a, b) {
                $((SlotFn::$field(a), SlotFn::$field(b)) => std::ptr::fn_addr_eq(a, b),)*
                _ => false,
            }
        }
    };
    (@make concat $v:ident) => { None };
    (@make repeat $v:ident) => { None };
    (@make iconcat $v:ident) => { None };
    (@make irepeat $v:ident) => { None };
    (@make iter $v:ident) => { Some(SlotFn::iter(iter)) };
    (@make ipow $v:ident) => { Some(SlotFn::ipow(inplace_power)) };
    (@make $field:ident Unary) => { Some(SlotFn::$field(unary::<{ first(SlotId::$field) }>)) };
    (@make $field:ident Binary) => { Some(SlotFn::$field(binary::<{ first(SlotId::$field) }>)) };
    (@make $field:ident Ternary) => { Some(SlotFn::$field(ternary)) };
    (@make $field:ident Bool) => { Some(SlotFn::$field(truth)) };
    (@make $field:ident Len) => { Some(SlotFn::$field(len)) };
    (@make $field:ident Hash) => { Some(SlotFn::$field(hash)) };
    (@make $field:ident Index) => { None };
    (@make $field:ident Contains) => { Some(SlotFn::$field(contains)) };
    (@make $field:ident Compare) => { Some(SlotFn::$field(compare)) };
    (@make $field:ident SetItem) => { Some(SlotFn::$field(set_item)) };
    (@make $field:ident Call) => { Some(SlotFn::$field(call_dunder)) };
    (@make $field:ident GetAttr) => { Some(SlotFn::$field(get_attr)) };
    (@make $field:ident SetAttr) => { Some(SlotFn::$field(set_attr)) };
    (@make $field:ident DescrGet) => { Some(SlotFn::$field(descr_get)) };
    (@make $field:ident DescrSet) => { Some(SlotFn::$field(descr_set)) };
    (@make $field:ident Init) => { Some(SlotFn::$field(init)) };
    (@make $field:ident New) => { Some(SlotFn::$field(new)) };
    (@make $field:ident Next) => { Some(SlotFn::$field(next)) };
    (@make $field:ident Finalize) => { Some(SlotFn::$field(finalize)) };
    (@make $field:ident Buffer) => { Some(SlotFn::$field(crate::types::memoryview::python_buffer)) };
    (@binary Binary $f:ident) => { Some($f) };
    (@binary $v:ident $f:ident) => {{ let _ = $f; None }};
    (@ternary Ternary $f:ident) => { Some($f) };
    (@ternary $v:ident $f:ident) => {{ let _ = $f; None }};
}
crate::for_each_slot!(generics);

/// Fills the slots of a new class from its MRO and sets the flags that follow from them.
pub fn fill_slots(ty: &TypeObject) {
    let single = ty.bases().downcast::<crate::tuple::Tuple>().is_some_and(|b| b.len() == 1);
    let mut mentioned = [false; SLOT_NAMES.len()];
    let mut slots = match ty.base() {
        // Only names that the class itself defines can differ from its one base.
        Some(base) if single && ty.mro_types().nth(1).is_some_and(|m| std::ptr::eq(m, base)) => {
            mention(ty, &mut mentioned);
            *base.slots()
        }
        _ => {
            ty.mro_types().for_each(|ty| mention(ty, &mut mentioned));
            Slots::NONE
        }
    };
    for (row, _) in SLOT_NAMES.iter().zip(mentioned).filter(|(_, mentioned)| *mentioned) {
        settle(ty, row.slot, &mut slots);
    }
    ty.set_slots(slots);
    set_flags(ty);
}

/// The attribute `name` (interned) of `ty` has changed: its slots and those of whoever looks up in it follow.
pub fn update_slots(t: &Thread, ty: &TypeObject, name: &Value) {
    let text = strs::display(name);
    if !(text.starts_with("__") && text.ends_with("__")) {
        return;
    }
    let rows: Vec<SlotId> = SLOT_NAMES.iter().filter(|r| r.name == text).map(|r| r.slot).collect();
    if !rows.is_empty() {
        update_rows(t, ty, &rows);
        for other in ty.followers(t) {
            update_rows(t, other.expect::<TypeObject>(), &rows);
        }
    }
}

fn update_rows(t: &Thread, ty: &TypeObject, rows: &[SlotId]) {
    let mut slots = *ty.slots();
    for &row in rows {
        settle(ty, row, &mut slots);
    }
    ty.set_slots(slots);
    set_flags(ty);
    for sub in ty.subclasses(t) {
        if let Some(sub) = sub.downcast::<TypeObject>() {
            update_rows(t, sub, rows);
        }
    }
}

/// Fills every slot again, of the class and its subclasses (its bases have changed).
pub fn refill_slots(t: &Thread, ty: &TypeObject) {
    fill_slots(ty);
    for sub in ty.subclasses(t) {
        if let Some(sub) = sub.downcast::<TypeObject>() {
            refill_slots(t, sub);
        }
    }
}

fn set_flags(ty: &TypeObject) {
    let slots = ty.slots();
    let custom_get =
        slots.getattr.is_none_or(|f| !std::ptr::fn_addr_eq(f, attr::generic_get as crate::slots::GetAttrFn));
    let custom_set =
        slots.setattr.is_none_or(|f| !std::ptr::fn_addr_eq(f, attr::generic_set as crate::slots::SetAttrFn));
    ty.set_flag(flag::CUSTOM_GETATTR, custom_get);
    ty.set_flag(flag::CUSTOM_SETATTR, custom_set);
    ty.set_flag(flag::FINALIZER, slots.finalize.is_some());
}

/// What a special method's name stands for, seen from one slot.
enum Meaning {
    /// The built-in function behind a slot wrapper of this very slot.
    Native(SlotFn),
    /// A built-in's wrapper of another slot with the same name (`list.__add__` is `concat`, not `add`).
    OtherSlot,
    /// Anything that must be called as a method.
    Method,
}

fn meaning(ty: &TypeObject, found: &Value, row: &SlotName) -> Meaning {
    let Some(d) = descr::try_descriptor(found) else { return Meaning::Method };
    let What::Wrapper(of) = d.what else { return Meaning::Method };
    if !ty.is_subtype(d.owner()) || of.name != row.name {
        return Meaning::Method;
    }
    if of.slot != row.slot {
        return Meaning::OtherSlot;
    }
    match d.owner().slots().get_fn(row.slot) {
        Some(f) if of.wrap == row.wrap => Meaning::Native(f),
        _ => Meaning::Method,
    }
}

/// Decides one slot from what its names mean in the MRO: the built-in function itself if every name is a built-in's
/// wrapper of it, else the generic one.
fn settle(ty: &TypeObject, id: SlotId, slots: &mut Slots) {
    let mut specific = None;
    let mut generic_wanted = false;
    let mut any = false;
    for (i, row) in SLOT_NAMES.iter().enumerate().skip(first(id)) {
        if row.slot != id {
            break;
        }
        let Some(found) = ty.lookup_uncached(name_at(i)) else { continue };
        if found.is_none() && id == SlotId::hash {
            continue;
        }
        if id == SlotId::new
            && found.exact::<NativeFunction>().is_some_and(|f| f.def.name == "__new__" && f.passes_bound)
        {
            any = true;
            specific = ty.base().and_then(|b| b.slots().get_fn(id));
            continue;
        }
        match meaning(ty, &found, row) {
            Meaning::Native(f) if specific.is_none_or(|s| same(s, f)) => {
                any = true;
                specific = Some(f);
            }
            Meaning::OtherSlot => {}
            _ => {
                any = true;
                generic_wanted = true;
            }
        }
    }
    let chosen = if !any {
        None
    } else if generic_wanted || specific.is_none() {
        generic(id)
    } else {
        specific
    };
    match chosen {
        Some(f) => put(slots, f),
        None => slots.copy_slot(id, &Slots::NONE),
    }
}

/// Calls what a type lookup found as a method of `obj`.
pub fn call_found(t: &Thread, obj: &Value, f: &Value, args: Args<'_>) -> Res {
    let ty = type_of(f);
    if ty.has_flag(flag::METHOD_DESCRIPTOR) {
        return args.with_first(obj, |args| call::call_args(t, f, args));
    }
    match ty.slots().get {
        Some(get) => {
            let bound = type_of(obj).with_value(|cls| get(t, f, Some(obj), Some(cls)))?;
            call::call_args(t, &bound, args)
        }
        None => call::call_args(t, f, args),
    }
}

/// Calls the special method of row `I`; AttributeError if the class has lost it.
fn method<const I: usize>(t: &Thread, obj: &Value, args: &[Value]) -> Res {
    match type_of(obj).lookup(t, name_at(I)) {
        Some(f) => call_found(t, obj, &f, Args::pos(args)),
        None => Err(missing(t, I)),
    }
}

#[cold]
fn missing(t: &Thread, row: usize) -> error::Exc {
    error::with_args(t, ATTRIBUTE_ERROR.ty(), &[name_at(row).clone()])
}

/// As `method`, with NotImplemented if there is none.
fn maybe(t: &Thread, obj: &Value, row: usize, args: &[Value]) -> Res {
    match type_of(obj).lookup(t, name_at(row)) {
        Some(f) => call_found(t, obj, &f, Args::pos(args)),
        None => Ok(Value::NOT_IMPLEMENTED),
    }
}

fn unary<const I: usize>(t: &Thread, v: &Value) -> Res {
    method::<I>(t, v, &[])
}

fn iter(t: &Thread, v: &Value) -> Res {
    const I: usize = first(SlotId::iter);
    match type_of(v).lookup(t, name_at(I)) {
        Some(f) if f.is_none() => {
            Err(error::type_error(t, format_args!("'{}' object is not iterable", type_of(v).name())))
        }
        _ => method::<I>(t, v, &[]),
    }
}

fn binary<const I: usize>(t: &Thread, a: &Value, b: &Value) -> Res {
    if !const { reflected(I) } {
        return method::<I>(t, a, std::slice::from_ref(b));
    }
    let own = |ty: &TypeObject| {
        ty.slots()
            .get_fn(SLOT_NAMES[I].slot)
            .and_then(as_binary)
            .is_some_and(|f| std::ptr::fn_addr_eq(f, binary::<I> as BinaryFn))
    };
    both_ways(t, I, a, b, &[], own)
}

fn ternary(t: &Thread, a: &Value, b: &Value, c: &Value) -> Res {
    const I: usize = first(SlotId::pow);
    let own = |ty: &TypeObject| {
        ty.slots()
            .get_fn(SlotId::pow)
            .and_then(as_ternary)
            .is_some_and(|f| std::ptr::fn_addr_eq(f, ternary as TernaryFn))
    };
    let more = if c.is_none() { &[][..] } else { std::slice::from_ref(c) };
    both_ways(t, I, a, b, more, own)
}

/// `a.op(b)` and `b.rop(a)`: the reflected one first if b's class is a subclass that overrides it.
fn both_ways(t: &Thread, row: usize, a: &Value, b: &Value, more: &[Value], own: impl Fn(&TypeObject) -> bool) -> Res {
    let (ta, tb) = (type_of(a), type_of(b));
    let one_type = std::ptr::eq(ta, tb);
    let mut other = !one_type && own(tb);
    let maybe = |obj: &Value, row: usize, x: &Value| match more {
        [] => maybe(t, obj, row, std::slice::from_ref(x)),
        more => Args::pos(more).with_first(x, |args| maybe(t, obj, row, args.values)),
    };
    if own(ta) {
        if other && tb.is_subtype(ta) && overrides(t, ta, tb, row + 1) {
            let r = maybe(b, row + 1, a)?;
            if !r.is_not_implemented() {
                return Ok(r);
            }
            other = false;
        }
        let r = maybe(a, row, b)?;
        if !r.is_not_implemented() || one_type {
            return Ok(r);
        }
    }
    if other { maybe(b, row + 1, a) } else { Ok(Value::NOT_IMPLEMENTED) }
}

/// Whether `sub` has its own idea of a row's method.
fn overrides(t: &Thread, ty: &TypeObject, sub: &TypeObject, row: usize) -> bool {
    let name = name_at(row);
    match (ty.lookup(t, name), sub.lookup(t, name)) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(x), Some(y)) => !x.is(&y),
    }
}

fn inplace_power(t: &Thread, a: &Value, b: &Value, _: &Value) -> Res {
    method::<{ first(SlotId::ipow) }>(t, a, std::slice::from_ref(b))
}

fn truth(t: &Thread, v: &Value) -> Res<bool> {
    let r = method::<{ first(SlotId::bool) }>(t, v, &[])?;
    if r.is_bool() {
        return Ok(r.is_true());
    }
    Err(error::type_error(t, format_args!("__bool__ should return bool, returned {}", type_of(&r).name())))
}

fn len(t: &Thread, v: &Value) -> Res<usize> {
    let r = method::<{ first(SlotId::len) }>(t, v, &[])?;
    let r = convert::to_index(t, &r)?;
    if int::is_negative(&r) {
        return Err(error::value_error(t, "__len__() should return >= 0"));
    }
    convert::to_index_overflow(t, &r).map(|n| n as usize)
}

fn hash(t: &Thread, v: &Value) -> Res<i64> {
    const I: usize = first(SlotId::hash);
    let Some(f) = type_of(v).lookup(t, name_at(I)).filter(|f| !f.is_none()) else { return Err(ops::unhashable(t, v)) };
    let r = call_found(t, v, &f, Args::NONE)?;
    if !int::is_int(&r) {
        return Err(error::type_error(t, "__hash__ method should return an integer"));
    }
    let h = match int::to_i64(&r) {
        Some(h) => h,
        None => ops::hash(t, &r)?,
    };
    Ok(if h == -1 { -2 } else { h })
}

fn contains(t: &Thread, v: &Value, item: &Value) -> Res<bool> {
    const I: usize = first(SlotId::contains);
    match type_of(v).lookup(t, name_at(I)) {
        Some(f) if f.is_none() => {
            Err(error::type_error(t, format_args!("'{}' object is not a container", type_of(v).name())))
        }
        _ => ops::truth(t, &method::<I>(t, v, std::slice::from_ref(item))?),
    }
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let Some(f) = type_of(a).lookup(t, op.dunder()) else { return Ok(Value::NOT_IMPLEMENTED) };
    let args = Args::pos(std::slice::from_ref(b));
    let ty = type_of(&f);
    match ty.slots().get {
        // As CPython: a descriptor that has no method to give is as good as none.
        Some(get) if !ty.has_flag(flag::METHOD_DESCRIPTOR) => {
            match type_of(a).with_value(|class| get(t, &f, Some(a), Some(class))) {
                Ok(bound) => call::call_args(t, &bound, args),
                Err(e) if e.is(&ATTRIBUTE_ERROR) => Ok(Value::NOT_IMPLEMENTED),
                Err(e) => Err(e),
            }
        }
        _ => call_found(t, a, &f, args),
    }
}

fn set_item(t: &Thread, v: &Value, key: &Value, value: Option<&Value>) -> Res<()> {
    const I: usize = first(SlotId::setitem);
    match value {
        Some(value) => method::<I>(t, v, &[key.clone(), value.clone()]).map(drop),
        None => method::<{ I + 1 }>(t, v, std::slice::from_ref(key)).map(drop),
    }
}

fn call_dunder(t: &Thread, v: &Value, args: Args<'_>) -> Res {
    const I: usize = first(SlotId::call);
    match type_of(v).lookup(t, name_at(I)) {
        Some(f) => call_found(t, v, &f, args),
        None => Err(missing(t, I)),
    }
}

/// Whether `f`, the slot of `ty`, is a `__getattr__` hook behind object's own `__getattribute__`.
pub(crate) fn hooks_generic(t: &Thread, ty: &TypeObject, f: crate::slots::GetAttrFn) -> bool {
    const I: usize = first(SlotId::getattr);
    std::ptr::fn_addr_eq(f, get_attr as crate::slots::GetAttrFn)
        && ty.lookup(t, name_at(I + 1)).is_some()
        && ty.lookup(t, name_at(I)).is_some_and(|f| is_objects_own(&f))
}

fn is_objects_own(f: &Value) -> bool {
    descr::try_descriptor(f).is_some_and(|d| std::ptr::eq(d.owner(), crate::types::object::OBJECT.ty()))
}

/// `__getattribute__`, then `__getattr__` if that raised AttributeError.
fn get_attr(t: &Thread, v: &Value, name: &Value) -> Res {
    const I: usize = first(SlotId::getattr);
    let ty = type_of(v);
    let Some(hook) = ty.lookup(t, name_at(I + 1)) else { return method::<I>(t, v, std::slice::from_ref(name)) };
    let plain = ty.lookup(t, name_at(I)).filter(|f| !is_objects_own(f));
    let found = match plain {
        None => match attr::generic_get_opt(t, v, name) {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => None,
            Err(e) => Some(e),
        },
        Some(f) => match call_found(t, v, &f, Args::pos(std::slice::from_ref(name))) {
            Ok(found) => return Ok(found),
            Err(e) => Some(e),
        },
    };
    match found {
        Some(e) if !e.is(&ATTRIBUTE_ERROR) => Err(e),
        _ => call_found(t, v, &hook, Args::pos(std::slice::from_ref(name))),
    }
}

fn set_attr(t: &Thread, v: &Value, name: &Value, value: Option<&Value>) -> Res<()> {
    const I: usize = first(SlotId::setattr);
    match value {
        Some(value) => method::<I>(t, v, &[name.clone(), value.clone()]).map(drop),
        None => method::<{ I + 1 }>(t, v, std::slice::from_ref(name)).map(drop),
    }
}

fn descr_get(t: &Thread, d: &Value, obj: Option<&Value>, cls: Option<&Value>) -> Res {
    const I: usize = first(SlotId::get);
    match type_of(d).lookup(t, name_at(I)) {
        Some(f) => {
            let part = |v: Option<&Value>| v.cloned().unwrap_or(Value::NONE);
            call_found(t, d, &f, Args::pos(&[part(obj), part(cls)]))
        }
        None => Ok(d.clone()),
    }
}

fn descr_set(t: &Thread, d: &Value, obj: &Value, value: Option<&Value>) -> Res<()> {
    const I: usize = first(SlotId::set);
    match value {
        Some(value) => method::<I>(t, d, &[obj.clone(), value.clone()]).map(drop),
        None => method::<{ I + 1 }>(t, d, std::slice::from_ref(obj)).map(drop),
    }
}

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    const I: usize = first(SlotId::init);
    let Some(f) = type_of(v).lookup(t, name_at(I)) else { return Err(missing(t, I)) };
    let r = call_found(t, v, &f, args)?;
    if r.is_none() {
        return Ok(());
    }
    Err(error::type_error(t, format_args!("__init__() should return None, not '{}'", type_of(&r).name())))
}

fn new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    const I: usize = first(SlotId::new);
    let found = class.downcast::<TypeObject>().and_then(|ty| ty.lookup(t, name_at(I)));
    let Some(found) = found else { return Err(missing(t, I)) };
    let f = match type_of(&found).slots().get {
        Some(get) => get(t, &found, None, Some(class))?,
        None => found,
    };
    args.with_first(class, |args| call::call_args(t, &f, args))
}

fn next(t: &Thread, v: &Value) -> Res {
    match method::<{ first(SlotId::next) }>(t, v, &[]) {
        Err(e) if e.is(&STOP_ITERATION) && is_plain_stop(&e) => Ok(Value::ABSENT),
        r => r,
    }
}

/// A StopIteration whose value, if somebody asks for it, is None.
fn is_plain_stop(e: &error::Exc) -> bool {
    crate::types::exceptions::field(e.value(), "value").is_none_or(|v| v.is_none())
}

fn finalize(t: &Thread, v: &Value) {
    const I: usize = first(SlotId::finalize);
    let Some(f) = type_of(v).lookup(t, name_at(I)) else { return };
    if let Err(e) = call_found(t, v, &f, Args::NONE)
        && !e.is_stopped()
    {
        let what = ops::repr_text(t, &f).unwrap_or_else(|_| "<object repr() failed>".to_string());
        (t.hooks.unraisable)(t, e, &format!("Exception ignored while calling deallocator {what}"), None);
    }
}
