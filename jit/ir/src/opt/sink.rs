//! Allocation removal: an object that only the trace sees is not made.
//!
//! Its fields are values of the trace; loads and stores of them disappear. Where the trace is left while the object is in a
//! register, the snapshot says how to make it. The same holds for boxes: snapshots take what is inside, and a box that nobody
//! else wants is not made. An object that the loop carries, and makes anew in each iteration, is carried as its fields
//! (`carried`).

mod carried;

use crate::Alias;
use crate::arg::{Arg, Const, Ty, Var};
use crate::build::{Copy, Pass, Step, rewrite};
use crate::op::Op;
use crate::snapshot::{Snap, SnapId, Src, Virtual};
use crate::trace::{End, Imm, Inst, Trace};
use crate::word::{HEADER_SIZE, SHAPE_OFFSET};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

pub(super) fn run(trace: &Trace) -> Trace {
    // Those that turn out to be given something of another kind.
    let mut whole = FxHashSet::default();
    loop {
        let mut escape = Escape::new(trace, &whole);
        escape.settle();
        let Escape { hidden, boxes, carried, .. } = escape;
        let mut sink = Sink { hidden, boxes, live: FxHashMap::default(), flat: FxHashMap::default() };
        if carried.is_empty() {
            return rewrite(trace, &mut sink);
        }
        match carried::rewrite(trace, &mut sink, &carried) {
            Ok(new) => return new,
            Err(param) => whole.insert(param),
        };
    }
}

/// Who is seen by others.
struct Escape<'t> {
    trace: &'t Trace,
    /// Objects that only the trace sees.
    hidden: FxHashSet<Var>,
    /// Boxed floats that nobody wants but snapshots and those who count them.
    boxes: FxHashSet<Var>,
    /// Where each is made: in the head or not.
    in_head: FxHashSet<Var>,
    /// Parameters of the loop that are such objects: which one in the first iteration, and which one in the next.
    carried: FxHashMap<Var, [Var; 2]>,
    /// The parameters that objects are given to.
    given_to: FxHashMap<Var, Var>,
}

impl<'t> Escape<'t> {
    fn new(trace: &'t Trace, whole: &FxHashSet<Var>) -> Self {
        let made = |op: Op| trace.order().filter(move |v| trace.inst(*v).op == op).collect();
        let carried = carried::candidates(trace, whole);
        let given_to = carried.iter().flat_map(|(param, given)| given.map(|v| (v, *param))).collect();
        let mut hidden: FxHashSet<Var> = made(Op::New);
        hidden.extend(carried.keys());
        let in_head = trace.head.iter().copied().collect();
        Self { trace, hidden, boxes: made(Op::BoxFlt), in_head, carried, given_to }
    }

    /// The name under which an object's fields are looked at in all iterations.
    fn root(&self, v: Var) -> Var {
        self.given_to.get(&v).copied().unwrap_or(v)
    }

    /// What a parameter is given is hidden if all of it is.
    fn together(&mut self) {
        let hidden = &self.hidden;
        let apart = |param: &Var, given: &[Var; 2]| ![*param, given[0], given[1]].iter().all(|v| hidden.contains(v));
        let gone: Vec<(Var, [Var; 2])> = self.carried.extract_if(|param, given| apart(param, given)).collect();
        for (param, given) in gone {
            for v in [param, given[0], given[1]] {
                self.hidden.remove(&v);
            }
        }
    }

    /// Takes out who is seen, until nobody is left who is.
    fn settle(&mut self) {
        let trace = self.trace;
        let params: Vec<(Var, Arg)> = trace.looped.iter().flat_map(|l| l.params.clone()).collect();
        let next = match &trace.end {
            End::Again(args) => args.clone(),
            other => {
                // Who is handed over is seen.
                other.given().iter().for_each(|arg| self.seen(*arg));
                Vec::new()
            }
        };
        for (i, (param, init)) in params.iter().enumerate() {
            if !self.carried.contains_key(param) {
                self.seen(*init);
                next.get(i).into_iter().for_each(|next| self.seen(*next));
            }
        }
        self.fields();
        loop {
            let before = self.hidden.len() + self.boxes.len();
            for v in &trace.head {
                self.uses(trace.inst(*v));
            }
            for v in trace.looped.iter().flat_map(|l| &l.body) {
                self.uses(trace.inst(*v));
                self.uses_of_head(trace.inst(*v));
            }
            self.together();
            if self.hidden.len() + self.boxes.len() == before {
                return;
            }
        }
    }

    fn seen(&mut self, arg: Arg) {
        if let Arg::Var(v) = arg {
            self.hidden.remove(&v);
            self.boxes.remove(&v);
        }
    }

