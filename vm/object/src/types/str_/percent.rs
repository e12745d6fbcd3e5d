//! `%` formatting of str, bytes and bytearray.

use super::ascii_of;
use super::format::num_error;
use crate::call;
use crate::convert;
use crate::error::{self, Exc, Res};
use crate::names::n;
use crate::ops;
use crate::strs::{self, Str, StrBuilder, Units};
use crate::thread::Thread;
use crate::tuple::Tuple;
use crate::ty::{type_name, type_of};
use crate::types::bytes;
use crate::types::exceptions::TYPE_ERROR;
use crate::types::int;
use crate::value::Value;
use smallvec::SmallVec;
use std::borrow::Cow;
use typhon_num::format_spec::TextLayout;
use typhon_num::percent::{self as pct, Conversion, Count, Layout, Piece, Pieces};
use typhon_num::{IBig, NumError, Stop};

/// The code points of a format, most of which are short.
type Wide = SmallVec<[u32; 64]>;

/// `fmt % args` for a str.
pub(super) fn format(t: &Thread, fmt: &Value, args: &Value) -> Res {
    if let Some(text) = fmt.expect::<Str>().as_ascii()
        && is_plain(t, text.as_bytes())?
    {
        return plain(t, text.as_bytes(), args);
    }
    let text: Wide = fmt.expect::<Str>().units().iter().collect();
    let dict = is_mapping(args) && args.downcast::<Str>().is_none();
    run(t, &text, args, dict, false)?.finish(t)
}

/// A bare conversion: the key in parentheses, if there is one, the letter, and how many bytes it takes behind the `%`.
fn bare(after: &[u8]) -> Option<(Option<&[u8]>, u8, usize)> {
    match after {
        [c @ (b's' | b'r' | b'd'), ..] => Some((None, *c, 1)),
        [b'(', key @ ..] => {
            let end = key.iter().position(|c| matches!(c, b'(' | b')')).filter(|&end| key[end] == b')')?;
            let c = *key.get(end + 1).filter(|c| matches!(c, b's' | b'r' | b'd'))?;
            Some((Some(&key[..end]), c, end + 3))
        }
        _ => None,
    }
}

/// Where the next conversion begins. In few bytes looking at each is quicker than setting out to look at many at once.
#[inline]
fn conversion_in(text: &[u8]) -> Option<usize> {
    if text.len() < 32 { text.iter().position(|&b| b == b'%') } else { memchr::memchr(b'%', text) }
}

/// Whether a format has no conversions but bare `%s`, `%r`, `%d`, and those with keys.
fn is_plain(t: &Thread, text: &[u8]) -> Res<bool> {
    let (mut rest, mut conversions) = (text, 0usize);
    while let Some(at) = conversion_in(rest) {
        let Some((_, _, n)) = bare(&rest[at + 1..]) else { return Ok(false) };
        rest = &rest[at + 1 + n..];
        conversions += 1;
        if conversions.is_multiple_of(4096) {
            t.check_stop()?;
        }
    }
    Ok(conversions > 0)
}

/// A plain format, without the general reader.
fn plain(t: &Thread, text: &[u8], args: &Value) -> Res {
    let mut arguments = Arguments { args, next: 0, single: false };
    if let b"%s" = text
        && args.exact::<Str>().is_some()
    {
        return Ok(args.clone());
    }
    let (mut out, mut rest) = (StrBuilder::with_capacity(text.len() + 16), text);
    let whole = Layout { flags: pct::Flags::default(), width: 0, precision: None };
    while let Some(at) = conversion_in(rest) {
        out.push_units(Units::Latin1(&rest[..at]));
        t.poll()?;
        let Some((key, letter, n)) = bare(&rest[at + 1..]) else { break };
        let v = match key {
            None => arguments.next(t)?,
            Some(_) if !is_mapping(args) || args.downcast::<Str>().is_some() => {
                return Err(error::type_error(t, "format requires a mapping"));
            }
            Some(key) => {
                // What follows without a key finds no arguments.
                arguments.next = 1;
                ops::getitem(t, args, &strs::from_latin1(t, key)?)?
            }
        };
        match letter {
            b'd' => push_int(t, &v, b'd', &whole, &mut out)?,
            b's' if v.exact::<Str>().is_some() => push_whole(t, &v, &mut out)?,
            b's' => push_whole(t, &ops::str(t, &v)?, &mut out)?,
            _ => push_whole(t, &ops::repr(t, &v)?, &mut out)?,
        }
        rest = &rest[at + 1 + n..];
    }
    out.push_units(Units::Latin1(rest));
    if arguments.left_over() && !is_mapping(args) {
        return Err(error::type_error(t, "not all arguments converted during string formatting"));
    }
    out.finish(t)
}

