//! groupby.

use crate::ctor::bind;
use typhon_object::args::Args;
use typhon_object::error::Res;
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Thread, Value, call, ops, payload, tuple};

/// itertools.groupby.
#[repr(C)]
pub(super) struct GroupBy {
    header: Header,
    it: Slot,
    key: Slot,
    target: Slot,
    current_key: Slot,
    current: Slot,
    /// The group given out last, by identity.
    grouper: std::cell::Cell<u64>,
}

typhon_object::payload!(GroupBy => GROUP_BY {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.slots().iter().for_each(|slot| visit(&slot.get()));
    }
    fn clear(&self) {
        self.slots().iter().for_each(|slot| drop(slot.take()));
    }
});

/// itertools.groupby.
pub(super) static GROUP_BY: TypeDef = TypeDef {
    name: "itertools.groupby",
    doc: "make an iterator that returns consecutive keys and groups from the iterable\n\n  iterable\n    Elements to divide into groups according to the key function.\n  key\n    A function for computing the group category for each element.\n    If the key function is not specified or is None, the element itself\n    is used for grouping.",
    flags: flag::BASETYPE,
    slots: Slots { new: Some(new), iter: Some(super::same), next: Some(next), ..Slots::NONE },
    ..TypeDef::of::<GroupBy>()
};

static NEW: MethodDef = def(
    "groupby",
    "($type, iterable, key=None)",
    |t, a| {
        let it = ops::iter(t, &a[1])?;
        payload::new_for(t, &a[0], |header| GroupBy {
            header,
            it: Slot::new(it),
            key: Slot::new(a[2].non_none().cloned().unwrap_or_default()),
            target: Slot::empty(),
            current_key: Slot::empty(),
            current: Slot::empty(),
            grouper: std::cell::Cell::new(0),
        })
    },
    "",
);

fn new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    bind(t, &NEW, class, args)
}

impl GroupBy {
    fn slots(&self) -> [&Slot; 5] {
        [&self.it, &self.key, &self.target, &self.current_key, &self.current]
    }

    /// Reads the next item and its key; false at the end.
    fn advance(&self, t: &Thread) -> Res<bool> {
        let Some(item) = super::step(t, &self.it)? else { return Ok(false) };
        let f = self.key.get();
        let key = if f.is_absent() { item.clone() } else { call::call1(t, &f, &item)? };
        self.current.set(&self.header, item);
        self.current_key.set(&self.header, key);
        Ok(true)
    }
}

fn next(t: &Thread, v: &Value) -> Res {
    let g = v.expect::<GroupBy>();
    g.grouper.set(0);
    loop {
        let (key, target) = (g.current_key.get(), g.target.get());
        if !key.is_absent() && (target.is_absent() || !ops::eq(t, &target, &key)?) {
            break;
        }
        if !g.advance(t)? {
            return Ok(Value::ABSENT);
        }
        t.poll()?;
    }
    let key = g.current_key.get();
    g.target.set(&g.header, key.clone());
    let parent = Slot::new(v.clone());
    let group = payload::new(t, |header| Grouper { header, parent, target: Slot::new(key.clone()) })?;
    g.grouper.set(group.bits());
    tuple::from_array(t, [key, group])
}

/// One group of a groupby.
#[repr(C)]
pub(super) struct Grouper {
    header: Header,
    parent: Slot,
    target: Slot,
}

typhon_object::payload!(Grouper => GROUPER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.parent.get());
        visit(&self.target.get());
    }
    fn clear(&self) {
        drop((self.parent.take(), self.target.take()));
    }
});

/// itertools._grouper.
pub(super) static GROUPER: TypeDef = TypeDef {
    name: "itertools._grouper",
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(super::same), next: Some(next_in_group), ..Slots::NONE },
    ..TypeDef::of::<Grouper>()
};

fn next_in_group(t: &Thread, v: &Value) -> Res {
    let this = v.expect::<Grouper>();
    let parent = this.parent.get();
    let Some(g) = parent.downcast::<GroupBy>() else { return Ok(Value::ABSENT) };
    if g.grouper.get() != v.bits() {
        return Ok(Value::ABSENT);
    }
    if g.current.is_absent() && !g.advance(t)? {
        return Ok(Value::ABSENT);
    }
    if !ops::eq(t, &this.target.get(), &g.current_key.get())? {
        return Ok(Value::ABSENT);
    }
    drop(g.current_key.get());
    Ok(g.current.take())
}
