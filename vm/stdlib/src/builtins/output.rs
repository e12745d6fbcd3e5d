//! print, input, open.

use crate::sys::streams;
use crate::text;
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::names::n;
use typhon_object::strs::{self, Str};
use typhon_object::{Thread, Value, attr, call, ops, suggest, type_of};

pub(super) fn print(t: &Thread, a: Args<'_>) -> Res {
    let (mut sep, mut end, mut file, mut flush) = (None, None, None, false);
    for (k, v) in a.keywords() {
        let part = |v: &Value, name: &str| -> Res<Option<Value>> {
            match v.non_none() {
                None => Ok(None),
                Some(s) if s.downcast::<Str>().is_some() => Ok(Some(s.clone())),
                Some(other) => {
                    let ty = type_of(other).name();
                    Err(error::type_error(t, format_args!("{name} must be None or a string, not {ty}")))
                }
            }
        };
        match k.downcast::<Str>().and_then(Str::as_ascii) {
            Some("sep") => sep = part(v, "sep")?,
            Some("end") => end = part(v, "end")?,
            Some("file") => file = v.non_none().cloned(),
            Some("flush") => flush = ops::truth(t, v)?,
            _ => {
                let known = ["sep", "end", "file", "flush"];
                return Err(suggest::unexpected_keyword(t, "print", k, known.into_iter()));
            }
        }
    }
    let direct = file.is_none() && streams::is_direct(t);
    if file.is_none() && !direct {
        let Some(sys) = text::loaded(t, "sys") else { return Err(error::runtime_error(t, "lost sys.stdout")) };
        let Some(out) = attr::get_opt(t, &sys, n::stdout())? else {
            return Err(error::runtime_error(t, "lost sys.stdout"));
        };
        if out.is_none() {
            return Ok(Value::NONE);
        }
        file = Some(out);
    }
    let mut sink = Sink::new(t, file)?;
    for (i, v) in a.positional().iter().enumerate() {
        if i > 0 {
            match &sep {
                Some(s) => sink.write(s)?,
                None => sink.write_ascii(b" ")?,
            }
        }
        let s = ops::str(t, v)?;
        // The text of an item may have opened sys.stdout.
        sink.write(&s)?;
    }
    match &end {
        Some(s) => sink.write(s)?,
        None => sink.write_ascii(b"\n")?,
    }
    if flush {
        sink.flush()?;
    }
    Ok(Value::NONE)
}

/// Where print writes.
struct Sink<'t> {
    t: &'t Thread,
    write: Option<Value>,
    file: Option<Value>,
}

impl<'t> Sink<'t> {
    fn new(t: &'t Thread, file: Option<Value>) -> Res<Self> {
        let write = match &file {
            Some(f) => Some(attr::get(t, f, n::write())?),
            None => None,
        };
        Ok(Self { t, write, file })
    }

    fn write(&mut self, s: &Value) -> Res<()> {
        match &self.write {
            Some(write) => call::call1(self.t, write, s).map(drop),
            None => streams::direct_str(self.t, "stdout", s),
        }
    }

    fn write_ascii(&mut self, bytes: &[u8]) -> Res<()> {
        match &self.write {
            Some(write) => call::call1(self.t, write, &strs::from_latin1(self.t, bytes)?).map(drop),
            None => streams::direct(self.t, "stdout", bytes),
        }
    }

    fn flush(&self) -> Res<()> {
        match &self.file {
            Some(f) => call::method(self.t, f, n::flush(), &[]).map(drop),
            None => streams::flush_direct(self.t),
        }
    }
}

pub(super) fn input(t: &Thread, a: &[Value]) -> Res {
    let Some(sys) = text::loaded(t, "sys") else { return Err(error::runtime_error(t, "input(): lost sys.stdin")) };
    let stream = |name: &str| -> Res {
        match attr::get_opt(t, &sys, &text::name(t, name))? {
            Some(f) if !f.is_none() => Ok(f),
            _ => Err(error::runtime_error(t, format_args!("input(): lost sys.{name}"))),
        }
    };
    let (stdin, stdout) = (stream("stdin")?, stream("stdout")?);
    stream("stderr")?;
    if let Some(prompt) = a[0].opt() {
        let prompt = ops::str(t, prompt)?;
        call::method(t, &stdout, n::write(), &[prompt])?;
    }
    match call::method(t, &stdout, n::flush(), &[]) {
        // As CPython: what cannot be flushed can still be asked.
        Err(e) if e.is_stopped() => return Err(e),
        _ => {}
    }
    let line = call::method(t, &stdin, n::readline(), &[])?;
    let Some(s) = line.downcast::<Str>() else {
        return Err(error::type_error(t, "object.readline() returned non-string"));
    };
    match s.len() {
        0 => Err(error::eof_error(t, "EOF when reading a line")),
        n if s.at(n - 1) == u32::from(b'\n') => strs::from_units(t, s.units().slice(0, n - 1)),
        _ => Ok(line),
    }
}

/// `open` is `io.open`, which replaces this one in the namespace when `io` is first needed.
pub(super) fn open(t: &Thread, a: Args<'_>) -> Res {
    let io = (t.hooks.import)(t, "_io")?;
    let open = attr::get(t, &io, n::open())?;
    call::call_args(t, &open, a)
}
