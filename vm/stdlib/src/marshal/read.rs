//! Reading values.

use super::source::Source;
use super::{MAX_DEPTH, code, tag};
use typhon_interp::code::new_code;
use typhon_num::{IBig, UBig};
use typhon_object::dict::Dict;
use typhon_object::list::List;
use typhon_object::strs;
use typhon_object::types::exceptions::STOP_ITERATION;
use typhon_object::types::set_::{self, Set};
use typhon_object::types::{bytes, complex, float, int, slice};
use typhon_object::{Exc, Res, Thread, Value, codec, convert, error, names, process, tuple};

/// A reader of one value.
pub struct Reader<'a> {
    source: Source<'a>,
    allow_code: bool,
    depth: usize,
    /// Values that can be referred to; absent while an immutable one is being read.
    refs: Vec<Value>,
}

/// How errors name a container, for `check_size` and missing members.
type Kind = &'static str;

impl<'a> Reader<'a> {
    /// A reader at the beginning of `source`.
    pub fn new(source: Source<'a>, allow_code: bool) -> Self {
        Self { source, allow_code, depth: 0, refs: Vec::new() }
    }

    /// The value.
    pub fn whole(mut self, t: &Thread) -> Res {
        self.required(t, "object")
    }

    /// A value where the format demands one.
    fn required(&mut self, t: &Thread, of: Kind) -> Res {
        match self.value(t)? {
            Some(v) => Ok(v),
            None => Err(error::type_error(t, format_args!("NULL object in marshal data for {of}"))),
        }
    }

    /// The next value; `None` for the mark that ends a dict.
    fn value(&mut self, t: &Thread) -> Res<Option<Value>> {
        let Some(byte) = self.source.byte(t)? else {
            return Err(error::eof_error(t, "EOF read where object expected"));
        };
        if self.depth >= MAX_DEPTH {
            return Err(error::value_error(t, "recursion limit exceeded"));
        }
        t.check_stack("while unmarshalling an object")?;
        t.poll()?;
        self.depth += 1;
        let read = self.tagged(t, byte & !tag::FLAG_REF, byte & tag::FLAG_REF != 0);
        self.depth -= 1;
        read
    }

    fn tagged(&mut self, t: &Thread, kind: u8, flag: bool) -> Res<Option<Value>> {
        let plain = match kind {
            tag::NULL => return Ok(None),
            tag::NONE => Value::NONE,
            tag::FALSE => Value::FALSE,
            tag::TRUE => Value::TRUE,
            tag::ELLIPSIS => Value::ELLIPSIS,
            tag::STOP_ITERATION => STOP_ITERATION.ty().value(),
            tag::REF => return self.reference(t).map(Some),
            _ => {
                let v = self.referable(t, kind, flag)?;
                return Ok(Some(v));
            }
        };
        Ok(Some(plain))
    }

    fn referable(&mut self, t: &Thread, kind: u8, flag: bool) -> Res {
        match kind {
            tag::TUPLE | tag::SMALL_TUPLE => return self.tuple(t, kind, flag),
            tag::LIST => return self.list(t, flag),
            tag::DICT => return self.dict(t, flag),
            tag::SET => return self.set(t, flag),
            _ => {}
        }
        let at = flag.then_some(self.refs.len());
        if flag {
            self.refs.push(Value::ABSENT);
        }
        let v = self.immutable(t, kind)?;
        if let Some(at) = at {
            self.refs[at] = v.clone();
        }
        Ok(v)
    }

    fn immutable(&mut self, t: &Thread, kind: u8) -> Res {
        match kind {
            tag::INT => {
                let data = self.array::<4>(t)?;
                Ok(Value::small(i64::from(i32::from_le_bytes(data))))
            }
            tag::INT64 => convert::from_i64(t, i64::from_le_bytes(self.array::<8>(t)?)),
            tag::LONG => self.long(t),
            tag::FLOAT => convert::from_f64(t, self.float_text(t)?),
            tag::BINARY_FLOAT => convert::from_f64(t, f64::from_le_bytes(self.array::<8>(t)?)),
            tag::COMPLEX => complex::new(t, self.float_text(t)?, self.float_text(t)?),
            tag::BINARY_COMPLEX => {
                let (re, im) = (self.array::<8>(t)?, self.array::<8>(t)?);
                complex::new(t, f64::from_le_bytes(re), f64::from_le_bytes(im))
            }
            tag::BYTES => {
                let n = self.size(t, "bytes object")?;
                bytes::new(t, &self.source.take(t, n)?)
            }
            tag::UNICODE | tag::INTERNED => self.unicode(t, kind == tag::INTERNED),
            tag::ASCII | tag::ASCII_INTERNED => {
                let n = self.size(t, "string")?;
                self.latin1(t, n, kind == tag::ASCII_INTERNED)
            }
            tag::SHORT_ASCII | tag::SHORT_ASCII_INTERNED => {
                let [n] = self.array::<1>(t)?;
                self.latin1(t, usize::from(n), kind == tag::SHORT_ASCII_INTERNED)
            }
            tag::FROZENSET => {
                let items = self.members(t, "set")?;
                set_::frozenset(t, items)
            }
            tag::SLICE => {
                let (start, stop) = (self.required(t, "slice")?, self.required(t, "slice")?);
                slice::new(t, start, stop, self.required(t, "slice")?)
            }
            tag::CODE => self.code(t),
            _ => Err(bad(t, "unknown type code")),
        }
    }

    fn array<const N: usize>(&mut self, t: &Thread) -> Res<[u8; N]> {
        let data = self.source.take(t, N)?;
        match <[u8; N]>::try_from(&*data) {
            Ok(data) => Ok(data),
            Err(_) => Err(error::eof_error(t, "marshal data too short")),
        }
    }

