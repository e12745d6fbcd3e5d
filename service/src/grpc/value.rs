//! Values: from the wire, where nothing is trusted, and to it, where everything is capped.

use typhon_proto::v1;
use typhon_proto::v1::value::Kind;
use typhon_vm::{BigInt, Cap, Date, Frame, Instance, Position, PyException, Time, TypeRef, Value};

use crate::error::Refusal;

/// The largest magnitude of an int that comes in: 2**8388608 is past every use but an attack's.
const MAGNITUDE_MAX: usize = 1 << 20;

/// Checks an input. `at` is its path, for the error.
pub fn decode(value: v1::Value, at: &str) -> Result<Value, Refusal> {
    decode_at(value, at, 0)
}

fn decode_at(value: v1::Value, at: &str, depth: usize) -> Result<Value, Refusal> {
    if depth > Value::DEPTH_MAX {
        return Err(Refusal::invalid(at, format!("nests deeper than {} levels", Value::DEPTH_MAX)));
    }
    let bad = |problem: &str| Err(Refusal::invalid(at, problem));
    let items = |list: v1::ValueList| -> Result<Vec<Value>, Refusal> {
        list.items.into_iter().map(|item| decode_at(item, at, depth + 1)).collect()
    };
    Ok(match value.kind {
        None | Some(Kind::None(_)) => Value::None,
        Some(Kind::EllipsisValue(_)) => Value::Ellipsis,
        Some(Kind::BoolValue(value)) => Value::Bool(value),
        Some(Kind::IntValue(value)) => Value::Int(value),
        Some(Kind::BigintValue(value)) => bigint(value, at)?,
        Some(Kind::FloatValue(value)) => Value::Float(value),
        Some(Kind::ComplexValue(value)) => Value::Complex { real: value.real, imag: value.imag },
        Some(Kind::StrValue(value)) => Value::Str(value),
        Some(Kind::SurrogateStrValue(value)) if is_wtf8(&value) => Value::SurrogateStr(value),
        Some(Kind::SurrogateStrValue(_)) => return bad("is not WTF-8"),
        Some(Kind::BytesValue(value)) => Value::Bytes(value),
        Some(Kind::ListValue(list)) => Value::List(items(list)?),
        Some(Kind::TupleValue(list)) => Value::Tuple(items(list)?),
        Some(Kind::SetValue(list)) => Value::Set(hashable(items(list)?, at)?),
        Some(Kind::FrozensetValue(list)) => Value::FrozenSet(hashable(items(list)?, at)?),
        Some(Kind::DictValue(dict)) => Value::Dict(entries(dict, at, depth)?),
        Some(Kind::DateValue(value)) => Value::Date(date(value, at)?),
        Some(Kind::TimeValue(value)) => Value::Time(time(*value, at)?),
        Some(Kind::DatetimeValue(value)) => Value::DateTime {
            date: date(value.date.unwrap_or_default(), at)?,
            time: time(value.time.unwrap_or_default(), at)?,
        },
        Some(Kind::TimedeltaValue(value)) => timedelta(value, at)?,
        Some(Kind::DecimalValue(text)) => Value::Decimal(decimal(text, at)?),
        Some(Kind::UuidValue(bytes)) => match bytes.try_into() {
            Ok(bytes) => Value::Uuid(bytes),
            Err(_) => return bad("a UUID has 16 bytes"),
        },
        Some(Kind::PathValue(path)) if path.contains('\0') => return bad("a path holds a NUL"),
        Some(Kind::PathValue(path)) => Value::Path(path),
        Some(Kind::JsonValue(text)) => Value::Json(text),
        Some(
            Kind::ExceptionValue(_)
            | Kind::TypeValue(_)
            | Kind::InstanceValue(_)
            | Kind::FunctionValue(_)
            | Kind::BlobValue(_)
            | Kind::ArrowIpcValue(_)
            | Kind::ReprValue(_)
            | Kind::CycleValue(_)
            | Kind::CappedValue(_),
        ) => return bad("this kind of value cannot be an input"),
    })
}

