//! Critical sections: holding the locks of one or two objects, unless the thread has to wait.
//!
//! A section promises less than a lock: whenever its thread blocks, in a lock or elsewhere, *every* open section is
//! suspended, so no thread ever waits for a lock while others wait for its own. When the thread goes on, only the
//! innermost section is locked again; an outer one is when it becomes the innermost. So after anything that may block,
//! what was read under a section must be read again.

use std::ptr::NonNull;

use typhon_qsbr::mutant::{Mutant, planted};

use crate::{biased::RcHeader, lock::Idle};

/// The sections that a thread has open, innermost last.
#[derive(Debug, Default)]
pub struct Sections {
    open: Vec<Section>,
}

#[derive(Debug)]
struct Section {
    /// By address, if there are two.
    first: NonNull<RcHeader>,
    second: Option<NonNull<RcHeader>>,
    held: bool,
    /// Sections opened within this one over objects that it holds.
    nested: u32,
}

// SAFETY: a thread's sections may be looked after by another thread that it was moved to; a byte lock has no owner.
unsafe impl Send for Sections {}

impl Sections {
    /// No open sections.
    pub const fn new() -> Self {
        Self { open: Vec::new() }
    }

    /// Opens a section over `object`.
    ///
    /// # Safety
    /// The object's header stays valid until the section is ended. Sections end in reverse order, on this thread.
    #[inline]
    pub unsafe fn begin(&mut self, idle: &mut impl Idle, object: NonNull<RcHeader>) {
        self.enter(idle, Section { first: object, second: None, held: true, nested: 0 });
    }

    /// Opens a section over two objects, which may be one.
    ///
    /// # Safety
    /// As for [`Sections::begin`], for both.
    #[inline]
    pub unsafe fn begin_two(&mut self, idle: &mut impl Idle, one: NonNull<RcHeader>, other: NonNull<RcHeader>) {
        let (first, second) = if one <= other || planted(Mutant::PairUnordered) { (one, other) } else { (other, one) };
        let second = (first != second).then_some(second);
        self.enter(idle, Section { first, second, held: true, nested: 0 });
    }

    /// Ends the innermost section and locks the next one again if it was suspended, for which it may have to wait.
    #[inline]
    pub fn end(&mut self, idle: &mut impl Idle) {
        let Some(top) = self.open.last_mut() else {
            debug_assert!(false, "a section was ended that was not begun");
            return;
        };
        if top.nested > 0 {
            top.nested -= 1;
            return;
        }
        top.suspend();
        self.open.pop();
        if self.open.last().is_some_and(|top| !top.held) {
            self.resume(idle);
        }
    }

    /// Gives up every lock: to be called before the thread goes offline. It waits for nothing.
    pub fn suspend(&mut self) {
        for section in &mut self.open {
            section.suspend();
        }
    }

    /// Locks the innermost section again: to be called when the thread is online again.
    pub fn resume(&mut self, idle: &mut impl Idle) {
        if let Some(top) = self.open.last_mut().filter(|top| !top.held) {
            top.lock(idle);
        }
    }

    /// How many sections are open, nested ones included.
    pub fn depth(&self) -> usize {
        self.open.iter().map(|section| 1 + section.nested as usize).sum()
    }

    #[inline]
    fn enter(&mut self, idle: &mut impl Idle, mut section: Section) {
        if let Some(top) = self.open.last_mut().filter(|top| top.held && top.covers(&section)) {
            top.nested += 1;
            return;
        }
        if !section.try_lock() {
            // Also if an outer section of this thread holds the object: it lets go here.
            if !planted(Mutant::BlockHoldingSections) {
                self.suspend();
            }
            section.lock(idle);
        }
        self.open.push(section);
    }
}

impl Section {
    fn covers(&self, other: &Self) -> bool {
        let holds = |object| object == self.first || Some(object) == self.second;
        holds(other.first) && other.second.is_none_or(holds)
    }

    fn try_lock(&self) -> bool {
        if !self.first().lock().try_lock() {
            return false;
        }
        let Some(second) = self.second() else { return true };
        if second.lock().try_lock() {
            return true;
        }
        self.first().lock().unlock();
        false
    }

    #[cold]
    fn lock(&mut self, idle: &mut impl Idle) {
        self.first().lock().lock(idle);
        if let Some(second) = self.second() {
            // By address, so that two threads never hold one each and wait for the other.
            second.lock().lock(idle);
        }
        self.held = true;
    }

    fn suspend(&mut self) {
        if std::mem::take(&mut self.held) {
            if let Some(second) = self.second() {
                second.lock().unlock();
            }
            self.first().lock().unlock();
        }
    }

    fn first(&self) -> &RcHeader {
        // SAFETY: whoever opened the section keeps the header until it ends.
        unsafe { self.first.as_ref() }
    }

    fn second(&self) -> Option<&RcHeader> {
        // SAFETY: as in `first`.
        self.second.map(|second| unsafe { second.as_ref() })
    }
}

impl Drop for Sections {
    fn drop(&mut self) {
        debug_assert!(self.open.is_empty() || std::thread::panicking(), "a section was never ended");
    }
}
