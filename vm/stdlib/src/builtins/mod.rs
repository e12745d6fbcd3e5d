//! builtins.

mod class;
pub(crate) mod code;
mod iterate;
mod output;

use crate::import;
use crate::text;
use typhon_num::int::cost;
use typhon_num::int_text;
use typhon_object::args::Args;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::names::n;
use typhon_object::native::{MethodDef, ModuleDef, def, raw};
use typhon_object::strs::{self, Str};
use typhon_object::types::{self, exceptions, int, module};
use typhon_object::{Thread, Value, attr, attr_cache, call, convert, names, ops, process, type_of};

/// builtins.
pub static MODULE: ModuleDef = ModuleDef {
    name: "builtins",
    doc: "Built-in functions, types, exceptions, and other objects.\n\nThis module provides direct access to all 'built-in'\nidentifiers of Python; for example, builtins.len is\nthe full name for the built-in function len().\n\nThis module is not usually accessed explicitly by most\napplications, but can be useful in modules that provide\nobjects with the same name as a builtin and in which the\nbuilt-in of that name is also needed.",
    functions: FUNCTIONS,
    types: &[("", &iterate::ANEXT)],
    init: Some(init),
};

const FUNCTIONS: &[MethodDef] = &[
    raw(
        "__build_class__",
        "",
        class::build,
        "__build_class__(func, name, /, *bases, [metaclass], **kwds) -> class\n\nInternal helper function used by the class statement.",
    ),
    def(
        "__import__",
        "($module, name, globals=None, locals=None, fromlist=(), level=0)",
        dunder_import,
        "Import a module.",
    ),
    def("abs", "($module, x, /)", |t, a| ops::abs(t, &a[0]), "Return the absolute value of the argument.")
        .open()
        .tame(),
    def(
        "aiter",
        "($module, async_iterable, /)",
        iterate::aiter,
        "Return an AsyncIterator for an AsyncIterable object.",
    ),
    def(
        "all",
        "($module, iterable, /)",
        iterate::all,
        "Return True if bool(x) is True for all values x in the iterable.\n\nIf the iterable is empty, return True.",
    ),
    def(
        "anext",
        "($module, aiterator, default=<unrepresentable>, /)",
        iterate::anext,
        "Return the next item from the async iterator.",
    ),
    def(
        "any",
        "($module, iterable, /)",
        iterate::any,
        "Return True if bool(x) is True for any x in the iterable.\n\nIf the iterable is empty, return False.",
    ),
    def("ascii", "($module, obj, /)", ascii, "Return an ASCII-only representation of an object."),
    def(
        "bin",
        "($module, integer, /)",
        |t, a| based(t, &a[0], 2, "0b"),
        "Return the binary representation of an integer.",
    )
    .open(),
    raw("breakpoint", "($module, /, *args, **kws)", breakpoint, "Call sys.breakpointhook(*args, **kws)."),
    def(
        "callable",
        "($module, obj, /)",
        |_, a| Ok(Value::bool(call::is_callable(&a[0]))),
        "Return whether the object is callable (i.e., some kind of function).",
    ).tame_with_any(),
    def("chr", "($module, i, /)", chr, "Return a Unicode string of one character with ordinal i; 0 <= i <= 0x10ffff.")
        .open()
        .tame(),
    def(
        "compile",
        "($module, /, source, filename, mode, flags=0, dont_inherit=False, optimize=-1, *, _feature_version=-1)",
        code::compile,
        "Compile source into a code object that can be executed by exec() or eval().",
    ),
    def("delattr", "($module, obj, name, /)", delattr, "Deletes the named attribute from the given object."),
    raw("dir", "", code::dir, "dir([object]) -> list of strings"),
    def(
        "divmod",
        "($module, x, y, /)",
        |t, a| ops::binary(t, ops::DIVMOD, &a[0], &a[1]),
        "Return the tuple (x//y, x%y).  Invariant: div*y + mod == x.",
    )
    .open(),
    def(
        "eval",
        "($module, source, /, globals=None, locals=None)",
        code::eval,
        "Evaluate the given source in the context of globals and locals.",
    ),
    def(
        "exec",
        "($module, source, /, globals=None, locals=None, *, closure=None)",
        code::exec,
        "Execute the given source in the context of globals and locals.",
    ),
    def("format", "($module, value, format_spec='', /)", format, "Return type(value).__format__(value, format_spec)"),
    raw(
        "getattr",
        "",
        getattr,
        "getattr(object, name[, default]) -> value\n\nGet a named attribute from an object; getattr(x, 'y') is equivalent to x.y.\nWhen a default argument is given, it is returned when the attribute doesn't\nexist; without it, an exception is raised in that case.",
    )
    .open_always().tame_with_any(),
    def(
        "globals",
        "($module, /)",
        |t, _| crate::frames::globals(t),
        "Return the dictionary containing the current scope's global variables.",
    ),
    def(
        "hasattr",
        "($module, obj, name, /)",
        hasattr,
        "Return whether the object has an attribute with the given name.",
    )
    .open_always().tame_with_any(),
    def(
        "hash",
        "($module, obj, /)",
        |t, a| convert::from_i64(t, ops::hash(t, &a[0])?),
        "Return the hash value for the given object.",
    )
    .open_receiver(),
    def(
        "hex",
        "($module, integer, /)",
        |t, a| based(t, &a[0], 16, "0x"),
        "Return the hexadecimal representation of an integer.",
    )
    .open(),
    def("id", "($module, obj, /)", |t, a| convert::from_i64(t, a[0].id()), "Return the identity of an object.")
        .open_always().tame_with_any(),
    def(
        "input",
        "($module, prompt='', /)",
        output::input,
        "Read a string from standard input.  The trailing newline is stripped.",
    ),
    def(
        "isinstance",
        "($module, obj, class_or_tuple, /)",
        |t, a| Ok(Value::bool(ops::isinstance(t, &a[0], &a[1])?)),
        "Return whether an object is an instance of a class or of a subclass thereof.",
    )
    .open_always()
    .tame(),
    def(
        "issubclass",
        "($module, cls, class_or_tuple, /)",
        |t, a| Ok(Value::bool(ops::issubclass(t, &a[0], &a[1])?)),
        "Return whether 'cls' is derived from another class or is the same class.",
    )
    .open_always(),
    raw("iter", "", iterate::iter, "iter(iterable) -> iterator\niter(callable, sentinel) -> iterator"),
    def(
        "len",
        "($module, obj, /)",
        |t, a| convert::from_u64(t, ops::len(t, &a[0])? as u64),
        "Return the number of items in a container.",
    )
    .open_receiver()
    .tame(),
    def(
        "locals",
        "($module, /)",
        |t, _| crate::frames::locals(t),
        "Return a dictionary containing the current scope's local variables.",
    ),
    raw(
        "max",
        "",
        |t, a| iterate::extreme(t, a, ops::CompareOp::Gt, "max"),
        "max(iterable, *[, default=obj, key=func]) -> value\nmax(arg1, arg2, *args, *[, key=func]) -> value",
    )
    .tame(),
    raw(
        "min",
        "",
        |t, a| iterate::extreme(t, a, ops::CompareOp::Lt, "min"),
        "min(iterable, *[, default=obj, key=func]) -> value\nmin(arg1, arg2, *args, *[, key=func]) -> value",
    )
    .tame(),
    raw("next", "", iterate::next, "next(iterator[, default])\n\nReturn the next item from the iterator."),
    def(
        "oct",
        "($module, integer, /)",
        |t, a| based(t, &a[0], 8, "0o"),
        "Return the octal representation of an integer.",
    )
    .open(),
    raw(
        "open",
        "($module, /, file, mode='r', buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None)",
        output::open,
        "Open file and return a stream.  Raise OSError upon failure.",
    ),
    def("ord", "($module, character, /)", ord, "Return the ordinal value of a character.").open().tame(),
    def(
        "pow",
        "($module, /, base, exp, mod=None)",
        pow,
        "Equivalent to base**exp with 2 arguments or base**exp % mod with 3 arguments.",
    )
    .open(),
    raw(
        "print",
        "($module, /, *args, sep=' ', end='\\n', file=None, flush=False)",
        output::print,
        "Prints the values to a stream, or to sys.stdout by default.",
    ),
    def(
        "repr",
        "($module, obj, /)",
        |t, a| ops::repr(t, &a[0]),
        "Return the canonical string representation of the object.",
    ),
    def("round", "($module, /, number, ndigits=None)", round, "Round a number to a given precision in decimal digits.")
        .open()
        .tame(),
    def(
        "setattr",
        "($module, obj, name, value, /)",
        setattr,
        "Sets the named attribute on the given object to the specified value.",
    ),
    raw(
        "sorted",
        "($module, iterable, /, *, key=None, reverse=False)",
        iterate::sorted,
        "Return a new list containing all items from the iterable in ascending order.",
    )
    .open_receiver(),
    def(
        "sum",
        "($module, iterable, /, start=0)",
        iterate::sum,
        "Return the sum of a 'start' value (default: 0) plus an iterable of numbers",
    ),
    raw("vars", "", code::vars, "vars([object]) -> dictionary"),
];

