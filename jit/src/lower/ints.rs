//! Checked arithmetic: an exit where the result cannot be represented.

use super::Function;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, types};
use typhon_jit_ir::Op;
use typhon_jit_ir::trace::Inst;

impl Function<'_> {
    pub(super) fn checked(&mut self, inst: &Inst, a: ir::Value, b: ir::Value) -> Option<ir::Value> {
        let constant = inst.args[1].as_int();
        match inst.op {
            Op::IAddOv | Op::ISubOv | Op::IMulOv => {
                let ins = self.b.ins();
                let (result, over) = match inst.op {
                    Op::IAddOv => ins.sadd_overflow(a, b),
                    Op::ISubOv => ins.ssub_overflow(a, b),
                    _ => ins.smul_overflow(a, b),
                };
                self.leave_if(inst, over)?;
                Some(result)
            }
            Op::IShlOv => self.shift_left(inst, a, b, constant),
            Op::IShr => self.shift_right(inst, a, b, constant),
            Op::IFloorDiv => self.floor_div(inst, a, b, constant),
            Op::IMod => self.floor_mod(inst, a, b, constant),
            _ => None,
        }
    }

    fn shift_left(&mut self, inst: &Inst, a: ir::Value, b: ir::Value, constant: Option<i64>) -> Option<ir::Value> {
        if !constant.is_some_and(|b| (0..64).contains(&b)) {
            let inside = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, b, 64);
            self.guard(inst, inside)?;
        }
        let result = self.b.ins().ishl(a, b);
        let back = self.b.ins().sshr(result, b);
        let fits = self.b.ins().icmp(IntCC::Equal, back, a);
        self.guard(inst, fits)?;
        Some(result)
    }

    fn shift_right(&mut self, inst: &Inst, a: ir::Value, b: ir::Value, constant: Option<i64>) -> Option<ir::Value> {
        if let Some(by) = constant.filter(|by| *by >= 0) {
            return Some(self.b.ins().sshr_imm_u(a, by.min(63)));
        }
        let sound = self.b.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, b, 0);
        self.guard(inst, sound)?;
        let most = self.b.ins().iconst(types::I64, 63);
        let by = self.b.ins().umin(b, most);
        Some(self.b.ins().sshr(a, by))
    }

    fn floor_div(&mut self, inst: &Inst, a: ir::Value, b: ir::Value, constant: Option<i64>) -> Option<ir::Value> {
        if constant.is_none_or(|b| b <= 0) {
            self.not_zero(inst, b)?;
            // The one quotient that does not fit.
            let least = self.b.ins().icmp_imm_s(IntCC::Equal, a, i64::MIN);
            let minus = self.b.ins().icmp_imm_s(IntCC::Equal, b, -1);
            let over = self.b.ins().band(least, minus);
            self.leave_if(inst, over)?;
        }
        let quotient = self.b.ins().sdiv(a, b);
        let whole = self.b.ins().imul(quotient, b);
        let rest = self.b.ins().isub(a, whole);
        let low = self.is_low(rest, b);
        let low = self.b.ins().uextend(types::I64, low);
        Some(self.b.ins().isub(quotient, low))
    }

    fn floor_mod(&mut self, inst: &Inst, a: ir::Value, b: ir::Value, constant: Option<i64>) -> Option<ir::Value> {
        let mut divisor = b;
        if constant.is_none_or(|b| b <= 0) {
            self.not_zero(inst, b)?;
            // The machine's remainder by -1 may trap; by 1 it is the same, 0.
            let minus = self.b.ins().icmp_imm_s(IntCC::Equal, b, -1);
            let one = self.b.ins().iconst(types::I64, 1);
            divisor = self.b.ins().select(minus, one, b);
        }
        let rest = self.b.ins().srem(a, divisor);
        let low = self.is_low(rest, b);
        let up = self.b.ins().iadd(rest, b);
        Some(self.b.ins().select(low, up, rest))
    }

    fn not_zero(&mut self, inst: &Inst, b: ir::Value) -> Option<()> {
        let sound = self.b.ins().icmp_imm_s(IntCC::NotEqual, b, 0);
        self.guard(inst, sound)
    }

    /// Whether a remainder has the other sign than the divisor, so that the floor is one below.
    fn is_low(&mut self, rest: ir::Value, divisor: ir::Value) -> ir::Value {
        let some = self.b.ins().icmp_imm_s(IntCC::NotEqual, rest, 0);
        let signs = self.b.ins().bxor(rest, divisor);
        let differ = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, signs, 0);
        self.b.ins().band(some, differ)
    }
}