fn bigint(value: v1::BigInt, at: &str) -> Result<Value, Refusal> {
    let start = value.magnitude.iter().position(|&byte| byte != 0).unwrap_or(value.magnitude.len());
    let magnitude = &value.magnitude[start..];
    if magnitude.len() > MAGNITUDE_MAX {
        return Err(Refusal::invalid(at, format!("an int of more than {MAGNITUDE_MAX} bytes")));
    }
    // The engine gets the one form of each number: small ones as small ones, and no negative zero.
    if magnitude.len() <= 8 {
        let absolute = magnitude.iter().fold(0i128, |sum, &byte| (sum << 8) | i128::from(byte));
        let signed = if value.negative { -absolute } else { absolute };
        if let Ok(small) = i64::try_from(signed) {
            return Ok(Value::Int(small));
        }
    }
    Ok(Value::BigInt(BigInt { negative: value.negative, magnitude: magnitude.to_vec() }))
}

fn entries(dict: v1::Dict, at: &str, depth: usize) -> Result<Vec<(Value, Value)>, Refusal> {
    let mut entries = Vec::with_capacity(dict.entries.len());
    for entry in dict.entries {
        let key = decode_at(entry.key.unwrap_or_default(), at, depth + 1)?;
        check_hashable(&key, at)?;
        entries.push((key, decode_at(entry.value.unwrap_or_default(), at, depth + 1)?));
    }
    Ok(entries)
}

fn hashable(items: Vec<Value>, at: &str) -> Result<Vec<Value>, Refusal> {
    items.iter().try_for_each(|item| check_hashable(item, at))?;
    Ok(items)
}

fn check_hashable(value: &Value, at: &str) -> Result<(), Refusal> {
    match value {
        Value::List(_) | Value::Set(_) | Value::Dict(_) | Value::Json(_) => {
            Err(Refusal::invalid(at, "a key or a member of a set is not hashable"))
        }
        Value::Tuple(items) => items.iter().try_for_each(|item| check_hashable(item, at)),
        _ => Ok(()),
    }
}

fn date(value: v1::Date, at: &str) -> Result<Date, Refusal> {
    let leap = value.year % 4 == 0 && (value.year % 100 != 0 || value.year % 400 == 0);
    let days = match value.month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    };
    let good = (1..=9999).contains(&value.year) && (1..=12).contains(&value.month) && (1..=days).contains(&value.day);
    match (good, u32::try_from(value.month), u32::try_from(value.day)) {
        (true, Ok(month), Ok(day)) => Ok(Date { year: value.year, month, day }),
        _ => Err(Refusal::invalid(at, "there is no such date")),
    }
}

const DAY_MICROSECONDS: u64 = 86_400_000_000;

fn time(value: v1::Time, at: &str) -> Result<Time, Refusal> {
    let field = |number: i32, limit: u32| u32::try_from(number).ok().filter(|number| *number < limit);
    let offset_good = value.utc_offset_microseconds.is_none_or(|offset| offset.unsigned_abs() < DAY_MICROSECONDS);
    let zone_good = value.zone.is_empty() || value.utc_offset_microseconds.is_some();
    match (field(value.hour, 24), field(value.minute, 60), field(value.second, 60), field(value.microsecond, 1_000_000))
    {
        (Some(hour), Some(minute), Some(second), Some(microsecond)) if offset_good && zone_good => Ok(Time {
            hour,
            minute,
            second,
            microsecond,
            fold: value.fold,
            utc_offset_microseconds: value.utc_offset_microseconds,
            zone: (!value.zone.is_empty()).then_some(value.zone),
        }),
        _ => Err(Refusal::invalid(at, "there is no such time")),
    }
}

