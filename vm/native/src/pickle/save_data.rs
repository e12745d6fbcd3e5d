//! Saver: bytes, strs and containers.

use super::op;
use super::save::{Saver, shown};
use super::{buffer, fail_pickling};
use typhon_object::codec::{self, Known};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::strs::{self, Str};
use typhon_object::tuple::{self, Tuple};
use typhon_object::types::{bytearray, bytes, set_};
use typhon_object::{Thread, Value, call, ops};

/// Items in one APPENDS, SETITEMS or ADDITEMS.
const BATCH: usize = 1000;

impl Saver<'_> {
    /// Head of data: by its length one of three opcodes.
    fn sized(&self, len: usize, short: u8, long: u8, huge: u8, what: &str) -> Res<Vec<u8>> {
        if let (Ok(len), true) = (u8::try_from(len), short != 0) {
            return Ok(vec![short, len]);
        }
        if let (Ok(len), true) = (u32::try_from(len), long != 0) {
            let mut head = vec![long];
            head.extend(len.to_le_bytes());
            return Ok(head);
        }
        if self.proto >= 4 {
            let mut head = vec![huge];
            head.extend((len as u64).to_le_bytes());
            return Ok(head);
        }
        let text = format!("serializing a {what} larger than 4 GiB requires pickle protocol 4 or higher");
        Err(error::overflow_error(self.t, text))
    }

    pub(super) fn bytes(&mut self, v: &Value, data: &[u8]) -> Res<()> {
        let t = self.t;
        if self.proto < 3 {
            let parts = if data.is_empty() {
                [bytes::BYTES.ty().value(), tuple::new(t, &[])?]
            } else {
                let encode = super::facts::from_module(t, "_codecs", "encode")?;
                let args = tuple::from_array(t, [strs::from_latin1(t, data)?, strs::new(t, "latin1")?])?;
                [encode, args]
            };
            return self.reduce(&parts, Some(v));
        }
        let head = self.sized(data.len(), op::SHORT_BINBYTES, op::BINBYTES, op::BINBYTES8, "bytes object")?;
        self.out.blob(&head, data, Some(v))?;
        self.put(v);
        Ok(())
    }

    pub(super) fn bytearray(&mut self, v: &Value, data: &[u8]) -> Res<()> {
        let t = self.t;
        if self.proto < 5 {
            let args =
                if data.is_empty() { tuple::new(t, &[])? } else { tuple::from_array(t, [bytes::new(t, data)?])? };
            return self.reduce(&[bytearray::BYTEARRAY.ty().value(), args], Some(v));
        }
        let head = self.sized(data.len(), 0, 0, op::BYTEARRAY8, "bytearray")?;
        self.out.blob(&head, data, Some(v))?;
        self.put(v);
        Ok(())
    }

    pub(super) fn buffer(&mut self, v: &Value) -> Res<()> {
        let t = self.t;
        if self.proto < 5 {
            return Err(fail_pickling(t, "PickleBuffer can only be pickled with protocol >= 5"));
        }
        let (fits, read_only) = buffer::with(t, v, |b| Ok((b.is_c_contiguous() || b.is_f_contiguous(), b.read_only)))?;
        if !fits {
            let text = "PickleBuffer can not be pickled when pointing to a non-contiguous buffer";
            return Err(fail_pickling(t, text));
        }
        let in_band = match self.buffer_callback.clone() {
            Some(f) => ops::truth(t, &call::call1(t, &f, v)?)?,
            None => true,
        };
        if !in_band {
            self.out.op(op::NEXT_BUFFER);
            if read_only {
                self.out.op(op::READONLY_BUFFER);
            }
            return Ok(());
        }
        let data = buffer::with(t, v, |b| {
            t.check_alloc(b.len)?;
            Ok(b.as_slice().to_vec())
        })?;
        if read_only { self.bytes(v, &data) } else { self.bytearray(v, &data) }
    }

    pub(super) fn str(&mut self, v: &Value, s: &Str) -> Res<()> {
        if !self.binary() {
            let text = raw_unicode_escape(self.t, s)?;
            self.out.blob(&[op::UNICODE], &text, None)?;
            self.out.push(b"\n");
        } else if let Some(text) = s.as_ascii() {
            self.binary_str(text.as_bytes())?;
        } else {
            let text = codec::encode_known(self.t, v, Known::Utf8, Some("surrogatepass"))?;
            self.binary_str(&text)?;
        }
        self.put(v);
        Ok(())
    }

    #[inline]
    fn binary_str(&mut self, text: &[u8]) -> Res<()> {
        if text.len() < 256 && self.proto >= 4 {
            self.out.push(&[op::SHORT_BINUNICODE, text.len() as u8]);
            self.out.push(text);
            return Ok(());
        }
        let head = self.sized(text.len(), 0, op::BINUNICODE, op::BINUNICODE8, "string")?;
        self.out.blob(&head, text, None)
    }

    pub(super) fn tuple(&mut self, v: &Value, items: &[Value]) -> Res<()> {
        let len = items.len();
        if len == 0 {
            self.out.push(if self.binary() { &[op::EMPTY_TUPLE] } else { &[op::MARK, op::TUPLE] });
            return Ok(());
        }
        let short = len <= 3 && self.proto >= 2;
        if !short {
            self.out.op(op::MARK);
        }
        for (i, item) in items.iter().enumerate() {
            if let Err(e) = self.save(item) {
                return Err(self.noted(e, || Ok(format!("when serializing {} item {i}", shown(v)))));
            }
        }
        if let Some(i) = self.memo.get(v) {
            // The tuple contains itself and was saved on the way: what lies on the stack is not needed.
            if !short && self.binary() {
                self.out.op(op::POP_MARK);
            } else {
                (0..len + usize::from(!short)).for_each(|_| self.out.op(op::POP));
            }
            self.get(i);
            return Ok(());
        }
        self.out.op(if short { [op::TUPLE1, op::TUPLE2, op::TUPLE3][len - 1] } else { op::TUPLE });
        self.put(v);
        Ok(())
    }

    pub(super) fn list(&mut self, v: &Value) -> Res<()> {
        self.enter(v)?;
        self.out.push(if self.binary() { &[op::EMPTY_LIST] } else { &[op::MARK, op::LIST] });
        self.put(v);
        let list = v.expect::<List>();
        let mut at = 0;
        while let Some(first) = list.get(at) {
            let end = (at + BATCH).min(list.len());
            let many = self.binary() && end - at > 1;
            if many {
                self.out.op(op::MARK);
            }
            let mut next = Some(first);
            while let Some(item) = next {
                if let Err(e) = self.save(&item) {
                    return Err(self.noted(e, || Ok(format!("when serializing {} item {at}", shown(v)))));
                }
                if !many {
                    self.out.op(op::APPEND);
                }
                at += 1;
                next = if at < end { list.get(at) } else { None };
            }
            if many {
                self.out.op(op::APPENDS);
            }
        }
        self.leave(v);
        Ok(())
    }

    /// Items of an iterator for a list-like object.
    pub(super) fn batch_list(&mut self, it: &Value, owner: Option<&Value>) -> Res<()> {
        let mut done = 0;
        loop {
            let batch = self.next_batch(it)?;
            let many = self.binary() && batch.len() > 1;
            if many {
                self.out.op(op::MARK);
            }
            for item in &batch {
                if let Err(e) = self.save(item) {
                    let name = owner.map_or_else(String::new, shown);
                    return Err(self.noted(e, || Ok(format!("when serializing {name} item {done}"))));
                }
                if !many {
                    self.out.op(op::APPEND);
                }
                done += 1;
            }
            if many {
                self.out.op(op::APPENDS);
            }
            if batch.len() < BATCH {
                return Ok(());
            }
        }
    }

    fn next_batch(&self, it: &Value) -> Res<Vec<Value>> {
        let mut batch = Vec::new();
        while batch.len() < BATCH
            && let Some(item) = ops::next(self.t, it)?
        {
            batch.push(item);
        }
        Ok(batch)
    }

    pub(super) fn dict(&mut self, v: &Value) -> Res<()> {
        self.enter(v)?;
        self.out.push(if self.binary() { &[op::EMPTY_DICT] } else { &[op::MARK, op::DICT] });
        self.put(v);
        let dict = Dict::of(v);
        let (len, mut at, mut left) = (dict.len(), 0, dict.len());
        while left > 0 {
            let batch = left.min(BATCH);
            let many = self.binary() && batch > 1;
            if many {
                self.out.op(op::MARK);
            }
            for _ in 0..batch {
                let Some((key, value)) = dict.next(&mut at) else { break };
                self.pair(v, &key, &value)?;
                if !many {
                    self.out.op(op::SETITEM);
                }
                if dict.len() != len {
                    return Err(error::runtime_error(self.t, "dictionary changed size during iteration"));
                }
            }
            if many {
                self.out.op(op::SETITEMS);
            }
            left -= batch;
        }
        self.leave(v);
        Ok(())
    }

    fn pair(&mut self, owner: &Value, key: &Value, value: &Value) -> Res<()> {
        self.save(key)?;
        if let Err(e) = self.save(value) {
            let note = || Ok(format!("when serializing {} item {}", shown(owner), ops::repr_text(self.t, key)?));
            return Err(self.noted(e, note));
        }
        Ok(())
    }

    /// Items of an iterator of pairs for a dict-like object.
    pub(super) fn batch_dict(&mut self, it: &Value, owner: &Value) -> Res<()> {
        loop {
            let batch = self.next_batch(it)?;
            let many = self.binary() && batch.len() > 1;
            if many {
                self.out.op(op::MARK);
            }
            for item in &batch {
                match item.downcast::<Tuple>().map(Tuple::items) {
                    Some([key, value]) => self.pair(owner, key, value)?,
                    _ => return Err(error::type_error(self.t, "dict items iterator must return 2-tuples")),
                }
                if !many {
                    self.out.op(op::SETITEM);
                }
            }
            if many {
                self.out.op(op::SETITEMS);
            }
            if batch.len() < BATCH {
                return Ok(());
            }
        }
    }

    fn set_items(&self, v: &Value) -> Vec<Value> {
        let (set, mut at, mut out) = (set_::expect(v), 0, Vec::new());
        while let Some((item, _)) = set.next(&mut at) {
            out.push(item);
        }
        out
    }

    /// A set as a call of its class with a list of its items.
    fn reduced_set(&mut self, v: &Value, class: Value) -> Res<()> {
        let t = self.t;
        t.check_alloc(set_::expect(v).len() * 8)?;
        let items = List::from_vec(t, self.set_items(v))?;
        let args = tuple::from_array(t, [items])?;
        self.reduce(&[class, args], Some(v))
    }

    pub(super) fn set(&mut self, v: &Value) -> Res<()> {
        if self.proto < 4 {
            return self.reduced_set(v, set_::SET.ty().value());
        }
        self.out.op(op::EMPTY_SET);
        self.put(v);
        let (set, len) = (set_::expect(v), set_::expect(v).len());
        let (mut at, mut left) = (0, len);
        while left > 0 {
            self.out.op(op::MARK);
            for _ in 0..left.min(BATCH) {
                let Some((item, _)) = set.next(&mut at) else { break };
                self.element(v, &item)?;
                if set.len() != len {
                    return Err(error::runtime_error(self.t, "set changed size during iteration"));
                }
            }
            self.out.op(op::ADDITEMS);
            left -= left.min(BATCH);
        }
        Ok(())
    }

    fn element(&mut self, owner: &Value, item: &Value) -> Res<()> {
        self.save(item).map_err(|e| self.noted(e, || Ok(format!("when serializing {} element", shown(owner)))))
    }

    pub(super) fn frozenset(&mut self, v: &Value) -> Res<()> {
        if self.proto < 4 {
            return self.reduced_set(v, set_::FROZENSET.ty().value());
        }
        self.enter(v)?;
        self.out.op(op::MARK);
        for item in self.set_items(v) {
            self.element(v, &item)?;
        }
        self.leave(v);
        if let Some(i) = self.memo.get(v) {
            self.out.op(op::POP_MARK);
            self.get(i);
            return Ok(());
        }
        self.out.op(op::FROZENSET);
        self.put(v);
        Ok(())
    }
}

/// The text of protocol 0: Latin-1 with what would end the line or start an escape escaped.
fn raw_unicode_escape(t: &Thread, s: &Str) -> Res<Vec<u8>> {
    t.check_alloc(s.len() * 6)?;
    let mut out = Vec::with_capacity(s.len());
    for (i, c) in s.units().iter().enumerate() {
        match c {
            0x5c | 0 | 0x0a | 0x0d | 0x1a | 0x100..=0xffff => out.extend(format!("\\u{c:04x}").bytes()),
            0x1_0000.. => out.extend(format!("\\U{c:08x}").bytes()),
            _ => out.push(c as u8),
        }
        if i % 4096 == 4095 {
            t.poll()?;
        }
    }
    Ok(out)
}
