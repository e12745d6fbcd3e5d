//! object.

use crate::args::Args;
use crate::attr;
use crate::call;
use crate::convert;
use crate::dict::Dict;
use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::list::List;
use crate::names::n;
use crate::native::{MethodDef, NativeFunction, def, getset, raw};
use crate::ops::{self, CompareOp};
use crate::payload;
use crate::slots::{InitFn, NewFn, Slots};
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::tuple::{self, Tuple};
use crate::ty::{TypeDef, TypeObject, flag, type_of};
use crate::types::type_;
use crate::value::Value;

/// A bare object: nothing but a header.
#[repr(C)]
pub struct Object {
    pub(crate) header: Header,
}

crate::payload!(Object => OBJECT);

/// object.
pub static OBJECT: TypeDef = TypeDef {
    name: "object",
    doc: "The base class of the class hierarchy.\n\nWhen called, it accepts no arguments and returns a new featureless\ninstance that has no instance attributes and cannot be given any.\n",
    signature: "()",
    id: ids::OBJECT,
    flags: flag::BASETYPE | flag::ATOMIC,
    slots: Slots {
        new: Some(new),
        init: Some(init),
        repr: Some(repr),
        str: Some(ops::repr),
        hash: Some(|_, v| Ok((v.bits() as i64).rotate_right(4))),
        getattr: Some(attr::generic_get),
        setattr: Some(attr::generic_set),
        compare: Some(compare),
        ..Slots::NONE
    },
    methods: METHODS,
    getset: &[getset("__class__", |_, v| Ok(type_of(v).value()), set_class, "the object's class")],
    ..TypeDef::of::<Object>()
};

const METHODS: &[MethodDef] = &[
    def("__reduce_ex__", "($self, protocol, /)", reduce_ex, "Helper for pickle."),
    def("__reduce__", "($self, /)", |t, a| common_reduce(t, &a[0], 0), "Helper for pickle."),
    def("__getstate__", "($self, /)", |t, a| default_state(t, &a[0], false), "Helper for pickle."),
    def(
        "__subclasshook__",
        "($type, object, /)",
        |_, _| Ok(Value::NOT_IMPLEMENTED),
        "Abstract classes can override this to customize issubclass().\n\nThis is invoked early on by abc.ABCMeta.__subclasscheck__().\nIt should return True, False or NotImplemented.  If it returns\nNotImplemented, the normal algorithm is used.  Otherwise, it\noverrides the normal algorithm (and the outcome is cached).",
    )
    .class(),
    raw(
        "__init_subclass__",
        "($type, /)",
        init_subclass,
        "This method is called when a class is subclassed.\n\nThe default implementation does nothing. It may be\noverridden to extend subclasses.",
    )
    .class(),
    def("__format__", "($self, format_spec, /)", format, "Default object formatter.\n\nReturn str(self) if format_spec is empty. Raise TypeError otherwise."),
    def("__sizeof__", "($self, /)", |_, a| Ok(size_of(&a[0])), "Size of object in memory, in bytes."),
    def("__dir__", "($self, /)", dir, "Default dir() implementation."),
];

pub(crate) fn is_new(f: Option<NewFn>) -> bool {
    f.is_some_and(|f| std::ptr::fn_addr_eq(f, new as NewFn))
}

pub(crate) fn is_init(f: Option<InitFn>) -> bool {
    f.is_some_and(|f| std::ptr::fn_addr_eq(f, init as InitFn))
}

/// `object.__new__`.
pub fn new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let ty = class.expect::<TypeObject>();
    if !args.values.is_empty() {
        if !is_new(ty.slots().new) {
            return Err(error::type_error(t, "object.__new__() takes exactly one argument (the type to instantiate)"));
        }
        if is_init(ty.slots().init) {
            return Err(error::type_error(t, format_args!("{}() takes no arguments", ty.name())));
        }
    }
    if ty.has_flag(flag::ABSTRACT) {
        return Err(abstract_error(t, class));
    }
    payload::new_for(t, class, |header| Object { header })
}

