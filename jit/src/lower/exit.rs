//! Exits: leaving machine code, with what the snapshot names in memory.

use super::{COUNTERS, COUNTERS_MAX, Exit, Function, Link, LowerError, UNSETTLED, beside, machine_type, signature};
use crate::record::{RETURNED, ROUNDS, function_of};
use crate::worth::LINK;
use cranelift_codegen::ir::condcodes::{CondCode, IntCC};
use cranelift_codegen::ir::{self, Block, InstBuilder, InstructionData, MemFlagsData, types};
use cranelift_codegen::isa::CallConv;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use typhon_jit_ir::snapshot::place_number;
use typhon_jit_ir::trace::Inst;
use typhon_jit_ir::word::COUNT_OFFSET;
use typhon_jit_ir::{Arg, End, Helper, Slot, SnapId, Src, Trace, Ty, Var};

/// Which input of a recorded trace is the address of the word that asks the thread to look up.
const WAKE: usize = 2;

/// What an exit has made of the values that it writes.
#[derive(Default)]
struct Words {
    boxed: FxHashMap<Arg, ir::Value>,
    /// Not zero if one of them fits no word.
    misfits: Option<ir::Value>,
}

/// What an exit writes somewhere.
enum Source {
    Word(ir::Value),
    /// An object that it makes, by its number.
    Object(usize),
}

