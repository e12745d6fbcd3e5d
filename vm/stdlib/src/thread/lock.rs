//! Locks.
//!
//! Taking a free one, and giving one back that nobody waits for, needs neither a turn nor the native lock. Who waits does so under
//! that, and so does who wakes him.

use super::{TIMEOUT_MAX, turns};
use crate::{time, world};
use std::cell::Cell;
use std::time::{Duration, Instant};
use typhon_object::header::Header;
use typhon_object::native::{def, raw};
use typhon_object::slots::Slots;
use typhon_object::strs;
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Args, Exc, Res, Thread, Value, convert, error, payload};
use typhon_qsbr::latch::Latch;

/// `acquire(blocking=True, timeout=-1)`: when to give up; `None` is never.
fn deadline(t: &Thread, blocking: &Value, timeout: &Value) -> Res<Option<Instant>> {
    let blocking = blocking.opt().map_or(Ok(true), |v| convert::to_bool(t, v))?;
    let ns = timeout.opt().map_or(Ok(-1_000_000_000), |v| time::duration(t, v))?;
    let given = ns != -1_000_000_000;
    if !blocking && given {
        return Err(error::value_error(t, "can't specify a timeout for a non-blocking call"));
    }
    if given && ns < 0 {
        return Err(error::value_error(t, "timeout value must be a non-negative number"));
    }
    if ns > TIMEOUT_MAX as i64 * 1_000_000_000 {
        return Err(error::overflow_error(t, "timeout value is too large"));
    }
    Ok(match (blocking, given) {
        (false, _) => Some(world::now(t)),
        (true, false) => None,
        (true, true) => Some(world::now(t) + Duration::from_nanos(ns as u64)),
    })
}

/// What those wait for that wait for a lock.
fn key(v: &Value) -> usize {
    v.id() as usize
}

/// A lock.
#[repr(C)]
pub struct Lock {
    header: Header,
    latch: Latch,
}

typhon_object::payload!(Lock => LOCK);

/// `_thread.lock`.
pub static LOCK: TypeDef = TypeDef {
    name: "_thread.lock",
    doc: "A lock object is a synchronization primitive.",
    flags: flag::WEAKREFS,
    slots: Slots {
        new: Some(|t, _, a| a.expect_positional(t, "lock", 0, 0).and_then(|_| new(t))),
        repr: Some(lock_repr),
        ..Slots::NONE
    },
    methods: &[
        def("acquire", "($self, /, blocking=True, timeout=-1)", acquire, "Lock the lock.").open_always(),
        def("acquire_lock", "($self, /, blocking=True, timeout=-1)", acquire, "An obsolete synonym of acquire()."),
        def("__enter__", "($self, /)", |t, a| enter(t, &a[0]), "Lock the lock.").open_always(),
        def("release", "($self, /)", |t, a| release(t, &a[0]), "Release the lock.").open_always(),
        def("release_lock", "($self, /)", |t, a| release(t, &a[0]), "An obsolete synonym of release()."),
        raw("__exit__", "($self, /, *exc_info)", |t, a| exit(t, a, release), "Release the lock.").open_always(),
        def(
            "locked",
            "($self, /)",
            |_, a| Ok(Value::bool(a[0].expect::<Lock>().latch.is_taken())),
            "Return whether the lock is in the locked state.",
        ),
        def(
            "locked_lock",
            "($self, /)",
            |_, a| Ok(Value::bool(a[0].expect::<Lock>().latch.is_taken())),
            "An obsolete synonym of locked().",
        ),
        def(
            "_at_fork_reinit",
            "($self, /)",
            |_, a| {
                let _was_taken = a[0].expect::<Lock>().latch.give();
                Ok(Value::NONE)
            },
            "",
        ),
    ],
    ..TypeDef::of::<Lock>()
};

/// A new lock.
pub fn new(t: &Thread) -> Res {
    payload::new(t, |header| Lock { header, latch: Latch::new() })
}

fn enter(t: &Thread, v: &Value) -> Res {
    if v.expect::<Lock>().latch.try_take() {
        return Ok(Value::TRUE);
    }
    acquire(t, &[v.clone(), Value::ABSENT, Value::ABSENT])
}

fn acquire(t: &Thread, a: &[Value]) -> Res {
    let latch = &a[0].expect::<Lock>().latch;
    if a[1].is_absent() && a[2].is_absent() && latch.try_take() {
        return Ok(Value::TRUE);
    }
    t.as_native(|| {
        let end = deadline(t, &a[1], &a[2])?;
        if latch.try_take() {
            return Ok(Value::TRUE);
        }
        // Who does not wait leaves no mark.
        if end.is_some_and(|end| end <= world::now(t)) {
            return Ok(Value::FALSE);
        }
        time::pause_for(t, end, key(&a[0]), || latch.take_or_mark()).map(Value::bool)
    })
}

/// `__exit__`, which looks at no argument: they are not made a tuple for it.
fn exit(t: &Thread, args: Args<'_>, release: impl FnOnce(&Thread, &Value) -> Res) -> Res {
    args.no_keywords(t, "__exit__")?;
    match args.positional() {
        [lock, ..] => release(t, lock),
        [] => Err(error::system_error(t, "a method without its object")),
    }
}

fn release(t: &Thread, v: &Value) -> Res {
    let latch = &v.expect::<Lock>().latch;
    if latch.try_give() {
        return Ok(Value::NONE);
    }
    t.as_native(|| {
        if latch.give() {
            turns::wake(t, key(v), false);
            return Ok(Value::NONE);
        }
        Err(error::runtime_error(t, "release unlocked lock"))
    })
}

