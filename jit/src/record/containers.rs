//! Containers, texts and truth: what helpers do that run no code.

use super::heirs::{Use, items_of, row_of};
use super::objects::Loaded;
use super::{Abort, Num, Reason, Recorder};
use crate::helpers::{self, BUILT_MAX, LIST, SLICE};
use std::mem::offset_of;
use typhon_isa::word::{KILL_A, KILL_B, KILL_C};
use typhon_isa::{CompareKind, Opcode};
use typhon_jit_ir::word::Word;
use typhon_jit_ir::{Alias, Arg, Const, Helper, Op, Ty};
use typhon_object::dict::Dict;
use typhon_object::list::List;
use typhon_object::strs::Str;
use typhon_object::tuple::Tuple;
use typhon_object::types::bytes::Bytes;
use typhon_object::types::set_::Set;
use typhon_object::types::slice::Slice;
use typhon_object::{Value, ids, type_of};

const ABSENT: Arg = Arg::Const(Const::Val(Word::ABSENT));
const SLICE_PARTS: [usize; 3] = [offset_of!(Slice, start), offset_of!(Slice, stop), offset_of!(Slice, step)];

impl Recorder<'_> {
    /// One instruction of these families.
    pub(super) fn container(&mut self, op: Opcode, next: u32) -> Result<u32, Abort> {
        use Opcode as O;
        match op {
            O::BuildTuple => self.build(0)?,
            O::BuildList => self.build(LIST)?,
            O::BuildSlice => self.build(SLICE)?,
            O::BuildMap if self.word.c() == 0 => self.build_dict(),
            O::ListAppend => self.append()?,
            O::SetAdd => self.set_add()?,
            O::MapAdd => self.set_other_item(self.word.a(), self.word.b(), self.word.c())?,
            O::Contains => self.contains()?,
            O::GetIter | O::GetYieldFromIter | O::GetAwaitable if self.is_own_iterator(op) => self.own_iterator(op),
            O::GetIter => self.get_iter()?,
            O::GetSlice => self.get_slice()?,
            O::SetSlice => self.set_slice()?,
            O::CopyFreeVars => self.free_variables()?,
            _ => return self.abort(Reason::Opcode),
        }
        Ok(next)
    }

    fn shape(&self, r: usize) -> u32 {
        self.value(r).header().map_or(0, |h| h.shape().0)
    }

    /// The register holds an object of the same shape, whose type is one of ours.
    pub(super) fn built_in(&mut self, r: usize) -> Result<Arg, Abort> {
        let v = self.value(r);
        if !v.is_object() || type_of(v).is_heap_type() {
            return self.abort(Reason::Type);
        }
        let (shape, object) = (self.shape(r), self.reg(r).arg);
        self.has_shape(object, shape);
        Ok(object)
    }

    /// A helper's answer is what it is now.
    pub(super) fn answer(&mut self, told: Arg, now: i64) -> Result<Num<bool>, Abort> {
        if now < 0 {
            return self.abort(Reason::Type);
        }
        let same = self.op(Op::IEq, &[told, Arg::int(now)]);
        self.guard(same);
        Ok(Num { arg: Arg::bool(now != 0), real: now != 0 })
    }

    pub(super) fn thread_now(&self) -> u64 {
        std::ptr::from_ref(self.at.t) as u64
    }

    /// The truth of an object.
    pub(super) fn truth_of_object(&mut self, r: usize) -> Result<Num<bool>, Abort> {
        if !self.value(r).is_object() {
            return self.abort(Reason::Type);
        }
        if row_of(self.value(r), Use::Measured).is_some() {
            let (object, row) = self.has_row(r, Use::Measured)?;
            let real = items_of(self.value(r)).is_some_and(|items| !items.is_empty());
            let len = self.len_of(object, row);
            return Ok(Num { arg: self.op(Op::INe, &[len, Arg::int(0)]), real });
        }
        let ty = type_of(self.value(r));
        if ty.is_heap_type() {
            // Nothing says that it may be false.
            if ty.slots().bool.is_some() || ty.slots().len.is_some() || ty.version.get() == 0 {
                return self.abort(Reason::Type);
            }
            let object = self.reg(r).arg;
            let key = super::attributes::type_key(self.value(r));
            self.has_type(object, key);
            return Ok(Num { arg: Arg::bool(true), real: true });
        }
        let object = self.built_in(r)?;
        let now = helpers::truth(self.thread_now(), self.value(r).bits());
        if now < 0 {
            return self.abort(Reason::Type);
        }
        let told = self.b.call(Helper::Truth, &[self.thread, object]).into();
        self.answer(told, now)
    }

    /// Whether two values that run no code are equal.
    pub(super) fn equality(&mut self) -> Result<Num<bool>, Abort> {
        let w = self.word;
        let kind = CompareKind::from_u8(w.kind() & 7);
        if !matches!(kind, CompareKind::Eq | CompareKind::Ne) {
            return self.abort(Reason::Type);
        }
        let now = helpers::equal(self.thread_now(), self.value(w.b()).bits(), self.value(w.c()).bits());
        if now < 0 {
            return self.abort(Reason::Type);
        }
        let (a, b) = (self.reg(w.b()).arg, self.reg(w.c()).arg);
        let told = self.b.call(Helper::Equal, &[self.thread, a, b]).into();
        let same = self.answer(told, now)?;
        let real = same.real == (kind == CompareKind::Eq);
        Ok(Num { arg: Arg::bool(real), real })
    }

    fn contains(&mut self) -> Result<(), Abort> {
        let w = self.word;
        let now = helpers::member(self.thread_now(), self.value(w.c()).bits(), self.value(w.b()).bits());
        if now < 0 {
            return self.abort(Reason::Type);
        }
        let container = self.built_in(w.c())?;
        let item = self.reg(w.b()).arg;
        let told = self.b.call(Helper::Member, &[self.thread, container, item]).into();
        let found = self.answer(told, now)?;
        let inverted = w.kind() == 1;
        self.set_bool(Num { arg: Arg::bool(found.real != inverted), real: found.real != inverted });
        Ok(())
    }

    /// A display of a few values.
    fn build(&mut self, what: i64) -> Result<(), Abort> {
        let w = self.word;
        let (at, n) = (w.b(), w.c());
        if n > BUILT_MAX || n == 0 && what == 0 {
            return self.abort(Reason::Type);
        }
        if what == 0 {
            self.build_tuple();
            return Ok(());
        }
        if what == SLICE {
            self.build_slice();
            return Ok(());
        }
        let mut args = [ABSENT; BUILT_MAX];
        for (i, arg) in args.iter_mut().take(n).enumerate() {
            *arg = self.reg(at + i).arg;
        }
        let over = w.a();
        let inside = (at..at + n).contains(&over);
        if !inside {
            self.may_write([over]);
        }
        let how = Arg::int(what | n as i64);
        let made = Arg::from(self.b.call(Helper::Build, &[self.thread, how, args[0], args[1], args[2], args[3]]));
        self.is_present(made);
        for i in at..at + n {
            self.take(i);
        }
        self.put(over, made);
        Ok(())
    }

    /// A tuple of a few values, which takes them over. Who only takes it apart again needs none.
    fn build_tuple(&mut self) {
        let w = self.word;
        let (at, n, over) = (w.b(), w.c(), w.a());
        self.may_write((!(at..at + n).contains(&over)).then_some(over));
        let made = self.tuple_of(at..at + n);
        self.put(over, made);
    }

    /// An empty dict.
    fn build_dict(&mut self) {
        self.may_write([self.word.a()]);
        let made = self.new_built_in(ids::DICT, size_of::<Dict>());
        self.put(self.word.a(), made);
    }

    /// A tuple of what registers hold, which it takes over. Nothing more may go wrong with the instruction.
    pub(super) fn tuple_of(&mut self, registers: std::ops::Range<usize>) -> Arg {
        let n = registers.len();
        let items: Vec<Arg> = registers.clone().map(|r| self.reg(r).arg).collect();
        let made = self.new_built_in(ids::TUPLE, Tuple::ITEMS + 8 * n);
        self.b.mem(Op::Store, Ty::Unit, Alias::Tuple, &[made, Arg::int(n as i64)], Tuple::LEN as i32);
        for (i, (r, item)) in registers.zip(items).enumerate() {
            self.take(r);
            self.b.mem(Op::Store, Ty::Unit, Alias::Tuple, &[made, item], (Tuple::ITEMS + 8 * i) as i32);
        }
        made
    }

    /// A slice, which takes its parts over. Who only looks at those needs none.
    fn build_slice(&mut self) {
        let w = self.word;
        let (at, n, over) = (w.b(), w.c(), w.a());
        let parts: Vec<Arg> =
            (at..at + n).map(|r| self.reg(r).arg).chain([Arg::Const(Const::Val(Word::NONE))]).collect();
        self.may_write((!(at..at + n).contains(&over)).then_some(over));
        let made = self.new_built_in(ids::SLICE, size_of::<Slice>());
        for (part, place) in parts.into_iter().zip(SLICE_PARTS) {
            self.b.mem(Op::Store, Ty::Unit, Alias::Slot, &[made, part], place as i32);
        }
        for r in at..at + n {
            self.take(r);
        }
        self.put(over, made);
    }

    /// A slice of a list.
    fn get_stride(&mut self) -> Result<(), Abort> {
        let w = self.word;
        let (list, slice) = (self.built_in(w.b())?, self.built_in(w.c())?);
        let [start, stop, step] = SLICE_PARTS.map(|at| self.load(Ty::Val, Alias::Slot, slice, at));
        self.may_write(self.dying().chain([w.a()]));
        let part = self.b.call(Helper::Stride, &[self.thread, list, start, stop, step]).into();
        self.made(part);
        Ok(())
    }

    fn append(&mut self) -> Result<(), Abort> {
        let w = self.word;
        let (list, value) = (self.reg(w.a()).arg, self.reg(w.b()).arg);
        self.push_to(list, value)?;
        self.hand_over(w.b(), value, w.x() & KILL_B != 0);
        Ok(())
    }

    /// Appends to a list, which has a reference of the value's then: the caller's business.
    pub(super) fn push_to(&mut self, list: Arg, value: Arg) -> Result<(), Abort> {
        let own = self.parallel && !self.is_others(list);
        let helper = if own { Helper::ListPushOwn } else { Helper::ListPush };
        let done = self.b.call(helper, &[self.thread, list, value]).into();
        self.guard(done);
        Ok(())
    }

    fn set_add(&mut self) -> Result<(), Abort> {
        let w = self.word;
        if self.value(w.a()).exact::<Set>().is_none() || !typhon_object::plain::is_key(self.value(w.b())) {
            return self.abort(Reason::Type);
        }
        let (set, value) = (self.reg(w.a()).arg, self.reg(w.b()).arg);
        self.may_write(self.dying());
        let done = self.b.call(Helper::SetAdd, &[self.thread, set, value]).into();
        self.guard(done);
        self.end_dying();
        Ok(())
    }

    fn get_iter(&mut self) -> Result<(), Abort> {
        if self.make_iterator()? {
            return Ok(());
        }
        if self.parallel && !helpers::iterates_beside(self.value(self.word.b())) {
            return self.abort(Reason::Type);
        }
        let object = self.built_in(self.word.b())?;
        self.may_write(self.dying().chain([self.word.a()]));
        let it = Arg::from(self.b.call(Helper::Iter, &[self.thread, object]));
        self.is_present(it);
        self.end_dying();
        self.put(self.word.a(), it);
        Ok(())
    }

    /// A helper's new value, with its reference: the operands die, and it is the result.
    pub(super) fn made(&mut self, value: Arg) {
        self.is_present(value);
        self.end_dying();
        self.put(self.word.a(), value);
    }

    /// An item of anything but a list or tuple by a number.
    pub(super) fn get_other_item(&mut self) -> Result<(), Abort> {
        let w = self.word;
        let (v, key) = (self.value(w.b()), self.value(w.c()));
        if v.exact::<Dict>().is_some() {
            let (bits, key) = (key.bits(), self.reg(w.c()).arg);
            return self.get_entry(key, bits);
        }
        if v.exact::<Str>().is_some() && key.is_small() {
            let index = self.int(w.c())?;
            return self.get_character(index);
        }
        if v.exact::<Bytes>().is_some() && key.is_small() {
            let index = self.int(w.c())?;
            return self.get_byte(index);
        }
        if key.is_small()
            && let Some(row) = self.number_at(w.b())?
        {
            let index = self.int(w.c())?;
            return self.get_number(row, index);
        }
        let (v, key) = (self.value(w.b()), self.value(w.c()));
        if type_of(v).is_heap_type() || !helpers::has_items(v, key) {
            return self.abort(Reason::Type);
        }
        if v.exact::<List>().is_some() && key.exact::<Slice>().is_some() {
            return self.get_stride();
        }
        let (object, key) = (self.built_in(w.b())?, self.reg(w.c()).arg);
        self.may_write(self.dying().chain([w.a()]));
        let item = self.b.call(Helper::Item, &[self.thread, object, key]).into();
        self.made(item);
        Ok(())
    }

    /// The same where the number is the instruction's own.
    pub(super) fn get_other_item_imm(&mut self) -> Result<(), Abort> {
        let (v, index) = (self.value(self.word.b()), self.imm());
        let (is_dict, is_text) = (v.exact::<Dict>().is_some(), v.exact::<Str>().is_some());
        let is_bytes = v.exact::<Bytes>().is_some();
        let Some(key) = Word::int(index.real) else { return self.abort(Reason::Type) };
        // The third operand is a number.
        self.word = typhon_isa::Word(self.word.0 & !(u64::from(KILL_C) << 8));
        match (is_dict, is_text) {
            (true, _) => self.get_entry(Arg::Const(Const::Val(key)), key.0),
            (_, true) => self.get_character(index),
            _ if is_bytes => self.get_byte(index),
            _ => match self.number_at(self.word.b())? {
                Some(row) => self.get_number(row, index),
                None => self.abort(Reason::Type),
            },
        }
    }

    /// What a dict has under a key.
    fn get_entry(&mut self, key: Arg, now: u64) -> Result<(), Abort> {
        let r = self.word.b();
        if helpers::dict_get(self.thread_now(), self.value(r).bits(), now, 0) == 0 {
            return self.abort(Reason::Type);
        }
        let dict = self.built_in(r)?;
        let value = Arg::from(self.b.call(Helper::DictGet, &[self.thread, dict, key, ABSENT]));
        self.is_present(value);
        self.result_of(Loaded::borrowed(value));
        Ok(())
    }

    /// A byte of bytes, which never change.
    fn get_byte(&mut self, index: Num<i64>) -> Result<(), Abort> {
        let r = self.word.b();
        let len_now = self.value(r).exact::<Bytes>().map_or(0, Bytes::len);
        let object = self.built_in(r)?;
        let len = self.load(Ty::Int, Alias::Boxed, object, Bytes::LEN);
        let at = self.position(index.arg, index.real, len, len_now)?;
        let byte = self.b.mem(Op::LoadX8, Ty::Int, Alias::Boxed, &[object, at], Bytes::DATA as i32).into();
        let value = self.op(Op::BoxInt, &[byte]);
        self.result_of(Loaded { value, borrowed: false });
        Ok(())
    }

    /// A character of a text.
    fn get_character(&mut self, index: Num<i64>) -> Result<(), Abort> {
        let w = self.word;
        let (text, len) = (self.built_in(w.b())?, v_len(self.value(w.b())));
        if !(0..len).contains(&index.real) {
            return self.abort(Reason::Type);
        }
        self.may_write(self.dying().chain([w.a()]));
        let item = self.b.call(Helper::StrItem, &[self.thread, text, index.arg]).into();
        self.made(item);
        Ok(())
    }

    fn get_slice(&mut self) -> Result<(), Abort> {
        let w = self.word;
        let bounds = [w.c(), w.c() + 1];
        if bounds.iter().any(|r| self.value(*r).is_object()) {
            return self.abort(Reason::Type);
        }
        let object = self.built_in(w.b())?;
        if ![ids::LIST, ids::TUPLE, ids::STR].contains(&self.shape(w.b())) {
            return self.abort(Reason::Type);
        }
        let [start, stop] = bounds.map(|r| self.reg(r).arg);
        for bound in [start, stop] {
            self.is_no_object(bound);
        }
        let dies = w.x() & KILL_B != 0;
        self.may_write([w.a()].into_iter().chain(dies.then_some(w.b())));
        let part = Arg::from(self.b.call(Helper::Part, &[self.thread, object, start, stop]));
        self.is_present(part);
        for r in bounds {
            self.take(r);
        }
        if dies {
            self.b.op(Op::Release, &[object], None);
            self.take(w.b());
        }
        self.put(w.a(), part);
        Ok(())
    }

    fn is_no_object(&mut self, arg: Arg) {
        let object = self.op(Op::IsObj, &[arg]);
        let plain = self.op(Op::Not, &[object]);
        self.guard(plain);
    }

    fn set_slice(&mut self) -> Result<(), Abort> {
        let w = self.word;
        let bounds = [w.c(), w.c() + 1];
        // Beside other threads it is one step.
        let lists = self.value(w.a()).exact::<List>().is_some() && !self.parallel;
        if bounds.iter().any(|r| self.value(*r).is_object()) || !lists {
            return self.abort(Reason::Type);
        }
        let list = self.built_in(w.a())?;
        let [start, stop] = bounds.map(|r| self.reg(r).arg);
        for bound in [start, stop] {
            self.is_no_object(bound);
        }
        let items = self.reg(w.b()).arg;
        let dying = [(KILL_A, w.a()), (KILL_B, w.b())].into_iter().filter(|(bit, _)| w.x() & bit != 0);
        let dying: Vec<usize> = dying.map(|(_, r)| r).collect();
        self.may_write(dying.iter().copied());
        let done = self.b.call(Helper::SetPart, &[self.thread, list, start, stop, items]).into();
        self.guard(done);
        for r in bounds {
            self.take(r);
        }
        for r in dying {
            let i = self.index(r);
            if let Some(old) = self.regs.owned(&mut self.b, i) {
                self.b.op(Op::Release, &[old], None);
            }
            self.take(r);
        }
        Ok(())
    }

    /// `a[b] = c` for anything but an item of a list by a number.
    pub(super) fn set_other_item(&mut self, a: usize, b: usize, c: usize) -> Result<(), Abort> {
        if self.value(b).is_small()
            && let Some(row) = self.number_at(a)?
        {
            return self.set_number(row, b, c);
        }
        if helpers::takes_numbers(self.value(a)) && self.value(b).is_small() {
            let object = self.built_in(a)?;
            let (key, value) = (self.argument(b, false)?, self.argument(c, false)?);
            self.may_write(self.dying());
            let done = self.b.call(Helper::PutItem, &[self.thread, object, key, value]).into();
            self.guard(done);
            self.end_dying();
            return Ok(());
        }
        if self.value(a).exact::<Dict>().is_none() || !typhon_object::plain::is_key(self.value(b)) {
            return self.abort(Reason::Type);
        }
        let (dict, key, value) = (self.built_in(a)?, self.reg(b).arg, self.reg(c).arg);
        self.may_write(self.dying());
        let done = self.b.call(Helper::DictPut, &[self.thread, dict, key, value]).into();
        self.guard(done);
        self.end_dying();
        Ok(())
    }

    /// The closure's cells.
    fn free_variables(&mut self) -> Result<(), Abort> {
        let w = self.word;
        let function = self.function();
        let cells = self.load(Ty::Val, Alias::Code, function, typhon_interp::function::Function::CLOSURE);
        self.has_shape(cells, ids::TUPLE);
        let len = self.load(Ty::Int, Alias::Tuple, cells, Tuple::LEN);
        let same = self.op(Op::IEq, &[len, Arg::int(w.c() as i64)]);
        self.guard(same);
        self.may_write(w.a()..w.a() + w.c());
        for i in 0..w.c() {
            let at = Arg::int(i as i64);
            let cell = self.b.mem(Op::LoadX, Ty::Val, Alias::Tuple, &[cells, at], Tuple::ITEMS as i32).into();
            self.retain(cell);
            self.put(w.a() + i, cell);
        }
        Ok(())
    }
}

fn v_len(v: &Value) -> i64 {
    v.exact::<Str>().map_or(0, |s| s.len() as i64)
}
