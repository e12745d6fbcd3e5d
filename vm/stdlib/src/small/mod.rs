//! Small modules and the types that live in no module of their own.

pub mod atexit;
pub mod collector;
pub mod errno;
pub mod faulthandler;
pub mod namespace;
pub mod queue;
pub mod suggestions;
pub mod tokenizer;
pub mod tracemalloc;
pub mod typing;
pub mod uuid;
pub mod warnings;
pub mod weakref;

use std::cell::RefCell;
use typhon_object::{Thread, Value};

/// Objects whose repr is being made, against recursion.
#[derive(Default)]
struct InRepr(RefCell<Vec<u64>>);

/// False if the object's repr is being made already.
pub(crate) fn enter_repr(t: &Thread, v: &Value) -> bool {
    let state = t.state::<InRepr>();
    let mut list = state.0.borrow_mut();
    if list.contains(&v.bits()) {
        return false;
    }
    list.push(v.bits());
    true
}

/// The repr is done.
pub(crate) fn leave_repr(t: &Thread, v: &Value) {
    t.state::<InRepr>().0.borrow_mut().retain(|&b| b != v.bits());
}
