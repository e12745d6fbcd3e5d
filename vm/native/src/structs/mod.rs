//! _struct: the module behind `struct`.

mod floats;
mod format;
mod items;
mod object;

use format::Format;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::rc::Rc;
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::native::{MethodDef, ModuleDef, def, raw};
use typhon_object::strs::Str;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions::{EXCEPTION, Exception};
use typhon_object::{Exc, Thread, Value, convert};

/// _struct.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_struct",
    doc: "Functions to convert between Python values and C structs.\nPython bytes objects are used to hold the data representing the C struct\nand also as format strings (explained below) to describe the layout of data\nin the C struct.",
    functions: FUNCTIONS,
    types: &[("error", &ERROR), ("Struct", &object::STRUCT), ("", &object::UNPACK_ITER)],
    init: None,
};

/// struct.error.
static ERROR: TypeDef = TypeDef {
    name: "struct.error",
    base: Some(&EXCEPTION),
    flags: flag::BASETYPE | flag::EXCEPTION,
    ..TypeDef::of::<Exception>()
};

const FUNCTIONS: &[MethodDef] = &[
    def("_clearcache", "($module, /)", clear_cache, "Clear the internal cache."),
    def(
        "calcsize",
        "($module, format, /)",
        |t, a| Ok(convert::from_usize(cached(t, &a[0])?.size)),
        "Return size in bytes of the struct described by the format string.",
    ).tame(),
    def(
        "iter_unpack",
        "($module, format, buffer, /)",
        |t, a| object::iter_unpack(t, cached(t, &a[0])?, &a[1]),
        "Return an iterator yielding tuples unpacked from the given bytes.\n\nThe bytes are unpacked according to the format string, like\na repeated invocation of unpack_from().\n\nRequires that the bytes length be a multiple of the format struct size.",
    ),
    raw(
        "pack",
        "",
        |t, args| {
            let (format, rest) = leading_format(t, args, "pack")?;
            object::pack(t, &format, rest)
        },
        "pack(format, v1, v2, ...) -> bytes\n\nReturn a bytes object containing the values v1, v2, ... packed according\nto the format string.  See help(struct) for more on format strings.",
    ).tame(),
    raw(
        "pack_into",
        "",
        |t, args| {
            let (format, rest) = leading_format(t, args, "pack_into")?;
            object::pack_into(t, &format, rest)
        },
        "pack_into(format, buffer, offset, v1, v2, ...)\n\nPack the values v1, v2, ... according to the format string and write\nthe packed bytes into the writable buffer buf starting at offset.  Note\nthat the offset is a required argument.  A negative offset counts from\nthe end of the buffer.  See help(struct) for more on format strings.",
    ),
    def(
        "unpack",
        "($module, format, buffer, /)",
        |t, a| object::unpack(t, &*cached(t, &a[0])?, &a[1]),
        "Return a tuple containing values unpacked according to the format string.\n\nThe buffer's size in bytes must be calcsize(format).\n\nSee help(struct) for more on format strings.",
    ).tame(),
    def(
        "unpack_from",
        "($module, format, /, buffer, offset=0)",
        |t, a| object::unpack_from(t, &*cached(t, &a[0])?, &a[1], &a[2]),
        "Return a tuple containing values unpacked according to the format string.\n\nThe buffer's size, minus offset, must be at least calcsize(format).\nA negative offset counts from the end of the buffer.\n\nSee help(struct) for more on format strings.",
    ),
];

/// A `struct.error`.
fn fail(t: &Thread, text: impl std::fmt::Display) -> Exc {
    error::new(t, &ERROR, text)
}

/// Formats parsed before.
#[derive(Default)]
struct Cache {
    known: RefCell<FxHashMap<Vec<u8>, Rc<Format>>>,
    /// The last one asked for, by its text's identity.
    last: RefCell<Option<(Value, Rc<Format>)>>,
}

const CACHED: usize = 100;

fn parse(t: &Thread, v: &Value) -> Res<Rc<Format>> {
    let text = items::text_of_format(t, v)?;
    t.check_alloc(text.len().saturating_mul(48))?;
    Ok(Rc::new(Format::parse(&text).map_err(|why| fail(t, why))?))
}

fn cached(t: &Thread, v: &Value) -> Res<Rc<Format>> {
    let cache = t.state::<Cache>();
    if let Some((text, found)) = &*cache.last.borrow()
        && text.is(v)
    {
        return Ok(Rc::clone(found));
    }
    let text = items::text_of_format(t, v)?;
    let known = cache.known.borrow().get(&text).cloned();
    let format = match known {
        Some(found) => found,
        None => {
            let format = parse(t, v)?;
            if text.len() < 1024 {
                let mut formats = cache.known.borrow_mut();
                if formats.len() >= CACHED {
                    formats.clear();
                }
                formats.insert(text, Rc::clone(&format));
            }
            format
        }
    };
    if v.exact::<Str>().is_some() {
        let old = cache.last.replace(Some((v.clone(), Rc::clone(&format))));
        drop(old);
    }
    Ok(format)
}

fn clear_cache(t: &Thread, _: &[Value]) -> Res {
    let cache = t.state::<Cache>();
    cache.known.borrow_mut().clear();
    drop(cache.last.take());
    Ok(Value::NONE)
}

fn leading_format<'a>(t: &Thread, args: Args<'a>, name: &str) -> Res<(Rc<Format>, &'a [Value])> {
    if args.has_keywords() {
        args.no_keywords(t, &format!("_struct.{name}"))?;
    }
    match args.values.split_first() {
        Some((format, rest)) => Ok((cached(t, format)?, rest)),
        None => Err(error::type_error(t, "missing format argument")),
    }
}
