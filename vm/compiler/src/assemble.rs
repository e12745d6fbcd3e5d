//! From the instruction stream to words: reachability, needless checks, offsets, tables.

use crate::emit::{Cover, Emitter, Inst, Label, Loc};
use crate::source::SourceMap;
use typhon_isa::code::{Handler, Position};
use typhon_isa::{LocalKind, Opcode, Word};

/// What assembling gives.
pub(crate) struct Assembled {
    pub(crate) words: Box<[Word]>,
    pub(crate) handlers: Box<[Handler]>,
    pub(crate) positions: Box<[Position]>,
}

/// Turns the stream into words.
pub(crate) fn assemble(e: &mut Emitter, map: &SourceMap) -> Assembled {
    thread_jumps(e);
    end_where_jumped(e);
    prune(e);
    drop_marks(e, map);
    let mut offsets = Vec::with_capacity(e.insts.len() + 1);
    let mut at = 0u32;
    for inst in &e.insts {
        offsets.push(at);
        at += 1 + inst.op.extra() as u32;
    }
    offsets.push(at);
    let target = |label: Label| offsets[e.labels[label.0 as usize] as usize];
    let mut words = Vec::with_capacity(at as usize);
    for (i, inst) in e.insts.iter().enumerate() {
        let extra = inst.op.extra();
        let mut word = Word::new(inst.op, inst.x, inst.a, inst.b, inst.c);
        let mut first = inst.extra;
        if inst.target != Label::NONE {
            let offset = target(inst.target) as i64 - i64::from(offsets[i + 1]);
            if inst.op.info().operands[1] == "j" {
                word = Word::wide(inst.op, inst.x, inst.a, offset as i32);
            } else {
                first = (first & !0xffff_ffff) | u64::from(offset as i32 as u32);
            }
        }
        words.push(word);
        for k in 0..extra {
            words.push(Word(if k == 0 { first } else { 0 }));
        }
    }
    Assembled { words: words.into(), handlers: handlers(e, &offsets), positions: positions(e, &offsets, map) }
}

fn handlers(e: &Emitter, offsets: &[u32]) -> Box<[Handler]> {
    let mut rows: Vec<Handler> = Vec::new();
    for (i, inst) in e.insts.iter().enumerate() {
        if inst.cover == Cover::NONE {
            continue;
        }
        let row = e.rows[inst.cover.0 as usize];
        let target = offsets[e.labels[row.target.0 as usize] as usize];
        let (start, end) = (offsets[i], offsets[i + 1]);
        match rows.last_mut() {
            Some(last) if last.end == start && last.target == target && last.depth == row.depth => last.end = end,
            _ => rows.push(Handler { start, end, target, depth: row.depth }),
        }
    }
    rows.into()
}

fn positions(e: &Emitter, offsets: &[u32], map: &SourceMap) -> Box<[Position]> {
    let mut rows: Vec<Position> = Vec::new();
    let mut last = None;
    let leader = leaders(e);
    for (i, inst) in e.insts.iter().enumerate() {
        // What has no place of its own belongs to what runs before it, if that can only be one thing.
        if last == Some(inst.loc) || inst.loc == Loc::NONE && !leader[i] && i > 0 && !is_end(e.insts[i - 1].op) {
            continue;
        }
        last = Some(inst.loc);
        let start = offsets[i];
        if inst.loc == Loc::NONE {
            rows.push(Position { start, ..Default::default() });
            continue;
        }
        let (line, col) = map.line_byte(inst.loc.start);
        let (end_line, end_col) = map.line_byte(inst.loc.end);
        rows.push(Position { start, line, end_line, col, end_col });
    }
    rows.into()
}

/// Whether control never goes on to the next instruction.
fn is_end(op: Opcode) -> bool {
    matches!(
        op,
        Opcode::Jump | Opcode::JumpBack | Opcode::Return | Opcode::ReturnConst | Opcode::Raise | Opcode::Reraise
    )
}

/// Jumps to jumps go straight to the end of the chain.
fn thread_jumps(e: &mut Emitter) {
    for i in 0..e.insts.len() {
        let mut target = e.insts[i].target;
        if target == Label::NONE {
            continue;
        }
        for _ in 0..8 {
            let at = e.labels[target.0 as usize] as usize;
            match e.insts.get(at) {
                Some(next) if next.op == Opcode::Jump && at != i => target = next.target,
                _ => break,
            }
        }
        e.insts[i].target = target;
    }
}

