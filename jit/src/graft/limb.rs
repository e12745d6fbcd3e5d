//! Making a limb: a recorded way, with what the exit leaves in the place of what it would load.

use super::header::{Header, header};
use super::{INPUTS, REGISTERS, Target, Tree, WAKE, looks_at_registers, register};
use crate::lower::{COUNTERS, COUNTERS_MAX};
use crate::record::{RETURNED, ROUNDS};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use typhon_jit_ir::build::Builder;
use typhon_jit_ir::snapshot::{Virtual, place_number};
use typhon_jit_ir::trace::{Imm, Inst, Loop};
use typhon_jit_ir::word::Word;
use typhon_jit_ir::{Alias, Arg, Const, End, Op, Slot, Snap, SnapId, Src, Trace, Ty, Var};

/// A limb in the making.
pub(super) struct Graft<'t> {
    tree: &'t Tree,
    part: usize,
    exit: SnapId,
    way: &'t Trace,
    pub(super) b: Builder,
    pub(super) given: Vec<Arg>,
    /// The inputs, by what they are to the parent.
    inputs: FxHashMap<Var, Arg>,
    vars: Vec<Option<Arg>>,
    /// Registers that memory does not hold.
    pending: BTreeMap<u16, Arg>,
    /// What frames without records are to own.
    handed: BTreeMap<u16, Arg>,
    rounds: Option<Arg>,
    /// The snapshots of the way that were made, since nothing pending has changed.
    snaps: FxHashMap<SnapId, SnapId>,
    pub(super) begins: Option<(u64, Vec<(Slot, Arg)>)>,
    /// Limbs whose inputs must stay what they are.
    pub(super) relies: Vec<usize>,
    /// Inputs of the limb whose beginning it ends at that it changes.
    pub(super) varies: Vec<bool>,
    looping: bool,
}

impl<'t> Graft<'t> {
    pub(super) fn new(tree: &'t Tree, part: usize, exit: SnapId, way: &'t Trace) -> Option<Self> {
        let mut graft = Self {
            tree,
            part,
            exit,
            way,
            b: Builder::new(),
            given: Vec::new(),
            inputs: FxHashMap::default(),
            vars: vec![None; way.insts.len()],
            pending: BTreeMap::new(),
            handed: BTreeMap::new(),
            rounds: None,
            snaps: FxHashMap::default(),
            begins: None,
            relies: Vec::new(),
            varies: Vec::new(),
            looping: false,
        };
        let parent = tree.part(part);
        for i in 0..INPUTS {
            let input = graft.given_as(Arg::Var(*parent.inputs.get(i)?));
            graft.vars[way.inputs.get(i)?.index()] = Some(input);
        }
        Some(graft)
    }

    /// An operand of the parent's, here.
    fn given_as(&mut self, arg: Arg) -> Arg {
        let Arg::Var(v) = arg else { return arg };
        if let Some(input) = self.inputs.get(&v) {
            return *input;
        }
        let input = Arg::from(self.b.input(self.tree.part(self.part).inst(v).ty));
        self.given.push(arg);
        self.inputs.insert(v, input);
        input
    }

    fn input(&self, i: usize) -> Arg {
        self.b.trace().inputs[i].into()
    }

