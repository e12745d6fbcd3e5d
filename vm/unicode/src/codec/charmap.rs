//! The `charmap` codec with string tables, which the single-byte encodings of `encodings` use.

use std::collections::BTreeMap;

use super::{Outcome, Sink, Unit, error, rest};

/// Bytes per unit at most.
pub const MAX_EXPANSION: usize = 1;

/// What a decoding table holds for a byte that has no character.
pub const UNDEFINED: u32 = 0xFFFE;

const REASON: &str = "character maps to <undefined>";

/// Decodes with a table: byte `b` becomes `table[b]`.
pub fn decode<U: Unit>(input: &[u8], from: usize, table: &[U], sink: &mut impl Sink) -> Outcome<usize> {
    let tail = rest(input, from);
    sink.reserve(tail.len());
    for (i, &byte) in tail.iter().enumerate() {
        match table.get(usize::from(byte)).map(|unit| unit.point()) {
            None | Some(UNDEFINED) => return error(from + i, from + i + 1, REASON),
            Some(c) => sink.push(c),
        }
    }
    Ok(from + tail.len())
}

/// The inverse of a decoding table (`codecs.charmap_build`).
#[derive(Clone, Debug)]
pub struct EncodeMap {
    /// Direct answers for latin-1.
    low: [Option<u8>; 256],
    /// The others, sorted.
    high: Vec<(u32, u8)>,
}

impl EncodeMap {
    /// Inverts the first 256 entries of `table`; where a character occurs twice, the later byte wins. `None` when
    /// CPython would build a dict instead: U+0000 is not byte 0 alone, or a character is beyond U+FFFF.
    pub fn new<U: Unit>(table: &[U]) -> Option<Self> {
        let mut low = [None; 256];
        let mut high = BTreeMap::new();
        for (byte, unit) in (0..=255).zip(table) {
            let c = unit.point();
            if (c == 0) != (byte == 0) || c > 0xFFFF {
                return None;
            }
            match low.get_mut(c as usize) {
                Some(slot) => *slot = Some(byte),
                None if c == UNDEFINED => {}
                None => drop(high.insert(c, byte)),
            }
        }
        (!table.is_empty()).then(|| Self { low, high: high.into_iter().collect() })
    }

    /// The byte for a character.
    pub fn get(&self, c: u32) -> Option<u8> {
        match self.low.get(c as usize) {
            Some(&byte) => byte,
            None => self.high.binary_search_by_key(&c, |entry| entry.0).ok().map(|i| self.high[i].1),
        }
    }
}

/// Encodes with a map; an error covers a whole run of characters without a byte.
pub fn encode<U: Unit>(s: &[U], from: usize, map: &EncodeMap, out: &mut Vec<u8>) -> Outcome<()> {
    let tail = rest(s, from);
    for (i, unit) in tail.iter().enumerate() {
        match map.get(unit.point()) {
            Some(byte) => out.push(byte),
            None => {
                let run = tail[i..].iter().take_while(|unit| map.get(unit.point()).is_none()).count();
                return error(from + i, from + i + run, REASON);
            }
        }
    }
    Ok(())
}
