//! Words: asking what they hold, boxing and unboxing. The encoding is `typhon_jit_ir::word`'s.

use super::Function;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, InstBuilder, MemFlagsData, types};
use typhon_jit_ir::trace::Inst;
use typhon_jit_ir::word::{FLOAT_OFFSET, INT_MIN, SHAPE_OFFSET, Word};
use typhon_jit_ir::{Alias, Helper};

impl Function<'_> {
    /// `value & mask == tag`.
    pub(super) fn is_tagged(&mut self, value: ir::Value, mask: i64, tag: i64) -> ir::Value {
        let low = self.b.ins().band_imm_u(value, mask);
        self.b.ins().icmp_imm_u(IntCC::Equal, low, tag)
    }

    /// The lowest bit set is above the tag: neither a tag bit nor zero.
    pub(super) fn is_object(&mut self, value: ir::Value) -> ir::Value {
        let minus = self.b.ins().ineg(value);
        let lowest = self.b.ins().band(value, minus);
        self.b.ins().icmp_imm_u(IntCC::UnsignedGreaterThan, lowest, 4)
    }

    pub(super) fn is_bool(&mut self, value: ir::Value) -> ir::Value {
        let differ = Word::TRUE.0 ^ Word::FALSE.0;
        let masked = self.b.ins().band_imm_s(value, !differ.cast_signed());
        self.b.ins().icmp_imm_u(IntCC::Equal, masked, Word::FALSE.0.cast_signed())
    }

    pub(super) fn box_bool(&mut self, value: ir::Value) -> ir::Value {
        let wide = self.b.ins().uextend(types::I64, value);
        let differ = Word::TRUE.0 ^ Word::FALSE.0;
        let bit = self.b.ins().ishl_imm_u(wide, i64::from(differ.trailing_zeros()));
        self.b.ins().bor_imm_u(bit, Word::FALSE.0.cast_signed())
    }

    pub(super) fn box_int(&mut self, inst: &Inst, value: ir::Value) -> Option<ir::Value> {
        let (word, misfit) = self.int_word(value);
        self.leave_if(inst, misfit)?;
        Some(word)
    }

    /// An int's word, and whether it fits none.
    pub(super) fn int_word(&mut self, value: ir::Value) -> (ir::Value, ir::Value) {
        let moved = self.b.ins().iadd_imm_s(value, INT_MIN.wrapping_neg());
        let over = self.b.ins().ushr_imm_u(moved, 62);
        let up = self.b.ins().ishl_imm_u(value, 2);
        (self.b.ins().bor_imm_u(up, 2), over)
    }

    /// A float's word, and whether it fits none.
    pub(super) fn float_word(&mut self, value: ir::Value) -> (ir::Value, ir::Value) {
        let bits = self.b.ins().bitcast(types::I64, MemFlagsData::new(), value);
        let turned = self.b.ins().rotl_imm_u(bits, 4);
        let word = self.b.ins().iadd_imm_s(turned, 1);
        let low = self.b.ins().band_imm_u(word, 6);
        (word, self.b.ins().icmp_imm_u(IntCC::NotEqual, low, 4))
    }

    pub(super) fn is_float(&mut self, value: ir::Value) -> ir::Value {
        let [object, heap, done] = [(); 3].map(|()| self.b.create_block());
        let answer = self.b.append_block_param(done, types::I8);
        let inside = self.is_tagged(value, 6, 4);
        let yes = self.b.ins().iconst(types::I8, 1);
        self.b.ins().brif(inside, done, &[yes.into()], object, &[]);
        self.b.switch_to_block(object);
        let is_object = self.is_object(value);
        let no = self.b.ins().iconst(types::I8, 0);
        self.b.ins().brif(is_object, heap, &[], done, &[no.into()]);
        self.b.switch_to_block(heap);
        let flags = self.flags(Alias::Shape);
        let shape = self.b.ins().uload32(flags, value, SHAPE_OFFSET);
        let is = self.b.ins().icmp_imm_u(IntCC::Equal, shape, i64::from(self.runtime.float_shape));
        self.b.ins().jump(done, &[is.into()]);
        self.b.switch_to_block(done);
        answer
    }

    pub(super) fn unbox_float(&mut self, value: ir::Value) -> ir::Value {
        let [here, object, done] = [(); 3].map(|()| self.b.create_block());
        self.b.set_cold_block(object);
        let answer = self.b.append_block_param(done, types::F64);
        let inside = self.is_tagged(value, 6, 4);
        self.b.ins().brif(inside, here, &[], object, &[]);
        self.b.switch_to_block(here);
        let down = self.b.ins().iadd_imm_s(value, -1);
        let bits = self.b.ins().rotr_imm_u(down, 4);
        let float = self.b.ins().bitcast(types::F64, MemFlagsData::new(), bits);
        self.b.ins().jump(done, &[float.into()]);
        self.b.switch_to_block(object);
        let flags = self.flags(Alias::Boxed);
        let float = self.b.ins().load(types::F64, flags, value, FLOAT_OFFSET);
        self.b.ins().jump(done, &[float.into()]);
        self.b.switch_to_block(done);
        answer
    }

    pub(super) fn box_float(&mut self, inst: &Inst, thread: ir::Value, value: ir::Value) -> Option<ir::Value> {
        let [object, done] = [(); 2].map(|()| self.b.create_block());
        self.b.set_cold_block(object);
        let answer = self.b.append_block_param(done, types::I64);
        let bits = self.b.ins().bitcast(types::I64, MemFlagsData::new(), value);
        let turned = self.b.ins().rotl_imm_u(bits, 4);
        let word = self.b.ins().iadd_imm_s(turned, 1);
        let fits = self.is_tagged(word, 6, 4);
        self.b.ins().brif(fits, done, &[word.into()], object, &[]);
        self.b.switch_to_block(object);
        let made = self.call_aside(Helper::Float, &[thread, value])?;
        self.made(inst, made)?;
        self.b.ins().jump(done, &[made.into()]);
        self.b.switch_to_block(done);
        Some(answer)
    }

    /// Leaves if there was no memory for an object.
    pub(super) fn made(&mut self, inst: &Inst, object: ir::Value) -> Option<()> {
        let none = self.b.ins().icmp_imm_s(IntCC::Equal, object, 0);
        self.leave_if(inst, none)
    }
}
