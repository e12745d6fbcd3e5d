//! _operator: the operators as functions.

mod getters;

use typhon_object::args::Args;
use typhon_object::buffer;
use typhon_object::error::{self, Res};
use typhon_object::native::{MethodDef, ModuleDef, def, raw};
use typhon_object::ops::{self, BinaryOp, CompareOp};
use typhon_object::strs::Str;
use typhon_object::{Thread, Value, call, convert, type_of};

/// _operator.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_operator",
    doc: "Operator interface.\n\nThis module exports a set of functions implemented in C corresponding\nto the intrinsic operators of Python.  For example, operator.add(x, y)\nis equivalent to the expression x+y.  The function names are those\nused for special methods; variants without leading and trailing\n'__' are also provided for convenience.",
    functions: FUNCTIONS,
    types: &[
        ("attrgetter", &getters::ATTR_GETTER),
        ("itemgetter", &getters::ITEM_GETTER),
        ("methodcaller", &getters::METHOD_CALLER),
    ],
    init: None,
};

macro_rules! binary {
    ($name:literal, $op:ident, $sign:literal) => {
        def(
            $name,
            "($module, a, b, /)",
            |t, a| ops::binary(t, ops::$op, &a[0], &a[1]),
            concat!("Same as a ", $sign, " b."),
        )
    };
}

macro_rules! compare {
    ($name:literal, $op:ident, $sign:literal) => {
        def(
            $name,
            "($module, a, b, /)",
            |t, a| ops::compare(t, &a[0], &a[1], CompareOp::$op),
            concat!("Same as a ", $sign, " b."),
        )
    };
}

macro_rules! unary {
    ($name:literal, $f:expr, $doc:literal) => {
        def($name, "($module, a, /)", $f, concat!("Same as ", $doc, "."))
    };
}

const FUNCTIONS: &[MethodDef] = &[
    binary!("add", ADD, "+"),
    binary!("sub", SUB, "-"),
    binary!("mul", MUL, "*"),
    binary!("matmul", MATMUL, "@"),
    binary!("truediv", TRUEDIV, "/"),
    binary!("floordiv", FLOORDIV, "//"),
    binary!("mod", MOD, "%"),
    binary!("lshift", LSHIFT, "<<"),
    binary!("rshift", RSHIFT, ">>"),
    binary!("and_", AND, "&"),
    binary!("xor", XOR, "^"),
    binary!("or_", OR, "|"),
    binary!("iadd", IADD, "+="),
    binary!("isub", ISUB, "-="),
    binary!("imul", IMUL, "*="),
    binary!("imatmul", IMATMUL, "@="),
    binary!("itruediv", ITRUEDIV, "/="),
    binary!("ifloordiv", IFLOORDIV, "//="),
    binary!("imod", IMOD, "%="),
    binary!("ilshift", ILSHIFT, "<<="),
    binary!("irshift", IRSHIFT, ">>="),
    binary!("iand", IAND, "&="),
    binary!("ixor", IXOR, "^="),
    binary!("ior", IOR, "|="),
    def("pow", "($module, a, b, /)", |t, a| ops::power(t, &a[0], &a[1], &Value::NONE, false), "Same as a ** b."),
    def("ipow", "($module, a, b, /)", |t, a| ops::power(t, &a[0], &a[1], &Value::NONE, true), "Same as a **= b."),
    compare!("lt", Lt, "<"),
    compare!("le", Le, "<="),
    compare!("eq", Eq, "=="),
    compare!("ne", Ne, "!="),
    compare!("gt", Gt, ">"),
    compare!("ge", Ge, ">="),
    unary!("neg", |t, a| ops::neg(t, &a[0]), "-a"),
    unary!("pos", |t, a| ops::pos(t, &a[0]), "+a"),
    unary!("inv", |t, a| ops::invert(t, &a[0]), "~a"),
    unary!("invert", |t, a| ops::invert(t, &a[0]), "~a"),
    unary!("abs", |t, a| ops::abs(t, &a[0]), "abs(a)"),
    unary!("not_", |t, a| Ok(Value::bool(!ops::truth(t, &a[0])?)), "not a"),
    def(
        "truth",
        "($module, a, /)",
        |t, a| Ok(Value::bool(ops::truth(t, &a[0])?)),
        "Return True if a is true, False otherwise.",
    ),
    unary!("index", |t, a| convert::to_index(t, &a[0]), "a.__index__()").tame(),
    unary!("is_none", |_, a| Ok(Value::bool(a[0].is_none())), "a is None"),
    unary!("is_not_none", |_, a| Ok(Value::bool(!a[0].is_none())), "a is not None"),
    def("is_", "($module, a, b, /)", |_, a| Ok(Value::bool(a[0].is(&a[1]))), "Same as a is b."),
    def("is_not", "($module, a, b, /)", |_, a| Ok(Value::bool(!a[0].is(&a[1]))), "Same as a is not b."),
    def("concat", "($module, a, b, /)", |t, a| concat(t, a, false), "Same as a + b, for a and b sequences."),
    def("iconcat", "($module, a, b, /)", |t, a| concat(t, a, true), "Same as a += b, for a and b sequences."),
    def(
        "contains",
        "($module, a, b, /)",
        |t, a| Ok(Value::bool(ops::contains(t, &a[0], &a[1])?)),
        "Same as b in a (note reversed operands).",
    ),
    def("countOf", "($module, a, b, /)", count_of, "Return the number of items in a which are, or which equal, b."),
    def("indexOf", "($module, a, b, /)", index_of, "Return the first index of b in a."),
    def("getitem", "($module, a, b, /)", |t, a| ops::getitem(t, &a[0], &a[1]), "Same as a[b]."),
    def(
        "setitem",
        "($module, a, b, c, /)",
        |t, a| ops::setitem(t, &a[0], &a[1], &a[2]).map(|()| Value::NONE),
        "Same as a[b] = c.",
    ),
    def(
        "delitem",
        "($module, a, b, /)",
        |t, a| ops::delitem(t, &a[0], &a[1]).map(|()| Value::NONE),
        "Same as del a[b].",
    ),
    def(
        "length_hint",
        "($module, obj, default=0, /)",
        length_hint,
        "Return an estimate of the number of items in obj.\n\nThis is useful for presizing containers when building from an iterable.\n\nIf the object supports len(), the result will be exact.\nOtherwise, it may over- or under-estimate by an arbitrary amount.",
    ),
    raw("call", "($module, obj, /, *args, **kwargs)", call_it, "Same as obj(*args, **kwargs)."),
    def(
        "_compare_digest",
        "($module, a, b, /)",
        compare_digest,
        "Return 'a == b'.\n\nThis function uses an approach designed to prevent\ntiming analysis, making it appropriate for cryptography.\n\na and b must both be of the same type: either str (ASCII only),\nor any bytes-like object.",
    ),
];

