//! The journal for who must not learn where things lie in memory: as plain data, within a bound, without machine code.

use super::{Fate, Journal, Note};
use std::collections::HashMap;

/// What was recorded.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// In order.
    pub notes: Vec<ToldNote>,
    /// Those for which there was no room.
    pub left_out: u64,
    /// How often the interpreter went on.
    pub went_on: u64,
    /// And where most often.
    pub most: Vec<(String, u64)>,
}

/// One recording.
#[derive(Debug, PartialEq, Eq)]
pub struct ToldNote {
    /// The function's name.
    pub function: String,
    /// The line on which the trace begins.
    pub line: u32,
    /// It begins where another trace was left.
    pub bridge: bool,
    /// What became of it.
    pub fate: ToldFate,
}

/// What became of a recording.
#[derive(Debug, PartialEq, Eq)]
pub enum ToldFate {
    /// Nothing: the reason, and what that means.
    GivenUp(&'static str, &'static str),
    /// Machine code.
    Compiled {
        /// The trace as it was recorded.
        recorded: String,
        /// The trace as it was compiled, and what has become part of it.
        optimized: String,
        /// How many ways lead out of it.
        exits: usize,
        /// Bytes of machine code.
        code_bytes: usize,
    },
}

impl Journal {
    /// All of it, in so many bytes of text at most.
    pub fn told(&self, most: usize) -> Told {
        let (notes, mut names) = (self.notes.lock(), Names::default());
        let (went_on, places) = self.most_left();
        let mut told = Told { went_on, left_out: notes.left_out, ..Told::default() };
        let mut room = most;
        for (place, count) in places.into_iter().take(super::SHOWN) {
            if let Some(left) = room.checked_sub(place.len()) {
                room = left;
                told.most.push((names.hide(&place), count));
            }
        }
        for note in &notes.all {
            let next = names.note(note);
            match room.checked_sub(next.bytes()) {
                Some(left) => {
                    room = left;
                    told.notes.push(next);
                }
                None => told.left_out += 1,
            }
        }
        told
    }
}

impl ToldNote {
    fn bytes(&self) -> usize {
        self.function.len()
            + match &self.fate {
                ToldFate::GivenUp(reason, why) => reason.len() + why.len(),
                ToldFate::Compiled { recorded, optimized, .. } => recorded.len() + optimized.len(),
            }
    }
}

/// Numbers that may be addresses, and what stands for each: the same for the same.
#[derive(Default)]
struct Names(HashMap<String, usize>);

/// No address of a process has fewer digits, in either base.
const DIGITS: usize = 9;

impl Names {
    fn note(&mut self, note: &Note) -> ToldNote {
        let fate = match &note.fate {
            Fate::GivenUp(abort) => ToldFate::GivenUp(abort.reason.text(), abort.reason.doc()),
            Fate::Compiled { before, variant } => {
                let executor = &variant.executor;
                let recorded = self.hide(&before.to_string());
                let mut optimized = self.hide(&executor.tree.trunk.to_string());
                for limb in &executor.tree.limbs {
                    let head = format!("\nlimb of part {} at exit {}\n", limb.parent, limb.exit.0);
                    optimized.push_str(&head);
                    optimized.push_str(&self.hide(&limb.trace.to_string()));
                }
                let (exits, code_bytes) = (executor.exits().len(), executor.code().len());
                ToldFate::Compiled { recorded, optimized, exits, code_bytes }
            }
        };
        ToldNote { function: note.function.clone(), line: note.line, bridge: note.bridge, fate }
    }

    /// The text with `#1` and so on in place of numbers that could be addresses, whatever they are: constants, too, if they
    /// are large.
    fn hide(&mut self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, number) = rest.split_at(at);
            shown.push_str(before);
            let hexadecimal = number.strip_prefix("0x");
            let digits = hexadecimal.unwrap_or(number);
            let is_digit = |c: char| if hexadecimal.is_some() { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
            let length = digits.find(|c| !is_digit(c)).unwrap_or(digits.len());
            let (number, after) = number.split_at(number.len() - digits.len() + length);
            if length < DIGITS {
                shown.push_str(number);
            } else {
                let next = self.0.len() + 1;
                let ordinal = *self.0.entry(number.to_owned()).or_insert(next);
                shown.push_str(&format!("#{ordinal}"));
            }
            rest = after;
        }
        shown.push_str(rest);
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_an_address_is_shown_as_its_ordinal() {
        let mut names = Names::default();
        let text = "guard peq %45, p:0x5859a750d90 @0:19 @318783494:1:6071380151698 w:0x0 -12345678 0x7f7c0800b200+96";
        let shown = "guard peq %45, p:#1 @0:19 @#2:1:#3 w:0x0 -12345678 #4+96";
        assert_eq!(names.hide(text), shown);
        assert_eq!(names.hide("0x7f7c0800b200 0x7f7c0800b201 ä9"), "#4 #5 ä9", "the same for the same, in all texts");
    }
}
