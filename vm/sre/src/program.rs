//! The program: a checked and translated pattern.

use std::fmt;

use crate::analyze;
use crate::decode;
use crate::ops::{Branch, Op, Repeat, Run, Single, Split};
use crate::set::Set;
use crate::start::Start;
use crate::ucd;

/// A pattern ready to run. It is immutable: any number of matchers may share it.
#[derive(Debug)]
pub struct Program {
    pub(crate) code: Vec<Op>,
    pub(crate) literals: Vec<u32>,
    pub(crate) sets: Vec<Set>,
    pub(crate) singles: Vec<Single>,
    pub(crate) runs: Vec<Run>,
    pub(crate) repeats: Vec<Repeat>,
    pub(crate) splits: Vec<Split>,
    pub(crate) branches: Vec<Branch>,
    pub(crate) groups: u32,
    pub(crate) slots: usize,
    pub(crate) width_min: usize,
    pub(crate) refers_to_groups: bool,
    /// The set of the INFO block.
    pub(crate) start_set: Option<u32>,
    pub(crate) start: Start,
    pub(crate) words: &'static [bool; 256],
}

/// Why code words are not a program. Python says `RuntimeError: invalid SRE code` to each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeError {
    /// The index of the word at fault.
    pub at: usize,
    pub why: &'static str,
}

impl fmt::Display for CodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid SRE code: {} at word {}", self.why, self.at)
    }
}

impl std::error::Error for CodeError {}

impl Program {
    /// Checks and translates the words that `re._compiler` made for a pattern with `groups` groups.
    pub fn new(code: &[u32], groups: usize) -> Result<Self, CodeError> {
        let mut program = decode::decode(code, groups)?;
        analyze::analyze(&mut program);
        Ok(program)
    }

    pub(crate) fn empty(groups: u32) -> Self {
        Self {
            code: Vec::new(),
            literals: Vec::new(),
            sets: Vec::new(),
            singles: Vec::new(),
            runs: Vec::new(),
            repeats: Vec::new(),
            splits: Vec::new(),
            branches: Vec::new(),
            groups,
            slots: groups as usize * 2,
            width_min: 0,
            refers_to_groups: false,
            start_set: None,
            start: Start::Anywhere,
            words: ucd::latin_words(),
        }
    }

    /// The number of groups, without the whole match.
    pub fn groups(&self) -> usize {
        self.groups as usize
    }

    /// About how much memory the program holds.
    pub fn size_bytes(&self) -> usize {
        size_of::<Self>()
            + self.code.len() * size_of::<Op>()
            + self.literals.len() * 4
            + self.sets.iter().map(|set| size_of::<Set>() + set.size_bytes()).sum::<usize>()
            + self.singles.len() * size_of::<Single>()
            + self.runs.len() * size_of::<Run>()
            + self.repeats.len() * size_of::<Repeat>()
            + self.splits.len() * size_of::<Split>()
            + self.branches.iter().map(Branch::size_bytes).sum::<usize>()
    }

    pub(crate) fn text(&self, start: u32, len: u32) -> &[u32] {
        let start = start as usize;
        self.literals.get(start..start + len as usize).unwrap_or(&[])
    }
}
