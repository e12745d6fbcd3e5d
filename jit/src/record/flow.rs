//! The instructions that the recorder knows: which is what, moves, jumps, and iteration.

use super::{ABSENT, Abort, Num, Real, Reason, Recorder, Sym};
use typhon_isa::Opcode;
use typhon_isa::word::KILL_B;
use typhon_jit_ir::word::Word;
use typhon_jit_ir::{Arg, Const, Op};

impl Recorder<'_> {
    /// One instruction: what it will do. The offset of the next one.
    pub(super) fn instruction(&mut self, op: Opcode) -> Result<u32, Abort> {
        use Opcode as O;
        let next = self.offset() + 1 + op.extra() as u32;
        match op {
            O::Nop | O::Resume => {}
            O::Move => self.copy(),
            O::LoadInt => {
                let n = i64::from(self.word.bc());
                self.set_word(Word::int(n), Real::Int(n))?;
            }
            O::LoadConst => self.load_const()?,
            O::Clear => self.set(self.word.a(), ABSENT),
            O::CheckBound => {
                let sym = self.reg(self.word.a());
                if sym.real == ABSENT.real {
                    return self.abort(Reason::Raises);
                }
                let unbound = self.op(Op::Same, &[sym.arg, ABSENT.arg]);
                let bound = self.op(Op::Not, &[unbound]);
                self.guard(bound);
            }
            O::UnaryOp => self.unary()?,
            O::CompareImm | O::CompareIntImm => {
                let is = self.with_imm()?;
                self.set_bool(is);
            }
            O::Is => self.is()?,
            // What the instruction is specialized for is not always what comes: the operands say what it does.
            O::BinaryOp
            | O::BinaryOpImm
            | O::BinaryAddStr
            | O::BinaryAddInt
            | O::BinarySubInt
            | O::BinaryMulInt
            | O::BinaryAndInt
            | O::BinaryOrInt
            | O::BinaryXorInt
            | O::BinaryShlInt
            | O::BinaryShrInt
            | O::BinaryFloorDivInt
            | O::BinaryModInt
            | O::BinaryAddIntImm
            | O::BinarySubIntImm
            | O::BinaryMulIntImm
            | O::BinaryAndIntImm
            | O::BinaryShlIntImm
            | O::BinaryShrIntImm
            | O::BinaryFloorDivIntImm
            | O::BinaryModIntImm
            | O::BinaryAddFloat
            | O::BinarySubFloat
            | O::BinaryMulFloat
            | O::BinaryDivFloat
            | O::BinaryAddFloatImm
            | O::BinarySubFloatImm
            | O::BinaryMulFloatImm
            | O::BinaryDivFloatImm => self.binary()?,
            O::Compare | O::CompareInt | O::CompareFloat => {
                let is = self.compare()?;
                self.set_bool(is);
            }
            O::ToBool => {
                let truth = self.truth(self.word.b())?;
                self.set_bool(truth);
            }
            _ => return self.jump(op, next),
        }
        Ok(next)
    }

    fn jump(&mut self, op: Opcode, next: u32) -> Result<u32, Abort> {
        use Opcode as O;
        let by = self.word.bc();
        match op {
            O::Jump => Ok(next.saturating_add_signed(by)),
            O::CompareJump | O::CompareIntJump | O::CompareFloatJump | O::CompareStrJump => {
                let is = self.compare()?;
                self.branch(is, next)
            }
            O::CompareImmJump | O::CompareIntImmJump => {
                let is = self.with_imm()?;
                self.branch(is, next)
            }
            O::JumpIfTrue | O::JumpIfFalse => {
                let truth = self.truth(self.word.a())?;
                self.decide(truth);
                self.kill();
                let jumps = truth.real == (op == O::JumpIfTrue);
                Ok(if jumps { next.saturating_add_signed(by) } else { next })
            }
            O::JumpIfNone | O::JumpIfNotNone => {
                let sym = self.reg(self.word.a());
                let is = self.op(Op::Same, &[sym.arg, Arg::Const(Const::Val(Word::NONE))]);
                let real = sym.real == Real::Word(Word::NONE.0);
                self.decide(Num { arg: is, real });
                self.kill();
                Ok(if real == (op == O::JumpIfNone) { next.saturating_add_signed(by) } else { next })
            }
            _ => self.object(op, next),
        }
    }

    /// `a = b`.
    pub(super) fn copy(&mut self) {
        let from = self.word.b();
        let sym = self.reg(from);
        let takes = self.word.x() & KILL_B != 0;
        if self.word.a() == from {
            return;
        }
        self.may_write([self.word.a()]);
        if takes {
            self.take(from);
        } else {
            self.retain(sym.arg);
        }
        self.put(self.word.a(), sym.arg);
    }

    fn set_word(&mut self, word: Option<Word>, real: Real) -> Result<(), Abort> {
        let Some(word) = word else { return self.abort(Reason::Opcode) };
        self.set(self.word.a(), Sym { arg: Arg::Const(Const::Val(word)), real });
        Ok(())
    }

    fn load_const(&mut self) -> Result<(), Abort> {
        let i = usize::try_from(self.word.bc()).unwrap_or(usize::MAX);
        let v = self.unit().consts().get(i).map(|v| (Real::of(v), v.is_object(), v.bits()));
        let Some((real, is_object, bits)) = v else { return self.abort(Reason::Opcode) };
        match real {
            // A constant's object belongs to the isolate; a float is made anew where somebody wants to see one.
            Real::Flt(x) if is_object => {
                let arg = self.op(Op::BoxFlt, &[self.thread, Const::flt(x).into()]);
                self.set(self.word.a(), Sym { arg, real: Real::Flt(x) });
                Ok(())
            }
            // The code that runs keeps its constants.
            _ if is_object => {
                self.private = true;
                let arg = Arg::Const(Const::Val(Word(bits)));
                self.may_write([self.word.a()]);
                self.retain(arg);
                self.put(self.word.a(), arg);
                Ok(())
            }
            real => self.set_word(Some(Word(bits)), real),
        }
    }

    /// Identity, but of floats: one that is an object may be another object here.
    fn is(&mut self) -> Result<(), Abort> {
        let (a, b) = (self.reg(self.word.b()), self.reg(self.word.c()));
        if matches!((a.real, b.real), (Real::Flt(_), _) | (_, Real::Flt(_))) {
            return self.abort(Reason::Type);
        }
        let same = self.op(Op::Same, &[a.arg, b.arg]);
        let real = a.real == b.real;
        let inverted = self.word.kind() == 1;
        let arg = if inverted { self.op(Op::Not, &[same]) } else { same };
        self.set_bool(Num { arg, real: real != inverted });
        Ok(())
    }

    /// The truth of a register's value.
    pub(super) fn truth(&mut self, r: usize) -> Result<Num<bool>, Abort> {
        let sym = self.reg(r);
        match sym.real {
            Real::Bool(real) => {
                let is = self.op(Op::IsBool, &[sym.arg]);
                self.guard(is);
                let arg = self.op(Op::Same, &[sym.arg, Arg::Const(Const::Val(Word::TRUE))]);
                Ok(Num { arg, real })
            }
            Real::Int(_) => {
                let n = self.int(r)?;
                Ok(Num { arg: self.op(Op::INe, &[n.arg, Arg::int(0)]), real: n.real != 0 })
            }
            Real::Word(bits) if bits == Word::NONE.0 => {
                let none = self.op(Op::Same, &[sym.arg, Arg::Const(Const::Val(Word::NONE))]);
                self.guard(none);
                Ok(Num { arg: Arg::bool(false), real: false })
            }
            Real::Flt(real) => {
                let x = self.float(r)?;
                Ok(Num { arg: self.op(Op::FNe, &[x.arg, Const::flt(0.0).into()]), real: real != 0.0 })
            }
            Real::Word(_) => self.truth_of_object(r),
        }
    }

    /// The trace goes on as the iteration does.
    fn decide(&mut self, condition: Num<bool>) {
        let holds = if condition.real { condition.arg } else { self.op(Op::Not, &[condition.arg]) };
        self.guard(holds);
    }

    /// A jump on a comparison.
    fn branch(&mut self, condition: Num<bool>, next: u32) -> Result<u32, Abort> {
        self.decide(condition);
        let sense = self.word.kind() & 8 != 0;
        let by = typhon_isa::Word(self.extra(0)).low();
        self.kill();
        Ok(if condition.real == sense { next.saturating_add_signed(by) } else { next })
    }
}