#[cold]
fn abstract_error(t: &Thread, class: &Value) -> error::Exc {
    let make = || -> Res<error::Exc> {
        let names = ops::collect(t, &attr::get(t, class, n::__abstractmethods__())?)?;
        let mut names: Vec<String> = names.iter().map(strs::display).collect();
        names.sort();
        let (s, list) = (if names.len() == 1 { "" } else { "s" }, names.join("', '"));
        let name = class.expect::<TypeObject>().name();
        Ok(error::type_error(
            t,
            format_args!(
                "Can't instantiate abstract class {name} without an implementation for abstract method{s} '{list}'"
            ),
        ))
    };
    make().unwrap_or_else(|e| e)
}

/// `object.__init__`.
fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    if args.values.is_empty() {
        return Ok(());
    }
    let ty = type_of(v);
    if !is_init(ty.slots().init) {
        return Err(error::type_error(t, "object.__init__() takes exactly one argument (the instance to initialize)"));
    }
    if is_new(ty.slots().new) {
        let name = ty.name();
        return Err(error::type_error(
            t,
            format_args!("{name}.__init__() takes exactly one argument (the instance to initialize)"),
        ));
    }
    Ok(())
}

fn repr(t: &Thread, v: &Value) -> Res {
    strs::new(t, &format!("<{} object at {:#x}>", type_of(v).shown_name(), v.id()))
}

/// Whether a type's instances are equal to themselves only, as an object is.
#[inline]
pub(crate) fn compares_by_identity(ty: &TypeObject) -> bool {
    let own: fn(&Thread, &Value, &Value, CompareOp) -> Res = compare;
    ty.slots().compare.is_some_and(|f| std::ptr::fn_addr_eq(f, own))
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    match op {
        CompareOp::Eq if a.is(b) => Ok(Value::TRUE),
        CompareOp::Ne => {
            // `!=` is the opposite of whatever the type's `==` says.
            let Some(eq) = type_of(a).slots().compare else { return Ok(Value::NOT_IMPLEMENTED) };
            let r = eq(t, a, b, CompareOp::Eq)?;
            if r.is_not_implemented() { Ok(r) } else { Ok(Value::bool(!ops::truth(t, &r)?)) }
        }
        _ => Ok(Value::NOT_IMPLEMENTED),
    }
}

fn set_class(t: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    match value {
        Some(class) => type_::set_class(t, v, class),
        None => Err(error::type_error(t, "can't delete __class__ attribute")),
    }
}

fn init_subclass(t: &Thread, args: Args<'_>) -> Res {
    let name = args.values.first().and_then(|c| c.downcast::<TypeObject>());
    let name = name.map(|ty| strs::display(&ty.qualname.get())).unwrap_or_default();
    if args.has_keywords() {
        return Err(error::type_error(t, format_args!("{name}.__init_subclass__() takes no keyword arguments")));
    }
    let given = args.values.len().saturating_sub(1);
    if given > 0 {
        return Err(error::type_error(
            t,
            format_args!("{name}.__init_subclass__() takes no arguments ({given} given)"),
        ));
    }
    Ok(Value::NONE)
}

fn format(t: &Thread, a: &[Value]) -> Res {
    let Some(spec) = a[1].downcast::<Str>() else {
        let got = type_of(&a[1]).name();
        return Err(error::type_error(t, format_args!("__format__() argument must be str, not {got}")));
    };
    if !spec.is_empty() {
        let name = type_of(&a[0]).name();
        return Err(error::type_error(t, format_args!("unsupported format string passed to {name}.__format__")));
    }
    ops::str(t, &a[0])
}

fn size_of(v: &Value) -> Value {
    match v.header() {
        // SAFETY: a live object of its type.
        Some(h) => convert::from_usize(unsafe { type_of(v).object_size(std::ptr::from_ref(h).cast_mut()) }),
        None => Value::small(8),
    }
}