fn push_whole(t: &Thread, v: &Value, out: &mut StrBuilder) -> Res<()> {
    let s = v.expect::<Str>();
    if s.len() > 1024 {
        t.check_alloc(out.len().saturating_add(s.len()).saturating_mul(4))?;
    }
    out.push_value(s);
    Ok(())
}

/// `fmt % args` for bytes.
pub(crate) fn format_bytes(t: &Thread, fmt: &[u8], args: &Value) -> Res<Vec<u8>> {
    let text: Wide = fmt.iter().map(|&b| u32::from(b)).collect();
    let textual = args.downcast::<Str>().is_some() || bytes::peek(args).is_some();
    run(t, &text, args, is_mapping(args) && !textual, true).map(StrBuilder::into_latin1)
}

/// CPython's `PyMapping_Check`, tuples apart.
fn is_mapping(v: &Value) -> bool {
    type_of(v).slots().getitem.is_some() && v.downcast::<Tuple>().is_none()
}

/// The arguments that are left.
struct Arguments<'a> {
    args: &'a Value,
    next: usize,
    single: bool,
}

impl Arguments<'_> {
    fn next(&mut self, t: &Thread) -> Res {
        let found = match self.args.downcast::<Tuple>() {
            Some(tuple) if !self.single => tuple.items().get(self.next).cloned(),
            _ if self.next == 0 => Some(self.args.clone()),
            _ => None,
        };
        self.next += 1;
        found.ok_or_else(|| error::type_error(t, "not enough arguments for format string"))
    }

    fn left_over(&self) -> bool {
        let n = match self.args.downcast::<Tuple>() {
            Some(tuple) if !self.single => tuple.len(),
            _ => 1,
        };
        self.next < n
    }
}

fn run(t: &Thread, text: &[u32], args: &Value, dict: bool, binary: bool) -> Res<StrBuilder> {
    let mut out = StrBuilder::with_capacity(text.len() + 16);
    let mut arguments = Arguments { args, next: 0, single: false };
    let mut looked_up;
    for piece in Pieces::new(text) {
        let conversion = match piece.map_err(|e| refused(t, e, dict, binary))? {
            Piece::Literal(range) => {
                text[range].iter().for_each(|&c| out.push(c));
                continue;
            }
            Piece::Convert(conversion) => conversion,
        };
        t.poll()?;
        if let Some(key) = conversion.key.clone() {
            if !dict {
                return Err(error::type_error(t, "format requires a mapping"));
            }
            let key = if binary {
                let key: Vec<u8> = text[key].iter().map(|&c| c as u8).collect();
                bytes::new(t, &key)?
            } else {
                strs::from_ucs4(t, &text[key])?
            };
            looked_up = ops::getitem(t, args, &key)?;
            convert_one(t, &conversion, &mut Arguments { args: &looked_up, next: 0, single: true }, binary, &mut out)?;
            // What follows without a key finds no arguments.
            arguments.next = 1;
            continue;
        }
        convert_one(t, &conversion, &mut arguments, binary, &mut out)?;
    }
    if !dict && arguments.left_over() {
        let what = if binary { "bytes" } else { "string" };
        return Err(error::type_error(t, format_args!("not all arguments converted during {what} formatting")));
    }
    Ok(out)
}

/// What a malformed format raises; without a mapping a key is refused before it is read.
fn refused(t: &Thread, e: NumError, dict: bool, binary: bool) -> Exc {
    match e {
        NumError::Value(text) if text == "incomplete format key" && !dict => {
            error::type_error(t, "format requires a mapping")
        }
        NumError::Value(text) if text == "precision too big" && binary => error::value_error(t, "prec too big"),
        e => num_error(t, e),
    }
}

