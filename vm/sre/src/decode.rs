//! The decoder: code words in, operations out, or an error naming the word that is wrong.
//!
//! One pass from left to right over the words with an explicit stack of open blocks, so that nesting costs heap, not
//! native stack. Each word is consumed exactly once by the block that owns it; a skip that does not end where its
//! contents end is an error, so every target of the result is the start of an operation.

mod blocks;
mod charset;

use crate::ops::{Mode, Op, RefFold, Run, Single, bound};
use crate::program::{CodeError, Program};
use crate::set::{Fold, Item, Rule, Set};
use crate::words::{Class, INFO_CHARSET, INFO_LITERAL, INFO_PREFIX, Opcode, Place};
use blocks::Block;

/// The largest number of groups, as in CPython on 64 bits.
const MAXGROUPS: usize = i32::MAX as usize / 2;

/// Operations in a row after which the budget is asked.
const POLL_EVERY: u32 = 1024;

pub(crate) fn decode(code: &[u32], groups: usize) -> Result<Program, CodeError> {
    let Some((&last, body)) = code.split_last() else {
        return Err(CodeError { at: 0, why: "no code" });
    };
    if last != Opcode::Success as u32 {
        return Err(CodeError { at: body.len(), why: "no SUCCESS at the end" });
    }
    if groups > MAXGROUPS || groups > code.len() || code.len() > i32::MAX as usize {
        return Err(CodeError { at: 0, why: "too many groups or words" });
    }
    let mut decoder = Decoder {
        code,
        pos: 0,
        blocks: vec![Block::top(body.len())],
        out: Program::empty(u32::try_from(groups).unwrap_or(0)),
        fence: 0,
        unpolled: 0,
        links: Vec::new(),
    };
    decoder.info()?;
    decoder.run()?;
    Ok(decoder.out)
}

struct Decoder<'a> {
    code: &'a [u32],
    pos: usize,
    blocks: Vec<Block>,
    out: Program,
    /// The operation before this index may not be extended: something jumps to the index.
    fence: usize,
    unpolled: u32,
    /// Branches whose last way leads to another branch.
    links: Vec<(usize, usize)>,
}

