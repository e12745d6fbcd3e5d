//! The registers of the frames of a trace: one file of them, counted from the first frame's first.
//!
//! A callee's registers lie over or behind its caller's, so a register has one number whatever frame it belongs to. The
//! trace has a value for a register, or memory has it; where both have it, memory owns the reference and the trace borrows.

use super::{ABSENT, Real, Recorder, Sym, kind_of};
use crate::cache::{Kind, LiveIn};
use crate::worth;
use std::collections::BTreeMap;
use typhon_interp::generator::Generator;
use typhon_interp::tier::At;
use typhon_isa::word::{KILL_A, KILL_B, KILL_C};
use typhon_jit_ir::build::Builder;
use typhon_jit_ir::trace::Imm;
use typhon_jit_ir::{Alias, Arg, Const, Op, Slot, Src, Trace, Ty, word};
use typhon_object::Value;
use typhon_object::quiet::ends_alone;

/// What memory holds of a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mem {
    /// Its value.
    Held,
    /// Something else, but no object.
    Plain,
    /// Perhaps the word of an object to which it has no reference.
    Stale,
}

/// A register.
#[derive(Clone, Copy, Debug)]
struct Reg {
    /// Its value, if the trace has it.
    arg: Option<Arg>,
    /// It holds nothing that matters, and no object: a temporary between two uses.
    dead: bool,
    mem: Mem,
}

/// The registers of a generator, which lie in it: the trace writes them to memory behind each instruction.
struct Window {
    /// The generator.
    generator: Arg,
    /// The memory that they are.
    at: *mut u64,
    regs: Vec<Reg>,
}

/// Registers from here on are those of generators' frames: so many for each level of the trace.
pub(super) const WINDOW: usize = 1 << 12;

const UNUSED: Reg = Reg { arg: Some(ABSENT.arg), dead: true, mem: Mem::Plain };
const HELD: Reg = Reg { arg: None, dead: false, mem: Mem::Held };

/// The registers.
pub(super) struct Regs {
    base: Arg,
    /// The memory that they are.
    at: *mut u64,
    regs: Vec<Reg>,
    /// Those of generators, by the first one's number.
    windows: BTreeMap<usize, Window>,
    /// Those of the first frame that the loop carries.
    carried: BTreeMap<usize, Arg>,
    /// What those of the first frame held when the trace began; which it has looked at before it wrote to them.
    entered: Vec<Kind>,
    looked_at: Vec<bool>,
    changed: Vec<bool>,
    /// How many snapshots there were when the loop began.
    snaps: usize,
    /// What they held when the loop began; which it has looked at before it wrote to them, and which it has written to.
    begun: Vec<Kind>,
    read: Vec<bool>,
    written: Vec<bool>,
}

impl Regs {
    /// Where a trace begins, with so many registers that are anybody's: memory holds all of them.
    pub(super) fn new(at: &At<'_>, base: Arg, count: usize) -> Self {
        // SAFETY: the registers are those of frames that run, each of which holds a value's word.
        let entered: Vec<Kind> =
            (0..count).map(|i| kind_of(unsafe { &*at.registers().add(i).cast::<Value>() })).collect();
        let regs = vec![HELD; count];
        let none = vec![false; count];
        let [looked_at, changed, read, written] = [none.clone(), none.clone(), none.clone(), none];
        let begun = entered.clone();
        let (windows, carried, at) = (BTreeMap::new(), BTreeMap::new(), at.registers());
        Self { base, at, regs, windows, carried, entered, looked_at, changed, snaps: 0, begun, read, written }
    }

    /// At the loop's header. It carries the locals, and the temporaries that hold an object; those that do not are dead, or
    /// are not touched.
    pub(super) fn begin_loop(&mut self, at: &At<'_>, b: &mut Builder) {
        let count = at.unit.register_count;
        self.begun = (0..count).map(|i| kind_of(self.value(i))).collect();
        self.read.fill(false);
        self.written.fill(false);
        let temporary: Vec<bool> = (0..count).map(|i| i >= at.unit.local_count && !self.value(i).is_object()).collect();
        let firsts: Vec<Option<Arg>> = (0..count).map(|i| self.at_header(b, i, temporary[i])).collect();
        self.snaps = b.trace().snaps.len();
        b.begin_loop();
        for (i, first) in firsts.into_iter().enumerate() {
            self.regs[i] = match first {
                Some(first) => {
                    let param = Arg::from(b.param(Ty::Val, first));
                    self.carried.insert(i, param);
                    Reg { arg: Some(param), dead: false, mem: Mem::Stale }
                }
                None => Reg { arg: None, dead: true, mem: Mem::Plain },
            };
        }
        self.regs.truncate(count);
    }

