//! Samples: well-formed traces made from bytes, for property tests and fuzzers.
//!
//! A sample looks like what a recorder writes: every byte or two is a bytecode instruction over a few registers, which own
//! what they hold. It guards before it unboxes, counts what it copies, and never leaves mapped memory, whatever the bytes.

use crate::Alias;
use crate::arg::{Arg, Const, Ty, Var};
use crate::build::Builder;
use crate::helper::Helper;
use crate::memory::{FLOAT_SHAPE, Memory};
use crate::op::Op;
use crate::snapshot::{Place, Slot, Snap, SnapId, Src};
use crate::trace::{End, Imm, Inst, Trace};
use crate::word::{HEADER_SIZE, SHAPE_OFFSET, Word};

/// Registers of a sample's frame.
pub const REGISTERS: usize = 8;
/// The shape of its objects with two fields.
pub const PAIR_SHAPE: u32 = 10;
/// The shape of its list.
pub const LIST_SHAPE: u32 = 11;

const FIELDS: [i32; 2] = [HEADER_SIZE, HEADER_SIZE + 8];
const PAIR_SIZE: u32 = 32;
/// Offsets of a list's length and of its items' address.
const LIST_LEN: i32 = HEADER_SIZE;
const LIST_ITEMS: i32 = HEADER_SIZE + 8;

/// What [`memory`] puts into the registers.
const KINDS: [Kind; REGISTERS] =
    [Kind::Int, Kind::Int, Kind::Flt, Kind::Pair, Kind::Pair, Kind::List, Kind::Flt, Kind::Int];
/// Words of the frame behind the registers, which hold ints that are no words of the VM.
const SCRATCH: [i32; 2] = [8 * REGISTERS as i32, 8 * REGISTERS as i32 + 8];
/// Where an array of so many words lies behind the thread.
const NUMBERS_AT: i32 = 0x20;
const NUMBERS: i64 = 4;

/// The trace of some bytes. Its inputs are a thread and a frame.
pub fn trace(bytes: &[u8]) -> Trace {
    let mut b = Builder::new();
    let (thread, frame) = (b.input(Ty::Ptr), b.input(Ty::Ptr));
    let mut sample = Sample {
        b,
        thread: thread.into(),
        regs: Vec::new(),
        snap: None,
        offset: 0,
        told: Vec::new(),
        kinds: KINDS,
        allowed: Vec::new(),
        fixed: REGISTERS,
        frame: frame.into(),
    };
    for i in 0..REGISTERS {
        let v = sample.b.mem(Op::Load, Ty::Val, Alias::Frame, &[frame.into()], 8 * i as i32);
        sample.regs.push(v.into());
    }
    let mut bytes = bytes.iter().copied();
    let (flags, few) = (bytes.next().unwrap_or_default(), [bytes.next(), bytes.next()].map(Option::unwrap_or_default));
    // Few kinds of instructions in one sample make it more likely that they have to do with each other.
    sample.allowed = (0..16).filter(|i| few[i / 8] >> (i % 8) & 1 == 1).map(|i| i as u8).collect();
    let rest: Vec<u8> = bytes.collect();
    let (head, body) = rest.split_at(rest.len() * (flags as usize & 3) / 8);
    sample.instructions(head);
    if flags & 4 == 0 {
        sample.fixed = if flags & 8 == 0 { REGISTERS } else { REGISTERS / 2 };
        return sample.looped(body, i64::from(flags >> 4));
    }
    sample.instructions(body);
    let last = sample.snap();
    sample.b.finish(End::Leave(last))
}

/// The memory that samples run in, laid out from `at` on, and what they are given. Objects are made above it.
pub fn memory(at: u64, numbers: [i64; 3]) -> (Memory, [Const; 2]) {
    let mut memory = Memory::new(at + 0x1000);
    let (thread, frame, items) = (at, at + 0x100, at + 0x200);
    memory.map(thread, &[0; 4]);
    memory.map(thread + NUMBERS_AT as u64, &[u64::MAX, 5, 0x8000_0000_7fff_ffff, 0x0102_0380_ff00_7f01]);
    let ints = [7, numbers[0], -3, 12].map(|i| Word::int(i).unwrap_or(Word::NONE).0);
    memory.map(items, &ints);
    let list = memory.object(LIST_SHAPE, 32, &[4, items]);
    let pair = memory.object(PAIR_SHAPE, PAIR_SIZE, &[ints[1], Word::NONE.0]);
    let zero = memory.object(FLOAT_SHAPE, 24, &[0]);
    let int = |i: i64| Word::int(i).unwrap_or(Word::NONE).0;
    let float = Word::flt(1.5).unwrap_or(Word::NONE).0;
    // Two registers hold one pair.
    memory.map(pair.0, &[2 | u64::from(PAIR_SHAPE) << 32]);
    memory.map(frame, &[int(numbers[1]), int(numbers[2]), float, pair.0, pair.0, list.0, zero.0, int(1), 3, 4]);
    (memory, [Const::Ptr(thread), Const::Ptr(frame)])
}