    /// What the exit leaves: each register a value, boxed if the way is about to look at it.
    pub(super) fn enter(&mut self, exit: SnapId) -> Option<()> {
        let parent = self.tree.part(self.part);
        let slots = parent.resolved(exit);
        if slots.values().any(|(owner, src)| *owner != exit && matches!(src, Src::Virtual(_))) {
            return None;
        }
        let snap = parent.snap(exit);
        let mut at = Snap { frames: snap.frames.clone(), ..Snap::default() };
        for (slot, (_, src)) in slots {
            let src = self.source(src)?;
            if slot == ROUNDS {
                let Src::Arg(rounds) = src else { return None };
                self.rounds = Some(rounds);
            } else if slot.frame != 0 && (slot.frame != COUNTERS || slot.reg >= COUNTERS_MAX) {
                return None;
            }
            at.slots.insert(slot, src);
        }
        for v in &snap.virtuals {
            let fields = v.fields.iter().map(|(class, offset, src)| Some((*class, *offset, self.source(*src)?)));
            let fields = fields.collect::<Option<Vec<_>>>()?;
            if fields.iter().any(|(_, _, src)| !matches!(src, Src::Arg(_))) {
                return None;
            }
            at.virtuals.push(Virtual { fields, ..v.clone() });
        }
        for arg in &snap.owes {
            let arg = self.given_as(*arg);
            at.owes.push(arg);
        }
        let slots = at.slots.iter().map(|(slot, src)| match src {
            Src::Arg(arg) => Some((*slot, *arg)),
            _ => None,
        });
        let slots: Option<Vec<_>> = slots.collect();
        self.begins = slots.filter(|_| at.owes.is_empty()).map(|slots| (place_number(&at.frames), slots));
        self.make(&mut at)?;
        self.open(&mut at)?;
        for arg in &at.owes {
            self.b.op(Op::Retain, &[*arg], None);
        }
        let rounds = self.rounds?;
        // What comes here has got somewhere.
        self.rounds = Some(match rounds.as_int() {
            Some(n) => Arg::int(n + 1),
            None => self.b.op(Op::IAdd, &[rounds, Arg::int(1)], None).into(),
        });
        for (slot, src) in at.slots {
            let Src::Arg(arg) = src else { return None };
            match slot.frame {
                0 => self.pending.insert(slot.reg, arg),
                _ => self.handed.insert(slot.reg, arg),
            };
        }
        Some(())
    }

    fn source(&mut self, src: Src) -> Option<Src> {
        match src {
            Src::Arg(arg) => Some(Src::Arg(self.given_as(arg))),
            Src::Virtual(i) => Some(Src::Virtual(i)),
            Src::Raw(_) => None,
        }
    }

    /// Makes the objects that the exit would: most of them nobody will see here either.
    fn make(&mut self, at: &mut Snap) -> Option<()> {
        while let Some(v) = at.virtuals.first().cloned() {
            let mut fields = Vec::new();
            for (class, offset, src) in &v.fields {
                let Src::Arg(arg) = src else { return None };
                fields.push((*class, *offset, self.boxed(*arg, at)?));
            }
            let exit = self.b.snap(at.clone());
            let made = Arg::from(self.b.new_object(v.shape, v.size, self.input(0), exit));
            for (class, offset, arg) in fields {
                self.b.mem(Op::Store, Ty::Unit, class, &[made, arg], offset);
            }
            for _ in 1..v.refs {
                self.b.op(Op::Retain, &[made], None);
            }
            at.virtuals.remove(0);
            for src in at.slots.values_mut() {
                match src {
                    Src::Virtual(0) => *src = Src::Arg(made),
                    Src::Virtual(i) => *i -= 1,
                    _ => {}
                }
            }
        }
        Some(())
    }

    /// Boxes what the way will look at.
    fn open(&mut self, at: &mut Snap) -> Option<()> {
        let insts: Vec<&Inst> = self.way.order().map(|v| self.way.inst(v)).collect();
        // A loop finds in memory what it does not carry.
        let all = self.way.looped.is_some() || insts.iter().any(|inst| looks_at_registers(inst));
        let base = self.way.inputs.get(REGISTERS).copied()?;
        let loads = insts.into_iter().filter(|inst| inst.is_load() && inst.args.first() == Some(&Arg::Var(base)));
        let loaded: FxHashSet<u16> = loads.filter_map(register).collect();
        let slots: Vec<Slot> = at.slots.keys().copied().filter(|slot| slot.frame == 0).collect();
        let mut boxed: FxHashMap<Arg, Arg> = FxHashMap::default();
        for slot in slots.into_iter().filter(|slot| all || loaded.contains(&slot.reg)) {
            let Some(Src::Arg(arg)) = at.slots.get(&slot).copied() else { return None };
            let word = match boxed.get(&arg) {
                Some(word) => {
                    // One value is one object; each register owns it.
                    if self.b.trace().ty(arg) == Ty::Flt {
                        self.b.op(Op::Retain, &[*word], None);
                    }
                    *word
                }
                None => self.boxed(arg, at)?,
            };
            boxed.insert(arg, word);
            at.slots.insert(slot, Src::Arg(word));
        }
        Some(())
    }

