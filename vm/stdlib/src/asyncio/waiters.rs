//! Who waits for a future: the callbacks it will have called, and the tasks that await it.

use super::future::{Callback, Future, alive, me};
use super::{Known, call_soon, known};
use typhon_object::list::List;
use typhon_object::native::{MethodDef, def};
use typhon_object::store::Slot;
use typhon_object::types::set_;
use typhon_object::{Res, Thread, Value, call, error, ops, tuple};

pub(super) const FUNCTIONS: &[MethodDef] = &[
    def(
        "future_add_to_awaited_by",
        "($module, fut, waiter, /)",
        |t, a| add_awaited_by(t, &a[0], &a[1]).map(|()| Value::NONE),
        "Record that `fut` is awaited on by `waiter`.",
    ),
    def(
        "future_discard_from_awaited_by",
        "($module, fut, waiter, /)",
        |t, a| discard_awaited_by(t, &a[0], &a[1]).map(|()| Value::NONE),
        "",
    ),
];

/// Calls `callback` with the future once it is done.
pub(super) fn add_callback(t: &Thread, v: &Value, callback: Value, context: Value) -> Res<()> {
    let f = me(v);
    if !f.is_pending() {
        return call_soon(t, &f.running.get(), callback, Some(v), &context);
    }
    f.callbacks.borrow_mut().push(Callback { f: Slot::new(callback), context: Slot::new(context) });
    Ok(())
}

pub(super) fn add_done_callback(t: &Thread, a: &[Value]) -> Res {
    if me(&a[0]).running.is_absent() {
        return Err(error::runtime_error(t, "uninitialized Future object"));
    }
    let context = match a[2].opt() {
        Some(context) => context.clone(),
        None => call::call0(t, &known(t, Known::CopyContext)?)?,
    };
    add_callback(t, &a[0], a[1].clone(), context)?;
    Ok(Value::NONE)
}

pub(super) fn remove_done_callback(t: &Thread, a: &[Value]) -> Res {
    let f = alive(t, &a[0])?;
    let mut removed = 0;
    // A comparison may add and remove callbacks: the list is looked at anew each time.
    let mut i = 0;
    loop {
        let callback = f.callbacks.borrow().get(i).map(|c| c.f.get());
        let Some(callback) = callback else { break };
        if ops::eq(t, &callback, &a[1])? {
            let gone = f.callbacks.borrow().get(i).is_some_and(|c| c.f.get().is(&callback));
            if gone {
                let old = f.callbacks.borrow_mut().remove(i);
                drop(old);
                removed += 1;
            }
        } else {
            i += 1;
        }
        t.poll()?;
    }
    Ok(Value::small(removed))
}

pub(super) fn callbacks(t: &Thread, v: &Value) -> Res {
    let f = alive(t, v)?;
    let pairs: Vec<[Value; 2]> = f.callbacks.borrow().iter().map(|c| [c.f.get(), c.context.get()]).collect();
    if pairs.is_empty() {
        return Ok(Value::NONE);
    }
    let pairs = pairs.into_iter().map(|pair| tuple::from_array(t, pair)).collect::<Res<Vec<_>>>()?;
    List::from_vec(t, pairs)
}

/// Whether it is a future or task of this module.
fn is_native(v: &Value) -> bool {
    v.downcast::<Future>().is_some()
}

pub(super) fn add_awaited_by(t: &Thread, v: &Value, waiter: &Value) -> Res<()> {
    if !is_native(v) || !is_native(waiter) {
        return Ok(());
    }
    let f = me(v);
    let now = f.awaited_by.get();
    if now.is_absent() {
        f.awaited_by.set(&f.header, waiter.clone());
        return Ok(());
    }
    if let Some(set) = now.downcast::<set_::Set>() {
        return set_::add(t, set, waiter);
    }
    let both = set_::from_vec(t, vec![now, waiter.clone()])?;
    f.awaited_by.set(&f.header, both);
    Ok(())
}

pub(super) fn discard_awaited_by(t: &Thread, v: &Value, waiter: &Value) -> Res<()> {
    if !is_native(v) || !is_native(waiter) {
        return Ok(());
    }
    let f = me(v);
    let now = f.awaited_by.get();
    if now.is(waiter) {
        drop(f.awaited_by.take());
    } else if let Some(set) = now.downcast::<set_::Set>() {
        let hash = ops::hash(t, waiter)?;
        set.remove(t, waiter, hash)?;
    }
    Ok(())
}

pub(super) fn awaited_by(t: &Thread, v: &Value) -> Res {
    let now = me(v).awaited_by.get();
    if now.is_absent() {
        return Ok(Value::NONE);
    }
    match now.downcast::<set_::Set>() {
        Some(set) => {
            let (mut items, mut i) = (Vec::new(), 0);
            while let Some((item, _)) = set.next(&mut i) {
                items.push(item);
            }
            set_::frozenset(t, items)
        }
        None => set_::frozenset(t, vec![now]),
    }
}
