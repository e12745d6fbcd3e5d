//! Standard streams: made from `io` when a program looks at them, written to directly before that.

use crate::text;
use std::cell::{Cell, RefCell};
use std::io::IsTerminal;
use typhon_interp::host::{self, HostError, Stdio, Stream};
use typhon_object::error::{self, Exc, Res};
use typhon_object::names::{self, n};
use typhon_object::strs::Str;
use typhon_object::{Args, Thread, Value, attr, call, ops, strs};

/// Output that has not reached the host yet.
pub struct Pending {
    bytes: RefCell<Vec<u8>>,
    /// Write after every line: standard output is a terminal or captured, or `-u`.
    line_buffered: Cell<Option<bool>>,
}

impl Default for Pending {
    fn default() -> Self {
        Self { bytes: RefCell::default(), line_buffered: Cell::new(None) }
    }
}

const BUFFER: usize = 8192;

/// The stream object in `sys`, if the program has one already: `None` means that the quick way is open.
fn object(t: &Thread, name: &str) -> Option<Value> {
    let sys = text::loaded(t, "sys")?;
    text::entry(t, &sys, name)
}

/// Writes text to `sys.stdout` or `sys.stderr`.
pub fn write_text(t: &Thread, name: &str, text: &str) -> Res<()> {
    match object(t, name) {
        Some(f) if f.is_none() => Ok(()),
        Some(f) => {
            call::method(t, &f, n::write(), &[strs::new(t, text)?])?;
            Ok(())
        }
        None => direct(t, name, text.as_bytes()),
    }
}

/// Writes a str to `sys.stdout`; what its encoding cannot hold becomes escapes, as in `sys.displayhook`.
pub fn write_value(t: &Thread, v: &Value) -> Res<()> {
    match object(t, "stdout") {
        Some(f) if f.is_none() => Ok(()),
        Some(f) => {
            call::method(t, &f, n::write(), std::slice::from_ref(v))?;
            Ok(())
        }
        None => direct_str(t, "stdout", v),
    }
}

/// Whether the program has not looked at `sys.stdout` yet.
pub fn is_direct(t: &Thread) -> bool {
    match text::loaded(t, "sys") {
        Some(sys) => text::entry(t, &sys, "stdout").is_none(),
        None => true,
    }
}

/// Writes a str without a stream object. The error of a lone surrogate is UTF-8's.
pub fn direct_str(t: &Thread, name: &str, v: &Value) -> Res<()> {
    let Some(s) = v.downcast::<Str>() else { return Ok(()) };
    match s.as_ascii() {
        Some(text) => direct(t, name, text.as_bytes()),
        None => match s.to_utf8() {
            Ok(text) => direct(t, name, text.as_bytes()),
            Err(_) if name == "stderr" => direct(t, name, s.to_lossy().as_bytes()),
            Err(at) => Err(error::unicode_error(
                t,
                &typhon_object::types::exceptions::UNICODE_ENCODE_ERROR,
                "utf-8",
                v,
                at,
                at + 1,
                "surrogates not allowed",
            )),
        },
    }
}

/// So much is handed over between two looks at the breaker.
const PIECE: usize = 256 << 10;

/// Writes bytes without a stream object.
pub fn direct(t: &Thread, name: &str, bytes: &[u8]) -> Res<()> {
    if bytes.len() > PIECE {
        if name != "stderr" {
            flush_pending(t)?;
        }
        let stream = if name == "stderr" { Stream::Stderr } else { Stream::Stdout };
        return bytes.chunks(PIECE).try_for_each(|piece| {
            t.check_stop()?;
            to_host(t, stream, piece)
        });
    }
    if name == "stderr" {
        return to_host(t, Stream::Stderr, bytes);
    }
    let pending = t.state::<Pending>();
    pending.bytes.borrow_mut().extend_from_slice(bytes);
    let lines = match pending.line_buffered.get() {
        Some(lines) => lines,
        None => {
            let unbuffered = t.state::<super::Settings>().config.borrow().flags.unbuffered;
            let process = host::of(t).is_some_and(|h| h.stdio() == Stdio::Process);
            let lines = unbuffered || !process || std::io::stdout().is_terminal();
            pending.line_buffered.set(Some(lines));
            lines
        }
    };
    let full = pending.bytes.borrow().len() >= BUFFER;
    if full || (lines && bytes.contains(&b'\n')) { flush_pending(t) } else { Ok(()) }
}