impl Function<'_> {
    /// Goes on if `condition` holds, and leaves by the instruction's exit if not.
    pub(super) fn guard(&mut self, inst: &Inst, condition: ir::Value) -> Option<()> {
        let fails = self.opposite(condition);
        self.leave_if(inst, fails)
    }

    /// Leaves by the instruction's exit if `condition` holds. The exit is the branch's first successor: Cranelift's order of blocks
    /// has it behind whatever the second one comes to, and so does not take exits for parts of the loops that they leave.
    pub(super) fn leave_if(&mut self, inst: &Inst, condition: ir::Value) -> Option<()> {
        let exit = self.exit(inst.exit?);
        let on = self.b.create_block();
        self.b.ins().brif(condition, exit, &[], on, &[]);
        self.b.switch_to_block(on);
        Some(())
    }

    /// Whether a condition does not hold. A comparison is asked the other way round, so that the branch is one on its flags.
    fn opposite(&mut self, condition: ir::Value) -> ir::Value {
        let dfg = &self.b.func.dfg;
        match dfg.value_def(condition).inst().map(|inst| dfg.insts[inst]) {
            Some(InstructionData::IntCompare { cond, args: [a, b], .. }) => self.b.ins().icmp(cond.complement(), a, b),
            Some(InstructionData::FloatCompare { cond, args: [a, b], .. }) => {
                self.b.ins().fcmp(cond.complement(), a, b)
            }
            _ => self.b.ins().icmp_imm_u(IntCC::Equal, condition, 0),
        }
    }

    /// The block that leaves by a snapshot. What the snapshot names is defined before everyone who jumps there.
    pub(super) fn exit(&mut self, snap: SnapId) -> Block {
        if let Some(block) = self.exit_of.get(&(self.part, snap)) {
            return *block;
        }
        let block = self.b.create_block();
        self.exit_of.insert((self.part, snap), block);
        match self.tree.limb_at(self.part, snap) {
            Some(limb) => self.limbs.push((limb, block)),
            None => self.leave_by(snap, block),
        }
        block
    }

    /// The block by which a limb is come to. Who has got nowhere yet leaves instead.
    pub(super) fn limb_from(&mut self, snap: SnapId, block: Block) -> Result<(), LowerError> {
        self.b.switch_to_block(block);
        if self.part > 0 || place_number(&self.trace.snap(snap).frames) != self.plan.start {
            return Ok(());
        }
        let Some(Src::Arg(rounds)) = self.trace.snap(snap).slots.get(&ROUNDS).copied() else {
            return Err(LowerError::Malformed(u32::MAX));
        };
        if rounds.constant().is_some() {
            return Ok(());
        }
        let [limb, nowhere] = [(); 2].map(|()| self.b.create_block());
        let rounds = self.value(rounds)?;
        self.b.ins().brif(rounds, limb, &[], nowhere, &[]);
        self.leave_by(snap, nowhere);
        self.b.switch_to_block(limb);
        Ok(())
    }

    /// Has a block leave by a snapshot.
    fn leave_by(&mut self, snap: SnapId, block: Block) {
        self.b.set_cold_block(block);
        let values = held(self.trace, snap);
        let settles = self.runtime.registers.is_some() && settles(self.trace, snap);
        let offset = self.trace.snap(snap).frames.last().map_or(u32::MAX, |place| place.offset);
        let place = place_number(&self.trace.snap(snap).frames);
        // What a callee's frame needs beside its registers is left where the next trace finds it.
        let links = settles && offset != u32::MAX;
        let frames = 1..self.trace.snap(snap).frames.len();
        let unmade = frames.into_iter().any(|i| self.trace.snap(snap).slots.contains_key(&function_of(i)));
        let part = self.part;
        let saves = self.saves(snap);
        self.exits.push((Exit { part, snap, values, settles, offset, place, links, saves, unmade }, block));
    }

    /// What leaving by a snapshot has saved beside what rounds have: who is still on the way to the loop has half of that, or all where
    /// it ends.
    fn saves(&self, snap: SnapId) -> (i64, i64) {
        let worth = self.plan.worth;
        let (ways, more) = self.tree.saves(self.part, worth.round);
        let no_round = Some(&Src::Arg(Arg::int(0)));
        if !worth.bridge || self.trace.snap(snap).slots.get(&ROUNDS) != no_round {
            return (ways, more);
        }
        let ends = self.part == 0 && self.trace.end == End::Leave(snap);
        (ways + worth.on_way(ends) - worth.part(), more)
    }

    /// The code of the exits.
    pub(super) fn exits(&mut self) -> Result<(), LowerError> {
        let left = self.left.ok_or(LowerError::Malformed(0))?;
        for number in 0..self.exits.len() {
            let (exit, block) = self.exits[number].clone();
            self.b.switch_to_block(block);
            self.turn_to(exit.part);
            if exit.settles {
                let unsettled = self.b.create_block();
                self.b.set_cold_block(unsettled);
                self.settle(&exit, number, left, unsettled)?;
                self.b.switch_to_block(unsettled);
                self.leave(&exit, number as u64 | UNSETTLED, left)?;
            } else {
                self.leave(&exit, number as u64, left)?;
            }
        }
        self.turn_to(0);
        for (on, returned) in [(self.on, false), (self.returned, true)] {
            if let Some(on) = on {
                self.go_on(on, returned)?;
            }
        }
        if let Some(nowhere) = self.nowhere {
            self.go_elsewhere(nowhere)?;
        }
        Ok(())
    }

    /// Stores an exit's values, and returns.
    fn leave(&mut self, exit: &Exit, number: u64, left: ir::Value) -> Result<(), LowerError> {
        for (i, v) in exit.values.iter().enumerate() {
            let mut value = self.value((*v).into())?;
            if self.trace.inst(*v).ty == Ty::Bool {
                value = self.b.ins().uextend(types::I64, value);
            }
            let offset = i32::try_from(8 * i).map_err(|_| LowerError::Malformed(v.0))?;
            self.b.ins().store(slot_flags(), value, left, offset);
        }
        self.note(beside::TABLE, self.table)?;
        let number = self.b.ins().iconst(types::I64, number.cast_signed());
        self.b.ins().return_(&[number]);
        Ok(())
    }

    /// Writes the frame's registers, and returns; goes to `unsettled` before it has done anything if a value fits no word.
    fn settle(&mut self, exit: &Exit, number: usize, left: ir::Value, unsettled: Block) -> Result<(), LowerError> {
        let input = self.runtime.registers.and_then(|i| self.trace.inputs.get(i)).ok_or(LowerError::Malformed(0))?;
        let registers = self.value((*input).into())?;
        let mut words = Words::default();
        let slots: Vec<(Slot, Source)> = self
            .trace
            .resolved(exit.snap)
            .into_iter()
            .map(|(slot, (_, src))| Ok((slot, self.source(src, slot.frame == COUNTERS, &mut words)?)))
            .collect::<Result<_, LowerError>>()?;
        let objects = self.objects(exit.snap, words, unsettled)?;
        let mut rounds = None;
        for (slot, source) in slots {
            let word = match source {
                Source::Word(word) => word,
                Source::Object(i) => *objects.get(i).ok_or(LowerError::Malformed(0))?,
            };
            let base = if slot.frame == COUNTERS { left } else { registers };
            self.b.ins().store(slot_flags(), word, base, 8 * i32::from(slot.reg));
            if slot == ROUNDS {
                rounds = Some(word);
            }
        }
        self.owe(exit.snap, left)?;
        let at = i64::try_from((number + Link::FIRST) * size_of::<Link>()).map_err(|_| LowerError::Malformed(0))?;
        let number = self.b.ins().iconst(types::I64, number as i64);
        let (true, Some(rounds)) = (exit.links, rounds) else {
            self.note(beside::TABLE, self.table)?;
            self.b.ins().return_(&[number]);
            return Ok(());
        };
        let table = self.table.ok_or(LowerError::Malformed(0))?;
        let link = self.b.ins().iadd_imm_s(table, at);
        let returned = exit.offset == RETURNED;
        let on = if returned { self.returned } else { self.on };
        let on = on.unwrap_or_else(|| self.cold_block(4));
        *(if returned { &mut self.returned } else { &mut self.on }) = Some(on);
        let (ways, more) = exit.saves;
        let mut saved = self.b.ins().iconst(types::I64, ways);
        if more != 0 {
            let more = self.b.ins().imul_imm_s(rounds, more);
            saved = self.b.ins().iadd(saved, more);
        }
        let to = [link.into(), number.into(), rounds.into(), saved.into()];
        if exit.place != self.plan.start {
            self.b.ins().jump(on, &to);
            return Ok(());
        }
        // Who comes from the beginning to the beginning has got nowhere: what he is linked to might send him back.
        let nowhere = self.nowhere.unwrap_or_else(|| self.cold_block(1));
        self.nowhere = Some(nowhere);
        self.b.ins().brif(rounds, on, &to, nowhere, &[number.into()]);
        Ok(())
    }

    /// What a register or a field is to hold, as far as that is there yet. `raw`: a number is wanted as it is.
    fn source(&mut self, src: Src, raw: bool, words: &mut Words) -> Result<Source, LowerError> {
        let arg = match src {
            Src::Arg(arg) => arg,
            Src::Virtual(i) => return Ok(Source::Object(i as usize)),
            Src::Raw(arg) => return Ok(Source::Word(self.value(arg)?)),
        };
        let value = self.value(arg)?;
        let ty = self.trace.ty(arg);
        if raw || ty == Ty::Val {
            return Ok(Source::Word(value));
        }
        if let Some(word) = words.boxed.get(&arg) {
            return Ok(Source::Word(*word));
        }
        let (word, misfit) = self.word_of(ty, value);
        words.boxed.insert(arg, word);
        words.misfits = match (words.misfits, misfit) {
            (Some(a), Some(b)) => Some(self.b.ins().bor(a, b)),
            (a, b) => a.or(b),
        };
        Ok(Source::Word(word))
    }

    /// Makes the objects of a snapshot that the trace has not made. Goes to `unsettled` before anything is done if a value fits no
    /// word or there is no memory.
    fn objects(&mut self, snap: SnapId, mut words: Words, unsettled: Block) -> Result<Vec<ir::Value>, LowerError> {
        let virtuals = &self.trace.snap(snap).virtuals;
        let mut fields = Vec::new();
        for (i, v) in virtuals.iter().enumerate() {
            for (class, offset, src) in &v.fields {
                fields.push((i, *class, *offset, self.source(*src, false, &mut words)?));
            }
        }
        if let Some(misfits) = words.misfits {
            let on = self.b.create_block();
            self.b.ins().brif(misfits, unsettled, &[], on, &[]);
            self.b.switch_to_block(on);
        }
        if virtuals.is_empty() {
            return Ok(Vec::new());
        }
        let thread = self.trace.inputs.first().ok_or(LowerError::Malformed(0))?;
        let thread = self.value((*thread).into())?;
        let mut objects = Vec::new();
        let mut all = None;
        for v in virtuals {
            let [shape, size] = [v.shape, v.size].map(|n| self.b.ins().iconst(types::I64, i64::from(n)));
            let made = self.call_aside(Helper::Alloc, &[thread, shape, size]).ok_or(LowerError::Malformed(0))?;
            let there = self.b.ins().icmp_imm_u(IntCC::NotEqual, made, 0);
            all = Some(all.map_or(there, |all| self.b.ins().band(all, there)));
            objects.push(made);
        }
        let [filled, undone] = [(); 2].map(|()| self.b.create_block());
        self.b.set_cold_block(undone);
        let all = all.ok_or(LowerError::Malformed(0))?;
        self.b.ins().brif(all, filled, &[], undone, &[]);
        self.b.switch_to_block(undone);
        for object in &objects {
            // Who was not made is no object, whose end is nothing.
            self.call_aside(Helper::End, &[*object]);
        }
        self.b.ins().jump(unsettled, &[]);
        self.b.switch_to_block(filled);
        for (i, class, offset, source) in fields {
            let word = match source {
                Source::Word(word) => word,
                Source::Object(j) => *objects.get(j).ok_or(LowerError::Malformed(0))?,
            };
            let flags = self.flags(class);
            self.b.ins().store(flags, word, objects[i], offset);
        }
        for (object, v) in objects.iter().zip(virtuals) {
            if v.refs != 1 {
                let flags = self.flags(typhon_jit_ir::Alias::Count);
                let refs = self.b.ins().iconst(types::I64, i64::from(v.refs));
                self.b.ins().istore32(flags, refs, *object, COUNT_OFFSET);
            }
        }
        Ok(objects)
    }

    /// Takes the references that the trace has not counted: all by one call, as exits are many and seldom taken.
    fn owe(&mut self, snap: SnapId, left: ir::Value) -> Result<(), LowerError> {
        let owes = &self.trace.snap(snap).owes;
        if owes.is_empty() {
            return Ok(());
        }
        let first = 8 * i32::from(COUNTERS_MAX);
        for (at, arg) in (first..).step_by(8).zip(owes) {
            let value = self.value(*arg)?;
            self.b.ins().store(slot_flags(), value, left, at);
        }
        let from = self.b.ins().iadd_imm_s(left, i64::from(first));
        let count = self.b.ins().iconst(types::I64, owes.len() as i64);
        self.call_aside(Helper::RetainAll, &[from, count]);
        Ok(())
    }

    /// A block with parameters that is seldom come to.
    fn cold_block(&mut self, params: usize) -> Block {
        let block = self.b.create_block();
        self.b.set_cold_block(block);
        for _ in 0..params {
            self.b.append_block_param(block, types::I64);
        }
        block
    }

    /// A word beside what the exit leaves.
    fn note(&mut self, what: usize, value: Option<ir::Value>) -> Result<(), LowerError> {
        let (Some(left), Some(value)) = (self.left, value) else { return Err(LowerError::Malformed(0)) };
        self.b.ins().store(slot_flags(), value, left, -8 * what as i32);
        Ok(())
    }

    pub(super) fn noted(&mut self, what: usize) -> Result<ir::Value, LowerError> {
        let left = self.left.ok_or(LowerError::Malformed(0))?;
        Ok(self.b.ins().load(types::I64, slot_flags(), left, -8 * what as i32))
    }

    /// What all exits have in common that may be linked: enters what the exit is linked to, unless somebody asks the thread to
    /// look up. `returned`: in the caller's frame.
    fn go_on(&mut self, from: Block, returned: bool) -> Result<(), LowerError> {
        self.b.switch_to_block(from);
        let [link, number, rounds, saved] = self.b.block_params(from)[..] else { return Err(LowerError::Malformed(0)) };
        let stay = self.b.create_block();
        let code = self.linked(link, stay)?;
        self.count_down(link, stay);
        let worth = self.noted(beside::WORTH)?;
        let worth = self.b.ins().iadd(worth, saved);
        self.note(beside::WORTH, Some(worth))?;
        self.earn(rounds, -LINK, 0)?;
        self.note(beside::FROM, Some(link))?;
        self.note(beside::OWNER, self.table)?;
        if returned {
            self.go_below()?;
        }
        self.take_link(link, code)?;
        self.stay(stay, number)
    }

    /// So many rounds are over, which have saved what the trunk's do, `more` each, and `beside` all.
    pub(super) fn earn(&mut self, rounds: ir::Value, beside: i64, more: i64) -> Result<(), LowerError> {
        let worth = self.noted(beside::WORTH)?;
        let round = self.b.ins().iconst(types::I64, self.plan.worth.round + more);
        let saved = self.b.ins().imul(rounds, round);
        let worth = self.b.ins().iadd(worth, saved);
        let worth = self.b.ins().iadd_imm_s(worth, self.plan.worth.part() + beside);
        self.note(beside::WORTH, Some(worth))
    }

    /// A link that has been taken often is not taken once, so that who looks may see it.
    fn count_down(&mut self, link: ir::Value, stay: Block) {
        let at = std::mem::offset_of!(Link, left) as i32;
        let left = self.b.ins().load(types::I64, slot_flags(), link, at);
        let on = self.b.create_block();
        self.b.ins().brif(left, on, &[], stay, &[]);
        self.b.switch_to_block(on);
        let left = self.b.ins().iadd_imm_s(left, -1);
        self.b.ins().store(slot_flags(), left, link, at);
    }

    /// The inputs become those of the caller's frame.
    fn go_below(&mut self) -> Result<(), LowerError> {
        let (frames, registers) = self.runtime.frames.zip(self.runtime.registers).ok_or(LowerError::Malformed(0))?;
        let inputs = self.inputs.ok_or(LowerError::Malformed(0))?;
        let input = |i: usize| i32::try_from(8 * i).map_err(|_| LowerError::Malformed(0));
        let record = self.b.ins().load(types::I64, slot_flags(), inputs, input(frames.record)?);
        let below = self.b.ins().iadd_imm_s(record, -i64::from(frames.size));
        let base = self.b.ins().load(types::I64, slot_flags(), below, frames.registers);
        self.b.ins().store(slot_flags(), below, inputs, input(frames.record)?);
        self.b.ins().store(slot_flags(), base, inputs, input(registers)?);
        Ok(())
    }

    /// The same where the exit has come nowhere: it was not the way from there, and whatever is linked is another.
    fn go_elsewhere(&mut self, from: Block) -> Result<(), LowerError> {
        let table = self.table.ok_or(LowerError::Malformed(0))?;
        self.b.switch_to_block(from);
        let number = self.b.block_params(from)[0];
        let link = self.b.ins().iadd_imm_s(table, (Link::ELSE * size_of::<Link>()) as i64);
        let stay = self.b.create_block();
        let code = self.linked(link, stay)?;
        self.take_link(link, code)?;
        self.stay(stay, number)
    }

    /// What a link leads to; who finds nothing, or is asked to look up, stays.
    fn linked(&mut self, link: ir::Value, stay: Block) -> Result<ir::Value, LowerError> {
        let [linked, on] = [(); 2].map(|()| self.b.create_block());
        let code = self.b.ins().load(types::I64, slot_flags(), link, std::mem::offset_of!(Link, code) as i32);
        self.b.ins().brif(code, linked, &[], stay, &[]);
        self.b.switch_to_block(linked);
        let wake = self.trace.inputs.get(WAKE).ok_or(LowerError::Malformed(0))?;
        let wake = self.value((*wake).into())?;
        let flags = self.flags(typhon_jit_ir::Alias::Thread);
        let asked = self.b.ins().atomic_load(types::I32, flags, wake);
        self.b.ins().brif(asked, stay, &[], on, &[]);
        self.b.switch_to_block(on);
        Ok(code)
    }

    fn take_link(&mut self, link: ir::Value, code: ir::Value) -> Result<(), LowerError> {
        let (Some(inputs), Some(left)) = (self.inputs, self.left) else { return Err(LowerError::Malformed(0)) };
        let count = self.noted(beside::LINKED)?;
        let count = self.b.ins().iadd_imm_s(count, 1);
        self.note(beside::LINKED, Some(count))?;
        let table = self.b.ins().load(types::I64, slot_flags(), link, std::mem::offset_of!(Link, table) as i32);
        let callee = self.b.import_signature(signature(CallConv::Tail, 3));
        self.b.ins().return_call_indirect(callee, code, &[inputs, left, table]);
        Ok(())
    }

    fn stay(&mut self, stay: Block, number: ir::Value) -> Result<(), LowerError> {
        self.b.switch_to_block(stay);
        self.note(beside::TABLE, self.table)?;
        self.b.ins().return_(&[number]);
        Ok(())
    }

    /// The word of an unboxed value, and whether it is none: not zero then.
    fn word_of(&mut self, ty: Ty, value: ir::Value) -> (ir::Value, Option<ir::Value>) {
        let (word, misfit) = match ty {
            Ty::Int => self.int_word(value),
            Ty::Flt => {
                let (word, misfit) = self.float_word(value);
                self.or_zero(value, word, misfit)
            }
            _ => return (self.box_bool(value), None),
        };
        // What says so is a byte or a word.
        let wide = self.b.func.dfg.value_type(misfit) == types::I64;
        (word, Some(if wide { misfit } else { self.b.ins().uextend(types::I64, misfit) }))
    }

    /// A float's word, or the object that all zeros are.
    fn or_zero(&mut self, value: ir::Value, word: ir::Value, misfit: ir::Value) -> (ir::Value, ir::Value) {
        let Some(zeros) = self.runtime.zeros else { return (word, misfit) };
        let [plus, minus] = zeros().map(|word| self.b.ins().iconst(types::I64, word.cast_signed()));
        let bits = self.b.ins().bitcast(types::I64, MemFlagsData::new(), value);
        let negative = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, bits, 0);
        let zero = self.b.ins().select(negative, minus, plus);
        let nothing = self.b.ins().f64const(0.0);
        let is = self.b.ins().fcmp(ir::condcodes::FloatCC::Equal, value, nothing);
        (self.b.ins().select(is, zero, word), self.b.ins().band_not(misfit, is))
    }

    /// Word `i` of the inputs.
    pub(super) fn load_slot(&mut self, ty: Ty, from: ir::Value, i: usize) -> ir::Value {
        let offset = i32::try_from(8 * i).unwrap_or(i32::MAX);
        match ty {
            Ty::Bool => {
                let word = self.b.ins().load(types::I64, slot_flags(), from, offset);
                self.b.ins().ireduce(types::I8, word)
            }
            _ => self.b.ins().load(machine_type(ty), slot_flags(), from, offset),
        }
    }
}

