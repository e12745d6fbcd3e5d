//! A loop's header in a tree: what a limb must bring that ends there, and must have left alone.

use super::{REGISTERS, Tree, looks_at_registers, register};
use crate::record::ROUNDS;
use typhon_jit_ir::snapshot::place_number;
use typhon_jit_ir::trace::{Imm, Inst, Loop};
use typhon_jit_ir::{Alias, Arg, Form, Op, Slot, SnapId, Src, Trace, Var};

/// What the loop of a part carries, and what it relies on.
pub(super) struct Header<'t> {
    pub(super) place: u64,
    pub(super) params: &'t [(Var, Arg)],
    /// What the registers hold there that memory does not.
    pub(super) slots: Vec<(Slot, Arg)>,
    /// Registers in memory that it knows.
    pub(super) relied: &'t [u16],
    /// Memory that was looked at or written before it, and that it does not change itself.
    found: Vec<(Alias, i32)>,
}

impl<'t> Header<'t> {
    pub(super) fn of(tree: &'t Tree, part: usize) -> Option<Self> {
        let trace = tree.part(part);
        let looped = trace.looped.as_ref()?;
        let snap = header(trace, looped)?;
        let slots = trace.resolved(snap).into_iter().map(|(slot, (_, src))| match src {
            Src::Arg(arg) if slot.frame == 0 || slot == ROUNDS => Some((slot, arg)),
            _ => None,
        });
        let slots = slots.collect::<Option<Vec<_>>>()?;
        let frames = &trace.snap(snap).frames;
        if frames.len() != 1 || !trace.snap(snap).owes.is_empty() {
            return None;
        }
        let base = Arg::Var(*trace.inputs.get(REGISTERS)?);
        let (relied, found) = (tree.reads(part), found(trace, looped, base));
        Some(Self { place: place_number(frames), params: &looped.params, slots, relied, found })
    }

    /// Whether what a limb does, perhaps only on its way to an exit, changes what the loop has found before.
    pub(super) fn is_disturbed_by(&self, limb: &Trace, to: Option<SnapId>) -> bool {
        let leaves = |v: &Var| to.is_some() && limb.inst(*v).exit == to;
        let mut until = limb.head.len();
        if limb.looped.is_none()
            && let Some(last) = limb.head.iter().rposition(leaves)
        {
            until = last;
        }
        let is_new = |arg: &Arg| arg.var().is_some_and(|v| limb.inst(v).op == Op::New);
        let base = limb.inputs.get(REGISTERS).map(|v| Arg::Var(*v));
        let body = limb.looped.iter().flat_map(|looped| &looped.body);
        limb.head.iter().take(until).chain(body).map(|v| limb.inst(*v)).any(|inst| {
            let first = inst.args.first();
            if inst.is_store() && first.is_some_and(is_new) {
                return false;
            }
            if inst.is_store() && first.copied() == base {
                return register(inst).is_none_or(|reg| self.relied.contains(&reg));
            }
            let effects = inst.effects();
            self.found.iter().any(|(class, offset)| {
                // Objects begin where they are named: attributes at different offsets are two, and so are an iterator's numbers.
                let named = matches!(class, Alias::Slot | Alias::Iter);
                effects.changes(*class) && !(named && is_beside(inst, *class, *offset))
            }) || looks_at_registers(inst) && !self.relied.is_empty()
        })
    }
}

/// How a loop is left at its header: it begins by asking whether somebody wants the thread to look up.
pub(super) fn header(trace: &Trace, looped: &Loop) -> Option<SnapId> {
    let first = looped.body.iter().map(|v| trace.inst(*v)).find(|inst| inst.exit.is_some())?;
    let asked = trace.inst(first.args.first()?.var()?).args.first()?.var()?;
    let polls = first.op == Op::Guard && matches!(trace.inst(asked).imm, Imm::Mem(Alias::Thread, _));
    first.exit.filter(|_| polls)
}

/// Whether an instruction stores to a class, but not to this offset from the same address.
fn is_beside(inst: &Inst, class: Alias, offset: i32) -> bool {
    let stores = inst.is_store() && inst.op.form() == Form::Mem;
    stores && matches!(inst.imm, Imm::Mem(other, at) if other == class && at.abs_diff(offset) >= 8)
}

/// What the head has looked at or written in memory that the loop does not change, and so may rely on.
fn found(trace: &Trace, looped: &Loop, base: Arg) -> Vec<(Alias, i32)> {
    let kept = |class: Alias, offset: i32| {
        let changes = |inst: &Inst| inst.effects().changes(class) && !is_beside(inst, class, offset);
        !class.is_constant()
            && !class.is_volatile()
            // What counts are is not remembered.
            && class != Alias::Count
            && !looped.body.iter().any(|v| changes(trace.inst(*v)))
    };
    let loads = trace
        .head
        .iter()
        .map(|v| trace.inst(*v))
        .filter(|inst| (inst.is_load() || inst.is_store()) && inst.args[0] != base);
    let mut found: Vec<(Alias, i32)> = loads
        .filter_map(|inst| match inst.imm {
            Imm::Mem(class, offset) if kept(class, offset) => Some((class, offset)),
            _ => None,
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}
