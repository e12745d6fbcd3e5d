//! `_multiprocessing`: locks that processes share.

use super::fail;
use crate::kernel::semaphore::{self as system, Semaphore};
use crate::thread::turns;
use crate::{time, world};
use std::cell::Cell;
use std::ffi::CString;
use std::time::{Duration, Instant};
use typhon_interp::host::Access;
use typhon_object::dict::Dict;
use typhon_object::header::Header;
use typhon_object::names;
use typhon_object::native::{self, MethodDef, ModuleDef, def, getter, member};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::module;
use typhon_object::{Args, Res, Thread, Value, convert, error, payload};

/// `_multiprocessing`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_multiprocessing",
    doc: "",
    functions: &[def("sem_unlink", "($module, name, /)", sem_unlink, "")],
    types: &[("SemLock", &SEM_LOCK)],
    init: Some(init),
};

fn init(t: &Thread, m: &Value) -> Res<()> {
    let flags = Dict::create(t);
    for name in ["HAVE_SEM_OPEN", "HAVE_SEM_TIMEDWAIT"] {
        Dict::of(&flags).set_str(t, &names::intern_static(name), Value::small(1))?;
    }
    let dict = module::dict_of(t, m);
    Dict::of(&dict).set_str(t, &names::intern_static("flags"), flags)
}

/// The kind of lock that its holder may take again.
const RECURSIVE: i32 = 0;
/// The other kind.
const SEMAPHORE: i32 = 1;

/// A lock.
#[repr(C)]
pub struct SemLock {
    header: Header,
    handle: Semaphore,
    kind: i32,
    most: i32,
    name: Slot,
    count: Cell<i32>,
    owner: Cell<u64>,
}

typhon_object::payload!(SemLock => SEM_LOCK);

static NEW: MethodDef = def("SemLock", "(kind, value, maxvalue, name, unlink)", |_, _| Ok(Value::NONE), "");

/// `_multiprocessing.SemLock`.
pub static SEM_LOCK: TypeDef = TypeDef {
    name: "_multiprocessing.SemLock",
    doc: "Semaphore/Mutex type",
    flags: flag::BASETYPE,
    slots: Slots { new: Some(new), ..Slots::NONE },
    methods: &[
        def("acquire", "($self, /, block=True, timeout=None)", acquire, "Acquire the semaphore/lock."),
        def("release", "($self, /)", release, "Release the semaphore/lock."),
        def("_count", "($self, /)", |_, a| Ok(Value::small(me(&a[0]).count.get().into())), ""),
        def("_is_mine", "($self, /)", |_, a| Ok(Value::bool(me(&a[0]).is_mine())), ""),
        def("_get_value", "($self, /)", |t, a| value(t, &a[0]).map(|n| Value::small(n.into())), ""),
        def("_is_zero", "($self, /)", |t, a| value(t, &a[0]).map(|n| Value::bool(n == 0)), ""),
        def("_rebuild", "($type, handle, kind, maxvalue, name, /)", rebuild, "").class(),
        def("_after_fork", "($self, /)", after_fork, ""),
        def(
            "__enter__",
            "($self, /)",
            |t, a| acquire(t, &[a[0].clone(), Value::ABSENT, Value::ABSENT]),
            "Enter the semaphore/lock.",
        ),
        def("__exit__", "($self, exc_type=None, exc_value=None, exc_tb=None, /)", release, "Exit the semaphore/lock."),
    ],
    getset: &[
        getter("handle", |t, v| convert::from_u64(t, me(v).handle.number() as u64), ""),
        getter("kind", |_, v| Ok(Value::small(me(v).kind.into())), ""),
        getter("maxvalue", |_, v| Ok(Value::small(me(v).most.into())), ""),
    ],
    members: &[member("name", std::mem::offset_of!(SemLock, name), "")],
    constants: &[("SEM_VALUE_MAX", |_| Ok(Value::small(i32::MAX.into())))],
    ..TypeDef::of::<SemLock>()
};

impl Drop for SemLock {
    fn drop(&mut self) {
        self.handle.close();
    }
}

fn me(v: &Value) -> &SemLock {
    v.expect::<SemLock>()
}

impl SemLock {
    fn is_mine(&self) -> bool {
        self.count.get() > 0 && self.owner.get() == turns::current()
    }
}

fn permit(t: &Thread) -> Res<()> {
    world::permit(t, Access::Process, None)
}

fn c_name(t: &Thread, v: &Value) -> Res<CString> {
    let text = convert::to_text(t, v, "SemLock", "argument 'name'")?;
    CString::new(text).map_err(|_| error::value_error(t, "embedded null character"))
}

