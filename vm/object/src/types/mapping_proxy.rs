//! mappingproxy: a mapping that cannot be changed through it.

use crate::args::Args;
use crate::attr;
use crate::call;
use crate::dict::Dict;
use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::list::List;
use crate::names;
use crate::native::{MethodDef, def, raw};
use crate::ops;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::strs;
use crate::thread::Thread;
use crate::tuple::Tuple;
use crate::ty::{TypeDef, flag, type_of};
use crate::types::generic_alias;
use crate::value::Value;

/// A read-only view of a mapping.
#[repr(C)]
pub struct MappingProxy {
    pub(crate) header: Header,
    mapping: Slot,
}

crate::payload!(MappingProxy => MAPPING_PROXY {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.mapping.peek() });
    }
});

/// mappingproxy.
pub static MAPPING_PROXY: TypeDef = TypeDef {
    name: "mappingproxy",
    doc: "Read-only proxy of a mapping.",
    signature: "(mapping)",
    id: ids::MAPPING_PROXY,
    flags: flag::MAPPING,
    slots: Slots {
        new: Some(make),
        repr: Some(|t, v| strs::new(t, &format!("mappingproxy({})", ops::repr_text(t, &mapping(v))?))),
        str: Some(|t, v| ops::str(t, &mapping(v))),
        hash: Some(|t, v| ops::hash(t, &mapping(v))),
        compare: Some(|t, a, b, op| ops::compare(t, &lent(t, a)?, &lent(t, b)?, op)),
        len: Some(|t, v| ops::len(t, &mapping(v))),
        getitem: Some(|t, v, key| ops::getitem(t, &mapping(v), key)),
        contains: Some(contains),
        iter: Some(|t, v| ops::iter(t, &mapping(v))),
        or: Some(|t, a, b| ops::binary(t, ops::OR, &lent(t, a)?, &lent(t, b)?)),
        ior: Some(|t, a, _| {
            let ty = type_of(a).name();
            Err(error::type_error(t, format_args!("'|=' is not supported by {ty}; use '|' instead")))
        }),
        ..Slots::NONE
    },
    methods: METHODS,
    ..TypeDef::of::<MappingProxy>()
};

const METHODS: &[MethodDef] = &[
    raw(
        "get",
        "($self, key, default=None, /)",
        get,
        "Return the value for key if key is in the mapping, else default.",
    ),
    def("keys", "($self, /)", |t, a| forward(t, a, "keys"), "a set-like object providing a view on D's keys"),
    def("values", "($self, /)", |t, a| forward(t, a, "values"), "an object providing a view on D's values"),
    def("items", "($self, /)", |t, a| forward(t, a, "items"), "a set-like object providing a view on D's items"),
    def("copy", "($self, /)", |t, a| forward(t, a, "copy"), "a shallow copy of D"),
    def("__reversed__", "($self, /)", |t, a| forward(t, a, "__reversed__"), "reverse iterator"),
    def("__class_getitem__", "($type, object, /)", |t, a| generic_alias::new(t, &a[0], &a[1]), "See PEP 585").class(),
];

/// A proxy of `mapping`.
pub fn new(t: &Thread, mapping: &Value) -> Res {
    payload::new(t, |header| MappingProxy { header, mapping: Slot::new(mapping.clone()) })
}

fn make(t: &Thread, _: &Value, args: Args<'_>) -> Res {
    let given = match (args.positional(), args.keyword("mapping")) {
        ([m], None) if args.names.is_empty() => m,
        ([], Some(m)) if args.names.len() == 1 => m,
        ([], None) if args.names.is_empty() => {
            return Err(error::type_error(t, "mappingproxy() missing required argument 'mapping' (pos 1)"));
        }
        _ => {
            let n = args.values.len();
            return Err(error::type_error(t, format_args!("mappingproxy() takes at most 1 argument ({n} given)")));
        }
    };
    let ty = type_of(given);
    if ty.slots().getitem.is_none() || given.downcast::<List>().is_some() || given.downcast::<Tuple>().is_some() {
        let name = ty.name();
        return Err(error::type_error(t, format_args!("mappingproxy() argument must be a mapping, not {name}")));
    }
    new(t, given)
}

/// The mapping behind a proxy.
pub fn mapping(v: &Value) -> Value {
    v.expect::<MappingProxy>().mapping.get()
}

/// What is behind a proxy, for an operation whose other operand gets it: of what is the process's, a copy.
fn lent(t: &Thread, v: &Value) -> Res {
    let Some(proxy) = v.downcast::<MappingProxy>() else { return Ok(v.clone()) };
    let mapping = proxy.mapping.get();
    match mapping.exact::<Dict>() {
        Some(dict) if mapping.header().is_some_and(Header::is_immortal) => dict.copy(t),
        _ => Ok(mapping),
    }
}

fn contains(t: &Thread, v: &Value, key: &Value) -> Res<bool> {
    let m = mapping(v);
    match m.exact::<Dict>() {
        Some(d) => d.contains(t, key),
        None => ops::contains(t, &m, key),
    }
}

fn get(t: &Thread, args: Args<'_>) -> Res {
    let this = &args.values[0];
    let a = args.rest().expect_positional(t, "get", 1, 2)?;
    let default = a.get(1).cloned().unwrap_or(Value::NONE);
    let m = mapping(this);
    if let Some(d) = m.exact::<Dict>() {
        return Ok(d.get(t, &a[0])?.unwrap_or(default));
    }
    call::method(t, &m, names::n::get(), &[a[0].clone(), default])
}

fn forward(t: &Thread, a: &[Value], name: &str) -> Res {
    let f = attr::get_text(t, &mapping(&a[0]), name)?;
    call::call0(t, &f)
}