/// The names of the object's dict and of its class.
fn dir(t: &Thread, a: &[Value]) -> Res {
    let names = Dict::create(t);
    let out = Dict::of(&names);
    if let Some(dict) = attr::get_opt(t, &a[0], n::__dict__())?
        && let Some(dict) = dict.downcast::<Dict>()
    {
        for key in dict.keys() {
            out.set(t, &key, &Value::NONE)?;
        }
    }
    if let Some(class) = attr::class_of(t, &a[0])? {
        type_::merge_class(t, out, &class)?;
    }
    List::from_vec(t, out.keys())
}

/// `object.__reduce_ex__`: an overridden `__reduce__` wins.
fn reduce_ex(t: &Thread, a: &[Value]) -> Res {
    let protocol = convert::to_i32(t, &a[1])?;
    if let Some(reduce) = attr::get_opt(t, &a[0], n::__reduce__())? {
        let class = attr::get(t, &a[0], n::__class__())?;
        let of_class = attr::get(t, &class, n::__reduce__())?;
        if OBJECT.ty().dict().get_str(n::__reduce__()).is_none_or(|own| !own.is(&of_class)) {
            return call::call0(t, &reduce);
        }
    }
    common_reduce(t, &a[0], protocol)
}

fn common_reduce(t: &Thread, v: &Value, protocol: i32) -> Res {
    if protocol >= 2 {
        return reduce_newobj(t, v);
    }
    let copyreg = (t.hooks.import)(t, "copyreg")?;
    let f = attr::get_text(t, &copyreg, "_reduce_ex")?;
    call::call(t, &f, &[v.clone(), Value::small(i64::from(protocol))])
}

/// Protocol 2 and up: (copyreg.__newobj__, (class, *args), state, list items, dict items).
fn reduce_newobj(t: &Thread, v: &Value) -> Res {
    let ty = type_of(v);
    if ty.slots().new.is_none() {
        return Err(error::type_error(t, format_args!("cannot pickle '{}' object", ty.name())));
    }
    let (args, kwargs) = new_args(t, v)?;
    let class = attr::get(t, v, n::__class__())?;
    let copyreg = (t.hooks.import)(t, "copyreg")?;
    let has_args = args.is_some();
    let args = args.map(|a| a.expect::<Tuple>().items().to_vec()).unwrap_or_default();
    let (maker, new_args) = match kwargs.filter(|k| !Dict::of(k).is_empty()) {
        None => {
            let mut all = vec![class];
            all.extend(args);
            (attr::get(t, &copyreg, n::__newobj__())?, tuple::from_vec(t, all)?)
        }
        Some(kwargs) => {
            let args = tuple::from_vec(t, args)?;
            (attr::get(t, &copyreg, n::__newobj_ex__())?, tuple::from_array(t, [class, args, kwargs])?)
        }
    };
    let (is_list, is_dict) = (ty.has_flag(flag::LIST), ty.has_flag(flag::DICT));
    let state = state(t, v, !(has_args || is_list || is_dict))?;
    let list_items = if is_list { ops::iter(t, v)? } else { Value::NONE };
    let dict_items = if is_dict {
        let items = call::method(t, v, n::items(), &[])?;
        ops::iter(t, &items)?
    } else {
        Value::NONE
    };
    tuple::from_array(t, [maker, new_args, state, list_items, dict_items])
}