struct Sample {
    b: Builder,
    thread: Arg,
    regs: Vec<Arg>,
    snap: Option<SnapId>,
    offset: u32,
    /// What the last snapshot says.
    told: Vec<Arg>,
    /// What the registers are expected to hold, so that most guards hold.
    kinds: [Kind; REGISTERS],
    /// The instructions it may have; none: any.
    allowed: Vec<u8>,
    /// The first register that is not written any more.
    fixed: usize,
    frame: Arg,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Flt,
    Bool,
    Pair,
    List,
    Any,
}

impl Sample {
    fn looped(mut self, body: &[u8], rounds: i64) -> Trace {
        self.b.begin_loop();
        let round = self.b.param(Ty::Int, Arg::int(0));
        for i in 0..self.fixed {
            self.regs[i] = self.b.param(Ty::Val, self.regs[i]).into();
        }
        let exit = self.snap();
        let more = self.b.op(Op::ILt, &[round.into(), Arg::int(rounds)], None);
        self.guard(more, exit);
        let kinds = self.kinds;
        self.instructions(body);
        self.restore(kinds);
        let next = self.b.op(Op::IAdd, &[round.into(), Arg::int(1)], None);
        let mut again = vec![next.into()];
        again.extend(&self.regs[..self.fixed]);
        self.b.finish(End::Again(again))
    }

    fn instructions(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks_exact(3) {
            let (what, a, b) = (pair[0], pair[1], pair[2]);
            let reg = |x: u8| x as usize % REGISTERS;
            let what = self.allowed.get(what as usize % self.allowed.len().max(1)).copied().unwrap_or(what);
            self.instruction(what, reg(a), reg(a / 8), b as usize % self.fixed, b);
        }
    }

    fn instruction(&mut self, what: u8, x: usize, y: usize, to: usize, more: u8) {
        let exit = self.snap();
        match what % 16 {
            0 => {
                let v = self.regs[x];
                self.b.op(Op::Retain, &[v], None);
                self.set(to, v, self.kinds[x]);
            }
            1 | 2 => self.int_op(x, y, to, more, exit),
            3 => self.float_op(x, y, to, more, exit),
            4 => self.compare(x, y, more, exit),
            5 => self.make(x, y, to, exit),
            6 => self.get_field(x, to, more, exit),
            7 => self.set_field(x, y, more, exit),
            8 => self.get_item(x, y, to, exit),
            9 => self.set(to, Arg::Const(Const::Val(Word::int(i64::from(more)).unwrap_or(Word::NONE))), Kind::Int),
            10 => self.bool_op(x, y, to, exit),
            11 => self.float_op(x, y, to, more, exit),
            12 => {
                let (v, at) = (self.int(x, exit), SCRATCH[usize::from(more & 1)]);
                self.b.mem(Op::Store, Ty::Unit, Alias::Frame, &[self.frame, v], at);
            }
            13 if more & 2 != 0 => self.number(x, y, to, more, exit),
            13 => {
                let at = SCRATCH[usize::from(more & 1)];
                let r = self.b.mem(Op::Load, Ty::Int, Alias::Frame, &[self.frame], at);
                let v = self.b.op(Op::BoxInt, &[r.into()], Some(exit));
                self.set(to, v.into(), Kind::Int);
            }
            14 => self.get_field(x, to, more, exit),
            _ => {
                let on = self.b.call(Helper::Poll, &[self.thread]);
                self.guard(on, exit);
            }
        }
    }

    /// Gives registers back what the next iteration expects, where that is easy.
    fn restore(&mut self, kinds: [Kind; REGISTERS]) {
        for (i, kind) in kinds.into_iter().enumerate().take(self.fixed) {
            let word = match kind {
                _ if kind == self.kinds[i] => None,
                Kind::Int => Word::int(i as i64),
                Kind::Flt => Word::flt(i as f64 + 0.5),
                _ => None,
            };
            if let Some(word) = word {
                self.set(i, Arg::Const(Const::Val(word)), kind);
            }
        }
    }

    /// A register of some kind from `x` on, or else `x`.
    fn pick(&self, x: usize, kind: Kind) -> usize {
        (x..x + REGISTERS).map(|x| x % REGISTERS).find(|x| self.kinds[*x] == kind).unwrap_or(x)
    }

