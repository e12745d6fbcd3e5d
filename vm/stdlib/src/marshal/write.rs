//! Writing values.

use super::{MAX_DEPTH, code, tag};
use std::sync::Arc;
use typhon_interp::code::CodeObject;
use typhon_object::dict::Dict;
use typhon_object::list::List;
use typhon_object::strs::{self, Str};
use typhon_object::tuple::Tuple;
use typhon_object::types::complex::Complex;
use typhon_object::types::exceptions::STOP_ITERATION;
use typhon_object::types::set_::{FrozenSet, Set};
use typhon_object::types::slice::Slice;
use typhon_object::types::{bytes, float, int};
use typhon_object::{Res, Thread, Value, buffer, convert, error, ops};

/// What has been written, and which values can be referred to.
pub struct Writer {
    out: Vec<u8>,
    version: i32,
    allow_code: bool,
    depth: usize,
    /// Numbers of the values written so far, by identity; negative while the parts of an immutable value are being
    /// written, for nothing can refer to it yet. Both are the isolate's, which gives back much memory as it can.
    seen: Value,
    /// Those values, so that no identity is used again.
    kept: Value,
}

impl Writer {
    /// A writer of nothing yet.
    pub fn new(t: &Thread, version: i32, allow_code: bool) -> Res<Self> {
        let (seen, kept) = (Dict::create(t), List::create(t)?);
        Ok(Self { out: Vec::new(), version, allow_code, depth: 0, seen, kept })
    }