/// `__getnewargs_ex__` or `__getnewargs__`.
fn new_args(t: &Thread, v: &Value) -> Res<(Option<Value>, Option<Value>)> {
    let not = |t: &Thread, what: &str, kind: &str, got: &Value| {
        error::type_error(t, format_args!("{what} a {kind}, not '{}'", type_of(got).name()))
    };
    if let Some(r) = call::special(t, v, n::__getnewargs_ex__(), &[]) {
        let r = r?;
        let Some(pair) = r.downcast::<Tuple>() else {
            return Err(not(t, "__getnewargs_ex__ should return", "tuple", &r));
        };
        let [args, kwargs] = pair.items() else {
            let n = pair.len();
            return Err(error::value_error(
                t,
                format_args!("__getnewargs_ex__ should return a tuple of length 2, not {n}"),
            ));
        };
        if args.downcast::<Tuple>().is_none() {
            return Err(not(t, "first item of the tuple returned by __getnewargs_ex__ must be", "tuple", args));
        }
        if kwargs.downcast::<Dict>().is_none() {
            return Err(not(t, "second item of the tuple returned by __getnewargs_ex__ must be", "dict", kwargs));
        }
        return Ok((Some(args.clone()), Some(kwargs.clone())));
    }
    match call::special(t, v, n::__getnewargs__(), &[]) {
        Some(r) => {
            let r = r?;
            if r.downcast::<Tuple>().is_none() {
                return Err(not(t, "__getnewargs__ should return", "tuple", &r));
            }
            Ok((Some(r), None))
        }
        None => Ok((None, None)),
    }
}

/// The state through `__getstate__`; `required` if nothing else would carry a payload that Python cannot see.
pub(crate) fn state(t: &Thread, v: &Value, required: bool) -> Res {
    let f = attr::get(t, v, n::__getstate__())?;
    match f.exact::<NativeFunction>() {
        Some(native) if is_own_getstate(native.def) && native.bound.get().is(v) => default_state(t, v, required),
        _ => call::call0(t, &f),
    }
}

/// Whether this is `object`'s method, not that of a type with a state of its own (`BytesIO`).
fn is_own_getstate(def: &MethodDef) -> bool {
    OBJECT.methods.iter().any(|own| own.name == "__getstate__" && std::ptr::eq(own, def))
}

/// The dict (None if empty), or a pair of it and the values of slots.
fn default_state(t: &Thread, v: &Value, required: bool) -> Res {
    let ty = type_of(v);
    if required && ty.def().size > OBJECT.size {
        return Err(error::type_error(t, format_args!("cannot pickle '{}' object", ty.name())));
    }
    let state = match v.header() {
        Some(h) if attr::dict_word(ty, h).is_some() => {
            let dict = attr::instance_dict(t, ty, h)?;
            if Dict::of(&dict).is_empty() { Value::NONE } else { dict }
        }
        _ => Value::NONE,
    };
    let names = slot_names(t, ty)?;
    let Some(names) = names.downcast::<List>() else { return Ok(state) };
    let slots = Dict::create(t);
    for name in names.to_vec() {
        if let Some(value) = attr::get_opt(t, v, &name)? {
            Dict::of(&slots).set(t, &name, &value)?;
        }
    }
    if Dict::of(&slots).is_empty() { Ok(state) } else { tuple::from_array(t, [state, slots]) }
}

/// The names of all slots along the MRO: `copyreg` works them out and keeps them on the class.
fn slot_names(t: &Thread, ty: &TypeObject) -> Res {
    if let Some(found) = ty.dict().get_str(n::__slotnames__()) {
        if !found.is_none() && found.downcast::<List>().is_none() {
            let (ty, got) = (ty.name(), type_of(&found).name());
            return Err(error::type_error(t, format_args!("{ty}.__slotnames__ should be a list or None, not {got}")));
        }
        return Ok(found);
    }
    let has_slots = ty.mro_types().any(|m| m.dict().get_str(n::__slots__()).is_some());
    if !has_slots {
        return Ok(Value::NONE);
    }
    let copyreg = (t.hooks.import)(t, "copyreg")?;
    let f = attr::get_text(t, &copyreg, "_slotnames")?;
    let names = call::call1(t, &f, &ty.value())?;
    if !names.is_none() && names.downcast::<List>().is_none() {
        return Err(error::type_error(t, "copyreg._slotnames didn't return a list or None"));
    }
    Ok(names)
}