/// Names of the built-in types that are builtins too.
const TYPES: &[&str] = &[
    "bool",
    "bytearray",
    "bytes",
    "classmethod",
    "complex",
    "dict",
    "enumerate",
    "filter",
    "float",
    "frozenset",
    "int",
    "list",
    "map",
    "memoryview",
    "object",
    "property",
    "range",
    "reversed",
    "set",
    "slice",
    "staticmethod",
    "str",
    "super",
    "tuple",
    "type",
    "zip",
];

/// What the `builtins` of every isolate begin with, beside its functions: types and constants.
pub(crate) fn fill_shared(t: &Thread, d: &Dict) -> Res<()> {
    let put = |name: &'static str, v: Value| d.set_str(t, &process::with_interned(name), v);
    for def in types::core().filter(|def| TYPES.contains(&def.name)) {
        put(def.name, def.ty().value())?;
    }
    exceptions::ALL.iter().try_for_each(|def| put(def.name, def.ty().value()))?;
    for (alias, def) in [("EnvironmentError", &exceptions::OS_ERROR), ("IOError", &exceptions::OS_ERROR)] {
        put(alias, def.ty().value())?;
    }
    put("None", Value::NONE)?;
    put("True", Value::TRUE)?;
    put("False", Value::FALSE)?;
    put("Ellipsis", Value::ELLIPSIS)?;
    put("NotImplemented", Value::NOT_IMPLEMENTED)?;
    put("__debug__", Value::TRUE)
}

