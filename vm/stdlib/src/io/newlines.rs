//! Universal newlines: what text streams do to line ends, and `IncrementalNewlineDecoder`.

use super::method;
use std::cell::Cell;
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def, getter};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str, StrBuilder, Units};
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::bytes;
use typhon_object::{Args, Res, Thread, Value, convert, error, payload, type_of};

const CR: u32 = 13;
const LF: u32 = 10;
const SEEN_CR: u8 = 1;
const SEEN_LF: u8 = 2;
const SEEN_CRLF: u8 = 4;

/// What line ends were seen, and a `\r` that may be half of one.
#[derive(Default)]
pub struct Newlines {
    /// Every line end becomes `\n`.
    pub translate: Cell<bool>,
    /// The text so far ended in a `\r` that is still held back.
    pub pending_cr: Cell<bool>,
    seen: Cell<u8>,
}

impl Newlines {
    /// Forgets everything.
    pub fn reset(&self) {
        self.pending_cr.set(false);
        self.seen.set(0);
    }

    /// Takes the next piece of decoded text; with `last` false a final `\r` is held back.
    pub fn feed(&self, t: &Thread, text: Value, last: bool) -> Res {
        let s = text.expect::<Str>();
        if !self.pending_cr.get()
            && let Units::Latin1(u) = s.units()
            && !u.contains(&b'\r')
        {
            if self.seen.get() & SEEN_LF == 0 && u.contains(&b'\n') {
                self.seen.set(self.seen.get() | SEEN_LF);
            }
            return Ok(text);
        }
        let mut units: Vec<u32> = Vec::with_capacity(s.len() + 1);
        if self.pending_cr.get() && (last || !s.is_empty()) {
            units.push(CR);
            self.pending_cr.set(false);
        }
        units.extend(s.units().iter());
        if !last && units.last() == Some(&CR) {
            units.pop();
            self.pending_cr.set(true);
        }
        let translate = self.translate.get();
        let mut out = StrBuilder::with_capacity(units.len());
        let (mut i, mut seen) = (0, self.seen.get());
        while let Some(&c) = units.get(i) {
            i += 1;
            if i % 0x1_0000 == 0 {
                t.check_stop()?;
            }
            match c {
                LF => seen |= SEEN_LF,
                CR if units.get(i) == Some(&LF) => {
                    seen |= SEEN_CRLF;
                    i += 1;
                    if !translate {
                        out.push(CR);
                    }
                    out.push(LF);
                    continue;
                }
                CR => {
                    seen |= SEEN_CR;
                    out.push(if translate { LF } else { CR });
                    continue;
                }
                _ => {}
            }
            out.push(c);
        }
        self.seen.set(seen);
        out.finish(t)
    }

    /// The `newlines` attribute.
    pub fn seen(&self, t: &Thread) -> Res {
        let kinds = [(SEEN_CR, "\r"), (SEEN_LF, "\n"), (SEEN_CRLF, "\r\n")];
        let found: Vec<Value> = kinds
            .iter()
            .filter(|(bit, _)| self.seen.get() & bit != 0)
            .map(|(_, text)| strs::new(t, text))
            .collect::<Res<_>>()?;
        match found.as_slice() {
            [] => Ok(Value::NONE),
            [one] => Ok(one.clone()),
            _ => tuple::from_vec(t, found),
        }
    }
}

/// How a text stream finds the ends of its lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LineEnd {
    /// `\n` only.
    Lf,
    /// `\r` only.
    Cr,
    /// `\r\n` only.
    CrLf,
    /// Any of the three.
    Any,
}

impl LineEnd {
    /// Where the first line of `text[from..]` ends, behind its end mark.
    pub fn find(self, text: Units<'_>, from: usize) -> Option<usize> {
        match text {
            Units::Latin1(u) => self.find_in(u.get(from..)?, |c| u32::from(*c)),
            Units::Ucs2(u) => self.find_in(u.get(from..)?, |c| u32::from(*c)),
            Units::Ucs4(u) => self.find_in(u.get(from..)?, |c| *c),
        }
        .map(|i| from + i)
    }

