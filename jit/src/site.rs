//! Places: what a thread knows of where traces begin in its code, and what it has for them.
//!
//! Nothing here is shared between threads; so these are cells.
//! What is shared is the process's cache, whose variants instances hold.

use crate::cache::CodeHash;
use crate::cache::{Entry, Key, Variant};
use crate::lower::{Exit, Link};
use crate::params::Params;
use crate::worker::Outcome;
use crate::worth;
use rustc_hash::{FxHashMap, FxHashSet};
use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use typhon_interp::tier::{At, Hot};
use typhon_interp::unit::Unit;
use typhon_isa::Code;
use typhon_jit_ir::Place as Standing;
use typhon_jit_ir::snapshot::place_number;
use typhon_object::Value;
use typhon_qsbr::sync::Mutex;

/// Entries after which it is looked whether they were worth it.
const ENTRIES: u64 = 32;
/// What entries may cost before it is looked sooner.
const LOSS: i64 = -(ENTRIES as i64) * worth::ENTRY;
/// For what part of a round of the interpreter's a loop is let be for each tenth of an instruction that was lost: so much that it is
/// a small part of what they take.
const ROUNDS: u64 = 4;
/// How often in a row that is doubled: loops that lie in each other, each let be by itself, are entered by turns.
const DOUBLED_MAX: u32 = 6;
/// How often in a row a loop whose entries are not worth it is let be twice as long as before.
const POOR_MAX: u32 = 12;
/// How many entries in a row that only come and go say nothing about what they are worth: some exits' worth of what makes one hot, and
/// so many. A loop over objects of many classes has hundreds of exits, which become hot together; until then most entries end at one of
/// them. Who loses more than coming and going costs, as by thousands of links, is as many.
const UNKNOWN_MAX: u64 = 1 << 14;
const UNKNOWN_EXITS: u64 = 256;
const COMES_AND_GOES: i64 = worth::ENTRY + worth::EXIT;
/// For which part of what makes it hot a loop is let be while the workers have something.
const PAUSE: u64 = 8;

/// Instructions of a tree for which it is compiled again later by as much as the smallest is late.
const SIZE: u64 = 256;

/// By how much the end of a way is hot sooner than other exits, as a power of two.
const SURE: u32 = 3;

/// How many words exits leave at most: what leaves more is not entered, nor linked to.
pub(crate) const LEFT_MAX: usize = 512;

/// A code object with hot loops, run by a thread that is alone or beside others.
pub(crate) struct Known {
    /// Keeps the address from being another's.
    pub(crate) code: Arc<Code>,
    hash: CodeHash,
    /// Whether other threads run meanwhile.
    pub(crate) parallel: bool,
    /// How many traces were recorded for it.
    pub(crate) traces: Cell<u64>,
    places: RefCell<FxHashMap<(u32, Entry), Rc<Place>>>,
    /// Places, as numbers, at which its traces ask what will not be so again once it is not.
    lasting: RefCell<FxHashSet<u64>>,
    /// Those where frames that traces have entered stand above the code's.
    inner: RefCell<FxHashMap<Box<[Standing]>, Rc<Place>>>,
}

/// Where traces begin.
pub(crate) struct Place {
    pub(crate) key: Key,
    /// Where frames stand; empty: at the header of the loop.
    pub(crate) from: Box<[Standing]>,
    pub(crate) instances: RefCell<Vec<Rc<Instance>>>,
    /// Recordings that were given up.
    pub(crate) tries: Cell<u32>,
    /// How often its recording was given up for an outer loop's.
    pub(crate) gave_way: Cell<u32>,
    /// How often it is looked only whether there is something to enter before another recording is tried.
    glances: Cell<u64>,
    /// How often none of them was the way before it is looked for another one.
    pub(crate) missed: Cell<u64>,
    /// It is a loop with loops in it: only the ways from one to the next are traces.
    pub(crate) in_ways: Cell<bool>,
    /// Code that its traces name by address.
    pub(crate) kept: RefCell<Vec<Arc<Unit>>>,
    /// Classes whose instances its traces make.
    pub(crate) classes: RefCell<Vec<Value>>,
    /// What the workers were given.
    pub(crate) waiting: RefCell<Option<Arc<Mailbox>>>,
    /// Entries since it was looked, and what they were worth.
    entries: Cell<u64>,
    worth: Cell<i64>,
    /// How often in a row they were not worth it.
    poor: Cell<u32>,
    /// How much the cache had evicted when that was looked for here.
    tidied: Cell<u64>,
    /// What those in a row have lost that ended where something may go on before long.
    unknown: Cell<i64>,
}

