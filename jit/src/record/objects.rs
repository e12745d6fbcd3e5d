//! Lists, tuples, globals and cells: what inline caches and fixed layouts make a load or a store.
//!
//! What a cache of this isolate says becomes a constant of the trace, which holds for the isolate only.

use super::heirs::{Use, items_of, row_of};
use super::{Abort, Real, Reason, Recorder};
use typhon_interp::frame::Frame;
use typhon_interp::function::Function;
use typhon_interp::generator::Generator;
use typhon_isa::Opcode;
use typhon_isa::word::{KILL_A, KILL_B, KILL_C};
use typhon_jit_ir::snapshot::place_number;
use typhon_jit_ir::word::{HEADER_SIZE, SHAPE_OFFSET, Word};
use typhon_jit_ir::{Alias, Arg, Const, Helper, Op, Ty};
use typhon_object::Value;
use typhon_object::dict::Dict;
use typhon_object::list::List;
use typhon_object::shape::ShapeId;
use typhon_object::tuple::Tuple;
use typhon_object::types::cell::Cell;

/// Items of a sequence that is unpacked, at most.
const UNPACKED_MAX: usize = 16;

/// What has items in a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    List,
    Tuple,
}

/// What was loaded from an object.
#[derive(Clone, Copy)]
pub(super) struct Loaded {
    pub(super) value: Arg,
    /// The reference is the object's.
    pub(super) borrowed: bool,
}

impl Loaded {
    pub(super) fn borrowed(value: Arg) -> Self {
        Self { value, borrowed: true }
    }
}

/// The word of item `i` of a list or a tuple, from the end if it is negative; absent if there is none.
pub(super) fn item_now(v: &Value, i: i64) -> u64 {
    let items = items_of(v).unwrap_or_default();
    let at = if i < 0 { i + items.len() as i64 } else { i };
    usize::try_from(at).ok().and_then(|at| items.get(at)).map_or(0, Value::bits)
}