    /// A snapshot of the registers, as what has changed since the last one.
    fn snap(&mut self) -> SnapId {
        self.offset += 1;
        let frames = vec![Place { code: 0, offset: self.offset, what: 0 }];
        let mut snap = Snap { parent: self.snap, frames, ..Snap::default() };
        for (i, arg) in self.regs.iter().enumerate() {
            if self.told.get(i) != Some(arg) {
                snap.slots.insert(Slot { frame: 0, reg: i as u16 }, Src::Arg(*arg));
            }
        }
        self.told.clone_from(&self.regs);
        let id = self.b.snap(snap);
        self.snap = Some(id);
        id
    }

    /// A register takes a reference over, and gives up the one it had.
    fn set(&mut self, to: usize, v: Arg, kind: Kind) {
        self.kinds[to] = kind;
        let old = std::mem::replace(&mut self.regs[to], v);
        self.b.op(Op::Release, &[old], None);
    }

    fn guard(&mut self, condition: Var, exit: SnapId) {
        self.b.op(Op::Guard, &[condition.into()], Some(exit));
    }

    fn ask(&mut self, op: Op, v: Arg, exit: SnapId) {
        let is = self.b.op(op, &[v], None);
        self.guard(is, exit);
    }

    fn int(&mut self, x: usize, exit: SnapId) -> Arg {
        let v = self.regs[self.pick(x, Kind::Int)];
        self.ask(Op::IsInt, v, exit);
        self.b.op(Op::UnboxInt, &[v], None).into()
    }

    fn int_op(&mut self, x: usize, y: usize, to: usize, more: u8, exit: SnapId) {
        const OPS: [Op; 10] = [
            Op::IAddOv,
            Op::ISubOv,
            Op::IMulOv,
            Op::IAnd,
            Op::IOr,
            Op::IXor,
            Op::IFloorDiv,
            Op::IMod,
            Op::IShr,
            Op::IShlOv,
        ];
        let a = self.int(x, exit);
        let b = if more & 64 == 0 { self.int(y, exit) } else { Arg::int(i64::from(more & 15)) };
        let op = OPS[usize::from(more) % OPS.len()];
        let mut r = self.b.op(op, &[a, b], op.exits().then_some(exit));
        if more & 128 == 0 {
            r = self.b.op(Op::IAnd, &[r.into(), Arg::int(0xfff)], None);
        }
        let v = self.b.op(Op::BoxInt, &[r.into()], Some(exit));
        self.set(to, v.into(), Kind::Int);
    }

    fn float(&mut self, x: usize, exit: SnapId) -> Arg {
        let v = self.regs[self.pick(x, Kind::Flt)];
        self.ask(Op::IsFlt, v, exit);
        self.b.op(Op::UnboxFlt, &[v], None).into()
    }

    fn float_op(&mut self, x: usize, y: usize, to: usize, more: u8, exit: SnapId) {
        const OPS: [Op; 4] = [Op::FAdd, Op::FSub, Op::FMul, Op::FDiv];
        let a = self.float(x, exit);
        let b = if more & 64 == 0 { self.float(y, exit) } else { Const::flt(f64::from(more & 7) * 0.5).into() };
        let r = self.b.op(OPS[usize::from(more) % OPS.len()], &[a, b], None);
        let v = self.b.op(Op::BoxFlt, &[self.thread, r.into()], Some(exit));
        self.set(to, v.into(), Kind::Flt);
    }

    fn compare(&mut self, x: usize, y: usize, more: u8, exit: SnapId) {
        const OPS: [Op; 4] = [Op::ILt, Op::ILe, Op::IEq, Op::INe];
        let a = self.int(x, exit);
        let b = if more & 64 == 0 { self.int(y, exit) } else { Arg::int(1 << (8 + (more & 7))) };
        let op = if more & 64 == 0 { OPS[usize::from(more) % OPS.len()] } else { OPS[usize::from(more) & 1] };
        let mut is = self.b.op(op, &[a, b], None);
        if more & 192 == 128 {
            is = self.b.op(Op::Not, &[is.into()], None);
        }
        self.guard(is, exit);
    }

    /// `to = True or False`, or a guard that it is True.
    fn bool_op(&mut self, x: usize, y: usize, to: usize, exit: SnapId) {
        if to == x {
            let v = self.regs[self.pick(x, Kind::Bool)];
            let is = self.b.op(Op::Same, &[v, Arg::Const(Const::Val(Word::TRUE))], None);
            return self.guard(is, exit);
        }
        let (a, b) = (self.int(x, exit), self.int(y, exit));
        let is = self.b.op(Op::ILe, &[a, b], None);
        let v = self.b.op(Op::BoxBool, &[is.into()], None);
        self.set(to, v.into(), Kind::Bool);
    }