impl Decoder<'_> {
    fn error<T>(&self, why: &'static str) -> Result<T, CodeError> {
        Err(CodeError { at: self.pos, why })
    }

    fn word(&mut self) -> Result<u32, CodeError> {
        match self.code.get(self.pos) {
            Some(&word) => {
                self.pos += 1;
                Ok(word)
            }
            None => self.error("the code ends too early"),
        }
    }

    fn opcode(&mut self) -> Result<Opcode, CodeError> {
        match Opcode::from_word(self.word()?) {
            Some(op) => Ok(op),
            None => {
                self.pos -= 1;
                self.error("unknown opcode")
            }
        }
    }

    fn expect(&mut self, op: Opcode, why: &'static str) -> Result<(), CodeError> {
        if self.opcode()? == op { Ok(()) } else { self.error(why) }
    }

    /// Reads a skip; the result is the index that it leads to, inside the open block.
    fn skip(&mut self) -> Result<usize, CodeError> {
        let from = self.pos;
        let target = from.saturating_add(self.word()? as usize);
        let end = self.blocks.last().map_or(0, |block| block.end);
        if target <= from || target > end { self.error("a skip leaves its block") } else { Ok(target) }
    }

    fn emit(&mut self, op: Op) -> usize {
        self.unpolled += 1;
        if self.unpolled >= POLL_EVERY {
            self.out.code.push(Op::Poll(self.unpolled));
            self.unpolled = 0;
        }
        self.out.code.push(op);
        self.out.code.len() - 1
    }

    /// The index of the next operation, as a target.
    fn here(&mut self) -> u32 {
        self.fence = self.out.code.len();
        self.fence as u32
    }

    fn widen(&mut self, width: u64) {
        if let Some(block) = self.blocks.last_mut() {
            block.width = block.width.saturating_add(width);
        }
    }

    /// Checks the INFO block. Width and prefix are recomputed from the operations, so wrong ones cannot mislead.
    ///
    /// The set of first characters is kept, because a search of CPython obeys it even where it is wrong: in
    /// `(?a:\W)` it is that of the outer flags, `\W` of Unicode.
    fn info(&mut self) -> Result<(), CodeError> {
        if self.code.first() != Some(&(Opcode::Info as u32)) {
            return Ok(());
        }
        self.pos = 1;
        let end = self.skip()?;
        let flags = self.word()?;
        self.pos += 2;
        if flags & !(INFO_PREFIX | INFO_LITERAL | INFO_CHARSET) != 0
            || flags & (INFO_PREFIX | INFO_CHARSET) == INFO_PREFIX | INFO_CHARSET
            || flags & (INFO_PREFIX | INFO_LITERAL) == INFO_LITERAL
        {
            return self.error("contradictory INFO");
        }
        if flags & INFO_PREFIX != 0 {
            let len = self.word()? as usize;
            let overlap = self.pos.saturating_add(1).saturating_add(len);
            if self.word()? as usize > len || overlap.saturating_add(len) != end {
                return self.error("a bad prefix in INFO");
            }
            let table = self.code.get(overlap..end).unwrap_or(&[]);
            if table.iter().any(|&back| back as usize >= len) {
                return self.error("a bad overlap in INFO");
            }
            self.pos = end;
        }
        if flags & INFO_CHARSET != 0 {
            let items = self.items(end)?;
            self.out.sets.push(Set::new(Rule { items, fold: Fold::None }));
            self.out.start_set = Some(self.out.sets.len() as u32 - 1);
        }
        if self.pos != end { self.error("INFO does not fill its block") } else { Ok(()) }
    }

    fn run(&mut self) -> Result<(), CodeError> {
        while let Some(block) = self.blocks.last() {
            if self.pos > block.end {
                return self.error("an operator leaves its block");
            }
            if self.pos == block.end {
                self.close()?;
            } else {
                self.operator()?;
            }
        }
        if self.pos == self.code.len() { Ok(()) } else { self.error("words after the end") }
    }

    fn operator(&mut self) -> Result<(), CodeError> {
        let op = self.opcode()?;
        match op {
            Opcode::Failure => {
                self.emit(Op::Fail);
            }
            Opcode::At => {
                let Some(place) = Place::from_word(self.word()?) else { return self.error("unknown position") };
                self.emit(Op::At(place));
            }
            Opcode::Mark => {
                let mark = self.word()?;
                if mark >= self.out.groups.saturating_mul(2) {
                    return self.error("MARK of no group");
                }
                self.emit(Op::Mark(mark));
            }
            Opcode::GroupRef => self.backref(RefFold::None)?,
            Opcode::GroupRefIgnore | Opcode::GroupRefLocIgnore => self.backref(RefFold::Ascii)?,
            Opcode::GroupRefUniIgnore => self.backref(RefFold::Unicode)?,
            Opcode::RepeatOne => self.repeat_one(Mode::Greedy)?,
            Opcode::MinRepeatOne => self.repeat_one(Mode::Lazy)?,
            Opcode::PossessiveRepeatOne => self.repeat_one(Mode::Possessive)?,
            Opcode::Assert => self.open_assert(false)?,
            Opcode::AssertNot => self.open_assert(true)?,
            Opcode::AtomicGroup => self.open_atomic()?,
            Opcode::Branch => self.open_branch()?,
            Opcode::GroupRefExists => self.open_condition()?,
            Opcode::Jump => self.jump()?,
            Opcode::Repeat => self.open_repeat(false)?,
            Opcode::PossessiveRepeat => self.open_repeat(true)?,
            _ => match self.single(op)? {
                Some(single) => {
                    self.widen(1);
                    self.emit_single(single);
                }
                None => {
                    self.pos -= 1;
                    return self.error("an opcode that may not stand here");
                }
            },
        }
        Ok(())
    }

    fn emit_single(&mut self, single: Single) {
        let op = match single {
            Single::Literal(c) => return self.emit_literal(c),
            Single::NotLiteral(c) => Op::NotLiteral(c),
            Single::Any => Op::Any,
            Single::AnyAll => Op::AnyAll,
            Single::Set(set) => Op::Set(set),
            Single::Never => Op::Fail,
        };
        self.emit(op);
    }

    /// Appends a literal, as part of the text before it where nothing jumps between.
    fn emit_literal(&mut self, c: u32) {
        let literals = self.out.literals.len() as u32;
        if self.out.code.len() > self.fence {
            match self.out.code.last_mut() {
                Some(Op::Text { start, len }) if *start + *len == literals => {
                    *len += 1;
                    self.out.literals.push(c);
                    return;
                }
                Some(last @ Op::Literal(_)) => {
                    if let Op::Literal(before) = *last {
                        *last = Op::Text { start: literals, len: 2 };
                        self.out.literals.extend([before, c]);
                    }
                    return;
                }
                _ => {}
            }
        }
        self.emit(Op::Literal(c));
    }

    fn backref(&mut self, fold: RefFold) -> Result<(), CodeError> {
        let group = self.word()?;
        if group >= self.out.groups {
            return self.error("a reference to no group");
        }
        self.out.refers_to_groups = true;
        self.emit(Op::Backref { group, fold });
        Ok(())
    }

    fn repeat_one(&mut self, mode: Mode) -> Result<(), CodeError> {
        let tail = self.skip()?;
        let (min, max) = self.bounds()?;
        let op = self.opcode()?;
        let single = match op {
            Opcode::Failure => Some(Single::Never),
            _ => self.single(op)?,
        };
        let Some(single) = single else { return self.error("a run of something longer than one character") };
        self.expect(Opcode::Success, "no SUCCESS after a run")?;
        if self.pos != tail {
            return self.error("a run does not fill its block");
        }
        self.widen(u64::from(min));
        let run = self.out.runs.len() as u32;
        let next = crate::ops::First::ALL;
        self.out.runs.push(Run { single, min: min as usize, max: bound(max), mode, next });
        self.emit(Op::Run(run));
        Ok(())
    }

    fn bounds(&mut self) -> Result<(u32, u32), CodeError> {
        let (min, max) = (self.word()?, self.word()?);
        if min > max { self.error("a repeat with min above max") } else { Ok((min, max)) }
    }

    /// The operand of a single-character operator, or None where `op` is none.
    fn single(&mut self, op: Opcode) -> Result<Option<Single>, CodeError> {
        let (fold, negate) = match op {
            Opcode::Any => return Ok(Some(Single::Any)),
            Opcode::AnyAll => return Ok(Some(Single::AnyAll)),
            Opcode::Literal => return Ok(Some(Single::Literal(self.word()?))),
            Opcode::NotLiteral => return Ok(Some(Single::NotLiteral(self.word()?))),
            Opcode::Category => {
                let items = vec![Item::Class(self.class()?)];
                return Ok(Some(self.set(Rule { items, fold: Fold::None })));
            }
            Opcode::In => return self.charset(Fold::None),
            Opcode::InIgnore => return self.charset(Fold::Ascii),
            Opcode::InUniIgnore => return self.charset(Fold::Unicode),
            Opcode::InLocIgnore => return self.charset(Fold::Locale),
            Opcode::LiteralIgnore => (Fold::Ascii, false),
            Opcode::NotLiteralIgnore => (Fold::Ascii, true),
            Opcode::LiteralUniIgnore => (Fold::Unicode, false),
            Opcode::NotLiteralUniIgnore => (Fold::Unicode, true),
            Opcode::LiteralLocIgnore => (Fold::LocaleLiteral, false),
            Opcode::NotLiteralLocIgnore => (Fold::NotLocaleLiteral, false),
            _ => return Ok(None),
        };
        let literal = Item::Literal(self.word()?);
        let items = if negate { vec![Item::Negate, literal] } else { vec![literal] };
        Ok(Some(self.set(Rule { items, fold })))
    }

    fn set(&mut self, rule: Rule) -> Single {
        self.out.sets.push(Set::new(rule));
        Single::Set(self.out.sets.len() as u32 - 1)
    }

    fn class(&mut self) -> Result<Class, CodeError> {
        match Class::from_word(self.word()?) {
            Some(class) => Ok(class),
            None => self.error("unknown category"),
        }
    }
}