fn flush_pending(t: &Thread) -> Res<()> {
    let pending = t.state::<Pending>();
    let bytes = pending.bytes.take();
    if bytes.is_empty() { Ok(()) } else { to_host(t, Stream::Stdout, &bytes) }
}

/// Hands bytes to the host.
pub fn to_host(t: &Thread, stream: Stream, bytes: &[u8]) -> Res<()> {
    let Some(host) = host::of(t) else { return Ok(()) };
    // What the host keeps of it is the host's, under a limit of its own.
    host_result(t, t.heap().exempt(|| host.write(stream, bytes)))
}

/// A host's answer as a Python result.
pub fn host_result<T>(t: &Thread, r: Result<T, HostError>) -> Res<T> {
    match r {
        Ok(v) => Ok(v),
        Err(HostError::Os(errno)) => Err(error::os_error(t, errno, None, None)),
        Err(HostError::Denied(what)) => Err(error::new(t, &typhon_object::types::exceptions::PERMISSION_ERROR, what)),
        // The stop may be on its way still: who cancels first says so and then rings.
        Err(HostError::Interrupted) => Err(Exc::stopped()),
    }
}

/// Flushes a stream.
pub fn flush(t: &Thread, name: &str) -> Res<()> {
    match object(t, name) {
        Some(f) if f.is_none() || is_closed(t, &f)? => Ok(()),
        Some(f) => match attr::get_opt(t, &f, n::flush())? {
            Some(flush) => call::call0(t, &flush).map(drop),
            None => Ok(()),
        },
        None if name == "stdout" => flush_direct(t),
        None => Ok(()),
    }
}

/// Whether an object says that it is a closed file; one that cannot say is none.
fn is_closed(t: &Thread, f: &Value) -> Res<bool> {
    let closed = attr::get_text(t, f, "closed").and_then(|closed| ops::truth(t, &closed));
    match closed {
        Err(e) if !e.is_stopped() => Ok(false),
        closed => closed,
    }
}

/// Flushes what was written the quick way, whatever `sys.stdout` is now.
pub fn flush_direct(t: &Thread) -> Res<()> {
    if t.get_state::<Pending>().is_some() { flush_pending(t) } else { Ok(()) }
}

/// Whether the standard output that the isolate began with has another error handler than it began with.
#[derive(Default)]
struct Handled(Cell<bool>);

/// Gives the isolate's standard output an error handler, or takes back what an execution before has asked for.
pub fn handle(t: &Thread, asked: Option<&str>) -> Res<()> {
    if asked.is_none() && !t.get_state::<Handled>().is_some_and(|handled| handled.0.get()) {
        return Ok(());
    }
    let handled = &t.state::<Handled>().0;
    let Some(sys) = text::loaded(t, "sys") else { return Ok(()) };
    let stdout = attr::get_text(t, &sys, "__stdout__")?;
    // What the program has put in its place, or closed, has nothing to be taken back.
    let gone = match attr::get_opt(t, &stdout, &names::intern_static("reconfigure"))? {
        Some(_) => is_closed(t, &stdout)?,
        None => true,
    };
    if asked.is_none() && gone {
        handled.set(false);
        return Ok(());
    }
    let reconfigure = attr::get_text(t, &stdout, "reconfigure")?;
    let values = [strs::new(t, asked.unwrap_or("strict"))?];
    call::call_args(t, &reconfigure, Args { values: &values, names: &[names::intern_static("errors")] })?;
    handled.set(asked.is_some());
    Ok(())
}

/// Makes a stream's object.
pub fn open(t: &Thread, name: &str) -> Res {
    flush_pending(t)?;
    let unbuffered = t.state::<super::Settings>().config.borrow().flags.unbuffered;
    let number = ["stdin", "stdout", "stderr"].iter().position(|n| *n == name).unwrap_or(2);
    crate::io::standard_stream(t, number as u8, !unbuffered)
}
