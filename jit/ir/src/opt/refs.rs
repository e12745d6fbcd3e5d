//! Reference counting: what need not be counted is not.
//!
//! Words that are no objects have no count. And a reference that is taken and given up again with nothing in between that
//! ends references was never needed: whatever kept the object alive at first still does. If the trace is left in between,
//! the snapshot owes the reference.

use crate::arg::{Arg, Const, Var};
use crate::build::{Copy, Pass, Step, rewrite};
use crate::op::Op;
use crate::snapshot::SnapId;
use crate::trace::{Inst, Trace};
use rustc_hash::{FxHashMap, FxHashSet};

pub(super) fn run(trace: &Trace) -> Trace {
    let mut refs = Refs::default();
    refs.pair(trace, &trace.head);
    if let Some(looped) = &trace.looped {
        refs.pair(trace, &looped.body);
    }
    rewrite(trace, &mut refs)
}

#[derive(Default)]
struct Refs {
    /// Values that are no objects, from where the walk stands on.
    plain: FxHashSet<Arg>,
    /// The values that questions ask about.
    asked: FxHashMap<Var, Arg>,
    /// Questions whether a release is quiet that are answered yes.
    quiet: FxHashSet<Var>,
    /// Counting that is left out.
    gone: FxHashSet<Var>,
    /// References that are owed when an instruction leaves.
    owed: FxHashMap<Var, Vec<Arg>>,
    /// Snapshots with what they owe, made for one of the original's.
    made: FxHashMap<(SnapId, Vec<Arg>), SnapId>,
}

impl Pass for Refs {
    fn visit(&mut self, copy: &mut Copy<'_>, old: Var, inst: &Inst) -> Step {
        if self.quiet.contains(&old) {
            return Step::Is(true.into());
        }
        if self.gone.contains(&old) {
            return Step::Drop;
        }
        let (Some(exit), Some(owed)) = (inst.exit, self.owed.get(&old)) else { return Step::Keep };
        let owed: Vec<Arg> = owed.iter().map(|arg| copy.arg(*arg)).collect();
        let id = self.made.get(&(exit, owed.clone())).copied().unwrap_or_else(|| {
            let plain = copy.exit(exit);
            let mut snap = copy.new.trace().snap(plain).clone();
            snap.owes.extend(&owed);
            copy.new.snap(snap)
        });
        self.made.insert((exit, owed), id);
        Step::Is(copy.new.push(Inst { exit: Some(id), ..inst.clone() }).into())
    }
}

impl Refs {
    fn is_plain(&self, arg: Arg) -> bool {
        self.plain.contains(&arg) || matches!(arg, Arg::Const(Const::Val(word)) if !word.is_obj())
    }

    /// Notes which values are no objects. A guard says so for what comes behind it only: it may leave.
    fn note(&mut self, v: Var, op: Op, first: Option<Arg>) {
        match (op, first) {
            (Op::BoxInt | Op::BoxBool, _) => {
                self.plain.insert(v.into());
            }
            (Op::IsInt | Op::IsBool, Some(value)) => {
                self.asked.insert(v, value);
            }
            (Op::Guard, Some(Arg::Var(condition))) => self.plain.extend(self.asked.get(&condition)),
            _ => {}
        }
    }

    /// Finds the counting in a list that is not necessary.
    fn pair(&mut self, trace: &Trace, list: &[Var]) {
        // References that were taken, and the instructions since that leave.
        let mut open: Vec<(Var, Arg, Vec<Var>)> = Vec::new();
        for v in list {
            let inst = trace.inst(*v);
            let first = inst.args.first().copied();
            self.note(*v, inst.op, first);
            match (inst.op, first) {
                (Op::Retain | Op::Release, Some(arg)) if self.is_plain(arg) => {
                    self.gone.insert(*v);
                }
                // Who has just been given another reference does not die of losing one.
                (Op::Quiet, Some(arg)) if open.iter().any(|(_, taken, _)| *taken == arg) => {
                    self.quiet.insert(*v);
                }
                (Op::Retain, Some(arg)) => open.push((*v, arg, Vec::new())),
                (Op::Release, Some(arg)) => match open.iter().rposition(|(_, taken, _)| *taken == arg) {
                    Some(at) => {
                        let (taken, _, leaving) = open.remove(at);
                        self.gone.extend([taken, *v]);
                        for exit in leaving {
                            self.owed.entry(exit).or_default().push(arg);
                        }
                    }
                    // A float refers to nothing.
                    None if is_float(trace, arg) => {}
                    // What a trace names by address is kept by code that runs or by a type, and types go by collection only.
                    None => open.retain(|(_, taken, _)| matches!(taken, Arg::Const(_))),
                },
                _ if inst.effects().releases() => open.clear(),
                _ if inst.exit.is_some() => open.iter_mut().for_each(|(_, _, leaving)| leaving.push(*v)),
                _ => {}
            }
        }
    }
}

fn is_float(trace: &Trace, arg: Arg) -> bool {
    arg.var().is_some_and(|v| trace.inst(v).op == Op::BoxFlt)
}
