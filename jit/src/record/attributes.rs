//! Attributes and methods: what a look at the object says that they are, which its shape and its type's version guard.
//!
//! The instruction's own cache is not asked: a site that sees many shapes is one of one shape in each trace.

use super::objects::Loaded;
use super::{Abort, Reason, Recorder};
use crate::helpers;
use typhon_interp::eval::follow::class_method;
use typhon_isa::Opcode;
use typhon_isa::word::KILL_B;
use typhon_jit_ir::word::{SHAPE_OFFSET, Word};
use typhon_jit_ir::{Alias, Arg, Const, Helper, Op, Ty};
use typhon_object::shape::{Shape, ShapeId};
use typhon_object::types::module::Module;
use typhon_object::types::staticmethod::StaticMethod;
use typhon_object::{TypeObject, Value, ids, type_of};

/// What a LoadMethod leaves for the call.
enum Method {
    /// A function, which is called with the object.
    Bound(Arg),
    /// A function, which is called with the class.
    OfClass(Arg, Arg),
    /// Something that is called as it is.
    Plain(Arg),
}

impl Recorder<'_> {
    /// One instruction of these families.
    pub(super) fn attribute(&mut self, op: Opcode, next: u32) -> Result<u32, Abort> {
        let w = self.word;
        let r = if op.family() == Some(Opcode::StoreAttr) { w.a() } else { w.b() };
        if !self.value(r).is_object() {
            return self.abort(Reason::Type);
        }
        let Some((op, words)) = self.running.attribute(op, self.value(r), w.c()) else {
            return self.abort(Reason::Type);
        };
        match op.family() {
            Some(Opcode::LoadAttr) => self.load_attribute(op, words)?,
            Some(Opcode::LoadMethod) => self.load_method(op, words)?,
            _ => self.store_attribute(op, words)?,
        }
        Ok(next)
    }

    /// The register holds an object of the cached shape, whose type is as it was.
    fn cached(&mut self, r: usize, key: u64) -> Arg {
        let object = self.reg(r).arg;
        self.has_type(object, key);
        object
    }

    pub(super) fn has_type(&mut self, object: Arg, key: u64) {
        let (shape, version) = (key as u32, (key >> 32) as u32);
        self.has_shape(object, shape);
        self.private = true;
        let of = Arg::Const(Const::Ptr(std::ptr::from_ref(ShapeId(shape).get()) as u64));
        let at = std::mem::offset_of!(Shape, version) as i32;
        let now = Arg::from(self.b.mem(Op::Load32, Ty::Int, Alias::Code, &[of], at));
        let same = self.op(Op::IEq, &[now, Arg::int(version.into())]);
        self.guard(same);
    }

    /// A class has the version that it had.
    pub(super) fn has_version(&mut self, class: Arg, version: u32) {
        let at = std::mem::offset_of!(TypeObject, version) as i32;
        let now = Arg::from(self.b.mem(Op::Load32, Ty::Int, Alias::Code, &[class], at));
        let same = self.op(Op::IEq, &[now, Arg::int(version.into())]);
        self.guard(same);
    }

    /// What a type has under the name, where reading it gives what it is, or what a static method wraps.
    fn plain(&mut self, bits: u64) -> Arg {
        match Value::from_ref(&bits).exact::<StaticMethod>() {
            Some(_) => {
                let of = Arg::Const(Const::Ptr(bits));
                self.load(Ty::Val, Alias::Code, of, std::mem::offset_of!(StaticMethod, callable))
            }
            None => Arg::Const(Const::Val(Word(bits))),
        }
    }

    /// What a module has in its dict.
    fn of_module(&mut self, r: usize, [version, entry, _]: [u64; 3]) -> Arg {
        let module = self.reg(r).arg;
        let shape = self.value(r).header().map_or(0, |h| h.shape().0);
        self.has_shape(module, shape);
        let dict = self.load(Ty::Ptr, Alias::Slot, module, std::mem::offset_of!(Module, dict));
        let there = self.op(Op::IsNull, &[dict]);
        let there = self.op(Op::Not, &[there]);
        self.guard(there);
        self.private = true;
        self.entry_of(dict, version as u32, entry as usize)
    }

    /// The register holds this very class, and neither it nor its metaclass has changed.
    fn same_class(&mut self, r: usize, [bits, _, versions]: [u64; 3]) -> Arg {
        let class = self.reg(r).arg;
        let key = type_key(self.value(r));
        let same = self.op(Op::Same, &[class, Arg::Const(Const::Val(Word(bits)))]);
        self.guard(same);
        self.has_type(class, key);
        self.has_version(class, versions as u32);
        class
    }

    /// What an instance's dict has under the name, borrowed; absent if it has not.
    fn of_dict(&mut self, object: Arg, offset: u64) -> Result<Arg, Abort> {
        let name = self.unit().names().get(self.word.c()).map(Value::bits);
        let Some(name) = name else { return self.abort(Reason::Opcode) };
        let dict = self.load(Ty::Val, Alias::Slot, object, offset as usize);
        self.has_shape(dict, ids::DICT);
        let name = Arg::Const(Const::Val(Word(name)));
        let absent = Arg::Const(Const::Val(Word::ABSENT));
        Ok(self.b.call(Helper::DictGet, &[self.thread, dict, name, absent]).into())
    }

    fn load_attribute(&mut self, op: Opcode, words: [u64; 3]) -> Result<(), Abort> {
        let r = self.word.b();
        let value = match op {
            Opcode::LoadAttrSlot | Opcode::LoadAttrMember => {
                let object = self.cached(r, words[0]);
                let value = self.load(Ty::Val, Alias::Slot, object, words[1] as usize);
                self.is_present(value);
                // SAFETY: the interpreter's words for the object at hand say that a slot with a value's word lies there.
                let now = unsafe { *(self.value(r).bits() as *const u8).add(words[1] as usize).cast::<u64>() };
                let value = self.loaded(value, now);
                self.result_of(value);
                return Ok(());
            }
            Opcode::LoadAttrEntry => {
                let object = self.cached(r, words[0]);
                self.of_dict(object, words[1])?
            }
            Opcode::LoadAttrType => {
                self.cached(r, words[0]);
                self.plain(words[1])
            }
            Opcode::LoadAttrModule => self.of_module(r, words),
            Opcode::LoadAttrClass => {
                self.same_class(r, words);
                self.plain(words[1])
            }
            _ => return self.abort(Reason::Opcode),
        };
        self.is_present(value);
        self.result_of(Loaded::borrowed(value));
        Ok(())
    }

    fn store_attribute(&mut self, op: Opcode, words: [u64; 3]) -> Result<(), Abort> {
        let w = self.word;
        let object = self.cached(w.a(), words[0]);
        let cache = words[1];
        let (at, then) = match op {
            Opcode::StoreAttrAdd => (i32::from(cache as u16), Some((cache >> 32) as i64)),
            _ => (i32::try_from(cache).unwrap_or(i32::MAX), None),
        };
        if op == Opcode::StoreAttrAdd && cache as u32 > u16::MAX.into() {
            return self.abort(Reason::Opcode);
        }
        let value = self.reg(w.b()).arg;
        if self.is_others(object) {
            // What the head knows of its shape is not to change behind its back.
            if then.is_some() && self.is_asked(object) {
                return self.abort(Reason::Type);
            }
            let how = helpers::with_next(words[0] as u32, then);
            let done = self.b.call(Helper::AttrPut, &[object, Arg::int(how), Arg::int(at.into()), value]).into();
            self.guard(done);
            self.end_dying();
            return Ok(());
        }
        // An object has nothing in a slot that its shape does not have.
        let old = then.is_none().then(|| Arg::from(self.b.mem(Op::Load, Ty::Val, Alias::Slot, &[object], at)));
        if let Some(old) = old {
            self.may_release(old);
        }
        self.may_write(self.dying().filter(|r| *r != w.b()));
        self.hand_over(w.b(), value, w.x() & KILL_B != 0);
        self.b.mem(Op::Store, Ty::Unit, Alias::Slot, &[object, value], at);
        if let Some(shape) = then {
            self.b.mem(Op::Store32, Ty::Unit, Alias::Shape, &[object, Arg::int(shape)], SHAPE_OFFSET);
        }
        if let Some(old) = old {
            self.b.op(Op::Release, &[old], None);
        }
        self.end_dying();
        Ok(())
    }

    fn load_method(&mut self, op: Opcode, words: [u64; 3]) -> Result<(), Abort> {
        let r = self.word.b();
        let method = match op {
            Opcode::LoadMethodType => {
                self.cached(r, words[0]);
                Method::Bound(Arg::Const(Const::Val(Word(words[1]))))
            }
            Opcode::LoadMethodMasked => {
                let object = self.cached(r, words[0]);
                self.is_masked(object, words[2])?;
                Method::Bound(Arg::Const(Const::Val(Word(words[1]))))
            }
            Opcode::LoadMethodSlot => {
                let object = self.cached(r, words[0]);
                Method::Plain(self.load(Ty::Val, Alias::Slot, object, words[1] as usize))
            }
            Opcode::LoadMethodOther => {
                self.cached(r, words[0]);
                let class = Arg::Const(Const::Val(Word(std::ptr::from_ref(type_of(self.value(r))) as u64)));
                self.other(words[1], class)
            }
            Opcode::LoadMethodModule => Method::Plain(self.of_module(r, words)),
            Opcode::LoadMethodClass => {
                let class = self.same_class(r, words);
                self.other(words[1], class)
            }
            _ => return self.abort(Reason::Opcode),
        };
        self.method(method)
    }

    /// `super().name`, where the instruction knows which method that is.
    pub(super) fn load_super(&mut self) -> Result<(), Abort> {
        let w = self.word;
        let (b, a) = (w.b(), w.a());
        let [what, class, this] = [b, b + 1, b + 2].map(|r| self.value(r).bits());
        let versions = match (Value::from_ref(&class).downcast::<TypeObject>(), type_key(Value::from_ref(&this)) >> 32)
        {
            (Some(class), version) => u64::from(class.version.get()) | version << 32,
            _ => 0,
        };
        let known = what == std::ptr::from_ref(typhon_object::types::super_::SUPER.ty()) as u64
            && versions as u32 != 0
            && versions >> 32 != 0
            && versions == self.extra(0)
            && self.value(b + 2).is_object();
        if !known {
            return self.abort(Reason::Type);
        }
        let [what_now, class_now, this_now] = [b, b + 1, b + 2].map(|r| self.reg(r).arg);
        for (arg, bits) in [(what_now, what), (class_now, class)] {
            let same = self.op(Op::Same, &[arg, Arg::Const(Const::Val(Word(bits)))]);
            self.guard(same);
        }
        let key = type_key(Value::from_ref(&class));
        self.has_type(class_now, key);
        self.has_version(class_now, versions as u32);
        let key = type_key(Value::from_ref(&this));
        self.has_type(this_now, key);
        self.may_write([b, b + 1].into_iter().chain([a, a + 1].into_iter().filter(|r| !(b..b + 3).contains(r))));
        let function = Arg::Const(Const::Val(Word(self.extra(1))));
        self.take(b + 2);
        for (r, arg) in [(b, what_now), (b + 1, class_now)] {
            self.take(r);
            self.b.op(Op::Release, &[arg], None);
        }
        self.retain(function);
        self.put(a + 1, this_now);
        self.put(a, function);
        Ok(())
    }

    /// The instance's dict has nothing under the name, so that the type's attribute counts.
    fn is_masked(&mut self, object: Arg, offset: u64) -> Result<(), Abort> {
        let absent = Arg::Const(Const::Val(Word::ABSENT));
        let dict = self.load(Ty::Val, Alias::Slot, object, offset as usize);
        let none = self.op(Op::Same, &[dict, absent]);
        // SAFETY: the object's shape has its dict word there.
        let now = unsafe { *((self.value(self.word.b()).bits() + offset) as *const u64) };
        if now == 0 {
            self.guard(none);
            return Ok(());
        }
        let found = self.of_dict(object, offset)?;
        let missing = self.op(Op::Same, &[found, absent]);
        self.guard(missing);
        Ok(())
    }

    /// A static or class method, or what does not bind.
    fn other(&mut self, bits: u64, class: Arg) -> Method {
        match class_method(bits) {
            Some(method) => {
                let of = Arg::Const(Const::Ptr(bits));
                let at = std::ptr::from_ref(&method.callable) as usize - bits as usize;
                Method::OfClass(self.load(Ty::Val, Alias::Code, of, at), class)
            }
            None => Method::Plain(self.plain(bits)),
        }
    }

    /// What a method call needs: the callable, and what is passed first, or nothing. The object dies if it is a temporary.
    fn method(&mut self, method: Method) -> Result<(), Abort> {
        let w = self.word;
        let (r, a) = (w.b(), w.a());
        let dies = w.x() & KILL_B != 0;
        let over = r == a || r == a + 1;
        if !dies && over {
            return self.abort(Reason::Opcode);
        }
        let (function, bound) = match method {
            Method::Bound(function) => (function, true),
            Method::OfClass(function, _) | Method::Plain(function) => (function, false),
        };
        self.is_present(function);
        let object = self.reg(r).arg;
        let gone = (dies && !bound).then_some(r);
        self.may_write([a, a + 1].into_iter().filter(|i| *i != r).chain(gone));
        let first = match method {
            Method::Bound(_) => {
                self.hand_over(r, object, dies);
                object
            }
            Method::OfClass(_, class) => {
                self.retain(class);
                class
            }
            Method::Plain(_) => Arg::Const(Const::Val(Word::ABSENT)),
        };
        self.retain(function);
        if gone.is_some() {
            self.b.op(Op::Release, &[object], None);
            self.take(r);
        }
        self.put(a + 1, first);
        self.put(a, function);
        Ok(())
    }
}

/// An object's shape and its type's version.
pub(super) fn type_key(v: &Value) -> u64 {
    v.header().map_or(0, |h| u64::from(h.shape().0) | u64::from(h.shape().get().version.get()) << 32)
}
