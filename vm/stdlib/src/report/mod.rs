//! Uncaught exceptions: their text, and what they make of the exit status.

mod carets;
mod ordinary;
mod stack;
mod suggest;
mod syntax;

use crate::text as words;
use typhon_interp::code::CodeObject;
use typhon_interp::frame_object::FrameObject;
use typhon_interp::host::{self, Stdio};
use typhon_interp::traceback::{Traceback, line_of};
use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::names::n;
use typhon_object::strs::{self, Str};
use typhon_object::types::exceptions as exc;
use typhon_object::{Args, Thread, Value, attr, call, ops, type_of};

/// The text CPython prints for an exception. `tb` replaces its own traceback.
pub fn text(t: &Thread, e: &Value, tb: Option<&Value>) -> Res<String> {
    text_for(t, e, tb, false)
}

/// As [`text`], in colours if standard error shows them.
pub fn text_for_stderr(t: &Thread, e: &Value, tb: Option<&Value>) -> Res<String> {
    text_for(t, e, tb, true)
}

fn text_for(t: &Thread, e: &Value, tb: Option<&Value>, stderr: bool) -> Res<String> {
    let colours = stderr && shows_colours(t)?;
    let made = match if colours { Ok(None) } else { ordinary::text(t, e, tb) } {
        Ok(Some(text)) => return Ok(text),
        Err(err) if err.is_stopped() => return Err(err),
        Ok(None) | Err(_) => through_traceback(t, e, tb, colours),
    };
    match made {
        Ok(text) => Ok(text),
        Err(err) if err.is_stopped() => Err(err),
        // The library's module cannot say it (no memory, no stack, not importable): say less.
        Err(_) => Ok(plain(t, e, tb)),
    }
}

fn through_traceback(t: &Thread, e: &Value, tb: Option<&Value>, colours: bool) -> Res<String> {
    register_source(t)?;
    let m = (t.hooks.import)(t, "traceback")?;
    let f = attr::get_text(t, &m, "format_exception")?;
    let own = exc::traceback(e).present().unwrap_or(Value::NONE);
    let limit = attr::get_text(t, &m, "BUILTIN_EXCEPTION_LIMIT")?;
    let values = [type_of(e).value(), e.clone(), tb.cloned().unwrap_or(own), limit, Value::bool(colours)];
    let names = ["limit", "colorize"].map(|name| words::name(t, name));
    let lines = call::call_args(t, &f, Args { values: &values, names: &names })?;
    let mut out = String::new();
    for line in ops::collect(t, &lines)? {
        out += &strs::display(&line);
    }
    Ok(out)
}

/// `_colorize.can_colorize` decides; captured output is plain.
fn shows_colours(t: &Thread) -> Res<bool> {
    let process = host::of(t).is_some_and(|h| h.stdio() == Stdio::Process);
    let stderr = words::loaded(t, "sys").map(|sys| attr::get_text(t, &sys, "stderr"));
    let (true, Some(stderr)) = (process, stderr.transpose()?.filter(|f| !f.is_none())) else { return Ok(false) };
    let m = (t.hooks.import)(t, "_colorize")?;
    let f = attr::get_text(t, &m, "can_colorize")?;
    let names = [words::name(t, "file")];
    let answer = call::call_args(t, &f, Args { values: &[stderr], names: &names })?;
    ops::truth(t, &answer)
}

/// The shortest honest report, made without any Python code but `__str__`.
fn plain(t: &Thread, e: &Value, tb: Option<&Value>) -> String {
    let mut out = String::new();
    let mut at = tb.cloned().or_else(|| exc::traceback(e).present()).unwrap_or(Value::NONE);
    if at.downcast::<Traceback>().is_some() {
        out += "Traceback (most recent call last):\n";
    }
    while let Some(entry) = at.downcast::<Traceback>() {
        let frame = entry.frame(t).unwrap_or_default();
        if let Some(f) = frame.downcast::<FrameObject>() {
            let (code, line) = (&f.unit.code, line_of(entry));
            out += &format!("  File \"{}\", line {line}, in {}\n", code.filename, code.qualname);
            let source = crate::import::files::read_source(t, &code.filename);
            if let Some(text) = source.as_deref().and_then(|s| s.lines().nth((line as usize).wrapping_sub(1))) {
                out += &format!("    {}\n", text.trim());
            }
        }
        let next = entry.next.get();
        at = next;
    }
    out += &name_of(t, e);
    let text = ops::str(t, e).map_or_else(|_| "<exception str() failed>".to_owned(), |text| strs::display(&text));
    if !text.is_empty() {
        out += &format!(": {text}");
    }
    out.push('\n');
    out
}

/// The exception's class as a traceback names it.
pub fn name_of(t: &Thread, e: &Value) -> String {
    let class = type_of(e).value();
    let get = |name: &Value| attr::get_opt(t, &class, name).ok().flatten();
    let text = |v: &Value| v.downcast::<Str>().map(|_| strs::display(v));
    let qualname = get(n::__qualname__()).and_then(|v| text(&v)).unwrap_or_else(|| type_of(e).name());
    match get(n::__module__()).map(|v| text(&v)) {
        Some(Some(m)) if m != "builtins" && m != "__main__" => format!("{m}.{qualname}"),
        Some(None) => format!("<unknown>.{qualname}"),
        _ => qualname,
    }
}

