//! Exceptions that one thread has another raise: what C code calls PyThreadState_SetAsyncExc, and Python by `ctypes.pythonapi`.

use super::turns;
use std::cell::RefCell;
use typhon_object::breaker::reason;
use typhon_object::error::{self, Exc, Res};
use typhon_object::ty::{TypeObject, flag, type_of};
use typhon_object::{Thread, Value, call, convert};

/// What threads have still to raise, at most one thing each. Under the native lock, or the turn.
#[derive(Default)]
pub struct Injected(RefCell<Vec<(u64, Value)>>);

/// `_set_async_exc(ident, exception)`: at how many threads, one or none. None takes back what is still to be raised.
pub fn set(t: &Thread, a: &[Value]) -> Res {
    // Who names a thread that cannot be has named none.
    let Some(who) = convert::to_i64(t, &a[0]).ok().map(|n| n as u64) else { return Ok(Value::small(0)) };
    let breaker = match turns::breaker(t, who) {
        Some(breaker) => breaker,
        None if who == turns::current() => t.breaker.clone(),
        None => return Ok(Value::small(0)),
    };
    let before = take_of(t, who);
    drop(before);
    if !a[1].is_none() {
        t.state::<Injected>().0.borrow_mut().push((who, a[1].clone()));
        breaker.set(reason::PENDING);
    }
    Ok(Value::small(1))
}

fn take_of(t: &Thread, who: u64) -> Option<Value> {
    let mut all = t.state::<Injected>().0.borrow_mut();
    let at = all.iter().position(|(other, _)| *other == who)?;
    Some(all.swap_remove(at).1)
}

/// The calling thread ends: nobody inherits what it has not raised.
pub fn forget(t: &Thread) {
    let what = take_of(t, turns::current());
    drop(what);
}

/// The process is a copy, with this thread alone.
pub fn forked(t: &Thread) {
    let mut others = t.state::<Injected>().0.take();
    let mine = others.iter().position(|(who, _)| *who == turns::current()).map(|at| others.swap_remove(at));
    t.state::<Injected>().0.borrow_mut().extend(mine);
    drop(others);
}

/// Raises what the calling thread is to raise, if there is anything; what else is pending is for the next look.
pub fn raise(t: &Thread) -> Res<()> {
    let Some(what) = take_of(t, turns::current()) else { return Ok(()) };
    t.breaker.set(reason::PENDING);
    Err(made(t, what).unwrap_or_else(|e| e))
}

/// The exception: an instance is raised as it is, a class is called.
fn made(t: &Thread, what: Value) -> Res<Exc> {
    let is_class = what.downcast::<TypeObject>().is_some_and(|c| c.has_flag(flag::EXCEPTION));
    let v = if is_class { call::call(t, &what, &[])? } else { what };
    if type_of(&v).has_flag(flag::EXCEPTION) {
        return Ok(Exc::new(v));
    }
    Err(error::type_error(t, "exceptions must derive from BaseException"))
}
