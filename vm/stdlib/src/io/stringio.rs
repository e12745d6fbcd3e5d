//! `StringIO`: a text stream over memory.

use super::base::{self, TEXT_IO_BASE};
use super::newlines::{LineEnd, NewlineMode, Newlines, replace_lf};
use super::{method, size_arg};
use std::cell::{Cell, RefCell};
use typhon_object::bulk;
use typhon_object::dict::Dict;
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def, getter};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str, Units};
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{exceptions, int};
use typhon_object::{Args, Res, Thread, Value, attr, convert, error, payload, type_of};

/// Text that grows: narrow as long as it can be.
enum Text {
    Narrow(Vec<u8>),
    Wide(Vec<u32>),
}

impl Text {
    fn len(&self) -> usize {
        match self {
            Self::Narrow(v) => v.len(),
            Self::Wide(v) => v.len(),
        }
    }

    fn units(&self) -> Units<'_> {
        match self {
            Self::Narrow(v) => Units::Latin1(v),
            Self::Wide(v) => Units::Ucs4(v),
        }
    }

    /// Writes over what is at `at`, and appends what goes beyond.
    fn put(&mut self, t: &Thread, at: usize, text: Units<'_>) -> Res<()> {
        if let (Self::Narrow(v), false) = (&*self, matches!(text, Units::Latin1(_))) {
            let mut wide = Vec::new();
            bulk::extend_from(&mut wide, v.iter().map(|&b| u32::from(b)));
            *self = Self::Wide(wide);
        }
        match (self, text) {
            (Self::Narrow(v), Units::Latin1(u)) => {
                let gap = at.saturating_sub(v.len());
                bulk::extend_n(v, 0, gap);
                t.check_stop()?;
                let over = u.len().min(v.len() - at);
                v[at..at + over].copy_from_slice(&u[..over]);
                bulk::extend(v, &u[over..]);
            }
            (Self::Wide(v), u) => {
                let gap = at.saturating_sub(v.len());
                bulk::extend_n(v, 0, gap);
                t.check_stop()?;
                let over = u.len().min(v.len() - at);
                v[at..at + over].iter_mut().zip(u.iter()).for_each(|(x, c)| *x = c);
                bulk::extend_from(v, u.slice(over, u.len()).iter());
            }
            (Self::Narrow(_), _) => {}
        }
        // After a stop something is missing.
        t.check_stop()
    }

    fn truncate(&mut self, n: usize) {
        match self {
            Self::Narrow(v) => v.truncate(n),
            Self::Wide(v) => v.truncate(n),
        }
    }
}

/// A text stream over memory.
#[repr(C)]
pub struct StringIO {
    header: Header,
    dict: Slot,
    text: RefCell<Text>,
    pos: Cell<usize>,
    closed: Cell<bool>,
    ready: Cell<bool>,
    newline: Slot,
    mode: Cell<NewlineMode>,
    newlines: Newlines,
    charged: Cell<usize>,
}

typhon_object::payload!(StringIO => STRING_IO {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.dict.peek() });
    }
    fn clear(&self) {
        drop(self.dict.take());
    }
});

static INIT: MethodDef = def("StringIO", "(initial_value='', newline='\\n')", |_, _| Ok(Value::NONE), "");