fn concat(t: &Thread, a: &[Value], in_place: bool) -> Res {
    let slots = type_of(&a[0]).slots();
    if let Some(f) = if in_place { slots.iconcat.or(slots.concat) } else { slots.concat } {
        return f(t, &a[0], &a[1]);
    }
    // A Python class that looks like a sequence adds by its operator.
    if slots.getitem.is_some() && type_of(&a[1]).slots().getitem.is_some() {
        let op: BinaryOp = if in_place { ops::IADD } else { ops::ADD };
        return ops::binary(t, op, &a[0], &a[1]);
    }
    Err(error::type_error(t, format_args!("'{}' object can't be concatenated", type_of(&a[0]).name())))
}

fn count_of(t: &Thread, a: &[Value]) -> Res {
    let mut n = 0;
    ops::for_each(t, &a[0], |item| {
        n += usize::from(ops::eq(t, &item, &a[1])?);
        t.poll()
    })?;
    Ok(convert::from_usize(n))
}

fn index_of(t: &Thread, a: &[Value]) -> Res {
    let (it, mut i) = (ops::iter_at_once(t, &a[0])?, 0);
    while let Some(item) = ops::next(t, &it)? {
        if ops::eq(t, &item, &a[1])? {
            return Ok(convert::from_usize(i));
        }
        i += 1;
        t.poll()?;
    }
    Err(error::value_error(t, "sequence.index(x): x not in sequence"))
}

fn length_hint(t: &Thread, a: &[Value]) -> Res {
    let default = a[1].opt().map_or(Ok(0), |v| convert::to_isize(t, v))?;
    // A negative default is given back as it is.
    let hint = ops::length_hint(t, &a[0], usize::MAX)?;
    if hint == usize::MAX { convert::from_i64(t, default as i64) } else { convert::from_u64(t, hint as u64) }
}

fn call_it(t: &Thread, args: Args<'_>) -> Res {
    match args.positional().first() {
        Some(f) => call::call_args(t, f, args.rest()),
        None => Err(error::type_error(t, "call expected at least 1 argument, got 0")),
    }
}

/// Compares in a time that depends on the length of `b` alone.
pub(crate) fn compare_digest(t: &Thread, a: &[Value]) -> Res {
    let same = |x: &[u8], y: &[u8]| {
        let longer = x.len() != y.len();
        let left = if longer { y } else { x };
        let differs = left.iter().zip(y).fold(u8::from(longer), |all, (p, q)| all | (p ^ q));
        Ok(Value::bool(std::hint::black_box(differs) == 0))
    };
    if let (Some(x), Some(y)) = (a[0].downcast::<Str>(), a[1].downcast::<Str>()) {
        return match (x.as_ascii(), y.as_ascii()) {
            (Some(x), Some(y)) => same(x.as_bytes(), y.as_bytes()),
            _ => Err(error::type_error(t, "comparing strings with non-ASCII characters is not supported")),
        };
    }
    if !buffer::supported(&a[0]) || !buffer::supported(&a[1]) {
        let (x, y) = (type_of(&a[0]).name(), type_of(&a[1]).name());
        let text = format_args!("unsupported operand types(s) or combination of types: '{x}' and '{y}'");
        return Err(error::type_error(t, text));
    }
    let (x, y) = (buffer::get(t, &a[0], buffer::SIMPLE)?, buffer::get(t, &a[1], buffer::SIMPLE)?);
    same(x.as_slice(), y.as_slice())
}
