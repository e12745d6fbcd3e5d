//! Quick: the format specs that most programs write (`04x`, `.2f`, `>10`), without the general machinery.

use crate::error::Res;
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::value::Value;
use std::io::Write;

/// Wider texts go the general way.
const WIDTH_MAX: usize = 64;
const PRECISION_MAX: usize = 20;
/// Floats below this have few enough digits before the point.
const FLOAT_MAX: f64 = 1e16;
/// Room for the digits, and for the padded text.
const ROOM: usize = 2 * WIDTH_MAX;

/// `[align][0][width][.precision][kind]`.
struct Plain {
    /// 0 if none is given.
    align: u8,
    zero: bool,
    width: usize,
    precision: Option<usize>,
    /// 0 if none is given.
    kind: u8,
}

/// `format(v, spec)` if `v` is an int in the word, a float or an ASCII str, and the spec one of the usual kind.
pub(super) fn format(t: &Thread, v: &Value, spec: &Value) -> Option<Res> {
    let spec = read(spec.exact::<Str>()?.as_ascii()?.as_bytes())?;
    let mut room = [0u8; ROOM];
    if let Some(i) = v.as_small() {
        let radix = match (spec.kind, spec.precision) {
            (0 | b'd', None) => 10,
            (b'x' | b'X', None) => 16,
            (b'b', None) => 2,
            (b'o', None) => 8,
            _ => return None,
        };
        let from = digits(i.unsigned_abs(), radix, spec.kind == b'X', &mut room);
        return Some(pad(t, &spec, i < 0, &room[from..], b'>'));
    }
    if let Some(x) = v.as_immediate_float() {
        let precision = spec.precision.filter(|_| spec.kind == b'f' && x.abs() < FLOAT_MAX)?;
        let mut rest = &mut room[..];
        write!(rest, "{:.precision$}", x.abs()).ok()?;
        let len = ROOM - rest.len();
        return Some(pad(t, &spec, x < 0.0, &room[..len], b'>'));
    }
    let text = v.exact::<Str>()?.as_ascii()?;
    if spec.zero || spec.precision.is_some() || !matches!(spec.kind, 0 | b's') || text.len() > WIDTH_MAX {
        return None;
    }
    if text.len() >= spec.width {
        return Some(Ok(v.clone()));
    }
    Some(pad(t, &spec, false, text.as_bytes(), b'<'))
}

fn read(spec: &[u8]) -> Option<Plain> {
    let (align, rest) = match spec {
        [align @ (b'<' | b'>' | b'^'), rest @ ..] => (*align, rest),
        _ => (0, spec),
    };
    let (zero, rest) = match rest {
        [b'0', rest @ ..] if align == 0 => (true, rest),
        [b'0', ..] => return None,
        _ => (false, rest),
    };
    let (width, rest) = number(rest);
    let (precision, rest) = match rest {
        [b'.', digit, ..] if digit.is_ascii_digit() => {
            let (precision, rest) = number(&rest[1..]);
            (Some(precision?), rest)
        }
        _ => (None, rest),
    };
    let kind = match rest {
        [] => 0,
        [kind] if kind.is_ascii_alphabetic() => *kind,
        _ => return None,
    };
    let width = width?;
    (width <= WIDTH_MAX && precision.unwrap_or(0) <= PRECISION_MAX).then_some(Plain {
        align,
        zero,
        width,
        precision,
        kind,
    })
}

/// A number of at most three digits, 0 if there is none, and what follows it.
fn number(text: &[u8]) -> (Option<usize>, &[u8]) {
    let len = text.iter().take_while(|c| c.is_ascii_digit()).count();
    let value = (len <= 3).then(|| text[..len].iter().fold(0, |n, c| n * 10 + usize::from(c - b'0')));
    (value, &text[len..])
}

/// Writes digits to the end of the room; returns where they begin.
fn digits(mut rest: u64, radix: u64, upper: bool, room: &mut [u8; ROOM]) -> usize {
    let letters = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let mut at = ROOM;
    loop {
        at -= 1;
        room[at] = letters[(rest % radix) as usize];
        rest /= radix;
        if rest == 0 {
            return at;
        }
    }
}

fn pad(t: &Thread, spec: &Plain, negative: bool, body: &[u8], align: u8) -> Res {
    let sign: &[u8] = if negative { b"-" } else { b"" };
    let fill = spec.width.saturating_sub(sign.len() + body.len());
    let (left, inner) = match if spec.align == 0 { align } else { spec.align } {
        _ if spec.zero => (0, fill),
        b'<' => (0, 0),
        b'^' => (fill / 2, 0),
        _ => (fill, 0),
    };
    let mut out = [b' '; 2 * ROOM];
    let mut end = left;
    for part in [sign, &[b'0'; WIDTH_MAX][..inner], body] {
        out[end..end + part.len()].copy_from_slice(part);
        end += part.len();
    }
    strs::from_latin1(t, &out[..end + fill - left - inner])
}