/// A traceback without importlib's frames; `None` if nothing changes.
pub fn without_importlib(t: &Thread, tb: Value, always: bool) -> Option<Value> {
    let mut entries = Vec::new();
    let mut at = tb;
    while at.downcast::<Traceback>().is_some() {
        let next = at.expect::<Traceback>().next.get();
        entries.push(at);
        at = next;
    }
    let code_of = |v: &Value| {
        let frame = v.expect::<Traceback>().frame(t).ok()?;
        frame.downcast::<FrameObject>().map(|f| f.unit.code.clone())
    };
    let inside = |v: &Value| code_of(v).is_some_and(|c| c.filename.starts_with("<frozen importlib._bootstrap"));
    let mut keep = vec![true; entries.len()];
    let mut start = 0;
    while start < entries.len() {
        if !inside(&entries[start]) {
            start += 1;
            continue;
        }
        let end = (start..entries.len()).find(|&i| !inside(&entries[i])).unwrap_or(entries.len());
        let marked =
            entries[start..end].iter().any(|v| code_of(v).is_some_and(|c| &*c.name == "_call_with_frames_removed"));
        if always || marked {
            keep[start..end].iter_mut().for_each(|k| *k = false);
        }
        start = end;
    }
    if keep.iter().all(|&k| k) {
        return None;
    }
    let mut next = Value::NONE;
    for (v, _) in entries.iter().zip(&keep).rev().filter(|(_, k)| **k) {
        let entry = v.expect::<Traceback>();
        if let Some(h) = v.header() {
            entry.next.set(h, next);
        }
        next = v.clone();
    }
    Some(next)
}

/// Stores what `sys.last_exc` and friends show, and calls `sys.excepthook`.
pub fn print(t: &Thread, e: &Value) -> Res<()> {
    let Some(sys) = words::loaded(t, "sys") else { return Ok(()) };
    let tb = exc::traceback(e).present().unwrap_or(Value::NONE);
    let dict = typhon_object::types::module::dict_of(t, &sys);
    let d = Dict::of(&dict);
    d.set(t, n::last_exc(), e)?;
    d.set(t, n::last_type(), &type_of(e).value())?;
    d.set(t, n::last_value(), e)?;
    d.set(t, n::last_traceback(), &tb)?;
    let args = [type_of(e).value(), e.clone(), tb];
    let Some(hook) = d.get_str(&words::name(t, "excepthook")) else {
        crate::sys::streams::write_text(t, "stderr", "sys.excepthook is missing\n")?;
        crate::sys::excepthook(t, &args)?;
        return Ok(());
    };
    match call::call(t, &hook, &args) {
        Ok(_) => Ok(()),
        Err(second) if second.is_stopped() => Err(second),
        Err(second) => {
            crate::sys::streams::write_text(t, "stderr", "Error in sys.excepthook:\n")?;
            let text = text(t, second.value(), None)?;
            crate::sys::streams::write_text(t, "stderr", &format!("{text}\nOriginal exception was:\n"))?;
            crate::sys::excepthook(t, &args)?;
            Ok(())
        }
    }
}

/// The exit status that a SystemExit asks for; a code that is no number is printed.
pub fn exit_status(t: &Thread, e: &Value) -> Res<i32> {
    let code = attr::get_opt(t, e, &words::name(t, "code"))?.unwrap_or(Value::NONE);
    if code.is_none() {
        return Ok(0);
    }
    if typhon_object::types::int::is_int(&code) {
        return Ok(typhon_object::types::int::to_i64(&code).map_or(-1, |i| i as i32));
    }
    crate::sys::streams::flush(t, "stdout")?;
    let text = ops::str(t, &code)?;
    crate::sys::streams::write_text(t, "stderr", &format!("{}\n", strs::display(&text)))?;
    Ok(1)
}

/// Source that is in no file: its name, text and code, for the lines of a traceback.
#[derive(Default)]
struct Kept {
    source: std::cell::RefCell<Option<(String, String)>>,
    code: std::cell::RefCell<Option<Value>>,
}

/// Remembers the text of a program that is in no file.
pub fn keep_source(t: &Thread, filename: &str, source: &str) {
    *t.state::<Kept>().source.borrow_mut() = Some((filename.to_owned(), source.to_owned()));
}

/// Remembers the code of that text.
pub fn keep_code(t: &Thread, code: &Value) {
    *t.state::<Kept>().code.borrow_mut() = Some(code.clone());
}

/// The lines of the remembered text, if `code` is a part of its code.
fn kept_lines(t: &Thread, code: &typhon_isa::Code) -> Vec<String> {
    let kept = t.state::<Kept>();
    let (of, source) = (kept.code.borrow(), kept.source.borrow());
    match (of.as_ref().and_then(|v| v.downcast::<CodeObject>()), &*source) {
        (Some(of), Some((_, text))) if stack::has_part(&of.code, code) => stack::split(text),
        _ => Vec::new(),
    }
}

/// Tells linecache of the remembered text.
fn register_source(t: &Thread) -> Res<()> {
    let kept = t.state::<Kept>();
    let (Some(code), Some((name, source))) = (kept.code.borrow_mut().take(), kept.source.borrow_mut().take()) else {
        return Ok(());
    };
    let m = (t.hooks.import)(t, "linecache")?;
    let register = attr::get_text(t, &m, "_register_code")?;
    call::call(t, &register, &[code, strs::new(t, &source)?, strs::new(t, &name)?])?;
    Ok(())
}