/// What an entry has saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Earned {
    pub(crate) worth: i64,
    /// It ended where something may go on before long, and would save more with that.
    pub(crate) unknown: bool,
    /// The workers have that.
    pub(crate) waits: bool,
}

/// What a thread has of a variant: how often it is left where, and what goes on there.
pub(crate) struct Instance {
    pub(crate) variant: Arc<Variant>,
    /// Where the trace begins, as a number.
    pub(crate) start: u64,
    pub(crate) outs: Box<[Out]>,
    /// What machine code reads of the exits' links. The first says where the instance is.
    table: Box<[Link]>,
    /// Whether there are any.
    links: bool,
    /// How many its thread has made before it.
    number: u64,
    /// What is tried where it was not the way; later ones only, so that nobody comes round.
    other: RefCell<Option<Rc<Instance>>>,
    /// How often its trace was compiled again.
    pub(crate) grown: u32,
    /// What the workers have of that.
    pub(crate) mail: RefCell<Option<Arc<Mailbox>>>,
    me: Weak<Instance>,
}

/// An exit of an instance.
pub(crate) struct Out {
    /// How often it is taken before it is looked what could go on there.
    pub(crate) left: Cell<u64>,
    /// Workers have what was recorded there.
    pub(crate) waits: Cell<bool>,
    /// What went on there last. Whoever lets go of the instance lets go of these first ([`Instance::unlink`]): they may lead
    /// round in a circle.
    pub(crate) next: RefCell<Option<Rc<Instance>>>,
}

/// Where a worker leaves what became of a trace.
pub(crate) struct Mailbox(Mutex<Option<Outcome>>);

impl Known {
    pub(crate) fn new(code: &Arc<Code>, parallel: bool) -> Self {
        Self {
            code: code.clone(),
            hash: hash(code),
            parallel,
            traces: Cell::new(0),
            places: RefCell::default(),
            lasting: RefCell::default(),
            inner: RefCell::default(),
        }
    }

    /// What a trace asks at these places will not be so again once it is not.
    pub(crate) fn lasts(&self, places: impl IntoIterator<Item = u64>) {
        self.lasting.borrow_mut().extend(places);
    }

    /// Whether a trace that is left at a place is of no use from there on.
    pub(crate) fn is_lasting(&self, place: u64) -> bool {
        self.lasting.borrow().contains(&place)
    }

    /// What is hot.
    pub(crate) fn at(&self, at: &At<'_>) -> Rc<Place> {
        match at.hot {
            Hot::Loop { target } => self.at_loop(target),
            Hot::Call => {
                let offset = at.target();
                self.place(offset, Entry::Call, &[Standing { code: 0, offset, what: 0 }])
            }
            Hot::Returned { target } => self.at_exit(&[Standing { code: 0, offset: target, what: 0 }]),
        }
    }

    /// A loop.
    pub(crate) fn at_loop(&self, offset: u32) -> Rc<Place> {
        self.place(offset, Entry::Loop, &[])
    }

    /// Where frames stand that were left.
    pub(crate) fn at_exit(&self, from: &[Standing]) -> Rc<Place> {
        match from {
            [place] => self.place(place.offset, Entry::Exit, from),
            _ => {
                if let Some(known) = self.inner.borrow().get(from) {
                    return known.clone();
                }
                let offset = from.last().map_or(0, |place| place.offset);
                let key = self.key(offset, Entry::Exit);
                let place = Rc::new(Place::new(key, from));
                self.inner.borrow_mut().insert(from.into(), place.clone());
                place
            }
        }
    }

    fn key(&self, offset: u32, entry: Entry) -> Key {
        Key { code: self.hash, offset, entry, parallel: self.parallel }
    }

    fn place(&self, offset: u32, entry: Entry, from: &[Standing]) -> Rc<Place> {
        let key = self.key(offset, entry);
        let mut places = self.places.borrow_mut();
        places.entry((offset, entry)).or_insert_with(|| Rc::new(Place::new(key, from))).clone()
    }

    /// Whose place an instance is at.
    pub(crate) fn place_of(&self, instance: &Rc<Instance>) -> Option<Rc<Place>> {
        let is_there = |place: &&Rc<Place>| place.instances.borrow().iter().any(|other| Rc::ptr_eq(other, instance));
        let (places, inner) = (self.places.borrow(), self.inner.borrow());
        places.values().chain(inner.values()).find(is_there).cloned()
    }

    /// Every instance.
    pub(crate) fn each(&self, mut f: impl FnMut(&Rc<Instance>)) {
        let (places, inner) = (self.places.borrow(), self.inner.borrow());
        places.values().chain(inner.values()).for_each(|place| place.instances.borrow().iter().for_each(&mut f));
    }

