//! defaultdict.

use typhon_object::args::Args;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::native::{def, member_rw};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::dict_::DICT;
use typhon_object::types::generic_alias;
use typhon_object::{Thread, Value, call, names, ops, payload, strs, tuple, type_of};

/// A dict that makes what is missing.
#[repr(C)]
pub(super) struct DefaultDict {
    dict: Dict,
    factory: Slot,
}

typhon_object::payload!(DefaultDict, dict => DEFAULT_DICT {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.dict.traverse(visit);
        visit(&self.factory.get());
    }
    fn clear(&self) {
        drop(self.factory.take());
        self.dict.clear();
    }
});

/// collections.defaultdict.
pub(super) static DEFAULT_DICT: TypeDef = TypeDef {
    name: "collections.defaultdict",
    doc: "defaultdict(default_factory=None, /, [...]) --> dict with default factory\n\nThe default factory is called without arguments to produce\na new value when a key is not present, in __getitem__ only.\nA defaultdict compares equal to a dict with the same items.\nAll remaining arguments are treated the same as if they were\npassed to the dict constructor, including keyword arguments.",
    base: Some(&DICT),
    flags: flag::BASETYPE,
    slots: Slots {
        new: Some(|t, class, _| {
            payload::new_for(t, class, |header| DefaultDict { dict: Dict::empty(header), factory: Slot::empty() })
        }),
        init: Some(init),
        repr: Some(repr),
        or: Some(or),
        ..Slots::NONE
    },
    methods: &[
        def(
            "__missing__",
            "($self, key, /)",
            missing,
            "__missing__(key) # Called by __getitem__ for missing key; pseudo-code:\n  if self.default_factory is None: raise KeyError((key,))\n  self[key] = value = self.default_factory()\n  return value\n",
        ),
        def("copy", "($self, /)", |t, a| copy(t, &a[0]), "D.copy() -> a shallow copy of D."),
        def("__copy__", "($self, /)", |t, a| copy(t, &a[0]), "D.copy() -> a shallow copy of D."),
        def("__reduce__", "($self, /)", reduce, "Return state information for pickling."),
        def("__class_getitem__", "($type, object, /)", |t, a| generic_alias::new(t, &a[0], &a[1]), "See PEP 585")
            .class(),
    ],
    members: &[member_rw(
        "default_factory",
        std::mem::offset_of!(DefaultDict, factory),
        "Factory for default value called by __missing__().",
    )],
    ..TypeDef::of::<DefaultDict>()
};

fn factory(v: &Value) -> Option<Value> {
    v.downcast::<DefaultDict>().and_then(|d| d.factory.get().present()).filter(|f| !f.is_none())
}

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    let d = v.expect::<DefaultDict>();
    let (first, rest) = match args.positional().first() {
        Some(first) => (first.clone(), args.rest()),
        None => (Value::NONE, args),
    };
    if !first.is_none() && !call::is_callable(&first) {
        return Err(error::type_error(t, "first argument must be callable or None"));
    }
    if let Some(header) = v.header() {
        d.factory.set(header, first);
    }
    match DICT.slots.init {
        Some(init) => init(t, v, rest),
        None => Ok(()),
    }
}

fn missing(t: &Thread, a: &[Value]) -> Res {
    let Some(f) = factory(&a[0]) else { return Err(error::key_error(t, &a[1])) };
    let value = call::call0(t, &f)?;
    // The factory may have asked for the same key.
    Dict::of(&a[0]).set_default(t, &a[1], &value)
}

/// A defaultdict of the class of `like` with the items of `from`.
fn copy_of(t: &Thread, like: &Value, from: &Value) -> Res {
    let f = factory(like).unwrap_or(Value::NONE);
    call::call(t, &type_of(like).value(), &[f, from.clone()])
}

fn copy(t: &Thread, v: &Value) -> Res {
    copy_of(t, v, v)
}

fn or(t: &Thread, a: &Value, b: &Value) -> Res {
    if a.downcast::<Dict>().is_none() || b.downcast::<Dict>().is_none() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let like = if a.downcast::<DefaultDict>().is_some() { a } else { b };
    let out = copy_of(t, like, a)?;
    call::method(t, &out, names::n::update(), std::slice::from_ref(b))?;
    Ok(out)
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let args = match factory(&a[0]) {
        Some(f) => tuple::from_array(t, [f])?,
        None => tuple::new(t, &[])?,
    };
    let items = call::method(t, &a[0], names::n::items(), &[])?;
    let items = ops::iter(t, &items)?;
    tuple::from_array(t, [type_of(&a[0]).value(), args, Value::NONE, Value::NONE, items])
}

fn repr(t: &Thread, v: &Value) -> Res {
    let Some(header) = v.header() else { return Err(error::system_error(t, "a defaultdict without a header")) };
    let f = factory(v).unwrap_or(Value::NONE);
    let base = match DICT.slots.repr {
        Some(repr) => strs::display(&repr(t, v)?),
        None => String::new(),
    };
    // The factory may refer back to the dict.
    let shown = match t.show(header) {
        Some(_shown) => ops::repr_text(t, &f)?,
        None => "...".to_string(),
    };
    strs::new(t, &format!("{}({shown}, {base})", type_of(v).short_name()))
}
