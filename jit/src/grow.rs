//! Growing: links that are taken often become limbs. The trace that they leave is compiled again, with what they lead to as a part of
//! its function, and takes its own place.

use crate::cache::Variant;
use crate::compiled::Compiled;
use crate::counts::Count;
use crate::graft::Tree;
use crate::record::RETURNED;
use crate::site::{Instance, Known, Place, tree_hot};
use crate::tier::Part;
use crate::worker::Work;
use crate::worth;
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;

/// How many instructions a tree has at most.
const TREE_MAX: usize = 2500;
/// Links that were taken so many times less often than the one that is asked for go along.
const ALONG: u64 = 16;
/// How often a trace is compiled again at most.
const GROWN_MAX: u32 = 8;

impl Part {
    /// A link of a trace was taken as often as it is before somebody looks: has the trace compiled again with what it leads to, or takes
    /// what has become of that.
    pub(crate) fn grow(&self, known: &Known, trunk: &Rc<Instance>, number: usize) {
        let hot = tree_hot(&trunk.variant, self.params());
        trunk.count_down(number, u64::MAX);
        let Some(place) = known.place_of(trunk).filter(|_| trunk.grown < GROWN_MAX) else { return };
        let mail = trunk.mail.borrow().clone();
        if let Some(mail) = mail {
            match mail.take() {
                Some(outcome) => {
                    trunk.mail.replace(None);
                    if let Ok(variant) = outcome {
                        self.replace(known, &place, trunk, variant);
                    }
                }
                None => trunk.count_down(number, hot / ALONG),
            }
            return;
        }
        let Some(tree) = self.grafted(trunk, number, hot) else { return };
        // The next time is later.
        if let Some(variant) = self.compile_again(&place, trunk, tree) {
            self.replace(known, &place, trunk, variant);
        } else if trunk.mail.borrow().is_some() {
            trunk.count_down(number, hot / ALONG);
        }
    }

    /// A trace with what its links lead to that are taken often; how many of its parts have been there before, and what names the way
    /// that it goes.
    fn grafted(&self, trunk: &Instance, number: usize, hot: u64) -> Option<Grafted> {
        let executor = &trunk.variant.executor;
        let mut tree = executor.tree.clone();
        let mut private = trunk.variant.private;
        let mut path = FxHasher::default();
        trunk.variant.path.hash(&mut path);
        let taken = |i: &usize| *i == number || trunk.taken(*i, self.params()) >= hot / ALONG;
        for (i, exit) in executor.exits().iter().enumerate().filter(|(i, _)| taken(i)) {
            let next = trunk.outs[i].next.borrow().clone();
            let Some(next) = next.filter(|next| next.start == exit.place && exit.links && exit.offset != RETURNED)
            else {
                continue;
            };
            let Some(way) = &next.variant.executor.way else { continue };
            if tree.size() + way.trace.order().count() > TREE_MAX {
                break;
            }
            if tree.graft((exit.part, exit.snap), way, next.variant.executor.worth, trunk.start).is_some() {
                (exit.part, exit.snap, next.variant.path).hash(&mut path);
                private |= next.variant.private;
            }
        }
        (tree.limbs.len() > executor.tree.limbs.len()).then(|| Grafted { tree, private, path: path.finish() })
    }

    /// Compiles it, or has it compiled.
    fn compile_again(&self, place: &Place, trunk: &Rc<Instance>, grafted: Grafted) -> Option<Arc<Variant>> {
        let process = self.own()?;
        if self.purse() < 0 {
            return None;
        }
        let Grafted { tree, private, path } = grafted;
        let (cache, old) = (&process.0.compiler.cache, &trunk.variant);
        let claim = cache.claim(place.key, old.live_in.clone(), path, private)?;
        self.earn(worth::COMPILED.saturating_mul(tree.size() as i64));
        let optimized = old.executor.tree.limbs.len() + 1;
        let work = Work { tree, optimized, way: old.executor.way.clone(), plan: old.executor.plan };
        match self.have_compiled(process, work, claim).ok()? {
            Compiled::Now(variant) => Some(variant),
            Compiled::Later(mail) => {
                trunk.mail.replace(Some(mail));
                None
            }
            Compiled::Full => None,
        }
    }

    /// A trace's place is taken by what has grown of it.
    fn replace(&self, known: &Known, place: &Place, trunk: &Rc<Instance>, variant: Arc<Variant>) {
        self.counts.add(Count::Grown);
        self.now_has(&variant);
        let grown = place.grow_from(trunk, variant, self.next_number(), self.params());
        if let Some(process) = self.own() {
            process.cache().retire(&place.key, &trunk.variant);
        }
        let mut unlinked = self.unlinked.borrow_mut();
        for (i, exit) in grown.variant.executor.exits().iter().enumerate() {
            let before =
                trunk.variant.executor.exits().iter().position(|old| (old.part, old.snap) == (exit.part, exit.snap));
            let next =
                before.and_then(|i| trunk.outs[i].next.borrow().clone()).or_else(|| known.after(trunk, exit.place));
            if let Some(next) = next {
                grown.outs[i].left.set(0);
                unlinked.extend(grown.link(i, Some(&next)));
            }
        }
        known.each(|other| {
            for (i, out) in other.outs.iter().enumerate() {
                if out.next.borrow().as_ref().is_some_and(|next| Rc::ptr_eq(next, trunk)) {
                    unlinked.extend(other.link(i, Some(&grown)));
                }
            }
        });
        // It may be running.
        unlinked.extend((0..trunk.outs.len()).filter_map(|i| trunk.link(i, None)));
        unlinked.extend(trunk.link_other(None).ok().flatten());
        unlinked.push(trunk.clone());
    }
}

/// A tree to compile.
struct Grafted {
    tree: Tree,
    private: bool,
    path: u64,
}
