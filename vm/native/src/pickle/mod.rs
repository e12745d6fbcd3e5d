//! _pickle.

mod buffer;
mod facts;
mod load;
mod load_object;
mod long;
mod memo;
mod op;
mod out;
mod pickler;
mod save;
mod save_data;
mod save_reduce;
mod source;
mod unpickler;

use typhon_object::Thread;
use typhon_object::error::{self, Exc};
use typhon_object::native::{MethodDef, ModuleDef, def};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions::{self, EXCEPTION, Exception};

/// _pickle.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_pickle",
    doc: "Optimized C implementation for the Python pickle module.",
    functions: FUNCTIONS,
    types: &[
        ("PickleError", &PICKLE_ERROR),
        ("PicklingError", &PICKLING_ERROR),
        ("UnpicklingError", &UNPICKLING_ERROR),
        ("Pickler", &pickler::PICKLER),
        ("Unpickler", &unpickler::UNPICKLER),
        ("PickleBuffer", &buffer::PICKLE_BUFFER),
        ("", &pickler::MEMO_PROXY),
        ("", &unpickler::MEMO_PROXY),
    ],
    init: None,
};

static PICKLE_ERROR: TypeDef = TypeDef {
    name: "_pickle.PickleError",
    base: Some(&EXCEPTION),
    flags: flag::BASETYPE | flag::EXCEPTION,
    ..TypeDef::of::<Exception>()
};

static PICKLING_ERROR: TypeDef = TypeDef {
    name: "_pickle.PicklingError",
    base: Some(&PICKLE_ERROR),
    flags: flag::BASETYPE | flag::EXCEPTION,
    ..TypeDef::of::<Exception>()
};

static UNPICKLING_ERROR: TypeDef = TypeDef {
    name: "_pickle.UnpicklingError",
    base: Some(&PICKLE_ERROR),
    flags: flag::BASETYPE | flag::EXCEPTION,
    ..TypeDef::of::<Exception>()
};

const FUNCTIONS: &[MethodDef] = &[
    def(
        "dump",
        "($module, /, obj, file, protocol=None, *, fix_imports=True,\n     buffer_callback=None)",
        pickler::dump_to,
        "Write a pickled representation of obj to the open file object file.\n\nThis is equivalent to ``Pickler(file, protocol).dump(obj)``, but may be\nmore efficient.",
    ),
    def(
        "dumps",
        "($module, /, obj, protocol=None, *, fix_imports=True,\n      buffer_callback=None)",
        pickler::dumps,
        "Return the pickled representation of the object as a bytes object.",
    ),
    def(
        "load",
        "($module, /, file, *, fix_imports=True, encoding='ASCII',\n     errors='strict', buffers=())",
        unpickler::load_from,
        "Read and return an object from the pickle data stored in a file.\n\nThis is equivalent to ``Unpickler(file).load()``, but may be more\nefficient.",
    ),
    def(
        "loads",
        "($module, data, /, *, fix_imports=True, encoding='ASCII',\n      errors='strict', buffers=())",
        unpickler::loads,
        "Read and return an object from the given pickle data.",
    ),
];

/// A `PicklingError`.
fn fail_pickling(t: &Thread, text: impl std::fmt::Display) -> Exc {
    error::new(t, &PICKLING_ERROR, text)
}

/// A `PicklingError` raised while handling another exception.
fn pickling_error(t: &Thread, text: impl std::fmt::Display, context: Exc) -> Exc {
    let e = fail_pickling(t, text);
    if !e.is_stopped() && !context.is_stopped() {
        exceptions::set_context(t, e.value(), context.into_value());
    }
    e
}

/// An `UnpicklingError`.
fn bad_pickle(t: &Thread, text: impl std::fmt::Display) -> Exc {
    error::new(t, &UNPICKLING_ERROR, text)
}

fn truncated(t: &Thread) -> Exc {
    bad_pickle(t, "pickle data was truncated")
}
