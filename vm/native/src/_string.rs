//! _string: the parser of format strings, for `string.Formatter`.

use std::cell::Cell;
use std::ops::Range;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{ModuleDef, def};
use typhon_object::slots::Slots;
use typhon_object::strs::{self, Str};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::str_::markup::{self, First, Step};
use typhon_object::{Thread, Value, convert, payload, tuple, type_of};

/// The module.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_string",
    doc: "string helper module",
    functions: &[
        def(
            "formatter_field_name_split",
            "($module, object, /)",
            field_name_split,
            "split the argument as a field name",
        ),
        def("formatter_parser", "($module, object, /)", parser, "parse the argument as a format string"),
    ],
    types: &[("", &FORMATTER_ITERATOR), ("", &FIELD_NAME_ITERATOR)],
    init: None,
};

macro_rules! iterator {
    ($name:ident, $def:ident, $python:literal, $next:ident) => {
        /// Where reading stands.
        #[repr(C)]
        pub struct $name {
            header: Header,
            text: Vec<u32>,
            at: Cell<usize>,
        }

        typhon_object::payload!($name => $def);

        static $def: TypeDef = TypeDef {
            name: $python,
            flags: flag::NO_NEW,
            slots: Slots { iter: Some(|_, v| Ok(v.clone())), next: Some($next), ..Slots::NONE },
            ..TypeDef::of::<$name>()
        };
    };
}
iterator!(FormatterIterator, FORMATTER_ITERATOR, "formatteriterator", next_piece);
iterator!(FieldNameIterator, FIELD_NAME_ITERATOR, "fieldnameiterator", next_step);

fn text_of(t: &Thread, v: &Value) -> Res<Vec<u32>> {
    match v.downcast::<Str>() {
        Some(s) => {
            t.check_alloc(s.len() * 4)?;
            Ok(s.units().iter().collect())
        }
        None => Err(error::type_error(t, format_args!("expected str, got {}", type_of(v).name()))),
    }
}

fn parser(t: &Thread, a: &[Value]) -> Res {
    let text = text_of(t, &a[0])?;
    payload::new(t, |header| FormatterIterator { header, text, at: Cell::new(0) })
}

fn next_piece(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<FormatterIterator>();
    let mut at = it.at.get();
    let piece = markup::next_piece(&it.text, &mut at);
    it.at.set(at);
    let Some(piece) = piece.map_err(|e| error::value_error(t, e))? else { return Ok(Value::ABSENT) };
    let part = |range: Range<usize>| strs::from_ucs4(t, &it.text[range]);
    let literal = part(piece.literal)?;
    let Some(field) = piece.field else {
        return tuple::from_array(t, [literal, Value::NONE, Value::NONE, Value::NONE]);
    };
    let conversion = match field.conversion {
        Some(c) => strs::from_char(t, c)?,
        None => Value::NONE,
    };
    tuple::from_array(t, [literal, part(field.name)?, part(field.spec)?, conversion])
}

fn field_name_split(t: &Thread, a: &[Value]) -> Res {
    let text = text_of(t, &a[0])?;
    let (first, at) = markup::first(&text, 0..text.len()).map_err(|e| error::value_error(t, e))?;
    let first = match first {
        First::Auto => strs::from_ucs4(t, &[])?,
        First::Index(i) => convert::from_usize(i),
        First::Name(range) => strs::from_ucs4(t, &text[range])?,
    };
    let rest = payload::new(t, |header| FieldNameIterator { header, text, at: Cell::new(at) })?;
    tuple::from_array(t, [first, rest])
}

fn next_step(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<FieldNameIterator>();
    let mut at = it.at.get();
    let step = markup::next_step(&it.text, &mut at, it.text.len());
    it.at.set(at);
    let part = |range: Range<usize>| strs::from_ucs4(t, &it.text[range]);
    match step.map_err(|e| error::value_error(t, e))? {
        None => Ok(Value::ABSENT),
        Some(Step::Attr(range)) => tuple::from_array(t, [Value::TRUE, part(range)?]),
        Some(Step::Key(range)) => tuple::from_array(t, [Value::FALSE, part(range)?]),
        Some(Step::Index(i)) => tuple::from_array(t, [Value::FALSE, convert::from_usize(i)]),
    }
}
