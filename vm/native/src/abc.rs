//! _abc: what abstract base classes remember, and the checks that read it.

use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::native::{ModuleDef, def};
use typhon_object::slots::Slots;
use typhon_object::ty::{TypeDef, TypeObject, flag, type_of};
use typhon_object::types::weakref::{self, WEAKREF, WeakRef};
use typhon_object::types::{exceptions, set_, staticmethod};
use typhon_object::{Thread, Value, attr, call, convert, ops, payload, tuple};

/// _abc.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_abc",
    doc: "Module contains faster C implementation of abc.ABCMeta",
    functions: &[
        def("get_cache_token", "($module, /)", |t, _| convert::from_u64(t, t.state::<Counter>().0.get()), TOKEN_DOC),
        def(
            "_abc_init",
            "($module, self, /)",
            init,
            "Internal ABC helper for class set-up. Should be never used outside abc module.",
        ),
        def(
            "_abc_register",
            "($module, self, subclass, /)",
            register,
            "Internal ABC helper for subclasss registration. Should be never used outside abc module.",
        ),
        def(
            "_abc_instancecheck",
            "($module, self, instance, /)",
            instance_check,
            "Internal ABC helper for instance checks. Should be never used outside abc module.",
        ),
        def(
            "_abc_subclasscheck",
            "($module, self, subclass, /)",
            |t, a| Ok(Value::bool(subclass_check(t, &a[0], &a[1])?)),
            "Internal ABC helper for subclasss checks. Should be never used outside abc module.",
        ),
        def(
            "_get_dump",
            "($module, self, /)",
            dump,
            "Internal ABC helper for cache and registry debugging.\n\nReturn shallow copies of registry, of both caches, and\nnegative cache version. Don't call this function directly,\ninstead use ABC._dump_registry() for a nice repr.",
        ),
        def(
            "_reset_registry",
            "($module, self, /)",
            |t, a| reset(t, &a[0], &[Which::Registry]),
            "Internal ABC helper to reset registry of a given class.\n\nShould be only used by refleak.py",
        ),
        def(
            "_reset_caches",
            "($module, self, /)",
            |t, a| reset(t, &a[0], &[Which::Cache, Which::Negative]),
            "Internal ABC helper to reset both caches of a given class.\n\nShould be only used by refleak.py",
        ),
    ],
    types: &[("", &ABC_DATA)],
    init: None,
};

const TOKEN_DOC: &str = "Returns the current ABC cache token.\n\nThe token is an opaque object (supporting equality testing) identifying the\ncurrent version of the ABC cache for virtual subclasses. The token changes\nwith every call to register() on any ABC.";

/// How often a class has been registered anywhere: what did not hold then may hold now.
#[derive(Default)]
struct Counter(Cell<u64>);

/// Classes, by address, that are not kept alive.
#[derive(Default)]
struct Classes(RefCell<FxHashMap<u64, Value>>);

impl Classes {
    fn has(&self, class: &Value) -> bool {
        let found = self.0.borrow().get(&class.bits()).and_then(|r| r.downcast::<WeakRef>().and_then(WeakRef::target));
        found.is_some_and(|alive| alive.is(class))
    }

    fn add(&self, t: &Thread, class: &Value) -> Res<()> {
        let reference = weakref::make(t, WEAKREF.ty(), class, None)?;
        let full = self.0.borrow().len() == self.0.borrow().capacity();
        if full {
            let dead = |r: &Value| r.downcast::<WeakRef>().is_none_or(|r| r.target().is_none());
            let gone: Vec<Value> = self.0.borrow_mut().extract_if(|_, r| dead(r)).map(|(_, r)| r).collect();
            drop(gone);
        }
        let old = self.0.borrow_mut().insert(class.bits(), reference);
        drop(old);
        Ok(())
    }

    /// The references to the classes.
    fn references(&self) -> Vec<Value> {
        self.0.borrow().values().cloned().collect()
    }

    fn clear(&self) {
        let old = std::mem::take(&mut *self.0.borrow_mut());
        drop(old);
    }
}

/// What one abstract class remembers: `_abc_impl`.
#[repr(C)]
struct AbcData {
    header: Header,
    registry: Classes,
    cache: Classes,
    negative: Classes,
    /// The counter when the negative cache was last known to be good.
    version: Cell<u64>,
}

typhon_object::payload!(AbcData => ABC_DATA);

static ABC_DATA: TypeDef = TypeDef {
    name: "_abc._abc_data",
    doc: "Internal state held by ABC machinery.",
    slots: Slots { new: Some(new_data), ..Slots::NONE },
    ..TypeDef::of::<AbcData>()
};

