//! Objects to plain data and back.

use typhon_interp::frame_object::FrameObject;
use typhon_interp::function::Function;
use typhon_interp::traceback::Traceback;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::strs::{self, Str};
use typhon_object::tuple::{self, Tuple};
use typhon_object::types::{bytes, complex, exceptions as exc, int, set_};
use typhon_object::{Thread, TypeObject, Value as Object, attr, call, convert, ops, type_of};
use typhon_stdlib::text;

use crate::exception::{Frame, Position, PyException};
use crate::request::Request;
use crate::value::{BigInt, Cap, Date, Instance, Time, TypeRef, Value};

/// An input as an object.
pub(crate) fn to_object(t: &Thread, v: &Value, depth: usize) -> Res {
    if depth > Value::DEPTH_MAX {
        return Err(error::value_error(t, "input nests too deep"));
    }
    let each = |items: &[Value]| items.iter().map(|x| to_object(t, x, depth + 1)).collect::<Res<Vec<_>>>();
    match v {
        Value::None => Ok(Object::NONE),
        Value::Ellipsis => Ok(Object::ELLIPSIS),
        Value::Bool(b) => Ok(Object::bool(*b)),
        Value::Int(i) => convert::from_i64(t, *i),
        Value::BigInt(big) => {
            let m = typhon_num::IBig::from(typhon_num::UBig::from_be_bytes(&big.magnitude));
            int::from_big(t, if big.negative { -m } else { m })
        }
        Value::Float(x) => convert::from_f64(t, *x),
        Value::Complex { real, imag } => complex::new(t, *real, *imag),
        Value::Str(s) | Value::Json(s) => strs::new(t, s),
        Value::SurrogateStr(s) => strs::from_wtf8(t, s),
        Value::Bytes(b) | Value::ArrowIpc(b) => bytes::new(t, b),
        Value::List(items) => List::from_vec(t, each(items)?),
        Value::Tuple(items) => tuple::from_vec(t, each(items)?),
        Value::Set(items) => set_::from_vec(t, each(items)?),
        Value::FrozenSet(items) => set_::frozenset(t, each(items)?),
        Value::Dict(items) => {
            let d = Dict::create(t);
            for (key, value) in items {
                Dict::of(&d).set(t, &to_object(t, key, depth + 1)?, &to_object(t, value, depth + 1)?)?;
            }
            Ok(d)
        }
        other => through_library(t, other),
    }
}

/// Values whose class is the library's.
fn through_library(t: &Thread, v: &Value) -> Res {
    let number = |i: i64| convert::from_i64(t, i);
    let class = |module: &str, name: &str| attr::get_text(t, &(t.hooks.import)(t, module)?, name);
    match v {
        Value::Date(d) => {
            let args = [number(i64::from(d.year))?, number(i64::from(d.month))?, number(i64::from(d.day))?];
            call::call(t, &class("datetime", "date")?, &args)
        }
        Value::Time(x) => call::call(t, &class("datetime", "time")?, &time_args(t, x)?),
        Value::DateTime { date, time } => {
            let mut args =
                vec![number(i64::from(date.year))?, number(i64::from(date.month))?, number(i64::from(date.day))?];
            args.extend(time_args(t, time)?);
            call::call(t, &class("datetime", "datetime")?, &args)
        }
        Value::TimeDelta { days, seconds, microseconds } => {
            let args = [number(i64::from(*days))?, number(i64::from(*seconds))?, number(i64::from(*microseconds))?];
            call::call(t, &class("datetime", "timedelta")?, &args)
        }
        Value::Decimal(text) => call::call1(t, &class("decimal", "Decimal")?, &strs::new(t, text)?),
        Value::Uuid(bytes_) => {
            let hex: String = bytes_.iter().map(|b| format!("{b:02x}")).collect();
            call::call1(t, &class("uuid", "UUID")?, &strs::new(t, &hex)?)
        }
        Value::Path(text) => call::call1(t, &class("pathlib", "PurePosixPath")?, &strs::new(t, text)?),
        Value::TypeRef(r) => class(&r.module, &r.qualname),
        Value::FunctionRef { module, qualname } => class(module, qualname),
        _ => Err(error::value_error(t, "this kind of value cannot be an input")),
    }
}

fn time_args(t: &Thread, x: &Time) -> Res<Vec<Object>> {
    let number = |i: u32| Object::small(i64::from(i));
    let zone = match x.utc_offset_microseconds {
        None => Object::NONE,
        Some(us) => {
            let m = (t.hooks.import)(t, "datetime")?;
            let args = [Object::small(0), Object::small(0), convert::from_i64(t, us)?];
            let delta = call::call(t, &attr::get_text(t, &m, "timedelta")?, &args)?;
            call::call1(t, &attr::get_text(t, &m, "timezone")?, &delta)?
        }
    };
    Ok(vec![number(x.hour), number(x.minute), number(x.second), number(x.microsecond), zone])
}

