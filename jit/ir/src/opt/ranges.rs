//! Ranges: arithmetic that cannot overflow is not checked, and an index that is known to be inside is not compared.

use crate::arg::{Arg, Const, Var};
use crate::build::{Copy, Pass, Step, rewrite};
use crate::op::Op;
use crate::trace::{Inst, Trace};
use crate::word::{INT_MAX, INT_MIN};
use rustc_hash::FxHashMap;

pub(super) fn run(trace: &Trace) -> Trace {
    rewrite(trace, &mut Ranges::default())
}

/// The least and the greatest that an int can be.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Range {
    lo: i64,
    hi: i64,
}

impl Range {
    const ALL: Self = Self { lo: i64::MIN, hi: i64::MAX };

    const fn new(lo: i64, hi: i64) -> Self {
        Self { lo, hi }
    }

    fn and(self, other: Self) -> Self {
        let both = Self::new(self.lo.max(other.lo), self.hi.min(other.hi));
        // Contradicting facts: the code is never reached.
        if both.lo > both.hi { self } else { both }
    }

    fn checked(self, other: Self, f: impl Fn(i64, i64) -> Option<i64>) -> Option<Self> {
        let ends = [f(self.lo, other.lo)?, f(self.lo, other.hi)?, f(self.hi, other.lo)?, f(self.hi, other.hi)?];
        Some(Self::new(ends.into_iter().min()?, ends.into_iter().max()?))
    }
}

#[derive(Default)]
struct Ranges {
    known: FxHashMap<Var, Range>,
}

impl Pass for Ranges {
    fn visit(&mut self, copy: &mut Copy<'_>, _old: Var, inst: &Inst) -> Step {
        if inst.op == Op::Guard {
            let v = copy.emit(inst.clone());
            self.learn(copy, inst.args[0], true);
            return Step::Is(v.into());
        }
        let (a, b) = (inst.args.first().copied(), inst.args.get(1).copied());
        let (ra, rb) = (a.map_or(Range::ALL, |a| self.range(a)), b.map_or(Range::ALL, |b| self.range(b)));
        if let Some(answer) = decided(inst.op, ra, rb) {
            return Step::Is(answer.into());
        }
        let mut inst = inst.clone();
        let (unchecked, range) = result(inst.op, ra, rb);
        if let Some(op) = unchecked {
            inst.op = op;
            inst.exit = None;
        }
        let v = copy.emit(inst);
        if let Some(range) = range {
            self.known.insert(v, range);
        }
        Step::Is(v.into())
    }
}

/// A comparison's answer, where the ranges say it.
fn decided(op: Op, a: Range, b: Range) -> Option<bool> {
    match op {
        Op::ILt if a.hi < b.lo => Some(true),
        Op::ILt if a.lo >= b.hi => Some(false),
        Op::ILe if a.hi <= b.lo => Some(true),
        Op::ILe if a.lo > b.hi => Some(false),
        Op::IUlt if a.lo >= 0 && a.hi < b.lo => Some(true),
        Op::IEq if a.hi < b.lo || b.hi < a.lo => Some(false),
        Op::INe if a.hi < b.lo || b.hi < a.lo => Some(true),
        _ => None,
    }
}

/// The same operation without a check, if none is needed, and the result's range.
fn result(op: Op, a: Range, b: Range) -> (Option<Op>, Option<Range>) {
    let checked = |f: fn(i64, i64) -> Option<i64>, op| match a.checked(b, f) {
        Some(range) => (Some(op), Some(range)),
        None => (None, None),
    };
    match op {
        Op::IAddOv => checked(i64::checked_add, Op::IAdd),
        Op::ISubOv => checked(i64::checked_sub, Op::ISub),
        Op::IMulOv => checked(i64::checked_mul, Op::IMul),
        Op::IAnd if b.lo >= 0 => (None, Some(Range::new(0, b.hi))),
        Op::IAnd if a.lo >= 0 => (None, Some(Range::new(0, a.hi))),
        Op::IMod if b.lo > 0 => (None, Some(Range::new(0, b.hi - 1))),
        Op::IMod if b.hi < 0 => (None, Some(Range::new(b.lo + 1, 0))),
        Op::IShr if b.lo == b.hi && (0..64).contains(&b.lo) => (None, Some(Range::new(a.lo >> b.lo, a.hi >> b.lo))),
        Op::IFloorDiv if b.lo > 0 => (None, Some(Range::new(a.lo.min(0), a.hi.max(0)))),
        Op::UnboxInt => (None, Some(Range::new(INT_MIN, INT_MAX))),
        Op::Load32 => (None, Some(Range::new(0, u32::MAX.into()))),
        Op::LoadX32 => (None, Some(Range::new(i32::MIN.into(), i32::MAX.into()))),
        Op::LoadX8 => (None, Some(Range::new(0, u8::MAX.into()))),
        _ => (None, None),
    }
}

impl Ranges {
    fn range(&self, arg: Arg) -> Range {
        match arg {
            Arg::Const(Const::Int(i)) => Range::new(i, i),
            Arg::Const(_) => Range::ALL,
            Arg::Var(v) => self.known.get(&v).copied().unwrap_or(Range::ALL),
        }
    }

    /// A condition holds from here on, or does not.
    fn learn(&mut self, copy: &Copy<'_>, condition: Arg, holds: bool) {
        let Some(v) = condition.var() else { return };
        let inst = copy.new.trace().inst(v);
        let (Some(a), b) = (inst.args.first().copied(), inst.args.get(1).copied()) else { return };
        match (inst.op, holds, b) {
            (Op::Not, _, _) => self.learn(copy, a, !holds),
            (Op::And, true, Some(b)) | (Op::Or, false, Some(b)) => {
                self.learn(copy, a, holds);
                self.learn(copy, b, holds);
            }
            (Op::ILt, true, Some(b)) => self.less(a, b, 1),
            (Op::ILt, false, Some(b)) => self.less(b, a, 0),
            (Op::ILe, true, Some(b)) => self.less(a, b, 0),
            (Op::ILe, false, Some(b)) => self.less(b, a, 1),
            (Op::IUlt, true, Some(b)) if self.range(b).lo >= 0 => {
                self.narrow(a, Range::new(0, self.range(b).hi.saturating_sub(1)));
            }
            (Op::IEq, true, Some(b)) | (Op::INe, false, Some(b)) => {
                let both = self.range(a).and(self.range(b));
                self.narrow(a, both);
                self.narrow(b, both);
            }
            _ => {}
        }
    }

    /// `a + by <= b`.
    fn less(&mut self, a: Arg, b: Arg, by: i64) {
        let (ra, rb) = (self.range(a), self.range(b));
        self.narrow(a, Range::new(i64::MIN, rb.hi.saturating_sub(by)));
        self.narrow(b, Range::new(ra.lo.saturating_add(by), i64::MAX));
    }

    fn narrow(&mut self, arg: Arg, to: Range) {
        if let Some(v) = arg.var() {
            let narrowed = self.range(arg).and(to);
            self.known.insert(v, narrowed);
        }
    }
}
