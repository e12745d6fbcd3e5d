//! What all isolates of a process share of the trace compiler, and the switch that turns it off.

use crate::cache::Cache;
use crate::code_memory::{Arena, descent};
use crate::isolate::Jit;
use crate::journal::Journal;
use crate::lower::{LowerError, Lowerer};
use crate::params::{BadParam, Params};
use crate::vm::RUNTIME;
use crate::worker::{Compiler, Workers};
use std::sync::{Arc, OnceLock};
use typhon_interp::tier::{Tier, Tiers};
use typhon_object::crossing::Crossing;
use typhon_qsbr::sync::Mutex;

/// The variable that says who compiles, if anybody.
pub const SWITCH: &str = "TYPHON_JIT";

/// Who compiles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Workers, while the program goes on.
    Background,
    /// The running thread, at once: what happens depends on the program only.
    Sync,
}

/// A process's trace compiler: a value, so a test can have many. Cheap to clone.
#[derive(Clone)]
pub struct Process(pub(crate) Arc<Shared>);

/// What a [`Process`] is.
pub(crate) struct Shared {
    pub(crate) params: Params,
    pub(crate) compiler: Arc<Compiler>,
    pub(crate) how: How,
    pub(crate) journal: Option<Journal>,
    /// In which of the processes that were copied from each other it was made.
    descent: u64,
    /// What a copy of that process has instead: its workers are not there, and they may have held locks when it was made.
    of_copy: OnceLock<Option<Process>>,
}

/// Who compiles, and with what.
pub(crate) enum How {
    Background(Workers),
    Sync(Box<Mutex<Lowerer>>),
}

/// What one for a single program may take: so long is a trace, which nobody interrupts while it is compiled,
const TRACE_MAX: u64 = 2000;
/// so large are its machine code and its cache,
const BYTES: u64 = 4 << 20;
/// and so much its journal keeps.
const INSTS: usize = 1 << 15;

/// Why there is no compiler though one was asked for.
#[derive(Debug, thiserror::Error)]
pub enum NoProcess {
    /// The switch is in no position.
    #[error("{SWITCH}={0} is not 0, 1 or sync")]
    Switch(String),
    /// A limit is no number.
    #[error(transparent)]
    Param(#[from] BadParam),
    /// This machine has no code generator, or no threads.
    #[error(transparent)]
    Machine(#[from] LowerError),
}

impl Process {
    /// A compiler with an empty cache.
    pub fn new(mode: Mode, params: Params) -> Result<Self, LowerError> {
        Self::build(mode, params, None)
    }

    /// One that compiles at once, and keeps a journal.
    pub fn watched(params: Params) -> Result<Self, LowerError> {
        Self::build(Mode::Sync, params, Some(Journal::default()))
    }

    /// One beside this for a single program, which shares nothing with it: it compiles at once, in little room, and keeps a
    /// journal, in little room as well.
    pub fn beside(&self) -> Result<Self, LowerError> {
        let own = &self.0.params;
        let params = Params {
            trace_max: own.trace_max.min(TRACE_MAX),
            code_bytes: own.code_bytes.min(BYTES),
            cache_bytes: own.cache_bytes.min(BYTES),
            ..own.clone()
        };
        Self::build(Mode::Sync, params, Some(Journal::of(INSTS)))
    }

    /// What it did, if it is watched.
    pub fn journal(&self) -> Option<&Journal> {
        self.0.journal.as_ref()
    }

    fn build(mode: Mode, params: Params, journal: Option<Journal>) -> Result<Self, LowerError> {
        let bytes = usize::try_from(params.code_bytes).unwrap_or(usize::MAX);
        let compiler = Arc::new(Compiler { cache: Cache::new(&params), arena: Arena::new(bytes), runtime: RUNTIME });
        let how = match mode {
            Mode::Background => How::Background(Workers::start(&compiler, &params)?),
            Mode::Sync => {
                let mut lowerer = Lowerer::new()?;
                lowerer.lists = journal.as_ref().is_some_and(Journal::has_listings);
                How::Sync(Box::new(Mutex::new(lowerer)))
            }
        };
        Ok(Self(Arc::new(Shared { params, compiler, how, journal, descent: descent(), of_copy: OnceLock::new() })))
    }

    /// What the environment asks for. Without a word of it: workers, where the machine is one that code can be made for.
    pub fn from_environment(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, NoProcess> {
        let (mode, asked) = match get(SWITCH).as_deref() {
            None | Some("") => (Mode::Background, false),
            Some("0") => return Ok(None),
            Some("1") => (Mode::Background, true),
            Some("sync") => (Mode::Sync, true),
            Some(other) => return Err(NoProcess::Switch(other.to_owned())),
        };
        match Self::new(mode, Params::read(get)?) {
            Err(LowerError::Machine(_)) if !asked => Ok(None),
            made => Ok(Some(made?)),
        }
    }

    /// This one, or, in a copy of the process that it was made in, one of that copy's own, which begins with an empty cache. Nothing if
    /// the copy can have none.
    pub fn own(&self) -> Option<&Self> {
        if self.0.descent == descent() {
            return Some(self);
        }
        if let Some(made) = self.0.of_copy.get() {
            return made.as_ref()?.own();
        }
        // Until the cell is written, too: a copy that is made meanwhile would wait for that for ever.
        let _crossing = Crossing::begin();
        let made = self.0.of_copy.get_or_init(|| {
            let mode = match self.0.how {
                How::Background(_) => Mode::Background,
                How::Sync(_) => Mode::Sync,
            };
            // Who has no threads or no memory for a compiler goes on without, as before the copy was made.
            Self::new(mode, self.0.params.clone()).ok()
        });
        made.as_ref()?.own()
    }

    /// The cache.
    pub fn cache(&self) -> &Cache {
        &self.0.compiler.cache
    }
}

impl Tiers for Process {
    fn tier(&self) -> Arc<dyn Tier> {
        Arc::new(Jit::new(self.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_has_three_positions() {
        let read = |text: Option<&str>| {
            let text = text.map(str::to_owned);
            Process::from_environment(move |name| text.clone().filter(|_| name == SWITCH))
        };
        assert!(matches!(read(Some("0")), Ok(None)));
        assert!(read(Some("sync")).is_ok_and(|p| p.is_some_and(|p| matches!(p.0.how, How::Sync(_)))));
        for background in [None, Some(""), Some("1")] {
            assert!(read(background).is_ok_and(|p| p.is_some_and(|p| matches!(p.0.how, How::Background(_)))));
        }
        assert!(matches!(read(Some("on")), Err(NoProcess::Switch(text)) if text == "on"));
    }
}