/// A result as plain data.
pub(crate) fn from_object(t: &Thread, v: &Object, request: &Request) -> Res<Value> {
    Copy::new(t, request.limits.result_bytes.unwrap_or(u64::MAX)).value(v)
}

/// Values being copied out, within one budget.
pub(crate) struct Copy<'t> {
    t: &'t Thread,
    /// Containers being copied, outermost first.
    open: Vec<u64>,
    /// Bytes that the result may still take.
    left: u64,
    /// Exceptions, and frames of theirs, that may still be told.
    exceptions: usize,
    frames: usize,
}

impl<'t> Copy<'t> {
    pub(crate) fn new(t: &'t Thread, left: u64) -> Self {
        Copy { t, open: Vec::new(), left, exceptions: EXCEPTIONS_MAX, frames: FRAMES_MAX }
    }
}

impl Copy<'_> {
    fn charge(&mut self, bytes: usize) -> bool {
        let bytes = bytes as u64 + 8;
        if bytes > self.left {
            return false;
        }
        self.left -= bytes;
        true
    }

    pub(crate) fn value(&mut self, v: &Object) -> Res<Value> {
        self.t.poll()?;
        if let Some(plain) = self.scalar(v)? {
            return Ok(plain);
        }
        if let Some(at) = self.open.iter().rposition(|&b| b == v.bits()) {
            return Ok(Value::Cycle { levels_up: (self.open.len() - at) as u32 });
        }
        if self.open.len() >= Value::DEPTH_MAX {
            return Ok(Value::Capped { cap: Cap::Depth });
        }
        self.open.push(v.bits());
        let made = self.container(v);
        self.open.pop();
        made
    }

    fn scalar(&mut self, v: &Object) -> Res<Option<Value>> {
        let capped = Some(Value::Capped { cap: Cap::Size });
        if !self.charge(0) {
            return Ok(capped);
        }
        Ok(Some(if v.is_none() {
            Value::None
        } else if v.is_ellipsis() {
            Value::Ellipsis
        } else if v.is_bool() {
            Value::Bool(v.is_true())
        } else if std::ptr::eq(type_of(v), int::INT.ty()) {
            match int::to_i64(v) {
                Some(i) => Value::Int(i),
                None => {
                    let Some(big) = int::to_big(v) else { return Ok(None) };
                    let (sign, magnitude) = big.into_parts();
                    let magnitude = magnitude.to_be_bytes().to_vec();
                    if !self.charge(magnitude.len()) {
                        return Ok(capped);
                    }
                    Value::BigInt(BigInt { negative: sign == typhon_num::Sign::Negative, magnitude })
                }
            }
        } else if std::ptr::eq(type_of(v), typhon_object::types::float::FLOAT.ty()) {
            Value::Float(convert::to_f64(self.t, v)?)
        } else if let Some(c) = v.exact::<complex::Complex>() {
            Value::Complex { real: c.re, imag: c.im }
        } else if let Some(s) = v.exact::<Str>() {
            if !self.charge(s.bytes().len()) {
                return Ok(capped);
            }
            match s.to_utf8() {
                Ok(text) => Value::Str(text),
                Err(_) => Value::SurrogateStr(s.to_wtf8()),
            }
        } else if typhon_object::buffer::supported(v) && type_of(v).is_subtype(bytes::BYTES.ty()) {
            let b = typhon_object::buffer::get(self.t, v, 0)?;
            if !self.charge(b.as_slice().len()) {
                return Ok(capped);
            }
            Value::Bytes(b.as_slice().to_vec())
        } else if let Some(ty) = v.downcast::<TypeObject>() {
            Value::TypeRef(type_ref(self.t, ty))
        } else if v.exact::<Function>().is_some() {
            let get = |name| Ok(attr::get_opt(self.t, v, name)?.map(|x| strs::display(&x)).unwrap_or_default());
            Value::FunctionRef { module: get(n::__module__())?, qualname: get(n::__qualname__())? }
        } else if type_of(v).is_subtype(exc::BASE_EXCEPTION.ty()) {
            return Ok(Some(match self.linked(v) {
                Some(told) => Value::Exception(Box::new(told)),
                // A cycle, or too deep.
                None if self.exceptions > 0 => return Ok(None),
                None => Value::Capped { cap: Cap::Size },
            }));
        } else {
            return Ok(None);
        }))
    }

    fn each(&mut self, items: &[Object]) -> Res<Vec<Value>> {
        let mut out = Vec::new();
        for x in items {
            out.push(self.value(x)?);
            if matches!(out.last(), Some(Value::Capped { cap: Cap::Size })) {
                break;
            }
        }
        Ok(out)
    }

    fn container(&mut self, v: &Object) -> Res<Value> {
        if let Some(list) = v.exact::<List>() {
            return Ok(Value::List(self.each(&list.to_vec())?));
        }
        if let Some(items) = v.exact::<Tuple>() {
            return Ok(Value::Tuple(self.each(items.items())?));
        }
        if let Some(d) = v.exact::<Dict>() {
            let mut out = Vec::new();
            for (key, value) in d.items() {
                out.push((self.value(&key)?, self.value(&value)?));
                if matches!(out.last(), Some((_, Value::Capped { cap: Cap::Size }))) {
                    break;
                }
            }
            return Ok(Value::Dict(out));
        }
        if std::ptr::eq(type_of(v), set_::SET.ty()) {
            let items = ops::collect(self.t, v)?;
            return Ok(Value::Set(self.each(&items)?));
        }
        if std::ptr::eq(type_of(v), set_::FROZENSET.ty()) {
            let items = ops::collect(self.t, v)?;
            return Ok(Value::FrozenSet(self.each(&items)?));
        }
        let type_ref = type_ref(self.t, type_of(v));
        if let Some(known) = self.library(v, &type_ref)? {
            return Ok(known);
        }
        if type_of(v).is_heap_type() && attr::get_opt(self.t, v, n::__dict__())?.is_some() {
            let dict = attr::get(self.t, v, n::__dict__())?;
            let mut attributes = Vec::new();
            if let Some(d) = dict.downcast::<Dict>() {
                for (key, value) in d.items() {
                    attributes.push((strs::display(&key), self.value(&value)?));
                }
            }
            return Ok(Value::Instance(Box::new(Instance { type_ref, id: v.bits(), attributes })));
        }
        let text = ops::repr_text(self.t, v)?;
        if !self.charge(text.len()) {
            return Ok(Value::Capped { cap: Cap::Size });
        }
        Ok(Value::Repr { type_ref, text })
    }

    /// Values of the library's classes that have a form of their own.
    fn library(&mut self, v: &Object, r: &TypeRef) -> Res<Option<Value>> {
        let t = self.t;
        let number = |name: &str| -> Res<i64> { convert::to_i64(t, &attr::get_text(t, v, name)?) };
        let text = || -> Res<String> { Ok(strs::display(&ops::str(t, v)?)) };
        let date = || -> Res<Date> {
            Ok(Date { year: number("year")? as i32, month: number("month")? as u32, day: number("day")? as u32 })
        };
        Ok(Some(match (r.module.as_str(), r.qualname.as_str()) {
            ("datetime", "date") => Value::Date(date()?),
            ("datetime", "time") => Value::Time(time(t, v)?),
            ("datetime", "datetime") => Value::DateTime { date: date()?, time: time(t, v)? },
            ("datetime", "timedelta") => Value::TimeDelta {
                days: number("days")? as i32,
                seconds: number("seconds")? as i32,
                microseconds: number("microseconds")? as i32,
            },
            ("decimal", "Decimal") => Value::Decimal(text()?),
            ("uuid", "UUID") => {
                let raw = attr::get_text(t, v, "bytes")?;
                let b = typhon_object::buffer::get(t, &raw, 0)?;
                match <[u8; 16]>::try_from(b.as_slice()) {
                    Ok(id) => Value::Uuid(id),
                    Err(_) => return Ok(None),
                }
            }
            (m, _) if m.starts_with("pathlib") => Value::Path(text()?),
            _ => return Ok(None),
        }))
    }
}