    /// What the loop is given for a register that it carries; memory has the others.
    fn at_header(&mut self, b: &mut Builder, i: usize, temporary: bool) -> Option<Arg> {
        let reg = self.regs[i];
        // Who is not written in the loop is in memory, then.
        if let Some(arg) = reg.to_write() {
            b.mem(Op::Store, Ty::Unit, Alias::Frame, &[self.base, arg], offset(i));
        }
        if !temporary {
            let load = |b: &mut Builder| b.mem(Op::Load, Ty::Val, Alias::Frame, &[self.base], offset(i)).into();
            return Some(reg.arg.unwrap_or_else(|| load(b)));
        }
        None
    }

    /// What the loop carries, by register.
    pub(super) fn carried(&self) -> Vec<(usize, Arg)> {
        self.carried.iter().map(|(r, arg)| (*r, *arg)).collect()
    }

    /// Where they are.
    pub(super) fn base(&self) -> Arg {
        self.base
    }

    /// The registers from `from` to `to` become unbound locals of a new frame.
    pub(super) fn open(&mut self, from: usize, to: usize) {
        for i in from..to {
            self.kill(i);
            self.reg(i).dead = false;
        }
    }

    /// A generator's frame is there, whose registers lie at an address: memory holds them.
    pub(super) fn open_window(&mut self, first: usize, generator: Arg, at: *mut u64, count: usize) {
        self.windows.insert(first, Window { generator, at, regs: vec![HELD; count] });
    }

    /// Its temporaries that hold no object are dead, or are read before they are written.
    pub(super) fn forget_temporaries(&mut self, first: usize, locals: usize) {
        let Some(window) = self.windows.get_mut(&first) else { return };
        for (i, reg) in window.regs.iter_mut().enumerate().skip(locals) {
            // SAFETY: the generator stands, and has so many registers, each of which holds a value's word.
            if !unsafe { &*window.at.add(i).cast::<Value>() }.is_object() {
                *reg = Reg { arg: None, dead: true, mem: Mem::Plain };
            }
        }
    }

    /// The generator's frame is left.
    pub(super) fn close_window(&mut self, first: usize) {
        self.windows.remove(&first);
    }

    /// The numbers of the registers below `top` and of all generators' that are there.
    pub(super) fn numbers(&self, top: usize) -> Vec<usize> {
        (0..top).chain(self.windows.iter().flat_map(|(first, window)| *first..first + window.regs.len())).collect()
    }

    /// What the register holds in the iteration that is followed.
    pub(super) fn value(&self, i: usize) -> &Value {
        let (at, i) = self.window(i).map_or((self.at, i), |window| (window.at, i % WINDOW));
        // SAFETY: the recorder asks for registers of frames that run, each of which holds a value's word.
        unsafe { &*at.add(i).cast::<Value>() }
    }

    fn window(&self, i: usize) -> Option<&Window> {
        if i < WINDOW { None } else { self.windows.get(&(i - i % WINDOW)) }
    }

    /// Where the register lies.
    fn place(&self, i: usize) -> (Arg, i32) {
        match self.window(i) {
            Some(window) => (window.generator, Generator::REGISTERS as i32 + offset(i % WINDOW)),
            None => (self.base, offset(i)),
        }
    }

    fn reg(&mut self, i: usize) -> &mut Reg {
        if i >= WINDOW {
            let window = self.windows.get_mut(&(i - i % WINDOW)).unwrap_or_else(|| unreachable!("the frame is there"));
            return &mut window.regs[i % WINDOW];
        }
        if i >= self.regs.len() {
            self.regs.resize(i + 1, UNUSED);
        }
        &mut self.regs[i]
    }