/// `_io.StringIO`.
pub static STRING_IO: TypeDef = TypeDef {
    name: "_io.StringIO",
    doc: "Text I/O implementation using an in-memory buffer.",
    signature: "(initial_value='', newline='\\n')",
    base: Some(&TEXT_IO_BASE),
    flags: flag::BASETYPE | flag::WEAKREFS,
    dict_offset: std::mem::offset_of!(StringIO, dict),
    slots: Slots {
        new: Some(new),
        init: Some(init),
        iter: Some(|t, v| open(t, v).map(|_| v.clone())),
        next: Some(next),
        ..Slots::NONE
    },
    methods: &[
        def("close", "($self, /)", close, "Close the IO object."),
        def("getvalue", "($self, /)", getvalue, "Retrieve the entire contents of the object."),
        def("read", "($self, size=-1, /)", read, "Read at most size characters, returned as a string."),
        def("readline", "($self, size=-1, /)", readline, "Read until newline or EOF."),
        def(
            "tell",
            "($self, /)",
            |t, a| open(t, &a[0]).and_then(|s| convert::from_u64(t, s.pos.get() as u64)),
            "Tell the current file position.",
        ),
        def("truncate", "($self, pos=None, /)", truncate, "Truncate size to pos."),
        def("seek", "($self, pos, whence=0, /)", seek, "Change stream position."),
        def("write", "($self, s, /)", write, "Write string to file."),
        def("seekable", "($self, /)", |t, a| open(t, &a[0]).map(|_| Value::TRUE), ""),
        def("readable", "($self, /)", |t, a| open(t, &a[0]).map(|_| Value::TRUE), ""),
        def("writable", "($self, /)", |t, a| open(t, &a[0]).map(|_| Value::TRUE), ""),
        def("__getstate__", "($self, /)", getstate, ""),
        def("__setstate__", "($self, state, /)", setstate, ""),
    ],
    getset: &[
        getter("closed", |t, v| ready(t, v).map(|s| Value::bool(s.closed.get())), ""),
        getter(
            "newlines",
            |t, v| open(t, v).and_then(|s| if s.mode.get().universal { s.newlines.seen(t) } else { Ok(Value::NONE) }),
            "",
        ),
        getter("line_buffering", |t, v| open(t, v).map(|_| Value::FALSE), ""),
    ],
    ..TypeDef::of::<StringIO>()
};

impl Drop for StringIO {
    fn drop(&mut self) {
        if let Some(t) = typhon_object::thread::current() {
            t.heap().uncharge(self.charged.get());
        }
    }
}

const LF: NewlineMode = NewlineMode { universal: false, translate: false, end: LineEnd::Lf, write: None };

fn new(t: &Thread, class: &Value, _: Args<'_>) -> Res {
    payload::new_for(t, class, |header| StringIO {
        header,
        dict: Slot::empty(),
        text: RefCell::new(Text::Narrow(Vec::new())),
        pos: Cell::new(0),
        closed: Cell::new(false),
        ready: Cell::new(false),
        newline: Slot::empty(),
        mode: Cell::new(LF),
        newlines: Newlines::default(),
        charged: Cell::new(0),
    })
}

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    super::bind_init(t, &INIT, args, |a| {
        if let Some(initial) = a[0].non_none()
            && initial.downcast::<Str>().is_none()
        {
            let name = type_of(initial).name();
            return Err(error::type_error(t, format_args!("initial_value must be str or None, not {name}")));
        }
        start(t, v, &a[1])?;
        if let Some(initial) = a[0].non_none() {
            put(t, v, initial)?;
            v.expect::<StringIO>().pos.set(0);
        }
        Ok(())
    })
}

/// Makes the stream empty, with the newline mode of an argument.
fn start(t: &Thread, v: &Value, newline: &Value) -> Res<()> {
    let s = v.expect::<StringIO>();
    s.ready.set(false);
    let (mode, text) =
        if newline.is_absent() { (LF, Some("\n".to_string())) } else { NewlineMode::arg(t, "StringIO", newline)? };
    s.mode.set(mode);
    s.newlines.reset();
    s.newlines.translate.set(mode.translate);
    let kept = match text {
        Some(text) => strs::new(t, &text)?,
        None => Value::NONE,
    };
    s.newline.set(&s.header, kept);
    s.text.replace(Text::Narrow(Vec::new()));
    s.pos.set(0);
    s.closed.set(false);
    s.ready.set(true);
    Ok(())
}

fn ready<'a>(t: &Thread, v: &'a Value) -> Res<&'a StringIO> {
    let s = v.expect::<StringIO>();
    if s.ready.get() { Ok(s) } else { Err(error::value_error(t, "I/O operation on uninitialized object")) }
}

