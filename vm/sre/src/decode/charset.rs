//! Character sets: the words between IN and FAILURE.

use super::Decoder;
use crate::ops::Single;
use crate::program::CodeError;
use crate::set::{Big, Fold, Item, Rule};
use crate::words::Opcode;

impl Decoder<'_> {
    pub(super) fn charset(&mut self, fold: Fold) -> Result<Option<Single>, CodeError> {
        let end = self.skip()?;
        let items = self.items(end)?;
        Ok(Some(self.set(Rule { items, fold })))
    }

    /// The items of a set, whose FAILURE stands just before `end`.
    pub(super) fn items(&mut self, end: usize) -> Result<Vec<Item>, CodeError> {
        let mut items = Vec::new();
        loop {
            let item = match self.opcode()? {
                Opcode::Failure => break,
                Opcode::Negate => Item::Negate,
                Opcode::Literal => Item::Literal(self.word()?),
                Opcode::Range => Item::Range(self.word()?, self.word()?),
                Opcode::RangeUniIgnore => Item::RangeUniIgnore(self.word()?, self.word()?),
                Opcode::Category => Item::Class(self.class()?),
                Opcode::Charset => Item::Bits(self.bits()?),
                Opcode::BigCharset => self.big()?,
                _ => {
                    self.pos -= 1;
                    return self.error("an opcode that may not stand in a set");
                }
            };
            items.push(item);
            if self.pos >= end {
                return self.error("a set without FAILURE");
            }
        }
        if self.pos == end { Ok(items) } else { self.error("a set does not fill its block") }
    }

    fn bits(&mut self) -> Result<[u32; 8], CodeError> {
        let mut bits = [0; 8];
        for word in &mut bits {
            *word = self.word()?;
        }
        Ok(bits)
    }

    fn big(&mut self) -> Result<Item, CodeError> {
        let count = self.word()? as usize;
        if count > 256 {
            return self.error("a set with too many blocks");
        }
        let mut blocks = [0; 256];
        for four in blocks.chunks_exact_mut(4) {
            four.copy_from_slice(&self.word()?.to_le_bytes());
        }
        if blocks.iter().any(|&block| usize::from(block) >= count) {
            return self.error("a set with a missing block");
        }
        let mut bits = Vec::with_capacity(count);
        for _ in 0..count {
            bits.push(self.bits()?);
        }
        Ok(Item::Big(Box::new(Big { blocks, bits })))
    }
}
