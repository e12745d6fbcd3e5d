//! callable_iterator: calls until a sentinel comes back.

use crate::call;
use crate::error::Res;
use crate::header::Header;
use crate::ids;
use crate::native::def;
use crate::ops;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag};
use crate::types::exceptions::STOP_ITERATION;
use crate::types::iters::{builtin, reduce, same};
use crate::value::Value;
use crate::{process, tuple};

/// `iter(callable, sentinel)`.
#[repr(C)]
pub struct CallIter {
    header: Header,
    /// The callable, absent once the sentinel has come.
    callable: Slot,
    sentinel: Slot,
}

crate::payload!(CallIter => CALL_ITER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.callable.peek());
            visit(self.sentinel.peek());
        }
    }
});

/// callable_iterator.
pub static CALL_ITER: TypeDef = TypeDef {
    name: "callable_iterator",
    id: ids::CALL_ITER,
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(same), next: Some(next), ..Slots::NONE },
    methods: &[def("__reduce__", "($self, /)", reduce_iter, "Return state information for pickling.")],
    ..TypeDef::of::<CallIter>()
};

/// An iterator over what `callable()` returns, up to `sentinel`.
pub fn new(t: &Thread, callable: &Value, sentinel: &Value) -> Res {
    payload::new(t, |header| CallIter {
        header,
        callable: Slot::new(callable.clone()),
        sentinel: Slot::new(sentinel.clone()),
    })
}

fn next(t: &Thread, v: &Value) -> Res {
    let this = v.expect::<CallIter>();
    let callable = this.callable.get();
    if callable.is_absent() {
        return Ok(Value::ABSENT);
    }
    match call::call0(t, &callable) {
        Ok(item) => {
            let sentinel = this.sentinel.get();
            // The call may have used the iterator up.
            if !sentinel.is_absent() && !ops::eq(t, &item, &sentinel)? {
                return Ok(item);
            }
        }
        Err(e) if e.is(&STOP_ITERATION) => {}
        Err(e) => return Err(e),
    }
    drop(this.callable.take());
    drop(this.sentinel.take());
    Ok(Value::ABSENT)
}

fn reduce_iter(t: &Thread, a: &[Value]) -> Res {
    let this = a[0].expect::<CallIter>();
    let (callable, sentinel) = (this.callable.get(), this.sentinel.get());
    if callable.is_absent() || sentinel.is_absent() {
        return reduce(t, "iter", process::empty_tuple().clone(), None);
    }
    tuple::from_array(t, [builtin(t, "iter")?, tuple::from_array(t, [callable, sentinel])?])
}
