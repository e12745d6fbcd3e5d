//! Items of a buffer: one struct-module character each, in native size and order, or in a standard one.

use crate::convert;
use crate::error::{self, Exc, Res};
use crate::ops;
use crate::thread::Thread;
use crate::types::bytes::{self, Bytes};
use crate::types::exceptions::TYPE_ERROR;
use crate::types::{float, int};
use crate::value::Value;

/// A native format: its character and item size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Native(pub(crate) u8, pub(crate) usize);

/// The native format that a text means, if it is a single character with an optional `@`.
pub(crate) fn native(format: &str) -> Option<Native> {
    let [c] = *format.strip_prefix('@').unwrap_or(format).as_bytes() else { return None };
    Some(Native(c, size_of_char(c)?))
}

fn size_of_char(c: u8) -> Option<usize> {
    Some(match c {
        b'c' | b'b' | b'B' | b'?' => 1,
        b'h' | b'H' | b'e' => 2,
        b'i' | b'I' | b'f' => 4,
        b'l' | b'L' | b'q' | b'Q' | b'n' | b'N' | b'd' | b'P' => 8,
        _ => return None,
    })
}

impl Native {
    /// Whether items are single bytes.
    pub(crate) fn is_byte(self) -> bool {
        matches!(self.0, b'c' | b'b' | b'B')
    }

    /// The value of an item.
    pub(crate) fn unpack(self, t: &Thread, item: &[u8]) -> Res {
        let mut word = [0u8; 8];
        word[..item.len().min(8)].copy_from_slice(&item[..item.len().min(8)]);
        let unsigned = u64::from_le_bytes(word);
        let unused = 64 - 8 * self.1 as u32;
        let signed = (unsigned << unused) as i64 >> unused;
        match self.0 {
            b'c' => bytes::new(t, item),
            b'?' => Ok(Value::bool(unsigned != 0)),
            b'b' | b'h' | b'i' | b'l' | b'q' | b'n' => convert::from_i64(t, signed),
            b'f' => convert::from_f64(t, f64::from(f32::from_bits(unsigned as u32))),
            b'd' => convert::from_f64(t, f64::from_bits(unsigned)),
            b'e' => convert::from_f64(t, from_half(unsigned as u16)),
            _ => convert::from_u64(t, unsigned),
        }
    }

    /// An item of a value.
    pub(crate) fn pack(self, t: &Thread, v: &Value) -> Res<Vec<u8>> {
        let c = char::from(self.0);
        let bad_type = || error::type_error(t, format_args!("memoryview: invalid type for format '{c}'"));
        let bad_value = || error::value_error(t, format_args!("memoryview: invalid value for format '{c}'"));
        let word = match self.0 {
            b'c' => {
                let Some(b) = v.downcast::<Bytes>() else { return Err(bad_type()) };
                return if b.len() == 1 { Ok(b.as_slice().to_vec()) } else { Err(bad_value()) };
            }
            b'?' => u64::from(ops::truth(t, v)?),
            b'f' | b'd' | b'e' => {
                let x = float::to_f64(t, v).map_err(|e| if e.is(&TYPE_ERROR) { bad_type() } else { e })?;
                match self.0 {
                    b'd' => x.to_bits(),
                    b'f' => {
                        let narrow = x as f32;
                        if narrow.is_infinite() && x.is_finite() {
                            return Err(error::overflow_error(t, "float too large to pack with f format"));
                        }
                        u64::from(narrow.to_bits())
                    }
                    _ => match to_half(x) {
                        Some(h) => u64::from(h),
                        None => return Err(error::overflow_error(t, "float too large to pack with e format")),
                    },
                }
            }
            _ => self.int_word(t, v, bad_type, bad_value)?,
        };
        Ok(word.to_le_bytes()[..self.1].to_vec())
    }

    fn int_word(self, t: &Thread, v: &Value, bad_type: impl Fn() -> Exc, bad_value: impl Fn() -> Exc) -> Res<u64> {
        let i = convert::to_index(t, v).map_err(|e| if e.is(&TYPE_ERROR) { bad_type() } else { e })?;
        let bits = 8 * self.1 as u32;
        let signed = matches!(self.0, b'b' | b'h' | b'i' | b'l' | b'q' | b'n');
        if let (Some(i), true) = (int::to_i64(&i), signed) {
            let unused = 64 - bits;
            return if (i << unused) >> unused == i { Ok(i as u64) } else { Err(bad_value()) };
        }
        match int::to_u64(&i) {
            Some(u) if !signed && (bits == 64 || u >> bits == 0) => Ok(u),
            _ => Err(bad_value()),
        }
    }
}

fn from_half(h: u16) -> f64 {
    let (sign, exponent, fraction) = (h >> 15, i32::from(h >> 10 & 31), f64::from(h & 0x3ff));
    let x = match exponent {
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        0 => fraction * 2f64.powi(-24),
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    };
    if sign == 1 { -x } else { x }
}

/// The nearest half-precision float, ties to even; `None` if it is too large.
fn to_half(x: f64) -> Option<u16> {
    let sign = u16::from(x.is_sign_negative()) << 15;
    let a = x.abs();
    if a.is_nan() {
        return Some(sign | 0x7e00);
    }
    if a.is_infinite() {
        return Some(sign | 0x7c00);
    }
    // The unit of the last place at this magnitude; subnormals share the smallest.
    let exponent = if a < 2f64.powi(-14) { -14 } else { a.log2().floor() as i32 };
    let unit = 2f64.powi(exponent - 10);
    let steps = (a / unit).round_ties_even();
    // `steps` runs from 0 to 2048; 2048 carries into the next exponent by itself.
    let bits =
        if exponent == -14 && steps < 1024.0 { steps as u32 } else { (((exponent + 14) as u32) << 10) + steps as u32 };
    if bits >= 0x7c00 { None } else { Some(sign | bits as u16) }
}

/// An item of any format of one character, with a byte order or without: for comparing unlike buffers. `None` if the
/// format is more complicated.
pub(crate) fn unpack_any(t: &Thread, format: &str, item: &[u8]) -> Res<Option<Value>> {
    if let Some(n) = native(format) {
        return n.unpack(t, item).map(Some);
    }
    let &[order, c] = format.as_bytes() else { return Ok(None) };
    let big = matches!(order, b'>' | b'!');
    if !big && !matches!(order, b'<' | b'=') || matches!(c, b'n' | b'N' | b'P') {
        return Ok(None);
    }
    let Some(size) = size_of_char(c) else { return Ok(None) };
    let size = if matches!(c, b'l' | b'L') { 4 } else { size };
    let mut own = item.get(..size).unwrap_or(item).to_vec();
    if big {
        own.reverse();
    }
    Native(c, size).unpack(t, &own).map(Some)
}
