//! The reaper: what becomes of a closed isolate's heap.
//!
//! Objects that hold more than memory of the heap (a big number, a buffer, a copy of code) let go of that; then the pages
//! go. The system takes pages back at some gigabytes a second, so whoever waits for the answer of a program with a large
//! heap would wait for longer than a limit may be late: large heaps are given back on a thread of the process. It takes one
//! at a time; the others wait until their answer is given, where somebody says when that is ([`Respite`]).

use super::{Carved, Common, Heap};
use crate::crossing;
use crate::header::Header;
use crate::isolate::Isolate;
use crate::shape::{Shape, ShapeId};
use crate::thread;
use crate::types::type_::TYPE;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, LazyLock};
use std::thread::Builder;
use typhon_qsbr::sync::Mutex;

/// Smaller heaps are given back at once.
const WORTH: usize = 4 << 20;

/// What is left of an isolate.
pub(crate) struct Remains {
    memory: Arc<Common>,
    carved: Carved,
    /// Roots of the shapes of its classes.
    shapes: Vec<ShapeId>,
    /// Who owned most objects.
    tag: u16,
}

// SAFETY: the isolate is closed: nobody else knows its objects, and any thread may give memory back.
unsafe impl Send for Remains {}

/// Whether the reaper has something to do: then whoever closes another isolate gives its memory back himself, so that no
/// more than one heap is in nobody's account, and one a thread that gives answers.
static BUSY: Mutex<bool> = Mutex::new(false);

/// Keeps everybody from asking whether it has until what is returned is dropped.
pub(crate) fn hold() -> impl Drop {
    BUSY.lock()
}

/// `None` where no thread can be had.
static REAPER: LazyLock<Option<Sender<Remains>>> = LazyLock::new(|| {
    let (sender, receiver) = channel::<Remains>();
    let body = move || {
        for remains in receiver {
            remains.decay();
            *BUSY.lock() = false;
        }
    };
    crossing::spawn(Builder::new().name("reaper".to_owned()), body).ok().map(|_| sender)
});

thread_local! {
    /// What waits for the end of this thread's respite, if there is one.
    static WAITING: RefCell<Option<Vec<Remains>>> = const { RefCell::new(None) };
}

/// Time to answer in: while it lives, no heap of an isolate that ends on this thread is given back by this thread. Dropping it
/// does that; a second one within it changes nothing.
#[derive(Debug)]
pub struct Respite {
    begun: bool,
    /// It belongs to its thread.
    _here: PhantomData<*const ()>,
}

impl Respite {
    /// From now on.
    #[must_use]
    pub fn begin() -> Self {
        let begun = WAITING.with_borrow_mut(|waiting| {
            let new = waiting.is_none();
            waiting.get_or_insert_default();
            new
        });
        Self { begun, _here: PhantomData }
    }
}

impl Drop for Respite {
    fn drop(&mut self) {
        if self.begun {
            // Outside of the cell: what is dropped may end isolates.
            let waiting = WAITING.take();
            waiting.into_iter().flatten().for_each(Remains::decay);
        }
    }
}

impl Remains {
    /// What is left of an isolate whose last thread had this heap and tag.
    pub(crate) fn of(isolate: &Isolate, heap: &Heap, tag: u16) -> Self {
        let mut carved = Carved::default();
        heap.note_carved(&mut carved);
        Self { memory: Arc::clone(&isolate.memory), carved, shapes: isolate.take_shapes(), tag }
    }

    /// Gives everything back: at once if it is little, else soon.
    pub(crate) fn bury(self) {
        if self.memory.used() < WORTH {
            return self.decay();
        }
        match &*REAPER {
            Some(reaper) if !std::mem::replace(&mut *BUSY.lock(), true) => {
                // The reaper hears until the process ends.
                reaper.send(self).unwrap_or_else(|refused| refused.0.decay());
            }
            _ => self.wait(),
        }
    }

    fn wait(self) {
        let mut this = Some(self);
        WAITING.with_borrow_mut(|waiting| {
            if let Some(waiting) = waiting {
                waiting.extend(this.take());
            }
        });
        this.into_iter().for_each(Self::decay);
    }

    /// References among the dead are given back as by their owner, and no object dies of it: all memory stays until the
    /// end. Classes come last, because they say what the others are.
    fn decay(self) {
        let Self { memory, carved, shapes, tag } = self;
        thread::as_undertaker(tag, || {
            let mut classes = Vec::new();
            memory.walk(&carved, &mut |header| {
                // SAFETY: the shape's type lives as long as objects of that shape: classes have not been dropped yet.
                let def = unsafe { header.shape().get().ty.as_ref() }.def();
                let at = std::ptr::from_ref::<Header>(header).cast_mut();
                if !def.outside {
                } else if def.extends(&TYPE) {
                    classes.push((at, def.drop));
                } else {
                    // SAFETY: a live object of that layout, which nobody knows, dropped once.
                    unsafe { (def.drop)(at) }
                }
            });
            for (at, drop) in classes {
                // SAFETY: as above; nobody asks an object for its class any more.
                unsafe { drop(at) }
            }
            for root in shapes {
                // SAFETY: none of the isolate's objects will be touched again.
                unsafe { Shape::free_tree(root) };
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, BUSY, Respite, WAITING, WORTH};
    use crate::error::Exc;
    use crate::thread::{Hooks, Thread};
    use crate::types::bytearray;
    use crate::value::Value;

    /// An isolate with a large heap comes and goes.
    fn come_and_go() {
        let hooks = Hooks {
            on_breaker: |_| Ok(()),
            unraisable: |_, _, _, _| {},
            warn: |_, _, _, _| Ok(()),
            import: |_, _| Err(Exc::stopped()),
            handled: |_| Value::ABSENT,
            super_frame: |_| Err(Exc::stopped()),
            globals: |_| Value::ABSENT,
        };
        let t = Thread::new(hooks, 1 << 30);
        t.attach(1 << 20, |t| {
            let lists = (0..32).map(|_| crate::tuple::new(t, &vec![Value::NONE; WORTH / 128]).unwrap());
            let all = crate::tuple::new(t, &lists.collect::<Vec<_>>()).unwrap();
            // What the isolate still has when it closes.
            std::mem::forget((all, bytearray::new(t, b"abc").unwrap()));
        });
        t.close();
    }

    #[test]
    fn the_answer_comes_first() {
        crate::process::set_up();
        let waiting = || WAITING.with_borrow(|waiting| waiting.as_ref().map(Vec::len));
        // As if the reaper had another one.
        *BUSY.lock() = true;
        come_and_go();
        assert_eq!(waiting(), None);
        let respite = Respite::begin();
        come_and_go();
        drop(Respite::begin());
        assert_eq!(waiting(), Some(1));
        come_and_go();
        assert_eq!(waiting(), Some(2));
        // Nobody else holds the memory: it goes where the remains go.
        WAITING.with_borrow(|waiting| {
            assert!(waiting.iter().flatten().all(|remains| Arc::strong_count(&remains.memory) == 1));
        });
        drop(respite);
        assert_eq!(waiting(), None);
    }
}