fn init(t: &Thread, m: &Value) -> Res<()> {
    let optimize = t.state::<crate::sys::Settings>().config.borrow().flags.optimize;
    Dict::of(&module::dict_of(t, m)).set_str(t, n::__debug__(), Value::bool(optimize == 0))
}

fn dunder_import(t: &Thread, a: &[Value]) -> Res {
    let level = match a[4].opt() {
        Some(n) => i64::from(convert::to_i32(t, n)?),
        None => 0,
    };
    let or_none = |v: &Value| v.opt().cloned().unwrap_or(Value::NONE);
    import::import_level(t, &a[0], &or_none(&a[1]), &or_none(&a[3]), level)
}

fn ascii(t: &Thread, a: &[Value]) -> Res {
    let shown = ops::repr(t, &a[0])?;
    let Some(s) = shown.downcast::<Str>() else { return Ok(shown) };
    if s.is_ascii() {
        return Ok(shown);
    }
    let mut b = strs::StrBuilder::with_capacity(s.len() * 2);
    for c in s.units().iter() {
        match c {
            0..0x80 => b.push(c),
            0x80..0x100 => b.push_str(&format!("\\x{c:02x}")),
            0x100..0x1_0000 => b.push_str(&format!("\\u{c:04x}")),
            _ => b.push_str(&format!("\\U{c:08x}")),
        }
    }
    b.finish(t)
}

fn based(t: &Thread, v: &Value, radix: u32, prefix: &str) -> Res {
    let i = convert::to_index(t, v)?;
    if let Some(x) = int::to_i64(&i) {
        return strs::new(t, small_based(x, radix, prefix, &mut [0; 68]));
    }
    let Some(big) = int::as_big(&i) else { return Err(error::type_error(t, "an integer is required")) };
    t.check_alloc(usize::try_from(cost::text_digits(big, radix)).map_or(usize::MAX, |n| n.saturating_mul(2)))?;
    strs::new(t, &int::with_poll(t, |poll| int_text::to_base_with(big, radix, prefix, poll))?)
}

/// An int's digits behind its sign and prefix, written from the end of a buffer that has room for them.
fn small_based<'a>(x: i64, radix: u32, prefix: &str, out: &'a mut [u8; 68]) -> &'a str {
    let (mut left, mut at) = (x.unsigned_abs(), out.len());
    let bits = radix.trailing_zeros();
    loop {
        at -= 1;
        out[at] = b"0123456789abcdef"[(left & u64::from(radix - 1)) as usize];
        left >>= bits;
        if left == 0 {
            break;
        }
    }
    for b in prefix.bytes().rev().chain((x < 0).then_some(b'-')) {
        at -= 1;
        out[at] = b;
    }
    std::str::from_utf8(&out[at..]).unwrap_or_default()
}

