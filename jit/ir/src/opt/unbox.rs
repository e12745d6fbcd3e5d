//! Unboxing: what a loop carries as a word, but boxes anew in every iteration, it carries unboxed.
//!
//! A parameter is unboxed if its first value was boxed in the head or the head has found out what it is, its next one is boxed in
//! the iteration, is another such parameter or has been found to be one, and the iteration looks at it unboxed only. Snapshots take it as it is: they box what is not a word. The
//! reference to a boxed float that the parameter owned is given up where the loop would have taken it over.

use crate::arg::{Arg, Const, Ty, Var};
use crate::build::{Copy, Pass, Step};
use crate::op::Op;
use crate::trace::{End, Loop, Trace};
use crate::word::Word;
use rustc_hash::FxHashMap;

pub(super) fn run(trace: &Trace) -> Trace {
    let (Some(looped), End::Again(next)) = (&trace.looped, &trace.end) else { return trace.clone() };
    let kinds = choose(trace, looped, next);
    if kinds.is_empty() {
        return trace.clone();
    }
    let mut unbox = Unbox { kinds };
    let mut copy = Copy::begin(trace);
    copy.pass(&mut unbox, &trace.head);
    let inits: Vec<Arg> = looped.params.iter().map(|(v, init)| unbox.pass_on(&mut copy, *v, *init)).collect();
    copy.new.begin_loop();
    for ((v, _), init) in looped.params.iter().zip(inits) {
        let ty = unbox.kinds.get(v).copied().unwrap_or(trace.inst(*v).ty);
        let param = copy.new.param(ty, init);
        copy.set(*v, param.into());
    }
    copy.pass(&mut unbox, &looped.body);
    let next = looped.params.iter().zip(next).map(|((v, _), next)| unbox.pass_on(&mut copy, *v, *next)).collect();
    copy.new.finish(End::Again(next))
}

struct Unbox {
    kinds: FxHashMap<Var, Ty>,
}

impl Pass for Unbox {
    fn visit(&mut self, copy: &mut Copy<'_>, old: Var, inst: &crate::trace::Inst) -> Step {
        let original = copy.old.inst(old).args.first().and_then(|arg| arg.var());
        let Some(kind) = original.and_then(|v| self.kinds.get(&v)) else { return Step::Keep };
        let param = inst.args[0];
        match inst.op {
            Op::UnboxInt | Op::UnboxFlt => Step::Is(param),
            Op::Quiet => Step::Is(true.into()),
            Op::IsInt => Step::Is((*kind == Ty::Int).into()),
            Op::IsFlt => Step::Is((*kind == Ty::Flt).into()),
            Op::IsBool => Step::Is((*kind == Ty::Bool).into()),
            Op::Same if inst.args[1] == Arg::Const(Const::Val(Word::TRUE)) => Step::Is(param),
            // Counting what is not an object.
            _ => Step::Drop,
        }
    }
}

impl Unbox {
    /// What a parameter is given, unboxed if it is. The reference that it would have taken over ends.
    fn pass_on(&self, copy: &mut Copy<'_>, param: Var, given: Arg) -> Arg {
        let arg = copy.arg(given);
        let Some(kind) = self.kinds.get(&param) else { return arg };
        match (arg, given) {
            (Arg::Const(Const::Val(word)), _) => match kind {
                Ty::Int => Arg::int(word.to_int()),
                Ty::Flt => Const::flt(word.to_flt()).into(),
                _ => Arg::bool(word == Word::TRUE),
            },
            (_, Arg::Var(v)) if self.kinds.contains_key(&v) => arg,
            (Arg::Var(boxed), _) => {
                let def = copy.new.trace().inst(boxed);
                let inner = match (def.op, kind) {
                    (Op::BoxInt | Op::BoxFlt | Op::BoxBool, _) => def.args.last().copied().unwrap_or(arg),
                    (_, Ty::Flt) => copy.new.op(Op::UnboxFlt, &[arg], None).into(),
                    (_, Ty::Int) => copy.new.op(Op::UnboxInt, &[arg], None).into(),
                    _ => copy.new.op(Op::Same, &[arg, Arg::Const(Const::Val(Word::TRUE))], None).into(),
                };
                if *kind == Ty::Flt {
                    copy.new.op(Op::Release, &[arg], None);
                }
                inner
            }
            _ => arg,
        }
    }
}

