//! Guard elimination: what is known is not computed or asked again.
//!
//! Equal computations have one result (values never change, so this holds through the loop, too), a guard makes its condition
//! a fact, and facts about a value's kind decide other questions about it. What the loop carries unchanged is not carried.

use crate::arg::{Arg, Const, Ty, Var};
use crate::build::{Copy, Pass, Step, rewrite};
use crate::op::Op;
use crate::trace::{Args, Imm, Inst, Trace};
use crate::word::Word;
use rustc_hash::FxHashMap;

pub(super) fn run(trace: &Trace) -> Trace {
    rewrite(trace, &mut Guards::default())
}

/// What a value is known to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Flt,
    Bool,
    Obj,
    /// An object that is a float.
    FltObj,
}

#[derive(Default)]
struct Guards {
    computed: FxHashMap<(Op, Ty, Args, Imm), Var>,
    facts: FxHashMap<Var, bool>,
    kinds: FxHashMap<Arg, Kind>,
}

impl Pass for Guards {
    fn visit(&mut self, copy: &mut Copy<'_>, _old: Var, inst: &Inst) -> Step {
        if inst.op == Op::Guard {
            return self.guard(copy, inst);
        }
        if let Some(answer) = self.known(inst) {
            return Step::Is(answer.into());
        }
        let effects = inst.effects();
        // A load from memory that never changes is a computation.
        let constant = crate::Alias::ALL.iter().all(|c| !effects.reads.has(*c) || c.is_constant());
        if inst.ty == Ty::Unit || !effects.repeats() || !constant {
            return Step::Keep;
        }
        let key = (inst.op, inst.ty, inst.args.clone(), inst.imm);
        if let Some(v) = self.computed.get(&key) {
            return match self.facts.get(v) {
                Some(fact) => Step::Is((*fact).into()),
                None => Step::Is((*v).into()),
            };
        }
        let v = copy.emit(inst.clone());
        self.computed.insert(key, v);
        Step::Is(v.into())
    }

    fn param(&mut self, copy: &mut Copy<'_>, old: Var, init: Arg, next: Arg) -> Option<Arg> {
        // What the body computes is not known yet.
        (next == Arg::Var(old) || copy.known(next) == Some(init)).then_some(init)
    }
}

impl Guards {
    fn guard(&mut self, copy: &mut Copy<'_>, inst: &Inst) -> Step {
        let Arg::Var(condition) = inst.args[0] else {
            return if inst.args[0] == Arg::bool(true) { Step::Drop } else { Step::Keep };
        };
        match self.facts.get(&condition) {
            Some(true) => Step::Drop,
            Some(false) => Step::Become(Inst { args: [Arg::bool(false)].into_iter().collect(), ..inst.clone() }),
            None => {
                let v = copy.emit(inst.clone());
                self.learn(copy, condition, true);
                Step::Is(v.into())
            }
        }
    }

    /// A condition is a fact now; so is what follows from it.
    fn learn(&mut self, copy: &Copy<'_>, condition: Var, fact: bool) {
        let mut new = vec![(Arg::Var(condition), fact)];
        while let Some((arg, fact)) = new.pop() {
            let Arg::Var(v) = arg else { continue };
            self.facts.insert(v, fact);
            let inst = copy.new.trace().inst(v);
            let first = inst.args.first().copied();
            match (inst.op, fact, first) {
                (Op::Not, _, Some(x)) => new.push((x, !fact)),
                (Op::And, true, _) | (Op::Or, false, _) => new.extend(inst.args.iter().map(|x| (*x, fact))),
                (Op::IsInt, true, Some(x)) => self.is(x, Kind::Int),
                (Op::IsObj, true, Some(x)) => self.is(x, Kind::Obj),
                (Op::IsBool, true, Some(x)) => self.is(x, Kind::Bool),
                (Op::IsFlt, true, Some(x)) => self.is(x, Kind::Flt),
                (Op::Same, true, Some(x)) => {
                    if let Some(Const::Val(Word::TRUE | Word::FALSE)) = inst.args[1].constant() {
                        self.is(x, Kind::Bool);
                    }
                }
                _ => {}
            }
        }
    }

    fn is(&mut self, value: Arg, kind: Kind) {
        let both = match (self.kinds.get(&value), kind) {
            (Some(Kind::Flt), Kind::Obj) | (Some(Kind::Obj), Kind::Flt) | (Some(Kind::FltObj), _) => Kind::FltObj,
            _ => kind,
        };
        self.kinds.insert(value, both);
    }

    /// Whether a question about a value's kind has an answer.
    fn known(&self, inst: &Inst) -> Option<bool> {
        let asked = match inst.op {
            // Floats die without anybody noticing.
            Op::Quiet => return (*self.kinds.get(&inst.args[0])? != Kind::Obj).then_some(true),
            Op::IsInt => Kind::Int,
            Op::IsFlt => Kind::Flt,
            Op::IsBool => Kind::Bool,
            Op::IsObj => Kind::Obj,
            _ => return None,
        };
        match (*self.kinds.get(&inst.args[0])?, asked) {
            (kind, asked) if kind == asked => Some(true),
            (Kind::FltObj, Kind::Flt | Kind::Obj) => Some(true),
            // A float may be an object, and an object a float.
            (Kind::Flt, Kind::Obj) | (Kind::Obj, Kind::Flt) => None,
            _ => Some(false),
        }
    }
}
