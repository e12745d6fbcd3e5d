//! pyexpat: an XML parser with expat's events and errors.

mod codes;
mod content;
mod core;
mod dtd;
mod handler;
mod input;
mod lex;
mod model;
mod name_table;
mod object;
mod tag;

pub(crate) use codes::{Code, text as code_text};
pub(crate) use core::Failure;
pub(crate) use handler::Handler;
pub(crate) use object::{Listener, create, listen, parse_rest, position, run, set_handler};

use typhon_object::dict::Dict;
use typhon_object::error::{self, Exc, Res};
use typhon_object::native::{ModuleDef, def};
use typhon_object::strs::Str;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions::{EXCEPTION, Exception};
use typhon_object::types::module;
use typhon_object::{Thread, Value, attr, convert, names, strs, tuple, type_of};

/// pyexpat.
pub static MODULE: ModuleDef = ModuleDef {
    name: "pyexpat",
    doc: "Python wrapper for Expat parser.",
    functions: &[
        def(
            "ParserCreate",
            "($module, /, encoding=None, namespace_separator=None, intern=<unrepresentable>)",
            parser_create,
            "Return a new XML parser object.",
        ),
        def(
            "ErrorString",
            "($module, code, /)",
            |t, a| match codes::text(convert::to_i64(t, &a[0])?) {
                Some(text) => strs::new(t, text),
                None => Ok(Value::NONE),
            },
            "Returns string error for given number.",
        ),
    ],
    types: &[("ExpatError", &EXPAT_ERROR), ("error", &EXPAT_ERROR), ("XMLParserType", &object::PARSER)],
    init: Some(init),
};

/// xml.parsers.expat.ExpatError.
static EXPAT_ERROR: TypeDef = TypeDef {
    name: "xml.parsers.expat.ExpatError",
    base: Some(&EXCEPTION),
    flags: flag::BASETYPE | flag::EXCEPTION,
    ..TypeDef::of::<Exception>()
};

/// The expat whose events and errors these are.
const VERSION: [i64; 3] = [2, 7, 3];

/// `major.minor.patch`.
pub(crate) fn version() -> String {
    let [major, minor, patch] = VERSION;
    format!("{major}.{minor}.{patch}")
}

fn init(t: &Thread, this: &Value) -> Res<()> {
    let dict = module::dict_of(t, this);
    let set = |dict: &Value, name: &str, v: Value| Dict::of(dict).set_str(t, &names::intern_text(t, name), v);
    set(&dict, "EXPAT_VERSION", strs::new(t, &format!("expat_{}", version()))?)?;
    set(&dict, "version_info", tuple::from_array(t, VERSION.map(Value::small))?)?;
    set(&dict, "native_encoding", strs::new(t, "UTF-8")?)?;
    set(&dict, "features", typhon_object::list::List::create(t)?)?;
    for (i, name) in ["NEVER", "UNLESS_STANDALONE", "ALWAYS"].iter().enumerate() {
        set(&dict, &format!("XML_PARAM_ENTITY_PARSING_{name}"), convert::from_usize(i))?;
    }
    let errors = module::new(t, &strs::new(t, "pyexpat.errors")?)?;
    let table = module::dict_of(t, &errors);
    let (by_code, by_text) = (Dict::create(t), Dict::create(t));
    for &(code, name, text) in codes::CODES {
        let text = strs::new(t, text)?;
        set(&table, name, text.clone())?;
        Dict::of(&by_code).set(t, &Value::small(code), &text)?;
        Dict::of(&by_text).set(t, &text, &Value::small(code))?;
    }
    set(&table, "codes", by_text)?;
    set(&table, "messages", by_code)?;
    let model = module::new(t, &strs::new(t, "pyexpat.model")?)?;
    let numbers = module::dict_of(t, &model);
    for (name, n) in model::TYPES.iter().chain(&model::QUANTIFIERS) {
        set(&numbers, name, Value::small(*n))?;
    }
    let modules = t.modules().get();
    for (name, v) in [("errors", errors), ("model", model)] {
        set(&modules, &format!("pyexpat.{name}"), v.clone())?;
        set(&dict, name, v)?;
    }
    Ok(())
}

/// An ExpatError at a line and column.
fn expat_error(t: &Thread, code: i64, (line, column, _): (u64, u64, u64)) -> Exc {
    let text = codes::text(code).unwrap_or("unknown error");
    let e = error::new(t, &EXPAT_ERROR, format_args!("{text}: line {line}, column {column}"));
    if e.is_stopped() {
        return e;
    }
    for (name, n) in [("code", code), ("offset", column as i64), ("lineno", line as i64)] {
        if let Err(other) = attr::set(t, e.value(), &names::intern_text(t, name), Some(&Value::small(n))) {
            return other;
        }
    }
    e
}

fn parser_create(t: &Thread, a: &[Value]) -> Res {
    let text = |v: &Value, name: &str| match v.non_none() {
        None => Ok(None),
        Some(v) => match v.downcast::<Str>() {
            Some(s) => Ok(Some(s.to_lossy())),
            None => {
                let kind = type_of(v).name();
                let text = format_args!("ParserCreate() argument '{name}' must be str or None, not {kind}");
                Err(error::type_error(t, text))
            }
        },
    };
    let (encoding, separator) = (text(&a[0], "encoding")?, text(&a[1], "namespace_separator")?);
    if separator.as_ref().is_some_and(|s| s.chars().count() > 1) {
        let text = "namespace_separator must be at most one character, omitted, or None";
        return Err(error::value_error(t, text));
    }
    let intern = match a[2].opt() {
        None => Dict::create(t),
        Some(v) if v.is_none() || v.downcast::<Dict>().is_some() => v.clone(),
        Some(_) => return Err(error::type_error(t, "intern must be a dictionary")),
    };
    create(t, encoding, separator, intern)
}
