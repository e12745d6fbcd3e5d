//! What can be done in an isolate that lives on, instead of running a program.

use std::sync::Arc;

use typhon_object::{Res, Thread, Value as Object};

use crate::files::{self, FileAnswer, FileWork};
use crate::snapshot;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    Files(FileWork),
    /// Tells what the isolate holds, in no more than `most` bytes.
    Save {
        /// Without variables that cannot be stored, instead of not at all.
        leave_out: bool,
        most: u64,
        key: CodeKey,
    },
    /// Fills an isolate with what another one has told.
    Restore {
        image: Arc<[u8]>,
        key: CodeKey,
    },
}

/// What seals the code in a snapshot. No guest ever sees it: code that was not sealed is not run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CodeKey(pub [u8; 32]);

impl std::fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeKey")
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Worked {
    /// Or the errno that it ended with.
    Files(Result<FileAnswer, i32>),
    Saved(Saved),
    Restored,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    Image { data: Vec<u8>, left_out: Vec<LeftOut> },
    Unstorable(LeftOut),
    TooLarge,
}

/// Something that cannot be stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// The way to it from the variable.
    pub path: String,
    pub problem: String,
}

pub(crate) fn work(t: &Thread, main: &Object, work: &Work) -> Res<Worked> {
    match work {
        Work::Files(work) => Ok(Worked::Files(files::work(t, work))),
        Work::Save { leave_out, most, key } => snapshot::save(t, main, *leave_out, *most, *key).map(Worked::Saved),
        Work::Restore { image, key } => snapshot::restore(t, main, image, *key).map(|()| Worked::Restored),
    }
}
