//! Saver: one value after another into a pickle.

use super::memo::Written;
use super::op;
use super::out::Out;
use super::{facts, fail_pickling};
use rustc_hash::FxHashSet;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Exc, Res};
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::native::NativeFunction;
use typhon_object::strs::{self, Str};
use typhon_object::tuple::Tuple;
use typhon_object::ty::TypeObject;
use typhon_object::types::bytearray::ByteArray;
use typhon_object::types::bytes::Bytes;
use typhon_object::types::exceptions::{self, KEY_ERROR};
use typhon_object::types::{float, int, iters, set_};
use typhon_object::{Thread, Value, attr, call, ops, type_of};

/// How and what to save.
pub(super) struct Saver<'a> {
    pub(super) t: &'a Thread,
    pub(super) out: Out<'a>,
    pub(super) memo: Written,
    pub(super) proto: i64,
    pub(super) fix_imports: bool,
    pub(super) fast: bool,
    /// Depth of containers, and those open, in fast mode.
    pub(super) open: FxHashSet<u64>,
    pub(super) depth: usize,
    pub(super) persistent_id: Option<Value>,
    pub(super) reducer_override: Option<Value>,
    pub(super) dispatch_table: Option<Value>,
    pub(super) buffer_callback: Option<Value>,
}

/// From this depth on fast mode looks for cycles.
const FAST_DEPTH: usize = 50;

