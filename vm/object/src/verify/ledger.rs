//! The ledger: for each object of an isolate, the words that refer to it.

use super::{Roots, contents};
use crate::gc;
use crate::header::{Header, flag};
use crate::heap::audit::{Audit, Place};
use crate::thread::Thread;
use crate::ty::TypeObject;
use crate::value::Value;
use crate::weakref::Table;
use rustc_hash::{FxHashMap, FxHashSet};
use std::fmt::Write;

/// So many holders of an object are named.
const NAMED: usize = 12;

/// What the isolate's memory says.
pub(super) struct Ledger {
    audit: Audit,
    /// References found, by the object's address.
    found: FxHashMap<usize, u32>,
    /// Dead objects whose contents are still theirs.
    waiting: FxHashSet<usize>,
    fault: Option<String>,
}

/// Where a reference is.
#[derive(Clone, Copy)]
enum Holder<'a> {
    Object(&'a Header),
    Frame(u16),
    /// It waits in a queue until the object's owner releases it.
    Queue,
    /// It waits for a grace period.
    Left,
    Stock(u16),
}

impl Ledger {
    /// Counts. The world is stopped.
    ///
    /// # Errors
    /// What is wrong with memory, before any count.
    pub(super) fn of(t: &Thread, roots: Roots) -> Result<Self, String> {
        // SAFETY: the world is stopped, and counting allocates nothing of the heap.
        let audit = unsafe { Audit::of(t.isolate()) }?;
        if let Some((lost, size, words)) = audit.lost() {
            return Err(format!("the block of {size} bytes at {lost:#x} is free, but on no list: {words:x?}"));
        }
        let mut out = Self { audit, found: FxHashMap::default(), waiting: FxHashSet::default(), fault: None };
        t.walk_objects(&mut |header| {
            out.found.insert(address(header), 0);
        });
        // SAFETY: the world is stopped, and looking runs nothing.
        unsafe {
            t.isolate().each_thread(|t| {
                out.waiting
                    .extend(t.trashcan.borrow().iter().chain(&*t.late.borrow()).map(|ending| ending.at as usize));
            });
        }
        let mut all = Vec::with_capacity(out.found.len());
        t.walk_objects(&mut |header| all.push(std::ptr::from_ref(header)));
        for at in all {
            // SAFETY: a live object; nothing has run since the walk.
            let header = unsafe { &*at };
            out.check(header)?;
            if out.shows(header) {
                gc::edges(header, &mut |v| out.refer(v, Holder::Object(header)));
            }
        }
        each_other(t, roots, &mut |v, holder, n| (0..n).for_each(|_| out.refer(v, holder)));
        out.check_watchers(t);
        match out.fault.take() {
            Some(fault) => Err(fault),
            None => Ok(out),
        }
    }

    /// Whether an object's contents are there: it is alive, or waits to be destroyed.
    fn shows(&self, header: &Header) -> bool {
        self.waiting.contains(&address(header)) || header.whole_count() > 0 && !header.has(flag::DYING)
    }

    /// An object fits its block, and is of one piece.
    fn check(&self, header: &Header) -> Result<(), String> {
        let Place::Used(room) = self.audit.place(address(header)) else {
            return Err(format!("{} is walked over, but not in use", address(header)));
        };
        if !self.shows(header) {
            return Ok(());
        }
        let ty = class(header);
        let class = std::ptr::from_ref(ty) as usize;
        if ty.is_heap_type() && !self.found.contains_key(&class) {
            return Err(format!("the object at {:#x} is of a class that is not alive", address(header)));
        }
        contents::check(header, ty, room).map_err(|what| format!("{}: {what}", describe(header)))
    }

    /// A word refers to `v`.
    fn refer(&mut self, v: &Value, holder: Holder<'_>) {
        let Some(header) = v.header() else { return };
        let at = address(header);
        if let Some(n) = self.found.get_mut(&at) {
            *n += 1;
            return;
        }
        let what = match self.audit.place(at) {
            // Of the process, whose objects lie in no isolate's pages.
            Place::Elsewhere if header.is_immortal() => return,
            Place::Elsewhere => "no object of the isolate",
            Place::Free => "a free block",
            Place::Used(_) => "a block without an object",
            Place::Inside => "the middle of a block",
        };
        self.fault.get_or_insert_with(|| format!("{} refers to {at:#x}, which is {what}", holder.describe()));
    }