fn layout(t: &Thread, c: &Conversion, arguments: &mut Arguments<'_>) -> Res<Layout> {
    let mut flags = c.flags;
    let width = match c.width {
        Count::Absent => 0,
        Count::Given(n) => n,
        Count::Argument => {
            let v = star(t, arguments)?;
            let n = convert::to_isize(t, &v)?;
            if n == isize::MIN {
                return Err(error::overflow_error(t, "width too big"));
            }
            flags.left |= n < 0;
            n.unsigned_abs()
        }
    };
    let precision = match c.precision {
        Count::Absent => None,
        Count::Given(n) => Some(n),
        Count::Argument => {
            let v = star(t, arguments)?;
            match int::to_i64(&v).and_then(|n| i32::try_from(n).ok()) {
                Some(n) => Some(usize::try_from(n).unwrap_or(0)),
                None => return Err(error::overflow_error(t, "Python int too large to convert to C int")),
            }
        }
    };
    Ok(Layout { flags, width, precision })
}

fn star(t: &Thread, arguments: &mut Arguments<'_>) -> Res {
    let v = arguments.next(t)?;
    if int::is_int(&v) { Ok(v) } else { Err(error::type_error(t, "* wants int")) }
}

fn convert_one(
    t: &Thread,
    c: &Conversion,
    arguments: &mut Arguments<'_>,
    binary: bool,
    out: &mut StrBuilder,
) -> Res<()> {
    let layout = layout(t, c, arguments)?;
    let v = arguments.next(t)?;
    let bound = usize::try_from(layout.size_bound()).unwrap_or(usize::MAX);
    t.check_alloc(bound.saturating_mul(4))?;
    let code = u8::try_from(c.code).unwrap_or(0);
    match code {
        b'b' if binary => push_bytes(t, &v, &layout, out),
        b's' if binary => push_bytes(t, &v, &layout, out),
        b's' => push_text(t, &ops::str(t, &v)?, &layout, out),
        b'r' if !binary => push_text(t, &ops::repr(t, &v)?, &layout, out),
        b'a' | b'r' => push_text(t, &ascii_of(t, &v)?, &layout, out),
        b'c' => {
            let c = if binary { byte_arg(t, &v)? } else { char_arg(t, &v)? };
            push_units(&[c], layout.character(), out);
            Ok(())
        }
        b'i' | b'd' | b'u' | b'o' | b'x' | b'X' => push_int(t, &v, code, &layout, out),
        b'e' | b'E' | b'f' | b'F' | b'g' | b'G' => {
            let x = match convert::to_f64(t, &v) {
                Err(e) if binary && e.is(&TYPE_ERROR) => {
                    let name = type_name(&v);
                    return Err(error::type_error(t, format_args!("float argument required, not {name}")));
                }
                x => x?,
            };
            out.push_str(&layout.float(x, code));
            Ok(())
        }
        _ if binary && c.code > 127 => Err(error::overflow_error(t, "character argument not in range(0x110000)")),
        _ => Err(num_error(t, pct::unsupported(c.code, c.at))),
    }
}

fn push_units(text: &[u32], layout: TextLayout, out: &mut StrBuilder) {
    out.push_n(layout.fill, layout.left);
    text.iter().take(layout.keep).for_each(|&c| out.push(c));
    out.push_n(layout.fill, layout.right);
}

fn push_text(t: &Thread, v: &Value, layout: &Layout, out: &mut StrBuilder) -> Res<()> {
    let s = v.expect::<Str>();
    let layout = layout.text(s.len());
    push_slice(t, s.units(), layout, out)
}

fn push_slice(t: &Thread, units: Units<'_>, layout: TextLayout, out: &mut StrBuilder) -> Res<()> {
    if layout.keep > 1024 {
        t.check_alloc(out.len().saturating_add(layout.keep).saturating_mul(4))?;
    }
    out.push_n(layout.fill, layout.left);
    out.push_units(units.slice(0, layout.keep));
    out.push_n(layout.fill, layout.right);
    Ok(())
}

/// `%s` of bytes: a bytes-like object or what `__bytes__` gives.
fn push_bytes(t: &Thread, v: &Value, layout: &Layout, out: &mut StrBuilder) -> Res<()> {
    let mut push = |data: &[u8]| push_slice(t, Units::Latin1(data), layout.text(data.len()), out);
    if let Some(data) = bytes::peek(v) {
        return push(data);
    }
    if let Some(made) = call::special(t, v, n::__bytes__(), &[]) {
        let made = made?;
        let Some(b) = made.downcast::<bytes::Bytes>() else {
            let name = type_name(&made);
            return Err(error::type_error(t, format_args!("__bytes__ returned non-bytes (type {name})")));
        };
        return push(b.as_slice());
    }
    if crate::buffer::supported(v) {
        let buffer = crate::buffer::get(t, v, crate::buffer::FULL_RO)?;
        return push(&buffer.to_contiguous(t)?);
    }
    let name = type_name(v);
    Err(error::type_error(
        t,
        format_args!("%b requires a bytes-like object, or an object that implements __bytes__, not '{name}'"),
    ))
}

