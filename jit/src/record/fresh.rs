//! Objects that the trace has made and handed to nobody yet. Beside other threads, too, they are the thread's own: nobody else changes
//! them, so they are read and written as by a thread that is alone, and are not made at all where only the trace sees them.
//!
//! Whatever could give such an object a second name takes it out: a helper that is given it, a store of it into memory, an
//! instruction that the interpreter carries out. What the loop carries is a name of its own, which is none of these.

use super::Recorder;
use rustc_hash::FxHashSet;
use typhon_jit_ir::trace::{Imm, Inst};
use typhon_jit_ir::{Alias, Arg, Helper, Op, Var};

/// Who they are, and how far the trace has been looked at.
#[derive(Default)]
pub(super) struct Fresh {
    objects: FxHashSet<Var>,
    looked_at: usize,
}

impl Fresh {
    fn look(&mut self, insts: &[Inst]) {
        for (at, inst) in insts.iter().enumerate().skip(self.looked_at) {
            match (inst.op, inst.imm) {
                (Op::New, _) => drop(self.objects.insert(Var(u32::try_from(at).unwrap_or(u32::MAX)))),
                (Op::Call, Imm::Call(Helper::Step)) => self.objects.clear(),
                (Op::Call, _) => inst.args.iter().for_each(|arg| self.seen(*arg)),
                // The first operand is whose memory it is.
                _ if inst.is_store() => inst.args.iter().skip(1).for_each(|arg| self.seen(*arg)),
                _ => {}
            }
        }
        self.looked_at = insts.len();
    }

    fn seen(&mut self, arg: Arg) {
        if let Arg::Var(v) = arg {
            self.objects.remove(&v);
        }
    }
}

impl Recorder<'_> {
    /// Whether nobody but the trace has the object so far.
    pub(super) fn is_fresh(&mut self, object: Arg) -> bool {
        let Arg::Var(v) = object else { return false };
        self.fresh.look(&self.b.trace().insts);
        self.fresh.objects.contains(&v)
    }

    /// Whether others may be changing the object.
    pub(super) fn is_others(&mut self, object: Arg) -> bool {
        self.parallel && !self.is_fresh(object)
    }

    /// The class of memory that loads from an object name: beside other threads nothing is known of what they may change.
    pub(super) fn class(&mut self, object: Arg, class: Alias) -> Alias {
        let changes = matches!(class, Alias::Slot | Alias::List | Alias::Item | Alias::Cell | Alias::Dict);
        if changes && self.is_others(object) { Alias::Shared } else { class }
    }
}
