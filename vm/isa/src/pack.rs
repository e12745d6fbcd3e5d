//! A code object as bytes and back: how the library's code travels inside the program.
//!
//! Written when the program is built and read by the same program, so the form has no version. It is compact (numbers
//! are varints, locations are differences, a text occurs once) and reading it is little more than copying. What a reader
//! is given it checks: bytes that no writer made are an error, never a panic.

use crate::code::{Code, Handler, Local, LocalKind, Position};
use crate::{Const, Word};
use std::collections::HashMap;
use std::sync::Arc;

/// Deeper code or constants are nobody's.
const DEPTH_MAX: usize = 200;

/// The bytes are not those of a code object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

/// The bytes of a code object and all code within.
pub fn pack(code: &Code) -> Vec<u8> {
    let mut w = Writer::default();
    w.code(code);
    let mut out = Vec::with_capacity(w.out.len() * 2);
    put(&mut out, w.texts.len() as u64);
    for text in &w.texts {
        put(&mut out, text.len() as u64);
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(&w.out);
    out
}

/// The code object of such bytes.
pub fn unpack(bytes: &[u8]) -> Result<Arc<Code>, Damaged> {
    let mut r = Reader { rest: bytes, texts: Vec::new() };
    let count = r.count()?;
    let mut texts = Vec::with_capacity(count);
    for _ in 0..count {
        texts.push(Arc::from(std::str::from_utf8(r.bytes()?).map_err(|_| Damaged)?));
    }
    r.texts = texts;
    let code = r.code(0)?;
    if r.rest.is_empty() { Ok(code) } else { Err(Damaged) }
}

fn put(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// A signed difference as an unsigned number, small ones small.
fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)) as u64
}

fn unzigzag(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}

#[derive(Default)]
struct Writer {
    out: Vec<u8>,
    texts: Vec<Arc<str>>,
    known: HashMap<Arc<str>, usize>,
}

impl Writer {
    fn number(&mut self, n: u64) {
        put(&mut self.out, n);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        let index = match self.known.get(text) {
            Some(&index) => index,
            None => {
                let text: Arc<str> = text.into();
                self.texts.push(Arc::clone(&text));
                self.known.insert(text, self.texts.len() - 1);
                self.texts.len() - 1
            }
        };
        self.number(index as u64);
    }

    fn code(&mut self, c: &Code) {
        self.text(&c.name);
        self.text(&c.qualname);
        self.text(&c.filename);
        for n in [c.first_line, c.flags] {
            self.number(n.into());
        }
        for n in [c.arg_count, c.posonly_count, c.kwonly_count, c.register_count] {
            self.number(n.into());
        }
        self.number(c.locals.len() as u64);
        for local in &c.locals {
            self.text(&local.name);
            self.number(local.kind as u64 * 2 + u64::from(local.is_arg));
        }
        self.number(c.words.len() as u64);
        for word in &c.words {
            self.out.extend_from_slice(&word.0.to_le_bytes());
        }
        self.number(c.names.len() as u64);
        for name in &c.names {
            self.text(name);
        }
        self.number(c.handlers.len() as u64);
        for h in &c.handlers {
            for n in [h.start, h.end, h.target, h.depth.into()] {
                self.number(n.into());
            }
        }
        self.positions(&c.positions);
        self.consts(&c.consts);
    }

    fn positions(&mut self, positions: &[Position]) {
        self.number(positions.len() as u64);
        let mut last = Position::default();
        for p in positions {
            self.number(p.start.wrapping_sub(last.start).into());
            self.number(zigzag(i64::from(p.line) - i64::from(last.line)));
            self.number(zigzag(i64::from(p.end_line) - i64::from(p.line)));
            self.number(p.col.wrapping_add(1).into());
            self.number(zigzag(i64::from(p.end_col) - i64::from(p.col)));
            last = *p;
        }
    }

    fn consts(&mut self, consts: &[Const]) {
        self.number(consts.len() as u64);
        consts.iter().for_each(|c| self.constant(c));
    }