fn time(t: &Thread, v: &Object) -> Res<Time> {
    let number = |name: &str| -> Res<u32> { Ok(convert::to_i64(t, &attr::get_text(t, v, name)?)? as u32) };
    let offset = call::method(t, v, &text::name(t, "utcoffset"), &[])?;
    let utc_offset_microseconds = if offset.is_none() {
        None
    } else {
        let part = |name: &str| -> Res<i64> { convert::to_i64(t, &attr::get_text(t, &offset, name)?) };
        Some((part("days")? * 86_400 + part("seconds")?) * 1_000_000 + part("microseconds")?)
    };
    let zone = attr::get_text(t, v, "tzinfo")?;
    let zone = text::text_attr(t, &zone, "key")?;
    Ok(Time {
        hour: number("hour")?,
        minute: number("minute")?,
        second: number("second")?,
        microsecond: number("microsecond")?,
        fold: number("fold")? != 0,
        utc_offset_microseconds,
        zone,
    })
}

fn type_ref(t: &Thread, ty: &TypeObject) -> TypeRef {
    let class = ty.value();
    let get = |name: &Object| attr::get_opt(t, &class, name).ok().flatten().filter(|v| v.downcast::<Str>().is_some());
    TypeRef {
        module: get(n::__module__()).map_or_else(|| "builtins".to_owned(), |v| strs::display(&v)),
        qualname: get(n::__qualname__()).map_or_else(|| ty.name(), |v| strs::display(&v)),
    }
}

