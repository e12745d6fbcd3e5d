//! tee: iterators that share what they read.

use crate::ctor::bind;
use std::cell::Cell;
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::native::{MethodDef, def};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Thread, Value, convert, ops, payload, tuple};

/// Items in one link of the chain.
const LINK: usize = 57;

/// A link: items that were read, and the link behind it.
#[repr(C)]
pub(super) struct Data {
    header: Header,
    it: Slot,
    items: Slot,
    next: Slot,
    running: Cell<bool>,
}

typhon_object::payload!(Data => DATA {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        [&self.it, &self.items, &self.next].iter().for_each(|slot| visit(&slot.get()));
    }
    fn clear(&self) {
        [&self.it, &self.items, &self.next].iter().for_each(|slot| drop(slot.take()));
    }
});

/// itertools._tee_dataobject.
pub(super) static DATA: TypeDef = TypeDef {
    name: "itertools._tee_dataobject",
    doc: "Data container common to multiple tee objects.",
    flags: flag::NO_NEW,
    ..TypeDef::of::<Data>()
};

impl Data {
    fn create(t: &Thread, it: Value) -> Res {
        let items = List::create(t)?;
        payload::new(t, |header| Data {
            header,
            it: Slot::new(it),
            items: Slot::new(items),
            next: Slot::empty(),
            running: Cell::new(false),
        })
    }

    /// The item at `i`, read if it is the next one.
    fn item(&self, t: &Thread, i: usize) -> Res<Option<Value>> {
        let items = self.items.get();
        let Some(list) = items.downcast::<List>() else { return Ok(None) };
        if let Some(item) = list.get(i) {
            return Ok(Some(item));
        }
        if self.running.replace(true) {
            return Err(error::runtime_error(t, "cannot re-enter the tee iterator"));
        }
        let item = super::step(t, &self.it);
        self.running.set(false);
        if let Ok(Some(item)) = &item {
            list.push(t, item.clone())?;
        }
        item
    }

    fn next_link(&self, t: &Thread) -> Res {
        if self.next.is_absent() {
            self.next.set(&self.header, Self::create(t, self.it.get())?);
        }
        Ok(self.next.get())
    }
}

/// itertools._tee.
#[repr(C)]
pub(super) struct Tee {
    header: Header,
    data: Slot,
    at: Cell<usize>,
}

typhon_object::payload!(Tee => TEE {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.data.get());
    }
    fn clear(&self) {
        drop(self.data.take());
    }
});

/// itertools._tee.
pub(super) static TEE: TypeDef = TypeDef {
    name: "itertools._tee",
    doc: "Iterator wrapped to make it copyable.",
    flags: flag::WEAKREFS,
    slots: Slots { new: Some(new), iter: Some(super::same), next: Some(next), ..Slots::NONE },
    methods: &[def("__copy__", "($self, /)", |t, a| copy(t, &a[0]), "Returns an independent iterator.")],
    ..TypeDef::of::<Tee>()
};

static NEW: MethodDef = def("_tee", "($type, iterable, /)", |t, a| from_iterable(t, &a[1]), "");

fn new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    bind(t, &NEW, class, args)
}

fn from_iterable(t: &Thread, iterable: &Value) -> Res {
    let it = ops::iter(t, iterable)?;
    if it.exact::<Tee>().is_some() {
        return copy(t, &it);
    }
    let data = Data::create(t, it)?;
    payload::new(t, |header| Tee { header, data: Slot::new(data), at: Cell::new(0) })
}

fn copy(t: &Thread, v: &Value) -> Res {
    let tee = v.expect::<Tee>();
    payload::new(t, |header| Tee { header, data: Slot::new(tee.data.get()), at: Cell::new(tee.at.get()) })
}

fn next(t: &Thread, v: &Value) -> Res {
    let tee = v.expect::<Tee>();
    let mut data = tee.data.get();
    if data.is_absent() {
        return Ok(Value::ABSENT);
    }
    if tee.at.get() >= LINK {
        data = data.expect::<Data>().next_link(t)?;
        tee.data.set(&tee.header, data.clone());
        tee.at.set(0);
    }
    let at = tee.at.get();
    let Some(item) = data.expect::<Data>().item(t, at)? else { return Ok(Value::ABSENT) };
    tee.at.set(at + 1);
    Ok(item)
}

/// `itertools.tee(iterable, n)`.
pub(super) fn tee(t: &Thread, a: &[Value]) -> Res {
    let n = a[1].opt().map_or(Ok(2), |n| convert::to_isize(t, n))?;
    let Ok(n) = usize::try_from(n) else { return Err(error::value_error(t, "n must be >= 0")) };
    if n == 0 {
        return tuple::new(t, &[]);
    }
    t.check_alloc(n.saturating_mul(64))?;
    let first = from_iterable(t, &a[0])?;
    let mut all = vec![first];
    while all.len() < n {
        all.push(copy(t, &all[0])?);
        if all.len() % 1024 == 0 {
            t.poll()?;
        }
    }
    tuple::from_vec(t, all)
}