    fn is_hidden(&self, arg: Arg) -> bool {
        arg.var().is_some_and(|v| self.hidden.contains(&v))
    }

    /// An object is hidden only if its fields are used alike everywhere: whole words, of one class and type each.
    fn fields(&mut self) {
        let mut fields: FxHashMap<(Var, i32), (Alias, Ty)> = FxHashMap::default();
        for v in self.trace.order() {
            let inst = self.trace.inst(v);
            let (Imm::Mem(class, offset), Some(Arg::Var(base))) = (inst.imm, inst.args.first().copied()) else {
                continue;
            };
            let first = self.carried.get(&base).map_or(base, |given| given[0]);
            let Imm::New(_, size) = self.trace.inst(first).imm else { continue };
            let ty = if inst.is_load() { inst.ty } else { inst.args.last().map_or(Ty::Unit, |a| self.trace.ty(*a)) };
            let shape = is_shape(inst);
            let whole = matches!(inst.op, Op::Load | Op::Store) && offset >= HEADER_SIZE && offset % 8 == 0;
            let inside = i64::from(offset) + 8 <= i64::from(size);
            let alike = shape || *fields.entry((self.root(base), offset)).or_insert((class, ty)) == (class, ty);
            if !(shape || whole && inside) || !alike {
                self.hidden.remove(&base);
            }
        }
    }

    fn uses(&mut self, inst: &Inst) {
        for (i, arg) in inst.args.iter().enumerate() {
            let counted = matches!(inst.op, Op::Retain | Op::Release | Op::Quiet);
            let base = i == 0 && (matches!(inst.op, Op::Load | Op::Store) || is_shape(inst));
            let stored = i == 1 && inst.op == Op::Store && self.holds(inst);
            match arg {
                // A float in a hidden object's field is boxed when the object is made.
                Arg::Var(v) if self.boxes.contains(v) && !(counted || stored) => self.seen(*arg),
                Arg::Var(v) if self.hidden.contains(v) && !(counted || base || stored) => self.seen(*arg),
                _ => {}
            }
        }
    }

    /// Whether a store is into a field of a hidden object that is never loaded, or else its content would have two names.
    fn holds(&self, store: &Inst) -> bool {
        let loads = |v: Var| {
            let inst = self.trace.inst(v);
            let root = |inst: &Inst| inst.args[0].var().map(|v| self.root(v));
            inst.is_load() && root(inst) == root(store) && inst.imm == store.imm
        };
        self.is_hidden(store.args[0]) && !self.trace.order().any(loads)
    }

    /// The loop looks at nothing hidden that the head has made: it would change from one iteration to the next.
    fn uses_of_head(&mut self, inst: &Inst) {
        let mut args: Vec<Arg> = inst.args.to_vec();
        if let Some(id) = inst.exit {
            args.extend(self.trace.snap(id).owes.iter().copied());
            for (_, (owner, src)) in self.trace.resolved(id) {
                match src {
                    Src::Arg(arg) | Src::Raw(arg) => args.push(arg),
                    Src::Virtual(_) => args.extend(self.trace.snap(owner).args()),
                }
            }
        }
        for arg in args {
            if arg.var().is_some_and(|v| self.in_head.contains(&v) && self.hidden.contains(&v)) {
                self.seen(arg);
            }
        }
    }
}

/// Whether an instruction looks at an object's shape, or gives it one that is known.
fn is_shape(inst: &Inst) -> bool {
    let known = match inst.op {
        Op::Load32 => true,
        Op::Store32 => inst.args[1].as_int().is_some(),
        _ => false,
    };
    known && matches!(inst.imm, Imm::Mem(Alias::Shape, SHAPE_OFFSET))
}

/// What a hidden object's field holds.
#[derive(Clone, Copy)]
enum Held {
    /// A value: as the original names it, and as the copy does.
    Value(Arg, Arg),
    /// What the loop carries for it, as the copy names it.
    Carried(Arg),
    Hidden(Var),
}

/// A hidden object at some point of the trace.
struct Object {
    shape: u32,
    size: u32,
    refs: u32,
    fields: BTreeMap<i32, (Alias, Held)>,
}

struct Sink {
    hidden: FxHashSet<Var>,
    boxes: FxHashSet<Var>,
    live: FxHashMap<Var, Object>,
    /// Snapshots that were made with hidden objects, since any of those has changed.
    flat: FxHashMap<SnapId, SnapId>,
}

