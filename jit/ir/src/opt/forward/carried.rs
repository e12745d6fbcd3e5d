//! Words that one iteration leaves in memory for the next: the loop carries them beside.
//!
//! Memory has them all the same, so whoever looks finds them there; but the next iteration need not wait until what was stored is
//! loaded again.

use super::Known;
use crate::arg::{Arg, Ty, Var};
use crate::build::{Copy, Pass, Step};
use crate::trace::{End, Inst, Trace};
use rustc_hash::FxHashMap;

/// A word that an iteration loads before it may have changed it, and that it knows in the end.
pub(super) struct Word {
    load: Var,
    ty: Ty,
    first: Arg,
    next: Arg,
}

/// Looks for such loads while a trace is copied.
#[derive(Default)]
pub(super) struct Search {
    /// What the head knows and an iteration may change, as far as this one has not yet.
    pub(super) unchanged: Known,
    loads: Vec<(Var, super::Key, Arg)>,
}

impl Search {
    /// A load that is carried out.
    pub(super) fn loads(&mut self, load: Var, key: super::Key) {
        if let Some(first) = self.unchanged.get(&key) {
            self.loads.push((load, key, *first));
        }
    }

    /// What can be carried, where this is known at the end. References are not: who carries one owns it, and memory does.
    pub(super) fn found(self, at_end: &Known) -> Vec<Word> {
        let words = self.loads.into_iter().filter(|(_, (_, ty), _)| *ty != Ty::Val);
        words.filter_map(|(load, key, first)| Some(Word { load, ty: key.1, first, next: *at_end.get(&key)? })).collect()
    }
}

/// Has the loop of a trace carry words.
pub(super) fn carry(trace: &Trace, words: &[Word]) -> Trace {
    let (Some(looped), End::Again(next)) = (&trace.looped, &trace.end) else { return trace.clone() };
    let mut copy = Copy::begin(trace);
    let mut carry = Carry::default();
    copy.pass(&mut carry, &trace.head);
    copy.new.begin_loop();
    for (v, init) in &looped.params {
        let init = copy.arg(*init);
        let param = copy.new.param(trace.inst(*v).ty, init);
        copy.set(*v, param.into());
    }
    for word in words {
        let first = copy.arg(word.first);
        carry.params.insert(word.load, copy.new.param(word.ty, first));
    }
    copy.pass(&mut carry, &looped.body);
    let all = next.iter().chain(words.iter().map(|word| &word.next));
    let all = all.map(|arg| copy.arg(*arg)).collect();
    copy.new.finish(End::Again(all))
}

/// Puts parameters in the place of loads.
#[derive(Default)]
struct Carry {
    params: FxHashMap<Var, Var>,
}

impl Pass for Carry {
    fn visit(&mut self, _copy: &mut Copy<'_>, old: Var, _inst: &Inst) -> Step {
        self.params.get(&old).map_or(Step::Keep, |param| Step::Is((*param).into()))
    }
}
