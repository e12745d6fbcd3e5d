//! Loader: a pickle's opcodes, one after another.

use super::memo::Read;
use super::op;
use super::source::Source;
use super::{bad_pickle, facts, long};
use typhon_object::codec::{self, Known};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::types::exceptions::EOF_ERROR;
use typhon_object::types::{bytearray, bytes, int, memoryview, set_};
use typhon_object::{Thread, Value, call, convert, ops, strs, tuple};

/// Values on the way, and how to read.
pub(super) struct Loader<'a> {
    pub(super) t: &'a Thread,
    pub(super) source: Source<'a>,
    pub(super) stack: Vec<Value>,
    /// Where marks lie in the stack.
    pub(super) marks: Vec<usize>,
    pub(super) memo: Read,
    pub(super) proto: i64,
    pub(super) fix_imports: bool,
    pub(super) encoding: String,
    pub(super) errors: String,
    /// The iterator over out-of-band buffers.
    pub(super) buffers: Option<Value>,
    pub(super) find_class: Option<Value>,
    pub(super) persistent_load: Option<Value>,
}

impl Loader<'_> {
    /// Reads one pickle: its value.
    pub(super) fn load(&mut self) -> Res {
        loop {
            let Some(op) = self.source.byte()? else { return Err(error::new(self.t, &EOF_ERROR, "Ran out of input")) };
            if op == op::STOP {
                break;
            }
            if !self.common(op)? {
                self.rare(op)?;
            }
            self.t.poll()?;
        }
        let v = self.pop()?;
        self.source.give_back()?;
        Ok(v)
    }

    fn fence(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    #[cold]
    fn underflow(&self) -> error::Exc {
        let text = if self.marks.is_empty() { "unpickling stack underflow" } else { "unexpected MARK found" };
        bad_pickle(self.t, text)
    }

    /// The value on top.
    #[inline]
    pub(super) fn pop(&mut self) -> Res {
        if self.stack.len() <= self.fence() {
            return Err(self.underflow());
        }
        self.stack.pop().ok_or_else(|| self.underflow())
    }

    /// A new reference to the value on top.
    #[inline]
    pub(super) fn top(&self) -> Res {
        match self.stack.last() {
            Some(v) if self.stack.len() > self.fence() => Ok(v.clone()),
            _ => Err(self.underflow()),
        }
    }

    /// The values above the last mark, which goes.
    #[inline]
    pub(super) fn pop_mark(&mut self) -> Res<Vec<Value>> {
        match self.marks.pop() {
            Some(at) => Ok(self.stack.split_off(at.min(self.stack.len()))),
            None => Err(bad_pickle(self.t, "could not find MARK")),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, v: Value) -> Res<()> {
        if self.stack.len() == self.stack.capacity() {
            self.t.check_alloc((self.stack.len() * 16).max(1024))?;
        }
        self.stack.push(v);
        Ok(())
    }

    /// The opcodes that most of a pickle is made of; false if it is none of them.
    #[inline]
    fn common(&mut self, op: u8) -> Res<bool> {
        let v = match op {
            op::NONE => Value::NONE,
            op::NEWTRUE => Value::TRUE,
            op::NEWFALSE => Value::FALSE,
            op::BININT1 => Value::small(self.source.number(1)? as i64),
            op::BININT2 => Value::small(self.source.number(2)? as i64),
            op::BININT => Value::small(i64::from(self.source.number(4)? as u32 as i32)),
            op::BINFLOAT => {
                let word = self.source.number(8)?.swap_bytes();
                convert::from_f64(self.t, f64::from_bits(word))?
            }
            op::SHORT_BINUNICODE => self.text(1)?,
            op::BINUNICODE => self.text(4)?,
            op::EMPTY_LIST => List::create(self.t)?,
            op::EMPTY_DICT => Dict::create(self.t),
            op::EMPTY_TUPLE => tuple::new(self.t, &[])?,
            op::TUPLE1 => self.short_tuple(1)?,
            op::TUPLE2 => self.short_tuple(2)?,
            op::TUPLE3 => self.short_tuple(3)?,
            op::BINGET => self.remembered(1)?,
            op::LONG_BINGET => self.remembered(4)?,
            op::MEMOIZE => {
                let v = self.top()?;
                drop(self.memo.put(self.memo.len(), v));
                return Ok(true);
            }
            op::BINPUT => {
                let i = self.source.number(1)? as usize;
                self.remember(i)?;
                return Ok(true);
            }
            op::MARK => {
                self.marks.push(self.stack.len());
                return Ok(true);
            }
            op::TUPLE => {
                let items = self.pop_mark()?;
                tuple::from_vec(self.t, items)?
            }
            op::APPENDS => {
                let items = self.pop_mark()?;
                self.append(items)?;
                return Ok(true);
            }
            op::SETITEMS => {
                let items = self.pop_mark()?;
                self.set_items(items)?;
                return Ok(true);
            }
            op::SETITEM => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set_items(vec![key, value])?;
                return Ok(true);
            }
            op::APPEND => {
                let item = self.pop()?;
                self.append(vec![item])?;
                return Ok(true);
            }
            _ => return Ok(false),
        };
        self.push(v)?;
        Ok(true)
    }

    fn rare(&mut self, op: u8) -> Res<()> {
        match op {
            op::POP => {
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    drop(self.pop()?);
                }
            }
            op::POP_MARK => drop(self.pop_mark()?),
            op::DUP => {
                let v = self.top()?;
                self.push(v)?;
            }
            op::PROTO => {
                let proto = self.source.number(1)? as i64;
                if proto > op::HIGHEST {
                    return Err(error::value_error(self.t, format_args!("unsupported pickle protocol: {proto}")));
                }
                self.proto = proto;
            }
            op::FRAME => {
                let len = self.length(8, "FRAME length exceeds system's maximum of 9223372036854775807 bytes")?;
                self.source.expect(len)?;
            }
            op::GET => {
                let i = self.line_number()?;
                let v = usize::try_from(i).ok().and_then(|i| self.memo.get(i)).ok_or_else(|| self.forgotten(i))?;
                self.push(v)?;
            }
            op::PUT => {
                let Ok(i) = usize::try_from(self.line_number()?) else {
                    return Err(error::value_error(self.t, "negative PUT argument"));
                };
                self.remember(i)?;
            }
            op::LONG_BINPUT => {
                let i = self.source.number(4)? as usize;
                self.remember(i)?;
            }
            op::EMPTY_SET => {
                let v = set_::create(self.t)?;
                self.push(v)?;
            }
            op::FROZENSET => {
                let items = self.pop_mark()?;
                let v = set_::frozenset(self.t, items)?;
                self.push(v)?;
            }
            op::LIST => {
                let items = self.pop_mark()?;
                let v = List::from_vec(self.t, items)?;
                self.push(v)?;
            }
            op::DICT => self.dict()?,
            op::ADDITEMS => self.add_items()?,
            _ => {
                if let Some(v) = self.data(op)? {
                    return self.push(v);
                }
                return self.object(op);
            }
        }
        Ok(())
    }

    /// An opcode that carries data: its value; `None` if it is another.
    fn data(&mut self, op: u8) -> Res<Option<Value>> {
        let t = self.t;
        Ok(Some(match op {
            op::SHORT_BINBYTES => self.binary(1)?,
            op::BINBYTES => self.binary(4)?,
            op::BINBYTES8 => self.binary(8)?,
            op::BINUNICODE8 => self.text(8)?,
            op::BYTEARRAY8 => {
                let n = self.length(8, "BYTEARRAY8 exceeds system's maximum size of 9223372036854775807 bytes")?;
                bytearray::new(t, self.source.take(n)?)?
            }
            op::LONG1 => {
                let n = self.source.number(1)? as usize;
                long::decode(t, self.source.take(n)?)?
            }
            op::LONG4 => {
                let n = self.signed_length("LONG")?;
                long::decode(t, self.source.take(n)?)?
            }
            op::SHORT_BINSTRING => {
                let n = self.source.number(1)? as usize;
                let data = self.source.take(n)?.to_vec();
                self.string(&data)?
            }
            op::BINSTRING => {
                let n = self.signed_length("BINSTRING")?;
                self.source.expect(n)?;
                let data = self.source.take(n)?.to_vec();
                self.string(&data)?
            }
            op::STRING => self.quoted_string()?,
            op::UNICODE => {
                let line = self.source.line()?;
                let v = bytes::new(t, &line)?;
                codec::decode(t, &v, &line, Some("raw-unicode-escape"), None)?
            }
            op::INT => {
                let line = self.source.line()?;
                match line.as_slice() {
                    b"00" => Value::FALSE,
                    b"01" => Value::TRUE,
                    line => {
                        let text = String::from_utf8_lossy(line).into_owned();
                        let parsed = int::parse(t, text.trim(), 0, &strs::new(t, &text)?);
                        parsed.map_err(|e| {
                            if e.is_stopped() { e } else { error::value_error(t, "could not convert string to int") }
                        })?
                    }
                }
            }
            op::LONG => {
                let line = self.source.line()?;
                let text = String::from_utf8_lossy(&line).into_owned();
                let digits = text.strip_suffix('L').unwrap_or(&text);
                int::parse(t, digits, 0, &strs::new(t, &format!("{text}\n"))?)?
            }
            op::FLOAT => {
                let line = self.source.line()?;
                let parsed = std::str::from_utf8(&line).ok().and_then(typhon_num::float_text::parse);
                let x = parsed.ok_or_else(|| error::value_error(t, "could not convert string to float"))?;
                convert::from_f64(t, x)?
            }
            op::NEXT_BUFFER => self.next_buffer()?,
            op::READONLY_BUFFER => {
                let v = self.pop()?;
                let view = memoryview::new(t, &v)?;
                let read_only = ops::truth(t, &typhon_object::attr::get_text(t, &view, "readonly")?)?;
                if read_only {
                    v
                } else {
                    call::method(t, &view, &typhon_object::names::intern_text(t, "toreadonly"), &[])?
                }
            }
            _ => return Ok(None),
        }))
    }

    fn next_buffer(&mut self) -> Res {
        let Some(buffers) = self.buffers.clone() else {
            let text = "pickle stream refers to out-of-band data but no *buffers* argument was given";
            return Err(bad_pickle(self.t, text));
        };
        ops::next(self.t, &buffers)?.ok_or_else(|| bad_pickle(self.t, "not enough out-of-band buffers"))
    }

    /// A length of `n` bytes that the machine can have.
    fn length(&mut self, n: usize, too_large: &str) -> Res<usize> {
        let len = self.source.number(n)?;
        usize::try_from(len)
            .ok()
            .filter(|&n| n <= isize::MAX as usize)
            .ok_or_else(|| error::overflow_error(self.t, too_large))
    }

    fn signed_length(&mut self, what: &str) -> Res<usize> {
        let n = self.source.number(4)? as u32 as i32;
        usize::try_from(n).map_err(|_| bad_pickle(self.t, format_args!("{what} pickle has negative byte count")))
    }

    fn binary(&mut self, n: usize) -> Res {
        let len = self.length(n, "BINBYTES exceeds system's maximum size of 9223372036854775807 bytes")?;
        bytes::new(self.t, self.source.take(len)?)
    }

    fn text(&mut self, n: usize) -> Res {
        let t = self.t;
        let len = self.length(n, "BINUNICODE exceeds system's maximum size of 9223372036854775807 bytes")?;
        let data = self.source.take(len)?;
        if data.is_ascii() {
            return strs::from_latin1(t, data);
        }
        let v = bytes::new(t, data)?;
        codec::decode_known(t, &v, bytes::peek(&v).unwrap_or_default(), Known::Utf8, Some("surrogatepass"))
    }

    /// A Python 2 str.
    fn string(&self, data: &[u8]) -> Res {
        let v = bytes::new(self.t, data)?;
        if self.encoding == "bytes" {
            return Ok(v);
        }
        codec::decode(self.t, &v, data, Some(&self.encoding), Some(&self.errors))
    }

    fn quoted_string(&mut self) -> Res {
        let t = self.t;
        let line = self.source.line()?;
        let text = line.trim_ascii_end();
        let inner = match text {
            [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
            _ => return Err(bad_pickle(t, "the STRING opcode argument must be quoted")),
        };
        let decode = facts::from_module(t, "_codecs", "escape_decode")?;
        let made = call::call1(t, &decode, &bytes::new(t, inner)?)?;
        let data = ops::getitem(t, &made, &Value::small(0))?;
        self.string(bytes::peek(&data).unwrap_or_default())
    }

    #[inline]
    fn short_tuple(&mut self, n: usize) -> Res {
        if self.stack.len() < self.fence() + n {
            return Err(self.underflow());
        }
        let from = self.stack.len() - n;
        // SAFETY: the values are the stack's, which takes the zeros left behind for nothing.
        let made = unsafe { tuple::take(self.t, self.stack[from..].as_mut_ptr(), n) }?;
        self.stack.truncate(from);
        Ok(made)
    }

    fn forgotten(&self, i: i64) -> error::Exc {
        bad_pickle(self.t, format_args!("Memo value not found at index {i}"))
    }

    #[inline]
    fn remembered(&mut self, n: usize) -> Res {
        let i = self.source.number(n)?;
        self.memo.get(i as usize).ok_or_else(|| self.forgotten(i as i64))
    }

    #[inline]
    fn remember(&mut self, i: usize) -> Res<()> {
        let v = self.top()?;
        drop(self.memo.put(i, v));
        Ok(())
    }

    fn line_number(&mut self) -> Res<i64> {
        let line = self.source.line()?;
        let text = String::from_utf8_lossy(&line).into_owned();
        let v = int::parse(self.t, &text, 10, &strs::new(self.t, &format!("{text}\n"))?)?;
        convert::to_i64(self.t, &v)
    }
}
