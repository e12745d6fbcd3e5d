//! Jumps: `frame.f_lineno` assigned in a trace function.
//!
//! A jump may go to any place that needs no temporary which the frame does not have. Which temporaries live where, and
//! what they are for, follows from the code alone: it is computed when somebody jumps, by the same walk that the
//! compiler's verifier makes.

use crate::frame::{Interp, interp};
use crate::frame_object::FrameObject;
use crate::unit::Unit;
use crate::watch::Kind as Happening;
use rustc_hash::FxHashMap;
use std::cell::Cell;
use typhon_isa::word::{KILL_A, KILL_B, KILL_C};
use typhon_isa::{Code, Opcode, Word};
use typhon_object::error::{self, Res};
use typhon_object::types::exceptions as exc;
use typhon_object::{Thread, Value, convert};

/// What a live temporary is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Use {
    /// Nothing: it is dead.
    Dead,
    /// An operand, or the exit method of a `with` block.
    Object,
    /// The iterator of a loop.
    Iterator,
    /// An exception being handled, or the one handled before it.
    Except,
    /// An exception on its way through a cleanup.
    Passing,
}

type State = Box<[Use]>;

/// The state before each instruction that can be reached.
struct Places<'a> {
    code: &'a Code,
    base: usize,
    states: FxHashMap<usize, State>,
}

impl<'a> Places<'a> {
    fn of(t: &Thread, code: &'a Code) -> Res<Self> {
        let base = code.locals.len();
        let temps = (code.register_count as usize).saturating_sub(base);
        t.check_alloc(code.positions.len().saturating_mul(temps + 64))?;
        let mut places = Self { code, base, states: FxHashMap::default() };
        let mut work = vec![0];
        places.states.insert(0, vec![Use::Dead; temps].into());
        let mut steps = 0u32;
        while let Some(at) = work.pop() {
            steps += 1;
            if steps.is_multiple_of(1024) {
                t.poll()?;
            }
            places.follow(at, &mut work);
        }
        Ok(places)
    }

    fn follow(&mut self, at: usize, work: &mut Vec<usize>) {
        let (Some(mut state), Some(&word)) = (self.states.get(&at).cloned(), self.code.words.get(at)) else { return };
        let Some(op) = Opcode::from_u8(word.op()) else { return };
        let next = at + 1 + op.extra();
        if let Some(h) = self.code.handler(at as u32) {
            let depth = (h.depth as usize).saturating_sub(self.base);
            let mut caught = state.clone();
            caught.iter_mut().skip(depth).for_each(|u| *u = Use::Dead);
            if let Some(u) = caught.get_mut(depth) {
                *u = if starts_handler(self.code, h.target as usize) { Use::Except } else { Use::Passing };
            }
            self.join(h.target as usize, caught, work);
        }
        self.apply(op, word, &mut state);
        if let Some(offset) = offset_at(self.code, at, op) {
            let mut taken = state.clone();
            if op == Opcode::ForIter {
                self.set(&mut taken, word.a(), Use::Dead);
                self.set(&mut taken, word.b(), Use::Dead);
            }
            self.join((next as i64 + i64::from(offset)) as usize, taken, work);
        }
        if !is_end(op) {
            self.join(next, state, work);
        }
    }

    fn join(&mut self, to: usize, state: State, work: &mut Vec<usize>) {
        if let std::collections::hash_map::Entry::Vacant(slot) = self.states.entry(to) {
            slot.insert(state);
            work.push(to);
        }
    }

    fn set(&self, state: &mut State, reg: usize, to: Use) {
        if let Some(u) = reg.checked_sub(self.base).and_then(|i| state.get_mut(i)) {
            *u = to;
        }
    }