    fn size(&mut self, t: &Thread, of: Kind) -> Res<usize> {
        let n = i32::from_le_bytes(self.array::<4>(t)?);
        usize::try_from(n).map_err(|_| bad(t, &format!("{of} size out of range")))
    }

    fn reference(&mut self, t: &Thread) -> Res {
        let n = u32::from_le_bytes(self.array::<4>(t)?) as usize;
        match self.refs.get(n) {
            Some(v) if !v.is_absent() => Ok(v.clone()),
            _ => Err(bad(t, "invalid reference")),
        }
    }

    fn long(&mut self, t: &Thread) -> Res {
        let n = i32::from_le_bytes(self.array::<4>(t)?);
        if n == i32::MIN {
            return Err(bad(t, "long size out of range"));
        }
        let data = self.source.take(t, 2 * n.unsigned_abs() as usize)?;
        t.check_alloc(data.len())?;
        let (mut magnitude, mut room, mut bits, mut last) = (Vec::with_capacity(data.len()), 0u32, 0, 1);
        for pair in data.chunks_exact(2) {
            last = u16::from_le_bytes([pair[0], pair[1]]);
            if last > 0x7fff {
                return Err(bad(t, "digit out of range in long"));
            }
            room |= u32::from(last) << bits;
            bits += 15;
            while bits >= 8 {
                magnitude.push(room as u8);
                room >>= 8;
                bits -= 8;
            }
        }
        if last == 0 {
            return Err(bad(t, "unnormalized long data"));
        }
        magnitude.push(room as u8);
        let big = IBig::from(UBig::from_le_bytes(&magnitude));
        int::from_big(t, if n < 0 { -big } else { big })
    }

    fn float_text(&mut self, t: &Thread) -> Res<f64> {
        let [n] = self.array::<1>(t)?;
        let text = self.source.take(t, usize::from(n))?;
        let text = strs::from_latin1(t, &text)?;
        convert::to_f64(t, &typhon_object::call::call1(t, &float::FLOAT.ty().value(), &text)?)
    }

    fn unicode(&mut self, t: &Thread, interned: bool) -> Res {
        let n = self.size(t, "string")?;
        let data = self.source.take(t, n)?;
        let v = codec::decode(t, &Value::ABSENT, &data, Some("utf-8"), Some("surrogatepass"))?;
        Ok(if interned { names::intern(t, &v) } else { v })
    }

    fn latin1(&mut self, t: &Thread, n: usize, interned: bool) -> Res {
        let v = strs::from_latin1(t, &self.source.take(t, n)?)?;
        Ok(if interned { names::intern(t, &v) } else { v })
    }

    fn tuple(&mut self, t: &Thread, kind: u8, flag: bool) -> Res {
        let n = if kind == tag::TUPLE { self.size(t, "tuple")? } else { usize::from(self.array::<1>(t)?[0]) };
        self.check_count(t, n)?;
        if !flag {
            let items = (0..n).map(|_| self.required(t, "tuple")).collect::<Res<Vec<_>>>()?;
            return tuple::from_vec(t, items);
        }
        if n == 0 {
            self.refs.push(process::empty_tuple().clone());
            return Ok(process::empty_tuple().clone());
        }
        // What is inside may refer to the tuple, so it exists before its items do.
        t.check_alloc(8 * n)?;
        let made = tuple::from_vec(t, vec![Value::NONE; n])?;
        self.refs.push(made.clone());
        for i in 0..n {
            let item = self.required(t, "tuple")?;
            // SAFETY: made above with n Nones. What Python code can run meanwhile (a file's readinto) has returned,
            // and with it whatever borrowed the items.
            unsafe { tuple::fill(&made, i, item) };
        }
        Ok(made)
    }

    fn list(&mut self, t: &Thread, flag: bool) -> Res {
        let n = self.size(t, "list")?;
        self.check_count(t, n)?;
        let made = List::create(t)?;
        self.remember(flag, &made);
        for _ in 0..n {
            let item = self.required(t, "list")?;
            made.expect::<List>().push(t, item)?;
        }
        Ok(made)
    }

    fn dict(&mut self, t: &Thread, flag: bool) -> Res {
        let made = Dict::create(t);
        self.remember(flag, &made);
        while let Some(key) = self.value(t)? {
            let Some(value) = self.value(t)? else { break };
            Dict::of(&made).set(t, &key, &value)?;
        }
        Ok(made)
    }

    fn set(&mut self, t: &Thread, flag: bool) -> Res {
        let made = set_::create(t)?;
        self.remember(flag, &made);
        for item in self.members(t, "set")? {
            set_::add(t, made.expect::<Set>(), &item)?;
        }
        Ok(made)
    }

    fn members(&mut self, t: &Thread, of: Kind) -> Res<Vec<Value>> {
        let n = self.size(t, of)?;
        self.check_count(t, n)?;
        (0..n).map(|_| self.required(t, of)).collect()
    }

    fn remember(&mut self, flag: bool, v: &Value) {
        if flag {
            self.refs.push(v.clone());
        }
    }

    fn check_count(&self, t: &Thread, n: usize) -> Res<()> {
        if self.source.may_hold(n) {
            return Ok(());
        }
        Err(error::eof_error(t, "EOF read where object expected"))
    }

    fn code(&mut self, t: &Thread) -> Res {
        if !self.allow_code {
            return Err(error::value_error(t, "unmarshalling code objects is disallowed"));
        }
        let n = self.size(t, "code")?;
        let data = self.source.take(t, n)?;
        match code::unpack(t, &data)? {
            Some(code) => new_code(t, &code),
            None => Err(bad(t, "code that this process did not write")),
        }
    }
}

fn bad(t: &Thread, what: &str) -> Exc {
    error::value_error(t, format_args!("bad marshal data ({what})"))
}
