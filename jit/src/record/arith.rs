//! Instructions on numbers.

use super::{Abort, Num, Real, Reason, Recorder, Sym};
use crate::helpers::{self, is_tame_binary};
use typhon_isa::word::KILL_C;
use typhon_isa::{BinaryKind, CompareKind, Opcode, UnaryKind};
use typhon_jit_ir::op::Outcome;
use typhon_jit_ir::word::Word;
use typhon_jit_ir::{Arg, Const, Helper, Op};
use typhon_object::Value;
use typhon_object::ops::{self, CompareOp};

/// Ints up to here are floats without rounding.
const EXACT: i64 = 1 << 53;

impl Recorder<'_> {
    /// Register `r`, which must hold an int.
    pub(super) fn int(&mut self, r: usize) -> Result<Num<i64>, Abort> {
        let sym = self.reg(r);
        let Real::Int(real) = sym.real else { return self.abort(Reason::Type) };
        let is = self.op(Op::IsInt, &[sym.arg]);
        self.guard(is);
        Ok(Num { arg: self.op(Op::UnboxInt, &[sym.arg]), real })
    }

    pub(super) fn imm(&self) -> Num<i64> {
        let real = i64::from(self.word.imm());
        Num { arg: Arg::int(real), real }
    }

    pub(super) fn set_int(&mut self, n: Num<i64>) -> Result<(), Abort> {
        let arg = self.box_int(n)?;
        self.result(Sym { arg, real: Real::Int(n.real) });
        Ok(())
    }

    pub(super) fn box_int(&mut self, n: Num<i64>) -> Result<Arg, Abort> {
        if Op::BoxInt.eval(&[Const::Int(n.real)]) == Outcome::Exits {
            return self.abort(Reason::Raises);
        }
        Ok(self.op(Op::BoxInt, &[n.arg]))
    }

    pub(super) fn int_op(&mut self, op: Op, a: Num<i64>, b: Num<i64>) -> Result<Num<i64>, Abort> {
        match op.eval(&[Const::Int(a.real), Const::Int(b.real)]) {
            Outcome::Is(Const::Int(real)) => Ok(Num { arg: self.op(op, &[a.arg, b.arg]), real }),
            _ => self.abort(Reason::Raises),
        }
    }

    /// An operation on ints, the right one in a register or the instruction's own; a helper does it if they, or what it gives,
    /// fit no words.
    fn binary_int(&mut self, op: Op, imm: bool) -> Result<(), Abort> {
        match self.int_words(op, imm) {
            Err(abort) if abort.reason.is_local() => self.operate(imm),
            done => done,
        }
    }

    fn int_words(&mut self, op: Op, imm: bool) -> Result<(), Abort> {
        let a = self.int(self.word.b())?;
        let b = if imm { self.imm() } else { self.int(self.word.c())? };
        let n = self.int_op(op, a, b)?;
        self.set_int(n)
    }

    /// An operation that a helper does, which asks what the operands are.
    fn operate(&mut self, imm: bool) -> Result<(), Abort> {
        let (w, number) = (self.word, self.imm().real);
        let kind = BinaryKind::from_u8(w.kind().min(BinaryKind::IOr as u8));
        let right = if imm { Value::small(number) } else { self.value(w.c()).clone() };
        if !is_tame_binary(kind, self.value(w.b()), &right) {
            return self.abort(Reason::Type);
        }
        let a = self.reg(w.b()).arg;
        let b = if imm { Arg::Const(Const::Val(Word(right.bits()))) } else { self.reg(w.c()).arg };
        if imm {
            // The third operand is a number.
            self.word = typhon_isa::Word(w.0 & !(u64::from(KILL_C) << 8));
        }
        self.may_write(self.dying().chain([w.a()]));
        let made = self.b.call(Helper::Binary, &[self.thread, Arg::int(kind as i64), a, b]).into();
        self.made(made);
        Ok(())
    }

    /// A comparison that a helper does, which asks what the operands are.
    fn order(&mut self, kind: CompareKind, right: Option<Arg>) -> Result<Num<bool>, Abort> {
        let w = self.word;
        let (a, b) = (self.reg(w.b()).arg, right.unwrap_or_else(|| self.reg(w.c()).arg));
        let right = match b {
            Arg::Const(Const::Val(word)) if right.is_some() => word.0,
            _ => self.value(w.c()).bits(),
        };
        let now = helpers::order(self.thread_now(), kind as i64, self.value(w.b()).bits(), right);
        let told = self.b.call(Helper::Order, &[self.thread, Arg::int(kind as i64), a, b]).into();
        self.answer(told, now)
    }

    /// Register `r` as the float that arithmetic with floats takes it for. `exact`: an int must be one without rounding.
    pub(super) fn number(&mut self, r: usize, exact: bool) -> Result<Num<f64>, Abort> {
        match self.reg(r).real {
            Real::Flt(_) => self.float(r),
            Real::Int(real) => {
                let n = self.int(r)?;
                if exact {
                    if !(-EXACT..=EXACT).contains(&real) {
                        return self.abort(Reason::Type);
                    }
                    for [low, high] in [[Arg::int(-EXACT), n.arg], [n.arg, Arg::int(EXACT)]] {
                        let inside = self.op(Op::ILe, &[low, high]);
                        self.guard(inside);
                    }
                }
                Ok(Num { arg: self.op(Op::IToF, &[n.arg]), real: real as f64 })
            }
            _ => self.abort(Reason::Type),
        }
    }

    pub(super) fn float(&mut self, r: usize) -> Result<Num<f64>, Abort> {
        let sym = self.reg(r);
        let Real::Flt(real) = sym.real else { return self.abort(Reason::Type) };
        let is = self.op(Op::IsFlt, &[sym.arg]);
        self.guard(is);
        Ok(Num { arg: self.op(Op::UnboxFlt, &[sym.arg]), real })
    }

    fn set_float(&mut self, x: Num<f64>) {
        let arg = self.op(Op::BoxFlt, &[self.thread, x.arg]);
        self.result(Sym { arg, real: Real::Flt(x.real) });
    }

    fn float_op(&mut self, op: Op, a: Num<f64>, b: Num<f64>) -> Result<(), Abort> {
        match op.eval(&[Const::flt(a.real), Const::flt(b.real)]) {
            Outcome::Is(Const::Flt(bits)) => {
                let arg = self.op(op, &[a.arg, b.arg]);
                self.set_float(Num { arg, real: f64::from_bits(bits) });
                Ok(())
            }
            _ => self.abort(Reason::Raises),
        }
    }

    fn binary_float(&mut self, op: Op) -> Result<(), Abort> {
        let (a, b) = (self.number(self.word.b(), false)?, self.number(self.word.c(), false)?);
        self.float_op(op, a, b)
    }

    fn binary_float_imm(&mut self, op: Op) -> Result<(), Abort> {
        let (a, b) = (self.float(self.word.b())?, f64::from(self.word.imm()));
        self.float_op(op, a, Num { arg: Const::flt(b).into(), real: b })
    }

    fn divide(&mut self, by_imm: bool) -> Result<(), Abort> {
        let a = self.number(self.word.b(), true)?;
        let b = if by_imm {
            let real = f64::from(self.word.imm());
            Num { arg: Const::flt(real).into(), real }
        } else {
            self.number(self.word.c(), true)?
        };
        if b.real == 0.0 {
            return self.abort(Reason::Raises);
        }
        let sound = self.op(Op::FNe, &[b.arg, Const::flt(0.0).into()]);
        self.guard(sound);
        self.float_op(Op::FDiv, a, b)
    }

    pub(super) fn unary(&mut self) -> Result<(), Abort> {
        let r = self.word.b();
        let zero = Num { arg: Arg::int(0), real: 0 };
        match (UnaryKind::from_u8(self.word.kind()), self.reg(r).real) {
            (UnaryKind::Neg, Real::Int(_)) => {
                let a = self.int(r)?;
                let n = self.int_op(Op::ISubOv, zero, a)?;
                self.set_int(n)
            }
            (UnaryKind::Invert, Real::Int(_)) => {
                let a = self.int(r)?;
                let n = self.int_op(Op::IXor, a, Num { arg: Arg::int(-1), real: -1 })?;
                self.set_int(n)
            }
            (UnaryKind::Neg, Real::Flt(_)) => {
                let a = self.float(r)?;
                let arg = self.op(Op::FNeg, &[a.arg]);
                self.set_float(Num { arg, real: -a.real });
                Ok(())
            }
            (UnaryKind::Not, _) => {
                let truth = self.truth(r)?;
                let arg = self.op(Op::Not, &[truth.arg]);
                self.set_bool(Num { arg, real: !truth.real });
                Ok(())
            }
            _ => self.abort(Reason::Type),
        }
    }

    pub(super) fn set_bool(&mut self, b: Num<bool>) {
        let arg = self.op(Op::BoxBool, &[b.arg]);
        self.result(Sym { arg, real: Real::Bool(b.real) });
    }

    pub(super) fn compare_ints(&mut self, a: Num<i64>, b: Num<i64>) -> Num<bool> {
        let (op, swapped) = operator(self.word.kind(), [Op::ILt, Op::ILe, Op::IEq, Op::INe]);
        let (a, b) = if swapped { (b, a) } else { (a, b) };
        let real = op.eval(&[Const::Int(a.real), Const::Int(b.real)]) == Outcome::Is(Const::Bool(true));
        Num { arg: self.op(op, &[a.arg, b.arg]), real }
    }

    pub(super) fn compare_floats(&mut self, a: Num<f64>, b: Num<f64>) -> Num<bool> {
        let (op, swapped) = operator(self.word.kind(), [Op::FLt, Op::FLe, Op::FEq, Op::FNe]);
        let (a, b) = if swapped { (b, a) } else { (a, b) };
        let real = op.eval(&[Const::flt(a.real), Const::flt(b.real)]) == Outcome::Is(Const::Bool(true));
        Num { arg: self.op(op, &[a.arg, b.arg]), real }
    }

    /// Comparison of two registers.
    pub(super) fn compare(&mut self) -> Result<Num<bool>, Abort> {
        match (self.reg(self.word.b()).real, self.reg(self.word.c()).real) {
            (Real::Int(_), Real::Int(_)) => self.ints(),
            (Real::Flt(_) | Real::Int(_), Real::Flt(_) | Real::Int(_)) => self.floats(),
            _ if self.compares_by_identity() => self.identity(),
            _ => match CompareKind::from_u8(self.word.kind() & 7) {
                CompareKind::Eq | CompareKind::Ne => self.equality(),
                kind => self.order(kind, None),
            },
        }
    }

    /// Whether two objects are compared whose classes have no comparison of their own, as members of enumerations.
    fn compares_by_identity(&self) -> bool {
        let (a, b) = (self.word.b(), self.word.c());
        let how = CompareOp::ALL.get(usize::from(self.word.kind() & 7)).copied();
        let plain = how.and_then(|how| ops::compare_identity(self.value(a), self.value(b), how));
        plain.is_some() && self.is_instance(a) && self.is_instance(b)
    }

    fn identity(&mut self) -> Result<Num<bool>, Abort> {
        let real = self.value(self.word.b()).is(self.value(self.word.c()));
        let (a, b) = (self.same_type(self.word.b())?, self.same_type(self.word.c())?);
        let same = self.op(Op::Same, &[a, b]);
        Ok(match CompareKind::from_u8(self.word.kind() & 7) {
            CompareKind::Eq => Num { arg: same, real },
            _ => Num { arg: self.op(Op::Not, &[same]), real: !real },
        })
    }

    /// Whether the right operand is a number in the instruction.
    fn has_imm(&self) -> bool {
        Opcode::from_u8(self.word.op()).is_some_and(|op| op.info().operands[2] == "i")
    }

    /// A binary operation, whatever it is specialized for.
    pub(super) fn binary(&mut self) -> Result<(), Abort> {
        let kind = BinaryKind::from_u8(self.word.kind().min(BinaryKind::IOr as u8));
        let imm = self.has_imm();
        let left = self.reg(self.word.b()).real;
        let right = if imm { Real::Int(self.imm().real) } else { self.reg(self.word.c()).real };
        let ints = matches!((left, right), (Real::Int(_), Real::Int(_)));
        let numbers = matches!((left, right), (Real::Int(_) | Real::Flt(_), Real::Int(_) | Real::Flt(_)));
        match kind.plain() {
            _ if !numbers => self.operate(imm),
            BinaryKind::TrueDiv => self.divide(imm),
            BinaryKind::Pow => self.power(right),
            BinaryKind::Mod | BinaryKind::FloorDiv if !ints => self.float_modulo(kind.plain(), imm),
            _ => match (int_operation(kind), float_operation(kind)) {
                (Some(op), _) if ints => self.binary_int(op, imm),
                (_, Some(op)) if imm => self.binary_float_imm(op),
                (_, Some(op)) => self.binary_float(op),
                _ => self.abort(Reason::Opcode),
            },
        }
    }

    /// `x ** 2`, which is how squares are written, and powers of floats.
    fn power(&mut self, exponent: Real) -> Result<(), Abort> {
        let r = self.word.b();
        if exponent != Real::Int(2) || !self.has_imm() {
            return self.float_power();
        }
        match self.reg(r).real {
            Real::Int(_) => {
                let a = self.int(r)?;
                let n = self.int_op(Op::IMulOv, a, a)?;
                self.set_int(n)
            }
            Real::Flt(_) => {
                let a = self.float(r)?;
                let square = a.real * a.real;
                if !square.is_finite() {
                    return self.abort(Reason::Raises);
                }
                let arg = self.op(Op::FMul, &[a.arg, a.arg]);
                // Too large a square raises; then this is no number or infinite.
                let none = self.op(Op::FSub, &[arg, arg]);
                let finite = self.op(Op::FEq, &[none, Const::flt(0.0).into()]);
                self.guard(finite);
                self.set_float(Num { arg, real: square });
                Ok(())
            }
            _ => self.abort(Reason::Type),
        }
    }

    /// A power of a float above 0 that is finite: nothing is raised, and nothing complex.
    fn float_power(&mut self) -> Result<(), Abort> {
        let imm = self.has_imm();
        let ints = matches!(self.reg(self.word.b()).real, Real::Int(_))
            && (imm || matches!(self.reg(self.word.c()).real, Real::Int(_)));
        if ints {
            return self.abort(Reason::Opcode);
        }
        let (a, b) = self.operands(imm)?;
        let real = a.real.powf(b.real);
        if a.real.is_nan() || a.real <= 0.0 || !real.is_finite() {
            return self.abort(Reason::Raises);
        }
        let above = self.op(Op::FLt, &[Const::flt(0.0).into(), a.arg]);
        self.guard(above);
        let arg = Arg::from(self.b.call(Helper::FloatPow, &[a.arg, b.arg]));
        let finite = self.op(Op::FLt, &[arg, Const::flt(f64::INFINITY).into()]);
        self.guard(finite);
        self.set_float(Num { arg, real });
        Ok(())
    }

    /// The operands as floats.
    fn operands(&mut self, imm: bool) -> Result<(Num<f64>, Num<f64>), Abort> {
        let a = self.number(self.word.b(), true)?;
        let b = if imm {
            let real = self.imm().real as f64;
            Num { arg: Const::flt(real).into(), real }
        } else {
            self.number(self.word.c(), true)?
        };
        Ok((a, b))
    }

    /// The remainder, or the floor of the quotient, of floats.
    fn float_modulo(&mut self, kind: BinaryKind, imm: bool) -> Result<(), Abort> {
        let (a, b) = self.operands(imm)?;
        if b.real == 0.0 {
            return self.abort(Reason::Raises);
        }
        let sound = self.op(Op::FNe, &[b.arg, Const::flt(0.0).into()]);
        self.guard(sound);
        let helper = if kind == BinaryKind::Mod { Helper::FloatMod } else { Helper::FloatFloorDiv };
        let arg = self.b.call(helper, &[a.arg, b.arg]).into();
        // What it is now nobody needs to know.
        self.set_float(Num { arg, real: a.real });
        Ok(())
    }

    /// Comparison of two registers that hold ints.
    pub(super) fn ints(&mut self) -> Result<Num<bool>, Abort> {
        let (a, b) = (self.int(self.word.b())?, self.int(self.word.c())?);
        Ok(self.compare_ints(a, b))
    }

    /// Comparison of two registers that hold numbers, one of them a float.
    pub(super) fn floats(&mut self) -> Result<Num<bool>, Abort> {
        let (a, b) = (self.number(self.word.b(), true)?, self.number(self.word.c(), true)?);
        Ok(self.compare_floats(a, b))
    }

    /// Comparison of a register with the int in the instruction.
    pub(super) fn with_imm(&mut self) -> Result<Num<bool>, Abort> {
        let r = self.word.b();
        match self.reg(r).real {
            Real::Int(_) => {
                let (a, b) = (self.int(r)?, self.imm());
                Ok(self.compare_ints(a, b))
            }
            Real::Flt(_) => {
                let (a, b) = (self.float(r)?, f64::from(self.word.imm()));
                Ok(self.compare_floats(a, Num { arg: Const::flt(b).into(), real: b }))
            }
            _ => match Word::int(self.imm().real) {
                Some(word) => {
                    self.order(CompareKind::from_u8(self.word.kind() & 7), Some(Arg::Const(Const::Val(word))))
                }
                None => self.abort(Reason::Type),
            },
        }
    }
}

