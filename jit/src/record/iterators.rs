//! Ranges and iterators that the trace makes itself, so that nobody makes one that only a loop of the trace goes through.

use super::heirs::{Use, row_of};
use super::objects::Row;
use super::{Abort, Num, Recorder};
use std::mem::offset_of;
use typhon_isa::word::KILL_B;
use typhon_jit_ir::word::Word;
use typhon_jit_ir::{Alias, Arg, Const, Op, Ty};
use typhon_object::ids;
use typhon_object::types::list_::ListIter;
use typhon_object::types::range::{RANGE, Range};
use typhon_object::types::range_iter::RangeIter;
use typhon_object::types::tuple_iter::TupleIter;

impl Recorder<'_> {
    /// An object of a built-in type, whose fields are empty.
    pub(super) fn new_built_in(&mut self, shape: u32, size: usize) -> Arg {
        let exit = self.exit();
        self.b.new_object(shape, size as u32, self.thread, exit).into()
    }

    /// `range(..)` of ints that fit words, called through register `at`; `None` if it is not that.
    pub(super) fn make_range(&mut self, at: usize, first: usize, n: usize) -> Result<Option<Arg>, Abort> {
        let class = RANGE.ty().value();
        if !self.value(at).is(&class) || !(1..=3).contains(&n) {
            return Ok(None);
        }
        let ints: Option<Vec<i64>> = (first..first + n).map(|r| self.value(r).as_small()).collect();
        let Some([start, stop, step]) = ints.and_then(|ints| bounds(&ints)) else { return Ok(None) };
        let long = step == 0 || Word::int(stop.saturating_sub(start)).is_none() || step.unsigned_abs() > MANY;
        if long {
            return Ok(None);
        }
        let class_now = self.reg(at).arg;
        let same = self.op(Op::Same, &[class_now, Arg::Const(Const::Val(Word(class.bits())))]);
        self.guard(same);
        self.private = true;
        let zero = Num { arg: Arg::int(0), real: 0 };
        let start = if n > 1 { self.int(first)? } else { zero };
        let stop = self.int(if n > 1 { first + 1 } else { first })?;
        if n > 2 {
            let step_now = self.int(first + 2)?.arg;
            let same = self.op(Op::IEq, &[step_now, Arg::int(step)]);
            self.guard(same);
        }
        let length = self.range_length(start, stop, step)?;
        let fields = [
            (offset_of!(Range, start), start.arg),
            (offset_of!(Range, stop), stop.arg),
            (offset_of!(Range, step), Arg::int(step)),
            (offset_of!(Range, length), length),
        ]
        .map(|(at, int)| (at, self.op(Op::BoxInt, &[int])));
        self.may_end(at..first + n);
        let made = self.new_built_in(ids::RANGE, size_of::<Range>());
        for (at, value) in fields {
            self.b.mem(Op::Store, Ty::Unit, Alias::Slot, &[made, value], at as i32);
        }
        Ok(Some(made))
    }

    /// How many numbers a range has. Which bound is the lower one is what it was.
    fn range_length(&mut self, start: Num<i64>, stop: Num<i64>, step: i64) -> Result<Arg, Abort> {
        let (low, high) = if step > 0 { (start, stop) } else { (stop, start) };
        if low.real >= high.real {
            let none = self.op(Op::ILe, &[high.arg, low.arg]);
            self.guard(none);
            return Ok(Arg::int(0));
        }
        let some = self.op(Op::ILt, &[low.arg, high.arg]);
        self.guard(some);
        // Two words' difference fits 64 bits.
        let span = Num { arg: self.op(Op::ISub, &[high.arg, low.arg]), real: high.real - low.real };
        if step.unsigned_abs() == 1 {
            return Ok(span.arg);
        }
        let before = Num { arg: self.op(Op::ISub, &[span.arg, Arg::int(1)]), real: span.real - 1 };
        let steps = self.int_op(Op::IFloorDiv, before, Num { arg: Arg::int(step.abs()), real: step.abs() })?;
        Ok(self.op(Op::IAdd, &[steps.arg, Arg::int(1)]))
    }

    /// An iterator of fixed layout over what a register holds; false if it is something else.
    pub(super) fn make_iterator(&mut self) -> Result<bool, Abort> {
        let r = self.word.b();
        if self.value(r).exact::<Range>().is_some_and(|range| range.small().is_some()) {
            self.iterate_range(r)?;
        } else if row_of(self.value(r), Use::GoneThrough).is_some() {
            self.iterate_row(r)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn iterate_range(&mut self, r: usize) -> Result<(), Abort> {
        let range = self.built_in(r)?;
        let [start, length, step] =
            [offset_of!(Range, start), offset_of!(Range, length), offset_of!(Range, step)].map(|at| {
                // Fields of ranges never change.
                let value = self.load(Ty::Val, Alias::Slot, range, at);
                let int = self.op(Op::IsInt, &[value]);
                self.guard(int);
                self.op(Op::UnboxInt, &[value])
            });
        self.may_write(self.dying().chain([self.word.a()]));
        let it = self.new_built_in(ids::RANGE_ITER, size_of::<RangeIter>());
        let fields = [
            (offset_of!(RangeIter, next), start),
            (offset_of!(RangeIter, remaining), length),
            (offset_of!(RangeIter, step), step),
        ];
        for (at, int) in fields {
            self.b.mem(Op::Store, Ty::Unit, Alias::Iter, &[it, int], at as i32);
        }
        self.end_dying();
        self.put(self.word.a(), it);
        Ok(())
    }

    fn iterate_row(&mut self, r: usize) -> Result<(), Abort> {
        let (object, row) = self.has_row(r, Use::GoneThrough)?;
        let dies = self.word.x() & KILL_B != 0;
        let over = self.word.a();
        // Who dies is held by the iterator.
        self.may_write((!(dies && over == r)).then_some(over));
        let (shape, size, of, at) = match row {
            Row::List => {
                (ids::LIST_ITER, size_of::<ListIter>(), offset_of!(ListIter, list), offset_of!(ListIter, index))
            }
            Row::Tuple => {
                (ids::TUPLE_ITER, size_of::<TupleIter>(), offset_of!(TupleIter, tuple), offset_of!(TupleIter, index))
            }
        };
        let it = self.new_built_in(shape, size);
        self.hand_over(r, object, dies);
        self.b.mem(Op::Store, Ty::Unit, Alias::Iter, &[it, object], of as i32);
        self.b.mem(Op::Store, Ty::Unit, Alias::Iter, &[it, Arg::int(0)], at as i32);
        self.put(over, it);
        Ok(())
    }
}

/// Steps up to here never lead out of the 64 bits that lie around all words.
const MANY: u64 = 1 << 60;

/// Where a range begins and ends, and its step, as its arguments say.
fn bounds(ints: &[i64]) -> Option<[i64; 3]> {
    match *ints {
        [stop] => Some([0, stop, 1]),
        [start, stop] => Some([start, stop, 1]),
        [start, stop, step] => Some([start, stop, step]),
        _ => None,
    }
}