/// An exception with its causes. Never fails: what cannot be read is left out.
pub(crate) fn exception(t: &Thread, v: &Object) -> PyException {
    Copy::new(t, EXCEPTION_BYTES).exception(v)
}

/// What the values take that hang on an exception and on those that are linked to it.
const EXCEPTION_BYTES: u64 = 1 << 18;
/// So many exceptions are told of one that reached the top: it may be linked to very many, by several ways.
const EXCEPTIONS_MAX: usize = 100;
const FRAMES_MAX: usize = 1000;
const NOTES_MAX: usize = 1000;
/// What of an exception is told besides its arguments.
const FIELDS: &[&str] = &[
    "name",
    "obj",
    "path",
    "errno",
    "strerror",
    "filename",
    "lineno",
    "offset",
    "end_lineno",
    "end_offset",
    "text",
    "value",
    "code",
];

impl Copy<'_> {
    /// An exception that hangs on another, unless it is being told already, or enough has been.
    fn linked(&mut self, v: &Object) -> Option<PyException> {
        let known = v.is_absent() || v.is_none() || self.open.contains(&v.bits());
        let enough = self.open.len() >= Value::DEPTH_MAX || self.exceptions == 0 || self.t.check_stop().is_err();
        (!known && !enough).then(|| self.exception(v))
    }

    fn exception(&mut self, v: &Object) -> PyException {
        let (t, first) = (self.t, self.open.is_empty());
        self.exceptions = self.exceptions.saturating_sub(1);
        self.open.push(v.bits());
        let shown = |x: &Object| ops::str(t, x).map(|s| strs::display(&s)).unwrap_or_default();
        let mut out = PyException { type_ref: type_ref(t, type_of(v)), message: shown(v), ..PyException::default() };
        let name = |ty: &TypeObject| {
            let r = type_ref(t, ty);
            format!("{}.{}", r.module, r.qualname)
        };
        out.mro = type_of(v).mro_types().map(name).collect();
        if let Some(args) = exc::args(v).downcast::<Tuple>() {
            out.args = self.each(args.items()).unwrap_or_default();
        }
        if let Ok(Some(notes)) = attr::get_opt(t, v, n::__notes__()) {
            out.notes = ops::collect(t, &notes).unwrap_or_default().iter().take(NOTES_MAX).map(&shown).collect();
        }
        out.frames = frames(t, v, self.frames);
        self.frames -= out.frames.len();
        for name in FIELDS {
            if let Some(x) = exc::field(v, name)
                && let Ok(x) = self.value(&x)
            {
                out.attributes.push(((*name).to_owned(), x));
            }
        }
        if first {
            out.traceback_text = crate::execute::shown(t, v).unwrap_or_default();
            out.hint = hint(&out.traceback_text);
        }
        out.cause = self.linked(&exc::cause(v)).map(Box::new);
        out.context = self.linked(&exc::context(v)).map(Box::new);
        if let Some(members) = exc::field(v, "exceptions") {
            let members = ops::collect(t, &members).unwrap_or_default();
            out.children = members.iter().map_while(|x| self.linked(x)).collect();
        }
        let suppress = attr::get_opt(t, v, n::__suppress_context__());
        out.suppress_context = matches!(suppress, Ok(Some(x)) if x.is_true());
        self.open.pop();
        out
    }
}

/// "Did you mean" at the end of a traceback's text.
fn hint(text: &str) -> String {
    let last = text.trim_end().lines().next_back().unwrap_or_default();
    last.rfind("Did you ").map(|at| last[at..].to_owned()).unwrap_or_default()
}

fn frames(t: &Thread, v: &Object, most: usize) -> Vec<Frame> {
    let mut out = Vec::new();
    let mut at = exc::traceback(v);
    while let Some(entry) = at.downcast::<Traceback>().filter(|_| out.len() < most) {
        let frame = entry.frame(t).unwrap_or_default();
        if let Some(f) = frame.downcast::<FrameObject>() {
            let code = &f.unit.code;
            let p = code.position((entry.lasti.get() / 8).max(0) as u32);
            let known = |n: u32| if n == u32::MAX { 0 } else { n };
            let source = typhon_stdlib::import::files::read_source(t, &code.filename);
            out.push(Frame {
                file: code.filename.to_string(),
                function: code.qualname.to_string(),
                start: Position { line: p.line, column: known(p.col) },
                end: Position { line: p.end_line, column: known(p.end_col) },
                source_line: source.and_then(|s| s.lines().nth((p.line as usize).wrapping_sub(1)).map(str::to_owned)),
            });
        }
        let next = entry.next.get();
        at = next;
    }
    out
}