    fn constant(&mut self, c: &Const) {
        let tag = tag_of(c);
        self.out.push(tag as u8);
        match c {
            Const::None | Const::Ellipsis => {}
            Const::Bool(b) => self.out.push(u8::from(*b)),
            Const::Int(i) => self.number(zigzag(*i)),
            Const::BigInt { negative, magnitude } => {
                self.out.push(u8::from(*negative));
                self.bytes(magnitude);
            }
            Const::Float(x) => self.out.extend_from_slice(&x.to_bits().to_le_bytes()),
            Const::Complex(x, y) => {
                self.out.extend_from_slice(&x.to_bits().to_le_bytes());
                self.out.extend_from_slice(&y.to_bits().to_le_bytes());
            }
            Const::Str(s) => match std::str::from_utf8(s) {
                Ok(text) => self.text(text),
                Err(_) => self.bytes(s),
            },
            Const::Bytes(b) => self.bytes(b),
            Const::Tuple(items) | Const::FrozenSet(items) => self.consts(items),
            Const::Slice(parts) => parts.iter().for_each(|c| self.constant(c)),
            Const::Code(code) => self.code(code),
        }
    }
}

/// The first byte of a constant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag {
    None,
    Ellipsis,
    Bool,
    Int,
    BigInt,
    Float,
    Complex,
    Text,
    Surrogates,
    Bytes,
    Tuple,
    FrozenSet,
    Slice,
    Code,
}

const TAGS: [Tag; 14] = [
    Tag::None,
    Tag::Ellipsis,
    Tag::Bool,
    Tag::Int,
    Tag::BigInt,
    Tag::Float,
    Tag::Complex,
    Tag::Text,
    Tag::Surrogates,
    Tag::Bytes,
    Tag::Tuple,
    Tag::FrozenSet,
    Tag::Slice,
    Tag::Code,
];