    /// What has been written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    fn put(&mut self, t: &Thread, data: &[u8]) -> Res<()> {
        if self.out.capacity() - self.out.len() < data.len() {
            t.check_alloc(self.out.len() + 2 * data.len())?;
            t.poll()?;
        }
        self.out.extend_from_slice(data);
        Ok(())
    }

    fn tagged(&mut self, t: &Thread, tag: u8, data: &[u8]) -> Res<()> {
        self.put(t, &[tag])?;
        self.put(t, data)
    }

    /// A tag, a length of four bytes, and the data.
    fn sized(&mut self, t: &Thread, tag: u8, data: &[u8]) -> Res<()> {
        self.count(t, tag, data.len())?;
        self.put(t, data)
    }

    fn count(&mut self, t: &Thread, tag: u8, n: usize) -> Res<()> {
        match i32::try_from(n) {
            Ok(n) => self.tagged(t, tag, &n.to_le_bytes()),
            Err(_) => Err(unmarshallable(t)),
        }
    }

    /// Writes a value.
    pub fn value(&mut self, t: &Thread, v: &Value) -> Res<()> {
        if self.depth > MAX_DEPTH {
            return Err(error::value_error(t, "object too deeply nested to marshal"));
        }
        t.check_stack("while marshalling an object")?;
        self.depth += 1;
        let done = match single(v) {
            Some(tag) => self.put(t, &[tag]),
            None => self.referable(t, v),
        };
        self.depth -= 1;
        done
    }

    /// Writes a reference to a value seen before, or the value.
    fn referable(&mut self, t: &Thread, v: &Value) -> Res<()> {
        if self.version < 3 || !v.is_object() {
            return self.contents(t, v, 0);
        }
        let key = convert::from_u64(t, v.bits())?;
        let seen = Dict::of(&self.seen);
        if let Some(number) = seen.get(t, &key)?.and_then(|n| n.as_small()) {
            let Ok(number) = u32::try_from(number) else { return Err(unmarshallable(t)) };
            return self.tagged(t, tag::REF, &number.to_le_bytes());
        }
        let closed = v.exact::<Slice>().is_some() || v.exact::<CodeObject>().is_some();
        let number = seen.len() as i64;
        seen.set(t, &key, &Value::small(if closed { !number } else { number }))?;
        self.kept.expect::<List>().push(t, v.clone())?;
        self.contents(t, v, tag::FLAG_REF)?;
        if closed {
            Dict::of(&self.seen).set(t, &key, &Value::small(number))?;
        }
        Ok(())
    }

    fn contents(&mut self, t: &Thread, v: &Value, flag: u8) -> Res<()> {
        if is_exact(v, &int::INT) {
            return self.int(t, v, flag);
        }
        if is_exact(v, &float::FLOAT) {
            return self.float(t, convert::to_f64(t, v)?, flag);
        }
        if let Some(c) = v.exact::<Complex>() {
            return self.complex(t, c.re, c.im, flag);
        }
        if is_exact(v, &bytes::BYTES) {
            return self.sized(t, tag::BYTES | flag, bytes::peek(v).unwrap_or_default());
        }
        if let Some(s) = v.exact::<Str>() {
            return self.text(t, v, s, flag);
        }
        if let Some(items) = v.exact::<Tuple>() {
            let n = items.len();
            if self.version >= 4 && n < 256 {
                self.tagged(t, tag::SMALL_TUPLE | flag, &[n as u8])?;
            } else {
                self.count(t, tag::TUPLE | flag, n)?;
            }
            return items.items().iter().try_for_each(|x| self.value(t, x));
        }
        if let Some(list) = v.exact::<List>() {
            let n = list.len();
            self.count(t, tag::LIST | flag, n)?;
            return (0..n).try_for_each(|i| match list.get(i) {
                Some(x) => self.value(t, &x),
                None => Err(error::runtime_error(t, "list changed size during iteration")),
            });
        }
        self.other(t, v, flag)
    }

    fn other(&mut self, t: &Thread, v: &Value, flag: u8) -> Res<()> {
        if let Some(dict) = v.exact::<Dict>() {
            self.put(t, &[tag::DICT | flag])?;
            for (key, _, value) in dict.walk(t)? {
                self.value(t, &key)?;
                self.value(t, &value)?;
            }
            return self.put(t, &[tag::NULL]);
        }
        if let Some(set) = v.exact::<Set>() {
            return self.set(t, v, set, tag::SET | flag);
        }
        if let Some(set) = v.exact::<FrozenSet>() {
            return self.set(t, v, set.as_set(), tag::FROZENSET | flag);
        }
        if let Some(s) = v.exact::<Slice>().filter(|_| self.version >= 5) {
            self.put(t, &[tag::SLICE | flag])?;
            return [&s.start, &s.stop, &s.step].into_iter().try_for_each(|part| self.value(t, &part.get()));
        }
        if let Some(c) = v.exact::<CodeObject>() {
            if !self.allow_code {
                return Err(error::value_error(t, "marshalling code objects is disallowed"));
            }
            let packed = code::pack(t, &Arc::clone(&c.code))?;
            return self.sized(t, tag::CODE | flag, &packed);
        }
        if !buffer::supported(v) || v.exact::<Slice>().is_some() {
            return Err(unmarshallable(t));
        }
        let data = buffer::get(t, v, 0)?.to_contiguous(t)?;
        self.sized(t, tag::BYTES | flag, &data)
    }

    fn int(&mut self, t: &Thread, v: &Value, flag: u8) -> Res<()> {
        if let Some(i) = v.as_small().and_then(|i| i32::try_from(i).ok()) {
            return self.tagged(t, tag::INT | flag, &i.to_le_bytes());
        }
        let Some(big) = int::to_big(v) else { return Err(unmarshallable(t)) };
        let (sign, magnitude) = big.into_parts();
        let magnitude = magnitude.to_le_bytes();
        t.check_alloc(2 * magnitude.len())?;
        let digits = digits_of(&magnitude);
        let Ok(mut n) = i32::try_from(digits.len()) else { return Err(unmarshallable(t)) };
        if sign == typhon_num::Sign::Negative {
            n = -n;
        }
        self.tagged(t, tag::LONG | flag, &n.to_le_bytes())?;
        let data: Vec<u8> = digits.iter().flat_map(|d| d.to_le_bytes()).collect();
        self.put(t, &data)
    }

    fn float(&mut self, t: &Thread, x: f64, flag: u8) -> Res<()> {
        if self.version > 1 {
            return self.tagged(t, tag::BINARY_FLOAT | flag, &x.to_le_bytes());
        }
        self.put(t, &[tag::FLOAT | flag])?;
        self.float_text(t, x)
    }

    fn complex(&mut self, t: &Thread, re: f64, im: f64, flag: u8) -> Res<()> {
        if self.version > 1 {
            self.tagged(t, tag::BINARY_COMPLEX | flag, &re.to_le_bytes())?;
            return self.put(t, &im.to_le_bytes());
        }
        self.put(t, &[tag::COMPLEX | flag])?;
        self.float_text(t, re)?;
        self.float_text(t, im)
    }

    fn float_text(&mut self, t: &Thread, x: f64) -> Res<()> {
        let spec = strs::new(t, ".17g")?;
        let text = ops::format(t, &convert::from_f64(t, x)?, &spec)?;
        let text = strs::display(&text);
        self.tagged(t, text.len() as u8, text.as_bytes())
    }

    fn text(&mut self, t: &Thread, v: &Value, s: &Str, flag: u8) -> Res<()> {
        let interned = strs::is_interned(v);
        let either = |plain, interned_tag| flag | if interned { interned_tag } else { plain };
        match s.as_ascii().filter(|_| self.version >= 4) {
            Some(text) if text.len() < 256 => {
                self.tagged(t, either(tag::SHORT_ASCII, tag::SHORT_ASCII_INTERNED), &[text.len() as u8])?;
                self.put(t, text.as_bytes())
            }
            Some(text) => self.sized(t, either(tag::ASCII, tag::ASCII_INTERNED), text.as_bytes()),
            None if self.version >= 3 => self.sized(t, either(tag::UNICODE, tag::INTERNED), &s.to_wtf8()),
            None => self.sized(t, tag::UNICODE | flag, &s.to_wtf8()),
        }
    }

    /// Members go in the order of their bytes, so that the result does not depend on hashes.
    fn set(&mut self, t: &Thread, v: &Value, set: &Set, tag: u8) -> Res<()> {
        let members = ops::collect(t, v)?;
        self.count(t, tag, members.len())?;
        let mut rows: Vec<(Vec<u8>, Value)> = Vec::with_capacity(members.len());
        for member in members {
            let n = set.len();
            let mut alone = Self::new(t, self.version, self.allow_code)?;
            alone.depth = self.depth;
            alone.value(t, &member)?;
            if set.len() != n {
                return Err(error::runtime_error(t, "set changed size during iteration"));
            }
            rows.push((alone.out, member));
        }
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows.iter().try_for_each(|(_, member)| self.value(t, member))
    }
}

