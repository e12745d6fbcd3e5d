//! Iteration: what iterators of fixed layout give is loaded, and others that run no code are asked by a helper.

use super::objects::{Loaded, Row, item_now};
use super::{Abort, Reason, Recorder};
use crate::helpers::TAME_ITERATORS;
use std::mem::offset_of;
use typhon_isa::word::KILL_B;
use typhon_isa::{Opcode, Word as Instruction};
use typhon_jit_ir::word::Word;
use typhon_jit_ir::{Alias, Arg, Const, Helper, Op, Ty};
use typhon_object::guarded;
use typhon_object::list::List;
use typhon_object::tuple::Tuple;
use typhon_object::types::enumerate::Enumerate;
use typhon_object::types::list_::ListIter;
use typhon_object::types::range_iter::RangeIter;
use typhon_object::types::tuple_iter::TupleIter;
use typhon_object::types::zip::Zip;
use typhon_object::{Value, ids};

/// The next item of an iterator, which has not moved on yet.
struct Item {
    value: Arg,
    /// Somebody else has the reference.
    borrowed: bool,
    it: Arg,
    /// What moves it on.
    stores: Vec<(usize, Arg)>,
}

impl Recorder<'_> {
    /// A ForIter that has another item.
    pub(super) fn iterate(&mut self, next: u32) -> Result<u32, Abort> {
        let r = self.word.b();
        let v = self.value(r).clone();
        let it = self.reg(r).arg;
        match shape_of(&v) {
            _ if is_exhausted(&v) => self.exhausted(it, &v, next),
            ids::ENUMERATE => self.enumerate(it, &v, next),
            ids::ZIP => self.zip(it, &v, next),
            shape if TAME_ITERATORS.contains(&shape) => self.ask(it, shape, next),
            _ => {
                let item = self.peek(it, &v)?;
                self.may_write([self.word.a()]);
                self.advance(&item);
                self.give(self.word.a(), &item);
                Ok(next)
            }
        }
    }

    /// The end of a loop: the iterator lets go of what it has run through, and dies.
    fn exhausted(&mut self, it: Arg, v: &Value, next: u32) -> Result<u32, Abort> {
        if shape_of(v) != ids::RANGE_ITER && self.is_others(it) {
            // Of two threads that come to the end one lets go.
            return self.abort(Reason::Type);
        }
        match v.exact::<Enumerate>().map(|e| e.it.get()) {
            Some(inner) => {
                self.has_shape(it, ids::ENUMERATE);
                let of = self.load(Ty::Val, Alias::Slot, it, offset_of!(Enumerate, it));
                self.run_out(of, shape_of(&inner));
            }
            None => self.run_out(it, shape_of(v)),
        }
        // It refers to nothing now that could end with it.
        let r = self.word.b();
        self.b.op(Op::Release, &[it], None);
        self.take(r);
        let by = Instruction(self.extra(0)).low();
        Ok(next.saturating_add_signed(by))
    }

    /// An iterator of fixed layout has nothing more.
    fn run_out(&mut self, it: Arg, shape: u32) {
        self.has_shape(it, shape);
        if shape == ids::RANGE_ITER {
            let remaining = self.load(Ty::Int, Alias::Iter, it, offset_of!(RangeIter, remaining));
            let none = self.op(Op::ILe, &[remaining, Arg::int(0)]);
            return self.guard(none);
        }
        let (row, of, at) = match shape {
            ids::LIST_ITER => (Row::List, offset_of!(ListIter, list), offset_of!(ListIter, index)),
            _ => (Row::Tuple, offset_of!(TupleIter, tuple), offset_of!(TupleIter, index)),
        };
        let object = self.load(Ty::Val, Alias::Iter, it, of);
        self.is_present(object);
        let index = self.load(Ty::Int, Alias::Iter, it, at);
        let len = self.len_of(object, row);
        let inside = self.op(Op::IUlt, &[index, len]);
        let outside = self.op(Op::Not, &[inside]);
        self.guard(outside);
        self.may_release(object);
        let none = Arg::Const(Const::Val(Word::ABSENT));
        self.b.mem(Op::Store, Ty::Unit, Alias::Iter, &[it, none], of as i32);
        self.b.op(Op::Release, &[object], None);
    }

    /// Moves an iterator on.
    fn advance(&mut self, item: &Item) {
        for (offset, value) in &item.stores {
            self.b.mem(Op::Store, Ty::Unit, Alias::Iter, &[item.it, *value], *offset as i32);
        }
    }

    /// A register, which `may_write` has asked for, gets an item.
    fn give(&mut self, r: usize, item: &Item) {
        if item.borrowed {
            self.retain(item.value);
        }
        self.put(r, item.value);
    }

    /// The next item of an iterator of fixed layout.
    fn peek(&mut self, it: Arg, v: &Value) -> Result<Item, Abort> {
        match shape_of(v) {
            ids::LIST_ITER => {
                let more = v.exact::<ListIter>().and_then(|it| {
                    // SAFETY: nothing runs while the slot is looked at.
                    let list = unsafe { it.list.peek() };
                    (it.index.get() < list.downcast::<List>()?.len()).then(|| item_now(list, it.index.get() as i64))
                });
                self.item_of(it, more, Row::List, [offset_of!(ListIter, list), offset_of!(ListIter, index)])
            }
            ids::TUPLE_ITER => {
                let more = v.exact::<TupleIter>().and_then(|it| {
                    // SAFETY: as above.
                    let tuple = unsafe { it.tuple.peek() };
                    (it.index.get() < tuple.downcast::<Tuple>()?.len()).then(|| item_now(tuple, it.index.get() as i64))
                });
                self.item_of(it, more, Row::Tuple, [offset_of!(TupleIter, tuple), offset_of!(TupleIter, index)])
            }
            ids::RANGE_ITER => self.number_of(it, v),
            _ => self.abort(Reason::Type),
        }
    }

    fn item_of(&mut self, it: Arg, now: Option<u64>, row: Row, [of, at]: [usize; 2]) -> Result<Item, Abort> {
        let Some(now) = now else { return self.abort(Reason::Type) };
        self.has_shape(it, if row == Row::List { ids::LIST_ITER } else { ids::TUPLE_ITER });
        let object = self.load(Ty::Val, Alias::Iter, it, of);
        self.is_present(object);
        let index = self.load(Ty::Int, Alias::Iter, it, at);
        let len = self.len_of(object, row);
        let inside = self.op(Op::IUlt, &[index, len]);
        self.guard(inside);
        let value = self.item(object, row, index);
        let Loaded { value, borrowed } = self.loaded(value, now);
        let then = self.op(Op::IAdd, &[index, Arg::int(1)]);
        Ok(Item { value, borrowed, it, stores: vec![(at, then)] })
    }

    /// The next number of a range.
    fn number_of(&mut self, it: Arg, v: &Value) -> Result<Item, Abort> {
        let Some((left, first)) = v.exact::<RangeIter>().map(|it| (it.remaining.get(), it.next.get())) else {
            return self.abort(Reason::Type);
        };
        if left <= 0 || Word::int(first).is_none() {
            return self.abort(Reason::Object);
        }
        self.has_shape(it, ids::RANGE_ITER);
        let remaining = self.load(Ty::Int, Alias::Iter, it, offset_of!(RangeIter, remaining));
        let more = self.op(Op::ILt, &[Arg::int(0), remaining]);
        self.guard(more);
        let number = self.load(Ty::Int, Alias::Iter, it, offset_of!(RangeIter, next));
        let step = self.load(Ty::Int, Alias::Iter, it, offset_of!(RangeIter, step));
        let value = self.op(Op::BoxInt, &[number]);
        let rest = self.op(Op::ISub, &[remaining, Arg::int(1)]);
        let then = self.op(Op::IAdd, &[number, step]);
        let stores = vec![(offset_of!(RangeIter, remaining), rest), (offset_of!(RangeIter, next), then)];
        Ok(Item { value, borrowed: false, it, stores })
    }

    fn enumerate(&mut self, it: Arg, v: &Value, next: u32) -> Result<u32, Abort> {
        let Some((inner, count)) = v.exact::<Enumerate>().map(|e| (e.it.get(), e.count.get())) else {
            return self.abort(Reason::Type);
        };
        let Some(counted) = count.as_small().filter(|i| Word::int(i + 1).is_some()) else {
            return self.abort(Reason::Type);
        };
        debug_assert!(counted < i64::MAX);
        self.has_shape(it, ids::ENUMERATE);
        let of = self.load(Ty::Val, Alias::Slot, it, offset_of!(Enumerate, it));
        let item = self.peek(of, &inner)?;
        let count = self.load(Ty::Val, Alias::Iter, it, offset_of!(Enumerate, count));
        let int = self.op(Op::IsInt, &[count]);
        self.guard(int);
        let n = self.op(Op::UnboxInt, &[count]);
        let following = self.op(Op::IAdd, &[n, Arg::int(1)]);
        let following = self.op(Op::BoxInt, &[following]);
        let count = Item { value: count, borrowed: false, it, stores: vec![(offset_of!(Enumerate, count), following)] };
        self.pair(count, item, next)
    }

    fn zip(&mut self, it: Arg, v: &Value, next: u32) -> Result<u32, Abort> {
        let Some(iterators) = v.exact::<Zip>().map(Zip::iterators) else { return self.abort(Reason::Type) };
        let Some([a, b]) = iterators.exact::<Tuple>().map(Tuple::items).and_then(|items| items.first_chunk()) else {
            return self.abort(Reason::Type);
        };
        // One that is there twice moves on twice.
        if iterators.exact::<Tuple>().map(Tuple::len) != Some(2) || a.is(b) {
            return self.abort(Reason::Type);
        }
        self.has_shape(it, ids::ZIP);
        let of = self.load(Ty::Val, Alias::Iter, it, Zip::ITERATORS);
        let len = self.load(Ty::Int, Alias::Tuple, of, Tuple::LEN);
        let two = self.op(Op::IEq, &[len, Arg::int(2)]);
        self.guard(two);
        let first = self.item(of, Row::Tuple, Arg::int(0));
        let second = self.item(of, Row::Tuple, Arg::int(1));
        let same = self.op(Op::Same, &[first, second]);
        let two = self.op(Op::Not, &[same]);
        self.guard(two);
        let (a, b) = (self.peek(first, a)?, self.peek(second, b)?);
        self.pair(a, b, next)
    }

    /// Two items at once: an UnpackSequence behind takes them as they are, and else they become a tuple.
    fn pair(&mut self, a: Item, b: Item, next: u32) -> Result<u32, Abort> {
        let w = self.word;
        if let Some(unpack) = self.unpacked(next) {
            self.may_write([unpack.a(), unpack.a() + 1]);
            self.advance(&a);
            self.advance(&b);
            self.give(unpack.a(), &a);
            self.give(unpack.a() + 1, &b);
            return Ok(next + 2);
        }
        self.may_write([w.a()]);
        let none = Arg::Const(Const::Val(Word::ABSENT));
        let made = Arg::from(self.b.call(Helper::Build, &[self.thread, Arg::int(2), a.value, b.value, none, none]));
        self.is_present(made);
        for item in [&a, &b] {
            if item.borrowed {
                self.retain(item.value);
            }
            self.advance(item);
        }
        self.put(w.a(), made);
        Ok(next)
    }

    /// The UnpackSequence behind a loop's head that takes its pair.
    fn unpacked(&self, next: u32) -> Option<Instruction> {
        let word = self.unit().word(next as usize)?;
        let takes = word.op() == Opcode::UnpackSequence as u8
            && word.c() == 2
            && word.b() == self.word.a()
            && word.x() & KILL_B != 0;
        takes.then_some(word)
    }

    /// An iterator that a helper asks.
    fn ask(&mut self, it: Arg, shape: u32, next: u32) -> Result<u32, Abort> {
        if self.parallel && !guarded::is_iterator(self.value(self.word.b())) {
            return self.abort(Reason::Type);
        }
        // The interpreter makes no tuple where it can do without.
        if shape == ids::DICT_ITEM_ITER && self.unpacked(next).is_some() {
            return self.abort(Reason::Type);
        }
        self.has_shape(it, shape);
        self.may_write([self.word.a()]);
        let item = Arg::from(self.b.call(Helper::Next, &[self.thread, it]));
        self.is_present(item);
        self.put(self.word.a(), item);
        Ok(next)
    }
}

/// Whether an iterator of fixed layout has come to its end, though it still holds what it went through.
fn is_exhausted(v: &Value) -> bool {
    // SAFETY: nothing runs while the slots are looked at.
    unsafe {
        match shape_of(v) {
            ids::RANGE_ITER => v.exact::<RangeIter>().is_some_and(|it| it.remaining.get() <= 0),
            ids::LIST_ITER => v
                .exact::<ListIter>()
                .is_some_and(|it| it.list.peek().downcast::<List>().is_some_and(|list| it.index.get() >= list.len())),
            ids::TUPLE_ITER => v.exact::<TupleIter>().is_some_and(|it| {
                it.tuple.peek().downcast::<Tuple>().is_some_and(|tuple| it.index.get() >= tuple.len())
            }),
            ids::ENUMERATE => v.exact::<Enumerate>().is_some_and(|e| is_exhausted(e.it.peek())),
            _ => false,
        }
    }
}

fn shape_of(v: &Value) -> u32 {
    v.header().map_or(0, |h| h.shape().0)
}
