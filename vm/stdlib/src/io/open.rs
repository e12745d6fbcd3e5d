//! `open()` and the standard streams.

use super::base::text;
use super::buffered::{BUFFERED_RANDOM, BUFFERED_READER, BUFFERED_WRITER};
use super::file::FILE_IO;
use super::text::TEXT_IO_WRAPPER;
use super::{ask, host_stream, method};
use crate::world;
use typhon_interp::host::Stdio;
use typhon_object::names;
use typhon_object::strs::Str;
use typhon_object::types::{exceptions, int};
use typhon_object::{Args, Res, Thread, Value, attr, call, convert, error, ty::TypeDef, type_of};

/// What a mode string asks for.
#[derive(Default)]
struct Mode {
    creating: bool,
    reading: bool,
    writing: bool,
    appending: bool,
    updating: bool,
    text: bool,
    binary: bool,
}

impl Mode {
    fn parse(t: &Thread, mode: &str) -> Res<Self> {
        let mut m = Self::default();
        for c in mode.chars() {
            let field = match c {
                'x' => &mut m.creating,
                'r' => &mut m.reading,
                'w' => &mut m.writing,
                'a' => &mut m.appending,
                '+' => &mut m.updating,
                't' => &mut m.text,
                'b' => &mut m.binary,
                _ => return Err(error::value_error(t, format_args!("invalid mode: '{mode}'"))),
            };
            if std::mem::replace(field, true) {
                return Err(error::value_error(t, format_args!("invalid mode: '{mode}'")));
            }
        }
        if m.text && m.binary {
            return Err(error::value_error(t, "can't have text and binary mode at once"));
        }
        if [m.creating, m.reading, m.writing, m.appending].into_iter().filter(|b| *b).count() != 1 {
            return Err(error::value_error(t, "must have exactly one of create/read/write/append mode"));
        }
        Ok(m)
    }

    fn raw(&self) -> String {
        let marks = [
            (self.creating, 'x'),
            (self.reading, 'r'),
            (self.writing, 'w'),
            (self.appending, 'a'),
            (self.updating, '+'),
        ];
        marks.iter().filter(|m| m.0).map(|m| m.1).collect()
    }
}

fn optional_text(t: &Thread, v: &Value, name: &str) -> Res<bool> {
    match v.non_none() {
        Some(x) if x.downcast::<Str>().is_none() => {
            let ty = type_of(x).name();
            Err(error::type_error(t, format_args!("open() argument '{name}' must be str or None, not {ty}")))
        }
        x => Ok(x.is_some()),
    }
}

fn make(t: &Thread, ty: &TypeDef, args: &[Value]) -> Res {
    call::call(t, &ty.ty().value(), args)
}

/// `open(file, mode, buffering, encoding, errors, newline, closefd, opener)`.
pub fn open(t: &Thread, a: &[Value]) -> Res {
    let mode_text = match a[1].opt() {
        Some(m) if m.downcast::<Str>().is_none() => {
            let ty = if m.is_none() { "None".to_string() } else { type_of(m).name() };
            return Err(error::type_error(t, format_args!("open() argument 'mode' must be str, not {ty}")));
        }
        Some(m) => convert::to_text(t, m, "open", "argument 'mode'")?,
        None => "r".to_string(),
    };
    let mut buffering = match a[2].opt() {
        Some(b) => convert::to_i32(t, b)?,
        None => -1,
    };
    let given = [(&a[3], "encoding"), (&a[4], "errors"), (&a[5], "newline")];
    let mut texts = [false; 3];
    for (i, (v, name)) in given.iter().enumerate() {
        texts[i] = optional_text(t, v, name)?;
    }
    let file = if int::is_int(&a[0]) { a[0].clone() } else { path_or_fd(t, &a[0])? };
    let mode = Mode::parse(t, &mode_text)?;
    if mode.binary {
        if let Some(i) = texts.iter().position(|g| *g) {
            let what = ["an encoding", "an errors", "a newline"][i];
            return Err(error::value_error(t, format_args!("binary mode doesn't take {what} argument")));
        }
        if buffering == 1 {
            (t.hooks.warn)(
                t,
                &exceptions::RUNTIME_WARNING.ty().value(),
                "line buffering (buffering=1) isn't supported in binary mode, the default buffer size will be used",
                1,
            )?;
        }
    }
    let closefd = a[6].opt().cloned().unwrap_or(Value::TRUE);
    let opener = a[7].opt().cloned().unwrap_or(Value::NONE);
    let raw = make(t, &FILE_IO, &[file, text(t, &mode.raw())?, closefd, opener])?;
    let made = wrap(t, &raw, &mode, &mode_text, &mut buffering, a);
    made.inspect_err(|_| {
        // The error that is on its way matters more than that of closing.
        drop(method(t, &raw, "close", &[]));
    })
}