fn new_data(t: &Thread, class: &Value, _: Args<'_>) -> Res {
    let version = Cell::new(t.state::<Counter>().0.get());
    payload::new_for(t, class, |header| AbcData {
        header,
        registry: Classes::default(),
        cache: Classes::default(),
        negative: Classes::default(),
        version,
    })
}

fn data_of(t: &Thread, class: &Value) -> Res {
    let found = attr::get(t, class, n::_abc_impl())?;
    if found.exact::<AbcData>().is_none() {
        return Err(error::type_error(t, "_abc_impl is set to a wrong type"));
    }
    Ok(found)
}

fn init(t: &Thread, a: &[Value]) -> Res {
    let names = abstract_names(t, &a[0])?;
    attr::set(t, &a[0], n::__abstractmethods__(), Some(&names))?;
    let data = ABC_DATA.ty().with_value(|class| new_data(t, class, Args::NONE))?;
    attr::set(t, &a[0], n::_abc_impl(), Some(&data))?;
    if let Some(ty) = a[0].downcast::<TypeObject>() {
        pattern_flags(t, ty)?;
    }
    Ok(Value::NONE)
}

/// The names of abstract methods: the class's own, and inherited ones that are still abstract.
fn abstract_names(t: &Thread, class: &Value) -> Res {
    let names = set_::create(t)?;
    let names_set = set_::expect(&names);
    let namespace = attr::get(t, class, n::__dict__())?;
    let items = call::method(t, &namespace, n::items(), &[])?;
    for item in ops::collect(t, &items)? {
        let pair = ops::collect(t, &item)?;
        let [name, value] = &pair[..] else { return Err(error::type_error(t, "Iteration over __dict__ items failed")) };
        if staticmethod::is_abstract(t, value)? {
            set_::add(t, names_set, name)?;
        }
    }
    let bases = attr::get(t, class, n::__bases__())?;
    for base in ops::collect(t, &bases)? {
        let Some(inherited) = attr::get_opt(t, &base, n::__abstractmethods__())? else { continue };
        for name in ops::collect(t, &inherited)? {
            if let Some(value) = attr::get_opt(t, class, &name)?
                && staticmethod::is_abstract(t, &value)?
            {
                set_::add(t, names_set, &name)?;
            }
        }
    }
    set_::frozenset(t, ops::collect(t, &names)?)
}

/// CPython's `Py_TPFLAGS_SEQUENCE` and `Py_TPFLAGS_MAPPING`, and ours.
const PATTERNS: [(i64, u32); 2] = [(1 << 5, flag::SEQUENCE), (1 << 6, flag::MAPPING)];

/// `__abc_tpflags__` in the namespace says which patterns instances match.
fn pattern_flags(t: &Thread, ty: &TypeObject) -> Res<()> {
    let Some(given) = ty.dict().get_str(n::__abc_tpflags__()) else { return Ok(()) };
    let Some(bits) = given.as_small() else { return Ok(()) };
    if PATTERNS.iter().all(|(theirs, _)| bits & theirs != 0) {
        let text = "__abc_tpflags__ cannot be both Py_TPFLAGS_SEQUENCE and Py_TPFLAGS_MAPPING";
        return Err(error::type_error(t, text));
    }
    for (_, ours) in PATTERNS.iter().filter(|(theirs, _)| bits & theirs != 0) {
        ty.set_flag(*ours, true);
    }
    t.alone(|| {
        ty.dict().remove(t, n::__abc_tpflags__())?;
        ty.modified(t);
        Ok(())
    })
}

fn register(t: &Thread, a: &[Value]) -> Res {
    let (class, subclass) = (&a[0], &a[1]);
    let Some(sub) = subclass.downcast::<TypeObject>() else {
        return Err(error::type_error(t, "Can only register classes"));
    };
    if ops::issubclass(t, subclass, class)? {
        return Ok(subclass.clone());
    }
    if ops::issubclass(t, class, subclass)? {
        return Err(error::runtime_error(t, "Refusing to create an inheritance cycle"));
    }
    let data = data_of(t, class)?;
    data.expect::<AbcData>().registry.add(t, subclass)?;
    let counter = t.state::<Counter>();
    counter.0.set(counter.0.get() + 1);
    let pattern = class.downcast::<TypeObject>().map_or(0, |ty| ty.flags() & (flag::SEQUENCE | flag::MAPPING));
    if pattern != 0 {
        spread(t, sub, pattern)?;
    }
    Ok(subclass.clone())
}

