//! The executor cache: what was compiled once is used by every thread and isolate of the process.
//!
//! A key is a place in code; its shelf holds a few variants, one per set of types that the trace was recorded with. Looking
//! something up is a shard's read lock and no wait for whoever compiles. A commit is one publication; who comes second is
//! given the first one's. The bytes are budgeted: a hand goes round over the variants and takes those off their shelves that
//! nobody has looked up since it came by last.
//!
//! A variant lives as long as somebody holds it. Who runs its code holds it through an instance in a [`typhon_qsbr::Site`],
//! which is freed when its grace period is over: so evicting never takes code away from under a thread.

use crate::executor::Executor;
use crate::params::Params;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry as Place;
use rustc_hash::FxBuildHasher;
use std::collections::VecDeque;
use std::sync::Arc;
use typhon_qsbr::sync::Mutex;
use typhon_qsbr::{Flag, Refused, Shelf, Tally};

/// Names a code object in every isolate: the hash of its content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CodeHash(pub [u8; 32]);

/// Where a trace begins.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Entry {
    /// At a loop's header.
    Loop,
    /// At a function's beginning.
    Call,
    /// Where another trace was left.
    Exit,
}

/// What an executor is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    /// The code.
    pub code: CodeHash,
    /// The instruction's offset in it.
    pub offset: u32,
    /// How one gets there.
    pub entry: Entry,
    /// Whether other threads run meanwhile: what was made for a thread that is alone knows nothing of them.
    pub parallel: bool,
}

/// What a register must hold for a variant to be of use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Kind {
    /// An int in the word.
    Int,
    /// A float.
    Float,
    /// True or False.
    Bool,
    /// Any word that is no object.
    Plain,
    /// An object of a shape.
    Shape(u32),
}

/// The registers that a trace looks at, and what it wants there, in order.
pub type LiveIn = Box<[(u16, Kind)]>;

/// What a variant is of: its place, what it was recorded with, and which way it goes.
type What = (Key, LiveIn, u64);

/// A cached executor.
pub struct Variant {
    /// What it was recorded with.
    pub live_in: LiveIn,
    /// Names the way through the code that it goes: with the same registers, another way is another variant.
    pub path: u64,
    /// The machine code.
    pub executor: Executor,
    /// It is one thread's, and was never on a shelf.
    pub private: bool,
    /// Looked up since the hand came by.
    used: Flag,
    /// Off its shelf: who still has an instance of it should let it go.
    evicted: Flag,
}

/// Why an executor was not taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotCached {
    /// The place has variants enough: compile one that asks for less.
    #[error("the place has enough variants")]
    Megamorphic,
    /// It is bigger than the whole budget.
    #[error("{bytes} bytes are more than the cache may hold")]
    TooBig {
        /// Its size.
        bytes: u64,
    },
}

/// What happened, for whoever watches.
#[derive(Debug, Default)]
pub struct Counts {
    /// Look-ups that found something.
    pub hits: Tally,
    /// Look-ups that did not.
    pub misses: Tally,
    /// Executors published.
    pub committed: Tally,
    /// Executors thrown away because somebody was faster.
    pub lost: Tally,
    /// Executors taken off their shelves.
    pub evicted: Tally,
}

/// The cache. A value, not a static: a process has one, a test has many.
pub struct Cache {
    index: DashMap<Key, Shelf<Variant>, FxBuildHasher>,
    /// What is being made.
    claims: DashMap<What, (), FxBuildHasher>,
    clock: Mutex<VecDeque<(Key, Arc<Variant>)>>,
    bytes: Tally,
    budget: u64,
    variants_max: usize,
    /// What happened.
    pub counts: Counts,
}

/// The right to compile a variant. Dropping it gives the right back.
pub struct Claim {
    cache: Arc<Cache>,
    what: What,
    /// For one thread only: it is not published.
    private: bool,
}

impl Variant {
    /// Whether it is off its shelf.
    pub fn is_evicted(&self) -> bool {
        self.evicted.get()
    }

    fn bytes(&self) -> u64 {
        self.executor.bytes() as u64
    }
}

impl Cache {
    /// An empty cache.
    pub fn new(params: &Params) -> Arc<Self> {
        Arc::new(Self {
            index: DashMap::default(),
            claims: DashMap::default(),
            clock: Mutex::new(VecDeque::new()),
            bytes: Tally::new(),
            budget: params.cache_bytes,
            variants_max: usize::try_from(params.variants_max).unwrap_or(usize::MAX),
            counts: Counts::default(),
        })
    }