fn timedelta(value: v1::TimeDelta, at: &str) -> Result<Value, Refusal> {
    let v1::TimeDelta { days, seconds, microseconds } = value;
    let good =
        days.unsigned_abs() <= 999_999_999 && (0..86_400).contains(&seconds) && (0..1_000_000).contains(&microseconds);
    if good {
        Ok(Value::TimeDelta { days, seconds, microseconds })
    } else {
        Err(Refusal::invalid(at, "there is no such timedelta, or it is not normalized"))
    }
}

fn decimal(text: String, at: &str) -> Result<String, Refusal> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_');
    if text.is_empty() || !text.chars().all(plain) {
        return Err(Refusal::invalid(at, "is not the text of a decimal"));
    }
    Ok(text)
}

/// UTF-8, but three-byte forms of surrogates are allowed, except as a pair (which has a four-byte form).
fn is_wtf8(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut after_high = false;
    loop {
        let (valid, tail) = match std::str::from_utf8(rest) {
            Ok(_) => return true,
            Err(error) => rest.split_at(error.valid_up_to()),
        };
        after_high &= valid.is_empty();
        match *tail {
            [0xed, 0xa0..=0xaf, 0x80..=0xbf, ..] => after_high = true,
            [0xed, 0xb0..=0xbf, 0x80..=0xbf, ..] if !after_high => {}
            _ => return false,
        }
        rest = &tail[3..];
    }
}

/// Bounds what one message carries out: nesting, because receivers stop at 100 levels, and bytes.
pub struct Encoder {
    bytes_left: usize,
}

/// Message levels that a value may use. Receivers stop at 100; the rest is for what holds the value.
const LEVELS: usize = 88;

/// Message levels between one exception and its cause.
const EXCEPTION_LEVELS: usize = 1;

impl Encoder {
    pub fn new(bytes: usize) -> Encoder {
        Encoder { bytes_left: bytes }
    }

    pub fn value(&mut self, value: Value) -> v1::Value {
        self.value_at(value, LEVELS)
    }

    pub fn exception(&mut self, exception: PyException) -> v1::PyException {
        self.exception_at(exception, LEVELS)
    }

    /// Charges for `bytes`; false when they do not fit.
    fn charge(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.bytes_left;
        if fits {
            self.bytes_left -= bytes;
        }
        fits
    }

    /// As much of the text as fits.
    fn text(&mut self, mut text: String) -> String {
        if text.len() > self.bytes_left {
            let mut end = self.bytes_left;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            text.push('…');
        }
        self.bytes_left = self.bytes_left.saturating_sub(text.len());
        text
    }

