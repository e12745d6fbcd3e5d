//! Making traces: from nothing, and from another trace with changes.

use crate::arg::{Arg, Ty, Var};
use crate::helper::Helper;
use crate::op::Op;
use crate::snapshot::{Snap, SnapId};
use crate::trace::{Args, End, Imm, Inst, Loop, Trace};
use crate::{Alias, Const};
use rustc_hash::FxHashMap;

/// A trace in the making.
#[derive(Debug)]
pub struct Builder {
    trace: Trace,
}

impl Builder {
    /// An empty trace.
    pub fn new() -> Self {
        let end = End::Leave(SnapId(0));
        let (insts, inputs, head, snaps) = Default::default();
        Self { trace: Trace { insts, inputs, head, looped: None, end, snaps } }
    }

    /// Goes on with a trace.
    pub const fn on(trace: Trace) -> Self {
        Self { trace }
    }

    /// A new object of a shape and size.
    pub fn new_object(&mut self, shape: u32, size: u32, thread: Arg, exit: SnapId) -> Var {
        let args = [thread].into_iter().collect();
        self.push(Inst { op: Op::New, ty: Ty::Val, args, imm: Imm::New(shape, size), exit: Some(exit) })
    }

    /// One more thing that the trace is given.
    pub fn input(&mut self, ty: Ty) -> Var {
        let v = self.add(Inst { op: Op::Param, ty, args: Args::new(), imm: Imm::None, exit: None });
        self.trace.inputs.push(v);
        v
    }

    /// From here on, instructions are the loop's.
    pub fn begin_loop(&mut self) {
        self.trace.looped = Some(Loop::default());
    }

    /// One more thing that the loop carries.
    pub fn param(&mut self, ty: Ty, init: Arg) -> Var {
        let v = self.add(Inst { op: Op::Param, ty, args: Args::new(), imm: Imm::None, exit: None });
        self.trace.looped.get_or_insert_default().params.push((v, init));
        v
    }

    /// One more instruction.
    pub fn push(&mut self, inst: Inst) -> Var {
        let v = self.add(inst);
        match &mut self.trace.looped {
            Some(looped) => looped.body.push(v),
            None => self.trace.head.push(v),
        }
        v
    }

    /// An instruction without immediates whose operation says its type.
    pub fn op(&mut self, op: Op, args: &[Arg], exit: Option<SnapId>) -> Var {
        let ty = op.ty().unwrap_or(Ty::Unit);
        self.push(Inst { op, ty, args: args.iter().copied().collect(), imm: Imm::None, exit })
    }

    /// A load, a store, or one of an array's.
    pub fn mem(&mut self, op: Op, ty: Ty, class: Alias, args: &[Arg], offset: i32) -> Var {
        let imm = Imm::Mem(class, offset);
        self.push(Inst { op, ty, args: args.iter().copied().collect(), imm, exit: None })
    }

    /// A call.
    pub fn call(&mut self, helper: Helper, args: &[Arg]) -> Var {
        let (ty, imm) = (helper.ty(), Imm::Call(helper));
        self.push(Inst { op: Op::Call, ty, args: args.iter().copied().collect(), imm, exit: None })
    }

    /// One more snapshot.
    pub fn snap(&mut self, snap: Snap) -> SnapId {
        let id = SnapId(u32::try_from(self.trace.snaps.len()).unwrap_or(u32::MAX));
        self.trace.snaps.push(snap);
        id
    }

    /// The trace so far.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Is it in its loop?
    pub fn is_looping(&self) -> bool {
        self.trace.looped.is_some()
    }

    /// The trace.
    pub fn finish(mut self, end: End) -> Trace {
        self.trace.end = end;
        self.trace
    }

    fn add(&mut self, inst: Inst) -> Var {
        let v = Var(u32::try_from(self.trace.insts.len()).unwrap_or(u32::MAX));
        self.trace.insts.push(inst);
        v
    }
}

/// What becomes of an instruction when a trace is copied.
pub enum Step {
    /// It is copied.
    Keep,
    /// It is copied as something else.
    Become(Inst),
    /// Its result is this one, and it is left out.
    Is(Arg),
    /// It is left out; it has no result that anybody uses.
    Drop,
}

/// What a pass that goes through a trace once does with it. Every operand it sees is the copy's.
pub trait Pass {
    /// An instruction, with the copy's operands and the original's exit.
    fn visit(&mut self, copy: &mut Copy<'_>, old: Var, inst: &Inst) -> Step;

    /// The loop begins.
    fn enter_loop(&mut self, _copy: &mut Copy<'_>) {}

    /// Something that the loop carries, with its first value and, in the original, its next: what it is instead, if it need
    /// not be carried.
    fn param(&mut self, _copy: &mut Copy<'_>, _old: Var, _init: Arg, _next: Arg) -> Option<Arg> {
        None
    }

    /// The trace is left at its end.
    fn leave(&mut self, copy: &mut Copy<'_>, id: SnapId) -> SnapId {
        copy.exit(id)
    }
}

/// A copy of a trace in the making.
pub struct Copy<'t> {
    /// The original.
    pub old: &'t Trace,
    /// The copy.
    pub new: Builder,
    vars: Vec<Option<Arg>>,
    /// What snapshots take instead of an instruction's result.
    shown: FxHashMap<Var, Arg>,
    snaps: Vec<Option<SnapId>>,
}

impl<'t> Copy<'t> {
    /// An empty copy of `old` with its inputs.
    pub fn begin(old: &'t Trace) -> Self {
        let mut copy = Self {
            old,
            new: Builder::new(),
            vars: vec![None; old.insts.len()],
            shown: FxHashMap::default(),
            snaps: vec![None; old.snaps.len()],
        };
        for v in &old.inputs {
            let input = copy.new.input(old.inst(*v).ty);
            copy.set(*v, input.into());
        }
        copy
    }

