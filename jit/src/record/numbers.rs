//! Items of arrays: numbers in memory that are read and written where they are.

use super::objects::Loaded;
use super::{Abort, Num, Reason, Recorder};
use typhon_jit_ir::{Alias, Arg, Op, Ty};
use typhon_object::numbers::Numbers;

/// How the items of an array lie in memory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Item {
    Double,
    /// An int that may need more than a word has.
    Long,
    Int,
    /// As an int, less its sign.
    Unsigned,
    Byte,
}

impl Item {
    /// What the array module's type code says.
    fn of(code: u8) -> Option<Self> {
        match code {
            b'd' => Some(Self::Double),
            b'l' | b'q' => Some(Self::Long),
            b'i' => Some(Self::Int),
            b'I' => Some(Self::Unsigned),
            b'B' => Some(Self::Byte),
            _ => None,
        }
    }

    const fn load(self) -> Op {
        match self {
            Self::Double | Self::Long => Op::LoadX,
            Self::Int | Self::Unsigned => Op::LoadX32,
            Self::Byte => Op::LoadX8,
        }
    }

    const fn store(self) -> Op {
        match self {
            Self::Double | Self::Long => Op::StoreX,
            Self::Int | Self::Unsigned => Op::StoreX32,
            Self::Byte => Op::StoreX8,
        }
    }

    const fn ty(self) -> Ty {
        if matches!(self, Self::Double) { Ty::Flt } else { Ty::Int }
    }

    /// The least and the greatest, if not every number will do.
    const fn bounds(self) -> Option<(i64, i64)> {
        match self {
            Self::Double | Self::Long => None,
            Self::Int => Some((i32::MIN as i64, i32::MAX as i64)),
            Self::Unsigned => Some((0, u32::MAX as i64)),
            Self::Byte => Some((0, u8::MAX as i64)),
        }
    }
}

/// An array whose items a trace reads and writes itself.
pub(super) struct Row {
    object: Arg,
    item: Item,
    len: Arg,
    len_now: usize,
}

impl Recorder<'_> {
    /// The array in register `r`, if there is one of a kind that traces know. Beside other threads its lock is to be had first.
    pub(super) fn number_at(&mut self, r: usize) -> Result<Option<Row>, Abort> {
        let found = Numbers::of(self.value(r)).map(|numbers| (numbers.code(), numbers.len()));
        let Some((code, len_now)) = found.filter(|_| !self.parallel) else { return Ok(None) };
        let Some(item) = Item::of(code) else { return Ok(None) };
        let object = self.built_in(r)?;
        let now = Arg::from(self.b.mem(Op::Load32, Ty::Int, Alias::Boxed, &[object], Numbers::CODE as i32));
        let same = self.op(Op::IEq, &[now, Arg::int(code.into())]);
        self.guard(same);
        let len = self.load(Ty::Int, Alias::List, object, Numbers::LEN);
        Ok(Some(Row { object, item, len, len_now }))
    }

    pub(super) fn get_number(&mut self, row: Row, index: Num<i64>) -> Result<(), Abort> {
        let at = self.position(index.arg, index.real, row.len, row.len_now)?;
        let data = self.load(Ty::Ptr, Alias::List, row.object, Numbers::DATA);
        let found = Arg::from(self.b.mem(row.item.load(), row.item.ty(), Alias::Number, &[data, at], 0));
        let value = match row.item {
            Item::Double => self.op(Op::BoxFlt, &[self.thread, found]),
            Item::Unsigned => {
                let unsigned = self.op(Op::IAnd, &[found, Arg::int(u32::MAX.into())]);
                self.op(Op::BoxInt, &[unsigned])
            }
            _ => self.op(Op::BoxInt, &[found]),
        };
        self.result_of(Loaded { value, borrowed: false });
        Ok(())
    }

    pub(super) fn set_number(&mut self, row: Row, index: usize, value: usize) -> Result<(), Abort> {
        let index = self.int(index)?;
        let at = self.position(index.arg, index.real, row.len, row.len_now)?;
        let new = match row.item {
            Item::Double => self.number(value, true)?.arg,
            _ => self.number_within(value, row.item)?,
        };
        let data = self.load(Ty::Ptr, Alias::List, row.object, Numbers::DATA);
        self.may_write(self.dying());
        self.b.mem(row.item.store(), Ty::Unit, Alias::Number, &[data, at, new], 0);
        self.end_dying();
        Ok(())
    }

    /// An int that the array takes.
    fn number_within(&mut self, r: usize, item: Item) -> Result<Arg, Abort> {
        let int = self.int(r)?;
        let Some((low, high)) = item.bounds() else { return Ok(int.arg) };
        if !(low..=high).contains(&int.real) {
            return self.abort(Reason::Raises);
        }
        for [low, high] in [[Arg::int(low), int.arg], [int.arg, Arg::int(high)]] {
            let inside = self.op(Op::ILe, &[low, high]);
            self.guard(inside);
        }
        Ok(int.arg)
    }
}