    fn value_at(&mut self, value: Value, levels: usize) -> v1::Value {
        // A guess at the message's own overhead, so that many tiny values are charged too.
        if !self.charge(8) {
            return capped(Cap::Size);
        }
        // The largest step any kind takes below is three levels.
        if levels < 4 {
            return capped(Cap::Depth);
        }
        let kind = match value {
            Value::None => Kind::None(v1::NoneValue {}),
            Value::Ellipsis => Kind::EllipsisValue(v1::EllipsisValue {}),
            Value::Bool(value) => Kind::BoolValue(value),
            Value::Int(value) => Kind::IntValue(value),
            Value::Float(value) => Kind::FloatValue(value),
            Value::Complex { real, imag } => Kind::ComplexValue(v1::Complex { real, imag }),
            Value::List(items) => Kind::ListValue(self.list(items, levels)),
            Value::Tuple(items) => Kind::TupleValue(self.list(items, levels)),
            Value::Set(items) => Kind::SetValue(self.list(items, levels)),
            Value::FrozenSet(items) => Kind::FrozensetValue(self.list(items, levels)),
            Value::Dict(entries) => Kind::DictValue(self.dict(entries, levels)),
            Value::Date(value) => Kind::DateValue(encode_date(&value)),
            Value::Time(value) => Kind::TimeValue(Box::new(encode_time(value))),
            Value::DateTime { date, time } => Kind::DatetimeValue(Box::new(v1::DateTime {
                date: Some(encode_date(&date)),
                time: Some(encode_time(time)),
            })),
            Value::TimeDelta { days, seconds, microseconds } => {
                Kind::TimedeltaValue(v1::TimeDelta { days, seconds, microseconds })
            }
            Value::Uuid(bytes) => Kind::UuidValue(bytes.to_vec()),
            Value::Exception(exception) => {
                Kind::ExceptionValue(Box::new(self.exception_at(*exception, levels - EXCEPTION_LEVELS)))
            }
            Value::TypeRef(type_ref) => Kind::TypeValue(Box::new(encode_type(type_ref, Vec::new()))),
            Value::Instance(instance) => Kind::InstanceValue(Box::new(self.instance(*instance, levels))),
            Value::FunctionRef { module, qualname } => {
                Kind::FunctionValue(Box::new(v1::FunctionRef { module, qualname }))
            }
            Value::BlobRef { digest, size_bytes, mime_type } => Kind::BlobValue(Box::new(v1::BlobRef {
                digest,
                size_bytes: i64::try_from(size_bytes).unwrap_or(i64::MAX),
                mime_type,
            })),
            Value::Cycle { levels_up } => Kind::CycleValue(v1::Cycle { levels_up }),
            Value::Capped { cap } => return capped(cap),
            Value::BigInt(_)
            | Value::Str(_)
            | Value::SurrogateStr(_)
            | Value::Bytes(_)
            | Value::Decimal(_)
            | Value::Path(_)
            | Value::ArrowIpc(_)
            | Value::Json(_)
            | Value::Repr { .. } => return self.blob(value),
        };
        v1::Value { kind: Some(kind) }
    }

