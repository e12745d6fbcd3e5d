//! The verifier: what must hold for every trace, after every pass.

use crate::arg::{Arg, Ty, Var};
use crate::op::Op;
use crate::snapshot::{Snap, SnapId, Src};
use crate::trace::{End, Inst, Trace};
use std::fmt;

/// What is wrong with a trace.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct Fault {
    /// The instruction, if it is one's fault.
    pub at: Option<Var>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => write!(f, "instruction {}: {}", at.0, self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// Whether a trace is well formed: every operand is defined before its use and of the right type, immediates and exits are
/// where they belong, snapshots' operands are defined where they are used, and the loop carries what it says.
pub fn verify(trace: &Trace) -> Result<(), Fault> {
    let mut seen = Seen { trace, defined: vec![false; trace.insts.len()], at: None };
    for v in &trace.inputs {
        seen.param(*v)?;
    }
    seen.list(&trace.head)?;
    if let Some(looped) = &trace.looped {
        for (v, init) in &looped.params {
            seen.takes(*init, seen.trace.inst(*v).ty)?;
        }
        for (v, _) in &looped.params {
            seen.param(*v)?;
        }
        seen.list(&looped.body)?;
    }
    seen.at = None;
    match (&trace.end, &trace.looped) {
        (End::Leave(id), _) => seen.exit(*id),
        (End::Again(_), None) => seen.fault("it goes on again without a loop"),
        (End::Join(_) | End::Over(_), Some(_)) => seen.fault("a limb has a loop"),
        (End::Join(args), None) => args.iter().try_for_each(|arg| seen.use_of(*arg)),
        (End::Over(rounds), None) => seen.takes(*rounds, Ty::Int),
        (End::Again(args), Some(looped)) if args.len() != looped.params.len() => {
            seen.fault(format!("the loop carries {} and is given {}", looped.params.len(), args.len()))
        }
        (End::Again(args), Some(looped)) => {
            for (arg, (v, _)) in args.iter().zip(&looped.params) {
                seen.takes(*arg, trace.inst(*v).ty)?;
            }
            Ok(())
        }
    }
}

struct Seen<'t> {
    trace: &'t Trace,
    defined: Vec<bool>,
    at: Option<Var>,
}

impl Seen<'_> {
    fn fault<T>(&self, what: impl Into<String>) -> Result<T, Fault> {
        Err(Fault { at: self.at, what: what.into() })
    }

    fn define(&mut self, v: Var) -> Result<(), Fault> {
        match self.defined.get_mut(v.index()) {
            Some(defined) if !*defined => {
                *defined = true;
                Ok(())
            }
            Some(_) => self.fault("it is there twice"),
            None => self.fault(format!("there is no instruction {}", v.0)),
        }
    }

    fn param(&mut self, v: Var) -> Result<(), Fault> {
        self.define(v)?;
        let inst = self.trace.inst(v);
        if inst.op != Op::Param || inst.ty == Ty::Unit { self.fault("it is no parameter") } else { Ok(()) }
    }

    fn list(&mut self, list: &[Var]) -> Result<(), Fault> {
        for v in list {
            if v.index() >= self.trace.insts.len() {
                return self.fault(format!("there is no instruction {}", v.0));
            }
            self.at = Some(*v);
            self.inst(self.trace.inst(*v))?;
            self.define(*v)?;
        }
        Ok(())
    }

    fn inst(&self, inst: &Inst) -> Result<(), Fault> {
        if inst.op == Op::Param {
            return self.fault("a parameter is not among the instructions");
        }
        if !inst.is_formed() {
            return self.fault(format!("{} has other immediates", inst.op.name()));
        }
        let wants = inst.wants();
        if wants.len() != inst.args.len() {
            return self.fault(format!("{} takes {} operands, not {}", inst.op.name(), wants.len(), inst.args.len()));
        }
        for (want, arg) in wants.iter().zip(&inst.args) {
            self.use_of(*arg)?;
            if !want.takes(self.trace.ty(*arg)) {
                return self.fault(format!("{} takes no {}", inst.op.name(), self.trace.ty(*arg).name()));
            }
        }
        let fits = match (inst.op, inst.op.ty()) {
            (Op::Call, _) => matches!(inst.imm, crate::trace::Imm::Call(helper) if helper.ty() == inst.ty),
            (_, Some(ty)) => ty == inst.ty,
            (_, None) => !matches!(inst.ty, Ty::Unit | Ty::Bool),
        };
        if !fits {
            return self.fault(format!("{} gives no {}", inst.op.name(), inst.ty.name()));
        }
        match inst.exit {
            Some(id) if inst.op.exits() => self.exit(id),
            Some(_) => self.fault(format!("{} does not leave", inst.op.name())),
            None if inst.op.exits() => self.fault(format!("{} leaves without a snapshot", inst.op.name())),
            None => Ok(()),
        }
    }

    fn use_of(&self, arg: Arg) -> Result<(), Fault> {
        match arg {
            Arg::Var(v) if !self.defined.get(v.index()).copied().unwrap_or(false) => {
                self.fault(format!("it uses {} before that is defined", v.0))
            }
            _ => Ok(()),
        }
    }

    fn takes(&self, arg: Arg, ty: Ty) -> Result<(), Fault> {
        self.use_of(arg)?;
        let is = self.trace.ty(arg);
        if is == ty { Ok(()) } else { self.fault(format!("a {} is carried as {}", is.name(), ty.name())) }
    }

    fn exit(&self, id: SnapId) -> Result<(), Fault> {
        let mut next = Some(id);
        let mut steps = 0;
        while let Some(id) = next {
            let Some(snap) = self.trace.snaps.get(id.index()) else {
                return self.fault(format!("there is no snapshot {}", id.0));
            };
            steps += 1;
            if steps > self.trace.snaps.len() {
                return self.fault("a snapshot is its own ancestor");
            }
            self.snap(snap)?;
            next = snap.parent;
        }
        Ok(())
    }

    fn snap(&self, snap: &Snap) -> Result<(), Fault> {
        for arg in snap.args() {
            self.use_of(arg)?;
            if self.trace.ty(arg) == Ty::Unit {
                return self.fault("a snapshot holds a unit");
            }
        }
        for arg in &snap.owes {
            if self.trace.ty(*arg) != Ty::Val {
                return self.fault("a snapshot owes what is not counted");
            }
        }
        let fields = snap.virtuals.iter().flat_map(|v| v.fields.iter().map(|(_, _, src)| src));
        for src in snap.slots.values().chain(fields) {
            if let Src::Virtual(i) = src
                && *i as usize >= snap.virtuals.len()
            {
                return self.fault(format!("a snapshot has no virtual object {i}"));
            }
        }
        Ok(())
    }
}