fn is_exact(v: &Value, def: &'static typhon_object::TypeDef) -> bool {
    std::ptr::eq(typhon_object::type_of(v), def.ty())
}

fn unmarshallable(t: &Thread) -> typhon_object::Exc {
    error::value_error(t, "unmarshallable object")
}

/// The tag of a value that is nothing but its tag.
fn single(v: &Value) -> Option<u8> {
    Some(match v {
        v if v.is_none() => tag::NONE,
        v if v.is_true() => tag::TRUE,
        v if v.is_false() => tag::FALSE,
        v if v.is_ellipsis() => tag::ELLIPSIS,
        v if v.is(&STOP_ITERATION.ty().value()) => tag::STOP_ITERATION,
        _ => return None,
    })
}

/// A magnitude in digits of 15 bits, the lowest first.
fn digits_of(magnitude: &[u8]) -> Vec<u16> {
    let (mut out, mut room, mut bits) = (Vec::new(), 0u32, 0);
    for &byte in magnitude {
        room |= u32::from(byte) << bits;
        bits += 8;
        if bits >= 15 {
            out.push((room & 0x7fff) as u16);
            room >>= 15;
            bits -= 15;
        }
    }
    out.push(room as u16);
    while out.last() == Some(&0) {
        out.pop();
    }
    out
}