    /// What goes on at a place behind what an instance is linked to.
    pub(crate) fn after(&self, instance: &Instance, place: u64) -> Option<Rc<Instance>> {
        // Who returns goes on in other code, where places have the same numbers.
        let stays = |instance: &Instance, i: usize| instance.variant.executor.exits()[i].goes_to().is_some();
        let nexts = |instance: &Instance, place: Option<u64>| {
            let at = |i: &usize| place.is_none_or(|place| instance.variant.executor.exits()[*i].place == place);
            let all = (0..instance.outs.len()).filter(|i| stays(instance, *i)).filter(at);
            all.filter_map(|i| instance.outs[i].next.borrow().clone()).collect::<Vec<_>>()
        };
        let bridges = nexts(instance, None);
        bridges.iter().flat_map(|bridge| nexts(bridge, Some(place))).find(|next| next.start == place)
    }

    /// What workers were given nobody will do.
    pub(crate) fn wait_no_more(&self) {
        let (places, inner) = (self.places.borrow(), self.inner.borrow());
        places.values().chain(inner.values()).for_each(|place| drop(place.waiting.take()));
        self.each(|instance| drop(instance.mail.take()));
    }

    /// Whether a loop has a trace, by its header.
    pub(crate) fn has_trace(&self, header: u32) -> bool {
        self.places.borrow().get(&(header, Entry::Loop)).is_some_and(|place| !place.instances.borrow().is_empty())
    }

    /// Whether a loop without a trace may have one before long, by its header: workers have one for it, or it has been given up less
    /// often than so, and is none of which only ways are recorded.
    pub(crate) fn awaits(&self, header: u32, tries: u32) -> bool {
        let places = self.places.borrow();
        let Some(place) = places.get(&(header, Entry::Loop)) else { return tries > 0 };
        let hopeful = place.tries.get() < tries && !place.in_ways.get();
        place.instances.borrow().is_empty() && (hopeful || place.waiting.borrow().is_some())
    }
}

impl Place {
    fn new(key: Key, from: &[Standing]) -> Self {
        let (instances, waiting, kept, classes) = Default::default();
        let (tries, gave_way, poor, entries, worth, missed, unknown, tidied, glances) = Default::default();
        Self {
            key,
            from: from.into(),
            instances,
            tries,
            gave_way,
            glances,
            missed,
            in_ways: Cell::new(false),
            kept,
            classes,
            waiting,
            entries,
            worth,
            poor,
            tidied,
            unknown,
        }
    }

    /// Keeps classes whose instances a trace of it makes.
    pub(crate) fn keep_classes(&self, classes: Vec<Value>) {
        let mut all = self.classes.borrow_mut();
        for class in classes {
            if !all.iter().any(|other| other.is(&class)) {
                all.push(class);
            }
        }
    }

    /// It is to be looked so often only whether there is something to enter.
    pub(crate) fn glance(&self, times: u64) {
        self.glances.set(times);
    }

    /// Whether this time it is only looked.
    pub(crate) fn is_glance(&self) -> bool {
        let left = self.glances.get();
        self.glances.set(left.saturating_sub(1));
        left > 0
    }

    /// Something to enter here.
    pub(crate) fn take(&self, variant: Arc<Variant>, number: u64, params: &Params) -> Rc<Instance> {
        let instance = Instance::new(variant, self.number(), number, 0, params);
        self.instances.borrow_mut().push(instance.clone());
        instance
    }

    /// The same where another one was, of which it has grown.
    pub(crate) fn grow_from(
        &self,
        old: &Rc<Instance>,
        variant: Arc<Variant>,
        number: u64,
        params: &Params,
    ) -> Rc<Instance> {
        let grown = Instance::new(variant, old.start, number, old.grown + 1, params);
        let mut all = self.instances.borrow_mut();
        match all.iter_mut().find(|instance| Rc::ptr_eq(instance, old)) {
            Some(place) => *place = grown.clone(),
            None => all.push(grown.clone()),
        }
        grown
    }

    /// As a number.
    pub(crate) fn number(&self) -> u64 {
        place_number(&self.standing())
    }

    /// Where frames stand here.
    pub(crate) fn standing(&self) -> Box<[Standing]> {
        match self.from[..] {
            [] => [Standing { code: 0, offset: self.key.offset, what: 0 }].into(),
            _ => self.from.clone(),
        }
    }

