//! marshal: values as bytes, in CPython's format; code objects in ours.

pub(crate) mod code;
mod read;
pub mod sealed;
mod source;
mod tag;
mod write;

use read::Reader;
use source::Source;
use typhon_object::native::{ModuleDef, def};
use typhon_object::types::bytes;
use typhon_object::{Res, Thread, Value, attr, buffer, call, convert, names, ops};
use write::Writer;

/// The format's version.
const VERSION: i32 = 5;
/// How deep values may nest.
const MAX_DEPTH: usize = 2000;

/// marshal.
pub static MODULE: ModuleDef = ModuleDef {
    name: "marshal",
    doc: "This module contains functions that can read and write Python values in\na binary format. The format is specific to Python, but independent of\nmachine architecture issues.",
    functions: &[
        def(
            "dump",
            "($module, value, file, version=version, /, *, allow_code=True)",
            dump,
            "Write the value on the open file.\n\n  value\n    Must be a supported type.\n  file\n    Must be a writeable binary file.\n  version\n    Indicates the data format that dump should use.\n  allow_code\n    Allow to write code objects.\n\nIf the value has (or contains an object that has) an unsupported type, a\nValueError exception is raised - but garbage data will also be written\nto the file. The object will not be properly read back by load().",
        ),
        def(
            "load",
            "($module, file, /, *, allow_code=True)",
            load,
            "Read one value from the open file and return it.\n\n  file\n    Must be readable binary file.\n  allow_code\n    Allow to load code objects.\n\nIf no valid value is read (e.g. because the data has a different Python\nversion's incompatible marshal format), raise EOFError, ValueError or\nTypeError.",
        ),
        def(
            "dumps",
            "($module, value, version=version, /, *, allow_code=True)",
            dumps,
            "Return the bytes object that would be written to a file by dump(value, file).\n\n  value\n    Must be a supported type.\n  version\n    Indicates the data format that dumps should use.\n  allow_code\n    Allow to write code objects.\n\nRaise a ValueError exception if value has (or contains an object that has) an\nunsupported type.",
        ),
        def(
            "loads",
            "($module, bytes, /, *, allow_code=True)",
            loads,
            "Convert the bytes-like object to a value.\n\n  allow_code\n    Allow to load code objects.\n\nIf no valid value is found, raise EOFError, ValueError or TypeError.  Extra\nbytes in the input are ignored.",
        ),
    ],
    types: &[],
    init: Some(|t, module| {
        attr::set(t, module, &names::intern_text(t, "version"), Some(&Value::small(i64::from(VERSION))))
    }),
};

fn flag(t: &Thread, v: &Value) -> Res<bool> {
    v.opt().map_or(Ok(true), |v| ops::truth(t, v))
}

fn written(t: &Thread, value: &Value, version: &Value, allow_code: &Value) -> Res<Vec<u8>> {
    let version = version.opt().map_or(Ok(VERSION), |v| convert::to_i32(t, v))?;
    let mut writer = Writer::new(t, version, flag(t, allow_code)?)?;
    writer.value(t, value)?;
    Ok(writer.into_bytes())
}

fn dumps(t: &Thread, a: &[Value]) -> Res {
    let data = written(t, &a[0], &a[1], &a[2])?;
    bytes::from_vec(t, data)
}

fn dump(t: &Thread, a: &[Value]) -> Res {
    let data = written(t, &a[0], &a[2], &a[3])?;
    let data = bytes::from_vec(t, data)?;
    call::method(t, &a[1], names::n::write(), &[data])
}

fn loads(t: &Thread, a: &[Value]) -> Res {
    let allow_code = flag(t, &a[1])?;
    let data = buffer::get(t, &a[0], 0)?;
    let data = data.to_contiguous(t)?;
    Reader::new(Source::bytes(&data), allow_code).whole(t)
}

fn load(t: &Thread, a: &[Value]) -> Res {
    let allow_code = flag(t, &a[1])?;
    let source = Source::file(t, &a[0])?;
    Reader::new(source, allow_code).whole(t)
}