fn breakpoint(t: &Thread, a: Args<'_>) -> Res {
    let hook = match text::loaded(t, "sys") {
        Some(sys) => attr::get_opt(t, &sys, &text::name(t, "breakpointhook"))?,
        None => None,
    };
    match hook {
        Some(hook) => call::call_args(t, &hook, a),
        None => Err(error::runtime_error(t, "lost sys.breakpointhook")),
    }
}

fn chr(t: &Thread, a: &[Value]) -> Res {
    let i = convert::to_index(t, &a[0])?;
    match int::to_i64(&i) {
        Some(c @ 0..0x11_0000) => strs::from_char(t, c as u32),
        _ => Err(error::value_error(t, "chr() arg not in range(0x110000)")),
    }
}

fn ord(t: &Thread, a: &[Value]) -> Res {
    let (len, only) = if let Some(s) = a[0].downcast::<Str>() {
        (s.len(), if s.len() == 1 { s.at(0) } else { 0 })
    } else if let Ok(b) = typhon_object::buffer::get(t, &a[0], 0) {
        let bytes = b.as_slice();
        (bytes.len(), bytes.first().map_or(0, |&b| u32::from(b)))
    } else {
        let ty = type_of(&a[0]).name();
        return Err(error::type_error(t, format_args!("ord() expected string of length 1, but {ty} found")));
    };
    if len == 1 {
        return Ok(Value::small(i64::from(only)));
    }
    Err(error::type_error(t, format_args!("ord() expected a character, but string of length {len} found")))
}

fn text_name(t: &Thread, v: &Value) -> Res<()> {
    if v.downcast::<Str>().is_some() {
        return Ok(());
    }
    let ty = type_of(v).name();
    Err(error::type_error(t, format_args!("attribute name must be string, not '{ty}'")))
}

fn delattr(t: &Thread, a: &[Value]) -> Res {
    text_name(t, &a[1])?;
    attr::set(t, &a[0], &names::intern(t, &a[1]), None)?;
    Ok(Value::NONE)
}

fn setattr(t: &Thread, a: &[Value]) -> Res {
    text_name(t, &a[1])?;
    attr::set(t, &a[0], &names::intern(t, &a[1]), Some(&a[2]))?;
    Ok(Value::NONE)
}

fn getattr(t: &Thread, a: Args<'_>) -> Res {
    let args = a.expect_positional(t, "getattr", 2, 3)?;
    text_name(t, &args[1])?;
    let name = names::intern(t, &args[1]);
    t.untamed_unless(|| attr_cache::reads_plainly(t, &args[0], &name))?;
    let was_in = t.enter_native_unless(|| attr_cache::reads_plainly(t, &args[0], &name));
    let got = match args.get(2) {
        None => attr::get(t, &args[0], &name),
        Some(default) => attr::get_opt(t, &args[0], &name).map(|found| found.unwrap_or_else(|| default.clone())),
    };
    t.leave_native(was_in);
    got
}

fn hasattr(t: &Thread, a: &[Value]) -> Res {
    text_name(t, &a[1])?;
    let name = names::intern(t, &a[1]);
    t.untamed_unless(|| attr_cache::reads_plainly(t, &a[0], &name))?;
    let was_in = t.enter_native_unless(|| attr_cache::reads_plainly(t, &a[0], &name));
    let found = attr::get_opt(t, &a[0], &name);
    t.leave_native(was_in);
    Ok(Value::bool(found?.is_some()))
}

fn format(t: &Thread, a: &[Value]) -> Res {
    let spec = a[1].opt().unwrap_or_else(|| process::empty_str());
    if spec.downcast::<Str>().is_none() {
        let ty = type_of(spec).name();
        return Err(error::type_error(t, format_args!("format() argument 2 must be str, not {ty}")));
    }
    ops::format(t, &a[0], spec)
}

fn pow(t: &Thread, a: &[Value]) -> Res {
    ops::power(t, &a[0], &a[1], a[2].opt().unwrap_or(&Value::NONE), false)
}

fn round(t: &Thread, a: &[Value]) -> Res {
    let digits: &[Value] = match a[1].non_none() {
        Some(d) => std::slice::from_ref(d),
        None => &[],
    };
    match call::special(t, &a[0], n::__round__(), digits) {
        Some(r) => r,
        None => {
            let ty = type_of(&a[0]).name();
            Err(error::type_error(t, format_args!("type {ty} doesn't define __round__ method")))
        }
    }
}
