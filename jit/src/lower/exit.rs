//! Exits: leaving machine code, with what the snapshot names in memory.

use super::{Exit, Function, LowerError, machine_type};
use cranelift_codegen::ir::{self, Block, InstBuilder, MemFlagsData, types};
use std::collections::BTreeSet;
use typhon_jit_ir::trace::Inst;
use typhon_jit_ir::{SnapId, Src, Ty, Var};

impl Function<'_> {
    /// Goes on if `condition` holds, and leaves by the instruction's exit if not.
    pub(super) fn guard(&mut self, inst: &Inst, condition: ir::Value) -> Option<()> {
        let exit = self.exit(inst.exit?);
        let on = self.b.create_block();
        self.b.ins().brif(condition, on, &[], exit, &[]);
        self.b.switch_to_block(on);
        Some(())
    }

    /// Leaves by the instruction's exit if `condition` holds.
    pub(super) fn leave_if(&mut self, inst: &Inst, condition: ir::Value) -> Option<()> {
        let exit = self.exit(inst.exit?);
        let on = self.b.create_block();
        self.b.ins().brif(condition, exit, &[], on, &[]);
        self.b.switch_to_block(on);
        Some(())
    }

    /// The block that leaves by a snapshot. What the snapshot names is defined before everyone who jumps there.
    pub(super) fn exit(&mut self, snap: SnapId) -> Block {
        let number = *self.exit_of.entry(snap).or_insert_with(|| {
            let block = self.b.create_block();
            self.b.set_cold_block(block);
            let values = held(self.trace, snap);
            self.exits.push((Exit { snap, values }, block));
            self.exits.len() - 1
        });
        self.exits[number].1
    }

    /// The code of the exits.
    pub(super) fn exits(&mut self) -> Result<(), LowerError> {
        let left = self.left.ok_or(LowerError::Malformed(0))?;
        for number in 0..self.exits.len() {
            let (exit, block) = self.exits[number].clone();
            self.b.switch_to_block(block);
            for (i, v) in exit.values.iter().enumerate() {
                let mut value = self.value((*v).into())?;
                if self.trace.inst(*v).ty == Ty::Bool {
                    value = self.b.ins().uextend(types::I64, value);
                }
                let offset = i32::try_from(8 * i).map_err(|_| LowerError::Malformed(v.0))?;
                self.b.ins().store(slot_flags(), value, left, offset);
            }
            let number = self.b.ins().iconst(types::I64, number as i64);
            self.b.ins().return_(&[number]);
        }
        Ok(())
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
fn slot_flags() -> MemFlagsData {
    MemFlagsData::new().with_notrap().with_aligned()
}

/// Whose values are needed to rebuild what a snapshot and its parents say.
fn held(trace: &typhon_jit_ir::Trace, snap: SnapId) -> Vec<Var> {
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
