//! Forwarding: a load gives what was stored or loaded there before, if nothing in between may have changed it.
//!
//! Places of different classes never overlap; places of one class at different offsets from the same address do not, and two
//! new objects are two. What the head knows holds in the loop if no iteration changes it; and what each iteration changes is
//! carried, if it knows in the end what it has made of it.

mod carried;

use crate::alias::Alias;
use crate::arg::{Arg, Ty, Var};
use crate::build::{Copy, Pass, Step, rewrite};
use crate::effects::{Acts, Effects};
use crate::op::{Form, Op, Width};
use crate::trace::{Imm, Inst, Trace};
use crate::word::SHAPE_OFFSET;
use carried::Search;
use rustc_hash::FxHashMap;

pub(super) fn run(trace: &Trace) -> Trace {
    let mut forward = Forward::default();
    let made = rewrite(trace, &mut forward);
    let words = forward.search.found(&forward.known);
    if words.is_empty() { made } else { carried::carry(&made, &words) }
}

/// A place, and as what it is loaded.
type Key = (Place, Ty);
/// What places hold.
type Known = FxHashMap<Key, Arg>;

/// A place in memory, as an instruction names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) class: Alias,
    pub(super) base: Arg,
    pub(super) index: Option<Arg>,
    pub(super) offset: i32,
    pub(super) width: Width,
}

impl Place {
    /// The place that a load or store names.
    pub(super) fn of(inst: &Inst) -> Option<Self> {
        let Imm::Mem(class, offset) = inst.imm else { return None };
        let index = (inst.op.form() == Form::Index).then(|| inst.args[1]);
        Some(Self { class, base: inst.args[0], index, offset, width: inst.op.width() })
    }

    fn end(self) -> i32 {
        self.offset + i32::from(self.width.bytes())
    }

    /// May the two overlap?
    pub(super) fn may_be(self, other: Self, trace: &Trace) -> bool {
        if self.class != other.class {
            return false;
        }
        if self.base != other.base {
            let is_new = |arg: Arg| arg.var().is_some_and(|v| trace.inst(v).op == Op::New);
            return !(is_new(self.base) && is_new(other.base));
        }
        match (self.index, other.index) {
            (None, None) => self.offset < other.end() && other.offset < self.end(),
            (Some(a), Some(b)) => match (a.as_int(), b.as_int()) {
                (Some(a), Some(b)) => a == b || self.offset != other.offset || self.width != other.width,
                _ => true,
            },
            _ => true,
        }
    }
}

#[derive(Default)]
struct Forward {
    known: Known,
    search: Search,
}

impl Pass for Forward {
    fn visit(&mut self, copy: &mut Copy<'_>, _old: Var, inst: &Inst) -> Step {
        let place = Place::of(inst);
        if let Some(place) = place.filter(|place| inst.is_load() && !place.class.is_volatile()) {
            if let Some(value) = self.known.get(&(place, inst.ty)) {
                return Step::Is(*value);
            }
            let v = copy.emit(inst.clone());
            self.search.loads(v, (place, inst.ty));
            self.known.insert((place, inst.ty), v.into());
            return Step::Is(v.into());
        }
        if let Imm::New(shape, _) = inst.imm {
            let v = copy.emit(inst.clone());
            let (class, base, offset, width) = (Alias::Shape, v.into(), SHAPE_OFFSET, Width::Half);
            self.known.insert((Place { class, base, index: None, offset, width }, Ty::Int), Arg::int(shape.into()));
            return Step::Is(v.into());
        }
        match (place, inst.args.last()) {
            (Some(place), Some(value)) if inst.is_store() => self.store(copy, inst, place, *value),
            _ => {
                self.forget(inst.effects());
                Step::Keep
            }
        }
    }

    fn enter_loop(&mut self, copy: &mut Copy<'_>) {
        let before = self.known.clone();
        for v in copy.old.looped.iter().flat_map(|l| &l.body) {
            self.forget(copy.old.inst(*v).effects());
        }
        self.search.unchanged = before.into_iter().filter(|(key, _)| !self.known.contains_key(key)).collect();
    }
}

impl Forward {
    fn store(&mut self, copy: &mut Copy<'_>, inst: &Inst, place: Place, value: Arg) -> Step {
        let ty = copy.new.trace().ty(value);
        if self.known.get(&(place, ty)) == Some(&value) {
            return Step::Drop;
        }
        for known in [&mut self.known, &mut self.search.unchanged] {
            known.retain(|(other, _), _| !place.may_be(*other, copy.new.trace()));
        }
        // A store of less than a word cuts its value: who loads it gets another.
        if place.width == Width::Word && !place.class.is_volatile() {
            self.known.insert((place, ty), value);
        }
        copy.emit(inst.clone());
        Step::Drop
    }

    fn forget(&mut self, effects: Effects) {
        if effects.writes.is_empty() && !effects.acts.contains(Acts::ESCAPES) {
            return;
        }
        for known in [&mut self.known, &mut self.search.unchanged] {
            known.retain(|(place, _), _| !effects.changes(place.class));
        }
    }
}
