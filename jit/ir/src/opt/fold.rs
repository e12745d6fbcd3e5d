//! Folding: constants are computed, algebra is done, and what was just boxed is not unboxed.

use crate::alias::Alias;
use crate::arg::{Arg, Const, Var};
use crate::build::{Copy, Pass, Step, rewrite};
use crate::op::{Op, Outcome};
use crate::trace::{Imm, Inst, Trace};
use crate::word::Word;

pub(super) fn run(trace: &Trace) -> Trace {
    rewrite(trace, &mut Fold)
}

struct Fold;

impl Pass for Fold {
    fn visit(&mut self, copy: &mut Copy<'_>, _old: Var, inst: &Inst) -> Step {
        let constants: Option<Vec<Const>> = inst.args.iter().map(|arg| arg.constant()).collect();
        if let Some(Outcome::Is(c)) = constants.map(|args| inst.op.eval(&args)) {
            return Step::Is(c.into());
        }
        let mut inst = inst.clone();
        // Constants go to the right, which halves the cases here and finds more equals later.
        if inst.op.commutes() && inst.args[0].constant().is_some() {
            inst.args.swap(0, 1);
        }
        match (inst.args.first().copied(), inst.args.get(1).copied()) {
            (Some(a), None) => unary(copy, inst.op, a),
            (Some(a), Some(b)) => binary(copy, &inst, a, b),
            _ => None,
        }
        .unwrap_or(Step::Become(inst))
    }
}

/// The instruction that gives an operand.
fn def(copy: &Copy<'_>, arg: Arg) -> Option<(Op, Arg)> {
    let inst = copy.new.trace().inst(arg.var()?);
    Some((inst.op, inst.args.last().copied()?))
}

fn unary(copy: &Copy<'_>, op: Op, a: Arg) -> Option<Step> {
    if op == Op::Guard && a == Arg::bool(true) {
        return Some(Step::Drop);
    }
    match (op, a) {
        (Op::Quiet, Arg::Const(_)) => return Some(Step::Is(true.into())),
        (Op::IsFlt, Arg::Const(Const::Val(word))) if !word.is_obj() => return Some(Step::Is(word.is_flt().into())),
        (Op::UnboxFlt, Arg::Const(Const::Val(word))) if word.is_flt() => {
            return Some(Step::Is(Const::flt(word.to_flt()).into()));
        }
        _ => {}
    }
    let is = |b: bool| Some(Step::Is(b.into()));
    match (op, def(copy, a)?) {
        (Op::UnboxInt, (Op::BoxInt, x)) | (Op::UnboxFlt, (Op::BoxFlt, x)) | (Op::Not, (Op::Not, x)) => {
            Some(Step::Is(x))
        }
        (Op::BoxInt, (Op::UnboxInt, x)) => Some(Step::Is(x)),
        (Op::Quiet, (Op::BoxInt | Op::BoxBool | Op::BoxFlt, _)) => is(true),
        (Op::IsInt, (Op::BoxInt, _)) | (Op::IsFlt, (Op::BoxFlt, _)) | (Op::IsBool, (Op::BoxBool, _)) => is(true),
        (Op::IsInt | Op::IsFlt | Op::IsObj, (Op::BoxBool, _)) => is(false),
        (Op::IsFlt | Op::IsObj | Op::IsBool, (Op::BoxInt, _)) => is(false),
        (Op::IsInt | Op::IsBool, (Op::BoxFlt, _)) => is(false),
        (Op::IsInt | Op::IsBool | Op::IsFlt, _) if is_new(copy, a) => is(false),
        (Op::IsObj, _) if is_new(copy, a) => is(true),
        _ => None,
    }
}

/// Floats are not made by `new`.
fn is_new(copy: &Copy<'_>, a: Arg) -> bool {
    a.var().is_some_and(|v| copy.new.trace().inst(v).op == Op::New)
}

