//! _json: what the `json` package runs on.

mod encoder;
mod escape;
mod scanner;
mod text;
mod write;

use typhon_object::error::{self, Res};
use typhon_object::native::{ModuleDef, def};
use typhon_object::strs::Str;
use typhon_object::{Exc, Thread, Value, attr, call, convert, ops, tuple, type_of};

/// _json.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_json",
    doc: "json speedups\n",
    functions: &[
        def(
            "encode_basestring_ascii",
            "($module, object, /)",
            |t, a| escape::quoted(t, &a[0], true),
            "encode_basestring_ascii(string) -> string\n\nReturn an ASCII-only JSON representation of a Python string",
        ),
        def(
            "encode_basestring",
            "($module, object, /)",
            |t, a| escape::quoted(t, &a[0], false),
            "encode_basestring(string) -> string\n\nReturn a JSON representation of a Python string",
        ),
        def(
            "scanstring",
            "($module, string, end, strict=True, /)",
            scan_string,
            "scanstring(string, end, strict=True) -> (string, end)\n\nScan the string s for a JSON string. End is the index of the\ncharacter in s after the quote that started the JSON string.\nUnescapes all valid JSON string escape sequences and raises ValueError\non attempt to decode an invalid string. If strict is False then literal\ncontrol characters are allowed in the string.\n\nReturns a tuple of the decoded string and the index of the character in s\nafter the end quote.",
        ),
    ],
    types: &[("make_scanner", &scanner::SCANNER), ("make_encoder", &encoder::ENCODER)],
    init: None,
};

/// The str behind an argument that must be one.
fn str_arg<'a>(t: &Thread, v: &'a Value) -> Res<&'a Str> {
    v.downcast::<Str>().ok_or_else(|| {
        let name = type_of(v).name();
        error::type_error(t, format_args!("first argument must be a string, not {name}"))
    })
}

/// A JSONDecodeError.
#[cold]
fn decode_error(t: &Thread, message: &str, text: &Value, at: usize) -> Exc {
    let make = || -> Res {
        let class = attr::get_text(t, &(t.hooks.import)(t, "json.decoder")?, "JSONDecodeError")?;
        call::call(t, &class, &[typhon_object::strs::new(t, message)?, text.clone(), convert::from_usize(at)])
    };
    match make() {
        Ok(e) if type_of(&e).has_flag(typhon_object::ty::flag::EXCEPTION) => Exc::new(e),
        Ok(_) => error::type_error(t, "exceptions must derive from BaseException"),
        Err(e) => e,
    }
}

fn scan_string(t: &Thread, a: &[Value]) -> Res {
    let s = str_arg(t, &a[0])?;
    let end = convert::to_isize(t, &a[1])?;
    let strict = a[2].opt().map_or(Ok(true), |v| ops::truth(t, v))?;
    let end = match usize::try_from(end) {
        Ok(end) if end <= s.len() => end,
        _ => return Err(error::value_error(t, "end is out of bounds")),
    };
    let (text, end) = text::scan_any(t, &a[0], s, end, strict)?;
    tuple::from_array(t, [text, convert::from_usize(end)])
}
