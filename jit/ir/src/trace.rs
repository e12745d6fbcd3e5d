//! Traces: instructions, an optional loop, and snapshots.

use crate::alias::Alias;
use crate::arg::{Arg, Ty, Var};
use crate::effects::Effects;
use crate::helper::Helper;
use crate::op::{Form, Op, Want};
use crate::snapshot::{Snap, SnapId, Src};
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// An instruction's operands.
pub type Args = SmallVec<[Arg; 3]>;

/// What an instruction has besides operands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Imm {
    /// Nothing.
    None,
    /// A place: its class, and its offset from the address.
    Mem(Alias, i32),
    /// An object's shape id and size in bytes.
    New(u32, u32),
    /// Whom to call.
    Call(Helper),
}

/// An instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inst {
    /// What it does.
    pub op: Op,
    /// What its result is.
    pub ty: Ty,
    /// Its operands.
    pub args: Args,
    /// What else it needs.
    pub imm: Imm,
    /// How it leaves the trace, if it can.
    pub exit: Option<SnapId>,
}

impl Inst {
    /// What it may touch.
    pub fn effects(&self) -> Effects {
        let own = self.op.effects();
        match self.imm {
            Imm::Mem(class, _) if self.is_store() => own.and(Effects::write(class)),
            Imm::Mem(class, _) => own.and(Effects::read(class)),
            Imm::Call(helper) => own.and(helper.effects()),
            _ => own,
        }
    }

    /// Does it write to memory that it names?
    pub const fn is_store(&self) -> bool {
        matches!(self.op, Op::Store | Op::Store32 | Op::StoreX | Op::StoreX32 | Op::StoreX8)
    }

    /// Does it read from memory that it names?
    pub const fn is_load(&self) -> bool {
        matches!(self.op, Op::Load | Op::Load32 | Op::LoadX | Op::LoadX32 | Op::LoadX8)
    }

    /// What its operands may be.
    pub fn wants(&self) -> SmallVec<[Want; 4]> {
        match self.imm {
            Imm::Call(helper) => helper.params().iter().map(|ty| Want::Is(*ty)).collect(),
            _ => self.op.wants().iter().copied().collect(),
        }
    }

    /// Do its immediates fit its operation?
    pub const fn is_formed(&self) -> bool {
        matches!(
            (self.op.form(), self.imm),
            (Form::Plain | Form::Param, Imm::None)
                | (Form::Mem | Form::Index, Imm::Mem(..))
                | (Form::New, Imm::New(..))
                | (Form::Call, Imm::Call(_))
        )
    }
}

/// The loop at a trace's end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Loop {
    /// What it carries: the instruction that names it, and its value in the first iteration.
    pub params: Vec<(Var, Arg)>,
    /// One iteration.
    pub body: Vec<Var>,
}

/// How a trace ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// With the loop's next iteration, and what it carries.
    Again(Vec<Arg>),
    /// It is left.
    Leave(SnapId),
    /// Of a limb: with the next iteration of the loop of the trace that it is grafted on, and what that carries.
    Join(Vec<Arg>),
    /// Of a limb: with the beginning of that trace, which has gone round so often by now.
    Over(Arg),
}

impl End {
    /// The snapshot by which the trace is left there.
    pub const fn leaves(&self) -> Option<SnapId> {
        match self {
            Self::Leave(id) => Some(*id),
            Self::Again(_) | Self::Join(_) | Self::Over(_) => None,
        }
    }

    /// What it hands to whatever goes on.
    pub fn given(&self) -> &[Arg] {
        match self {
            Self::Again(args) | Self::Join(args) => args,
            Self::Over(rounds) => std::slice::from_ref(rounds),
            Self::Leave(_) => &[],
        }
    }
}

/// A trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trace {
    /// Every instruction; a [`Var`] is an index.
    pub insts: Vec<Inst>,
    /// What the trace is given.
    pub inputs: Vec<Var>,
    /// What is done once.
    pub head: Vec<Var>,
    /// What is done again and again.
    pub looped: Option<Loop>,
    /// What is done last.
    pub end: End,
    /// Ways to leave.
    pub snaps: Vec<Snap>,
}

impl Trace {
    /// An instruction.
    pub fn inst(&self, v: Var) -> &Inst {
        &self.insts[v.index()]
    }

    /// A snapshot.
    pub fn snap(&self, id: SnapId) -> &Snap {
        &self.snaps[id.index()]
    }

    /// What an operand is.
    pub fn ty(&self, arg: Arg) -> Ty {
        match arg {
            Arg::Const(c) => c.ty(),
            Arg::Var(v) => self.inst(v).ty,
        }
    }

    /// Every instruction in order, parameters left out.
    pub fn order(&self) -> impl Iterator<Item = Var> + '_ {
        self.head.iter().chain(self.looped.iter().flat_map(|l| &l.body)).copied()
    }

    /// What the registers hold at a snapshot, its parents' included; virtual objects are the snapshot's own.
    pub fn resolved(&self, id: SnapId) -> BTreeMap<crate::Slot, (SnapId, Src)> {
        let mut all = BTreeMap::new();
        let mut next = Some(id);
        while let Some(id) = next {
            let snap = self.snap(id);
            for (slot, src) in &snap.slots {
                all.entry(*slot).or_insert((id, *src));
            }
            next = snap.parent;
        }
        all
    }

    /// The snapshots that instructions and the end name, and their parents.
    pub fn snaps_used(&self) -> Vec<bool> {
        let mut used = vec![false; self.snaps.len()];
        for id in self.order().filter_map(|v| self.inst(v).exit).chain(self.end.leaves()) {
            let mut next = Some(id);
            while let Some(id) = next.filter(|id| !used[id.index()]) {
                used[id.index()] = true;
                next = self.snap(id).parent;
            }
        }
        used
    }
}
