//! The return of the frame that a trace begins with: a way may end in the caller, where another one goes on.
//!
//! The caller's frame is the interpreter's, and lies below. Who it is, the trace asks its record: where it goes on names it. Then
//! what is linked to the exit goes on in that frame.

use super::{Abort, FrameKind, Reason, Recorder};
use std::mem::offset_of;
use std::sync::Arc;
use typhon_interp::frame::Frame;
use typhon_isa::Opcode;
use typhon_jit_ir::{Alias, Arg, Const, Helper, Op, Ty};

impl Recorder<'_> {
    /// Carries it out, too.
    pub(super) fn return_to_caller(&mut self, op: Opcode) -> Result<(), Abort> {
        let Some(returns) = (!self.looping).then(|| self.running.returns()).flatten() else {
            return self.abort(Reason::Opcode);
        };
        let locals = self.unit().local_count;
        let value = match op {
            Opcode::Return => self.reg(self.word.a()).arg,
            _ => self.constant()?,
        };
        let returned = (op == Opcode::Return).then(|| self.word.a());
        self.is_result(if returns.init { FrameKind::Init } else { FrameKind::Call }, value, returned)?;
        self.returns_to(returns.how, returns.ip);
        self.may_write((0..locals).filter(|r| Some(*r) != returned));
        if returns.init {
            self.may_release(value);
        }
        // From here on it happens.
        match returned {
            Some(r) => self.take(r),
            None => self.retain(value),
        }
        for i in (0..locals).rev() {
            self.end(i);
        }
        self.regs.leave(&mut self.b, locals);
        self.b.call(Helper::Return, &[self.thread, value]);
        self.private = true;
        self.kept.push(Arc::clone(&returns.unit));
        let height = self.running.height();
        self.step()?;
        if self.running.height() + 1 != height || !std::ptr::eq(self.running.unit(), Arc::as_ptr(&returns.unit)) {
            return self.abort(Reason::Surprise);
        }
        self.returned = true;
        Ok(())
    }

    /// The frame's caller is the one that it has now, and does the same with the result.
    fn returns_to(&mut self, how: u32, ip: u64) {
        let below = |offset: usize| offset as i32 - size_of::<Frame>() as i32;
        let record = self.frame;
        let now = self.b.mem(Op::Load32, Ty::Int, Alias::Frame, &[record], offset_of!(Frame, dst) as i32);
        let same = self.op(Op::IEq, &[now.into(), Arg::int(how.into())]);
        self.guard(same);
        let now = self.b.mem(Op::Load, Ty::Ptr, Alias::Frame, &[record], below(offset_of!(Frame, ip)));
        let same = self.op(Op::PEq, &[now.into(), Arg::Const(Const::Ptr(ip))]);
        self.guard(same);
        let quiet = self.b.call(Helper::MayReturn, &[self.thread]);
        self.guard(quiet.into());
    }
}