/// What boxing an operand tells about it.
fn boxed(trace: &Trace, arg: Arg) -> Option<Ty> {
    match arg {
        Arg::Const(Const::Val(word)) if word.is_int() => Some(Ty::Int),
        Arg::Const(Const::Val(word)) if word.is_flt() => Some(Ty::Flt),
        Arg::Const(Const::Val(Word::TRUE | Word::FALSE)) => Some(Ty::Bool),
        Arg::Const(_) => None,
        Arg::Var(v) => match trace.inst(v).op {
            Op::BoxInt => Some(Ty::Int),
            Op::BoxFlt => Some(Ty::Flt),
            Op::BoxBool => Some(Ty::Bool),
            _ => None,
        },
    }
}

/// What a list has found values to be.
fn found(trace: &Trace, list: &[Var]) -> FxHashMap<Arg, Ty> {
    let guards = list.iter().map(|v| trace.inst(*v)).filter(|inst| inst.op == Op::Guard);
    let questions = guards.filter_map(|guard| Some(trace.inst(guard.args[0].var()?)));
    let answers = questions.filter_map(|question| {
        let ty = match question.op {
            Op::IsInt => Ty::Int,
            Op::IsFlt => Ty::Flt,
            Op::IsBool => Ty::Bool,
            _ => return None,
        };
        Some((question.args[0], ty))
    });
    answers.collect()
}

/// The parameters to unbox: at first all whose first value is boxed, then without those that turn out to be something else.
fn choose(trace: &Trace, looped: &Loop, next: &[Arg]) -> FxHashMap<Var, Ty> {
    let (in_body, found) = (found(trace, &looped.body), found(trace, &trace.head));
    let first = |init: &Arg| boxed(trace, *init).or_else(|| found.get(init).copied());
    let mut kinds: FxHashMap<Var, Ty> = looped.params.iter().filter_map(|(v, init)| Some((*v, first(init)?))).collect();
    for v in &looped.body {
        let inst = trace.inst(*v);
        let fits = |kind: Ty| match inst.op {
            Op::UnboxInt => kind == Ty::Int,
            Op::UnboxFlt => kind == Ty::Flt,
            Op::IsInt | Op::IsFlt | Op::IsBool | Op::Retain | Op::Release | Op::Quiet => true,
            Op::Same => kind == Ty::Bool && inst.args[1] == Arg::Const(Const::Val(Word::TRUE)),
            _ => false,
        };
        for (i, arg) in inst.args.iter().enumerate() {
            if let Some(v) = arg.var()
                && kinds.get(&v).is_some_and(|kind| i > 0 || !fits(*kind))
            {
                kinds.remove(&v);
            }
        }
    }
    loop {
        let before = kinds.len();
        for ((v, _), next) in looped.params.iter().zip(next) {
            let is = || found.get(next).or_else(|| in_body.get(next)).copied();
            let param = next.var().is_some_and(|n| looped.params.iter().any(|(v, _)| *v == n));
            let given = match param {
                true => next.var().and_then(|n| kinds.get(&n).copied()),
                false => boxed(trace, *next).or_else(is),
            };
            // What one parameter hands to another is unboxed for both or for neither.
            match (kinds.get(v).copied(), given) {
                (Some(kind), Some(given)) if kind == given => {}
                _ => {
                    kinds.remove(v);
                    if let Some(n) = next.var() {
                        kinds.remove(&n);
                    }
                }
            }
        }
        if kinds.len() == before {
            return kinds;
        }
    }
}