impl Saver<'_> {
    /// Whether the protocol has binary opcodes.
    #[inline]
    pub(super) fn binary(&self) -> bool {
        self.proto > 0
    }

    /// A whole pickle of one value.
    pub(super) fn dump(&mut self, v: &Value) -> Res<()> {
        if self.proto >= 2 {
            self.out.push(&[op::PROTO, self.proto as u8]);
        }
        if self.proto >= 4 {
            self.out.start_framing();
        }
        self.save(v)?;
        self.out.op(op::STOP);
        Ok(())
    }

    /// A value.
    pub(super) fn save(&mut self, v: &Value) -> Res<()> {
        if let Some(f) = self.persistent_id.clone() {
            let id = call::call1(self.t, &f, v)?;
            if !id.is_none() {
                self.persistent(&id)?;
                return self.out.boundary();
            }
        }
        self.save_plain(v)?;
        self.t.poll()?;
        self.out.boundary()
    }

    fn persistent(&mut self, id: &Value) -> Res<()> {
        if self.binary() {
            let persistent_id = self.persistent_id.take();
            let saved = self.save(id);
            self.persistent_id = persistent_id;
            saved?;
            self.out.op(op::BINPERSID);
            return Ok(());
        }
        let text = ops::str(self.t, id)?;
        match text.downcast::<Str>().and_then(Str::as_ascii) {
            Some(text) => {
                self.out.push(format!("P{text}\n").as_bytes());
                Ok(())
            }
            None => Err(fail_pickling(self.t, "persistent IDs in protocol 0 must be ASCII strings")),
        }
    }

    fn save_plain(&mut self, v: &Value) -> Res<()> {
        if v.is_none() {
            self.out.op(op::NONE);
            return Ok(());
        }
        if v.is_bool() {
            let text: &[u8] = match (self.proto >= 2, v.is_true()) {
                (true, true) => &[op::NEWTRUE],
                (true, false) => &[op::NEWFALSE],
                (false, true) => b"I01\n",
                (false, false) => b"I00\n",
            };
            self.out.push(text);
            return Ok(());
        }
        if v.is_small() || v.exact::<int::Long>().is_some() {
            return self.int(v);
        }
        if let Some(x) = v.as_immediate_float() {
            self.float(x);
            return Ok(());
        }
        let ty = type_of(v);
        if std::ptr::eq(ty, float::FLOAT.ty()) {
            self.float(float::as_f64(v).unwrap_or(0.0));
            return Ok(());
        }
        if let Some(i) = self.memo.get(v) {
            self.get(i);
            return Ok(());
        }
        if let Some(s) = v.exact::<Str>() {
            return self.str(v, s);
        }
        if let Some(b) = v.exact::<Bytes>() {
            return self.bytes(v, b.as_slice());
        }
        self.t.check_stack("while pickling an object")?;
        if v.exact::<Dict>().is_some() {
            return self.dict(v);
        }
        if v.exact::<List>().is_some() {
            return self.list(v);
        }
        if let Some(tuple) = v.exact::<Tuple>() {
            return self.tuple(v, tuple.items());
        }
        if std::ptr::eq(ty, set_::SET.ty()) {
            return self.set(v);
        }
        if std::ptr::eq(ty, set_::FROZENSET.ty()) {
            return self.frozenset(v);
        }
        if let Some(b) = v.exact::<ByteArray>() {
            let data = b.as_slice().to_vec();
            return self.bytearray(v, &data);
        }
        if v.exact::<super::buffer::PickleBuffer>().is_some() {
            return self.buffer(v);
        }
        self.object(v, ty)
    }

    /// A value that is saved as its class says.
    fn object(&mut self, v: &Value, ty: &TypeObject) -> Res<()> {
        let t = self.t;
        if let Some(f) = self.reducer_override.clone() {
            let reduced = call::call1(t, &f, v)?;
            if !reduced.is_not_implemented() {
                return self.reduced(v, &reduced);
            }
        }
        if std::ptr::eq(ty, typhon_object::types::type_::TYPE.ty()) {
            return self.class(v);
        }
        if ty.name() == "function" && !ty.is_heap_type() {
            return self.global(v, None);
        }
        let class = ty.value();
        let own = match self.dispatch_table.clone() {
            None => facts::mapped(t, "copyreg", "dispatch_table", &class)?,
            Some(table) => match table.exact::<Dict>() {
                Some(dict) => dict.get(t, &class)?,
                None => match ops::getitem(t, &table, &class) {
                    Ok(f) => Some(f),
                    Err(e) if e.is(&KEY_ERROR) => None,
                    Err(e) => return Err(e),
                },
            },
        };
        let reduced = match own {
            Some(f) => call::call1(t, &f, v)?,
            None if v.downcast::<TypeObject>().is_some() => return self.global(v, None),
            None => match attr::get_opt(t, v, n::__reduce_ex__())? {
                Some(f) => call::call1(t, &f, &Value::small(self.proto))?,
                None => match attr::get_opt(t, v, n::__reduce__())? {
                    Some(f) => call::call0(t, &f)?,
                    None => {
                        let (name, text) = (ty.name(), ops::repr_text(t, v)?);
                        return Err(fail_pickling(t, format_args!("can't pickle '{name}' object: {text}")));
                    }
                },
            },
        };
        self.reduced(v, &reduced)
    }

    fn reduced(&mut self, v: &Value, reduced: &Value) -> Res<()> {
        if reduced.downcast::<Str>().is_some() {
            return self.global(v, Some(reduced));
        }
        let saved = match reduced.downcast::<Tuple>() {
            Some(parts) => self.reduce(parts.items(), Some(v)),
            None => {
                let name = iters::full_name(type_of(reduced));
                let text = format_args!("__reduce__ must return a string or tuple, not {name}");
                Err(fail_pickling(self.t, text))
            }
        };
        saved.map_err(|e| self.noted(e, || Ok(format!("when serializing {} object", shown(v)))))
    }

    /// Adds a note to an exception that passes.
    #[cold]
    pub(super) fn noted(&self, e: Exc, note: impl FnOnce() -> Res<String>) -> Exc {
        if e.is_stopped() {
            return e;
        }
        let add = || exceptions::add_note(self.t, e.value(), &strs::new(self.t, &note()?)?);
        match add() {
            Ok(()) => e,
            Err(other) => other,
        }
    }

    /// Refers to an object that the pickle has already.
    pub(super) fn get(&mut self, i: usize) {
        if !self.binary() {
            self.out.push(format!("g{i}\n").as_bytes());
        } else if i < 256 {
            self.out.push(&[op::BINGET, i as u8]);
        } else {
            self.with_u32(op::LONG_BINGET, i as u32);
        }
    }

    /// Remembers the object on top of the reader's stack.
    pub(super) fn put(&mut self, v: &Value) {
        if self.fast {
            return;
        }
        let i = self.memo.len();
        self.memo.put(v, i);
        if self.proto >= 4 {
            self.out.op(op::MEMOIZE);
        } else if !self.binary() {
            self.out.push(format!("p{i}\n").as_bytes());
        } else if i < 256 {
            self.out.push(&[op::BINPUT, i as u8]);
        } else {
            self.with_u32(op::LONG_BINPUT, i as u32);
        }
    }

    pub(super) fn with_u32(&mut self, op: u8, i: u32) {
        let b = i.to_le_bytes();
        self.out.push(&[op, b[0], b[1], b[2], b[3]]);
    }

    fn float(&mut self, x: f64) {
        if self.binary() {
            let mut out = [op::BINFLOAT; 9];
            out[1..].copy_from_slice(&x.to_be_bytes());
            self.out.push(&out);
        } else {
            self.out.push(format!("F{}\n", typhon_num::float_text::repr(x)).as_bytes());
        }
    }

    fn int(&mut self, v: &Value) -> Res<()> {
        let small = v.as_small().and_then(|i| i32::try_from(i).ok());
        if let Some(i) = small {
            match i {
                _ if !self.binary() => self.out.push(format!("I{i}\n").as_bytes()),
                0..=255 => self.out.push(&[op::BININT1, i as u8]),
                256..=65535 => self.out.push(&[op::BININT2, i as u8, (i >> 8) as u8]),
                _ => self.with_u32(op::BININT, i as u32),
            }
            return Ok(());
        }
        if self.proto < 2 {
            let text = ops::repr_text(self.t, v)?;
            self.out.push(format!("L{text}L\n").as_bytes());
            return Ok(());
        }
        let data = super::long::encode(self.t, v)?;
        match u8::try_from(data.len()) {
            Ok(len) => self.out.push(&[op::LONG1, len]),
            Err(_) => self.with_u32(op::LONG4, data.len() as u32),
        }
        self.out.push(&data);
        Ok(())
    }

    /// Enters a container; in fast mode cycles are noticed here.
    pub(super) fn enter(&mut self, v: &Value) -> Res<()> {
        self.depth += 1;
        if self.fast && self.depth >= FAST_DEPTH && !self.open.insert(v.bits()) {
            let name = iters::full_name(type_of(v));
            let text =
                format_args!("fast mode: can't pickle cyclic objects including object type {name} at {:#x}", v.bits());
            return Err(error::value_error(self.t, text));
        }
        Ok(())
    }

    pub(super) fn leave(&mut self, v: &Value) {
        if self.fast && self.depth >= FAST_DEPTH {
            self.open.remove(&v.bits());
        }
        self.depth = self.depth.saturating_sub(1);
    }
}

/// A value's type as `%T` shows it.
pub(super) fn shown(v: &Value) -> String {
    let full = iters::full_name(type_of(v));
    full.strip_prefix("__main__.").map_or_else(|| full.clone(), str::to_string)
}

/// A bound method that is not the default one of our types.
pub(super) fn own_hook(t: &Thread, v: &Value, name: &str) -> Res<Option<Value>> {
    let found = attr::get_opt(t, v, &typhon_object::names::intern_text(t, name))?;
    Ok(found.filter(|f| {
        !f.is_none() && f.exact::<NativeFunction>().is_none_or(|f| f.def.name != name || !f.bound.get().is(v))
    }))
}
