//! Code objects as bytes.
//!
//! Code that runs is trusted to be what the compiler made: registers and jumps are not checked again. So a packed code
//! object carries a keyed digest, and only what this process packed can be unpacked in it.

use std::sync::{Arc, LazyLock};
use typhon_isa::code::{Local, Position};
use typhon_isa::{Code, Const, Handler, LocalKind, Word};
use typhon_object::{Res, Thread, error};

const DIGEST: usize = 32;

/// What a digest is made with.
pub type Key = [u8; 32];

/// This process's key; none where the system has no entropy.
static KEY: LazyLock<Option<Key>> = LazyLock::new(|| {
    let mut key = [0; 32];
    getrandom::fill(&mut key).is_ok().then_some(key)
});

fn own_key(t: &Thread) -> Res<&'static Key> {
    KEY.as_ref().ok_or_else(|| error::value_error(t, "the system has no entropy to sign code with"))
}

fn digest(data: &[u8], key: &Key) -> [u8; DIGEST] {
    let made = blake2b_simd::Params::new().hash_length(DIGEST).key(key).hash(data);
    let mut out = [0; DIGEST];
    out.copy_from_slice(made.as_bytes());
    out
}

/// What tells this process's packed code from others', most likely: `.pyc` files are told apart by it before anybody
/// unpacks their code.
pub fn mark() -> u16 {
    let Some(key) = &*KEY else { return 0 };
    let made = blake2b_simd::Params::new().hash_length(2).key(key).hash(b"mark");
    made.as_bytes().iter().fold(0, |mark, b| mark << 8 | u16::from(*b))
}

/// A code object as bytes.
pub fn pack(t: &Thread, code: &Arc<Code>) -> Res<Vec<u8>> {
    pack_with(t, code, own_key(t)?)
}

/// A code object as bytes for any process that has the key.
pub fn pack_with(t: &Thread, code: &Arc<Code>, key: &Key) -> Res<Vec<u8>> {
    let mut out = Packer { t, out: Vec::new() };
    out.code(code)?;
    let mut out = out.out;
    let digest = digest(&out, key);
    out.extend_from_slice(&digest);
    Ok(out)
}

/// The code object in bytes that [`pack`] made in this process; `None` for any other bytes.
pub fn unpack(t: &Thread, data: &[u8]) -> Res<Option<Arc<Code>>> {
    unpack_with(t, data, own_key(t)?)
}

/// The code object in bytes that [`pack_with`] made with the same key.
pub fn unpack_with(t: &Thread, data: &[u8], key: &Key) -> Res<Option<Arc<Code>>> {
    let Some(at) = data.len().checked_sub(DIGEST) else { return Ok(None) };
    let (data, given) = data.split_at(at);
    let wanted = digest(data, key);
    if !constant_time_eq(&wanted, given) {
        return Ok(None);
    }
    // The unpacked form takes some times the room.
    t.check_alloc(4 * data.len())?;
    let mut reader = Unpacker { data };
    Ok(reader.code().map(Arc::new))
}

fn constant_time_eq(a: &[u8; DIGEST], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |acc, (x, y)| acc | (x ^ y)) == 0
}

struct Packer<'a> {
    t: &'a Thread,
    out: Vec<u8>,
}

impl Packer<'_> {
    fn bytes(&mut self, data: &[u8]) {
        self.u32(data.len() as u32);
        self.out.extend_from_slice(data);
    }

    fn u32(&mut self, n: u32) {
        self.out.extend_from_slice(&n.to_le_bytes());
    }

    fn u64(&mut self, n: u64) {
        self.out.extend_from_slice(&n.to_le_bytes());
    }

    fn code(&mut self, c: &Code) -> Res<()> {
        self.t.check_stack("while marshalling an object")?;
        self.t.check_alloc(self.out.len() + 8 * c.words.len() + 20 * c.positions.len())?;
        for text in [&c.name, &c.qualname, &c.filename] {
            self.bytes(text.as_bytes());
        }
        for n in [
            c.first_line,
            c.flags,
            u32::from(c.arg_count),
            u32::from(c.posonly_count),
            u32::from(c.kwonly_count),
            u32::from(c.register_count),
        ] {
            self.u32(n);
        }
        self.u32(c.locals.len() as u32);
        for local in &c.locals {
            self.bytes(local.name.as_bytes());
            self.out.extend([kind_number(local.kind), u8::from(local.is_arg)]);
        }
        self.u32(c.words.len() as u32);
        c.words.iter().for_each(|w| self.u64(w.0));
        self.u32(c.names.len() as u32);
        c.names.iter().for_each(|n| self.bytes(n.as_bytes()));
        self.u32(c.handlers.len() as u32);
        for h in &c.handlers {
            [h.start, h.end, h.target, u32::from(h.depth)].into_iter().for_each(|n| self.u32(n));
        }
        self.u32(c.positions.len() as u32);
        for p in &c.positions {
            [p.start, p.line, p.end_line, p.col, p.end_col].into_iter().for_each(|n| self.u32(n));
        }
        self.consts(&c.consts)
    }

    fn consts(&mut self, items: &[Const]) -> Res<()> {
        self.u32(items.len() as u32);
        items.iter().try_for_each(|c| self.constant(c))
    }

    fn constant(&mut self, c: &Const) -> Res<()> {
        match c {
            Const::None => self.out.push(0),
            Const::Bool(b) => self.out.extend([1, u8::from(*b)]),
            Const::Ellipsis => self.out.push(2),
            Const::Int(i) => {
                self.out.push(3);
                self.u64(*i as u64);
            }
            Const::BigInt { negative, magnitude } => {
                self.out.extend([4, u8::from(*negative)]);
                self.bytes(magnitude);
            }
            Const::Float(x) => {
                self.out.push(5);
                self.u64(x.to_bits());
            }
            Const::Complex(re, im) => {
                self.out.push(6);
                self.u64(re.to_bits());
                self.u64(im.to_bits());
            }
            Const::Str(s) => {
                self.out.push(7);
                self.bytes(s);
            }
            Const::Bytes(b) => {
                self.out.push(8);
                self.bytes(b);
            }
            Const::Tuple(items) => {
                self.out.push(9);
                self.consts(items)?;
            }
            Const::FrozenSet(items) => {
                self.out.push(10);
                self.consts(items)?;
            }
            Const::Slice(parts) => {
                self.out.push(11);
                self.consts(&parts[..])?;
            }
            Const::Code(code) => {
                self.out.push(12);
                self.code(code)?;
            }
        }
        Ok(())
    }
}