/// Whether what an operation makes is never a word.
fn is_another(op: Op, word: Word) -> bool {
    match op {
        Op::New => true,
        Op::BoxInt => !word.is_int(),
        Op::BoxFlt => !word.is_flt() && !word.is_obj(),
        Op::BoxBool => word != Word::TRUE && word != Word::FALSE,
        _ => false,
    }
}

fn binary(copy: &mut Copy<'_>, inst: &Inst, a: Arg, b: Arg) -> Option<Step> {
    let is = |arg: Arg| Some(Step::Is(arg));
    if a == b && !matches!(inst.imm, Imm::Mem(..)) {
        match inst.op {
            Op::ISub | Op::ISubOv | Op::IXor => return is(Arg::int(0)),
            Op::IAnd | Op::IOr | Op::And | Op::Or => return is(a),
            Op::ILe | Op::IEq | Op::Same | Op::PEq => return is(true.into()),
            Op::ILt | Op::INe | Op::IUlt => return is(false.into()),
            _ => {}
        }
    }
    match (inst.op, b.constant()?) {
        (Op::IAdd | Op::IAddOv | Op::ISub | Op::ISubOv | Op::IOr | Op::IXor | Op::IShlOv | Op::IShr, Const::Int(0)) => {
            is(a)
        }
        (Op::IMul | Op::IMulOv | Op::IFloorDiv, Const::Int(1)) | (Op::IAnd, Const::Int(-1)) => is(a),
        (Op::IMul | Op::IMulOv | Op::IAnd, Const::Int(0)) | (Op::IMod, Const::Int(1)) => is(Arg::int(0)),
        (Op::IMod, Const::Int(m)) if m > 0 && m.count_ones() == 1 => become_pure(inst, Op::IAnd, a, m - 1),
        (Op::IFloorDiv, Const::Int(m)) if m > 0 && m.count_ones() == 1 => {
            become_as(inst, Op::IShr, a, i64::from(m.trailing_zeros()))
        }
        // A tuple's item has one name.
        (Op::LoadX, Const::Int(i)) => {
            let Imm::Mem(Alias::Tuple, offset) = inst.imm else { return None };
            let at = i32::try_from(i).ok()?.checked_mul(8)?.checked_add(offset)?;
            let (args, imm) = ([a].into_iter().collect(), Imm::Mem(Alias::Tuple, at));
            Some(Step::Become(Inst { op: Op::Load, args, imm, ..inst.clone() }))
        }
        // Zero's sign: x + 0.0 is not x for -0.0, but x - 0.0 is.
        (Op::FSub, Const::Flt(0)) => is(a),
        (Op::FMul | Op::FDiv, Const::Flt(bits)) if f64::from_bits(bits) == 1.0 => is(a),
        (Op::And, Const::Bool(true)) | (Op::Or, Const::Bool(false)) => is(a),
        (Op::And, Const::Bool(false)) | (Op::Or, Const::Bool(true)) => is(b),
        // What was just made is nothing that was there before.
        (Op::Same, Const::Val(word)) if is_another(def(copy, a)?.0, word) => is(false.into()),
        (Op::Same, Const::Val(Word::TRUE)) => match def(copy, a)? {
            (Op::BoxBool, x) => is(x),
            _ => None,
        },
        (Op::Same, Const::Val(Word::FALSE)) => match def(copy, a)? {
            (Op::BoxBool, x) => {
                Some(Step::Become(Inst { op: Op::Not, args: [x].into_iter().collect(), ..inst.clone() }))
            }
            _ => None,
        },
        _ => None,
    }
}

fn become_pure(inst: &Inst, op: Op, a: Arg, b: i64) -> Option<Step> {
    Some(Step::Become(Inst { op, args: [a, Arg::int(b)].into_iter().collect(), exit: None, ..inst.clone() }))
}

fn become_as(inst: &Inst, op: Op, a: Arg, b: i64) -> Option<Step> {
    Some(Step::Become(Inst { op, args: [a, Arg::int(b)].into_iter().collect(), ..inst.clone() }))
}
