//! An abstract memory for the interpreter: what is not mapped cannot be touched, and objects are counted.

use crate::arg::Const;
use crate::helper::Helper;
use crate::op::Width;
use crate::run::{Heap, Trap, World};
use crate::word::{COUNT_OFFSET, FLOAT_OFFSET, HEADER_SIZE, SHAPE_OFFSET, Word};
use std::collections::{BTreeMap, BTreeSet};

/// The shape id of floats here.
pub const FLOAT_SHAPE: u32 = 1;
/// The shape id of ints that fit no word here.
pub const LONG_SHAPE: u32 = 2;

/// Words by address, and what was allocated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    words: BTreeMap<u64, u64>,
    /// Sizes of objects by address.
    objects: BTreeMap<u64, u32>,
    next: u64,
    /// How many more objects there is room for; `None`: any number.
    pub room: Option<usize>,
    /// How often a poll says yes; `None`: always.
    pub polls: Option<usize>,
}

impl Memory {
    /// Memory in which objects are made from address `first` on.
    pub fn new(first: u64) -> Self {
        Self { next: first, ..Self::default() }
    }

    /// Maps words from `at` on.
    pub fn map(&mut self, at: u64, words: &[u64]) {
        for (i, word) in words.iter().enumerate() {
            self.words.insert(at + 8 * i as u64, *word);
        }
    }

    /// A word, if it is mapped.
    pub fn word(&self, at: u64) -> Option<u64> {
        self.words.get(&at).copied()
    }

    /// Every mapped word by its address.
    pub fn words(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.words.iter().map(|(at, word)| (*at, *word))
    }

    /// A new object.
    pub fn object(&mut self, shape: u32, size: u32, fields: &[u64]) -> Word {
        let at = self.next;
        self.next += u64::from(size.next_multiple_of(16));
        self.map(at, &vec![0; size.div_ceil(8) as usize]);
        self.map(at, &[1 | u64::from(shape) << 32, 1]);
        self.map(at + HEADER_SIZE as u64, fields);
        self.objects.insert(at, size);
        Word(at)
    }

    /// Everything that `roots` and mapped memory outside of objects lead to, with objects numbered in the order in which they
    /// are found: equal for two memories that differ by addresses only. What nobody refers to is not in it. A number's object
    /// is its value: how many objects have it is nobody's business. Beside it, how many objects were found.
    pub fn picture(&self, roots: &[u64]) -> (Vec<(u64, Vec<u64>)>, usize) {
        let outside = self.words.iter().filter(|(at, _)| self.object_of(**at).is_none());
        let outside: Vec<(u64, u64)> = outside.map(|(at, word)| (*at, *word)).collect();
        let (mut found, mut numbers, mut payloads) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        let mut number = |word: u64, found: &mut Vec<u64>| {
            if !self.objects.contains_key(&word) {
                return word;
            }
            if let Some(payload) = self.number(word) {
                payloads.insert(word);
                return payload;
            }
            *numbers.entry(word).or_insert_with(|| {
                found.push(word);
                u64::MAX - found.len() as u64
            })
        };
        let mut picture = vec![(0, roots.iter().map(|word| number(*word, &mut found)).collect())];
        picture.extend(outside.into_iter().map(|(at, word)| (at, vec![number(word, &mut found)])));
        let mut next = 0;
        while let Some(at) = found.get(next).copied() {
            next += 1;
            let words = self.words.range(at..at + u64::from(self.objects[&at]));
            let words: Vec<u64> = words.map(|(_, word)| *word).collect();
            picture.push((u64::MAX - next as u64, words.into_iter().map(|word| number(word, &mut found)).collect()));
        }
        (picture, found.len() + payloads.len())
    }

    /// How many objects there are.
    pub fn population(&self) -> usize {
        self.objects.len()
    }

    /// The payload of a number's object, told apart from words by its class.
    fn number(&self, at: u64) -> Option<u64> {
        let shape = self.word(at)? >> 32;
        let is = shape == u64::from(FLOAT_SHAPE) || shape == u64::from(LONG_SHAPE);
        self.word(at + HEADER_SIZE as u64).filter(|_| is).map(|payload| payload.rotate_left(shape as u32) ^ shape << 60)
    }

    fn object_of(&self, at: u64) -> Option<u64> {
        let (start, size) = self.objects.range(..=at).next_back()?;
        (at < start + u64::from(*size)).then_some(*start)
    }

    fn alloc(&mut self, shape: u32, size: u32) -> Word {
        match &mut self.room {
            Some(0) => return Word::ABSENT,
            Some(room) => *room -= 1,
            None => {}
        }
        self.object(shape, size, &[])
    }

    /// Frees an object without references and gives up what it refers to.
    fn bury(&mut self, at: u64) -> Result<(), Trap> {
        let Some(size) = self.objects.remove(&at) else { return Err(Trap::Memory(at)) };
        let shape = self.load(at + SHAPE_OFFSET as u64, Width::Half)?;
        let mut held = Vec::new();
        for place in (at..at + u64::from(size)).step_by(8) {
            let word = self.words.remove(&place).unwrap_or_default();
            if place >= at + HEADER_SIZE as u64 && u64::from(FLOAT_SHAPE) != shape && u64::from(LONG_SHAPE) != shape {
                held.push(Word(word));
            }
        }
        held.into_iter().try_for_each(|word| self.release(word))
    }

