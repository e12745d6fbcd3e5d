//! Natives and types that are called with numbers: the trace's own operations do what they do.

use super::{Abort, Num, Real, Recorder};
use std::ops::Range;
use typhon_jit_ir::word::Word;
use typhon_jit_ir::{Arg, Const, Op};
use typhon_object::types::float::FLOAT;
use typhon_object::types::int::INT;

impl Recorder<'_> {
    /// `abs`, and `min` and `max` of two numbers of a kind; `None` if it is not that. Which of two cases it is a guard asks.
    pub(super) fn numeric(&mut self, name: &str, window: Range<usize>, first: usize) -> Result<Option<Arg>, Abort> {
        let reals = (self.reg(first).real, if name == "abs" { Real::Word(0) } else { self.reg(first + 1).real });
        let number = match (name, reals) {
            ("abs", (Real::Int(_), _)) => self.absolute_int(first)?,
            ("abs", (Real::Flt(x), _)) if x != 0.0 && !x.is_nan() => self.absolute_float(first)?,
            ("min" | "max", (Real::Int(a), Real::Int(b))) => {
                let (x, y) = (self.int(first)?.arg, self.int(first + 1)?.arg);
                let second = self.is_second(name == "max", Op::ILt, [x, y], [a < b, b < a]);
                self.op(Op::BoxInt, &[if second { y } else { x }])
            }
            ("min" | "max", (Real::Flt(a), Real::Flt(b))) => {
                let (x, y) = (self.float(first)?.arg, self.float(first + 1)?.arg);
                let second = self.is_second(name == "max", Op::FLt, [x, y], [a < b, b < a]);
                self.op(Op::BoxFlt, &[self.thread, if second { y } else { x }])
            }
            _ => return Ok(None),
        };
        self.may_end(window);
        Ok(Some(number))
    }

    /// Whether the second of two is the result: only if it is beyond the first.
    fn is_second(&mut self, max: bool, less: Op, [x, y]: [Arg; 2], [x_less, y_less]: [bool; 2]) -> bool {
        let (args, now) = if max { ([x, y], x_less) } else { ([y, x], y_less) };
        let beyond = self.op(less, &args);
        let as_now = if now { beyond } else { self.op(Op::Not, &[beyond]) };
        self.guard(as_now);
        now
    }

    fn absolute_int(&mut self, r: usize) -> Result<Arg, Abort> {
        let x = self.int(r)?;
        let negative = x.real < 0;
        let args = if negative { [x.arg, Arg::int(-1)] } else { [Arg::int(0), x.arg] };
        let as_now = self.op(Op::ILe, &args);
        self.guard(as_now);
        if !negative {
            return self.box_int(x);
        }
        let positive = self.int_op(Op::ISubOv, Num { arg: Arg::int(0), real: 0 }, x)?;
        self.box_int(positive)
    }

    /// Of a float that is neither zero nor no number.
    fn absolute_float(&mut self, r: usize) -> Result<Arg, Abort> {
        let x = self.float(r)?;
        let zero = Const::flt(0.0).into();
        let args = if x.real < 0.0 { [x.arg, zero] } else { [zero, x.arg] };
        let as_now = self.op(Op::FLt, &args);
        self.guard(as_now);
        let positive = if x.real < 0.0 { self.op(Op::FNeg, &[x.arg]) } else { x.arg };
        Ok(self.op(Op::BoxFlt, &[self.thread, positive]))
    }

    /// `int` of an int, `float` of a float or of an int that is one without rounding; `None` if it is not that.
    pub(super) fn make_number(&mut self, at: usize, first: usize) -> Result<Option<Arg>, Abort> {
        let class = self.value(at).clone();
        let (int, float) = (class.is(&INT.ty().value()), class.is(&FLOAT.ty().value()));
        let number = match self.reg(first).real {
            Real::Int(_) if int => {
                let x = self.int(first)?;
                self.box_int(x)?
            }
            Real::Int(i) if float && i.unsigned_abs() <= 1 << 53 => {
                let x = self.number(first, true)?;
                self.op(Op::BoxFlt, &[self.thread, x.arg])
            }
            Real::Flt(_) if float => {
                let x = self.float(first)?;
                self.op(Op::BoxFlt, &[self.thread, x.arg])
            }
            _ => return Ok(None),
        };
        let class_now = self.reg(at).arg;
        let same = self.op(Op::Same, &[class_now, Arg::Const(Const::Val(Word(class.bits())))]);
        self.guard(same);
        self.private = true;
        self.may_end(at..first + 1);
        Ok(Some(number))
    }
}
