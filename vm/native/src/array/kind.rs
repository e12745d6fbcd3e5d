//! Kind: what an array's type code means.

use typhon_object::error::{self, Exc, Res};
use typhon_object::strs::{self, Str};
use typhon_object::types::int;
use typhon_object::{Thread, Value, convert, type_of};

/// How items are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// Signed integer.
    Signed,
    /// Unsigned integer.
    Unsigned,
    /// IEEE 754.
    Float,
    /// A code point.
    Text,
}

/// A type code.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Kind {
    pub(super) code: u8,
    /// Bytes an item.
    pub(super) size: usize,
    pub(super) class: Class,
    /// The item's format in a buffer.
    pub(super) format: &'static str,
    /// The little-endian machine format of pickles (see [`super::pickle`]).
    pub(super) machine: i64,
}

const fn kind(code: u8, size: usize, class: Class, format: &'static str, machine: i64) -> Kind {
    Kind { code, size, class, format, machine }
}

/// Every type code, in CPython's order.
pub(super) static KINDS: [Kind; 14] = [
    kind(b'b', 1, Class::Signed, "b", 1),
    kind(b'B', 1, Class::Unsigned, "B", 0),
    kind(b'u', 4, Class::Text, "w", 20),
    kind(b'w', 4, Class::Text, "w", 20),
    kind(b'h', 2, Class::Signed, "h", 4),
    kind(b'H', 2, Class::Unsigned, "H", 2),
    kind(b'i', 4, Class::Signed, "i", 8),
    kind(b'I', 4, Class::Unsigned, "I", 6),
    kind(b'l', 8, Class::Signed, "l", 12),
    kind(b'L', 8, Class::Unsigned, "L", 10),
    kind(b'q', 8, Class::Signed, "q", 12),
    kind(b'Q', 8, Class::Unsigned, "Q", 10),
    kind(b'f', 4, Class::Float, "f", 14),
    kind(b'd', 8, Class::Float, "d", 16),
];

/// The kind of a type code.
pub(super) fn of_code(code: u32) -> Option<&'static Kind> {
    KINDS.iter().find(|k| u32::from(k.code) == code)
}

/// Reads an item's word.
#[inline]
pub(super) fn load(item: &[u8]) -> u64 {
    match *item {
        [a] => u64::from(a),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a, b, c, d] => u64::from(u32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => 0,
    }
}

impl Kind {
    /// Type code `u` or `w`.
    pub(super) fn is_text(&self) -> bool {
        self.class == Class::Text
    }

    /// The code as text.
    pub(super) fn letter(&self) -> char {
        char::from(self.code)
    }

    /// The value of an item.
    #[inline]
    pub(super) fn unpack(&self, t: &Thread, word: u64) -> Res {
        match self.class {
            Class::Signed => {
                let unused = 64 - 8 * self.size as u32;
                convert::from_i64(t, (word << unused) as i64 >> unused)
            }
            Class::Unsigned => convert::from_u64(t, word),
            Class::Float => convert::from_f64(t, self.float(word)),
            Class::Text if word > 0x10_ffff => Err(error::value_error(t, "chr() arg not in range(0x110000)")),
            Class::Text => strs::from_char(t, word as u32),
        }
    }

    fn float(&self, word: u64) -> f64 {
        if self.size == 4 { f64::from(f32::from_bits(word as u32)) } else { f64::from_bits(word) }
    }

    /// The item of a value.
    #[inline]
    pub(super) fn pack(&self, t: &Thread, v: &Value) -> Res<u64> {
        match self.class {
            Class::Signed => self.signed(t, v).map(|i| i as u64),
            Class::Unsigned if self.size < 4 => self.narrow_unsigned(t, v),
            Class::Unsigned => self.unsigned(t, v),
            Class::Float => {
                let x = convert::to_f64(t, v)?;
                Ok(if self.size == 4 { u64::from((x as f32).to_bits()) } else { x.to_bits() })
            }
            Class::Text => match v.downcast::<Str>() {
                Some(s) if s.len() == 1 => Ok(u64::from(s.at(0))),
                Some(s) => Err(error::type_error(
                    t,
                    format_args!("array item must be a unicode character, not a string of length {}", s.len()),
                )),
                None => {
                    let name = type_of(v).name();
                    Err(error::type_error(t, format_args!("array item must be a unicode character, not {name}")))
                }
            },
        }
    }

    fn signed(&self, t: &Thread, v: &Value) -> Res<i64> {
        let i = convert::to_index(t, v)?;
        let Some(i) = int::to_i64(&i) else {
            let text =
                if self.code == b'q' { "int too big to convert" } else { "Python int too large to convert to C long" };
            return Err(error::overflow_error(t, text));
        };
        match self.code {
            b'b' => {
                ranged(t, i, i64::from(i16::MIN), i64::from(i16::MAX), "signed short integer")?;
                ranged(t, i, i64::from(i8::MIN), i64::from(i8::MAX), "signed char")
            }
            b'h' => ranged(t, i, i64::from(i16::MIN), i64::from(i16::MAX), "signed short integer"),
            b'i' => ranged(t, i, i64::from(i32::MIN), i64::from(i32::MAX), "signed integer"),
            _ => Ok(i),
        }
    }

    fn narrow_unsigned(&self, t: &Thread, v: &Value) -> Res<u64> {
        let i = convert::to_i64(t, v)?;
        let i = if self.code == b'B' {
            ranged(t, i, 0, 255, "unsigned byte integer")?
        } else {
            ranged(t, i, i64::from(i32::MIN), i64::from(i32::MAX), "signed integer")?;
            ranged(t, i, 0, 65535, "unsigned short")?
        };
        Ok(i as u64)
    }

    fn unsigned(&self, t: &Thread, v: &Value) -> Res<u64> {
        let i = convert::to_index(t, v)?;
        let overflow = |text: &str| -> Exc { error::overflow_error(t, text) };
        if int::is_negative(&i) {
            let what = if self.code == b'Q' { "int to unsigned" } else { "value to unsigned int" };
            return Err(overflow(&format!("can't convert negative {what}")));
        }
        match int::to_u64(&i) {
            None if self.code == b'Q' => Err(overflow("int too big to convert")),
            None => Err(overflow("Python int too large to convert to C unsigned long")),
            Some(i) if self.size == 4 && i > u64::from(u32::MAX) => {
                Err(overflow("unsigned int is greater than maximum"))
            }
            Some(i) => Ok(i),
        }
    }
}

fn ranged(t: &Thread, i: i64, low: i64, high: i64, what: &str) -> Res<i64> {
    if i < low {
        return Err(error::overflow_error(t, format_args!("{what} is less than minimum")));
    }
    if i > high {
        return Err(error::overflow_error(t, format_args!("{what} is greater than maximum")));
    }
    Ok(i)
}