/// A path, or an object that counts as a descriptor.
fn path_or_fd(t: &Thread, v: &Value) -> Res {
    let path_like = call::special(t, v, names::n::__fspath__(), &[]).is_some();
    if !path_like && type_of(v).slots().index.is_some() { Ok(v.clone()) } else { world::fspath(t, v) }
}

fn wrap(t: &Thread, raw: &Value, mode: &Mode, mode_text: &str, buffering: &mut i32, a: &[Value]) -> Res {
    let tty = if *buffering < 0 || *buffering == 1 { ask(t, raw, "_isatty_open_only")? } else { false };
    let line_buffering = *buffering == 1 && !mode.binary || *buffering < 0 && tty;
    if *buffering == 1 || *buffering < 0 {
        let block = convert::to_isize(t, &attr::get_text(t, raw, "_blksize")?)?;
        let block = i32::try_from(block).unwrap_or(i32::MAX).min(8 << 20);
        *buffering = if tty { block } else { block.max(super::BUFFER_SIZE as i32) };
    }
    if *buffering == 0 {
        if mode.binary {
            return Ok(raw.clone());
        }
        return Err(error::value_error(t, "can't have unbuffered text I/O"));
    }
    let kind = if mode.updating {
        &BUFFERED_RANDOM
    } else if mode.reading {
        &BUFFERED_READER
    } else {
        &BUFFERED_WRITER
    };
    let buffer = make(t, kind, &[raw.clone(), Value::small(i64::from(*buffering))])?;
    if mode.binary {
        return Ok(buffer);
    }
    let arg = |i: usize| a[i].opt().cloned().unwrap_or(Value::NONE);
    let wrapper = make(t, &TEXT_IO_WRAPPER, &[buffer, arg(3), arg(4), arg(5), Value::bool(line_buffering)])?;
    attr::set(t, &wrapper, &names::intern_text(t, "mode"), Some(&text(t, mode_text)?))?;
    Ok(wrapper)
}

/// `open_code(path)`.
pub fn open_code(t: &Thread, a: &[Value]) -> Res {
    if a[0].downcast::<Str>().is_none() {
        let ty = type_of(&a[0]).name();
        return Err(error::type_error(t, format_args!("open_code() argument 'path' must be str, not {ty}")));
    }
    let mut args = vec![Value::ABSENT; 8];
    args[0] = a[0].clone();
    args[1] = text(t, "rb")?;
    open(t, &args)
}

/// `text_encoding(encoding, stacklevel=2)`.
pub fn text_encoding(t: &Thread, a: &[Value]) -> Res {
    match a[0].non_none() {
        Some(encoding) => Ok(encoding.clone()),
        None => text(t, "locale"),
    }
}

/// `sys.stdin`, `sys.stdout` or `sys.stderr` (0, 1, 2) of the isolate; None if the process has no such descriptor.
/// `buffered` false asks for unbuffered streams (`-u`).
pub fn standard_stream(t: &Thread, number: u8, buffered: bool) -> Res {
    // A program may look at a stream before anything has imported `io`.
    crate::registry::ensure_types(&super::MODULE);
    let process = world::host(t)?.stdio() == Stdio::Process;
    let (mode, name, kind) = match number {
        0 => ("r", "<stdin>", &BUFFERED_READER),
        1 => ("w", "<stdout>", &BUFFERED_WRITER),
        _ => ("w", "<stderr>", &BUFFERED_WRITER),
    };
    let raw = if process {
        if crate::kernel::fstat(i32::from(number)).is_err() {
            return Ok(Value::NONE);
        }
        make(t, &FILE_IO, &[Value::small(i64::from(number)), text(t, mode)?, Value::FALSE])?
    } else {
        host_stream::new(t, number)?
    };
    let name_key = names::intern_text(t, "name");
    attr::set(t, &raw, &name_key, Some(&text(t, name)?))?;
    let tty = process && ask(t, &raw, "isatty")?;
    let through = number != 0 && !buffered;
    let buffer =
        if through { raw.clone() } else { make(t, kind, &[raw.clone(), Value::small(super::BUFFER_SIZE as i64)])? };
    let errors = if number == 2 { "backslashreplace" } else { "strict" };
    let newline = text(t, "\n")?;
    // Captured output is watched live, and must not be lost when the isolate is stopped.
    let line = number == 2 || tty || !process;
    let keys = ["line_buffering", "write_through"].map(|k| names::intern_text(t, k));
    let values = [
        buffer,
        text(t, "utf-8")?,
        text(t, errors)?,
        if number == 0 { Value::NONE } else { newline },
        Value::bool(line),
        Value::bool(through),
    ];
    let ty = TEXT_IO_WRAPPER.ty().value();
    let wrapper = call::call_args(t, &ty, Args { values: &values, names: &keys })?;
    attr::set(t, &wrapper, &names::intern_text(t, "mode"), Some(&text(t, mode)?))?;
    Ok(wrapper)
}
