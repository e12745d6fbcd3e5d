//! unicodedata: the character database, today's and that of Unicode 3.2.

use typhon_object::bulk;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{self, MethodDef, ModuleDef, def};
use typhon_object::strs::{self, Str, StrBuilder, Units};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions::KEY_ERROR;
use typhon_object::{Thread, Value, attr, convert, names, payload, type_of};
use typhon_unicode::{self as uni, Form, Named, ucd_3_2_0 as old};

/// The module.
pub static MODULE: ModuleDef = ModuleDef {
    name: "unicodedata",
    doc: "This module provides access to the Unicode Character Database which\ndefines character properties for all Unicode characters. The data in\nthis database is based on the UnicodeData.txt file version\n16.0.0 which is publicly available from the Unicode Consortium\nat https://www.unicode.org/.\n\nThe module uses the same names and symbols as defined by the\nUnicodeData File Format 16.0.0.",
    functions: CURRENT,
    types: &[("UCD", &UCD)],
    init: Some(init),
};

/// The database of another version.
#[repr(C)]
pub struct Database {
    header: Header,
}

typhon_object::payload!(Database => UCD);

static UCD: TypeDef = TypeDef {
    name: "unicodedata.UCD",
    flags: flag::NO_NEW,
    methods: OLD,
    getset: &[native::getter("unidata_version", |t, _| strs::new(t, "3.2.0"), "")],
    ..TypeDef::of::<Database>()
};

fn init(t: &Thread, module: &Value) -> Res<()> {
    let set = |name: &str, v: Value| attr::set(t, module, &names::intern_text(t, name), Some(&v));
    set("unidata_version", strs::new(t, uni::UNIDATA_VERSION)?)?;
    set("ucd_3_2_0", payload::new(t, |header| Database { header })?)
}

/// What the two databases answer differently.
struct Data {
    decimal: fn(u32) -> Option<u8>,
    digit: fn(u32) -> Option<u8>,
    numeric: fn(u32) -> Option<f64>,
    category: fn(u32) -> uni::Category,
    bidirectional: fn(u32) -> &'static str,
    combining: fn(u32) -> u8,
    mirrored: fn(u32) -> bool,
    width: fn(u32) -> &'static str,
    decomposition: fn(u32) -> String,
    name: fn(u32) -> Option<String>,
    normalize: fn(Form, &[u32], &mut StrBuilder),
    is_normalized: fn(Form, &[u32]) -> bool,
    sequences: bool,
}

static NOW: Data = Data {
    decimal: uni::decimal_value,
    digit: uni::digit_value,
    numeric: uni::numeric_value,
    category: uni::category,
    bidirectional: uni::bidirectional,
    combining: uni::combining,
    mirrored: uni::mirrored,
    width: uni::east_asian_width,
    decomposition: uni::decomposition,
    name: uni::name,
    normalize: uni::normalize_to,
    is_normalized: uni::is_normalized,
    sequences: true,
};

static THEN: Data = Data {
    decimal: old::decimal_value,
    digit: uni::digit_value,
    numeric: old::numeric_value,
    category: old::category,
    bidirectional: old::bidirectional,
    combining: old::combining,
    mirrored: old::mirrored,
    width: old::east_asian_width,
    decomposition: old::decomposition,
    name: old::name,
    normalize: |form, s, out| out.push_units(Units::Ucs4(&old::normalize(form, s))),
    is_normalized: old::is_normalized,
    sequences: false,
};