impl Pass for Sink {
    fn visit(&mut self, copy: &mut Copy<'_>, old: Var, inst: &Inst) -> Step {
        let original = copy.old.inst(old).clone();
        let base = original.args.first().and_then(|arg| arg.var());
        if matches!(inst.op, Op::BoxInt | Op::BoxBool | Op::BoxFlt)
            && (inst.op != Op::BoxFlt || self.boxes.contains(&old))
            && let Some(inner) = inst.args.last()
        {
            copy.show(old, *inner);
        }
        if self.boxes.contains(&old) {
            return Step::Drop;
        }
        if let (true, Imm::New(shape, size)) = (self.hidden.contains(&old), inst.imm) {
            self.flat.clear();
            self.live.insert(old, Object { shape, size, refs: 1, fields: BTreeMap::new() });
            return Step::Drop;
        }
        match base {
            Some(base) if self.boxes.contains(&base) => Step::Drop,
            Some(base) if self.hidden.contains(&base) => self.used(copy, base, &original, inst),
            _ => match inst.exit {
                Some(id) => {
                    let exit = Some(self.leaves(copy, id));
                    Step::Is(copy.new.push(Inst { exit, ..inst.clone() }).into())
                }
                None => Step::Keep,
            },
        }
    }

    fn leave(&mut self, copy: &mut Copy<'_>, id: SnapId) -> SnapId {
        self.leaves(copy, id)
    }
}

impl Sink {
    /// An instruction on a hidden object.
    fn used(&mut self, copy: &mut Copy<'_>, base: Var, original: &Inst, inst: &Inst) -> Step {
        self.flat.clear();
        let Some(object) = self.live.get_mut(&base) else { return Step::Drop };
        match (inst.op, inst.imm) {
            (Op::Load32, _) => Step::Is(Arg::int(object.shape.into())),
            (Op::Store32, _) => {
                let shape = inst.args[1].as_int().and_then(|shape| u32::try_from(shape).ok());
                object.shape = shape.unwrap_or(object.shape);
                Step::Drop
            }
            (Op::Quiet, _) => Step::Is(self.ends_quietly(copy, base, true.into())),
            (Op::Load, Imm::Mem(_, offset)) => match object.fields.get(&offset) {
                Some((_, Held::Value(_, arg) | Held::Carried(arg))) => Step::Is(*arg),
                _ => Const::of(inst.ty, 0).map_or(Step::Drop, |zero| Step::Is(zero.into())),
            },
            (Op::Store, Imm::Mem(class, offset)) => {
                let value = original.args[1];
                let held = match value {
                    Arg::Var(v) if self.hidden.contains(&v) => Held::Hidden(v),
                    _ => Held::Value(value, inst.args[1]),
                };
                object.fields.insert(offset, (class, held));
                Step::Drop
            }
            (Op::Retain, _) => {
                object.refs += 1;
                Step::Drop
            }
            (Op::Release, _) => {
                self.release(copy, base);
                Step::Drop
            }
            _ => Step::Drop,
        }
    }

    /// Whether one reference less to a hidden object concerns nobody, and what was asked before: its own end does not, but what it
    /// refers to may end with it.
    fn ends_quietly(&self, copy: &mut Copy<'_>, v: Var, before: Arg) -> Arg {
        let Some(object) = self.live.get(&v).filter(|object| object.refs < 2) else { return before };
        let mut all = before;
        for (_, held) in object.fields.values() {
            match held {
                Held::Hidden(inner) => all = self.ends_quietly(copy, *inner, all),
                Held::Value(old, _) if old.var().is_some_and(|v| self.boxes.contains(&v)) => {}
                Held::Value(_, arg) | Held::Carried(arg)
                    if arg.var().is_some() && copy.new.trace().ty(*arg) == Ty::Val =>
                {
                    let quiet = Arg::from(copy.new.op(Op::Quiet, &[*arg], None));
                    all = if all == true.into() { quiet } else { copy.new.op(Op::And, &[all, quiet], None).into() };
                }
                Held::Value(..) | Held::Carried(_) => {}
            }
        }
        all
    }

    /// One reference less to a hidden object. With the last, what it refers to is given up.
    fn release(&mut self, copy: &mut Copy<'_>, v: Var) {
        let Some(object) = self.live.get_mut(&v) else { return };
        object.refs = object.refs.saturating_sub(1);
        if object.refs > 0 {
            return;
        }
        let Some(dead) = self.live.remove(&v) else { return };
        for (_, held) in dead.fields.into_values() {
            match held {
                Held::Hidden(inner) => self.release(copy, inner),
                Held::Value(old, _) if old.var().is_some_and(|v| self.boxes.contains(&v)) => {}
                Held::Value(_, arg) | Held::Carried(arg) if copy.new.trace().ty(arg) == Ty::Val => {
                    copy.new.op(Op::Release, &[arg], None);
                }
                Held::Value(..) | Held::Carried(_) => {}
            }
        }
    }