    /// The word of a value; leaves by a snapshot if there is none.
    fn boxed(&mut self, arg: Arg, at: &Snap) -> Option<Arg> {
        match self.b.trace().ty(arg) {
            Ty::Val => Some(arg),
            Ty::Int => {
                let exit = self.b.snap(at.clone());
                Some(self.b.op(Op::BoxInt, &[arg], Some(exit)).into())
            }
            Ty::Flt => {
                let exit = self.b.snap(at.clone());
                let thread = self.input(0);
                Some(self.b.op(Op::BoxFlt, &[thread, arg], Some(exit)).into())
            }
            Ty::Bool => Some(self.b.op(Op::BoxBool, &[arg], None).into()),
            Ty::Ptr | Ty::Unit => None,
        }
    }

    fn arg(&self, arg: Arg) -> Option<Arg> {
        match arg {
            Arg::Var(v) => self.vars[v.index()],
            Arg::Const(_) => Some(arg),
        }
    }

    /// An instruction of the way.
    pub(super) fn inst(&mut self, v: Var) -> Option<()> {
        let inst = self.way.inst(v);
        let first = inst.args.first().and_then(|arg| arg.var());
        if first.is_some() && first == self.way.inputs.get(INPUTS).copied() {
            let word = *self.handed.get(&register(inst)?)?;
            self.vars[v.index()] = Some(word).filter(|word| self.b.trace().ty(*word) == inst.ty);
            return self.vars[v.index()].map(|_| ());
        }
        if first == Some(self.way.inputs[REGISTERS]) && matches!(inst.imm, Imm::Mem(..)) {
            return self.register(v, inst);
        }
        if looks_at_registers(inst) {
            self.flush();
        }
        let args = inst.args.iter().map(|arg| self.arg(*arg)).collect::<Option<_>>()?;
        let exit = match inst.exit {
            Some(id) => Some(self.snap(id)?),
            None => None,
        };
        let copy = self.b.push(Inst { args, exit, ..inst.clone() });
        self.vars[v.index()] = Some(copy.into());
        Some(())
    }