fn made(t: &Thread, class: &Value, handle: Semaphore, kind: i32, most: i32, name: Value) -> Res {
    payload::new_for(t, class, |header| SemLock {
        header,
        handle,
        kind,
        most,
        name: Slot::new(name),
        count: Cell::new(0),
        owner: Cell::new(0),
    })
}

fn new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let Some(signature) = native::signature_of(t, &NEW, false) else {
        return Err(error::system_error(t, "a constructor without its signature"));
    };
    signature.bind(t, NEW.name, args, |a| {
        let [kind, value, most] = [0, 1, 2].map(|i: usize| convert::to_i32(t, &a[i]));
        let (kind, value, most) = (kind?, value?, most?);
        if kind != RECURSIVE && kind != SEMAPHORE {
            return Err(error::value_error(t, "unrecognized kind"));
        }
        let name = c_name(t, &a[3])?;
        let unlink = convert::to_bool(t, &a[4])?;
        permit(t)?;
        let handle = Semaphore::create(&name, value as u32).map_err(|e| fail(t, e))?;
        if unlink && let Err(e) = system::unlink(&name) {
            handle.close();
            return Err(fail(t, e));
        }
        let shown = if unlink { Value::NONE } else { a[3].clone() };
        made(t, class, handle, kind, most, shown)
    })
}

/// `_rebuild(handle, kind, maxvalue, name)`: a lock that another process made, by its name.
fn rebuild(t: &Thread, a: &[Value]) -> Res {
    let (kind, most) = (convert::to_i32(t, &a[2])?, convert::to_i32(t, &a[3])?);
    permit(t)?;
    if a[4].is_none() {
        return Err(error::value_error(t, "a semaphore without a name cannot be opened again"));
    }
    let handle = Semaphore::open(&c_name(t, &a[4])?).map_err(|e| fail(t, e))?;
    made(t, &a[0], handle, kind, most, a[4].clone())
}

fn acquire(t: &Thread, a: &[Value]) -> Res {
    let lock = me(&a[0]);
    let block = a[1].opt().map_or(Ok(true), |v| convert::to_bool(t, v))?;
    if lock.kind == RECURSIVE && lock.is_mine() {
        lock.count.set(lock.count.get() + 1);
        return Ok(Value::TRUE);
    }
    let end = match a[2].non_none() {
        _ if !block => Some(Instant::now()),
        None => None,
        Some(v) => Instant::now().checked_add(Duration::from_nanos(time::duration(t, v)?.max(0) as u64)),
    };
    // Nobody wakes a waiter of another process, so it looks often at first, then less.
    let mut nap = Duration::from_micros(50);
    loop {
        match lock.handle.try_wait() {
            Ok(()) => break,
            Err(libc::EAGAIN | libc::EINTR) => {}
            Err(e) => return Err(fail(t, e)),
        }
        let left = end.map_or(world::SLICE, |e| e.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Ok(Value::FALSE);
        }
        turns::idle(t, || std::thread::sleep(nap.min(left)));
        nap = (nap * 2).min(world::SLICE);
        t.poll()?;
    }
    lock.count.set(lock.count.get() + 1);
    lock.owner.set(turns::current());
    Ok(Value::TRUE)
}

fn value(t: &Thread, v: &Value) -> Res<i32> {
    me(v).handle.value().map_err(|e| fail(t, e))
}

fn release(t: &Thread, a: &[Value]) -> Res {
    let lock = me(&a[0]);
    if lock.kind == RECURSIVE {
        if !lock.is_mine() {
            return Err(error::assertion_error(t, "attempt to release recursive lock not owned by thread"));
        }
        if lock.count.get() > 1 {
            lock.count.set(lock.count.get() - 1);
            return Ok(Value::NONE);
        }
    } else if value(t, &a[0])? >= lock.most {
        return Err(error::value_error(t, "semaphore or lock released too many times"));
    }
    lock.handle.post().map_err(|e| fail(t, e))?;
    lock.count.set(lock.count.get() - 1);
    Ok(Value::NONE)
}

fn after_fork(_: &Thread, a: &[Value]) -> Res {
    me(&a[0]).count.set(0);
    Ok(Value::NONE)
}

fn sem_unlink(t: &Thread, a: &[Value]) -> Res {
    let name = c_name(t, &a[0])?;
    permit(t)?;
    system::unlink(&name).map(|()| Value::NONE).map_err(|e| fail(t, e))
}
