//! str: the type, its operators and its table of methods.

use crate::args::Args;
use crate::bulk;
use crate::codec;
use crate::convert;
use crate::error::{self, Res};
use crate::ids;
use crate::native::{self, MethodDef, def};
use crate::ops::{self, CompareOp};
use crate::process;
use crate::slots::Slots;
use crate::strs::{self, Str, StrBuilder, Units};
use crate::thread::Thread;
use crate::tuple;
use crate::ty::{TypeDef, TypeObject, flag, type_name, type_of};
use crate::types::index::{self, Key};
use crate::value::Value;

mod case;
mod find;
pub mod format;
mod iter;
pub(crate) mod join;
pub mod markup;
pub(crate) mod pad;
pub(crate) mod percent;
mod predicates;
pub(crate) mod replace;
pub(crate) mod search;
pub(crate) mod split;
mod table;
mod translate;

pub use iter::STR_ITER;
pub(crate) use iter::builtin;
pub use join::join;
pub(crate) use search::any_width;

/// str.
pub static STR: TypeDef = TypeDef {
    name: "str",
    doc: "str(object='') -> str\nstr(bytes_or_buffer[, encoding[, errors]]) -> str\n\nCreate a new string object from the given object. If encoding or\nerrors is specified, then the object must expose a data buffer\nthat will be decoded using the given encoding and error handler.\nOtherwise, returns the result of object.__str__() (if defined)\nor repr(object).\nencoding defaults to 'utf-8'.\nerrors defaults to 'strict'.",
    id: ids::STR,
    flags: flag::BASETYPE | flag::MATCH_SELF | flag::ATOMIC | flag::STR,
    slots: Slots {
        new: Some(new),
        repr: Some(|t, v| repr(t, v.expect::<Str>())),
        str: Some(strs::exact),
        hash: Some(|_, v| Ok(v.expect::<Str>().hash())),
        compare: Some(compare),
        iter: Some(iter::new),
        len: Some(|_, v| Ok(v.expect::<Str>().len())),
        getitem: Some(getitem),
        contains: Some(contains),
        concat: Some(concat),
        repeat: Some(repeat),
        mod_: Some(modulo),
        ..Slots::NONE
    },
    size_of: Some(Str::size_of),
    methods: table::METHODS,
    ..TypeDef::of::<Str>()
};

static NEW: MethodDef = def("str", "(object='', encoding='utf-8', errors='strict')", |_, _| Ok(Value::NONE), "");

fn new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let made = if args.values.len() == 1 && args.names.is_empty() {
        ops::str(t, &args.values[0])?
    } else if args.values.is_empty() {
        process::empty_str().clone()
    } else {
        let given = args.values.len();
        if given > 3 && args.has_keywords() {
            return Err(error::type_error(t, format_args!("str() takes at most 3 arguments ({given} given)")));
        }
        args_count(t, "str", args, 3)?;
        let Some(signature) = native::signature_of(t, &NEW, true) else {
            return Err(error::system_error(t, "str has no signature"));
        };
        signature.bind(t, "str", args, |a| from_parts(t, a))?
    };
    match class.downcast::<TypeObject>() {
        Some(ty) if !std::ptr::eq(ty, STR.ty()) => strs::of_class(t, ty, made.expect::<Str>()),
        _ => Ok(made),
    }
}

/// "f expected at most n arguments, got m".
pub(crate) fn args_count(t: &Thread, name: &str, args: Args<'_>, max: usize) -> Res<()> {
    let n = args.values.len();
    if n > max {
        return Err(error::type_error(t, format_args!("{name} expected at most {max} arguments, got {n}")));
    }
    Ok(())
}

fn from_parts(t: &Thread, a: &[Value]) -> Res {
    let encoding = codec::name_arg(t, &a[1], "str", "encoding")?;
    let errors = codec::name_arg(t, &a[2], "str", "errors")?;
    let Some(object) = a[0].opt() else { return Ok(process::empty_str().clone()) };
    if encoding.is_none() && errors.is_none() {
        return ops::str(t, object);
    }
    if object.downcast::<Str>().is_some() {
        return Err(error::type_error(t, "decoding str is not supported"));
    }
    if !crate::buffer::supported(object) {
        let name = type_name(object);
        return Err(error::type_error(t, format_args!("decoding to str: need a bytes-like object, {name} found")));
    }
    codec::decode_object(t, object, encoding.as_deref(), errors.as_deref())
}