/// The operation for a comparison, and whether its operands are swapped.
fn operator(kind: u8, [lt, le, eq, ne]: [Op; 4]) -> (Op, bool) {
    match CompareKind::from_u8(kind & 7) {
        CompareKind::Lt => (lt, false),
        CompareKind::Le => (le, false),
        CompareKind::Eq => (eq, false),
        CompareKind::Ne => (ne, false),
        CompareKind::Gt => (lt, true),
        CompareKind::Ge => (le, true),
    }
}

/// The operation on ints.
fn int_operation(kind: BinaryKind) -> Option<Op> {
    Some(match kind.plain() {
        BinaryKind::Add => Op::IAddOv,
        BinaryKind::Sub => Op::ISubOv,
        BinaryKind::Mul => Op::IMulOv,
        BinaryKind::FloorDiv => Op::IFloorDiv,
        BinaryKind::Mod => Op::IMod,
        BinaryKind::Shl => Op::IShlOv,
        BinaryKind::Shr => Op::IShr,
        BinaryKind::And => Op::IAnd,
        BinaryKind::Or => Op::IOr,
        BinaryKind::Xor => Op::IXor,
        _ => return None,
    })
}

/// The operation on floats, but for those that may raise.
fn float_operation(kind: BinaryKind) -> Option<Op> {
    Some(match kind.plain() {
        BinaryKind::Add => Op::FAdd,
        BinaryKind::Sub => Op::FSub,
        BinaryKind::Mul => Op::FMul,
        _ => return None,
    })
}