/// Gives a registered class and its subclasses the pattern that they match now.
fn spread(t: &Thread, ty: &TypeObject, pattern: u32) -> Res<()> {
    t.check_stack("while registering a class")?;
    let both = flag::SEQUENCE | flag::MAPPING;
    if ty.has_flag(flag::IMMUTABLE) || ty.flags() & both == pattern {
        return Ok(());
    }
    ty.set_flag(both, false);
    ty.set_flag(pattern, true);
    for sub in ty.subclasses(t) {
        if let Some(sub) = sub.downcast::<TypeObject>() {
            spread(t, sub, pattern)?;
        }
    }
    Ok(())
}

fn instance_check(t: &Thread, a: &[Value]) -> Res {
    let (class, instance) = (&a[0], &a[1]);
    let data = data_of(t, class)?;
    let data = data.expect::<AbcData>();
    let own = type_of(instance).value();
    let subclass = attr::class_of(t, instance)?.unwrap_or_else(|| own.clone());
    if data.cache.has(&subclass) {
        return Ok(Value::TRUE);
    }
    if own.is(&subclass) {
        if data.version.get() == t.state::<Counter>().0.get() && data.negative.has(&subclass) {
            return Ok(Value::FALSE);
        }
        return call::method(t, class, n::__subclasscheck__(), &[subclass]);
    }
    let claimed = call::method(t, class, n::__subclasscheck__(), &[subclass])?;
    if ops::truth(t, &claimed)? {
        return Ok(claimed);
    }
    call::method(t, class, n::__subclasscheck__(), &[own])
}

fn subclass_check(t: &Thread, class: &Value, subclass: &Value) -> Res<bool> {
    t.check_stack("in __subclasscheck__")?;
    let Some(sub) = subclass.downcast::<TypeObject>() else {
        return Err(error::type_error(t, "issubclass() arg 1 must be a class"));
    };
    let data = data_of(t, class)?;
    let data = data.expect::<AbcData>();
    if data.cache.has(subclass) {
        return Ok(true);
    }
    let counter = t.state::<Counter>().0.get();
    if data.version.get() < counter {
        data.negative.clear();
        data.version.set(counter);
    } else if data.negative.has(subclass) {
        return Ok(false);
    }
    let found = decide(t, data, class, subclass, sub)?;
    if found { &data.cache } else { &data.negative }.add(t, subclass)?;
    Ok(found)
}

/// What the class's hook says; then descent, registered classes, and subclasses with what is registered there.
fn decide(t: &Thread, data: &AbcData, class: &Value, subclass: &Value, sub: &TypeObject) -> Res<bool> {
    let answer = call::method(t, class, n::__subclasshook__(), std::slice::from_ref(subclass))?;
    if answer.is_bool() {
        return Ok(answer.is_true());
    }
    if !answer.is_not_implemented() {
        let text = "__subclasshook__ must return either False, True, or NotImplemented";
        return Err(error::new(t, &exceptions::ASSERTION_ERROR, text));
    }
    if class.downcast::<TypeObject>().is_some_and(|ty| sub.is_subtype(ty)) {
        return Ok(true);
    }
    for registered in data.registry.references() {
        if let Some(registered) = registered.downcast::<WeakRef>().and_then(WeakRef::target)
            && ops::issubclass(t, subclass, &registered)?
        {
            return Ok(true);
        }
    }
    let subclasses = call::method(t, class, n::__subclasses__(), &[])?;
    if subclasses.downcast::<List>().is_none() {
        return Err(error::type_error(t, "__subclasses__() must return a list"));
    }
    for known in ops::collect(t, &subclasses)? {
        if ops::issubclass(t, subclass, &known)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[derive(Clone, Copy)]
enum Which {
    Registry,
    Cache,
    Negative,
}

impl AbcData {
    fn classes(&self, which: Which) -> &Classes {
        match which {
            Which::Registry => &self.registry,
            Which::Cache => &self.cache,
            Which::Negative => &self.negative,
        }
    }
}

fn reset(t: &Thread, class: &Value, which: &[Which]) -> Res {
    let data = data_of(t, class)?;
    which.iter().for_each(|w| data.expect::<AbcData>().classes(*w).clear());
    Ok(Value::NONE)
}

fn dump(t: &Thread, a: &[Value]) -> Res {
    let data = data_of(t, &a[0])?;
    let data = data.expect::<AbcData>();
    let copy = |which| set_::from_vec(t, data.classes(which).references());
    let version = convert::from_u64(t, data.version.get())?;
    tuple::from_array(t, [copy(Which::Registry)?, copy(Which::Cache)?, copy(Which::Negative)?, version])
}