    /// One that loads or stores a register.
    fn register(&mut self, v: Var, inst: &Inst) -> Option<()> {
        let reg = register(inst)?;
        match (inst.op, self.pending.get(&reg)) {
            (Op::Load, Some(arg)) if inst.ty == Ty::Val && self.b.trace().ty(*arg) == Ty::Val => {
                self.vars[v.index()] = Some(*arg);
            }
            (Op::Load, None) if inst.ty == Ty::Val => self.vars[v.index()] = Some(self.load(reg)),
            (Op::Store, _) => {
                let word = self.arg(inst.args[1])?;
                if self.b.trace().ty(word) != Ty::Val {
                    return None;
                }
                if self.looping {
                    self.store(reg, word);
                } else {
                    self.pending.insert(reg, word);
                    self.snaps.clear();
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn load(&mut self, reg: u16) -> Arg {
        let base = self.input(REGISTERS);
        self.b.mem(Op::Load, Ty::Val, Alias::Frame, &[base], 8 * i32::from(reg)).into()
    }

    fn store(&mut self, reg: u16, word: Arg) {
        let base = self.input(REGISTERS);
        self.b.mem(Op::Store, Ty::Unit, Alias::Frame, &[base, word], 8 * i32::from(reg));
    }

    /// Memory gets what is pending: words only, or the way would not have been opened so.
    fn flush(&mut self) {
        for (reg, word) in std::mem::take(&mut self.pending) {
            self.store(reg, word);
        }
        self.snaps.clear();
    }

    /// A snapshot of the way: what it does not write is what was pending.
    fn snap(&mut self, id: SnapId) -> Option<SnapId> {
        if let Some(made) = self.snaps.get(&id) {
            return Some(*made);
        }
        let snap = self.described(id)?;
        let made = self.b.snap(snap);
        self.snaps.insert(id, made);
        Some(made)
    }

    fn described(&self, id: SnapId) -> Option<Snap> {
        let snap = self.way.snap(id);
        if snap.parent.is_some() || !snap.virtuals.is_empty() {
            return None;
        }
        let mut slots: BTreeMap<Slot, Src> =
            self.pending.iter().map(|(reg, arg)| (Slot { frame: 0, reg: *reg }, Src::Arg(*arg))).collect();
        for (slot, src) in &snap.slots {
            let Src::Arg(arg) = src else { return None };
            slots.insert(*slot, Src::Arg(self.arg(*arg)?));
        }
        if !self.looping {
            slots.insert(ROUNDS, Src::Arg(self.rounds?));
        }
        let owes = snap.owes.iter().map(|arg| self.arg(*arg)).collect::<Option<_>>()?;
        Some(Snap { frames: snap.frames.clone(), slots, owes, ..Snap::default() })
    }

    /// The loop of the trace that goes on here. What it does not carry it finds in memory.
    pub(super) fn looped(&mut self, looped: &Loop) -> Option<End> {
        let End::Again(next) = &self.way.end else { return None };
        let header = header(self.way, looped)?;
        let rounds = self.way.snap(header).slots.get(&ROUNDS).copied();
        for slot in self.way.snap(header).slots.keys().filter(|slot| slot.frame == 0) {
            self.pending.remove(&slot.reg);
        }
        self.flush();
        let mut inits = Vec::new();
        for (v, init) in &looped.params {
            // What comes here has gone round.
            let counts = rounds == Some(Src::Arg(Arg::Var(*v)));
            inits.push((*v, if counts { self.rounds? } else { self.arg(*init)? }));
        }
        self.b.begin_loop();
        self.looping = true;
        for (v, init) in inits {
            let param = self.b.param(self.way.inst(v).ty, init);
            self.vars[v.index()] = Some(param.into());
        }
        for v in &looped.body {
            self.inst(*v)?;
        }
        Some(End::Again(next.iter().map(|arg| self.arg(*arg)).collect::<Option<_>>()?))
    }

    /// Where the way ends.
    pub(super) fn end(&mut self, start: u64) -> Option<(End, Option<Target>)> {
        let last = self.way.end.leaves()?;
        let end = self.described(last)?;
        let place = place_number(&end.frames);
        let settled = end.owes.is_empty() && place != u64::MAX && end.frames.last()?.offset < RETURNED;
        let above = self.tree.above(self.part, self.exit);
        for (part, exit) in above.iter().filter(|_| settled) {
            let before = self.b.trace().clone();
            if let Some((args, to)) = self.join(*part, *exit, place, &end) {
                return Some((End::Join(args), Some(to)));
            }
            self.b = Builder::on(before);
        }
        let before = self.b.trace().clone();
        if let Some((args, to)) = self.itself(place, &end).filter(|_| settled) {
            return Some((End::Join(args), Some(to)));
        }
        self.b = Builder::on(before);
        if !settled || place != start || end.frames.len() != 1 {
            return Some((End::Leave(self.b.snap(end)), None));
        }
        self.poll(&end);
        for (slot, src) in &end.slots {
            let (0, Src::Arg(arg)) = (slot.frame, src) else { continue };
            let word = self.boxed(*arg, &end)?;
            self.store(slot.reg, word);
        }
        Some((End::Over(self.rounds?), Some(Target::Trunk)))
    }

    /// Leaves if somebody asks the thread to look up.
    fn poll(&mut self, end: &Snap) {
        let wake = self.input(WAKE);
        let asked = self.b.mem(Op::Load32, Ty::Int, Alias::Thread, &[wake], 0);
        let quiet = self.b.op(Op::IEq, &[asked.into(), Arg::int(0)], None);
        let exit = self.b.snap(end.clone());
        self.b.op(Op::Guard, &[quiet.into()], Some(exit));
    }

    /// What a part of the tree takes, which this one goes on from, if it ends where that one's loop or the part itself begins. `exit` is
    /// the one of that part by which it was left. Nothing if that relies on what is not so any more.
    fn join(&mut self, part: usize, exit: SnapId, place: u64, end: &Snap) -> Option<(Vec<Arg>, Target)> {
        let trace = self.tree.part(part);
        let in_loop = !trace.head.iter().any(|v| trace.inst(*v).exit == Some(exit));
        if let Some(header) = Header::of(self.tree, part).filter(|header| in_loop && header.place == place)
            && self.is_quiet(part, &header)
        {
            let mut finals: Vec<Option<Arg>> = vec![None; header.params.len()];
            let mut left = end.slots.clone();
            for (slot, arg) in &header.slots {
                let last = self.last(&mut left, *slot)?;
                match header.params.iter().position(|(param, _)| Arg::Var(*param) == *arg) {
                    Some(i) if finals[i].is_none_or(|other| other == last) => finals[i] = Some(last),
                    // Who is not carried is the same in all rounds.
                    None if self.is(last, part, *arg) => {}
                    _ => return None,
                }
            }
            if left.keys().any(|slot| header.relied.contains(&slot.reg)) {
                return None;
            }
            let types: Vec<Ty> = header.params.iter().map(|(param, _)| trace.inst(*param).ty).collect();
            let args = self.hand_over(&finals, &types, left, end)?;
            return self.is_quiet_above(part).then_some((args, Target::Loop(part)));
        }
        let (begun, slots) = self.tree.limb(part)?.begins.as_ref()?;
        if *begun != place || self.tree.limb(part)?.relied {
            return None;
        }
        let types: Vec<Ty> = trace.inputs.iter().map(|v| trace.inst(*v).ty).collect();
        let inputs: Vec<Arg> = trace.inputs.iter().map(|v| Arg::Var(*v)).collect();
        let args = self.begin_again(&inputs, &types, slots, end)?;
        self.varies = args.iter().zip(&inputs).map(|(arg, input)| !self.is(*arg, part, *input)).collect();
        self.is_quiet_above(part).then_some((args, Target::Limb(part)))
    }

    /// The same where it comes to its own beginning.
    fn itself(&mut self, place: u64, end: &Snap) -> Option<(Vec<Arg>, Target)> {
        let (begun, slots) = self.begins.clone()?;
        if begun != place {
            return None;
        }
        let inputs: Vec<Arg> = self.b.trace().inputs.iter().map(|v| Arg::Var(*v)).collect();
        let types: Vec<Ty> = inputs.iter().map(|arg| self.b.trace().ty(*arg)).collect();
        let args = self.begin_again(&inputs, &types, &slots, end)?;
        self.varies = args.iter().zip(&inputs).map(|(arg, input)| arg != input).collect();
        Some((args, Target::Limb(self.tree.limbs.len() + 1)))
    }

    /// What a limb's inputs are the next time.
    fn begin_again(&mut self, inputs: &[Arg], types: &[Ty], slots: &[(Slot, Arg)], end: &Snap) -> Option<Vec<Arg>> {
        self.poll(end);
        let mut finals: Vec<Option<Arg>> = vec![None; inputs.len()];
        finals.iter_mut().take(INPUTS).enumerate().for_each(|(i, last)| *last = Some(self.input(i)));
        let mut left = end.slots.clone();
        for (slot, arg) in slots {
            let last = self.last(&mut left, *slot)?;
            match inputs.iter().position(|input| input == arg) {
                Some(i) if finals[i].is_none_or(|other| other == last) => finals[i] = Some(last),
                None if last == *arg => {}
                _ => return None,
            }
        }
        self.hand_over(&finals, types, left, end)
    }

    /// What a register holds at the end, or what is handed over for a frame.
    fn last(&mut self, left: &mut BTreeMap<Slot, Src>, slot: Slot) -> Option<Arg> {
        if slot == ROUNDS {
            left.remove(&slot);
            return self.rounds;
        }
        match left.remove(&slot) {
            Some(Src::Arg(arg)) => Some(arg),
            None if slot.frame == 0 => Some(self.load(slot.reg)),
            _ => None,
        }
    }

    /// Values as they are wanted; memory gets what is left.
    fn hand_over(
        &mut self,
        finals: &[Option<Arg>],
        types: &[Ty],
        mut left: BTreeMap<Slot, Src>,
        end: &Snap,
    ) -> Option<Vec<Arg>> {
        left.remove(&ROUNDS);
        let (mut args, mut ended, mut words) = (Vec::new(), Vec::new(), Vec::new());
        for (last, ty) in finals.iter().zip(types) {
            args.push(self.as_type(*ty, (*last)?, end, &mut ended)?);
        }
        for (slot, src) in left {
            let (0, Src::Arg(arg)) = (slot.frame, src) else { return None };
            words.push((slot.reg, self.boxed(arg, end)?));
        }
        words.into_iter().for_each(|(reg, word)| self.store(reg, word));
        for arg in ended {
            self.b.op(Op::Release, &[arg], None);
        }
        Some(args)
    }

    /// Whether a value is always what a part above calls so.
    fn is(&mut self, value: Arg, part: usize, name: Arg) -> bool {
        let mut relies = Vec::new();
        let mut arg = value;
        if let Arg::Var(v) = value {
            let Some(i) = self.b.trace().inputs.iter().position(|input| *input == v) else { return false };
            arg = self.given[i];
            let mut at = self.part;
            while let (Arg::Var(v), true) = (arg, at != part) {
                let Some(limb) = self.tree.limb(at) else { return false };
                let Some(i) = limb.trace.inputs.iter().position(|input| *input == v) else { return false };
                if limb.varies[i] {
                    return false;
                }
                relies.push(at);
                (arg, at) = (limb.given[i], limb.parent);
            }
        }
        let same = arg == name;
        if same {
            self.relies.extend(relies);
        }
        same
    }

    /// Whether a loop that this is to end in goes on as if nothing had been: neither this limb nor any other below it has changed what it
    /// relies on.
    fn is_quiet(&self, part: usize, header: &Header<'_>) -> bool {
        let above = self.tree.above(self.part, self.exit);
        // A limb whose end, or that of one behind it, is in the tree.
        let comes_back = |i: &usize| {
            let goes_on = |i: usize| self.tree.limb(i).is_some_and(|limb| limb.to.is_some());
            goes_on(*i) || self.tree.below(*i).into_iter().any(goes_on)
        };
        let below = self.tree.below(part).into_iter().filter(|i| comes_back(i));
        let all = below.map(|i| (self.tree.part(i), None));
        let way = above.iter().take_while(|(i, _)| *i != part).map(|(i, exit)| (self.tree.part(*i), Some(*exit)));
        all.chain(way).chain([(self.b.trace(), None)]).all(|(trace, to)| !header.is_disturbed_by(trace, to))
    }

    /// The same of every loop above that somebody below has gone on in already.
    fn is_quiet_above(&self, part: usize) -> bool {
        let loops = self.tree.limbs.iter().filter_map(|limb| match limb.to {
            Some(Target::Loop(to)) => Some(to),
            _ => None,
        });
        let loops: FxHashSet<usize> = loops.filter(|to| *to != part && self.tree.below(*to).contains(&part)).collect();
        loops
            .into_iter()
            .all(|to| Header::of(self.tree, to).is_some_and(|header| !header.is_disturbed_by(self.b.trace(), None)))
    }

    /// A value as the loop carries it. The reference to a float that it does not carry ends.
    fn as_type(&mut self, ty: Ty, arg: Arg, end: &Snap, ended: &mut Vec<Arg>) -> Option<Arg> {
        let is = self.b.trace().ty(arg);
        if is == ty {
            return Some(arg);
        }
        let (asks, unboxes) = match (is, ty) {
            (_, Ty::Val) => return self.boxed(arg, end),
            (Ty::Val, Ty::Int) => (Op::IsInt, Op::UnboxInt),
            (Ty::Val, Ty::Flt) => (Op::IsFlt, Op::UnboxFlt),
            (Ty::Val, Ty::Bool) => (Op::IsBool, Op::Same),
            _ => return None,
        };
        let fits = self.b.op(asks, &[arg], None);
        let exit = self.b.snap(end.clone());
        self.b.op(Op::Guard, &[fits.into()], Some(exit));
        if ty == Ty::Flt {
            ended.push(arg);
        }
        let yes = Arg::Const(Const::Val(Word::TRUE));
        let args = if ty == Ty::Bool { vec![arg, yes] } else { vec![arg] };
        Some(self.b.op(unboxes, &args, None).into())
    }
}
