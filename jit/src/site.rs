//! Places: what an isolate knows of where traces begin in its code, and what it has for them.
//!
//! Nothing here is shared between isolates, and the threads of one isolate come here in their turns; so these are cells.
//! What is shared is the process's cache, whose variants instances hold.

use crate::cache::CodeHash;
use crate::cache::{Entry, Key, Variant};
use crate::lower::Link;
use crate::params::Params;
use crate::worker::Outcome;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use typhon_interp::unit::Unit;
use typhon_isa::Code;
use typhon_qsbr::sync::Mutex;

/// Entries after which it is looked whether they were worth it.
const ENTRIES: u64 = 32;
/// How often in a row a loop whose entries are not worth it is let be twice as long as before.
const POOR_MAX: u32 = 12;
/// How often a loop waits for the workers, and for how many times what makes it hot.
const PATIENCE: u32 = 64;
const PAUSE: u64 = 8;

/// How many words exits leave at most: what leaves more is not entered, nor linked to.
pub(crate) const LEFT_MAX: usize = 1024;

/// A code object with hot loops.
pub(crate) struct Known {
    /// Keeps the address from being another's.
    pub(crate) code: Arc<Code>,
    hash: CodeHash,
    places: RefCell<FxHashMap<(u32, Entry), Rc<Place>>>,
}

/// Where traces begin.
pub(crate) struct Place {
    pub(crate) key: Key,
    pub(crate) instances: RefCell<Vec<Rc<Instance>>>,
    /// Recordings that were given up.
    pub(crate) tries: Cell<u32>,
    /// Code that its traces name by address.
    pub(crate) kept: RefCell<Vec<Arc<Unit>>>,
    /// What the workers were given.
    pub(crate) waiting: RefCell<Option<Arc<Mailbox>>>,
    /// Entries that are not looked at: exits get their bridges meanwhile.
    young: Cell<u64>,
    /// How often they become young again because the workers are not done.
    patience: Cell<u32>,
    /// Entries since it was looked, and what they were worth.
    entries: Cell<u64>,
    worth: Cell<i64>,
    /// How often in a row they were not worth it.
    poor: Cell<u32>,
}

/// What an isolate has of a variant: how often it is left where, and what goes on there.
pub(crate) struct Instance {
    pub(crate) variant: Arc<Variant>,
    /// Where the trace begins.
    pub(crate) start: u32,
    pub(crate) outs: Box<[Out]>,
    /// What machine code reads of the exits' links. The first says where the instance is.
    table: Box<[Link]>,
    /// Whether there are any.
    links: bool,
    me: Weak<Instance>,
}

/// An exit of an instance.
pub(crate) struct Out {
    /// How often it is taken before it is looked what could go on there.
    pub(crate) left: Cell<u64>,
    /// What went on there last. Whoever lets go of the instance lets go of these first ([`Instance::unlink`]): they may lead
    /// round in a circle.
    pub(crate) next: RefCell<Option<Rc<Instance>>>,
}

/// Where a worker leaves what became of a trace.
pub(crate) struct Mailbox(Mutex<Option<Outcome>>);

impl Known {
    pub(crate) fn new(code: &Arc<Code>) -> Self {
        Self { code: code.clone(), hash: hash(code), places: RefCell::default() }
    }

    pub(crate) fn place(&self, offset: u32, entry: Entry, params: &Params) -> Rc<Place> {
        let key = Key { code: self.hash, offset, entry };
        self.places.borrow_mut().entry((offset, entry)).or_insert_with(|| Rc::new(Place::new(key, params))).clone()
    }
}

impl Place {
    fn new(key: Key, params: &Params) -> Self {
        let (instances, waiting, kept) = Default::default();
        let (tries, poor, entries, worth) = Default::default();
        let (young, patience) = (Cell::new(2 * params.exit_hot), Cell::new(PATIENCE));
        Self { key, instances, tries, kept, waiting, young, patience, entries, worth, poor }
    }

    /// Something to enter here.
    pub(crate) fn take(&self, variant: Arc<Variant>, params: &Params) -> Rc<Instance> {
        let instance = Instance::new(variant, self.key.offset, params);
        self.instances.borrow_mut().push(instance.clone());
        instance
    }