/// The inputs and what exits store belong to the caller, who keeps them valid.
pub(super) fn slot_flags() -> MemFlagsData {
    MemFlagsData::new().with_notrap().with_aligned()
}

/// Whose values are needed to rebuild what a snapshot and its parents say.
fn held(trace: &Trace, snap: SnapId) -> Vec<Var> {
    let mut held: BTreeSet<Var> = trace.snap(snap).owes.iter().filter_map(|arg| arg.var()).collect();
    for (owner, src) in trace.resolved(snap).into_values() {
        match src {
            Src::Arg(arg) | Src::Raw(arg) => held.extend(arg.var()),
            Src::Virtual(_) => {
                let fields = trace.snap(owner).virtuals.iter().flat_map(|v| &v.fields);
                held.extend(fields.filter_map(|(_, _, src)| match src {
                    Src::Arg(arg) | Src::Raw(arg) => arg.var(),
                    Src::Virtual(_) => None,
                }));
            }
        }
    }
    held.into_iter().collect()
}

/// Whether an exit can write all registers: they are numbered from the first frame's on, and nothing is to be made for them.
fn settles(trace: &Trace, snap: SnapId) -> bool {
    trace.resolved(snap).into_iter().all(|(slot, (_, src))| match (slot.frame, src) {
        (COUNTERS, Src::Arg(arg)) => slot.reg < COUNTERS_MAX && matches!(trace.ty(arg), Ty::Int | Ty::Val),
        (0, Src::Arg(arg)) => !matches!(trace.ty(arg), Ty::Ptr | Ty::Unit),
        (COUNTERS, Src::Virtual(_)) => slot.reg < COUNTERS_MAX,
        (0, Src::Virtual(_)) => true,
        _ => false,
    }) && is_made(trace, snap)
}

/// Whether an exit can make the objects that its snapshot names: they are the snapshot's own, and hold values only.
fn is_made(trace: &Trace, snap: SnapId) -> bool {
    let mut fields = trace.snap(snap).virtuals.iter().flat_map(|v| &v.fields);
    let plain = fields.all(|(_, _, src)| match src {
        Src::Arg(arg) => !matches!(trace.ty(*arg), Ty::Ptr | Ty::Unit),
        Src::Virtual(_) => true,
        Src::Raw(arg) => trace.ty(*arg) == Ty::Int,
    });
    let own = |(owner, src): (SnapId, Src)| owner == snap || !matches!(src, Src::Virtual(_));
    plain && trace.resolved(snap).into_values().all(own)
}
