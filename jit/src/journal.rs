//! A journal: what was recorded, what became of it, and why not. For who looks at traces (`typhon trace`).

mod page;
mod told;

use crate::abort::{Abort, Reason};
use crate::cache::{CodeHash, Variant};
use page::Page;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter, Write as _};
use std::sync::Arc;
use typhon_isa::Opcode;
use typhon_jit_ir::Trace;
use typhon_qsbr::sync::Mutex;

pub use told::{Told, ToldFate, ToldNote};

/// Places that are shown at which the interpreter went on.
const SHOWN: usize = 24;
/// Where it went on when there is no room for more places.
const ELSEWHERE: &str = "elsewhere";

/// What is written down for a process, in order.
pub struct Journal {
    notes: Mutex<Notes>,
    /// How often the interpreter went on where.
    left: Mutex<BTreeMap<String, u64>>,
    /// How many IR instructions it keeps, and how many such places.
    most: usize,
}

#[derive(Default)]
struct Notes {
    all: Vec<Note>,
    /// IR instructions in them.
    insts: usize,
    /// Those that there was no room for.
    left_out: u64,
}

/// One recording.
pub struct Note {
    /// The function's name.
    pub function: String,
    /// The line on which the trace begins.
    pub line: u32,
    /// The instruction's offset.
    pub offset: u32,
    /// It begins where another trace was left.
    pub bridge: bool,
    /// Names the function's code.
    pub code: CodeHash,
    /// Where frames stand when it begins, as a number: what exits have that lead there.
    pub start: u64,
    /// What the interpreter carries out for it.
    pub opaque: Vec<Opcode>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a recording.
pub enum Fate {
    /// Nothing.
    GivenUp(Abort),
    /// An executor.
    Compiled {
        /// The trace as it was recorded.
        before: Trace,
        /// As it was compiled, and its machine code.
        variant: Arc<Variant>,
    },
}

impl Default for Journal {
    fn default() -> Self {
        Self::of(usize::MAX)
    }
}

impl Journal {
    /// One that keeps so many IR instructions, and as many places at which the interpreter went on.
    pub(crate) fn of(most: usize) -> Self {
        Self { notes: Mutex::default(), left: Mutex::default(), most }
    }

    /// Whether it shows machine code.
    pub(crate) fn has_listings(&self) -> bool {
        self.most == usize::MAX
    }

    /// Shows every note.
    pub fn each(&self, show: impl FnMut(&Note)) {
        self.notes.lock().all.iter().for_each(show);
    }

    /// All of it as a page for a browser, under a title.
    pub fn page<'j>(&'j self, title: &'j str) -> Page<'j> {
        Page { journal: self, title }
    }

    pub(crate) fn add(&self, note: Note) {
        let mut notes = self.notes.lock();
        let insts = notes.insts.saturating_add(note.insts());
        if insts > self.most {
            notes.left_out += 1;
            return;
        }
        notes.insts = insts;
        notes.all.push(note);
    }

    /// The interpreter went on there.
    pub(crate) fn left(&self, at: String) {
        let mut left = self.left.lock();
        let at = if left.len() < self.most || left.contains_key(&at) { at } else { ELSEWHERE.to_owned() };
        *left.entry(at).or_default() += 1;
    }

    /// How often the interpreter went on, and where, most often first.
    fn most_left(&self) -> (u64, Vec<(String, u64)>) {
        let left = self.left.lock();
        let mut most: Vec<(String, u64)> = left.iter().map(|(at, count)| (at.clone(), *count)).collect();
        most.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        (left.values().sum(), most)
    }
}

impl Display for Journal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let notes = &self.notes.lock().all;
        for note in notes {
            writeln!(f, "{note}")?;
        }
        let reasons: Vec<Reason> = notes.iter().filter_map(Note::given_up).collect();
        writeln!(f, "{} compiled, {} given up", notes.len() - reasons.len(), reasons.len())?;
        for reason in Reason::ALL {
            let count = reasons.iter().filter(|other| *other == reason).count();
            if count > 0 {
                writeln!(f, "{count:6} {}: {}", reason.text(), reason.doc())?;
            }
        }
        let (all, most) = self.most_left();
        writeln!(f, "the interpreter went on {all} times, most often at")?;
        most.iter().take(SHOWN).try_for_each(|(at, count)| writeln!(f, "{count:8} {at}"))
    }
}

impl Note {
    /// What kind of trace it is.
    pub fn what(&self) -> &'static str {
        if self.bridge { "bridge" } else { "loop" }
    }

    /// How many IR instructions it keeps, about: no note is for nothing.
    fn insts(&self) -> usize {
        match &self.fate {
            Fate::GivenUp(_) => 1,
            Fate::Compiled { before, variant } => 1 + before.insts.len() + variant.executor.tree.trunk.insts.len(),
        }
    }

    /// Why nothing became of it.
    pub fn given_up(&self) -> Option<Reason> {
        match self.fate {
            Fate::GivenUp(abort) => Some(abort.reason),
            Fate::Compiled { .. } => None,
        }
    }
}

impl Display for Note {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let what = self.what();
        writeln!(f, "== {what} in {}, line {}, offset {}", self.function, self.line, self.offset)?;
        match &self.fate {
            Fate::GivenUp(abort) => {
                write!(f, "given up: {} at offset {}", abort.reason.text(), abort.offset)?;
                abort.opcode.map_or(Ok(()), |op| write!(f, ", {op:?}"))?;
                writeln!(f)
            }
            Fate::Compiled { before, variant } => {
                writeln!(f, "-- recorded, with {:?}\n{before}", variant.live_in)?;
                let executor = &variant.executor;
                writeln!(f, "-- optimized\n{}", executor.tree.trunk)?;
                for limb in &executor.tree.limbs {
                    writeln!(f, "-- limb of part {} at exit {}\n{}", limb.parent, limb.exit.0, limb.trace)?;
                }
                writeln!(f, "-- carried out by the interpreter: {:?}", self.opaque)?;
                writeln!(f, "-- exits")?;
                for (number, exit) in executor.exits().iter().enumerate() {
                    let places = executor.snap(exit).frames.iter().fold(String::new(), |mut text, place| {
                        // Writing to a string does not fail.
                        let _ok = write!(text, " {}:{}", place.code, place.offset);
                        text
                    });
                    let how = if exit.settles { "writes registers" } else { "is rebuilt" };
                    writeln!(f, "{number:4} at{places}, {how}, {} values", exit.values.len())?;
                }
                writeln!(f, "-- machine code, {} bytes", executor.code().len())?;
                f.write_str(executor.listing.as_deref().unwrap_or_default())
            }
        }
    }
}