fn tag_of(c: &Const) -> Tag {
    match c {
        Const::None => Tag::None,
        Const::Ellipsis => Tag::Ellipsis,
        Const::Bool(_) => Tag::Bool,
        Const::Int(_) => Tag::Int,
        Const::BigInt { .. } => Tag::BigInt,
        Const::Float(_) => Tag::Float,
        Const::Complex(..) => Tag::Complex,
        Const::Str(s) if std::str::from_utf8(s).is_ok() => Tag::Text,
        Const::Str(_) => Tag::Surrogates,
        Const::Bytes(_) => Tag::Bytes,
        Const::Tuple(_) => Tag::Tuple,
        Const::FrozenSet(_) => Tag::FrozenSet,
        Const::Slice(_) => Tag::Slice,
        Const::Code(_) => Tag::Code,
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    texts: Vec<Arc<str>>,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, Damaged> {
        let (&byte, rest) = self.rest.split_first().ok_or(Damaged)?;
        self.rest = rest;
        Ok(byte)
    }

    #[inline]
    fn number(&mut self) -> Result<u64, Damaged> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(first.into());
        }
        let mut n = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(n);
            }
        }
        Err(Damaged)
    }

    fn small<T: TryFrom<u64>>(&mut self) -> Result<T, Damaged> {
        T::try_from(self.number()?).map_err(|_| Damaged)
    }

    /// How many things follow: each takes a byte at least.
    fn count(&mut self) -> Result<usize, Damaged> {
        let count = self.small::<usize>()?;
        if count > self.rest.len() { Err(Damaged) } else { Ok(count) }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Damaged> {
        let (front, rest) = self.rest.split_at_checked(length).ok_or(Damaged)?;
        self.rest = rest;
        Ok(front)
    }

    fn bytes(&mut self) -> Result<&'a [u8], Damaged> {
        let length = self.count()?;
        self.take(length)
    }

    fn word(&mut self) -> Result<u64, Damaged> {
        let bytes = self.take(8)?;
        Ok(u64::from_le_bytes(bytes.try_into().map_err(|_| Damaged)?))
    }

    fn text(&mut self) -> Result<Arc<str>, Damaged> {
        let index = self.small::<usize>()?;
        self.texts.get(index).cloned().ok_or(Damaged)
    }

    fn code(&mut self, depth: usize) -> Result<Arc<Code>, Damaged> {
        if depth > DEPTH_MAX {
            return Err(Damaged);
        }
        let (name, qualname, filename) = (self.text()?, self.text()?, self.text()?);
        let (first_line, flags) = (self.small()?, self.small()?);
        let (arg_count, posonly_count) = (self.small()?, self.small()?);
        let (kwonly_count, register_count) = (self.small()?, self.small()?);
        let locals = (0..self.count()?).map(|_| self.local()).collect::<Result<_, _>>()?;
        let words = self.count()?.checked_mul(8).ok_or(Damaged)?;
        let words = self.take(words)?.as_chunks::<8>().0.iter().map(|w| Word(u64::from_le_bytes(*w))).collect();
        let names = (0..self.count()?).map(|_| self.text()).collect::<Result<_, _>>()?;
        let handlers = (0..self.count()?).map(|_| self.handler()).collect::<Result<_, _>>()?;
        let positions = self.positions()?;
        let consts = self.consts(depth)?.into();
        Ok(Arc::new(Code {
            name,
            qualname,
            filename,
            first_line,
            flags,
            arg_count,
            posonly_count,
            kwonly_count,
            locals,
            register_count,
            words,
            consts,
            names,
            handlers,
            positions,
        }))
    }

    fn local(&mut self) -> Result<Local, Damaged> {
        let name = self.text()?;
        let n = self.number()?;
        let kinds = [LocalKind::Local, LocalKind::Cell, LocalKind::Free, LocalKind::Hidden];
        let kind = *usize::try_from(n / 2).ok().and_then(|i| kinds.get(i)).ok_or(Damaged)?;
        Ok(Local { name, kind, is_arg: n % 2 == 1 })
    }

    fn handler(&mut self) -> Result<Handler, Damaged> {
        Ok(Handler { start: self.small()?, end: self.small()?, target: self.small()?, depth: self.small()? })
    }

    fn positions(&mut self) -> Result<Box<[Position]>, Damaged> {
        let count = self.count()?;
        let mut out = Vec::with_capacity(count);
        let mut last = Position::default();
        for _ in 0..count {
            let start = last.start.wrapping_add(self.small()?);
            let line = self.difference(last.line)?;
            let end_line = self.difference(line)?;
            let col = self.small::<u32>()?.wrapping_sub(1);
            let end_col = self.difference(col)?;
            last = Position { start, line, end_line, col, end_col };
            out.push(last);
        }
        Ok(out.into())
    }

    fn difference(&mut self, from: u32) -> Result<u32, Damaged> {
        let sum = i64::from(from).checked_add(unzigzag(self.number()?)).ok_or(Damaged)?;
        u32::try_from(sum).map_err(|_| Damaged)
    }

    fn consts(&mut self, depth: usize) -> Result<Vec<Const>, Damaged> {
        (0..self.count()?).map(|_| self.constant(depth + 1)).collect()
    }

    fn constant(&mut self, depth: usize) -> Result<Const, Damaged> {
        if depth > DEPTH_MAX {
            return Err(Damaged);
        }
        Ok(match TAGS.get(usize::from(self.byte()?)).ok_or(Damaged)? {
            Tag::None => Const::None,
            Tag::Ellipsis => Const::Ellipsis,
            Tag::Bool => Const::Bool(self.byte()? != 0),
            Tag::Int => Const::Int(unzigzag(self.number()?)),
            Tag::BigInt => Const::BigInt { negative: self.byte()? != 0, magnitude: self.bytes()?.into() },
            Tag::Float => Const::Float(f64::from_bits(self.word()?)),
            Tag::Complex => Const::Complex(f64::from_bits(self.word()?), f64::from_bits(self.word()?)),
            Tag::Text => Const::Str(self.text()?.into()),
            Tag::Surrogates => Const::Str(self.bytes()?.into()),
            Tag::Bytes => Const::Bytes(self.bytes()?.into()),
            Tag::Tuple => Const::Tuple(self.consts(depth)?.into()),
            Tag::FrozenSet => Const::FrozenSet(self.consts(depth)?.into()),
            Tag::Slice => {
                let mut part = || self.constant(depth + 1);
                Const::Slice(Arc::new([part()?, part()?, part()?]))
            }
            Tag::Code => Const::Code(self.code(depth + 1)?),
        })
    }
}

#[cfg(test)]
mod tests;
