//! Which modules are being loaded, and by which thread: another one that wants such a module waits until all of it is there.
//!
//! The book is kept with the native lock, or in the thread's turn; both are given up where a module's own code runs, and while one waits.

use crate::thread::turns;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::time::{Duration, Instant};
use typhon_object::{Res, Thread};

#[derive(Default)]
struct Book {
    /// By the module's name, who loads it.
    owners: RefCell<FxHashMap<String, u64>>,
    /// By thread, what it waits for.
    waits: RefCell<FxHashMap<u64, String>>,
}

/// importlib's own locks, which a program meets that loads modules by its functions, are not in this book: a circle that leads through
/// one of them is left after this, and what there is of the module is seen, as in a circle within one thread.
const PATIENCE: Duration = Duration::from_secs(60);

/// A module that this thread loads until this is dropped.
pub struct Load<'t> {
    thread: &'t Thread,
    /// Nothing where it, or in a circle of imports another thread, is at it already.
    name: Option<String>,
}

/// This thread begins to load a module.
pub fn begin<'t>(t: &'t Thread, name: &str) -> Load<'t> {
    let mut owners = t.state::<Book>().owners.borrow_mut();
    let free = !owners.contains_key(name);
    if free {
        owners.insert(name.to_owned(), turns::current());
    }
    Load { thread: t, name: free.then(|| name.to_owned()) }
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            self.thread.state::<Book>().owners.borrow_mut().remove(name);
        }
    }
}

/// Waits until no other thread loads the module, unless that one waits, maybe by way of others, for this thread.
pub fn settle(t: &Thread, name: &str) -> Res<()> {
    let book = t.state::<Book>();
    if book.owners.borrow().is_empty() {
        return Ok(());
    }
    let (me, began) = (turns::current(), Instant::now());
    while book.stands_before(me, name) && began.elapsed() < PATIENCE {
        book.waits.borrow_mut().insert(me, name.to_owned());
        turns::pause(t);
        book.waits.borrow_mut().remove(&me);
        t.poll()?;
    }
    Ok(())
}

impl Book {
    /// Whether another thread loads the module, and does not wait for this one.
    fn stands_before(&self, me: u64, name: &str) -> bool {
        let (owners, waits) = (self.owners.borrow(), self.waits.borrow());
        let mut wanted = name;
        for _ in 0..=waits.len() {
            match owners.get(wanted) {
                None => return false,
                // A circle, or its own.
                Some(owner) if *owner == me => return false,
                Some(owner) => match waits.get(owner) {
                    None => return true,
                    Some(next) => wanted = next,
                },
            }
        }
        // A circle of others, one of which will leave it.
        true
    }
}

/// The child of a fork has one thread: what the others were loading is nobody's.
pub fn forked(t: &Thread) {
    let (book, me) = (t.state::<Book>(), turns::current());
    book.owners.borrow_mut().retain(|_, owner| *owner == me);
    book.waits.borrow_mut().clear();
}