    /// The variant for what the registers hold: `fits` says whether they hold what it wants.
    pub fn find(&self, key: &Key, fits: impl Fn(&Variant) -> bool) -> Option<Arc<Variant>> {
        let shelf = self.index.get(key);
        let found = shelf.and_then(|shelf| shelf.find(fits));
        match &found {
            Some(variant) => {
                self.counts.hits.add(1);
                // Written only if it says something new: the line is shared by all threads.
                if !variant.used.get() {
                    variant.used.set();
                }
            }
            None => {
                self.counts.misses.add(1);
            }
        }
        found
    }

    /// The right to compile a variant, unless somebody has it already. `private`: it is for one thread only, so that whatever
    /// others compile is another one.
    pub fn claim(self: &Arc<Self>, key: Key, live_in: LiveIn, path: u64, private: bool) -> Option<Claim> {
        if private {
            return Some(Claim { cache: self.clone(), what: (key, live_in, path), private });
        }
        match self.claims.entry((key, live_in.clone(), path)) {
            Place::Occupied(_) => None,
            Place::Vacant(place) => {
                place.insert(());
                Some(Claim { cache: self.clone(), what: (key, live_in, path), private })
            }
        }
    }

    /// Bytes of everything on the shelves.
    pub fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// How many executors there are.
    pub fn len(&self) -> usize {
        self.clock.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn insert(&self, (key, live_in, path): What, executor: Executor) -> Result<Arc<Variant>, NotCached> {
        let (used, evicted) = (Flag::new(false), Flag::new(false));
        let variant = Arc::new(Variant { live_in, path, executor, private: false, used, evicted });
        let bytes = variant.bytes();
        if bytes > self.budget {
            return Err(NotCached::TooBig { bytes });
        }
        // The shard is locked while the shelf is written: a shelf that is swept away is empty.
        let shelf = self.index.entry(key).or_default();
        let offered = shelf.offer(&variant, self.variants_max, |other| {
            (&other.live_in, other.path) == (&variant.live_in, variant.path)
        });
        drop(shelf);
        match offered {
            Ok(()) => {
                self.counts.committed.add(1);
                self.bytes.add(bytes);
                self.clock.lock().push_back((key, variant.clone()));
                self.evict();
                Ok(variant)
            }
            Err(Refused::Lost(other)) => {
                self.counts.lost.add(1);
                Ok(other)
            }
            Err(Refused::Full) => Err(NotCached::Megamorphic),
        }
    }

    /// Takes a variant off its shelf whose place is another's now.
    pub(crate) fn retire(&self, key: &Key, variant: &Arc<Variant>) {
        if let Some(shelf) = self.index.get(key)
            && shelf.remove(variant)
        {
            // The hand will find it gone, and give its bytes back.
            variant.evicted.set();
            self.counts.evicted.add(1);
        }
    }

    /// Takes variants off their shelves until the budget is kept. Those looked up since the hand came by last are spared
    /// once: so the hand goes round twice at most.
    fn evict(&self) {
        let mut steps = 2 * self.clock.lock().len();
        while self.bytes.get() > self.budget && steps > 0 {
            steps -= 1;
            let Some((key, variant)) = self.clock.lock().pop_front() else { return };
            if variant.used.take() {
                self.clock.lock().push_back((key, variant));
                continue;
            }
            if let Some(shelf) = self.index.get(&key)
                && shelf.remove(&variant)
            {
                variant.evicted.set();
                self.counts.evicted.add(1);
            }
            self.bytes.sub(variant.bytes());
            self.index.remove_if(&key, |_, shelf| shelf.is_empty());
        }
    }
}

impl Claim {
    /// What it is the right to compile.
    pub fn key(&self) -> Key {
        self.what.0
    }

    /// Publishes the executor: afterwards everybody finds it. If there is one like it, that one is given back instead.
    pub fn commit(self, executor: Executor) -> Result<Arc<Variant>, NotCached> {
        if self.private {
            let (_, live_in, path) = self.what.clone();
            let (used, evicted) = (Flag::new(false), Flag::new(false));
            self.cache.counts.committed.add(1);
            return Ok(Arc::new(Variant { live_in, path, executor, private: true, used, evicted }));
        }
        self.cache.insert(self.what.clone(), executor)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.private {
            self.cache.claims.remove(&self.what);
        }
    }
}
