//! Scanning: how far a single-character operator reaches, and where a search may begin.

use crate::budget::MatchError;
use crate::ops::{First, FirstKind, Single};
use crate::run::Machine;
use crate::set::Set;
use crate::start::{Chars, OPENING_LEN, Opening, Start};
use crate::subject::Unit;

/// Characters scanned between two looks at the budget, and what a step buys.
const CHUNK: usize = 16 * 1024;
const CHARS_PER_STEP: usize = 8;

impl<C: Unit> Machine<'_, C> {
    /// Charges a scan over `chars` characters.
    #[inline]
    pub(crate) fn spend_scan(&mut self, chars: usize) -> Result<(), MatchError> {
        self.spend((chars / CHARS_PER_STEP) as u32 + 1)
    }

    /// Whether the operator takes the character at `pos`.
    #[inline]
    pub(crate) fn takes(&self, single: Single, pos: usize) -> bool {
        let Some(&unit) = self.text.get(pos) else { return false };
        let c = unit.to_u32();
        match single {
            Single::Literal(literal) => c == literal,
            Single::NotLiteral(literal) => c != literal,
            Single::Any => c != 10,
            Single::AnyAll => true,
            Single::Set(set) => self.program.sets.get(set as usize).is_some_and(|set| has(set, unit)),
            Single::Never => false,
        }
    }

    /// Where a run of the operator that starts at `pos` ends, after at most `max` characters.
    #[inline]
    pub(crate) fn run_end(&mut self, single: Single, pos: usize, max: usize) -> Result<usize, MatchError> {
        let end = self.text.len().min(pos.saturating_add(max));
        if end - pos <= CHUNK {
            let stop = self.run_end_in(single, pos, end);
            self.spend_scan(stop - pos)?;
            return Ok(stop);
        }
        let mut from = pos;
        while from < end {
            let to = end.min(from + CHUNK);
            let stop = self.run_end_in(single, from, to);
            self.spend_scan(stop - from)?;
            if stop < to {
                return Ok(stop);
            }
            from = to;
        }
        Ok(end)
    }

    #[inline]
    fn run_end_in(&self, single: Single, from: usize, to: usize) -> usize {
        let Some(text) = self.text.get(from..to) else { return from };
        let len = match single {
            Single::AnyAll => None,
            Single::Any => C::find(text, 10),
            Single::NotLiteral(c) => C::find(text, c),
            Single::Literal(c) => text.iter().position(|unit| unit.to_u32() != c),
            Single::Set(set) => match self.program.sets.get(set as usize) {
                Some(set) => text.iter().position(|&unit| !has(set, unit)),
                None => Some(0),
            },
            Single::Never => Some(0),
        };
        from + len.unwrap_or(text.len())
    }

    /// Whether `first` admits what stands at `pos`.
    #[inline]
    pub(crate) fn admits(&self, first: &First, pos: usize) -> bool {
        match first.kind {
            FirstKind::All => true,
            FirstKind::Only(c) => self.text.get(pos).is_some_and(|unit| unit.to_u32() == c),
            FirstKind::Some => first.admits(self.text.get(pos).map(|unit| unit.to_u32())),
        }
    }

    /// The last place in `low..=high` that `first` admits.
    #[inline]
    pub(crate) fn last_admitted(
        &mut self,
        first: &First,
        low: usize,
        high: usize,
    ) -> Result<Option<usize>, MatchError> {
        if self.admits(first, high) {
            return Ok(Some(high));
        }
        let mut high = high;
        while high > low {
            let from = high.saturating_sub(CHUNK).max(low);
            let Some(text) = self.text.get(from..high) else { return Ok(None) };
            let found = match first.kind {
                FirstKind::Only(c) => C::rfind(text, c),
                _ => text.iter().rposition(|unit| first.admits(Some(unit.to_u32()))),
            };
            self.spend_scan(high - from - found.unwrap_or(0))?;
            if let Some(index) = found {
                return Ok(Some(from + index));
            }
            high = from;
        }
        Ok(None)
    }

    /// The first place in `low..=high` that `first` admits and a run of the operator from `low` reaches.
    #[inline]
    pub(crate) fn first_admitted(
        &mut self,
        single: Single,
        first: &First,
        low: usize,
        high: usize,
    ) -> Result<Option<usize>, MatchError> {
        let mut at = low;
        loop {
            let chunk_end = high.min(at + CHUNK);
            let begin = at;
            if let (FirstKind::Only(c), Single::Any | Single::AnyAll) = (first.kind, single) {
                let Some(text) = self.text.get(at..chunk_end) else { return Ok(None) };
                let line_feed = if matches!(single, Single::Any) { 10 } else { c };
                at += C::find_either(text, c, line_feed).unwrap_or(text.len());
            }
            loop {
                if self.admits(first, at) {
                    self.spend_scan(at - begin)?;
                    return Ok(Some(at));
                }
                if at >= high || !self.takes(single, at) {
                    self.spend_scan(at - begin)?;
                    return Ok(None);
                }
                at += 1;
                if at >= chunk_end {
                    break;
                }
            }
            self.spend_scan(at - begin)?;
        }
    }

    /// The first place in `from..=last` where the pattern may begin.
    #[inline]
    pub(crate) fn candidate(&mut self, from: usize, last: usize) -> Result<Option<usize>, MatchError> {
        let program = self.program;
        match &program.start {
            Start::Anywhere => Ok((from <= last).then_some(from)),
            Start::Beginning => Ok((from == 0).then_some(0)),
            Start::Line => {
                if from == 0 || self.text.get(from - 1).is_some_and(|unit| unit.to_u32() == 10) {
                    return Ok((from <= last).then_some(from));
                }
                let found = self.find_by(from, last, |text| C::find(text, 10))?;
                Ok(found.map(|feed| feed + 1).filter(|&at| at <= last))
            }
            Start::Text { text, finder, .. } => self.find_text(text, finder.as_deref(), from, last),
            Start::Bytes { bytes, count } => self.find_by(from, last + 1, |text| find_bytes(text, *bytes, *count)),
            Start::Chars(chars) => {
                if let (Some(opening), Some(bytes)) = (&chars.opening, C::as_bytes(self.text)) {
                    return self.find_opening(bytes, opening, from, last);
                }
                let set = chars.set.and_then(|set| program.sets.get(set as usize));
                self.find_by(from, last + 1, |text| text.iter().position(|&unit| starts(chars, set, unit)))
            }
        }
    }

    /// Searches `from..to` in chunks.
    #[inline]
    fn find_by(
        &mut self,
        from: usize,
        to: usize,
        find: impl Fn(&[C]) -> Option<usize>,
    ) -> Result<Option<usize>, MatchError> {
        let to = to.min(self.text.len());
        let mut from = from;
        while from < to {
            let Some(text) = self.text.get(from..to.min(from + CHUNK)) else { return Ok(None) };
            let found = find(text);
            let len = text.len();
            self.spend_scan(found.unwrap_or(len))?;
            if let Some(index) = found {
                return Ok(Some(from + index));
            }
            from += len;
        }
        Ok(None)
    }

    fn find_opening(
        &mut self,
        bytes: &[u8],
        opening: &Opening,
        from: usize,
        last: usize,
    ) -> Result<Option<usize>, MatchError> {
        let mut from = from;
        while from <= last {
            let to = (last + 1).min(from + CHUNK);
            let Some(text) = bytes.get(from..to + OPENING_LEN - 1) else { return Ok(None) };
            let found = text.windows(OPENING_LEN).position(|window| match *window {
                [a, b, c] => opening[0][usize::from(a)] & opening[1][usize::from(b)] & opening[2][usize::from(c)] != 0,
                _ => false,
            });
            self.spend_scan(found.unwrap_or(to - from))?;
            if let Some(index) = found {
                return Ok(Some(from + index));
            }
            from = to;
        }
        Ok(None)
    }

    fn find_text(
        &mut self,
        wanted: &[u32],
        finder: Option<&memchr::memmem::Finder<'static>>,
        from: usize,
        last: usize,
    ) -> Result<Option<usize>, MatchError> {
        let Some((&head, rest)) = wanted.split_first() else { return Ok(None) };
        let mut from = from;
        if let (Some(finder), Some(bytes)) = (finder, C::as_bytes(self.text)) {
            while from <= last {
                let to = bytes.len().min(last + wanted.len()).min(from + CHUNK + rest.len());
                let found = bytes.get(from..to).and_then(|text| finder.find(text));
                self.spend_scan(found.unwrap_or(to.saturating_sub(from)))?;
                if let Some(index) = found {
                    return Ok(Some(from + index));
                }
                from += CHUNK;
            }
            return Ok(None);
        }
        while let Some(at) = self.find_by(from, last + 1, |text| C::find(text, head))? {
            let tail = self.text.get(at + 1..).unwrap_or(&[]);
            if tail.len() >= rest.len() && tail.iter().zip(rest).all(|(unit, &c)| unit.to_u32() == c) {
                return Ok(Some(at));
            }
            from = at + 1;
        }
        Ok(None)
    }
}

#[inline]
pub(crate) fn has<C: Unit>(set: &Set, unit: C) -> bool {
    let c = unit.to_u32();
    match set.table.get(c as usize) {
        Some(&answer) => answer,
        None => !C::NARROW && set.accepts_high(c),
    }
}

#[inline]
fn starts<C: Unit>(chars: &Chars, set: Option<&Set>, unit: C) -> bool {
    let c = unit.to_u32();
    match chars.low.get(c as usize) {
        Some(&answer) => answer,
        None => !C::NARROW && chars.high && set.is_none_or(|set| set.accepts_high(c)),
    }
}

fn find_bytes<C: Unit>(text: &[C], [a, b, c]: [u8; 3], count: usize) -> Option<usize> {
    match (C::as_bytes(text), count) {
        (Some(text), 1) => memchr::memchr(a, text),
        (Some(text), 2) => memchr::memchr2(a, b, text),
        (Some(text), _) => memchr::memchr3(a, b, c, text),
        (None, 1) => C::find(text, u32::from(a)),
        (None, 2) => C::find_either(text, u32::from(a), u32::from(b)),
        (None, _) => text.iter().position(|unit| [a, b, c].map(u32::from).contains(&unit.to_u32())),
    }
}