    /// As [`LineEnd::find`], for units of one width.
    pub fn find_in<T>(self, u: &[T], point: impl Fn(&T) -> u32) -> Option<usize> {
        match self {
            Self::Lf => u.iter().position(|c| point(c) == LF).map(|i| i + 1),
            Self::Cr => u.iter().position(|c| point(c) == CR).map(|i| i + 1),
            Self::CrLf => u.windows(2).position(|w| point(&w[0]) == CR && point(&w[1]) == LF).map(|i| i + 2),
            Self::Any => {
                let i = u.iter().position(|c| matches!(point(c), CR | LF))?;
                let pair = point(&u[i]) == CR && u.get(i + 1).is_some_and(|c| point(c) == LF);
                Some(i + 1 + usize::from(pair))
            }
        }
    }
}

/// What a `newline` argument means.
#[derive(Clone, Copy)]
pub struct NewlineMode {
    /// Line ends of all kinds are recognized when reading.
    pub universal: bool,
    /// They become `\n`.
    pub translate: bool,
    /// What ends a line when reading.
    pub end: LineEnd,
    /// What `\n` becomes when writing.
    pub write: Option<&'static str>,
}

impl NewlineMode {
    /// `None` is Python's None; an unknown text is an error.
    pub fn of(newline: Option<&str>) -> Option<Self> {
        let mode = |universal, translate, end, write| Some(Self { universal, translate, end, write });
        match newline {
            None => mode(true, true, LineEnd::Lf, None),
            Some("") => mode(true, false, LineEnd::Any, None),
            Some("\n") => mode(false, false, LineEnd::Lf, None),
            Some("\r") => mode(false, false, LineEnd::Cr, Some("\r")),
            Some("\r\n") => mode(false, false, LineEnd::CrLf, Some("\r\n")),
            Some(_) => None,
        }
    }

    /// A `newline` argument.
    pub fn arg(t: &Thread, function: &str, v: &Value) -> Res<(Self, Option<String>)> {
        let text = match v.non_none() {
            None => None,
            Some(v) => match v.downcast::<Str>() {
                Some(s) => Some(s.to_lossy()),
                None => {
                    let name = type_of(v).name();
                    return Err(error::type_error(
                        t,
                        format_args!("{function}() argument 'newline' must be str or None, not {name}"),
                    ));
                }
            },
        };
        match Self::of(text.as_deref()) {
            Some(mode) => Ok((mode, text)),
            None => {
                let shown = typhon_object::ops::repr_text(t, v)?;
                Err(error::value_error(t, format_args!("illegal newline value: {shown}")))
            }
        }
    }
}

/// `text` with every `\n` replaced.
pub fn replace_lf(t: &Thread, text: &Str, with: &str) -> Res {
    let mut out = StrBuilder::with_capacity(text.len() + 16);
    let units = text.units();
    let mut from = 0;
    while let Some(end) = LineEnd::Lf.find(units, from) {
        out.push_units(units.slice(from, end - 1));
        out.push_str(with);
        from = end;
    }
    out.push_units(units.slice(from, units.len()));
    out.finish(t)
}

/// An IncrementalNewlineDecoder.
#[repr(C)]
pub struct Decoder {
    header: Header,
    inner: Slot,
    newlines: Newlines,
}

typhon_object::payload!(Decoder => INCREMENTAL_NEWLINE_DECODER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.inner.peek() });
    }
    fn clear(&self) {
        drop(self.inner.take());
    }
});

static INIT: MethodDef =
    def("IncrementalNewlineDecoder", "(decoder, translate, errors='strict')", |_, _| Ok(Value::NONE), "");

