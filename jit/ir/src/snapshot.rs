//! Snapshots: where the interpreter goes on, and what it must find there.
//!
//! One snapshot is shared by every guard of a bytecode instruction, which is carried out again by the interpreter. A
//! snapshot says only what differs from its parent: the parent's registers hold unless it names them itself.

use crate::alias::Alias;
use crate::arg::Arg;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

/// The number of a snapshot in its trace.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct SnapId(pub u32);

impl SnapId {
    /// As an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A place in code: where one frame goes on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// The number of the code in the trace's list of codes.
    pub code: u32,
    /// The offset of the instruction.
    pub offset: u32,
    /// What else tells the frame from others at the same place, for who has made the snapshot: its code, say.
    pub what: u64,
}

/// A number for where frames stand: the offset, if there is one only, and else a hash.
pub fn place_number(frames: &[Place]) -> u64 {
    match frames {
        [place] => u64::from(place.offset),
        _ => {
            let mut hash = rustc_hash::FxHasher::default();
            frames.hash(&mut hash);
            hash.finish() | 1 << 63
        }
    }
}

/// A register of a frame; frame 0 is the one that entered the trace.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Slot {
    /// How deep the frame is.
    pub frame: u8,
    /// The register.
    pub reg: u16,
}

/// What a register or a field is to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Src {
    /// A value, boxed if it is not a word yet. The register or field owns its reference.
    Arg(Arg),
    /// 64 bits as they are, for a field that holds no word.
    Raw(Arg),
    /// An object that the trace has not made: the snapshot's own virtual object of this number.
    Virtual(u32),
}

/// An object that exists only if the trace is left here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Virtual {
    /// Its shape id.
    pub shape: u32,
    /// Its size in bytes, the header included.
    pub size: u32,
    /// How many references to it are held by registers and virtual objects.
    pub refs: u32,
    /// What its fields hold; the others are zero.
    pub fields: Vec<(Alias, i32, Src)>,
}

/// How the trace is left at one instruction.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Snap {
    /// Whose registers hold where this snapshot does not say otherwise.
    pub parent: Option<SnapId>,
    /// The frames, the one that entered the trace first.
    pub frames: Vec<Place>,
    /// Registers.
    pub slots: BTreeMap<Slot, Src>,
    /// Objects to make.
    pub virtuals: Vec<Virtual>,
    /// References to take: what the trace holds without having counted it.
    pub owes: Vec<Arg>,
}

impl Snap {
    /// Every operand in it, its parents not included.
    pub fn args(&self) -> impl Iterator<Item = Arg> + '_ {
        let fields = self.virtuals.iter().flat_map(|v| v.fields.iter().map(|(_, _, src)| src));
        self.slots
            .values()
            .chain(fields)
            .filter_map(|src| match src {
                Src::Arg(arg) | Src::Raw(arg) => Some(*arg),
                Src::Virtual(_) => None,
            })
            .chain(self.owes.iter().copied())
    }

    /// Replaces every operand.
    pub fn map_args(&mut self, mut f: impl FnMut(Arg) -> Arg) {
        let fields = self.virtuals.iter_mut().flat_map(|v| v.fields.iter_mut().map(|(_, _, src)| src));
        for src in self.slots.values_mut().chain(fields) {
            if let Src::Arg(arg) | Src::Raw(arg) = src {
                *arg = f(*arg);
            }
        }
        for arg in &mut self.owes {
            *arg = f(*arg);
        }
    }
}
