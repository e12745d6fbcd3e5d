//! _csv.

mod dialect;
mod reader;
mod writer;

use std::cell::Cell;
use typhon_object::args::{ArgBuffer, Args};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Exc, Res};
use typhon_object::list::List;
use typhon_object::native::{MethodDef, ModuleDef, def, raw};
use typhon_object::store::Slot;
use typhon_object::strs::Str;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions::{EXCEPTION, Exception};
use typhon_object::types::{int, module};
use typhon_object::{Thread, Value, call, convert, names};

/// _csv.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_csv",
    doc: "CSV parsing and writing.\n",
    functions: FUNCTIONS,
    types: &[
        ("Error", &ERROR),
        ("Dialect", &dialect::DIALECT),
        ("Reader", &reader::READER),
        ("Writer", &writer::WRITER),
    ],
    init: Some(init),
};

/// _csv.Error.
static ERROR: TypeDef = TypeDef {
    name: "_csv.Error",
    base: Some(&EXCEPTION),
    flags: flag::BASETYPE | flag::EXCEPTION,
    ..TypeDef::of::<Exception>()
};

const FUNCTIONS: &[MethodDef] = &[
    raw(
        "reader",
        "($module, iterable, /, dialect='excel', **fmtparams)",
        reader::new,
        "Return a reader object that will process lines from the given iterable.\n\nThe \"iterable\" argument can be any object that returns a line\nof input for each iteration, such as a file object or a list.  The\noptional \"dialect\" argument defines a CSV dialect.  The function\nalso accepts optional keyword arguments which override settings\nprovided by the dialect.\n\nThe returned object is an iterator.  Each iteration returns a row\nof the CSV file (which can span multiple input lines).",
    ),
    raw(
        "writer",
        "($module, fileobj, /, dialect='excel', **fmtparams)",
        writer::new,
        "Return a writer object that will write user data on the given file object.\n\nThe \"fileobj\" argument can be any object that supports the file API.\nThe optional \"dialect\" argument defines a CSV dialect.  The function\nalso accepts optional keyword arguments which override settings\nprovided by the dialect.",
    ),
    raw(
        "register_dialect",
        "($module, name, /, dialect='excel', **fmtparams)",
        register,
        "Create a mapping from a string name to a CVS dialect.\n\nThe optional \"dialect\" argument specifies the base dialect instance\nor the name of the registered dialect.  The function also accepts\noptional keyword arguments which override settings provided by the\ndialect.",
    ),
    def(
        "unregister_dialect",
        "($module, /, name)",
        unregister,
        "Delete the name/dialect mapping associated with a string name.",
    ),
    def(
        "get_dialect",
        "($module, /, name)",
        |t, a| registered(t, &a[0]),
        "Return the dialect instance associated with name.",
    ),
    def(
        "list_dialects",
        "($module, /)",
        |t, _| List::from_vec(t, Dict::of(&dialects(t)).keys()),
        "Return a list of all known dialect names.",
    ),
    def(
        "field_size_limit",
        "($module, /, new_limit=<unrepresentable>)",
        field_size_limit,
        "Sets an upper limit on parsed fields.\n\nReturns old limit. If limit is not given, no new limit is set and\nthe old limit is returned",
    ),
];

/// What an isolate's module keeps.
struct State {
    dialects: Slot,
    field_limit: Cell<i64>,
}

impl Default for State {
    fn default() -> Self {
        Self { dialects: Slot::empty(), field_limit: Cell::new(128 * 1024) }
    }
}

/// The registered dialects by name.
fn dialects(t: &Thread) -> Value {
    let state = t.state::<State>();
    if state.dialects.is_absent() {
        let dict = Dict::create(t);
        if let Some(header) = dict.header() {
            state.dialects.set(header, dict.clone());
        }
    }
    state.dialects.get()
}

fn init(t: &Thread, this: &Value) -> Res<()> {
    let dict = module::dict_of(t, this);
    let set = |name: &str, v: Value| Dict::of(&dict).set_str(t, &names::intern_text(t, name), v);
    for (name, quoting) in dialect::QUOTINGS {
        set(name, Value::small(*quoting as i64))?;
    }
    set("_dialects", dialects(t))
}

/// A `_csv.Error`.
fn fail(t: &Thread, text: impl std::fmt::Display) -> Exc {
    error::new(t, &ERROR, text)
}

fn registered(t: &Thread, name: &Value) -> Res {
    Dict::of(&dialects(t)).get(t, name)?.ok_or_else(|| fail(t, "unknown dialect"))
}

/// The dialect that a function's arguments after the first `skip` describe.
fn dialect_of(t: &Thread, function: &str, args: Args<'_>, skip: usize) -> Res {
    let given = args.positional();
    if given.len() < skip {
        return Err(error::type_error(t, format_args!("{function} expected at least 1 argument, got 0")));
    }
    if given.len() > skip + 1 {
        let n = given.len();
        return Err(error::type_error(t, format_args!("{function} expected at most 2 arguments, got {n}")));
    }
    let mut values = ArgBuffer::new();
    values.extend(args.values[skip..].iter().cloned());
    call::call_args(t, &dialect::DIALECT.ty().value(), Args { values: &values, names: args.names })
}

fn register(t: &Thread, args: Args<'_>) -> Res {
    if let Some(name) = args.positional().first()
        && name.downcast::<Str>().is_none()
    {
        return Err(error::type_error(t, "dialect name must be a string"));
    }
    let made = dialect_of(t, "register_dialect", args, 1)?;
    Dict::of(&dialects(t)).set(t, &args.values[0], &made)?;
    Ok(Value::NONE)
}

fn unregister(t: &Thread, a: &[Value]) -> Res {
    match Dict::of(&dialects(t)).remove(t, &a[0])? {
        Some(_) => Ok(Value::NONE),
        None => Err(fail(t, "unknown dialect")),
    }
}

fn field_size_limit(t: &Thread, a: &[Value]) -> Res {
    let state = t.state::<State>();
    let old = state.field_limit.get();
    if let Some(v) = a[0].opt() {
        if !int::is_int(v) {
            return Err(error::type_error(t, "limit must be an integer"));
        }
        state.field_limit.set(convert::to_i64(t, v)?);
    }
    convert::from_i64(t, old)
}