fn lock_repr(t: &Thread, v: &Value) -> Res {
    let state = if v.expect::<Lock>().latch.is_taken() { "locked" } else { "unlocked" };
    strs::new(t, &format!("<{state} _thread.lock object at {:#x}>", v.id()))
}

/// A lock that its holder may take again.
#[repr(C)]
pub struct RLock {
    header: Header,
    count: Cell<usize>,
    owner: Cell<u64>,
}

typhon_object::payload!(RLock => RLOCK);

/// `_thread.RLock`.
pub static RLOCK: TypeDef = TypeDef {
    name: "_thread.RLock",
    flags: flag::BASETYPE | flag::WEAKREFS,
    slots: Slots {
        new: Some(|t, class, _| {
            payload::new_for(t, class, |header| RLock { header, count: Cell::new(0), owner: Cell::new(0) })
        }),
        repr: Some(rlock_repr),
        ..Slots::NONE
    },
    methods: &[
        def("acquire", "($self, /, blocking=True, timeout=-1)", take_again, "Lock the lock."),
        def(
            "__enter__",
            "($self, /)",
            |t, a| take_again(t, &[a[0].clone(), Value::ABSENT, Value::ABSENT]),
            "Lock the lock.",
        ),
        def("release", "($self, /)", |t, a| give_back(t, &a[0]), "Release the lock."),
        raw("__exit__", "($self, /, *exc_info)", |t, a| exit(t, a, give_back), "Release the lock."),
        def(
            "locked",
            "($self, /)",
            |_, a| Ok(Value::bool(a[0].expect::<RLock>().count.get() > 0)),
            "Return a boolean indicating whether this object is locked right now.",
        ),
        def(
            "_is_owned",
            "($self, /)",
            |_, a| Ok(Value::bool(a[0].expect::<RLock>().is_mine())),
            "For internal use by `threading.Condition`.",
        ),
        def(
            "_recursion_count",
            "($self, /)",
            |_, a| {
                let lock = a[0].expect::<RLock>();
                Ok(convert::from_usize(if lock.is_mine() { lock.count.get() } else { 0 }))
            },
            "For internal use by reentrancy checks.",
        ),
        def("_release_save", "($self, /)", release_save, "For internal use by `threading.Condition`."),
        def("_acquire_restore", "($self, state, /)", acquire_restore, "For internal use by `threading.Condition`."),
        def(
            "_at_fork_reinit",
            "($self, /)",
            |_, a| {
                a[0].expect::<RLock>().count.set(0);
                Ok(Value::NONE)
            },
            "",
        ),
    ],
    ..TypeDef::of::<RLock>()
};

fn take_again(t: &Thread, a: &[Value]) -> Res {
    let end = deadline(t, &a[1], &a[2])?;
    let lock = a[0].expect::<RLock>();
    if !lock.is_mine() {
        if !time::pause_for(t, end, key(&a[0]), || lock.count.get() == 0)? {
            return Ok(Value::FALSE);
        }
        lock.owner.set(turns::current());
    }
    lock.count.set(lock.count.get() + 1);
    Ok(Value::TRUE)
}

impl RLock {
    fn is_mine(&self) -> bool {
        self.count.get() > 0 && self.owner.get() == turns::current()
    }
}

fn not_mine(t: &Thread) -> Exc {
    error::runtime_error(t, "cannot release un-acquired lock")
}

fn give_back(t: &Thread, v: &Value) -> Res {
    let lock = v.expect::<RLock>();
    if !lock.is_mine() {
        return Err(not_mine(t));
    }
    lock.count.set(lock.count.get() - 1);
    if lock.count.get() == 0 {
        turns::wake(t, key(v), false);
    }
    Ok(Value::NONE)
}

fn release_save(t: &Thread, a: &[Value]) -> Res {
    let lock = a[0].expect::<RLock>();
    if lock.count.get() == 0 {
        return Err(not_mine(t));
    }
    let (n, owner) = (lock.count.replace(0), lock.owner.replace(0));
    turns::wake(t, key(&a[0]), false);
    tuple::from_array(t, [convert::from_usize(n), convert::from_u64(t, owner)?])
}

fn acquire_restore(t: &Thread, a: &[Value]) -> Res {
    let (count, owner) = match a[1].downcast::<Tuple>().map(Tuple::items) {
        Some([count, owner]) => (convert::to_isize(t, count)?, convert::to_u64(t, owner)?),
        _ => return Err(error::type_error(t, "_acquire_restore() argument 1 must be 2-item tuple")),
    };
    let lock = a[0].expect::<RLock>();
    time::pause_for(t, None, key(&a[0]), || lock.count.get() == 0)?;
    lock.owner.set(owner);
    lock.count.set(usize::try_from(count).unwrap_or(0));
    Ok(Value::NONE)
}

fn rlock_repr(t: &Thread, v: &Value) -> Res {
    let (count, owner) = (v.expect::<RLock>().count.get(), v.expect::<RLock>().owner.get());
    let (state, owner) = if count > 0 { ("locked", owner) } else { ("unlocked", 0) };
    let name = typhon_object::type_of(v).name();
    strs::new(t, &format!("<{state} _thread.{name} object owner={owner} count={count} at {:#x}>", v.id()))
}
