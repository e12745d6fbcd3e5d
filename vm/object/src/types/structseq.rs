//! Struct sequences: tuples whose items have names too (`os.stat_result`, `time.struct_time`, `sys.flags`).
//!
//! The [`structseq!`](crate::structseq) macro defines one. The first `visible` fields are the tuple's items; the rest are
//! reached by name only and lie behind the items. A field with an empty name has an index only.

use crate::args::Args;
use crate::dict::Dict;
use crate::error::{self, Res};
use crate::header::Header;
use crate::names;
use crate::native::{GetSetDef, getter};
use crate::ops;
use crate::strs::{self, StrBuilder};
use crate::thread::Thread;
use crate::tuple::{self, Tuple};
use crate::ty::{TypeDef, type_of};
use crate::value::Value;

/// Most fields a struct sequence may have.
pub const FIELDS_MAX: usize = 40;

/// A kind of struct sequence.
pub struct StructSeq {
    /// Its type.
    pub def: &'static TypeDef,
    /// How many of the fields are the tuple's items.
    pub visible: usize,
    /// Names and docstrings.
    pub fields: &'static [(&'static str, &'static str)],
}

/// Defines a struct sequence: `structseq! { pub TIMES = "posix.times_result", "doc", flags 0, visible 5, complete |_| {},
/// [("user", "user time"), ...] }`. `complete` may fill fields that a caller of the constructor left None.
#[macro_export]
macro_rules! structseq {
    ($(#[$meta:meta])* $vis:vis $NAME:ident = $name:literal, $doc:literal, flags $flags:expr, visible $visible:literal,
     complete $complete:expr, [$(($field:literal, $fdoc:literal)),* $(,)?]) => {
        $(#[$meta])*
        $vis static $NAME: $crate::types::structseq::StructSeq = {
            use $crate::types::structseq as ss;
            const FIELDS: &[(&str, &str)] = &[$(($field, $fdoc)),*];
            const N: usize = FIELDS.len();
            const NAMED: usize = ss::named(FIELDS);
            const GETTERS: [$crate::native::GetSetDef; NAMED] = ss::getters::<NAMED>(FIELDS);
            static DEF: $crate::ty::TypeDef = $crate::ty::TypeDef {
                name: $name,
                doc: $doc,
                base: Some(&$crate::types::tuple_::TUPLE),
                flags: $flags,
                size_of: Some(ss::size_of_object::<N>),
                drop: ss::drop_fields::<N>,
                traverse: Some(ss::traverse_fields::<N>),
                clear: None,
                slots: $crate::slots::Slots {
                    new: if $flags & $crate::ty::flag::NO_NEW != 0 {
                        None
                    } else {
                        Some(|t, _, a| ss::construct(t, &$NAME, a, $complete))
                    },
                    repr: Some(|t, v| ss::repr(t, &$NAME, v)),
                    ..$crate::slots::Slots::NONE
                },
                getset: &GETTERS,
                methods: &[
                    $crate::native::def("__reduce__", "($self, /)", |t, a| ss::reduce(t, &$NAME, &a[0]), ""),
                    $crate::native::raw(
                        "__replace__",
                        "($self, /, **changes)",
                        |t, a| ss::replace(t, &$NAME, a),
                        "Return a copy of the structure with new values for the specified fields.",
                    ),
                ],
                constants: &[
                    ("n_sequence_fields", |_| Ok($crate::Value::small($visible))),
                    ("n_fields", |_| Ok($crate::Value::small(N as i64))),
                    ("n_unnamed_fields", |_| Ok($crate::Value::small((N - NAMED) as i64))),
                    ("__match_args__", |t| ss::match_args(t, &$NAME)),
                ],
                ..$crate::ty::TypeDef::of::<$crate::tuple::Tuple>()
            };
            ss::StructSeq { def: &DEF, visible: $visible, fields: FIELDS }
        };
    };
}

/// How many fields have a name.
pub const fn named(fields: &[(&str, &str)]) -> usize {
    let (mut i, mut n) = (0, 0);
    while i < fields.len() {
        n += !fields[i].0.is_empty() as usize;
        i += 1;
    }
    n
}

/// The attributes of a struct sequence.
pub const fn getters<const NAMED: usize>(fields: &[(&'static str, &'static str)]) -> [GetSetDef; NAMED] {
    let mut out = [getter("", field::<0>, ""); NAMED];
    let (mut i, mut n) = (0, 0);
    while i < fields.len() {
        if !fields[i].0.is_empty() {
            out[n] = getter(fields[i].0, FIELD[i], fields[i].1);
            n += 1;
        }
        i += 1;
    }
    out
}

type Getter = fn(&Thread, &Value) -> Res;

macro_rules! field_table {
    ($($i:literal)*) => {
        const FIELD: [Getter; FIELDS_MAX] = [$(field::<$i>),*];
    };
}
field_table! { 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 }

fn field<const I: usize>(_: &Thread, v: &Value) -> Res {
    // SAFETY: the attribute is one of a struct sequence with more than `I` fields, checked by its descriptor.
    Ok(unsafe { (*data(v.expect::<Tuple>()).add(I)).clone() })
}

/// Where a tuple's items, and behind them a struct sequence's other fields, begin.
fn data(v: &Tuple) -> *const Value {
    v.items().as_ptr()
}

/// Bytes of an object of `N` fields.
///
/// # Safety
/// None: the size does not depend on the object.
pub unsafe fn size_of_object<const N: usize>(_: *mut Header) -> usize {
    size_of::<Tuple>() + 8 * N
}

/// Drops all fields.
///
/// # Safety
/// `at` is a dead struct sequence of `N` fields.
pub unsafe fn drop_fields<const N: usize>(at: *mut Header) {
    // SAFETY: `N` values follow the struct; each is dropped once.
    unsafe { std::ptr::slice_from_raw_parts_mut(at.cast::<Tuple>().add(1).cast::<Value>(), N).drop_in_place() };
}

/// Shows all fields to the collector.
///
/// # Safety
/// `at` is a live struct sequence of `N` fields.
pub unsafe fn traverse_fields<const N: usize>(at: *mut Header, visit: &mut dyn FnMut(&Value)) {
    // SAFETY: `N` values follow the struct.
    unsafe { std::slice::from_raw_parts(at.cast::<Tuple>().add(1).cast::<Value>(), N) }.iter().for_each(visit);
}

/// A new instance of all its fields' values.
pub fn new(t: &Thread, kind: &StructSeq, fields: Vec<Value>) -> Res {
    debug_assert_eq!(fields.len(), kind.fields.len());
    let mut fields = fields.into_iter();
    let all = (0..kind.fields.len()).map(move |_| fields.next().unwrap_or(Value::NONE));
    tuple::make_hidden(t, kind.def.ty(), kind.visible, kind.fields.len(), all)
}

/// Every field's value.
fn all_fields(kind: &StructSeq, v: &Value) -> Vec<Value> {
    let at = data(v.expect::<Tuple>());
    // SAFETY: `v` is an instance of `kind`, which has this many fields.
    unsafe { std::slice::from_raw_parts(at, kind.fields.len()) }.to_vec()
}

/// `__match_args__`.
pub fn match_args(t: &Thread, kind: &StructSeq) -> Res {
    let visible = kind.fields.iter().take(kind.visible).filter(|f| !f.0.is_empty());
    tuple::from_vec(t, visible.map(|f| names::intern_static(f.0)).collect())
}

/// `__new__(sequence, dict={})`.
pub fn construct(t: &Thread, kind: &StructSeq, args: Args<'_>, complete: fn(&mut [Value])) -> Res {
    let name = kind.def.name;
    let short = kind.def.short_name();
    let sequence = match args.positional().first().or_else(|| args.keyword("sequence")) {
        Some(v) => v,
        None => {
            return Err(error::type_error(t, format_args!("{short}() missing required argument 'sequence' (pos 1)")));
        }
    };
    if args.values.len() > 2 {
        let n = args.values.len();
        return Err(error::type_error(t, format_args!("{short}() takes at most 2 arguments ({n} given)")));
    }
    let more = args.positional().get(1).or_else(|| args.keyword("dict"));
    if !ops::is_sequence(sequence) && type_of(sequence).slots().iter.is_none() {
        return Err(error::type_error(t, "constructor requires a sequence"));
    }
    let mut fields = match ops::collect(t, sequence) {
        Err(e) if e.is(&super::exceptions::TYPE_ERROR) => {
            return Err(error::type_error(t, "constructor requires a sequence"));
        }
        r => r?,
    };
    let more = match more {
        None => None,
        Some(v) => match v.downcast::<Dict>() {
            Some(d) => Some(d),
            None => return Err(error::type_error(t, format_args!("{name}() takes a dict as second arg, if any"))),
        },
    };
    let (n, min, max) = (fields.len(), kind.visible, kind.fields.len());
    if n < min || n > max {
        let bound = match (min == max, n < min) {
            (true, _) => format!("a {min}"),
            (_, true) => format!("an at least {min}"),
            _ => format!("an at most {max}"),
        };
        return Err(error::type_error(t, format_args!("{name}() takes {bound}-sequence ({n}-sequence given)")));
    }
    let mut used = 0;
    for (field, _) in &kind.fields[n..] {
        let given = match more {
            Some(d) if !field.is_empty() => d.get_str(&names::intern_static(field)),
            _ => None,
        };
        used += usize::from(given.is_some());
        fields.push(given.unwrap_or(Value::NONE));
    }
    if more.is_some_and(|d| d.len() > used) {
        return Err(error::type_error(t, format_args!("{name}() got duplicate or unexpected field name(s)")));
    }
    complete(&mut fields);
    new(t, kind, fields)
}

/// `name(field=value, ...)` of the visible fields.
pub fn repr(t: &Thread, kind: &StructSeq, v: &Value) -> Res {
    let mut out = StrBuilder::new();
    out.push_str(kind.def.name);
    out.push_str("(");
    // An unnamed field shows the name of the field that holds its value in full, as in CPython.
    let labels = kind.fields.iter().filter(|f| !f.0.is_empty());
    for (i, (item, (label, _))) in v.expect::<Tuple>().items().iter().zip(labels).enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        out.push_str(label);
        out.push_str("=");
        out.push_value(ops::repr(t, item)?.expect::<strs::Str>());
    }
    out.push_str(")");
    out.finish(t)
}

/// `(type, (items, {hidden fields}))`.
pub fn reduce(t: &Thread, kind: &StructSeq, v: &Value) -> Res {
    let fields = all_fields(kind, v);
    let hidden = Dict::create(t);
    for (value, (name, _)) in fields.iter().zip(kind.fields).skip(kind.visible) {
        if !name.is_empty() {
            Dict::of(&hidden).set_str(t, &names::intern_static(name), value.clone())?;
        }
    }
    let items = tuple::new(t, &fields[..kind.visible])?;
    let args = tuple::from_array(t, [items, hidden])?;
    tuple::from_array(t, [type_of(v).value(), args])
}

/// `copy.replace`.
pub fn replace(t: &Thread, kind: &StructSeq, args: Args<'_>) -> Res {
    let [this] = args.positional() else {
        return Err(error::type_error(t, "__replace__() takes no positional arguments"));
    };
    if kind.fields.iter().any(|f| f.0.is_empty()) {
        let name = kind.def.name;
        return Err(error::type_error(
            t,
            format_args!("__replace__() is not supported for {name} because it has unnamed field(s)"),
        ));
    }
    let mut fields = all_fields(kind, this);
    let mut unknown = Vec::new();
    for (key, value) in args.keywords() {
        match kind.fields.iter().position(|f| strs::eq_str(key, f.0)) {
            Some(i) => fields[i] = value.clone(),
            None => unknown.push(key.clone()),
        }
    }
    if !unknown.is_empty() {
        let list = crate::list::List::from_vec(t, unknown)?;
        let list = ops::repr_text(t, &list)?;
        return Err(error::type_error(t, format_args!("Got unexpected field name(s): {list}")));
    }
    new(t, kind, fields)
}