    fn count(&mut self, word: Word, by: i64) -> Result<i64, Trap> {
        let at = word.0 + COUNT_OFFSET as u64;
        let count = self.load(at, Width::Half)? as i64 + by;
        self.store(at, Width::Half, count as u64)?;
        Ok(count)
    }

    /// One reference less.
    pub fn release(&mut self, word: Word) -> Result<(), Trap> {
        if word.is_obj() && self.count(word, -1)? == 0 { self.bury(word.0) } else { Ok(()) }
    }
}

impl World for Memory {
    fn load(&mut self, at: u64, width: Width) -> Result<u64, Trap> {
        let word = *self.words.get(&(at & !7)).ok_or(Trap::Memory(at))?;
        match width {
            Width::Word if at & 7 == 0 => Ok(word),
            Width::Half if at & 3 == 0 => Ok(word >> (8 * (at & 7)) & 0xffff_ffff),
            Width::Byte => Ok(word >> (8 * (at & 7)) & 0xff),
            _ => Err(Trap::Memory(at)),
        }
    }

    fn store(&mut self, at: u64, width: Width, bits: u64) -> Result<(), Trap> {
        let word = self.words.get_mut(&(at & !7)).ok_or(Trap::Memory(at))?;
        match width {
            Width::Word if at & 7 == 0 => *word = bits,
            Width::Half if at & 3 == 0 => {
                let shift = 8 * (at & 7);
                *word = *word & !(0xffff_ffff << shift) | (bits & 0xffff_ffff) << shift;
            }
            Width::Byte => {
                let shift = 8 * (at & 7);
                *word = *word & !(0xff << shift) | (bits & 0xff) << shift;
            }
            _ => return Err(Trap::Memory(at)),
        }
        Ok(())
    }

    fn is_float_shape(&self, shape: u64) -> bool {
        shape == u64::from(FLOAT_SHAPE)
    }

    fn call(&mut self, helper: Helper, args: &[Const]) -> Result<u64, Trap> {
        let bits = |i: usize| args.get(i).map_or(0, |c| c.bits());
        let flt = |i: usize| f64::from_bits(bits(i));
        Ok(match helper {
            Helper::Alloc => self.alloc(bits(1) as u32, bits(2) as u32).0,
            Helper::Float => {
                let word = self.alloc(FLOAT_SHAPE, FLOAT_OFFSET as u32 + 8);
                if word != Word::ABSENT {
                    self.store(word.0 + FLOAT_OFFSET as u64, Width::Word, bits(1))?;
                }
                word.0
            }
            Helper::Retain => self.retain(Word(bits(0))).map(|()| 0)?,
            Helper::Release | Helper::End => self.release(Word(bits(0))).map(|()| 0)?,
            // No code runs here at all.
            Helper::Quiet => 1,
            // There is no VM here.
            Helper::RetainAll
            | Helper::Step
            | Helper::Push
            | Helper::Pop
            | Helper::Suspend
            | Helper::MayEnd
            | Helper::EndTurn
            | Helper::Generator
            | Helper::MayReturn
            | Helper::Return
            | Helper::Instance
            | Helper::Native
            | Helper::Make
            | Helper::Build
            | Helper::ListPush
            | Helper::ListPushOwn
            | Helper::Len
            | Helper::Truth
            | Helper::Member
            | Helper::Equal
            | Helper::Order
            | Helper::Binary
            | Helper::DictGet
            | Helper::DictPut
            | Helper::SetAdd
            | Helper::StrItem
            | Helper::Part
            | Helper::Item
            | Helper::Stride
            | Helper::PutItem
            | Helper::AttrPut
            | Helper::ListPut
            | Helper::CellPut
            | Helper::SetPart
            | Helper::Iter
            | Helper::Next => return Err(Trap::Memory(bits(0))),
            Helper::Poll => {
                let yes = self.polls != Some(0);
                self.polls = self.polls.map(|n| n.saturating_sub(1));
                u64::from(yes)
            }
            Helper::FloatMod => {
                let (a, b) = (flt(0), flt(1));
                let r = a % b;
                (if r != 0.0 && (r < 0.0) != (b < 0.0) { r + b } else { r }).to_bits()
            }
            Helper::FloatFloorDiv => (flt(0) / flt(1)).floor().to_bits(),
            Helper::FloatPow => flt(0).powf(flt(1)).to_bits(),
        })
    }
}

impl Heap for Memory {
    type Error = Trap;

    fn make(&mut self, shape: u32, size: u32, refs: u32) -> Result<Word, Trap> {
        let word = self.object(shape, size, &[]);
        self.store(word.0 + COUNT_OFFSET as u64, Width::Half, u64::from(refs))?;
        Ok(word)
    }

    fn fill(&mut self, object: Word, offset: i32, bits: u64) -> Result<(), Trap> {
        self.store(object.0.wrapping_add_signed(i64::from(offset)), Width::Word, bits)
    }

    fn float(&mut self, x: f64) -> Result<Word, Trap> {
        Ok(self.object(FLOAT_SHAPE, FLOAT_OFFSET as u32 + 8, &[x.to_bits()]))
    }

    fn long(&mut self, i: i64) -> Result<Word, Trap> {
        Ok(self.object(LONG_SHAPE, HEADER_SIZE as u32 + 8, &[i as u64]))
    }

    fn retain(&mut self, word: Word) -> Result<(), Trap> {
        if word.is_obj() { self.count(word, 1).map(|_| ()) } else { Ok(()) }
    }
}