    /// The register's value in the trace.
    pub(super) fn read(&mut self, b: &mut Builder, i: usize) -> Arg {
        if self.written.get(i) == Some(&false) {
            self.read[i] = true;
            self.looked_at[i] |= !self.changed[i];
        }
        let (base, offset) = self.place(i);
        let reg = self.reg(i);
        match reg.arg {
            Some(arg) => arg,
            None => {
                let arg = Arg::from(b.mem(Op::Load, Ty::Val, Alias::Frame, &[base], offset));
                *reg = Reg { arg: Some(arg), dead: false, mem: Mem::Held };
                arg
            }
        }
    }

    /// What the register would give up if it were written over, if that may be an object.
    pub(super) fn owned(&mut self, b: &mut Builder, i: usize) -> Option<Arg> {
        let reg = *self.reg(i);
        if reg.dead {
            return None;
        }
        let arg = match reg.arg {
            Some(arg) => arg,
            None => self.read(b, i),
        };
        let plain = match arg {
            Arg::Const(Const::Val(word)) => !word.is_obj(),
            Arg::Const(_) => true,
            Arg::Var(v) => matches!(b.trace().inst(v).op, Op::BoxInt | Op::BoxBool),
        };
        (!plain).then_some(arg)
    }

    /// Whether the trace relies on what the register holds now.
    pub(super) fn is_known(&self, i: usize) -> bool {
        let reg = match self.window(i) {
            Some(window) => window.regs.get(i % WINDOW),
            None => self.regs.get(i),
        };
        reg.is_some_and(|reg| !reg.dead && (reg.arg.is_some() || reg.mem != Mem::Held))
    }

    fn wrote(&mut self, i: usize) {
        if let Some(written) = self.written.get_mut(i) {
            *written = true;
            self.changed[i] = true;
        }
    }

    /// The register holds a value of the trace's.
    pub(super) fn set(&mut self, i: usize, arg: Arg) {
        self.wrote(i);
        let reg = self.reg(i);
        let mem = if reg.mem == Mem::Held { Mem::Stale } else { reg.mem };
        *reg = Reg { arg: Some(arg), dead: false, mem };
    }

    /// The register holds nothing that matters; what it owned was taken.
    pub(super) fn kill(&mut self, i: usize) {
        self.wrote(i);
        let reg = self.reg(i);
        let mem = if reg.mem == Mem::Held { Mem::Stale } else { reg.mem };
        *reg = Reg { mem, ..UNUSED };
    }

    /// Memory has a new value for the register.
    pub(super) fn is_in_memory(&mut self, i: usize) {
        self.wrote(i);
        *self.reg(i) = HELD;
    }

    /// The register holds nothing that matters, and memory no object.
    pub(super) fn is_dead(&mut self, i: usize) {
        self.wrote(i);
        *self.reg(i) = UNUSED;
    }

    /// What an exit is to write to the registers below `top`.
    pub(super) fn to_write(&self, top: usize) -> BTreeMap<Slot, Src> {
        let slots = self.regs.iter().take(top).enumerate().filter_map(|(i, reg)| Some((slot(i), reg.to_write()?)));
        slots.map(|(slot, arg)| (slot, Src::Arg(arg))).collect()
    }

    /// Writes what memory does not hold of the registers below `top`.
    pub(super) fn flush(&mut self, b: &mut Builder, top: usize) {
        for (i, reg) in self.regs.iter_mut().take(top).enumerate() {
            reg.flush(b, (self.base, offset(i)));
        }
    }

    /// The same of generators' registers: behind each instruction.
    pub(super) fn flush_windows(&mut self, b: &mut Builder) {
        for window in self.windows.values_mut() {
            for (i, reg) in window.regs.iter_mut().enumerate() {
                reg.flush(b, (window.generator, Generator::REGISTERS as i32 + offset(i)));
            }
        }
    }

    /// The registers from `from` to `to` are nobody's any more: memory must hold no object there.
    pub(super) fn sweep(&mut self, b: &mut Builder, from: usize, to: usize) {
        for (i, reg) in self.regs.iter_mut().enumerate().take(to).skip(from) {
            if reg.mem != Mem::Plain {
                b.mem(Op::Store, Ty::Unit, Alias::Frame, &[self.base, ABSENT.arg], offset(i));
            }
            *reg = UNUSED;
        }
    }