fn kind_number(kind: LocalKind) -> u8 {
    match kind {
        LocalKind::Local => 0,
        LocalKind::Cell => 1,
        LocalKind::Free => 2,
        LocalKind::Hidden => 3,
    }
}

/// Reads what a [`Packer`] wrote; `None` where the bytes are not that.
struct Unpacker<'a> {
    data: &'a [u8],
}

impl<'a> Unpacker<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.data.split_at_checked(n)?;
        self.data = rest;
        Some(head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }

    fn u16(&mut self) -> Option<u16> {
        u16::try_from(self.u32()?).ok()
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let n = self.u32()? as usize;
        self.take(n)
    }

    fn text(&mut self) -> Option<Arc<str>> {
        Some(std::str::from_utf8(self.bytes()?).ok()?.into())
    }

    fn many<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Box<[T]>> {
        let n = self.u32()?;
        (0..n).map(|_| read(self)).collect()
    }

    fn code(&mut self) -> Option<Code> {
        let (name, qualname, filename) = (self.text()?, self.text()?, self.text()?);
        Some(Code {
            name,
            qualname,
            filename,
            first_line: self.u32()?,
            flags: self.u32()?,
            arg_count: self.u16()?,
            posonly_count: self.u16()?,
            kwonly_count: self.u16()?,
            register_count: self.u16()?,
            locals: self.many(|r| Some(Local { name: r.text()?, kind: r.kind()?, is_arg: r.u8()? != 0 }))?,
            words: self.many(|r| r.u64().map(Word))?,
            names: self.many(Self::text)?,
            handlers: self
                .many(|r| Some(Handler { start: r.u32()?, end: r.u32()?, target: r.u32()?, depth: r.u16()? }))?,
            positions: self.many(|r| {
                Some(Position { start: r.u32()?, line: r.u32()?, end_line: r.u32()?, col: r.u32()?, end_col: r.u32()? })
            })?,
            consts: self.many(Self::constant)?,
        })
    }

    fn kind(&mut self) -> Option<LocalKind> {
        Some(match self.u8()? {
            0 => LocalKind::Local,
            1 => LocalKind::Cell,
            2 => LocalKind::Free,
            3 => LocalKind::Hidden,
            _ => return None,
        })
    }

    fn constant(&mut self) -> Option<Const> {
        Some(match self.u8()? {
            0 => Const::None,
            1 => Const::Bool(self.u8()? != 0),
            2 => Const::Ellipsis,
            3 => Const::Int(self.u64()? as i64),
            4 => Const::BigInt { negative: self.u8()? != 0, magnitude: self.bytes()?.into() },
            5 => Const::Float(f64::from_bits(self.u64()?)),
            6 => Const::Complex(f64::from_bits(self.u64()?), f64::from_bits(self.u64()?)),
            7 => Const::Str(self.bytes()?.into()),
            8 => Const::Bytes(self.bytes()?.into()),
            9 => Const::Tuple(self.many(Self::constant)?.into()),
            10 => Const::FrozenSet(self.many(Self::constant)?.into()),
            11 => {
                let parts = <[Const; 3]>::try_from(self.many(Self::constant)?.into_vec()).ok()?;
                Const::Slice(Arc::new(parts))
            }
            12 => Const::Code(Arc::new(self.code()?)),
            _ => return None,
        })
    }
}