/// `repr` of a str.
pub fn repr(t: &Thread, s: &Str) -> Res {
    t.check_alloc(s.len())?;
    let mut out = StrBuilder::with_capacity(s.len() + 2);
    any_width!(s.units(), |u| typhon_unicode::repr_str(u, &mut out));
    out.finish(t)
}

/// `ascii()` of a str: `repr` with everything beyond ASCII escaped.
pub fn ascii(t: &Thread, s: &Str) -> Res {
    t.check_alloc(s.len() * if s.is_ascii() { 1 } else { 10 })?;
    let mut out = StrBuilder::with_capacity(s.len() + 2);
    any_width!(s.units(), |u| typhon_unicode::ascii_str(u, &mut out));
    out.finish(t)
}

/// `ascii(v)` of any value.
pub fn ascii_of(t: &Thread, v: &Value) -> Res {
    let r = ops::repr(t, v)?;
    let s = r.expect::<Str>();
    if s.is_ascii() {
        return Ok(r);
    }
    t.check_alloc(s.len() * 10)?;
    let mut out = StrBuilder::with_capacity(s.len() * 2);
    for c in s.units().iter() {
        match c {
            0..0x80 => out.push(c),
            _ => {
                let escaped = match c {
                    0x80..0x100 => format!("\\x{c:02x}"),
                    0x100..0x1_0000 => format!("\\u{c:04x}"),
                    _ => format!("\\U{c:08x}"),
                };
                out.push_str(&escaped);
            }
        }
    }
    out.finish(t)
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let _ = t;
    let (Some(x), Some(y)) = (a.downcast::<Str>(), b.downcast::<Str>()) else { return Ok(Value::NOT_IMPLEMENTED) };
    Ok(Value::bool(match op {
        CompareOp::Eq => a.is(b) || x.same_text(y),
        CompareOp::Ne => !a.is(b) && !x.same_text(y),
        _ => op.holds(order(x, y)),
    }))
}

/// The order of two strs by code points.
pub fn order(a: &Str, b: &Str) -> std::cmp::Ordering {
    match (a.units(), b.units()) {
        (Units::Latin1(x), Units::Latin1(y)) => x.cmp(y),
        (Units::Ucs2(x), Units::Ucs2(y)) => x.cmp(y),
        (Units::Ucs4(x), Units::Ucs4(y)) => x.cmp(y),
        (x, y) => x.iter().cmp(y.iter()),
    }
}

fn getitem(t: &Thread, v: &Value, key: &Value) -> Res {
    let s = v.expect::<Str>();
    let refuse =
        |t: &Thread, name: &str| error::type_error(t, format_args!("string indices must be integers, not '{name}'"));
    match index::key(t, key, || s.len(), refuse)? {
        Key::Index(i) => match index::in_range(i, s.len()) {
            Some(i) => strs::from_char(t, s.at(i)),
            None => Err(error::index_error(t, "string index out of range")),
        },
        Key::Slice(r) if r.step == 1 => strs::substring(t, v, r.start as usize, r.start as usize + r.count),
        Key::Slice(r) => {
            t.check_alloc(r.count * s.width())?;
            any_width!(s.units(), |u| {
                let mut picked = Vec::new();
                bulk::extend_from(&mut picked, r.indices().map(|i| u[i]));
                from_slice(t, &picked)
            })
        }
    }
}

/// A str from units of one width.
pub(crate) fn from_slice<C: search::Cell>(t: &Thread, units: &[C]) -> Res {
    if let Some(bytes) = C::as_bytes(units) {
        return strs::from_latin1(t, bytes);
    }
    // SAFETY: the other two widths are u16 and u32, told apart by their size.
    unsafe {
        if size_of::<C>() == 2 {
            strs::from_ucs2(t, std::slice::from_raw_parts(units.as_ptr().cast(), units.len()))
        } else {
            strs::from_ucs4(t, std::slice::from_raw_parts(units.as_ptr().cast(), units.len()))
        }
    }
}

