//! `_io`: streams.

use std::cell::RefCell;
use typhon_object::dict::Dict;
use typhon_object::native::{ModuleDef, def};
use typhon_object::types::exceptions;
use typhon_object::types::module;
use typhon_object::{Args, Exc, Res, Thread, Value, attr, call, error, names, strs, tuple};

mod base;
mod buffered;
mod buffered_methods;
mod buffered_pair;
mod bytesio;
mod file;
mod host_stream;
mod newlines;
mod open;
mod stringio;
mod text;
mod text_methods;
mod text_read;
mod text_seek;

pub use file::FileIO;
pub use open::standard_stream;

/// Bytes that buffered streams read at once.
pub const BUFFER_SIZE: usize = 128 * 1024;

/// `_io`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_io",
    doc: "The io module provides the Python interfaces to stream handling.",
    functions: &[
        def(
            "open",
            "($module, /, file, mode='r', buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None)",
            open::open,
            "Open file and return a stream.  Raise OSError upon failure.",
        ),
        def(
            "open_code",
            "($module, /, path)",
            open::open_code,
            "Opens the provided file with the intent to import the contents.",
        ),
        def(
            "text_encoding",
            "($module, encoding, stacklevel=2, /)",
            open::text_encoding,
            "A helper function to choose the text encoding.",
        ),
    ],
    types: &[
        ("_IOBase", &base::IO_BASE),
        ("_RawIOBase", &base::RAW_IO_BASE),
        ("_BufferedIOBase", &base::BUFFERED_IO_BASE),
        ("_TextIOBase", &base::TEXT_IO_BASE),
        ("FileIO", &file::FILE_IO),
        ("BytesIO", &bytesio::BYTES_IO),
        ("_BytesIOBuffer", &bytesio::BYTES_IO_BUFFER),
        ("BufferedReader", &buffered::BUFFERED_READER),
        ("BufferedWriter", &buffered::BUFFERED_WRITER),
        ("BufferedRandom", &buffered::BUFFERED_RANDOM),
        ("BufferedRWPair", &buffered_pair::BUFFERED_RW_PAIR),
        ("TextIOWrapper", &text::TEXT_IO_WRAPPER),
        ("StringIO", &stringio::STRING_IO),
        ("IncrementalNewlineDecoder", &newlines::INCREMENTAL_NEWLINE_DECODER),
        ("_HostIO", &host_stream::HOST_IO),
    ],
    init: Some(init),
};

#[derive(Default)]
struct State {
    unsupported: RefCell<Value>,
}

fn init(t: &Thread, module: &Value) -> Res<()> {
    let dict = module::dict_of(t, module);
    let dict = Dict::of(&dict);
    dict.set_str(t, &names::intern_static("DEFAULT_BUFFER_SIZE"), Value::small(BUFFER_SIZE as i64))?;
    dict.set_str(t, &names::intern_static("BlockingIOError"), exceptions::BLOCKING_IO_ERROR.ty().value())?;
    dict.set_str(t, &names::intern_static("UnsupportedOperation"), unsupported_type(t)?)
}

/// `io.UnsupportedOperation`, made on first use.
pub fn unsupported_type(t: &Thread) -> Res {
    let state = t.state::<State>();
    let made = state.unsupported.borrow().clone();
    if !made.is_absent() {
        return Ok(made);
    }
    let bases = [exceptions::OS_ERROR.ty().value(), exceptions::VALUE_ERROR.ty().value()];
    let namespace = Dict::create(t);
    Dict::of(&namespace).set_str(t, names::n::__module__(), strs::new(t, "io")?)?;
    let args = [strs::new(t, "UnsupportedOperation")?, tuple::from_array(t, bases)?, namespace];
    let made = call::call(t, &typhon_object::types::type_::TYPE.ty().value(), &args)?;
    state.unsupported.replace(made.clone());
    Ok(made)
}

/// `io.UnsupportedOperation` with a text.
#[cold]
pub fn unsupported(t: &Thread, text: &str) -> Exc {
    let make = || -> Res { call::call1(t, &unsupported_type(t)?, &strs::new(t, text)?) };
    match make() {
        Ok(v) => Exc::new(v),
        Err(e) => e,
    }
}

/// Calls a method by its name.
fn method(t: &Thread, v: &Value, name: &str, args: &[Value]) -> Res {
    call::method(t, v, &names::intern_text(t, name), args)
}

/// A method's answer as a truth value.
fn ask(t: &Thread, v: &Value, name: &str) -> Res<bool> {
    typhon_object::ops::truth(t, &method(t, v, name, &[])?)
}

/// An attribute, if there is one.
fn get_opt(t: &Thread, v: &Value, name: &str) -> Res<Option<Value>> {
    attr::get_opt(t, v, &names::intern_text(t, name))
}

/// Whether a stream's `closed` is true.
fn is_closed(t: &Thread, v: &Value) -> Res<bool> {
    typhon_object::ops::truth(t, &attr::get_text(t, v, "closed")?)
}

/// An optional size argument: absent, None and negative mean "all".
fn size_arg(t: &Thread, v: &Value) -> Res<Option<usize>> {
    match v.non_none() {
        None => Ok(None),
        Some(v) => {
            if typhon_object::type_of(v).slots().index.is_none() && !typhon_object::types::int::is_int(v) {
                let name = typhon_object::type_of(v).name();
                return Err(error::type_error(t, format_args!("argument should be integer or None, not '{name}'")));
            }
            Ok(usize::try_from(typhon_object::convert::to_index_overflow(t, v)?).ok())
        }
    }
}

/// The arguments of an `__init__`, arranged by a signature.
fn bind_init<R>(
    t: &Thread,
    def: &'static typhon_object::native::MethodDef,
    args: Args<'_>,
    f: impl FnOnce(&[Value]) -> Res<R>,
) -> Res<R> {
    match typhon_object::native::signature_of(t, def, false) {
        Some(signature) => signature.bind(t, def.name, args, f),
        None => Err(error::system_error(t, "a constructor without its signature")),
    }
}