/// A return without a line of its own takes the line of whatever leads to it: a jump there becomes a return, and a
/// conditional jump gets a copy. Tracing then ends where CPython's does.
fn end_where_jumped(e: &mut Emitter) {
    let mut copies: Vec<(usize, Loc, Label)> = Vec::new();
    for i in 0..e.insts.len() {
        let jump = e.insts[i];
        let conditional = jump.op != Opcode::Jump;
        if jump.target == Label::NONE || jump.op == Opcode::JumpBack || conditional && jump.loc == Loc::NONE {
            continue;
        }
        let at = e.labels[jump.target.0 as usize] as usize;
        let Some(&end) = e.insts.get(at).filter(|end| end.op == Opcode::ReturnConst && end.loc == Loc::NONE) else {
            continue;
        };
        if !conditional {
            e.insts[i] = Inst { loc: jump.loc, ..end };
            continue;
        }
        let known = copies.iter().find(|(of, loc, _)| *of == at && *loc == jump.loc).map(|(_, _, label)| *label);
        e.insts[i].target = known.unwrap_or_else(|| {
            let label = e.here();
            e.insts.push(Inst { loc: jump.loc, ..end });
            copies.push((at, jump.loc, label));
            label
        });
    }
}

/// Where blocks begin: the targets of jumps and handlers.
fn leaders(e: &Emitter) -> Vec<bool> {
    let mut leader = vec![false; e.insts.len() + 1];
    for inst in e.insts.iter().filter(|inst| inst.target != Label::NONE) {
        leader[e.labels[inst.target.0 as usize] as usize] = true;
    }
    for row in &e.rows {
        if let Some(l) = leader.get_mut(e.labels[row.target.0 as usize] as usize) {
            *l = true;
        }
    }
    leader
}

/// Removes marks whose line a neighbour in the same block has, or can take over.
fn drop_marks(e: &mut Emitter, map: &SourceMap) {
    let n = e.insts.len();
    let leader = leaders(e);
    let line = |loc: Loc| if loc == Loc::NONE { 0 } else { map.line_byte(loc.start).0 };
    let mut keep = vec![true; n];
    let mut before = Loc::NONE;
    for i in 0..n {
        if leader[i] {
            before = Loc::NONE;
        }
        let here = e.insts[i].loc;
        if e.insts[i].op == Opcode::Nop {
            let served = here == Loc::NONE || line(before) == line(here);
            let next = e.insts.get(i + 1).map(|next| next.loc);
            keep[i] = match next {
                _ if served => false,
                Some(Loc::NONE) if !leader[i + 1] => {
                    e.insts[i + 1].loc = here;
                    false
                }
                Some(next) => line(next) != line(here),
                None => true,
            };
        }
        if keep[i] && here != Loc::NONE {
            before = here;
        }
    }
    retain(e, keep);
}

/// Removes unreachable instructions, jumps to the next instruction and checks of variables that are bound.
fn prune(e: &mut Emitter) {
    let flow = Flow::new(e);
    let mut keep = flow.reached.clone();
    for (i, inst) in e.insts.iter().enumerate() {
        if inst.op == Opcode::CheckBound && !flow.maybe_unbound(e, i) {
            keep[i] = false;
        }
    }
    for i in 0..e.insts.len() {
        if keep[i] && e.insts[i].op == Opcode::Jump {
            let to = e.labels[e.insts[i].target.0 as usize] as usize;
            if to > i && !(i + 1..to).any(|k| keep[k]) {
                // It goes nowhere; its line may still count.
                e.insts[i].op = Opcode::Nop;
                e.insts[i].target = Label::NONE;
            }
        }
    }
    retain(e, keep);
}

/// Keeps some of the instructions; labels move to the next one kept.
fn retain(e: &mut Emitter, keep: Vec<bool>) {
    let mut moved = Vec::with_capacity(keep.len() + 1);
    let mut count = 0u32;
    for &k in &keep {
        moved.push(count);
        count += u32::from(k);
    }
    moved.push(count);
    for label in &mut e.labels {
        if let Some(&to) = moved.get(*label as usize) {
            *label = to;
        }
    }
    let mut keep = keep.into_iter();
    e.insts.retain(|_| keep.next().unwrap_or(true));
}

/// Forward data flow: which named locals may be unbound before each instruction.
struct Flow {
    reached: Vec<bool>,
    /// State at the starts of blocks, then carried along; one row of bits per instruction that checks.
    unbound: rustc_hash::FxHashMap<u32, bool>,
}