impl Recorder<'_> {
    /// One instruction of these families.
    pub(super) fn object(&mut self, op: Opcode, next: u32) -> Result<u32, Abort> {
        use Opcode as O;
        match op {
            O::GetItem | O::GetItemListInt | O::GetItemTupleInt | O::GetItemDict | O::GetItemStrInt => {
                self.get_item()?
            }
            O::GetItemImm => self.get_item_imm()?,
            O::SetItem => self.set_item()?,
            O::UnpackSequence => self.unpack()?,
            O::ForIter
            | O::ForIterList
            | O::ForIterTuple
            | O::ForIterRange
            | O::ForIterEnumerate
            | O::ForIterZip
            | O::ForIterItems => return self.iterate(next),
            _ if op.family().is_some() => return self.attribute(op, next),
            O::LoadGlobalModule | O::LoadGlobalBuiltin => self.load_global(op)?,
            O::LoadSuperMethod => self.load_super()?,
            O::LoadDeref => self.load_cell()?,
            O::StoreDeref => self.store_cell()?,
            _ => return self.container(op, next),
        }
        Ok(next)
    }

    pub(super) fn load(&mut self, ty: Ty, class: Alias, base: Arg, offset: usize) -> Arg {
        let class = self.class(base, class);
        self.b.mem(Op::Load, ty, class, &[base], i32::try_from(offset).unwrap_or(i32::MAX)).into()
    }

    /// A value that is an object of this shape.
    pub(super) fn has_shape(&mut self, value: Arg, shape: u32) {
        let object = self.op(Op::IsObj, &[value]);
        self.guard(object);
        // SAFETY: an object of the shape was just looked at, and keeps its type alive.
        let grows = unsafe { ShapeId(shape).get().ty.as_ref() }.is_heap_type();
        let class = if grows && self.is_others(value) { Alias::Shared } else { Alias::Shape };
        let is = Arg::from(self.b.mem(Op::Load32, Ty::Int, class, &[value], SHAPE_OFFSET));
        let same = self.op(Op::IEq, &[is, Arg::int(shape.into())]);
        self.guard(same);
    }

    /// A word that is there.
    pub(super) fn is_present(&mut self, value: Arg) {
        let absent = self.op(Op::Same, &[value, Arg::Const(Const::Val(Word::ABSENT))]);
        let present = self.op(Op::Not, &[absent]);
        self.guard(present);
    }

    /// Register `r`, which must hold a list or tuple that is used so: it, which, its length in the trace and now.
    fn row(&mut self, r: usize, used: Use) -> Result<(Arg, Row, Arg, usize), Abort> {
        let (object, row) = self.has_row(r, used)?;
        let len = self.len_of(object, row);
        Ok((object, row, len, items_of(self.value(r)).map_or(0, <[Value]>::len)))
    }

    pub(super) fn len_of(&mut self, object: Arg, row: Row) -> Arg {
        match row {
            Row::List => self.load(Ty::Int, Alias::List, object, List::LEN),
            Row::Tuple => self.load(Ty::Int, Alias::Tuple, object, Tuple::LEN),
        }
    }

    pub(super) fn item(&mut self, object: Arg, row: Row, index: Arg) -> Arg {
        match row {
            Row::List => {
                let data = self.load(Ty::Ptr, Alias::List, object, List::DATA);
                let class = self.class(object, Alias::Item);
                let item = self.b.mem(Op::LoadX, Ty::Val, class, &[data, index], 0).into();
                if class == Alias::Shared {
                    // The list may just be getting shorter.
                    self.is_present(item);
                }
                item
            }
            Row::Tuple => self.b.mem(Op::LoadX, Ty::Val, Alias::Tuple, &[object, index], Tuple::ITEMS as i32).into(),
        }
    }

    /// An index that is inside, counted from the front.
    pub(super) fn position(&mut self, index: Arg, now: i64, len: Arg, len_now: usize) -> Result<Arg, Abort> {
        let from_end = now < 0;
        let at = if from_end { now + len_now as i64 } else { now };
        if !(0..len_now as i64).contains(&at) {
            return self.abort(Reason::Raises);
        }
        let mut index = index;
        if from_end {
            let negative = self.op(Op::ILt, &[index, Arg::int(0)]);
            self.guard(negative);
            index = self.op(Op::IAdd, &[index, len]);
        }
        let inside = self.op(Op::IUlt, &[index, len]);
        self.guard(inside);
        Ok(index)
    }

    fn get_item(&mut self) -> Result<(), Abort> {
        let (v, key) = (self.value(self.word.b()), self.value(self.word.c()));
        if row_of(v, Use::Read).is_none() || !key.is_small() {
            return self.get_other_item();
        }
        let (object, row, len, len_now) = self.row(self.word.b(), Use::Read)?;
        let index = self.int(self.word.c())?;
        let at = self.position(index.arg, index.real, len, len_now)?;
        let item = self.item(object, row, at);
        let item = self.loaded(item, item_now(self.value(self.word.b()), index.real));
        self.result_of(item);
        Ok(())
    }

    fn get_item_imm(&mut self) -> Result<(), Abort> {
        if row_of(self.value(self.word.b()), Use::Read).is_none() {
            return self.get_other_item_imm();
        }
        let (object, row, len, len_now) = self.row(self.word.b(), Use::Read)?;
        let index = i64::from(self.word.imm());
        let at = self.position(Arg::int(index), index, len, len_now)?;
        let item = self.item(object, row, at);
        let item = self.loaded(item, item_now(self.value(self.word.b()), index));
        // The third operand is a number.
        self.word = typhon_isa::Word(self.word.0 & !(u64::from(KILL_C) << 8));
        self.result_of(item);
        Ok(())
    }

    /// What was loaded from where something else has it, as the trace goes on with it. A number is one from here on: it needs no
    /// reference, and a float no object. `now` is its word in the iteration that is followed. Before the instruction has any
    /// effect.
    pub(super) fn loaded(&mut self, value: Arg, now: u64) -> Loaded {
        match Real::of(Value::from_ref(&now)) {
            Real::Int(_) => {
                let is = self.op(Op::IsInt, &[value]);
                self.guard(is);
                Loaded { value, borrowed: false }
            }
            Real::Flt(_) => {
                let is = self.op(Op::IsFlt, &[value]);
                self.guard(is);
                let x = self.op(Op::UnboxFlt, &[value]);
                Loaded { value: self.op(Op::BoxFlt, &[self.thread, x]), borrowed: false }
            }
            _ => Loaded::borrowed(value),
        }
    }

    /// The result of the running instruction.
    pub(super) fn result_of(&mut self, loaded: Loaded) {
        self.may_write(self.dying().chain([self.word.a()]));
        self.hold(loaded);
        self.end_dying();
        self.put(self.word.a(), loaded.value);
    }

    /// A reference to what was loaded, if it is somebody else's.
    pub(super) fn hold(&mut self, loaded: Loaded) {
        if loaded.borrowed {
            self.retain(loaded.value);
        }
    }

    fn set_item(&mut self) -> Result<(), Abort> {
        let w = self.word;
        if row_of(self.value(w.a()), Use::Written) != Some(Row::List) || !self.value(w.b()).is_small() {
            return self.set_other_item(w.a(), w.b(), w.c());
        }
        let (object, _, len, len_now) = self.row(w.a(), Use::Written)?;
        let index = self.int(w.b())?;
        let at = self.position(index.arg, index.real, len, len_now)?;
        if self.is_others(object) {
            let value = self.reg(w.c()).arg;
            let done = self.b.call(Helper::ListPut, &[object, at, value]).into();
            self.guard(done);
            self.end_dying();
            return Ok(());
        }
        let data = self.load(Ty::Ptr, Alias::List, object, List::DATA);
        let old = Arg::from(self.b.mem(Op::LoadX, Ty::Val, Alias::Item, &[data, at], 0));
        let value = self.reg(w.c()).arg;
        self.may_release(old);
        self.may_write(self.dying().filter(|r| *r != w.c()));
        self.hand_over(w.c(), value, w.x() & KILL_C != 0);
        self.b.mem(Op::StoreX, Ty::Unit, Alias::Item, &[data, at, value], 0);
        self.b.op(Op::Release, &[old], None);
        self.end_dying();
        Ok(())
    }

    /// Something else has a register's value now, with its reference if the register dies and with another one if not.
    pub(super) fn hand_over(&mut self, r: usize, value: Arg, dies: bool) {
        if dies {
            self.take(r);
        } else {
            self.retain(value);
        }
    }

    fn unpack(&mut self) -> Result<(), Abort> {
        let w = self.word;
        let (object, row, len, now) = self.row(w.b(), Use::GoneThrough)?;
        if now != w.c() || now > UNPACKED_MAX {
            return self.abort(Reason::Type);
        }
        let same = self.op(Op::IEq, &[len, Arg::int(now as i64)]);
        self.guard(same);
        let items: Vec<Arg> = (0..now as i64).map(|i| self.item(object, row, Arg::int(i))).collect();
        let all = self.value(w.b()).clone();
        let items: Vec<Loaded> =
            items.into_iter().zip(0..).map(|(item, i)| self.loaded(item, item_now(&all, i))).collect();
        let dies = w.x() & KILL_B != 0;
        let over = (w.a()..w.a() + now).chain(dies.then_some(w.b()));
        self.may_write(over);
        if dies {
            self.take(w.b());
        }
        for (i, item) in items.into_iter().enumerate() {
            self.hold(item);
            self.put(w.a() + i, item.value);
        }
        if dies {
            self.b.op(Op::Release, &[object], None);
        }
        Ok(())
    }

    /// The function of the running frame.
    pub(super) fn function(&mut self) -> Arg {
        match (self.level().function, self.level().turn) {
            (Some(generator), Some(_)) => return self.load(Ty::Val, Alias::Pool, generator, Generator::FUNCTION),
            (Some(function), None) => return function,
            _ => {}
        }
        let depth = self.levels.len() - 1;
        let at = depth * size_of::<Frame>() + std::mem::offset_of!(Frame, func);
        let frame = self.frame;
        self.load(Ty::Val, Alias::Frame, frame, at)
    }

    fn load_global(&mut self, op: Opcode) -> Result<(), Abort> {
        let (versions, entry) = (self.extra(0), self.extra(1) as usize);
        let function = self.function();
        self.private = true;
        let written = self.index(self.word.a());
        if self.regs.owned(&mut self.b, written).is_none() {
            // Nothing else is asked here, and a version that has gone never comes back.
            self.lasting.push(place_number(&self.frames(self.offset())));
        }
        let globals = self.load(Ty::Ptr, Alias::Pool, function, Function::GLOBALS);
        let value = if op == Opcode::LoadGlobalBuiltin {
            self.same_keys(globals, versions as u32);
            let builtins = self.load(Ty::Ptr, Alias::Pool, function, Function::BUILTINS);
            self.entry_of(builtins, (versions >> 32) as u32, entry)
        } else {
            self.entry_of(globals, versions as u32, entry)
        };
        if self.parallel {
            self.is_present(value);
        }
        self.may_write([self.word.a()]);
        self.retain(value);
        self.put(self.word.a(), value);
        Ok(())
    }

    /// The value at a remembered place of a dict whose keys have the version; absent if another thread is just emptying it. First
    /// the table, then the version, then the word: a table that has replaced the version's own is known by then.
    pub(super) fn entry_of(&mut self, dict: Arg, version: u32, entry: usize) -> Arg {
        let entries = self.load(Ty::Ptr, Alias::Dict, dict, Dict::ENTRIES);
        self.same_keys(dict, version);
        self.load(Ty::Val, Alias::Dict, entries, Dict::value_offset(entry))
    }

    fn same_keys(&mut self, dict: Arg, version: u32) {
        let class = self.class(dict, Alias::Dict);
        let now = Arg::from(self.b.mem(Op::Load32, Ty::Int, class, &[dict], Dict::KEYS_VERSION as i32));
        let same = self.op(Op::IEq, &[now, Arg::int(version.into())]);
        self.guard(same);
    }

    fn load_cell(&mut self) -> Result<(), Abort> {
        let cell = self.reg(self.word.b()).arg;
        let value = self.load(Ty::Val, Alias::Cell, cell, HEADER_SIZE as usize);
        self.is_present(value);
        let now = self.value(self.word.b()).exact::<Cell>().map_or(0, Cell::bits);
        let value = self.loaded(value, now);
        self.may_write([self.word.a()]);
        self.hold(value);
        self.put(self.word.a(), value.value);
        Ok(())
    }

    fn store_cell(&mut self) -> Result<(), Abort> {
        let w = self.word;
        let cell = self.reg(w.a()).arg;
        let value = self.reg(w.b()).arg;
        if self.parallel {
            self.b.call(Helper::CellPut, &[self.thread, cell, value]);
            self.end_dying();
            return Ok(());
        }
        let old = self.load(Ty::Val, Alias::Cell, cell, HEADER_SIZE as usize);
        self.may_release(old);
        self.hand_over(w.b(), value, w.x() & KILL_B != 0);
        self.b.mem(Op::Store, Ty::Unit, Alias::Cell, &[cell, value], HEADER_SIZE);
        self.b.op(Op::Release, &[old], None);
        debug_assert!(w.x() & KILL_A == 0);
        Ok(())
    }
}