    /// The kinds whose size is in one run of bytes: whole, or not at all.
    fn blob(&mut self, value: Value) -> v1::Value {
        let (size, kind) = match value {
            Value::BigInt(BigInt { negative, magnitude }) => {
                (magnitude.len(), Kind::BigintValue(v1::BigInt { negative, magnitude }))
            }
            Value::Str(text) => (text.len(), Kind::StrValue(text)),
            Value::SurrogateStr(bytes) => (bytes.len(), Kind::SurrogateStrValue(bytes)),
            Value::Bytes(bytes) => (bytes.len(), Kind::BytesValue(bytes)),
            Value::Decimal(text) => (text.len(), Kind::DecimalValue(text)),
            Value::Path(text) => (text.len(), Kind::PathValue(text)),
            Value::ArrowIpc(bytes) => (bytes.len(), Kind::ArrowIpcValue(bytes)),
            Value::Json(text) => (text.len(), Kind::JsonValue(text)),
            Value::Repr { type_ref, text } => {
                let size = text.len();
                let type_ref = Some(encode_type(type_ref, Vec::new()));
                (size, Kind::ReprValue(Box::new(v1::Repr { r#type: type_ref, text })))
            }
            _ => return capped(Cap::Unsupported),
        };
        if self.charge(size) { v1::Value { kind: Some(kind) } } else { capped(Cap::Size) }
    }

    fn list(&mut self, items: Vec<Value>, levels: usize) -> v1::ValueList {
        v1::ValueList { items: self.items(items, levels - 2) }
    }

    /// Ends with one capped value where the bytes run out, rather than with one for each item left.
    fn items(&mut self, items: Vec<Value>, levels: usize) -> Vec<v1::Value> {
        let mut out = Vec::new();
        for item in items {
            let full = self.bytes_left < 8;
            out.push(self.value_at(item, levels));
            if full {
                break;
            }
        }
        out
    }

    fn dict(&mut self, entries: Vec<(Value, Value)>, levels: usize) -> v1::Dict {
        let mut out = Vec::new();
        for (key, value) in entries {
            let full = self.bytes_left < 16;
            let key = Some(self.value_at(key, levels - 3));
            out.push(v1::DictEntry { key, value: Some(self.value_at(value, levels - 3)) });
            if full {
                break;
            }
        }
        v1::Dict { entries: out }
    }

    fn instance(&mut self, instance: Instance, levels: usize) -> v1::Instance {
        let attributes = self.attributes(instance.attributes, levels);
        v1::Instance { r#type: Some(encode_type(instance.type_ref, Vec::new())), id: instance.id, attributes }
    }

    fn attributes(&mut self, attributes: Vec<(String, Value)>, levels: usize) -> Vec<v1::Attribute> {
        let mut out = Vec::new();
        for (name, value) in attributes {
            if !self.charge(name.len()) {
                break;
            }
            out.push(v1::Attribute { name, value: Some(self.value_at(value, levels - 3)) });
        }
        out
    }

    fn exception_at(&mut self, exception: PyException, levels: usize) -> v1::PyException {
        let message = self.text(exception.message);
        let notes = exception.notes.into_iter().map(|note| self.text(note)).collect();
        let traceback_text = self.text(exception.traceback_text);
        let frames = exception.frames.into_iter().map_while(|frame| self.frame(frame)).collect();
        let deep_enough = levels >= 8;
        let mut inner = |inner: Option<Box<PyException>>| match inner {
            Some(inner) if deep_enough => Some(Box::new(self.exception_at(*inner, levels - EXCEPTION_LEVELS))),
            _ => None,
        };
        let (cause, context) = (inner(exception.cause), inner(exception.context));
        let mut group_children = Vec::new();
        for child in exception.children {
            if !deep_enough || !self.charge(64) {
                break;
            }
            group_children.push(self.exception_at(child, levels - EXCEPTION_LEVELS));
        }
        // Below eight levels the arguments, too, would nest past the receiver's bound.
        let (args, attributes) =
            if deep_enough { (exception.args, exception.attributes) } else { (Vec::new(), Vec::new()) };
        v1::PyException {
            r#type: Some(encode_type(exception.type_ref, exception.mro)),
            message,
            args: self.items(args, levels - 1),
            notes,
            frames,
            cause,
            context,
            suppress_context: exception.suppress_context,
            group_children,
            attributes: self.attributes(attributes, levels - 1),
            hint: self.text(exception.hint),
            traceback_text,
        }
    }

    fn frame(&mut self, frame: Frame) -> Option<v1::Frame> {
        let position = |position: Position| v1::SourcePosition { line: position.line, column: position.column };
        self.charge(32).then(|| v1::Frame {
            file: self.text(frame.file),
            function: self.text(frame.function),
            start: Some(position(frame.start)),
            end: Some(position(frame.end)),
            source_line: self.text(frame.source_line.unwrap_or_default()),
        })
    }
}

fn capped(cap: Cap) -> v1::Value {
    let cap = match cap {
        Cap::Depth => v1::capped::Cap::Depth,
        Cap::Size => v1::capped::Cap::Size,
        Cap::Unsupported => v1::capped::Cap::Unsupported,
    };
    v1::Value { kind: Some(Kind::CappedValue(v1::Capped { cap: cap.into() })) }
}

fn encode_date(date: &Date) -> v1::Date {
    let small = |number: u32| i32::try_from(number).unwrap_or(0);
    v1::Date { year: date.year, month: small(date.month), day: small(date.day) }
}

fn encode_time(time: Time) -> v1::Time {
    let small = |number: u32| i32::try_from(number).unwrap_or(0);
    v1::Time {
        hour: small(time.hour),
        minute: small(time.minute),
        second: small(time.second),
        microsecond: small(time.microsecond),
        fold: time.fold,
        utc_offset_microseconds: time.utc_offset_microseconds,
        zone: time.zone.unwrap_or_default(),
    }
}

fn encode_type(type_ref: TypeRef, mro: Vec<String>) -> v1::TypeRef {
    v1::TypeRef { module: type_ref.module, qualname: type_ref.qualname, mro }
}

#[cfg(test)]
mod tests;