    /// Lets go of what the cache has evicted, and of links to it, if it has evicted anything since. No machine code runs.
    pub(crate) fn tidy(&self, evicted: u64) {
        if self.tidied.replace(evicted) == evicted {
            return;
        }
        let gone = |instance: &Rc<Instance>| instance.variant.is_evicted();
        for instance in self.instances.borrow().iter() {
            for (number, out) in instance.outs.iter().enumerate() {
                if gone(instance) || out.next.borrow().as_ref().is_some_and(gone) {
                    instance.link(number, None);
                }
            }
            if gone(instance) || instance.other.borrow().as_ref().is_some_and(gone) {
                // None is later than any.
                let _ok = instance.link_other(None);
            }
        }
        self.instances.borrow_mut().retain(|instance| !gone(instance));
    }

    /// One of its exits got a bridge: it may be worth more now.
    pub(crate) fn grow(&self) {
        self.poor.set(0);
        self.unknown.set(0);
    }

    /// An entry has saved so much. How long to let the loop be.
    pub(crate) fn entered(&self, earned: Earned, params: &Params) -> u64 {
        let unknown = if earned.unknown { self.unknown.get().saturating_sub(earned.worth.min(0)) } else { 0 };
        self.unknown.set(unknown);
        if earned.waits {
            return params.loop_hot / PAUSE;
        }
        let patience = UNKNOWN_MAX.saturating_add(params.exit_hot.saturating_mul(UNKNOWN_EXITS));
        if earned.unknown && unknown <= i64::try_from(patience).map_or(i64::MAX, |n| n.saturating_mul(COMES_AND_GOES)) {
            return 0;
        }
        self.entries.set(self.entries.get() + 1);
        self.worth.set(self.worth.get().saturating_add(earned.worth));
        if self.entries.get() < ENTRIES && self.worth.get() > LOSS {
            return 0;
        }
        self.entries.set(0);
        let worth = self.worth.replace(0);
        self.poor.set(if worth > 0 { 0 } else { (self.poor.get() + 1).min(POOR_MAX) });
        if worth > 0 {
            return 0;
        }
        let lost = (worth.unsigned_abs() / ROUNDS).saturating_mul(1 << self.poor.get().min(DOUBLED_MAX));
        (params.loop_hot << self.poor.get()).max(lost)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for instance in self.instances.get_mut() {
            drop(instance.let_go());
        }
    }
}

impl Instance {
    fn new(variant: Arc<Variant>, start: u64, number: u64, grown: u32, params: &Params) -> Rc<Self> {
        // Who comes to the end of a way goes on for sure.
        let hot = |exit: &Exit| params.exit_hot >> if variant.executor.ends(exit) { SURE } else { 0 };
        let exits = variant.executor.exits();
        let count = exits.len();
        let outs = exits
            .iter()
            .map(|exit| Out { left: Cell::new(hot(exit)), waits: Cell::default(), next: RefCell::default() })
            .collect();
        let table: Box<[Link]> = (0..count + Link::FIRST).map(|_| Link::none()).collect();
        Rc::new_cyclic(|me: &Weak<Self>| {
            let me = me.clone();
            table[0].code.set(me.as_ptr().cast());
            let hot = tree_hot(&variant, params);
            for link in &table {
                link.left.set(hot);
                link.seen.set(hot);
            }
            let (links, other, mail) = (params.links != 0, RefCell::default(), RefCell::default());
            Self { variant, start, outs, table, links, number, other, grown, mail, me }
        })
    }

    /// Whether a link was taken as often as it is before somebody looks.
    pub(crate) fn is_due(&self, number: usize) -> bool {
        self.table.get(number + Link::FIRST).is_some_and(|link| !link.code.get().is_null() && link.left.get() == 0)
    }

    /// How often an exit's link is taken before somebody looks.
    pub(crate) fn count_down(&self, number: usize, from: u64) {
        if let Some(link) = self.table.get(number + Link::FIRST) {
            link.left.set(from);
            link.seen.set(from);
        }
    }

    /// How often an exit's link has been taken since this was last asked.
    pub(crate) fn taken_now(&self, number: usize) -> u64 {
        self.table
            .get(number + Link::FIRST)
            .map_or(0, |link| link.seen.replace(link.left.get()).saturating_sub(link.left.get()))
    }

    /// How often it was, if nobody has looked yet.
    pub(crate) fn taken(&self, number: usize, params: &Params) -> u64 {
        let left = self.table.get(number + Link::FIRST).map_or(u64::MAX, |link| link.left.get());
        tree_hot(&self.variant, params).saturating_sub(left)
    }

    /// What machine code is entered with.
    pub(crate) fn table(&self) -> *const Link {
        self.table.as_ptr()
    }