    fn make(&mut self, x: usize, y: usize, to: usize, exit: SnapId) {
        let imm = Imm::New(PAIR_SHAPE, PAIR_SIZE);
        let args = [self.thread].into_iter().collect();
        let v = self.b.push(Inst { op: Op::New, ty: Ty::Val, args, imm, exit: Some(exit) });
        for (field, reg) in FIELDS.into_iter().zip([x, y]) {
            let held = self.regs[reg];
            self.b.op(Op::Retain, &[held], None);
            self.b.mem(Op::Store, Ty::Unit, Alias::Slot, &[v.into(), held], field);
        }
        self.set(to, v.into(), Kind::Pair);
    }

    fn shaped(&mut self, v: Arg, shape: u32, exit: SnapId) {
        self.ask(Op::IsObj, v, exit);
        let is = self.b.mem(Op::Load32, Ty::Int, Alias::Shape, &[v], SHAPE_OFFSET);
        let same = self.b.op(Op::IEq, &[is.into(), Arg::int(shape.into())], None);
        self.guard(same, exit);
    }

    fn get_field(&mut self, x: usize, to: usize, more: u8, exit: SnapId) {
        let v = self.regs[self.pick(x, Kind::Pair)];
        self.shaped(v, PAIR_SHAPE, exit);
        let field = FIELDS[usize::from(more >> 7)];
        let held = self.b.mem(Op::Load, Ty::Val, Alias::Slot, &[v], field);
        self.b.op(Op::Retain, &[held.into()], None);
        self.set(to, held.into(), if more & 16 == 0 { Kind::Any } else { Kind::Pair });
    }

    fn set_field(&mut self, x: usize, y: usize, more: u8, exit: SnapId) {
        let (v, new) = (self.regs[self.pick(x, Kind::Pair)], self.regs[y]);
        self.shaped(v, PAIR_SHAPE, exit);
        let field = FIELDS[usize::from(more >> 7)];
        let old = self.b.mem(Op::Load, Ty::Val, Alias::Slot, &[v], field);
        if more & 32 != 0 {
            // What is no object is not released, so that the store is all that others may notice.
            self.ask(Op::IsInt, old.into(), exit);
        }
        self.b.op(Op::Retain, &[new], None);
        self.b.mem(Op::Store, Ty::Unit, Alias::Slot, &[v, new], field);
        if more & 32 == 0 {
            self.b.op(Op::Release, &[old.into()], None);
        }
    }

    /// A number of an array is read, or written: of 64, 32 or 8 bits.
    fn number(&mut self, x: usize, y: usize, to: usize, more: u8, exit: SnapId) {
        let (load, store, mask) = [
            (Op::LoadX, Op::StoreX, NUMBERS - 1),
            (Op::LoadX32, Op::StoreX32, 2 * NUMBERS - 1),
            (Op::LoadX8, Op::StoreX8, 8 * NUMBERS - 1),
        ][usize::from(more >> 2) % 3];
        let index = self.int(x, exit);
        let index = Arg::from(self.b.op(Op::IAnd, &[index, Arg::int(mask)], None));
        if more & 1 == 0 {
            let v = self.int(y, exit);
            self.b.mem(store, Ty::Unit, Alias::Number, &[self.thread, index, v], NUMBERS_AT);
            return;
        }
        let r = self.b.mem(load, Ty::Int, Alias::Number, &[self.thread, index], NUMBERS_AT);
        let v = self.b.op(Op::BoxInt, &[r.into()], Some(exit));
        self.set(to, v.into(), Kind::Int);
    }

    fn get_item(&mut self, x: usize, y: usize, to: usize, exit: SnapId) {
        let v = self.regs[self.pick(x, Kind::List)];
        self.shaped(v, LIST_SHAPE, exit);
        let index = self.int(y, exit);
        let index = self.b.op(Op::IAnd, &[index, Arg::int(3)], None).into();
        let len = self.b.mem(Op::Load, Ty::Int, Alias::List, &[v], LIST_LEN);
        let inside = self.b.op(Op::IUlt, &[index, len.into()], None);
        self.guard(inside, exit);
        let items = self.b.mem(Op::Load, Ty::Ptr, Alias::List, &[v], LIST_ITEMS);
        let held = self.b.mem(Op::LoadX, Ty::Val, Alias::Item, &[items.into(), index], 0);
        self.b.op(Op::Retain, &[held.into()], None);
        self.set(to, held.into(), Kind::Int);
    }
}