fn contains(t: &Thread, v: &Value, item: &Value) -> Res<bool> {
    let Some(needle) = item.downcast::<Str>() else {
        let name = type_name(item);
        return Err(error::type_error(t, format_args!("'in <string>' requires string as left operand, not {name}")));
    };
    let found = search::same_width!(v.expect::<Str>().units(), needle.units(), Ok(None), |h, n| search::find(t, h, n));
    Ok(found?.is_some())
}

fn concat(t: &Thread, a: &Value, b: &Value) -> Res {
    let x = a.expect::<Str>();
    let Some(y) = b.downcast::<Str>() else {
        let name = type_name(b);
        return Err(error::type_error(t, format_args!("can only concatenate str (not \"{name}\") to str")));
    };
    if y.is_empty() {
        return strs::exact(t, a);
    }
    if x.is_empty() {
        return strs::exact(t, b);
    }
    strs::concat(t, x, y)
}

fn repeat(t: &Thread, v: &Value, n: isize) -> Res {
    let s = v.expect::<Str>();
    if n <= 0 || s.is_empty() {
        return Ok(process::empty_str().clone());
    }
    if n == 1 {
        return strs::exact(t, v);
    }
    let n = n as usize;
    let Some(len) = s.len().checked_mul(n).filter(|&l| l <= isize::MAX as usize) else {
        return Err(error::overflow_error(t, "repeated string is too long"));
    };
    let bytes = s.bytes();
    let fill = |p: *mut u8| {
        // SAFETY: the new str has room for `n` times the units.
        unsafe { bulk::repeat(t, bytes, p, bytes.len() * n) }
    };
    // SAFETY: `fill` writes all units, which are the old ones.
    unsafe { strs::raw(t, len, s.width(), s.is_ascii(), fill) }
}

fn modulo(t: &Thread, a: &Value, b: &Value) -> Res {
    match a.downcast::<Str>() {
        Some(_) => percent::format(t, a, b),
        None => Ok(Value::NOT_IMPLEMENTED),
    }
}

fn getnewargs(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Str>();
    tuple::from_vec(t, vec![strs::from_units(t, s.units())?])
}

fn sizeof(_: &Thread, a: &[Value]) -> Res {
    // CPython's number: head (one unit longer for the terminator), which is larger for text beyond ASCII.
    let s = a[0].expect::<Str>();
    let head = if s.is_ascii() { 41 } else { 56 + s.width() };
    let own = type_of(&a[0]).basic_size() - STR.size;
    Ok(convert::from_usize(head + s.len() * s.width() + own))
}

fn encode(t: &Thread, a: &[Value]) -> Res {
    let encoding = codec::name_arg(t, &a[1], "encode", "encoding")?;
    let errors = codec::name_arg(t, &a[2], "encode", "errors")?;
    codec::encode(t, &a[0], encoding.as_deref(), errors.as_deref())
}

/// The str behind an argument: "must be str, not X".
pub(crate) fn text<'a>(t: &Thread, v: &'a Value) -> Res<&'a Str> {
    match v.downcast::<Str>() {
        Some(s) => Ok(s),
        None => {
            let name = type_name(v);
            Err(error::type_error(t, format_args!("must be str, not {name}")))
        }
    }
}

/// The str behind argument `n` of `function`, counted from 1 (0 if it is the only one).
pub(crate) fn text_arg<'a>(t: &Thread, v: &'a Value, function: &str, n: usize) -> Res<&'a Str> {
    match v.downcast::<Str>() {
        Some(s) => Ok(s),
        None => {
            let (name, number) = (arg_name(v), if n == 0 { String::new() } else { format!(" {n}") });
            Err(error::type_error(t, format_args!("{function}() argument{number} must be str, not {name}")))
        }
    }
}

/// A value's type as argument errors name it.
pub(crate) fn arg_name(v: &Value) -> String {
    if v.is_none() { "None".to_string() } else { type_name(v) }
}