fn char_arg(t: &Thread, v: &Value) -> Res<u32> {
    const WHAT: &str = "%c requires an int or a unicode character, not";
    if let Some(s) = v.downcast::<Str>() {
        return match s.len() {
            1 => Ok(s.at(0)),
            n => Err(error::type_error(t, format_args!("{WHAT} a string of length {n}"))),
        };
    }
    let i = index_or(t, v, || format!("{WHAT} {}", type_of(v).full_name()))?;
    match int::to_i64(&i).and_then(|i| u32::try_from(i).ok()).filter(|&i| i < 0x11_0000) {
        Some(c) => Ok(c),
        None => Err(error::overflow_error(t, "%c arg not in range(0x110000)")),
    }
}

fn byte_arg(t: &Thread, v: &Value) -> Res<u32> {
    const WHAT: &str = "%c requires an integer in range(256) or a single byte, not";
    if let Some(data) = bytes::peek(v) {
        return match data {
            [b] => Ok(u32::from(*b)),
            _ => {
                let kind = if v.downcast::<bytes::Bytes>().is_some() { "bytes" } else { "bytearray" };
                Err(error::type_error(t, format_args!("{WHAT} a {kind} object of length {}", data.len())))
            }
        };
    }
    let i = index_or(t, v, || format!("{WHAT} {}", type_of(v).full_name()))?;
    match int::to_i64(&i).and_then(|i| u8::try_from(i).ok()) {
        Some(b) => Ok(u32::from(b)),
        None => Err(error::overflow_error(t, "%c arg not in range(256)")),
    }
}

/// `__index__`, with a text of its own for what has none.
fn index_or(t: &Thread, v: &Value, refuse: impl FnOnce() -> String) -> Res {
    match convert::to_index(t, v) {
        Err(e) if e.is(&TYPE_ERROR) => Err(error::type_error(t, refuse())),
        r => r,
    }
}

fn push_int(t: &Thread, v: &Value, code: u8, layout: &Layout, out: &mut StrBuilder) -> Res<()> {
    let plain = layout.width == 0 && layout.precision.is_none() && !layout.flags.sign && !layout.flags.blank;
    if let Some(i) = v.as_small()
        && plain
        && matches!(code, b'd' | b'i' | b'u')
    {
        let mut buffer = [0; 20];
        out.push_units(Units::Latin1(int::digits(i, &mut buffer)));
        return Ok(());
    }
    let i = whole(t, v, code)?;
    let big: Cow<'_, IBig> = match int::as_big(&i) {
        Some(big) => Cow::Borrowed(big),
        None => Cow::Owned(int::to_big(&i).unwrap_or_default()),
    };
    let mut stopped = None;
    let mut poll = || {
        t.poll().map_err(|e| {
            stopped = Some(e);
            Stop
        })
    };
    let made = layout.int(&big, code, int::digits_max(t), &mut poll);
    match (made, stopped) {
        (Ok(text), _) => {
            out.push_str(&text);
            Ok(())
        }
        (Err(_), Some(e)) => Err(e),
        (Err(e), None) => Err(num_error(t, e)),
    }
}

/// The integer that an int conversion formats.
fn whole(t: &Thread, v: &Value, code: u8) -> Res {
    if int::is_int(v) {
        return Ok(v.clone());
    }
    let strict = matches!(code, b'o' | b'x' | b'X');
    let refuse = || -> Exc {
        let what = if strict { "an integer" } else { "a real number" };
        let (code, name) = (char::from(code), type_name(v));
        error::type_error(t, format_args!("%{code} format: {what} is required, not {name}"))
    };
    let slots = type_of(v).slots();
    let number = slots.int.or(slots.index).or(slots.float).is_some();
    if !number || strict && slots.index.is_none() {
        return Err(refuse());
    }
    let made = match (strict, slots.int) {
        (false, Some(f)) => f(t, v),
        _ => convert::to_index(t, v),
    };
    match made {
        Ok(i) if int::is_int(&i) => Ok(i),
        Ok(i) => {
            let name = type_name(&i);
            Err(error::type_error(t, format_args!("__int__ returned non-int (type {name})")))
        }
        Err(e) if e.is(&TYPE_ERROR) => Err(refuse()),
        Err(e) => Err(e),
    }
}
