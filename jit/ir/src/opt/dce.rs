//! Dead code: what nobody uses is not computed, what nobody reads before it is written again is not written, and what the
//! loop does not need is not carried.

use super::forward::Place;
use crate::alias::Aliases;
use crate::arg::{Arg, Var};
use crate::build::{Copy, Pass, Step, rewrite};
use crate::effects::Acts;
use crate::trace::{End, Inst, Trace};
use rustc_hash::FxHashSet;

pub(super) fn run(trace: &Trace) -> Trace {
    let mut live = Live { trace, used: vec![false; trace.insts.len()], dead_stores: FxHashSet::default() };
    live.dead_stores(&trace.head);
    if let Some(looped) = &trace.looped {
        live.dead_stores(&looped.body);
    }
    live.mark();
    let mut dce = Dce { used: live.used, dead_stores: live.dead_stores };
    rewrite(trace, &mut dce)
}

struct Dce {
    used: Vec<bool>,
    dead_stores: FxHashSet<Var>,
}

impl Pass for Dce {
    fn visit(&mut self, _copy: &mut Copy<'_>, old: Var, inst: &Inst) -> Step {
        let stays = !inst.effects().can_be_dropped() && !self.dead_stores.contains(&old);
        if stays || self.used[old.index()] { Step::Keep } else { Step::Drop }
    }

    fn param(&mut self, _copy: &mut Copy<'_>, old: Var, init: Arg, _next: Arg) -> Option<Arg> {
        // Nobody looks at what stands for an unused parameter.
        (!self.used[old.index()]).then_some(init)
    }
}

struct Live<'t> {
    trace: &'t Trace,
    used: Vec<bool>,
    dead_stores: FxHashSet<Var>,
}

impl Live<'_> {
    /// Marks what is used. What the loop carries is, if the loop uses it for more than to carry it.
    fn mark(&mut self) {
        let trace = self.trace;
        if let Some(id) = trace.end.leaves() {
            self.use_snap(id);
        }
        if !matches!(trace.end, End::Again(_)) {
            trace.end.given().iter().for_each(|arg| self.use_arg(*arg));
        }
        let Some(looped) = &trace.looped else { return self.list(&trace.head) };
        let mut carried = vec![false; looped.params.len()];
        loop {
            self.list(&looped.body);
            let mut more = false;
            for (i, (v, _)) in looped.params.iter().enumerate() {
                if self.used[v.index()] && !carried[i] {
                    carried[i] = true;
                    more = true;
                    if let End::Again(args) = &trace.end {
                        self.use_arg(args[i]);
                    }
                }
            }
            if !more {
                break;
            }
        }
        for ((_, init), _) in looped.params.iter().zip(carried).filter(|(_, carried)| *carried) {
            self.use_arg(*init);
        }
        self.list(&trace.head);
    }

    fn list(&mut self, list: &[Var]) {
        for v in list.iter().rev() {
            let inst = self.trace.inst(*v);
            let stays = !inst.effects().can_be_dropped() && !self.dead_stores.contains(v);
            if stays || self.used[v.index()] {
                inst.args.iter().for_each(|arg| self.use_arg(*arg));
                if let Some(id) = inst.exit {
                    self.use_snap(id);
                }
            }
        }
    }

    fn use_arg(&mut self, arg: Arg) {
        if let Arg::Var(v) = arg {
            self.used[v.index()] = true;
        }
    }

    fn use_snap(&mut self, id: crate::SnapId) {
        let mut next = Some(id);
        while let Some(id) = next {
            let snap = self.trace.snap(id);
            snap.args().for_each(|arg| self.use_arg(arg));
            next = snap.parent;
        }
    }

    /// Finds the stores that are written over before anybody can look.
    fn dead_stores(&mut self, list: &[Var]) {
        let mut over: Vec<Place> = Vec::new();
        for v in list.iter().rev() {
            let inst = self.trace.inst(*v);
            let effects = inst.effects();
            if effects.exits() || effects.acts.contains(Acts::ESCAPES) || effects.reads == Aliases::ALL {
                over.clear();
            }
            over.retain(|place| !effects.reads.has(place.class));
            if let Some(place) = Place::of(inst).filter(|place| inst.is_store() && !place.class.is_volatile()) {
                if over.contains(&place) {
                    self.dead_stores.insert(*v);
                } else {
                    over.push(place);
                }
            }
        }
    }
}
