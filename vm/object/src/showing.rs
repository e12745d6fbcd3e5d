//! Showing: the objects whose texts a thread is in the middle of making, so that one which contains itself ends in dots.
//!
//! A thread has its own: two that print the same list both print all of it.

use crate::header::Header;
use crate::thread::Thread;
use std::cell::RefCell;

/// What a thread is showing, the innermost object last.
#[derive(Default)]
pub(crate) struct Showing(RefCell<Vec<usize>>);

/// An object is being shown until this is dropped.
pub struct Shown<'t>(&'t Showing);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        // Texts are made within each other, so the last one begun ends first.
        self.0.0.borrow_mut().pop();
    }
}

impl Thread {
    /// Begins to show an object; `None` if the thread is in the middle of that already.
    pub fn show(&self, object: &Header) -> Option<Shown<'_>> {
        let (mut objects, at) = (self.showing.0.borrow_mut(), std::ptr::from_ref(object) as usize);
        if objects.contains(&at) {
            return None;
        }
        objects.push(at);
        Some(Shown(&self.showing))
    }
}
