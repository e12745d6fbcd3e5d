//! string.templatelib: Template and Interpolation (PEP 750).

use typhon_isa::opcode::ConversionKind;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{def, getter, member};
use typhon_object::payload;
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str};
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::TypeDef;
use typhon_object::{Args, Thread, Value, ops, type_of};

/// A replacement field of a t-string.
#[repr(C)]
pub struct Interpolation {
    header: Header,
    value: Slot,
    expression: Slot,
    conversion: Slot,
    format_spec: Slot,
}

typhon_object::payload!(Interpolation => INTERPOLATION {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.value.peek() });
    }
});

/// A t-string's value.
#[repr(C)]
pub struct Template {
    header: Header,
    strings: Slot,
    interpolations: Slot,
}

typhon_object::payload!(Template => TEMPLATE {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.interpolations.peek() });
    }
});

/// string.templatelib.Interpolation.
pub static INTERPOLATION: TypeDef = TypeDef {
    name: "string.templatelib.Interpolation",
    doc: "Interpolation object",
    signature: "(value, expression='', conversion=None, format_spec='')",
    slots: Slots { new: Some(new_interpolation), repr: Some(repr_interpolation), ..Slots::NONE },
    members: &[
        member("value", std::mem::offset_of!(Interpolation, value), "Value"),
        member("expression", std::mem::offset_of!(Interpolation, expression), "Expression"),
        member("conversion", std::mem::offset_of!(Interpolation, conversion), "Conversion"),
        member("format_spec", std::mem::offset_of!(Interpolation, format_spec), "Format specifier"),
    ],
    methods: &[
        def("__reduce__", "($self, /)", reduce_interpolation, ""),
        def(
            "__class_getitem__",
            "($type, item, /)",
            |t, a| typhon_object::types::generic_alias::new(t, &a[0], &a[1]),
            "",
        )
        .class(),
    ],
    constants: &[("__match_args__", |t| {
        let names = ["value", "expression", "conversion", "format_spec"];
        tuple::from_vec(t, names.iter().map(|n| strs::new(t, n)).collect::<Res<Vec<_>>>()?)
    })],
    ..TypeDef::of::<Interpolation>()
};

/// string.templatelib.Template.
pub static TEMPLATE: TypeDef = TypeDef {
    name: "string.templatelib.Template",
    doc: "Template object",
    slots: Slots {
        new: Some(new_template),
        repr: Some(repr_template),
        iter: Some(iter_template),
        concat: Some(concat_template),
        ..Slots::NONE
    },
    members: &[
        member("strings", std::mem::offset_of!(Template, strings), "Strings"),
        member("interpolations", std::mem::offset_of!(Template, interpolations), "Interpolations"),
    ],
    getset: &[getter("values", values, "Values of interpolations")],
    methods: &[
        def("__reduce__", "($self, /)", reduce_template, ""),
        def(
            "__class_getitem__",
            "($type, item, /)",
            |t, a| typhon_object::types::generic_alias::new(t, &a[0], &a[1]),
            "See PEP 585",
        )
        .class(),
    ],
    ..TypeDef::of::<Template>()
};

fn make(t: &Thread, value: Value, expression: Value, conversion: Value, format_spec: Value) -> Res {
    payload::new(t, |header| Interpolation {
        header,
        value: Slot::new(value),
        expression: Slot::new(expression),
        conversion: Slot::new(conversion),
        format_spec: Slot::new(format_spec),
    })
}

/// An interpolation from a window: value, expression text, format spec if there is one.
pub(crate) fn interpolation(t: &Thread, window: &[Value], kind: ConversionKind) -> Res {
    let conversion = match kind {
        ConversionKind::None => Value::NONE,
        kind => strs::new(t, &kind.text()[1..])?,
    };
    let [value, expression, rest @ ..] = window else { return Err(error::system_error(t, "a bad interpolation")) };
    let spec = rest.first().cloned().unwrap_or_else(|| typhon_object::process::empty_str().clone());
    make(t, value.clone(), expression.clone(), conversion, spec)
}

/// A template of a tuple of strings and a tuple of interpolations.
pub(crate) fn template(t: &Thread, strings: &Value, interpolations: &Value) -> Res {
    payload::new(t, |header| Template {
        header,
        strings: Slot::new(strings.clone()),
        interpolations: Slot::new(interpolations.clone()),
    })
}

