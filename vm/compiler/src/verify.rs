//! A check of finished code, independent of how it was made.
//!
//! Every jump goes to an instruction, every register exists, and the state of the temporaries (live or dead) agrees on
//! every path: a source is live, a destination dead, a window lies on top, a handler finds what it expects.

use std::collections::BTreeMap;
use typhon_isa::word::{KILL_A, KILL_B, KILL_C, NO_REG};
use typhon_isa::{Code, Opcode, Word};

/// Describes the first fault of `code`.
pub fn verify(code: &Code) -> Result<(), String> {
    let mut checker = Checker { code, base: code.locals.len(), starts: Vec::new(), states: BTreeMap::new() };
    checker.scan()?;
    checker.flow()
}

type State = Vec<bool>;

struct Checker<'a> {
    code: &'a Code,
    base: usize,
    starts: Vec<bool>,
    states: BTreeMap<usize, State>,
}

impl Checker<'_> {
    fn op(&self, at: usize) -> Result<Opcode, String> {
        Opcode::from_u8(self.code.words[at].op()).ok_or_else(|| format!("{at}: no such opcode"))
    }

    fn scan(&mut self) -> Result<(), String> {
        let words = &self.code.words;
        self.starts = vec![false; words.len()];
        let mut at = 0;
        while at < words.len() {
            self.starts[at] = true;
            let op = self.op(at)?;
            if op.is_specialized() {
                return Err(format!("{at}: specialized opcode"));
            }
            at += 1 + op.extra();
        }
        if at != words.len() {
            return Err("the last instruction is cut off".into());
        }
        let mut end = 0;
        for h in &self.code.handlers {
            if h.start < end || h.end <= h.start {
                return Err(format!("handler {}..{} overlaps", h.start, h.end));
            }
            end = h.end;
            self.start(h.target as usize, h.start as usize)?;
            if usize::from(h.depth) < self.base {
                return Err(format!("handler depth {} is a local", h.depth));
            }
        }
        Ok(())
    }

    fn start(&self, target: usize, at: usize) -> Result<usize, String> {
        match self.starts.get(target) {
            Some(true) => Ok(target),
            _ => Err(format!("{at}: jump to {target}, which is no instruction")),
        }
    }

    fn flow(&mut self) -> Result<(), String> {
        let temps = usize::from(self.code.register_count).saturating_sub(self.base);
        let mut work = vec![0];
        if self.code.words.is_empty() {
            return Ok(());
        }
        self.states.insert(0, vec![false; temps]);
        while let Some(at) = work.pop() {
            let mut state = self.states[&at].clone();
            let op = self.op(at)?;
            let word = self.code.words[at];
            let next = at + 1 + op.extra();
            if let Some(h) = self.code.handler(at as u32) {
                let depth = usize::from(h.depth) - self.base;
                let mut caught = state.clone();
                caught[depth..].fill(false);
                match caught.get_mut(depth) {
                    Some(slot) => *slot = true,
                    None => return Err(format!("{at}: handler depth past the frame")),
                }
                self.join(h.target as usize, caught, at, &mut work)?;
            }
            self.apply(at, op, word, &mut state)?;
            if let Some(offset) = jump_offset(self.code, at, op) {
                let target = next as i64 + i64::from(offset);
                if offset < 0 && op != Opcode::JumpBack {
                    return Err(format!("{at}: {op:?} goes backwards"));
                }
                let mut taken = state.clone();
                if op == Opcode::ForIter {
                    self.set(&mut taken, word.a(), false);
                    self.set(&mut taken, word.b(), false);
                }
                let target = self.start(target as usize, at)?;
                self.join(target, taken, at, &mut work)?;
            }
            if !is_end(op) {
                if next >= self.code.words.len() {
                    return Err(format!("{at}: control runs off the end"));
                }
                self.join(next, state, at, &mut work)?;
            }
        }
        Ok(())
    }

    fn join(&mut self, to: usize, state: State, from: usize, work: &mut Vec<usize>) -> Result<(), String> {
        match self.states.get(&to) {
            Some(old) if *old == state => Ok(()),
            Some(old) => {
                let differ: Vec<usize> = (0..state.len()).filter(|&i| old[i] != state[i]).collect();
                let names: Vec<usize> = differ.iter().map(|i| i + self.base).collect();
                Err(format!("{from}: temporaries {names:?} at {to} are live on one path and dead on another"))
            }
            None => {
                self.states.insert(to, state);
                work.push(to);
                Ok(())
            }
        }
    }

    fn set(&self, state: &mut State, reg: usize, live: bool) {
        if let Some(slot) = reg.checked_sub(self.base).and_then(|i| state.get_mut(i)) {
            *slot = live;
        }
    }

    fn exists(&self, reg: usize, at: usize) -> Result<(), String> {
        if reg < usize::from(self.code.register_count) { Ok(()) } else { Err(format!("{at}: no register {reg}")) }
    }

    fn live(&self, state: &State, reg: usize, at: usize) -> Result<(), String> {
        self.exists(reg, at)?;
        match reg.checked_sub(self.base) {
            Some(i) if !state[i] => Err(format!("{at}: register {reg} is dead")),
            _ => Ok(()),
        }
    }

    fn define(&self, state: &mut State, reg: usize, at: usize) -> Result<(), String> {
        self.exists(reg, at)?;
        if let Some(i) = reg.checked_sub(self.base) {
            if state[i] {
                return Err(format!("{at}: register {reg} is written while it is live"));
            }
            state[i] = true;
        }
        Ok(())
    }

    /// The window `first..first + count` must be live temporaries with nothing live above; it dies.
    fn window(&self, state: &mut State, first: usize, count: usize, on_top: bool, at: usize) -> Result<(), String> {
        for reg in first..first + count {
            self.live(state, reg, at)?;
            if reg < self.base {
                return Err(format!("{at}: local {reg} in a window"));
            }
            self.set(state, reg, false);
        }
        if on_top && state[(first + count - self.base).min(state.len())..].iter().any(|&live| live) {
            return Err(format!("{at}: temporaries are live above the window"));
        }
        Ok(())
    }

    fn names(&self, index: usize, at: usize) -> Result<(), String> {
        if index < self.code.names.len() { Ok(()) } else { Err(format!("{at}: no name {index}")) }
    }

    fn apply(&self, at: usize, op: Opcode, word: Word, state: &mut State) -> Result<(), String> {
        let letters = op.info().operands;
        let regs = [word.a(), word.b(), word.c()];
        let kills = [KILL_A, KILL_B, KILL_C];
        for i in 0..3 {
            match letters[i] {
                "s" if regs[i] == usize::from(NO_REG) && op == Opcode::FormatValue => {}
                "s" if op == Opcode::Raise && usize::from(word.kind()) < i => {}
                "s" | "u" | "m" => {
                    self.live(state, regs[i], at)?;
                    if letters[i] == "s" && word.x() & kills[i] != 0 && regs[i] < self.base {
                        return Err(format!("{at}: kill bit on local {}", regs[i]));
                    }
                }
                "n" => self.names(regs[i], at)?,
                "k" if i == 1 && word.bc() as usize >= self.code.consts.len() => {
                    return Err(format!("{at}: no constant {}", word.bc()));
                }
                _ => {}
            }
        }
        for i in 0..3 {
            if letters[i] == "s" && word.x() & kills[i] != 0 {
                self.set(state, regs[i], false);
            }
        }
        self.windows(at, op, word, state)?;
        self.destinations(at, op, word, state)
    }

    fn windows(&self, at: usize, op: Opcode, word: Word, state: &mut State) -> Result<(), String> {
        let (b, c) = (word.b(), word.c());
        match op {
            Opcode::Call => self.window(state, b, 1 + c, true, at),
            Opcode::CallMethod | Opcode::CallKw => {
                // The register of self may hold null.
                self.set(state, b + 1, true);
                self.window(state, b, 2 + c, true, at)
            }
            Opcode::CallEx => {
                self.set(state, b + 2, true);
                self.window(state, b, 3, true, at)
            }
            Opcode::LoadSuperAttr | Opcode::LoadSuperMethod => self.window(state, b, 3, true, at),
            Opcode::BuildTuple
            | Opcode::BuildList
            | Opcode::BuildSet
            | Opcode::BuildString
            | Opcode::BuildSlice
            | Opcode::BuildInterpolation => self.window(state, b, c, false, at),
            Opcode::BuildMap => self.window(state, b, 2 * c, false, at),
            Opcode::ImportName => self.window(state, b, 2, false, at),
            Opcode::GetSlice | Opcode::SetSlice => self.window(state, c, 2, false, at),
            _ => Ok(()),
        }
    }

    fn destinations(&self, at: usize, op: Opcode, word: Word, state: &mut State) -> Result<(), String> {
        let a = word.a();
        match op {
            Opcode::Clear | Opcode::DeleteFast => {
                self.exists(a, at)?;
                self.set(state, a, false);
            }
            Opcode::UnpackSequence | Opcode::UnpackEx => {
                let count = match op {
                    Opcode::UnpackSequence => word.c(),
                    _ => (word.c() & 0xff) + (word.c() >> 8) + 1,
                };
                (a..a + count).try_for_each(|reg| self.define(state, reg, at))?;
            }
            Opcode::LoadMethod | Opcode::LoadSpecial | Opcode::LoadSuperMethod | Opcode::CheckExcGroup => {
                self.define(state, a, at)?;
                self.define(state, a + 1, at)?;
            }
            Opcode::PushExc => self.define(state, a + 1, at)?,
            Opcode::PopExc => {
                self.set(state, a, false);
                self.set(state, a + 1, false);
            }
            Opcode::CopyFreeVars => {}
            _ if op.info().operands[0] == "d" => self.define(state, a, at)?,
            _ => {}
        }
        Ok(())
    }
}

fn is_end(op: Opcode) -> bool {
    matches!(
        op,
        Opcode::Jump | Opcode::JumpBack | Opcode::Return | Opcode::ReturnConst | Opcode::Raise | Opcode::Reraise
    )
}

fn jump_offset(code: &Code, at: usize, op: Opcode) -> Option<i32> {
    match op {
        Opcode::CompareJump | Opcode::CompareImmJump | Opcode::ForIter | Opcode::Send => Some(code.words[at + 1].low()),
        _ if op.info().operands[1] == "j" => Some(code.words[at].bc()),
        _ => None,
    }
}