macro_rules! table {
    ($name:ident, $data:ident, $self:literal, |$a:ident| $args:expr) => {
        const $name: &[MethodDef] = &[
            def(
                "decimal",
                concat!("(", $self, ", chr, default=<unrepresentable>, /)"),
                |t, $a| decimal(t, &$data, $args),
                "Converts a Unicode character into its equivalent decimal value.",
            ),
            def(
                "digit",
                concat!("(", $self, ", chr, default=<unrepresentable>, /)"),
                |t, $a| digit(t, &$data, $args),
                "Converts a Unicode character into its equivalent digit value.",
            ),
            def(
                "numeric",
                concat!("(", $self, ", chr, default=<unrepresentable>, /)"),
                |t, $a| numeric(t, &$data, $args),
                "Converts a Unicode character into its equivalent numeric value.",
            ),
            def(
                "category",
                concat!("(", $self, ", chr, /)"),
                |t, $a| category(t, &$data, $args),
                "Returns the general category assigned to the character chr as string.",
            ),
            def(
                "bidirectional",
                concat!("(", $self, ", chr, /)"),
                |t, $a| bidirectional(t, &$data, $args),
                "Returns the bidirectional class assigned to the character chr as string.",
            ),
            def(
                "combining",
                concat!("(", $self, ", chr, /)"),
                |t, $a| combining(t, &$data, $args),
                "Returns the canonical combining class assigned to the character chr as integer.",
            ),
            def(
                "mirrored",
                concat!("(", $self, ", chr, /)"),
                |t, $a| mirrored(t, &$data, $args),
                "Returns the mirrored property assigned to the character chr as integer.",
            ),
            def(
                "east_asian_width",
                concat!("(", $self, ", chr, /)"),
                |t, $a| width(t, &$data, $args),
                "Returns the east asian width assigned to the character chr as string.",
            ),
            def(
                "decomposition",
                concat!("(", $self, ", chr, /)"),
                |t, $a| decomposition(t, &$data, $args),
                "Returns the character decomposition mapping assigned to the character chr as string.",
            ),
            def(
                "name",
                concat!("(", $self, ", chr, default=<unrepresentable>, /)"),
                |t, $a| name(t, &$data, $args),
                "Returns the name assigned to the character chr as a string.",
            ),
            def(
                "lookup",
                concat!("(", $self, ", name, /)"),
                |t, $a| lookup(t, &$data, $args),
                "Look up character by name.",
            ),
            def(
                "is_normalized",
                concat!("(", $self, ", form, unistr, /)"),
                |t, $a| is_normalized(t, &$data, $args),
                "Return whether the Unicode string unistr is in the normal form 'form'.",
            ),
            def(
                "normalize",
                concat!("(", $self, ", form, unistr, /)"),
                |t, $a| normalize(t, &$data, $args),
                "Return the normal form 'form' for the Unicode string unistr.",
            ),
        ];
    };
}
table!(CURRENT, NOW, "$module", |a| a);
table!(OLD, THEN, "$self", |a| &a[1..]);

/// The one character of an argument; `place` is " 1" where there are two.
fn char_arg(t: &Thread, v: &Value, function: &str, place: &str) -> Res<u32> {
    let what = "must be a unicode character, not";
    match v.downcast::<Str>() {
        Some(s) if s.len() == 1 => Ok(s.at(0)),
        Some(s) => {
            let n = s.len();
            Err(error::type_error(t, format_args!("{function}(): argument{place} {what} a string of length {n}")))
        }
        None => {
            let name = if v.is_none() { "None".to_string() } else { type_of(v).name() };
            Err(error::type_error(t, format_args!("{function}() argument{place} {what} {name}")))
        }
    }
}

/// `found`, the default, or a ValueError.
fn or_default(t: &Thread, found: Option<Value>, default: &Value, refuse: &str) -> Res {
    match found.or_else(|| default.opt().cloned()) {
        Some(v) => Ok(v),
        None => Err(error::value_error(t, refuse)),
    }
}

fn decimal(t: &Thread, data: &Data, a: &[Value]) -> Res {
    let found = (data.decimal)(char_arg(t, &a[0], "decimal", " 1")?);
    or_default(t, found.map(|n| Value::small(i64::from(n))), &a[1], "not a decimal")
}

fn digit(t: &Thread, data: &Data, a: &[Value]) -> Res {
    let found = (data.digit)(char_arg(t, &a[0], "digit", " 1")?);
    or_default(t, found.map(|n| Value::small(i64::from(n))), &a[1], "not a digit")
}

fn numeric(t: &Thread, data: &Data, a: &[Value]) -> Res {
    let found = match (data.numeric)(char_arg(t, &a[0], "numeric", " 1")?) {
        Some(x) => Some(convert::from_f64(t, x)?),
        None => None,
    };
    or_default(t, found, &a[1], "not a numeric character")
}

fn category(t: &Thread, data: &Data, a: &[Value]) -> Res {
    strs::new(t, (data.category)(char_arg(t, &a[0], "category", "")?).as_str())
}