impl Flow {
    fn new(e: &Emitter) -> Self {
        let words = e.locals.len().div_ceil(64).max(1);
        let n = e.insts.len();
        let mut is_leader = leaders(e);
        is_leader[0] = true;
        let mut flow = Self { reached: vec![false; n], unbound: rustc_hash::FxHashMap::default() };
        let mut states: rustc_hash::FxHashMap<usize, Vec<u64>> = rustc_hash::FxHashMap::default();
        let mut entry = vec![u64::MAX; words];
        for &r in &e.bound_on_entry {
            entry[r as usize / 64] &= !(1 << (r % 64));
        }
        let mut work = vec![0usize];
        states.insert(0, entry);
        while let Some(start) = work.pop() {
            let Some(mut state) = states.get(&start).cloned() else { continue };
            flow.walk(e, start, &mut state, &is_leader, &mut states, &mut work);
        }
        flow
    }

    /// Runs from a leader to the end of its block, and hands the state to the blocks after it.
    fn walk(
        &mut self,
        e: &Emitter,
        start: usize,
        state: &mut [u64],
        is_leader: &[bool],
        states: &mut rustc_hash::FxHashMap<usize, Vec<u64>>,
        work: &mut Vec<usize>,
    ) {
        let mut cover = Cover::NONE;
        let mut dirty = false;
        for (i, inst) in e.insts.iter().enumerate().skip(start) {
            if i > start && is_leader[i] {
                join(states, work, i, state);
                return;
            }
            self.reached[i] = true;
            if inst.cover != Cover::NONE && (inst.cover != cover || dirty) {
                let row = e.rows[inst.cover.0 as usize];
                join(states, work, e.labels[row.target.0 as usize] as usize, state);
            }
            cover = inst.cover;
            // An exhausted iterator leaves the loop's target as it was.
            let before = (inst.op == Opcode::ForIter).then(|| state.to_vec());
            dirty = self.step(e, i, inst, state);
            if inst.target != Label::NONE {
                join(states, work, e.labels[inst.target.0 as usize] as usize, before.as_deref().unwrap_or(state));
            }
            if is_end(inst.op) {
                return;
            }
        }
    }

    /// Applies one instruction; tells whether a local became unbound.
    fn step(&mut self, e: &Emitter, i: usize, inst: &Inst, state: &mut [u64]) -> bool {
        let locals = e.locals.len();
        let slot = |r: u16| ((r as usize) < locals).then_some((r as usize / 64, 1u64 << (r % 64)));
        match inst.op {
            Opcode::CheckBound => {
                if let Some((w, bit)) = slot(inst.a) {
                    if state[w] & bit != 0 {
                        self.unbound.insert(i as u32, true);
                    }
                    state[w] &= !bit;
                }
                false
            }
            Opcode::Clear | Opcode::DeleteFast => {
                if let Some((w, bit)) = slot(inst.a) {
                    state[w] |= bit;
                }
                true
            }
            Opcode::UnpackSequence => {
                for (w, bit) in (inst.a..inst.a + inst.c).filter_map(slot) {
                    state[w] &= !bit;
                }
                false
            }
            _ if inst.op.info().operands[0] == "d" => {
                if let Some((w, bit)) = slot(inst.a) {
                    state[w] &= !bit;
                }
                false
            }
            _ => false,
        }
    }

    fn maybe_unbound(&self, e: &Emitter, i: usize) -> bool {
        let local = e.locals.get(e.insts[i].a as usize);
        self.unbound.contains_key(&(i as u32)) && local.is_some_and(|l| l.kind != LocalKind::Free)
    }
}

/// Merges `state` into the state at `at`, which is visited again if that changes it.
fn join(states: &mut rustc_hash::FxHashMap<usize, Vec<u64>>, work: &mut Vec<usize>, at: usize, state: &[u64]) {
    match states.entry(at) {
        std::collections::hash_map::Entry::Vacant(slot) => {
            slot.insert(state.to_vec());
            work.push(at);
        }
        std::collections::hash_map::Entry::Occupied(mut slot) => {
            let mut changed = false;
            for (old, new) in slot.get_mut().iter_mut().zip(state) {
                changed |= *new & !*old != 0;
                *old |= *new;
            }
            if changed {
                work.push(at);
            }
        }
    }
}