    /// Links an exit to an instance, or to none. What it was linked to is the caller's: its code may be running.
    pub(crate) fn link(&self, number: usize, next: Option<&Rc<Self>>) -> Option<Rc<Self>> {
        let executor = &self.variant.executor;
        let by_itself = executor.exits().get(number).is_some_and(|exit| exit.links);
        self.point(number + Link::FIRST, next.filter(|_| by_itself));
        self.outs.get(number)?.next.replace(next.cloned())
    }

    /// The same for exits that have come nowhere, if the other one is later.
    pub(crate) fn link_other(&self, next: Option<&Rc<Self>>) -> Result<Option<Rc<Self>>, ()> {
        if next.is_some_and(|next| next.number <= self.number) {
            return Err(());
        }
        self.point(Link::ELSE, next);
        Ok(self.other.replace(next.cloned()))
    }

    /// Links nothing to another one. What was is the caller's.
    pub(crate) fn forget(&self, gone: &Rc<Self>) -> Vec<Rc<Self>> {
        let leads =
            |next: &RefCell<Option<Rc<Self>>>| next.borrow().as_ref().is_some_and(|next| Rc::ptr_eq(next, gone));
        let numbers: Vec<usize> = (0..self.outs.len()).filter(|i| leads(&self.outs[*i].next)).collect();
        let mut unlinked: Vec<Rc<Self>> = numbers.into_iter().filter_map(|i| self.link(i, None)).collect();
        if leads(&self.other) {
            unlinked.extend(self.link_other(None).ok().flatten());
        }
        unlinked
    }

    /// Links it to nothing. What it was linked to is the caller's.
    pub(crate) fn let_go(&self) -> Vec<Rc<Self>> {
        let nexts = (0..self.outs.len()).filter_map(|number| self.link(number, None));
        nexts.chain(self.link_other(None).ok().flatten()).collect()
    }

    /// This one and what is tried where it was not the way, up to another one.
    pub(crate) fn until(self: &Rc<Self>, last: &Rc<Self>) -> Vec<Rc<Self>> {
        let mut all = vec![self.clone()];
        while let Some(at) = all.last().filter(|at| !Rc::ptr_eq(at, last)) {
            let next = at.other.borrow().clone();
            all.push(next.unwrap_or_else(|| last.clone()));
        }
        all
    }

    fn point(&self, at: usize, next: Option<&Rc<Self>>) {
        if let Some(link) = self.table.get(at) {
            let to = next.filter(|next| self.links && next.variant.executor.left_max() <= LEFT_MAX);
            link.code.set(to.map_or(std::ptr::null(), |next| next.variant.executor.start()));
            link.table.set(to.map_or(std::ptr::null(), |next| next.table()));
        }
    }

    /// The instance whose table machine code names, and the exit whose link that is in it.
    ///
    /// # Safety
    /// `first` is the first of a table, whose instance lives, or null.
    pub(crate) unsafe fn of_table(first: *const Link) -> Option<Rc<Self>> {
        if first.is_null() {
            return None;
        }
        // SAFETY: the caller's duty; the first link of a table names its instance.
        let instance = unsafe { &*(*first).code.get().cast::<Self>() };
        instance.me.upgrade()
    }

    /// The exit whose link lies there, if it is one of this instance's.
    pub(crate) fn exit_at(&self, link: *const Link) -> Option<usize> {
        let by = (link as usize).checked_sub(self.table() as usize)? / size_of::<Link>();
        (Link::FIRST..self.table.len()).contains(&by).then(|| by - Link::FIRST)
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

/// How often a link is taken before what it leads to becomes a limb: what is bigger takes longer to compile again.
pub(crate) fn tree_hot(variant: &Variant, params: &Params) -> u64 {
    match params.tree_hot {
        0 => u64::MAX,
        hot => hot.saturating_mul(1 + variant.executor.tree.size() as u64 / SIZE),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many entries that save so much, and end where something may go on before long, a loop is let be.
    fn let_be_after(worth: i64) -> Option<u64> {
        let key = Key { code: CodeHash([0; 32]), offset: 0, entry: Entry::Loop, parallel: false };
        let (place, earned) = (Place::new(key, &[]), Earned { worth, unknown: true, waits: false });
        (1..1 << 20).find(|_| place.entered(earned, &Params::DEFAULT) > 0)
    }

    #[test]
    fn who_loses_by_many_links_is_let_be_soon() {
        assert_eq!(let_be_after(1), None);
        let comes_and_goes = let_be_after(-COMES_AND_GOES);
        let by_links = let_be_after(-1000 * COMES_AND_GOES);
        assert_eq!([comes_and_goes, by_links], [Some(70_422), Some(71)]);
    }
}