    /// The first frame is left: memory must hold no object in its registers, of which the locals have ended.
    pub(super) fn leave(&mut self, b: &mut Builder, locals: usize) {
        for (i, reg) in self.regs.iter_mut().enumerate() {
            // Temporaries that nobody has touched are dead.
            if reg.mem == Mem::Stale || reg.mem == Mem::Held && i < locals {
                b.mem(Op::Store, Ty::Unit, Alias::Frame, &[self.base, ABSENT.arg], offset(i));
                reg.mem = Mem::Plain;
            }
        }
    }

    /// Whether the next iteration can begin as this one did. A temporary that held no object was dead if it was written
    /// first; else it may be anything now.
    pub(super) fn is_stable(&self, at: &At<'_>) -> bool {
        (0..self.begun.len()).all(|i| {
            if !self.written[i] {
                return true;
            }
            let now = kind_of(self.value(i));
            match self.carried.contains_key(&i) {
                true if i < at.unit.local_count => match self.begun[i] {
                    Kind::Shape(_) => matches!(now, Kind::Shape(_)),
                    kind => now == kind || !self.read[i],
                },
                true => true,
                false => !self.read[i] && !self.value(i).is_object(),
            }
        })
    }

    /// What the loop carries into its next iteration.
    pub(super) fn again(&mut self, b: &mut Builder) -> Vec<Arg> {
        let carried: Vec<usize> = self.carried.keys().copied().collect();
        let args = carried.into_iter().map(|i| match self.regs[i].arg {
            Some(arg) => arg,
            None => b.mem(Op::Load, Ty::Val, Alias::Frame, &[self.base], offset(i)).into(),
        });
        let args = args.collect();
        for i in 0..self.begun.len() {
            if !self.carried.contains_key(&i) && self.regs[i].mem == Mem::Stale {
                b.mem(Op::Store, Ty::Unit, Alias::Frame, &[self.base, ABSENT.arg], offset(i));
            }
        }
        args
    }

    /// The registers that the trace looks at, and what they hold when it begins.
    pub(super) fn live_in(&self) -> LiveIn {
        let looked_at = (0..self.entered.len()).filter(|i| self.looked_at[*i]);
        looked_at.filter_map(|i| Some((u16::try_from(i).ok()?, self.entered[i]))).collect()
    }

    /// The registers that the loop has looked at, and does not write.
    pub(super) fn reads(&self) -> Vec<u16> {
        let reads = (0..self.read.len()).filter(|i| self.read[*i] && !self.written[*i]);
        reads.filter_map(|i| u16::try_from(i).ok()).collect()
    }

    /// A trace without what it writes to registers that turned out not to change: memory holds them.
    pub(super) fn without_unwritten(&self, mut trace: Trace) -> Trace {
        let same: BTreeMap<usize, Arg> =
            self.carried.iter().filter(|(i, _)| !self.written[**i]).map(|(i, arg)| (*i, *arg)).collect();
        for snap in trace.snaps.iter_mut().skip(self.snaps) {
            snap.slots.retain(|slot, _| slot.frame != 0 || !same.contains_key(&usize::from(slot.reg)));
        }
        if let Some(looped) = &mut trace.looped {
            let insts = &trace.insts;
            looped.body.retain(|v| {
                let inst = &insts[v.index()];
                let (Op::Store, Imm::Mem(Alias::Frame, offset)) = (inst.op, inst.imm) else { return true };
                inst.args[0] != self.base || !same.contains_key(&(offset as usize / 8))
            });
        }
        trace
    }
}

impl Reg {
    /// Writes what memory does not hold to the place.
    fn flush(&mut self, b: &mut Builder, (base, offset): (Arg, i32)) {
        if let Some(arg) = self.to_write() {
            b.mem(Op::Store, Ty::Unit, Alias::Frame, &[base, arg], offset);
            self.mem = if self.dead { Mem::Plain } else { Mem::Held };
        }
    }

    fn to_write(self) -> Option<Arg> {
        match (self.mem, self.dead) {
            (Mem::Held, _) | (Mem::Plain, true) => None,
            (Mem::Stale, true) => Some(ABSENT.arg),
            (_, false) => self.arg,
        }
    }
}

