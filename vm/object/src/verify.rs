//! The verifier: looks after each collection whether an isolate's memory is what its counts and lists say.
//!
//! It is switched on for an isolate ([`Thread::verify_collections`]) and costs nothing otherwise. With the world stopped it
//! looks at every object and every word that refers to one, and ends the process if it finds
//!
//! - an object with fewer references than there are words that refer to it: in objects, in frames, in queues of merges,
//!   in stock, and among what waits for a grace period. A reference more is no fault: natives hold them where nobody
//!   looks, and so do caches, code and the states of modules.
//! - a word that refers to something else than an object that is alive: to a free block, or into the middle of one.
//! - a free block that is on two lists, or not a block of its list's class, or has been written to; a free block of an
//!   object on no list.
//! - an object larger than its block, or whose shape does not fit it; a list, dict or set that contradicts itself.
//! - a weak reference to something that is dead, or that its object does not know of.
//!
//! LOCAL objects beside running threads do not exist yet (docs/design/006): no edge to one can be wrong.

mod contents;
mod ledger;

use self::ledger::Ledger;
use crate::thread::Thread;
use crate::value::Value;

/// Shows every value that a thread's frames hold.
pub type Roots = fn(&Thread, &mut dyn FnMut(&Value));

impl Thread {
    /// From now on each collection of the isolate is followed by a look at all of its memory; `roots` shows what frames
    /// hold. Before the second thread begins.
    pub fn verify_collections(&self, roots: Roots) {
        self.isolate.verifier.get_or_init(|| roots);
    }

    /// Whether it is so.
    pub fn is_verified(&self) -> bool {
        self.isolate.verifier.get().is_some()
    }

    /// A collection is over.
    pub(crate) fn verify(&self) {
        if self.is_verified()
            && let Err(fault) = self.examine()
        {
            eprintln!("typhon: {fault}");
            std::process::abort();
        }
    }

    /// Looks at all of the isolate's memory.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn examine(&self) -> Result<(), String> {
        let roots = self.isolate.verifier.get().copied().unwrap_or(|_, _| ());
        self.alone(|| Ledger::of(self, roots)?.judge(self, roots))
    }
}
