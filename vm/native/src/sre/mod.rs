//! _sre: the module behind `re`.

mod matched;
mod pattern;
mod scanner;
mod template;
mod text;

use typhon_object::dict::Dict;
use typhon_object::native::{ModuleDef, def};
use typhon_object::{Res, Thread, Value, convert, names, strs};

/// The largest count of a repeat, which means "no end".
const MAX_REPEAT: i64 = u32::MAX as i64;
/// Pairs of marks fit a signed 32-bit number.
const MAX_GROUPS: i64 = i32::MAX as i64 / 2;
const CODE_SIZE: i64 = 4;

/// _sre.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_sre",
    doc: "",
    functions: &[
        def("compile", "($module, /, pattern, flags, code, groups, groupindex, indexgroup)", pattern::compile, ""),
        def("template", "($module, pattern, template, /)", template::template, ""),
        def("getcodesize", "($module, /)", |_, _| Ok(Value::small(CODE_SIZE)), ""),
        def("ascii_iscased", "($module, character, /)", ascii_is_cased, ""),
        def("ascii_tolower", "($module, character, /)", ascii_to_lower, ""),
        def("unicode_iscased", "($module, character, /)", unicode_is_cased, ""),
        def("unicode_tolower", "($module, character, /)", unicode_to_lower, ""),
    ],
    types: &[
        ("", &pattern::PATTERN),
        ("", &matched::MATCH),
        ("", &scanner::SCANNER),
        ("", &scanner::MATCHES),
        ("", &template::TEMPLATE),
    ],
    init: Some(init),
};

fn init(t: &Thread, module: &Value) -> Res<()> {
    let dict = typhon_object::types::module::dict_of(t, module);
    let numbers = [
        ("MAGIC", i64::from(typhon_sre::MAGIC)),
        ("CODESIZE", CODE_SIZE),
        ("MAXREPEAT", MAX_REPEAT),
        ("MAXGROUPS", MAX_GROUPS),
    ];
    for (name, number) in numbers {
        Dict::of(&dict).set_str(t, &names::intern_text(t, name), Value::small(number))?;
    }
    let copyright = strs::new(t, " SRE 2.2.2 Copyright (c) 1997-2002 by Secret Labs AB ")?;
    Dict::of(&dict).set_str(t, &names::intern_text(t, "copyright"), copyright)
}

/// A character argument; what is no code point is no letter either.
fn character(t: &Thread, v: &Value) -> Res<(i32, u32)> {
    let c = convert::to_i32(t, v)?;
    Ok((c, c as u32))
}

fn ascii_is_cased(t: &Thread, a: &[Value]) -> Res {
    let (_, c) = character(t, &a[0])?;
    Ok(Value::bool(typhon_sre::ascii_is_cased(c)))
}

fn unicode_is_cased(t: &Thread, a: &[Value]) -> Res {
    let (_, c) = character(t, &a[0])?;
    Ok(Value::bool(typhon_sre::unicode_is_cased(c)))
}

fn ascii_to_lower(t: &Thread, a: &[Value]) -> Res {
    let (i, c) = character(t, &a[0])?;
    Ok(Value::small(if i < 0 { i64::from(i) } else { i64::from(typhon_sre::ascii_to_lower(c)) }))
}

fn unicode_to_lower(t: &Thread, a: &[Value]) -> Res {
    let (i, c) = character(t, &a[0])?;
    Ok(Value::small(if i < 0 { i64::from(i) } else { i64::from(typhon_sre::unicode_to_lower(c)) }))
}