fn offset(i: usize) -> i32 {
    i32::try_from(8 * i).unwrap_or(i32::MAX)
}

fn slot(i: usize) -> Slot {
    Slot { frame: 0, reg: u16::try_from(i).unwrap_or(u16::MAX - 1) }
}

impl Recorder<'_> {
    /// The number of a register of the running frame.
    pub(super) fn index(&self, r: usize) -> usize {
        self.level().base + r
    }

    pub(super) fn reg(&mut self, r: usize) -> Sym {
        let i = self.index(r);
        let arg = self.regs.read(&mut self.b, i);
        Sym { arg, real: Real::of(self.regs.value(i)) }
    }

    /// What a register of the running frame holds in the iteration that is followed.
    pub(super) fn value(&self, r: usize) -> &Value {
        self.regs.value(self.index(r))
    }

    /// Makes sure that registers can be written over without anybody noticing. Before the instruction has any effect.
    pub(super) fn may_write(&mut self, registers: impl IntoIterator<Item = usize>) {
        for r in registers {
            let i = self.index(r);
            if let Some(arg) = self.regs.owned(&mut self.b, i) {
                // Instances may not be made at all.
                let dies = self.value(r).header().is_some_and(|h| h.count() == 1) && !self.is_instance(r);
                if dies && !ends_alone(self.value(r)) {
                    self.is_worth(worth::DIES);
                }
                self.may_release(arg);
            }
        }
    }

    /// Makes sure that a reference can be given up without anybody noticing.
    pub(super) fn may_release(&mut self, arg: Arg) {
        // Beside other threads nobody's end is noticed where it comes: who must be heard of waits (`Thread::see_to_late_ends`).
        if self.parallel {
            return;
        }
        let boxed = arg.var().is_some_and(|v| self.b.trace().inst(v).op == Op::BoxFlt);
        if !boxed {
            let quiet = self.op(Op::Quiet, &[arg]);
            self.guard(quiet);
        }
    }

    /// Writes a register, which takes the value's reference over and gives up the one that it had.
    pub(super) fn put(&mut self, r: usize, arg: Arg) {
        let i = self.index(r);
        if let Some(old) = self.regs.owned(&mut self.b, i) {
            self.b.op(Op::Release, &[old], None);
        }
        self.regs.set(i, arg);
    }

    /// Takes a register's reference, which something else has now.
    pub(super) fn take(&mut self, r: usize) {
        let i = self.index(r);
        self.regs.kill(i);
    }

    /// Writes a register that is not the result of an instruction with dying operands.
    pub(super) fn set(&mut self, r: usize, sym: Sym) {
        self.may_write([r]);
        self.put(r, sym.arg);
    }

    /// The registers that end with the running instruction.
    pub(super) fn dying(&self) -> impl Iterator<Item = usize> + use<> {
        let (w, x) = (self.word, self.word.x());
        let all = [(KILL_A, w.a()), (KILL_B, w.b()), (KILL_C, w.c())];
        all.into_iter().filter(move |(bit, _)| x & bit != 0).map(|(_, r)| r)
    }

    /// Ends the temporaries of the running instruction that die with it; `may_write` has asked.
    pub(super) fn end_dying(&mut self) {
        for r in self.dying() {
            let i = self.index(r);
            if let Some(old) = self.regs.owned(&mut self.b, i) {
                self.b.op(Op::Release, &[old], None);
            }
            self.regs.kill(i);
        }
    }

    /// Asks for, and ends, the temporaries that die with the running instruction.
    pub(super) fn kill(&mut self) {
        self.may_write(self.dying());
        self.end_dying();
    }

    /// The result of the running instruction: its dying operands die first.
    pub(super) fn result(&mut self, sym: Sym) {
        self.may_write(self.dying().chain([self.word.a()]));
        self.end_dying();
        self.put(self.word.a(), sym.arg);
    }

    /// One reference more, unless it is no object.
    pub(super) fn retain(&mut self, arg: Arg) {
        if !matches!(arg, Arg::Const(Const::Val(word)) if !word::Word::is_obj(word)) {
            self.b.op(Op::Retain, &[arg], None);
        }
    }
}