    /// The snapshot by which the copy leaves, perhaps with hidden objects in registers.
    fn leaves(&mut self, copy: &mut Copy<'_>, id: SnapId) -> SnapId {
        if !self.names_hidden(copy.old, id) {
            return copy.exit(id);
        }
        if let Some(flat) = self.flat.get(&id) {
            return *flat;
        }
        let flat =
            Flat { sink: self, copy, snap: Snap::default(), numbers: FxHashMap::default(), old: BTreeMap::new() };
        let snap = flat.make(id);
        let flat = copy.new.snap(snap);
        self.flat.insert(id, flat);
        flat
    }

    /// Whether a snapshot or one of its parents names a hidden object, dead or alive.
    fn names_hidden(&self, trace: &Trace, id: SnapId) -> bool {
        let mut next = Some(id);
        while let Some(id) = next {
            let snap = trace.snap(id);
            if snap.args().any(|arg| arg.var().is_some_and(|v| self.hidden.contains(&v))) {
                return true;
            }
            next = snap.parent;
        }
        false
    }
}

/// A snapshot with hidden objects in the making: it names every register, as its parents do not know the objects.
struct Flat<'s, 'c, 't> {
    sink: &'s Sink,
    copy: &'c Copy<'t>,
    snap: Snap,
    /// The numbers of hidden objects.
    numbers: FxHashMap<Var, u32>,
    /// The new numbers of the original's virtual objects, from one number on.
    old: BTreeMap<SnapId, u32>,
}

impl Flat<'_, '_, '_> {
    fn make(mut self, id: SnapId) -> Snap {
        let trace = self.copy.old;
        self.snap.frames.clone_from(&trace.snap(id).frames);
        for (slot, (owner, src)) in trace.resolved(id) {
            let src = self.source(owner, src);
            self.snap.slots.insert(slot, src);
        }
        for arg in &trace.snap(id).owes {
            match arg.var().and_then(|v| self.numbers.get(&v)) {
                Some(number) => self.snap.virtuals[*number as usize].refs += 1,
                None if self.copy.new.trace().ty(self.copy.shown(*arg)) == Ty::Val => {
                    self.snap.owes.push(self.copy.shown(*arg));
                }
                None => {}
            }
        }
        self.snap
    }

    fn source(&mut self, owner: SnapId, src: Src) -> Src {
        match src {
            Src::Virtual(i) => Src::Virtual(self.first_of(owner) + i),
            Src::Arg(Arg::Var(v)) if self.sink.live.contains_key(&v) => Src::Virtual(self.number(v)),
            Src::Arg(arg) => Src::Arg(self.copy.shown(arg)),
            Src::Raw(arg) => Src::Raw(self.copy.arg(arg)),
        }
    }

    /// Where the virtual objects of an original's snapshot begin here.
    fn first_of(&mut self, owner: SnapId) -> u32 {
        if let Some(first) = self.old.get(&owner) {
            return *first;
        }
        let first = self.count();
        self.old.insert(owner, first);
        let virtuals = self.copy.old.snap(owner).virtuals.clone();
        self.snap.virtuals.extend(virtuals.iter().cloned());
        for (i, v) in virtuals.into_iter().enumerate() {
            for (j, (_, _, src)) in v.fields.into_iter().enumerate() {
                let src = self.source(owner, src);
                self.snap.virtuals[first as usize + i].fields[j].2 = src;
            }
        }
        first
    }

    fn count(&self) -> u32 {
        u32::try_from(self.snap.virtuals.len()).unwrap_or(u32::MAX)
    }

    fn number(&mut self, v: Var) -> u32 {
        if let Some(number) = self.numbers.get(&v) {
            return *number;
        }
        let number = self.count();
        self.numbers.insert(v, number);
        let sink = self.sink;
        let object = &sink.live[&v];
        let (shape, size, refs) = (object.shape, object.size, object.refs);
        self.snap.virtuals.push(Virtual { shape, size, refs, fields: Vec::new() });
        for (offset, (class, held)) in &object.fields {
            let src = match held {
                Held::Hidden(inner) => Src::Virtual(self.number(*inner)),
                Held::Carried(arg) => Src::Arg(*arg),
                Held::Value(old, new) => match self.copy.old.ty(*old) {
                    Ty::Val => Src::Arg(self.copy.shown(*old)),
                    _ => Src::Raw(*new),
                },
            };
            self.snap.virtuals[number as usize].fields.push((*class, *offset, src));
        }
        number
    }
}