fn open<'a>(t: &Thread, v: &'a Value) -> Res<&'a StringIO> {
    let s = ready(t, v)?;
    if s.closed.get() { Err(error::value_error(t, "I/O operation on closed file")) } else { Ok(s) }
}

fn put(t: &Thread, v: &Value, text: &Value) -> Res<()> {
    let s = v.expect::<StringIO>();
    let mode = s.mode.get();
    let mut text = text.clone();
    if mode.universal {
        text = s.newlines.feed(t, text, true)?;
    }
    if let Some(nl) = mode.write {
        text = replace_lf(t, text.expect::<Str>(), nl)?;
    }
    let units = text.expect::<Str>().units();
    if units.is_empty() {
        return Ok(());
    }
    let end = s.pos.get().saturating_add(units.len());
    let mut to = s.text.borrow_mut();
    let bytes =
        end.saturating_mul(if matches!(*to, Text::Wide(_)) || !matches!(units, Units::Latin1(_)) { 4 } else { 1 });
    if bytes > s.charged.get() {
        let more = bytes.max(s.charged.get() + s.charged.get() / 2).max(64) - s.charged.get();
        t.heap().charge(more).map_err(|_| t.memory_error())?;
        s.charged.set(s.charged.get() + more);
    }
    to.put(t, s.pos.get(), units)?;
    s.pos.set(end);
    Ok(())
}

fn write(t: &Thread, a: &[Value]) -> Res {
    ready(t, &a[0])?;
    let Some(text) = a[1].downcast::<Str>() else {
        let name = type_of(&a[1]).name();
        return Err(error::type_error(t, format_args!("string argument expected, got '{name}'")));
    };
    open(t, &a[0])?;
    put(t, &a[0], &a[1])?;
    Ok(convert::from_usize(text.len()))
}

impl StringIO {
    fn take(&self, t: &Thread, end: usize) -> Res {
        let text = self.text.borrow();
        let from = self.pos.get().min(text.len());
        let end = end.clamp(from, text.len());
        if end > from {
            self.pos.set(end);
        }
        t.check_alloc(end - from)?;
        strs::from_units(t, text.units().slice(from, end))
    }

    fn line(&self, t: &Thread, limit: Option<usize>) -> Res {
        let end = {
            let text = self.text.borrow();
            let from = self.pos.get().min(text.len());
            let end = self.mode.get().end.find(text.units(), from).unwrap_or(text.len());
            limit.map_or(end, |n| end.min(from.saturating_add(n)))
        };
        self.take(t, end)
    }
}

fn getvalue(t: &Thread, a: &[Value]) -> Res {
    let s = open(t, &a[0])?;
    let text = s.text.borrow();
    t.check_alloc(text.len())?;
    strs::from_units(t, text.units())
}

fn read(t: &Thread, a: &[Value]) -> Res {
    let s = open(t, &a[0])?;
    let n = size_arg(t, &a[1])?.unwrap_or(usize::MAX);
    s.take(t, s.pos.get().saturating_add(n))
}

fn readline(t: &Thread, a: &[Value]) -> Res {
    let s = open(t, &a[0])?;
    let limit = size_arg(t, &a[1])?;
    s.line(t, limit)
}

fn next(t: &Thread, v: &Value) -> Res {
    let s = open(t, v)?;
    let line = if std::ptr::eq(type_of(v), STRING_IO.ty()) {
        s.line(t, None)?
    } else {
        let line = method(t, v, "readline", &[])?;
        if line.downcast::<Str>().is_none() {
            let name = type_of(&line).name();
            return Err(error::new(
                t,
                &exceptions::OS_ERROR,
                format_args!("readline() should have returned a str object, not '{name}'"),
            ));
        }
        line
    };
    Ok(if line.expect::<Str>().is_empty() { Value::ABSENT } else { line })
}

