//! Objects that nobody but the trace has. Beside other threads, too, they are the thread's own: nobody else changes them, so they are
//! read and written as by a thread that is alone, and are not made at all where only the trace sees them.
//!
//! Some the trace has made. Of others, what registers hold at the loop's header, it asks there whether that register's is the one
//! reference (`typhon_rc`'s `has_only`): nobody else finds the object then, as the one register is looked at by this thread alone, or
//! while it stands. It asks in each round, before it counts anything; what nothing comes to rely on is not asked in the end.
//!
//! Whatever could give such an object a second name takes it out: a helper that is given it and may keep it, a store of it into memory,
//! an instruction that the interpreter carries out. What the loop carries is a name of its own, which is none of these.

use super::Recorder;
use rustc_hash::{FxHashMap, FxHashSet};
use std::ops::Range;
use typhon_jit_ir::trace::{Imm, Inst, Trace};
use typhon_jit_ir::word::{COUNT_OFFSET, OWNER_OFFSET};
use typhon_jit_ir::{Alias, Arg, Helper, Op, Ty, Var};
use typhon_object::list::List;
use typhon_object::{Thread, Value, type_of};

/// What the owner and the shared count take of the header's second word: between them are flags and the lock.
const OWNER_AND_SHARED: i64 = !0xffff_0000;

/// Who they are, and how far the trace has been looked at.
#[derive(Default)]
pub(super) struct Fresh {
    objects: FxHashSet<Var>,
    looked_at: usize,
    asked: FxHashMap<Var, Asked>,
}

/// What the header asks of an object.
struct Asked {
    insts: Range<usize>,
    /// Something relies on the answer.
    used: bool,
}

impl Fresh {
    fn look(&mut self, insts: &[Inst]) {
        for (at, inst) in insts.iter().enumerate().skip(self.looked_at) {
            match (inst.op, inst.imm) {
                (Op::New, _) => drop(self.objects.insert(Var(u32::try_from(at).unwrap_or(u32::MAX)))),
                (Op::Call, Imm::Call(Helper::Step)) => self.objects.clear(),
                (Op::Call, Imm::Call(helper)) => {
                    let kept = inst.args.iter().enumerate().filter(|(i, _)| !only_looks_at(helper, *i));
                    kept.for_each(|(_, arg)| self.seen(*arg));
                }
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
        let fresh = self.fresh.objects.contains(&v);
        if let Some(asked) = self.fresh.asked.get_mut(&v).filter(|_| fresh) {
            asked.used = true;
        }
        fresh
    }

    /// Whether the loop's header has asked whose the object is.
    pub(super) fn is_asked(&self, object: Arg) -> bool {
        object.var().is_some_and(|v| self.fresh.asked.contains_key(&v))
    }

    /// At the loop's header: which of the objects in registers nobody else has.
    pub(super) fn ask_whose(&mut self) {
        if !self.parallel {
            return;
        }
        for (r, param) in self.regs.carried() {
            let v = self.value(r);
            let own = v.header().is_some_and(|h| h.is_unique()) && is_changed_in_place(v);
            let (true, Some(var)) = (own, param.var()) else { continue };
            let begun = self.size();
            self.is_own(param);
            self.fresh.asked.insert(var, Asked { insts: begun..self.size(), used: false });
            self.fresh.objects.insert(var);
        }
    }

    /// A value that is an object with one reference, this thread's.
    fn is_own(&mut self, value: Arg) {
        let object = self.op(Op::IsObj, &[value]);
        self.guard(object);
        let tag = Arg::from(self.b.mem(Op::Load32, Ty::Int, Alias::Pool, &[self.thread], Thread::TAG as i32));
        // Both are looked at in each round: helpers may count without saying so, and the second load sees what those have done who
        // have given their references up, which stand in its word.
        let mut load = |op, offset| Arg::from(self.b.mem(op, Ty::Int, Alias::Shared, &[value], offset));
        let (count, rest) = (load(Op::Load32, COUNT_OFFSET), load(Op::Load, OWNER_OFFSET));
        let (rest, tag) =
            (self.op(Op::IAnd, &[rest, Arg::int(OWNER_AND_SHARED)]), self.op(Op::IAnd, &[tag, Arg::int(0xffff)]));
        let (one, mine) = (self.op(Op::IEq, &[count, Arg::int(1)]), self.op(Op::IEq, &[rest, tag]));
        let own = self.op(Op::And, &[one, mine]);
        self.guard(own);
    }

    /// A trace without the questions to whose answers it has not come.
    pub(super) fn without_unused(&self, mut trace: Trace) -> Trace {
        if let Some(looped) = &mut trace.looped {
            let unused = |v: &Var| self.fresh.asked.values().any(|a| !a.used && a.insts.contains(&v.index()));
            looped.body.retain(|v| !unused(v));
        }
        trace
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

/// Whether a helper only looks at an operand, or changes it: it keeps no reference to it and gives none back.
fn only_looks_at(helper: Helper, operand: usize) -> bool {
    use Helper as H;
    match helper {
        H::Len | H::Truth | H::Member | H::Equal | H::Order => true,
        H::ListPut | H::AttrPut => operand == 0,
        H::ListPush
        | H::ListPushOwn
        | H::DictGet
        | H::DictPut
        | H::SetAdd
        | H::StrItem
        | H::Item
        | H::Part
        | H::PutItem => operand == 1,
        _ => false,
    }
}

/// Whether it matters whose such an object is: stores to it are different then.
fn is_changed_in_place(v: &Value) -> bool {
    v.exact::<List>().is_some() || type_of(v).is_heap_type()
}
