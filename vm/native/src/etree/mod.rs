//! _elementtree: elements, what builds trees of them, and the parser that feeds it.

mod builder;
mod children;
mod copies;
mod element;
mod iter;
mod parser;
mod search;
mod sink;

use std::cell::RefCell;
use typhon_object::error::{self, Exc, Res};
use typhon_object::native::{ModuleDef, def, raw};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions::{Exception, SYNTAX_ERROR};
use typhon_object::{Thread, Value, attr, convert, names, tuple};

/// _elementtree.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_elementtree",
    doc: "",
    functions: &[
        raw("SubElement", "", element::sub_element, ""),
        def("_set_factories", "($module, comment_factory, pi_factory, /)", set_factories, ""),
    ],
    types: &[
        ("Element", &element::ELEMENT),
        ("ParseError", &PARSE_ERROR),
        ("TreeBuilder", &builder::BUILDER),
        ("XMLParser", &parser::PARSER),
        ("", &iter::ITER),
        ("", &sink::SINK),
    ],
    // The parser's type is that module's.
    init: Some(|t, _| (t.hooks.import)(t, "pyexpat").map(drop)),
};

/// xml.etree.ElementTree.ParseError.
static PARSE_ERROR: TypeDef = TypeDef {
    name: "xml.etree.ElementTree.ParseError",
    base: Some(&SYNTAX_ERROR),
    flags: flag::BASETYPE | flag::EXCEPTION,
    ..TypeDef::of::<Exception>()
};

/// What makes comments and processing instructions, unless a builder is told otherwise, and the module that knows paths.
#[derive(Default)]
struct Factories {
    paths: RefCell<Value>,
    comment: RefCell<Value>,
    instruction: RefCell<Value>,
}

fn set_factories(t: &Thread, a: &[Value]) -> Res {
    for (v, what) in a.iter().zip(["Comment", "PI"]) {
        if !v.is_none() && !typhon_object::call::is_callable(v) {
            let name = typhon_object::type_of(v).name();
            return Err(error::type_error(t, format_args!("{what} factory must be callable, not {name}")));
        }
    }
    let factories = t.state::<Factories>();
    let set = |cell: &RefCell<Value>, v: &Value| {
        let old = cell.replace(v.non_none().cloned().unwrap_or_default());
        old.present().unwrap_or(Value::NONE)
    };
    let old = [set(&factories.comment, &a[0]), set(&factories.instruction, &a[1])];
    tuple::from_array(t, old)
}

/// A ParseError at a line and column.
#[cold]
fn parse_error(t: &Thread, code: i64, text: &str, (line, column): (u64, u64)) -> Exc {
    let e = error::new(t, &PARSE_ERROR, format_args!("{text}: line {line}, column {column}"));
    if e.is_stopped() {
        return e;
    }
    let set = || -> Res<()> {
        let position = tuple::from_array(t, [convert::from_u64(t, line)?, convert::from_u64(t, column)?])?;
        attr::set(t, e.value(), &names::intern_text(t, "code"), Some(&Value::small(code)))?;
        attr::set(t, e.value(), &names::intern_text(t, "position"), Some(&position))
    };
    match set() {
        Ok(()) => e,
        Err(other) => other,
    }
}
