//! Calls of Python functions with plain parameters: the callee's frame is pushed and popped, its registers are the trace's.

use super::{Abort, Level, Reason, Recorder};
use crate::vm::call_site;
use std::sync::Arc;
use typhon_interp::function::Function;
use typhon_isa::Opcode;
use typhon_jit_ir::word::Word;
use typhon_jit_ir::{Alias, Arg, Const, Helper, Op, Ty};
use typhon_object::{Value, ids};

impl Recorder<'_> {
    /// A call that is taken along; then it has been carried out, too.
    pub(super) fn call(&mut self, op: Opcode) -> Result<(), Abort> {
        let (at, count) = (self.word.b(), self.word.c());
        let (first, n) = match op {
            Opcode::Call => (at + 1, count),
            // Whether there is an object in front is known of the register that LoadMethod has written.
            _ => match self.reg(at + 1).arg {
                Arg::Const(Const::Val(Word::ABSENT)) => (at + 2, count),
                arg => {
                    let none = self.op(Op::Same, &[arg, Arg::Const(Const::Val(Word::ABSENT))]);
                    if self.value(at + 1).is_absent() {
                        self.guard(none);
                        (at + 2, count)
                    } else {
                        let some = self.op(Op::Not, &[none]);
                        self.guard(some);
                        (at + 1, count + 1)
                    }
                }
            },
        };
        let Some(f) = self.value(at).exact::<Function>() else { return self.abort(Reason::Type) };
        let unit = f.kept_unit();
        let current = std::ptr::eq(Arc::as_ptr(&unit), f.unit());
        let base = self.index(first);
        if !current || !unit.simple || n != unit.arg_count || self.running.is_generator() || !self.may_take(&unit, base)
        {
            return self.abort(Reason::Type);
        }
        let function = self.reg(at).arg;
        self.has_shape(function, ids::FUNCTION);
        let now = self.load(Ty::Ptr, Alias::Slot, function, Function::UNIT);
        let same = self.op(Op::PEq, &[now, Arg::Const(Const::Ptr(Arc::as_ptr(&unit) as u64))]);
        self.guard(same);
        self.private = true;
        self.kept.push(Arc::clone(&unit));
        let site = call_site(base, self.offset(), self.word.a());
        let registers = self.regs.base();
        let pushed = Arg::from(self.b.call(Helper::Push, &[self.thread, function, registers, Arg::int(site)]));
        self.guard(pushed);
        self.take(at);
        if first > at + 1 {
            self.take(at + 1);
        }
        let (height, arguments) = (self.running.height(), unit.arg_count);
        self.step()?;
        let entered = self.running.height() == height + 1
            && std::ptr::eq(self.running.unit(), Arc::as_ptr(&unit))
            && std::ptr::eq(self.running.registers(), self.at.registers().wrapping_add(base));
        if !entered {
            return self.abort(Reason::Surprise);
        }
        self.regs.open(base + arguments, base + unit.local_count);
        let offset = self.running.offset();
        self.levels.push(Level { unit, base, offset, plain: true });
        if offset != self.start_of() {
            return self.abort(Reason::Surprise);
        }
        Ok(())
    }

    /// Where a function's body goes on once it has been entered.
    fn start_of(&self) -> u32 {
        let resumes = self.unit().word(0).is_some_and(|w| w.op() == Opcode::Resume as u8);
        u32::from(resumes)
    }

    /// The return of a frame that [`Recorder::call`] has entered; then it has been carried out, too.
    pub(super) fn ret(&mut self, op: Opcode) -> Result<(), Abort> {
        let [.., caller, level] = &self.levels[..] else { return self.abort(Reason::Opcode) };
        if !level.plain {
            return self.abort(Reason::Opcode);
        }
        let (locals, top, base) = (level.unit.local_count, self.top(), level.base);
        let caller_top = caller.base + caller.unit.register_count;
        let word = caller.unit.word(caller.offset as usize).unwrap_or_default();
        let (dst, next) = (caller.base + word.a(), caller.offset + 1 + Opcode::Call.extra() as u32);
        let value = match op {
            Opcode::Return => self.reg(self.word.a()).arg,
            _ => {
                let i = usize::try_from(self.word.bc()).unwrap_or(usize::MAX);
                let Some(word) = self.unit().consts().get(i).map(Value::bits) else {
                    return self.abort(Reason::Opcode);
                };
                self.private |= Word(word).is_obj();
                Arg::Const(Const::Val(Word(word)))
            }
        };
        let returned = (op == Opcode::Return).then(|| self.word.a());
        self.may_write((0..locals).filter(|r| Some(*r) != returned));
        if let Some(old) = self.regs.owned(&mut self.b, dst) {
            self.may_release(old);
        }
        let function = self.function();
        self.may_release(function);
        // From here on it happens.
        match returned {
            Some(r) => self.take(r),
            None => self.retain(value),
        }
        for r in (0..locals).rev() {
            let i = self.index(r);
            if let Some(old) = self.regs.owned(&mut self.b, i) {
                self.b.op(Op::Release, &[old], None);
            }
            self.regs.kill(i);
        }
        self.regs.sweep(&mut self.b, base.max(caller_top), top);
        self.b.call(Helper::Pop, &[self.thread]);
        if let Some(old) = self.regs.owned(&mut self.b, dst) {
            self.b.op(Op::Release, &[old], None);
        }
        self.levels.pop();
        self.regs.set(dst, value);
        let height = self.running.height();
        self.step()?;
        if self.running.height() + 1 != height || self.running.offset() != next {
            return self.abort(Reason::Surprise);
        }
        Ok(())
    }
}