fn truncate(t: &Thread, a: &[Value]) -> Res {
    let s = open(t, &a[0])?;
    let n = match a[1].non_none() {
        Some(n) => convert::to_isize(t, n)?,
        None => s.pos.get() as isize,
    };
    let Ok(size) = usize::try_from(n) else {
        return Err(error::value_error(t, format_args!("Negative size value {n}")));
    };
    // Converting the size may have run code.
    let s = open(t, &a[0])?;
    s.text.borrow_mut().truncate(size);
    convert::from_u64(t, size as u64)
}

fn seek(t: &Thread, a: &[Value]) -> Res {
    let s = open(t, &a[0])?;
    let pos = convert::to_isize(t, &a[1])?;
    let whence = match a[2].opt() {
        Some(w) => convert::to_i32(t, w)?,
        None => 0,
    };
    let at = match whence {
        0 if pos < 0 => return Err(error::value_error(t, format_args!("Negative seek position {pos}"))),
        0 => pos as usize,
        1 | 2 if pos != 0 => {
            let what = if whence == 1 { "cur" } else { "end" };
            return Err(error::new(t, &exceptions::OS_ERROR, format_args!("Can't do nonzero {what}-relative seeks")));
        }
        1 => s.pos.get(),
        2 => s.text.borrow().len(),
        _ => {
            return Err(error::value_error(t, format_args!("Invalid whence ({whence}, should be 0, 1 or 2)")));
        }
    };
    s.pos.set(at);
    convert::from_u64(t, at as u64)
}

fn close(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<StringIO>();
    s.closed.set(true);
    s.text.replace(Text::Narrow(Vec::new()));
    t.heap().uncharge(s.charged.replace(0));
    Ok(Value::NONE)
}

fn getstate(t: &Thread, a: &[Value]) -> Res {
    let text = getvalue(t, a)?;
    let v = &a[0];
    let s = v.expect::<StringIO>();
    let dict = match v.header() {
        Some(h) => {
            let dict = attr::instance_dict(t, type_of(v), h)?;
            if Dict::of(&dict).is_empty() { Value::NONE } else { Dict::of(&dict).copy(t)? }
        }
        None => Value::NONE,
    };
    tuple::from_array(t, [text, s.newline.get(), convert::from_u64(t, s.pos.get() as u64)?, dict])
}

fn setstate(t: &Thread, a: &[Value]) -> Res {
    let v = &a[0];
    let items = match a[1].downcast::<Tuple>() {
        Some(s) if s.len() >= 4 => s.items(),
        _ => {
            let (name, got) = (type_of(v).name(), type_of(&a[1]).name());
            return Err(error::type_error(
                t,
                format_args!("{name}.__setstate__ argument should be 4-tuple, got {got}"),
            ));
        }
    };
    if v.expect::<StringIO>().closed.get() {
        return Err(base::closed_error(t));
    }
    start(t, v, &items[1])?;
    let s = v.expect::<StringIO>();
    // The text is as it was, line ends and all: it is not translated again.
    let Some(text) = items[0].downcast::<Str>() else {
        return Err(error::type_error(t, "initial_value must be str or None"));
    };
    s.text.borrow_mut().put(t, 0, text.units())?;
    if !int::is_int(&items[2]) {
        let got = type_of(&items[2]).name();
        return Err(error::type_error(t, format_args!("third item of state must be an integer, got {got}")));
    }
    let Ok(pos) = usize::try_from(convert::to_isize(t, &items[2])?) else {
        return Err(error::value_error(t, "position value cannot be negative"));
    };
    s.pos.set(pos);
    if let Some(d) = items[3].non_none() {
        let Some(more) = d.downcast::<Dict>() else {
            let got = type_of(d).name();
            return Err(error::type_error(t, format_args!("fourth item of state should be a dict, got a {got}")));
        };
        if let Some(h) = v.header() {
            Dict::of(&attr::instance_dict(t, type_of(v), h)?).merge(t, more, true)?;
        }
    }
    Ok(Value::NONE)
}