    /// Weak references look at objects that are there and know of it.
    fn check_watchers(&mut self, t: &Thread) {
        let Some(table) = t.get_state::<Table>() else { return };
        table.each(|object, watcher| {
            // SAFETY: what is in the table is in place until it has been taken out.
            let header = unsafe { &*(object as *const Header) };
            let known = |at: usize| self.found.contains_key(&at);
            let fault = if !known(watcher) {
                "is no object"
            } else if header.is_immortal() && !known(object) {
                return;
            } else if !known(object) {
                "looks at something that is gone"
            } else if header.whole_count() > 0 && !header.is_immortal() && !header.has(flag::WEAKREFS) {
                "looks at something that does not know of it"
            } else {
                return;
            };
            self.fault.get_or_insert_with(|| format!("the weak reference at {watcher:#x} to {object:#x} {fault}"));
        });
    }

    /// Compares what was found with the counts.
    pub(super) fn judge(&self, t: &Thread, roots: Roots) -> Result<(), String> {
        let wrong = self.found.iter().find(|&(&at, &found)| {
            // SAFETY: a live object; nothing has run since the walk.
            found > unsafe { &*(at as *const Header) }.whole_count()
        });
        let Some((&at, &found)) = wrong else { return Ok(()) };
        // SAFETY: as above.
        let header = unsafe { &*(at as *const Header) };
        let mut text = format!("{} has {} references, but", describe(header), header.whole_count());
        let mut left = NAMED;
        let mut name = |v: &Value, holder: Holder<'_>| {
            if v.header().is_some_and(|h| std::ptr::eq(h, header)) && left > 0 {
                left -= 1;
                // Writing to a string cannot fail.
                let _ = write!(text, " {},", holder.describe());
            }
        };
        t.walk_objects(&mut |holder| {
            if self.shows(holder) {
                gc::edges(holder, &mut |v| name(v, Holder::Object(holder)));
            }
        });
        each_other(t, roots, &mut |v, holder, _| name(v, holder));
        let _ = write!(text, " in all {found}, refer to it");
        Err(text)
    }
}

/// Calls `f` with every reference outside of objects, and how many there are.
fn each_other(t: &Thread, roots: Roots, f: &mut dyn FnMut(&Value, Holder<'_>, u32)) {
    // SAFETY: the world is stopped, and looking runs nothing.
    unsafe {
        t.isolate().each_thread(|t| {
            roots(t, &mut |v| f(v, Holder::Frame(t.own_tag()), 1));
            t.stock.each(|at, n| f(Value::from_ref(&(at as u64)), Holder::Stock(t.own_tag()), n));
        });
        t.isolate().queues.each_handed(|at| f(Value::from_ref(&(at.as_ptr() as u64)), Holder::Queue, 1));
    }
    t.each_left(|v| f(v, Holder::Left, 1));
}

impl Holder<'_> {
    fn describe(self) -> String {
        match self {
            Self::Object(header) => describe(header),
            Self::Frame(tag) => format!("a frame of thread {tag}"),
            Self::Queue => "a queue of merges".to_owned(),
            Self::Left => "what waits for a grace period".to_owned(),
            Self::Stock(tag) => format!("the stock of thread {tag}"),
        }
    }
}

fn address(header: &Header) -> usize {
    std::ptr::from_ref(header) as usize
}

fn class(header: &Header) -> &TypeObject {
    // SAFETY: a shape's type lives as long as objects of that shape.
    unsafe { header.shape().get().ty.as_ref() }
}

fn describe(header: &Header) -> String {
    let owner = header.owner();
    format!("the {} at {:#x} (owner {owner}, {:?})", class(header).name(), address(header), header.rc())
}