    fn apply(&self, op: Opcode, word: Word, state: &mut State) {
        let letters = op.info().operands;
        let regs = [word.a(), word.b(), word.c()];
        for (i, kill) in [KILL_A, KILL_B, KILL_C].into_iter().enumerate() {
            if letters[i] == "s" && word.x() & kill != 0 {
                self.set(state, regs[i], Use::Dead);
            }
        }
        for reg in window(op, word) {
            self.set(state, reg, Use::Dead);
        }
        let a = word.a();
        match op {
            Opcode::Clear | Opcode::DeleteFast => self.set(state, a, Use::Dead),
            Opcode::UnpackSequence => (a..a + word.c()).for_each(|reg| self.set(state, reg, Use::Object)),
            Opcode::UnpackEx => {
                let count = (word.c() & 0xff) + (word.c() >> 8) + 1;
                (a..a + count).for_each(|reg| self.set(state, reg, Use::Object));
            }
            Opcode::LoadMethod | Opcode::LoadSpecial | Opcode::LoadSuperMethod | Opcode::CheckExcGroup => {
                self.set(state, a, Use::Object);
                self.set(state, a + 1, Use::Object);
            }
            Opcode::GetIter | Opcode::GetAiter => self.set(state, a, Use::Iterator),
            Opcode::PushExc => {
                self.set(state, a, Use::Except);
                self.set(state, a + 1, Use::Except);
            }
            Opcode::PopExc => {
                self.set(state, a, Use::Dead);
                self.set(state, a + 1, Use::Dead);
            }
            Opcode::CopyFreeVars => {}
            _ if letters[0] == "d" => self.set(state, a, Use::Object),
            _ => {}
        }
    }
}

/// Registers that the instruction consumes as a window.
fn window(op: Opcode, word: Word) -> std::ops::Range<usize> {
    let (b, c) = (word.b(), word.c());
    match op {
        Opcode::Call | Opcode::CallKnown => b..b + 1 + c,
        Opcode::CallMethod | Opcode::CallMethodKnown | Opcode::CallKw => b..b + 2 + c,
        Opcode::CallEx | Opcode::LoadSuperAttr | Opcode::LoadSuperMethod => b..b + 3,
        Opcode::BuildTuple
        | Opcode::BuildList
        | Opcode::BuildSet
        | Opcode::BuildString
        | Opcode::BuildSlice
        | Opcode::BuildInterpolation => b..b + c,
        Opcode::BuildMap => b..b + 2 * c,
        Opcode::ImportName => b..b + 2,
        Opcode::GetSlice | Opcode::SetSlice => c..c + 2,
        _ => 0..0,
    }
}

fn starts_handler(code: &Code, at: usize) -> bool {
    code.words.get(at).is_some_and(|w| w.op() == Opcode::PushExc as u8)
}

fn is_end(op: Opcode) -> bool {
    matches!(
        op,
        Opcode::Jump | Opcode::JumpBack | Opcode::Return | Opcode::ReturnConst | Opcode::Raise | Opcode::Reraise
    )
}

pub(crate) fn offset_at(code: &Code, at: usize, op: Opcode) -> Option<i32> {
    match op {
        Opcode::CompareJump | Opcode::CompareImmJump | Opcode::ForIter | Opcode::Send => {
            code.words.get(at + 1).map(|w| w.low())
        }
        _ if op.info().operands[1] == "j" => Some(code.words[at].bc()),
        _ => None,
    }
}

/// Whether a frame with `from` can go on where `to` is needed.
fn fits(from: &State, to: &State) -> bool {
    from.iter().zip(to).all(|(&from, &to)| match to {
        Use::Dead => true,
        Use::Object => from != Use::Dead,
        to => from == to,
    })
}

/// Why not.
fn refusal(to: Option<&State>) -> &'static str {
    let top = to.and_then(|to| to.iter().rev().find(|u| **u != Use::Dead));
    match top {
        None => "can't jump into an exception handler, or code may be unreachable",
        Some(Use::Except) => "can't jump into an 'except' block as there's no exception",
        Some(Use::Passing) => "can't jump into a re-raising block as there's no location",
        Some(Use::Iterator) => "can't jump into the body of a for loop",
        Some(_) => "incompatible stacks",
    }
}

/// `f_lineno = x`.
pub(crate) fn set_line(t: &Thread, frame: &Value, x: Option<&Value>) -> Res<()> {
    let f = frame.expect::<FrameObject>();
    let Some(x) = x else {
        let text = "attribute 'f_lineno' of 'frame' objects cannot be deleted";
        return Err(error::new(t, &exc::ATTRIBUTE_ERROR, text));
    };
    if !typhon_object::types::int::is_int(x) {
        return Err(error::value_error(t, "lineno must be an integer"));
    }
    let it = interp(t);
    let record = f.record();
    match it.watch.happening(record) {
        _ if record.is_null() => {
            return Err(error::value_error(t, "f_lineno can only be set in a trace function"));
        }
        None => return Err(error::value_error(t, "f_lineno can only be set in a trace function")),
        Some(Happening::Call) => {
            return Err(error::value_error(t, "can't jump from the 'call' trace event of a new frame"));
        }
        Some(Happening::Return | Happening::Exception) => {
            return Err(error::value_error(t, "can only jump from a 'line' trace event"));
        }
        Some(Happening::Line | Happening::Yield | Happening::Opcode) => {}
    }
    let Ok(line) = convert::to_i32(t, x) else {
        return Err(error::value_error(t, "lineno out of range"));
    };
    let (target, from, to) = find(t, f, line)?;
    bind_locals(t, f)?;
    drop_temporaries(it, f, &from, &to);
    // SAFETY: the record is live (it is the one an event is about) and `target` is an instruction of its code.
    unsafe { (*record).ip = (*(*record).unit).start().add(target) };
    Ok(())
}

