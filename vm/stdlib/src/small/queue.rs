//! `_queue`: a queue without bounds.

use crate::thread::turns;
use crate::{time, world};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;
use typhon_object::dict::Dict;
use typhon_object::header::Header;
use typhon_object::names;
use typhon_object::native::{ModuleDef, def};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{exceptions, module};
use typhon_object::{Args, Exc, Res, Thread, Value, call, convert, error, payload, tuple};

/// `_queue`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_queue",
    doc: "C implementation of the Python queue module.\nThis module is an implementation detail, please do not use it directly.",
    functions: &[],
    types: &[("SimpleQueue", &SIMPLE_QUEUE)],
    init: Some(init),
};

/// `_queue.Empty`.
#[derive(Default)]
struct Empty(RefCell<Value>);

fn init(t: &Thread, m: &Value) -> Res<()> {
    let dict = module::dict_of(t, m);
    let (bases, body) = (tuple::from_array(t, [exceptions::EXCEPTION.ty().value()])?, Dict::create(t));
    Dict::of(&body).set_str(t, names::n::__module__(), names::intern_static("_queue"))?;
    let doc = "Exception raised by Queue.get(block=0)/get_nowait().";
    Dict::of(&body).set_str(t, names::n::__doc__(), names::intern_static(doc))?;
    let name = names::intern_static("Empty");
    let made = call::call(t, &typhon_object::types::type_::TYPE.ty().value(), &[name.clone(), bases, body])?;
    Dict::of(&dict).set_str(t, &name, made.clone())?;
    drop(t.state::<Empty>().0.replace(made));
    Ok(())
}

fn empty(t: &Thread) -> Exc {
    let class = t.state::<Empty>().0.borrow().clone();
    match call::call0(t, &class) {
        Ok(e) => Exc::new(e),
        Err(e) => e,
    }
}

/// The queue.
#[repr(C)]
pub struct SimpleQueue {
    header: Header,
    items: RefCell<VecDeque<Slot>>,
}

typhon_object::payload!(SimpleQueue => SIMPLE_QUEUE {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for item in self.items.borrow().iter() {
            // SAFETY: the collector's visitor stores nothing.
            visit(unsafe { item.peek() });
        }
    }
    fn clear(&self) {
        let items = self.items.take();
        drop(items);
    }
});

/// `_queue.SimpleQueue`.
pub static SIMPLE_QUEUE: TypeDef = TypeDef {
    name: "_queue.SimpleQueue",
    doc: "Simple, unbounded, reentrant FIFO queue.",
    signature: "()",
    flags: flag::BASETYPE | flag::WEAKREFS,
    slots: Slots { new: Some(new), ..Slots::NONE },
    methods: &[
        def("put", "($self, /, item, block=True, timeout=None)", put, "Put the item on the queue."),
        def("put_nowait", "($self, /, item)", put, "Put an item into the queue without blocking."),
        def("get", "($self, /, block=True, timeout=None)", get, "Remove and return an item from the queue."),
        def(
            "get_nowait",
            "($self, /)",
            |t, a| take(&a[0]).ok_or_else(|| empty(t)),
            "Remove and return an item from the queue without blocking.",
        ),
        def(
            "empty",
            "($self, /)",
            |_, a| Ok(Value::bool(a[0].expect::<SimpleQueue>().items.borrow().is_empty())),
            "Return True if the queue is empty, False otherwise (not reliable!).",
        ),
        def(
            "qsize",
            "($self, /)",
            |_, a| Ok(convert::from_usize(a[0].expect::<SimpleQueue>().items.borrow().len())),
            "Return the approximate size of the queue (not reliable!).",
        ),
        def(
            "__class_getitem__",
            "($type, object, /)",
            |t, a| typhon_object::types::generic_alias::new(t, &a[0], &a[1]),
            "See PEP 585",
        )
        .class(),
    ],
    ..TypeDef::of::<SimpleQueue>()
};

fn new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    args.expect_positional(t, "SimpleQueue", 0, 0)?;
    payload::new_for(t, class, |header| SimpleQueue { header, items: RefCell::default() })
}

fn put(t: &Thread, a: &[Value]) -> Res {
    let q = a[0].expect::<SimpleQueue>();
    if q.items.borrow().len() == q.items.borrow().capacity() {
        t.check_alloc(q.items.borrow().len() * 16 + 64)?;
    }
    let slot = Slot::empty();
    slot.set(&q.header, a[1].clone());
    q.items.borrow_mut().push_back(slot);
    turns::wake(t, a[0].id() as usize, false);
    Ok(Value::NONE)
}

fn take(v: &Value) -> Option<Value> {
    let slot = v.expect::<SimpleQueue>().items.borrow_mut().pop_front();
    slot.map(|slot| slot.take())
}

fn get(t: &Thread, a: &[Value]) -> Res {
    let block = a[1].opt().map_or(Ok(true), |v| convert::to_bool(t, v))?;
    let end = match a[2].non_none().filter(|_| block) {
        None => None,
        Some(v) => match u64::try_from(time::duration(t, v)?) {
            Ok(ns) => world::now(t).checked_add(Duration::from_nanos(ns)),
            Err(_) => return Err(error::value_error(t, "'timeout' must be a non-negative number")),
        },
    };
    let mut found = take(&a[0]);
    if found.is_some() || !block {
        return found.ok_or_else(|| empty(t));
    }
    time::pause_for(t, end, a[0].id() as usize, || {
        found = take(&a[0]);
        found.is_some()
    })?;
    found.ok_or_else(|| empty(t))
}