    /// Lets go of what the cache has evicted, and of links to it. No machine code runs.
    pub(crate) fn tidy(&self) {
        let gone = |instance: &Rc<Instance>| instance.variant.is_evicted();
        for instance in self.instances.borrow().iter() {
            for (number, out) in instance.outs.iter().enumerate() {
                if gone(instance) || out.next.borrow().as_ref().is_some_and(gone) {
                    instance.link(number, None);
                }
            }
        }
        self.instances.borrow_mut().retain(|instance| !gone(instance));
    }

    /// One of its exits got a bridge: the others are to have their time, too.
    pub(crate) fn grow(&self, params: &Params) {
        self.young.set(2 * params.exit_hot);
        self.patience.set(PATIENCE);
        self.poor.set(0);
    }

    /// An entry was worth so much. How long to let the loop be; less if workers have something that is `pending`.
    pub(crate) fn entered(&self, worth: i64, params: &Params, pending: bool) -> u64 {
        if self.young.get() > 0 {
            self.young.set(self.young.get() - 1);
            return 0;
        }
        if pending && self.patience.get() > 0 {
            self.patience.set(self.patience.get() - 1);
            self.young.set(2 * params.exit_hot);
            return PAUSE * params.loop_hot;
        }
        self.entries.set(self.entries.get() + 1);
        self.worth.set(self.worth.get().saturating_add(worth));
        if self.entries.get() < ENTRIES {
            return 0;
        }
        self.entries.set(0);
        let worth = self.worth.replace(0) > 0;
        self.poor.set(if worth { 0 } else { (self.poor.get() + 1).min(POOR_MAX) });
        if worth { 0 } else { params.loop_hot << self.poor.get() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for instance in self.instances.get_mut() {
            (0..instance.outs.len()).for_each(|number| drop(instance.link(number, None)));
        }
    }
}

impl Instance {
    fn new(variant: Arc<Variant>, start: u32, params: &Params) -> Rc<Self> {
        let out = || Out { left: Cell::new(params.exit_hot), next: RefCell::default() };
        let count = variant.executor.exits().len();
        let outs = (0..count).map(|_| out()).collect();
        let table: Box<[Link]> = (0..=count).map(|_| Link::none()).collect();
        Rc::new_cyclic(|me: &Weak<Self>| {
            let me = me.clone();
            table[0].code.set(me.as_ptr().cast());
            Self { variant, start, outs, table, links: params.links != 0, me }
        })
    }

    /// What machine code is entered with.
    pub(crate) fn table(&self) -> *const Link {
        self.table.as_ptr()
    }

    /// Links an exit to an instance, or to none. What it was linked to is the caller's: its code may be running.
    pub(crate) fn link(&self, number: usize, next: Option<&Rc<Self>>) -> Option<Rc<Self>> {
        let executor = &self.variant.executor;
        let by_itself = executor.exits().get(number).is_some_and(|exit| exit.links);
        if let Some(link) = self.table.get(number + 1) {
            let to = next.filter(|next| self.links && by_itself && next.variant.executor.left_max() <= LEFT_MAX);
            link.code.set(to.map_or(std::ptr::null(), |next| next.variant.executor.start()));
            link.table.set(to.map_or(std::ptr::null(), |next| next.table()));
        }
        self.outs.get(number)?.next.replace(next.cloned())
    }

    /// The instance whose table machine code names, and the exit whose link that is in it.
    ///
    /// # Safety
    /// `first` is the first of a table, and its instance lives.
    pub(crate) unsafe fn of_table(first: *const Link) -> Option<Rc<Self>> {
        // SAFETY: the caller's duty; the first link of a table names its instance.
        let instance = unsafe { &*(*first).code.get().cast::<Self>() };
        instance.me.upgrade()
    }

    /// The exit whose link lies there, if it is one of this instance's.
    pub(crate) fn exit_at(&self, link: *const Link) -> Option<usize> {
        let by = (link as usize).checked_sub(self.table() as usize)? / size_of::<Link>();
        (1..self.table.len()).contains(&by).then(|| by - 1)
    }
}

impl Mailbox {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(None)))
    }

    pub(crate) fn put(&self, outcome: Outcome) {
        *self.0.lock() = Some(outcome);
    }

    pub(crate) fn take(&self) -> Option<Outcome> {
        self.0.lock().take()
    }
}

/// The hash of what a code object is, wherever it is.
fn hash(code: &Code) -> CodeHash {
    let mut hash = Sha256::new();
    for word in &code.words {
        hash.update(word.0.to_le_bytes());
    }
    hash.update(format!("{:?} {:?} {} {}", code.consts, code.names, code.flags, code.register_count).as_bytes());
    CodeHash(hash.finalize().into())
}