/// `_io.IncrementalNewlineDecoder`.
pub static INCREMENTAL_NEWLINE_DECODER: TypeDef = TypeDef {
    name: "_io.IncrementalNewlineDecoder",
    doc: "Codec used when reading a file in universal newlines mode.",
    signature: "(decoder, translate, errors='strict')",
    flags: flag::BASETYPE,
    slots: Slots { new: Some(new), init: Some(init), ..Slots::NONE },
    methods: &[
        def("decode", "($self, /, input, final=False)", decode, ""),
        def("getstate", "($self, /)", getstate, ""),
        def("setstate", "($self, state, /)", setstate, ""),
        def("reset", "($self, /)", reset, ""),
    ],
    getset: &[getter("newlines", |t, v| ready(t, v)?.newlines.seen(t), "")],
    ..TypeDef::of::<Decoder>()
};

fn new(t: &Thread, class: &Value, _: Args<'_>) -> Res {
    payload::new_for(t, class, |header| Decoder { header, inner: Slot::empty(), newlines: Newlines::default() })
}

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    super::bind_init(t, &INIT, args, |a| {
        let d = v.expect::<Decoder>();
        d.newlines.translate.set(convert::to_bool(t, &a[1])?);
        d.newlines.reset();
        d.inner.set(&d.header, a[0].clone());
        Ok(())
    })
}

fn ready<'a>(t: &Thread, v: &'a Value) -> Res<&'a Decoder> {
    let d = v.expect::<Decoder>();
    if d.inner.is_absent() {
        return Err(error::value_error(t, "IncrementalNewlineDecoder.__init__() not called"));
    }
    Ok(d)
}

fn decode(t: &Thread, a: &[Value]) -> Res {
    let d = ready(t, &a[0])?;
    let last = match a[2].opt() {
        Some(v) => convert::to_bool(t, v)?,
        None => false,
    };
    let inner = d.inner.get();
    let text =
        if inner.is_none() { a[1].clone() } else { method(t, &inner, "decode", &[a[1].clone(), Value::bool(last)])? };
    if text.downcast::<Str>().is_none() {
        let name = type_of(&text).name();
        return Err(error::type_error(t, format_args!("decoder should return a string result, not '{name}'")));
    }
    d.newlines.feed(t, text, last)
}

fn getstate(t: &Thread, a: &[Value]) -> Res {
    let d = ready(t, &a[0])?;
    let inner = d.inner.get();
    let (data, flags) = if inner.is_none() { (bytes::new(t, &[])?, 0) } else { state_of(t, &inner)? };
    let flags = flags << 1 | u64::from(d.newlines.pending_cr.get());
    tuple::from_array(t, [data, convert::from_u64(t, flags)?])
}

/// What a decoder's `getstate()` gives.
pub fn state_of(t: &Thread, decoder: &Value) -> Res<(Value, u64)> {
    let state = method(t, decoder, "getstate", &[])?;
    let Some(items) = state.downcast::<Tuple>() else {
        return Err(error::type_error(t, "illegal decoder state"));
    };
    let [data, flags] = items.items() else { return Err(error::type_error(t, "illegal decoder state")) };
    if data.downcast::<bytes::Bytes>().is_none() {
        let name = type_of(data).name();
        return Err(error::type_error(
            t,
            format_args!("illegal decoder state: the first item should be a bytes object, not '{name}'"),
        ));
    }
    Ok((data.clone(), convert::to_u64(t, flags)?))
}

fn setstate(t: &Thread, a: &[Value]) -> Res {
    let d = ready(t, &a[0])?;
    let Some(state) = a[1].downcast::<Tuple>() else {
        return Err(error::type_error(t, "state argument must be a tuple"));
    };
    let [data, flags] = state.items() else {
        return Err(error::type_error(t, "setstate(): illegal state argument"));
    };
    let flags = convert::to_u64(t, flags)?;
    d.newlines.pending_cr.set(flags & 1 != 0);
    let inner = d.inner.get();
    if !inner.is_none() {
        let state = tuple::from_array(t, [data.clone(), convert::from_u64(t, flags >> 1)?])?;
        method(t, &inner, "setstate", &[state])?;
    }
    Ok(Value::NONE)
}

fn reset(t: &Thread, a: &[Value]) -> Res {
    let d = ready(t, &a[0])?;
    d.newlines.reset();
    let inner = d.inner.get();
    if inner.is_none() { Ok(Value::NONE) } else { method(t, &inner, "reset", &[]) }
}
