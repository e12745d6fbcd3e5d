//! Model checks: every protocol of `typhon-qsbr` and `typhon-rc`, over all schedules that loom can tell apart.
//!
//! ```sh
//! RUSTFLAGS="--cfg vm_loom --cfg crossbeam_loom" LOOM_MAX_PREEMPTIONS=2 CARGO_TARGET_DIR=target/loom cargo test -p typhon-loom-tests --release
//! ```
//!
//! The types are those that ship, built on loom's primitives by the façade in `qsbr/src/sync.rs`. Without `vm_loom` this
//! crate is empty. A folder of its own for the output, because the flag rebuilds everything.
//!
//! One file per protocol, in `tests/models/`. Each holds the protocol as it should be used, and *mutants*: the same model
//! with a fault planted in the protocol (`caught` and `hangs`; `qsbr/src/mutant.rs` names the faults), or with the
//! protocol used wrongly (`breaks`). A mutant that survives fails the test: the model would not notice the fault.
//!
//! What loom cannot see: SeqCst accesses (it takes them for AcqRel; the code has SeqCst fences only), load buffering
//! (a relaxed report is caught by a payload in a cell, which is why every model has one), and more than five threads.
#![cfg(vm_loom)]
#![deny(missing_docs)]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::NonNull,
};

use typhon_qsbr::{
    mutant::{self, Mutant},
    sync::{Arc, Ordering, UnsafeCell, fence},
};
use typhon_rc::{MergeQueues, RcHeader};

/// How often a model may pre-empt a running thread at the least; `LOOM_MAX_PREEMPTIONS` can raise it. Some mutants show
/// at three only, and a model that is checked less deeply than its mutants proves little.
const PREEMPTIONS: usize = 3;

/// Runs `model` in every schedule; fails if one fails, deadlocks or races.
pub fn check(model: impl Fn() + Send + Sync + 'static) {
    check_bounded(usize::MAX, model);
}

/// As [`check`], with at most `preemptions`: for models of many threads.
pub fn check_bounded(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 100_000;
    builder.preemption_bound = Some(builder.preemption_bound.unwrap_or(0).max(PREEMPTIONS).min(preemptions));
    builder.check(move || {
        // What the façade shares between fences is made here, or making it would order the first two.
        fence(Ordering::SeqCst);
        model();
    });
}

/// Asserts that loom finds `fault` when it is planted into the protocols that `model` uses.
pub fn caught(fault: Mutant, model: impl Fn() + Send + Sync + 'static) {
    let outcome = catch_unwind(AssertUnwindSafe(|| mutant::with(fault, || check(model))));
    assert!(outcome.is_err(), "{fault:?} survived");
}

/// Asserts that loom finds a deadlock when `fault` is planted. `test` is the path of the calling test.
///
/// Loom reports a deadlock by a panic with no thread current, and its own destructors panic in turn, which aborts. So the
/// mutant runs in a process of its own.
pub fn hangs(fault: Mutant, test: &str, model: impl Fn() + Send + Sync + 'static) {
    dies(fault, "deadlock", test, usize::MAX, model);
}

/// Asserts that loom finds `fault` and says so, in a process of its own: this program again, for the one `test`. For models
/// whose destructors use loom's primitives, which abort when a panic has ended the model.
pub fn dies(fault: Mutant, says: &str, test: &str, preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    const CHILD: &str = "TYPHON_LOOM_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return mutant::with(fault, || check_bounded(preemptions, model));
    }
    let program = std::env::current_exe().expect("the path of this program");
    let child = std::process::Command::new(program)
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("this program runs again");
    assert!(!child.status.success(), "{fault:?} survived, or there is no test {test}");
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(said.contains(says), "{fault:?} was found by something else: {said}");
}

/// Asserts that loom finds what is wrong with `model`, which uses a protocol as it must not be used.
pub fn breaks(model: impl Fn() + Send + Sync + 'static) {
    let outcome = catch_unwind(AssertUnwindSafe(|| check(model)));
    assert!(outcome.is_err(), "the misuse survived");
}

/// What a protocol protects: memory that loom watches. Reading it after or during [`Payload::free`] is found, unless the
/// read happens before.
#[derive(Debug)]
pub struct Payload(UnsafeCell<State>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Live(u64),
    Freed,
}

// SAFETY: a payload is shared on purpose; loom reports every pair of accesses that is not ordered.
unsafe impl Sync for Payload {}
// SAFETY: it holds plain data.
unsafe impl Send for Payload {}

impl Payload {
    /// Live memory that holds `value`.
    pub fn new(value: u64) -> Self {
        Self(UnsafeCell::new(State::Live(value)))
    }

    /// Reads the value.
    pub fn read(&self) -> u64 {
        // SAFETY: loom panics instead of letting an unordered access happen.
        match self.0.with(|state| unsafe { *state }) {
            State::Live(value) => value,
            State::Freed => panic!("used after free"),
        }
    }

    /// Writes the value.
    pub fn write(&self, value: u64) {
        self.change(State::Live(value));
    }

    /// Adds to the value.
    pub fn add(&self, more: u64) {
        let value = self.read();
        self.write(value + more);
    }

    /// Frees the memory, as far as loom is concerned.
    pub fn free(&self) {
        self.change(State::Freed);
    }

    /// Whether the memory was freed.
    pub fn is_freed(&self) -> bool {
        // SAFETY: as in `read`.
        self.0.with(|state| unsafe { *state } == State::Freed)
    }

    fn change(&self, next: State) {
        // SAFETY: as in `read`.
        let before = self.0.with_mut(|state| unsafe { std::mem::replace(&mut *state, next) });
        assert!(before != State::Freed, "changed after free");
    }
}

/// An object of `typhon-rc`, with a body that loom watches.
#[derive(Debug)]
pub struct Object {
    /// What `typhon-rc` works on. First, so that a pointer to it is one to the object.
    pub header: RcHeader,
    /// What the counts protect.
    pub body: Payload,
    /// Whether somebody may look at the header when the object is dead.
    weak: bool,
}

impl Object {
    /// A new object with one reference, counted by `owner`. It is kept by the `Arc`, whatever its counts say.
    pub fn new(owner: u16) -> Arc<Self> {
        Arc::new(Self { header: RcHeader::new(7, owner, 0), body: Payload::new(7), weak: false })
    }

    /// As [`Object::new`], with a weak reference: the header outlives the body.
    pub fn new_weak(owner: u16) -> Arc<Self> {
        let header = RcHeader::new(7, owner, 0);
        // SAFETY: the new object has one reference, which is here.
        unsafe { header.mark_weak() };
        Arc::new(Self { header, body: Payload::new(7), weak: true })
    }

    /// What the queues take.
    pub fn pointer(&self) -> NonNull<RcHeader> {
        NonNull::from_ref(&self.header)
    }

    /// Uses the object, as only somebody with a reference may.
    pub fn touch(&self) {
        assert_eq!(self.body.read(), 7);
    }

    /// Releases a reference; frees the body if it was the last.
    pub fn release(&self, queues: &MergeQueues, tag: u16) {
        // SAFETY: the models give up what they retained or were given.
        if unsafe { queues.release(self.pointer(), tag) } {
            self.free();
        }
    }

    /// Frees the body, and the header if nobody may look at it: it is written over, so that loom notices who comes late.
    pub fn free(&self) {
        self.body.free();
        if !self.weak {
            // SAFETY: the object is dead, so nobody else can reach it; if somebody does, that is what is to be found.
            unsafe { self.header.immortalize() };
        }
    }
}