fn new_interpolation(t: &Thread, _class: &Value, args: Args<'_>) -> Res {
    const NAMES: [&str; 4] = ["value", "expression", "conversion", "format_spec"];
    let mut a: [Value; 4] = Default::default();
    if args.positional().len() > 4 {
        let n = args.positional().len();
        return Err(error::type_error(t, format_args!("Interpolation() takes at most 4 arguments ({n} given)")));
    }
    for (slot, v) in a.iter_mut().zip(args.positional()) {
        *slot = v.clone();
    }
    for (i, name) in NAMES.iter().enumerate() {
        if let Some(v) = args.keyword(name) {
            a[i] = v.clone();
        }
    }
    let [value, expression, conversion, spec] = a;
    if value.is_absent() {
        return Err(error::type_error(t, "Interpolation() missing required argument 'value' (pos 1)"));
    }
    let text = |v: Value, name: &str| -> Res {
        match v.opt() {
            None => Ok(typhon_object::process::empty_str().clone()),
            Some(s) if s.downcast::<Str>().is_some() => Ok(v),
            Some(s) => {
                let got = type_of(s).name();
                Err(error::type_error(t, format_args!("Interpolation() argument '{name}' must be str, not {got}")))
            }
        }
    };
    let (expression, spec) = (text(expression, "expression")?, text(spec, "format_spec")?);
    let conversion = conversion.present().unwrap_or(Value::NONE);
    let known = conversion.is_none() || ["s", "r", "a"].iter().any(|c| strs::eq_str(&conversion, c));
    if !known {
        if conversion.downcast::<Str>().is_none() {
            let got = type_of(&conversion).name();
            return Err(error::type_error(
                t,
                format_args!("Interpolation() argument 'conversion' must be str, not {got}"),
            ));
        }
        return Err(error::value_error(t, "Interpolation() argument 'conversion' must be one of 's', 'a' or 'r'"));
    }
    make(t, value, expression, conversion, spec)
}

fn parts(v: &Value) -> [Value; 4] {
    let i = v.expect::<Interpolation>();
    [i.value.get(), i.expression.get(), i.conversion.get(), i.format_spec.get()]
}

fn repr_interpolation(t: &Thread, v: &Value) -> Res {
    let texts = parts(v).iter().map(|p| ops::repr_text(t, p)).collect::<Res<Vec<_>>>()?;
    strs::new(t, &format!("Interpolation({})", texts.join(", ")))
}

fn reduce_interpolation(t: &Thread, a: &[Value]) -> Res {
    let args = tuple::from_array(t, parts(&a[0]))?;
    tuple::from_array(t, [type_of(&a[0]).value(), args])
}

/// Strings and interpolations as given, with empty strings between neighbouring interpolations.
fn new_template(t: &Thread, _class: &Value, args: Args<'_>) -> Res {
    args.no_keywords(t, "Template")?;
    assemble(t, args.values)
}

fn assemble(t: &Thread, pieces: &[Value]) -> Res {
    let empty = || typhon_object::process::empty_str().clone();
    let (mut strings, mut interpolations) = (vec![empty()], Vec::new());
    for piece in pieces {
        if let (Some(s), Some(last)) = (piece.downcast::<Str>(), strings.last_mut()) {
            let joined = strs::concat(t, last.expect::<Str>(), s)?;
            *last = joined;
        } else if piece.downcast::<Interpolation>().is_some() {
            interpolations.push(piece.clone());
            strings.push(empty());
        } else {
            let got = type_of(piece).name();
            return Err(error::type_error(
                t,
                format_args!("Template.__new__ *args need to be of type 'str' or 'Interpolation', got {got}"),
            ));
        }
    }
    template(t, &tuple::from_vec(t, strings)?, &tuple::from_vec(t, interpolations)?)
}

fn pieces(v: &Value) -> Vec<Value> {
    let me = v.expect::<Template>();
    let (strings, interpolations) = (me.strings.get(), me.interpolations.get());
    let (s, i) = (strings.expect::<Tuple>().items(), interpolations.expect::<Tuple>().items());
    let mut out = Vec::with_capacity(s.len() + i.len());
    for (n, text) in s.iter().enumerate() {
        out.push(text.clone());
        out.extend(i.get(n).cloned());
    }
    out
}

fn repr_template(t: &Thread, v: &Value) -> Res {
    let me = v.expect::<Template>();
    let (s, i) = (ops::repr_text(t, &me.strings.get())?, ops::repr_text(t, &me.interpolations.get())?);
    strs::new(t, &format!("Template(strings={s}, interpolations={i})"))
}

fn iter_template(t: &Thread, v: &Value) -> Res {
    let items = pieces(v).into_iter().filter(|p| !p.downcast::<Str>().is_some_and(Str::is_empty)).collect();
    ops::iter(t, &tuple::from_vec(t, items)?)
}

fn concat_template(t: &Thread, a: &Value, b: &Value) -> Res {
    if a.downcast::<Template>().is_none() || b.downcast::<Template>().is_none() {
        let got = type_of(b).name();
        return Err(error::type_error(
            t,
            format_args!(
                "can only concatenate string.templatelib.Template (not \"{got}\") to string.templatelib.Template"
            ),
        ));
    }
    let mut all = pieces(a);
    all.extend(pieces(b));
    assemble(t, &all)
}

fn values(t: &Thread, v: &Value) -> Res {
    let items = v.expect::<Template>().interpolations.get();
    let values = items.expect::<Tuple>().items().iter().map(|i| i.expect::<Interpolation>().value.get()).collect();
    tuple::from_vec(t, values)
}

fn reduce_template(t: &Thread, a: &[Value]) -> Res {
    let args = tuple::from_vec(t, pieces(&a[0]))?;
    tuple::from_array(t, [type_of(&a[0]).value(), args])
}