fn bidirectional(t: &Thread, data: &Data, a: &[Value]) -> Res {
    strs::new(t, (data.bidirectional)(char_arg(t, &a[0], "bidirectional", "")?))
}

fn combining(t: &Thread, data: &Data, a: &[Value]) -> Res {
    Ok(Value::small(i64::from((data.combining)(char_arg(t, &a[0], "combining", "")?))))
}

fn mirrored(t: &Thread, data: &Data, a: &[Value]) -> Res {
    Ok(Value::small(i64::from((data.mirrored)(char_arg(t, &a[0], "mirrored", "")?))))
}

fn width(t: &Thread, data: &Data, a: &[Value]) -> Res {
    strs::new(t, (data.width)(char_arg(t, &a[0], "east_asian_width", "")?))
}

fn decomposition(t: &Thread, data: &Data, a: &[Value]) -> Res {
    strs::new(t, &(data.decomposition)(char_arg(t, &a[0], "decomposition", "")?))
}

fn name(t: &Thread, data: &Data, a: &[Value]) -> Res {
    let found = match (data.name)(char_arg(t, &a[0], "name", " 1")?) {
        Some(name) => Some(strs::new(t, &name)?),
        None => None,
    };
    or_default(t, found, &a[1], "no such name")
}

fn lookup(t: &Thread, data: &Data, a: &[Value]) -> Res {
    let Some(s) = a[0].downcast::<Str>() else {
        let name = type_of(&a[0]).name();
        return Err(error::type_error(t, format_args!("a bytes-like object is required, not '{name}'")));
    };
    let text = s.to_lossy();
    let found = match uni::lookup(&text) {
        Some(Named::Character(c)) => Some(vec![c]).filter(|_| data.sequences || (data.name)(c).is_some()),
        Some(Named::Sequence(points)) => data.sequences.then(|| points.to_vec()),
        None => None,
    };
    match found {
        Some(points) => strs::from_ucs4(t, &points),
        None => Err(error::new(t, &KEY_ERROR, format_args!("undefined character name '{text}'"))),
    }
}

/// The arguments of `normalize` and `is_normalized`: the form's name and the text.
fn form_args<'a>(t: &Thread, a: &'a [Value], function: &str) -> Res<(String, &'a Str)> {
    let text = |v: &'a Value, n: usize| match v.downcast::<Str>() {
        Some(s) => Ok(s),
        None => {
            let name = if v.is_none() { "None".to_string() } else { type_of(v).name() };
            Err(error::type_error(t, format_args!("{function}() argument {n} must be str, not {name}")))
        }
    };
    Ok((text(&a[0], 1)?.to_lossy(), text(&a[1], 2)?))
}

fn form_of(t: &Thread, name: &str) -> Res<Form> {
    Form::from_name(name).ok_or_else(|| error::value_error(t, "invalid normalization form"))
}

fn points(t: &Thread, s: &Str, form: Form) -> Res<Vec<u32>> {
    t.check_alloc(s.len().saturating_mul(8 + if s.is_ascii() { 0 } else { 4 * form.expansion() }))?;
    let mut points = Vec::new();
    bulk::extend_from(&mut points, s.units().iter());
    t.check_stop()?;
    Ok(points)
}

fn normalize(t: &Thread, data: &Data, a: &[Value]) -> Res {
    let (name, s) = form_args(t, a, "normalize")?;
    if s.is_empty() {
        return strs::exact(t, &a[1]);
    }
    let form = form_of(t, &name)?;
    if s.is_ascii() {
        return strs::exact(t, &a[1]);
    }
    let text = points(t, s, form)?;
    let mut out = StrBuilder::with_capacity(text.len());
    (data.normalize)(form, &text, &mut out);
    out.finish(t)
}

fn is_normalized(t: &Thread, data: &Data, a: &[Value]) -> Res {
    let (name, s) = form_args(t, a, "is_normalized")?;
    if s.is_empty() {
        return Ok(Value::TRUE);
    }
    let form = form_of(t, &name)?;
    if s.is_ascii() {
        return Ok(Value::TRUE);
    }
    let text = points(t, s, form)?;
    Ok(Value::bool((data.is_normalized)(form, &text)))
}