/// The place to go to, with what lives here and there.
fn find(t: &Thread, f: &FrameObject, line: i32) -> Res<(usize, State, State)> {
    let code = &*f.unit.code;
    if line < code.first_line as i32 {
        return Err(error::value_error(t, format_args!("line {line} comes before the current code block")));
    }
    let line = line as u32;
    let next = code.positions.iter().map(|p| p.line).filter(|&l| l >= line).min();
    let Some(wanted) = next else {
        return Err(error::value_error(t, format_args!("line {line} comes after the current code block")));
    };
    let places = Places::of(t, code)?;
    let Some(from) = places.states.get(&(f.offset() as usize)).cloned() else {
        return Err(error::value_error(t, "can't jump from unreachable code"));
    };
    let body = code.words.iter().position(|w| w.op() == Opcode::Resume as u8).unwrap_or(0);
    let mut best: Option<(usize, usize, State)> = None;
    let mut why = "cannot find bytecode for specified line";
    let mut before = 0;
    for p in &code.positions {
        // Only where the line begins: further on, an expression has its operands in hand.
        let begins = p.line == wanted && before != wanted && p.start as usize > body;
        before = p.line;
        if !begins {
            continue;
        }
        let at = p.start as usize;
        match places.states.get(&at) {
            Some(to) if fits(&from, to) => {
                let deep = to.iter().rposition(|u| *u != Use::Dead).map_or(0, |i| i + 1);
                if best.as_ref().is_none_or(|(_, known, _)| deep > *known) {
                    best = Some((at, deep, to.clone()));
                }
            }
            to => why = refusal(to),
        }
    }
    match best {
        Some((at, _, to)) => Ok((at, from, to)),
        None => Err(error::value_error(t, why)),
    }
}

/// Code after a jump may read variables that the jump left unbound, without looking.
fn bind_locals(t: &Thread, f: &FrameObject) -> Res<()> {
    let unit: &Unit = &f.unit;
    let unbound: Vec<usize> = (0..unit.local_count).filter(|&i| f.is_unbound(i)).collect();
    let n = unbound.len();
    if n == 0 {
        return Ok(());
    }
    let s = if n == 1 { "" } else { "s" };
    let text = format!("assigning None to {n} unbound local{s}");
    (t.hooks.warn)(t, &exc::RUNTIME_WARNING.ty().value(), &text, 0)?;
    for i in unbound {
        f.set_local(i, Value::NONE);
    }
    Ok(())
}

/// Drops what lives here and not there; an exception that was being handled no longer is.
fn drop_temporaries(it: &Interp, f: &FrameObject, from: &State, to: &State) {
    let base = f.unit.local_count;
    let mut i = from.len();
    while i > 0 {
        i -= 1;
        if from[i] == Use::Dead || to[i] != Use::Dead {
            continue;
        }
        let v = f.take_register(base + i);
        if from[i] == Use::Except && i > 0 && from[i - 1] == Use::Except {
            let handled = it.top_handling().replace(v);
            drop(f.take_register(base + i - 1));
            drop(handled);
            i -= 1;
        }
    }
}

/// Which event of which frame is being told.
#[derive(Default)]
pub(crate) struct Telling {
    frame: Cell<usize>,
    what: Cell<Option<Happening>>,
}

impl Telling {
    /// Begins to tell; answers what was being told before.
    pub(crate) fn begin(&self, frame: usize, what: Happening) -> (usize, Option<Happening>) {
        (self.frame.replace(frame), self.what.replace(Some(what)))
    }

    /// Goes back.
    pub(crate) fn end(&self, before: (usize, Option<Happening>)) {
        self.frame.set(before.0);
        self.what.set(before.1);
    }

    /// The event being told of this frame.
    pub(crate) fn of(&self, frame: usize) -> Option<Happening> {
        if self.frame.get() == frame { self.what.get() } else { None }
    }
}
