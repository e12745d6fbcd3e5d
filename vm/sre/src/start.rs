//! The start: where a search need look at all.

use memchr::memmem::Finder;

use crate::analyze;
use crate::ops::{First, Op, Pc, Single};
use crate::program::Program;
use crate::set::Set;
use crate::words::Place;

/// How a search finds its next candidate.
#[derive(Debug)]
pub(crate) enum Start {
    Anywhere,
    /// Only the beginning of the subject.
    Beginning,
    /// Only beginnings of lines.
    Line,
    /// Where this text stands; `whole` if that is the whole pattern.
    Text {
        text: Vec<u32>,
        finder: Option<Box<Finder<'static>>>,
        whole: bool,
    },
    /// Where one of these bytes stands: one, two or three of them, the last one repeated.
    Bytes {
        bytes: [u8; 3],
        count: usize,
    },
    /// Where one of these characters stands.
    Chars(Box<Chars>),
}

#[derive(Debug)]
pub(crate) struct Chars {
    pub(crate) low: [bool; 256],
    pub(crate) high: bool,
    /// The set that must have a character of 256 or more, too.
    pub(crate) set: Option<u32>,
    pub(crate) opening: Option<Box<Opening>>,
}

/// Which of at most eight ways can have which byte at each of their first places: a match can begin only where one way
/// has all of them.
pub(crate) type Opening = [[u8; 256]; OPENING_LEN];

pub(crate) const OPENING_LEN: usize = 3;

pub(crate) fn choose(program: &Program, first: First) -> Start {
    let mut code = program.code.iter().filter(|op| !matches!(op, Op::Mark(_) | Op::Nop));
    match code.next() {
        Some(Op::At(Place::Beginning | Place::BeginningString)) => return Start::Beginning,
        Some(Op::At(Place::BeginningLine)) => return Start::Line,
        Some(&Op::Literal(c)) => return text(program, vec![c]),
        Some(&Op::Text { start, len }) => return text(program, program.text(start, len).to_vec()),
        _ => {}
    }
    let set = program.start_set.and_then(|set| program.sets.get(set as usize));
    if set.is_none() && (first.at_end || (first.high && first.low == [u64::MAX; 4])) {
        return Start::Anywhere;
    }
    let high = first.high && set.is_none_or(Set::may_be_high);
    let mut first = first;
    if let Some(set) = set {
        first.low.iter_mut().zip(&set.low).for_each(|(word, mask)| *word &= mask);
    }
    let mut low = [false; 256];
    let mut bytes = [0; 3];
    let mut count = 0;
    for c in first.each_low() {
        low[usize::from(c)] = true;
        if let Some(byte) = bytes.get_mut(count) {
            *byte = c;
        }
        count += 1;
    }
    let opening = opening(program, set);
    match (count, high) {
        (1..=3, false) if count == 1 || opening.is_none() => Start::Bytes { bytes, count },
        _ => Start::Chars(Box::new(Chars { low, high, set: program.start_set, opening })),
    }
}

fn text(program: &Program, text: Vec<u32>) -> Start {
    let whole = matches!(program.code[..], [Op::Literal(_) | Op::Text { .. }, Op::Match]);
    let bytes: Option<Vec<u8>> = text.iter().map(|&c| u8::try_from(c).ok()).collect();
    let finder = match bytes {
        Some(bytes) if bytes.len() > 1 => Some(Box::new(Finder::new(&bytes).into_owned())),
        _ => None,
    };
    Start::Text { text, finder, whole }
}

fn opening(program: &Program, set: Option<&Set>) -> Option<Box<Opening>> {
    if program.width_min < OPENING_LEN {
        return None;
    }
    let first = program.code.iter().find(|op| !matches!(op, Op::Mark(_)));
    let ways = match first {
        Some(&Op::Branch(branch)) => program.branches.get(branch as usize)?.ways.as_slice(),
        _ => &[0],
    };
    if ways.len() > 8 {
        return None;
    }
    let mut opening = Box::new([[0; 256]; OPENING_LEN]);
    for (way, &pc) in ways.iter().enumerate() {
        let places = way_opening(program, pc);
        for (masks, place) in opening.iter_mut().zip(&places) {
            if place.low == [u64::MAX; 4] {
                masks.iter_mut().for_each(|mask| *mask |= 1 << way);
                continue;
            }
            for c in place.each_low() {
                masks[usize::from(c)] |= 1 << way;
            }
        }
    }
    if let Some(set) = set {
        for (mask, has) in opening[0].iter_mut().zip(set.table.iter()) {
            *mask &= if *has { u8::MAX } else { 0 };
        }
    }
    Some(opening)
}

/// What a way has at its first places, as far as that is simple.
fn way_opening(program: &Program, pc: Pc) -> [First; OPENING_LEN] {
    let mut places = [First::ALL, First::ALL, First::ALL];
    let mut place = 0;
    let mut code = program.code.iter().skip(pc as usize);
    while place < OPENING_LEN {
        match code.next() {
            Some(Op::Mark(_)) => continue,
            Some(&Op::Text { start, len }) => {
                for (slot, &c) in places.iter_mut().skip(place).zip(program.text(start, len)) {
                    *slot = First::NONE;
                    slot.add(c);
                }
                place += len as usize;
            }
            Some(op) => {
                let single = match *op {
                    Op::Literal(c) => Single::Literal(c),
                    Op::NotLiteral(c) => Single::NotLiteral(c),
                    Op::Any => Single::Any,
                    Op::Set(set) => Single::Set(set),
                    _ => break,
                };
                if let Some(slot) = places.get_mut(place) {
                    *slot = First::NONE;
                    analyze::add_single(program, single, slot);
                }
                place += 1;
            }
            None => break,
        }
    }
    places
}