    /// What an operand is in the copy, if that is known yet.
    pub fn known(&self, arg: Arg) -> Option<Arg> {
        match arg {
            Arg::Var(v) => self.vars[v.index()],
            Arg::Const(_) => Some(arg),
        }
    }

    /// What a snapshot takes for an operand.
    pub fn shown(&self, arg: Arg) -> Arg {
        arg.var().and_then(|v| self.shown.get(&v)).copied().unwrap_or_else(|| self.arg(arg))
    }

    /// Says what snapshots take instead of an instruction's result.
    pub fn show(&mut self, old: Var, new: Arg) {
        self.shown.insert(old, new);
    }

    /// What an operand is in the copy. An instruction that was dropped is nothing anybody uses: it stays itself, for the
    /// verifier to find.
    pub fn arg(&self, arg: Arg) -> Arg {
        self.known(arg).unwrap_or(arg)
    }

    /// Says what an instruction is in the copy.
    pub fn set(&mut self, old: Var, new: Arg) {
        self.vars[old.index()] = Some(new);
    }

    /// An instruction with the copy's operands and the original's exit.
    pub fn operands(&self, old: Var) -> Inst {
        let inst = self.old.inst(old);
        Inst { args: inst.args.iter().map(|arg| self.arg(*arg)).collect(), ..inst.clone() }
    }

    /// A snapshot of the original in the copy.
    pub fn exit(&mut self, old: SnapId) -> SnapId {
        if let Some(id) = self.snaps[old.index()] {
            return id;
        }
        let mut snap = self.old.snap(old).clone();
        snap.parent = snap.parent.map(|parent| self.exit(parent));
        snap.map_args(|arg| self.shown(arg));
        // What became unboxed is not counted: every register that holds it gets a reference of its own.
        snap.owes.retain(|arg| self.new.trace().ty(*arg) == Ty::Val);
        let id = self.new.snap(snap);
        self.snaps[old.index()] = Some(id);
        id
    }

    /// Copies an instruction that has the copy's operands and the original's exit.
    pub fn emit(&mut self, inst: Inst) -> Var {
        let exit = inst.exit.map(|id| self.exit(id));
        self.new.push(Inst { exit, ..inst })
    }

    /// Forgets which snapshots were copied: from now on, their operands may be others.
    pub fn renew_exits(&mut self) {
        self.snaps.fill(None);
    }

    /// Copies instructions through a pass.
    pub fn pass(&mut self, pass: &mut impl Pass, list: &[Var]) {
        for old in list {
            let inst = self.operands(*old);
            let arg = match pass.visit(self, *old, &inst) {
                Step::Keep => self.emit(inst).into(),
                Step::Become(other) => self.emit(other).into(),
                Step::Is(arg) => arg,
                Step::Drop => continue,
            };
            self.set(*old, arg);
        }
    }
}

/// Copies a trace through a pass.
pub fn rewrite(old: &Trace, pass: &mut impl Pass) -> Trace {
    let mut copy = Copy::begin(old);
    copy.pass(pass, &old.head);
    let mut kept = Vec::new();
    if let Some(looped) = &old.looped {
        copy.new.begin_loop();
        pass.enter_loop(&mut copy);
        for (i, (v, init)) in looped.params.iter().enumerate() {
            let init = copy.arg(*init);
            let next = match &old.end {
                End::Again(args) => args[i],
                _ => (*v).into(),
            };
            let instead = pass.param(&mut copy, *v, init, next);
            kept.push(instead.is_none());
            let arg = instead.unwrap_or_else(|| copy.new.param(old.inst(*v).ty, init).into());
            copy.set(*v, arg);
        }
        copy.pass(pass, &looped.body);
    }
    let end = match &old.end {
        End::Again(args) => {
            let carried = args.iter().zip(kept).filter(|(_, kept)| *kept);
            End::Again(carried.map(|(arg, _)| copy.arg(*arg)).collect())
        }
        End::Leave(id) => End::Leave(pass.leave(&mut copy, *id)),
        End::Join(args) => End::Join(args.iter().map(|arg| copy.arg(*arg)).collect()),
        End::Over(rounds) => End::Over(copy.arg(*rounds)),
    };
    copy.new.finish(end)
}

impl From<bool> for Arg {
    fn from(b: bool) -> Self {
        Self::Const(Const::Bool(b))
    }
}
